import { addCounts, arrivedPercent, arrivedRows, uniformAccounting, verifiedPercent, verifiedRows } from '../core/accounting.js'
import type { Accounting, Count, Verdict } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import { addColumns, classPercents, countTableRows, tablesOf } from '../core/covered.js'
import type { ClassPercents, ColumnCounts, CoverageCounts, TableFigures } from '../core/covered.js'
import { newest, throughputPerSecond } from '../core/figures.js'
import type { PlannedEntity, ScriptFigures, Snapshot } from '../core/figures.js'
import { issuesOf } from '../core/issues.js'
import type { Issue } from '../core/issues.js'
import type { ToldProfile } from '../core/profile.js'
import { errorPercent, grades, ratePerformance } from '../core/performance.js'
import type { Grade, Performance } from '../core/performance.js'
import { countChecks, countColumns, listCurrentSnapshots, listNewestSnapshots, listProfiles, listScriptFigures, listTables } from '../coverage/queries.js'
import type { CheckCounts, CurrentSnapshot } from '../coverage/queries.js'
import type { Db } from '../db/clients.js'
import { offsetOf, pagination } from '../http/paging.js'
import type { Pagination } from '../http/paging.js'
import { listColumns } from './queries.js'
import type { ColumnRow } from './queries.js'

/** Snapshots that a history shows at most. */
export const historyLength = 30

export interface EntityPerformance {
  entityName: string
  domain: string
  scripts: string[]
  accounting: Accounting
  classPercents: ClassPercents
  columnCoverage: Record<Side, CoverageCounts>
  rowCoverage: Record<Side, CoverageCounts>
  totalRecords: Count
  migratedRecords: Count
  verifiedRecords: Count
  successRate: number | null
  migrationRate: number | null
  errorRate: number | null
  throughputPerSecond: number | null
  status: Verdict
  performance: Performance
  lastMigrated: Date | null
  lastValidated: Date | null
  validation?: Omit<CheckCounts, 'entity'>
  history?: HistoryPoint[]
}

interface HistoryPoint {
  publishedAt: Date
  status: Verdict
  totalRecords: Count
  migratedRecords: Count
  verifiedRecords: Count
  successRate: number | null
  migrationRate: number | null
}

interface Ranked {
  entityName: string
  domain: string
  status: Verdict
  score: number | null
  grade: Grade | null
}

export interface EntitiesPerformance {
  entities: EntityPerformance[]
  pagination: Pagination
  summary: { performanceDistribution: Record<Grade | 'unknown', number>; topPerformers: Ranked[]; needsAttention: Ranked[] }
  insights: string[]
}

export const sortKeys = ['successRate', 'totalRecords', 'migratedRecords', 'entityName', 'lastMigrated'] as const

export interface EntityFilter {
  minSuccessRate?: number
  minRecords?: number
  sortBy: (typeof sortKeys)[number]
  sortOrder: 'asc' | 'desc'
  page: number
  limit: number
  includeValidation: boolean
  includeHistory: boolean
}

/**
 * One page of the entities, with the summary over all that pass the filter. An unknown figure passes no minimum and is
 * sorted last either way; equal ones are sorted by name.
 */
export async function readEntities(sql: Db, planned: readonly PlannedEntity[], filter: EntityFilter, now: Date): Promise<EntitiesPerformance> {
  const names = planned.map(({ name }) => name)
  const scriptNames = [...new Set(planned.flatMap((entity) => entity.scripts))]
  const [current, scripts, columns, tables] = await Promise.all([listCurrentSnapshots(sql, names), listScriptFigures(sql, scriptNames), countColumns(sql, names), listTables(sql)])
  const byEntity = new Map(current.map((snapshot) => [snapshot.entity, snapshot]))
  const all = planned
    .map((entity) => describeEntity(entity, byEntity.get(entity.name), { scripts, columns, tables }, now))
    .filter(({ successRate, totalRecords }) => reaches(successRate, filter.minSuccessRate) && reaches(totalRecords, filter.minRecords))
    .sort(comparing(filter.sortBy, filter.sortOrder))
  const page = all.slice(offsetOf(filter.page, filter.limit)).slice(0, filter.limit)
  const shown = page.map(({ entityName }) => entityName)
  const [checks, history] = await Promise.all([
    filter.includeValidation ? countChecks(sql, shown) : null,
    filter.includeHistory ? listNewestSnapshots(sql, shown, historyLength) : null,
  ])
  return {
    entities: page.map((entity) => ({
      ...entity,
      ...(checks === null ? {} : { validation: checksOf(entity.entityName, checks) }),
      ...(history === null ? {} : { history: history.filter((snapshot) => snapshot.entity === entity.entityName).map(historyPoint) }),
    })),
    pagination: pagination(all.length, filter.page, filter.limit),
    summary: summarize(all),
    insights: insightsOf(all),
  }
}

