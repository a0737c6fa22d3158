import { fitLine } from './trend.js'
import type { Point } from './trend.js'
import { dayMs } from './figures.js'
import { studentT90 } from './timeline.js'

export interface FittedLine {
  points: number
  /** change of the value per day, and its 80 % interval; null for two points, which leave no residual */
  slopePerDay: number
  slopeInterval: { low: number; high: number } | null
  /** the line, and the 80 % interval of the mean, at instants of equal distance from the first to the last point */
  band: { at: Date; value: number; interval: { low: number; high: number } | null }[]
}

/**
 * The least-squares line through points with the 80 % interval of the fitted mean: ŷ(x) ± t(0.90, n − 2) · s · √(1/n + (x − x̄)²/Sxx),
 * where s / √Sxx is the standard error of the slope. Source: Draper and Smith, Applied Regression Analysis, 3rd ed. 1998.
 * @param steps instants at which the line is given, 2 at least
 * @returns null below two points, or when all were taken at the same instant
 */
export function fitBand(points: readonly Point[], steps: number): FittedLine | null {
  const line = fitLine(points)
  if (line === null) return null
  const times = points.map(({ at }) => at.getTime())
  const [first, last] = [Math.min(...times), Math.max(...times)]
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const days = times.map((time) => (time - first) / dayMs)
  const meanDay = mean(days)
  const meanValue = mean(points.map(({ value }) => value))
  const sxx = days.reduce((sum, day) => sum + (day - meanDay) ** 2, 0)
  const { slopePerDay, standardError } = line
  const t = standardError === null ? 0 : studentT90(line.points - 2)
  const around = (value: number, margin: number) => (standardError === null ? null : { low: value - margin, high: value + margin })
  const band = Array.from({ length: steps }, (_, step) => {
    const at = first + ((last - first) * step) / (steps - 1)
    const offset = (at - first) / dayMs - meanDay
    const value = meanValue + slopePerDay * offset
    return { at: new Date(at), value, interval: around(value, t * (standardError ?? 0) * Math.sqrt(sxx / line.points + offset ** 2)) }
  })
  return { points: line.points, slopePerDay, slopeInterval: around(slopePerDay, t * (standardError ?? 0)), band }
}
