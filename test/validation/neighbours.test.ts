import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { areNear, type KeyIndex } from '../../src/validation/neighbours.js'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'

/** Segments of neighbouring keys: who gets them, and that rows at their ends, and keys that only one side has, are judged as a full join judges them. */

const rows = 12_000
const plan = 'version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, columns: { v: v } }\n'

interface Case {
  name: string
  /** SQL of the key of row i, and its type on each side */
  key: string
  types: { source: string; target: string }
  order?: string
  index?: string
  /** a column that is not compared */
  more?: string
  areNeighbours: boolean
}

const cases: Case[] = [
  { name: 'keys without gaps, of another width on each side', key: 'i', types: { source: 'int4', target: 'int8' }, areNeighbours: true },
  { name: 'negative keys and gaps', key: 'i * 7 - 40000', types: { source: 'int8', target: 'int4' }, areNeighbours: true },
  { name: 'rows in any order', key: 'i', types: { source: 'int4', target: 'int4' }, order: 'md5(i::text)', areNeighbours: true },
  { name: 'an index whose first column is the key', key: 'i * 2', types: { source: 'int4', target: 'int4' }, index: 'create unique index on t (id desc, v)', areNeighbours: true },
  { name: 'columns that are called as parts of our statements are', key: 'i', types: { source: 'int4', target: 'int4' }, more: ', 5 as number, 5 as neighbourhood, 5 as segment, 5 as place, 5 as near', areNeighbours: true },
  { name: 'keys at the ends of what int8 holds', key: "case when i = 1 then '-9223372036854775808'::int8 when i = 12000 then 9223372036854775807 else i end", types: { source: 'int8', target: 'int8' }, areNeighbours: false },
  { name: 'keys far apart', key: 'i::int8 * 4194304', types: { source: 'int8', target: 'int8' }, areNeighbours: false },
  { name: 'an index over some rows alone', key: 'i', types: { source: 'int4', target: 'int4' }, index: 'create unique index on t (id) where v is not null', areNeighbours: false },
  { name: 'an index of hashes', key: 'i', types: { source: 'int4', target: 'int4' }, index: 'create index on t using hash (id)', areNeighbours: false },
  { name: 'no index', key: 'i', types: { source: 'int4', target: 'int4' }, index: '', areNeighbours: false },
]

describe.each(cases)('$name', ({ key, types, order = 'i', index = 'alter table t add primary key (id)', more = '', areNeighbours }) => {
  let pair: Pair
  const create = (type: string) => `create table t as select (${key})::${type} as id, i % 1000 as v${more} from generate_series(1, ${rows}) i order by ${order}; ${index}; analyze t`
  beforeAll(async () => {
    pair = await createPair({ source: create(types.source), target: create(types.target) })
    const at = (i: number) => `(select ${key} from (select ${i} as i) one)`
    // the first and the last key of each side are missing at the other, others differ at the ends of runs
    await pair.source.sql.unsafe(`delete from t where id in (${at(1)}, ${at(rows - 1)}); update t set v = -1 where id in (${at(128)}, ${at(129)}, ${at(5000)})`).simple()
    await pair.target.sql.unsafe(`delete from t where id in (${at(rows)}, ${at(2)}, ${at(16)}); update t set v = null where id in (${at(6000)}, ${at(rows - 2)})`).simple()
  })
  afterAll(() => pair.close())

  const read = async (side: 'source' | 'target') => new Map((await pair[side].sql<{ id: string; v: string | null }[]>`select id::text, v::text from t`).map(({ id, v }) => [id, v]))
  const told = ({ differences }: ComparisonRun) => differences.map(({ class: name, key: found, columns }) => `${name} ${found['id']} ${name === 'differs' ? columns.map(({ source, target }) => `${source} → ${target}`).join() : ''}`).sort()

  async function joinFully(): Promise<string[]> {
    const [source, target] = [await read('source'), await read('target')]
    const missing = [...source].flatMap(([id, v]) => (!target.has(id) ? [`missing ${id} `] : target.get(id) === v ? [] : [`differs ${id} ${v} → ${target.get(id) ?? null}`]))
    return [...missing, ...[...target.keys()].flatMap((id) => (source.has(id) ? [] : [`extra ${id} `]))].sort()
  }

  const neighbours = async () => (await pair.tracking<{ neighbours: number | null }[]>`select e.neighbours from migration_coverage.job_entity e join migration_coverage.job j using (job_id) order by j.created_at desc limit 1`)[0]?.neighbours ?? null

  test.each([
    { how: 'at first', options: { segmentRows: 1024 } },
    { how: 'in segments of one row', options: { segmentRows: 1 } },
    { how: 'where many are expected to differ', options: { segmentRows: 1024, streamFrom: 0.02 } },
    { how: 'where every row is streamed', options: { segmentRows: 1024, streamFrom: 0 } },
  ])('$how', async ({ options }) => {
    const expected = await joinFully()
    expect(expected.length).toBeGreaterThan(8)
    const run = await pair.compare(plan, options)
    expect(told(run)).toEqual(expected)
    const count = (name: string) => expected.filter((one) => one.startsWith(name)).length
    expect(run.entities['t']!.accounting).toMatchObject({
      source: { total: rows - 2, missing: count('missing'), differs: count('differs'), verified: rows - 2 - count('missing') - count('differs') },
      target: { total: rows - 3, extra: count('extra') },
    })
    expect(await neighbours() !== null).toBe(areNeighbours)
  })
})

test('NULL is a key of its own in a bag, and has no neighbours', async () => {
  const create = (nulls: number) => `create table t as select i as x from generate_series(1, 40000) i union all select null from generate_series(1, ${nulls}); create index on t (x); analyze t`
  const pair = await createPair({ source: create(3), target: create(2) })
  try {
    const run = await pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: all, same: [x] }\n', { segmentRows: 128 })
    expect(run.entities['t']!.accounting).toMatchObject({ source: { total: 40_003, verified: 40_002, missing: 1 }, target: { total: 40_002, extra: 0 } })
  } finally {
    await pair.close()
  }
})

test('keys that lie further apart than when segments were made of them are not looked up', () => {
  const index = (greatest: bigint): KeyIndex => ({ least: 1n, greatest, rows: 1000, inOrder: true })
  const near = (source: bigint, target: bigint | null) => areNear({ source: index(source), target: target === null ? null : index(target) }, { segments: 8, neighbours: 128 })
  expect([near(1000n, 1000n), near(65_537n, null), near(65_538n, 1000n), near(1000n, 65_538n), near(1000n, 9_223_372_036_854_775_807n)]).toEqual([true, true, false, false, false])
})
