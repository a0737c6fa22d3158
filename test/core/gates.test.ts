import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { uniformAccounting, type Accounting } from '../../src/core/accounting.js'
import { gateVerdict, judgeGate, limits, type Gate, type GateFigures } from '../../src/core/gates.js'

type Changes = { source?: Partial<Accounting['source']>; target?: Partial<Accounting['target']> } & Partial<Omit<GateFigures, 'accounting'>>

/** Figures in which nothing is wrong, but for what is given. */
function figures({ source = {}, target = {}, ...rest }: Changes = {}): GateFigures {
  const zero = uniformAccounting(0)
  return {
    accounting: { source: { ...zero.source, scope: 10, verified: 10, ...source }, target: { ...zero.target, total: 10, matched: 10, ...target } },
    uncovered: { tables: 0, columns: 0, rows: 0 }, untold: null, tablesUntold: null, ...rest,
  }
}

const verdictsOf = (gate: Gate, changes?: Changes) => judgeGate(gate, figures(changes)).map(({ verdict }) => verdict)
const whole: Gate = { minVerifiedPercent: 100, maxMissing: 0, maxDiffers: 0, maxDuplicate: 0, maxExtra: 0, maxPending: 0, maxUnverified: 0, maxUncoveredTables: 0, maxUncoveredColumns: 0, maxUncoveredRows: 0 }

