import type { Sql } from 'postgres'
import type { Accounting, Count } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import { outlinePlan, type PlannedEntity } from '../core/figures.js'
import { nearestName } from '../core/nearest.js'
import { longestShown } from '../core/pairing.js'
import { repairClasses, repairLegs, repairSides, repairStatements, type RepairClass, type RepairLeg } from '../core/repair.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import type { FieldError } from '../http/errors.js'
import { parsePlan, PlanError, type LoadedPlan } from '../plan/load.js'
import { executionOrder } from '../scripts/order.js'
import { readJobEntities } from './outcomes.js'
import { listDifferences, listJobEntityResults, listJobTables, readJob, readJobPlan, type DifferenceRow, type Job, type JobEntityResult, type JobTable } from './queries.js'
import { causeAdvice } from './recommendations.js'

export interface RepairFilter {
  script?: string
  entity?: string
  class?: RepairClass
  cause?: string
  /** where the rows of the list stand */
  side?: Side
}

/** The list as JSON, without the statements. */
export function plainRepair({ elsewhere: _elsewhere, groups, ...repair }: RepairList) {
  return { ...repair, groups: groups.map(({ sql: _sql, ...group }) => group) }
}

/** Statements are for one database: that of the rows asked for, else the source. */
export function sqlSide({ side, class: name }: RepairFilter): Side {
  return side ?? (name === undefined ? 'source' : repairSides[name])
}

/** The keys of one row, leg → text; null where the row has none. */
export interface RepairKey {
  legacy: Record<string, string | null> | null
  target: Record<string, string | null> | null
}

/** Rows of one entity, class and cause: `rows` = listed + masked + unusable + notListed. */
export interface RepairGroup {
  scripts: string[]
  entity: string
  class: RepairClass
  cause: string | null
  side: Side
  /** the table of the rows; of a query the one that it covers, null without */
  schema: string | null
  table: string | null
  legs: RepairLeg[]
  advice: string | null
  rows: number
  listed: number
  /** the plan masks the key */
  masked: number
  /** stored, but the key is too long to be stored whole */
  unusable: number
  /** not stored, or beyond the limit of this list */
  notListed: number
  keys: RepairKey[]
  /** reads exactly the listed rows; null without any */
  sql: string | null
}

export interface RepairList {
  jobId: string
  status: Job['status']
  finishedAt: Date | null
  /** every row that needs a repair, as far as the filters ask, is in the list with its key */
  complete: boolean
  /** why it is not, and what it cannot hold */
  remarks: string[]
  rows: number
  listed: number
  /** rows that the other filters ask for, and that stand on the other side than `side` */
  elsewhere: number
  groups: RepairGroup[]
}

/**
 * The keys of the rows that a job found missing, differing, extra or duplicate, by script, entity, class and cause; in the order in which the scripts run.
 * @param limit keys listed at most
 * @returns undefined when there is no such job; the faults of filters that name nothing in it, since an empty list must not mean a misspelt name
 */
export async function readRepair(sql: Sql, jobId: string, filter: RepairFilter, limit: number): Promise<RepairList | { faults: FieldError[] } | undefined> {
  // one snapshot, so that figures and keys belong together while the job still runs
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    const job = await readJob(tx, jobId)
    if (job === undefined) return undefined
    const { planned, order, remark } = outlineOf(await readJobPlan(tx, jobId), job)
    const faults = [...wrongSide(filter), ...unknownName('entity', filter.entity, planned.map(({ name }) => name)), ...unknownName('script', filter.script, [...new Set(planned.flatMap(({ scripts }) => scripts))])]
    if (faults.length > 0) return { faults }
    const wanted = planned.filter(({ name, scripts }) => (filter.entity ?? name) === name && (filter.script === undefined || scripts.includes(filter.script)))
    const settled = new Map((await listJobEntityResults(tx, jobId)).map((result) => [result.entity, result]))
    const results = wanted.flatMap(({ name }) => settled.get(name) ?? [])
    const specs = new Map((await readJobEntities(tx, jobId)).flatMap(({ entity, spec }) => (spec === null ? [] : [[entity, spec] as const])))
    const found = results.flatMap(countGroups).filter((group) => fits(group, filter))
    const counts = found.filter(({ class: name }) => (filter.side ?? repairSides[name]) === repairSides[name])
    const isMasked = (entity: string) => specs.get(entity)?.key.some(({ pii }) => pii) ?? false
    const stored = await readStored(tx, jobId, counts.filter(({ entity }) => !isMasked(entity)), limit)
    const ofEntity = (name: string) => wanted.find((entity) => entity.name === name)?.scripts ?? []
    const place = ({ scripts }: RepairGroup) => (scripts.length === 0 ? order.length : Math.max(...scripts.map((script) => order.indexOf(script))))
    const groups = counts
      .flatMap((count) => groupOf(count, ofEntity(count.entity), specs.get(count.entity), stored.get(nameOf(count)) ?? [], isMasked(count.entity)))
      .sort((left, right) => place(left) - place(right))
    const causes = [...new Set(results.flatMap(countGroups).flatMap(({ cause }) => cause ?? []))].sort()
    const remarks = [
      ...(remark === null ? [] : [remark]),
      ...(filter.cause === undefined || causes.includes(filter.cause) ? [] : [`no row has the cause "${filter.cause}"; the causes are: ${list(causes)}`]),
      ...remarksOnJob(job, wanted, results),
      ...remarksOnGroups(groups, limit),
      ...(filter.entity === undefined && filter.script === undefined ? remarksOnTables(await listJobTables(tx, jobId)) : []),
    ]
    return {
      jobId, status: job.status, finishedAt: job.finishedAt, complete: remarks.length === 0, remarks,
      rows: sumOf(groups, ({ rows }) => rows), listed: sumOf(groups, ({ listed }) => listed),
      elsewhere: sumOf(found, ({ rows }) => rows) - sumOf(counts, ({ rows }) => rows), groups,
    }
  })
}

