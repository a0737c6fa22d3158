import { createHash } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { stemOf } from '../inventory.js'
import type { ScriptFile } from '../inventory.js'
import type { ScriptStatus } from '../status.js'
import { entry, joinFiles } from './ledger.js'
import type { LedgerReader } from './ledger.js'

/** States are the EXECTYPE of each change set, as `liquibase history` knows it. */
export const liquibase: LedgerReader = {
  tool: 'liquibase',
  table: 'databasechangelog',
  columns: ['id', 'author', 'filename', 'dateexecuted', 'orderexecuted', 'exectype', 'md5sum'],
  read: (sql, table) => sql`
    select id, author, filename, exectype as state, md5sum as checksum, dateexecuted at time zone 'UTC' as "appliedAt" from ${table} order by orderexecuted, dateexecuted`,
  judge: (rows, files) => (rows as readonly (Record<'id' | 'author' | 'filename' | 'state', string> & { checksum: string | null; appliedAt: Date })[]).map((row) => {
    const statuses: Record<string, ScriptStatus> = { FAILED: 'failed', SKIPPED: 'pending' }
    const file = (files ?? []).find(({ path }) => row.filename === path || row.filename.endsWith(`/${path}`) || path.endsWith(`/${row.filename}`))
    return entry(`${row.filename}::${row.id}::${row.author}`, row.state, statuses[row.state] ?? 'completed', { version: row.id, appliedAt: row.appliedAt, checksum: row.checksum, file: file?.path ?? null })
  }),
}

/** What `prisma migrate status` says: applied, failed, rolled back, not yet applied, missing from the local directory. */
export const prisma: LedgerReader = {
  tool: 'prisma',
  table: '_prisma_migrations',
  columns: ['id', 'checksum', 'finished_at', 'migration_name', 'rolled_back_at', 'started_at', 'applied_steps_count'],
  // a migration that failed, was rolled back and ran again has several rows: the newest counts
  read: (sql, table) => sql`
    select * from (
      select distinct on (migration_name) migration_name as name, checksum, finished_at as "appliedAt", started_at as "startedAt",
             case when rolled_back_at is not null then 'rolled back' when finished_at is null then 'failed' else 'applied' end as state
        from ${table} order by migration_name, started_at desc, id) newest
     order by "startedAt", name`,
  judge: (rows, files) => {
    const statuses: Record<string, ScriptStatus> = { 'rolled back': 'rolled_back', failed: 'failed' }
    const applied = (rows as readonly (Record<'name' | 'checksum' | 'state', string> & { appliedAt: Date | null })[]).map(({ name, checksum, state, appliedAt }) =>
      ({ id: name, entry: entry(name, state, statuses[state] ?? 'completed', { checksum, appliedAt }) }))
    const idOf = ({ path }: ScriptFile) => (basename(path) === 'migration.sql' ? basename(dirname(path)) : null)
    const words = { pending: 'not yet applied', missing: 'missing from the local migrations directory' }
    return joinFiles(applied, files, idOf, words).map((one) => {
      const file = files?.find(({ path }) => path === one.file)
      if (file === undefined || one.checksum === null) return one
      return { ...one, drift: prismaChecksums(file).includes(one.checksum) ? 'none' : 'changed' }
    })
  },
}

/** sha256 of the file, with the line ends of either kind: a checkout may change them. */
function prismaChecksums({ text, bytesChecksum }: ScriptFile): string[] {
  const unix = text.replaceAll('\r\n', '\n')
  return [bytesChecksum, ...[unix, unix.replaceAll('\n', '\r\n')].map((variant) => createHash('sha256').update(variant).digest('hex'))]
}

/** What `knex migrate:list` says: completed and pending; a file that is gone makes it stop. */
export const knex: LedgerReader = {
  tool: 'knex',
  table: 'knex_migrations',
  columns: ['id', 'name', 'batch', 'migration_time'],
  read: (sql, table) => sql`select name, batch, migration_time as "appliedAt" from ${table} order by id`,
  judge: (rows, files) => joinFiles(
    (rows as readonly { name: string; batch: number; appliedAt: Date }[]).map(({ name, batch, appliedAt }) => ({ id: name, entry: entry(name, 'completed', 'completed', { version: `batch ${batch}`, appliedAt }) })),
    files, ({ path }) => (/\.(c|m)?(j|t)s$/.test(path) ? basename(path) : null), { pending: 'pending', missing: 'missing' }),
}

