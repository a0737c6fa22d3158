import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { isTransient, isUnavailable, sqlstateOf } from '../db/sqlstate.js'

/** Every error that the API can answer. */
export const problemTable = {
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid' },
  UNAUTHENTICATED: { status: 401, title: 'An API key is needed' },
  FORBIDDEN: { status: 403, title: 'The API key may not do this' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The resource does not have this method' },
  NOT_ACCEPTABLE: { status: 406, title: 'No representation fits the accept header' },
  CONFLICT: { status: 409, title: 'The state of the resource does not allow this' },
  IDEMPOTENCY_CONFLICT: { status: 409, title: 'The idempotency key was used for another request' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The request body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The media type of the request body is not supported' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  INTERNAL: { status: 500, title: 'Internal error' },
  DATABASE_UNAVAILABLE: { status: 503, title: 'The database is not available' },
  DEADLINE_EXCEEDED: { status: 503, title: 'The request took too long' },
} as const

export type ProblemCode = keyof typeof problemTable

export interface FieldError {
  field: string
  message: string
}

export interface ProblemOptions {
  errors?: FieldError[]
  headers?: Record<string, string>
}

/** An error with an answer of its own: its message is shown to the client, so it holds no secret, SQL, host or row value. */
export interface Problem extends Error {
  code: ProblemCode
  statusCode: number
  problem: ProblemOptions
}

/**
 * The error to throw for an answer of the table.
 * @param detail what happened and what to do about it, fit for the client
 */
export function problem(code: ProblemCode, detail: string, options: ProblemOptions = {}): Problem {
  return Object.assign(new Error(detail), { code, statusCode: problemTable[code].status, problem: options })
}

function isProblem(error: unknown): error is Problem {
  return error instanceof Error && 'problem' in error && 'code' in error && typeof error.code === 'string' && error.code in problemTable
}

/** Sets the one error handler. Call it before any route is registered. */
export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = problemOf(error)
    if (known.statusCode === 500) request.log.error({ err: error }, 'request failed')
    else if (known.statusCode === 503) request.log.warn({ err: error }, 'request refused')
    return sendProblem(request, reply, known)
  })
}

/** Answers paths that do not exist with 404, and other methods of paths that do with 405. Call it before any route is registered. */
export function handleUnknownPaths(app: FastifyInstance, preHandler: preHandlerAsyncHookHandler): void {
  const routes: { method: string; path: string[] }[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, path: url.split('/') })
  })
  app.setNotFoundHandler({ preHandler }, (request, reply) => {
    const path = (request.url.split('?', 1)[0] ?? '/').split('/')
    const methods = [...new Set(routes.filter((route) => fits(route.path, path)).map(({ method }) => method))]
    if (methods.length === 0) return sendProblem(request, reply, problem('NOT_FOUND', `there is nothing at ${pathOf(request)}`))
    const allow = methods.sort().join(', ')
    return sendProblem(request, reply, problem('METHOD_NOT_ALLOWED', `${pathOf(request)} answers ${allow} only`, { headers: { allow } }))
  })
}

/** `/scripts/:name` fits `/scripts/a`; a wildcard fits the rest. */
function fits(pattern: string[], path: string[]): boolean {
  const wildcard = pattern.indexOf('*')
  if (wildcard === -1 ? pattern.length !== path.length : path.length <= wildcard) return false
  return pattern.slice(0, wildcard === -1 ? undefined : wildcard).every((part, index) => (part.startsWith(':') ? path[index] !== '' : part === path[index]))
}

/** Writes the answer of a problem. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, known: Problem): FastifyReply {
  return reply
    .code(known.statusCode)
    .headers(known.problem.headers ?? {})
    .type('application/problem+json')
    .send(problemBody(known, request.id, pathOf(request)))
}

/** The body of a problem; also used where no route was reached. */
export function problemBody(known: Problem, requestId: string, instance: string) {
  const { errors } = known.problem
  return {
    type: `urn:migration-coverage:problem:${known.code.toLowerCase().replaceAll('_', '-')}`,
    title: problemTable[known.code].title,
    status: known.statusCode,
    detail: known.message,
    instance,
    code: known.code,
    requestId,
    ...(errors === undefined ? {} : { errors }),
  }
}

/** What the client is told of an error: never a stack, SQL, host or the text of an unknown error. */
export function problemOf(error: FastifyError | Problem): Problem {
  if (isProblem(error)) return error
  if (error.validation !== undefined) return validationProblem(error)
  if (error.code === 'FST_ERR_HANDLER_TIMEOUT' || sqlstateOf(error) === '57014') {
    return problem('DEADLINE_EXCEEDED', 'the answer took too long and was given up; try again, or ask for less', { headers: { 'retry-after': '5' } })
  }
  if (['42P01', '3F000'].includes(sqlstateOf(error) ?? '')) {
    return problem('DATABASE_UNAVAILABLE', 'the tracking schema is not installed in the target; run `npm run db:migrate`', { headers: { 'retry-after': '30' } })
  }
  if (isTransient(error) || isUnavailable(error)) {
    return problem('DATABASE_UNAVAILABLE', 'the target database cannot be reached; /health says more', { headers: { 'retry-after': '5' } })
  }
  const framework = error.code?.startsWith('FST_') ? frameworkProblem(error) : undefined
  return framework ?? problem('INTERNAL', 'something went wrong on our side; quote the requestId when you report it')
}

function frameworkProblem(error: FastifyError): Problem | undefined {
  if (error.statusCode === 413) return problem('PAYLOAD_TOO_LARGE', 'the request body is larger than this service accepts')
  if (error.statusCode === 415) return problem('UNSUPPORTED_MEDIA_TYPE', 'send the body as application/json')
  if (error.code === 'FST_ERR_CTP_EMPTY_JSON_BODY') return problem('VALIDATION_FAILED', 'the request body is empty; send a JSON object')
  if (error.code === 'FST_ERR_CTP_INVALID_JSON_BODY') return problem('VALIDATION_FAILED', 'the request body is not valid JSON')
  if (error.statusCode === 404) return problem('NOT_FOUND', 'there is nothing here')
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return problem('VALIDATION_FAILED', 'the request is malformed')
  return undefined
}

/** A body may break the schema thousands of times; this many are told. */
const maxFieldErrors = 50

function validationProblem(error: FastifyError): Problem {
  const where = error.validationContext ?? 'request'
  const errors = (error.validation ?? []).slice(0, maxFieldErrors).map(({ instancePath, keyword, params, message }): FieldError => {
    const path = instancePath.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    const named = keyword === 'required' ? params['missingProperty'] : keyword === 'additionalProperties' ? params['additionalProperty'] : undefined
    const field = [...path, ...(typeof named === 'string' ? [named] : [])].join('.')
    return { field: field === '' ? where : field, message: messageOf(keyword, params, message, where) }
  })
  const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ')
  return problem('VALIDATION_FAILED', detail === '' ? 'the request is not valid' : detail, { errors })
}

function messageOf(keyword: string, params: Record<string, unknown>, message: string | undefined, where: string): string {
  if (keyword === 'required') return 'is required'
  if (keyword === 'additionalProperties') return where === 'querystring' ? 'is not a query parameter of this route' : 'is not a field of this request'
  if (keyword === 'enum' && Array.isArray(params['allowedValues'])) return `must be one of ${params['allowedValues'].join(', ')}`
  return message ?? 'is not valid'
}

/** Path of the request as the client wrote it, without the query, which may hold what must not be repeated. */
export function pathOf(request: FastifyRequest): string {
  return request.originalUrl.split('?', 1)[0] ?? '/'
}
