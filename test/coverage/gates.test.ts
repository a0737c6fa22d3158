import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readGates } from '../../src/coverage/gates.js'
import { openTarget } from '../../src/db/clients.js'
import { parsePlan } from '../../src/plan/load.js'
import { createTestDatabase } from '../helpers/postgres.js'
import type { TestDatabase } from '../helpers/postgres.js'
import { addColumns, addJob, addResult, addRun, addTable, buildSlices, hoursAgo, id, now, plan } from './tracking.js'

let database: TestDatabase
let target: Sql
let app: FastifyInstance

beforeEach(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  target = openTarget({ ...database.options, maxConnections: 1 })
  app = await buildSlices(target)
})
afterEach(async () => {
  await app.close()
  await target.end({ timeout: 5 })
  await database.drop()
})

const names = ['offices', 'patients', 'invoices']
/** The plan with gates, which the jobs were not yet made with. */
const withGates = (gates: string) => parsePlan(`${plan.content}gates: ${gates}\n`)
const otherPlan = parsePlan(plan.content.replace('key: { id: id }', 'key: { id: other_id }'))

/** The limits with their figures, verdicts and reasons, and the verdict of all. */
async function judge(gates: string, by = withGates(gates)) {
  const report = await readGates(target, by, now)
  return { verdict: report?.verdict, limits: report?.limits.map(({ domain, limit, measured, verdict, detail }) => [domain, limit, measured, verdict, detail]) }
}

/** A job over all entities, of which each but the named one is verified. */
async function validate(number: number, hours: number, { offices = { verified: 100 }, entities = names, ...made }: { offices?: Parameters<typeof addResult>[5]; entities?: string[]; plan?: typeof plan; crossEntity?: boolean } = {}) {
  await addJob(target, id(number), hoursAgo(hours), entities, 'completed', made)
  for (const name of entities) await addResult(target, id(number), name, name === 'invoices' ? 'billing' : 'clinical', hoursAgo(hours), name === 'offices' ? offices : { verified: 100 }, { verdict: 'unknown' })
}

