import { escapeMarkup } from '../core/render/escape.js'
import { layOut } from './document.js'
import type { Cell, Chapter, ColumnKind, Table } from './document.js'
import type { Report } from './schemas.js'
import { stylesheet } from './stylesheet.js'

/** Markup that is already safe. Only `html` makes it. */
interface Markup {
  readonly markup: string
}

type Piece = string | number | Markup | readonly Markup[]

/** Escapes every piece but markup made by itself, so that forgetting to escape is not possible. */
function html(strings: TemplateStringsArray, ...pieces: Piece[]): Markup {
  return { markup: strings.map((text, index) => text + (index < pieces.length ? markupOf(pieces[index] ?? '') : '')).join('') }
}

function markupOf(piece: Piece): string {
  if (typeof piece === 'string') return escapeMarkup(piece)
  if (typeof piece === 'number') return String(piece)
  return 'markup' in piece ? piece.markup : piece.map(({ markup }) => markup).join('')
}

/** A report as one HTML page that needs nothing else: no script, no outside resource; fit for paper, and for dark and light screens. */
export function renderHtml(report: Report): string {
  const { title, subtitle, chapters } = layOut(report)
  const { verdict, coveragePercent, arrivedPercent } = report.figures
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
<header>
<p class="kicker"><bdi>${subtitle}</bdi></p>
<h1>${title}</h1>
<dl class="headline">
<div><dt>Verdict</dt><dd>${verdictBadge(verdict)}</dd></div>
<div><dt>Coverage</dt><dd>${percent(coveragePercent)}</dd></div>
<div><dt>Arrived</dt><dd>${percent(arrivedPercent)}</dd></div>
<div><dt>Made at</dt><dd><time datetime="${report.generatedAt}">${report.generatedAt.slice(0, 16).replace('T', ' ')} UTC</time></dd></div>
</dl>
</header>
<main>
${chapters.map((chapter, index) => chapterMarkup(chapter, index))}
</main>
</body>
</html>
`.markup
}

function chapterMarkup({ title, notes, tables }: Chapter, index: number): Markup {
  const id = `chapter-${index + 1}`
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${notes.map((note) => html`<p class="note">${note}</p>\n`)}${tables.map(tableMarkup)}</section>
`
}

function tableMarkup({ caption, columns, rows, labels }: Table): Markup {
  if (rows.length === 0) return html`<p class="none">${caption}: none.</p>\n`
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
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
  if (typeof value === 'string') return html`<bdi>${value}</bdi>`
  if (kind === 'percent') return html`<span class="bar"><span style="width:${value}%"></span></span>${percent(value)}`
  return html`${value.toLocaleString('en-US', { maximumFractionDigits: 3 })}`
}

function verdictBadge(verdict: string): Markup {
  return html`<span class="verdict ${verdict}">${verdict}</span>`
}

function percent(value: number | null): Markup {
  return value === null ? html`<span class="unknown">unknown</span>` : html`${value}\u00a0%`
}
