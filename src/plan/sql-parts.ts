import { findRelation, type Catalog, type RelationInfo, type Side } from '../core/catalog.js'
import { termsOf } from './cross-reference.js'
import type { FoundFault, Path } from './fault.js'
import { readFragment, type Fragment } from './fragment.js'
import type { LoadedPlan } from './load.js'
import { checkColumn, checkReadable, resolveRelation, tableNotFound } from './relations.js'

/** One piece of SQL of the plan over the relation it runs on. */
export interface SqlPart {
  path: Path
  /** null: SQL of a key map */
  entity: string | null
  side: Side
  alias: 'src' | 'tgt'
  relation: RelationInfo
  /** a value is compared; a predicate chooses rows */
  use: 'value' | 'predicate'
  fragment: Fragment
  faults: FoundFault[]
}

/** Every piece of SQL in the plan whose relation exists, judged without a server. */
export function findSqlParts(loaded: LoadedPlan, source: Catalog, target: Catalog): SqlPart[] {
  const { plan } = loaded
  const parts: SqlPart[] = []
  for (const [name, map] of Object.entries(plan.keyMaps ?? {})) {
    const path = ['keyMaps', name]
    const relation = map.table === undefined ? null : resolveRelation(target, map.table, path).relation
    if (relation !== null && map.where !== undefined) parts.push(readPart(target, relation, null, 'predicate', map.where, [...path, 'where'], [source, target]))
  }
  for (const [name, entity] of Object.entries(plan.entities)) {
    const path = ['entities', name]
    const from = entity.source.table === undefined ? null : resolveRelation(source, entity.source.table, path).relation
    const to = resolveRelation(target, entity.target.table, path).relation
    const add = (catalog: Catalog, relation: RelationInfo | null, use: SqlPart['use'], text: string | undefined, at: Path) => {
      if (relation !== null && text !== undefined) parts.push(readPart(catalog, relation, name, use, text, [...path, ...at], [source, target]))
    }
    add(source, from, 'predicate', entity.source.where, ['source', 'where'])
    entity.source.exclude?.forEach((item, index) => { add(source, from, 'predicate', item.where, ['source', 'exclude', index, 'where']) })
    entity.explained?.forEach((item, index) => { add(source, from, 'predicate', item.where, ['explained', index, 'where']) })
    add(target, to, 'predicate', entity.target.where, ['target', 'where'])
    entity.target.generated?.forEach((item, index) => { add(target, to, 'predicate', item.where, ['target', 'generated', index, 'where']) })
    for (const { term, path: at } of termsOf(entity, [])) add(source, from, 'value', term.sql, [...at, 'sql'])
  }
  return parts
}

function readPart(catalog: Catalog, relation: RelationInfo, entity: string | null, use: SqlPart['use'], text: string, path: Path, both: [Catalog, Catalog]): SqlPart {
  const alias = catalog.side === 'source' ? 'src' : 'tgt'
  const fragment = readFragment(text, alias)
  const faults: FoundFault[] = fragment.faults.map((fault) => ({ ...fault, path }))
  for (const { table, column } of fragment.references) {
    const of = table === null ? relation : findRelation(catalog, table.schema ?? 'public', table.name)
    const fault = of === undefined ? null : checkColumn(catalog, of, column, path)
    if (fault !== null && !faults.some(({ message }) => message === fault.message)) faults.push(fault)
  }
  for (const table of fragment.tables) faults.push(...checkSubqueryTable(catalog, { schema: table.schema ?? 'public', name: table.name }, path))
  if (fragment.unstable.length > 0) {
    const effect = use === 'value' ? 'so the value differs from one reading to the next' : 'so it chooses other rows from run to run'
    faults.push({ severity: 'warning', code: 'UNSTABLE_SQL', path, message: `${fragment.unstable.join(', ')} changes from call to call, ${effect}: use a fixed value or a column` })
  }
  if (use === 'value' && fragment.localeDependent.length > 0 && localeOf(both[0]) !== localeOf(both[1])) {
    faults.push({
      severity: 'warning', code: 'LOCALE_DEPENDENT_SQL', path,
      message: `${fragment.localeDependent.join(', ')} depends on the locale, which is ${both[0].server.collation} on the source and ${both[1].server.collation} on the target: the same text may become another; write a \`collate\` that both have`,
    })
  }
  return { path, entity, side: catalog.side, alias, relation, use, fragment, faults }
}

function checkSubqueryTable(catalog: Catalog, table: { schema: string; name: string }, path: Path): FoundFault[] {
  // the server knows its own catalogues; a name without a schema is looked up there first
  if (/^pg_|^information_schema$/.test(table.schema) || (table.schema === 'public' && table.name.startsWith('pg_'))) return []
  const relation = findRelation(catalog, table.schema, table.name)
  if (relation === undefined) return [{ ...tableNotFound(catalog, table), path }]
  return checkReadable(catalog, relation, path).filter(({ code }) => code === 'ROW_SECURITY')
}

/** `C.UTF-8` and `C.utf8` are one locale. */
function localeOf(catalog: Catalog): string {
  return catalog.server.collation.toLowerCase().replaceAll('-', '')
}
