import { addCounts, floorPercent, verifiedRows } from './accounting.js'
import type { Accounting, Count } from './accounting.js'
import { dayMs, windowMs } from './figures.js'

export const grades = ['A', 'B', 'C', 'D', 'F'] as const
export type Grade = (typeof grades)[number]

export interface Performance {
  /** 0–100, floored to two decimals */
  score: number | null
  grade: Grade | null
  /** shares 0–1, floored to four decimals */
  factors: { verifiedRatio: number | null; errorRatio: number | null; freshnessRatio: number | null }
}

/** Source rows that are wrong or did not arrive: differs + missing. */
export function errorRows({ source }: Accounting): Count {
  return addCounts(source.differs, source.missing)
}

/** (differs + missing) / scope, 0–100, null for an empty or uncounted scope. */
export function errorPercent(accounting: Accounting): number | null {
  return floorPercent(errorRows(accounting), accounting.source.scope)
}

const fadeMs = windowMs - dayMs

/** Of the six days in which freshness fades from 1 to 0, the milliseconds that are left. */
function freshMs(validatedAt: Date, now: Date): number {
  return Math.min(fadeMs, Math.max(0, windowMs - (now.getTime() - validatedAt.getTime())))
}

/** 1 when validated within 24 hours, falling evenly to 0 at 7 days, floored to four decimals; null when never validated. */
export function freshnessRatio(validatedAt: Date | null, now: Date): number | null {
  return validatedAt === null ? null : floorRatio(freshMs(validatedAt, now), fadeMs)
}

/** A from 95, B from 90, C from 75, D from 60, else F. */
export function gradeOf(score: number): Grade {
  return score >= 95 ? 'A' : score >= 90 ? 'B' : score >= 75 ? 'C' : score >= 60 ? 'D' : 'F'
}

/**
 * How well an entity stands: 60 × verified share + 25 × (1 − error share) + 15 × freshness. In integers, so that a score that is
 * exactly 95 is not floored to 94.99. Score and grade are null when a share is: nothing in scope, not counted, never validated.
 */
export function ratePerformance(accounting: Accounting, validatedAt: Date | null, now: Date): Performance {
  const { scope } = accounting.source
  const verified = verifiedRows(accounting)
  const errors = errorRows(accounting)
  const factors = { verifiedRatio: floorRatio(verified, scope), errorRatio: floorRatio(errors, scope), freshnessRatio: freshnessRatio(validatedAt, now) }
  if (scope === null || scope === 0 || verified === null || errors === null || validatedAt === null) return { score: null, grade: null, factors }
  const shares = (6_000n * BigInt(verified) + 2_500n * BigInt(scope - errors)) * BigInt(fadeMs)
  const fresh = 1_500n * BigInt(freshMs(validatedAt, now)) * BigInt(scope)
  const score = Number((shares + fresh) / (BigInt(scope) * BigInt(fadeMs))) / 100
  return { score, grade: gradeOf(score), factors }
}

function floorRatio(part: Count, whole: Count): number | null {
  if (part === null || whole === null || whole === 0) return null
  return Number((BigInt(part) * 10_000n) / BigInt(whole)) / 10_000
}
