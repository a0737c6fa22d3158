import { constantFor, int8Literal } from './canonical.js'
import { aliasOf, type Side } from './catalog.js'
import { isTrue, quoteIdentifier, quoteLiteral, relationSql } from './identifier.js'
import { isNatural, joinKeys, keyMapOf, mapRelation, naturalRows } from './key-map-expressions.js'
import { at } from './lists.js'
import type { ComparisonSpec, Explanation, TermSpec } from './spec.js'
import { asKey, hashTerm, sourceTerm, targetTerm, type KeySql, type TermSql } from './term-expressions.js'

/**
 * The SQL of the rows of a side: which of them an entity claims, what they are joined to, what each is instead of keyed, its segment and its hashes. Every statement of a comparison is built from it and a spec alone, returns
 * text only, and takes its lists as one text parameter.
 */

/** How the statements over a pair of tables are to read them. */
export interface StatementOptions {
  /** how many segments, a power of two */
  segments: number
  /** so many integers beside each other lie in one segment, a power of two (`canHaveNeighbours`); absent: the hash of the key chooses its segment */
  neighbours?: number
  /** the servers differ in encoding */
  recode: boolean
  /** only the rows of some keys are compared: chosen by a hash of the key with this seed */
  sample?: { seed: bigint }
  /** one segment of so many (a power of two) is summed a second time, with other seeds: that with this number in its last bits */
  audited?: { oneOf: number; number: number }
  /** in place of fingerprints a pass counts the rows whose version may be of this transaction or a later one (decimal text of an xid8) */
  since?: string
  pages?: PageRange
  /** by side the addresses (`(page,item)`) of rows whose values raise an error: they are left out */
  unread?: Partial<Record<Side, readonly string[]>>
  /** the addresses of the only rows that are looked at */
  only?: readonly string[]
  /**
   * What stands for $1, $2, … in the statement itself, where no list holds a value of a row (a server may log its statements): a statement with parameters is described before it runs, and nothing of it runs until this
   * process has come to the description.
   */
  lists?: readonly string[]
}

/** Pages [first, next) of a relation's own physical order; next null: open ended. */
export interface PageRange {
  first: number
  next: number | null
}

/** One key of so many is in a sample. */
export const sampledOneOf = 10

/** SQL of a list that a statement takes: a parameter, or what stands for it. */
export function listed({ lists }: StatementOptions, number: number): string {
  const list = lists?.[number - 1]
  return list === undefined ? `$${number}` : quoteLiteral(list)
}

/** SQL condition that a key's segment is audited. */
function inAudit({ oneOf, number }: { oneOf: number; number: number }, segmentBits: string): string {
  return `(${segmentBits}) & ${oneOf - 1}::int8 = ${number}`
}

/**
 * Whether segments can be made of neighbouring keys: then an index leads to all rows of a segment, and a pass over rows that lie in the order of their keys finds a segment's sums where it has just used them.
 * Of more than one leg, and of keys that are no integers, nobody knows what lies beside them; and of NULL, which is a key of its own in a bag.
 */
export function canHaveNeighbours({ key: [leg, ...more], bag }: ComparisonSpec): boolean {
  return !bag && leg !== undefined && more.length === 0 && (leg.canonical.name === 'integer' || leg.canonical.name === 'bigint') && leg.values === null
}

/** SQL of 64 bits of which the last ones are the key's segment: the neighbourhood of the key, counted from 0 on, or its hash. */
function segmentBitsOf({ neighbours }: StatementOptions, keys: readonly TermSql[], keyHash: string): string {
  return neighbours === undefined ? keyHash : `coalesce((${at(keys, 0).value})::int8 >> ${Math.log2(neighbours)}, 0)`
}

function maskSegment({ segments }: StatementOptions, segmentBits: string): string {
  return `((${segmentBits}) & ${segments - 1}::int8)::int4`
}

