import { randomBytes } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerKey, type PlantedDifference } from '../../src/demo/answer-key.js'
import { createDemoDatabases, type DemoDatabases } from '../../src/demo/databases.js'
import { recordRuns } from '../../src/demo/scripts.js'
import { demoPlanPath } from '../../src/demo/start.js'
import { demoSizes } from '../../src/demo/sizes.js'
import { loadPlanFile } from '../../src/plan/load.js'
import { adminOptions, createTestDatabase, openAdmin } from '../helpers/postgres.js'
import { importLegacy, joinEntity } from './full-join.js'

// the full size is checked by hand: DEMO_ROWS=250000 npx vitest run test/demo
const rows = Number(process.env.DEMO_ROWS ?? 5_000)
const { plan, faults } = await loadPlanFile(demoPlanPath)
const expected = answerKey(rows)
const names = Object.keys(expected.entities)

interface Build {
  databases: DemoDatabases
  legacy: Sql
  modern: Sql
}

let build: Build
let twin: Build

beforeAll(async () => {
  // at once, as two test files may: the roles belong to the whole server
  ;[build, twin] = await Promise.all([newBuild(), newBuild()])
})

afterAll(async () => {
  await Promise.all([dropBuild(build), dropBuild(twin)])
})

async function newBuild(): Promise<Build> {
  const suffix = randomBytes(6).toString('hex')
  const databases = await createDemoDatabases(adminOptions(), rows, { source: `demo_legacy_${suffix}`, target: `demo_modern_${suffix}` })
  const open = (database: string) => openAdmin({ ...adminOptions(), database })
  return { databases, legacy: open(databases.source.database), modern: open(databases.target.database) }
}

async function dropBuild({ databases, legacy, modern }: Build): Promise<void> {
  await Promise.all([legacy.end(), modern.end()])
  await databases.drop()
}

async function tablesOf(sql: Sql): Promise<string[]> {
  const found = await sql<{ name: string }[]>`select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`
  return found.map(({ name }) => name)
}

async function countsOf(sql: Sql): Promise<Record<string, number>> {
  const counts = await Promise.all((await tablesOf(sql)).map(async (name) => {
    const [row] = await sql<{ n: number }[]>`select count(*)::integer as n from ${sql(name)}`
    return [name, row?.n ?? -1] as const
  }))
  return Object.fromEntries(counts)
}

async function checksumsOf(sql: Sql): Promise<Record<string, string>> {
  const sums = await Promise.all((await tablesOf(sql)).map(async (name) => {
    const [row] = await sql.unsafe<{ sum: string }[]>(`select md5(coalesce(string_agg(t::text, e'\\n' order by t::text collate "C"), '')) as sum from "${name}" t`)
    return [name, row?.sum ?? ''] as const
  }))
  return Object.fromEntries(sums)
}

const byKey = (differences: PlantedDifference[]) =>
  [...differences].map(({ columns, ...rest }) => ({ ...rest, columns: [...columns].sort() })).sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))

describe('the demonstration data', () => {
  it('is the same in two builds', async () => {
    expect(await checksumsOf(twin.legacy)).toEqual(await checksumsOf(build.legacy))
    expect(await checksumsOf(twin.modern)).toEqual(await checksumsOf(build.modern))
  })

  it('has exactly the asked number of source rows', async () => {
    const counts = await countsOf(build.legacy)
    expect(Object.values(counts).reduce((sum, n) => sum + n, 0)).toBe(rows)
    expect(expected.sourceRows).toBe(rows)
  })

  it('has the tables and row counts of the answer key, and no others', async () => {
    for (const [side, sql] of [['source', build.legacy], ['target', build.modern]] as const) {
      const told = expected.tables.filter((table) => table.side === side).map(({ table, totalRows }) => [table, totalRows])
      expect(await countsOf(sql)).toEqual(Object.fromEntries(told))
    }
  })

  it('gives the source role nothing but reading', async () => {
    const [role] = await build.legacy<{ super: boolean; selects: boolean; writes: boolean; creates: boolean; temporary: boolean }[]>`
      select (select rolsuper from pg_roles where rolname = 'legacy_reader') as super,
             bool_and(has_table_privilege('legacy_reader', oid, 'select')) as selects,
             bool_or(has_table_privilege('legacy_reader', oid, 'insert, update, delete, truncate')) as writes,
             has_schema_privilege('legacy_reader', 'public', 'create') as creates,
             has_database_privilege('legacy_reader', current_database(), 'temporary') as temporary
        from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`
    expect(role).toEqual({ super: false, selects: true, writes: false, creates: false, temporary: false })
  })

  it('lets both roles in with the options it returns', async () => {
    for (const options of [build.databases.source, build.databases.target]) {
      const sql = openAdmin(options)
      try {
        expect((await sql`select current_user as name`)[0]?.name).toBe(options.user)
      } finally {
        await sql.end()
      }
    }
  })

  it('refuses fewer rows than its defects need', () => {
    expect(() => demoSizes(4_999)).toThrow('at least 5000')
    expect(() => demoSizes(6_000.5)).toThrow('whole number')
  })
})

