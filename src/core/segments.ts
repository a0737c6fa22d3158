import type { Side } from './catalog.js'

/** Bytes of one segment as `scanStatement` packs it: segment int4, rows int4, sum of the fingerprints modulo 2^64 int8. */
const segmentBytes = 16

export interface SegmentSums {
  /**
   * Adds what one pass over a chunk of a side found.
   * @param audit the audited segments, summed with other seeds
   * @throws RangeError when the bytes are not whole segments of this count
   */
  add(side: Side, packed: Buffer, audit?: Buffer | null): void
  compare(): SegmentComparison
}

export interface SegmentComparison {
  /** source rows in segments whose counts and sums agree; as many target rows */
  agreed: number
  /** of those, the rows in segments that both sides summed with other seeds too */
  audited: number
  /** of those again, the rows in segments whose other sums disagree */
  contradicted: number
  /** the others */
  suspicious: { segment: number; sourceRows: number; targetRows: number }[]
}

/** Adds up partial sums by segment; both sides may be cut into chunks of their own. 48 bytes of memory for each segment. */
export function createSegmentSums(segments: number): SegmentSums {
  const [sums, audits] = [createSums(segments), createSums(segments)]
  return {
    add(side, packed, audit = null) {
      sums.add(side, packed)
      if (audit !== null) audits.add(side, audit)
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

function createSums(segments: number): { add(side: Side, packed: Buffer): void; at(segment: number): { source: number; target: number; agrees: boolean } } {
  const rows = { source: new Float64Array(segments), target: new Float64Array(segments) }
  // the stores wrap at 64 bits, as the sums are meant to; a difference of both sides is all that is asked
  const surplus = new BigInt64Array(segments)
  return {
    add(side, packed) {
      if (packed.length % segmentBytes !== 0) throw new RangeError(`${packed.length} bytes are not whole segments`)
      for (let at = 0; at < packed.length; at += segmentBytes) {
        const segment = packed.readInt32BE(at)
        if (segment < 0 || segment >= segments) throw new RangeError(`there is no segment ${segment} of ${segments}`)
        const sum = packed.readBigInt64BE(at + 8)
        rows[side][segment] = (rows[side][segment] ?? 0) + packed.readInt32BE(at + 4)
        surplus[segment] = (surplus[segment] ?? 0n) + (side === 'source' ? sum : -sum)
      }
    },
    at(segment) {
      const [source, target] = [rows.source[segment] ?? 0, rows.target[segment] ?? 0]
      return { source, target, agrees: source === target && surplus[segment] === 0n }
    },
  }
}

/** The rows of all packed segments. */
export function countPackedRows(packed: Buffer): number {
  let rows = 0
  for (let at = 0; at < packed.length; at += segmentBytes) rows += packed.readInt32BE(at + 4)
  return rows
}
