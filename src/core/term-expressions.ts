import { canonicalHash, canonicalText, canonicalValue, constantFor, int8Literal, type CanonicalKind } from './canonical.js'
import type { Side } from './catalog.js'
import { isTrue, quoteLiteral } from './identifier.js'
import { isNatural, joinKeys, keyMapOf, naturalRows, smallestLegacyKeys } from './key-map-expressions.js'
import { at } from './lists.js'
import type { AcceptedValue, ComparisonSpec, NaturalKeyMapSpec, TermSpec } from './spec.js'

/**
 * The SQL of the terms of a row: key legs and columns. A term has three states on each side: NULL, a value, or *unresolved*: a reference that its key map does not
 * know, a code that its value map does not list. Unresolved equals nothing, itself included. Read as text the states are null,
 * `=` + canonical text, and `?` (source) or `!` (target) + the raw value, so that plain string equality is right. `~` marks a long text
 * that is told by its length and two hashes, `+` a text that is accepted instead of an unresolved one (`+=value`, `+` alone for NULL).
 */

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

/** Types whose `=` tells whether a value is a code. */
const literalCodes = ['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'uuid', 'date', 'time', 'timestamp', 'timestamptz', 'numrange', 'nummultirange', '_numeric', '_float4', '_float8']
/** Types whose values are texts: a code is one as it is written. */
const textCodes = ['text', 'varchar', 'name', '"char"']

export function sourceTerm(term: TermSpec, spec: ComparisonSpec, alias: string): TermSql {
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

/**
 * SQL condition that a value is the code that the plan writes as this text. Types that are no numbers and times are compared by the text that the server gives the value, however the plan writes it: a month equals
 * thirty days, and is another code. Of types outside pg_catalog (enums are such) the plan writes that text itself.
 */
export function isCode(value: string, type: string, code: string): string {
  if (literalCodes.includes(type)) return `${value} = ${quoteLiteral(code)}::${type}`
  const isText = textCodes.includes(type) || type.includes('.')
  return `(${value})::text collate "C" = ${quoteLiteral(code)}${isText ? '' : `::${type}::text`}`
}

export function targetTerm(term: TermSpec, spec: ComparisonSpec, alias: string): TermSql {
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

export interface KeySql extends TermSql {
  /** SQL condition under which the leg stands for the other value of its value map: then no target row is equal, only accepted. null: never */
  neededOther: string | null
}

/** SQL of the value of a term, or of the other one that it is accepted with. */
export function resolvedValue({ value, otherValue, unresolved }: TermSql): string {
  return otherValue === null || unresolved === null ? value : `case when ${unresolved} then ${otherValue} else ${value} end`
}

/** A leg pairs by the other value of its value map, where a column would only be accepted with it. */
export function asKey(leg: TermSql): KeySql {
  if (leg.otherValue === null || leg.unresolved === null) return { ...leg, neededOther: null }
  return { ...leg, value: resolvedValue(leg), unresolved: null, otherValue: null, neededOther: leg.unresolved }
}

export function hashTerm(term: TermSpec, sql: TermSql, role: string, side: Side, recode: boolean): string {
  const value = `coalesce(${canonicalHash(term.canonical, sql.value, constantFor(role), recode)}, ${int8Literal(constantFor(`${role} null`))})`
  return sql.unresolved === null ? `(${value})` : `(case when ${sql.unresolved} then ${int8Literal(constantFor(`${role} unresolved at ${side}`))} else ${value} end)`
}

/** @param isJudged a server is asked about the text: it may not be cut */
export function termText(kind: CanonicalKind, sql: TermSql, side: Side, recode: boolean, isJudged = false): string {
  const text = canonicalText(sql.value)
  const hash = (seed: string) => canonicalHash({ ...kind, name: 'text' }, text, constantFor(seed), recode)
  // servers of two encodings agree on bytes of UTF-8: one without an encoding takes bytes for characters, and would cut one
  const [length, unit, beginning] = recode ? [`pg_catalog.octet_length(pg_catalog.convert_to(${text}, 'UTF8'))`, 'bytes', ''] : [`pg_catalog.char_length(${text})`, 'characters', `pg_catalog.left(${text}, 200) || `]
  const digest = `'~' || ${beginning}'... ' || ${length}::text || ' ${unit}, ' || (${hash('long 1')})::text || (${hash('long 2')})::text`
  const isWhole = isJudged || kind.decideAs !== null || ['integer', 'bigint', 'boolean', 'uuid', 'float4', 'float8'].includes(kind.name)
  const value = isWhole ? `'=' || ${text}` : `case when ${length} > ${longestText} then ${digest} else '=' || ${text} end`
  if (sql.unresolved === null) return value
  // NULL as the other value is told as `+` with nothing behind a mark of its own
  const unresolved = sql.otherValue === null ? `'${side === 'source' ? '?' : '!'}' || ${cutRaw(sql.raw, recode)}` : `coalesce('+=' || ${canonicalText(sql.otherValue)}, '+')`
  return `case when ${sql.unresolved} then ${unresolved} else ${value} end`
}

/** The beginning of a raw text, for people; between servers of two encodings it ends before the characters beyond ASCII in which it may have been cut. */
function cutRaw(raw: string, recode: boolean): string {
  const beginning = `pg_catalog.left(${raw}, 200)`
  return recode ? `case when pg_catalog.char_length(${raw}) > 200 then pg_catalog.regexp_replace(${beginning}, ${quoteLiteral('[^\\u0001-\\u007f]*$')}, '') else ${raw} end` : beginning
}

export function legTexts(spec: ComparisonSpec, keys: readonly TermSql[], side: Side, recode: boolean): string[] {
  return keys.map((leg, index) => termText(at(spec.key, index).canonical, leg, side, recode))
}

/** Texts with their state; NULL is `+`. */
export function acceptedColumns(term: TermSpec, column: number, side: Side): { name: string; sql: string }[] {
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
