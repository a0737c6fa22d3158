import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { openAdmin, serverVersion } from '../helpers/postgres.js'
import { figuresOf, lineOf, runCases, testCases, type Case } from './cases.js'

/** The edges of what a database can hold, in databases of different collations. */
const side = (source: string, target = source) => `source: { table: $_${source} }, target: { table: $_${target} }`
const words = ['a', 'B', '_', 'Z', 'z9', 'z10', 'é', 'e', 'ä', 'ß', 'ss', 'co-op', 'coop', ' x', 'x', '']
const rows = (list: string[]) => list.map((word, index) => `('${word}', ${index})`).join(', ')

const cases: Case[] = [
  {
    name: 'text keys whose order is another on either side: none is lost, none is paired with its neighbour',
    source: `create table $_t (k text primary key, v int); insert into $_t values ${rows(words)}; create index on $_t (k desc)`, target: `create table $_t (k text, v int); insert into $_t values ${rows(words).replace("('z10', 5)", "('z10', 6), ('Z10', 5)")}`,
    entities: { t: `${side('t')}, key: { k: k }, same: [v]` },
    expected: { t: { verdict: 'fail', figures: '16: 15 verified, 1 differs | 17: 16 matched, 1 extra', differences: ['differs value {"k":"z10"} v: 5 → 6', 'extra ghost {"k":"Z10"} k Z10'] } },
  },
  {
    name: 'a byte of "char" beyond ASCII is the same on every version',
    source: 'create table $_t (id int primary key, v "char"); insert into $_t values (1, (-23)::"char"), (2, (-23)::"char"), (3, \'a\'), (4, \'\')', target: 'create table $_t (id int, v "char"); insert into $_t values (1, (-23)::"char"), (2, (-22)::"char"), (3, \'a\'), (4, null)',
    entities: { t: `${side('t')}, key: { id: id }, same: [v]` },
    expected: { t: { verdict: 'fail', figures: '4: 2 verified, 2 differs | 4: 4 matched', differences: ['differs value {"id":"2"} v: \\351 → \\352', 'differs value {"id":"4"} v:  → NULL'] } },
  },
  {
    name: 'a text of 100 MB: the last letter counts',
    source: "create table $_t (id int, v text); insert into $_t select i, repeat('x', 100000000) || 'a' from generate_series(1, 2) i", target: "create table $_t (id int, v text); insert into $_t select i, repeat('x', 100000000) || case i when 2 then 'b' else 'a' end from generate_series(1, 2) i",
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { from: v, pii: true } }` },
    expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"2"} v: ••• → •••'] } },
  },
  {
    name: 'keys in one narrow range and two far away',
    source: 'create table $_t (id int8 primary key); insert into $_t select 9007199254740992 + i from generate_series(0, 2000) i union all values (-9223372036854775808), (9223372036854775807)',
    target: 'create table $_t (id int8); insert into $_t select 9007199254740992 + i from generate_series(0, 2000) i where i <> 1 union all values (-9223372036854775808), (9223372036854775807)',
    entities: { t: `${side('t')}, key: { id: id }` },
    expected: { t: { verdict: 'fail', figures: '2003: 2002 verified, 1 missing | 2002: 2002 matched', differences: ['missing plain {"id":"9007199254740993"}'] } },
  },
]

let pair: Pair
let run: ComparisonRun
beforeAll(async () => {
  // the first version whose databases can have an ICU collation is 15
  pair = await createPair({ sourceDatabase: await serverVersion('source') < 150_000 ? { locale: 'C' } : { icuLocale: 'de-u-kn-ks-level2', locale: 'C.UTF-8' } })
  run = await runCases(pair, cases)
})
afterAll(() => pair.close())
testCases(cases, () => run)

test('a foreign table is compared with the table behind it', async () => {
  const { host, port, user, password, database } = pair.source.options
  await pair.source.sql.unsafe('create table behind (id int primary key, v numeric, t timestamptz); insert into behind select i, i / 7.0, \'2024-01-01Z\' from generate_series(1, 300) i')
  await pair.target.sql.unsafe(`create extension if not exists postgres_fdw; create server legacy foreign data wrapper postgres_fdw options (host '${host}', port '${port}', dbname '${database}');
    create user mapping for current_user server legacy options (user '${user}', password '${password ?? ''}'); import foreign schema public limit to (behind) from server legacy into public`).simple()
  const found = await pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  behind: { domain: d, source: { table: behind }, target: { table: behind }, key: { id: id }, same: all }\n')
  expect(`${found.entities['behind']!.verdict} ${figuresOf(found.entities['behind']!.accounting)}`).toBe('warn 300: 300 verified | 300: 300 matched')
  expect(found.checks.find(({ name }) => name === 'the plan fits both databases')?.message).toContain('public.behind in the target database is a foreign table')
})

test('what statistics say of a table may be nonsense', async () => {
  const fill = 'create table odd (id int primary key, v int); insert into odd select i, i from generate_series(1, 200) i'
  await Promise.all([pair.source.sql.unsafe(fill).simple(), pair.target.sql.unsafe(`${fill}; update odd set v = -1 where id = 9`).simple()])
  for (const rows of ['1e30', "'NaN'", "'Infinity'", '1e12']) {
    for (const { sql } of [pair.source, pair.target]) await sql.unsafe(`update pg_class set reltuples = ${rows} where relname = 'odd'`)
    const found = await pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  odd: { domain: d, source: { table: odd }, target: { table: odd }, key: { id: id }, same: all }\n')
    expect(`${found.job.status} ${found.job.reason} ${figuresOf(found.entities['odd']!.accounting)}`).toBe('completed null 200: 199 verified, 1 differs | 200: 200 matched')
  }
})

test('a table of no entity that somebody keeps locked is unknown, and the others do not wait for it', { timeout: 120_000 }, async () => {
  const fill = 'create table open (id int primary key); insert into open select generate_series(1, 200)'
  await Promise.all([pair.source.sql.unsafe(`${fill}; create table shut (id int)`).simple(), pair.target.sql.unsafe(fill).simple()])
  const locker = openAdmin({ ...pair.source.options, maxConnections: 1 })
  try {
    await locker.unsafe('begin; lock shut in access exclusive mode').simple()
    const found = await pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  open: { domain: d, source: { table: open }, target: { table: open }, key: { id: id } }\n', {}, { waitMs: 100_000 })
    expect(found.entities['open']?.verdict).toBe('pass')
    expect(found.tables.find(({ table }) => table === 'public.shut')).toMatchObject({ verdict: 'unknown', rows: null, error: 'another session keeps it locked: run the validation again when it is free' })
    expect(found.tables.find(({ side, table }) => side === 'source' && table === 'public.open')).toMatchObject({ verdict: 'pass', rows: 200 })
  } finally {
    await locker.end({ timeout: 5 })
  }
})

test('rows that move while they are read, in a table that grows, are each compared once', async () => {
  const fill = 'create table moving (id int primary key, v int, pad text); insert into moving select i, i, repeat(\'x\', 200) from generate_series(1, 2000) i'
  await Promise.all([pair.source.sql.unsafe(fill).simple(), pair.target.sql.unsafe(fill).simple()])
  await pair.target.sql`update moving set v = 0 where id = 1234`
  let over = false
  const running = pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  moving: { domain: d, source: { table: moving }, target: { table: moving }, key: { id: id }, same: all }\n', { scanChunkPages: 1, segmentRows: 1 }).finally(() => { over = true })
  // each update puts the row elsewhere, at the end of the table too, and changes no value that is compared
  for (let turn = 0; !over; turn += 1) {
    const moved = (turn * 37) % 2000
    await pair.source.sql`update moving set v = v where id between ${moved} and ${moved + 50}`
  }
  const found = await running
  expect(`${found.entities['moving']!.verdict} ${figuresOf(found.entities['moving']!.accounting)}`).toBe('fail 2000: 1999 verified, 1 differs | 2000: 2000 matched')
  expect(found.differences.map(lineOf)).toEqual(['differs value {"id":"1234"} v: 1234 → 0'])
})
