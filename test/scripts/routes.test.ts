import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import type { Plan } from '../../src/plan/schema.js'
import { openInventory } from '../../src/scripts/inventory.js'
import { scriptRoutes } from '../../src/scripts/routes.js'
import { ScriptDetailsSchema, ScriptRunSchema, ScriptStateSchema, ScriptsStatusSchema } from '../../src/scripts/schemas.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'
import { exampleFaults, sliceApp } from './slice-app.js'

const plan = {
  domains: { clinical: { priority: 'critical' as const }, billing: {} },
  entities: {
    patients: { domain: 'clinical', script: ['migrate-patients', 'fix/patients'] },
    invoices: { domain: 'billing', script: 'migrate-invoices' },
    lines: { domain: 'clinical', script: 'migrate-invoices' },
  },
  scripts: { 'migrate-patients': { category: 'core', dependsOn: ['seed'] }, seed: {}, '<script>"quoted"\n': {} },
} as unknown as Plan

let database: TestDatabase
let target: Sql
let app: FastifyInstance

beforeAll(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  target = openTarget({ ...database.options, maxConnections: 4 })
  app = sliceApp()
  await app.register(scriptRoutes, { target, plan: { plan }, readInventory: openInventory(null) })
})
afterAll(async () => {
  await app.close()
  await target.end()
  await database.drop()
})
beforeEach(async () => {
  await database.sql`truncate migration_coverage.script_run`
})

const id = (digit: number) => `00000000-0000-4000-8000-00000000000${digit}`
const runId = '0191f6f2-6f0e-7c3a-9a54-0d5f4e1a2b3c'
const get = (url: string) => app.inject({ method: 'GET', url })
const start = (name: string, payload?: object) => app.inject({ method: 'POST', url: `/scripts/${encodeURIComponent(name)}/runs`, ...(payload === undefined ? {} : { payload }) })
const patch = (run: string, payload: object) => app.inject({ method: 'PATCH', url: `/scripts/runs/${run}`, payload })
const names = (response: { json: () => { scripts: { name: string }[] } }) => response.json().scripts.map(({ name }) => name)

interface Inserted { script: string; status: string; minute: number; counts?: [number, number, number]; checksum?: string; seconds?: number; run?: string }
async function insert(...runs: Inserted[]) {
  for (const [index, { script, status, minute, counts = [0, 0, 0], checksum = null, seconds = 10, run = id(index + 1) }] of runs.entries()) {
    const [processed = 0, succeeded = 0, failed = 0] = counts
    const startedAt = new Date(Date.UTC(2026, 10, 20, 8, minute))
    const finishedAt = status === 'running' ? null : new Date(startedAt.getTime() + seconds * 1000)
    await database.sql`insert into migration_coverage.script_run
      (run_id, script, status, records_processed, records_succeeded, records_failed, checksum, started_at, updated_at, finished_at)
      values (${run}, ${script}, ${status}, ${processed}, ${succeeded}, ${failed}, ${checksum}, ${startedAt}, ${finishedAt ?? startedAt}, ${finishedAt})`
  }
}

