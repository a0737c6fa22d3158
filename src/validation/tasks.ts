import { worstVerdict, type Verdict } from '../core/accounting.js'
import { canaryStatement, judgeCanaries } from '../core/canary.js'
import type { Side } from '../core/catalog.js'
import { checkMapStatement, countStatement, duplicateKeysStatement, type StatementOptions } from '../core/expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { jobFailure, sideOf } from '../jobs/failure.js'
import type { Commit, TaskHandler } from '../jobs/loop.js'
import type { Queue } from '../jobs/queue.js'
import { addTasks, type NewTask, type TakenTask, type TaskKind } from '../jobs/task.js'
import type { Db } from '../db/clients.js'
import { parsePlan, PlanError, type LoadedPlan, type PlanFault } from '../plan/load.js'
import { checkPlanAgainst } from '../plan/preflight.js'
import { storePlanFaults } from '../plan/queries.js'
import type { Sql } from 'postgres'
import { accountTable, type TablePlan } from './account.js'
import { accountEntity, accountingChecks, accountUncompared, entityVerdict, excludedByReason } from './judge.js'
import { compareSegments, completeJob, deleteSegments, hasOtherTasks, readCheckVerdicts, readJobEntities, readJobEntity, readPlanContent, readScans, readVerdicts, saveChecks, saveColumnDifferences, saveColumns, saveDifferences, saveEntityResult, saveJobEntities, saveSegments, saveTables, type CheckResult, type JobEntity, type TableResult } from './outcomes.js'
import { countOf, read, textOf, type Reader } from './reader.js'
import { scanChunk, ScanMismatch, type ScanOutcome } from './scan.js'
import { listUnkeyed, settleSegments, shownRaw } from './settle.js'
import { createTally, type Tally } from './tally.js'

export interface ComparisonOptions {
  /** how long a suspicious key rests before it is read again, ms */
  recheckDelayMs: number
  /** pages of one scanned chunk */
  scanChunkPages: number
  /** differences kept per entity and job; counts are exact beyond it */
  maxStoredDifferences: number
  /** rows that a segment should hold */
  segmentRows: number
}

export interface Databases {
  source: Sql
  /** pinned, read-only */
  targetReader: Sql
  /** the tracking schema */
  target: Sql
}

const rechecks = 3
const batchRows = 200_000
/** Rows on a page of 8 KiB, roughly; only the size of segments depends on it. */
const rowsPerPage = 64
const largestSegmentCount = 131_072

