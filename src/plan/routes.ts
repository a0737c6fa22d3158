import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { addSchemas, noQuery, notModified, problems, ref } from '../http/schemas.js'
import type { LoadedPlan } from './load.js'
import { readPlanReport } from './report.js'
import { PlanFaultSchema, PlanReportSchema } from './schemas.js'

/** The plan with the results of its check. */
export const planRoutes: FastifyPluginAsyncTypebox<{ target: Sql; plan: LoadedPlan }> = async (app, { target, plan }) => {
  addSchemas(app, [PlanFaultSchema, PlanReportSchema])

  app.get('/plan', {
    schema: {
      operationId: 'getPlan',
      tags: ['Plan'],
      summary: 'The plan and its check results',
      description:
        'The plan that the service works by, as YAML and as JSON, with every fault that the last check against both databases found: its line, what is wrong and what to do. ' +
        'An entity with a critical fault is blocked: it is not compared, and its verdict is unknown. checkedAt is null when the plan was never checked.',
      querystring: noQuery,
      response: { 200: ref(PlanReportSchema), ...notModified, ...problems(400) },
    },
    config: { scope: 'read' },
  }, async () => readPlanReport(target, plan))
}
