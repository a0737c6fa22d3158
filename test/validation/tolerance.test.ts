import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { expectOtherValues, expectTolerances, plan, tables } from './tolerance-fixture.js'

let pair: Pair
let run: ComparisonRun

beforeAll(async () => {
  pair = await createPair(tables)
  run = await pair.compare(plan)
})
afterAll(() => pair.close())

describe('tolerance', () => {
  test('values within the distance are equal, on the edge too; NULL equals only NULL, infinity only infinity', () => {
    expectTolerances(run)
  })
})

describe('a value for every other code', () => {
  test('a row that needs it is accepted, one that holds something else differs, NULL stays NULL', () => {
    expectOtherValues(run)
  })

  test('without a row that differs it warns', async () => {
    await pair.target.sql`update state set code = 'unknown' where id = 4`
    const again = await pair.compare('version: 1\ndomains: { d: {} }\nentities: { state: { domain: d, source: { table: state }, target: { table: state }, key: { id: id }, columns: { code: { from: code, values: { 1: open, 2: closed, other: unknown } } } } }')
    expect(again.entities['state']).toMatchObject({ verdict: 'warn', accounting: { source: { verified: 3, accepted: 3 } } })
  })
})

test('values at the ends of their types are judged, not refused', async () => {
  const create = (list: [string, string, string, string]) => `create table ends (id int, n numeric, s timestamp, z timestamptz, d date); insert into ends values (1, ${list.join(', ')}), (2, 1, '2000-01-01', '2000-01-01', '2000-01-01')`
  const ends = await createPair({
    source: create(['10::numeric ^ 70000 + 0.001', "'4713-01-01 BC'", "'294276-12-31'", "'5874897-12-31'"]), target: create(['10::numeric ^ 70000', "'294276-12-31'", "'4713-01-01 BC'", "'5874897-12-30'"]),
  })
  const columns = 'n: { from: n, tolerance: 0.01 }, s: { from: s, tolerance: 1 second }, z: { from: z, tolerance: 1 second }, d: { from: d, tolerance: 1 day }'
  const found = await ends.compare(`version: 1\ndomains: { d: {} }\nentities: { ends: { domain: d, source: { table: ends }, target: { table: ends }, key: { id: id }, columns: { ${columns} } } }`)
  await ends.close()
  expect(found.entities['ends']).toMatchObject({ note: null, accounting: { source: { verified: 1, differs: 1 } } })
  expect(found.differences.map((one) => one.columns.map(({ column }) => column))).toEqual([['s', 'z']])
})
