import { setTimeout as sleep } from 'node:timers/promises'
import type { Side } from '../core/catalog.js'
import { canHaveNeighbours, type PageRange, type StatementOptions } from '../core/expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import { isTransient } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import { segmentsOf, type TaskContext } from './context.js'
import { evidenceOf, readCounters, readReading, versionsOf, type Evidence, type Reading, type Versions } from './evidence.js'
import type { CheckResult, JobEntity } from './outcomes.js'
import type { Reader } from './reader.js'
import type { ScanOutcome } from './scan-chunk.js'

export type SideEvidence = Record<Side, Evidence>
export type SideVersions = Record<Side, Versions>
/** The job whose reading of a side still holds. */
export type Reused = Partial<Record<Side, string>>

/** What one side of an entity proves later. */
interface Proof {
  evidence: Evidence
  versions: Versions
}

/** What `findReusable` has found, by entity. */
export interface Reusable {
  entities: JobEntity[]
  evidence: Record<string, SideEvidence>
  versions: Record<string, SideVersions>
  /** sides that need not be read */
  reused: Record<string, Reused>
  /** sides of which only those rows need be read whose versions are newer */
  partlyReused: Record<string, Reused>
}

/** What an earlier run left of an entity. */
interface EarlierRun {
  entity: string
  jobId: string
  segments: number
  neighbours: number | null
  evidence: SideEvidence | null
  versions: SideVersions | null
}

/** The newest published comparison of each entity that read, or could rest on, every row. */
async function readEarlierRuns(sql: Db, entities: readonly string[]): Promise<EarlierRun[]> {
  return sql<EarlierRun[]>`
    select distinct on (r.entity) r.entity, r.job_id as "jobId", e.segments, e.neighbours, t.outcome -> 'evidence' -> r.entity as evidence, t.outcome -> 'versions' -> r.entity as versions
    from migration_coverage.entity_result r
    join migration_coverage.job_entity e using (job_id, entity)
    join migration_coverage.task t on t.job_id = r.job_id and t.kind = 'prepare' and t.status = 'done'
    where r.entity = any(${[...entities]}::text[]) and r.published_at is not null and r.basis in ('full', 'changed')
    order by r.entity, r.published_at desc, r.job_id`
}

/**
 * Reads what proves later that nothing has changed, of each entity that can be compared; in a run of mode `changed` also finds the sides whose earlier reading still holds, as a whole or but for the rows that are newer.
 * Such an entity keeps the segments of that run, so that both sides meet in them.
 * @param parentsOf the specs of the entities whose rows an entity references
 * @param isUnstable the plan's SQL for the entity changes from call to call, so equal statements prove nothing
 */
export async function findReusable(context: TaskContext, entities: readonly JobEntity[], job: { mode: string; recode: boolean }, parentsOf: (spec: ComparisonSpec) => ComparisonSpec[], isUnstable: (entity: string) => boolean, signal: AbortSignal): Promise<Reusable> {
  const earlier = job.mode === 'changed' ? await readEarlierRuns(context.target, entities.map(({ entity }) => entity)) : []
  const before = new Map(earlier.map(({ entity, segments, neighbours }) => [entity, { segments, neighbours }]))
  const keep = (one: JobEntity) => {
    const { segments, neighbours } = before.get(one.entity) ?? one
    // the plan may have another key by now
    return { ...one, segments, neighbours: one.spec !== null && canHaveNeighbours(one.spec) ? neighbours : null }
  }
  const kept = entities.map((one) => (one.blocked === null ? keep(one) : one))
  if (job.mode === 'sample') return { entities: kept, evidence: {}, versions: {}, reused: {}, partlyReused: {} }
  const look = (side: Side) => readSide(context, kept, side, job.recode, parentsOf, isUnstable, signal)
  const [source, target] = await Promise.all([look('source'), look('target')])
  const sides = { source, target }
  const proofs = new Map(kept.map(({ entity }) => [entity, { source: sides.source.first(entity), target: sides.target.first(entity) }]))
  const isLookalike = (run: EarlierRun, side: Side) => isWhole(run, side, proofs.get(run.entity)) || isPart(run, side, proofs.get(run.entity))
  if (bothSides.some((side) => sides[side].sessions > 0 && earlier.some((run) => isLookalike(run, side)))) {
    // sessions of others may have changed rows and not told yet: a second look must be like the first
    await sleep(context.options.statisticsDelayMs, undefined, { signal })
    const now = { source: await sides.source.look(), target: await sides.target.look() }
    for (const [entity, found] of proofs) for (const side of bothSides) {
      const second = now[side](entity)
      found[side] = { evidence: second.evidence === found[side].evidence ? second.evidence : null, versions: isSame(second.versions, found[side].versions) ? second.versions : null }
    }
  }
  const jobsOf = (holds: typeof isWhole) => Object.fromEntries(earlier.map((run): [string, Reused] => [run.entity, Object.fromEntries(bothSides.filter((side) => holds(run, side, proofs.get(run.entity))).map((side) => [side, run.jobId]))]))
  const told = <T>(what: (proof: Proof) => T) => Object.fromEntries([...proofs].map(([entity, { source, target }]) => [entity, { source: what(source), target: what(target) }]))
  return {
    entities: kept, evidence: told(({ evidence }) => evidence), versions: told(({ versions }) => versions), reused: jobsOf(isWhole),
    partlyReused: jobsOf((run, side, proof) => !isWhole(run, side, proof) && isPart(run, side, proof)),
  }
}

