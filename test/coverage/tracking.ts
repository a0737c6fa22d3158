import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { coverageRoutes } from '../../src/coverage/routes.js'
import { domainRoutes } from '../../src/domains/routes.js'
import { openInventory } from '../../src/scripts/inventory.js'
import { entityRoutes } from '../../src/entities/routes.js'
import { handleErrors } from '../../src/http/errors.js'
import { acceptJson, ajvOptions, readQueries } from '../../src/http/input.js'
import { addSchemas, ProblemSchema } from '../../src/http/schemas.js'
import { parsePlan } from '../../src/plan/load.js'

export const now = new Date('2026-11-22T12:00:00.000Z')

/** A time that lies some hours before `now`. */
export const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000)

const entity = (name: string, domain: string, script: string) => `
  ${name}:
    domain: ${domain}
    ${script === '' ? '' : `script: ${script}`}
    source: { table: public.legacy_${name} }
    target: { table: public.${name} }
    key: { id: id }`

/** Two domains: clinical with offices and patients, billing with invoices; a third without entities. */
export const plan = parsePlan(`version: 1
domains:
  clinical: { description: Patients and their care, priority: critical }
  billing: { priority: low }
  archive: {}
entities:${entity('offices', 'clinical', 'migrate-offices')}${entity('patients', 'clinical', '[migrate-people, migrate-patients]')}${entity('invoices', 'billing', '')}
scripts:
  migrate-offices: {}
  seed: {}
`)

/** An application with the product's validator and error handler, and no route yet. */
export function emptyApp(): FastifyInstance {
  const app = Fastify({ ajv: ajvOptions })
  handleErrors(app)
  acceptJson(app)
  readQueries(app)
  addSchemas(app, [ProblemSchema])
  return app
}

/** The slices under test on an application with the product's validator and error handler, at a fixed time. */
export async function buildSlices(target: Sql, chosen = plan): Promise<FastifyInstance> {
  const app = emptyApp()
  const options = { target, plan: chosen, readInventory: openInventory(null), now: () => now }
  await app.register(coverageRoutes, options)
  await app.register(domainRoutes, options)
  await app.register(entityRoutes, options)
  await app.ready()
  return app
}

export interface Figures {
  scope?: number | null
  excluded?: number
  verified?: number
  accepted?: number
  differs?: number
  merged?: number
  explained?: number
  pending?: number
  missing?: number
  unverified?: number
  duplicate?: number
  generated?: number
  extra?: number
}

/** The source and target side that figures give, as the answer shows them; every law holds. */
export function accountingOf(figures: Figures) {
  const { excluded = 0, accepted = 0, differs = 0, merged = 0, explained = 0, pending = 0, missing = 0, unverified = 0, duplicate = 0, generated = 0, extra = 0, verified = 0 } = figures
  const scope = verified + accepted + differs + merged + explained + pending + missing + unverified
  const matched = verified + accepted + differs
  return {
    source: { total: excluded + scope, excluded, scope, verified, accepted, differs, merged, explained, pending, missing, unverified },
    target: { total: matched + duplicate + generated + extra, matched, duplicate, generated, pending: 0, extra, unverified: 0 },
  }
}

/** Inserts a job; completed and by the plan of this file unless told otherwise. */
export async function addJob(sql: Sql, jobId: string, at: Date, entities: string[], status = 'completed', { plan: { checksum, content } = plan, mode = 'full', crossEntity = true } = {}): Promise<void> {
  await sql`
    insert into migration_coverage.plan (checksum, content) values (${checksum}, ${content}) on conflict do nothing`
  await sql`
    insert into migration_coverage.job (job_id, plan_id, status, mode, priority, include_integrity_checks, include_cross_entity, entities, verdict, created_at, started_at, finished_at)
    select ${jobId}, plan_id, ${status}, ${mode}, 'normal', true, ${crossEntity}, ${entities}::text[], ${status === 'completed' ? 'pass' : null}, ${at}, ${at}, ${status === 'completed' ? at : null}
    from migration_coverage.plan where checksum = ${checksum}`
}

export interface ResultOptions {
  verdict?: string
  published?: boolean
  basis?: string
  note?: string
  reasons?: object[]
  causes?: object[]
  targetSnapshotAt?: Date
}

