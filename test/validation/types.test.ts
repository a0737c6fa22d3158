import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canonicalOf, type CanonicalChoice } from '../../src/core/canonical.js'
import { quoteLiteral } from '../../src/core/identifier.js'
import { readCatalog } from '../../src/db/catalog.js'
import { openSource } from '../../src/db/clients.js'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { serverVersion, type TestDatabase, type TestDatabaseOptions } from '../helpers/postgres.js'
import { figuresOf } from './cases.js'
import { madeTypes, refusals, samples, type Sample } from './type-samples.js'

/**
 * Every type in pg_type of a real server: values that are equal in another notation are verified, values that differ by little differ, and a type
 * without a canonical form is refused, never passed.
 */
interface TypeRow {
  oid: number
  name: string
  /** for casts and columns */
  sql: string
  kind: string
  element: string | null
  base: string | null
  range: string | null
}

/** SQL expressions of values: of the source's form and of the target's. */
type Pairs = { equal: [string, string][]; different: [string, string][] }

/** One type as both databases hold it. */
interface TypeCase {
  name: string
  sql: string
  /** null: the plan check refuses it, with a reason like that */
  pairs: Pairs | null
  refused: RegExp
}

const literal = (type: string) => (value: string) => `${quoteLiteral(value)}::${type}`
const mapSample = ({ equal, different }: Sample, write: (value: string) => string): Pairs => {
  const both = (pairs: [string, string][]) => pairs.map(([left, right]): [string, string] => [write(left), write(right)])
  return { equal: both(equal), different: both(different) }
}

async function readTypes(pair: Pair): Promise<TypeRow[]> {
  return pair.target.sql<TypeRow[]>`
    select t.oid::int as oid, t.typname::text as name, format_type(t.oid, -1) as sql, t.typtype::text as kind, e.typname::text as element, b.typname::text as base, r.name::text as range
    from pg_type t
    left join pg_type e on e.oid = t.typelem and t.typlen = -1 and e.typarray = t.oid
    left join pg_type b on b.oid = t.typbasetype
    left join (select g.rngmultitypid, p.typname as name from pg_range g join pg_type p on p.oid = g.rngtypid) r on r.rngmultitypid = t.oid
    join pg_namespace n on n.oid = t.typnamespace
    where n.nspname in ('pg_catalog', 'information_schema')
    order by t.oid`
}

/** What is known of a type of the server, by its name or by what it is made of; undefined: nothing. */
function knownOf(type: TypeRow, all: readonly TypeRow[]): Omit<TypeCase, 'name' | 'sql'> | undefined {
  const refused = refusals[type.name]
  if (refused !== undefined) return { pairs: null, refused }
  if (type.kind === 'c') return { pairs: null, refused: /composite type/ }
  const of = (name: string | null) => all.find((one) => one.name === name && one.kind !== 'c') ?? all.find((one) => one.name === name)
  const from = (name: string | null, change: (pairs: Pairs, row: TypeRow) => Pairs) => {
    const row = of(name)
    const known = row === undefined ? undefined : knownOf(row, all)
    if (row === undefined || known === undefined) return undefined
    return known.pairs === null ? known : { ...known, pairs: change(known.pairs, row) }
  }
  if (type.element !== null) return from(type.element, (pairs, element) => arraysOf(pairs, element.sql))
  const own = samples[type.name]
  if (own !== undefined) return { pairs: mapSample(own, literal(type.sql)), refused: /never/ }
  if (type.kind === 'd') return from(type.base, (pairs) => pairs)
  if (type.kind === 'm') return from(type.range, (pairs) => ({ equal: pairs.equal.map(([left, right]) => [`${type.sql}(${left})`, `${type.sql}(${right}, ${right})`]), different: pairs.different.map(([left, right]) => [`${type.sql}(${left})`, `${type.sql}(${right})`]) }))
  return undefined
}

/** Arrays of a value and NULL, and what only arrays have: emptiness, dimensions, bounds, places. */
function arraysOf({ equal, different }: Pairs, element: string): Pairs {
  const array = (value: string) => `array[${value}, null]::${element}[]`
  const [one] = equal.map(([left]) => left)
  const [left, right] = different[0] ?? []
  return {
    equal: [...equal.map(([a, b]): [string, string] => [array(a), array(b)]), [`array[]::${element}[]`, `'{}'::${element}[]`]],
    different: [
      ...different.map(([a, b]): [string, string] => [array(a), array(b)]), [array(`${one}`), `array[null, ${one}]::${element}[]`], [`array[${one}]::${element}[]`, `array[array[${one}]]::${element}[]`],
      [`array[null]::${element}[]`, `array[]::${element}[]`], [`array[${left}, ${right}]::${element}[]`, `array[${right}, ${left}]::${element}[]`], [`array_fill(${one}, array[1], array[1])`, `array_fill(${one}, array[1], array[0])`],
    ],
  }
}

