import type { Side } from './catalog.js'
import { guessPlace, type SingleDifference } from './single-difference.js'

/** Bytes of one segment as `scanStatement` packs it: segment int4, rows int4, sum of the fingerprints modulo 2^64 (or how many of the rows are newer) int8. */
const segmentBytes = 16
/** Bytes of one touched segment: segment int4, rows int4. */
const touchedBytes = 8

/** Bytes of one newer row: segment int4, hash of its key int8, what it adds to the XOR of the keys int8, page int4 and line int2 of its address. */
const newerBytes = 26

/** Beside the sums of a chunk. */
export interface MoreSums {
  /** as `touchedSegments` tells: the sums of these are not known any more, their rows are */
  touched?: Buffer | null
  /** which job read what is kept */
  readBy?: string | null
  /** the audited segments, summed with other seeds */
  audit?: Buffer | null
  /** the XOR of the keys' hashes as they are now, also of touched segments */
  keys?: Buffer | null
  /** the rows of touched segments that are newer than the sums; null: they are not known one by one */
  newer?: Buffer | null
  /** of each segment, in their order, an int4: the sum of the fingerprints times their places; null: not known */
  weighted?: Buffer | null
}

export interface SegmentSums {
  /**
   * Adds what one pass over a chunk of a side found.
   * @throws RangeError when the bytes are not whole segments of this count
   */
  add(side: Side, packed: Buffer, more?: MoreSums): void
  /** @param distrusted segments in which the passes of a side may have missed rows: they are suspicious whatever their sums are */
  compare(distrusted?: ReadonlySet<number>): SegmentComparison
}

/** A segment with the rows that the passes saw in it. */
export interface SeenSegment {
  segment: number
  sourceRows: number
  targetRows: number
  /** what both sums differ by, where the rows of one place alone may account for it */
  single?: SingleDifference
}

/** A segment that was equal before, with the XOR of its keys now. */
export interface ChangedSegment extends SeenSegment {
  sourceKeys: bigint
  targetKeys: bigint
}

export interface SegmentComparison {
  /** source rows in segments whose counts and sums are known and agree; as many target rows */
  agreed: number
  /** of those, the rows in segments that both sides summed with other seeds too */
  audited: number
  /** of those again, the rows in segments whose other sums disagree */
  contradicted: number
  /** touched segments whose kept sums agree: what is not newer in them is equal where its key is on both sides */
  changed: ChangedSegment[]
  /** the others that hold rows or did */
  suspicious: SeenSegment[]
}

/**
 * Adds up partial sums by segment; both sides may be cut into chunks of their own. 33 bytes of memory for each segment and kind of sum, and 4 for the weights.
 * @param places keys that a neighbourhood has room for; where the sums are weighted with them
 */
export function createSegmentSums(segments: number, places = 0): SegmentSums {
  const none = Buffer.alloc(0)
  const [sums, kept, audits, keys] = [createSums(segments), createSums(segments), createSums(segments), createSums(segments, 'xor')]
  /** segment → what its weighted sums differ by, source less target */
  const weights = new Int32Array(places > 0 ? segments : 0)
  let areWeighted = places > 0
  // a row may have gone from a chunk that one job read to one that another did: then both sides may have been equal, and each hold the other's row now
  const readings = { source: new Set<string>(), target: new Set<string>() }
  let isListed = true
  const canCompareNewer = () => isListed && readings.source.size <= 1 && readings.target.size <= 1
  return {
    add(side, packed, { touched = null, readBy = null, audit = null, keys: keySums = null, newer = null, weighted: weightedSums = null } = {}) {
      readings[side].add(touched === null ? 'this job' : (readBy ?? 'a job before'))
      if (touched !== null && newer === null) isListed = false
      sums.add(side, packed, touched ?? none)
      if (audit !== null) audits.add(side, audit, none)
      if (weightedSums?.length !== packed.length / segmentBytes * 4) areWeighted = false
      if (areWeighted && weightedSums !== null) addWeights(weights, side, packed, weightedSums)
      if (keySums === null) return
      keys.add(side, keySums, none)
      // asked only where the keys of all chunks are known
      kept.add(side, packed, none)
    },
    compare(distrusted = new Set()) {
      const found: SegmentComparison = { agreed: 0, audited: 0, contradicted: 0, changed: [], suspicious: [] }
      for (let segment = 0; segment < segments; segment += 1) {
        const source = sums.rows('source', segment)
        const isDistrusted = distrusted.has(segment)
        if (isDistrusted || !sums.agree(segment)) {
          const target = sums.rows('target', segment)
          const seen: SeenSegment = { segment, sourceRows: source, targetRows: target }
          if (isDistrusted) {
            found.suspicious.push(seen)
            continue
          }
          // where the keys of some chunk are not known, other rows were counted
          const areKeysKnown = keys.rows('source', segment) === source && keys.rows('target', segment) === target
          if (!sums.isKnown(segment) && canCompareNewer() && kept.agree(segment) && areKeysKnown) found.changed.push({ ...seen, sourceKeys: keys.sum('source', segment), targetKeys: keys.sum('target', segment) })
          else {
            const single = areWeighted && sums.isKnown(segment) ? guessPlace(differenceOf(sums, segment), weights[segment] ?? 0, places) : null
            found.suspicious.push(single === null ? seen : { segment, sourceRows: source, targetRows: target, single })
          }
          continue
        }
        found.agreed += source
        // a side that was read by an earlier job has audited other segments
        if (source === 0 || audits.rows('source', segment) !== source || audits.rows('target', segment) !== source) continue
        found.audited += source
        if (!audits.agree(segment)) found.contradicted += source
      }
      return found
    },
  }
}

