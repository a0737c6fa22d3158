import type { TypeInfo } from '../../core/catalog.js'
import { quoteIdentifier, quoteLiteral, quoteRelation } from '../../core/identifier.js'
import { readLiteral } from '../cast.js'
import { compareRows, type RowEvidence, type RowPair } from './evidence.js'
import { cellOf, cellsOf, type Answer, type SideReader } from './read.js'
import type { FoundMap, MapTable, Route, Share, StoredMap } from './routes.js'
import { columnOf, compareText, placeOf, type Row, type SampledTable } from './tables.js'

/** Rows of two tables that a route brings together. */
export interface Alignment {
  route: Route
  pairs: RowPair[]
  /** source rows that have a key */
  keyed: number
  /** of them, those whose target row was found */
  matched: number
  /** rows of the target that the keys of one source row share, told apart by this value */
  share: Share | null
  evidence: RowEvidence
}

/** Pairs of rows that a choice between routes looks at. */
const quickPairs = 150
const mostTargetRows = 5_000

const typeOf = (table: SampledTable, column: string): TypeInfo => {
  const found = columnOf(table, column)
  if (found === undefined) throw new Error(`${table.relation.name} has no column ${column}`)
  return found.type
}

const predicate = (share: Share | null, alias: string): string => (share === null ? '' : ` and (${alias}.${quoteIdentifier(share.column)})::text = ${quoteLiteral(share.value)}`)

/** Reads the target rows of the sampled source rows. @returns null when it cannot be read, with no row, or when no value of the source is a key of the target */
export async function align(target: SideReader, source: SampledTable, to: SampledTable, route: Route, lookUp: LookUp): Promise<Alignment | null> {
  const keys: { row: Row; values: string[] }[] = []
  const natural = new Map<number, Map<string, string[]>>()
  for (const [index, { from, map }] of route.legs.entries()) {
    const values = source.rows.flatMap((row) => row[placeOf(source, from)] ?? [])
    if (map?.kind === 'natural') natural.set(index, await lookUp(map, values))
  }
  for (const row of source.rows) {
    const values = route.legs.map(({ from, to: column, map }, index) => {
      const raw = row[placeOf(source, from)] ?? null
      if (raw === null) return null
      if (map?.kind === 'natural') return natural.get(index)?.get(raw)?.[0] ?? null
      return readLiteral(map === null ? typeOf(to, column) : typeOf(map.table, map.legacy), raw) === null ? null : raw
    })
    if (!values.includes(null)) keys.push({ row, values: values as string[] })
  }
  if (keys.length === 0) return null
  const answer = await readByKeys(target, to, route, keys.map(({ values }) => values))
  if ('unread' in answer || answer.rows.length === 0) return null
  const groups = new Map<number, Row[]>()
  for (const [order, ...cells] of answer.rows) {
    const group = groups.get(Number(order)) ?? []
    group.push(cells)
    groups.set(Number(order), group)
  }
  const found = [...groups].flatMap(([order, rows]) => {
    const key = keys[order - 1]
    return key === undefined ? [] : [{ source: key.row, rows: rows.sort((left, right) => compareText(JSON.stringify(left), JSON.stringify(right))) }]
  })
  const several = found.filter(({ rows }) => rows.length > 1).length
  const compare = (pairs: RowPair[]) => comparePairs(source, to, route, pairs)
  const plain = { route, keyed: keys.length, share: null }
  const all = found.flatMap(({ source: own, rows }) => (rows[0] === undefined ? [] : [{ source: own, target: rows[0] }]))
  const whole: Alignment = { ...plain, pairs: all, matched: all.length, evidence: compare(all) }
  if (several <= found.length * 0.02) return whole
  const shares = sharesOf(to, route, found.flatMap(({ rows }) => rows)).map((share): Alignment => {
    const place = placeOf(to, share.column)
    const pairs = found.flatMap(({ source: own, rows }) => {
      const row = rows.find((one) => one[place] === share.value)
      return row === undefined ? [] : [{ source: own, target: row }]
    })
    return { ...plain, share, pairs, matched: pairs.length, evidence: compare(pairs) }
  })
  return shares.reduce((best, one) => (one.evidence.weight > best.evidence.weight + 0.3 ? one : best), whole)
}