/** SQL condition that a key hash is in the sample; null: all are compared. Another hash than the segment's, so that each segment has its share. */
export function inSample({ sample }: StatementOptions, keyHash: string): string | null {
  return sample === undefined ? null : `pg_catalog.abs(pg_catalog.hashint8extended(${keyHash}, ${int8Literal(sample.seed)}) % ${sampledOneOf}::int8) = 0`
}

/** The index of the first reason whose own condition holds. */
export function firstReason(reasons: readonly Explanation[]): string {
  const cases = reasons.flatMap((reason, index) => ('where' in reason ? [`when ${isTrue(reason.where)} then '${index}'`] : []))
  return cases.length === 0 ? 'null' : `case ${cases.join(' ')} end`
}

/**
 * The SQL condition under which an entity claims a row of the bare table of a side: the table that its query covers, where it reads one.
 * @throws Error for a query that does not return the table's primary key: nobody can say which rows it accounts for
 */
export function bareClaimCondition(spec: ComparisonSpec, side: Side): string {
  if (side === 'source' && spec.source.query !== null) {
    const key = spec.source.covers?.key ?? null
    if (key === null) throw new Error(`the query of ${spec.entity} does not tell which rows it accounts for`)
    const columns = (names: readonly string[]) => names.map((name) => `src.${quoteIdentifier(name)}`).join(', ')
    return `(${columns(key.map(({ column }) => column))}) in (select ${columns(key.map(({ as }) => as))} from ${rowsOf(spec, side)} where ${claimCondition(spec, side)})`
  }
  if (spec[side].join === null) return claimCondition(spec, side)
  const alias = aliasOf(side)
  return `(${alias}.tableoid, ${alias}.ctid) in (select ${alias}.tableoid, ${alias}.ctid from ${rowsOf(spec, side)} where ${claimCondition(spec, side)})`
}

/**
 * An entity's keys over all rows of its bare source table: also those that its share leaves out, its join drops or its query does not return.
 * @returns null: a leg is no column of the primary key of the table that the query accounts for, so nobody can tell
 */
export function bareSource(spec: ComparisonSpec): ComparisonSpec | null {
  const { query, covers } = spec.source
  const bare = { ...spec, columns: [], parents: [], totals: [], source: { ...spec.source, join: null, where: null, exclude: [], merge: null, explained: [] } }
  if (query === null) return bare
  const legs = spec.key.flatMap((leg) => {
    const own = leg.sourceRaw === null ? covers?.key?.find(({ as }) => leg.source === `src.${quoteIdentifier(as)}`) : undefined
    return own === undefined ? [] : [{ ...leg, source: `src.${quoteIdentifier(own.column)}` }]
  })
  return covers === null || legs.length < spec.key.length ? null : { ...bare, key: legs, source: { ...bare.source, schema: covers.schema, table: covers.table, query: null } }
}

/** The SQL condition under which an entity claims a row of a side; it sees the joined tables. */
export function claimCondition(spec: ComparisonSpec, side: Side): string {
  if (side === 'source') return isTrue(spec.source.where)
  if (spec.target.claim === 'all') return 'true'
  if (spec.target.claim === 'where') return isTrue(spec.target.where)
  const legs = spec.key.filter((term) => term.keyMap !== null)
  const reached = legs.map((term) => {
    const map = keyMapOf(spec, term.keyMap ?? '')
    if (isNatural(map)) return `exists (select from (${naturalRows(map, 'target')}) reached where reached.natural_value is not null and ${joinKeys(map.target.keyType, 'reached.key', term.targetType, term.target)})`
    // the outer row must not be called tgt within the map's own predicate, so the reached keys are a set of their own
    return `exists (select from (select tgt.${quoteIdentifier(map.modern)} as modern from ${mapRelation(map)} tgt ` +
      `where ${isTrue(map.where)}) reached where ${joinKeys(map.modernType, 'reached.modern', term.targetType, term.target)})`
  })
  // a NULL leg leads nowhere and is a value all the same, unless it is the only one
  return legs.length < 2 ? reached.join('') : `(${legs.map(({ target }, index) => `(${target} is null or ${at(reached, index)})`).join(' and ')} and (${legs.map(({ target }) => `${target} is not null`).join(' or ')}))`
}

