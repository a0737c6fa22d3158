import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sumAccountings } from '../../src/core/accounting.js'
import { handleErrors } from '../../src/http/errors.js'
import { acceptJson, ajvOptions, readQueries } from '../../src/http/input.js'
import { AccountingSchema, PaginationSchema, ProblemSchema, addSchemas } from '../../src/http/schemas.js'
import { validationRoutes } from '../../src/validation/routes.js'
import { openBench, type Bench } from '../jobs/fixture.js'

const plan = {
  checksum: 'f00d',
  content: 'version: 1',
  plan: {
    domains: { clinical: { priority: 'critical' as const }, billing: {}, empty: {} },
    entities: { patients: { domain: 'clinical' }, visits: { domain: 'clinical' }, invoices: { domain: 'billing' } },
  },
}

let bench: Bench
let app: FastifyInstance
beforeAll(async () => {
  bench = await openBench()
  app = Fastify({ ajv: ajvOptions })
  handleErrors(app)
  acceptJson(app)
  readQueries(app)
  addSchemas(app, [ProblemSchema, AccountingSchema, PaginationSchema])
  await app.register(validationRoutes, { target: bench.target, queue: bench.queue, plan })
})
afterAll(async () => {
  await app.close()
  await bench.close()
})
beforeEach(async () => {
  await bench.target`truncate migration_coverage.plan cascade`
  await bench.target`delete from pgboss.job`
})

const run = (payload?: object, headers: Record<string, string> = {}) => app.inject({ method: 'POST', url: '/validation/run', headers, ...(payload ? { payload } : {}) })
const get = async (url: string) => {
  const response = await app.inject({ url })
  return { status: response.statusCode, headers: response.headers, body: String(response.headers['content-type']).includes('json') ? response.json() : response.body }
}
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/)
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/)
const problemOf = (status: number, code: string, detail: unknown, instance: string, errors?: unknown) => ({
  type: `urn:migration-coverage:problem:${code.toLowerCase().replaceAll('_', '-')}`, title: expect.any(String), status, detail, instance, code, requestId: expect.any(String),
  ...(errors === undefined ? {} : { errors }),
})

