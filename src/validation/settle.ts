import type { Sql } from 'postgres'
import { worstVerdict } from '../core/accounting.js'
import { sides, type Side } from '../core/catalog.js'
import { countBlocks, countPlaces, countStatement, duplicateKeysStatement } from '../core/pass-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import { addRows, keySetOf } from '../core/pair-hashes.js'
import type { ComparisonSpec } from '../core/spec.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import type { Commit } from '../jobs/loop.js'
import type { TakenTask } from '../jobs/task.js'
import { auditApart, auditCheck } from './audit.js'
import { restsOn } from './changed.js'
import { finishWhenLast, readPrepared, statementOf, type Prepared, type TaskContext } from './context.js'
import { collectHeldReasons, heldReasonsCheck } from './held-reasons.js'
import { accountEntity, accountingChecks, accountUncompared, entityVerdict, excludedByReason } from './judge.js'
import { findMoved, lookBack, nothingMoved, readNewerRows, type Horizons, type Moved } from './moved.js'
import { areNear, findKeyIndexes, hasOwnKeys } from './neighbours.js'
import { compareSegments, deleteRows, deleteSegments, listUncoveredColumns, readCheck, readCheckVerdicts, readJobEntity, readRows, readScans, saveChecks, saveColumnDifferences, saveDifferences, saveEntityResult, saveProfiles, spoilSegments, type CheckResult, type EntityResult, type JobEntity } from './outcomes.js'
import { countOf, errorText, read, readOne, type Reader } from './reader.js'
import { adviseOnKey } from './key-advice.js'
import type { JudgedRow, Observe } from './judge-rows.js'
import { settleMerged, survivorIdentity, type SurvivorFate } from './merged.js'
import { settleProfile } from './profile.js'
import { faultOfRelease } from './release.js'
import { tallySample } from './sample.js'
import type { ScanOutcome } from './scan-chunk.js'
import { rowsIn, settleSegments, type Block } from './settle-segments.js'
import { createTally } from './tally.js'
import { countedIn, mayBePending, noneRecent, recountUnkeyed, tallyUnkeyed } from './unkeyed.js'
import { tallyUnread, tooManyUnread } from './unreadable.js'
import { checkTotals, collectTotals } from './totals.js'

const rechecks = 3
/** Rows of one batch of segments that are read again, both sides together: each batch is a pass over both tables, and takes 22 bytes a row in memory. */
const batchRows = 2_000_000

/** Gives every row of an entity its class, once all its chunks are read. */
export async function settle(context: TaskContext, task: TakenTask, signal: AbortSignal): Promise<Commit> {
  try {
    return await settleEntity(context, task, signal)
  } catch (error) {
    // a statement that the data do not bear (a cast in an explanation, say) would fail each time: this entity is unverified, the others go on
    if (signal.aborted || isTransient(error) || sideOf(error) === null) throw error
    const found = await readJobEntity(context.target, task.jobId, task.entity ?? '')
    return settleUncompared(context, task, found, `${sideOf(error)}: ${errorText(error, [found.spec])}`, signal)
  }
}