describe('readGates', () => {
  it('is undefined without gates', async () => {
    expect(await readGates(target, plan, now)).toBeUndefined()
  })

  it('knows nothing before the first validation', async () => {
    const reason = 'offices was never validated; 3 of 3 entities are stale'
    expect(await readGates(target, withGates('{ minVerifiedPercent: 0, domains: { billing: { maxMissing: 9 }, archive: { maxMissing: 0 } } }'), now)).toEqual({
      verdict: 'unknown', lastValidatedAt: null,
      limits: [
        { domain: null, limit: 'minVerifiedPercent', asked: 0, measured: null, verdict: 'unknown', detail: reason },
        { domain: 'billing', limit: 'maxMissing', asked: 9, measured: null, verdict: 'unknown', detail: 'invoices was never validated' },
        { domain: 'archive', limit: 'maxMissing', asked: 0, measured: 0, verdict: 'unknown', detail: 'no entity is in it' },
      ],
    })
  })

  it('judges the figures that the routes tell, of the whole and of a domain', async () => {
    await validate(1, 10, { offices: { verified: 99_990, merged: 5, differs: 1, missing: 3, explained: 1, duplicate: 4, extra: 7 } })
    await addTable(target, id(1), hoursAgo(10), 'source', 'spare', 'uncovered', [], [0, 0, 12, 0], 'warn')
    await addTable(target, id(1), hoursAgo(10), 'target', 'offices', 'covered', ['offices'], [99, 0, 1, 0], 'fail')
    await addColumns(target, id(1), 'offices', 'source', ['compared', 'uncovered'])
    for (const name of ['patients', 'invoices']) await addColumns(target, id(1), name, 'target', ['compared', 'uncovered', 'ignored'])
    const { verdict, limits = [] } = await judge('{ minVerifiedPercent: 99.99, maxMissing: 3, maxDiffers: 0, maxDuplicate: 4, maxExtra: 7, maxUncoveredTables: 1, maxUncoveredColumns: 3, maxUncoveredRows: 12, domains: { clinical: { minVerifiedPercent: 100, maxMissing: 2 }, billing: { minVerifiedPercent: 100 } } }')
    expect(verdict).toBe('fail')
    expect(limits).toEqual([
      [null, 'minVerifiedPercent', 99.99, 'pass', '100195 of 100200 rows'], [null, 'maxMissing', 3, 'pass', null], [null, 'maxDiffers', 1, 'fail', null], [null, 'maxDuplicate', 4, 'pass', null], [null, 'maxExtra', 7, 'pass', null],
      [null, 'maxUncoveredTables', 1, 'pass', null], [null, 'maxUncoveredColumns', 3, 'pass', null], [null, 'maxUncoveredRows', 13, 'fail', null],
      ['clinical', 'minVerifiedPercent', 99.99, 'fail', '100095 of 100100 rows'], ['clinical', 'maxMissing', 3, 'fail', null], ['billing', 'minVerifiedPercent', 100, 'pass', '100 of 100 rows'],
    ])
    const summary: { overallSuccessRate: number; accounting: { source: { missing: number }; target: { extra: number } }; domainCoverage: Record<string, number>; rows: Record<'source' | 'target', { uncovered: number }> } = (await app.inject('/coverage/summary')).json()
    const measured = (domain: string | null, limit: string) => limits.find(([of, name]) => of === domain && name === limit)?.[2]
    expect([summary.overallSuccessRate, summary.accounting.source.missing, summary.accounting.target.extra, summary.rows.source.uncovered + summary.rows.target.uncovered]).toEqual(['minVerifiedPercent', 'maxMissing', 'maxExtra', 'maxUncoveredRows'].map((limit) => measured(null, limit)))
    expect([summary.domainCoverage['clinical'], summary.domainCoverage['billing']]).toEqual([measured('clinical', 'minVerifiedPercent'), measured('billing', 'minVerifiedPercent')])
  })

  it('tells nothing of an entity that could not be compared, and judges the other domain', async () => {
    await validate(1, 10, { offices: null })
    expect(await judge('{ maxMissing: 0, domains: { billing: { maxMissing: 0 } } }')).toEqual({ verdict: 'unknown', limits: [[null, 'maxMissing', null, 'unknown', 'it could not be counted'], ['billing', 'maxMissing', 0, 'pass', null]] })
  })

  it.each<[string, string, () => Promise<void>]>([
    ['are older than a day', 'the newest figures of offices are older than 24 hours', () => validate(1, 25, { entities: ['offices'] })],
    ['are from before a run of a script', 'script migrate-offices finished a run after offices was last validated', async () => {
      await validate(1, 10, { entities: ['offices'] })
      await addRun(target, id(90), 'migrate-offices', 'completed', hoursAgo(9), hoursAgo(8))
    }],
    ['are from before a job that is not over', `the newest validation of offices (job ${id(2)}) has the status running, and these figures are from before it`, async () => {
      await validate(1, 10, { entities: ['offices'] })
      await addJob(target, id(2), hoursAgo(5), ['offices'], 'running')
    }],
    ['contradict themselves', 'the comparison of offices cannot be trusted: 3 of 100 rows have other sums', async () => {
      await validate(1, 10, { entities: ['offices'] })
      await target`
        insert into migration_coverage.check_result (job_id, entity, name, category, severity, verdict, message)
        values (${id(1)}, 'offices', 'another fingerprint agrees', 'engine', 'critical', 'unknown', '3 of 100 rows have other sums')`
    }],
    ['are by another plan', 'offices was compared by another plan: validate again', () => validate(1, 10, { entities: ['offices'], plan: otherPlan })],
  ])('tells nothing with figures that %s', async (_, reason, prepare) => {
    await validate(9, 11)
    await prepare()
    // the newest is what counts: the old figures of the other job would pass
    if (reason.includes('24 hours')) await target`delete from migration_coverage.entity_result where job_id = ${id(9)} and entity = 'offices'`
    expect(await judge('{ maxMissing: 0, domains: { clinical: { maxMissing: 0 }, billing: { maxMissing: 0 } } }')).toEqual({
      verdict: 'unknown', limits: [[null, 'maxMissing', 0, 'unknown', reason], ['clinical', 'maxMissing', 0, 'unknown', reason], ['billing', 'maxMissing', 0, 'pass', null]],
    })
  })

  it('does not mind a sample that runs', async () => {
    await validate(1, 10)
    await addJob(target, id(2), hoursAgo(5), names, 'running', { mode: 'sample' })
    expect(await judge('{ maxMissing: 0 }')).toMatchObject({ verdict: 'pass' })
  })

  describe('of tables', () => {
    const uncovered = async (gates = '{ maxMissing: 0, maxUncoveredTables: 0, maxUncoveredRows: 0 }') => (await judge(gates)).limits?.slice(1).map(([, , measured, verdict, detail]) => [measured, verdict, detail])
    const addCovered = async (job: number, hours: number) => addTable(target, id(job), hoursAgo(hours), 'source', 'legacy_offices', 'covered', ['offices'], [10, 0, 0, 0], 'pass')

    it('passes after a job over all entities by this plan', async () => {
      await validate(1, 10)
      await addCovered(1, 10)
      await addTable(target, id(1), hoursAgo(10), 'target', 'offices', 'covered', ['offices'], [10, 0, 0, 0], 'pass')
      expect(await uncovered()).toEqual([[0, 'pass', null], [0, 'pass', null]])
    })

    it('knows nothing while those of one side are not known', async () => {
      await validate(1, 10)
      await addCovered(1, 10)
      expect(await uncovered()).toEqual([[null, 'unknown', 'it could not be counted'], [null, 'unknown', 'it could not be counted']])
    })

    it('needs a job that counted all of them', async () => {
      await validate(1, 10, { crossEntity: false })
      await validate(2, 9, { entities: ['offices'] })
      await addCovered(2, 9)
      const reason = 'no validation of all entities has counted the tables (includeCrossEntity)'
      expect(await uncovered()).toEqual([[null, 'unknown', reason], [null, 'unknown', reason]])
    })

    it('needs it within a day', async () => {
      await validate(1, 30)
      await addCovered(1, 30)
      await validate(2, 10, { crossEntity: false })
      expect((await uncovered())?.[0]?.[2]).toBe('the newest count of all tables is older than 24 hours')
    })

    it('needs it, and all since, by this plan', async () => {
      const reason = 'the tables were counted by another plan: validate again'
      await validate(1, 10, { plan: otherPlan })
      await addCovered(1, 10)
      await validate(2, 9, { crossEntity: false })
      expect((await uncovered())?.[0]?.[2]).toBe(reason)
      await validate(3, 8)
      await addCovered(3, 8)
      expect((await uncovered())?.[0]?.[2]).not.toBe(reason)
      // by a plan with an entity that this one does not have, so that the figures of its own entities stay
      await addJob(target, id(4), hoursAgo(7), ['elsewhere'], 'completed', { plan: otherPlan })
      expect((await uncovered())?.[0]?.[2]).toBe(reason)
    })
  })
})
