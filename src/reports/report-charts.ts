import type { Accounting, Count } from '../core/accounting.js'
import { isUnaccounted } from '../core/covered.js'
import type { RunTimeline } from './charts/run-timeline.js'
import type { ShareChart, SharePart, ShareRow } from './charts/share-bars.js'
import type { Mark } from './charts/palette.js'
import type { TrendChart } from './charts/trend-line.js'
import type { Report } from './schemas.js'

export type Chart = ShareChart | TrendChart | RunTimeline

/** What is proved stands first, then what the plan declares, what is not known, what is wrong, and what is outside of the scope. */
const sourceMarks = ['verified', 'merged', 'accepted', 'explained', 'pending', 'unverified', 'differs', 'missing', 'excluded'] as const
const targetMarks = ['matched', 'generated', 'pending', 'unverified', 'duplicate', 'extra'] as const

const pick = <M extends Mark>(names: readonly M[], counts: Record<M, Count>): SharePart[] => names.map((mark) => ({ mark, count: counts[mark] }))

interface Line {
  name: string
  accounting: Accounting
  percent: number | null
}

function sourceRow({ name, accounting: { source }, percent }: Line): ShareRow {
  const value = percent !== null ? `${percent} %` : source.scope === 0 ? 'nothing in scope' : 'not counted'
  return { name, value, total: source.total, parts: pick(sourceMarks, source) }
}

function targetRow({ name, accounting: { target } }: Line): ShareRow {
  return { name, value: target.total === null ? 'not counted' : `${target.total.toLocaleString('en-US')} rows`, total: target.total, parts: pick(targetMarks, target) }
}

export function wholeChart({ figures: { accounting, coveragePercent } }: Report): ShareChart {
  const line = { accounting, percent: coveragePercent }
  return { kind: 'shares', title: 'All rows by class', table: 'Rows by class', unit: 'rows', scale: 'own', rows: [sourceRow({ ...line, name: 'Source rows' }), targetRow({ ...line, name: 'Target rows' })] }
}

export function domainChart(domains: NonNullable<Report['domains']>): ShareChart {
  const rows = domains.map(({ domain, accounting, coveragePercent }) => sourceRow({ name: domain, accounting, percent: coveragePercent }))
  return { kind: 'shares', title: 'Source rows by domain', table: 'Source rows by domain and class', unit: 'rows', scale: 'own', rows }
}

export function entityCharts({ entities }: NonNullable<Report['accounting']>): ShareChart[] {
  const lines = entities.map(({ entity, accounting, coveragePercent }) => ({ name: entity, accounting, percent: coveragePercent }))
  const chart = { kind: 'shares', unit: 'rows', scale: 'own' } as const
  return [
    { ...chart, title: 'Source rows by entity', table: 'Source rows by class', rows: lines.map(sourceRow) },
    { ...chart, title: 'Target rows by entity', table: 'Target rows by class', rows: lines.map(targetRow) },
  ]
}

export function trendChart({ points, fit }: NonNullable<Report['trend']>): TrendChart {
  return { kind: 'trend', title: 'Verified share over time', table: 'Snapshots', points, band: fit?.band ?? [] }
}

export function checkChart({ total, passed, warned, failed, unknown }: NonNullable<Report['checks']>): ShareChart {
  const parts = pick(['pass', 'warn', 'unknown', 'fail'], { pass: passed, warn: warned, unknown, fail: failed })
  return { kind: 'shares', title: 'Checks by verdict', table: 'Number of checks', unit: 'checks', scale: 'own', rows: [{ name: 'Checks', value: `${total.toLocaleString('en-US')} checks`, total, parts }] }
}

/** The tables of both sides, and the rows of each that no entity claims. */
export function tableCharts({ counts, tables }: NonNullable<Report['tables']>): ShareChart[] {
  const sides = (['source', 'target'] as const).map((side): ShareRow => {
    const { covered, ignored, uncovered } = counts[side]
    const total = covered + ignored + uncovered
    return { name: `${side} tables`, value: `${uncovered} uncovered`, total, parts: pick(['covered', 'ignored', 'uncovered'], counts[side]) }
  })
  const unclaimed = tables.filter(isUnaccounted).map(({ side, schema, table, coverage, unclaimed: rows }): ShareRow => {
    const value = rows === null ? 'not counted' : coverage === 'uncovered' ? 'uncovered' : 'partly claimed'
    return { name: `${side}: ${schema}.${table}`, value, total: rows, parts: [{ mark: 'unclaimed', count: rows }] }
  })
  return [
    { kind: 'shares', title: 'Tables by coverage', table: 'Number of tables by coverage', unit: 'tables', scale: 'own', rows: sides },
    { kind: 'shares', title: 'Rows that no entity claims', table: 'Rows of every table', unit: 'rows', scale: 'common', rows: unclaimed },
  ]
}

export function runChart({ runs }: NonNullable<Report['runs']>, scripts: NonNullable<Report['scripts']>, now: string): RunTimeline {
  return {
    kind: 'runs', title: 'Runs of the scripts over time', table: 'Runs', now,
    scripts: scripts.map(({ name, status }) => {
      const own = runs.filter(({ script }) => script === name)
      const state = status.replaceAll('_', ' ')
      return { name, state: own.length > 1 ? `${state} ×${own.length}` : state, runs: own }
    }),
  }
}
