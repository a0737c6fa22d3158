import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../helpers/cli.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'
import { databaseEnvironment } from '../helpers/service.js'

let source: TestDatabase
let target: TestDatabase
let directory: string

beforeAll(async () => {
  [source, target] = await Promise.all([createTestDatabase(), createTestDatabase()])
  await source.sql`create table person (id int primary key, name text, born date)`
  await target.sql`create table people (id int primary key, name text)`
  directory = await mkdtemp(join(tmpdir(), 'plan-check-'))
})
afterAll(async () => {
  await Promise.all([source.drop(), target.drop(), rm(directory, { recursive: true })])
})

/** What `migration-coverage plan check` prints and ends with; the plan is in the file that the environment names. */
async function check(plan: string, { configured = true, args = [] as string[] } = {}): Promise<{ code: number; output: string }> {
  const path = join(directory, 'plan.yaml')
  await writeFile(path, plan)
  const environment = configured ? databaseEnvironment({ source: source.options, target: target.options }, path) : {}
  const { code, output, errors } = await runCommand(['plan', 'check', ...args], environment, directory)
  return { code, output: (output + errors).replaceAll(path, 'plan.yaml') }
}

const planOf = (table: string, columns = '[name]') => `version: 1
domains: { core: {} }
entities:
  people:
    domain: core
    source: { table: ${table} }
    target: { table: people }
    key: { id: id }
    same: ${columns}
`

describe('migration-coverage plan check', () => {
  it('ends with 0 when every entity can be compared, and tells what is left uncovered', async () => {
    const { code, output } = await check(planOf('person'))
    expect(output).toMatch(/^plan\.yaml:6:\d+ warning UNCOVERED_COLUMNS entities\.people\.source\n {2}1 column of the source table public\.person is neither compared nor ignored: born\n/)
    expect(output).toContain('critical: 0, warnings: 1, notes: 0; 1 entity can be compared\n')
    expect(code).toBe(0)
  })

  it('names the place and the nearest name, and ends with 1', async () => {
    const { code, output } = await check(planOf('persn', '[nme]'))
    expect(output).toMatch(/plan\.yaml:6:\d+ critical TABLE_NOT_FOUND entities\.people\.source\.table\n.*\n.*did you mean `public\.person`\?/)
    expect(output).toContain('0 entities can be compared; not: people\n')
    expect(code).toBe(1)
  })

  it('tells the faults of a file that cannot be loaded, also of one that is named', async () => {
    const { code, output } = await check(`${planOf('person')}colour: red\n`, { args: ['plan.yaml'] })
    expect(output).toContain('plan.yaml:10:1 critical UNKNOWN_KEY colour')
    expect(output).toContain('critical: 1, warnings: 0, notes: 0; the plan cannot be loaded')
    expect(code).toBe(1)
  })

  it('writes nothing', async () => {
    await check(planOf('person'))
    expect(await target.sql`select nspname from pg_namespace where nspname in ('migration_coverage', 'pgboss')`).toEqual([])
  })

  it('says what it lacks', async () => {
    expect(await check(planOf('person'), { configured: false })).toEqual({ code: 1, output: 'no databases are configured: set SOURCE_DATABASE_URL and TARGET_DATABASE_URL, or the SOURCE_DB_ and TARGET_DB_ variables\n' })
    expect(await check(planOf('person'), { args: ['nowhere.yaml'] })).toMatchObject({ code: 1, output: expect.stringContaining('nowhere.yaml') })
  })
})
