import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countNewer, countPackedRows, countTouched, createSegmentSums, equalBeside, newerRows, partsOfNewer, spoilSums, touchedSegments, type MoreSums } from '../../src/core/segments.js'
import { weightMask } from '../../src/core/single-difference.js'

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
      expect(sums.compare()).toEqual({ agreed: list.length, audited: 0, contradicted: 0, changed: [], suspicious: [] })
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

  test('a distrusted segment is suspicious whatever its sums are, one without rows too', () => {
    const sums = createSegmentSums(4)
    for (const side of ['source', 'target'] as const) sums.add(side, pack([{ segment: 1, rows: 2, sum: 5n }, { segment: 2, rows: 3, sum: 7n }]))
    expect(sums.compare(new Set([1, 3]))).toMatchObject({ agreed: 3, changed: [], suspicious: [{ segment: 1, sourceRows: 2, targetRows: 2 }, { segment: 3, sourceRows: 0, targetRows: 0 }] })
  })

  test('spoilt sums never agree with what they were, and count the same rows', () => {
    fc.assert(fc.property(rows, fc.uniqueArray(fc.nat({ max: 3 })), (list, distrusted) => {
      const packed = pack(chunksOf(list, false).flat())
      const spoilt = spoilSums(packed, new Set(distrusted))
      expect(countPackedRows(spoilt)).toBe(countPackedRows(packed))
      const sums = createSegmentSums(4)
      sums.add('source', spoilt)
      sums.add('target', packed)
      expect(sums.compare().suspicious.map(({ segment }) => segment)).toEqual(distrusted.toSorted())
    }))
  })

  test('newer rows are cut into parts of whole rows', () => {
    const packed = Buffer.from(Array.from({ length: 5 * 26 }, (_, at) => at))
    expect([...partsOfNewer(packed, 2)].map(({ length }) => length / 26)).toEqual([2, 2, 1])
    expect(Buffer.concat([...partsOfNewer(packed, 2)])).toEqual(packed)
    expect([...partsOfNewer(Buffer.alloc(0), 2)]).toEqual([])
  })

  test('a row more with a fingerprint of 0 is told by the count', () => {
    const sums = createSegmentSums(2)
    sums.add('source', pack([{ segment: 1, rows: 2, sum: 5n }]))
    sums.add('target', pack([{ segment: 1, rows: 1, sum: 5n }]))
    expect(sums.compare()).toEqual({ agreed: 0, audited: 0, contradicted: 0, changed: [], suspicious: [{ segment: 1, sourceRows: 2, targetRows: 1 }] })
  })

  test('an audit counts only where both sides made it over all rows, and only against sums that agree', () => {
    const segment = (number: number, sum: bigint) => pack([{ segment: number, rows: 2, sum }])
    const compared = (audits: { source: Buffer | null; target: Buffer | null }, target = 5n) => {
      const sums = createSegmentSums(2)
      sums.add('source', segment(1, 5n), { audit: audits.source })
      sums.add('target', segment(1, target), { audit: audits.target })
      const { audited, contradicted } = sums.compare()
      return [audited, contradicted]
    }
    expect(compared({ source: segment(1, 7n), target: segment(1, 7n) })).toEqual([2, 0])
    expect(compared({ source: segment(1, 7n), target: segment(1, 8n) })).toEqual([2, 2])
    expect(compared({ source: segment(1, 7n), target: null })).toEqual([0, 0])
    expect(compared({ source: segment(1, 7n), target: segment(0, 7n) })).toEqual([0, 0])
    expect(compared({ source: segment(1, 7n), target: pack([{ segment: 1, rows: 1, sum: 7n }]) })).toEqual([0, 0])
    expect(compared({ source: segment(1, 7n), target: segment(1, 8n) }, 6n)).toEqual([0, 0])
  })

  test('bytes that are not whole segments of the count are refused', () => {
    const sums = createSegmentSums(2)
    expect(() => { sums.add('source', Buffer.alloc(15)) }).toThrow(/not whole segments/)
    expect(() => { sums.add('source', pack([{ segment: 2, rows: 1, sum: 0n }])) }).toThrow(/no segment 2 of 2/)
    expect(() => { sums.add('target', pack([{ segment: -1, rows: 1, sum: 0n }])) }).toThrow(/no segment -1 of 2/)
    expect(countPackedRows(pack([{ segment: 0, rows: 3, sum: 0n }, { segment: 1, rows: 4, sum: 0n }]))).toBe(7)
  })
})

