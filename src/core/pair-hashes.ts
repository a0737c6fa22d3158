import { sides, type Side } from './catalog.js'
import { append } from './lists.js'

/** Bytes of one row as `readSegmentsStatement` packs it: hash of the key int8, of the row int8, page int4 and line int2 of its address. */
const rowBytes = 22

/** Bytes before the rows of a suspicious key: how many there are at the source and at the target, int4 each. */
const headBytes = 8

/** Keys whose fingerprints do not agree, with their rows as they were seen. */
export interface Suspects {
  /** decimal text of the key's hash → what both sides held under it (`bagOfBoth`) */
  bags: Map<string, string>
  /** of each side the keys that it holds, and the addresses of all their rows, each `(page,line)` */
  seen: Record<Side, { keys: string[]; addresses: string[] }>
  /** the keys that a side does not hold */
  absent: Record<Side, string[]>
}

/**
 * Pairs the packed rows of both sides by key. Rows of one key are compared as a bag of fingerprints.
 * One open-addressing table over typed arrays, since a Map of keys would take ten times the memory: 40 bytes a row.
 * @param unsure hashes of keys of which some rows may stand here twice, or not at all: they are suspects in any case
 * @returns equal: rows of each side under keys whose bags agree; suspects: of each other key the bytes that `readSuspects` reads, one after the other
 */
export function pairHashes(source: Buffer, target: Buffer, unsure: ReadonlySet<bigint> = new Set()): { equal: number; suspects: Buffer[] } {
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
  /** hash of a key → its rows, by their numbers */
  const unequal = new Map<bigint, Record<Side, number[]>>()

  const slotOf = (rows: Buffer, row: number): number => {
    const [high, low] = [rows.readInt32BE(row * rowBytes), rows.readInt32BE(row * rowBytes + 4)]
    // the keys of a segment share their lowest bits, those of a block some others: the highest bits of the product depend on all
    const mixed = Math.imul(high ^ Math.imul(low, 0x85ebca6b), 0x9e3779b1)
    // and on the size: rows that come in the order of another table's slots would else crowd into one corner of this one
    for (let slot = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d + 2 * bits) >>> (32 - bits); ; slot = (slot + 1) & (size - 1)) {
      const head = heads[slot] ?? 0
      if (head === 0) return slot
      const at = (head - 1) * rowBytes
      if (source.readInt32BE(at) === high && source.readInt32BE(at + 4) === low) return slot
    }
  }
  const add = (side: Side, rows: Buffer, row: number): void => {
    const key = keyAt(rows, row)
    const found = unequal.get(key) ?? { source: [], target: [] }
    found[side] = append(found[side], row)
    unequal.set(key, found)
  }

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
      add('target', target, row)
    }
  }
  let equal = 0
  for (let slot = 0; slot < size; slot += 1) {
    const [head, partner] = [heads[slot] ?? 0, partners[slot] ?? 0]
    if (head === 0) continue
    if (partner > 0 && contested[slot] === 0 && !(unsure.size > 0 && unsure.has(keyAt(source, head - 1)))) {
      equal += 1
      continue
    }
    for (let row = head; row > 0; row = before[row - 1] ?? 0) add('source', source, row - 1)
    if (partner > 0) add('target', target, partner - 1)
  }
  const suspects: Buffer[] = []
  for (const [key, rows] of unequal) {
    if (!unsure.has(key) && agree(source, rows.source, target, rows.target)) equal += rows.source.length
    else suspects.push(packSuspect(source, rows.source, target, rows.target))
  }
  return { equal, suspects }
}

function agree(source: Buffer, left: readonly number[], target: Buffer, right: readonly number[]): boolean {
  const [one, other] = [left[0], right[0]]
  if (left.length !== right.length || one === undefined || other === undefined) return false
  return left.length === 1 ? sameHash(source, one, target, other) : bagOf(left.map((row) => textOfHash(source, row))) === bagOf(right.map((row) => textOfHash(target, row)))
}

function packSuspect(source: Buffer, left: readonly number[], target: Buffer, right: readonly number[]): Buffer {
  const packed = Buffer.allocUnsafe(headBytes + (left.length + right.length) * rowBytes)
  let at = packed.writeInt32BE(right.length, packed.writeInt32BE(left.length))
  for (const row of left) at += copyRow(source, row, packed, at)
  for (const row of right) at += copyRow(target, row, packed, at)
  return packed
}

/** How many rows a side has under the key of a suspect that `pairHashes` has found. @param at where the suspect begins */
export function countOfSuspect(packed: Buffer, at = 0): Record<Side, number> {
  return { source: packed.readInt32BE(at), target: packed.readInt32BE(at + 4) }
}

/** The side that alone has the key of a suspect; null: both have it. */
export function ownerOf(suspect: Buffer): Side | null {
  const { source, target } = countOfSuspect(suspect)
  return target === 0 ? 'source' : source === 0 ? 'target' : null
}

