/**
 * What the service knows of one database before it reads a row: its settings and its relations.
 * Filled by `db/catalog.ts`; everything that judges a plan against it is pure.
 */
export type Side = 'source' | 'target'

export const sides = ['source', 'target'] as const satisfies readonly Side[]

export const otherSide = (side: Side): Side => (side === 'source' ? 'target' : 'source')

/** What the SQL of a plan calls a row of a side. */
export const aliasOf = (side: Side): 'src' | 'tgt' => (side === 'source' ? 'src' : 'tgt')

export type RelationKind = 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table' | 'query'

/** A type as `pg_type` tells it, domains already followed down to their base type. */
export interface TypeInfo {
  /** name for casts, schema-qualified where it is not in pg_catalog, quoted where needed: `int4`, `"app"."order_state"` */
  name: string
  /** bare name of a base type that the service knows: those of pg_catalog, `citext` and `hstore`. Of any other it is `name`: a type that somebody has called `date` is no date */
  base: string
  /** b base, e enum, c composite, r range, m multirange, p pseudo; domains are resolved */
  kind: 'b' | 'e' | 'c' | 'r' | 'm' | 'p'
  /** element type of an array (or subtype of a range or multirange), else null */
  element: TypeInfo | null
  /** a function that somebody has made the type's cast to text (`create cast ... with function`); what its values are written as is then beyond us */
  writtenBy?: string
  /** functions that somebody has made casts from or to text, or between arrays, in the type's database: `from to`, as `name` has types → the function; absent without any */
  casts?: ReadonlyMap<string, string>
}

export interface ColumnInfo {
  name: string
  type: TypeInfo
  notNull: boolean
  /** `generated always as (...) stored` */
  generated: boolean
  identity: boolean
  hasDefault: boolean
}

export interface RelationInfo {
  /** empty with a query */
  schema: string
  name: string
  /** of a query of the plan: its text, and which of its columns are plain columns of a table */
  query?: string
  origins?: ReadonlyMap<string, { schema: string; table: string; column: string }>
  kind: RelationKind
  columns: ColumnInfo[]
  /** column names of the primary key, in order; empty without one */
  primaryKey: string[]
  /** column names of each unique, non-partial, valid index over plain columns (the primary key included) */
  uniqueKeys: string[][]
  /** the planner's estimate, -1 when never analysed */
  estimatedRows: number
  /** main-fork size in pages of this relation alone, children not counted */
  pages: number
  /** has inheritance or partition children */
  hasChildren: boolean
  /** the table whose partition or inheritance child it is (the first of several), else null: its rows are also rows of the parent */
  parent: { schema: string; name: string } | null
  /** the connected role may select every column */
  selectable: boolean
  /** row-level security applies to the connected role: what it reads would be silently partial */
  rowSecurity: boolean
}

export interface ServerInfo {
  /** `server_version_num`, for example 150018 */
  version: number
  /** `server_encoding` */
  encoding: string
  /** `lc_collate` of the database, with `lc_ctype` after a slash where that is another, or `icu:en-US` and the like */
  collation: string
  database: string
  blockSize: number
}

export interface Catalog {
  side: Side
  server: ServerInfo
  /** user relations of every schema but pg_*, information_schema and the service's own */
  relations: RelationInfo[]
  /** the queries of the plan that the server accepts, by their place in the plan */
  queries?: ReadonlyMap<string, RelationInfo>
}

/** Relation by exact schema and name, or undefined. */
export function findRelation(catalog: Catalog, schema: string, name: string): RelationInfo | undefined {
  return catalog.relations.find((relation) => relation.schema === schema && relation.name === name)
}