describe('weighted sums', () => {
  const places = 16
  interface Placed { segment: number; place: number; hash: bigint; chunk: number }
  const placed = fc.record({ segment: fc.nat({ max: 3 }), place: fc.nat({ max: places - 1 }), hash, chunk: fc.nat({ max: 2 }) })
  const addChunk = (sums: ReturnType<typeof createSegmentSums>, side: 'source' | 'target', list: readonly Placed[], more: MoreSums = {}) => {
    const segments = [3, 2, 1, 0].flatMap((segment) => (list.some((row) => row.segment === segment) ? [segment] : []))
    const own = (segment: number) => list.filter((row) => row.segment === segment)
    const weighted = Buffer.alloc(segments.length * 4)
    for (const [index, segment] of segments.entries()) {
      weighted.writeInt32BE(Number(BigInt.asIntN(32, own(segment).reduce((sum, row) => sum + (row.hash & BigInt(weightMask(places))) * BigInt(row.place), 0n))), index * 4)
    }
    sums.add(side, pack(segments.map((segment) => ({ segment, rows: own(segment).length, sum: own(segment).reduce((sum, row) => sum + row.hash, 0n) }))), { weighted, ...more })
  }

  test('tell the place of the only difference of a segment, however each side is cut into chunks', () => {
    fc.assert(fc.property(fc.array(placed, { maxLength: 30 }), placed, hash, (beside, one, other) => {
      fc.pre((one.hash - other) % 2n !== 0n)
      const sums = createSegmentSums(4, places)
      const [source, target] = [[...beside, one], [...beside, { ...one, hash: other }]]
      for (const chunk of [0, 1, 2]) addChunk(sums, 'source', source.filter((row) => row.chunk === chunk))
      addChunk(sums, 'target', target)
      const rows = source.filter(({ segment }) => segment === one.segment).length
      expect(sums.compare().suspicious).toEqual([{ segment: one.segment, sourceRows: rows, targetRows: rows, single: { place: one.place, difference: BigInt.asUintN(64, one.hash - other) } }])
    }))
  })

  const different = { segment: 1, place: 5, hash: 7n, chunk: 0 }

  test.each([
    { name: 'a chunk has none', more: { weighted: null } },
    { name: 'a chunk has more of them than sums', more: { weighted: Buffer.alloc(8) } },
    { name: 'rows of the segment may be others than were summed', more: { touched: Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]) } },
  ])('tell nothing where $name', ({ more }) => {
    const sums = createSegmentSums(4, places)
    addChunk(sums, 'source', [different])
    addChunk(sums, 'target', [{ ...different, hash: 8n }], more)
    expect(sums.compare().suspicious).toEqual([{ segment: 1, sourceRows: 1, targetRows: 1 }])
  })

  test('tell nothing where sums are not weighted', () => {
    const sums = createSegmentSums(4)
    addChunk(sums, 'source', [different])
    addChunk(sums, 'target', [{ ...different, hash: 8n }])
    expect(sums.compare().suspicious).toEqual([{ segment: 1, sourceRows: 1, targetRows: 1 }])
  })
})

describe('segments that are touched', () => {
  // a version is written once, by a transaction; later ones are newer than the sums
  const versions = fc.array(fc.record({ segment: fc.nat({ max: 3 }), stays: fc.boolean() }), { maxLength: 12 })
  const newer = fc.array(fc.nat({ max: 3 }), { maxLength: 4 })
  const counted = (list: readonly { segment: number; isNewer: boolean }[]) => pack([0, 1, 2, 3].flatMap((segment): Segment[] => {
    const own = list.filter((one) => one.segment === segment)
    return own.length === 0 ? [] : [{ segment, rows: own.length, sum: BigInt(own.filter(({ isNewer }) => isNewer).length) }]
  }))

  test('are all in which a version has come or gone, with their rows now, and no other', () => {
    fc.assert(fc.property(versions, newer, (before, added) => {
      const now = [...before.filter(({ stays }) => stays).map(({ segment }) => ({ segment, isNewer: false })), ...added.map((segment) => ({ segment, isNewer: true }))]
      const touched = touchedSegments(counted(before.map(({ segment }) => ({ segment, isNewer: false }))), counted(now))
      const found = Array.from({ length: touched.length / 8 }, (_, index) => [touched.readInt32BE(index * 8), touched.readInt32BE(index * 8 + 4)])
      const expected = [0, 1, 2, 3].filter((segment) => added.includes(segment) || before.some((one) => one.segment === segment && !one.stays))
      expect(found.sort()).toEqual(expected.map((segment) => [segment, now.filter((one) => one.segment === segment).length]))
      expect(countTouched(touched)).toEqual({ segments: expected.length, rows: found.reduce((sum, [, count]) => sum + count!, 0) })
    }))
  })

  test('are never called equal, and count with their rows now', () => {
    const sums = createSegmentSums(4)
    const touched = touchedSegments(pack([{ segment: 0, rows: 2, sum: 5n }, { segment: 1, rows: 1, sum: 7n }, { segment: 3, rows: 1, sum: 9n }]), pack([{ segment: 0, rows: 2, sum: 0n }, { segment: 1, rows: 4, sum: 1n }, { segment: 2, rows: 1, sum: 1n }]))
    sums.add('source', pack([{ segment: 0, rows: 2, sum: 5n }, { segment: 1, rows: 1, sum: 7n }, { segment: 3, rows: 1, sum: 9n }]), { touched })
    sums.add('target', pack([{ segment: 0, rows: 2, sum: 5n }, { segment: 1, rows: 1, sum: 7n }]))
    expect(sums.compare()).toEqual({ agreed: 2, audited: 0, contradicted: 0, changed: [], suspicious: [{ segment: 1, sourceRows: 4, targetRows: 1 }, { segment: 2, sourceRows: 1, targetRows: 0 }, { segment: 3, sourceRows: 0, targetRows: 0 }] })
    expect(() => { sums.add('source', pack([]), { touched: Buffer.alloc(7) }) }).toThrow(/not whole segments/)
  })
})

