import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { scriptChecksum } from '../../src/scripts/checksum.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase
let sql: Sql

beforeAll(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  sql = database.sql
})
afterAll(() => database.drop())
beforeEach(async () => { await sql`truncate migration_coverage.script_run` })

const start = async (script = 'seed') => {
  const [row] = await sql<{ id: string }[]>`select migration_coverage.script_start(${script}, 'v1') as id`
  return row?.id ?? ''
}
const readRuns = () => sql`select script, status, records_processed::int as processed, records_succeeded::int as succeeded, records_failed::int as failed, checksum, message,
  finished_at is not null as finished from migration_coverage.script_run order by started_at`

describe('the SQL functions that a script calls', () => {
  it('record a run from its start to its end', async () => {
    const id = await start()
    expect(await readRuns()).toEqual([{ script: 'seed', status: 'running', processed: 0, succeeded: 0, failed: 0, checksum: 'v1', message: null, finished: false }])
    await sql`select migration_coverage.script_progress(${id}, 10, succeeded => 8)`
    await sql`select migration_coverage.script_progress(${id}, failed => 1, message => 'half way')`
    expect(await readRuns()).toMatchObject([{ status: 'running', processed: 10, succeeded: 8, failed: 1, message: 'half way' }])
    await sql`select migration_coverage.script_finish(${id}, 12, 11)`
    const ended = [{ script: 'seed', status: 'completed', processed: 12, succeeded: 11, failed: 1, checksum: 'v1', message: 'half way', finished: true }]
    expect(await readRuns()).toEqual(ended)
    await sql`select migration_coverage.script_finish(${id}, 12, 11)`
    expect(await readRuns()).toEqual(ended)
    await expect(sql`select migration_coverage.script_fail(${id}, 'late')`).rejects.toThrow(`run ${id} is completed and final`)
    await expect(sql`select migration_coverage.script_progress(${id}, 12)`).rejects.toThrow('final')
  })

  it('record a failure with its reason, and a roll-back', async () => {
    await sql`select migration_coverage.script_fail(${await start('a')}, 'disk full', 5, 4, 1)`
    await sql`select migration_coverage.script_roll_back(${await start('b')}, 'unknown code')`
    expect(await readRuns()).toMatchObject([
      { script: 'a', status: 'failed', processed: 5, succeeded: 4, failed: 1, message: 'disk full', finished: true },
      { script: 'b', status: 'rolled_back', message: 'unknown code', finished: true },
    ])
  })

  it('refuse what the API refuses', async () => {
    const id = await start()
    await sql`select migration_coverage.script_progress(${id}, 10, 5, 1)`
    await expect(sql`select migration_coverage.script_progress(${id}, 9)`).rejects.toThrow('never fall')
    await expect(sql`select migration_coverage.script_progress(${id}, 10, 10)`).rejects.toThrow('succeeded (10) + failed (1) may not exceed processed (10)')
    await expect(sql`select migration_coverage.script_finish(gen_random_uuid())`).rejects.toThrow('there is no run')
    await expect(sql`select migration_coverage.script_start('')`).rejects.toThrow('1 to 500 characters')
    await expect(sql`select migration_coverage.script_start('a', 'with blank')`).rejects.toThrow('printable ASCII')
    await expect(sql`select migration_coverage.script_start('a', message => repeat('x', 2001))`).rejects.toThrow('at most 2000')
    await expect(sql`select migration_coverage.script_progress(${id}, message => repeat('x', 2001))`).rejects.toThrow('at most 2000')
  })

  it('take the same start twice, and no other under its id', async () => {
    const id = await start()
    expect(await sql`select migration_coverage.script_start('seed', 'v1', run_id => ${id}) as id`).toEqual([{ id }])
    await expect(sql`select migration_coverage.script_start('seed', 'v2', run_id => ${id})`).rejects.toThrow('exists already')
    await expect(sql`select migration_coverage.script_start('other', 'v1', run_id => ${id})`).rejects.toThrow('exists already')
    expect(await readRuns()).toHaveLength(1)
  })

  it('vanish with the transaction that called them', async () => {
    const id = await start()
    await expect(sql.begin(async (tx) => {
      await tx`select migration_coverage.script_progress(${id}, 100, 100)`
      throw new Error('the data was refused')
    })).rejects.toThrow('the data was refused')
    expect(await readRuns()).toMatchObject([{ status: 'running', processed: 0 }])
  })

  it('need no right but to call them', async () => {
    const role = `script_${Math.random().toString(36).slice(2)}`
    await sql.unsafe(`create role ${role} login password 'long enough'`)
    const client = openTarget({ ...database.options, user: role, password: 'long enough', maxConnections: 1 })
    try {
      await sql.unsafe(`grant usage on schema migration_coverage to ${role}`)
      await expect(client`select migration_coverage.script_start('seed')`).rejects.toThrow('permission denied for function script_start')
      await sql.unsafe(`grant execute on all functions in schema migration_coverage to ${role}`)
      const [row] = await client<{ id: string }[]>`select migration_coverage.script_start('seed') as id`
      await client`select migration_coverage.script_finish(${row?.id ?? ''}, 3, 3)`
      await expect(client`select * from migration_coverage.script_run`).rejects.toThrow('permission denied for table script_run')
    } finally {
      await client.end()
      await sql.unsafe(`drop owned by ${role}`)
      await sql.unsafe(`drop role ${role}`)
    }
    expect(await readRuns()).toMatchObject([{ script: 'seed', status: 'completed', processed: 3 }])
  })
})

describe('script_checksum', () => {
  it.each([
    'select 1;\nselect 2;\n', 'select 1;\r\nselect 2;\r\n', '\ufeffselect 1;\nselect 2;', 'select 1;  \nselect 2;\t\n\n', 'select 1;\rselect 2;', '', ' indented\n\n\nä€😀\n', '\n\n x \n \n\n',
  ])('is the same in SQL and here: %j', async (text) => {
    expect(await sql`select migration_coverage.script_checksum(${text}) as checksum`).toEqual([{ checksum: scriptChecksum(text) }])
  })
})
