import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { expectCase, runCases } from '../validation/cases.js'
import { casesOf, situations } from './all.js'
import { planTextOf } from './situation.js'

/** Every situation and its twins as one job over both databases; each is a test of its own. */
const cases = casesOf(situations)
let pair: Pair
let run: ComparisonRun

beforeAll(async () => {
  pair = await createPair()
  run = await runCases(pair, cases)
}, 120_000)
afterAll(() => pair.close())

describe.each(situations)('$id $title', ({ says, story, twins }) => {
  for (const one of [story, ...twins]) test(one.name, () => { expectCase(run, one, cases.indexOf(one)) })
  test('the plan says so', () => {
    for (const piece of says) expect(planTextOf(story)).toContain(piece)
  })
})
