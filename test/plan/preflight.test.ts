import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSource, openTargetReader } from '../../src/db/clients.js'
import { parsePlan } from '../../src/plan/load.js'
import { checkPlanAgainst } from '../../src/plan/preflight.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'
import { planText } from './plans.js'

let source: TestDatabase
let target: TestDatabase
let clients: { source: Sql; target: Sql }

beforeAll(async () => {
  ;[source, target] = await Promise.all([createTestDatabase(), createTestDatabase()])
  await source.sql.unsafe(`
    create type state as enum ('open', 'Shut');
    create table person (id int primary key, name varchar(40) not null, born timestamp, kind char(1), state state, score numeric(8,2), office_id int, note json, email text, doc uuid, payload jsonb, tag text unique);
    create table office (id int primary key, city text);
    create table visit (person_id int not null, office_id int not null, at date, unique (office_id, person_id));
    create table spare (id int);
    create view people_view as select * from person;
    create table log (at date, v text) partition by range (at);
    create table log_1 partition of log for values from ('2020-01-01') to ('2021-01-01');
    create table log_2 partition of log for values from ('2021-01-01') to ('2022-01-01') partition by range (at);
    create table log_2a partition of log_2 for values from ('2021-01-01') to ('2021-02-01');
    create table "Odd ""Table"".x" ("the Id" int primary key, "select" text, "customerRef" text);
  `).simple()
  await target.sql.unsafe(`
    create type status as enum ('active', 'closed');
    create table people (id uuid primary key, legacy_id int, name text, born timestamptz, kind text, status status, score float8, office_id uuid, note jsonb, email text, doc text, payload jsonb, origin text, num int);
    create table map (entity text, legacy_id text, modern_id uuid);
    create table visits (person_id uuid, office_id uuid, at date);
    create table odd ("the Id" int primary key, "select" text, "customerRef" text);
    create table log (at date, v text);
    create table secured (id int); alter table secured enable row level security; alter table secured force row level security;
  `).simple()
  clients = { source: openSource({ ...source.options, maxConnections: 2 }), target: openTargetReader({ ...target.options, maxConnections: 2 }) }
})
afterAll(async () => {
  await Promise.all([clients.source.end({ timeout: 5 }), clients.target.end({ timeout: 5 })])
  await Promise.all([source.drop(), target.drop()])
})

const check = (text: string) => checkPlanAgainst(parsePlan(text), clients.source, clients.target)
const map = 'keyMaps: { person: { table: map, legacy: legacy_id, modern: modern_id, where: "entity = \'person\'" }, office: { table: map, legacy: legacy_id, modern: modern_id, where: "tgt.entity = \'office\' -- shared" } }'
const byMap = '{ id: { from: id, references: person } }'
/** The critical faults of one entity with this in it. */
const refusals = async (parts: Parameters<typeof planText>[0]) => {
  const { faults, specs } = await check(planText({ key: byMap, top: map, ...parts }))
  const critical = faults.filter(({ severity }) => severity === 'critical')
  expect(specs.has('people')).toBe(critical.length === 0)
  return critical.map(({ code, path, line, message, suggestion }) => ({ code, path, line, message, suggestion }))
}
const warnings = async (parts: Parameters<typeof planText>[0]) => {
  const { faults } = await check(planText({ key: byMap, top: map, ...parts }))
  return faults.filter(({ severity, code }) => severity === 'warning' && !code.startsWith('UNCOVERED'))
}

