import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderDocument } from '../scripts/openapi-document.js'
import { buildApp } from '../src/app.js'
import { openSource } from '../src/db/clients.js'
import { parsePlan } from '../src/plan/load.js'
import { apiKey, testConfig } from './helpers/app.js'
import {
  committedText, createFixture, documentValidator, faultsOf, nameOf, operationsOf, planText, type Document, type Fixture, type Operation, type Schema, type Validator,
} from './helpers/document.js'
import { adminOptions } from './helpers/postgres.js'

/** Paths and names of the contract; every other name in a query string or body would be a surprise to its clients. */
const contract: Record<string, string[]> = {
  'GET /health': ['includeDetails'],
  'GET /coverage/summary': [],
  'GET /scripts/status': ['domain', 'category', 'status', 'drift', 'page', 'limit', 'sortBy', 'sortOrder', 'includeMetrics'],
  'GET /domains/coverage': ['domain', 'includeDetails', 'includeValidation'],
  'GET /entities/performance': ['domain', 'minSuccessRate', 'minRecords', 'sortBy', 'sortOrder', 'page', 'limit', 'includeValidation', 'includeHistory'],
  'POST /validation/run': ['entities', 'domains', 'includeIntegrityChecks', 'includeCrossEntity', 'mode', 'priority', 'idempotency-key'],
  'GET /validation/results/{id}': ['includeDetails', 'format'],
  'GET /reports/generate': ['type', 'format', 'domain', 'includeDetails', 'download'],
}

/** Routes that the contract names beside those above. */
const otherRoutes = [
  'GET /health/live', 'GET /health/ready', 'GET /validation/jobs', 'DELETE /validation/jobs/{id}', 'GET /validation/jobs/{id}/events', 'GET /validation/results/{id}/differences', 'GET /validation/results/{id}/repair',
  'GET /coverage/history', 'GET /coverage/badge.svg', 'GET /entities/{name}', 'GET /domains/{name}', 'GET /scripts/{name}', 'POST /scripts/{name}/runs', 'PATCH /scripts/runs/{id}', 'GET /plan', 'GET /metrics',
]

/** Fields of the answers of the contract; a dot leads into an object or the items of a list. */
const answerFields: Record<string, string> = {
  'GET /health': 'status timestamp uptime version environment components.component components.status components.responseTime components.details systemMetrics',
  'GET /coverage/summary':
    'totalScripts completedScripts totalRecords migratedRecords verifiedRecords overallSuccessRate accounting.source.excluded accounting.target.extra tables columns rows domainCoverage riskAssessment.level riskAssessment.score ' +
    'riskAssessment.reasons timeline.estimatedCompletionDays timeline.estimatedCompletionAt timeline.confidence timeline.basis lastValidatedAt lastUpdated stale',
  'GET /scripts/status':
    'scripts.name scripts.domain scripts.category scripts.status scripts.entities scripts.recordsProcessed scripts.recordsSucceeded scripts.recordsFailed scripts.successRate scripts.lastRun.startedAt scripts.checksum scripts.drift ' +
    'scripts.dependencies pagination.currentPage pagination.totalPages pagination.totalItems pagination.itemsPerPage pagination.hasNextPage pagination.hasPreviousPage summary.byStatus summary.averageSuccessRate ' +
    'summary.domainBreakdown summary.categoryBreakdown filters.domain filters.category filters.status filters.drift',
  'GET /domains/coverage':
    'domains.domain domains.priority domains.coverage domains.accounting domains.scripts domains.status domains.trend domains.lastUpdated domains.details.entities domains.details.issues domains.details.recommendations ' +
    'domains.validation.checks domains.validation.passed domains.validation.failed domains.validation.unknown summary trends.improving trends.declining trends.stable insights',
  'GET /entities/performance':
    'entities.entityName entities.domain entities.accounting entities.successRate entities.migrationRate entities.errorRate entities.throughputPerSecond entities.status entities.performance.score entities.performance.grade ' +
    'entities.performance.factors entities.lastMigrated entities.lastValidated entities.history pagination.totalItems summary.performanceDistribution summary.topPerformers summary.needsAttention insights',
  'POST /validation/run': 'jobId status pollUrl eventsUrl estimatedDurationSeconds',
  'GET /validation/results/{id}':
    'status progress startedAt finishedAt verdict summary.checks summary.passed summary.warned summary.failed summary.unknown summary.criticalFailures summary.score accounting integrityChecks recommendations details reasonCode reason',
}

