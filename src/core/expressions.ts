import { canonicalHash, canonicalText, canonicalValue, constantFor, int8Literal, type CanonicalKind } from './canonical.js'
import type { Side } from './catalog.js'
import { quoteIdentifier, quoteLiteral, quoteRelation } from './identifier.js'
import type { ComparisonSpec, Explanation, KeyMapSpec, NaturalKeyMapSpec, StoredKeyMapSpec, TermSpec } from './spec.js'

/**
 * The SQL of a comparison. Every statement is built from a spec alone, returns text only, and takes its lists as one text parameter.
 *
 * A term (a key leg or a column) has three states on each side: NULL, a value, or *unresolved*: a reference that its key map does not
 * know, a code that its value map does not list. Unresolved equals nothing, itself included. Read as text the states are null,
 * `=` + canonical text, and `?` (source) or `!` (target) + the raw value, so that plain string equality is right. `~` marks a long text
 * that is told by its length and two hashes, `+` a text that is accepted instead of an unresolved one (`+=value`, `+` alone for NULL).
 */
export interface StatementOptions {
  /** how many segments, a power of two */
  segments: number
  /** the servers differ in encoding */
  recode: boolean
  /** pages [first, next) of the relation's own physical order; next null: open ended */
  pages?: { first: number; next: number | null }
}

/** Texts longer than this many characters are compared by length and two 64-bit hashes instead of crossing the wire. */
export const longestText = 65_536

interface TermSql {
  /** canonical SQL value; null also when unresolved */
  value: string
  /** canonical SQL value that an unresolved term is accepted with (`other` of a value map), or null */
  otherValue: string | null
  /** SQL condition, or null when the term always resolves */
  unresolved: string | null
  /** the value as it stands on this side, as text */
  raw: string
  join: string | null
}

const literalCodes = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'uuid', 'date', 'time', 'timestamp', 'timestamptz', 'interval']

function sourceTerm(term: TermSpec, spec: ComparisonSpec, alias: string): TermSql {
  const { canonical } = term
  const map = term.keyMap === null ? null : keyMapOf(spec, term.keyMap)
  if (map !== null && isNatural(map)) return naturalTerm(term, map, 'source', alias)
  if (term.values !== null) {
    const code = (value: string) => literalCodes.includes(term.sourceType)
      ? `${term.source} = ${quoteLiteral(value)}::${term.sourceType}`
      : `(${term.source})::text collate "C" = ${quoteLiteral(value)}`
    const literal = (value: string | null) => (value === null ? `null::${canonical.literalType}` : `${quoteLiteral(value)}::${canonical.literalType}`)
    const cases = term.values.codes.map((entry) => `when ${code(entry.code)} then ${literal(entry.value)}`)
    const whenNull = `when ${term.source} is null then ${literal(term.values.null?.value ?? null)}`
    const known = term.values.codes.map((entry) => code(entry.code)).join(' or ')
    return {
      value: canonicalValue(canonical, canonical.literalType, `case ${whenNull} ${cases.join(' ')} end`),
      unresolved: `(${term.source} is not null and (${known === '' ? 'false' : known}) is not true)`,
      otherValue: term.values.other === undefined ? null : canonicalValue(canonical, canonical.literalType, literal(term.values.other.value)),
      raw: `(${term.source})::text`,
      join: null,
    }
  }
  const typed = term.zone === null ? term.source : `(${term.source}) at time zone ${quoteLiteral(term.zone)}`
  return { value: canonicalValue(canonical, term.zone === null ? term.sourceType : 'timestamptz', typed), otherValue: null, unresolved: null, raw: `(${term.source})::text`, join: null }
}

function targetTerm(term: TermSpec, spec: ComparisonSpec, alias: string): TermSql {
  const raw = `(${term.target})::text`
  if (term.keyMap === null) return { value: canonicalValue(term.canonical, term.targetType, term.target), otherValue: null, unresolved: null, raw, join: null }
  const map = keyMapOf(spec, term.keyMap)
  if (isNatural(map)) return naturalTerm(term, map, 'target', alias)
  return {
    value: canonicalValue(term.canonical, term.canonical.literalType, `${alias}.legacy`),
    otherValue: null,
    unresolved: `(${term.target} is not null and ${alias}.legacy is null)`,
    raw,
    join: `left join (${smallestLegacyKeys(map, term.canonical)}) ${alias} on ${joinKeys(map.modernType, `${alias}.modern`, term.targetType, term.target)}`,
  }
}

