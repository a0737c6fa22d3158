import type { Side } from '../core/catalog.js'
import type { PageRange, StatementOptions } from '../core/row-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { busyLoad, sideOf } from '../jobs/failure.js'
import type { Commit } from '../jobs/loop.js'
import type { TakenTask } from '../jobs/task.js'
import { auditedBy } from './audit.js'
import { readPrepared, sideOfTask, statementOf, type Prepared, type TaskContext } from './context.js'
import { hasOwnKeys } from './neighbours.js'
import { listUncoveredColumns, readJobEntity, saveRows, saveSegments, type JobEntity } from './outcomes.js'
import type { ProfileRequest } from './profile.js'
import { errorText, type Reader } from './reader.js'
import { endOf, restOf, restsOf } from './pace.js'
import { faultOfRelease } from './release.js'
import { rescan } from './rescan.js'
import { scanChunk, ScanMismatch, type ScannedChunk, type UnreadRow } from './scan-chunk.js'
import { canLeaveOut, findUnreadable, isFaultOfRow, mostUnread } from './unreadable.js'

/** How often a chunk is searched for rows that cannot be read: they may come while it is searched. */
const searches = 3

/**
 * Reads one chunk of one side, or as much of it as one statement should; the rest becomes a task of its own. Rows whose values raise an error are left out and told one by one; any other error of the statement leaves the entity
 * unverified, with the reason.
 */
export async function scan(context: TaskContext, task: TakenTask, signal: AbortSignal): Promise<Commit> {
  const side = sideOfTask(task)
  const range: PageRange = { first: task.firstPage ?? 0, next: task.nextPage }
  const [entity, prepared, profile] = await Promise.all([comparable(context, task), readPrepared(context, task.jobId), requestProfile(context, task)])
  const { spec, streamed } = entity
  const whenLast: Commit['whenLast'] = { after: ['scan'], kind: 'settle', entity: spec.entity }
  const fault = await context.remember(`fault of release ${task.jobId} ${spec.entity}`, () => Promise.resolve(faultOfRelease(prepared, entity)))
  if (fault !== null) return { outcome: { failed: fault, rows: null, scope: null }, whenLast }
  const options: StatementOptions = { ...statementOf(prepared, entity), ...(spec[side].chunkable ? { pages: range } : {}) }
  const part = context.pace.cut(spec, side, 'fingerprints', range)
  const rest = restOf(range, part)
  const statement: StatementOptions = { ...options, ...(entity.neighbours === null || !hasOwnKeys(spec) ? { audited: auditedBy(task.jobId, options) } : {}), ...(spec[side].chunkable ? { pages: part } : {}) }
  try {
    const again = await rescanOnItself(context, task, prepared, spec, options, profile, signal)
    if (again !== null) return { write: (tx) => saveSegments(tx, task.taskId, again.segments), outcome: { ...again.outcome }, whenLast }
    const { outcome, found } = await onFreest(context, side, prepared, signal, (reader) => scanReadable(spec, reader, statement, profile, streamed, signal))
    context.pace.note(spec, side, 'fingerprints', part, outcome.durationMs)
    const write = (tx: Db) => ('segments' in found ? saveSegments(tx, task.taskId, found.segments) : saveRows(tx, task.taskId, found.blocks))
    return { write, outcome: { ...outcome }, whenLast, ...(rest === null ? {} : { nextPage: rest.first, rest: restsOf(context.pace, spec, side, 'fingerprints', range, part) }) }
  } catch (error) {
    if (signal.aborted || busyLoad(error) !== null) throw error
    if (sqlstateOf(error) === '57014') context.pace.note(spec, side, 'fingerprints', part, Infinity)
    const halves = sqlstateOf(error) === '57014' && statement.pages !== undefined ? halve(spec, side, part) : null
    if (halves !== null) return { outcome: { split: true }, rest: [...halves, ...(rest === null ? [] : [rest])] }
    const timedOut = sqlstateOf(error) === '57014'
    if (!timedOut && (isTransient(error) || (sideOf(error) === null && !(error instanceof ScanMismatch)))) throw error
    // the entity is lost already: the rest is not read
    return { outcome: { failed: `${side}: ${errorText(error, [spec])}`, rows: null, scope: null }, whenLast }
  }
}

/** Versions are asked of the database itself: a replica may not have them all. */
async function rescanOnItself(context: TaskContext, task: TakenTask, prepared: Prepared, spec: ComparisonSpec, options: StatementOptions, profile: ProfileRequest | null, signal: AbortSignal): ReturnType<typeof rescan> {
  const side = sideOfTask(task)
  if (prepared.partlyReused?.[spec.entity]?.[side] === undefined) return null
  if (side === 'source') await context.spareSource(context.readers.source, signal)
  return rescan(context.target, task, prepared, spec, context.readers[side], options, profile, signal)
}

/** Reads the source on a replica where one may be read; what fails there is read on the source itself. */
async function onFreest(context: TaskContext, side: Side, { position }: Prepared, signal: AbortSignal, run: (reader: Reader) => Promise<ScannedChunk>): Promise<ScannedChunk> {
  const replica = side === 'source' && position !== null ? await context.replicas.choose(position, signal) : null
  if (replica !== null) {
    try {
      const { outcome: { horizon: _, ...outcome }, found } = await run(replica.reader)
      return { outcome: { ...outcome, replica: replica.name }, found }
    } catch (error) {
      if (signal.aborted || sideOf(error) === null || isFaultOfRow(error) || sqlstateOf(error) === '57014') throw error
      context.replicas.rest(replica.name, error)
    }
  }
  if (side === 'source') await context.spareSource(context.readers.source, signal)
  return run(context.readers[side])
}

async function scanReadable(spec: ComparisonSpec, reader: Reader, statement: StatementOptions, profile: ProfileRequest | null, streamed: boolean, signal: AbortSignal): Promise<ScannedChunk> {
  let unread: UnreadRow[] = []
  for (let search = 0; ; search += 1) {
    try {
      return await scanChunk(spec, reader, statement, profile, streamed, signal, unread)
    } catch (error) {
      if (signal.aborted || search === searches || !isFaultOfRow(error) || !canLeaveOut(spec, statement)) throw error
      const more = await findUnreadable(spec, reader, { ...statement, unread: { [reader.side]: unread.map(({ address }) => address) } }, signal)
      if (more === null || unread.length + more.length > mostUnread) throw error
      unread = [...unread, ...more]
    }
  }
}

async function comparable({ target, remember }: TaskContext, { jobId, entity }: TakenTask): Promise<JobEntity & { spec: ComparisonSpec }> {
  const found = await remember(`entity ${jobId} ${entity}`, () => readJobEntity(target, jobId, entity ?? ''))
  if (found.spec === null || found.blocked !== null) throw new Error(`${entity} cannot be compared: ${found.blocked}`)
  return { ...found, spec: found.spec }
}

async function requestProfile({ target, remember }: TaskContext, { jobId, entity, job }: TakenTask): Promise<ProfileRequest | null> {
  return job.includeIntegrityChecks ? { uncovered: await remember(`uncovered ${jobId} ${entity}`, () => listUncoveredColumns(target, jobId, entity ?? '')) } : null
}

/** Two halves of a page range that took too long; null when it is one page. */
function halve(spec: ComparisonSpec, side: Side, range: PageRange): PageRange[] | null {
  const { first, next } = range
  const middle = first + Math.floor((endOf(spec, side, range) - first) / 2)
  return middle > first ? [{ first, next: middle }, { first: middle, next }] : null
}
