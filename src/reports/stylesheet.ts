/** The style of an HTML report: one column of readable text, figures of equal width, colours for both kinds of screens, plain black on paper. */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --ink: #1c2024; --paper: #ffffff; --faint: #60646c; --line: #d9dce1; --wash: #f4f5f7;
  --pass: #18794e; --warn: #8f5e00; --fail: #c62a2f; --doubt: #5b5bd6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #eceef1; --paper: #15171a; --faint: #a0a6b0; --line: #33383f; --wash: #1d2024;
    --pass: #4cc38a; --warn: #f1b340; --fail: #ff7b80; --doubt: #9d9dfb;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 76rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { margin: 0 0 1.25rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.01em; text-wrap: balance; }
h2 { margin: 3rem 0 0.5rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.3rem; line-height: 1.3; }
.kicker { margin: 0 0 0.25rem; color: var(--faint); }
.note, .none { max-width: 44rem; margin: 0.5rem 0; color: var(--faint); }
.headline { display: flex; flex-wrap: wrap; gap: 1rem 3rem; margin: 0; }
.headline dt { color: var(--faint); font-size: 0.85rem; }
.headline dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { margin: 1.25rem 0; overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--doubt); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { padding: 0 0 0.4rem; text-align: left; font-weight: 600; }
th, td { padding: 0.4rem 0.75rem 0.4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; min-width: 4rem; }
th { font-weight: 600; }
thead th { color: var(--faint); font-size: 0.8rem; white-space: nowrap; }
th.count, td.count, th.percent, td.percent { text-align: right; white-space: nowrap; }
tbody tr:hover { background: var(--wash); }
.unknown { color: var(--faint); font-style: italic; }
.verdict { font-weight: 600; }
.verdict.pass { color: var(--pass); }
.verdict.warn { color: var(--warn); }
.verdict.fail { color: var(--fail); }
.verdict.unknown { color: var(--doubt); font-style: normal; }
.bar { display: inline-block; width: 5rem; height: 0.5rem; margin-right: 0.5rem; border-radius: 0.25rem; background: var(--line); overflow: hidden; vertical-align: middle; }
.bar span { display: block; height: 100%; background: var(--pass); }
@media print {
  :root { --ink: #000; --paper: #fff; --faint: #333; --line: #999; --wash: #fff; --pass: #000; --warn: #000; --fail: #000; --doubt: #000; }
  @page { margin: 16mm 14mm; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  .bar { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
`
