import { describe, expect, it } from 'vitest'
import type { Progress } from '../../src/core/figures.js'
import { thinOut, trendSection } from '../../src/reports/trend.js'

const now = new Date('2026-11-22T12:00:00Z')
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000)
const entities = ['a', 'b'].map((name) => ({ name, domain: 'd', priority: 'normal' as const, scripts: [] }))
const progress = (entity: string, days: number, verified: number | null, scope: number | null = 100): Progress => ({ entity, publishedAt: ago(days), scope, arrived: verified, verified })

describe('trendSection', () => {
  it('is empty, and says nothing of a direction, while an entity was never counted', () => {
    expect(trendSection(entities, [progress('a', 1, 50), progress('b', 1, null, null)], now, 10)).toEqual({ days: 30, snapshots: 0, omitted: 0, direction: null, fit: null, points: [] })
  })

  it('one snapshot is a point without a line', () => {
    const point = { at: ago(1).toISOString(), verifiedPercent: 66.66, arrivedPercent: 66.66, totalRecords: 300, migratedRecords: 200, verifiedRecords: 200 }
    expect(trendSection(entities, [progress('a', 1, 50), progress('b', 1, 150, 200)], now, 10)).toEqual({ days: 30, snapshots: 1, omitted: 0, direction: null, fit: null, points: [point] })
  })

  it('shows 30 days and fits the last 7; an entity counts with its newest figures up to then', () => {
    const history = [progress('a', 40, 0), progress('b', 40, 0), progress('b', 20, 50), ...[6, 4, 2].map((days) => progress('a', days, 60 - 10 * days))]
    const section = trendSection(entities, history, now, 10)
    expect(section.points.map(({ at, verifiedPercent }) => [at, verifiedPercent])).toEqual([[ago(20).toISOString(), 25], [ago(6).toISOString(), 25], [ago(4).toISOString(), 35], [ago(2).toISOString(), 45]])
    expect(section).toMatchObject({ snapshots: 4, omitted: 0, direction: 'improving', fit: { snapshots: 3, slopePerDay: 5, slopeLow: 5, slopeHigh: 5 } })
    expect(section.fit?.band).toHaveLength(9)
    expect([section.fit?.band[0], section.fit?.band.at(-1)]).toEqual([
      { at: ago(6).toISOString(), verifiedPercent: 25, low: 25, high: 25 }, { at: ago(2).toISOString(), verifiedPercent: 45, low: 45, high: 45 },
    ])
  })

  it('the interval is cut off at 0 and 100, and two snapshots have none', () => {
    const jumps = trendSection(entities.slice(0, 1), [progress('a', 3, 0), progress('a', 2, 100), progress('a', 1, 0), progress('a', 0, 100)], now, 10)
    for (const { low, high } of jumps.fit!.band) expect(low! >= 0 && high! <= 100 && low! < high!).toBe(true)
    expect(jumps.fit!.band[0]!.low).toBe(0)
    const two = trendSection(entities.slice(0, 1), [progress('a', 2, 0), progress('a', 1, 100)], now, 10)
    expect(two.fit).toMatchObject({ snapshots: 2, slopePerDay: 100, slopeLow: null, slopeHigh: null })
    expect(new Set(two.fit!.band.map(({ low, high }) => `${low} ${high}`))).toEqual(new Set(['null null']))
  })

  it('a scope of 0 has no percentage and gives no point', () => {
    expect(trendSection(entities.slice(0, 1), [progress('a', 2, 0, 0), progress('a', 1, 5)], now, 10).points).toHaveLength(1)
  })

  it('lists at most so many, tells how many not, and fits all of them', () => {
    const history = Array.from({ length: 100 }, (_, index) => progress('a', 6 - index * 0.06, index))
    const section = trendSection(entities.slice(0, 1), history, now, 10)
    expect(section).toMatchObject({ snapshots: 100, omitted: 90, fit: { snapshots: 100 } })
    expect(section.points.map(({ verifiedPercent }) => verifiedPercent)).toEqual([9, 19, 29, 39, 49, 59, 69, 79, 89, 99])
  })
})

describe('thinOut', () => {
  it('keeps the last of each span', () => {
    const points = [0, 1, 2, 3, 50, 99, 100].map((day) => ({ at: ago(-day), day }))
    expect(thinOut(points, 4).map(({ day }) => day)).toEqual([3, 50, 100])
    expect(thinOut(points, 7)).toEqual(points)
    expect(thinOut([], 1)).toEqual([])
  })
})
