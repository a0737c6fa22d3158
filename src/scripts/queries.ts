import type { Sql } from 'postgres'
import type { Db } from '../db/clients.js'
import type { Inventory } from './inventory.js'
import { readForeignLedgers } from './ledgers/read.js'
import { plannedScripts, scriptStates } from './status.js'
import type { Run, RunValues, ScriptEvidence, ScriptLedger, ScriptPlan, ScriptState } from './status.js'

export type ReadInventory = () => Promise<Inventory>

/** Every script of the plan with what is known of it, in the plan's order. */
export async function listScripts(sql: Db, plan: ScriptPlan, readInventory: ReadInventory): Promise<ScriptState[]> {
  const planned = plannedScripts(plan)
  const [runs, evidence] = await Promise.all([readLedgers(sql, planned.map(({ name }) => name)), readEvidence(sql, readInventory)])
  return scriptStates(planned, runs, evidence)
}

/** The directory of scripts, and the ledgers of other tools in the target. */
export async function readEvidence(sql: Db, readInventory: ReadInventory): Promise<ScriptEvidence> {
  const inventory = await readInventory()
  return { inventory, ledgers: await readForeignLedgers(sql, inventory.files) }
}

/** Names under which runs were reported that the plan does not know, in order. */
export async function listUnknownScripts(sql: Db, known: readonly string[]): Promise<string[]> {
  const rows = await sql<{ script: string }[]>`
    select distinct run.script collate "C" as script from migration_coverage.script_run run where run.script <> all(${[...known]}::text[]) order by 1`
  return rows.map(({ script }) => script)
}

/** What the runs of each named script reported; a script without a run has nulls and zero runs. The newest run began last. */
export async function readLedgers(sql: Db, names: readonly string[]): Promise<Map<string, ScriptLedger>> {
  const rows = await sql<ScriptLedger[]>`
    select script.name,
           (select ${runAsJson(sql)} from migration_coverage.script_run run
             where run.script = script.name order by run.started_at desc, run.run_id limit 1) as "lastRun",
           (select run.checksum from migration_coverage.script_run run
             where run.script = script.name and run.checksum is not null order by run.started_at desc, run.run_id limit 1) as checksum,
           completed.checksum as "completedChecksum",
           (select to_char(min(run.finished_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from migration_coverage.script_run run
             where run.script = script.name and run.status = 'completed') as "firstCompletedAt",
           (select run.checksum from migration_coverage.script_run run
             where run.script = script.name and run.checksum is not null and run.run_id <> completed.run_id
               and (run.status = 'completed' or run.started_at > completed.started_at)
             order by run.started_at desc, run.run_id limit 1) as "otherChecksum",
           metrics.metrics
      from unnest(${[...names]}::text[]) with ordinality as script(name, place)
      left join lateral (
        select run.run_id, run.checksum, run.started_at from migration_coverage.script_run run
         where run.script = script.name and run.status = 'completed' and run.checksum is not null
         order by run.started_at desc, run.run_id limit 1) completed on true
     cross join lateral (
        select json_build_object(
                 'runs', count(*),
                 'completedRuns', count(*) filter (where run.status = 'completed'),
                 'averageDurationSeconds', round(avg(duration.seconds) filter (where run.status = 'completed'), 3),
                 'throughputPerSecond', trunc(sum(run.records_processed) filter (where run.status = 'completed')
                   / nullif(sum(duration.seconds) filter (where run.status = 'completed'), 0), 2)) as metrics
          from migration_coverage.script_run run
         cross join lateral (select extract(epoch from run.finished_at - run.started_at) as seconds) duration
         where run.script = script.name) metrics
     order by script.place`
  return new Map(rows.map((row) => [row.name, row]))
}

/** The newest runs of a script, newest first. */
export async function listRuns(sql: Db, script: string, limit: number): Promise<Run[]> {
  const rows = await sql<{ run: Run }[]>`
    select ${runAsJson(sql)} as run from migration_coverage.script_run run
     where run.script = ${script}
     order by run.started_at desc, run.run_id
     limit ${limit}`
  return rows.map(({ run }) => run)
}

/** One run, or undefined. */
export async function readRun(sql: Db, runId: string): Promise<Run | undefined> {
  const [row] = await sql<{ run: Run }[]>`select ${runAsJson(sql)} as run from migration_coverage.script_run run where run.run_id = ${runId}`
  return row?.run
}

export interface NewRun {
  runId: string
  script: string
  checksum: string | null
  message: string | null
}

/** Starts a run. @returns undefined when a run of that id exists already, whatever it is */
export async function insertRun(sql: Db, { runId, script, checksum, message }: NewRun): Promise<Run | undefined> {
  const [row] = await sql<{ run: Run }[]>`
    insert into migration_coverage.script_run as run (run_id, script, status, checksum, message)
    values (${runId}, ${script}, 'running', ${checksum}, ${message})
    on conflict (run_id) do nothing
    returning ${runAsJson(sql)} as run`
  return row?.run
}

/**
 * Changes a run under a lock of its row, so that of two reports the second meets what the first made of it.
 * @param change gets the run as it is and gives its new values, null to leave it, or throws
 * @returns the run as it stands afterwards, or undefined when there is none
 */
export async function updateRun(sql: Sql, runId: string, change: (run: Run) => RunValues | null): Promise<Run | undefined> {
  return sql.begin(async (tx) => {
    const [held] = await tx<{ run: Run }[]>`select ${runAsJson(tx)} as run from migration_coverage.script_run run where run.run_id = ${runId} for update`
    if (held === undefined) return undefined
    const next = change(held.run)
    if (next === null) return held.run
    const [row] = await tx<{ run: Run }[]>`
      update migration_coverage.script_run run
         set status = ${next.status},
             records_processed = ${next.recordsProcessed},
             records_succeeded = ${next.recordsSucceeded},
             records_failed = ${next.recordsFailed},
             message = ${next.message},
             updated_at = clock_timestamp(),
             finished_at = case when ${next.status} = 'running' then null else clock_timestamp() end
       where run.run_id = ${runId}
      returning ${runAsJson(tx)} as run`
    return row?.run
  })
}

/** The columns of the alias `run` as a `Run`. */
function runAsJson(sql: Db) {
  return sql`json_build_object(
    'runId', run.run_id, 'script', run.script, 'status', run.status,
    'recordsProcessed', run.records_processed, 'recordsSucceeded', run.records_succeeded, 'recordsFailed', run.records_failed,
    'successRate', trunc(run.records_succeeded::numeric * 100 / nullif(run.records_processed, 0), 2),
    'checksum', run.checksum, 'message', run.message,
    'startedAt', to_char(run.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'updatedAt', to_char(run.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'finishedAt', to_char(run.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'durationSeconds', round(extract(epoch from run.finished_at - run.started_at), 3))`
}
