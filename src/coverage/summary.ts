import { addCounts, arrivedRows, floorPercent, verifiedPercent, verifiedRows } from '../core/accounting.js'
import type { Accounting, Count, Verdict } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import { newest, outlinePlan, rollUp, staleReason, windowMs } from '../core/figures.js'
import type { Outline, Progress, ScriptFigures } from '../core/figures.js'
import { assessRisk } from '../core/risk.js'
import type { Risk } from '../core/risk.js'
import { timelineOf } from '../core/timeline.js'
import type { Timeline } from '../core/timeline.js'
import type { Db } from '../db/clients.js'
import { listScripts } from '../scripts/queries.js'
import type { ReadInventory } from '../scripts/queries.js'
import type { ScriptPlan, ScriptState } from '../scripts/status.js'
import { countColumns, listCurrentSnapshots, listProgress, listScriptFigures, listTables } from './queries.js'
import type { ColumnCounts, CurrentSnapshot, TableRow } from './queries.js'

/** How many of something are covered; ignored ones are signed off with a reason and stand outside the percentage. */
export interface CoverageCounts {
  covered: Count
  ignored: Count
  uncovered: Count
  /** covered / (covered + uncovered) */
  coveredPercent: number | null
}

export interface CoverageSummary {
  verdict: Verdict
  totalScripts: number
  completedScripts: number
  entitiesTotal: number
  entitiesCounted: number
  totalRecords: Count
  migratedRecords: Count
  verifiedRecords: Count
  overallSuccessRate: number | null
  accounting: Accounting
  tables: Record<Side, CoverageCounts>
  columns: Record<Side, CoverageCounts>
  rows: Record<Side, CoverageCounts>
  domainCoverage: Record<string, number | null>
  riskAssessment: Risk
  timeline: Timeline
  lastValidatedAt: Date | null
  lastUpdated: Date | null
  stale: boolean
  staleReason: string | null
}

/** The whole migration in one answer; the migrated tables are not read. */
export async function readSummary(sql: Db, plan: ScriptPlan, readInventory: ReadInventory, now: Date): Promise<CoverageSummary> {
  const outline = outlinePlan(plan)
  const names = outline.entities.map(({ name }) => name)
  const [current, history, runs, scripts, tables, columns] = await Promise.all([
    listCurrentSnapshots(sql, names),
    listProgress(sql, names, new Date(now.getTime() - windowMs)),
    listScriptFigures(sql, outline.scripts),
    listScripts(sql, plan, readInventory),
    listTables(sql),
    countColumns(sql, names),
  ])
  return summarize(outline, { current, history, runs, scripts, tables, columns }, now)
}

interface SummaryData {
  current: CurrentSnapshot[]
  history: Progress[]
  runs: ScriptFigures[]
  scripts: ScriptState[]
  tables: TableRow[]
  columns: ColumnCounts[]
}

function summarize(outline: Outline, { current, history, runs, scripts, tables, columns }: SummaryData, now: Date): CoverageSummary {
  const byEntity = new Map(current.map((snapshot) => [snapshot.entity, snapshot]))
  const whole = rollUp(outline.entities, byEntity)
  const stale = staleReason(outline.entities, readTimes(current), new Map(runs.map((one) => [one.script, one])), now)
  const lastValidatedAt = newest(current.map(({ publishedAt }) => publishedAt))
  return {
    verdict: whole.verdict,
    totalScripts: scripts.length,
    completedScripts: scripts.filter(({ status }) => status === 'completed').length,
    entitiesTotal: whole.entities,
    entitiesCounted: whole.entitiesCounted,
    totalRecords: whole.accounting.source.scope,
    migratedRecords: arrivedRows(whole.accounting),
    verifiedRecords: verifiedRows(whole.accounting),
    overallSuccessRate: verifiedPercent(whole.accounting),
    accounting: whole.accounting,
    tables: bothSides((side) => countTables(tables.filter((table) => table.side === side))),
    columns: bothSides((side) => addColumns(outline, columns, side)),
    rows: bothSides((side) => addRows(tables.filter((table) => table.side === side))),
    domainCoverage: Object.fromEntries(outline.domains.map(({ name, entities }) => [name, verifiedPercent(rollUp(entities, byEntity).accounting)])),
    riskAssessment: assessRisk(outline.entities, byEntity),
    timeline: timelineOf(outline.entities, whole.accounting, history, now),
    lastValidatedAt,
    lastUpdated: newest([lastValidatedAt, ...runs.map(({ updatedAt }) => updatedAt)]),
    stale: stale !== null,
    staleReason: stale,
  }
}

/** When the figures of each entity were read: the snapshot of the target, since that is what a script changes. */
export function readTimes(current: readonly CurrentSnapshot[]): Map<string, Date> {
  return new Map(current.map(({ entity, targetSnapshotAt, publishedAt }) => [entity, targetSnapshotAt ?? publishedAt]))
}

function bothSides<T>(make: (side: Side) => T): Record<Side, T> {
  return { source: make('source'), target: make('target') }
}

function counts(covered: Count, ignored: Count, uncovered: Count): CoverageCounts {
  return { covered, ignored, uncovered, coveredPercent: floorPercent(covered, addCounts(covered, uncovered)) }
}

function countTables(tables: readonly TableRow[]): CoverageCounts {
  if (tables.length === 0) return counts(null, null, null)
  const of = (coverage: TableRow['coverage']) => tables.filter((table) => table.coverage === coverage).length
  return counts(of('covered'), of('ignored'), of('uncovered'))
}

function addRows(tables: readonly TableRow[]): CoverageCounts {
  if (tables.length === 0) return counts(null, null, null)
  return counts(
    addCounts(...tables.flatMap(({ claimedOnce, claimedSeveral }) => [claimedOnce, claimedSeveral])),
    addCounts(...tables.map(({ ignoredRows }) => ignoredRows)),
    addCounts(...tables.map(({ unclaimed }) => unclaimed)),
  )
}

function addColumns({ entities }: Outline, columns: readonly ColumnCounts[], side: Side): CoverageCounts {
  const known = new Set(columns.map(({ entity }) => entity))
  if (entities.length === 0 || !entities.every(({ name }) => known.has(name))) return counts(null, null, null)
  const own = columns.filter((column) => column.side === side)
  const sum = (coverage: 'covered' | 'ignored' | 'uncovered') => addCounts(...own.map((column) => column[coverage]))
  return counts(sum('covered'), sum('ignored'), sum('uncovered'))
}
