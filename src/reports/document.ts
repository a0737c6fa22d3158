import { sourceClasses, targetClasses } from '../core/accounting.js'
import type { Accounting } from '../core/accounting.js'
import { sections } from './contents.js'
import type { Section } from './contents.js'
import { checkChart, domainChart, entityCharts, runChart, tableCharts, trendChart, wholeChart } from './report-charts.js'
import type { Chart } from './report-charts.js'
import type { Report } from './schemas.js'

/** Text, or a figure; a null figure is "unknown", and what is simply not there is the empty text. */
export type Cell = string | number | null
/** figure: a count, a time or a word, each a figure of its own */
export type ColumnKind = 'text' | 'count' | 'percent' | 'verdict' | 'time' | 'figure'

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
  /** for formats that can show them; a table of the same chapter has the figures of each */
  charts: Chart[]
  tables: Table[]
}

/** A report as every format prints it: what stands where is decided here, once, and nothing is escaped yet. */
export function layOut(report: Report): { title: string; subtitle: string; summary: string; chapters: Chapter[] } {
  const chapters: { [Name in Section]: () => Chapter | null } = {
    outlook: () => report.outlook && outlook(report.outlook),
    domains: () => report.domains && domains(report.domains),
    trend: () => report.trend && trend(report.trend),
    accounting: () => report.accounting && accounting(report.accounting),
    checks: () => report.checks && checks(report.checks),
    differences: () => report.differences && differences(report.differences),
    tables: () => report.tables && tables(report.tables),
    columns: () => report.columns && columns(report.columns),
    reasons: () => report.reasons && reasons(report.reasons),
    evidence: () => report.evidence && evidence(report.evidence),
    scripts: () => report.scripts && scripts(report.scripts),
    runs: () => report.runs && runs(report.runs, report.scripts ?? [], report.generatedAt),
  } as { [Name in Section]: () => Chapter | null }
  return {
    title: `Migration coverage: ${report.type} report`,
    subtitle: report.domain === null ? 'All domains' : `Domain ${report.domain}`,
    summary: inWords(report),
    chapters: [headline(report), ...sections.map((section) => chapters[section]()).filter((chapter) => chapter !== undefined && chapter !== null)],
  }
}

/** The state in a few sentences: what is verified, and everything in scope that is not. */
function inWords({ figures: { accounting: { source, target }, verifiedRecords, coveragePercent, entities, tables: counts, columns: fields } }: Report): string {
  if (source.scope === null || verifiedRecords === null) {
    return `${entities.counted} of ${entities.total} entities were counted, so how many rows are verified is unknown.`
  }
  const told = (list: [string, Cell][]) => list.filter(([, count]) => count !== 0).map(([name, count]) => (count === null ? `${name} not counted` : `${count.toLocaleString('en-US')} ${name}`)).join(', ')
  const rest = [
    told([['differing', source.differs], ['missing', source.missing], ['unverified', source.unverified], ['pending', source.pending], ['explained', source.explained], ['accepted', source.accepted]]),
    told([['duplicate', target.duplicate], ['extra', target.extra], ['unverified', target.unverified], ['pending', target.pending]]).replace(/^(?=.)/, 'in the target '),
  ].filter((part) => part !== '').join('; ')
  const uncovered = `${counts.uncovered} of ${counts.total} tables and ${fields.uncovered} of ${fields.total} columns are uncovered.`
  const share = coveragePercent === null ? 'No source row is in scope.' : `${verifiedRecords.toLocaleString('en-US')} of ${source.scope.toLocaleString('en-US')} source rows in scope are verified (${coveragePercent} %).`
  return `${share} ${rest === '' ? 'Nothing else is left.' : `Not verified: ${rest}.`} ${uncovered}`
}

const sourceFigures = ['total', 'excluded', 'scope', ...sourceClasses] as const
const targetFigures = ['total', ...targetClasses] as const

function headline(report: Report): Chapter {
  const { figures, generatedAt, planChecksum } = report
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
    charts: [wholeChart(report)],
    tables: [rowsByClass(figures.accounting), table('Headline figures', ['Figure', 'Value:figure'], rows)],
  }
}

function rowsByClass({ source, target }: Accounting): Table {
  return table('Rows by class', ['Side', 'Class', 'Rows:count'], [
    ...sourceFigures.map((name): Cell[] => ['source', name, source[name]]),
    ...targetFigures.map((name): Cell[] => ['target', name, target[name]]),
  ], 2)
}

