import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Sql } from 'postgres'
import type { Config } from './config.js'
import { openTargetReader, type DatabaseOptions } from './db/clients.js'
import { startTaskLoop } from './jobs/loop.js'
import type { Log, Queue } from './jobs/queue.js'
import type { Replica } from './validation/replicas.js'
import { createTaskHandlers } from './validation/tasks.js'

export interface WorkerOptions {
  comparison: Config['comparison']
  source: Sql
  /** standbys of the source; the caller closes them */
  replicas: readonly Replica[]
  target: Sql
  targetOptions: DatabaseOptions
  queue: Queue
  log: Log
}

/** Tasks that one process works on at a time: while some wait for suspicious keys to rest, others read both sides. */
const concurrency = 3
/** A server flushes the counters of a session that went idle after 10 s at most. */
const statisticsDelayMs = 11_000
/** Rows that a segment should hold: so few that those of one that differs are read again cheaply, so many that few segments are summed up. */
const segmentRows = 1_024

/** A second reading of so many segments costs more than to give all rows at once. */
const streamFrom = 0.25

/** Takes tasks of any job until stopped. Opens a pinned reading client on the target of its own, and closes it. */
export function startWorker({ comparison, source, replicas, target, targetOptions, queue, log }: WorkerOptions): { stop(): Promise<void> } {
  const targetReader = openTargetReader(targetOptions)
  const { recheckDelayMs, scanChunkPages, statementMs, maxStoredDifferences, sourceWaitLimitMs, sourceLimits } = comparison
  const handlers = createTaskHandlers({ source, replicas, target, targetReader }, queue, { recheckDelayMs, scanChunkPages, statementMs, maxStoredDifferences, segmentRows, streamFrom, sourceLimits, statisticsDelayMs }, log)
  const worker = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`
  const loop = startTaskLoop({ queue, target, worker, concurrency, handlers, sourceWaitLimitMs, log })
  return {
    async stop() {
      await loop.stop()
      await targetReader.end({ timeout: 5 })
    },
  }
}