/** The relation of a side under the name of its row, with the tables joined to it; the line break ends a trailing comment. */
export function rowsOf(spec: ComparisonSpec, side: Side): string {
  const { schema, table, join } = spec[side]
  const query = side === 'source' ? spec.source.query : null
  return `${relationSql({ schema, name: table, query })} ${aliasOf(side)}${join === null ? '' : ` ${join}\n`}`
}

/**
 * Puts beside each source row where it stands among the rows that it is merged with. Columns of `merging`: place (1 survives), members,
 * survivor_relation and survivor (its address); all NULL for a row that is merged with none.
 */
export function mergeJoin(spec: ComparisonSpec): string {
  const { merge, exclude } = spec.source
  if (merge === null) return ''
  const wanted = [claimCondition(spec, 'source'), ...exclude.map(({ where }) => `not ${isTrue(where)}`), `(${merge.by}\n) is not null`].join(' and ')
  const group = `partition by (${merge.by}\n)`
  const first = (column: string) => `pg_catalog.first_value(src.${column}) over (${group} order by ${merge.keep}\n, src.tableoid, src.ctid)`
  return `left join (select src.tableoid as relation, src.ctid as address, pg_catalog.row_number() over (${group} order by ${merge.keep}\n, src.tableoid, src.ctid) as place, ` +
    `pg_catalog.count(*) over (${group}) as members, ${first('tableoid')} as survivor_relation, ${first('ctid')} as survivor ` +
    `from ${rowsOf(spec, 'source')} where ${wanted}) merging on merging.relation = src.tableoid and merging.address = src.ctid`
}

/** The address of a row: of all that a join makes of it, one is counted. */
export function addressOf(spec: ComparisonSpec, side: Side): string {
  const alias = aliasOf(side)
  return spec[side].chunkable ? `${alias}.ctid` : `(${alias}.tableoid, ${alias}.ctid)`
}

export function pageCondition(side: Side, pages: StatementOptions['pages']): string {
  if (pages === undefined) return 'true'
  const ctid = `${aliasOf(side)}.ctid`
  const lower = pages.first === 0 ? [] : [`${ctid} >= '(${pages.first},0)'::tid`]
  const upper = pages.next === null ? [] : [`${ctid} < '(${pages.next},0)'::tid`]
  return [...lower, ...upper].join(' and ') || 'true'
}

/** SQL condition under which a row is looked at. The server may evaluate it late: `sideSql` asks it first once more, before any value. */
export function isReadable(side: Side, { unread, only }: StatementOptions): string {
  const list = (addresses: readonly string[]) => `(${quoteLiteral(`{${addresses.map((address) => `"${address}"`).join(',')}}`)}::tid[])`
  const ctid = `${aliasOf(side)}.ctid`
  const left = unread?.[side] ?? []
  return [...(only === undefined ? [] : [`${ctid} = any ${list(only)}`]), ...(left.length === 0 ? [] : [`${ctid} <> all ${list(left)}`])].join(' and ') || 'true'
}

/** SQL condition of the rows that a statement is about. */
export function wantedRows(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const readable = isReadable(side, options)
  return readable === 'true' ? claimCondition(spec, side) : `${claimCondition(spec, side)} and ${readable}`
}

interface SideSql {
  keys: KeySql[]
  columns: TermSql[]
  /** the rows of the side with everything that is joined to them */
  rows: string
  /** what a row is instead of keyed: the first condition that holds names it */
  states: { name: string; when: string }[]
  /** 64-bit hash of the key; of the columns, null without any */
  keyHash: string
  columnHash: string | null
  /** 64 bits of which the last ones are the key's segment */
  segmentBits: string
  /** hash of the row with other seeds, SQL null unless segments are audited */
  auditHash: string
  /** from clause with the laterals `state`, `hashed` */
  from: string
}

