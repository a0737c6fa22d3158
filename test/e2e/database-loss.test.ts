import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { quoteIdentifier } from '../../src/core/identifier.js'
import type { DemoDatabases } from '../../src/demo/databases.js'
import type { ComparisonRun } from '../helpers/compare.js'
import { adminOptions, asAdmin } from '../helpers/postgres.js'
import { startProxy, type Proxy, type ProxyMode } from '../helpers/proxy.js'
import { createDemoPair, databaseEnvironment, request, startService, waitFor, type Environment, type Service } from '../helpers/service.js'
import { postJob, readJob, readWholeRun, seededRandom, waitForEnd, waitForProgress, type JobResult } from './jobs.js'

const seed = Number(process.env['E2E_SEED'] ?? Date.now() % 1_000_000)
const random = seededRandom(seed)
const breaks: { side: 'source' | 'target'; mode: ProxyMode; tasksDone: number; pauseMs: number }[] = Array.from({ length: 8 }, (_, index) => ({
  side: index % 2 === 0 ? 'source' : 'target', mode: random() < 0.5 ? 'reset' : 'fin', tasksDone: index * 10, pauseMs: random() * 60,
}))

interface Health {
  status: string
  components: { component: string; status: string; details: { reason?: string; findings?: string[] } }[]
}

/** One process over two databases, with a proxy in front of each. */
interface Site {
  databases: DemoDatabases
  source: Proxy
  target: Proxy
  service: Service
}

const sites: Site[] = []

async function openSite(extra: Environment): Promise<Site> {
  const [databases, source, target] = await Promise.all([createDemoPair(), startProxy(adminOptions()), startProxy(adminOptions())])
  const service = await startService({
    ...databaseEnvironment(databases), SOURCE_DB_PORT: String(source.port), TARGET_DB_PORT: String(target.port),
    SCAN_CHUNK_PAGES: '16', RECHECK_DELAY_MS: '200', STATEMENT_TIMEOUT_MS: '2000', ...extra,
  })
  const site = { databases, source, target, service }
  sites.push(site)
  return site
}

async function readHealth({ service }: Site): Promise<{ code: number; health: Health; ready: number; live: number }> {
  const [{ status: code, body: health }, ready, live] = await Promise.all([
    request<Health>(service, '/health?includeDetails=true'), request(service, '/health/ready'), request(service, '/health/live'),
  ])
  return { code, health, ready: ready.status, live: live.status }
}

async function waitForHealth(site: Site, status: string) {
  return waitFor(`health to be ${status}`, async () => {
    const found = await readHealth(site)
    return found.health.status === status && found
  })
}

/** All operations of the document, with any identifier in their paths. */
async function operations(service: Service): Promise<{ method: string; path: string; open: boolean }[]> {
  const { body } = await request<{ paths: Record<string, Record<string, { security: object[] }>> }>(service, '/openapi.json')
  return Object.entries(body.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, { security }]) => ({
    method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, '7b0a4c5e-6f3d-4a3c-9f53-0a5b6c7d8e9f'), open: security.length === 0,
  })))
}

async function callAll(service: Service) {
  const all = (await operations(service)).filter(({ open }) => !open)
  expect(all.length).toBeGreaterThan(15)
  return Promise.all(all.map(async ({ method, path }) => {
    const { status, headers, body } = await request(service, path, { method, ...(['POST', 'PATCH', 'PUT'].includes(method) ? { body: {} } : {}) })
    return { call: `${method} ${path}`, status, type: headers.get('content-type'), retryAfter: headers.get('retry-after'), body }
  }))
}

let undisturbed: ComparisonRun
let site: Site

async function expectUndisturbed({ databases }: Site, jobId: string): Promise<void> {
  expect(await readWholeRun(databases.target, jobId)).toEqual(undisturbed)
}

