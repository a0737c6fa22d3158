import { arrivedRows, uniformAccounting, verifiedRows } from '../core/accounting.js'
import type { Accounting, Count, Verdict } from '../core/accounting.js'
import type { ColumnCounts, TableFigures } from '../core/covered.js'
import { tellProfile } from '../core/profile.js'
import type { ColumnProfile, ToldProfile } from '../core/profile.js'
import type { Progress, ScriptFigures, Snapshot } from '../core/figures.js'
import type { Db } from '../db/clients.js'

export interface CurrentSnapshot extends Snapshot {
  jobId: string
  basis: 'full' | 'changed' | 'sample' | 'none'
  note: string | null
  reasons: { class: string; reason: string; rows: number }[]
  causes: { class: string; cause: string; rows: number }[]
  sourceSnapshotAt: Date | null
  targetSnapshotAt: Date | null
}

type FigureName =
  | 'sourceTotal' | 'excluded' | 'scope' | 'verified' | 'accepted' | 'differs' | 'merged' | 'explained' | 'sourcePending' | 'missing' | 'sourceUnverified'
  | 'targetTotal' | 'matched' | 'duplicate' | 'generated' | 'targetPending' | 'extra' | 'targetUnverified'
type FigureRow = Record<FigureName, Count> & { entity: string; verdict: Verdict; publishedAt: Date }

/** The accounting columns of `entity_result r`. */
const figures = (sql: Db) => sql`
  r.entity, r.verdict, r.published_at as "publishedAt",
  r.source_total as "sourceTotal", r.excluded, r.scope, r.verified, r.accepted, r.differs, r.merged, r.explained,
  r.source_pending as "sourcePending", r.missing, r.source_unverified as "sourceUnverified",
  r.target_total as "targetTotal", r.matched, r.duplicate, r.generated, r.target_pending as "targetPending", r.extra,
  r.target_unverified as "targetUnverified"`

function accountingOf(row: FigureRow): Accounting {
  const { sourceTotal, sourcePending, sourceUnverified, targetTotal, targetPending, targetUnverified } = row
  const { excluded, scope, verified, accepted, differs, merged, explained, missing, matched, duplicate, generated, extra } = row
  return {
    source: { total: sourceTotal, excluded, scope, verified, accepted, differs, merged, explained, pending: sourcePending, missing, unverified: sourceUnverified },
    target: { total: targetTotal, matched, duplicate, generated, pending: targetPending, extra, unverified: targetUnverified },
  }
}

function snapshotOf(row: FigureRow): Snapshot {
  return { entity: row.entity, verdict: row.verdict, publishedAt: row.publishedAt, accounting: accountingOf(row) }
}

/** The newest published result of each of these entities; one that was never validated is absent. */
export async function listCurrentSnapshots(sql: Db, entities: readonly string[]): Promise<CurrentSnapshot[]> {
  const rows = await sql<(FigureRow & Omit<CurrentSnapshot, keyof Snapshot>)[]>`
    select ${figures(sql)}, r.job_id as "jobId", r.basis, r.note, r.reasons, r.causes,
      r.source_snapshot_at as "sourceSnapshotAt", r.target_snapshot_at as "targetSnapshotAt"
    from unnest(${[...entities]}::text[]) as planned(entity)
    cross join lateral (
      select * from migration_coverage.entity_result e
      where e.entity = planned.entity and e.published_at is not null
      order by e.published_at desc, e.job_id limit 1
    ) r
    order by r.entity`
  return rows.map((row) => ({
    ...snapshotOf(row),
    jobId: row.jobId,
    basis: row.basis,
    note: row.note,
    reasons: row.reasons,
    causes: row.causes,
    sourceSnapshotAt: row.sourceSnapshotAt,
    targetSnapshotAt: row.targetSnapshotAt,
  }))
}

interface ProgressRow {
  entity: string
  publishedAt: Date
  scope: Count
  verified: Count
  accepted: Count
  differs: Count
  merged: Count
}

const unknown = uniformAccounting(null)

function progressOf({ entity, publishedAt, ...figures }: ProgressRow): Progress {
  const accounting = { ...unknown, source: { ...unknown.source, ...figures } }
  return { entity, publishedAt, scope: figures.scope, arrived: arrivedRows(accounting), verified: verifiedRows(accounting) }
}

/**
 * The progress of every published result since a time, and before it the last one of each entity from earlier, which still held
 * at that time. Only the figures that a slope needs: 34,000 results take 0.27 s, with the whole accounting 0.5 s.
 * @returns in order of publication; of two results published at once the one that counts as current comes last
 */
export async function listProgress(sql: Db, entities: readonly string[], since: Date): Promise<Progress[]> {
  const rows = await sql<ProgressRow[]>`
    select r.entity, r.published_at as "publishedAt", r.scope, r.verified, r.accepted, r.differs, r.merged
    from unnest(${[...entities]}::text[]) as planned(entity)
    cross join lateral (
      select * from migration_coverage.entity_result e where e.entity = planned.entity and e.published_at >= ${since}
      union all (
        select * from migration_coverage.entity_result e
        where e.entity = planned.entity and e.published_at < ${since}
        order by e.published_at desc, e.job_id limit 1
      )
    ) r
    order by r.published_at, r.entity, r.job_id desc`
  return rows.map(progressOf)
}

