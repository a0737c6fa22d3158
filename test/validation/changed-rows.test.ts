import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Sql } from 'postgres'
import { scanStatement } from '../../src/core/pass-expressions.js'
import type { ComparisonSpec } from '../../src/core/spec.js'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/demo/embedded.js'
import { createPair, openComparer, type Comparer, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { asAdmin, createTestDatabase, openAdmin, writeAndTell, type TestDatabase } from '../helpers/postgres.js'
import { figuresOf, lineOf } from './cases.js'

/** Runs that read only the rows whose versions are newer. Tables of several chunks, with segments of some rows, so that a change touches few of them, and with room on the pages, so that an updated row stays in its chunk; each way to deceive the versions is one test. */
type Side = 'source' | 'target'
const small = { statisticsDelayMs: 100, segmentRows: 64, scanChunkPages: 4 }
const rows = 3000
const entity = "t: { domain: d, source: { table: t, changedAt: at, exclude: [{ reason: hidden, where: \"src.v < -1000\" }] }, target: { table: t }, key: { id: id }, same: [v, mood], ignore: { target: { at: technical } } }"
const planOf = (...entities: string[]) => `version: 1\ndomains: { d: {} }\nkeyMaps: { m: { table: m, legacy: legacy, modern: modern } }\nentities:\n${entities.map((one) => `  ${one}\n`).join('')}`
const fill = `insert into t select i, i, 'sad', timestamptz '2026-01-01' from generate_series(1, ${rows}) i`
const create = `drop table if exists t, u, aside cascade; drop type if exists mood; create type mood as enum ('sad', 'glad');
  create table t (id int primary key, v int, mood mood, at timestamptz) with (fillfactor = 60); ${fill}; create table aside (n int); insert into aside values (1)`
let pair: Pair

const write = (side: Side, text: string) => writeAndTell(pair[side].options, text)
const compare = (mode: 'full' | 'changed' = 'changed', plan = planOf(entity), options = {}) => pair.compare(plan, { ...small, ...options }, { mode })
const told = (run: ComparisonRun) => ({ figures: figuresOf(run.entities['t']!.accounting), differences: run.differences.filter((one) => one.entity === 't').map(lineOf).sort() })
const noteOf = (run: ComparisonRun) => run.entities['t']!.note

/** How the newest job has read each side: `reused`, `read`, or of how many chunks it kept the sums. */
async function waysOf(tracking: Sql, name = 't'): Promise<Record<string, string>> {
  const sides = await tracking<{ side: Side; chunks: number; kept: number; isOld: boolean }[]>`
    select side, count(*)::int4 as chunks, (count(*) filter (where outcome ? 'readAt'))::int4 as kept, bool_and(t.started_at < j.started_at) as "isOld"
    from migration_coverage.task t join migration_coverage.job j using (job_id)
    where kind = 'scan' and entity = ${name} and job_id = (select job_id from migration_coverage.job order by created_at desc limit 1) group by side order by side`
  return Object.fromEntries(sides.map(({ side, chunks, kept, isOld }) => [side, isOld ? 'reused' : kept === 0 ? 'read' : `kept ${kept} of ${chunks}`]))
}

beforeAll(async () => { pair = await createPair() })
afterAll(() => pair.close())

const before = ['differs value {"id":"7"} v: 7 → 0', 'missing plain {"id":"8"}']
beforeEach(async () => {
  await write('source', create)
  await write('target', `${create}; update t set v = 0 where id = 7; delete from t where id = 8`)
  expect(told(await compare('full'))).toEqual({ figures: `${rows}: ${rows - 2} verified, 1 differs, 1 missing | ${rows - 1}: ${rows - 1} matched`, differences: before })
})

test('counters that were reset: both sides are looked through, and nothing but what differed is read', async () => {
  await write('source', 'select pg_stat_reset()')
  await write('target', 'select pg_stat_reset()')
  const run = await compare()
  expect(await waysOf(pair.tracking)).toEqual({ source: 'kept 8 of 8', target: 'kept 8 of 8' })
  expect(told(run).differences).toEqual(before)
  expect(noteOf(run)).toMatch(/^8 of 8 chunks of the source were read at 20.* in 0 segments only; 8 of 8 chunks of the target were read at 20.* in 0 segments only; rows that differed, what is newer, and segments from which keys have gone were read again$/)
  expect(run.checks.find(({ name }) => name === 'what has not changed was read before')).toMatchObject({ verdict: 'pass' })
})

test('a newer row that is written again and again, so that it has moved before its key is looked up, is not taken for one that was equal', async () => {
  const sql = openAdmin({ ...pair.source.options, maxConnections: 1 })
  await write('source', 'select pg_stat_reset()')
  const writing = sql.unsafe('do $$ begin for n in 1..250 loop update t set v = -1 where id = 100; commit; perform pg_sleep(0.005); end loop; end $$').simple().execute()
  while ((await pair.source.sql`select from t where v = -1`).length === 0) await new Promise((resolve) => { setTimeout(resolve, 5) })
  const run = await compare()
  await writing
  await sql.end()
  expect(told(run).differences).toEqual(['differs value {"id":"100"} v: -1 → 100', ...before])
})

const missing = (id: number) => `missing plain {"id":"${id}"}`
const ghost = (id: number) => `extra ghost {"id":"${id}"} id ${id}`
test.each<[string, Side, string, string[]]>([
  ['an update', 'source', 'update t set v = -1 where id = 100', ['differs value {"id":"100"} v: -1 → 100']],
  ['an update', 'target', 'update t set v = -1 where id = 100', ['differs value {"id":"100"} v: 100 → -1']],
  ['a deletion', 'source', 'delete from t where id = 100', [ghost(100)]],
  ['a deletion', 'target', 'delete from t where id = 100', [missing(100)]],
  ['an insertion', 'source', 'insert into t values (0, 1)', [missing(0)]],
  ['an insertion', 'target', 'insert into t values (0, 1)', [ghost(0)]],
  ['a row that was deleted and came back', 'source', "delete from t where id = 100; insert into t values (100, 100, 'sad')", []],
  ['a row that was deleted and came back with another value', 'source', "begin; delete from t where id = 100; insert into t values (100, 5, 'sad'); commit", ['differs value {"id":"100"} v: 5 → 100']],
  ['an update that sets the time of the change back', 'source', "update t set v = -1, at = timestamptz '1999-01-01' where id = 100", ['differs value {"id":"100"} v: -1 → 100']],
  ['two rows that swap their values', 'target', 'update t set v = 301 - v where id in (100, 201)', ['differs value {"id":"100"} v: 100 → 201', 'differs value {"id":"201"} v: 201 → 100']],
  ['a row that moves to another key', 'source', 'update t set id = -100 where id = 100', [ghost(100), missing(-100)]],
  ['a row that is excluded now', 'source', 'update t set v = -5000 where id = 100', ['extra excluded {"id":"100"} id 100']],
  ['one row that goes while another comes', 'target', "begin; delete from t where id = 100; insert into t values (-100, 100, 'sad'); commit", [ghost(-100), missing(100)]],
  ['an update that was rolled back', 'target', 'begin; update t set v = -1 where id = 100; rollback', []],
  ['a repair', 'target', "update t set v = 7 where id = 7; insert into t values (8, 8, 'sad')", []],
])('%s at the %s', async (name, side, text, lines) => {
  await write(side, text)
  const run = await compare()
  expect(told(run).differences).toEqual([...(name === 'a repair' ? [] : before), ...lines].sort())
  const ways = await waysOf(pair.tracking)
  expect(ways[side]).toMatch(/^kept [89] of [89]$/)
  expect(ways[side === 'source' ? 'target' : 'source']).toBe('reused')
  expect(noteOf(run)).toContain('counters')
  // a run that rests on one that rests on another
  await write('target', 'update t set v = 1500 - 1 where id = 1500')
  expect(told(await compare()).differences).toEqual([...told(run).differences, 'differs value {"id":"1500"} v: 1500 → 1499'].sort())
  const all = await compare('full')
  expect(told(await compare())).toEqual(told(all))
})

test('a newer row that cannot be read: its chunk is read in full, the row is unverified, and the others are compared', async () => {
  const plan = planOf('t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, columns: { v: { sql: "src.v + 0 / (src.v + 5)" } }, same: [mood], ignore: { source: { at: technical }, target: { at: technical } } }')
  await compare('full', plan)
  await write('source', 'update t set v = -5 where id = 100')
  const run = await compare('changed', plan)
  expect(told(run)).toEqual({
    figures: `${rows}: ${rows - 3} verified, 1 differs, 1 missing, 1 unverified | ${rows - 1}: ${rows - 2} matched, 1 unverified`,
    differences: [...before, 'unverified cannot be read {"id":"100"}', 'unverified its source row cannot be read {"id":"100"} id 100'],
  })
  expect(await waysOf(pair.tracking)).toEqual({ source: 'kept 7 of 8', target: 'reused' })
  expect(told(await compare('changed', plan))).toEqual(told(run))
  expect(told(await compare('full', plan))).toEqual(told(run))
})

describe('what is read in full, since versions prove nothing', () => {
  test.each<[string, Side, string, string[]]>([
    ['a table that was emptied and filled again', 'target', `truncate t; ${fill}; update t set v = 0 where id in (7, 100); delete from t where id = 8`, ['differs value {"id":"100"} v: 100 → 0']],
    ['a column that was dropped and made anew, without any row', 'target', 'alter table t drop column v; alter table t add column v int default 5; update aside set n = 2', []],
    ['columns that have swapped their names', 'source', 'alter table t add column w int default 5; alter table t rename column v to x; alter table t rename column w to v', []],
    ['a label of an enum', 'source', "alter type mood rename value 'sad' to 'blue'", []],
    ['another definition of the table, and rows that were written anew', 'source', 'vacuum full t', []],
  ])('%s at the %s', async (_, side, text, lines) => {
    await write(side, text)
    const run = await compare()
    expect((await waysOf(pair.tracking))[side]).toBe('read')
    if (lines.length > 0) expect(told(run).differences).toEqual([...before, ...lines].sort())
    expect(told(await compare('full'))).toEqual(told(run))
  })

  const swap = 'alter table t rename to w; alter table u rename to t; alter table w rename to u'
  const twin = 'create table u (like t including all); insert into u select id, case when id = 100 then 5 else v end, mood, at from t'

  test('a table that has taken the place of another, though its rows are older than the reading', async () => {
    await write('target', twin)
    await compare('full')
    await write('target', swap)
    expect(told(await compare()).differences).toEqual([...before, 'differs value {"id":"100"} v: 100 → 5'].sort())
    expect(await waysOf(pair.tracking)).toEqual({ source: 'reused', target: 'read' })
  })

  /** Runs a job in which the twin takes the place of the table once the job is prepared. */
  async function compareSwapped(mode: 'full' | 'changed'): Promise<ComparisonRun> {
    await write('target', `select pg_stat_reset(); create or replace function swap() returns trigger language plpgsql set search_path = public as $$ begin ${swap}; return null; end $$;
      create trigger swap after update on migration_coverage.task for each row when (new.kind = 'prepare' and new.status = 'done') execute function swap()`)
    const run = await compare(mode)
    await write('target', 'drop trigger swap on migration_coverage.task; drop function swap()')
    return run
  }

  const replaced = { verdict: 'unknown', note: expect.stringContaining('was rewritten, emptied or replaced while it was read') }

  test('one that takes it between the preparation and the pass: nothing is known, and the next run reads it', async () => {
    await write('target', twin)
    await compare('full')
    expect((await compareSwapped('changed')).entities['t']).toMatchObject(replaced)
    expect(told(await compare()).differences).toEqual([...before, 'differs value {"id":"100"} v: 100 → 5'].sort())
    expect(await waysOf(pair.tracking)).toEqual({ source: 'reused', target: 'read' })
  })

  test('one whose place another had taken while it was read: no later run rests on what was read there', async () => {
    await write('target', `update t set v = 5 where id = 100; ${twin.replace('then 5', 'then 100')}`)
    expect((await compareSwapped('full')).entities['t']).toMatchObject(replaced)
    await write('target', swap)
    expect(told(await compare()).differences).toEqual([...before, 'differs value {"id":"100"} v: 100 → 5'].sort())
  })

  test('a pass that also reads other rows of its own table, or a table that has changed', async () => {
    const own = planOf('t: { domain: d, source: { table: t, where: "src.v >= (select min(o.v) from t o)" }, target: { table: t }, key: { id: id }, same: [v, mood], ignore: { target: { at: technical } } }')
    await compare('full', own)
    await write('source', 'update t set v = 0 where id = 1')
    await compare('changed', own)
    expect((await waysOf(pair.tracking))['source']).toBe('read')
    const other = planOf('t: { domain: d, source: { table: t, where: "src.v > (select max(a.n) from aside a)" }, target: { table: t }, key: { id: id }, same: [v, mood], ignore: { target: { at: technical } } }')
    const first = await compare('full', other)
    await write('source', 'update t set v = v where id = 100')
    expect(told(await compare('changed', other))).toEqual(told(first))
    expect((await waysOf(pair.tracking))['source']).toBe('kept 8 of 8')
    await write('source', 'update aside set n = 10')
    expect(told(await compare('changed', other)).differences).toContain('extra unclaimed {"id":"5"} id 5')
    expect((await waysOf(pair.tracking))['source']).toBe('read')
  })
})

test('transactions that were open over the reading, in the top level and below', async () => {
  const sql = openAdmin({ ...pair.source.options, maxConnections: 1 })
  await sql.unsafe('begin; update t set v = -1 where id = 100; savepoint s; update t set v = -2 where id = 200').simple()
  // transactions of others end after it: the snapshot of the reading reaches beyond those of the open one
  await write('source', 'update aside set n = 2; update aside set n = 3')
  expect(told(await compare('full')).differences).toEqual(before)
  await sql.unsafe('release s; commit').simple()
  await sql.end()
  expect(told(await compare()).differences).toEqual([...before, 'differs value {"id":"100"} v: -1 → 100', 'differs value {"id":"200"} v: -2 → 200'].sort())
  expect(await waysOf(pair.tracking)).toEqual({ source: 'kept 8 of 8', target: 'reused' })
})

test('ids of transactions come round: a version counts as the newest that it may be', async () => {
  const [job] = await pair.tracking<{ spec: ComparisonSpec; horizon: string }[]>`
    select e.spec, t.outcome ->> 'horizon' as horizon from migration_coverage.job_entity e join migration_coverage.task t using (job_id, entity) where t.kind = 'scan' and t.side = 'source' and t.chunk = 0 order by t.task_id desc limit 1`
  const horizon = BigInt(job!.horizon)
  const countNewer = async (since: bigint) => {
    const [row] = await pair.source.sql.unsafe<{ segments: string }[]>(scanStatement(job!.spec, 'source', { segments: 1, recode: false, since: String(since) }))
    return Number(Buffer.from(row!.segments, 'base64').readBigInt64BE(8))
  }
  expect(await countNewer(horizon)).toBe(0)
  await write('source', 'update t set v = v where id <= 5')
  const [{ next }] = await pair.source.sql<[{ next: string }]>`select pg_snapshot_xmax(pg_current_snapshot())::text as next`
  expect([await countNewer(horizon), await countNewer(BigInt(next))]).toEqual([5, 0])
  // the same raw id a turn before, half a turn before, and ids that stand for no transaction
  for (const since of [horizon - 2n ** 32n, horizon - 2n ** 31n, 0n, 2n]) expect(await countNewer(since)).toBe(rows)
})

test('a key map that has not changed, beside a target that has; then one that has', async () => {
  await write('target', `drop table if exists m; create table m (legacy int primary key, modern int unique not null); insert into m select i, i from generate_series(1, ${rows}) i`)
  const plan = planOf('t: { domain: d, source: { table: t }, target: { table: t }, key: { id: { from: id, references: m } }, same: [v, mood], ignore: { target: { at: technical } } }')
  const first = await compare('full', plan)
  await write('target', 'update t set v = 1 where id = 100')
  expect(told(await compare('changed', plan)).differences).toEqual([...told(first).differences, 'differs value {"id":"100"} v: 100 → 1'].sort())
  expect(await waysOf(pair.tracking)).toEqual({ source: 'reused', target: 'kept 1 of 1' })
  await write('target', 'update m set modern = 100000 where legacy = 200')
  const run = await compare('changed', plan)
  expect(told(run).differences).toContain('extra no map entry {"id":"200"}')
  expect(await waysOf(pair.tracking)).toEqual({ source: 'reused', target: 'read' })
  expect(told(await compare('full', plan))).toEqual(told(run))
})

test('where much has changed the chunk is read in full, the others are kept, and a table that grows gets new ones', async () => {
  await write('source', `update t set v = v where id <= 300; insert into t select i, i, 'sad' from generate_series(${rows + 1}, ${rows * 3}) i`)
  await write('target', `insert into t select i, i, 'sad' from generate_series(${rows + 1}, ${rows * 3}) i`)
  expect(told(await compare()).figures).toBe(`${rows * 3}: ${rows * 3 - 2} verified, 1 differs, 1 missing | ${rows * 3 - 1}: ${rows * 3 - 1} matched`)
  const ways = await waysOf(pair.tracking)
  expect([ways['source'], ways['target']]).toEqual([expect.stringMatching(/^kept [1-7] of 2\d$/), expect.stringMatching(/^kept [1-8] of 2\d$/)])
  await write('source', 'select pg_stat_reset()')
  await compare()
  expect((await waysOf(pair.tracking))['source']).toMatch(/^kept (2\d) of \1$/)
})

test.each([1, 100, 1000])('whatever is written on either side, every run finds what a full join finds, with segments of %i rows', async (segmentRows) => {
  let seed = 20261125 + segmentRows
  const random = (below: number) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % below }
  const id = () => 1 + random(rows + 50)
  const anyWrite = () => [
    () => `update t set v = ${random(5)} where id = ${id()}`, () => `delete from t where id = ${id()}`, () => `insert into t values (${id()}, ${random(5)}, 'sad') on conflict (id) do update set v = excluded.v`,
    () => `update t set id = ${id() + 10_000} where id = ${id()} and not exists (select from t where id > 10000)`, () => `begin; delete from t where id between ${id()} and ${id()} and id % 500 = 0; commit`,
  ][random(5)]!()
  const rowsOf = async (side: Side) => new Map((await pair[side].sql<{ id: number; v: number; mood: string }[]>`select id, v, mood from t`).map((row) => [row.id, `${row.v} ${row.mood}`]))
  await compare('full', planOf(entity), { segmentRows })
  for (let round = 0; round < 8; round += 1) {
    for (const side of ['source', 'target'] as const) if (random(4) > 0) await write(side, Array.from({ length: 1 + random(12) }, anyWrite).join(';'))
    if (random(3) === 0) for (const text of ['select pg_stat_reset()', 'vacuum t']) await write(random(2) === 0 ? 'source' : 'target', text)
    const run = await compare('changed', planOf(entity), { segmentRows })
    const [source, target] = [await rowsOf('source'), await rowsOf('target')]
    const expected = [
      ...[...source].flatMap(([key, value]) => (target.get(key) === value ? [] : [`${target.has(key) ? 'differs' : 'missing'} ${key}`])), ...[...target.keys()].flatMap((key) => (source.has(key) ? [] : [`extra ${key}`])),
    ]
    expect(run.differences.map((one) => `${one.class} ${one.key['id']}`).sort()).toEqual(expected.sort())
    expect(Object.values(await waysOf(pair.tracking)).filter((way) => way === 'read')).toEqual([])
  }
})

