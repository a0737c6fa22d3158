import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../helpers/cli.js'
import { createPair, createJobOver, type Pair } from '../helpers/compare.js'
import { createTestDatabase } from '../helpers/postgres.js'
import { databaseEnvironment } from '../helpers/service.js'

const plan = `version: 1
domains: { core: {}, money: {} }
entities:
  people:
    domain: core
    source: { table: person }
    target: { table: people }
    key: { id: id }
    same: [name]
  invoices:
    domain: money
    source: { table: invoice }
    target: { table: invoices }
    key: { id: id }
    same: [amount]
`
const strict = 'gates: { minVerifiedPercent: 100, maxMissing: 0, maxUncoveredTables: 0, domains: { money: { minVerifiedPercent: 100, maxDiffers: 0 } } }\n'

let pair: Pair
let directory: string
let environment: Record<string, string>
const file = () => join(directory, 'plan.yaml')

beforeAll(async () => {
  pair = await createPair({
    source: `create table person (id int primary key, name text); insert into person select n, 'p' || n from generate_series(1, 20000) n;
      create table invoice (id int primary key, amount numeric); insert into invoice select n, n from generate_series(1, 5) n`,
    target: `create table people (id int primary key, name text); insert into people select n, 'p' || n from generate_series(1, 20000) n;
      create table invoices (id int primary key, amount numeric); insert into invoices select n, n from generate_series(1, 5) n`,
  })
  directory = await mkdtemp(join(tmpdir(), 'gate-'))
  environment = databaseEnvironment({ source: pair.source.options, target: pair.target.options }, file())
})
afterAll(async () => {
  await Promise.all([pair.close(), rm(directory, { recursive: true })])
})

/** What `migration-coverage gate` prints and ends with, over a plan. */
async function gate(text: string, args: string[] = [], changed: Record<string, string> = {}) {
  await writeFile(file(), text)
  const { code, output, errors } = await runCommand(['gate', ...args], { ...environment, ...changed }, directory)
  return { code, output: output.replace(/\S+Z$/m, 'AT'), errors: errors.replaceAll(file(), 'plan.yaml') }
}

