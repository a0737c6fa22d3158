import { canonicalText, canonicalValue, integerTypes, isHeldAs, type CanonicalKind } from './canonical.js'
import { aliasOf, type Side } from './catalog.js'
import { isTrue, quoteIdentifier, quoteLiteral, relationSql } from './identifier.js'
import { at } from './lists.js'
import type { ComparisonSpec, KeyMapSpec, NaturalKeyMapSpec, StoredKeyMapSpec } from './spec.js'

/** The SQL of key maps: their entries, and how a reference meets them. A stored map is a table of the target; a natural one pairs the rows of two tables by what they hold. */

export function isNatural(map: KeyMapSpec): map is NaturalKeyMapSpec {
  return 'source' in map
}

/** Columns: key, natural_value (canonical text, of several legs a JSON array; null where all legs are). */
export function naturalRows(map: NaturalKeyMapSpec, side: Side): string {
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

export function keyMapOf(spec: ComparisonSpec, name: string): KeyMapSpec {
  const map = spec.keyMaps[name]
  if (map === undefined) throw new Error(`the spec of ${spec.entity} lacks the key map ${name}`)
  return map
}

/** The names of the stored maps that lead to the rows of a spec: those of a key of one leg. */
export function mapsOfKey({ key: [leg, ...more], keyMaps }: ComparisonSpec): string[] {
  const map = more.length > 0 ? undefined : keyMaps[leg?.keyMap ?? '']
  if (map === undefined || isNatural(map)) return []
  return map.members.length === 0 ? [map.name] : map.members.map((one) => one.map.name)
}

const exactTypes = [...integerTypes, 'numeric']
const floatTypes = ['float4', 'float8']
const numberTypes = [...exactTypes, ...floatTypes, 'oid', 'money']
const textTypes = ['text', 'varchar', 'bpchar', 'name']
/** Types whose `=` holds for values that are not the same (a month and thirty days, boxes of one area), or which have none. */
const coarseTypes = [...textTypes, 'interval', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle', 'json', 'jsonpath', 'xml']

/** Whether keys of a type are told apart by their text alone. Of a type of the users (a qualified name) nobody knows what its `=` means: that of citext ignores case. */
function isKnownByText(type: string): boolean {
  return type.includes('.') || coarseTypes.some((coarse) => type === coarse || type === `_${coarse}`)
}

/** Whether several keys of a type may be one to keys of another type: texts that are one uuid, or one to a char(n); numbers that a float cannot tell apart. */
function isFolded(type: string, otherType: string): boolean {
  return type !== otherType && (isKnownByText(type) ? ['uuid', 'bpchar'] : floatTypes).includes(otherType)
}

/** SQL of a modern key for what is grouped and joined by it: keys that are the same have one form, texts and what a float cannot tell apart that in which they meet keys of the other type. */
function modernKey(type: string, otherType: string, key: string): string {
  return isKnownByText(type) || isFolded(type, otherType) ? meetingForm(type, otherType, key) : key
}

/** Equality of two modern keys: numbers by value, a uuid by its letters in either case, text by its bytes. */
export function joinKeys(leftType: string, left: string, rightType: string, right: string): string {
  if (hasPlainEquality(leftType, rightType)) return `${left} = ${right}`
  return `${meetingForm(leftType, rightType, left)} = ${meetingForm(rightType, leftType, right)}`
}

/** SQL of a modern key in the form that is one for all keys that are the same (`joinKeys`): numbers of two types as a number, others as text. @param otherType type of the keys that it meets */
function meetingForm(type: string, otherType: string, key: string): string {
  const both = [type, otherType]
  if (both.every((one) => numberTypes.includes(one))) {
    // as `chooseCanonical` has them meet: a float4 is the float8 of its shortest text
    const floats = both.filter((one) => floatTypes.includes(one))
    const name = floats.length === 0 ? 'numeric' : floats.length === 1 && floats[0] === 'float4' ? 'float4' : 'float8'
    return canonicalValue({ name, literalType: name, decideAs: null }, type, key)
  }
  const text = `(${key})::text collate "C"`
  return both.includes('uuid') ? `pg_catalog.lower(${text})` : both.includes('bpchar') ? `pg_catalog.rtrim(${text}, ' ')` : text
}

/** Whether `=` tells that two modern keys of these types are the same. */
export function hasPlainEquality(left: string, right: string): boolean {
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
export function mapRelation(map: StoredKeyMapSpec): string {
  return relationSql({ schema: map.schema, name: map.table, query: map.members.length === 0 ? null : taggedEntries(map) })
}

/**
 * A select of the entries of several stored maps as one, for references whose map is chosen by a code: each legacy key stands behind the name of
 * its map. Columns: legacy, modern (in the type that all of them have).
 */
function taggedEntries({ members, modernType }: StoredKeyMapSpec): string {
  return members.map(({ map, kind }) => `select ${taggedKey(map.name, canonicalText(canonicalValue(kind, kind.literalType, legacyKey(map, kind))))} as legacy, ` +
    `(tgt.${quoteIdentifier(map.modern)})::${modernType} as modern from ${mapRelation(map)} tgt where ${isTrue(map.where)}`).join(' union all ')
}

/** A legacy key behind the name of its map, which is quoted where it could be taken for another one with a part of the key. @param text SQL of its canonical text */
export function taggedKey(map: string, text: string): string {
  return `${quoteLiteral(`${/^"| /.test(map) ? JSON.stringify(map) : map} `)} || ${text}`
}

/** The type of the modern keys of several stored maps as one: that which all have, that of exact numbers where all are such, else text. */
export function commonModernType(maps: readonly StoredKeyMapSpec[]): string {
  const types = new Set(maps.map(({ modernType }) => modernType))
  const [first = 'text', second] = types
  return second === undefined ? first : [...types].every((type) => exactTypes.includes(type)) ? 'numeric' : 'text'
}

/** SQL of the entries of a map that lead anywhere, from `from` on, each as `tgt`. */
export function fromEntries(map: StoredKeyMapSpec): string {
  return `from ${mapRelation(map)} tgt where ${isTrue(map.where)} and tgt.${quoteIdentifier(map.modern)} is not null`
}

/** Whether a unique index proves that each modern key has one legacy key. */
export function hasOneLegacyKey({ unique, modernType }: StoredKeyMapSpec, targetType: string): boolean {
  return unique.modern && !isFolded(modernType, targetType)
}

/** SQL of the modern key of an entry, `tgt`. */
function modernOfEntry(map: StoredKeyMapSpec, targetType: string): string {
  return modernKey(map.modernType, targetType, `tgt.${quoteIdentifier(map.modern)}`)
}

/** modern → its smallest legacy key: one row for each modern key, so that the join can never multiply rows. */
export function smallestLegacyKeys(map: StoredKeyMapSpec, kind: CanonicalKind, targetType: string): string {
  const legacy = legacyKey(map, kind)
  const modern = `${modernOfEntry(map, targetType)} as modern`
  const rows = fromEntries(map)
  if (hasOneLegacyKey(map, targetType)) return `select ${modern}, ${legacy} as legacy ${rows}`
  const smallest = ['int4', 'int8', 'numeric'].includes(kind.literalType) ? `pg_catalog.min(${legacy})` : `pg_catalog.min((${legacy})::text collate "C")::${kind.literalType}`
  return `select ${modern}, ${smallest} as legacy ${rows} group by 1`
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
