import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sql } from 'postgres'
import { canaryStatement, judgeCanaries } from '../../src/core/canary.js'
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

  test('an unfaithful or missing hash is named', () => {
    expect(judgeCanaries([], [])).not.toEqual([])
    expect(judgeCanaries(['1'], ['2'])).not.toEqual([])
  })
})
