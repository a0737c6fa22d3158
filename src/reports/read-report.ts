import type { Sql } from 'postgres'
import type { LoadedPlan } from '../plan/load.js'
import { listScripts } from '../scripts/queries.js'
import { differenceLimits, sectionsOf } from './contents.js'
import { assembleReport, reportedEntities } from './model.js'
import type { ReportOptions } from './model.js'
import { countDifferences, listDifferences, readColumnResults, readEntityChecks, readEntityResults, readNow, readTableResults, readWholeChecks } from './queries.js'
import type { Report } from './schemas.js'

export type ReportPlan = Pick<LoadedPlan, 'plan' | 'checksum'>

/** Reads what a report needs and assembles it. One read-only snapshot, so that a job that is published meanwhile is in it wholly or not at all. */
export async function readReport(sql: Sql, { plan, checksum }: ReportPlan, options: ReportOptions): Promise<Report> {
  const entities = reportedEntities(plan, options.domain).map(({ name }) => name)
  const { perClass, total } = differenceLimits(options.type, options.includeDetails)
  const wants = sectionsOf[options.type]
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    const generatedAt = await readNow(tx)
    const results = await readEntityResults(tx, entities)
    return assembleReport(
      {
        generatedAt,
        planChecksum: checksum,
        plan,
        results,
        entityChecks: await readEntityChecks(tx, results),
        wholeChecks: await readWholeChecks(tx, results),
        columns: await readColumnResults(tx, results),
        tables: await readTableResults(tx),
        recorded: wants.includes('differences') ? await countDifferences(tx, results) : [],
        differences: perClass === 0 ? [] : await listDifferences(tx, results, perClass, total),
        scripts: wants.includes('scripts') ? (await listScripts(tx, plan)).map((script) => ({
          name: script.name,
          domains: script.domains,
          status: script.status,
          drift: script.drift,
          recordsProcessed: script.recordsProcessed,
          recordsFailed: script.recordsFailed,
          successRate: script.successRate,
          lastStartedAt: script.lastRun?.startedAt ?? null,
          lastFinishedAt: script.lastRun?.finishedAt ?? null,
        })) : [],
      },
      options,
    )
  })
}
