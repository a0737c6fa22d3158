import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createPair, openComparer, type ComparisonRun, type Pair } from '../helpers/compare.js'

/** Segments whose sums tell the key of their only difference: whole jobs find what a full join finds, and read little else. */

const rows = 12_000
const planOf = (key: string, column = 'v: v') => `version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { ${key}: ${key} }, columns: { ${column} } }\n`
const create = (key: string) => `create table t as select ${key} as id, i as v from generate_series(1, ${rows}) i; alter table t add primary key (id); analyze t`
/** else a session may keep to itself for some seconds what it has changed */
const tell = 'select pg_stat_force_next_flush()'
const options = { segmentRows: 16, statisticsDelayMs: 100 }

/** Of each run of 40 rows one differs, is missing or is extra, and of each thousandth its neighbour too: so near that one segment holds both. */
async function change(pair: Pair, key: (i: string) => string): Promise<void> {
  await pair.target.sql.unsafe(`update t set v = -1 where v % 40 = 0; delete from t where v % 40 = 10 and v % 80 = 10; update t set v = -2 where v in (1001, 1003, 5001, 5002); ${tell}`).simple()
  await pair.source.sql.unsafe(`delete from t where v % 200 = 100; insert into t select ${key('i')}, i from (values (0), (${rows + 1})) added (i); ${tell}`).simple()
}

async function joinFully(pair: Pair): Promise<string[]> {
  const read = async (side: 'source' | 'target') => new Map((await pair[side].sql<{ id: string; v: number }[]>`select id::text, v from t`).map(({ id, v }) => [id, v]))
  const [source, target] = [await read('source'), await read('target')]
  const missing = [...source].flatMap(([id, v]) => (!target.has(id) ? [`missing ${id}`] : target.get(id) === v ? [] : [`differs ${id}`]))
  return [...missing, ...[...target.keys()].flatMap((id) => (source.has(id) ? [] : [`extra ${id}`]))].sort()
}

const told = ({ differences }: ComparisonRun) => differences.map(({ class: name, key }) => `${name} ${key['id']}`).sort()

test.each([
  { name: 'keys without gaps', key: (i: string) => i },
  { name: 'several keys at a place of a segment, negative ones too', key: (i: string) => `(${i}) * 3 - 20000` },
  { name: 'rows in any order of their keys, and too many differences to look up', key: (i: string) => `(${i})::int8 * 7919 % 12007` },
])('$name: full, and again after changes on both sides', async ({ key }) => {
  const pair = await createPair({ source: create(key('i')), target: create(key('i')) })
  try {
    expect(told(await pair.compare(planOf('id'), options))).toEqual([])
    await change(pair, key)
    const expected = await joinFully(pair)
    expect(expected.length).toBeGreaterThan(500)
    const run = await pair.compare(planOf('id'), options)
    expect(told(run)).toEqual(expected)
    const count = (name: string) => expected.filter((one) => one.startsWith(name)).length
    const source = Number((await pair.source.sql`select count(*) from t`)[0]?.['count'])
    expect(run.entities['t']!.accounting).toMatchObject({
      source: { total: source, missing: count('missing'), differs: count('differs'), verified: source - count('missing') - count('differs') },
      target: { total: source - count('missing') + count('extra'), extra: count('extra'), matched: source - count('missing') },
    })
    // what was found different then is found again by the sums that were kept, and what has changed since beside it
    await pair.target.sql.unsafe(`update t set v = -3 where v in (2000, 2001, 2990); ${tell}`).simple()
    await pair.source.sql.unsafe(`delete from t where v = 7007; ${tell}`).simple()
    const again = await pair.compare(planOf('id'), options, { mode: 'changed' })
    expect(again.entities['t']!.note).toMatch(/read at/)
    expect(told(again)).toEqual(await joinFully(pair))
  } finally {
    await pair.close()
  }
})

