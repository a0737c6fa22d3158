import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import type { Sql } from 'postgres'
import { openTarget } from '../../src/db/clients.js'
import { openQueue, type Queue } from '../../src/jobs/queue.js'
import { startTaskLoop, type TaskHandler, type TaskLoopOptions } from '../../src/jobs/loop.js'
import { addTasks, type NewTask, type TaskKind } from '../../src/jobs/task.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'

export const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' })

export interface Bench {
  database: TestDatabase
  target: Sql
  queue: Queue
  close(): Promise<void>
}

export async function openBench(): Promise<Bench> {
  const database = await createTestDatabase({ template: 'tracking' })
  const target = openTarget({ ...database.options, maxConnections: 10 })
  const queue = await openQueue(target, { log, migrate: true })
  return {
    database,
    target,
    queue,
    async close() {
      await queue.stop()
      await target.end({ timeout: 5 })
      await database.drop()
    },
  }
}

/** A job with its tasks, queued. */
export async function createJob({ target, queue }: Bench, tasks: NewTask[], priority = 'normal'): Promise<string> {
  const jobId = randomUUID()
  await target.begin(async (tx) => {
    await tx`insert into migration_coverage.plan (checksum, content) values ('abc', 'version: 1') on conflict do nothing`
    await tx`
      insert into migration_coverage.job (job_id, plan_id, mode, priority, include_integrity_checks, include_cross_entity, entities)
      select ${jobId}, plan_id, 'full', ${priority}, true, true, '{patients}' from migration_coverage.plan where checksum = 'abc'`
    await addTasks(tx, queue, jobId, tasks)
  })
  return jobId
}

export const scans = (count: number): NewTask[] => Array.from({ length: count }, (_, chunk) => ({ kind: 'scan', entity: 'patients', side: 'source', chunk }))

/** A loop in which every kind of task has the same handler. */
export function startLoop({ target, queue }: Pick<Bench, 'target' | 'queue'>, handler: TaskHandler, options: Partial<TaskLoopOptions> = {}) {
  const kinds: TaskKind[] = ['prepare', 'scan', 'settle', 'integrity', 'account', 'finish']
  const handlers = Object.fromEntries(kinds.map((kind) => [kind, handler])) as Record<TaskKind, TaskHandler>
  return startTaskLoop({ queue, target, worker: `worker-${randomUUID()}`, concurrency: 2, handlers, sourceWaitLimitMs: 60_000, log, ...options })
}

export async function jobRow(target: Sql, jobId: string) {
  const [row] = await target`
    select status, verdict, paused_reason, paused_at, reason_code, reason, started_at, finished_at from migration_coverage.job where job_id = ${jobId}`
  return row!
}

export async function taskRows(target: Sql, jobId: string) {
  return target`
    select task_id, kind, chunk, status, fence, worker, error, outcome from migration_coverage.task where job_id = ${jobId} order by task_id`
}

export async function countByStatus(target: Sql, jobId: string): Promise<Record<string, number>> {
  const rows = await target`select status, count(*)::int as tasks from migration_coverage.task where job_id = ${jobId} group by status`
  return Object.fromEntries(rows.map((row) => [row['status'], row['tasks']]))
}

export async function until(what: string, test: () => Promise<boolean> | boolean, limitMs = 30_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await test())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`)
    await sleep(50)
  }
}
