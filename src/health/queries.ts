import type { Db } from '../db/clients.js'

/** Number of the newest applied migration; null when the tracking schema is not installed. */
export async function readSchemaVersion(sql: Db): Promise<number | null> {
  const [exists] = await sql<{ present: boolean }[]>`select to_regclass('migration_coverage.schema_migration') is not null as present`
  if (exists?.present !== true) return null
  const [row] = await sql<{ version: number | null }[]>`select max(number) as version from migration_coverage.schema_migration`
  return row?.version ?? null
}

export interface TaskCounts {
  queued: number
  running: number
  /** age of the oldest job that still waits, in seconds; null when none does */
  oldestQueuedSeconds: number | null
}

/** Tasks of the jobs that are not finished. */
export async function countTasks(sql: Db): Promise<TaskCounts> {
  const [row] = await sql<TaskCounts[]>`
    select
      count(*) filter (where t.status = 'queued') as queued,
      count(*) filter (where t.status = 'running') as running,
      floor(extract(epoch from now() - min(coalesce(j.started_at, j.created_at)) filter (where t.status = 'queued' and j.paused_at is null)))::integer as "oldestQueuedSeconds"
    from migration_coverage.job j
    join migration_coverage.task t using (job_id)
    where j.status in ('queued', 'running')`
  return row ?? { queued: 0, running: 0, oldestQueuedSeconds: null }
}

/** Workers heard of within the last minute, and when the last one was heard of. */
export async function listWorkers(sql: Db): Promise<{ alive: number; lastSeenAt: Date | null }> {
  const [row] = await sql<{ alive: number; lastSeenAt: Date | null }[]>`
    select count(*) filter (where seen_at > now() - interval '60 seconds') as alive, max(seen_at) as "lastSeenAt"
    from migration_coverage.worker`
  return row ?? { alive: 0, lastSeenAt: null }
}

/** Connections of this service's processes to the target's database, by name and state. */
export async function listConnections(sql: Db): Promise<{ applicationName: string; state: string | null; connections: number }[]> {
  return sql<{ applicationName: string; state: string | null; connections: number }[]>`
    select application_name as "applicationName", state, count(*) as connections
    from pg_stat_activity
    where datname = current_database() and application_name like 'mcov%'
    group by 1, 2
    order by 1, 2`
}

export interface ProductMetrics {
  entities: {
    entity: string
    domain: string
    scope: number | null
    /** verified and merged rows */
    verified: number | null
    /** seconds since 1970 */
    publishedAt: number
    /** side → class → rows; null: could not be counted */
    rows: Record<'source' | 'target', Record<string, number | null>>
  }[]
  jobs: { status: string; jobs: number }[]
  tasks: { status: string; tasks: number }[]
  workers: number
}

/** All figures that are told to Prometheus, in one statement. */
export async function readMetrics(sql: Db): Promise<ProductMetrics> {
  const [row] = await sql<ProductMetrics[]>`
    select
      (select coalesce(json_agg(json_build_object(
          'entity', entity, 'domain', domain, 'scope', scope, 'verified', verified + merged, 'publishedAt', extract(epoch from published_at)::float8,
          'rows', json_build_object(
            'source', json_build_object('verified', verified, 'accepted', accepted, 'differs', differs, 'merged', merged, 'explained', explained, 'pending', source_pending,
              'missing', missing, 'unverified', source_unverified, 'excluded', excluded),
            'target', json_build_object('matched', matched, 'duplicate', duplicate, 'generated', generated, 'pending', target_pending, 'extra', extra, 'unverified', target_unverified)))
          order by entity), '[]')
        from (select distinct on (entity) * from migration_coverage.entity_result where published_at is not null order by entity, published_at desc, job_id) newest) as entities,
      (select coalesce(json_agg(json_build_object('status', status, 'jobs', jobs)), '[]') from (select status, count(*) as jobs from migration_coverage.job group by status) j) as jobs,
      (select coalesce(json_agg(json_build_object('status', status, 'tasks', tasks)), '[]') from (
        select t.status, count(*) as tasks from migration_coverage.job join migration_coverage.task t using (job_id) where job.status in ('queued', 'running') group by t.status) t) as tasks,
      (select count(*) from migration_coverage.worker where seen_at > now() - interval '60 seconds') as workers`
  return row ?? { entities: [], jobs: [], tasks: [], workers: 0 }
}
