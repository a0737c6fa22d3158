import { addCounts, floorPercent, verifiedRows } from './accounting.js'
import type { Accounting, Count } from './accounting.js'

/** The limits of a gate, in the order in which they are told. */
export const limits = [
  'minVerifiedPercent', 'maxMissing', 'maxDiffers', 'maxDuplicate', 'maxExtra', 'maxPending', 'maxUnverified', 'maxUncoveredTables', 'maxUncoveredColumns', 'maxUncoveredRows',
] as const
export type Limit = (typeof limits)[number]
export type Gate = Partial<Record<Limit, number>>

/** A limit holds, is not met, or nobody can tell. */
export type GateVerdict = 'pass' | 'fail' | 'unknown'

/** What a gate is held against. */
export interface GateFigures {
  accounting: Accounting
  /** of both sides; null where not counted */
  uncovered: Record<'tables' | 'columns' | 'rows', Count>
  /** why these figures cannot tell how things stand; null when they can */
  untold: string | null
  /** the same for tables and their rows, which are counted by themselves */
  tablesUntold: string | null
}

export interface JudgedLimit {
  limit: Limit
  asked: number
  /** the figure as it is shown everywhere: a count, or a percentage floored to two decimals; null when it is not known */
  measured: number | null
  verdict: GateVerdict
  /** the exact counts of a percentage, or why nobody can tell; null when the figure says it all */
  detail: string | null
}

/**
 * Holds figures against the limits of a gate, in exact counts. Rows that are pending or unverified may turn out to be anything, so a limit
 * passes only when it holds and fails only when it is not met whatever becomes of them; between the two it is unknown. `maxPending` and
 * `maxUnverified` say how many such rows are borne: then they stay what they are.
 */
export function judgeGate(gate: Gate, figures: GateFigures): JudgedLimit[] {
  return limits.flatMap((limit) => {
    const asked = gate[limit]
    if (asked === undefined) return []
    const { measured, verdict, detail } = limit === 'minVerifiedPercent' ? judgeShare(asked, figures.accounting, undecidedRows(figures.accounting.source, gate)) : judgeCount(asked, ...countsOf(limit, gate, figures))
    const untold = limit === 'maxUncoveredTables' || limit === 'maxUncoveredRows' ? figures.tablesUntold ?? figures.untold : figures.untold
    return { limit, asked, measured, ...(untold === null ? { verdict, detail } : { verdict: 'unknown' as const, detail: untold }) }
  })
}

/** The verdict of all limits together: one that is not met fails, and nothing at all is no pass. */
export function gateVerdict(judged: readonly { verdict: GateVerdict }[]): GateVerdict {
  if (judged.some(({ verdict }) => verdict === 'fail')) return 'fail'
  return judged.length > 0 && judged.every(({ verdict }) => verdict === 'pass') ? 'pass' : 'unknown'
}

type Judgement = Pick<JudgedLimit, 'measured' | 'verdict' | 'detail'>

const notCounted = 'it could not be counted'

function undecidedRows({ pending, unverified }: { pending: Count; unverified: Count }, gate: Gate): Count {
  return addCounts(gate.maxPending === undefined ? pending : 0, gate.maxUnverified === undefined ? unverified : 0)
}

/** The figure of a limit, and how many rows may yet be added to it. */
function countsOf(limit: Exclude<Limit, 'minVerifiedPercent'>, gate: Gate, { accounting: { source, target }, uncovered }: GateFigures): [measured: Count, undecided: Count] {
  switch (limit) {
    case 'maxMissing': return [source.missing, undecidedRows(source, gate)]
    case 'maxDiffers': return [source.differs, undecidedRows(source, gate)]
    case 'maxDuplicate': return [target.duplicate, undecidedRows(target, gate)]
    case 'maxExtra': return [target.extra, undecidedRows(target, gate)]
    // both rows of a pair are in the class: the sum of the sides would count it twice
    case 'maxPending': return [greater(source.pending, target.pending), 0]
    case 'maxUnverified': return [greater(source.unverified, target.unverified), 0]
    case 'maxUncoveredTables': return [uncovered.tables, 0]
    case 'maxUncoveredColumns': return [uncovered.columns, 0]
    case 'maxUncoveredRows': return [uncovered.rows, 0]
  }
}

const greater = (left: Count, right: Count): Count => (left === null || right === null ? null : Math.max(left, right))

function judgeCount(asked: number, measured: Count, undecided: Count): Judgement {
  if (measured === null) return { measured, verdict: 'unknown', detail: notCounted }
  if (measured > asked) return { measured, verdict: 'fail', detail: null }
  const most = addCounts(measured, undecided)
  return most !== null && most <= asked ? { measured, verdict: 'pass', detail: null } : { measured, verdict: 'unknown', detail: describeUndecided(undecided) }
}

function judgeShare(asked: number, accounting: Accounting, undecided: Count): Judgement {
  const [verified, { scope }] = [verifiedRows(accounting), accounting.source]
  const measured = floorPercent(verified, scope)
  if (verified === null || scope === null) return { measured, verdict: 'unknown', detail: notCounted }
  if (scope === 0) return { measured, verdict: 'unknown', detail: 'no source row is in scope' }
  const counts = `${verified} of ${scope} rows`
  if (reaches(verified, scope, asked)) return { measured, verdict: 'pass', detail: counts }
  const most = addCounts(verified, undecided)
  const failed = most !== null && !reaches(most, scope, asked)
  return { measured, verdict: failed ? 'fail' : 'unknown', detail: failed ? counts : `${counts}; ${describeUndecided(undecided)}` }
}

const describeUndecided = (undecided: Count): string => (undecided === null ? 'nobody has counted the rows that are pending or unverified' : `${undecided} pending or unverified ${undecided === 1 ? 'row' : 'rows'} can decide it either way`)

/** Whether part / whole is at least so many percent, exactly: the percentage is taken as the decimal number that it is written as, and nothing is divided. */
function reaches(part: number, whole: number, percent: number): boolean {
  const [digits = '0', exponent = '0'] = percent.toExponential().split('e')
  const scale = Number(exponent) - (digits.split('.')[1]?.length ?? 0)
  const [left, right] = [BigInt(part) * 100n, BigInt(digits.replace('.', '')) * BigInt(whole)]
  return scale < 0 ? left * 10n ** BigInt(-scale) >= right : left >= right * 10n ** BigInt(scale)
}
