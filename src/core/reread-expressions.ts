import { canonicalText, int8Literal } from './canonical.js'
import { aliasOf, type Side } from './catalog.js'
import { isTrue } from './identifier.js'
import { at } from './lists.js'
import { keyEnds, lookupCondition, neighbourCondition, ownColumn } from './lookup-expressions.js'
import { changeColumns, claimCondition, firstReason, hashedRows, isNewer, isReadable, listed, mergeJoin, newerCondition, packedRow, pageCondition, rowsOf, rowToPack, sideSql, wantedRows, type StatementOptions } from './row-expressions.js'
import type { ComparisonSpec, TermSpec } from './spec.js'
import { acceptedColumns, legTexts, termText, type TermSql } from './term-expressions.js'

/** The SQL that reads rows again which the sums of a pass could not prove equal, and what decides of their class. */

/**
 * The keyed rows of the segments listed in $1 (`{1,2}`), packed into blocks by their key. Columns: block (0 to 63), rows (base64 of the packed rows).
 * @param isByKey the neighbours in these segments are looked up by an index on the key, where `keyIndexStatement` tells that there is one; else all rows are looked at
 * @param newer of these only rows whose version may be of this transaction or a later one
 */
export function readSegmentsStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, isByKey = false, newer?: string): string {
  const rows = hashedRows(spec, side, options, (row) => rowToPack(spec, side, row), ({ segment }) => `${segment} = any(${listed(options, 1)}::int4[])`, isByKey ? neighbourCondition(spec, side, options) : newerCondition(side, newer))
  return `select block::text, pg_catalog.encode(pg_catalog.string_agg(${packedRow(spec, side)}, ''::bytea), 'base64') as rows from (select *, ((key >> 32) & 63::int8)::int4 as block from (${rows}) hashed offset 0) chosen group by block`
}

/** The keyed rows whose key hash is listed in $1 (`{1,2}`): a pass. Columns: rows (base64 of the packed rows; null without any). */
export function readListedStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const rows = hashedRows(spec, side, options, (row) => rowToPack(spec, side, row), ({ key }) => `(${key}) = any($1::int8[])`)
  return `select pg_catalog.encode(pg_catalog.string_agg(${packedRow(spec, side)}, ''::bytea), 'base64') as rows from (${rows}) hashed`
}

/** The keyed rows whose key hash is listed in $1 (`{1,2}`), looked up by their legs, listed in $2… (`keyLookup`). Columns: rows (base64 of the packed rows; null without any). */
export function readPackedKeysStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const rows = hashedRows(spec, side, options, (row) => rowToPack(spec, side, row), ({ key }) => `(${key}) = any($1::int8[])`, lookupCondition(spec, side))
  return `select pg_catalog.encode(pg_catalog.string_agg(${packedRow(spec, side)}, ''::bytea), 'base64') as rows from (${rows}) hashed`
}

/**
 * The keyed rows whose key hash is listed in $1 (`{1,2}`), at the addresses listed in $2 (`{"(0,1)"}`), with the legs by which the other side's rows of these keys are looked up.
 * Columns: rows (base64 of the packed rows; null without any), l0… (the canonical legs of these rows, as the text of an array), incomplete (`true`: a leg of a row is NULL, and in no index).
 */
export function readPackedLegsStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { keys } = sideSql(spec, side, options)
  const legs = keys.map((leg, index) => ({ name: `l${index}`, sql: canonicalText(leg.value) }))
  const rows = hashedRows(spec, side, options, (row) => [rowToPack(spec, side, row), ...legs.map(({ name, sql }) => `${row.keyed(sql)} as ${name}`)].join(', '), ({ key }) => `(${key}) = any(${listed(options, 1)}::int8[])`,
    ` and ${aliasOf(side)}.ctid = any(${listed(options, 2)}::tid[])`)
  return `select pg_catalog.encode(pg_catalog.string_agg(${packedRow(spec, side)}, ''::bytea), 'base64') as rows, ${legs.map(({ name }) => `pg_catalog.array_agg(${name})::text as ${name}`).join(', ')}, ` +
    `coalesce(pg_catalog.bool_or(${legs.map(({ name }) => `${name} is null`).join(' or ')}), false)::text as incomplete from (${rows}) hashed where key is not null`
}

/**
 * The keyed rows of the integer keys listed in $1 (`{1,2}`), looked up by an index. Columns: segments (base64 of an int4 for each row), rows (base64 of the packed rows, in the same order); null without any.
 * The planner is not told the keys, since it would weigh each of them.
 */
