import type { Sql } from 'postgres'
import { sqlstateOf } from '../db/sqlstate.js'
import { describeError, sideOf } from '../jobs/failure.js'
import type { Log } from '../jobs/queue.js'
import { findLooseSettings } from './pins.js'
import { readOne, textOf, type Reader } from './reader.js'
import { createThrottle, type LoadLimits } from './throttle.js'

/** A standby of the source that may be read in its place. */
export interface Replica {
  /** `host:port` */
  name: string
  /** pinned, read-only */
  sql: Sql
}

/** Which server the source is, and how far it had come at a moment. */
export interface SourcePosition {
  /** identifier of the cluster, which its physical copies share; null: the role may not know */
  system: string | null
  /** what has been written to its log, an LSN */
  lsn: string
}

export interface Replicas {
  /** Where the source stands now; null without replicas. */
  readPosition(source: Reader, signal: AbortSignal): Promise<SourcePosition | null>
  /**
   * A reader on a replica that has replayed at least `position` and has not enough to do already, each in turn.
   * @returns null when there is none: then the source itself is to be read
   */
  choose(position: SourcePosition, signal: AbortSignal): Promise<{ name: string; reader: Reader } | null>
  /** Leaves a replica alone for a while. */
  rest(name: string, error: unknown): void
}

/** How long a replica that cannot be read is left alone. */
const restMs = 30_000

/** What is committed on the source at this moment stands before its insert position, whether or not it is flushed. */
const positionStatement = 'select (case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_insert_lsn() end)::text as lsn'
const systemStatement = "select system_identifier::text || ' ' || timeline_id::text as system from pg_catalog.pg_control_system() cross join pg_catalog.pg_control_checkpoint()"

const standbyStatement = `select pg_catalog.pg_is_in_recovery()::text as standby,
  coalesce(pg_catalog.pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false)::text as caught_up`

/** The identifier of a cluster; null where the role may not ask. */
async function readSystem(reader: Reader, signal: AbortSignal): Promise<string | null> {
  try {
    return textOf(await readOne(reader, signal, systemStatement), 'system')
  } catch (error) {
    if (sqlstateOf(error) !== '42501') throw error
    return null
  }
}

/**
 * A job that began at a position of the source reads a replica only once that has replayed so much: so nothing that was committed before the job is overlooked, and
 * what proves later that the source has not changed since (counters, read before) holds of what the replica showed.
 */
export function createReplicas(replicas: readonly Replica[], limits: LoadLimits, log: Log): Replicas {
  const members = replicas.map(({ name, sql }) => ({ name, reader: { side: 'source' as const, sql }, spare: createThrottle(limits), keepsSettings: false, restsUntil: 0 }))
  let turn = 0

  function rest(name: string, error: unknown): void {
    const member = members.find((one) => one.name === name)
    if (member !== undefined) member.restsUntil = performance.now() + restMs
    log.warn({ replica: name, error: describeError(error) }, 'the replica is left alone for a while')
  }

  async function isUsable(member: (typeof members)[number], position: SourcePosition, signal: AbortSignal): Promise<boolean> {
    const { name, reader, spare } = member
    try {
      const [system, row] = [await readSystem(reader, signal), await readOne(reader, signal, standbyStatement, [position.lsn])]
      if (row['standby'] !== 'true' || system === null || system !== position.system) {
        const reason = system === null || position.system === null ? 'the role may not execute pg_control_system() and pg_control_checkpoint(), which tell whether it is a standby of the source' : 'it is no physical standby of the source'
        rest(name, new Error(reason))
        return false
      }
      if (row['caught_up'] !== 'true') return false
      const loose = member.keepsSettings ? [] : await findLooseSettings(reader, signal)
      if (loose.length > 0) {
        rest(name, new Error(`its sessions do not keep what the comparison rests on: ${loose.join('; ')}`))
        return false
      }
      member.keepsSettings = true
      await spare(reader, signal)
      return true
    } catch (error) {
      if (signal.aborted || sideOf(error) === null) throw error
      rest(name, error)
      return false
    }
  }

  return {
    rest,
    async readPosition(source, signal) {
      if (members.length === 0) return null
      return { system: await readSystem(source, signal), lsn: textOf(await readOne(source, signal, positionStatement), 'lsn') }
    },
    async choose(position, signal) {
      for (let tried = 0; tried < members.length; tried += 1) {
        const member = members[turn++ % members.length]
        if (member !== undefined && performance.now() >= member.restsUntil && await isUsable(member, position, signal)) return { name: member.name, reader: member.reader }
      }
      return null
    },
  }
}