describe('a sound plan', () => {
  it('becomes a comparison that is ready to run', async () => {
    const { faults, specs, columns } = await check(planText({
      top: map, key: byMap, source: `table: person, where: "kind = 'P'", exclude: [{ reason: test, where: "src.name like 'x%' -- tests" }]`,
      target: `table: people, where: "tgt.origin = 'old'", generated: [{ reason: system, where: "legacy_id = -1" }]`,
      entity: [
        'same: [name]',
        'columns: { born: { from: born, zone: America/New_York }, status: { from: state, values: { open: active, Shut: closed, null: null } }, office_id: { from: office_id, references: office }, note: note, score: score, '
          + 'email: { sql: "lower(src.email collate \\"C\\")", pii: true } }',
        'explained: [{ reason: no office, where: "not exists (select from office o where o.id = src.office_id)" }]',
        'ignore: { source: { payload: later }, target: { origin: ours } }',
      ].join('\n'),
    }))
    expect(faults.filter(({ severity }) => severity === 'critical')).toEqual([])
    const spec = specs.get('people')
    expect(spec).toMatchObject({
      entity: 'people', domain: 'core',
      source: {
        schema: 'public', table: 'person', where: "src.kind = 'P'", exclude: [{ reason: 'test', where: "src.name like 'x%' -- tests\n" }],
        explained: [{ reason: 'no office', where: 'not exists (select from office o where o.id = src.office_id)' }], uniqueKey: ['id'], chunkable: true, pages: 0,
      },
      target: { schema: 'public', table: 'people', where: "tgt.origin = 'old'", claim: 'where', generated: [{ reason: 'system', where: 'tgt.legacy_id = -1' }], chunkable: true },
      key: [{ name: 'id', source: 'src."id"', target: 'tgt."id"', sourceType: 'int4', targetType: 'uuid', keyMap: 'person', canonical: { name: 'numeric' } }],
      keyMaps: {
        person: { name: 'person', schema: 'public', table: 'map', legacy: 'legacy_id', modern: 'modern_id', legacyType: 'text', modernType: 'uuid', unique: { legacy: false, modern: false }, where: "tgt.entity = 'person'" },
        office: { where: "tgt.entity = 'office' -- shared\n" },
      },
    })
    const terms = Object.fromEntries(spec?.columns.map((term) => [term.name, term]) ?? [])
    expect(Object.keys(terms)).toEqual(['born', 'status', 'office_id', 'note', 'score', 'email', 'name'])
    expect(terms['status']).toMatchObject({ sourceType: '"public"."state"', canonical: { name: 'text' }, values: { codes: [{ code: 'open', value: 'active' }, { code: 'Shut', value: 'closed' }], null: { value: null } } })
    expect(terms['email']).toMatchObject({ source: '(lower(src.email collate "C")\n)', sourceType: 'text', pii: true, keyMap: null, zone: null, values: null })
    expect(terms['born']).toMatchObject({ zone: 'America/New_York', targetType: 'timestamptz' })
    const told = (side: string) => Object.fromEntries(columns.filter((column) => column.side === side).map(({ column, coverage }) => [column, coverage]))
    expect(told('source')).toEqual({
      id: 'compared', name: 'compared', born: 'compared', kind: 'read', state: 'compared', score: 'compared', office_id: 'compared', note: 'compared', email: 'read', doc: 'uncovered', payload: 'ignored', tag: 'uncovered',
    })
    expect(told('target')).toMatchObject({ id: 'compared', origin: 'ignored', legacy_id: 'read', kind: 'uncovered', num: 'uncovered' })
    expect(columns.find(({ column }) => column === 'origin')).toEqual({ entity: 'people', side: 'target', column: 'origin', coverage: 'ignored', reason: 'ours' })
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec)
    expect(faults.filter(({ code }) => code === 'LOSSY_TYPES')).toMatchObject([{ severity: 'warning', entity: 'people', line: 11 }])
  })

  it('takes `same: all` for every common name that is not written elsewhere', async () => {
    const { specs } = await check(planText({
      top: map, key: byMap, entity: 'same: all\ncolumns: { born: { from: born, zone: UTC }, office_id: { from: office_id, references: office } }\nignore: { source: { payload: no }, target: { doc: no } }',
    }))
    expect(specs.get('people')?.columns.map(({ name }) => name)).toEqual(['born', 'office_id', 'name', 'kind', 'score', 'note', 'email'])
  })

  it('reads a view, a partitioned table and names of every kind', async () => {
    const { specs, faults, tables } = await check(`version: 1
domains: { core: {} }
entities:
  view: { domain: core, source: { table: people_view }, target: { table: people }, key: { legacy_id: id } }
  log: { domain: core, source: { table: log }, target: { table: log }, key: { at: at, v: v } }
  odd: { domain: core, source: { table: [public, 'Odd "Table".x'] }, target: { table: odd }, key: { the Id: the Id }, same: all }
`)
    expect(faults.filter(({ severity }) => severity === 'critical')).toEqual([])
    expect(specs.get('view')?.source).toMatchObject({ chunkable: false, uniqueKey: null })
    expect(specs.get('log')?.source).toMatchObject({ chunkable: false, uniqueKey: null })
    expect(specs.get('odd')).toMatchObject({ source: { table: 'Odd "Table".x', uniqueKey: ['the Id'] }, key: [{ source: 'src."the Id"' }], columns: [{ source: 'src."select"' }, { name: 'customerRef' }] })
    const found = Object.fromEntries(tables.filter(({ side }) => side === 'source').map(({ table, coverage }) => [table, coverage]))
    expect(found).toEqual({ 'Odd "Table".x': 'covered', log: 'covered', office: 'uncovered', people_view: 'covered', person: 'uncovered', spare: 'uncovered', visit: 'uncovered' })
  })

  it('signs tables off: by a reason, as a key map', async () => {
    const { tables, faults } = await check(planText({ key: byMap, top: `${map}\nignore: { source: { spare: old, visti: gone } }` }))
    const told = (side: string, table: string) => tables.find((one) => one.side === side && one.table === table)
    expect(told('source', 'spare')).toEqual({ side: 'source', schema: 'public', table: 'spare', coverage: 'ignored', reason: 'old', entities: [] })
    expect(told('target', 'map')).toMatchObject({ coverage: 'ignored', reason: 'holds the key map office' })
    expect(told('target', 'people')).toMatchObject({ coverage: 'covered', entities: ['people'] })
    expect(told('source', 'log_1')).toBeUndefined()
    expect(faults.filter(({ code }) => code === 'UNCOVERED_TABLE').map(({ message }) => message)).toContain('no entity names the source table public.office')
    expect(faults.find(({ path }) => path === 'ignore.source.visti')).toMatchObject({ severity: 'warning', code: 'TABLE_NOT_FOUND', line: 4 })
  })

  it('knows a unique key only where one is proven', async () => {
    const keyOf = async (source: string, target: string, key: string) => (await check(planText({ top: map, source, target, key }))).specs.get('people')?.source.uniqueKey
    expect(await keyOf('table: visit', 'table: visits', '{ person_id: { from: person_id, references: person }, office_id: { from: office_id, references: office } }')).toEqual(['office_id', 'person_id'])
    expect(await keyOf('table: visit', 'table: visits', '{ person_id: { from: person_id, references: person } }')).toBeNull()
    expect(await keyOf('table: person', 'table: people', '{ kind: tag }')).toBeNull() // tag is unique, but may be null
    expect(await keyOf('table: person', 'table: people', '{ legacy_id: { sql: src.id } }')).toBeNull()
    expect(await keyOf('table: person', 'table: people', '{ legacy_id: { from: id, values: { 1: 2, 3: 2 } } }')).toBeNull()
  })
})

