import { arrivedPercent, sourceClasses, targetClasses, verifiedPercent } from '../accounting.js'
import type { Accounting, Count, Verdict } from '../accounting.js'
import type { Side } from '../catalog.js'
import { tableGaps } from '../covered.js'
import type { TableFigures } from '../covered.js'
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
  reasons: readonly { class: string; reason: string; rows: Count }[]
  causes: readonly { class: string; cause: string; rows: Count }[]
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
  /** tables that the job accounted for, and the columns of its entities */
  tables: readonly TableFigures[]
  columns: readonly { entity: string; side: Side; column: string; coverage: string; reason: string | null }[]
  recommendations: readonly string[]
}

const order: Verdict[] = ['fail', 'unknown', 'warn', 'pass']

/** A job's result as a Markdown document; every name and message in it is escaped. */
export function renderJobMarkdown(job: JobReport): string {
  const sections = [head(job), accountingTable(job.accounting), entityTable(job.entities), reasonTable(job.entities), gapTables(job), checkTables(job.checks), recommendations(job.recommendations)]
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
  const sourceFigures = ['excluded', 'scope', ...sourceClasses] as const
  const of = (title: string, head: string[], cells: (line: JobEntityLine) => (string | number | null)[]) => `### ${title}\n\n${markdownTable(['Entity', ...head], entities.map((line) => [line.entity, ...cells(line)]))}`
  return [
    '## Entities',
    of('Verdicts', ['Domain', 'Verdict', 'Verified %', 'Arrived %', 'Source rows read', 'Target rows read', 'Basis', 'Note'], (line) => [
      line.domain, line.verdict, verifiedPercent(line.accounting), arrivedPercent(line.accounting), line.sourceRowsExamined, line.targetRowsExamined, line.basis, line.note ?? '',
    ]),
    of('Source rows', sourceFigures.map(capitalised), ({ accounting }) => sourceFigures.map((name) => accounting.source[name])),
    of('Target rows', targetClasses.map(capitalised), ({ accounting }) => targetClasses.map((name) => accounting.target[name])),
  ].join('\n\n')
}

function capitalised(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`
}

function reasonTable(entities: readonly JobEntityLine[]): string {
  const rows = entities.flatMap(({ entity, reasons, causes }) => [
    ...reasons.map((line) => [entity, line.class, 'declared', line.reason, line.rows]), ...causes.map((line) => [entity, line.class, 'found', line.cause, line.rows]),
  ])
  return rows.length === 0 ? '' : `## Reasons and causes\n\n${markdownTable(['Entity', 'Class', 'Basis', 'Reason or cause', 'Rows'], rows)}`
}

/** What no entity covers: tables, rows and columns. Without them a coverage of 100 % says little. */
function gapTables({ tables, columns }: JobReport): string {
  const gaps = tableGaps(tables).map((line) => [line.side, `${line.schema}.${line.table}`, line.coverage, line.rows, line.unclaimed, line.error ?? ''])
  const count = (coverage: string) => columns.filter((column) => column.coverage === coverage).length
  const uncovered = columns.filter(({ coverage }) => coverage === 'uncovered').map(({ entity, side, column }) => [entity, side, column])
  return [
    '## Not covered',
    tables.length === 0 ? 'The tables were not accounted for by this job.' : `### Tables with rows that no entity claims (${gaps.length} of ${tables.length})`,
    ...(gaps.length === 0 ? [] : [markdownTable(['Side', 'Table', 'Coverage', 'Rows', 'Unclaimed', 'Note'], gaps)]),
    columns.length === 0 ? 'The columns are not known.' : `### Columns that are neither compared, read nor ignored (${uncovered.length} of ${columns.length}; ${count('compared')} compared, ${count('read')} only read, ${count('ignored')} ignored with a reason)`,
    ...(uncovered.length === 0 ? [] : [markdownTable(['Entity', 'Side', 'Column'], uncovered)]),
  ].join('\n\n')
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
