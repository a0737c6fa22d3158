import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { runCases, testCases } from './cases.js'
import { held, names, adviceCases } from './advice-cases.js'

let pair: Pair
let run: ComparisonRun
beforeAll(async () => {
  pair = await createPair()
  run = await runCases(pair, adviceCases)
})
afterAll(() => pair.close())

describe('advice', () => { testCases(adviceCases, () => run) })

test('is asked only where there is something to ask', () => {
  const told = (name: string) => run.checks.filter((check) => check.name === name).map(({ entity }) => entity)
  expect(told(held)).toEqual(['c0_v', 'c1_v', 'c2_v'])
  expect(told(names)).toEqual(['c3_l', 'c5_l', 'c6_number', 'c6_sku'])
})
