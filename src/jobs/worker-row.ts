import type { Db } from '../db/clients.js'

/** Says that a worker process is alive, and forgets those that were not heard of for an hour. */
export async function reportWorker(sql: Db, worker: string): Promise<void> {
  await sql`
    with gone as (
      delete from migration_coverage.worker where seen_at < now() - interval '1 hour' and worker <> ${worker})
    insert into migration_coverage.worker (worker) values (${worker})
    on conflict (worker) do update set seen_at = now()`
}

/** Says that a worker process has stopped in good order. */
export async function removeWorker(sql: Db, worker: string): Promise<void> {
  await sql`delete from migration_coverage.worker where worker = ${worker}`
}