export function comparePairs(source: SampledTable, target: SampledTable, { legs }: Route, pairs: readonly RowPair[], most = quickPairs): RowEvidence {
  const bases = ({ relation }: SampledTable) => relation.columns.map(({ type }) => (type.kind === 'e' ? 'text' : type.base))
  return compareRows(pairs.slice(0, most), bases(source), bases(target), { source: legs.map(({ from }) => placeOf(source, from)), target: legs.map(({ to }) => placeOf(target, to)) })
}

async function readByKeys(target: SideReader, to: SampledTable, { legs }: Route, keys: string[][]): Promise<Answer> {
  const columns = legs.map(({ to: column, map }) => (map?.kind === 'stored' ? typeOf(map.table, map.legacy) : typeOf(to, column)).name)
  const given = `unnest(${columns.map((type, index) => `$${index + 1}::text[]::${type}[]`).join(', ')}) with ordinality k (${columns.map((_, index) => `k${index + 1}`).join(', ')}, place)`
  const joins = legs.flatMap(({ map }, index) => (map?.kind === 'stored' ? ` join ${quoteRelation(map.table.relation)} m${index + 1} on m${index + 1}.${quoteIdentifier(map.legacy)} = k.k${index + 1}${predicate(map.where, `m${index + 1}`)}` : ''))
  const equal = legs.map(({ to: column, map }, index) => `t.${quoteIdentifier(column)} = ${map?.kind === 'stored' ? `m${index + 1}.${quoteIdentifier(map.modern)}` : `k.k${index + 1}`}`)
  const statement = `select k.place::text, ${cellsOf(to.relation, 't')} from ${given}${joins.join('')} join ${quoteRelation(to.relation)} t on ${equal.join(' and ')} order by k.place limit ${mostTargetRows}`
  return target.ask(statement, columns.map((_, index) => keys.map((values) => values[index] ?? null)))
}

const fewShares = 12

/** Values that may tell whose a row is: of columns beside the key with a few values. */
function sharesOf(target: SampledTable, { legs }: Route, rows: readonly Row[]): Share[] {
  return target.relation.columns.flatMap(({ name, type }, place) => {
    if (legs.some(({ to }) => to === name) || !(type.kind === 'e' || ['text', 'varchar', 'bpchar', 'int2', 'int4', 'bool'].includes(type.base))) return []
    const values = new Set(rows.flatMap((row) => row[place] ?? []))
    return values.size < 2 || values.size > fewShares ? [] : [...values].sort(compareText).map((value) => ({ column: name, value }))
  })
}

export type LookUp = (map: FoundMap, legacy: readonly string[]) => Promise<Map<string, string[]>>

/** Legacy keys → modern keys, as canonical texts, by a key map; keys that it does not know are left out. Each map and key is asked once. */
export function createLookUp(source: SideReader, target: SideReader): LookUp {
  const known = new Map<string, Map<string, string[]>>()
  return async (map, legacy) => {
    const name = JSON.stringify(map.kind === 'stored' ? [map.table.relation.schema, map.table.relation.name, map.legacy, map.modern, map.where] : [map.source.table.relation.name, map.source.key, map.source.natural, map.target.table.relation.name, map.target.natural])
    const of = known.get(name) ?? new Map<string, string[]>()
    known.set(name, of)
    const wanted = [...new Set(legacy)].filter((key) => !of.has(key)).slice(0, mostTargetRows)
    for (const key of wanted) of.set(key, [])
    const add = (pairs: Iterable<readonly [string | null | undefined, string | null | undefined]>) => { for (const [key, modern] of pairs) if (typeof key === 'string' && typeof modern === 'string') of.set(key, [...(of.get(key) ?? []), modern]) }
    if (wanted.length > 0) add(map.kind === 'stored' ? await readStored(target, map, wanted) : await readNatural(source, target, map, wanted))
    return of
  }
}

