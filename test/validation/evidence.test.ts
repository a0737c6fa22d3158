import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPair, openComparer, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { openAdmin, writeAndTell } from '../helpers/postgres.js'
import { figuresOf, lineOf } from './cases.js'

/** What must not be taken for proof that nothing has changed. A run of mode `changed` must find what a full run of the same state finds. */
type Side = 'source' | 'target'
let pair: Pair
beforeAll(async () => { pair = await createPair() })
afterAll(() => pair.close())

const create = `drop schema public cascade; create schema public; create table t (id int primary key, v int, w int, name text); insert into t select i, i, 2 * i, 'n' || i from generate_series(1, 200) i`
beforeEach(async () => { for (const side of ['source', 'target'] as const) await write(side, create) })

const write = (side: Side, text: string) => writeAndTell(pair[side].options, text)
const planOf = (entities: string) => `version: 1\ndomains: { d: {} }\nentities:\n${entities}\n`
const base = (rest = '', source = '') => planOf(`  t: { domain: d, source: { table: t${source} }, target: { table: t }, key: { id: id }, same: [v, w, name]${rest} }`)
const compare = (mode: 'full' | 'changed', plan: string, statisticsDelayMs = 100) => pair.compare(plan, { statisticsDelayMs }, { mode })
const told = (run: ComparisonRun) => ({
  job: run.job, tables: run.tables, entities: Object.fromEntries(Object.entries(run.entities).map(([name, { verdict, accounting }]) => [name, `${verdict} ${figuresOf(accounting)}`])), differences: run.differences.map(lineOf).sort(),
  totals: run.checks.filter(({ name }) => name === 'the total agrees').map(({ subject, verdict, message }) => [subject, verdict, message]),
})

describe('rows that no entity reads are accounted for anew when some have come', () => {
  const tableOf = (run: ComparisonRun) => run.tables.filter(({ table, side }) => side === 'source' && table === 'public.p').map(({ verdict, unclaimed, rows }) => [verdict, unclaimed, rows])
  test.each([
    ['in a partition that a condition rules out', 'source: { table: p, where: src.area = 1 }'],
    ['in a partition that a query does not read', 'source: { query: "select p.id, p.v, p.area from p where p.area = 1", covers: p }'],
  ])('%s', async (_, source) => {
    await write('source', 'create table p (id int, area int, v int, primary key (id, area)) partition by list (area); create table p1 partition of p for values in (1); create table p2 partition of p for values in (2); insert into p values (1, 1, 5)')
    await write('target', 'create table p (id int primary key, area int, v int); insert into p values (1, 1, 5)')
    const plan = planOf(`  p: { domain: d, ${source}, target: { table: p }, key: { id: id }, same: [area, v] }`)
    expect(tableOf(await compare('full', plan))).toEqual([['pass', 0, 1]])
    await write('source', 'insert into p values (2, 2, 6)')
    expect(tableOf(await compare('changed', plan))).toEqual([['fail', 1, 2]])
  })
})

