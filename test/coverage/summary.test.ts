import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'
import { accountingOf, addJob, addResult, addRun, addTable, bothUnknown, buildSlices, hoursAgo, id, now, percentsOf, uncounted, unknownCoverage } from './tracking.js'

let database: TestDatabase
let target: Sql
let app: FastifyInstance

beforeEach(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  target = openTarget(database.options)
  app = await buildSlices(target)
})
afterEach(async () => {
  await app.close()
  await target.end({ timeout: 5 })
  await database.drop()
})

const get = async (url: string) => {
  const response = await app.inject(url)
  return { status: response.statusCode, body: response.json() }
}

/** Every entity validated ten hours ago and before that once, five days ago. */
async function validateAll(sql: Sql): Promise<void> {
  const names = ['offices', 'patients', 'invoices']
  await addJob(sql, id(1), hoursAgo(130), names)
  await addResult(sql, id(1), 'offices', 'clinical', hoursAgo(130), { verified: 50, missing: 50 }, { verdict: 'fail' })
  await addResult(sql, id(1), 'patients', 'clinical', hoursAgo(130), { verified: 40, missing: 60 }, { verdict: 'fail' })
  await addResult(sql, id(1), 'invoices', 'billing', hoursAgo(130), { verified: 100, missing: 100 }, { verdict: 'fail' })
  await addJob(sql, id(2), hoursAgo(10), names)
  await addResult(sql, id(2), 'offices', 'clinical', hoursAgo(10), { verified: 100, excluded: 7 })
  await addResult(sql, id(2), 'patients', 'clinical', hoursAgo(10), { verified: 90, merged: 2, differs: 3, missing: 5 }, { verdict: 'fail' })
  await addResult(sql, id(2), 'invoices', 'billing', hoursAgo(10), { verified: 160, accepted: 20, unverified: 12, pending: 8 }, { verdict: 'unknown' })
}

