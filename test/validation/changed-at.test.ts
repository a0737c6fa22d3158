import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPair, type Pair } from '../helpers/compare.js'

let pair: Pair

beforeAll(async () => {
  pair = await createPair({
    source: `create table item (id int primary key, v text, updated timestamptz);
      insert into item values (1, 'new', now() - interval '1 minute'), (2, 'new', now() - interval '1 hour'), (3, 'only here', now() - interval '10 seconds'),
        (4, 'only here', now() - interval '1 day'), (5, 'same', now()), (6, 'wrong', null), (7, 'older', now() - interval '2 days');
      create table part (id int primary key, code text, updated timestamptz); insert into part values (1, 'one', now() - interval '1 day'), (2, 'two', now() - interval '1 day');`,
    target: `create table item (id int primary key, v text, updated timestamp);
      insert into item values (1, 'old', now() - interval '1 day'), (2, 'old', now() - interval '1 day'), (5, 'same', now()), (6, 'right', now()),
        (7, 'newer', now() - interval '1 day'), (8, 'extra', (now() - interval '5 seconds') at time zone 'UTC'), (9, 'extra', now() - interval '1 day');
      create table part (id uuid primary key default gen_random_uuid(), code text, kind text, updated timestamptz); create table part_map (old int primary key, new uuid unique references part);
      insert into part (code, kind, updated) select code, kind, now() - age from (values ('one', 'map', interval '1 day'), ('two', 'map', '1 day'), ('new', 'new', '1 second'), ('old', 'old', '1 day'), ('own', 'own', '1 second'),
        (null, 'new', '1 second'), (null, 'old', '1 day'), (null, 'undated', null)) rows (code, kind, age);
      insert into part_map select case code when 'one' then 1 else 2 end, id from part where kind = 'map';`,
  })
})
afterAll(() => pair.close())

const plan = (lag: string) => `
version: 1
domains: { d: {} }
entities:
  item:
    domain: d
    source: { table: item, changedAt: updated${lag} }
    target: { table: item, changedAt: updated }
    key: { id: id }
    same: [v]
`

test('what changed within the lag is pending on both sides, equality beats it, a NULL time is old', async () => {
  const run = await pair.compare(plan(', lag: 5 minutes'))
  expect(run.job).toMatchObject({ status: 'completed', reason: null })
  expect(run.entities['item']).toMatchObject({
    verdict: 'fail',
    accounting: { source: { scope: 7, verified: 1, pending: 2, differs: 3, missing: 1 }, target: { total: 7, matched: 4, pending: 2, extra: 1 } },
  })
  expect(run.differences.map(({ class: rowClass, side, key, cause }) => [rowClass, side, key['id'], cause])).toEqual([
    ['differs', 'both', '2', 'stale'], ['differs', 'both', '6', 'value'], ['differs', 'both', '7', 'value'], ['extra', 'target', '9', 'ghost'], ['missing', 'source', '4', 'plain'],
    ['pending', 'source', '1', 'changed recently'], ['pending', 'source', '3', 'changed recently'], ['pending', 'target', '8', 'changed recently'],
  ])
})

test('without a lag only what is newer than the pass is pending', async () => {
  const run = await pair.compare(plan(''))
  expect(run.entities['item']).toMatchObject({ accounting: { source: { pending: 0, differs: 4, missing: 2 }, target: { pending: 0, extra: 2 } } })
})

test('a time that is still to come does not keep a row pending for ever', async () => {
  await pair.source.sql.unsafe("create table ahead (id int primary key, v int, updated timestamptz); insert into ahead values (1, 1, 'infinity'), (2, 2, '2020-01-01'), (3, 1, '2999-01-01'), (4, 1, now()), (5, 1, now() + interval '1 hour')")
  await pair.target.sql.unsafe('create table ahead (id int primary key, v int); insert into ahead select i, 2 from generate_series(1, 5) i')
  const run = await pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  ahead: { domain: d, source: { table: ahead, changedAt: updated, lag: 1 minute }, target: { table: ahead }, key: { id: id }, same: [v] }\n')
  expect(run.entities['ahead']).toMatchObject({ verdict: 'fail', accounting: { source: { verified: 1, differs: 2, pending: 2 } } })
})

test('a column that tells no time, and a lag that is no interval or has no column, are faults', async () => {
  const run = await pair.compare(plan(', lag: soon'))
  expect(run.entities['item']?.note).toContain('`soon` is no interval')
  const wrong = await pair.compare(plan('').replace('changedAt: updated }', 'changedAt: v }'))
  expect(wrong.entities['item']?.note).toContain('tells no time')
})

test('a row of the target that has no map entry or no key yet is pending within the lag, unless a reason accounts for it', async () => {
  const run = await pair.compare(`
version: 1
domains: { d: {} }
keyMaps: { part_map: { table: part_map, legacy: old, modern: new } }
entities:
  mapped:
    domain: d
    source: { table: part, changedAt: updated, lag: 5 minutes }
    target: { table: part, where: tgt.code is not null, changedAt: updated, generated: [{ reason: modern only, where: tgt.kind = 'own' }] }
    key: { id: { from: id, references: part_map } }
    same: [code]
  named:
    domain: d
    source: { table: part, changedAt: updated, lag: 5 minutes }
    target: { table: part, where: "tgt.kind in ('map', 'new', 'old', 'undated') and coalesce(tgt.code, 'one') in ('one', 'two')", changedAt: updated }
    key: { code: code }
    same: []
`)
  expect(run.job).toMatchObject({ status: 'completed', reason: null })
  expect(run.entities['mapped']).toMatchObject({ accounting: { source: { verified: 2 }, target: { total: 5, matched: 2, generated: 1, pending: 1, extra: 1 } } })
  expect(run.entities['named']).toMatchObject({ accounting: { source: { verified: 2 }, target: { total: 5, matched: 2, pending: 1, extra: 2 } } })
  expect(run.differences.map(({ entity, class: rowClass, cause }) => [entity, rowClass, cause])).toEqual([
    ['mapped', 'extra', 'no map entry'], ['mapped', 'pending', 'changed recently'], ['named', 'extra', 'no key'], ['named', 'extra', 'no key'], ['named', 'pending', 'changed recently'],
  ])
})
