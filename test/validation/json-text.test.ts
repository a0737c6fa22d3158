import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sql } from 'postgres'
import { readJson } from '../../src/core/json-text.js'
import { openSource } from '../../src/db/clients.js'
import { createTestDatabase, serverVersion, type TestDatabase } from '../helpers/postgres.js'
import { beyondAscii, broken, readable } from './json-samples.js'

let database: TestDatabase
let client: Sql
beforeAll(async () => {
  database = await createTestDatabase()
  client = openSource(database.options)
})
afterAll(async () => {
  await client.end({ timeout: 5 })
  await database.drop()
})

/** What a server of this version is asked for: each text as jsonb, null where it cannot be read. */
const read = async (texts: string[], version: number, encoding = 'UTF8') =>
  (await client.unsafe<{ value: string | null }[]>(`select ${readJson('v', { version, encoding })}::text as value from unnest($1::text[]) with ordinality t (v, place) order by place`, [texts])).map(({ value }) => value)
const cast = async (texts: string[]) => (await client.unsafe<{ value: string }[]>('select v::jsonb::text as value from unnest($1::text[]) with ordinality t (v, place) order by place', [texts])).map(({ value }) => value)

describe('text is read as JSON', () => {
  test('as the cast of the server reads it, also where the server cannot tell beforehand what it can read', async () => {
    const texts = [...readable, ...beyondAscii]
    const expected = await cast(texts)
    expect(await read(texts, 150_000)).toEqual(expected)
    if (await serverVersion('target') >= 160_000) expect(await read(texts, 160_000)).toEqual(expected)
  })

  test('or not at all: what is broken is NULL and fails no statement', async () => {
    const told = async (version: number) => (await read(broken, version)).flatMap((value, index) => (value === null ? [] : [broken[index]]))
    expect(await told(150_000)).toEqual([])
    if (await serverVersion('target') >= 160_000) expect(await told(160_000)).toEqual([])
  })

  test('of a database that is not UTF-8 only escapes of ASCII are read', async () => {
    const escapes = ['"\\u0041"', '"\\u007f"', '"\\u0080"', '"\\u00e9"', '"\\u0100"', '"\\ud83d\\ude00"', '"\\u0000"', '[1]']
    expect((await read(escapes, 150_000, 'LATIN1')).map((value) => value !== null)).toEqual([true, true, false, false, false, false, false, true])
  })

  test('down to a depth of a thousand, and no further', async () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect((await read([nested(1000), nested(1001)], 150_000)).map((value) => value !== null)).toEqual([true, false])
  })
})

test('a text of a nondeterministic collation is read, as older servers are asked too', async () => {
  await database.sql.unsafe(`create collation whole (provider = icu, locale = 'und-u-ks-level1', deterministic = false); create table folded (v text collate whole); insert into folded values ('{"a":1}'), ('{"a":}')`).simple()
  for (const version of [150_000, 170_000]) {
    const rows = await client.unsafe<{ value: string | null }[]>(`select ${readJson('v', { version, encoding: 'UTF8' })}::text as value from folded`)
    expect(rows.map(({ value }) => value)).toEqual(['{"a": 1}', null])
  }
})