/**
 * state.name is `keyed` (paired by its key), `excluded i` and `merged` (source), `no key` (all legs NULL) or `no map entry` (target).
 * hashed.key and hashed.row are 64-bit hashes, null unless keyed, the row's also outside a sample: what is not compared is not evaluated either.
 */
export function sideSql(spec: ComparisonSpec, side: Side, options: StatementOptions): SideSql {
  const { recode } = options
  const build = (term: TermSpec, index: number) => (side === 'source' ? sourceTerm : targetTerm)(term, spec, `map_${index}`)
  const keys = spec.key.map((term, index) => asKey(build(term, index)))
  const columns = spec.columns.map((term, index) => build(term, spec.key.length + index))
  const rawNull = spec.key.map((term) => `${side === 'source' ? `(${term.sourceRaw ?? term.source})` : term.target} is null`).join(' and ')
  const unresolved = keys.flatMap((leg) => leg.unresolved ?? []).join(' or ')
  const states = [
    ...(side === 'source' ? spec.source.exclude.map(({ where }, index) => ({ name: `excluded ${index}`, when: isTrue(where) })) : []),
    // in a bag a row of nothing but NULL is a row like others
    ...(spec.bag || spec[side].keyed ? [] : [{ name: 'no key', when: side === 'source' ? `${rawNull} and ${keys.map((leg) => `(${leg.value}) is null`).join(' and ')}` : rawNull }]),
    ...(side === 'source' && spec.source.merge !== null ? [{ name: 'merged', when: 'merging.place > 1' }] : []),
    ...(side === 'source' || unresolved === '' ? [] : [{ name: 'no map entry', when: unresolved }]),
  ]
  // what another entity claims is not even looked at: its values need not be fit for this one
  const unclaimed = side === 'target' && spec.target.claim === 'keyMap' ? '' : `when (${claimCondition(spec, side)}) is not true then 'unclaimed'`
  const readable = isReadable(side, options)
  const unreadable = readable === 'true' ? '' : `when not (${readable}) then 'unread'`
  const hash = (term: TermSpec, sql: TermSql, role: string) => hashTerm(term, sql, `${role} ${term.name}`, side, recode)
  const keyHashOf = (purpose: string) => spec.key.map((term, index) => hash(term, at(keys, index), `${purpose}key`)).join(' # ')
  const columnHashOf = (purpose: string) => {
    const others = keys.flatMap(({ neededOther }, leg) => (neededOther === null ? [] : [`(case when ${neededOther} then ${int8Literal(constantFor(`${purpose}other ${at(spec.key, leg).name}`))} else 0 end)`]))
    return [...spec.columns.map((term, index) => hash(term, at(columns, index), `${purpose}column`)), ...others].join(' # ') || null
  }
  const [keyHash, columnHash] = [keyHashOf(''), columnHashOf('')]
  const rows = `${rowsOf(spec, side)} ${side === 'source' ? mergeJoin(spec) : ''} ${[...keys, ...columns].flatMap((term) => term.join ?? []).join(' ')}`
  const sampled = inSample(options, 'keyed.key')
  const from = `${rows} cross join lateral (select case ${unreadable} ${unclaimed} ${states.map(({ name, when }) => `when ${when} then '${name}'`).join(' ')} else 'keyed' end as name) state ` +
    `cross join lateral (select case when state.name = 'keyed' then ${keyHash} end as key) keyed ` +
    `cross join lateral (select keyed.key, case when state.name = 'keyed'${sampled === null ? '' : ` and ${sampled}`} then ${rowHash('keyed.key', columnHash)} end as row) hashed`
  return { keys, columns, rows, states, keyHash, columnHash, segmentBits: segmentBitsOf(options, keys, keyHash), auditHash: options.audited === undefined ? 'null' : rowHash(keyHashOf('audit '), columnHashOf('audit ')), from }
}

