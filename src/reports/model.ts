import { addCounts, arrivedPercent, arrivedRows, uniformAccounting, verifiedPercent, verifiedRows, worstVerdict } from '../core/accounting.js'
import type { Accounting, Count, Verdict } from '../core/accounting.js'
import { bothSides, classPercents, countTableRows, isUnaccounted } from '../core/covered.js'
import { outlinePlan, rollUp } from '../core/figures.js'
import type { Outline, PlanParts, PlannedDomain, PlannedEntity, Progress, Snapshot } from '../core/figures.js'
import type { ToldProfile } from '../core/profile.js'
import type { CheckLine } from '../core/render/junit.js'
import { assessRisk } from '../core/risk.js'
import { timelineOf } from '../core/timeline.js'
import { checkLimit, differenceLimits, listLimit, sectionsOf, snapshotLimit } from './contents.js'
import type { ReportType, Section } from './contents.js'
import type { ColumnResult, DifferenceRow, EntityResult, RecordedDifferences, TableResult } from './queries.js'
import type { Report } from './schemas.js'
import type { ReportRun, ReportScript } from './section-schemas.js'
import { trendSection } from './trend.js'

/** Everything that a report is made of, read in one snapshot of the tracking schema. */
export interface ReportFacts {
  generatedAt: Date
  planChecksum: string
  plan: PlanParts
  results: readonly EntityResult[]
  entityChecks: readonly CheckLine[]
  /** checks of the migration as a whole; not part of a report on one domain */
  wholeChecks: readonly CheckLine[]
  columns: readonly ColumnResult[]
  /** of the entities whose columns were looked at */
  profiles: readonly (ToldProfile & { entity: string })[]
  tables: readonly TableResult[]
  recorded: readonly RecordedDifferences[]
  differences: readonly DifferenceRow[]
  scripts: readonly ReportScript[]
  runs: readonly ReportRun[]
  /** how many runs of those scripts there are */
  runsTotal: number
  /** of at least as many days as a report shows */
  history: readonly Progress[]
}

export interface ReportOptions {
  type: ReportType
  domain: string | null
  includeDetails: boolean
}

/** The entities that a report speaks of, in the plan's order. */
export function reportedEntities(plan: PlanParts, domain: string | null): PlannedEntity[] {
  return outlinePlan(plan).entities.filter((entity) => domain === null || entity.domain === domain)
}

/** Puts the facts together; pure, so that equal facts give equal reports in every format. */
export function assembleReport(facts: ReportFacts, options: ReportOptions): Report {
  const outline = scopedOutline(outlinePlan(facts.plan), options.domain)
  const names = new Set(outline.entities.map(({ name }) => name))
  const current = new Map(facts.results.filter(({ entity }) => names.has(entity)).map((result) => [result.entity, result]))
  const checks = [...(options.domain === null ? facts.wholeChecks : []), ...facts.entityChecks.filter(({ entity }) => names.has(entity))]
  const tables = facts.tables.filter(({ entities }) => options.domain === null || entities.some((entity) => names.has(entity)))
  const columns = facts.columns.filter(({ entity }) => names.has(entity))
  const total = rollUp(outline.entities, current)
  const claimed = countTableRows(tables)
  const make: { [Name in Section]: () => NonNullable<Report[Name]> } = {
    outlook: () => outlookSection(outline.entities, current, total.accounting, facts),
    domains: () => outline.domains.map((domain) => domainLine(domain, current, checks)),
    trend: () => trendSection(outline.entities, facts.history, facts.generatedAt, snapshotLimit(options.type, options.includeDetails)),
    accounting: () => ({ total: total.accounting, entities: outline.entities.map((entity) => entityLine(entity, current.get(entity.name), columns.filter((column) => column.entity === entity.name))) }),
    checks: () => checkSection(checks, checkLimit(options.type, options.includeDetails)),
    differences: () => differenceSection(facts, total.accounting, options),
    tables: () => tableSection(tables),
    columns: () => columnSection(columns, facts.profiles.filter(({ entity }) => names.has(entity))),
    reasons: () => reasonSection(outline.entities, current),
    evidence: () => outline.entities.map(({ name }) => evidenceLine(name, current.get(name))),
    scripts: () => [...facts.scripts],
    runs: () => ({ omitted: facts.runsTotal - facts.runs.length, runs: [...facts.runs] }),
  }
  const sections = sectionsOf(options.type, options.includeDetails).map((name) => [name, make[name]()])
  return {
    type: options.type,
    domain: options.domain,
    includeDetails: options.includeDetails,
    generatedAt: facts.generatedAt.toISOString(),
    planChecksum: facts.planChecksum,
    figures: {
      verdict: worstVerdict([total.verdict, ...checks.map(({ verdict }) => verdict), ...tables.map(({ verdict }) => verdict)]),
      coveragePercent: verifiedPercent(total.accounting),
      arrivedPercent: arrivedPercent(total.accounting),
      totalRecords: total.accounting.source.scope,
      migratedRecords: arrivedRows(total.accounting),
      verifiedRecords: verifiedRows(total.accounting),
      entities: { total: total.entities, validated: current.size, counted: total.entitiesCounted },
      tables: tableCounts(tables),
      columns: columnCounts(columns),
      rows: bothSides((side) => ({ claimed: claimed[side].covered, ignored: claimed[side].ignored, unclaimed: claimed[side].uncovered })),
      classPercents: classPercents(total.accounting),
      oldestResultAt: edge(current, (times) => Math.min(...times)),
      newestResultAt: edge(current, (times) => Math.max(...times)),
      accounting: total.accounting,
    },
    ...(Object.fromEntries(sections) as Pick<Report, Section>),
  }
}

