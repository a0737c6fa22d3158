import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { Sql } from 'postgres'

/** One numbered file: `0001_tracking.sql` has number 1. */
interface MigrationFile {
  number: number
  name: string
  text: string
  checksum: string
}

/** The tracking schema has `unique nulls not distinct`, which came with this version. */
const oldestTarget = 150_000

const folder = new URL('./migrations/', import.meta.url)
/** Any number will do, as long as every version of the service takes the same one: 'mcov' in ASCII. */
const lockKey = 0x6d636f76

/**
 * Brings the tracking schema up to date, in one transaction: either every missing file is applied, or none. Safe to run from
 * several processes at once.
 * @returns the names of the files applied now
 * @throws Error when the server is too old, when an applied file was edited since, when the database is newer than this program, or when a file fails
 */
export async function migrate(sql: Sql, directory: URL = folder): Promise<{ applied: string[] }> {
  const files = await readMigrations(directory)
  await requireVersion(sql)
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${lockKey}::bigint)`
    await tx.unsafe(`
      create schema if not exists migration_coverage;
      create table if not exists migration_coverage.schema_migration (
        number     integer primary key,
        name       text not null,
        checksum   text not null,
        applied_at timestamptz not null default now()
      )`).simple()
    const applied = await tx<{ number: number; name: string; checksum: string }[]>`
      select number, name, checksum from migration_coverage.schema_migration order by number`
    const pending = pendingMigrations(files, applied)
    for (const { number, name, text, checksum } of pending) {
      await tx.unsafe(text).simple()
      await tx`insert into migration_coverage.schema_migration (number, name, checksum) values (${number}, ${name}, ${checksum})`
    }
    return { applied: pending.map(({ name }) => name) }
  })
}

async function requireVersion(sql: Sql): Promise<void> {
  const [row] = await sql<{ number: number; version: string }[]>`select current_setting('server_version_num')::int as number, current_setting('server_version') as version`
  if (row !== undefined && row.number < oldestTarget)
    throw new Error(`the target runs PostgreSQL ${row.version}, and the tracking schema needs 15 or newer there: upgrade the target; a source may be older`)
}

/**
 * Checks, without changing anything, that the tracking schema is exactly what this program needs.
 * @throws Error that says what to run when it is missing, older, newer or edited
 */
export async function verifyMigrations(sql: Sql, directory: URL = folder): Promise<void> {
  const files = await readMigrations(directory)
  const [{ exists } = { exists: false }] = await sql<{ exists: boolean }[]>`select to_regclass('migration_coverage.schema_migration') is not null as exists`
  const applied = exists
    ? await sql<{ number: number; name: string; checksum: string }[]>`select number, name, checksum from migration_coverage.schema_migration order by number`
    : []
  const pending = pendingMigrations(files, applied)
  if (pending.length > 0) {
    throw new Error(`the tracking schema lacks ${pending.map(({ name }) => name).join(', ')}: run \`npm run db:migrate\` with the owner's role first`)
  }
}

/** The files that are not applied yet; throws when what is applied is not the beginning of what there is. */
function pendingMigrations(files: MigrationFile[], applied: readonly { number: number; name: string; checksum: string }[]): MigrationFile[] {
  for (const { number, name, checksum } of applied) {
    const file = files.find((candidate) => candidate.number === number)
    if (file === undefined) throw new Error(`the database has migration ${name}, which this version does not know: it is newer; start the newer version`)
    if (file.checksum !== checksum) throw new Error(`${file.name} was edited after it was applied: restore the file and put the change into a new one`)
  }
  const last = applied.at(-1)?.number ?? 0
  const pending = files.filter(({ number }) => !applied.some((row) => row.number === number))
  const late = pending.find(({ number }) => number < last)
  if (late !== undefined) throw new Error(`${late.name} has a lower number than the migrations already applied: give it a number above ${last}`)
  return pending
}

async function readMigrations(directory: URL): Promise<MigrationFile[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  const files = await Promise.all(names.map((name) => readMigration(directory, name)))
  for (const [index, { number, name }] of files.entries()) {
    if (number !== index + 1) throw new Error(`migrations are numbered without gaps: ${name} should have number ${String(index + 1).padStart(4, '0')}`)
  }
  return files
}

async function readMigration(directory: URL, name: string): Promise<MigrationFile> {
  const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1] ?? Number.NaN)
  if (Number.isNaN(number)) throw new Error(`a migration is named like 0001_what_it_does.sql, not ${name}`)
  // line ends are the checkout's business, not an edit
  const text = (await readFile(new URL(name, directory), 'utf8')).replaceAll('\r\n', '\n')
  return { number, name, text, checksum: createHash('sha256').update(text).digest('hex') }
}
