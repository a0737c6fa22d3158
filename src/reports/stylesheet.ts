import { markStyles, tones } from './charts/palette.js'

const variables = (colours: Record<string, string>) => Object.entries(colours).map(([name, colour]) => `--${name}: ${colour};`).join(' ')

/** The style of an HTML report: figures of equal width, tables and charts side by side where there is room, for light and dark screens and for paper. */
export const stylesheet = `
:root { color-scheme: light dark; ${variables(tones.light)} --faint: #5a6069; --line: #d9dce1; --wash: #f4f5f7; }
@media (prefers-color-scheme: dark) {
  :root { ${variables(tones.dark)} --faint: #a6acb6; --line: #383d45; --wash: #1e2125; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 76rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0 0 1.25rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.01em; text-wrap: balance; }
h2 { margin: 3rem 0 0.5rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.3rem; line-height: 1.3; }
.kicker { margin: 0 0 0.25rem; color: var(--faint); }
.summary { max-width: 46rem; margin: 1.25rem 0 0; font-size: 1.1rem; }
.note, .none { max-width: 46rem; margin: 0.5rem 0; color: var(--faint); }
.headline { display: flex; flex-wrap: wrap; gap: 1rem 3rem; margin: 0; }
.headline dt { color: var(--faint); font-size: 0.85rem; }
.headline dd { margin: 0; font-size: 1.6rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.headline small { color: var(--faint); font-size: 1rem; font-weight: 400; }

.parts { columns: 28rem 2; column-gap: 3rem; margin-top: 1.25rem; }
.parts > * { margin: 0 0 1.75rem; break-inside: avoid; }
.parts > .broad { column-span: all; break-inside: auto; }
.parts > .broad:not(:first-child) { margin-top: 1.75rem; }
figcaption { margin-bottom: 0.75rem; }
figcaption .title { display: block; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; margin: 0.25rem 0 0; padding: 0; list-style: none; font-size: 0.85rem; }
.legend li { display: flex; align-items: center; gap: 0.4rem; }
.legend .no { color: var(--faint); }
.broad .images { columns: 28rem 2; column-gap: 3rem; }
.image { break-inside: avoid; max-width: 44rem; padding-bottom: 0.5rem; }
.chart { display: block; overflow: hidden; font-variant-numeric: tabular-nums; }
.patterns { position: absolute; }
text { fill: var(--ink); font-size: 13px; }
text.name { font-weight: 600; }
text.detail { fill: var(--faint); font-size: 11.5px; }
.track { fill: var(--line); }
.uncounted { fill: none; stroke: var(--doubt); stroke-width: 1.5px; stroke-dasharray: 5 4; }
.grid { stroke: var(--line); }
.line { fill: none; stroke: var(--good); stroke-width: 1.5px; }
.fit { fill: none; stroke: var(--ink); stroke-width: 1.5px; stroke-dasharray: 6 4; }
.band { fill: var(--outside); fill-opacity: 0.3; }
.dot { fill: var(--good); stroke: var(--paper); stroke-width: 1px; }
${markStyles}

.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--good); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 0.4rem; text-align: left; font-weight: 600; }
th, td { padding: 0.28rem 0.75rem 0.28rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
bdi { display: inline-block; max-width: 28rem; overflow-wrap: break-word; }
th { font-weight: 600; }
tr > :last-child { padding-right: 0; }
thead th { color: var(--faint); font-size: 0.8rem; vertical-align: bottom; }
th.count, td.count, th.percent, td.percent { text-align: right; }
td.count, td.percent { white-space: nowrap; }
th.figure, td.figure { text-align: right; }
td.figure bdi { overflow-wrap: anywhere; }
th:has(+ td.figure) { min-width: 11.5rem; }
time { white-space: nowrap; }
tbody tr:hover { background: var(--wash); }
.unknown { color: var(--faint); font-style: italic; }
span.verdict { padding-left: 0.4rem; border-left: 0.6rem solid; color: var(--ink); font-weight: 600; font-style: normal; white-space: nowrap; }
span.pass { border-color: var(--good); } span.warn { border-color: var(--declared); }
span.fail { border-color: var(--wrong); } span.verdict.unknown { border-color: var(--doubt); }
.sign-off table { table-layout: fixed; }
.sign-off td { height: 3.5rem; border-bottom: 1px solid var(--ink); }
.sign-off th { vertical-align: bottom; }

@media (max-width: 40rem) {
  body { padding: 1.5rem 1rem 3rem; }
  th:has(+ td.figure) { min-width: 8rem; }
}
@media print {
  :root { ${variables(tones.light)} --faint: #333; --line: #b9bdc4; --wash: transparent; }
  @page { margin: 14mm 13mm; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  h1 { font-size: 1.6rem; }
  .summary { font-size: 11pt; }
  .headline dd { font-size: 1.35rem; }
  .legend { font-size: 8.5pt; }
  h2 { margin-top: 1.75rem; break-after: avoid; }
  figcaption { break-after: avoid; }
  .parts { columns: 2; column-gap: 2rem; margin-top: 0.75rem; }
  .parts > * { margin-bottom: 1rem; }
  .parts > .broad:not(:first-child) { margin-top: 1rem; }
  .broad .images { columns: 2; column-gap: 2rem; }
  .scroll { overflow: visible; }
  table { font-size: 8pt; }
  thead { display: table-header-group; }
  thead th { font-size: inherit; }
  th, td { padding: 0.2rem 0.5rem 0.2rem 0; }
  th:has(+ td.figure) { width: 45%; min-width: 0; }
  td time { white-space: normal; }
  td bdi, th bdi { max-width: 40mm; }
  td:last-child bdi { max-width: 65mm; }
  .broad table { font-size: 7.2pt; }
  .broad tr > :not(:last-child) { padding-right: 0.35rem; }
  tr, .sign-off { break-inside: avoid; }
}
`
