import { expect, test } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { migrate } from '../../src/db/migrate.js'
import { createTestDatabase, serverVersion } from '../helpers/postgres.js'

/** In the matrix of versions the source's server may be too old to hold the tracking schema. */
test('the tracking schema is made from PostgreSQL 15 on, and an older server is refused with what to do', async () => {
  const database = await createTestDatabase({ server: 'source' })
  const sql = openTarget({ ...database.options, maxConnections: 1 })
  try {
    const made = await migrate(sql).then(({ applied }) => `${applied.length > 0}`, (error: Error) => error.message)
    expect(made).toMatch(await serverVersion('source') < 150_000 ? /^the target runs PostgreSQL 14\..*needs 15 or newer there: upgrade the target/ : /^true$/)
  } finally {
    await sql.end({ timeout: 5 })
    await database.drop()
  }
})
