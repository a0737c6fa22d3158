import { canonicalText, readText } from './canonical.js'
import { aliasOf, type Side } from './catalog.js'
import { isTrue, quoteIdentifier, relationSql } from './identifier.js'
import { fromEntries, isNatural, keyMapOf } from './key-map-expressions.js'
import { at } from './lists.js'
import { keyLookup, keyPath, neighbourCondition } from './lookup-expressions.js'
import { addressOf, changeColumns, claimCondition, firstReason, hashedRows, isNewer, isReadable, newerCondition, packedRow, pageCondition, rowHash, rowsOf, rowToPack, sideSql, wantedRows, type StatementOptions } from './row-expressions.js'
import { weightMask } from './single-difference.js'
import type { ComparisonSpec, TermPlace, TotalSpec } from './spec.js'
import { legTexts, resolvedValue, termText } from './term-expressions.js'

/** The SQL of passes over a side, or a chunk of it. */

const snapshotColumn = `pg_catalog.to_char(pg_catalog.now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as snapshot`

/**
 * Counts the claimed rows of a side by themselves: no key map is joined, no term is evaluated, and a row that a join of the plan multiplies counts once.
 * Columns: rows, scope (rows that no exclusion names; equal to rows on the target), snapshot (ISO 8601).
 */
export function countStatement(spec: ComparisonSpec, side: Side, pages?: StatementOptions['pages'], only?: readonly string[]): string {
  const excluded = side === 'target' ? 'false' : spec.source.exclude.map(({ where }) => isTrue(where)).join(' or ') || 'false'
  const count = spec[side].join === null ? 'pg_catalog.count(*)' : `pg_catalog.count(distinct ${addressOf(spec, side)})`
  return `select ${count}::text as rows, (${count} filter (where not (${excluded})))::text as scope, ` +
    `${snapshotColumn} ` +
    `from ${rowsOf(spec, side)} where ${claimCondition(spec, side)} and ${pageCondition(side, pages)}${only === undefined ? '' : ` and ${isReadable(side, { segments: 1, recode: false, only })}`}`
}

/** When the snapshot of a transaction was taken. Columns: snapshot (ISO 8601). */
export const snapshotStatement = `select ${snapshotColumn}`

/** Whether the rows of a pass are the claimed rows by construction: nothing is joined that could multiply or drop one. */
export function countsItself(spec: ComparisonSpec, side: Side): boolean {
  const { keys, columns } = sideSql(spec, side, { segments: 1, recode: false })
  return spec[side].join === null && (side === 'target' || spec.source.merge === null) && [...keys, ...columns].every(({ join }) => join === null)
}

/** SQL of a sum modulo 2^64, as a numeric. */
function wrappedSum(value: string, where = 'true'): string {
  return `pg_catalog.mod(pg_catalog.sum(${value})${where === 'true' ? '' : ` filter (where ${where})`}, 18446744073709551616)`
}

/** SQL that packs the segments `place` with their `rows` and 8 bytes of each. */
function packed(bytes: string, which = ''): string {
  return `pg_catalog.encode(pg_catalog.string_agg(pg_catalog.int4send(place) || pg_catalog.int4send(rows::int4) || ${bytes}, ''::bytea) filter (where place >= 0${which}), 'base64')`
}

/** SQL that packs the segments with one of their wrapped sums. */
function packedSums(sum: string, which = ''): string {
  return packed(`pg_catalog.int8send((case when ${sum} >= 9223372036854775808 then ${sum} - 18446744073709551616 when ${sum} < -9223372036854775808 then ${sum} + 18446744073709551616 else ${sum} end)::int8)`, which)
}

/**
 * One pass over a side (or a chunk of it), one row.
 * Columns: segments (base64 of 16 bytes for each segment, numbers big-endian: segment int4, rows int4, sum of the fingerprints modulo 2^64, or with `since` the newer rows, int8; null without keyed rows),
 * keys (the same with the XOR of the keys' hashes; only where newer rows can be compared by their keys), audit (the same of the audited segments, with other seeds; only where there are some), weighted (base64 of an int4 for each of the segments, in the same order: the sum of the bits of `weightMask` of
 * the fingerprints times the places of their keys, modulo as many bits; only where `countPlaces`), newer (with `since`: base64 of 26 bytes for each newer row: segment int4, hash of the key int8,
 * what it adds to the XOR of the keys int8, page int4 and line int2 of its address), others (JSON: place → rows that are not keyed, see `stateAt`), snapshot (ISO 8601), horizon (decimal text of an xid8: every transaction before it was over).
 */
