import type { TransactionSql } from 'postgres'
import type { Verdict } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import type { PageRange } from '../core/row-expressions.js'
import type { Db } from '../db/clients.js'
import { sqlstateOf, type ReasonCode } from '../db/sqlstate.js'
import type { Queue } from './queue.js'

export type TaskKind = 'prepare' | 'scan' | 'settle' | 'integrity' | 'account' | 'finish'
export type JobPriority = 'critical' | 'high' | 'normal' | 'low'
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

export interface NewTask {
  kind: TaskKind
  entity?: string | null
  side?: Side | null
  chunk?: number | null
  firstPage?: number | null
  nextPage?: number | null
}

/** What has gone wrong with a task so far. */
export interface Troubles {
  /** times a database was away or busy */
  retries: number
  /** times the handler failed otherwise */
  failures: number
  /** times its worker vanished */
  deaths: number
}

export interface TakenTask extends Troubles {
  taskId: number
  jobId: string
  kind: TaskKind
  entity: string | null
  side: Side | null
  chunk: number | null
  firstPage: number | null
  nextPage: number | null
  /** of this taking; every write must carry it */
  fence: number
  job: {
    planId: number
    planChecksum: string
    mode: 'full' | 'changed' | 'sample'
    priority: JobPriority
    includeIntegrityChecks: boolean
    includeCrossEntity: boolean
    entities: string[]
  }
}

export const messagePriority: Record<JobPriority, number> = { critical: 30, high: 20, normal: 10, low: 0 }

/**
 * Inserts tasks of a job and sends their messages, in the caller's transaction. A task that the job has already
 * (same kind, entity, side and chunk) is left as it is.
 * @returns how many are new
 */
export async function addTasks(tx: Db, queue: Queue, jobId: string, tasks: readonly NewTask[]): Promise<number> {
  if (tasks.length === 0) return 0
  const list = tasks.map(({ kind, entity, side, chunk, firstPage, nextPage }) => ({ kind, entity, side, chunk, first_page: firstPage, next_page: nextPage }))
  const added = await tx<{ taskId: number; priority: JobPriority }[]>`
    with added as (
      insert into migration_coverage.task (job_id, kind, entity, side, chunk, first_page, next_page)
      select ${jobId}::uuid, kind, entity, side, chunk, first_page, next_page
      from jsonb_to_recordset(${JSON.stringify(list)}::text::jsonb)
        as new (kind text, entity text, side text, chunk integer, first_page bigint, next_page bigint)
      on conflict on constraint task_identity do nothing
      returning task_id)
    select added.task_id as "taskId", job.priority
    from added join migration_coverage.job on job.job_id = ${jobId}::uuid
    order by added.task_id`
  const [first] = added
  if (first) await queue.enqueue(tx, added.map((task) => task.taskId), { priority: messagePriority[first.priority] })
  return added.length
}

/**
 * Takes a task for a worker: the fence grows, so that whoever had it before can write nothing any more. A task that is found
 * running was left by a worker that vanished.
 * @returns null when there is nothing to do: the task is done, or its job is over
 */
export async function takeTask(sql: Db, taskId: number, worker: string): Promise<TakenTask | null> {
  const [task] = await sql<(TakenTask & { jobStatus: string })[]>`
    update migration_coverage.task
    set status = 'running', fence = fence + 1, worker = ${worker}, started_at = now(), finished_at = null,
        outcome = case when task.status = 'running'
          then coalesce(outcome, '{}') || jsonb_build_object('deaths', coalesce((outcome ->> 'deaths')::integer, 0) + 1) else outcome end
    from migration_coverage.job join migration_coverage.plan using (plan_id)
    where task_id = ${taskId} and job.job_id = task.job_id
      and task.status in ('queued', 'running') and job.status in ('queued', 'running')
    returning task_id as "taskId", task.job_id as "jobId", kind, entity, side, chunk, first_page as "firstPage", next_page as "nextPage", fence,
      coalesce((outcome ->> 'retries')::integer, 0) as retries, coalesce((outcome ->> 'failures')::integer, 0) as failures,
      coalesce((outcome ->> 'deaths')::integer, 0) as deaths, job.status as "jobStatus",
      jsonb_build_object('planId', job.plan_id, 'planChecksum', plan.checksum, 'mode', job.mode, 'priority', job.priority,
        'includeIntegrityChecks', job.include_integrity_checks, 'includeCrossEntity', job.include_cross_entity, 'entities', job.entities) as job`
  if (!task) return null
  const { jobStatus, ...taken } = task
  // Apart from the statement above, which so holds no lock but the task's while it waits for another.
  if (jobStatus === 'queued') {
    await sql`update migration_coverage.job set status = 'running', started_at = now() where job_id = ${taken.jobId} and status = 'queued'`
  }
  return taken
}

/**
 * Locks a taken task and its job for the rest of the transaction, the job first, as everyone does who locks both. The lock on
 * the job makes the commits of one job follow each other, so that "was this the last one?" has one answer. Not `for update`: who writes for the task has locked
 * its key by then, and may wait for the job.
 * @returns false when the fence is old, the task was taken away, or the job is over: then nothing may be written
 */
