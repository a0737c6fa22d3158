import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { confirmGuesses, guessPlace, keysAtPlace, weightMask, type PlacedRows } from '../../src/core/single-difference.js'

const hash = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const rowsOf = (places: number) => fc.array(fc.record({ place: fc.nat({ max: places - 1 }), hash }), { maxLength: 20 })
type Row = { place: number; hash: bigint }

const sumsOf = (list: readonly Row[], places: number) => ({ sum: list.reduce((sum, one) => sum + one.hash, 0n), weighted: list.reduce((sum, one) => sum + (one.hash & BigInt(weightMask(places))) * BigInt(one.place), 0n) })
const guess = (source: readonly Row[], target: readonly Row[], places = 16) => {
  const [from, to] = [sumsOf(source, places), sumsOf(target, places)]
  return guessPlace(BigInt.asUintN(64, from.sum - to.sum), Number(BigInt.asIntN(32, from.weighted - to.weighted)), places)
}

describe('the place of the only difference', () => {
  test.each([1, 2, 16, 64])('of %i is told by the sums, whatever lies beside it: a row of one side alone, or of both with other values', (places) => {
    fc.assert(fc.property(rowsOf(places), fc.nat({ max: places - 1 }), hash, hash, (beside, place, one, other) => {
      fc.pre((one - other) % 2n !== 0n && one % 2n !== 0n)
      expect(guess([...beside, { place, hash: one }], [...beside, { place, hash: other }], places)).toEqual({ place, difference: BigInt.asUintN(64, one - other) })
      expect(guess([...beside, { place, hash: one }], beside, places)?.place).toBe(place)
      expect(guess(beside, [...beside, { place, hash: one }], places)?.place).toBe(place)
    }))
  })

  test.each([1, 2, 16, 64])('the weights of %i are an int4', (places) => {
    expect([(places - 1) * weightMask(places) < 2 ** 31, places * (weightMask(places) + 1)]).toEqual([true, 2 ** 31])
  })

  test('is not told where the difference is a multiple of so great a power of two that several places account for it', () => {
    expect(guess([{ place: 3, hash: 2n ** 23n }], [])).toEqual({ place: 3, difference: 2n ** 23n })
    expect(guess([{ place: 3, hash: 2n ** 24n }], [])).toBeNull()
    expect(guess([{ place: 0, hash: 2n ** 40n }], [])).toBeNull()
  })

  test('two differences name no place, as a rule', () => {
    expect(guess([{ place: 3, hash: 12_345n }, { place: 9, hash: 777n }], [])).toBeNull()
  })

  test('of a neighbourhood of one key is that one', () => {
    expect(guessPlace(5n, 0, 1)).toEqual({ place: 0, difference: 5n })
  })

  test('there is none where sums have no places', () => {
    expect(guessPlace(5n, 0, 0)).toBeNull()
  })
})

describe('keys at a place of a segment', () => {
  const division = { segments: 4, neighbours: 16 }
  const all = (least: bigint, greatest: bigint) => Array.from({ length: Number(greatest - least) + 1 }, (_, index) => least + BigInt(index))

  test('are those whose last bits say so, from the least to the greatest key, negative ones too', () => {
    fc.assert(fc.property(fc.bigInt({ min: -200n, max: 200n }), fc.bigInt({ min: 0n, max: 200n }), fc.nat({ max: 3 }), fc.nat({ max: 15 }), (least, more, segment, place) => {
      const wanted = all(least, least + more).filter((key) => (key & 15n) === BigInt(place) && ((key >> 4n) & 3n) === BigInt(segment))
      expect(keysAtPlace(segment, place, division, { least, greatest: least + more })).toEqual(wanted.map(String))
    }))
  })
})

describe('a guess', () => {
  const pack = (list: { segment: number; key: bigint; hash: bigint }[]): PlacedRows => {
    const [segments, packed] = [Buffer.alloc(list.length * 4), Buffer.alloc(list.length * 22)]
    for (const [row, one] of list.entries()) {
      segments.writeInt32BE(one.segment, row * 4)
      packed.writeBigInt64BE(one.key, row * 22)
      packed.writeBigInt64BE(one.hash, row * 22 + 8)
    }
    return { segments, rows: packed }
  }
  const guessed = { segment: 2, sourceRows: 10, targetRows: 10, single: { place: 3, difference: 7n } }
  const at = (side: bigint) => ({ segment: 2, key: 99n, hash: side })

  test('is right where the rows of the key account for the whole difference; the others are equal', () => {
    const source = pack([{ ...at(1n), segment: 1 }, at(-3n)])
    const target = pack([at(-10n)])
    expect(confirmGuesses([guessed], { source, target })).toEqual({ equal: 9, found: { source: source.rows.subarray(22), target: target.rows }, left: [] })
  })

  test('of a row that one side alone has is right where it has one more', () => {
    const source = pack([at(7n)])
    expect(confirmGuesses([{ ...guessed, targetRows: 9 }], { source, target: pack([]) })).toEqual({ equal: 9, found: { source: source.rows, target: Buffer.alloc(0) }, left: [] })
  })

  test('of a row that is all that its segment holds is right', () => {
    const source = pack([at(7n)])
    expect(confirmGuesses([{ ...guessed, sourceRows: 1, targetRows: 0 }], { source, target: pack([]) })).toEqual({ equal: 0, found: { source: source.rows, target: Buffer.alloc(0) }, left: [] })
  })

  test('of several rows under one key is right where all are found', () => {
    const [source, target] = [pack([at(4n), at(5n)]), pack([at(2n)])]
    expect(confirmGuesses([{ ...guessed, targetRows: 9 }], { source, target })).toMatchObject({ equal: 8, left: [] })
  })

  test('is wrong where they do not, differ in number, or are more than were seen: nothing is called equal, and nothing found', () => {
    const wrong = (one: typeof guessed, source: PlacedRows, target: PlacedRows) => {
      expect(confirmGuesses([one], { source, target })).toEqual({ equal: 0, found: { source: Buffer.alloc(0), target: Buffer.alloc(0) }, left: [one] })
    }
    wrong(guessed, pack([at(5n)]), pack([at(5n)]))
    wrong(guessed, pack([at(8n)]), pack([at(2n)]))
    wrong(guessed, pack([at(7n)]), pack([]))
    wrong(guessed, pack([]), pack([]))
    wrong({ ...guessed, sourceRows: 1, targetRows: 1 }, pack([at(4n), at(5n)]), pack([at(1n), at(1n)]))
    // 2^32 apart: all 64 bits count
    wrong(guessed, pack([at(2n ** 32n + 9n)]), pack([at(2n)]))
  })
})
