import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addProfiles, constantCheckName, fillCheckName, findingsOf, judgeProfiles, tellProfile, type ChunkColumn, type ChunkProfile, type ColumnProfile, type SideProfile } from '../../src/core/profile.js'

const column = { name: 'v', mapped: true, pii: false }
const part = (more: Partial<ChunkColumn> = {}): ChunkColumn => ({ nonNull: 0, least: null, greatest: null, bitmap: null, candidate: null, candidateRows: 0, ...more })
const chunk = (rows: number, ...columns: ChunkColumn[]): ChunkProfile => ({ rows, names: columns.map((_, index) => `v${index}`), columns })
const sum = (...parts: ChunkColumn[]) => addProfiles([column], parts.map((one) => chunk(10, one)))[0]!

describe('profiles of chunks', () => {
  test('add up: rows, filled rows, and the rows of the value that is most frequent over all chunks', () => {
    const a = { hash: '1', text: 'a' }
    const b = { hash: '2', text: 'b' }
    expect(sum(part({ nonNull: 9, least: '1', greatest: '2', bitmap: '6', candidate: a, candidateRows: 5 }), part({ nonNull: 8, least: '2', greatest: '2', bitmap: '4', candidate: b, candidateRows: 8 }), part({ nonNull: 4, least: '1', greatest: '1', bitmap: '2', candidate: a, candidateRows: 4 })))
      .toEqual({ rows: 30, nonNull: 21, distinctAtLeast: 2, topRows: 9, topValue: 'a' })
    expect(sum(part({ nonNull: 9, least: '1', greatest: '2', bitmap: '6', candidate: a, candidateRows: 5 }), part({ nonNull: 8, least: '2', greatest: '2', bitmap: '4', candidate: b, candidateRows: 8 })).topValue).toBe('b')
  })

  test('count distinct values by the bits that their hashes set, two of them at least where the smallest is not the largest', () => {
    expect(sum(part({ nonNull: 9, least: '-9', greatest: '7', bitmap: '-1' })).distinctAtLeast).toBe(64)
    expect(sum(part({ nonNull: 9, least: '-9', greatest: '7', bitmap: '1' })).distinctAtLeast).toBe(2)
    expect(sum(part({ nonNull: 9, least: '7', greatest: '7', bitmap: '1' })).distinctAtLeast).toBe(1)
    expect(sum(part({ nonNull: 9, least: '7', greatest: '7', bitmap: '1' }), part({ nonNull: 9, least: '8', greatest: '8', bitmap: '1' })).distinctAtLeast).toBe(2)
    expect(sum(part({ nonNull: 9, least: '1', greatest: '2', bitmap: '5' }), part({ nonNull: 9, least: '1', greatest: '3', bitmap: '12' })).distinctAtLeast).toBe(3)
    expect(sum(part()).distinctAtLeast).toBe(0)
  })

  test('tell no value where none was found, none of a masked column, and nothing of one that holds nothing', () => {
    expect(sum(part({ nonNull: 3, least: '1', greatest: '1', bitmap: '1' }))).toMatchObject({ topRows: null, topValue: null })
    expect(sum(part())).toEqual({ rows: 10, nonNull: 0, distinctAtLeast: 0, topRows: 0, topValue: null })
    expect(addProfiles([{ ...column, pii: true }], [chunk(10, part({ nonNull: 3, candidate: { hash: '1', text: 'secret' }, candidateRows: 3 }))])[0]).toMatchObject({ topRows: 3, topValue: null })
    expect(addProfiles([column, column], [chunk(10, part({ nonNull: 1 }))])[1]).toEqual({ rows: 10, nonNull: 0, distinctAtLeast: 0, topRows: 0, topValue: null })
  })

  test('are the same however rows are cut into chunks', () => {
    const piece = fc.record({ nonNull: fc.nat({ max: 9 }), least: fc.bigInt({ min: -9n, max: 9n }).map(String), greatest: fc.bigInt({ min: -9n, max: 9n }).map(String), bitmap: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) })
    fc.assert(fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), (pieces) => {
      const there = sum(...pieces.map((one) => part(one)))
      expect(sum(...pieces.toReversed().map((one) => part(one)))).toEqual(there)
      expect([there.rows, there.nonNull]).toEqual([pieces.length * 10, pieces.reduce((all, { nonNull }) => all + nonNull, 0)])
    }))
  })
})

const holds = (more: Partial<SideProfile> = {}): SideProfile => ({ rows: 1000, nonNull: 1000, distinctAtLeast: 60, topRows: 20, topValue: 'x', ...more })
const profile = (source: Partial<SideProfile> | null, target: Partial<SideProfile>): ColumnProfile => ({ column: 'v', mapped: source !== null, source: source === null ? null : holds(source), target: holds(target) })
const found = (source: Partial<SideProfile> | null, target: Partial<SideProfile>) => findingsOf(profile(source, target))
const cluster = { topRows: 990 }