/** Entities of the job with their scripts, as the plan said when the job was made. */
function outlineOf(content: string, job: Job): { planned: PlannedEntity[]; order: string[]; remark: string | null } {
  let plan: LoadedPlan['plan']
  try {
    ({ plan } = parsePlan(content))
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    const planned = job.entities.map((name): PlannedEntity => ({ name, domain: '', priority: 'normal', scripts: [] }))
    return { planned, order: [], remark: 'the plan of this job can no longer be read, so no script is named' }
  }
  const outline = outlinePlan(plan)
  const order = executionOrder(outline.scripts.map((name) => ({ name, dependencies: plan.scripts?.[name]?.dependsOn ?? [] })))
  return { planned: outline.entities.filter(({ name }) => job.entities.includes(name)), order, remark: null }
}

function wrongSide({ class: name, side }: RepairFilter): FieldError[] {
  if (name === undefined || side === undefined || side === repairSides[name]) return []
  return [{ field: 'side', message: `rows of the class ${name} stand on the ${repairSides[name]}'s side` }]
}

function unknownName(field: string, name: string | undefined, known: readonly string[]): FieldError[] {
  if (name === undefined || known.includes(name)) return []
  const near = nearestName(name, known)
  return [{ field, message: `this job has no ${field} "${name}"${near === null ? '' : `; did you mean "${near}"?`}` }]
}

interface GroupCount {
  entity: string
  class: RepairClass
  cause: string | null
  rows: number
}

const nameOf = ({ entity, class: name, cause }: Omit<GroupCount, 'rows'>) => JSON.stringify([entity, name, cause])

function fits({ class: name, cause }: GroupCount, filter: RepairFilter): boolean {
  return (filter.class ?? name) === name && (filter.cause === undefined || filter.cause === cause)
}

/** The exact rows of each class by cause, the most first; what no cause is counted for has the cause null. */
function countGroups({ entity, accounting, causes }: JobEntityResult): GroupCount[] {
  return repairClasses.flatMap((name) => {
    const total = totalOf(accounting, name)
    const byCause = causes.flatMap(({ class: of, cause, rows }): GroupCount[] => (of !== name || rows === null || rows === 0 ? [] : [{ entity, class: name, cause, rows }]))
    const rest = total === null ? 0 : total - sumOf(byCause, ({ rows }) => rows)
    const list = rest > 0 ? [...byCause, { entity, class: name, cause: null, rows: rest }] : byCause
    return list.sort((left, right) => right.rows - left.rows || ((left.cause ?? '') < (right.cause ?? '') ? -1 : 1))
  })
}

function totalOf({ source, target }: Accounting, name: RepairClass): Count {
  return name === 'missing' || name === 'differs' ? source[name] : target[name]
}

const pageRows = 5_000

/** The stored rows of the groups, in the order in which they were found, at most `limit` of all together. */
async function readStored(sql: Db, jobId: string, counts: readonly GroupCount[], limit: number): Promise<Map<string, DifferenceRow[]>> {
  const stored = new Map<string, DifferenceRow[]>(counts.map((count) => [nameOf(count), []]))
  let left = limit
  for (const [entity, name] of distinctClasses(counts)) {
    for (let after = 0; left > 0;) {
      const { differences } = await listDifferences(sql, jobId, { entity, class: name }, after, pageRows)
      for (const row of differences) {
        const list = stored.get(nameOf({ entity, class: name, cause: row.cause }))
        if (list === undefined || left === 0) continue
        list.push(row)
        left -= 1
      }
      const last = differences.at(-1)
      if (last === undefined || differences.length < pageRows) break
      after = last.id
    }
  }
  return stored
}

function distinctClasses(counts: readonly GroupCount[]): [string, RepairClass][] {
  return [...new Map(counts.map(({ entity, class: name }) => [JSON.stringify([entity, name]), [entity, name] as [string, RepairClass]])).values()]
}

