import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, type TestApp } from '../helpers/app.js'

let tested: TestApp
beforeAll(async () => { tested = await createTestApp() })
afterAll(async () => { await tested.close() })

/** name{labels} → value; refuses what is not the text format of Prometheus, a series told twice, and a series without its type. */
function parse(text: string): Map<string, number> {
  const series = new Map<string, number>()
  const types = new Map<string, string>()
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line)
    if (type !== null) types.set(type[1]!, type[2]!)
    if (line.startsWith('#')) {
      expect(line).toMatch(/^# (TYPE|HELP) /)
      continue
    }
    const found = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (NaN|[+-]?Inf|-?[\d.]+(?:e[+-]?\d+)?)$/.exec(line)
    expect(found, line).not.toBeNull()
    const [, name = '', labels = '', value = ''] = found!
    expect(types.has(name) || types.has(name.replace(/_(bucket|sum|count)$/, '')), name).toBe(true)
    expect(series.has(name + labels), line).toBe(false)
    series.set(name + labels, Number(value.replace('Inf', 'Infinity')))
  }
  for (const [name, type] of types) expect([name, type !== 'gauge' || !name.endsWith('_total')]).toEqual([name, true])
  return series
}

test('tells what was validated, what waits, and how requests went, by the pattern of their route', async () => {
  const { app, database } = tested
  const sql = database.sql
  const [{ planId }] = await sql<[{ planId: string }]>`insert into migration_coverage.plan (checksum, content) values ('f00d', 'x') returning plan_id as "planId"`
  const insertJob = async (status: string) => {
    const jobId = randomUUID()
    await sql`insert into migration_coverage.job (job_id, plan_id, mode, priority, include_integrity_checks, include_cross_entity, entities, status, verdict, finished_at)
      values (${jobId}, ${planId}, 'full', 'normal', true, true, '{}', ${status}, ${status === 'completed' ? 'warn' : null}, ${status === 'completed' ? new Date() : null})`
    return jobId
  }
  const [older, newer, running] = [await insertJob('completed'), await insertJob('completed'), await insertJob('running')]
  const result = (jobId: string, entity: string, scope: number | null, verified: number | null, publishedAt: string | null) => sql`
    insert into migration_coverage.entity_result (job_id, entity, domain, verdict, source_total, excluded, scope, verified, accepted, differs, merged, explained, source_pending, missing, source_unverified,
      source_rows_examined, target_rows_examined, basis, duration_ms, published_at)
    values (${jobId}, ${entity}, 'a "b" \\', 'warn', ${scope}, ${scope === null ? null : 0}, ${scope}, ${verified}, ${scope === null ? null : 0}, ${scope === null ? null : 0}, ${scope === null ? null : 1}, ${scope === null ? null : 0},
      ${scope === null ? null : 0}, ${scope === null ? null : scope - (verified ?? 0) - 1}, ${scope === null ? null : 0}, 1, 1, 'full', 1, ${publishedAt})`
  await result(older, 'patients', 4, 0, '2026-11-01T00:00:00Z')
  await result(newer, 'patients', 4, 2, '2026-11-02T00:00:00Z')
  await result(newer, 'unknown', null, null, '2026-11-02T00:00:00Z')
  await result(running, 'patients', 4, 3, null)
  await sql`insert into migration_coverage.task (job_id, kind) values (${running}, 'prepare')`
  await sql`insert into migration_coverage.worker (worker) values ('one')`

  await app.inject('/entities/patients')
  await app.inject('/nowhere/at/all')
  const response = await app.inject('/metrics')
  expect([response.statusCode, response.headers['content-type'], response.headers['cache-control'], response.headers['etag']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8', 'no-store', undefined])
  const series = parse(response.body)
  const labels = 'domain="a \\"b\\" \\\\",entity="patients"'
  const own = Object.fromEntries([...series].filter(([name]) => name.startsWith('migration_coverage_') && !name.startsWith('migration_coverage_rows')))
  expect(own).toEqual({
    [`migration_coverage_verified_ratio{${labels}}`]: 0.75, [`migration_coverage_last_validation_timestamp_seconds{${labels}}`]: Date.parse('2026-11-02T00:00:00Z') / 1000,
    [`migration_coverage_last_validation_timestamp_seconds{${labels.replace('patients', 'unknown')}}`]: Date.parse('2026-11-02T00:00:00Z') / 1000,
    'migration_coverage_jobs{status="completed"}': 2, 'migration_coverage_jobs{status="running"}': 1, 'migration_coverage_tasks{status="queued"}': 1, migration_coverage_workers: 1,
  })
  expect(series.get(`migration_coverage_rows{${labels},side="source",class="missing"}`)).toBe(1)
  // what could not be counted is absent, never 0
  expect([...series.keys()].filter((name) => name.startsWith('migration_coverage_rows') && (name.includes('unknown"') || name.includes('side="target"')))).toEqual([])
  expect(series.get('http_request_duration_seconds_count{method="GET",route="/entities/:name",status="200"}')).toBe(1)
  expect([...series.keys()].filter((name) => name.includes('nowhere'))).toEqual([])
  expect(series.get('process_resident_memory_bytes')).toBeGreaterThan(1e6)
})