function scopedOutline(outline: Outline, domain: string | null): Outline {
  if (domain === null) return outline
  return { ...outline, domains: outline.domains.filter(({ name }) => name === domain), entities: outline.entities.filter((entity) => entity.domain === domain) }
}

function edge(current: ReadonlyMap<string, Snapshot>, pick: (times: number[]) => number): string | null {
  return current.size === 0 ? null : new Date(pick([...current.values()].map(({ publishedAt }) => publishedAt.getTime()))).toISOString()
}

function outlookSection(entities: readonly PlannedEntity[], current: ReadonlyMap<string, EntityResult>, accounting: Accounting, { history, generatedAt }: ReportFacts): NonNullable<Report['outlook']> {
  const { estimatedCompletionDays, estimatedCompletionAt, interval, confidence, basis } = timelineOf(entities, accounting, history, generatedAt)
  return {
    risk: assessRisk(entities, current),
    completion: {
      estimatedDays: estimatedCompletionDays,
      estimatedAt: estimatedCompletionAt?.toISOString() ?? null,
      earliestDays: interval?.earliestDays ?? null,
      latestDays: interval?.latestDays ?? null,
      confidence,
      basis,
    },
  }
}

function domainLine(domain: PlannedDomain, current: ReadonlyMap<string, EntityResult>, checks: readonly CheckLine[]): NonNullable<Report['domains']>[number] {
  const { accounting, verdict, entities, entitiesCounted } = rollUp(domain.entities, current)
  const own = new Set(domain.entities.map(({ name }) => name))
  return {
    domain: domain.name,
    priority: domain.priority,
    verdict: worstVerdict([verdict, ...checks.filter(({ entity }) => own.has(entity)).map((check) => check.verdict)]),
    entities,
    entitiesCounted,
    coveragePercent: verifiedPercent(accounting),
    arrivedPercent: arrivedPercent(accounting),
    accounting,
  }
}

function entityLine({ name, domain }: PlannedEntity, result: EntityResult | undefined, columns: readonly ColumnResult[]): NonNullable<Report['accounting']>['entities'][number] {
  const accounting = result?.accounting ?? uniformAccounting(null)
  const uncoveredColumns = bothSides((side) => (columns.length === 0 ? null : columns.filter((column) => column.side === side && column.coverage === 'uncovered').length))
  return { entity: name, domain, verdict: result?.verdict ?? 'unknown', coveragePercent: verifiedPercent(accounting), arrivedPercent: arrivedPercent(accounting), accounting, uncoveredColumns }
}

const verdictOrder: Verdict[] = ['fail', 'unknown', 'warn', 'pass']
const severityOrder = ['critical', 'warning', 'info']

function checkSection(checks: readonly CheckLine[], limit: number): NonNullable<Report['checks']> {
  const count = (verdict: Verdict) => checks.filter((check) => check.verdict === verdict).length
  const notPassed = checks
    .filter(({ verdict }) => verdict !== 'pass')
    .sort((a, b) => verdictOrder.indexOf(a.verdict) - verdictOrder.indexOf(b.verdict) || severityOrder.indexOf(a.severity) - severityOrder.indexOf(b.severity))
  return {
    total: checks.length,
    passed: count('pass'),
    warned: count('warn'),
    failed: count('fail'),
    unknown: count('unknown'),
    omitted: Math.max(0, notPassed.length - limit),
    notPassed: notPassed.slice(0, limit).map(({ entity, name, subject, category, severity, verdict, message, rowsExamined, rowsFailed }) => ({
      entity: entity === '' ? null : entity,
      name,
      subject: subject === '' ? null : subject,
      category,
      severity,
      verdict,
      message,
      rowsExamined,
      rowsFailed,
    })),
  }
}

/** Classes a user looks for first come first. */
const differenceClasses = [
  ['differs', 'source'],
  ['missing', 'source'],
  ['duplicate', 'target'],
  ['extra', 'target'],
  ['unverified', 'source'],
  ['unverified', 'target'],
  ['pending', 'source'],
  ['pending', 'target'],
  ['accepted', 'source'],
  ['explained', 'source'],
  ['excluded', 'source'],
  ['merged', 'source'],
  ['generated', 'target'],
] as const

