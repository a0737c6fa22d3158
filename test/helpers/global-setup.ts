import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/demo/embedded.js'
import { openTarget } from '../../src/db/clients.js'
import { migrate } from '../../src/db/migrate.js'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: { host: string; port: number; user: string; password: string }
  }
}

/** One server for the whole run, with a template database in which the tracking schema is installed once. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startEmbeddedPostgres()
  const { host, port, user, password } = server
  try {
    await server.createDatabase('tracking_template')
    const sql = openTarget({ host, port, user, password, database: 'tracking_template', ssl: 'disable', maxConnections: 1 })
    try {
      await migrate(sql)
    } finally {
      await sql.end({ timeout: 5 })
    }
  } catch (error) {
    await server.stop()
    throw error
  }
  project.provide('postgres', { host, port, user, password })
  return () => server.stop()
}