describe('a session that has not told the counters what it did', () => {
  test.each(['loader', 'mcov', 'mcov_loader'])('%s sits in its next transaction: the counters prove nothing, the versions of the rows tell', async (name) => {
    const sql = openAdmin({ ...pair.source.options, maxConnections: 1 })
    await sql.unsafe(`set application_name = '${name}'`)
    await compare('full', base())
    await sql.unsafe('create table other (n int)')
    await sleep(1100)
    await sql.unsafe('insert into other values (1)')
    await sql.unsafe('update t set v = -1 where id = 100')
    await sql.unsafe('begin')
    await sql.unsafe('select from other')
    const run = await compare('changed', base(), 1000)
    await sql.unsafe('commit')
    await sql.end()
    expect(run.differences.map(lineOf)).toEqual(['differs value {"id":"100"} v: -1 → 100'])
    // what it holds back would come later: the run itself may still be rested on
    expect(told(await compare('changed', base()))).toEqual(told(run))
  })

  test('it commits within a call that goes on: the transaction is new, what it did is not told', async () => {
    await write('source', `create procedure batch() language plpgsql as $$ begin for n in 1..300 loop update t set v = -1 where id = 100; commit; perform pg_sleep(0.01); end loop; end $$`)
    await compare('full', base())
    const sql = openAdmin({ ...pair.source.options, maxConnections: 1 })
    const running = sql.unsafe('call batch()').simple().execute()
    while ((await pair.source.sql`select from t where v = -1`).length === 0) await sleep(10)
    const run = await compare('changed', base(), 1000)
    await running
    await sql.end()
    expect(run.differences.map(lineOf)).toEqual(['differs value {"id":"100"} v: -1 → 100'])
  })

  test('the role may not see what others do: the counters prove nothing', async () => {
    const role = `watcher_${process.pid}`
    const admin = openAdmin({ ...pair.source.options, maxConnections: 1 })
    await admin.unsafe(`create role ${role} login password '${role}'; grant usage on schema public to ${role}; grant select on t to ${role}`).simple()
    const blind = await openComparer({ ...pair.source.options, user: role, password: role }, pair.target.options)
    try {
      await blind.compare(base(), { statisticsDelayMs: 100 })
      await admin.unsafe('select 1')
      const run = await blind.compare(base(), { statisticsDelayMs: 100 }, { mode: 'changed' })
      // the source by versions, although nothing has changed
      expect(run.entities['t']!.note).toMatch(/^the target was read at .*counters.*; 1 of 1 chunks of the source were read at/)
      await admin.unsafe('update t set v = -1 where id = 100')
      expect((await blind.compare(base(), { statisticsDelayMs: 100 }, { mode: 'changed' })).differences.map(lineOf)).toEqual(['differs value {"id":"100"} v: -1 → 100'])
    } finally {
      await blind.close()
      await admin.unsafe(`drop owned by ${role}; drop role ${role}`).simple()
      await admin.end()
    }
  })

  test('a transaction that has begun long after the first look holds nothing back', async () => {
    await compare('full', base())
    const sql = openAdmin({ ...pair.source.options, maxConnections: 1 })
    let over = false
    // short transactions, one after the other
    const busy = (async () => { while (!over) await sql.begin((tx) => tx`select pg_sleep(0.02)`) })()
    const run = await compare('changed', base(), 300)
    over = true
    await busy
    await sql.end()
    expect(run.entities['t']).toMatchObject({ verdict: 'pass', note: expect.stringMatching(/^the source was read at .* and the target was read at .*counters/) })
  })
})

test.each<[string, string, string, string, string]>([
  ['a function that the plan names in capitals', 'create function mine(int) returns int language plpgsql immutable as $$ begin return $1; end $$', 'public.MINE(src.v)', 'create or replace function mine(int) returns int language plpgsql immutable as $$ begin return $1 + 1; end $$', '200 differs'],
  ['an operator', 'create function mine(int, int) returns int language plpgsql immutable as $$ begin return $1 + $2; end $$; create operator @@@ (leftarg = int, rightarg = int, function = mine)', 'src.v operator(public.@@@) 0',
    'create or replace function mine(int, int) returns int language plpgsql immutable as $$ begin return $1 + $2 + 1; end $$', '200 differs'],
  ['a cast', "create type n as enum ('a'); create function mine(n) returns int language plpgsql immutable as $$ begin return 7; end $$; create cast (n as int) with function mine(n)", "src.v + 'a'::public.n::int - 7",
    'create or replace function mine(n) returns int language plpgsql immutable as $$ begin return 8; end $$', '200 differs'],
])('%s means something else', async (_, before, sql, after, expected) => {
  const plan = planOf(`  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [w, name], columns: { v: { sql: "${sql}" } } }`)
  await write('source', before)
  expect((await compare('full', plan)).entities['t']!.verdict).toBe('pass')
  await write('source', after)
  const run = await compare('changed', plan)
  expect(figuresOf(run.entities['t']!.accounting)).toBe(`200: ${expected} | 200: 200 matched`)
})

