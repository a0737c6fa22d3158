import type { TypeInfo } from './catalog.js'
import { quoteLiteral } from './identifier.js'

/**
 * The common form in which a source and a target value meet. The text form decides equality, the hash only proves it: both may be
 * finer than equality (then the value itself is asked, see `decideAs`), never coarser.
 */
export interface CanonicalKind {
  name: 'integer' | 'bigint' | 'numeric' | 'float4' | 'float8' | 'text' | 'padded text' | 'boolean' | 'uuid' | 'uuid text' | 'bytes' | 'jsonb' | 'array' | 'geometric' | 'verbatim'
  /** a type of every server to which a literal of this kind can be cast */
  literalType: string
  /** equal values may differ in text: a server decides with this type. null: the text decides */
  decideAs: string | null
}

export type CanonicalChoice = { kind: CanonicalKind; warning?: string } | { refused: string; suggestion?: string }

export const integerTypes = ['int2', 'int4', 'int8']
const integers = [...integerTypes, 'oid']
const floats = ['float4', 'float8']
const numerics = ['numeric', 'money']
const texts = ['text', 'varchar', 'name', 'citext', 'char', 'bpchar', 'refcursor', 'unknown']
const json = ['json', 'jsonb']
const geometric = ['point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle']
/** Types whose text under the pinned session settings is exact; families of them that may meet each other. */
const verbatimFamilies = [
  ['date'], ['time'], ['timetz'], ['timestamp'], ['timestamptz'], ['interval'], ['inet', 'cidr'], ['macaddr'], ['macaddr8'], ['bit', 'varbit'], ['xml'],
  ['hstore'], ...geometric.map((name) => [name]), ['tsvector'], ['tsquery'], ['pg_lsn'], ['pg_snapshot'], ['txid_snapshot'], ['jsonpath'], ['int2vector'], ['oidvector'],
]
/** The order of what these hold depends on the encoding of the server: the target sorts the source's text before it decides. */
const sortedByBytes = ['tsvector', 'hstore']

const transactionId = 'transaction ids have no meaning in another database'
const address = 'it holds the address of an object in the catalogue of one database'
const internal = 'it is a type for the inside of a server'
const refusedTypes: Record<string, string> = {
  xid: transactionId, xid8: transactionId, cid: 'command ids have no meaning in another database', tid: 'row addresses have no meaning in another database',
  ...Object.fromEntries(['proc', 'procedure', 'oper', 'operator', 'class', 'type', 'config', 'dictionary', 'namespace', 'role', 'collation', 'database'].map((name) => [`reg${name}`, address])),
  aclitem: 'it names roles of one server', gtsvector: internal, pg_node_tree: internal, pg_ndistinct: internal, pg_dependencies: internal, pg_mcv_list: internal,
  pg_brin_bloom_summary: internal, pg_brin_minmax_multi_summary: internal,
}

const simple = (name: CanonicalKind['name'], literalType: string = name, decideAs: string | null = null): CanonicalKind => ({ name, literalType, decideAs })
const integer = simple('integer', 'int4')
const bigint = simple('bigint', 'int8')

type Family = 'integer' | 'float' | 'numeric' | 'text' | 'boolean' | 'uuid' | 'bytes' | 'json' | 'array' | 'range' | 'verbatim'

function familyOf(type: TypeInfo): Family | null {
  if (reasonAgainst(type) !== null) return null
  if (type.kind === 'e') return 'text'
  if (type.kind === 'r' || type.kind === 'm') return 'range'
  // int2vector and oidvector have elements, and a text that is no array's
  if (type.element !== null && !isVerbatim(type)) return 'array'
  if (integers.includes(type.base)) return 'integer'
  if (floats.includes(type.base)) return 'float'
  if (numerics.includes(type.base)) return 'numeric'
  if (texts.includes(type.base)) return 'text'
  if (json.includes(type.base)) return 'json'
  if (type.base === 'bool') return 'boolean'
  if (type.base === 'uuid') return 'uuid'
  if (type.base === 'bytea') return 'bytes'
  return 'verbatim'
}

