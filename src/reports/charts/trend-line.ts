import { scaleLinear, scaleUtc } from 'd3-scale'
import { area, line } from 'd3-shape'
import { html } from '../markup.js'
import type { Markup } from '../markup.js'
import { percentText, timeText } from './label.js'

export interface TrendChart {
  kind: 'trend'
  title: string
  /** caption of the table with the same figures */
  table: string
  points: { at: string; verifiedPercent: number }[]
  /** the fitted line and its interval; empty below two snapshots */
  band: { at: string; verifiedPercent: number; low: number | null; high: number | null }[]
}

const height = 210
const [plotTop, plotHeight] = [26, 150]
/** Percent of the width: the scale stands at the left. */
const [plotLeft, plotRight] = [16, 97]

/** The least span of the scale, in percentage points: noise must not fill the picture. */
const leastSpan = 0.1

/**
 * Coverage over time as an SVG image: each snapshot a dot, the line of the last 7 days with its 80 % interval behind them. The scale holds all of it and need not start at 0;
 * its ends are written at it. Without a snapshot there is no picture.
 */
export function drawTrend({ title, table, points, band }: TrendChart, id: string): Markup[] {
  const last = points.at(-1)
  if (last === undefined) return []
  const x = timeScale(points.map(({ at }) => at))
  const y = percentScale([...points.map(({ verifiedPercent }) => verifiedPercent), ...band.flatMap(({ verifiedPercent, low, high }) => [verifiedPercent, low ?? verifiedPercent, high ?? verifiedPercent])])
  const edges = band.flatMap(({ at, low, high }) => (low === null || high === null ? [] : [{ at, low, high }]))
  const [bandPath, fitPath, linePath] = [
    area<(typeof edges)[number]>().x(({ at }) => x(at)).y0(({ low }) => y(low)).y1(({ high }) => y(high))(edges),
    line<(typeof band)[number]>().x(({ at }) => x(at)).y(({ verifiedPercent }) => y(verifiedPercent))(band),
    line<(typeof points)[number]>().x(({ at }) => x(at)).y(({ verifiedPercent }) => y(verifiedPercent))(points),
  ]
  const path = (name: string, d: string | null) => (d === null ? [] : [html`<path class="${name}" d="${d}" vector-effect="non-scaling-stroke"/>\n`])
  const first = points[0] ?? last
  return [html`<svg class="chart" role="img" aria-labelledby="${id}-t" aria-describedby="${id}-d" width="100%" height="${height}">
<title id="${id}-t">${title}</title><desc id="${id}-d">The table “${table}” has the same figures.</desc>
${y.ticks(4).map((tick) => html`<line class="grid" x1="${percentText(plotLeft)}" x2="100%" y1="${plotTop + y(tick)}" y2="${plotTop + y(tick)}"/><text class="detail" x="0" y="${plotTop + y(tick) + 4}">${tickText(tick)}</text>\n`)}
<svg x="0" y="${plotTop}" width="100%" height="${plotHeight}" viewBox="0 0 100 ${plotHeight}" preserveAspectRatio="none" overflow="visible">
${[...path('band', bandPath), ...path('fit', fitPath), ...path('line', linePath)]}</svg>
${points.map(({ at, verifiedPercent }) => html`<circle class="dot" cx="${percentText(x(at))}" cy="${plotTop + y(verifiedPercent)}" r="${points.length > 60 ? 2 : 3.5}"><title>${verifiedPercent} % at ${timeText(at)} UTC</title></circle>\n`)}
<text class="value" x="100%" y="14" text-anchor="end">${last.verifiedPercent} % verified</text>
<text class="detail" x="${percentText(plotLeft)}" y="${height - 6}">${timeText(first.at)}</text>${points.length === 1 ? html`` : html`<text class="detail" x="100%" y="${height - 6}" text-anchor="end">${timeText(last.at)} UTC</text>`}
</svg>
`]
}

/** From a time to percent of the width; a single instant stands in the middle. */
function timeScale(times: readonly string[]): (time: string) => number {
  const [first, last] = [new Date(times[0] ?? 0), new Date(times.at(-1) ?? 0)]
  if (first.getTime() === last.getTime()) return () => (plotLeft + plotRight) / 2
  const scale = scaleUtc([first, last], [plotLeft + 1, plotRight])
  return (time) => scale(new Date(time))
}

/** From a percentage to pixels below the top of the plot; the domain is round and never leaves 0 to 100. */
function percentScale(values: readonly number[]) {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const margin = Math.max(0, leastSpan - (high - low)) / 2
  const upper = Math.min(100, high + margin)
  const lower = Math.max(0, Math.min(low - margin, upper - leastSpan))
  const [from = 0, to = 100] = scaleLinear([lower, Math.max(upper, lower + leastSpan)], [0, 1]).nice(4).domain()
  return scaleLinear([Math.max(0, from), Math.min(100, to)], [plotHeight, 0])
}

function tickText(tick: number): string {
  return `${Number(tick.toFixed(6))} %`
}
