import { buildApp } from '../src/app.js'
import { openSource, openTarget } from '../src/db/clients.js'
import type { DatabaseOptions } from '../src/db/clients.js'
import type { HealthMonitor } from '../src/health/monitor.js'
import type { Queue } from '../src/jobs/queue.js'
import { parsePlan } from '../src/plan/load.js'

/** Never connected to: the document depends on the routes alone. */
const nowhere: DatabaseOptions = { host: '127.0.0.1', port: 1, user: 'nobody', password: '', database: 'none', ssl: 'disable', maxConnections: 1 }

const plan = parsePlan(`
version: 1
domains: { any: {} }
entities:
  any: { domain: any, source: { table: any }, target: { table: any }, key: { id: id } }
`)

const monitor: HealthMonitor = {
  state: () => ({ status: 'unhealthy', ready: false, checkedAt: new Date(0), components: [] }),
  start: () => Promise.resolve(),
  stop: () => undefined,
}

const unused = () => Promise.reject(new Error('the document is built without a queue'))
const queue: Queue = { enqueue: unused, enqueueEach: unused, work: unused, lostTasks: unused, stop: () => Promise.resolve() }

/** The text of `openapi/openapi.json`: what GET /openapi.json answers in a default installation. Nothing is connected. */
export async function renderDocument(): Promise<string> {
  const source = openSource(nowhere)
  const target = openTarget(nowhere)
  const config = {
    environment: 'production' as const, apiKey: null, corsOrigins: [], rateLimit: { max: 1, windowMs: 1000 }, maxRequestSize: 1024, scriptsDirectory: null, developmentEndpoints: false,
  }
  const app = await buildApp({ config, source, target, plan, queue, monitor })
  await app.ready()
  const document = `${JSON.stringify(app.swagger(), null, 2)}\n`
  await app.close()
  await Promise.all([source.end(), target.end()])
  return document
}
