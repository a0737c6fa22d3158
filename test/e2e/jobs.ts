import { openTarget, type DatabaseOptions } from '../../src/db/clients.js'
import { readRun, type ComparisonRun } from '../helpers/compare.js'
import { request, waitFor, type Service } from '../helpers/service.js'

export interface JobResult {
  jobId: string
  status: string
  verdict: string | null
  partial: boolean
  pausedReason: string | null
  reasonCode: string | null
  reason: string | null
  progress: { tasksDone: number; tasksTotal: number; entities: { done: number; total: number } }
  accounting: object | null
}

/** Posts a job over all entities (or those named) and returns its id. */
export async function postJob(service: Pick<Service, 'url'>, body: object = {}, headers: Record<string, string> = {}): Promise<string> {
  const { status, body: answer } = await request<{ jobId: string }>(service, '/validation/run', { method: 'POST', body, headers })
  if (status !== 202) throw new Error(`POST /validation/run answered ${status}: ${JSON.stringify(answer)}`)
  return answer.jobId
}

export async function readJob(service: Pick<Service, 'url'>, jobId: string): Promise<JobResult> {
  const { status, body } = await request<JobResult>(service, `/validation/results/${jobId}`)
  if (status !== 200) throw new Error(`GET /validation/results/${jobId} answered ${status}: ${JSON.stringify(body)}`)
  return body
}

export async function waitForEnd(service: Pick<Service, 'url'>, jobId: string, limitMs = 90_000): Promise<JobResult> {
  let last: JobResult | undefined
  try {
    return await waitFor(`the end of job ${jobId}`, async () => {
      last = await readJob(service, jobId)
      return ['completed', 'failed', 'cancelled'].includes(last.status) && last
    }, limitMs)
  } catch (error) {
    throw new Error(`the job stands at ${JSON.stringify(last?.progress)} ${last?.pausedReason ?? ''}`, { cause: error })
  }
}

export async function waitForProgress(service: Pick<Service, 'url'>, jobId: string, tasksDone: number): Promise<JobResult> {
  return waitFor(`${tasksDone} tasks of job ${jobId}`, async () => {
    const job = await readJob(service, jobId)
    return job.progress.tasksDone >= tasksDone && job
  })
}

/** All that a job has left in the tracking tables: figures, differences, checks and tables. */
export async function readWholeRun(target: DatabaseOptions, jobId: string): Promise<ComparisonRun> {
  const sql = openTarget({ ...target, maxConnections: 1 })
  try {
    const run = await readRun(sql, jobId)
    // each job audits other rows, and none where the job before lets expect so many differences that every row is streamed
    return { ...run, checks: run.checks.filter(({ name }) => name !== 'another fingerprint agrees') }
  } finally {
    await sql.end()
  }
}

export interface Task {
  id: number
  kind: string
  status: string
  worker: string | null
  /** how often it was taken */
  fence: number
}

export async function readTasks(target: DatabaseOptions, jobId: string): Promise<Task[]> {
  const sql = openTarget({ ...target, maxConnections: 1 })
  try {
    return await sql<Task[]>`select task_id as id, kind, status, worker, fence from migration_coverage.task where job_id = ${jobId} order by task_id`
  } finally {
    await sql.end()
  }
}

/** Random numbers that a printed seed repeats (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