describe('a gate', () => {
  test('passes with every limit when nothing is wrong, and tells the figures', () => {
    expect(Object.keys(whole)).toEqual(limits)
    expect(judgeGate(whole, figures())).toEqual([
      { limit: 'minVerifiedPercent', asked: 100, measured: 100, verdict: 'pass', detail: '10 of 10 rows' },
      ...limits.slice(1).map((limit) => ({ limit, asked: 0, measured: 0, verdict: 'pass', detail: null })),
    ])
  })

  test('asks only what is written', () => {
    expect(judgeGate({ maxExtra: 3 }, figures({ source: { missing: 5 } })).map(({ limit }) => limit)).toEqual(['maxExtra'])
  })

  test.each<[keyof Gate, Changes]>([
    ['maxMissing', { source: { missing: 2 } }],
    ['maxDiffers', { source: { differs: 2 } }],
    ['maxDuplicate', { target: { duplicate: 2 } }],
    ['maxExtra', { target: { extra: 2 } }],
    ['maxPending', { source: { pending: 2 } }],
    ['maxPending', { source: { pending: 1 }, target: { pending: 2 } }],
    ['maxUnverified', { source: { unverified: 2 }, target: { unverified: 1 } }],
    ['maxUnverified', { target: { unverified: 2 } }],
    ['maxUncoveredTables', { uncovered: { tables: 2, columns: 0, rows: 0 } }],
    ['maxUncoveredColumns', { uncovered: { tables: 0, columns: 2, rows: 0 } }],
    ['maxUncoveredRows', { uncovered: { tables: 0, columns: 0, rows: 2 } }],
  ])('%s fails above the limit and passes at it: %j', (limit, changes) => {
    expect(judgeGate({ [limit]: 1 }, figures(changes))).toEqual([{ limit, asked: 1, measured: 2, verdict: 'fail', detail: null }])
    expect(judgeGate({ [limit]: 2 }, figures(changes))).toEqual([{ limit, asked: 2, measured: 2, verdict: 'pass', detail: null }])
    expect(judgeGate({ ...whole, [limit]: 1 }, figures(changes)).filter(({ verdict }) => verdict === 'fail').map((judged) => judged.limit)).toEqual([limit])
  })

  test('never passes on a percentage that is rounded', () => {
    expect(judgeGate({ minVerifiedPercent: 100 }, figures({ source: { scope: 100_000_000, verified: 99_999_999, missing: 1 } })))
      .toEqual([{ limit: 'minVerifiedPercent', asked: 100, measured: 99.99, verdict: 'fail', detail: '99999999 of 100000000 rows' }])
    expect(verdictsOf({ minVerifiedPercent: 99.999 }, { source: { scope: 100_000, verified: 99_998, missing: 2 } })).toEqual(['fail'])
    // shown as 99.99, and enough all the same
    expect(verdictsOf({ minVerifiedPercent: 99.999 }, { source: { scope: 100_000, verified: 99_999, missing: 1 } })).toEqual(['pass'])
    // 0.07 * 100 is 7.000000000000001 in floating point
    expect(verdictsOf({ minVerifiedPercent: 7 }, { source: { scope: 100, verified: 7, missing: 93 } })).toEqual(['pass'])
    expect(verdictsOf({ minVerifiedPercent: 1e-7 }, { source: { scope: 1_000_000_000, verified: 1, missing: 999_999_999 } })).toEqual(['pass'])
    expect(verdictsOf({ minVerifiedPercent: 1.1e-7 }, { source: { scope: 1_000_000_000, verified: 1, missing: 999_999_999 } })).toEqual(['fail'])
    expect(verdictsOf({ minVerifiedPercent: 0 }, { source: { verified: 0, missing: 10 } })).toEqual(['pass'])
  })

  test('counts merged rows as the coverage does', () => {
    expect(verdictsOf({ minVerifiedPercent: 100 }, { source: { verified: 6, merged: 4 } })).toEqual(['pass'])
  })

  test('knows nothing of what was not counted, or has no rows', () => {
    const none: Changes = { ...uniformAccounting(null), uncovered: { tables: null, columns: null, rows: null } }
    expect(judgeGate(whole, figures(none)).map(({ measured, verdict, detail }) => [measured, verdict, detail])).toEqual(limits.map(() => [null, 'unknown', 'it could not be counted']))
    expect(judgeGate({ minVerifiedPercent: 0 }, figures({ source: { scope: 0, verified: 0 } })))
      .toEqual([{ limit: 'minVerifiedPercent', asked: 0, measured: null, verdict: 'unknown', detail: 'no source row is in scope' }])
    expect(verdictsOf({ maxPending: 5 }, { target: { pending: null } })).toEqual(['unknown'])
    expect(judgeGate({ maxMissing: 0 }, figures({ source: { pending: null } }))).toMatchObject([{ measured: 0, verdict: 'unknown', detail: 'nobody has counted the rows that are pending or unverified' }])
    expect(verdictsOf({ maxMissing: 0 }, { source: { pending: null, missing: 1 } })).toEqual(['fail'])
  })

  test('is unknown while rows are undecided, unless it says how many of them are borne', () => {
    const undecided: Changes = { source: { verified: 7, pending: 1, unverified: 2 }, target: { matched: 7, pending: 1, unverified: 2 } }
    expect(judgeGate({ minVerifiedPercent: 100, maxMissing: 0, maxExtra: 2 }, figures(undecided))).toEqual([
      { limit: 'minVerifiedPercent', asked: 100, measured: 70, verdict: 'unknown', detail: '7 of 10 rows; 3 pending or unverified rows can decide it either way' },
      { limit: 'maxMissing', asked: 0, measured: 0, verdict: 'unknown', detail: '3 pending or unverified rows can decide it either way' },
      { limit: 'maxExtra', asked: 2, measured: 0, verdict: 'unknown', detail: '3 pending or unverified rows can decide it either way' },
    ])
    expect(verdictsOf({ minVerifiedPercent: 70, maxMissing: 3, maxExtra: 3 }, undecided)).toEqual(['pass', 'pass', 'pass'])
    expect(verdictsOf({ maxMissing: 0, maxPending: 1 }, undecided)).toEqual(['unknown', 'pass'])
    expect(verdictsOf({ minVerifiedPercent: 70.1, maxMissing: 0, maxPending: 1, maxUnverified: 1 }, undecided)).toEqual(['fail', 'pass', 'pass', 'fail'])
    expect(judgeGate({ maxDiffers: 0 }, figures({ source: { verified: 9, pending: 1 } }))).toMatchObject([{ detail: '1 pending or unverified row can decide it either way' }])
  })

  test('is unknown with figures that cannot tell, also where they would not meet it', () => {
    expect(judgeGate({ maxMissing: 0, maxUncoveredRows: 0 }, figures({ source: { missing: 3 }, untold: 'people was never validated' }))).toEqual([
      { limit: 'maxMissing', asked: 0, measured: 3, verdict: 'unknown', detail: 'people was never validated' },
      { limit: 'maxUncoveredRows', asked: 0, measured: 0, verdict: 'unknown', detail: 'people was never validated' },
    ])
    expect(judgeGate({ maxMissing: 0, maxUncoveredTables: 0, maxUncoveredColumns: 0, maxUncoveredRows: 0 }, figures({ tablesUntold: 'by another plan' })).map(({ verdict, detail }) => [verdict, detail]))
      .toEqual([['pass', null], ['unknown', 'by another plan'], ['pass', null], ['unknown', 'by another plan']])
  })

  test('a row that is undecided decides: pass and fail hold whatever becomes of it, unknown is open', () => {
    const rows = fc.nat(6)
    fc.assert(fc.property(rows, rows, rows, fc.integer({ min: 0, max: 100_000 }), fc.nat(8), (verified, missing, undecided, thousandths, maxMissing) => {
      const scope = verified + missing + undecided
      fc.pre(scope > 0)
      const gate = { minVerifiedPercent: thousandths / 1000, maxMissing }
      const [share, count] = verdictsOf(gate, { source: { scope, verified, missing, unverified: undecided } })
      // in whole numbers: verified / scope >= thousandths / 100,000
      const futures = Array.from({ length: undecided + 1 }, (_, lost) => ({ share: (verified + undecided - lost) * 100_000 >= thousandths * scope, count: missing + lost <= maxMissing }))
      const told = (holds: boolean[]) => (holds.every((one) => one) ? 'pass' : holds.some((one) => one) ? 'unknown' : 'fail')
      expect([share, count]).toEqual([told(futures.map((one) => one.share)), told(futures.map((one) => one.count))])
    }))
  })
})

test('the verdict of all: one that fails, then one that is unknown; nothing is no pass', () => {
  const of = (...list: ('pass' | 'fail' | 'unknown')[]) => gateVerdict(list.map((verdict) => ({ verdict })))
  expect([of('pass', 'pass'), of('pass', 'unknown'), of('unknown', 'fail'), of('pass', 'fail'), of()]).toEqual(['pass', 'unknown', 'fail', 'fail', 'unknown'])
})
