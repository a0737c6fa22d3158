import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { problem } from './errors.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** a request without a body is one with an empty object */
    optionalBody?: boolean
  }
}

/** Nesting beyond this is refused: 20,000 levels (80 KB) overflow the stack of the parser. */
const maxDepth = 32

/**
 * Nothing is removed, converted or guessed: what does not fit is a 400 that names each field. Query strings are text, so
 * `readQueries` converts them by their schema before the check; bodies are never converted.
 */
export const ajvOptions: NonNullable<FastifyServerOptions['ajv']> = {
  customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: true, allErrors: true },
}

/** Accepts JSON bodies only, up to a depth; `__proto__` and `constructor.prototype` stay errors. */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (isTooDeep(body)) done(problem('VALIDATION_FAILED', `the request body is nested deeper than ${maxDepth} levels`))
    else void parse(request, body, done)
  })
  app.addHook('preValidation', async (request) => {
    if (request.routeOptions.config.optionalBody === true && request.body === undefined) request.body = {}
  })
}

/** Brackets open at once, outside of strings; one pass, no parsing. */
export function isTooDeep(json: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < json.length; at += 1) {
    const char = json.charCodeAt(at)
    if (inString) {
      if (char === 0x5c) at += 1
      else if (char === 0x22) inString = false
    } else if (char === 0x22) inString = true
    else if (char === 0x5b || char === 0x7b) {
      depth += 1
      if (depth > maxDepth) return true
    } else if (char === 0x5d || char === 0x7d) depth -= 1
  }
  return false
}

interface QuerySchema {
  properties?: Record<string, { type?: string; items?: { type?: string } }>
}

/** Converts query strings by the schema of their route: `7` to a number, `true` to a boolean, one value to a list of one. */
export function readQueries(app: FastifyInstance): void {
  app.addHook('preValidation', async (request) => {
    const schema = request.routeOptions.schema?.querystring as QuerySchema | undefined
    if (schema?.properties !== undefined) convertQuery(request.query as Record<string, unknown>, schema.properties)
  })
}

function convertQuery(query: Record<string, unknown>, properties: NonNullable<QuerySchema['properties']>): void {
  for (const [name, property] of Object.entries(properties)) {
    const value = query[name]
    if (value === undefined) continue
    if (property.type === 'array') query[name] = [value].flat().map((item) => convertValue(item, property.items?.type))
    else query[name] = convertValue(value, property.type)
  }
}

/** What is not exactly a number or a boolean stays text, and fails the check. */
function convertValue(value: unknown, type: string | undefined): unknown {
  if (typeof value !== 'string') return value
  if (type === 'integer' && /^-?\d{1,16}$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value)
  if (type === 'number' && /^-?\d{1,15}(\.\d{1,15})?$/.test(value)) return Number(value)
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true'
  return value
}

/** `/api/v1/...` is the same API as `/...`. */
export function rewriteUrl(request: { url?: string | undefined }): string {
  return (request.url ?? '/').replace(/^\/api\/v1(?=[/?]|$)/, '').replace(/^(?=\?|$)/, '/')
}

/** A client's request id is kept when it is a safe token, since it goes into headers and logs. */
export function isSafeToken(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(value)
}

