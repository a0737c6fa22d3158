import { createHash } from 'node:crypto'
import { readMergedStatement } from '../core/reread-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import { foldKey, keyIdentity, shownKey, shownText, type SourceRow } from '../core/pairing.js'
import type { ComparisonSpec } from '../core/spec.js'
import { knownKeys, loadCollapsed } from './key-maps.js'
import type { CheckResult } from './outcomes.js'
import { createParentReader, reasonOfAbsence } from './parents.js'
import { read, textOf, type Reader, type TextRow } from './reader.js'
import type { Observe } from './judge-rows.js'
import type { Tally } from './tally.js'

/** What became of a row that others are merged into, where it is not verified. */
export interface SurvivorFate {
  class: string
  reason: string | null
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
}

export interface MergedOptions extends StatementOptions {
  parents: Readonly<Record<string, ComparisonSpec>>
  /** when the pass saw the source, ISO 8601 */
  snapshot: string | null
}

/** Tells survivors apart: by the key alone where it is known to be unique, and else by all that is compared of them. */
export function survivorIdentity(spec: ComparisonSpec, { key, columns }: Pick<SourceRow, 'key' | 'columns'>): string {
  // of columns, which may be long, a hash is enough
  return spec.source.uniqueKey === null ? createHash('sha256').update(JSON.stringify([key, columns])).digest('base64') : keyIdentity(key)
}

/**
 * Gives each row that a merge takes into another its class: with an entry that leads to the survivor's row it is merged where that row is right,
 * unverified where it differs, and else what the survivor is; without one it is pending, explained or missing itself. A value that it loses against the survivor is a conflict, and told.
 * @param survivors `survivorIdentity` → fate, of the survivors that are not verified
 * @returns how many rows the reading saw, and what to say of their conflicts
 */
export async function settleMerged(spec: ComparisonSpec, readers: { source: Reader; target: Reader }, options: MergedOptions, survivors: ReadonlyMap<string, SurvivorFate>, observe: Observe, tally: Tally, signal: AbortSignal): Promise<{ seen: number; check: CheckResult[] }> {
  if (spec.source.merge === null) return { seen: 0, check: [] }
  const followers = (await read(readers.source, signal, readMergedStatement(spec, options, options.snapshot))).map((row) => followerOf(spec, row))
  if (options.sample !== undefined) return leaveUnsampled(followers.length, tally)
  const judgeEntry = await createEntryJudge(spec, followers, readers.target, signal)
  const faults = new Map(followers.flatMap((follower) => {
    const fault = judgeEntry(follower)
    return fault === null ? [] : [[follower, fault]]
  }))
  const parents = await createParentReader(spec, readers, { recode: options.recode, parents: options.parents }, signal).fatesOf([...faults.keys()])
  let conflicts = 0
  for (const follower of followers) {
    const rowKey = shownKey(spec, follower.key)
    const fault = faults.get(follower)
    const fate = fault === undefined ? fateOf(follower, survivors.get(survivorIdentity(spec, { key: follower.survivorKey, columns: follower.survivorColumns })))
      : fateApart(follower, fault, reasonOfAbsence(spec.source.explained, follower.reason, parents.get(follower) ?? []))
    observe('source', fate.class, follower, fate.reason)
    if (fate.class !== 'merged') {
      tally.addSource(fate.class, fate.cause, fate.reason, rowKey)
      continue
    }
    tally.merged += 1
    const lost = spec.columns.flatMap((term, index) => {
      const [own, kept] = [follower.columns[index] ?? null, follower.survivorColumns[index] ?? null]
      return own === kept ? [] : [{ column: term.name, source: shownText(term, own), target: shownText(term, kept) }]
    })
    if (lost.length === 0) continue
    conflicts += 1
    tally.count('causes', 'source', 'merged', 'conflict', 1)
    tally.keep({ side: 'source', class: 'merged', cause: 'conflict', reason: null, rowKey, columns: lost })
  }
  return { seen: followers.length, check: [conflictCheck(spec.entity, followers.length, conflicts)] }
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
function fateApart({ recent }: Follower, fault: string, reason: string | null): FollowerFate {
  if (recent) return { class: 'pending', cause: 'changed recently', reason: null }
  return reason === null ? { class: 'missing', cause: fault, reason: null } : { class: 'explained', cause: null, reason }
}

function fateOf({ survivorIsKeyed }: Follower, fate: SurvivorFate | undefined): FollowerFate {
  if (!survivorIsKeyed) return { class: 'unverified', cause: 'survivor without a key', reason: null }
  switch (fate?.class) {
    case undefined: case 'accepted': return { class: 'merged', cause: null, reason: null }
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