/** Inserts the result of one entity; null figures: it could not be counted. */
export async function addResult(sql: Sql, jobId: string, name: string, domain: string, at: Date, figures: Figures | null, options: ResultOptions = {}): Promise<void> {
  const accounting = figures === null ? null : accountingOf(figures)
  const { source, target } = accounting ?? { source: null, target: null }
  const row = {
    job_id: jobId,
    entity: name,
    domain,
    verdict: options.verdict ?? 'pass',
    source_total: source?.total ?? null,
    excluded: source?.excluded ?? null,
    scope: source?.scope ?? null,
    verified: source?.verified ?? null,
    accepted: source?.accepted ?? null,
    differs: source?.differs ?? null,
    merged: source?.merged ?? null,
    explained: source?.explained ?? null,
    source_pending: source?.pending ?? null,
    missing: source?.missing ?? null,
    source_unverified: source?.unverified ?? null,
    target_total: target?.total ?? null,
    matched: target?.matched ?? null,
    duplicate: target?.duplicate ?? null,
    generated: target?.generated ?? null,
    target_pending: target?.pending ?? null,
    extra: target?.extra ?? null,
    target_unverified: target?.unverified ?? null,
    source_rows_examined: source?.total ?? 0,
    target_rows_examined: target?.total ?? 0,
    reasons: sql.json((options.reasons ?? []) as never),
    causes: sql.json((options.causes ?? []) as never),
    basis: options.basis ?? 'full',
    note: options.note ?? null,
    target_snapshot_at: options.targetSnapshotAt ?? null,
    duration_ms: 1,
    settled_at: at,
    published_at: options.published === false ? null : at,
  }
  await sql`insert into migration_coverage.entity_result ${sql(row)}`
}

/** Inserts a run of a script. */
export async function addRun(sql: Sql, runId: string, script: string, status: string, startedAt: Date, finishedAt: Date | null, processed = 0): Promise<void> {
  const row = { run_id: runId, script, status, records_processed: processed, records_succeeded: processed, started_at: startedAt, updated_at: finishedAt ?? startedAt, finished_at: finishedAt }
  await sql`insert into migration_coverage.script_run ${sql(row)}`
}

/** A uuid that ends in the number, so that expected answers can name it. */
export const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

/** An accounting in which nothing could be counted. */
export const uncounted = {
  source: { total: null, excluded: null, scope: null, verified: null, accepted: null, differs: null, merged: null, explained: null, pending: null, missing: null, unverified: null },
  target: { total: null, matched: null, duplicate: null, generated: null, pending: null, extra: null, unverified: null },
}

/** The shares of an accounting, by plain arithmetic. */
export function percentsOf({ source, target }: ReturnType<typeof accountingOf> | typeof uncounted) {
  const share = (rows: number | null, whole: number | null) => (rows === null || whole === null || whole === 0 ? null : Math.floor((rows * 10_000) / whole) / 100)
  const { total: sourceTotal, scope, excluded, ...classes } = source
  const { total, ...others } = target
  const of = <T extends object>(counts: T, whole: number | null) => Object.fromEntries(Object.entries(counts).map(([name, rows]) => [name, share(rows as number | null, whole)]))
  return { source: { excluded: share(excluded, sourceTotal), ...of(classes, scope) }, target: of(others, total) }
}

/** What is not known of columns, tables or rows. */
export const unknownCoverage = { covered: null, ignored: null, uncovered: null, coveredPercent: null }
export const bothUnknown = { source: unknownCoverage, target: unknownCoverage }

/** Inserts the published result of a table with these rows: claimed by one entity, by several, by none, ignored. */
export async function addTable(sql: Sql, jobId: string, at: Date, side: 'source' | 'target', name: string, coverage: 'covered' | 'ignored' | 'uncovered', entities: string[], rows: [once: number, several: number, unclaimed: number, ignored: number] | null, verdict: string) {
  const [once, several, unclaimed, ignored] = rows ?? [null, null, null, null]
  await sql`insert into migration_coverage.table_result ${sql({
    job_id: jobId, side, schema_name: 'public', table_name: name, coverage, entities, total_rows: rows === null ? null : rows.reduce((sum, count) => sum + count, 0), claimed_once: once, claimed_several: several,
    unclaimed, ignored_rows: ignored, error: rows === null ? 'no right to read it' : null, verdict, published_at: at,
  })}`
}

/** Inserts columns c1, c2 … of an entity with these coverages. */
export async function addColumns(sql: Sql, jobId: string, entity: string, side: 'source' | 'target', coverages: ('compared' | 'read' | 'ignored' | 'uncovered')[]) {
  for (const [index, coverage] of coverages.entries()) {
    await sql`insert into migration_coverage.column_result ${sql({ job_id: jobId, entity, side, column_name: `c${index + 1}`, coverage, reason: coverage === 'ignored' ? 'not needed' : null })}`
  }
}
