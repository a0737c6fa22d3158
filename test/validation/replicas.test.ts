import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSource, type DatabaseOptions } from '../../src/db/clients.js'
import { freePort, startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/demo/embedded.js'
import { openComparer, type Comparer } from '../helpers/compare.js'
import { createTestDatabase, openAdmin, type TestDatabase } from '../helpers/postgres.js'

/** A source with a standby that streams from it. */
const plan = 'version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: all }\n'
const root = mkdtempSync(join(tmpdir(), 'migration-coverage-standby-'))
let servers: { primary: EmbeddedPostgres; standby: EmbeddedPostgres }
let target: TestDatabase
let comparer: Comparer
let primary: Sql
let standby: { admin: Sql; reader: Sql }

const optionsOf = ({ host, port, user, password }: EmbeddedPostgres, database = 'legacy'): DatabaseOptions => ({ host, port, user, password, database, ssl: 'disable', maxConnections: 3 })

beforeAll(async () => {
  // the servers run under an account of their own
  chmodSync(root, 0o755)
  const port = await freePort()
  const start = (name: string, own?: number) => startEmbeddedPostgres({ dataDir: join(root, name), ...(own === undefined ? {} : { port: own }) })
  const first = await start('primary', port)
  await first.createDatabase('legacy')
  await first.stop()
  await promisify(execFile)('cp', ['-a', join(root, 'primary'), join(root, 'standby')])
  writeFileSync(join(root, 'standby', 'data', 'standby.signal'), '')
  await appendFile(join(root, 'standby', 'data', 'postgresql.auto.conf'), `primary_conninfo = 'host=127.0.0.1 port=${port} user=${first.user} password=${first.password}'\n`)
  servers = { primary: await start('primary', port), standby: await start('standby') }
  primary = openAdmin(optionsOf(servers.primary))
  standby = { admin: openAdmin(optionsOf(servers.standby)), reader: openSource(optionsOf(servers.standby)) }
  target = await createTestDatabase({ template: 'tracking' })
  const create = 'create table t (id int primary key, v text); insert into t select i, repeat(md5(i::text), 5) from generate_series(1, 5000) i'
  await primary.unsafe(create).simple()
  await target.sql.unsafe(create).simple()
  comparer = await openComparer(optionsOf(servers.primary), target.options)
})

afterAll(async () => {
  await comparer.close()
  await Promise.all([primary.end(), standby.admin.end(), standby.reader.end(), target.drop()])
  await Promise.all([servers.standby.stop(), servers.primary.stop()])
  rmSync(root, { recursive: true, force: true })
})

/** Until the standby shows what is written on the source. */
async function caughtUp(): Promise<void> {
  const [now] = await primary<{ lsn: string }[]>`select pg_current_wal_insert_lsn()::text as lsn`
  for (let tries = 0; tries < 400; tries += 1) {
    const [row] = await standby.admin<{ done: boolean }[]>`select pg_last_wal_replay_lsn() >= ${now!.lsn}::pg_lsn as done`
    if (row?.done === true) return
    await sleep(25)
  }
  throw new Error('the standby does not catch up')
}

const replicas = () => [{ name: 'standby:5432', sql: standby.reader }]
const compare = (readers = replicas()) => comparer.compare(plan, { scanChunkPages: 16 }, { includeCrossEntity: false }, readers)
const checkOf = (run: Awaited<ReturnType<typeof compare>>) => run.checks.find(({ name }) => name === 'replicas were read')

test('the source is read on a standby that has come as far as it when the job began, and not on one that has not', async () => {
  await caughtUp()
  const run = await compare()
  expect(run.entities['t']).toMatchObject({ verdict: 'pass', accounting: { source: { verified: 5000 } } })
  expect(checkOf(run)?.message).toMatch(/^(\d+) of \1 statements over the source ran on standby:5432,/)

  await standby.admin`select pg_wal_replay_pause()`
  for (const sql of [primary, target.sql]) await sql`insert into t values (5001, 'late')`
  const behind = await compare()
  expect(behind.entities['t']).toMatchObject({ verdict: 'pass', accounting: { source: { total: 5001, verified: 5001 } } })
  expect(checkOf(behind)).toBeUndefined()

  await standby.admin`select pg_wal_replay_resume()`
  await caughtUp()
  expect(checkOf(await compare())).toBeDefined()
})

test('what differs on the standby alone is read again on the source before it counts', async () => {
  await caughtUp()
  // the standby shows what was there when the job began; the source and the target change while it runs
  const running = comparer.compare(plan, { scanChunkPages: 16, recheckDelayMs: 1500 }, { includeCrossEntity: false }, replicas())
  await standby.admin`select pg_wal_replay_pause()`
  await sleep(300)
  for (const sql of [primary, target.sql]) await sql`update t set v = 'changed while it runs' where id in (17, 4711)`
  const run = await running
  await standby.admin`select pg_wal_replay_resume()`
  expect(run.entities['t']).toMatchObject({ verdict: 'pass', accounting: { source: { verified: 5001 } } })
})

test('a server that is no standby of the source is not read', async () => {
  const stranger = await createTestDatabase({ server: 'source' })
  await stranger.sql`create table t (id int primary key, v text)`
  const reader = openSource(stranger.options)
  try {
    const run = await compare([{ name: 'stranger', sql: reader }, { name: 'itself', sql: openSource(optionsOf(servers.primary)) }])
    expect(run.entities['t']).toMatchObject({ verdict: 'pass', accounting: { source: { verified: 5001 } } })
    expect(checkOf(run)).toBeUndefined()
  } finally {
    await reader.end()
    await stranger.drop()
  }
})

test('a table that is not logged is read on the source', async () => {
  for (const sql of [primary, target.sql]) await sql.unsafe('create unlogged table unlogged (id int primary key, v text); insert into unlogged select i, i from generate_series(1, 5000) i').simple()
  await caughtUp()
  const run = await comparer.compare(plan.replaceAll('table: t', 'table: unlogged'), { scanChunkPages: 16 }, { includeCrossEntity: false }, replicas())
  expect(run.entities['t']).toMatchObject({ verdict: 'pass', accounting: { source: { verified: 5000 } } })
})

test('a standby that has gone another way since is not read', async () => {
  await caughtUp()
  await standby.admin`select pg_promote()`
  await standby.admin.unsafe("update t set v = 'another' where id = 17; create table more as select i, repeat('x', 500) from generate_series(1, 20000) i").simple()
  await target.sql`update t set v = 'another' where id = 17`
  await servers.standby.stop()
  writeFileSync(join(root, 'standby', 'data', 'standby.signal'), '')
  servers.standby = await startEmbeddedPostgres({ dataDir: join(root, 'standby'), port: servers.standby.port })
  const run = await compare()
  expect(checkOf(run)).toBeUndefined()
  expect(run.entities['t']).toMatchObject({ verdict: 'fail', accounting: { source: { differs: 1 } } })
  await primary`update t set v = 'another' where id = 17`
})

test('a standby that is gone costs no more than the attempt', async () => {
  await servers.standby.stop()
  const run = await compare()
  expect(run.job).toMatchObject({ status: 'completed', verdict: 'pass' })
  expect(checkOf(run)).toBeUndefined()
})