const bothSides = ['source', 'target'] as const

/** The side is as that run read it. */
function isWhole(run: EarlierRun, side: Side, proofs: Record<Side, Proof> | undefined): boolean {
  return isSame(run.evidence?.[side], proofs?.[side].evidence)
}

/** The side is as that run read it, but for rows whose versions are newer. */
function isPart(run: EarlierRun, side: Side, proofs: Record<Side, Proof> | undefined): boolean {
  return isSame(run.versions?.[side], proofs?.[side].versions)
}

function isSame(before: Evidence | Versions | undefined, now: Evidence | Versions | undefined): boolean {
  if (before === null || before === undefined || now === null || now === undefined) return false
  if (typeof before === 'string' || typeof now === 'string') return before === now
  return before.table === now.table && before.rest === now.rest
}

/** What the entities read on one side, with a first look at its counters, and a way to look again. */
async function readSide({ readers, options: { statisticsDelayMs } }: TaskContext, entities: readonly JobEntity[], side: Side, recode: boolean, parentsOf: (spec: ComparisonSpec) => ComparisonSpec[], isUnstable: (entity: string) => boolean, signal: AbortSignal): Promise<{ sessions: number; first: (entity: string) => Proof; look: () => Promise<(entity: string) => Proof> }> {
  const divided = new Map(entities.map((one) => [one.entity, segmentsOf(one)]))
  const known = new Map<string, Reading>()
  const readingOf = async (spec: ComparisonSpec): Promise<Reading> => {
    const reading = known.get(spec.entity) ?? await readOne(spec, readers[side], { ...(divided.get(spec.entity) ?? { segments: 1 }), recode }, signal)
    known.set(spec.entity, reading)
    return reading
  }
  const readings = new Map<string, { own: Reading; parents: Reading[] }>()
  for (const { entity, spec, blocked } of entities) {
    if (spec === null || blocked !== null || isUnstable(entity)) continue
    const own = await readingOf(spec)
    const parents: Reading[] = []
    for (const parent of parentsOf(spec)) if (parent.entity !== entity) parents.push(await readingOf(parent))
    readings.set(entity, { own, parents })
  }
  const relations = new Map([...known.values()].flatMap((reading) => reading.relations ?? []).map((relation) => [JSON.stringify(relation), relation]))
  const look = async () => {
    const counters = await readCounters(readers[side], [...relations.values()], statisticsDelayMs, signal)
    const of = (entity: string): Proof => {
      const reading = readings.get(entity)
      return reading === undefined ? { evidence: null, versions: null } : { evidence: evidenceOf([reading.own, ...reading.parents], counters), versions: versionsOf(reading.own, counters) }
    }
    return { counters, of }
  }
  const first = await look()
  return { sessions: first.counters.sessions, first: first.of, look: async () => (await look()).of }
}

/** A statement that cannot be planned proves nothing; the comparison itself will say what is wrong with it. */
async function readOne(spec: ComparisonSpec, reader: Reader, options: StatementOptions, signal: AbortSignal): Promise<Reading> {
  try {
    return await readReading(spec, reader, options, signal)
  } catch (error) {
    if (signal.aborted || isTransient(error) || sideOf(error) === null) throw error
    return { text: '', relations: null, own: null }
  }
}

