import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addRows, addressesOfRows, bagOfBoth, countOfSuspect, isUniform, keyOfSuspect, keysOfRows, ownerOf, pairHashes, readSuspects, rowsOfSuspects, shortenSuspect, splitSuspects, type Suspects } from '../../src/core/pair-hashes.js'

interface Row { key: bigint; hash: bigint; page: number; line: number }

const pack = (rows: readonly Row[]): Buffer => Buffer.concat(rows.map(({ key, hash, page, line }) => {
  const bytes = Buffer.alloc(22)
  bytes.writeBigInt64BE(key, 0)
  bytes.writeBigInt64BE(hash, 8)
  bytes.writeUInt32BE(page, 16)
  bytes.writeUInt16BE(line, 20)
  return bytes
}))

/** What it must find, by a Map of all rows. */
function pairSimply(source: readonly Row[], target: readonly Row[]): { equal: number; suspects: ReturnType<typeof sorted> } {
  const groups = new Map<string, Record<'source' | 'target', Row[]>>()
  for (const [side, rows] of [['source', source], ['target', target]] as const) for (const row of rows) {
    const group = groups.get(String(row.key)) ?? { source: [], target: [] }
    groups.set(String(row.key), group)
    group[side].push(row)
  }
  const hashesOf = (rows: readonly Row[]) => rows.map(({ hash }) => String(hash)).sort()
  const bagOf = ({ source: left, target: right }: Record<'source' | 'target', Row[]>) => `${hashesOf(left).join()}|${hashesOf(right).join()}`
  const agree = [...groups].filter(([, group]) => hashesOf(group.source).join() === hashesOf(group.target).join())
  for (const [key] of agree) groups.delete(key)
  const seen = (side: 'source' | 'target') => {
    const held = [...groups].filter(([, group]) => group[side].length > 0)
    return { keys: held.map(([key]) => key), addresses: held.flatMap(([, group]) => group[side].map(({ page, line }) => `(${page},${line})`)) }
  }
  const absent = (side: 'source' | 'target') => [...groups].filter(([, group]) => group[side].length === 0).map(([key]) => key)
  return {
    equal: agree.reduce((sum, [, group]) => sum + group.source.length, 0),
    suspects: sorted({ bags: new Map([...groups].map(([key, group]) => [key, bagOf(group)])), seen: { source: seen('source'), target: seen('target') }, absent: { source: absent('source'), target: absent('target') } }),
  }
}

const sorted = ({ bags, seen, absent }: Suspects) => ({
  bags: [...bags].sort(), seen: [seen.source, seen.target].map(({ keys, addresses }) => [keys.toSorted(), addresses.toSorted()]), absent: [absent.source.toSorted(), absent.target.toSorted()],
})
const suspectsOf = (source: readonly Row[], target: readonly Row[]) => readSuspects(Buffer.concat(pairHashes(pack(source), pack(target)).suspects))

/** Few keys and fingerprints, so that they repeat, which differ in one half of their 64 bits or in both; keys that share their lowest bits, as those of one segment do. */
const halves = (highest: number, low: fc.Arbitrary<number>) => fc.tuple(fc.integer({ min: -1, max: highest }), low).map(([high, rest]) => (BigInt(high) << 32n) | BigInt(rest))
const keys = halves(1, fc.constantFrom(0, 65_536, 131_072, 0xffff0000))
const row = fc.record({ key: keys, hash: halves(0, fc.constantFrom(0, 1)), page: fc.nat({ max: 4_294_967_295 }), line: fc.nat({ max: 65_535 }) })

