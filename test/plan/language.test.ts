import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSource, openTargetReader } from '../../src/db/clients.js'
import { parsePlan } from '../../src/plan/load.js'
import { checkPlanAgainst } from '../../src/plan/preflight.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'
import { planText, refusalsOf } from './plans.js'

let source: TestDatabase
let target: TestDatabase
let clients: { source: Sql; target: Sql }

beforeAll(async () => {
  ;[source, target] = await Promise.all([createTestDatabase(), createTestDatabase()])
  await source.sql.unsafe(`
    create table person (id int primary key, name text not null, seen timestamp, kind int, ref int, doc text, score numeric(8,2), blob json);
    create table visit (person_id int not null, at date, note text, primary key (person_id, at));
    create view people_view as select * from person; create table bare (id int);
  `).simple()
  await target.sql.unsafe(`
    create table people (id int primary key, name text, seen timestamptz, kind int, ref uuid, doc jsonb, score numeric, at date, note text);
    create table map (legacy int, modern uuid); create table codes (id int, code text);
  `).simple()
  clients = { source: openSource({ ...source.options, maxConnections: 2 }), target: openTargetReader({ ...target.options, maxConnections: 2 }) }
})
afterAll(async () => {
  await Promise.all([clients.source.end({ timeout: 5 }), clients.target.end({ timeout: 5 })])
  await Promise.all([source.drop(), target.drop()])
})

const maps = 'keyMaps: { a: { table: map, legacy: legacy, modern: modern }, b: { table: map, legacy: legacy, modern: modern } }'
type Parts = Parameters<typeof planText>[0]
const check = (parts: Parts) => checkPlanAgainst(parsePlan(planText({ top: maps, ...parts })), clients.source, clients.target)

/** Faults of a severity as `CODE path: message`, of a plan that loads. */
async function faultsOf(parts: Parts, severity = 'critical'): Promise<string[]> {
  const { faults } = await check(parts)
  return faults.filter((fault) => fault.severity === severity && !fault.code.startsWith('UNCOVERED')).map(({ code, path, message }) => `${code} ${path.replace('entities.people.', '')}: ${message}`)
}

describe('merge', () => {
  it('is ready to run, over the whole table', async () => {
    const { specs, faults } = await check({ source: 'table: person, merge: { by: lower(name), keep: "seen desc nulls last, src.id" }', entity: 'same: [name]' })
    expect(faults.filter(({ severity }) => severity === 'critical')).toEqual([])
    expect(specs.get('people')?.source).toMatchObject({ merge: { by: 'lower(src.name)', keep: 'src.seen desc nulls last, src.id' }, chunkable: false })
  })

  it.each<[string, string, string]>([
    ['a view', 'table: people_view, merge: { by: name, keep: id }', 'UNSUPPORTED source.merge: public.people_view is a view, whose rows cannot be told apart'],
    ['a value that cannot be grouped', 'table: person, merge: { by: src.blob, keep: id }', 'INVALID_SQL source.merge.by: the source server refuses this SQL over public.person: could not identify an equality operator for type json'],
    ['an order of what has none', 'table: person, merge: { by: name, keep: blob }', 'INVALID_SQL source.merge.keep: the source server refuses this SQL over public.person: could not identify an ordering operator for type json'],
    ['an order that is no list', 'table: person, merge: { by: name, keep: "id limit 1" }', 'INVALID_SQL source.merge.keep: the SQL cannot be parsed: syntax error at or near "limit"'],
    ['a column that does not exist', 'table: person, merge: { by: nmae, keep: id }', 'COLUMN_NOT_FOUND source.merge.by: the source table public.person has no column `nmae`'],
    ['an aggregate', 'table: person, merge: { by: name, keep: "max(id)" }', 'INVALID_SQL source.merge.keep: '],
  ])('refuses %s', async (_, text, fault) => {
    const [found, ...others] = await faultsOf({ source: text })
    expect(found).toContain(fault)
    expect(others).toEqual([])
  })
})

