import { expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.js'
import { openTarget } from '../../src/db/clients.js'
import { openComparer } from '../helpers/compare.js'
import { createTestDatabase, type TestDatabaseOptions } from '../helpers/postgres.js'
import { figuresOf, lineOf } from './cases.js'

/** Servers of other encodings: what one of them cannot write, and where a character is several bytes without its knowing. */
async function compare(source: TestDatabaseOptions, target: TestDatabaseOptions, fill: { source: string; target: string }, entities: Record<string, string>, options = {}) {
  const [from, to] = [await createTestDatabase({ ...source, server: 'source' }), await createTestDatabase(target)]
  const sql = openTarget({ ...to.options, maxConnections: 1 })
  await migrate(sql)
  await sql.end({ timeout: 5 })
  await from.sql.unsafe(fill.source).simple()
  await to.sql.unsafe(fill.target).simple()
  const comparer = await openComparer(from.options, to.options)
  try {
    const body = Object.entries(entities).map(([name, text]) => `  ${name}: { domain: d, source: { table: ${name} }, target: { table: ${name} }, ${text} }`)
    const run = await comparer.compare(`version: 1\ndomains: { d: {} }\nentities:\n${body.join('\n')}\n`, options, { includeIntegrityChecks: false, includeCrossEntity: false })
    return Object.fromEntries(Object.entries(run.entities).map(([name, { accounting, note }]) => [name, [figuresOf(accounting), note, ...run.differences.filter(({ entity }) => entity === name).map((one) => lineOf(one).slice(0, 120))]]))
  } finally {
    await comparer.close()
    await Promise.all([from.drop(), to.drop()])
  }
}
const latin1 = { encoding: 'LATIN1', locale: 'C' }
const ascii = { encoding: 'SQL_ASCII', locale: 'C' }

test.each([['each difference kept', {}], ['no difference kept', { maxStoredDifferences: 0 }]])('keys that the source cannot write are absent there: %s', async (_, options) => {
  const own = (rows: string) => `create table t (id text primary key, v int); insert into t values ${rows}; create table u (id text, v int); insert into u select * from t; create table w (id text, part int, v int, primary key (id, part)); insert into w select id, v, v from t`
  const found = await compare(latin1, {}, { source: own("('a', 1), ('é', 2)"), target: own("('a', 1), ('é', 2), ('10 €', 3), ('b', 4), ('日本', 5)") }, { t: 'key: { id: id }, same: [v]', u: 'key: { id: id }, same: [v]', w: 'key: { id: id, part: part }, same: [v]' }, options)
  for (const name of ['t', 'u', 'w']) expect(found[name]!.slice(0, 2)).toEqual(['2: 2 verified | 5: 2 matched, 3 extra', null])
}, 60_000)

test('a text is as long on a server that counts bytes as on one that counts characters', async () => {
  const own = (n: number, scale: string) => `create table t (id int primary key, v text, j jsonb); insert into t values (1, repeat('é', 40000), '{"a":${scale}}'), (2, 'b', '{}'); create table u (id int primary key, v text, n int); insert into u values (1, repeat('日', 30000), ${n}), (2, 'b', 2)`
  const found = await compare(ascii, {}, { source: own(1, '1.0'), target: own(2, '1.00') }, { t: 'key: { id: id }, same: [v, j]', u: 'key: { id: id }, same: [v, n]' })
  expect(found).toEqual({ t: ['2: 2 verified | 2: 2 matched', null], u: ['2: 1 verified, 1 differs | 2: 2 matched', null, 'differs value {"id":"1"} n: 1 → 2'] })
}, 60_000)

test('a text that is no JSON is shown from a server that counts bytes', async () => {
  const found = await compare(ascii, {}, { source: "create table t (id int primary key, v text); insert into t values (1, 'x' || repeat('日', 100)), (2, '{}')", target: "create table t (id int primary key, v jsonb); insert into t values (1, '{}'), (2, '{}')" }, { t: 'key: { id: id }, columns: { v: { from: v, as: json } }' })
  expect(found['t']!.slice(0, 2)).toEqual(['2: 1 verified, 1 differs | 2: 2 matched', null])
}, 60_000)

test('bytes that are no text, in a row that differs, leave that row alone unverified', async () => {
  const own = (v: number) => `set client_encoding to SQL_ASCII; create table t (id int primary key, v text, n int); insert into t select i, case i when 5 then E'caf\\xe9' else 'a' end, case when i in (5, 7) then ${v} else 0 end from generate_series(1, 20) i`
  const found = await compare(ascii, ascii, { source: own(1), target: own(2) }, { t: 'key: { id: id }, same: [v, n]' })
  expect(found['t']).toEqual(['20: 18 verified, 1 differs, 1 unverified | 20: 19 matched, 1 unverified', null, 'differs value {"id":"7"} n: 1 → 2'])
}, 60_000)
