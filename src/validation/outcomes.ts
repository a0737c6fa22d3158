import type { Accounting, Verdict } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import type { ColumnProfile } from '../core/profile.js'
import { createSegmentSums, spoilSums, type SegmentComparison } from '../core/segments.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import type { Json } from '../jobs/task.js'
import type { ScanOutcome } from './scan-chunk.js'

/** What the tasks of a job write and read of each other. Every write replaces: a task that is repeated adds nothing. */

export interface JobEntity {
  entity: string
  domain: string
  /** of a blocked entity only its claims, if anything */
  spec: ComparisonSpec | null
  segments: number
  /** keys beside each other that make a segment; null: the hash of a key chooses its segment */
  neighbours: number | null
  /** both sides give every row in place of sums */
  streamed: boolean
  /** why it cannot be compared */
  blocked: string | null
}

export interface CheckResult {
  entity: string
  name: string
  subject: string
  category: 'accounting' | 'integrity' | 'cross_entity' | 'plan' | 'engine'
  severity: 'critical' | 'warning' | 'info'
  verdict: Verdict
  message: string
  rowsExamined: number | null
  rowsFailed: number | null
  durationMs: number | null
  evidence: Json
}

export interface ColumnResult {
  entity: string
  side: Side
  column: string
  coverage: 'compared' | 'read' | 'ignored' | 'uncovered'
  reason: string | null
}

/** Rows as one jsonb parameter, for `jsonb_to_recordset`: no limit on how many there are. */
const records = (rows: readonly object[]) => JSON.stringify(rows)

export async function saveJobEntities(tx: Db, jobId: string, entities: readonly JobEntity[]): Promise<void> {
  await tx`
    insert into migration_coverage.job_entity (job_id, entity, domain, spec, segments, neighbours, streamed, blocked)
    select ${jobId}::uuid, entity, domain, spec, segments, neighbours, streamed, blocked
    from jsonb_to_recordset(${records(entities)}::text::jsonb) as new (entity text, domain text, spec jsonb, segments integer, neighbours integer, streamed boolean, blocked text)
    on conflict (job_id, entity) do update set spec = excluded.spec, segments = excluded.segments, neighbours = excluded.neighbours, streamed = excluded.streamed, blocked = excluded.blocked`
}

/** @throws Error when the job has no such entity */
export async function readJobEntity(sql: Db, jobId: string, entity: string): Promise<JobEntity> {
  const [found] = await sql<JobEntity[]>`
    select entity, domain, nullif(spec, 'null') as spec, segments, neighbours, streamed, blocked from migration_coverage.job_entity where job_id = ${jobId} and entity = ${entity}`
  if (found === undefined) throw new Error(`job ${jobId} has no entity ${entity}`)
  return found
}

export async function readJobEntities(sql: Db, jobId: string): Promise<JobEntity[]> {
  return sql<JobEntity[]>`
    select entity, domain, nullif(spec, 'null') as spec, segments, neighbours, streamed, blocked from migration_coverage.job_entity where job_id = ${jobId} order by entity`
}

export async function readPlanContent(sql: Db, planId: number): Promise<string> {
  const [plan] = await sql<{ content: string }[]>`select content from migration_coverage.plan where plan_id = ${planId}`
  if (plan === undefined) throw new Error(`plan ${planId} has gone`)
  return plan.content
}

/** @param blocks base64, as `streamStatement` packs them: the longest road between two servers is the one through this process, so nothing is decoded on the way */
export async function saveRows(tx: Db, taskId: number, blocks: ReadonlyMap<number, string>): Promise<void> {
  await Promise.all([
    tx`delete from migration_coverage.streamed_rows where task_id = ${taskId}`,
    ...[...blocks].map(([block, packed]) => tx`insert into migration_coverage.streamed_rows (task_id, block, packed) values (${taskId}, ${block}, decode(${packed}, 'base64'))`),
  ])
}

/** The packed rows of both sides in one block. */
export async function readRows(sql: Db, jobId: string, entity: string, block: number): Promise<Record<Side, Buffer>> {
  // ordered here: the server would sort megabytes in files
  const parts = await sql<{ taskId: number; side: Side; packed: string }[]>`
    select task_id as "taskId", task.side, encode(rows.packed, 'base64') as packed from migration_coverage.streamed_rows rows join migration_coverage.task using (task_id)
    where task.job_id = ${jobId} and task.entity = ${entity} and rows.block = ${block}`
  parts.sort((left, right) => left.taskId - right.taskId)
  return { source: joinBase64(parts.filter(({ side }) => side === 'source')), target: joinBase64(parts.filter(({ side }) => side === 'target')) }
}

