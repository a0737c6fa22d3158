import net from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogger } from '../../src/http/log.js'
import { apiKey, createTestApp } from '../helpers/app.js'
import type { TestApp } from '../helpers/app.js'

let open: TestApp
let guarded: TestApp
const lines: string[] = []
beforeAll(async () => {
  open = await createTestApp()
  guarded = await createTestApp({
    config: { apiKey, corsOrigins: ['https://app.example.com'] },
    logger: createLogger('info', { write: (line) => void lines.push(line) }),
  })
})
afterAll(() => Promise.all([open.close(), guarded.close()]))

const problemOf = (response: { json(): Record<string, unknown>; headers: Record<string, unknown> }) => {
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/)
  const { requestId, ...body } = response.json()
  expect(requestId).toBe(response.headers['x-request-id'])
  return body
}

describe('paths', () => {
  test('nothing there is a 404 problem', async () => {
    const response = await open.app.inject('/nothing?secret=1')
    expect(response.statusCode).toBe(404)
    expect(problemOf(response)).toEqual({
      type: 'urn:migration-coverage:problem:not-found', title: 'Not found', status: 404, detail: 'there is nothing at /nothing', instance: '/nothing', code: 'NOT_FOUND',
    })
  })

  test('another method of a known path is a 405 with Allow', async () => {
    const response = await open.app.inject({ method: 'DELETE', url: '/api/v1/scripts/status' })
    expect(response.statusCode).toBe(405)
    expect(response.headers.allow).toBe('GET, HEAD')
    expect(problemOf(response)).toMatchObject({ code: 'METHOD_NOT_ALLOWED', instance: '/api/v1/scripts/status' })
    expect((await open.app.inject({ method: 'PUT', url: '/scripts/some-script/runs' })).headers.allow).toBe('POST')
  })

  test('/api/v1 is the same API', async () => {
    const [plain, versioned] = await Promise.all([open.app.inject('/scripts/status?limit=5'), open.app.inject('/api/v1/scripts/status?limit=5')])
    expect(plain.statusCode).toBe(200)
    expect(versioned.json()).toEqual(plain.json())
    expect((await open.app.inject('/api/v1x/scripts/status')).statusCode).toBe(404)
    expect((await open.app.inject('/api/v1')).statusCode).toBe(404)
  })

  test.each(['/%', '/scripts/%E0%A4%A', '/scripts/%00', '/..%2f..%2fetc/passwd'])('odd path %s is a 4xx problem', async (url) => {
    const response = await open.app.inject(url)
    expect(response.statusCode).toBeGreaterThanOrEqual(400)
    expect(response.statusCode).toBeLessThan(500)
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/)
  })
})

describe('input', () => {
  test('each fault of a query string is named', async () => {
    const response = await open.app.inject('/scripts/status?limit=500&page=x&colour=red&sortOrder=up')
    expect(response.statusCode).toBe(400)
    const { errors } = problemOf(response) as { errors: { field: string; message: string }[] }
    expect(errors.map(({ field }) => field).sort()).toEqual(['colour', 'limit', 'page', 'sortOrder'])
    expect(errors).toContainEqual({ field: 'colour', message: 'is not a query parameter of this route' })
    expect(errors).toContainEqual({ field: 'limit', message: 'must be <= 200' })
  })

  const post = (payload: string, type = 'application/json') => open.app.inject({ method: 'POST', url: '/validation/run', headers: { 'content-type': type }, payload })

  test('bodies are neither converted nor cut', async () => {
    const response = await post(JSON.stringify({ entities: ['patients'], includeIntegrityChecks: 'true', colour: 'red' }))
    expect(response.statusCode).toBe(400)
    const { errors } = problemOf(response) as { errors: { field: string; message: string }[] }
    expect(errors).toContainEqual({ field: 'colour', message: 'is not a field of this request' })
    expect(errors).toContainEqual({ field: 'includeIntegrityChecks', message: 'must be boolean' })
  })

  test.each([
    ['not JSON', '{', 'application/json', 400],
    ['empty', '', 'application/json', 400],
    ['nested 33 levels', '['.repeat(33) + ']'.repeat(33), 'application/json', 400],
    ['nested 20,000 levels', '['.repeat(20_000), 'application/json', 400],
    ['a poisoned prototype', '{"__proto__":{"a":1}}', 'application/json', 400],
    ['another type', 'a=1', 'application/x-www-form-urlencoded', 415],
    ['plain text', '{}', 'text/plain', 415],
    ['too large', JSON.stringify({ entities: ['x'.repeat(300_000)] }), 'application/json', 413],
    ['thousands of faults', JSON.stringify({ entities: Array.from({ length: 50_000 }, () => 1) }), 'application/json', 400],
  ])('a body that is %s is refused', async (_name, payload, type, status) => {
    const response = await post(payload, type)
    expect(response.statusCode).toBe(status)
    expect(((problemOf(response)['errors'] ?? []) as unknown[]).length).toBeLessThanOrEqual(50)
  })

  test('brackets in strings are not nesting', async () => {
    expect(problemOf(await post(JSON.stringify({ entities: ['['.repeat(100) + '\\"' + '{'.repeat(100)] })))).not.toMatchObject({ detail: expect.stringContaining('deeper') })
  })
})