/** A reference by a natural key map is the natural value of the row that it leads to. */
function naturalTerm(term: TermSpec, map: NaturalKeyMapSpec, side: Side, alias: string): TermSql {
  const [own, type] = [term[side], side === 'source' ? term.sourceType : term.targetType]
  return {
    value: canonicalValue(term.canonical, 'text', `${alias}.natural_value`),
    otherValue: null,
    unresolved: `((${own}) is not null and ${alias}.natural_value is null)`,
    raw: `(${own})::text`,
    join: `left join (${naturalRows(map, side)}) ${alias} on ${joinKeys(map[side].keyType, `${alias}.key`, type, own)}`,
  }
}

export function isNatural(map: KeyMapSpec): map is NaturalKeyMapSpec {
  return 'source' in map
}

/** Columns: key, natural_value (canonical text, of several legs a JSON array; null where all legs are). */
function naturalRows(map: NaturalKeyMapSpec, side: Side): string {
  const { schema, table, key, natural } = map[side]
  const alias = aliasOf(side)
  const texts = natural.map((leg) => canonicalText(canonicalValue(leg.canonical, leg.type, leg.sql)))
  const whole = texts.length === 1 ? at(texts, 0) : `case when coalesce(${texts.join(', ')}) is not null then json_build_array(${texts.join(', ')})::text end`
  return `select ${alias}.${quoteIdentifier(key)} as key, ${whole} as natural_value from ${quoteRelation({ schema, name: table })} ${alias} where ${alias}.${quoteIdentifier(key)} is not null`
}

/** How sound a natural key map is at a side. Columns: entries, unnamed (without a natural value), repeated (natural values of several keys), keys (that stand twice). */
export function checkNaturalStatement(map: NaturalKeyMapSpec, side: Side): string {
  const repeated = (column: string) => `(select count(*) from (select from entry where ${column} is not null group by ${column} having count(*) > 1) x)::text`
  return `with entry as materialized (${naturalRows(map, side)}) select count(*)::text as entries, (count(*) filter (where natural_value is null))::text as unnamed, ` +
    `${repeated('natural_value')} as repeated, ${repeated('key')} as keys from entry`
}

function keyMapOf(spec: ComparisonSpec, name: string): KeyMapSpec {
  const map = spec.keyMaps[name]
  if (map === undefined) throw new Error(`the spec of ${spec.entity} lacks the key map ${name}`)
  return map
}

const exactTypes = ['int2', 'int4', 'int8', 'numeric']
const textTypes = ['text', 'varchar', 'bpchar', 'name', 'citext']

/** Equality of two modern keys: numbers by value, a uuid by its letters in either case, text by its bytes. */
export function joinKeys(leftType: string, left: string, rightType: string, right: string): string {
  const types = [leftType, rightType]
  if (types.every((type) => exactTypes.includes(type)) || (leftType === rightType && !textTypes.includes(leftType))) return `${left} = ${right}`
  const text = (key: string) => (types.includes('uuid') ? `lower((${key})::text collate "C")` : `(${key})::text collate "C"`)
  return `${text(left)} = ${text(right)}`
}

/** A map's legacy key in the kind of the source's key; null where it cannot be read as one: such an entry leads nowhere. */
function legacyKey(map: StoredKeyMapSpec, kind: CanonicalKind): string {
  const column = `tgt.${quoteIdentifier(map.legacy)}`
  const readable: Record<string, string> = {
    numeric: '^\\s*[+-]?[0-9]+(\\.[0-9]+)?\\s*$',
    uuid: '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$',
  }
  const pattern = readable[kind.literalType]
  if (pattern === undefined || map.legacyType === kind.literalType) return `(${column})::${kind.literalType}`
  return `case when (${column})::text collate "C" ~ ${quoteLiteral(pattern)} then (${column})::text::${kind.literalType} end`
}

