import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse, RouteOptions } from 'fastify'
import { buildApp } from '../../src/app.js'
import { openSource } from '../../src/db/clients.js'
import { parsePlan } from '../../src/plan/load.js'
import { testConfig } from './app.js'
import { createPair, type ComparisonRun } from './compare.js'

export interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  default?: unknown
  description?: string
  examples?: unknown[]
  required?: string[]
  properties?: Record<string, Schema>
  items?: Schema
  format?: string
  minimum?: number
  maximum?: number
}

export interface Parameter { name: string; in: 'query' | 'path' | 'header'; required?: boolean; schema: Schema; description?: string }
export interface Media { schema: Schema; example?: unknown }
export interface Operation {
  method: 'get' | 'post' | 'patch' | 'delete'
  path: string
  operationId: string
  tags: string[]
  summary: string
  description: string
  parameters?: Parameter[]
  requestBody?: { required: boolean; content: Record<string, Media> }
  responses: Record<string, { description: string; content?: Record<string, Media> }>
  security: object[]
}

export interface Document {
  openapi: string
  servers: { url: string }[]
  tags: { name: string; description: string }[]
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, object> }
  paths: Record<string, Record<string, Omit<Operation, 'method' | 'path'>>>
}

export const committedText = () => readFile(new URL('../../openapi/openapi.json', import.meta.url), 'utf8')

export function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method as Operation['method'], path })))
}

export const nameOf = ({ method, path }: Operation) => `${method.toUpperCase()} ${path}`

/** Checks values against schemas of the document; answers what is wrong with them. */
export function documentValidator(document: object) {
  // strict would refuse the words of OpenAPI around the schemas
  const ajv = new Ajv2020({ allErrors: true, strict: false })
  formats.default(ajv)
  ajv.addSchema(document, 'document')
  const compiled = new Map<string, ReturnType<typeof ajv.compile>>()
  /** @param pointer path of keys to the schema */
  return (pointer: readonly string[], value: unknown): string[] => {
    const $ref = `document#/${pointer.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`
    const validate = compiled.get($ref) ?? ajv.compile({ $ref })
    compiled.set($ref, validate)
    void validate(value)
    return (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath} ${String(message)} ${JSON.stringify(params)}`)
  }
}

export type Validator = ReturnType<typeof documentValidator>

/** What an answer has that the document does not say of this operation; empty when it is as documented. */
export function faultsOf(validator: Validator, { method, path, responses }: Operation, answer: LightMyRequestResponse): string[] {
  const documented = responses[answer.statusCode]
  if (documented === undefined) return [`status ${answer.statusCode} is not documented: ${answer.body.slice(0, 500)}`]
  if (documented.content === undefined) return answer.body === '' ? [] : [`status ${answer.statusCode} has a body`]
  const [mediaType = ''] = String(answer.headers['content-type']).split(';')
  if (documented.content[mediaType] === undefined) return [`status ${answer.statusCode} as ${mediaType} is not documented`]
  const value: unknown = mediaType.endsWith('json') ? answer.json() : answer.body
  return validator(['paths', path, method, 'responses', String(answer.statusCode), 'content', mediaType, 'schema'], value)
}

export interface Watched<T> {
  result: T
  /** routes in the order of their registration */
  routes: RouteOptions[]
}

/** Runs what builds one application, listening from its first moment. @param prepare sees it before any hook or route */
export async function watchApp<T>(build: () => Promise<T>, prepare: (app: FastifyInstance) => void = () => undefined): Promise<Watched<T>> {
  const routes: RouteOptions[] = []
  const listen = (message: unknown) => {
    const { fastify: app } = message as { fastify: FastifyInstance }
    void app.addHook('onRoute', (route) => void routes.push(route))
    prepare(app)
  }
  subscribe('fastify.initialization', listen)
  try {
    return { result: await build(), routes }
  } finally {
    unsubscribe('fastify.initialization', listen)
  }
}

const source = `
create table patient (id int primary key, name text not null, born date);
insert into patient select n, 'patient ' || n, date '2000-01-01' + n from generate_series(1, 40) n;
create table visit (id int primary key, patient_id int not null references patient, seen_at timestamptz, note text);
insert into visit select n, 1 + n % 40, timestamptz '2026-01-01 00:00Z' + n * interval '1 hour', 'note ' || n from generate_series(1, 60) n;
create table scrap (id int);
insert into scrap values (1);`

const target = `
create table patients (id int primary key, name text not null, born date);
insert into patients select n, 'patient ' || n, date '2000-01-01' + n from generate_series(1, 40) n where n <> 7;
update patients set name = 'somebody else' where id = 9;
insert into patients values (900, 'nobody', null);
create table visits (id int primary key, patient_id int not null references patients, seen_at timestamptz, note text);
insert into visits select n, 1 + n % 40, timestamptz '2026-01-01 00:00Z' + n * interval '1 hour', 'note ' || n from generate_series(1, 60) n where 1 + n % 40 <> 7;`

/** One entity differs, one lacks rows, and one cannot be compared. */
export const planText = `
version: 1
domains:
  clinical: { description: Patients and their care, priority: critical }
  billing: { priority: low }
entities:
  patients: { domain: clinical, script: migrate-patients, source: { table: patient }, target: { table: patients }, key: { id: id }, same: [name, born] }
  visits: { domain: clinical, script: [migrate-visits], source: { table: visit }, target: { table: visits }, key: { id: id }, same: [patient_id, seen_at, note] }
  invoices: { domain: billing, source: { table: invoice }, target: { table: invoices }, key: { id: id } }
scripts:
  migrate-patients: { category: core }
  migrate-visits: { category: core, dependsOn: [migrate-patients] }
`

export interface Fixture extends Watched<FastifyInstance> {
  /** validates everything once, with real tasks */
  compare(): Promise<ComparisonRun>
  /** Sends a request. `lost` is what the handler returned when the answer does not say the same, which is what a field without a schema comes to. */
  send(options: InjectOptions): Promise<{ answer: LightMyRequestResponse; lost: unknown }>
  close(): Promise<void>
}

/** The whole application with every route over a small migration. */
export async function createFixture(): Promise<Fixture> {
  const pair = await createPair({ source, target })
  const reader = openSource({ ...pair.source.options, maxConnections: 2 })
  const returned = new Map<string, unknown>()
  const config = { ...testConfig, rateLimit: { max: 1_000_000, windowMs: 60_000 }, developmentEndpoints: true }
  const { result: app, routes } = await watchApp(
    () => buildApp({ config, source: reader, target: pair.tracking, queue: pair.queue, plan: parsePlan(planText) }),
    (fresh) => void fresh.addHook('preSerialization', async (request, _reply, payload) => {
      returned.set(request.id, JSON.parse(JSON.stringify(payload)))
      return payload
    }),
  )
  await app.ready()
  return {
    result: app,
    routes,
    compare: () => pair.compare(planText, { segmentRows: 16 }),
    async send(options) {
      const answer = await app.inject(options)
      const payload = returned.get(String(answer.headers['x-request-id']))
      returned.clear()
      const same = payload === undefined || answer.body === '' || JSON.stringify(sorted(payload)) === JSON.stringify(sorted(answer.json()))
      return { answer, lost: same ? null : payload }
    },
    async close() {
      await app.close()
      await reader.end()
      await pair.close()
    },
  }
}

/** The serialiser writes fields in the order of the schema. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]))
}