describe('headers', () => {
  test('the request id of the client is kept when it is a safe token', async () => {
    const idFor = async (id: string) => (await open.app.inject({ url: '/health/live', headers: { 'x-request-id': id } })).headers['x-request-id']
    expect(await idFor('trace-1.A_b')).toBe('trace-1.A_b')
    for (const unsafe of ['a b', 'x'.repeat(129), '<script>', '']) expect(await idFor(unsafe)).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('version, time, limits and protection are told', async () => {
    const { headers } = await open.app.inject('/scripts/status')
    expect(headers).toMatchObject({
      'x-api-version': '0.1.0', 'x-response-time': expect.stringMatching(/^\d+\.\dms$/), 'ratelimit-limit': '1000', 'x-content-type-options': 'nosniff',
      'ratelimit-remaining': expect.any(String), 'ratelimit-reset': expect.any(String), 'content-security-policy': expect.not.stringContaining('upgrade-insecure-requests'),
    })
    expect(headers).not.toHaveProperty('strict-transport-security')
    expect(headers).not.toHaveProperty('access-control-allow-origin')
  })

  test('an unchanged read is a 304', async () => {
    const first = await open.app.inject('/scripts/status')
    const etag = first.headers.etag
    const again = await open.app.inject({ url: '/scripts/status', headers: { 'if-none-match': `"other", ${etag}` } })
    expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag])
    expect((await open.app.inject({ url: '/scripts/status', headers: { 'if-none-match': '"other"' } })).statusCode).toBe(200)
  })

  test('only configured origins may read from a page', async () => {
    const from = (origin: string) => guarded.app.inject({ url: '/health/live', headers: { origin } })
    expect((await from('https://app.example.com')).headers['access-control-allow-origin']).toBe('https://app.example.com')
    expect((await from('https://evil.example.com')).headers).not.toHaveProperty('access-control-allow-origin')
    expect((await open.app.inject({ url: '/health/live', headers: { origin: 'null' } })).headers).not.toHaveProperty('access-control-allow-origin')
  })
})

describe('keys', () => {
  const get = (headers: Record<string, string>, url = '/scripts/status') => guarded.app.inject({ url, headers })

  test.each([[{ 'x-api-key': apiKey }], [{ authorization: `Bearer ${apiKey}` }], [{ authorization: `bearer ${apiKey}` }]])('%j is let in', async (headers) => {
    expect((await get(headers)).statusCode).toBe(200)
  })

  test.each<[Record<string, string>]>([[{}], [{ 'x-api-key': `${apiKey}x` }], [{ 'x-api-key': '' }], [{ authorization: `Basic ${apiKey}` }], [{ authorization: 'Bearer ' }]])('%j is a 401', async (headers) => {
    const response = await get(headers)
    expect(response.statusCode).toBe(401)
    expect(response.headers['www-authenticate']).toMatch(/^Bearer /)
    expect(problemOf(response)).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test.each(['api_key', 'apikey', 'access_token', 'token', 'X-API-Key'])('a key in the query as %s is refused, whatever the header', async (name) => {
    const response = await get({ 'x-api-key': apiKey }, `/scripts/status?${name}=${apiKey}`)
    expect(response.statusCode).toBe(400)
    expect(response.body).not.toContain(apiKey)
  })

  test('health and the documentation are open', async () => {
    for (const url of ['/health', '/health/live', '/health/ready', '/openapi.json', '/docs/', '/docs/static/swagger-ui.css']) {
      expect((await get({}, url)).statusCode, url).toBe(200)
    }
  })

  test('every other route of the document needs one', async () => {
    const { paths } = (await get({}, '/openapi.json')).json<{ paths: Record<string, Record<string, { security: unknown[] }>> }>()
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { security }] of Object.entries(operations)) {
        const url = path.replaceAll(/\{\w+\}/g, 'x')
        const { statusCode } = await guarded.app.inject({ method: method.toUpperCase() as 'GET', url })
        expect([path, method, security.length > 0], path).toEqual([path, method, statusCode === 401])
      }
    }
  })

  test('no secret and no query string reaches the log', async () => {
    await get({ 'x-api-key': apiKey, authorization: 'Bearer wrong-key-in-the-header' }, `/scripts/status?token=${apiKey}`)
    const log = lines.join('')
    expect(log).toContain('/scripts/status')
    expect(log).not.toContain(apiKey)
    expect(log).not.toContain('wrong-key-in-the-header')
  })
})

