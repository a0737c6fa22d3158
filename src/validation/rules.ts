import type { Side } from '../core/catalog.js'
import { isTransient } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import { mostRuleRows, type RuleSpec } from '../plan/rules.js'
import type { CheckResult } from './outcomes.js'
import { errorText, read, type Reader } from './reader.js'

const mostShown = 20

/**
 * Asks a rule of the plan on both sides. The answers are compared as multisets of rows, their columns in common forms. Unequal answers fail a critical rule
 * and warn of another; what cannot be asked, or is longer than 1,000 rows, is unknown.
 */
export async function compareRule(rule: RuleSpec, readers: Record<Side, Reader>, signal: AbortSignal): Promise<CheckResult> {
  const startedAt = performance.now()
  const check = (found: Pick<CheckResult, 'verdict' | 'message'> & Partial<CheckResult>): CheckResult => ({
    entity: '', name: 'a rule of the plan holds', subject: rule.name, category: 'cross_entity', severity: rule.severity, rowsExamined: null, rowsFailed: null, evidence: {}, ...found, durationMs: Math.round(performance.now() - startedAt),
  })
  if (rule.source === null || rule.target === null) return check({ verdict: 'unknown', message: rule.fault ?? 'it cannot be asked' })
  try {
    const [source, target] = [await answerOf(readers.source, rule.source, signal), await answerOf(readers.target, rule.target, signal)]
    if (Math.max(source.length, target.length) > mostRuleRows) return check({ verdict: 'unknown', message: `an answer has more than ${mostRuleRows} rows: let the rule count or sum, grouped by less` })
    const [onlySource, onlyTarget] = [without(source, target), without(target, source)]
    const rowsFailed = onlySource.length + onlyTarget.length
    const rowsExamined = source.length + target.length
    if (rowsExamined === 0) return check({ verdict: 'warn', message: '0 rows were examined', rowsExamined, rowsFailed: 0 })
    const show = (rows: string[]) => rows.slice(0, mostShown).map((row) => (JSON.parse(row) as (string | null)[]).map((value) => value ?? 'NULL').join(', ')).join(' | ') || 'nothing'
    if (rowsFailed === 0) return check({ verdict: 'pass', message: `both answer ${show(source)}`, rowsExamined, rowsFailed })
    return check({ verdict: rule.severity === 'critical' ? 'fail' : 'warn', message: `the source alone answers ${show(onlySource)}, the target alone ${show(onlyTarget)}`, rowsExamined, rowsFailed })
  } catch (error) {
    if (signal.aborted || isTransient(error) || sideOf(error) === null) throw error
    return check({ verdict: 'unknown', message: `the ${sideOf(error)} cannot answer: ${errorText(error, [])}` })
  }
}

/** Rows as JSON lists of canonical texts. */
async function answerOf(reader: Reader, statement: string, signal: AbortSignal): Promise<string[]> {
  const rows = await read(reader, signal, statement)
  return rows.map((row) => JSON.stringify(Object.keys(row).map((_, index) => row[`c${index}`] ?? null)))
}

/** Rows of the one that the other has not, as often as they stand there more. */
function without(rows: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const row of others) left.set(row, (left.get(row) ?? 0) + 1)
  return rows.filter((row) => {
    const count = left.get(row) ?? 0
    left.set(row, count - 1)
    return count <= 0
  })
}
