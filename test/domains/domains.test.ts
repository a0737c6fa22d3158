import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { accountingOf, addColumns, addJob, addResult, addRun, addTable, bothUnknown, buildSlices, hoursAgo, id, percentsOf, uncounted } from '../coverage/tracking.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase
let target: Sql
let app: FastifyInstance

beforeAll(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  target = openTarget(database.options)
  app = await buildSlices(target)
})
afterAll(async () => {
  await app.close()
  await target.end({ timeout: 5 })
  await database.drop()
})
beforeEach(async () => {
  await addJob(database.sql, id(1), hoursAgo(106), ['offices', 'patients'])
  await addResult(database.sql, id(1), 'offices', 'clinical', hoursAgo(106), { verified: 90, missing: 10 }, { verdict: 'fail' })
  await addResult(database.sql, id(1), 'patients', 'clinical', hoursAgo(106), { verified: 90, missing: 10 }, { verdict: 'fail' })
  await addJob(database.sql, id(2), hoursAgo(10), ['offices', 'patients'])
  await addResult(database.sql, id(2), 'offices', 'clinical', hoursAgo(10), { verified: 100, excluded: 7 }, { verdict: 'warn' })
  await addResult(database.sql, id(2), 'patients', 'clinical', hoursAgo(10), { verified: 94, explained: 2, missing: 3, accepted: 1, extra: 4 }, { verdict: 'fail' })
  await addColumns(database.sql, id(2), 'offices', 'source', ['compared', 'read', 'ignored'])
  await addColumns(database.sql, id(2), 'offices', 'target', ['compared'])
  await addColumns(database.sql, id(2), 'patients', 'source', ['compared', 'uncovered'])
  await addColumns(database.sql, id(1), 'patients', 'source', ['uncovered', 'uncovered', 'uncovered'])
  await addTable(database.sql, id(2), hoursAgo(10), 'source', 'legacy_offices', 'covered', ['offices'], [100, 7, 5, 0], 'fail')
  await addTable(database.sql, id(2), hoursAgo(10), 'target', 'patients', 'covered', ['patients', 'invoices'], [99, 0, 0, 0], 'pass')
  await addTable(database.sql, id(2), hoursAgo(10), 'source', 'fax_queue', 'uncovered', [], [0, 0, 12, 0], 'warn')
  await addTable(database.sql, id(2), hoursAgo(10), 'source', 'log', 'uncovered', [], [0, 0, 30, 0], 'warn')
  await addTable(database.sql, id(2), hoursAgo(10), 'source', 'session', 'ignored', [], [0, 0, 0, 50], 'pass')
  await addRun(database.sql, id(11), 'migrate-offices', 'completed', hoursAgo(30), hoursAgo(29), 100)
  await addRun(database.sql, id(12), 'migrate-people', 'running', hoursAgo(3), null)
  await database.sql`
    insert into migration_coverage.check_result (job_id, entity, name, category, severity, verdict, message)
    values (${id(2)}, 'offices', 'rows', 'accounting', 'critical', 'pass', 'm'), (${id(2)}, 'offices', 'columns', 'plan', 'warning', 'warn', 'm'),
      (${id(2)}, 'patients', 'rows', 'accounting', 'critical', 'fail', 'm'), (${id(2)}, 'patients', 'sums', 'integrity', 'critical', 'unknown', 'm'),
      (${id(1)}, 'patients', 'rows', 'accounting', 'critical', 'fail', 'an older job'), (${id(2)}, '', 'cross', 'cross_entity', 'critical', 'fail', 'of no entity')`
})
afterEach(async () => {
  await database.sql`truncate migration_coverage.plan, migration_coverage.script_run cascade`
})

const get = async (url: string) => {
  const response = await app.inject(url)
  return { status: response.statusCode, body: response.json() }
}

