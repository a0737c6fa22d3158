import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { runCases, testCases } from './cases.js'
import { parentCases } from './parent-cases.js'

let pair: Pair
let run: ComparisonRun
beforeAll(async () => {
  pair = await createPair()
  run = await runCases(pair, parentCases)
})
afterAll(async () => { await pair.close() })
describe('parents', () => { testCases(parentCases, () => run) })

test('a missing child names the row at the top of its chain', () => {
  const roots = run.differences.filter(({ entity, cause }) => entity === 'c3_nodes' && cause === 'parent').map(({ key, columns }) => [key['id'], columns[0]?.source])
  expect(roots.toSorted()).toEqual([['3', 'c3_nodes: id 2'], ['4', 'c3_nodes: id 2'], ['5', expect.stringMatching(/id [56]$/)], ['6', expect.stringMatching(/id [56]$/)]])
})