export function readPlacesStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { path } = keyEnds(spec, side)
  const rows = hashedRows(spec, side, options, (row) => `${row.keyed(row.segment)} as segment, ${rowToPack(spec, side, row)}`, undefined, ` and ${aliasOf(side)}.${path.column} = any(array(select pg_catalog.unnest(${listed(options, 1)}::${path.type}[])))`)
  return `select pg_catalog.encode(pg_catalog.string_agg(pg_catalog.int4send(segment), ''::bytea), 'base64') as segments, pg_catalog.encode(pg_catalog.string_agg(${packedRow(spec, side)}, ''::bytea), 'base64') as rows from (${rows}) hashed where segment is not null`
}

/** The keys of the keyed rows at the addresses listed in $1 (`{"(0,1)"}`). Columns: key_hash, k0… (legs). */
export function readLegsStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { from, keys } = sideSql(spec, side, options)
  const legs = legTexts(spec, keys, side, options.recode).map((text, index) => `${text} as k${index}`)
  return `select hashed.key::text as key_hash, ${legs.join(', ')} from ${from} where ${wantedRows(spec, side, options)} and state.name = 'keyed' and ${aliasOf(side)}.ctid = any($1::tid[])`
}

/**
 * The claimed rows whose key hash is listed in $1 (`{1,2}`), whole.
 * Columns: key_hash, row_hash, k0… (legs), r0… (target: raw legs), o0… (the leg stands for the other value of its value map), c0… (columns), d0… (raw columns of references), reason (explained at the source,
 * generated at the target), a0_0… (source: what is accepted instead of a column, null where it is not) or e0… (target: what it is compared with), changed_at, recent.
 * @param snapshot when the pass saw this side, ISO 8601; null when it is not known
 * @param where addresses: only at those listed in $2 (`{"(0,1)"}`), in their order, so that of equal rows the same one pairs each time (of a row that has come there since, and need not bear the plan's SQL, nothing but the key is evaluated); keys: only keys whose legs are listed in $2…, key by key
 *   (`keyLookup`), which an index may find; anywhere: the whole side is read
 * @param areAlone the other side has none of these keys: only what the class of such a row depends on is read
 */
export function readRowsStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, snapshot: string | null, where: 'anywhere' | 'addresses' | 'keys' = 'anywhere', areAlone = false): string {
  const { from } = sideSql(spec, side, options)
  const ctid = `${aliasOf(side)}.ctid`
  const place = where === 'addresses' ? ` and ${ctid} = any(${listed(options, 2)}::tid[]) order by ${ctid}` : where === 'keys' ? lookupCondition(spec, side) : ''
  return `select ${rowColumns(spec, side, options, snapshot, areAlone).map(({ name, sql }) => `${sql} as ${name}`).join(', ')} from ${from} where ${wantedRows(spec, side, options)} and ${pageCondition(side, options.pages)} and state.name = 'keyed' and hashed.key = any(${listed(options, 1)}::int8[])${place}`
}

/** The names of the columns that `readRowsStatement` gives, in their order. */
export function namesOfRowColumns(spec: ComparisonSpec, side: Side, areAlone = false): string[] {
  return rowColumns(spec, side, { segments: 1, recode: false }, null, areAlone).map(({ name }) => name)
}

/** The columns that the class of a row without a partner depends on: references to parents at the source, and what is summed up by class. Rows that others are merged into are told apart by all. */
function columnsOfAlone(spec: ComparisonSpec, side: Side): Set<number> {
  if (side === 'source' && spec.source.merge !== null) return new Set(spec.columns.keys())
  const places = [...(side === 'source' ? spec.parents : []), ...spec.totals.flatMap(({ sum, by }) => [sum, ...by])]
  return new Set(places.flatMap(({ part, index }) => (part === 'columns' ? [index] : [])))
}

