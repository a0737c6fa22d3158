import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { handleErrors } from '../../src/http/errors.js'
import { ajvOptions, readQueries } from '../../src/http/input.js'
import { ProblemSchema, addSchemas } from '../../src/http/schemas.js'
import { repairRoutes } from '../../src/validation/repair-routes.js'
import type { plainRepair } from '../../src/validation/repair.js'
import { runCommand } from '../helpers/cli.js'
import { createPair, type Pair } from '../helpers/compare.js'
import { databaseEnvironment } from '../helpers/service.js'

type Answer = ReturnType<typeof plainRepair>

const hostile = ["it's", 'back\\slash', '\\', 'two\nlines', 'tab\there', '=1+1', '-5', '@sum', ';=cmd', 'say "no"', '', 'NULL', "'); drop table words; --", '/* not closed', '$$', 'ü', '\u202eright', '𝔘', ' blank ']
const literal = (text: string) => `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** In each table `tag` tells what becomes of a row: the class it will have, or why a statement must not read it. */
const source = `
  create table words (word text primary key, v int, tag text not null);
  insert into words select word, 1, case when n % 2 = 0 then 'missing' else 'differs' end from unnest(array[${hostile.map(literal).join(', ')}]) with ordinality as x(word, n);
  insert into words values ('fine', 1, 'ok');
  create table pairs (a int, b text, v int, tag text not null, unique nulls not distinct (a, b));
  insert into pairs values (1, null, 1, 'missing'), (null, 'x', 1, 'missing'), (2, 'y', 1, 'missing'), (3, null, 1, 'ok'), (null, 'NULL', 1, 'ok'), (1, 'null', 1, 'ok');
  create type mood as enum ('glad', 'sad');
  create table typed (u uuid, n numeric, d date, t timestamptz, c char(6), m mood, w text, v int, tag text not null);
  insert into typed values ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 1.500, '2024-02-29', '2024-03-10 02:30+05', 'ab', 'glad', 'X', 1, 'missing'), ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1.5, '2024-02-29', '2024-03-10 02:30+05', 'ab', 'sad', 'X', 1, 'ok');
  create table kinds (kind text, id int, v int, tag text not null, dead bool, primary key (kind, id));
  insert into kinds values ('a', 1, 1, 'missing', false), ('b', 1, 1, 'of another entity', false), ('a', 2, 1, 'ok', null), ('a', 3, 1, 'differs', null), ('a', 4, 1, 'excluded', true);
  create table secrets (ssn text primary key, v int, tag text not null);
  insert into secrets values ('123', 1, 'missing'), ('124', 1, 'differs');
  create table lands (id int primary key, iso text unique, tag text not null);
  insert into lands values (1, 'CH', 'ok'), (2, 'AT', 'missing'), (3, null, 'missing');
  create table codes (code int primary key, v int, tag text not null);
  insert into codes values (1, 1, 'ok'), (2, 1, 'missing'), (7, 1, 'missing');
  create table zoned (at timestamp primary key, v int, tag text not null);
  insert into zoned values ('2024-07-01 12:00', 1, 'missing'), ('2024-07-01 13:00', 1, 'ok');
  create table people (id int primary key, name text, tag text not null);
  insert into people values (1, 'a', 'ok'), (2, 'b', 'missing'), (3, 'c', 'ok');
  create table orders (id int primary key, v int, tag text not null);
  insert into orders values (1, 1, 'missing'), (2, 1, 'ok'), (3, 1, 'differs');
  create table long (k text primary key, tag text not null);
  insert into long values (repeat('x', 301), 'missing'), (repeat('y', 300), 'missing')`

const target = `
  create table words (word text primary key, v int);
  insert into words select word, 2 from unnest(array[${hostile.map(literal).join(', ')}]) with ordinality as x(word, n) where n % 2 = 1;
  insert into words values ('fine', 1);
  create table pairs (a int, b text, v int);
  insert into pairs values (3, null, 1), (null, 'NULL', 1), (1, 'null', 1);
  create table typed (u uuid, n numeric, d date, t timestamptz, c text, m text, w text, v int);
  insert into typed values ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1.5, '2024-02-29', '2024-03-10 02:30+05', 'ab', 'sad', 'X', 1);
  create table kinds (id int primary key, v int);
  insert into kinds values (2, 1), (3, 9);
  create table secrets (ssn text primary key, v int);
  insert into secrets values ('124', 2);
  create table lands (id int primary key, code text unique);
  insert into lands values (10, 'CH');
  create table codes (code text, v int);
  insert into codes values ('one', 1);
  create table zoned (at timestamptz primary key, v int);
  insert into zoned values ('2024-07-01 17:00Z', 1);
  create table people (id uuid, name text, tag text not null);
  create table map (legacy text, modern uuid);
  insert into map select n::text, md5(n::text)::uuid from generate_series(1, 5) n;
  insert into map values ('3', md5('3 again')::uuid);
  insert into people select md5(n::text)::uuid, chr(96 + n), case n when 5 then 'extra' else 'ok' end from unnest(array[1, 3, 5]) n;
  insert into people values (md5('3 again')::uuid, 'c', 'duplicate'), (null, 'system', 'generated'), (null, 'nobody', 'extra'), (md5('unknown')::uuid, 'u', 'extra');
  create table orders (id int primary key, v int);
  insert into orders values (2, 1), (3, 2);
  create table long (k text primary key)`

const plan = `
version: 1
domains: { d: {} }
keyMaps:
  people: { table: map, legacy: legacy, modern: modern }
  land: { source: { table: lands, key: id, natural: iso }, target: { table: lands, key: id, natural: code } }
