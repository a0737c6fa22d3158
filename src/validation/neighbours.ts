import type { Side } from '../core/catalog.js'
import { canHaveNeighbours, keyIndexStatement, keyLookup } from '../core/expressions.js'
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

/** @returns null: not on both sides an index leads to the rows of neighbouring keys, or one has none */
export async function findKeyIndexes(spec: ComparisonSpec, readers: Record<Side, Reader>, signal: AbortSignal): Promise<Record<Side, KeyIndex> | null> {
  const [source, target] = await Promise.all([findKeyIndex(spec, readers.source, signal), findKeyIndex(spec, readers.target, signal)])
  return source === null || target === null ? null : { source, target }
}

async function findKeyIndex(spec: ComparisonSpec, reader: Reader, signal: AbortSignal): Promise<KeyIndex | null> {
  const { side } = reader
  if (!canHaveNeighbours(spec) || !spec[side].chunkable || keyLookup(spec, side) === null) return null
  const { least, greatest, correlation, rows } = await readOne(reader, signal, keyIndexStatement(spec, side))
  return typeof least !== 'string' || typeof greatest !== 'string' ? null : { least: BigInt(least), greatest: BigInt(greatest), rows: Number(rows), inOrder: Number(correlation) >= leastCorrelation }
}

/** Whether there are few enough keys between the least and the greatest for segments of neighbours to be of about one size. @param rows of the larger side, roughly */
export function areClose({ source, target }: Record<Side, KeyIndex>, rows: number): boolean {
  const [least, greatest] = [source.least < target.least ? source.least : target.least, source.greatest > target.greatest ? source.greatest : target.greatest]
  return Number(greatest - least) + 1 <= rows * mostKeysForRow
}
