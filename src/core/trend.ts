import { dayMs, windowMs } from './figures.js'

export interface Point {
  at: Date
  value: number
}

export interface Line {
  /** change of the value per day */
  slopePerDay: number
  /** standard error of the slope, per day; null for two points, which leave no residual */
  standardError: number | null
  points: number
}

/**
 * Straight line through points by ordinary least squares: slope = Σ(x − x̄)(y − ȳ) / Σ(x − x̄)², and its standard error
 * √(Σ residual² / (n − 2) / Σ(x − x̄)²). Source: Draper and Smith, Applied Regression Analysis, 3rd ed. 1998, sections 1.2 and 1.4.
 * Values are taken relative to the first point, so that a level series of large counts has a slope of exactly 0.
 * @returns null below two points, or when all were taken at the same instant
 */
export function fitLine(points: readonly Point[]): Line | null {
  const [first] = points
  if (first === undefined || points.length < 2) return null
  const n = points.length
  const xs = points.map(({ at }) => (at.getTime() - first.at.getTime()) / dayMs)
  const ys = points.map(({ value }) => value - first.value)
  const meanX = xs.reduce((sum, x) => sum + x, 0) / n
  const meanY = ys.reduce((sum, y) => sum + y, 0) / n
  const products = (us: number[], meanU: number, vs: number[], meanV: number) => us.reduce((sum, u, i) => sum + (u - meanU) * ((vs[i] ?? 0) - meanV), 0)
  const sxx = products(xs, meanX, xs, meanX)
  if (sxx === 0) return null
  const slopePerDay = products(xs, meanX, ys, meanY) / sxx
  const residuals = xs.map((x, i) => (ys[i] ?? 0) - meanY - slopePerDay * (x - meanX))
  const squares = residuals.reduce((sum, r) => sum + r * r, 0)
  return { slopePerDay, standardError: n === 2 ? null : Math.sqrt(squares / (n - 2) / sxx), points: n }
}

/** The points of the last 7 days before `now`, both ends included. */
export function inWindow<P extends { at: Date }>(points: readonly P[], now: Date): P[] {
  return points.filter(({ at }) => at.getTime() >= now.getTime() - windowMs && at.getTime() <= now.getTime())
}

export const trends = ['improving', 'declining', 'stable'] as const
export type Trend = (typeof trends)[number]

/**
 * Direction of a percentage: the least-squares slope of the last 7 days, above +0.1 a day improving, below −0.1 declining, else stable.
 * @param points verifiedPercent (0–100) of each snapshot
 * @returns null below two snapshots in the window
 */
export function trendOf(points: readonly Point[], now: Date): Trend | null {
  const line = fitLine(inWindow(points, now))
  if (line === null) return null
  // binary fractions: a rise of 0.7 in 7 days must not come out a hair above 0.1
  const slope = Math.round(line.slopePerDay * 1e9) / 1e9
  return slope > 0.1 ? 'improving' : slope < -0.1 ? 'declining' : 'stable'
}
