import { floorPercent } from '../core/accounting.js'
import { dayMs, rollUpOverTime } from '../core/figures.js'
import type { PlannedEntity, Progress } from '../core/figures.js'
import { inWindow, trendOf } from '../core/trend.js'
import { fitBand } from '../core/trend-band.js'
import type { Report } from './schemas.js'

/** A report shows the history of so many days; its trend is that of the last 7. */
export const historyDays = 30
const bandSteps = 9

/**
 * How coverage went: the snapshots of the last 30 days of entities taken together, and the line through those of the last 7.
 * @param history their progress of at least that time
 * @param limit at most so many points are listed; the line rests on all
 */
export function trendSection(entities: readonly PlannedEntity[], history: readonly Progress[], now: Date, limit: number): NonNullable<Report['trend']> {
  const since = now.getTime() - historyDays * dayMs
  const points = rollUpOverTime(entities, history)
    .filter(({ at }) => at.getTime() >= since && at <= now)
    .flatMap(({ at, scope, arrived, verified }) => {
      const value = floorPercent(verified, scope)
      return value === null ? [] : [{ at, value, scope, arrived, verified }]
    })
  const shown = thinOut(points, limit)
  const fit = fitBand(inWindow(points, now), bandSteps)
  return {
    days: historyDays,
    snapshots: points.length,
    omitted: points.length - shown.length,
    direction: trendOf(points, now),
    fit: fit === null ? null : {
      snapshots: fit.points,
      slopePerDay: thousandths(fit.slopePerDay),
      slopeLow: fit.slopeInterval === null ? null : thousandths(fit.slopeInterval.low),
      slopeHigh: fit.slopeInterval === null ? null : thousandths(fit.slopeInterval.high),
      band: fit.band.map(({ at, value, interval }) => ({
        at: at.toISOString(),
        verifiedPercent: within(value),
        low: interval === null ? null : within(interval.low),
        high: interval === null ? null : within(interval.high),
      })),
    },
    points: shown.map(({ at, value, scope, arrived, verified }) => ({
      at: at.toISOString(), verifiedPercent: value, arrivedPercent: floorPercent(arrived, scope), totalRecords: scope, migratedRecords: arrived, verifiedRecords: verified,
    })),
  }
}

/** At most `limit` points: of more, the last one of each of `limit` equal spans of time. */
export function thinOut<P extends { at: Date }>(points: readonly P[], limit: number): P[] {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || points.length <= limit) return [...points]
  const span = (last.at.getTime() - first.at.getTime()) / limit
  const spanOf = ({ at }: P) => Math.min(limit - 1, Math.floor((at.getTime() - first.at.getTime()) / span))
  return points.filter((point, index) => {
    const next = points[index + 1]
    return next === undefined || spanOf(next) !== spanOf(point)
  })
}

/** As many decimals as a fitted figure can bear. */
function thousandths(value: number): number {
  return Math.round(value * 1e3) / 1e3
}

/** A line knows no bounds, a percentage does. */
function within(value: number): number {
  return thousandths(Math.min(100, Math.max(0, value)))
}
