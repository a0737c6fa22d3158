import { execFile } from 'node:child_process'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inspectRole, looseSettingsStatement, openSource, openTarget, openTargetReader, pinsOf, retryTransient } from '../../src/db/clients.js'
import type { DatabaseOptions } from '../../src/db/clients.js'
import { freePort, serverAccount, startEmbeddedPostgres } from '../../src/demo/embedded.js'
import { adminOptions, createTestDatabase, openAdmin, serverVersion } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'
import { startProxy } from '../helpers/proxy.js'
import type { Proxy } from '../helpers/proxy.js'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

async function using<T>(sql: ReturnType<typeof openSource>, work: (sql: ReturnType<typeof openSource>) => Promise<T>): Promise<T> {
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

const codeOf = async (work: Promise<unknown>) => work.then(() => 'no error', (error: { code?: string }) => error.code)

describe('the pinned session', () => {
  test.each([['source', openSource], ['target reader', openTargetReader]])('of the %s has every setting from the start-up packet', async (_name, open) => {
    const rows = await using(open({ ...database.options, maxConnections: 1 }), (sql) => sql<{ name: string; setting: string; source: string }[]>`
      select name, current_setting(name) as setting, source from pg_settings where source = 'client' or source = 'session' order by name`)
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      application_name: 'mcov migration-coverage', array_nulls: 'on', bytea_output: 'hex', client_connection_check_interval: '1s', client_encoding: 'UTF8', DateStyle: 'ISO, MDY',
      default_transaction_deferrable: 'off', default_transaction_isolation: 'read committed', default_transaction_read_only: 'on', enable_sort: 'off', extra_float_digits: '3',
      gin_fuzzy_search_limit: '0', idle_in_transaction_session_timeout: '10s', IntervalStyle: 'postgres', jit: 'off',
      lock_timeout: '500ms', max_parallel_workers_per_gather: '2', quote_all_identifiers: 'off', row_security: 'off', search_path: 'pg_catalog, public', standard_conforming_strings: 'on',
      statement_timeout: '30s', TimeZone: 'UTC', transaction_timeout: '0', transform_null_equals: 'off', work_mem: '32MB', xmloption: 'content',
    })
    expect(new Set(rows.map(({ source }) => source))).toEqual(new Set(['client']))
  })

  test('is asked whether it still is as pinned, whatever the spelling', async () => {
    await using(openSource({ ...database.options, maxConnections: 1 }), async (sql) => {
      await sql`select 1`
      const ask = async () => [...await sql.unsafe(looseSettingsStatement, [JSON.stringify(pinsOf(sql))])]
      expect(await ask()).toEqual([])
      expect(Object.keys(pinsOf(sql))).toEqual(expect.arrayContaining(['row_security', 'statement_timeout', 'jit', 'client_encoding', 'default_transaction_isolation']))
      await sql.unsafe(`set lock_timeout = '0.5 s'; set work_mem = '32768kB'; set enable_sort = false; set jit = 0; set datestyle = 'mdy, iso'; set timezone = 'utc'; select set_config('search_path', '"pg_catalog","public"', false)`).simple()
      expect(await ask()).toEqual([])
      await sql.unsafe(`set row_security = on; set statement_timeout = 0; set search_path = public; set gin_fuzzy_search_limit = 100; set timezone = 'Europe/Rome'`).simple()
      const loose = [
        { name: 'gin_fuzzy_search_limit', held: '100', pinned: '0' }, { name: 'row_security', held: 'on', pinned: 'off' }, { name: 'search_path', held: 'public', pinned: 'pg_catalog, public' },
        { name: 'statement_timeout', held: '0', pinned: '30s' }, { name: 'TimeZone', held: 'Europe/Rome', pinned: 'UTC' },
      ]
      expect(await ask()).toEqual(expect.arrayContaining(loose))
      // the question itself changes nothing
      expect(await ask()).toHaveLength(loose.length)
    })
  })

  test('refuses to write', async () => {
    expect(await codeOf(using(openSource(database.options), (sql) => sql`create table nope (a integer)`))).toBe('25006')
  })

  test('gives the rows of a statement, and none of one that failed after some rows', async () => {
    await using(openSource({ ...database.options, maxConnections: 1 }), async (sql) => {
      for (const rows of [1, 5, 5000]) {
        expect(await codeOf(sql.unsafe(`select repeat('x', 200), 1 / (${rows} - i) from generate_series(0, 10000) i`))).toBe('22012')
        expect([...await sql`select 1 as one union all select 2 order by 1`]).toEqual([{ one: '1' }, { one: '2' }])
      }
    })
  })

  test('hands every value over as the text of the server', async () => {
    const [row] = await using(openSource(database.options), (sql) => sql`
      select true as boolean, 1::int2 as small, 9223372036854775807::int8 as big, 0.1::float4 as single, 'NaN'::float8 as double, 1.10::numeric as numeric,
        array['NULL', null]::text[] as list, array[1, null]::integer[] as numbers, '{"a": 12345678901234567890}'::jsonb as jsonb, '{ "a":1 }'::json as json,
        '0044-03-15 BC'::date as date, 'infinity'::timestamp as timestamp, '2024-01-02 03:04:05.123456+02'::timestamptz as timestamptz,
        '\\x00ff'::bytea as bytea, 'a'::"char" as char, null::integer as nothing, 12::oid as oid`)
    expect(row).toEqual({
      boolean: 't', small: '1', big: '9223372036854775807', single: '0.1', double: 'NaN', numeric: '1.10', list: '{"NULL",NULL}', numbers: '{1,NULL}',
      jsonb: '{"a": 12345678901234567890}', json: '{ "a":1 }', date: '0044-03-15 BC', timestamp: 'infinity', timestamptz: '2024-01-02 01:04:05.123456+00',
      bytea: '\\x00ff', char: 'a', nothing: null, oid: '12',
    })
  })

  test('takes arrays as parameters', async () => {
    const names = ['a', 'b"c', 'd,e\\', null]
    const [row] = await using(openSource(database.options), (sql) => sql`
      select to_json(${names}::text[]) as names, to_json(${[1, 2]}::integer[]) as numbers, to_json(${['9223372036854775807']}::bigint[]) as bigs,
        'b' = any(${['a', 'b']}) as found, ${[]}::text[] as empty`)
    expect(row).toEqual({ names: '["a","b\\"c","d,e\\\\",null]', numbers: '[1,2]', bigs: '[9223372036854775807]', found: 't', empty: '{}' })
  })
})

