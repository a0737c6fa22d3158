import { setTimeout as sleep } from 'node:timers/promises'
import type { Side } from '../core/catalog.js'
import type { StatementOptions } from '../core/expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import { isTransient } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import type { TaskContext } from './context.js'
import { evidenceOf, readCounters, readReading, type Evidence, type Reading } from './evidence.js'
import type { CheckResult, JobEntity } from './outcomes.js'
import type { Reader } from './reader.js'

export type SideEvidence = Record<Side, Evidence>
/** The job whose reading of a side still holds. */
export type Reused = Partial<Record<Side, string>>

/** What an earlier run left of an entity. */
interface EarlierRun {
  entity: string
  jobId: string
  segments: number
  evidence: SideEvidence | null
}

/** The newest published comparison of each entity that read, or could rest on, every row. */
async function readEarlierRuns(sql: Db, entities: readonly string[]): Promise<EarlierRun[]> {
  return sql<EarlierRun[]>`
    select distinct on (r.entity) r.entity, r.job_id as "jobId", e.segments, t.outcome -> 'evidence' -> r.entity as evidence
    from migration_coverage.entity_result r
    join migration_coverage.job_entity e using (job_id, entity)
    join migration_coverage.task t on t.job_id = r.job_id and t.kind = 'prepare' and t.status = 'done'
    where r.entity = any(${[...entities]}::text[]) and r.published_at is not null and r.basis in ('full', 'changed')
    order by r.entity, r.published_at desc, r.job_id`
}

/**
 * Reads what proves later that nothing has changed, of each entity that can be compared; in a run of mode `changed` also finds the sides whose earlier reading still holds.
 * Such an entity keeps the segments of that run, so that both sides meet in them.
 * @param parentsOf the specs of the entities whose rows an entity references
 * @param isUnstable the plan's SQL for the entity changes from call to call, so equal statements prove nothing
 */
export async function findReusable(context: TaskContext, entities: readonly JobEntity[], job: { mode: string; recode: boolean }, parentsOf: (spec: ComparisonSpec) => ComparisonSpec[], isUnstable: (entity: string) => boolean, signal: AbortSignal): Promise<{ entities: JobEntity[]; evidence: Record<string, SideEvidence>; reused: Record<string, Reused> }> {
  const earlier = new Map((job.mode === 'changed' ? await readEarlierRuns(context.target, entities.map(({ entity }) => entity)) : []).map((run) => [run.entity, run]))
  const kept = entities.map((one) => (one.blocked === null ? { ...one, segments: earlier.get(one.entity)?.segments ?? one.segments } : one))
  if (job.mode === 'sample') return { entities: kept, evidence: {}, reused: {} }
  const sides = { source: await readSide(context, kept, 'source', job.recode, parentsOf, isUnstable, signal), target: await readSide(context, kept, 'target', job.recode, parentsOf, isUnstable, signal) }
  const evidence = Object.fromEntries(kept.map(({ entity }) => [entity, { source: sides.source.first(entity), target: sides.target.first(entity) }]))
  const hasLookalike = (['source', 'target'] as const).some((side) => sides[side].sessions > 0 && [...earlier.values()].some((run) => isSame(run.evidence, evidence[run.entity], side)))
  if (hasLookalike) {
    // sessions of others may have changed rows and not told yet: a second look must be like the first
    await sleep(context.options.statisticsDelayMs, undefined, { signal })
    const now = { source: await sides.source.look(), target: await sides.target.look() }
    for (const [entity, found] of Object.entries(evidence)) for (const side of ['source', 'target'] as const) if (now[side](entity) !== found[side]) found[side] = null
  }
  const reused = Object.fromEntries([...earlier].map(([entity, run]): [string, Reused] => [entity, {
    ...(isSame(run.evidence, evidence[entity], 'source') ? { source: run.jobId } : {}), ...(isSame(run.evidence, evidence[entity], 'target') ? { target: run.jobId } : {}),
  }]))
  return { entities: kept, evidence, reused }
}

