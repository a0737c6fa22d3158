import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { openAdmin } from '../helpers/postgres.js'
import { figuresOf, lineOf } from './cases.js'

/** Chunks of a table are read one after the other: what is written between them must not make a row invisible. */
type Side = 'source' | 'target'
let pair: Pair
beforeEach(async () => { pair = await createPair() })
afterEach(() => pair.close())

const keys = { int: 'i', uuid: "md5(i::text)::uuid" }
/** 1,500 rows on a hundred pages, with room for more on the first; one row is missing on the other side. */
async function fill(kind: keyof typeof keys, slowSide: Side): Promise<void> {
  const rows = `insert into t select ${keys[kind]}, i from generate_series(1, 1500) i`
  const make = `create table t (id ${kind} primary key, v int, pad text default repeat('x', 500))`
  const slow = 'create function slow(i int) returns boolean language plpgsql volatile as $$ begin if i % 100 = 0 then perform pg_sleep(0.15); end if; return true; end $$'
  await pair[slowSide].sql.unsafe(`${slow}; ${make}; ${rows}; delete from t where v between 3 and 8`).simple()
  await pair[slowSide].sql.unsafe('vacuum (analyze) t')
  await pair[slowSide === 'source' ? 'target' : 'source'].sql.unsafe(`${make}; ${rows}; delete from t where v between 3 and 8 or v = 1100; analyze t`).simple()
}
const planOf = (slowSide: Side) => {
  const side = (name: Side, alias: string) => `{ table: t${name === slowSide ? `, where: "public.slow(${alias}.v)"` : ''} }`
  return `version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: ${side('source', 'src')}, target: ${side('target', 'tgt')}, key: { id: id }, same: [v], ignore: { source: { pad: none }, target: { pad: none } } }\n`
}
/** Runs a comparison, and SQL on a side once its first chunk is being read. */
async function compareWhile(side: Side, statement: string, options: object = {}, mode: 'full' | 'changed' = 'full'): Promise<ComparisonRun> {
  const running = pair.compare(planOf(side), { scanChunkPages: 25, ...options }, { mode })
  const isReading = async () => (await pair[side].sql`select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`).length > 0
  while (!await isReading()) await sleep(5)
  await pair[side].sql.unsafe(statement).simple()
  return running
}
const told = ({ entities, differences }: ComparisonRun) => [entities['t']!.verdict, figuresOf(entities['t']!.accounting), ...differences.map(lineOf)]
const move = 'update t set v = v where v = 1100'

describe.each([['int', {}], ['int', { segmentRows: 1 }], ['uuid', {}], ['uuid', { streamFrom: 0 }]] as const)('a row moves to a page that was read, %s keys, %o', (kind, options) => {
  test('it is missing at the target', async () => {
    await fill(kind, 'source')
    const key = kind === 'int' ? '1100' : '"1e6e0a04-d20f-5096-7c64-dac2d639a577"'
    const run = await compareWhile('source', move, options)
    expect(told(run).slice(0, 2)).toEqual(['fail', '1494: 1493 verified, 1 missing | 1493: 1493 matched'])
    expect(told(run)[2]).toContain(key.replaceAll('"', ''))
  })

  test('it is extra at the target', async () => {
    await fill(kind, 'target')
    expect(told(await compareWhile('target', move, options)).slice(0, 2)).toEqual(['fail', '1493: 1493 verified | 1494: 1493 matched, 1 extra'])
  })
})

/** A row goes to the last page, which has room, after its own was read. */
async function fillLast(kind: keyof typeof keys, slow: readonly Side[], more: Partial<Record<Side, string>> = {}): Promise<void> {
  for (const side of ['source', 'target'] as const) {
    const isSlow = slow.includes(side) ? 'create function slow(i int) returns boolean language plpgsql volatile as $$ begin if i % 100 = 0 then perform pg_sleep(0.1); end if; return true; end $$;' : ''
    await pair[side].sql.unsafe(`${isSlow} create table t (id ${kind}, v int, pad text default repeat('x', 500)); create index on t (id); insert into t select ${keys[kind]}, i from generate_series(1, 1500) i;
      delete from t where v between 1490 and 1497; ${more[side] ?? ''}`).simple()
    await pair[side].sql.unsafe('vacuum (analyze) t')
  }
}
const planOfBoth = planOf('source').replace('table: t }', 'table: t, where: "public.slow(tgt.v)" }')

describe.each([['int', {}], ['uuid', {}], ['uuid', { streamFrom: 0 }]] as const)('a row moves to a page that is still to be read, %s keys, %o', (kind, options) => {
  test('the target has it twice', async () => {
    await fillLast(kind, ['source'], { target: 'insert into t select * from t where v = 5' })
    const run = await compareWhile('source', 'update t set v = v where v = 5', options)
    expect((await pair.source.sql`select (ctid::text::point)[0]::int > 80 as last from t where v = 5`)[0]).toEqual({ last: true })
    expect(told(run).slice(0, 2)).toEqual(['fail', '1492: 1492 verified | 1493: 1492 matched, 1 duplicate'])
  })

  test('both sides change it, each to what the other had', async () => {
    await fillLast(kind, ['source', 'target'], { target: 'update t set v = 6000 where v = 5' })
    const running = pair.compare(planOfBoth, { scanChunkPages: 25, ...options })
    for (const side of ['source', 'target'] as const) {
      while ((await pair[side].sql`select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`).length === 0) await sleep(2)
      await pair[side].sql.unsafe(side === 'source' ? 'update t set v = 6000 where v = 5' : 'update t set v = 5 where v = 6000').simple()
    }
    expect(told(await running).slice(0, 2)).toEqual(['fail', '1492: 1491 verified, 1 differs | 1492: 1492 matched'])
  })
})

