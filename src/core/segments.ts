import type { Side } from './catalog.js'

/** Bytes of one segment as `scanStatement` packs it: segment int4, rows int4, sum of the fingerprints modulo 2^64 int8. */
const segmentBytes = 16

export interface SegmentSums {
  /** Adds what one pass over a chunk of a side found. @throws RangeError when the bytes are not whole segments of this count */
  add(side: Side, packed: Buffer): void
  compare(): SegmentComparison
}

export interface SegmentComparison {
  /** source rows in segments whose counts and sums agree; as many target rows */
  agreed: number
  /** the others */
  suspicious: { segment: number; sourceRows: number; targetRows: number }[]
}

/** Adds up partial sums by segment; both sides may be cut into chunks of their own. 24 bytes of memory for each segment. */
export function createSegmentSums(segments: number): SegmentSums {
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
    compare() {
      const found: SegmentComparison = { agreed: 0, suspicious: [] }
      for (let segment = 0; segment < segments; segment += 1) {
        const [sourceRows, targetRows] = [rows.source[segment] ?? 0, rows.target[segment] ?? 0]
        if (sourceRows === targetRows && surplus[segment] === 0n) found.agreed += sourceRows
        else found.suspicious.push({ segment, sourceRows, targetRows })
      }
      return found
    },
  }
}

/** The rows of all packed segments. */
export function countPackedRows(packed: Buffer): number {
  let rows = 0
  for (let at = 0; at < packed.length; at += segmentBytes) rows += packed.readInt32BE(at + 4)
  return rows
}