describe('names', () => {
  it.each([
    ['a source table', { source: 'table: persom' }, 'TABLE_NOT_FOUND', 'entities.people.source.table', 'did you mean `public.person`?'],
    ['a target table', { target: 'table: peopel' }, 'TABLE_NOT_FOUND', 'entities.people.target.table', 'did you mean `public.people`?'],
    ['a table of another schema', { source: 'table: app.person' }, 'TABLE_NOT_FOUND', 'entities.people.source.table', 'did you mean `public.person`?'],
    ['a source column', { entity: 'columns: { name: nmae }' }, 'COLUMN_NOT_FOUND', 'entities.people.columns.name.from', 'did you mean `name`?'],
    ['a column in other letter case', { entity: 'columns: { name: Name }' }, 'COLUMN_NOT_FOUND', 'entities.people.columns.name.from', 'did you mean `name`?'],
    ['a target column', { entity: 'columns: { emial: email }' }, 'COLUMN_NOT_FOUND', 'entities.people.columns.emial', 'did you mean `email`?'],
    ['a column of the key', { key: '{ legacy: id }' }, 'COLUMN_NOT_FOUND', 'entities.people.key.legacy', 'did you mean `legacy_id`?'],
    ['a column in same', { entity: 'same: [name, tag]' }, 'COLUMN_NOT_FOUND', 'entities.people.same[1]', null],
    ['a column in a predicate', { source: 'table: person, where: "src.kimd = \'P\'"' }, 'COLUMN_NOT_FOUND', 'entities.people.source.where', 'did you mean `kind`?'],
    ['a bare column in a predicate', { source: 'table: person, where: "kimd = \'P\'"' }, 'COLUMN_NOT_FOUND', 'entities.people.source.where', 'did you mean `kind`?'],
    ['a column that is only a cast in disguise', { entity: 'columns: { name: { sql: "src.text" } }' }, 'COLUMN_NOT_FOUND', 'entities.people.columns.name.sql', null],
    ['a system column', { entity: 'columns: { name: { sql: "src.ctid::text" } }' }, 'COLUMN_NOT_FOUND', 'entities.people.columns.name.sql', null],
    ['a column of a subquery', { source: 'table: person, where: "exists (select from office o where o.idd = src.office_id)"' }, 'COLUMN_NOT_FOUND', 'entities.people.source.where', 'did you mean `id`?'],
    ['a table of a subquery', { source: 'table: person, where: "exists (select from offices o where o.id = src.office_id)"' }, 'TABLE_NOT_FOUND', 'entities.people.source.where', 'did you mean `public.office`?'],
    ['a table of the other side', { source: 'table: person, where: "exists (select from visits v)"' }, 'TABLE_NOT_FOUND', 'entities.people.source.where', 'did you mean `public.visit`?'],
  ])('%s that does not exist', async (_, parts, code, path, suggestion) => {
    const [fault, ...others] = await refusals(parts)
    expect(others).toEqual([])
    expect(fault).toMatchObject({ code, path, suggestion })
    expect(fault?.line).toBeGreaterThan(3)
  })

  it('of a key map block the entities that use it, and only those', async () => {
    const { faults, specs } = await check(`version: 1
domains: { core: {} }
keyMaps: { person: { table: map, legacy: legacy, modern: modern_id } }
entities:
  one: { domain: core, source: { table: person }, target: { table: people }, key: { id: { from: id, references: person } } }
  two: { domain: core, source: { table: visit }, target: { table: visits }, key: { at: at } }
`)
    expect(faults.filter(({ severity }) => severity === 'critical').map(({ code, entity, path, line, suggestion }) => [code, entity, path, line, suggestion])).toEqual([
      ['COLUMN_NOT_FOUND', null, 'keyMaps.person.legacy', 3, 'did you mean `legacy_id`?'], ['INCOMPATIBLE_TYPES', 'one', 'entities.one.key.id', 5, 'repair them first'],
    ])
    expect([...specs.keys()]).toEqual(['two'])
  })

  it('of ignored columns are only worth a warning', async () => {
    expect(await warnings({ entity: 'ignore: { source: { nothing: gone } }' })).toMatchObject([{ code: 'COLUMN_NOT_FOUND', path: 'entities.people.ignore.source.nothing' }])
  })
})

