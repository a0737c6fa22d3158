import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sql } from 'postgres'
import { canaryStatement, judgeCanaries } from '../../src/core/canary.js'
import { canonicalHash, canonicalOf, canonicalValue } from '../../src/core/canonical.js'
import { openSource } from '../../src/db/clients.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'

let databases: { utf8: TestDatabase; latin1: TestDatabase }
let clients: { utf8: Sql; latin1: Sql }

beforeAll(async () => {
  databases = { utf8: await createTestDatabase(), latin1: await createTestDatabase({ server: 'source', encoding: 'LATIN1', locale: 'C' }) }
  clients = { utf8: openSource(databases.utf8.options), latin1: openSource(databases.latin1.options) }
})

afterAll(async () => {
  await Promise.all([clients.utf8.end({ timeout: 5 }), clients.latin1.end({ timeout: 5 })])
  await Promise.all([databases.utf8.drop(), databases.latin1.drop()])
})

async function hashes(sql: Sql, recode: boolean): Promise<string[]> {
  return (await sql.unsafe<{ hash: string }[]>(canaryStatement(recode))).map(({ hash }) => hash)
}

describe('canaries', () => {
  test('values that differ hash differently, values that are equal hash alike', async () => {
    const found = await hashes(clients.utf8, false)
    expect(judgeCanaries(found, found)).toEqual([])
  })

  test('servers of different encodings agree once text is hashed by its UTF-8 bytes, and only then', async () => {
    expect(judgeCanaries(await hashes(clients.utf8, true), await hashes(clients.latin1, true))).toEqual([])
    expect(judgeCanaries(await hashes(clients.utf8, false), await hashes(clients.latin1, false))).toEqual(['text: the two servers hash the same value differently'])
  })

  test.each([
    // signs, orders of magnitude of PostgreSQL's own digits, and what its hash takes for the seed alone
    ['numeric', ['0', '1', '-1', '3', '30000', '300000000', '0.0003', '5', '-5', 'NaN', 'Infinity', '-Infinity', '1e300', '-1e300']],
    // 64 bits that its hash folds to the same 32: both halves differ in the same bit, or one is the complement of the other
    ['timestamp', ['2000-01-01', '2000-01-01 01:11:34.967297', '2000-01-01 00:00:00.000001', '2000-01-01 01:11:34.967296', '1999-12-31 23:59:59.999999', 'infinity', '-infinity', '0044-03-15 BC']],
    ['timestamptz', ['2000-01-01', '2000-01-01 01:11:34.967297', '2000-01-01 00:00:00.000001', '2000-01-01 01:11:34.967296', '1999-12-31 23:59:59.999999', 'infinity', '-infinity', '0044-03-15 BC']],
    ['date', ['2000-01-01', '2000-01-02', '1999-12-31', 'infinity', '-infinity', '0044-03-15 BC', '5874897-12-31']],
  ])('hashes of %s tell apart what the hash of an index does not', async (type, values) => {
    const info = { name: type, base: type, kind: 'b' as const, element: null }
    const choice = canonicalOf(info)
    if ('refused' in choice) throw new Error(choice.refused)
    const hash = (value: string) => canonicalHash(choice.kind, canonicalValue(choice.kind, type, `'${value}'::${type}`), 42n, false)
    const [row] = await clients.utf8.unsafe<Record<string, string>[]>(`select ${values.map((value, index) => `${hash(value)} as h${index}`).join(', ')}`)
    expect(new Set(values.map((_, index) => row![`h${index}`])).size).toBe(values.length)
  })

  test.each([false, true])('NULL has no hash, whatever the kind (encodings that differ: %s)', async (recode) => {
    const types = ['int4', 'int8', 'numeric', 'float4', 'float8', 'text', 'bpchar', 'bool', 'uuid', 'bytea', 'jsonb', '_text', 'point', 'date', 'timestamp', 'timestamptz', 'interval']
    const hashes = types.map((type) => {
      const choice = canonicalOf({ name: type, base: type, kind: 'b', element: type === '_text' ? { name: 'text', base: 'text', kind: 'b', element: null } : null })
      if ('refused' in choice) throw new Error(choice.refused)
      return canonicalHash(choice.kind, canonicalValue(choice.kind, type, `null::${type}`), 42n, recode)
    })
    const [row] = await clients.utf8.unsafe<{ hashes: string }[]>(`select num_nonnulls(${hashes.join(', ')}) as hashes`)
    expect(row).toEqual({ hashes: '0' })
  })

  test('an unfaithful or missing hash is named', () => {
    expect(judgeCanaries([], [])).not.toEqual([])
    expect(judgeCanaries(['1'], ['2'])).not.toEqual([])
  })
})