describe('segments of many rows, of which few are newer', () => {
  const sparse = { segmentRows: 1000 }
  const run = (mode: 'full' | 'changed' = 'changed') => compare(mode, planOf(entity), sparse)
  /** How many rows were found newer on each side; null: it was not looked through. */
  const newerOf = async () => Object.fromEntries((await pair.tracking<{ side: Side; newer: number | null }[]>`
    select side, sum((outcome ->> 'newer')::int)::int4 as newer from migration_coverage.task
    where kind = 'scan' and job_id = (select job_id from migration_coverage.job order by created_at desc limit 1) group by side order by side`).map(({ side, newer }) => [side, newer]))
  const range = (first: number, line: (id: number) => string) => Array.from({ length: 20 }, (_, index) => line(first + index))
  // without a difference: all segments were equal before
  beforeEach(async () => {
    for (const side of ['source', 'target'] as const) await write(side, create)
    expect(told(await run('full')).differences).toEqual([])
  })

  test.each<[string, Record<Side, string>, string[], Record<Side, number | null>]>([
    ['updates at the source', { source: 'update t set v = -1 where id in (100, 200)', target: '' }, ['differs value {"id":"100"} v: -1 → 100', 'differs value {"id":"200"} v: -1 → 200'], { source: 2, target: null }],
    ['the same updates on both sides', { source: 'update t set v = -1 where id in (100, 200)', target: 'update t set v = -1 where id in (100, 200)' }, [], { source: 2, target: 2 }],
    ['other updates on both sides', { source: 'update t set v = -1 where id = 100', target: 'update t set v = -1 where id = 200' }, ['differs value {"id":"100"} v: -1 → 100', 'differs value {"id":"200"} v: 200 → -1'], { source: 1, target: 1 }],
    ['insertions at the source', { source: "insert into t values (-1, 1, 'sad'), (-2, 2, 'sad')", target: '' }, [missing(-1), missing(-2)], { source: 2, target: null }],
    ['insertions of which one has arrived', { source: "insert into t values (-1, 1, 'sad'), (-2, 2, 'sad')", target: "insert into t values (-2, 2, 'sad')" }, [missing(-1)], { source: 2, target: 1 }],
    ['as many deletions on each side, of other rows', { source: 'delete from t where id between 100 and 119', target: 'delete from t where id between 120 and 139' }, [...range(100, ghost), ...range(120, missing)], { source: 0, target: 0 }],
    ['deletions that have arrived', { source: 'delete from t where id between 100 and 119', target: 'delete from t where id between 100 and 119' }, [], { source: 0, target: 0 }],
    ['deletions, and as many insertions', { source: "delete from t where id between 100 and 119; insert into t select i, i, 'sad' from generate_series(-20, -1) i", target: '' }, [...range(100, ghost), ...range(-20, missing)], { source: 20, target: null }],
    ['a row that is excluded now, beside an update', { source: 'update t set v = -5000 where id = 100; update t set v = -1 where id = 200', target: '' }, ['differs value {"id":"200"} v: -1 → 200', 'extra excluded {"id":"100"} id 100'], { source: 1, target: null }],
  ])('%s', async (_, { source, target }, lines, newer) => {
    for (const [side, text] of [['source', source], ['target', target]] as const) if (text !== '') await write(side, text)
    const changed = await run()
    expect(told(changed).differences).toEqual(lines.sort())
    expect(await newerOf()).toEqual(newer)
    expect(noteOf(changed)).toContain('what is newer, and segments from which keys have gone')
    expect(told(await run())).toEqual(told(changed))
    expect(told(await run('full'))).toEqual(told(changed))
  })

  test('a key that may stand twice: its segment is read again, though both sides have as many rows under it, and an index that was made since proves nothing of before', async () => {
    const loose = planOf('t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v, mood], ignore: { source: { at: technical }, target: { at: technical } } }')
    for (const side of ['source', 'target'] as const) await write(side, "alter table t drop constraint t_pkey; alter table t alter id set not null; insert into t values (100, -7, 'sad'), (300, -7, 'sad')")
    expect(told(await compare('full', loose, sparse)).differences).toEqual([])
    await write('source', 'delete from t where id = 100 and v = 100')
    await write('target', 'delete from t where id = 100 and v = -7')
    expect(told(await compare('changed', loose, sparse)).differences).toEqual(['differs value {"id":"100"} v: -7 → 100'])
    expect(await newerOf()).toEqual({ source: null, target: null })
    await write('source', 'delete from t where id = 300 and v = 300; create unique index on t (id)')
    await write('target', 'delete from t where id = 300 and v = -7; create unique index on t (id)')
    expect(told(await compare('changed', loose, sparse)).differences).toEqual(['differs value {"id":"100"} v: -7 → 100', 'differs value {"id":"300"} v: -7 → 300'])
    expect(await waysOf(pair.tracking)).toEqual({ source: 'read', target: 'read' })
  })

  test('keys of several legs: an update, and legs that two rows have swapped', async () => {
    const composite = planOf('t: { domain: d, source: { table: t }, target: { table: t }, key: { a: a, b: b }, same: [v] }')
    const fillPairs = `drop table t; create table t (a text collate "C", b int, v int, primary key (a, b)); insert into t select 'key ' || i, i % 7, i from generate_series(1, ${rows}) i`
    for (const side of ['source', 'target'] as const) await write(side, fillPairs)
    expect(told(await compare('full', composite, sparse)).differences).toEqual([])
    await write('source', "update t set v = -1 where a = 'key 100'; delete from t where a in ('key 1', 'key 2'); insert into t values ('key 1', 2, 1), ('key 2', 1, 2)")
    const lines = [
      'differs value {"a":"key 100","b":"2"} v: -1 → 100', 'extra ghost {"a":"key 1","b":"1"} a key 1, b 1', 'extra ghost {"a":"key 2","b":"2"} a key 2, b 2', 'missing plain {"a":"key 1","b":"2"}', 'missing plain {"a":"key 2","b":"1"}',
    ]
    const changed = await compare('changed', composite, sparse)
    expect(changed.differences.map((one) => `${one.class} ${JSON.stringify(one.key)}`).sort()).toEqual(lines.map((line) => line.replace(/^(\w+) (?:value|ghost|plain) (\{.*?\}).*$/, '$1 $2')).sort())
    expect(await newerOf()).toEqual({ source: 3, target: null })
    expect(told(await compare('full', composite, sparse))).toEqual(told(changed))
  })

  test('a row that has moved between a chunk that is kept and one that is read anew, on both sides the other way', async () => {
    // the last chunk is rewritten wholly, and 100 with it
    const move = (values: string) => `delete from t where id > 2700 or id = 100; insert into t select i, i, 'sad' from generate_series(2701, ${rows}) i; insert into t values ${values}`
    await write('source', "update t set v = 5 where id = 100; select pg_stat_reset()")
    await write('target', move("(100, 5, 'sad')"))
    await run('full')
    await write('source', move("(100, 6, 'sad')"))
    await write('target', 'update t set v = 7 where id = 100')
    expect(told(await run()).differences).toEqual(['differs value {"id":"100"} v: 6 → 7'])
  })
})