/** Parameters by operation, `Component.field` of components: the values and no others. */
const enumerations: Record<string, string[]> = {
  'GET /scripts/status status': ['pending', 'running', 'completed', 'failed', 'rolled_back', 'missing'],
  'GET /scripts/status drift': ['none', 'changed', 'unknown'],
  'GET /scripts/status sortBy': ['name', 'status', 'domain', 'category', 'successRate', 'lastExecuted'],
  'GET /scripts/status sortOrder': ['asc', 'desc'],
  'GET /entities/performance sortBy': ['successRate', 'totalRecords', 'migratedRecords', 'entityName', 'lastMigrated'],
  'GET /entities/performance sortOrder': ['asc', 'desc'],
  'GET /validation/results/{id} format': ['json', 'report', 'junit'],
  'GET /reports/generate type': ['comprehensive', 'coverage', 'validation', 'executive', 'detailed'],
  'GET /reports/generate format': ['json', 'html', 'markdown', 'csv'],
  'GET /validation/jobs status': ['queued', 'running', 'completed', 'failed', 'cancelled'],
  'ScriptState.status': ['pending', 'running', 'completed', 'failed', 'rolled_back', 'missing'],
  'ScriptState.drift': ['none', 'changed', 'unknown'],
  'ValidationJob.mode': ['full', 'changed', 'sample'],
  'ValidationJob.status': ['queued', 'running', 'completed', 'failed', 'cancelled'],
  'ValidationResult.status': ['queued', 'running', 'completed', 'failed', 'cancelled'],
  'ValidationResult.verdict': ['pass', 'warn', 'fail', 'unknown'],
  'ValidationResult.reasonCode': [
    'SOURCE_UNAVAILABLE', 'TARGET_UNAVAILABLE', 'SCHEMA_CHANGED', 'NO_PRIVILEGE', 'ROW_SECURITY', 'TIMEOUT', 'RESOURCE', 'PLAN_INVALID', 'CANCELLED', 'INTERNAL',
  ],
  'ValidationCheck.severity': ['critical', 'warning', 'info'],
  'PlanFault.severity': ['critical', 'warning', 'info'],
  'Health.status': ['healthy', 'degraded', 'unhealthy'],
  'HealthComponent.status': ['healthy', 'degraded', 'unhealthy'],
  'Performance.grade': ['A', 'B', 'C', 'D', 'F'],
  'RiskAssessment.level': ['low', 'medium', 'high', 'unknown'],
  'DomainCoverage.trend': ['improving', 'declining', 'stable'],
}

let text: string
/** as a default installation serves it */
let document: Document
/** with the routes of development */
let whole: Document
let fixture: Fixture
let operations: Operation[]
beforeAll(async () => {
  text = await committedText()
  document = JSON.parse(text) as Document
  fixture = await createFixture()
  whole = (await fixture.result.inject('/openapi.json')).json<Document>()
  operations = operationsOf(whole)
})
afterAll(() => fixture.close())

/** Every object in a value, with its place. */
function visit(value: unknown, seen: (node: Record<string, unknown>, place: string[]) => void, place: string[] = []): void {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) seen(value as Record<string, unknown>, place)
  for (const [key, child] of Object.entries(value)) if (key !== 'example' && key !== 'examples' && key !== 'default') visit(child, seen, [...place, key])
}

