import { canonicalHash, canonicalText, canonicalValue, constantFor, int8Literal, type CanonicalKind } from './canonical.js'
import type { Side } from './catalog.js'
import { quoteIdentifier, quoteLiteral, quoteRelation, relationSql } from './identifier.js'
import { weightMask } from './single-difference.js'
import type { AcceptedValue, ComparisonSpec, Explanation, KeyMapSpec, NaturalKeyMapSpec, StoredKeyMapSpec, TermPlace, TermSpec, TotalSpec } from './spec.js'

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
function listed({ lists }: StatementOptions, number: number): string {
  const list = lists?.[number - 1]
  return list === undefined ? `$${number}` : quoteLiteral(list)
}

/** SQL condition that a key's segment is audited. */
function inAudit({ oneOf, number }: { oneOf: number; number: number }, segmentBits: string): string {
  return `(${segmentBits}) & ${oneOf - 1} = ${number}`
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
  return `((${segmentBits}) & ${segments - 1})::int4`
}

/** SQL condition that a key hash is in the sample; null: all are compared. Another hash than the segment's, so that each segment has its share. */
export function inSample({ sample }: StatementOptions, keyHash: string): string | null {
  return sample === undefined ? null : `pg_catalog.abs(pg_catalog.hashint8extended(${keyHash}, ${int8Literal(sample.seed)}) % ${sampledOneOf}) = 0`
}

/** Texts longer than this many characters are compared by length and two 64-bit hashes instead of crossing the wire. */
export const longestText = 65_536

export interface TermSql {
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

const literalCodes = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'uuid', 'date', 'time', 'timestamp', 'timestamptz']