describe('the plan', () => {
  it('is free of faults, warnings included', () => {
    expect(faults).toEqual([])
  })

  it('names the entities and domains of the answer key', () => {
    const withDomain = (entities: Record<string, { domain: string }>) => Object.entries(entities).map(([name, { domain }]) => `${domain} ${name}`).sort()
    expect(withDomain(plan.entities)).toEqual(withDomain(expected.entities))
    expect([...new Set(Object.values(plan.entities).map(({ domain }) => domain))].sort()).toEqual(['business', 'clinical', 'communications', 'technical'])
  })

  it('leaves only fax_queue and feature_flag uncovered', () => {
    const uncovered = expected.tables.filter(({ coverage }) => coverage === 'uncovered')
    expect(uncovered.map(({ side, table }) => `${side} ${table}`)).toEqual(['source fax_queue', 'target feature_flag'])
  })

  it('has clean entities in every domain', () => {
    const clean = Object.values(expected.entities).filter(({ verdict }) => verdict === 'pass')
    expect(clean.length).toBeGreaterThanOrEqual(5)
    expect(new Set(clean.map(({ domain }) => domain)).size).toBe(4)
  })
})

describe('the planted defects, by plain full joins', () => {
  beforeAll(async () => {
    await importLegacy(build.modern, { ...build.databases.source })
  })

  it.each(names)('%s', async (name) => {
    const joined = await joinEntity(build.modern, plan, name)
    const answer = expected.entities[name]
    if (answer === undefined) throw new Error(name)
    expect(byKey(joined.differences)).toEqual(byKey(answer.differences))
    const told = Object.entries(answer.totals).map(([subject, verdict]) => [subject, verdict === 'pass'])
    expect(joined.totals).toEqual(Object.fromEntries(told))
    expect({ source: joined.sourceTotal, target: joined.targetTotal, verified: joined.verified })
      .toEqual({ source: answer.accounting.source.total, target: answer.accounting.target.total, verified: answer.accounting.source.verified })
  })

  it('leaves six accounts, twenty-four reminders and two partners to no entity', async () => {
    const [row] = await build.modern<{ accounts: number; reminders: number; partners: number }[]>`
      select (select count(*)::integer from legacy.app_user where kind not in ('staff', 'portal')) as accounts,
             (select count(*)::integer from legacy.reminder where sent_at < '2021-01-01') as reminders,
             (select count(*)::integer from business_partners where origin not in ('supplier', 'laboratory')) as partners`
    expect(row).toEqual({ accounts: 6, reminders: 24, partners: 2 })
  })
})

describe('the recorded runs', () => {
  it('are the same however often they are recorded', async () => {
    const tracking = await createTestDatabase({ template: 'tracking' })
    try {
      const recorded = await recordRuns(tracking.sql, rows)
      expect(recorded).toBeGreaterThanOrEqual(14)
      expect(await recordRuns(tracking.sql, rows)).toBe(0)
      const states = await tracking.sql<{ script: string; status: string }[]>`
        select distinct on (script) script, status from migration_coverage.script_run order by script, started_at desc, run_id`
      const known = Object.keys(plan.scripts ?? {})
      expect(known.filter((script) => !states.some((state) => state.script === script))).toEqual(['remove-landing-schema'])
      expect(states.filter(({ status }) => status !== 'completed')).toEqual([{ script: 'migrate-messages', status: 'failed' }])
      expect(states.filter(({ script }) => !known.includes(script))).toEqual([])
    } finally {
      await tracking.drop()
    }
  })
})