describe('a query', () => {
  it('has the columns that it returns, and covers the table whose key they are', async () => {
    const { specs, columns, tables } = await check({ source: 'query: "select p.id, upper(p.name) as name from person p where p.kind = 1", covers: person', entity: 'same: [name]\nignore: { source: { blob: binary junk } }' })
    expect(specs.get('people')?.source).toMatchObject({ schema: '', table: '', query: 'select p.id, upper(p.name) as name from person p where p.kind = 1', covers: { table: 'person', key: [{ column: 'id', as: 'id' }] }, chunkable: false, uniqueKey: null })
    expect(columns.filter(({ side }) => side === 'source').map(({ column, coverage }) => `${column} ${coverage}`))
      .toEqual(['id compared', 'name compared', 'seen uncovered', 'kind read', 'ref uncovered', 'doc uncovered', 'score uncovered', 'blob ignored'])
    expect(tables.find(({ table }) => table === 'person')).toMatchObject({ coverage: 'covered', entities: ['people'] })
  })

  it('knows a key of two columns under other names, through a subquery', async () => {
    const { specs } = await check({ source: 'query: "select x.person_id as id, x.day as at, x.note from (select v.person_id, v.at as day, v.note from visit v) x", covers: visit', entity: 'same: [at, note]' })
    expect(specs.get('people')?.source.covers?.key).toEqual([{ column: 'person_id', as: 'id' }, { column: 'at', as: 'at' }])
  })

  it('of a table joined with itself covers the rows whose key is that of the entity', async () => {
    const { specs, faults } = await check({ source: 'query: "select q.id as ref, p.id as kind, p.name from person p left join person q on q.id = p.ref", covers: person', key: '{ id: kind }', entity: 'same: [name]' })
    expect(specs.get('people')?.source.covers?.key).toEqual([{ column: 'id', as: 'kind' }])
    expect(faults.filter(({ code }) => code === 'UNCOUNTED_CLAIM')).toEqual([])
  })

  it.each<[string, string, string]>([
    ['a computed key', 'query: "select id + 0 as id, name from person", covers: person', 'UNCOUNTED_CLAIM source.covers: the query does not return the primary key of public.person as it stands (id)'],
    ['a key that it returns twice', 'query: "select p.id as ref, q.id as kind, p.name from person p join person q on q.id = p.ref", covers: person', 'UNCOUNTED_CLAIM source.covers: the query returns the primary key of public.person (id) more than once'],
    ['a table without a primary key', 'query: "select id from bare", covers: bare', 'UNCOUNTED_CLAIM source.covers: public.bare has no primary key'],
  ])('warns of %s', async (_, text, fault) => {
    expect((await faultsOf({ source: text }, 'warning')).find((found) => found.startsWith('UNCOUNTED'))).toContain(fault)
  })

  it.each<[string, Parts, string]>([
    ['two columns of one name', { source: 'query: "select id, name as id from person"' }, 'CONTRADICTION source.query: two columns of the query are called `id`'],
    ['a column without a name', { source: 'query: "select id, 1 + 1 from person"' }, 'CONTRADICTION source.query: a column of the query has no name'],
    ['what the server refuses', { source: 'query: "select nobody from person"' }, 'INVALID_SQL source.query: the source server refuses this SQL: column "nobody" does not exist'],
    ['what writes', { source: 'query: "delete from person"' }, 'INVALID_SQL source.query: the SQL cannot be parsed'],
    ['a join behind it', { source: 'query: "select id from person", join: "left join visit v on v.person_id = src.id"' }, 'UNSUPPORTED source.join: the query is a query: write the join in its definition'],
    ['covers beside a table', { source: 'table: person, covers: visit' }, 'CONTRADICTION source.covers: `covers` names the table of a `query`'],
    ['a table to cover that is not there', { source: 'query: "select id from person", covers: pesron' }, 'TABLE_NOT_FOUND source.covers: there is no table public.pesron'],
    ['a column that it does not return', { source: 'query: "select id from person"', entity: 'same: [name]' }, 'COLUMN_NOT_FOUND same[0]: the query has no column `name`'],
    ['a side of a natural map without its columns', { source: 'table: person', top: 'keyMaps: { m: { source: { query: "select id as key from person" }, target: { table: codes, key: id, natural: code } } }', key: '{ id: { from: ref, references: m } }' }, 'COLUMN_NOT_FOUND keyMaps.m.source.query: the query has no column `natural`'],
  ])('refuses %s', async (_, parts, fault) => {
    expect((await faultsOf(parts))[0]).toContain(fault)
  })
})

