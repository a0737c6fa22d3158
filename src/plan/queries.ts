import type { Db } from '../db/clients.js'
import type { PlanFault } from './fault.js'
import type { LoadedPlan } from './load.js'

/** Stores a plan by its checksum. @returns the id of the row, an existing one if the very same file was stored before */
export async function storePlan(sql: Db, loaded: Pick<LoadedPlan, 'checksum' | 'content'>): Promise<number> {
  // the update changes nothing: without it an existing row would not be returned
  const [row] = await sql<{ planId: number }[]>`
    insert into migration_coverage.plan (checksum, content)
    values (${loaded.checksum}, ${loaded.content})
    on conflict (checksum) do update set checksum = excluded.checksum
    returning plan_id as "planId"`
  if (row === undefined) throw new Error('the plan was not stored')
  return row.planId
}

/** Replaces the faults of a plan by those of a new check, and notes its time. */
export async function storePlanFaults(sql: Db, planId: number, faults: readonly PlanFault[]): Promise<void> {
  await sql`
    with found as (
      select ordinality::int as ordinal, f ->> 'severity' as severity, f ->> 'code' as code, f ->> 'entity' as entity, f ->> 'path' as path,
        (f ->> 'line')::int as line, (f ->> 'column')::int as col, f ->> 'message' as message, f ->> 'suggestion' as suggestion
      from jsonb_array_elements(${JSON.stringify(faults)}::text::jsonb) with ordinality as e (f, ordinality)
    ), checked as (
      update migration_coverage.plan set checked_at = now() where plan_id = ${planId}
    ), gone as (
      delete from migration_coverage.plan_fault where plan_id = ${planId} and ordinal > (select count(*) from found)
    )
    insert into migration_coverage.plan_fault (plan_id, ordinal, severity, code, entity, path, line, col, message, suggestion)
    select ${planId}, ordinal, severity, code, entity, path, line, col, message, suggestion
    from found
    on conflict (plan_id, ordinal) do update set severity = excluded.severity, code = excluded.code, entity = excluded.entity, path = excluded.path,
      line = excluded.line, col = excluded.col, message = excluded.message, suggestion = excluded.suggestion`
}

/** The faults that the last check of a plan found, in its order; empty when it was never checked. */
export async function readPlanFaults(sql: Db, planId: number): Promise<PlanFault[]> {
  return sql<PlanFault[]>`
    select severity, code, entity, path, line, col as "column", message, suggestion
    from migration_coverage.plan_fault
    where plan_id = ${planId}
    order by ordinal`
}

/** The stored plan of a checksum; undefined when it was never stored. */
export async function findPlan(sql: Db, checksum: string): Promise<{ planId: number; checkedAt: Date | null } | undefined> {
  const [row] = await sql<{ planId: number; checkedAt: Date | null }[]>`
    select plan_id as "planId", checked_at as "checkedAt"
    from migration_coverage.plan
    where checksum = ${checksum}`
  return row
}