/** The progress of the last published result of each day (UTC) since a time per entity, and of the last one from earlier; in order of publication. */
export async function listDailyProgress(sql: Db, entities: readonly string[], since: Date): Promise<Progress[]> {
  const rows = await sql<ProgressRow[]>`
    select daily.entity, daily.published_at as "publishedAt", daily.scope, daily.verified, daily.accepted, daily.differs, daily.merged
    from unnest(${[...entities]}::text[]) as planned(entity)
    cross join lateral (
      (
        select distinct on ((e.published_at at time zone 'UTC')::date) e.*
        from migration_coverage.entity_result e
        where e.entity = planned.entity and e.published_at >= ${since}
        order by (e.published_at at time zone 'UTC')::date, e.published_at desc, e.job_id
      )
      union all (
        select e.* from migration_coverage.entity_result e
        where e.entity = planned.entity and e.published_at < ${since}
        order by e.published_at desc, e.job_id limit 1
      )
    ) daily
    order by daily.published_at, daily.entity`
  return rows.map(progressOf)
}

/** The newest published results of each entity, oldest of them first. */
export async function listNewestSnapshots(sql: Db, entities: readonly string[], perEntity: number): Promise<Snapshot[]> {
  const rows = await sql<FigureRow[]>`
    select ${figures(sql)}
    from unnest(${[...entities]}::text[]) as planned(entity)
    cross join lateral (
      select * from migration_coverage.entity_result e
      where e.entity = planned.entity and e.published_at is not null
      order by e.published_at desc, e.job_id limit ${perEntity}
    ) r
    order by r.entity, r.published_at, r.job_id desc`
  return rows.map(snapshotOf)
}

/** What is known of the runs of these scripts; one that never ran is absent. Sums are over completed runs. */
export async function listScriptFigures(sql: Db, scripts: readonly string[]): Promise<ScriptFigures[]> {
  return sql<ScriptFigures[]>`
    select r.script, max(r.updated_at) as "updatedAt", max(r.finished_at) as "lastFinishedAt",
      max(r.finished_at) filter (where r.status = 'completed') as "lastCompletedAt",
      (sum(r.records_processed) filter (where r.status = 'completed'))::int8 as "recordsProcessed",
      (extract(epoch from sum(r.finished_at - r.started_at) filter (where r.status = 'completed')))::float8 as seconds
    from migration_coverage.script_run r
    where r.script = any(${[...scripts]}::text[])
    group by r.script
    order by r.script`
}

/**
 * Each table as the newest published job that knew it saw it. The newest time of each is hashed together first: sorting all
 * that was ever published takes 2 s for 288,000 rows, this 0.4 s.
 */
export async function listTables(sql: Db): Promise<TableFigures[]> {
  return sql<TableFigures[]>`
    select distinct on (t.side, t.schema_name, t.table_name)
      t.side, t.schema_name as "schema", t.table_name as "table", t.coverage, t.entities, t.total_rows as rows, t.claimed_once as "claimedOnce",
      t.claimed_several as "claimedSeveral", t.unclaimed, t.ignored_rows as "ignoredRows", t.error, t.verdict
    from (
      select n.side, n.schema_name, n.table_name, max(n.published_at) as published_at
      from migration_coverage.table_result n
      where n.published_at is not null
      group by n.side, n.schema_name, n.table_name
    ) newest
    join migration_coverage.table_result t using (side, schema_name, table_name, published_at)
    order by t.side, t.schema_name, t.table_name, t.job_id`
}

/** Columns by coverage, per entity and side, in the entity's newest published job. */
export async function countColumns(sql: Db, entities: readonly string[]): Promise<ColumnCounts[]> {
  return sql<ColumnCounts[]>`
    select c.entity, c.side,
      count(*) filter (where c.coverage in ('compared', 'read')) as covered,
      count(*) filter (where c.coverage = 'ignored') as ignored,
      count(*) filter (where c.coverage = 'uncovered') as uncovered
    from unnest(${[...entities]}::text[]) as planned(entity)
    cross join lateral (
      select e.job_id from migration_coverage.entity_result e
      where e.entity = planned.entity and e.published_at is not null
      order by e.published_at desc, e.job_id limit 1
    ) newest
    join migration_coverage.column_result c on c.job_id = newest.job_id and c.entity = planned.entity
    group by c.entity, c.side
    order by c.entity, c.side`
}