const isVerbatim = ({ base }: TypeInfo): boolean => verbatimFamilies.some((names) => names.includes(base))
/** Names outside pg_catalog are qualified. */
const isBuiltIn = ({ name }: TypeInfo): boolean => !name.includes('.')
/** A type may stand in another schema on the other side. */
const isNamedLike = (left: TypeInfo, right: TypeInfo): boolean => withoutSchema(left.name) === withoutSchema(right.name)
const withoutSchema = (name: string): string => (name.includes('.') ? /"(?:[^"]|"")+"$/.exec(name)?.[0] ?? name : name)

function reasonAgainst(type: TypeInfo): string | null {
  if (type.kind === 'c') return 'it is a composite type'
  if (type.kind === 'p') return 'it is a pseudo-type'
  if (type.writtenBy !== undefined) return `its cast to text is ${type.writtenBy}, which may write two values alike`
  return (isBuiltIn(type) ? refusedTypes[type.base] : undefined) ?? null
}

/**
 * Chooses the canonical kind in which two types can be compared without losing anything.
 * @returns the kind, with a warning where the target type itself cannot hold all that the source can; or the reason why the types
 *   cannot be compared as they stand, with the SQL that would bring them together
 */
export function chooseCanonical(source: TypeInfo, target: TypeInfo, options: { zone: string | null }): CanonicalChoice {
  return unlessCast(source, target, chooseKind(source, target, options))
}

/** Refuses a kind on whose way from a type to its text, or back where a server decides, there is a cast that somebody has made. */
function unlessCast(source: TypeInfo, target: TypeInfo, choice: CanonicalChoice): CanonicalChoice {
  if ('refused' in choice) return choice
  for (const type of [source, target]) {
    for (const [from, to] of type.casts === undefined ? [] : castsOf(type, choice.kind, type === target ? target : null)) {
      const by = type.casts?.get(`${from} ${to}`)
      if (by !== undefined) return { refused: `values of type ${type.name} cannot be compared: their cast from ${from} to ${to} is ${by}, which may make one of two values`, suggestion: 'drop the cast, or list the column under `ignore`' }
    }
  }
  return choice
}

/** The casts from or to text, or between arrays, that bring a type to its canonical text, as `canonicalValue` has them. @param decider the target's type, which decides */
function castsOf(type: TypeInfo, kind: CanonicalKind, decider: TypeInfo | null): [from: string, to: string][] {
  if (kind.name === 'jsonb') return []
  const arrayName = (name: string) => name.replace(/^(.*)\[\]$/, '_$1')
  const literal = arrayName(kind.literalType)
  const exact = type.name === '_money' ? '_numeric' : type.name === '_oid' ? '_int8' : null
  const isByText = (type.base === 'float4' && literal === 'float8') || (literal === '_float8' && needsText(type.name)) || (familyOf(type) === 'text' && literal !== 'text')
  const first: [string, string][] = isByText ? [['text', literal]] : exact === null ? [[type.name, literal]] : [[type.name, exact], [exact, literal]]
  const decided = decider === null || kind.decideAs === null ? null : kind.decideAs.includes('.') ? decider.name : arrayName(kind.decideAs)
  return [...first, [type.name, 'text'], [literal, 'text'], ...(decided === null ? [] : [['text', decided] satisfies [string, string]])]
}