describe('POST /validation/run', () => {
  it('accepts no body: all entities of the plan, one prepare task, one message', async () => {
    const response = await run()
    expect(response.statusCode).toBe(202)
    const { jobId } = response.json<{ jobId: string }>()
    expect(response.json()).toEqual({ jobId: uuid, status: 'queued', pollUrl: `/validation/results/${jobId}`, eventsUrl: `/validation/jobs/${jobId}/events`, estimatedDurationSeconds: null })
    expect(response.headers.location).toBe(`/validation/results/${jobId}`)
    const tasks = await bench.target`select task_id, kind, status from migration_coverage.task`
    expect(tasks).toMatchObject([{ kind: 'prepare', status: 'queued' }])
    expect(await bench.target`select data, priority from pgboss.job`).toMatchObject([{ data: { taskId: tasks[0]!['task_id'] }, priority: 10 }])
    expect(await bench.target`select entities, mode, priority, include_integrity_checks from migration_coverage.job`).toMatchObject([
      { entities: ['patients', 'visits', 'invoices'], mode: 'full', priority: 'normal', include_integrity_checks: true },
    ])
    expect(await bench.target`select checksum, content from migration_coverage.plan`).toMatchObject([{ checksum: 'f00d', content: 'version: 1' }])
  })

  it('refuses null, which is not nothing: it could have been meant for anything', async () => {
    const response = await app.inject({ method: 'POST', url: '/validation/run', headers: { 'content-type': 'application/json' }, payload: 'null' })
    expect(response.statusCode).toBe(400)
    expect(response.json()).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect(await bench.target`select from migration_coverage.job`).toHaveLength(0)
  })

  it('takes entities and domains together, in the order of the plan', async () => {
    expect((await run({ entities: ['invoices'], domains: ['clinical'], priority: 'critical', includeCrossEntity: false })).statusCode).toBe(202)
    expect(await bench.target`select entities, priority, include_cross_entity from migration_coverage.job`).toMatchObject([
      { entities: ['patients', 'visits', 'invoices'], priority: 'critical', include_cross_entity: false },
    ])
    expect(await bench.target`select priority from pgboss.job`).toMatchObject([{ priority: 30 }])
  })

  it('names every unknown name with the nearest known one', async () => {
    const response = await run({ entities: ['patients', 'pateints', 'xyz'], domains: ['Billing'] })
    expect(response.statusCode).toBe(400)
    const errors = [
      { field: 'entities.1', message: 'the plan has no entity "pateints"; did you mean "patients"?' },
      { field: 'entities.2', message: 'the plan has no entity "xyz"' },
      { field: 'domains.0', message: 'the plan has no domain "Billing"; did you mean "billing"?' },
    ]
    expect(response.json()).toEqual(problemOf(400, 'VALIDATION_FAILED', errors.map(({ message }) => message).join('; '), '/validation/run', errors))
    expect(await bench.target`select from migration_coverage.job`).toHaveLength(0)
  })

  it.each([
    [{ mode: 'quick' }, 'mode'],
    [{ entitys: ['patients'] }, 'entitys'],
    [{ entities: 'patients' }, 'entities'],
    [{ includeCrossEntity: 'yes' }, 'includeCrossEntity'],
  ])('refuses %j naming the field', async (payload, field) => {
    const response = await run(payload)
    expect(response.statusCode).toBe(400)
    expect(response.json<{ errors: { field: string }[] }>().errors.map((error) => error.field)).toContain(field)
  })

  it('refuses a domain without entities, and a key with a blank', async () => {
    expect((await run({ domains: ['empty'] })).json()).toMatchObject({ status: 400, detail: 'no entity of the plan is in empty' })
    expect((await run({}, { 'idempotency-key': 'a b' })).statusCode).toBe(400)
  })

  it('makes one job of ten concurrent requests with one key', async () => {
    const responses = await Promise.all(Array.from({ length: 10 }, () => run({ entities: ['visits', 'patients'] }, { 'idempotency-key': 'k1' })))
    expect(responses.map((response) => response.statusCode)).toEqual(Array(10).fill(202))
    expect(new Set(responses.map((response) => response.json<{ jobId: string }>().jobId)).size).toBe(1)
    expect(await bench.target`select from migration_coverage.job`).toHaveLength(1)
    expect(await bench.target`select from migration_coverage.task`).toHaveLength(1)
    expect(await bench.target`select from pgboss.job`).toHaveLength(1)
  })

  it('takes the same key for the same request in another order, and refuses it for another', async () => {
    const first = await run({ entities: ['visits', 'patients'] }, { 'idempotency-key': 'k2' })
    const again = await run({ entities: ['patients', 'visits'], mode: 'full' }, { 'idempotency-key': 'k2' })
    expect(again.json()).toEqual(first.json())
    const other = await run({ entities: ['patients'] }, { 'idempotency-key': 'k2' })
    expect(other.json()).toEqual(problemOf(409, 'IDEMPOTENCY_CONFLICT', expect.stringMatching(/send a new key/), '/validation/run'))
    await bench.target`update migration_coverage.idempotency_key set created_at = now() - interval '25 hours'`
    expect((await run({ entities: ['patients'] }, { 'idempotency-key': 'k2' })).statusCode).toBe(202)
  })

  it('estimates from the newest comparison of each entity, and from whole jobs before that', async () => {
    await findings('completed')
    expect((await run({ entities: ['patients', 'visits'] })).json()).toMatchObject({ estimatedDurationSeconds: 42 })
    expect((await run({ entities: ['patients'] })).json()).toMatchObject({ estimatedDurationSeconds: 3 })
    expect((await run({ entities: ['invoices'] })).json()).toMatchObject({ estimatedDurationSeconds: null })
  })

  it('refuses more than a hundred open jobs', async () => {
    await run()
    await bench.target`
      insert into migration_coverage.job (job_id, plan_id, mode, priority, include_integrity_checks, include_cross_entity, entities)
      select gen_random_uuid(), plan_id, 'full', 'low', true, true, '{}' from migration_coverage.plan, generate_series(1, 99)`
    const response = await run()
    expect(response.statusCode).toBe(429)
    expect(response.headers['retry-after']).toBe('60')
  })
})