describe('SQL', () => {
  it.each([
    ['of another type than boolean', { source: 'table: person, where: "src.id + 1"' }, 'INVALID_SQL', 'argument of IS TRUE must be type boolean'],
    ['of operands that do not fit', { source: 'table: person, exclude: [{ reason: a, where: "src.born > 5" }]' }, 'INVALID_SQL', 'operator does not exist'],
    ['with an unknown function', { entity: 'columns: { name: { sql: "no_such(src.name)" } }' }, 'INVALID_SQL', 'function no_such(character varying) does not exist'],
    ['with a plain aggregate', { entity: 'columns: { num: { sql: "max(src.id)" } }' }, 'INVALID_SQL', 'aggregate functions are not allowed'],
    ['that gives several rows', { entity: 'columns: { num: { sql: "generate_series(1, src.id)" } }' }, 'INVALID_SQL', 'set-returning functions are not allowed'],
    ['that acts', { entity: 'columns: { name: { sql: "pg_sleep(1)::text" } }' }, 'UNSAFE_SQL', '`pg_sleep` is not allowed'],
    ['with a capture', { entity: 'explained: [{ reason: a, where: "not exists (select from office o where o.id = office_id)" }]' }, 'UNQUALIFIED_COLUMN', '`src.office_id`'],
    ['in the target', { target: 'table: people, where: "tgt.num like 1"' }, 'INVALID_SQL', 'the target server refuses'],
    ['of a key map', { top: map.replace('person\'" }', 'person\' and 1" }') }, 'INVALID_SQL', 'the target server refuses'],
  ])('%s is refused', async (_, parts, code, words) => {
    const found = await refusals(parts)
    expect(found[0]).toMatchObject({ code })
    expect(found[0]?.message).toContain(words)
    expect(found[0]?.line).toBeGreaterThan(2)
  })

  it('warns of what changes from call to call', async () => {
    expect(await warnings({ source: 'table: person, where: "src.born < now()"', entity: 'columns: { score: { sql: "random()" } }' })).toMatchObject([
      { code: 'UNSTABLE_SQL', path: 'entities.people.source.where' }, { code: 'UNSTABLE_SQL', path: 'entities.people.columns.score.sql' },
    ])
    expect(await warnings({ source: 'query: "select p.id, p.name from person p where p.born < now()"', entity: '' })).toContainEqual(expect.objectContaining({ code: 'UNSTABLE_SQL', path: 'entities.people.source.query' }))
  })

  it('warns of rows on another server: in the table, in a part of it, in a subquery and in a query', async () => {
    await source.sql.unsafe(`create extension postgres_fdw; create server far foreign data wrapper postgres_fdw options (dbname 'nowhere'); create foreign table far_person (id int, name varchar(40)) server far;
      create table parted (id int, name varchar(40)) partition by list (id); create foreign table parted_1 partition of parted for values in (1) server far`).simple()
    const foreign = async (from: string) => (await warnings({ source: from, entity: '' })).filter(({ code }) => code === 'FOREIGN_TABLE').map(({ entity, path, message }) => [entity, path, message.split(':')[0]])
    const told = 'public.far_person in the source database is a foreign table'
    expect(await foreign('table: far_person')).toEqual([['people', 'entities.people.source.table', told]])
    expect(await foreign('table: parted')).toEqual([['people', 'entities.people.source.table', 'public.parted_1, a part of public.parted in the source database, is a foreign table']])
    expect(await foreign('table: person, where: "src.id in (select f.id from far_person f)"')).toEqual([['people', 'entities.people.source.where', told]])
    expect(await foreign('query: "select f.id, f.name from far_person f"')).toEqual([['people', 'entities.people.source.query', told]])
    await source.sql.unsafe('drop extension postgres_fdw cascade; drop table parted').simple()
  })

  it('lets NULL be no: a predicate is wrapped where the server sees it', async () => {
    const { specs } = await check(planText({ top: map, key: byMap, source: 'table: person, where: "src.kind = \'P\' or src.kind = \'Q\' -- both"' }))
    const where = specs.get('people')?.source.where ?? ''
    expect(await source.sql.unsafe(`select count(*)::int as n from person src where (${where}) is true`)).toEqual([{ n: 0 }])
  })
})

