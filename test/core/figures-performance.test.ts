import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { uniformAccounting } from '../../src/core/accounting.js'
import { errorPercent, freshnessRatio, gradeOf, ratePerformance } from '../../src/core/performance.js'

const now = new Date('2026-11-22T12:00:00Z')
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000)
const zero = uniformAccounting(0)
const figures = (scope: number, verified: number, differs = 0, merged = 0) => ({
  source: { ...zero.source, total: scope, scope, verified, differs, merged, missing: scope - verified - differs - merged },
  target: zero.target,
})

describe('freshnessRatio', () => {
  it.each([[0, 1], [24, 1], [96, 0.5], [168, 0], [1000, 0], [-5, 1]])('%d hours: %d', (hours, ratio) => {
    expect(freshnessRatio(hoursAgo(hours), now)).toBe(ratio)
  })
  it('is null when never validated', () => expect(freshnessRatio(null, now)).toBeNull())
})

describe('gradeOf', () => {
  it.each([[100, 'A'], [95, 'A'], [94.99, 'B'], [90, 'B'], [89.99, 'C'], [75, 'C'], [74.99, 'D'], [60, 'D'], [59.99, 'F'], [0, 'F']] as const)('%d is %s', (score, grade) => {
    expect(gradeOf(score)).toBe(grade)
  })
})

describe('ratePerformance', () => {
  it('adds 60 × verified, 25 × (1 − errors), 15 × freshness: 60·0.8 + 25·0.8 + 15·0.5 = 75.5', () => {
    expect(ratePerformance(figures(10, 7, 1, 1), hoursAgo(96), now)).toEqual({ score: 75.5, grade: 'C', factors: { verifiedRatio: 0.8, errorRatio: 0.2, freshnessRatio: 0.5 } })
  })

  it('is 100 only for what is wholly right and fresh', () => {
    expect(ratePerformance(figures(3, 3), now, now)).toMatchObject({ score: 100, grade: 'A' })
    expect(ratePerformance(figures(1_000_000_000, 999_999_999), now, now)).toMatchObject({ score: 99.99, grade: 'A' })
  })

  it('is null when a share is unknown, the other factors shown all the same', () => {
    const unknown = { score: null, grade: null }
    expect(ratePerformance(uniformAccounting(null), null, now)).toEqual({ ...unknown, factors: { verifiedRatio: null, errorRatio: null, freshnessRatio: null } })
    expect(ratePerformance(figures(0, 0), now, now)).toEqual({ ...unknown, factors: { verifiedRatio: null, errorRatio: null, freshnessRatio: 1 } })
  })

  it('never rises with age or with errors, and stays within 0 and 100', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(300), fc.nat(300), (scope, share, hours, more) => {
        const verified = Math.floor(scope * share)
        const score = ratePerformance(figures(scope, verified), hoursAgo(hours), now).score ?? NaN
        expect(score).toBeGreaterThanOrEqual(0)
        expect(score).toBeLessThanOrEqual(100)
        expect(ratePerformance(figures(scope, verified), hoursAgo(hours + more), now).score).toBeLessThanOrEqual(score)
        if (verified > 0) expect(ratePerformance(figures(scope, verified - 1), hoursAgo(hours), now).score).toBeLessThanOrEqual(score)
      }),
    )
  })
})

describe('errorPercent', () => {
  it('is (differs + missing) / scope, floored', () => {
    expect(errorPercent(figures(7, 5, 1))).toBe(28.57)
    expect(errorPercent(figures(0, 0))).toBeNull()
    expect(errorPercent(uniformAccounting(null))).toBeNull()
  })
})
