import { serviceName } from '../db/clients.js'
import { busyFailure } from '../jobs/failure.js'
import { countOf, readOne, type Reader } from './reader.js'

/** What a database may have to do beside us before we hold back; 0: no limit. */
export interface LoadLimits {
  /** sessions of others that run a statement */
  activeSessions: number
  /** locks that somebody waits for */
  waitingLocks: number
  /** how far its replicas, or it as a replica, lie behind, s */
  replicaLagSeconds: number
}

/** One look at the database serves all chunks that begin within this time. */
const freshMs = 500

/**
 * Sessions of others are seen only as far as the role may look (`pg_read_all_stats`); waiting locks are seen by everyone. A replica that has replayed all that
 * it received is not behind, however long ago that was.
 */
const loadStatement = `select (select pg_catalog.count(*) from pg_catalog.pg_stat_activity where state = 'active' and backend_type = 'client backend' and pid <> pg_catalog.pg_backend_pid() and application_name <> '${serviceName}')::text as sessions,
  (select pg_catalog.count(*) from pg_catalog.pg_locks where not granted)::text as locks,
  pg_catalog.ceil(case when not pg_catalog.pg_is_in_recovery() then (select coalesce(pg_catalog.max(extract(epoch from replay_lag)), 0) from pg_catalog.pg_stat_replication)
    when pg_catalog.pg_last_wal_receive_lsn() is not distinct from pg_catalog.pg_last_wal_replay_lsn() then 0
    else coalesce(extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()), 0) end)::bigint::text as lag`

/** Looks at the load of a database before a statement that reads much of it. */
export function createThrottle(limits: LoadLimits): (reader: Reader, signal: AbortSignal) => Promise<void> {
  const isLimited = Object.values(limits).some((limit) => limit > 0)
  let seen: { at: number; busy: string | null } | null = null

  /**
   * @throws a failure that gives the task back while a limit is passed
   */
  return async (reader, signal) => {
    if (!isLimited) return
    if (seen === null || performance.now() - seen.at > freshMs) {
      const row = await readOne(reader, signal, loadStatement)
      const over = (column: string, limit: number, what: string) => (limit > 0 && countOf(row, column) > limit ? [`${countOf(row, column)} ${what} (limit ${limit})`] : [])
      const reasons = [
        ...over('sessions', limits.activeSessions, 'other sessions are active'), ...over('locks', limits.waitingLocks, 'locks are waited for'),
        ...over('lag', limits.replicaLagSeconds, 'seconds lie between it and its replica'),
      ]
      seen = { at: performance.now(), busy: reasons.length === 0 ? null : reasons.join(', ') }
    }
    if (seen.busy !== null) throw busyFailure(reader.side, seen.busy)
  }
}
