import { describe, expect, test } from 'vitest'
import { uniformAccounting } from '../../src/core/accounting.js'
import { addColumns, bothSides, classPercents, countTableRows, countTables, coverageCounts, isUnaccounted, tableGaps, tablesOf, type ColumnCounts, type TableFigures } from '../../src/core/covered.js'

const table = (name: string, more: Partial<TableFigures> = {}): TableFigures => ({
  side: 'source', coverage: 'covered', entities: [name], claimedOnce: 10, claimedSeveral: 0, unclaimed: 0, ignoredRows: 0, schema: 'public', table: name, rows: 10, error: null, verdict: 'pass', ...more,
})
const unknown = { covered: null, ignored: null, uncovered: null, coveredPercent: null }

describe('coverage counts', () => {
  test('what is ignored stands outside the percentage', () => {
    expect(coverageCounts(2, 5, 1)).toEqual({ covered: 2, ignored: 5, uncovered: 1, coveredPercent: 66.66 })
    expect([coverageCounts(0, 5, 0).coveredPercent, coverageCounts(null, 0, 1).coveredPercent, coverageCounts(1, 0, null).coveredPercent]).toEqual([null, null, null])
  })

  test('a figure of both sides is asked of each', () => {
    expect(bothSides((side) => `of the ${side}`)).toEqual({ source: 'of the source', target: 'of the target' })
  })

  test('tables are counted by side and coverage; a side of which none is known is not counted', () => {
    const tables = [table('a'), table('b', { coverage: 'ignored' }), table('c', { coverage: 'uncovered' }), table('d')]
    expect(countTables(tables)).toEqual({ source: { covered: 2, ignored: 1, uncovered: 1, coveredPercent: 66.66 }, target: unknown })
    expect(countTables(tables.map((one) => ({ ...one, side: 'target' as const })))).toEqual({ source: unknown, target: { covered: 2, ignored: 1, uncovered: 1, coveredPercent: 66.66 } })
  })

  test('rows of tables are those that entities claim, those ignored, and those that nobody claims; one uncounted table hides the sum', () => {
    const tables = [table('a', { claimedOnce: 5, claimedSeveral: 3, unclaimed: 2 }), table('b', { coverage: 'ignored', claimedOnce: 0, ignoredRows: 7 }), table('c', { side: 'target', claimedOnce: 1, unclaimed: null })]
    expect(countTableRows(tables)).toEqual({ source: { covered: 8, ignored: 7, uncovered: 2, coveredPercent: 80 }, target: { covered: 1, ignored: 0, uncovered: null, coveredPercent: null } })
    expect(countTableRows([])).toEqual({ source: unknown, target: unknown })
  })

  test('columns are added over entities when those of each are known', () => {
    const columns: ColumnCounts[] = [
      { entity: 'a', side: 'source', covered: 3, ignored: 1, uncovered: 1 }, { entity: 'a', side: 'target', covered: 4, ignored: 0, uncovered: 0 },
      { entity: 'b', side: 'source', covered: 3, ignored: 2, uncovered: 1 }, { entity: 'c', side: 'source', covered: 100, ignored: 100, uncovered: 100 },
    ]
    expect(addColumns([{ name: 'a' }, { name: 'b' }], columns)).toEqual({ source: { covered: 6, ignored: 3, uncovered: 2, coveredPercent: 75 }, target: { covered: 4, ignored: 0, uncovered: 0, coveredPercent: 100 } })
    expect(addColumns([{ name: 'a' }, { name: 'never validated' }], columns)).toEqual({ source: unknown, target: unknown })
    expect(addColumns([], columns)).toEqual({ source: unknown, target: unknown })
  })
})

describe('tables', () => {
  test('of entities are those that one of them reads or fills', () => {
    const tables = [table('a', { entities: ['x', 'y'] }), table('b', { entities: ['z'] }), table('c', { entities: [] })]
    expect(tablesOf([{ name: 'y' }, { name: 'w' }], tables).map((one) => one.table)).toEqual(['a'])
  })

  test('are unaccounted for when uncovered, or covered with rows that nobody claims or that were not counted; never when ignored', () => {
    expect([['covered', 0], ['covered', 1], ['covered', null], ['uncovered', 0], ['uncovered', null], ['ignored', 0], ['ignored', 1], ['ignored', null]].map(([coverage, unclaimed]) => isUnaccounted({ coverage, unclaimed } as Parameters<typeof isUnaccounted>[0])))
      .toEqual([false, true, true, true, true, false, false, false])
  })

  test('that have gaps come with the uncounted first, then by their rows', () => {
    const tables = [table('few', { unclaimed: 1 }), table('none'), table('uncounted', { unclaimed: null }), table('many', { unclaimed: 9 }), table('left out', { coverage: 'uncovered', unclaimed: 4 }), table('uncounted too', { unclaimed: null })]
    expect(tableGaps(tables).map((one) => one.table)).toEqual(['uncounted', 'uncounted too', 'many', 'left out', 'few'])
  })
})

describe('classes as percentages', () => {
  test('are of the scope at the source, excluded rows of the total, and of the total at the target', () => {
    const zero = uniformAccounting(0)
    const percents = classPercents({ source: { ...zero.source, total: 4, excluded: 1, scope: 3, verified: 1, missing: 2 }, target: { ...zero.target, total: 8, matched: 1, extra: 7 } })
    expect(percents).toEqual({
      source: { excluded: 25, verified: 33.33, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 66.66, unverified: 0 },
      target: { matched: 12.5, duplicate: 0, generated: 0, pending: 0, extra: 87.5, unverified: 0 },
    })
  })
})
