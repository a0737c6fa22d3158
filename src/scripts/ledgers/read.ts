import type { Db } from '../../db/clients.js'
import { sqlstateOf } from '../../db/sqlstate.js'
import type { ScriptFile } from '../inventory.js'
import { flyway } from './flyway.js'
import type { LedgerEntry, LedgerReader } from './ledger.js'
import { alembic, django, knex, liquibase, nodePgMigrate, prisma, rails } from './tools.js'

const readers: readonly LedgerReader[] = [flyway, liquibase, prisma, knex, nodePgMigrate, alembic, django, rails]
export const tools = readers.map(({ tool }) => tool)

export interface Ledger {
  tool: string
  /** schema and table */
  table: string
  entries: LedgerEntry[]
  /** why it could not be read; then it has no entries */
  fault: string | null
}

interface FoundTable {
  schema: string
  table: string
  columns: string[]
  readable: boolean
}

/**
 * Finds the ledgers of other migration tools in any schema of the target and reads them. Nothing is written.
 * @param files of the directory of scripts, null when there is none
 */
export async function readForeignLedgers(sql: Db, files: readonly ScriptFile[] | null): Promise<Ledger[]> {
  const found = await sql<FoundTable[]>`
    select n.nspname as schema, c.relname as table, has_table_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE') as readable,
           array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and c.relname = any(${readers.map(({ table }) => table)}::text[])
       and n.nspname not in ('pg_catalog', 'information_schema')
     order by n.nspname, c.relname`
  return Promise.all(found.flatMap(({ schema, table, columns, readable }) => {
    const reader = readers.find((one) => one.table === table && one.columns.every((column) => columns.includes(column)) && (one.onlyThese !== true || columns.length === one.columns.length))
    return reader === undefined ? [] : [readLedger(sql, reader, { schema, table, readable }, files)]
  }))
}

async function readLedger(sql: Db, reader: LedgerReader, { schema, table, readable }: Omit<FoundTable, 'columns'>, files: readonly ScriptFile[] | null): Promise<Ledger> {
  const described = { tool: reader.tool, table: `${schema}.${table}` }
  const refused = { ...described, entries: [], fault: 'the role of the service may not read it: grant it usage on the schema and select on the table' }
  if (!readable) return refused
  try {
    return { ...described, entries: reader.judge(await reader.read(sql, sql`${sql(schema)}.${sql(table)}`), files), fault: null }
  } catch (error) {
    if (sqlstateOf(error) === '42501') return refused
    throw error
  }
}