/** Without a spec there are no rows either: a refused entity has no class but unverified. */
function groupOf({ entity, class: name, cause, rows }: GroupCount, scripts: string[], spec: ComparisonSpec | undefined, stored: readonly DifferenceRow[], isMasked: boolean): RepairGroup[] {
  if (spec === undefined) return []
  const side = repairSides[name]
  const { schema, table } = side === 'source' && spec.source.query !== null ? (spec.source.covers ?? { schema: null, table: null }) : spec[side]
  const keys = stored.map((row) => keysOf(row, side))
  const usable = keys.filter((key) => Object.values(key[side === 'source' ? 'legacy' : 'target'] ?? {}).every(isWhole))
  const masked = isMasked ? rows : 0
  const legs = repairLegs(spec, side)
  const distinct = new Map(usable.map((key) => legs.map((leg) => key[side === 'source' ? 'legacy' : 'target']?.[leg.name] ?? null)).map((texts) => [JSON.stringify(texts), texts]))
  return [{
    scripts, entity, class: name, cause, side, schema, table, legs, advice: cause === null ? null : (causeAdvice[cause] ?? null),
    rows, listed: usable.length, masked, unusable: keys.length - usable.length, notListed: rows - masked - keys.length, keys: usable,
    sql: distinct.size === 0 ? null : repairStatements(spec, name, [...distinct.values()]),
  }]
}

/** A target row is stored with its own key beside the legacy key that it leads to; without the latter its own key stands in that place. */
function keysOf({ rowKey, columns }: DifferenceRow, side: Side): RepairKey {
  if (side === 'source') return { legacy: rowKey, target: null }
  if (columns.length === 0) return { legacy: null, target: rowKey }
  return { legacy: rowKey, target: Object.fromEntries(columns.map(({ column, target }) => [column, target])) }
}

/** A text longer than this was cut when it was stored, and one of more than 65,536 characters is told by its hashes. */
function isWhole(text: string | null): boolean {
  return text === null || (text.length <= longestShown && !/\.\.\. \d{5,} characters, [-\d]+$/.test(text))
}

const list = (names: readonly string[]) => names.join(', ')
const rowsOf = (count: number) => `${count} ${count === 1 ? 'row' : 'rows'}`

function remarksOnJob(job: Job, wanted: readonly PlannedEntity[], results: readonly JobEntityResult[]): string[] {
  const settled = new Set(results.map(({ entity }) => entity))
  const open = wanted.filter(({ name }) => !settled.has(name)).map(({ name }) => name)
  return [
    ...(job.status === 'completed' ? [] : [`the job is ${job.status}${job.status === 'queued' || job.status === 'running' ? ': ask again when it is over' : ', so that its figures are partial'}`]),
    ...(open.length === 0 ? [] : [`not compared by this job: ${list(open)}`]),
    ...results.flatMap(({ entity, note, accounting: { source, target } }) => {
      if (source.missing === null || source.differs === null || target.extra === null || target.duplicate === null) return [`${entity} could not be compared${note === null ? '' : `: ${note}`}`]
      const undecided = [source.unverified ?? 0, source.pending ?? 0, target.unverified ?? 0, target.pending ?? 0] as const
      const [unverified, pending] = [undecided[0] + undecided[2], undecided[1] + undecided[3]]
      return [
        ...(unverified === 0 ? [] : [`${rowsOf(unverified)} of ${entity} (both sides) could not be compared: whether they need a repair is not known${note === null ? '' : `: ${note}`}`]),
        ...(pending === 0 ? [] : [`${rowsOf(pending)} of ${entity} (both sides) changed during the comparison: validate again`]),
      ]
    }),
  ]
}

function remarksOnGroups(groups: readonly RepairGroup[], limit: number): string[] {
  const of = (what: 'masked' | 'unusable' | 'notListed') => ({ rows: sumOf(groups, (group) => group[what]), entities: list([...new Set(groups.filter((group) => group[what] > 0).map(({ entity }) => entity))]) })
  const [masked, unusable, notListed] = [of('masked'), of('unusable'), of('notListed')]
  const isFull = sumOf(groups, ({ listed, unusable: cut }) => listed + cut) >= limit
  return [
    ...(masked.rows === 0 ? [] : [`the keys of ${rowsOf(masked.rows)} are masked, since the plan says pii: ${masked.entities}`]),
    ...(unusable.rows === 0 ? [] : [`the keys of ${rowsOf(unusable.rows)} have more than ${longestShown} characters and are not stored whole: ${unusable.entities}`]),
    ...(notListed.rows === 0 ? [] : [
      `${rowsOf(notListed.rows)} are not listed, since ${isFull ? `this list ends after ${limit} keys (ask with a filter)` : 'a job keeps a limited number of differences of each entity (MAX_STORED_DIFFERENCES)'}: ` +
      `repair these, validate again, and ask again: ${notListed.entities}`,
    ]),
  ]
}

/** Rows that no entity claims are missing or extra under no key. */
function remarksOnTables(tables: readonly JobTable[]): string[] {
  return tables.flatMap(({ side, schema, table, coverage, unclaimed, error }) => {
    if (error !== null) return [`the ${side} table ${schema}.${table} could not be counted`]
    if (coverage === 'uncovered') return [`the ${side} table ${schema}.${table} is in no entity`]
    return unclaimed === null || unclaimed === 0 ? [] : [`${rowsOf(unclaimed)} of the ${side} table ${schema}.${table} ${unclaimed === 1 ? 'is' : 'are'} claimed by no entity`]
  })
}

function sumOf<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0)
}
