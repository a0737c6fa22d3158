import { pino } from 'pino'
import type { FastifyInstance } from 'fastify'
import { buildApp } from '../../src/app.js'
import type { AppOptions } from '../../src/app.js'
import { openSource, openTarget } from '../../src/db/clients.js'
import { openQueue } from '../../src/jobs/queue.js'
import { parsePlan } from '../../src/plan/load.js'
import { createTestDatabase } from './postgres.js'
import type { TestDatabase } from './postgres.js'

export const smallPlan = `
version: 1
domains:
  clinical: { description: Patients and their care, priority: critical }
entities:
  patients:
    domain: clinical
    script: migrate-patients
    source: { table: patient }
    target: { table: patients }
    key: { id: id }
    same: [name]
scripts:
  migrate-patients: { category: core }
`

export const apiKey = 'test-key-of-sixteen-characters'

export const testConfig: AppOptions['config'] = {
  environment: 'test', apiKey: null, corsOrigins: [], rateLimit: { max: 1000, windowMs: 60_000 }, maxRequestSize: 262_144, developmentEndpoints: false, scriptsDirectory: null,
}

export interface TestApp {
  app: FastifyInstance
  database: TestDatabase
  close(): Promise<void>
}

export interface TestAppOptions {
  config?: Partial<AppOptions['config']>
  plan?: string
  logger?: AppOptions['logger']
  /** how the target is reached, for broken links */
  target?: { host: string; port: number }
}

/** The whole application over one test database that stands for source and target. */
export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = await createTestDatabase({ template: 'tracking' })
  const direct = openTarget(database.options)
  const queue = await openQueue(direct, { log: pino({ level: 'silent' }), migrate: true })
  const target = options.target === undefined ? direct : openTarget({ ...database.options, ...options.target, connectTimeoutMs: 500 })
  const source = openSource({ ...database.options, maxConnections: 2 })
  const app = await buildApp({
    config: { ...testConfig, ...options.config },
    source,
    target,
    queue,
    plan: parsePlan(options.plan ?? smallPlan),
    ...(options.logger === undefined ? {} : { logger: options.logger }),
  })
  return {
    app,
    database,
    async close() {
      await app.close()
      await queue.stop()
      await Promise.all([source.end(), target.end(), direct.end()])
      await database.drop()
    },
  }
}
