import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { accountingOf, addJob, addResult, addRun, addTable, bothUnknown, buildSlices, hoursAgo, id, percentsOf, uncounted, unknownCoverage } from '../coverage/tracking.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase
let target: Sql
let app: FastifyInstance

beforeAll(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  target = openTarget(database.options)
  app = await buildSlices(target)
  const { sql } = database
  await addJob(sql, id(1), hoursAgo(200), ['offices'])
  await addResult(sql, id(1), 'offices', 'clinical', hoursAgo(200), { verified: 50, missing: 50 }, { verdict: 'fail' })
  await addJob(sql, id(2), hoursAgo(96), ['offices', 'patients'])
  await addResult(sql, id(2), 'offices', 'clinical', hoursAgo(96), { verified: 100, excluded: 7, generated: 1 }, { reasons: [{ class: 'excluded', reason: 'test', rows: 7 }] })
  await addResult(sql, id(2), 'patients', 'clinical', hoursAgo(96), { verified: 150, merged: 10, differs: 10, missing: 30 }, {
    verdict: 'fail', note: 'as of the replica', causes: [{ class: 'missing', cause: 'plain', rows: 30 }], targetSnapshotAt: hoursAgo(97),
  })
  await addRun(sql, id(11), 'migrate-people', 'completed', hoursAgo(30), hoursAgo(29), 3600)
  await addRun(sql, id(12), 'migrate-patients', 'completed', hoursAgo(20), hoursAgo(18), 3600)
  await addRun(sql, id(13), 'migrate-patients', 'failed', hoursAgo(5), hoursAgo(4), 99)
  await sql`
    insert into migration_coverage.check_result (job_id, entity, name, category, severity, verdict, message)
    values (${id(2)}, 'patients', 'rows', 'accounting', 'critical', 'fail', 'm'), (${id(2)}, 'patients', 'columns', 'plan', 'warning', 'pass', 'm')`
  await sql`
    insert into migration_coverage.column_result (job_id, entity, side, column_name, coverage, reason, differs)
    values (${id(2)}, 'patients', 'target', 'id', 'compared', null, 0), (${id(2)}, 'patients', 'source', 'password', 'ignored', 're-hashed', null),
      (${id(2)}, 'patients', 'source', 'id', 'compared', null, 10), (${id(1)}, 'patients', 'source', 'old', 'uncovered', null, null),
      (${id(2)}, 'patients', 'target', 'suffix', 'uncovered', null, null)`
  await sql`
    insert into migration_coverage.column_profile (job_id, entity, column_name, side, mapped, row_count, non_null, distinct_at_least, top_rows, top_value)
    values (${id(2)}, 'patients', 'suffix', 'source', true, 200, 50, 3, 20, 'Jr'), (${id(2)}, 'patients', 'suffix', 'target', true, 170, 0, 0, 0, null),
      (${id(2)}, 'patients', 'batch', 'target', false, 170, 170, 1, 170, null), (${id(1)}, 'patients', 'old', 'target', true, 1, 1, 1, 1, 'x')`
  await addTable(sql, id(2), hoursAgo(96), 'source', 'legacy_patients', 'covered', ['patients'], [200, 0, 6, 0], 'fail')
  await addTable(sql, id(2), hoursAgo(96), 'target', 'patients', 'covered', ['patients'], null, 'unknown')
  await addTable(sql, id(2), hoursAgo(96), 'source', 'fax_queue', 'uncovered', [], [0, 0, 12, 0], 'warn')
})
afterAll(async () => {
  await app.close()
  await target.end({ timeout: 5 })
  await database.drop()
})

const get = async (url: string) => {
  const response = await app.inject(url)
  return { status: response.statusCode, body: response.json() }
}

