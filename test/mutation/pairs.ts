import { createHash, randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { openSource, openTarget, openTargetReader, type DatabaseOptions } from '../../src/db/clients.js'
import { commitTask } from '../../src/jobs/loop.js'
import type { Queue } from '../../src/jobs/queue.js'
import { takeTask } from '../../src/jobs/task.js'
import { createTaskHandlers, type ComparisonOptions } from '../../src/validation/tasks.js'
import { createJobOver, readRun, type ComparisonRun, type JobRequest, silentLog } from '../helpers/compare.js'
import { openAdmin } from '../helpers/postgres.js'

/**
 * Pairs of databases that are filled once and compared by job after job, each with another mutant. Nothing here may rest on src/core where it fills them: a mutant would
 * stay in the data.
 */
export interface Filling {
  name: string
  source: string
  target: string
  /** of the source database */
  encoding?: string
}

/** The server that scripts/mutation.ts has started. */
export function server(): DatabaseOptions {
  const told = process.env['MUTATION_SERVER']
  if (told === undefined) throw new Error('MUTATION_SERVER is not set: run `npm run test:mutation`')
  return { ...(JSON.parse(told) as { host: string; port: number; user: string; password: string }), database: 'postgres', ssl: 'disable', maxConnections: 2 }
}

/** Every worker has its own, and what is filled in otherwise is another database. */
const namesOf = ({ name, source, target }: Filling) => {
  const rest = `${name}_${createHash('sha256').update(`${source};${target}`).digest('hex').slice(0, 8)}_${process.env['STRYKER_MUTATOR_WORKER'] ?? '0'}`
  return { source: `source_${rest}`, target: `target_${rest}` }
}

/** Makes and fills what is not there yet; a database bears its name only when it is full. */
export async function fillPair(filling: Filling): Promise<{ source: DatabaseOptions; target: DatabaseOptions }> {
  const names = namesOf(filling)
  const admin = openAdmin(server())
  try {
    await fill(admin, names.source, filling.encoding === undefined ? 'template0' : `template0 encoding '${filling.encoding}' locale 'C'`, filling.source)
    await fill(admin, names.target, 'tracking_template', filling.target)
  } finally {
    await admin.end({ timeout: 5 })
  }
  return { source: { ...server(), database: names.source }, target: { ...server(), database: names.target } }
}

async function fill(admin: Sql, name: string, template: string, statements: string): Promise<void> {
  const [there] = await admin`select from pg_database where datname = ${name}`
  if (there !== undefined) return
  await admin.unsafe(`drop database if exists "${name}_new" with (force)`)
  await admin.unsafe(`create database "${name}_new" template ${template}`)
  const client = openAdmin({ ...server(), database: `${name}_new`, maxConnections: 1 })
  await client.unsafe(statements).simple().finally(() => client.end({ timeout: 5 }))
  await admin.unsafe(`alter database "${name}_new" rename to "${name}"`)
}

/** Tasks are taken straight from their table, and the first that fails ends the job: no message is sent, nothing is tried again. */
const withoutQueue: Queue = {
  enqueue: async () => undefined, enqueueEach: async (tx, taskIds, values) => void (await tx.unsafe(`select ${taskIds}`, [...values]).execute()), work: () => Promise.reject(new Error('no worker waits here')), lostTasks: async () => [], stop: async () => undefined,
}

/** What a job found, and the tracking database, open until `close`. */
export interface MutationRun extends ComparisonRun {
  tracking: Sql
  close(): Promise<void>
}

/** A job over all entities of a plan, without a queue. @throws what a task throws */
export async function runJob(pair: { source: DatabaseOptions; target: DatabaseOptions }, plan: string, options: Partial<ComparisonOptions>, request: Partial<JobRequest>): Promise<MutationRun> {
  const limited = { statementTimeoutMs: 5_000, maxConnections: 2 }
  const clients = { source: openSource({ ...pair.source, ...limited }), targetReader: openTargetReader({ ...pair.target, ...limited }), target: openTarget({ ...pair.target, ...limited }) }
  const close = async () => { await Promise.all(Object.values(clients).map((client) => client.end({ timeout: 1 }))) }
  const stopped = new AbortController()
  try {
    await clients.target`truncate migration_coverage.job cascade`
    const handlers = createTaskHandlers({ ...clients, replicas: [] }, withoutQueue, { recheckDelayMs: 0, scanChunkPages: 16_384, statementMs: 500, maxStoredDifferences: 10_000, segmentRows: 256, streamFrom: 2, statisticsDelayMs: 0, sourceLimits: { activeSessions: 0, waitingLocks: 0, replicaLagSeconds: 0 }, ...options }, silentLog)
    const jobId = await createJobOver(clients.target, withoutQueue, plan, request)
    const work = async (): Promise<void> => {
      for (;;) {
        const [next] = await clients.target<{ taskId: number }[]>`select task_id as "taskId" from migration_coverage.task where job_id = ${jobId} and status = 'queued' order by task_id limit 1`
        if (next === undefined) return
        const task = await takeTask(clients.target, next.taskId, randomUUID())
        if (task === null) return
        const commit = await handlers[task.kind](task, stopped.signal)
        if (!(await commitTask({ target: clients.target, queue: withoutQueue }, task, commit))) throw new Error(`task ${task.taskId} is not held`)
      }
    }
    await work()
    return { ...(await readRun(clients.target, jobId)), tracking: clients.target, close }
  } catch (error) {
    stopped.abort()
    await close()
    throw error
  }
}
