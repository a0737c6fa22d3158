import type { ComparisonSpec } from '../core/spec.js'
import { countsItself, countStatement, scanStatement, stateAt, sumStatement, type StatementOptions } from '../core/expressions.js'
import { countPackedRows } from '../core/segments.js'
import { countOf, readSnapshot, textOf, type Reader, type TextRow } from './reader.js'

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
  /** for each total of the plan its sums of this chunk; null: more groups than are kept */
  totals: (GroupSum[] | null)[]
  snapshotAt: string
  durationMs: number
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

/** Groups of one total that are kept; a finer total is not told. */
export const mostGroups = 10_000

/**
 * Reads a chunk of one side once: counts and fingerprint sums by segment. Where something is joined, the bare rows are counted beside it, in the same snapshot.
 * @returns segments as `scanStatement` packs them
 * @throws the database's error; ScanMismatch when the joined rows are not the claimed rows
 */
export async function scanChunk(spec: ComparisonSpec, reader: Reader, options: StatementOptions, signal: AbortSignal): Promise<{ outcome: ScanOutcome; segments: Buffer }> {
  const startedAt = performance.now()
  const { side } = reader
  return readSnapshot(reader, signal, async (readMore) => {
    const [counted] = countsItself(spec, side) ? [null] : await readMore(countStatement(spec, side, options.pages))
    const [scanned] = await readMore(scanStatement(spec, side, options))
    if (scanned === undefined || counted === undefined) throw new Error('a count gave no row')
    const segments = Buffer.from(scanned['segments'] ?? '', 'base64')
    const outcome: ScanOutcome = {
      rows: 0, scope: 0, excluded: spec.source.exclude.map(() => 0), noKey: {}, noMapEntry: {}, unsampled: 0, merged: 0, keyed: countPackedRows(segments), totals: [],
      snapshotAt: textOf(scanned, 'snapshot'), durationMs: 0,
    }
    for (const [place, rows] of Object.entries(JSON.parse(textOf(scanned, 'others')) as Record<string, number>)) {
      const { state, reason } = stateAt(spec, side, options, Number(place))
      if (state === 'no key') outcome.noKey[reason ?? -1] = rows
      else if (state === 'no map entry') outcome.noMapEntry[reason ?? -1] = rows
      else if (state === 'not sampled') outcome.unsampled = rows
      else if (state === 'merged') outcome.merged = rows
      else outcome.excluded[Number(state.replace('excluded ', ''))] = rows
    }
    for (const total of spec.totals) {
      const sums = await readMore(sumStatement(spec, side, total, mostGroups, options))
      outcome.totals.push(sums.length > mostGroups ? null : sums.map((row) => groupSum(row, total.by.length)))
    }
    const seen = seenRows(outcome)
    Object.assign(outcome, counted === null ? seen : { rows: countOf(counted, 'rows'), scope: countOf(counted, 'scope') })
    outcome.durationMs = Math.round(performance.now() - startedAt)
    if (outcome.scope !== seen.scope || outcome.rows !== seen.rows)
      throw new ScanMismatch(`the ${side} has ${outcome.rows} claimed rows, but the comparison saw ${seen.rows}: a join or key map multiplies or drops rows`)
    return { outcome, segments }
  })
}

function groupSum(row: TextRow, size: number): GroupSum {
  return { class: textOf(row, 'class') === 'merged' ? 'merged' : 'keyed', group: Array.from({ length: size }, (_, index) => row[`b${index}`] ?? null), rows: countOf(row, 'rows'), sum: row['sum'] ?? null }
}

/** The pass saw other rows than the bare count in the same snapshot: a join or a map multiplies or drops rows. */
export class ScanMismatch extends Error {}

function seenRows({ excluded, noKey, noMapEntry, unsampled, merged, keyed }: ScanOutcome): { rows: number; scope: number } {
  const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0)
  const scope = sum(Object.values(noKey)) + sum(Object.values(noMapEntry)) + unsampled + merged + keyed
  return { rows: scope + sum(excluded), scope }
}
