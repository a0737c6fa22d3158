import { addCounts } from '../core/accounting.js'
import type { Count } from '../core/accounting.js'
import { timeText } from './charts/label.js'
import type { Cell, Chapter, ColumnKind, Table } from './chapter.js'
import { patternDefinitions } from './charts/palette.js'
import type { Mark } from './charts/palette.js'
import { drawRunTimeline } from './charts/run-timeline.js'
import { drawShareBars, legendOf } from './charts/share-bars.js'
import { drawTrend } from './charts/trend-line.js'
import { layOut } from './document.js'
import { besideVerified } from './figure-chapters.js'
import { html } from './markup.js'
import type { Markup } from './markup.js'
import type { Chart } from './report-charts.js'
import type { Report } from './schemas.js'
import { stylesheet } from './stylesheet.js'

/** Rows of one image: a longer one would leave half a page empty before it. */
const rowsPerImage = 7
/** Charts of more rows take the whole width of the page, in two columns of images. */
const narrowRows = 3
/** Tables of more columns take the whole width of the page. */
const broadFrom = 4

/** A report as one HTML page that needs nothing else: no script, no outside resource; fit for paper, and for dark and light screens. */
export function renderHtml(report: Report): string {
  const { title, subtitle, summary, chapters } = layOut(report)
  const { verdict, coveragePercent, arrivedPercent, accounting, tables, columns, rows } = report.figures
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${{ markup: stylesheet }}</style>
</head>
<body>
${patternDefinitions()}<header>
<p class="kicker"><bdi>${subtitle}</bdi> · ${timeMarkup(report.generatedAt)}</p>
<h1>${title}</h1>
<dl class="headline">
<div><dt>Verdict</dt><dd>${verdictBadge(verdict)}</dd></div>
<div><dt>Verified</dt><dd>${percent(coveragePercent)}</dd></div>
<div><dt>Arrived</dt><dd>${percent(arrivedPercent)}</dd></div>
${besideVerified.map((name) => html`<div><dt>${name.charAt(0).toUpperCase()}${name.slice(1)} rows</dt><dd>${count(accounting.source[name])}</dd></div>
`)}<div><dt>Uncovered tables</dt><dd>${count(tables.uncovered)} <small>of ${count(tables.total)}</small></dd></div>
<div><dt>Uncovered columns</dt><dd>${count(columns.uncovered)} <small>of ${count(columns.total)}</small></dd></div>
<div><dt>Unclaimed rows</dt><dd>${count(addCounts(rows.source.unclaimed, rows.target.unclaimed))}</dd></div>
</dl>
<p class="summary">${summary}</p>
</header>
<main>
${chapters.map(chapterMarkup)}${report.type === 'executive' ? signOff(report) : html``}</main>
</body>
</html>
`.markup
}

/** Charts of one image stand side by side with the tables, the others each before the table that has its figures. */
function chapterMarkup({ title, notes, charts, tables }: Chapter, index: number): Markup {
  const id = `chapter-${index + 1}`
  const figures = charts.map((chart, place) => ({ chart, images: draw(chart, `${id}-${place + 1}`) }))
  const broad = figures.filter(({ images }) => images.length > 1)
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${notes.map((note) => html`<p class="note">${note}</p>\n`)}<div class="parts">
${figures.filter(({ images }) => images.length === 1).map(figureMarkup)}${tables.map((table) => html`${broad.filter(({ chart }) => chart.table === table.caption).map(figureMarkup)}${tableMarkup(table)}`)}</div>
</section>
`
}

function figureMarkup({ chart, images }: { chart: Chart; images: Markup[] }): Markup {
  return html`<figure${images.length > 1 ? html` class="broad"` : html``}>
<figcaption><span class="title">${chart.title}</span>${legend(chart)}</figcaption>
<div class="images">
${images.map((image) => html`<div class="image">${image}</div>\n`)}</div>
</figure>
`
}

function draw(chart: Chart, id: string): Markup[] {
  if (chart.kind === 'trend') return drawTrend(chart, id)
  if (chart.kind === 'runs') return drawRunTimeline(chart, id, perImage(chart.scripts.length))
  return drawShareBars(chart, id, perImage(chart.rows.length))
}

