import { chooseCanonical } from '../../core/canonical.js'
import { isConsistent, isContradicted, isStrong, kinds, weightOf, type ColumnEvidence, type RowPair } from './evidence.js'
import { isLegacyName } from './names.js'
import { columnOf, columnSimilarity, placeOf, type SampledTable } from './tables.js'
import type { FoundMap } from './routes.js'
import type { Confidence } from './settle.js'
import { sqlColumn } from './yaml-text.js'

/** What a target column must equal, as it was found. */
export interface ColumnFinding {
  to: string
  /** source columns; several in an expression */
  from: string[]
  /** null: the column as it stands */
  sql: string | null
  map: FoundMap | null
  /** codes and values, with the rows that hold each */
  values: NonNullable<ColumnEvidence['values']> | null
  /** a time without a zone meets one with: `zone` is found when all columns are known */
  needsZone: boolean
  zone: string | null
  /** JSON that the source holds in text */
  isJson: boolean
  /** of values: codes of the source that no row of one key shows; null: they could not be read */
  missingCodes: { code: string; rows: number }[] | null
  confidence: Confidence
  evidence: string
  /** what keeps it from being sure */
  doubts: string[]
}

export interface ReferenceEvidence {
  from: string
  to: string
  map: FoundMap
  evidence: ColumnEvidence
}

interface Candidate {
  from: string
  to: string
  name: number
  evidence: ColumnEvidence
  map: FoundMap | null
  score: number
}

const margin = 0.08
const exactName = 0.95

/**
 * Gives each target column its source column: by the values of rows of one key, and by name. Greedy from the best pair down; a pair is sure when its values agree beyond chance or
 * its name is the same, and no other free column comes near it.
 */
export function pairColumns(source: SampledTable, target: SampledTable, evidence: readonly (readonly ColumnEvidence[])[], references: readonly ReferenceEvidence[], keyed: { from: ReadonlySet<string>; to: ReadonlySet<string> }): ColumnFinding[] {
  const candidates = source.relation.columns.flatMap(({ name: from }, fromPlace) => target.relation.columns.flatMap(({ name: to }, toPlace): Candidate[] => {
    if (keyed.to.has(to)) return []
    const name = columnSimilarity(source, from, target, to)
    const own = evidence[fromPlace]?.[toPlace]
    // a table that several fill has several key maps
    const reference = references.filter((one) => one.from === from && one.to === to).sort((left, right) => right.evidence.agree - left.evidence.agree)[0]
    const found = reference !== undefined && (own === undefined || !isStrong(own) || own.kind === 'values') ? reference.evidence : own
    if (found === undefined || (keyed.from.has(from) && !isStrong(found))) return []
    const one = { from, to, name, evidence: found, map: reference !== undefined && found === reference.evidence ? reference.map : null }
    const score = scoreOf(one) - (keyed.from.has(from) ? 0.2 : 0)
    return score >= 0.3 ? [{ ...one, score }] : []
  })).sort((left, right) => right.score - left.score || placeOf(target, left.to) - placeOf(target, right.to) || placeOf(source, left.from) - placeOf(source, right.from))
  const near = new Map<string, Candidate[]>()
  for (const one of candidates) {
    for (const key of [`from ${one.from}`, `to ${one.to}`]) {
      const group = near.get(key)
      if (group === undefined) near.set(key, [one])
      else group.push(one)
    }
  }
  const ofColumn = (side: 'from' | 'to', one: Candidate): Candidate[] => near.get(`${side} ${one[side]}`) ?? []
  const [usedFrom, usedTo] = [new Set<string>(), new Set<string>()]
  const findings: ColumnFinding[] = []
  for (const one of candidates) {
    if (usedTo.has(one.to) || (usedFrom.has(one.from) && !(isStrong(one.evidence) && one.name >= 0.6))) continue
    const isNear = (other: Candidate) => other !== one && other.score >= one.score - margin
    const rivals = [
      ...ofColumn('to', one).filter((other) => isNear(other) && !usedFrom.has(other.from)),
      ...ofColumn('from', one).filter((other) => isNear(other) && !usedTo.has(other.to) && !ofColumn('to', other).some((better) => better.from !== other.from && better.score > other.score + margin)),
    ]
    const doubts = rivals.map((other) => `${other.from} → ${other.to} is about as good`)
    const isSure = isStrong(one.evidence) ? one.name >= 0.5 || isTelling(one, keyed.from) : one.name >= exactName || (isConsistent(one.evidence) && one.name >= 0.75)
    if (isContradicted(one.evidence) && isReference(target, one.to)) doubts.push('it is a reference, its values differ, and no key map explains them')
    if (!isSure) doubts.push(isStrong(one.evidence) ? 'the names have little in common' : isContradicted(one.evidence) ? 'the values do not agree, and the names are not the same' : 'the values say nothing, and the names are not the same')
    findings.push(finish(source, target, one, doubts))
    usedTo.add(one.to)
    usedFrom.add(one.from)
  }
  return findings.sort((left, right) => placeOf(target, left.to) - placeOf(target, right.to))
}

