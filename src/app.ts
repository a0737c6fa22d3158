import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import Fastify, { LogController } from 'fastify'
import type { FastifyBaseLogger, FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Sql } from 'postgres'
import type { Config } from './config.js'
import { coverageRoutes } from './coverage/routes.js'
import { domainRoutes } from './domains/routes.js'
import { entityRoutes } from './entities/routes.js'
import { developmentRoutes } from './health/development.js'
import { createHealthMonitor } from './health/monitor.js'
import type { HealthMonitor } from './health/monitor.js'
import { measureRequests, metricsRoutes } from './health/metrics.js'
import { healthRoutes } from './health/routes.js'
import { digestOf, isKey, requireKeys } from './http/auth.js'
import { handleErrors, handleUnknownPaths, problem, problemBody } from './http/errors.js'
import { addHeaders } from './http/headers.js'
import { acceptJson, ajvOptions, isSafeToken, readQueries, rewriteUrl } from './http/input.js'
import { collectDocument, serveDocument } from './http/openapi.js'
import { addSchemas, sharedSchemas } from './http/schemas.js'
import type { Queue } from './jobs/queue.js'
import type { LoadedPlan } from './plan/load.js'
import { planRoutes } from './plan/routes.js'
import { reportRoutes } from './reports/routes.js'
import { openInventory } from './scripts/inventory.js'
import { scriptRoutes } from './scripts/routes.js'
import { eventRoutes } from './validation/events-routes.js'
import { repairRoutes } from './validation/repair-routes.js'
import { validationRoutes } from './validation/routes.js'

export interface AppOptions {
  config: Pick<Config, 'environment' | 'apiKey' | 'corsOrigins' | 'rateLimit' | 'maxRequestSize' | 'developmentEndpoints' | 'scriptsDirectory'>
  /** pinned client of the source; only health asks it */
  source: Sql
  /** tracking client */
  target: Sql
  plan: LoadedPlan
  queue: Queue
  logger?: FastifyBaseLogger
  /** probes of /health; made unless given */
  monitor?: HealthMonitor
}

/** Version of the service, from package.json: two folders up from src and from dist alike. */
export const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

/** Builds the application. Nothing is connected before it listens or is first injected; the clients stay the caller's to end. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, source, target, plan, queue } = options
  const monitor = options.monitor ?? createHealthMonitor({ source, target })
  const serverOptions: FastifyHttpOptions<Server> = {
    ...(options.logger === undefined ? { logger: false } : { loggerInstance: options.logger }),
    logController: new LogController({ requestIdLogLabel: 'requestId' }),
    ajv: ajvOptions,
    bodyLimit: config.maxRequestSize,
    routerOptions: { maxParamLength: 500 },
    rewriteUrl,
    genReqId: (request) => (isSafeToken(request.headers['x-request-id']) ? request.headers['x-request-id'] : randomUUID()),
    // slow headers, slow bodies and silent connections are freed within ten seconds; an answer that streams keeps sending
    requestTimeout: 10_000,
    handlerTimeout: 9_000,
    connectionTimeout: 15_000,
    keepAliveTimeout: 5_000,
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000 },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    frameworkErrors: (error, request, reply: FastifyReply) => {
      const known = problem('VALIDATION_FAILED', error.code === 'FST_ERR_BAD_URL' ? 'the path is not a valid URL' : 'the request is malformed')
      void reply.code(known.statusCode).type('application/problem+json').send(JSON.stringify(problemBody(known, request.id, '/')))
    },
  }
  const app: FastifyInstance = Fastify(serverOptions)

  handleErrors(app)
  acceptJson(app)
  readQueries(app)
  addHeaders(app, version)
  const registry = measureRequests(app)
  addSchemas(app, sharedSchemas)
  await collectDocument(app, version)
  // over plain http `upgrade-insecure-requests` blanks the documentation page; strict transport is the TLS proxy's to promise
  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } }, hsts: false })
  if (config.corsOrigins.length > 0) {
    await app.register(cors, {
      origin: config.corsOrigins.includes('*') ? '*' : [...config.corsOrigins],
      methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
      exposedHeaders: ['etag', 'location', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after', 'x-request-id'],
      maxAge: 600,
    })
  }
  await app.register(rateLimit, {
    max: config.rateLimit.max,
    timeWindow: config.rateLimit.windowMs,
    enableDraftSpec: true,
    keyGenerator: clientOf(config.apiKey),
    errorResponseBuilder: (_request, { after }) => problem('RATE_LIMITED', `the limit of requests is reached; try again in ${after}`),
  })
  handleUnknownPaths(app, app.rateLimit())
  requireKeys(app, config.apiKey)
  refuseWithoutTarget(app, monitor)

  app.addHook('onReady', () => monitor.start())
  app.addHook('onClose', async () => { monitor.stop() })

  const readInventory = openInventory(config.scriptsDirectory)
  await app.register(healthRoutes, { monitor, version, environment: config.environment })
  await app.register(metricsRoutes, { target, registry })
  await app.register(coverageRoutes, { target, plan, readInventory })
  await app.register(scriptRoutes, { target, plan, readInventory })
  await app.register(domainRoutes, { target, plan, readInventory })
  await app.register(entityRoutes, { target, plan })
  await app.register(validationRoutes, { target, plan, queue })
  await app.register(eventRoutes, { target })
  await app.register(repairRoutes, { target })
  await app.register(reportRoutes, { target, plan, readInventory })
  await app.register(planRoutes, { target, plan })
  if (config.developmentEndpoints) await app.register(developmentRoutes, { config, target })
  await serveDocument(app)
  return app
}

/** Requests are counted by key if it is the right one, else by address: wrong keys made up one by one share a limit. */
function clientOf(apiKey: string | null): (request: FastifyRequest) => string {
  if (apiKey === null) return (request) => request.ip
  const digest = digestOf(apiKey)
  return (request) => (isKey(request, digest) ? 'key' : request.ip)
}

/** While the target is down every route but the open ones answers 503 at once, instead of waiting for a connection. */
function refuseWithoutTarget(app: FastifyInstance, monitor: HealthMonitor): void {
  app.addHook('preValidation', async (request) => {
    const { scope } = request.routeOptions.config
    if (scope === null || scope === undefined || monitor.state().ready) return
    throw problem('DATABASE_UNAVAILABLE', 'the target database or its tracking schema cannot be used; /health says more', { headers: { 'retry-after': '5' } })
  })
}
