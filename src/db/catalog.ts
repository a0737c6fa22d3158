import type { Catalog, ColumnInfo, RelationInfo, RelationKind, ServerInfo, Side, TypeInfo } from '../core/catalog.js'
import { quoteIdentifier, quoteRelation } from '../core/identifier.js'
import { groupBy } from '../core/lists.js'
import type { Db } from './clients.js'

/** Schemas of this service, whose tables are nobody's data. */
export const ownSchemas = ['migration_coverage', 'pgboss']

const kinds: Record<string, RelationKind> = { r: 'table', p: 'partitioned table', v: 'view', m: 'materialized view', f: 'foreign table' }

/**
 * Reads what the plan is checked against: the server's settings and every user relation with columns, types, keys, size and what the
 * connected role may see of it. Five statements, each value cast to text, so that pinned and ordinary clients give the same.
 * Works from PostgreSQL 12 on.
 */
export async function readCatalog(sql: Db, side: Side): Promise<Catalog> {
  const server = await readServer(sql)
  const relations = await readRelations(sql)
  const columns = await readColumns(sql)
  const indexes = await readIndexes(sql)
  const types = await readTypes(sql, [...new Set(columns.map(({ type }) => type))])
  const columnsOf = groupBy(columns, ({ relation }) => relation)
  const indexesOf = groupBy(indexes, ({ relation }) => relation)
  return {
    side, server,
    relations: relations.map((row) => assembleRelation(row, columnsOf.get(row.oid) ?? [], indexesOf.get(row.oid) ?? [], types, server.blockSize)),
  }
}

async function readServer(sql: Db): Promise<ServerInfo> {
  // to_jsonb, because the columns that name the locale changed their names in 15 and 17
  const [row] = await sql<{ version: string; encoding: string; database: string; blockSize: string; collate: string; ctype: string; provider: string; locale: string }[]>`
    select current_setting('server_version_num')::text as version, current_setting('server_encoding')::text as encoding, d.datname::text as database,
      current_setting('block_size')::text as "blockSize", d.datcollate::text as collate, d.datctype::text as ctype,
      coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c')::text as provider,
      coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale', '')::text as locale
    from pg_catalog.pg_database d
    where d.datname = current_database()`
  if (row === undefined) throw new Error('the connected database is not in pg_database')
  const libc = row.collate === row.ctype ? row.collate : `${row.collate}/${row.ctype}`
  const collation = row.provider === 'c' ? libc : `${row.provider === 'i' ? 'icu' : 'builtin'}:${row.locale}`
  return { version: Number(row.version), encoding: row.encoding, collation, database: row.database, blockSize: Number(row.blockSize) }
}

interface RelationRow {
  oid: string
  schema: string
  name: string
  kind: string
  estimatedRows: string
  bytes: string
  hasChildren: string
  parentSchema: string | null
  parentName: string | null
  selectable: string
  rowSecurity: string
}

/** Relations whose size would have to wait: somebody holds or awaits a lock that keeps out readers. */
const lockedRelations = `array(
  select l.relation from pg_catalog.pg_locks l join pg_catalog.pg_database d on d.oid = l.database
  where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and d.datname = current_database())`

/** The relations of users. Conditions stand in each statement, because a snapshot of the catalogue is not shared between them. */
const userRelations = (sql: Db) => sql`
  c.relkind in ('r', 'p', 'v', 'm', 'f') and left(n.nspname, 3) <> 'pg_' and n.nspname <> 'information_schema' and n.nspname <> all (${ownSchemas}::text[])`

