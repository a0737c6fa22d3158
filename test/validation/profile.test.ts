import { describe, expect, it } from 'vitest'
import { constantCheckName, fillCheckName } from '../../src/core/profile.js'
import type { ScanOutcome } from '../../src/validation/scan-chunk.js'
import { settleProfile } from '../../src/validation/profile.js'
import { createPair, type Pair } from '../helpers/compare.js'
import { specOf } from '../helpers/spec.js'
import { expectFindings, plan, planOf, profilesOf, rows, source, target } from './profile-fixture.js'

async function withPair(source: string, target: string, run: (pair: Pair) => Promise<void>): Promise<void> {
  const pair = await createPair({ source, target })
  try {
    await run(pair)
  } finally {
    await pair.close()
  }
}

describe.each([['one chunk', 16_384], ['chunks of one page', 1]])('the columns of an entity, in %s', (_, scanChunkPages) => {
  it('are counted on both sides, and what was never filled or is constant by accident is told', async () => {
    await withPair(source, target, async (pair) => {
      const run = await pair.compare(plan, { scanChunkPages, maxStoredDifferences: 1 })
      await expectFindings(run, pair.tracking)
    })
  })
})

describe('a sound migration', () => {
  const copied = `create table people (id int primary key, country text, suffix text, created timestamptz, shop int, ssn text, flag bool);
    insert into people select n, 'c' || n % 10, case when n % 4 = 0 then 'Jr' || n % 3 end, timestamptz '2024-01-01 00:00Z' + n * interval '1 hour', 7, 's' || n % 5, n % 2 = 0 from generate_series(1, ${rows}) n`

  it('passes both checks, and is not looked at unless asked', async () => {
    await withPair(source, copied, async (pair) => {
      const run = await pair.compare(plan)
      const named = (checks: typeof run.checks) => checks.filter(({ name }) => name === fillCheckName || name === constantCheckName).map(({ entity, name, verdict }) => [entity, name, verdict])
      expect(named(run.checks)).toEqual([['people', constantCheckName, 'pass'], ['people', fillCheckName, 'pass']])
      expect(run.entities['people']).toMatchObject({ verdict: 'pass' })
      await pair.tracking`delete from migration_coverage.column_profile`
      const other = await pair.compare(plan, {}, { includeIntegrityChecks: false })
      expect(named(other.checks)).toEqual([])
      expect(await profilesOf(pair.tracking)).toEqual({})
    })
  })

  it('of few rows is no cluster, of none at all a warning', async () => {
    await withPair('create table person (id int primary key, v text); insert into person select n, n::text from generate_series(1, 99) n', "create table people (id int primary key, v text, w text); insert into people select n, n::text, 'one' from generate_series(1, 99) n", async (pair) => {
      const run = await pair.compare(planOf('same: [v]'))
      expect(run.checks.find(({ name }) => name === constantCheckName)).toMatchObject({ verdict: 'pass' })
      await pair.source.sql`truncate person`
      await pair.target.sql`truncate people`
      const empty = await pair.compare(planOf('same: [v]'))
      for (const name of [constantCheckName, fillCheckName]) expect(empty.checks.find((check) => check.name === name)).toMatchObject({ verdict: 'warn', message: '0 rows were examined' })
    })
  })
})

describe('what is compared in another form', () => {
  it('is counted in that form: codes by their value, references by their key, other values as a value, rows without an own page too', async () => {
    await withPair(
      `create table person (id int, code int, boss int, note text); insert into person select n, n % 3, case when n = 1 then null else 1 end, '{"a": 1}' from generate_series(1, 300) n;
       create view everyone as select * from person`,
      `create table people (id int, kind text, boss_id uuid, note jsonb); create table map (legacy int, modern uuid);
       insert into map select n, md5(n::text)::uuid from generate_series(1, 300) n;
       insert into people select n, case n % 3 when 0 then 'none' else 'some' end, case when n = 1 then null else md5('1')::uuid end, '{"a": 1}' from generate_series(1, 300) n`,
      async (pair) => {
        const run = await pair.compare(`version: 1\ndomains: { d: {} }\nkeyMaps: { boss: { table: map, legacy: legacy, modern: modern } }\nentities:\n  people: { domain: d, source: { table: everyone }, target: { table: people }, key: { id: id }, columns: { kind: { from: code, values: { 0: none, 1: some, 2: some } }, boss_id: { from: boss, references: boss }, note: { from: note, as: json } } }\n`)
        expect(run.entities['people']).toMatchObject({ verdict: 'pass' })
        expect(await profilesOf(pair.tracking)).toEqual({
          'boss_id source': { rows: 300, nonNull: 299, distinctAtLeast: 1, topRows: 299, topValue: '1' }, 'boss_id target': { rows: 300, nonNull: 299, distinctAtLeast: 1, topRows: 299, topValue: '1' },
          'kind source': { rows: 300, nonNull: 300, distinctAtLeast: 2, topRows: expect.any(Number), topValue: 'some' }, 'kind target': { rows: 300, nonNull: 300, distinctAtLeast: 2, topRows: expect.any(Number), topValue: 'some' },
          'note source': { rows: 300, nonNull: 300, distinctAtLeast: 1, topRows: 300, topValue: '{"a": 1}' }, 'note target': { rows: 300, nonNull: 300, distinctAtLeast: 1, topRows: 300, topValue: '{"a": 1}' },
        })
      },
    )
  })
})

describe('a column that cannot be read', () => {
  it('leaves the comparison as it is, and both checks unknown with the reason', async () => {
    await withPair(
      'create table person (id int primary key, v int); insert into person select n, n from generate_series(1, 50) n',
      'create table held (id int primary key, v int); insert into held select n, n from generate_series(1, 50) n; create view people as select id, v, 1 / (id - id) as boom from held',
      async (pair) => {
        const run = await pair.compare(planOf('same: [v]'))
        expect(run.job).toMatchObject({ status: 'completed' })
        expect(run.entities['people']!.accounting).toMatchObject({ source: { total: 50, verified: 50 }, target: { total: 50, matched: 50 } })
        for (const name of [constantCheckName, fillCheckName]) expect(run.checks.find((check) => check.name === name)).toMatchObject({ verdict: 'unknown', message: 'the columns could not be read: division by zero' })
        expect(await profilesOf(pair.tracking)).toEqual({})
      },
    )
  })
})

describe('a run that rests on chunks of an earlier one', () => {
  const chunk = (names: string[]) => ({ profile: { rows: 1, names, columns: names.map(() => ({ nonNull: 1, least: '5', greatest: '5', bitmap: '32', candidate: null, candidateRows: 0 })) } }) as unknown as ScanOutcome
  const unlooked = { profile: null } as unknown as ScanOutcome

  it.each([['that did not look', unlooked], ['that looked at other columns', chunk(['v', 'gone since'])]])('%s tells nothing of the columns, and says so', (_, earlier) => {
    const { profiles, checks } = settleProfile(specOf(), { source: [chunk(['v']), earlier], target: [chunk(['v'])] }, [])
    expect(profiles).toEqual([])
    expect(checks.map(({ name, verdict, message }) => [name, verdict, message.slice(0, 31)])).toEqual([fillCheckName, constantCheckName].map((name) => [name, 'warn', 'the columns were not looked at:']))
    expect(settleProfile(specOf(), { source: [chunk(['v'])], target: [chunk(['v'])] }, []).profiles).toMatchObject([{ column: 'v', source: { nonNull: 1, distinctAtLeast: 1 } }])
  })
})
