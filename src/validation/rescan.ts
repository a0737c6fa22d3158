import type { Side } from '../core/catalog.js'
import type { StatementOptions } from '../core/row-expressions.js'
import { countNewer, countPackedRows, countTouched, touchedSegments } from '../core/segments.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import type { TakenTask } from '../jobs/task.js'
import type { Prepared } from './context.js'
import { readTable } from './evidence.js'
import type { ProfileRequest } from './profile.js'
import type { Reader } from './reader.js'
import type { PackedSegments } from './outcomes.js'
import { scanChunk, type FoundRows, type ScannedChunk, type ScanOutcome } from './scan-chunk.js'
import { isFaultOfRow } from './unreadable.js'

/** Rows of touched segments, as a share of a side and as a number, above which chunks are better read in full: settling reads those of both sides, in passes over 2 million rows. */
const mostTouched = { share: 0.25, rows: 2_000_000 }

/** Newer rows of a chunk, as a share of the chunk and of its side, above which it is better read in full: each is looked up by its key on both sides. A few always may. */
const mostNewer = { ofChunk: 0.1, ofSide: 0.02, few: 100 }

/** What an earlier job has left of a chunk. */
interface EarlierChunk extends Pick<PackedSegments, 'packed' | 'weighted'> {
  horizon: string
  readAt: string
  readBy: string
  /** keyed rows of the whole side */
  sideRows: number
}

/**
 * Reads of a chunk only which segments hold rows that are newer than the sums that an earlier job has left of it, or not as many rows.
 * @returns those sums with the segments in which they may not hold any more; null: the chunk is to be read in full
 */
export async function rescan(sql: Db, task: TakenTask, prepared: Prepared, spec: ComparisonSpec, reader: Reader, statement: StatementOptions, profile: ProfileRequest | null, signal: AbortSignal): Promise<{ outcome: ScanOutcome; segments: PackedSegments } | null> {
  const { side } = reader
  const [from, versions] = [prepared.partlyReused?.[spec.entity]?.[side], prepared.versions?.[spec.entity]?.[side]]
  if (from === undefined || versions === undefined || versions === null) return null
  const earlier = await readEarlierChunk(sql, from, spec.entity, side, task)
  if (earlier === null) return null
  let touched: Buffer = Buffer.alloc(0)
  let newer: Buffer | null = null
  const isEnough = (found: FoundRows): boolean => {
    const segments = 'segments' in found ? found.segments.packed : Buffer.alloc(0)
    touched = touchedSegments(earlier.packed, segments)
    newer = 'segments' in found ? found.segments.newer : null
    if (newer !== null && countNewer(newer) > Math.max(mostNewer.few, Math.min(mostNewer.ofChunk * countPackedRows(segments), mostNewer.ofSide * earlier.sideRows))) newer = null
    if (newer !== null) return true
    // each chunk has its share of the segments that may be touched at all, since they add up over chunks
    const share = Math.min(mostTouched.share, mostTouched.rows / Math.max(earlier.sideRows, 1))
    return countTouched(touched).segments * earlier.sideRows <= share * statement.segments * countPackedRows(segments)
  }
  try {
    const scanned = await scanChunk(spec, reader, { ...statement, since: earlier.horizon }, profile, false, signal, [], isEnough)
    // after the pass: what it read by its name may have been another relation than the one that the job was prepared for
    if (scanned === null || await readTable(spec, reader, signal) !== versions.table) return null
    return { outcome: { ...scanned.outcome, horizon: earlier.horizon, readAt: earlier.readAt, readBy: earlier.readBy, touched: countTouched(touched).segments, ...(newer === null ? {} : { newer: countNewer(newer) }) }, segments: { packed: earlier.packed, audit: null, keys: keysOf(scanned), weighted: earlier.weighted, touched, newer } }
  } catch (error) {
    // the full reading tells which row it is
    if (!signal.aborted && isFaultOfRow(error)) return null
    throw error
  }
}

function keysOf({ found }: ScannedChunk): Buffer | null {
  return 'segments' in found ? found.segments.keys : null
}

/** @returns null where nothing is left, as a job that ended meanwhile has taken its place, or where rows could not be read */
async function readEarlierChunk(sql: Db, jobId: string, entity: string, side: Side, { chunk, firstPage }: TakenTask): Promise<EarlierChunk | null> {
  const [found] = await sql<EarlierChunk[]>`
    select s.packed, s.weighted, t.outcome ->> 'horizon' as horizon, coalesce(t.outcome ->> 'readAt', t.outcome ->> 'snapshotAt') as "readAt", coalesce(t.outcome ->> 'readBy', t.job_id::text) as "readBy",
      (select sum((side.outcome ->> 'keyed')::bigint) from migration_coverage.task side where side.job_id = t.job_id and side.kind = 'scan' and side.entity = t.entity and side.side = t.side)::bigint as "sideRows"
    from migration_coverage.task t join migration_coverage.segment_sums s using (task_id)
    where t.job_id = ${jobId} and t.kind = 'scan' and t.entity = ${entity} and t.side = ${side} and t.chunk = ${chunk} and t.first_page is not distinct from ${firstPage} and t.outcome ? 'horizon' and t.outcome ->> 'unread' = '0'`
  return found ?? null
}
