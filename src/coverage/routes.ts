import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { verifiedPercent } from '../core/accounting.js'
import { notInPlan, outlinePlan, rollUp } from '../core/figures.js'
import { problem } from '../http/errors.js'
import { addSchemas, noQuery, notModified, problems, ref, sharedSchemas, textBody } from '../http/schemas.js'
import type { LoadedPlan } from '../plan/load.js'
import type { ReadInventory } from '../scripts/queries.js'
import { renderBadge } from './badge.js'
import { readHistory } from './history.js'
import { listCurrentSnapshots } from './queries.js'
import { badgeQuery, CoverageHistorySchema, CoverageSummarySchema, historyQuery, RiskAssessment, Timeline } from './schemas.js'
import { readSummary } from './summary.js'

export interface CoverageOptions {
  target: Sql
  plan: LoadedPlan
  readInventory: ReadInventory
  /** the clock; the system's unless given */
  now?: () => Date
}

export const coverageRoutes: FastifyPluginAsyncTypebox<CoverageOptions> = async (app, { target, plan, readInventory, now = () => new Date() }) => {
  const outline = outlinePlan(plan.plan)
  const domainNames = outline.domains.map(({ name }) => name)
  const entityNames = outline.entities.map(({ name }) => name)
  const refuseUnknown = (field: 'domain' | 'entity', name: string | undefined, known: string[]) => {
    if (name === undefined || known.includes(name)) return
    const message = notInPlan(field, name, known)
    throw problem('VALIDATION_FAILED', message, { errors: [{ field, message }] })
  }
  addSchemas(app, [...sharedSchemas, RiskAssessment, Timeline, CoverageSummarySchema, CoverageHistorySchema])

  app.get(
    '/coverage/summary',
    {
      schema: {
        operationId: 'getCoverageSummary',
        tags: ['Coverage'],
        summary: 'How much has arrived, and whether it arrived right',
        description:
          'Rolled up from the newest published validation of each entity; the migrated tables are not read. ' +
          'An entity that was never validated is unknown, not 0: the sums it belongs to are null until it is counted.',
        querystring: noQuery,
        response: { 200: ref(CoverageSummarySchema), ...notModified, ...problems(400) },
      },
      config: { scope: 'read' },
    },
    async () => readSummary(target, plan.plan, readInventory, now()),
  )

  app.get(
    '/coverage/history',
    {
      schema: {
        operationId: 'getCoverageHistory',
        tags: ['Coverage'],
        summary: 'Coverage by day',
        description: 'How each entity, each domain or the whole stood at the end of each day (UTC) on which it was validated. The page runs over series.',
        querystring: historyQuery,
        response: { 200: ref(CoverageHistorySchema), ...notModified, ...problems(400) },
      },
      config: { scope: 'read' },
    },
    async ({ query }) => {
      refuseUnknown('domain', query.domain, domainNames)
      refuseUnknown('entity', query.entity, entityNames)
      const { page: _page, limit: _limit, ...filters } = query
      return { ...(await readHistory(target, outline, query, now())), filters }
    },
  )

  app.get(
    '/coverage/badge.svg',
    {
      schema: {
        operationId: 'getCoverageBadge',
        tags: ['Coverage'],
        summary: 'The coverage as a badge',
        description: 'verifiedPercent of the whole or of one domain as an SVG image; `unknown` while an entity has no figures.',
        querystring: badgeQuery,
        response: {
          200: { description: 'The badge', content: { 'image/svg+xml': { schema: textBody('SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="124" height="20" role="img" aria-label="migrated: 99.63 %"/>') } } },
          ...problems(400),
        },
      },
      config: { scope: 'read' },
    },
    async ({ query: { domain } }, reply) => {
      refuseUnknown('domain', domain, domainNames)
      const entities = outline.entities.filter((entity) => domain === undefined || entity.domain === domain)
      const current = await listCurrentSnapshots(target, entities.map(({ name }) => name))
      const { accounting } = rollUp(entities, new Map(current.map((snapshot) => [snapshot.entity, snapshot])))
      return reply.type('image/svg+xml').header('cache-control', 'no-cache').send(renderBadge(verifiedPercent(accounting)))
    },
  )
}
