import { afterEach, describe, expect, test } from 'vitest'
import { createPair, type Pair } from '../helpers/compare.js'
import { openAdmin, serverVersion } from '../helpers/postgres.js'
import { figuresOf } from './cases.js'

/** What databases make of the sessions that are opened in them. */
const simple = 'create table t (id int primary key, v int); insert into t select i, i from generate_series(1, 200) i'
const planOf = (source: string) => `version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { ${source} }, target: { table: t }, key: { id: id }, same: [v] }\n`
const plan = planOf('table: t')
const toldBy = ({ job, entities }: Awaited<ReturnType<Pair['compare']>>) => `${job.status} ${job.reason} ${figuresOf(entities['t']!.accounting)}`

let pair: Pair
afterEach(() => pair.close())

test('a serializable session of the application is not failed by what is read beside it', async () => {
  pair = await createPair({ source: `${simple}; create table control (a int); insert into control values (1)`, target: simple, sourceDatabase: { settings: { default_transaction_isolation: "'serializable'", default_transaction_deferrable: 'on' } } })
  const [writer, other] = [openAdmin({ ...pair.source.options, maxConnections: 1 }), openAdmin({ ...pair.source.options, maxConnections: 1 })]
  try {
    // reads what the other changes, and changes what is compared after that: in no order of all three
    await writer.unsafe('begin; select * from control').simple()
    await other.unsafe('update control set a = 2')
    expect(toldBy(await pair.compare(plan))).toBe('completed null 200: 200 verified | 200: 200 matched')
    await writer.unsafe('insert into t values (1000, 1); commit').simple()
  } finally {
    await Promise.all([writer.end(), other.end()])
  }
})

test('a limit on what an inverted index gives makes no part of the rows out of all', async () => {
  const look = 'create table look (id int, tags int[]); insert into look select i, array[i % 100] from generate_series(1, 20000) i; create index on look using gin (tags) with (fastupdate = off); analyze look'
  const rows = 'create table t (id int primary key, v int); insert into t select i, i from generate_series(5, 20000, 100) i'
  pair = await createPair({ source: `${look}; ${rows}`, target: `${rows} where i <> 105`, sourceDatabase: { settings: { gin_fuzzy_search_limit: '10' } } })
  expect(toldBy(await pair.compare(planOf('table: t, where: "src.id in (select o.id from look o where o.tags @> array[5])"')))).toBe('completed null 200: 199 verified, 1 missing | 199: 199 matched')
})

describe.skipIf(await serverVersion('source') < 170_000)('from PostgreSQL 17 on', () => {
  test('a short limit on transactions is not taken over', async () => {
    pair = await createPair({ source: simple, target: simple })
    await pair.source.sql.unsafe(`do $$ begin execute format('alter database %I set transaction_timeout to %L', current_database(), '15ms'); end $$`)
    expect(toldBy(await pair.compare(plan))).toBe('completed null 200: 200 verified | 200: 200 matched')
  })

  const onLogin = (body: string) => `create function at_login() returns event_trigger language plpgsql as $$ begin ${body}; end $$; create event trigger at_login on login execute function at_login()`

  test('a session whose settings a login trigger changes is refused, with what and what to do', async () => {
    pair = await createPair({ source: `${simple}; ${onLogin("perform set_config('row_security', 'on', false), set_config('search_path', 'public', false)")}`, target: simple })
    const { job } = await pair.compare(plan)
    expect(job).toMatchObject({ status: 'failed', reasonCode: 'SOURCE_UNAVAILABLE' })
    expect(job.reason).toMatch(/^Sessions of the source database .*: row_security is on and must be off; search_path is public and must be pg_catalog, public\. .*ignore_startup_parameters.* login triggers .*alter role/)
  })

  test('a login trigger that writes is told as such', async () => {
    pair = await createPair({ source: `${simple}; create table log (at timestamptz); ${onLogin('insert into log values (now())')}`, target: simple })
    await pair.source.sql`truncate log`
    const { job } = await pair.compare(plan)
    expect(job).toMatchObject({ status: 'failed', reasonCode: 'SOURCE_UNAVAILABLE' })
    expect(job.reason).toMatch(/on the source database \(SQLSTATE 25006: cannot execute INSERT in a read-only transaction\).*a login trigger/)
    expect(await pair.source.sql`select count(*)::int as rows from log`).toEqual([{ rows: 0 }])
  })
})
