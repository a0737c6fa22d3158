import type { Db as BossDatabase } from 'pg-boss'
import type { Sql } from 'postgres'
import type { Db } from '../db/clients.js'

/**
 * pg-boss over a postgres.js client. The client stays its opener's: nothing here ends it.
 * A `BEGIN; ...; COMMIT;` script of pg-boss becomes a transaction of the client, which is rolled back when it fails.
 */
export function bossDatabase(sql: Sql): BossDatabase {
  return {
    async executeSql(text, values) {
      const script = /^\s*begin\s*;(.*)\bcommit\s*;\s*$/is.exec(text)?.[1]
      // the pool tells its own transactions, and no other, when their connection is lost
      return { rows: script === undefined ? await run(sql, text, values) : await sql.begin((tx) => run(tx, script, values)) }
    },
    async listen(channel, onNotification, onReconnect): Promise<{ close(): Promise<void> }> {
      const subscription = await sql.listen(channel, onNotification, onReconnect)
      return { close: () => subscription.unlisten() }
    },
  }
}

/** The same for a transaction (or any open handle): what pg-boss writes commits and rolls back with it. */
export function bossTransaction(tx: Db): BossDatabase {
  return { executeSql: async (text, values) => ({ rows: await run(tx, text, values) }) }
}

/** Rows of one statement, or of all statements of a script, in order. */
async function run(sql: Db, text: string, values: unknown[] | undefined): Promise<object[]> {
  // unprepared, a statement with values would be described to us each time: two round trips in place of one
  const result: unknown[] = values?.length ? await sql.unsafe(text, values as never[], { prepare: true }) : await sql.unsafe(text).simple()
  return (result.some(Array.isArray) ? result.flat() : [...result]) as object[]
}
