import { PgBoss, type ConstructorOptions } from 'pg-boss'
import type { Logger } from 'pino'
import type { Sql } from 'postgres'
import type { Db } from '../db/clients.js'
import { bossDatabase, bossTransaction } from './boss-db.js'

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

export interface EnqueueOptions {
  /** seconds, fractions allowed; default 0 */
  startAfterSeconds?: number
  /** higher first; default 0 */
  priority?: number
}

export interface Workers {
  /** Takes no more messages and resolves when the handlers that run have returned. */
  stop(): Promise<void>
}

/** A message is delivered at least once, to one worker at a time as long as that worker lives. */
export type Deliver = (taskId: number, signal: AbortSignal) => Promise<void>

export interface Queue {
  /** Sends one message per task, in the caller's transaction. A task that has a waiting message already gets no second one. */
  enqueue(tx: Db, taskIds: readonly number[], options?: EnqueueOptions): Promise<void>
  /**
   * The same for tasks whose ids the server alone knows, sent at once: what is asked of the transaction next stands right behind it.
   * @param taskIds an SQL expression of type bigint[], evaluated once, with parameters `values`
   */
  enqueueEach(tx: Db, taskIds: string, values: readonly (string | number)[], priority: number): Promise<void>
  /**
   * Delivers messages to `deliver`, at most `concurrency` at once. Its signal aborts when the message was given to another
   * worker. A message whose handler rejects, or whose process dies, is delivered again.
   */
  work(deliver: Deliver, options: { concurrency: number }): Promise<Workers>
  /** Queued and running tasks of live jobs that have no message (any more), oldest first. */
  lostTasks(sql: Db, limit: number): Promise<number[]>
  /** Stops every timer and worker; the client is not ended. */
  stop(): Promise<void>
}

export const schema = 'pgboss'
const name = 'task'

const settings = {
  retryLimit: 1_000_000, // our task table decides when a task has failed, never the queue
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 4,
  heartbeatSeconds: 10, // the least that pg-boss allows
  expireInSeconds: 86_400,
  retentionSeconds: 30 * 86_400,
  deleteAfterSeconds: 300,
  warningQueueSize: 100_000,
  notify: true,
}

/**
 * Opens the task queue: pg-boss in its own schema of the tracking database, over the given client.
 * Opened like this it only sends; timers, supervision and the listening connection start with `work`.
 * @param options.migrate creates or upgrades pg-boss's schema, which needs the right to run DDL; without it the schema must be there
 * @throws the database's error when it cannot be reached, pg-boss's when its schema is missing or of another version
 */
