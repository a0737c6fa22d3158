import { addCounts, arrivedPercent, floorPercent, verifiedPercent } from '../core/accounting.js'
import type { Accounting, Count, Verdict } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import { addColumns, bothSides, classPercents, countTableRows, tablesOf } from '../core/covered.js'
import type { ClassPercents, ColumnCounts, CoverageCounts, TableFigures } from '../core/covered.js'
import { newest, progressByEntity, rollUp, rollUpOverTime, windowMs } from '../core/figures.js'
import type { PlannedDomain, Priority, Progress, ScriptFigures } from '../core/figures.js'
import { issuesOf } from '../core/issues.js'
import type { Issue } from '../core/issues.js'
import { trendOf } from '../core/trend.js'
import type { Point, Trend } from '../core/trend.js'
import { countChecks, countColumns, listCurrentSnapshots, listProgress, listScriptFigures, listTables } from '../coverage/queries.js'
import type { CheckCounts, CurrentSnapshot } from '../coverage/queries.js'
import type { Db } from '../db/clients.js'
import type { ScriptState } from '../scripts/status.js'

export interface DomainCoverage {
  domain: string
  description: string | null
  priority: Priority
  coverage: number | null
  accounting: Accounting
  classPercents: ClassPercents
  columns: Record<Side, CoverageCounts>
  rows: Record<Side, CoverageCounts>
  entitiesTotal: number
  entitiesCounted: number
  scripts: { total: number; completed: number; running: number; failed: number; rolledBack: number; pending: number; missing: number }
  status: Verdict
  trend: Trend | null
  lastUpdated: Date | null
  details?: DomainDetails
  validation?: Omit<CheckCounts, 'entity'>
}

interface DomainDetails {
  entities: {
    entityName: string
    status: Verdict
    totalRecords: Count
    coverage: number | null
    migrationRate: number | null
    accounting: Accounting
    lastValidated: Date | null
  }[]
  issues: Issue[]
  recommendations: string[]
}

export interface DomainsCoverage {
  domains: DomainCoverage[]
  summary: { domains: number; entities: number; entitiesCounted: number; coverage: number | null; byStatus: Record<Verdict, number> }
  /** tables in no entity, and so in no domain, with their rows */
  outside: Record<Side, { tables: Count; rows: Count }>
  trends: Record<Trend | 'unknown', string[]>
  insights: string[]
}

interface DomainData {
  current: Map<string, CurrentSnapshot>
  history: Map<string, Progress[]>
  scripts: ScriptFigures[]
  checks: CheckCounts[] | null
  columns: ColumnCounts[]
  tables: TableFigures[]
}

interface Include {
  details: boolean
  validation: boolean
}

/** Coverage of these domains, from the tracking schema alone. */
export async function readDomains(sql: Db, domains: readonly PlannedDomain[], states: readonly ScriptStanding[], include: Include, now: Date): Promise<DomainsCoverage> {
  const data = await readDomainData(sql, domains, include, now)
  const described = domains.map((domain) => describeDomain(domain, data, states, include, now))
  const entities = domains.flatMap((domain) => domain.entities)
  const outside = outsideOf(data.tables)
  const { accounting, entitiesCounted } = rollUp(entities, data.current)
  const named = (trend: Trend | null) => described.filter((domain) => domain.trend === trend).map(({ domain }) => domain)
  const having = (verdict: Verdict) => described.filter(({ status }) => status === verdict).length
  const byStatus = { pass: having('pass'), warn: having('warn'), unknown: having('unknown'), fail: having('fail') }
  return {
    domains: described,
    summary: { domains: domains.length, entities: entities.length, entitiesCounted, coverage: verifiedPercent(accounting), byStatus },
    outside,
    trends: { improving: named('improving'), declining: named('declining'), stable: named('stable'), unknown: named(null) },
    insights: insightsOf(described, outside),
  }
}

/** One domain with its details and checks. */
export async function readDomain(sql: Db, domain: PlannedDomain, states: readonly ScriptStanding[], now: Date): Promise<DomainCoverage> {
  const include = { details: true, validation: true }
  return describeDomain(domain, await readDomainData(sql, [domain], include, now), states, include, now)
}

async function readDomainData(sql: Db, domains: readonly PlannedDomain[], include: Include, now: Date): Promise<DomainData> {
  const names = domains.flatMap(({ entities }) => entities.map(({ name }) => name))
  const [current, history, scripts, checks, columns, tables] = await Promise.all([
    listCurrentSnapshots(sql, names),
    listProgress(sql, names, new Date(now.getTime() - windowMs)),
    listScriptFigures(sql, [...new Set(domains.flatMap((domain) => domain.scripts))]),
    include.validation ? countChecks(sql, names) : null,
    countColumns(sql, names),
    listTables(sql),
  ])
  return { columns, tables, current: new Map(current.map((snapshot) => [snapshot.entity, snapshot])), history: progressByEntity(history), scripts, checks }
}