beforeAll(async () => {
  process.stdout.write(`random breaks of this run: E2E_SEED=${seed}\n`)
  site = await openSite({})
  const jobId = await postJob(site.service)
  await waitForEnd(site.service, jobId)
  undisturbed = await readWholeRun(site.databases.target, jobId)
  expect(undisturbed.job).toMatchObject({ status: 'completed', verdict: 'fail' })
}, 120_000)

afterAll(async () => {
  await Promise.all(sites.map(async ({ service, source, target, databases }) => {
    await service.kill()
    await Promise.all([source.close(), target.close()])
    await databases.drop()
  }))
})

describe.concurrent('databases that go away', () => {
  test('the source, the target and single connections break and come back: jobs wait, go on and end as if nothing had happened', async () => {
    await sourceComesBack(site)
    await closedSourceComesBack(site)
    await linksBreak(site)
    await linksGoSilent(site)
    await targetComesBack(site)
    await waitForHealth(site, 'healthy')
    expect(await site.service.stop()).toEqual({ code: 0, signal: null })
  }, 300_000)

  test('a source that stays away fails the job after the limit, and its result says so; a role that can write is named', async () => {
    const away = await openSite({ SOURCE_WAIT_LIMIT_MS: '1500', SOURCE_DB_USER: adminOptions().user, SOURCE_DB_PASSWORD: adminOptions().password })
    const { code, health, ready } = await waitForHealth(away, 'degraded')
    expect({ code, ready }).toEqual({ code: 200, ready: 200 })
    expect(health.components.find(({ component }) => component === 'source')).toMatchObject({
      status: 'degraded', details: { reason: expect.stringMatching(/may do more than read/) as string, findings: expect.arrayContaining(['is superuser']) as string[] },
    })

    away.source.setMode('reset')
    const jobId = await postJob(away.service)
    const job = await waitForEnd(away.service, jobId)
    expect(job).toMatchObject({ status: 'failed', partial: true, reasonCode: 'SOURCE_UNAVAILABLE', pausedReason: null, reason: expect.stringMatching(/source database could not be used for \d+ seconds/) as string })
    // nothing of it is published
    const { body } = await request<{ entities: { coverage: number | null }[] }>(away.service, '/coverage/summary')
    expect(JSON.stringify(body)).toContain('"unknown"')

    away.source.setMode('pass')
    const nextJob = await postJob(away.service)
    expect(await waitForEnd(away.service, nextJob)).toMatchObject({ status: 'completed', partial: false })
    await expectUndisturbed(away, nextJob)
  }, 120_000)
})

/** The lines of its log that tell of errors. */
function errorsOf({ service }: Site): string {
  return service.output().split('\n').filter((line) => /"level":[56]0/.test(line)).join('\n')
}

async function sourceComesBack(at: Site): Promise<void> {
  at.source.setMode('reset')
  const jobId = await postJob(at.service)
  const paused = await waitFor('the job to say what it waits for', async () => {
    const job = await readJob(at.service, jobId)
    return job.pausedReason !== null && job
  })
  expect(paused).toMatchObject({ status: 'running', partial: true, pausedReason: 'source database is unavailable', reasonCode: null })
  const { code, ready, live, health } = await waitFor('health to tell of the source', async () => {
    const found = await readHealth(at)
    return found.health.components.some(({ component, status }) => component === 'source' && status === 'degraded') && found
  })
  expect({ code, ready, live, status: health.status }).toEqual({ code: 200, ready: 200, live: 200, status: 'degraded' })
  expect((await callAll(at.service)).filter(({ status }) => status >= 500)).toEqual([])
  at.source.setMode('pass')
  expect(await waitForEnd(at.service, jobId)).toMatchObject({ status: 'completed', partial: false, pausedReason: null })
  await expectUndisturbed(at, jobId)
}

