import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createFixture, documentValidator, faultsOf, nameOf, operationsOf, type Document, type Fixture, type Operation, type Schema, type Validator } from './helpers/document.js'

/** Requests in all, shared out among the operations; more of them and another seed for a longer hunt: FUZZ_REQUESTS, FUZZ_SEED. */
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 400)
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_122)

let fixture: Fixture
let document: Document
let validate: Validator
/** names and ids that there are, so that requests reach what lies behind the first check */
let known: string[]
/** what stands in the place of a path's parameter */
let existing: Record<string, string>
beforeAll(async () => {
  fixture = await createFixture()
  await fixture.compare()
  document = (await fixture.result.inject('/openapi.json')).json<Document>()
  validate = documentValidator(document)
  const { jobs } = (await fixture.result.inject('/validation/jobs')).json<{ jobs: { jobId: string }[] }>()
  const { runId } = (await fixture.result.inject({ method: 'POST', url: '/scripts/migrate-patients/runs' })).json<{ runId: string }>()
  existing = { scripts: 'migrate-patients', runs: runId, domains: 'clinical', entities: 'patients', results: jobs[0]!.jobId, jobs: jobs[0]!.jobId }
  known = ['clinical', 'patients', 'invoices', 'migrate-patients', 'core', jobs[0]!.jobId, runId, 'ZDE']
})
afterAll(() => fixture.close())

const hostileText = fc.oneof(
  fc.constantFrom(
    '', ' ', '\u0000', 'a\u0000b', "' or 1=1 --", '"; drop table patients; --', '${7*7}', '<script>alert(1)</script>', '../../etc/passwd', '%', '%00', '{}', '[]', 'null', 'undefined',
    'NaN', 'Infinity', '-1', '0', '00', '1e3', '1.5', '9007199254740993', '99999999999999999999', '-0', 'true', 'TRUE', '\ud83d\ude00', '\u202e', '\uffff', 'ＡＢＣ', 'x'.repeat(199), 'x'.repeat(201),
    'x'.repeat(5000), 'urn:uuid:00000000-0000-4000-8000-000000000000', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '00000000-0000-0000-0000-000000000000', '2026-11-22T00:00:00Z', '\r\nset-cookie: a=b', 'a/b', 'a?b', 'a#b', 'a;b', '*', '\\',
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

const anyOf = (values: readonly string[]) => fc.constantFrom(...values)

/** Text that the schema allows, where that is easy to say. */
function fitting({ type, enum: values, minimum = 0, maximum = 1000 }: Schema): fc.Arbitrary<unknown> {
  const allowed = values?.filter((value) => value !== null) ?? []
  if (allowed.length > 0) return fc.constantFrom(...allowed)
  if (type === 'boolean') return fc.boolean()
  if (type === 'integer' || type === 'number') return fc.oneof(fc.integer({ min: minimum, max: Math.min(maximum, minimum + 500) }), fc.constantFrom(minimum, maximum))
  if (type === 'array') return fc.array(anyOf(known), { maxLength: 3 })
  return anyOf(known)
}

const text = (schema: Schema) => fc.oneof({ weight: 3, arbitrary: fitting(schema).map(String) }, { weight: 2, arbitrary: hostileText })
// by way of UTF-8, which has no half of a pair
const encode = (value: string) => encodeURIComponent(Buffer.from(value).toString())
const broken = fc.constantFrom('%', '%zz', '%E0%A4%A', '%ff', '%00', 'a%', '+', '%2F%2e%2e')

function queryOf(operation: Operation): fc.Arbitrary<string> {
  const pairs = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query').map(({ name, schema }) =>
    fc.tuple(fc.oneof({ weight: 6, arbitrary: fc.constant(encode(name)) }, { weight: 1, arbitrary: fc.constantFrom(`${name}[]`, `${name}[a]`, name.toUpperCase()) }), fc.oneof({ weight: 9, arbitrary: text(schema).map(encode) }, { weight: 1, arbitrary: broken })))
  const stranger = fc.tuple(fc.oneof(hostileText.map(encode), fc.constantFrom('api_key', 'token', '__proto__', 'constructor', '')), hostileText.map(encode))
  if (pairs.length === 0) return fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 1, arbitrary: stranger.map(([name, value]) => `${name}=${value}`) })
  const one = fc.oneof({ weight: 12, arbitrary: fc.oneof(...pairs) }, { weight: 1, arbitrary: stranger })
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(one, { maxLength: 4 }).map((list) => list.map(([name, value]) => `${name}=${value}`).join('&')) },
    { weight: 1, arbitrary: fc.constantFrom('&&&', '=', '?', '=&=', 'page', `page=${'9'.repeat(400)}`, 'a=1&'.repeat(1500)) },
  )
}

