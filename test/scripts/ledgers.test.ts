import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { scriptChecksum } from '../../src/scripts/checksum.js'
import type { ScriptFile } from '../../src/scripts/inventory.js'
import { readForeignLedgers } from '../../src/scripts/ledgers/read.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase

beforeAll(async () => { database = await createTestDatabase() })
afterAll(() => database.drop())
beforeEach(async () => { await database.sql.unsafe('drop schema public cascade; create schema public').simple() })

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const file = (path: string, text = ''): ScriptFile => ({ path, text, checksum: scriptChecksum(text), bytesChecksum: sha256(text) })
/** Name, the tool's word, our word, file and drift of each entry of the only ledger. */
async function statesOf(tool: string, files: ScriptFile[] | null = null) {
  const ledgers = await readForeignLedgers(database.sql, files)
  expect(ledgers).toMatchObject([{ tool, fault: null }])
  return ledgers[0]?.entries.map(({ name, state, status, file: path, drift }) => [name, state, status, path, drift])
}

describe('flyway', () => {
  /** The table as Flyway makes it. */
  async function history(...rows: [version: string | null, description: string, type: string, script: string, checksum: number | null, success?: boolean][]) {
    await database.sql.unsafe(`create table flyway_schema_history (
      installed_rank integer not null constraint flyway_schema_history_pk primary key, version varchar(50), description varchar(200) not null, type varchar(20) not null,
      script varchar(1000) not null, checksum integer, installed_by varchar(100) not null, installed_on timestamp not null default now(), execution_time integer not null, success boolean not null);
      create index flyway_schema_history_s_idx on flyway_schema_history (success)`).simple()
    for (const [index, [version, description, type, script, checksum, success = true]] of rows.entries()) {
      await database.sql`insert into flyway_schema_history values (${index + 1}, ${version}, ${description}, ${type}, ${script}, ${checksum}, 'me', now(), 5, ${success})`
    }
  }
  const checksum = (text: string) => crc32(text.replace(/[\r\n]/g, '')) | 0

  it('without files: what the table alone tells', async () => {
    await history(
      ['1', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', null], ['2', 'two', 'SQL', 'V2__two.sql', 7], ['4', 'four', 'SQL', 'V4__four.sql', 7], ['3', 'three', 'SQL', 'V3__three.sql', 7],
      ['5', 'five', 'SQL', 'V5__five.sql', 7], ['5', 'five', 'UNDO_SQL', 'U5__five.sql', 7], ['6', 'six', 'SQL', 'V6__six.sql', 7], ['6', 'six', 'DELETE', 'V6__six.sql', 7], [null, 'views', 'SQL', 'R__views.sql', 1],
      [null, 'views', 'SQL', 'R__views.sql', 2], ['7', 'seven', 'SQL', 'V7__seven.sql', 7, false],
    )
    expect(await statesOf('flyway')).toEqual([
      ['<< Flyway Baseline >>', 'Baseline', 'completed', null, 'unknown'], ['V2__two.sql', 'Success', 'completed', null, 'unknown'], ['V4__four.sql', 'Success', 'completed', null, 'unknown'],
      ['V3__three.sql', 'Out of Order', 'completed', null, 'unknown'], ['V5__five.sql', 'Undone', 'rolled_back', null, 'unknown'], ['U5__five.sql', 'Success', 'completed', null, 'unknown'],
      ['V6__six.sql', 'Deleted', 'missing', null, 'unknown'], ['V6__six.sql', 'Success', 'completed', null, 'unknown'], ['R__views.sql', 'Superseded', 'completed', null, 'unknown'],
      ['R__views.sql', 'Success', 'completed', null, 'unknown'], ['V7__seven.sql', 'Failed', 'failed', null, 'unknown'],
    ])
  })

  it('with files: what is gone, edited, newer or waits', async () => {
    const text = '\ufeffcreate table a ();\r\nselect 1;\n'
    await history(
      ['1', 'one', 'SQL', 'V1__one.sql', checksum('create table a ();select 1;')], ['2', 'two', 'SQL', 'V2__two.sql', 7], ['3.1', 'gone', 'SQL', 'V3_1__gone.sql', 7],
      ['9', 'future', 'SQL', 'V9__future.sql', 7], [null, 'views', 'SQL', 'R__views.sql', 1], ['9.5', 'broken', 'SQL', 'V9_5__broken.sql', 7, false],
    )
    expect(await statesOf('flyway', [file('sql/V1__one.sql', text), file('V2__two.sql', 'select 2'), file('V2_5__late.sql'), file('R__views.sql', 'x'), file('README.md')])).toEqual([
      ['V1__one.sql', 'Success', 'completed', 'sql/V1__one.sql', 'none'], ['V2__two.sql', 'Success', 'completed', 'V2__two.sql', 'changed'], ['V3_1__gone.sql', 'Future', 'missing', null, 'unknown'],
      ['V9__future.sql', 'Future', 'missing', null, 'unknown'], ['R__views.sql', 'Outdated', 'completed', 'R__views.sql', 'changed'], ['V9_5__broken.sql', 'Failed (Future)', 'failed', null, 'unknown'],
      ['V2_5__late.sql', 'Ignored', 'pending', 'V2_5__late.sql', 'unknown'], ['R__views.sql', 'Pending', 'pending', 'R__views.sql', 'unknown'],
    ])
    expect((await statesOf('flyway', [file('V2__two.sql'), file('V10__newest.sql'), file('R__views.sql', '')]))?.map(([name, state]) => [name, state])).toEqual([
      ['V1__one.sql', 'Missing'], ['V2__two.sql', 'Success'], ['V3_1__gone.sql', 'Missing'], ['V9__future.sql', 'Missing'], ['R__views.sql', 'Outdated'], ['V9_5__broken.sql', 'Failed (Missing)'],
      ['V10__newest.sql', 'Pending'], ['R__views.sql', 'Pending'],
    ])
  })

  it('below a baseline, and undone: waits', async () => {
    await history(['5', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', null], ['6', 'six', 'SQL', 'V6__six.sql', checksum('x')], ['6', 'six', 'UNDO_SQL', 'U6__six.sql', 7])
    expect((await statesOf('flyway', [file('V1__old.sql'), file('V6__six.sql', 'x')]))?.map(([name, state]) => [name, state])).toEqual([
      ['<< Flyway Baseline >>', 'Baseline'], ['V6__six.sql', 'Undone'], ['U6__six.sql', 'Success'], ['V1__old.sql', 'Below Baseline'], ['V6__six.sql', 'Pending'],
    ])
  })
})

it('liquibase: EXECTYPE of each change set', async () => {
  await database.sql.unsafe(`create table databasechangelog (id varchar(255) not null, author varchar(255) not null, filename varchar(255) not null, dateexecuted timestamp not null,
    orderexecuted integer not null, exectype varchar(10) not null, md5sum varchar(35), description varchar(255), comments varchar(255), tag varchar(255), liquibase varchar(20), contexts varchar(255), labels varchar(255), deployment_id varchar(10));
    insert into databasechangelog select id, 'ann', 'db/changes.xml', now(), place, exectype, '9:0123456789abcdef' from
    (values ('1', 1, 'EXECUTED'), ('2', 2, 'RERAN'), ('3', 3, 'MARK_RAN'), ('4', 4, 'SKIPPED'), ('5', 5, 'FAILED')) as v (id, place, exectype)`).simple()
  expect(await statesOf('liquibase', [file('changes.xml')])).toEqual([
    ['db/changes.xml::1::ann', 'EXECUTED', 'completed', 'changes.xml', 'unknown'], ['db/changes.xml::2::ann', 'RERAN', 'completed', 'changes.xml', 'unknown'],
    ['db/changes.xml::3::ann', 'MARK_RAN', 'completed', 'changes.xml', 'unknown'], ['db/changes.xml::4::ann', 'SKIPPED', 'pending', 'changes.xml', 'unknown'],
    ['db/changes.xml::5::ann', 'FAILED', 'failed', 'changes.xml', 'unknown'],
  ])
})

it('prisma: the newest row of a migration counts', async () => {
  await database.sql.unsafe(`create table _prisma_migrations (id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null, logs text,
    rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`).simple()
  const add = (id: string, name: string, text: string, minute: number, finished: boolean, rolledBack = false) => database.sql`insert into _prisma_migrations values
    (${id}, ${sha256(text)}, ${finished ? new Date() : null}, ${name}, null, ${rolledBack ? new Date() : null}, ${new Date(Date.UTC(2026, 1, 1, 0, minute))}, 1)`
  await add('1', '20260101_init', 'select 1;\n', 1, true)
  await add('2', '20260102_users', 'old', 2, false, true)
  await add('3', '20260102_users', 'new', 3, true)
  await add('4', '20260103_back', 'x', 4, false, true)
  await add('5', '20260104_broken', 'x', 5, false)
  const names = [['20260101_init', 'applied', 'completed'], ['20260102_users', 'applied', 'completed'], ['20260103_back', 'rolled back', 'rolled_back'], ['20260104_broken', 'failed', 'failed']]
  expect(await statesOf('prisma')).toEqual(names.map((one) => [...one, null, 'unknown']))
  expect(await statesOf('prisma', [file('migrations/20260101_init/migration.sql', 'select 1;\r\n'), file('20260102_users/migration.sql', 'edited'), file('20260105_next/migration.sql')])).toEqual([
    ['20260101_init', 'applied', 'completed', 'migrations/20260101_init/migration.sql', 'none'], ['20260102_users', 'applied', 'completed', '20260102_users/migration.sql', 'changed'],
    ['20260103_back', 'missing from the local migrations directory', 'missing', null, 'unknown'], ['20260104_broken', 'missing from the local migrations directory', 'missing', null, 'unknown'],
    ['20260105_next', 'not yet applied', 'pending', '20260105_next/migration.sql', 'unknown'],
  ])
})

it('knex', async () => {
  await database.sql.unsafe(`create table knex_migrations (id serial primary key, name varchar(255), batch integer, migration_time timestamptz);
    create table knex_migrations_lock (index serial primary key, is_locked integer);
    insert into knex_migrations (name, batch, migration_time) values ('1_a.js', 1, now()), ('2_b.js', 2, now())`).simple()
  expect(await statesOf('knex')).toEqual([['1_a.js', 'completed', 'completed', null, 'unknown'], ['2_b.js', 'completed', 'completed', null, 'unknown']])
  expect(await statesOf('knex', [file('1_a.js'), file('3_c.ts'), file('notes.md')])).toEqual([
    ['1_a.js', 'completed', 'completed', '1_a.js', 'unknown'], ['2_b.js', 'missing', 'missing', null, 'unknown'], ['3_c.ts', 'pending', 'pending', '3_c.ts', 'unknown'],
  ])
  // another tool's directory: nothing is called missing
  expect((await statesOf('knex', [file('x/migrate.js')]))?.map(([, state]) => state)).toEqual(['completed', 'completed'])
})

it('node-pg-migrate', async () => {
  await database.sql.unsafe(`create table pgmigrations (id serial primary key, name varchar(255) not null, run_on timestamp not null);
    insert into pgmigrations (name, run_on) values ('1_a', '2026-01-01'), ('2_b', '2026-01-02')`).simple()
  expect(await statesOf('node-pg-migrate', [file('2_b.sql'), file('3_c.js')])).toEqual([
    ['1_a', 'missing', 'missing', null, 'unknown'], ['2_b', 'run', 'completed', '2_b.sql', 'unknown'], ['3_c', 'not run', 'pending', '3_c.js', 'unknown'],
  ])
})

it('alembic: what came before the current revision is told by the files', async () => {
  await database.sql.unsafe(`create table alembic_version (version_num varchar(32) not null constraint alembic_version_pkc primary key); insert into alembic_version values ('cc')`).simple()
  const revision = (id: string, down: string) => file(`versions/${id}_x.py`, `"""x"""\nrevision: str = '${id}'\ndown_revision: Union[str, None] = ${down}\n`)
  expect(await statesOf('alembic')).toEqual([['cc', 'current', 'completed', null, 'unknown']])
  expect((await statesOf('alembic', [revision('aa', 'None'), revision('bb', "'aa'"), revision('b2', '"aa"'), revision('cc', "('bb', 'b2')"), revision('dd', "'cc'"), file('env.py')]))?.map(([name, state, status]) => [name, state, status])).toEqual([
    ['b2', 'applied', 'completed'], ['aa', 'applied', 'completed'], ['bb', 'applied', 'completed'], ['cc', 'current', 'completed'], ['dd', 'pending', 'pending'],
  ])
})

it('django: [X] and [ ], also for apps whose files are elsewhere', async () => {
  await database.sql.unsafe(`create table django_migrations (id bigint generated by default as identity primary key, app varchar(255) not null, name varchar(255) not null, applied timestamptz not null);
    insert into django_migrations (app, name, applied) values ('auth', '0001_initial', now()), ('shop', '0001_initial', now())`).simple()
  expect(await statesOf('django', [file('shop/migrations/0001_initial.py'), file('shop/migrations/0002_more.py'), file('shop/migrations/__init__.py')])).toEqual([
    ['auth.0001_initial', '[X]', 'completed', null, 'unknown'], ['shop.0001_initial', '[X]', 'completed', 'shop/migrations/0001_initial.py', 'unknown'], ['shop.0002_more', '[ ]', 'pending', 'shop/migrations/0002_more.py', 'unknown'],
  ])
})

it('rails: up, down and NO FILE', async () => {
  await database.sql.unsafe(`create table schema_migrations (version character varying not null primary key); insert into schema_migrations values ('20260101000000'), ('20260102000000')`).simple()
  expect(await statesOf('rails')).toEqual([['20260101000000', 'up', 'completed', null, 'unknown'], ['20260102000000', 'up', 'completed', null, 'unknown']])
  expect(await statesOf('rails', [file('db/migrate/20260102000000_create_users.rb'), file('db/migrate/20260103000000_add_age.rb')])).toEqual([
    ['********** NO FILE **********', 'up', 'missing', null, 'unknown'], ['Create users', 'up', 'completed', 'db/migrate/20260102000000_create_users.rb', 'unknown'],
    ['Add age', 'down', 'pending', 'db/migrate/20260103000000_add_age.rb', 'unknown'],
  ])
})

describe('tables that are not, or cannot be, read', () => {
  it('a table of that name with other columns is not a ledger', async () => {
    await database.sql.unsafe(`create table schema_migrations (version bigint not null primary key, dirty boolean not null); create table knex_migrations (id int)`).simple()
    expect(await readForeignLedgers(database.sql, null)).toEqual([])
  })

  it('says what right is lacking, and finds ledgers in other schemas', async () => {
    const role = `reader_${Math.random().toString(36).slice(2)}`
    await database.sql.unsafe(`create schema "App"; create table "App".pgmigrations (id serial primary key, name varchar(255) not null, run_on timestamp not null); create role ${role} login password 'long enough'`).simple()
    const client = openTarget({ ...database.options, user: role, password: 'long enough', maxConnections: 1 })
    try {
      expect(await readForeignLedgers(client, null)).toEqual([
        { tool: 'node-pg-migrate', table: 'App.pgmigrations', entries: [], fault: 'the role of the service may not read it: grant it usage on the schema and select on the table' },
      ])
      await database.sql.unsafe(`grant usage on schema "App" to ${role}; grant select on "App".pgmigrations to ${role}`).simple()
      expect(await readForeignLedgers(client, null)).toEqual([{ tool: 'node-pg-migrate', table: 'App.pgmigrations', entries: [], fault: null }])
    } finally {
      await client.end()
      await database.sql.unsafe(`drop schema "App" cascade; drop role ${role}`).simple()
    }
  })
})