describe('GET /coverage/summary', () => {
  it('knows nothing before the first validation, and says so with null instead of 0', async () => {
    expect(await get('/coverage/summary')).toEqual({
      status: 200,
      body: {
        verdict: 'unknown',
        totalScripts: 4,
        completedScripts: 0,
        entitiesTotal: 3,
        entitiesCounted: 0,
        totalRecords: null,
        migratedRecords: null,
        verifiedRecords: null,
        overallSuccessRate: null,
        accounting: uncounted,
        tables: bothUnknown,
        columns: bothUnknown,
        rows: bothUnknown,
        classPercents: percentsOf(uncounted),
        gaps: { omitted: 0, tables: [] },
        domainCoverage: { clinical: null, billing: null, archive: null },
        riskAssessment: { level: 'unknown', score: null, reasons: ['3 of 3 entities have no complete figures'] },
        timeline: { estimatedCompletionDays: null, estimatedCompletionAt: null, interval: null, confidence: 0, basis: 'not every entity was counted' },
        lastValidatedAt: null,
        lastUpdated: null,
        stale: true,
        staleReason: 'offices was never validated; 3 of 3 entities are stale',
      },
    })
  })

  it('does not pass while a table is uncovered, a row unclaimed or a check of the whole migration fails, however well the entities stand', async () => {
    await addJob(database.sql, id(1), hoursAgo(1), ['offices', 'patients', 'invoices'])
    for (const [name, domain] of [['offices', 'clinical'], ['patients', 'clinical'], ['invoices', 'billing']] as const) await addResult(database.sql, id(1), name, domain, hoursAgo(1), { verified: 10 })
    const verdict = async () => (await get('/coverage/summary')).body.verdict
    expect(await verdict()).toBe('pass')
    await addTable(database.sql, id(1), hoursAgo(1), 'source', 'fax_queue', 'uncovered', [], [0, 0, 12, 0], 'warn')
    expect(await verdict()).toBe('warn')
    await addTable(database.sql, id(1), hoursAgo(1), 'target', 'people', 'covered', ['patients'], null, 'unknown')
    expect(await verdict()).toBe('unknown')
    await database.sql`insert into migration_coverage.check_result (job_id, name, category, severity, verdict, message) values (${id(1)}, 'a rule of the plan holds', 'cross_entity', 'critical', 'fail', 'm')`
    expect(await verdict()).toBe('fail')
  })

  it('names the tables with the most unaccounted rows and counts the others', async () => {
    await addJob(database.sql, id(1), hoursAgo(1), ['offices'])
    for (let n = 1; n <= 103; n += 1) await addTable(database.sql, id(1), hoursAgo(1), 'source', `log_${n}`, 'uncovered', [], [0, 0, n, 0], 'warn')
    await addTable(database.sql, id(1), hoursAgo(1), 'source', 'session', 'ignored', [], [0, 0, 0, 999], 'pass')
    await addTable(database.sql, id(1), hoursAgo(1), 'source', 'office', 'covered', ['offices'], [5, 1, 0, 0], 'pass')
    const { gaps } = (await get('/coverage/summary')).body
    expect([gaps.omitted, gaps.tables.length, gaps.tables[0].table, gaps.tables.at(-1).table]).toEqual([3, 100, 'log_103', 'log_4'])
  })

  it('rolls up the newest published figures', async () => {
    await validateAll(database.sql)
    // neither a result that is not published nor one of an entity that has left the plan counts
    await addJob(database.sql, id(3), hoursAgo(1), ['offices'], 'running')
    await addResult(database.sql, id(3), 'offices', 'clinical', hoursAgo(1), { missing: 100 }, { verdict: 'fail', published: false })
    await addResult(database.sql, id(2), 'left', 'clinical', hoursAgo(1), { missing: 999 }, { verdict: 'fail' })
    await addRun(database.sql, id(11), 'migrate-offices', 'failed', hoursAgo(40), hoursAgo(39))
    await addRun(database.sql, id(12), 'migrate-offices', 'completed', hoursAgo(30), hoursAgo(29))
    await addRun(database.sql, id(13), 'seed', 'completed', hoursAgo(30), hoursAgo(29))
    await addRun(database.sql, id(14), 'seed', 'running', hoursAgo(2), null)
    await addRun(database.sql, id(15), 'not-in-the-plan', 'completed', hoursAgo(2), hoursAgo(1))
    await database.sql`
      insert into migration_coverage.table_result (job_id, side, schema_name, table_name, coverage, entities, total_rows, claimed_once, claimed_several, unclaimed, ignored_rows, verdict, published_at)
      values (${id(1)}, 'source', 'public', 'legacy_offices', 'uncovered', '{}', 9, 0, 0, 9, 0, 'fail', ${hoursAgo(130)}),
        (${id(2)}, 'source', 'public', 'legacy_offices', 'covered', '{offices}', 110, 100, 7, 3, 0, 'fail', ${hoursAgo(10)}),
        (${id(2)}, 'source', 'public', 'session', 'ignored', '{}', 12, 0, 0, 0, 12, 'pass', ${hoursAgo(10)}),
        (${id(2)}, 'source', 'public', 'log', 'uncovered', '{}', 90, 0, 0, 90, 0, 'fail', ${hoursAgo(10)}),
        (${id(2)}, 'target', 'public', 'offices', 'covered', '{offices}', null, null, null, null, null, 'unknown', ${hoursAgo(10)}),
        (${id(3)}, 'source', 'public', 'unpublished', 'uncovered', '{}', 90, 0, 0, 90, 0, 'fail', null)`
    await database.sql`
      insert into migration_coverage.column_result (job_id, entity, side, column_name, coverage, reason)
      select ${id(2)}, entity, side, 'c' || n, (array['compared', 'read', 'ignored', 'uncovered'])[n], case when n = 3 then 'not needed' end
      from unnest(array['offices', 'patients', 'invoices']) entity, unnest(array['source', 'target']) side, generate_series(1, 4) n
      where side = 'source' or n < 4`
    const clinicalAndBilling = { verified: 350, accepted: 20, differs: 3, merged: 2, pending: 8, missing: 5, unverified: 12, excluded: 7 }
    expect(await get('/coverage/summary')).toEqual({
      status: 200,
      body: {
        verdict: 'fail',
        totalScripts: 4,
        completedScripts: 1,
        entitiesTotal: 3,
        entitiesCounted: 3,
        totalRecords: 400,
        migratedRecords: 375,
        verifiedRecords: 352,
        overallSuccessRate: 88,
        accounting: accountingOf(clinicalAndBilling),
        tables: { source: { covered: 1, ignored: 1, uncovered: 1, coveredPercent: 50 }, target: { covered: 1, ignored: 0, uncovered: 0, coveredPercent: 100 } },
        columns: { source: { covered: 6, ignored: 3, uncovered: 3, coveredPercent: 66.66 }, target: { covered: 6, ignored: 3, uncovered: 0, coveredPercent: 100 } },
        // (100 + 7) / (107 + 93)
        rows: { source: { covered: 107, ignored: 12, uncovered: 93, coveredPercent: 53.5 }, target: unknownCoverage },
        classPercents: percentsOf(accountingOf(clinicalAndBilling)),
        gaps: {
          omitted: 0,
          tables: [
            { side: 'target', schema: 'public', table: 'offices', coverage: 'covered', entities: ['offices'], rows: null, claimedOnce: null, claimedSeveral: null, unclaimed: null, error: null, verdict: 'unknown' },
            { side: 'source', schema: 'public', table: 'log', coverage: 'uncovered', entities: [], rows: 90, claimedOnce: 0, claimedSeveral: 0, unclaimed: 90, error: null, verdict: 'fail' },
            { side: 'source', schema: 'public', table: 'legacy_offices', coverage: 'covered', entities: ['offices'], rows: 110, claimedOnce: 100, claimedSeveral: 7, unclaimed: 3, error: null, verdict: 'fail' },
          ],
        },
        domainCoverage: { clinical: 96, billing: 80, archive: null },
        // (4 · 8 + 0.5 · 20) / (4 · 200 + 0.5 · 200) = 42 / 900, rounded up
        riskAssessment: {
          level: 'medium',
          score: 0.0467,
          reasons: ['patients (clinical, critical): 5 missing, 3 differs of 100 rows', 'invoices (billing, low): 12 unverified, 8 pending of 200 rows'],
        },
        // arrived 190, then 375 five days later: 37 rows a day
        timeline: {
          estimatedCompletionDays: 0.68,
          estimatedCompletionAt: new Date(now.getTime() + Math.ceil((25 / 37) * 86_400_000)).toISOString(),
          interval: null,
          confidence: 1,
          basis: 'least squares over 2 snapshots of the last 7 days: 37 rows a day, 25 to go',
        },
        lastValidatedAt: hoursAgo(10).toISOString(),
        lastUpdated: hoursAgo(2).toISOString(),
        stale: false,
        staleReason: null,
      },
    })
  })

  it('has null sums while one entity was never validated, but tells what is known', async () => {
    await addJob(database.sql, id(1), hoursAgo(1), ['offices', 'invoices'])
    await addResult(database.sql, id(1), 'offices', 'clinical', hoursAgo(1), { verified: 10 })
    await addResult(database.sql, id(1), 'invoices', 'billing', hoursAgo(1), { verified: 3, missing: 1 }, { verdict: 'fail' })
    const { body } = await get('/coverage/summary')
    expect(body).toMatchObject({
      verdict: 'fail',
      entitiesTotal: 3,
      entitiesCounted: 2,
      totalRecords: null,
      overallSuccessRate: null,
      accounting: uncounted,
      domainCoverage: { clinical: null, billing: 75, archive: null },
      columns: bothUnknown,
      stale: true,
      staleReason: 'patients was never validated',
    })
  })

  it('is stale when a run of a script ended after the target was read, even before the figures were published', async () => {
    await validateAll(database.sql)
    await database.sql`update migration_coverage.entity_result set target_snapshot_at = ${hoursAgo(11)} where job_id = ${id(2)}`
    await addRun(database.sql, id(11), 'migrate-people', 'rolled_back', hoursAgo(12), hoursAgo(10.5))
    expect((await get('/coverage/summary')).body).toMatchObject({ stale: true, staleReason: 'script migrate-people finished a run after patients was last validated' })
  })

  it('refuses a query parameter', async () => {
    expect(await get('/coverage/summary?domain=clinical')).toMatchObject({ status: 400, body: { errors: [{ field: 'domain' }] } })
  })

  it('fails with a problem when the tracking schema is gone', async () => {
    await database.sql`drop schema migration_coverage cascade`
    expect(await get('/coverage/summary')).toMatchObject({ status: 503, body: { code: 'DATABASE_UNAVAILABLE' } })
  })
})

