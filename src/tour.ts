import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'
import { sourceClasses, targetClasses, type Count } from './core/accounting.js'
import { readSummary } from './coverage/summary.js'
import type { Queue } from './jobs/queue.js'
import type { LoadedPlan } from './plan/load.js'
import { openInventory } from './scripts/inventory.js'
import { createJob } from './validation/create-job.js'
import { readJob } from './validation/queries.js'

const pollMs = 200

/**
 * Validates the demonstration once, as `POST /validation/run` would, and says what was found and where to look.
 * @returns the text to print
 * @throws Error when the job does not complete
 */
export async function validateDemo(target: Sql, queue: Queue, plan: LoadedPlan, url: string): Promise<string> {
  const startedAt = performance.now()
  const { jobId } = await createJob(target, queue, {
    plan, entities: Object.keys(plan.plan.entities), mode: 'full', priority: 'normal', includeIntegrityChecks: true, includeCrossEntity: true,
  })
  const job = await jobEnd(target, jobId)
  if (job.status !== 'completed') throw new Error(`the first validation ${job.status}: ${job.reason ?? 'no reason was given'}`)
  const summary = await readSummary(target, plan.plan, openInventory(null), new Date())
  const { source, target: arrived } = summary.accounting
  const rows = (count: Count) => (count === null ? 'not counted' : count.toLocaleString('en'))
  // every class that has a row, so that they add up
  const classes = <K extends string>(names: readonly K[], figures: Record<K, Count>) => names.filter((name) => figures[name] !== 0).map((name) => `${rows(figures[name])} ${name}`).join(', ')
  return `
The demonstration was validated in ${((performance.now() - startedAt) / 1000).toFixed(1)} s; its defects were planted on purpose.

  coverage      ${summary.overallSuccessRate ?? 'unknown'} % of ${rows(source.scope)} source rows in scope are verified, verdict ${job.verdict}
  source rows   ${classes([...sourceClasses, 'excluded'], source)}
  target rows   ${classes(targetClasses, arrived)}

  documentation ${url}/docs
  summary       ${url}/coverage/summary
  what is wrong ${url}/validation/results/${jobId}/differences
  report        ${url}/reports/generate?format=html
`
}

async function jobEnd(target: Sql, jobId: string) {
  for (;;) {
    const job = await readJob(target, jobId)
    if (job === null || job === undefined) throw new Error(`job ${jobId} has gone`)
    if (job.status !== 'queued' && job.status !== 'running') return job
    await sleep(pollMs)
  }
}