/** The last hash is not linear in the XOR: values swapped between two rows change the sum of a segment. */
export function rowHash(key: string, columns: string | null): string {
  return `pg_catalog.hashint4extended(0, ${columns === null ? key : `${key} # ${columns}`})`
}

/** What a pass computes of a row. */
interface RowSql {
  /** negative: what the row is instead of keyed (`placeOf`); else the place that keyed rows have */
  place: (keyed: string) => string
  /** a value of keyed rows; null for the others */
  keyed: (value: string) => string
  /** hashes of the key and of the other columns */
  key: string
  rest: string
  /** the segment of the key, int4 */
  segment: string
  /** the place of an integer key in its neighbourhood of so many, int4 */
  nth: (places: number) => string
  /** hash of the row with other seeds, null unless its segment is audited */
  audit: string
}

/**
 * The claimed rows of a side (or of a chunk), for passes over many rows. The planner may not pull it up (`offset 0`), so that each column is computed once.
 * @param select its columns
 * @param only SQL condition over the key's hash and segment: of the other rows nothing is computed
 * @param lookup SQL condition that an index may serve
 */
export function hashedRows(spec: ComparisonSpec, side: Side, options: StatementOptions, select: (sql: RowSql) => string, only?: (sql: Pick<RowSql, 'key' | 'segment'>) => string, lookup = ''): string {
  const { rows, keyHash, columnHash, segmentBits, auditHash, ...sql } = sideSql(spec, side, options)
  const [key, segment] = [keyHash, maskSegment(options, segmentBits)]
  const claim = claimCondition(spec, side)
  const states = placedStates(sql.states, options, keyHash)
  const reason = firstReason(side === 'source' ? [] : spec.target.generated)
  const placeOfState = (name: string, index: number) => (!isUnkeyed(name) || reason === 'null' ? String(placeOf(index, null)) : `${placeOf(index, null)} - coalesce((${reason})::int4 + 1, 0)`)
  // conditions side by side are asked in the order of their price: what another entity claims need not be fit for this one's key
  const readable = isReadable(side, options)
  const refused = [...(readable === 'true' ? [] : [`not (${readable})`]), ...(claim === 'true' || (side === 'target' && spec.target.claim === 'keyMap') ? [] : [`(${claim}) is not true`]), ...states.map(({ when }) => when)]
  const wanted = only === undefined ? '' : ` and ${refused.length === 0 ? only({ key, segment }) : `case ${refused.map((when) => `when ${when} then false`).join(' ')} else ${only({ key, segment })} end`}`
  const unless = (value: string) => (states.length === 0 ? value : `case ${states.map(({ when }) => `when ${when} then null`).join(' ')} else ${value} end`)
  const columns = select({
    place: (keyed) => (states.length === 0 ? keyed : `case ${states.map(({ name, when }, index) => `when ${when} then ${placeOfState(name, index)}`).join(' ')} else ${keyed} end`),
    keyed: unless, key, segment, rest: columnHash ?? '0::int8', nth: (places) => `((${at(sql.keys, 0).value})::int8 & ${places - 1}::int8)::int4`,
    audit: options.audited === undefined ? 'null' : `case when ${inAudit(options.audited, segmentBits)} then ${auditHash} end`,
  })
  return `select ${columns} from ${rows} where ${wantedRows(spec, side, options)} and ${pageCondition(side, options.pages)}${lookup}${wanted} offset 0`
}

/** How far back `age` is asked, transactions: it tells distances modulo 2^32, and its sign turns at 2^31. */
const longestAge = 2 ** 30

