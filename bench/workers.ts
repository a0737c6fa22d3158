import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pino from 'pino'
import { openTarget, type DatabaseOptions } from '../src/db/clients.js'
import { migrate } from '../src/db/migrate.js'
import { startEmbeddedPostgres } from '../src/demo/embedded.js'
import { openQueue } from '../src/jobs/queue.js'
import { startProxy } from '../test/helpers/proxy.js'
import { median } from './figures.js'
import { createTables, type Case } from './tables.js'
import { runJob, startWorker, type Worker } from './worker.js'

// What further workers bring while the databases have time left: `npm run bench:workers`. Each byte between the workers and the source is held back, so that the
// network and not this machine's cores is what a job waits for. `--all` holds back those of the target too, which keeps the account of the tasks: their commits follow each other.

const { values } = parseArgs({ options: { rows: { type: 'string', default: '400000' }, rounds: { type: 'string', default: '5' }, latency: { type: 'string', default: '40' }, all: { type: 'boolean', default: false } } })
const [rows, rounds, latencyMs] = [Number(values.rows), Number(values.rounds), Number(values.latency)]
const leastFaster = 3
const one: Case = { key: 'integer', differences: 'none', limits: { floor: 0, byHand: 0 } }

const dataDir = mkdtempSync(join(tmpdir(), 'migration-coverage-bench-'))
const server = await startEmbeddedPostgres({ dataDir, settings: { autovacuum: 'off' } })
const optionsOf = (database: string): DatabaseOptions => ({ host: server.host, port: server.port, user: server.user, password: server.password, database, ssl: 'disable', maxConnections: 5, statementTimeoutMs: 0 })
const [source, target] = [optionsOf('bench_source'), optionsOf('bench_target')]
for (const { database } of [source, target]) await server.createDatabase(database)
const makers = { source: openTarget(source), target: openTarget(target) }
await migrate(makers.target)
const queue = await openQueue(makers.target, { log: pino({ level: 'silent' }), migrate: true })
const proxy = await startProxy(server, { latencyMs })
const behind = (options: DatabaseOptions) => ({ ...options, port: proxy.port })

/** From when to when the newest job had tasks of each kind at work, s since it was made. */
async function readTimeline(): Promise<string> {
  const kinds = await makers.target<{ kind: string; tasks: number; from: number; to: number; busy: number }[]>`
    select kind, count(*)::int as tasks, extract(epoch from min(task.started_at) - job.created_at)::float8 as "from", extract(epoch from max(task.finished_at) - job.created_at)::float8 as "to",
      extract(epoch from sum(task.finished_at - task.started_at))::float8 as busy
    from migration_coverage.task join migration_coverage.job using (job_id) where job_id = (select job_id from migration_coverage.job order by created_at desc, job_id limit 1)
    group by kind, job.created_at order by min(task.started_at)`
  return kinds.map(({ kind, tasks, from, to, busy }) => `${kind}${tasks === 1 ? '' : ` × ${tasks}`} ${from.toFixed(1)}–${to.toFixed(1)} s${tasks === 1 ? '' : ` (${(busy / tasks).toFixed(2)} s each)`}`).join(', ')
}

async function measure(count: number): Promise<number> {
  const workers: Worker[] = []
  try {
    // statements of a few pages: what one takes is the way there and back
    for (let index = 0; index < count; index += 1) workers.push(await startWorker(behind(source), values.all ? behind(target) : target, { SCAN_CHUNK_PAGES: '32' }))
    const cpuSeconds = () => workers.reduce((sum, worker) => sum + worker.cpuSeconds(), 0)
    const cpuBefore = cpuSeconds()
    const seconds = await runJob(makers.target, queue, one, rows)
    console.log(`  ${count} ${count === 1 ? 'worker' : 'workers'}: ${seconds.toFixed(1)} s, ${(cpuSeconds() - cpuBefore).toFixed(1)} s of CPU; ${await readTimeline()}`)
    return seconds
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()))
  }
}

const seconds = { one: [] as number[], four: [] as number[] }
try {
  await createTables(makers.source, makers.target, one, rows)
  for (let round = 0; round < rounds; round += 1) {
    seconds.one.push(await measure(1))
    seconds.four.push(await measure(4))
    console.log(`round ${round + 1}: 1 worker ${seconds.one.at(-1)?.toFixed(1)} s, 4 workers ${seconds.four.at(-1)?.toFixed(1)} s`)
  }
} finally {
  await proxy.close()
  await queue.stop()
  await Promise.all([makers.source.end(), makers.target.end()])
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
}
const faster = median(seconds.one.map((value, index) => value / (seconds.four[index] ?? Number.NaN)))
console.log(`${rows} rows, ${latencyMs} ms each way to ${values.all ? 'both databases' : 'the source'}: 4 workers are ${faster.toFixed(2)} × as fast as 1 (limit ${leastFaster})`)
mkdirSync(new URL('results/', import.meta.url), { recursive: true })
appendFileSync(new URL('results/workers.jsonl', import.meta.url), `${JSON.stringify({ at: new Date().toISOString(), rows, rounds, latencyMs, both: values.all, seconds, faster, limit: leastFaster })}\n`)
if (faster < leastFaster) process.exitCode = 1
