import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRowsStatement, readSegmentsStatement } from '../../src/core/reread-expressions.js'
import { quoteLiteral } from '../../src/core/identifier.js'
import { createPair, openComparer, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { asAdmin } from '../helpers/postgres.js'
import { specOf, termOf } from '../helpers/spec.js'
import { expectCase, figuresOf, lineOf, runCases, testCases, ways, type Case } from './cases.js'
import { side, table } from './tables.js'
import { beside, idsOnly, loneCases, nothing, structureCases, valueCases, type Value } from './correctness-cases.js'

describe.each(ways)('values, in %s', (_, options, request) => {
  let pair: Pair
  let run: ComparisonRun
  beforeAll(async () => {
    pair = await createPair()
    run = idsOnly(await runCases(pair, valueCases, options, request))
  })
  afterAll(() => pair.close())
  testCases(valueCases, () => run)
})

describe.each(ways)('structures, in %s', (_, options, request) => {
  let pair: Pair
  let run: ComparisonRun
  beforeAll(async () => {
    pair = await createPair()
    run = await runCases(pair, structureCases, options, request)
  })
  afterAll(() => pair.close())
  testCases(structureCases, () => run)
})
describe('what one entity cannot bear', () => {
  for (const one of loneCases.map(beside)) {
    const declare = one.fails === true ? test.concurrent.fails : test.concurrent
    declare(one.name, async () => {
      const pair = await createPair()
      try {
        expectCase(await runCases(pair, [one]), one)
      } finally {
        await pair.close()
      }
    })
  }
})

describe('encodings', () => {
  const texts = ['é', 'É', 'plain', 'ß', '', null, 'x'.repeat(70_000), 'é'.repeat(70_000)]
  const create = (type: string) => `create table $_t (id int primary key, v ${type}, n int);`
  const rows = (step: (value: Value, index: number) => Value, n: number) => `insert into $_t values ${texts.map((text, index) => {
    const value = step(text, index)
    return `(${index}, ${value === null ? 'null' : quoteLiteral(value)}, ${n})`
  }).join(', ')}`
  const keep = (value: Value) => value
  const cases: Case[] = [
    {
      name: 'equal texts of a LATIN1 and a UTF8 database are equal, as key and as column',
      source: `${create('text')} ${rows(keep, 1)}; create table $_k (k text primary key); insert into $_k values ('é'), ('è')`,
      target: `${create('text')} ${rows(keep, 1)}; create table $_k (k text primary key); insert into $_k values ('é'), ('e')`,
      entities: { t: `${side('t')}, key: { id: id }, same: [v, n]`, k: `${side('k')}, key: { k: k }` },
      expected: {
        t: { verdict: 'pass', figures: '8: 8 verified | 8: 8 matched' },
        k: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 2: 1 matched, 1 extra', differences: ['missing plain {"k":"è"}', 'extra ghost {"k":"e"} k e'] },
      },
    },
    {
      name: 'where another column differs, only that one is named, long texts too',
     
      source: `${create('text')} ${rows(keep, 1)}`, target: `${create('text')} ${rows(keep, 2)}`,
      entities: { t: `${side('t')}, key: { id: id }, same: [v, n]` },
      expected: { t: { verdict: 'fail', figures: '8: 8 differs | 8: 8 matched', differences: texts.map((_, index) => `differs value {"id":"${index}"} n: 1 → 2`) } },
    },
    {
      name: 'JSON whose keys sort otherwise by the bytes of the other encoding',
      source: 'create table $_t (id int primary key, v jsonb); insert into $_t values (1, \'{"é":1,"bb":2}\'), (2, \'{"é":1,"bb":2}\')',
      target: 'create table $_t (id int primary key, v jsonb); insert into $_t values (1, \'{"é":1,"bb":2}\'), (2, \'{"é":1,"bb":3}\')',
      entities: { t: `${side('t')}, key: { id: id }, columns: { v: { from: v, pii: true } }` },
      expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"2"} v: ••• → •••'] } },
    },
  ]
  let pair: Pair
  let run: ComparisonRun
  beforeAll(async () => {
    pair = await createPair({ sourceDatabase: { encoding: 'LATIN1', locale: 'C' } })
    run = await runCases(pair, cases)
  })
  afterAll(() => pair.close())
  testCases(cases, () => run)

  test('SQL_ASCII: bytes that are UTF-8 are compared, others leave their row unverified', async () => {
    const ascii = await createPair({ sourceDatabase: { encoding: 'SQL_ASCII', locale: 'C' } })
    try {
      const bytes: Case[] = [
        {
          name: 'valid', source: table('t', 'id int primary key, v text', "(1, 'é'), (2, 'è')"), target: table('t', 'id int, v text', "(1, 'é'), (2, 'e')"),
          entities: { t: `${side('t')}, key: { id: id }, same: [v]` },
          expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"2"} v: è → e'] } },
        },
        {
          name: 'invalid', source: "create table $_t (id int primary key, v text); insert into $_t values (1, E'\\xe9'), (2, 'é')", target: table('t', 'id int, v text', "(1, '\ufffd'), (2, 'é')"),
          entities: { t: `${side('t')}, key: { id: id }, same: [v]` },
          expected: { t: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 unverified', note: 'invalid byte sequence', differences: ['unverified cannot be read {"id":"1"}', 'unverified its source row cannot be read {"id":"1"} id 1'] } },
        },
      ]
      const found = await runCases(ascii, bytes)
      bytes.forEach((one, index) => { expectCase(found, one, index) })
    } finally {
      await ascii.close()
    }
  })
})

