import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'
import type { Db } from '../db/clients.js'
import type { Log, Queue, Workers } from './queue.js'
import { describeError } from './failure.js'
import { isPoison, settleFailure, settlePoison } from './settle-failure.js'
import { finishTask, heldTasks, holdTask, isLost, messagePriority, releaseTask, takeTask, type Ending, type TakenTask, type TaskKind } from './task.js'
import type { Side } from '../core/catalog.js'
import { removeWorker, reportWorker } from './worker-row.js'

/** What a handler found, and how its task ends. */
export interface Commit extends Partial<Omit<Ending, 'reached'>> {
  /** Resolves when what was found is written, in the transaction that ends the task. The job is not locked yet, so its other tasks do not wait; all of it is undone when the task turns out to be lost. */
  write?: (tx: Db) => Promise<unknown>
}

/**
 * Does a task's reading, outside any tracking transaction, and returns what is to be written. The signal aborts when the job
 * is cancelled, the task was taken by another worker, or the process stops: then nothing of it can be written any more.
 */
export type TaskHandler = (task: TakenTask, signal: AbortSignal) => Promise<Commit>

export interface TaskLoopOptions {
  queue: Queue
  target: Sql
  /** name of this process, unique among the living */
  worker: string
  concurrency: number
  handlers: Record<TaskKind, TaskHandler>
  /** how long a job waits for a database that is away before it fails */
  sourceWaitLimitMs: number
  log: Log
  /** how long `stop` lets handlers finish before it aborts them; default 15 s */
  graceMs?: number
}

interface Running {
  task: TakenTask
  controller: AbortController
}

/** Why a handler's signal aborted. */
const lost = 'the task was cancelled or taken by another worker'
const stopping = 'the worker stops'

const pollMs = 1_000
const heartbeatMs = 5_000
const sweepMs = 15_000
/** A handler that ignores its signal is left behind after this; its fence keeps it from writing. */
const abandonMs = 5_000

/**
 * Takes tasks from the queue and runs their handlers until stopped. Each result is committed in one transaction that is
 * refused when the task was taken away meanwhile, so whatever happens to workers, each task is committed once.
 * While the tracking database is away the loop waits for it.
 */
export function startTaskLoop(options: TaskLoopOptions): { stop(): Promise<void> } {
  const { queue, target, worker, concurrency, log } = options
  const running = new Map<number, Running>()
  const stopped = new AbortController()
  const abandoned = new AbortController()

  async function deliver(taskId: number, messageSignal: AbortSignal): Promise<void> {
    const task = await takeTask(target, taskId, worker)
    if (!task) return
    if (stopped.signal.aborted) return release(options, task)
    if (isPoison(task)) return settlePoison(target, task)
    const controller = new AbortController()
    const entry = { task, controller }
    running.set(taskId, entry)
    const signal = AbortSignal.any([controller.signal, messageSignal])
    try {
      await runTask(options, task, signal, abandoned.signal)
    } finally {
      if (running.get(taskId) === entry) running.delete(taskId)
    }
  }

  async function abortLost(): Promise<void> {
    if (running.size === 0) return
    // a task that is taken while the answer is under way was not asked for
    const asked = [...running]
    const held = await heldTasks(target, asked.map(([taskId]) => taskId))
    for (const [taskId, { task, controller }] of asked) {
      if (held.get(taskId) !== task.fence) controller.abort(new Error(lost))
    }
  }

  const starting = startWorking(queue, deliver, concurrency, stopped.signal, log)
  const timers = [
    every(pollMs, stopped.signal, log, 'cannot ask which tasks are still wanted', abortLost),
    every(heartbeatMs, stopped.signal, log, 'cannot report that the worker is alive', () => reportWorker(target, worker)),
    every(sweepMs, stopped.signal, log, 'cannot look for lost tasks', () => sweep(queue, target, log)),
  ]

  let ending: Promise<void> | null = null
  async function end(): Promise<void> {
    stopped.abort()
    const abortAll = setTimeout(() => {
      for (const { controller } of running.values()) controller.abort(new Error(stopping))
    }, options.graceMs ?? 15_000)
    const abandon = setTimeout(() => abandoned.abort(new Error(stopping)), (options.graceMs ?? 15_000) + abandonMs)
    try {
      const workers = await starting
      await workers?.stop()
      await Promise.all(timers)
    } finally {
      clearTimeout(abortAll)
      clearTimeout(abandon)
    }
    await removeWorker(target, worker).catch((error: unknown) => log.warn({ worker, error: describeError(error) }, 'cannot sign the worker off'))
  }
  return { stop: () => (ending ??= end()) }
}

