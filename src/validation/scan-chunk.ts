import type { ComparisonSpec } from '../core/spec.js'
import { comparesByKey, countPlaces, countsItself, countStatement, scanStatement, snapshotStatement, streamStatement, sumStatement } from '../core/pass-expressions.js'
import { stateAt, type StatementOptions } from '../core/row-expressions.js'
import { countPackedRows } from '../core/segments.js'
import { profileChunk, type ProfileRequest } from './profile.js'
import type { ChunkProfile } from '../core/profile.js'
import type { PackedSegments } from './outcomes.js'
import type { Side } from '../core/catalog.js'
import { countOf, readSnapshot, textOf, type Reader, type ReadMore, type TextRow } from './reader.js'

/** What one pass over a chunk of one side found; counts are of the rows that its snapshot saw. */
export interface ScanOutcome {
  /** claimed rows, counted by themselves */
  rows: number
  /** claimed rows that no exclusion names, counted by themselves */
  scope: number
  /** rows by declared exclusion */
  excluded: number[]
  /** rows whose key legs are all NULL, by the index of the generated reason that holds, -1 for none */
  noKey: Record<string, number>
  /** target rows with a key that its key map does not know, likewise */
  noMapEntry: Record<string, number>
  /** keyed rows outside the sample */
  unsampled: number
  /** source rows that a merge takes into others */
  merged: number
  /** rows that are paired by their key */
  keyed: number
  /** rows in scope that are left out because a value of theirs raises an error, counted by themselves */
  unread: number
  /** the same one by one, as they were found */
  unreadRows: UnreadRow[]
  /** for each total of the plan its sums of this chunk; null: more groups than are kept */
  totals: (GroupSum[] | null)[]
  /** what the columns hold; null when it was not asked for; a text: why it could not be read */
  profile: ChunkProfile | string | null
  snapshotAt: string
  /** every transaction before this one (decimal text of an xid8) was over when the rows behind the sums were read; absent of an earlier release */
  horizon?: string
  /** when the rows behind the sums were read, where that was before; else absent */
  readAt?: string
  /** which job read them then */
  readBy?: string
  /** of those, the segments whose sums may not hold any more */
  touched?: number
  /** and the rows that are newer than the sums, where they are few enough to be looked up */
  newer?: number
  durationMs: number
  /** the standby of the source that was read; null: the database itself */
  replica: string | null
}

export interface ScannedChunk {
  outcome: ScanOutcome
  found: FoundRows
}

/** A row that no statement can read. */
export type UnreadRow = {
  /** `(page,item)` */
  address: string
  /** why, as it may be told */
  error: string
  /** its key legs, as texts with their state; null: they cannot be read either */
  key: (string | null)[] | null
}

/** A sum over the rows of one group of one chunk. */
export type GroupSum = {
  class: 'keyed' | 'merged'
  /** the values of the group, as texts with their state */
  group: (string | null)[]
  rows: number
  /** exact decimal text, or NaN or Infinity; null for nothing but NULL */
  sum: string | null
}

/** The keyed rows of a chunk: sums by segment, or all rows by block. */
export type FoundRows = { segments: PackedSegments } | { blocks: Map<number, string> }

/** Groups of one total that are kept; a finer total is not told. */
export const mostGroups = 10_000

/**
 * Reads a chunk of one side once: counts and fingerprint sums by segment; with a profile its columns in a pass of their own, in the same snapshot. Where something is
 * joined, the bare rows are counted beside it.
 * @param streamed every row is given in place of sums
 * @param unreadRows are left out, and counted by themselves
 * @param isEnough whether more than the segments is to be read; if not, the answer is null
 * @throws the database's error; ScanMismatch when the joined rows are not the claimed rows
 */
