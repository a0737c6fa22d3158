import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/demo/embedded.js'
import { openTarget } from '../../src/db/clients.js'
import { migrate } from '../../src/db/migrate.js'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: ServerOptions
    /** of the source databases; the same server but in the matrix of versions */
    sourcePostgres: ServerOptions
  }
}

interface ServerOptions {
  host: string
  port: number
  user: string
  password: string
}

/**
 * One server for the whole run, with a template database in which the tracking schema is installed once. SOURCE_SERVER and TARGET_SERVER (folders of
 * packages with binaries) make it two servers, of other versions.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { SOURCE_SERVER: sourceDir, TARGET_SERVER: targetDir } = process.env
  const server = await startEmbeddedPostgres(targetDir === undefined ? {} : { packageDir: targetDir })
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
  const source = sourceDir === undefined ? null : await startEmbeddedPostgres({ packageDir: sourceDir })
  project.provide('postgres', { host, port, user, password })
  project.provide('sourcePostgres', source === null ? { host, port, user, password } : { host: source.host, port: source.port, user: source.user, password: source.password })
  return async () => { await Promise.all([server.stop(), source?.stop()]) }
}
