import type { Side } from '../core/catalog.js'
import { countsItself } from '../core/pass-expressions.js'
import type { PageRange } from '../core/row-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'

/** What a statement does with each row: the work of one says nothing about the other. */
export type Work = 'fingerprints' | 'keys' | 'versions' | 'states' | 'sums'

/** Cuts what is read of a side into statements of about the time that is aimed at. */
export interface Pace {
  /** The beginning of a range that the next statement should read; all of it where the side cannot be cut, or where little would be left. */
  cut(spec: ComparisonSpec, side: Side, work: Work, range: PageRange): PageRange
  /** Hears how long a statement over such a beginning took, ms. */
  note(spec: ComparisonSpec, side: Side, work: Work, range: PageRange, durationMs: number): void
}

/** Before anything is known of a side: 2 MiB, a moment for any disk. */
const firstPages = 256
const fewestPages = 16
/** A statement reads at most so many times as much as the one before, and at least one over it. */
const step = 4

/**
 * Remembers by entity and side what a statement may read. A join of the plan or of a key map is read again for each statement, so such a side is read in the chunks
 * that the job was cut into.
 * @param statementMs the time that a statement should take
 */
export function createPace(statementMs: number): Pace {
  const pagesByName = new Map<string, number>()
  const nameOf = (spec: ComparisonSpec, side: Side, work: Work) => `${work} ${side} ${spec.entity}`
  const canCut = (spec: ComparisonSpec, side: Side) => spec[side].chunkable && countsItself(spec, side)
  const lengthOf = (spec: ComparisonSpec, side: Side, range: PageRange) => endOf(spec, side, range) - range.first
  return {
    cut(spec, side, work, range) {
      if (!canCut(spec, side)) return range
      const pages = pagesByName.get(nameOf(spec, side, work)) ?? firstPages
      // a rest of less than half a statement is no statement of its own
      return lengthOf(spec, side, range) <= pages * 1.5 ? range : { first: range.first, next: range.first + pages }
    },
    note(spec, side, work, range, durationMs) {
      const length = lengthOf(spec, side, range)
      // a short range says little: what a statement costs at all would be taken for the price of its pages
      if (!canCut(spec, side) || length < fewestPages) return
      const factor = Math.min(step, Math.max(1 / step, statementMs / Math.max(durationMs, 1)))
      pagesByName.set(nameOf(spec, side, work), Math.max(fewestPages, Math.round(length * factor)))
    },
  }
}

/** First page behind a range: of an open one, where the side was thought to end. */
export function endOf(spec: ComparisonSpec, side: Side, { first, next }: PageRange): number {
  return next ?? Math.max(spec[side].pages, first)
}

/** What of a range is left behind its beginning, in the pieces that are to be read beside each other: the last statement of a side is two, or it would run alone while nothing else is left to read. */
export function restsOf(pace: Pace, spec: ComparisonSpec, side: Side, work: Work, range: PageRange, part: PageRange): PageRange[] {
  const rest = restOf(range, part)
  if (rest === null) return []
  const middle = rest.first + Math.ceil((endOf(spec, side, rest) - rest.first) / 2)
  const isLast = rest.next === null && pace.cut(spec, side, work, rest) === rest
  return isLast && middle - rest.first >= firstPages ? [{ first: rest.first, next: middle }, { first: middle, next: null }] : [rest]
}

/** What of a range is left behind its beginning; null: nothing. */
export function restOf(range: PageRange, part: PageRange): PageRange | null {
  return part.next === null || part.next === range.next ? null : { first: part.next, next: range.next }
}

/** Reads all pages of a side part by part, each in about the time that is aimed at. Unless the parts share a snapshot, a row that moves meanwhile may be seen twice or not at all. */
export async function readInParts(pace: Pace, spec: ComparisonSpec, side: Side, work: Work, readPart: (pages: PageRange) => Promise<void>): Promise<void> {
  for (let range: PageRange | null = { first: 0, next: null }; range !== null;) {
    const part = pace.cut(spec, side, work, range)
    const startedAt = performance.now()
    await readPart(part)
    pace.note(spec, side, work, part, performance.now() - startedAt)
    range = restOf(range, part)
  }
}