test('a row that the pass has missed comes to the other side later, with another value', async () => {
  await fill('uuid', 'source')
  await pair.target.sql.unsafe("drop table t; create table t (id uuid primary key, v int, pad text) partition by hash (id); create table t0 partition of t for values with (modulus 2, remainder 0); create table t1 partition of t for values with (modulus 2, remainder 1)").simple()
  await pair.target.sql.unsafe('insert into t select md5(i::text)::uuid, i from generate_series(1, 1500) i where i not between 3 and 8 and i <> 1100').simple()
  const place = async () => (await pair.source.sql`select ctid::text as place from t where v = 1100`)[0]!['place'] as string
  const before = await place()
  const running = compareWhile('source', move)
  while ((await pair.tracking`select from migration_coverage.task where kind = 'scan' and side = 'target' and status = 'done'`).length === 0) await sleep(5)
  while (await place() === before) await sleep(5)
  await pair.target.sql.unsafe("insert into t select md5('1100')::uuid, -1").simple()
  expect(told(await running).slice(0, 2)).toEqual(['fail', '1494: 1493 verified, 1 differs | 1494: 1494 matched'])
})

test('a row that is missing, and was missed by the pass, is missing in the total too', async () => {
  await fill('int', 'source')
  const running = pair.compare(planOf('source').replace('same: [v]', 'same: [v], totals: [{ sum: v }]'), { scanChunkPages: 25 })
  while ((await pair.source.sql`select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`).length === 0) await sleep(5)
  await pair.source.sql.unsafe(move)
  const run = await running
  expect(told(run)[1]).toBe('1494: 1493 verified, 1 missing | 1493: 1493 matched')
  expect(run.checks.filter(({ name }) => name === 'the total agrees').map(({ verdict }) => verdict)).toEqual(['fail'])
})

test('one of many rows that are alike, and have no key, moves while all are read', async () => {
  const make = "create table t (v int, pad text); insert into t select 1, repeat('x', 500) from generate_series(1, 900); analyze t"
  await pair.source.sql.unsafe(`create function slow(i int) returns boolean language plpgsql volatile as 'begin perform pg_sleep(0.002); return true; end'; ${make}`).simple()
  await pair.target.sql.unsafe(make).simple()
  const running = pair.compare(planOf('source').replace('key: { id: id }, same: [v], ignore: { source: { pad: none }, target: { pad: none } }', 'key: all, same: [v, pad]'), { scanChunkPages: 15, streamFrom: 0 })
  while ((await pair.tracking`select from migration_coverage.task where kind = 'scan' and side = 'source' and status = 'done'`).length === 0) await sleep(5)
  await pair.source.sql.unsafe("update t set v = v where ctid = '(0,1)'")
  expect(told(await running)).toEqual(['pass', '900: 900 verified | 900: 900 matched'])
})

test('what a pass has missed is found again by later runs that read only what has changed', async () => {
  await fill('int', 'source')
  const first = await compareWhile('source', move)
  expect(told(await pair.compare(planOf('source'), { statisticsDelayMs: 100 }, { mode: 'changed' }))).toEqual(told(first))
})

test('a row that moves while the segments that differ are read again is found', async () => {
  const make = "create table t (id uuid primary key, v int, pad text default repeat('x', 500)); insert into t select md5(i::text)::uuid, i from generate_series(1, 6000) i"
  const slow = 'create function slow(i int) returns boolean language plpgsql volatile as $$ begin if i % 1000 = 0 then perform pg_sleep(0.3); end if; return true; end $$'
  await pair.source.sql.unsafe(`${slow}; ${make}; delete from t where v between 3 and 99`).simple()
  await pair.source.sql.unsafe('vacuum (analyze) t')
  await pair.target.sql.unsafe(`${make}; delete from t where v between 3 and 99 or v = 5500; update t set v = -1 where v % 100 = 0; analyze t`).simple()
  const running = pair.compare(planOf('source'), { streamFrom: 2 })
  const isReadAgain = async () => (await pair.source.sql`select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep' and query like '%as block from%'`).length > 0
  while (!await isReadAgain()) await sleep(2)
  const other = openAdmin({ ...pair.source.options, maxConnections: 1 })
  await other.unsafe('update t set v = v where v = 5500')
  expect((await other`select ctid::text from t where v = 5500`)[0]!['ctid']).toMatch(/^\(\d{1,2},/)
  await other.end()
  expect(told(await running).slice(0, 2)).toEqual(['fail', '5903: 5843 verified, 59 differs, 1 missing | 5902: 5902 matched'])
})

test.each([
  ['rewritten', 'cluster t using t_pkey'],
  ['emptied', 'truncate t'],
  ['replaced', 'do $$ begin alter table t rename to t_old; alter table t_new rename to t; end $$'],
])('a table that is %s while it is read leaves its entity unknown', async (_, statement) => {
  await fill('int', 'source')
  await pair.source.sql.unsafe('create table t_new (like t including all); insert into t_new select * from t order by id desc').simple()
  const { entities } = await compareWhile('source', statement)
  expect(entities['t']).toMatchObject({ verdict: 'unknown', note: expect.stringContaining('was rewritten, emptied or replaced while it was read') })
})

test('a table that is not logged is a table', async () => {
  for (const side of ['source', 'target'] as const) await pair[side].sql.unsafe('create unlogged table t as select i as id, i as v from generate_series(1, 3000) i')
  const run = await pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v] }\n', { scanChunkPages: 2 })
  expect(told(run)).toEqual(['pass', '3000: 3000 verified | 3000: 3000 matched'])
})
