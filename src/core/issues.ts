import { accountingVerdict, verdicts } from './accounting.js'
import type { Count } from './accounting.js'
import type { Side } from './catalog.js'
import type { Snapshot } from './figures.js'

export interface Issue {
  entity: string
  severity: 'critical' | 'warning' | 'info'
  /** the row class, or null when the issue is not one of rows */
  class: string | null
  rows: Count
  message: string
  recommendation: string
}

const rowIssues = [
  ['source', 'missing', 'critical', 'did not arrive'],
  ['source', 'differs', 'critical', 'arrived with other values'],
  ['target', 'duplicate', 'critical', 'stand in the target more than once'],
  ['target', 'extra', 'critical', 'stand in the target without a source'],
  ['source', 'unverified', 'warning', 'could not be compared'],
  ['target', 'unverified', 'warning', 'could not be compared'],
  ['source', 'pending', 'warning', 'changed while they were compared'],
  ['target', 'pending', 'warning', 'changed while they were compared'],
  ['source', 'explained', 'info', 'did not arrive for a declared reason'],
  ['source', 'accepted', 'info', 'hold a declared stand-in value'],
] as const

/** What keeps an entity from passing, worst first, each from a figure of its newest snapshot and with what to do about it. */
export function issuesOf(entity: string, snapshot: (Snapshot & { jobId: string; note: string | null }) | undefined): Issue[] {
  const validate = `validate ${entity}: POST /validation/run`
  if (snapshot === undefined) {
    return [{ entity, severity: 'warning', class: null, rows: null, message: `${entity} was never validated`, recommendation: validate }]
  }
  const { accounting, jobId, note, verdict } = snapshot
  const counts: Record<Side, Record<string, Count>> = accounting
  const issues = rowIssues.flatMap(([side, name, severity, what]): Issue[] => {
    const rows = counts[side][name] ?? null
    // a pair is classed on both sides; the target tells it only when the source does not
    if (rows === null || rows === 0 || (side === 'target' && (counts.source[name] ?? 0) > 0)) return []
    const list = `GET /validation/results/${jobId}/differences?entity=${encodeURIComponent(entity)}&class=${name}`
    const whose = side === 'target' && name in counts.source ? `the target of ${entity}` : entity
    const recommendation = `list the ${name} rows of ${entity}: ${list}`
    return [{ entity, severity, class: name, rows, message: `rows of ${whose} that ${what}: ${rows}`, recommendation }]
  })
  const other = (message: string, recommendation: string, severity: Issue['severity'] = 'warning') =>
    issues.push({ entity, severity, class: null, rows: null, message, recommendation })
  if ([...Object.values(accounting.source), ...Object.values(accounting.target)].includes(null)) other(`some rows of ${entity} could not be counted${note === null ? '' : `: ${note}`}`, validate)
  else if (accounting.source.scope === 0) other(`no row of ${entity} is in scope`, `look at the predicates of ${entity} in the plan`)
  const accounted = accountingVerdict(accounting)
  if (verdicts.indexOf(verdict) > verdicts.indexOf(accounted)) {
    const read = `read the checks of ${entity}: GET /validation/results/${jobId}`
    other(`a check of ${entity} has the verdict ${verdict}`, read, verdict === 'fail' ? 'critical' : 'warning')
  }
  const order = ['critical', 'warning', 'info']
  return issues.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
}
