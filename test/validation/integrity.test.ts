import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { badLines, goodLines, linesOf, names, planOf, source, target } from './integrity-fixture.js'

let pair: Pair
let run: ComparisonRun
beforeAll(async () => {
  pair = await createPair({ source: `${source('good')};${source('bad')}`, target: `${target.good};${target.bad}` })
  run = await pair.compare(planOf(['good', 'bad']))
})
afterAll(async () => { await pair.close() })

describe('integrity of the target', () => {
  test('finds nothing where nothing is wrong', () => {
    expect(linesOf(run, 'good')).toEqual(goodLines)
  })

  test('finds each fault', () => {
    expect(linesOf(run, 'bad')).toEqual(badLines)
  })

  test('says what to do, and masks what the plan masks', async () => {
    const messageOf = (name: string, subject: string) => run.checks.find((check) => check.name === name && check.subject === subject)?.message
    expect(messageOf('the sequence is ahead of its keys', 'bad.offices.id')).toBe("bad.offices_id_seq gives 1 next, and keys stand up to 12: an insert may collide; run `select setval('bad.offices_id_seq', 12)`")
    expect(messageOf('every source key has a map entry', 'bad_person: bad_people')).toBe('1 of 4 source rows have no entry and count as missing: run the script for them, or say why they need not arrive')
    expect(messageOf('no planned reference leads nowhere', 'bad_people.office_id')).toBe('1 of 2 references have no row in bad.offices: load the rows that are missing, or correct the references')
    expect(messageOf('the target refuses NULL where the source does', 'bad_offices')).toBe('lacking on bad.offices: name (name is not null at the source)')
    const evidence = await pair.target.sql<{ subject: string; evidence: object }[]>`
      select subject, evidence from migration_coverage.check_result where name = 'no planned reference leads nowhere' and subject like 'bad%' order by subject`
    expect(evidence.map(({ evidence: found }) => found)).toEqual([{}, { sample: ['17'] }])
  })

  test('a parent that its entity does not claim is no parent', async () => {
    const claimed = await pair.compare(planOf(['good'], ', where: "tgt.id = 11"'))
    expect(linesOf(claimed, 'office_id').filter((line) => line.includes('belongs'))).toEqual(['fail the parent belongs to its entity: good_people.office_id'])
    expect(linesOf(claimed, 'office_id').filter((line) => line.includes('planned'))).toEqual(['pass no planned reference leads nowhere: good_people.office_id'])
  })

  test('what cannot be read is unknown', async () => {
    await pair.target.sql.unsafe(`create function bad.refuse() returns int language plpgsql as $$ begin raise 'no' using errcode = '22000'; end $$;
      create view good.broken as select id, name, bad.refuse() as size, city from good.offices`).simple()
    const broken = await pair.compare(planOf(['good']).replace('good.offices,', 'good.broken,').replace('table: good.offices }', 'table: good.broken, where: "tgt.size = 1" }'))
    expect(linesOf(broken, 'office_id').filter((line) => line.includes('belongs'))).toEqual(['unknown the parent belongs to its entity: good_people.office_id'])
    await pair.target.sql.unsafe('drop view good.broken').simple()
  })

  test('a foreign key between columns of two collations, or of a type in another schema, is judged as it judges itself', async () => {
    const strange = await createPair({
      source: 'create table t (id int primary key)',
      target: `create schema ext; create extension citext schema ext; create collation loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        create table p (a text collate "C", b text collate loose, c ext.citext unique, unique (a, b)); insert into p values ('x', 'Y', 'Z');
        create table t (id int primary key, a text collate loose, b text, c ext.citext references p (c)); insert into t values (1, 'x', 'y', 'z'), (2, 'X', 'Y', 'z');
        alter table t add foreign key (a, b) references p (a, b) not valid`,
    })
    const found = await strange.compare('version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id } }\n')
    await strange.close()
    const checks = found.checks.filter(({ name }) => name === 'no reference leads nowhere').map(({ subject, verdict, message }) => `${verdict} ${subject}: ${message}`).sort()
    expect(checks).toEqual(['fail public.t: t_a_b_fkey: 1 of 2 references of a, b have no row in public.p: load the rows that are missing, or correct the references', 'pass public.t: t_c_fkey: every reference has its row in public.p'])
  })

  test('nothing is examined in empty tables, and that is said', async () => {
    const empty = await createPair({ source: source('good'), target: target.good })
    await empty.target.sql.unsafe('truncate good.people, good.offices, good.map').simple()
    const found = await empty.compare(planOf(['good']))
    await empty.close()
    expect(linesOf(found, 'good').filter((line) => line.startsWith('pass no') || line.startsWith('pass the sequence') || line.startsWith('pass a map'))).toEqual([])
  })
})

