import { describe, expect, it } from 'vitest'
import type { Accounting } from '../../src/core/accounting.js'
import { uniformAccounting } from '../../src/core/accounting.js'
import { layOut } from '../../src/reports/document.js'
import { assembleReport } from '../../src/reports/model.js'
import type { ReportFacts } from '../../src/reports/model.js'
import type { TableResult } from '../../src/reports/queries.js'
import type { Report } from '../../src/reports/schemas.js'
import { renderMarkdown } from '../../src/reports/render-markdown.js'

const now = new Date('2026-11-22T12:00:00Z')
const plan = { domains: { care: {} }, entities: { patients: { domain: 'care' } } }
const facts: ReportFacts = {
  generatedAt: now, planChecksum: 'c0ffee', plan, results: [], entityChecks: [], wholeChecks: [], columns: [], profiles: [], tables: [], recorded: [], differences: [], scripts: [], runs: [], runsTotal: 0, history: [],
}
const result = (accounting: Accounting): ReportFacts['results'][number] => ({
  entity: 'patients', verdict: 'pass', accounting, publishedAt: now, jobId: 'j', basis: 'full', note: null, reasons: [], causes: [], sourceSnapshotAt: null, targetSnapshotAt: null,
  sourceRowsExamined: 0, targetRowsExamined: 0, durationMs: 1,
})
const accounting = (source: Partial<Accounting['source']>, target: Partial<Accounting['target']> = {}): Accounting => ({
  source: { ...uniformAccounting(0).source, ...source }, target: { ...uniformAccounting(0).target, ...target },
})
const report = (more: Partial<ReportFacts> = {}, type: Report['type'] = 'comprehensive') => assembleReport({ ...facts, ...more }, { type, domain: null, includeDetails: false })

describe('the summary in words', () => {
  it.each([
    [accounting({ total: 5, scope: 5, verified: 5 }), '5 of 5 source rows in scope are verified (100 %). Nothing else is left.'],
    [accounting({ total: 3000, scope: 3000, verified: 1200, merged: 300, differs: 1500 }, { extra: 1, unverified: 2 }), '1,500 of 3,000 source rows in scope are verified (50 %). Not verified: 1,500 differing; in the target 1 extra, 2 unverified.'],
    [accounting({ total: 2, scope: 2, verified: 1, missing: null }, { duplicate: 4 }), '1 of 2 source rows in scope are verified (50 %). Not verified: missing not counted; in the target 4 duplicate.'],
    [accounting({ total: 2, excluded: 2, scope: 0 }), 'No source row is in scope. Nothing else is left.'],
    [uniformAccounting(null), '0 of 1 entities were counted, so how many rows are verified is unknown.'],
  ])('%#', (figures, words) => {
    const { summary } = layOut(report({ results: [result(figures)] }))
    expect(summary.replace(/ \d+ of \d+ tables and .*/, '')).toBe(words)
  })
})

describe('the trend in words', () => {
  const at = (days: number, verified: number) => ({ entity: 'patients', publishedAt: new Date(now.getTime() - days * 86_400_000), scope: 100, arrived: 100, verified })
  const notes = (history: ReportFacts['history']) => layOut(report({ history })).chapters.find(({ title }) => title === 'Trend')?.notes

  it('says how little is known', () => {
    expect(notes([])).toEqual(['No snapshot in the last 30 days, so nothing is known of a trend.'])
    expect(notes([at(1, 5)])).toEqual(['A trend needs two snapshots of the last 7 days.'])
    expect(notes([at(20, 5), at(9, 5)])).toEqual(['A trend needs two snapshots of the last 7 days.'])
    expect(notes([at(3, 50), at(1, 40)])).toEqual(['The line through the 2 snapshots of the last 7 days changes by -5.00 percentage points a day; an interval needs a third snapshot.'])
    expect(notes([at(0.5, 50), at(0.25, 50), at(0, 50)])).toEqual([
      'The line through the 3 snapshots of the last 7 days changes by 0.00 percentage points a day (80 % interval 0.00 to 0.00): stable.',
      'The snapshots lie within one day, which says little of the days to come.',
    ])
  })

  it('says how many snapshots are left out', () => {
    expect(notes(Array.from({ length: 300 }, (_, index) => at(6 - index / 100, 50)))).toContain('100 of 300 snapshots are left out here, evenly over the time.')
  })
})

it('of thousands of tables an uncovered one is never left out', () => {
  const table = (index: number): TableResult => ({
    side: 'source', schema: 's', table: `t${index}`, coverage: index % 3 === 2 ? 'uncovered' : 'covered', reason: null, entities: [], totalRows: 1, claimedOnce: 1, claimedSeveral: 0, unclaimed: 0, ignoredRows: 0, error: null, verdict: 'pass',
  })
  const { tables } = report({ tables: Array.from({ length: 3000 }, (_, index) => table(index)) })
  expect(tables).toMatchObject({ omitted: 1000, counts: { source: { covered: 2000, ignored: 0, uncovered: 1000 }, target: { covered: 0, ignored: 0, uncovered: 0 } } })
  expect(tables?.tables.filter(({ coverage }) => coverage === 'uncovered')).toHaveLength(1000)
  expect(tables?.tables.slice(0, 4).map((line) => line.table)).toEqual(['t0', 't1', 't2', 't3'])
})

it('says that entries and runs are left out', () => {
  const columns = Array.from({ length: 2001 }, (_, index) => ({ entity: 'patients', side: 'source' as const, column: `c${index}`, coverage: 'uncovered' as const, reason: null, differs: null }))
  const text = renderMarkdown(report({ columns, runsTotal: 7 }))
  expect(text).toContain('1 entries are left out of these lists.')
  expect(text).toContain('7 older runs are left out.')
})
