import type { Row } from './tables.js'

/** A source row and the target row of its key. */
export interface RowPair {
  source: Row
  target: Row
}

/** How a value of the source becomes one of the target, in words. */
export const kinds = {
  equal: 'equal', lower: 'equal in lower case', upper: 'equal in upper case', trim: 'equal when trimmed', plain: 'equal when trimmed and in lower case', digits: 'equal when only digits are kept',
  date: 'of the same day', zone: 'whole quarters of an hour apart', epoch: 'the same moment', scale: 'equal when scaled', json: 'equal as JSON', values: 'follow the codes', reference: 'lead to the same row',
}

export type EvidenceKind = keyof typeof kinds

/** How the values of two columns agree in rows of one key. */
export interface ColumnEvidence {
  /** how one becomes the other; see `kinds`, and none: nothing that can be seen */
  kind: EvidenceKind | 'none'
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
  /** of scale and epoch: how many of the source's units are one of the target's (a second) */
  factor?: number
}

const leastAgreement = 0.8
const leastBeyondChance = 0.75
const fewValues = 30
/** less agreement than this is told as none */
const leastSeen = 0.05

/** The values agree in four of five rows, and not by chance. */
export const isStrong = ({ kind, rows, agree, beyondChance }: ColumnEvidence): boolean => kind !== 'none' && rows >= 3 && agree >= rows * leastAgreement && beyondChance !== null && beyondChance >= leastBeyondChance
/** Nothing speaks against it: the values agree, though one value stands in nearly all rows, or there are very few. */
export const isConsistent = ({ kind, rows, agree }: ColumnEvidence): boolean => kind !== 'none' && rows >= 1 && agree >= rows * leastAgreement
/** There are values on both sides, and they do not agree. */
export const isContradicted = (evidence: ColumnEvidence): boolean => evidence.rows >= 5 && !isConsistent(evidence)

/** What strong evidence weighs: a flag a third, eight different values or more 1. */
export const weightOf = (evidence: ColumnEvidence): number => (isStrong(evidence) ? Math.min(1, Math.log2(Math.max(2, evidence.distinct)) / 3) * (evidence.kind === 'values' ? 0.5 : 1) : 0)

type Change = 'equal' | 'lower' | 'upper' | 'trim' | 'plain' | 'digits'
const changes: Record<Change, (value: string) => string> = {
  equal: (value) => value, lower: (value) => value.toLowerCase(), upper: (value) => value.toUpperCase(), trim: (value) => value.trim(),
  plain: (value) => value.trim().toLowerCase(), digits: (value) => value.replaceAll(/[^0-9]/g, ''),
}

/** The values of one column in rows of one key, with what is asked of them often. */
export interface Series {
  /** the base type; `text` for an enum */
  type: string
  values: readonly (string | null)[]
  distinct: number
  changed: (change: Change) => readonly (string | null)[]
}

export function seriesOf(type: string, values: readonly (string | null)[]): Series {
  const kept = new Map<Change, readonly (string | null)[]>([['equal', values]])
  return {
    type, values, distinct: new Set(values.filter((value) => value !== null)).size,
    changed(change) {
      const changed = kept.get(change) ?? values.map((value) => (value === null ? null : changes[change](value)))
      kept.set(change, changed)
      return changed
    },
  }
}

const textTypes = ['text', 'varchar', 'bpchar', 'citext', 'name']
const nothing = new Map<number, ColumnEvidence>()

/** Compares two columns over the rows of one key; most pairs of columns have nothing in common, which is told without a look at how their values are spread. */
export function compareColumns(left: Series, right: Series): ColumnEvidence {
  const { rows, agree } = countEqual(left.values, right.values)
  if (rows === 0) return nothingIn(0)
  if (left.type === 'timestamp' && right.type === 'timestamptz') return compareTimes(bothOf(left.values, right.values))
  if (right.type === 'date' && left.type.startsWith('timestamp')) return agreement('date', bothOf(left.values, right.values).map(([own, other]) => [own.slice(0, 10), other]))
  const isLow = agree < rows * 0.98
  if (isLow && numbers.includes(left.type) && (numbers.includes(right.type) || right.type === 'timestamptz')) return compareScaled(left, right, rows, agree)
  if (isLow && textTypes.includes(left.type) && right.type === 'jsonb') return agreement('json', bothOf(left.values, right.values).map(([own, other]) => [jsonText(own), jsonText(other)]))
  // values that differ when case and outer spaces are taken for nothing have no such change in common; digits alone are asked of texts that are mostly digits
  const isText = isLow && textTypes.includes(left.type) && textTypes.includes(right.type)
  const isAlike = isText && countEqual(left.changed('plain'), right.changed('plain')).agree >= rows * leastSeen
  const tried: Change[] = isAlike ? ['lower', 'upper', 'trim', 'plain'] : isText && isMostlyDigits(right) ? ['digits'] : []
  const known = tried.map((change) => ({ change, agree: countEqual(left.changed(change), right.values).agree }))
  const best = known.reduce<{ change: Change; agree: number }>((found, one) => (one.agree > found.agree * 1.02 ? one : found), { change: 'equal', agree })
  const evidence = best.agree < rows * leastSeen ? nothingIn(rows) : agreement(best.change, bothOf(left.changed(best.change), right.values))
  // keys that others took the place of are no codes
  if (isConsistent(evidence) || right.type === 'uuid' || left.distinct > fewValues || right.distinct > fewValues) return evidence
  const values = compareValues(bothOf(left.values, right.values))
  return values !== null && isStrong(values) ? values : evidence
}