async function settleEntity(context: TaskContext, task: TakenTask, signal: AbortSignal): Promise<Commit> {
  const startedAt = performance.now()
  const { readers, options } = context
  const found = await readJobEntity(context.target, task.jobId, task.entity ?? '')
  const scans = await readScans(context.target, task.jobId, found.entity)
  const failed = scans.flatMap(({ outcome }) => ('failed' in outcome ? [outcome.failed] : []))
  const whole = (['source', 'target'] as const).every((side) => scans.some((item) => item.side === side))
  const note = found.blocked ?? failed[0] ?? (whole ? null : 'a side was not read') ?? tooManyUnread({ source: outcomesOf(scans, 'source'), target: outcomesOf(scans, 'target') })
  if (found.spec === null || note !== null) return settleUncompared(context, task, found, note ?? 'the entity cannot be compared', signal)
  const { spec } = found
  const prepared = await readPrepared(context, task.jobId)
  const fault = faultOfRelease(prepared, { ...found, spec })
  if (fault !== null) return settleUncompared(context, task, found, fault, signal)
  const outcomes = { source: outcomesOf(scans, 'source'), target: outcomesOf(scans, 'target') }
  const { parents } = prepared
  const unreadRows = { source: outcomes.source.flatMap((outcome) => outcome.unreadRows), target: outcomes.target.flatMap((outcome) => outcome.unreadRows) }
  const statement: StatementOptions = { ...statementOf(prepared, found), unread: { source: unreadRows.source.map(({ address }) => address), target: unreadRows.target.map(({ address }) => address) } }
  const tally = createTally(spec.key.map(({ name }) => name), options.maxStoredDifferences)
  const keyed = { source: sumOf(outcomes.source.map((outcome) => outcome.keyed)), target: sumOf(outcomes.target.map((outcome) => outcome.keyed)) }
  const horizons = await horizonsToLookBack(context, spec, prepared, scans, signal)
  const whenMoved = found.streamed ? Promise.resolve(nothingMoved()) : findMoved(spec, readers, horizons, statement, context.pace, signal)
  const compared = found.streamed
    ? { agreed: 0, audited: 0, contradicted: 0, suspicious: [{ segment: 0, sourceRows: keyed.source, targetRows: keyed.target }], changed: [], newer: { source: Buffer.alloc(0), target: Buffer.alloc(0) } }
    : compareSegments(context.target, task.jobId, spec.entity, found.segments, countPlaces(spec, statement), whenMoved.then(({ segments: { source, target } }) => new Set([...source, ...target])))
  // a side that an earlier job has read is not read again for its audit
  const isReread = [prepared.reused, prepared.partlyReused ?? {}].every((jobs) => Object.keys(jobs[spec.entity] ?? {}).length === 0)
  const readIndexes = async () => {
    const hasNeighbours = found.neighbours !== null && !found.streamed
    // behind a key map they also tell whether single keys can be looked up
    const indexes = hasNeighbours || !hasOwnKeys(spec) ? await findKeyIndexes(spec, readers, signal) : null
    const isApart = hasNeighbours && indexes !== null && areNear(indexes, statement) && hasOwnKeys(spec) && isReread
    return { indexes, auditedApart: isApart ? await auditApart(spec, readers, task.jobId, statement, signal) : null }
  }
  const [{ agreed, suspicious, changed, newer, ...auditedInPass }, { indexes, auditedApart }] = await Promise.all([compared, readIndexes()])
  const audit = auditedApart ?? auditedInPass
  tally.addVerified(agreed)
  tally.fingerprintFaults += audit.contradicted
  const survivors = new Map<string, SurvivorFate>()
  const totals = collectTotals(spec)
  const held = collectHeldReasons(spec)
  const observe: Observe<JudgedRow> = (side, name, row, reason) => {
    totals.observe(side, name, row, reason)
    held.observe(side, name, row)
    if (side !== 'source' || spec.source.merge === null) return
    const identity = survivorIdentity(spec, row)
    // of rows that nothing tells apart, the worse fate counts
    if (name !== 'verified' || !survivors.has(identity)) survivors.set(identity, { class: name, reason, rowHash: row.rowHash })
  }
  // what is reused was still so when it was looked: a row that had changed just before it was read has rested since
  const asOf = (side: Side) => {
    const looked = prepared.reused[spec.entity]?.[side] === undefined ? undefined : prepared.lookedAt?.[side]
    return looked ?? firstOf(outcomes[side])
  }
  const streamedNewer = found.streamed ? await readNewerRows(spec, readers, horizons, statement, context.pace, signal) : null
  const settled = await settleSegments(spec, readers, streamedNewer === null ? { suspicious, changed, newer } : streamedBlocks(context.target, task.jobId, found, streamedNewer.blocks),
    { ...statement, indexes, rows: keyed.source + keyed.target, pace: context.pace, parents, recheckDelayMs: options.recheckDelayMs, rechecks, batchRows, unreadRows, snapshots: { source: asOf('source'), target: asOf('target') } }, tally, observe, signal)
  const replaced = await findReplaced(context, spec, prepared, signal)
  if (replaced !== null) return settleUncompared(context, task, found, replaced, signal)
  const moved: Moved = { ...await whenMoved, ...streamedNewer }
  const again = rowsIn([...suspicious, ...changed])
  const mergedInPass = sumOf(outcomes.source.map((outcome) => outcome.merged))
  const before = { survivors, horizon: horizonOf(outcomes.source, prepared), rows: sumOf(outcomes.source.map(({ rows }) => rows)), left: mergedInPass + Math.max(again.source - settled.seen.source, 0) }
  const merged = await settleMerged(spec, readers, { ...statement, parents, pace: context.pace, snapshot: asOf('source') }, before, totals.observe, tally, signal)
  const reread = { source: again.source + mergedInPass, target: again.target }
  const seen = { source: settled.seen.source + merged.seen, target: settled.seen.target }
  const lost = { source: Math.max(mergedInPass - merged.seen, 0), target: 0 }
  const recount = async (side: Side) => {
    const counted = countedIn(spec, outcomes[side])
    const isNeeded = settled.hasReread || lost[side] > 0 || moved.unkeyed[side] > 0 || (side === 'target' && mayBePending(spec, counted))
    return isNeeded ? recountUnkeyed(spec, readers[side], counted, counted.rows - reread[side] + seen[side], lost[side], { ...statement, pace: context.pace, snapshot: asOf(side) }, tally, signal) : { counted, recent: noneRecent, left: 0 }
  }
  const [source, target] = await Promise.all([recount('source'), recount('target')])
  await tallyUnkeyed(spec, readers, { source, target }, { ...statement, snapshot: asOf('target') }, options.maxStoredDifferences, tally, signal)
  const unread = tallyUnread(spec, outcomes, tally)
  const rests = restsOn(spec.entity, prepared.reused[spec.entity] ?? {}, outcomes)
  const sample = statement.sample === undefined ? null : tallySample(spec, outcomes, tally)
  const sourceFrom = prepared.reused[spec.entity]?.source
  const uniqueness = await readEarlierUniqueness(context, spec, sourceFrom) ?? await checkSourceKey(readers.source, spec, statement, signal)
  const earlierReasons = sourceFrom === undefined ? null : await readCheck(context.target, sourceFrom, spec.entity, heldReasonsCheck)
  // a sample does not count all rows; what cannot be read would raise its error again
  const heldReasons = unread !== null || sample !== null ? [] : await held.check(readers.source, earlierReasons, statement, signal)
  const accounting = accountEntity({ counted: source.counted, reread: reread.source, settled: seen.source }, { counted: target.counted, reread: reread.target, settled: seen.target }, tally)
  const examined = { source: sumOf(outcomes.source.map(examinedOf)), target: sumOf(outcomes.target.map(examinedOf)) }
  const durationMs = Math.round(performance.now() - startedAt) + sumOf([...outcomes.source, ...outcomes.target].map((outcome) => outcome.durationMs))
  const checks = [...accountingChecks(spec.entity, accounting, { rowsExamined: examined.source + examined.target, durationMs, full: sample === null }, unread), uniqueness, ...[sample, rests].filter((one) => one !== null), ...merged.check, ...heldReasons, ...adviseOnKey(spec, tally.differences), ...await checkTotals(spec, readers, outcomes, totals.parts, { hasMoved: moved.rows > 0, pending: tally.source.pending + tally.target.pending + source.left + target.left, isSample: sample !== null }, { ...statement, pace: context.pace }, signal)]
  const profile = settleProfile(spec, outcomes, task.job.includeIntegrityChecks ? await listUncoveredColumns(context.target, task.jobId, spec.entity) : [])
  checks.push(...profile.checks)
  checks.push(...replicasRead(spec.entity, outcomes.source))
  if (audit.audited > 0) checks.push(auditCheck(spec.entity, audit.audited, audit.contradicted))
  if (tally.fingerprintFaults > 0) checks.push(fingerprintFault(spec.entity, tally.fingerprintFaults))
  const reasons = [...excludedByReason(spec, source.counted), ...tally.reasons.values()].filter(({ rows }) => rows > 0)
  const standing = await readCheckVerdicts(context.target, task.jobId, spec.entity)
  const result: EntityResult = {
    entity: spec.entity, domain: found.domain, accounting, verdict: entityVerdict(accounting, [...standing, ...checks.map(({ verdict }) => verdict)]),
    sourceRowsExamined: examined.source, targetRowsExamined: examined.target, basis: sample !== null ? 'sample' : rests === null ? 'full' : 'changed', note: [sample?.message ?? rests?.message, unread].filter((part) => typeof part === 'string').join('; ') || null, durationMs,
    reasons: reasons.map(({ class: name, side, label, rows }) => ({ class: name, side, reason: label, rows })),
    causes: [...tally.causes.values()].map(({ class: name, side, label, rows }) => ({ class: name, side, cause: label, rows })),
    sourceSnapshotAt: firstOf(outcomes.source), targetSnapshotAt: firstOf(outcomes.target),
  }
  return {
    async write(tx) {
      await saveChecks(tx, task.jobId, checks)
      await saveDifferences(tx, task.jobId, spec.entity, tally.differences.parts())
      await saveColumnDifferences(tx, task.jobId, spec.entity, tally.columns)
      await saveProfiles(tx, task.jobId, spec.entity, profile.profiles)
      if (sample !== null) await deleteSegments(tx, task.jobId, spec.entity)
      else for (const side of sides) await spoilSegments(tx, task.jobId, spec.entity, side, moved.segments[side])
      await deleteRows(tx, task.jobId, spec.entity)
      // last, since its event is numbered under the lock of the job
      await saveEntityResult(tx, task.jobId, result)
    },
    outcome: { differences: tally.differences.count, withoutEntry: tally.withoutEntry }, whenLast: finishWhenLast,
  }
}

