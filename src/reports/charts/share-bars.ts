import { scaleLinear } from 'd3-scale'
import type { Count } from '../../core/accounting.js'
import { html } from '../markup.js'
import type { Markup } from '../markup.js'
import { countText, detailColumns, nameBeside, percentText, wrap } from './label.js'
import type { Mark } from './palette.js'

export interface SharePart {
  mark: Mark
  /** null: not counted, which is never drawn as 0 */
  count: Count
}

export interface ShareRow {
  name: string
  /** what stands at the right end, such as a percentage */
  value: string
  total: Count
  parts: SharePart[]
}

export interface ShareChart {
  kind: 'shares'
  title: string
  /** caption of the table with the same figures */
  table: string
  /** what is counted: rows, tables, checks */
  unit: string
  /** own: each bar is as wide as its total; common: widths can be compared between bars */
  scale: 'own' | 'common'
  rows: ShareRow[]
}

/** So wide, in percent, is a part at least that has anything in it: 2 px on a telephone, 4 px on paper. */
export const leastWidth = 0.7
const barTop = 20
const barHeight = 14
const lineHeight = 15

/**
 * Widths of the parts of a bar, in percent of its full width. Each is the part's exact share, except that a part with anything in it has
 * `leastWidth` at least; what this takes is taken from the wider parts, in proportion. Nothing has no width.
 * @param whole what the full width stands for, the sum of the counts at least
 */
export function shareWidths(counts: readonly number[], whole: number): number[] {
  const narrow = new Set<number>()
  for (;;) {
    const room = 100 - narrow.size * leastWidth
    const shared = whole - counts.reduce((sum, count, index) => sum + (narrow.has(index) ? count : 0), 0)
    const scale = scaleLinear([0, shared], [0, room])
    const more = counts.flatMap((count, index) => (count > 0 && !narrow.has(index) && scale(count) < leastWidth ? [index] : []))
    if (more.length === 0) return counts.map((count, index) => (count === 0 ? 0 : narrow.has(index) ? leastWidth : scale(count)))
    for (const index of more) narrow.add(index)
  }
}

/**
 * Stacked bars as SVG images, one below the other: name and value, the bar, and every class that has rows in words.
 * Places are percentages, so that text keeps its size on every screen.
 * @param perImage rows of one image; an image does not break across pages
 */
export function drawShareBars({ title, table, unit, scale, rows }: ShareChart, id: string, perImage: number): Markup[] {
  const greatest = Math.max(1, ...rows.map(({ total }) => total ?? 0))
  let shown = 0
  return chunks(rows, perImage).map((some, place) => {
    let top = 0
    const drawn = some.map((row) => {
      const one = drawRow(row, { unit, whole: scale === 'own' ? row.total : greatest, top })
      top += one.height
      return one.markup
    })
    const range = rows.length > some.length ? `, ${shown + 1} to ${shown + some.length} of ${rows.length}` : ''
    shown += some.length
    const own = `${id}-${place + 1}`
    return html`<svg class="chart" role="img" aria-labelledby="${own}-t" aria-describedby="${own}-d" width="100%" height="${top}">
<title id="${own}-t">${title}${range}</title><desc id="${own}-d">The table “${table}” has the same figures.</desc>
${drawn}</svg>
`
  })
}

function drawRow({ name, value, total, parts }: ShareRow, { unit, whole, top }: { unit: string; whole: Count; top: number }): { markup: Markup; height: number } {
  const lines = wrap(inWords(total, parts, unit), detailColumns)
  const markup = html`<g transform="translate(0,${top})">
<text class="name" x="0" y="14">${nameBeside(name, value)}<title>${name}</title></text><text class="value" x="100%" y="14" text-anchor="end">${value}</text>
${drawBar(total, parts, whole, unit)}${lines.map((line, index) => html`<text class="detail" x="0" y="${barTop + barHeight + 14 + index * lineHeight}">${line}</text>\n`)}</g>
`
  return { markup, height: barTop + barHeight + lines.length * lineHeight + 16 }
}

function drawBar(total: Count, parts: readonly SharePart[], whole: Count, unit: string): Markup {
  const known = parts.filter((part): part is { mark: Mark; count: number } => part.count !== null)
  const rest = html`<rect class="${total !== null && known.length === parts.length ? 'track' : 'uncounted'}" x="0" y="${barTop}" width="100%" height="${barHeight}"/>\n`
  if (whole === null || whole === 0) return rest
  const widths = shareWidths(known.map(({ count }) => count), whole)
  let x = 0
  const pieces = known.flatMap(({ mark, count }, index) => {
    const width = widths[index] ?? 0
    if (width === 0) return []
    const piece = html`<rect class="m-${mark}" x="${percentText(x)}" y="${barTop}" width="${percentText(width)}" height="${barHeight}"><title>${partText(mark, count)} of ${countText(total ?? whole)} ${unit}</title></rect>\n`
    x += width
    return [piece]
  })
  return html`${rest}${pieces}`
}

function partText(mark: Mark, count: Count): string {
  const name = mark.replaceAll('_', ' ')
  return count === null ? `${name}: not counted` : `${countText(count)} ${name}`
}

/** Every part that has anything in it, or was not counted. */
function inWords(total: Count, parts: readonly SharePart[], unit: string): string[] {
  if (parts.every(({ count }) => count === null)) return [total === null ? 'not counted' : `${countText(total)} ${unit}, of which no class was counted`]
  const told = parts.filter(({ count }) => count !== 0).map(({ mark, count }) => partText(mark, count))
  return told.length === 0 ? [`0 ${unit}`] : told
}

/** The marks of a chart: those that have anything in a bar, those that have nothing at all, and whether anything was not counted. */
export function legendOf({ rows }: ShareChart): { shown: Mark[]; none: Mark[]; uncounted: boolean } {
  const parts = rows.flatMap((row) => row.parts)
  const all = [...new Set(parts.map(({ mark }) => mark))]
  const shown = all.filter((one) => parts.some(({ mark, count }) => mark === one && count !== null && count > 0))
  const none = all.filter((one) => parts.every(({ mark, count }) => mark !== one || count === 0))
  return { shown, none, uncounted: parts.some(({ count }) => count === null) }
}

/** At most so many per chunk, and as even as can be: 13 by 12 are 7 and 6. */
export function chunks<T>(list: readonly T[], most: number): T[][] {
  const count = Math.ceil(list.length / most)
  const size = Math.ceil(list.length / Math.max(1, count))
  return Array.from({ length: count }, (_, index) => list.slice(index * size, (index + 1) * size)).filter((chunk) => chunk.length > 0)
}