export function scanStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { since } = options
  const [auditPacked, auditSum] = options.audited === undefined ? ['', ''] : [`${packedSums('audit', ' and audit is not null')} as audit, `, `, ${wrappedSum('audit', 'audit is not null')} as audit`]
  const isByKey = comparesByKey(spec, options)
  const [keysPacked, keys] = isByKey ? [`${packed('pg_catalog.int8send(keys)')} as keys, `, `, pg_catalog.bit_xor(${mixedKey(spec)}) as keys`] : ['', '']
  const [newerPacked, newer] = since === undefined || !isByKey ? ['', ''] : ["pg_catalog.encode(pg_catalog.string_agg(newer, ''::bytea) filter (where place >= 0), 'base64') as newer, ", `, pg_catalog.string_agg(${packedNewer(spec)}, ''::bytea) filter (where rest is not null) as newer`]
  const places = countPlaces(spec, options)
  const [weightedPacked, weighted] = places === 0 ? ['', ''] : [`pg_catalog.encode(pg_catalog.string_agg(pg_catalog.int4send(weighted), ''::bytea) filter (where place >= 0), 'base64') as weighted, `, `, coalesce((pg_catalog.sum((${rowHash('key', 'rest')} & ${weightMask(places)}::int8)::int4 * nth) & ${weightMask(places)}::int8)::int4, 0) as weighted`]
  // of newer rows the values are read although nothing but their number counts, so that one that cannot be read raises its error here
  const rows = hashedRows(spec, side, options, (row) => [
    `${row.place(row.segment)} as place`, `${row.keyed(row.key)} as key`, ...(places === 0 ? [] : [`${row.keyed(row.nth(places))} as nth`]), `${row.keyed(since === undefined ? row.rest : `case when ${isNewer(side, since)} then ${row.rest} end`)} as rest`, ...(newer === '' ? [] : [`${aliasOf(side)}.ctid as address`]), ...(auditSum === '' ? [] : [`${row.keyed(row.audit)} as audit`]),
  ].join(', '))
  return `select ${packedSums('sum')} as segments, ${keysPacked}${weightedPacked}${auditPacked}${newerPacked}` +
    `coalesce(pg_catalog.json_object_agg(place, rows) filter (where place < 0), '{}')::text as others, ${snapshotColumn}, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text as horizon ` +
    `from (select place, pg_catalog.count(*) as rows, ${since === undefined ? wrappedSum(rowHash('key', 'rest')) : 'pg_catalog.count(rest)'} as sum${keys}${weighted}${auditSum}${newer} from (${rows}) hashed group by 1 offset 0) places`
}

/**
 * The segments listed in $1 alone, all audited, their neighbours looked up by an index on the key. Columns: segments and audit, as `scanStatement` has them; each null without a keyed row.
 * @param options with `audited`
 */
export function auditStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const rows = hashedRows(spec, side, options, (row) => `${row.keyed(row.segment)} as place, ${row.keyed(row.key)} as key, ${row.keyed(row.rest)} as rest, ${row.keyed(row.audit)} as audit`, ({ segment }) => `${segment} = any($1::int4[])`,
    neighbourCondition(spec, side, options))
  return `select ${packedSums('sum')} as segments, ${packedSums('audit')} as audit ` +
    `from (select place, pg_catalog.count(*) as rows, ${wrappedSum(rowHash('key', 'rest'))} as sum, ${wrappedSum('audit')} as audit from (${rows}) hashed where place is not null group by 1) places`
}

/** What a key adds to the XOR of its segment's: the hash of one leg as it is; that of several is an XOR itself and is mixed, so that legs swapped between rows change the whole. */
function mixedKey(spec: ComparisonSpec): string {
  return spec.key.length === 1 ? 'key' : rowHash('key', null)
}

/** A newer row packed: 26 bytes, as `scanStatement` tells. */
function packedNewer(spec: ComparisonSpec): string {
  return `pg_catalog.int4send(place) || pg_catalog.int8send(key) || pg_catalog.int8send(${mixedKey(spec)}) || pg_catalog.tidsend(address)`
}

/** Of a segment of so few neighbours all rows are read as fast as some. */
const fewNeighbours = 32
/** So many keys beside each other make a segment at most where many rows are expected to differ; where few are, segments are larger, unless there are no more rows. */
const mostPlaces = 64

/**
 * How many places a neighbourhood has, where a pass weighs its sums with them: then the key of a segment's only difference is told by its sums, and is looked up alone. Only in small segments, which are made where many rows
 * differ: where few do, looking up all rows of a few segments costs less than weighing all.
 * @returns 0: sums are not weighted, as those of a pass with `since` never are
 */
