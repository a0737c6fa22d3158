import { setTimeout as sleep } from 'node:timers/promises'
import { floorPercent, type Count, type Verdict } from '../core/accounting.js'
import type { Db } from '../db/clients.js'
import { isTransient } from '../db/sqlstate.js'
import type { JobStatus } from './queries.js'

interface StoredEvent {
  id: number
  kind: 'status' | 'verdict'
  data: Record<string, unknown>
}

/** A job as those see it who watch it. */
export interface WatchedJob {
  status: JobStatus
  verdict: Verdict | null
  pausedReason: string | null
  tasksDone: number
  tasksTotal: number
  entitiesDone: number
  entitiesTotal: number
  /** rows of both sides that finished scans have read */
  rowsRead: number
  /** since the job began, null before */
  elapsedSeconds: number | null
  events: StoredEvent[]
}

/** One statement for all that a watcher needs; undefined when there is no such job. */
export async function readWatchedJob(sql: Db, jobId: string): Promise<WatchedJob | undefined> {
  const [row] = await sql<WatchedJob[]>`
    select status, verdict, paused_reason as "pausedReason", cardinality(entities) as "entitiesTotal", task.*,
      (select count(*) from migration_coverage.entity_result r where r.job_id = job.job_id) as "entitiesDone",
      extract(epoch from coalesce(finished_at, now()) - started_at)::float8 as "elapsedSeconds",
      coalesce((select json_agg(json_build_object('id', event_id, 'kind', kind, 'data', data) order by event_id)
        from migration_coverage.job_event e where e.job_id = job.job_id), '[]') as events
    from migration_coverage.job cross join lateral (
      select count(*) filter (where t.status = 'done') as "tasksDone", count(*) as "tasksTotal",
        coalesce(sum((t.outcome ->> 'rows')::bigint) filter (where t.kind = 'scan' and t.status = 'done'), 0)::bigint as "rowsRead"
      from migration_coverage.task t where t.job_id = job.job_id) task
    where job_id = ${jobId}`
  return row
}

const isOver = (job: WatchedJob): boolean => ['completed', 'failed', 'cancelled'].includes(job.status)

/** What is told of the work between two verdicts; rates are null until something was read, the time left until a task is done. */
export function progressOf({ tasksDone, tasksTotal, entitiesDone, entitiesTotal, rowsRead, elapsedSeconds, pausedReason }: WatchedJob) {
  const elapsed = elapsedSeconds === null || elapsedSeconds <= 0 ? null : elapsedSeconds
  return {
    tasksDone, tasksTotal, entitiesDone, entitiesTotal, rowsRead,
    rowsPerSecond: elapsed === null || rowsRead === 0 ? null : Math.round(rowsRead / elapsed),
    estimatedSecondsLeft: elapsed === null || tasksDone === 0 || pausedReason !== null ? null : Math.ceil((elapsed / tasksDone) * (tasksTotal - tasksDone)),
  }
}

function dataOf({ kind, data }: StoredEvent): object {
  if (kind === 'status') return data
  const { scope, verified, ...rest } = data as { scope: Count; verified: Count }
  return { ...rest, verifiedPercent: verified === null || scope === null ? null : floorPercent(verified, scope) }
}

const format = (event: string, data: object, id?: number): string => `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`

export interface EventHub {
  /** The newest state of a job; all who ask within one poll share one statement. */
  read(jobId: string): Promise<WatchedJob | undefined>
  /** Counts a stream in. @returns what counts it out, or null when there are too many */
  enter(): (() => void) | null
  pollMs: number
}

/** @param limits how often a watched job is read, and how many streams may be open at once in this process */
export function createEventHub(sql: Db, { pollMs, mostStreams }: { pollMs: number; mostStreams: number }): EventHub {
  const reads = new Map<string, { at: number; job: Promise<WatchedJob | undefined> }>()
  let streams = 0
  return {
    pollMs,
    read(jobId) {
      const now = performance.now()
      const last = reads.get(jobId)
      if (last !== undefined && now - last.at < pollMs * 0.9) return last.job
      for (const [id, { at }] of reads) if (now - at > pollMs * 4) reads.delete(id)
      const job = readWatchedJob(sql, jobId)
      reads.set(jobId, { at: now, job })
      return job
    },
    enter() {
      if (streams >= mostStreams) return null
      streams += 1
      let isOpen = true
      return () => {
        if (isOpen) streams -= 1
        isOpen = false
      }
    },
  }
}

const heartbeatMs = 10_000

/**
 * The events of a job as the text of an event stream, from the one after `lastEventId` on, until the job is over or the signal aborts. Stored events carry
 * their number; progress is told when it changes and carries none. A comment keeps the connection alive, also while the database cannot be read.
 */
export async function* streamEvents(hub: EventHub, jobId: string, lastEventId: number, signal: AbortSignal): AsyncGenerator<string> {
  let last = lastEventId
  let progress = ''
  let spokeAt = performance.now()
  yield `retry: ${hub.pollMs * 4}\n\n`
  while (!signal.aborted) {
    const job = await hub.read(jobId).catch((error: unknown) => {
      if (isTransient(error)) return null // the comment below keeps the client until the database is back
      throw error
    })
    if (job === undefined) return
    const parts: string[] = []
    if (job !== null) {
      // a number that the job never gave is of another job: everything is told
      if (last > job.events.length) last = 0
      for (const event of job.events.filter(({ id }) => id > last)) parts.push(format(event.kind, dataOf(event), event.id))
      last = Math.max(last, job.events.at(-1)?.id ?? 0)
      const now = JSON.stringify(progressOf({ ...job, elapsedSeconds: null }))
      if (now !== progress) parts.push(format('progress', progressOf(job)))
      progress = now
    }
    if (parts.length === 0 && performance.now() - spokeAt > heartbeatMs) parts.push(': waiting\n\n')
    if (parts.length > 0) {
      spokeAt = performance.now()
      yield parts.join('')
    }
    if (job !== null && isOver(job)) return
    await sleep(hub.pollMs, undefined, { signal }).catch(() => undefined) // aborted: the loop ends
  }
}
