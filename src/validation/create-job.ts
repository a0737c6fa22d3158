import { createHash, randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import type { Db } from '../db/clients.js'
import { problem } from '../http/errors.js'
import type { Queue } from '../jobs/queue.js'
import { addTasks, type JobPriority } from '../jobs/task.js'
import { readJob, type Job } from './queries.js'

export interface JobRequest {
  /** the plan to validate by, as its file was written */
  plan: { checksum: string; content: string }
  /** names of the plan; never empty */
  entities: readonly string[]
  mode: 'full' | 'changed' | 'sample'
  priority: JobPriority
  includeIntegrityChecks: boolean
  includeCrossEntity: boolean
  /** the same key with the same request gives the same job, for 24 hours; `request` is what is compared */
  idempotency?: { key: string; request: unknown }
}

/** More open jobs than this mean that something asks again and again; the newest are refused. */
const maxOpenJobs = 100

/**
 * Makes a job and its first task in one transaction, so that there is either a job that will run or none.
 * Neither database is compared here: with the source down the job is made, and waits.
 * @throws IDEMPOTENCY_CONFLICT when the key came with another request, RATE_LIMITED when 100 jobs are open
 */
export async function createJob(sql: Sql, queue: Queue, request: JobRequest): Promise<Job> {
  return sql.begin(async (tx) => {
    const { idempotency } = request
    const existing = idempotency ? await claimKey(tx, idempotency.key, fingerprint(idempotency.request)) : null
    const jobId = existing ?? (await insertJob(tx, request))
    if (existing === null) {
      if (idempotency) await saveKey(tx, idempotency.key, fingerprint(idempotency.request), jobId)
      await addTasks(tx, queue, jobId, [{ kind: 'prepare' }])
    }
    const job = await readJob(tx, jobId)
    if (!job) throw new Error(`job ${jobId} has gone`)
    return job
  })
}

/** Waits for whoever uses the same key at this moment, then says which job it stands for; null when it is free. */
async function claimKey(tx: Db, key: string, requestHash: string): Promise<string | null> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`idempotency ${key}`}, 0))`
  await tx`delete from migration_coverage.idempotency_key where created_at < now() - interval '24 hours'`
  const [found] = await tx<{ requestHash: string; jobId: string }[]>`
    select request_hash as "requestHash", job_id as "jobId" from migration_coverage.idempotency_key where idempotency_key = ${key}`
  if (!found) return null
  if (found.requestHash !== requestHash) {
    throw problem('IDEMPOTENCY_CONFLICT', 'this Idempotency-Key was used within the last 24 hours with another body; send a new key for a new request')
  }
  return found.jobId
}

async function saveKey(tx: Db, key: string, requestHash: string, jobId: string): Promise<void> {
  await tx`insert into migration_coverage.idempotency_key (idempotency_key, request_hash, job_id) values (${key}, ${requestHash}, ${jobId})`
}

async function insertJob(tx: Db, request: JobRequest): Promise<string> {
  const [open] = await tx<{ jobs: number }[]>`select count(*) as jobs from migration_coverage.job where status in ('queued', 'running')`
  if (open && open.jobs >= maxOpenJobs) {
    throw problem('RATE_LIMITED', `${open.jobs} validation jobs are open already; wait for them, or cancel some with DELETE /validation/jobs/{id}`, { headers: { 'retry-after': '60' } })
  }
  const { plan, mode, priority, includeIntegrityChecks, includeCrossEntity, entities } = request
  await tx`insert into migration_coverage.plan (checksum, content) values (${plan.checksum}, ${plan.content}) on conflict (checksum) do nothing`
  const jobId = randomUUID()
  await tx`
    insert into migration_coverage.job (job_id, plan_id, mode, priority, include_integrity_checks, include_cross_entity, entities)
    select ${jobId}, plan_id, ${mode}, ${priority}, ${includeIntegrityChecks}, ${includeCrossEntity}, ${[...entities]}::text[]
    from migration_coverage.plan where checksum = ${plan.checksum}`
  return jobId
}

function fingerprint(request: unknown): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex')
}