export async function holdTask(tx: TransactionSql, { jobId, taskId, fence }: TakenTask): Promise<boolean> {
  const [held] = await tx<{ held: boolean }[]>`
    with job as materialized (
      select status from migration_coverage.job where job_id = ${jobId} for no key update),
    task as materialized (
      select fence, status from migration_coverage.task where task_id = ${taskId} and exists (select from job) for no key update)
    select job.status in ('queued', 'running') and task.status = 'running' and task.fence = ${fence} as held from job, task`
  return held?.held ?? false
}

/** How a task ends, and what follows it. */
export interface Ending {
  /** replaces the account of its troubles */
  outcome: Json
  /** the databases that it has certainly read: a job that waited for one of them waits no longer */
  reached: readonly Side[]
  /** first page that it has left unread; its own end when not given */
  nextPage?: number
  /** pages for tasks like it */
  rest?: readonly PageRange[]
  /** a task that follows once its job has none of these kinds (of that entity, if one is named) left to do */
  whenLast?: { after: TaskKind[]; kind: TaskKind; entity: string | null }
  /** of the whole job, which ends well with this task */
  verdict?: Verdict
}

/**
 * Locks a taken task and its job, marks the task done, adds the tasks that follow it and sends their messages, all in one statement, so that the lock is
 * held for no round trip when COMMIT is sent right behind it. The first time on a connection postgres.js has the statement described, and what is sent next waits for its answer.
 * @throws an error that `isLost` knows when the task is not held: nothing of the transaction may be kept then
 */
export async function finishTask(tx: TransactionSql, queue: Queue, { jobId, taskId, fence, job }: TakenTask, ending: Ending): Promise<void> {
  const argument = JSON.stringify({ rest: [], ...ending })
  await queue.enqueueEach(tx, 'migration_coverage.finish_task($1::uuid, $2::bigint, $3::bigint, $4::text::jsonb)', [jobId, taskId, fence, argument], messagePriority[job.priority])
}

/** Whether a transaction was refused because its task is not held any more. */
export function isLost(error: unknown): boolean {
  return sqlstateOf(error) === 'MC001'
}

/** Gives a held task back and sends it again after `delaySeconds`. */
export async function releaseTask(tx: Db, queue: Queue, task: TakenTask, troubles: Troubles, error: string | null, delaySeconds: number): Promise<void> {
  const { retries, failures, deaths } = troubles
  await tx`
    update migration_coverage.task
    set status = 'queued', worker = null, error = ${error}, outcome = jsonb_build_object('retries', ${retries}::integer, 'failures', ${failures}::integer, 'deaths', ${deaths}::integer)
    where task_id = ${task.taskId}`
  await queue.enqueue(tx, [task.taskId], { startAfterSeconds: delaySeconds, priority: messagePriority[task.job.priority] })
}

/**
 * Ends a job before its time; its tasks that are not done are cancelled. A job that is over stays as it is.
 * @returns whether the job was still running
 */
export async function endJob(tx: Db, jobId: string, end: { status: 'failed' | 'cancelled'; code: ReasonCode; reason: string; failedTask?: number }): Promise<boolean> {
  const [ended] = await tx`
    update migration_coverage.job
    set status = ${end.status}, reason_code = ${end.code}, reason = ${end.reason}, finished_at = now(), paused_reason = null, paused_at = null
    where job_id = ${jobId} and status in ('queued', 'running')
    returning job_id`
  if (!ended) return false
  const failedTask = end.failedTask ?? null
  await tx`
    update migration_coverage.task
    set status = case when task_id = ${failedTask}::bigint then 'failed' else 'cancelled' end, finished_at = now(),
        error = case when task_id = ${failedTask}::bigint then ${end.reason} else error end
    where job_id = ${jobId} and status in ('queued', 'running')`
  return true
}

/**
 * Says what a job waits for: a database that is away, or has enough to do without us. One that is away stays the reason until it is back.
 * @param load what keeps the database busy; null: it is away
 * @returns the side that the job waits for, and how long it has waited, in ms
 */
export async function pauseJob(tx: Db, jobId: string, side: Side, load: string | null = null): Promise<{ side: Side; waitedMs: number }> {
  const reason = load === null ? `${side} database is unavailable` : `${side} database is busy: ${load}`
  const [paused] = await tx<{ reason: string; waitedMs: number }[]>`
    update migration_coverage.job
    set paused_reason = case when paused_reason like '% is unavailable' then paused_reason else ${reason} end, paused_at = coalesce(paused_at, clock_timestamp())
    where job_id = ${jobId}
    returning paused_reason as reason, (extract(epoch from clock_timestamp() - paused_at) * 1000)::float8 as "waitedMs"`
  if (!paused) throw new Error(`job ${jobId} has gone`)
  return { side: paused.reason.startsWith('source') ? 'source' : 'target', waitedMs: paused.waitedMs }
}

/** Of the tasks a worker believes to run, those that it still holds, as task id → fence. */
export async function heldTasks(sql: Db, taskIds: readonly number[]): Promise<Map<number, number>> {
  const rows = await sql<{ taskId: number; fence: number }[]>`
    select task_id as "taskId", fence from migration_coverage.task
    where task_id = any(${[...taskIds]}::bigint[]) and status = 'running'`
  return new Map(rows.map(({ taskId, fence }) => [taskId, fence]))
}
