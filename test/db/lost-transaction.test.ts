import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Sql } from 'postgres'
import { openTarget } from '../../src/db/clients.js'
import { bossDatabase } from '../../src/jobs/boss-db.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase
let sql: Sql

beforeAll(async () => {
  database = await createTestDatabase()
  await database.sql`create table done (n int)`
  sql = openTarget({ ...database.options, maxConnections: 2 })
})
afterAll(async () => {
  await sql.end({ timeout: 5 })
  await database.drop()
})

const backend = async (tx: { unsafe: Sql['unsafe'] }) => Number((await tx.unsafe('select pg_backend_pid()::text as pid'))[0]!['pid'])
const kill = (pid: number) => database.sql`select pg_terminate_backend(${pid})`

async function poolWorks(): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      await Promise.all(Array.from({ length: 4 }, () => sql`select 1`))
      return
    } catch {
      await sleep(100)
    }
  }
  throw new Error('the pool did not recover')
}

test.each([
  ['a statement is in flight', async (tx: Sql, pid: number) => { setTimeout(() => void kill(pid).execute(), 100); await tx`select pg_sleep(5)` }],
  ['the transaction is idle and goes on', async (tx: Sql, pid: number) => { await kill(pid); await sleep(100); await tx`insert into done values (1)` }],
  ['the transaction is idle and its work fails', async (_tx: Sql, pid: number) => { await kill(pid); await sleep(100); throw new Error('work failed') }],
  ['the transaction is idle and only commits', async (_tx: Sql, pid: number) => { await kill(pid); await sleep(100) }],
  ['the work swallows the error and goes on', async (tx: Sql, pid: number) => { await kill(pid); await sleep(50); await tx`select 1`.catch(() => null); await tx`select 2`.catch(() => null); await tx`insert into done values (2)` }],
  ['a savepoint is open', async (tx: Sql, pid: number) => { await (tx as unknown as { savepoint(work: (inner: Sql) => Promise<void>): Promise<void> }).savepoint(async (inner) => { await inner`select 1`; await kill(pid); await sleep(50); await inner`select 2` }) }],
  ['COMMIT stands behind a statement', async (tx: Sql, pid: number) => { setTimeout(() => void kill(pid).execute(), 100); void tx`select pg_sleep(5)`.catch(() => null); await Promise.resolve() }],
  ['COMMIT stands behind a long statement', async (tx: Sql, pid: number) => { setTimeout(() => void kill(pid).execute(), 100); void tx.unsafe(`select pg_sleep(5), '${'x'.repeat(800)}'`).catch(() => null); await Promise.resolve() }],
  ['COMMIT stands behind a statement with values', async (tx: Sql, pid: number) => { setTimeout(() => void kill(pid).execute(), 100); void tx`select pg_sleep(${5}), ${'x'.repeat(800)}::text`.catch(() => null); await Promise.resolve() }],
])('a connection lost while %s: the transaction fails, the process and the pool live on', async (_name, work) => {
  for (let round = 0; round < 3; round += 1) {
    await expect(sql.begin(async (tx) => { await work(tx as unknown as Sql, await backend(tx)) })).rejects.toThrow()
    await poolWorks()
    const [row] = await sql<{ n: number }[]>`select count(*)::integer as n from done`
    expect(row).toEqual({ n: 0 })
  }
})

test('a connection lost while a script of the queue runs: the script fails, the process and the pool live on', async () => {
  const boss = bossDatabase(sql)
  for (let round = 0; round < 3; round += 1) {
    setTimeout(() => void database.sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like '%a script of the queue%' and pid <> pg_backend_pid()`.execute(), 200)
    await expect(boss.executeSql(`
      BEGIN;
      insert into done values (3);
      select pg_sleep(5) /* a script of the queue */;
      COMMIT;`)).rejects.toThrow()
    await poolWorks()
    await expect(boss.executeSql('BEGIN; insert into done values (4); select 1 / 0; COMMIT;')).rejects.toThrow('division by zero')
    await poolWorks()
    expect(await sql`select n from done`).toEqual([])
  }
  expect(await boss.executeSql('BEGIN; insert into done values (5); select n from done; COMMIT;')).toEqual({ rows: [{ n: 5 }] })
  expect(await sql`delete from done returning n`).toEqual([{ n: 5 }])
})
