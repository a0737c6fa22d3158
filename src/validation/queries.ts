import type { Sql } from 'postgres'
import type { Accounting, Count, Verdict } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import type { TableFigures } from '../core/covered.js'
import type { CheckLine } from '../core/render/junit.js'
import type { Db } from '../db/clients.js'
import type { ReasonCode } from '../db/sqlstate.js'
import { endJob, type JobPriority, type Json } from '../jobs/task.js'

export const jobStatuses = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const
export type JobStatus = (typeof jobStatuses)[number]

export interface Job {
  jobId: string
  status: JobStatus
  mode: 'full' | 'changed' | 'sample'
  priority: JobPriority
  entities: string[]
  includeIntegrityChecks: boolean
  includeCrossEntity: boolean
  verdict: Verdict | null
  pausedReason: string | null
  reasonCode: ReasonCode | null
  reason: string | null
  createdAt: Date
  startedAt: Date | null
  finishedAt: Date | null
}

const jobColumns = (sql: Db) => sql`
  job_id as "jobId", status, mode, priority, entities, include_integrity_checks as "includeIntegrityChecks", include_cross_entity as "includeCrossEntity",
  verdict, paused_reason as "pausedReason", reason_code as "reasonCode", reason, created_at as "createdAt", started_at as "startedAt", finished_at as "finishedAt"`

export async function readJob(sql: Db, jobId: string): Promise<Job | undefined> {
  const [job] = await sql<Job[]>`select ${jobColumns(sql)} from migration_coverage.job where job_id = ${jobId}`
  return job
}

/** The text of the plan that a job was made with. */
export async function readJobPlan(sql: Db, jobId: string): Promise<string> {
  const [plan] = await sql<{ content: string }[]>`select plan.content from migration_coverage.job join migration_coverage.plan using (plan_id) where job_id = ${jobId}`
  if (plan === undefined) throw new Error(`the plan of job ${jobId} has gone`)
  return plan.content
}

/** The newest completed job; undefined before the first. */
export async function readNewestJobId(sql: Db): Promise<string | undefined> {
  const [job] = await sql<{ jobId: string }[]>`select job_id as "jobId" from migration_coverage.job where status = 'completed' order by finished_at desc, job_id limit 1`
  return job?.jobId
}

export interface JobFilter {
  status?: JobStatus
  sortOrder: 'asc' | 'desc'
  limit: number
  offset: number
}

/** A page of jobs by the time of their creation, and how many there are in all. */
export async function listJobs(sql: Db, { status, sortOrder, limit, offset }: JobFilter): Promise<{ jobs: Job[]; total: number }> {
  const where = status === undefined ? sql`` : sql`where status = ${status}`
  const order = sortOrder === 'asc' ? sql`created_at, job_id` : sql`created_at desc, job_id desc`
  const [[counted], jobs] = await Promise.all([
    sql<{ total: number }[]>`select count(*) as total from migration_coverage.job ${where}`,
    sql<Job[]>`select ${jobColumns(sql)} from migration_coverage.job ${where} order by ${order} limit ${limit} offset ${offset}`,
  ])
  return { jobs, total: counted?.total ?? 0 }
}

/**
 * Cancels a job and its open tasks in one transaction; a handler that runs for it is aborted by its worker within a second or two.
 * @returns undefined when there is no such job; `cancelled` is false when it was over already
 */
export async function cancelJob(sql: Sql, jobId: string): Promise<{ job: Job; cancelled: boolean } | undefined> {
  return sql.begin(async (tx) => {
    const cancelled = await endJob(tx, jobId, { status: 'cancelled', code: 'CANCELLED', reason: 'The job was cancelled by request.' })
    const job = await readJob(tx, jobId)
    return job && { job, cancelled }
  })
}

/**
 * How long such a job will take, in whole seconds: the mean of the last five completed jobs over the same entities, else the
 * sum of what the newest published comparison of each entity took; null when one of them was never compared.
 */
export async function estimateSeconds(sql: Db, entities: readonly string[]): Promise<number | null> {
  const names = [...entities]
  const [estimate] = await sql<{ seconds: number | null }[]>`
    select ceil(coalesce(
      (select avg(extract(epoch from finished_at - started_at)) from (
        select finished_at, started_at from migration_coverage.job
        where status = 'completed' and entities @> ${names}::text[] and entities <@ ${names}::text[]
        order by finished_at desc limit 5) like_it),
      (select sum(duration_ms) / 1000.0 from (
        select distinct on (entity) duration_ms from migration_coverage.entity_result
        where published_at is not null and entity = any(${names}::text[])
        order by entity, published_at desc, job_id) newest having count(*) = ${names.length})))::float8 as seconds`
  return estimate?.seconds ?? null
}

export interface Progress {
  tasksDone: number
  tasksTotal: number
  entitiesDone: number
}

export async function readProgress(sql: Db, jobId: string): Promise<Progress> {
  const [progress] = await sql<Progress[]>`
    select count(*) filter (where status = 'done') as "tasksDone", count(*) as "tasksTotal",
      (select count(*) from migration_coverage.entity_result where job_id = ${jobId}) as "entitiesDone"
    from migration_coverage.task where job_id = ${jobId}`
  return progress ?? { tasksDone: 0, tasksTotal: 0, entitiesDone: 0 }
}

