import { canonicalOf, canonicalText, canonicalValue } from '../../core/canonical.js'
import type { Catalog, ColumnInfo, RelationInfo, Side } from '../../core/catalog.js'
import { quoteIdentifier, quoteRelation } from '../../core/identifier.js'
import { readCatalog } from '../../db/catalog.js'
import type { Db } from '../../db/clients.js'
import { foreignKeyOf, foreignKeysStatement } from '../../db/foreign-keys.js'
import { reasonCodeOf, sqlstateOf } from '../../db/sqlstate.js'
import { commonPrefix, tableTokens } from './names.js'
import { keyOf, type Row, type SampledTable } from './tables.js'

/** How much is read at most. */
export interface ReadLimits {
  /** rows of a sample; fewer of wide tables, so that `cells` holds */
  rows: number
  /** values of a sample */
  cells: number
  /** rows that are counted; a larger table is estimated, and its sample is taken of some of its pages */
  counted: number
  /** statements on each side, the catalogue's left out */
  statements: number
}

export const readLimits: ReadLimits = { rows: 1_000, cells: 40_000, counted: 20_000, statements: 10_000 }

/** Longer values are told by their hash. */
const longestValue = 400

export type Answer = { rows: Row[] } | { unread: string }

/** Reads from one side, within the limits. What the server refuses or cannot do in time is an answer, a lost connection is an error. */
export interface SideReader {
  side: Side
  catalog: Catalog
  tables: SampledTable[]
  limits: ReadLimits
  ask(statement: string, parameters?: (string | null)[][]): Promise<Answer>
  /** statements so far */
  asked(): number
}

/** Reads the catalogue, the foreign keys and a sample of each table of one side: the catalogue's statements, one, and two for each table. */
export async function openSide(sql: Db, side: Side, limits: ReadLimits = readLimits): Promise<SideReader> {
  const catalog = await readCatalog(sql, side)
  const foreignKeys = (await sql.unsafe<Record<string, string | null>[]>(foreignKeysStatement('true'))).map(foreignKeyOf)
  let asked = 0
  const ask = async (statement: string, parameters: (string | null)[][] = []): Promise<Answer> => {
    if (asked >= limits.statements) return { unread: `the limit of ${limits.statements} statements is used up` }
    asked += 1
    try {
      return { rows: await sql.unsafe<Record<string, never>[]>(statement, parameters as never[]).values() as unknown as Row[] }
    } catch (error) {
      return { unread: whyUnread(error, side) }
    }
  }
  const relations = catalog.relations.filter(({ kind, parent }) => parent === null && kind !== 'view' && kind !== 'materialized view')
  const prefix = commonPrefix(relations.map(({ name }) => name))
  const tables: SampledTable[] = []
  for (const relation of relations) {
    const keys = foreignKeys.filter((key) => key.schema === relation.schema && key.table === relation.name)
    const table: SampledTable = { side, relation, tokens: tableTokens(relation.name, prefix), rows: [], count: { rows: 0, isExact: false }, foreignKeys: keys, unread: whyUnreadable(relation) }
    if (table.unread === null) await readSample(table, catalog, ask, limits)
    tables.push(table)
  }
  return { side, catalog, tables, limits, ask, asked: () => asked }
}

function whyUnreadable({ selectable, rowSecurity, columns }: RelationInfo): string | null {
  if (!selectable) return 'the connected role may not read all of it: grant it select on the table and usage on its schema'
  if (rowSecurity) return 'row-level security hides rows from the connected role: give the role bypassrls'
  return columns.length === 0 ? 'it has no column' : null
}

/** @throws the error itself when it says nothing of the statement: a connection that is gone, a defect of ours */
function whyUnread(error: unknown, side: Side): string {
  const reason = reasonCodeOf(error, side)
  const isValue = sqlstateOf(error)?.startsWith('22') === true
  if (!isValue && (reason === null || reason === 'SOURCE_UNAVAILABLE' || reason === 'TARGET_UNAVAILABLE')) throw error
  // messages of the server may quote values
  if (reason === 'TIMEOUT') return 'it could not be read in time'
  return `the server refuses to read it (SQLSTATE ${sqlstateOf(error) ?? 'unknown'})`
}

/** The canonical text of each column, in the order of the relation; a type without one gives NULL. */
export function cellsOf({ columns }: RelationInfo, alias: string): string {
  return columns.map((column) => cellOf(column, alias)).join(', ')
}

/** The canonical text of one column; a value too long to look at is told by its hash. */
export function cellOf({ name, type }: ColumnInfo, alias: string): string {
  const choice = canonicalOf(type)
  if ('refused' in choice) return 'null::text'
  const text = canonicalText(canonicalValue(choice.kind, type.name, `${alias}.${quoteIdentifier(name)}`))
  return ['int2', 'int4', 'int8', 'bool', 'uuid', 'date', 'timestamp', 'timestamptz', 'float4', 'float8'].includes(type.base) ? text : `case when octet_length(${text}) <= ${longestValue} then ${text} else 'md5:' || md5(${text}) end`
}

const sampleSize = ({ columns }: RelationInfo, { rows, cells }: ReadLimits): number => Math.max(20, Math.min(rows, Math.floor(cells / columns.length)))

/** The rows of least hash: spread over the whole table, and the same at each reading. */
async function readSample(table: SampledTable, catalog: Catalog, ask: SideReader['ask'], limits: ReadLimits): Promise<void> {
  const { relation } = table
  const name = quoteRelation(relation)
  const counted = await ask(`select count(*)::text from (select from ${name} limit ${limits.counted + 1}) rows`)
  if ('unread' in counted) {
    table.unread = counted.unread
    return
  }
  const least = Number(counted.rows[0]?.[0])
  const { pages, estimate } = sizeOf(catalog, relation)
  table.count = least <= limits.counted ? { rows: least, isExact: true } : { rows: Math.max(least, estimate), isExact: false }
  // some 5,000 rows of the pages, or a tenth of them where nobody knows how many rows a page holds
  const percent = Math.min(100, Math.max(0.001, estimate > 0 ? 500_000 / estimate : 1_000 / Math.max(1, pages / 100)))
  const part = table.count.isExact || relation.kind === 'foreign table' ? '' : ` tablesample system (${percent.toFixed(4)}) repeatable (1)`
  const key = relation.primaryKey.length > 0 ? relation.primaryKey : relation.columns.slice(0, 32).map((column) => column.name)
  const hash = `hashtextextended(concat_ws('|', ${key.map((column) => `coalesce((t.${quoteIdentifier(column)})::text, '~')`).join(', ')}), 0)`
  const statement = (from: string) => `select ${cellsOf(relation, 't')} from (select * from ${from} limit ${limits.counted}) t order by ${hash} limit ${sampleSize(relation, limits)}`
  const sample = await ask(statement(`${name}${part}`))
  if ('unread' in sample) table.unread = sample.unread
  else table.rows = sample.rows
}

/** Pages and the planner's estimate of the relation with all its parts. */
function sizeOf(catalog: Catalog, relation: RelationInfo): { pages: number; estimate: number } {
  const children = catalog.relations.filter(({ parent }) => parent !== null && keyOf(parent) === keyOf(relation)).map((child) => sizeOf(catalog, child))
  const own = relation.kind === 'partitioned table' ? 0 : Math.max(0, relation.estimatedRows)
  return { pages: relation.pages + children.reduce((sum, { pages }) => sum + pages, 0), estimate: own + children.reduce((sum, { estimate }) => sum + estimate, 0) }
}