test('a copy of the database on the same server proves nothing, though its ids are of the same count', async () => {
  const [source, target] = [await createTestDatabase({ server: 'source' }), await createTestDatabase({ template: 'tracking' })]
  const copied = { ...source.options, database: `${source.options.database}_copy` }
  await writeAndTell(source.options, create)
  await asAdmin((sql) => sql.unsafe(`create database ${copied.database} template ${source.options.database}`), 'source')
  await writeAndTell(source.options, 'update t set v = -1 where id = 100')
  await writeAndTell(target.options, `${create}; update t set v = -1 where id = 100`)
  const comparers = [await openComparer(source.options, target.options), await openComparer(copied, target.options)]
  try {
    expect(told(await comparers[0]!.compare(planOf(entity), small, { mode: 'full' })).differences).toEqual([])
    expect(told(await comparers[1]!.compare(planOf(entity), small, { mode: 'changed' })).differences).toEqual(['differs value {"id":"100"} v: 100 → -1'])
    expect(await waysOf(comparers[1]!.tracking)).toEqual({ source: 'read', target: 'reused' })
  } finally {
    for (const comparer of comparers) await comparer.close()
    await asAdmin((sql) => sql.unsafe(`drop database ${copied.database} with (force)`), 'source')
    await source.drop()
    await target.drop()
  }
})

