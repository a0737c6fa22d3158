import type { Sql } from 'postgres'
import { openTarget, type DatabaseOptions } from '../src/db/clients.js'
import type { Queue } from '../src/jobs/queue.js'
import { median, medianRatio } from './figures.js'
import { copyTables, createTables, planOf, type Case } from './tables.js'
import { runPlan, type Expected } from './worker.js'

/** Runs of mode `changed`, each against a full run of the same tables in the same state. */
export interface ChangedCase {
  name: string
  /** at most this share of a full run */
  limit: number
}

export interface MeasuredChanged extends ChangedCase {
  /** medians */
  seconds: { full: number; changed: number }
  /** median of the ratios within a round: changed to full */
  ratio: number
  /** what the last run said that it rests on */
  note: string | null
}

const cases = {
  unchanged: { name: 'nothing, counters trusted', limit: 0.1 },
  reset: { name: 'nothing, counters reset', limit: 0.6 },
  source: { name: '0.1 % at the source, scattered', limit: 0.35 },
  both: { name: '0.1 % on both sides, scattered', limit: 0.6 },
} satisfies Record<string, ChangedCase>

const table = 'rows_changed'
/** One row of so many changes in a round; of ten of them one is deleted, and a row that was not there comes for it. */
const every = 1000

/** In a session of its own, whose counters are told when it ends. */
async function write(options: DatabaseOptions, text: string): Promise<void> {
  const sql = openTarget({ ...options, maxConnections: 1 })
  await sql.unsafe(text).simple()
  await sql.end()
}

/** @param round other rows in each round, none of which an earlier one has deleted */
const changes = (round: number, rows: number) => {
  const [turn, first] = [`id % ${every} = ${(round * 37 + 11) % every}`, 10 * rows + round * rows]
  const cut = `${turn} and (id / ${every}) % 10 = 0 and id <= ${rows}`
  return `insert into ${table} select id + ${first}, ${columnsOf} from ${table} where ${cut}; delete from ${table} where ${cut}; update ${table} set quantity = quantity + 1 where ${turn} and id <= ${rows}`
}
const columnsOf = 'quantity, amount, note, name, active, born, changed_at, reference, attributes, payload'

/** @param sides the databases, and clients that may write to them; the tracking schema is in the target */
export async function measureChanged(sides: { options: Record<'source' | 'target', DatabaseOptions>; makers: Record<'source' | 'target', Sql> }, queue: Queue, rows: number, rounds: number): Promise<MeasuredChanged[]> {
  const one: Case = { key: 'integer', differences: 'none', limits: { floor: 0, byHand: 0 } }
  const { options, makers } = sides
  await createTables(makers.source, makers.target, one, rows)
  await copyTables(makers.source, makers.target, table)
  const plan = planOf(one, { source: table, target: table })
  const found = new Map(Object.keys(cases).map((name) => [name, { full: [] as number[], changed: [] as number[], note: null as string | null }]))
  const run = (mode: 'full' | 'changed', expected: Expected) => runPlan(makers.target, queue, plan, mode, expected)
  const equal: Expected = { verified: rows, differs: 0, missing: 0, extra: 0 }
  const keep = (name: keyof typeof cases, full: { seconds: number }, changed: { seconds: number; note: string | null }) => {
    const list = found.get(name)
    list?.full.push(full.seconds)
    list?.changed.push(changed.seconds)
    if (list !== undefined) list.note = changed.note
  }
  // the first is not counted: it fills caches
  await run('full', equal)
  for (let round = 0; round < rounds; round += 1) {
    const full = await run('full', equal)
    keep('unchanged', full, await run('changed', equal))
    for (const side of ['source', 'target'] as const) await write(options[side], 'select pg_stat_reset()')
    keep('reset', full, await run('changed', equal))
    for (const side of ['source', 'target'] as const) await write(options[side], changes(2 * round, rows))
    const alike = await run('changed', equal)
    keep('both', await run('full', equal), alike)
    const apart = await countChanges(makers.source, 2 * round + 1, rows)
    await write(options.source, changes(2 * round + 1, rows))
    const changed = await run('changed', apart)
    keep('source', await run('full', apart), changed)
    await write(options.target, changes(2 * round + 1, rows))
    // where much differed the time before, a run gives all rows in place of sums: the next round begins from one that found nothing
    await run('full', equal)
    for (const side of ['source', 'target'] as const) await write(options[side], `vacuum analyze ${table}`)
  }
  for (const side of ['source', 'target'] as const) await makers[side].unsafe(`drop table ${table}`)
  return Object.entries(cases).map(([name, { limit, name: told }]) => {
    const { full, changed, note } = found.get(name) ?? { full: [], changed: [], note: null }
    return { name: told, limit, seconds: { full: median(full), changed: median(changed) }, ratio: medianRatio(changed, full), note }
  })
}

/** What a job must find when the changes of a round are at the source alone. */
async function countChanges(source: Sql, round: number, rows: number): Promise<Expected> {
  const [row] = await source.unsafe<{ turn: number; cut: number }[]>(`select count(*)::int4 as turn, (count(*) filter (where (id / ${every}) % 10 = 0))::int4 as cut from ${table} where id % ${every} = ${(round * 37 + 11) % every} and id <= ${rows}`)
  if (row === undefined) throw new Error('a count gave no row')
  return { verified: rows - row.turn, differs: row.turn - row.cut, missing: row.cut, extra: row.cut }
}
