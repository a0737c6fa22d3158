/**
 * The mutation test of src/core (stryker.config.json), in two passes: what computes is judged by the unit tests, what builds SQL by a PostgreSQL as well. Each pass must reach
 * `thresholds.break`. `-- src/core/figures.ts src/core/repair.ts` takes these files alone.
 */
import { spawn } from 'node:child_process'
import { copyFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openTarget } from '../src/db/clients.js'
import { migrate } from '../src/db/migrate.js'
import { startEmbeddedPostgres } from '../src/demo/embedded.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const sqlOfRows = ['key-map', 'term', 'row', 'lookup', 'pass', 'reread', 'integrity', 'profile'].map((name) => `${name}-expressions`)
const buildSql = ['canary', 'canonical', 'identifier', 'json-text', 'repair', ...sqlOfRows].map((name) => `src/core/${name}.ts`)

/** Mutates these files. @param server what the comparisons connect to; null: unit tests alone. @returns whether enough of the mutants were found */
async function mutate(files: readonly string[], report: string, server: object | null): Promise<boolean> {
  const child = spawn(process.execPath, ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run', '--mutate', files.join(',')], {
    cwd: root, stdio: 'inherit', env: { ...process.env, ...(server === null ? {} : { MUTATION_SERVER: JSON.stringify(server) }) },
  })
  const code = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
  copyFileSync(`${root}reports/mutation.json`, `${root}reports/${report}.json`)
  return code === 0
}

async function mutateWithServer(files: readonly string[], report: string): Promise<boolean> {
  const server = await startEmbeddedPostgres()
  try {
    const { host, port, user, password } = server
    // whatever fills a database must not rest on a mutant: the tracking schema is installed here, once
    await server.createDatabase('tracking_template')
    const sql = openTarget({ host, port, user, password, database: 'tracking_template', ssl: 'disable', maxConnections: 1 })
    await migrate(sql).finally(() => sql.end({ timeout: 5 }))
    return await mutate(files, report, { host, port, user, password })
  } finally {
    await server.stop()
  }
}

const [given, all] = [process.argv.slice(2), readdirSync(`${root}src/core`, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((name) => `src/core/${name.replaceAll('\\', '/')}`)]
const files = given.length === 0 ? all : given
const [computing, building] = [files.filter((file) => !buildSql.includes(file)), files.filter((file) => buildSql.includes(file))]
const reached = [computing.length === 0 || await mutate(computing, 'mutation-unit', null), building.length === 0 || await mutateWithServer(building, 'mutation-sql')]
if (reached.includes(false)) process.exitCode = 1
