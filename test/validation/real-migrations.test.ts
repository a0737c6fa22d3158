import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ComparisonRun, Pair } from '../helpers/compare.js'
import { areDumpsAvailable, readHandPlan, restorePair } from '../helpers/real-migrations.js'

async function compareDump(name: string): Promise<{ pair: Pair; found: ComparisonRun }> {
  const pair = await restorePair(name)
  return { pair, found: await pair.compare(await readHandPlan(name), { segmentRows: 16 }) }
}

const sum = (found: ComparisonRun, pick: (accounting: ComparisonRun['entities'][string]['accounting']) => number | null) =>
  Object.values(found.entities).reduce((total, { accounting }) => total + pick(accounting)!, 0)

describe.skipIf(!areDumpsAvailable)('chinook: 11 pairs, the measured differences and nothing else', () => {
  let pair: Pair
  let found: ComparisonRun
  beforeAll(async () => ({ pair, found } = await compareDump('chinook')))
  afterAll(() => pair.close())

  test('every row of both sides is accounted for', () => {
    expect(found.job).toMatchObject({ status: 'completed', verdict: 'fail' })
    expect(Object.keys(found.entities)).toHaveLength(11)
    expect(sum(found, ({ source }) => source.total)).toBe(15_607)
    expect(sum(found, ({ target }) => target.total)).toBe(15_607)
    expect(sum(found, ({ source }) => source.verified)).toBe(15_607 - 2 - 1 - 2 - 412)
    expect(sum(found, ({ source }) => source.differs)).toBe(2 + 1 + 2 + 412)
  })

  test('by table, column and key', () => {
    const named = found.differences.filter(({ entity }) => entity !== 'invoice').map(({ entity, class: rowClass, key, columns }) => ({ entity, rowClass, key, columns: columns.map(({ column }) => column) }))
    expect(named).toEqual([
      { entity: 'customer', rowClass: 'differs', key: { customer_id: '49' }, columns: ['first_name', 'email'] },
      { entity: 'customer', rowClass: 'differs', key: { customer_id: '5' }, columns: ['first_name'] },
      { entity: 'playlist', rowClass: 'differs', key: { playlist_id: '5' }, columns: ['name'] },
      { entity: 'track', rowClass: 'differs', key: { track_id: '2' }, columns: ['composer'] },
      { entity: 'track', rowClass: 'differs', key: { track_id: '728' }, columns: ['name'] },
    ])
    const invoices = found.differences.filter(({ entity }) => entity === 'invoice')
    expect(invoices).toHaveLength(412)
    expect(new Set(invoices.map(({ key }) => key['invoice_id']))).toEqual(new Set(Array.from({ length: 412 }, (_, index) => String(index + 1))))
    expect(new Set(invoices.flatMap(({ columns }) => columns.map(({ column }) => column)))).toEqual(new Set(['invoice_date']))
    for (const { columns } of invoices) expect(Number(columns[0]!.target!.slice(0, 4)) - Number(columns[0]!.source!.slice(0, 4))).toBe(12)
  })

  test('the values tell why', () => {
    const composer = found.differences.find(({ entity, key }) => entity === 'track' && key['track_id'] === '2')
    expect(composer?.columns[0]).toMatchObject({ source: null, target: expect.any(String) })
    const name = found.differences.find(({ entity, key }) => entity === 'customer' && key['customer_id'] === '5')
    expect(name?.columns[0]?.source).toContain('\u009a')
    expect(name?.columns[0]?.target).toContain('š')
  })
})

describe.skipIf(!areDumpsAvailable)('pagila: 15 pairs, partitions against inheritance, no row differs', () => {
  let pair: Pair
  let found: ComparisonRun
  beforeAll(async () => ({ pair, found } = await compareDump('pagila')))
  afterAll(() => pair.close())

  test('every row is verified', () => {
    expect(found.job.status).toBe('completed')
    expect(Object.keys(found.entities)).toHaveLength(15)
    expect(Object.fromEntries(Object.entries(found.entities).map(([name, { verdict }]) => [name, verdict]))).toEqual(Object.fromEntries(Object.keys(found.entities).map((name) => [name, 'pass'])))
    expect(found.differences).toEqual([])
    expect(sum(found, ({ source }) => source.total)).toBe(46_273)
    expect(sum(found, ({ source }) => source.verified)).toBe(46_273)
    expect(sum(found, ({ target }) => target.matched)).toBe(46_273)
    // a defect of the dump itself: the default of customer_id takes from a sequence that was never set. Inheritance children have neither the keys nor the
    // references of the partitions, and no film has an original language
    expect(found.checks.filter(({ verdict }) => verdict !== 'pass').map(({ name, subject, verdict }) => `${verdict} ${name}: ${subject}`)).toEqual([
      'warn no reference leads nowhere: public.film: film_original_language_id_fkey', 'fail the sequence is ahead of its keys: public.customer.customer_id', 'warn the target has the foreign keys of the source: payment', 'warn the target keeps unique what the source does: payment',
    ])
    expect(found.job.verdict).toBe('fail')
  })
})
