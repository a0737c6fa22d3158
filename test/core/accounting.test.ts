import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  accountingVerdict, addCounts, arrivedPercent, brokenLaws, floorPercent, sourceClasses, sumAccountings, targetClasses, uniformAccounting, verdicts, verifiedPercent, worstVerdict,
  type Accounting, type Count, type Verdict,
} from '../../src/core/accounting.js'

const count = fc.nat(1_000_000_000)
const verdict = fc.constantFrom(...verdicts)

/** An accounting that keeps the laws: the classes are drawn, the sums follow. */
const lawful: fc.Arbitrary<Accounting> = fc.record({ excluded: count, classes: fc.array(count, { minLength: 8, maxLength: 8 }), rest: fc.array(count, { minLength: 5, maxLength: 5 }) }).map(({ excluded, classes, rest }) => {
  const source = Object.fromEntries(sourceClasses.map((name, index) => [name, classes[index]!])) as Record<(typeof sourceClasses)[number], number>
  const scope = classes.reduce((sum, rows) => sum + rows, 0)
  const [duplicate = 0, generated = 0, pending = 0, extra = 0, unverified = 0] = rest
  const matched = source.verified + source.accepted + source.differs
  return {
    source: { ...source, total: excluded + scope, excluded, scope },
    target: { total: matched + duplicate + generated + pending + extra + unverified, matched, duplicate, generated, pending, extra, unverified },
  }
})
const clean: Accounting = { source: { ...uniformAccounting(0).source, total: 3, scope: 3, verified: 3 }, target: { ...uniformAccounting(0).target, total: 3, matched: 3 } }
const withSource = (change: Partial<Accounting['source']>): Accounting => ({ ...clean, source: { ...clean.source, ...change } })
const withTarget = (change: Partial<Accounting['target']>): Accounting => ({ ...clean, target: { ...clean.target, ...change } })

describe('percentages', () => {
  test('are floored, and 100 only when nothing is missing', () => {
    expect([floorPercent(99_996, 100_000), floorPercent(2, 3), floorPercent(1, 3), floorPercent(9_999_999, 10_000_000), floorPercent(7, 7), floorPercent(0, 7)]).toEqual([99.99, 66.66, 33.33, 99.99, 100, 0])
  })

  test('are null where there is nothing to divide', () => {
    expect([floorPercent(0, 0), floorPercent(null, 3), floorPercent(3, null), floorPercent(null, null)]).toEqual([null, null, null, null])
  })

  test('never round up, are exact to two decimals, and never shrink as rows are added', () => {
    fc.assert(fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (one, other) => {
      const [part, whole] = one <= other ? [one, other] : [other, one]
      fc.pre(whole > 0)
      const percent = floorPercent(part, whole)!
      const hundredths = BigInt(Math.round(percent * 100))
      expect(hundredths * BigInt(whole) <= BigInt(part) * 10_000n).toBe(true)
      expect((hundredths + 1n) * BigInt(whole) > BigInt(part) * 10_000n).toBe(true)
      expect(percent === 100).toBe(part === whole)
      if (part < whole) expect(floorPercent(part + 1, whole)! >= percent).toBe(true)
    }))
  })

  test('accepted and differing rows have arrived and are not verified; merged rows are both', () => {
    const accounting = withSource({ total: 10, scope: 10, verified: 3, accepted: 2, differs: 1, merged: 1, missing: 3 })
    expect([verifiedPercent(accounting), arrivedPercent(accounting)]).toEqual([40, 70])
    expect(verifiedPercent(withSource({ scope: 0, verified: 0 }))).toBeNull()
    expect(verifiedPercent(withSource({ merged: null }))).toBeNull()
  })

  test('what is verified has arrived', () => {
    fc.assert(fc.property(lawful, (accounting) => {
      fc.pre(accounting.source.scope !== 0)
      expect(verifiedPercent(accounting)! <= arrivedPercent(accounting)!).toBe(true)
    }))
  })
})

describe('sums', () => {
  test('null as soon as one count is null, wherever it stands', () => {
    fc.assert(fc.property(fc.array(count), fc.array(count), (before, after) => {
      expect(addCounts(...before, null, ...after)).toBeNull()
      expect(addCounts(...before, ...after)).toBe([...before, ...after].reduce((sum, rows) => sum + rows, 0))
    }))
  })

  test('no count beyond 2^53 - 1 is given', () => {
    expect(addCounts(Number.MAX_SAFE_INTEGER, 0)).toBe(Number.MAX_SAFE_INTEGER)
    expect(() => addCounts(Number.MAX_SAFE_INTEGER, 1)).toThrow(RangeError)
  })

  test('add figure by figure, in any order and grouping, and keep the laws', () => {
    fc.assert(fc.property(fc.array(lawful, { maxLength: 5 }), fc.array(lawful, { maxLength: 5 }), (left, right) => {
      const sum = sumAccountings([...left, ...right])
      expect(sumAccountings([...right].reverse().concat(left))).toEqual(sum)
      expect(sumAccountings([sumAccountings(left), sumAccountings(right)])).toEqual(sum)
      expect(brokenLaws(sum)).toEqual([])
      for (const name of sourceClasses) expect(sum.source[name]).toBe([...left, ...right].reduce((rows, { source }) => rows + source[name]!, 0))
      for (const name of targetClasses) expect(sum.target[name]).toBe([...left, ...right].reduce((rows, { target }) => rows + target[name]!, 0))
    }))
  })

  test('of none is 0, with one that could not be counted null, and leaves its arguments alone', () => {
    expect(sumAccountings([])).toEqual(uniformAccounting(0))
    expect(sumAccountings([clean, uniformAccounting(null)])).toEqual(uniformAccounting(null))
    expect(sumAccountings([clean, withTarget({ extra: null })]).target).toEqual({ ...withTarget({ total: 6, matched: 6 }).target, extra: null })
    expect(clean.source.total).toBe(3)
  })
})

