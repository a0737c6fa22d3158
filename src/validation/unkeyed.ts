import type { Side } from '../core/catalog.js'
import { countStatement, countUnkeyedStatement, readUnkeyedStatement } from '../core/pass-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import { readInParts, type Pace } from './pace.js'
import { countOf, read, readSnapshot, textOf, type Reader } from './reader.js'
import type { ScanOutcome } from './scan-chunk.js'
import { shownRaw } from './judge-rows.js'
import type { Tally } from './tally.js'

/** The rows of a side that are not paired by their key are told by their number alone, as are all of it and those in scope. */
export type Counted = Pick<ScanOutcome, 'rows' | 'scope' | 'excluded' | 'noKey' | 'noMapEntry'>

/** Target rows that no declared reason accounts for and that were changed within the lag, by why they are not paired. */
type Recent = Record<'no key' | 'no map entry', number>

export interface CountedAgain {
  counted: Counted
  recent: Recent
  /** rows that have left their class since the pass */
  left: number
}

/** Beside the statements' own options when the pass saw the side, ISO 8601; null when it is not known. */
interface UnkeyedOptions extends StatementOptions {
  snapshot: string | null
}

export const noneRecent: Recent = { 'no key': 0, 'no map entry': 0 }

/** Rows without a key whose addresses the server may keep in memory. */
const fewUnkeyed = 100_000

const sumOf = (counts: Iterable<number>): number => [...counts].reduce((sum, rows) => sum + rows, 0)

const unkeyedOf = ({ noKey, noMapEntry }: Counted): number => sumOf([...Object.values(noKey), ...Object.values(noMapEntry)])

const unpairedOf = (counted: Counted): number => unkeyedOf(counted) + sumOf(counted.excluded)

/** What the chunks of a side count together. */
export function countedIn(spec: ComparisonSpec, outcomes: readonly Counted[]): Counted {
  const sum: Counted = { rows: 0, scope: 0, excluded: spec.source.exclude.map(() => 0), noKey: {}, noMapEntry: {} }
  for (const { rows, scope, excluded, noKey, noMapEntry } of outcomes) {
    sum.rows += rows
    sum.scope += scope
    sum.excluded = sum.excluded.map((before, index) => before + (excluded[index] ?? 0))
    for (const [name, counts] of [['noKey', noKey], ['noMapEntry', noMapEntry]] as const) {
      for (const [reason, count] of Object.entries(counts)) sum[name][reason] = (sum[name][reason] ?? 0) + count
    }
  }
  return sum
}

/**
 * Rows that had no key in the pass may have one since, and be among those that were read again: they are counted once more, in one snapshot with all rows. If they are not more than before, the last count holds; what has come
 * since belongs to the next run. Rows that have a key by now but were in no reading are pending.
 * @param known rows that the accounting knows, those without a key as the pass saw them
 * @param lost rows fewer than before that are merged into others, which may have a key of their own now
 * @returns the counts that hold
 */
export async function recountUnkeyed(spec: ComparisonSpec, reader: Reader, before: Counted, known: number, lost: number, options: UnkeyedOptions & { pace: Pace }, tally: Tally, signal: AbortSignal): Promise<CountedAgain> {
  const { side } = reader
  if (unpairedOf(before) + lost === 0) return { counted: before, recent: noneRecent, left: 0 }
  const { recent, ...now } = await readUnpaired(spec, reader, options, areFew(spec, side, before), signal)
  const fewer = unpairedOf(before) - unpairedOf(now)
  const left = Math.max(fewer, 0) + lost
  const last = fewer < 0 ? before : now
  const unseen = now.rows - unpairedOf(now) - (known - unpairedOf(before))
  const pending = Math.max(Math.min(unseen, left), 0)
  tally[side].pending += pending
  if (pending > 0) tally.count('causes', side, 'pending', 'keeps changing', pending)
  const counted = { ...last, rows: before.rows - unpairedOf(before) + unpairedOf(last) + pending, scope: before.scope - unkeyedOf(before) + unkeyedOf(last) + pending }
  return { counted, recent, left }
}

/** Whether target rows without a key may be pending, for which they must be counted again. */
export function mayBePending(spec: ComparisonSpec, counted: Counted): boolean {
  return spec.target.changedAt !== null && withoutReason(counted) > 0
}

