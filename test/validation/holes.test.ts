import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { lineOf, planOf, runCases, testCases } from './cases.js'
import { holeCases } from './hole-cases.js'

let pair: Pair
let run: ComparisonRun

beforeAll(async () => {
  pair = await createPair()
  run = await runCases(pair, holeCases)
})
afterAll(() => pair.close())

testCases(holeCases, () => run)

test('many small chunks and segments tell the same story', async () => {
  const small = await pair.compare(planOf(holeCases), { segmentRows: 1, scanChunkPages: 1 }, { killedShare: 0.2 })
  const told = ({ entities, differences, tables }: ComparisonRun) => ({
    entities: Object.fromEntries(Object.entries(entities).map(([name, { verdict, accounting, causes }]) => [name, { verdict, accounting, causes: causes.map((cause) => JSON.stringify(cause)).sort() }])),
    differences: differences.map((one) => `${one.entity} ${lineOf(one)}`).sort(), tables,
  })
  expect(told(small)).toEqual(told(run))
})