function joinBase64(parts: readonly { packed: string }[]): Buffer {
  // line breaks in the texts make this a little more than they hold
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, { packed }) => sum + Buffer.byteLength(packed, 'base64'), 0))
  let length = 0
  for (const { packed } of parts) length += bytes.write(packed, length, 'base64')
  return bytes.subarray(0, length)
}

/** Takes away the rows of an entity that is settled. */
export async function deleteRows(tx: Db, jobId: string, entity: string): Promise<void> {
  await tx`
    delete from migration_coverage.streamed_rows using migration_coverage.task
    where streamed_rows.task_id = task.task_id and task.job_id = ${jobId} and task.entity = ${entity}`
}

/** Of each entity, the share of rows that its newest published comparison did not find equal, on the side where it is greater. */
export async function readUnequalShares(sql: Db, entities: readonly string[]): Promise<Map<string, number>> {
  const rows = await sql<{ entity: string; share: number }[]>`
    select distinct on (entity) entity, greatest((scope - verified)::float8 / nullif(scope, 0), (target_total - matched)::float8 / nullif(target_total, 0), 0) as share
    from migration_coverage.entity_result where entity = any(${[...entities]}::text[]) and published_at is not null
    order by entity, published_at desc, job_id`
  return new Map(rows.map(({ entity, share }) => [entity, share]))
}

/** The sums of one chunk, as `scanStatement` packs them. */
export interface PackedSegments {
  packed: Buffer
  /** of the audited segments, with other seeds */
  audit: Buffer | null
  /** the XOR of the keys, as this task saw them; null: newer rows cannot be compared by them */
  keys: Buffer | null
  /** of each segment of `packed`, in their order, the fingerprints times their places; null: the sums tell nothing of single keys */
  weighted: Buffer | null
  /** as `touchedSegments` packs them; null: the sums are of this task's own reading */
  touched: Buffer | null
  /** the rows of touched segments that are newer than the sums; null: they are too many, or the sums are of this task's own reading */
  newer: Buffer | null
}

export async function saveSegments(tx: Db, taskId: number, segments: PackedSegments): Promise<void> {
  // two thirds of the bytes that the driver would send
  const of = (name: keyof PackedSegments) => tx`decode(${segments[name]?.toString('base64') ?? null}::text, 'base64')`
  await tx`
    insert into migration_coverage.segment_sums (task_id, packed, audit, keys, weighted, touched, newer) values (${taskId}, ${of('packed')}, ${of('audit')}, ${of('keys')}, ${of('weighted')}, ${of('touched')}, ${of('newer')})
    on conflict (task_id) do update set packed = excluded.packed, audit = excluded.audit, keys = excluded.keys, weighted = excluded.weighted, touched = excluded.touched, newer = excluded.newer`
}

/** The outcomes of an entity's scans, split ones left out. */
export async function readScans(sql: Db, jobId: string, entity: string): Promise<{ side: Side; firstPage: number | null; outcome: ScanOutcome | { failed: string; rows: number | null; scope: number | null } }[]> {
  return sql`
    select side, first_page as "firstPage", outcome from migration_coverage.task
    where job_id = ${jobId} and entity = ${entity} and kind = 'scan' and status = 'done' and not coalesce((outcome ->> 'split')::boolean, false)
    order by side, first_page, task_id`
}

/**
 * Adds up the partial sums of both sides and compares them, segment by segment, each chunk as it arrives.
 * @param places as `createSegmentSums` takes them
 * @param distrusted segments in which a pass may have missed rows
 * @returns with it the newer rows of each side, as `newerRows` reads them
 */
