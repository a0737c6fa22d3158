import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parsePlan } from '../../src/plan/load.js'
import { runCommand } from '../helpers/cli.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'
import { databaseEnvironment } from '../helpers/service.js'

let source: TestDatabase
let target: TestDatabase
let directory: string

beforeAll(async () => {
  [source, target] = await Promise.all([createTestDatabase(), createTestDatabase()])
  const fill = (table: string) => `create table ${table} (id int primary key, name text); insert into ${table} select n, 'Person ' || n from generate_series(1, 20) n`
  await source.sql.unsafe(fill('person')).simple()
  await target.sql.unsafe(fill('people')).simple()
  directory = await mkdtemp(join(tmpdir(), 'plan-discover-'))
})
afterAll(async () => {
  await Promise.all([source.drop(), target.drop(), rm(directory, { recursive: true })])
})

const urlOf = ({ options: { host, port, user, password, database } }: TestDatabase) => `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${database}?sslmode=disable`
const urls = () => ({ SOURCE_DATABASE_URL: urlOf(source), TARGET_DATABASE_URL: urlOf(target) })
const discover = (...args: string[]) => runCommand(['plan', 'discover', ...args], urls(), directory)

describe('migration-coverage plan discover', () => {
  it('writes a plan to the standard output, and what it cost to the other', async () => {
    const { code, output, errors } = await discover()
    expect(code).toBe(0)
    expect(parsePlan(output).plan.entities).toMatchObject({ people: { source: { table: 'person' }, target: { table: 'people' }, key: { id: 'id' }, columns: { name: 'name' } } })
    expect(errors).toMatch(/^\d+ statements on the source, \d+ on the target\n$/)
  })

  it('writes to a file, which plan check takes, and overwrites one only when told to', async () => {
    expect(await discover('--output', 'found.yaml')).toMatchObject({ code: 0, output: '' })
    const written = await readFile(join(directory, 'found.yaml'), 'utf8')
    expect(written).toBe((await discover()).output)
    expect(await runCommand(['plan', 'check', 'found.yaml'], urls(), directory)).toMatchObject({ code: 0, output: expect.stringContaining('1 entity can be compared') })

    await writeFile(join(directory, 'found.yaml'), 'mine')
    expect(await discover('--output', 'found.yaml')).toMatchObject({ code: 1, errors: 'found.yaml is there already: name another file, or give --force to overwrite it\n' })
    expect(await readFile(join(directory, 'found.yaml'), 'utf8')).toBe('mine')
    expect(await discover('--output', 'found.yaml', '--force')).toMatchObject({ code: 0 })
    expect(await readFile(join(directory, 'found.yaml'), 'utf8')).toBe(written)
  })

  it('leaves no file behind when a database cannot be reached', async () => {
    const { code, errors } = await runCommand(['plan', 'discover', '--output', 'none.yaml'], { ...databaseEnvironment({ source: source.options, target: target.options }), TARGET_DB_NAME: 'there_is_none' }, directory)
    expect(code).toBe(1)
    expect(errors).toContain('there_is_none')
    await expect(readFile(join(directory, 'none.yaml'))).rejects.toThrow('ENOENT')
  })

  it('says what it lacks', async () => {
    expect(await runCommand(['plan', 'discover'], {}, directory)).toMatchObject({ code: 1, errors: 'no databases are configured: set SOURCE_DATABASE_URL and TARGET_DATABASE_URL, or the SOURCE_DB_ and TARGET_DB_ variables\n' })
  })
})
