import { mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import type { Plan } from '../../src/plan/schema.js'
import { openInventory } from '../../src/scripts/inventory.js'
import { scriptRoutes } from '../../src/scripts/routes.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'
import { sliceApp } from './slice-app.js'

const plan = { domains: {}, entities: {}, scripts: { seed: { file: 'sql/seed.sql' }, loose: {} } } as unknown as Plan
const text = 'insert into a values (1);\nselect 2;\n'

let database: TestDatabase
let target: Sql
let app: FastifyInstance
let directory: string

beforeAll(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  target = openTarget({ ...database.options, maxConnections: 2 })
})
afterAll(async () => {
  await target.end()
  await database.drop()
})
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'scripts-'))
  await mkdir(join(directory, 'sql'))
  await writeFile(join(directory, 'sql/seed.sql'), text)
  app = sliceApp()
  await app.register(scriptRoutes, { target, plan: { plan }, readInventory: openInventory(directory) })
  await database.sql`truncate migration_coverage.script_run`
})
afterEach(async () => {
  await app.close()
  await rm(directory, { recursive: true, force: true })
})

const stateOf = async (name = 'seed') => {
  const { scripts } = (await app.inject('/scripts/status')).json<{ scripts: { name: string; status: string; drift: string; file: { path: string } | null }[] }>()
  const found = scripts.find((script) => script.name === name)
  return found === undefined ? null : [found.status, found.drift, found.file?.path ?? null]
}
const ledgers = async () => (await app.inject('/scripts/ledgers')).json<{ files: { path: string }[] | null; fault: string | null; ledgers: unknown[] }>()
const call = async (name: 'finish' | 'fail', content: string | null) => {
  await database.sql`select migration_coverage.${database.sql.unsafe(`script_${name}`)}(migration_coverage.script_start('seed', migration_coverage.script_checksum(${content})))`
}

describe('a script is not called changed for', () => {
  it.each([
    ['CRLF', text.replaceAll('\n', '\r\n')], ['a byte order mark', `\ufeff${text}`], ['blanks at the end of lines', text.replaceAll('\n', '  \t\n')], ['lines at the end', `${text}\n\n`], ['no line end', text.trimEnd()],
  ])('%s', async (_, other) => {
    await call('finish', text)
    await writeFile(join(directory, 'sql/seed.sql'), other)
    expect(await stateOf()).toEqual(['completed', 'none', 'sql/seed.sql'])
  })

  it('another folder', async () => {
    await call('finish', text)
    await mkdir(join(directory, 'done'))
    await rename(join(directory, 'sql/seed.sql'), join(directory, 'done/seed.sql'))
    expect(await stateOf()).toEqual(['completed', 'none', 'done/seed.sql'])
    // of two files of that name the one that ran
    await writeFile(join(directory, 'seed.sql'), 'another')
    expect(await stateOf()).toEqual(['completed', 'none', 'done/seed.sql'])
  })

  it('another name', async () => {
    await call('finish', text)
    await rename(join(directory, 'sql/seed.sql'), join(directory, '01_seed.sql'))
    expect(await stateOf()).toEqual(['completed', 'none', '01_seed.sql'])
  })
})