describe('what the reading role may not see', () => {
  const role = `reader_${randomBytes(6).toString('hex')}`
  const cases: Case[] = [
    {
      name: 'row-level security hides rows: unknown, never fewer rows',
      source: `${table('t', 'id int primary key', '(1), (2)')}; alter table $_t enable row level security; create policy p on $_t using (id = 1)`, target: table('t', 'id int', '(1)'),
      entities: { t: `${side('t')}, key: { id: id }` },
      expected: { t: { verdict: 'unknown', figures: nothing, note: 'row-level security' } },
      tables: { 'source $_t': 'unknown: null once, null several, null unclaimed of null' },
    },
    {
      name: 'no right to select', source: `${table('t', 'id int primary key', '(1)')}; revoke all on $_t from ${role}`, target: table('t', 'id int', '(1)'),
      entities: { t: `${side('t')}, key: { id: id }` },
      expected: { t: { verdict: 'unknown', figures: nothing, note: 'may not read all of' } },
      tables: { 'source $_t': 'unknown: null once, null several, null unclaimed of null' },
    },
    {
      name: 'a right on every column is none on the address of a row', source: `${table('t', 'id int primary key, v int', '(1, 1)')}; revoke all on $_t from ${role}; grant select (id, v) on $_t to ${role}`, target: table('t', 'id int, v int', '(1, 1)'),
      entities: { t: `${side('t')}, key: { id: id }, same: [v]` },
      expected: { t: { verdict: 'unknown', figures: nothing, note: 'grant it select on the table' } },
    },
    {
      name: 'a table of no entity that cannot be counted is unknown, not left out', source: `${table('t', 'id int primary key', '(1)')}; ${table('hidden', 'id int', '(1)')}; revoke all on $_hidden from ${role}`, target: table('t', 'id int', '(1)'),
      entities: { t: `${side('t')}, key: { id: id }` },
      expected: { t: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
      tables: { 'source $_hidden': 'unknown: null once, null several, null unclaimed of null' },
    },
  ]
  let pair: Pair
  let run: ComparisonRun
  beforeAll(async () => {
    pair = await createPair()
    await pair.source.sql.unsafe(`create role ${role} login password 'reader'; alter default privileges grant select on tables to ${role}`).simple()
    const reading = await openComparer({ ...pair.source.options, user: role, password: 'reader' }, pair.target.options)
    run = await runCases({ ...pair, compare: reading.compare }, cases)
    await reading.close()
  })
  afterAll(async () => {
    await pair.close()
    await asAdmin((sql) => sql.unsafe(`drop role ${role}`), 'source')
  })
  testCases(cases, () => run)
})

describe('size', () => {
  const width = 1600
  const columns = Array.from({ length: width - 1 }, (_, index) => `c${index + 1} int default ${index + 1}`).join(', ')
  const cases: Case[] = [
    {
      name: '1,600 columns, the last one differs',
      source: `create table $_t (id int, ${columns}); insert into $_t (id) values (1), (2)`, target: `create table $_t (id int, ${columns}); insert into $_t (id) values (1), (2); update $_t set c${width - 1} = null where id = 2`,
      entities: { t: `${side('t')}, key: { id: id }, same: all` },
      expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: [`differs value {"id":"2"} c${width - 1}: ${width - 1} → NULL`] } },
    },
    {
      name: 'texts and bytes of many megabytes: the last letter counts, the value stays on the server',
      source: "create table $_t (id int, v text, b bytea); insert into $_t select i, repeat('x', 5000000) || 'a', decode(repeat('00', 1000000), 'hex') from generate_series(1, 3) i",
      target: "create table $_t (id int, v text, b bytea); insert into $_t select i, repeat('x', 5000000) || case i when 2 then 'b' else 'a' end, decode(repeat('00', 1000000), 'hex') || case i when 3 then '\\x00' else '' end::bytea from generate_series(1, 3) i",
      entities: { t: `${side('t')}, key: { id: id }, columns: { v: { from: v, pii: true }, b: { from: b, pii: true } }` },
      expected: { t: { verdict: 'fail', figures: '3: 1 verified, 2 differs | 3: 3 matched', differences: ['differs value {"id":"2"} v: ••• → •••', 'differs value {"id":"3"} b: ••• → •••'] } },
    },
    {
      name: 'JSON nested 5,000 deep',
      source: "create table $_t (id int, v jsonb); insert into $_t select i, (repeat('[', 5000) || i || repeat(']', 5000))::jsonb from generate_series(1, 2) i",
      target: "create table $_t (id int, v jsonb); insert into $_t select i, (repeat('[', 5000) || '1' || repeat(']', 5000))::jsonb from generate_series(1, 2) i",
      entities: { t: `${side('t')}, key: { id: id }, columns: { v: { from: v, pii: true } }` },
      expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"2"} v: ••• → •••'] } },
    },
  ]
  let pair: Pair
  let run: ComparisonRun
  beforeAll(async () => {
    pair = await createPair()
    run = await runCases(pair, cases)
  })
  afterAll(() => pair.close())
  testCases(cases, () => run)

  test('10,000 two-row swaps: each one alone changes the sum of its segment', async () => {
    await pair.source.sql.unsafe('create table swap (id int primary key, v int, w int); insert into swap select i, i, i % 7 from generate_series(0, 19999) i')
    await pair.target.sql.unsafe('create table swap (id int primary key, v int, w int); insert into swap select i, (i # 1), i % 7 from generate_series(0, 19999) i')
    const base = specOf()
    const spec = specOf({ entity: 'swap', columns: [termOf('v'), termOf('w')], source: { ...base.source, table: 'swap', uniqueKey: ['id'] }, target: { ...base.target, table: 'swap' } })
    const read = async (sql: Pair['source']['sql'], at: 'source' | 'target') => {
      const blocks = await sql.unsafe<{ rows: string }[]>(readSegmentsStatement(spec, at, { segments: 1, recode: false }), ['{0}'])
      const packed = Buffer.concat(blocks.map(({ rows }) => Buffer.from(rows, 'base64')))
      return new Map(Array.from({ length: packed.length / 22 }, (_, row) => [packed.readBigInt64BE(row * 22).toString(), packed.readBigInt64BE(row * 22 + 8)]))
    }
    const keys = await pair.source.sql.unsafe<{ id: number; key: string }[]>(readRowsStatement(spec, 'source', { segments: 1, recode: false }, null)
      .replace(/^select .* from "public"/, 'select src.id, hashed.key::text as key from "public"').replace(/ and hashed\.key = any.*$/, ' order by 1'))
    const [left, right] = [await read(pair.source.sql, 'source'), await read(pair.target.sql, 'target')]
    expect([keys.length, left.size, right.size]).toEqual([20_000, 20_000, 20_000])
    const missed = Array.from({ length: 10_000 }, (_, index) => [keys[2 * index]!.key, keys[2 * index + 1]!.key] as const)
      .filter(([one, other]) => left.get(one)! + left.get(other)! === right.get(one)! + right.get(other)!)
    expect(missed).toEqual([])
  })
})

