import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { brokenLaws } from '../../src/core/accounting.js'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'

/**
 * Random plans over random rows, without an oracle: whatever the plan says, every row has one class, the laws hold, the reasons and causes of a class add up
 * to it, and no figure depends on how the work is cut.
 */
interface Case {
  source: (string | number | null)[][]
  target: (string | number | null)[][]
  entries: { map: 'p' | 'u'; legacy: number | null; modern: number }[]
  entity: string
}

const small = fc.option(fc.integer({ min: 0, max: 4 }), { nil: null, freq: 6 })
const word = fc.option(fc.constantFrom('a', 'A', 'b', ' a', '', '{"n": 1}', '{ "n":1.0 }', '{bad'), { nil: null, freq: 6 })
const row = fc.tuple(small, fc.option(fc.constantFrom('x', 'y'), { nil: null, freq: 6 }), small, word, small)
const entry = fc.record({ map: fc.constantFrom('p' as const, 'u' as const), legacy: small, modern: fc.integer({ min: 0, max: 5 }) })

const condition = (alias: 'src' | 'tgt') => fc.constantFrom(`${alias}.grp = 'x'`, `${alias}.a > 2`, `${alias}.grp is not null`, `${alias}.b = 'a'`, `lower(${alias}.b) = 'a' and ${alias}.a is null`)
const reasons = (alias: 'src' | 'tgt') => fc.array(condition(alias), { maxLength: 2 }).map((list) => list.map((where, index) => `{ reason: r${index}, where: "${where}" }`).join(', '))
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 2 })

const keyed = fc.constantFrom('{ id: id }', '{ id: { from: id, references: $p } }', '{ id: id, grp: grp }', '{ id: { from: id, references: { by: grp, x: $p, y: $u } } }', '{ id: { from: id, values: { 0: 5, 1: 1, other: 3 } }, grp: grp }',
  '{ id: { from: id, references: $u }, grp: { from: grp, values: { x: x, other: y } } }')
const columns = fc.record({
  a: fc.constantFrom('a: a', 'a: { from: a, tolerance: 1 }', 'a: { from: a, accept: [{ reason: zero, value: "0" }, { reason: same group, where: "src.grp = \'x\'", value: "src.id" }] }', 'a: { from: a, values: { 1: 2, null: 0, other: 4 } }', 'a: { from: a, references: $u }'),
  b: fc.constantFrom('b: b', 'b: { sql: "lower(trim(src.b))" }', 'b: { from: b, as: json }', 'b: { from: b, as: json, accept: [{ reason: kept, value: src.b }] }', 'b: { from: b, accept: [{ reason: emptied, value: "null::text" }] }'),
  fk: fc.constantFrom('fk: fk', 'fk: { from: fk, references: $p }', 'fk: { from: fk, references: { by: grp, x: $u, y: $p } }'),
})

const entity: fc.Arbitrary<string> = fc.record({
  key: keyed, columns, bag: fc.constantFrom(false, false, false, false, true), where: optional(condition('src')), targetWhere: optional(condition('tgt')), exclude: reasons('src'), explained: reasons('src'), generated: reasons('tgt'),
  merge: optional(fc.constantFrom('{ by: "lower(trim(src.b))", keep: "a desc nulls last, id" }', '{ by: grp, keep: "id, b desc" }', '{ by: "src.a + 0", keep: fk }')), query: fc.constantFrom(false, false, false, true), totals: fc.boolean(),
}).map(({ key, columns: { a, b, fk }, bag, where, targetWhere, exclude, explained, generated, merge, query, totals }) => {
  const from = query && merge === null ? 'query: "select id, grp, a, b, fk from $s where a is distinct from 4"' : 'table: $s'
  const source = [from, ...(where === null ? [] : [`where: "${where}"`]), ...(merge === null ? [] : [`merge: ${merge}`]), `exclude: [${exclude}]`]
  const target = ['table: $t', ...(targetWhere === null ? [] : [`where: "${targetWhere}"`]), `generated: [${generated}]`]
  // a bag has no key beside its columns, and tolerates nothing in them
  const rest = bag ? 'key: all, same: [id, grp, a, b, fk]' : `key: ${key}, columns: { ${[...(key.includes('grp:') ? [] : ['grp: grp']), a, b, fk].join(', ')} }`
  const sums = totals && (bag || !a.includes('references')) ? ', totals: [{ sum: a, by: [grp] }]' : ''
  return `source: { ${source.join(', ')} }, target: { ${target.join(', ')} }, ${rest}, explained: [${explained}]${sums}`
})

