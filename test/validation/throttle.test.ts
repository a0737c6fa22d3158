import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPair, type Pair } from '../helpers/compare.js'
import { openAdmin } from '../helpers/postgres.js'

/** A source that has enough to do without us. */
const plan = 'version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v] }\n'
const noLimits = { activeSessions: 0, waitingLocks: 0, replicaLagSeconds: 0 }
let pair: Pair

beforeAll(async () => {
  const create = 'create table t (id int primary key, v int); insert into t select i, i from generate_series(1, 20) i'
  pair = await createPair({ source: create, target: create })
})
afterAll(() => pair.close())

const pausedReason = async () => (await pair.tracking<{ reason: string | null }[]>`select paused_reason as reason from migration_coverage.job order by created_at desc limit 1`)[0]?.reason ?? null

async function reasonOnce(wanted: RegExp): Promise<string> {
  for (let tries = 0; tries < 400; tries += 1) {
    const reason = await pausedReason()
    if (reason !== null && wanted.test(reason)) return reason
    await sleep(50)
  }
  throw new Error(`no job waits for ${String(wanted)}`)
}

test.each<[string, object, (sql: ReturnType<typeof openAdmin>, over: Promise<void>) => Promise<unknown>, RegExp]>([
  ['locks that others wait for', { waitingLocks: 1 }, async (sql, over) => {
    const held = sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(4711)`
      await over
    })
    await sleep(200)
    return Promise.all([held, ...[1, 2, 3].map(() => sql.begin((tx) => tx`select pg_advisory_xact_lock(4711)`))])
  }, /^source database is busy: [2-9] locks are waited for \(limit 1\)$/],
  ['statements of others', { activeSessions: 2 }, async (sql, over) => {
    const asleep = [1, 2, 3].map(() => sql`select pg_sleep(60)`)
    const ended = Promise.allSettled(asleep)
    await over
    for (const one of asleep) one.cancel()
    return ended
  }, /^source database is busy: \d+ other sessions are active \(limit 2\)$/],
])('a job waits, and says so, while there are %s; then it goes on to the same figures', { timeout: 60_000 }, async (_, limits, occupy, reason) => {
  const admin = openAdmin({ ...pair.source.options, maxConnections: 6 })
  let release = () => {}
  const over = new Promise<void>((resolve) => { release = resolve })
  const busy = occupy(admin, over)
  await sleep(500)
  const running = pair.compare(plan, { sourceLimits: { ...noLimits, ...limits } })
  try {
    expect(await reasonOnce(reason)).toMatch(reason)
  } finally {
    release()
  }
  await busy
  await admin.end()
  const run = await running
  expect(run.job).toMatchObject({ status: 'completed', verdict: 'pass' })
  expect(run.entities['t']!.accounting.source).toMatchObject({ total: 20, verified: 20 })
  expect(await pausedReason()).toBeNull()
})

test('without limits nobody is asked', async () => {
  const admin = openAdmin({ ...pair.source.options, maxConnections: 3 })
  const asleep = [1, 2, 3].map(() => admin`select pg_sleep(60)`)
  const ended = Promise.allSettled(asleep)
  const run = await pair.compare(plan)
  expect(run.job).toMatchObject({ status: 'completed', verdict: 'pass' })
  for (const one of asleep) one.cancel()
  await ended
  await admin.end()
})
