import { stringify } from 'csv-stringify/sync'
import { neutraliseFormula } from '../core/render/escape.js'
import { layOut } from './document.js'
import type { Cell, Table } from './document.js'
import type { Report } from './schemas.js'

/**
 * A report as CSV (RFC 4180, UTF-8): one line per figure, so that the whole file is one table.
 * Columns: section, row (from 1), item (what names the row), figure, number, text. A figure stands in `number` or in `text`, never
 * in both; an unknown number is empty with the text `unknown`. Text that a spreadsheet would run starts with an apostrophe.
 */
export function renderCsv(report: Report): string {
  const { chapters } = layOut(report)
  const lines = chapters.flatMap(({ tables }) => tables.flatMap(linesOf))
  return stringify(lines, {
    header: true,
    columns: ['section', 'row', 'item', 'figure', 'number', 'text'],
    record_delimiter: 'windows',
    // quotes keep a list separator of another locale from cutting a cell in two, with a formula in its second half
    quoted_string: true,
    cast: { string: (text, { header }) => (header ? text : neutraliseFormula(text)) },
  })
}

function linesOf({ caption, columns, rows, labels }: Table): Cell[][] {
  return rows.flatMap((row, index) => {
    const item = row.slice(0, labels).map((label) => label ?? '').join(' / ')
    return columns.slice(labels).map(({ name }, place) => [caption, index + 1, item, name, ...split(row[labels + place] ?? null)])
  }).concat(rows.length > 0 && columns.length === labels ? rows.map((row, index) => [caption, index + 1, row.join(' / '), 'listed', null, 'yes']) : [])
}

function split(value: Cell): [Cell, Cell] {
  if (value === null) return [null, 'unknown']
  return typeof value === 'number' ? [value, null] : [null, value]
}