export async function compareSegments(sql: Db, jobId: string, entity: string, segments: number, places: number, distrusted: Promise<ReadonlySet<number>>): Promise<SegmentComparison & { newer: Record<Side, Buffer> }> {
  const sums = createSegmentSums(segments, places)
  const newer: Record<Side, Buffer[]> = { source: [], target: [] }
  await sql<(Record<keyof PackedSegments, string | null> & { side: Side; readBy: string | null })[]>`
    with sums as (select side, outcome ->> 'readBy' as "readBy", packed, audit, keys, weighted, touched, newer from migration_coverage.segment_sums join migration_coverage.task using (task_id) where job_id = ${jobId} and entity = ${entity})
    select side, "readBy", encode(packed, 'base64') as packed, encode(audit, 'base64') as audit, case when exists (select from sums where touched is not null) then encode(keys, 'base64') end as keys,
      encode(weighted, 'base64') as weighted, encode(touched, 'base64') as touched, encode(newer, 'base64') as newer from sums`
    .forEach(({ side, readBy, packed, audit, keys, weighted, touched, newer: ownNewer }) => {
      const bytesOf = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'))
      const more = { readBy, audit: bytesOf(audit), keys: bytesOf(keys), weighted: bytesOf(weighted), touched: bytesOf(touched), newer: bytesOf(ownNewer) }
      sums.add(side, bytesOf(packed) ?? Buffer.alloc(0), more)
      if (more.newer !== null) newer[side].push(more.newer)
    })
  return { ...sums.compare(await distrusted), newer: { source: Buffer.concat(newer.source), target: Buffer.concat(newer.target) } }
}

/** Sees to it that no later run rests on the sums of segments in which the passes of a side may have missed rows. */
export async function spoilSegments(tx: Db, jobId: string, entity: string, side: Side, distrusted: ReadonlySet<number>): Promise<void> {
  if (distrusted.size === 0) return
  const [sums] = await tx<{ taskId: string; packed: Buffer }[]>`
    select task_id as "taskId", packed from migration_coverage.segment_sums join migration_coverage.task using (task_id)
    where job_id = ${jobId} and entity = ${entity} and side = ${side} order by task_id limit 1`
  if (sums !== undefined) await tx`update migration_coverage.segment_sums set packed = ${spoilSums(sums.packed, distrusted)} where task_id = ${sums.taskId}`
}

export async function deleteSegments(tx: Db, jobId: string, entity: string): Promise<void> {
  await tx`
    delete from migration_coverage.segment_sums using migration_coverage.task
    where segment_sums.task_id = task.task_id and task.job_id = ${jobId} and task.entity = ${entity}`
}

export interface EntityResult {
  entity: string
  domain: string
  verdict: Verdict
  accounting: Accounting
  sourceRowsExamined: number
  targetRowsExamined: number
  reasons: Json
  causes: Json
  basis: 'full' | 'changed' | 'sample' | 'none'
  note: string | null
  sourceSnapshotAt: string | null
  targetSnapshotAt: string | null
  durationMs: number
}

export async function saveEntityResult(tx: Db, jobId: string, result: EntityResult): Promise<void> {
  const { source, target } = result.accounting
  await tx`delete from migration_coverage.entity_result where job_id = ${jobId} and entity = ${result.entity}`
  await tx`
    insert into migration_coverage.entity_result ${tx({
      job_id: jobId, entity: result.entity, domain: result.domain, verdict: result.verdict,
      source_total: source.total, excluded: source.excluded, scope: source.scope, verified: source.verified, accepted: source.accepted, differs: source.differs,
      merged: source.merged, explained: source.explained, source_pending: source.pending, missing: source.missing, source_unverified: source.unverified,
      target_total: target.total, matched: target.matched, duplicate: target.duplicate, generated: target.generated, target_pending: target.pending,
      extra: target.extra, target_unverified: target.unverified,
      source_rows_examined: result.sourceRowsExamined, target_rows_examined: result.targetRowsExamined,
      reasons: tx.json(result.reasons), causes: tx.json(result.causes), basis: result.basis, note: result.note,
      source_snapshot_at: result.sourceSnapshotAt, target_snapshot_at: result.targetSnapshotAt, duration_ms: result.durationMs,
    })}`
}

/** Parts of differences that are sent without waiting for each. */
const partsOnTheWay = 8

/** @param parts JSON arrays of `Difference` */
export async function saveDifferences(tx: Db, jobId: string, entity: string, parts: Iterable<string>): Promise<void> {
  await tx`delete from migration_coverage.difference where job_id = ${jobId} and entity = ${entity}`
  const save = (part: string) => tx`
    insert into migration_coverage.difference (job_id, entity, side, class, cause, reason, row_key, columns)
    select ${jobId}::uuid, ${entity}, side, class, cause, reason, "rowKey", columns
    from jsonb_to_recordset(${part}::text::jsonb) as new (side text, class text, cause text, reason text, "rowKey" jsonb, columns jsonb)`
  const sent: Promise<unknown>[] = []
  for (const part of parts) {
    sent.push(save(part))
    if (sent.length === partsOnTheWay) await Promise.all(sent.splice(0))
  }
  await Promise.all(sent)
}