describe('the tracking client', () => {
  test('reads int8 exactly or not at all, times as Date, jsonb parsed', async () => {
    await using(openTarget(database.options), async (sql) => {
      const [row] = await sql`select 9007199254740991::int8 as big, '2024-01-02T03:04:05Z'::timestamptz as at, '{"a":1}'::jsonb as json, array[1, 2]::int8[] as list`
      expect(row).toEqual({ big: 9007199254740991, at: new Date('2024-01-02T03:04:05Z'), json: { a: 1 }, list: [1, 2] })
      await expect(sql`select 9007199254740992::int8 as big`).rejects.toThrow('9007199254740992 exceeds 2^53 - 1')
      expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
    })
  })
})

test('no client, nor the first look at the version, takes over what a database sets for transactions', async () => {
  const strict = await createTestDatabase({ settings: { default_transaction_isolation: "'serializable'", default_transaction_deferrable: 'on', ...(await serverVersion('target') < 170_000 ? {} : { transaction_timeout: '5000' }) } })
  const writer = openAdmin({ ...strict.options, maxConnections: 1 })
  try {
    // a deferrable reader would wait for it
    await writer.unsafe('begin isolation level serializable; create table held (a int)').simple()
    for (const open of [openSource, openTargetReader, openTarget]) {
      const rows = await using(open({ ...strict.options, maxConnections: 1 }), (sql) => sql`
        select current_setting('transaction_isolation') as isolation, current_setting('transaction_deferrable') as deferrable, coalesce(current_setting('transaction_timeout', true), '0') as timeout`)
      expect(rows).toEqual([{ isolation: 'read committed', deferrable: 'off', timeout: '0' }])
    }
    await writer.unsafe('rollback')
  } finally {
    await writer.end()
    await strict.drop()
  }
})

