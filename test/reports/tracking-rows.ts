import type { Sql } from 'postgres'
import type { Plan } from '../../src/plan/schema.js'

/** Names and values as a hostile or merely unlucky database holds them. */
export const hostile = {
  script: `<script>alert('x')</script>`,
  formula: '=cmd()|calc',
  markdown: 'a | b `c` **d** [e](https://evil.example)',
  control: 'line\nbreak\ttab \u001b[31mred\u0007',
  direction: '\u202egnp.exe',
  quotes: `"double" 'single' \\back`,
  rtl: 'שלום',
}

export const jobs = {
  old: '00000000-0000-4000-8000-000000000001',
  current: '00000000-0000-4000-8000-000000000002',
  unpublished: '00000000-0000-4000-8000-000000000003',
}

export const plan = {
  domains: { clinical: { priority: 'critical' as const }, billing: {}, 'empty <b>': {} },
  entities: {
    patients: { domain: 'clinical', script: 'migrate-patients' },
    [hostile.script]: { domain: 'clinical', script: hostile.formula },
    invoices: { domain: 'billing' },
  },
  scripts: {},
} as unknown as Plan

interface Figures { sourceTotal: number; excluded: number; verified: number; differs: number; missing: number; explained: number; extra: number }

async function insertResult(sql: Sql, job: string, entity: string, verdict: string, publishedAt: string | null, figures: Figures, more: { reasons?: object[]; causes?: object[]; note?: string } = {}) {
  const { sourceTotal, excluded, verified, differs, missing, explained, extra } = figures
  await sql`insert into migration_coverage.entity_result ${sql({
    job_id: job, entity, domain: 'clinical', verdict,
    source_total: sourceTotal, excluded, scope: sourceTotal - excluded, verified, accepted: 0, differs, merged: 0, explained, source_pending: 0, missing, source_unverified: 0,
    target_total: verified + differs + extra, matched: verified + differs, duplicate: 0, generated: 0, target_pending: 0, extra, target_unverified: 0,
    source_rows_examined: sourceTotal, target_rows_examined: verified + differs + extra, reasons: sql.json((more.reasons ?? []) as never), causes: sql.json((more.causes ?? []) as never), basis: 'full', note: more.note ?? null,
    source_snapshot_at: '2026-11-20T08:59:00Z', target_snapshot_at: '2026-11-20T08:59:01Z', duration_ms: 1500, settled_at: '2026-11-20T08:59:30Z', published_at: publishedAt,
  })}`
}

