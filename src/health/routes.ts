import { loadavg } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { addSchemas, noQuery, openProblems, ref } from '../http/schemas.js'
import type { HealthMonitor } from './monitor.js'
import { HealthComponentSchema, HealthSchema, LiveSchema, ReadySchema } from './schemas.js'

export interface HealthRouteOptions {
  monitor: HealthMonitor
  version: string
  environment: 'development' | 'test' | 'production'
}

/** Health, open to everybody and outside of the rate limit: a load balancer sends no key. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthRouteOptions> = async (app, { monitor, version, environment }) => {
  addSchemas(app, [HealthComponentSchema, HealthSchema, LiveSchema, ReadySchema])
  const config = { scope: null, rateLimit: false as const }

  app.get('/health', {
    schema: {
      operationId: 'getHealth',
      tags: ['Health'],
      summary: 'Health of the service and its parts',
      description:
        'healthy; degraded when something needs attention (the source is down or its role may write, no worker is alive, the disk is nearly full); ' +
        'unhealthy, with status 503, when the target or its tracking schema cannot be used. Answers from a probe that runs in the background.',
      querystring: Type.Object({ includeDetails: Type.Boolean({ default: false, description: 'adds what each probe found' }) }, { additionalProperties: false }),
      response: { 200: ref(HealthSchema), 503: ref(HealthSchema), ...openProblems(400) },
    },
    config,
  }, async ({ query }, reply) => {
    const { status, components, checkedAt } = monitor.state()
    return reply.code(status === 'unhealthy' ? 503 : 200).header('cache-control', 'no-store').send({
      status,
      timestamp: new Date(),
      checkedAt,
      uptime: process.uptime(),
      version,
      environment,
      components: components.map(({ details, ...component }) => (query.includeDetails ? { ...component, details } : component)),
      systemMetrics: systemMetrics(),
    })
  })

  app.get('/health/live', {
    schema: {
      operationId: 'getLiveness',
      tags: ['Health'],
      summary: 'Is the process alive',
      description: 'Always 200 while the process can answer at all; says nothing of the databases.',
      querystring: noQuery,
      response: { 200: ref(LiveSchema), ...openProblems(400) },
    },
    config,
  }, async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'alive', uptime: process.uptime() }))

  app.get('/health/ready', {
    schema: {
      operationId: 'getReadiness',
      tags: ['Health'],
      summary: 'Can requests be answered',
      description: '200 when the target and its tracking schema can be used, else 503. A source that is down does not make the service unready.',
      querystring: noQuery,
      response: { 200: ref(ReadySchema), 503: ref(ReadySchema), ...openProblems(400) },
    },
    config,
  }, async (_request, reply) => {
    const { ready, components } = monitor.state()
    const down = components.filter(({ component, status }) => status === 'unhealthy' && ['target', 'trackingSchema'].includes(component))
    const reasons = down.map(({ component, details }) => `${component}: ${typeof details['reason'] === 'string' ? details['reason'] : 'unhealthy'}`)
    reply.code(ready ? 200 : 503).header('cache-control', 'no-store')
    return reply.send({ status: ready ? 'ready' : 'not ready', reasons })
  })
}

function systemMetrics() {
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, heapTotal } = process.memoryUsage()
  return {
    cpuUserSeconds: user / 1e6,
    cpuSystemSeconds: system / 1e6,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    eventLoopUtilisation: performance.eventLoopUtilization().utilization,
    loadAverage: loadavg(),
  }
}