describe('accept', () => {
  it('brings its values to the form of the target', async () => {
    const { specs } = await check({ source: 'table: person', entity: 'columns: { score: { from: score, accept: [{ reason: capped, where: "score > 9", value: "9" }] }, ref: { from: ref, references: a, accept: [{ reason: nobody, value: "\'00000000-0000-4000-8000-000000000000\'" }] } }' })
    expect(specs.get('people')?.columns.map(({ accept }) => accept)).toEqual([
      [{ reason: 'capped', where: 'src.score > 9', value: '9', kind: { name: 'numeric', literalType: 'numeric', decideAs: null } }],
      [{ reason: 'nobody', where: null, value: "'00000000-0000-4000-8000-000000000000'", kind: { name: 'uuid text', literalType: 'text', decideAs: null } }],
    ])
  })

  it.each<[string, string, string]>([
    ['a value of another kind', "columns: { score: { from: score, accept: [{ reason: none, value: \"'none'\" }] } }", 'INCOMPATIBLE_TYPES columns.score.accept[0].value: the accepted value of `score` cannot be compared: text and numeric'],
    ['values of several kinds', 'columns: { name: { from: name, accept: [{ reason: a, value: "\'x\'" }, { reason: b, value: "\'x\'::char(3)" }] } }', 'INCOMPATIBLE_TYPES columns.name.accept[1].value: the accepted values of `name` have several types'],
    ['SQL that is none', 'columns: { name: { from: name, accept: [{ reason: a, value: "src.", where: "true" }] } }', 'INVALID_SQL columns.name.accept[0].value'],
  ])('refuses %s', async (_, entity, fault) => {
    expect((await faultsOf({ source: 'table: person', entity }))[0]).toContain(fault)
  })

  it('warns of a value that meets the target as a float', async () => {
    const columns = (value: string) => `columns: { score: { from: score, accept: [{ reason: capped, value: "${value}" }] } }`
    expect(await faultsOf({ source: 'table: person', entity: columns('16777216::float4') }, 'warning'))
      .toEqual(['LOSSY_TYPES columns.score.accept[0].value: the accepted value of `score`: numeric against float4: equal when the exact value, cast to float4, is the same; digits beyond that are lost'])
    expect(await faultsOf({ source: 'table: person', entity: columns('16777216') }, 'warning')).toEqual([])
  })

  it('cannot stand in a bag', async () => {
    expect(await faultsOf({ source: 'table: person', key: 'all', entity: 'same: [id]\ncolumns: { score: { from: score, tolerance: 1, accept: [{ reason: a, value: "1" }] } }' })).toEqual([
      'CONTRADICTION columns.score.tolerance: `tolerance` cannot stand in a key: with `key: all` every column is part of it; remove it, or name the columns of the key',
      'CONTRADICTION columns.score.accept: `accept` cannot stand in a key: with `key: all` every column is part of it; remove it, or name the columns of the key',
    ])
  })
})

