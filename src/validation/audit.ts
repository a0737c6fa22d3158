import type { Side } from '../core/catalog.js'
import { constantFor } from '../core/canonical.js'
import { auditStatement } from '../core/pass-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import { createSegmentSums, type SegmentComparison } from '../core/segments.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { CheckResult } from './outcomes.js'
import { arrayText, readOne, type Reader } from './reader.js'

/** One segment of so many is audited; of fewer, one. */
const oneOfMost = 1024
/** Of neighbours at least so many keys are audited. */
const fewestNeighbours = 1024

/** The segments that a job audits: others each time, the same on both sides. */
export function auditedBy(jobId: string, { segments, neighbours }: Pick<StatementOptions, 'segments' | 'neighbours'>): { oneOf: number; number: number } {
  // half of the segments of neighbours may lie outside the keys: of two that far apart one does not
  const oneOf = neighbours === undefined ? Math.min(segments, oneOfMost) : Math.max(1, Math.min(segments / 2, oneOfMost, segments * neighbours / fewestNeighbours))
  return { oneOf, number: Number(constantFor(`audit ${jobId}`) & BigInt(oneOf - 1)) }
}

/**
 * Reads the audited segments of both sides as they are now, where neighbours can be looked up: this costs less than to ask in a pass of each row whether it is audited. Only segments whose sums are equal now say
 * anything of the others: rows may have changed since the pass.
 */
export async function auditApart(spec: ComparisonSpec, readers: Record<Side, Reader>, jobId: string, options: StatementOptions, signal: AbortSignal): Promise<Pick<SegmentComparison, 'audited' | 'contradicted'>> {
  const audited = auditedBy(jobId, options)
  const segments = Array.from({ length: options.segments / audited.oneOf }, (_, index) => audited.number + index * audited.oneOf)
  const sums = createSegmentSums(options.segments)
  await Promise.all((['source', 'target'] as const).map(async (side) => {
    const found = await readOne(readers[side], signal, auditStatement(spec, side, { ...options, audited }), [arrayText(segments)])
    sums.add(side, Buffer.from(found['segments'] ?? '', 'base64'), { audit: Buffer.from(found['audit'] ?? '', 'base64') })
  }))
  return sums.compare()
}

/** What sums with other seeds say of segments that were called equal. */
export function auditCheck(entity: string, rows: number, contradicted: number): CheckResult {
  return {
    entity, name: 'another fingerprint agrees', subject: '', category: 'engine', severity: 'critical', verdict: contradicted > 0 ? 'unknown' : 'pass', rowsExamined: rows, rowsFailed: contradicted, durationMs: null,
    message: contradicted > 0 ? `${contradicted} of ${rows} rows whose sums are equal have other sums under another seed` : `${rows} of the rows whose sums are equal were summed with another seed too: equal again`, evidence: {},
  }
}