describe('laws', () => {
  test('every figure that is off by one breaks the laws it stands in', () => {
    const figures: ['source' | 'target', string, number][] = [
      ...['total', 'excluded', 'explained', 'pending', 'missing', 'unverified', 'merged'].map((name): ['source', string, number] => ['source', name, 1]),
      ['source', 'scope', 2], ...['verified', 'accepted', 'differs'].map((name): ['source', string, number] => ['source', name, 2]),
      ...['total', 'duplicate', 'generated', 'pending', 'extra', 'unverified'].map((name): ['target', string, number] => ['target', name, 1]), ['target', 'matched', 2],
    ]
    fc.assert(fc.property(lawful, fc.constantFrom(...figures), (accounting, [side, name, broken]) => {
      expect(brokenLaws(accounting)).toEqual([])
      const figuresOfSide = accounting[side] as Record<string, Count>
      const changed = { ...accounting, [side]: { ...figuresOfSide, [name]: figuresOfSide[name]! + 1 } }
      expect(brokenLaws(changed)).toHaveLength(broken)
      expect(brokenLaws({ ...accounting, [side]: { ...figuresOfSide, [name]: null } })).toEqual([])
    }))
  })

  test('a broken law is told with its figures', () => {
    expect(brokenLaws(withSource({ missing: 1 }))).toEqual(['scope = the sum of its classes: 3 is not 4'])
    expect(brokenLaws(withSource({ excluded: 2 }))).toEqual(['source total = excluded + scope: 3 is not 5'])
    expect(brokenLaws(withTarget({ extra: 1 }))).toEqual(['target total = the sum of its classes: 3 is not 4'])
    expect(brokenLaws(withTarget({ total: 4, matched: 4 }))).toEqual(['matched = verified + accepted + differs: 4 is not 3'])
  })
})

describe('verdicts', () => {
  test('worst first: fail, unknown, warn, pass; of none unknown', () => {
    expect(worstVerdict([])).toBe('unknown')
    fc.assert(fc.property(fc.array(verdict, { minLength: 1 }), (list) => {
      const order: Verdict[] = ['fail', 'unknown', 'warn', 'pass']
      expect(worstVerdict(list)).toBe(order.find((one) => list.includes(one)))
    }))
  })

  test.each<[string, Accounting, Verdict]>([
    ['all verified', clean, 'pass'],
    ['missing', withSource({ missing: 1 }), 'fail'],
    ['differs', withSource({ differs: 1 }), 'fail'],
    ['duplicate', withTarget({ duplicate: 1 }), 'fail'],
    ['extra', withTarget({ extra: 1 }), 'fail'],
    ['unverified source', withSource({ unverified: 1 }), 'unknown'],
    ['unverified target', withTarget({ unverified: 1 }), 'unknown'],
    ['pending source', withSource({ pending: 1 }), 'unknown'],
    ['pending target', withTarget({ pending: 1 }), 'unknown'],
    ['not countable', withTarget({ total: null }), 'unknown'],
    ['explained', withSource({ explained: 1 }), 'warn'],
    ['accepted', withSource({ accepted: 1 }), 'warn'],
    ['no scope', withSource({ scope: 0, verified: 0 }), 'warn'],
    ['excluded and generated alone', { source: { ...clean.source, excluded: 2 }, target: { ...clean.target, generated: 2 } }, 'pass'],
    ['merged', withSource({ merged: 1 }), 'pass'],
    ['missing beside not countable', { source: { ...clean.source, missing: 1 }, target: uniformAccounting(null).target }, 'fail'],
    ['unverified beside explained', withSource({ explained: 1, unverified: 1 }), 'unknown'],
    ['nothing known', uniformAccounting(null), 'unknown'],
  ])('%s', (_, accounting, expected) => {
    expect(accountingVerdict(accounting)).toBe(expected)
  })

  test('pass means: something in scope, all of it verified or merged, nothing else in the target but matched and generated', () => {
    fc.assert(fc.property(lawful, (accounting) => {
      const { source, target } = accounting
      const clear = source.scope! > 0 && source.scope === source.verified! + source.merged! && target.total === target.matched! + target.generated!
      expect(accountingVerdict(accounting) === 'pass').toBe(clear)
    }))
  })
})
