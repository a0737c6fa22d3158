import { createHash } from 'node:crypto'
import { hashOfRow, keysOfRows } from '../core/pair-hashes.js'
import { readMergedStatement } from '../core/reread-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import { foldKey, keyIdentity, shownKey, shownText, type SourceRow } from '../core/pairing.js'
import type { ComparisonSpec, TermSpec } from '../core/spec.js'
import { findSameValues } from './compare-values.js'
import { knownKeys, loadCollapsed } from './key-maps.js'
import type { CheckResult } from './outcomes.js'
import { readListedOf } from './moved.js'
import type { Pace } from './pace.js'
import { createParentReader, hasPendingParent, parentPending, reasonOfAbsence, type Fates } from './parents.js'
import { partsOf, read, textOf, type Reader, type TextRow } from './reader.js'
import type { Observe } from './judge-rows.js'
import type { Tally } from './tally.js'

/** What became of a row that others are merged into, where it was judged by itself. */
export interface SurvivorFate {
  class: string
  reason: string | null
  /** hash of the row as it was judged */
  rowHash: string
}

/** What is known of the source's rows before those that are merged are read. */
export interface MergedBefore {
  /** `survivorIdentity` → fate, of the survivors that were judged by themselves; of the others the sums agreed */
  survivors: ReadonlyMap<string, SurvivorFate>
  /** every transaction before this one (decimal text of an xid8) was over when the pass read the source */
  horizon: string
  /** claimed rows that the pass saw */
  rows: number
  /** rows that the pass saw and no reading has counted under a key: so many may be merged; more have come since, or are counted */
  left: number
}

interface Follower {
  key: (string | null)[]
  columns: (string | null)[]
  survivorKey: (string | null)[]
  survivorColumns: (string | null)[]
  /** index of the first explanation whose own condition holds */
  reason: number | null
  /** changed within the lag */
  recent: boolean
  /** the survivor has a key */
  survivorIsKeyed: boolean
  /** written since the pass, as far as its version tells, and the same of the survivor */
  isNewer: boolean
  survivorIsNewer: boolean
  /** hashes of the survivor's key and row; null unless they were asked for */
  keyHash: string | null
  rowHash: string | null
}

export interface MergedOptions extends StatementOptions {
  parents: Readonly<Record<string, ComparisonSpec>>
  pace: Pace
  /** when the pass saw the source, ISO 8601 */
  snapshot: string | null
}

/** Survivors whose target rows one pass looks for. */
const keysPerPass = 100_000

/** Tells survivors apart: by the key alone where it is known to be unique, and else by all that is compared of them. */
export function survivorIdentity(spec: ComparisonSpec, { key, columns }: Pick<SourceRow, 'key' | 'columns'>): string {
  // of columns, which may be long, a hash is enough
  return spec.source.uniqueKey === null ? createHash('sha256').update(JSON.stringify([key, columns])).digest('base64') : keyIdentity(key)
}

/**
 * Gives each row that a merge takes into another its class: with an entry that leads to the survivor's row it is merged where that row is right,
 * unverified where it differs, and else what the survivor is; without one it is pending, explained or missing itself. A value that it loses against the survivor is a conflict, and told.
 * @returns how many rows the reading counts, and what to say of their conflicts
 */
export async function settleMerged(spec: ComparisonSpec, readers: { source: Reader; target: Reader }, options: MergedOptions, before: MergedBefore, observe: Observe, tally: Tally, signal: AbortSignal): Promise<{ seen: number; check: CheckResult[] }> {
  if (spec.source.merge === null) return { seen: 0, check: [] }
  const { followers, unproven } = await readFollowers(spec, readers, options, before, signal)
  if (options.sample !== undefined) return leaveUnsampled(followers.length, tally)
  const judgeEntry = await createEntryJudge(spec, followers, readers.target, signal)
  const faults = new Map(followers.flatMap((follower) => {
    const fault = judgeEntry(follower)
    return fault === null ? [] : [[follower, fault]]
  }))
  const parents = await createParentReader(spec, readers, options, signal).fatesOf([...faults.keys()])
  // in a bag every column is a leg
  const terms = [...(spec.bag ? spec.key.map((term, index) => ({ term, own: ({ key }: Follower) => key[index] ?? null, kept: ({ survivorKey }: Follower) => survivorKey[index] ?? null })) : []),
    ...spec.columns.map((term, index) => ({ term, own: ({ columns }: Follower) => columns[index] ?? null, kept: ({ survivorColumns }: Follower) => survivorColumns[index] ?? null }))]
  const isSame = await compareTexts(spec, terms.map(({ term, own, kept }) => ({ term, pairs: followers.map((follower) => [own(follower), kept(follower)] as const) })), readers.target, signal)
  let conflicts = 0
  for (const follower of followers) {
    const rowKey = shownKey(spec, follower.key)
    const fault = faults.get(follower)
    const fate = fault === undefined ? fateOf(follower, unproven.has(follower) ? survivorPending : fateOfSurvivor(spec, follower, before))
      : fateApart(spec, follower, fault, parents.get(follower) ?? [])
    observe('source', fate.class, follower, fate.reason)
    if (fate.class !== 'merged') {
      tally.addSource(fate.class, fate.cause, fate.reason, rowKey)
      continue
    }
    tally.merged += 1
    const lost = terms.flatMap(({ term, own, kept }) => (isSame(term, own(follower), kept(follower)) ? [] : [{ column: term.name, source: shownText(term, own(follower)), target: shownText(term, kept(follower)) }]))
    if (lost.length === 0) continue
    conflicts += 1
    tally.count('causes', 'source', 'merged', 'conflict', 1)
    tally.keep({ side: 'source', class: 'merged', cause: 'conflict', reason: null, rowKey, columns: lost })
  }
  return { seen: followers.length, check: [conflictCheck(spec.entity, followers.length, conflicts)] }
}