/** Three jobs: an old one, the current one with everything hostile in it, and one that is not published. `invoices` was never validated. */
export async function insertTrackingRows(sql: Sql): Promise<void> {
  await sql`insert into migration_coverage.plan (checksum, content) values ('p', 'version: 1')`
  for (const job of Object.values(jobs)) {
    await sql`insert into migration_coverage.job (job_id, plan_id, status, mode, priority, include_integrity_checks, include_cross_entity, entities, verdict, finished_at)
      select ${job}, plan_id, 'completed', 'full', 'normal', true, true, '{}', 'fail', now() from migration_coverage.plan`
  }
  const none = { sourceTotal: 10, excluded: 0, verified: 10, differs: 0, missing: 0, explained: 0, extra: 0 }
  await insertResult(sql, jobs.old, 'patients', 'pass', '2026-11-19T09:00:00Z', none)
  await insertResult(sql, jobs.current, 'patients', 'fail', '2026-11-20T09:00:00Z', { sourceTotal: 30_000, excluded: 100, verified: 29_898, differs: 1, missing: 1, explained: 0, extra: 0 }, {
    reasons: [{ class: 'excluded', reason: hostile.formula, rows: 100 }], causes: [{ class: 'missing', cause: 'no map entry', rows: 1 }],
  })
  await insertResult(sql, jobs.current, hostile.script, 'warn', '2026-11-20T09:00:00Z', { sourceTotal: 7, excluded: 0, verified: 6, differs: 0, missing: 0, explained: 1, extra: 0 }, {
    reasons: [{ class: 'explained', reason: hostile.control, rows: 1 }], note: hostile.markdown,
  })
  await insertResult(sql, jobs.unpublished, 'patients', 'pass', null, none)

  const check = (entity: string, name: string, verdict: string, message: string, more: object = {}) => sql`insert into migration_coverage.check_result ${sql({
    job_id: jobs.current, entity, name, category: 'accounting', severity: 'critical', verdict, message, rows_examined: 30_000, rows_failed: verdict === 'pass' ? 0 : 1, ...more,
  })}`
  await check('patients', 'every row arrived', 'fail', hostile.markdown)
  await check('patients', 'key unique', 'pass', 'no key stands twice')
  await check(hostile.script, hostile.formula, 'warn', hostile.control, { severity: 'warning', subject: hostile.direction })
  await check('', 'overlap', 'unknown', hostile.quotes, { category: 'cross_entity', rows_examined: null, rows_failed: null })
  await sql`insert into migration_coverage.check_result (job_id, entity, name, category, severity, verdict, message) values (${jobs.old}, 'patients', 'old failure', 'engine', 'info', 'fail', 'gone since')`

  const column = (entity: string, side: string, name: string, coverage: string, reason: string | null, differs: number | null) =>
    sql`insert into migration_coverage.column_result (job_id, entity, side, column_name, coverage, reason, differs) values (${jobs.current}, ${entity}, ${side}, ${name}, ${coverage}, ${reason}, ${differs})`
  await column('patients', 'source', 'id', 'compared', null, 0)
  await column('patients', 'source', 'password', 'ignored', hostile.markdown, null)
  await column('patients', 'target', hostile.formula, 'uncovered', null, null)
  await column('patients', 'target', 'birth|date', 'compared', null, 1)
  await column('patients', 'target', 'office', 'read', null, null)

  const profile = (name: string, side: string, mapped: boolean, rows: number, distinct: number, top: number | null, value: string | null) =>
    sql`insert into migration_coverage.column_profile (job_id, entity, column_name, side, mapped, row_count, non_null, distinct_at_least, top_rows, top_value) values (${jobs.current}, 'patients', ${name}, ${side}, ${mapped}, ${rows}, ${rows}, ${distinct}, ${top}, ${value})`
  await profile('birth|date', 'source', true, 29_900, 64, null, null)
  await profile('birth|date', 'target', true, 29_899, 64, 12, hostile.script)
  await profile(hostile.formula, 'target', false, 29_899, 1, 29_899, null)

  const table = (side: string, name: string, coverage: string, entities: string[], rows: (number | null)[], verdict: string, more: object = {}) => {
    const [total = null, once = null, unclaimed = null] = rows
    return sql`insert into migration_coverage.table_result ${sql({
      job_id: jobs.current, side, schema_name: 'public', table_name: name, coverage, entities, total_rows: total, claimed_once: once, claimed_several: total === null ? null : 0, unclaimed,
      ignored_rows: total === null ? null : 0, verdict, published_at: '2026-11-20T09:00:00Z', ...more,
    })}`
  }
  await table('source', 'patient', 'covered', ['patients'], [30_007, 30_007, 0], 'pass')
  await table('source', hostile.formula, 'uncovered', [], [3, 0, 3], 'fail')
  await table('target', hostile.script, 'covered', [hostile.script], [null, null, null], 'unknown', { error: hostile.control })

  const difference = (name: string, side: string, key: object, columns: object[], cause: string | null) =>
    sql`insert into migration_coverage.difference (job_id, entity, side, class, cause, row_key, columns) values (${jobs.current}, 'patients', ${side}, ${name}, ${cause}, ${sql.json(key as never)}, ${sql.json(columns as never)})`
  await difference('differs', 'both', { id: '7' }, [{ column: 'birth|date', source: null, target: hostile.formula }, { column: 'note', source: '', target: hostile.control }], 'stale')
  await difference('missing', 'source', { id: hostile.script, tag: null }, [], hostile.direction)
  await sql`insert into migration_coverage.difference (job_id, entity, side, class, row_key)
    select ${jobs.old}, 'patients', 'source', 'missing', '{"id": "old"}' from generate_series(1, 20)`

  await sql`insert into migration_coverage.script_run (run_id, script, status, records_processed, records_succeeded, records_failed, started_at, finished_at)
    values (${jobs.old}, 'migrate-patients', 'completed', 3, 2, 1, '2026-11-20T08:00:00Z', '2026-11-20T08:00:30Z')`
}

