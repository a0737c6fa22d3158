import { findRelation, type Catalog, type RelationInfo, type Side } from '../core/catalog.js'
import type { FoundFault, Path } from './fault.js'
import { readQuery } from './fragment.js'
import type { Plan, PlanEntity } from './schema.js'
import type { SqlPart } from './sql-parts.js'
import { formatTable, readTableName } from './table-name.js'
import type { PlannedTerm } from './terms.js'

export interface ColumnCoverage {
  entity: string
  side: Side
  column: string
  /** compared: it is one side of a term; read: only an expression reads it; the others as the plan says */
  coverage: 'compared' | 'read' | 'ignored' | 'uncovered'
  /** why it is ignored, else null */
  reason: string | null
}

export interface TableCoverage {
  side: Side
  schema: string
  table: string
  coverage: 'covered' | 'ignored' | 'uncovered'
  reason: string | null
  /** the entities that read from it or arrive in it */
  entities: string[]
}

/**
 * What becomes of each column of the entity's two tables, and of the table that its query covers. A column that is compared counts so even when
 * expressions read it too.
 */
export function coverColumns(name: string, entity: PlanEntity, terms: PlannedTerm[], parts: SqlPart[], relations: { source: RelationInfo; target: RelationInfo }, covered: RelationInfo | null): ColumnCoverage[] {
  const ofRelations = (['source', 'target'] as const).flatMap((side) => {
    const compared = new Set(terms.flatMap(({ name: column, term }) => (side === 'source' ? (term.from ?? []) : term.target === undefined ? column : [])))
    const own = parts.filter((part) => part.entity === name && part.side === side)
    const read = new Set(own.flatMap(({ fragment }) => fragment.references.flatMap(({ table, column }) => (table === null ? column : []))))
    const wholeRow = own.some(({ fragment }) => fragment.wholeRow)
    for (const { term } of side === 'source' ? terms : []) if (typeof term.references === 'object') read.add(term.references.by)
    return relations[side].columns.map(({ name: column }): ColumnCoverage => {
      const reason = entity.ignore?.[side]?.[column] ?? null
      if (entity[side].changedAt === column) read.add(column)
      if (compared.has(column)) return { entity: name, side, column, coverage: 'compared', reason: null }
      if (reason !== null) return { entity: name, side, column, coverage: 'ignored', reason }
      return { entity: name, side, column, coverage: wholeRow || read.has(column) ? 'read' : 'uncovered', reason: null }
    })
  })
  return covered === null ? ofRelations : [...ofRelations, ...coverUnreturned(name, entity, relations.source, covered)]
}

/** The columns of a covered table that the query does not return as they stand: it may read them all the same. */
function coverUnreturned(name: string, entity: PlanEntity, query: RelationInfo, covered: RelationInfo): ColumnCoverage[] {
  const returned = new Set([...(query.origins?.values() ?? [])].flatMap((origin) => (origin.schema === covered.schema && origin.table === covered.name ? origin.column : [])))
  const { references } = readQuery(query.query ?? '')
  const isCovered = (table: { schema: string | null; name: string } | null) => table === null || ((table.schema ?? 'public') === covered.schema && table.name === covered.name)
  const read = new Set(references.flatMap(({ table, column }) => (isCovered(table) ? column : [])))
  const left = covered.columns.filter(({ name: column }) => !returned.has(column) && !query.columns.some((own) => own.name === column))
  return left.map(({ name: column }): ColumnCoverage => {
    const reason = entity.ignore?.source?.[column] ?? null
    return { entity: name, side: 'source', column, coverage: reason !== null ? 'ignored' : read.has(column) ? 'read' : 'uncovered', reason }
  })
}

/** One warning per entity and side that leaves columns uncovered. */
export function warnOfColumns(columns: ColumnCoverage[], path: Path, relations: { source: RelationInfo; target: RelationInfo }): FoundFault[] {
  return (['source', 'target'] as const).flatMap((side): FoundFault[] => {
    const names = columns.filter((column) => column.side === side && column.coverage === 'uncovered').map(({ column }) => column)
    if (names.length === 0) return []
    return [{
      severity: 'warning', code: 'UNCOVERED_COLUMNS', path: [...path, side],
      message: `${String(names.length)} ${names.length === 1 ? 'column' : 'columns'} of the ${side} table ${formatTable(relations[side])} ${names.length === 1 ? 'is' : 'are'} neither compared nor ignored: ${names.join(', ')}`,
      suggestion: `map them under \`columns\` or \`same\`, or give a reason under \`ignore.${side}\``,
    }]
  })
}

/**
 * What becomes of each table. Views hold no rows of their own and count only where an entity names them; a partition or an
 * inheritance child counts through its parent, unless an entity names it; a table that holds a key map is ignored as such.
 */
export function coverTables(plan: Plan, catalog: Catalog): TableCoverage[] {
  const { side } = catalog
  const users = new Map<string, string[]>()
  for (const [name, entity] of Object.entries(plan.entities)) {
    const table = tableKey(side === 'source' ? (entity.source.table ?? entity.source.covers) : entity.target.table)
    if (table !== null) users.set(table, [...(users.get(table) ?? []), name])
  }
  const reasons = new Map<string, string>()
  for (const [name, map] of side === 'target' ? Object.entries(plan.keyMaps ?? {}) : []) {
    const table = tableKey(map.table)
    if (table !== null) reasons.set(table, `holds the key map ${name}`)
  }
  for (const [written, reason] of Object.entries(plan.ignore?.[side] ?? {})) {
    const table = tableKey(written)
    if (table !== null) reasons.set(table, reason)
  }
  return catalog.relations.flatMap((relation): TableCoverage[] => {
    const entities = users.get(formatKey(relation)) ?? []
    const reason = reasons.get(formatKey(relation)) ?? null
    const place = { side, schema: relation.schema, table: relation.name }
    if (entities.length > 0) return [{ ...place, coverage: 'covered', reason: null, entities }]
    if (relation.parent !== null || relation.kind === 'view' || relation.kind === 'materialized view') return []
    return [{ ...place, coverage: reason === null ? 'uncovered' : 'ignored', reason, entities }]
  })
}

/** Uncovered tables, and tables under `ignore` that do not exist. */
export function warnOfTables(plan: Plan, catalog: Catalog, tables: TableCoverage[]): FoundFault[] {
  const { side } = catalog
  const uncovered = tables.filter((table) => table.side === side && table.coverage === 'uncovered').map((table): FoundFault => ({
    severity: 'warning', code: 'UNCOVERED_TABLE', path: ['ignore', side],
    message: `no entity names the ${side} table ${table.schema}.${table.table}`, suggestion: `write an entity for it, or give a reason under \`ignore.${side}\``,
  }))
  const gone = Object.keys(plan.ignore?.[side] ?? {}).flatMap((written): FoundFault[] => {
    const table = readTableName(written)
    if ('fault' in table || findRelation(catalog, table.schema, table.name) !== undefined) return []
    return [{ severity: 'warning', code: 'TABLE_NOT_FOUND', path: ['ignore', side, written], message: `there is no table ${formatTable(table)} in the ${side} database: remove the line or correct the name` }]
  })
  return [...uncovered, ...gone]
}

const formatKey = (table: { schema: string; name: string }): string => JSON.stringify([table.schema, table.name])

function tableKey(written: string | [string, string] | undefined): string | null {
  if (written === undefined) return null
  const table = readTableName(written)
  return 'fault' in table ? null : formatKey(table)
}