const offices = {
  entityName: 'offices',
  domain: 'clinical',
  scripts: ['migrate-offices'],
  accounting: accountingOf({ verified: 100, excluded: 7, generated: 1 }),
  classPercents: {
    source: { excluded: 6.54, verified: 100, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 0, unverified: 0 },
    target: { matched: 99, duplicate: 0, generated: 0.99, pending: 0, extra: 0, unverified: 0 },
  },
  columnCoverage: bothUnknown,
  rowCoverage: bothUnknown,
  totalRecords: 100,
  migratedRecords: 100,
  verifiedRecords: 100,
  successRate: 100,
  migrationRate: 100,
  errorRate: 0,
  throughputPerSecond: null,
  status: 'pass',
  // four days: half of the six in which freshness fades
  performance: { score: 92.5, grade: 'B', factors: { verifiedRatio: 1, errorRatio: 0, freshnessRatio: 0.5 } },
  lastMigrated: null,
  lastValidated: hoursAgo(96).toISOString(),
}
const patients = {
  entityName: 'patients',
  domain: 'clinical',
  scripts: ['migrate-people', 'migrate-patients'],
  accounting: accountingOf({ verified: 150, merged: 10, differs: 10, missing: 30 }),
  classPercents: percentsOf(accountingOf({ verified: 150, merged: 10, differs: 10, missing: 30 })),
  columnCoverage: { source: { covered: 1, ignored: 1, uncovered: 0, coveredPercent: 100 }, target: { covered: 1, ignored: 0, uncovered: 1, coveredPercent: 50 } },
  rowCoverage: { source: { covered: 200, ignored: 0, uncovered: 6, coveredPercent: 97.08 }, target: unknownCoverage },
  totalRecords: 200,
  migratedRecords: 170,
  verifiedRecords: 160,
  successRate: 80,
  migrationRate: 85,
  errorRate: 20,
  // 7,200 records in three hours
  throughputPerSecond: 0.66,
  status: 'fail',
  // 60 · 0.8 + 25 · 0.8 + 15 · 0.5
  performance: { score: 75.5, grade: 'C', factors: { verifiedRatio: 0.8, errorRatio: 0.2, freshnessRatio: 0.5 } },
  lastMigrated: hoursAgo(18).toISOString(),
  lastValidated: hoursAgo(96).toISOString(),
}
const invoices = {
  entityName: 'invoices',
  domain: 'billing',
  scripts: [],
  accounting: uncounted,
  classPercents: percentsOf(uncounted),
  columnCoverage: bothUnknown,
  rowCoverage: bothUnknown,
  totalRecords: null,
  migratedRecords: null,
  verifiedRecords: null,
  successRate: null,
  migrationRate: null,
  errorRate: null,
  throughputPerSecond: null,
  status: 'unknown',
  performance: { score: null, grade: null, factors: { verifiedRatio: null, errorRatio: null, freshnessRatio: null } },
  lastMigrated: null,
  lastValidated: null,
}
const full = { rows: 200, nonNull: 200, filledPercent: 100, distinctAtLeast: 3, topRows: 20, topValue: 'Jr' }
const noChecks = { checks: 0, passed: 0, warned: 0, failed: 0, unknown: 0 }
const officesHistory = [
  { publishedAt: hoursAgo(200).toISOString(), status: 'fail', totalRecords: 100, migratedRecords: 50, verifiedRecords: 50, successRate: 50, migrationRate: 50 },
  { publishedAt: hoursAgo(96).toISOString(), status: 'pass', totalRecords: 100, migratedRecords: 100, verifiedRecords: 100, successRate: 100, migrationRate: 100 },
]
const patientsHistory = [{ publishedAt: hoursAgo(96).toISOString(), status: 'fail', totalRecords: 200, migratedRecords: 170, verifiedRecords: 160, successRate: 80, migrationRate: 85 }]

describe('GET /entities/performance', () => {
  it('tells every entity of the plan, by name', async () => {
    expect(await get('/entities/performance')).toEqual({
      status: 200,
      body: {
        entities: [invoices, offices, patients],
        pagination: { currentPage: 1, totalPages: 1, totalItems: 3, itemsPerPage: 50, hasNextPage: false, hasPreviousPage: false },
        summary: {
          performanceDistribution: { A: 0, B: 1, C: 1, D: 0, F: 0, unknown: 1 },
          topPerformers: [{ entityName: 'offices', domain: 'clinical', status: 'pass', score: 92.5, grade: 'B' }],
          needsAttention: [
            { entityName: 'invoices', domain: 'billing', status: 'unknown', score: null, grade: null },
            { entityName: 'patients', domain: 'clinical', status: 'fail', score: 75.5, grade: 'C' },
          ],
        },
        insights: [
          '1 of 3 entities pass',
          '1 of 3 entities were never validated',
          '1 of 3 entities have missing rows, most of them patients: 30',
          '1 of 3 entities have rows with other values, most of them patients: 10',
          '1 of 3 entities have uncovered columns, most of them patients: 1',
          '1 of 3 entities have rows of their source tables that no entity claims, most of them patients: 6',
        ],
        filters: { sortBy: 'entityName', sortOrder: 'asc', includeValidation: false, includeHistory: false },
      },
    })
  })

  it('pages, with checks and history of the page and a summary of all', async () => {
    const { body } = await get('/entities/performance?limit=2&page=1&sortBy=totalRecords&sortOrder=desc&includeValidation=true&includeHistory=true')
    expect(body.entities).toEqual([
      { ...patients, validation: { checks: 2, passed: 1, warned: 0, failed: 1, unknown: 0 }, history: patientsHistory },
      { ...offices, validation: noChecks, history: officesHistory },
    ])
    expect(body.pagination).toEqual({ currentPage: 1, totalPages: 2, totalItems: 3, itemsPerPage: 2, hasNextPage: true, hasPreviousPage: false })
    expect(body.summary.performanceDistribution.unknown).toBe(1)
    expect((await get('/entities/performance?limit=2&page=9')).body.entities).toEqual([])
  })

  const names = async (query: string) => (await get(`/entities/performance?${query}`)).body.entities.map(({ entityName }: { entityName: string }) => entityName)

  it.each([
    ['sortBy=successRate', ['patients', 'offices', 'invoices']],
    ['sortBy=successRate&sortOrder=desc', ['offices', 'patients', 'invoices']],
    ['sortBy=migratedRecords', ['offices', 'patients', 'invoices']],
    ['sortBy=lastMigrated&sortOrder=desc', ['patients', 'invoices', 'offices']],
    ['sortOrder=desc', ['patients', 'offices', 'invoices']],
    ['minSuccessRate=80', ['offices', 'patients']],
    ['minSuccessRate=80.01', ['offices']],
    ['minSuccessRate=0', ['offices', 'patients']],
    ['minRecords=101', ['patients']],
    ['domain=billing', ['invoices']],
    ['domain=archive', []],
  ])('%s', async (query, expected) => {
    expect(await names(query)).toEqual(expected)
  })

  it('echoes the filters', async () => {
    expect((await get('/entities/performance?domain=billing&minRecords=3&minSuccessRate=1.5')).body.filters).toEqual({
      domain: 'billing', minRecords: 3, minSuccessRate: 1.5, sortBy: 'entityName', sortOrder: 'asc', includeValidation: false, includeHistory: false,
    })
  })

  it.each([['domain=x', 'domain'], ['limit=201', 'limit'], ['page=0', 'page'], ['sortBy=age', 'sortBy'], ['minSuccessRate=101', 'minSuccessRate'], ['minRecords=-1', 'minRecords'], ['color=red', 'color']])(
    'refuses %s',
    async (query, field) => {
      expect(await get(`/entities/performance?${query}`)).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors: [{ field }] } })
    },
  )
})

