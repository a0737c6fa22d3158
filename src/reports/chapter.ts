import type { Chart } from './report-charts.js'

/** Text, or a figure; a null figure is "unknown", and what is simply not there is the empty text. */
export type Cell = string | number | null
/** figure: a count, a time or a word, each a figure of its own */
export type ColumnKind = 'text' | 'count' | 'percent' | 'verdict' | 'time' | 'figure'

export interface Table {
  caption: string
  columns: { name: string; kind: ColumnKind }[]
  rows: Cell[][]
  /** so many of the first columns together name a row */
  labels: number
}

export interface Chapter {
  title: string
  /** sentences below the title */
  notes: string[]
  /** for formats that can show them; a table of the same chapter has the figures of each */
  charts: Chart[]
  tables: Table[]
}

/** Column names carry their kind after a colon; without one they hold text. */
export function table(caption: string, columnNames: string[], rows: Cell[][], labels = 1): Table {
  const kinded = columnNames.map((column) => {
    const [name = '', kind = 'text'] = column.split(':')
    return { name, kind: kind as ColumnKind }
  })
  return { caption, columns: kinded, rows, labels }
}

export function countColumn(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}:count`
}
export function keyText(key: Record<string, string | null>): string {
  return Object.entries(key).map(([leg, value]) => `${leg} = ${valueText(value)}`).join(', ')
}

export function changesText(list: { column: string; source: string | null; target: string | null }[]): string {
  return list.map(({ column, source, target }) => `${column}: ${valueText(source)} → ${valueText(target)}`).join('; ')
}

/** Quoted, so that NULL, the text NULL, the empty text and a blank are four different things. */
function valueText(value: string | null): string {
  return value === null ? 'NULL' : `"${value.replaceAll('"', '""')}"`
}
