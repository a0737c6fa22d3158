import { findRelation, type Catalog, type RelationInfo, type Side } from '../core/catalog.js'
import { termsOf } from './cross-reference.js'
import type { FoundFault, Path } from './fault.js'
import { readFragment, readJoin, readOrder, type Fragment, type JoinedTables } from './fragment.js'
import { naturalLegs } from './key-maps.js'
import type { LoadedPlan } from './load.js'
import { checkColumn, checkReadable, resolveRelation, resolveTableOrQuery, tableNotFound } from './relations.js'
import { formatTable } from './table-name.js'

/** One piece of SQL of the plan over the relation it runs on. */
export interface SqlPart {
  path: Path
  /** null: SQL of a key map */
  entity: string | null
  side: Side
  alias: 'src' | 'tgt'
  relation: RelationInfo
  /** a value is compared; a predicate chooses rows; joins put tables beside the row; rows are grouped by a value, and put in an order */
  use: 'value' | 'predicate' | 'join' | 'group' | 'order'
  /** the joins beside the row, sound or not; null: none */
  join: SqlPart | null
  fragment: Fragment
  faults: FoundFault[]
}

/** Every piece of SQL in the plan whose relation exists, judged without a server. */
export function findSqlParts(loaded: LoadedPlan, source: Catalog, target: Catalog): SqlPart[] {
  const { plan } = loaded
  const parts: SqlPart[] = []
  for (const [name, map] of Object.entries(plan.keyMaps ?? {})) {
    const path = ['keyMaps', name]
    for (const [catalog, side] of [[source, map.source], [target, map.target]] as const) {
      const of = side?.table === undefined ? null : resolveRelation(catalog, side.table, path).relation
      if (side === undefined || of === null) continue
      for (const leg of naturalLegs(side, [...path, catalog.side])) {
        if (of.columns.some((column) => column.name === leg.text)) continue
        parts.push(readPart({ catalog, relation: of, entity: null, both: [source, target], join: null }, 'value', leg.text, leg.path))
      }
    }
    const relation = map.table === undefined ? null : resolveRelation(target, map.table, path).relation
    if (relation !== null && map.where !== undefined) parts.push(readPart({ catalog: target, relation, entity: null, both: [source, target], join: null }, 'predicate', map.where, [...path, 'where']))
  }
  for (const [name, entity] of Object.entries(plan.entities)) {
    const path = ['entities', name]
    const from = resolveTableOrQuery(source, entity.source, [...path, 'source']).relation
    const to = resolveRelation(target, entity.target.table, path).relation
    const places = { source: placeOf(source, from, name, [source, target], entity.source.join, path), target: placeOf(target, to, name, [source, target], entity.target.join, path) }
    const add = (side: Side, use: SqlPart['use'], text: string | undefined, at: Path) => {
      const place = places[side]
      if (place !== null && text !== undefined) parts.push(readPart(place, use, text, [...path, ...at]))
    }
    parts.push(...[places.source?.join?.part, places.target?.join?.part].filter((part) => part !== undefined))
    add('source', 'predicate', entity.source.where, ['source', 'where'])
    add('source', 'group', entity.source.merge?.by, ['source', 'merge', 'by'])
    add('source', 'order', entity.source.merge?.keep, ['source', 'merge', 'keep'])
    entity.source.exclude?.forEach((item, index) => { add('source', 'predicate', item.where, ['source', 'exclude', index, 'where']) })
    entity.explained?.forEach((item, index) => { add('source', 'predicate', item.where, ['explained', index, 'where']) })
    add('target', 'predicate', entity.target.where, ['target', 'where'])
    entity.target.generated?.forEach((item, index) => { add('target', 'predicate', item.where, ['target', 'generated', index, 'where']) })
    for (const { term, path: at } of termsOf(entity, [])) {
      add('source', 'value', term.sql, [...at, 'sql'])
      add('target', 'value', term.target, [...at, 'target'])
      term.accept?.forEach((item, index) => {
        add('source', 'predicate', item.where, [...at, 'accept', index, 'where'])
        add('source', 'value', item.value, [...at, 'accept', index, 'value'])
      })
    }
  }
  return parts
}

