import { addCounts } from './accounting.js'
import type { Count } from './accounting.js'
import type { PlannedEntity, Priority, Snapshot } from './figures.js'

/**
 * How much a row of a domain weighs. A row of a critical domain counts like eight of a low one; each step of priority doubles,
 * so that one class never drowns the next.
 */
export const priorityWeights: Record<Priority, number> = { critical: 4, high: 2, normal: 1, low: 0.5 }

export const riskLevels = ['low', 'medium', 'high', 'unknown'] as const
export type RiskLevel = (typeof riskLevels)[number]

export interface Risk {
  level: RiskLevel
  /** 0–1, rounded up to four decimals: 0 only when no row is at risk; null when a figure is unknown or nothing is in scope */
  score: number | null
  reasons: string[]
}

const classes = ['missing', 'differs', 'unverified', 'pending'] as const

/**
 * Share of the scope that is missing, differs, unverified or pending, each row weighted by the priority of its domain:
 * score = Σ weight × rows at risk / Σ weight × scope. Below 0.01 low, below 0.05 medium, else high; the level is that of the
 * score as shown. Its reasons are the three entities that contribute most (weight × rows at risk), after the entities without figures.
 */
export function assessRisk(entities: readonly PlannedEntity[], current: ReadonlyMap<string, Snapshot>): Risk {
  const figures = entities.map((entity) => {
    const source = current.get(entity.name)?.accounting.source
    const counts = classes.map((name): [string, Count] => [name, source?.[name] ?? null])
    const atRisk = addCounts(...counts.map(([, rows]) => rows))
    // twice the weight is an integer, so the sums stay exact
    return { entity, counts, atRisk, scope: source?.scope ?? null, weight: BigInt(priorityWeights[entity.priority] * 2) }
  })
  const counted = figures.flatMap(({ scope, atRisk, weight, ...rest }) =>
    scope === null || atRisk === null ? [] : [{ ...rest, scope, atRisk, weight, weighted: weight * BigInt(atRisk) }],
  )
  const contributors = counted
    .filter(({ atRisk }) => atRisk > 0)
    .sort((a, b) => (a.weighted === b.weighted ? (a.entity.name < b.entity.name ? -1 : 1) : a.weighted > b.weighted ? -1 : 1))
    .slice(0, 3)
    .map(({ entity, counts, scope }) => {
      const rows = counts.filter(([, count]) => count !== 0).map(([name, count]) => `${count} ${name}`)
      return `${entity.name} (${entity.domain}, ${entity.priority}): ${rows.join(', ')} of ${scope} rows`
    })
  const uncounted = figures.length - counted.length
  const reasons = uncounted === 0 ? contributors : [`${uncounted} of ${figures.length} entities have no complete figures`, ...contributors]
  const whole = counted.reduce((sum, { weight, scope }) => sum + weight * BigInt(scope), 0n)
  if (uncounted > 0 || whole === 0n) return { level: 'unknown', score: null, reasons }
  const part = counted.reduce((sum, { weighted }) => sum + weighted, 0n)
  const score = Number((part * 10_000n + whole - 1n) / whole) / 10_000
  return { level: score < 0.01 ? 'low' : score < 0.05 ? 'medium' : 'high', score, reasons }
}