describe('the ledger notices', () => {
  it('a script that was edited after it ran, and one that was edited back', async () => {
    await call('finish', text)
    expect(await stateOf()).toEqual(['completed', 'none', 'sql/seed.sql'])
    await writeFile(join(directory, 'sql/seed.sql'), text.replace('1', '2'))
    expect(await stateOf()).toEqual(['completed', 'changed', 'sql/seed.sql'])
    await writeFile(join(directory, 'sql/seed.sql'), text)
    expect(await stateOf()).toEqual(['completed', 'none', 'sql/seed.sql'])
  })

  it('an edit that leaves size and time as they were', async () => {
    await call('finish', text)
    expect(await stateOf()).toEqual(['completed', 'none', 'sql/seed.sql'])
    const path = join(directory, 'sql/seed.sql')
    const { atime, mtime } = await stat(path)
    await writeFile(path, text.replace('(1)', '(9)'))
    await utimes(path, atime, mtime)
    expect((await stateOf())?.[1]).toBe('changed')
  })

  it('a file that is gone', async () => {
    await call('finish', text)
    await rm(join(directory, 'sql/seed.sql'))
    expect(await stateOf()).toEqual(['missing', 'unknown', null])
    expect(await stateOf('loose')).toEqual(['pending', 'unknown', null])
    expect((await app.inject('/scripts/status?status=missing')).json()).toMatchObject({ summary: { totalScripts: 1, byStatus: { missing: 1 } } })
  })

  it('failed, then repeated; run twice: the newest run counts, and its figures are not added up', async () => {
    await call('fail', 'with a bug')
    expect(await stateOf()).toEqual(['failed', 'unknown', 'sql/seed.sql'])
    await call('finish', text)
    expect(await stateOf()).toEqual(['completed', 'none', 'sql/seed.sql'])
    await database.sql`select migration_coverage.script_finish(migration_coverage.script_start('seed'), 10, 10)`
    await database.sql`select migration_coverage.script_finish(migration_coverage.script_start('seed'), 10, 10)`
    const script = (await app.inject('/scripts/seed')).json()
    expect(script).toMatchObject({ status: 'completed', recordsProcessed: 10, metrics: { runs: 4, completedRuns: 3 } })
  })

  it('a checksum of the bytes, and takes the file\'s own when a run starts without one', async () => {
    const run = (await app.inject({ method: 'POST', url: '/scripts/seed/runs' })).json<{ runId: string; checksum: string }>()
    expect(run.checksum).toMatch(/^[0-9a-f]{64}$/)
    await app.inject({ method: 'PATCH', url: `/scripts/runs/${run.runId}`, payload: { status: 'completed' } })
    expect(await stateOf()).toEqual(['completed', 'none', 'sql/seed.sql'])
    await database.sql`select migration_coverage.script_finish(migration_coverage.script_start('seed', encode(sha256(convert_to(${text}, 'UTF8')), 'hex')))`
    expect((await stateOf())?.[1]).toBe('none')
    await database.sql`select migration_coverage.script_finish(migration_coverage.script_start('seed', 'git:12345'))`
    expect((await stateOf())?.[1]).toBe('changed')
  })

  it('what another tool ran', async () => {
    await database.sql.unsafe(`create table knex_migrations (id serial primary key, name varchar(255), batch integer, migration_time timestamptz); insert into knex_migrations (name, batch, migration_time) values ('loose.js', 1, now())`).simple()
    try {
      await writeFile(join(directory, 'loose.js'), '')
      expect((await app.inject('/scripts/loose')).json()).toMatchObject({ status: 'completed', ledger: { tool: 'knex', name: 'loose.js', state: 'completed' }, file: { path: 'loose.js' } })
      expect((await ledgers()).ledgers).toMatchObject([{ tool: 'knex', table: 'public.knex_migrations', fault: null, entries: [{ name: 'loose.js', version: 'batch 1' }] }])
    } finally {
      await database.sql`drop table knex_migrations`
    }
  })
})

describe('the directory', () => {
  it('lists files, not hidden ones, links and packages', async () => {
    await mkdir(join(directory, 'node_modules/x'), { recursive: true })
    await writeFile(join(directory, 'node_modules/x/index.js'), '')
    await writeFile(join(directory, '.hidden'), '')
    await symlink(directory, join(directory, 'loop'))
    await writeFile(join(directory, 'a.sql'), '')
    expect((await ledgers()).files?.map(({ path }) => path)).toEqual(['a.sql', 'sql/seed.sql'])
  })

  it('says that it cannot be read, and then calls nothing missing', async () => {
    await rm(directory, { recursive: true })
    expect(await ledgers()).toMatchObject({ files: null, fault: expect.stringContaining('the directory of scripts cannot be read: ENOENT') })
    expect(await stateOf()).toEqual(['pending', 'unknown', null])
  })
})
