import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitBand } from '../../src/core/trend-band.js'
import { fitLine } from '../../src/core/trend.js'
import { studentT90 } from '../../src/core/timeline.js'

const day = (number: number) => new Date(Date.UTC(2026, 10, 1) + number * 86_400_000)

describe('fitBand', () => {
  it('gives the line and its 80 % interval', () => {
    // by hand: x = 0, 1, 2, 3, y = 1, 3, 4, 6: slope 1.6, mean 3.5 at 1.5; residuals −0.1, 0.3, −0.3, 0.1, s² = 0.2 / 2, Sxx = 5; t(0.90, 2) = 1.885618
    const fit = fitBand([[3, 6], [0, 1], [1, 3], [2, 4]].map(([x = 0, value = 0]) => ({ at: day(x), value })), 4)
    const [s, t] = [Math.sqrt(0.1), 1.8856180831641267]
    expect(fit?.points).toBe(4)
    expect(fit?.slopePerDay).toBeCloseTo(1.6, 12)
    expect(fit?.slopeInterval?.high).toBeCloseTo(1.6 + (t * s) / Math.sqrt(5), 12)
    expect(fit?.band.map(({ at }) => at)).toEqual([day(0), day(1), day(2), day(3)])
    for (const [x, step] of fit!.band.entries()) {
      const margin = t * s * Math.sqrt(1 / 4 + (x - 1.5) ** 2 / 5)
      expect(step.value).toBeCloseTo(3.5 + 1.6 * (x - 1.5), 12)
      expect(step.interval?.low).toBeCloseTo(step.value - margin, 12)
      expect(step.interval?.high).toBeCloseTo(step.value + margin, 12)
    }
  })

  it('has no interval for two points, and is none for one or at one instant', () => {
    expect(fitBand([{ at: day(0), value: 1 }, { at: day(2), value: 3 }], 3)).toEqual({
      points: 2, slopePerDay: 1, slopeInterval: null, band: [0, 1, 2].map((x) => ({ at: day(x), value: 1 + x, interval: null })),
    })
    expect(fitBand([{ at: day(0), value: 1 }], 3)).toBeNull()
    expect(fitBand([{ at: day(0), value: 1 }, { at: day(0), value: 2 }], 3)).toBeNull()
  })

  it('agrees with the line, is narrowest in the middle and as wide as the error of the mean there', () => {
    const points = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 100 })), { minLength: 3, maxLength: 20, selector: ([x]) => x })
    fc.assert(fc.property(points, (pairs) => {
      const list = pairs.map(([x, value]) => ({ at: day(x / 10), value }))
      const fit = fitBand(list, 5)!
      const line = fitLine(list)!
      expect(fit.slopePerDay).toBe(line.slopePerDay)
      expect(fit.slopeInterval!.high - fit.slopeInterval!.low).toBeCloseTo(2 * studentT90(list.length - 2) * line.standardError!, 6)
      const widths = fit.band.map(({ interval }) => interval!.high - interval!.low)
      expect(Math.min(...widths.slice(1, 4))).toBeLessThanOrEqual(Math.max(widths[0]!, widths[4]!) + 1e-9)
      for (const { value, interval } of fit.band) expect((interval!.low + interval!.high) / 2).toBeCloseTo(value, 6)
    }))
  })
})