/** @param newer by side and block the rows that the passes may have seen twice or not at all */
async function* streamedBlocks(sql: Sql, jobId: string, { entity, segments }: JobEntity, newer: Record<Side, ReadonlyMap<number, Buffer>>): AsyncGenerator<Block> {
  for (let block = 0; block < countBlocks(segments); block += 1) {
    const { source, target } = await readRows(sql, jobId, entity, block)
    const [newerSource, newerTarget] = [newer.source.get(block), newer.target.get(block)]
    yield { source: addRows(source, newerSource), target: addRows(target, newerTarget), unsure: new Set([newerSource, newerTarget].flatMap((rows) => (rows === undefined ? [] : [...keySetOf(rows)]))) }
  }
}

/** The oldest horizon of each side that was read in more than one chunk, unless nobody has written to it meanwhile. */
async function horizonsToLookBack({ readers }: TaskContext, spec: ComparisonSpec, { beginnings, reused }: Prepared, scans: Scans, signal: AbortSignal): Promise<Horizons> {
  const found: Horizons = {}
  if (beginnings === undefined) return found
  await Promise.all(sides.map(async (side) => {
    const beginning = beginnings[side]
    const own = scans.filter((scan) => scan.side === side)
    if (own.length < 2 || !spec[side].chunkable || reused[spec.entity]?.[side] !== undefined || (await lookBack(spec, readers[side], beginning, signal)).isUnwritten) return
    // of a chunk that a replica read, or whose sums are older, the snapshot is not known
    const horizons = own.map(({ outcome }) => BigInt('failed' in outcome || outcome.readAt !== undefined ? beginning.horizon : (outcome.horizon ?? beginning.horizon)))
    found[side] = horizons.reduce((least, horizon) => (horizon < least ? horizon : least)).toString()
  }))
  return found
}

