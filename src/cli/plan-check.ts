import { loadConfig } from '../config.js'
import { openSource, openTargetReader } from '../db/clients.js'
import { blockedEntities } from '../plan/fault.js'
import type { PlanFault } from '../plan/fault.js'
import { loadPlanFile, PlanError } from '../plan/load.js'
import { checkPlanAgainst } from '../plan/preflight.js'
import { countFaults } from '../plan/report.js'

/**
 * Prints everything that is wrong with the plan or with the two schemas, before a run. Nothing is written and nothing compared.
 * @param path of the plan file; MIGRATION_PLAN unless given
 * @throws Error without databases, or the error of one that cannot be read. The exit code is 1 when a fault is critical.
 */
export async function planCheckCommand(path: string | undefined): Promise<void> {
  const { source: sourceOptions, target: targetOptions, planPath } = loadConfig(undefined, { needsPlan: false })
  if (sourceOptions === null || targetOptions === null) throw new Error('no databases are configured: set SOURCE_DATABASE_URL and TARGET_DATABASE_URL, or the SOURCE_DB_ and TARGET_DB_ variables')
  const file = path ?? planPath
  if (file === null) throw new Error('no plan is named: give its path, or set MIGRATION_PLAN')
  const [source, target] = [openSource({ ...sourceOptions, maxConnections: 2 }), openTargetReader({ ...targetOptions, maxConnections: 2 })]
  try {
    const { faults, specs } = await checkPlanAgainst(await loadPlanFile(file), source, target)
    report(file, faults, `${specs.size} ${specs.size === 1 ? 'entity' : 'entities'} can be compared`)
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    report(file, error.faults, 'the plan cannot be loaded')
  } finally {
    await Promise.all([source.end({ timeout: 5 }), target.end({ timeout: 5 })])
  }
}

function report(file: string, faults: readonly PlanFault[], outcome: string): void {
  for (const { severity, code, line, column, path, message, suggestion } of faults) {
    const place = line === null ? file : `${file}:${line}${column === null ? '' : `:${column}`}`
    console.log(`${place} ${severity} ${code} ${path}\n  ${message}${suggestion === null ? '' : `\n  ${suggestion}`}`)
  }
  const { critical, warning, info } = countFaults(faults)
  const blocked = blockedEntities(faults)
  console.log(`critical: ${critical}, warnings: ${warning}, notes: ${info}; ${outcome}${blocked.length === 0 ? '' : `; not: ${blocked.join(', ')}`}`)
  if (critical > 0) process.exitCode = 1
}