/** A job of two entities with all that it found. */
async function findings(status: 'completed' | 'failed' | 'running'): Promise<string> {
  const jobId = randomUUID()
  const { target } = bench
  await target`insert into migration_coverage.plan (checksum, content) values ('f00d', 'version: 1') on conflict do nothing`
  await target`
    insert into migration_coverage.job (job_id, plan_id, status, mode, priority, include_integrity_checks, include_cross_entity, entities, verdict, reason_code, reason, created_at, started_at, finished_at)
    select ${jobId}, plan_id, ${status}, 'full', 'normal', true, true, '{patients,visits}', ${status === 'completed' ? 'fail' : null},
      ${status === 'failed' ? 'SOURCE_UNAVAILABLE' : null}, ${status === 'failed' ? 'The source went away.' : null},
      '2026-11-20 08:00Z', '2026-11-20 08:00Z', ${status === 'running' ? null : '2026-11-20 08:00:42Z'}::timestamptz
    from migration_coverage.plan`
  const published = status === 'completed' ? new Date('2026-11-20T08:00:42Z') : null
  const figures = { excluded: 1, scope: 9, accepted: 0, differs: 1, merged: 0, explained: 0, source_pending: 0, missing: 2, source_unverified: 0 }
  const targetFigures = { duplicate: 0, generated: 0, target_pending: 0, extra: 0, target_unverified: 0 }
  const row = { job_id: jobId, domain: 'clinical', verdict: 'fail', source_rows_examined: 10, target_rows_examined: 7, basis: 'full', duration_ms: 2_500, published_at: published, settled_at: new Date('2026-11-20T08:00:41Z') }
  await target`insert into migration_coverage.entity_result ${target([
    { ...row, ...figures, ...targetFigures, entity: 'patients', source_total: 10, verified: 6, target_total: 7, matched: 7, reasons: target.json([{ class: 'excluded', reason: 'test account', rows: 1 }]), causes: target.json([{ class: 'missing', cause: 'parent', rows: 2 }]) },
  ])}`
  if (status === 'completed') {
    await target`
      insert into migration_coverage.entity_result (job_id, entity, domain, verdict, source_rows_examined, target_rows_examined, basis, note, duration_ms, published_at, settled_at)
      values (${jobId}, 'visits', 'clinical', 'unknown', 0, 0, 'none', 'no right to read public.visit', 10, ${published}, '2026-11-20 08:00:41Z')`
  }
  await target`
    insert into migration_coverage.check_result (job_id, entity, name, subject, category, severity, verdict, message, rows_examined, rows_failed, duration_ms, evidence, observed_at) values
    (${jobId}, 'patients', 'every row arrived', '', 'accounting', 'critical', 'fail', '2 rows are missing', 10, 2, 5, '{"sample": ["17"]}', '2026-11-20 08:00:41Z'),
    (${jobId}, 'patients', 'keys are unique', 'id', 'integrity', 'critical', 'pass', 'no key stands twice', 10, 0, 5, '{}', '2026-11-20 08:00:41Z'),
    (${jobId}, '', 'no row is claimed twice', '', 'cross_entity', 'warning', 'pass', 'none', 10, 0, 5, '{}', '2026-11-20 08:00:41Z')`
  await target`
    insert into migration_coverage.column_result (job_id, entity, side, column_name, coverage, reason, differs) values
    (${jobId}, 'patients', 'target', 'status', 'compared', null, 1), (${jobId}, 'patients', 'source', 'password', 'ignored', 're-hashed', null)`
  await target`
    insert into migration_coverage.table_result (job_id, side, schema_name, table_name, coverage, entities, total_rows, claimed_once, claimed_several, unclaimed, ignored_rows, verdict) values
    (${jobId}, 'source', 'public', 'dispatch_patient', 'covered', '{patients}', 12, 10, 0, 2, 0, 'fail')`
  await target`
    insert into migration_coverage.difference (job_id, entity, side, class, cause, reason, row_key, columns) values
    (${jobId}, 'patients', 'source', 'missing', 'parent', null, '{"id": "17"}', '[]'),
    (${jobId}, 'patients', 'source', 'missing', 'parent', null, '{"id": "18"}', '[]'),
    (${jobId}, 'patients', 'both', 'differs', 'value', null, '{"id": "19"}', '[{"column": "status", "source": "***", "target": null}]')`
  await target`
    insert into migration_coverage.task (job_id, kind, entity, side, chunk, status)
    values (${jobId}, 'prepare', null, null, null, 'done'), (${jobId}, 'scan', 'patients', 'source', 0, 'done'), (${jobId}, 'finish', null, null, null, ${status === 'completed' ? 'done' : 'queued'})`
  return jobId
}

