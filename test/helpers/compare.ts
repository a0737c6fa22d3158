import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import type { Sql } from 'postgres'
import type { Accounting, Verdict } from '../../src/core/accounting.js'
import { openSource, openTarget, openTargetReader, type DatabaseOptions } from '../../src/db/clients.js'
import { startTaskLoop, type Commit, type TaskHandler } from '../../src/jobs/loop.js'
import { openQueue, type Queue } from '../../src/jobs/queue.js'
import { addTasks, type TaskKind } from '../../src/jobs/task.js'
import { parsePlan } from '../../src/plan/load.js'
import { storePlan } from '../../src/plan/queries.js'
import type { Replica } from '../../src/validation/replicas.js'
import { createTaskHandlers, type ComparisonOptions } from '../../src/validation/tasks.js'
import { createTestDatabase, type TestDatabase, type TestDatabaseOptions } from './postgres.js'

export interface FoundDifference {
  entity: string
  side: string
  class: string
  cause: string | null
  reason: string | null
  key: Record<string, string | null>
  columns: { column: string; source: string | null; target: string | null }[]
}

export interface ComparisonRun {
  job: { status: string; verdict: Verdict | null; reasonCode: string | null; reason: string | null }
  entities: Record<string, { verdict: Verdict; accounting: Accounting; note: string | null; reasons: object[]; causes: { class: string; cause: string; rows: number }[] }>
  differences: FoundDifference[]
  checks: { entity: string; name: string; subject: string; verdict: Verdict; message: string }[]
  tables: { side: string; table: string; coverage: string; verdict: Verdict; rows: number | null; claimedOnce: number | null; claimedSeveral: number | null; unclaimed: number | null; error: string | null }[]
}

export interface Comparer {
  tracking: Sql
  queue: Queue
  /** Runs a whole job over all entities of a plan, with real tasks. */
  compare(plan: string, options?: Partial<ComparisonOptions>, request?: Partial<JobRequest>, replicas?: readonly Replica[]): Promise<ComparisonRun>
  close(): Promise<void>
}

export interface Pair extends Comparer {
  source: TestDatabase
  target: TestDatabase
}

export const silentLog = pino({ level: 'silent' })

/** Two databases of its own, the tracking schema in the second: SQL to fill them, how they are made. */
export async function createPair(setup: { source?: string; target?: string; sourceDatabase?: TestDatabaseOptions; targetSettings?: Record<string, string> } = {}): Promise<Pair> {
  const source = await createTestDatabase({ ...setup.sourceDatabase, server: 'source' })
  const target = await createTestDatabase({ template: 'tracking', settings: setup.targetSettings ?? {} })
  if (setup.source !== undefined) await source.sql.unsafe(setup.source).simple()
  if (setup.target !== undefined) await target.sql.unsafe(setup.target).simple()
  const comparer = await openComparer(source.options, target.options)
  return {
    ...comparer, source, target,
    async close() {
      await comparer.close()
      await Promise.all([source.drop(), target.drop()])
    },
  }
}

/** Clients of a worker over two databases; the target's tracking schema must be installed. */
export async function openComparer(source: DatabaseOptions, target: DatabaseOptions): Promise<Comparer> {
  const clients = { source: openSource({ ...source, maxConnections: 3 }), targetReader: openTargetReader({ ...target, maxConnections: 3 }), target: openTarget({ ...target, maxConnections: 5 }) }
  const queue = await openQueue(clients.target, { log: silentLog, migrate: true })
  return {
    tracking: clients.target, queue,
    async compare(plan, options = {}, request = {}, replicas = []) {
      const handlers = createTaskHandlers({ ...clients, replicas }, queue, { recheckDelayMs: 20, scanChunkPages: 16_384, statementMs: 500, maxStoredDifferences: 10_000, segmentRows: 256, streamFrom: 2, statisticsDelayMs: 11_000, sourceLimits: { activeSessions: 0, waitingLocks: 0, replicaLagSeconds: 0 }, ...options }, silentLog)
      const living = request.killedShare === undefined ? handlers : mortal(handlers, clients.target, queue, request.killedShare)
      const jobId = await createJobOver(clients.target, queue, plan, request)
      const loop = startTaskLoop({ queue, target: clients.target, worker: `test ${randomUUID()}`, concurrency: 2, handlers: living, sourceWaitLimitMs: 60_000, log: silentLog })
      try {
        await jobEnd(clients.target, jobId, request.waitMs)
      } finally {
        await loop.stop()
      }
      return readRun(clients.target, jobId)
    },
    async close() {
      await queue.stop()
      await Promise.all(Object.values(clients).map((client) => client.end({ timeout: 5 })))
    },
  }
}