function outlook({ risk, completion }: NonNullable<Report['outlook']>): Chapter {
  const { estimatedDays, estimatedAt, earliestDays, latestDays, confidence, basis } = completion
  return {
    title: 'Outlook',
    notes: [],
    charts: [],
    tables: [
      table('Outlook', ['Figure', 'Value:figure'], [
        ['Risk', risk.level],
        ['Risk score, 0 to 1', risk.score],
        ['Days until every row in scope has arrived', estimatedDays],
        ['Estimated at', estimatedAt],
        ['Earliest days (80 % interval)', earliestDays],
        ['Latest days (80 % interval)', latestDays],
        ['Share of the entities with a slope, 0 to 1', confidence],
        ['Basis of the estimate', basis],
      ]),
      table('Reasons of the risk', ['Rank', 'Reason'], risk.reasons.map((reason, index) => [String(index + 1), reason])),
    ],
  }
}

function trend({ days, snapshots, omitted, direction, fit, points }: NonNullable<Report['trend']>): Chapter {
  const perDay = (value: number) => `${value > 0 ? '+' : ''}${value.toFixed(2)}`
  const slope = fit === null ? [] : [
    `The line through the ${fit.snapshots} snapshots of the last 7 days changes by ${perDay(fit.slopePerDay)} percentage points a day`
    + (fit.slopeLow === null || fit.slopeHigh === null ? '; an interval needs a third snapshot.' : ` (80 % interval ${perDay(fit.slopeLow)} to ${perDay(fit.slopeHigh)}): ${direction ?? 'unknown'}.`),
  ]
  const few = snapshots === 0 ? [`No snapshot in the last ${days} days, so nothing is known of a trend.`] : fit === null ? ['A trend needs two snapshots of the last 7 days.'] : []
  const seconds = points.length < 2 ? 0 : (Date.parse(points.at(-1)?.at ?? '') - Date.parse(points[0]?.at ?? '')) / 1000
  return {
    title: 'Trend',
    notes: [
      ...few, ...slope,
      ...(fit !== null && seconds < 86_400 ? ['The snapshots lie within one day, which says little of the days to come.'] : []),
      ...(omitted > 0 ? [`${omitted} of ${snapshots} snapshots are left out here, evenly over the time.`] : []),
    ],
    charts: [trendChart({ days, snapshots, omitted, direction, fit, points })],
    tables: [
      ...(fit === null ? [] : [
        table('Line and interval of the last 7 days', ['Time:time', 'Line %:percent', 'Low %:percent', 'High %:percent'],
          fit.band.map((step) => [step.at, step.verifiedPercent, step.low, step.high])),
      ]),
      table('Snapshots', ['Time:time', 'Coverage %:percent', 'Arrived %:percent', 'Verified:count', 'Scope:count'],
        points.map((point) => [point.at, point.verifiedPercent, point.arrivedPercent, point.verifiedRecords, point.totalRecords])),
    ],
  }
}

function domains(list: NonNullable<Report['domains']>): Chapter {
  const columns = ['Domain', 'Priority', 'Verdict:verdict', 'Coverage %:percent', 'Arrived %:percent', 'Scope:count', 'Missing:count', 'Differs:count', 'Extra:count', 'Entities:count']
  return {
    title: 'Domains',
    notes: [],
    charts: [domainChart(list)],
    tables: [
      table('Source rows by domain and class', ['Domain', ...sourceFigures.map(countColumn)], list.map((line) => [line.domain, ...sourceFigures.map((name) => line.accounting.source[name])])),
      table('Coverage by domain', columns, list.map((line) => [
        line.domain, line.priority, line.verdict, line.coveragePercent, line.arrivedPercent,
        line.accounting.source.scope, line.accounting.source.missing, line.accounting.source.differs, line.accounting.target.extra, line.entities,
      ])),
    ],
  }
}