test.each<[string, string, string]>([
  ['a function behind a comment', '', 'public.lookup/* a comment */(src.v)'],
  ['a function behind a comment to the end of the line', '', 'public.lookup -- a comment\\n (src.v)'],
  ['a function in the manner of a column of the row', 'create function seen(r t) returns int language plpgsql stable as $$ begin return lookup(r.v); end $$', '(src).seen'],
  ['a function in escapes', '', 'public.U&\\"\\\\006Cookup\\"(src.v)'],
  ['an operator', 'create operator @@@ (rightarg = int, function = lookup)', 'operator(public.@@@) src.v'],
  ['a cast', "create type n as enum ('a'); create function mine(n) returns int language plpgsql stable as $$ begin return lookup(0); end $$; create cast (n as int) with function mine(n)", "src.v + 'a'::public.n::int"],
])('%s reads a table that no plan tells', async (_, before, sql) => {
  const plan = planOf(`  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [w, name], columns: { v: { sql: "${sql}" } } }`)
  await write('source', `create table other (n int); insert into other values (0); create function lookup(x int) returns int language plpgsql stable as $$ begin return x + (select n from public.other); end $$; ${before}`)
  expect((await compare('full', plan)).entities['t']!.verdict).toBe('pass')
  await write('source', 'update other set n = 1')
  const run = await compare('changed', plan)
  expect(figuresOf(run.entities['t']!.accounting)).toBe(`200: 200 differs | 200: 200 matched`)
})

const column = (sql: string) => planOf(`  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [w, name], columns: { v: { sql: ${JSON.stringify(sql)} } } }`)
const pairs = 'create type pr as (a int, b int); create type other as (b int, a int); alter table t add c pr; update t set c = row(v, -1)'
const constant = "src.v + ('(0,1)'::public.pr).a"

test.each<[string, string, string, string, string]>([
  ['attributes of a composite type are renamed', pairs, '(src.c).a', 'alter type pr rename attribute a to x; alter type pr rename attribute b to a', '200: 200 differs'],
  ['attributes of the type of a constant are renamed', pairs, constant, 'alter type pr rename attribute a to x; alter type pr rename attribute b to a', '200: 200 differs'],
  ['an attribute is dropped and made anew', pairs, '(src.c).a', 'alter type pr drop attribute a; alter type pr add attribute a int', '200: 200 differs'],
  ['columns are renamed of a table whose row is a column', 'create table other (a int, b int); alter table t add c other; update t set c = row(v, -1)::other', '(src.c).a', 'alter table other rename a to x; alter table other rename b to a', '200: 200 differs'],
  ['columns are renamed of a table whose rows are a column', 'create table other (a int, b int); alter table t add c other[]; update t set c = array[row(v, -1)::other]', '(src.c)[1].a', 'alter table other rename a to x; alter table other rename b to a', '200: 200 differs'],
  ['two types change their names', pairs, constant, 'alter type pr rename to x; alter type other rename to pr', '200: 200 differs'],
  ['two schemas change their names', 'create schema first; create schema second; create type first.pr as (a int, b int); create type second.pr as (b int, a int)', "src.v + ('(0,1)'::first.pr).a", 'alter schema first rename to third; alter schema second rename to first', '200: 200 differs'],
  ['a domain gets a check', 'create domain dm as int', 'src.v::public.dm::int', 'alter domain dm add check (value <> 100) not valid', '200: 199 verified, 1 unverified | 200: 199 matched, 1 unverified'],
])('%s', async (_, before, sql, after, expected) => {
  await write('source', `drop schema if exists first, second, third cascade; ${before}`)
  expect(figuresOf((await compare('full', column(sql))).entities['t']!.accounting)).toBe('200: 200 verified | 200: 200 matched')
  await write('source', after)
  const run = await compare('changed', column(sql))
  expect(figuresOf(run.entities['t']!.accounting)).toMatch(expected)
  expect(told(run)).toEqual(told(await compare('full', column(sql))))
})

test('what others make beside what is read, for good or for a time, leaves the evidence as it is', async () => {
  await write('source', pairs)
  await compare('full', column('(src.c).a'))
  const sql = openAdmin({ ...pair.source.options, maxConnections: 1 })
  await sql.unsafe('create table made (n int, list int[]); create table gone (n int); drop table gone; create temporary table passing (c pr, t t); create type pg_temp.kind as (n int); create view seen as select * from t').simple()
  await write('target', 'create table made (n int); create table pgboss.part (like pgboss.job); drop table pgboss.part; create type migration_coverage.kind as (n int)')
  const run = await compare('changed', column('(src.c).a'))
  await sql.end()
  await write('target', 'drop type migration_coverage.kind')
  expect(run.entities['t']!.note).toMatch(/^the source was read at .* and the target was read at .*counters/)
})