async function readUnpaired(spec: ComparisonSpec, reader: Reader, { pace, snapshot, ...options }: UnkeyedOptions & { pace: Pace }, areFew: boolean, signal: AbortSignal): Promise<Counted & { recent: Recent }> {
  const { side } = reader
  const parts: Counted[] = []
  const recent = { ...noneRecent }
  await readSnapshot(reader, signal, async (readMore) => {
    await readInParts(pace, spec, side, 'states', async (pages) => {
      const [bare] = await readMore(countStatement(spec, side, pages))
      if (bare === undefined) throw new Error('a count gave no row')
      const part: Counted = { rows: countOf(bare, 'rows'), scope: countOf(bare, 'scope'), excluded: [], noKey: {}, noMapEntry: {} }
      for (const row of await readMore(countUnkeyedStatement(spec, side, { ...options, pages }, side === 'target' ? snapshot : null, areFew))) {
        const [state, reason, rows] = [textOf(row, 'state'), row['reason'] ?? '-1', countOf(row, 'rows')]
        if (state !== 'no key' && state !== 'no map entry') {
          part.excluded[Number(state.replace('excluded ', ''))] = rows
          continue
        }
        const counts = state === 'no key' ? part.noKey : part.noMapEntry
        counts[reason] = (counts[reason] ?? 0) + rows
        if (reason === '-1' && row['recent'] === 'true') recent[state] += rows
      }
      parts.push(part)
    })
  })
  return { ...countedIn(spec, parts), recent }
}

function areFew(spec: ComparisonSpec, side: Side, counted: Counted): boolean {
  return side === 'target' && spec.target.claim === 'all' && unkeyedOf(counted) <= fewUnkeyed
}

/** Gives the rows without a key to pair by their class, and names them. @param limit of the target's rows that are named */
export async function tallyUnkeyed(spec: ComparisonSpec, readers: Record<Side, Reader>, { source, target }: Record<Side, CountedAgain>, options: UnkeyedOptions, limit: number, tally: Tally, signal: AbortSignal): Promise<void> {
  const nullKeys = unkeyedOf(source.counted)
  tally.source.unverified += nullKeys
  if (nullKeys > 0) {
    tally.count('causes', 'source', 'unverified', 'no key', nullKeys)
    for (const { rowKey } of await listUnkeyed(spec, readers.source, { ...options, snapshot: null }, 1000, signal)) {
      tally.keep({ side: 'source', class: 'unverified', cause: 'no key', reason: null, rowKey, columns: [] })
    }
  }
  for (const [counts, cause] of [['noKey', 'no key'], ['noMapEntry', 'no map entry']] as const) {
    for (const [index, rows] of Object.entries(target.counted[counts])) {
      const reason = spec.target.generated[Number(index)]?.reason
      if (reason !== undefined) {
        tally.target.generated += rows
        tally.count('reasons', 'target', 'generated', reason, rows)
        continue
      }
      const recent = Math.min(rows, target.recent[cause])
      tally.target.pending += recent
      tally.target.extra += rows - recent
      if (recent > 0) tally.count('causes', 'target', 'pending', 'changed recently', recent)
      if (rows > recent) tally.count('causes', 'target', 'extra', cause, rows - recent)
    }
  }
  if (withoutReason(target.counted) === 0) return
  for (const { state, isRecent, rowKey } of await listUnkeyed(spec, readers.target, options, limit, signal, areFew(spec, 'target', target.counted))) {
    tally.keep({ side: 'target', class: isRecent ? 'pending' : 'extra', cause: isRecent ? 'changed recently' : state, reason: null, rowKey, columns: [] })
  }
}

/** Target rows without a key that no declared reason accounts for. */
const withoutReason = ({ noKey, noMapEntry }: Counted): number => (noKey['-1'] ?? 0) + (noMapEntry['-1'] ?? 0)

interface UnkeyedRow {
  state: string
  /** changed within the lag */
  isRecent: boolean
  /** for people */
  rowKey: Record<string, string | null>
}

/** Names the rows that have no key to pair by, at most `limit`: NULL keys of both sides, target keys that no map entry knows. */
async function listUnkeyed(spec: ComparisonSpec, reader: Reader, { snapshot, ...options }: UnkeyedOptions, limit: number, signal: AbortSignal, areFew = false): Promise<UnkeyedRow[]> {
  const rows = await read(reader, signal, readUnkeyedStatement(spec, reader.side, options, snapshot, areFew), [String(limit)])
  return rows.map((row) => {
    const shown = shownRaw(spec, spec.key.map((_, leg) => row[`r${leg}`] ?? null))
    return { state: textOf(row, 'state'), isRecent: row['recent'] === 'true', rowKey: Object.fromEntries(spec.key.map(({ name }, leg) => [name, shown[leg] ?? null])) }
  })
}
