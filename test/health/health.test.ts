import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSource, openTarget } from '../../src/db/clients.js'
import { createHealthMonitor } from '../../src/health/monitor.js'
import { createTestApp } from '../helpers/app.js'
import type { TestApp } from '../helpers/app.js'
import { adminOptions, createTestDatabase } from '../helpers/postgres.js'
import { startProxy } from '../helpers/proxy.js'
import type { Proxy } from '../helpers/proxy.js'

const statusOf = (body: { components: { component: string; status: string }[] }) =>
  Object.fromEntries(body.components.map(({ component, status }) => [component, status]))

describe('GET /health', () => {
  let tested: TestApp
  beforeAll(async () => {
    tested = await createTestApp()
    await tested.database.sql`insert into migration_coverage.worker (worker) values ('one')`
    await tested.app.ready()
  })
  afterAll(() => tested.close())

  test('is degraded while the role of the source may write', async () => {
    const response = await tested.app.inject('/health?includeDetails=true')
    expect(response.statusCode).toBe(200)
    const body = response.json()
    expect(statusOf(body)).toEqual({
      source: 'degraded', target: 'healthy', trackingSchema: 'healthy', queue: 'healthy', workers: 'healthy', disk: expect.any(String), memory: 'healthy',
    })
    expect(body).toMatchObject({ status: 'degraded', version: '0.1.0', environment: 'test' })
    const source = body.components.find(({ component }: { component: string }) => component === 'source')
    expect(source.details).toMatchObject({ readOnlyRole: false, findings: expect.arrayContaining(['is superuser']) })
    expect(response.headers['cache-control']).toBe('no-store')
  })

  test('has details on request only', async () => {
    const body = (await tested.app.inject('/health')).json()
    expect(Object.keys(body.components[0])).toEqual(['component', 'status', 'responseTime'])
    expect(body.systemMetrics).toEqual({
      cpuUserSeconds: expect.any(Number), cpuSystemSeconds: expect.any(Number), residentBytes: expect.any(Number), heapUsedBytes: expect.any(Number),
      heapTotalBytes: expect.any(Number), eventLoopUtilisation: expect.any(Number), loadAverage: [expect.any(Number), expect.any(Number), expect.any(Number)],
    })
    expect((await tested.app.inject('/health?includeDetails=perhaps')).statusCode).toBe(400)
  })

  test('live and ready', async () => {
    expect((await tested.app.inject('/health/live')).json()).toEqual({ status: 'alive', uptime: expect.any(Number) })
    expect((await tested.app.inject('/health/ready')).json()).toEqual({ status: 'ready', reasons: [] })
  })
})

describe('a target that goes away', () => {
  let proxy: Proxy
  let tested: TestApp
  beforeAll(async () => {
    proxy = await startProxy(adminOptions())
    tested = await createTestApp({ target: { host: '127.0.0.1', port: proxy.port } })
    await tested.app.ready()
  })
  afterAll(async () => {
    await tested.close()
    await proxy.close()
  })

  const until = async (wanted: number, url: string) => {
    const end = performance.now() + 20_000
    while ((await tested.app.inject(url)).statusCode !== wanted) {
      if (performance.now() > end) throw new Error(`${url} never answered ${wanted}`)
      await sleep(100)
    }
  }

  test('makes everything but health answer 503 quickly, and recovers by itself', async () => {
    await until(200, '/scripts/status')
    proxy.setMode('blackhole')
    await until(503, '/health/ready')

    const startedAt = performance.now()
    const response = await tested.app.inject('/scripts/status')
    expect(performance.now() - startedAt).toBeLessThan(500)
    expect([response.statusCode, response.headers['retry-after'], response.json().code]).toEqual([503, '5', 'DATABASE_UNAVAILABLE'])
    const health = await tested.app.inject('/health?includeDetails=true')
    expect([health.statusCode, health.json().status]).toEqual([503, 'unhealthy'])
    expect(statusOf(health.json())).toMatchObject({ target: 'unhealthy', trackingSchema: 'unhealthy' })
    expect(health.body).not.toContain('127.0.0.1')
    expect((await tested.app.inject('/health/live')).statusCode).toBe(200)
    expect((await tested.app.inject('/openapi.json')).statusCode).toBe(200)

    proxy.setMode('reset')
    await sleep(200)
    proxy.setMode('pass')
    await until(200, '/scripts/status')
    expect((await tested.app.inject('/health/ready')).statusCode).toBe(200)
  })
})

describe('the monitor', () => {
  test('is degraded, and ready, without a source; and with a role that may only read it is healthy', async () => {
    const database = await createTestDatabase({ template: 'tracking' })
    const { sql } = database
    await sql`insert into migration_coverage.worker (worker) values ('one')`
    await sql.unsafe(`create role health_reader login password 'reader-password'; revoke create on schema public from public`)
    const target = openTarget(database.options)
    const source = openSource({ ...database.options, user: 'health_reader', password: 'reader-password' })
    const gone = openSource({ ...database.options, password: 'wrong' })
    const probe = async (client: typeof source) => {
      const monitor = createHealthMonitor({ source: client, target })
      expect(monitor.state()).toMatchObject({ status: 'unhealthy', ready: false })
      await monitor.start()
      monitor.stop()
      return monitor.state()
    }
    const sourceOf = (state: Awaited<ReturnType<typeof probe>>) => state.components.find(({ component }) => component === 'source')
    const good = await probe(source)
    expect(sourceOf(good)).toMatchObject({ status: 'healthy', details: { readOnlyRole: true } })
    const bad = await probe(gone)
    expect([bad.status, bad.ready, sourceOf(bad)]).toEqual(['degraded', true, { component: 'source', status: 'degraded', responseTime: null, details: { reason: '28P01' } }])
    await sql`delete from migration_coverage.worker`
    expect((await probe(source)).components).toContainEqual(expect.objectContaining({ component: 'workers', status: 'degraded' }))
    await Promise.all([target.end(), source.end(), gone.end()])
    await sql`drop role health_reader`
    await database.drop()
  })

  test('without the tracking schema is not ready, and says what to run', async () => {
    const database = await createTestDatabase()
    const [source, target] = [openSource(database.options), openTarget(database.options)]
    const monitor = createHealthMonitor({ source, target })
    await monitor.start()
    monitor.stop()
    expect(monitor.state()).toMatchObject({ status: 'unhealthy', ready: false })
    expect(monitor.state().components).toContainEqual(expect.objectContaining({ component: 'trackingSchema', details: { reason: expect.stringContaining('db:migrate') } }))
    await Promise.all([source.end(), target.end()])
    await database.drop()
  })
})