/** modern → its smallest legacy key: one row for each modern key, so that the join can never multiply rows. */
function smallestLegacyKeys(map: StoredKeyMapSpec, kind: CanonicalKind): string {
  const legacy = legacyKey(map, kind)
  const smallest = ['int4', 'int8', 'numeric'].includes(kind.literalType) ? `min(${legacy})` : `min((${legacy})::text collate "C")::${kind.literalType}`
  return `select tgt.${quoteIdentifier(map.modern)}${textTypes.includes(map.modernType) ? ' collate "C"' : ''} as modern, ${smallest} as legacy from ${quoteRelation({ schema: map.schema, name: map.table })} tgt ` +
    `where ${isTrue(map.where)} and tgt.${quoteIdentifier(map.modern)} is not null group by 1`
}

/** A predicate of the plan as "is true"; the line break ends a trailing comment in it. */
export function isTrue(predicate: string | null): string {
  return predicate === null ? 'true' : `((${predicate}\n) is true)`
}

/** The index of the first reason whose own condition holds. */
function firstReason(reasons: readonly Explanation[]): string {
  const cases = reasons.flatMap((reason, index) => ('where' in reason ? [`when ${isTrue(reason.where)} then '${index}'`] : []))
  return cases.length === 0 ? 'null' : `case ${cases.join(' ')} end`
}

/** The SQL condition under which an entity claims a row of the bare table of a side. */
export function bareClaimCondition(spec: ComparisonSpec, side: Side): string {
  if (spec[side].join === null) return claimCondition(spec, side)
  const alias = aliasOf(side)
  return `(${alias}.tableoid, ${alias}.ctid) in (select ${alias}.tableoid, ${alias}.ctid from ${rowsOf(spec, side)} where ${claimCondition(spec, side)})`
}

/** The SQL condition under which an entity claims a row of a side; it sees the joined tables. */
export function claimCondition(spec: ComparisonSpec, side: Side): string {
  if (side === 'source') return isTrue(spec.source.where)
  if (spec.target.claim === 'all') return 'true'
  if (spec.target.claim === 'where') return isTrue(spec.target.where)
  const reached = spec.key.filter((term) => term.keyMap !== null).map((term) => {
    const map = keyMapOf(spec, term.keyMap ?? '')
    if (isNatural(map)) return `exists (select from (${naturalRows(map, 'target')}) reached where reached.natural_value is not null and ${joinKeys(map.target.keyType, 'reached.key', term.targetType, term.target)})`
    // the outer row must not be called tgt within the map's own predicate, so the reached keys are a set of their own
    return `exists (select from (select tgt.${quoteIdentifier(map.modern)} as modern from ${quoteRelation({ schema: map.schema, name: map.table })} tgt ` +
      `where ${isTrue(map.where)}) reached where ${joinKeys(map.modernType, 'reached.modern', term.targetType, term.target)})`
  })
  return reached.join(' and ')
}

/** The relation of a side under the name of its row, with the tables joined to it; the line break ends a trailing comment. */
export function rowsOf(spec: ComparisonSpec, side: Side): string {
  const { schema, table, join } = spec[side]
  return `${quoteRelation({ schema, name: table })} ${aliasOf(side)}${join === null ? '' : ` ${join}\n`}`
}

/** The address of a row: of all that a join makes of it, one is counted. */
function addressOf(spec: ComparisonSpec, side: Side): string {
  const alias = aliasOf(side)
  return spec[side].chunkable ? `${alias}.ctid` : `(${alias}.tableoid, ${alias}.ctid)`
}

const aliasOf = (side: Side) => (side === 'source' ? 'src' : 'tgt')

function pageCondition(side: Side, pages: StatementOptions['pages']): string {
  if (pages === undefined) return 'true'
  const ctid = `${aliasOf(side)}.ctid`
  const lower = pages.first === 0 ? [] : [`${ctid} >= '(${pages.first},0)'::tid`]
  const upper = pages.next === null ? [] : [`${ctid} < '(${pages.next},0)'::tid`]
  return [...lower, ...upper].join(' and ') || 'true'
}

interface SideSql {
  keys: TermSql[]
  columns: TermSql[]
  /** from clause with the laterals `state`, `hashed` */
  from: string
}

/**
 * state.name is `keyed` (paired by its key), `excluded i` (source), `no key` (all legs NULL) or `no map entry` (target).
 * hashed.key and hashed.row are 64-bit hashes, null unless keyed: what is not compared is not evaluated either.
 */
