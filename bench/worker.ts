import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Sql } from 'postgres'
import type { DatabaseOptions } from '../src/db/clients.js'
import type { Queue } from '../src/jobs/queue.js'
import { parsePlan } from '../src/plan/load.js'
import { createJob } from '../src/validation/create-job.js'
import { readProcess } from './service.js'
import { expectedOf, planOf, type Case } from './tables.js'

export interface Worker {
  /** largest resident memory so far, bytes; Linux only */
  peakBytes(): number
  cpuSeconds(): number
  stop(): Promise<void>
}

/**
 * The built service as a worker, in a process of its own. Rows that differ are read again at once, since nobody writes.
 * @param settings further environment variables
 */
export async function startWorker(source: DatabaseOptions, target: DatabaseOptions, settings: Record<string, string> = {}): Promise<Worker> {
  const folder = mkdtempSync(join(tmpdir(), 'migration-coverage-bench-'))
  writeFileSync(join(folder, 'plan.yaml'), 'version: 1\ndomains: {}\nentities: {}\n')
  const side = (prefix: string, { host, port, database, user, password }: DatabaseOptions) => ({
    [`${prefix}HOST`]: host, [`${prefix}PORT`]: String(port), [`${prefix}NAME`]: database, [`${prefix}USER`]: user, [`${prefix}PASSWORD`]: password,
  })
  const child = spawn(process.execPath, startParameters(), {
    cwd: folder, stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], ROLE: 'worker', MIGRATION_PLAN: join(folder, 'plan.yaml'), RECHECK_DELAY_MS: '0', ...side('SOURCE_DB_', source), ...side('TARGET_DB_', target), ...settings },
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = new Promise<void>((resolve) => child.once('close', () => { resolve() }))
  await started(child)
  const { pid } = child
  if (pid === undefined) throw new Error('the worker has no process')
  return {
    peakBytes: () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) * 1024,
    cpuSeconds: () => readProcess(pid).cpuSeconds,
    async stop() {
      child.kill('SIGTERM')
      await Promise.race([ended, sleep(40_000, undefined, { ref: false })])
      kill()
      process.off('exit', kill)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** As `npm run start:worker` starts it, from any folder. */
function startParameters(): string[] {
  const root = new URL('../', import.meta.url)
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: { 'start:worker': string } }
  const [, ...parameters] = scripts['start:worker'].split(' ')
  return parameters.map((part) => (part.startsWith('-') ? part : fileURLToPath(new URL(part, root))))
}

async function started(child: ChildProcess): Promise<void> {
  let output = ''
  child.stdout?.on('data', (text: Buffer) => { output = (output + text.toString()).slice(-10_000) })
  for (let waited = 0; waited < 60_000; waited += 100) {
    if (child.exitCode !== null) throw new Error(`the worker ended at its start:\n${output}`)
    if (output.includes('"the worker takes tasks"')) return
    await sleep(100)
  }
  throw new Error(`the worker did not start within a minute:\n${output}`)
}

/** Tells of each job that has ended when its end is committed: asking for it a hundred times a second would take a twentieth of two cores from what is measured. */
const tellOfEnds = [
  `create or replace function bench_job_ended() returns trigger language plpgsql as 'begin perform pg_notify(''bench_job_ended'', new.job_id::text); return null; end'`,
  `create or replace trigger bench_job_ended after update of status on migration_coverage.job for each row when (new.status not in ('queued', 'running')) execute function bench_job_ended()`,
]

/** What a job must find. */
export type Expected = Record<'verified' | 'differs' | 'missing' | 'extra', number>

/**
 * A whole job over a case, as `POST /validation/run` would make it; the checks beside the rows are left out.
 * @returns seconds from its creation to its end
 * @throws Error when it does not complete, or found anything but what the case holds
 */
export async function runJob(tracking: Sql, queue: Queue, one: Case, rows: number): Promise<number> {
  return (await runPlan(tracking, queue, planOf(one), 'full', expectedOf(one, rows))).seconds
}

/** The same over the entities of any plan. `note` tells what the job rests on. */
export async function runPlan(tracking: Sql, queue: Queue, plan: string, mode: 'full' | 'changed', expected: Expected): Promise<{ seconds: number; note: string | null }> {
  const loaded = parsePlan(plan)
  for (const statement of tellOfEnds) await tracking.unsafe(statement)
  // a job that another run has left may end meanwhile
  const endedAt = new Map<string, number>()
  let hear: () => void = () => undefined
  const subscription = await tracking.listen('bench_job_ended', (ended) => {
    endedAt.set(ended, performance.now())
    hear()
  })
  const startedAt = performance.now()
  const { jobId } = await createJob(tracking, queue, { plan: loaded, entities: Object.keys(loaded.plan.entities), mode, priority: 'normal', includeIntegrityChecks: false, includeCrossEntity: false })
  let ownEnd = endedAt.get(jobId)
  for (; ownEnd === undefined; ownEnd = endedAt.get(jobId)) await new Promise<void>((resolve) => { hear = resolve })
  const seconds = (ownEnd - startedAt) / 1000
  await subscription.unlisten()
  const [job] = await tracking<{ status: string; reason: string | null }[]>`select status, reason from migration_coverage.job where job_id = ${jobId}`
  if (job?.status !== 'completed') throw new Error(`the job ${job?.status}: ${job?.reason}`)
  const [found] = await tracking<(Expected & { note: string | null })[]>`
    select verified::int4, differs::int4, missing::int4, extra::int4, note from migration_coverage.entity_result where job_id = ${jobId}`
  for (const [name, count] of Object.entries(expected)) {
    const counted = found?.[name as keyof Expected]
    if (counted !== count) throw new Error(`${mode}: ${name} is ${counted} instead of ${count}${found?.note ? `: ${found.note}` : ''}, in\n${plan}`)
  }
  return { seconds, note: found?.note ?? null }
}