export async function saveChecks(tx: Db, jobId: string, checks: readonly CheckResult[]): Promise<void> {
  await tx`
    insert into migration_coverage.check_result (job_id, entity, name, subject, category, severity, verdict, message, rows_examined, rows_failed, duration_ms, evidence)
    select ${jobId}::uuid, entity, name, subject, category, severity, verdict, message, "rowsExamined", "rowsFailed", "durationMs", evidence
    from jsonb_to_recordset(${records(checks)}::text::jsonb) as new (entity text, name text, subject text, category text, severity text, verdict text, message text,
      "rowsExamined" bigint, "rowsFailed" bigint, "durationMs" bigint, evidence jsonb)
    on conflict (job_id, entity, name, subject) do update
      set category = excluded.category, severity = excluded.severity, verdict = excluded.verdict, message = excluded.message, rows_examined = excluded.rows_examined,
          rows_failed = excluded.rows_failed, duration_ms = excluded.duration_ms, evidence = excluded.evidence, observed_at = now()`
}

/** A check of an earlier job, or null. */
export async function readCheck(sql: Db, jobId: string, entity: string, name: string): Promise<CheckResult | null> {
  const [found] = await sql<CheckResult[]>`
    select entity, name, subject, category, severity, verdict, message, rows_examined as "rowsExamined", rows_failed as "rowsFailed", duration_ms as "durationMs", evidence
    from migration_coverage.check_result where job_id = ${jobId} and entity = ${entity} and name = ${name}`
  return found ?? null
}

/** Verdicts of the checks that stand already for an entity ('' for the job itself). */
export async function readCheckVerdicts(sql: Db, jobId: string, entity: string): Promise<Verdict[]> {
  const rows = await sql<{ verdict: Verdict }[]>`select verdict from migration_coverage.check_result where job_id = ${jobId} and entity = ${entity}`
  return rows.map(({ verdict }) => verdict)
}

export async function saveColumns(tx: Db, jobId: string, columns: readonly ColumnResult[]): Promise<void> {
  await tx`
    insert into migration_coverage.column_result (job_id, entity, side, column_name, coverage, reason)
    select ${jobId}::uuid, entity, side, "column", coverage, reason
    from jsonb_to_recordset(${records(columns)}::text::jsonb) as new (entity text, side text, "column" text, coverage text, reason text)
    on conflict (job_id, entity, side, column_name) do update set coverage = excluded.coverage, reason = excluded.reason`
}

/** Columns of an entity's target that the plan neither maps, reads nor ignores, by name. */
export async function listUncoveredColumns(sql: Db, jobId: string, entity: string): Promise<string[]> {
  const rows = await sql<{ column: string }[]>`
    select column_name as "column" from migration_coverage.column_result
    where job_id = ${jobId} and entity = ${entity} and side = 'target' and coverage = 'uncovered' order by column_name collate "C"`
  return rows.map(({ column }) => column)
}

export async function saveProfiles(tx: Db, jobId: string, entity: string, profiles: readonly ColumnProfile[]): Promise<void> {
  await tx`delete from migration_coverage.column_profile where job_id = ${jobId} and entity = ${entity}`
  const sides = profiles.flatMap(({ column, mapped, source, target }) => [...(source === null ? [] : [{ column, mapped, side: 'source', ...source }]), { column, mapped, side: 'target', ...target }])
  await tx`
    insert into migration_coverage.column_profile (job_id, entity, column_name, side, mapped, row_count, non_null, distinct_at_least, top_rows, top_value)
    select ${jobId}::uuid, ${entity}, "column", side, mapped, "rows", "nonNull", "distinctAtLeast", "topRows", "topValue"
    from jsonb_to_recordset(${records(sides)}::text::jsonb) as new ("column" text, side text, mapped boolean, "rows" bigint, "nonNull" bigint, "distinctAtLeast" integer, "topRows" bigint, "topValue" text)`
}

/** @param differs target column → rows in which it differs; every other compared column gets 0 */
export async function saveColumnDifferences(tx: Db, jobId: string, entity: string, differs: ReadonlyMap<string, number>): Promise<void> {
  await tx`
    update migration_coverage.column_result set differs = coalesce((${JSON.stringify(Object.fromEntries(differs))}::text::jsonb ->> column_name)::bigint, 0)
    where job_id = ${jobId} and entity = ${entity} and side = 'target' and coverage = 'compared'`
}

