import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { jobFailure, onSide } from '../../src/jobs/failure.js'
import { endJob, holdTask, takeTask, type TakenTask } from '../../src/jobs/task.js'
import { openQueue } from '../../src/jobs/queue.js'
import { countByStatus, createJob, jobRow, log, openBench, scans, startLoop, taskRows, until, type Bench } from './fixture.js'

let bench: Bench
beforeEach(async () => {
  bench = await openBench()
})
afterEach(() => bench.close())

const done = (jobId: string, count: number) => async () => (await countByStatus(bench.target, jobId))['done'] === count
const failedWith = (code: string, properties: object = {}) => Object.assign(new Error('a message with a secret: hunter2'), { code, ...properties })

describe('a task', () => {
  it('is taken, committed and marked done with its outcome', async () => {
    const jobId = await createJob(bench, [{ kind: 'scan', entity: 'patients', side: 'target', chunk: 4, firstPage: 64, nextPage: 128 }], 'high')
    let seen: TakenTask | undefined
    const loop = startLoop(bench, async (task) => {
      seen = task
      return { write: async (tx) => tx`insert into migration_coverage.segment_sums (task_id, packed) values (${task.taskId}, ${Buffer.alloc(16)})`, outcome: { rows: 10 } }
    })
    await until('done', done(jobId, 1))
    await loop.stop()
    const [task] = await taskRows(bench.target, jobId)
    expect(seen).toEqual({
      taskId: task!['task_id'], jobId, kind: 'scan', entity: 'patients', side: 'target', chunk: 4, firstPage: 64, nextPage: 128,
      fence: 1, retries: 0, failures: 0, deaths: 0,
      job: { planId: 1, planChecksum: 'abc', mode: 'full', priority: 'high', includeIntegrityChecks: true, includeCrossEntity: true, entities: ['patients'] },
    })
    expect(task).toMatchObject({ status: 'done', fence: 1, outcome: { rows: 10 }, error: null })
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'running', started_at: expect.any(Date), paused_reason: null })
    expect(await bench.target`select from migration_coverage.segment_sums`).toHaveLength(1)
    expect(await bench.target`select from migration_coverage.worker`).toHaveLength(0)
  })

  it('of a job that is over is not run', async () => {
    const jobId = await createJob(bench, scans(2))
    await bench.target.begin((tx) => endJob(tx, jobId, { status: 'cancelled', code: 'CANCELLED', reason: 'by request' }))
    let ran = 0
    const loop = startLoop(bench, async () => {
      ran += 1
      return {}
    })
    await until('messages done', async () => (await bench.target`select from pgboss.job where state < 'completed'`).length === 0)
    await loop.stop()
    expect(ran).toBe(0)
    expect(await countByStatus(bench.target, jobId)).toEqual({ cancelled: 2 })
  })

  it('is committed exactly once by two loops, 200 times', async () => {
    await bench.target`create table tally (task_id bigint, worker text)`
    const jobId = await createJob(bench, scans(200))
    const tally = (worker: string) =>
      startLoop(bench, async (task) => ({ write: async (tx) => tx`insert into tally values (${task.taskId}, ${worker})` }), { worker })
    const loops = [tally('a'), tally('b')]
    await until('done', done(jobId, 200), 60_000)
    await Promise.all(loops.map((loop) => loop.stop()))
    const [sums] = await bench.target`select count(*)::int as rows, count(distinct task_id)::int as tasks, count(distinct worker)::int as workers from tally`
    expect(sums).toEqual({ rows: 200, tasks: 200, workers: 2 })
    expect((await taskRows(bench.target, jobId)).every((task) => task['fence'] === 1)).toBe(true)
  })

  it('that is the last one is followed by another, exactly once', async () => {
    const jobId = await createJob(bench, scans(40))
    let settled = 0
    const loop = startLoop(bench, async (task) => {
      if (task.kind === 'scan') return { whenLast: { after: ['scan'], kind: 'settle', entity: 'patients' } }
      settled += 1
      expect(await countByStatus(bench.target, jobId)).toEqual({ done: 40, running: 1 })
      return {}
    }, { concurrency: 8 })
    await until('done', done(jobId, 41))
    await loop.stop()
    expect(settled).toBe(1)
  })

  it('of a zombie writes nothing: the older fence is refused', async () => {
    const jobId = await createJob(bench, scans(1))
    const taskId = (await taskRows(bench.target, jobId))[0]!['task_id'] as number
    let letGo = () => {}
    const held = new Promise<void>((resolve) => (letGo = resolve))
    let written = 0
    const zombie = startLoop(bench, async (task) => {
      await held
      return {
        async write(tx) {
          await tx`insert into migration_coverage.segment_sums (task_id, packed) values (${task.taskId}, ${Buffer.alloc(16)})`
          written += 1
        },
        nextPage: 5, rest: [{ first: 5, next: null }], whenLast: { after: ['scan'], kind: 'settle', entity: 'patients' }, verdict: 'pass',
      }
    }, { worker: 'zombie' })
    await until('taken by the zombie', async () => (await taskRows(bench.target, jobId))[0]!['worker'] === 'zombie')
    const heir = await takeTask(bench.target, taskId, 'heir')
    expect(heir).toMatchObject({ fence: 2, deaths: 1 })
    letGo()
    await zombie.stop()
    expect(written).toBe(1)
    expect(await bench.target`select from migration_coverage.segment_sums`).toHaveLength(0)
    expect([...(await taskRows(bench.target, jobId))]).toEqual([expect.objectContaining({ task_id: taskId, status: 'running', worker: 'heir', fence: 2, error: null })])
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'running', verdict: null })
    expect(await bench.target`select from pgboss.job where state < 'completed'`).toHaveLength(0)
    await bench.target.begin(async (tx) => expect(await holdTask(tx, heir!)).toBe(true))
  })
})