/** Why nothing is known of an entity one of whose tables is not the one any more that the passes began with; null: both are. */
async function findReplaced({ readers }: TaskContext, spec: ComparisonSpec, { beginnings, reused }: Prepared, signal: AbortSignal): Promise<string | null> {
  const replaced = await Promise.all(sides.map(async (side) => beginnings !== undefined && spec[side].chunkable && reused[spec.entity]?.[side] === undefined && !(await lookBack(spec, readers[side], beginnings[side], signal)).isSameFile))
  const side = sides.find((_, index) => replaced[index])
  return side === undefined ? null : `the table of the ${side} was rewritten, emptied or replaced while it was read, so rows may have been seen twice or not at all: run the comparison again`
}

async function settleUncompared(context: TaskContext, task: TakenTask, { entity, domain, spec }: JobEntity, note: string, signal: AbortSignal): Promise<Commit> {
  const counted = spec === null ? { rows: null, scope: null, targetRows: null } : await countBare(context, spec, signal)
  const accounting = accountUncompared(counted)
  const checks = accountingChecks(entity, accounting, { rowsExamined: 0, durationMs: 0, full: false }, note)
  const standing = await readCheckVerdicts(context.target, task.jobId, entity)
  return {
    async write(tx) {
      await saveChecks(tx, task.jobId, checks)
      await saveDifferences(tx, task.jobId, entity, [])
      await deleteSegments(tx, task.jobId, entity)
      await deleteRows(tx, task.jobId, entity)
      await saveEntityResult(tx, task.jobId, {
        entity, domain, accounting, verdict: worstVerdict(['unknown', ...standing]), sourceRowsExamined: 0, targetRowsExamined: 0, reasons: [], causes: [],
        basis: 'none', note, sourceSnapshotAt: null, targetSnapshotAt: null, durationMs: 0,
      })
    },
    outcome: { note }, whenLast: finishWhenLast,
  }
}

