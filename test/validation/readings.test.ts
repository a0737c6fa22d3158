import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPair, openComparer, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { asAdmin, createTestDatabase, openAdmin, writeAndTell } from '../helpers/postgres.js'
import { figuresOf, lineOf } from './cases.js'

/** What one reading of a table tells of another: which of them a later run may rest on, and which of them is the newest. */
type Side = 'source' | 'target'
const sides = ['source', 'target'] as const
const rows = 3000
const small = { statisticsDelayMs: 100, segmentRows: 1000, scanChunkPages: 4 }
const planOf = (...entities: string[]) => `version: 1\ndomains: { d: {} }\nentities:\n${entities.map((one) => `  ${one}\n`).join('')}`
const plan = planOf('t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v] }')
const create = `drop table if exists t cascade; create table t (id int primary key, v int) with (fillfactor = 60); insert into t select i, i from generate_series(1, ${rows}) i`
let pair: Pair
beforeAll(async () => { pair = await createPair() })
afterAll(() => pair.close())

const write = (side: Side, text: string) => writeAndTell(pair[side].options, text)
const compare = (mode: 'full' | 'changed', options = {}) => pair.compare(plan, { ...small, ...options }, { mode })
const told = (run: ComparisonRun) => run.differences.map(lineOf)

describe('kept sums of two jobs: a row has gone from a chunk that the second job kept to one that it read anew', () => {
  beforeEach(async () => { for (const side of sides) await write(side, create) })
  const move = (v: number) => `delete from t where id > 2700 or id = 100; insert into t select i, i from generate_series(2701, ${rows}) i; insert into t values (100, ${v}); select pg_stat_reset()`

  test('on each side to the value that the other had', async () => {
    await write('target', 'update t set v = -1 where id = 100')
    expect(told(await compare('full'))).toEqual(['differs value {"id":"100"} v: 100 → -1'])
    await write('source', move(-1))
    await write('target', move(100))
    expect(told(await compare('changed'))).toEqual(['differs value {"id":"100"} v: -1 → 100'])
    for (const side of sides) await write(side, 'select pg_stat_reset()')
    expect(told(await compare('changed'))).toEqual(['differs value {"id":"100"} v: -1 → 100'])
  })

  test('and the target has let go of the wrong one of two rows', async () => {
    await write('target', 'alter table t drop constraint t_pkey; create index on t (id); insert into t values (100, -1)')
    await compare('full')
    await write('source', move(-1))
    await write('target', 'select pg_stat_reset()')
    await compare('changed')
    await write('source', 'select pg_stat_reset()')
    await write('target', 'delete from t where id = 100 and v = -1; select pg_stat_reset()')
    expect(told(await compare('changed'))).toEqual(['differs value {"id":"100"} v: -1 → 100'])
  })
})

test('two schemas change places between the look at the counters and the pass, and back', async () => {
  const make = (schema: string, v: string) => `create schema ${schema}; create table ${schema}.t (id int primary key, v int); insert into ${schema}.t select i, ${v} from generate_series(1, 200) i`
  await write('source', `${make('blue', 'i')}; ${make('green', 'case when i = 100 then -1 else i end')}`)
  await write('target', `${create}; update t set v = -1 where id = 100; delete from t where id > 200`)
  const swapped = plan.replace('source: { table: t }', 'source: { table: blue.t }')
  const swap = 'alter schema blue rename to aside; alter schema green rename to blue; alter schema aside rename to green'
  const differs = ['differs value {"id":"100"} v: 100 → -1']
  expect(told(await pair.compare(swapped, small))).toEqual(differs)
  const open = openAdmin({ ...pair.source.options, maxConnections: 1 })
  await open`begin`
  const running = pair.compare(swapped, { ...small, statisticsDelayMs: 1500 }, { mode: 'changed' })
  await sleep(1000)
  await write('source', swap)
  await running
  await open`commit`
  await open.end()
  await write('source', swap)
  expect(told(await pair.compare(swapped, small, { mode: 'changed' }))).toEqual(differs)
})