async function readStored(target: SideReader, { table, legacy, modern, where }: StoredMap, keys: string[]): Promise<[string | null, string | null][]> {
  const column = columnOf(table, modern)
  if (column === undefined) return []
  return askPairs(target, table, typeOf(table, legacy), `k.key`, cellOf(column, 't'), legacy, keys, predicate(where, 't'))
}

async function readNatural(source: SideReader, target: SideReader, map: FoundMap & { kind: 'natural' }, keys: string[]): Promise<[string, string][]> {
  const [natural, key] = [columnOf(map.source.table, map.source.natural), columnOf(map.target.table, map.target.key)]
  if (natural === undefined || key === undefined) return []
  const values = await askPairs(source, map.source.table, typeOf(map.source.table, map.source.key), 'k.key', cellOf(natural, 't'), map.source.key, keys, '')
  const there = values.flatMap(([, value]) => value ?? [])
  const moderns = new Map((await askPairs(target, map.target.table, typeOf(map.target.table, map.target.natural), 'k.key', cellOf(key, 't'), map.target.natural, there, '')).map(([value, modern]) => [value, modern]))
  return values.flatMap(([legacy, value]): [string, string][] => {
    const modern = moderns.get(value)
    return legacy === null || modern === null || modern === undefined ? [] : [[legacy, modern]]
  })
}

/** [given key, value] of the rows whose column is one of the keys. */
async function askPairs(reader: SideReader, table: SampledTable, type: TypeInfo, key: string, value: string, column: string, keys: readonly string[], where: string): Promise<[string | null, string | null][]> {
  const sound = keys.filter((one) => readLiteral(type, one) !== null)
  if (sound.length === 0) return []
  const answer = await reader.ask(
    `select ${key}, ${value} from (select key, key::${type.name} as typed from unnest($1::text[]) key) k join ${quoteRelation(table.relation)} t on t.${quoteIdentifier(column)} = k.typed${where} order by 1, 2`, [sound])
  return 'unread' in answer ? [] : answer.rows.map(([legacy, found]) => [legacy ?? null, found ?? null])
}

/** The key maps that hold keys of a table's sample, the fullest first, three of each map table at most. */
export async function mapsThatReach(target: SideReader, table: SampledTable, key: string, mapTables: readonly MapTable[]): Promise<StoredMap[]> {
  const type = typeOf(table, key)
  const place = placeOf(table, key)
  const keys = table.rows.flatMap((row) => row[place] ?? []).slice(0, 200)
  if (keys.length === 0) return []
  const found: { map: StoredMap; rows: number }[] = []
  for (const { table: mapTable, legacy, modern, discriminator } of mapTables) {
    if (mapTable === table || modern.type.base !== type.base) continue
    const share = discriminator === null ? 'null::text' : `(m.${quoteIdentifier(discriminator)})::text`
    const answer = await target.ask(
      `select ${share}, count(*)::text from unnest($1::text[]::${type.name}[]) k join ${quoteRelation(mapTable.relation)} m on m.${quoteIdentifier(modern.name)} = k group by 1 order by count(*) desc, 1 limit 3`, [keys])
    if ('unread' in answer) continue
    for (const [value, rows] of answer.rows) {
      if (discriminator !== null && value === null) continue
      const where = discriminator === null || value === undefined || value === null ? null : { column: discriminator, value }
      if (Number(rows) >= keys.length * 0.1) found.push({ map: { kind: 'stored', table: mapTable, legacy: legacy.name, modern: modern.name, where }, rows: Number(rows) })
    }
  }
  return found.sort((left, right) => right.rows - left.rows).map(({ map }) => map)
}
