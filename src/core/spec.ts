import type { CanonicalKind } from './canonical.js'

/**
 * A comparison that is ready to run: the plan of one entity, checked against both catalogues, with every name resolved and
 * every column brought to one canonical kind. It is plain JSON: a job stores it, so that all its workers and every repetition
 * of a task compare exactly the same.
 */
export interface ComparisonSpec {
  entity: string
  domain: string
  source: SourceSpec
  target: TargetSpec
  /** the legs of the key, in the plan's order; never empty */
  key: TermSpec[]
  /** the compared columns beside the key */
  columns: TermSpec[]
  /** the key maps that the terms name */
  keyMaps: Record<string, KeyMapSpec>
  /** the terms whose references lead to rows of an entity */
  parents: ParentSpec[]
  /** every column is in the key: rows may repeat, and are compared as a bag */
  bag: boolean
  totals: TotalSpec[]
}

/** An exact sum over the rows of each group, of what is expected against what is there. */
export interface TotalSpec {
  sum: TermPlace
  by: TermPlace[]
}

/** A term of a spec. */
export interface TermPlace {
  part: 'key' | 'columns'
  /** index in `key` or `columns` */
  index: number
}

/** A term that references the rows of an entity, under that entity's one key leg. */
export interface ParentSpec extends TermPlace {
  entity: string
  /** the other entities that are keyed by the same map: a row that is not of this one may be of theirs; absent: none */
  siblings?: string[]
}

export interface SourceSpec {
  /** both empty with a query */
  schema: string
  table: string
  /** a select in place of the table, else null */
  query: string | null
  /** the table whose rows the query accounts for, with the columns of its primary key under the names that the query gives them; key null: it does not return them */
  covers: { schema: string; table: string; key: { column: string; as: string }[] | null } | null
  /** SQL behind the table, which puts others beside the row; null: none. It may not multiply rows; a row it drops is not claimed */
  join: string | null
  /** SQL over `src` */
  where: string | null
  exclude: Reason[]
  /** rows of equal `by` (SQL over `src`, NULL alone) become one: the first by `keep` (an `order by` list) */
  merge: { by: string; keep: string } | null
  explained: Explanation[]
  /** the column that tells when a row was last changed (a time without zone is read as UTC), else null */
  changedAt: string | null
  /** how long a change may take to arrive: an interval; null: none */
  lag: string | null
  /** a unique index proves that the key legs are unique; its columns, else null */
  uniqueKey: string[] | null
  /** a leg of the key is a column that is never NULL */
  keyed: boolean
  /** may be read in ctid ranges: a plain table without children */
  chunkable: boolean
  pages: number
}

export interface TargetSpec {
  schema: string
  table: string
  /** as that of the source */
  join: string | null
  /** SQL over `tgt` */
  where: string | null
  /** how the entity claims rows of the target: all of them, those its `where` names, or those its key map reaches */
  claim: 'all' | 'where' | 'keyMap'
  generated: Reason[]
  /** the column that tells when a row was last changed, else null */
  changedAt: string | null
  /** as that of the source */
  keyed: boolean
  chunkable: boolean
  pages: number
}

export interface Reason {
  reason: string
  /** SQL over `src` or `tgt`; "is true" decides */
  where: string
}

/** Why a row may be absent: its own condition, or the fate of a row that it references. */
export type Explanation = Reason | { reason: string; /** index in `parents` */ parent: number }

/** What one target column (or key leg) must equal. */
export interface TermSpec {
  /** the target column */
  name: string
  /** SQL over `src`: a quoted column `src."birthdate"`, or `(the plan's SQL)`; before `zone` and `values` */
  source: string
  /** SQL over `tgt`: a quoted column, or `(the plan's SQL)` */
  target: string
  /** type names fit for casts on the respective server */
  sourceType: string
  targetType: string
  /** SQL of the value as it stands where `source` (`target`) reads something else in it, a text as JSON say: NULL there of a raw value is unresolved. null: the same */
  sourceRaw: string | null
  targetRaw: string | null
  /** values that the target may hold instead; of two that fit, the first counts */
  accept: AcceptedValue[]
  /** with a stored key map: the kind of the legacy key; with a natural one: text; with values: the kind of the target column */
  canonical: CanonicalKind
  /** name of the key map that leads from the source's key to the target's, else null */
  keyMap: string | null
  values: ValueMap | null
  /** time zone of a zone-less source time, else null */
  zone: string | null
  /** allowed absolute distance: a number, or an interval for times; null: none */
  tolerance: string | null
  /** masked wherever shown */
  pii: boolean
}

/** A value that the target may hold instead of the equal one. */
export interface AcceptedValue {
  reason: string
  /** SQL over `src`: for which rows; null: all */
  where: string | null
  /** SQL over `src`, of the type of `kind` */
  value: string
  /** the form in which it meets the target's value; the same for all values of a term */
  kind: CanonicalKind
}

/** code → value, as written in the plan; a value of null means SQL NULL. */
export interface ValueMap {
  codes: { code: string; value: string | null }[]
  /** what a NULL of the source becomes; absent: NULL stays NULL */
  null?: { value: string | null }
  /** what every code outside the list becomes; a row that needs it is accepted, never verified */
  other?: { value: string | null }
}

export type KeyMapSpec = StoredKeyMapSpec | NaturalKeyMapSpec

/** Both sides name the same thing by the same value: the key of each is read through that value. */
export interface NaturalKeyMapSpec {
  name: string
  source: NaturalSide
  target: NaturalSide
}

export interface NaturalSide {
  /** both empty with a query */
  schema: string
  table: string
  /** a select in place of the table, else null */
  query: string | null
  /** the key column */
  key: string
  keyType: string
  /** SQL over `src` or `tgt`, with its type, and the common form in which both sides meet */
  natural: { sql: string; type: string; canonical: CanonicalKind }[]
}

/** A table of the target holds the pairs of keys. */
export interface StoredKeyMapSpec {
  name: string
  /** both empty with members */
  schema: string
  table: string
  /** the maps whose entries it holds together, each legacy key behind the name of its map; none: it is a table of its own */
  members: { map: StoredKeyMapSpec; kind: CanonicalKind }[]
  legacy: string
  modern: string
  legacyType: string
  modernType: string
  /** a unique index over the column alone proves that its keys stand once each */
  unique: { legacy: boolean; modern: boolean }
  where: string | null
}