/** The handlers of all kinds of tasks: what a worker does for a job, from the check of the plan to the verdict. */
export function createTaskHandlers(databases: Databases, queue: Queue, options: ComparisonOptions): Record<TaskKind, TaskHandler> {
  const readers = { source: { side: 'source', sql: databases.source } as Reader, target: { side: 'target', sql: databases.targetReader } as Reader }

  /** Checks the plan against both databases as they are now, and cuts the job into tasks. */
  async function prepare(task: TakenTask, signal: AbortSignal): Promise<Commit> {
    const loaded = loadPlan(await readPlanContent(databases.target, task.job.planId))
    const [encodings, check] = [await readEncodings(signal), await checkPlanAgainst(loaded, databases.source, databases.targetReader)]
    const canaries = await probeCanaries(encodings.recode, signal)
    if (canaries.length > 0) throw jobFailure('INTERNAL', `the two servers' fingerprints cannot be trusted: ${canaries.join('; ')}`)
    const entities = task.job.entities.map((entity) => prepareEntity(loaded, entity, check.specs.get(entity) ?? null, check.faults, options.segmentRows))
    const mapChecks = await checkKeyMaps(entities, signal)
    const planChecks = entities.flatMap((entity) => checkPlanOf(entity, check.faults, check.columns.filter((column) => column.entity === entity.entity)))
    const tables = check.tables.map(({ side, schema, table, coverage, reason, entities: names }) => ({ side, schema, table, coverage, reason, entities: names }))
    const outcome = { recode: encodings.recode, tables, shared: sharedEntities(loaded) }
    return async (tx) => {
      await storePlanFaults(tx, task.job.planId, check.faults)
      await saveJobEntities(tx, task.jobId, entities)
      await saveColumns(tx, task.jobId, check.columns.filter((column) => task.job.entities.includes(column.entity)))
      await saveChecks(tx, task.jobId, [canaryCheck(), ...mapChecks, ...planChecks])
      const tasks = entities.flatMap((entity) => scanTasks(entity, options.scanChunkPages))
      if (task.job.includeCrossEntity) tasks.push({ kind: 'account', side: 'source' }, { kind: 'account', side: 'target' })
      await addTasks(tx, queue, task.jobId, tasks)
      if (tasks.length === 0) await addTasks(tx, queue, task.jobId, [{ kind: 'finish' }])
      return outcome
    }
  }

  /** Reads one chunk of one side; an error of the statement itself leaves the entity unverified, with the reason. */
  async function scan(task: TakenTask, signal: AbortSignal): Promise<Commit> {
    const { spec, segments } = await comparable(task)
    const reader = readers[sideOfTask(task)]
    const first = task.firstPage ?? 0
    const statement: StatementOptions = { segments, recode: await readRecode(task), ...(isChunkable(spec, reader.side) ? { pages: { first, next: task.nextPage } } : {}) }
    try {
      const { outcome, segments: sums } = await scanChunk(spec, reader, statement, signal)
      return async (tx) => {
        await saveSegments(tx, task.taskId, sums)
        await settleWhenScanned(tx, task)
        return { ...outcome }
      }
    } catch (error) {
      if (signal.aborted) throw error
      const halves = sqlstateOf(error) === '57014' && statement.pages !== undefined ? halve(spec, reader.side, first, task.nextPage) : null
      if (halves !== null) return async (tx) => {
        await addHalves(tx, task, halves)
        return { split: true }
      }
      const timedOut = sqlstateOf(error) === '57014'
      if (!timedOut && (isTransient(error) || (sideOf(error) === null && !(error instanceof ScanMismatch)))) throw error
      const reason = `${reader.side}: ${error instanceof Error ? error.message : String(error)}`
      return async (tx) => {
        await settleWhenScanned(tx, task)
        return { failed: reason, rows: null, scope: null }
      }
    }
  }

  async function settleWhenScanned(tx: Db, task: TakenTask): Promise<void> {
    if (!(await hasOtherTasks(tx, task.jobId, task.taskId, ['scan'], task.entity))) await addTasks(tx, queue, task.jobId, [{ kind: 'settle', entity: task.entity }])
  }

  async function addHalves(tx: Db, task: TakenTask, halves: { first: number; next: number | null }[]): Promise<void> {
    const [last] = await tx<{ chunk: number }[]>`
      select max(chunk) as chunk from migration_coverage.task where job_id = ${task.jobId} and entity = ${task.entity} and side = ${task.side} and kind = 'scan'`
    const chunk = (last?.chunk ?? 0) + 1
    await addTasks(tx, queue, task.jobId, halves.map(({ first, next }, index) => ({ kind: 'scan', entity: task.entity, side: task.side, chunk: chunk + index, firstPage: first, nextPage: next })))
  }

  /** Gives every row of an entity its class, once all its chunks are read. */
  async function settle(task: TakenTask, signal: AbortSignal): Promise<Commit> {
    const startedAt = performance.now()
    const found = await readJobEntity(databases.target, task.jobId, task.entity ?? '')
    const scans = await readScans(databases.target, task.jobId, found.entity)
    const failed = scans.flatMap(({ outcome }) => ('failed' in outcome ? [outcome.failed] : []))
    const whole = (['source', 'target'] as const).every((side) => scans.some((item) => item.side === side))
    const note = found.blocked ?? failed[0] ?? (whole ? null : 'a side was not read')
    if (found.spec === null || note !== null) return settleUncompared(task, found, note ?? 'the entity cannot be compared', signal)
    const { spec } = found
    const outcomes = { source: outcomesOf(scans, 'source'), target: outcomesOf(scans, 'target') }
    const statement: StatementOptions = { segments: found.segments, recode: await readRecode(task) }
    const tally = createTally(spec.key.map(({ name }) => name), options.maxStoredDifferences)
    const segments = await compareSegments(databases.target, task.jobId, spec.entity)
    for (const segment of segments) if (segment.agrees) tally.addVerified(segment.sourceRows)
    const suspicious = segments.filter(({ agrees }) => !agrees)
    const settled = await settleSegments(spec, readers, suspicious.map(({ segment, sourceRows, targetRows }) => ({ segment, rows: sourceRows + targetRows })),
      { ...statement, recheckDelayMs: options.recheckDelayMs, rechecks, batchRows }, tally, signal)
    await tallyUnkeyed(spec, outcomes, statement, tally, signal)
    const uniqueness = await checkSourceKey(spec, statement, signal)
    const reread = { source: sumOf(suspicious.map(({ sourceRows }) => sourceRows)), target: sumOf(suspicious.map(({ targetRows }) => targetRows)) }
    const accounting = accountEntity({ outcomes: outcomes.source, reread: reread.source }, { outcomes: outcomes.target, reread: reread.target }, tally, settled)
    const examined = { source: sumOf(outcomes.source.map(({ rows }) => rows)), target: sumOf(outcomes.target.map(({ rows }) => rows)) }
    const durationMs = Math.round(performance.now() - startedAt) + sumOf([...outcomes.source, ...outcomes.target].map((outcome) => outcome.durationMs))
    const checks = [...accountingChecks(spec.entity, accounting, { rowsExamined: examined.source + examined.target, durationMs, full: true }, null), uniqueness]
    if (tally.fingerprintFaults > 0) checks.push(fingerprintFault(spec.entity, tally.fingerprintFaults))
    const reasons = [...excludedByReason(spec, outcomes.source), ...tally.reasons.values()].filter(({ rows }) => rows > 0)
    return async (tx) => {
      const standing = await readCheckVerdicts(tx, task.jobId, spec.entity)
      await saveChecks(tx, task.jobId, checks)
      await saveEntityResult(tx, task.jobId, {
        entity: spec.entity, domain: found.domain, accounting, verdict: entityVerdict(accounting, [...standing, ...checks.map(({ verdict }) => verdict)]),
        sourceRowsExamined: examined.source, targetRowsExamined: examined.target, basis: 'full', note: null, durationMs,
        reasons: reasons.map(({ class: name, side, label, rows }) => ({ class: name, side, reason: label, rows })),
        causes: [...tally.causes.values()].map(({ class: name, side, label, rows }) => ({ class: name, side, cause: label, rows })),
        sourceSnapshotAt: firstOf(outcomes.source), targetSnapshotAt: firstOf(outcomes.target),
      })
      await saveDifferences(tx, task.jobId, spec.entity, tally.differences)
      await saveColumnDifferences(tx, task.jobId, spec.entity, tally.columns)
      await deleteSegments(tx, task.jobId, spec.entity)
      await finishWhenSettled(tx, task)
      return { differences: tally.differences.length }
    }
  }

  async function settleUncompared(task: TakenTask, { entity, domain, spec }: JobEntity, note: string, signal: AbortSignal): Promise<Commit> {
    const counted = spec === null ? { rows: null, scope: null, targetRows: null } : await countBare(spec, signal)
    const accounting = accountUncompared(counted)
    const checks = accountingChecks(entity, accounting, { rowsExamined: 0, durationMs: 0, full: false }, note)
    return async (tx) => {
      const standing = await readCheckVerdicts(tx, task.jobId, entity)
      await saveChecks(tx, task.jobId, checks)
      await saveEntityResult(tx, task.jobId, {
        entity, domain, accounting, verdict: worstVerdict(['unknown', ...standing]), sourceRowsExamined: 0, targetRowsExamined: 0, reasons: [], causes: [],
        basis: 'none', note, sourceSnapshotAt: null, targetSnapshotAt: null, durationMs: 0,
      })
      await saveDifferences(tx, task.jobId, entity, [])
      await deleteSegments(tx, task.jobId, entity)
      await finishWhenSettled(tx, task)
      return { note }
    }
  }

  /** The bare counts of an entity that could not be compared; null where even that fails, which the note then tells. */
  async function countBare(spec: ComparisonSpec, signal: AbortSignal): Promise<{ rows: number | null; scope: number | null; targetRows: number | null }> {
    const count = async (reader: Reader) => {
      try {
        const [row] = await read(reader, signal, countStatement(spec, reader.side))
        return row === undefined ? null : { rows: countOf(row, 'rows'), scope: countOf(row, 'scope') }
      } catch (error) {
        if (signal.aborted || (isTransient(error) && sqlstateOf(error) !== '57014')) throw error
        return null
      }
    }
    const [source, target] = [await count(readers.source), await count(readers.target)]
    return { rows: source?.rows ?? null, scope: source?.scope ?? null, targetRows: target?.rows ?? null }
  }

  /** Rows without a key to pair by: the pass has counted them, here they are named. What has gone meanwhile is pending. */
  async function tallyUnkeyed(spec: ComparisonSpec, outcomes: { source: ScanOutcome[]; target: ScanOutcome[] }, statement: StatementOptions, tally: Tally, signal: AbortSignal): Promise<void> {
    const nullKeys = sumOf(outcomes.source.map(({ noKey }) => sumOf(Object.values(noKey))))
    tally.source.unverified += nullKeys
    if (nullKeys > 0) {
      tally.count('causes', 'source', 'unverified', 'no key', nullKeys)
      for (const row of await listUnkeyed(spec, readers.source, statement, 1000, signal)) {
        tally.keep({ side: 'source', class: 'unverified', cause: 'no key', reason: null, rowKey: rawKeyOf(spec, row.rawKey), columns: [] })
      }
    }
    for (const [counts, cause] of [['noKey', 'no key'], ['noMapEntry', 'no map entry']] as const) {
      for (const [index, rows] of outcomes.target.flatMap((outcome) => Object.entries(outcome[counts]))) {
        const reason = spec.target.generated[Number(index)]?.reason
        const name = reason === undefined ? 'extra' : 'generated'
        tally.target[name] += rows
        if (reason === undefined) tally.count('causes', 'target', 'extra', cause, rows)
        else tally.count('reasons', 'target', 'generated', reason, rows)
      }
    }
    if (tally.target.extra === 0) return
    for (const row of await listUnkeyed(spec, readers.target, statement, options.maxStoredDifferences, signal)) {
      tally.keep({ side: 'target', class: 'extra', cause: row.state, reason: null, rowKey: rawKeyOf(spec, row.rawKey), columns: [] })
    }
  }

  async function checkSourceKey(spec: ComparisonSpec, statement: StatementOptions, signal: AbortSignal): Promise<CheckResult> {
    const check = { entity: spec.entity, name: 'the source key is unique', subject: '', category: 'integrity' as const, severity: 'critical' as const }
    if (spec.source.uniqueKey !== null) {
      return { ...check, verdict: 'pass', message: `a unique index over ${spec.source.uniqueKey.join(', ')} proves it`, rowsExamined: null, rowsFailed: 0, durationMs: null, evidence: { uniqueKey: spec.source.uniqueKey } }
    }
    const startedAt = performance.now()
    const [row] = await read(readers.source, signal, duplicateKeysStatement(spec, statement))
    if (row === undefined) throw new Error('a count gave no row')
    const keys = countOf(row, 'keys')
    const durationMs = Math.round(performance.now() - startedAt)
    return {
      ...check, verdict: keys === 0 ? 'pass' : 'fail', rowsExamined: null, rowsFailed: countOf(row, 'rows'), durationMs, evidence: { keys },
      message: keys === 0 ? 'no key stands for two source rows' : `${keys} ${keys === 1 ? 'key stands' : 'keys stand'} for several source rows: choose a key that names one row`,
    }
  }

  /** Counts all tables of one side by how many entities claim their rows. */
  async function account(task: TakenTask, signal: AbortSignal): Promise<Commit> {
    const side = sideOfTask(task)
    const [{ tables, shared }, entities] = [await readPrepared(databases.target, task.jobId), await readJobEntities(databases.target, task.jobId)]
    const all = new Map(entities.map((entity) => [entity.entity, entity.spec]))
    const results: TableResult[] = []
    for (const table of tables.filter((item) => item.side === side)) {
      // a job over some entities can account only for the tables whose every claimant it has
      if (table.entities.some((entity) => !all.has(entity)) || (table.entities.length === 0 && !coversPlan(tables, all))) continue
      results.push(await accountTable(table, table.entities.map((entity) => ({ entity, shared: shared.includes(entity), spec: all.get(entity) ?? null })), readers[side], signal))
    }
    return async (tx) => {
      await saveTables(tx, task.jobId, results)
      await saveChecks(tx, task.jobId, results.map(tableCheck))
      await finishWhenSettled(tx, task)
      return { tables: results.length }
    }
  }

  async function finishWhenSettled(tx: Db, task: TakenTask): Promise<void> {
    if (!(await hasOtherTasks(tx, task.jobId, task.taskId, ['prepare', 'scan', 'settle', 'account']))) await addTasks(tx, queue, task.jobId, [{ kind: 'finish' }])
  }

  /** Rolls the job up and publishes its results, all in one transaction. */
  function finish(task: TakenTask): Promise<Commit> {
    return Promise.resolve(async (tx) => {
      const verdict = worstVerdict(await readVerdicts(tx, task.jobId))
      await completeJob(tx, task.jobId, verdict)
      return { verdict }
    })
  }

  async function comparable(task: TakenTask): Promise<{ spec: ComparisonSpec; segments: number }> {
    const { spec, segments, blocked } = await readJobEntity(databases.target, task.jobId, task.entity ?? '')
    if (spec === null) throw new Error(`${task.entity} cannot be compared: ${blocked}`)
    return { spec, segments }
  }

  async function readRecode(task: TakenTask): Promise<boolean> {
    return (await readPrepared(databases.target, task.jobId)).recode
  }

  async function readEncodings(signal: AbortSignal): Promise<{ recode: boolean }> {
    const statement = "select current_setting('server_encoding') as encoding"
    const [source, target] = [await read(readers.source, signal, statement), await read(readers.target, signal, statement)]
    return { recode: source[0]?.['encoding'] !== target[0]?.['encoding'] }
  }

  async function probeCanaries(recode: boolean, signal: AbortSignal): Promise<string[]> {
    const [source, target] = [await read(readers.source, signal, canaryStatement(recode)), await read(readers.target, signal, canaryStatement(recode))]
    return judgeCanaries(source.map((row) => textOf(row, 'hash')), target.map((row) => textOf(row, 'hash')))
  }

  /** Checks of the key maps themselves; they belong to the entities that a map keys, or else to all that use it. */
  async function checkKeyMaps(entities: readonly JobEntity[], signal: AbortSignal): Promise<CheckResult[]> {
    const checks: CheckResult[] = []
    const found = new Map<string, CheckResult[]>()
    for (const { entity, spec } of entities) {
      for (const term of spec?.key.filter(({ keyMap }) => keyMap !== null) ?? []) {
        const map = spec?.keyMaps[term.keyMap ?? '']
        if (map === undefined) continue
        const id = JSON.stringify([map, term.canonical])
        const results = found.get(id) ?? keyMapChecks(map.name, await read(readers.target, signal, checkMapStatement(map, term.canonical)))
        found.set(id, results)
        checks.push(...results.map((check) => ({ ...check, entity })))
      }
    }
    return [...new Map(checks.map((check) => [JSON.stringify([check.entity, check.name, check.subject]), check])).values()]
  }

  return { prepare, scan, settle, account, finish }
}

