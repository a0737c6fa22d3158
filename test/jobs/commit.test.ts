import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { commitTask, type Commit } from '../../src/jobs/loop.js'
import { endJob, holdTask, takeTask, type TakenTask } from '../../src/jobs/task.js'
import { saveRows, saveSegments } from '../../src/validation/outcomes.js'
import { startProxy } from '../helpers/proxy.js'
import { createJob, jobRow, openBench, scans, taskRows, until, type Bench } from './fixture.js'

let bench: Bench
beforeEach(async () => {
  bench = await openBench()
})
afterEach(() => bench.close())

/** The tasks of a new job, each taken once. */
async function takeAll(count: number): Promise<{ jobId: string; taken: TakenTask[] }> {
  const jobId = await createJob(bench, scans(count))
  const taken: TakenTask[] = []
  for (const row of await taskRows(bench.target, jobId)) taken.push((await takeTask(bench.target, row['task_id'] as number, 'first'))!)
  return { jobId, taken }
}

const whenLast: Commit['whenLast'] = { after: ['scan'], kind: 'settle', entity: 'patients' }

/** All that a scan may leave: sums, rows, an end of its pages, a task for the others, a task that follows. */
const everything = ({ taskId }: TakenTask, byte: number): Commit => ({
  async write(tx) {
    await saveSegments(tx, taskId, { packed: Buffer.alloc(16, byte), audit: null, keys: null, weighted: null, touched: null, newer: null })
    await saveRows(tx, taskId, new Map([[0, Buffer.alloc(8, byte).toString('base64')], [1, '']]))
  },
  outcome: { byte }, nextPage: 32, rest: [{ first: 32, next: 64 }, { first: 64, next: null }], whenLast,
})

async function leftBehind(jobId: string) {
  const [row] = await bench.target`
    select (select json_agg(packed::text) from migration_coverage.segment_sums) as sums, (select json_agg(packed::text order by block) from migration_coverage.streamed_rows) as rows,
      (select count(*)::int from pgboss.job where singleton_key in (select task_id::text from migration_coverage.task where job_id = ${jobId})) as messages,
      (select count(*)::int from migration_coverage.task where job_id = ${jobId}) as tasks`
  return row
}