function chooseKind(source: TypeInfo, target: TypeInfo, options: { zone: string | null }): CanonicalChoice {
  const [left, right] = [familyOf(source), familyOf(target)]
  for (const [family, type] of [[left, source], [right, target]] as const) {
    if (family === null) return { refused: `values of type ${type.name} cannot be compared: ${reasonAgainst(type) ?? 'it has no canonical form'}`, suggestion: 'compare its parts with `sql`, or list the column under `ignore`' }
  }
  if (options.zone !== null) {
    if (source.base !== 'timestamp') return { refused: `\`zone\` is for a zone-less source time, and the source is ${source.name}`, suggestion: 'remove `zone`' }
    if (target.base !== 'timestamptz') return { refused: `\`zone\` makes a timestamptz of the source, and the target is ${target.name}`, suggestion: 'remove `zone`' }
    return { kind: simple('verbatim', 'timestamptz') }
  }
  const families = new Set([left, right])
  const only = (...allowed: Family[]) => [...families].every((family) => family !== null && allowed.includes(family))
  if (only('integer')) return { kind: [source, target].every(({ base }) => base === 'int2' || base === 'int4') ? integer : bigint }
  if (only('integer', 'numeric')) return { kind: simple('numeric') }
  if (only('integer', 'numeric', 'float')) return chooseFloat(source, target, left, right)
  if (only('text')) return { kind: [source, target].some(({ base }) => base === 'bpchar') ? simple('padded text', 'text') : simple('text') }
  if (only('uuid')) return { kind: simple('uuid') }
  if (only('uuid', 'text')) return { kind: simple('uuid text', 'text') }
  if (only('boolean')) return { kind: simple('boolean', 'bool') }
  if (only('bytes')) return { kind: simple('bytes', 'bytea') }
  if (only('json')) return { kind: simple('jsonb', 'jsonb', 'jsonb') }
  if (only('array')) return chooseArray(source, target)
  if (only('range')) return chooseRange(source, target)
  if (only('verbatim')) {
    if (source.base === 'timestamp' && target.base === 'timestamptz')
      return { refused: 'the source time has no zone and the target has one', suggestion: 'say in which zone the source time is meant: `zone: UTC`' }
    const family = verbatimFamilies.find((names) => names.includes(source.base))
    if (geometric.includes(source.base) && source.base === target.base) return { kind: simple('geometric', target.base) }
    if (family?.includes(target.base)) {
      const name = target.base === 'cidr' ? 'inet' : target.base === 'bit' ? 'varbit' : target.base
      return { kind: simple('verbatim', name, sortedByBytes.includes(name) ? target.name : null) }
    }
    if (family === undefined && isNamedLike(source, target) && !isBuiltIn(source) && !isBuiltIn(target)) {
      return { kind: simple('verbatim', 'text'), warning: `${source.name} is not a type that ships with PostgreSQL: its values are compared by their text` }
    }
  }
  return { refused: `${source.name} and ${target.name} cannot be compared without losing something`, suggestion: suggestCast(source, target) }
}

/** The canonical kind of one type, as if both sides had it. */
export function canonicalOf(type: TypeInfo): CanonicalChoice {
  return chooseCanonical(type, type, { zone: null })
}

/**
 * The canonical kind of a key that a stored key map leads from: the source's key type against the map's legacy column, which may hold
 * the keys of many tables as text. Use this, not `chooseCanonical`, for every term with `references`.
 */
export function chooseKeyKind(source: TypeInfo, legacy: TypeInfo): CanonicalChoice {
  const [left, right] = [familyOf(source), familyOf(legacy)]
  // by value, so that '007' is 7; a text that is no number leads nowhere
  if ((left === 'integer' || left === 'numeric') && right === 'text') return unlessCast(source, legacy, { kind: simple('numeric') })
  if (left === 'text' && right === 'integer') return unlessCast(source, legacy, { kind: simple(source.base === 'bpchar' ? 'padded text' : 'text', 'text') })
  return chooseCanonical(source, legacy, { zone: null })
}

function suggestCast(source: TypeInfo, target: TypeInfo): string {
  if (source.base === 'timestamptz' && target.base === 'timestamp') return `convert it: \`sql: "src.<column> at time zone 'UTC'"\``
  if (familyOf(target) === 'json' && familyOf(source) === 'text') return 'parse the text: `as: json`'
  return `bring the source to the target's type: \`sql: "src.<column>::${target.base}"\`, or list codes under \`values\``
}

