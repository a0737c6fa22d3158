import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Sql } from 'postgres'
import { openTarget } from '../../src/db/clients.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase
let sql: Sql

beforeAll(async () => {
  database = await createTestDatabase()
  await database.sql`create table entry (n int primary key)`
  sql = openTarget({ ...database.options, maxConnections: 3 })
})
afterAll(async () => {
  await sql.end({ timeout: 5 })
  await database.drop()
})

test('many transactions and statements at once on few connections keep apart', async () => {
  for (let round = 0; round < 5; round += 1) {
    // each connection has a statement in flight when the transactions begin
    const busy = Array.from({ length: 3 }, () => sql`select pg_sleep(0.05)`.execute())
    const transactions = Array.from({ length: 40 }, (_, index) => sql.begin(async (tx) => {
      const [before] = await tx<{ id: string }[]>`select pg_current_xact_id()::text as id`
      await tx`insert into entry values (${round * 1000 + index})`
      if (index % 4 === 0) throw new Error('rolled back')
      const [after] = await tx<{ id: string }[]>`select pg_current_xact_id()::text as id`
      expect(after).toEqual(before)
    }).then(() => 'committed', (error: unknown) => (error instanceof Error ? error.message : String(error))))
    // a statement outside never runs inside another one's transaction
    const statements = Array.from({ length: 60 }, () => sql<{ id: string | null }[]>`select pg_current_xact_id_if_assigned()::text as id`.then(([row]) => row?.id ?? null))
    await Promise.all(busy)
    const outcomes = await Promise.all(transactions)
    expect(outcomes).toEqual(outcomes.map((_, index) => (index % 4 === 0 ? 'rolled back' : 'committed')))
    expect(new Set(await Promise.all(statements))).toEqual(new Set([null]))
  }
  const [row] = await sql<{ n: number }[]>`select count(*)::integer as n from entry`
  expect(row).toEqual({ n: 5 * 30 })
})