function loadPlan(content: string): LoadedPlan {
  try {
    return parsePlan(content)
  } catch (error) {
    if (error instanceof PlanError) throw jobFailure('PLAN_INVALID', error.message)
    throw error
  }
}

/** What the prepare task left for the others. */
async function readPrepared(sql: Db, jobId: string): Promise<{ recode: boolean; tables: TablePlan[]; shared: string[] }> {
  const [row] = await sql<{ outcome: { recode: boolean; tables: TablePlan[]; shared: string[] } }[]>`
    select outcome from migration_coverage.task where job_id = ${jobId} and kind = 'prepare' and status = 'done'`
  if (row === undefined) throw new Error(`job ${jobId} was not prepared`)
  return row.outcome
}

function prepareEntity({ plan }: LoadedPlan, entity: string, spec: ComparisonSpec | null, faults: readonly PlanFault[], segmentRows: number): JobEntity {
  const domain = plan.entities[entity]?.domain ?? ''
  if (spec !== null) return { entity, domain, spec, segments: segmentCount(spec, segmentRows), blocked: null }
  const reasons = faults.filter((fault) => fault.entity === entity && fault.severity === 'critical').map((fault) => fault.message)
  return { entity, domain, spec: null, segments: 1, blocked: reasons.join('; ') || 'the plan check refused it' }
}

