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

interface PacedOptions extends StatementOptions {
  pace: Pace
}

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
 * @returns the counts that hold, and how many rows have left their class
 */
export async function recountUnkeyed(spec: ComparisonSpec, reader: Reader, before: Counted, known: number, lost: number, options: PacedOptions, tally: Tally, signal: AbortSignal): Promise<{ counted: Counted; left: number }> {
  const { side } = reader
  if (unpairedOf(before) + lost === 0) return { counted: before, left: 0 }
  const now = await readUnpaired(spec, reader, options, areFew(spec, side, before), signal)
  const fewer = unpairedOf(before) - unpairedOf(now)
  const left = Math.max(fewer, 0) + lost
  const last = fewer < 0 ? before : now
  const unseen = now.rows - unpairedOf(now) - (known - unpairedOf(before))
  const pending = Math.max(Math.min(unseen, left), 0)
  tally[side].pending += pending
  if (pending > 0) tally.count('causes', side, 'pending', 'keeps changing', pending)
  const counted = { ...last, rows: before.rows - unpairedOf(before) + unpairedOf(last) + pending, scope: before.scope - unkeyedOf(before) + unkeyedOf(last) + pending }
  return { counted, left }
}

async function readUnpaired(spec: ComparisonSpec, reader: Reader, options: PacedOptions, areFew: boolean, signal: AbortSignal): Promise<Counted> {
  const { side } = reader
  const parts: Counted[] = []
  await readSnapshot(reader, signal, async (readMore) => {
    await readInParts(options.pace, spec, side, 'states', async (pages) => {
      const [bare] = await readMore(countStatement(spec, side, pages))
      if (bare === undefined) throw new Error('a count gave no row')
      const part: Counted = { rows: countOf(bare, 'rows'), scope: countOf(bare, 'scope'), excluded: [], noKey: {}, noMapEntry: {} }
      for (const row of await readMore(countUnkeyedStatement(spec, side, { ...options, pages }, areFew))) {
        const [state, reason, rows] = [textOf(row, 'state'), row['reason'] ?? '-1', countOf(row, 'rows')]
        if (state === 'no key') part.noKey[reason] = rows
        else if (state === 'no map entry') part.noMapEntry[reason] = rows
        else part.excluded[Number(state.replace('excluded ', ''))] = rows
      }
      parts.push(part)
    })
  })
  return countedIn(spec, parts)
}

function areFew(spec: ComparisonSpec, side: Side, counted: Counted): boolean {
  return side === 'target' && spec.target.claim === 'all' && unkeyedOf(counted) <= fewUnkeyed
}

/** Gives the rows without a key to pair by their class, and names them. @param limit of the target's rows that are named */
export async function tallyUnkeyed(spec: ComparisonSpec, readers: Record<Side, Reader>, counted: Record<Side, Counted>, options: StatementOptions, limit: number, tally: Tally, signal: AbortSignal): Promise<void> {
  const nullKeys = unkeyedOf(counted.source)
  tally.source.unverified += nullKeys
  if (nullKeys > 0) {
    tally.count('causes', 'source', 'unverified', 'no key', nullKeys)
    for (const row of await listUnkeyed(spec, readers.source, options, 1000, signal)) {
      tally.keep({ side: 'source', class: 'unverified', cause: 'no key', reason: null, rowKey: rawKeyOf(spec, row.rawKey), columns: [] })
    }
  }
  for (const [counts, cause] of [['noKey', 'no key'], ['noMapEntry', 'no map entry']] as const) {
    for (const [index, rows] of Object.entries(counted.target[counts])) {
      const reason = spec.target.generated[Number(index)]?.reason
      const name = reason === undefined ? 'extra' : 'generated'
      tally.target[name] += rows
      if (reason === undefined) tally.count('causes', 'target', 'extra', cause, rows)
      else tally.count('reasons', 'target', 'generated', reason, rows)
    }
  }
  if (withoutReason(counted.target) === 0) return
  for (const row of await listUnkeyed(spec, readers.target, options, limit, signal, areFew(spec, 'target', counted.target))) {
    tally.keep({ side: 'target', class: 'extra', cause: row.state, reason: null, rowKey: rawKeyOf(spec, row.rawKey), columns: [] })
  }
}

/** Target rows without a key that no declared reason accounts for. */
const withoutReason = ({ noKey, noMapEntry }: Counted): number => (noKey['-1'] ?? 0) + (noMapEntry['-1'] ?? 0)

/** Names the rows that have no key to pair by, at most `limit`: NULL keys of both sides, target keys that no map entry knows. */
async function listUnkeyed(spec: ComparisonSpec, reader: Reader, options: StatementOptions, limit: number, signal: AbortSignal, areFew = false): Promise<{ state: string; rawKey: (string | null)[] }[]> {
  const rows = await read(reader, signal, readUnkeyedStatement(spec, reader.side, options, areFew), [String(limit)])
  return rows.map((row) => ({ state: textOf(row, 'state'), rawKey: spec.key.map((_, leg) => row[`r${leg}`] ?? null) }))
}

function rawKeyOf(spec: ComparisonSpec, rawKey: (string | null)[]): Record<string, string | null> {
  const shown = shownRaw(spec, rawKey)
  return Object.fromEntries(spec.key.map(({ name }, leg) => [name, shown[leg] ?? null]))
}
