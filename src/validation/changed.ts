import { setTimeout as sleep } from 'node:timers/promises'
import type { Side } from '../core/catalog.js'
import type { StatementOptions } from '../core/expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import { isTransient } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import type { TaskContext } from './context.js'
import { readEvidence, type Evidence, type Look } from './evidence.js'
import type { CheckResult, JobEntity } from './outcomes.js'

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
  const look = async () => {
    const looks = new Map<string, Record<Side, Look>>()
    await Promise.all(kept.map(async ({ entity, spec, blocked, segments }) => {
      if (spec === null || blocked !== null || isUnstable(entity)) return
      const options: StatementOptions = { segments, recode: job.recode }
      const specs = [spec, ...parentsOf(spec)]
      looks.set(entity, { source: await lookAt(context, specs, 'source', options, signal), target: await lookAt(context, specs, 'target', options, signal) })
    }))
    return looks
  }
  let looks = await look()
  if ([...looks].some(([entity, sides]) => earlier.has(entity) && (['source', 'target'] as const).some((side) => sides[side].evidence !== null && sides[side].sessions > 0))) {
    // sessions of others may have changed rows and not told yet: a second look must be like the first
    await sleep(context.options.statisticsDelayMs, undefined, { signal })
    const [before, now] = [looks, await look()]
    const settled = (entity: string, side: Side, found: Look): Look => (before.get(entity)?.[side].evidence === found.evidence ? found : { ...found, evidence: null })
    looks = new Map([...now].map(([entity, { source, target }]) => [entity, { source: settled(entity, 'source', source), target: settled(entity, 'target', target) }]))
  }
  const evidence = Object.fromEntries([...looks].map(([entity, { source, target }]) => [entity, { source: source.evidence, target: target.evidence }]))
  const reused = Object.fromEntries([...earlier].map(([entity, run]): [string, Reused] => [entity, {
    ...(isSame(run.evidence, evidence[entity], 'source') ? { source: run.jobId } : {}), ...(isSame(run.evidence, evidence[entity], 'target') ? { target: run.jobId } : {}),
  }]))
  return { entities: kept, evidence, reused }
}

function isSame(before: SideEvidence | null, now: SideEvidence | undefined, side: Side): boolean {
  const [left, right] = [before?.[side] ?? null, now?.[side] ?? null]
  return left !== null && left === right
}

/** A statement that cannot be planned proves nothing; the comparison itself will say what is wrong with it. */
async function lookAt({ readers, options: { statisticsDelayMs } }: TaskContext, specs: readonly ComparisonSpec[], side: Side, options: StatementOptions, signal: AbortSignal): Promise<Look> {
  try {
    return await readEvidence(specs, readers[side], options, statisticsDelayMs, signal)
  } catch (error) {
    if (signal.aborted || isTransient(error) || sideOf(error) === null) throw error
    return { evidence: null, sessions: 0 }
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
    insert into migration_coverage.segment (task_id, segment, row_count, fingerprint_sum)
    select copied.task_id, s.segment, s.row_count, s.fingerprint_sum
    from copied join migration_coverage.task t on t.job_id = ${from} and t.kind = 'scan' and t.entity = ${entity} and t.side = ${side} and t.chunk = copied.chunk
    join migration_coverage.segment s on s.task_id = t.task_id`
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
