import { integerTypes, isHeldAs } from './canonical.js'
import { aliasOf, type Side } from './catalog.js'
import { quoteIdentifier, quoteLiteral, quoteRelation, relationSql } from './identifier.js'
import { hasPlainEquality, isNatural, keyMapOf } from './key-map-expressions.js'
import { listed, type StatementOptions } from './row-expressions.js'
import type { ComparisonSpec, TermSpec } from './spec.js'

/** The SQL that leads from keys to their rows by an index, where there is one. */

/**
 * How an index of a side may find the rows of a key by the canonical texts of its legs: every row of the key is among those whose columns equal them.
 * @returns one entry for each leg, in the order of the key; null where a leg is not a column whose own equality holds whenever the canonical forms are equal
 */
export function keyLookup(spec: ComparisonSpec, side: Side): { column: string; type: string }[] | null {
  const found = spec.key.map((term) => (term.keyMap === null ? ownColumn(term, side) : null)).filter((leg) => leg !== null)
  return found.length === spec.key.length ? found : null
}

/** The column of a term on a side, where its canonical form is that of the column as it stands and its equality holds; with the type of its literals. */
export function ownColumn(term: TermSpec, side: Side): { column: string; type: string } | null {
  const [column, type] = side === 'source' ? [term.source, term.sourceType] : [term.target, term.targetType]
  const isOwn = isColumn(column) && term.values === null && term.zone === null && term.sourceRaw === null && term.targetRaw === null && isHeldAs(term.canonical, type)
  return isOwn ? { column, type: term.canonical.literalType } : null
}

/** Whether SQL over a side's row is a column of it and nothing else. */
export function isColumn(sql: string): boolean {
  return /^(src|tgt)\."(?:[^"]|"")+"$/.test(sql)
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
export function keyPath(spec: ComparisonSpec, side: Side): KeyPath | null {
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
export function lookupCondition(spec: ComparisonSpec, side: Side): string {
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
export function neighbourCondition(spec: ComparisonSpec, side: Side, options: StatementOptions): string {
  const { segments, neighbours = 1 } = options
  const { path, ends } = keyEnds(spec, side)
  const [alias, bits] = [aliasOf(side), Math.log2(neighbours)]
  const [first, last] = ends.map((end) => `(${end} >> ${bits})`)
  const near = `pg_catalog.unnest(${listed(options, 1)}::int4[]) segment cross join pg_catalog.generate_series((${first} & (${-segments})::int8) + segment, ${last}, ${segments}) near (number)`
  // qualified, since a bare name would be the column of the table that has it
  const isNear = (column: string) => `${column} >= near.number << ${bits} and ${column} <= (near.number << ${bits}) + ${neighbours - 1}`
  const addresses = `select ${alias}.ctid from ${relationSql({ schema: spec[side].schema, name: spec[side].table })} ${alias} where`
  const found = path.onward === null ? `cross join lateral (${addresses} ${isNear(`${alias}.${path.column}`)} offset 0) found`
    : `cross join lateral (select entry.${path.onward.modern} as modern from ${quoteRelation({ schema: path.schema, name: path.table })} entry where ${isNear(`entry.${path.column}`)} offset 0) reached ` +
      `cross join lateral (${addresses} ${path.onward.own} = reached.modern offset 0) found`
  return ` and ${alias}.ctid = any(array(select found.ctid from ${near} ${found}))`
}

/** Where an index leads to the keys of a side, and SQL of the least and the greatest there; null without rows. */
export function keyEnds(spec: ComparisonSpec, side: Side): { path: KeyPath; ends: [string, string]; relation: string } {
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