async function readRelations(sql: Db): Promise<RelationRow[]> {
  // what the planner remembers does for a size that only says how to cut; statistics may hold any number
  // the address of a row, which a pass reads of a table, is no column that a grant on columns covers
  // row_security_active follows ownership, bypassrls and force, and answers without raising under row_security = off
  return sql<RelationRow[]>`
    select c.oid::text as oid, n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind, (case when c.reltuples between 0 and 1e15 then c.reltuples else -1 end)::text as "estimatedRows",
      (case when c.relkind not in ('r', 'm') then 0 when c.oid = any (${sql.unsafe(lockedRelations)}) then c.relpages * current_setting('block_size')::int8
        else coalesce(pg_relation_size(c.oid, 'main'), 0) end)::text as bytes,
      exists (select from pg_catalog.pg_inherits i where i.inhparent = c.oid)::text as "hasChildren",
      p.schema::text as "parentSchema", p.name::text as "parentName",
      (has_schema_privilege(n.oid, 'USAGE') and (has_table_privilege(c.oid, 'SELECT') or c.relkind <> 'r' and not exists (
        select from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and not has_column_privilege(c.oid, a.attnum, 'SELECT'))))::text as selectable,
      (c.relkind in ('r', 'p') and row_security_active(c.oid))::text as "rowSecurity"
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    left join lateral (
      select pn.nspname as schema, pc.relname as name
      from pg_catalog.pg_inherits i
      join pg_catalog.pg_class pc on pc.oid = i.inhparent
      join pg_catalog.pg_namespace pn on pn.oid = pc.relnamespace
      where i.inhrelid = c.oid
      order by i.inhseqno
      limit 1) p on true
    where ${userRelations(sql)}
    order by n.nspname, c.relname`
}

interface ColumnRow {
  relation: string
  number: string
  name: string
  type: string
  notNull: string
  generated: string
  identity: string
  hasDefault: string
}

async function readColumns(sql: Db): Promise<ColumnRow[]> {
  // from 18 on attnotnull is also set while the constraint is not yet validated
  return sql<ColumnRow[]>`
    select a.attrelid::text as relation, a.attnum::text as number, a.attname::text as name, a.atttypid::oid::text as type,
      (a.attnotnull and not exists (
        select from pg_catalog.pg_constraint k
        where k.conrelid = a.attrelid and k.contype = 'n' and not k.convalidated and a.attnum = any (k.conkey)))::text as "notNull",
      (a.attgenerated <> '')::text as generated, (a.attidentity <> '')::text as identity, a.atthasdef::text as "hasDefault"
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where a.attnum > 0 and not a.attisdropped and ${userRelations(sql)}
    order by a.attrelid, a.attnum`
}

interface IndexRow {
  relation: string
  primary: string
  keys: string
  keyCount: string
}

async function readIndexes(sql: Db): Promise<IndexRow[]> {
  return sql<IndexRow[]>`
    select i.indrelid::text as relation, i.indisprimary::text as primary, i.indkey::text as keys, i.indnkeyatts::text as "keyCount"
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and ${userRelations(sql)}
    order by i.indrelid, i.indisprimary desc, i.indexrelid`
}

interface TypeRow {
  oid: string
  schema: string
  name: string
  kind: string
  base: string
  element: string
  writtenBy: string | null
  known: string
}

/** Types by oid, domains followed, with the element type of arrays and the subtype of ranges. */
async function readTypes(sql: Db, oids: string[]): Promise<Map<string, TypeInfo>> {
  // typlen -1 tells an array from the fixed-size types that can be subscripted too, such as name and point; what initdb made has an oid below 16384
  const rows = await sql<TypeRow[]>`
    with recursive span as materialized (
      select rngtypid as type, rngsubtype as subtype from pg_catalog.pg_range
      union all
      select (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::oid, rngsubtype from pg_catalog.pg_range r where pg_catalog.to_jsonb(r) ->> 'rngmultitypid' is not null
    ), wanted as (
      select t.oid from pg_catalog.pg_type t where t.oid = any (${oids}::text[]::oid[])
      union
      select next.oid
      from wanted w
      join pg_catalog.pg_type t on t.oid = w.oid
      left join span on span.type = t.oid
      cross join lateral (values (t.typbasetype), (case when t.typlen = -1 then t.typelem end), (span.subtype)) next (oid)
      where next.oid <> 0
    )
    select t.oid::text as oid, n.nspname::text as schema, t.typname::text as name, t.typtype::text as kind, t.typbasetype::oid::text as base,
      coalesce(span.subtype, case when t.typlen = -1 then t.typelem else 0 end)::oid::text as element,
      (select c.castfunc::regprocedure::text from pg_catalog.pg_cast c
      where c.castsource = t.oid and c.casttarget = 'text'::regtype and c.castfunc >= 16384
        and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_cast'::regclass and d.objid = c.oid and d.deptype = 'e')) as "writtenBy",
      (n.nspname = 'pg_catalog' or t.typname in ('citext', 'hstore') and exists (
        select from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
        where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e' and e.extname = t.typname))::text as known
    from wanted w
    join pg_catalog.pg_type t on t.oid = w.oid
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join span on span.type = t.oid`
  const casts = await readCasts(sql)
  const byOid = new Map(rows.map((row) => [row.oid, row]))
  const build = (oid: string): TypeInfo => {
    const row = byOid.get(oid)
    if (row === undefined) throw new Error(`type ${oid} is not in pg_type`)
    if (row.kind === 'd') return build(row.base)
    const name = nameForCasts(row)
    return { name, base: row.known === 'true' ? row.name : name, kind: row.kind as TypeInfo['kind'], element: row.element === '0' ? null : build(row.element), ...(row.writtenBy === null ? {} : { writtenBy: row.writtenBy }), ...(casts.size === 0 ? {} : { casts }) }
  }
  return new Map(oids.filter((oid) => byOid.has(oid)).map((oid) => [oid, build(oid)]))
}

