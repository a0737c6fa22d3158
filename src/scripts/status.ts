import { floorPercent } from '../core/accounting.js'
import { outlinePlan } from '../core/figures.js'
import type { PlanParts } from '../core/figures.js'
import { isChecksumOf } from './checksum.js'
import { fileOfScript, stemOf } from './inventory.js'
import type { Inventory, ScriptFile } from './inventory.js'
import type { LedgerEntry } from './ledgers/ledger.js'
import type { Ledger } from './ledgers/read.js'
import { allDependencies, executionOrder } from './order.js'

export const scriptStatuses = ['pending', 'running', 'completed', 'failed', 'rolled_back', 'missing'] as const
export type ScriptStatus = (typeof scriptStatuses)[number]
export const drifts = ['none', 'changed', 'unknown'] as const
export type Drift = (typeof drifts)[number]

/** The plan, as far as it speaks of scripts; every plan file satisfies it. */
export interface ScriptPlan extends PlanParts {
  scripts?: Record<string, { file?: string; category?: string; dependsOn?: string[] } | null>
}

export interface PlannedScript {
  name: string
  /** the domain of its first entity in the file; null for a script that fills no entity */
  domain: string | null
  domains: string[]
  category: string | null
  /** path of its file as the plan gives it */
  path: string | null
  entities: string[]
  dependencies: string[]
}

/** Every script that the plan names, under `scripts` or as the script of an entity, each once. */
export function plannedScripts(plan: ScriptPlan): PlannedScript[] {
  const { entities, scripts } = outlinePlan(plan)
  const described = new Map(Object.entries(plan.scripts ?? {}))
  return scripts.map((name) => {
    const own = entities.filter((entity) => entity.scripts.includes(name))
    const domains = [...new Set(own.map(({ domain }) => domain))]
    return {
      name,
      domain: domains[0] ?? null,
      domains,
      category: described.get(name)?.category ?? null,
      path: described.get(name)?.file ?? null,
      entities: own.map((entity) => entity.name),
      dependencies: [...(described.get(name)?.dependsOn ?? [])],
    }
  })
}

export interface Run {
  runId: string
  script: string
  status: 'running' | 'completed' | 'failed' | 'rolled_back'
  recordsProcessed: number
  recordsSucceeded: number
  recordsFailed: number
  /** recordsSucceeded / recordsProcessed × 100, floored to two decimals; null when 0 were processed */
  successRate: number | null
  checksum: string | null
  message: string | null
  /** ISO 8601, UTC */
  startedAt: string
  updatedAt: string
  /** null while it runs */
  finishedAt: string | null
  /** null while it runs */
  durationSeconds: number | null
}

export interface ScriptMetrics {
  runs: number
  completedRuns: number
  /** over the completed runs; null without one */
  averageDurationSeconds: number | null
  /** records processed by the completed runs per second of their duration; null when they took no time */
  throughputPerSecond: number | null
}

/** What the run records say of one script. */
export interface ScriptLedger {
  name: string
  lastRun: Run | null
  /** of the newest run that reported one */
  checksum: string | null
  /** of the newest completed run that reported one */
  completedChecksum: string | null
  /** of the run it is compared with, see `driftOf` */
  otherChecksum: string | null
  /** end of the first run that completed; ISO 8601, UTC */
  firstCompletedAt: string | null
  metrics: ScriptMetrics
}

export interface ScriptState extends Omit<PlannedScript, 'path'> {
  status: ScriptStatus
  /** of the newest run, and null without one: a repeated run would be counted twice in a sum */
  recordsProcessed: number | null
  recordsSucceeded: number | null
  recordsFailed: number | null
  successRate: number | null
  lastRun: Run | null
  checksum: string | null
  drift: Drift
  /** its file in the directory of scripts; null without a directory or a file */
  file: { path: string; checksum: string } | null
  /** what another tool's ledger has of it */
  ledger: { tool: string; name: string; state: string } | null
  /** its place in an order in which every script comes after its dependencies, from 1 */
  executionOrder: number
  /** direct and indirect dependencies that are not completed, first the one to run first; empty once it is completed itself */
  blockedBy: string[]
  /** direct and indirect dependencies that had not completed when its newest run began */
  ranBefore: string[]
  metrics: ScriptMetrics
}

/** What is known of scripts beside the plan and their own runs. */
export interface ScriptEvidence {
  inventory: Inventory
  ledgers: readonly Ledger[]
}

/**
 * Whether a script was edited after it completed. With its file, the checksum of the newest completed run is compared with that.
 * Without, it is compared with the checksum of the newest other run that began later, whatever its status, or else with that of
 * the completed run before it: failed and rolled back runs before it do not count, that is how a script is mended. A script that
 * another tool ran is judged by that tool's checksum.
 * @returns unknown when one of the two checksums is not there, or they are of two kinds
 */
