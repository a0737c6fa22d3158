import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPair, type Pair } from '../helpers/compare.js'
import { figuresOf, planOf, prefixed, testInChunks } from './cases.js'
import { referenceCases } from './reference-cases.js'

testInChunks('references and their key maps', referenceCases)

let pair: Pair
beforeAll(async () => { pair = await createPair() })
afterAll(async () => { await pair.close() })

test('what an entity declares as merged is right in a job without it, too', async () => {
  const declared = referenceCases.find(({ name }) => name.startsWith('what an entity declares as merged'))!
  await pair.source.sql.unsafe(prefixed(declared.source, 0)).simple()
  await pair.target.sql.unsafe(prefixed(declared.target, 0)).simple()
  const { entities, checks } = await pair.compare(planOf([declared]), {}, { entities: ['c0_note'] })
  expect([entities['c0_note']!.verdict, figuresOf(entities['c0_note']!.accounting)]).toEqual(['pass', '2: 2 verified | 2: 2 matched'])
  expect(checks.find(({ name }) => name === 'a modern key has one legacy key')?.message).toContain('as its entity merges rows')
})
