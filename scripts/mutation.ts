/**
 * The mutation test of src/core, in two passes: the unit tests against all mutants, then the SQL that still survives against a real PostgreSQL (test/mutation/battery.ts).
 * Fails when a smaller share of the mutants is found than `thresholds.break` of stryker.config.json asks for. `-- src/core/figures.ts …` looks at these files only.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { openTarget } from '../src/db/clients.js'
import { migrate } from '../src/db/migrate.js'
import { startEmbeddedPostgres } from '../src/demo/embedded.js'
import { isFound, keyOf, mergeReports, rangesOf, scoreTable, type MutationReport } from './mutation-report.js'

const root = fileURLToPath(new URL('../', import.meta.url))
const settings = JSON.parse(readFileSync(`${root}stryker.config.json`, 'utf8')) as { mutate: string[]; thresholds: { break: number } }
/** Modules whose SQL only a server can judge; of the others the unit tests are the judge. */
const sqlModules = ['canary', 'canonical', 'expressions', 'identifier', 'integrity-expressions', 'json-text', 'profile-expressions', 'repair'].map((name) => `src/core/${name}.ts`)

async function stryker(name: string, options: object, environment: Record<string, string> = {}): Promise<MutationReport> {
  mkdirSync(`${root}reports`, { recursive: true })
  const file = `reports/${name}.json`
  const config = `${root}reports/${name}.config.json`
  writeFileSync(config, JSON.stringify({ ...settings, thresholds: { ...settings.thresholds, break: null }, ...options, jsonReporter: { fileName: file } }))
  const child = spawn(process.execPath, ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run', config], { cwd: root, stdio: 'inherit', env: { ...process.env, ...environment } })
  const code = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
  if (code !== 0) throw new Error(`Stryker ended with ${code}: ${name}`)
  return JSON.parse(readFileSync(root + file, 'utf8')) as MutationReport
}

/** Runs work with a server that has a template database with the tracking schema. */
async function withServer<T>(work: (server: string) => Promise<T>): Promise<T> {
  const server = await startEmbeddedPostgres({ settings: { max_connections: '100' } })
  try {
    const { host, port, user, password } = server
    await server.createDatabase('tracking_template')
    const sql = openTarget({ host, port, user, password, database: 'tracking_template', ssl: 'disable', maxConnections: 1 })
    await migrate(sql).finally(() => sql.end({ timeout: 5 }))
    return await work(JSON.stringify({ host, port, user, password }))
  } finally {
    await server.stop()
  }
}

const files = process.argv.slice(2)
const log = pino({ base: null })
const unit = await stryker('mutation-unit', files.length === 0 ? {} : { mutate: files })
const left = rangesOf(unit, sqlModules)
log.info({ ranges: left.length }, 'mutants that the unit tests leave to the server')
const battery = left.length === 0 ? null : await withServer((server) => stryker('mutation-sql', {
  mutate: left, testRunner: 'battery', plugins: ['@stryker-mutator/vitest-runner', `${root}scripts/battery-runner.js`], testRunnerNodeArgs: ['--import', 'tsx'], timeoutMS: 20_000,
}, { MUTATION_SERVER: server }))
const merged = mergeReports(unit, battery)
writeFileSync(`${root}reports/mutation.json`, JSON.stringify(merged))
const { lines, percent } = scoreTable(merged)
process.stdout.write(`${lines.join('\n')}\n`)
for (const [file, { mutants }] of Object.entries(merged.files)) for (const mutant of mutants) if (!isFound(mutant)) process.stdout.write(`${file}:${keyOf(mutant)} ${mutant.status}\n`)
if (percent < settings.thresholds.break) {
  process.stdout.write(`${percent.toFixed(2)} % of the mutants were found, and ${settings.thresholds.break} % are asked for\n`)
  process.exitCode = 1
}