/** Names that another route of the same shape answers, and dots that a URL takes for steps. */
const elsewhere = ['', '.', '..', 'status', 'runs', 'coverage', 'performance']

function pathOf(operation: Operation): fc.Arbitrary<string> {
  const parts = operation.path.split('/').map((part, index, path) => (part.startsWith('{')
    ? fc.oneof(
      { weight: 8, arbitrary: fc.constant(existing[path[index - 1] ?? ''] ?? '') },
      { weight: 3, arbitrary: anyOf(known).map(encode) },
      { weight: 3, arbitrary: hostileText.filter((value) => !elsewhere.includes(value)).map(encode) },
      { weight: 1, arbitrary: broken },
    )
    : fc.constant(part)))
  return fc.tuple(fc.constantFrom('', '', '', '/api/v1'), ...parts).map(([prefix, ...rest]) => prefix + rest.join('/'))
}

function bodyOf({ requestBody }: Operation): fc.Arbitrary<{ payload?: string; type?: string }> {
  const $ref = requestBody?.content['application/json']?.schema.$ref ?? ''
  const { properties = {} } = document.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {}
  const value = (schema: Schema) => fc.oneof(
    { weight: 5, arbitrary: fitting(schema) }, { weight: 2, arbitrary: hostileText },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) }, { weight: 1, arbitrary: fc.constantFrom(null, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER, [], {}, [null], [[]]) },
  )
  const objectOf = (arbitraryOf: (schema: Schema) => fc.Arbitrary<unknown>) =>
    fc.record(Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, arbitraryOf(schema)])), { requiredKeys: [] })
  const json = (arbitrary: fc.Arbitrary<unknown>) => arbitrary.map((sent) => ({ payload: JSON.stringify(sent) ?? 'null', type: 'application/json' }))
  return fc.oneof(
    { weight: 5, arbitrary: json(objectOf(fitting)) },
    { weight: 5, arbitrary: json(objectOf(value)) },
    { weight: 1, arbitrary: json(fc.jsonValue()) },
    { weight: 1, arbitrary: fc.constant({}) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        { payload: '', type: 'application/json' }, { payload: '{', type: 'application/json' }, { payload: '{"a":1}', type: 'text/plain' }, { payload: '{}', type: 'nonsense' },
        { payload: '['.repeat(40) + ']'.repeat(40), type: 'application/json' }, { payload: '{"__proto__":{"x":1}}', type: 'application/json' }, { payload: '{}', type: 'application/json; charset=utf-16' },
        { payload: JSON.stringify({ message: 'x'.repeat(300_000) }), type: 'application/json' }, { payload: '\u0000', type: 'application/json' }, { payload: 'a=b', type: 'application/x-www-form-urlencoded' },
        { payload: '{"entities":["patients"],"entities":1}', type: 'application/json' }, { payload: '{}' },
      ),
    },
  )
}

// what a server lets through in a header: no line ends, no NUL
const headerText = hostileText.map((value) => value.replaceAll(/[^\x20-\x7e]/g, '').slice(0, 400))
const headers = fc.record({
  'idempotency-key': fc.oneof(headerText, fc.constantFrom('one', 'two')), 'if-none-match': fc.oneof(headerText, fc.constant('*')), 'x-request-id': headerText, accept: fc.oneof(headerText, fc.constantFrom('text/html', 'image/*')),
  authorization: headerText, 'x-api-key': headerText, 'accept-encoding': headerText, origin: headerText,
}, { requiredKeys: [] })

/** Texts on which databases, parsers and formats disagree. */
const awkward = ['\u0000', 'a\u0000b', 'urn:uuid:00000000-0000-4000-8000-000000000000', '\ud800', '\uffff\ud83d\ude00', "'; select 1 --", 'x'.repeat(200), 'x'.repeat(201), '9'.repeat(16), '__proto__', '%00', '\\']
const isText = ({ type, enum: values }: Schema) => [type].flat().includes('string') && values === undefined

/** With parameters that there are. */
const plainPath = ({ path }: Operation) => path.split('/').map((part, index, parts) => (part.startsWith('{') ? existing[parts[index - 1] ?? ''] : part)).join('/')

