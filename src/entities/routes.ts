import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { notInPlan, outlinePlan } from '../core/figures.js'
import { problem } from '../http/errors.js'
import { addSchemas, noQuery, notModified, problems, ref, sharedSchemas } from '../http/schemas.js'
import type { LoadedPlan } from '../plan/load.js'
import { readEntities, readEntity } from './entities.js'
import { entitiesQuery, EntitiesPerformanceSchema, EntityDetailSchema, entityParams, EntityPerformanceSchema, PerformanceSchema } from './schemas.js'

export interface EntityOptions {
  target: Sql
  plan: LoadedPlan
  /** the clock; the system's unless given */
  now?: () => Date
}

export const entityRoutes: FastifyPluginAsyncTypebox<EntityOptions> = async (app, { target, plan, now = () => new Date() }) => {
  const { domains, entities } = outlinePlan(plan.plan)
  addSchemas(app, [...sharedSchemas, PerformanceSchema, EntityPerformanceSchema, EntitiesPerformanceSchema, EntityDetailSchema])

  app.get(
    '/entities/performance',
    {
      schema: {
        operationId: 'getEntitiesPerformance',
        tags: ['Entities'],
        summary: 'How well each entity stands',
        description:
          'The entities of the plan with their accounting, rates, score and grade, from the newest published validation of each. ' +
          'Sorted by name unless asked otherwise.',
        querystring: entitiesQuery,
        response: { 200: ref(EntitiesPerformanceSchema), ...notModified, ...problems(400) },
      },
      config: { scope: 'read' },
    },
    async ({ query }) => {
      const { page: _page, limit: _limit, ...filters } = query
      if (query.domain !== undefined && !domains.some(({ name }) => name === query.domain)) {
        const message = notInPlan('domain', query.domain, domains.map(({ name }) => name))
        throw problem('VALIDATION_FAILED', message, { errors: [{ field: 'domain', message }] })
      }
      const chosen = entities.filter(({ domain }) => query.domain === undefined || domain === query.domain)
      return { ...(await readEntities(target, chosen, query, now())), filters }
    },
  )

  app.get(
    '/entities/:name',
    {
      schema: {
        operationId: 'getEntity',
        tags: ['Entities'],
        summary: 'Everything that is known of one entity',
        description: 'Figures of its newest published validation with reasons, causes and columns, its history, and what keeps it from passing.',
        querystring: noQuery,
        params: entityParams,
        response: { 200: ref(EntityDetailSchema), ...notModified, ...problems(400, 404) },
      },
      config: { scope: 'read' },
    },
    async ({ params: { name } }) => {
      const entity = entities.find((one) => one.name === name)
      if (entity === undefined) throw problem('NOT_FOUND', notInPlan('entity', name, entities.map((one) => one.name)))
      return readEntity(target, entity, now())
    },
  )
}
