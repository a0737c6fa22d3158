import { append, groupBy } from './lists.js'
import type { ComparisonSpec, TermSpec } from './spec.js'

/** What a row's own time of change tells, where the plan names its column. */
export interface Change {
  /** comparable as text; null without such a column, or when it is NULL: then the row is old */
  changedAt: string | null
  /** changed later than the snapshot of the pass, less the lag */
  recent: boolean
}

/** A row as it was read for a decision; texts carry their state (see `expressions.ts`): null, `=value`, `?raw`, `!raw`. */
export interface SourceRow extends Change {
  rowHash: string
  key: (string | null)[]
  columns: (string | null)[]
  /** index of the first declared explanation that holds */
  reason: number | null
  /** names of the legs that stand for the other value of their value map */
  others: string[]
  /** for each column the declared values that the target may hold instead; null where one is not meant for the row */
  accepted: (string | null)[][]
}

export interface TargetRow extends Change {
  rowHash: string
  key: (string | null)[]
  /** the key legs as they stand in the target */
  rawKey: (string | null)[]
  columns: (string | null)[]
  /** references as they stand in the target, null for other columns */
  rawColumns: (string | null)[]
  /** index of the first declared kind of generated rows that holds */
  reason: number | null
  /** what the accepted values of a column are compared with; null for columns without */
  exact: (string | null)[]
}

/** The rows of both sides that have one key. */
export interface KeyGroup {
  source: SourceRow[]
  target: TargetRow[]
}

export interface Pairing {
  verified: [SourceRow, TargetRow][]
  /** equal with the help of declared other values; with the indexes of the columns that needed one, and the reasons */
  accepted: { source: SourceRow; target: TargetRow; columns: number[]; reason: string }[]
  /** with the indexes of the columns that differ */
  differs: { source: SourceRow; target: TargetRow; columns: number[] }[]
  /** source rows without a partner */
  unpairedSource: SourceRow[]
  /** target rows without a partner; duplicates when the group has any pair */
  unpairedTarget: TargetRow[]
  /** pairs whose fingerprints agree although a value differs: the fingerprint cannot be trusted */
  fingerprintFaults: number
}

/** accepted: why */
export type Likeness = 'equal' | 'different' | { accepted: string }

/** Tells whether a source row and a target row have the same value in a column. */
export type CompareRows = (column: number, source: SourceRow, target: TargetRow) => Likeness

/** Rows of one key are compared with each other up to so many pairs: the answers of more take minutes, and the questions to a server its memory. */
export const mostPairs = 100_000

/**
 * Pairs those rows of one key whose texts are the same in every column, in time that grows with their number alone. Rows that are declared not to arrive take a partner after the others.
 * @returns how many pairs there are, and the rows that are left
 */
export function pairAlike({ source, target }: KeyGroup): { pairs: number; left: KeyGroup } {
  const textOf = ({ columns }: Pick<SourceRow, 'columns'>) => JSON.stringify(columns)
  const waiting = groupBy(target, textOf)
  const left = inOrder(source).filter((row) => row.others.length > 0 || waiting.get(textOf(row))?.pop() === undefined)
  return { pairs: source.length - left.length, left: { source: left, target: [...waiting.values()].flat() } }
}

/** Rows that are declared not to arrive stand behind the others. */
function inOrder(source: readonly SourceRow[]): SourceRow[] {
  return [...source].sort((left, right) => Number(left.reason !== null) - Number(right.reason !== null) || byRowHash(left, right))
}

/**
 * Pairs the rows of one key, equal ones first, then those that are accepted, then the rest in the order of their hashes; one target row pays for one source row.
 * n source and m target rows give min(n, m) pairs. Rows that are declared not to arrive take a partner after the others: what is left over is them.
 */