function chooseFloat(source: TypeInfo, target: TypeInfo, left: Family | null, right: Family | null): CanonicalChoice {
  if (left === 'float' && right === 'float') return { kind: simple('float8') }
  const float = left === 'float' ? source : target
  const exact = left === 'float' ? target : source
  return {
    kind: float.base === 'float4' ? simple('float4') : simple('float8'),
    warning: `${exact.name} against ${float.name}: equal when the exact value, cast to ${float.name}, is the same; digits beyond that are lost`,
  }
}

function chooseArray(source: TypeInfo, target: TypeInfo): CanonicalChoice {
  if (source.element === null || target.element === null) return { refused: 'an array type without an element type' }
  const element = chooseCanonical(source.element, target.element, { zone: null })
  if ('refused' in element) return { refused: `array elements: ${element.refused}`, suggestion: 'compare them with `sql`' }
  const { kind, warning } = element
  const isPadded = [source, target].filter((type) => type.element?.base === 'bpchar').length === 1
  if (kind.name === 'array' || kind.name === 'uuid text' || isPadded) return { refused: `arrays of ${source.element.name} and ${target.element.name} have no common text`, suggestion: 'compare them with `sql`' }
  const decideAs = kind.decideAs ?? (isByValue(kind) ? kind.literalType : null)
  // a type outside pg_catalog need not be found by its bare name: its elements are brought to text one by one
  const literalType = isBuiltIn(target.element) || !['verbatim', 'geometric'].includes(kind.name) ? kind.literalType : 'text'
  return { kind: simple('array', `${literalType}[]`, decideAs === null ? null : `${decideAs}[]`), ...(warning === undefined ? {} : { warning }) }
}

/** Equal values of these kinds may differ in the text that PostgreSQL writes into an array or range. */
const isByValue = ({ name, decideAs }: CanonicalKind): boolean => decideAs !== null || ['numeric', 'float4', 'float8'].includes(name)

function chooseRange(source: TypeInfo, target: TypeInfo): CanonicalChoice {
  if (!isNamedLike(source, target) || source.kind !== target.kind || source.element === null || target.element === null || !isNamedLike(source.element, target.element))
    return { refused: `${source.name} and ${target.name} are different ranges`, suggestion: 'compare `lower(...)` and `upper(...)` with `sql`' }
  const bound = chooseCanonical(source.element, target.element, { zone: null })
  if ('refused' in bound) return { refused: `bounds of the range: ${bound.refused}`, suggestion: 'compare `lower(...)` and `upper(...)` with `sql`' }
  if (isBuiltIn(target)) return { kind: simple('verbatim', target.name, isByValue(bound.kind) ? target.name : null) }
  // what a range of users takes for equal is up to their operator class: its numbers are compared as such, other bounds by their text
  const isOfNumbers = ['numeric', 'float8'].includes(bound.kind.name)
  return { kind: simple('verbatim', 'text', isOfNumbers ? (target.kind === 'm' ? 'nummultirange' : 'numrange') : null) }
}

/**
 * Brings a typed SQL value to its canonical SQL value.
 * @param typeName the type of the expression on its own server
 */
export function canonicalValue(kind: CanonicalKind, typeName: string, expression: string): string {
  switch (kind.name) {
    case 'integer': return `(${expression})::int4`
    case 'bigint': return `(${expression})::int8`
    case 'numeric': return `${trimScale}((${expression})${typeName === 'oid' ? '::int8' : ''}::numeric)`
    // + 0 makes 0 of -0; a float4 becomes the float8 of its shortest text, so that 0.1 is 0.1
    case 'float8': return typeName === 'float4' ? `((${expression})::text::float8 + 0::float8)` : `((${expression})${exactFirst(typeName)}::float8 + 0::float8)`
    case 'float4': return `((${expression})${exactFirst(typeName)}::float4 + 0::float4)`
    case 'text': return typeName === '"char"' ? charText(expression) : `(${expression})::text`
    case 'padded text': return `pg_catalog.rtrim((${expression})::text, ' ')`
    case 'boolean': return `(${expression})::bool`
    case 'uuid': return `(${expression})::uuid`
    case 'uuid text': return typeName === 'uuid' ? `(${expression})::text`
      : `case when (${expression})::text collate "C" ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then pg_catalog.lower((${expression})::text collate "C") else (${expression})::text end`
    case 'bytes': return `pg_catalog.encode((${expression})::bytea, 'hex')`
    // a cast to text that somebody has made is not asked
    case 'jsonb': return `pg_catalog.textin(pg_catalog.jsonb_out((${expression})::jsonb))`
    case 'array': return arrayText(kind.literalType, typeName, `(${expression})`)
    case 'geometric': return withoutSignOfZero(`(${expression})::text`)
    // a cast would keep an XML declaration that the type's output, and with it every dump and driver, leaves out
    case 'verbatim': return typeName === 'xml' ? `pg_catalog.textin(pg_catalog.xml_out(${expression}))` : `(${expression})::${isMoment(kind) ? kind.literalType : 'text'}`
  }
}