export interface EntityDetail extends Required<EntityPerformance> {
  tables: Omit<TableFigures, 'ignoredRows'>[]
  jobId: string | null
  basis: CurrentSnapshot['basis'] | null
  note: string | null
  sourceSnapshotAt: Date | null
  targetSnapshotAt: Date | null
  reasons: CurrentSnapshot['reasons']
  causes: CurrentSnapshot['causes']
  columns: ColumnRow[]
  columnProfiles: ToldProfile[]
  issues: Issue[]
}

/** Everything that is known of one entity. */
export async function readEntity(sql: Db, planned: PlannedEntity, now: Date): Promise<EntityDetail> {
  const [[snapshot], scripts, checks, history, columns, tables] = await Promise.all([
    listCurrentSnapshots(sql, [planned.name]),
    listScriptFigures(sql, planned.scripts),
    countChecks(sql, [planned.name]),
    listNewestSnapshots(sql, [planned.name], historyLength),
    countColumns(sql, [planned.name]),
    listTables(sql),
  ])
  return {
    ...describeEntity(planned, snapshot, { scripts, columns, tables }, now),
    tables: tablesOf([planned], tables).map(({ ignoredRows: _ignored, ...table }) => table),
    validation: checksOf(planned.name, checks),
    history: history.map(historyPoint),
    jobId: snapshot?.jobId ?? null,
    basis: snapshot?.basis ?? null,
    note: snapshot?.note ?? null,
    sourceSnapshotAt: snapshot?.sourceSnapshotAt ?? null,
    targetSnapshotAt: snapshot?.targetSnapshotAt ?? null,
    reasons: snapshot?.reasons ?? [],
    causes: snapshot?.causes ?? [],
    columns: snapshot === undefined ? [] : await listColumns(sql, snapshot.jobId, planned.name),
    columnProfiles: snapshot === undefined ? [] : (await listProfiles(sql, [snapshot])).map(({ entity: _entity, ...profile }) => profile),
    issues: issuesOf(planned.name, snapshot),
  }
}

interface EntityData {
  scripts: readonly ScriptFigures[]
  columns: readonly ColumnCounts[]
  tables: readonly TableFigures[]
}

function describeEntity(planned: PlannedEntity, snapshot: Snapshot | undefined, { scripts, columns, tables }: EntityData, now: Date): EntityPerformance {
  const accounting = snapshot?.accounting ?? uniformAccounting(null)
  const runs = scripts.filter(({ script }) => planned.scripts.includes(script))
  const lastValidated = snapshot?.publishedAt ?? null
  return {
    entityName: planned.name,
    domain: planned.domain,
    scripts: planned.scripts,
    accounting,
    classPercents: classPercents(accounting),
    columnCoverage: addColumns([planned], columns),
    rowCoverage: countTableRows(tablesOf([planned], tables)),
    totalRecords: accounting.source.scope,
    migratedRecords: arrivedRows(accounting),
    verifiedRecords: verifiedRows(accounting),
    successRate: verifiedPercent(accounting),
    migrationRate: arrivedPercent(accounting),
    errorRate: errorPercent(accounting),
    throughputPerSecond: throughputPerSecond(runs),
    status: snapshot?.verdict ?? 'unknown',
    performance: ratePerformance(accounting, lastValidated, now),
    lastMigrated: newest(runs.map(({ lastCompletedAt }) => lastCompletedAt)),
    lastValidated,
  }
}

function historyPoint({ publishedAt, verdict, accounting }: Snapshot): HistoryPoint {
  return {
    publishedAt,
    status: verdict,
    totalRecords: accounting.source.scope,
    migratedRecords: arrivedRows(accounting),
    verifiedRecords: verifiedRows(accounting),
    successRate: verifiedPercent(accounting),
    migrationRate: arrivedPercent(accounting),
  }
}