test('awkward text in any place of any operation is answered as documented', async () => {
  const faults: string[] = []
  const send = async (operation: Operation, url: string, payload?: object) => {
    const { answer, lost } = await fixture.send({ method: operation.method, url, ...(payload === undefined ? {} : { payload }) })
    const wrong = [...(answer.statusCode === 500 ? ['500'] : []), ...faultsOf(validate, operation, answer), ...(lost === null ? [] : ['lost'])]
    faults.push(...wrong.map((fault) => `${operation.method} ${url.slice(0, 150)} ${JSON.stringify(payload)?.slice(0, 150) ?? ''}: ${fault}`))
    return answer.statusCode
  }
  for (const operation of operationsOf(document)) {
    const plain = plainPath(operation)
    const $ref = operation.requestBody?.content['application/json']?.schema.$ref ?? ''
    const fields = Object.entries(document.components.schemas[$ref.split('/').at(-1) ?? '']?.properties ?? {})
    for (const value of awkward) {
      if (operation.path.includes('{')) await send(operation, operation.path.replaceAll(/\{\w+\}/g, encode(value)))
      for (const { name, schema } of (operation.parameters ?? []).filter((parameter) => parameter.in === 'query')) if (isText(schema)) await send(operation, `${plain}?${name}=${encode(value)}`)
      for (const [name, schema] of fields) {
        if (isText(schema)) await send(operation, plain, { [name]: value })
        if (schema.items !== undefined) await send(operation, plain, { [name]: [value] })
      }
    }
  }
  expect(faults).toEqual([])
})

test('the bounds of a number are what the document says', async () => {
  const faults: string[] = []
  for (const operation of operationsOf(document)) {
    const plain = plainPath(operation)
    for (const { name, schema: { type, minimum, maximum } } of (operation.parameters ?? []).filter((parameter) => parameter.in === 'query')) {
      if (minimum === undefined || maximum === undefined) {
        if (type === 'integer' || type === 'number') faults.push(`${nameOf(operation)} ${name} has no bounds`)
        continue
      }
      for (const [value, status] of [[minimum, 200], [maximum, 200], [minimum - 1, 400], [maximum + 1, 400]] as const) {
        const { statusCode } = await fixture.result.inject({ method: operation.method, url: `${plain}?${name}=${value}` })
        if (statusCode !== status) faults.push(`${nameOf(operation)} ${name}=${value}: ${statusCode}`)
      }
    }
  }
  expect(faults).toEqual([])
})

test('nothing that is sent gets a 500, and every answer is as documented', async () => {
  const operations = operationsOf(document)
  const numRuns = Math.ceil(requests / operations.length)
  const statuses = new Map<string, number>()
  for (const operation of operations) {
    // the body's kinds are few and every one matters: operations with a body get more
    const runs = operation.method === 'get' ? numRuns : numRuns * 3
    await fc.assert(
      fc.asyncProperty(pathOf(operation), queryOf(operation), headers, operation.method === 'get' ? fc.constant({}) : bodyOf(operation), async (path, query, sent, body: { payload?: string; type?: string }) => {
        const { answer, lost } = await fixture.send({
          method: operation.method, url: query === '' ? path : `${path}?${query}`, headers: { ...sent, ...(body.type === undefined ? {} : { 'content-type': body.type }) },
          ...(body.payload === undefined ? {} : { payload: body.payload }),
        })
        const status = `${operation.method} ${answer.statusCode}`
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        expect(answer.statusCode, answer.body).not.toBe(500)
        expect(faultsOf(validate, operation, answer)).toEqual([])
        expect(lost).toBeNull()
      }),
      { numRuns: runs, seed, endOnFailure: false, interruptAfterTimeLimit: 20_000 },
    ).catch((error: unknown) => { throw new Error(nameOf(operation), { cause: error }) })
  }
  // both what works and what is refused was reached, or the requests prove little
  const reached = [...statuses.keys()]
  for (const status of ['get 200', 'get 304', 'get 400', 'get 404', 'post 201', 'post 202', 'post 400', 'post 413', 'patch 200', 'patch 400', 'patch 409', 'patch 415', 'delete 409']) expect(reached).toContain(status)
  if (process.env['FUZZ_REQUESTS'] !== undefined) process.stdout.write(`${JSON.stringify(Object.fromEntries(statuses))}\n`)
}, 120_000)
