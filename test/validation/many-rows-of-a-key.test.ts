import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPair, type Pair } from '../helpers/compare.js'
import { figuresOf } from './cases.js'

/** A key that does not tell rows apart: what is alike is paired in time that grows with the rows, and of too many others nothing is said. */
let pair: Pair
beforeAll(async () => {
  const rows = (value: string) => `select i % 2 as kind, jsonb_build_object('n', ${value}) as v, i as n from generate_series(1, 5000) i`
  const create = (table: string, value: string) => `create table ${table} as ${rows(value)}`
  // texts of three kilobytes: the questions about 300 times 300 of them would take half a gigabyte; 1,100 rows against 100 unlike ones
  const long = (value: string) => `create table long as select 1 as kind, jsonb_build_object('n', repeat('x', 3000) || ${value}) as v, i as n from generate_series(1, 300) i`
  const surplus = (rows: number, value: string) => `create table surplus as select 1 as kind, to_jsonb(${value}) as v, i as n from generate_series(1, ${rows}) i`
  // forty keys of 300 rows each
  const groups = (value: string) => `create table groups as select i % 40 as kind, jsonb_build_object('n', ${value}) as v, i as n from generate_series(1, 12000) i`
  const source = [long('i'), surplus(1100, 'i'), groups('i'), create('alike', 'i'), create('unlike', 'i'), create('few', 'i'), 'create table huge as select 1 as kind, to_jsonb(i) as v, i as n from generate_series(1, 11000) i', 'create table same as select 7 as kind, 8 as v from generate_series(1, 12000)']
  const target = [long('-i'), surplus(100, '-i'), groups('case when i <= 40 then -i else i end'), create('alike', 'i'), create('unlike', '-i'), create('few', 'case when i <= 20 then -i else i end'), 'create table huge as select 1 as kind, to_jsonb(-i) as v, i as n from generate_series(1, 11000) i', 'create table same as select 7 as kind, 8 as v from generate_series(1, 11999)']
  pair = await createPair({ source: source.join('; '), target: `${target.join('; ')}; update alike set v = '{"n": 5}' where n = 5; insert into alike values (0, '{"n": 2}', 2)` })
})
afterAll(() => pair.close())

test.each([{ how: 'by sums', options: {} }, { how: 'all rows streamed', options: { streamFrom: 0 } }])('$how', async ({ options }) => {
  const entity = (name: string) => `  ${name}: { domain: d, source: { table: ${name} }, target: { table: ${name} }, key: { kind: kind }, columns: { v: v, n: n } }`
  const plan = `version: 1\ndomains: { d: {} }\nentities:\n${['alike', 'unlike', 'few', 'huge', 'long', 'surplus', 'groups'].map(entity).join('\n')}\n  same: { domain: d, source: { table: same }, target: { table: same }, key: all, same: [kind, v] }\n`
  const { job, entities } = await pair.compare(plan, { ...options, maxStoredDifferences: 10 })
  expect(job).toMatchObject({ status: 'completed' })
  const told = (name: string) => [figuresOf(entities[name]!.accounting), ...entities[name]!.causes.map(({ class: rowClass, cause, rows }) => `${rows} ${rowClass} ${cause}`).sort()]
  expect(told('alike')).toEqual(['5000: 5000 verified | 5001: 5000 matched, 1 duplicate'])
  expect(told('few')).toEqual(['5000: 4980 verified, 20 differs | 5000: 5000 matched', '20 differs value'])
  for (const [name, rows] of [['unlike', 5000], ['huge', 11000]] as const) expect(told(name)).toEqual([`${rows}: ${rows} unverified | ${rows}: ${rows} unverified`, `${rows} unverified too many rows under one key`, `${rows} unverified too many rows under one key`])
  expect(told('long')).toEqual(['300: 300 unverified | 300: 300 unverified', '300 unverified too many rows under one key', '300 unverified too many rows under one key'])
  expect(told('surplus')).toEqual(['1100: 1000 missing, 100 unverified | 100: 100 unverified', '100 unverified too many rows under one key', '100 unverified too many rows under one key', '1000 missing collapsed'])
  expect(told('groups')).toEqual(['12000: 11960 verified, 40 differs | 12000: 12000 matched', '40 differs value'])
  expect(entities['surplus']!.verdict).toBe('fail')
  expect(entities['unlike']!.verdict).not.toBe('pass')
  expect(told('same')).toEqual(['12000: 11999 verified, 1 missing | 11999: 11999 matched', '1 missing plain'])
}, 120_000)

test('of rows that one side alone has under one key, more than can be read one by one are unverified', async () => {
  await pair.source.sql.unsafe('create table crowd as select 1 as kind, i as n from generate_series(1, 101000) i')
  await pair.target.sql.unsafe('create table crowd (kind int, n int)')
  const { entities } = await pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  crowd: { domain: d, source: { table: crowd }, target: { table: crowd }, key: { kind: kind }, same: [n] }\n')
  expect(figuresOf(entities['crowd']!.accounting)).toBe('101000: 100000 missing, 1000 unverified | 0: nothing')
  expect(entities['crowd']!.verdict).toBe('fail')
}, 120_000)

test('rows that are alike, and change while they rest, are counted once', async () => {
  await pair.source.sql.unsafe("create table busy as select 'x'::text as a from generate_series(1, 3000)")
  await pair.target.sql.unsafe("create table busy as select 'x'::text as a from generate_series(1, 2990)")
  const running = pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  busy: { domain: d, source: { table: busy }, target: { table: busy }, key: all, same: [a] }\n', { recheckDelayMs: 4000 })
  const isResting = async () => (await pair.target.sql`select from migration_coverage.task join migration_coverage.job using (job_id) where kind = 'settle' and task.status = 'running' and 'busy' = any(entities)`).length > 0
  while (!await isResting()) await sleep(20)
  await sleep(1500)
  await pair.source.sql.unsafe('update busy set a = a')
  const { entities } = await running
  expect(figuresOf(entities['busy']!.accounting)).toBe('3000: 2989 verified, 11 pending | 2990: 2989 matched, 1 pending')
})

test('150,000 rows of a key that a map folds wait together for their partner', async () => {
  await pair.source.sql.unsafe('create table folded (id int, n int); insert into folded select 2, i from generate_series(1, 150000) i')
  await pair.target.sql.unsafe('create table map (legacy int primary key, modern int); insert into map values (1, 10), (2, 10); create table folded (id int, n int); insert into folded values (10, 1)').simple()
  const { job, entities } = await pair.compare('version: 1\ndomains: { d: {} }\nkeyMaps: { m: { table: map, legacy: legacy, modern: modern } }\nentities:\n  folded: { domain: d, source: { table: folded }, target: { table: folded }, key: { id: { from: id, references: m } }, same: [n], explained: [{ reason: none, where: "src.n < 0" }] }\n')
  expect(job).toMatchObject({ status: 'completed' })
  expect(figuresOf(entities['folded']!.accounting)).toBe('150000: 1 verified, 149999 missing | 1: 1 matched')
}, 120_000)