describe('types', () => {
  it.each([
    ['a time without its zone', { entity: 'columns: { born: born }' }, 'INCOMPATIBLE_TYPES', 'entities.people.columns.born', 'zone'],
    ['the same in a list', { entity: 'same: [name, born]' }, 'INCOMPATIBLE_TYPES', 'entities.people.same[1]', 'zone'],
    ['text as a number', { entity: 'columns: { num: name }' }, 'INCOMPATIBLE_TYPES', 'entities.people.columns.num', 'sql'],
    ['a zone that is none', { entity: 'columns: { born: { from: born, zone: America/Nowhere } }' }, 'UNKNOWN_ZONE', 'entities.people.columns.born.zone', null],
    ['a zone that only POSIX reads', { entity: 'columns: { born: { from: born, zone: Foo1 } }' }, 'UNKNOWN_ZONE', 'entities.people.columns.born.zone', null],
    ['a zone for a number', { entity: 'columns: { num: { from: id, zone: UTC } }' }, 'INCOMPATIBLE_TYPES', 'entities.people.columns.num', 'remove'],
    ['a code that is no number', { entity: 'columns: { status: { from: id, values: { one: active } } }' }, 'INVALID_CODE', 'entities.people.columns.status.values.one', null],
    ['a code that the source\'s enum does not have', { entity: 'columns: { status: { from: state, values: { shut: closed } } }' }, 'INVALID_CODE', 'entities.people.columns.status.values.shut', null],
    ['a code of SQL', { entity: 'columns: { status: { sql: "src.id + 1", values: { x: closed } } }' }, 'INVALID_CODE', 'entities.people.columns.status.values.x', null],
    ['a value that the target\'s enum does not have', { entity: 'columns: { status: { from: id, values: { 1: clsoed } } }' }, 'INVALID_CODE', 'entities.people.columns.status.values["1"]', null],
    ['a value of null that the target does not have', { entity: 'columns: { status: { from: id, values: { null: none } } }' }, 'INVALID_CODE', 'entities.people.columns.status.values.null', null],
    ['one code in two ways', { entity: 'columns: { num: { from: id, values: { 7: 1, 007: 2 } } }' }, 'INVALID_CODE', 'entities.people.columns.num.values["007"]', null],
    ['one number in two ways', { entity: 'columns: { num: { from: score, values: { 7: 1, 7.00: 2 } } }' }, 'INVALID_CODE', 'entities.people.columns.num.values["7.00"]', null],
    ['one text of a char in two ways', { entity: 'columns: { num: { from: kind, values: { "P": 1, "P ": 2 } } }' }, 'INVALID_CODE', 'entities.people.columns.num.values["P "]', null],
    ['a key map of another type', { entity: 'columns: { num: { from: id, references: office } }' }, 'INCOMPATIBLE_TYPES', 'entities.people.columns.num.references', null],
    ['a key that has several texts', { key: '{ note: note }' }, 'INCOMPATIBLE_TYPES', 'entities.people.key.note', null],
    ['a date as a legacy key', { top: map.replace('legacy: legacy_id, modern: modern_id, where: "entity', 'legacy: entity, modern: modern_id, where: "entity'), key: '{ id: { from: born, references: person } }' }, 'INCOMPATIBLE_TYPES', 'entities.people.key.id', null],
  ])('%s is refused', async (_, parts, code, path, suggestion) => {
    const found = await refusals(parts)
    expect(found).toMatchObject([{ code, path }])
    if (suggestion !== null) expect(found[0]?.suggestion).toContain(suggestion)
    expect(found[0]?.line).toBeGreaterThan(3)
  })

  it('takes a quoted null as a code', async () => {
    const { specs, faults } = await check(planText({ top: map, key: byMap, entity: 'columns: { kind: { from: name, values: { "null": x, null: y } } }' }).replace('"null": x, ', '"null": x, a: "null", ').replace(', null: y', ''))
    expect(faults.filter(({ severity }) => severity === 'critical')).toEqual([])
    expect(specs.get('people')?.columns[0]?.values).toEqual({ codes: [{ code: 'null', value: 'x' }, { code: 'a', value: 'null' }] })
  })
})

