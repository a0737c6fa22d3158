import type { Commit } from '../jobs/loop.js'
import type { TakenTask } from '../jobs/task.js'
import type { TableCoverage } from '../plan/coverage.js'
import { accountTable, judgeAnew } from './account-table.js'
import type { Reused } from './changed.js'
import { finishWhenLast, readPrepared, sideOfTask, type TaskContext } from './context.js'
import { readJobEntities, readTable, saveChecks, saveTables, type CheckResult, type TableResult } from './outcomes.js'

/** So often the task is repeated while a table is locked, in half a minute; then the table is told as unknown, since the others need not wait for it. */
const mostWaits = 5

/** Counts all tables of one side by how many entities claim their rows. */
export async function account(context: TaskContext, task: TakenTask, signal: AbortSignal): Promise<Commit> {
  const side = sideOfTask(task)
  const [{ tables, shared, reused }, entities] = [await readPrepared(context, task.jobId), await readJobEntities(context.target, task.jobId)]
  const all = new Map(entities.map(({ entity, spec, blocked }) => [entity, blocked === null ? spec : null]))
  const results: TableResult[] = []
  for (const table of tables.filter((item) => item.side === side)) {
    // a job over some entities can account only for the tables whose every claimant it has
    if (table.entities.some((entity) => !all.has(entity)) || (table.entities.length === 0 && !coversPlan(tables, all))) continue
    const earlier = await readUnchanged(context, table, reused)
    results.push(earlier !== null ? judgeAnew(earlier, shared) : await accountTable(table, table.entities.map((entity) => ({ entity, shared: shared.includes(entity), spec: all.get(entity) ?? null })), context.readers[side], task.retries < mostWaits, signal))
  }
  return {
    async write(tx) {
      await saveTables(tx, task.jobId, results)
      await saveChecks(tx, task.jobId, results.map(tableCheck))
    },
    outcome: { tables: results.length }, whenLast: finishWhenLast,
  }
}

/** How a table was accounted for before, where all entities that claim its rows rest on one earlier reading. */
async function readUnchanged({ target }: TaskContext, table: TableCoverage, reused: Readonly<Record<string, Reused>>): Promise<TableResult | null> {
  const jobs = new Set(table.entities.map((entity) => reused[entity]?.[table.side] ?? null))
  const [job] = jobs
  return jobs.size !== 1 || typeof job !== 'string' ? null : readTable(target, job, table)
}

function coversPlan(tables: readonly TableCoverage[], entities: ReadonlyMap<string, unknown>): boolean {
  return tables.every((table) => table.entities.every((entity) => entities.has(entity)))
}

function tableCheck(table: TableResult): CheckResult {
  const name = `${table.schema}.${table.table}`
  const overlaps = table.overlaps.filter(({ declared }) => !declared).map(({ entities, rows }) => `${rows} by ${entities.join(' and ')}`)
  const parts = [
    ...(table.error === null ? [] : [table.error]),
    ...(table.coverage === 'uncovered' ? [`in no entity and not ignored: ${table.rows} rows`] : []),
    ...(table.coverage === 'covered' && (table.unclaimed ?? 0) > 0 ? [`${table.unclaimed} of ${table.rows} rows are claimed by no entity`] : []),
    ...(overlaps.length > 0 ? [`claimed more than once without \`shared: true\`: ${overlaps.join(', ')}`] : []),
  ]
  return {
    entity: '', name: `every row of a ${table.side} table is accounted for`, subject: name, category: 'cross_entity', severity: table.verdict === 'fail' ? 'critical' : 'warning',
    verdict: table.verdict, message: parts.join('; ') || (table.coverage === 'ignored' ? `ignored: ${table.reason}` : table.rows === 0 ? '0 rows' : `all ${table.rows} rows are claimed`),
    rowsExamined: table.rows, rowsFailed: table.unclaimed, durationMs: null, evidence: { coverage: table.coverage, entities: table.entities },
  }
}