const patients = {
  source: { total: 10, excluded: 1, scope: 9, verified: 6, accepted: 0, differs: 1, merged: 0, explained: 0, pending: 0, missing: 2, unverified: 0 },
  target: { total: 7, matched: 7, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const uniqueKeys = {
  entity: 'patients', name: 'keys are unique', subject: 'id', category: 'integrity', severity: 'critical', verdict: 'pass', message: 'no key stands twice',
  rowsExamined: 10, rowsFailed: 0, durationMs: 5, evidence: {}, observedAt: '2026-11-20T08:00:41.000Z',
}
const head = (jobId: string) => ({ jobId, mode: 'full', priority: 'normal', entities: ['patients', 'visits'], pausedReason: null, createdAt: time, startedAt: time })

describe('GET /validation/results/{id}', () => {
  it('of a job that has just begun says what is known', async () => {
    const { jobId } = (await run({ entities: ['patients'] })).json<{ jobId: string }>()
    expect(await get(`/validation/results/${jobId}`)).toMatchObject({
      status: 200,
      body: {
        jobId, status: 'queued', mode: 'full', priority: 'normal', entities: ['patients'], verdict: null, pausedReason: null, reasonCode: null, reason: null,
        createdAt: time, startedAt: null, finishedAt: null, partial: true,
        progress: { tasksDone: 0, tasksTotal: 1, percent: 0, entities: { done: 0, total: 1 } },
        summary: { checks: 0, passed: 0, warned: 0, failed: 0, unknown: 0, criticalFailures: 0, score: null },
        accounting: null, integrityChecks: [], recommendations: [],
      },
    })
  })

  it('of a completed job tells all, with details', async () => {
    const jobId = await findings('completed')
    const { status, body } = await get(`/validation/results/${jobId}?includeDetails=true`)
    expect(status).toBe(200)
    const nothing = sumAccountings([])
    for (const side of Object.values(nothing)) for (const key of Object.keys(side)) Reflect.set(side, key, null)
    expect(body).toEqual({
      ...head(jobId), status: 'completed', verdict: 'fail', reasonCode: null, reason: null, finishedAt: time, partial: false,
      progress: { tasksDone: 3, tasksTotal: 3, percent: 100, entities: { done: 2, total: 2 } },
      summary: { checks: 3, passed: 2, warned: 0, failed: 1, unknown: 0, criticalFailures: 1, score: 66.66 },
      accounting: nothing,
      integrityChecks: [uniqueKeys],
      recommendations: [
        expect.stringMatching(/patients .*did not arrive.*2.*class=missing$/),
        expect.stringMatching(/patients .*arrived with other values.*1.*class=differs$/),
        'some rows of visits could not be counted: no right to read public.visit; validate visits: POST /validation/run',
        '2 missing rows of patients have the cause "parent": mend the missing parent rows first: these follow by themselves',
        '2 rows of the source table public.dispatch_patient are claimed by no entity: widen the predicate of patients, or add an entity',
      ],
      details: {
        entities: [
          {
            entity: 'patients', domain: 'clinical', verdict: 'fail', coverage: 66.66, accounting: patients,
            evidence: { basis: 'full', sourceRowsExamined: 10, targetRowsExamined: 7, sourceSnapshotAt: null, targetSnapshotAt: null, settledAt: time, durationMs: 2_500, note: null },
            published: true,
            reasons: [{ class: 'excluded', reason: 'test account', rows: 1 }],
            causes: [{ class: 'missing', cause: 'parent', rows: 2 }],
            columns: [
              { side: 'source', column: 'password', coverage: 'ignored', reason: 're-hashed', differs: null },
              { side: 'target', column: 'status', coverage: 'compared', reason: null, differs: 1 },
            ],
            columnProfiles: [],
            checks: [
              {
                entity: 'patients', name: 'every row arrived', subject: null, category: 'accounting', severity: 'critical', verdict: 'fail', message: '2 rows are missing',
                rowsExamined: 10, rowsFailed: 2, durationMs: 5, evidence: { sample: ['17'] }, observedAt: time,
              },
              uniqueKeys,
            ],
          },
          {
            entity: 'visits', domain: 'clinical', verdict: 'unknown', coverage: null, accounting: nothing,
            evidence: { basis: 'none', sourceRowsExamined: 0, targetRowsExamined: 0, sourceSnapshotAt: null, targetSnapshotAt: null, settledAt: time, durationMs: 10, note: 'no right to read public.visit' },
            published: true, reasons: [], causes: [], columns: [], columnProfiles: [], checks: [],
          },
        ],
        tables: [
          {
            side: 'source', schema: 'public', table: 'dispatch_patient', coverage: 'covered', reason: null, entities: ['patients'],
            rows: 12, claimedOnce: 10, claimedSeveral: 0, unclaimed: 2, ignoredRows: 0, error: null, verdict: 'fail',
          },
        ],
        checks: [
          {
            entity: null, name: 'no row is claimed twice', subject: null, category: 'cross_entity', severity: 'warning', verdict: 'pass', message: 'none',
            rowsExamined: 10, rowsFailed: 0, durationMs: 5, evidence: {}, observedAt: time,
          },
        ],
      },
    })
  })

  it('of a failed job is a 200 with its partial figures', async () => {
    const jobId = await findings('failed')
    const { status, body } = await get(`/validation/results/${jobId}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      status: 'failed', verdict: null, reasonCode: 'SOURCE_UNAVAILABLE', reason: 'The source went away.', partial: true,
      progress: { tasksDone: 2, tasksTotal: 3, percent: 66.66, entities: { done: 1, total: 2 } }, accounting: patients,
    })
    expect(body).not.toHaveProperty('details')
  })

  it('as a report is a Markdown attachment', async () => {
    const jobId = await findings('completed')
    const { status, headers, body } = await get(`/validation/results/${jobId}?format=report`)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/markdown; charset=utf-8')
    expect(headers['content-disposition']).toBe(`attachment; filename="validation-${jobId}.md"`)
    expect(body).toMatch(/^# Validation /)
    expect(body).toContain('| patients |')
  })

  it('as JUnit is XML', async () => {
    const jobId = await findings('completed')
    const { status, headers, body } = await get(`/validation/results/${jobId}?format=junit`)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('application/xml; charset=utf-8')
    expect(body).toContain('tests="3" failures="1" errors="0"')
  })

  it('refuses what is no id and does not find what is no job', async () => {
    expect((await get('/validation/results/17')).status).toBe(400)
    const id = randomUUID()
    const path = `/validation/results/${id}`
    expect(await get(path)).toMatchObject({ status: 404, body: problemOf(404, 'NOT_FOUND', `there is no validation job ${id}; GET /validation/jobs lists them`, path) })
    expect((await get(`${path}?format=pdf`)).status).toBe(400)
  })
})

describe('GET /validation/results/{id}/differences', () => {
  it('pages by cursor, with an exact total', async () => {
    const jobId = await findings('completed')
    const url = `/validation/results/${jobId}/differences`
    const first = await get(`${url}?limit=2`)
    const missing = (id: string) => ({ entity: 'patients', side: 'source', class: 'missing', cause: 'parent', reason: null, rowKey: { id }, columns: [] })
    const filters = { class: null, entity: null, side: null }
    expect(first).toMatchObject({ status: 200, body: { differences: [missing('17'), missing('18')], nextCursor: expect.any(String), total: 3, filters } })
    const second = await get(`${url}?limit=2&cursor=${first.body.nextCursor}`)
    const differs = { entity: 'patients', side: 'both', class: 'differs', cause: 'value', reason: null, rowKey: { id: '19' }, columns: [{ column: 'status', source: '***', target: null }] }
    expect(second.body).toEqual({ differences: [differs], nextCursor: null, total: 3, filters })
    const filtered = await get(`${url}?class=differs&entity=patients&side=both`)
    expect(filtered.body).toEqual({ differences: [differs], nextCursor: null, total: 1, filters: { class: 'differs', entity: 'patients', side: 'both' } })
  })

  it('refuses a cursor that is not its own, and does not find what is no job', async () => {
    const jobId = await findings('completed')
    expect(await get(`/validation/results/${jobId}/differences?cursor=abc`)).toMatchObject({ status: 400, body: { errors: [{ field: 'cursor' }] } })
    expect((await get(`/validation/results/${randomUUID()}/differences`)).status).toBe(404)
  })
})

describe('jobs', () => {
  it('are listed newest first, by status and page', async () => {
    const older = await findings('completed')
    const { jobId } = (await run({ entities: ['patients'] })).json<{ jobId: string }>()
    const all = await get('/validation/jobs?limit=1')
    expect(all).toMatchObject({ status: 200 })
    expect(all.body).toEqual({
      jobs: [
        {
          jobId, status: 'queued', mode: 'full', priority: 'normal', entities: ['patients'], verdict: null, pausedReason: null, reasonCode: null, reason: null,
          createdAt: time, startedAt: null, finishedAt: null, includeIntegrityChecks: true, includeCrossEntity: true,
        },
      ],
      pagination: { currentPage: 1, totalPages: 2, totalItems: 2, itemsPerPage: 1, hasNextPage: true, hasPreviousPage: false },
      filters: { status: null, sortBy: 'createdAt', sortOrder: 'desc' },
    })
    expect((await get('/validation/jobs?status=completed')).body).toMatchObject({ jobs: [{ jobId: older }], pagination: { totalItems: 1 } })
    expect((await get('/validation/jobs?sortOrder=asc')).body).toMatchObject({ jobs: [{ jobId: older }, { jobId }] })
    expect((await get('/validation/jobs?status=lost')).status).toBe(400)
  })

  it('are cancelled once, for good', async () => {
    const { jobId } = (await run()).json<{ jobId: string }>()
    const cancel = () => app.inject({ method: 'DELETE', url: `/validation/jobs/${jobId}` })
    const first = await cancel()
    expect(first.statusCode).toBe(200)
    expect(first.json()).toMatchObject({ jobId, status: 'cancelled', reasonCode: 'CANCELLED', reason: 'The job was cancelled by request.', finishedAt: time })
    expect(await bench.target`select status from migration_coverage.task`).toMatchObject([{ status: 'cancelled' }])
    const second = await cancel()
    expect(second.json()).toEqual(problemOf(409, 'CONFLICT', `job ${jobId} is cancelled already and cannot be cancelled any more`, `/validation/jobs/${jobId}`))
    expect((await app.inject({ method: 'DELETE', url: `/validation/jobs/${randomUUID()}` })).statusCode).toBe(404)
    expect((await app.inject({ method: 'DELETE', url: '/validation/jobs/1' })).statusCode).toBe(400)
  })
})