function nameForCasts({ schema, name }: { schema: string; name: string }): string {
  // unquoted, `char` and `bit` are the standard's types of length 1
  const plain = schema === 'pg_catalog' && /^[a-z_][a-z0-9_]*$/.test(name) && name !== 'char' && name !== 'bit'
  return plain ? name : schema === 'pg_catalog' ? quoteIdentifier(name) : quoteRelation({ schema, name })
}

/** Users' functions that are casts where the server itself would go by the text, as `TypeInfo` has them. Of those that an extension brings nothing is read. */
async function readCasts(sql: Db): Promise<Map<string, string>> {
  const rows = await sql<Record<'fromSchema' | 'fromName' | 'toSchema' | 'toName' | 'by', string>[]>`
    select fn.nspname::text as "fromSchema", f.typname::text as "fromName", tn.nspname::text as "toSchema", t.typname::text as "toName", c.castfunc::regprocedure::text as by
    from pg_catalog.pg_cast c
    join pg_catalog.pg_type f on f.oid = c.castsource
    join pg_catalog.pg_namespace fn on fn.oid = f.typnamespace
    join pg_catalog.pg_type t on t.oid = c.casttarget
    join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
    where c.castfunc >= 16384 and ('text'::regtype in (f.oid, t.oid) or f.typcategory = 'A' and t.typcategory = 'A')
      and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_cast'::regclass and d.objid = c.oid and d.deptype = 'e')`
  return new Map(rows.map(({ fromSchema, fromName, toSchema, toName, by }) => [`${nameForCasts({ schema: fromSchema, name: fromName })} ${nameForCasts({ schema: toSchema, name: toName })}`, by]))
}

function assembleRelation(row: RelationRow, columnRows: ColumnRow[], indexRows: IndexRow[], types: Map<string, TypeInfo>, blockSize: number): RelationInfo {
  const columns = columnRows.flatMap((column): ColumnInfo[] => {
    const type = types.get(column.type)
    if (type === undefined) return [] // the table was altered between two statements
    return [{
      name: column.name, type, notNull: column.notNull === 'true', generated: column.generated === 'true', identity: column.identity === 'true', hasDefault: column.hasDefault === 'true',
    }]
  })
  const nameOf = new Map(columnRows.map(({ number, name }) => [number, name]))
  const keys = indexRows.map((index) => ({
    primary: index.primary === 'true',
    columns: index.keys.split(' ').slice(0, Number(index.keyCount)).flatMap((number) => nameOf.get(number) ?? []),
  }))
  return {
    schema: row.schema, name: row.name, kind: kinds[row.kind] ?? 'table', columns,
    primaryKey: keys.find(({ primary }) => primary)?.columns ?? [], uniqueKeys: keys.map((key) => key.columns),
    estimatedRows: Number(row.estimatedRows), pages: Math.ceil(Number(row.bytes) / blockSize), hasChildren: row.hasChildren === 'true',
    parent: row.parentSchema === null || row.parentName === null ? null : { schema: row.parentSchema, name: row.parentName },
    selectable: row.selectable === 'true', rowSecurity: row.rowSecurity === 'true',
  }
}