describe('the rate limit', () => {
  test('counts per key or address, also unknown paths and wrong keys, but never health', async () => {
    const limited = await createTestApp({ config: { apiKey, rateLimit: { max: 3, windowMs: 60_000 } } })
    try {
      const statuses = async (headers: Record<string, string>, url = '/plan/nothing') =>
        (await limited.app.inject({ url, headers })).statusCode
      expect([await statuses({}), await statuses({ 'x-api-key': 'guess-1' }, '/scripts/status'), await statuses({ 'x-api-key': 'guess-2' }, '/scripts/status')]).toEqual([404, 401, 401])
      const response = await limited.app.inject({ url: '/scripts/status', headers: { 'x-api-key': 'guess-3', 'x-forwarded-for': '1.2.3.4' } })
      expect(response.statusCode).toBe(429)
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
      expect(problemOf(response)).toMatchObject({ code: 'RATE_LIMITED' })
      expect(await statuses({ 'x-api-key': apiKey }, '/scripts/status')).toBe(200)
      for (let count = 0; count < 6; count += 1) expect(await statuses({}, '/health/live')).toBe(200)
    } finally {
      await limited.close()
    }
  })
})

describe('development endpoints', () => {
  test('are absent unless enabled', async () => {
    expect((await open.app.inject('/dev/config')).statusCode).toBe(404)
  })

  test('show the configuration without its secrets, and the connections', async () => {
    const enabled = await createTestApp({ config: { apiKey, developmentEndpoints: true } })
    try {
      const get = async (url: string) => (await enabled.app.inject({ url, headers: { 'x-api-key': apiKey } })).json<Record<string, unknown>>()
      expect((await enabled.app.inject('/dev/config')).statusCode).toBe(401)
      expect(await get('/dev/config')).toMatchObject({ apiKey: '***', rateLimit: { max: 1000, windowMs: 60_000 }, corsOrigins: [], developmentEndpoints: true })
      expect((await get('/dev/connections'))['connections']).toContainEqual({ applicationName: 'mcov migration-coverage', state: 'active', connections: expect.any(Number) })
    } finally {
      await enabled.close()
    }
  })
})

describe('the document', () => {
  interface Document {
    openapi: string
    servers: { url: string }[]
    tags: { name: string }[]
    paths: Record<string, Record<string, { tags: string[]; operationId: string; description?: string; summary?: string; responses: Record<string, unknown> }>>
    components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> }
  }

  test('is OpenAPI 3.1 with named components and described tags', async () => {
    const document = (await open.app.inject('/openapi.json')).json<Document>()
    expect(document.openapi).toBe('3.1.0')
    expect(document.servers.map(({ url }) => url)).toEqual(['/', '/api/v1'])
    expect(Object.keys(document.components.securitySchemes)).toEqual(['apiKey', 'bearer'])
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(['Problem', 'Accounting', 'Pagination', 'Health']))
    expect(Object.keys(document.components.schemas).filter((name) => name.startsWith('def-'))).toEqual([])
    const known = document.tags.map(({ name }) => name)
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
    for (const { operationId, tags, summary, description } of operations) {
      expect(known, operationId).toEqual(expect.arrayContaining(tags))
      expect([summary, description], operationId).toEqual([expect.any(String), expect.any(String)])
    }
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
  })
})

describe('raw connections', () => {
  test('a request without end is freed and answered with nothing that leaks', async () => {
    await guarded.app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = guarded.app.server.address() as AddressInfo
    const startedAt = performance.now()
    const answer = await new Promise<string>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write('GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: '))
      let text = ''
      socket.on('data', (chunk: Buffer) => { text += chunk.toString() })
      socket.on('close', () => { resolve(text) })
      socket.on('error', () => { resolve(text) })
    })
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    expect(answer).toMatch(/^HTTP\/1.1 408|^$/)
  })
})
