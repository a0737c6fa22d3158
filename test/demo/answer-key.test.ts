import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { migrate } from '../../src/db/migrate.js'
import { answerKey } from '../../src/demo/answer-key.js'
import { createDemoDatabases, type DemoDatabases } from '../../src/demo/databases.js'
import { demoPlanPath } from '../../src/demo/start.js'
import { openComparer, type Comparer, type ComparisonRun } from '../helpers/compare.js'
import { adminOptions } from '../helpers/postgres.js'

const rows = Number(process.env['DEMO_ROWS'] ?? 50_000)
const expected = answerKey(rows)

let databases: DemoDatabases
let comparer: Comparer
let run: ComparisonRun
let small: ComparisonRun

beforeAll(async () => {
  const suffix = randomBytes(6).toString('hex')
  databases = await createDemoDatabases(adminOptions(), rows, { source: `answer_legacy_${suffix}`, target: `answer_modern_${suffix}` })
  const target = openTarget({ ...databases.target, maxConnections: 1 })
  await migrate(target)
  await target.end({ timeout: 5 })
  comparer = await openComparer(databases.source, databases.target)
  const plan = await readFile(demoPlanPath, 'utf8')
  run = await comparer.compare(plan)
  // many small chunks and segments must tell the same story
  small = await comparer.compare(plan, { scanChunkPages: 7, segmentRows: 4 })
}, 180_000)

afterAll(async () => {
  await comparer.close()
  await databases.drop()
})

function oneLine({ class: rowClass, cause, reason, key, columns }: { class: string; cause: string | null; reason: string | null; key: Record<string, string | null>; columns: string[] }): string {
  return JSON.stringify([rowClass, cause, reason, Object.entries(key).sort(), columns])
}

describe('the demonstration is judged as its answer key says', () => {
  test.each(['one chunk', 'many chunks'] as const)('%s: every figure, every planted row, nothing else', (size) => {
    const found = size === 'one chunk' ? run : small
    expect(found.job).toMatchObject({ status: 'completed', verdict: 'fail', reason: null })
    expect(Object.keys(found.entities).sort()).toEqual(Object.keys(expected.entities).sort())
    for (const [name, answer] of Object.entries(expected.entities)) {
      const { verdict, accounting, note } = found.entities[name]!
      expect({ name, note, accounting }).toEqual({ name, note: null, accounting: answer.accounting })
      expect({ name, verdict }).toEqual({ name, verdict: answer.verdict })
      const totals = found.checks.filter((check) => check.entity === name && check.name === 'the total agrees').map((check) => [check.subject, check.verdict])
      expect({ name, totals: Object.fromEntries(totals) }).toEqual({ name, totals: answer.totals })
      const kept = found.differences.filter(({ entity }) => entity === name)
        .map(({ class: rowClass, cause, reason, key, columns }) => ({ class: rowClass, cause, reason, key, columns: rowClass === 'differs' ? columns.map(({ column }) => column) : [] }))
      const planted = answer.differences.filter(({ class: rowClass, cause }) => rowClass !== 'excluded' && rowClass !== 'generated' && !(rowClass === 'merged' && cause === null))
      expect(kept.map(oneLine).sort(), name).toEqual(planted.map(oneLine).sort())
    }
  })

  test('every verdict tells its evidence: all rows, in full, both snapshots; nothing passed unseen', async () => {
    const results = await comparer.tracking<{ basis: string; unseen: number; snapshots: number; timed: boolean }[]>`
      select basis, (source_total - source_rows_examined + target_total - target_rows_examined)::integer as unseen,
             num_nonnulls(source_snapshot_at, target_snapshot_at) as snapshots, duration_ms is not null as timed
      from migration_coverage.entity_result`
    expect(results).toHaveLength(2 * Object.keys(expected.entities).length)
    for (const result of results) expect(result).toEqual({ basis: 'full', unseen: 0, snapshots: 2, timed: true })
    const unseen = await comparer.tracking`select entity, name, subject from migration_coverage.check_result where verdict = 'pass' and rows_examined = 0`
    expect([...unseen]).toEqual([])
  })

  test('every table is accounted for', () => {
    const order = (left: { side: string; table: string }, right: { side: string; table: string }) => `${left.side} ${left.table}`.localeCompare(`${right.side} ${right.table}`)
    const found = run.tables.map(({ side, table, coverage, verdict, rows: totalRows, claimedOnce, unclaimed }) => ({ side, table, coverage, verdict, totalRows, claimedOnce, unclaimed }))
    const answer = expected.tables.map(({ side, table, coverage, verdict, totalRows, claimedOnce, unclaimed }) => ({ side, table: `public.${table}`, coverage, verdict, totalRows, claimedOnce, unclaimed }))
    expect(found.sort(order)).toEqual(answer.sort(order))
  })
})