/** The server answers, but lets nobody into the database: a maintenance window. */
async function closedSourceComesBack(at: Site): Promise<void> {
  const { database } = at.databases.source
  const allow = (allowed: boolean) => asAdmin((sql) => sql.unsafe(`alter database ${quoteIdentifier(database)} allow_connections ${allowed}`))
  await allow(false)
  await asAdmin((sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${database}`)
  const jobId = await postJob(at.service)
  const waiting = await waitFor('the job to say what it waits for', async () => {
    const job = await readJob(at.service, jobId)
    return (job.pausedReason !== null || !['queued', 'running'].includes(job.status)) && job
  }).finally(() => allow(true))
  expect(waiting).toMatchObject({ status: 'running', pausedReason: 'source database is unavailable' })
  expect(await waitForEnd(at.service, jobId)).toMatchObject({ status: 'completed', reason: null })
  await expectUndisturbed(at, jobId)
}

/** Each connection of the API that was cut may cost one more request a 503, and nothing else. */
async function askAgain(at: Site, jobId: string): Promise<JobResult | null> {
  const { status, body } = await request<JobResult>(at.service, `/validation/results/${jobId}`)
  expect([200, 503], errorsOf(at)).toContain(status)
  return status === 200 ? body : null
}

async function waitForEndDespiteCuts(at: Site, jobId: string): Promise<JobResult> {
  return waitFor(`the end of job ${jobId}`, async () => {
    const job = await askAgain(at, jobId)
    return job !== null && !['queued', 'running'].includes(job.status) && job
  }, 90_000)
}

async function linksBreak(at: Site): Promise<void> {
  const jobId = await postJob(at.service)
  for (const { side, mode, tasksDone, pauseMs } of breaks) {
    await waitFor(`${tasksDone} tasks`, async () => ((await askAgain(at, jobId))?.progress.tasksDone ?? -1) >= tasksDone)
    await sleep(pauseMs)
    at[side].setMode(mode)
    at[side].setMode('pass')
  }
  expect(await waitForEndDespiteCuts(at, jobId)).toMatchObject({ status: 'completed', partial: false })
  await expectUndisturbed(at, jobId)
}

async function linksGoSilent(at: Site): Promise<void> {
  const jobId = await postJob(at.service)
  await waitForProgress(at.service, jobId, 15)
  at.source.setMode('blackhole')
  at.target.setMode('blackhole')
  const { status } = await request(at.service, '/health/live')
  expect(status).toBe(200)
  await waitForHealth(at, 'unhealthy')
  // the old links stay dead; only what is connected from now on gets through
  await sleep(3_000)
  at.source.setMode('pass')
  at.target.setMode('pass')
  await waitFor('the service to be ready', async () => (await request(at.service, '/health/ready')).status === 200)
  expect(await waitForEndDespiteCuts(at, jobId)).toMatchObject({ status: 'completed', partial: false })
  await expectUndisturbed(at, jobId)
}

async function targetComesBack(at: Site): Promise<void> {
  const jobId = await postJob(at.service)
  await waitForProgress(at.service, jobId, 15)
  at.target.setMode('reset')
  const refusal = { status: 503, type: expect.stringContaining('application/problem+json') as string, retryAfter: expect.stringMatching(/^\d+$/) as string, body: expect.objectContaining({ status: 503, code: 'DATABASE_UNAVAILABLE' }) as object }
  // until the next probe has noticed, what needs no database (an empty body, a name that the plan does not know) is still refused as ever
  const unnoticed = (await callAll(at.service)).filter(({ status }) => ![400, 404].includes(status))
  expect(unnoticed.length).toBeGreaterThan(10)
  for (const answer of unnoticed) if (answer.status !== 200) expect(answer).toMatchObject(refusal)
  const { code, ready, live } = await waitForHealth(at, 'unhealthy')
  expect({ code, ready, live }).toEqual({ code: 503, ready: 503, live: 200 })
  for (const answer of await callAll(at.service)) expect(answer).toMatchObject(refusal)
  at.target.setMode('pass')
  await waitFor('the service to be ready', async () => (await request(at.service, '/health/ready')).status === 200)
  expect(await waitForEndDespiteCuts(at, jobId)).toMatchObject({ status: 'completed', partial: false, pausedReason: null })
  await expectUndisturbed(at, jobId)
}
