import { changesText, keyText, table } from './chapter.js'
import type { Chapter } from './chapter.js'
import { checkChart, runChart, tableCharts } from './report-charts.js'
import type { Report } from './schemas.js'

export function checks(section: NonNullable<Report['checks']>): Chapter {
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

export function differences(section: NonNullable<Report['differences']>): Chapter {
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

export function tables(section: NonNullable<Report['tables']>): Chapter {
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

export function columns(section: NonNullable<Report['columns']>): Chapter {
  return {
    title: 'Columns',
    notes: omittedNote(section.omitted),
    charts: [],
    tables: [
      table('Uncovered columns', ['Entity', 'Side', 'Column'], section.uncovered.map((line) => [line.entity, line.side, line.column]), 3),
      table('Columns with differences', ['Entity', 'Side', 'Column', 'Rows:count'], section.differing.map((line) => [line.entity, line.side, line.column, line.rows]), 3),
      table('What the columns hold', ['Entity', 'Column', 'Finding', 'Source filled %:percent', 'Target filled %:percent', 'Source values, at least:count', 'Target values, at least:count', 'Source rows of one value:count', 'Target rows of one value:count'],
        section.profiles.map(({ entity, profile: { column, mapped, source, target, findings } }) => [
          entity, column, findings.join(', ') || (mapped ? '' : 'not mapped'), source === null ? '' : source.filledPercent, target.filledPercent, source === null ? '' : source.distinctAtLeast, target.distinctAtLeast,
          source === null ? '' : source.topRows, target.topRows,
        ]), 2),
      table('Columns ignored on purpose', ['Entity', 'Side', 'Column', 'Reason'], section.ignored.map((line) => [line.entity, line.side, line.column, line.reason ?? '']), 3),
    ],
  }
}

export function reasons(section: NonNullable<Report['reasons']>): Chapter {
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

export function evidence(list: NonNullable<Report['evidence']>): Chapter {
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

export function scripts(list: NonNullable<Report['scripts']>): Chapter {
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

export function runs(section: NonNullable<Report['runs']>, list: NonNullable<Report['scripts']>, now: string): Chapter {
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

function omittedNote(omitted: number): string[] {
  return omitted > 0 ? [`${omitted} entries are left out of these lists.`] : []
}