/**
 * SQL condition that the version of a row that a pass sees may have been written by the transaction `since` or a later one. What it does not hold for was committed before any snapshot
 * whose `pg_snapshot_xmin` is `since`, and stood in that snapshot as it does now: a version never changes, and a deleted one does not come back. A raw xmin tells its transaction
 * modulo 2^32; the newest that it may stand for counts, so the condition errs towards holding. Only in one snapshot of a transaction without an xid of its own: `age` counts from the first id that was
 * free when the transaction asked first.
 */
export function isNewer(side: Side, since: string): string {
  const first = BigInt(since)
  return `(pg_catalog.age(${aliasOf(side)}.xmin)::int8 & 4294967295) <= (select case when pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::int8 - ${int8Literal(first)} < ${longestAge} ` +
    `then pg_catalog.age('${first & 0xffffffffn}'::xid)::int8 else 4294967295 end)`
}

/** What a row may be instead of compared, a row outside the sample included. */
function placedStates(states: SideSql['states'], options: StatementOptions, keyHash: string): SideSql['states'] {
  const sampled = inSample(options, keyHash)
  return sampled === null ? states : [...states, { name: 'not sampled', when: `not ${sampled}` }]
}

/** Reasons that a plan may declare for one side. */
const mostReasons = 10_000

/** A negative number for a row that is not keyed, from the index of its state and that of its reason. */
function placeOf(state: number, reason: number | null): number {
  return -1 - state * mostReasons - (reason === null ? 0 : reason + 1)
}

const isUnkeyed = (state: string) => state === 'no key' || state === 'no map entry'

/** What a negative place stands for. @returns reason null: none holds */
export function stateAt(spec: ComparisonSpec, side: Side, options: StatementOptions, place: number): { state: string; reason: number | null } {
  const sql = sideSql(spec, side, options)
  const states = placedStates(sql.states, options, sql.keyHash)
  const reason = (-1 - place) % mostReasons - 1
  return { state: at(states, Math.floor((-1 - place) / mostReasons)).name, reason: reason < 0 ? null : reason }
}

/** SQL condition, behind others, of the rows whose versions may be newer than a transaction (`isNewer`). */
export const newerCondition = (side: Side, since: string | undefined): string => (since === undefined ? '' : ` and ${isNewer(side, since)}`)

/** Columns of a row for `packedRow`. */
export function rowToPack(spec: ComparisonSpec, side: Side, { keyed, key, rest }: RowSql): string {
  return `${keyed(key)} as key, ${keyed(rest)} as rest${spec[side].chunkable ? `, ${aliasOf(side)}.ctid as address` : ''}`
}

/** A row packed: 22 bytes, numbers big-endian: hash of the key int8, of the row int8, page int4 and line int2 of its address; zeros for a table that is not read in ranges of them. */
export function packedRow(spec: ComparisonSpec, side: Side): string {
  return `pg_catalog.int8send(key) || pg_catalog.int8send(${rowHash('key', 'rest')}) || ${spec[side].chunkable ? 'pg_catalog.tidsend(address)' : `'\\x000000000000'::bytea`}`
}

/** SQL of when a row was last changed, and of whether that is later than `snapshot` (ISO 8601) less the lag, and no time that is still to come (a day ahead, whatever the clocks): such a row would be pending for ever; null and false without such a column. */
export function changeColumns(spec: ComparisonSpec, side: Side, snapshot: string | null): [changedAt: string, recent: string] {
  const column = spec[side].changedAt
  if (column === null || snapshot === null) return ['null', "'false'"]
  const changedAt = `${aliasOf(side)}.${quoteIdentifier(column)}::timestamptz`
  const limit = `${quoteLiteral(snapshot)}::timestamptz - ${quoteLiteral(spec.source.lag ?? '0')}::interval`
  return [`pg_catalog.to_char(${changedAt} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`, `((${changedAt} > ${limit} and ${changedAt} <= ${quoteLiteral(snapshot)}::timestamptz + '1 day'::interval) is true)::text`]
}