/** A power of two, so that the segment is a mask of the key's hash. */
function segmentCount({ source, target }: ComparisonSpec, segmentRows: number): number {
  const rows = Math.max(source.pages, target.pages, 1) * rowsPerPage
  return Math.min(largestSegmentCount, 2 ** Math.max(0, Math.ceil(Math.log2(rows / segmentRows))))
}

function isChunkable(spec: ComparisonSpec, side: Side): boolean {
  return spec[side].chunkable
}

function scanTasks({ entity, spec }: JobEntity, chunkPages: number): NewTask[] {
  if (spec === null) return [{ kind: 'settle', entity }]
  return (['source', 'target'] as const).flatMap((side) => {
    const count = spec[side].chunkable ? Math.max(1, Math.ceil(spec[side].pages / chunkPages)) : 1
    return Array.from({ length: count }, (_, chunk): NewTask => ({
      // the last chunk is open ended: the table may have grown since it was planned
      kind: 'scan', entity, side, chunk, firstPage: chunk * chunkPages, nextPage: chunk === count - 1 ? null : (chunk + 1) * chunkPages,
    }))
  })
}

/** Two halves of a page range that took too long; null when it is one page. */
function halve(spec: ComparisonSpec, side: Side, first: number, next: number | null): { first: number; next: number | null }[] | null {
  const end = next ?? Math.max(spec[side].pages, first)
  const middle = first + Math.floor((end - first) / 2)
  return middle > first ? [{ first, next: middle }, { first: middle, next }] : null
}