const oneCase: fc.Arbitrary<Case> = fc.record({ source: fc.array(row, { maxLength: 9 }), target: fc.array(row, { maxLength: 9 }), copied: fc.integer({ min: 0, max: 9 }), entries: fc.array(entry, { maxLength: 8 }), entity })
  .map(({ source, target, copied, ...rest }) => ({ ...rest, source, target: [...source.slice(0, copied), ...target].slice(0, 9) }))

const literal = (value: string | number | null) => (value === null ? 'null' : typeof value === 'number' ? String(value) : `'${value}'`)
const insert = (name: string, rows: (string | number | null)[][]) => (rows.length === 0 ? '' : `insert into ${name} values ${rows.map((values) => `(${values.map(literal).join(', ')})`).join(', ')};`)
const columnsSql = 'id int, grp text, a int, b text, fk int'
const tables = (cases: readonly Case[], name: 's' | 't') => cases.map((one, index) => `drop table if exists ${name}${index}; create table ${name}${index} (${columnsSql}); ${insert(`${name}${index}`, name === 's' ? one.source : one.target)} ${index % 2 === 0 ? `create index on ${name}${index} (id, grp);` : ''}`).join('\n')
const maps = (cases: readonly Case[]) => cases.map(({ entries }, index) => (['p', 'u'] as const).map((map) => `drop table if exists ${map}${index}; create table ${map}${index} (legacy int, modern int);
  ${insert(`${map}${index}`, entries.filter((one) => one.map === map).map(({ legacy, modern }) => [legacy, modern]))}`).join('\n')).join('\n')

function planOf(cases: readonly Case[]): string {
  const keyMaps = cases.map((_, index) => `\n  p${index}: { table: p${index}, legacy: legacy, modern: modern }\n  u${index}: { table: u${index}, legacy: legacy, modern: modern }`)
  const entities = cases.map((one, index) => `\n  e${index}: { domain: d, ${one.entity.replaceAll(/\$([stpu])/g, `$1${index}`)} }`)
  return `version: 1\ndomains: { d: {} }\nkeyMaps:${keyMaps.join('')}\nentities:${entities.join('')}\n`
}

let pair: Pair
beforeAll(async () => { pair = await createPair() })
afterAll(async () => { await pair.close() })

/** What a run says of its rows; which of equal rows is shown for which is not part of it. */
const told = ({ entities }: ComparisonRun) => Object.fromEntries(Object.entries(entities).map(([name, { verdict, accounting, note }]) => [name, { verdict, accounting, note }]))

const runs = Number(process.env['FUZZ_RUNS'] ?? 2)

test('no plan breaks a law, loses a row or depends on how the work is cut, or on what is told of it', { timeout: 600_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(oneCase, { minLength: 12, maxLength: 12 }), async (cases) => {
    await pair.source.sql.unsafe(tables(cases, 's')).simple()
    await pair.target.sql.unsafe(tables(cases, 't') + maps(cases)).simple()
    const run = await pair.compare(planOf(cases), { maxStoredDifferences: 1000 })
    expect(run.job).toMatchObject({ status: 'completed', reason: null })
    for (const [index, one] of cases.entries()) {
      const { accounting, note, reasons: list, causes } = run.entities[`e${index}`]!
      const { source, target } = accounting
      const context = JSON.stringify(one)
      expect(note, context).toBeNull()
      expect(brokenLaws(accounting), context).toEqual([])
      const sum = (entries: { rows: number }[]) => entries.reduce((total, { rows }) => total + rows, 0)
      const byReason = (name: string) => sum((list as { class: string; rows: number }[]).filter((reason) => reason.class === name))
      expect([byReason('excluded'), byReason('explained'), byReason('accepted'), byReason('generated')], context).toEqual([source.excluded, source.explained, source.accepted, target.generated])
      const byCause = (name: string) => sum(causes.filter((cause) => cause.class === name))
      expect([byCause('missing'), byCause('differs'), byCause('extra'), byCause('unverified')], context).toEqual([source.missing, source.differs, target.extra, source.unverified])
    }
    expect(told(await pair.compare(planOf(cases), { scanChunkPages: 1, segmentRows: 1 }, { killedShare: 0.1 }))).toEqual(told(run))
    expect(told(await pair.compare(planOf(cases), { maxStoredDifferences: 0 }))).toEqual(told(run))
  }), { numRuns: runs, endOnFailure: true })
})
