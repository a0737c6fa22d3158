import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPair, type Pair } from '../helpers/compare.js'
import { figuresOf, planOf, prefixed, testInChunks } from './cases.js'
import { referenceCases } from './reference-cases.js'

testInChunks('references and their key maps', referenceCases)

describe('in a job of one entity', () => {
  let pair: Pair
  beforeEach(async () => { pair = await createPair() })
  afterEach(async () => { await pair.close() })

  /** One entity of a case, in a job of its own. */
  async function compareAlone(title: string, entity: string) {
    const one = referenceCases.find(({ name }) => name.startsWith(title))!
    await pair.source.sql.unsafe(prefixed(one.source, 0)).simple()
    await pair.target.sql.unsafe(prefixed(one.target, 0)).simple()
    return pair.compare(planOf([one]), {}, { entities: [`c0_${entity}`] })
  }

  test('what an entity declares as merged is right in a job without it, too', async () => {
    const { entities, checks } = await compareAlone('what an entity declares as merged', 'note')
    expect([entities['c0_note']!.verdict, figuresOf(entities['c0_note']!.accounting)]).toEqual(['pass', '2: 2 verified | 2: 2 matched'])
    expect(checks.find(({ name }) => name === 'a modern key has one legacy key')?.message).toContain('as its entity merges rows')
  })

  test('an entry of a map leads to a row of an entity that the job leaves out, too', async () => {
    const { checks } = await compareAlone('an entry of a map that keys entities of two target tables', 'c')
    expect(checks.filter(({ name }) => name === 'a map entry leads to a row').map(({ subject, verdict, message }) => `${subject} ${verdict}: ${message}`))
      .toEqual(['c0_map: c0_c pass: every entry of c0_map leads to a row of public.c0_cs or public.c0_os'])
  })
})
