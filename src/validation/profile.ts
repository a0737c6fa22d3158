import type { Side } from '../core/catalog.js'
import type { StatementOptions } from '../core/row-expressions.js'
import { addProfiles, constantCheckName, fillCheckName, judgeProfiles, type ChunkColumn, type ChunkProfile, type ColumnProfile } from '../core/profile.js'
import { columnsPerStatement, profiledColumns, profileStatement, sampleStatement } from '../core/profile-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import type { CheckResult } from './outcomes.js'
import { countOf, errorText, type ReadApart, type ReadMore, type TextRow } from './reader.js'
import type { ScanOutcome } from './scan-chunk.js'

/** That the columns of an entity are to be looked at. */
export interface ProfileRequest {
  /** columns of the target that the plan neither maps nor ignores */
  uncovered: string[]
}

/**
 * What the columns of a chunk hold, and of a candidate for the most frequent value how many rows hold it. What cannot be read is told as the reason: the comparison itself does not
 * suffer from it.
 * @throws the database's error when it may pass, or the task was aborted
 */
export async function profileChunk(
  spec: ComparisonSpec, side: Side, options: StatementOptions, { uncovered }: ProfileRequest, readApart: ReadApart, signal: AbortSignal,
): Promise<ChunkProfile | string | null> {
  const columns = profiledColumns(spec, uncovered)
  if (columns.length === 0) return null
  try {
    return await readApart((readMore) => readProfile(spec, side, options, uncovered, columns.map(({ name }) => name), readMore))
  } catch (error) {
    // what takes too long is read in halves, where the chunk has halves
    const timedOut = sqlstateOf(error) === '57014' && options.pages === undefined
    if (signal.aborted || (isTransient(error) && !timedOut)) throw error
    return errorText(error, [spec])
  }
}

async function readProfile(spec: ComparisonSpec, side: Side, options: StatementOptions, uncovered: readonly string[], names: string[], readMore: ReadMore): Promise<ChunkProfile> {
  const profile: ChunkProfile = { rows: 0, names, columns: [] }
  for (let first = 0; first < names.length; first += columnsPerStatement) {
    const range = { first, next: Math.min(first + columnsPerStatement, names.length) }
    const sample = (byPages: boolean) => readMore(sampleStatement(spec, side, uncovered, options, range, byPages))
    const spread = spec[side].chunkable ? await sample(true) : []
    const [sampled] = spread.some((row) => countOf(row, 'rows') > 0) ? spread : await sample(false)
    const candidates = Array.from({ length: range.next }, (_, index) => candidateOf(sampled?.[`v${index}`] ?? null))
    const [found] = await readMore(profileStatement(spec, side, uncovered, candidates.map((candidate) => candidate?.hash ?? null), options, range))
    if (found === undefined) throw new Error('an aggregate gave no row')
    profile.rows = countOf(found, 'rows')
    profile.columns.push(...candidates.slice(first).map((candidate, place) => columnOf(found, first + place, candidate)))
  }
  return profile
}

function columnOf(found: TextRow, index: number, candidate: ChunkColumn['candidate']): ChunkColumn {
  return {
    nonNull: countOf(found, `n${index}`), least: found[`a${index}`] ?? null, greatest: found[`b${index}`] ?? null, bitmap: found[`m${index}`] ?? null,
    candidate, candidateRows: candidate === null ? 0 : countOf(found, `c${index}`),
  }
}

function candidateOf(text: string | null): { hash: string; text: string } | null {
  if (text === null) return null
  const blank = text.indexOf(' ')
  return { hash: text.slice(0, blank), text: text.slice(blank + 1) }
}

/** The profile of an entity from those of its chunks, and its two checks; nothing when it was not asked for. */
export function settleProfile(spec: ComparisonSpec, outcomes: Record<Side, readonly ScanOutcome[]>, uncovered: readonly string[]): { profiles: ColumnProfile[]; checks: CheckResult[] } {
  const chunks = { source: outcomes.source.map(profileOf), target: outcomes.target.map(profileOf) }
  const all = [...chunks.source, ...chunks.target]
  if (all.every((profile) => profile === null)) return { profiles: [], checks: [] }
  const check = { entity: spec.entity, subject: '', category: 'integrity' as const, severity: 'warning' as const, rowsFailed: null, durationMs: null }
  const reasons = all.filter((profile) => typeof profile === 'string')
  if (reasons.length > 0) {
    const unread = { ...check, verdict: 'unknown' as const, rowsExamined: null, message: `the columns could not be read: ${[...new Set(reasons)].join('; ')}`, evidence: {} }
    return { profiles: [], checks: [fillCheckName, constantCheckName].map((name) => ({ ...unread, name })) }
  }
  const columns = profiledColumns(spec, uncovered)
  const names = columns.map(({ name }) => name).join('\n')
  if (all.some((profile) => profile === null || (typeof profile === 'object' && profile.names.join('\n') !== names))) {
    const partly = { ...check, verdict: 'warn' as const, rowsExamined: null, evidence: {}, message: 'the columns were not looked at: this run rests on an earlier one that did not look, or looked at others' }
    return { profiles: [], checks: [fillCheckName, constantCheckName].map((name) => ({ ...partly, name })) }
  }
  const sides = { source: addProfiles(columns, readable(chunks.source)), target: addProfiles(columns, readable(chunks.target)) }
  const profiles = columns.flatMap(({ name, mapped }, index): ColumnProfile[] => {
    const [source, target] = [sides.source[index], sides.target[index]]
    return source === undefined || target === undefined ? [] : [{ column: name, mapped, source: mapped ? source : null, target }]
  })
  const rowsOf = (list: readonly ChunkProfile[]) => list.reduce((sum, { rows }) => sum + rows, 0)
  const judgements = judgeProfiles(profiles, { source: rowsOf(readable(chunks.source)), target: rowsOf(readable(chunks.target)) })
  return { profiles, checks: judgements.map(({ columns: told, ...judgement }) => ({ ...check, ...judgement, evidence: { columns: told } })) }
}

/** An outcome that an earlier release stored has none. */
function profileOf({ profile }: ScanOutcome): ChunkProfile | string | null {
  return profile ?? null
}

function readable(chunks: readonly (ChunkProfile | string | null)[]): ChunkProfile[] {
  return chunks.filter((profile) => typeof profile === 'object').filter((profile) => profile !== null)
}