function sideOfTask(task: TakenTask): Side {
  if (task.side === null) throw new Error(`task ${task.taskId} names no side`)
  return task.side
}

function sumOf(counts: Iterable<number>): number {
  let sum = 0
  for (const count of counts) sum += count
  return sum
}

function outcomesOf(scans: Awaited<ReturnType<typeof readScans>>, side: Side): ScanOutcome[] {
  return scans.flatMap((scan) => (scan.side === side && !('failed' in scan.outcome) ? [scan.outcome] : []))
}

function firstOf(outcomes: readonly ScanOutcome[]): string | null {
  return outcomes.map(({ snapshotAt }) => snapshotAt).toSorted()[0] ?? null
}

function rawKeyOf(spec: ComparisonSpec, rawKey: (string | null)[]): Record<string, string | null> {
  const shown = shownRaw(spec, rawKey)
  return Object.fromEntries(spec.key.map(({ name }, leg) => [name, shown[leg] ?? null]))
}

function sharedEntities({ plan }: LoadedPlan): string[] {
  return Object.entries(plan.entities).flatMap(([name, entity]) => ('shared' in entity && entity.shared === true ? [name] : []))
}

function coversPlan(tables: readonly TablePlan[], entities: ReadonlyMap<string, unknown>): boolean {
  return tables.every((table) => table.entities.every((entity) => entities.has(entity)))
}

