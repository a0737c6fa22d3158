import type { Sql } from 'postgres'
import { addCounts } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import { addColumns, countTableRows, countTables } from '../core/covered.js'
import type { CoverageCounts } from '../core/covered.js'
import { dayMs, newest, outlinePlan, rollUp, staleReason } from '../core/figures.js'
import type { Outline, PlannedEntity } from '../core/figures.js'
import { gateVerdict, judgeGate } from '../core/gates.js'
import type { Gate, GateFigures, GateVerdict, JudgedLimit } from '../core/gates.js'
import type { Db } from '../db/clients.js'
import { comparesAlike } from '../plan/load.js'
import type { LoadedPlan } from '../plan/load.js'
import { countColumns, listCurrentSnapshots, listDistrusted, listPlansOfJobs, listScriptFigures, listTableAccounts, listTables, listUnfinished } from './queries.js'
import { readTimes } from './summary.js'

export interface GateReport {
  verdict: GateVerdict
  /** domain null: the whole migration */
  limits: ({ domain: string | null } & JudgedLimit)[]
  lastValidatedAt: Date | null
}

/**
 * Holds the figures that GET /coverage/summary and GET /domains/coverage tell against the gates of the plan; the migrated tables are not read.
 * Figures that may not tell how things stand make every limit over them unknown.
 * @returns undefined when the plan has no gates
 */
export async function readGates(sql: Sql, loaded: Pick<LoadedPlan, 'plan' | 'content'>, now: Date): Promise<GateReport | undefined> {
  const { gates } = loaded.plan
  if (gates === undefined) return undefined
  const outline = outlinePlan(loaded.plan)
  // one snapshot, so that no job is published between two of the reads
  const data = await sql.begin('isolation level repeatable read read only', async (tx) => readGateData(tx, outline, loaded.content))
  const { domains = {}, ...whole } = gates
  const judge = (domain: string | null, gate: Gate) => judgeGate(gate, figuresOf(outline.entities.filter((entity) => domain === null || entity.domain === domain), data, now)).map((judged) => ({ domain, ...judged }))
  const limits = [...judge(null, whole), ...Object.entries(domains).flatMap(([domain, gate]) => judge(domain, gate))]
  return { verdict: gateVerdict(limits), limits, lastValidatedAt: newest(data.current.map(({ publishedAt }) => publishedAt)) }
}

type GateData = Awaited<ReturnType<typeof readGateData>>

async function readGateData(tx: Db, { entities, scripts }: Outline, content: string) {
  const names = entities.map(({ name }) => name)
  const current = await listCurrentSnapshots(tx, names)
  const others = (await listPlansOfJobs(tx, current.map(({ jobId }) => jobId))).filter((plan) => !comparesAlike(content, plan.content))
  const accounts = await listTableAccounts(tx, names)
  return {
    current,
    /** jobs by another plan */
    otherJobs: new Set(others.flatMap(({ jobs }) => jobs)),
    distrusted: await listDistrusted(tx, current.map(({ jobId }) => jobId)),
    unfinished: await listUnfinished(tx, names),
    runs: await listScriptFigures(tx, scripts),
    columns: await countColumns(tx, names),
    tables: await listTables(tx),
    /** when a job last counted all tables; undefined: none did */
    tablesSince: accounts[0]?.since,
    tablesAlike: accounts.every((account) => comparesAlike(content, account.content)),
  }
}

function figuresOf(entities: readonly PlannedEntity[], data: GateData, now: Date): GateFigures {
  const both = (counts: Record<Side, CoverageCounts>) => addCounts(counts.source.uncovered, counts.target.uncovered)
  return {
    accounting: rollUp(entities, new Map(data.current.map((snapshot) => [snapshot.entity, snapshot]))).accounting,
    uncovered: { tables: both(countTables(data.tables)), columns: both(addColumns(entities, data.columns)), rows: both(countTableRows(data.tables)) },
    untold: whyUntold(entities, data, now),
    tablesUntold: whyTablesUntold(data, now),
  }
}

/** Why the figures of these entities cannot tell how things stand, naming the first of them; null when they can. */
function whyUntold(entities: readonly PlannedEntity[], { current, otherJobs, distrusted, unfinished, runs }: GateData, now: Date): string | null {
  if (entities.length === 0) return 'no entity is in it'
  const stale = staleReason(entities, readTimes(current), new Map(runs.map((one) => [one.script, one])), now)
  if (stale !== null) return stale
  const named = new Set(entities.map(({ name }) => name))
  const open = unfinished.find(({ entity }) => named.has(entity))
  if (open !== undefined) return `the newest validation of ${open.entity} (job ${open.jobId}) has the status ${open.status}, and these figures are from before it`
  const distrust = distrusted.find((one) => current.some(({ entity, jobId }) => named.has(entity) && entity === one.entity && jobId === one.jobId))
  if (distrust !== undefined) return `the comparison of ${distrust.entity} cannot be trusted: ${distrust.message}`
  const foreign = current.find(({ entity, jobId }) => named.has(entity) && otherJobs.has(jobId))
  return foreign === undefined ? null : `${foreign.entity} was compared by another plan: validate again`
}

/** The same for the tables: one job must have counted all of them, and no later one by another plan. */
function whyTablesUntold({ tablesSince, tablesAlike }: GateData, now: Date): string | null {
  if (tablesSince === undefined) return 'no validation of all entities has counted the tables (includeCrossEntity)'
  if (now.getTime() - tablesSince.getTime() > dayMs) return 'the newest count of all tables is older than 24 hours'
  return tablesAlike ? null : 'the tables were counted by another plan: validate again'
}