describe('cancelling', () => {
  it('aborts the signal of a running handler within two seconds and drops its result', async () => {
    const jobId = await createJob(bench, scans(2))
    let aborted: number | null = null
    const loop = startLoop(bench, async (task, signal) => {
      await sleep(20_000, undefined, { signal }).catch(() => (aborted ??= Date.now()))
      return { write: async (tx) => tx`insert into migration_coverage.segment_sums (task_id, packed) values (${task.taskId}, ${Buffer.alloc(16)})` }
    }, { concurrency: 1 })
    await until('running', async () => (await countByStatus(bench.target, jobId))['running'] === 1)
    const cancelled = Date.now()
    await bench.target.begin((tx) => endJob(tx, jobId, { status: 'cancelled', code: 'CANCELLED', reason: 'by request' }))
    await until('aborted', () => aborted !== null)
    expect(aborted! - cancelled).toBeLessThan(2_000)
    await loop.stop()
    expect(await bench.target`select from migration_coverage.segment_sums`).toHaveLength(0)
    expect(await countByStatus(bench.target, jobId)).toEqual({ cancelled: 2 })
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'cancelled', reason_code: 'CANCELLED' })
  })
})

describe('a failing handler', () => {
  it('gets three attempts, then fails the job without telling the message', async () => {
    const jobId = await createJob(bench, scans(2))
    let attempts = 0
    const loop = startLoop(bench, async (task) => {
      if (task.chunk === 1) return {}
      attempts += 1
      throw onSide('source', failedWith('42703', { severity: 'ERROR' }))
    }, { concurrency: 1 })
    await until('failed', async () => (await jobRow(bench.target, jobId))['status'] === 'failed')
    await loop.stop()
    expect(attempts).toBe(3)
    const taskId = (await taskRows(bench.target, jobId))[0]!['task_id']
    const reason = `The task "scan" of entity "patients" failed 3 times on the source database (SQLSTATE 42703). The log of the worker has the details under task ${taskId}.`
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'failed', reason_code: 'SCHEMA_CHANGED', reason, finished_at: expect.any(Date) })
    expect(await countByStatus(bench.target, jobId)).toEqual({ failed: 1, done: 1 })
  })

  it('fails the job at once when it says so', async () => {
    const jobId = await createJob(bench, [{ kind: 'prepare' }, ...scans(2)])
    const loop = startLoop(bench, async () => {
      throw jobFailure('PLAN_INVALID', 'The plan names a table that does not exist: public.nothing')
    }, { concurrency: 1 })
    await until('failed', async () => (await jobRow(bench.target, jobId))['status'] === 'failed')
    await loop.stop()
    expect(await jobRow(bench.target, jobId)).toMatchObject({ reason_code: 'PLAN_INVALID', reason: 'The plan names a table that does not exist: public.nothing' })
    expect(await countByStatus(bench.target, jobId)).toEqual({ failed: 1, cancelled: 2 })
  })

  it('whose commit throws leaves nothing behind and is tried again', async () => {
    await bench.target`create table tally (task_id bigint)`
    const jobId = await createJob(bench, scans(1))
    let attempts = 0
    const loop = startLoop(bench, async (task) => ({
      async write(tx) {
        attempts += 1
        await tx`insert into tally values (${task.taskId})`
        if (attempts === 1) throw failedWith('40P01')
      },
    }))
    await until('done', done(jobId, 1))
    await loop.stop()
    expect(await bench.target`select from tally`).toHaveLength(1)
    expect((await taskRows(bench.target, jobId))[0]).toMatchObject({ fence: 2 })
    expect(await jobRow(bench.target, jobId)).toMatchObject({ paused_reason: null })
  })

  it('has its job failed when it has cost ten workers their life', async () => {
    const jobId = await createJob(bench, scans(1))
    await bench.target`update migration_coverage.task set status = 'running', outcome = '{"deaths": 9}'`
    const loop = startLoop(bench, async () => ({}))
    await until('failed', async () => (await jobRow(bench.target, jobId))['status'] === 'failed')
    await loop.stop()
    expect(await jobRow(bench.target, jobId)).toMatchObject({ reason_code: 'RESOURCE', reason: expect.stringMatching(/ended 10 workers/) })
  })
})

