import type { ForeignKey } from '../core/integrity-expressions.js'

const ofColumns = (what: string, relation: string, numbers: string) => `(select pg_catalog.json_agg(${what} order by k.place) from pg_catalog.unnest(${numbers}) with ordinality k (number, place) ` +
  `join pg_catalog.pg_attribute a on a.attrelid = ${relation} and a.attnum = k.number)::text`
/** SQL of the collation of `a`, quoted. */
const collation = `(select pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname) from pg_catalog.pg_collation co join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace where co.oid = a.attcollation)`

/** The operators of a constraint, with their schemas. */
const operators = `(select pg_catalog.json_agg(pg_catalog.quote_ident(s.nspname) || '.' || o.oprname order by k.place) from pg_catalog.unnest(c.conpfeqop) with ordinality k (operator, place) ` +
  `join pg_catalog.pg_operator o on o.oid = k.operator join pg_catalog.pg_namespace s on s.oid = o.oprnamespace)::text`

/** Foreign keys, those that PostgreSQL makes for partitions left out. @param wanted a condition over `n` (the schema) and `t` (the table); texts only are returned */
export function foreignKeysStatement(wanted: string): string {
  return `select c.conname::text as name, n.nspname::text as schema, t.relname::text as table, fn.nspname::text as ref_schema, f.relname::text as ref_table,
      ${ofColumns('a.attname', 'c.conrelid', 'c.conkey')} as columns, ${ofColumns('a.attname', 'c.confrelid', 'c.confkey')} as ref_columns, ${ofColumns(collation, 'c.confrelid', 'c.confkey')} as ref_collations, ${operators} as operators, c.convalidated::text as validated
    from pg_catalog.pg_constraint c join pg_catalog.pg_class t on t.oid = c.conrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
      join pg_catalog.pg_class f on f.oid = c.confrelid join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
    where c.contype = 'f' and c.conparentid = 0 and ${wanted} order by n.nspname, t.relname, c.conname`
}

/** A row of `foreignKeysStatement`. */
export function foreignKeyOf(row: Record<string, string | null>): ForeignKey {
  const text = (column: string): string => row[column] ?? ''
  const list = <T = string>(column: string) => JSON.parse(row[column] ?? '[]') as T[]
  return {
    name: text('name'), schema: text('schema'), table: text('table'), columns: list('columns'), refSchema: text('ref_schema'), refTable: text('ref_table'), refColumns: list('ref_columns'), refCollations: list<string | null>('ref_collations'), operators: list('operators'), validated: row['validated'] === 'true',
  }
}