export function countPlaces(spec: ComparisonSpec, { neighbours, since }: Pick<StatementOptions, 'neighbours' | 'since'>): number {
  return since === undefined && neighbours !== undefined && neighbours <= mostPlaces && areKeysLookedUp(spec) ? neighbours : 0
}

/** Whether an index may find the rows of a key on both sides, and they are where it says. */
function areKeysLookedUp(spec: ComparisonSpec): boolean {
  return (['source', 'target'] as const).every((side) => spec[side].chunkable && keyLookup(spec, side) !== null)
}

/**
 * Whether newer rows can be compared alone: each is found by an index on both sides, and no source key stands twice, so that what is not newer under a key that both sides have is what was equal before, and
 * as many keys with the same XOR are the same keys. A segment of few neighbours is read again instead, as fast: sums of more than one kind cost most where they are many.
 */
export function comparesByKey(spec: ComparisonSpec, { neighbours }: StatementOptions): boolean {
  return (neighbours === undefined || neighbours > fewNeighbours) && spec.source.uniqueKey !== null && !spec.bag && areKeysLookedUp(spec)
}

/** A block of a streamed entity holds the rows of so many segments: few enough to pair in little memory, enough that a chunk is saved in few pieces. */
const segmentsOfBlock = 32

/** How many blocks the rows of a streamed entity are divided into. */
export function countBlocks(segments: number): number {
  return Math.max(1, segments / segmentsOfBlock)
}

/** The rows whose version may be of the transaction `since` or a later one. Columns: newer (of the keyed ones, as `scanStatement` packs them; null without any), others (how many are not keyed). */
export function newerKeysStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, since: string): string {
  const rows = hashedRows(spec, side, options, (row) => `${row.place(row.segment)} as place, ${row.keyed(row.key)} as key, ${aliasOf(side)}.ctid as address`, undefined, newerCondition(side, since))
  return `select pg_catalog.encode(pg_catalog.string_agg(${packedNewer(spec)}, ''::bytea) filter (where place >= 0), 'base64') as newer, (pg_catalog.count(*) filter (where place < 0))::text as others from (${rows}) hashed`
}

/**
 * One pass over a side (or a chunk of it) that gives every row in place of sums.
 * Columns: place (block of the key, or negative as in `scanStatement`), rows (count), packed (base64 of the rows of a block, else null).
 * @param newer only rows whose version may be of this transaction or a later one
 */
export function streamStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, newer?: string): string {
  return `select place::text, pg_catalog.count(*)::text as rows, pg_catalog.encode(pg_catalog.string_agg(packed, ''::bytea), 'base64') as packed ` +
    `from (select coalesce(place, ((key >> 32) & ${countBlocks(options.segments) - 1}::int8)::int4) as place, case when place is null then ${packedRow(spec, side)} end as packed ` +
    `from (${hashedRows(spec, side, options, (row) => `${row.place('null::int4')} as place, ${rowToPack(spec, side, row)}`, undefined, newerCondition(side, newer))}) hashed offset 0) rows group by place`
}

/**
 * The sum of a column over the rows of each group, of one chunk; excluded rows and generated target rows that have no key are left out.
 * Columns: class (`keyed`, `merged`), rows, sum, b0… (the group, texts with their state). At most `limit` + 1 groups.
 */
export function sumStatement(spec: ComparisonSpec, side: Side, total: TotalSpec, limit: number, options: StatementOptions): string {
  const { from, keys, columns } = sideSql(spec, side, options)
  const sqlOf = ({ part, index }: TermPlace) => at(part === 'key' ? keys : columns, index)
  const groups = total.by.map((place, index) => `${termText(at(spec[place.part], place.index).canonical, sqlOf(place), side, options.recode)} as b${index}`)
  const left = side === 'source' ? "state.name not like 'excluded %'" : `(state.name = 'keyed' or (${firstReason(spec.target.generated)}) is null)`
  const names = ['class', ...total.by.map((_, index) => `b${index}`)].join(', ')
  return `select ${names}, pg_catalog.count(*)::text as rows, pg_catalog.sum(value)::text as sum from (select case when state.name = 'merged' then 'merged' else 'keyed' end as class, ` +
    `${readText('numeric', canonicalText(resolvedValue(sqlOf(total.sum))))} as value${groups.map((group) => `, ${group}`).join('')} from ${from} ` +
    `where ${wantedRows(spec, side, options)} and ${pageCondition(side, options.pages)} and ${left}) rows group by ${names} limit ${limit + 1}`
}