const resolve = (pointer: string): unknown => pointer.split('/').slice(1).reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], whole)
const operation = (name: string) => operations.find((one) => nameOf(one) === name)!
const bodySchema = ({ requestBody }: Operation): Schema | undefined => {
  const $ref = requestBody?.content['application/json']?.schema.$ref
  return $ref === undefined ? undefined : (resolve($ref) as Schema)
}

/** Whether a path of names leads somewhere, through references, alternatives and the items of lists. */
function hasField(schema: Schema | undefined, path: string[]): boolean {
  const [name, ...rest] = path
  if (schema === undefined || name === undefined) return schema !== undefined
  const { $ref, anyOf, items, properties } = schema as Schema & { anyOf?: Schema[]; items?: Schema }
  if ($ref !== undefined) return hasField(resolve($ref) as Schema, path)
  if (anyOf !== undefined) return anyOf.some((one) => hasField(one, path))
  if (items !== undefined) return hasField(items, path)
  return hasField(properties?.[name], rest)
}

describe('the document', () => {
  test('openapi/openapi.json is what `npm run openapi` writes', async () => {
    expect(text).toBe(await renderDocument())
  })

  test('is OpenAPI 3.1 for both prefixes, each path once', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.servers.map(({ url }) => url)).toEqual(['/', '/api/v1'])
    expect(Object.keys(document.paths).filter((path) => path.startsWith('/api/'))).toEqual([])
    expect(Object.keys(document.paths).filter((path) => path.startsWith('/dev'))).toEqual([])
  })

  test('has every route, and every operation is a route', () => {
    const registered = fixture.routes.flatMap(({ method, url }) => (url === '/openapi.json' || url.startsWith('/docs') ? [] : [method].flat().map((one) => `${one} ${url.replaceAll(/:(\w+)/g, '{$1}')}`)))
    const routes = registered.filter((route) => !/^(HEAD|OPTIONS) /.test(route))
    expect(operations.map(nameOf).sort()).toEqual(routes.sort())
  })

  test('every route of the contract is there', () => {
    expect([...Object.keys(contract), ...otherRoutes].filter((name) => operation(name) === undefined)).toEqual([])
  })

  test.each(Object.entries(answerFields))('%s answers with every field of the contract', (name, fields) => {
    const { responses } = operation(name)
    const media = Object.values(responses['200']?.content ?? responses['202']?.content ?? {}).at(0)
    expect(fields.split(' ').filter((path) => !hasField(media?.schema, path.split('.')))).toEqual([])
  })

  test('every reference resolves', () => {
    const broken: string[] = []
    visit(whole, ({ $ref }) => { if (typeof $ref === 'string' && (!$ref.startsWith('#/') || resolve($ref) === undefined)) broken.push($ref) })
    expect(broken).toEqual([])
  })

  test('components have names in PascalCase, a description and an example, and none is unused', () => {
    const used = new Set<string>()
    visit(whole, ({ $ref }) => { if (typeof $ref === 'string') used.add($ref) })
    const faults = Object.entries(whole.components.schemas).flatMap(([name, { description = '', examples = [] }]) => [
      ...(/^([A-Z][a-z]+)+$/.test(name) ? [] : [`${name}: name`]),
      ...(description === '' ? [`${name}: description`] : []),
      ...(examples.length === 0 ? [`${name}: example`] : []),
      ...(used.has(`#/components/schemas/${name}`) ? [] : [`${name}: unused`]),
    ])
    expect(faults).toEqual([])
  })

  test('objects are closed, so that a field without a schema shows', () => {
    const open: string[] = []
    visit(whole.components.schemas, ({ type, properties, additionalProperties }, place) => {
      if (type === 'object' && properties !== undefined && additionalProperties !== false) open.push(place.join('.'))
    })
    expect(open).toEqual([])
  })

  test('every example is valid', () => {
    const validate = documentValidator(whole)
    const faults: string[] = []
    let examples = 0
    visit(whole, (node, place) => {
      if ('example' in node && 'schema' in node) {
        examples += 1
        faults.push(...validate([...place, 'schema'], node['example']).map((fault) => `${place.join('.')} ${fault}`))
      }
      for (const example of Array.isArray(node['examples']) && 'type' in node ? (node['examples'] as unknown[]) : []) {
        examples += 1
        faults.push(...validate(place, example).map((fault) => `${place.join('.')} ${fault}`))
      }
      if ('default' in node && 'type' in node) faults.push(...validate(place, node['default']).map((fault) => `${place.join('.')} default ${fault}`))
    })
    expect(faults).toEqual([])
    expect(examples).toBeGreaterThan(50)
  })
})