describe('migration-coverage gate', () => {
  it('ends with 2 before anything was compared', async () => {
    expect(await gate(`${plan}gates: { maxMissing: 0 }\n`)).toEqual({
      code: 2, errors: '', output: 'whole migration\n  unknown  maxMissing 0: not known (people was never validated; 2 of 2 entities are stale)\ngate unknown: of 1 limit, 0 passed, 0 failed, 1 unknown; never validated\n',
    })
  })

  it('ends with 0 when all limits hold, also those written after the comparison', async () => {
    await pair.compare(plan)
    expect(await gate(plan + strict)).toEqual({
      code: 0, errors: '',
      output: [
        'whole migration', '  pass     minVerifiedPercent 100: 100 % (20005 of 20005 rows)', '  pass     maxMissing 0: 0', '  pass     maxUncoveredTables 0: 0',
        'domain money', '  pass     minVerifiedPercent 100: 100 % (5 of 5 rows)', '  pass     maxDiffers 0: 0',
        'gate pass: of 5 limits, 5 passed, 0 failed, 0 unknown; last validated AT', '',
      ].join('\n'),
    })
  })

  it('ends with 1 for one row of 20,005, and says what was measured', async () => {
    await pair.target.sql`delete from people where id = 7`
    await pair.target.sql`create table stray (id int)`
    await pair.compare(plan)
    const { code, output } = await gate(plan + strict)
    expect(output).toBe([
      'whole migration', '  fail     minVerifiedPercent 100: 99.99 % (20004 of 20005 rows)', '  fail     maxMissing 0: 1', '  fail     maxUncoveredTables 0: 1',
      'domain money', '  pass     minVerifiedPercent 100: 100 % (5 of 5 rows)', '  pass     maxDiffers 0: 0',
      'gate fail: of 5 limits, 2 passed, 3 failed, 0 unknown; last validated AT', '',
    ].join('\n'))
    expect(code).toBe(1)
    const json = await gate(`${plan}gates: { maxMissing: 1, domains: { core: { maxMissing: 0 } } }\n`, ['--format', 'json'])
    expect(JSON.parse(json.output)).toEqual({
      verdict: 'fail', lastValidatedAt: expect.stringMatching(/Z$/),
      limits: [{ domain: null, limit: 'maxMissing', asked: 1, measured: 1, verdict: 'pass', detail: null }, { domain: 'core', limit: 'maxMissing', asked: 0, measured: 1, verdict: 'fail', detail: null }],
    })
    expect(json.code).toBe(1)
    expect(await gate(`${plan}gates: { minVerifiedPercent: 99.99, maxMissing: 1, maxUncoveredTables: 1 }\n`)).toMatchObject({ code: 0 })
  })

  it('ends with 2 for figures of another plan', async () => {
    const { code, output } = await gate(`${plan.replace('same: [amount]', 'ignore: { source: { amount: unused }, target: { amount: unused } }')}${strict}`)
    expect(output).toContain('domain money\n  unknown  minVerifiedPercent 100: 100 % (invoices was compared by another plan: validate again)\n')
    expect(code).toBe(2)
  })

  it('ends with 2 for an entity that could not be compared, and after a job that failed', async () => {
    await pair.compare(plan.replace('same: [amount]', 'same: [amuont]'))
    const money = 'gates: { domains: { money: { minVerifiedPercent: 50 }, core: { maxMissing: 1 } } }\n'
    expect(await gate(plan.replace('same: [amount]', 'same: [amuont]') + money)).toMatchObject({ code: 2, output: expect.stringMatching(/^domain money\n {2}unknown {2}minVerifiedPercent 50: 0 % \(0 of 5 rows; 5 pending or unverified rows can decide it either way\)\ndomain core\n {2}pass {5}maxMissing 1: 1\ngate unknown: /) })
    await pair.compare(plan)
    expect(await gate(plan + money)).toMatchObject({ code: 0 })
    const jobId = await createJobOver(pair.tracking, pair.queue, plan, { entities: ['people'] })
    await pair.tracking`update migration_coverage.job set status = 'failed', reason_code = 'SOURCE_UNAVAILABLE', reason = 'gone', finished_at = now() where job_id = ${jobId}`
    expect(await gate(plan + money)).toMatchObject({ code: 2, output: expect.stringContaining(`(the newest validation of people (job ${jobId}) has the status failed, and these figures are from before it)`) })
  })

  it('ends with 2 without gates, saying what to write, and for whatever else keeps it from judging', async () => {
    expect(await gate(plan)).toEqual({
      code: 2, output: '', errors: 'plan.yaml has no `gates`: write what must hold, for example\ngates: { minVerifiedPercent: 100, maxMissing: 0, maxDiffers: 0, maxExtra: 0, maxUncoveredTables: 0 }\ngate unknown: nothing was judged\n',
    })
    expect(await gate(`${plan}gates: { domains: { mony: { maxMissing: 0 } } }\n`)).toMatchObject({ code: 2, output: '', errors: expect.stringContaining('did you mean `money`?') })
    expect(await gate(plan + strict, ['--format', 'yaml'])).toMatchObject({ code: 2, output: '', errors: expect.stringContaining('Allowed choices are text, json') })
    expect(await gate(plan + strict, ['nowhere.yaml'])).toMatchObject({ code: 2, output: '', errors: expect.stringContaining('nowhere.yaml') })
    expect(await gate(plan + strict, ['--help'])).toMatchObject({ code: 0, output: expect.stringContaining('2 when nobody can tell') })
    expect(await gate(plan + strict, [], { TARGET_DB_PORT: '1' })).toMatchObject({ code: 2, output: '', errors: expect.stringContaining('ECONNREFUSED') })
    const empty = await createTestDatabase()
    expect(await gate(plan + strict, [], { TARGET_DB_NAME: empty.options.database })).toMatchObject({ code: 2, output: '', errors: expect.stringContaining('the tracking schema lacks ') })
    await empty.drop()
  })
})
