import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { Sql } from 'postgres'
import { addSchemas, Count, noQuery, notModified, nullable, problems, ref } from '../http/schemas.js'
import { listConnections } from './queries.js'

const ConfigurationSchema = Type.Record(Type.String(), Type.Unknown(), {
  $id: 'EffectiveConfiguration',
  description: 'the configuration in force; secrets are masked',
  examples: [{ environment: 'development', apiKey: '***', rateLimit: { max: 300, windowMs: 60000 } }],
})

const ConnectionsSchema = Type.Object(
  { connections: Type.Array(Type.Object({ applicationName: Type.String(), state: nullable(Type.String()), connections: Count }, { additionalProperties: false })) },
  { $id: 'Connections', additionalProperties: false, description: 'connections to the target', examples: [{ connections: [{ applicationName: 'mcov migration-coverage', state: 'idle', connections: 3 }] }] },
)

export interface DevelopmentRouteOptions {
  /** shown as it is but for secrets */
  config: object
  target: Sql
}

/** For development only, registered with ENABLE_DEVELOPMENT_ENDPOINTS=true. */
export const developmentRoutes: FastifyPluginAsyncTypebox<DevelopmentRouteOptions> = async (app, { config, target }) => {
  addSchemas(app, [ConfigurationSchema, ConnectionsSchema])

  app.get('/dev/config', {
    schema: {
      operationId: 'getEffectiveConfiguration',
      tags: ['Development'],
      summary: 'The configuration in force',
      description: 'Passwords and keys are masked. Served with ENABLE_DEVELOPMENT_ENDPOINTS=true only.',
      querystring: noQuery,
      response: { 200: ref(ConfigurationSchema), ...notModified, ...problems(400) },
    },
    config: { scope: 'admin' },
  }, async () => maskSecrets(config))

  app.get('/dev/connections', {
    schema: {
      operationId: 'getConnections',
      tags: ['Development'],
      summary: "The service's connections to the target",
      description: 'By application name and state, of every process. Served with ENABLE_DEVELOPMENT_ENDPOINTS=true only.',
      querystring: noQuery,
      response: { 200: ref(ConnectionsSchema), ...notModified, ...problems(400) },
    },
    config: { scope: 'admin' },
  }, async () => ({ connections: await listConnections(target) }))
}

/** A copy in which what is named like a secret is `***`, at any depth; null stays null, which says that there is none. */
export function maskSecrets(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([name, inner]: [string, unknown]) => {
    if (inner === null || inner === undefined) return [name, null]
    if (/password|secret|token|apiKey|privateKey/i.test(name)) return [name, '***']
    return [name, typeof inner === 'object' && !Array.isArray(inner) ? maskSecrets(inner) : inner]
  }))
}