describe('every operation', () => {
  test('has a unique operationId, a described tag, summary and description', () => {
    const described = new Set(whole.tags.filter(({ description }) => description !== '').map(({ name }) => name))
    const faults = operations.flatMap((one) => [
      ...(/^(get|list|run|cancel|start|report|generate)[A-Z]\w+$/.test(one.operationId) ? [] : ['operationId']),
      ...(one.tags.length === 1 && described.has(one.tags[0]!) ? [] : ['tag']),
      ...(one.summary.length > 5 && !one.summary.endsWith('.') ? [] : ['summary']),
      ...(one.description.length > 30 ? [] : ['description']),
    ].map((fault) => `${nameOf(one)} ${fault}`))
    expect(faults).toEqual([])
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
    expect(document.tags.map(({ name }) => name)).toEqual(['Health', 'Coverage', 'Scripts', 'Domains', 'Entities', 'Validation', 'Reports', 'Plan'])
  })

  test('says by which key it is called; health is open', () => {
    const open = operations.filter(({ security }) => security.length === 0).map(({ path }) => path)
    expect(open).toEqual(['/health', '/health/live', '/health/ready'])
    for (const one of operations) if (!open.includes(one.path)) expect(one.security, nameOf(one)).toEqual([{ apiKey: [] }, { bearer: [] }])
    expect(Object.keys(whole.components.securitySchemes)).toEqual(['apiKey', 'bearer'])
  })

  test('lists the statuses that it can answer', () => {
    for (const one of operations) {
      const statuses = Object.keys(one.responses)
      const isOpen = one.security.length === 0
      const expected = ['400', '500', ...(isOpen ? [] : ['401', '403', '429', '503']), ...(one.path.includes('{') ? ['404'] : []), ...(one.method === 'get' ? [] : ['409', '413', '415'])]
      expect(statuses, nameOf(one)).toEqual(expect.arrayContaining(expected))
      // an image that others embed is never kept, health never either, and neither events nor metrics are ever the same
      expect(statuses.includes('304'), nameOf(one)).toBe(one.method === 'get' && !isOpen && one.path !== '/coverage/badge.svg' && ![eventsPath, '/metrics'].includes(one.path))
    }
  })

  test('answers named components with an example, and problems as problem+json', () => {
    const faults = operations.flatMap((one) => Object.entries(one.responses).flatMap(([status, { description, content }]) => {
      const place = `${nameOf(one)} ${status}`
      if (description === '' || description === 'Default Response') return [`${place}: description`]
      if (status === '304') return content === undefined ? [] : [`${place}: content`]
      return Object.entries(content ?? { nothing: { schema: {} } }).flatMap(([mediaType, { schema, example }]) => {
        const isComponent = schema.$ref?.startsWith('#/components/schemas/') ?? false
        return [
          ...(isComponent || (!mediaType.endsWith('json') && schema.type === 'string') ? [] : [`${place}: ${mediaType} is not a component`]),
          ...(!status.startsWith('2') || example !== undefined ? [] : [`${place}: ${mediaType} has no example`]),
          ...(Number(status) < 400 || one.path.startsWith('/health') || (mediaType === 'application/problem+json' && schema.$ref === '#/components/schemas/Problem') ? [] : [`${place}: not a problem`]),
        ]
      })
    }))
    expect(faults).toEqual([])
    const mediaTypes = new Set(operations.flatMap(({ responses }) => Object.values(responses).flatMap(({ content }) => Object.keys(content ?? {}))))
    expect([...mediaTypes].sort()).toEqual(['application/json', 'application/problem+json', 'application/sql', 'application/xml', 'image/svg+xml', 'text/csv', 'text/event-stream', 'text/html', 'text/markdown', 'text/plain'])
  })

  test('describes its parameters, and asks for none that has a default', () => {
    const faults = operations.flatMap((one) => (one.parameters ?? []).flatMap(({ name, in: where, required, schema, description = '' }) => [
      ...(description === '' ? ['description'] : []),
      ...(required === (where === 'path') ? [] : ['required']),
      ...(schema.type === undefined ? ['type'] : []),
    ].map((fault) => `${nameOf(one)} ${name}: ${fault}`)))
    expect(faults).toEqual([])
    expect(bodySchema(operation('POST /validation/run'))?.required).toBeUndefined()
    expect(operations.filter(({ requestBody }) => requestBody?.required === true).map(nameOf)).toEqual(['PATCH /scripts/runs/{id}'])
    expect(operations.filter(({ requestBody }) => requestBody?.required === false).map(nameOf)).toEqual(['POST /scripts/{name}/runs', 'POST /validation/run'])
  })
})

