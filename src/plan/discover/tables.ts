import type { ForeignKey } from '../../core/integrity-expressions.js'
import type { ColumnInfo, RelationInfo, Side } from '../../core/catalog.js'
import { columnTokens, coreOf, similarity, tokensOf } from './names.js'

/** One row of a sample: the canonical text of each column in the order of the relation; null is NULL, or a column that cannot be read as text. */
export type Row = readonly (string | null)[]

/** A table with what was read of it. */
export interface SampledTable {
  side: Side
  relation: RelationInfo
  /** the words of its name, prefixes left out */
  tokens: string[]
  rows: Row[]
  /** rows in the table: counted up to a limit, estimated beyond it */
  count: { rows: number; isExact: boolean }
  foreignKeys: ForeignKey[]
  /** why it is left out: it could not be read, or is a copy; or null */
  unread: string | null
}

export const labelOf = ({ relation }: Pick<SampledTable, 'relation'>): string => (relation.schema === 'public' ? relation.name : `${relation.schema}.${relation.name}`)
export const keyOf = (table: { schema: string; name: string }): string => JSON.stringify([table.schema, table.name])
export const placeOf = ({ relation }: SampledTable, column: string): number => relation.columns.findIndex(({ name }) => name === column)

export function columnOf({ relation }: SampledTable, name: string): ColumnInfo | undefined {
  return relation.columns.find((column) => column.name === name)
}

/** How near two columns' names are, the words of their tables left out where that brings them nearer. */
export function columnSimilarity(source: SampledTable, from: string, target: SampledTable, to: string): number {
  const [left, right] = [tokensOf(from), tokensOf(to)]
  const whole = similarity(left, right)
  const [own, other] = [columnTokens(from, source.tokens), columnTokens(to, target.tokens)]
  return own === left && other === right ? whole : Math.max(whole, similarity(own, other) - 0.02)
}

export interface TableCandidate {
  source: SampledTable
  target: SampledTable
  /** 0 to 1 */
  name: number
  /** share of columns whose names have one core, weighted by how rare they are */
  columns: number
  /** 0 to 1: names, columns and values that both samples hold */
  structure: number
}

const perTable = 4
const leastStructure = 0.2

/**
 * Pairs worth a closer look: for each table the few that are most alike in name and columns, or whose samples hold the same rare texts.
 * Table names and columns weigh alike; the smaller table's share of columns counts for more, since tables are merged and split.
 */
export function tableCandidates(sources: readonly SampledTable[], targets: readonly SampledTable[]): TableCandidate[] {
  const rarity = columnRarity([...sources, ...targets])
  const texts = new Map(targets.map((target) => [target, rareTexts(target)]))
  const all: TableCandidate[] = []
  for (const source of sources) {
    const own = rareTexts(source)
    for (const target of targets) {
      const name = similarity(source.tokens, target.tokens)
      const columns = sharedColumns(source, target, rarity)
      const shared = [...own].filter((text) => texts.get(target)?.has(text)).length
      const structure = 0.45 * name + 0.45 * columns + 0.1 * Math.min(1, shared / 20) + (shared >= 20 ? 0.1 : 0)
      if (structure >= leastStructure) all.push({ source, target, name, columns, structure: Math.min(1, structure) })
    }
  }
  const order = (left: TableCandidate, right: TableCandidate) => right.structure - left.structure || compareText(labelOf(left.source), labelOf(right.source)) || compareText(labelOf(left.target), labelOf(right.target))
  const sorted = all.sort(order)
  const chosen = new Set<TableCandidate>()
  for (const table of [...sources, ...targets]) for (const one of sorted.filter(({ source, target }) => source === table || target === table).slice(0, perTable)) chosen.add(one)
  return sorted.filter((one) => chosen.has(one))
}

export const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

/** Weight of a core: 1 when one table has it, less the more tables do. */
function columnRarity(tables: readonly SampledTable[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { relation } of tables) for (const core of new Set(relation.columns.map(({ name }) => coreOf(name)))) counts.set(core, (counts.get(core) ?? 0) + 1)
  return new Map([...counts].map(([core, count]) => [core, 1 / Math.log2(1 + count)]))
}

function sharedColumns(source: SampledTable, target: SampledTable, rarity: ReadonlyMap<string, number>): number {
  const cores = ({ relation }: SampledTable) => new Set(relation.columns.map(({ name }) => coreOf(name)))
  const [left, right] = [cores(source), cores(target)]
  const weigh = (set: Iterable<string>) => [...set].reduce((sum, core) => sum + (rarity.get(core) ?? 1), 0)
  const shared = weigh([...left].filter((core) => right.has(core)))
  const [small, large] = [weigh(left), weigh(right)].sort((one, other) => one - other)
  return small === undefined || large === undefined || small === 0 ? 0 : 0.7 * shared / small + 0.3 * shared / large
}

/** Texts of a sample that are unlikely to stand in another table by chance: six characters or more with a letter, each in one row of fifty at most. */
function rareTexts({ rows, relation }: SampledTable): Set<string> {
  const counts = new Map<string, number>()
  for (const [place, column] of relation.columns.entries()) {
    if (!['text', 'varchar', 'bpchar', 'citext'].includes(column.type.base)) continue
    for (const row of rows) {
      const value = row[place]
      if (value !== null && value !== undefined && value.length >= 6 && /\p{L}/u.test(value)) counts.set(value.toLowerCase(), (counts.get(value.toLowerCase()) ?? 0) + 1)
    }
  }
  const most = Math.max(1, rows.length / 50)
  return new Set([...counts].filter(([, count]) => count <= most).map(([text]) => text))
}
