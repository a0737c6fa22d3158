import { accountingVerdict, brokenLaws, uniformAccounting, verifiedPercent, worstVerdict, type Accounting, type Verdict } from '../core/accounting.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { CheckResult } from './outcomes.js'
import type { Tally } from './tally.js'
import type { Counted } from './unkeyed.js'

/** What is known of the rows of a side by their number. */
export interface SideCounts {
  /** as the pass saw them, and of those without a key as they were seen last */
  counted: Counted
  /** rows that were read again, as the pass saw them: keyed ones in suspicious segments, and merged ones */
  reread: number
  /** the same as the last readings saw them */
  settled: number
}

/**
 * The accounting of an entity that was read in full: totals from the bare counts of the pass, corrected by what was read again, classes
 * each counted by itself. The laws are asserted here and are CHECK constraints where it is stored.
 * @throws Error when a law does not hold: a fault of ours, never a figure
 */
export function accountEntity(source: SideCounts, target: SideCounts, tally: Tally): Accounting {
  const accounting: Accounting = {
    source: {
      total: source.counted.rows - source.reread + source.settled,
      excluded: source.counted.excluded.reduce((total, rows) => total + rows, 0),
      scope: source.counted.scope - source.reread + source.settled,
      verified: tally.verified, accepted: tally.accepted, differs: tally.differs, merged: tally.merged,
      explained: tally.source.explained, pending: tally.source.pending, missing: tally.source.missing, unverified: tally.source.unverified,
    },
    target: {
      total: target.counted.rows - target.reread + target.settled,
      matched: tally.verified + tally.accepted + tally.differs, duplicate: tally.target.duplicate, generated: tally.target.generated,
      pending: tally.target.pending, extra: tally.target.extra, unverified: tally.target.unverified,
    },
  }
  const broken = brokenLaws(accounting)
  if (broken.length > 0) throw new Error(`the accounting does not add up: ${broken.join('; ')}`)
  return accounting
}

/** The accounting of an entity that could not be compared: what was counted is unverified, everything else is not known. */
export function accountUncompared(counted: { rows: number | null; scope: number | null; targetRows: number | null }): Accounting {
  const accounting = uniformAccounting(null)
  const { rows, scope, targetRows } = counted
  if (rows !== null && scope !== null) {
    accounting.source = { ...uniformAccounting(0).source, total: rows, excluded: rows - scope, scope, unverified: scope }
  }
  if (targetRows !== null) accounting.target = { ...uniformAccounting(0).target, total: targetRows, unverified: targetRows }
  return accounting
}

/** One check for each way in which the rows of an entity can be wrong, with its evidence. None found proves nothing beside rows of which nothing is known. */
export function accountingChecks(entity: string, accounting: Accounting, evidence: { rowsExamined: number; durationMs: number; full: boolean }, note: string | null): CheckResult[] {
  const { source, target } = accounting
  const check = (name: string, severity: CheckResult['severity'], rows: number | null, bad: Verdict, good: string, badMessage: (rows: number) => string, unknown = 0): CheckResult => {
    const [verdict, message]: [Verdict, string] = rows === null ? ['unknown', note ?? 'could not be counted'] : rows > 0 ? [bad, badMessage(rows)]
      : unknown > 0 ? ['unknown', evidence.full ? `0 rows were found, and of ${rowsOf(unknown)} nothing is known` : (note ?? 'a sample of the keys cannot tell')] : evidence.rowsExamined === 0 ? ['warn', '0 rows were examined'] : ['pass', good]
    return { entity, name, subject: '', category: 'accounting', severity, rowsExamined: evidence.rowsExamined, rowsFailed: rows, durationMs: evidence.durationMs, verdict, message, evidence: { full: evidence.full } }
  }
  const rowsOf = (count: number) => `${count} ${count === 1 ? 'row' : 'rows'}`
  const unknownAt = ({ unverified, pending }: { unverified: number | null; pending: number | null }) => (unverified ?? 0) + (pending ?? 0)
  const [ofSource, ofTarget] = [unknownAt(source), unknownAt(target)]
  const unproven = source.unverified === null || source.pending === null || target.unverified === null || target.pending === null
    ? null : source.unverified + source.pending + target.unverified + target.pending
  return [
    check('no row is missing', 'critical', source.missing, 'fail', 'every source row in scope has a target row', (count) => `${rowsOf(count)} of the source did not arrive`, ofSource),
    check('no row differs', 'critical', source.differs, 'fail', 'every paired row is equal', (count) => `${rowsOf(count)} arrived with other values`, ofSource),
    check('no row is duplicated', 'critical', target.duplicate, 'fail', 'no target row stands for a key twice', (count) => `${rowsOf(count)} of the target ${count === 1 ? 'repeats' : 'repeat'} a key`, ofTarget),
    check('no row is extra', 'critical', target.extra, 'fail', 'every target row has a source row or a declared reason', (count) => `${rowsOf(count)} of the target ${count === 1 ? 'has' : 'have'} no source row`, ofTarget),
    check('every row was compared', 'critical', unproven, 'unknown', 'no row was left unread or keeps changing', (count) => note ?? `${rowsOf(count)} could not be compared`),
    check('no row is accepted with another value', 'info', source.accepted, 'warn', 'no row needed a declared other value', (count) => `${rowsOf(count)} ${count === 1 ? 'holds' : 'hold'} a declared other value`),
    check('no row needs an explanation', 'info', source.explained, 'warn', 'no row is absent for a declared reason', (count) => `${rowsOf(count)} ${count === 1 ? 'is' : 'are'} absent for a declared reason`),
    {
      entity, name: 'the scope is not empty', subject: '', category: 'accounting', severity: 'warning', rowsExamined: source.total, rowsFailed: null,
      durationMs: evidence.durationMs, verdict: source.scope === null ? 'unknown' : source.scope === 0 ? 'warn' : 'pass',
      message: source.scope === null ? (note ?? 'the scope could not be counted') : source.scope === 0 ? '0 rows are in scope: nothing was proved'
        : `${rowsOf(source.scope)} in scope of ${rowsOf(source.total ?? 0)} claimed, ${verifiedPercent(accounting)} % verified`,
      evidence: { full: evidence.full },
    },
  ]
}

/** The verdict of an entity: the worst of its figures and its checks. */
export function entityVerdict(accounting: Accounting, checks: readonly Verdict[]): Verdict {
  return worstVerdict([accountingVerdict(accounting), ...checks])
}

/** What the declared exclusions took out of the claimed rows. */
export function excludedByReason(spec: ComparisonSpec, { excluded }: Counted): { class: string; side: 'source'; label: string; rows: number }[] {
  return spec.source.exclude.map(({ reason }, index) => ({ class: 'excluded', side: 'source' as const, label: reason, rows: excluded[index] ?? 0 }))
}
