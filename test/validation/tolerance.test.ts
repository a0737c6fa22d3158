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
