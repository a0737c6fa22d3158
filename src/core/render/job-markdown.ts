import { arrivedPercent, sourceClasses, targetClasses, verifiedPercent } from '../accounting.js'
import type { Accounting, Count, Verdict } from '../accounting.js'
import { escapeMarkdown } from './escape.js'
import type { CheckLine } from './junit.js'

export interface JobEntityLine {
  entity: string
  domain: string
  verdict: Verdict
  accounting: Accounting
  sourceRowsExamined: number | null
  targetRowsExamined: number | null
  /** full: every row was read */
  basis: 'full' | 'changed' | 'sample' | 'none'
  note: string | null
}

/** The result of one job, as far as it is known when the report is made. */
export interface JobReport {
  jobId: string
  status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled'
  mode: string
  verdict: Verdict | null
  startedAt: Date | null
  finishedAt: Date | null
  reasonCode: string | null
  reason: string | null
  /** the sum over the job's entities; null before there is one */
  accounting: Accounting | null
  entities: readonly JobEntityLine[]
  checks: readonly CheckLine[]
  recommendations: readonly string[]
}

const order: Verdict[] = ['fail', 'unknown', 'warn', 'pass']

/** A job's result as a Markdown document; every name and message in it is escaped. */
export function renderJobMarkdown(job: JobReport): string {
  const sections = [head(job), accountingTable(job.accounting), entityTable(job.entities), checkTables(job.checks), recommendations(job.recommendations)]
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}

/**
 * A Markdown table. Text cells are escaped here, numbers are written plainly and flushed right, null is "unknown".
 * @param head the column names; a column that holds a number is aligned right
 */
export function markdownTable(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const right = head.map((_, column) => rows.some((row) => typeof row[column] === 'number'))
  return [
    `| ${head.map(escapeMarkdown).join(' | ')} |`,
    `| ${right.map((numeric) => (numeric ? '---:' : '---')).join(' | ')} |`,
    ...rows.map((row) => `| ${row.map(markdownCell).join(' | ')} |`),
  ].join('\n')
}

function markdownCell(value: string | number | null): string {
  if (value === null) return 'unknown'
  return typeof value === 'number' ? String(value) : escapeMarkdown(value)
}

function head(job: JobReport): string {
  const lines = [
    `- Status: ${job.status}${job.status === 'completed' ? '' : ' (the figures below are not complete)'}`,
    `- Verdict: **${job.verdict ?? 'unknown'}**`,
    `- Mode: ${escapeMarkdown(job.mode)}`,
    `- Started: ${job.startedAt?.toISOString() ?? 'not yet'}`,
    `- Finished: ${job.finishedAt?.toISOString() ?? 'not yet'}`,
  ]
  if (job.reason !== null) lines.push(`- Reason: ${escapeMarkdown(`${job.reasonCode ?? 'INTERNAL'}: ${job.reason}`)}`)
  if (job.accounting !== null) {
    lines.push(`- Coverage (verified): ${percentText(verifiedPercent(job.accounting))}`, `- Arrived: ${percentText(arrivedPercent(job.accounting))}`)
  }
  return `# Validation ${escapeMarkdown(job.jobId)}\n\n${lines.join('\n')}`
}

function accountingTable(accounting: Accounting | null): string {
  if (accounting === null) return ''
  const rows: [string, string, Count][] = [
    ...(['total', 'excluded', 'scope', ...sourceClasses] as const).map((name): [string, string, Count] => ['source', name, accounting.source[name]]),
    ...(['total', ...targetClasses] as const).map((name): [string, string, Count] => ['target', name, accounting.target[name]]),
  ]
  return `## Accounting\n\n${markdownTable(['Side', 'Class', 'Rows'], rows)}`
}

function entityTable(entities: readonly JobEntityLine[]): string {
  if (entities.length === 0) return ''
  const columns = ['Entity', 'Domain', 'Verdict', 'Verified %', 'Scope', 'Missing', 'Differs', 'Duplicate', 'Extra', 'Source rows read', 'Target rows read', 'Basis', 'Note']
  return `## Entities\n\n${markdownTable(
    columns,
    entities.map(({ entity, domain, verdict, accounting, sourceRowsExamined, targetRowsExamined, basis, note }) => [
      entity,
      domain,
      verdict,
      verifiedPercent(accounting),
      accounting.source.scope,
      accounting.source.missing,
      accounting.source.differs,
      accounting.target.duplicate,
      accounting.target.extra,
      sourceRowsExamined,
      targetRowsExamined,
      basis,
      note ?? '',
    ]),
  )}`
}

function checkTables(checks: readonly CheckLine[]): string {
  if (checks.length === 0) return '## Checks\n\nNo check was made.'
  const parts = order.flatMap((verdict) => {
    const rows = checks.filter((check) => check.verdict === verdict)
    if (rows.length === 0) return []
    const table = markdownTable(
      ['Entity', 'Check', 'Subject', 'Severity', 'Message', 'Rows failed', 'Rows examined'],
      rows.map((check) => [check.entity, check.name, check.subject, check.severity, check.message, check.rowsFailed, check.rowsExamined]),
    )
    return [`### ${verdict} (${rows.length})\n\n${table}`]
  })
  return `## Checks\n\n${parts.join('\n\n')}`
}

function recommendations(list: readonly string[]): string {
  return list.length === 0 ? '' : `## Recommendations\n\n${list.map((item) => `- ${escapeMarkdown(item)}`).join('\n')}`
}

function percentText(percent: number | null): string {
  return percent === null ? 'unknown' : `${percent} %`
}
