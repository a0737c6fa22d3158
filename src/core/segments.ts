import type { Side } from './catalog.js'

/** Bytes of one segment as `scanStatement` packs it: segment int4, rows int4, sum of the fingerprints modulo 2^64 (or how many of the rows are newer) int8. */
const segmentBytes = 16
/** Bytes of one touched segment: segment int4, rows int4. */
const touchedBytes = 8

export interface SegmentSums {
  /**
   * Adds what one pass over a chunk of a side found.
   * @param more touched, as `touchedSegments` tells: the sums of these are not known any more, their rows are; audit: the audited segments, summed with other seeds
   * @throws RangeError when the bytes are not whole segments of this count
   */
  add(side: Side, packed: Buffer, more?: { touched?: Buffer | null; audit?: Buffer | null }): void
  compare(): SegmentComparison
}

export interface SegmentComparison {
  /** source rows in segments whose counts and sums are known and agree; as many target rows */
  agreed: number
  /** of those, the rows in segments that both sides summed with other seeds too */
  audited: number
  /** of those again, the rows in segments whose other sums disagree */
  contradicted: number
  /** the others that hold rows or did */
  suspicious: { segment: number; sourceRows: number; targetRows: number }[]
}

/** Adds up partial sums by segment; both sides may be cut into chunks of their own. 48 bytes of memory for each segment. */
export function createSegmentSums(segments: number): SegmentSums {
  const [sums, audits] = [createSums(segments), createSums(segments)]
  return {
    add(side, packed, { touched = null, audit = null } = {}) {
      sums.add(side, packed, touched ?? Buffer.alloc(0))
      if (audit !== null) audits.add(side, audit, Buffer.alloc(0))
    },
    compare() {
      const found: SegmentComparison = { agreed: 0, audited: 0, contradicted: 0, suspicious: [] }
      for (let segment = 0; segment < segments; segment += 1) {
        const { source, target, agrees } = sums.at(segment)
        if (!agrees) {
          found.suspicious.push({ segment, sourceRows: source, targetRows: target })
          continue
        }
        found.agreed += source
        const audit = audits.at(segment)
        // a side that was read by an earlier job has audited other segments
        if (audit.source !== source || audit.target !== target) continue
        found.audited += source
        if (!audit.agrees) found.contradicted += source
      }
      return found
    },
  }
}

function createSums(segments: number): { add(side: Side, packed: Buffer, touched: Buffer): void; at(segment: number): { source: number; target: number; agrees: boolean } } {
  const rows = { source: new Float64Array(segments), target: new Float64Array(segments) }
  // the stores wrap at 64 bits, as the sums are meant to; a difference of both sides is all that is asked
  const surplus = new BigInt64Array(segments)
  const unknown = new Uint8Array(segments)
  const check = (segment: number): number => {
    if (segment < 0 || segment >= segments) throw new RangeError(`there is no segment ${segment} of ${segments}`)
    return segment
  }
  return {
    add(side, packed, touched) {
      if (packed.length % segmentBytes !== 0 || touched.length % touchedBytes !== 0) throw new RangeError(`${packed.length} and ${touched.length} bytes are not whole segments`)
      const left = new Set<number>()
      for (let at = 0; at < touched.length; at += touchedBytes) {
        const segment = check(touched.readInt32BE(at))
        rows[side][segment] = (rows[side][segment] ?? 0) + touched.readInt32BE(at + 4)
        unknown[segment] = 1
        left.add(segment)
      }
      for (let at = 0; at < packed.length; at += segmentBytes) {
        const segment = check(packed.readInt32BE(at))
        if (left.has(segment)) continue
        const sum = packed.readBigInt64BE(at + 8)
        rows[side][segment] = (rows[side][segment] ?? 0) + packed.readInt32BE(at + 4)
        surplus[segment] = (surplus[segment] ?? 0n) + (side === 'source' ? sum : -sum)
      }
    },
    at(segment) {
      const [source, target] = [rows.source[segment] ?? 0, rows.target[segment] ?? 0]
      return { source, target, agrees: unknown[segment] === 0 && source === target && surplus[segment] === 0n }
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

/** The rows of all packed segments. */
export function countPackedRows(packed: Buffer): number {
  let rows = 0
  for (let at = 0; at < packed.length; at += segmentBytes) rows += packed.readInt32BE(at + 4)
  return rows
}
