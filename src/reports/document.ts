import { sections } from './contents.js'
import type { Section } from './contents.js'
import type { Cell, Chapter } from './chapter.js'
import { checks, columns, differences, evidence, reasons, runs, scripts, tables } from './evidence-chapters.js'
import { accounting, domains, headline, outlook, trend } from './figure-chapters.js'
import type { Report } from './schemas.js'

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

function countText(count: number | null): string {
  return count === null ? 'not counted' : count.toLocaleString('en-US')
}

/** The state in a few sentences: what is verified, and everything in scope that is not. */
function inWords({ figures: { accounting: { source, target }, verifiedRecords, coveragePercent, entities, tables: counts, columns: fields, rows } }: Report): string {
  if (source.scope === null || verifiedRecords === null) {
    return `${entities.counted} of ${entities.total} entities were counted, so how many rows are verified is unknown.`
  }
  const told = (list: [string, Cell][]) => list.filter(([, count]) => count !== 0).map(([name, count]) => (count === null ? `${name} not counted` : `${count.toLocaleString('en-US')} ${name}`)).join(', ')
  const rest = [
    told([['differing', source.differs], ['missing', source.missing], ['unverified', source.unverified], ['pending', source.pending], ['explained', source.explained], ['accepted', source.accepted]]),
    told([['duplicate', target.duplicate], ['extra', target.extra], ['unverified', target.unverified], ['pending', target.pending]]).replace(/^(?=.)/, 'in the target '),
  ].filter((part) => part !== '').join('; ')
  const unclaimed = `Rows of tables that no entity claims: ${countText(rows.source.unclaimed)} in the source, ${countText(rows.target.unclaimed)} in the target.`
  const uncovered = `${counts.uncovered} of ${counts.total} tables and ${fields.uncovered} of ${fields.total} columns are uncovered. ${unclaimed}`
  const share = coveragePercent === null ? 'No source row is in scope.' : `${verifiedRecords.toLocaleString('en-US')} of ${source.scope.toLocaleString('en-US')} source rows in scope are verified (${coveragePercent} %).`
  return `${share} ${rest === '' ? 'Nothing else is left.' : `Not verified: ${rest}.`} ${uncovered}`
}