describe('GET /coverage/history', () => {
  const point = (day: string, totalRecords: number, migratedRecords: number, verifiedRecords: number, verifiedPercent: number, arrivedPercent: number) => ({
    day, totalRecords, migratedRecords, verifiedRecords, verifiedPercent, arrivedPercent,
  })
  const pagination = (totalItems: number) => ({ currentPage: 1, totalPages: 1, totalItems, itemsPerPage: 50, hasNextPage: false, hasPreviousPage: false })

  it('gives the last figures of each day for each entity', async () => {
    await validateAll(database.sql)
    await addJob(database.sql, id(3), hoursAgo(12), ['invoices'])
    await addResult(database.sql, id(3), 'invoices', 'billing', hoursAgo(12), { verified: 1 })
    expect(await get('/coverage/history')).toEqual({
      status: 200,
      body: {
        series: [
          { name: 'offices', domain: 'clinical', points: [point('2026-11-17', 100, 50, 50, 50, 50), point('2026-11-22', 100, 100, 100, 100, 100)] },
          { name: 'patients', domain: 'clinical', points: [point('2026-11-17', 100, 40, 40, 40, 40), point('2026-11-22', 100, 95, 92, 92, 95)] },
          { name: 'invoices', domain: 'billing', points: [point('2026-11-17', 200, 100, 100, 50, 50), point('2026-11-22', 200, 180, 160, 80, 90)] },
        ],
        pagination: pagination(3),
        filters: { level: 'entity', days: 30 },
      },
    })
  })

  it('carries figures from before the window into domains and the whole', async () => {
    await validateAll(database.sql)
    await addJob(database.sql, id(3), hoursAgo(1), ['offices'])
    await database.sql`delete from migration_coverage.entity_result where job_id = ${id(2)} and entity <> 'offices'`
    await addResult(database.sql, id(3), 'offices', 'clinical', hoursAgo(1), { verified: 99, missing: 1 })
    expect((await get('/coverage/history?level=domain&days=2')).body).toEqual({
      series: [
        { name: 'clinical', domain: 'clinical', points: [point('2026-11-22', 200, 139, 139, 69.5, 69.5)] },
        { name: 'billing', domain: 'billing', points: [] },
      ],
      pagination: pagination(2),
      filters: { level: 'domain', days: 2 },
    })
    expect((await get('/coverage/history?level=total&days=2')).body.series).toEqual([
      { name: 'total', domain: null, points: [point('2026-11-22', 400, 239, 239, 59.75, 59.75)] },
    ])
  })

  it('has a null point for an entity that could not be counted, and none above it', async () => {
    await addJob(database.sql, id(1), hoursAgo(1), ['invoices'])
    await addResult(database.sql, id(1), 'invoices', 'billing', hoursAgo(1), null, { verdict: 'unknown', basis: 'none' })
    const none = { totalRecords: null, migratedRecords: null, verifiedRecords: null, verifiedPercent: null, arrivedPercent: null }
    expect((await get('/coverage/history?entity=invoices')).body.series).toEqual([{ name: 'invoices', domain: 'billing', points: [{ day: '2026-11-22', ...none }] }])
    expect((await get('/coverage/history?domain=billing&level=domain')).body.series).toEqual([{ name: 'billing', domain: 'billing', points: [] }])
  })

  it('names what the plan does not know', async () => {
    const message = 'no entity "office" in the plan; it has: offices, patients, invoices'
    expect(await get('/coverage/history?entity=office')).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', detail: message, errors: [{ field: 'entity', message }] } })
    expect(await get('/coverage/history?domain=x')).toMatchObject({ status: 400, body: { errors: [{ field: 'domain' }] } })
    expect(await get('/coverage/history?days=0')).toMatchObject({ status: 400, body: { errors: [{ field: 'days' }] } })
  })
})

describe('GET /coverage/badge.svg', () => {
  it('shows the coverage, or unknown', async () => {
    const unknown = await app.inject('/coverage/badge.svg')
    expect(unknown.headers).toMatchObject({ 'content-type': 'image/svg+xml', 'cache-control': 'no-cache' })
    expect(unknown.body).toContain('<title>migration coverage: unknown</title>')
    await validateAll(database.sql)
    expect((await app.inject('/coverage/badge.svg')).body).toContain('<title>migration coverage: 88.00%</title>')
    expect((await app.inject('/coverage/badge.svg?domain=clinical')).body).toContain('<title>migration coverage: 96.00%</title>')
    expect((await app.inject('/coverage/badge.svg?domain=x')).statusCode).toBe(400)
  })
})