function sideSql(spec: ComparisonSpec, side: Side, recode: boolean): SideSql {
  const build = (term: TermSpec, index: number) => (side === 'source' ? sourceTerm : targetTerm)(term, spec, `map_${index}`)
  const keys = spec.key.map((term, index) => build(term, index))
  const columns = spec.columns.map((term, index) => build(term, spec.key.length + index))
  const rawNull = spec.key.map((term) => `${side === 'source' ? `(${term.source})` : term.target} is null`).join(' and ')
  const unresolved = keys.flatMap((leg) => leg.unresolved ?? []).join(' or ')
  const noKey = side === 'source' ? `when ${rawNull} and ${keys.map((leg) => `(${leg.value}) is null`).join(' and ')} then 'no key'` : `when ${rawNull} then 'no key'`
  // what another entity claims is not even looked at: its values need not be fit for this one
  const unclaimed = side === 'target' && spec.target.claim === 'keyMap' ? '' : `when (${claimCondition(spec, side)}) is not true then 'unclaimed'`
  const state = side === 'source'
    ? `case ${unclaimed} ${spec.source.exclude.map(({ where }, index) => `when ${isTrue(where)} then 'excluded ${index}'`).join(' ')} ${noKey} else 'keyed' end`
    : `case ${unclaimed} ${noKey} ${unresolved === '' ? '' : `when ${unresolved} then 'no map entry'`} else 'keyed' end`
  const hash = (term: TermSpec, sql: TermSql, role: string) => hashTerm(term, sql, `${role} ${term.name}`, side, recode)
  const keyHash = spec.key.map((term, index) => hash(term, at(keys, index), 'key')).join(' # ')
  const rowHash = ['keyed.key', ...spec.columns.map((term, index) => hash(term, at(columns, index), 'column'))].join(' # ')
  const joins = [...keys, ...columns].flatMap((term) => term.join ?? []).join(' ')
  const from = `${rowsOf(spec, side)} ${joins} cross join lateral (select ${state} as name) state ` +
    `cross join lateral (select case when state.name = 'keyed' then ${keyHash} end as key) keyed ` +
    // the last hash is not linear in the XOR: values swapped between two rows change the sum of a segment
    `cross join lateral (select keyed.key, case when state.name = 'keyed' then hashint4extended(0, ${rowHash}) end as row) hashed`
  return { keys, columns, from }
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (item === undefined) throw new RangeError(`no item ${index} in a list of ${list.length}`)
  return item
}

function hashTerm(term: TermSpec, sql: TermSql, role: string, side: Side, recode: boolean): string {
  const value = `coalesce(${canonicalHash(term.canonical, sql.value, constantFor(role), recode)}, ${int8Literal(constantFor(`${role} null`))})`
  return sql.unresolved === null ? `(${value})` : `(case when ${sql.unresolved} then ${int8Literal(constantFor(`${role} unresolved at ${side}`))} else ${value} end)`
}

function termText(kind: CanonicalKind, sql: TermSql, side: Side, recode: boolean): string {
  const text = canonicalText(sql.value)
  const hash = (seed: string) => canonicalHash({ ...kind, name: 'text' }, text, constantFor(seed), recode)
  const digest = `'~' || left(${text}, 200) || '... ' || char_length(${text}) || ' characters, ' || ${hash('long 1')} || ${hash('long 2')}`
  const isWhole = kind.decideAs !== null || ['integer', 'bigint', 'boolean', 'uuid', 'float4', 'float8'].includes(kind.name)
  const value = isWhole ? `'=' || ${text}` : `case when char_length(${text}) > ${longestText} then ${digest} else '=' || ${text} end`
  if (sql.unresolved === null) return value
  // NULL as the other value is told as `+` with nothing behind a mark of its own
  const unresolved = sql.otherValue === null ? `'${side === 'source' ? '?' : '!'}' || left(${sql.raw}, 200)` : `coalesce('+=' || ${canonicalText(sql.otherValue)}, '+')`
  return `case when ${sql.unresolved} then ${unresolved} else ${value} end`
}

function legTexts(spec: ComparisonSpec, keys: readonly TermSql[], side: Side, recode: boolean): string[] {
  return keys.map((leg, index) => termText(at(spec.key, index).canonical, leg, side, recode))
}

