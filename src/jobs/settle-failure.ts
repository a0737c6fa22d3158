import type { Sql } from 'postgres'
import type { Side } from '../core/catalog.js'
import { isTransient, isUnavailable, reasonCodeOf, sqlstateOf, type ReasonCode } from '../db/sqlstate.js'
import { busyLoad, jobFailureCode, sideOf } from './failure.js'
import type { Queue } from './queue.js'
import { endJob, holdTask, pauseJob, releaseTask, type TakenTask } from './task.js'

export interface FailureOptions {
  target: Sql
  queue: Queue
  sourceWaitLimitMs: number
}

const maxFailures = 3
const maxDeaths = 10
/** Pause before a task looks again whether a busy database has time for it, s. */
const busySeconds = 2
/** A database that answers, but whose locks, conflicts or limits refuse the same task this often will not have it. */
const maxBusyRetries = 30

/**
 * Settles what a handler or its commit threw. A database that is away or busy: the task is sent again later, and the job says
 * what it waits for, up to the limit. Anything else: up to three attempts. Then the job fails, and its other tasks are cancelled.
 * A task that is not held any more is left alone.
 */
export async function settleFailure({ target, queue, sourceWaitLimitMs }: FailureOptions, task: TakenTask, error: unknown): Promise<void> {
  await target.begin(async (tx) => {
    if (!(await holdTask(tx, task))) return
    const fail = (code: ReasonCode, reason: string) => endJob(tx, task.jobId, { status: 'failed', code, reason, failedTask: task.taskId })

    const failure = jobFailureCode(error)
    if (failure !== null && error instanceof Error) return void (await fail(failure, error.message))
    // What carries no note happened while results were written, which is on the target.
    const side = sideOf(error) ?? 'target'

    const load = busyLoad(error)
    if (load !== null) {
      const paused = await pauseJob(tx, task.jobId, side, load)
      if (paused.waitedMs > sourceWaitLimitMs) return void (await fail('RESOURCE', `The ${side} database was busy for ${durationText(paused.waitedMs)} (${load}). Run the validation again when it has less to do, or raise the limits SOURCE_MAX_*.`))
      return releaseTask(tx, queue, task, task, shortError(error), busySeconds * (0.5 + Math.random() / 2))
    }

    if (!isTransient(error)) {
      const failures = task.failures + 1
      if (failures >= maxFailures) return void (await fail(reasonCodeOf(error, side) ?? 'INTERNAL', failureSentence(task, error, failures)))
      return releaseTask(tx, queue, task, { ...task, failures }, shortError(error), backOffSeconds(failures))
    }

    const retries = task.retries + 1
    if (!isUnavailable(error)) {
      if (retries >= maxBusyRetries) return void (await fail(reasonCodeOf(error, side) ?? 'RESOURCE', failureSentence(task, error, retries)))
      // once is a moment's matter; what refuses the same task again is told, however long it lasts
      if (retries > 1) await pauseJob(tx, task.jobId, side, obstacleOf(error))
    } else {
      const paused = await pauseJob(tx, task.jobId, side)
      if (paused.waitedMs > sourceWaitLimitMs) return void (await fail(unavailable[paused.side], unavailableSentence(paused.side, paused.waitedMs)))
    }
    await releaseTask(tx, queue, task, { ...task, retries }, shortError(error), backOffSeconds(retries))
  })
}

/** Whether a task has cost so many workers their life that it must be its fault. */
export function isPoison({ deaths }: TakenTask): boolean {
  return deaths >= maxDeaths
}

/** Fails the job of a task that keeps killing its workers. */
export async function settlePoison(target: Sql, task: TakenTask): Promise<void> {
  const reason = `${taskName(task)} ended ${task.deaths} workers before it was done, most likely for want of memory. Give the workers more memory, or leave out what it reads.`
  await target.begin(async (tx) => {
    if (await holdTask(tx, task)) await endJob(tx, task.jobId, { status: 'failed', code: 'RESOURCE', reason, failedTask: task.taskId })
  })
}

/** 1 s, 2 s, 4 s … 30 s, each shortened by up to half at random, so that workers do not return all at once. */
export function backOffSeconds(attempt: number): number {
  return Math.min(30, 2 ** Math.min(attempt - 1, 5)) * (0.5 + Math.random() / 2)
}

const unavailable = { source: 'SOURCE_UNAVAILABLE', target: 'TARGET_UNAVAILABLE' } as const

function unavailableSentence(side: Side, waitedMs: number): string {
  return `The ${side} database could not be used for ${durationText(waitedMs)}. What was compared until then is kept as partial; run the validation again when the database is back.`
}

function durationText(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1_000)} seconds` : `${Math.round(ms / 60_000)} minutes`
}

function failureSentence(task: TakenTask, error: unknown, attempts: number): string {
  const side = sideOf(error)
  return `${taskName(task)} failed ${attempts} times${side === null ? '' : ` on the ${side} database`} (${shortError(error)}). The log of the worker has the details under task ${task.taskId}.`
}

function taskName({ kind, entity }: TakenTask): string {
  return entity === null ? `The task "${kind}"` : `The task "${kind}" of entity "${entity}"`
}

const obstacles: Record<string, string> = { '55P03': 'a table is locked', '40P01': 'transactions block each other', '53100': 'its disk is full', '53200': 'it is out of memory', '57014': 'a statement ran into its timeout' }

/** What a database refuses a task for, for people. */
function obstacleOf(error: unknown): string {
  const told = obstacles[sqlstateOf(error) ?? '']
  return told === undefined ? shortError(error) : `${told} (${shortError(error)})`
}

/** Never the message: PostgreSQL quotes values, and drivers hosts, in theirs. */
function shortError(error: unknown): string {
  const code = sqlstateOf(error)
  if (code !== null) return /^[0-9A-Z]{5}$/.test(code) ? `SQLSTATE ${code}` : code
  return error instanceof Error ? error.name : 'unknown error'
}