/** Gives the job the earlier reading of a side as its own: the tasks as done, with their outcomes and sums. */
export async function copyScans(tx: Db, jobId: string, entity: string, side: Side, from: string): Promise<void> {
  await tx`
    with copied as (
      insert into migration_coverage.task (job_id, kind, entity, side, chunk, first_page, next_page, status, started_at, finished_at, outcome)
      select ${jobId}, kind, entity, side, chunk, first_page, next_page, status, started_at, finished_at, outcome
      from migration_coverage.task where job_id = ${from} and kind = 'scan' and entity = ${entity} and side = ${side} and not coalesce((outcome ->> 'split')::boolean, false)
      returning task_id, chunk)
    insert into migration_coverage.segment_sums (task_id, packed, audit, keys, weighted, touched, newer)
    select copied.task_id, s.packed, s.audit, s.keys, s.weighted, s.touched, s.newer
    from copied join migration_coverage.task t on t.job_id = ${from} and t.kind = 'scan' and t.entity = ${entity} and t.side = ${side} and t.chunk = copied.chunk
    join migration_coverage.segment_sums s on s.task_id = t.task_id`
  const [copied] = await tx<{ whole: boolean }[]>`
    select count(*) = count(sums.task_id) as whole
    from migration_coverage.task t left join migration_coverage.segment_sums sums using (task_id) where t.job_id = ${jobId} and t.kind = 'scan' and t.entity = ${entity} and t.side = ${side}`
  // a job that ended meanwhile has taken its place: the next attempt finds that one
  if (copied?.whole !== true) throw new Error(`the sums of job ${from} have gone`)
}

/** A range of pages that a job has read as one. */
export interface Cut extends PageRange {
  chunk: number
}

/** How a job has cut a side, in the order of its pages. */
export async function readCuts(sql: Db, jobId: string, entity: string, side: Side): Promise<Cut[]> {
  return sql<Cut[]>`
    select chunk, first_page as first, next_page as next from migration_coverage.task
    where job_id = ${jobId} and kind = 'scan' and entity = ${entity} and side = ${side} and not coalesce((outcome ->> 'split')::boolean, false) order by first_page, chunk`
}

/** What a run rests on where it has not read a side itself, by its weakest evidence; null where it has read both. */
export function restsOn(entity: string, reused: Reused, outcomes: Record<Side, readonly ScanOutcome[]>): CheckResult | null {
  const whole = bothSides.filter((side) => reused[side] !== undefined)
  const parts = bothSides.filter((side) => reused[side] === undefined && outcomes[side].some(({ readAt }) => readAt !== undefined))
  if (whole.length + parts.length === 0) return null
  const areLookedUp = parts.every((side) => outcomes[side].every(({ readAt, newer }) => readAt === undefined || newer !== undefined))
  const firstAt = (times: readonly (string | undefined)[]) => times.filter((time) => time !== undefined).toSorted()[0] ?? 'an unknown time'
  const told = [
    ...(whole.length === 0 ? [] : [`${whole.map((side) => `the ${side} was read at ${firstAt(outcomes[side].map(({ snapshotAt }) => snapshotAt))}`).join(' and ')}, and the statistics counters, files and columns of what was read there are the same as before that reading`]),
    ...parts.map((side) => {
      const kept = outcomes[side].filter(({ readAt }) => readAt !== undefined)
      return `${kept.length} of ${outcomes[side].length} chunks of the ${side} were read at ${firstAt(kept.map(({ readAt }) => readAt))} and since then, by the versions of their rows, other rows have come or gone in ${kept.reduce((sum, { touched }) => sum + (touched ?? 0), 0)} segments only`
    }),
  ]
  return {
    entity, name: 'what has not changed was read before', subject: '', category: 'engine', severity: 'info', verdict: 'pass', rowsExamined: null, rowsFailed: null, durationMs: null,
    message: `${told.join('; ')}; rows that differed${parts.length === 0 ? '' : areLookedUp ? ', what is newer, and segments from which keys have gone' : ', and those of these segments,'} were read again`,
    evidence: { basis: whole.length > 0 ? 'counters' : 'versions', reused: whole, partlyReused: parts },
  }
}
