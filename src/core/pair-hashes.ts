import type { Side } from './catalog.js'
import { append } from './pairing.js'

/** Bytes of one row as `readSegmentsStatement` packs it: hash of the key int8, of the row int8, page int4 and line int2 of its address. */
const rowBytes = 22

export interface HashedRow {
  /** decimal text of the row's fingerprint */
  hash: string
  /** `(page,line)` */
  address: string
}

/** The rows of a key whose fingerprints do not agree. */
export interface Suspect {
  source: HashedRow[]
  target: HashedRow[]
}

/**
 * Pairs the packed rows of both sides by key. Rows of one key are compared as a bag of fingerprints.
 * One open-addressing table over typed arrays, since a Map of keys would take ten times the memory: 40 bytes a row.
 * @returns equal: rows of each side under keys whose bags agree; suspects: decimal text of the key's hash → its rows, of the other keys
 */
export function pairHashes(source: Buffer, target: Buffer): { equal: number; suspects: Map<string, Suspect> } {
  const count = countHashed(source)
  const bits = Math.ceil(Math.log2(Math.max(count, 1) * 2))
  const size = 2 ** bits
  /** slot → 1 + the last row of its key; row → 1 + the one before it of the same key */
  const heads = new Int32Array(size)
  const before = new Int32Array(count)
  /** slot → 1 + the target row that agrees with its only source row */
  const partners = new Int32Array(size)
  /** slot → 1 when its key has target rows beside that partner */
  const contested = new Uint8Array(size)
  const suspects = new Map<string, Suspect>()

  const slotOf = (rows: Buffer, row: number): number => {
    const [high, low] = [rows.readInt32BE(row * rowBytes), rows.readInt32BE(row * rowBytes + 4)]
    // the keys of a segment share their lowest bits, those of a block some others: the highest bits of the product depend on all
    for (let slot = Math.imul(high ^ Math.imul(low, 0x85ebca6b), 0x9e3779b1) >>> (32 - bits); ; slot = (slot + 1) & (size - 1)) {
      const head = heads[slot] ?? 0
      if (head === 0) return slot
      const at = (head - 1) * rowBytes
      if (source.readInt32BE(at) === high && source.readInt32BE(at + 4) === low) return slot
    }
  }
  const suspectOf = (rows: Buffer, row: number): Suspect => {
    const key = rows.readBigInt64BE(row * rowBytes).toString()
    const found = suspects.get(key) ?? { source: [], target: [] }
    suspects.set(key, found)
    return found
  }
  const add = (suspect: Suspect, side: Side, row: HashedRow): void => { suspect[side] = append(suspect[side], row) }

  for (let row = 0; row < count; row += 1) {
    const slot = slotOf(source, row)
    before[row] = heads[slot] ?? 0
    heads[slot] = row + 1
  }
  for (let row = 0; row < countHashed(target); row += 1) {
    const slot = slotOf(target, row)
    const head = heads[slot] ?? 0
    if (head > 0 && before[head - 1] === 0 && partners[slot] === 0 && sameHash(source, head - 1, target, row)) partners[slot] = row + 1
    else {
      if (head > 0) contested[slot] = 1
      add(suspectOf(target, row), 'target', hashedRow(target, row))
    }
  }
  let equal = 0
  for (let slot = 0; slot < size; slot += 1) {
    const [head, partner] = [heads[slot] ?? 0, partners[slot] ?? 0]
    if (head === 0) continue
    if (partner > 0 && contested[slot] === 0) {
      equal += 1
      continue
    }
    const suspect = suspectOf(source, head - 1)
    for (let row = head; row > 0; row = before[row - 1] ?? 0) add(suspect, 'source', hashedRow(source, row - 1))
    if (partner > 0) add(suspect, 'target', hashedRow(target, partner - 1))
  }
  for (const [key, suspect] of suspects) {
    if (!sameHashes(suspect)) continue
    equal += suspect.source.length
    suspects.delete(key)
  }
  return { equal, suspects }
}

/** Of packed rows of both sides those of some keys. @param isChosen asked with the hash of a key, decimal */
export function rowsOfKeys({ source, target }: { source: Buffer; target: Buffer }, isChosen: (key: string) => boolean): { source: Buffer; target: Buffer } {
  const chosenOf = (rows: Buffer) => {
    const keys = keysOfRows(rows)
    return pickRows(rows, (row) => isChosen(keys[row] ?? ''))
  }
  return { source: chosenOf(source), target: chosenOf(target) }
}

/** Of packed rows those whose number is chosen. */
export function pickRows(rows: Buffer, isChosen: (row: number) => boolean): Buffer {
  const chosen: Buffer[] = []
  for (let row = 0; row < countHashed(rows); row += 1) if (isChosen(row)) chosen.push(rows.subarray(row * rowBytes, (row + 1) * rowBytes))
  return Buffer.concat(chosen)
}

/** The hashes of the keys of packed rows, decimal. */
export function keysOfRows(rows: Buffer): string[] {
  return Array.from({ length: countHashed(rows) }, (_, row) => rows.readBigInt64BE(row * rowBytes).toString())
}

/** Whether both sides have the same fingerprints, each as often. */
export function sameHashes({ source, target }: { source: readonly { hash: string }[]; target: readonly { hash: string }[] }): boolean {
  return source.length === target.length && bagOf(source) === bagOf(target)
}

/** The fingerprints in an order of their own, as one text. */
export function bagOf(rows: readonly { hash: string }[]): string {
  const [only, ...more] = rows
  return more.length === 0 ? (only?.hash ?? '') : rows.map(({ hash }) => hash).sort().join()
}

/** How many rows are packed. */
export function countHashed(packed: Buffer): number {
  if (packed.length % rowBytes !== 0) throw new RangeError(`${packed.length} bytes are not whole rows`)
  return packed.length / rowBytes
}

/** The fingerprint of one of packed rows. */
export function hashOfRow(rows: Buffer, row: number): bigint {
  return rows.readBigInt64BE(row * rowBytes + 8)
}

function sameHash(source: Buffer, left: number, target: Buffer, right: number): boolean {
  const [from, to] = [left * rowBytes, right * rowBytes]
  return source.readInt32BE(from + 8) === target.readInt32BE(to + 8) && source.readInt32BE(from + 12) === target.readInt32BE(to + 12)
}

function hashedRow(rows: Buffer, row: number): HashedRow {
  const at = row * rowBytes
  return { hash: hashOfRow(rows, row).toString(), address: `(${rows.readUInt32BE(at + 16)},${rows.readUInt16BE(at + 20)})` }
}