function canaryCheck(): CheckResult {
  return {
    entity: '', name: 'fingerprints can be trusted', subject: '', category: 'engine', severity: 'critical', verdict: 'pass', rowsExamined: null, rowsFailed: null, durationMs: null,
    message: 'both servers hash the canary values alike, and different values differently', evidence: {},
  }
}

function fingerprintFault(entity: string, rows: number): CheckResult {
  return {
    entity, name: 'fingerprints are faithful', subject: '', category: 'engine', severity: 'critical', verdict: 'unknown', rowsExamined: null, rowsFailed: rows, durationMs: null,
    message: `${rows} pairs have equal fingerprints and different values: nothing that this run called equal can be trusted`, evidence: {},
  }
}

function keyMapChecks(map: string, rows: Awaited<ReturnType<typeof read>>): CheckResult[] {
  const [row] = rows
  if (row === undefined) throw new Error('a count gave no row')
  const entries = countOf(row, 'entries')
  const check = (name: string, column: string, bad: Verdict, good: string, message: (count: number) => string): CheckResult => {
    const count = countOf(row, column)
    return {
      entity: '', name, subject: map, category: 'integrity', severity: bad === 'fail' ? 'critical' : 'warning', verdict: count === 0 ? 'pass' : bad,
      message: count === 0 ? good : message(count), rowsExamined: entries, rowsFailed: count, durationMs: null, evidence: { entries },
    }
  }
  return [
    check('a legacy key has one modern key', 'two_modern', 'fail', `no legacy key of ${map} has two modern keys`, (count) => `${count} legacy keys of ${map} have several modern keys: is a \`where\` missing?`),
    check('a modern key has one legacy key', 'two_legacy', 'fail', `no modern key of ${map} has two legacy keys`, (count) => `${count} modern keys of ${map} stand for several legacy keys`),
    check('a map entry can be read', 'unreadable', 'warn', `every entry of ${map} has a legacy key of the source's type`, (count) => `${count} entries of ${map} have no legacy key of the source's type: they lead nowhere`),
  ]
}

