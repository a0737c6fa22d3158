import { arrivedRows, verifiedPercent, verifiedRows, worstVerdict } from '../core/accounting.js'
import type { Accounting, Count, Verdict } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import { addColumns, classPercents, countTableRows, countTables, tableGaps } from '../core/covered.js'
import type { ClassPercents, ColumnCounts, CoverageCounts, TableFigures } from '../core/covered.js'
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
import { countColumns, listCurrentSnapshots, listProgress, listScriptFigures, listTables, listWholeVerdicts } from './queries.js'
import type { CurrentSnapshot } from './queries.js'

/** Tables that the summary names; the reports have all of them. */
export const gapLimit = 100

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
  classPercents: ClassPercents
  gaps: { omitted: number; tables: Omit<TableFigures, 'ignoredRows'>[] }
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
  const wholeVerdicts = await listWholeVerdicts(sql, current.map(({ jobId }) => jobId))
  return summarize(outline, { current, history, runs, scripts, tables, columns, wholeVerdicts }, now)
}

interface SummaryData {
  current: CurrentSnapshot[]
  history: Progress[]
  runs: ScriptFigures[]
  scripts: ScriptState[]
  tables: TableFigures[]
  columns: ColumnCounts[]
  wholeVerdicts: Verdict[]
}

function summarize(outline: Outline, { current, history, runs, scripts, tables, columns, wholeVerdicts }: SummaryData, now: Date): CoverageSummary {
  const byEntity = new Map(current.map((snapshot) => [snapshot.entity, snapshot]))
  const whole = rollUp(outline.entities, byEntity)
  const stale = staleReason(outline.entities, readTimes(current), new Map(runs.map((one) => [one.script, one])), now)
  const gaps = tableGaps(tables)
  const lastValidatedAt = newest(current.map(({ publishedAt }) => publishedAt))
  return {
    verdict: worstVerdict([whole.verdict, ...wholeVerdicts, ...tables.map(({ verdict }) => verdict)]),
    totalScripts: scripts.length,
    completedScripts: scripts.filter(({ status }) => status === 'completed').length,
    entitiesTotal: whole.entities,
    entitiesCounted: whole.entitiesCounted,
    totalRecords: whole.accounting.source.scope,
    migratedRecords: arrivedRows(whole.accounting),
    verifiedRecords: verifiedRows(whole.accounting),
    overallSuccessRate: verifiedPercent(whole.accounting),
    accounting: whole.accounting,
    tables: countTables(tables),
    columns: addColumns(outline.entities, columns),
    rows: countTableRows(tables),
    classPercents: classPercents(whole.accounting),
    gaps: { omitted: Math.max(0, gaps.length - gapLimit), tables: gaps.slice(0, gapLimit).map(({ ignoredRows: _ignored, ...table }) => table) },
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