/** The type of an expression, or why the server refuses it. */
export type Description = { type: TypeInfo } | { error: string }

/**
 * Has the server parse and plan each expression over one row of the relation, without running any of them.
 * The text must have passed `readFragment` before: planning evaluates constants.
 * Refused is also what needs more than one row (aggregates, window functions, sets) and what the role may not read.
 */
export async function describeExpressions(sql: Db, relation: string, aliasAndJoins: string, expressions: string[]): Promise<Description[]> {
  const found: ({ oid: string } | { error: string })[] = []
  for (const expression of expressions) found.push(await describeExpression(sql, `${relation} ${aliasAndJoins}\n`, expression))
  const types = await readTypes(sql, [...new Set(found.flatMap((one) => ('oid' in one ? one.oid : [])))])
  return found.map((one): Description => {
    if ('error' in one) return one
    const type = types.get(one.oid)
    return type === undefined ? { error: `the server gives no type ${one.oid}` } : { type }
  })
}

async function describeExpression(sql: Db, from: string, expression: string): Promise<{ oid: string } | { error: string }> {
  // where allows neither aggregates nor window functions nor sets, so it stands there too
  const statement = `select (${expression}\n) as value from ${from} where (${expression}\n) is null limit 0`
  try {
    const described = await sql.unsafe(statement, [], { prepare: true }).describe()
    await sql.unsafe(`explain ${statement}`)
    const oid = described.columns[0]?.type
    return oid === undefined ? { error: 'the expression gives no value' } : { oid: String(oid) }
  } catch (error) {
    if (isRefusal(error)) return { error: error.message }
    throw error
  }
}

/** A column of a query; where it is a plain column of a table, also which. */
export interface QueryColumn {
  name: string
  type: TypeInfo
  origin: { schema: string; table: string; column: string } | null
}

/** The columns of a query, or why the server refuses it. The text must have passed `readQuery` before. */
export async function describeQuery(sql: Db, query: string): Promise<{ columns: QueryColumn[] } | { error: string }> {
  try {
    const described = await sql.unsafe(`select * from (${query}\n) answer limit 0`, [], { prepare: true }).describe()
    await sql.unsafe(`explain select * from (${query}\n) answer`)
    const types = await readTypes(sql, [...new Set(described.columns.map(({ type }) => String(type)))])
    const origins = await readOrigins(sql, described.columns)
    return { columns: described.columns.flatMap(({ name, type: oid }, index) => {
      const type = types.get(String(oid))
      return type === undefined ? [] : [{ name, type, origin: origins[index] ?? null }]
    }) }
  } catch (error) {
    if (isRefusal(error)) return { error: error.message }
    throw error
  }
}

/** Where the server says that the columns of an answer come from. */
async function readOrigins(sql: Db, columns: readonly { table: number; number: number }[]): Promise<QueryColumn['origin'][]> {
  const rows = await sql<{ place: number; schema: string; table: string; column: string }[]>`
    select place::int as place, n.nspname as schema, c.relname as "table", a.attname as "column"
    from rows from (pg_catalog.unnest(${columns.map(({ table }) => String(table))}::text[]), pg_catalog.unnest(${columns.map(({ number }) => number)}::int[])) with ordinality as answer (relation, number, place)
    join pg_catalog.pg_class c on c.oid = relation::oid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = number`
  return columns.map((_, index) => {
    const found = rows.find(({ place }) => Number(place) === index + 1)
    return found === undefined ? null : { schema: found.schema, table: found.table, column: found.column }
  })
}

/** The statement itself is at fault (syntax, names, types, rights, values), not the connection or the state of the server. */
function isRefusal(error: unknown): error is Error & { code: string } {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return typeof code === 'string' && (/^(42|22|0A|2F|38|39|3F|54)/.test(code) || code === '55000')
}