entities:
  words: { domain: d, script: [b-words, z-words], source: { table: words }, target: { table: words }, key: { word: word }, same: [v], ignore: { source: { tag: test } } }
  pairs: { domain: d, script: a-pairs, source: { table: pairs }, target: { table: pairs }, key: { a: a, b: b }, same: [v], ignore: { source: { tag: test } } }
  typed: { domain: d, source: { table: typed }, target: { table: typed }, key: { u: u, n: n, d: d, t: t, c: c, m: m, w: w }, same: [v], ignore: { source: { tag: test } } }
  kinds:
    domain: d
    source: { table: kinds, where: "kind = 'a' -- share", exclude: [{ reason: dead, where: dead }] }
    target: { table: kinds }
    key: { id: { sql: "id + 0" } }
    same: [v]
    ignore: { source: { tag: test } }
  secrets: { domain: d, source: { table: secrets }, target: { table: secrets }, key: { ssn: { from: ssn, pii: true } }, same: [v], ignore: { source: { tag: test } } }
  lands: { domain: d, source: { table: lands }, target: { table: lands }, key: { id: { from: id, references: land } }, columns: { code: iso }, ignore: { source: { tag: test } } }
  codes: { domain: d, source: { table: codes }, target: { table: codes }, key: { code: { from: code, values: { 1: one, 2: two } } }, same: [v], ignore: { source: { tag: test } } }
  zoned: { domain: d, source: { table: zoned }, target: { table: zoned }, key: { at: { from: at, zone: America/New_York } }, same: [v], ignore: { source: { tag: test } } }
  orders:
    domain: d
    source: { query: "select id, v, tag from orders -- all", covers: orders }
    target: { table: orders }
    key: { id: id }
    same: [v]
  people:
    domain: d
    script: b-words
    source: { table: people }
    target: { table: people, where: "true", generated: [{ reason: the system, where: "tgt.name = 'system'" }] }
    key: { id: { from: id, references: people } }
    same: [name]
    ignore: { source: { tag: test }, target: { tag: test } }
  long: { domain: d, source: { table: long }, target: { table: long }, key: { k: k }, ignore: { source: { tag: test } } }
