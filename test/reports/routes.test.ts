import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { visibleText } from '../../src/core/render/escape.js'
import { openTarget } from '../../src/db/clients.js'
import { reportRoutes } from '../../src/reports/routes.js'
import { ReportSchema } from '../../src/reports/schemas.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'
import { exampleFaults, sliceApp } from '../scripts/slice-app.js'
import { hostile, insertManyDifferences, insertTrackingRows, jobs, plan } from './tracking-rows.js'

let database: TestDatabase
let target: Sql
let app: FastifyInstance

beforeAll(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  await insertTrackingRows(database.sql)
  target = openTarget({ ...database.options, maxConnections: 2 })
  app = sliceApp()
  await app.register(reportRoutes, { target, plan: { plan, checksum: 'c0ffee' } })
})
afterAll(async () => {
  await app.close()
  await target.end()
  await database.drop()
})

const get = (query: string) => app.inject({ method: 'GET', url: `/reports/generate${query}` })

const patients = {
  source: { total: 30_000, excluded: 100, scope: 29_900, verified: 29_898, accepted: 0, differs: 1, merged: 0, explained: 0, pending: 0, missing: 1, unverified: 0 },
  target: { total: 29_899, matched: 29_899, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const scripted = {
  source: { total: 7, excluded: 0, scope: 7, verified: 6, accepted: 0, differs: 0, merged: 0, explained: 1, pending: 0, missing: 0, unverified: 0 },
  target: { total: 6, matched: 6, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const clinical = {
  source: { total: 30_007, excluded: 100, scope: 29_907, verified: 29_904, accepted: 0, differs: 1, merged: 0, explained: 1, pending: 0, missing: 1, unverified: 0 },
  target: { total: 29_905, matched: 29_905, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const uncounted = {
  source: { total: null, excluded: null, scope: null, verified: null, accepted: null, differs: null, merged: null, explained: null, pending: null, missing: null, unverified: null },
  target: { total: null, matched: null, duplicate: null, generated: null, pending: null, extra: null, unverified: null },
}
const empty = {
  source: { total: 0, excluded: 0, scope: 0, verified: 0, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 0, unverified: 0 },
  target: { total: 0, matched: 0, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}
const published = '2026-11-20T09:00:00.000Z'
const clinicalDomain = { domain: 'clinical', priority: 'critical', verdict: 'fail', entities: 2, entitiesCounted: 2, coveragePercent: 99.98, arrivedPercent: 99.99, accounting: clinical }
const patientsLine = { entity: 'patients', domain: 'clinical', verdict: 'fail', coveragePercent: 99.99, arrivedPercent: 99.99, accounting: patients }
const scriptedLine = { entity: hostile.script, domain: 'clinical', verdict: 'warn', coveragePercent: 85.71, arrivedPercent: 85.71, accounting: scripted }
const failed = {
  entity: 'patients', name: 'every row arrived', subject: null, category: 'accounting', severity: 'critical', verdict: 'fail', message: hostile.markdown, rowsExamined: 30_000, rowsFailed: 1,
}
const warned = {
  entity: hostile.script, name: hostile.formula, subject: hostile.direction, category: 'accounting', severity: 'warning', verdict: 'warn', message: hostile.control, rowsExamined: 30_000, rowsFailed: 1,
}
const unknown = {
  entity: null, name: 'overlap', subject: null, category: 'cross_entity', severity: 'critical', verdict: 'unknown', message: hostile.quotes, rowsExamined: null, rowsFailed: null,
}
const patientTable = {
  side: 'source', schema: 'public', table: 'patient', coverage: 'covered', reason: null, entities: ['patients'],
  totalRows: 30_007, claimedOnce: 30_007, claimedSeveral: 0, unclaimed: 0, ignoredRows: 0, error: null, verdict: 'pass',
}
const scriptedTable = {
  side: 'target', schema: 'public', table: hostile.script, coverage: 'covered', reason: null, entities: [hostile.script],
  totalRows: null, claimedOnce: null, claimedSeveral: null, unclaimed: null, ignoredRows: null, error: hostile.control, verdict: 'unknown',
}
const formulaTable = {
  side: 'source', schema: 'public', table: hostile.formula, coverage: 'uncovered', reason: null, entities: [],
  totalRows: 3, claimedOnce: 0, claimedSeveral: 0, unclaimed: 3, ignoredRows: 0, error: null, verdict: 'fail',
}
const columns = {
  omitted: 0,
  uncovered: [{ entity: 'patients', side: 'target', column: hostile.formula }],
  ignored: [{ entity: 'patients', side: 'source', column: 'password', reason: hostile.markdown }],
  differing: [{ entity: 'patients', side: 'target', column: 'birth|date', rows: 1 }],
}
const zero = { rows: 0, recorded: 0, shown: 0 }

describe('GET /reports/generate as JSON', () => {
  it('coverage of one domain: the whole body', async () => {
    const response = await get('?type=coverage&format=json&domain=clinical')
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(response.headers['content-disposition']).toBeUndefined()
    expect(response.json()).toEqual({
      type: 'coverage', domain: 'clinical', includeDetails: false, generatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/), planChecksum: 'c0ffee',
      figures: {
        verdict: 'fail', coveragePercent: 99.98, arrivedPercent: 99.99, totalRecords: 29_907, migratedRecords: 29_905, verifiedRecords: 29_904,
        entities: { total: 2, validated: 2, counted: 2 },
        tables: { total: 2, covered: 2, ignored: 0, uncovered: 0 },
        columns: { total: 5, compared: 2, read: 1, ignored: 1, uncovered: 1 },
        oldestResultAt: published, newestResultAt: published,
      },
      domains: [clinicalDomain],
      accounting: { total: clinical, entities: [patientsLine, scriptedLine] },
      tables: { unclaimedSourceRows: 0, unclaimedTargetRows: null, omitted: 0, tables: [patientTable, scriptedTable] },
      columns,
    })
  })

  it('detailed: every section; what was never validated is null and not 0', async () => {
    const body = (await get('?type=detailed')).json()
    expect(body).toEqual({
      type: 'detailed', domain: null, includeDetails: false, generatedAt: expect.any(String), planChecksum: 'c0ffee',
      figures: {
        verdict: 'fail', coveragePercent: null, arrivedPercent: null, totalRecords: null, migratedRecords: null, verifiedRecords: null,
        entities: { total: 3, validated: 2, counted: 2 },
        tables: { total: 3, covered: 2, ignored: 0, uncovered: 1 },
        columns: { total: 5, compared: 2, read: 1, ignored: 1, uncovered: 1 },
        oldestResultAt: published, newestResultAt: published,
      },
      domains: [
        clinicalDomain,
        { domain: 'billing', priority: 'normal', verdict: 'unknown', entities: 1, entitiesCounted: 0, coveragePercent: null, arrivedPercent: null, accounting: uncounted },
        { domain: 'empty <b>', priority: 'normal', verdict: 'unknown', entities: 0, entitiesCounted: 0, coveragePercent: null, arrivedPercent: null, accounting: empty },
      ],
      accounting: {
        total: uncounted,
        entities: [patientsLine, scriptedLine, { entity: 'invoices', domain: 'billing', verdict: 'unknown', coveragePercent: null, arrivedPercent: null, accounting: uncounted }],
      },
      checks: { total: 4, passed: 1, warned: 1, failed: 1, unknown: 1, omitted: 0, notPassed: [failed, unknown, warned] },
      differences: {
        perClass: 10, limit: 5000, complete: false,
        totals: [
          { class: 'differs', side: 'source', rows: null, recorded: 1, shown: 1 },
          { class: 'missing', side: 'source', rows: null, recorded: 1, shown: 1 },
          ...['duplicate', 'extra'].map((name) => ({ class: name, side: 'target', rows: null, recorded: 0, shown: 0 })),
          ...['unverified', 'pending'].flatMap((name) => ['source', 'target'].map((side) => ({ class: name, side, rows: null, recorded: 0, shown: 0 }))),
          ...['accepted', 'explained', 'excluded', 'merged'].map((name) => ({ class: name, side: 'source', rows: null, recorded: 0, shown: 0 })),
          { class: 'generated', side: 'target', rows: null, recorded: 0, shown: 0 },
        ],
        rows: [
          {
            entity: 'patients', class: 'differs', side: 'both', cause: 'stale', reason: null, key: { id: '7' },
            columns: [{ column: 'birth|date', source: null, target: hostile.formula }, { column: 'note', source: '', target: hostile.control }],
          },
          { entity: 'patients', class: 'missing', side: 'source', cause: hostile.direction, reason: null, key: { id: hostile.script, tag: null }, columns: [] },
        ],
      },
      tables: { unclaimedSourceRows: 3, unclaimedTargetRows: null, omitted: 0, tables: [formulaTable, patientTable, scriptedTable] },
      columns,
      reasons: {
        declared: [
          { entity: 'patients', class: 'excluded', reason: hostile.formula, rows: 100 },
          { entity: hostile.script, class: 'explained', reason: hostile.control, rows: 1 },
        ],
        causes: [{ entity: 'patients', class: 'missing', cause: 'no map entry', rows: 1 }],
      },
      evidence: [
        ...[patientsLine, scriptedLine].map(({ entity, accounting }) => ({
          entity, jobId: jobs.current, basis: 'full', sourceRowsExamined: accounting.source.total, targetRowsExamined: accounting.target.total,
          sourceSnapshotAt: '2026-11-20T08:59:00.000Z', targetSnapshotAt: '2026-11-20T08:59:01.000Z', durationSeconds: 1.5, publishedAt: published,
          note: entity === 'patients' ? null : hostile.markdown,
        })),
        {
          entity: 'invoices', jobId: null, basis: 'none', sourceRowsExamined: null, targetRowsExamined: null, sourceSnapshotAt: null, targetSnapshotAt: null, durationSeconds: null,
          publishedAt: null, note: 'never validated',
        },
      ],
      scripts: [
        {
          name: 'migrate-patients', domains: ['clinical'], status: 'completed', drift: 'unknown', recordsProcessed: 3, recordsFailed: 1, successRate: 66.66,
          lastStartedAt: '2026-11-20T08:00:00.000Z', lastFinishedAt: '2026-11-20T08:00:30.000Z',
        },
        {
          name: hostile.formula, domains: ['clinical'], status: 'pending', drift: 'unknown', recordsProcessed: null, recordsFailed: null, successRate: null, lastStartedAt: null, lastFinishedAt: null,
        },
      ],
    })
  })

  it('each type has its sections', async () => {
    const sections = async (query: string) => Object.keys((await get(query)).json()).slice(5)
    expect(await sections('')).toEqual(['figures', 'domains', 'accounting', 'checks', 'differences', 'tables', 'columns', 'reasons', 'evidence', 'scripts'])
    expect(await sections('?type=executive')).toEqual(['figures', 'domains', 'checks'])
    expect(await sections('?type=validation')).toEqual(['figures', 'checks', 'differences'])
    expect(await sections('?type=coverage')).toEqual(['figures', 'domains', 'accounting', 'tables', 'columns'])
  })

  it('comprehensive gives the totals of the differences, their rows only with includeDetails', async () => {
    const { differences } = (await get('?domain=clinical')).json()
    expect(differences).toMatchObject({ perClass: 0, limit: 0, complete: false, rows: [] })
    expect(differences.totals.slice(0, 3)).toEqual([
      { class: 'differs', side: 'source', rows: 1, recorded: 1, shown: 0 },
      { class: 'missing', side: 'source', rows: 1, recorded: 1, shown: 0 },
      { class: 'duplicate', side: 'target', ...zero },
    ])
    expect((await get('?domain=clinical&includeDetails=true')).json().differences).toMatchObject({ perClass: 5000, limit: 5000, rows: [{ class: 'differs' }, { class: 'missing' }] })
  })

  it('says how much of a long list is left out', async () => {
    await insertManyDifferences(database.sql, 5100)
    const some = (await get('?type=validation')).json().differences
    expect(some.totals.find((line: { class: string }) => line.class === 'explained')).toMatchObject({ recorded: 5100, shown: 10 })
    expect(some.rows).toHaveLength(12)
    const all = (await get('?type=validation&includeDetails=true')).json().differences
    expect(all.rows).toHaveLength(5000)
    expect(all.totals.find((line: { class: string }) => line.class === 'explained')).toMatchObject({ recorded: 5100, shown: 4998 })
    await database.sql`delete from migration_coverage.difference where class = 'explained'`
  })

  it.each([['type=x', 'type'], ['format=pdf', 'format'], ['domain=nowhere', 'domain'], ['download=yes', 'download'], ['colour=red', 'colour']])('400 for %s', async (query, field) => {
    const response = await get(`?${query}`)
    expect([response.statusCode, response.json().errors[0].field]).toEqual([400, field])
  })
})

describe('download', () => {
  it.each([['json', 'application/json', 'json'], ['html', 'text/html', 'html'], ['markdown', 'text/markdown', 'md'], ['csv', 'text/csv', 'csv']])('%s', async (format, mediaType, extension) => {
    const response = await get(`?type=executive&format=${format}&download=true&domain=${encodeURIComponent('empty <b>')}`)
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toBe(`${mediaType}; charset=utf-8`)
    expect(response.headers['content-disposition']).toMatch(new RegExp(`^attachment; filename="migration-executive-empty-b-\\d{4}-\\d\\d-\\d\\d\\.${extension}"$`))
  })
})

describe('HTML', () => {
  it('escapes everything, needs nothing from outside, and is well-formed', async () => {
    const response = await get('?type=detailed&format=html')
    const page = response.body
    expect(response.headers['content-security-policy']).toBe("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    expect(page).not.toMatch(/<script|<img|<link|<iframe|<a |javascript:|\son\w+=/i)
    expect(page).not.toMatch(/(src|href|url)\s*[=(]/i)
    // eslint-disable-next-line no-control-regex -- these are the characters that must be gone
    expect(page).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/)
    for (const text of [hostile.script, hostile.formula, hostile.markdown, hostile.control, hostile.direction, hostile.quotes]) {
      expect(page).toContain(visibleText(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;'))
    }
    expect(openTags(page)).toEqual([])
  })

  it('has headings, captions and scopes, a style for paper and for dark screens', async () => {
    const page = (await get('?type=detailed&format=html')).body
    expect([...page.matchAll(/<h[12][^>]*>([^<]*)/g)].map(([, text]) => text)).toEqual([
      'Migration coverage: detailed report', 'Headline figures', 'Domains', 'Accounting', 'Checks', 'Differences', 'Tables', 'Columns', 'Reasons and causes', 'Evidence', 'Scripts',
    ])
    expect(page.match(/<table>/g)).toHaveLength(page.match(/<caption>/g)!.length)
    expect(page).toContain('<th scope="row">')
    expect(page).toContain('<th scope="col"')
    expect(page).toContain('@media print')
    expect(page).toContain('@media (prefers-color-scheme: dark)')
    expect(page).toContain('<span class="unknown">unknown</span>')
    expect(page).toContain('<span class="bar"><span style="width:99.98%"></span></span>99.98\u00a0%')
  })
})

describe('Markdown', () => {
  it('executive: the whole document', async () => {
    const body = (await get('?type=executive&format=markdown&domain=clinical')).body
    expect(body.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \|\n\| Plan/, 'TIME |\n| Plan')).toBe(`# Migration coverage: executive report

Domain clinical

## Headline figures

Percentages are floored. Records are deliveries: a source row wanted in three tables counts three times.

### Headline figures

| Figure | Value |
| --- | ---: |
| Verdict | fail |
| Coverage (verified) % | 99.98 |
| Arrived % | 99.99 |
| Records in scope | 29907 |
| Records migrated | 29905 |
| Records verified | 29904 |
| Entities | 2 |
| Entities validated | 2 |
| Tables | 2 |
| Tables covered | 2 |
| Tables ignored | 0 |
| Tables uncovered | 0 |
| Columns | 5 |
| Columns compared | 2 |
| Columns only read | 1 |
| Columns ignored | 1 |
| Columns uncovered | 1 |
| Oldest result | 2026-11-20T09:00:00.000Z |
| Newest result | 2026-11-20T09:00:00.000Z |
| Report made at | TIME |
| Plan (sha256) | c0ffee |

## Domains

### Coverage by domain

| Domain | Priority | Verdict | Coverage % | Arrived % | Scope | Missing | Differs | Extra | Entities |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| clinical | critical | fail | 99.98 | 99.99 | 29907 | 1 | 1 | 0 | 2 |

## Checks

3 checks: 1 passed, 1 warned, 1 failed, 0 unknown.

### Checks that did not pass

| Entity | Check | Subject | Verdict | Severity | Message | Rows failed | Rows examined |
| --- | --- | --- | --- | --- | --- | ---: | ---: |
| patients | every row arrived |  | fail | critical | a \\| b \\\`c\\\` \\*\\*d\\*\\* \\[e\\](https\\://evil.example) | 1 | 30000 |
| &lt;script&gt;alert('x')&lt;/script&gt; | \\=cmd()\\|calc | \\\\u202egnp.exe | warn | warning | line\\\\nbreak\\\\ttab \\\\u001b\\[31mred\\\\u0007 | 1 | 30000 |
`)
  })

  it('every table row of a detailed report has as many cells as its head', async () => {
    const body = (await get('?type=detailed&format=markdown')).body
    const cells = (line: string) => line.replace(/\\./g, '').split('|').length
    const blocks = body.split('\n\n').filter((block) => block.startsWith('|'))
    expect(blocks.length).toBeGreaterThan(12)
    for (const block of blocks) expect(new Set(block.trim().split('\n').map(cells)).size).toBe(1)
    expect(body.replace(/\\./g, '')).not.toMatch(/[<>`]/)
  })
})

describe('CSV', () => {
  it('is one table: numbers stay numbers, text is neutralised', async () => {
    const [head, ...lines] = parseCsv((await get('?type=detailed&format=csv')).body)
    expect(head).toEqual(['section', 'row', 'item', 'figure', 'number', 'text'])
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([6]))
    expect(lines).toContainEqual(['Headline figures', '2', 'Coverage (verified) %', 'Value', '', 'unknown'])
    expect(lines).toContainEqual(['Coverage by domain', '1', 'clinical', 'Coverage %', '99.98', ''])
    expect(lines).toContainEqual(['Source rows by class', '1', 'patients', 'Scope', '29900', ''])
    expect(lines).toContainEqual(['Scripts and their newest runs', '2', `'${hostile.formula}`, 'Status', '', 'pending'])
    expect(lines).toContainEqual(['Checks that did not pass', '3', `${hostile.script} / ${hostile.formula} / \\u202egnp.exe`, 'Message', '', 'line\\nbreak\\ttab \\u001b[31mred\\u0007'])
    expect(lines).toContainEqual(['Uncovered columns', '1', `patients / target / ${hostile.formula}`, 'listed', '', 'yes'])
    expect(lines).toContainEqual(['Rows that are not verified', '1', 'patients / differs / source / id = "7"', 'Source → target', '', `birth|date: NULL → "${hostile.formula}"; note: "" → "line\\nbreak\\ttab \\u001b[31mred\\u0007"`].map((cell) => cell.replace('/ source /', '/ both /')))
    for (const line of lines) {
      expect(line[4]).toMatch(/^(\d+(\.\d+)?)?$/)
      // eslint-disable-next-line no-control-regex -- these are the characters that must be gone
      for (const cell of line) expect(cell).not.toMatch(/^\s*[=+\-@|%]|[\u0000-\u001f\u202a-\u202e]/)
    }
  })
})

describe('examples', () => {
  it('of Report fit it', async () => {
    expect(await exampleFaults(ReportSchema, [])).toEqual([])
  })
})

/** Elements left open, or closed in the wrong order. */
function openTags(page: string): string[] {
  const open: string[] = []
  for (const [, closing, tag = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^<>]*>/g)) {
    if (tag === 'meta') continue
    if (closing === '') open.push(tag)
    else if (open.pop() !== tag) return [`unexpected </${tag}>`]
  }
  return open
}

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const lines: string[][] = []
  let line: string[] = []
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    line.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === ',') continue
    lines.push(line)
    line = []
  }
  return lines
}