function checkPlanOf({ entity }: JobEntity, faults: readonly PlanFault[], columns: readonly { side: Side; column: string; coverage: string }[]): CheckResult[] {
  const uncovered = columns.filter(({ coverage }) => coverage === 'uncovered').map(({ side, column }) => `${side}.${column}`)
  const own = faults.filter((fault) => fault.entity === entity && fault.code !== 'UNCOVERED_COLUMNS')
  const critical = own.filter(({ severity }) => severity === 'critical')
  const warnings = own.filter(({ severity }) => severity === 'warning')
  const check = { entity, subject: '', category: 'plan' as const, rowsExamined: null, rowsFailed: null, durationMs: null }
  return [
    {
      ...check, name: 'every column is covered', severity: 'warning', verdict: columns.length === 0 ? 'unknown' : uncovered.length > 0 ? 'warn' : 'pass', evidence: { uncovered },
      message: columns.length === 0 ? 'the columns are not known' : uncovered.length > 0 ? `neither compared nor ignored: ${uncovered.join(', ')}` : 'every column is compared, read, or ignored with a reason',
    },
    {
      ...check, name: 'the plan fits both databases', severity: 'critical', verdict: critical.length > 0 ? 'unknown' : warnings.length > 0 ? 'warn' : 'pass',
      message: [...critical, ...warnings].map((fault) => (fault.line === null ? fault.message : `line ${fault.line}: ${fault.message}`)).join('; ') || 'every name and type was found',
      evidence: { faults: critical.length, warnings: warnings.length },
    },
  ]
}

function tableCheck(table: TableResult): CheckResult {
  const name = `${table.schema}.${table.table}`
  const overlaps = table.overlaps.filter(({ declared }) => !declared).map(({ entities, rows }) => `${rows} by ${entities.join(' and ')}`)
  const parts = [
    ...(table.error === null ? [] : [table.error]),
    ...(table.coverage === 'uncovered' ? [`in no entity and not ignored: ${table.rows} rows`] : []),
    ...(table.coverage === 'covered' && (table.unclaimed ?? 0) > 0 ? [`${table.unclaimed} of ${table.rows} rows are claimed by no entity`] : []),
    ...(overlaps.length > 0 ? [`claimed more than once without \`shared: true\`: ${overlaps.join(', ')}`] : []),
  ]
  return {
    entity: '', name: `every row of a ${table.side} table is accounted for`, subject: name, category: 'cross_entity', severity: table.verdict === 'fail' ? 'critical' : 'warning',
    verdict: table.verdict, message: parts.join('; ') || (table.coverage === 'ignored' ? `ignored: ${table.reason}` : table.rows === 0 ? '0 rows' : `all ${table.rows} rows are claimed`),
    rowsExamined: table.rows, rowsFailed: table.unclaimed, durationMs: null, evidence: { coverage: table.coverage, entities: table.entities },
  }
}
