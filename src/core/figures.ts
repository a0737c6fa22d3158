import { sumAccountings, uniformAccounting, worstVerdict } from './accounting.js'
import type { Accounting, Count, Verdict } from './accounting.js'

export const priorities = ['critical', 'high', 'normal', 'low'] as const
export type Priority = (typeof priorities)[number]

export const dayMs = 86_400_000
/** Trends and timelines look back this far. */
export const windowMs = 7 * dayMs

/** The part of a plan that figures need; every plan file satisfies it. */
export interface PlanParts {
  domains?: Record<string, { description?: string; priority?: Priority } | null>
  entities?: Record<string, { domain: string; script?: string | string[] }>
  scripts?: Record<string, unknown>
}

export interface PlannedEntity {
  name: string
  domain: string
  priority: Priority
  scripts: string[]
}

export interface PlannedDomain {
  name: string
  description: string | null
  priority: Priority
  entities: PlannedEntity[]
  /** scripts of its entities, each once */
  scripts: string[]
}

export interface Outline {
  domains: PlannedDomain[]
  entities: PlannedEntity[]
  /** scripts of the entities and those only listed under `scripts`, each once */
  scripts: string[]
}

/** Domains, entities and scripts of a plan in the order of the file. A domain that only an entity names follows the declared ones, priority normal. */
export function outlinePlan(plan: PlanParts): Outline {
  const declared = new Map(Object.entries(plan.domains ?? {}))
  const priorityOf = (domain: string): Priority => declared.get(domain)?.priority ?? 'normal'
  const entities = Object.entries(plan.entities ?? {}).map(([name, { domain, script }]): PlannedEntity => {
    const scripts = script === undefined ? [] : [script].flat()
    return { name, domain, priority: priorityOf(domain), scripts: [...new Set(scripts)] }
  })
  const domains = [...new Set([...declared.keys(), ...entities.map(({ domain }) => domain)])].map((name): PlannedDomain => {
    const own = entities.filter(({ domain }) => domain === name)
    return {
      name,
      description: declared.get(name)?.description ?? null,
      priority: priorityOf(name),
      entities: own,
      scripts: [...new Set(own.flatMap(({ scripts }) => scripts))],
    }
  })
  const scripts = [...new Set([...entities.flatMap(({ scripts }) => scripts), ...Object.keys(plan.scripts ?? {})])]
  return { domains, entities, scripts }
}

/** The figures of one entity as one completed job published them. */
export interface Snapshot {
  entity: string
  verdict: Verdict
  accounting: Accounting
  publishedAt: Date
}

export interface RollUp {
  accounting: Accounting
  verdict: Verdict
  entities: number
  /** entities whose scope was counted */
  entitiesCounted: number
}

/**
 * Adds the current figures of entities. An entity without a snapshot was never validated: its figures are unknown, so every
 * sum above it is null and the verdict is at best unknown; `entitiesCounted` says how far the counting got.
 */
export function rollUp(entities: readonly { name: string }[], current: ReadonlyMap<string, Snapshot>): RollUp {
  const snapshots = entities.map(({ name }) => current.get(name))
  return {
    accounting: sumAccountings(snapshots.map((snapshot) => snapshot?.accounting ?? uniformAccounting(null))),
    verdict: worstVerdict(snapshots.map((snapshot) => snapshot?.verdict ?? 'unknown')),
    entities: entities.length,
    entitiesCounted: snapshots.filter((snapshot) => typeof snapshot?.accounting.source.scope === 'number').length,
  }
}

/** Deliveries of one entity as a job published them: the part of a snapshot that trends and timelines need. */
export interface Progress {
  entity: string
  publishedAt: Date
  scope: Count
  arrived: Count
  verified: Count
}

/** Deliveries of a group of entities at one instant. */
export interface GroupPoint {
  at: Date
  scope: number
  arrived: number
  verified: number
}

/**
 * How a group of entities stood at each instant at which one of them was published: each entity counts with its newest
 * snapshot up to then. An instant at which one of them was not yet counted has no sum and gives no point.
 * @param progress in any order; that of other entities is skipped
 * @returns points in order of time; linear in the number of snapshots after the sort
 */
