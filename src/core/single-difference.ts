import type { Side } from './catalog.js'
import { countHashed, hashOfRow, pickRows } from './pair-hashes.js'
import type { SeenSegment } from './segments.js'

/**
 * Where the rows of one key are all that two segments of neighbours differ by, their sums tell the key: beside the sum of the fingerprints stands that of the fingerprints times the places of their keys, and what both sides
 * differ by in the second is the place times what they differ by in the first. So a decoder finds the place of a single error (Hamming, Reed and Solomon). It is a guess, of rows that were different at that time: what is found
 * under the key has to account for the whole difference.
 */

/** Which bits of a fingerprint are weighted with its place: so many of the last ones that the product is an int4. @param places a power of two */
export function weightMask(places: number): number {
  return 2 ** (31 - Math.log2(places)) - 1
}

/** One place of a neighbourhood, and what the sum of the fingerprints is more at the source than at the target, modulo 2^64. */
export interface SingleDifference {
  place: number
  difference: bigint
}

/**
 * @param difference what the sums of both sides differ by, modulo 2^64
 * @param weighted the same of the weighted sums, as an int4; the bits of `weightMask` count
 * @param places of a neighbourhood, a power of two, or 0: sums are not weighted
 * @returns null: no place would account for both, or several would
 */
export function guessPlace(difference: bigint, weighted: number, places: number): SingleDifference | null {
  if (places === 0) return null
  const mask = weightMask(places)
  const own = Number(difference & BigInt(mask))
  let found: number | null = null
  for (let place = 0; place < places; place += 1) {
    if (((place * own) & mask) !== (weighted & mask)) continue
    if (found !== null) return null
    found = place
  }
  return found === null ? null : { place: found, difference }
}

/** The keys from `least` to `greatest` that have a place in a segment, decimal; of several, each may be the one. */
export function keysAtPlace(segment: number, place: number, { segments, neighbours }: { segments: number; neighbours: number }, { least, greatest }: { least: bigint; greatest: bigint }): string[] {
  const stride = BigInt(segments) * BigInt(neighbours)
  const first = BigInt(segment) * BigInt(neighbours) + BigInt(place)
  const keys: string[] = []
  for (let key = least + (((first - least) % stride) + stride) % stride; key <= greatest; key += stride) keys.push(key.toString())
  return keys
}

/** A segment of which the sums tell a place. */
export type GuessedSegment = SeenSegment & { single: SingleDifference }

/** Rows as `readPlacesStatement` packs them. */
export interface PlacedRows {
  /** of each row, int4 */
  segments: Buffer
  rows: Buffer
}

/**
 * Without the rows that were found under the guessed keys, both sides of a segment have as many rows with the same sum, or the guess was wrong (or the rows are others by now). Equal rows that have come to both sides under
 * a guessed key since the pass leave one row less beside them: the total stays that of the pass.
 * @returns equal: rows of each side beside them in the segments whose guess was right; found: the packed rows under the keys of these; left: the other segments
 */
export function confirmGuesses<Segment extends GuessedSegment>(guessed: readonly Segment[], placed: Record<Side, PlacedRows>): { equal: number; found: Record<Side, Buffer>; left: Segment[] } {
  const placeOf = new Map(guessed.map(({ segment }, place) => [segment, place]))
  const sums = { source: sumPlaced(placed.source, placeOf), target: sumPlaced(placed.target, placeOf) }
  const confirmed = new Set<number>()
  const left: Segment[] = []
  let equal = 0
  for (const [place, one] of guessed.entries()) {
    const beside = { source: one.sourceRows - (sums.source.rows[place] ?? 0), target: one.targetRows - (sums.target.rows[place] ?? 0) }
    const difference = BigInt.asUintN(64, (sums.source.sums[place] ?? 0n) - (sums.target.sums[place] ?? 0n))
    if (beside.source < 0 || beside.source !== beside.target || difference !== one.single.difference) left.push(one)
    else {
      confirmed.add(one.segment)
      equal += beside.source
    }
  }
  const confirmedOf = ({ segments, rows }: PlacedRows) => pickRows(rows, (row) => confirmed.has(segments.readInt32BE(row * 4)))
  return { equal, found: { source: confirmedOf(placed.source), target: confirmedOf(placed.target) }, left }
}

/** @param placeOf segment → its place in the sums, which are modulo 2^64 */
function sumPlaced({ segments, rows }: PlacedRows, placeOf: ReadonlyMap<number, number>): { rows: Int32Array; sums: BigInt64Array } {
  const found = { rows: new Int32Array(placeOf.size), sums: new BigInt64Array(placeOf.size) }
  for (let row = 0; row < countHashed(rows); row += 1) {
    const place = placeOf.get(segments.readInt32BE(row * 4))
    if (place === undefined) continue
    found.rows[place] = (found.rows[place] ?? 0) + 1
    found.sums[place] = (found.sums[place] ?? 0n) + hashOfRow(rows, row)
  }
  return found
}