describe('segments that were equal before', () => {
  const before = pack([{ segment: 1, rows: 3, sum: 5n }])
  const [keys, newer] = [pack([{ segment: 1, rows: 3, sum: 11n }]), Buffer.alloc(0)]
  const touched = touchedSegments(before, pack([{ segment: 1, rows: 3, sum: 1n }]))
  const comparedWith = (more: MoreSums, target: MoreSums = { keys }, sum = 5n) => {
    const sums = createSegmentSums(2)
    sums.add('source', before, more)
    sums.add('target', pack([{ segment: 1, rows: 3, sum }]), target)
    return sums.compare()
  }

  test('are told apart with the XOR of their keys', () => {
    expect(comparedWith({ touched, keys, newer })).toMatchObject({ agreed: 0, changed: [{ segment: 1, sourceRows: 3, targetRows: 3, sourceKeys: 11n, targetKeys: 11n }], suspicious: [] })
  })

  test.each<[string, ReturnType<typeof comparedWith>]>([
    ['the kept sums did not agree', comparedWith({ touched, keys, newer }, { keys }, 6n)],
    ['the newer rows are not known', comparedWith({ touched, keys, newer: null })],
    ['the keys of one side are not known', comparedWith({ touched, keys, newer }, {})],
    ['the keys of a part are not known', comparedWith({ touched, keys: pack([{ segment: 1, rows: 2, sum: 11n }]), newer })],
  ])('are read again where %s', (_, { changed, suspicious }) => {
    expect([changed, suspicious.map(({ segment }) => segment)]).toEqual([[], [1]])
  })

  test('are read again where a side was read anew in part', () => {
    const sums = createSegmentSums(2)
    sums.add('source', before, { touched, keys, newer })
    sums.add('source', pack([{ segment: 0, rows: 1, sum: 1n }]), { keys: pack([{ segment: 0, rows: 1, sum: 2n }]) })
    sums.add('target', pack([{ segment: 0, rows: 1, sum: 1n }, { segment: 1, rows: 3, sum: 5n }]), { keys: pack([{ segment: 0, rows: 1, sum: 2n }, { segment: 1, rows: 3, sum: 11n }]) })
    expect(sums.compare()).toMatchObject({ agreed: 1, changed: [], suspicious: [{ segment: 1 }] })
  })

  test('hold equal rows beside the newer ones exactly where the other keys are the same', () => {
    const key = fc.record({ mixed: hash, at: fc.constantFrom('source', 'target', 'both', 'neither') })
    fc.assert(fc.property(fc.array(hash, { maxLength: 5 }), fc.array(key, { maxLength: 5 }), fc.option(hash), (others, list, lost) => {
      const found = list.map(({ mixed, at }) => ({ mixed, isAt: { source: at === 'source' || at === 'both', target: at === 'target' || at === 'both' } }))
      const total = (side: 'source' | 'target') => [...others, ...found.filter(({ isAt }) => isAt[side]).map(({ mixed }) => mixed)].reduce((whole, one) => whole ^ one, 0n)
      const [sourceRows, targetRows] = [others.length + found.filter(({ isAt }) => isAt.source).length, others.length + found.filter(({ isAt }) => isAt.target).length]
      const segment = { segment: 0, sourceRows, targetRows, sourceKeys: total('source'), targetKeys: total('target') }
      expect(equalBeside(segment, found)).toBe(others.length)
      expect(equalBeside(segment, null)).toBeNull()
      expect(equalBeside({ ...segment, sourceRows: sourceRows + 1 }, found)).toBeNull()
      if (lost !== null && lost !== 0n) expect(equalBeside({ ...segment, targetKeys: segment.targetKeys ^ lost }, found)).toBeNull()
    }))
  })

  test('have newer rows of 26 bytes', () => {
    const row = Buffer.alloc(26)
    row.writeInt32BE(3, 0)
    row.writeBigInt64BE(-5n, 4)
    row.writeBigInt64BE(7n, 12)
    row.writeUInt32BE(4_000_000_000, 20)
    row.writeUInt16BE(65_535, 24)
    expect([...newerRows(row)]).toEqual([{ segment: 3, key: '-5', mixed: 7n, address: '(4000000000,65535)' }])
    expect(countNewer(Buffer.concat([row, row]))).toBe(2)
  })
})