/**
 * Counts the claimed rows of a side by themselves: no key map is joined, no term is evaluated, and a row that a join of the plan multiplies counts once.
 * Columns: rows, scope (rows that no exclusion names; equal to rows on the target), snapshot (ISO 8601).
 */
export function countStatement(spec: ComparisonSpec, side: Side, pages?: StatementOptions['pages']): string {
  const excluded = side === 'target' ? 'false' : spec.source.exclude.map(({ where }) => isTrue(where)).join(' or ') || 'false'
  const count = spec[side].join === null ? 'count(*)' : `count(distinct ${addressOf(spec, side)})`
  return `select ${count}::text as rows, (${count} filter (where not (${excluded})))::text as scope, ` +
    `to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as snapshot ` +
    `from ${rowsOf(spec, side)} where ${claimCondition(spec, side)} and ${pageCondition(side, pages)}`
}

/**
 * One pass over a side (or a chunk of it).
 * Columns: state, reason (index of the first declared reason that holds, target rows without a key only), segment (keyed rows only), rows, sum.
 */
export function scanStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { from } = sideSql(spec, side, options.recode)
  const reason = side === 'source' ? 'null' : `case when state.name <> 'keyed' then ${firstReason(spec.target.generated)} end`
  return `select state.name as state, ${reason} as reason, (hashed.key & ${options.segments - 1})::int4::text as segment, count(*)::text as rows, sum(hashed.row)::text as sum ` +
    `from ${from} where ${claimCondition(spec, side)} and ${pageCondition(side, options.pages)} group by 1, 2, 3`
}

/** The keyed rows of the segments listed in $1 (`{1,2}`). Columns: key_hash, row_hash. */
export function readSegmentsStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { from } = sideSql(spec, side, options.recode)
  return `select hashed.key::text as key_hash, hashed.row::text as row_hash from ${from} ` +
    `where ${claimCondition(spec, side)} and state.name = 'keyed' and (hashed.key & ${options.segments - 1})::int4 = any($1::text::int4[])`
}

/** When a row was last changed, and whether that is later than `snapshot` (ISO 8601) less the lag; both null without such a column. */
function changeColumns(spec: ComparisonSpec, side: Side, snapshot: string | null): string[] {
  const column = spec[side].changedAt
  if (column === null || snapshot === null) return ['null as changed_at', "'false' as recent"]
  const changedAt = `${aliasOf(side)}.${quoteIdentifier(column)}::timestamptz`
  const limit = `${quoteLiteral(snapshot)}::timestamptz - ${quoteLiteral(spec.source.lag ?? '0')}::interval`
  return [`to_char(${changedAt} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as changed_at`, `((${changedAt} > ${limit}) is true)::text as recent`]
}

/**
 * The claimed rows whose key hash is listed in $1, whole.
 * Columns: key_hash, row_hash, k0… (legs), r0… (raw legs), c0… (columns), d0… (raw columns of references), reason (explained at the source,
 * generated at the target), changed_at, recent.
 * @param snapshot when the pass saw this side, ISO 8601; null when it is not known
 */
export function readRowsStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, snapshot: string | null): string {
  const { from, keys, columns } = sideSql(spec, side, options.recode)
  const reason = firstReason(side === 'source' ? spec.source.explained : spec.target.generated)
  const textOf = (terms: readonly TermSpec[], sql: TermSql, index: number) => termText(at(terms, index).canonical, sql, side, options.recode)
  const select = [
    'hashed.key::text as key_hash', 'hashed.row::text as row_hash', `${reason} as reason`, ...changeColumns(spec, side, snapshot),
    ...keys.map((leg, index) => `${textOf(spec.key, leg, index)} as k${index}`),
    ...keys.map((leg, index) => `${leg.raw} as r${index}`),
    ...columns.map((column, index) => `${textOf(spec.columns, column, index)} as c${index}`),
    ...columns.flatMap((column, index) => (at(spec.columns, index).keyMap === null ? [] : [`${column.raw} as d${index}`])),
  ]
  return `select ${select.join(', ')} from ${from} where ${claimCondition(spec, side)} and state.name = 'keyed' and hashed.key = any($1::text::int8[])`
}