/** Rows of a case: equal pairs, NULL on both sides, pairs that differ, NULL on one side. */
function rowsOf({ pairs }: TypeCase): { rows: [string, string][]; equal: number } {
  if (pairs === null) return { rows: [['null', 'null']], equal: 0 }
  const [first] = pairs.equal.flat()
  const equal: [string, string][] = [...pairs.equal, ['null', 'null']]
  return { rows: [...equal, ...pairs.different, [`${first}`, 'null'], ['null', `${first}`]], equal: equal.length }
}

const foreignSettings = {
  TimeZone: "'Asia/Kolkata'", DateStyle: "'SQL, DMY'", IntervalStyle: "'sql_standard'", extra_float_digits: '-4', bytea_output: "'escape'", array_nulls: 'off', standard_conforming_strings: 'off',
  transform_null_equals: 'on', xmloption: "'document'", search_path: "'nowhere'", default_text_search_config: "'german'", quote_all_identifiers: 'on',
}
const setUps: { name: string; source: TestDatabaseOptions; target?: Record<string, string>; options?: object; keys?: true }[] = [
  { name: 'an ICU database with settings of its own against C', source: { icuLocale: 'de-u-kn-ks-level2', locale: 'C.UTF-8', settings: foreignSettings }, keys: true },
  { name: 'LATIN1 against UTF8 with settings of its own', source: { encoding: 'LATIN1', locale: 'C' }, target: foreignSettings, keys: true },
  {
    name: 'SQL_ASCII against UTF8, segments of one row, chunks of one page', options: { segmentRows: 1, scanChunkPages: 1 },
    source: { encoding: 'SQL_ASCII', locale: 'C', settings: { TimeZone: "'Pacific/Auckland'", DateStyle: "'German'", IntervalStyle: "'iso_8601'", extra_float_digits: '0' } },
  },
]