export function pairGroup(group: KeyGroup, compare: CompareRows): Pairing {
  const [only, counterpart] = [group.source[0], group.target[0]]
  if (group.source.length === 1 && group.target.length === 1 && only !== undefined && counterpart !== undefined) return pairOnly(only, counterpart, compare)
  const source = inOrder(group.source)
  const target = [...group.target].sort(byRowHash)
  const pairing: Pairing = { verified: [], accepted: [], differs: [], unpairedSource: [], unpairedTarget: [], fingerprintFaults: 0 }
  // likeness is asked for up to three times: the answers for many rows would fill the memory
  const takePartner = (row: SourceRow, fits: (likeness: Likeness[]) => boolean): TargetRow | undefined => {
    const partner = target.findIndex((candidate) => fits(likenessOf(row, candidate, compare)))
    return partner === -1 ? undefined : target.splice(partner, 1)[0]
  }
  const unequal: SourceRow[] = []
  for (const row of source) {
    const found = row.others.length > 0 ? undefined : takePartner(row, (likeness) => likeness.every((one) => one === 'equal'))
    if (found === undefined) unequal.push(row)
    else pairing.verified.push([row, found])
  }
  const waiting: SourceRow[] = []
  for (const row of unequal) {
    const found = takePartner(row, (likeness) => !likeness.includes('different'))
    if (found === undefined) waiting.push(row)
    else pairing.accepted.push({ source: row, target: found, ...howAccepted(row, likenessOf(row, found, compare)) })
  }
  for (const row of waiting) {
    const partner = target.shift()
    if (partner === undefined) {
      pairing.unpairedSource.push(row)
      continue
    }
    if (row.rowHash === partner.rowHash) pairing.fingerprintFaults += 1
    pairing.differs.push({ source: row, target: partner, columns: differentColumns(likenessOf(row, partner, compare)) })
  }
  pairing.unpairedTarget = target
  return pairing
}

const none: never[] = []

/** Most keys have one row on each side, and there may be many: no list is made that is not needed. */
function pairOnly(source: SourceRow, target: TargetRow, compare: CompareRows): Pairing {
  let different: number[] = none
  let isEqual = source.others.length === 0
  for (let column = 0; column < source.columns.length; column += 1) {
    const likeness = compare(column, source, target)
    if (likeness === 'different') different = append(different, column)
    else if (likeness !== 'equal') isEqual = false
  }
  if (different.length > 0) return onlyPair(none, none, [{ source, target, columns: different }], source.rowHash === target.rowHash ? 1 : 0)
  return isEqual ? onlyPair([[source, target]], none, none, 0) : onlyPair(none, [{ source, target, ...howAccepted(source, likenessOf(source, target, compare)) }], none, 0)
}

function onlyPair(verified: Pairing['verified'], accepted: Pairing['accepted'], differs: Pairing['differs'], fingerprintFaults: number): Pairing {
  return { verified, accepted, differs, unpairedSource: none, unpairedTarget: none, fingerprintFaults }
}

function likenessOf(source: SourceRow, target: TargetRow, compare: CompareRows): Likeness[] {
  return source.columns.map((_, column) => compare(column, source, target))
}

function differentColumns(likeness: readonly Likeness[]): number[] {
  return likeness.flatMap((one, index) => (one === 'different' ? [index] : []))
}

function byRowHash(left: { rowHash: string }, right: { rowHash: string }): number {
  return left.rowHash < right.rowHash ? -1 : left.rowHash > right.rowHash ? 1 : 0
}

function howAccepted({ others }: SourceRow, likeness: readonly Likeness[]): { columns: number[]; reason: string } {
  const accepted = likeness.flatMap((one, index) => (typeof one === 'object' ? [{ index, reason: one.accepted }] : []))
  const reasons = new Set([...others.map((leg) => `other value of ${leg}`), ...accepted.map(({ reason }) => reason)])
  return { columns: accepted.map(({ index }) => index), reason: [...reasons].join('; ') }
}

/** Identity of a key: its legs as texts, NULL and text apart, no two keys alike. */
export function keyIdentity(key: readonly (string | null)[]): string {
  return JSON.stringify(key)
}