/**
 * Tells whether two texts of the source are one value of a term: the same, the same in another notation, or references that one modern key folds. What is within a tolerance is not.
 * @param asked the pairs that will be asked for
 */
async function compareTexts(spec: ComparisonSpec, asked: readonly { term: TermSpec; pairs: readonly (readonly [string | null, string | null])[] }[], target: Reader, signal: AbortSignal): Promise<(term: TermSpec, left: string | null, right: string | null) => boolean> {
  const collapsed = new Map<TermSpec, Map<string, string> | null>()
  for (const { term } of asked) collapsed.set(term, term.keyMap === null ? null : await loadCollapsed(spec, term, target, signal))
  const same = await findSameValues(asked, target, signal)
  return (term, left, right) => {
    const [own, kept] = foldKey([left, right], [collapsed.get(term) ?? null, collapsed.get(term) ?? null])
    return own === kept || (same.get(term)?.has(JSON.stringify([left, right])) ?? false)
  }
}

const survivorPending: SurvivorFate = { class: 'pending', reason: null, rowHash: '' }

function fateOfSurvivor(spec: ComparisonSpec, { survivorKey, survivorColumns }: Follower, { survivors }: MergedBefore): SurvivorFate | undefined {
  return survivors.get(survivorIdentity(spec, { key: survivorKey, columns: survivorColumns }))
}

/**
 * Reads the rows that are merged into others. Those whose survivor was not judged by itself rest on the sums of the pass, so it must have survived then, as it is: where the source was written since, it is looked for once more in the target.
 * @returns unproven: those whose survivor is not known to be right now
 */
async function readFollowers(spec: ComparisonSpec, readers: { source: Reader; target: Reader }, options: MergedOptions, before: MergedBefore, signal: AbortSignal): Promise<{ followers: Follower[]; unproven: Set<Follower> }> {
  const readNow = async (hashed: boolean) => {
    const rows = await read(readers.source, signal, readMergedStatement(spec, options, options.snapshot, before.horizon, hashed))
    const kept = rows[0]?.['kept'] ?? null
    // a row that is gone, or another version of it elsewhere, may have survived in place of any
    const isOneGone = kept !== null && Number(kept) < before.rows
    const followers = rows.map((row) => followerOf(spec, row))
    const isDoubtful = (follower: Follower) => {
      const name = fateOfSurvivor(spec, follower, before)?.class
      return follower.survivorIsKeyed && ((isOneGone && name === undefined) || (follower.survivorIsNewer && (name === undefined || isRight(name))))
    }
    return { followers, doubtful: followers.filter(isDoubtful) }
  }
  let now = await readNow(false)
  if (options.sample !== undefined) return { followers: now.followers, unproven: new Set() }
  if (now.doubtful.length > 0) now = await readNow(true)
  const asJudged = ({ rowHash, ...follower }: Follower) => rowHash !== null && fateOfSurvivor(spec, { rowHash, ...follower }, before)?.rowHash === rowHash
  const asked = now.doubtful.filter((follower) => !asJudged(follower))
  const arrived = await findArrived(spec, readers.target, options, new Set(asked.flatMap(({ keyHash }) => keyHash ?? [])), signal)
  const unproven = new Set(asked.filter(({ keyHash, rowHash }) => !arrived.has(`${keyHash} ${rowHash}`)))
  // those that are known best stand first
  const ranked = now.followers.length <= before.left ? now.followers : now.followers.toSorted((left, right) => Number(left.isNewer) - Number(right.isNewer) || Number(unproven.has(left)) - Number(unproven.has(right)))
  return { followers: ranked.slice(0, before.left), unproven }
}