function rowColumns(spec: ComparisonSpec, side: Side, options: StatementOptions, snapshot: string | null, areAlone: boolean): { name: string; sql: string }[] {
  const { keys, columns } = sideSql(spec, side, options)
  const column = (name: string, sql: string) => ({ name, sql })
  const textOf = (terms: readonly TermSpec[], sql: TermSql, index: number) => termText(at(terms, index).canonical, sql, side, options.recode, at(terms, index).tolerance !== null)
  const [changedAt, recent] = changeColumns(spec, side, snapshot)
  const needed = areAlone ? columnsOfAlone(spec, side) : new Set(columns.keys())
  const always = [
    column('key_hash', 'hashed.key::text'), column('row_hash', 'hashed.row::text'), column('reason', firstReason(side === 'source' ? spec.source.explained : spec.target.generated)), column('changed_at', changedAt), column('recent', recent),
    ...keys.map((leg, index) => column(`k${index}`, textOf(spec.key, leg, index))),
    ...(side === 'source' ? [] : keys.map((leg, index) => column(`r${index}`, leg.raw))),
    ...columns.flatMap((one, index) => (needed.has(index) ? [column(`c${index}`, textOf(spec.columns, one, index))] : [])),
  ]
  return areAlone ? always : [
    ...always,
    ...keys.flatMap(({ neededOther }, index) => (neededOther === null ? [] : [column(`o${index}`, `(${neededOther})::text`)])),
    ...columns.flatMap((one, index) => (at(spec.columns, index).keyMap === null ? [] : [column(`d${index}`, one.raw)])),
    ...spec.columns.flatMap((term, index) => acceptedColumns(term, index, side)),
  ]
}

/**
 * The rows that a merge takes into others.
 * Columns: k0… (legs), c0… (columns), reason (explained), recent, s0… and t0… (legs and columns of the survivor), survivor (its state), newer and survivor_newer (their versions may be of the transaction `since` or a later one), key_hash and row_hash (of the survivor;
 * null unless `hashed`), kept (claimed rows whose versions are not newer; null: since then no transaction has begun).
 * @param snapshot when the pass saw the source, ISO 8601; null when it is not known
 * @param since every transaction before this one was over when the pass read the source
 */
export function readMergedStatement(spec: ComparisonSpec, options: StatementOptions, snapshot: string | null, since: string, hashed = false): string {
  const { from, keys, columns } = sideSql(spec, 'source', options)
  const [, recent] = changeColumns(spec, 'source', snapshot)
  const newer = isNewer('source', since)
  const texts = [
    ...keys.map((leg, index) => ({ text: termText(at(spec.key, index).canonical, leg, 'source', options.recode), own: `k${index}`, survivor: `s${index}` })),
    ...columns.map((column, index) => ({ text: termText(at(spec.columns, index).canonical, column, 'source', options.recode), own: `c${index}`, survivor: `t${index}` })),
    { text: hashed ? 'hashed.key::text' : 'null::text', own: 'own_key_hash', survivor: 'key_hash' }, { text: hashed ? 'hashed.row::text' : 'null::text', own: 'own_row_hash', survivor: 'row_hash' }, { text: `(${newer})::text`, own: 'newer', survivor: 'survivor_newer' },
  ]
  const kept = `case when pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::int8 > ${int8Literal(BigInt(since))} then (select pg_catalog.count(*) from ${rowsOf(spec, 'source')} where ${claimCondition(spec, 'source')} and not (${newer}))::text end`
  return `with member as materialized (select src.tableoid as relation, src.ctid as address, merging.place, merging.survivor_relation, merging.survivor, state.name as state, ` +
    `${firstReason(spec.source.explained)} as reason, ${recent} as recent, ${texts.map(({ text, own }) => `${text} as ${own}`).join(', ')} from ${from} ` +
    `where ${wantedRows(spec, 'source', options)} and merging.members > 1 and state.name in ('keyed', 'merged', 'no key')) ` +
    `select ${texts.map(({ own, survivor }) => `member.${own}, first.${own} as ${survivor}`).join(', ')}, member.reason, member.recent, first.state as survivor, ${kept} as kept ` +
    `from member join member first on first.relation = member.survivor_relation and first.address = member.survivor where member.state = 'merged'`
}

/**
 * Source rows whose first key leg, as text with its state ('' for NULL), is listed in $1 (a text array): why a target row has no partner.
 * Columns: k0…, excluded (index of the reason, or null), claimed (`true`, `false`), key_hash.
 * @param claimed the rows that the entity claims, or the others: on those the plan's SQL for the key may fail
 * @param by first: the leg is a column, and $2 lists its values, so that an index may find them; all: so are all legs, listed in $2…, key by key (`keyLookup`)
 */
