import type { Catalog, Side } from '../core/catalog.js'
import { describeExpressions, readCatalog, type Description } from '../db/catalog.js'
import type { Db } from '../db/clients.js'
import { checkPlan, expressionsToDescribe, literalsToDescribe, type DescribeRequest, type PlanCheck } from './check.js'
import { byPlace, placeFault } from './fault.js'
import type { LoadedPlan } from './load.js'
import { describeQueries } from './queries-of-plan.js'
import { checkRules, type RuleSpec } from './rules.js'

/**
 * Checks a plan against both databases: reads the catalogues, has each server parse and plan the SQL that is meant for it, then judges.
 * Nothing of the plan is run. @throws the error of a database that cannot be read, never a fault of the plan
 */
export async function checkPlanAgainst(loaded: LoadedPlan, source: Db, target: Db): Promise<PlanCheck & { rules: RuleSpec[]; source: Catalog; target: Catalog }> {
  const read = await Promise.all([readCatalog(source, 'source'), readCatalog(target, 'target')])
  const [ofSource, ofTarget] = await Promise.all([describeQueries(loaded.plan, read[0], source), describeQueries(loaded.plan, read[1], target)])
  const [sourceCatalog, targetCatalog] = [ofSource.catalog, ofTarget.catalog]
  const clients = { source, target }
  const types = await describeAll(clients, expressionsToDescribe(loaded, sourceCatalog, targetCatalog))
  const literals = await describeAll(clients, literalsToDescribe(loaded, sourceCatalog, targetCatalog, types))
  const check = checkPlan(loaded, sourceCatalog, targetCatalog, new Map([...types, ...literals, ...ofSource.refusals, ...ofTarget.refusals]))
  const { rules, faults } = await checkRules(loaded, clients)
  const allFaults = [...check.faults, ...faults.map((fault) => placeFault(fault, loaded.lineOf))].sort(byPlace)
  return { ...check, faults: allFaults, rules, source: sourceCatalog, target: targetCatalog }
}

async function describeAll(clients: Record<Side, Db>, requests: DescribeRequest[]): Promise<Map<string, Description>> {
  const groups = new Map<string, DescribeRequest[]>()
  for (const request of requests) {
    const key = JSON.stringify([request.side, request.relation, request.alias, request.join])
    groups.set(key, [...(groups.get(key) ?? []), request])
  }
  const answers = await Promise.all([...groups.values()].map(async (group) => {
    const [first] = group
    if (first === undefined) return []
    const described = await describeExpressions(clients[first.side], first.relation, `${first.alias} ${first.join}`, group.map(({ sql }) => sql))
    return group.flatMap(({ id }, index): [string, Description][] => (described[index] === undefined ? [] : [[id, described[index]]]))
  }))
  return new Map(answers.flat())
}