const numbers = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'money']
const factors = [10, 100, 1_000, 1_000_000, 60, 3_600, 0.1, 0.01, 0.001]

const isMostlyDigits = ({ values }: Series): boolean => values.every((value) => value === null || /^\d{5,}$/.test(value))

/** Numbers of another unit (cents, minutes), and moments as seconds or milliseconds since 1970. The factor is that of the first row that tells one. */
function compareScaled(left: Series, right: Series, rows: number, agree: number): ColumnEvidence {
  const valueOf = (text: string): number => (right.type === 'timestamptz' ? (readTime(text) ?? Number.NaN) / 1_000 : Number(text))
  const fits = (own: string, other: string, factor: number): boolean => Math.abs(Number(own) - valueOf(other) * factor) <= 1e-9 * Math.max(1, Math.abs(Number(own)))
  const first = left.values.findIndex((own, index) => own !== null && Number(own) !== 0 && valueOf(right.values[index] ?? '0') !== 0)
  const factor = first < 0 ? undefined : (right.type === 'timestamptz' ? [1, 1_000] : factors).find((one) => fits(left.values[first] ?? '', right.values[first] ?? '', one))
  const hasCodes = left.distinct <= fewValues && right.distinct <= fewValues
  if (factor === undefined && agree < rows * leastSeen && !hasCodes) return nothingIn(rows)
  const both = bothOf(left.values, right.values)
  const scaled = factor === undefined ? nothingIn(rows) : agreement(right.type === 'timestamptz' ? 'epoch' : 'scale', both.map(([own, other]) => [fits(own, other, factor) ? other : `not ${own}`, other]))
  const plain = agree < rows * leastSeen ? nothingIn(rows) : agreement('equal', both)
  if (factor !== undefined && isStrong(scaled) && scaled.agree > plain.agree) return { ...scaled, factor }
  if (isConsistent(plain) || !hasCodes) return plain
  const values = compareValues(both)
  return values !== null && isStrong(values) ? values : plain
}

/** JSON with the keys of each object in order; what is none stays as it is. */
function jsonText(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text, (_, value: unknown) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))) : value)))
  } catch {
    return text // it equals nothing then
  }
}

function countEqual(left: readonly (string | null)[], right: readonly (string | null)[]): { rows: number; agree: number } {
  let [rows, agree] = [0, 0]
  // no iterator: a wide table runs this a hundred million times
  for (let index = 0; index < left.length; index += 1) {
    const own = left[index] ?? null
    const other = right[index] ?? null
    if (own === null || other === null) continue
    rows += 1
    if (own === other) agree += 1
  }
  return { rows, agree }
}

function bothOf(left: readonly (string | null)[], right: readonly (string | null)[]): [string, string][] {
  return left.flatMap((own, index): [string, string][] => {
    const other = right[index] ?? null
    return own === null || other === null ? [] : [[own, other]]
  })
}

/** One object for all pairs of columns with nothing in common: a wide table has a million of them. */
function nothingIn(rows: number): ColumnEvidence {
  const known = nothing.get(rows) ?? { kind: 'none' as const, rows, agree: 0, distinct: 0, beyondChance: null }
  nothing.set(rows, known)
  return known
}

/** Cohen's kappa over the values as categories: (agreement − chance) / (1 − chance), chance from the two distributions. */
function agreement(kind: EvidenceKind, both: readonly (readonly [string, string])[]): ColumnEvidence {
  const rows = both.length
  const agree = both.reduce((sum, [own, other]) => sum + (own === other ? 1 : 0), 0)
  const [left, right] = [countValues(both.map(([own]) => own)), countValues(both.map(([, other]) => other))]
  const evidence: Omit<ColumnEvidence, 'beyondChance'> = { kind, rows, agree, distinct: left.size }
  if (agree < rows * leastSeen) return nothingIn(rows)
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
  if (agree < both.length * leastSeen) return nothingIn(both.length)
  return { kind: 'zone', rows: both.length, agree, distinct, beyondChance: distinct < 2 ? null : agree / both.length }
}

/** What the rows of one key say of two tables: the columns that agree strongly, one partner each, the strongest first. */
export interface RowEvidence {
  /** [source column][target column] by place */
  columns: ColumnEvidence[][]
  /** sum of the weights of columns that agree strongly, the key left out */
  weight: number
  strong: number
  /** places of the source columns that do */
  sources: number[]
}

export function compareRows(pairs: readonly RowPair[], sourceTypes: readonly string[], targetTypes: readonly string[], keyed: { source: readonly number[]; target: readonly number[] }): RowEvidence {
  const targets = targetTypes.map((type, to) => seriesOf(type, pairs.map(({ target }) => target[to] ?? null)))
  const columns = sourceTypes.map((type, from) => {
    const own = seriesOf(type, pairs.map(({ source }) => source[from] ?? null))
    return targets.map((other) => compareColumns(own, other))
  })
  const found = columns.flatMap((row, from) => row.flatMap((evidence, to) => (evidence.kind !== 'none' && weightOf(evidence) > 0 && !keyed.source.includes(from) && !keyed.target.includes(to) ? [{ from, to, weight: weightOf(evidence) }] : [])))
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
  return { columns, weight, strong, sources: [...usedFrom] }
}
