import type { Verdict } from '../core/accounting.js'
import type { CheckLine } from '../core/render/junit.js'
import { listCurrentSnapshots } from '../coverage/queries.js'
import type { CurrentSnapshot } from '../coverage/queries.js'
import type { Db } from '../db/clients.js'
import type { ReportRun } from './section-schemas.js'

/** The newest published result of one entity, with what was read for it. */
export interface EntityResult extends CurrentSnapshot {
  sourceRowsExamined: number
  targetRowsExamined: number
  durationMs: number
}

/** Of each named entity the result of its newest published job; an entity that was never validated is absent. */
export async function readEntityResults(sql: Db, entities: readonly string[]): Promise<EntityResult[]> {
  const current = await listCurrentSnapshots(sql, entities)
  const efforts = await sql<Omit<EntityResult, keyof CurrentSnapshot>[]>`
    select r.source_rows_examined as "sourceRowsExamined", r.target_rows_examined as "targetRowsExamined", r.duration_ms as "durationMs"
      from unnest(${current.map(({ jobId }) => jobId)}::uuid[], ${current.map(({ entity }) => entity)}::text[]) with ordinality as current(job_id, entity, place)
      join migration_coverage.entity_result r on r.job_id = current.job_id and r.entity = current.entity
     order by current.place`
  return current.flatMap((snapshot, place) => {
    const effort = efforts[place]
    return effort === undefined ? [] : [{ ...snapshot, ...effort }]
  })
}

/** The job whose figures are an entity's current ones. */
export interface CurrentJob {
  entity: string
  jobId: string
}

/** The checks of each entity's current job, in order of entity, name and subject. */
export async function readEntityChecks(sql: Db, current: readonly CurrentJob[]): Promise<CheckLine[]> {
  return sql<CheckLine[]>`
    select c.entity, c.name, c.subject, c.category, c.severity, c.verdict, c.message,
           c.rows_examined as "rowsExamined", c.rows_failed as "rowsFailed", c.duration_ms as "durationMs"
      from migration_coverage.check_result c
      join ${currentJobs(sql, current)} on current.job_id = c.job_id and current.entity = c.entity
     order by c.entity collate "C", c.name collate "C", c.subject collate "C"`
}

/** Of each check of the whole migration its newest result among the current jobs. */
export async function readWholeChecks(sql: Db, current: readonly CurrentJob[]): Promise<CheckLine[]> {
  const jobs = [...new Set(current.map(({ jobId }) => jobId))]
  return sql<CheckLine[]>`
    select distinct on (c.name collate "C", c.subject collate "C")
           c.entity, c.name, c.subject, c.category, c.severity, c.verdict, c.message,
           c.rows_examined as "rowsExamined", c.rows_failed as "rowsFailed", c.duration_ms as "durationMs"
      from migration_coverage.check_result c
     where c.entity = '' and c.job_id = any(${jobs}::uuid[])
     order by c.name collate "C", c.subject collate "C", c.observed_at desc, c.job_id`
}

export interface ColumnResult {
  entity: string
  side: 'source' | 'target'
  column: string
  coverage: 'compared' | 'read' | 'ignored' | 'uncovered'
  reason: string | null
  /** rows in which it differs; null when that was not counted */
  differs: number | null
}

/** The columns of each entity's current job. */
export async function readColumnResults(sql: Db, current: readonly CurrentJob[]): Promise<ColumnResult[]> {
  return sql<ColumnResult[]>`
    select c.entity, c.side, c.column_name as "column", c.coverage, c.reason, c.differs
      from migration_coverage.column_result c
      join ${currentJobs(sql, current)} on current.job_id = c.job_id and current.entity = c.entity
     order by c.entity collate "C", c.side, c.column_name collate "C"`
}

export interface TableResult {
  side: 'source' | 'target'
  schema: string
  table: string
  coverage: 'covered' | 'ignored' | 'uncovered'
  reason: string | null
  entities: string[]
  totalRows: number | null
  claimedOnce: number | null
  claimedSeveral: number | null
  unclaimed: number | null
  ignoredRows: number | null
  error: string | null
  verdict: Verdict
}

/** The newest published result of each table of both sides. */
export async function readTableResults(sql: Db): Promise<TableResult[]> {
  return sql<TableResult[]>`
    select distinct on (t.side, t.schema_name collate "C", t.table_name collate "C")
           t.side, t.schema_name as schema, t.table_name as "table", t.coverage, t.reason, t.entities, t.total_rows as "totalRows",
           t.claimed_once as "claimedOnce", t.claimed_several as "claimedSeveral", t.unclaimed, t.ignored_rows as "ignoredRows",
           t.error, t.verdict
      from migration_coverage.table_result t
     where t.published_at is not null
     order by t.side, t.schema_name collate "C", t.table_name collate "C", t.published_at desc, t.job_id`
}

