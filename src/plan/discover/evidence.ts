import type { Row } from './tables.js'

/** A source row and the target row of its key. */
export interface RowPair {
  source: Row
  target: Row
}

/** How the values of two columns agree in rows of one key. */
export interface ColumnEvidence {
  /**
   * equal: as they stand · lower, upper, trim: after that function · date: the day of a time · zone: a time without a zone and one with, by `shifts` · values: each code becomes one
   * value · reference: through a key map · none: nothing that can be seen
   */
  kind: 'equal' | 'lower' | 'upper' | 'trim' | 'date' | 'zone' | 'values' | 'reference' | 'none'
  /** rows in which both are there */
  rows: number
  /** rows that agree */
  agree: number
  /** different values on the source's side */
  distinct: number
  /** agreement beyond chance, 1 at most (Cohen's kappa; of values: against the commonest value alone); null when one value stands in all rows */
  beyondChance: number | null
  /** of values: code, value and rows, the commonest first */
  values?: { code: string; value: string; rows: number; others: number }[]
}

export const noEvidence = (rows: number): ColumnEvidence => ({ kind: 'none', rows, agree: 0, distinct: 0, beyondChance: null })

const leastAgreement = 0.8
const leastBeyondChance = 0.75
const fewValues = 30

/** The values agree in four of five rows, and not by chance. */
export const isStrong = ({ kind, rows, agree, beyondChance }: ColumnEvidence): boolean => kind !== 'none' && rows >= 3 && agree >= rows * leastAgreement && beyondChance !== null && beyondChance >= leastBeyondChance
/** Nothing speaks against it: the values agree, though one value stands in nearly all rows, or there are very few. */
export const isConsistent = ({ kind, rows, agree }: ColumnEvidence): boolean => kind !== 'none' && rows >= 1 && agree >= rows * leastAgreement
/** There are values on both sides, and they do not agree. */
export const isContradicted = (evidence: ColumnEvidence): boolean => evidence.rows >= 5 && !isConsistent(evidence)

/** What strong evidence weighs: a flag a third, eight different values or more 1. */
export const weightOf = (evidence: ColumnEvidence): number => (isStrong(evidence) ? Math.min(1, Math.log2(Math.max(2, evidence.distinct)) / 3) * (evidence.kind === 'values' ? 0.5 : 1) : 0)

const changes: [ColumnEvidence['kind'], (value: string) => string][] = [
  ['equal', (value) => value], ['lower', (value) => value.toLowerCase()], ['upper', (value) => value.toUpperCase()], ['trim', (value) => value.trim()],
]

export interface CompareOptions {
  /** the base types of the two columns */
  types: [string, string]
}

const textTypes = ['text', 'varchar', 'bpchar', 'citext', 'name']

/** Compares two columns over the rows of one key. */
export function compareColumns(pairs: readonly RowPair[], from: number, to: number, { types: [left, right] }: CompareOptions): ColumnEvidence {
  const both = pairs.flatMap(({ source, target }): [string, string][] => {
    const [own, other] = [source[from], target[to]]
    return own === null || own === undefined || other === null || other === undefined ? [] : [[own, other]]
  })
  if (both.length === 0) return noEvidence(0)
  if (left === 'timestamp' && right === 'timestamptz') return compareTimes(both)
  const areTexts = textTypes.includes(left) && textTypes.includes(right)
  let best = noEvidence(both.length)
  for (const [kind, change] of areTexts ? changes : changes.slice(0, 1)) {
    const found = agreement(kind, both.map(([own, other]) => [change(own), other]))
    if (found.agree > best.agree * 1.02) best = found
  }
  if (right === 'date' && left.startsWith('timestamp')) best = agreement('date', both.map(([own, other]) => [own.slice(0, 10), other]))
  if (isConsistent(best)) return best
  // keys that others took the place of are no codes
  const values = right === 'uuid' ? null : compareValues(both)
  return values !== null && isStrong(values) ? values : { ...best, kind: best.agree >= both.length * 0.05 ? best.kind : 'none' }
}

/** Cohen's kappa over the values as categories: (agreement − chance) / (1 − chance), chance from the two distributions. */
function agreement(kind: ColumnEvidence['kind'], both: readonly (readonly [string, string])[]): ColumnEvidence {
  const rows = both.length
  const agree = both.reduce((sum, [own, other]) => sum + (own === other ? 1 : 0), 0)
  const [left, right] = [countValues(both.map(([own]) => own)), countValues(both.map(([, other]) => other))]
  const evidence = { kind, rows, agree, distinct: left.size }
  if (agree < rows * 0.05) return { ...evidence, beyondChance: 0 }
  let chance = 0
  for (const [value, count] of left) chance += (count / rows) * ((right.get(value) ?? 0) / rows)
  return { ...evidence, beyondChance: chance >= 0.999 ? null : (agree / rows - chance) / (1 - chance) }
}

