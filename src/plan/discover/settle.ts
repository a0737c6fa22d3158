import type { Alignment } from './align.js'
import { placeOf, compareText, columnOf, labelOf, type Row, type SampledTable, type TableCandidate } from './tables.js'
import { isUnguarded, type Share } from './routes.js'

export type Confidence = 'sure' | 'likely'

/** What was found of two tables before it is set against the others. */
export interface PairFinding extends TableCandidate {
  alignment: Alignment | null
  /** share of the rows expected to be found (all, or as many as the target has) that were */
  found: number
  /** 0 to 1: structure, and the values that agree in rows of one key */
  score: number
  /** values of rows of one key agree beyond chance */
  isProven: boolean
  /** the names and most columns agree, and values do not speak against it */
  isNamed: boolean
}

/** A pair as it goes into the plan. */
export interface SettledPair extends PairFinding {
  confidence: Confidence
  /** what keeps it from being sure, for people; empty when it is sure */
  doubts: string[]
  /** the source rows that it claims, where the table feeds several */
  sourceShare: Share | null
  /** the target rows that it claims, where several tables meet */
  targetShare: Share | null
}

const margin = 0.1
const leastLikely = 0.35

/** Judges a pair by itself. A key of text that leads to rows, or a composite key that leads to few of all it could, is evidence too. */
export function judgePair(candidate: TableCandidate, alignment: Alignment | null): PairFinding {
  const { source, target, structure, name, columns } = candidate
  const expected = alignment === null ? 0 : alignment.keyed * Math.min(1, target.count.rows / Math.max(1, source.count.rows))
  const found = alignment === null ? 0 : Math.min(1, alignment.matched / Math.max(1, expected))
  const weight = alignment === null ? 0 : alignment.evidence.weight + keyWeight(alignment, target, found)
  const isProven = alignment !== null && weight >= 1 && alignment.matched >= 3 && found >= 0.3
  const isRefuted = alignment !== null && alignment.matched >= 20 && weight === 0 && target.relation.columns.length > alignment.route.legs.length + 1
  const isNamed = name >= 0.95 && columns >= 0.6 && !isRefuted
  return { ...candidate, alignment, found, isProven, isNamed, score: 0.5 * structure + 0.5 * Math.min(1, weight / 2) * found }
}

function keyWeight({ route, matched }: Alignment, target: SampledTable, found: number): number {
  if (matched < 3 || found < 0.8) return 0
  const [leg] = route.legs
  if (route.legs.length === 1 && leg !== undefined) {
    const type = columnOf(target, leg.to)?.type.base ?? ''
    return leg.map === null && ['text', 'varchar', 'bpchar', 'uuid'].includes(type) ? 1 : 0
  }
  const possible = route.legs.reduce((product, { to }) => product * new Set(target.rows.map((row) => row[placeOf(target, to)])).size, 1)
  return target.rows.length > 0 && target.rows.length <= possible / 2 ? 1 : 0
}

const keysOf = (finding: PairFinding, side: 'source' | 'target'): Set<string> => new Set((finding.alignment?.pairs ?? []).map((pair) => JSON.stringify(pair[side])))

/** Two pairs that share a table lead to different rows of it. */
function areDisjoint(one: PairFinding, other: PairFinding, side: 'source' | 'target'): boolean {
  const [left, right] = [keysOf(one, side), keysOf(other, side)]
  if (left.size === 0 || right.size === 0) return false
  const shared = [...left].filter((key) => right.has(key)).length
  return shared <= Math.min(left.size, right.size) * 0.05
}

/**
 * Settles pairs from the best down. A pair is sure when values prove it or its name does, and no other pair for one of its tables comes near it (0.1 of the score), unless the two
 * share the rows of the table between them. A rival whose other table has a better partner is none.
 */