describe('shared tables', () => {
  const two = (one: string, other: string) => `version: 1
domains: { core: {} }
${map}
entities:
  one: { domain: core, source: { table: person }, ${one} }
  two: { domain: core, source: { table: office }, ${other} }
`
  const claims = async (text: string) => {
    const { faults, specs } = await check(text)
    return { refused: faults.filter(({ severity }) => severity === 'critical').map(({ code, entity }) => `${code} ${String(entity)}`), claims: [...specs.values()].map(({ entity, target: { claim } }) => `${entity} ${claim}`) }
  }

  it('need a where, or a key map, in each entity', async () => {
    expect(await claims(two('target: { table: people }, key: { legacy_id: id }', 'target: { table: public.people, where: "tgt.num = 1" }, key: { legacy_id: id }'))).toEqual({ refused: ['AMBIGUOUS_CLAIM one'], claims: ['two where'] })
    expect(await claims(two('target: { table: people }, key: { id: { from: id, references: person } }', 'target: { table: [public, people] }, key: { id: { from: id, references: office } }'))).toEqual({ refused: [], claims: ['one keyMap', 'two keyMap'] })
    expect(await claims(two('shared: true, target: { table: people }, key: { legacy_id: id }', 'shared: true, target: { table: people }, key: { legacy_id: id }'))).toEqual({ refused: [], claims: ['one all', 'two all'] })
    expect(await claims(two('target: { table: people }, key: { id: { from: id, references: person } }', 'target: { table: visits }, key: { office_id: { from: id, references: office } }'))).toEqual({ refused: [], claims: ['one all', 'two all'] })
  })

  it('of which two entities claim every source row are worth a warning', async () => {
    const { faults } = await check(two('target: { table: people }, key: { legacy_id: id }', 'target: { table: visits }, key: { at: city }').replace('table: office', 'table: person').replace('at: city', 'at: born'))
    expect(faults.filter(({ code }) => code === 'OVERLAPPING_CLAIM').map(({ entity, severity }) => [entity, severity])).toEqual([['one', 'warning'], ['two', 'warning']])
  })
})

