import type { Catalog, RelationInfo, TypeInfo } from '../core/catalog.js'
import { chooseCanonical } from '../core/canonical.js'
import { quoteIdentifier } from '../core/identifier.js'
import type { NaturalSide } from '../core/spec.js'
import { formatPath, type FoundFault, type Path } from './fault.js'
import { checkColumn, resolveRelation, resolveTableOrQuery } from './relations.js'
import type { Plan, PlanKeyMap } from './schema.js'
import type { SqlPart } from './sql-parts.js'
import type { ExpressionTypes, ResolvedKeyMap } from './terms.js'

interface Resolution {
  map: ResolvedKeyMap | null
  faults: FoundFault[]
}

type Catalogs = { source: Catalog; target: Catalog }

/** A key map with its tables, columns and types; null with faults, or without where the load has found them already. */
export function resolveKeyMap(plan: Plan, name: string, catalogs: Catalogs, parts: SqlPart[], types: ExpressionTypes): Resolution {
  const written = plan.keyMaps?.[name]
  if (written?.source !== undefined && written.target !== undefined) return resolveNatural(name, { source: written.source, target: written.target }, catalogs, parts, types)
  return resolveStored(name, written, catalogs.target, parts)
}

const typeOf = (relation: RelationInfo, column: string): TypeInfo | undefined => relation.columns.find((one) => one.name === column)?.type
const sqlAt = (parts: SqlPart[], path: Path): string | null => parts.find((part) => formatPath(part.path) === formatPath(path))?.fragment.sql ?? null

function resolveStored(name: string, written: PlanKeyMap | undefined, target: Catalog, parts: SqlPart[]): Resolution {
  const path = ['keyMaps', name]
  const { table, legacy, modern } = written ?? {}
  if (table === undefined || legacy === undefined || modern === undefined) return { map: null, faults: [] }
  const { relation, faults } = resolveRelation(target, table, [...path, 'table'])
  if (relation === null) return { map: null, faults }
  faults.push(...[checkColumn(target, relation, legacy, [...path, 'legacy']), checkColumn(target, relation, modern, [...path, 'modern'])].filter((fault) => fault !== null))
  const [legacyType, modernType] = [typeOf(relation, legacy), typeOf(relation, modern)]
  if (legacyType === undefined || modernType === undefined) return { map: null, faults }
  const where = sqlAt(parts, [...path, 'where'])
  const spec = { name, schema: relation.schema, table: relation.name, members: [], legacy, modern, legacyType: legacyType.name, modernType: modernType.name, where }
  return { map: { spec, legacy: legacyType, modern: modernType, modernColumn: modern }, faults }
}

type PlanNatural = Required<Pick<PlanKeyMap, 'source' | 'target'>>

function resolveNatural(name: string, written: PlanNatural, catalogs: Catalogs, parts: SqlPart[], types: ExpressionTypes): Resolution {
  const path = ['keyMaps', name]
  const sides = { source: resolveSide(written.source, catalogs.source, [...path, 'source'], parts, types), target: resolveSide(written.target, catalogs.target, [...path, 'target'], parts, types) }
  const faults = [...sides.source.faults, ...sides.target.faults]
  const [source, target] = [sides.source.side, sides.target.side]
  if (source === null || target === null) return { map: null, faults }
  if (source.legs.length !== target.legs.length) {
    faults.push({ code: 'CONTRADICTION', path: [...path, 'target', 'natural'], message: `the natural key has ${source.legs.length} legs on the source and ${target.legs.length} on the target: name the same on both` })
    return { map: null, faults }
  }
  const naturals = { source: [] as NaturalSide['natural'], target: [] as NaturalSide['natural'] }
  for (const [index, left] of source.legs.entries()) {
    const right = target.legs[index]
    if (right === undefined) continue
    const choice = chooseCanonical(left.type, right.type, { zone: null })
    if ('refused' in choice || choice.kind.decideAs !== null) {
      const why = 'refused' in choice ? choice.refused : `equal values of ${left.type.name} have several texts`
      faults.push({ code: 'INCOMPATIBLE_TYPES', path: [...path, 'target', 'natural'], message: `the natural key cannot be compared: ${why}` })
      continue
    }
    naturals.source.push({ sql: left.sql, type: left.type.name, canonical: choice.kind })
    naturals.target.push({ sql: right.sql, type: right.type.name, canonical: choice.kind })
  }
  const sideOf = (resolved: ResolvedSide, natural: NaturalSide['natural']): NaturalSide => ({
    ...(resolved.relation.query === undefined ? { schema: resolved.relation.schema, table: resolved.relation.name, query: null } : { schema: '', table: '', query: resolved.relation.query }), key: resolved.key, keyType: resolved.keyType.name, natural,
  })
  const spec = { name, source: sideOf(source, naturals.source), target: sideOf(target, naturals.target) }
  return { map: { spec, legacy: source.keyType, modern: target.keyType, modernColumn: target.key }, faults }
}

interface ResolvedSide {
  relation: RelationInfo
  key: string
  keyType: TypeInfo
  legs: { sql: string; type: TypeInfo }[]
}

function resolveSide(written: PlanNatural['source'], catalog: Catalog, path: Path, parts: SqlPart[], types: ExpressionTypes): { side: ResolvedSide | null; faults: FoundFault[] } {
  const { query } = written
  const { key, natural } = query === undefined ? written : { key: 'key', natural: 'natural' }
  const { relation, faults } = resolveTableOrQuery(catalog, written, path)
  if (relation === null || key === undefined || natural === undefined) return { side: null, faults }
  const columns = query === undefined ? [[key, 'key'] as const] : [[key, 'query'] as const, ['natural', 'query'] as const]
  faults.push(...columns.map(([column, at]) => checkColumn(catalog, relation, column, [...path, at])).filter((fault) => fault !== null))
  const keyType = typeOf(relation, key)
  if (keyType === undefined) return { side: null, faults }
  const legs = naturalLegs({ natural }, path).map(({ text, path: at }) => {
    const column = typeOf(relation, text)
    if (column !== undefined) return { sql: `${catalog.side === 'source' ? 'src' : 'tgt'}.${quoteIdentifier(text)}`, type: column }
    const described = types.get(formatPath(at))
    return described !== undefined && 'type' in described ? { sql: `(${sqlAt(parts, at) ?? 'null'}\n)`, type: described.type } : null
  })
  const known = legs.filter((leg) => leg !== null)
  return { side: known.length === legs.length ? { relation, key, keyType, legs: known } : null, faults }
}

/** The legs of a natural key with their places; each is the name of a column, or SQL. */
export function naturalLegs({ natural }: Pick<PlanNatural['source'], 'natural'>, path: Path): { text: string; path: Path }[] {
  if (natural === undefined) return []
  return typeof natural === 'string' ? [{ text: natural, path: [...path, 'natural'] }] : natural.map((text, index) => ({ text, path: [...path, 'natural', index] }))
}
