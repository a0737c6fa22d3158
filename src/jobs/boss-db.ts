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
      if (!/^\s*begin\s*;/i.test(text)) return { rows: await run(sql, text, values) }
      const script = /^\s*begin\s*;(.*)\bcommit\s*;\s*$/is.exec(text)?.[1]
      if (script === undefined) throw new Error('a script of the queue begins a transaction and does not end with its commit')
      let rows: Promise<object[]> | undefined
      // COMMIT is sent right behind the script, so that its locks wait for nobody here, and keeps nothing of one that failed
      await sql.begin((tx) => {
        rows = run(tx, script, values)
        rows.catch(() => undefined)
      })
      return { rows: await rows ?? [] }
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
