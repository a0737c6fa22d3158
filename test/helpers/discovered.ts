import type { DatabaseOptions } from '../../src/db/clients.js'
import { openSource, openTargetReader } from '../../src/db/clients.js'
import { discover } from '../../src/plan/discover/discover.js'
import { readLimits, type ReadLimits } from '../../src/plan/discover/read.js'
import { writePlan } from '../../src/plan/discover/write.js'
import { parsePlan } from '../../src/plan/load.js'
import type { PlanFault } from '../../src/plan/fault.js'
import { checkPlanAgainst } from '../../src/plan/preflight.js'
import type { Plan } from '../../src/plan/schema.js'

export interface Discovered {
  text: string
  plan: Plan
  /** of the load and of the check against both databases, critical ones included */
  faults: PlanFault[]
  statements: { source: number; target: number }
}

/** What `plan discover` writes of two databases, loaded and checked as `plan check` does. @throws PlanError when it does not load */
export async function discoverBetween(source: DatabaseOptions, target: DatabaseOptions, limits: Partial<ReadLimits> = {}): Promise<Discovered> {
  const clients = [openSource({ ...source, maxConnections: 2 }), openTargetReader({ ...target, maxConnections: 2 })] as const
  try {
    const found = await discover(...clients, { ...readLimits, ...limits })
    const text = writePlan(found)
    const loaded = parsePlan(text)
    const { faults } = await checkPlanAgainst(loaded, ...clients)
    return { text, plan: loaded.plan, faults, statements: { source: found.source.asked(), target: found.target.asked() } }
  } finally {
    await Promise.all(clients.map((client) => client.end({ timeout: 5 })))
  }
}

type Entity = Plan['entities'][string]

/** Source table (the one that a query covers) → target table. */
export const tablePair = ({ source, target }: Entity): string => `${String(source.table ?? source.covers)} → ${String(target.table)}`

/**
 * What a plan says of keys and columns, one line each, so that two plans can be compared: `patient → patients: full_name = first_name, last_name`. An expression is told by the source
 * columns that stand in it. A key that the target table keeps itself is the same, whether it is named or reached through its key map.
 */
export function mappingsOf(plan: Plan, entity: Entity): { keys: string[]; columns: string[] } {
  const pair = tablePair(entity)
  const read = (name: string, term: string | { from?: string; sql?: string; references?: unknown }): string => {
    const { from, sql, references } = typeof term === 'string' ? { from: term, sql: undefined, references: undefined } : term
    const sources = from ?? [...new Set([...(sql ?? '').matchAll(/src\."?(\w+)"?/g)].map((found) => found[1]))].sort().join(', ')
    const map = typeof references === 'string' ? plan.keyMaps?.[references] : undefined
    if (map?.table !== undefined && map.table === entity.target.table && map.modern === name) return `${map.legacy} = ${sources}`
    return `${name} = ${sources}${map === undefined ? '' : ` through ${map.table === undefined ? `${String(map.source?.natural)}` : `${String(map.table)}.${map.legacy} ${(map.where ?? '').replace(/(^| and )tgt\.\w+ is not null/, '')}`}`}`
  }
  const key = entity.key === 'all' ? {} : entity.key
  const same = Array.isArray(entity.same) ? entity.same.map((name) => [name, name] as const) : []
  const lines = (terms: Iterable<readonly [string, Parameters<typeof read>[1]]>) => [...terms].map(([name, term]) => `${pair}: ${read(name, term)}`).sort()
  return { keys: lines(Object.entries(key)), columns: lines([...Object.entries(entity.columns ?? {}), ...same]) }
}
