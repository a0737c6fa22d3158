import type { Sql } from 'postgres'
import { dayMs } from '../core/figures.js'
import { listProfiles, listProgress } from '../coverage/queries.js'
import type { Db } from '../db/clients.js'
import type { LoadedPlan } from '../plan/load.js'
import { listScripts } from '../scripts/queries.js'
import type { ReadInventory } from '../scripts/queries.js'
import { differenceLimits, runsPerScript, sectionsOf } from './contents.js'
import { assembleReport, reportedEntities } from './model.js'
import type { ReportOptions } from './model.js'
import {
  countDifferences, countRuns, listDifferences, listNewestRuns, readColumnResults, readEntityChecks, readEntityResults, readNow, readTableResults, readWholeChecks,
} from './queries.js'
import type { Report } from './schemas.js'
import type { ReportScript } from './section-schemas.js'
import { historyDays } from './trend.js'

export type ReportPlan = Pick<LoadedPlan, 'plan' | 'checksum'>

/** Reads what a report needs and assembles it. One read-only snapshot, so that a job that is published meanwhile is in it wholly or not at all. */
export async function readReport(sql: Sql, { plan, checksum }: ReportPlan, readInventory: ReadInventory, options: ReportOptions): Promise<Report> {
  const entities = reportedEntities(plan, options.domain).map(({ name }) => name)
  const { perClass, total } = differenceLimits(options.type, options.includeDetails)
  const wants = sectionsOf(options.type, options.includeDetails)
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    const generatedAt = await readNow(tx)
    const results = await readEntityResults(tx, entities)
    const scripts = wants.includes('scripts') ? await readScripts(tx, plan, readInventory, options.domain) : []
    const scriptNames = scripts.map(({ name }) => name)
    return assembleReport(
      {
        generatedAt,
        planChecksum: checksum,
        plan,
        results,
        entityChecks: await readEntityChecks(tx, results),
        wholeChecks: await readWholeChecks(tx, results),
        columns: await readColumnResults(tx, results),
        profiles: wants.includes('columns') ? await listProfiles(tx, results) : [],
        tables: await readTableResults(tx),
        recorded: wants.includes('differences') ? await countDifferences(tx, results) : [],
        differences: perClass === 0 ? [] : await listDifferences(tx, results, perClass, total),
        scripts,
        runs: await listNewestRuns(tx, scriptNames, runsPerScript),
        runsTotal: await countRuns(tx, scriptNames),
        history: wants.includes('trend') ? await listProgress(tx, entities, new Date(generatedAt.getTime() - historyDays * dayMs)) : [],
      },
      options,
    )
  })
}

async function readScripts(sql: Db, plan: LoadedPlan['plan'], readInventory: ReadInventory, domain: string | null): Promise<ReportScript[]> {
  const states = await listScripts(sql, plan, readInventory)
  return states.filter(({ domains }) => domain === null || domains.includes(domain)).map((script) => ({
    name: script.name,
    domains: script.domains,
    status: script.status,
    drift: script.drift,
    recordsProcessed: script.recordsProcessed,
    recordsFailed: script.recordsFailed,
    successRate: script.successRate,
    lastStartedAt: script.lastRun?.startedAt ?? null,
    lastFinishedAt: script.lastRun?.finishedAt ?? null,
  }))
}