describe('a broken link', () => {
  let proxy: Proxy
  let options: DatabaseOptions
  beforeAll(async () => {
    proxy = await startProxy(adminOptions())
    options = { ...database.options, host: '127.0.0.1', port: proxy.port, maxConnections: 1, statementTimeoutMs: 1000, connectTimeoutMs: 800 }
  })
  afterAll(() => proxy.close())

  test('that falls silent rejects the query in flight, and the next one works again', async () => {
    await using(openSource(options), async (sql) => {
      await sql`select 1`
      proxy.setMode('blackhole')
      const startedAt = performance.now()
      expect(await codeOf(sql`select 2`)).toBe('CONNECTION_DEADLINE')
      expect(performance.now() - startedAt).toBeLessThan(1000 + 5000 + 1500)
      proxy.setMode('pass')
      expect(await retryTransient(() => sql`select 3 as three`)).toEqual([{ three: '3' }])
    })
    expect(proxy.open()).toBe(0)
  })

  test('that is silent from the start gives CONNECT_TIMEOUT', async () => {
    proxy.setMode('blackhole')
    await using(openSource(options), async (sql) => {
      const startedAt = performance.now()
      expect(await codeOf(sql`select 1`)).toBe('CONNECT_TIMEOUT')
      expect(performance.now() - startedAt).toBeLessThan(2500)
      proxy.setMode('pass')
      expect(await retryTransient(() => sql`select 1 as one`)).toEqual([{ one: '1' }])
    })
  })

  test('that hangs up during start-up is an error, not a loop of reconnects', async () => {
    proxy.setMode('fin')
    await using(openSource(options), async (sql) => {
      const before = proxy.accepted()
      expect(await codeOf(sql`select 1`)).toBe('ECONNRESET')
      await sleep(500)
      expect(proxy.accepted() - before).toBeLessThan(5)
      proxy.setMode('pass')
      expect(await retryTransient(() => sql`select 1 as one`)).toEqual([{ one: '1' }])
    })
  })

  test('that is reset is a transient error', async () => {
    await using(openSource(options), async (sql) => {
      await sql`select 1`
      const broken = codeOf(sql`select pg_sleep(5)`)
      await sleep(100)
      proxy.setMode('reset')
      expect(['ECONNRESET', 'CONNECTION_CLOSED']).toContain(await broken)
      proxy.setMode('pass')
      expect(await retryTransient(() => sql`select 1 as one`)).toEqual([{ one: '1' }])
    })
  })

  test('does not keep end() waiting', async () => {
    const sql = openSource(options)
    await sql`select 1`
    proxy.setMode('blackhole')
    const hanging = codeOf(sql`select 2`)
    await sleep(50)
    const startedAt = performance.now()
    await sql.end({ timeout: 0.2 })
    expect(performance.now() - startedAt).toBeLessThan(1500)
    expect(await hanging).toMatch(/^CONNECTION_/)
    await sleep(50)
    expect(proxy.open()).toBe(0)
    proxy.setMode('pass')
  })

  test('an idle listener and an idle transaction are left alone', async () => {
    await using(openTarget({ ...options, maxConnections: 2, statementTimeoutMs: 100, applicationName: 'patient' }), async (sql) => {
      const heard: string[] = []
      await sql.listen('mcov_test', (payload) => heard.push(payload))
      await sql.begin(async (tx) => {
        await tx`select 1`
        await sleep(6000)
        await tx`select 1`
      })
      await sql.notify('mcov_test', 'still there')
      await sleep(200)
      expect(heard).toEqual(['still there'])
    })
  })

  test('a slow statement within its limit is not cut, one beyond is 57014', async () => {
    await using(openSource({ ...options, statementTimeoutMs: 700 }), async (sql) => {
      await sql`select pg_sleep(0.5)`
      expect(await codeOf(sql`select pg_sleep(5)`)).toBe('57014')
      expect(await sql`select 1 as one`).toEqual([{ one: '1' }])
    })
  })

  test('a terminated backend is survived by retryTransient', async () => {
    await using(openSource({ ...options, applicationName: 'victim' }), async (sql) => {
      await sql`select 1`
      const attempts: unknown[] = []
      const running = retryTransient(async () => {
        attempts.push(1)
        return sql`select pg_sleep(${attempts.length === 1 ? 5 : 0}::float8), 1 as one`
      })
      await sleep(200)
      await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim'`
      expect((await running)[0]?.['one']).toBe('1')
      expect(attempts.length).toBeGreaterThan(1)
    })
  })

  test('nobody listening is ECONNREFUSED', async () => {
    const port = await freePort()
    expect(await codeOf(using(openSource({ ...options, port }), (sql) => sql`select 1`))).toBe('ECONNREFUSED')
  })

  test('a cancelled query is 57014 and leaves no connection behind', async () => {
    await using(openSource({ ...options, statementTimeoutMs: 5000 }), async (sql) => {
      const slow = sql`select pg_sleep(4)`.execute()
      const code = codeOf(slow)
      await sleep(200)
      slow.cancel()
      expect(await code).toBe('57014')
    })
    await sleep(50)
    expect(proxy.open()).toBe(0)
  })
})