describe('GET /scripts/status', () => {
  const plain = { ranBefore: [], file: null, ledger: null }
  const never = { status: 'pending', recordsProcessed: null, recordsSucceeded: null, recordsFailed: null, successRate: null, lastRun: null, checksum: null, drift: 'unknown', blockedBy: [], ...plain }
  const counts = { pending: 0, running: 0, completed: 0, failed: 0, rolled_back: 0, missing: 0 }

  it('tells of every script of the plan', async () => {
    await insert(
      { script: 'migrate-patients', status: 'failed', minute: 0, counts: [10, 1, 9], checksum: 'v1' },
      { script: 'migrate-patients', status: 'completed', minute: 1, counts: [1000, 999, 1], checksum: 'v2', seconds: 40 },
      { script: 'nobody-knows-me', status: 'completed', minute: 1 },
      { script: 'migrate-invoices', status: 'running', minute: 2, counts: [3, 1, 1] },
    )
    const response = await get('/scripts/status')
    expect(response.statusCode).toBe(200)
    const patientRun = {
      runId: id(2), script: 'migrate-patients', status: 'completed', recordsProcessed: 1000, recordsSucceeded: 999, recordsFailed: 1, successRate: 99.9, checksum: 'v2', message: null,
      startedAt: '2026-11-20T08:01:00.000Z', updatedAt: '2026-11-20T08:01:40.000Z', finishedAt: '2026-11-20T08:01:40.000Z', durationSeconds: 40,
    }
    const invoiceRun = {
      runId: id(4), script: 'migrate-invoices', status: 'running', recordsProcessed: 3, recordsSucceeded: 1, recordsFailed: 1, successRate: 33.33, checksum: null, message: null,
      startedAt: '2026-11-20T08:02:00.000Z', updatedAt: '2026-11-20T08:02:00.000Z', finishedAt: null, durationSeconds: null,
    }
    expect(response.json()).toEqual({
      scripts: [
        { name: '<script>"quoted"\n', domain: null, domains: [], category: null, entities: [], dependencies: [], executionOrder: 5, ...never },
        { name: 'fix/patients', domain: 'clinical', domains: ['clinical'], category: null, entities: ['patients'], dependencies: [], executionOrder: 3, ...never },
        {
          name: 'migrate-invoices', domain: 'billing', domains: ['billing', 'clinical'], category: null, entities: ['invoices', 'lines'], dependencies: [], executionOrder: 4, blockedBy: [], ...plain,
          status: 'running', recordsProcessed: 3, recordsSucceeded: 1, recordsFailed: 1, successRate: 33.33, lastRun: invoiceRun, checksum: null, drift: 'unknown',
        },
        {
          name: 'migrate-patients', domain: 'clinical', domains: ['clinical'], category: 'core', entities: ['patients'], dependencies: ['seed'], executionOrder: 2, blockedBy: [], ...plain, ranBefore: ['seed'],
          status: 'completed', recordsProcessed: 1000, recordsSucceeded: 999, recordsFailed: 1, successRate: 99.9, lastRun: patientRun, checksum: 'v2', drift: 'unknown',
        },
        { name: 'seed', domain: null, domains: [], category: null, entities: [], dependencies: [], executionOrder: 1, ...never },
      ],
      unknownScripts: ['nobody-knows-me'],
      pagination: { currentPage: 1, totalPages: 1, totalItems: 5, itemsPerPage: 50, hasNextPage: false, hasPreviousPage: false },
      summary: {
        totalScripts: 5,
        byStatus: { ...counts, pending: 3, running: 1, completed: 1 },
        averageSuccessRate: 66.61,
        domainBreakdown: [
          { domain: 'billing', scripts: 1, byStatus: { ...counts, running: 1 } },
          { domain: 'clinical', scripts: 3, byStatus: { ...counts, pending: 1, running: 1, completed: 1 } },
          { domain: null, scripts: 2, byStatus: { ...counts, pending: 2 } },
        ],
        categoryBreakdown: [
          { category: 'core', scripts: 1, byStatus: { ...counts, completed: 1 } },
          { category: null, scripts: 4, byStatus: { ...counts, pending: 3, running: 1 } },
        ],
      },
      filters: { domain: null, category: null, status: null, drift: null, sortBy: 'name', sortOrder: 'asc', includeMetrics: false },
    })
  })

  it('filters, sorts and pages, with a summary over all that pass the filters', async () => {
    await insert({ script: 'migrate-patients', status: 'completed', minute: 1, counts: [10, 9, 1] }, { script: 'migrate-invoices', status: 'failed', minute: 2, counts: [10, 1, 9] })
    expect(names(await get('/scripts/status?domain=clinical&sortBy=lastExecuted&sortOrder=desc'))).toEqual(['migrate-invoices', 'migrate-patients', 'fix/patients'])
    expect(names(await get('/scripts/status?domain=clinical&sortBy=successRate&sortOrder=desc'))).toEqual(['migrate-patients', 'migrate-invoices', 'fix/patients'])
    expect(names(await get('/scripts/status?status=failed'))).toEqual(['migrate-invoices'])
    expect(names(await get('/scripts/status?category=core'))).toEqual(['migrate-patients'])
    expect(names(await get('/scripts/status?status=missing'))).toEqual([])
    const page = (await get('/scripts/status?limit=2&page=2')).json()
    expect(page.scripts.map(({ name }: { name: string }) => name)).toEqual(['migrate-invoices', 'migrate-patients'])
    expect(page.pagination).toEqual({ currentPage: 2, totalPages: 3, totalItems: 5, itemsPerPage: 2, hasNextPage: true, hasPreviousPage: true })
    expect(page.summary.totalScripts).toBe(5)
  })

  it.each([
    ['two completed runs of one text', [['completed', 'v1'], ['completed', 'v1']], 'none'],
    ['two completed runs of two texts', [['completed', 'v1'], ['completed', 'v2']], 'changed'],
    ['mended after a failure', [['failed', 'v1'], ['completed', 'v2']], 'unknown'],
    ['edited and started again', [['completed', 'v1'], ['running', 'v2']], 'changed'],
    ['failed again unchanged', [['completed', 'v1'], ['failed', 'v1']], 'none'],
    ['edited long ago, the newest two are equal', [['completed', 'v1'], ['completed', 'v2'], ['completed', 'v2']], 'none'],
    ['never completed', [['failed', 'v1'], ['failed', 'v2']], 'unknown'],
  ])('drift: %s', async (_, runs, drift) => {
    await insert(...runs.map(([status = '', checksum = ''], minute) => ({ script: 'seed', status, minute, checksum })))
    const { scripts } = (await get(`/scripts/status?drift=${drift}`)).json()
    expect(scripts.find(({ name }: { name: string }) => name === 'seed')).toMatchObject({ drift, checksum: runs.at(-1)?.[1] })
  })

  it('includeMetrics adds figures of all runs', async () => {
    await insert(
      { script: 'seed', status: 'completed', minute: 0, counts: [100, 100, 0], seconds: 10 },
      { script: 'seed', status: 'completed', minute: 1, counts: [300, 300, 0], seconds: 20 },
      { script: 'seed', status: 'failed', minute: 2, counts: [9999, 0, 0], seconds: 1 },
    )
    const { scripts } = (await get('/scripts/status?includeMetrics=true')).json()
    expect(scripts.at(-1).metrics).toEqual({ runs: 3, completedRuns: 2, averageDurationSeconds: 15, throughputPerSecond: 13.33 })
    expect(scripts[0].metrics).toEqual({ runs: 0, completedRuns: 0, averageDurationSeconds: null, throughputPerSecond: null })
  })

  it.each(['limit=0', 'limit=201', 'page=0', 'status=done', 'sortBy=age', 'colour=red', 'domain=nowhere'])('400 for %s', async (query) => {
    const response = await get(`/scripts/status?${query}`)
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ field: query.split('=')[0] }] })
  })
})

