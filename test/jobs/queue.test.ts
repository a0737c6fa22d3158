import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openQueue } from '../../src/jobs/queue.js'
import { addTasks, messagePriority } from '../../src/jobs/task.js'
import { createTestDatabase } from '../helpers/postgres.js'
import { openTarget } from '../../src/db/clients.js'
import { createJob, log, openBench, scans, startLoop, taskRows, until, type Bench } from './fixture.js'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

const messages = (taskIds: number[]) =>
  bench.target`select data, priority, state, start_after > now() as delayed from pgboss.job where singleton_key = any(${taskIds.map(String)}) order by data ->> 'taskId'`

describe('enqueue', () => {
  it('commits and rolls back with the transaction of the caller', async () => {
    await bench.target.begin((tx) => bench.queue.enqueue(tx, [900_001], { priority: 7, startAfterSeconds: 600 }))
    await expect(
      bench.target.begin(async (tx) => {
        await bench.queue.enqueue(tx, [900_002])
        expect(await tx`select from pgboss.job where singleton_key = '900002'`).toHaveLength(1)
        throw new Error('never mind')
      }),
    ).rejects.toThrow('never mind')
    expect([...(await messages([900_001, 900_002]))]).toEqual([{ data: { taskId: 900_001 }, priority: 7, state: 'created', delayed: true }])
  })

  it('sends no second message while one waits', async () => {
    await bench.target.begin((tx) => bench.queue.enqueue(tx, [900_003], { startAfterSeconds: 600 }))
    await bench.target.begin((tx) => bench.queue.enqueue(tx, [900_003, 900_004], { startAfterSeconds: 600 }))
    expect(await messages([900_003, 900_004])).toHaveLength(2)
  })

  it('can be called in many transactions at once', async () => {
    const ids = Array.from({ length: 40 }, (_, i) => 910_000 + i)
    await Promise.all(ids.map((id) => bench.target.begin((tx) => bench.queue.enqueue(tx, [id], { startAfterSeconds: 600 }))))
    expect(await messages(ids)).toHaveLength(40)
  })
})

describe('enqueueEach', () => {
  it('sends what enqueue sends, for ids that the server finds', async () => {
    await bench.target.begin((tx) => bench.queue.enqueue(tx, [930_001, 930_002], { priority: 20 }))
    await bench.target.begin((tx) => bench.queue.enqueueEach(tx, 'array(select $1::bigint + one from generate_series(1, 3) one)', [930_010], 20))
    await bench.target.begin((tx) => bench.queue.enqueueEach(tx, "'{}'::bigint[]", [], 20))
    const rows = await bench.target<{ job: Record<string, unknown> }[]>`select to_jsonb(job) as job from pgboss.job where singleton_key like '9300__' order by singleton_key`
    expect(rows.map(({ job }) => job['data'])).toEqual([930_001, 930_002, 930_011, 930_012, 930_013].map((taskId) => ({ taskId })))
    expect(rows.map(({ job }) => job['singleton_key'])).toEqual(['930001', '930002', '930011', '930012', '930013'])
    const own = ['id', 'data', 'singleton_key', 'start_after', 'created_on', 'keep_until']
    const [first, ...others] = rows.map(({ job }) => Object.entries(job).filter(([column]) => !own.includes(column)))
    for (const other of others) expect(other).toEqual(first)
  })
})

describe('addTasks', () => {
  it('adds each task once, with the priority of its job', async () => {
    const jobId = await createJob(bench, scans(3), 'critical')
    expect(await bench.target.begin((tx) => addTasks(tx, bench.queue, jobId, [...scans(4), { kind: 'finish' }]))).toBe(2)
    expect(await bench.target.begin((tx) => addTasks(tx, bench.queue, jobId, [{ kind: 'finish' }]))).toBe(0)
    const tasks = await taskRows(bench.target, jobId)
    expect(tasks.map(({ kind, chunk, status, fence }) => ({ kind, chunk, status, fence }))).toEqual([
      ...[0, 1, 2, 3].map((chunk) => ({ kind: 'scan', chunk, status: 'queued', fence: 0 })),
      { kind: 'finish', chunk: null, status: 'queued', fence: 0 },
    ])
    const sent = await messages(tasks.map((task) => task['task_id']))
    expect(sent.map((message) => message['priority'])).toEqual(Array(5).fill(messagePriority.critical))
  })
})

describe('work', () => {
  let own: Bench
  beforeAll(async () => {
    own = await openBench()
  })
  afterAll(() => own.close())

  it('delivers the message of a rejected handler again', async () => {
    const seen: number[] = []
    const workers = await own.queue.work(
      async (taskId) => {
        seen.push(taskId)
        if (seen.length < 3) throw new Error('not yet')
      },
      { concurrency: 1 },
    )
    await own.target.begin((tx) => own.queue.enqueue(tx, [920_000]))
    await until('third delivery', () => seen.length === 3)
    await workers.stop()
    expect(seen).toEqual([920_000, 920_000, 920_000])
  })

  it('finds tasks that lost their message', async () => {
    const jobId = await createJob(own, scans(3))
    const [first, second] = await taskRows(own.target, jobId)
    await own.target`delete from pgboss.job where singleton_key = ${String(first!['task_id'])}`
    await own.target`update pgboss.job set state = 'active' where singleton_key = ${String(second!['task_id'])}`
    expect(await own.queue.lostTasks(own.target, 10)).toEqual([first!['task_id']])
  })
})

describe('openQueue', () => {
  it('works with a role that may not run DDL', async () => {
    const own = await openBench()
    const role = `runtime_${process.pid}`
    await own.database.sql.unsafe(`
      create role ${role} login password 'runtime';
      grant usage on schema pgboss, migration_coverage to ${role};
      grant select, insert, update, delete on all tables in schema pgboss, migration_coverage to ${role};
      grant usage on all sequences in schema pgboss, migration_coverage to ${role}`)
    const sql = openTarget({ ...own.database.options, user: role, password: 'runtime', maxConnections: 4 })
    const queue = await openQueue(sql, { log, migrate: false })
    const jobId = await createJob({ ...own, target: sql, queue }, scans(2))
    const loop = startLoop({ target: sql, queue }, async () => ({}))
    await until('done', async () => (await taskRows(sql, jobId)).every((task) => task['status'] === 'done'))
    await loop.stop()
    await queue.stop()
    await sql.end({ timeout: 5 })
    await own.database.sql.unsafe(`drop owned by ${role}; drop role ${role}`)
    await own.close()
  })

  it('refuses to start without its schema unless it may create it', async () => {
    const empty = await createTestDatabase()
    const sql = openTarget({ ...empty.options, maxConnections: 2 })
    await expect(openQueue(sql, { log, migrate: false })).rejects.toThrow(/pg-boss is not installed/)
    const queue = await openQueue(sql, { log, migrate: true })
    await queue.stop()
    const again = await openQueue(sql, { log, migrate: false })
    await again.stop()
    await sql.end({ timeout: 5 })
    await empty.drop()
  })
})
