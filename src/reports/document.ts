import { sourceClasses, targetClasses } from '../core/accounting.js'
import type { Section } from './contents.js'
import type { Report } from './schemas.js'

/** Text, or a figure; a null figure is "unknown", and what is simply not there is the empty text. */
export type Cell = string | number | null
export type ColumnKind = 'text' | 'count' | 'percent' | 'verdict'

export interface Table {
  caption: string
  columns: { name: string; kind: ColumnKind }[]
  rows: Cell[][]
  /** so many of the first columns together name a row */
  labels: number
}

export interface Chapter {
  title: string
  /** sentences below the title */
  notes: string[]
  tables: Table[]
}

/** A report as every format prints it: what stands where is decided here, once, and nothing is escaped yet. */
export function layOut(report: Report): { title: string; subtitle: string; chapters: Chapter[] } {
  const chapters: { [Name in Section]: () => Chapter | null } = {
    domains: () => report.domains && domains(report.domains),
    accounting: () => report.accounting && accounting(report.accounting),
    checks: () => report.checks && checks(report.checks),
    differences: () => report.differences && differences(report.differences),
    tables: () => report.tables && tables(report.tables),
    columns: () => report.columns && columns(report.columns),
    reasons: () => report.reasons && reasons(report.reasons),
    evidence: () => report.evidence && evidence(report.evidence),
    scripts: () => report.scripts && scripts(report.scripts),
  } as { [Name in Section]: () => Chapter | null }
  const order: Section[] = ['domains', 'accounting', 'checks', 'differences', 'tables', 'columns', 'reasons', 'evidence', 'scripts']
  return {
    title: `Migration coverage: ${report.type} report`,
    subtitle: report.domain === null ? 'All domains' : `Domain ${report.domain}`,
    chapters: [headline(report), ...order.map((section) => chapters[section]()).filter((chapter) => chapter !== undefined && chapter !== null)],
  }
}

function headline({ figures, generatedAt, planChecksum }: Report): Chapter {
  const missing = figures.entities.total - figures.entities.counted
  const rows: [string, Cell][] = [
    ['Verdict', figures.verdict],
    ['Coverage (verified) %', figures.coveragePercent],
    ['Arrived %', figures.arrivedPercent],
    ['Records in scope', figures.totalRecords],
    ['Records migrated', figures.migratedRecords],
    ['Records verified', figures.verifiedRecords],
    ['Entities', figures.entities.total],
    ['Entities validated', figures.entities.validated],
    ['Tables', figures.tables.total],
    ['Tables covered', figures.tables.covered],
    ['Tables ignored', figures.tables.ignored],
    ['Tables uncovered', figures.tables.uncovered],
    ['Columns', figures.columns.total],
    ['Columns compared', figures.columns.compared],
    ['Columns only read', figures.columns.read],
    ['Columns ignored', figures.columns.ignored],
    ['Columns uncovered', figures.columns.uncovered],
    ['Oldest result', figures.oldestResultAt ?? 'none'],
    ['Newest result', figures.newestResultAt ?? 'none'],
    ['Report made at', generatedAt],
    ['Plan (sha256)', planChecksum],
  ]
  return {
    title: 'Headline figures',
    notes: [
      'Percentages are floored. Records are deliveries: a source row wanted in three tables counts three times.',
      ...(missing > 0 ? [`${missing} of ${figures.entities.total} entities could not be counted or were never validated, so sums that include them are unknown.`] : []),
    ],
    tables: [table('Headline figures', ['Figure', 'Value:count'], rows)],
  }
}

function domains(list: NonNullable<Report['domains']>): Chapter {
  const columns = ['Domain', 'Priority', 'Verdict:verdict', 'Coverage %:percent', 'Arrived %:percent', 'Scope:count', 'Missing:count', 'Differs:count', 'Extra:count', 'Entities:count']
  return {
    title: 'Domains',
    notes: [],
    tables: [
      table('Coverage by domain', columns, list.map((line) => [
        line.domain, line.priority, line.verdict, line.coveragePercent, line.arrivedPercent,
        line.accounting.source.scope, line.accounting.source.missing, line.accounting.source.differs, line.accounting.target.extra, line.entities,
      ])),
    ],
  }
}