describe('a parent whose rows are a query', () => {
  const refusalOf = async (source: string, key: string) => {
    const text = planText({ top: maps, source, key })
      + '  visits: { domain: core, source: { table: visit }, target: { table: codes }, key: { id: person_id }, columns: { code: { from: person_id, references: a, target: "md5(tgt.code)::uuid" } }, explained: [{ reason: person is gone, parent: person_id }] }\n'
    const { faults, specs } = await checkPlanAgainst(parsePlan(text), clients.source, clients.target)
    return [specs.has('visits'), ...faults.filter(({ code }) => code === 'NO_PARENT').map(({ path, message }) => `${path}: ${message}`)]
  }

  it('explains nothing unless it covers a table by whose primary key it is keyed', async () => {
    const key = '{ ref: { from: id, references: a } }'
    const query = 'query: "select p.id, p.kind from person p where p.kind = 1"'
    expect(await refusalOf(`${query}, covers: person`, key)).toEqual([true])
    const refused = [false, expect.stringContaining('entities.visits.explained[0].parent: the query of `people` does not tell the table whose rows it accounts for by the key that `person_id` names')]
    expect(await refusalOf(query, key)).toEqual(refused)
    expect(await refusalOf(`${query}, covers: person`, '{ ref: { from: kind, references: a } }')).toEqual(refused)
  })
})

describe('references by a code', () => {
  const by = (rest: string) => ({ source: 'table: person', entity: `columns: { ref: { from: ref, references: { ${rest} } } }` })

  it('joins its maps to one, and reads the column of the code', async () => {
    const { specs, columns } = await check(by('by: kind, 1: a, 2: b'))
    const spec = specs.get('people')
    expect(spec?.columns[0]).toMatchObject({ keyMap: 'a or b by kind', canonical: { name: 'text' } })
    expect(spec?.keyMaps['a or b by kind']).toMatchObject({ members: [{ map: { name: 'a' } }, { map: { name: 'b' } }] })
    expect(columns.find(({ side, column }) => side === 'source' && column === 'kind')).toMatchObject({ coverage: 'read' })
  })

  it.each<[string, string, string]>([
    ['a column of the code that does not exist', 'by: knid, 1: a', 'COLUMN_NOT_FOUND columns.ref.references.by: the source table public.person has no column `knid`'],
    ['one code in two notations that chooses two maps', 'by: kind, 11: a, 011: b', 'INVALID_CODE columns.ref.references["011"]: the codes `11` and `011` are one int4 with two key maps: keep one'],
    ['a code that the server refuses', 'by: seen, yesterday at noon: a', 'INVALID_CODE columns.ref.references["yesterday at noon"]: the code `yesterday at noon` is no timestamp: invalid input syntax'],
    ['a code that is no value of it', 'by: kind, one: a', 'INVALID_CODE columns.ref.references.one: the code `one` is no int4'],
  ])('refuses %s', async (_, rest, fault) => {
    expect((await faultsOf(by(rest)))[0]).toContain(fault)
  })

  it('equals its key as it is: no tolerance, and in a bag no other value', async () => {
    expect(await faultsOf({ source: 'table: person', entity: 'columns: { ref: { from: ref, references: { by: kind, 1: a }, tolerance: 1 } }' })).toEqual([
      'CONTRADICTION columns.ref.tolerance: `tolerance` cannot stand at a reference: a key that is near the right one names another row; remove it, or list other values under `accept`',
    ])
    expect((await faultsOf({ source: 'table: person', entity: 'columns: { ref: { from: ref, references: a, tolerance: 1 } }' })).join()).toMatch(/^CONTRADICTION columns\.ref\.tolerance: `tolerance` cannot stand at a reference[^;]*; remove it/)
    expect(await faultsOf({ source: 'table: person', key: 'all', entity: 'same: [id]\ncolumns: { ref: { from: ref, references: { by: kind, 1: a }, accept: [{ reason: other, value: "null::uuid" }] } }' })).toEqual([
      'CONTRADICTION columns.ref.accept: `accept` cannot stand in a key: with `key: all` every column is part of it; remove it, or name the columns of the key',
    ])
  })

  it('refuses a natural map', async () => {
    const top = 'keyMaps: { m: { source: { table: person, key: id, natural: name }, target: { table: people, key: id, natural: name } } }'
    expect((await faultsOf({ ...by('by: kind, 1: m'), top })).join()).toContain('`m` is a natural key map, and a code can choose among stored ones only')
  })

  it('has no parent to explain by', async () => {
    expect(await faultsOf({ source: 'table: person', entity: 'columns: { ref: { from: ref, references: { by: kind, 1: a } } }\nexplained: [{ reason: lost, parent: ref }]' }))
      .toEqual(['NO_PARENT explained[0].parent: `ref` references rows of several entities: explain with `where`, or write one entity per code'])
  })
})