describe('the contract', () => {
  test.each(Object.entries(contract))('%s', (name, names) => {
    const one = operation(name)
    const parameters = (one.parameters ?? []).filter((parameter) => parameter.in !== 'path').map((parameter) => parameter.name)
    expect([...parameters, ...Object.keys(bodySchema(one)?.properties ?? {})].sort()).toEqual([...names].sort())
  })

  test.each(Object.entries(enumerations))('%s', (place, values) => {
    const [component = '', field = ''] = place.split('.')
    const [method = '', path = '', parameter = ''] = place.split(' ')
    const schema = path === '' ? whole.components.schemas[component]?.properties?.[field] : operation(`${method} ${path}`).parameters?.find(({ name }) => name === parameter)?.schema
    expect((schema?.enum ?? []).filter((value) => value !== null).map(String).sort()).toEqual([...values].sort())
  })

  test('verdict, severity and drift have one set of values everywhere', () => {
    const sets = { verdict: new Set<string>(), severity: new Set<string>(), drift: new Set<string>() }
    visit(whole.components.schemas, ({ properties }) => {
      for (const [name, values] of Object.entries(sets)) {
        const schema = (properties as Record<string, Schema> | undefined)?.[name]
        if (schema !== undefined) values.add((schema.enum ?? []).filter((value) => value !== null).map(String).sort().join(' '))
      }
    })
    expect(Object.fromEntries(Object.entries(sets).map(([name, values]) => [name, [...values]]))).toEqual({
      verdict: ['fail pass unknown warn'], severity: ['critical info warning'], drift: ['changed none unknown'],
    })
  })

  test('a request offers only modes that jobs know', () => {
    const offered = bodySchema(operation('POST /validation/run'))?.properties?.['mode']?.enum
    expect(enumerations['ValidationJob.mode']).toEqual(expect.arrayContaining(offered ?? ['none']))
  })
})

const eventsPath = '/validation/jobs/{id}/events'