/** Runs the handler and commits its result; whatever goes wrong on the way is settled in the tracking tables. */
async function runTask(options: TaskLoopOptions, task: TakenTask, signal: AbortSignal, abandoned: AbortSignal): Promise<void> {
  const { log } = options
  const about = { worker: options.worker, taskId: task.taskId, jobId: task.jobId, kind: task.kind, entity: task.entity, fence: task.fence }
  try {
    const commit = await unlessAborted(options.handlers[task.kind](task, signal), abandoned)
    // A handler may finish after the task was taken away; the fence refuses its commit below.
    if (!(await commitTask(options, task, commit))) log.info(about, 'the result was dropped: the task is no longer this worker\'s, or its job is over')
  } catch (error) {
    if (signal.aborted && isReason(signal.reason, stopping)) return release(options, task)
    if (abandoned.aborted) return release(options, task)
    if (signal.aborted) {
      log.info(about, `the task was given up: ${reasonText(signal.reason)}`)
      return
    }
    log.warn({ ...about, error: describeError(error) }, 'the task failed')
    await settleFailure(options, task, error)
  }
}

/**
 * Writes what a handler found and ends its task, all in one transaction that locks the job only when everything is sent.
 * @returns false when the task is not held any more: nothing was written
 */
export async function commitTask({ target, queue }: Pick<TaskLoopOptions, 'target' | 'queue'>, task: TakenTask, { write, ...ending }: Commit): Promise<boolean> {
  let finished: Promise<void> | undefined
  try {
    await target.begin(async (tx) => {
      await write?.(tx)
      // COMMIT is sent right behind it, and keeps nothing of a transaction in which it failed
      finished = finishTask(tx, queue, task, { outcome: null, ...ending, reached: sidesOf(task) })
      // its error is told below, and until then is nobody's
      finished.catch(() => undefined)
    })
    await finished
    return true
  } catch (error) {
    if (isLost(error)) return false
    throw error
  }
}

/** The databases that a task has certainly read when it succeeds. */
function sidesOf({ kind, side }: TakenTask): Side[] {
  if (side !== null) return [side]
  return kind === 'prepare' || kind === 'settle' ? ['source', 'target'] : []
}

/** Gives a task back at once, for another worker. */
async function release({ target, queue, log, worker }: TaskLoopOptions, task: TakenTask): Promise<void> {
  await target.begin(async (tx) => {
    if (await holdTask(tx, task)) await releaseTask(tx, queue, task, task, null, 0)
  })
  log.info({ worker, taskId: task.taskId, jobId: task.jobId }, 'the task was given back: the worker stops')
}

/** Sends tasks again that have no message: their message was lost, or the queue was restored from an older backup. */
async function sweep(queue: Queue, target: Sql, log: Log): Promise<void> {
  const taskIds = await queue.lostTasks(target, 1_000)
  if (taskIds.length === 0) return
  await target.begin((tx) => queue.enqueue(tx, taskIds, { priority: messagePriority.normal }))
  log.warn({ tasks: taskIds.length }, 'tasks without a message were sent again')
}

/** Registers with the queue, again and again until its database answers; null when stopped before. */
async function startWorking(queue: Queue, deliver: Parameters<Queue['work']>[0], concurrency: number, signal: AbortSignal, log: Log): Promise<Workers | null> {
  for (let delayMs = 1_000; !signal.aborted; delayMs = Math.min(delayMs * 2, 15_000)) {
    try {
      return await queue.work(deliver, { concurrency })
    } catch (error) {
      log.warn({ error: describeError(error) }, 'the worker cannot reach the task queue yet')
      await pause(delayMs, signal)
    }
  }
  return null
}

/** Calls `work` now and then every `intervalMs` until the signal aborts; an error is logged and the next call made. */
async function every(intervalMs: number, signal: AbortSignal, log: Log, trouble: string, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work().catch((error: unknown) => log.warn({ error: describeError(error) }, trouble))
    await pause(intervalMs, signal)
  }
}

/** Resolves after the time or when the signal aborts, whichever is first. */
async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  await sleep(durationMs, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

/** The promise's result, or the signal's reason as an error when it aborts first. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let onAbort = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function isReason(reason: unknown, text: string): boolean {
  return reason instanceof Error && reason.message === text
}

function reasonText(reason: unknown): string {
  return reason instanceof Error ? reason.message : 'its message was given to another worker'
}
