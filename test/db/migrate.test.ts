import { expect, test } from 'vitest'
import { migrate, verifyMigrations } from '../../src/db/migrate.js'
import { createTestDatabase } from '../helpers/postgres.js'

test('the template has every migration, so nothing is left to apply', async () => {
  const database = await createTestDatabase({ template: 'tracking' })
  expect(await migrate(database.sql)).toEqual({ applied: [] })
  await expect(verifyMigrations(database.sql)).resolves.toBeUndefined()
  await database.drop()
})