/** Where SQL of the plan stands: over one row of a relation, with the tables joined to it. */
interface Place {
  catalog: Catalog
  relation: RelationInfo
  entity: string | null
  both: [Catalog, Catalog]
  join: { part: SqlPart; joined: JoinedTables } | null
}

/** Only these hold rows that can be told apart by their address: that is how a join that multiplies rows is found, and how a row is found among those it is merged with. */
export const addressable = ['table', 'partitioned table', 'materialized view']

function placeOf(catalog: Catalog, relation: RelationInfo | null, entity: string, both: [Catalog, Catalog], join: string | undefined, path: Path): Place | null {
  if (relation === null) return null
  const place: Place = { catalog, relation, entity, both, join: null }
  if (join === undefined) return place
  const at = [...path, catalog.side, 'join']
  const { fragment, joined } = readJoin(join, aliasOf(catalog))
  const part = judgePart(place, 'join', fragment, at)
  if (!addressable.includes(relation.kind)) part.faults.push({ code: 'UNSUPPORTED', path: at, message: `${formatTable(relation)} is a ${relation.kind}: write the join in its definition` })
  return { ...place, join: { part, joined } }
}

function readPart(place: Place, use: SqlPart['use'], text: string, path: Path): SqlPart {
  const readText = use === 'order' ? readOrder : readFragment
  return judgePart(place, use, readText(text, aliasOf(place.catalog), place.join?.joined), path)
}

function aliasOf(catalog: Catalog): 'src' | 'tgt' {
  return catalog.side === 'source' ? 'src' : 'tgt'
}

function judgePart({ catalog, relation, entity, both, join }: Place, use: SqlPart['use'], fragment: Fragment, path: Path): SqlPart {
  const faults: FoundFault[] = fragment.faults.map((fault) => ({ ...fault, path }))
  for (const { table, column } of fragment.references) {
    const of = table === null ? relation : findRelation(catalog, table.schema ?? 'public', table.name)
    const fault = of === undefined ? null : checkColumn(catalog, of, column, path)
    if (fault !== null && !faults.some(({ message }) => message === fault.message)) faults.push(fault)
  }
  for (const table of fragment.tables) faults.push(...checkSubqueryTable(catalog, { schema: table.schema ?? 'public', name: table.name }, path))
  if (fragment.unstable.length > 0) {
    const effect = use === 'value' || use === 'group' ? 'so the value differs from one reading to the next' : 'so it chooses other rows from run to run'
    faults.push(warnOfUnstable(fragment.unstable, path, effect))
  }
  if (use === 'value' && fragment.localeDependent.length > 0 && localeOf(both[0]) !== localeOf(both[1])) {
    faults.push({
      severity: 'warning', code: 'LOCALE_DEPENDENT_SQL', path,
      message: `${fragment.localeDependent.join(', ')} depends on the locale, which is ${both[0].server.collation} on the source and ${both[1].server.collation} on the target: the same text may become another; write a \`collate\` that both have`,
    })
  }
  return { path, entity, side: catalog.side, alias: aliasOf(catalog), relation, use, join: join?.part ?? null, fragment, faults }
}

/** @param what of `Fragment.unstable` @param effect what comes of it */
export function warnOfUnstable(what: string[], path: Path, effect: string): FoundFault {
  return { severity: 'warning', code: 'UNSTABLE_SQL', path, message: `${what.join(', ')} changes from call to call, ${effect}: use a fixed value or a column` }
}

function checkSubqueryTable(catalog: Catalog, table: { schema: string; name: string }, path: Path): FoundFault[] {
  // the server knows its own catalogues; a name without a schema is looked up there first
  if (/^pg_|^information_schema$/.test(table.schema) || (table.schema === 'public' && table.name.startsWith('pg_'))) return []
  const relation = findRelation(catalog, table.schema, table.name)
  if (relation === undefined) return [{ ...tableNotFound(catalog, table), path }]
  return checkReadable(catalog, relation, path).filter(({ code }) => code !== 'NO_PRIVILEGE')
}

/** `C.UTF-8` and `C.utf8` are one locale. */
function localeOf(catalog: Catalog): string {
  return catalog.server.collation.toLowerCase().replaceAll('-', '')
}