function accounting(section: NonNullable<Report['accounting']>): Chapter {
  const { total, entities } = section
  const everything = { entity: 'All entities', accounting: total }
  const lines = [...entities, everything]
  return {
    title: 'Accounting',
    notes: ['Every row is in exactly one class. Source: total = excluded + scope, and scope is the sum of the classes after it. Target: total is the sum of the classes after it.'],
    charts: entityCharts(section),
    tables: [
      table('Source rows by class', ['Entity', ...sourceFigures.map(countColumn)], lines.map((line) => [line.entity, ...sourceFigures.map((name) => line.accounting.source[name])])),
      table('Target rows by class', ['Entity', ...targetFigures.map(countColumn)], lines.map((line) => [line.entity, ...targetFigures.map((name) => line.accounting.target[name])])),
      table('Coverage by entity', ['Entity', 'Domain', 'Verdict:verdict', 'Coverage %:percent', 'Arrived %:percent'],
        entities.map((line) => [line.entity, line.domain, line.verdict, line.coveragePercent, line.arrivedPercent])),
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
    charts: [checkChart(section)],
    tables: [
      table('Number of checks', ['Verdict:verdict', 'Checks:count'], [['pass', section.passed], ['warn', section.warned], ['unknown', section.unknown], ['fail', section.failed]]),
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
    charts: [],
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
    charts: tableCharts(section),
    tables: [
      table('Number of tables by coverage', ['Side', 'Covered:count', 'Ignored:count', 'Uncovered:count'],
        (['source', 'target'] as const).map((side) => [side, section.counts[side].covered, section.counts[side].ignored, section.counts[side].uncovered])),
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
    charts: [],
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
    charts: [],
    tables: [
      table('Rows by declared reason', ['Entity', 'Class', 'Reason', 'Rows:count'], section.declared.map((line) => [line.entity, line.class, line.reason, line.rows]), 3),
      table('Rows by cause', ['Entity', 'Class', 'Cause', 'Rows:count'], section.causes.map((line) => [line.entity, line.class, line.cause, line.rows]), 3),
    ],
  }
}

function evidence(list: NonNullable<Report['evidence']>): Chapter {
  const head = ['Entity', 'Basis', 'Source rows read:count', 'Target rows read:count', 'Source snapshot:time', 'Target snapshot:time', 'Seconds:count', 'Published:time', 'Job', 'Note']
  return {
    title: 'Evidence',
    notes: ['Basis full: every row of both sides was read.'],
    charts: [],
    tables: [
      table('What was read, and when', head, list.map((line) => [
        line.entity, line.basis, line.sourceRowsExamined, line.targetRowsExamined, line.sourceSnapshotAt ?? '', line.targetSnapshotAt ?? '', line.durationSeconds,
        line.publishedAt ?? '', line.jobId ?? '', line.note ?? '',
      ])),
    ],
  }
}

function scripts(list: NonNullable<Report['scripts']>): Chapter {
  const head = ['Script', 'Domains', 'Status', 'Drift', 'Processed:count', 'Failed:count', 'Success %:percent', 'Last start:time', 'Last end:time']
  return {
    title: 'Scripts',
    notes: ['As the scripts report of themselves, of the newest run each.'],
    charts: [],
    tables: [
      table('Scripts and their newest runs', head, list.map((line) => [
        line.name, line.domains.join(', '), line.status, line.drift, line.recordsProcessed, line.recordsFailed, line.successRate, line.lastStartedAt ?? '', line.lastFinishedAt ?? '',
      ])),
    ],
  }
}

function runs(section: NonNullable<Report['runs']>, list: NonNullable<Report['scripts']>, now: string): Chapter {
  const idle = list.filter(({ status }) => status === 'pending').length
  return {
    title: 'Runs',
    notes: [
      `${section.runs.length} runs of ${list.length} scripts, of which ${idle} never ran.`,
      ...(section.omitted > 0 ? [`${section.omitted} older runs are left out.`] : []),
    ],
    charts: [runChart(section, list, now)],
    tables: [
      table('Runs', ['Script', 'Status', 'Start:time', 'End:time', 'Processed:count', 'Failed:count', 'Message'],
        section.runs.map((run) => [run.script, run.status, run.startedAt, run.finishedAt ?? 'still running', run.recordsProcessed, run.recordsFailed, run.message ?? ''])),
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

export function keyText(key: Record<string, string | null>): string {
  return Object.entries(key).map(([leg, value]) => `${leg} = ${valueText(value)}`).join(', ')
}

export function changesText(list: { column: string; source: string | null; target: string | null }[]): string {
  return list.map(({ column, source, target }) => `${column}: ${valueText(source)} → ${valueText(target)}`).join('; ')
}

/** Quoted, so that NULL, the text NULL, the empty text and a blank are four different things. */
function valueText(value: string | null): string {
  return value === null ? 'NULL' : `"${value.replaceAll('"', '""')}"`
}

function countColumn(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}:count`
}