/** The bare counts of an entity that could not be compared; null where even that fails, which the note then tells. */
async function countBare({ readers }: TaskContext, spec: ComparisonSpec, signal: AbortSignal): Promise<{ rows: number | null; scope: number | null; targetRows: number | null }> {
  const count = async (reader: Reader) => {
    try {
      const [row] = await read(reader, signal, countStatement(spec, reader.side))
      return row === undefined ? null : { rows: countOf(row, 'rows'), scope: countOf(row, 'scope') }
    } catch (error) {
      if (signal.aborted || (isTransient(error) && sqlstateOf(error) !== '57014')) throw error
      return null
    }
  }
  // a refused entity whose claim on the target is at fault has neither a `where` nor a key to claim by
  const countable = spec.target.claim !== 'keyMap' || spec.key.length > 0
  const [source, target] = [await count(readers.source), countable ? await count(readers.target) : null]
  return { rows: source?.rows ?? null, scope: source?.scope ?? null, targetRows: target?.rows ?? null }
}

const examinedOf = ({ rows, unsampled, unread }: ScanOutcome): number => rows - unsampled - unread

/** Of a source that has not changed, what was found of its key before; null where a unique index proves it anyhow. */
async function readEarlierUniqueness({ target }: TaskContext, spec: ComparisonSpec, jobId: string | undefined): Promise<CheckResult | null> {
  return jobId === undefined || spec.source.uniqueKey !== null || spec.bag ? null : readCheck(target, jobId, spec.entity, uniquenessCheck)
}

const uniquenessCheck = 'the source key is unique'