export const nodePgMigrate: LedgerReader = {
  tool: 'node-pg-migrate',
  table: 'pgmigrations',
  columns: ['id', 'name', 'run_on'],
  read: (sql, table) => sql`select name, run_on at time zone 'UTC' as "appliedAt" from ${table} order by run_on, id`,
  judge: (rows, files) => joinFiles(
    (rows as readonly { name: string; appliedAt: Date }[]).map(({ name, appliedAt }) => ({ id: name, entry: entry(name, 'run', 'completed', { appliedAt }) })),
    files, ({ path }) => (/\.(?:(?:c|m)?(?:j|t)s|sql)$/.test(path) ? stemOf(path) : null), { pending: 'not run', missing: 'missing' }),
}

/** The table holds the current revisions alone; which ones came before them is told by the files. */
export const alembic: LedgerReader = {
  tool: 'alembic',
  table: 'alembic_version',
  columns: ['version_num'],
  onlyThese: true,
  read: (sql, table) => sql`select version_num as revision from ${table} order by version_num`,
  judge: (rows, files) => {
    const revisions = new Map((files ?? []).flatMap(revisionIn))
    const current = rows.map((row) => String(row['revision']))
    const before = new Set<string>()
    const collect = (revision: string): void => {
      for (const down of revisions.get(revision)?.before ?? []) {
        if (before.has(down)) continue
        before.add(down)
        collect(down)
      }
    }
    current.forEach(collect)
    const applied = [...[...before].filter((revision) => !current.includes(revision)).reverse().map((revision) => [revision, 'applied'] as const), ...current.map((revision) => [revision, 'current'] as const)]
    const byFile = new Map([...revisions].map(([revision, { file }]) => [file.path, revision]))
    return joinFiles(applied.map(([revision, state]) => ({ id: revision, entry: entry(revision, state, 'completed', { version: revision }) })),
      files, ({ path }) => byFile.get(path) ?? null, { pending: 'pending', missing: 'missing' })
  },
}

/** `revision = '…'` and `down_revision = None | '…' | ('…', '…')` of a file in Python. */
function revisionIn(file: ScriptFile): [string, { before: string[]; file: ScriptFile }][] {
  const revision = /^revision(?:\s*:[^=]+)?\s*=\s*['"]([^'"]+)['"]/m.exec(file.text)?.[1]
  if (revision === undefined || !file.path.endsWith('.py')) return []
  const down = /^down_revision(?:\s*:[^=]+)?\s*=\s*(\([^)]*\)|.*)$/m.exec(file.text)?.[1] ?? ''
  return [[revision, { before: [...down.matchAll(/['"]([^'"]+)['"]/g)].flatMap(([, name]) => name ?? []), file }]]
}

/** What `manage.py showmigrations` puts before each name. */
export const django: LedgerReader = {
  tool: 'django',
  table: 'django_migrations',
  columns: ['id', 'app', 'name', 'applied'],
  read: (sql, table) => sql`select app, name, applied as "appliedAt" from ${table} order by id`,
  judge: (rows, files) => {
    const applied = (rows as readonly { app: string; name: string; appliedAt: Date }[]).map(({ app, name, appliedAt }) => ({ id: `${app}.${name}`, entry: entry(`${app}.${name}`, '[X]', 'completed', { appliedAt }) }))
    const idOf = ({ path }: ScriptFile) => {
      const [, app, name] = /(?:^|\/)([^/]+)\/migrations\/(\d[^/]*)\.py$/.exec(path) ?? []
      return app === undefined || name === undefined ? null : `${app}.${name}`
    }
    // apps that are installed as packages have their files elsewhere, and Django prints nothing for a file that is gone
    const apps = new Set((files ?? []).flatMap((file) => idOf(file)?.split('.')[0] ?? []))
    const own = applied.filter(({ id }) => apps.has(id.split('.')[0] ?? ''))
    const others = applied.filter((one) => !own.includes(one))
    return [...others.map((one) => one.entry), ...joinFiles(own, files, idOf, { pending: '[ ]', missing: '[X]' })]
  },
}

/** What `rails db:migrate:status` prints: up and down, and the name NO FILE. */
export const rails: LedgerReader = {
  tool: 'rails',
  table: 'schema_migrations',
  columns: ['version'],
  onlyThese: true,
  read: (sql, table) => sql`select version::text as version from ${table} order by version`,
  judge: (rows, files) => {
    const applied = rows.map((row) => ({ id: String(row['version']), entry: entry(String(row['version']), 'up', 'completed', { version: String(row['version']) }) }))
    const idOf = ({ path }: ScriptFile) => /(?:^|\/)(\d+)_[^/]+\.rb$/.exec(path)?.[1] ?? null
    return joinFiles(applied, files, idOf, { pending: 'down', missing: 'up' }).map((one) => ({
      ...one,
      version: one.version ?? one.name,
      name: one.status === 'missing' ? '********** NO FILE **********' : one.file === null ? one.name : stemOf(one.file).replace(/^\d+_/, '').replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase()),
    }))
  },
}