function checksOf(entity: string, checks: readonly CheckCounts[]): Omit<CheckCounts, 'entity'> {
  const none = { checks: 0, passed: 0, warned: 0, failed: 0, unknown: 0 }
  const { checks: count, passed, warned, failed, unknown } = checks.find((one) => one.entity === entity) ?? none
  return { checks: count, passed, warned, failed, unknown }
}

function reaches(figure: number | null, least: number | undefined): boolean {
  return least === undefined || (figure !== null && figure >= least)
}

function byName(a: { entityName: string }, b: { entityName: string }): number {
  return a.entityName < b.entityName ? -1 : a.entityName > b.entityName ? 1 : 0
}

function comparing(key: EntityFilter['sortBy'], order: EntityFilter['sortOrder']) {
  const sign = order === 'asc' ? 1 : -1
  return (a: EntityPerformance, b: EntityPerformance): number => {
    if (key === 'entityName') return sign * byName(a, b)
    const [left, right] = [a[key], b[key]]
    if (left === null || right === null) return left === right ? byName(a, b) : left === null ? 1 : -1
    return sign * (Number(left) - Number(right)) || byName(a, b)
  }
}

function summarize(entities: readonly EntityPerformance[]): EntitiesPerformance['summary'] {
  const graded = (grade: Grade | null) => entities.filter(({ performance }) => performance.grade === grade).length
  const ranked = entities.map(({ entityName, domain, status, performance: { score, grade } }): Ranked => ({ entityName, domain, status, score, grade }))
  const score = (entity: Ranked) => entity.score ?? -1
  const distribution = Object.fromEntries(grades.map((grade) => [grade, graded(grade)])) as Record<Grade, number>
  return {
    performanceDistribution: { ...distribution, unknown: graded(null) },
    topPerformers: ranked
      .filter(({ status, grade }) => status !== 'fail' && (grade === 'A' || grade === 'B'))
      .sort((a, b) => score(b) - score(a) || byName(a, b))
      .slice(0, 5),
    needsAttention: ranked
      .filter(({ status, grade }) => status === 'fail' || status === 'unknown' || grade === 'D' || grade === 'F')
      .sort((a, b) => score(a) - score(b) || byName(a, b))
      .slice(0, 5),
  }
}

/** Sentences made from the figures of the answer alone. */
function insightsOf(entities: readonly EntityPerformance[]): string[] {
  const insights: string[] = []
  if (entities.length > 0) insights.push(`${entities.filter(({ status }) => status === 'pass').length} of ${entities.length} entities pass`)
  const never = entities.filter(({ lastValidated }) => lastValidated === null).length
  if (never > 0) insights.push(`${never} of ${entities.length} entities were never validated`)
  const told: [string, (entity: EntityPerformance) => Count][] = [
    ['missing rows', ({ accounting }) => accounting.source.missing],
    ['rows with other values', ({ accounting }) => accounting.source.differs],
    ['duplicate rows', ({ accounting }) => accounting.target.duplicate],
    ['extra rows', ({ accounting }) => accounting.target.extra],
    ['unverified rows', ({ accounting }) => accounting.source.unverified],
    ['pending rows', ({ accounting }) => accounting.source.pending],
    ['accepted rows', ({ accounting }) => accounting.source.accepted],
    ['explained rows', ({ accounting }) => accounting.source.explained],
    ['uncovered columns', ({ columnCoverage: { source, target } }) => addCounts(source.uncovered, target.uncovered)],
    ['rows of their source tables that no entity claims', ({ rowCoverage }) => rowCoverage.source.uncovered],
    ['rows of their target tables that no entity claims', ({ rowCoverage }) => rowCoverage.target.uncovered],
  ]
  for (const [what, count] of told) {
    const having = entities.map((entity) => ({ entityName: entity.entityName, rows: count(entity) ?? 0 })).filter(({ rows }) => rows > 0)
    const [most] = having.sort((a, b) => b.rows - a.rows || byName(a, b))
    if (most !== undefined) insights.push(`${having.length} of ${entities.length} entities have ${what}, most of them ${most.entityName}: ${most.rows}`)
  }
  return insights
}