export interface JobEntityResult {
  entity: string
  domain: string
  verdict: Verdict
  accounting: Accounting
  basis: 'full' | 'changed' | 'sample' | 'none'
  note: string | null
  sourceRowsExamined: number
  targetRowsExamined: number
  sourceSnapshotAt: Date | null
  targetSnapshotAt: Date | null
  durationMs: number
  settledAt: Date
  publishedAt: Date | null
  reasons: { class: string; reason: string; rows: number | null }[]
  causes: { class: string; cause: string; rows: number | null }[]
}

type CountColumns = Record<
  | 'source_total' | 'excluded' | 'scope' | 'verified' | 'accepted' | 'differs' | 'merged' | 'explained' | 'source_pending' | 'missing' | 'source_unverified'
  | 'target_total' | 'matched' | 'duplicate' | 'generated' | 'target_pending' | 'extra' | 'target_unverified',
  Count
>

/** What one job found of each entity so far, published or not. */
export async function listJobEntityResults(sql: Db, jobId: string): Promise<JobEntityResult[]> {
  const rows = await sql<(Omit<JobEntityResult, 'accounting'> & CountColumns)[]>`
    select entity, domain, verdict, basis, note, reasons, causes,
      source_total, excluded, scope, verified, accepted, differs, merged, explained, source_pending, missing, source_unverified,
      target_total, matched, duplicate, generated, target_pending, extra, target_unverified,
      source_rows_examined as "sourceRowsExamined", target_rows_examined as "targetRowsExamined",
      source_snapshot_at as "sourceSnapshotAt", target_snapshot_at as "targetSnapshotAt",
      duration_ms as "durationMs", settled_at as "settledAt", published_at as "publishedAt"
    from migration_coverage.entity_result where job_id = ${jobId} order by entity collate "C"`
  return rows.map((row) => ({ ...row, accounting: accountingOf(row) }))
}

function accountingOf(row: CountColumns): Accounting {
  const { excluded, scope, verified, accepted, differs, merged, explained, missing, matched, duplicate, generated, extra } = row
  return {
    source: { total: row.source_total, excluded, scope, verified, accepted, differs, merged, explained, pending: row.source_pending, missing, unverified: row.source_unverified },
    target: { total: row.target_total, matched, duplicate, generated, pending: row.target_pending, extra, unverified: row.target_unverified },
  }
}

export interface JobCheck extends CheckLine {
  evidence: Json
  observedAt: Date
}

export async function listJobChecks(sql: Db, jobId: string): Promise<JobCheck[]> {
  return sql<JobCheck[]>`
    select entity, name, subject, category, severity, verdict, message, rows_examined as "rowsExamined", rows_failed as "rowsFailed",
      duration_ms as "durationMs", evidence, observed_at as "observedAt"
    from migration_coverage.check_result where job_id = ${jobId}
    order by entity collate "C", name collate "C", subject collate "C"`
}

export interface JobColumn {
  entity: string
  side: Side
  column: string
  coverage: 'compared' | 'read' | 'ignored' | 'uncovered'
  reason: string | null
  differs: Count
}

export async function listJobColumns(sql: Db, jobId: string): Promise<JobColumn[]> {
  return sql<JobColumn[]>`
    select entity, side, column_name as "column", coverage, reason, differs
    from migration_coverage.column_result where job_id = ${jobId}
    order by entity collate "C", side, column_name collate "C"`
}

export interface JobTable extends TableFigures {
  reason: string | null
}

export async function listJobTables(sql: Db, jobId: string): Promise<JobTable[]> {
  return sql<JobTable[]>`
    select side, schema_name as "schema", table_name as "table", coverage, reason, entities, total_rows as rows, claimed_once as "claimedOnce",
      claimed_several as "claimedSeveral", unclaimed, ignored_rows as "ignoredRows", error, verdict
    from migration_coverage.table_result where job_id = ${jobId}
    order by side, schema_name collate "C", table_name collate "C"`
}

export const differenceClasses = [
  'accepted', 'differs', 'explained', 'pending', 'missing', 'unverified', 'duplicate', 'generated', 'extra', 'excluded', 'merged',
] as const

export interface DifferenceFilter {
  entity?: string
  class?: (typeof differenceClasses)[number]
  side?: 'source' | 'target' | 'both'
}

export interface DifferenceRow {
  id: number
  entity: string
  side: 'source' | 'target' | 'both'
  class: (typeof differenceClasses)[number]
  cause: string | null
  reason: string | null
  rowKey: Record<string, string | null>
  columns: { column: string; source: string | null; target: string | null }[]
}

/** The stored differences after one id, in the order of their ids, and how many are stored in all under the filter. */
export async function listDifferences(sql: Db, jobId: string, filter: DifferenceFilter, after: number, limit: number): Promise<{ differences: DifferenceRow[]; total: number }> {
  const where = sql`
    job_id = ${jobId}
    ${filter.entity === undefined ? sql`` : sql`and entity = ${filter.entity}`}
    ${filter.class === undefined ? sql`` : sql`and class = ${filter.class}`}
    ${filter.side === undefined ? sql`` : sql`and side = ${filter.side}`}`
  const [[counted], differences] = await Promise.all([
    sql<{ total: number }[]>`select count(*) as total from migration_coverage.difference where ${where}`,
    sql<DifferenceRow[]>`
      select difference_id as id, entity, side, class, cause, reason, row_key as "rowKey", columns
      from migration_coverage.difference where ${where} and difference_id > ${after} order by difference_id limit ${limit}`,
  ])
  return { differences, total: counted?.total ?? 0 }
}
