import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { openAdmin, writeAndTell } from '../helpers/postgres.js'
import { figuresOf, lineOf } from './cases.js'

/** Runs that read only what may have changed: each way in which a table can change behind the counters is one test. */
type Side = 'source' | 'target'
const entity = (rest = '') => `  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: { from: id, references: m } }, same: [v], columns: { parent: { from: parent, references: p } }${rest} }`
const planOf = (body = entity()) => `version: 1
domains: { d: {} }
ignore: { source: { aside: beside }, target: { aside: beside } }
keyMaps: { m: { table: m, legacy: legacy, modern: modern }, p: { table: pm, legacy: legacy, modern: modern, entity: p } }
entities:
${body}
  p: { domain: d, source: { table: p }, target: { table: p }, key: { id: { from: id, references: p } } }
`
let pair: Pair
let full: ComparisonRun

const write = (side: Side, text: string) => writeAndTell(pair[side].options, text)

const rows = 'insert into t select i, i, i % 5 from generate_series(1, 200) i'
const create = `drop table if exists t, p, aside cascade; create table p (id int primary key); insert into p select i from generate_series(0, 4) i;
  create table t (id int primary key, v int, parent int); ${rows}; create table aside (n int); insert into aside values (1)`
const maps = 'drop table if exists m, pm; create table m (legacy int, modern int); insert into m select i, i from generate_series(1, 200) i; create table pm (legacy int, modern int); insert into pm select i, i from generate_series(0, 4) i'

beforeAll(async () => { pair = await createPair() })
afterAll(() => pair.close())
beforeEach(async () => {
  await write('source', create)
  await write('target', `${create}; ${maps}; update t set v = 0 where id = 7; delete from t where id = 8`)
  full = await compare('full')
  expect(figuresOf(full.entities['t']!.accounting)).toBe('200: 198 verified, 1 differs, 1 missing | 199: 199 matched')
})

const compare = (mode: 'full' | 'changed' | 'sample', plan = planOf()) => pair.compare(plan, { statisticsDelayMs: 100 }, { mode })
const basisOf = async (name = 't') => (await pair.tracking<{ basis: string }[]>`select basis from migration_coverage.entity_result where entity = ${name} order by settled_at desc limit 1`)[0]?.basis
/** The sides that the newest job has read itself. */
const readSides = async (name = 't') => (await pair.tracking<{ side: Side }[]>`
  select distinct side from migration_coverage.task t join migration_coverage.job j using (job_id)
  where kind = 'scan' and entity = ${name} and t.started_at >= j.started_at and job_id = (select job_id from migration_coverage.job order by created_at desc limit 1) order by side`).map(({ side }) => side)
const told = (run: ComparisonRun) => ({ figures: figuresOf(run.entities['t']!.accounting), differences: run.differences.filter((one) => one.entity === 't').map(lineOf).sort(), tables: run.tables })

test('what explanations hold for is kept with the reading of the source; how many of those rows arrived is told anew', async () => {
  const plan = planOf(entity(', explained: [{ reason: chosen, where: "src.id in (7, 8, 9)" }]'))
  const heldOf = (run: ComparisonRun) => run.checks.find(({ entity: name, name: check }) => name === 't' && check === 'an explanation also holds for rows that arrived')?.message
  expect(heldOf(await compare('full', plan))).toBe('"chosen" also holds for 2 rows that arrived')
  await write('target', 'delete from t where id = 9')
  expect(heldOf(await compare('changed', plan))).toBe('"chosen" also holds for 1 row that arrived')
  expect(await readSides()).toEqual(['target'])
  expect(heldOf(await compare('sample', plan))).toBeUndefined()
})

test('nothing has changed: nothing is read but what differed, and all figures are the same', async () => {
  const run = await compare('changed')
  expect(await readSides()).toEqual([])
  expect(await basisOf()).toBe('changed')
  expect(told(run)).toEqual(told(full))
  expect(run.entities['t']).toMatchObject({ verdict: 'fail', note: expect.stringMatching(/^the source was read at 20\d\d-.* and the target was read at 20.*counters, files and columns/) })
  expect(run.entities['p']!.verdict).toBe('pass')
  expect(told(await compare('changed'))).toEqual(told(full))
})

test('what differed is read again: a repaired row is verified', async () => {
  await write('target', 'update t set v = 7 where id = 7; insert into t values (8, 8, 3)')
  const run = await compare('changed')
  expect(await readSides()).toEqual(['target'])
  expect(told(run)).toMatchObject({ figures: '200: 200 verified | 200: 200 matched', differences: [] })
})

