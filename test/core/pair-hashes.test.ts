import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bagOf, pairHashes, type Suspect } from '../../src/core/pair-hashes.js'

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
function pairSimply(source: readonly Row[], target: readonly Row[]): { equal: number; suspects: Map<string, Suspect> } {
  const groups = new Map<string, Suspect>()
  for (const [side, rows] of [['source', source], ['target', target]] as const) for (const { key, hash, page, line } of rows) {
    const group = groups.get(String(key)) ?? { source: [], target: [] }
    groups.set(String(key), group)
    group[side].push({ hash: String(hash), address: `(${page},${line})` })
  }
  const agree = [...groups].filter(([, group]) => bagOf(group.source) === bagOf(group.target))
  for (const [key] of agree) groups.delete(key)
  return { equal: agree.reduce((sum, [, group]) => sum + group.source.length, 0), suspects: groups }
}

const sorted = (suspects: Map<string, Suspect>) => [...suspects].map(([key, { source, target }]) => [key, ...[source, target].map((rows) => rows.map(({ hash, address }) => `${hash} ${address}`).sort())]).sort()

/** Few keys and fingerprints, so that they repeat, which differ in one half of their 64 bits or in both; keys that share their lowest bits, as those of one segment do. */
const halves = (highest: number, low: fc.Arbitrary<number>) => fc.tuple(fc.integer({ min: -1, max: highest }), low).map(([high, rest]) => (BigInt(high) << 32n) | BigInt(rest))
const row = fc.record({ key: halves(1, fc.constantFrom(0, 65_536, 131_072, 0xffff0000)), hash: halves(0, fc.constantFrom(0, 1)), page: fc.nat({ max: 4_294_967_295 }), line: fc.nat({ max: 65_535 }) })

describe('pairHashes', () => {
  test('finds what a Map of all rows finds, whatever repeats', () => {
    fc.assert(fc.property(fc.array(row, { maxLength: 40 }), fc.array(row, { maxLength: 40 }), (source, target) => {
      const [found, expected] = [pairHashes(pack(source), pack(target)), pairSimply(source, target)]
      expect(found.equal).toBe(expected.equal)
      expect(sorted(found.suspects)).toEqual(sorted(expected.suspects))
    }), { numRuns: 500 })
  })

  test('pairs 100,000 rows of 1,000 keys that share 40 bits', () => {
    const rows = Array.from({ length: 100_000 }, (_, index): Row => ({ key: (BigInt(index % 1_000) << 40n) | 7n, hash: BigInt(index), page: index, line: 1 }))
    expect(pairHashes(pack(rows), pack(rows.toReversed()))).toEqual({ equal: 100_000, suspects: new Map() })
    expect([...pairHashes(pack(rows), pack(rows.slice(1))).suspects.keys()]).toEqual(['7'])
  })

  test('refuses bytes that are not whole rows', () => {
    expect(() => pairHashes(Buffer.alloc(23), Buffer.alloc(0))).toThrow(/not whole rows/)
  })
})