export async function openQueue(sql: Sql, options: { log: Log; migrate: boolean }): Promise<Queue> {
  const { log, migrate } = options
  const sender = createBoss(sql, log, { migrate, supervise: false })
  await sender.start()
  try {
    await ensureQueue(sender, migrate)
  } catch (error) {
    await sender.stop({ graceful: false })
    throw error
  }
  const workers = new Set<Workers>()
  const insertion = await insertionOf(sender)

  return {
    async enqueueEach(tx, taskIds, values, priority) {
      const messages = `(select coalesce(jsonb_agg(jsonb_build_object('data', jsonb_build_object('taskId', task_id), 'singletonKey', task_id::text, 'priority', ${priority})), '[]') from unnest(${taskIds}) task_id)`
      await tx.unsafe(insertion(messages), [...values], { prepare: true }).execute()
    },

    async enqueue(tx, taskIds, { startAfterSeconds = 0, priority = 0 } = {}) {
      if (taskIds.length === 0) return
      const jobs = taskIds.map((taskId) => ({
        data: { taskId },
        singletonKey: String(taskId),
        priority,
        ...(startAfterSeconds > 0 ? { startAfter: startAfterSeconds } : {}),
      }))
      await sender.insert(name, jobs, { db: bossTransaction(tx) })
    },

    async work(deliver, { concurrency }) {
      const boss = createBoss(sql, log, {
        migrate: false,
        supervise: true,
        useListenNotify: true,
        superviseIntervalSeconds: 3,
        monitorIntervalSeconds: 3,
        queueCacheIntervalSeconds: 30,
        maintenanceIntervalSeconds: 60,
      })
      try {
        await boss.start()
        // One registration per worker: only then can each be woken by its own id.
        for (let i = 0; i < concurrency; i += 1) await register(boss, deliver)
      } catch (error) {
        await boss.stop({ graceful: false })
        throw error
      }
      const handle: Workers = {
        async stop() {
          workers.delete(handle)
          await boss.offWork(name, { wait: true })
          await boss.stop({ graceful: false })
        },
      }
      workers.add(handle)
      return handle
    },

    async lostTasks(db, limit) {
      const rows = await db<{ taskId: number }[]>`
        select task.task_id as "taskId"
        from migration_coverage.task join migration_coverage.job using (job_id)
        where task.status in ('queued', 'running') and job.status in ('queued', 'running')
          and not exists (
            select from pgboss.job message
            where message.name = ${name} and message.singleton_key = task.task_id::text and message.state < 'completed')
        order by task.task_id limit ${limit}`
      return rows.map((row) => row.taskId)
    },

    async stop() {
      await Promise.all([...workers].map((handle) => handle.stop()))
      await sender.stop({ graceful: false })
    },
  }
}

/**
 * Registers one worker that takes one message at a time. With notifications on, pg-boss waits its polling interval after
 * each message, which drains a backlog at two messages a second; so a worker that has finished wakes itself.
 */
async function register(boss: PgBoss, deliver: Deliver): Promise<void> {
  let id: string | null = null
  const polling = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 1, heartbeatRefreshSeconds: 2.5 }
  id = await boss.work<{ taskId: number }>(name, polling, async ([message]) => {
    if (!message) return
    await deliver(message.data.taskId, message.signal)
    if (id) boss.notifyWorker(id)
  })
}

/**
 * The statement with which pg-boss sends messages, as a function of the SQL that gives them: a JSON array of objects with `data`, `singletonKey` and `priority`.
 * @throws Error when pg-boss does not take them as its one parameter
 */
async function insertionOf(boss: PgBoss): Promise<(messages: string) => string> {
  const statements: string[] = []
  await boss.insert(name, [{ data: {} }], { db: { executeSql: (text) => {
    statements.push(text)
    return Promise.resolve({ rows: [] })
  } } })
  const [before, after, ...others] = statements.join(';').split('$1::text::json')
  if (before === undefined || after === undefined || others.length > 0 || /\$\d/.test(before + after)) throw new Error('pg-boss sends its messages by a statement of another form')
  return (messages) => `${before}${messages}::text::json${after}`
}

function createBoss(sql: Sql, log: Log, options: ConstructorOptions): PgBoss {
  const boss = new PgBoss({ db: bossDatabase(sql), schema, schedule: false, registerInstance: false, openTelemetry: { enabled: false }, ...options })
  const report = throttledReport(log)
  boss.on('error', report)
  boss.on('warning', ({ message }) => log.warn({ queue: name }, message))
  return boss
}

async function ensureQueue(boss: PgBoss, migrate: boolean): Promise<void> {
  const existing = await boss.getQueue(name)
  if (!existing) await boss.createQueue(name, { policy: 'short', ...settings })
  else if (migrate) await boss.updateQueue(name, settings)
}

/** While the database is away every poll fails: one line per ten seconds says so, and how many were left out. */
function throttledReport(log: Log): (error: Error & { code?: unknown }) => void {
  let last = 0
  let omitted = 0
  return (error) => {
    if (Date.now() - last < 10_000) {
      omitted += 1
      return
    }
    log.warn({ queue: name, code: error.code, omitted }, 'the task queue cannot reach its database; it goes on trying')
    last = Date.now()
    omitted = 0
  }
}
