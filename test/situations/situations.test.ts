import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSource, openTargetReader } from '../../src/db/clients.js'
import { parsePlan } from '../../src/plan/load.js'
import { checkPlanAgainst } from '../../src/plan/preflight.js'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { expectCase, planOf, runCases } from '../validation/cases.js'
import { casesOf, groups } from './all.js'
import { planTextOf } from './situation.js'

/** The situations of a group and their twins as one job over both databases; each is a test of its own. */
describe.each(groups.map((group) => ({ group })))('$group.0.id …', ({ group }) => {
  const cases = casesOf(group)
  let pair: Pair
  let run: ComparisonRun
  beforeAll(async () => {
    pair = await createPair()
    run = await runCases(pair, cases)
  })
  afterAll(() => pair.close())

  for (const { id, says, story, twins } of group) {
    describe(id, () => {
      for (const one of [story, ...twins]) test(one.name, () => { expectCase(run, one, cases.indexOf(one)) })
      test('the plan says so', () => {
        for (const piece of says) expect(planTextOf(story)).toContain(piece)
      })
    })
  }

  test('S30: every verdict says what it rests on', async () => {
    const results = await pair.tracking<{ entity: string; basis: string; source: number; target: number; note: string | null; seen: number; ms: number }[]>`
      select entity, basis, source_rows_examined as source, target_rows_examined as target, note, num_nonnulls(source_snapshot_at, target_snapshot_at) as seen, duration_ms as ms
      from migration_coverage.entity_result order by entity`
    expect(results).toHaveLength(Object.keys(run.entities).length)
    for (const { entity, basis, source, target, note, seen, ms } of results) {
      const { accounting } = run.entities[entity]!
      const isCompared = run.checks.find((check) => check.entity === entity && check.name === 'the plan fits both databases')?.verdict !== 'unknown'
      const unread = run.differences.filter((one) => one.entity === entity && one.cause === 'cannot be read').length
      expect({ entity, basis, source, target, seen, note: note ?? '' }).toEqual({
        entity, basis: isCompared ? 'full' : 'none', source: isCompared ? (accounting.source.total ?? 0) - unread : 0, target: isCompared ? accounting.target.total : 0, seen: isCompared ? 2 : 0,
        note: isCompared && unread === 0 ? '' : expect.stringMatching(/.{10}/),
      })
      expect(ms).toBeGreaterThanOrEqual(0)
    }
    expect([...await pair.tracking`select entity, name, subject from migration_coverage.check_result where verdict = 'pass' and rows_examined = 0`]).toEqual([])
  })

  test('S30: neither a cap on what is kept nor the size of chunks and segments changes a figure', async () => {
    const capped = await pair.compare(planOf(cases), { maxStoredDifferences: 1, scanChunkPages: 8, segmentRows: 16 })
    const figures = ({ entities }: ComparisonRun) => Object.fromEntries(Object.entries(entities).map(([name, { verdict, accounting, causes }]) => [name, { verdict, accounting, causes: causes.map((cause) => JSON.stringify(cause)).sort() }]))
    expect(figures(capped)).toEqual(figures(run))
    expect(new Set(capped.differences.map(({ entity }) => entity)).size).toBe(capped.differences.length)
  })

  test('S29: the plan check tells before a run what the job would leave unknown', async () => {
    const clients = { source: openSource({ ...pair.source.options, maxConnections: 2 }), target: openTargetReader({ ...pair.target.options, maxConnections: 2 }) }
    const { faults, specs, tables } = await checkPlanAgainst(parsePlan(planOf(cases)), clients.source, clients.target)
    await Promise.all(Object.values(clients).map((client) => client.end({ timeout: 5 })))
    const refused = faults.filter(({ severity }) => severity === 'critical')
    expect(refused.every(({ line, message }) => line !== null && message.length > 10)).toBe(true)
    const planned = run.checks.filter(({ name, verdict }) => name === 'the plan fits both databases' && verdict === 'unknown').map(({ entity }) => entity)
    expect([...new Set(refused.map(({ entity }) => entity))].sort()).toEqual(planned)
    expect(Object.keys(run.entities).filter((entity) => !specs.has(entity))).toEqual(planned)
    const uncovered = (list: readonly { side: string; table: string; coverage: string }[], schema: string) => list.filter(({ coverage }) => coverage === 'uncovered').map(({ side, table }) => `${side} ${schema}${table}`).sort()
    expect(uncovered(tables, 'public.')).toEqual(uncovered(run.tables, ''))
  })
})
