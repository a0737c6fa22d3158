import { worstVerdict } from '../core/accounting.js'
import type { Commit } from '../jobs/loop.js'
import type { TakenTask } from '../jobs/task.js'
import { completeJob, readVerdicts } from './outcomes.js'

/** Rolls the job up and publishes its results, all in one transaction. */
export function finish(task: TakenTask): Promise<Commit> {
  return Promise.resolve(async (tx) => {
    const verdict = worstVerdict(await readVerdicts(tx, task.jobId))
    await completeJob(tx, task.jobId, verdict)
    return { verdict }
  })
}