function describeDomain(domain: PlannedDomain, { current, history, scripts, checks, columns, tables }: DomainData, states: readonly ScriptStanding[], include: Include, now: Date): DomainCoverage {
  const { accounting, verdict, entities, entitiesCounted } = rollUp(domain.entities, current)
  const runs = scripts.filter(({ script }) => domain.scripts.includes(script))
  return {
    domain: domain.name,
    description: domain.description,
    priority: domain.priority,
    coverage: verifiedPercent(accounting),
    accounting,
    classPercents: classPercents(accounting),
    columns: addColumns(domain.entities, columns),
    rows: countTableRows(tablesOf(domain.entities, tables)),
    entitiesTotal: entities,
    entitiesCounted,
    scripts: countScripts(domain, states),
    status: verdict,
    trend: trendOf(coverageOverTime(domain, history), now),
    lastUpdated: newest([...domain.entities.map(({ name }) => current.get(name)?.publishedAt), ...runs.map(({ updatedAt }) => updatedAt)]),
    ...(include.details ? { details: detailsOf(domain, current) } : {}),
    ...(checks === null ? {} : { validation: addChecks(domain, checks) }),
  }
}

/** What a script is found to be. */
type ScriptStanding = Pick<ScriptState, 'name' | 'status'>

function countScripts({ scripts }: PlannedDomain, states: readonly ScriptStanding[]): DomainCoverage['scripts'] {
  const own = states.filter(({ name }) => scripts.includes(name))
  const having = (status: ScriptState['status']) => own.filter((state) => state.status === status).length
  return {
    total: scripts.length,
    completed: having('completed'),
    running: having('running'),
    failed: having('failed'),
    rolledBack: having('rolled_back'),
    pending: having('pending'),
    missing: having('missing'),
  }
}

function coverageOverTime({ entities }: PlannedDomain, history: ReadonlyMap<string, Progress[]>): Point[] {
  const progress = entities.flatMap(({ name }) => history.get(name) ?? [])
  return rollUpOverTime(entities, progress).flatMap(({ at, verified, scope }) => {
    const value = floorPercent(verified, scope)
    return value === null ? [] : [{ at, value }]
  })
}

function detailsOf(domain: PlannedDomain, current: ReadonlyMap<string, CurrentSnapshot>): DomainDetails {
  const issues = domain.entities.flatMap(({ name }) => issuesOf(name, current.get(name)))
  return {
    entities: domain.entities.map((entity) => {
      const { accounting, verdict } = rollUp([entity], current)
      return {
        entityName: entity.name,
        status: verdict,
        totalRecords: accounting.source.scope,
        coverage: verifiedPercent(accounting),
        migrationRate: arrivedPercent(accounting),
        accounting,
        lastValidated: current.get(entity.name)?.publishedAt ?? null,
      }
    }),
    issues,
    recommendations: issues.filter(({ severity }) => severity !== 'info').map(({ recommendation }) => recommendation),
  }
}

function addChecks(domain: PlannedDomain, checks: readonly CheckCounts[]): Omit<CheckCounts, 'entity'> {
  const names = new Set(domain.entities.map(({ name }) => name))
  const sum = { checks: 0, passed: 0, warned: 0, failed: 0, unknown: 0 }
  for (const counts of checks) {
    if (!names.has(counts.entity)) continue
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name]
  }
  return sum
}

function outsideOf(tables: readonly TableFigures[]): DomainsCoverage['outside'] {
  return bothSides((side) => {
    const own = tables.filter((table) => table.side === side)
    const uncovered = own.filter(({ coverage }) => coverage === 'uncovered')
    return own.length === 0 ? { tables: null, rows: null } : { tables: uncovered.length, rows: addCounts(...uncovered.map(({ rows }) => rows)) }
  })
}

/** Sentences made from the figures of the answer alone. */
function insightsOf(domains: readonly DomainCoverage[], outside: DomainsCoverage['outside']): string[] {
  const insights: string[] = []
  const passed = domains.filter(({ status }) => status === 'pass').length
  if (domains.length > 0) insights.push(`${passed} of ${domains.length} domains pass`)
  for (const { domain, entitiesTotal, entitiesCounted } of domains) {
    if (entitiesCounted < entitiesTotal) insights.push(`${domain} has no coverage yet: ${entitiesCounted} of its ${entitiesTotal} entities are counted`)
  }
  const known = domains.flatMap(({ domain, coverage }) => (coverage === null ? [] : [{ domain, coverage }])).sort((a, b) => a.coverage - b.coverage)
  const [lowest] = known
  if (lowest !== undefined && known.length > 1 && lowest.coverage < 100) insights.push(`${lowest.domain} has the lowest coverage: ${lowest.coverage} %`)
  for (const { domain, accounting: { source }, columns, rows } of domains) {
    const rest = (['unverified', 'pending', 'accepted', 'explained'] as const).flatMap((name) => (source[name] === null || source[name] === 0 ? [] : [`${source[name]} ${name}`]))
    if (rest.length > 0) insights.push(`${domain} has source rows that are neither verified nor wrong: ${rest.join(', ')}`)
    for (const side of ['source', 'target'] as const) {
      if ((columns[side].uncovered ?? 0) > 0) insights.push(`${domain} leaves columns of the ${side} uncovered: ${columns[side].uncovered}`)
      if ((rows[side].uncovered ?? 0) > 0) insights.push(`${domain} leaves rows of its ${side} tables unclaimed: ${rows[side].uncovered}`)
    }
  }
  for (const side of ['source', 'target'] as const) {
    const { tables, rows } = outside[side]
    if ((tables ?? 0) > 0) insights.push(`no domain has ${tables} of the ${side} tables, with ${rows ?? 'an unknown number of'} rows`)
  }
  for (const { domain, trend } of domains) if (trend === 'declining') insights.push(`the coverage of ${domain} has declined over the last 7 days`)
  return insights
}
