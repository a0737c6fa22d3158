import { chooseCanonical, chooseKeyKind } from '../../core/canonical.js'
import type { ColumnInfo } from '../../core/catalog.js'
import { isLegacyName, isModernName, similarity, tokensOf } from './names.js'
import { columnOf, columnSimilarity, compareText, labelOf, placeOf, type SampledTable } from './tables.js'

/** One value of a column that tells which rows of a shared table are meant. */
export interface Share {
  column: string
  value: string
}

/** A stored key map as it was found. */
export interface StoredMap {
  kind: 'stored'
  table: SampledTable
  legacy: string
  modern: string
  where: Share | null
}

/** Keys of two tables that share a natural value. */
export interface NaturalMap {
  kind: 'natural'
  source: { table: SampledTable; key: string; natural: string }
  target: { table: SampledTable; key: string; natural: string }
}

export type FoundMap = StoredMap | NaturalMap

export interface Leg {
  from: string
  to: string
  /** null: the values are the same on both sides */
  map: FoundMap | null
}

/** A way from a source row to its target row. */
export interface Route {
  legs: Leg[]
}

/** A table of the target that may hold key maps. */
export interface MapTable {
  table: SampledTable
  legacy: ColumnInfo
  modern: ColumnInfo
  /** tells whose keys a row holds, or null */
  discriminator: string | null
}

const mapWords = new Set(['map', 'mapping', 'xref', 'crosswalk', 'migration', 'legacy', 'translation', 'keymap', 'idmap'])
const keyTypes = ['int2', 'int4', 'int8', 'numeric', 'uuid', 'text', 'varchar', 'bpchar']
const widestMap = 12

const isKeyLike = (column: ColumnInfo): boolean => keyTypes.includes(column.type.base)

/** Tables with a column of legacy keys and one of modern keys, told by their names; in a table that is called a map also by type, integers before uuids. */
export function findMapTables(targets: readonly SampledTable[]): MapTable[] {
  return targets.flatMap((table): MapTable[] => {
    const { columns } = table.relation
    if (table.unread !== null || columns.length > widestMap) return []
    const keys = columns.filter(isKeyLike)
    const isCalledMap = table.relation.name.split(/[^A-Za-z]+/).concat(tokensOf(table.relation.name)).some((word) => mapWords.has(word.toLowerCase()))
    const legacy = keys.filter(({ name }) => isLegacyName(name) && !isModernName(name))
    const modern = keys.filter(({ name }) => isModernName(name) && !isLegacyName(name))
    const ids = keys.filter(({ name }) => !isLegacyName(name) && /id$|uuid|key/i.test(name))
    const hasBoth = ids.some(({ type }) => type.base === 'uuid') && ids.some(({ type }) => type.base !== 'uuid')
    const left = legacy[0] ?? (isCalledMap && (modern.length > 0 || hasBoth) ? ids.find(({ name, type }) => !isModernName(name) && (modern.length > 0 || type.base !== 'uuid')) : undefined)
    const right = modern[0] ?? (isCalledMap && left !== undefined ? (ids.find(({ name, type }) => name !== left.name && type.base === 'uuid') ?? ids.find(({ name }) => name !== left.name)) : undefined)
    if (left === undefined || right === undefined || left.name === right.name || (modern.length === 0 && !isCalledMap)) return []
    const isWord = (name: string) => tokensOf(name).some((word) => ['type', 'entity', 'table', 'kind', 'object', 'model', 'class', 'domain'].includes(word))
    const others = columns.filter((column) => column.name !== left.name && column.name !== right.name && (['text', 'varchar', 'bpchar', 'int2', 'int4'].includes(column.type.base) || column.type.kind === 'e'))
    const few = others.filter(({ name }) => isWord(name) && new Set(table.rows.map((row) => row[placeOf(table, name)])).size <= Math.max(60, table.rows.length / 3))
    return [{ table, legacy: left, modern: right, discriminator: few[0]?.name ?? null }]
  })
}

/** The one column of the primary key, or null. */
export const singleKey = ({ relation }: SampledTable): string | null => (relation.primaryKey.length === 1 ? (relation.primaryKey[0] ?? null) : null)

const isComparable = (source: ColumnInfo, target: ColumnInfo): boolean => {
  const choice = chooseCanonical(source.type, target.type, { zone: null })
  return !('refused' in choice) && choice.kind.decideAs === null
}

const mostDirect = 4

/** Columns of a table without any key that hold another value in each row of the sample; the order of the table, `id`, numbers and codes first. */
function uniqueInSample({ relation, rows }: SampledTable): string[] {
  const isCalledKey = (name: string) => tokensOf(name).some((word) => ['id', 'key', 'code', 'number', 'uuid'].includes(word))
  const found = relation.columns.filter((column, place) => isKeyLike(column) && rows.length >= 3 && rows.every((row) => row[place] !== null) && new Set(rows.map((row) => row[place])).size === rows.length)
  return found.map(({ name }) => name).sort((left, right) => Number(isCalledKey(right)) - Number(isCalledKey(left)))
}

/** No constraint of either side keeps the key unique. */
export function isUnguarded(source: SampledTable, target: SampledTable, { legs }: Route): boolean {
  const isUnique = ({ relation }: SampledTable, columns: string[]) => relation.uniqueKeys.some((key) => key.every((column) => columns.includes(column)))
  return !isUnique(source, legs.map(({ from }) => from)) && !isUnique(target, legs.map(({ to }) => to))
}

