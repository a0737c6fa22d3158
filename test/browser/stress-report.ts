import type { Accounting, Count } from '../../src/core/accounting.js'
import { uniformAccounting } from '../../src/core/accounting.js'
import { classPercents } from '../../src/core/covered.js'
import type { Report } from '../../src/reports/schemas.js'

const names = [
  '<script>document.title = "run"</script>', '<img src=x onerror="document.title=1">', '"&\'</svg></style>', '\u202etxt.exe', 'שלום עולם לקוחות ישנים ומשפחותיהם', 'العملاء القدامى والجدد في كل الفروع',
  '患者と診療記録の移行対象テーブル一覧', '👩‍🔬👨‍👩‍👧‍👦🏴‍☠️🇩🇪👍🏽 staff of the laboratory', 'a'.repeat(300), 'two words '.repeat(30), '', '-',
]

const accounting = (figures: Partial<Accounting['source']>, target: Partial<Accounting['target']> = {}): Accounting => ({
  source: { ...uniformAccounting(0).source, ...figures }, target: { ...uniformAccounting(0).target, ...target },
})

const kinds: Accounting[] = [
  accounting({ total: 1_000_000, scope: 1_000_000, verified: 999_999, missing: 1 }, { total: 999_999, matched: 999_999 }),
  uniformAccounting(null),
  accounting({}),
  accounting({ total: 9e15, scope: 8e15, excluded: 1e15, verified: 1e15, merged: 1e15, accepted: 1e15, explained: 1e15, pending: 1e15, unverified: 1e15, differs: 1e15, missing: 1e15 }, { total: 6e15, matched: 1e15, generated: 1e15, pending: 1e15, unverified: 1e15, duplicate: 1e15, extra: 1e15 }),
  accounting({ total: 10, scope: 10, verified: 4, missing: null, differs: null, unverified: 1 }, { total: null }),
  accounting({ total: 7, excluded: 7, scope: 0 }, { total: 1, extra: 1 }),
]

const time = (minute: number) => new Date(Date.UTC(2026, 10, 1, 0, minute)).toISOString()
const percent = (value: Count) => value

/** Everything that a report may have to show at its worst: 60 entities, hostile and foreign names, figures that were not counted, of 0 and of quadrillions. */
export function stressReport(): Report {
  const entities = Array.from({ length: 60 }, (_, index) => ({
    entity: names[index] ?? `entity_${index}`, domain: names[index % names.length]!, verdict: (['pass', 'warn', 'unknown', 'fail'] as const)[index % 4]!,
    coveragePercent: index % 6 === 1 ? null : percent(99.99), arrivedPercent: null, accounting: kinds[index % kinds.length]!, uncoveredColumns: { source: index, target: null },
  }))
  const scripts = names.map((name, index) => ({
    name, domains: [name], status: 'rolled_back' as const, drift: 'unknown' as const, recordsProcessed: index, recordsFailed: null, successRate: null, lastStartedAt: time(index), lastFinishedAt: null,
  }))
  return {
    type: 'detailed', domain: names[0]!, includeDetails: true, generatedAt: time(10_000), planChecksum: 'f'.repeat(64),
    figures: {
      verdict: 'unknown', coveragePercent: null, arrivedPercent: null, totalRecords: null, migratedRecords: null, verifiedRecords: null, entities: { total: 60, validated: 50, counted: 50 },
      tables: { total: 2, covered: 0, ignored: 0, uncovered: 2 }, columns: { total: 1, compared: 0, read: 0, ignored: 0, uncovered: 1 },
      rows: { source: { claimed: 9e15, ignored: 0, unclaimed: 9e15 }, target: { claimed: null, ignored: null, unclaimed: null } }, classPercents: classPercents(kinds[3]!), oldestResultAt: null, newestResultAt: null, accounting: kinds[3]!,
    },
    domains: names.map((domain, index) => ({ domain, priority: 'low', verdict: 'fail', entities: 1, entitiesCounted: 0, coveragePercent: null, arrivedPercent: 12.5, accounting: kinds[index % kinds.length]! })),
    trend: {
      days: 30, snapshots: 2, omitted: 0, direction: 'stable', points: [0, 9000].map((minute) => ({ at: time(minute), verifiedPercent: 99.99, arrivedPercent: 100, totalRecords: 9e15, migratedRecords: 1, verifiedRecords: 1 })),
      fit: { snapshots: 2, slopePerDay: 0, slopeLow: -1, slopeHigh: 1, band: [0, 9000].map((minute) => ({ at: time(minute), verifiedPercent: 99.99, low: 0, high: 100 })) },
    },
    accounting: { total: kinds[3]!, entities },
    checks: {
      total: 1e12, passed: 1e12 - 1, warned: 0, failed: 1, unknown: 0, omitted: 0,
      notPassed: names.map((name) => ({ entity: name, name, subject: name, category: 'engine', severity: 'info', verdict: 'fail', message: name, rowsExamined: null, rowsFailed: 9e15 })),
    },
    tables: {
      unclaimedSourceRows: null, unclaimedTargetRows: 0, counts: { source: { covered: 0, ignored: 0, uncovered: 12 }, target: { covered: 0, ignored: 0, uncovered: 0 } }, omitted: 3,
      tables: names.map((name, index) => ({
        side: 'source', schema: name, table: name, coverage: 'uncovered', reason: name, entities: [name, name], totalRows: 9e15, claimedOnce: 0, claimedSeveral: 0, unclaimed: index % 3 === 0 ? null : 10 ** index,
        ignoredRows: 0, error: name, verdict: 'fail',
      })),
    },
    scripts,
    runs: { omitted: 5, runs: names.flatMap((script, index) => [time(index), time(index * 700)].map((startedAt) => ({ script, status: 'running' as const, startedAt, finishedAt: null, recordsProcessed: 0, recordsFailed: 0, message: script }))) },
  }
}
