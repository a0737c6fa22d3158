import { describe, expect, it } from 'vitest'
import { uniformAccounting } from '../../src/core/accounting.js'
import { estimateTimeline, studentT90, timelineOf } from '../../src/core/timeline.js'

const now = new Date('2026-11-22T12:00:00Z')
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000)
const points = (...list: [number, number][]) => list.map(([days, arrived]) => ({ at: ago(days), scope: 1000, arrived, verified: 0 }))
const all = { entities: 4, withSlope: 3 }

describe('studentT90', () => {
  it.each([[1, 3.078], [2, 1.886], [3, 1.638], [4, 1.533], [5, 1.476], [10, 1.372], [30, 1.31], [120, 1.289], [100_000, 1.282]])('%d degrees: %d as in the tables', (degrees, value) => {
    expect(Math.abs(studentT90(degrees) - value)).toBeLessThan(0.001)
  })
  it('refuses what is no number of degrees', () => {
    for (const degrees of [0, -1, 1.5, NaN]) expect(() => studentT90(degrees)).toThrow(RangeError)
  })
})

describe('estimateTimeline', () => {
  it('divides what remains by the slope; two points leave no interval', () => {
    expect(estimateTimeline(300, points([2, 500], [0, 700]), all, now)).toEqual({
      estimatedCompletionDays: 3,
      estimatedCompletionAt: new Date('2026-11-25T12:00:00Z'),
      interval: null,
      confidence: 0.75,
      basis: 'least squares over 2 snapshots of the last 7 days: 100 rows a day, 300 to go',
    })
  })

  it('gives the 80 % interval of the slope', () => {
    // slope 1.6 a day, standard error √(0.2 / 2 / 5) = 0.141421, t(2) = 1.885618: margin 0.266667, so 100 / 1.866667 and 100 / 1.333333
    const timeline = estimateTimeline(100, points([3, 1], [2, 3], [1, 4], [0, 6]), all, now)
    expect(timeline).toMatchObject({ estimatedCompletionDays: 62.5, interval: { earliestDays: 53.57, latestDays: 75 } })
  })

  it('leaves the interval open when the slope may as well be 0', () => {
    // slope 0.5, residuals of (0, 10, 1): mean 11/3; standard error far above the slope
    expect(estimateTimeline(10, points([2, 0], [1, 10], [0, 1]), all, now).interval).toMatchObject({ latestDays: null })
  })

  it('is 0 days when every row has arrived', () => {
    expect(estimateTimeline(0, [], all, now)).toMatchObject({ estimatedCompletionDays: 0, estimatedCompletionAt: now, basis: 'every row in scope has arrived' })
  })

  it.each([
    ['a figure is unknown', null, points([2, 1], [0, 2]), all, 'not every entity was counted'],
    ['no entity', 0, [], { entities: 0, withSlope: 0 }, 'the plan has no entity'],
    ['too few snapshots', 5, points([9, 1], [0, 2]), all, '1 of the 2 snapshots that a slope needs in the last 7 days'],
    ['level', 5, points([2, 7], [0, 7]), all, 'arrived rows did not rise over 2 snapshots of the last 7 days'],
    ['falling', 5, points([2, 8], [0, 7]), all, 'arrived rows did not rise over 2 snapshots of the last 7 days'],
  ])('is null, with the reason, when: %s', (_case, remaining, group, slopes, basis) => {
    expect(estimateTimeline(remaining, group, slopes, now)).toMatchObject({ estimatedCompletionDays: null, estimatedCompletionAt: null, interval: null, basis })
  })

  it('gives days but no time beyond the year 9999, which the format cannot write', () => {
    expect(estimateTimeline(9e15, points([2, 1], [0, 3]), all, now)).toMatchObject({ estimatedCompletionDays: 9e15, estimatedCompletionAt: null })
  })
})

describe('timelineOf', () => {
  const zero = uniformAccounting(0)
  const accounting = (scope: number | null, verified: number | null) => ({ ...zero, source: { ...zero.source, scope, verified } })
  const at = (entity: string, days: number, arrived: number) => ({ entity, publishedAt: ago(days), scope: 100, arrived, verified: arrived })
  const entities = [{ name: 'a' }, { name: 'b' }, { name: 'once' }]

  it('is that of the sums of all entities; confidence is the share of those that rise or fall themselves', () => {
    const history = [at('a', 4, 10), at('b', 4, 10), at('once', 4, 20), at('a', 2, 30), at('b', 2, 30), at('elsewhere', 1, 99)]
    expect(timelineOf(entities, accounting(300, 80), history, now)).toMatchObject({ estimatedCompletionDays: 11, confidence: 0.6666, basis: 'least squares over 2 snapshots of the last 7 days: 20 rows a day, 220 to go' })
    expect(timelineOf(entities, accounting(300, 80), [...history, at('once', 3, 20)], now).confidence).toBe(1)
    expect(timelineOf(entities, accounting(300, 80), [...history, at('once', 8, 20)], now).confidence).toBe(0.6666)
    expect(timelineOf([{ name: 'never' }], accounting(300, 80), history, now)).toMatchObject({ estimatedCompletionDays: null, confidence: 0 })
  })

  it('is unknown while the scope or what arrived is', () => {
    for (const unknown of [accounting(null, 80), accounting(300, null)]) expect(timelineOf(entities, unknown, [], now).basis).toBe('not every entity was counted')
  })
})
