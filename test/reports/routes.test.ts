import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { visibleText } from '../../src/core/render/escape.js'
import { openTarget } from '../../src/db/clients.js'
import { reportRoutes } from '../../src/reports/routes.js'
import { openInventory } from '../../src/scripts/inventory.js'
import { ReportSchema } from '../../src/reports/schemas.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'
import { exampleFaults, sliceApp } from '../scripts/slice-app.js'
import { hostile, insertHistory, insertManyChecks, insertManyDifferences, insertManyRuns, insertTrackingRows, jobs, plan } from './tracking-rows.js'

let database: TestDatabase
let target: Sql
let app: FastifyInstance

beforeAll(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  await insertTrackingRows(database.sql)
  target = openTarget({ ...database.options, maxConnections: 2 })
  app = sliceApp()
  await app.register(reportRoutes, { target, plan: { plan, checksum: 'c0ffee' }, readInventory: openInventory(null) })
})
afterAll(async () => {
  await app.close()
  await target.end()
  await database.drop()
})

const get = (query: string) => app.inject({ method: 'GET', url: `/reports/generate${query}` })

const patients = {
  source: { total: 30_000, excluded: 100, scope: 29_900, verified: 29_898, accepted: 0, differs: 1, merged: 0, explained: 0, pending: 0, missing: 1, unverified: 0 },
  target: { total: 29_899, matched: 29_899, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const scripted = {
  source: { total: 7, excluded: 0, scope: 7, verified: 6, accepted: 0, differs: 0, merged: 0, explained: 1, pending: 0, missing: 0, unverified: 0 },
  target: { total: 6, matched: 6, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const clinical = {
  source: { total: 30_007, excluded: 100, scope: 29_907, verified: 29_904, accepted: 0, differs: 1, merged: 0, explained: 1, pending: 0, missing: 1, unverified: 0 },
  target: { total: 29_905, matched: 29_905, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const uncounted = {
  source: { total: null, excluded: null, scope: null, verified: null, accepted: null, differs: null, merged: null, explained: null, pending: null, missing: null, unverified: null },
  target: { total: null, matched: null, duplicate: null, generated: null, pending: null, extra: null, unverified: null },
}
const empty = {
  source: { total: 0, excluded: 0, scope: 0, verified: 0, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 0, unverified: 0 },
  target: { total: 0, matched: 0, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const published = '2026-11-20T09:00:00.000Z'
const clinicalDomain = { domain: 'clinical', priority: 'critical', verdict: 'fail', entities: 2, entitiesCounted: 2, coveragePercent: 99.98, arrivedPercent: 99.99, accounting: clinical }
const patientsLine = { entity: 'patients', domain: 'clinical', verdict: 'fail', coveragePercent: 99.99, arrivedPercent: 99.99, accounting: patients, uncoveredColumns: { source: 0, target: 1 } }
const scriptedLine = { entity: hostile.script, domain: 'clinical', verdict: 'warn', coveragePercent: 85.71, arrivedPercent: 85.71, accounting: scripted, uncoveredColumns: { source: null, target: null } }
const failed = {
  entity: 'patients', name: 'every row arrived', subject: null, category: 'accounting', severity: 'critical', verdict: 'fail', message: hostile.markdown, rowsExamined: 30_000, rowsFailed: 1,
}
const warned = {
  entity: hostile.script, name: hostile.formula, subject: hostile.direction, category: 'accounting', severity: 'warning', verdict: 'warn', message: hostile.control, rowsExamined: 30_000, rowsFailed: 1,
}
const unknown = {
  entity: null, name: 'overlap', subject: null, category: 'cross_entity', severity: 'critical', verdict: 'unknown', message: hostile.quotes, rowsExamined: null, rowsFailed: null,
}
const patientTable = {
  side: 'source', schema: 'public', table: 'patient', coverage: 'covered', reason: null, entities: ['patients'],
  totalRows: 30_007, claimedOnce: 30_007, claimedSeveral: 0, unclaimed: 0, ignoredRows: 0, error: null, verdict: 'pass',
}
const scriptedTable = {
  side: 'target', schema: 'public', table: hostile.script, coverage: 'covered', reason: null, entities: [hostile.script],
  totalRows: null, claimedOnce: null, claimedSeveral: null, unclaimed: null, ignoredRows: null, error: hostile.control, verdict: 'unknown',
}
const formulaTable = {
  side: 'source', schema: 'public', table: hostile.formula, coverage: 'uncovered', reason: null, entities: [],
  totalRows: 3, claimedOnce: 0, claimedSeveral: 0, unclaimed: 3, ignoredRows: 0, error: null, verdict: 'fail',
}
const profile = (rows: number, nonNull: number, distinctAtLeast: number, topRows: number | null, topValue: string | null) => ({ rows, nonNull, filledPercent: 100, distinctAtLeast, topRows, topValue })
const columns = {
  omitted: 0,
  uncovered: [{ entity: 'patients', side: 'target', column: hostile.formula }],
  ignored: [{ entity: 'patients', side: 'source', column: 'password', reason: hostile.markdown }],
  differing: [{ entity: 'patients', side: 'target', column: 'birth|date', rows: 1 }],
  profiles: [
    { entity: 'patients', profile: { column: hostile.formula, mapped: false, source: null, target: profile(29_899, 29_899, 1, 29_899, null), findings: ['constant'] } },
    { entity: 'patients', profile: { column: 'birth|date', mapped: true, source: profile(29_900, 29_900, 64, null, null), target: profile(29_899, 29_899, 64, 12, hostile.script), findings: [] } },
  ],
}
const zero = { rows: 0, recorded: 0, shown: 0 }
/** What it holds depends on today. */
const trend = expect.objectContaining({ days: 30, direction: null })

describe('GET /reports/generate as JSON', () => {
  it('coverage of one domain: the whole body', async () => {
    const response = await get('?type=coverage&format=json&domain=clinical')
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(response.headers['content-disposition']).toBeUndefined()
    expect(response.json()).toEqual({
      type: 'coverage', domain: 'clinical', includeDetails: false, generatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/), planChecksum: 'c0ffee',
      figures: {
        verdict: 'fail', coveragePercent: 99.98, arrivedPercent: 99.99, totalRecords: 29_907, migratedRecords: 29_905, verifiedRecords: 29_904,
        entities: { total: 2, validated: 2, counted: 2 },
        tables: { total: 2, covered: 2, ignored: 0, uncovered: 0 },
        columns: { total: 5, compared: 2, read: 1, ignored: 1, uncovered: 1 },
        rows: { source: { claimed: 30_007, ignored: 0, unclaimed: 0 }, target: { claimed: null, ignored: null, unclaimed: null } },
        classPercents: {
          source: { excluded: 0.33, verified: 99.98, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 0, unverified: 0 },
          target: { matched: 100, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
        },
        oldestResultAt: published, newestResultAt: published, accounting: clinical,
      },
      domains: [clinicalDomain],
      trend,
      accounting: { total: clinical, entities: [patientsLine, scriptedLine] },
      tables: {
        unclaimedSourceRows: 0, unclaimedTargetRows: null, counts: { source: { covered: 1, ignored: 0, uncovered: 0 }, target: { covered: 1, ignored: 0, uncovered: 0 } },
        omitted: 0, tables: [patientTable, scriptedTable],
      },
      columns,
    })
  })

  it('detailed: every section; what was never validated is null and not 0', async () => {
    const body = (await get('?type=detailed')).json()
    expect(body).toEqual({
      type: 'detailed', domain: null, includeDetails: false, generatedAt: expect.any(String), planChecksum: 'c0ffee',
      figures: {
        verdict: 'fail', coveragePercent: null, arrivedPercent: null, totalRecords: null, migratedRecords: null, verifiedRecords: null,
        entities: { total: 3, validated: 2, counted: 2 },
        tables: { total: 3, covered: 2, ignored: 0, uncovered: 1 },
        columns: { total: 5, compared: 2, read: 1, ignored: 1, uncovered: 1 },
        rows: { source: { claimed: 30_007, ignored: 0, unclaimed: 3 }, target: { claimed: null, ignored: null, unclaimed: null } },
        classPercents: {
          source: { excluded: null, verified: null, accepted: null, differs: null, merged: null, explained: null, pending: null, missing: null, unverified: null },
          target: { matched: null, duplicate: null, generated: null, pending: null, extra: null, unverified: null },
        },
        oldestResultAt: published, newestResultAt: published, accounting: uncounted,
      },
      outlook: {
        risk: {
          level: 'unknown', score: null,
          reasons: ['1 of 3 entities have no complete figures', 'patients (clinical, critical): 1 missing, 1 differs of 29900 rows'],
        },
        completion: { estimatedDays: null, estimatedAt: null, earliestDays: null, latestDays: null, confidence: expect.any(Number), basis: 'not every entity was counted' },
      },
      trend: { days: 30, snapshots: 0, omitted: 0, direction: null, fit: null, points: [] },
      domains: [
        clinicalDomain,
        { domain: 'billing', priority: 'normal', verdict: 'unknown', entities: 1, entitiesCounted: 0, coveragePercent: null, arrivedPercent: null, accounting: uncounted },
        { domain: 'empty <b>', priority: 'normal', verdict: 'unknown', entities: 0, entitiesCounted: 0, coveragePercent: null, arrivedPercent: null, accounting: empty },
      ],
      accounting: {
        total: uncounted,
        entities: [patientsLine, scriptedLine, { entity: 'invoices', domain: 'billing', verdict: 'unknown', coveragePercent: null, arrivedPercent: null, accounting: uncounted, uncoveredColumns: { source: null, target: null } }],
      },
      checks: { total: 4, passed: 1, warned: 1, failed: 1, unknown: 1, omitted: 0, notPassed: [failed, unknown, warned] },
      differences: {
        perClass: 10, limit: 5000, complete: false,
        totals: [
          { class: 'differs', side: 'source', rows: null, recorded: 1, shown: 1 },
          { class: 'missing', side: 'source', rows: null, recorded: 1, shown: 1 },
          ...['duplicate', 'extra'].map((name) => ({ class: name, side: 'target', rows: null, recorded: 0, shown: 0 })),
          ...['unverified', 'pending'].flatMap((name) => ['source', 'target'].map((side) => ({ class: name, side, rows: null, recorded: 0, shown: 0 }))),
          ...['accepted', 'explained', 'excluded', 'merged'].map((name) => ({ class: name, side: 'source', rows: null, recorded: 0, shown: 0 })),
          { class: 'generated', side: 'target', rows: null, recorded: 0, shown: 0 },
        ],
        rows: [
          {
            entity: 'patients', class: 'differs', side: 'both', cause: 'stale', reason: null, key: { id: '7' },
            columns: [{ column: 'birth|date', source: null, target: hostile.formula }, { column: 'note', source: '', target: hostile.control }],
          },
          { entity: 'patients', class: 'missing', side: 'source', cause: hostile.direction, reason: null, key: { id: hostile.script, tag: null }, columns: [] },
        ],
      },
      tables: {
        unclaimedSourceRows: 3, unclaimedTargetRows: null, counts: { source: { covered: 1, ignored: 0, uncovered: 1 }, target: { covered: 1, ignored: 0, uncovered: 0 } },
        omitted: 0, tables: [formulaTable, patientTable, scriptedTable],
      },
      columns,
      reasons: {
        declared: [
          { entity: 'patients', class: 'excluded', reason: hostile.formula, rows: 100 },
          { entity: hostile.script, class: 'explained', reason: hostile.control, rows: 1 },
        ],
        causes: [{ entity: 'patients', class: 'missing', cause: 'no map entry', rows: 1 }],
      },
      evidence: [
        ...[patientsLine, scriptedLine].map(({ entity, accounting }) => ({
          entity, jobId: jobs.current, basis: 'full', sourceRowsExamined: accounting.source.total, targetRowsExamined: accounting.target.total,
          sourceSnapshotAt: '2026-11-20T08:59:00.000Z', targetSnapshotAt: '2026-11-20T08:59:01.000Z', durationSeconds: 1.5, publishedAt: published,
          note: entity === 'patients' ? null : hostile.markdown,
        })),
        {
          entity: 'invoices', jobId: null, basis: 'none', sourceRowsExamined: null, targetRowsExamined: null, sourceSnapshotAt: null, targetSnapshotAt: null, durationSeconds: null,
          publishedAt: null, note: 'never validated',
        },
      ],
      scripts: [
        {
          name: 'migrate-patients', domains: ['clinical'], status: 'completed', drift: 'unknown', recordsProcessed: 3, recordsFailed: 1, successRate: 66.66,
          lastStartedAt: '2026-11-20T08:00:00.000Z', lastFinishedAt: '2026-11-20T08:00:30.000Z',
        },
        {
          name: hostile.formula, domains: ['clinical'], status: 'pending', drift: 'unknown', recordsProcessed: null, recordsFailed: null, successRate: null, lastStartedAt: null, lastFinishedAt: null,
        },
      ],
      runs: {
        omitted: 0,
        runs: [{ script: 'migrate-patients', status: 'completed', startedAt: '2026-11-20T08:00:00.000Z', finishedAt: '2026-11-20T08:00:30.000Z', recordsProcessed: 3, recordsFailed: 1, message: null }],
      },
    })
  })

  it('each type has its sections', async () => {
    const sections = async (query: string) => Object.keys((await get(query)).json()).slice(5)
    const all = ['figures', 'outlook', 'domains', 'trend', 'accounting', 'checks', 'differences', 'tables', 'columns', 'reasons', 'evidence', 'scripts', 'runs']
    expect(await sections('')).toEqual(all)
    expect(await sections('?type=detailed')).toEqual(all)
    expect(await sections('?type=executive')).toEqual(['figures', 'outlook', 'domains', 'trend', 'checks'])
    expect(await sections('?type=validation')).toEqual(['figures', 'checks', 'differences', 'evidence'])
    expect(await sections('?type=coverage')).toEqual(['figures', 'domains', 'trend', 'accounting', 'tables', 'columns'])
    expect(await sections('?type=coverage&includeDetails=true')).toEqual(['figures', 'domains', 'trend', 'accounting', 'tables', 'columns', 'reasons', 'evidence'])
  })

  it('comprehensive gives the totals of the differences, their rows only with includeDetails', async () => {
    const { differences } = (await get('?domain=clinical')).json()
    expect(differences).toMatchObject({ perClass: 0, limit: 0, complete: false, rows: [] })
    expect(differences.totals.slice(0, 3)).toEqual([
      { class: 'differs', side: 'source', rows: 1, recorded: 1, shown: 0 },
      { class: 'missing', side: 'source', rows: 1, recorded: 1, shown: 0 },
      { class: 'duplicate', side: 'target', ...zero },
    ])
    expect((await get('?domain=clinical&includeDetails=true')).json().differences).toMatchObject({ perClass: 5000, limit: 5000, rows: [{ class: 'differs' }, { class: 'missing' }] })
  })

  it('says how much of a long list is left out', async () => {
    await insertManyDifferences(database.sql, 5100)
    const some = (await get('?type=validation')).json().differences
    expect(some.totals.find((line: { class: string }) => line.class === 'explained')).toMatchObject({ recorded: 5100, shown: 10 })
    expect(some.rows).toHaveLength(12)
    const all = (await get('?type=validation&includeDetails=true')).json().differences
    expect(all.rows).toHaveLength(5000)
    expect(all.totals.find((line: { class: string }) => line.class === 'explained')).toMatchObject({ recorded: 5100, shown: 4998 })
    await database.sql`delete from migration_coverage.difference where class = 'explained'`
  })

  it.each([['type=x', 'type'], ['format=pdf', 'format'], ['domain=nowhere', 'domain'], ['download=yes', 'download'], ['colour=red', 'colour']])('400 for %s', async (query, field) => {
    const response = await get(`?${query}`)
    expect([response.statusCode, response.json().errors[0].field]).toEqual([400, field])
  })
})

describe('download', () => {
  it.each([['json', 'application/json', 'json'], ['html', 'text/html', 'html'], ['markdown', 'text/markdown', 'md'], ['csv', 'text/csv', 'csv']])('%s', async (format, mediaType, extension) => {
    const response = await get(`?type=executive&format=${format}&download=true&domain=${encodeURIComponent('empty <b>')}`)
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toBe(`${mediaType}; charset=utf-8`)
    expect(response.headers['content-disposition']).toMatch(new RegExp(`^attachment; filename="migration-executive-empty-b-\\d{4}-\\d\\d-\\d\\d\\.${extension}"$`))
  })
})

describe('HTML', () => {
  it('escapes everything, needs nothing from outside, and is well-formed', async () => {
    const response = await get('?type=detailed&format=html')
    const page = response.body
    expect(response.headers['content-security-policy']).toBe("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    expect(page).not.toMatch(/<script|<img|<link|<iframe|<a |javascript:|\son\w+=/i)
    expect(page.replaceAll(/url\(#[a-z-]+\)/g, '')).not.toMatch(/(src|href|url)\s*[=(]/i)
    // eslint-disable-next-line no-control-regex -- these are the characters that must be gone
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/)
    for (const text of [hostile.script, hostile.formula, hostile.markdown, hostile.control, hostile.direction, hostile.quotes]) {
      expect(page).toContain(visibleText(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;'))
    }
    expect(openTags(page)).toEqual([])
  })

  it('has headings, captions and scopes, a style for paper and for dark screens', async () => {
    const page = (await get('?type=detailed&format=html')).body
    expect([...page.matchAll(/<h[12][^>]*>([^<]*)/g)].map(([, text]) => text)).toEqual([
      'Migration coverage: detailed report', 'Headline figures', 'Outlook', 'Domains', 'Trend', 'Accounting', 'Checks', 'Differences', 'Tables', 'Columns', 'Reasons and causes', 'Evidence',
      'Scripts', 'Runs',
    ])
    expect(page.match(/<table>/g)).toHaveLength(page.match(/<caption>/g)!.length)
    expect(page).toContain('<th scope="row">')
    expect(page).toContain('<th scope="col"')
    expect(page).toContain('@media print')
    expect(page).toContain('@media (prefers-color-scheme: dark)')
    expect(page).toContain('<span class="unknown">unknown</span>')
    expect(page).toContain('<td class="percent">99.98\u00a0%</td>')
    expect(page).toContain('<html lang="en">')
  })
})

describe('Markdown', () => {
  it('validation: the whole document', async () => {
    const body = (await get('?type=validation&format=markdown&domain=clinical')).body
    expect(body.replace(/Report made at \| \S+/, 'Report made at | TIME')).toBe(`# Migration coverage: validation report

Domain clinical

29,904 of 29,907 source rows in scope are verified (99.98 %). Not verified: 1 differing, 1 missing, 1 explained. 0 of 2 tables and 1 of 5 columns are uncovered. Rows of tables that no entity claims: 0 in the source, not counted in the target.

## Headline figures

Percentages are floored; those of classes are of the scope at the source (excluded rows of the total), and of the total at the target. Records are deliveries: a source row wanted in three tables counts three times.

### Rows by class

| Side | Class | Rows | % of its side |
| --- | --- | ---: | ---: |
| source | total | 30007 |  |
| source | excluded | 100 | 0.33 |
| source | scope | 29907 |  |
| source | verified | 29904 | 99.98 |
| source | accepted | 0 | 0 |
| source | differs | 1 | below 0.01 |
| source | merged | 0 | 0 |
| source | explained | 1 | below 0.01 |
| source | pending | 0 | 0 |
| source | missing | 1 | below 0.01 |
| source | unverified | 0 | 0 |
| target | total | 29905 |  |
| target | matched | 29905 | 100 |
| target | duplicate | 0 | 0 |
| target | generated | 0 | 0 |
| target | pending | 0 | 0 |
| target | extra | 0 | 0 |
| target | unverified | 0 | 0 |

### Headline figures

| Figure | Value |
| --- | ---: |
| Verdict | fail |
| Coverage (verified) % | 99.98 |
| Arrived % | 99.99 |
| Records in scope | 29907 |
| Records migrated | 29905 |
| Records verified | 29904 |
| Records explained | 1 |
| Records accepted | 0 |
| Records unverified | 0 |
| Entities | 2 |
| Entities validated | 2 |
| Tables | 2 |
| Tables covered | 2 |
| Tables ignored | 0 |
| Tables uncovered | 0 |
| Columns | 5 |
| Columns compared | 2 |
| Columns only read | 1 |
| Columns ignored | 1 |
| Columns uncovered | 1 |
| Rows of source tables that no entity claims | 0 |
| Rows of ignored source tables | 0 |
| Rows of target tables that no entity claims | unknown |
| Rows of ignored target tables | unknown |
| Oldest result | 2026-11-20T09:00:00.000Z |
| Newest result | 2026-11-20T09:00:00.000Z |
| Report made at | TIME |
| Plan (sha256) | c0ffee |

## Checks

3 checks: 1 passed, 1 warned, 1 failed, 0 unknown.

### Number of checks

| Verdict | Checks |
| --- | ---: |
| pass | 1 |
| warn | 1 |
| unknown | 0 |
| fail | 1 |

### Checks that did not pass

| Entity | Check | Subject | Verdict | Severity | Message | Rows failed | Rows examined |
| --- | --- | --- | --- | --- | --- | ---: | ---: |
| patients | every row arrived |  | fail | critical | a \\| b \\\`c\\\` \\*\\*d\\*\\* \\[e\\](https\\://evil.example) | 1 | 30000 |
| &lt;script&gt;alert('x')&lt;/script&gt; | \\=cmd()\\|calc | \\\\u202egnp.exe | warn | warning | line\\\\nbreak\\\\ttab \\\\u001b\\[31mred\\\\u0007 | 1 | 30000 |

## Differences

At most 10 rows of a class and 5000 in all are listed. Rows is the exact number, recorded is how many of them were kept with their key, shown is how many are listed below.

### Rows that are not verified, by class

| Class | Side | Rows | Recorded | Shown |
| --- | --- | ---: | ---: | ---: |
| differs | source | 1 | 1 | 1 |
| missing | source | 1 | 1 | 1 |
| duplicate | target | 0 | 0 | 0 |
| extra | target | 0 | 0 | 0 |
| unverified | source | 0 | 0 | 0 |
| unverified | target | 0 | 0 | 0 |
| pending | source | 0 | 0 | 0 |
| pending | target | 0 | 0 | 0 |
| accepted | source | 0 | 0 | 0 |
| explained | source | 1 | 0 | 0 |
| excluded | source | 100 | 0 | 0 |
| merged | source | 0 | 0 | 0 |
| generated | target | 0 | 0 | 0 |

### Rows that are not verified

| Entity | Class | Side | Key | Cause or reason | Source → target |
| --- | --- | --- | --- | --- | --- |
| patients | differs | both | id = "7" | stale | birth\\|date: NULL → "=cmd()\\|calc"; note: "" → "line\\\\nbreak\\\\ttab \\\\u001b\\[31mred\\\\u0007" |
| patients | missing | source | id = "&lt;script&gt;alert('x')&lt;/script&gt;", tag = NULL | \\\\u202egnp.exe |  |

## Evidence

Basis full: every row of both sides was read.

### What was read, and when

| Entity | Basis | Source rows read | Target rows read | Source snapshot | Target snapshot | Seconds | Published | Job | Note |
| --- | --- | ---: | ---: | --- | --- | ---: | --- | --- | --- |
| patients | full | 30000 | 29899 | 2026-11-20T08:59:00.000Z | 2026-11-20T08:59:01.000Z | 1.5 | 2026-11-20T09:00:00.000Z | 00000000-0000-4000-8000-000000000002 |  |
| &lt;script&gt;alert('x')&lt;/script&gt; | full | 7 | 6 | 2026-11-20T08:59:00.000Z | 2026-11-20T08:59:01.000Z | 1.5 | 2026-11-20T09:00:00.000Z | 00000000-0000-4000-8000-000000000002 | a \\| b \\\`c\\\` \\*\\*d\\*\\* \\[e\\](https\\://evil.example) |
`)
  })

  it('every table row of a detailed report has as many cells as its head', async () => {
    const body = (await get('?type=detailed&format=markdown')).body
    const cells = (line: string) => line.replace(/\\./g, '').split('|').length
    const blocks = body.split('\n\n').filter((block) => block.startsWith('|'))
    expect(blocks.length).toBeGreaterThan(12)
    for (const block of blocks) expect(new Set(block.trim().split('\n').map(cells)).size).toBe(1)
    expect(body.replace(/\\./g, '')).not.toMatch(/[<>`]/)
  })
})

describe('CSV', () => {
  it('one line per figure: numbers stay numbers, text is neutralised', async () => {
    const [head, ...lines] = parseCsv((await get('?includeDetails=true&format=csv')).body)
    expect(head).toEqual(['section', 'row', 'item', 'figure', 'number', 'text'])
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([6]))
    expect(lines).toContainEqual(['Headline figures', '2', 'Coverage (verified) %', 'Value', '', 'unknown'])
    expect(lines).toContainEqual(['Coverage by domain', '1', 'clinical', 'Coverage %', '99.98', ''])
    expect(lines).toContainEqual(['Source rows by class', '1', 'patients', 'Scope', '29900', ''])
    expect(lines).toContainEqual(['Scripts and their newest runs', '2', `'${hostile.formula}`, 'Status', '', 'pending'])
    expect(lines).toContainEqual(['Checks that did not pass', '3', `${hostile.script} / ${hostile.formula} / \\u202egnp.exe`, 'Message', '', 'line\\nbreak\\ttab \\u001b[31mred\\u0007'])
    expect(lines).toContainEqual(['Uncovered columns', '1', `patients / target / ${hostile.formula}`, 'listed', '', 'yes'])
    expect(lines).toContainEqual(['Rows that are not verified', '1', 'patients / differs / source / id = "7"', 'Source → target', '', `birth|date: NULL → "${hostile.formula}"; note: "" → "line\\nbreak\\ttab \\u001b[31mred\\u0007"`].map((cell) => cell.replace('/ source /', '/ both /')))
    for (const line of lines) {
      expect(line[4]).toMatch(/^(\d+(\.\d+)?)?$/)
      // eslint-disable-next-line no-control-regex -- these are the characters that must be gone
      for (const cell of line) expect(cell).not.toMatch(/^\s*[=+\-@|%]|[\u0000-\u001f\u202a-\u202e]/)
    }
  })
})

describe('CSV of a coverage and of a detailed report', () => {
  it('coverage: one line per entity, with every class of both sides and its uncovered columns, and one per table with unclaimed rows', async () => {
    const [head, ...lines] = parseCsv((await get('?type=coverage&format=csv')).body)
    expect(head).toEqual([
      'entity', 'domain', 'verdict', 'coverage_percent', 'arrived_percent',
      'source_total', 'source_excluded', 'source_scope', 'source_verified', 'source_accepted', 'source_differs', 'source_merged', 'source_explained', 'source_pending', 'source_missing', 'source_unverified',
      'target_total', 'target_matched', 'target_duplicate', 'target_generated', 'target_pending', 'target_extra', 'target_unverified',
      'source_columns_uncovered', 'target_columns_uncovered', 'table', 'unclaimed_rows',
    ])
    expect(lines).toEqual([
      ['patients', 'clinical', 'fail', '99.99', '99.99', '30000', '100', '29900', '29898', '0', '1', '0', '0', '0', '1', '0', '29899', '29899', '0', '0', '0', '0', '0', '0', '1', '', ''],
      [hostile.script, 'clinical', 'warn', '85.71', '85.71', '7', '0', '7', '6', '0', '0', '0', '1', '0', '0', '0', '6', '6', '0', '0', '0', '0', '0', '', '', '', ''],
      ['invoices', 'billing', 'unknown', ...Array.from({ length: 24 }, () => '')],
      ['', '', 'fail', ...Array.from({ length: 22 }, () => ''), `source public.${hostile.formula}`, '3'],
      ['', '', 'unknown', ...Array.from({ length: 22 }, () => ''), `target public.${hostile.script}`, ''],
    ])
  })

  it('detailed: one line per difference, and one for those that are not listed, so that the rows add up', async () => {
    const [head, ...lines] = parseCsv((await get('?type=detailed&format=csv')).body)
    expect(head).toEqual(['entity', 'class', 'side', 'rows', 'listing', 'key', 'cause', 'reason', 'source_to_target'])
    expect(lines.filter(([entity]) => entity !== 'invoices')).toEqual([
      ['patients', 'differs', 'both', '1', 'listed', 'id = "7"', 'stale', '', `birth|date: NULL → "${hostile.formula}"; note: "" → "line\\nbreak\\ttab \\u001b[31mred\\u0007"`],
      ['patients', 'missing', 'source', '1', 'listed', `id = "${hostile.script}", tag = NULL`, '\\u202egnp.exe', '', ''],
      ['patients', 'excluded', 'source', '100', 'not listed', '', '', '', ''],
      [hostile.script, 'explained', 'source', '1', 'not listed', '', '', '', ''],
      ['', 'unclaimed', 'source', '3', 'not listed', `public.${hostile.formula}`, 'uncovered table', '', ''],
      ['', 'unclaimed', 'target', '', 'not counted', `public.${hostile.script}`, 'could not be counted', '', ''],
    ])
    const unknown = lines.filter(([entity]) => entity === 'invoices')
    expect(unknown).toHaveLength(13)
    for (const line of unknown) expect(line.slice(3)).toEqual(['', 'not counted', '', '', '', ''])
  })

  it('a download starts with a byte order mark, an answer to a program does not', async () => {
    const [plain, download] = [await get('?type=coverage&format=csv'), await get('?type=coverage&format=csv&download=true')]
    expect(plain.body.startsWith('"entity",')).toBe(true)
    expect(download.rawPayload.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]))
    expect(download.body.slice(1)).toBe(plain.body)
  })

  it('ends every line as RFC 4180 says, and quotes text', async () => {
    const { body } = await get('?type=coverage&format=csv')
    expect(body.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    expect(body.split('\r\n')).toHaveLength(7)
    expect(body).toContain('\r\n"patients","clinical","fail",99.99,')
  })
})

describe('charts', () => {
  const titles = (page: string) => [...page.matchAll(/<figcaption><span class="title">([^<]+)/g)].map(([, title]) => title)

  it('stand before the tables that have their figures', async () => {
    const page = (await get('?type=detailed&format=html')).body
    expect(titles(page)).toEqual([
      'All rows by class', 'Source rows by domain', 'Source rows by entity', 'Target rows by entity', 'Checks by verdict', 'Tables by coverage', 'Rows that no entity claims', 'Runs of the scripts over time',
    ])
    for (const [, table] of page.matchAll(/The table “([^”]+)” has the same figures/g)) expect(page).toContain(`<caption>${table}</caption>`)
    const images = [...page.matchAll(/<svg class="chart"[^>]*aria-labelledby="([\w-]+)" aria-describedby="([\w-]+)"/g)]
    expect(images.length).toBeGreaterThanOrEqual(8)
    for (const [, title, description] of images) expect([page.match(new RegExp(`id="${title}"`, 'g'))?.length, page.match(new RegExp(`id="${description}"`, 'g'))?.length]).toEqual([1, 1])
  })

  it('show what was not counted as such', async () => {
    const page = (await get('?type=coverage&format=html')).body
    const invoices = page.slice(page.indexOf('>invoices<title>'))
    expect(invoices.slice(0, invoices.indexOf('</g>'))).toMatch(/text-anchor="end">not counted<[^]*<rect class="uncounted"[^>]*>\s*<text class="detail"[^>]*>not counted</)
    expect(page).toContain('2 of 3 entities were counted, so how many rows are verified is unknown.')
  })

  it('each type has its own, and only the executive report is signed', async () => {
    const pages = await Promise.all(['executive', 'validation', 'coverage'].map(async (type) => (await get(`?type=${type}&format=html&domain=clinical`)).body))
    expect(pages.map((page) => titles(page).filter((title) => title !== 'Verified share over time'))).toEqual([
      ['All rows by class', 'Source rows by domain', 'Checks by verdict'],
      ['All rows by class', 'Checks by verdict'],
      ['All rows by class', 'Source rows by domain', 'Source rows by entity', 'Target rows by entity', 'Tables by coverage', 'Rows that no entity claims'],
    ])
    expect(pages.map((page) => page.includes('<h2 id="sign-off">'))).toEqual([true, false, false])
  })
})

describe('history', () => {
  it('a trend of real snapshots, and when it will be done', async () => {
    const history = await insertHistory(database.sql)
    try {
      const { trend, outlook } = (await get('?type=executive&domain=clinical')).json()
      expect(trend).toMatchObject({ snapshots: 3, omitted: 0, direction: 'improving', fit: { snapshots: 3, slopePerDay: expect.closeTo(10, 1), slopeLow: expect.any(Number), slopeHigh: expect.any(Number) } })
      expect(trend.points.map((point: { verifiedPercent: number }) => point.verifiedPercent)).toEqual([70, 80, 90])
      expect(outlook.completion).toMatchObject({ estimatedDays: expect.closeTo(1, 0), confidence: 1, basis: expect.stringContaining('least squares over 3 snapshots') })
      const page = (await get('?type=executive&domain=clinical&format=html')).body
      expect(page).toContain('Verified share over time')
      expect(page).toContain('The line through the 3 snapshots of the last 7 days changes by +10.00 percentage points a day')
      const text = (await get('?type=executive&domain=clinical&format=markdown')).body
      expect(text).toContain('### Snapshots\n\n| Time | Coverage % | Arrived % | Verified | Scope |')
    } finally {
      await history.remove()
    }
  })

  it('an executive report lists ten checks, with includeDetails all', async () => {
    const remove = await insertManyChecks(database.sql, 30)
    try {
      const [short, long] = await Promise.all(['', '&includeDetails=true'].map(async (query) => (await get(`?type=executive&domain=clinical${query}`)).json().checks))
      expect([short.notPassed.length, short.omitted, long.notPassed.length, long.omitted]).toEqual([10, 22, 32, 0])
    } finally {
      await remove()
    }
  })

  it('of many runs the newest twenty of a script are listed', async () => {
    const remove = await insertManyRuns(database.sql, 30)
    try {
      const { runs } = (await get('?domain=clinical')).json()
      expect([runs.runs.length, runs.omitted]).toEqual([20, 11])
      const starts = runs.runs.map((run: { startedAt: string }) => run.startedAt)
      expect(starts).toEqual([...starts].sort())
      expect(runs.runs.at(-1)).toMatchObject({ status: 'running', finishedAt: null, message: 'run 30' })
    } finally {
      await remove()
    }
  })
})

describe('examples', () => {
  it('of Report fit it', async () => {
    expect(await exampleFaults(ReportSchema, [])).toEqual([])
  })
})

/** Elements left open, or closed in the wrong order. */
function openTags(page: string): string[] {
  const open: string[] = []
  for (const [whole, closing, tag = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^<>]*>/g)) {
    if (tag === 'meta' || whole.endsWith('/>')) continue
    if (closing === '') open.push(tag)
    else if (open.pop() !== tag) return [`unexpected </${tag}>`]
  }
  return open
}

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const lines: string[][] = []
  let line: string[] = []
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    line.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === ',') continue
    lines.push(line)
    line = []
  }
  return lines
}