const clinical = {
  domain: 'clinical',
  description: 'Patients and their care',
  priority: 'critical',
  coverage: 97,
  accounting: accountingOf({ verified: 194, explained: 2, missing: 3, accepted: 1, extra: 4, excluded: 7 }),
  classPercents: {
    source: { excluded: 3.38, verified: 97, accepted: 0.5, differs: 0, merged: 0, explained: 1, pending: 0, missing: 1.5, unverified: 0 },
    target: { matched: 97.98, duplicate: 0, generated: 0, pending: 0, extra: 2.01, unverified: 0 },
  },
  // of offices 3 + 1, of patients 2
  columns: { source: { covered: 3, ignored: 1, uncovered: 1, coveredPercent: 75 }, target: { covered: 1, ignored: 0, uncovered: 0, coveredPercent: 100 } },
  // legacy_offices, and patients which billing uses too
  rows: { source: { covered: 107, ignored: 0, uncovered: 5, coveredPercent: 95.53 }, target: { covered: 99, ignored: 0, uncovered: 0, coveredPercent: 100 } },
  entitiesTotal: 2,
  entitiesCounted: 2,
  scripts: { total: 3, completed: 1, running: 1, failed: 0, rolledBack: 0, pending: 1, missing: 0 },
  status: 'fail',
  // 90 % to 97 % in four days
  trend: 'improving',
  lastUpdated: hoursAgo(3).toISOString(),
}
const outside = { source: { tables: 2, rows: 42 }, target: { tables: 0, rows: 0 } }
const toldOfClinical = [
  'clinical has source rows that are neither verified nor wrong: 1 accepted, 2 explained', 'clinical leaves columns of the source uncovered: 1', 'clinical leaves rows of its source tables unclaimed: 5',
]
const toldOfTables = 'no domain has 2 of the source tables, with 42 rows'
const noScripts = { total: 0, completed: 0, running: 0, failed: 0, rolledBack: 0, pending: 0, missing: 0 }
const billing = {
  domain: 'billing',
  description: null,
  priority: 'low',
  coverage: null,
  accounting: uncounted,
  classPercents: percentsOf(uncounted),
  columns: bothUnknown,
  rows: { ...bothUnknown, target: { covered: 99, ignored: 0, uncovered: 0, coveredPercent: 100 } },
  entitiesTotal: 1,
  entitiesCounted: 0,
  scripts: noScripts,
  status: 'unknown',
  trend: null,
  lastUpdated: null,
}
const archive = { ...billing, domain: 'archive', priority: 'normal', accounting: accountingOf({}), classPercents: percentsOf(accountingOf({})), rows: bothUnknown, entitiesTotal: 0 }
const noChecks = { checks: 0, passed: 0, warned: 0, failed: 0, unknown: 0 }
const list = (name: string) => `GET /validation/results/${id(2)}/differences?entity=patients&class=${name}`
const issue = (severity: string, name: string, rows: number, what: string) => ({
  entity: 'patients',
  severity,
  class: name,
  rows,
  message: `rows of patients that ${what}: ${rows}`,
  recommendation: `list the ${name} rows of patients: ${list(name)}`,
})
const details = {
  entities: [
    { entityName: 'offices', status: 'warn', totalRecords: 100, coverage: 100, migrationRate: 100, accounting: accountingOf({ verified: 100, excluded: 7 }), lastValidated: hoursAgo(10).toISOString() },
    {
      entityName: 'patients',
      status: 'fail',
      totalRecords: 100,
      coverage: 94,
      migrationRate: 95,
      accounting: accountingOf({ verified: 94, explained: 2, missing: 3, accepted: 1, extra: 4 }),
      lastValidated: hoursAgo(10).toISOString(),
    },
  ],
  issues: [
    {
      entity: 'offices',
      severity: 'warning',
      class: null,
      rows: null,
      message: 'a check of offices has the verdict warn',
      recommendation: `read the checks of offices: GET /validation/results/${id(2)}`,
    },
    issue('critical', 'missing', 3, 'did not arrive'),
    issue('critical', 'extra', 4, 'stand in the target without a source'),
    issue('info', 'explained', 2, 'did not arrive for a declared reason'),
    issue('info', 'accepted', 1, 'hold a declared stand-in value'),
  ],
  recommendations: [
    `read the checks of offices: GET /validation/results/${id(2)}`,
    `list the missing rows of patients: ${list('missing')}`,
    `list the extra rows of patients: ${list('extra')}`,
  ],
}
const validation = { checks: 4, passed: 1, warned: 1, failed: 1, unknown: 1 }

