import { findRelation, type Catalog, type RelationInfo } from '../core/catalog.js'
import { nearestName } from '../core/nearest.js'
import { formatPath, type FoundFault, type Path } from './fault.js'
import { formatTable, readTableName, type TableName } from './table-name.js'

/** The relation that the plan names, with what keeps it from being read. */
export function resolveRelation(catalog: Catalog, written: string | [string, string], path: Path): { relation: RelationInfo | null; faults: FoundFault[] } {
  const table = readTableName(written)
  if ('fault' in table) return { relation: null, faults: [{ code: 'INVALID_NAME', path, message: table.fault }] }
  const relation = findRelation(catalog, table.schema, table.name)
  if (relation === undefined) return { relation: null, faults: [{ ...tableNotFound(catalog, table), path }] }
  return { relation, faults: checkReadable(catalog, relation, path) }
}

/** The relation that an entity or a side of a natural key map reads: its table, or what the server says of its query. Faults of a query are told elsewhere. */
export function resolveTableOrQuery(catalog: Catalog, written: { table?: string | [string, string]; query?: string }, path: Path): { relation: RelationInfo | null; faults: FoundFault[] } {
  if (written.table !== undefined) return resolveRelation(catalog, written.table, [...path, 'table'])
  return { relation: written.query === undefined ? null : (catalog.queries?.get(formatPath([...path, 'query'])) ?? null), faults: [] }
}

export function tableNotFound(catalog: Catalog, table: TableName): Pick<FoundFault, 'code' | 'message' | 'suggestion'> {
  const elsewhere = catalog.relations.find(({ name }) => name === table.name)
  const near = elsewhere === undefined ? nearestName(formatTable(table), catalog.relations.map(formatTable)) : formatTable(elsewhere)
  return {
    code: 'TABLE_NOT_FOUND', message: `there is no table ${formatTable(table)} in the ${catalog.side} database ${catalog.server.database}: correct the name, or create the table`,
    suggestion: near === null ? null : `did you mean \`${near}\`?`,
  }
}

export function checkReadable(catalog: Catalog, relation: RelationInfo, path: Path): FoundFault[] {
  const faults: FoundFault[] = []
  const name = formatTable(relation)
  if (!relation.selectable) {
    faults.push({ code: 'NO_PRIVILEGE', path, message: `the connected role may not read all of ${name} in the ${catalog.side} database: grant it select on the table and usage on its schema` })
  }
  if (relation.rowSecurity) {
    faults.push({ code: 'ROW_SECURITY', path, message: `row-level security hides rows of ${name} in the ${catalog.side} database from the connected role, so no count of it would be right: give the role bypassrls` })
  }
  return [...faults, ...warnOfForeign(catalog, relation, path)]
}

/** A warning where rows of a relation lie on another server, whose rights and row-level security nobody can see from here. */
export function warnOfForeign(catalog: Catalog, relation: RelationInfo, path: Path): FoundFault[] {
  const foreign = foreignPart(catalog, relation)
  if (foreign === null) return []
  const name = formatTable(foreign)
  const place = foreign === relation ? `${name} in the ${catalog.side} database` : `${name}, a part of ${formatTable(relation)} in the ${catalog.side} database,`
  return [{ severity: 'warning', code: 'FOREIGN_TABLE', path, message: `${place} is a foreign table: rows that its own server hides are not seen here, and nobody can tell; make sure that the role of its user mapping sees every row there` }]
}

/** The relation itself or the first of its partitions and children that is a foreign table, or null. */
function foreignPart(catalog: Catalog, relation: RelationInfo): RelationInfo | null {
  if (relation.kind === 'foreign table') return relation
  if (!relation.hasChildren) return null
  const children = catalog.relations.filter(({ parent }) => parent !== null && parent.schema === relation.schema && parent.name === relation.name)
  return children.map((child) => foreignPart(catalog, child)).find((found) => found !== null) ?? null
}

/** The fault of a column that does not exist, or null. */
export function checkColumn(catalog: Catalog, relation: RelationInfo, column: string, path: Path): FoundFault | null {
  if (relation.columns.some(({ name }) => name === column)) return null
  const near = nearestName(column, relation.columns.map(({ name }) => name))
  return {
    code: 'COLUMN_NOT_FOUND', path, message: `${relation.kind === 'query' ? formatTable(relation) : `the ${catalog.side} table ${formatTable(relation)}`} has no column \`${column}\`: correct the name (names are exact, capitals included)`,
    suggestion: near === null ? null : `did you mean \`${near}\`?`,
  }
}
