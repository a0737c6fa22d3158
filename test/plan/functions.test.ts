import { afterAll, beforeAll, expect, it } from 'vitest'
import { isRefusedFunction, isUnstableFunction } from '../../src/plan/functions.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'

let database: TestDatabase
beforeAll(async () => { database = await createTestDatabase() })
afterAll(async () => { await database.drop() })

it('knows every volatile function of the server: each is refused, or told as unstable', async () => {
  const rows = await database.sql<{ name: string; arguments: number }[]>`
    select distinct p.proname as name, p.pronargs::int as arguments
    from pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace and p.provolatile = 'v' and p.prokind = 'f'
      and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
      and not exists (select from unnest(p.proargtypes) a where a = 'internal'::regtype)`
  expect(rows.length).toBeGreaterThan(100)
  expect(rows.filter(({ name, arguments: count }) => !isRefusedFunction(name) && !isUnstableFunction(name, count)).map(({ name }) => name)).toEqual([])
})

it('lets the plain functions pass', async () => {
  for (const name of ['trim', 'btrim', 'lower', 'coalesce', 'substring', 'regexp_replace', 'to_char', 'to_jsonb', 'date_trunc', 'round', 'concat_ws', 'md5', 'encode', 'digest', 'unaccent', 'jsonb_build_object', 'my_own_function']) {
    expect(isRefusedFunction(name), name).toBe(false)
  }
})

it('refuses what looks at the catalogue, and nothing that has a similar name', async () => {
  const rows = await database.sql<{ name: string }[]>`
    select distinct proname as name from pg_proc where pronamespace = 'pg_catalog'::regnamespace and (proname ~ '^to_reg' or proname = 'regclass' or proname ~ '(^format_type|_description)$')`
  expect(rows.length).toBeGreaterThan(12)
  expect(rows.filter(({ name }) => !isRefusedFunction(name)).map(({ name }) => name)).toEqual([])
  expect(['to_region', 'regexp_match', 'region'].filter(isRefusedFunction)).toEqual([])
})