/**
 * Source rows whose first key leg, as text with its state ('' for NULL), is listed in $1 (a JSON array): why a target row has no partner.
 * Columns: k0…, excluded (index of the reason, or null), claimed (`true`, `false`).
 * @param claimed the rows that the entity claims, or the others: on those the plan's SQL for the key may fail
 */
export function findSourceKeysStatement(spec: ComparisonSpec, options: StatementOptions, claimed: boolean): string {
  const { keys } = sideSql(spec, 'source', options.recode)
  const texts = legTexts(spec, keys, 'source', options.recode)
  const claim = isTrue(spec.source.where)
  const joins = keys.flatMap((leg) => leg.join ?? []).join(' ')
  return `select ${texts.map((text, index) => `${text} as k${index}`).join(', ')}, ${firstReason(spec.source.exclude)} as excluded, (${claim})::text as claimed ` +
    `from ${rowsOf(spec, 'source')} ${joins} where case when ${claim} is ${claimed ? '' : 'not '}true then coalesce(${at(texts, 0)}, '') = any(array(select json_array_elements_text($1::text::json))) end`
}

/**
 * Claimed source rows whose first key leg, as text with its state, is listed in $1 (a JSON array): what became of a parent.
 * Columns: k0, excluded and reason (indexes, or null), p0… (the references that lead to parents of its own).
 */
export function readParentsStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { keys, columns } = sideSql(spec, 'source', options.recode)
  const text = (terms: readonly TermSpec[], sql: readonly TermSql[], index: number) => termText(at(terms, index).canonical, at(sql, index), 'source', options.recode)
  const references = spec.parents.map(({ part, index }, parent) => `, ${part === 'key' ? text(spec.key, keys, index) : text(spec.columns, columns, index)} as p${parent}`)
  const joins = [...keys, ...columns].flatMap((term) => term.join ?? []).join(' ')
  const key = text(spec.key, keys, 0)
  return `select ${key} as k0, ${firstReason(spec.source.exclude)} as excluded, ${firstReason(spec.source.explained)} as reason${references.join('')} ` +
    `from ${rowsOf(spec, 'source')} ${joins} where case when ${isTrue(spec.source.where)} then ${key} = any(array(select json_array_elements_text($1::text::json))) end`
}

/** Keys of claimed target rows whose first leg, as text with its state, is listed in $1 (a JSON array). Columns: k0…. */
export function findTargetKeysStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { from, keys } = sideSql(spec, 'target', options.recode)
  const texts = legTexts(spec, keys, 'target', options.recode)
  return `select ${texts.map((text, index) => `${text} as k${index}`).join(', ')} from ${from} ` +
    `where ${claimCondition(spec, 'target')} and state.name = 'keyed' and ${at(texts, 0)} = any(array(select json_array_elements_text($1::text::json)))`
}

/**
 * What the legs of a key are shown as (`shownText`), as SQL over the source's row: canonical text, or the raw text where a leg is unresolved.
 * `joins` stands behind the relation.
 */
export function shownSourceKey(spec: ComparisonSpec): { texts: string[]; joins: string } {
  const { keys } = sideSql(spec, 'source', false)
  const texts = keys.map(({ value, unresolved, otherValue, raw }) => {
    const otherwise = otherValue === null ? `left(${raw}, 200)` : `coalesce(${canonicalText(otherValue)}, '')`
    return unresolved === null ? canonicalText(value) : `(case when ${unresolved} then ${otherwise} else ${canonicalText(value)} end collate "C")`
  })
  return { texts, joins: keys.flatMap((leg) => leg.join ?? []).join(' ') }
}

/** Rows of a side that have no key to pair by, at most $1 of them. Columns: state, reason, r0… (raw legs). */
export function readUnkeyedStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { from, keys } = sideSql(spec, side, options.recode)
  const reason = side === 'source' ? 'null' : firstReason(spec.target.generated)
  const states = side === 'source' ? "state.name = 'no key'" : `state.name <> 'keyed' and (${reason}) is null`
  const raw = keys.map((leg, index) => `${leg.raw} as r${index}`)
  return `select * from (select state.name as state, ${raw.join(', ')} from ${from} where ${claimCondition(spec, side)} and ${states}) rows ` +
    `order by ${raw.map((_, index) => `r${index} collate "C"`).join(', ')} limit $1::text::int8`
}