function differenceSection({ recorded, differences }: ReportFacts, { source, target }: Accounting, { type, includeDetails }: ReportOptions): NonNullable<Report['differences']> {
  const { perClass, total } = differenceLimits(type, includeDetails)
  const totals = differenceClasses.map(([name, side]) => {
    const kept = recorded.find((entry) => entry.class === name && entry.side === side)?.recorded ?? 0
    const shown = differences.filter((row) => row.class === name && (row.side === 'target') === (side === 'target')).length
    return { class: name, side, rows: side === 'source' ? source[name as keyof typeof source] : target[name as keyof typeof target], recorded: kept, shown }
  })
  const complete = totals.every(({ rows, shown }) => rows === shown)
  return { perClass: Math.min(perClass, total), limit: total, complete, totals, rows: [...differences] }
}

function tableCounts(tables: readonly TableResult[]): Report['figures']['tables'] {
  const count = (coverage: TableResult['coverage']) => tables.filter((table) => table.coverage === coverage).length
  return { total: tables.length, covered: count('covered'), ignored: count('ignored'), uncovered: count('uncovered') }
}

function columnCounts(columns: readonly ColumnResult[]): Report['figures']['columns'] {
  const count = (coverage: ColumnResult['coverage']) => columns.filter((column) => column.coverage === coverage).length
  return { total: columns.length, compared: count('compared'), read: count('read'), ignored: count('ignored'), uncovered: count('uncovered') }
}

function tableSection(tables: readonly TableResult[]): NonNullable<Report['tables']> {
  const count = (pick: (table: TableResult) => Count, side: TableResult['side']) => addCounts(...tables.filter((table) => table.side === side).map(pick))
  // rows that nothing accounts for are the last to be left out
  const kept = new Set([...tables.filter(isUnaccounted), ...tables.filter((table) => !isUnaccounted(table))].slice(0, listLimit))
  const shown = tables.filter((table) => kept.has(table))
  return {
    unclaimedSourceRows: count(({ unclaimed }) => unclaimed, 'source'),
    unclaimedTargetRows: count(({ unclaimed }) => unclaimed, 'target'),
    counts: { source: coverageCounts(tables, 'source'), target: coverageCounts(tables, 'target') },
    omitted: tables.length - shown.length,
    tables: shown.map((table) => ({ ...table, entities: [...table.entities] })),
  }
}

function coverageCounts(tables: readonly TableResult[], side: TableResult['side']): { covered: number; ignored: number; uncovered: number } {
  const { covered, ignored, uncovered } = tableCounts(tables.filter((table) => table.side === side))
  return { covered, ignored, uncovered }
}

function columnSection(columns: readonly ColumnResult[], profiles: ReportFacts['profiles']): NonNullable<Report['columns']> {
  const ignored = columns.filter(({ coverage }) => coverage === 'ignored')
  const uncovered = columns.filter(({ coverage }) => coverage === 'uncovered')
  const differing = columns.filter(({ differs }) => differs !== null && differs > 0).sort((a, b) => (b.differs ?? 0) - (a.differs ?? 0))
  const cut = <T>(list: T[]) => list.slice(0, listLimit)
  // what is odd is the last to be left out
  const isOdd = ({ findings }: ToldProfile) => findings.length > 0
  return {
    omitted: [ignored, uncovered, differing, profiles].reduce((sum, list) => sum + Math.max(0, list.length - listLimit), 0),
    uncovered: cut(uncovered).map(({ entity, side, column }) => ({ entity, side, column })),
    ignored: cut(ignored).map(({ entity, side, column, reason }) => ({ entity, side, column, reason })),
    differing: cut(differing).map(({ entity, side, column, differs }) => ({ entity, side, column, rows: differs })),
    profiles: cut([...profiles.filter(isOdd), ...profiles.filter((profile) => !isOdd(profile))]).map(({ entity, ...profile }) => ({ entity, profile })),
  }
}

function reasonSection(entities: readonly PlannedEntity[], current: ReadonlyMap<string, EntityResult>): NonNullable<Report['reasons']> {
  const known = entities.flatMap(({ name }) => current.get(name) ?? [])
  return {
    declared: known.flatMap(({ entity, reasons }) => reasons.map((entry) => ({ entity, class: entry.class, reason: entry.reason, rows: entry.rows }))),
    causes: known.flatMap(({ entity, causes }) => causes.map((entry) => ({ entity, class: entry.class, cause: entry.cause, rows: entry.rows }))),
  }
}

function evidenceLine(entity: string, result: EntityResult | undefined): NonNullable<Report['evidence']>[number] {
  return {
    entity,
    jobId: result?.jobId ?? null,
    basis: result?.basis ?? 'none',
    sourceRowsExamined: result?.sourceRowsExamined ?? null,
    targetRowsExamined: result?.targetRowsExamined ?? null,
    sourceSnapshotAt: result?.sourceSnapshotAt?.toISOString() ?? null,
    targetSnapshotAt: result?.targetSnapshotAt?.toISOString() ?? null,
    durationSeconds: result === undefined ? null : result.durationMs / 1000,
    publishedAt: result?.publishedAt.toISOString() ?? null,
    note: result === undefined ? 'never validated' : result.note,
  }
}