describe('rules of the plan', () => {
  const ruled = (rules: string[]) => pair.compare(planOf(['good'], '', `rules: [${rules.join(', ')}]`))
  const rule = (name: string, from: string, to: string, severity = 'critical') => `{ name: ${name}, severity: ${severity}, source: "${from}", target: "${to}", expect: equal }`

  test('equal answers pass, unequal ones fail or warn, what cannot be asked is unknown', async () => {
    const found = await ruled([
      rule('count', 'select count(*) from good.person', 'select count(*)::numeric(9, 2) from good.people where id > 0'),
      rule('rows', 'select name, size from good.office order by 1', 'select name, size::bigint from good.offices order by 1 desc'),
      rule('other', 'select count(*) from good.person where id > 1', 'select count(*) from good.people'),
      rule('mild', 'select 1', 'select 2', 'warning'),
      rule('empty', 'select id from good.person where false', 'select id from good.people where false'),
      rule('nothing', 'select null::int', 'select null::int'),
      rule('twice', 'select 1 union all select 1', 'select 1'),
      rule('wide', 'select 1, 2', 'select 1'),
      rule('gone', 'select count(*) from good.nothing', 'select 1'),
      rule('type', 'select true', 'select 1'),
      rule('late', 'select 1 / (count(*) - 3) from good.person', 'select 1'),
      rule('long', 'select x from generate_series(1, 1001) x', 'select x from generate_series(1, 1001) x'),
      rule('write', 'delete from good.person', 'select 1'),
      rule('two', 'select 1; select 2', 'select 1'),
      rule('multiset', 'select x from (values (1), (1), (2)) v(x)', 'select x from (values (1), (2), (2)) v(x)'),
    ])
    const rules = found.checks.filter(({ name }) => name === 'a rule of the plan holds')
    expect(Object.fromEntries(rules.map(({ subject, verdict, message }) => [subject, `${verdict}: ${message.slice(0, 60)}`]))).toMatchObject({
      rows: 'pass: both answer a, 1 | b, 2', other: 'fail: the source alone answers 2, the target alone 3', mild: 'warn: the source alone answers 1, the target alone 2',
      empty: 'warn: 0 rows were examined', nothing: 'pass: both answer NULL', twice: expect.stringContaining('unknown: '), wide: expect.stringContaining("unknown: the source's answer has 2 columns and the target's 1"),
      gone: expect.stringContaining('unknown: the source server refuses'), type: expect.stringContaining('unknown: the answers cannot be compared'), late: expect.stringContaining('unknown: the source cannot answer: SQLSTATE 22012'),
      long: expect.stringContaining('unknown: an answer has more than 1000 rows'), write: expect.stringContaining('unknown: '), two: expect.stringContaining('unknown: '),
      multiset: 'fail: the source alone answers 1, the target alone 2', count: 'pass: both answer 3',
    })
    expect(found.job.verdict).toBe('fail')
  })

  test('are not asked by a job of some entities, and neither are checks that are switched off', async () => {
    const only = await pair.compare(planOf(['good'], '', `rules: [${rule('count', 'select 1', 'select 1')}]`), {}, { includeIntegrityChecks: false, includeCrossEntity: false })
    expect(only.checks.filter(({ name }) => names.includes(name) || name === 'a rule of the plan holds')).toEqual([])
    const some = await pair.compare(planOf(['good'], '', `rules: [${rule('count', 'select 1', 'select 1')}]`), {}, { entities: ['good_offices'] })
    expect(some.checks.filter(({ name }) => name === 'a rule of the plan holds')).toEqual([])
    expect(linesOf(some, 'good_offices').length).toBeGreaterThan(3)
  })
})
