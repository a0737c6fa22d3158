import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countByStatus, createJob, openBench, scans, startLoop, taskRows, until, type Bench } from './fixture.js'

const script = fileURLToPath(new URL('../helpers/worker-process.ts', import.meta.url))

let bench: Bench
const children: ChildProcess[] = []
beforeEach(async () => {
  bench = await openBench()
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await bench.close()
})

/** A worker process whose handlers sleep; what it says is collected. */
function startChild(name: string, taskMs: number) {
  const env = { ...process.env, WORKER_DATABASE: JSON.stringify({ ...bench.database.options, maxConnections: 5 }), WORKER_NAME: name, WORKER_TASK_MS: String(taskMs) }
  const child = spawn(process.execPath, ['--import', 'tsx', script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let said = ''
  child.stdout.on('data', (data: Buffer) => (said += data.toString()))
  return { child, said: () => said, exited: new Promise<number | null>((resolve) => child.once('exit', resolve)) }
}

describe('a worker process', () => {
  it('that is killed has its task taken by another within 60 s', async () => {
    const jobId = await createJob(bench, scans(1))
    const { child, said, exited } = startChild('doomed', 600_000)
    await until('taken by the child', () => said().includes('taken'))
    const loop = startLoop(bench, async () => ({ outcome: { by: 'heir' } }), { worker: 'heir' })
    child.kill('SIGKILL')
    await exited
    const killed = Date.now()
    await until('taken over', async () => (await countByStatus(bench.target, jobId))['done'] === 1, 60_000)
    const tookMs = Date.now() - killed
    await loop.stop()
    expect(tookMs).toBeLessThan(30_000)
    expect((await taskRows(bench.target, jobId))[0]).toMatchObject({ status: 'done', fence: 2, worker: 'heir', outcome: { by: 'heir' } })
  }, 90_000)

  it('that is frozen past its lease writes nothing when it wakes', async () => {
    const jobId = await createJob(bench, scans(1))
    const { child, said } = startChild('frozen', 2_000)
    await until('taken by the child', () => said().includes('taken'))
    child.kill('SIGSTOP')
    const loop = startLoop(bench, async () => ({ outcome: { by: 'heir' } }), { worker: 'heir' })
    await until('taken over', async () => (await countByStatus(bench.target, jobId))['done'] === 1, 60_000)
    child.kill('SIGCONT')
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    await loop.stop()
    expect(await bench.target`select from migration_coverage.segment_sums`).toHaveLength(0)
    expect((await taskRows(bench.target, jobId))[0]).toMatchObject({ status: 'done', fence: 2, outcome: { by: 'heir' } })
  }, 90_000)

  it('that is asked to stop gives its task back and exits with 0', async () => {
    const jobId = await createJob(bench, scans(1))
    const { child, said, exited } = startChild('polite', 600_000)
    await until('taken by the child', () => said().includes('taken'))
    const asked = Date.now()
    child.kill('SIGTERM')
    expect(await exited).toBe(0)
    expect(Date.now() - asked).toBeLessThan(25_000)
    expect((await taskRows(bench.target, jobId))[0]).toMatchObject({ status: 'queued', worker: null })
  })
})
