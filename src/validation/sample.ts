import { wilsonInterval } from '../core/interval.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { CheckResult } from './outcomes.js'
import type { ScanOutcome } from './scan-chunk.js'
import type { Tally } from './tally.js'

/**
 * Counts the rows outside the sample as unverified, and says what the sample supports. Every key of the source is in the sample with the same chance, whatever its table looks like; of rows that are not chosen by a key of their
 * own (those without one, merged ones, those whose keys a map folds) it tells nothing, and rows that share a key are chosen together.
 */
export function tallySample({ entity, bag }: Pick<ComparisonSpec, 'entity' | 'bag'>, outcomes: { source: readonly ScanOutcome[]; target: readonly ScanOutcome[] }, tally: Tally): CheckResult {
  for (const side of ['source', 'target'] as const) {
    const rows = outcomes[side].reduce((sum, { unsampled }) => sum + unsampled, 0)
    tally[side].unverified += rows
    if (rows > 0) tally.count('causes', side, 'unverified', 'not sampled', rows)
  }
  const scope = outcomes.source.reduce((sum, outcome) => sum + outcome.scope, 0)
  const judged = tally.verified + tally.accepted + tally.differs + tally.source.explained + tally.source.pending + tally.source.missing
  const chosen = scope - outcomes.source.reduce((sum, { unsampled }) => sum + unsampled, 0)
  const beyond = chosen - judged
  const interval = bag ? null : wilsonInterval(tally.verified, judged)
  const percent = (share: number, round: (value: number) => number) => `${round(share * 10_000) / 100} %`
  return {
    entity, name: 'the sample supports an interval', subject: '', category: 'accounting', severity: 'info', verdict: 'unknown', rowsExamined: judged, rowsFailed: judged - tally.verified, durationMs: null,
    evidence: interval === null ? {} : { confidencePercent: 95, lowPercent: Math.floor(interval.low * 10_000) / 100, highPercent: Math.ceil(interval.high * 10_000) / 100, beyond },
    message: judged === 0 ? `a sample of 0 of ${scope} source rows: nothing is known of them`
      : `a sample of ${judged} of ${scope} source rows: ${tally.verified} of them are verified, ${interval === null ? 'but rows that are alike are chosen together, and the sample supports no interval'
        : `so with 95 % confidence ${percent(interval.low, Math.floor)} to ${percent(interval.high, Math.ceil)} of ${beyond > 0 ? `the rows that a sample can judge are; of ${beyond} others (without a key, merged, or with keys that a map folds) nothing is known` : 'all rows are'}`}`,
  }
}