describe('real answers', () => {
  const faults: string[] = []
  let validate: Validator
  beforeAll(() => { validate = documentValidator(whole) })
  const check = async (one: Operation, url: string, statuses: number[], more: object = {}) => {
    const { answer, lost } = await fixture.send({ method: one.method.toUpperCase(), url, ...more })
    const label = `${one.method} ${url}`
    if (!statuses.includes(answer.statusCode)) faults.push(`${label}: ${answer.statusCode} ${answer.body}`)
    faults.push(...faultsOf(validate, one, answer).map((fault) => `${label}: ${fault}`))
    if (lost !== null) faults.push(`${label}: the answer lacks something of ${JSON.stringify(lost).slice(0, 2000)}`)
    return answer
  }

  /** Each GET route plainly, with each switch, each value of each enumeration, and each name. */
  const sweep = async (ids: Record<string, string>, statuses = [200]) => {
    const values: Record<string, string> = { domain: 'clinical', entity: 'patients', script: 'migrate-patients', category: 'core', minSuccessRate: '1', minRecords: '1', page: '2', limit: '1', days: '7' }
    for (const one of operations.filter(({ method }) => method === 'get')) {
      const id = ids[one.path] ?? ''
      if (id === '' && one.path === eventsPath) continue // a stream ends with its job: it is asked where the job is over
      const path = one.path.replaceAll(/\{\w+\}/g, encodeURIComponent(id))
      const queries = (one.parameters ?? []).filter((parameter) => parameter.in === 'query').flatMap(({ name, schema }) => {
        const given = schema.enum?.map(String) ?? (schema.type === 'boolean' ? ['true', 'false'] : values[name] === undefined ? [] : [values[name]])
        return given.map((value) => `${name}=${encodeURIComponent(value)}`)
      })
      for (const query of ['', ...queries]) {
        const answer = await check(one, query === '' ? path : `${path}?${query}`, one.path.startsWith('/health') ? [200] : statuses)
        expect(answer.headers['x-request-id']).toBeDefined()
      }
      if (one.responses['304'] !== undefined) await check(one, path, [304], { headers: { 'if-none-match': '*' } })
    }
    expect(faults.splice(0)).toEqual([])
  }

  const ids = (job: string, run: string, isOver = true): Record<string, string> => ({
    ...(isOver ? { [eventsPath]: job } : {}),
    '/scripts/{name}': 'migrate-patients', '/scripts/runs/{id}': run, '/domains/{name}': 'clinical', '/entities/{name}': 'patients',
    '/validation/results/{id}': job, '/validation/results/{id}/differences': job, '/validation/results/{id}/repair': job,
  })

  test('are as documented before anything was validated, and afterwards', async () => {
    const start = await check(operation('POST /validation/run'), '/validation/run', [202])
    const { jobId } = start.json<{ jobId: string }>()
    const ran = await check(operation('POST /scripts/{name}/runs'), '/scripts/migrate-patients/runs', [201])
    const { runId } = ran.json<{ runId: string }>()
    await check(operation('POST /scripts/{name}/runs'), '/scripts/migrate-patients/runs', [200], { payload: { runId } })
    await sweep(ids(jobId, runId, false))
    await check(operation('DELETE /validation/jobs/{id}'), `/validation/jobs/${jobId}`, [200])
    await check(operation('DELETE /validation/jobs/{id}'), `/validation/jobs/${jobId}`, [409])
    await sweep(ids(jobId, runId))

    const progress = { status: 'completed', recordsProcessed: 40, recordsSucceeded: 39, recordsFailed: 1, message: 'one was refused' }
    await check(operation('PATCH /scripts/runs/{id}'), `/scripts/runs/${runId}`, [200], { payload: progress })
    await check(operation('PATCH /scripts/runs/{id}'), `/scripts/runs/${runId}`, [409], { payload: { recordsProcessed: 1 } })
    await fixture.compare()
    const { jobs } = (await fixture.result.inject('/validation/jobs?status=completed')).json<{ jobs: { jobId: string; verdict: string }[] }>()
    expect(jobs).toMatchObject([{ verdict: 'fail' }])
    await sweep(ids(jobs[0]!.jobId, runId))

    const detail = await fixture.result.inject('/entities/patients')
    expect(detail.json()).toMatchObject({ accounting: { source: { total: 40, differs: 1, missing: 1 }, target: { extra: 1 } } })
    const unknown = '00000000-0000-4000-8000-000000000000'
    for (const one of operations.filter(({ path, method }) => path.includes('{') && method !== 'post' && method !== 'patch')) {
      await check(one, one.path.replaceAll('{id}', unknown).replaceAll('{name}', 'nothing'), [404])
    }
    expect(faults.splice(0)).toEqual([])
  })

  test('an etag stands for the answer, before and after a commit of the tracking schema', async () => {
    const { jobs } = (await fixture.result.inject('/validation/jobs?status=completed')).json<{ jobs: { jobId: string }[] }>()
    const { runId } = (await check(operation('POST /scripts/{name}/runs'), '/scripts/migrate-patients/runs', [201])).json<{ runId: string }>()
    const known = ids(jobs[0]!.jobId, runId)
    const reads = operations.filter(({ responses, path }) => responses['304'] !== undefined && path !== '/reports/generate' && !path.startsWith('/dev/'))
    const paths = reads.flatMap(({ path }) => [path.replaceAll(/\{\w+\}/g, encodeURIComponent(known[path] ?? ''))])
    const ask = async (url: string, etag?: string) => {
      const { statusCode, body, headers } = await fixture.result.inject({ url, ...(etag === undefined ? {} : { headers: { 'if-none-match': etag } }) })
      return { statusCode, body, etag: String(headers.etag) }
    }
    const before = new Map<string, Awaited<ReturnType<typeof ask>>>()
    for (const path of paths) before.set(path, await ask(path))
    for (const [path, { etag }] of before) expect([path, (await ask(path, etag)).statusCode]).toEqual([path, 304])

    await fixture.result.inject({ method: 'PATCH', url: `/scripts/runs/${runId}`, payload: { status: 'completed', recordsProcessed: 40, recordsSucceeded: 40 } })
    await fixture.compare()
    const changed: string[] = []
    for (const [path, old] of before) {
      const [fresh, conditional] = [await ask(path), await ask(path, old.etag)]
      expect([path, conditional.statusCode, fresh.etag === old.etag]).toEqual([path, fresh.body === old.body ? 304 : 200, fresh.body === old.body])
      if (fresh.body !== old.body) changed.push(path)
    }
    expect(changed).toEqual(expect.arrayContaining(['/coverage/summary', '/scripts/status', '/scripts/migrate-patients', `/scripts/runs/${runId}`, '/domains/coverage', '/domains/clinical', '/entities/performance', '/entities/patients', '/validation/jobs']))
    const head = await fixture.result.inject({ method: 'HEAD', url: '/coverage/summary' })
    expect([head.headers.etag, head.body]).toEqual([(await ask('/coverage/summary')).etag, ''])
  })
})