test.each<[string, Side, string, string[]]>([
  ['an update', 'source', 'update t set v = -1 where id = 100', ['differs value {"id":"100"} v: -1 → 100']],
  ['a deletion', 'target', 'delete from t where id = 100', ['missing map leads nowhere {"id":"100"}']],
  ['an insertion', 'source', 'insert into t values (201, 1, 1)', ['missing no map entry {"id":"201"}']],
  ['a deletion at the source', 'source', 'delete from t where id = 100', ['extra ghost {"id":"100"} id 100']],
  ['a table that was emptied and filled again', 'target', `truncate t; ${rows}; update t set v = 0 where id in (7, 100); delete from t where id = 8`, ['differs value {"id":"100"} v: 100 → 0']],
  ['a table that was made anew', 'target', 'drop table t; create table t (id int primary key, v int, parent int); insert into t select i, case when i in (7, 100) then 0 else i end, i % 5 from generate_series(1, 200) i where i <> 8', ['differs value {"id":"100"} v: 100 → 0']],
  ['an entry of the key map', 'target', 'delete from m where legacy = 100', ['extra no map entry {"id":"100"}', 'missing no map entry {"id":"100"}']],
  ['an entry of the map of a reference', 'target', 'update pm set modern = 9 where legacy = 4', Array.from({ length: 40 }, (_, index) => `differs reference {"id":"${index * 5 + 4}"} parent: 4 → 4 (no map entry)`)],
])('%s at the %s is found', async (_, side, text, lines) => {
  await write(side, text)
  const run = await compare('changed')
  expect(await readSides()).toEqual([side])
  const before = told(full).differences
  expect(told(run).differences.filter((line) => !before.includes(line))).toEqual(lines.sort())
  expect(told(await compare('full'))).toEqual(told(run))
})

test('a column that was dropped and made anew is found, though no row was written', async () => {
  await write('target', 'alter table t drop column v; alter table t add column v int default 5')
  expect(told(await compare('changed')).figures).toBe('200: 1 verified, 198 differs, 1 missing | 199: 199 matched')
})

describe('what nothing proves is read again', () => {
  const expectRead = async (sides: Side[], plan = planOf()) => {
    const run = await compare('changed', plan)
    expect(await readSides()).toEqual(sides)
    expect(await basisOf()).toBe(sides.length === 2 ? 'full' : 'changed')
    return run
  }

  test('counters that were reset', async () => {
    await write('source', 'select pg_stat_reset()')
    await expectRead(['source'])
  })

  test('a transaction that has written and is still open', async () => {
    const sql = openAdmin({ ...pair.source.options, maxConnections: 1 })
    await sql.begin(async (tx) => {
      await tx`update t set v = -1 where id = 100`
      expect(told(await expectRead(['source'])).figures).toBe(told(full).figures)
    })
    await sql.end()
    expect(told(await expectRead(['source'])).figures).toBe('200: 197 verified, 2 differs, 1 missing | 199: 199 matched')
  })

  test('another plan', async () => {
    await expectRead(['source', 'target'], planOf(entity(', explained: [{ reason: lost, where: "src.id = 8" }]').replace('same: [v]', 'columns: { v: { sql: "src.v + 0" } }').replace(', columns: { parent: { from: parent, references: p } }', '')))
  })

  test('a table that only a subquery reads', async () => {
    const plan = planOf(entity(', explained: [{ reason: lost, where: "exists (select from aside a where a.n = src.id)" }]'))
    await compare('full', plan)
    await write('source', 'update aside set n = 8')
    const run = await expectRead(['source'], plan)
    expect(told(run).figures).toBe('200: 198 verified, 1 differs, 1 explained | 199: 199 matched')
  })

  test('the rows that others reference', async () => {
    await write('source', 'delete from p where id = 3')
    await expectRead(['source'])
  })

  test('a view, a function of one\'s own, and what changes from call to call', async () => {
    await write('source', 'create view people as select * from t; create function mine(int) returns int language sql immutable as $$ select $1 $$')
    for (const [of, rest] of [['table: people', 'same: [v]'], ['table: t', 'columns: { v: { sql: "public.mine(src.v)" } }'], ['table: t, where: "now() > timestamptz \'2020-01-01\'"', 'same: [v]']]) {
      const plan = planOf(`  t: { domain: d, source: { ${of} }, target: { table: t }, key: { id: id }, ${rest} }`)
      await compare('full', plan)
      const run = await compare('changed', plan)
      expect(await readSides()).toContain('source')
      expect(run.job.status).toBe('completed')
    }
  })

  test('what was never read in full', async () => {
    await pair.tracking`delete from migration_coverage.job`
    await compare('sample')
    await expectRead(['source', 'target'])
  })
})

test('a job that fails in between takes nothing away', async () => {
  await pair.tracking`update migration_coverage.entity_result set published_at = null where job_id = (select job_id from migration_coverage.job order by created_at desc limit 1)`
  const run = await compare('changed')
  expect(run.job.status).toBe('completed')
  expect(told(run)).toEqual(told(full))
})

test('jobs over the same entity that run beside each other keep their own sums', async () => {
  const runs = await Promise.all([compare('full'), compare('full'), compare('changed'), compare('full')])
  for (const run of runs) {
    expect(run.job).toMatchObject({ status: 'completed', reason: null })
    expect(told(run)).toEqual(told(full))
  }
})