export function driftOf({ completedChecksum, otherChecksum }: Pick<ScriptLedger, 'completedChecksum' | 'otherChecksum'>, file: ScriptFile | null, entry: LedgerEntry | null): Drift {
  if (completedChecksum === null) return entry?.drift ?? 'unknown'
  const same = file === null ? null : isChecksumOf(completedChecksum, file)
  if (same !== null) return same ? 'none' : 'changed'
  if (otherChecksum === null) return 'unknown'
  return completedChecksum === otherChecksum ? 'none' : 'changed'
}

interface FoundEntry {
  tool: string
  entry: LedgerEntry
}

/** Joins the plan's scripts with what their runs reported, with their files and with the ledgers of other tools. */
export function scriptStates(scripts: readonly PlannedScript[], runs: ReadonlyMap<string, ScriptLedger>, { inventory, ledgers }: ScriptEvidence): ScriptState[] {
  const entries = ledgers.flatMap(({ tool, entries: own }) => own.map((entry): FoundEntry => ({ tool, entry })))
  const order = executionOrder(scripts)
  const states = scripts.flatMap((script): ScriptState[] => {
    const ledger = runs.get(script.name)
    return ledger === undefined ? [] : [{ ...stateAlone(script, ledger, inventory, entries), executionOrder: order.indexOf(script.name) + 1 }]
  })
  const byName = new Map(states.map((state) => [state.name, state]))
  return states.map((state) => {
    const names = allDependencies(state.name, byName)
    const dependencies = order.filter((name) => names.has(name)).flatMap((name) => byName.get(name) ?? [])
    const began = state.lastRun?.startedAt
    return {
      ...state,
      blockedBy: state.status === 'completed' ? [] : dependencies.filter(({ status }) => status !== 'completed').map(({ name }) => name),
      ranBefore: began === undefined ? [] : dependencies.filter(({ name, ledger }) => ledger === null && !((runs.get(name)?.firstCompletedAt ?? '9999') <= began)).map(({ name }) => name),
    }
  })
}

function stateAlone(script: PlannedScript, ledger: ScriptLedger, { files }: Inventory, entries: readonly FoundEntry[]): Omit<ScriptState, 'executionOrder'> {
  const { lastRun, checksum, completedChecksum, metrics } = ledger
  const { path, ...known } = script
  const file = files === null ? null : fileOfScript(script, completedChecksum, files)
  const found = entryOf(script, file, entries)
  const gone = files !== null && path !== null && file === null && lastRun?.status !== 'running'
  return {
    ...known,
    status: gone ? 'missing' : (lastRun?.status ?? found?.entry.status ?? 'pending'),
    recordsProcessed: lastRun?.recordsProcessed ?? null,
    recordsSucceeded: lastRun?.recordsSucceeded ?? null,
    recordsFailed: lastRun?.recordsFailed ?? null,
    successRate: lastRun?.successRate ?? null,
    lastRun,
    checksum,
    drift: driftOf(ledger, file, found?.entry ?? null),
    file: file === null ? null : { path: file.path, checksum: file.checksum },
    ledger: found === null ? null : { tool: found.tool, name: found.entry.name, state: found.entry.state },
    blockedBy: [],
    ranBefore: [],
    metrics,
  }
}

/** The newest entry of a script: the one of its file, or the one that is called like it. */
function entryOf(script: PlannedScript, file: ScriptFile | null, entries: readonly FoundEntry[]): FoundEntry | null {
  const fits = ({ entry }: FoundEntry) => (file !== null && entry.file === file.path) || entry.name === script.name || stemOf(entry.name) === script.name || (script.path !== null && entry.name === stemOf(script.path))
  return entries.findLast((found) => fits(found) && found.entry.status !== 'pending') ?? entries.findLast(fits) ?? null
}

export interface ScriptFilter {
  domain?: string
  category?: string
  status?: ScriptStatus
  drift?: Drift
}

export function filterScripts(scripts: readonly ScriptState[], filter: ScriptFilter): ScriptState[] {
  return scripts.filter(
    (script) =>
      (filter.domain === undefined || script.domains.includes(filter.domain)) &&
      (filter.category === undefined || script.category === filter.category) &&
      (filter.status === undefined || script.status === filter.status) &&
      (filter.drift === undefined || script.drift === filter.drift),
  )
}

export const sortKeys = ['name', 'status', 'domain', 'category', 'successRate', 'lastExecuted'] as const
export type SortKey = (typeof sortKeys)[number]

/** In order of a key and then of the name; a script without the key comes last in either direction. */
export function sortScripts(scripts: readonly ScriptState[], key: SortKey, order: 'asc' | 'desc'): ScriptState[] {
  const sign = order === 'asc' ? 1 : -1
  return [...scripts].sort((left, right) => {
    const [a, b] = [sortValue(left, key), sortValue(right, key)]
    if (a === null || b === null) return Number(a === null) - Number(b === null) || compare(left.name, right.name)
    return sign * compare(a, b) || compare(left.name, right.name)
  })
}

