import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { ConfigError, loadConfig } from './config.js'
import type { Config } from './config.js'
import { openSource, openTarget, retryTransient } from './db/clients.js'
import type { DatabaseOptions } from './db/clients.js'
import { migrate, verifyMigrations } from './db/migrate.js'
import { createLogger } from './http/log.js'
import { openQueue } from './jobs/queue.js'
import { collectOften } from './memory.js'
import { loadPlanFile, PlanError } from './plan/load.js'
import { startWorker } from './worker.js'

// what only some roles need is loaded where it is used: a worker keeps neither the API nor the demonstration in memory

/** What a stop has to undo, in the order in which it was opened. */
type Closer = () => Promise<unknown>

/**
 * Opens everything that the role needs and serves until stopped.
 * @returns the address that is listened on (null for a worker), and what is left to do once it is
 */
async function serve(config: Config, log: Logger, closers: Closer[]): Promise<{ url: string | null; afterStart: () => Promise<void> }> {
  const demo = config.demo ? await (await import('./demo/start.js')).startDemo({ rows: config.demoRows, log: (message) => { log.info(message) } }) : null
  if (demo !== null) closers.push(() => demo.stop())
  const databases = demo ?? configuredDatabases(config)
  const plan = await loadPlanFile(databases.planPath)
  const { connectTimeoutMs, comparison: { statementTimeoutMs } } = config
  const sourceOptions: DatabaseOptions = { ...databases.source, statementTimeoutMs, connectTimeoutMs }
  const targetOptions: DatabaseOptions = { ...databases.target, statementTimeoutMs, connectTimeoutMs }

  const target = openTarget(targetOptions)
  closers.push(() => target.end())
  const source = openSource(sourceOptions)
  closers.push(() => source.end())
  const replicas = (demo === null ? config.sourceReplicas : []).map((server) => ({ name: `${server.host}:${server.port}`, sql: openSource({ ...sourceOptions, ...server }) }))
  for (const { sql } of replicas) closers.push(() => sql.end())
  // databases that are started together with the service may need a moment
  await retryTransient(() => prepareTracking(config, targetOptions, log), { attempts: 12, delayMs: 500 })
  await demo?.recordRuns(target)
  const queue = await openQueue(target, { log, migrate: config.environment !== 'production' })
  closers.push(() => queue.stop())

  if (config.role !== 'api') {
    const worker = startWorker({ comparison: config.comparison, source, replicas, target, targetOptions, queue, log })
    closers.push(() => worker.stop())
    log.info('the worker takes tasks')
  }
  if (config.role === 'worker') {
    const stopCollecting = collectOften()
    closers.push(() => Promise.resolve(stopCollecting()))
    return { url: null, afterStart: () => Promise.resolve() }
  }
  const { buildApp } = await import('./app.js')
  const app = await buildApp({ config, source, target, plan, queue, logger: log })
  closers.push(() => app.close())
  await app.listen({ host: config.host, port: config.port })
  const { port } = app.server.address() as AddressInfo
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  const afterStart = async () => {
    if (demo === null || config.role !== 'all') return
    const { validateDemo } = await import('./tour.js')
    process.stdout.write(await validateDemo(target, queue, plan, url))
  }
  return { url, afterStart }
}

function configuredDatabases({ source, target, planPath }: Config) {
  if (source === null || target === null || planPath === null) throw new Error('no databases are configured')
  return { source, target, planPath }
}

/** Migrates the tracking schema; in production that is a deliberate step of its owner, so there it is only verified. */
async function prepareTracking(config: Config, options: DatabaseOptions, log: Logger): Promise<void> {
  const sql = openTarget({ ...options, maxConnections: 1, statementTimeoutMs: 0 })
  try {
    if (config.environment === 'production') await verifyMigrations(sql)
    else {
      const { applied } = await migrate(sql)
      if (applied.length > 0) log.info({ applied }, 'the tracking schema was brought up to date')
    }
  } finally {
    await sql.end()
  }
}

/** Closes in reverse order; a part that fails to close does not keep the others open. */
async function closeAll(closers: Closer[], log: Logger): Promise<boolean> {
  let good = true
  for (const close of closers.splice(0).reverse()) {
    try {
      await close()
    } catch (error) {
      good = false
      log.error({ err: error }, 'a part could not be closed in good order')
    }
  }
  return good
}

function explain(error: unknown): string {
  if (error instanceof PlanError) {
    const places = error.faults.map(({ line, path, message }) => `  - ${line === null ? path : `line ${line}`}: ${message}`)
    return `the plan cannot be used:\n${places.join('\n')}`
  }
  return error instanceof Error ? error.message : String(error)
}

async function main(): Promise<void> {
  const config = loadConfig()
  const log = createLogger(config.logLevel)
  const closers: Closer[] = []
  let stopping = false
  const stop = async (reason: string, exitCode: number): Promise<void> => {
    if (stopping) return
    stopping = true
    log.info({ reason }, 'stopping')
    setTimeout(() => {
      log.fatal(`the stop took longer than ${config.shutdownTimeoutMs} ms and was given up`)
      process.exit(1)
    }, config.shutdownTimeoutMs).unref()
    const good = await closeAll(closers, log)
    process.exit(good ? exitCode : 1)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal, 0))
  try {
    const { url, afterStart } = await serve(config, log, closers)
    if (url !== null) log.info({ url, documentation: `${url}/docs` }, 'the API is listening')
    await afterStart()
  } catch (error) {
    if (stopping) return
    log.fatal({ err: error }, 'the service could not start')
    console.error(explain(error))
    await stop('the start failed', 1)
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : explain(error))
  process.exitCode = 1
})
