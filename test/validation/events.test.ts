import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { handleErrors } from '../../src/http/errors.js'
import { acceptJson, ajvOptions, readQueries } from '../../src/http/input.js'
import { AccountingSchema, PaginationSchema, ProblemSchema, addSchemas } from '../../src/http/schemas.js'
import { eventRoutes } from '../../src/validation/events-routes.js'
import { createEventHub, progressOf, streamEvents, type WatchedJob } from '../../src/validation/events.js'
import { createPair, type Pair } from '../helpers/compare.js'
import { openBench, type Bench } from '../jobs/fixture.js'

let bench: Bench
let app: FastifyInstance
let base: string
beforeAll(async () => {
  bench = await openBench()
  app = Fastify({ ajv: ajvOptions, forceCloseConnections: 'idle' })
  handleErrors(app)
  acceptJson(app)
  readQueries(app)
  addSchemas(app, [ProblemSchema, AccountingSchema, PaginationSchema])
  await app.register(eventRoutes, { target: bench.target })
  await app.listen({ host: '127.0.0.1', port: 0 })
  base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
})
afterAll(async () => {
  await app.close()
  await bench.close()
})
let planId: number
beforeEach(async () => {
  await bench.target`truncate migration_coverage.plan cascade`
  ;[{ planId }] = await bench.target<[{ planId: number }]>`insert into migration_coverage.plan (checksum, content) values ('f00d', 'x') returning plan_id as "planId"`
})

async function createJob(entities = ['a', 'b']): Promise<string> {
  const jobId = randomUUID()
  await bench.target`
    insert into migration_coverage.job (job_id, plan_id, mode, priority, include_integrity_checks, include_cross_entity, entities)
    values (${jobId}, ${planId}, 'full', 'normal', true, true, ${entities})`
  return jobId
}
const setStatus = (jobId: string, status: string) => bench.target`
  update migration_coverage.job set status = ${status}, verdict = ${status === 'completed' ? 'pass' : null}, started_at = coalesce(started_at, now()), finished_at = ${status === 'running' ? null : new Date()} where job_id = ${jobId}`
const settleEntity = (jobId: string, entity: string, sql = bench.target) => sql`
  insert into migration_coverage.entity_result (job_id, entity, domain, verdict, scope, verified, merged, source_rows_examined, target_rows_examined, basis, duration_ms)
  values (${jobId}, ${entity}, 'd', 'warn', 3, 1, 1, 0, 0, 'full', 1)`

interface Told {
  id: number | null
  event: string
  data: Record<string, unknown>
}

function parse(text: string): Told[] {
  return text.split('\n\n').filter((part) => part.includes('event: ')).map((part) => {
    const field = (name: string) => part.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
    return { id: field('id') === undefined ? null : Number(field('id')), event: field('event') ?? '', data: JSON.parse(field('data') ?? 'null') as Record<string, unknown> }
  })
}
const stored = (told: Told[]) => told.filter(({ id }) => id !== null).map(({ id, event, data }) => `${id} ${event} ${String(data['entity'] ?? data['status'])}`)
const watch = (jobId: string, headers: Record<string, string> = {}) => fetch(`${base}/validation/jobs/${jobId}/events`, { headers })

describe('GET /validation/jobs/{id}/events', () => {
  test('tells what happens while it happens, and ends with the job', async () => {
    const jobId = await createJob()
    const response = await watch(jobId)
    expect(Object.fromEntries(['content-type', 'cache-control', 'x-accel-buffering'].map((name) => [name, response.headers.get(name)]))).toEqual({
      'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no',
    })
    const reader = response.body!.getReader()
    let text = ''
    const until = async (piece: string) => {
      while (!text.includes(piece)) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`ended before ${piece}: ${text}`)
        text += Buffer.from(value).toString()
      }
    }
    await until('"status":"queued"')
    await setStatus(jobId, 'running')
    await until('"status":"running"')
    await settleEntity(jobId, 'a')
    await until('"entity":"a"')
    await settleEntity(jobId, 'b')
    await setStatus(jobId, 'completed')
    await until('"status":"completed"')
    expect((await reader.read()).done).toBe(true)
    expect(stored(parse(text))).toEqual(['1 status queued', '2 status running', '3 verdict a', '4 verdict b', '5 status completed'])
    expect(parse(text).find(({ event }) => event === 'verdict')?.data).toEqual({ entity: 'a', domain: 'd', verdict: 'warn', verifiedPercent: 66.66 })
    expect(parse(text).filter(({ event }) => event === 'progress').at(-1)?.data).toEqual({ tasksDone: 0, tasksTotal: 0, entitiesDone: 2, entitiesTotal: 2, rowsRead: 0, rowsPerSecond: null, estimatedSecondsLeft: null })
  })

  test('goes on after the last event that was received', async () => {
    const jobId = await createJob()
    await settleEntity(jobId, 'a')
    await setStatus(jobId, 'failed').catch(() => bench.target`update migration_coverage.job set status = 'cancelled', finished_at = now() where job_id = ${jobId}`)
    const all = ['1 status queued', '2 verdict a', '3 status cancelled']
    const from = async (id: string) => stored(parse(await (await watch(jobId, { 'last-event-id': id })).text()))
    expect(stored(parse(await (await watch(jobId)).text()))).toEqual(all)
    expect([await from('1'), await from('3'), await from('99'), await from('nonsense'), await from('-1')]).toEqual([all.slice(1), [], all, all, all])
  })

  test('an unknown job is a 404, a wrong id a 400, an unknown parameter a 400', async () => {
    const answers = await Promise.all([watch(randomUUID()), watch('x'), fetch(`${base}/validation/jobs/${randomUUID()}/events?a=1`)])
    expect(answers.map(({ status, headers }) => [status, headers.get('content-type')])).toEqual([404, 400, 400].map((status) => [status, 'application/problem+json; charset=utf-8']))
  })

  test('numbers have no gap and follow the order of the commits, and a repeated task tells nothing twice', async () => {
    const jobId = await createJob()
    await Promise.all(Array.from({ length: 20 }, (_, index) => bench.target.begin(async (tx) => {
      await tx`select from migration_coverage.job where job_id = ${jobId} for no key update`
      await settleEntity(jobId, `e${index}`, tx as never)
      await sleep(index % 3)
    })))
    await bench.target`delete from migration_coverage.entity_result where entity = 'e7'`
    await settleEntity(jobId, 'e7')
    const events = await bench.target<{ id: number; xmin: string }[]>`select event_id as id from migration_coverage.job_event where job_id = ${jobId} order by event_id`
    expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1))
  })

  test('closing the service ends every stream', async () => {
    const jobId = await createJob()
    const other = Fastify({ ajv: ajvOptions, forceCloseConnections: 'idle' })
    addSchemas(other, [ProblemSchema, AccountingSchema, PaginationSchema])
    await other.register(eventRoutes, { target: bench.target })
    await other.listen({ host: '127.0.0.1', port: 0 })
    const response = await fetch(`http://127.0.0.1:${(other.server.address() as AddressInfo).port}/validation/jobs/${jobId}/events`)
    const text = response.text()
    await other.close()
    expect(stored(parse(await text))).toEqual(['1 status queued'])
  })
})