/** What the entities read on one side, with a first look at its counters, and a way to look again. */
async function readSide({ readers, options: { statisticsDelayMs } }: TaskContext, entities: readonly JobEntity[], side: Side, recode: boolean, parentsOf: (spec: ComparisonSpec) => ComparisonSpec[], isUnstable: (entity: string) => boolean, signal: AbortSignal): Promise<{ sessions: number; first: (entity: string) => Evidence; look: () => Promise<(entity: string) => Evidence> }> {
  const segmentsOf = new Map(entities.map(({ entity, segments }) => [entity, segments]))
  const known = new Map<string, Reading>()
  const readingOf = async (spec: ComparisonSpec): Promise<Reading> => {
    const reading = known.get(spec.entity) ?? await readOne(spec, readers[side], { segments: segmentsOf.get(spec.entity) ?? 1, recode }, signal)
    known.set(spec.entity, reading)
    return reading
  }
  const readings = new Map<string, Reading[]>()
  for (const { entity, spec, blocked } of entities) {
    if (spec === null || blocked !== null || isUnstable(entity)) continue
    const own: Reading[] = []
    for (const one of [spec, ...parentsOf(spec).filter((parent) => parent.entity !== entity)]) own.push(await readingOf(one))
    readings.set(entity, own)
  }
  const relations = new Map([...known.values()].flatMap((reading) => reading.relations ?? []).map((relation) => [JSON.stringify(relation), relation]))
  const look = async () => {
    const counters = await readCounters(readers[side], [...relations.values()], statisticsDelayMs, signal)
    return { counters, of: (entity: string): Evidence => { const own = readings.get(entity); return own === undefined ? null : evidenceOf(own, counters) } }
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
    return { text: '', relations: null }
  }
}

function isSame(before: SideEvidence | null, now: SideEvidence | undefined, side: Side): boolean {
  const [left, right] = [before?.[side] ?? null, now?.[side] ?? null]
  return left !== null && left === right
}

/** Gives the job the earlier reading of a side as its own: the tasks as done, with their outcomes and sums. */
export async function copyScans(tx: Db, jobId: string, entity: string, side: Side, from: string): Promise<void> {
  await tx`
    with copied as (
      insert into migration_coverage.task (job_id, kind, entity, side, chunk, first_page, next_page, status, started_at, finished_at, outcome)
      select ${jobId}, kind, entity, side, chunk, first_page, next_page, status, started_at, finished_at, outcome
      from migration_coverage.task where job_id = ${from} and kind = 'scan' and entity = ${entity} and side = ${side} and not coalesce((outcome ->> 'split')::boolean, false)
      returning task_id, chunk)
    insert into migration_coverage.segment_sums (task_id, packed, audit)
    select copied.task_id, s.packed, s.audit
    from copied join migration_coverage.task t on t.job_id = ${from} and t.kind = 'scan' and t.entity = ${entity} and t.side = ${side} and t.chunk = copied.chunk
    join migration_coverage.segment_sums s on s.task_id = t.task_id`
  const [copied] = await tx<{ whole: boolean }[]>`
    select count(*) = count(sums.task_id) as whole
    from migration_coverage.task t left join migration_coverage.segment_sums sums using (task_id) where t.job_id = ${jobId} and t.kind = 'scan' and t.entity = ${entity} and t.side = ${side}`
  // a job that ended meanwhile has taken its place: the next attempt finds that one
  if (copied?.whole !== true) throw new Error(`the sums of job ${from} have gone`)
}

/** What a run rests on where it has not read a side itself, by its weakest evidence; null where it has read both. */
export function restsOn(entity: string, reused: Reused, snapshots: Record<Side, string | null>): CheckResult | null {
  const sides = (['source', 'target'] as const).filter((side) => reused[side] !== undefined)
  if (sides.length === 0) return null
  const told = sides.map((side) => `the ${side} was read at ${snapshots[side] ?? 'an unknown time'}`)
  return {
    entity, name: 'what has not changed was read before', subject: '', category: 'engine', severity: 'info', verdict: 'pass', rowsExamined: null, rowsFailed: null, durationMs: null,
    message: `${told.join(' and ')}, and the statistics counters, files and columns of what was read there are the same as before that reading; rows that differed were read again`,
    evidence: { basis: 'counters', reused: sides },
  }
}
