/**
 * A worker in a process of its own, to be killed: `node --import tsx test/helpers/worker-process.ts`.
 * Takes from the environment WORKER_DATABASE (DatabaseOptions as JSON), WORKER_NAME, and WORKER_TASK_MS, how long each of its
 * handlers sleeps. Says `taken <taskId>` on its standard output, and writes 16 bytes of 1 as the sums of its task.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { openTarget, type DatabaseOptions } from '../../src/db/clients.js'
import { startTaskLoop, type TaskHandler } from '../../src/jobs/loop.js'
import { openQueue } from '../../src/jobs/queue.js'
import { saveSegments } from '../../src/validation/outcomes.js'

const target = openTarget(JSON.parse(process.env['WORKER_DATABASE'] ?? '{}') as DatabaseOptions)
const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' }, pino.destination(2))
const worker = process.env['WORKER_NAME'] ?? 'child'
const queue = await openQueue(target, { log, migrate: false })

const handler: TaskHandler = async (task, signal) => {
  process.stdout.write(`taken ${task.taskId}\n`)
  await sleep(Number(process.env['WORKER_TASK_MS'] ?? 0), undefined, { signal })
  return { write: (tx) => saveSegments(tx, task.taskId, { packed: Buffer.alloc(16, 1), audit: null, keys: null, weighted: null, touched: null, newer: null }), outcome: { by: worker } }
}
const handlers = { prepare: handler, scan: handler, settle: handler, integrity: handler, account: handler, finish: handler }
const loop = startTaskLoop({ queue, target, worker, concurrency: 1, handlers, sourceWaitLimitMs: 60_000, log, graceMs: 1_000 })

process.once('SIGTERM', () => {
  void (async () => {
    await loop.stop()
    await queue.stop()
    await target.end({ timeout: 5 })
    process.exit(0)
  })()
})