describe('many watchers', () => {
  test('share one statement in each poll, and are not more than allowed', async () => {
    const jobId = await createJob()
    let statements = 0
    const counted = new Proxy(bench.target, {
      apply(target, self, parameters: unknown[]) {
        statements += 1
        return Reflect.apply<unknown, unknown[], unknown>(target as never, self, parameters)
      },
    })
    const hub = createEventHub(counted, { pollMs: 200, mostStreams: 2 })
    const jobs = await Promise.all(Array.from({ length: 50 }, () => hub.read(jobId)))
    expect([jobs.length, statements]).toEqual([50, 1])
    const [first, second, third] = [hub.enter(), hub.enter(), hub.enter()]
    expect([first, second, third].map((leave) => leave !== null)).toEqual([true, true, false])
    first?.()
    first?.()
    expect([hub.enter(), hub.enter()].map((leave) => leave !== null)).toEqual([true, false])
  })

  test('a database that is away is waited for, another error ends the stream', async () => {
    const jobId = await createJob()
    const states: (() => Promise<WatchedJob | undefined>)[] = []
    const real = createEventHub(bench.target, { pollMs: 5, mostStreams: 1 })
    const hub = { ...real, read: (id: string) => (states.shift() ?? (() => real.read(id)))() }
    states.push(() => Promise.reject(Object.assign(new Error('gone'), { code: 'CONNECTION_CLOSED' })))
    const events = streamEvents(hub, jobId, 0, AbortSignal.timeout(5_000))
    expect([(await events.next()).value, (await events.next()).value]).toEqual(['retry: 20\n\n', expect.stringContaining('"status":"queued"')])
    states.push(() => Promise.reject(new Error('a fault of ours')))
    await expect(events.next()).rejects.toThrow('a fault of ours')
    states.push(() => Promise.resolve(undefined))
    const gone = streamEvents(hub, jobId, 0, AbortSignal.timeout(5_000))
    await gone.next()
    expect((await gone.next()).done).toBe(true)
  })
})

test('rates are null until something was read, and the time left until a task is done or while the job pauses', () => {
  const job: WatchedJob = { status: 'running', verdict: null, pausedReason: null, tasksDone: 4, tasksTotal: 10, entitiesDone: 1, entitiesTotal: 3, rowsRead: 1000, elapsedSeconds: 8, events: [] }
  // 1000 rows in 8 s; 8 s for 4 tasks leave 12 s for 6
  expect(progressOf(job)).toMatchObject({ rowsPerSecond: 125, estimatedSecondsLeft: 12 })
  expect(progressOf({ ...job, rowsRead: 0, tasksDone: 0 })).toMatchObject({ rowsPerSecond: null, estimatedSecondsLeft: null })
  expect(progressOf({ ...job, pausedReason: 'the source is down' })).toMatchObject({ rowsPerSecond: 125, estimatedSecondsLeft: null })
  expect(progressOf({ ...job, elapsedSeconds: null })).toMatchObject({ rowsPerSecond: null, estimatedSecondsLeft: null })
})

describe('a real job', () => {
  let pair: Pair
  beforeAll(async () => { pair = await createPair({ source: 'create table a (id int primary key); insert into a values (1)', target: 'create table a (id int primary key); insert into a values (1)' }) })
  afterAll(async () => { await pair.close() })
  test('leaves its events', async () => {
    await pair.compare('version: 1\ndomains: { d: {} }\nentities: { a: { domain: d, source: { table: a }, target: { table: a }, key: { id: id } } }')
    const events = await pair.tracking<{ line: string }[]>`select event_id || ' ' || kind || ' ' || coalesce(entity, data ->> 'status') as line from migration_coverage.job_event order by event_id`
    expect(events.map(({ line }) => line)).toEqual(['1 status queued', '2 status running', '3 verdict a', '4 status completed'])
  })
})
