import { describe, expect, it } from 'vitest'
import { drawTrend } from '../../../src/reports/charts/trend-line.js'
import type { TrendChart } from '../../../src/reports/charts/trend-line.js'
import { drawnText } from './svg.js'

const at = (day: number) => new Date(Date.UTC(2026, 10, day)).toISOString()
const chart = (points: [number, number][], band: TrendChart['band'] = []): TrendChart => ({
  kind: 'trend', title: 'Verified', table: 'Snapshots', points: points.map(([day, verifiedPercent]) => ({ at: at(day), verifiedPercent })), band,
})
const draw = (one: TrendChart) => drawTrend(one, 'c').map(({ markup }) => markup)[0] ?? ''
const dots = (svg: string) => [...svg.matchAll(/<circle class="dot" cx="([\d.]+)%" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)])
/** Percentage → pixel from the top, as the scale at the left says. */
const ticks = (svg: string) => [...svg.matchAll(/y1="([\d.]+)"[^>]*\/><text class="detail" x="0" y="[\d.]+">([\d.]+) %/g)].map(([, y, tick]) => [Number(tick), Number(y)])

describe('drawTrend', () => {
  it('puts each snapshot at its time and percentage', () => {
    const svg = draw(chart([[1, 50], [2, 60], [5, 90]]))
    const points = dots(svg)
    expect(points.map(([x]) => x)).toEqual([17, 37, 97])
    const [[low, bottom], [high, top]] = [ticks(svg)[0], ticks(svg).at(-1)] as [number[], number[]]
    const expected = (percent: number) => bottom! + ((percent - low!) / (high! - low!)) * (top! - bottom!)
    for (const [index, percent] of [50, 60, 90].entries()) expect(points[index]![1]).toBeCloseTo(expected(percent), 6)
    expect(drawnText(svg)).toEqual(expect.arrayContaining(['90 % verified', '2026-11-01 00:00', '2026-11-05 00:00 UTC']))
    expect(svg).toContain('role="img" aria-labelledby="c-t" aria-describedby="c-d"')
  })

  it('holds the line and its interval within the scale, in the same coordinates as the snapshots', () => {
    const svg = draw(chart([[1, 50], [2, 60], [5, 90]], [{ at: at(1), verifiedPercent: 50, low: 20, high: 70 }, { at: at(5), verifiedPercent: 90, low: 80, high: 100 }]))
    const pairs = (name: string) => [...(new RegExp(`class="${name}" d="([^"]+)"`).exec(svg)?.[1] ?? '').matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const)
    expect(pairs('band')).toHaveLength(4)
    expect(pairs('fit').map(([x]) => x)).toEqual([17, 97])
    for (const [, y] of [...pairs('band'), ...pairs('fit'), ...pairs('line')]) expect(y >= 0 && y <= 150).toBe(true)
    for (const [index, [x, y]] of pairs('line').entries()) expect([x, y + 26]).toEqual([dots(svg)[index]![0], expect.closeTo(dots(svg)[index]![1]!, 2)])
  })

  it('two snapshots have a line without an interval', () => {
    const svg = draw(chart([[1, 50], [2, 60]], [{ at: at(1), verifiedPercent: 50, low: null, high: null }, { at: at(2), verifiedPercent: 60, low: null, high: null }]))
    expect(svg).toContain('class="fit"')
    expect(svg).not.toContain('class="band"')
  })

  it('one snapshot stands alone in the middle, none is no picture', () => {
    const svg = draw(chart([[1, 99.97]]))
    expect(dots(svg)).toHaveLength(1)
    expect(dots(svg)[0]![0]).toBe(56.5)
    expect(drawnText(svg).filter((text) => text.includes('2026'))).toEqual(['2026-11-01 00:00'])
    expect(drawTrend(chart([]), 'c')).toEqual([])
  })

  it.each([[100, 100], [0, 0], [99.99, 99.99], [0, 100], [42, 42]])('from %d to %d the scale stays within 0 and 100 and holds every snapshot', (first, last) => {
    const svg = draw(chart([[1, first], [2, last]]))
    for (const [tick] of ticks(svg)) expect(tick! >= 0 && tick! <= 100).toBe(true)
    expect(ticks(svg).length).toBeGreaterThanOrEqual(2)
    for (const [, y] of dots(svg)) expect(y! >= 26 && y! <= 176).toBe(true)
  })

  it('many snapshots have smaller dots', () => {
    expect(draw(chart(Array.from({ length: 70 }, (_, day) => [day, day])))).toContain('r="2"')
  })
})
