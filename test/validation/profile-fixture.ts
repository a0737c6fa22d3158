import type { Sql } from 'postgres'
import { expect } from 'vitest'
import { constantCheckName, fillCheckName } from '../../src/core/profile.js'
import type { ComparisonRun } from '../helpers/compare.js'

interface StoredProfile { column: string; side: string; rows: number; nonNull: number; distinctAtLeast: number; topRows: number | null; topValue: string | null }

export async function profilesOf(tracking: Sql): Promise<Record<string, Omit<StoredProfile, 'column' | 'side'>>> {
  const rows = await tracking<StoredProfile[]>`
    select column_name as "column", side, row_count as rows, non_null as "nonNull", distinct_at_least as "distinctAtLeast", top_rows as "topRows", top_value as "topValue"
    from migration_coverage.column_profile order by 1, 2`
  return Object.fromEntries(rows.map(({ column, side, ...figures }) => [`${column} ${side}`, figures]))
}

export const planOf = (entity: string) => `version: 1\ndomains: { d: {} }\nentities:\n  people: { domain: d, source: { table: person }, target: { table: people }, key: { id: id }, ${entity} }\n`
export const rows = 4000
/** Ten countries, suffixes for every fourth row, times that differ, one shop that is the same for all, and a secret. */
export const source = `
  create table person (id int primary key, country text, suffix text, created timestamp, shop int, ssn text, flag bool);
  insert into person select n, 'c' || n % 10, case when n % 4 = 0 then 'Jr' || n % 3 end, timestamp '2024-01-01' + n * interval '1 hour', 7, 's' || n % 5, n % 2 = 0 from generate_series(1, ${rows}) n;
  analyze person`
export const target = `
  create table people (id int primary key, country text, suffix text, created timestamptz, shop int, ssn text, flag bool, extra text, batch text);
  insert into people select n, 'US', null, timestamptz '2025-06-01 00:00Z', 7, 'one', case when n % 2 = 0 then true end, 'x', case when n % 200 = 0 then n::text else 'b' end from generate_series(1, ${rows}) n;
  analyze people`
export const plan = planOf('same: [country, suffix, shop, flag], columns: { created: { from: created, zone: UTC }, ssn: { from: ssn, pii: true } }')

/** What a run over these finds. */
export async function expectFindings(run: ComparisonRun, tracking: Sql): Promise<void> {
  const profiles = await profilesOf(tracking)
  expect(profiles).toMatchObject({
    'country source': { rows, nonNull: rows, topRows: expect.any(Number) },
    'country target': { rows, nonNull: rows, distinctAtLeast: 1, topRows: rows, topValue: 'US' },
    'suffix source': { rows, nonNull: rows / 4, distinctAtLeast: 3 },
    'suffix target': { rows, nonNull: 0, distinctAtLeast: 0, topRows: 0, topValue: null },
    'created target': { rows, nonNull: rows, distinctAtLeast: 1, topRows: rows, topValue: '2025-06-01 00:00:00+00' },
    'shop source': { rows, nonNull: rows, distinctAtLeast: 1, topRows: rows, topValue: '7' },
    'ssn target': { rows, nonNull: rows, distinctAtLeast: 1, topRows: rows, topValue: null },
    'flag source': { rows, nonNull: rows, distinctAtLeast: 2 },
    'flag target': { rows, nonNull: rows / 2, distinctAtLeast: 1 },
    'extra target': { rows, nonNull: rows, distinctAtLeast: 1, topRows: rows, topValue: null },
    'batch target': { rows, nonNull: rows, topRows: rows - rows / 200, topValue: null },
  })
  expect(Object.keys(profiles).filter((name) => /^(extra|batch) source|^id /.test(name))).toEqual([])
  expect(profiles['country source']!.distinctAtLeast).toBeGreaterThanOrEqual(5)
  expect(profiles['country source']!.distinctAtLeast).toBeLessThanOrEqual(10)
  expect(profiles['created source']!.distinctAtLeast).toBeGreaterThan(50)
  // a lower bound: no country has more
  expect(profiles['country source']!.topRows).toBeLessThanOrEqual(rows / 10)
  const check = (name: string) => run.checks.find((one) => one.entity === 'people' && one.name === name)
  expect(check(fillCheckName)).toMatchObject({ verdict: 'warn', message: `suffix is filled in 0 of ${rows} rows of the target, in ${rows / 4} of ${rows} rows of the source; flag is filled in ${rows / 2} of ${rows} rows of the target, in ${rows} of ${rows} rows of the source` })
  const { message, verdict } = check(constantCheckName)!
  expect(verdict).toBe('warn')
  expect(message.split('; ').sort()).toEqual([
    `batch has one value in 99.5 % of its ${rows} filled rows, and the plan does not map it`,
    `country has the value "US" in 100 % of its ${rows} filled rows, and the source at least ${profiles['country source']!.distinctAtLeast} values`,
    `created has the value "2025-06-01 00:00:00+00" in 100 % of its ${rows} filled rows, and the source at least 64 values`,
    `extra has one value in 100 % of its ${rows} filled rows, and the plan does not map it`,
    `flag has the value "true" in 100 % of its ${rows / 2} filled rows, and the source at least 2 values`,
    `ssn has one value in 100 % of its ${rows} filled rows, and the source at least 5 values`,
  ])
  expect(message).not.toContain('shop')
  expect(JSON.stringify(profiles)).not.toContain('"one"')
}
