import { describe, expect, it } from 'vitest'
import type { Catalog, RelationInfo, Side, TypeInfo } from '../../src/core/catalog.js'
import { readLiteral } from '../../src/plan/cast.js'
import { checkPlan, expressionsToDescribe, literalsToDescribe } from '../../src/plan/check.js'
import { parsePlan } from '../../src/plan/load.js'
import { readTableName } from '../../src/plan/table-name.js'
import { planText } from './plans.js'

const type = (base: string): TypeInfo => ({ name: base, base, kind: 'b', element: null })
const table = (name: string, columns: Record<string, string>, more: Partial<RelationInfo> = {}): RelationInfo => ({
  schema: 'public', name, kind: 'table', primaryKey: [], uniqueKeys: [], estimatedRows: 1, pages: 7, hasChildren: false, parent: null, selectable: true, rowSecurity: false,
  columns: Object.entries(columns).map(([column, base]) => ({ name: column, type: type(base), notNull: column === 'id', generated: false, identity: false, hasDefault: false })), ...more,
})
const catalog = (side: Side, relations: RelationInfo[], version = 170_000): Catalog => ({
  side, relations, server: { version, encoding: 'UTF8', collation: 'C.UTF-8', database: `${side}_db`, blockSize: 8192 },
})
const person = table('person', { id: 'int4', name: 'text', at: 'timestamp' }, { primaryKey: ['id'], uniqueKeys: [['id']] })
const people = table('people', { id: 'int4', name: 'text', at: 'timestamptz' })
const [source, target] = [catalog('source', [person]), catalog('target', [people])]

describe('checkPlan', () => {
  it('needs no answer of a server for plain columns', () => {
    const loaded = parsePlan(planText({ entity: 'same: [name]' }))
    const { specs, faults } = checkPlan(loaded, source, target, new Map())
    expect(specs.get('people')).toMatchObject({ source: { uniqueKey: ['id'], chunkable: true, pages: 7 }, target: { claim: 'all', chunkable: true }, key: [{ name: 'id', canonical: { name: 'integer' } }] })
    expect(faults.map(({ severity, code, entity, message }) => [severity, code, entity, message])).toEqual([
      ['warning', 'UNCOVERED_COLUMNS', 'people', '1 column of the source table public.person is neither compared nor ignored: at'],
      ['warning', 'UNCOVERED_COLUMNS', 'people', '1 column of the target table public.people is neither compared nor ignored: at'],
    ])
  })

  it('blocks an entity with SQL whose type nobody asked for', () => {
    const loaded = parsePlan(planText({ entity: 'columns: { name: { sql: "upper(src.name)" } }' }))
    expect(checkPlan(loaded, source, target, new Map())).toMatchObject({ specs: new Map() })
    const types = new Map([['entities.people.columns.name.sql', { type: type('text') }]])
    expect(checkPlan(loaded, source, target, types).specs.get('people')?.columns).toMatchObject([{ source: '(upper(src.name)\n)', sourceType: 'text' }])
  })

  it('reads row addresses in ranges only where the server can', () => {
    const loaded = parsePlan(planText())
    const chunkable = (relation: RelationInfo, version?: number) => checkPlan(loaded, catalog('source', [relation], version), target, new Map()).specs.get('people')?.source.chunkable
    expect([chunkable(person), chunkable(person, 130_000), chunkable({ ...person, hasChildren: true }), chunkable({ ...person, kind: 'view' })]).toEqual([true, false, false, false])
    expect(checkPlan(loaded, catalog('source', [{ ...person, hasChildren: true }]), target, new Map()).specs.get('people')?.source.uniqueKey).toBeNull()
  })

  it('asks no server for SQL that is not sound, nor over a table that is not there', () => {
    const ask = (parts: Parameters<typeof planText>[0]) => expressionsToDescribe(parsePlan(planText(parts)), source, target).map(({ id, sql, side, alias }) => [id, sql, side, alias])
    expect(ask({ source: 'table: person, where: "pg_sleep(1) is null"' })).toEqual([])
    expect(ask({ source: 'table: nobody, where: "src.id = 1"' })).toEqual([])
    expect(ask({ source: 'table: person, where: "id = 1 -- one"', target: 'table: people, where: "name is null"', entity: 'columns: { name: { sql: "name || \'x\'" } }' })).toEqual([
      ['entities.people.source.where', '(src.id = 1 -- one\n\n) is true', 'source', 'src'], ['entities.people.target.where', '(tgt.name is null\n) is true', 'target', 'tgt'],
      ['entities.people.columns.name.sql', "src.name || 'x'", 'source', 'src'],
    ])
  })

  it('has codes, values and zones cast by the server whose type they are', () => {
    const loaded = parsePlan(planText({ entity: `columns: { name: { from: id, values: { 1: "it's", 2: null, null: none } }, at: { from: at, zone: UTC } }` }))
    expect(literalsToDescribe(loaded, source, target, new Map()).map(({ id, side, sql }) => [id, side, sql])).toEqual([
      ['entities.people.columns.name.values["1"]#code', 'source', "cast('1' as int4)"], ['entities.people.columns.name.values["2"]#code', 'source', "cast('2' as int4)"],
      ['entities.people.columns.name.values["1"]', 'target', "cast('it''s' as text)"], ['entities.people.columns.name.values.null', 'target', "cast('none' as text)"],
      ['entities.people.columns.at.zone', 'source', "timestamp '2000-01-01' at time zone 'UTC'"],
    ])
  })
})

