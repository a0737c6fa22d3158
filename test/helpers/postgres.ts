import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import type { Sql } from 'postgres'
import { inject } from 'vitest'
import type { DatabaseOptions } from '../../src/db/clients.js'
import { quoteIdentifier, quoteLiteral } from '../../src/core/identifier.js'

export interface TestDatabase {
  options: DatabaseOptions
  /** administrator's client, nothing pinned */
  sql: Sql
  drop(): Promise<void>
}

export type TestServer = 'source' | 'target'

export interface TestDatabaseOptions {
  /** of the two servers, which differ in the matrix of versions only; the target's by default */
  server?: TestServer
  /** 'tracking' has the tracking schema installed; null (default) is empty */
  template?: 'tracking' | null
  encoding?: string
  locale?: string
  /** an ICU locale such as `de-u-kn` for the database's collation (PostgreSQL 15 and newer) */
  icuLocale?: string
  /** defaults of the database's sessions (`alter database ... set`) */
  settings?: Record<string, string>
}

/** Options of the run's embedded server; its superuser and the database `postgres`. */
export function adminOptions(server: TestServer = 'target'): DatabaseOptions {
  return { ...inject(server === 'source' ? 'sourcePostgres' : 'postgres'), database: 'postgres', ssl: 'disable', maxConnections: 4 }
}

/** A client without any pinned setting; `onnotice` is silent. */
export function openAdmin(options: DatabaseOptions): Sql {
  const { host, port, database, user: username, password, maxConnections: max } = options
  return postgres({ host, port, database, username, password, max, onnotice: () => undefined })
}

/** Runs SQL in a session of its own, and waits until that session has told its counters. */
export async function writeAndTell(options: DatabaseOptions, text: string): Promise<void> {
  const sql = openAdmin({ ...options, maxConnections: 1 })
  const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`
  await sql.unsafe(text).simple()
  await sql.end({ timeout: 5 })
  const admin = openAdmin({ ...options, maxConnections: 1 })
  while ((await admin`select from pg_stat_activity where pid = ${pid}`).length > 0) await sleep(10)
  await admin.end({ timeout: 5 })
}

/** A database of its own, 45–70 ms. Drop it in afterAll. */
export async function createTestDatabase({ server = 'target', template = null, encoding, locale, icuLocale, settings = {} }: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  const clauses = [
    `template ${template === 'tracking' ? 'tracking_template' : 'template0'}`,
    ...(encoding === undefined ? [] : [`encoding ${quoteLiteral(encoding)}`]),
    ...(locale === undefined ? [] : [`locale ${quoteLiteral(locale)}`]),
    ...(icuLocale === undefined ? [] : [`locale_provider icu icu_locale ${quoteLiteral(icuLocale)}`]),
  ]
  await asAdmin(async (sql) => {
    await sql.unsafe(`create database ${quoteIdentifier(name)} ${clauses.join(' ')}`)
    for (const [setting, value] of Object.entries(settings)) await sql.unsafe(`alter database ${quoteIdentifier(name)} set ${setting} to ${value}`)
  }, server)
  const options = { ...adminOptions(server), database: name }
  const sql = openAdmin(options)
  return {
    options,
    sql,
    async drop() {
      await sql.end({ timeout: 5 })
      await asAdmin((admin) => admin.unsafe(`drop database if exists ${quoteIdentifier(name)} with (force)`), server)
    },
  }
}

/** Runs work on the administrator's database and closes the client. */
export async function asAdmin<T>(work: (sql: Sql) => Promise<T>, server: TestServer = 'target'): Promise<T> {
  const sql = openAdmin({ ...adminOptions(server), maxConnections: 1 })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** `server_version_num` of a server. */
export async function serverVersion(server: TestServer): Promise<number> {
  const [row] = await asAdmin((sql) => sql<{ version: number }[]>`select current_setting('server_version_num')::int as version`, server)
  return row?.version ?? 0
}