function countValues(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}

/** Whether each code stands for one value: the share of rows that hold their code's commonest value, against the share of the commonest value of all. */
function compareValues(both: readonly (readonly [string, string])[]): ColumnEvidence | null {
  const codes = new Map<string, Map<string, number>>()
  const targets = new Map<string, number>()
  for (const [code, value] of both) {
    const of = codes.get(code) ?? new Map<string, number>()
    of.set(value, (of.get(value) ?? 0) + 1)
    codes.set(code, of)
    targets.set(value, (targets.get(value) ?? 0) + 1)
    if (codes.size > fewValues || targets.size > fewValues) return null
  }
  if (codes.size < 2 || targets.size < 2 || both.length < 2 * codes.size) return null
  const values = [...codes].map(([code, of]) => {
    const [value = '', rows = 0] = [...of].sort(([one, left], [other, right]) => right - left || (one < other ? -1 : 1))[0] ?? []
    return { code, value, rows, others: [...of.values()].reduce((sum, count) => sum + count, 0) - rows }
  }).sort((left, right) => right.rows - left.rows || (left.code < right.code ? -1 : 1))
  const agree = values.reduce((sum, { rows }) => sum + rows, 0)
  const base = Math.max(...targets.values()) / both.length
  return { kind: 'values', rows: both.length, agree, distinct: codes.size, beyondChance: (agree / both.length - base) / (1 - base), values }
}

/** Milliseconds since 1970 of a time as the pinned session writes it, read as UTC; null for infinity and times before Christ. */
export function readTime(text: string): number | null {
  const found = /^(\d{4,6})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(\.\d+)?(\+00)?$/.exec(text)
  if (found === null) return null
  const [, year, month, day, hour, minute, second, part] = found
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) + (part === undefined ? 0 : Number(part) * 1000)
}

const quarterHour = 15 * 60_000
const longestShift = 14 * 60 * 60_000

/** Two times agree when they are whole quarters of an hour apart, by one of the two commonest distances (winter and summer). */
function compareTimes(both: readonly (readonly [string, string])[]): ColumnEvidence {
  const shifts = both.map(([own, other]) => {
    const [left, right] = [readTime(own), readTime(other)]
    const shift = left === null || right === null ? null : Math.round(right - left)
    return shift !== null && Math.abs(shift) <= longestShift && shift % quarterHour === 0 ? String(shift) : 'no'
  })
  const counts = [...countValues(shifts)].filter(([shift]) => shift !== 'no').sort(([, left], [, right]) => right - left)
  const agree = counts.slice(0, 2).reduce((sum, [, count]) => sum + count, 0)
  const distinct = new Set(both.map(([own]) => own)).size
  if (agree < both.length * 0.05) return { ...noEvidence(both.length), distinct }
  return { kind: 'zone', rows: both.length, agree, distinct, beyondChance: distinct < 2 ? null : agree / both.length }
}

/** What the rows of one key say of two tables: the columns that agree strongly, one partner each, the strongest first. */
export interface RowEvidence {
  /** [source column][target column] by place */
  columns: ColumnEvidence[][]
  /** sum of the weights of columns that agree strongly, the key left out */
  weight: number
  strong: number
}

export function compareRows(pairs: readonly RowPair[], sourceTypes: readonly string[], targetTypes: readonly string[], keyed: { source: readonly number[]; target: readonly number[] }): RowEvidence {
  const columns = sourceTypes.map((left, from) => targetTypes.map((right, to) => compareColumns(pairs, from, to, { types: [left, right] })))
  const found = columns.flatMap((row, from) => row.flatMap((evidence, to) => (weightOf(evidence) > 0 && !keyed.source.includes(from) && !keyed.target.includes(to) ? [{ from, to, weight: weightOf(evidence) }] : [])))
  found.sort((left, right) => right.weight - left.weight || left.from - right.from || left.to - right.to)
  const [usedFrom, usedTo] = [new Set<number>(), new Set<number>()]
  let [weight, strong] = [0, 0]
  for (const one of found) {
    if (usedFrom.has(one.from) || usedTo.has(one.to)) continue
    usedFrom.add(one.from)
    usedTo.add(one.to)
    weight += one.weight
    strong += 1
  }
  return { columns, weight, strong }
}