export interface JobRequest {
  /** how long the job may take */
  waitMs: number
  entities: string[]
  mode: 'full' | 'changed' | 'sample'
  includeIntegrityChecks: boolean
  includeCrossEntity: boolean
  /** share of the tasks whose worker dies at the end of their work, some of them several times */
  killedShare: number
}

/** Handlers whose results get lost: the task was given to another worker just before they are written, or the connection breaks when all is written and nothing committed. */
function mortal(handlers: Record<TaskKind, TaskHandler>, target: Sql, queue: Queue, share: number): Record<TaskKind, TaskHandler> {
  const dying = (handler: TaskHandler): TaskHandler => async (task, signal) => {
    const commit = await handler(task, signal)
    const fate = Math.random() / share
    if (fate < 0.8) {
      await target.begin(async (tx) => {
        await tx`update migration_coverage.task set status = 'queued', fence = fence + 1 where task_id = ${task.taskId}`
        await queue.enqueue(tx, [task.taskId], { priority: 10 })
      })
    }
    if (fate < 0.8 || fate >= 1) return commit
    const write: Commit['write'] = async (tx) => {
      await commit.write?.(tx)
      throw Object.assign(new Error('the connection broke'), { code: 'CONNECTION_CLOSED' })
    }
    return { ...commit, write }
  }
  return Object.fromEntries(Object.entries(handlers).map(([kind, handler]) => [kind, dying(handler)])) as Record<TaskKind, TaskHandler>
}

/** Inserts a job, over all entities of a plan and with all checks unless asked otherwise. */
export async function createJobOver(target: Sql, queue: Queue, plan: string, request: Partial<JobRequest> = {}): Promise<string> {
  const loaded = parsePlan(plan)
  const planId = await storePlan(target, loaded)
  const jobId = randomUUID()
  await target.begin(async (tx) => {
    await tx`
      insert into migration_coverage.job (job_id, plan_id, mode, priority, include_integrity_checks, include_cross_entity, entities)
      values (${jobId}, ${planId}, ${request.mode ?? 'full'}, 'normal', ${request.includeIntegrityChecks ?? true}, ${request.includeCrossEntity ?? true}, ${request.entities ?? Object.keys(loaded.plan.entities)})`
    await addTasks(tx, queue, jobId, [{ kind: 'prepare' }])
  })
  return jobId
}

/** Within the time of a hook; the matrix of versions allows more. */
const patienceMs = process.env['SOURCE_SERVER'] === undefined ? 60_000 : 280_000

/** Waits until a job is over. */
export async function jobEnd(target: Sql, jobId: string, limitMs = patienceMs): Promise<void> {
  for (let waited = 0; waited < limitMs; waited += 50) {
    const [job] = await target<{ over: boolean }[]>`select status in ('completed', 'failed', 'cancelled') as over from migration_coverage.job where job_id = ${jobId}`
    if (job?.over) return
    await sleep(50)
  }
  const tasks = await target`select kind, entity, side, status, error, outcome from migration_coverage.task where job_id = ${jobId} and status <> 'done'`
  throw new Error(`job ${jobId} did not end: ${JSON.stringify(tasks)}`)
}

export async function readRun(target: Sql, jobId: string): Promise<ComparisonRun> {
  const [job] = await target<ComparisonRun['job'][]>`select status, verdict, reason_code as "reasonCode", reason from migration_coverage.job where job_id = ${jobId}`
  const results = await target`select * from migration_coverage.entity_result where job_id = ${jobId} order by entity`
  return {
    job: { ...job! },
    entities: Object.fromEntries(results.map((row) => [row['entity'], {
      verdict: row['verdict'], note: row['note'], reasons: row['reasons'], causes: row['causes'],
      accounting: {
        source: { total: row['source_total'], excluded: row['excluded'], scope: row['scope'], verified: row['verified'], accepted: row['accepted'], differs: row['differs'], merged: row['merged'], explained: row['explained'], pending: row['source_pending'], missing: row['missing'], unverified: row['source_unverified'] },
        target: { total: row['target_total'], matched: row['matched'], duplicate: row['duplicate'], generated: row['generated'], pending: row['target_pending'], extra: row['extra'], unverified: row['target_unverified'] },
      },
    }])) as ComparisonRun['entities'],
    differences: await target<FoundDifference[]>`
      select entity, side, class, cause, reason, row_key as key, columns from migration_coverage.difference where job_id = ${jobId} order by entity, class, row_key::text, difference_id`,
    checks: await target<ComparisonRun['checks']>`select entity, name, subject, verdict, message from migration_coverage.check_result where job_id = ${jobId} order by entity, name, subject`,
    tables: await target<ComparisonRun['tables']>`
      select side, schema_name || '.' || table_name as "table", coverage, verdict, total_rows as rows, claimed_once as "claimedOnce", claimed_several as "claimedSeveral", unclaimed, error
      from migration_coverage.table_result where job_id = ${jobId} order by side, 2`,
  }
}