/** More missing rows than one report lists, in the current job. */
export async function insertManyDifferences(sql: Sql, count: number): Promise<void> {
  await sql`insert into migration_coverage.difference (job_id, entity, side, class, row_key)
    select ${jobs.current}, ${hostile.script}, 'source', 'explained', jsonb_build_object('id', n::text) from generate_series(1, ${count}) n`
}

/** Three jobs of the last days over both clinical entities, 70, 80 and 90 % verified; all others are made ten years older, so that no test depends on today. */
export async function insertHistory(sql: Sql): Promise<{ remove(): Promise<void> }> {
  const shift = (years: number) => sql`update migration_coverage.entity_result set published_at = published_at + ${years} * interval '1 year' where job_id = any(${Object.values(jobs)}::uuid[])`
  await shift(-10)
  const added = [3, 2, 1].map((days) => ({ job: `00000000-0000-4000-8000-00000000010${days}`, days }))
  for (const { job, days } of added) {
    await sql`insert into migration_coverage.job (job_id, plan_id, status, mode, priority, include_integrity_checks, include_cross_entity, entities, verdict, finished_at)
      select ${job}, plan_id, 'completed', 'full', 'normal', true, true, '{}', 'fail', now() from migration_coverage.plan`
    const [{ at } = { at: new Date() }] = await sql<{ at: Date }[]>`select now() - ${days} * interval '1 day' as at`
    const missing = days * 10
    for (const entity of ['patients', hostile.script]) {
      await insertResult(sql, job, entity, 'fail', at.toISOString(), { sourceTotal: 100, excluded: 0, verified: 100 - missing, differs: 0, missing, explained: 0, extra: 0 })
    }
  }
  const ids = added.map(({ job }) => job)
  return {
    async remove() {
      await shift(10)
      await sql`delete from migration_coverage.entity_result where job_id = any(${ids}::uuid[])`
      await sql`delete from migration_coverage.job where job_id = any(${ids}::uuid[])`
    },
  }
}

/** Failed checks in the current job. */
export async function insertManyChecks(sql: Sql, count: number): Promise<() => Promise<void>> {
  await sql`insert into migration_coverage.check_result (job_id, entity, name, category, severity, verdict, message)
    select ${jobs.current}, 'patients', 'many ' || n, 'integrity', 'info', 'fail', 'one of many' from generate_series(1, ${count}) n`
  return async () => { await sql`delete from migration_coverage.check_result where name like 'many %'` }
}

/** Runs of one script, the newest of them still running. */
export async function insertManyRuns(sql: Sql, count: number): Promise<() => Promise<void>> {
  await sql`insert into migration_coverage.script_run (run_id, script, status, message, started_at, finished_at)
    select gen_random_uuid(), 'migrate-patients', case n when ${count} then 'running' else 'completed' end, 'run ' || n, timestamptz '2026-11-21' + n * interval '1 minute',
      case n when ${count} then null else timestamptz '2026-11-21' + n * interval '1 minute 10 seconds' end
    from generate_series(1, ${count}) n`
  return async () => { await sql`delete from migration_coverage.script_run where message like 'run %'` }
}