function sourceTerm(term: TermSpec, spec: ComparisonSpec, alias: string): TermSql {
  const { canonical } = term
  const map = term.keyMap === null ? null : keyMapOf(spec, term.keyMap)
  if (map !== null && isNatural(map)) return naturalTerm(term, map, 'source', alias)
  if (term.values !== null) {
    const code = (value: string) => isCode(term.source, term.sourceType, value)
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
  const raw = term.sourceRaw ?? term.source
  return { value: canonicalValue(canonical, term.zone === null ? term.sourceType : 'timestamptz', typed), otherValue: null, unresolved: unread(term.sourceRaw, term.source), raw: `(${raw})::text`, join: null }
}

/** The raw value is there, and what is read in it is not. */
function unread(raw: string | null, value: string): string | null {
  return raw === null ? null : `((${raw}) is not null and (${value}) is null)`
}

/** SQL condition that a value is the code that the plan writes as this text. A month equals thirty days, and is another code: intervals are compared by their text, however the plan writes it. */
export function isCode(value: string, type: string, code: string): string {
  if (type === 'interval') return `(${value})::text collate "C" = ${quoteLiteral(code)}::interval::text`
  return literalCodes.includes(type) ? `${value} = ${quoteLiteral(code)}::${type}` : `(${value})::text collate "C" = ${quoteLiteral(code)}`
}

function targetTerm(term: TermSpec, spec: ComparisonSpec, alias: string): TermSql {
  const raw = `(${term.targetRaw ?? term.target})::text`
  if (term.keyMap === null) return { value: canonicalValue(term.canonical, term.targetType, term.target), otherValue: null, unresolved: unread(term.targetRaw, term.target), raw, join: null }
  const map = keyMapOf(spec, term.keyMap)
  if (isNatural(map)) return naturalTerm(term, map, 'target', alias)
  return {
    value: canonicalValue(term.canonical, term.canonical.literalType, `${alias}.legacy`),
    otherValue: null,
    unresolved: `(${term.target} is not null and ${alias}.legacy is null)`,
    raw,
    join: `left join (${smallestLegacyKeys(map, term.canonical, term.targetType)}) ${alias} on ${joinKeys(map.modernType, `${alias}.modern`, term.targetType, term.target)}`,
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
  const { key, natural } = map[side]
  const alias = aliasOf(side)
  const texts = natural.map((leg) => canonicalText(canonicalValue(leg.canonical, leg.type, leg.sql)))
  const whole = texts.length === 1 ? at(texts, 0) : `case when coalesce(${texts.join(', ')}) is not null then pg_catalog.json_build_array(${texts.join(', ')})::text end`
  return `select ${modernKey(map[side].keyType, map[side].keyType, `${alias}.${quoteIdentifier(key)}`)} as key, ${whole} as natural_value from ${relationSql({ ...map[side], name: map[side].table })} ${alias} where ${alias}.${quoteIdentifier(key)} is not null`
}

/** How sound a natural key map is at a side. Columns: entries, unnamed (without a natural value), repeated (natural values of several keys), keys (that stand twice). */
export function checkNaturalStatement(map: NaturalKeyMapSpec, side: Side): string {
  const repeated = (column: string) => `(select pg_catalog.count(*) from (select from entry where ${column} is not null group by ${column} having pg_catalog.count(*) > 1) x)::text`
  return `with entry as materialized (${naturalRows(map, side)}) select pg_catalog.count(*)::text as entries, (pg_catalog.count(*) filter (where natural_value is null))::text as unnamed, ` +
    `${repeated('natural_value')} as repeated, ${repeated('key')} as keys from entry`
}

function keyMapOf(spec: ComparisonSpec, name: string): KeyMapSpec {
  const map = spec.keyMaps[name]
  if (map === undefined) throw new Error(`the spec of ${spec.entity} lacks the key map ${name}`)
  return map
}

const integerTypes = ['int2', 'int4', 'int8']
const exactTypes = [...integerTypes, 'numeric']
const textTypes = ['text', 'varchar', 'bpchar', 'name']
/** Types whose `=` holds for values that are not the same (a month and thirty days, boxes of one area), or which have none. */
const coarseTypes = [...textTypes, 'interval', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle', 'json', 'jsonpath', 'xml']

/** Whether keys of a type are told apart by their text alone. Of a type of the users (a qualified name) nobody knows what its `=` means: that of citext ignores case. */
function isKnownByText(type: string): boolean {
  return type.includes('.') || coarseTypes.some((coarse) => type === coarse || type === `_${coarse}`)
}

/** SQL of a modern key for what is grouped and joined by it: keys that are the same have one form, texts that in which they meet keys of the other type. */
function modernKey(type: string, otherType: string, key: string): string {
  return isKnownByText(type) ? modernText(type, otherType, key) : key
}

/** Equality of two modern keys: numbers by value, a uuid by its letters in either case, text by its bytes. */
export function joinKeys(leftType: string, left: string, rightType: string, right: string): string {
  if (hasPlainEquality(leftType, rightType)) return `${left} = ${right}`
  return `${modernText(leftType, rightType, left)} = ${modernText(rightType, leftType, right)}`
}

/** SQL of a modern key as text, one for all keys that are the same (`joinKeys`). @param otherType type of the keys that it meets */
function modernText(type: string, otherType: string, key: string): string {
  if (type === 'numeric' && exactTypes.includes(otherType)) return `pg_catalog.trim_scale(${key})::text`
  const text = `(${key})::text collate "C"`
  return [type, otherType].includes('uuid') ? `pg_catalog.lower(${text})` : text
}

/** Whether `=` tells that two modern keys of these types are the same. */
function hasPlainEquality(left: string, right: string): boolean {
  return [left, right].every((type) => exactTypes.includes(type)) || (left === right && !isKnownByText(left))
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

/** What the entries of a stored key map are read from. */
export function mapRelation({ schema, table, members }: StoredKeyMapSpec): string {
  return relationSql({ schema, name: table, query: members.length === 0 ? null : taggedEntries(members) })
}

/**
 * A select of the entries of several stored maps as one, for references whose map is chosen by a code: each legacy key stands behind the name of
 * its map. Columns: legacy, modern (text).
 */
function taggedEntries(maps: StoredKeyMapSpec['members']): string {
  return maps.map(({ map, kind }) => `select ${taggedKey(map.name, canonicalText(canonicalValue(kind, kind.literalType, legacyKey(map, kind))))} as legacy, ` +
    `(tgt.${quoteIdentifier(map.modern)})::text as modern from ${mapRelation(map)} tgt where ${isTrue(map.where)}`).join(' union all ')
}

/** A legacy key behind the name of its map. @param text SQL of its canonical text */
export function taggedKey(map: string, text: string): string {
  return `${quoteLiteral(`${map} `)} || ${text}`
}

/** SQL of the entries of a map that lead anywhere, from `from` on, each as `tgt`. */
function fromEntries(map: StoredKeyMapSpec): string {
  return `from ${mapRelation(map)} tgt where ${isTrue(map.where)} and tgt.${quoteIdentifier(map.modern)} is not null`
}

/** Whether a unique index proves that each modern key has one legacy key: two texts may be one uuid. */
export function hasOneLegacyKey({ unique, modernType }: StoredKeyMapSpec, targetType: string): boolean {
  return unique.modern && !(targetType === 'uuid' && isKnownByText(modernType))
}

/** SQL of the modern key of an entry, `tgt`. */
function modernOfEntry(map: StoredKeyMapSpec, targetType: string): string {
  return modernKey(map.modernType, targetType, `tgt.${quoteIdentifier(map.modern)}`)
}

/** modern → its smallest legacy key: one row for each modern key, so that the join can never multiply rows. */
function smallestLegacyKeys(map: StoredKeyMapSpec, kind: CanonicalKind, targetType: string): string {
  const legacy = legacyKey(map, kind)
  const modern = `${modernOfEntry(map, targetType)} as modern`
  const rows = fromEntries(map)
  if (hasOneLegacyKey(map, targetType)) return `select ${modern}, ${legacy} as legacy ${rows}`
  const smallest = ['int4', 'int8', 'numeric'].includes(kind.literalType) ? `pg_catalog.min(${legacy})` : `pg_catalog.min((${legacy})::text collate "C")::${kind.literalType}`
  return `select ${modern}, ${smallest} as legacy ${rows} group by 1`
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

/** The SQL condition under which an entity claims a row of a side; it sees the joined tables. */
export function claimCondition(spec: ComparisonSpec, side: Side): string {
  if (side === 'source') return isTrue(spec.source.where)
  if (spec.target.claim === 'all') return 'true'
  if (spec.target.claim === 'where') return isTrue(spec.target.where)
  const reached = spec.key.filter((term) => term.keyMap !== null).map((term) => {
    const map = keyMapOf(spec, term.keyMap ?? '')
    if (isNatural(map)) return `exists (select from (${naturalRows(map, 'target')}) reached where reached.natural_value is not null and ${joinKeys(map.target.keyType, 'reached.key', term.targetType, term.target)})`
    // the outer row must not be called tgt within the map's own predicate, so the reached keys are a set of their own
    return `exists (select from (select tgt.${quoteIdentifier(map.modern)} as modern from ${mapRelation(map)} tgt ` +
      `where ${isTrue(map.where)}) reached where ${joinKeys(map.modernType, 'reached.modern', term.targetType, term.target)})`
  })
  return reached.join(' and ')
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
function mergeJoin(spec: ComparisonSpec): string {
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
function addressOf(spec: ComparisonSpec, side: Side): string {
  const alias = aliasOf(side)
  return spec[side].chunkable ? `${alias}.ctid` : `(${alias}.tableoid, ${alias}.ctid)`
}

export const aliasOf = (side: Side) => (side === 'source' ? 'src' : 'tgt')

export function pageCondition(side: Side, pages: StatementOptions['pages']): string {
  if (pages === undefined) return 'true'
  const ctid = `${aliasOf(side)}.ctid`
  const lower = pages.first === 0 ? [] : [`${ctid} >= '(${pages.first},0)'::tid`]
  const upper = pages.next === null ? [] : [`${ctid} < '(${pages.next},0)'::tid`]
  return [...lower, ...upper].join(' and ') || 'true'
}

/** SQL condition under which a row is looked at. The server may evaluate it late: `sideSql` asks it first once more, before any value. */
function isReadable(side: Side, { unread, only }: StatementOptions): string {
  const list = (addresses: readonly string[]) => `(${quoteLiteral(`{${addresses.map((address) => `"${address}"`).join(',')}}`)}::tid[])`
  const ctid = `${aliasOf(side)}.ctid`
  const left = unread?.[side] ?? []
  return [...(only === undefined ? [] : [`${ctid} = any ${list(only)}`]), ...(left.length === 0 ? [] : [`${ctid} <> all ${list(left)}`])].join(' and ') || 'true'
}

/** SQL condition of the rows that a statement is about. */
function wantedRows(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const readable = isReadable(side, options)
  return readable === 'true' ? claimCondition(spec, side) : `${claimCondition(spec, side)} and ${readable}`
}

interface KeySql extends TermSql {
  /** SQL condition under which the leg stands for the other value of its value map: then no target row is equal, only accepted. null: never */
  neededOther: string | null
}

/** SQL of the value of a term, or of the other one that it is accepted with. */
function resolvedValue({ value, otherValue, unresolved }: TermSql): string {
  return otherValue === null || unresolved === null ? value : `case when ${unresolved} then ${otherValue} else ${value} end`
}

/** A leg pairs by the other value of its value map, where a column would only be accepted with it. */
function asKey(leg: TermSql): KeySql {
  if (leg.otherValue === null || leg.unresolved === null) return { ...leg, neededOther: null }
  return { ...leg, value: resolvedValue(leg), unresolved: null, otherValue: null, neededOther: leg.unresolved }
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
function rowHash(key: string, columns: string | null): string {
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
function hashedRows(spec: ComparisonSpec, side: Side, options: StatementOptions, select: (sql: RowSql) => string, only?: (sql: Pick<RowSql, 'key' | 'segment'>) => string, lookup = ''): string {
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
    keyed: unless, key, segment, rest: columnHash ?? '0::int8', nth: (places) => `((${at(sql.keys, 0).value})::int8 & ${places - 1})::int4`,
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
function isNewer(side: Side, since: string): string {
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

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (item === undefined) throw new RangeError(`no item ${index} in a list of ${list.length}`)
  return item
}

function hashTerm(term: TermSpec, sql: TermSql, role: string, side: Side, recode: boolean): string {
  const value = `coalesce(${canonicalHash(term.canonical, sql.value, constantFor(role), recode)}, ${int8Literal(constantFor(`${role} null`))})`
  return sql.unresolved === null ? `(${value})` : `(case when ${sql.unresolved} then ${int8Literal(constantFor(`${role} unresolved at ${side}`))} else ${value} end)`
}

/** @param isJudged a server is asked about the text: it may not be cut */
function termText(kind: CanonicalKind, sql: TermSql, side: Side, recode: boolean, isJudged = false): string {
  const text = canonicalText(sql.value)
  const hash = (seed: string) => canonicalHash({ ...kind, name: 'text' }, text, constantFor(seed), recode)
  const digest = `'~' || pg_catalog.left(${text}, 200) || '... ' || pg_catalog.char_length(${text}) || ' characters, ' || ${hash('long 1')} || ${hash('long 2')}`
  const isWhole = isJudged || kind.decideAs !== null || ['integer', 'bigint', 'boolean', 'uuid', 'float4', 'float8'].includes(kind.name)
  const value = isWhole ? `'=' || ${text}` : `case when pg_catalog.char_length(${text}) > ${longestText} then ${digest} else '=' || ${text} end`
  if (sql.unresolved === null) return value
  // NULL as the other value is told as `+` with nothing behind a mark of its own
  const unresolved = sql.otherValue === null ? `'${side === 'source' ? '?' : '!'}' || pg_catalog.left(${sql.raw}, 200)` : `coalesce('+=' || ${canonicalText(sql.otherValue)}, '+')`
  return `case when ${sql.unresolved} then ${unresolved} else ${value} end`
}

function legTexts(spec: ComparisonSpec, keys: readonly TermSql[], side: Side, recode: boolean): string[] {
  return keys.map((leg, index) => termText(at(spec.key, index).canonical, leg, side, recode))
}

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
  const [newerPacked, newer] = since === undefined || !isByKey ? ['', ''] : ["pg_catalog.encode(pg_catalog.string_agg(newer, ''::bytea) filter (where place >= 0), 'base64') as newer, ", `, pg_catalog.string_agg(pg_catalog.int4send(place) || pg_catalog.int8send(key) || pg_catalog.int8send(${mixedKey(spec)}) || pg_catalog.tidsend(address), ''::bytea) filter (where rest is not null) as newer`]
  const places = countPlaces(spec, options)
  const [weightedPacked, weighted] = places === 0 ? ['', ''] : [`pg_catalog.encode(pg_catalog.string_agg(pg_catalog.int4send(weighted), ''::bytea) filter (where place >= 0), 'base64') as weighted, `, `, coalesce((pg_catalog.sum((${rowHash('key', 'rest')} & ${weightMask(places)})::int4 * nth) & ${weightMask(places)})::int4, 0) as weighted`]
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

/** SQL condition, behind others, of the rows whose versions may be newer than a transaction (`isNewer`). */
const newerCondition = (side: Side, since: string | undefined): string => (since === undefined ? '' : ` and ${isNewer(side, since)}`)

/** The keyed rows whose version may be of the transaction `since` or a later one. Columns: rows (base64 of 12 bytes for each: segment int4, hash of the key int8; null without any). */
export function newerKeysStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, since: string): string {
  const rows = hashedRows(spec, side, options, (row) => `${row.place(row.segment)} as place, ${row.keyed(row.key)} as key`, undefined, newerCondition(side, since))
  return `select pg_catalog.encode(pg_catalog.string_agg(pg_catalog.int4send(place) || pg_catalog.int8send(key), ''::bytea), 'base64') as rows from (${rows}) hashed where place >= 0`
}

/** Which of the key hashes listed in $1 (`{1,2}`) keyed rows have. Columns: keys (base64 of an int8 for each such row; null without any). */
export function presentKeysStatement(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const rows = hashedRows(spec, side, options, (row) => `${row.keyed(row.key)} as key`, ({ key }) => `(${key}) = any($1::int8[])`)
  return `select pg_catalog.encode(pg_catalog.string_agg(pg_catalog.int8send(key), ''::bytea), 'base64') as keys from (${rows}) hashed where key is not null`
}

/** Columns of a row for `packedRow`. */
function rowToPack(spec: ComparisonSpec, side: Side, { keyed, key, rest }: RowSql): string {
  return `${keyed(key)} as key, ${keyed(rest)} as rest${spec[side].chunkable ? `, ${aliasOf(side)}.ctid as address` : ''}`
}

/** A row packed: 22 bytes, numbers big-endian: hash of the key int8, of the row int8, page int4 and line int2 of its address; zeros for a table that is not read in ranges of them. */
function packedRow(spec: ComparisonSpec, side: Side): string {
  return `pg_catalog.int8send(key) || pg_catalog.int8send(${rowHash('key', 'rest')}) || ${spec[side].chunkable ? 'pg_catalog.tidsend(address)' : `'\\x000000000000'::bytea`}`
}

/**
 * One pass over a side (or a chunk of it) that gives every row in place of sums.
 * Columns: place (block of the key, or negative as in `scanStatement`), rows (count), packed (base64 of the rows of a block, else null).
 * @param newer only rows whose version may be of this transaction or a later one
 */
export function streamStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, newer?: string): string {
  return `select place::text, pg_catalog.count(*)::text as rows, pg_catalog.encode(pg_catalog.string_agg(packed, ''::bytea), 'base64') as packed ` +
    `from (select coalesce(place, ((key >> 32) & ${countBlocks(options.segments) - 1})::int4) as place, case when place is null then ${packedRow(spec, side)} end as packed ` +
    `from (${hashedRows(spec, side, options, (row) => `${row.place('null::int4')} as place, ${rowToPack(spec, side, row)}`, undefined, newerCondition(side, newer))}) hashed offset 0) rows group by place`
}

/**
 * The keyed rows of the segments listed in $1 (`{1,2}`), packed into blocks by their key. Columns: block (0 to 63), rows (base64 of the packed rows).
 * @param isByKey the neighbours in these segments are looked up by an index on the key, where `keyIndexStatement` tells that there is one; else all rows are looked at
 * @param newer of these only rows whose version may be of this transaction or a later one
 */
export function readSegmentsStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, isByKey = false, newer?: string): string {
  const rows = hashedRows(spec, side, options, (row) => rowToPack(spec, side, row), ({ segment }) => `${segment} = any(${listed(options, 1)}::int4[])`, isByKey ? neighbourCondition(spec, side, options) : newerCondition(side, newer))
  return `select block::text, pg_catalog.encode(pg_catalog.string_agg(${packedRow(spec, side)}, ''::bytea), 'base64') as rows from (select *, ((key >> 32) & 63)::int4 as block from (${rows}) hashed offset 0) chosen group by block`
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

/** SQL of when a row was last changed, and of whether that is later than `snapshot` (ISO 8601) less the lag; null and false without such a column. */
function changeColumns(spec: ComparisonSpec, side: Side, snapshot: string | null): [changedAt: string, recent: string] {
  const column = spec[side].changedAt
  if (column === null || snapshot === null) return ['null', "'false'"]
  const changedAt = `${aliasOf(side)}.${quoteIdentifier(column)}::timestamptz`
  const limit = `${quoteLiteral(snapshot)}::timestamptz - ${quoteLiteral(spec.source.lag ?? '0')}::interval`
  return [`pg_catalog.to_char(${changedAt} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')`, `((${changedAt} > ${limit}) is true)::text`]
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
 * How an index of a side may find the rows of a key by the canonical texts of its legs: every row of the key is among those whose columns equal them.
 * @returns one entry for each leg, in the order of the key; null where a leg is not a column whose own equality holds whenever the canonical forms are equal
 */
export function keyLookup(spec: ComparisonSpec, side: Side): { column: string; type: string }[] | null {
  const found = spec.key.map((term) => (term.keyMap === null ? ownColumn(term, side) : null)).filter((leg) => leg !== null)
  return found.length === spec.key.length ? found : null
}

/** The column of a term on a side, where its canonical form is that of the column as it stands and its equality holds; with the type of its literals. */
function ownColumn(term: TermSpec, side: Side): { column: string; type: string } | null {
  const [column, type] = side === 'source' ? [term.source, term.sourceType] : [term.target, term.targetType]
  const isOwn = isColumn(column) && term.values === null && term.zone === null && term.sourceRaw === null && term.targetRaw === null && isHeldAs(term.canonical, type)
  return isOwn ? { column, type: term.canonical.literalType } : null
}

/** Whether SQL over a side's row is a column of it and nothing else. */
function isColumn(sql: string): boolean {
  return /^(src|tgt)\."(?:[^"]|"")+"$/.test(sql)
}

/** Whether two values of a type are equal where their canonical forms are. */
function isHeldAs({ name }: CanonicalKind, type: string): boolean {
  return name === 'integer' || name === 'bigint' ? integerTypes.includes(type) : name === 'uuid' ? type === 'uuid' : name === 'text' && (type === 'text' || type === 'varchar')
}

/** How an index leads to the rows of a key of one leg. */
interface KeyPath {
  /** the relation and its column, quoted, that hold the key in the type of its literals */
  schema: string
  table: string
  column: string
  type: string
  /** at the target behind a key map, which then is that relation: its modern keys, and the column of the target that holds them */
  onward: { modern: string; own: string } | null
}

/** @returns null: the key is of several legs, or no column that holds it as it stands, on the way through a key map neither */
function keyPath(spec: ComparisonSpec, side: Side): KeyPath | null {
  const [leg, ...more] = spec.key
  if (leg === undefined || more.length > 0 || !spec[side].chunkable) return null
  const map = leg.keyMap === null ? null : keyMapOf(spec, leg.keyMap)
  if (map !== null && isNatural(map)) return null
  if (map === null || side === 'source') {
    const own = ownColumn(leg, side)
    return own === null ? null : { schema: spec[side].schema, table: spec[side].table, column: own.column.slice(own.column.indexOf('"')), type: own.type, onward: null }
  }
  // a numeric is compared with an integer as a numeric, which no index over the integers serves
  const areAlike = map.modernType === leg.targetType ? hasPlainEquality(map.modernType, leg.targetType) : [map.modernType, leg.targetType].every((type) => integerTypes.includes(type))
  const isPlain = map.members.length === 0 && isColumn(leg.target) && leg.targetRaw === null && isHeldAs(leg.canonical, map.legacyType) && areAlike
  return isPlain ? { schema: map.schema, table: map.table, column: quoteIdentifier(map.legacy), type: leg.canonical.literalType, onward: { modern: quoteIdentifier(map.modern), own: leg.target } } : null
}

/** Whether an index may lead to the rows of a key on a side by itself, through a key map too; whether there is one, `keyIndexStatement` tells. */
export function hasKeyPath(spec: ComparisonSpec, side: Side): boolean {
  return keyPath(spec, side) !== null
}

/** SQL condition, behind others, that a key is one of those whose legs are listed in $2…, key by key. Of several legs each alone would be looked up with each other. */
function lookupCondition(spec: ComparisonSpec, side: Side): string {
  const path = keyPath(spec, side)
  if (path !== null) {
    const isListed = (column: string) => `${column} = any($2::${path.type}[])`
    return ` and ${path.onward === null ? isListed(`${aliasOf(side)}.${path.column}`) : `${path.onward.own} in (select entry.${path.onward.modern} from ${quoteRelation({ schema: path.schema, name: path.table })} entry where ${isListed(`entry.${path.column}`)})`}`
  }
  const legs = keyLookup(spec, side) ?? []
  return ` and (${legs.map(({ column }) => column).join(', ')}) in (select * from rows from (${legs.map(({ type }, index) => `pg_catalog.unnest($${index + 2}::${type}[])`).join(', ')}))`
}

/**
 * SQL condition, behind others, that a row lies in one of the segments listed in $1: in one of their neighbourhoods between the least and the greatest key. The addresses come from the index first (`offset 0`: each
 * neighbourhood by itself), since the planner thinks a pass cheaper than a join. Behind a key map the legacy keys of the map are looked up, and the rows of their modern ones.
 */
function neighbourCondition(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { segments, neighbours = 1 } = options
  const { path, ends } = keyEnds(spec, side)
  const [alias, bits] = [aliasOf(side), Math.log2(neighbours)]
  const [first, last] = ends.map((end) => `(${end} >> ${bits})`)
  const near = `pg_catalog.unnest(${listed(options, 1)}::int4[]) segment cross join pg_catalog.generate_series((${first} & ${-segments}) + segment, ${last}, ${segments}) near (number)`
  // qualified, since a bare name would be the column of the table that has it
  const isNear = (column: string) => `${column} >= near.number << ${bits} and ${column} <= (near.number << ${bits}) + ${neighbours - 1}`
  const addresses = `select ${alias}.ctid from ${relationSql({ schema: spec[side].schema, name: spec[side].table })} ${alias} where`
  const found = path.onward === null ? `cross join lateral (${addresses} ${isNear(`${alias}.${path.column}`)} offset 0) found`
    : `cross join lateral (select entry.${path.onward.modern} as modern from ${quoteRelation({ schema: path.schema, name: path.table })} entry where ${isNear(`entry.${path.column}`)} offset 0) reached ` +
      `cross join lateral (${addresses} ${path.onward.own} = reached.modern offset 0) found`
  return ` and ${alias}.ctid = any(array(select found.ctid from ${near} ${found}))`
}

/** Where an index leads to the keys of a side, and SQL of the least and the greatest there; null without rows. */
function keyEnds(spec: ComparisonSpec, side: Side): { path: KeyPath; ends: [string, string]; relation: string } {
  const path = keyPath(spec, side)
  if (path === null) throw new RangeError(`no index leads to the keys of ${spec.entity} at the ${side}`)
  const relation = quoteRelation({ schema: path.schema, name: path.table })
  const end = (name: string) => `(select pg_catalog.${name}(keyed.${path.column})::int8 from ${relation} keyed)`
  return { path, ends: [end('min'), end('max')], relation }
}

/**
 * How an index leads to neighbouring keys; asked only where `hasKeyPath` holds.
 * Columns: least and greatest (key; null without rows, and without a btree over all rows that begins with the key: each look would be a pass; behind a key map another such index leads from its modern keys to the rows),
 * correlation (of the order of the keys and that of the rows, 0 to 1; null: nobody has analysed the table, or knows it behind a key map), rows (what the last analysis thought; null behind a key map).
 */
export function keyIndexStatement(spec: ComparisonSpec, side: Side): string {
  const { path, ends, relation } = keyEnds(spec, side)
  const [least, greatest] = ends.map((end) => `case when indexed then ${end} end::text`)
  const known = path.onward === null
    ? `(select pg_catalog.abs(correlation)::text from pg_stats where schemaname = ${quoteLiteral(path.schema)} and tablename = ${quoteLiteral(path.table)} and attname = ${nameOfColumn(path.column)} and not inherited) as correlation,
    (select (case when reltuples between 0 and 1e15 then reltuples::int8 else 0 end)::text from pg_class where oid = ${quoteLiteral(relation)}::regclass) as rows`
    : 'null as correlation, null as rows'
  const onward = path.onward === null ? '' : ` and ${hasIndex(quoteRelation({ schema: spec[side].schema, name: spec[side].table }), [path.onward.own])}`
  return `select ${least} as least, ${greatest} as greatest, ${known} from (select ${hasIndex(relation, [path.column])}${onward} as indexed offset 0) found`
}

/** Whether an index of a side leads to the rows of a key by the columns of its legs (`keyLookup`), all of them; else each look for some keys is a pass. Columns: indexed (`true`, `false`). */
export function lookupIndexStatement(spec: ComparisonSpec, side: Side): string {
  const legs = keyLookup(spec, side)
  if (legs === null) throw new RangeError(`the keys of ${spec.entity} are no columns at the ${side}`)
  return `select (${hasIndex(quoteRelation({ schema: spec[side].schema, name: spec[side].table }), legs.map(({ column }) => column))})::text as indexed`
}

/** SQL string of the name of a quoted column, which may stand behind the alias of its row. */
function nameOfColumn(quoted: string): string {
  return quoteLiteral(quoted.slice(quoted.indexOf('"') + 1, -1).replaceAll('""', '"'))
}

/** SQL condition that a btree over all rows of a relation begins with these columns, in any order. */
function hasIndex(relation: string, columns: readonly string[]): string {
  const first = `[0:${columns.length - 1}]`
  return `exists (select from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
      where i.indrelid = ${quoteLiteral(relation)}::regclass and m.amname = 'btree' and i.indisvalid and i.indpred is null and i.indnkeyatts >= ${columns.length}
      and ${columns.length} = (select pg_catalog.count(*) from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any((i.indkey::int2[])${first}) and a.attname in (${columns.map(nameOfColumn).join(', ')})))`
}

/** Texts with their state; NULL is `+`. */
function acceptedColumns(term: TermSpec, column: number, side: Side): { name: string; sql: string }[] {
  const [first] = term.accept
  if (first === undefined) return []
  if (side === 'target') {
    const raw = term.targetRaw ?? term.target
    // what was read as JSON is compared as JSON, or as the text that it is
    const [value, type] = term.targetRaw !== null && first.kind.name !== 'jsonb' ? [raw, 'text'] : [term.target, term.targetType]
    return [{ name: `e${column}`, sql: `coalesce('=' || ${canonicalText(canonicalValue(first.kind, type, value))}, case when ${raw} is null then '+' end)` }]
  }
  return term.accept.map((one, index) => ({ name: `a${column}_${index}`, sql: `case when ${isTrue(one.where)} then coalesce('=' || ${canonicalText(canonicalValue(one.kind, one.kind.literalType, acceptedValue(one)))}, '+') end` }))
}

/** The accepted value in the type in which it meets the target's. */
export function acceptedValue({ value, kind }: Pick<AcceptedValue, 'value' | 'kind'>): string {
  return `(${value}\n)::${kind.literalType}`
}

/**
 * The rows that a merge takes into others.
 * Columns: k0… (legs), c0… (columns), reason (explained), recent, s0… and t0… (legs and columns of the survivor), survivor (its state).
 * @param snapshot when the pass saw the source, ISO 8601; null when it is not known
 */
export function readMergedStatement(spec: ComparisonSpec, options: StatementOptions, snapshot: string | null): string {
  const { from, keys, columns } = sideSql(spec, 'source', options)
  const [, recent] = changeColumns(spec, 'source', snapshot)
  const texts = [
    ...keys.map((leg, index) => ({ text: termText(at(spec.key, index).canonical, leg, 'source', options.recode), own: `k${index}`, survivor: `s${index}` })),
    ...columns.map((column, index) => ({ text: termText(at(spec.columns, index).canonical, column, 'source', options.recode), own: `c${index}`, survivor: `t${index}` })),
  ]
  return `with member as materialized (select src.tableoid as relation, src.ctid as address, merging.place, merging.survivor_relation, merging.survivor, state.name as state, ` +
    `${firstReason(spec.source.explained)} as reason, ${recent} as recent, ${texts.map(({ text, own }) => `${text} as ${own}`).join(', ')} from ${from} ` +
    `where ${wantedRows(spec, 'source', options)} and merging.members > 1 and state.name in ('keyed', 'merged', 'no key')) ` +
    `select ${texts.map(({ own, survivor }) => `member.${own}, first.${own} as ${survivor}`).join(', ')}, member.reason, member.recent, first.state as survivor ` +
    `from member join member first on first.relation = member.survivor_relation and first.address = member.survivor where member.state = 'merged'`
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
    `${canonicalText(resolvedValue(sqlOf(total.sum)))}::numeric as value${groups.map((group) => `, ${group}`).join('')} from ${from} ` +
    `where ${wantedRows(spec, side, options)} and ${pageCondition(side, options.pages)} and ${left}) rows group by ${names} limit ${limit + 1}`
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
 * Columns: k0, excluded and reason (indexes, or null), p0… (the references that lead to parents of its own), s0 (the first key leg of the row that it is merged into, or null).
 */
export function readParentsStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { keys, columns } = sideSql(spec, 'source', options)
  const text = (terms: readonly TermSpec[], sql: readonly TermSql[], index: number) => termText(at(terms, index).canonical, at(sql, index), 'source', options.recode)
  const references = spec.parents.map(({ part, index }, parent) => `, ${part === 'key' ? text(spec.key, keys, index) : text(spec.columns, columns, index)} as p${parent}`)
  const joinsOf = (terms: readonly TermSql[]) => terms.flatMap((term) => term.join ?? []).join(' ')
  const key = text(spec.key, keys, 0)
  const claim = isTrue(spec.source.where)
  const survivors = spec.source.merge === null ? '' : `${mergeJoin(spec)} left join (select src.tableoid as relation, src.ctid as address, ${key} as k0 from ${rowsOf(spec, 'source')} ${joinsOf(keys)} where ${claim}) first ` +
    'on merging.place > 1 and first.relation = merging.survivor_relation and first.address = merging.survivor'
  return `select ${key} as k0, ${firstReason(spec.source.exclude)} as excluded, ${firstReason(spec.source.explained)} as reason${references.join('')}, ${survivors === '' ? 'null' : 'first.k0'} as s0 ` +
    `from ${rowsOf(spec, 'source')} ${joinsOf([...keys, ...columns])} ${survivors} where case when ${claim} then ${key} = any($1::text[]) end`
}

/** How often the explanations hold that a row's own condition decides, over the rows that pair by their key. Columns: reason (index of the first that holds, or null), rows. */
export function explainedRowsStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { from } = sideSql(spec, 'source', options)
  return `select ${firstReason(spec.source.explained)} as reason, pg_catalog.count(*)::text as rows from ${from} where ${claimCondition(spec, 'source')} and state.name = 'keyed' group by 1`
}

/** Keys of claimed target rows whose first leg, as text with its state, is listed in $1 (a text array). Columns: k0…. */
export function findTargetKeysStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { from, keys } = sideSql(spec, 'target', options)
  const texts = legTexts(spec, keys, 'target', options.recode)
  return `select ${texts.map((text, index) => `${text} as k${index}`).join(', ')} from ${from} ` +
    `where ${wantedRows(spec, 'target', options)} and state.name = 'keyed' and ${at(texts, 0)} = any($1::text[])`
}

/** The addresses of the rows of a chunk, at most `limit` + 1. Columns: address. */
export function addressesStatement(spec: ComparisonSpec, side: Side, pages: StatementOptions['pages'], limit: number): string {
  return `select ${aliasOf(side)}.ctid::text as address from ${rowsOf(spec, side)} where ${claimCondition(spec, side)} and ${pageCondition(side, pages)} order by ${aliasOf(side)}.ctid limit ${limit + 1}`
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

/**
 * Rows of a side that have no key to pair by, at most $1 of them. Columns: state, reason, r0… (raw legs).
 * @param areFew the entity claims the whole table, and the addresses of all rows without a key fit into memory: behind a key map they are found first, since a join that brings each row its legacy key takes three times as long as one that only asks for it
 */
export function readUnkeyedStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, areFew = false): string {
  const { from, keys } = sideSql(spec, side, options)
  const reason = side === 'source' ? 'null' : firstReason(spec.target.generated)
  const states = side === 'source' ? "state.name = 'no key'" : `state.name <> 'keyed' and (${reason}) is null`
  const raw = keys.map((leg, index) => `${leg.raw} as r${index}`)
  return `select * from (select state.name as state, ${raw.join(', ')} from ${from} where ${wantedRows(spec, side, options)} and ${states}${areFew ? withoutEntry(spec, side) : ''}) rows ` +
    `order by ${raw.map((_, index) => `r${index} collate "C"`).join(', ')} limit $1::text::int8`
}

/**
 * Counts the claimed rows of a side, or of some of its pages, that are not paired by a key: excluded ones and those without a key. Columns: state (as `stateAt` names them), reason (index of the generated reason that holds, or null), rows.
 * @param areFew as `readUnkeyedStatement` takes it
 */
export function countUnkeyedStatement(spec: ComparisonSpec, side: Side, options: StatementOptions, areFew = false): string {
  // neither the columns nor what a row is merged with tells more of these rows
  const { from } = sideSql({ ...spec, columns: [], source: { ...spec.source, merge: null } }, side, options)
  const reason = side === 'source' ? 'null' : firstReason(spec.target.generated)
  return `select state.name as state, (${reason})::text as reason, pg_catalog.count(*)::text as rows from ${from} where ${wantedRows(spec, side, options)} and ${pageCondition(side, options.pages)} and state.name <> 'keyed'${areFew ? withoutEntry(spec, side) : ''} group by 1, 2`
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

/** Which of the legacy keys listed in $1 (a text array) a key map knows. Columns: legacy. */
export function knownKeysStatement(map: KeyMapSpec, kind: CanonicalKind): string {
  if (isNatural(map)) return `select distinct natural_value as legacy from (${naturalRows(map, 'target')}) entry where natural_value = any($1::text[])`
  const legacy = canonicalText(canonicalValue(kind, kind.literalType, legacyKey(map, kind)))
  // an index may find them
  const lookup = isHeldAs(kind, map.legacyType) ? ` and tgt.${quoteIdentifier(map.legacy)} = any($1::text[]::${kind.literalType}[])` : ''
  return `select distinct ${legacy} as legacy ${fromEntries(map)} and ${legacy} = any($1::text[])${lookup}`
}

/** The legacy keys of a many-to-one key map that are not the smallest of their modern key. Columns: legacy, smallest. */
export function collapsedKeysStatement(map: StoredKeyMapSpec, kind: CanonicalKind, targetType: string): string {
  return `select legacy, pg_catalog.min(smallest collate "C") as smallest from (${entriesWithSmallest(map, kind, targetType)}) entries where legacy is not null group by legacy having pg_catalog.bool_and(legacy <> smallest)`
}

/**
 * The entries of a many-to-one key map whose legacy key is not the smallest of its modern key: references that are right although
 * they are read under another legacy key. Columns: legacy, smallest (under which they are read).
 */
export function foldedEntriesStatement(map: StoredKeyMapSpec, kind: CanonicalKind, targetType: string): string {
  return `select legacy, smallest from (${entriesWithSmallest(map, kind, targetType)}) entries where legacy <> smallest`
}

/** Columns: legacy, smallest (canonical texts). */
function entriesWithSmallest(map: StoredKeyMapSpec, kind: CanonicalKind, targetType: string): string {
  const [legacy, smallest] = [legacyKey(map, kind), 'first.legacy'].map((sql) => canonicalText(canonicalValue(kind, kind.literalType, sql)))
  return `select distinct ${legacy} as legacy, ${smallest} as smallest ` +
    `from ${mapRelation(map)} tgt join (${smallestLegacyKeys(map, kind, targetType)}) first on first.modern = ${modernOfEntry(map, targetType)} where ${isTrue(map.where)}`
}

/**
 * What is wrong with a key map as such. Columns: entries, unreadable (legacy keys not of the key's type, or NULL), two_modern
 * (legacy keys with several modern ones), two_legacy (modern keys with several legacy ones).
 */
export function checkMapStatement(map: StoredKeyMapSpec, kind: CanonicalKind, targetType: string): string {
  // what unique indexes prove need not be counted
  if (hasOneLegacyKey(map, targetType) && map.unique.legacy && map.legacyType === kind.literalType) {
    return `select pg_catalog.count(*)::text as entries, (pg_catalog.count(*) filter (where tgt.${quoteIdentifier(map.legacy)} is null))::text as unreadable, '0' as two_modern, '0' as two_legacy ` +
      `from ${mapRelation(map)} tgt where ${isTrue(map.where)} and tgt.${quoteIdentifier(map.modern)} is not null`
  }
  const entries = `select distinct ${canonicalText(canonicalValue(kind, kind.literalType, legacyKey(map, kind)))} as legacy, ${modernOfEntry(map, targetType)} as modern ` +
    `from ${mapRelation(map)} tgt where ${isTrue(map.where)} and tgt.${quoteIdentifier(map.modern)} is not null`
  return `with entry as materialized (${entries}) select (select pg_catalog.count(*) from entry)::text as entries, (select pg_catalog.count(*) from entry where legacy is null)::text as unreadable, ` +
    '(select pg_catalog.count(*) from (select from entry where legacy is not null group by legacy having pg_catalog.count(*) > 1) x)::text as two_modern, ' +
    '(select pg_catalog.count(*) from (select from entry where legacy is not null group by modern having pg_catalog.count(*) > 1) x)::text as two_legacy'
}

/** Source keys that stand more than once. Columns: keys, rows. */
export function duplicateKeysStatement(spec: ComparisonSpec, options: StatementOptions): string {
  const { from, keys } = sideSql(spec, 'source', options)
  const legs = legTexts(spec, keys, 'source', options.recode).map((text, index) => `${text} as k${index}`).join(', ')
  return `select pg_catalog.count(*)::text as keys, coalesce(pg_catalog.sum(n), 0)::text as rows from (select pg_catalog.count(*) as n from (select ${legs} from ${from} ` +
    `where ${wantedRows(spec, 'source', options)} and state.name = 'keyed') rows group by ${keys.map((_, index) => `k${index}`).join(', ')} having pg_catalog.count(*) > 1) x`
}