test('the other rows of such a segment are not read again', async () => {
  const pair = await createPair({ source: create('i'), target: create('i') })
  try {
    await pair.target.sql`update t set v = -1 where v % 40 = 0`
    const readAt = async (side: 'source' | 'target') => Number((await pair[side].sql`select idx_tup_read from pg_stat_user_indexes where relname = 't'`)[0]?.['idx_tup_read'])
    const before = { source: await readAt('source'), target: await readAt('target') }
    const comparer = await openComparer(pair.source.options, pair.target.options)
    const run = await comparer.compare(planOf('id'), options)
    // sessions tell what they have read when they end
    await comparer.close()
    expect(run.entities['t']!.accounting).toMatchObject({ source: { differs: rows / 40, verified: rows - rows / 40 } })
    for (const side of ['source', 'target'] as const) {
      const deadline = Date.now() + 20_000
      while (await readAt(side) - before[side] < rows / 40 && Date.now() < deadline) await sleep(50)
      const read = await readAt(side) - before[side]
      expect(read).toBeGreaterThanOrEqual(rows / 40)
      // each such segment has 16 rows; the audit reads 1,024 beside them
      expect(read).toBeLessThan(rows / 40 * 2 + 1024 + 16)
    }
  } finally {
    await pair.close()
  }
})

test('a row that has come to the address of one that differed need not bear the SQL of the plan', async () => {
  const pair = await createPair({
    source: 'create table t (id int primary key, v text); insert into t select i, i::text from generate_series(1, 200) i; analyze t', target: 'create table t (id int primary key, v int); insert into t select i, i from generate_series(1, 200) i; analyze t',
  })
  try {
    await pair.target.sql`update t set v = 0 where id = 3`
    const addressOf = async (id: number) => (await pair.source.sql<{ ctid: string }[]>`select ctid::text from t where id = ${id}`)[0]?.ctid
    const address = await addressOf(3)
    const running = pair.compare(planOf('id', 'v: { sql: "src.v::int" }'), { recheckDelayMs: 1500 })
    while ((await pair.tracking`select from migration_coverage.task where status = 'running' and kind = 'settle'`).length === 0) await sleep(5)
    await sleep(300)
    await pair.source.sql`delete from t where id = 3`
    await pair.source.sql`vacuum t`
    await pair.source.sql`insert into t values (1000, 'x')`
    expect(await addressOf(1000)).toBe(address)
    expect((await running).entities['t']).toMatchObject({ verdict: 'fail', accounting: { source: { verified: 199 }, target: { extra: 1 } } })
  } finally {
    await pair.close()
  }
})

test('a changed run under a key that has no neighbours does not take over those of the key before', async () => {
  const codes = "create table t (id int primary key, code text not null unique, v int); insert into t select i, 'c' || i, i from generate_series(1, 5000) i; analyze t"
  const pair = await createPair({ source: codes, target: codes })
  try {
    const figures = async (key: string, mode: 'full' | 'changed') => (await pair.compare(planOf(key), { ...options, segmentRows: 128 }, { mode })).entities['t']
    expect(await figures('id', 'full')).toMatchObject({ accounting: { source: { verified: 5000 } } })
    expect(await figures('code', 'changed')).toMatchObject({ accounting: { source: { verified: 5000 } } })
  } finally {
    await pair.close()
  }
})

test.each([
  { every: 100, order: 'id', division: { neighbours: 32, streamed: false } },
  { every: 10, order: 'id', division: { neighbours: 128, streamed: true } },
  { every: 100, order: 'md5(id::text)', division: { neighbours: 128, streamed: true } },
])('where the comparison before found one of $every rows different, in the order of $order: $division', async ({ every, order, division }) => {
  const create = `create table t as select * from (select i as id, i as v from generate_series(1, ${rows}) i) one order by ${order}; alter table t add primary key (id); analyze t`
  const pair = await createPair({ source: create, target: create })
  try {
    await pair.target.sql.unsafe(`update t set v = -1 where id % ${every} = 0; analyze t`).simple()
    const usual = { segmentRows: 1024, streamFrom: 0.25 }
    const [first, second] = [await pair.compare(planOf('id'), usual), await pair.compare(planOf('id'), usual)]
    const [chosen] = await pair.target.sql`select neighbours, streamed from migration_coverage.job_entity join migration_coverage.job using (job_id) order by job.created_at desc limit 1`
    expect(chosen).toEqual(division)
    expect(first.entities['t']!.accounting).toMatchObject({ source: { differs: rows / every, verified: rows - rows / every } })
    expect(second.entities).toEqual({ t: expect.objectContaining({ accounting: first.entities['t']!.accounting }) as object })
    expect(told(second)).toEqual(told(first))
  } finally {
    await pair.close()
  }
})