function accounting({ total, entities }: NonNullable<Report['accounting']>): Chapter {
  const source = ['total', 'excluded', 'scope', ...sourceClasses] as const
  const target = ['total', ...targetClasses] as const
  const everything = { entity: 'All entities', accounting: total }
  const lines = [...entities, everything]
  return {
    title: 'Accounting',
    notes: ['Every row is in exactly one class. Source: total = excluded + scope, and scope is the sum of the classes after it. Target: total is the sum of the classes after it.'],
    tables: [
      table('Coverage by entity', ['Entity', 'Domain', 'Verdict:verdict', 'Coverage %:percent', 'Arrived %:percent'],
        entities.map((line) => [line.entity, line.domain, line.verdict, line.coveragePercent, line.arrivedPercent])),
      table('Source rows by class', ['Entity', ...source.map((name) => `${capital(name)}:count`)], lines.map((line) => [line.entity, ...source.map((name) => line.accounting.source[name])])),
      table('Target rows by class', ['Entity', ...target.map((name) => `${capital(name)}:count`)], lines.map((line) => [line.entity, ...target.map((name) => line.accounting.target[name])])),
    ],
  }
}

function checks(section: NonNullable<Report['checks']>): Chapter {
  const columns = ['Entity', 'Check', 'Subject', 'Verdict:verdict', 'Severity', 'Message', 'Rows failed:count', 'Rows examined:count']
  return {
    title: 'Checks',
    notes: [
      `${section.total} checks: ${section.passed} passed, ${section.warned} warned, ${section.failed} failed, ${section.unknown} unknown.`,
      ...(section.omitted > 0 ? [`${section.omitted} more that did not pass are left out here.`] : []),
    ],
    tables: [
      table('Checks that did not pass', columns, section.notPassed.map((check) => [
        check.entity ?? 'whole migration', check.name, check.subject ?? '', check.verdict, check.severity, check.message, check.rowsFailed, check.rowsExamined,
      ]), 3),
    ],
  }
}

function differences(section: NonNullable<Report['differences']>): Chapter {
  const shown = section.rows.length === 0 ? 'Single rows are not listed here.' : `At most ${section.perClass} rows of a class and ${section.limit} in all are listed.`
  return {
    title: 'Differences',
    notes: [section.complete ? 'Every row that is not verified is listed.' : `${shown} Rows is the exact number, recorded is how many of them were kept with their key, shown is how many are listed below.`],
    tables: [
      table('Rows that are not verified, by class', ['Class', 'Side', 'Rows:count', 'Recorded:count', 'Shown:count'], section.totals.map((line) => [line.class, line.side, line.rows, line.recorded, line.shown]), 2),
      ...(section.rows.length === 0 ? [] : [
        table('Rows that are not verified', ['Entity', 'Class', 'Side', 'Key', 'Cause or reason', 'Source → target'],
          section.rows.map((row) => [row.entity, row.class, row.side, keyText(row.key), [row.cause, row.reason].filter((part) => part !== null).join(': '), changesText(row.columns)]), 4),
      ]),
    ],
  }
}

function tables(section: NonNullable<Report['tables']>): Chapter {
  const uncovered = section.tables.filter(({ coverage }) => coverage === 'uncovered')
  const head = ['Side', 'Table', 'Verdict:verdict', 'Rows:count', 'Claimed once:count', 'Claimed by several:count', 'Unclaimed:count', 'Ignored:count', 'Entities', 'Note']
  return {
    title: 'Tables',
    notes: [
      `Rows that no entity claims: ${section.unclaimedSourceRows ?? 'unknown'} in the source, ${section.unclaimedTargetRows ?? 'unknown'} in the target.`,
      ...omittedNote(section.omitted),
    ],
    tables: [
      table('Uncovered tables', ['Side', 'Table', 'Rows:count'], uncovered.map((line) => [line.side, `${line.schema}.${line.table}`, line.totalRows]), 2),
      table('Rows of every table', head, section.tables.map((line) => [
        line.side, `${line.schema}.${line.table}`, line.verdict, line.totalRows, line.claimedOnce, line.claimedSeveral, line.unclaimed, line.ignoredRows, line.entities.join(', '),
        [line.coverage === 'covered' ? null : line.coverage, line.reason, line.error].filter((part) => part !== null).join(': '),
      ]), 2),
    ],
  }
}

