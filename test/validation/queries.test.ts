import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createJob } from '../../src/validation/create-job.js'
import { cancelJob, estimateSeconds, listDifferences, listJobs, readJob, readProgress } from '../../src/validation/queries.js'
import { openBench, type Bench } from '../jobs/fixture.js'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

const request = {
  plan: { checksum: 'abc', content: 'version: 1' }, entities: ['patients'], mode: 'full' as const, priority: 'low' as const, includeIntegrityChecks: true, includeCrossEntity: false,
}

describe('createJob', () => {
  it('gives the job as it stands', async () => {
    const job = await createJob(bench.target, bench.queue, request)
    expect(job).toEqual({
      jobId: expect.any(String), status: 'queued', mode: 'full', priority: 'low', entities: ['patients'], includeIntegrityChecks: true, includeCrossEntity: false, verdict: null,
      pausedReason: null, reasonCode: null, reason: null, createdAt: expect.any(Date), startedAt: null, finishedAt: null,
    })
    expect(await readJob(bench.target, job.jobId)).toEqual(job)
    expect(await readProgress(bench.target, job.jobId)).toEqual({ tasksDone: 0, tasksTotal: 1, entitiesDone: 0 })
  })

  it('stores a plan once, however often it is used', async () => {
    await Promise.all([1, 2, 3].map(() => createJob(bench.target, bench.queue, { ...request, plan: { checksum: 'def', content: 'version: 1\n' } })))
    expect(await bench.target`select from migration_coverage.plan where checksum = 'def'`).toHaveLength(1)
  })

  it('leaves nothing behind when its message cannot be sent', async () => {
    const before = await listJobs(bench.target, { sortOrder: 'desc', limit: 1, offset: 0 })
    const queue = { ...bench.queue, enqueue: () => Promise.reject(new Error('no queue')) }
    await expect(createJob(bench.target, queue, { ...request, idempotency: { key: 'k', request: 1 } })).rejects.toThrow('no queue')
    expect(await listJobs(bench.target, { sortOrder: 'desc', limit: 1, offset: 0 })).toEqual(before)
    expect(await bench.target`select from migration_coverage.idempotency_key`).toHaveLength(0)
  })
})

describe('cancelJob', () => {
  it('wins or loses against the end of the job, never both', async () => {
    const jobs = await Promise.all(Array.from({ length: 5 }, () => createJob(bench.target, bench.queue, request)))
    for (const { jobId } of jobs) {
      const complete = bench.target`
        update migration_coverage.job set status = 'completed', verdict = 'pass', finished_at = now() where job_id = ${jobId} and status in ('queued', 'running')`
      const [cancelled] = await Promise.all([cancelJob(bench.target, jobId), complete])
      expect((await readJob(bench.target, jobId))?.status).toBe(cancelled?.cancelled ? 'cancelled' : 'completed')
    }
    expect(await cancelJob(bench.target, '00000000-0000-4000-8000-000000000000')).toBeUndefined()
  })
})

describe('readers', () => {
  it('answer empty for what is not there', async () => {
    expect(await estimateSeconds(bench.target, ['nobody'])).toBeNull()
    expect(await listDifferences(bench.target, '00000000-0000-4000-8000-000000000000', {}, 0, 10)).toEqual({ differences: [], total: 0 })
  })
})