describe('the commit of a task', () => {
  it('that was lost leaves nothing behind, whatever it had written', async () => {
    const { jobId, taken: [zombie] } = await takeAll(1)
    const heir = await takeTask(bench.target, zombie!.taskId, 'heir')
    expect(await commitTask(bench, zombie!, everything(zombie!, 1))).toBe(false)
    expect(await leftBehind(jobId)).toEqual({ sums: null, rows: null, messages: 1, tasks: 1 })
    expect(await commitTask(bench, heir!, everything(heir!, 2))).toBe(true)
    expect(await leftBehind(jobId)).toEqual({ sums: ['\\x02020202020202020202020202020202'], rows: ['\\x0202020202020202', '\\x'], messages: 3, tasks: 3 })
    expect((await taskRows(bench.target, jobId))[0]).toMatchObject({ status: 'done', worker: 'heir', fence: 2, outcome: { byte: 2 } })
  })

  it('of a job that was cancelled leaves nothing behind', async () => {
    const { jobId, taken: [task] } = await takeAll(1)
    await bench.target.begin((tx) => endJob(tx, jobId, { status: 'cancelled', code: 'CANCELLED', reason: 'by request' }))
    expect(await commitTask(bench, task!, { ...everything(task!, 1), verdict: 'pass' })).toBe(false)
    expect(await leftBehind(jobId)).toEqual({ sums: null, rows: null, messages: 1, tasks: 1 })
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'cancelled', verdict: null })
  })

  it('lets the heir of a lost task go first, though both have written for it', async () => {
    const { jobId, taken: [zombie] } = await takeAll(1)
    let heir: TakenTask | null = null
    const lost = commitTask(bench, zombie!, {
      async write(tx) {
        await everything(zombie!, 1).write?.(tx)
        heir = await takeTask(bench.target, zombie!.taskId, 'heir')
        // what the zombie has written does not keep the heir from the locks
        expect(await bench.target.begin((other) => holdTask(other, heir!))).toBe(true)
      },
    })
    await until('taken by the heir', () => heir !== null, 5_000)
    expect(await commitTask(bench, heir!, everything(heir!, 2))).toBe(true)
    expect(await lost).toBe(false)
    expect(await leftBehind(jobId)).toMatchObject({ sums: ['\\x02020202020202020202020202020202'], tasks: 3 })
  })

  it.each<[string, Commit, string]>([
    ['a statement of it', { write: (tx) => tx`insert into migration_coverage.segment_sums (task_id, nothing) values (1, 2)` }, '42703'],
    ['one of several that were sent at once', { write: (tx) => Promise.all([tx`select 1`, tx`select 1 / 0`, tx`select 1`]) }, '22012'],
    ['the end of the task, sent together with COMMIT', { verdict: 'nonsense' as 'pass' }, '23514'],
  ])('of a held task is refused with the error of %s', async (_, commit, code) => {
    const { jobId, taken: [task] } = await takeAll(1)
    // what every connection has prepared is sent without a pause, what is new to it is not
    for (let attempt = 0; attempt < 2; attempt += 1) await expect(commitTask(bench, task!, { ...everything(task!, 1), ...commit })).rejects.toMatchObject({ code })
    expect(await leftBehind(jobId)).toEqual({ sums: null, rows: null, messages: 1, tasks: 1 })
    expect((await taskRows(bench.target, jobId))[0]).toMatchObject({ status: 'running', fence: 1 })
    expect(await commitTask(bench, task!, everything(task!, 1))).toBe(true)
  })

  it('whose connection is lost before its end is sent is refused, and keeps nothing', async () => {
    const { jobId, taken: [task] } = await takeAll(1)
    const killed: Commit = {
      async write(tx) {
        await everything(task!, 1).write?.(tx)
        const [own] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
        await bench.database.sql`select pg_terminate_backend(${own!.pid})`
        await sleep(200)
      },
    }
    await expect(commitTask(bench, task!, { ...everything(task!, 1), ...killed })).rejects.toMatchObject({ code: expect.stringMatching(/^(57P01|CONNECTION_CLOSED|EPIPE|ECONNRESET)$/) })
    expect(await leftBehind(jobId)).toEqual({ sums: null, rows: null, messages: 1, tasks: 1 })
    expect(await commitTask(bench, task!, everything(task!, 1))).toBe(true)
  })

  it('holds the lock of the job for no round trip: the server commits though its answers are lost', async () => {
    const { jobId, taken: [first, second] } = await takeAll(2)
    const proxy = await startProxy(bench.database.options)
    const far = openTarget({ ...bench.database.options, port: proxy.port, maxConnections: 1 })
    try {
      // prepares the statements on the only connection
      expect(await commitTask({ ...bench, target: far }, first!, everything(first!, 1))).toBe(true)
      const commit = commitTask({ ...bench, target: far }, second!, { ...everything(second!, 1), write: async () => { proxy.setMode('mute') } })
      commit.catch(() => undefined)
      await until('committed', async () => (await taskRows(bench.target, jobId)).filter(({ status }) => status === 'done').length === 2)
      proxy.setMode('reset')
      await expect(commit).rejects.toMatchObject({ code: expect.stringMatching(/^(CONNECTION_CLOSED|ECONNRESET)$/) })
    } finally {
      await proxy.close()
      await far.end({ timeout: 1 })
    }
    expect(await leftBehind(jobId)).toMatchObject({ tasks: 6, messages: 6 })
  })

  it('adds what follows the last one once, when the last two are committed at the same time', async () => {
    const { jobId, taken: [left, right] } = await takeAll(2)
    const others = Array.from({ length: 2 }, () => openTarget({ ...bench.database.options, maxConnections: 1 }))
    const commits = await bench.target.begin(async (tx) => {
      await tx`select from migration_coverage.job where job_id = ${jobId} for no key update`
      const waiting = [left!, right!].map((task, index) => commitTask({ ...bench, target: others[index]! }, task, { whenLast }))
      await until('both wait for the job', async () => (await bench.database.sql`select from pg_locks where not granted`).length >= 2)
      return { waiting }
    })
    expect(await Promise.all(commits.waiting)).toEqual([true, true])
    await Promise.all(others.map((other) => other.end({ timeout: 5 })))
    expect((await taskRows(bench.target, jobId)).map(({ kind, status }) => `${kind} ${status}`)).toEqual(['scan done', 'scan done', 'settle queued'])
    expect(await leftBehind(jobId)).toMatchObject({ messages: 3 })
  })

  it('numbers the tasks for the rest of its pages on from all that there are', async () => {
    const { jobId, taken } = await takeAll(3)
    expect(await Promise.all(taken.map((task) => commitTask(bench, task, everything(task, task.chunk ?? 0))))).toEqual([true, true, true])
    const tasks = await bench.target`select chunk, first_page, next_page, status from migration_coverage.task where job_id = ${jobId} and kind = 'scan' and side = 'source' and entity = 'patients' order by chunk`
    expect(tasks.map(({ chunk, first_page, next_page, status }) => [chunk, first_page, next_page, status])).toEqual([
      ...[0, 1, 2].map((chunk) => [chunk, null, 32, 'done']), ...[3, 5, 7].flatMap((chunk) => [[chunk, 32, 64, 'queued'], [chunk + 1, 64, null, 'queued']]),
    ])
    // a rest is still to be read
    expect((await taskRows(bench.target, jobId)).filter(({ kind }) => kind === 'settle')).toEqual([])
  })

  it('ends the job with the verdict that it gives', async () => {
    const { jobId, taken: [task] } = await takeAll(1)
    expect(await commitTask(bench, task!, { verdict: 'warn' })).toBe(true)
    expect(await jobRow(bench.target, jobId)).toMatchObject({ status: 'completed', verdict: 'warn', finished_at: expect.any(Date) })
  })
})