describe('findings', () => {
  test('a column is filled less or more when the share moves by more than a hundredth of the rows', () => {
    expect([found({}, {}), found({}, { nonNull: 990 }), found({}, { nonNull: 989 }), found({ nonNull: 989 }, {}), found({ nonNull: 990 }, {}), found({ nonNull: 500 }, { rows: 500, nonNull: 250 })]).toEqual([[], [], ['filled less'], ['filled more'], [], []])
  })

  test('it was never filled when the source has a value and the target none, however few', () => {
    expect([found({ nonNull: 1 }, { nonNull: 0, topRows: 0 }), found({ nonNull: 1000 }, { nonNull: 0, topRows: 0 }), found({ nonNull: 0, topRows: 0 }, { nonNull: 0, topRows: 0 })]).toEqual([['never filled'], ['never filled'], []])
  })

  test('nothing is told of how full an empty side is, nor of a column that only the target has', () => {
    expect([found({ rows: 0, nonNull: 0 }, {}), found({}, { rows: 0, nonNull: 0, topRows: 0 }), found(null, { nonNull: 3 })]).toEqual([[], [], []])
  })

  test('it is constant when one value fills 99 of 100 filled rows, at least 100, and the source is not so', () => {
    expect([found({}, cluster), found({}, { topRows: 989 }), found(cluster, cluster), found(null, cluster), found({}, { distinctAtLeast: 1, topRows: null }), found({}, { topRows: null })]).toEqual([['constant'], [], [], ['constant'], ['constant'], []])
    expect([found(null, { rows: 100, nonNull: 100, topRows: 100 }), found(null, { rows: 99, nonNull: 99, topRows: 99 }), found({ nonNull: 0, topRows: 0, distinctAtLeast: 0 }, cluster)]).toEqual([['constant'], [], ['filled more', 'constant']])
    expect(found({ rows: 0, nonNull: 0, topRows: 0 }, cluster)).toEqual(['constant'])
    expect(found({}, { nonNull: 500, topRows: 495 })).toEqual(['filled less', 'constant'])
  })

  test('a profile is told with its shares and findings', () => {
    expect(tellProfile(profile({ nonNull: 333 }, cluster))).toEqual({
      column: 'v', mapped: true, source: { ...holds({ nonNull: 333 }), filledPercent: 33.3 }, target: { ...holds(cluster), filledPercent: 100 }, findings: ['filled more', 'constant'],
    })
    expect(tellProfile(profile(null, {}))).toMatchObject({ source: null, findings: [] })
  })
})

describe('the checks of an entity', () => {
  const rows = { source: 1000, target: 1000 }

  test('warn of each column that is told, pass where none is', () => {
    const [fill, constant] = judgeProfiles([{ ...profile({}, { nonNull: 10, topRows: 10, topValue: null }), column: 'a' }, { ...profile({}, { nonNull: 500, topRows: 500 }), column: 'b' }, { ...profile({}, {}), column: 'c' }], rows)
    expect(fill).toEqual({
      name: fillCheckName, verdict: 'warn', rowsExamined: 2000, columns: ['a', 'b'],
      message: 'a is filled in 10 of 1000 rows of the target, in 1000 of 1000 rows of the source; b is filled in 500 of 1000 rows of the target, in 1000 of 1000 rows of the source',
    })
    expect(constant).toEqual({ name: constantCheckName, verdict: 'warn', rowsExamined: 2000, columns: ['b'], message: 'b has the value "x" in 100 % of its 500 filled rows, and the source at least 60 values' })
    expect(judgeProfiles([profile({}, {}), profile(null, {})], rows).map(({ verdict, columns, message }) => [verdict, columns, message])).toEqual([['pass', [], '1 mapped columns are as full on both sides'], ['pass', [], 'none of 2 columns holds one value alone where the source does not']])
  })

  test('tell a value that is hidden or was not found as one value, with the share that is proved', () => {
    const [, constant] = judgeProfiles([{ ...profile(null, { topRows: 995, topValue: null }), column: 'hidden' }, { ...profile(null, { nonNull: 700, distinctAtLeast: 1, topRows: null, topValue: null }), column: 'unfound' }], rows)
    expect(constant?.message).toBe('hidden has one value in 99.5 % of its 1000 filled rows, and the plan does not map it; unfound has one value in 100 % of its 700 filled rows, and the plan does not map it')
  })

  test('that examined nothing, or one side only, warn and say so', () => {
    const told = (source: number, target: number) => judgeProfiles([], { source, target }).map(({ verdict, message, rowsExamined }) => [verdict, message, rowsExamined])
    expect(told(0, 0)).toEqual([['warn', '0 rows were examined', 0], ['warn', '0 rows were examined', 0]])
    expect([told(5, 0)[0], told(0, 5)[0]]).toEqual([['warn', 'the rows of one side only were examined', 5], ['warn', 'the rows of one side only were examined', 5]])
  })
})