/** Up to PostgreSQL 15 a byte above 127 stands as itself in the text of a "char", which may be no text at all; from 16 on as a backslash and three octal digits. */
function charText(expression: string): string {
  const byte = `pg_catalog.get_byte(pg_catalog.charsend(${expression}), 0)`
  return `case when ${byte} > 127 then pg_catalog.chr(92) || (${byte} >> 6)::text || ((${byte} >> 3) & 7)::text || (${byte} & 7)::text else (${expression})::text end`
}

/** The text of an array with elements of the canonical type; as above, a float4 becomes the float8 of its shortest text, in an array of a domain too, whose name does not tell. */
function arrayText(literalType: string, typeName: string, array: string): string {
  const first = literalType === 'float8[]' && needsText(typeName) ? '::text' : typeName === '_money' ? '::numeric[]' : typeName === '_oid' ? '::int8[]' : ''
  const text = `${array}${first}::${literalType}::text`
  return geometric.some((name) => literalType === `${name}[]`) ? withoutSignOfZero(text) : text
}

/** Whether the elements of an array may be float4, by its type's name. */
const needsText = (name: string): boolean => !['_float8', '_money', '_oid'].includes(name)

/** SQL that reads a text as a type by the type's own input, whatever casts somebody has made: jsonb, and of the types with a modifier numeric and those of time. */
export function readText(type: string, text: string): string {
  return `pg_catalog.${type}_in(pg_catalog.textout(${text})${['date', 'jsonb'].includes(type) ? '' : ', 0, -1'})`
}

/** 0 and -0 are one coordinate. */
function withoutSignOfZero(text: string): string {
  return `pg_catalog.regexp_replace(${text}, '-0(?![.0-9])', '0', 'g')`
}

/** Kinds whose canonical value keeps its type, since its bytes are hashed faster than its text. */
const isMoment = ({ name, literalType }: CanonicalKind): boolean => name === 'verbatim' && ['date', 'timestamp', 'timestamptz'].includes(literalType)

/** money and oid have no cast to a float of their own */
function exactFirst(typeName: string): string {
  return typeName === 'money' ? '::numeric' : typeName === 'oid' ? '::int8' : ''
}

/** The canonical text of a canonical value; collation C, so that texts are grouped and compared by their bytes. */
export function canonicalText(canonical: string): string {
  return `((${canonical})::text collate "C")`
}

/**
 * A 64-bit hash of a canonical value, null for NULL; equal values of a kind hash alike on every supported server, for the same seed.
 * Integers, numbers, bytes and dates are named several times in it: a value that is dear to compute should stand in a subquery.
 * @param recode the servers differ in encoding: text is hashed by its UTF-8 bytes
 */
