import { fileURLToPath } from 'node:url'
import type { Db, DatabaseOptions } from '../db/clients.js'
import { createDemoDatabases } from './databases.js'
import { startEmbeddedPostgres } from './embedded.js'
import { recordRuns } from './scripts.js'

export { createDemoDatabases } from './databases.js'

export interface Demo {
  /** the legacy database, as a role that may only read */
  source: DatabaseOptions
  /** the modern database, as its owner */
  target: DatabaseOptions
  /** the plan file that belongs to them */
  planPath: string
  /** records the runs of the migration scripts; the tracking schema must be migrated first; may be repeated */
  recordRuns(sql: Db): Promise<void>
  /** stops the server and removes its data */
  stop(): Promise<void>
}

export interface DemoOptions {
  /** rows of the legacy database in all, 250,000 unless given, at least 5,000 */
  rows?: number
  log?: (message: string) => void
}

/** The plan of the demonstration. */
export const demoPlanPath = fileURLToPath(new URL('./sql/plan.yaml', import.meta.url))

/**
 * Starts an embedded PostgreSQL with the demonstration's two databases.
 * @throws Error when the platform has no binaries or the server does not come up; RangeError when `rows` is too small
 */
export async function startDemo({ rows = 250_000, log = () => undefined }: DemoOptions = {}): Promise<Demo> {
  const startedAt = performance.now()
  const server = await startEmbeddedPostgres()
  try {
    log(`demonstration: PostgreSQL is up on ${server.host}:${server.port}, filling two databases from ${rows} legacy rows`)
    const { host, port, user, password } = server
    const { source, target } = await createDemoDatabases({ host, port, user, password, database: 'postgres', ssl: 'disable', maxConnections: 5 }, rows)
    log(`demonstration: ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    return {
      source,
      target,
      planPath: demoPlanPath,
      async recordRuns(sql) {
        await recordRuns(sql, rows)
      },
      stop: () => server.stop(),
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}