describe('a part of a table that another entity reads', () => {
  it.each([
    ['a partition', 'table: log', 'table: log_1', 'table', 'public.log_1 is a part of public.log'],
    ['a partition of a partition', 'table: log', 'table: log_2a', 'table', 'public.log_2a is a part of public.log'],
    ['a partition that a query accounts for', 'table: log', 'query: "select l.at, l.v from log_1 l", covers: log_1', 'covers', 'public.log_1 is a part of public.log'],
    ['a partition of what a query accounts for', 'query: "select l.at, l.v from log l", covers: log', 'table: log_2a', 'table', 'public.log_2a is a part of public.log'],
  ])('is refused: %s', async (_, whole, part, at, words) => {
    const text = (more: string) => `version: 1\ndomains: { core: {} }\nentities:\n  whole: { domain: core, source: { ${whole} }, target: { table: log }, key: { at: at, v: v }${more} }\n  part: { domain: core, source: { ${part} }, target: { table: visits }, key: { at: at }${more} }\n`
    const { faults } = await check(text(''))
    const critical = faults.filter(({ severity }) => severity === 'critical')
    expect(critical).toMatchObject([{ code: 'OVERLAPPING_CLAIM', entity: 'part', path: `entities.part.source.${at}` }])
    expect(critical[0]?.message).toContain(`${words}, which whole covers: its rows would be counted twice`)
    expect((await check(text(', shared: true'))).faults.filter(({ severity }) => severity === 'critical')).toEqual([])
  })
})

it('refuses a table that row-level security cuts short, and one that may not be read', async () => {
  await target.sql.unsafe('create role mc_cut login password \'secret\'; grant select on all tables in schema public to mc_cut; revoke select on visits from mc_cut').simple()
  const reader = openTargetReader({ ...target.options, user: 'mc_cut', password: 'secret', maxConnections: 1 })
  try {
    const plan = (table: string, where = 'true') => parsePlan(planText({ source: 'table: spare', target: `table: ${table}, where: "${where}"`, key: table === 'visits' ? '{ at: id }' : '{ id: id }' }))
    const found = await checkPlanAgainst(plan('secured'), clients.source, reader)
    expect(found.faults.filter(({ severity }) => severity === 'critical').map(({ code, path, line }) => [code, path, line])).toEqual([['ROW_SECURITY', 'entities.people.target.table', 7]])
    expect(found.specs.size).toBe(0)
    const denied = await checkPlanAgainst(plan('visits'), clients.source, reader)
    expect(denied.faults.map(({ code }) => code)).toContain('NO_PRIVILEGE')
    const within = await checkPlanAgainst(plan('people', 'exists (select from secured s)'), clients.source, reader)
    expect(within.faults.filter(({ path }) => path === 'entities.people.target.where').map(({ code }) => code)).toContain('ROW_SECURITY')
  } finally {
    await reader.end({ timeout: 5 })
    await target.sql.unsafe('drop owned by mc_cut; drop role mc_cut').simple()
  }
})

it('warns of text whose form depends on the locale, where the databases differ in it', async () => {
  const other = await createTestDatabase({ locale: 'C', encoding: 'UTF8' })
  await other.sql.unsafe('create table people (id int, email text)')
  const reader = openTargetReader({ ...other.options, maxConnections: 1 })
  try {
    const warned = async (sql: string) => {
      const { faults } = await checkPlanAgainst(parsePlan(planText({ entity: `columns: { email: { sql: ${JSON.stringify(sql)} } }` })), clients.source, reader)
      return faults.map(({ code }) => code).includes('LOCALE_DEPENDENT_SQL')
    }
    expect(await warned('lower(src.email)')).toBe(true)
    expect(await warned('lower(src.email collate "C")')).toBe(false)
    expect(await warned('src.email')).toBe(false)
    expect(await warnings({ entity: 'columns: { email: { sql: lower(src.email) } }' })).toEqual([])
  } finally {
    await reader.end({ timeout: 5 })
    await other.drop()
  }
})