describe('GET /entities/{name}', () => {
  const recommend = (name: string) => `list the ${name} rows of patients: GET /validation/results/${id(2)}/differences?entity=patients&class=${name}`

  it('tells everything that is known', async () => {
    expect(await get('/entities/patients')).toEqual({
      status: 200,
      body: {
        ...patients,
        validation: { checks: 2, passed: 1, warned: 0, failed: 1, unknown: 0 },
        history: patientsHistory,
        jobId: id(2),
        basis: 'full',
        note: 'as of the replica',
        sourceSnapshotAt: null,
        targetSnapshotAt: hoursAgo(97).toISOString(),
        reasons: [],
        causes: [{ class: 'missing', cause: 'plain', rows: 30 }],
        columns: [
          { side: 'source', column: 'id', coverage: 'compared', reason: null, differs: 10 },
          { side: 'source', column: 'password', coverage: 'ignored', reason: 're-hashed', differs: null },
          { side: 'target', column: 'id', coverage: 'compared', reason: null, differs: 0 },
          { side: 'target', column: 'suffix', coverage: 'uncovered', reason: null, differs: null },
        ],
        columnProfiles: [
          { column: 'suffix', mapped: true, source: { ...full, nonNull: 50, filledPercent: 25 }, target: { rows: 170, nonNull: 0, filledPercent: 0, distinctAtLeast: 0, topRows: 0, topValue: null }, findings: ['never filled'] },
          { column: 'batch', mapped: false, source: null, target: { ...full, rows: 170, nonNull: 170, distinctAtLeast: 1, topRows: 170, topValue: null }, findings: ['constant'] },
        ],
        tables: [
          { side: 'source', schema: 'public', table: 'legacy_patients', coverage: 'covered', entities: ['patients'], rows: 206, claimedOnce: 200, claimedSeveral: 0, unclaimed: 6, error: null, verdict: 'fail' },
          { side: 'target', schema: 'public', table: 'patients', coverage: 'covered', entities: ['patients'], rows: null, claimedOnce: null, claimedSeveral: null, unclaimed: null, error: 'no right to read it', verdict: 'unknown' },
        ],
        issues: [
          { entity: 'patients', severity: 'critical', class: 'missing', rows: 30, message: 'rows of patients that did not arrive: 30', recommendation: recommend('missing') },
          { entity: 'patients', severity: 'critical', class: 'differs', rows: 10, message: 'rows of patients that arrived with other values: 10', recommendation: recommend('differs') },
        ],
      },
    })
    expect((await get('/entities/offices')).body).toMatchObject({ reasons: [{ class: 'excluded', reason: 'test', rows: 7 }], issues: [] })
  })

  it('knows nothing of an entity that was never validated', async () => {
    expect(await get('/entities/invoices')).toEqual({
      status: 200,
      body: {
        ...invoices,
        validation: noChecks,
        history: [],
        jobId: null,
        basis: null,
        note: null,
        sourceSnapshotAt: null,
        targetSnapshotAt: null,
        reasons: [],
        causes: [],
        columns: [],
        columnProfiles: [],
        tables: [],
        issues: [{ entity: 'invoices', severity: 'warning', class: null, rows: null, message: 'invoices was never validated', recommendation: 'validate invoices: POST /validation/run' }],
      },
    })
  })

  it('is 404 for a name that is not in the plan, whatever it holds', async () => {
    expect(await get('/entities/nobody')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND', detail: 'no entity "nobody" in the plan; it has: offices, patients, invoices' } })
    for (const name of ['%2e%2e%2f', '__proto__', 'constructor', '%00', "'%20or%201=1"]) expect((await get(`/entities/${name}`)).status).toBe(404)
  })
})