/** Ways through one column: through the key maps that hold keys of the target table, and between two columns that may hold the same key. */
export function singleRoutes(source: SampledTable, target: SampledTable, maps: readonly StoredMap[]): Route[] {
  const own = singleKey(source)
  const modern = singleKey(target)
  const uniques = (table: SampledTable) => table.relation.uniqueKeys.flatMap((columns) => (columns.length === 1 ? (columns[0] ?? []) : []))
  const declared = [...new Set([...(own === null ? [] : [own]), ...uniques(source)])]
  const sourceKeys = (declared.length > 0 || source.relation.primaryKey.length > 0 ? declared : uniqueInSample(source)).slice(0, 4)
  const targetKeys = new Set(uniques(target))
  const stored = own === null || modern === null ? [] : maps.filter((map) => canLookUp(source, own, map)).map((map): Route => ({ legs: [{ from: own, to: modern, map }] }))
  const direct = sourceKeys.flatMap((from) => target.relation.columns.flatMap((column) => {
    const left = columnOf(source, from)
    if (left === undefined || !isKeyLike(left) || !isComparable(left, column)) return []
    const near = columnSimilarity(source, from, target, column.name)
    const isLegacy = from === own && isLegacyName(column.name)
    const areKeys = from === own && column.name === modern
    if (!areKeys && !isLegacy && !(targetKeys.has(column.name) && near >= 0.5) && near < 0.95) return []
    return [{ route: { legs: [{ from, to: column.name, map: null }] }, worth: near + (targetKeys.has(column.name) ? 0.5 : 0) + (isLegacy ? 0.4 : 0) + (areKeys ? 0.3 : 0) }]
  }))
  direct.sort((left, right) => right.worth - left.worth || compareText(left.route.legs[0]?.to ?? '', right.route.legs[0]?.to ?? ''))
  return [...stored, ...direct.slice(0, mostDirect).map(({ route }): Route => route)]
}

export function canLookUp(source: SampledTable, from: string, map: FoundMap): boolean {
  const left = columnOf(source, from)
  const right = map.kind === 'stored' ? columnOf(map.table, map.legacy) : columnOf(map.source.table, map.source.key)
  return left !== undefined && right !== undefined && isKeyLike(left) && !('refused' in chooseKeyKind(left.type, right.type))
}

/** The tables that a target column leads to: by its foreign key; without one, those whose single key has its type and whose name it bears. */
export function parentsOf(target: SampledTable, column: string, targets: readonly SampledTable[]): SampledTable[] {
  const declared = target.foreignKeys.filter(({ columns }) => columns.length === 1 && columns[0] === column)
  const found = targets.filter(({ relation }) => declared.some((key) => key.refSchema === relation.schema && key.refTable === relation.name && key.refColumns[0] === relation.primaryKey[0]))
  if (declared.length > 0) return found
  const type = columnOf(target, column)?.type.base
  const words = tokensOf(column).filter((word) => word !== 'id' && word !== 'uuid')
  return targets.filter((table) => {
    const key = singleKey(table)
    return table !== target && key !== null && words.length > 0 && columnOf(table, key)?.type.base === type && similarity(words, table.tokens) >= 0.9
  })
}

/**
 * The way through a key of several columns: each column of the target's key takes the column of the source's key that is nearest in name, through the key map of the table that it leads
 * to where that table's keys have changed.
 */
export function compositeRoute(source: SampledTable, target: SampledTable, mapsOf: (column: string) => FoundMap[]): Route | null {
  const wide = (table: SampledTable) => [table.relation.primaryKey, ...table.relation.uniqueKeys].find((columns) => columns.length > 1) ?? []
  const [own, modern] = [wide(source), wide(target)]
  const width = Math.max(own.length, modern.length)
  if (width === 0 || width > 4) return null
  const names = (table: SampledTable) => table.relation.columns.map(({ name }) => name)
  const [froms, tos] = [own.length > 0 ? own : names(source), modern.length > 0 ? modern : names(target)]
  if (own.length > 0 && modern.length > 0 && own.length !== modern.length) return null
  const options = tos.flatMap((to) => froms.flatMap((from) => {
    const [left, right] = [columnOf(source, from), columnOf(target, to)]
    if (left === undefined || right === undefined || !isKeyLike(left)) return []
    const map = mapsOf(to).find((one) => canLookUp(source, from, one)) ?? null
    if (map === null && !isComparable(left, right)) return []
    return [{ leg: { from, to, map }, near: columnSimilarity(source, from, target, to) }]
  })).sort((left, right) => right.near - left.near || compareText(left.leg.to, right.leg.to))
  const legs: Leg[] = []
  for (const { leg, near } of options) {
    if (legs.length < width && near >= (own.length > 0 && modern.length > 0 ? 0 : 0.8) && !legs.some(({ from, to }) => from === leg.from || to === leg.to)) legs.push(leg)
  }
  return legs.length === width ? { legs: legs.sort((left, right) => placeOf(target, left.to) - placeOf(target, right.to)) } : null
}

/** `id → id through migration_mappings (entity_type = patient)`. */
export function describeRoute({ legs }: Route): string {
  return legs.map(({ from, to, map }) => `${from} → ${to}${map === null ? '' : map.kind === 'natural' ? ` by ${map.source.natural}` : ` through ${labelOf(map.table)}${map.where === null ? '' : ` (${map.where.column} = ${map.where.value})`}`}`).join(', ')
}