async function checkSourceKey(source: Reader, spec: ComparisonSpec, statement: StatementOptions, signal: AbortSignal): Promise<CheckResult> {
  const check = { entity: spec.entity, name: uniquenessCheck, subject: '', category: 'integrity' as const, severity: 'critical' as const }
  if (spec.bag) return { ...check, severity: 'info', verdict: 'pass', message: 'every column is part of the key: rows may repeat, and as many are expected as there are', rowsExamined: null, rowsFailed: 0, durationMs: null, evidence: {} }
  if (spec.source.uniqueKey !== null) {
    return { ...check, verdict: 'pass', message: `a unique index over ${spec.source.uniqueKey.join(', ')} proves it`, rowsExamined: null, rowsFailed: 0, durationMs: null, evidence: { uniqueKey: spec.source.uniqueKey } }
  }
  if (statement.sample !== undefined) return { ...check, verdict: 'unknown', message: 'a sample of the keys cannot tell', rowsExamined: null, rowsFailed: null, durationMs: null, evidence: {} }
  const startedAt = performance.now()
  const row = await readOne(source, signal, duplicateKeysStatement(spec, statement))
  const keys = countOf(row, 'keys')
  const durationMs = Math.round(performance.now() - startedAt)
  return {
    ...check, verdict: keys === 0 ? 'pass' : 'fail', rowsExamined: null, rowsFailed: countOf(row, 'rows'), durationMs, evidence: { keys },
    message: keys === 0 ? 'no key stands for two source rows' : `${keys} ${keys === 1 ? 'key stands' : 'keys stand'} for several source rows: choose a key that names one row`,
  }
}

function sumOf(counts: Iterable<number>): number {
  let sum = 0
  for (const count of counts) sum += count
  return sum
}

/** Outcomes of an earlier version, which a job may rest on, tell nothing of what it did not know. */
const unknownBefore = { unread: 0, unreadRows: [], replica: null }

type Scans = Awaited<ReturnType<typeof readScans>>

function outcomesOf(scans: Scans, side: Side): ScanOutcome[] {
  return scans.flatMap((scan) => (scan.side === side && !('failed' in scan.outcome) ? [{ ...unknownBefore, ...scan.outcome }] : []))
}

/** Every transaction before this one was over when the source was read; of what a replica has read, or an earlier release, it is known of the beginning of the job alone. */
function horizonOf(outcomes: readonly ScanOutcome[], { beginnings }: Prepared): string {
  const horizons = outcomes.map(({ horizon }) => horizon ?? beginnings?.source.horizon ?? '0').map(BigInt)
  return horizons.reduce((least, horizon) => (horizon < least ? horizon : least), horizons[0] ?? 0n).toString()
}

function firstOf(outcomes: readonly ScanOutcome[]): string | null {
  return outcomes.map(({ snapshotAt }) => snapshotAt).toSorted()[0] ?? null
}

function replicasRead(entity: string, outcomes: readonly ScanOutcome[]): CheckResult[] {
  const read = outcomes.flatMap(({ replica }) => replica ?? [])
  if (read.length === 0) return []
  return [{
    entity, name: 'replicas were read', subject: '', category: 'engine', severity: 'info', verdict: 'pass', rowsExamined: null, rowsFailed: null, durationMs: null, evidence: { replicas: [...new Set(read)].sort() },
    message: `${read.length} of ${outcomes.length} statements over the source ran on ${[...new Set(read)].sort().join(', ')}, after it had replayed all that was written before the job; what differed was read again on the source`,
  }]
}

function fingerprintFault(entity: string, rows: number): CheckResult {
  return {
    entity, name: 'fingerprints are faithful', subject: '', category: 'engine', severity: 'critical', verdict: 'unknown', rowsExamined: null, rowsFailed: rows, durationMs: null,
    message: `${rows} rows have equal fingerprints and different values: nothing that this run called equal can be trusted`, evidence: {},
  }
}