describe.each(setUps)('$name', ({ source, target = {}, options = {}, keys = false }) => {
  let pair: Pair
  let run: ComparisonRun
  const cases: TypeCase[] = []
  const choices = new Map<string, CanonicalChoice>()
  const unknownTypes: string[] = []
  const notColumns: string[] = []
  const nameOf = (index: number) => `t${index}`

  beforeAll(async () => {
    // the first version whose databases can have an ICU collation is 15
    const { icuLocale, ...plain } = source
    pair = await createPair({ sourceDatabase: icuLocale === undefined || await serverVersion('source') < 150_000 ? plain : source, targetSettings: target })
    for (const side of [pair.source, pair.target]) await side.sql.unsafe(`create schema app; create type app.pair as (x int, y text); ${madeTypes.map(({ make }) => make).join('; ')}`).simple()
    const types = await readTypes(pair)
    for (const type of types) {
      const fate = [await fateAsColumn(pair.source, type.sql), await fateAsColumn(pair.target, type.sql)]
      if (fate.includes('refused')) notColumns.push(type.name)
      if (fate.some((one) => one !== 'column')) continue
      const known = knownOf(type, types)
      if (known === undefined) unknownTypes.push(type.name)
      else cases.push({ name: type.name, sql: type.sql, ...known })
    }
    for (const { type, sample } of madeTypes) {
      const pairs = mapSample(sample, literal(type))
      cases.push({ name: type, sql: type, pairs, refused: /never/ })
      if (type !== 'app.positives') cases.push({ name: `${type}[]`, sql: `${type}[]`, pairs: arraysOf(pairs, type), refused: /never/ })
    }
    cases.push({ name: 'app.pair', sql: 'app.pair', pairs: null, refused: /composite type/ }, { name: 'app.pair[]', sql: 'app.pair[]', pairs: null, refused: /composite type/ })
    // composite types share one refusal: a few of them stand for the catalogue's hundreds
    const compared = cases.filter(({ pairs, name, refused }) => pairs !== null || refused.source !== 'composite type' || /^(app|_?pg_(class|type|locks)$)/.test(name))
    cases.splice(0, cases.length, ...compared)
    const fill = (side: 0 | 1) => cases.flatMap((one, index) => [
      `create table ${nameOf(index)} (id int primary key, v ${one.sql})`,
      `insert into ${nameOf(index)} values ${rowsOf(one).rows.map((row, id) => `(${id}, ${row[side]})`).join(', ')}`,
      ...(one.pairs === null || !keys ? [] : [`create table ${nameOf(index)}_key (v ${one.sql})`, `insert into ${nameOf(index)}_key values ${one.pairs.equal.map((row) => `(${row[side]})`).join(', ')}`]),
    ]).join(';\n')
    // literals are written for the settings of an ordinary database; what is tested is how they are read
    const setting = 'set DateStyle to ISO, MDY; set IntervalStyle to postgres; set search_path to public; set array_nulls to on; set standard_conforming_strings to on; set xmloption to content; set bytea_output to hex;'
    await pair.source.sql.unsafe(`${setting} ${fill(0)}`).simple()
    await pair.target.sql.unsafe(`${setting} ${fill(1)}`).simple()
    const reader = openSource({ ...pair.target.options, maxConnections: 1 })
    for (const relation of (await readCatalog(reader, 'target')).relations) choices.set(relation.name, canonicalOf(relation.columns.at(-1)!.type))
    await reader.end({ timeout: 5 })
    const entities = cases.flatMap(({ pairs }, index) => [
      `  ${nameOf(index)}: { domain: d, source: { table: ${nameOf(index)} }, target: { table: ${nameOf(index)} }, key: { id: id }, same: [v] }`,
      ...(pairs === null || !keys ? [] : [`  ${nameOf(index)}_key: { domain: d, source: { table: ${nameOf(index)}_key }, target: { table: ${nameOf(index)}_key }, key: { v: v } }`]),
    ])
    run = await pair.compare(`version: 1\ndomains: { d: {} }\nentities:\n${entities.join('\n')}\n`, options, { waitMs: 280_000 })
  }, 300_000)
  afterAll(() => pair.close())

  test('each type of the server has samples, or a reason why it is refused, or cannot be a column', () => {
    expect(unknownTypes).toEqual([])
    expect(run.job).toMatchObject({ status: 'completed', reason: null })
    expect(cases.length).toBeGreaterThan(180)
    expect(notColumns.filter((name) => !/^_?pg_(attribute|statistic|stats)|^any|^_?(record|cstring)$|handler$|trigger$|^(internal|void|unknown|pg_ddl_command)$/.test(name))).toEqual([])
  })

  test('equal values are verified, however they were written, and values that differ by little differ', () => {
    const told = cases.map((one, index) => (one.pairs === null ? '' : `${one.name}: ${figuresOf(run.entities[nameOf(index)]!.accounting)}; ${run.differences.filter(({ entity }) => entity === nameOf(index)).map(({ key }) => Number(key['id'])).sort((a, b) => a - b).join()} ${run.entities[nameOf(index)]!.note ?? ''}`))
    const expected = cases.map((one) => {
      const { rows, equal } = rowsOf(one)
      return one.pairs === null ? '' : `${one.name}: ${rows.length}: ${equal} verified, ${rows.length - equal} differs | ${rows.length}: ${rows.length} matched; ${rows.flatMap((__, id) => (id < equal ? [] : id)).join()} `
    })
    expect(told).toEqual(expected)
    for (const index of cases.keys()) if (cases[index]!.pairs !== null) expect(run.entities[nameOf(index)]!.verdict).toBe('fail')
  })

  test('a refused type leaves its entity unknown, with the reason', () => {
    for (const [index, one] of cases.entries()) {
      if (one.pairs !== null) continue
      const { verdict, accounting, note } = run.entities[nameOf(index)]!
      expect({ type: one.name, verdict, figures: figuresOf(accounting) }).toEqual({ type: one.name, verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified' })
      expect(note).toMatch(one.refused)
    }
  })

  if (keys) test('as a key a type pairs equal values, or is refused where equal values have several texts', () => {
    for (const [index, { name, pairs }] of cases.entries()) {
      if (pairs === null) continue
      const { verdict, accounting, note } = run.entities[`${nameOf(index)}_key`]!
      const choice = choices.get(nameOf(index))!
      const rows = pairs.equal.length
      const decided = !('refused' in choice) && choice.kind.decideAs !== null
      if (decided) expect(note).toContain('cannot be part of a key')
      expect({ name, verdict, figures: figuresOf(accounting) }).toEqual(decided
        ? { name, verdict: 'unknown', figures: `${rows}: ${rows} unverified | ${rows}: ${rows} unverified` }
        : { name, verdict: 'pass', figures: `${rows}: ${rows} verified | ${rows}: ${rows} matched` })
    }
  })
})

/** Refused are pseudo-types and what is made of them; an older server does not know all that a newer one has. */
async function fateAsColumn({ sql }: TestDatabase, type: string): Promise<'column' | 'refused' | 'not there'> {
  try {
    await sql.begin(async (tx) => {
      await tx.unsafe(`create temp table probe (v ${type})`)
      throw new Rollback()
    })
    return 'column'
  } catch (error) {
    if (error instanceof Rollback) return 'column'
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === '42P16') return 'refused'
    if (code === '42704') return 'not there'
    throw error
  }
}

class Rollback extends Error {}
