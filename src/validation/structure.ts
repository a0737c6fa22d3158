import type { ForeignKey } from '../core/integrity-expressions.js'
import { foreignKeyOf, foreignKeysStatement } from '../db/foreign-keys.js'
import { read, textOf, type Reader, type TextRow } from './reader.js'

/** What the catalogue says of tables beside their columns: constraints, indexes, sequences. Tables are passed as `[schema, table]`. */
export type TableName = [schema: string, table: string]

const wanted = 'exists (select from pg_catalog.json_array_elements($1::text::json) x where x ->> 0 = n.nspname and x ->> 1 = t.relname)'
const names = (relation: string, numbers: string) => `(select pg_catalog.json_agg(a.attname order by k.place) from pg_catalog.unnest(${numbers}) with ordinality k (number, place) ` +
  `join pg_catalog.pg_attribute a on a.attrelid = ${relation} and a.attnum = k.number)::text`
const listOf = (row: TextRow, column: string) => JSON.parse(row[column] ?? '[]') as string[]

/** The foreign keys that the tables have, those that PostgreSQL makes for partitions left out. */
export async function readForeignKeys(reader: Reader, signal: AbortSignal, tables: readonly TableName[]): Promise<ForeignKey[]> {
  return (await read(reader, signal, foreignKeysStatement(wanted), [JSON.stringify(tables)])).map(foreignKeyOf)
}

export interface Index {
  name: string
  schema: string
  table: string
  /** key columns in order; an expression is left out */
  columns: string[]
  unique: boolean
  valid: boolean
  /** partial, or over expressions */
  partial: boolean
}

export async function readIndexes(reader: Reader, signal: AbortSignal, tables: readonly TableName[]): Promise<Index[]> {
  const rows = await read(reader, signal, `select x.relname::text as name, n.nspname::text as schema, t.relname::text as table,
      ${names('i.indrelid', '(i.indkey::int2[])[0:i.indnkeyatts - 1]')} as columns, i.indisunique::text as unique, (i.indisvalid and i.indisready)::text as valid,
      (i.indpred is not null or i.indexprs is not null)::text as partial
    from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid join pg_catalog.pg_class t on t.oid = i.indrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    where ${wanted} order by n.nspname, t.relname, x.relname`, [JSON.stringify(tables)])
  return rows.map((row) => ({
    name: textOf(row, 'name'), schema: textOf(row, 'schema'), table: textOf(row, 'table'), columns: listOf(row, 'columns'), unique: row['unique'] === 'true', valid: row['valid'] === 'true', partial: row['partial'] === 'true',
  }))
}

export interface CheckConstraint {
  name: string
  schema: string
  table: string
  columns: string[]
  definition: string
  validated: boolean
}

export async function readCheckConstraints(reader: Reader, signal: AbortSignal, tables: readonly TableName[]): Promise<CheckConstraint[]> {
  const rows = await read(reader, signal, `select c.conname::text as name, n.nspname::text as schema, t.relname::text as table, ${names('c.conrelid', 'c.conkey')} as columns,
      pg_catalog.pg_get_constraintdef(c.oid)::text as definition, c.convalidated::text as validated
    from pg_catalog.pg_constraint c join pg_catalog.pg_class t on t.oid = c.conrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    where c.contype = 'c' and ${wanted} order by n.nspname, t.relname, c.conname`, [JSON.stringify(tables)])
  return rows.map((row) => ({
    name: textOf(row, 'name'), schema: textOf(row, 'schema'), table: textOf(row, 'table'), columns: listOf(row, 'columns'), definition: textOf(row, 'definition'), validated: row['validated'] === 'true',
  }))
}

export interface NotNullColumn {
  schema: string
  table: string
  column: string
}

export async function readNotNull(reader: Reader, signal: AbortSignal, tables: readonly TableName[]): Promise<NotNullColumn[]> {
  const rows = await read(reader, signal, `select n.nspname::text as schema, t.relname::text as table, a.attname::text as column
    from pg_catalog.pg_attribute a join pg_catalog.pg_class t on t.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
    where a.attnum > 0 and not a.attisdropped and a.attnotnull and ${wanted} order by n.nspname, t.relname, a.attnum`, [JSON.stringify(tables)])
  return rows.map((row) => ({ schema: textOf(row, 'schema'), table: textOf(row, 'table'), column: textOf(row, 'column') }))
}

export interface Sequence {
  schema: string
  name: string
  /** exact decimal text, negative for a sequence that falls */
  increment: string
  tableSchema: string
  table: string
  column: string
}

/** The sequences that give the tables their keys: identities and those that a default names; one that is only owned gives none. */
export async function readSequences(reader: Reader, signal: AbortSignal, tables: readonly TableName[]): Promise<Sequence[]> {
  const rows = await read(reader, signal, `select distinct sn.nspname::text as schema, s.relname::text as name, q.seqincrement::text as increment, n.nspname::text as table_schema, t.relname::text as table, a.attname::text as column
    from (select d.objid as sequence, d.refobjid as relation, d.refobjsubid as number from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass and d.deptype = 'i' and d.refobjsubid > 0
          union select d.refobjid, ad.adrelid, ad.adnum from pg_catalog.pg_depend d join pg_catalog.pg_attrdef ad on ad.oid = d.objid
            where d.classid = 'pg_catalog.pg_attrdef'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass) use
      join pg_catalog.pg_class s on s.oid = use.sequence and s.relkind = 'S' join pg_catalog.pg_sequence q on q.seqrelid = s.oid join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
      join pg_catalog.pg_class t on t.oid = use.relation join pg_catalog.pg_namespace n on n.oid = t.relnamespace join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = use.number
    where ${wanted} order by 4, 5, 6, 1, 2`, [JSON.stringify(tables)])
  return rows.map((row) => ({
    schema: textOf(row, 'schema'), name: textOf(row, 'name'), increment: textOf(row, 'increment'), tableSchema: textOf(row, 'table_schema'), table: textOf(row, 'table'), column: textOf(row, 'column'),
  }))
}