/** How many differences are kept, by class; a row that is wrong on both sides counts with the source. */
export interface RecordedDifferences {
  class: string
  side: 'source' | 'target'
  recorded: number
}

export async function countDifferences(sql: Db, current: readonly CurrentJob[]): Promise<RecordedDifferences[]> {
  return sql<RecordedDifferences[]>`
    select d.class, case d.side when 'target' then 'target' else 'source' end as side, count(*) as recorded
      from migration_coverage.difference d
      join ${currentJobs(sql, current)} on current.job_id = d.job_id and current.entity = d.entity
     group by 1, 2
     order by 1, 2`
}

export interface DifferenceRow {
  entity: string
  class: string
  side: 'source' | 'target' | 'both'
  cause: string | null
  reason: string | null
  key: Record<string, string | null>
  /** masked where the plan says so */
  columns: { column: string; source: string | null; target: string | null }[]
}

/**
 * The kept differences of the current jobs, in order of class, entity and time of finding.
 * `between x and x` is no equality to the planner, so that `order by class, difference_id` needs the index `difference_entity`. With
 * an equality it walks the primary key in search of classes that have no row: 4.5 s for a million kept rows of one class.
 * @param perClass at most so many of one class
 * @param limit at most so many in all
 */
export async function listDifferences(sql: Db, current: readonly CurrentJob[], perClass: number, limit: number): Promise<DifferenceRow[]> {
  return sql<DifferenceRow[]>`
    select ranked.entity, ranked.class, ranked.side, ranked.cause, ranked.reason, ranked.key, ranked.columns
      from (
        select d.*, row_number() over (partition by d.class order by d.entity collate "C", d.difference_id) as place
          from ${currentJobs(sql, current)}
         cross join unnest(array['differs', 'missing', 'duplicate', 'extra', 'unverified', 'pending', 'accepted', 'explained',
           'excluded', 'merged', 'generated']) as wanted(class)
         cross join lateral (
           select f.difference_id, f.entity, f.class, f.side, f.cause, f.reason, f.row_key as key, f.columns
             from migration_coverage.difference f
            where f.job_id = current.job_id and f.entity = current.entity and f.class between wanted.class and wanted.class
            order by f.class, f.difference_id
            limit ${perClass}) d) ranked
     where ranked.place <= ${perClass}
     order by array_position(array['differs', 'missing', 'duplicate', 'extra', 'unverified', 'pending', 'accepted', 'explained',
       'excluded', 'merged', 'generated'], ranked.class), ranked.entity collate "C", ranked.difference_id
     limit ${limit}`
}

/** The newest runs of each script, in the order of the names and of their start. */
export async function listNewestRuns(sql: Db, scripts: readonly string[], perScript: number): Promise<ReportRun[]> {
  const rows = await sql<(Omit<ReportRun, 'startedAt' | 'finishedAt'> & { startedAt: Date; finishedAt: Date | null })[]>`
    select planned.script, newest.status, newest.started_at as "startedAt", newest.finished_at as "finishedAt",
           newest.records_processed as "recordsProcessed", newest.records_failed as "recordsFailed", newest.message
      from unnest(${[...scripts]}::text[]) with ordinality as planned(script, place)
     cross join lateral (
       select * from migration_coverage.script_run run
        where run.script = planned.script
        order by run.started_at desc, run.run_id
        limit ${perScript}) newest
     order by planned.place, newest.started_at, newest.run_id desc`
  return rows.map((row) => ({ ...row, startedAt: row.startedAt.toISOString(), finishedAt: row.finishedAt?.toISOString() ?? null }))
}

export async function countRuns(sql: Db, scripts: readonly string[]): Promise<number> {
  const [row] = await sql<{ runs: number }[]>`select count(*) as runs from migration_coverage.script_run run where run.script = any(${[...scripts]}::text[])`
  return row?.runs ?? 0
}

/** The time of the database, which also stamped the results. */
export async function readNow(sql: Db): Promise<Date> {
  const [row] = await sql<{ now: Date }[]>`select now() as now`
  if (row === undefined) throw new Error('the tracking database gave no time')
  return row.now
}

function currentJobs(sql: Db, current: readonly CurrentJob[]) {
  return sql`unnest(${current.map(({ jobId }) => jobId)}::uuid[], ${current.map(({ entity }) => entity)}::text[]) as current(job_id, entity)`
}