function columns(section: NonNullable<Report['columns']>): Chapter {
  return {
    title: 'Columns',
    notes: omittedNote(section.omitted),
    tables: [
      table('Uncovered columns', ['Entity', 'Side', 'Column'], section.uncovered.map((line) => [line.entity, line.side, line.column]), 3),
      table('Columns with differences', ['Entity', 'Side', 'Column', 'Rows:count'], section.differing.map((line) => [line.entity, line.side, line.column, line.rows]), 3),
      table('Columns ignored on purpose', ['Entity', 'Side', 'Column', 'Reason'], section.ignored.map((line) => [line.entity, line.side, line.column, line.reason ?? '']), 3),
    ],
  }
}

function reasons(section: NonNullable<Report['reasons']>): Chapter {
  return {
    title: 'Reasons and causes',
    notes: [],
    tables: [
      table('Rows by declared reason', ['Entity', 'Class', 'Reason', 'Rows:count'], section.declared.map((line) => [line.entity, line.class, line.reason, line.rows]), 3),
      table('Rows by cause', ['Entity', 'Class', 'Cause', 'Rows:count'], section.causes.map((line) => [line.entity, line.class, line.cause, line.rows]), 3),
    ],
  }
}

function evidence(list: NonNullable<Report['evidence']>): Chapter {
  const head = ['Entity', 'Basis', 'Source rows read:count', 'Target rows read:count', 'Source snapshot', 'Target snapshot', 'Seconds:count', 'Published', 'Job', 'Note']
  return {
    title: 'Evidence',
    notes: ['Basis full: every row of both sides was read.'],
    tables: [
      table('What was read, and when', head, list.map((line) => [
        line.entity, line.basis, line.sourceRowsExamined, line.targetRowsExamined, line.sourceSnapshotAt ?? '', line.targetSnapshotAt ?? '', line.durationSeconds,
        line.publishedAt ?? '', line.jobId ?? '', line.note ?? '',
      ])),
    ],
  }
}

function scripts(list: NonNullable<Report['scripts']>): Chapter {
  const head = ['Script', 'Domains', 'Status', 'Drift', 'Processed:count', 'Failed:count', 'Success %:percent', 'Last start', 'Last end']
  return {
    title: 'Scripts',
    notes: ['As the scripts report of themselves, of the newest run each.'],
    tables: [
      table('Scripts and their newest runs', head, list.map((line) => [
        line.name, line.domains.join(', '), line.status, line.drift, line.recordsProcessed, line.recordsFailed, line.successRate, line.lastStartedAt ?? '', line.lastFinishedAt ?? '',
      ])),
    ],
  }
}

/** Column names carry their kind after a colon; without one they hold text. */
function table(caption: string, columnNames: string[], rows: Cell[][], labels = 1): Table {
  const kinded = columnNames.map((column) => {
    const [name = '', kind = 'text'] = column.split(':')
    return { name, kind: kind as ColumnKind }
  })
  return { caption, columns: kinded, rows, labels }
}

function omittedNote(omitted: number): string[] {
  return omitted > 0 ? [`${omitted} entries are left out of these lists.`] : []
}

function keyText(key: Record<string, string | null>): string {
  return Object.entries(key).map(([leg, value]) => `${leg} = ${valueText(value)}`).join(', ')
}

function changesText(list: { column: string; source: string | null; target: string | null }[]): string {
  return list.map(({ column, source, target }) => `${column}: ${valueText(source)} → ${valueText(target)}`).join('; ')
}

/** Quoted, so that NULL, the text NULL, the empty text and a blank are four different things. */
function valueText(value: string | null): string {
  return value === null ? 'NULL' : `"${value.replaceAll('"', '""')}"`
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
