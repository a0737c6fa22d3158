import { sides, type Side } from '../core/catalog.js'
import { hasKeyPath, keyIndexStatement, keyLookup, lookupIndexStatement } from '../core/lookup-expressions.js'
import { canHaveNeighbours, type StatementOptions } from '../core/row-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import { readOne, type Reader } from './reader.js'

/** Between the order of the keys and that of the rows, from which on neighbours lie on the same pages. */
const leastCorrelation = 0.9
/** Keys between the least and the greatest for each row, at most. Segments are made of so many runs of keys. */
const mostKeysForRow = 16

export interface KeyIndex {
  least: bigint
  greatest: bigint
  /** as the server thinks; 0: it does not know */
  rows: number
  /** rows with neighbouring keys lie beside each other, so that many can be looked up; else each is a page of the disk */
  inOrder: boolean
}

export interface KeyIndexes {
  source: KeyIndex
  /** behind a key map that of its legacy keys; null: no index leads from there to the rows */
  target: KeyIndex | null
}

/** @returns null: a side whose keys are a column has no index that leads to neighbours, or no rows */
export async function findKeyIndexes(spec: ComparisonSpec, readers: Record<Side, Reader>, signal: AbortSignal): Promise<KeyIndexes | null> {
  const [source, target] = await Promise.all([findKeyIndex(spec, readers.source, signal), findKeyIndex(spec, readers.target, signal)])
  return source === null || (target === null && hasOwnKeys(spec)) ? null : { source, target }
}

/** Whether the target's rows hold the keys themselves: where a key map leads to them, nobody knows in what order they lie. */
export function hasOwnKeys({ key }: ComparisonSpec): boolean {
  return key.every(({ keyMap }) => keyMap === null)
}

async function findKeyIndex(spec: ComparisonSpec, reader: Reader, signal: AbortSignal): Promise<KeyIndex | null> {
  const { side } = reader
  if (!canHaveNeighbours(spec) || !hasKeyPath(spec, side)) return null
  const { least, greatest, correlation, rows } = await readOne(reader, signal, keyIndexStatement(spec, side))
  return typeof least !== 'string' || typeof greatest !== 'string' ? null : { least: BigInt(least), greatest: BigInt(greatest), rows: Number(rows ?? 0), inOrder: Number(correlation ?? 0) >= leastCorrelation }
}

/**
 * Whether an index leads to the rows of single keys of a side.
 * @param indexes what is known of integer keys
 */
export async function canLookUp(spec: ComparisonSpec, reader: Reader, indexes: KeyIndexes | null, signal: AbortSignal): Promise<boolean> {
  const { side } = reader
  if ((indexes?.[side] ?? null) !== null) return true
  // of what a view or a query reads nobody knows the indexes
  if (keyLookup(spec, side) === null || !spec[side].chunkable) return keyLookup(spec, side) !== null
  return (await readOne(reader, signal, lookupIndexStatement(spec, side)))['indexed'] === 'true'
}

/** Whether an index leads to the rows of single keys on both sides, and they are where it says. */
export async function canLookUpBoth(spec: ComparisonSpec, readers: Record<Side, Reader>, signal: AbortSignal): Promise<boolean> {
  if (!sides.every((side) => spec[side].chunkable)) return false
  const indexes = hasOwnKeys(spec) ? null : await findKeyIndexes(spec, readers, signal)
  return (await Promise.all(sides.map((side) => canLookUp(spec, readers[side], indexes, signal)))).every(Boolean)
}

/** The least and the greatest key of both sides; of the source alone where nobody knows those of the target. */
export function endsOf({ source, target }: KeyIndexes): Pick<KeyIndex, 'least' | 'greatest'> {
  const other = target ?? source
  return { least: source.least < other.least ? source.least : other.least, greatest: source.greatest > other.greatest ? source.greatest : other.greatest }
}

/**
 * Cuts neighbours into segments.
 * @param rows of the larger side, roughly
 * @param wanted how many segments, a power of two
 * @returns null where the keys lie too far apart. At least half of the segments lie between the least and the greatest key.
 */
export function cutNeighbours(indexes: KeyIndexes, rows: number, wanted: number): { segments: number; neighbours: number } | null {
  const { least, greatest } = endsOf(indexes)
  const keys = Number(greatest - least) + 1
  const neighbours = powerOfTwo(rows / wanted)
  return keys > rows * mostKeysForRow ? null : { segments: Math.min(wanted, powerOfTwo(keys / neighbours)), neighbours }
}

/** Neighbourhoods between the least and the greatest key for each segment, at most: each is a look into the index. */
const mostNeighbourhoods = 64

/** Whether the keys still lie as near to each other as when segments were made of them: one key far away would be a look into the index for each place between. */
export function areNear({ source, target }: KeyIndexes, { segments, neighbours = 1 }: Pick<StatementOptions, 'segments' | 'neighbours'>): boolean {
  return [source, target].every((one) => one === null || Number(one.greatest - one.least) <= segments * neighbours * mostNeighbourhoods)
}

/** Runs of neighbours for each segment, at most, among which the key of its only difference is guessed. */
const mostGuesses = 4

/** Runs of neighbours that lie between the least and the greatest key for each segment, roughly; null: too many to guess a key among them. */
export function guessedRuns(indexes: KeyIndexes, { segments, neighbours }: { segments: number; neighbours: number }): number | null {
  const { least, greatest } = endsOf(indexes)
  const runs = Number(greatest - least) / (segments * neighbours)
  return runs > mostGuesses ? null : runs
}

/** The least power of two that is not less, from 1 on. */
export function powerOfTwo(number: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(number)))
}
