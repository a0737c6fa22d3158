import type { Db } from '../db/clients.js'
import { blockedEntities, type PlanFault } from './fault.js'
import type { LoadedPlan } from './load.js'
import { findPlan, readPlanFaults } from './queries.js'

/** The plan with its last check; before the first one the faults are those that the file alone shows. */
export async function readPlanReport(sql: Db, loaded: LoadedPlan) {
  const stored = await findPlan(sql, loaded.checksum)
  const checkedAt = stored?.checkedAt ?? null
  const faults = stored === undefined || checkedAt === null ? loaded.faults : await readPlanFaults(sql, stored.planId)
  return {
    checksum: loaded.checksum, plan: loaded.plan, content: loaded.content, checkedAt, faults, counts: countFaults(faults), blockedEntities: blockedEntities(faults),
  }
}

/** Faults by severity. */
export function countFaults(faults: readonly PlanFault[]): Record<PlanFault['severity'], number> {
  const of = (severity: PlanFault['severity']) => faults.filter((fault) => fault.severity === severity).length
  return { critical: of('critical'), warning: of('warning'), info: of('info') }
}
