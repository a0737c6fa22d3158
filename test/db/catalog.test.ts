import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findRelation, type Catalog } from '../../src/core/catalog.js'
import { quoteIdentifier } from '../../src/core/identifier.js'
import { describeExpressions, readCatalog } from '../../src/db/catalog.js'
import { openSource } from '../../src/db/clients.js'
import { asAdmin, createTestDatabase, openAdmin, type TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase
let catalog: Catalog
const relation = (name: string, schema = 'public') => {
  const found = findRelation(catalog, schema, name)
  if (found === undefined) throw new Error(`no ${schema}.${name}`)
  return found
}

beforeAll(async () => {
  database = await createTestDatabase()
  await database.sql.unsafe(`
    create schema app;
    create schema migration_coverage; create table migration_coverage.job (id int);
    create schema pgboss; create table pgboss.job (id int);
    create type app.state as enum ('new', 'Done');
    create type app.address as (street text, no int);
    create domain app.email as text check (value like '%@%');
    create domain app.work_email as app.email not null;
    create type app.span as range (subtype = int4);
    create table person (
      id bigint generated always as identity primary key, code text not null, region int not null, email app.work_email, state app.state, states app.state[], address app.address,
      span app.span, spans int4multirange, tags text[], n numeric(10,2), born timestamp(3), x "char", b bit, whole text generated always as (code || 'x') stored, flag boolean default true,
      dropped int, unique (code, region) include (n));
    alter table person drop column dropped;
    create unique index on person (lower(code));
    create unique index on person (region) where flag;
    insert into person (code, region, email) select 'c' || i, i, 'a@b' from generate_series(1, 5000) i;
    analyze person;
    create table app.person (id uuid primary key);
    create table measure (at date, v int) partition by range (at);
    create table measure_2024 partition of measure for values from ('2024-01-01') to ('2025-01-01');
    create table parent (id int primary key); create table child (extra int) inherits (parent);
    create view people as select id, code from person;
    create materialized view people_kept as select id from person;
    create table nothing ();
    create temporary table temporary_one (id int);
  `).simple()
  catalog = await readCatalog(database.sql, 'source')
})
afterAll(async () => { await database.drop() })

describe('readCatalog', () => {
  it('tells the server', () => {
    expect(catalog.side).toBe('source')
    expect(catalog.server).toMatchObject({ encoding: 'UTF8', database: database.options.database, blockSize: 8192 })
    expect(catalog.server.version).toBeGreaterThanOrEqual(120_000)
    expect(catalog.server.collation).not.toBe('')
  })

  it('lists the relations of users, and neither the own schemas nor those of the system', () => {
    expect(catalog.relations.map(({ schema, name, kind }) => `${schema}.${name} ${kind}`)).toEqual([
      'app.person table', 'public.child table', 'public.measure partitioned table', 'public.measure_2024 table', 'public.nothing table', 'public.parent table', 'public.people view',
      'public.people_kept materialized view', 'public.person table',
    ])
  })

  it('tells columns with their types, domains followed', () => {
    const columns = Object.fromEntries(relation('person').columns.map((column) => [column.name, column]))
    expect(Object.keys(columns)).toEqual(['id', 'code', 'region', 'email', 'state', 'states', 'address', 'span', 'spans', 'tags', 'n', 'born', 'x', 'b', 'whole', 'flag'])
    const type = (name: string) => columns[name]?.type
    const text = { name: 'text', base: 'text', kind: 'b', element: null }
    const state = { name: '"app"."state"', base: '"app"."state"', kind: 'e', element: null }
    const int4 = { name: 'int4', base: 'int4', kind: 'b', element: null }
    expect(type('email')).toEqual(text)
    expect(type('state')).toEqual(state)
    expect(type('states')).toEqual({ name: '"app"."_state"', base: '"app"."_state"', kind: 'b', element: state })
    expect(type('tags')).toEqual({ name: '_text', base: '_text', kind: 'b', element: text })
    expect(type('address')).toMatchObject({ name: '"app"."address"', kind: 'c' })
    expect(type('span')).toEqual({ name: '"app"."span"', base: '"app"."span"', kind: 'r', element: int4 })
    expect(type('spans')).toEqual({ name: 'int4multirange', base: 'int4multirange', kind: 'm', element: int4 })
    expect(type('born')).toEqual({ name: 'timestamp', base: 'timestamp', kind: 'b', element: null })
    expect(type('x')).toEqual({ name: '"char"', base: 'char', kind: 'b', element: null })
    expect(type('b')).toEqual({ name: '"bit"', base: 'bit', kind: 'b', element: null })
    expect(columns['id']).toMatchObject({ notNull: true, identity: true, generated: false, hasDefault: false })
    expect(columns['whole']).toMatchObject({ notNull: false, identity: false, generated: true })
    expect(columns['flag']).toMatchObject({ hasDefault: true })
  })

  it('gives names with which every type can be cast', async () => {
    for (const { type } of relation('person').columns) await database.sql.unsafe(`select cast(null as ${type.name})`)
    expect(await database.sql.unsafe(`select cast('101' as "bit")::text as v`)).toEqual([{ v: '101' }])
  })

  it('tells keys: unique indexes over plain columns, whole and valid, without what they merely include', () => {
    expect(relation('person').primaryKey).toEqual(['id'])
    expect(relation('person').uniqueKeys).toEqual([['id'], ['code', 'region']])
    expect(relation('nothing')).toMatchObject({ primaryKey: [], uniqueKeys: [], columns: [] })
  })

  it('tells size', () => {
    expect(relation('person').pages).toBeGreaterThan(20)
    expect(relation('person').estimatedRows).toBe(5000)
    expect(relation('nothing')).toMatchObject({ pages: 0 })
    expect(relation('people')).toMatchObject({ pages: 0 })
  })

  it('tells size, roughly, of a relation that somebody locks, and of what statistics cannot be', async () => {
    const locker = openAdmin({ ...database.options, maxConnections: 1 })
    const pinned = openSource({ ...database.options, maxConnections: 1 })
    try {
      await locker.unsafe(`begin; lock person in access exclusive mode; update pg_class set reltuples = 'NaN' where relname = 'parent'; update pg_class set reltuples = 1e30 where relname = 'child'; commit`).simple()
      await locker.unsafe('begin; lock person in access exclusive mode').simple()
      const found = await readCatalog(pinned, 'source')
      expect(findRelation(found, 'public', 'person')).toMatchObject({ pages: relation('person').pages, estimatedRows: 5000 })
      expect(['parent', 'child'].map((name) => findRelation(found, 'public', name)?.estimatedRows)).toEqual([-1, -1])
    } finally {
      await locker.unsafe('rollback; update pg_class set reltuples = -1 where relname in (\'parent\', \'child\')').simple()
      await Promise.all([locker.end({ timeout: 5 }), pinned.end({ timeout: 5 })])
    }
  })

  it('tells parents and children', () => {
    expect(relation('measure')).toMatchObject({ hasChildren: true, parent: null })
    expect(relation('measure_2024')).toMatchObject({ hasChildren: false, parent: { schema: 'public', name: 'measure' } })
    expect(relation('parent')).toMatchObject({ hasChildren: true, parent: null })
    expect(relation('child')).toMatchObject({ parent: { schema: 'public', name: 'parent' } })
  })

  it('gives the same through a pinned client', async () => {
    const pinned = openSource({ ...database.options, maxConnections: 1 })
    try {
      expect(await readCatalog(pinned, 'source')).toEqual(catalog)
    } finally {
      await pinned.end({ timeout: 5 })
    }
  })

  it('tells names exactly', async () => {
    const other = await createTestDatabase()
    const names = ['Order', 'select', 'a"b', 'a.b', 'a b', 'a-b', 'größe', 'ж'.repeat(31), "it's", '\\n', '__proto__', '日本']
    try {
      await other.sql.unsafe('create schema "My.Schema"')
      for (const name of names) await other.sql.unsafe(`create table "My.Schema".${quoteIdentifier(name)} (${quoteIdentifier(name)} int primary key)`)
      const found = (await readCatalog(other.sql, 'target')).relations
      expect(found.map(({ schema, name, columns, primaryKey }) => [schema, name, columns[0]?.name, primaryKey[0]]).sort()).toEqual(names.map((name) => ['My.Schema', name, name, name]).sort())
    } finally {
      await other.drop()
    }
  })
})

describe('the connected role', () => {
  const role = `reader_${String(process.pid)}`
  const read = async (): Promise<Catalog> => {
    const sql = openAdmin({ ...database.options, user: role, password: 'secret', maxConnections: 1 })
    try {
      return await readCatalog(sql, 'source')
    } finally {
      await sql.end({ timeout: 5 })
    }
  }
  beforeAll(async () => {
    await asAdmin((sql) => sql.unsafe(`create role ${role} login password 'secret'`))
    await database.sql.unsafe(`
      grant usage on schema public to ${role};
      grant select on parent, measure to ${role}; grant select (id, code) on person to ${role};
      create table guarded (id int); alter table guarded enable row level security; grant select on guarded to ${role};
      create table owned (id int); alter table owned enable row level security; alter table owned owner to ${role};
      create table forced (id int); alter table forced enable row level security; alter table forced force row level security; alter table forced owner to ${role};
      grant select on app.person to ${role};
      grant select (id, extra) on child to ${role}; grant select (id, code) on people to ${role};
    `).simple()
  })
  afterAll(async () => {
    await database.sql.unsafe(`drop owned by ${role}`)
    await asAdmin((sql) => sql.unsafe(`drop role ${role}`))
  })

  it('may read what it was granted, as a whole and with its schema', async () => {
    const found = await read()
    const selectable = (name: string, schema = 'public') => findRelation(found, schema, name)?.selectable
    expect([selectable('parent'), selectable('person'), selectable('child'), selectable('person', 'app'), selectable('measure')]).toEqual([true, false, false, false, true])
    // the rows of a view have no address
    expect(selectable('people')).toBe(true)
  })

  it('is subject to row-level security unless it owns the table and that is not forced', async () => {
    const found = await read()
    const secured = (name: string) => findRelation(found, 'public', name)?.rowSecurity
    expect([secured('guarded'), secured('owned'), secured('forced'), secured('parent')]).toEqual([true, false, true, false])
    const admin = await readCatalog(database.sql, 'source')
    expect(findRelation(admin, 'public', 'guarded')?.rowSecurity).toBe(false)
  })
})

describe('describeExpressions', () => {
  const describeAll = async (expressions: string[]) => {
    const pinned = openSource({ ...database.options, maxConnections: 1 })
    try {
      return await describeExpressions(pinned, 'person', 'src', expressions)
    } finally {
      await pinned.end({ timeout: 5 })
    }
  }

  it('gives the type of each, and the server\'s own words where it refuses', async () => {
    const found = await describeAll(['src.n / 100', 'src.email', 'src.state', 'src.code || src.cdoe', 'src.tags', 'src.code -- comment', '(src.region = 1\n) is true', '(src.region\n) is true', "'x'"])
    expect(found.map((one) => ('type' in one ? one.type.name : one.error))).toEqual([
      'numeric', 'text', '"app"."state"', 'column src.cdoe does not exist', '_text', 'text', 'bool', 'argument of IS TRUE must be type boolean, not type integer', 'text',
    ])
  })

  it('refuses what needs more than one row, or what is no value of its type', async () => {
    const found = await describeAll(['sum(src.n)', 'row_number() over ()', 'generate_series(1, src.region)', "cast('x' as int4)", "cast('gone' as \"app\".\"state\")", "timestamp '2000-01-01' at time zone 'Nowhere/Land'", '1 / 0'])
    expect(found.map((one) => 'error' in one)).toEqual([true, true, true, true, true, true, true])
    expect(found[4]).toEqual({ error: 'invalid input value for enum app.state: "gone"' })
  })

  it('refuses what the role may not read, and what row-level security would hide', async () => {
    await database.sql.unsafe('create role mc_nobody login password \'secret\'; grant select on person to mc_nobody; create table secret (id int); create table hidden (id int); alter table hidden enable row level security; grant select on hidden to mc_nobody').simple()
    const pinned = openSource({ ...database.options, user: 'mc_nobody', password: 'secret', maxConnections: 1 })
    try {
      const found = await describeExpressions(pinned, 'person', 'src', ['exists (select from secret s)', 'exists (select from hidden h)', 'src.id'])
      expect(found).toMatchObject([{ error: 'permission denied for table secret' }, { error: 'query would be affected by row-level security policy for table "hidden"' }, { type: { name: 'int8' } }])
    } finally {
      await pinned.end({ timeout: 5 })
      await database.sql.unsafe('drop owned by mc_nobody; drop role mc_nobody').simple()
    }
  })

  it('runs nothing', async () => {
    const began = performance.now()
    await describeAll(['(select 1 from pg_sleep(20))', 'pg_sleep(20)::text'])
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  it('throws when the server cannot be asked', async () => {
    const gone = openSource({ ...database.options, database: 'no_such_database', maxConnections: 1 })
    await expect(describeExpressions(gone, 'person', 'src', ['1'])).rejects.toThrow()
    await gone.end({ timeout: 1 })
  })
})