export interface TableResult {
  side: Side
  schema: string
  table: string
  coverage: 'covered' | 'ignored' | 'uncovered'
  reason: string | null
  entities: string[]
  rows: number | null
  claimedOnce: number | null
  claimedSeveral: number | null
  unclaimed: number | null
  ignored: number | null
  overlaps: { entities: string[]; rows: number; declared: boolean }[]
  error: string | null
  verdict: Verdict
}

export async function saveTables(tx: Db, jobId: string, tables: readonly TableResult[]): Promise<void> {
  await tx`
    insert into migration_coverage.table_result (job_id, side, schema_name, table_name, coverage, reason, entities, total_rows, claimed_once, claimed_several,
      unclaimed, ignored_rows, claim_overlaps, error, verdict)
    select ${jobId}::uuid, side, "schema", "table", coverage, reason, array(select jsonb_array_elements_text(entities)), "rows", "claimedOnce", "claimedSeveral",
      unclaimed, ignored, "overlaps", error, verdict
    from jsonb_to_recordset(${records(tables)}::text::jsonb) as new (side text, "schema" text, "table" text, coverage text, reason text, entities jsonb, "rows" bigint,
      "claimedOnce" bigint, "claimedSeveral" bigint, unclaimed bigint, ignored bigint, "overlaps" jsonb, error text, verdict text)
    on conflict (job_id, side, schema_name, table_name) do nothing`
}

/** How an earlier job accounted for a table; null where it did not, or for other entities. */
export async function readTable(sql: Db, jobId: string, table: { side: Side; schema: string; table: string; entities: readonly string[] }): Promise<TableResult | null> {
  const [found] = await sql<TableResult[]>`
    select side, schema_name as "schema", table_name as "table", coverage, reason, entities, total_rows as "rows", claimed_once as "claimedOnce", claimed_several as "claimedSeveral",
      unclaimed, ignored_rows as ignored, claim_overlaps as overlaps, error, verdict
    from migration_coverage.table_result
    where job_id = ${jobId} and side = ${table.side} and schema_name = ${table.schema} and table_name = ${table.table} and entities = ${[...table.entities]}::text[]`
  return found ?? null
}

/** Publishes the results of a job together; a sample never becomes coverage. A result that was read before another one that is published by now stands before it. */
export async function publishResults(tx: Db, jobId: string): Promise<void> {
  await tx`
    update migration_coverage.entity_result r set published_at = least(now(), (
      select min(later.published_at) - interval '1 microsecond' from migration_coverage.entity_result later
      where later.entity = r.entity and later.published_at is not null and later.source_snapshot_at > r.source_snapshot_at and later.target_snapshot_at > r.target_snapshot_at))
    where job_id = ${jobId} and not exists (select from migration_coverage.job where job_id = ${jobId} and mode = 'sample')`
  // the sums of this job are what the next one may rest on; a job that still runs needs its own
  await tx`
    delete from migration_coverage.segment_sums using migration_coverage.task t, migration_coverage.job j, migration_coverage.entity_result r
    where segment_sums.task_id = t.task_id and r.job_id = ${jobId} and r.basis in ('full', 'changed') and t.entity = r.entity and t.job_id <> ${jobId}
      and j.job_id = t.job_id and j.status in ('completed', 'failed', 'cancelled')`
  // what a job left behind that was cancelled or failed
  await tx`
    delete from migration_coverage.streamed_rows using migration_coverage.task t, migration_coverage.job j
    where streamed_rows.task_id = t.task_id and j.job_id = t.job_id and j.status in ('completed', 'failed', 'cancelled')`
  await tx`update migration_coverage.table_result set published_at = now() where job_id = ${jobId}`
}

/** Verdicts of everything that a job has judged. */
export async function readVerdicts(sql: Db, jobId: string): Promise<Verdict[]> {
  const rows = await sql<{ verdict: Verdict }[]>`
    select verdict from migration_coverage.entity_result where job_id = ${jobId}
    union all select verdict from migration_coverage.table_result where job_id = ${jobId}
    union all select verdict from migration_coverage.check_result where job_id = ${jobId}`
  return rows.map(({ verdict }) => verdict)
}