scripts: { b-words: { dependsOn: [a-pairs] } }
`

let pair: Pair
let app: FastifyInstance
let jobId: string
beforeAll(async () => {
  pair = await createPair({ source, target })
  const run = await pair.compare(plan, {}, { includeIntegrityChecks: false })
  expect(run.job).toMatchObject({ status: 'completed', reason: null })
  const [job] = await pair.tracking<{ job_id: string }[]>`select job_id from migration_coverage.job`
  jobId = job!.job_id
  app = Fastify({ ajv: ajvOptions })
  handleErrors(app)
  readQueries(app)
  addSchemas(app, [ProblemSchema])
  await app.register(repairRoutes, { target: pair.tracking })
})
afterAll(async () => {
  await app.close()
  await pair.close()
})

const ask = (query = '', id = jobId) => app.inject(`/validation/results/${id}/repair${query === '' ? '' : `?${query}`}`)
const listOf = async (query = '') => (await ask(query)).json<Answer>()
const query = (filter: Record<string, string>) => new URLSearchParams(filter).toString()

/** Runs the printed file as it is and gives the tags of the rows that its selects read. */
async function runPrinted(database: 'source' | 'target', text: string): Promise<string[]> {
  const session = await pair[database].sql.reserve()
  try {
    const results = (await session.unsafe(text).simple()) as unknown as { tag?: string }[][]
    return results.flat().flatMap(({ tag }) => tag ?? [])
  } finally {
    session.release()
  }
}

describe('the SQL', () => {
  it.each([
    ['words', 'missing'], ['words', 'differs'], ['pairs', 'missing'], ['typed', 'missing'], ['kinds', 'missing'], ['kinds', 'differs'], ['lands', 'missing'], ['codes', 'missing'], ['zoned', 'missing'], ['orders', 'missing'], ['orders', 'differs'], ['people', 'missing'],
  ])('of %s reads exactly the rows that are %s', async (entity, name) => {
    const tags = await runPrinted('source', (await ask(query({ format: 'sql', entity, class: name }))).body)
    const [wanted] = await pair.source.sql.unsafe<{ rows: string }[]>(`select count(*) as rows from ${entity} where tag = '${name}'`)
    expect(tags).toEqual(Array(Number(wanted!.rows)).fill(name))
    expect(tags.length).toBe((await listOf(query({ entity, class: name }))).rows)
  })

  it('of the whole source runs as one file, and so does that of the target', async () => {
    const counted = await pair.source.sql.unsafe<{ tag: string }[]>(['words', 'pairs', 'typed', 'kinds', 'lands', 'codes', 'zoned', 'orders', 'people'].map((name) => `select tag from ${name} where tag in ('missing', 'differs')`).join(' union all '))
    const all = await runPrinted('source', (await ask('format=sql')).body)
    // beside them only the one long key that is stored whole
    expect(all.sort()).toEqual([...counted.map(({ tag }) => tag), 'missing'].sort())
    expect((await runPrinted('target', (await ask('format=sql&side=target')).body)).sort()).toEqual(['duplicate', 'extra', 'extra', 'extra'])
  })

  it('says what it is, types its literals and takes part in no write', async () => {
    const text = (await ask('format=sql&entity=pairs')).body
    expect(text).toContain(`-- Repair list of the validation job ${jobId} (completed), for the SOURCE database: 3 of 3 rows.\n`)
    expect(text).toContain('-- The list is complete.\n')
    expect(text).toContain('-- script a-pairs · entity pairs · missing · plain: 3 rows\n-- key: "key 1" is a, "key 2" is b\n')
    expect(text.match(/^ {2}\(.*\)/gm)!.sort()).toEqual(["  ('1'::int4, null::text)", "  ('2'::int4, 'y'::text)", "  (null::int4, 'x'::text)"])
    await expect(runPrinted('source', text.replace('commit;', 'create table made (n int);'))).rejects.toThrow('read-only transaction')
    expect((await ask('format=sql')).body).toContain('-- Beside them 4 rows stand on the other side: ask with side=target.\n')
  })

  it('holds no line that an entity, a cause or a key could have begun', async () => {
    const text = (await ask('format=sql&entity=words')).body
    expect(text.split('\n').filter((line) => !/^(--|begin|set local|with keys_to_repair|select src\.\*|from |where |commit;| {2}\(E?'|\)|lines'|$)/.test(line))).toEqual([])
  })
})

describe('the list', () => {
  it('has groups in the order in which the scripts run, with exact figures', async () => {
    const { groups, ...list } = await listOf()
    expect(groups.map(({ scripts, entity, class: name, cause, rows, listed, masked, unusable, notListed }) => [scripts.join(), entity, name, cause, rows, listed, masked, unusable, notListed].join(' '))).toEqual([
      'a-pairs pairs missing plain 3 3 0 0 0', 'b-words people missing map leads nowhere 1 1 0 0 0', 'b-words people extra ghost 1 1 0 0 0', 'b-words people extra no key 1 1 0 0 0',
      'b-words people extra no map entry 1 1 0 0 0', 'b-words people duplicate  1 1 0 0 0', 'b-words,z-words words missing plain 9 9 0 0 0', 'b-words,z-words words differs value 10 10 0 0 0',
      ' typed missing plain 1 1 0 0 0', ' kinds missing plain 1 1 0 0 0', ' kinds differs value 1 1 0 0 0', ' secrets missing plain 1 0 1 0 0', ' secrets differs value 1 0 1 0 0',
      ' lands missing no map entry 2 2 0 0 0', ' codes missing plain 2 2 0 0 0', ' zoned missing plain 1 1 0 0 0',
      ' orders missing plain 1 1 0 0 0', ' orders differs value 1 1 0 0 0', ' long missing plain 2 1 0 1 0',
    ])
    expect(list).toEqual({
      jobId, status: 'completed', finishedAt: expect.any(String), complete: false, rows: 41, listed: 38,
      remarks: expect.arrayContaining(['the keys of 2 rows are masked, since the plan says pii: secrets', 'the keys of 1 row have more than 300 characters and are not stored whole: long']),
    })
  })

  it('tells keys as they are, on both sides', async () => {
    const { groups } = await listOf(query({ entity: 'people', side: 'target' }))
    const [{ ghost, unknown }] = (await pair.target.sql<{ ghost: string; unknown: string }[]>`select md5('5')::uuid as ghost, md5('unknown')::uuid as unknown`) as unknown as [{ ghost: string; unknown: string }]
    expect(groups.filter(({ class: name }) => name === 'extra').flatMap(({ keys }) => keys)).toEqual(expect.arrayContaining([
      { legacy: { id: '5' }, target: { id: ghost } }, { legacy: null, target: { id: unknown } }, { legacy: null, target: { id: null } },
    ]))
    expect(groups.find(({ cause }) => cause === 'ghost')).toMatchObject({ schema: 'public', table: 'people', legs: [{ name: 'id', expression: 'tgt."id"', type: 'uuid' }], advice: expect.stringContaining('delete them in the target') })
  })

  it('is filtered by script, entity, class, cause and side', async () => {
    const entities = async (filter: Record<string, string>) => [...new Set((await listOf(query(filter))).groups.map(({ entity, class: name }) => `${entity} ${name}`))].sort()
    expect(await entities({ script: 'z-words' })).toEqual(['words differs', 'words missing'])
    expect(await entities({ script: 'b-words', class: 'missing' })).toEqual(['people missing', 'words missing'])
    expect(await entities({ cause: 'map leads nowhere' })).toEqual(['people missing'])
    expect(await entities({ side: 'target' })).toEqual(['people duplicate', 'people extra'])
  })

  it('refuses names that the job does not have, and rows where they cannot stand', async () => {
    expect((await ask('entity=wrods')).json()).toMatchObject({ status: 400, errors: [{ field: 'entity', message: 'this job has no entity "wrods"; did you mean "words"?' }] })
    expect((await ask('script=a-pair')).json()).toMatchObject({ status: 400, errors: [{ field: 'script', message: 'this job has no script "a-pair"; did you mean "a-pairs"?' }] })
    expect((await ask('class=missing&side=target')).json()).toMatchObject({ status: 400, errors: [{ field: 'side' }] })
    expect((await ask('', randomUUID())).json()).toMatchObject({ status: 404 })
    expect(await listOf('cause=plian')).toMatchObject({ rows: 0, complete: false, remarks: expect.arrayContaining([expect.stringMatching(/^no row has the cause "plian"; the causes are: ghost, /)]) })
  })

  it('says how much the limit leaves out', async () => {
    const { remarks, complete, groups, rows, listed } = await listOf('entity=words&limit=4')
    expect({ complete, rows, listed }).toEqual({ complete: false, rows: 19, listed: 4 })
    expect(remarks).toEqual(['15 rows are not listed, since this list ends after 4 keys (ask with a filter): repair these, validate again, and ask again: words'])
    expect(groups.map((group) => group.listed + group.notListed)).toEqual(groups.map((group) => group.rows))
  })
})

/** Reads RFC 4180, by its grammar. */
function readCsv(text: string): string[][] {
  const fields = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)]
  const lines: string[][] = [[]]
  for (const [, quoted, plain = '', end] of fields) {
    lines.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end === '\r\n') lines.push([])
  }
  return lines.slice(0, -1)
}

describe('the CSV', () => {
  it('gives every key back exactly, and no cell that a spreadsheet runs', async () => {
    const { body, headers } = await ask('format=csv&entity=words')
    expect(headers).toMatchObject({ 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="repair-${jobId}.csv"` })
    const [head, ...lines] = readCsv(body)
    expect(head).toEqual(['script', 'entity', 'class', 'cause', 'side', 'rows', 'listing', 'legacy_key', 'target_key'])
    expect(lines.map(([, , , , , , , key]) => (JSON.parse(key!) as { word: string }).word).sort()).toEqual([...hostile].sort())
    expect(lines.flat().filter((cell) => /^[\s=+\-@|%]/.test(cell))).toEqual([])
    // eslint-disable-next-line no-control-regex -- these are the characters that must not be there
    expect(body.replaceAll('\r\n', '')).not.toMatch(/[\u0000-\u001f\u202e]/)
  })

  it('adds up to the accounting, also where keys are masked or too long', async () => {
    const [, ...lines] = readCsv((await ask('format=csv')).body)
    expect(lines.reduce((sum, [, , , , , rows]) => sum + Number(rows), 0)).toBe(41)
    expect(lines.filter(([, , , , , , listing]) => listing !== 'listed').map((line) => line.slice(1))).toEqual([
      ['secrets', 'missing', 'plain', 'source', '1', 'masked', '', ''], ['secrets', 'differs', 'value', 'source', '1', 'masked', '', ''], ['long', 'missing', 'plain', 'source', '1', 'too long', '', ''],
    ])
    expect((await ask('format=sql')).body + (await ask('format=csv')).body).not.toMatch(/'12[34]'|""12[34]""|•/)
  })
})

