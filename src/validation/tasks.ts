import type { Sql } from 'postgres'
import type { TaskHandler } from '../jobs/loop.js'
import type { Log, Queue } from '../jobs/queue.js'
import type { TaskKind } from '../jobs/task.js'
import { account } from './account.js'
import type { ComparisonOptions, TaskContext } from './context.js'
import { finish } from './finish.js'
import { integrity } from './integrity.js'
import { createMemory } from './remember.js'
import { createPace } from './pace.js'
import { prepare } from './prepare.js'
import { scan } from './scan.js'
import { settle } from './settle.js'
import { createReplicas, type Replica } from './replicas.js'
import { createThrottle } from './throttle.js'

export type { ComparisonOptions } from './context.js'

export interface Databases {
  source: Sql
  /** standbys of the source */
  replicas: readonly Replica[]
  /** pinned, read-only */
  targetReader: Sql
  /** the tracking schema */
  target: Sql
}

/** Of the entities that a worker is at: their specs and what the job's preparation found. */
const rememberedReadings = 64

/**
 * The handlers of all kinds of tasks, in the order of a job: prepare checks the plan and cuts the job up, scan reads a chunk of one
 * side, settle gives each row of an entity its class, account counts the tables, finish rolls up and publishes.
 */
export function createTaskHandlers(databases: Databases, queue: Queue, options: ComparisonOptions, log: Log): Record<TaskKind, TaskHandler> {
  const { source, replicas, targetReader, target } = databases
  const context: TaskContext = { readers: { source: { side: 'source', sql: source }, target: { side: 'target', sql: targetReader } }, target, queue, options, pace: createPace(options.statementMs), remember: createMemory(rememberedReadings), replicas: createReplicas(replicas, options.sourceLimits, log), spareSource: createThrottle(options.sourceLimits) }
  return {
    prepare: (task, signal) => prepare(context, task, signal),
    scan: (task, signal) => scan(context, task, signal),
    settle: (task, signal) => settle(context, task, signal),
    integrity: (task, signal) => integrity(context, task, signal),
    account: (task, signal) => account(context, task, signal),
    finish: (task) => finish(context, task),
  }
}