/** Which of the legacy keys listed in $1 (a JSON array of texts) a key map knows. Columns: legacy. */
export function knownKeysStatement(map: KeyMapSpec, kind: CanonicalKind): string {
  if (isNatural(map)) return `select distinct natural_value as legacy from (${naturalRows(map, 'target')}) entry where natural_value = any(array(select json_array_elements_text($1::text::json)))`
  const legacy = canonicalText(canonicalValue(kind, kind.literalType, legacyKey(map, kind)))
  return `select distinct ${legacy} as legacy from ${quoteRelation({ schema: map.schema, name: map.table })} tgt ` +
    `where ${isTrue(map.where)} and tgt.${quoteIdentifier(map.modern)} is not null and ${legacy} = any(array(select json_array_elements_text($1::text::json)))`
}

/** The legacy keys of a many-to-one key map that are not the smallest of their modern key. Columns: legacy, smallest. */
export function collapsedKeysStatement(map: StoredKeyMapSpec, kind: CanonicalKind): string {
  const legacy = canonicalText(canonicalValue(kind, kind.literalType, legacyKey(map, kind)))
  const smallest = canonicalText(canonicalValue(kind, kind.literalType, 'first.legacy'))
  return `select legacy, min(smallest collate "C") as smallest from (select distinct ${legacy} as legacy, ${smallest} as smallest ` +
    `from ${quoteRelation({ schema: map.schema, name: map.table })} tgt join (${smallestLegacyKeys(map, kind)}) first on ${joinKeys(map.modernType, 'first.modern', map.modernType, `tgt.${quoteIdentifier(map.modern)}`)} ` +
    `where ${isTrue(map.where)}) entries where legacy is not null group by legacy having bool_and(legacy <> smallest)`
}

/**
 * The entries of a many-to-one key map whose legacy key is not the smallest of its modern key: references that are right although
 * they are read under another legacy key. Columns: legacy, modern (as it stands in the map).
 */
export function foldedEntriesStatement(map: StoredKeyMapSpec, kind: CanonicalKind): string {
  const legacy = legacyKey(map, kind)
  return `select distinct ${canonicalText(canonicalValue(kind, kind.literalType, legacy))} as legacy, (tgt.${quoteIdentifier(map.modern)})::text collate "C" as modern ` +
    `from ${quoteRelation({ schema: map.schema, name: map.table })} tgt join (${smallestLegacyKeys(map, kind)}) first on ${joinKeys(map.modernType, 'first.modern', map.modernType, `tgt.${quoteIdentifier(map.modern)}`)} ` +
    `where ${isTrue(map.where)} and ${legacy} <> first.legacy`
}

/**
 * What is wrong with a key map as such. Columns: entries, unreadable (legacy keys not of the key's type, or NULL), two_modern
 * (legacy keys with several modern ones), two_legacy (modern keys with several legacy ones).
 */
export function checkMapStatement(map: StoredKeyMapSpec, kind: CanonicalKind): string {
  const entries = `select distinct ${canonicalText(canonicalValue(kind, kind.literalType, legacyKey(map, kind)))} as legacy, (tgt.${quoteIdentifier(map.modern)})::text collate "C" as modern ` +
    `from ${quoteRelation({ schema: map.schema, name: map.table })} tgt where ${isTrue(map.where)} and tgt.${quoteIdentifier(map.modern)} is not null`
  return `with entry as materialized (${entries}) select (select count(*) from entry)::text as entries, (select count(*) from entry where legacy is null)::text as unreadable, ` +
    '(select count(*) from (select from entry where legacy is not null group by legacy having count(*) > 1) x)::text as two_modern, ' +
    '(select count(*) from (select from entry where legacy is not null group by modern having count(*) > 1) x)::text as two_legacy'
}

/** Source keys that stand more than once. Columns: keys, rows. */
export function duplicateKeysStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { from, keys } = sideSql(spec, 'source', options.recode)
  const legs = legTexts(spec, keys, 'source', options.recode).map((text, index) => `${text} as k${index}`).join(', ')
  return `select count(*)::text as keys, coalesce(sum(n), 0)::text as rows from (select count(*) as n from (select ${legs} from ${from} ` +
    `where ${claimCondition(spec, 'source')} and state.name = 'keyed') rows group by ${keys.map((_, index) => `k${index}`).join(', ')} having count(*) > 1) x`
}
