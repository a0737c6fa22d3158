import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countPackedRows, createSegmentSums } from '../../src/core/segments.js'

interface Segment { segment: number; rows: number; sum: bigint }

const pack = (segments: readonly Segment[]): Buffer => Buffer.concat(segments.map(({ segment, rows, sum }) => {
  const bytes = Buffer.alloc(16)
  bytes.writeInt32BE(segment, 0)
  bytes.writeInt32BE(rows, 4)
  bytes.writeBigInt64BE(BigInt.asIntN(64, sum), 8)
  return bytes
}))

const hash = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const rows = fc.array(fc.record({ segment: fc.nat({ max: 3 }), hash, chunk: fc.nat({ max: 2 }) }), { maxLength: 30 })
const chunksOf = (list: { segment: number; hash: bigint; chunk: number }[], cut: boolean) => [0, 1, 2].map((chunk) => [0, 1, 2, 3].flatMap((segment): Segment[] => {
  const own = list.filter((row) => row.segment === segment && (cut ? row.chunk === chunk : chunk === 0))
  return own.length === 0 ? [] : [{ segment, rows: own.length, sum: own.reduce((sum, row) => sum + row.hash, 0n) }]
}))

describe('sums of segments', () => {
  test('agree however each side is cut into chunks', () => {
    fc.assert(fc.property(rows, (list) => {
      const sums = createSegmentSums(4)
      for (const chunk of chunksOf(list, true)) sums.add('source', pack(chunk))
      for (const chunk of chunksOf(list, false)) sums.add('target', pack(chunk))
      expect(sums.compare()).toEqual({ agreed: list.length, suspicious: [] })
    }))
  })

  test('tell the segment of a row that differs, and no other', () => {
    fc.assert(fc.property(rows, hash, hash, (list, one, other) => {
      fc.pre(one !== other)
      const sums = createSegmentSums(4)
      sums.add('source', pack(chunksOf([...list, { segment: 2, hash: one, chunk: 0 }], false).flat()))
      sums.add('target', pack(chunksOf([...list, { segment: 2, hash: other, chunk: 0 }], false).flat()))
      expect(sums.compare().suspicious.map(({ segment }) => segment)).toEqual([2])
    }))
  })

  test('a row more with a fingerprint of 0 is told by the count', () => {
    const sums = createSegmentSums(2)
    sums.add('source', pack([{ segment: 1, rows: 2, sum: 5n }]))
    sums.add('target', pack([{ segment: 1, rows: 1, sum: 5n }]))
    expect(sums.compare()).toEqual({ agreed: 0, suspicious: [{ segment: 1, sourceRows: 2, targetRows: 1 }] })
  })

  test('bytes that are not whole segments of the count are refused', () => {
    const sums = createSegmentSums(2)
    expect(() => { sums.add('source', Buffer.alloc(15)) }).toThrow(/not whole segments/)
    expect(() => { sums.add('source', pack([{ segment: 2, rows: 1, sum: 0n }])) }).toThrow(/no segment 2 of 2/)
    expect(() => { sums.add('target', pack([{ segment: -1, rows: 1, sum: 0n }])) }).toThrow(/no segment -1 of 2/)
    expect(countPackedRows(pack([{ segment: 0, rows: 3, sum: 0n }, { segment: 1, rows: 4, sum: 0n }]))).toBe(7)
  })
})