describe('GET /scripts/{name}', () => {
  it('gives the script with its newest runs first', async () => {
    await insert({ script: 'fix/patients', status: 'failed', minute: 0 }, { script: 'fix/patients', status: 'rolled_back', minute: 1 })
    const response = await get('/scripts/fix%2Fpatients')
    expect(response.statusCode).toBe(200)
    expect(response.json()).toMatchObject({ name: 'fix/patients', status: 'rolled_back', metrics: { runs: 2, completedRuns: 0 }, runs: [{ runId: id(2) }, { runId: id(1) }] })
  })

  it('404 names the nearest script', async () => {
    const response = await get('/scripts/migrate-patient')
    expect(response.statusCode).toBe(404)
    expect(response.json().detail).toBe('the plan names no script "migrate-patient" (did you mean "migrate-patients"?); a new script is made known under `scripts` of the plan or as the `script` of an entity')
    expect((await get('/scripts/zzzzzzzzz')).json().detail).not.toContain('did you mean')
  })
})

describe('POST /scripts/{name}/runs and PATCH /scripts/runs/{id}', () => {
  it('records a run from its start to its end', async () => {
    const started = await start('migrate-patients', { runId, checksum: 'v1', message: 'hello\n\u001b[31m' })
    expect(started.statusCode).toBe(201)
    expect(started.headers.location).toBe(`/scripts/runs/${runId}`)
    const { startedAt } = started.json()
    const run = {
      runId, script: 'migrate-patients', status: 'running', recordsProcessed: 0, recordsSucceeded: 0, recordsFailed: 0, successRate: null, checksum: 'v1', message: 'hello\n\u001b[31m',
      startedAt, updatedAt: startedAt, finishedAt: null, durationSeconds: null,
    }
    expect(started.json()).toEqual(run)

    const progress = await patch(runId, { recordsProcessed: 3, recordsSucceeded: 2 })
    expect(progress.statusCode).toBe(200)
    expect(progress.json()).toEqual({ ...run, recordsProcessed: 3, recordsSucceeded: 2, successRate: 66.66, updatedAt: expect.any(String) })

    const ended = await patch(runId, { status: 'completed', recordsProcessed: 4, recordsSucceeded: 3, recordsFailed: 1, message: 'done' })
    expect(ended.json()).toMatchObject({ status: 'completed', successRate: 75, message: 'done', finishedAt: expect.any(String), durationSeconds: expect.any(Number) })
    expect((await get(`/scripts/runs/${runId}`)).json()).toEqual(ended.json())

    const again = await patch(runId, { status: 'completed', recordsProcessed: 4 })
    expect([again.statusCode, again.json()]).toEqual([200, ended.json()])
    const late = await patch(runId, { recordsProcessed: 5 })
    expect([late.statusCode, late.json().code, late.json().detail]).toEqual([409, 'CONFLICT', `run ${runId} is completed and final; start a new run`])
  })

  it('needs no body, and makes an id', async () => {
    const response = await start('seed')
    expect(response.statusCode).toBe(201)
    expect(response.json()).toMatchObject({ script: 'seed', status: 'running', checksum: null, message: null, runId: expect.stringMatching(/^[0-9a-f-]{36}$/) })
  })

  it('the same runId is the same run, another use of it a conflict', async () => {
    const first = await start('seed', { runId, checksum: 'v1' })
    const again = await start('seed', { runId, checksum: 'v1' })
    expect([again.statusCode, again.json(), again.headers.location]).toEqual([200, first.json(), `/scripts/runs/${runId}`])
    expect((await start('seed', { runId, checksum: 'v2' })).statusCode).toBe(409)
    const other = await start('migrate-patients', { runId, checksum: 'v1' })
    expect([other.statusCode, other.json().detail]).toEqual([409, `run ${runId} exists already, for script "seed" with checksum v1; send another runId`])
    expect(await database.sql`select count(*)::int as runs from migration_coverage.script_run`).toEqual([{ runs: 1 }])
  })

  it('of many equal starts at once one makes the run', async () => {
    const codes = (await Promise.all(Array.from({ length: 8 }, () => start('seed', { runId })))).map(({ statusCode }) => statusCode)
    expect(codes.sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201])
  })

  it('of two different ends at once one wins', async () => {
    await start('seed', { runId })
    const codes = (await Promise.all([patch(runId, { status: 'completed' }), patch(runId, { status: 'failed' })])).map(({ statusCode }) => statusCode)
    expect(codes.sort()).toEqual([200, 409])
  })

  it('refuses counts that fall or do not add up', async () => {
    await start('seed', { runId })
    await patch(runId, { recordsProcessed: 10, recordsSucceeded: 5 })
    const fallen = await patch(runId, { recordsProcessed: 9 })
    expect([fallen.statusCode, fallen.json().errors]).toEqual([409, [{ field: 'recordsProcessed', message: 'is 10 already and may not fall to 9' }]])
    const tooMany = await patch(runId, { recordsSucceeded: 9, recordsFailed: 2 })
    const message = 'recordsSucceeded (9) + recordsFailed (2) may not exceed recordsProcessed (10)'
    expect([tooMany.statusCode, tooMany.json().errors]).toEqual([400, [{ field: 'recordsSucceeded', message }, { field: 'recordsFailed', message }]])
    expect((await get(`/scripts/runs/${runId}`)).json()).toMatchObject({ recordsProcessed: 10, recordsSucceeded: 5 })
  })

  it('takes the largest exact count, and no larger', async () => {
    await start('seed', { runId })
    const most = await patch(runId, { recordsProcessed: Number.MAX_SAFE_INTEGER, recordsSucceeded: Number.MAX_SAFE_INTEGER })
    expect(most.json()).toMatchObject({ recordsProcessed: 9007199254740991, successRate: 100 })
    expect((await patch(runId, { recordsProcessed: 9007199254740992 })).statusCode).toBe(400)
  })

  it.each([
    [{}, 'body'],
    [{ status: 'running' }, 'status'],
    [{ recordsProcessed: -1 }, 'recordsProcessed'],
    [{ recordsProcessed: 1.5 }, 'recordsProcessed'],
    [{ rows: 1 }, 'rows'],
  ])('400 for a report of %j', async (body, field) => {
    await start('seed', { runId })
    const response = await patch(runId, body)
    expect([response.statusCode, response.json().errors[0].field]).toEqual([400, field])
  })

  it.each([[{ runId: 'x' }, 'runId'], [{ checksum: '' }, 'checksum'], [{ checksum: 'a b' }, 'checksum'], [{ status: 'completed' }, 'status'], [{ message: 'x'.repeat(2001) }, 'message']])(
    '400 for a start with %j', async (body, field) => {
      const response = await start('seed', body)
      expect([response.statusCode, response.json().errors[0].field]).toEqual([400, field])
    },
  )

  it('refuses a NUL in a message, which PostgreSQL cannot hold', async () => {
    const response = await start('seed', { message: 'a\u0000b' })
    expect([response.statusCode, response.json().errors[0].field]).toEqual([400, 'message'])
  })

  it('404 for a script that the plan does not name and for a run that is not there', async () => {
    const unknown = await start('nobody', {})
    expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'NOT_FOUND'])
    const run = await patch(runId, { status: 'failed' })
    expect([run.statusCode, run.json().detail]).toEqual([404, `there is no run ${runId}; POST /scripts/{name}/runs starts one`])
    expect((await get('/scripts/runs/17')).statusCode).toBe(400)
  })
})

describe('examples', () => {
  it.each([ScriptRunSchema, ScriptStateSchema, ScriptDetailsSchema, ScriptsStatusSchema])('of $$id fit it', async (schema) => {
    expect(await exampleFaults(schema, [ScriptRunSchema, ScriptStateSchema])).toEqual([])
  })
})