export function findSourceKeysStatement(spec: ComparisonSpec, options: StatementOptions, claimed: boolean, by: 'first' | 'all' | null = null): string {
  const first = by === 'first' ? ownColumn(at(spec.key, 0), 'source') : null
  const lookup = by === 'all' ? lookupCondition(spec, 'source') : first === null ? '' : ` and ${first.column} = any($2::${first.type}[])`
  const { keys, keyHash } = sideSql(spec, 'source', options)
  const texts = legTexts(spec, keys, 'source', options.recode)
  const claim = isTrue(spec.source.where)
  const joins = keys.flatMap((leg) => leg.join ?? []).join(' ')
  return `select ${texts.map((text, index) => `${text} as k${index}`).join(', ')}, ${firstReason(spec.source.exclude)} as excluded, (${claim})::text as claimed, (${keyHash})::text as key_hash ` +
    `from ${rowsOf(spec, 'source')} ${joins} where case when ${claim} is ${claimed ? '' : 'not '}true and ${isReadable('source', options)} then coalesce(${at(texts, 0)}, '') = any($1::text[]) end${lookup}`
}

/**
 * Claimed source rows whose first key leg, as text with its state, is listed in $1 (a text array): what became of a parent.
 * Columns: k0, excluded and reason (indexes, or null), recent (changed within the lag), p0… (the references that lead to parents of its own), s0 (the first key leg of the row that it is merged into, or null).
 * @param snapshot when a pass saw the source, ISO 8601; null when it is not known
 */
export function readParentsStatement(spec: ComparisonSpec, options: StatementOptions, snapshot: string | null): string {
  const { keys, columns } = sideSql(spec, 'source', options)
  const text = (terms: readonly TermSpec[], sql: readonly TermSql[], index: number) => termText(at(terms, index).canonical, at(sql, index), 'source', options.recode)
  const references = spec.parents.map(({ part, index }, parent) => `, ${part === 'key' ? text(spec.key, keys, index) : text(spec.columns, columns, index)} as p${parent}`)
  const joinsOf = (terms: readonly TermSql[]) => terms.flatMap((term) => term.join ?? []).join(' ')
  const key = text(spec.key, keys, 0)
  const claim = isTrue(spec.source.where)
  const [, recent] = changeColumns(spec, 'source', snapshot)
  const survivors = spec.source.merge === null ? '' : `${mergeJoin(spec)} left join (select src.tableoid as relation, src.ctid as address, ${key} as k0 from ${rowsOf(spec, 'source')} ${joinsOf(keys)} where ${claim}) first ` +
    'on merging.place > 1 and first.relation = merging.survivor_relation and first.address = merging.survivor'
  return `select ${key} as k0, ${firstReason(spec.source.exclude)} as excluded, ${firstReason(spec.source.explained)} as reason, ${recent} as recent${references.join('')}, ${survivors === '' ? 'null' : 'first.k0'} as s0 ` +
    `from ${rowsOf(spec, 'source')} ${joinsOf([...keys, ...columns])} ${survivors} where case when ${claim} then ${key} = any($1::text[]) end`
}

/** Keys of claimed target rows whose first leg, as text with its state, is listed in $1 (a text array). Columns: k0…. */
export function findTargetKeysStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { from, keys } = sideSql(spec, 'target', options)
  const texts = legTexts(spec, keys, 'target', options.recode)
  return `select ${texts.map((text, index) => `${text} as k${index}`).join(', ')} from ${from} ` +
    `where ${wantedRows(spec, 'target', options)} and state.name = 'keyed' and ${at(texts, 0)} = any($1::text[])`
}

/** The keys of rows, without any other value of them. Columns: k0…. */
export function readKeysStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { from, keys } = sideSql({ ...spec, columns: [] }, side, options)
  return `select ${legTexts(spec, keys, side, options.recode).map((text, index) => `${text} as k${index}`).join(', ')} from ${from} where ${wantedRows(spec, side, options)} and state.name = 'keyed'`
}

/**
 * What the legs of a key are shown as (`shownText`), as SQL over the source's row: canonical text, or the raw text where a leg is unresolved.
 * `joins` stands behind the relation.
 */
export function shownSourceKey(spec: ComparisonSpec): { texts: string[]; joins: string } {
  const { keys } = sideSql(spec, 'source', { segments: 1, recode: false })
  const texts = keys.map(({ value, unresolved, raw }) => (unresolved === null ? canonicalText(value) : `(case when ${unresolved} then pg_catalog.left(${raw}, 200) else ${canonicalText(value)} end collate "C")`))
  return { texts, joins: keys.flatMap((leg) => leg.join ?? []).join(' ') }
}