test('backends killed while a job runs: the tasks are repeated, and the figures are exact', async () => {
  const slow = 'create function slow(int) returns bool language plpgsql as $$ begin perform pg_sleep(0.004); return true; end $$'
  const pair = await createPair({
    source: `${slow}; create table t (id int primary key, v int); insert into t select i, i from generate_series(1, 150) i`,
    target: `${slow}; create table t (id int primary key, v int); insert into t select i, case i when 7 then 0 else i end from generate_series(2, 151) i`,
  })
  try {
    const running = pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t, where: "slow(src.id)" }, target: { table: t, where: "slow(tgt.id)" }, key: { id: id }, same: [v] }')
    let over = false
    let killed = 0
    const end = running.finally(() => { over = true })
    for (const { sql, options } of [pair.source, pair.target]) {
      for (let found = 0; found === 0 && !over; await sleep(20)) {
        const rows = await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${options.database} and state = 'active' and query like ${'%slow%'} and application_name = 'mcov migration-coverage'`
        found = rows.length
        killed += found
      }
    }
    const run = await end
    expect(killed).toBeGreaterThanOrEqual(2)
    expect(run.job).toMatchObject({ status: 'completed', verdict: 'fail' })
    expect(figuresOf(run.entities['t']!.accounting)).toBe('150: 148 verified, 1 differs, 1 missing | 150: 149 matched, 1 extra')
    expect(run.differences.map(lineOf).sort()).toEqual(['differs value {"id":"7"} v: 7 → 0', 'extra ghost {"id":"151"} id 151', 'missing plain {"id":"1"}'])
  } finally {
    await pair.close()
  }
})
