import type { ForeignKey } from '../core/integrity-expressions.js'

const names = (relation: string, numbers: string) => `(select json_agg(a.attname order by k.place) from unnest(${numbers}) with ordinality k (number, place) ` +
  `join pg_catalog.pg_attribute a on a.attrelid = ${relation} and a.attnum = k.number)::text`

/** Foreign keys, those that PostgreSQL makes for partitions left out. @param wanted a condition over `n` (the schema) and `t` (the table); texts only are returned */
export function foreignKeysStatement(wanted: string): string {
  return `select c.conname::text as name, n.nspname::text as schema, t.relname::text as table, fn.nspname::text as ref_schema, f.relname::text as ref_table,
      ${names('c.conrelid', 'c.conkey')} as columns, ${names('c.confrelid', 'c.confkey')} as ref_columns, c.convalidated::text as validated
    from pg_catalog.pg_constraint c join pg_catalog.pg_class t on t.oid = c.conrelid join pg_catalog.pg_namespace n on n.oid = t.relnamespace
      join pg_catalog.pg_class f on f.oid = c.confrelid join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
    where c.contype = 'f' and c.conparentid = 0 and ${wanted} order by n.nspname, t.relname, c.conname`
}

/** A row of `foreignKeysStatement`. */
export function foreignKeyOf(row: Record<string, string | null>): ForeignKey {
  const text = (column: string): string => row[column] ?? ''
  const list = (column: string) => JSON.parse(row[column] ?? '[]') as string[]
  return {
    name: text('name'), schema: text('schema'), table: text('table'), columns: list('columns'), refSchema: text('ref_schema'), refTable: text('ref_table'), refColumns: list('ref_columns'), validated: row['validated'] === 'true',
  }
}
