import { stringify } from 'csv-stringify/sync'
import { sourceClasses, targetClasses } from '../core/accounting.js'
import { isUnaccounted } from '../core/covered.js'
import { neutraliseFormula } from '../core/render/escape.js'
import { changesText, keyText } from './chapter.js'
import type { Cell, Table } from './chapter.js'
import { layOut } from './document.js'
import type { Report } from './schemas.js'

/** Before a file that a spreadsheet opens: without it Excel reads UTF-8 in the code page of the machine. A program that reads the answer itself has no use for it. */
export const byteOrderMark = '\ufeff'

/**
 * A report as CSV (RFC 4180, UTF-8), always one table: of a coverage report one line per entity, of a detailed one per difference, both followed by one per table with unclaimed rows; of any other one per figure.
 * A number stays a number; one that is not known is an empty cell, never 0. Text that a spreadsheet would run starts with an apostrophe.
 */
export function renderCsv(report: Report): string {
  const { columns, lines } = report.type === 'coverage' ? byEntity(report) : report.type === 'detailed' ? byDifference(report) : byFigure(report)
  return stringify(lines, {
    header: true,
    columns,
    record_delimiter: 'windows',
    // quotes keep a list separator of another locale from cutting a cell in two, with a formula in its second half
    quoted_string: true,
    cast: { string: (text, { header }) => (header ? text : neutraliseFormula(text)) },
  })
}

interface Lines {
  columns: string[]
  lines: Cell[][]
}

/** Behind the entities a line for each table with rows that none of them claims: its name stands in `table`, the figures of classes are empty. */
function byEntity({ accounting, tables }: Report): Lines {
  const source = ['total', 'excluded', 'scope', ...sourceClasses] as const
  const target = ['total', ...targetClasses] as const
  const sides = ['source', 'target'] as const
  const entities = (accounting?.entities ?? []).map((line): Cell[] => [
    line.entity, line.domain, line.verdict, line.coveragePercent, line.arrivedPercent, ...source.map((name) => line.accounting.source[name]), ...target.map((name) => line.accounting.target[name]),
    ...sides.map((side) => line.uncoveredColumns[side]), '', null,
  ])
  const nothing = [...source, ...target, ...sides].map((): Cell => null)
  const gaps = (tables?.tables ?? []).filter(isUnaccounted).map((line): Cell[] => ['', '', line.verdict, null, null, ...nothing, `${line.side} ${line.schema}.${line.table}`, line.unclaimed])
  return {
    columns: [
      'entity', 'domain', 'verdict', 'coverage_percent', 'arrived_percent', ...source.map((name) => `source_${name}`), ...target.map((name) => `target_${name}`),
      ...sides.map((side) => `${side}_columns_uncovered`), 'table', 'unclaimed_rows',
    ],
    lines: [...entities, ...gaps],
  }
}

/** Classes of rows that are no success, by the side that counts them; a row that differs counts with the source. */
const notVerified = {
  source: ['differs', 'missing', 'unverified', 'pending', 'accepted', 'explained', 'excluded', 'merged'],
  target: ['duplicate', 'extra', 'unverified', 'pending', 'generated'],
} as const

/**
 * A line for each difference that is listed, standing for 1 row, and one for those of an entity and class that are not: `rows` adds up to the
 * accounting. It is empty where they could not be counted. Rows of tables that no entity claims follow under a class of their own, `unclaimed`, since no accounting has them.
 */
function byDifference({ accounting, differences, tables }: Report): Lines {
  const shown = new Map<string, number>()
  const listed = (differences?.rows ?? []).map((row): Cell[] => {
    const name = JSON.stringify([row.entity, row.class, row.side === 'target' ? 'target' : 'source'])
    shown.set(name, (shown.get(name) ?? 0) + 1)
    return [row.entity, row.class, row.side, 1, 'listed', keyText(row.key), row.cause ?? '', row.reason ?? '', changesText(row.columns)]
  })
  const left = (accounting?.entities ?? []).flatMap(({ entity, accounting: { source, target } }) => {
    const counts = [
      ...notVerified.source.map((name) => ({ name, side: 'source', rows: source[name] })),
      ...notVerified.target.map((name) => ({ name, side: 'target', rows: target[name] })),
    ]
    return counts.flatMap(({ name, side, rows }): Cell[][] => {
      const rest = rows === null ? null : rows - (shown.get(JSON.stringify([entity, name, side])) ?? 0)
      return rest === 0 ? [] : [[entity, name, side, rest, rest === null ? 'not counted' : 'not listed', '', '', '', '']]
    })
  })
  const unclaimed = (tables?.tables ?? []).filter(isUnaccounted).map((line): Cell[] => [
    '', 'unclaimed', line.side, line.unclaimed, line.unclaimed === null ? 'not counted' : 'not listed', `${line.schema}.${line.table}`, line.unclaimed === null ? 'could not be counted' : line.coverage === 'uncovered' ? 'uncovered table' : 'no entity claims them', '', '',
  ])
  return { columns: ['entity', 'class', 'side', 'rows', 'listing', 'key', 'cause', 'reason', 'source_to_target'], lines: [...listed, ...left, ...unclaimed] }
}

/** A figure stands in `number` or in `text`, never in both; an unknown number is empty with the text `unknown`. */
function byFigure(report: Report): Lines {
  const lines = layOut(report).chapters.flatMap(({ tables }) => tables.flatMap(figuresOf))
  return { columns: ['section', 'row', 'item', 'figure', 'number', 'text'], lines }
}

function figuresOf({ caption, columns, rows, labels }: Table): Cell[][] {
  return rows.flatMap((row, index) => {
    const item = row.slice(0, labels).map((label) => label ?? '').join(' / ')
    const figures = columns.slice(labels).map(({ name }, place): Cell[] => [caption, index + 1, item, name, ...split(row[labels + place] ?? null)])
    return columns.length === labels ? [[caption, index + 1, item, 'listed', null, 'yes']] : figures
  })
}

function split(value: Cell): [Cell, Cell] {
  if (value === null) return [null, 'unknown']
  return typeof value === 'number' ? [value, null] : [null, value]
}