test.each<[string, string, string, string]>([
  ['timezone_abbreviations', 'India', "src.d::timestamptz = '2023-12-31 22:00+00'", "update t set d = '2024-01-01 00:00 IST'"],
  ['xmlbinary', 'hex', "xmlelement(name a, src.d::bytea)::text = '<a>YWJj</a>'", "update t set d = 'abc'"],
  ['lc_numeric', 'POSIX', "to_char(src.v, 'FM9G999') <> '1,0'", ''],
  ['lc_time', 'POSIX', "to_char(date '2024-01-01', 'TMMonth') <> ''", ''],
  ['lc_monetary', 'POSIX', "src.v::money is not null", ''],
])('the setting %s is another one', async (setting, value, condition, before) => {
  const { database } = pair.source.options
  await write('source', `alter database ${database} reset ${setting}; alter table t add d text; ${before}`)
  const plan = column(`src.v + case when ${condition} then 0 else 1 end`)
  expect(figuresOf((await compare('full', plan)).entities['t']!.accounting)).toBe('200: 200 verified | 200: 200 matched')
  try {
    await write('source', `alter database ${database} set ${setting} to '${value}'; select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
    const run = await compare('changed', plan)
    expect(run.entities['t']!.note ?? '').not.toMatch(/the source was read at|of the source were read at/)
    expect(told(run)).toEqual(told(await compare('full', plan)))
  } finally {
    await write('source', `alter database ${database} reset ${setting}`)
  }
})

test.each([["clock_timestamp() > MOMENT", 'where'], ["'now'::timestamptz > MOMENT", 'where'], ["MOMENT < E'\\x6eow'", 'where'], ["now() > MOMENT", 'query']])(
  'what the clock tells is read again: %s in a %s', async (condition, place) => {
    const moment = new Date(Date.now() + 3000)
    const chosen = `src.id < 200 or not ${condition.replace('MOMENT', `'${moment.toISOString()}'::timestamptz`)}`
    const source = place === 'where' ? `table: t, where: ${JSON.stringify(chosen)}` : `query: ${JSON.stringify(`select s.* from t s where ${chosen.replace("src.", "s.")}`)}`
    const plan = planOf(`  t: { domain: d, source: { ${source} }, target: { table: t }, key: { id: id }, same: [v, w, name] }`)
    expect(figuresOf((await compare('full', plan)).entities['t']!.accounting)).toBe('200: 200 verified | 200: 200 matched')
    await sleep(moment.getTime() - Date.now() + 10)
    expect(figuresOf((await compare('changed', plan)).entities['t']!.accounting)).toBe('199: 199 verified | 200: 199 matched, 1 extra')
  })

const people = (name: string) => `create table p as select i as id, i < 200 as live from generate_series(1, 200) i; create view ${name} as select * from p`
const longest = 'v'.repeat(63)

test.each<[string, string, string, string]>([
  ['named in capitals', people('people'), 'exists (select from People o where o.id = src.id)', 'create or replace view people as select * from p where live'],
  ['named with a quotation mark', people('"we""ird"'), 'exists (select from "we""ird" o where o.id = src.id)', 'create or replace view "we""ird" as select * from p where live'],
  ['named with letters that the server cuts off', people(longest), `exists (select from ${longest}v o where o.id = src.id)`, `create or replace view ${longest} as select * from p where live`],
  ['of the catalogue', people('people'), "src.id < 200 or not exists (select from Pg_views o where o.definition like '%renamed%')", 'alter view people rename live to renamed'],
  ['of the information schema', people('people'), "src.id < 200 or not exists (select from Information_Schema.views o where o.view_definition like '%renamed%')", 'alter view people rename live to renamed'],
])('a view reads other rows: %s', async (_, before, condition, after) => {
  if (before !== '') await write('source', before)
  const plan = base('', `, where: ${JSON.stringify(condition)}`)
  expect((await compare('full', plan)).entities['t']!.verdict).toBe('pass')
  await write('source', after)
  expect(figuresOf((await compare('changed', plan)).entities['t']!.accounting)).toBe('199: 199 verified | 200: 199 matched, 1 extra')
})

test('a column gets another collation without being written again', async () => {
  await write('source', `create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false); insert into t values (201, 1, 1, 'N7')`)
  await write('target', `delete from t where id = 7; insert into t values (201, 1, 1, 'N7')`)
  const plan = base('', `, where: "src.name <> 'n7'"`)
  expect((await compare('full', plan)).entities['t']!.verdict).toBe('pass')
  await write('source', 'alter table t alter name type text collate ci')
  expect(figuresOf((await compare('changed', plan)).entities['t']!.accounting)).toBe('199: 199 verified | 200: 199 matched, 1 extra')
})

test.each([{ side: null }, { side: 'target' as const }])('a plan that sums up another column, and rows written: $side', async ({ side }) => {
  await write('target', 'update t set w = w + 1 where id = 5')
  await compare('full', base(', totals: [{ sum: v }]'))
  if (side !== null) await write(side, 'update t set v = v where id = 6')
  const run = await compare('changed', base(', totals: [{ sum: w }]'))
  expect(run.checks.filter(({ name }) => name === 'the total agrees')).toMatchObject([{ subject: 'w', verdict: 'fail' }])
  expect(told(run)).toEqual(told(await compare('full', base(', totals: [{ sum: w }]'))))
})

test('a plan that shares rows no more', async () => {
  const two = (shared: string) => planOf(['t', 'u'].map((name) => `  ${name}: { domain: d, source: { table: t }, target: { table: t, where: "true" }, key: { id: id }, same: [v, w, name]${shared} }`).join('\n'))
  expect((await compare('full', two(', shared: true'))).tables.map(({ verdict }) => verdict)).toEqual(['pass', 'pass'])
  const run = await compare('changed', two(''))
  expect(run.tables.map(({ verdict }) => verdict)).toEqual(['fail', 'fail'])
  expect(told(run)).toEqual(told(await compare('full', two(''))))
  expect((await compare('changed', two(', shared: true'))).tables.map(({ verdict }) => verdict)).toEqual(['pass', 'pass'])
})

test('rows that had just changed when they were read are judged once they have rested, though nothing was written since', async () => {
  const change = (rest: string) => `alter table t add changed timestamptz; ${rest}`
  await write('source', change('update t set v = -1, changed = now() where id = 9; insert into t values (201, 1, 1, null, now())'))
  await write('target', change('insert into t values (202, 1, 1, null, now())'))
  const plan = planOf('  t: { domain: d, source: { table: t, changedAt: changed, lag: 2 seconds }, target: { table: t, changedAt: changed }, key: { id: id }, same: [v, w, name] }')
  expect(figuresOf((await compare('full', plan)).entities['t']!.accounting)).toBe('201: 199 verified, 2 pending | 201: 199 matched, 2 pending')
  await sleep(2500)
  const run = await compare('changed', plan)
  expect(run.entities['t']!.note).toMatch(/^the source was read at .* and the target was read at .*counters/)
  expect(figuresOf(run.entities['t']!.accounting)).toBe('201: 199 verified, 1 differs, 1 missing | 201: 200 matched, 1 extra')
})

test('a job whose sums another one has taken away is not rested on', async () => {
  await compare('full', base())
  const [newest] = await pair.tracking<{ id: string }[]>`select job_id as id from migration_coverage.job order by created_at desc limit 1`
  await compare('full', base())
  // two jobs end at once: the later one publishes with the earlier time
  await pair.tracking`update migration_coverage.entity_result set published_at = now() + interval '1 minute' where job_id = ${newest!.id}`
  const run = await compare('changed', base())
  expect(run.job).toMatchObject({ status: 'completed', verdict: 'pass' })
  expect(run.entities['t']!.note).toMatch(/counters/)
})

test('NOT NULL of a foreign table, or of a table whose children need not hold to it, proves no key', async () => {
  await write('source', 'create table base (id int not null, v int); create table child () inherits (base); alter table child alter id drop not null; insert into base values (1, 1); insert into child values (null, 2)')
  await write('target', 'create table base (id int, v int); insert into base values (1, 1)')
  const run = await compare('full', planOf('  t: { domain: d, source: { table: base }, target: { table: base }, key: { id: id }, same: [v] }'))
  expect(figuresOf(run.entities['t']!.accounting)).toBe('2: 1 verified, 1 unverified | 1: 1 matched')
})
