import { floorPercent, type Verdict } from './accounting.js'
import type { ProfiledColumn } from './profile-expressions.js'

/** What one column holds in one chunk of one side, so that chunks add up. Hashes are decimal texts of int8. */
export type ChunkColumn = {
  nonNull: number
  /** smallest and largest hash; null without a value */
  least: string | null
  greatest: string | null
  /** decimal text of an int8: bit i is set when a value's hash ends in i */
  bitmap: string | null
  /** the most frequent value of a sample of the chunk, and how many rows of the chunk hold it */
  candidate: { hash: string; text: string } | null
  candidateRows: number
}

/** What the columns of a chunk hold, in the order of `profiledColumns`. */
export type ChunkProfile = {
  rows: number
  /** names of the columns: a run may rest on chunks of an earlier one, which knew others */
  names: string[]
  columns: ChunkColumn[]
}

/** What a column holds at one side, over the rows that are paired by their key. */
export interface SideProfile {
  rows: number
  nonNull: number
  /** a lower bound, at most 64; exact for 0 and 1 */
  distinctAtLeast: number
  /** a lower bound: rows that hold the value found most frequent; null when none was found */
  topRows: number | null
  /** the beginning of that value; null when it is masked or none was found */
  topValue: string | null
}

export interface ColumnProfile {
  column: string
  /** false: the plan neither maps nor ignores it, so only the target was looked at */
  mapped: boolean
  source: SideProfile | null
  target: SideProfile
}

export type ToldProfile = ColumnProfile & { source: ToldSide | null; target: ToldSide; findings: Finding[] }
type ToldSide = SideProfile & { filledPercent: number | null }

/** A profile with what follows from it. */
export function tellProfile(profile: ColumnProfile): ToldProfile {
  const tell = (side: SideProfile): ToldSide => ({ ...side, filledPercent: floorPercent(side.nonNull, side.rows) })
  return { ...profile, source: profile.source === null ? null : tell(profile.source), target: tell(profile.target), findings: findingsOf(profile) }
}

/** Adds up the chunks of one side, column by column. */
export function addProfiles(columns: readonly ProfiledColumn[], chunks: readonly ChunkProfile[]): SideProfile[] {
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0)
  return columns.map(({ pii }, index) => {
    const parts = chunks.flatMap((chunk) => chunk.columns[index] ?? [])
    const hashes = parts.flatMap(({ least, greatest }) => [least, greatest]).flatMap((hash) => (hash === null ? [] : [hash]))
    const bitmap = parts.reduce((all, part) => all | BigInt.asUintN(64, BigInt(part.bitmap ?? '0')), 0n)
    const tops = new Map<string, { text: string; rows: number }>()
    for (const { candidate, candidateRows } of parts) {
      if (candidate !== null) tops.set(candidate.hash, { text: candidate.text, rows: (tops.get(candidate.hash)?.rows ?? 0) + candidateRows })
    }
    const top = [...tops.values()].sort((left, right) => right.rows - left.rows)[0]
    const nonNull = parts.reduce((sum, part) => sum + part.nonNull, 0)
    return {
      rows,
      nonNull,
      distinctAtLeast: Math.max(bitsOf(bitmap), Math.min(2, new Set(hashes).size)),
      topRows: nonNull === 0 ? 0 : (top?.rows ?? null),
      topValue: top === undefined || pii ? null : top.text,
    }
  })
}

function bitsOf(bitmap: bigint): number {
  return bitmap.toString(2).replaceAll('0', '').length
}

/** Shares may differ by this many hundredths of the rows before a column is told: rows that are missing or extra shift them. */
const fillTolerancePercent = 1n
/** A value is a cluster when so many rows hold it, and so large a share of those that are not NULL (S19 of the plan language). */
const clusterRows = 100
const clusterPercent = 99

export const findings = ['never filled', 'filled less', 'filled more', 'constant'] as const
export type Finding = (typeof findings)[number]

/** What is odd about a column; of an unmapped one only that it is constant. */
export function findingsOf({ source, target }: ColumnProfile): Finding[] {
  const constant = target.nonNull >= clusterRows && isCluster(target) && (source === null || !isCluster(source)) ? ['constant' as const] : []
  if (source === null || source.rows === 0 || target.rows === 0) return constant
  // both shares over one denominator, in whole numbers: in floating point 99 of 100 is more than a hundredth away from 100 of 100
  const denominator = BigInt(source.rows) * BigInt(target.rows)
  const difference = 100n * (BigInt(target.nonNull) * BigInt(source.rows) - BigInt(source.nonNull) * BigInt(target.rows))
  const tolerated = fillTolerancePercent * denominator
  const fill = source.nonNull > 0 && target.nonNull === 0 ? ['never filled' as const] : difference < -tolerated ? ['filled less' as const] : difference > tolerated ? ['filled more' as const] : []
  return [...fill, ...constant]
}

function isCluster({ nonNull, topRows, distinctAtLeast }: SideProfile): boolean {
  return nonNull > 0 && (distinctAtLeast === 1 || 100 * (topRows ?? 0) >= clusterPercent * nonNull)
}

export const fillCheckName = 'the target fills its columns as the source does'
export const constantCheckName = 'no column is constant by accident'

/** What the two checks of an entity's columns say. */
export interface ProfileJudgement {
  name: string
  verdict: Verdict
  message: string
  rowsExamined: number
  /** columns that are told */
  columns: string[]
}

/** Two checks over the columns of an entity: never worse than a warning, since the rows themselves were compared. */
export function judgeProfiles(profiles: readonly ColumnProfile[], rows: { source: number; target: number }): ProfileJudgement[] {
  const found = profiles.map((profile) => ({ profile, findings: findingsOf(profile) }))
  const filled = found.filter(({ findings }) => findings.some((finding) => finding !== 'constant'))
  const constant = found.filter(({ findings }) => findings.includes('constant'))
  const judge = (name: string, list: typeof found, tell: (profile: ColumnProfile) => string, good: string): ProfileJudgement => {
    const empty = rows.source === 0 || rows.target === 0
    return {
      name, rowsExamined: rows.source + rows.target, columns: list.map(({ profile }) => profile.column), verdict: list.length > 0 || empty ? 'warn' : 'pass',
      message: list.length > 0 ? list.map(({ profile }) => tell(profile)).join('; ') : empty ? `${rows.source + rows.target === 0 ? '0 rows' : 'the rows of one side only'} were examined` : good,
    }
  }
  const mapped = profiles.filter((profile) => profile.mapped).length
  return [
    judge(fillCheckName, filled, ({ column, source, target }) => `${column} is filled in ${shareOf(target)} of the target, in ${source === null ? 'none' : shareOf(source)} of the source`, `${mapped} mapped columns are as full on both sides`),
    judge(constantCheckName, constant, tellConstant, `none of ${profiles.length} columns holds one value alone where the source does not`),
  ]
}

function shareOf({ rows, nonNull }: SideProfile): string {
  return `${nonNull} of ${rows} rows`
}

function tellConstant({ column, source, target }: ColumnProfile): string {
  const { nonNull, topRows, topValue } = target
  const percent = floorPercent(topRows ?? nonNull, nonNull)
  const other = source === null ? 'and the plan does not map it' : `and the source at least ${source.distinctAtLeast} values`
  return `${column} has ${topValue === null ? 'one value' : `the value "${topValue}"`} in ${percent ?? 0} % of its ${nonNull} filled rows, ${other}`
}
