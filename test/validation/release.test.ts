import { expect, test } from 'vitest'
import { createPair } from '../helpers/compare.js'

/** Workers that are replaced while a job runs, by a release that hashes rows in another way. */

const plan = 'version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, columns: { v: v } }\n'
const tables = 'create table t (id int primary key, v int); insert into t select i, i from generate_series(1, 100) i; analyze t'
const options = { statisticsDelayMs: 100 }
/** Whoever takes over finds that the one who prepared the job read the rows differently. */
const replaceWorker = `create function replace_worker() returns trigger language plpgsql as $$ begin new.outcome := jsonb_set(new.outcome::jsonb, '{readings,t}', '"another"'); return new; end $$;
  create trigger replace_worker before update on migration_coverage.task for each row when (new.kind = 'prepare' and new.status = 'done') execute function replace_worker()`

test.each([{ while: 'rows are read', mode: 'full' as const }, { while: 'what was read before is settled', mode: 'changed' as const }])('while $while: nothing is judged, and the note tells what to do', async ({ mode }) => {
  const pair = await createPair({ source: `${tables}; select pg_stat_force_next_flush()`, target: `${tables}; delete from t where id = 7; select pg_stat_force_next_flush()` })
  try {
    expect((await pair.compare(plan, options)).entities['t']!.accounting.source).toMatchObject({ verified: 99, missing: 1 })
    await pair.target.sql.unsafe(replaceWorker).simple()
    const { job, entities } = await pair.compare(plan, options, { mode })
    expect(job).toMatchObject({ status: 'completed', verdict: 'unknown' })
    expect(entities['t']).toMatchObject({ verdict: 'unknown', note: expect.stringMatching(/replaced while the job ran.*run the job again/) as string, accounting: { source: { total: 100, verified: 0, unverified: 100 } } })
  } finally {
    await pair.close()
  }
})