describe('a database that is away', () => {
  it('pauses the job, and the next success clears the pause', async () => {
    const jobId = await createJob(bench, scans(1))
    let away = true
    const loop = startLoop(bench, async () => {
      if (away) throw onSide('source', failedWith('ECONNREFUSED'))
      return {}
    })
    await until('paused', async () => (await jobRow(bench.target, jobId))['paused_reason'] !== null)
    const first = await jobRow(bench.target, jobId)
    expect(first).toMatchObject({ status: 'running', paused_reason: 'source database is unavailable', paused_at: expect.any(Date) })
    await until('second try', async () => (await taskRows(bench.target, jobId))[0]!['outcome']?.retries === 2)
    expect((await jobRow(bench.target, jobId))['paused_at']).toEqual(first['paused_at'])
    away = false
    await until('done', done(jobId, 1))
    await loop.stop()
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'running', paused_reason: null, paused_at: null })
  })

  it('answers, and refuses the same task again: the job says for what', async () => {
    const jobId = await createJob(bench, scans(1))
    let locked = true
    const loop = startLoop(bench, async () => {
      if (locked) throw onSide('source', failedWith('55P03'))
      return {}
    })
    await until('paused', async () => (await jobRow(bench.target, jobId))['paused_reason'] !== null)
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'running', paused_reason: 'source database is busy: a table is locked (SQLSTATE 55P03)' })
    expect((await taskRows(bench.target, jobId))[0]!['outcome']).toMatchObject({ retries: 2 })
    locked = false
    await until('done', done(jobId, 1))
    await loop.stop()
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'running', paused_reason: null, paused_at: null })
  })

  it('for longer than the limit fails the job', async () => {
    const jobId = await createJob(bench, scans(3))
    const loop = startLoop(bench, async () => {
      throw onSide('source', failedWith('CONNECTION_CLOSED'))
    }, { concurrency: 1, sourceWaitLimitMs: 500 })
    await until('failed', async () => (await jobRow(bench.target, jobId))['status'] === 'failed')
    await loop.stop()
    expect(await jobRow(bench.target, jobId)).toMatchObject({
      reason_code: 'SOURCE_UNAVAILABLE',
      reason: expect.stringMatching(/^The source database could not be used for \d+ seconds\. What was compared until then is kept as partial/),
      paused_reason: null,
    })
    expect(await countByStatus(bench.target, jobId)).toEqual({ failed: 1, cancelled: 2 })
  })

  it('is the tracking database itself: the loop goes on when its connections come back', async () => {
    const jobId = await createJob(bench, scans(4))
    const own = openTarget({ ...bench.database.options, maxConnections: 6, applicationName: 'victim' })
    const queue = await openQueue(own, { log, migrate: false })
    const loop = startLoop({ target: own, queue }, async () => {
      await sleep(1_000)
      return {}
    })
    for (let i = 0; i < 3; i += 1) {
      await until('running', async () => ((await countByStatus(bench.target, jobId))['running'] ?? 0) > 0)
      await sleep(200)
      await bench.database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim' and datname = current_database()`
    }
    await until('done', done(jobId, 4), 60_000)
    await loop.stop()
    await queue.stop()
    await own.end({ timeout: 5 })
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'running', paused_reason: null })
  })
})

describe('stopping', () => {
  it('gives a running task back at once, for another worker', async () => {
    const jobId = await createJob(bench, scans(1))
    const first = startLoop(bench, async (_task, signal) => {
      await sleep(30_000, undefined, { signal })
      return {}
    }, { graceMs: 200 })
    await until('running', async () => (await countByStatus(bench.target, jobId))['running'] === 1)
    const before = Date.now()
    await first.stop()
    expect(Date.now() - before).toBeLessThan(3_000)
    expect((await taskRows(bench.target, jobId))[0]).toMatchObject({ status: 'queued', worker: null, outcome: { retries: 0, failures: 0, deaths: 0 } })
    const second = startLoop(bench, async () => ({}))
    await until('done', done(jobId, 1), 5_000)
    await second.stop()
  })

  it('leaves a handler behind that ignores its signal', async () => {
    const jobId = await createJob(bench, scans(1))
    const loop = startLoop(bench, () => new Promise(() => {}), { graceMs: 100 })
    await until('running', async () => (await countByStatus(bench.target, jobId))['running'] === 1)
    await loop.stop()
    expect((await taskRows(bench.target, jobId))[0]).toMatchObject({ status: 'queued' })
  })
})

describe('the worker row', () => {
  it('stands while the loop runs', async () => {
    await bench.target`insert into migration_coverage.worker (worker, seen_at) values ('long gone', now() - interval '2 hours')`
    const loop = startLoop(bench, async () => ({}), { worker: 'w1' })
    await until('seen', async () => (await bench.target`select from migration_coverage.worker where worker = 'w1'`).length === 1)
    expect(await bench.target`select worker from migration_coverage.worker`).toHaveLength(1)
    await loop.stop()
    expect(await bench.target`select from migration_coverage.worker`).toHaveLength(0)
  })
})