/**
 * Groups rows of both sides by their key. Through a many-to-one key map a source key stands for the smallest legacy key of its
 * modern one, under which the target row is read.
 * @param collapsed for each key leg: legacy key → smallest legacy key, of those that are not the smallest
 */
export function groupByKey(source: readonly SourceRow[], target: readonly TargetRow[], collapsed: readonly (ReadonlyMap<string, string> | null)[]): Map<string, KeyGroup> {
  const groups = new Map<string, KeyGroup>()
  const groupOf = (key: readonly (string | null)[]) => {
    const identity = keyIdentity(key)
    const group = groups.get(identity) ?? { source: [], target: [] }
    groups.set(identity, group)
    return group
  }
  for (const row of source) {
    const group = groupOf(foldKey(row.key, collapsed))
    group.source = append(group.source, row)
  }
  for (const row of target) {
    const group = groupOf(row.key)
    group.target = append(group.target, row)
  }
  return groups
}

/** A source key under the smallest legacy keys that its key maps fold it into. */
export function foldKey(key: (string | null)[], collapsed: readonly (ReadonlyMap<string, string> | null)[]): (string | null)[] {
  return collapsed.every((map) => map === null) ? key : key.map((text, leg) => smallestText(text, collapsed[leg] ?? null))
}

function smallestText(text: string | null, collapsed: ReadonlyMap<string, string> | null): string | null {
  if (text === null || collapsed === null || !text.startsWith('=')) return text
  const smallest = collapsed.get(text.slice(1))
  return smallest === undefined ? text : `=${smallest}`
}

/** The cause of a difference: `stale` when the source row was changed after the target row, `reference` when only references differ, else `value`. */
export function causeOfDifference(spec: ComparisonSpec, { source, target, columns }: Pairing['differs'][number]): 'stale' | 'reference' | 'value' {
  if (source.changedAt !== null && target.changedAt !== null && source.changedAt > target.changedAt) return 'stale'
  return columns.every((index) => (spec.columns[index]?.keyMap ?? null) !== null) ? 'reference' : 'value'
}

/**
 * Why a source row has no target row.
 * @param known whether the key map of a leg has an entry for the leg's value; null for a leg without a map
 * @param keyIsPaired another source row of the same key has taken the target row
 */
export function causeOfMissing(spec: ComparisonSpec, known: readonly (boolean | null)[], keyIsPaired: boolean): string {
  if (keyIsPaired) return spec.bag ? 'plain' : 'collapsed'
  const unknown = known.findIndex((leg) => leg === false)
  if (spec.key.length > 1) return unknown === -1 ? 'plain' : `leg ${spec.key[unknown]?.name ?? ''}`
  if ((spec.key[0]?.keyMap ?? null) === null) return 'plain'
  return unknown === -1 ? 'map leads nowhere' : 'no map entry'
}

const mask = '•••'
/** Characters of a value that are kept with a difference; a longer text is one that was cut. */
export const longestShown = 300

/** A text without its state mark, for people: masked when the plan says so; NULL stays NULL. */
export function shownText(term: TermSpec, text: string | null): string | null {
  if (text === null) return null
  if (term.pii) return mask
  const shown = text.startsWith('+') ? text.slice(2) : text.slice(1)
  return shown.length > longestShown ? `${shown.slice(0, longestShown).toWellFormed()}... (${shown.length} characters)` : shown
}

/** leg → legacy key, for people. */
export function shownKey(spec: ComparisonSpec, key: readonly (string | null)[]): Record<string, string | null> {
  return Object.fromEntries(spec.key.map((term, leg) => [term.name, shownText(term, key[leg] ?? null)]))
}

/** A target reference for people: the modern key as it stands, and the legacy key or natural value it leads to. */
export function shownReference(term: TermSpec, text: string | null, raw: string | null, ofMap: 'legacy' | 'natural'): string | null {
  if (raw === null || text === null) return null
  if (term.pii) return mask
  return text.startsWith('=') ? `${raw} (${ofMap} ${text.slice(1)})` : `${raw} (no map entry)`
}