/** What the columns of each entity hold, as the named job found it, the mapped ones first; none where it was not looked at. */
export async function listProfiles(sql: Db, current: readonly { entity: string; jobId: string }[]): Promise<(ToldProfile & { entity: string })[]> {
  const rows = await sql<(ColumnProfile & { entity: string })[]>`
    select p.entity, p.column_name as "column", p.mapped,
      (jsonb_agg(${sideProfile(sql)}) filter (where p.side = 'source')) -> 0 as source, (jsonb_agg(${sideProfile(sql)}) filter (where p.side = 'target')) -> 0 as target
    from unnest(${current.map(({ jobId }) => jobId)}::uuid[], ${current.map(({ entity }) => entity)}::text[]) as current(job_id, entity)
    join migration_coverage.column_profile p on p.job_id = current.job_id and p.entity = current.entity
    group by p.entity, p.column_name, p.mapped
    order by p.entity collate "C", p.mapped desc, p.column_name collate "C"`
  return rows.map(({ entity, ...profile }) => ({ entity, ...tellProfile(profile) }))
}

const sideProfile = (sql: Db) => sql`jsonb_build_object('rows', p.row_count, 'nonNull', p.non_null, 'distinctAtLeast', p.distinct_at_least, 'topRows', p.top_rows, 'topValue', p.top_value)`

/** Verdicts of the checks that belong to no entity, of each its newest among these jobs. */
export async function listWholeVerdicts(sql: Db, jobs: readonly string[]): Promise<Verdict[]> {
  const rows = await sql<{ verdict: Verdict }[]>`
    select distinct on (c.name, c.subject) c.verdict
    from migration_coverage.check_result c
    where c.entity = '' and c.job_id = any(${[...new Set(jobs)]}::uuid[])
    order by c.name, c.subject, c.observed_at desc, c.job_id`
  return rows.map(({ verdict }) => verdict)
}

export interface CheckCounts {
  entity: string
  checks: number
  passed: number
  warned: number
  failed: number
  unknown: number
}

/** Checks by verdict of each entity's newest published job; an entity that was never validated is absent. */
export async function countChecks(sql: Db, entities: readonly string[]): Promise<CheckCounts[]> {
  return sql<CheckCounts[]>`
    select planned.entity, count(c.name) as checks,
      count(*) filter (where c.verdict = 'pass') as passed,
      count(*) filter (where c.verdict = 'warn') as warned,
      count(*) filter (where c.verdict = 'fail') as failed,
      count(*) filter (where c.verdict = 'unknown') as unknown
    from unnest(${[...entities]}::text[]) as planned(entity)
    cross join lateral (
      select e.job_id from migration_coverage.entity_result e
      where e.entity = planned.entity and e.published_at is not null
      order by e.published_at desc, e.job_id limit 1
    ) newest
    left join migration_coverage.check_result c on c.job_id = newest.job_id and c.entity = planned.entity
    group by planned.entity
    order by planned.entity`
}

/** The text of each plan that some of these jobs were made with, and which. */
export async function listPlansOfJobs(sql: Db, jobs: readonly string[]): Promise<{ content: string; jobs: string[] }[]> {
  return sql<{ content: string; jobs: string[] }[]>`
    select p.content, array_agg(j.job_id::text order by j.job_id) as jobs
    from migration_coverage.job j join migration_coverage.plan p using (plan_id)
    where j.job_id = any(${[...new Set(jobs)]}::uuid[])
    group by p.plan_id
    order by p.plan_id`
}

/** Of each entity its newest job, where that did not complete; a sample is no coverage and does not count. */
export async function listUnfinished(sql: Db, entities: readonly string[]): Promise<{ entity: string; jobId: string; status: 'queued' | 'running' | 'failed' | 'cancelled' }[]> {
  return sql<{ entity: string; jobId: string; status: 'queued' | 'running' | 'failed' | 'cancelled' }[]>`
    select planned.entity, newest.job_id as "jobId", newest.status
    from unnest(${[...entities]}::text[]) as planned(entity)
    cross join lateral (
      select j.job_id, j.status from migration_coverage.job j
      where j.mode <> 'sample' and j.entities @> array[planned.entity]
      order by j.created_at desc, j.job_id limit 1
    ) newest
    where newest.status <> 'completed'
    order by planned.entity`
}

/** Entities of these jobs whose comparison cannot be trusted itself, with the reason. */
export async function listDistrusted(sql: Db, jobs: readonly string[]): Promise<{ jobId: string; entity: string; message: string }[]> {
  return sql<{ jobId: string; entity: string; message: string }[]>`
    select job_id as "jobId", entity, message from migration_coverage.check_result
    where job_id = any(${[...new Set(jobs)]}::uuid[]) and category = 'engine' and verdict = 'unknown'
    order by job_id, entity, name`
}

/**
 * The plans by which tables were counted, from the newest job on that has counted all tables, as one over all these entities does.
 * @returns their texts, each once, with the time of that job; none when there is no such job
 */
export async function listTableAccounts(sql: Db, entities: readonly string[]): Promise<{ content: string; since: Date }[]> {
  return sql<{ content: string; since: Date }[]>`
    select distinct p.plan_id, p.content, whole.since
    from (
      select max(j.finished_at) as since from migration_coverage.job j
      where j.status = 'completed' and j.include_cross_entity and j.entities @> ${[...entities]}::text[]
    ) whole
    join migration_coverage.job j on j.status = 'completed' and j.include_cross_entity and j.finished_at >= whole.since
    join migration_coverage.plan p using (plan_id)
    order by p.plan_id`
}