/** How often the explanations hold that a row's own condition decides, over the rows that pair by their key. Columns: reason (index of the first that holds, or null), rows. */
export function explainedRowsStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { from } = sideSql(spec, 'source', options)
  return `select ${firstReason(spec.source.explained)} as reason, pg_catalog.count(*)::text as rows from ${from} where ${claimCondition(spec, 'source')} and state.name = 'keyed' group by 1`
}

/** The addresses of the rows of a chunk, at most `limit` + 1. Columns: address. */
export function addressesStatement(spec: ComparisonSpec, side: Side, pages: StatementOptions['pages'], limit: number): string {
  return `select ${aliasOf(side)}.ctid::text as address from ${rowsOf(spec, side)} where ${claimCondition(spec, side)} and ${pageCondition(side, pages)} order by ${aliasOf(side)}.ctid limit ${limit + 1}`
}

/**
 * Rows of a side that have no key to pair by, at most $1 of them. Columns: state, recent (changed within the lag), r0… (raw legs).
 * @param snapshot when the pass saw this side, ISO 8601; null when it is not known
 * @param areFew the entity claims the whole table, and the addresses of all rows without a key fit into memory: behind a key map they are found first, since a join that brings each row its legacy key takes three times as long as one that only asks for it
 */
export function readUnkeyedStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, snapshot: string | null, areFew = false): string {
  const { from, keys } = sideSql(spec, side, options)
  const reason = side === 'source' ? 'null' : firstReason(spec.target.generated)
  const states = side === 'source' ? "state.name = 'no key'" : `state.name <> 'keyed' and (${reason}) is null`
  const raw = keys.map((leg, index) => `${leg.raw} as r${index}`)
  const [, recent] = changeColumns(spec, side, snapshot)
  return `select * from (select state.name as state, ${recent} as recent, ${raw.join(', ')} from ${from} where ${wantedRows(spec, side, options)} and ${states}${areFew ? withoutEntry(spec, side) : ''}) rows ` +
    `order by ${raw.map((_, index) => `r${index} collate "C"`).join(', ')} limit $1::text::int8`
}

/**
 * Counts the claimed rows of a side, or of some of its pages, that are not paired by a key: excluded ones and those without a key. Columns: state (as `stateAt` names them), reason (index of the generated reason that holds, or null), recent (changed within the lag), rows.
 * @param snapshot as `readUnkeyedStatement` takes it, and `areFew`
 */
export function countUnkeyedStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, snapshot: string | null, areFew = false): string {
  // neither the columns nor what a row is merged with tells more of these rows
  const { from } = sideSql({ ...spec, columns: [], source: { ...spec.source, merge: null } }, side, options)
  const reason = side === 'source' ? 'null' : firstReason(spec.target.generated)
  const [, recent] = changeColumns(spec, side, snapshot)
  return `select state.name as state, (${reason})::text as reason, ${recent} as recent, pg_catalog.count(*)::text as rows from ${from} where ${wantedRows(spec, side, options)} and ${pageCondition(side, options.pages)} and state.name <> 'keyed'${areFew ? withoutEntry(spec, side) : ''} group by 1, 2, 3`
}

/** SQL condition, behind others, that no entry of the key map leads to a row; empty where there is none, or where it takes more than equality. */
function withoutEntry(spec: ComparisonSpec, side: Side): string {
  const [leg] = spec.key
  const onward = keyPath(spec, side)?.onward ?? null
  if (leg === undefined || onward === null) return ''
  const map = keyMapOf(spec, leg.keyMap ?? '')
  if (isNatural(map)) return ''
  const entries = `select tgt.${onward.modern} as modern ${fromEntries(map)} and tgt.${quoteIdentifier(map.legacy)} is not null`
  return ` and tgt.ctid = any(array(select tgt.ctid from ${relationSql({ schema: spec.target.schema, name: spec.target.table })} tgt where not exists (select from (${entries}) reached where reached.modern = ${onward.own})))`
}

/** Source keys that stand more than once. Columns: keys, rows. */
export function duplicateKeysStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { from, keys } = sideSql(spec, 'source', options)
  const legs = legTexts(spec, keys, 'source', options.recode).map((text, index) => `${text} as k${index}`).join(', ')
  return `select pg_catalog.count(*)::text as keys, coalesce(pg_catalog.sum(n), 0)::text as rows from (select pg_catalog.count(*) as n from (select ${legs} from ${from} ` +
    `where ${wantedRows(spec, 'source', options)} and state.name = 'keyed') rows group by ${keys.map((_, index) => `k${index}`).join(', ')} having pg_catalog.count(*) > 1) x`
}
