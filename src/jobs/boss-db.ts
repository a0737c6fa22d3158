import type { Db as BossDatabase } from 'pg-boss'
import type { Sql } from 'postgres'
import { isUnavailable } from '../db/sqlstate.js'
import type { Db } from '../db/clients.js'

/**
 * pg-boss over a postgres.js client. The client stays its opener's: nothing here ends it.
 * A `BEGIN; ...; COMMIT` script of pg-boss gets a connection of its own, since a pool may spread its statements.
 */
export function bossDatabase(sql: Sql): BossDatabase {
  return {
    async executeSql(text, values) {
      if (!/^\s*begin\b/i.test(text)) return { rows: await run(sql, text, values) }
      const reserved = await sql.reserve()
      try {
        return { rows: await run(reserved, text, values) }
      } catch (error) {
        // a failed script leaves its transaction open; when the connection is gone with it there is nothing to roll back
        if (!isUnavailable(error)) await reserved.unsafe('rollback')
        throw error
      } finally {
        reserved.release()
      }
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