export function settlePairs(findings: readonly PairFinding[]): SettledPair[] {
  const rank = (one: PairFinding) => (one.isProven ? 2 : 0) + (one.isNamed ? 1 : 0)
  const sorted = [...findings].sort((left, right) => Math.min(2, rank(right)) - Math.min(2, rank(left)) || right.score - left.score || compareText(labelOf(left.source), labelOf(right.source)) || compareText(labelOf(left.target), labelOf(right.target)))
  const settled: SettledPair[] = []
  for (const one of sorted) {
    const taken = settled.filter(({ source, target }) => source === one.source || target === one.target)
    const sides = (other: PairFinding): 'source' | 'target' => (other.source === one.source ? 'source' : 'target')
    const isOpen = taken.every((other) => one.isProven && other.isProven && areDisjoint(one, other, sides(other)))
    const split = isOpen ? [] : taken.filter((other) => other.source === one.source && sharesColumns(one, other))
    if (!isOpen && one.isProven && split.length > 0 && split.length === taken.length) {
      const doubts = split.map((other) => `the same rows of ${labelOf(one.source)} go to ${labelOf(other.target)}, with other columns: when both are meant, write \`shared: true\` in both`)
      settled.push({ ...one, confidence: 'likely', doubts, sourceShare: null, targetShare: one.alignment?.share ?? null })
      continue
    }
    if (!isOpen || (!one.isProven && !one.isNamed && one.score < leastLikely * 0.5 && one.structure < leastLikely)) continue
    const rivals = sorted.filter((other) => other !== one && !settled.includes(other as SettledPair) && (other.source === one.source || other.target === one.target) && isRival(one, other, sorted, sides(other)))
    const doubts = rivals.map((other) => `${labelOf(other.source)} → ${labelOf(other.target)} is about as good (${other.score.toFixed(2)} against ${one.score.toFixed(2)})`)
    if (one.alignment !== null && isUnguarded(one.source, one.target, one.alignment.route)) doubts.push(`no constraint keeps ${one.alignment.route.legs.map(({ from }) => from).join(', ')} unique on either side`)
    if (!one.isProven && !one.isNamed) doubts.push(one.alignment === null ? 'no rows of one key were found' : 'too few values agree in rows of one key')
    settled.push({ ...one, confidence: doubts.length === 0 ? 'sure' : 'likely', doubts, sourceShare: null, targetShare: one.alignment?.share ?? null })
  }
  return settled.map((one) => addShares(one, settled))
}

/** Two tables take other columns of the same source rows: half of those that agree at least are in one alone, so none is a copy of the other. */
function sharesColumns(one: PairFinding, other: PairFinding): boolean {
  const [left, right] = [one.alignment?.evidence.sources ?? [], other.alignment?.evidence.sources ?? []]
  return left.length > 0 && left.filter((place) => right.includes(place)).length <= left.length / 2
}

function isRival(one: PairFinding, other: PairFinding, all: readonly PairFinding[], side: 'source' | 'target'): boolean {
  if (other.score < one.score - margin || (one.isProven && !other.isProven) || (one.isNamed && !other.isNamed && other.name < one.name - 0.2)) return false
  if (one.isProven && other.isProven && areDisjoint(one, other, side)) return false
  const free = side === 'source' ? 'target' : 'source'
  return !all.some((better) => better !== other && better[free] === other[free] && better[side] !== one[side] && better.score >= other.score + margin)
}

/** Pairs that share a table need to say whose a row is. */
function addShares(one: SettledPair, settled: readonly SettledPair[]): SettledPair {
  const besides = (side: 'source' | 'target') => settled.some((other) => other !== one && other[side] === one[side] && one.isProven && other.isProven && areDisjoint(one, other, side))
  const doubts = [...one.doubts]
  let { sourceShare, targetShare } = one
  if (besides('source')) {
    sourceShare = findShare(one, 'source')
    if (sourceShare === null) doubts.push(`${labelOf(one.source)} feeds several tables, and no column tells which of its rows go here`)
  }
  const isReached = one.alignment?.route.legs.some(({ map }) => map !== null) === true
  if (besides('target') && targetShare === null && !isReached) {
    targetShare = findShare(one, 'target')
    if (targetShare === null) doubts.push(`${labelOf(one.target)} is filled from several tables, and no column tells which of its rows come from here`)
  }
  return { ...one, sourceShare, targetShare, doubts, confidence: doubts.length === 0 ? 'sure' : 'likely' }
}

/**
 * The column and value that tell the rows that have a partner from the others of the sample: nearly all that have one hold it (97 %), at least half of those that hold it have one,
 * and it is not the only value of the table.
 */
function findShare({ source, target, alignment }: PairFinding, side: 'source' | 'target'): Share | null {
  const table = side === 'source' ? source : target
  const rows = (alignment?.pairs ?? []).map((pair) => pair[side])
  const paired = new Set(rows.map((row) => JSON.stringify(row)))
  let best: { share: Share; worth: number } | null = null
  for (const [place, { name, type }] of table.relation.columns.entries()) {
    if (!(type.kind === 'e' || ['text', 'varchar', 'bpchar', 'int2', 'int4', 'bool'].includes(type.base))) continue
    if (new Set(table.rows.map((row) => row[place])).size > 30) continue
    const counts = new Map<string, number>()
    for (const row of rows) if (row[place] !== null && row[place] !== undefined) counts.set(row[place], (counts.get(row[place]) ?? 0) + 1)
    const [value, count] = [...counts].sort(([one, left], [other, right]) => right - left || compareText(one, other))[0] ?? []
    if (value === undefined || count === undefined || count < rows.length * 0.97) continue
    const holders = table.rows.filter((row: Row) => row[place] === value)
    const strangers = table.rows.length - holders.length
    const worth = side === 'source' ? holders.filter((row) => paired.has(JSON.stringify(row))).length / Math.max(1, holders.length) : 1 - holders.length / Math.max(1, table.rows.length)
    if (strangers > 0 && (side === 'target' || worth >= 0.5) && (best === null || worth > best.worth)) best = { share: { column: name, value }, worth }
  }
  return best?.share ?? null
}