describe('a job that keeps few differences, or has not ended', () => {
  it('says that the list is incomplete and by how much', async () => {
    const own = await createPair({ source: `create table t (id int primary key); insert into t select generate_series(1, 10)`, target: 'create table t (id int primary key)' })
    try {
      await own.compare('version: 1\ndomains: { d: {} }\nentities: { t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id } } }\n', { maxStoredDifferences: 4 })
      const [job] = await own.tracking<{ job_id: string }[]>`select job_id from migration_coverage.job`
      const other = Fastify({ ajv: ajvOptions })
      handleErrors(other)
      readQueries(other)
      addSchemas(other, [ProblemSchema])
      await other.register(repairRoutes, { target: own.tracking })
      const url = `/validation/results/${job!.job_id}/repair`
      const notListed = '6 rows are not listed, since a job keeps a limited number of differences of each entity (MAX_STORED_DIFFERENCES): repair these, validate again, and ask again: t'
      expect((await other.inject(url)).json()).toMatchObject({ complete: false, rows: 10, listed: 4, remarks: [notListed], groups: [{ rows: 10, listed: 4, notListed: 6 }] })
      const printed = (await other.inject(`${url}?format=sql`)).body
      expect(printed).toContain(`4 of 10 rows.\n`)
      expect(printed).toContain(`-- THE LIST IS NOT COMPLETE:\n-- - ${notListed}\n`)
      expect(printed).toContain('10 rows, 4 listed, 6 not listed\n')
      await own.tracking`update migration_coverage.job set status = 'running', verdict = null, finished_at = null`
      await own.tracking`delete from migration_coverage.entity_result`
      expect((await other.inject(url)).json()).toMatchObject({ complete: false, rows: 0, remarks: ['the job is running: ask again when it is over', 'not compared by this job: t'] })
      await other.close()
    } finally {
      await own.close()
    }
  })
})

describe('migration-coverage repair', () => {
  const command = (...args: string[]) => runCommand(['repair', ...args], databaseEnvironment({ source: pair.source.options, target: pair.target.options }))

  it('prints what the route answers, and the remarks beside it', async () => {
    const json = await command()
    expect(JSON.parse(json.output)).toEqual(await listOf())
    expect(json).toMatchObject({ code: 0, errors: expect.stringContaining('the list is not complete:\n') })
    const filtered = await command(jobId, '--format', 'sql', '--entity', 'words', '--class', 'missing')
    expect(filtered).toEqual({ code: 0, output: (await ask('format=sql&entity=words&class=missing')).body, errors: '' })
  })

  it('fails for what is not there', async () => {
    expect(await command('--entity', 'wrods')).toEqual({ code: 1, output: '', errors: 'this job has no entity "wrods"; did you mean "words"?\n' })
    expect(await command('x')).toMatchObject({ code: 1, errors: '"x" is no id of a job\n' })
  })
})