export function rollUpOverTime(entities: readonly { name: string }[], progress: readonly Progress[]): GroupPoint[] {
  const names = new Set(entities.map(({ name }) => name))
  const ordered = progress.filter(({ entity }) => names.has(entity)).sort((a, b) => a.publishedAt.getTime() - b.publishedAt.getTime())
  const counted = new Map<string, Omit<GroupPoint, 'at'>>()
  const sum = { scope: 0, arrived: 0, verified: 0 }
  const add = (figures: Omit<GroupPoint, 'at'>, sign: 1 | -1) => {
    sum.scope += sign * figures.scope
    sum.arrived += sign * figures.arrived
    sum.verified += sign * figures.verified
    if (!Number.isSafeInteger(sum.scope)) throw new RangeError('a sum of deliveries exceeds 2^53 - 1 and cannot be given exactly')
  }
  const points: GroupPoint[] = []
  for (const [index, { entity, publishedAt, scope, arrived, verified }] of ordered.entries()) {
    const before = counted.get(entity)
    if (before !== undefined) add(before, -1)
    counted.delete(entity)
    if (scope !== null && arrived !== null && verified !== null) {
      counted.set(entity, { scope, arrived, verified })
      add({ scope, arrived, verified }, 1)
    }
    const last = ordered[index + 1]?.publishedAt.getTime() !== publishedAt.getTime()
    if (last && counted.size === names.size) points.push({ at: publishedAt, ...sum })
  }
  return points
}

/** The progress of each entity, in the order given. */
export function progressByEntity(progress: readonly Progress[]): Map<string, Progress[]> {
  const groups = new Map<string, Progress[]>()
  for (const one of progress) {
    const group = groups.get(one.entity)
    if (group === undefined) groups.set(one.entity, [one])
    else group.push(one)
  }
  return groups
}

/** What is known of the runs of one script. */
export interface ScriptFigures {
  script: string
  updatedAt: Date
  /** when its newest finished run ended, whatever became of it */
  lastFinishedAt: Date | null
  lastCompletedAt: Date | null
  /** over its completed runs */
  recordsProcessed: number | null
  seconds: number | null
}

/** Records that completed runs of these scripts processed per second of their duration, floored to two decimals; null without a run that took time. */
export function throughputPerSecond(runs: readonly ScriptFigures[]): number | null {
  const completed = runs.filter(({ recordsProcessed, seconds }) => recordsProcessed !== null && seconds !== null)
  const seconds = completed.reduce((sum, run) => sum + (run.seconds ?? 0), 0)
  if (seconds <= 0) return null
  return Math.floor((completed.reduce((sum, run) => sum + (run.recordsProcessed ?? 0), 0) / seconds) * 100) / 100
}

/** The newest of several times; null when there is none. */
export function newest(times: readonly (Date | null | undefined)[]): Date | null {
  return times.reduce<Date | null>((latest, time) => (time && (latest === null || time > latest) ? time : latest), null)
}

/**
 * Why the figures of entities may no longer tell how things stand: one was never validated, its newest snapshot is older than
 * 24 hours, or a run of one of its scripts ended after the snapshot was taken.
 * @returns a sentence naming the first such entity and how many there are, or null when the figures are fresh
 */
export function staleReason(
  entities: readonly PlannedEntity[],
  readAt: ReadonlyMap<string, Date>,
  runs: ReadonlyMap<string, ScriptFigures>,
  now: Date,
): string | null {
  const reasons = entities.flatMap((entity) => {
    const read = readAt.get(entity.name)
    if (read === undefined) return [`${entity.name} was never validated`]
    if (now.getTime() - read.getTime() > dayMs) return [`the newest figures of ${entity.name} are older than 24 hours`]
    const later = entity.scripts.find((script) => (runs.get(script)?.lastFinishedAt ?? read) > read)
    return later === undefined ? [] : [`script ${later} finished a run after ${entity.name} was last validated`]
  })
  const [first, ...others] = reasons
  if (first === undefined) return null
  return others.length === 0 ? first : `${first}; ${reasons.length} of ${entities.length} entities are stale`
}

/** `no entity "x" in the plan; it has: a, b` with at most 20 names, for the answer to a name that the plan does not know. */
export function notInPlan(kind: 'domain' | 'entity', name: string, known: readonly string[]): string {
  const shown = known.slice(0, 20).join(', ')
  const more = known.length > 20 ? ` and ${known.length - 20} more` : ''
  return `no ${kind} "${name}" in the plan; it has: ${shown === '' ? 'none' : shown}${more}`
}
