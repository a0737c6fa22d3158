import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { notInPlan, outlinePlan } from '../core/figures.js'
import { problem } from '../http/errors.js'
import { addSchemas, noQuery, notModified, problems, ref, sharedSchemas } from '../http/schemas.js'
import type { LoadedPlan } from '../plan/load.js'
import { listScripts } from '../scripts/queries.js'
import type { ReadInventory } from '../scripts/queries.js'
import { readDomain, readDomains } from './domains.js'
import { DomainCoverageSchema, domainParams, domainsQuery, DomainsCoverageSchema } from './schemas.js'

export interface DomainOptions {
  target: Sql
  plan: LoadedPlan
  readInventory: ReadInventory
  /** the clock; the system's unless given */
  now?: () => Date
}

export const domainRoutes: FastifyPluginAsyncTypebox<DomainOptions> = async (app, { target, plan, readInventory, now = () => new Date() }) => {
  const { domains } = outlinePlan(plan.plan)
  const names = domains.map(({ name }) => name)
  addSchemas(app, [...sharedSchemas, DomainCoverageSchema, DomainsCoverageSchema])

  app.get(
    '/domains/coverage',
    {
      schema: {
        operationId: 'getDomainsCoverage',
        tags: ['Domains'],
        summary: 'Coverage by business area',
        description: 'Each domain of the plan with its accounting, scripts and trend, from the newest published validation of each of its entities.',
        querystring: domainsQuery,
        response: { 200: ref(DomainsCoverageSchema), ...notModified, ...problems(400) },
      },
      config: { scope: 'read' },
    },
    async ({ query }) => {
      const { domain, includeDetails, includeValidation } = query
      const chosen = domains.filter(({ name }) => domain === undefined || name === domain)
      if (domain !== undefined && chosen.length === 0) {
        const message = notInPlan('domain', domain, names)
        throw problem('VALIDATION_FAILED', message, { errors: [{ field: 'domain', message }] })
      }
      return { ...(await readDomains(target, chosen, await listScripts(target, plan.plan, readInventory), { details: includeDetails, validation: includeValidation }, now())), filters: query }
    },
  )

  app.get(
    '/domains/:name',
    {
      schema: {
        operationId: 'getDomain',
        tags: ['Domains'],
        summary: 'One business area with its entities, issues and checks',
        description: 'The same as an item of GET /domains/coverage, with details and validation.',
        querystring: noQuery,
        params: domainParams,
        response: { 200: ref(DomainCoverageSchema), ...notModified, ...problems(400, 404) },
      },
      config: { scope: 'read' },
    },
    async ({ params: { name } }) => {
      const domain = domains.find((one) => one.name === name)
      if (domain === undefined) throw problem('NOT_FOUND', notInPlan('domain', name, names))
      return readDomain(target, domain, await listScripts(target, plan.plan, readInventory), now())
    },
  )
}
