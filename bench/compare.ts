import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pino from 'pino'
import type { Sql } from 'postgres'
import { openSource, openTarget, openTargetReader, type DatabaseOptions } from '../src/db/clients.js'
import { migrate } from '../src/db/migrate.js'
import { startEmbeddedPostgres } from '../src/demo/embedded.js'
import { openQueue } from '../src/jobs/queue.js'
import { startProxy } from '../test/helpers/proxy.js'
import { runByHand } from './by-hand.js'
import { candidates, type Candidate } from './candidates.js'
import { measureChanged, type MeasuredChanged } from './changed.js'
import { median, medianRatio } from './figures.js'
import { fastestSound, runFloor, timeCandidates, type TimedCandidate } from './floor.js'
import { allocated, readFamily } from './service.js'
import { writePage, type Measured } from './page.js'
import { cases, createTables, dropTables, expectedOf, type Case } from './tables.js'
import { runJob, startWorker } from './worker.js'

// The price of a comparison: `npm run bench:compare -- --rows 2000000`. README.md beside tells what is measured and how to read it.

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' }, rounds: { type: 'string', default: '5' }, only: { type: 'string', default: '' }, data: { type: 'string' },
    'no-hand': { type: 'boolean', default: false }, 'no-candidates': { type: 'boolean', default: false },
  },
})
const rows = Number(values.rows)
const rounds = Number(values.rounds)
const chosen = cases.filter(({ key, differences }) => values.only.split(';').some((part) => `${key}, ${differences}`.includes(part)))
const log = pino({ level: 'silent' })

const dataDir = values.data ?? mkdtempSync(join(tmpdir(), 'migration-coverage-bench-'))
const server = await startEmbeddedPostgres({ dataDir, settings: { max_wal_size: '8GB', autovacuum: 'off' } })
const postmaster = Number(readFileSync(join(dataDir, 'data', 'postmaster.pid'), 'utf8').split('\n', 1)[0])
const optionsOf = (database: string): DatabaseOptions => ({ host: server.host, port: server.port, user: server.user, password: server.password, database, ssl: 'disable', maxConnections: 3, statementTimeoutMs: 0 })
const [source, target] = [optionsOf('bench_source'), optionsOf('bench_target')]

async function hasDatabase(sql: Sql, name: string): Promise<boolean> {
  return (await sql`select from pg_database where datname = ${name}`).length > 0
}

async function measureCase(one: Case, floor: Candidate, makers: { source: Sql; target: Sql }): Promise<Measured> {
  const readers = { source: openSource(source), target: openTargetReader(target) }
  const queue = await openQueue(makers.target, { log, migrate: true })
  const worker = await startWorker(source, target)
  const run = { floor: [] as number[], ours: [] as number[], byHand: [] as number[] }
  const cpu = { floor: [] as number[], ours: [] as number[], byHand: [] as number[] }
  const timed = async (way: keyof typeof run, work: () => Promise<unknown>) => {
    const [before, own] = [readFamily(postmaster), worker.cpuSeconds()]
    const startedAt = performance.now()
    await work()
    run[way].push((performance.now() - startedAt) / 1000)
    cpu[way].push(readFamily(postmaster) - before + worker.cpuSeconds() - own)
  }
  const { differs, missing, extra } = expectedOf(one, rows)
  const byHand = async () => {
    const lines = await runByHand(source, target, one)
    if (lines !== 2 * differs + missing + extra) throw new Error(`the script by hand found ${lines} lines on one side alone instead of ${2 * differs + missing + extra}`)
  }
  try {
    const spilled = await readSpilled(makers)
    // the first of each is not counted: it fills caches
    await runFloor(readers, floor, one)
    await runJob(makers.target, queue, one, rows)
    for (let round = 0; round < rounds; round += 1) {
      await timed('floor', () => runFloor(readers, floor, one))
      await timed('ours', () => runJob(makers.target, queue, one, rows))
      if (round === 0 && await readSpilled(makers) !== spilled) console.log('  the comparison wrote temporary files on a server')
      if (!values['no-hand']) await timed('byHand', byHand)
    }
    const peakBytes = worker.peakBytes()
    await worker.stop()
    return {
      case: one, seconds: { floor: median(run.floor), ours: median(run.ours), byHand: run.byHand.length === 0 ? null : median(run.byHand) },
      ratios: { floor: medianRatio(run.ours, run.floor), floorCpu: medianRatio(cpu.ours, cpu.floor), byHand: run.byHand.length === 0 ? null : medianRatio(run.byHand, run.ours) },
      rowsPerSecond: rows / median(run.ours), peakBytes, wire: await countWire(one, makers.target, queue, byHand),
    }
  } finally {
    await worker.stop()
    await queue.stop()
    await Promise.all(Object.values(readers).map((sql) => sql.end()))
  }
}

/** Bytes that the servers have written to temporary files: sorts and hash tables that did not fit. */
async function readSpilled({ source, target }: { source: Sql; target: Sql }): Promise<string> {
  const read = async (sql: Sql) => (await sql<{ bytes: string }[]>`select temp_bytes::text as bytes from pg_stat_database where datname = current_database()`)[0]?.bytes
  return [await read(source), await read(target)].join()
}

