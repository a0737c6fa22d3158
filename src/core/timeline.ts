import { arrivedRows } from './accounting.js'
import type { Accounting, Count } from './accounting.js'
import { dayMs, progressByEntity, rollUpOverTime } from './figures.js'
import type { GroupPoint, Progress } from './figures.js'
import { fitLine, inWindow } from './trend.js'

export interface Timeline {
  /** from now, rounded up to two decimals */
  estimatedCompletionDays: number | null
  estimatedCompletionAt: Date | null
  /** 80 % interval of the days, rounded outwards; latest is null when the slope may as well be 0 */
  interval: { earliestDays: number; latestDays: number | null } | null
  /** share of the entities that have a slope, 0–1; null without entities */
  confidence: number | null
  /** what the figures rest on, or why there are none */
  basis: string
}

const lastRfc3339 = Date.UTC(9999, 11, 31)

/**
 * When arrived rows reach the scope if they go on arriving as in the last 7 days: (scope − arrived) / slope days from now, the
 * slope by least squares over the snapshots of the window. The 80 % interval is that of the slope by Student's t, slope ±
 * t(0.90, n − 2) × its standard error, put through the same division; it needs three snapshots. Completion days and time are
 * null when a figure is unknown, below two snapshots, and when arrived rows do not rise.
 * @param remaining scope − arrived by the current figures
 * @param group how all entities together stood over time
 * @param slopes how many of how many entities have a slope of their own
 */
export function estimateTimeline(remaining: Count, group: readonly GroupPoint[], slopes: { entities: number; withSlope: number }, now: Date): Timeline {
  const confidence = slopes.entities === 0 ? null : Math.floor((slopes.withSlope / slopes.entities) * 10_000) / 10_000
  const none = (basis: string): Timeline => ({ estimatedCompletionDays: null, estimatedCompletionAt: null, interval: null, confidence, basis })
  if (remaining === null) return none('not every entity was counted')
  if (slopes.entities === 0) return none('the plan has no entity')
  if (remaining === 0) return { estimatedCompletionDays: 0, estimatedCompletionAt: now, interval: null, confidence, basis: 'every row in scope has arrived' }
  const points = inWindow(group, now)
  const line = fitLine(points.map(({ at, arrived }) => ({ at, value: arrived })))
  if (line === null) return none(`${points.length} of the 2 snapshots that a slope needs in the last 7 days`)
  if (line.slopePerDay <= 0) return none(`arrived rows did not rise over ${line.points} snapshots of the last 7 days`)
  const exactDays = remaining / line.slopePerDay
  const end = now.getTime() + exactDays * dayMs
  return {
    estimatedCompletionDays: upToHundredths(exactDays),
    estimatedCompletionAt: end <= lastRfc3339 ? new Date(Math.ceil(end)) : null,
    interval: line.standardError === null ? null : slopeInterval(remaining, line.slopePerDay, studentT90(line.points - 2) * line.standardError),
    confidence,
    basis: `least squares over ${line.points} snapshots of the last 7 days: ${Math.floor(line.slopePerDay * 100) / 100} rows a day, ${remaining} to go`,
  }
}

/**
 * The estimate for entities that stand together.
 * @param accounting their current figures, added up
 * @param history their progress, of the last 7 days at least
 */
export function timelineOf(entities: readonly { name: string }[], accounting: Accounting, history: readonly Progress[], now: Date): Timeline {
  const byEntity = progressByEntity(history)
  const withSlope = entities.filter((entity) => {
    const points = inWindow(rollUpOverTime([entity], byEntity.get(entity.name) ?? []), now)
    return fitLine(points.map(({ at, arrived }) => ({ at, value: arrived }))) !== null
  })
  const arrived = arrivedRows(accounting)
  const remaining = arrived === null || accounting.source.scope === null ? null : accounting.source.scope - arrived
  return estimateTimeline(remaining, rollUpOverTime(entities, history), { entities: entities.length, withSlope: withSlope.length }, now)
}

function slopeInterval(remaining: number, slope: number, margin: number): Timeline['interval'] {
  return {
    earliestDays: Math.floor((remaining / (slope + margin)) * 100) / 100,
    latestDays: margin < slope ? upToHundredths(remaining / (slope - margin)) : null,
  }
}

/** Rounded up; what exceeds a hundredth by less than a billionth is the noise of binary fractions: 75.0000000001 days are 75. */
function upToHundredths(days: number): number {
  return Math.ceil(days * 100 - 1e-7) / 100
}

/**
 * The 0.90 quantile of Student's t, which bounds a two-sided 80 % interval. Closed forms for 1 and 2 degrees of freedom, else the expansion 26.7.5 of
 * Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, to the fourth power: within 0.001 of the tables from 3 degrees on.
 * @param degrees of freedom, an integer of at least 1
 * @throws RangeError below 1
 */
export function studentT90(degrees: number): number {
  if (!Number.isInteger(degrees) || degrees < 1) throw new RangeError(`degrees of freedom must be an integer of at least 1, not ${degrees}`)
  if (degrees === 1) return Math.tan(0.4 * Math.PI)
  if (degrees === 2) return 0.8 * Math.sqrt(2 / (1 - 0.8 ** 2))
  const z = 1.2815515655446004
  const g1 = (z ** 3 + z) / 4
  const g2 = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96
  const g3 = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384
  const g4 = (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92_160
  return z + g1 / degrees + g2 / degrees ** 2 + g3 / degrees ** 3 + g4 / degrees ** 4
}