/** The rows that the target has under some keys, each as the hashes of its key and of the whole. */
async function findArrived(spec: ComparisonSpec, target: Reader, options: MergedOptions, keyHashes: ReadonlySet<string>, signal: AbortSignal): Promise<Set<string>> {
  const found = new Set<string>()
  for (const part of partsOf([...keyHashes], keysPerPass)) {
    const rows = await readListedOf(spec, target, part, options, options.pace, signal)
    for (const [row, key] of keysOfRows(rows).entries()) found.add(`${key} ${hashOfRow(rows, row)}`)
  }
  return found
}

/** What becomes of a survivor is known only where it is in the sample, so no follower is judged. */
function leaveUnsampled(rows: number, tally: Tally): { seen: number; check: CheckResult[] } {
  tally.source.unverified += rows
  if (rows > 0) tally.count('causes', 'source', 'unverified', 'not sampled', rows)
  return { seen: rows, check: [] }
}

function followerOf(spec: ComparisonSpec, row: TextRow): Follower {
  const texts = (terms: readonly unknown[], letter: string) => terms.map((_, index) => row[`${letter}${index}`] ?? null)
  const reason = row['reason'] ?? null
  return {
    key: texts(spec.key, 'k'), columns: texts(spec.columns, 'c'), survivorKey: texts(spec.key, 's'), survivorColumns: texts(spec.columns, 't'),
    reason: reason === null ? null : Number(reason), recent: row['recent'] === 'true', survivorIsKeyed: textOf(row, 'survivor') === 'keyed',
    isNewer: row['newer'] === 'true', survivorIsNewer: row['survivor_newer'] === 'true', keyHash: row['key_hash'] ?? null, rowHash: row['row_hash'] ?? null,
  }
}

/** Tells what keeps a follower from the survivor's row, or null: each leg that goes through a key map must lead to the same modern key. */
async function createEntryJudge(spec: ComparisonSpec, followers: readonly Follower[], target: Reader, signal: AbortSignal): Promise<(follower: Follower) => string | null> {
  const collapsed: (Map<string, string> | null)[] = []
  const known: (Set<string> | null)[] = []
  for (const [leg, term] of spec.key.entries()) {
    collapsed.push(term.keyMap === null ? null : await loadCollapsed(spec, term, target, signal))
    known.push(term.keyMap === null ? null : await knownKeys(spec, term, followers.flatMap(({ key }) => (key[leg]?.startsWith('=') ? [key[leg].slice(1)] : [])), target, signal))
  }
  return ({ key, survivorKey }) => {
    const [own, first] = [foldKey(key, collapsed), foldKey(survivorKey, collapsed)]
    const apart = spec.key.findIndex((term, leg) => term.keyMap !== null && own[leg] !== first[leg])
    if (apart === -1) return null
    return key[apart]?.startsWith('=') && known[apart]?.has(key[apart].slice(1)) === true ? 'map leads elsewhere' : 'no map entry'
  }
}

interface FollowerFate {
  class: 'merged' | 'explained' | 'pending' | 'missing' | 'unverified'
  cause: string | null
  reason: string | null
}

/** What becomes of a row that does not lead to the survivor's. */
function fateApart(spec: ComparisonSpec, { recent, reason: own }: Follower, fault: string, parents: Fates): FollowerFate {
  if (recent) return { class: 'pending', cause: 'changed recently', reason: null }
  const reason = reasonOfAbsence(spec.source.explained, own, parents)
  if (reason !== null) return { class: 'explained', cause: null, reason }
  return hasPendingParent(parents) ? { class: 'pending', cause: parentPending, reason: null } : { class: 'missing', cause: fault, reason: null }
}

/** Of a survivor of this class the target holds what is expected. */
function isRight(name: string): boolean {
  return name === 'verified' || name === 'accepted'
}

function fateOf({ survivorIsKeyed }: Follower, fate: SurvivorFate | undefined): FollowerFate {
  if (!survivorIsKeyed) return { class: 'unverified', cause: 'survivor without a key', reason: null }
  switch (fate?.class) {
    case undefined: case 'verified': case 'accepted': return { class: 'merged', cause: null, reason: null }
    case 'explained': return { class: 'explained', cause: null, reason: fate.reason }
    case 'pending': return { class: 'pending', cause: 'survivor pending', reason: null }
    case 'missing': return { class: 'missing', cause: 'survivor missing', reason: null }
    default: return { class: 'unverified', cause: 'survivor differs', reason: null }
  }
}

function conflictCheck(entity: string, rows: number, conflicts: number): CheckResult {
  return {
    entity, name: 'merged rows agree', subject: '', category: 'accounting', severity: 'warning', verdict: conflicts === 0 && rows > 0 ? 'pass' : 'warn', rowsExamined: rows, rowsFailed: conflicts, durationMs: null,
    message: rows === 0 ? '0 rows were examined: no row is merged into another one' : conflicts === 0 ? 'no merged row held another value than the row that survives' : `${conflicts} merged ${conflicts === 1 ? 'row' : 'rows'} held other values than the row that survives: those values are in no target row`, evidence: {},
  }
}