/** Bytes between the worker and the two databases in one run of a job, and of the script by hand; not timed. */
async function countWire(one: Case, tracking: Sql, queue: Awaited<ReturnType<typeof openQueue>>, byHand: () => Promise<void>): Promise<Measured['wire']> {
  const proxy = await startProxy({ host: server.host, port: server.port })
  const through = (options: DatabaseOptions) => ({ ...options, port: proxy.port })
  const worker = await startWorker(through(source), through(target))
  try {
    const start = proxy.passed()
    await runJob(tracking, queue, one, rows)
    const ours = proxy.passed() - start
    await worker.stop()
    if (values['no-hand']) return { ours, byHand: null }
    await byHand()
    const before = proxy.passed()
    await runByHand(through(source), through(target), one)
    return { ours, byHand: proxy.passed() - before }
  } finally {
    await worker.stop()
    await proxy.close()
  }
}

async function prepare(): Promise<{ source: Sql; target: Sql }> {
  const admin = openTarget(optionsOf('postgres'))
  for (const { database } of [source, target]) if (!(await hasDatabase(admin, database))) await server.createDatabase(database)
  await admin.end()
  const makers = { source: openTarget(source), target: openTarget(target) }
  await migrate(makers.target)
  return makers
}

/** Runs of mode `changed`, over tables of their own. */
async function measureRuns(): Promise<MeasuredChanged[]> {
  const queue = await openQueue(makers.target, { log, migrate: true })
  const worker = await startWorker(source, target)
  try {
    return await measureChanged({ options: { source, target }, makers }, queue, rows, rounds)
  } finally {
    await worker.stop()
    await queue.stop()
  }
}

const makers = await prepare()
const found: Measured[] = []
let changed: MeasuredChanged[] = []
const floors: { key: string; timed: TimedCandidate[] }[] = []
try {
  console.log(`${rows} rows of 11 columns on each side, ${rounds} rounds, medians; rows that differ are read again without a pause (RECHECK_DELAY_MS=0)`)
  for (const one of chosen) {
    await createTables(makers.source, makers.target, one, rows)
    // the keys differ, the ten other columns do not: the fastest expression for the first is that of all
    if (floors.length === 0) {
      const readers = { source: openSource(source), target: openTargetReader(target) }
      const timed = values['no-candidates'] ? candidates.slice(0, 1).map((candidate) => ({ candidate, seconds: 0 })) : await timeCandidates(readers, one, 3)
      await Promise.all(Object.values(readers).map((sql) => sql.end()))
      floors.push({ key: one.key, timed })
      if (!values['no-candidates']) for (const { candidate, seconds } of timed) console.log(`  ${one.key.padEnd(10)} ${seconds.toFixed(2).padStart(7)} s  ${candidate.name}${candidate.unsound === null ? '' : ` (unsound: ${candidate.unsound})`}`)
    }
    const { candidate } = fastestSound(floors[0]?.timed ?? [])
    const measured = await measureCase(one, candidate, makers)
    found.push(measured)
    const { seconds, ratios, peakBytes, wire } = measured
    console.log(`${`${one.key}, ${one.differences}`.padEnd(22)} floor ${seconds.floor.toFixed(2)} s  ours ${seconds.ours.toFixed(2)} s = ${ratios.floor.toFixed(2)} × floor (CPU ${ratios.floorCpu.toFixed(2)} ×, limit ${one.limits.floor})  ` +
      `by hand ${seconds.byHand?.toFixed(2) ?? '-'} s = ${ratios.byHand?.toFixed(1) ?? '-'} × ours (limit ${one.limits.byHand})  ${(measured.rowsPerSecond / 1e6).toFixed(2)} M rows/s  ` +
      `worker ${(peakBytes / 2 ** 20).toFixed(0)} MiB  wire ${(wire.ours / 2 ** 20).toFixed(1)} MiB, by hand ${wire.byHand === null ? '-' : (wire.byHand / 2 ** 20).toFixed(0)} MiB`)
  }
  if (values.only.split(';').some((part) => 'changed'.includes(part))) {
    changed = await measureRuns()
    for (const { name, limit, seconds, ratio } of changed) console.log(`changed: ${name.padEnd(34)} full ${seconds.full.toFixed(2)} s  changed ${seconds.changed.toFixed(2)} s = ${ratio.toFixed(2)} × full (limit ${limit}${ratio > limit ? ', MISSED' : ''})`)
  }
} finally {
  if (values.data === undefined) await dropTables(makers.source, makers.target)
  await Promise.all([makers.source.end(), makers.target.end()])
  await server.stop()
  if (values.data === undefined) rmSync(dataDir, { recursive: true, force: true })
}

// what was not timed has no figure
const timedFloors = values['no-candidates'] ? [] : floors
mkdirSync(new URL('results/', import.meta.url), { recursive: true })
appendFileSync(new URL('results/compare.jsonl', import.meta.url), `${JSON.stringify({
  at: new Date().toISOString(), rows, rounds, cores: allocated.cores, node: process.version,
  candidates: timedFloors.map(({ key, timed }) => ({ key, timed: timed.map(({ candidate: { name, unsound }, seconds }) => ({ name, sound: unsound === null, seconds })) })), cases: found, changed,
})}\n`)
writeFileSync(new URL('results/compare.md', import.meta.url), writePage({ rows, rounds, floors: timedFloors, cases: found, changed }))
