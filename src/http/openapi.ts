import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { Scope } from './auth.js'

const tags = [
  { name: 'Health', description: 'Is the service up, ready, and are its databases there' },
  { name: 'Coverage', description: 'How much has arrived, and whether it arrived right' },
  { name: 'Scripts', description: 'The migration scripts and their runs' },
  { name: 'Domains', description: 'Coverage by business area' },
  { name: 'Entities', description: 'Coverage by flow of rows' },
  { name: 'Validation', description: 'Jobs that compare source and target, and their results' },
  { name: 'Reports', description: 'Reports for engineers, managers and spreadsheets' },
  { name: 'Plan', description: 'The plan: what should arrive where, and what is wrong with it' },
  { name: 'Development', description: 'Only with ENABLE_DEVELOPMENT_ENDPOINTS=true' },
]

/** Collects the OpenAPI 3.1 document of every route registered afterwards. */
export async function collectDocument(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Migration Coverage API',
        description: 'How much of a PostgreSQL migration has arrived, and whether it arrived right, with evidence.',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'this server' }, { url: '/api/v1', description: 'the same API under a version' }],
      tags,
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
          bearer: { type: 'http', scheme: 'bearer', description: 'the API key as bearer token' },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, index) => (typeof json.$id === 'string' ? json.$id : `def-${index}`) },
    transform: ({ schema, url, route }) => {
      const scope = route.config?.scope
      return { schema: { ...schema, ...(schema?.tags === undefined ? {} : { tags: schema.tags.map(tagNamed) }), security: securityOf(scope) }, url }
    },
  })
}

/** The described tag of that name, whatever its letter case. */
function tagNamed(name: string): string {
  return tags.find((tag) => tag.name.toLowerCase() === name.toLowerCase())?.name ?? name
}

function securityOf(scope: Scope | null | undefined): Record<string, string[]>[] {
  return scope === null || scope === undefined ? [] : [{ apiKey: [] }, { bearer: [] }]
}

/** Serves /openapi.json and /docs. Both are open: the document tells nothing that the source code does not. */
export async function serveDocument(app: FastifyInstance): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true }, config: { scope: null } }, async () => app.swagger())
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: false, uiConfig: { docExpansion: 'list', deepLinking: true } })
}
