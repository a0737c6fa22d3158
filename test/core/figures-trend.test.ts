import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitLine, trendOf } from '../../src/core/trend.js'

const now = new Date('2026-11-22T12:00:00Z')
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000)

describe('fitLine', () => {
  it('fits by least squares', () => {
    // by hand: Sxx = 5, Sxy = (−1.5)(−2.5) + (−0.5)(−0.5) + 0.5·0.5 + 1.5·2.5 = 8, slope 1.6; residuals −0.1, 0.3, −0.3, 0.1, their squares 0.2
    const line = fitLine([[3, 1], [2, 3], [1, 4], [0, 6]].map(([days = 0, value = 0]) => ({ at: ago(days), value })))
    expect(line?.slopePerDay).toBeCloseTo(1.6, 12)
    expect(line?.standardError).toBeCloseTo(Math.sqrt(0.2 / 2 / 5), 12)
    expect(line?.points).toBe(4)
  })

  it('has no slope below two points or at one instant, and no error for two', () => {
    expect(fitLine([])).toBeNull()
    expect(fitLine([{ at: now, value: 1 }])).toBeNull()
    expect(fitLine([{ at: now, value: 1 }, { at: now, value: 2 }])).toBeNull()
    expect(fitLine([{ at: ago(2), value: 1 }, { at: now, value: 2 }])).toEqual({ slopePerDay: 0.5, standardError: null, points: 2 })
  })

  it('recovers an exact line whatever the order, the offset and the times', () => {
    const days = fc.uniqueArray(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 20 })
    fc.assert(
      fc.property(days, fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 0, max: 1_000_000 }), (minutes, slope, offset) => {
        const line = fitLine(minutes.map((minute) => ({ at: ago(minute / 1440), value: offset - slope * minute })))
        expect(line?.slopePerDay).toBeCloseTo(slope * 1440, 3)
      }),
    )
  })

  it('gives a level series a slope of exactly 0', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 20 }), fc.double({ min: 0, max: 1e15, noNaN: true }), (minutes, value) => {
        expect(Math.abs(fitLine(minutes.map((minute) => ({ at: ago(minute / 1440), value })))?.slopePerDay ?? NaN)).toBe(0)
      }),
    )
  })
})

describe('trendOf', () => {
  const trend = (...points: [number, number][]) => trendOf(points.map(([days, value]) => ({ at: ago(days), value })), now)

  it('calls a slope above +0.1 a day improving, below −0.1 declining, else stable', () => {
    expect(trend([7, 50], [0, 50.71])).toBe('improving')
    expect(trend([7, 50], [0, 50.7])).toBe('stable')
    expect(trend([7, 50], [0, 49.3])).toBe('stable')
    expect(trend([7, 50], [0, 49.29])).toBe('declining')
    expect(trend([3, 99.99], [2, 99.99], [1, 99.99])).toBe('stable')
  })

  it('looks at the last 7 days only, and is null below two snapshots there', () => {
    expect(trend([8, 10], [1, 50], [0, 50])).toBe('stable')
    expect(trend([8, 10], [0, 50])).toBeNull()
    expect(trend([1, 10], [-1, 50])).toBeNull()
    expect(trend()).toBeNull()
  })
})
