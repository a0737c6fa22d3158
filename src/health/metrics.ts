import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { noQuery, problems, textBody } from '../http/schemas.js'
import { readMetrics, type ProductMetrics } from './queries.js'

/** The statement over the tracking schema runs at most this often, however many scrape. */
const figuresMs = 5_000

/** Gauges of the library whose names end like those of counters; `promtool check metrics` refuses them. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** Measures every request of the application, by the pattern of its route: raw paths would be a series each. */
export function measureRequests(app: FastifyInstance): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of misnamed) registry.removeSingleMetric(name)
  const duration = new Histogram({
    name: 'http_request_duration_seconds', help: 'Time from the first byte of a request to the last of its answer', labelNames: ['method', 'route', 'status'], registers: [registry],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10],
  })
  app.addHook('onResponse', async (request, reply) => {
    duration.observe({ method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode }, reply.elapsedTime / 1000)
  })
  return registry
}

function createGauges(registry: Registry) {
  const gauge = (name: string, help: string, labelNames: string[] = []) => new Gauge({ name: `migration_coverage_${name}`, help, labelNames, registers: [registry] })
  const gauges = {
    verified: gauge('verified_ratio', 'Verified share of the rows in scope, 0 to 1, as the newest validation of the entity found it; absent when it is not known', ['domain', 'entity']),
    rows: gauge('rows', 'Rows of an entity by side and class, as the newest validation found them; absent when they could not be counted', ['domain', 'entity', 'side', 'class']),
    validatedAt: gauge('last_validation_timestamp_seconds', 'When the newest validation of the entity was published', ['domain', 'entity']),
    jobs: gauge('jobs', 'Validation jobs by status', ['status']),
    tasks: gauge('tasks', 'Tasks of unfinished jobs by status', ['status']),
    workers: gauge('workers', 'Workers heard of within the last minute'),
  }
  return (found: ProductMetrics): void => {
    for (const one of Object.values(gauges)) one.reset()
    for (const { domain, entity, scope, verified, publishedAt, rows } of found.entities) {
      if (scope !== null && verified !== null && scope > 0) gauges.verified.set({ domain, entity }, verified / scope)
      gauges.validatedAt.set({ domain, entity }, publishedAt)
      for (const [side, classes] of Object.entries(rows)) for (const [name, count] of Object.entries(classes)) if (count !== null) gauges.rows.set({ domain, entity, side, class: name }, count)
    }
    for (const { status, jobs } of found.jobs) gauges.jobs.set({ status }, jobs)
    for (const { status, tasks } of found.tasks) gauges.tasks.set({ status }, tasks)
    gauges.workers.set(found.workers)
  }
}

/** For Prometheus, which sends the key as a bearer token. While the target is down the answer is a 503, and Prometheus' own `up` is 0: old figures are not told as if they were new. */
export const metricsRoutes: FastifyPluginAsyncTypebox<{ target: Sql; registry: Registry }> = async (app, { target, registry }) => {
  const setGauges = createGauges(registry)
  let last: { at: number; found: Promise<ProductMetrics> } | null = null
  const readRecent = (): Promise<ProductMetrics> => {
    const now = performance.now()
    if (last === null || now - last.at > figuresMs) {
      last = { at: now, found: readMetrics(target) }
      // a failure is told to those who wait for it, and not kept
      last.found.catch(() => { last = null })
    }
    return last.found
  }

  app.get('/metrics', {
    schema: {
      operationId: 'getMetrics',
      tags: ['Health'],
      summary: 'Metrics for Prometheus',
      description: 'Requests by route, the process, and what the newest validations found, in the text format of Prometheus. Send the key as a bearer token. What could not be counted has no series.',
      querystring: noQuery,
      response: { 200: { description: 'The metrics.', content: { 'text/plain': { schema: textBody('exposition format 0.0.4', '# TYPE migration_coverage_workers gauge\nmigration_coverage_workers 1\n') } } }, ...problems(400) },
    },
    config: { scope: 'read' },
  }, async (_request, reply) => {
    setGauges(await readRecent())
    return reply.header('cache-control', 'no-store').type(registry.contentType).send(await registry.metrics())
  })
}