export function canonicalHash(kind: CanonicalKind, canonical: string, seed: bigint, recode: boolean): string {
  const s = int8Literal(seed)
  switch (kind.name) {
    case 'integer': return `pg_catalog.hashint4extended(${canonical}, ${s})`
    // PostgreSQL folds an int8 to 32 bits before hashing (-1 = 4294967295): the high word is chained in
    case 'bigint': return `pg_catalog.hashint4extended((${canonical} >> 32)::int4, pg_catalog.hashint8extended(${canonical}, ${s}))`
    // its own hash knows neither the sign nor NaN from infinity, and an order of magnitude changes one bit: told apart, then hashed again
    case 'numeric': {
      const number = untrimmed(canonical)
      return `pg_catalog.hashint4extended(case when ${number} < 0::numeric then 1 when ${number} < 'NaN' then 0 else 2 end, pg_catalog.hash_numeric_extended(${number}, ${s}))`
    }
    case 'float8': return `pg_catalog.hashfloat8extended(${canonical}, ${s})`
    case 'uuid': return `pg_catalog.uuid_hash_extended(${canonical}, ${s})`
    case 'bytes': {
      const bytes = unencoded(canonical)
      return `case when ${bytes} is not null then pg_catalog.hash_array_extended(array[${bytes}], ${s}) end`
    }
    case 'boolean': return `case when ${canonical} then ${s} when not ${canonical} then ${int8Literal(mix64(seed))} end`
    // the other hash functions ignore a nesting or half of a word somewhere, or are missing on older servers: text is faithful
    default: {
      if (isMoment(kind)) return momentHash(kind.literalType, canonical, s)
      const text = canonicalText(canonical)
      // an array of NULL has a hash, and the text is named once
      return recode && kind.name !== 'float4' ? `pg_catalog.hash_array_extended(nullif(array[pg_catalog.convert_to(${text}, 'UTF8')], '{NULL}'::bytea[]), ${s})` : `pg_catalog.hashtextextended(${text} collate "C", ${s})`
    }
  }
}

/** A date by its day, times by their eight bytes: half the price of their text. */
function momentHash(type: string, canonical: string, seed: string): string {
  if (type !== 'date') return `pg_catalog.hashtextextended(pg_catalog.encode(pg_catalog.${type}_send(${canonical}), 'hex') collate "C", ${seed})`
  return `case when pg_catalog.isfinite(${canonical}) then pg_catalog.hashint4extended(${canonical} - '2000-01-01'::date, ${seed}) else pg_catalog.hashtextextended((${canonical})::text collate "C", ${seed}) end`
}

const trimScale = 'pg_catalog.trim_scale'

/** The number whose trailing zeros `canonicalValue` removes: its hash ignores them. */
function untrimmed(canonical: string): string {
  return canonical.startsWith(`${trimScale}(`) ? canonical.slice(trimScale.length) : canonical
}

/** The bytes that `canonicalValue` writes in hexadecimal: in an array they have a hash of their own, on long values a tenth of the price of their text. */
function unencoded(canonical: string): string {
  return /^pg_catalog\.encode\((\(.*\)::bytea), 'hex'\)$/s.exec(canonical)?.[1] ?? `pg_catalog.decode(${canonical}, 'hex')`
}

/** An int8 literal that parses for every value, the smallest included. */
export function int8Literal(value: bigint): string {
  return `${quoteLiteral(value.toString())}::int8`
}

/** The finaliser of SplitMix64 (Steele, Lea, Flood 2014) over a signed 64-bit integer: spreads it evenly over all 64 bits. */
export function mix64(value: bigint): bigint {
  let z = BigInt.asUintN(64, value + 0x9e3779b97f4a7c15n)
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
  return BigInt.asIntN(64, z ^ (z >> 31n))
}

/** A fixed 64-bit constant for a name, from FNV-1a of its UTF-16 code units and `mix64`: equal on every machine, evenly spread. */
export function constantFor(name: string): bigint {
  let hash = 0xcbf29ce484222325n
  for (let index = 0; index < name.length; index += 1) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(name.charCodeAt(index))) * 0x100000001b3n)
  }
  return mix64(BigInt.asIntN(64, hash))
}

/** Whether two values of a type are equal where their canonical forms are. */
export function isHeldAs({ name }: CanonicalKind, type: string): boolean {
  return name === 'integer' || name === 'bigint' ? integerTypes.includes(type) : name === 'uuid' ? type === 'uuid' : name === 'text' && (type === 'text' || type === 'varchar')
}