/** Few rows are one image; more make an even number of images, for two columns of equal length. */
function perImage(rows: number): number {
  return rows <= narrowRows ? narrowRows : Math.ceil(rows / (2 * Math.ceil(rows / (2 * rowsPerImage))))
}

function legend(chart: Chart): Markup {
  if (chart.kind === 'trend') {
    const band = chart.band.some(({ low }) => low !== null) ? [key('band', '80 % interval of the line')] : []
    return html`<ul class="legend">${key('dot', 'verified share at a snapshot')}${chart.band.length === 0 ? [] : [key('fit', 'line of the last 7 days')]}${band}</ul>`
  }
  if (chart.kind === 'runs') return html`<ul class="legend">${[...new Set(chart.scripts.flatMap(({ runs }) => runs.map(({ status }) => status)))].map((status) => key(`m-${status}`, words(status)))}</ul>`
  const { shown, none, uncounted } = legendOf(chart)
  return html`<ul class="legend">${shown.map((mark) => key(`m-${mark}`, words(mark)))}${uncounted ? key('uncounted', 'not counted') : html``}${none.length === 0 ? html`` : html`<li class="no">None ${none.map(words).join(', ')}</li>`}</ul>`
}

function key(mark: string, text: string): Markup {
  const shape = mark === 'dot' ? html`<circle class="dot" cx="7" cy="7" r="4"/>` : mark === 'fit' ? html`<path class="fit" d="M0,7L14,7"/>` : html`<rect class="${mark}" width="14" height="14"/>`
  return html`<li><svg width="14" height="14" aria-hidden="true" focusable="false">${shape}</svg>${text}</li>`
}

function words(mark: Mark): string {
  return mark.replaceAll('_', ' ')
}

function tableMarkup({ caption, columns, rows, labels }: Table): Markup {
  if (rows.length === 0) return html`<p class="none">${caption}: none.</p>\n`
  return html`<div class="scroll${columns.length > broadFrom ? ' broad' : ''}" role="region" aria-label="${caption}" tabindex="0">
<table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ name, kind }) => html`<th scope="col" class="${kind}">${name}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row.map((value, place) => cellMarkup(value, columns[place]?.kind ?? 'text', place < Math.min(labels, 1)))}</tr>\n`)}</tbody>
</table>
</div>
`
}

function cellMarkup(value: Cell, kind: ColumnKind, heads: boolean): Markup {
  const content = contentOf(value, kind)
  return heads ? html`<th scope="row">${content}</th>` : html`<td class="${kind}">${content}</td>`
}

function contentOf(value: Cell, kind: ColumnKind): Markup {
  if (value === null) return html`<span class="unknown">unknown</span>`
  if (kind === 'verdict') return verdictBadge(String(value))
  if (typeof value === 'string') return (kind === 'time' || kind === 'figure') && isTime.test(value) ? timeMarkup(value) : html`<bdi>${value}</bdi>`
  if (kind === 'percent') return percent(value)
  return html`${value.toLocaleString('en-US', { maximumFractionDigits: 3 })}`
}

const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function timeMarkup(time: string): Markup {
  return html`<time datetime="${time}">${timeText(time)}\u00a0UTC</time>`
}

function verdictBadge(verdict: string): Markup {
  return html`<span class="verdict ${verdict}">${verdict}</span>`
}

function percent(value: number | null): Markup {
  return value === null ? html`<span class="unknown">unknown</span>` : html`${value}\u00a0%`
}

function count(value: Count): Markup {
  return value === null ? html`<span class="unknown">unknown</span>` : html`${value.toLocaleString('en-US')}`
}

function signOff({ generatedAt, planChecksum }: Report): Markup {
  const lines = ['Prepared by', 'Decided by']
  return html`<section class="sign-off" aria-labelledby="sign-off">
<h2 id="sign-off">Sign-off</h2>
<p class="note">For the state of ${timeMarkup(generatedAt)} under the plan ${planChecksum.slice(0, 12)}.</p>
<table>
<caption>Signatures</caption>
<thead><tr><th scope="col">Role</th><th scope="col">Name</th><th scope="col">Go or no-go</th><th scope="col">Date and signature</th></tr></thead>
<tbody>
${lines.map((line) => html`<tr><th scope="row">${line}</th><td></td><td></td><td></td></tr>\n`)}</tbody>
</table>
</section>
`
}
