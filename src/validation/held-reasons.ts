import { explainedRowsStatement } from '../core/pass-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { CheckResult } from './outcomes.js'
import { countOf, read, type Reader } from './reader.js'
import type { JudgedRow } from './judge-rows.js'

export interface HeldReasons {
  /** hears of every row that is judged one by one and is not equal, and of some that are */
  observe(side: 'source' | 'target', name: string, row: JudgedRow): void
  /**
   * One statement on the source, none where no explanation has a condition of its own.
   * @param earlier the same check of the run whose reading of the source still holds: its counts hold too
   */
  check(source: Reader, earlier: CheckResult | null, options: StatementOptions, signal: AbortSignal): Promise<CheckResult[]>
}

export const heldReasonsCheck = 'an explanation also holds for rows that arrived'

/** Rows with a key, and how many of them have each explanation, by its index, as the first that holds. */
interface HeldRows {
  examined: number
  held: number[]
}

/**
 * Evidence beats explanation: a row that fits a reason and arrived all the same is judged by its values. How often that happened tells whether a reason says what it is
 * meant to: one that holds for half of the rows that arrived explains by chance.
 */
export function collectHeldReasons(spec: ComparisonSpec): HeldReasons {
  /** index of a reason → rows that have it and no partner, or none that is settled */
  const apart = new Map<number, number>()
  return {
    observe(side, name, { reason }) {
      if (side === 'source' && reason !== null && !['verified', 'accepted', 'differs'].includes(name)) apart.set(reason, (apart.get(reason) ?? 0) + 1)
    },
    async check(source, earlier, options, signal) {
      if (!spec.source.explained.some((one) => 'where' in one)) return []
      const startedAt = performance.now()
      const rows = earlier === null ? await countHeld(spec, source, options, signal) : earlier.evidence as unknown as HeldRows
      const arrived = spec.source.explained.map(({ reason }, index) => ({ reason, rows: (rows.held[index] ?? 0) - (apart.get(index) ?? 0) })).filter((one) => one.rows !== 0)
      return [{ ...judge(arrived, rows), durationMs: Math.round(performance.now() - startedAt), entity: spec.entity, name: heldReasonsCheck, subject: '', category: 'accounting', severity: 'info' }]
    },
  }
}

async function countHeld(spec: ComparisonSpec, source: Reader, options: StatementOptions, signal: AbortSignal): Promise<HeldRows> {
  const rows = await read(source, signal, explainedRowsStatement(spec, options))
  const held = new Map(rows.map((row) => [row['reason'] ?? null, countOf(row, 'rows')]))
  return { examined: [...held.values()].reduce((total, count) => total + count, 0), held: spec.source.explained.map((_, index) => held.get(String(index)) ?? 0) }
}

function judge(arrived: { reason: string; rows: number }[], { examined, held }: HeldRows): Pick<CheckResult, 'verdict' | 'message' | 'rowsExamined' | 'rowsFailed' | 'evidence'> {
  const evidence = { examined, held }
  // the rows were counted after they were judged
  if (arrived.some(({ rows }) => rows < 0)) return { verdict: 'unknown', message: 'rows changed while they were counted', rowsExamined: examined, rowsFailed: null, evidence }
  if (examined === 0) return { verdict: 'warn', message: '0 rows were examined', rowsExamined: 0, rowsFailed: 0, evidence }
  const list = arrived.map(({ reason, rows }) => `"${reason}" also holds for ${rows} ${rows === 1 ? 'row' : 'rows'} that arrived`)
  return { verdict: 'pass', message: list.join('; ') || 'no row that arrived fits an explanation', rowsExamined: examined, rowsFailed: 0, evidence: { ...evidence, arrived } }
}
