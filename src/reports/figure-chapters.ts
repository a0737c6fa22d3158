import { sourceClasses, targetClasses } from '../core/accounting.js'
import { countColumn, table } from './chapter.js'
import type { Cell, Chapter, Table } from './chapter.js'
import { domainChart, entityCharts, trendChart, wholeChart } from './report-charts.js'
import type { Report } from './schemas.js'

const sourceFigures = ['total', 'excluded', 'scope', ...sourceClasses] as const
const targetFigures = ['total', ...targetClasses] as const

export function headline(report: Report): Chapter {
  const { figures, generatedAt, planChecksum } = report
  const missing = figures.entities.total - figures.entities.counted
  const rows: [string, Cell][] = [
    ['Verdict', figures.verdict],
    ['Coverage (verified) %', figures.coveragePercent],
    ['Arrived %', figures.arrivedPercent],
    ['Records in scope', figures.totalRecords],
    ['Records migrated', figures.migratedRecords],
    ['Records verified', figures.verifiedRecords],
    ...besideVerified.map((name): [string, Cell] => [`Records ${name}`, figures.accounting.source[name]]),
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
    ...(['source', 'target'] as const).flatMap((side): [string, Cell][] => [[`Rows of ${side} tables that no entity claims`, figures.rows[side].unclaimed], [`Rows of ignored ${side} tables`, figures.rows[side].ignored]]),
    ['Oldest result', figures.oldestResultAt ?? 'none'],
    ['Newest result', figures.newestResultAt ?? 'none'],
    ['Report made at', generatedAt],
    ['Plan (sha256)', planChecksum],
  ]
  return {
    title: 'Headline figures',
    notes: [
      'Percentages are floored; those of classes are of the scope at the source (excluded rows of the total), and of the total at the target. Records are deliveries: a source row wanted in three tables counts three times.',
      ...(missing > 0 ? [`${missing} of ${figures.entities.total} entities could not be counted or were never validated, so sums that include them are unknown.`] : []),
    ],
    charts: [wholeChart(report)],
    tables: [rowsByClass(figures), table('Headline figures', ['Figure', 'Value:figure'], rows)],
  }
}

/** Classes of the source that are told beside the verified rows, as plainly. */
export const besideVerified = ['explained', 'accepted', 'unverified'] as const

function rowsByClass({ accounting: { source, target }, classPercents }: Report['figures']): Table {
  return table('Rows by class', ['Side', 'Class', 'Rows:count', '% of its side:percent'], [
    ...sourceFigures.map((name): Cell[] => ['source', name, source[name], percentCell(source[name], classPercents.source, name)]),
    ...targetFigures.map((name): Cell[] => ['target', name, target[name], percentCell(target[name], classPercents.target, name)]),
  ], 2)
}

/** Empty for totals; a share that is floored to 0 although there are rows is not called 0. */
function percentCell(rows: Cell, percents: Partial<Record<string, number | null>>, name: string): Cell {
  const percent = percents[name]
  return percent === undefined ? '' : percent === 0 && rows !== 0 ? 'below 0.01' : percent
}

export function outlook({ risk, completion }: NonNullable<Report['outlook']>): Chapter {
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

export function trend({ days, snapshots, omitted, direction, fit, points }: NonNullable<Report['trend']>): Chapter {
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

export function domains(list: NonNullable<Report['domains']>): Chapter {
  const columns = ['Domain', 'Priority', 'Verdict:verdict', 'Coverage %:percent', 'Arrived %:percent', 'Scope:count', 'Missing:count', 'Differs:count', 'Extra:count', 'Entities:count']
  return {
    title: 'Domains',
    notes: [],
    charts: [domainChart(list)],
    tables: [
      table('Source rows by domain and class', ['Domain', ...sourceFigures.map(countColumn)], list.map((line) => [line.domain, ...sourceFigures.map((name) => line.accounting.source[name])])),
      table('Target rows by domain and class', ['Domain', ...targetFigures.map(countColumn)], list.map((line) => [line.domain, ...targetFigures.map((name) => line.accounting.target[name])])),
      table('Coverage by domain', columns, list.map((line) => [
        line.domain, line.priority, line.verdict, line.coveragePercent, line.arrivedPercent,
        line.accounting.source.scope, line.accounting.source.missing, line.accounting.source.differs, line.accounting.target.extra, line.entities,
      ])),
    ],
  }
}

export function accounting(section: NonNullable<Report['accounting']>): Chapter {
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
      table('Coverage by entity', ['Entity', 'Domain', 'Verdict:verdict', 'Coverage %:percent', 'Arrived %:percent', 'Source columns uncovered:count', 'Target columns uncovered:count'],
        entities.map((line) => [line.entity, line.domain, line.verdict, line.coveragePercent, line.arrivedPercent, line.uncoveredColumns.source, line.uncoveredColumns.target])),
    ],
  }
}