function sortValue(script: ScriptState, key: SortKey): string | number | null {
  return key === 'lastExecuted' ? (script.lastRun?.startedAt ?? null) : script[key]
}

/** By code unit, which is the same on every machine. */
function compare<T extends string | number>(a: T, b: T): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

export type StatusCounts = Record<ScriptStatus, number>

export interface ScriptSummary {
  totalScripts: number
  byStatus: StatusCounts
  /** the mean over scripts that have a rate, floored to two decimals; null when none has */
  averageSuccessRate: number | null
  /** a script that fills entities of several domains counts in each of them */
  domainBreakdown: { domain: string | null; scripts: number; byStatus: StatusCounts }[]
  categoryBreakdown: { category: string | null; scripts: number; byStatus: StatusCounts }[]
}

export function summariseScripts(scripts: readonly ScriptState[]): ScriptSummary {
  const rates = scripts.map(({ successRate }) => successRate).filter((rate) => rate !== null)
  return {
    totalScripts: scripts.length,
    byStatus: countStatuses(scripts),
    averageSuccessRate: floorPercent(rates.reduce((sum, rate) => sum + Math.round(rate * 100), 0), rates.length * 10_000),
    domainBreakdown: breakDown(scripts, ({ domains }) => (domains.length === 0 ? [null] : domains)).map(([domain, counts]) => ({ domain, ...counts })),
    categoryBreakdown: breakDown(scripts, ({ category }) => [category]).map(([category, counts]) => ({ category, ...counts })),
  }
}

function breakDown(scripts: readonly ScriptState[], groupsOf: (script: ScriptState) => (string | null)[]) {
  const groups = new Map<string | null, ScriptState[]>()
  for (const script of scripts) {
    for (const group of groupsOf(script)) {
      const own = groups.get(group) ?? []
      own.push(script)
      groups.set(group, own)
    }
  }
  const ordered = [...groups].sort(([a], [b]) => Number(a === null) - Number(b === null) || compare(a ?? '', b ?? ''))
  return ordered.map(([group, own]) => [group, { scripts: own.length, byStatus: countStatuses(own) }] as const)
}

function countStatuses(scripts: readonly ScriptState[]): StatusCounts {
  const counts: StatusCounts = { pending: 0, running: 0, completed: 0, failed: 0, rolled_back: 0, missing: 0 }
  for (const { status } of scripts) counts[status] += 1
  return counts
}

export interface RunProgress {
  status?: 'completed' | 'failed' | 'rolled_back'
  recordsProcessed?: number
  recordsSucceeded?: number
  recordsFailed?: number
  message?: string
}

/** The values of a run that a report of progress changes. */
export type RunValues = Pick<Run, 'status' | 'recordsProcessed' | 'recordsSucceeded' | 'recordsFailed' | 'message'>

export type ProgressFault = { code: 'VALIDATION_FAILED' | 'CONFLICT'; detail: string; errors: { field: string; message: string }[] }

const counters = ['recordsProcessed', 'recordsSucceeded', 'recordsFailed'] as const

/**
 * What a report of progress makes of a run. The counts it leaves out stay as they are.
 * @returns the run's new values; null when a finished run is told again what it already is; or why it is refused: a finished run
 * is final and counts never fall (CONFLICT), and succeeded + failed never exceed processed (VALIDATION_FAILED)
 */
export function applyProgress(run: Run, progress: RunProgress): { next: RunValues } | { fault: ProgressFault } | null {
  const next: RunValues = {
    status: progress.status ?? run.status,
    recordsProcessed: progress.recordsProcessed ?? run.recordsProcessed,
    recordsSucceeded: progress.recordsSucceeded ?? run.recordsSucceeded,
    recordsFailed: progress.recordsFailed ?? run.recordsFailed,
    message: progress.message ?? run.message,
  }
  if (run.status !== 'running') {
    const same = counters.every((name) => next[name] === run[name]) && next.status === run.status && next.message === run.message
    return same && progress.status !== undefined ? null : { fault: { code: 'CONFLICT', detail: `run ${run.runId} is ${run.status} and final; start a new run`, errors: [] } }
  }
  const fallen = counters.filter((name) => next[name] < run[name])
  if (fallen.length > 0) {
    const errors = fallen.map((name) => ({ field: name, message: `is ${run[name]} already and may not fall to ${next[name]}` }))
    return { fault: { code: 'CONFLICT', detail: 'counts of a run are totals since its start and never fall', errors } }
  }
  if (next.recordsSucceeded + next.recordsFailed > next.recordsProcessed) {
    const message = `recordsSucceeded (${next.recordsSucceeded}) + recordsFailed (${next.recordsFailed}) may not exceed recordsProcessed (${next.recordsProcessed})`
    const named = counters.filter((name) => progress[name] !== undefined)
    return { fault: { code: 'VALIDATION_FAILED', detail: message, errors: named.map((field) => ({ field, message })) } }
  }
  return { next }
}