describe('a server that has crashed', () => {
  let server: EmbeddedPostgres
  let target: TestDatabase
  let comparer: Comparer
  beforeAll(async () => {
    [server, target] = [await startEmbeddedPostgres(), await createTestDatabase({ template: 'tracking' })]
    comparer = await openComparer({ ...options(), database: 'postgres' }, target.options)
  })
  afterAll(async () => {
    await comparer.close()
    await server.stop()
    await target.drop()
  })
  const options = () => ({ host: server.host, port: server.port, user: server.user, password: server.password, database: 'postgres', ssl: 'disable' as const, maxConnections: 3 })

  /** A session that dies takes all others and the counters with it, but not the server's start nor the time at which the counters of a database were reset. */
  async function crash(): Promise<void> {
    const sql = openAdmin({ ...options(), maxConnections: 1 })
    const [{ pid }] = await sql<[{ pid: number }]>`select pg_backend_pid() as pid`
    process.kill(pid, 'SIGKILL')
    await sql`select 1`.catch(() => undefined)
    await sql.end({ timeout: 1 })
    for (let isBack = false; !isBack;) {
      const again = openAdmin({ ...options(), maxConnections: 1 })
      isBack = await again`select 1`.then(() => true, () => false)
      await again.end({ timeout: 1 })
    }
  }

  test('counters that stand as before prove nothing, nor do versions', async () => {
    // the server writes nothing to its files at a commit unless it is told to
    await writeAndTell(options(), `set synchronous_commit = on; ${create}`)
    await writeAndTell(target.options, create)
    await crash()
    const plan = planOf(entity)
    expect(told(await comparer.compare(plan, small, { mode: 'full' })).differences).toEqual([])
    await writeAndTell(options(), 'set synchronous_commit = on; update t set v = -1 where id = 100')
    await crash()
    expect(told(await comparer.compare(plan, small, { mode: 'changed' })).differences).toEqual(['differs value {"id":"100"} v: -1 → 100'])
    expect(await waysOf(comparer.tracking)).toEqual({ source: 'read', target: 'reused' })
  })
})