/** Adds what a side has more in the weighted sums of its segments; the stores wrap at 32 bits, and fewer of them count. */
function addWeights(weights: Int32Array, side: Side, packed: Buffer, weighted: Buffer): void {
  const sign = side === 'source' ? 1 : -1
  for (let index = 0; index < weighted.length / 4; index += 1) {
    const segment = packed.readInt32BE(index * segmentBytes)
    weights[segment] = (weights[segment] ?? 0) + sign * weighted.readInt32BE(index * 4)
  }
}

function differenceOf(sums: Sums, segment: number): bigint {
  return BigInt.asUintN(64, sums.sum('source', segment) - sums.sum('target', segment))
}

/** Sums of 64 bits by segment and side, in halves: a BigInt for each would be garbage. */
interface Sums {
  add(side: Side, packed: Buffer, touched: Buffer): void
  rows(side: Side, segment: number): number
  sum(side: Side, segment: number): bigint
  /** no chunk tells that its sum does not hold any more */
  isKnown(segment: number): boolean
  /** known, with as many rows and the same sum on both sides */
  agree(segment: number): boolean
}

function createSums(segments: number, way: 'add' | 'xor' = 'add'): Sums {
  const bySide = (count: number) => ({ rows: new Float64Array(count), high: new Int32Array(count), low: new Int32Array(count) })
  const none = bySide(0)
  // most runs need few of their kinds
  const sides = { source: none, target: none }
  const unknown = new Uint8Array(segments)
  const check = (segment: number): number => {
    if (segment < 0 || segment >= segments) throw new RangeError(`there is no segment ${segment} of ${segments}`)
    return segment
  }
  return {
    add(side, packed, touched) {
      if (packed.length % segmentBytes !== 0 || touched.length % touchedBytes !== 0) throw new RangeError(`${packed.length} and ${touched.length} bytes are not whole segments`)
      if (sides[side] === none && packed.length + touched.length > 0) sides[side] = bySide(segments)
      const { rows, high, low } = sides[side]
      const left = new Set<number>()
      for (let at = 0; at < touched.length; at += touchedBytes) {
        const segment = check(touched.readInt32BE(at))
        rows[segment] = (rows[segment] ?? 0) + touched.readInt32BE(at + 4)
        unknown[segment] = 1
        left.add(segment)
      }
      for (let at = 0; at < packed.length; at += segmentBytes) {
        const segment = check(packed.readInt32BE(at))
        if (left.has(segment)) continue
        rows[segment] = (rows[segment] ?? 0) + packed.readInt32BE(at + 4)
        const highBefore = high[segment] ?? 0
        const lowBefore = low[segment] ?? 0
        const highMore = packed.readInt32BE(at + 8)
        const lowMore = packed.readInt32BE(at + 12)
        // the stores wrap at 32 bits, and what the lower half wraps is carried
        high[segment] = way === 'xor' ? highBefore ^ highMore : highBefore + highMore + ((lowBefore >>> 0) + (lowMore >>> 0) > 0xffffffff ? 1 : 0)
        low[segment] = way === 'xor' ? lowBefore ^ lowMore : lowBefore + lowMore
      }
    },
    rows: (side, segment) => sides[side].rows[segment] ?? 0,
    sum: (side, segment) => (BigInt(sides[side].high[segment] ?? 0) << 32n) | BigInt((sides[side].low[segment] ?? 0) >>> 0),
    isKnown: (segment) => unknown[segment] === 0,
    agree(segment) {
      const { source, target } = sides
      const isSame = (left: Float64Array | Int32Array, right: Float64Array | Int32Array) => (left[segment] ?? 0) === (right[segment] ?? 0)
      return unknown[segment] === 0 && isSame(source.rows, target.rows) && isSame(source.high, target.high) && isSame(source.low, target.low)
    },
  }
}