test('a database that was made anew from a copy, under the same oid, is another one', async () => {
  const [source, target] = [await createTestDatabase({ server: 'source' }), await createTestDatabase({ template: 'tracking' })]
  const name = source.options.database
  await writeAndTell(source.options, create)
  await source.sql.end({ timeout: 5 })
  const [{ oid }] = await asAdmin((sql) => sql<[{ oid: string }]>`select oid::text as oid from pg_database where datname = ${name}`, 'source')
  await asAdmin((sql) => sql.unsafe(`create database ${name}_copy template ${name}`), 'source')
  await writeAndTell(source.options, 'update t set v = -1 where id = 100')
  await writeAndTell(target.options, `${create}; update t set v = -1 where id = 100`)
  const run = async (mode: 'full' | 'changed') => {
    const comparer = await openComparer(source.options, target.options)
    try {
      return told(await comparer.compare(plan, small, { mode }))
    } finally {
      await comparer.close()
    }
  }
  try {
    expect(await run('full')).toEqual([])
    await asAdmin(async (sql) => {
      await sql.unsafe(`drop database ${name} with (force)`)
      await sql.unsafe(`create database ${name} oid = ${oid} template ${name}_copy`)
    }, 'source')
    expect(await run('changed')).toEqual(['differs value {"id":"100"} v: 100 → -1'])
  } finally {
    await asAdmin((sql) => sql.unsafe(`drop database ${name}_copy with (force)`), 'source')
    await source.drop()
    await target.drop()
  }
})

test('a session of a replication connection writes like others', async () => {
  for (const side of sides) await write(side, create)
  expect(told(await compare('full'))).toEqual([])
  const { host, port, database, user, password } = pair.source.options
  const replicating = postgres({ host, port, database, username: user, ...(typeof password === 'string' ? { password } : {}), max: 1, fetch_types: false, connection: { replication: 'database' }, onnotice: () => undefined })
  await replicating.unsafe('create table aside (n int)').simple()
  await sleep(1100)
  // it tells of the first write, and not of the second before a second has passed
  await replicating.unsafe('insert into aside values (1)').simple()
  await replicating.unsafe('update t set v = -1 where id = 100').simple()
  await replicating.unsafe('begin; select from aside').simple()
  const run = await compare('changed', { statisticsDelayMs: 1000 })
  await replicating.unsafe('commit').simple()
  await replicating.end({ timeout: 5 })
  expect(told(run)).toEqual(['differs value {"id":"100"} v: -1 → 100'])
})

test('what a job has read earlier and publishes later does not stand before what is newer', async () => {
  for (const side of sides) await write(side, `${create}; drop table if exists u; create table u (id int primary key); insert into u values (1)`)
  await write('source', "create function wait() returns boolean language plpgsql volatile as 'begin perform pg_sleep(3); return true; end'")
  const both = planOf('t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v] }', 'u: { domain: d, source: { table: u, where: "public.wait()" }, target: { table: u }, key: { id: id } }')
  const request = { includeCrossEntity: false, includeIntegrityChecks: false }
  const [{ last }] = await pair.tracking<[{ last: number }]>`select coalesce(max(task_id), 0)::int8 as last from migration_coverage.task`
  const long = pair.compare(both, small, request)
  while ((await pair.tracking`select from migration_coverage.task where task_id > ${last} and kind = 'settle' and entity = 't' and status = 'done'`).length === 0) await sleep(5)
  await write('target', 'delete from t where id <= 50')
  const other = await openComparer(pair.source.options, pair.target.options)
  expect((await other.compare(both, small, { ...request, entities: ['t'] })).entities['t']?.verdict).toBe('fail')
  await other.close()
  expect(figuresOf((await long).entities['t']!.accounting)).toBe('3000: 3000 verified | 3000: 3000 matched')
  const published = await pair.tracking<{ verdict: string }[]>`select verdict from migration_coverage.entity_result where entity = 't' and published_at is not null order by published_at desc, job_id limit 2`
  expect(published.map(({ verdict }) => verdict)).toEqual(['fail', 'pass'])
})
