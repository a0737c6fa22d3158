import { sides, type Side } from '../core/catalog.js'
import { readLegsStatement, readPackedKeysStatement } from '../core/reread-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import { keysOfRows } from '../core/pair-hashes.js'
import { newerRows, type NewerKey } from '../core/segments.js'
import type { ComparisonSpec } from '../core/spec.js'
import { arrayText, partsOf, read, readOne, textArray, textOf, type Reader } from './reader.js'

/** Keys that one statement looks up. */
const keysPerStatement = 5_000

/** What is newer in segments that were equal before. */
export interface NewerFound {
  /** the keys of the newer rows of a segment; null where one of them has moved on, and nobody can tell its legs */
  keysOf: (segment: number) => NewerKey[] | null
  /** the segment of each of these keys, whose hash is decimal */
  segmentOf: (key: string) => number | undefined
  /** the rows of both sides under these keys, packed */
  blocks: Record<Side, Buffer>[]
}

interface Found extends NewerKey {
  segment: number
  /** canonical texts; null: unknown */
  legs: string[] | null
}

/**
 * Reads the rows of both sides under the keys of newer rows, each by an index on the key.
 * @param segments only rows in these are looked at
 * @param newer of each side, as `newerRows` reads them
 * @throws the database's error, noted with its side
 */
export async function readNewer(spec: ComparisonSpec, readers: Record<Side, Reader>, segments: ReadonlySet<number>, newer: Record<Side, Buffer>, options: StatementOptions, signal: AbortSignal): Promise<NewerFound> {
  const keys = new Map<string, Found>()
  for (const side of sides) {
    const addresses: string[] = []
    for (const { segment, key, mixed, address } of newerRows(newer[side])) {
      if (!segments.has(segment)) continue
      const found = keys.get(key) ?? { segment, mixed, isAt: { source: false, target: false }, legs: null }
      found.isAt[side] = true
      keys.set(key, found)
      addresses.push(address)
    }
    for (const part of partsOf(addresses, keysPerStatement)) {
      for (const row of await read(readers[side], signal, readLegsStatement(spec, side, options), [textArray(part)])) {
        const legs = spec.key.map((_, leg) => row[`k${leg}`] ?? null)
        const found = keys.get(textOf(row, 'key_hash'))
        if (found !== undefined && legs.every((text) => text?.startsWith('='))) found.legs = legs.map((text) => text?.slice(1) ?? '')
      }
    }
  }
  const blocks: Record<Side, Buffer>[] = []
  for (const part of partsOf([...keys].filter(([, { legs }]) => legs !== null), keysPerStatement)) {
    const parameters = [arrayText(part.map(([key]) => key)), ...spec.key.map((_, leg) => textArray(part.map(([, { legs }]) => legs?.[leg] ?? '')))]
    const [source, target] = await Promise.all(sides.map(async (side) => {
      const { rows } = await readOne(readers[side], signal, readPackedKeysStatement(spec, side, options), parameters)
      return Buffer.from(rows ?? '', 'base64')
    })) as [Buffer, Buffer]
    const block = { source, target }
    for (const side of sides) for (const key of keysOfRows(block[side])) Object.assign(keys.get(key)?.isAt ?? {}, { [side]: true })
    blocks.push(block)
  }
  const found = bySegment(keys.values())
  // what is unknown is null, which no default may turn into none
  const keysOf = (segment: number) => {
    const own = found.get(segment)
    return own === undefined ? [] : own
  }
  return { keysOf, segmentOf: (key) => keys.get(key)?.segment, blocks }
}

function bySegment(keys: Iterable<Found>): Map<number, NewerKey[] | null> {
  const found = new Map<number, NewerKey[] | null>()
  for (const key of keys) {
    if (!found.has(key.segment)) found.set(key.segment, [])
    if (key.legs === null) found.set(key.segment, null)
    found.get(key.segment)?.push(key)
  }
  return found
}
