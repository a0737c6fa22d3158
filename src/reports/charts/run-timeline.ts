import { scaleUtc } from 'd3-scale'
import { html } from '../markup.js'
import type { Markup } from '../markup.js'
import { nameBeside, percentText, timeText } from './label.js'
import type { Mark } from './palette.js'
import { chunks, leastWidth } from './share-bars.js'

export interface RunTimeline {
  kind: 'runs'
  title: string
  /** caption of the table with the same figures */
  table: string
  /** the end of what still runs */
  now: string
  scripts: { name: string; state: string; runs: { status: Extract<Mark, 'running' | 'completed' | 'failed' | 'rolled_back'>; startedAt: string; finishedAt: string | null }[] }[]
}

const rowHeight = 44
const axisHeight = 20
const [barTop, barHeight] = [21, 12]

/** Each script with its runs on one axis of time, from the first start to the last end, as SVG images one below the other. Without a run there is no picture. */
export function drawRunTimeline({ title, table, now, scripts }: RunTimeline, id: string, perImage: number): Markup[] {
  const runs = scripts.flatMap((script) => script.runs)
  const [first] = runs.map(({ startedAt }) => startedAt).sort()
  const last = runs.map(({ finishedAt }) => finishedAt ?? now).sort().at(-1)
  if (first === undefined || last === undefined) return []
  const place = timeScale(first, last)
  let shown = 0
  return chunks(scripts, perImage).map((some, index) => {
    const own = `${id}-${index + 1}`
    const range = scripts.length > some.length ? `, ${shown + 1} to ${shown + some.length} of ${scripts.length}` : ''
    shown += some.length
    const height = some.length * rowHeight + axisHeight
    return html`<svg class="chart" role="img" aria-labelledby="${own}-t" aria-describedby="${own}-d" width="100%" height="${height}">
<title id="${own}-t">${title}${range}</title><desc id="${own}-d">The table “${table}” has the same figures.</desc>
${some.map((script, row) => html`<g transform="translate(0,${row * rowHeight})">
<text class="name" x="0" y="14">${nameBeside(script.name, script.state)}<title>${script.name}</title></text><text class="value" x="100%" y="14" text-anchor="end">${script.state}</text>
<rect class="track" x="0" y="${barTop + barHeight / 2 - 1}" width="100%" height="2"/>
${script.runs.map((run) => drawRun(run, place, now))}</g>
`)}<text class="detail" x="0" y="${height - 6}">${timeText(first)}</text><text class="detail" x="100%" y="${height - 6}" text-anchor="end">${timeText(last)} UTC</text>
</svg>
`
  })
}

function drawRun({ status, startedAt, finishedAt }: RunTimeline['scripts'][number]['runs'][number], place: (time: string) => number, now: string): Markup {
  const from = place(startedAt)
  const width = Math.max(leastWidth, place(finishedAt ?? now) - from)
  const told = `${status.replaceAll('_', ' ')}: ${timeText(startedAt)} to ${finishedAt === null ? 'now' : timeText(finishedAt)} UTC`
  return html`<rect class="m-${status}" x="${percentText(Math.min(from, 100 - width))}" y="${barTop}" width="${percentText(width)}" height="${barHeight}"><title>${told}</title></rect>\n`
}

function timeScale(first: string, last: string): (time: string) => number {
  if (first === last) return () => 50
  const scale = scaleUtc([new Date(first), new Date(last)], [0, 100])
  return (time) => scale(new Date(time))
}
