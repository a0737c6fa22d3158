import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { figuresOf } from './cases.js'

/** Many rows that one side alone has, as in the middle of a migration, of which few are told by themselves. */

const kinds = [
  { name: 'integers', key: 'i', index: 'alter table t add primary key (id)', type: 'int8' },
  { name: 'integers without an index', key: 'i', index: '', type: 'int8' },
  { name: 'texts', key: `'é ' || i || '"\\{},'`, index: 'create index on t (id)', type: 'text' },
  { name: 'uuids', key: 'md5(i::text)::uuid', index: 'create unique index on t (id)', type: 'uuid' },
  { name: 'two legs, one of them NULL now and then', key: 'i / 2', index: 'create index on t (part, id)', type: 'int4', legs: 'id: id, part: part' },
]

describe.each(kinds)('$name', ({ key, index, type, legs = 'id: id' }) => {
  let pair: Pair
  // 5,000 rows are missing, 4,500 are extra, 10 differ
  const rows = (side: 'source' | 'target') => `select (${key})::${type} as id, case when i % 7 > 0 then i::text end as part, ${side === 'target' ? 'case when i between 6001 and 6010 then -i else i end' : 'i'} as v from generate_series(${side === 'source' ? '1, 9000' : '5001, 13500'}) i`
  beforeAll(async () => {
    const create = (side: 'source' | 'target') => `create table t as ${rows(side)}; ${index}; analyze t`
    pair = await createPair({ source: create('source'), target: create('target') })
  })
  afterAll(() => pair.close())

  test.each([{ how: 'by sums', options: {} }, { how: 'in segments of one row', options: { segmentRows: 1 } }, { how: 'all rows streamed', options: { streamFrom: 0 } }])('$how', async ({ options }) => {
    const plan = `version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { ${legs} }, columns: { v: v } }\n`
    for (const maxStoredDifferences of [0, 10, 6000]) {
      const { entities, differences } = await pair.compare(plan, { ...options, maxStoredDifferences })
      expect(figuresOf(entities['t']!.accounting)).toBe('9000: 3990 verified, 10 differs, 5000 missing | 8500: 4000 matched, 4500 extra')
      expect(entities['t']!.causes.map(({ class: name, cause, rows: count }) => `${count} ${name} ${cause}`).sort()).toEqual(['10 differs value', '4500 extra ghost', '5000 missing plain'])
      expect(differences).toHaveLength(maxStoredDifferences)
      expect(new Set(differences.map((one) => JSON.stringify([one.class, one.key]))).size).toBe(maxStoredDifferences)
    }
  })
})

test('rows that the target alone has, under a key of two legs: the source tells what it has under both', async () => {
  const pair = await createPair({
    source: `create table t (tenant int, id int, own bool, v int, primary key (id, tenant)); insert into t select 1, i, i <> 7, case when i = 5 then -99 else i end from generate_series(1, 2000) i; insert into t values (2, 3, true, 3)`,
    target: `create table t (tenant int, id int, v int); insert into t select 1, i, i from generate_series(1, 2003) i; insert into t values (2, 3, 3), (2, 4, 4), (null, 8, 8)`,
  })
  const entity = '{ domain: d, source: { table: t, where: src.own, exclude: [{ reason: odd, where: "src.v = -99" }] }, target: { table: t }, key: { tenant: tenant, id: id }, columns: { v: v } }'
  const { entities, differences } = await pair.compare(`version: 1\ndomains: { d: {} }\nentities:\n  t: ${entity}\n`)
  await pair.close()
  expect(figuresOf(entities['t']!.accounting)).toBe('2000: 1 excluded, 1999 verified | 2006: 1999 matched, 7 extra')
  expect(differences.map(({ cause, key }) => `${cause} ${key['tenant'] ?? 'NULL'} ${key['id']}`).sort()).toEqual(['excluded 1 5', 'ghost 1 2001', 'ghost 1 2002', 'ghost 1 2003', 'ghost 2 4', 'ghost NULL 8', 'unclaimed 1 7'])
})

describe.each([{ name: 'when all are told', maxStoredDifferences: 100 }, { name: 'when none is told', maxStoredDifferences: 0 }])('rows that come and go before they are read again, $name', ({ maxStoredDifferences }) => {
  let pair: Pair
  beforeAll(async () => {
    const create = 'create table t (id int primary key, v int); insert into t select i, i from generate_series(1, 20) i; analyze t'
    pair = await createPair({ source: create, target: `${create}; delete from t where id <= 6; insert into t select i, i from generate_series(101, 106) i` })
  })
  afterAll(() => pair.close())

  async function compareWhile(plan: string, work: () => Promise<unknown>): Promise<ComparisonRun> {
    const running = pair.compare(plan, { recheckDelayMs: 700, maxStoredDifferences })
    for (;;) {
      if ((await pair.tracking`select from migration_coverage.task where status = 'running' and kind = 'settle'`).length > 0) break
      await sleep(5)
    }
    await sleep(150)
    await work()
    return running
  }

  test('each is what it is at last', async () => {
    const plan = 'version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, columns: { v: v } }\n'
    const { entities, differences } = await compareWhile(plan, async () => {
      await pair.target.sql.unsafe('insert into t values (1, 1), (2, -2); delete from t where id = 101; update t set v = 0 where id = 103').simple()
      await pair.source.sql.unsafe('delete from t where id = 3; update t set v = 0 where id = 4; insert into t values (102, 102)').simple()
    })
    expect(figuresOf(entities['t']!.accounting)).toBe('20: 16 verified, 1 differs, 3 missing | 21: 17 matched, 4 extra')
    expect(differences.map(({ class: name, key }) => `${name} ${key['id']}`).sort()).toEqual(maxStoredDifferences === 0 ? [] : ['differs 2', 'extra 103', 'extra 104', 'extra 105', 'extra 106', 'missing 4', 'missing 5', 'missing 6'])
  })
})