/**
 * The segments of a chunk whose rows may be others than before: one of them is newer, or they are not as many. Versions that are as old were all there before, so as many of them are the same ones.
 * @param before what the pass counted whose sums are kept
 * @param now a pass with `since`, over the same chunk
 * @returns packed touched segments, with their rows now
 */
export function touchedSegments(before: Buffer, now: Buffer): Buffer {
  const rowsBefore = new Map<number, number>()
  for (let at = 0; at < before.length; at += segmentBytes) rowsBefore.set(before.readInt32BE(at), before.readInt32BE(at + 4))
  const touched: [number, number][] = []
  for (let at = 0; at < now.length; at += segmentBytes) {
    const [segment, rows] = [now.readInt32BE(at), now.readInt32BE(at + 4)]
    if (now.readBigInt64BE(at + 8) > 0n || rowsBefore.get(segment) !== rows) touched.push([segment, rows])
    rowsBefore.delete(segment)
  }
  for (const segment of rowsBefore.keys()) touched.push([segment, 0])
  const packed = Buffer.alloc(touched.length * touchedBytes)
  for (const [index, [segment, rows]] of touched.entries()) packed.writeInt32BE(rows, packed.writeInt32BE(segment, index * touchedBytes))
  return packed
}

/** How many segments `touchedSegments` has packed, and the rows in them now. */
export function countTouched(touched: Buffer): { segments: number; rows: number } {
  let rows = 0
  for (let at = 0; at < touched.length; at += touchedBytes) rows += touched.readInt32BE(at + 4)
  return { segments: touched.length / touchedBytes, rows }
}

/** How many rows `scanStatement` has packed as newer. */
export function countNewer(newer: Buffer): number {
  return newer.length / newerBytes
}

/** Packed newer rows in parts of so many. */
export function* partsOfNewer(newer: Buffer, rows: number): Generator<Buffer> {
  for (let at = 0; at < newer.length; at += rows * newerBytes) yield newer.subarray(at, at + rows * newerBytes)
}

/** A row that is newer than the sums of its segment. */
export interface NewerRow {
  segment: number
  /** hash of its key, decimal */
  key: string
  /** what the key adds to the XOR of its segment's */
  mixed: bigint
  /** `(page,line)` */
  address: string
}

/** The rows that `scanStatement` has packed as newer. */
export function* newerRows(newer: Buffer): Generator<NewerRow> {
  for (let at = 0; at < newer.length; at += newerBytes) {
    yield { segment: newer.readInt32BE(at), key: newer.readBigInt64BE(at + 4).toString(), mixed: newer.readBigInt64BE(at + 12), address: `(${newer.readUInt32BE(at + 20)},${newer.readUInt16BE(at + 24)})` }
  }
}

/** A key of newer rows, and on which sides it stands. */
export interface NewerKey {
  /** what it adds to the XOR of its segment's */
  mixed: bigint
  isAt: Record<Side, boolean>
}

/**
 * @param newer the keys of the rows of the segment that are newer on either side, wherever they were found by now
 * @returns how many rows each side has under other keys, where these are the same keys; null where they are not, or nobody can tell
 */
export function equalBeside({ sourceRows, targetRows, sourceKeys, targetKeys }: ChangedSegment, newer: readonly NewerKey[] | null): number | null {
  if (newer === null) return null
  const beside = (side: Side, rows: number, keys: bigint) => {
    const own = newer.filter(({ isAt }) => isAt[side])
    return { rows: rows - own.length, others: own.reduce((others, { mixed }) => others ^ mixed, keys) }
  }
  const [source, target] = [beside('source', sourceRows, sourceKeys), beside('target', targetRows, targetKeys)]
  return source.rows === target.rows && source.others === target.others ? source.rows : null
}

/** The rows of all packed segments. */
export function countPackedRows(packed: Buffer): number {
  let rows = 0
  for (let at = 0; at < packed.length; at += segmentBytes) rows += packed.readInt32BE(at + 4)
  return rows
}

/**
 * The packed segments of a chunk, so changed that no later comparison takes the sums of these segments for equal.
 * @param distrusted segments in which the passes of the side may have missed rows
 */
export function spoilSums(packed: Buffer, distrusted: ReadonlySet<number>): Buffer {
  const spoilt = Buffer.from(packed)
  const left = new Set(distrusted)
  for (let at = 0; at < spoilt.length; at += segmentBytes) if (left.delete(spoilt.readInt32BE(at))) spoilt.writeInt32BE(~spoilt.readInt32BE(at + 8), at + 8)
  const more = Buffer.alloc(left.size * segmentBytes)
  for (const [index, segment] of [...left].entries()) {
    more.writeInt32BE(segment, index * segmentBytes)
    more.writeInt32BE(1, index * segmentBytes + 8)
  }
  return Buffer.concat([spoilt, more])
}
