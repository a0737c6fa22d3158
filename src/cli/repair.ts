import { loadConfig } from '../config.js'
import { openTarget } from '../db/clients.js'
import { readNewestJobId } from '../validation/queries.js'
import { renderRepairCsv, renderRepairSql } from '../validation/render-repair.js'
import { plainRepair, readRepair, sqlSide, type RepairFilter } from '../validation/repair.js'

export interface RepairOptions extends RepairFilter {
  format: 'json' | 'csv' | 'sql'
  limit: string
}

/**
 * Prints the keys of the rows to repair, as `GET /validation/results/{id}/repair` answers them; what the list cannot hold goes to standard error as well.
 * @param job the newest completed one unless given
 * @throws Error without a configured target, without such a job, or naming a filter that names nothing in it
 */
export async function repairCommand(job: string | undefined, { format, limit, ...filter }: RepairOptions): Promise<void> {
  const { target: options } = loadConfig()
  if (options === null) throw new Error('no target database is configured: set TARGET_DB_HOST and the other TARGET_DB_ variables')
  if (!/^[1-9]\d{0,8}$/.test(limit)) throw new Error(`--limit must be a whole number above 0, and is "${limit}"`)
  if (job !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(job)) throw new Error(`"${job}" is no id of a job`)
  const target = openTarget({ ...options, maxConnections: 1 })
  try {
    const jobId = job ?? (await readNewestJobId(target))
    if (jobId === undefined) throw new Error('no validation job is completed yet')
    const list = await readRepair(target, jobId, format === 'sql' ? { ...filter, side: sqlSide(filter) } : filter, Number(limit))
    if (list === undefined) throw new Error(`there is no validation job ${jobId}`)
    if ('faults' in list) throw new Error(list.faults.map(({ message }) => message).join('\n'))
    process.stdout.write(format === 'csv' ? renderRepairCsv(list) : format === 'sql' ? renderRepairSql(list, sqlSide(filter)) : `${JSON.stringify(plainRepair(list), null, 2)}\n`)
    if (!list.complete) console.error(['the list is not complete:', ...list.remarks].join('\n  '))
  } finally {
    await target.end({ timeout: 5 })
  }
}