describe('pairHashes', () => {
  test('finds what a Map of all rows finds, whatever repeats', () => {
    fc.assert(fc.property(fc.array(row, { maxLength: 40 }), fc.array(row, { maxLength: 40 }), (source, target) => {
      const expected = pairSimply(source, target)
      expect(pairHashes(pack(source), pack(target)).equal).toBe(expected.equal)
      expect(sorted(suspectsOf(source, target))).toEqual(expected.suspects)
    }), { numRuns: 500 })
  })

  test('keys of which some rows may stand there twice are suspects whatever they hold', () => {
    fc.assert(fc.property(fc.array(row), fc.array(row), fc.uniqueArray(keys), (source, target, unsure) => {
      const plain = pairHashes(pack(source), pack(target))
      const found = pairHashes(pack(source), pack(target), new Set(unsure))
      const held = (side: readonly Row[]) => side.filter(({ key }) => unsure.includes(key))
      const suspects = readSuspects(Buffer.concat(found.suspects))
      expect([...held(source), ...held(target)].filter(({ key }) => !suspects.bags.has(String(key)))).toEqual([])
      const before = readSuspects(Buffer.concat(plain.suspects)).bags
      expect([...suspects.bags.keys()].filter((key) => !before.has(key) && !unsure.includes(BigInt(key)))).toEqual([])
      const rowsOf = (bags: ReadonlyMap<string, string>) => source.filter(({ key }) => bags.has(String(key))).length
      expect(found.equal + rowsOf(suspects.bags)).toBe(source.length)
    }))
  })

  test('pairs 100,000 rows of 1,000 keys that share 40 bits', () => {
    const rows = Array.from({ length: 100_000 }, (_, index): Row => ({ key: (BigInt(index % 1_000) << 40n) | 7n, hash: BigInt(index), page: index, line: 1 }))
    expect(pairHashes(pack(rows), pack(rows.toReversed()))).toEqual({ equal: 100_000, suspects: [] })
    expect([...suspectsOf(rows, rows.slice(1)).bags.keys()]).toEqual(['7'])
  })

  test('tells of each suspicious key by itself, also of one that a side does not hold', () => {
    const [one, other] = [{ key: 1n, hash: -1n, page: 5, line: 6 }, { key: 2n, hash: 9n, page: 7, line: 8 }]
    const { suspects } = pairHashes(pack([one]), pack([{ ...one, hash: 3n, page: 8 }, other]))
    expect(suspects).toHaveLength(2)
    expect(readSuspects(Buffer.concat(suspects))).toEqual({
      bags: new Map([['1', bagOfBoth({ source: ['-1'], target: ['3'] })], ['2', '|9']]),
      seen: { source: { keys: ['1'], addresses: ['(5,6)'] }, target: { keys: ['1', '2'], addresses: ['(8,6)', '(7,8)'] } }, absent: { source: ['2'], target: [] },
    })
    expect(bagOfBoth({ source: ['2', '10', '2'], target: [] })).toBe('10,2,2|')
  })

  test('packed suspects tell whose they are, and their rows', () => {
    const { suspects } = pairHashes(pack([{ key: -3n, hash: 1n, page: 1, line: 2 }, { key: -3n, hash: 2n, page: 3, line: 4 }, { key: 4n, hash: 1n, page: 4_294_967_295, line: 65_535 }]), pack([{ key: 4n, hash: 2n, page: 0, line: 1 }, { key: 5n, hash: 1n, page: 6, line: 7 }]))
    const told = new Map(splitSuspects(Buffer.concat(suspects)).map((suspect) => [keyOfSuspect(suspect), { owner: ownerOf(suspect), ...countOfSuspect(suspect), addresses: addressesOfRows(rowsOfSuspects([suspect])).sort() }]))
    expect(told).toEqual(new Map([
      ['4', { owner: null, source: 1, target: 1, addresses: ['(0,1)', '(4294967295,65535)'] }], ['5', { owner: 'target', source: 0, target: 1, addresses: ['(6,7)'] }], ['-3', { owner: 'source', source: 2, target: 0, addresses: ['(1,2)', '(3,4)'] }],
    ]))
    expect(keysOfRows(rowsOfSuspects(suspects)).sort()).toEqual(['-3', '-3', '4', '4', '5'])
  })

  test('refuses bytes that are not whole rows', () => {
    expect(() => pairHashes(Buffer.alloc(23), Buffer.alloc(0))).toThrow(/not whole rows/)
  })
})

test('rows are added once: the same row at the same address stands there already', () => {
  const [a, b, moved, c]: Row[] = [{ key: 1n, hash: 2n, page: 0, line: 1 }, { key: 2n, hash: 2n, page: 0, line: 2 }, { key: 2n, hash: 2n, page: 9, line: 1 }, { key: -1n, hash: 5n, page: 3, line: 1 }]
  expect(addRows(pack([a!, b!]), pack([b!, moved!, c!, c!]))).toEqual(pack([a!, b!, moved!, c!]))
  expect(addRows(pack([a!]), undefined)).toEqual(pack([a!]))
})

test('a suspect is uniform where one fingerprint is all that it has, and is shortened to the first rows of each side', () => {
  const rows = (hashes: bigint[], page: number): Row[] => hashes.map((hash, line) => ({ key: 7n, hash, page, line }))
  const [same] = pairHashes(pack(rows([5n, 5n, 5n], 1)), pack(rows([5n, 5n], 2))).suspects
  const [other] = pairHashes(pack(rows([5n, 5n, 6n], 1)), pack(rows([5n, 5n], 2))).suspects
  expect([isUniform(same!), isUniform(other!)]).toEqual([true, false])
  const shortened = shortenSuspect(same!, { source: 2, target: 1 })
  expect(countOfSuspect(shortened)).toEqual({ source: 2, target: 1 })
  const kept = addressesOfRows(rowsOfSuspects([shortened]))
  expect([kept.filter((address) => address.startsWith('(1,')).length, kept.filter((address) => address.startsWith('(2,')).length]).toEqual([2, 1])
  expect(countOfSuspect(shortenSuspect(same!, { source: 3, target: 0 }))).toEqual({ source: 3, target: 0 })
})