describe('totals', () => {
  it.each<[string, string, string]>([
    ['a sum of no mapped column', 'totals: [{ sum: kind }]', 'COLUMN_NOT_FOUND totals[0].sum: `kind` is no mapped column of this entity'],
    ['a sum of text', 'totals: [{ sum: [score, name] }]', 'INCOMPATIBLE_TYPES totals[0].sum: `name` is text and has no sum'],
    ['a sum of references', 'totals: [{ sum: ref }]', 'INCOMPATIBLE_TYPES totals[0].sum: `ref` is a reference and has no sum'],
    ['groups of no mapped column', 'totals: [{ sum: score, by: [at] }]', 'COLUMN_NOT_FOUND totals[0].by: `at` is no mapped column'],
    ['groups whose equal values have several texts', 'totals: [{ sum: score, by: [doc] }]', 'INCOMPATIBLE_TYPES totals[0].by: equal values of `doc` have several texts'],
  ])('refuses %s', async (_, totals, fault) => {
    const found = await faultsOf({ source: 'table: person', entity: `columns: { name: name, score: score, ref: { from: ref, references: a }, doc: { from: doc, as: json } }\n${totals}` })
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(fault)
  })

  it('are one for each column that is summed', async () => {
    const { specs } = await check({ source: 'table: person', entity: 'same: [score, name]\ntotals: [{ sum: [score, id], by: [name] }, { sum: score }]' })
    const [score, id, name] = [{ part: 'columns', index: 0 }, { part: 'key', index: 0 }, { part: 'columns', index: 1 }]
    expect(specs.get('people')?.totals).toEqual([{ sum: score, by: [name] }, { sum: id, by: [name] }, { sum: score, by: [] }])
  })
})

describe('without a database', () => {
  it.each<[string, Parts, string]>([
    ['a bag of nothing', { key: 'all' }, 'NO_KEY entities.people.key'],
    ['a reference by a code without codes', { entity: 'columns: { a: { from: b, references: { by: c } } }' }, 'MISSING_KEY entities.people.columns.a.references'],
    ['a code that leads to no key map', { entity: 'columns: { a: { from: b, references: { by: c, 1: gone } } }' }, 'UNKNOWN_KEY_MAP entities.people.columns.a.references["1"]'],
    ['JSON with a value map', { entity: 'columns: { a: { from: b, as: json, values: { 1: 2 } } }' }, 'CONTRADICTION entities.people.columns.a.as'],
    ['a query and its column', { top: 'keyMaps: { m: { source: { query: "select 1", key: id }, target: { table: a, key: id, natural: x } } }' }, 'CONTRADICTION keyMaps.m.source.key'],
    ['reasons that stand twice', { entity: 'columns: { a: { from: b, accept: [{ reason: x, value: "1" }, { reason: x, value: "2" }] } }' }, 'DUPLICATE_REASON entities.people.columns.a.accept[1].reason'],
  ])('refuses %s', (_, parts, fault) => {
    expect(refusalsOf(planText(parts)).map(({ code, path }) => `${code} ${path}`)).toEqual([fault])
  })
})
