import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrate, verifyMigrations } from '../../src/db/migrate.js'
import { createTestDatabase, openAdmin } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase
let folder: string
const directory = () => pathToFileURL(`${folder}/`)
const write = (name: string, text: string) => writeFile(join(folder, name), text)
const tables = async () =>
  (await database.sql<{ name: string }[]>`select table_name as name from information_schema.tables where table_schema = 'migration_coverage' order by 1`).map(({ name }) => name)

beforeEach(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(join(tmpdir(), 'migration-coverage-test-'))
  await write('0001_first.sql', 'create table migration_coverage.first (a integer); create table migration_coverage.other (a integer);')
})
afterEach(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})

test("the service's own migrations apply to an empty database, once", async () => {
  const names = (await readdir(new URL('../../src/db/migrations', import.meta.url))).sort()
  await expect(verifyMigrations(database.sql)).rejects.toThrow(/lacks 0001_tracking\.sql.*npm run db:migrate/)
  expect(await migrate(database.sql)).toEqual({ applied: names })
  expect(await migrate(database.sql)).toEqual({ applied: [] })
  await expect(verifyMigrations(database.sql)).resolves.toBeUndefined()
  expect(await tables()).toEqual(expect.arrayContaining(['job', 'schema_migration', 'task']))
})

test('two processes at once apply each file once', async () => {
  const other = openAdmin(database.options)
  const results = await Promise.all([migrate(database.sql, directory()), migrate(other, directory())])
  expect(results.map(({ applied }) => applied.length).sort()).toEqual([0, 1])
  await other.end({ timeout: 5 })
})

test('later files are applied to what is there', async () => {
  await migrate(database.sql, directory())
  await write('0002_second.sql', 'alter table migration_coverage.first add column b integer')
  await expect(verifyMigrations(database.sql, directory())).rejects.toThrow('lacks 0002_second.sql')
  expect(await migrate(database.sql, directory())).toEqual({ applied: ['0002_second.sql'] })
})

test('a file that fails leaves nothing behind, of any file', async () => {
  await write('0002_second.sql', 'create table migration_coverage.second (a integer); select 1/0')
  await expect(migrate(database.sql, directory())).rejects.toThrow('division by zero')
  expect(await tables()).toEqual([])
})

describe('refuses', () => {
  test('an edited file, but not other line ends', async () => {
    await write('0001_first.sql', 'create table migration_coverage.first (\n  a integer\n)')
    await migrate(database.sql, directory())
    await write('0001_first.sql', 'create table migration_coverage.first (\r\n  a integer\r\n)')
    expect(await migrate(database.sql, directory())).toEqual({ applied: [] })
    await write('0001_first.sql', 'create table migration_coverage.first (b integer)')
    await expect(migrate(database.sql, directory())).rejects.toThrow('0001_first.sql was edited after it was applied')
    await expect(verifyMigrations(database.sql, directory())).rejects.toThrow('0001_first.sql was edited after it was applied')
  })

  test('a newer database', async () => {
    await write('0002_second.sql', 'select 1')
    await migrate(database.sql, directory())
    await rm(join(folder, '0002_second.sql'))
    await expect(migrate(database.sql, directory())).rejects.toThrow(/has migration 0002_second\.sql, which this version does not know: it is newer/)
  })

  test('gaps, double numbers and other names', async () => {
    await write('0003_third.sql', 'select 1')
    await expect(migrate(database.sql, directory())).rejects.toThrow('0003_third.sql should have number 0002')
    await rm(join(folder, '0003_third.sql'))
    await copyFile(join(folder, '0001_first.sql'), join(folder, '0001_again.sql'))
    await expect(migrate(database.sql, directory())).rejects.toThrow('should have number 0002')
    await rm(join(folder, '0001_again.sql'))
    await write('second.sql', 'select 1')
    await expect(migrate(database.sql, directory())).rejects.toThrow('a migration is named like 0001_what_it_does.sql, not second.sql')
  })
})
