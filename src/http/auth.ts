import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { problem } from './errors.js'

export const scopes = ['read', 'validate', 'record', 'admin'] as const
export type Scope = (typeof scopes)[number]

declare module 'fastify' {
  interface FastifyContextConfig {
    /** what a key must be allowed to do; null: open to everybody */
    scope?: Scope | null
  }
}

/** Names under which clients try to send a key in the URL, where logs and proxies keep it. */
const queryNames = ['api_key', 'apikey', 'api-key', 'x-api-key', 'access_token', 'token']

/** sha256 of a key: digests have one length, so comparing them takes the same time for every key. */
export function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/**
 * Guards every route registered afterwards by its `config.scope`. One configured key has all scopes; without a key everything
 * is open, which the configuration allows on loopback only. A route without a scope is refused at start, so that none is open
 * by forgetting; the routes of the documentation pages are open.
 */
export function requireKeys(app: FastifyInstance, apiKey: string | null): void {
  const expected = apiKey === null ? null : digestOf(apiKey)
  app.addHook('onRoute', (route) => {
    const scope = route.url.startsWith('/docs') ? null : route.config?.scope
    if (scope === undefined) throw new Error(`the route ${String(route.method)} ${route.url} has no config.scope`)
    if (scope === null) return
    // behind the rate limit, which is a hook of the route too, so that guessing keys is limited
    const before = route.onRequest === undefined ? [] : [route.onRequest].flat()
    route.onRequest = [...before, async (request: FastifyRequest) => { checkKey(request, expected) }]
  })
}

function checkKey(request: FastifyRequest, expected: Buffer | null): void {
  const inQuery = Object.keys(request.query as object).find((name) => queryNames.includes(name.toLowerCase()))
  if (inQuery !== undefined) {
    const errors = [{ field: inQuery, message: 'is not accepted in the URL, which proxies and logs keep' }]
    throw problem('VALIDATION_FAILED', 'send the API key in the header X-API-Key or Authorization: Bearer, never in the URL', { errors })
  }
  if (expected === null || isKey(request, expected)) return
  const detail = 'send a valid API key in the header X-API-Key or Authorization: Bearer'
  throw problem('UNAUTHENTICATED', detail, { headers: { 'www-authenticate': 'Bearer realm="migration-coverage"' } })
}

/** The request carries the expected key. */
export function isKey(request: FastifyRequest, expected: Buffer): boolean {
  const key = keyOf(request)
  return key !== null && timingSafeEqual(digestOf(key), expected)
}

function keyOf({ headers }: FastifyRequest): string | null {
  const own = headers['x-api-key']
  if (typeof own === 'string') return own
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null
}
