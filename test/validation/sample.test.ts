import { afterAll, beforeAll, expect, test } from 'vitest'
import { brokenLaws } from '../../src/core/accounting.js'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'

/** Of 4,000 keys every tenth is changed, every twentieth missing; the map folds pairs of keys of one table, and merges them in another. */
const rows = 4000
const plan = `version: 1
domains: { d: {} }
keyMaps: { map: { table: map, legacy: legacy, modern: modern } }
entities:
  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v], totals: [{ sum: v }] }
  same: { domain: d, source: { table: equal }, target: { table: equal }, key: { id: id }, same: [v] }
  folded: { domain: d, source: { table: equal }, target: { table: folded }, shared: true, key: { id: { from: id, references: map } }, same: [v] }
  merged: { domain: d, source: { table: equal, merge: { by: v / 2, keep: id } }, target: { table: folded }, shared: true, key: { id: { from: id, references: map } }, same: [v] }
`
let pair: Pair
let runs: ComparisonRun[]

beforeAll(async () => {
  const equal = `create table equal (id int primary key, v int); insert into equal select i, i from generate_series(1, ${rows}) i`
  pair = await createPair({
    source: `${equal}; create table t (id int primary key, v int); insert into t select i, i from generate_series(1, ${rows}) i`,
    target: `${equal}; create table t (id int primary key, v int); insert into t select i, case when i % 10 = 0 then 0 else i end from generate_series(1, ${rows}) i where i % 20 <> 1;
      create table folded (id int primary key, v int); insert into folded select i, i from generate_series(2, ${rows}, 2) i; create table map (legacy int, modern int); insert into map select i, (i + 1) / 2 * 2 from generate_series(1, ${rows}) i`,
  })
  runs = [await pair.compare(plan, {}, { mode: 'sample' }), await pair.compare(plan, { scanChunkPages: 1 }, { mode: 'sample' })]
})
afterAll(() => pair.close())

const checkOf = (run: ComparisonRun, entity: string) => run.checks.find((check) => check.entity === entity && check.name === 'the sample supports an interval')

test('a tenth of the keys is compared, the rest is unverified, and the laws hold', () => {
  for (const run of runs) {
    expect(run.job).toMatchObject({ status: 'completed', verdict: 'fail' })
    for (const { accounting } of Object.values(run.entities)) expect(brokenLaws(accounting)).toEqual([])
    const { source, target } = run.entities['same']!.accounting
    expect(source.verified! + source.unverified!).toBe(rows)
    expect(target.matched).toBe(source.verified)
    // 400 are expected; six standard deviations are 114
    expect(Math.abs(source.verified! - 400)).toBeLessThan(114)
    expect(run.entities['same']!.verdict).toBe('unknown')
  }
})

test('what is called missing or different is, and the interval holds the true share', () => {
  for (const run of runs) {
    const { source } = run.entities['t']!.accounting
    expect(source.verified! + source.differs! + source.missing! + source.unverified!).toBe(rows)
    for (const { class: name, key } of run.differences.filter(({ entity }) => entity === 't')) {
      expect({ name, wrong: name === 'missing' ? Number(key['id']) % 20 === 1 : Number(key['id']) % 10 === 0 }).toEqual({ name, wrong: true })
    }
    const [, low, high] = /95 % confidence ([\d.]+) % to ([\d.]+) %/.exec(checkOf(run, 't')!.message) ?? []
    // 3,400 of 4,000; the interval may miss it once in twenty runs, so twice its reach is asked for
    const [middle, reach] = [(Number(low) + Number(high)) / 2, Number(high) - Number(low)]
    expect(Math.abs(85 - middle)).toBeLessThan(reach)
    expect(run.entities['t']!.note).toBe(checkOf(run, 't')!.message)
  }
})

test('no row is called missing because its partner is outside the sample', () => {
  for (const run of runs) {
    for (const name of ['folded', 'merged']) {
      const { source, target } = run.entities[name]!.accounting
      expect({ name, missing: source.missing, differs: source.differs, extra: target.extra, duplicate: target.duplicate }).toEqual({ name, missing: 0, differs: 0, extra: 0, duplicate: 0 })
    }
  }
})

test('it says of how many rows no sample can tell anything', () => {
  for (const run of runs) {
    expect(checkOf(run, 'same')!.message).toMatch(/ of all rows are$/)
    expect(checkOf(run, 'folded')!.message).toMatch(/ of the rows that a sample can judge are; of \d+ others \(without a key, merged, or with keys that a map folds\) nothing is known$|^a sample of 0 of 4000/)
  }
})

test('of rows that are alike, and chosen together, it supports no interval; nor does one that compared nothing replace what is published', async () => {
  await pair.source.sql.unsafe('create table alike (v int); insert into alike select i % 20 from generate_series(1, 2000) i; create function zero() returns int language sql immutable as \'select 1000\'').simple()
  await pair.target.sql.unsafe('create table alike (v int); insert into alike select i % 20 from generate_series(1, 2000) i').simple()
  const alike = 'version: 1\ndomains: { d: {} }\nentities:\n  alike: { domain: d, source: { table: alike, where: "100 / (src.v - public.zero()) < 5000" }, target: { table: alike }, key: all, same: [v] }\n'
  expect((await pair.compare(alike)).entities['alike']!.verdict).toBe('pass')
  const sampled = await pair.compare(alike, {}, { mode: 'sample' })
  expect(checkOf(sampled, 'alike')).toMatchObject({ message: expect.stringMatching(/supports no interval$|^a sample of 0/) })
  await pair.source.sql.unsafe("create or replace function zero() returns int language sql immutable as 'select 5'")
  expect((await pair.compare(alike, {}, { mode: 'sample' })).entities['alike']!.verdict).toBe('unknown')
  const published = await pair.tracking<{ verdict: string }[]>`select verdict from migration_coverage.entity_result where entity = 'alike' and published_at is not null`
  expect(published.map(({ verdict }) => verdict)).toEqual(['pass'])
})

test('a total is unknown: of the rows outside the sample nobody knows whether they are expected', () => {
  for (const run of runs) expect(run.checks.filter(({ name }) => name === 'the total agrees').map(({ entity, verdict, message }) => [entity, verdict, message])).toEqual([['t', 'unknown', 'a sample of the keys cannot tell']])
})

test('that no row is missing, or different, is unknown where the sample has none', () => {
  const names = ['no row is missing', 'no row differs', 'no row is duplicated', 'no row is extra']
  for (const run of runs) expect(run.checks.filter(({ entity, name }) => entity === 'same' && names.includes(name)).map(({ verdict, message }) => `${verdict} ${message}`)).toEqual(names.map(() => 'unknown a sample of the keys cannot tell'))
})

test('nobody knows whether every key has a map entry', () => {
  for (const run of runs) expect(run.checks.filter(({ name }) => name === 'every source key has a map entry').map(({ verdict, message }) => `${verdict} ${message}`)).toEqual(['folded', 'merged'].map(() => 'unknown a sample of the keys cannot tell'))
})

test('each job draws its own sample', () => {
  const keys = (run: ComparisonRun) => run.differences.filter(({ entity }) => entity === 't').map(({ key }) => key['id'])
  expect(keys(runs[0]!)).not.toEqual(keys(runs[1]!))
})

test('it is never published as coverage', async () => {
  const results = await pair.tracking<{ basis: string; published: Date | null }[]>`select basis, published_at as published from migration_coverage.entity_result where entity <> 'alike'`
  expect(results.map(({ basis, published }) => [basis, published])).toEqual(results.map(() => ['sample', null]))
  expect(results).toHaveLength(8)
})