describe('without a key, and without the target', () => {
  test('every operation but health is a 401, then a 503', async () => {
    const source = openSource(adminOptions())
    const config = { ...testConfig, apiKey, developmentEndpoints: true }
    const monitor = { state: () => ({ status: 'unhealthy' as const, ready: false, checkedAt: new Date(), components: [] }), start: async () => undefined, stop: () => undefined }
    const never = () => Promise.reject(new Error('not to be reached'))
    const app = await buildApp({ config, source, target: source, plan: parsePlan(planText), monitor, queue: { enqueue: never, enqueueEach: never, work: never, lostTasks: never, stop: async () => undefined } })
    const validate = documentValidator(whole)
    for (const one of operations) {
      const url = one.path.replaceAll(/\{\w+\}/g, '00000000-0000-4000-8000-000000000000')
      const isOpen = one.security.length === 0
      const [closed, down] = [await app.inject({ method: one.method, url }), await app.inject({ method: one.method, url, headers: { authorization: `Bearer ${apiKey}` } })]
      const expected = !isOpen ? [401, 503] : one.path === '/health/live' ? [200, 200] : [503, 503]
      expect([closed.statusCode, down.statusCode], nameOf(one)).toEqual(expected)
      expect([...faultsOf(validate, one, closed), ...faultsOf(validate, one, down)], nameOf(one)).toEqual([])
      if (!isOpen) expect(down.headers['retry-after']).toMatch(/^\d+$/)
    }
    await app.close()
    await source.end()
  })
})