describe('a parent that explains an absence', () => {
  const pet = table('pet', { id: 'int4', owner: 'int4', tag: 'text' }, { primaryKey: ['id'], uniqueKeys: [['id']] })
  const map = table('map', { old: 'int4', new: 'int4' })
  const pair = [catalog('source', [person, pet, table('toy', { id: 'int4', owner: 'int4' }, { primaryKey: ['id'], uniqueKeys: [['id']] })]), catalog('target', [people, table('pets', { id: 'int4', owner: 'int4', tag: 'text' }), table('toys', { id: 'int4', owner: 'int4' }), map])] as const
  const check = (keyMaps: string, entities: string) => checkPlan(parsePlan(`version: 1\ndomains: { core: {} }\nkeyMaps: ${keyMaps}\nentities:\n${entities}`), ...pair, new Map())
  const keyMap = '{ person: { table: map, legacy: old, modern: new } }'
  const owners = (name = 'people', key = '{ from: id, references: person }') => `  ${name}: { domain: core, source: { table: person }, target: { table: people }, key: { id: ${key} }, same: [name] }\n`
  const pets = (owner: string) => `  pets: { domain: core, source: { table: pet }, target: { table: pets }, key: { id: id }, columns: { owner: ${owner} }, explained: [{ reason: owner lost, parent: owner }] }\n`
  const refusal = ({ faults }: { faults: { code: string; message: string }[] }) => faults.filter(({ code }) => code === 'NO_PARENT').map(({ message }) => message)

  it('is found through the key map of the column, by the key or by the name in the map', () => {
    const plain = check(keyMap, owners() + pets('{ from: owner, references: person }'))
    expect([plain.specs.get('pets')?.parents, refusal(plain)]).toEqual([[{ entity: 'people', part: 'columns', index: 0 }], []])
    const named = check('{ person: { table: map, legacy: old, modern: new, entity: people } }', owners() + owners('more') + pets('{ from: owner, references: person }'))
    expect(named.specs.get('pets')?.source.explained).toMatchObject([{ parent: 0 }])
    expect(named.specs.get('pets')?.parents).toEqual([{ entity: 'people', part: 'columns', index: 0, siblings: ['more'] }])
  })

  it.each([
    ['a column that references nothing', keyMap, owners() + pets('owner'), '`owner` references nothing here'],
    ['a map that is the key of no entity', keyMap, owners('people', 'id') + pets('{ from: owner, references: person }'), 'no entity has a key that references `person` alone'],
    ['a map that is the key of two entities', keyMap, owners() + owners('more') + pets('{ from: owner, references: person }'), 'people, more are all keyed by `person`'],
    ['another table of the same map that cannot be compared', '{ person: { table: map, legacy: old, modern: new, entity: people } }', owners() + owners('more').replace('table: person', 'table: toy') + pets('{ from: owner, references: person }'), '`more` cannot be compared, so nobody knows whether it has the row'],
    ['a column through two maps', '{ person: { table: map, legacy: old, modern: new }, guest: { table: map, legacy: old, modern: new } }', owners() + owners('guests', '{ from: id, references: guest }') + pets('{ from: owner, references: person }, id: { from: owner, references: guest }').replace('key: { id: id }', 'key: { tag: tag }'), '`owner` references rows of people and guests here'],
    ['an entity that cannot be compared', keyMap, owners().replace('[name]', '[nme]') + pets('{ from: owner, references: person }'), '`people` cannot be compared'],
  ])('refuses %s', (_, maps, entities, message) => {
    const checked = check(maps, entities)
    expect(refusal(checked).join()).toContain(message)
    expect(checked.specs.has('pets')).toBe(false)
  })

  it('takes the explanation of a child along with that of its parent', () => {
    const nested = check('{ person: { table: map, legacy: old, modern: new }, pet: { table: map, legacy: old, modern: new } }',
      owners('people', 'id') + pets('{ from: owner, references: person }').replace('key: { id: id }', 'key: { id: { from: id, references: pet } }')
      + '  toys: { domain: core, source: { table: toy }, target: { table: toys }, key: { id: id }, columns: { owner: { from: owner, references: pet } }, explained: [{ reason: pet lost, parent: owner }] }\n')
    expect(refusal(nested)).toEqual([expect.stringContaining('references `person` alone'), expect.stringContaining('`pets` cannot be compared')])
  })
})