/** Values that are enough without a name: in ten rows, more than a flag and no codes; a key of the source only where the name says that it is kept. */
const isTelling = ({ from, to, evidence }: Candidate, keyed: ReadonlySet<string>): boolean =>
  evidence.kind !== 'values' && evidence.rows >= 10 && (weightOf(evidence) >= 0.6 || evidence.kind === 'reference') && (!keyed.has(from) || isLegacyName(to))

const isReference = ({ foreignKeys }: SampledTable, column: string): boolean => foreignKeys.some(({ columns }) => columns.includes(column))

function scoreOf({ name, evidence }: Pick<Candidate, 'name' | 'evidence'>): number {
  if (isStrong(evidence)) return 0.6 + 0.4 * name - (evidence.kind === 'values' ? 0.15 * (1 - name) + 0.05 : 0)
  if (isContradicted(evidence)) return name >= exactName ? 0.7 : 0.5 * name
  return isConsistent(evidence) ? 0.25 + 0.65 * name : 0.85 * name
}

const percent = (evidence: ColumnEvidence): string => `${evidence.agree} of ${evidence.rows} sampled values`

function tell({ name, evidence }: Candidate): string {
  const names = name >= exactName ? 'same name' : name >= 0.5 ? 'similar name' : 'another name'
  if (evidence.rows === 0) return `${names}; no sampled row holds both`
  const agree = evidence.kind === 'none' ? 'equal' : kinds[evidence.kind]
  return `${names}; ${percent(evidence)} ${agree}`
}

/** Casts whose text is the same on both sides; a value that cannot be cast leaves its row unverified. */
const safeCasts: Record<string, string[]> = { int2: ['text', 'varchar'], int4: ['text', 'varchar'], int8: ['text', 'varchar'], text: ['int2', 'int4', 'int8', 'date'], varchar: ['int2', 'int4', 'int8', 'date'], bpchar: ['int2', 'int4', 'int8', 'date'] }

/** The expression over the source column that gives the target's value, where there is one. */
function sqlOf({ kind, factor = 1 }: ColumnEvidence, own: string): string | null {
  switch (kind) {
    case 'lower': return `lower(${own})`
    case 'upper': return `upper(${own})`
    case 'trim': return `btrim(${own})`
    case 'plain': return `lower(btrim(${own}))`
    case 'digits': return `regexp_replace(${own}, '[^0-9]', '', 'g')`
    case 'date': return `${own}::date`
    case 'scale': return factor > 1 ? `${own} / ${factor}.0` : `${own} * ${Math.round(1 / factor)}`
    case 'epoch': return factor === 1 ? `to_timestamp(${own})` : `to_timestamp(${own} / ${factor}.0)`
    default: return null
  }
}

