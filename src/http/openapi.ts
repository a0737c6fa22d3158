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

const description = `How much of a PostgreSQL migration has arrived, and whether it arrived right, with evidence.

- **Figures** are exact counts; \`...Percent\` and the rates are 0–100, floored to two decimals. \`null\` is "unknown", never 0. Times are ISO 8601 in UTC.
- **Keys** go into the header \`X-API-Key\` or \`Authorization: Bearer\`, never into the URL. \`/health\` and what is below it are open.
- **Errors** are \`application/problem+json\` (RFC 9457). Unknown query parameters and fields are a 400 that names them; another method of a known path is a 405 with \`allow\`.
- **Every answer** has \`x-request-id\` (the client's own when it is a safe token), \`x-api-version\` and \`x-response-time\`.
- **Limits**: \`ratelimit-limit\`, \`ratelimit-remaining\` and \`ratelimit-reset\`; a 429 and a 503 say in \`retry-after\` how many seconds to wait.
- **Reads** have an \`etag\`; the same one in \`if-none-match\` is answered with 304.
- **Lists** take \`page\` and \`limit\`, answer \`pagination\` and repeat the \`filters\`.`

/** Collects the OpenAPI 3.1 document of every route registered afterwards. */
export async function collectDocument(app: FastifyInstance, version: string): Promise<void> {
  const optionalBodies = new Set<string>()
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Migration Coverage API', description, version, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/', description: 'this server' }, { url: '/api/v1', description: 'the same API under a version' }],
      tags,
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'the API key in a header of its own' },
          bearer: { type: 'http', scheme: 'bearer', description: 'the API key as bearer token' },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, index) => (typeof json.$id === 'string' ? json.$id : `def-${index}`) },
    transform: ({ schema, url, route: { config } }) => {
      if (config?.optionalBody === true && schema.operationId !== undefined) optionalBodies.add(schema.operationId)
      const querystring = schema?.querystring === undefined ? {} : { querystring: withOptionalDefaults(schema.querystring as ObjectSchema) }
      return { schema: { ...schema, ...querystring, security: securityOf(config?.scope) }, url }
    },
    transformObject: (found) => {
      if (!('openapiObject' in found)) throw new Error('the document is not OpenAPI 3')
      return finishDocument(found.openapiObject as Document, optionalBodies)
    },
  })
}

function securityOf(scope: Scope | null | undefined): Record<string, string[]>[] {
  return scope === null || scope === undefined ? [] : [{ apiKey: [] }, { bearer: [] }]
}

interface ObjectSchema {
  required?: string[]
  properties?: Record<string, { default?: unknown }>
  examples?: unknown[]
}

interface Media {
  schema?: ObjectSchema & { $ref?: string }
  example?: unknown
}

interface Operation {
  operationId?: string
  tags?: string[]
  requestBody?: { required?: boolean; content: Record<string, Media> }
  responses: Record<string, { content?: Record<string, Media> }>
}

/** As much of an OpenAPI document as is looked at here. */
interface Document {
  tags?: { name: string }[]
  components: { schemas: Record<string, ObjectSchema> }
  paths: Record<string, Record<string, Operation>>
}

/** What the server fills in need not be sent. */
function withOptionalDefaults<T extends ObjectSchema>({ required = [], ...schema }: T): T {
  const needed = required.filter((name) => schema.properties?.[name]?.default === undefined)
  return { ...schema, ...(needed.length === 0 ? {} : { required: needed }) } as T
}

/**
 * Corrects what the collector cannot know: which bodies and fields may be left out. Shows the example of a component where it is
 * sent or answered, which is where tools look for it, and leaves out tags without a route.
 */
function finishDocument(document: Document, optionalBodies: ReadonlySet<string>): Document {
  const { schemas } = document.components
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  const nameOf = ({ schema }: Media) => schema?.$ref?.split('/').at(-1) ?? ''
  const showExample = (media: Media) => {
    const [example] = schemas[nameOf(media)]?.examples ?? media.schema?.examples ?? []
    if (example !== undefined) media.example = example
  }
  for (const { operationId = '', requestBody, responses } of operations) {
    for (const media of Object.values(requestBody?.content ?? {})) {
      const name = nameOf(media)
      if (schemas[name] !== undefined) schemas[name] = withOptionalDefaults(schemas[name])
      showExample(media)
    }
    if (requestBody !== undefined) requestBody.required = !optionalBodies.has(operationId)
    for (const [status, { content = {} }] of Object.entries(responses)) {
      if (status.startsWith('2')) Object.values(content).forEach(showExample)
    }
  }
  const used = new Set(operations.flatMap((operation) => operation.tags ?? []))
  return { ...document, tags: (document.tags ?? []).filter(({ name }) => used.has(name)) }
}

/** Serves /openapi.json and /docs. Both are open: the document tells nothing that the source code does not. */
export async function serveDocument(app: FastifyInstance): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true }, config: { scope: null } }, async () => app.swagger())
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: false, uiConfig: { docExpansion: 'list', deepLinking: true } })
}
