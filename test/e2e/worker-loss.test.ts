import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoDatabases } from '../../src/demo/databases.js'
import type { ComparisonRun } from '../helpers/compare.js'
import { createDemoPair, databaseEnvironment, startService, waitFor, type Environment, type Service } from '../helpers/service.js'
import { postJob, readJob, readTasks, readWholeRun, seededRandom, waitForEnd, waitForProgress } from './jobs.js'

const seed = Number(process.env['E2E_SEED'] ?? Date.now() % 1_000_000)
const random = seededRandom(seed)
/** Tasks of one job over all entities with chunks of 16 pages, as the undisturbed run had them. */
let tasksOfJob = 0

/** Random shares of finished tasks at which something happens, in order, and how many ms after that. */
function randomPoints(count: number): { share: number; pauseMs: number }[] {
  return Array.from({ length: count }, () => ({ share: random(), pauseMs: random() * 100 })).sort((left, right) => left.share - right.share)
}

const doneAt = (share: number) => Math.floor(share * (tasksOfJob - 2))

const [killsOfTwo, killsOfOne, stops] = [randomPoints(2), randomPoints(3), randomPoints(1)]

interface Site {
  databases: DemoDatabases
  environment: Environment
  api: Service
  workers: Service[]
}

const sites: Site[] = []
let undisturbed: ComparisonRun

async function openSite(): Promise<Site> {
  const databases = await createDemoPair()
  // keys that differ rest long enough that a worker is killed while it waits, too
  const environment = { ...databaseEnvironment(databases), SCAN_CHUNK_PAGES: '16', RECHECK_DELAY_MS: '700' }
  const site = { databases, environment, api: await startService({ ...environment, ROLE: 'api' }), workers: [] }
  sites.push(site)
  return site
}

async function startWorker(site: Site): Promise<Service> {
  const worker = await startService({ ...site.environment, ROLE: 'worker' })
  site.workers.push(worker)
  return worker
}

async function waitForRunning(site: Site, jobId: string) {
  return waitFor('tasks that run', async () => {
    const running = (await readTasks(site.databases.target, jobId)).filter(({ status }) => status === 'running')
    return running.length > 0 && running
  })
}

async function expectUndisturbed(site: Site, jobId: string): Promise<void> {
  const run = await readWholeRun(site.databases.target, jobId)
  expect(run).toEqual(undisturbed)
  const tasks = await readTasks(site.databases.target, jobId)
  expect(tasks.filter(({ status }) => status !== 'done')).toEqual([])
  expect(tasks).toHaveLength(tasksOfJob)
}

beforeAll(async () => {
  process.stdout.write(`random points of this run: E2E_SEED=${seed}\n`)
  const [first] = await Promise.all([openSite(), openSite(), openSite()])
  const worker = await startWorker(first)
  const jobId = await postJob(first.api)
  await waitForEnd(first.api, jobId)
  undisturbed = await readWholeRun(first.databases.target, jobId)
  tasksOfJob = (await readTasks(first.databases.target, jobId)).length
  await worker.stop()
  expect(undisturbed.job).toMatchObject({ status: 'completed', verdict: 'fail' })
}, 120_000)

afterAll(async () => {
  await Promise.all(sites.map(async ({ api, workers, databases }) => {
    await Promise.all([api, ...workers].map((service) => service.kill()))
    await databases.drop()
  }))
})

describe.concurrent('a worker is lost in mid-job', () => {
  test('kill -9 with a second worker beside it: the other one takes over, and nothing is counted twice', async () => {
    const site = sites[0]!
    let [doomed, other] = await Promise.all([startWorker(site), startWorker(site)])
    const jobId = await postJob(site.api)
    for (const { share, pauseMs } of killsOfTwo) {
      await waitForProgress(site.api, jobId, doneAt(share))
      await sleep(pauseMs)
      await doomed.kill()
      ;[doomed, other] = [other, await startWorker(site)]
    }
    expect(await waitForEnd(site.api, jobId)).toMatchObject({ status: 'completed', partial: false })
    await expectUndisturbed(site, jobId)
  }, 180_000)

  test('kill -9 of the only worker, three times, restarted each time: each goes on where the last one was', async () => {
    const site = sites[1]!
    let worker = await startWorker(site)
    const jobId = await postJob(site.api)
    let doneBefore = 0
    for (const { share, pauseMs } of killsOfOne) {
      const { progress } = await waitForProgress(site.api, jobId, Math.max(doneAt(share), doneBefore))
      expect(progress.tasksDone).toBeGreaterThanOrEqual(doneBefore)
      doneBefore = progress.tasksDone
      await sleep(pauseMs)
      await worker.kill()
      worker = await startWorker(site)
      const { status, progress: resumed } = await waitFor('a restarted worker to go on', async () => {
        const job = await readJob(site.api, jobId)
        return (job.progress.tasksDone > doneBefore || job.status === 'completed') && job
      })
      if (status === 'completed') break
      doneBefore = resumed.tasksDone
    }
    expect(await waitForEnd(site.api, jobId)).toMatchObject({ status: 'completed', partial: false })
    await expectUndisturbed(site, jobId)
    expect((await readTasks(site.databases.target, jobId)).some(({ fence }) => fence > 1)).toBe(true)
  }, 240_000)

  test('SIGTERM gives the tasks back at once and ends with 0; a worker that was frozen meanwhile writes nothing any more', async () => {
    const site = sites[2]!
    const first = await startWorker(site)
    const stoppedJob = await postJob(site.api)
    await waitForProgress(site.api, stoppedJob, doneAt(stops[0]!.share))
    const startedAt = performance.now()
    expect(await first.stop()).toEqual({ code: 0, signal: null })
    expect(performance.now() - startedAt).toBeLessThan(30_000)
    expect((await readTasks(site.databases.target, stoppedJob)).filter(({ status }) => status === 'running'), first.output()).toEqual([])
    expect((await readJob(site.api, stoppedJob)).status).toBe('running')

    const zombie = await startWorker(site)
    expect(await waitForEnd(site.api, stoppedJob)).toMatchObject({ status: 'completed' })
    await expectUndisturbed(site, stoppedJob)

    const frozenJob = await postJob(site.api)
    // among the last tasks, whose differing keys rest: what is held is not done before the signal
    await waitForProgress(site.api, frozenJob, tasksOfJob - 21)
    const held = await waitForRunning(site, frozenJob)
    zombie.signal('SIGSTOP')
    const frozenAt = performance.now()
    const successor = await startWorker(site)
    await waitFor('the successor to take a task of the frozen worker', async () => {
      const now = await readTasks(site.databases.target, frozenJob)
      return performance.now() - frozenAt > 15_000 && held.some(({ id, fence }) => now.some((task) => task.id === id && task.fence > fence))
    })
    zombie.signal('SIGCONT')
    expect(await waitForEnd(site.api, frozenJob)).toMatchObject({ status: 'completed' })
    await expectUndisturbed(site, frozenJob)
    await waitFor('the frozen worker to notice', () => /the result was dropped|the task was given up/.test(zombie.output()))
    await expectUndisturbed(site, frozenJob)

    // it is none the worse for it
    await successor.stop()
    const nextJob = await postJob(site.api)
    expect(await waitForEnd(site.api, nextJob)).toMatchObject({ status: 'completed' })
    await expectUndisturbed(site, nextJob)
    expect(await zombie.stop()).toEqual({ code: 0, signal: null })
  }, 240_000)
})
