import { findRelation, type Catalog, type RelationInfo, type Side } from '../core/catalog.js'
import { describeQuery, type Description } from '../db/catalog.js'
import type { Db } from '../db/clients.js'
import { formatPath, type FoundFault, type Path } from './fault.js'
import { readQuery } from './fragment.js'
import type { Plan } from './schema.js'
import { warnOfForeign } from './relations.js'
import { warnOfUnstable } from './sql-parts.js'
import type { ExpressionTypes } from './terms.js'

/** A select of the plan that stands in place of a table. */
export interface PlanQuery {
  path: Path
  side: Side
  text: string
}

/** The queries of entities and natural key maps. */
export function queriesOfPlan(plan: Plan): PlanQuery[] {
  const ofEntities = Object.entries(plan.entities).flatMap(([name, { source }]): PlanQuery[] => (source.query === undefined ? [] : [{ path: ['entities', name, 'source', 'query'], side: 'source', text: source.query }]))
  const ofMaps = Object.entries(plan.keyMaps ?? {}).flatMap(([name, map]) => (['source', 'target'] as const).flatMap((side): PlanQuery[] => {
    const text = map[side]?.query
    return text === undefined ? [] : [{ path: ['keyMaps', name, side, 'query'], side, text }]
  }))
  return [...ofEntities, ...ofMaps]
}

/**
 * Has the server parse and plan the plan's queries for it.
 * @returns its catalogue with those that it accepts, and what it says of the others, by their place
 */
export async function describeQueries(plan: Plan, catalog: Catalog, sql: Db): Promise<{ catalog: Catalog; refusals: Map<string, Description> }> {
  const queries = new Map<string, RelationInfo>()
  const refusals = new Map<string, Description>()
  for (const { path, text } of queriesOfPlan(plan).filter(({ side, text: query }) => side === catalog.side && readQuery(query).faults.length === 0)) {
    const described = await describeQuery(sql, text)
    if ('error' in described) refusals.set(formatPath(path), described)
    else queries.set(formatPath(path), relationOf(text, described.columns))
  }
  return { catalog: { ...catalog, queries }, refusals }
}

function relationOf(query: string, columns: Exclude<Awaited<ReturnType<typeof describeQuery>>, { error: string }>['columns']): RelationInfo {
  return {
    schema: '', name: 'the query', query, kind: 'query', primaryKey: [], uniqueKeys: [], estimatedRows: -1, pages: 0, hasChildren: false, parent: null, selectable: true, rowSecurity: false,
    columns: columns.map(({ name, type }) => ({ name, type, notNull: false, generated: false, identity: false, hasDefault: false })),
    origins: new Map(columns.flatMap(({ name, origin }) => (origin === null ? [] : [[name, origin]]))),
  }
}

/** What is wrong with the plan's queries, by their text, by their columns and by the servers' word. */
export function checkQueries(plan: Plan, catalogs: Record<Side, Catalog>, types: ExpressionTypes): FoundFault[] {
  return queriesOfPlan(plan).flatMap(({ path, side, text }): FoundFault[] => {
    const fragment = readQuery(text)
    const faults: FoundFault[] = fragment.faults.map((fault) => ({ ...fault, path }))
    const refused = types.get(formatPath(path))
    if (refused !== undefined && 'error' in refused) faults.push({ code: 'INVALID_SQL', path, message: `the ${side} server refuses this SQL: ${refused.error}` })
    const names = catalogs[side].queries?.get(formatPath(path))?.columns.map(({ name }) => name) ?? []
    const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index || name === '?column?'))
    for (const name of twice) faults.push({ code: 'CONTRADICTION', path, message: name === '?column?' ? 'a column of the query has no name: give it one with `as`' : `two columns of the query are called \`${name}\`: give one another name with \`as\`` })
    if (faults.length === 0 && !(catalogs[side].queries?.has(formatPath(path)) ?? false)) faults.push({ code: 'INVALID_SQL', path, message: 'the columns of this query are not known: it was not shown to the server' })
    for (const table of fragment.tables) {
      const relation = findRelation(catalogs[side], table.schema ?? 'public', table.name)
      if (relation !== undefined) faults.push(...warnOfForeign(catalogs[side], relation, path))
    }
    if (fragment.unstable.length > 0) faults.push(warnOfUnstable(fragment.unstable, path, 'so it returns other rows from run to run'))
    return faults
  })
}