/** Whether all rows under the key of a suspect have the same fingerprint: then it does not matter which are paired. */
export function isUniform(suspect: Buffer): boolean {
  for (let at = headBytes + rowBytes; at < suspect.length; at += rowBytes) if (suspect.compare(suspect, headBytes + 8, headBytes + 16, at + 8, at + 16) !== 0) return false
  return true
}

/** A suspect with the first rows of each side alone. */
export function shortenSuspect(suspect: Buffer, { source, target }: Record<Side, number>): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeInt32BE(target, head.writeInt32BE(source))
  const from = headBytes + countOfSuspect(suspect).source * rowBytes
  return Buffer.concat([head, suspect.subarray(headBytes, headBytes + source * rowBytes), suspect.subarray(from, from + target * rowBytes)])
}

/** Of suspects that stand one behind the other each by itself, as a view. */
export function splitSuspects(packed: Buffer): Buffer[] {
  const suspects: Buffer[] = []
  for (let at = 0; at < packed.length;) {
    const { source, target } = countOfSuspect(packed, at)
    const end = at + headBytes + (source + target) * rowBytes
    suspects.push(packed.subarray(at, end))
    at = end
  }
  return suspects
}

/** The packed rows of suspects, of both sides together. */
export function rowsOfSuspects(suspects: readonly Buffer[]): Buffer {
  return Buffer.concat(suspects.map((suspect) => suspect.subarray(headBytes)))
}

/** The hash of a suspect's key, decimal. */
export function keyOfSuspect(suspect: Buffer): string {
  return suspect.readBigInt64BE(headBytes).toString()
}

/** @param packed the suspects that `pairHashes` has found, one behind the other */
export function readSuspects(packed: Buffer): Suspects {
  const suspects: Suspects = { bags: new Map(), seen: { source: { keys: [], addresses: [] }, target: { keys: [], addresses: [] } }, absent: { source: [], target: [] } }
  for (let at = 0; at < packed.length;) {
    const counts = countOfSuspect(packed, at)
    at += headBytes
    const key = packed.readBigInt64BE(at).toString()
    const hashes: Record<Side, string[]> = { source: [], target: [] }
    for (const side of sides) {
      if (counts[side] === 0) suspects.absent[side].push(key)
      else suspects.seen[side].keys.push(key)
      for (let row = 0; row < counts[side]; row += 1, at += rowBytes) {
        hashes[side] = append(hashes[side], packed.readBigInt64BE(at + 8).toString())
        suspects.seen[side].addresses.push(addressAt(packed, at))
      }
    }
    suspects.bags.set(key, bagOfBoth(hashes))
  }
  return suspects
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
  const chosen: number[] = []
  for (let row = 0; row < countHashed(rows); row += 1) if (isChosen(row)) chosen.push(row)
  const picked = Buffer.allocUnsafe(chosen.length * rowBytes)
  for (const [place, row] of chosen.entries()) copyRow(rows, row, picked, place * rowBytes)
  return picked
}

/** The hashes of the keys of packed rows, decimal. */
export function keysOfRows(rows: Buffer): string[] {
  return Array.from({ length: countHashed(rows) }, (_, row) => keyAt(rows, row).toString())
}

/** The same as numbers, each once. */
export function keySetOf(rows: Buffer): Set<bigint> {
  return new Set(Array.from({ length: countHashed(rows) }, (_, row) => keyAt(rows, row)))
}

function keyAt(rows: Buffer, row: number): bigint {
  return rows.readBigInt64BE(row * rowBytes)
}

/** The addresses of packed rows, each `(page,line)`. */
export function addressesOfRows(rows: Buffer): string[] {
  return Array.from({ length: countHashed(rows) }, (_, row) => addressAt(rows, row * rowBytes))
}

function addressAt(packed: Buffer, at: number): string {
  return `(${packed.readUInt32BE(at + 16)},${packed.readUInt16BE(at + 20)})`
}

/** What both sides hold under a key, fingerprints in decimal: two readings with the same are one. */
export function bagOfBoth({ source, target }: Record<Side, string[]>): string {
  return `${bagOf(source)}|${bagOf(target)}`
}

/** Fingerprints in an order of their own, as one text. */
function bagOf(hashes: string[]): string {
  return hashes.length === 1 ? (hashes[0] ?? '') : hashes.toSorted().join()
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

function textOfHash(rows: Buffer, row: number): string {
  return hashOfRow(rows, row).toString()
}

function copyRow(rows: Buffer, row: number, to: Buffer, at: number): number {
  return rows.copy(to, at, row * rowBytes, (row + 1) * rowBytes)
}

/** Packed rows with others that are not among them: the same row at the same address stands there once. */
export function addRows(packed: Buffer, more: Buffer | undefined): Buffer {
  if (more === undefined) return packed
  const nameOf = (rows: Buffer, at: number) => rows.toString('latin1', at, at + rowBytes)
  const left = new Map<string, number>()
  for (let at = 0; at < more.length; at += rowBytes) left.set(nameOf(more, at), at)
  for (let at = 0; at < packed.length; at += rowBytes) left.delete(nameOf(packed, at))
  return Buffer.concat([packed, ...[...left.values()].map((at) => more.subarray(at, at + rowBytes))])
}