describe('GET /domains/coverage', () => {
  it('tells every domain of the plan, in its order', async () => {
    expect(await get('/domains/coverage')).toEqual({
      status: 200,
      body: {
        domains: [clinical, billing, archive],
        summary: { domains: 3, entities: 3, entitiesCounted: 2, coverage: null, byStatus: { pass: 0, warn: 0, unknown: 2, fail: 1 } },
        outside,
        trends: { improving: ['clinical'], declining: [], stable: [], unknown: ['billing', 'archive'] },
        insights: ['0 of 3 domains pass', 'billing has no coverage yet: 0 of its 1 entities are counted', ...toldOfClinical, toldOfTables],
        filters: { includeDetails: false, includeValidation: false },
      },
    })
  })

  it('adds details and checks on request, for one domain', async () => {
    expect(await get('/domains/coverage?domain=clinical&includeDetails=true&includeValidation=true')).toEqual({
      status: 200,
      body: {
        domains: [{ ...clinical, details, validation }],
        summary: { domains: 1, entities: 2, entitiesCounted: 2, coverage: 97, byStatus: { pass: 0, warn: 0, unknown: 0, fail: 1 } },
        outside,
        trends: { improving: ['clinical'], declining: [], stable: [], unknown: [] },
        insights: ['0 of 1 domains pass', ...toldOfClinical, toldOfTables],
        filters: { domain: 'clinical', includeDetails: true, includeValidation: true },
      },
    })
  })

  it('says of a falling coverage that it declines, and which is lowest', async () => {
    await addJob(database.sql, id(3), hoursAgo(1), ['offices', 'invoices'])
    await addResult(database.sql, id(3), 'offices', 'clinical', hoursAgo(1), { verified: 20, missing: 80 }, { verdict: 'fail' })
    await addResult(database.sql, id(3), 'invoices', 'billing', hoursAgo(1), { verified: 5 })
    // the columns of offices are not known of its newest job
    const { body } = await get('/domains/coverage')
    expect(body.trends).toEqual({ improving: [], declining: ['clinical'], stable: [], unknown: ['billing', 'archive'] })
    expect(body.insights).toEqual(['1 of 3 domains pass', 'clinical has the lowest coverage: 57 %', toldOfClinical[0], toldOfClinical[2], toldOfTables, 'the coverage of clinical has declined over the last 7 days'])
  })

  it('names what it does not know', async () => {
    const message = 'no domain "clinic" in the plan; it has: clinical, billing, archive'
    expect(await get('/domains/coverage?domain=clinic')).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', detail: message, errors: [{ field: 'domain', message }] } })
    expect(await get('/domains/coverage?detail=true')).toMatchObject({ status: 400, body: { errors: [{ field: 'detail' }] } })
    expect(await get('/domains/coverage?includeDetails=maybe')).toMatchObject({ status: 400, body: { errors: [{ field: 'includeDetails' }] } })
  })
})

describe('GET /domains/{name}', () => {
  it('is the item with details and checks', async () => {
    expect(await get('/domains/clinical')).toEqual({ status: 200, body: { ...clinical, details, validation } })
  })

  it('shows a domain that was never validated', async () => {
    const issues = [
      { entity: 'invoices', severity: 'warning', class: null, rows: null, message: 'invoices was never validated', recommendation: 'validate invoices: POST /validation/run' },
    ]
    const entities = [{ entityName: 'invoices', status: 'unknown', totalRecords: null, coverage: null, migrationRate: null, accounting: uncounted, lastValidated: null }]
    expect(await get('/domains/billing')).toEqual({
      status: 200,
      body: { ...billing, details: { entities, issues, recommendations: ['validate invoices: POST /validation/run'] }, validation: noChecks },
    })
    expect(await get('/domains/archive')).toEqual({ status: 200, body: { ...archive, details: { entities: [], issues: [], recommendations: [] }, validation: noChecks } })
  })

  it('is 404 for a name that is not in the plan, 400 for a query', async () => {
    expect(await get('/domains/nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND', detail: 'no domain "nowhere" in the plan; it has: clinical, billing, archive' } })
    expect(await get('/domains/clinical?x=1')).toMatchObject({ status: 400, body: { errors: [{ field: 'x' }] } })
  })
})