describe('a natural key map', () => {
  const check = (side: { source?: string; target?: string }, types = new Map<string, { type: TypeInfo }>()) => {
    const { source: left = 'table: person, key: id, natural: name', target: right = 'table: people, key: id, natural: name' } = side
    const top = `keyMaps: { m: { source: { ${left} }, target: { ${right} } } }`
    const { specs, faults } = checkPlan(parsePlan(planText({ top, key: '{ id: { from: id, references: m } }', entity: 'same: [name]' })), source, target, types)
    return [specs.has('people'), ...faults.filter(({ path }) => path.startsWith('keyMaps')).map(({ code, path }) => `${code} ${path}`)]
  }
  it.each([
    ['is fine', {}, [true]],
    ['a table that is not there', { source: 'table: nobody, key: id, natural: name' }, [false, 'TABLE_NOT_FOUND keyMaps.m.source.table']],
    ['a key that is not there', { target: 'table: people, key: nr, natural: name' }, [false, 'COLUMN_NOT_FOUND keyMaps.m.target.key']],
    ['other numbers of legs', { source: 'table: person, key: id, natural: [name, at]' }, [false, 'CONTRADICTION keyMaps.m.target.natural']],
    ['types that cannot be compared', { source: 'table: person, key: id, natural: at' }, [false, 'INCOMPATIBLE_TYPES keyMaps.m.target.natural']],
  ])('%s', (_, side, expected) => {
    expect(check(side)).toEqual(expected)
  })

  it('of SQL needs the type that the server gives', () => {
    const side = { source: 'table: person, key: id, natural: "lower(src.name)"' }
    expect(check(side, new Map([['keyMaps.m.source.natural', { type: type('text') }]]))).toEqual([true])
    expect(check(side)[0]).toBe(false)
  })
})

describe('readLiteral', () => {
  it.each([
    ['int4', '007', '7'], ['int4', ' -7 ', '-7'], ['int4', '+7', '7'], ['int4', '2147483648', null], ['int2', '32768', null], ['int8', '9223372036854775807', '9223372036854775807'], ['int4', '1.0', null], ['int4', '', null],
    ['bool', 'yes', 'true'], ['bool', 'F', 'false'], ['bool', 'o', null], ['bool', 'of', 'false'], ['bool', '', null], ['uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc999c0b4ef8bb6d6bb9bd380a11'], ['uuid', 'x', null],
    ['numeric', '1.5', '1.5'], ['numeric', '01.50', '1.5'], ['numeric', '+15e-1', '1.5'], ['numeric', '-.0', '0'], ['numeric', '1.e2', '100'], ['numeric', '-0.07e1', '-0.7'], ['numeric', 'one', null], ['numeric', '.', null], ['numeric', '1e200000', null], ['numeric', 'NaN', 'nan'],
    ['float8', '1.0', '1'], ['float4', '0.10', String(Math.fround(0.1))], ['float8', '-0', '0'], ['float8', 'infinity', 'infinity'], ['bpchar', 'A  ', 'A'], ['text', 'A  ', 'A  '], ['text', '', ''],
  ])('%s %s', (base, text, meaning) => {
    expect(readLiteral(type(base), text)).toBe(meaning)
  })
})

describe('readTableName', () => {
  it.each([
    ['patient', { schema: 'public', name: 'patient' }], ['app.patient', { schema: 'app', name: 'patient' }], [['a.b', 't'], { schema: 'a.b', name: 't' }], ['["a.b","t.x"]', { schema: 'a.b', name: 't.x' }],
    ['customerRef', { schema: 'public', name: 'customerRef' }], ['[odd', { schema: 'public', name: '[odd' }], ['a b"c', { schema: 'public', name: 'a b"c' }],
  ])('%j', (written, table) => {
    expect(readTableName(written as string)).toEqual(table)
  })

  it.each(['a.b.c', 'a.', '.b', 'a\0b'])('refuses %j', (written) => {
    expect(readTableName(written)).toHaveProperty('fault')
  })
})