export async function scanChunk(spec: ComparisonSpec, reader: Reader, options: StatementOptions, profile: ProfileRequest | null, streamed: boolean, signal: AbortSignal, unreadRows?: UnreadRow[]): Promise<ScannedChunk>
export async function scanChunk(spec: ComparisonSpec, reader: Reader, options: StatementOptions, profile: ProfileRequest | null, streamed: boolean, signal: AbortSignal, unreadRows: UnreadRow[], isEnough: (found: FoundRows) => boolean): Promise<ScannedChunk | null>
export async function scanChunk(spec: ComparisonSpec, reader: Reader, options: StatementOptions, profile: ProfileRequest | null, streamed: boolean, signal: AbortSignal, unreadRows: UnreadRow[] = [], isEnough: (found: FoundRows) => boolean = () => true): Promise<ScannedChunk | null> {
  const startedAt = performance.now()
  const { side } = reader
  const addresses = unreadRows.map(({ address }) => address)
  const statement: StatementOptions = { ...options, unread: { [side]: addresses } }
  return readSnapshot(reader, signal, async (readMore, readApart) => {
    const [counted] = countsItself(spec, side) && addresses.length === 0 ? [null] : await readMore(countStatement(spec, side, options.pages))
    if (counted === undefined) throw new Error('a count gave no row')
    const { found, keyed, others, snapshot, horizon } = await (streamed ? streamRows : sumSegments)(spec, side, statement, readMore)
    if (!isEnough(found)) return null
    const outcome: ScanOutcome = {
      rows: 0, scope: 0, excluded: spec.source.exclude.map(() => 0), noKey: {}, noMapEntry: {}, unsampled: 0, merged: 0, keyed, unread: 0, unreadRows, totals: [], profile: null,
      snapshotAt: snapshot, ...(horizon === null ? {} : { horizon }), durationMs: 0, replica: null,
    }
    for (const [place, rows] of others) {
      const { state, reason } = stateAt(spec, side, options, place)
      if (state === 'no key') outcome.noKey[reason ?? -1] = rows
      else if (state === 'no map entry') outcome.noMapEntry[reason ?? -1] = rows
      else if (state === 'not sampled') outcome.unsampled = rows
      else if (state === 'merged') outcome.merged = rows
      else outcome.excluded[Number(state.replace('excluded ', ''))] = rows
    }
    if (addresses.length > 0) {
      const [left] = await readMore(countStatement(spec, side, options.pages, addresses))
      if (left === undefined) throw new Error('a count gave no row')
      outcome.unread = countOf(left, 'scope')
    }
    for (const total of spec.totals) {
      const sums = await readMore(sumStatement(spec, side, total, mostGroups, statement))
      outcome.totals.push(sums.length > mostGroups ? null : sums.map((row) => groupSum(row, total.by.length)))
    }
    if (profile !== null) outcome.profile = await profileChunk(spec, side, statement, profile, readApart, signal)
    const seen = seenRows(outcome)
    Object.assign(outcome, counted === null ? seen : { rows: countOf(counted, 'rows'), scope: countOf(counted, 'scope') })
    outcome.durationMs = Math.round(performance.now() - startedAt)
    if (outcome.scope !== seen.scope || outcome.rows !== seen.rows)
      throw new ScanMismatch(`the ${side} has ${outcome.rows} claimed rows, but the comparison saw ${seen.rows}: a join or key map multiplies or drops rows`)
    return { outcome, found }
  })
}

/** What a pass found of the keyed rows, and how many others it saw, by their place. */
interface Pass {
  found: FoundRows
  keyed: number
  others: [place: number, rows: number][]
  snapshot: string
  /** null where nothing is kept that could be read again by versions */
  horizon: string | null
}

async function sumSegments(spec: ComparisonSpec, side: Side, options: StatementOptions, readMore: ReadMore): Promise<Pass> {
  const [scanned] = await readMore(scanStatement(spec, side, options))
  if (scanned === undefined) throw new Error('a sum gave no row')
  const bytesOf = (column: string) => Buffer.from(scanned[column] ?? '', 'base64')
  const isByKey = comparesByKey(spec, options)
  const segments = { packed: bytesOf('segments'), audit: typeof scanned['audit'] === 'string' ? bytesOf('audit') : null, keys: isByKey ? bytesOf('keys') : null, weighted: countPlaces(spec, options) > 0 ? bytesOf('weighted') : null, touched: null, newer: isByKey && options.since !== undefined ? bytesOf('newer') : null }
  const others = Object.entries(JSON.parse(textOf(scanned, 'others')) as Record<string, number>).map(([place, rows]): [number, number] => [Number(place), rows])
  return { found: { segments }, keyed: countPackedRows(segments.packed), others, snapshot: textOf(scanned, 'snapshot'), horizon: textOf(scanned, 'horizon') }
}

async function streamRows(spec: ComparisonSpec, side: Side, options: StatementOptions, readMore: ReadMore): Promise<Pass> {
  const [now] = await readMore(snapshotStatement)
  if (now === undefined) throw new Error('the time gave no row')
  const blocks = new Map<number, string>()
  const others: Pass['others'] = []
  let keyed = 0
  for (const row of await readMore(streamStatement(spec, side, options))) {
    const place = Number(textOf(row, 'place'))
    if (place < 0) {
      others.push([place, countOf(row, 'rows')])
      continue
    }
    keyed += countOf(row, 'rows')
    blocks.set(place, textOf(row, 'packed'))
  }
  return { found: { blocks }, keyed, others, snapshot: textOf(now, 'snapshot'), horizon: null }
}

/** @param size columns of the group */
export function groupSum(row: TextRow, size: number): GroupSum {
  return { class: textOf(row, 'class') === 'merged' ? 'merged' : 'keyed', group: Array.from({ length: size }, (_, index) => row[`b${index}`] ?? null), rows: countOf(row, 'rows'), sum: row['sum'] ?? null }
}

/** The pass saw other rows than the bare count in the same snapshot: a join or a map multiplies or drops rows. */
export class ScanMismatch extends Error {}

function seenRows({ excluded, noKey, noMapEntry, unsampled, merged, keyed, unread }: ScanOutcome): { rows: number; scope: number } {
  const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0)
  const scope = sum(Object.values(noKey)) + sum(Object.values(noMapEntry)) + unsampled + merged + keyed + unread
  return { rows: scope + sum(excluded), scope }
}