function finish(source: SampledTable, target: SampledTable, one: Candidate, doubts: string[]): ColumnFinding {
  const { from, to, evidence, map } = one
  const [left, right] = [columnOf(source, from), columnOf(target, to)]
  const base: ColumnFinding = { to, from: [from], sql: null, map, values: null, needsZone: false, zone: null, isJson: false, missingCodes: [], confidence: 'sure', evidence: tell(one), doubts }
  const done = (changed: Partial<ColumnFinding>): ColumnFinding => ({ ...base, ...changed, confidence: (changed.doubts ?? doubts).length === 0 ? 'sure' : 'likely' })
  if (left === undefined || right === undefined || map !== null) return done({})
  const own = sqlColumn('src', from)
  const isUsed = isConsistent(evidence) || isStrong(evidence)
  const sql = isUsed ? sqlOf(evidence, own) : null
  if (sql !== null) return done({ sql })
  if (isUsed && evidence.kind === 'json') return done({ isJson: true })
  if (isUsed && evidence.kind === 'values' && evidence.values !== undefined) return done({ values: evidence.values })
  if (left.type.base === 'timestamp' && right.type.base === 'timestamptz') return done({ needsZone: true })
  const choice = chooseCanonical(left.type, right.type, { zone: null })
  if (!('refused' in choice)) return done({})
  if (isUsed && evidence.kind === 'equal' && safeCasts[left.type.base]?.includes(right.type.base) === true) return done({ sql: `${own}::${right.type.base}` })
  return done({ doubts: [...doubts, `${left.type.name} and ${right.type.name} cannot be compared as they stand: say what becomes of a value`] })
}

const separators = [' ', ', ', '-', '/', '']
const mostParts = 5

/**
 * A text that is put together from several columns: the parts in some order, one separator between those that are there.
 * @returns the columns and the SQL, or null when no such rule explains nine of ten values
 */
export function findConcatenation(source: SampledTable, target: SampledTable, to: string, pairs: readonly RowPair[]): { from: string[]; sql: string; rows: number; agree: number } | null {
  const place = placeOf(target, to)
  const rows = pairs.filter(({ target: row }) => (row[place] ?? '') !== '')
  if (rows.length < 5) return null
  const isPart = (column: number) => {
    const there = rows.filter(({ source: row }) => (row[column] ?? '') !== '')
    return there.length >= 3 && there.filter((pair) => pair.target[place]?.includes(pair.source[column] ?? '') === true).length >= there.length * 0.9 && new Set(there.map(({ source: row }) => row[column])).size >= 2
  }
  const parts = source.relation.columns.flatMap(({ type }, column) => (['text', 'varchar', 'bpchar'].includes(type.base) && isPart(column) ? [column] : [])).slice(0, mostParts)
  let best: { columns: number[]; separator: string; agree: number } | null = null
  for (const columns of orders(parts)) {
    for (const separator of separators) {
      const agree = rows.filter(({ source: row, target: other }) => columns.flatMap((column) => row[column] ?? []).join(separator).trim() === other[place]).length
      if (agree >= rows.length * 0.9 && (best === null || agree > best.agree)) best = { columns, separator, agree }
    }
  }
  if (best === null) return null
  const from = best.columns.flatMap((column) => source.relation.columns[column]?.name ?? [])
  return { from, sql: `btrim(concat_ws('${best.separator}', ${from.map((name) => sqlColumn('src', name)).join(', ')}))`, rows: rows.length, agree: best.agree }
}

/** Every order of two or three of the columns. */
function orders(columns: readonly number[]): number[][] {
  const pairs = columns.flatMap((one) => columns.filter((other) => other !== one).map((other) => [one, other]))
  return [...pairs, ...pairs.flatMap((pair) => columns.filter((other) => !pair.includes(other)).map((other) => [...pair, other]))]
}