describe('TLS', () => {
  test('is refused clearly by a server without it', async () => {
    expect(await codeOf(using(openSource({ ...database.options, ssl: 'require' }), (sql) => sql`select 1`))).toBe('SSL_REFUSED')
  })
})

describe('retryTransient', () => {
  const transient = () => Object.assign(new Error('gone'), { code: '57P01' })

  test('gives up after its attempts, at once on another error, and on its signal', async () => {
    let calls = 0
    const failing = (error: Error) => async () => {
      calls += 1
      throw error
    }
    await expect(retryTransient(failing(transient()), { attempts: 3, delayMs: 1 })).rejects.toThrow('gone')
    expect(calls).toBe(3)
    await expect(retryTransient(failing(new Error('defect')), { delayMs: 1 })).rejects.toThrow('defect')
    expect(calls).toBe(4)
    const controller = new AbortController()
    const waiting = retryTransient(failing(transient()), { delayMs: 10_000, signal: controller.signal })
    setTimeout(() => { controller.abort() }, 20)
    await expect(waiting).rejects.toThrow(/abort/i)
  })
})

describe('inspectRole', () => {
  test('finds the rights beyond reading', async () => {
    const { sql } = database
    await sql.unsafe(`create table kept (a integer); create role mcov_reader login password 'reader-password'; grant select on kept to mcov_reader; revoke create on schema public from public`)
    const asReader = { ...database.options, user: 'mcov_reader', password: 'reader-password' }
    const inspect = (options: DatabaseOptions) => using(openSource(options), (client) => inspectRole(client))
    expect(await inspect(asReader)).toEqual({
      role: 'mcov_reader', superuser: false, bypassRowSecurity: false, ownedTables: 0, writableTables: 0, creatableSchemas: [], createInDatabase: false, readOnly: true,
    })
    await sql.unsafe('grant update (a) on kept to mcov_reader')
    expect(await inspect(asReader)).toMatchObject({ writableTables: 1, readOnly: false })
    await sql.unsafe('revoke update (a) on kept from mcov_reader; grant create on schema public to mcov_reader')
    expect(await inspect(asReader)).toMatchObject({ creatableSchemas: ['public'], writableTables: 0, readOnly: false })
    expect(await inspect(database.options)).toMatchObject({ superuser: true, readOnly: false })
    await sql.unsafe('drop owned by mcov_reader; drop role mcov_reader')
  })
})

/** A self-signed certificate that the server's account may read. */
async function makeCertificate(folder: string): Promise<{ ssl_cert_file: string; ssl_key_file: string }> {
  const [ssl_cert_file, ssl_key_file] = [join(folder, 'server.crt'), join(folder, 'server.key')]
  await promisify(execFile)('openssl', [
    'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-keyout', ssl_key_file, '-out', ssl_cert_file,
  ])
  const { uid, gid } = await serverAccount()
  if (uid !== undefined && gid !== undefined) for (const path of [folder, ssl_cert_file, ssl_key_file]) await chown(path, uid, gid)
  return { ssl_cert_file, ssl_key_file }
}

test('a connection through TLS works and falls under the same deadline', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'migration-coverage-tls-'))
  const server = await startEmbeddedPostgres({ settings: { ssl: 'on', ...(await makeCertificate(folder)) } })
  const proxy = await startProxy(server)
  try {
    const options: DatabaseOptions = {
      host: '127.0.0.1', port: proxy.port, database: 'postgres', user: server.user, password: server.password, ssl: 'require', maxConnections: 1,
      statementTimeoutMs: 500, connectTimeoutMs: 800,
    }
    await using(openSource(options), async (sql) => {
      expect(await sql`select ssl, version from pg_stat_ssl where pid = pg_backend_pid()`).toEqual([{ ssl: 't', version: 'TLSv1.3' }])
      await sleep(7000)
      expect(await sql`select 1 as one`).toEqual([{ one: '1' }])
      proxy.setMode('blackhole')
      expect(await codeOf(sql`select 2`)).toBe('CONNECTION_DEADLINE')
      proxy.setMode('pass')
      expect(await retryTransient(() => sql`select 3 as three`)).toEqual([{ three: '3' }])
    })
  } finally {
    await proxy.close()
    await server.stop()
    await rm(folder, { recursive: true })
  }
})
