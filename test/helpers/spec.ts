import type { CanonicalKind } from '../../src/core/canonical.js'
import { quoteIdentifier } from '../../src/core/identifier.js'
import type { ComparisonSpec, TermSpec } from '../../src/core/spec.js'

export const integer: CanonicalKind = { name: 'integer', literalType: 'int4', decideAs: null }

/** An int4 column of the same name on both sides. */
export const termOf = (name: string, more: Partial<TermSpec> = {}): TermSpec => ({
  name, source: `src.${quoteIdentifier(name)}`, target: `tgt.${quoteIdentifier(name)}`, sourceType: 'int4', targetType: 'int4', sourceRaw: null, targetRaw: null, accept: [], canonical: integer,
  keyMap: null, values: null, zone: null, tolerance: null, pii: false, ...more,
})

/** All rows of `public.s` against all of `public.t`, by `id`, with the column `v`. */
export const specOf = (more: Partial<ComparisonSpec> = {}): ComparisonSpec => ({
  entity: 'e', domain: 'd', key: [termOf('id')], columns: [termOf('v')], keyMaps: {}, parents: [], bag: false, totals: [],
  source: { schema: 'public', table: 's', query: null, covers: null, merge: null, join: null, where: null, exclude: [], explained: [], changedAt: null, lag: null, uniqueKey: null, keyed: false, chunkable: true, pages: 1 },
  target: { schema: 'public', table: 't', join: null, where: null, claim: 'all', generated: [], changedAt: null, keyed: false, chunkable: true, pages: 1 },
  ...more,
})
