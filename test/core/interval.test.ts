import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { wilsonInterval } from '../../src/core/interval.js'

describe('wilsonInterval', () => {
  test('is that of the textbook, within 0 and 1', () => {
    const rounded = (hits: number, size: number) => Object.values(wilsonInterval(hits, size) ?? {}).map((end) => Math.round(end * 10_000) / 10_000)
    expect([rounded(8, 10), rounded(0, 10), rounded(10, 10), rounded(500, 1000)]).toEqual([[0.4902, 0.9433], [0, 0.2775], [0.7225, 1], [0.4691, 0.5309]])
    expect(wilsonInterval(0, 0)).toBeNull()
  })

  test('holds the share, mirrors with it, and narrows with the size', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 100_000 }).chain((size) => fc.tuple(fc.nat({ max: size }), fc.constant(size))), ([hits, size]) => {
      const [there, back, tenfold] = [wilsonInterval(hits, size)!, wilsonInterval(size - hits, size)!, wilsonInterval(hits * 10, size * 10)!]
      const [share, rounding] = [hits / size, 1e-12]
      expect([there.low >= 0, there.low <= share + rounding, share <= there.high + rounding, there.high <= 1]).toEqual([true, true, true, true])
      expect(there.low).toBeCloseTo(1 - back.high, 9)
      expect(tenfold.high - tenfold.low).toBeLessThan(there.high - there.low)
    }))
  })
})
