import type { Side } from '../core/catalog.js'
import type { StatementOptions } from '../core/expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import type { Commit } from '../jobs/loop.js'
import type { Queue } from '../jobs/queue.js'
import { addTasks, type TakenTask } from '../jobs/task.js'
import { readPrepared, sideOfTask, statementOf, type TaskContext } from './context.js'
import { hasOtherTasks, listUncoveredColumns, readJobEntity, saveSegments } from './outcomes.js'
import type { ProfileRequest } from './profile.js'
import { errorText, type Reader } from './reader.js'
import { rescan } from './rescan.js'
import { scanChunk, ScanMismatch, type ScannedChunk, type UnreadRow } from './scan-chunk.js'
import { canLeaveOut, findUnreadable, isFaultOfRow, mostUnread } from './unreadable.js'

/** How often a chunk is searched for rows that cannot be read: they may come while it is searched. */
const searches = 3

/**
 * Reads one chunk of one side. Rows whose values raise an error are left out and told one by one; any other error of the statement leaves the entity
 * unverified, with the reason.
 */
export async function scan(context: TaskContext, task: TakenTask, signal: AbortSignal): Promise<Commit> {
  const { spec, segments } = await comparable(context, task)
  const reader = context.readers[sideOfTask(task)]
  const first = task.firstPage ?? 0
  const prepared = await readPrepared(context.target, task.jobId)
  const statement: StatementOptions = { ...statementOf(prepared, segments), ...(spec[reader.side].chunkable ? { pages: { first, next: task.nextPage } } : {}) }
  if (reader.side === 'source') await context.spareSource(reader, signal)
  try {
    const profile = task.job.includeIntegrityChecks ? { uncovered: await listUncoveredColumns(context.target, task.jobId, spec.entity) } : null
    const { outcome, segments: sums, touched } = await rescan(context.target, task, prepared, spec, reader, statement, profile, signal) ?? { ...await scanReadable(spec, reader, statement, profile, signal), touched: null }
    return async (tx) => {
      await saveSegments(tx, task.taskId, sums, touched)
      await settleWhenScanned(context.queue, tx, task)
      return { ...outcome }
    }
  } catch (error) {
    if (signal.aborted) throw error
    const halves = sqlstateOf(error) === '57014' && statement.pages !== undefined ? halve(spec, reader.side, first, task.nextPage) : null
    if (halves !== null) return async (tx) => {
      await addHalves(context.queue, tx, task, halves)
      return { split: true }
    }
    const timedOut = sqlstateOf(error) === '57014'
    if (!timedOut && (isTransient(error) || (sideOf(error) === null && !(error instanceof ScanMismatch)))) throw error
    const reason = `${reader.side}: ${errorText(error, [spec])}`
    return async (tx) => {
      await settleWhenScanned(context.queue, tx, task)
      return { failed: reason, rows: null, scope: null }
    }
  }
}

async function scanReadable(spec: ComparisonSpec, reader: Reader, statement: StatementOptions, profile: ProfileRequest | null, signal: AbortSignal): Promise<ScannedChunk> {
  let unread: UnreadRow[] = []
  for (let search = 0; ; search += 1) {
    try {
      return await scanChunk(spec, reader, statement, profile, signal, unread)
    } catch (error) {
      if (signal.aborted || search === searches || !isFaultOfRow(error) || !canLeaveOut(spec, statement)) throw error
      const more = await findUnreadable(spec, reader, { ...statement, unread: { [reader.side]: unread.map(({ address }) => address) } }, signal)
      if (more === null || unread.length + more.length > mostUnread) throw error
      unread = [...unread, ...more]
    }
  }
}

async function settleWhenScanned(queue: Queue, tx: Db, task: TakenTask): Promise<void> {
  if (!(await hasOtherTasks(tx, task.jobId, task.taskId, ['scan'], task.entity))) await addTasks(tx, queue, task.jobId, [{ kind: 'settle', entity: task.entity }])
}

async function addHalves(queue: Queue, tx: Db, task: TakenTask, halves: { first: number; next: number | null }[]): Promise<void> {
  const [last] = await tx<{ chunk: number }[]>`
    select max(chunk) as chunk from migration_coverage.task where job_id = ${task.jobId} and entity = ${task.entity} and side = ${task.side} and kind = 'scan'`
  const chunk = (last?.chunk ?? 0) + 1
  await addTasks(tx, queue, task.jobId, halves.map(({ first, next }, index) => ({ kind: 'scan', entity: task.entity, side: task.side, chunk: chunk + index, firstPage: first, nextPage: next })))
}

async function comparable({ target }: TaskContext, task: TakenTask): Promise<{ spec: ComparisonSpec; segments: number }> {
  const { spec, segments, blocked } = await readJobEntity(target, task.jobId, task.entity ?? '')
  if (spec === null || blocked !== null) throw new Error(`${task.entity} cannot be compared: ${blocked}`)
  return { spec, segments }
}

/** Two halves of a page range that took too long; null when it is one page. */
function halve(spec: ComparisonSpec, side: Side, first: number, next: number | null): { first: number; next: number | null }[] | null {
  const end = next ?? Math.max(spec[side].pages, first)
  const middle = first + Math.floor((end - first) / 2)
  return middle > first ? [{ first, next: middle }, { first: middle, next }] : null
}
