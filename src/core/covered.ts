import { addCounts, floorPercent, sourceClasses, targetClasses } from './accounting.js'
import type { Accounting, Count, SourceClass, TargetClass, Verdict } from './accounting.js'
import type { Side } from './catalog.js'

/** How many of something are covered; ignored ones are signed off with a reason and stand outside the percentage. */
export interface CoverageCounts {
  covered: Count
  ignored: Count
  uncovered: Count
  /** covered / (covered + uncovered) */
  coveredPercent: number | null
}

/** What becomes of a table and of its rows, as one job saw it. */
export interface TableClaims {
  side: Side
  coverage: 'covered' | 'ignored' | 'uncovered'
  /** entities that read from it or arrive in it */
  entities: string[]
  claimedOnce: Count
  claimedSeveral: Count
  unclaimed: Count
  ignoredRows: Count
}

/** A table with its name and all figures. */
export interface TableFigures extends TableClaims {
  schema: string
  table: string
  rows: Count
  error: string | null
  verdict: Verdict
}

/** Columns of one entity and side by coverage; compared and only read ones are covered. */
export interface ColumnCounts {
  entity: string
  side: Side
  covered: number
  ignored: number
  uncovered: number
}

export function bothSides<T>(make: (side: Side) => T): Record<Side, T> {
  return { source: make('source'), target: make('target') }
}

export function coverageCounts(covered: Count, ignored: Count, uncovered: Count): CoverageCounts {
  return { covered, ignored, uncovered, coveredPercent: floorPercent(covered, addCounts(covered, uncovered)) }
}

const notCounted = coverageCounts(null, null, null)

/** Tables of each side by coverage; null where none is known. */
export function countTables(tables: readonly TableClaims[]): Record<Side, CoverageCounts> {
  return bothSides((side) => {
    const own = tables.filter((table) => table.side === side)
    const of = (coverage: TableClaims['coverage']) => own.filter((table) => table.coverage === coverage).length
    return own.length === 0 ? notCounted : coverageCounts(of('covered'), of('ignored'), of('uncovered'))
  })
}

/** Rows of each side's tables: claimed by one entity or several, ignored with their table, claimed by none; null where one was not counted, or none is known. */
export function countTableRows(tables: readonly TableClaims[]): Record<Side, CoverageCounts> {
  return bothSides((side) => {
    const own = tables.filter((table) => table.side === side)
    if (own.length === 0) return notCounted
    return coverageCounts(
      addCounts(...own.flatMap(({ claimedOnce, claimedSeveral }) => [claimedOnce, claimedSeveral])),
      addCounts(...own.map(({ ignoredRows }) => ignoredRows)),
      addCounts(...own.map(({ unclaimed }) => unclaimed)),
    )
  })
}

/** Columns of these entities by coverage; null unless those of each are known. */
export function addColumns(entities: readonly { name: string }[], columns: readonly ColumnCounts[]): Record<Side, CoverageCounts> {
  const names = new Set(entities.map(({ name }) => name))
  const known = columns.filter(({ entity }) => names.has(entity))
  if (names.size === 0 || new Set(known.map(({ entity }) => entity)).size < names.size) return bothSides(() => notCounted)
  return bothSides((side) => {
    const own = known.filter((column) => column.side === side)
    const sum = (coverage: 'covered' | 'ignored' | 'uncovered') => addCounts(...own.map((column) => column[coverage]))
    return coverageCounts(sum('covered'), sum('ignored'), sum('uncovered'))
  })
}

/** The tables that these entities read from or arrive in. */
export function tablesOf<T extends TableClaims>(entities: readonly { name: string }[], tables: readonly T[]): T[] {
  const names = new Set(entities.map(({ name }) => name))
  return tables.filter((table) => table.entities.some((entity) => names.has(entity)))
}

/** Whether nothing accounts for some of a table's rows: it is uncovered, partly claimed, or could not be counted. */
export function isUnaccounted({ coverage, unclaimed }: Pick<TableClaims, 'coverage' | 'unclaimed'>): boolean {
  return coverage === 'uncovered' || (coverage === 'covered' && unclaimed !== 0)
}

/** Tables with rows that nothing accounts for; those without a count first, then by such rows. */
export function tableGaps(tables: readonly TableFigures[]): TableFigures[] {
  const weight = ({ unclaimed }: TableFigures) => unclaimed ?? Infinity
  return tables
    .filter(isUnaccounted)
    .sort((left, right) => (weight(left) === weight(right) ? 0 : weight(right) - weight(left)))
}

export interface ClassPercents {
  source: { excluded: number | null } & Record<SourceClass, number | null>
  target: Record<TargetClass, number | null>
}

/**
 * Each class as a percentage, floored to two decimals like every other: of the scope at the source (excluded rows of the total), of the total at the target. A class with rows may show 0:
 * the accounting has the rows.
 */
export function classPercents({ source, target }: Accounting): ClassPercents {
  const share = <K extends string>(names: readonly K[], counts: Record<K, Count>, whole: Count) => Object.fromEntries(names.map((name) => [name, floorPercent(counts[name], whole)])) as Record<K, number | null>
  return {
    source: { excluded: floorPercent(source.excluded, source.total), ...share(sourceClasses, source, source.scope) },
    target: share(targetClasses, target, target.total),
  }
}
