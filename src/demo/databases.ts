import { readFile } from 'node:fs/promises'
import postgres from 'postgres'
import type { DatabaseOptions } from '../db/clients.js'
import { quoteIdentifier, quoteLiteral } from '../core/identifier.js'
import { demoSizes } from './sizes.js'

export interface DemoDatabases {
  /** the legacy database as `legacy_reader`, who may read and nothing else */
  source: DatabaseOptions
  /** the modern database as its owner `coverage_owner` */
  target: DatabaseOptions
  drop(): Promise<void>
}

const reader = 'legacy_reader'
const owner = 'coverage_owner'

/**
 * Creates and fills the two databases of the demonstration. The same `rows` give the same content on every run and server.
 * @param admin a superuser of the server; its password also becomes the password of the two roles
 * @param rows rows of the legacy database in all, at least 5,000
 * @param names of the databases to create
 * @throws PostgresError 42P04 when a database of that name exists
 */
export async function createDemoDatabases(admin: DatabaseOptions, rows: number, names = { source: 'legacy', target: 'modern' }): Promise<DemoDatabases> {
  const sizes = demoSizes(rows)
  const defects = await readDefects()
  const [source, target] = [quoteIdentifier(names.source), quoteIdentifier(names.target)]
  const legacy = { ...admin, database: names.source }
  const modern = { ...admin, database: names.target }

  await run(admin, [rolesSql(admin.password), `create database ${source}`])
  await run(legacy, [settingsSql(sizes), await readSql('legacy.sql')])
  // a copy of the legacy database on the day of the move is what the migration scripts read; nobody may be connected to it now
  await run(admin, [`create database ${target} template ${source} owner ${owner}`])
  await run(modern, [
    `alter schema public rename to landing; create schema public authorization ${owner}; grant usage on schema public to public;
     grant usage on schema landing to ${owner}; grant select on all tables in schema landing to ${owner}; set role ${owner}`,
    await readSql('modern.sql'), defects.modern, 'reset role; drop schema landing cascade', 'vacuum (analyze)',
  ])
  await run(legacy, [
    defects.legacy,
    `revoke all on database ${source} from public; grant connect on database ${source} to ${reader}; revoke all on schema public from public;
     grant usage on schema public to ${reader}; grant select on all tables in schema public to ${reader}`,
    'vacuum (analyze)',
  ])
  return {
    source: { ...legacy, user: reader },
    target: { ...modern, user: owner },
    drop: () => run(admin, [`drop database if exists ${source} with (force)`, `drop database if exists ${target} with (force)`]),
  }
}

/** Runs scripts one after the other on one connection, so that temporary functions and settings of the first serve the next. */
async function run(options: DatabaseOptions, scripts: string[]): Promise<void> {
  const { host, port, database, user, password, ssl } = options
  const sql = postgres({
    host, port, database, username: user, password, ssl: ssl === 'require' ? 'require' : false, max: 1, onnotice: () => undefined,
    connection: { application_name: 'migration-coverage demo', search_path: 'public' },
  })
  try {
    for (const script of scripts) await sql.unsafe(script).simple()
  } finally {
    await sql.end()
  }
}

/** Roles belong to the whole server: two demonstrations may be created at once, hence the lock. */
function rolesSql(password: string): string {
  const create = (role: string, options: string) => `
    if not exists (select from pg_roles where rolname = ${quoteLiteral(role)}) then create role ${role} login; end if;
    alter role ${role} ${options} password ${quoteLiteral(password)};`
  return `do ${quoteLiteral(`begin
    perform pg_advisory_xact_lock(hashtext('migration-coverage demo roles'));
    ${create(reader, 'nosuperuser nocreatedb nocreaterole')}
    ${create(owner, 'nosuperuser nocreatedb nocreaterole')}
  end`)}`
}

function settingsSql(sizes: Record<string, number>): string {
  return Object.entries(sizes).map(([table, size]) => `set demo.${table} = ${quoteLiteral(String(size))}`).join(';\n')
}

async function readDefects(): Promise<{ modern: string; legacy: string }> {
  const [, modern, legacy] = (await readSql('defects.sql')).split(/^-- on: (?:modern|legacy)$/m)
  if (modern === undefined || legacy === undefined) throw new Error('defects.sql needs a block `-- on: modern` and then a block `-- on: legacy`')
  return { modern, legacy }
}

function readSql(name: string): Promise<string> {
  return readFile(new URL(`./sql/${name}`, import.meta.url), 'utf8')
}
