import { aliasOf, findRelation, type Catalog, type RelationInfo, type Side } from '../core/catalog.js'
import { canonicalOf } from '../core/canonical.js'
import { quoteIdentifier, quoteLiteral, relationSql } from '../core/identifier.js'
import type { ComparisonSpec, Explanation, Reason, TermSpec } from '../core/spec.js'
import { resolveKeyMap } from './key-maps.js'
import { linkParents } from './parents.js'
import { longForm } from './cross-reference.js'
import { coverColumns, coverTables, warnOfColumns, warnOfTables, type ColumnCoverage, type TableCoverage } from './coverage.js'
import { byPlace, formatPath, placeFault, type FoundFault, type Path, type PlanFault } from './fault.js'
import type { LoadedPlan } from './load.js'
import { checkQueries } from './queries-of-plan.js'
import { checkColumn, resolveRelation, resolveTableOrQuery } from './relations.js'
import type { Plan, PlanEntity } from './schema.js'
import { addressable, findSqlParts, type SqlPart } from './sql-parts.js'
import { formatTable, readTableName } from './table-name.js'
import { resolveTotals } from './totals.js'
import { plannedTerms, readValues, resolveTerms, sourceTypeOf, targetTypeOf, type EntityContext, type ExpressionTypes, type ResolvedKeyMap, type ResolvedTerm } from './terms.js'

export type { ColumnCoverage, TableCoverage } from './coverage.js'
export type { ExpressionTypes } from './terms.js'

/** SQL that a server is to judge, over one row of a relation; `id` is its key in `ExpressionTypes`. */
export interface DescribeRequest {
  id: string
  side: Side
  /** SQL of what stands behind `from` */
  relation: string
  alias: 'src' | 'tgt'
  /** joins behind the relation, or empty */
  join: string
  sql: string
}

export interface PlanCheck {
  /** of the load and of the check, in the order of the file */
  faults: PlanFault[]
  /** entities without a critical fault */
  specs: Map<string, ComparisonSpec>
  columns: ColumnCoverage[]
  tables: TableCoverage[]
}

const isCritical = (fault: FoundFault): boolean => (fault.severity ?? 'critical') === 'critical'
/** A newline before the parenthesis: a trailing `--` comment ends with its line. */
const asPredicate = (sql: string): string => `(${sql}\n) is true`

/** First round: the plan's SQL that is sound by itself. Only the server knows its types and whether it may run. */
export function expressionsToDescribe(loaded: LoadedPlan, source: Catalog, target: Catalog): DescribeRequest[] {
  // over a table that cannot be read the server would only say so again
  const isSound = (part: SqlPart): boolean => !part.faults.some(isCritical) && (part.join === null || isSound(part.join))
  const sound = findSqlParts(loaded, source, target).filter((part) => isSound(part) && part.relation.selectable && !part.relation.rowSecurity)
  return sound.map((part) => ({
    id: formatPath(part.path), side: part.side, relation: relationSql(part.relation), alias: part.alias,
    join: (part.use === 'join' ? part : part.join)?.fragment.sql ?? '',
    sql: sqlToDescribe(part),
  }))
}

/** Grouping and order need more of a type than being read. */
function sqlToDescribe({ use, fragment }: SqlPart): string {
  switch (use) {
    case 'join': return 'true'
    case 'value': return fragment.sql
    case 'predicate': return asPredicate(fragment.sql)
    case 'group': return `(select count(*) over (partition by (${fragment.sql}\n)))`
    case 'order': return `(select count(*) over (order by ${fragment.sql}\n))`
  }
}

/** Second round: codes, values and zones, cast by the server whose type they must be. Types of `sql` are those of the first round. */
export function literalsToDescribe(loaded: LoadedPlan, source: Catalog, target: Catalog, types: ExpressionTypes): DescribeRequest[] {
  return Object.entries(loaded.plan.entities).flatMap(([name, entity]) => {
    const { from, to } = relationsOf(entity, source, target, ['entities', name])
    if (from.relation === null || to.relation === null) return []
    const [sourceRelation, targetRelation] = [from.relation, to.relation]
    const request = (id: string, side: Side, sql: string): DescribeRequest => {
      return { id, side, relation: relationSql(side === 'source' ? sourceRelation : targetRelation), alias: side === 'source' ? 'src' : 'tgt', join: '', sql }
    }
    const { lag } = entity.source
    const ofEntity = lag === undefined ? [] : [request(formatPath(['entities', name, 'source', 'lag']), 'source', `cast(${quoteLiteral(lag)} as interval)`)]
    return ofEntity.concat(plannedTerms(entity, ['entities', name], sourceRelation, targetRelation).flatMap((planned) => {
      const { term, path } = planned
      const requests = term.zone === undefined ? [] : [request(formatPath([...path, 'zone']), 'source', `timestamp '2000-01-01' at time zone ${quoteLiteral(term.zone)}`)]
      if (term.tolerance !== undefined && !/^[\d.eE+-]+$/.test(term.tolerance)) requests.push(request(formatPath([...path, 'tolerance']), 'target', `cast(${quoteLiteral(term.tolerance)} as interval)`))
      if (typeof term.references === 'object') {
        const { by, ...maps } = term.references
        const type = sourceRelation.columns.find((column) => column.name === by)?.type
        if (type !== undefined) requests.push(...Object.keys(maps).map((code) => request(`${formatPath([...path, 'references', code])}#code`, 'source', `cast(${quoteLiteral(code)} as ${type.name})`)))
      }
      const sourceType = sourceTypeOf({ source: sourceRelation, types }, planned)
      const targetType = targetTypeOf({ target: targetRelation, types }, planned)
      if (term.values === undefined || sourceType === null || targetType === null) return requests
      const { codes, null: ofNull, other } = readValues(loaded, [...path, 'values'], term.values)
      const cast = (text: string, type: string) => `cast(${quoteLiteral(text)} as ${type})`
      const idOf = (code: string) => formatPath([...path, 'values', code])
      const values = [...codes, ...(ofNull === undefined ? [] : [{ code: 'null', value: ofNull.value }]), ...(other === undefined ? [] : [{ code: 'other', value: other.value }])].flatMap(({ code, value }) => (value === null ? [] : request(idOf(code), 'target', cast(value, targetType.name))))
      return [...requests, ...codes.map(({ code }) => request(`${idOf(code)}#code`, 'source', cast(code, sourceType.name))), ...values]
    }))
  })
}

/**
 * Checks a plan against both catalogues, without I/O. `types` holds the answers to `expressionsToDescribe` and
 * `literalsToDescribe`; SQL that is in neither has no known type and blocks its entity.
 */
export function checkPlan(loaded: LoadedPlan, source: Catalog, target: Catalog, types: ExpressionTypes): PlanCheck {
  const { plan } = loaded
  const parts = findSqlParts(loaded, source, target)
  const found: FoundFault[] = [...checkQueries(plan, { source, target }, types), ...parts.flatMap((part) => [...part.faults, ...serverFault(part, types)])]
  const keyMaps = new Map<string, ResolvedKeyMap | null>()
  for (const name of Object.keys(plan.keyMaps ?? {})) {
    const own = found.some((fault) => isCritical(fault) && fault.path[0] === 'keyMaps' && fault.path[1] === name)
    const { map, faults } = resolveKeyMap(plan, name, { source, target }, parts, types)
    keyMaps.set(name, own || faults.some(isCritical) ? null : map)
    found.push(...faults)
  }
  const specs = new Map<string, ComparisonSpec>()
  const columns: ColumnCoverage[] = []
  for (const name of Object.keys(plan.entities)) {
    const checked = checkEntity(loaded, name, { source, target }, parts, types, keyMaps, found)
    columns.push(...checked.columns)
    found.push(...checked.faults)
    if (checked.spec !== null) specs.set(name, checked.spec)
  }
  found.push(...linkParents(plan, specs))
  const tables = [...coverTables(plan, source), ...coverTables(plan, target)]
  found.push(...warnOfTables(plan, source, tables), ...warnOfTables(plan, target, tables))
  const faults = [...loaded.faults, ...found.map((fault) => placeFault(fault, loaded.lineOf))].sort(byPlace)
  return { faults, specs, columns, tables }
}

function serverFault(part: SqlPart, types: ExpressionTypes): FoundFault[] {
  const described = types.get(formatPath(part.path))
  if (described === undefined || 'type' in described) return []
  return [{ code: 'INVALID_SQL', path: part.path, message: `the ${part.side} server refuses this SQL over ${formatTable(part.relation)}: ${described.error}` }]
}

function relationsOf(entity: PlanEntity, source: Catalog, target: Catalog, path: Path) {
  const from = resolveTableOrQuery(source, entity.source, [...path, 'source'])
  return { from, to: resolveRelation(target, entity.target.table, [...path, 'target', 'table']) }
}

function checkEntity(
  loaded: LoadedPlan, name: string, catalogs: { source: Catalog; target: Catalog }, parts: SqlPart[], types: ExpressionTypes, keyMaps: ReadonlyMap<string, ResolvedKeyMap | null>, before: FoundFault[],
): { spec: ComparisonSpec | null; faults: FoundFault[]; columns: ColumnCoverage[] } {
  const entity = loaded.plan.entities[name]
  if (entity === undefined) return { spec: null, faults: [], columns: [] }
  const path = ['entities', name]
  const { from, to } = relationsOf(entity, catalogs.source, catalogs.target, path)
  const faults = [...from.faults, ...to.faults]
  if (from.relation === null || to.relation === null) return { spec: null, faults, columns: [] }
  const relations = { source: from.relation, target: to.relation }
  const context: EntityContext = { loaded, entity, path, catalogs, ...relations, parts, types, keyMaps }
  const planned = plannedTerms(entity, path, relations.source, relations.target)
  const resolved = resolveTerms(context, planned)
  const covers = resolveCovers(entity, path, catalogs.source, relations.source)
  faults.push(...resolved.flatMap((one) => one.faults), ...checkIgnored(entity, path, catalogs, relations, covers.relation), ...checkChangedAt(entity, path, catalogs, relations, types), ...checkShares(loaded.plan, name, catalogs, relations, covers.relation), ...checkMerge(entity, path, relations.source))
  const totals = resolveTotals(entity, path, resolved)
  faults.push(...covers.faults, ...totals.faults)
  const columns = coverColumns(name, entity, planned, parts, relations, covers.relation)
  faults.push(...warnOfColumns(columns, path, relations))
  const blocked = faults.some(isCritical) || before.some((fault) => isCritical(fault) && fault.path[0] === 'entities' && fault.path[1] === name)
  return { spec: blocked ? null : { ...buildSpec(name, context, resolved, covers.relation), totals: totals.totals }, faults, columns }
}

function checkIgnored(entity: PlanEntity, path: Path, catalogs: { source: Catalog; target: Catalog }, relations: { source: RelationInfo; target: RelationInfo }, covered: RelationInfo | null): FoundFault[] {
  return (['source', 'target'] as const).flatMap((side) => Object.keys(entity.ignore?.[side] ?? {}).flatMap((column): FoundFault[] => {
    if (side === 'source' && covered?.columns.some(({ name }) => name === column)) return []
    const fault = checkColumn(catalogs[side], relations[side], column, [...path, 'ignore', side, column])
    return fault === null ? [] : [{ ...fault, severity: 'warning' }]
  }))
}

function checkMerge({ source: { merge } }: PlanEntity, path: Path, source: RelationInfo): FoundFault[] {
  if (merge === undefined || addressable.includes(source.kind)) return []
  return [{ code: 'UNSUPPORTED', path: [...path, 'source', 'merge'], message: `${formatTable(source)} is a ${source.kind}, whose rows cannot be told apart by their address: merge the rows of its table, or leave the followers out in its definition` }]
}

/** The table that a query accounts for; the check says so where it does not return what would make its claims exact. */
function resolveCovers(entity: PlanEntity, path: Path, catalog: Catalog, relation: RelationInfo): { relation: RelationInfo | null; faults: FoundFault[] } {
  const { query, covers } = entity.source
  if (covers === undefined) return { relation: null, faults: [] }
  const at = [...path, 'source', 'covers']
  if (query === undefined) return { relation: null, faults: [{ code: 'CONTRADICTION', path: at, message: '`covers` names the table of a `query`, and the rows come from a `table`: remove it' }] }
  const covered = resolveRelation(catalog, covers, at)
  if (covered.relation !== null && coveredKey(entity, covered.relation, relation) === null) {
    const { primaryKey } = covered.relation
    const [name, key] = [formatTable(covered.relation), primaryKey.join(', ')]
    const isReturned = primaryKey.every((column) => returnedAs(relation, covered.relation, column).length > 0)
    covered.faults.push({
      severity: 'warning', code: 'UNCOUNTED_CLAIM', path: at,
      message: primaryKey.length === 0 ? `${name} has no primary key, so nobody can say which of its rows the query accounts for: they count as unverified`
        : isReturned ? `the query returns the primary key of ${name} (${key}) more than once, so nobody can say which rows it accounts for: they count as unverified; let one of the columns be in the \`key\` of the entity, and the others not`
          : `the query does not return the primary key of ${name} as it stands (${key}), so nobody can say which rows it accounts for: they count as unverified; select it`,
    })
  }
  return covered
}

/**
 * The columns of the table's primary key under the names that the query gives them. Of several names of one, as in a join of the table with itself, the one in the entity's key tells its rows.
 * @returns null where the query does not return all of them as they stand, or nothing tells which name is meant
 */
function coveredKey({ key: legs }: PlanEntity, table: RelationInfo, query: RelationInfo): { column: string; as: string }[] | null {
  const inKey = legs === 'all' ? [] : Object.values(legs).map((leg) => longForm(leg).from)
  const key = table.primaryKey.map((column) => {
    const names = returnedAs(query, table, column)
    const [as, second] = names.length === 1 ? names : names.filter((name) => inKey.includes(name))
    return as === undefined || second !== undefined ? null : { column, as }
  })
  const known = key.filter((one) => one !== null)
  return known.length > 0 && known.length === key.length ? known : null
}

/** The names under which a query returns a column of a table. */
function returnedAs({ origins }: RelationInfo, table: RelationInfo | null, column: string): string[] {
  return [...(origins ?? [])].flatMap(([name, origin]) => (origin.schema === table?.schema && origin.table === table.name && origin.column === column ? name : []))
}

const timeTypes = ['timestamp', 'timestamptz', 'date']

function checkChangedAt(entity: PlanEntity, path: Path, catalogs: { source: Catalog; target: Catalog }, relations: { source: RelationInfo; target: RelationInfo }, types: ExpressionTypes): FoundFault[] {
  const faults = (['source', 'target'] as const).flatMap((side): FoundFault[] => {
    const column = entity[side].changedAt
    if (column === undefined) return []
    const at = [...path, side, 'changedAt']
    const fault = checkColumn(catalogs[side], relations[side], column, at)
    if (fault !== null) return [fault]
    const type = relations[side].columns.find(({ name }) => name === column)?.type
    return type !== undefined && timeTypes.includes(type.base) ? [] : [{ code: 'INCOMPATIBLE_TYPES', path: at, message: `\`${column}\` is ${type?.name ?? 'unknown'} and tells no time: name a column of type timestamp or timestamptz` }]
  })
  const lagAt = [...path, 'source', 'lag']
  const described = types.get(formatPath(lagAt))
  if (entity.source.lag !== undefined && entity.source.changedAt === undefined) faults.push({ code: 'CONTRADICTION', path: lagAt, message: '`lag` says how late a change may arrive, and nothing tells when a row was changed: add `changedAt`' })
  if (described !== undefined && 'error' in described) faults.push({ code: 'INVALID_LAG', path: lagAt, message: `\`${entity.source.lag ?? ''}\` is no interval: ${described.error}; write one such as \`2 minutes\`` })
  return faults
}

/** The other entities whose table on that side is the same. */
function neighbours(plan: Plan, name: string, side: Side): string[] {
  const tableOf = (entity: PlanEntity | undefined): string | null => {
    const written = entity?.[side].table
    const table = written === undefined ? null : readTableName(written)
    return table === null || 'fault' in table ? null : JSON.stringify([table.schema, table.name])
  }
  const own = tableOf(plan.entities[name])
  return own === null ? [] : Object.keys(plan.entities).filter((other) => other !== name && tableOf(plan.entities[other]) === own)
}

/** The table whose rows an entity takes from a side, or leaves there: that which its query accounts for is one. */
const claimedTable = (entity: PlanEntity | undefined, side: Side): string | [string, string] | undefined => (side === 'source' ? (entity?.source.table ?? entity?.source.covers) : entity?.target.table)

/** The table whose partition or child a relation is, the one whose partition that is, and so on. */
function ancestorsOf(catalog: Catalog, relation: RelationInfo): RelationInfo[] {
  const parent = relation.parent === null ? undefined : findRelation(catalog, relation.parent.schema, relation.parent.name)
  return parent === undefined ? [] : [parent, ...ancestorsOf(catalog, parent)]
}

function sameTable(written: string | [string, string] | undefined, table: { schema: string; name: string }): boolean {
  const read = written === undefined ? null : readTableName(written)
  return read !== null && !('fault' in read) && read.schema === table.schema && read.name === table.name
}

const hasReferenceInKey = (entity: PlanEntity): boolean => entity.key !== 'all' && Object.values(entity.key).some((leg) => typeof leg === 'object' && leg.references !== undefined)

/** Entities that share a table must be told apart, or say that they share it. */
function checkShares(plan: Plan, name: string, catalogs: { source: Catalog; target: Catalog }, relations: { source: RelationInfo; target: RelationInfo }, covered: RelationInfo | null): FoundFault[] {
  const entity = plan.entities[name]
  if (entity === undefined || entity.shared === true) return []
  const path = ['entities', name]
  const faults: FoundFault[] = []
  const onTarget = neighbours(plan, name, 'target')
  if (onTarget.length > 0 && entity.target.where === undefined && !hasReferenceInKey(entity)) {
    faults.push({
      code: 'AMBIGUOUS_CLAIM', path: [...path, 'target'],
      message: `${formatTable(relations.target)} also belongs to ${onTarget.join(', ')}, and nothing tells whose a row is: give the entity a \`target.where\`, or a key that \`references\` its key map`,
    })
  }
  for (const side of ['source', 'target'] as const) {
    const own = side === 'source' && relations.source.query !== undefined ? covered : relations[side]
    for (const parent of own === null ? [] : ancestorsOf(catalogs[side], own)) {
      const owners = Object.keys(plan.entities).filter((other) => other !== name && sameTable(claimedTable(plan.entities[other], side), parent))
      if (own === null || owners.length === 0) continue
      faults.push({
        code: 'OVERLAPPING_CLAIM', path: [...path, side, own === covered ? 'covers' : 'table'],
        message: `${formatTable(own)} is a part of ${formatTable(parent)}, which ${owners.join(', ')} covers: its rows would be counted twice; remove one of the two, or write \`shared: true\` in each`,
      })
    }
  }
  const whole = neighbours(plan, name, 'source').filter((other) => plan.entities[other]?.source.where === undefined && plan.entities[other]?.shared !== true)
  if (whole.length > 0 && entity.source.where === undefined) {
    faults.push({
      severity: 'warning', code: 'OVERLAPPING_CLAIM', path: [...path, 'source'],
      message: `${whole.join(', ')} claims all rows of ${formatTable(relations.source)} too: give each its \`where\`, or write \`shared: true\` in each`,
    })
  }
  return faults
}

function buildSpec(name: string, context: EntityContext, resolved: ResolvedTerm[], covered: RelationInfo | null): Omit<ComparisonSpec, 'totals'> {
  const { entity, source, target, path, parts, catalogs } = context
  const sqlAt = (...at: Path): string | null => parts.find((part) => formatPath(part.path) === formatPath([...path, ...at]))?.fragment.sql ?? null
  const reasons = (list: { reason: string }[] | undefined, ...at: Path): Reason[] => (list ?? []).flatMap(({ reason }, index) => {
    const where = sqlAt(...at, index, 'where')
    return where === null ? [] : [{ reason, where }]
  })
  // which entity a parent is in is known once all entities are checked
  const explanations = () => (entity.explained ?? []).flatMap(({ reason, parent }, index): Explanation[] => {
    const where = sqlAt('explained', index, 'where')
    return where !== null ? [{ reason, where }] : parent !== undefined ? [{ reason, parent: -1 }] : []
  })
  const specs = (key: boolean) => resolved.flatMap(({ planned, spec }) => (spec !== null && (planned.part === 'key') === key ? spec : []))
  const merge = { by: sqlAt('source', 'merge', 'by'), keep: sqlAt('source', 'merge', 'keep') }
  return {
    entity: name, domain: entity.domain,
    source: {
      ...(source.query === undefined ? { schema: source.schema, table: source.name, query: null } : { schema: '', table: '', query: source.query }),
      covers: covered === null ? null : { schema: covered.schema, table: covered.name, key: coveredKey(entity, covered, source) },
      merge: merge.by === null || merge.keep === null ? null : { by: merge.by, keep: merge.keep },
      join: sqlAt('source', 'join'), where: sqlAt('source', 'where'), exclude: reasons(entity.source.exclude, 'source', 'exclude'), explained: explanations(),
      changedAt: entity.source.changedAt ?? null, lag: entity.source.lag ?? null,
      uniqueKey: provenUniqueKey(source, resolved), keyed: hasOwnKey(source, 'source', specs(true), sqlAt('source', 'join')), chunkable: entity.source.merge === undefined && isChunkable(source, catalogs.source), pages: source.pages,
    },
    target: {
      schema: target.schema, table: target.name, join: sqlAt('target', 'join'), where: sqlAt('target', 'where'), claim: claimOf(context, name), generated: reasons(entity.target.generated, 'target', 'generated'),
      changedAt: entity.target.changedAt ?? null, keyed: hasOwnKey(target, 'target', specs(true), sqlAt('target', 'join')),
      chunkable: isChunkable(target, catalogs.target), pages: target.pages,
    },
    key: specs(true), columns: specs(false), parents: [], bag: entity.key === 'all',
    keyMaps: Object.fromEntries(resolved.flatMap(({ map }) => (map === null ? [] : [[map.name, map]]))),
  }
}

function claimOf({ entity, loaded }: EntityContext, name: string): 'all' | 'where' | 'keyMap' {
  if (entity.target.where !== undefined) return 'where'
  return neighbours(loaded.plan, name, 'target').length > 0 && hasReferenceInKey(entity) ? 'keyMap' : 'all'
}

/** Ranges of row addresses can be read without a full scan from 14 on, and only in a table that holds its rows itself; merged rows are looked for in all of it. */
function isChunkable(relation: RelationInfo, catalog: Catalog): boolean {
  return relation.kind === 'table' && !relation.hasChildren && catalog.server.version >= 140_000
}

/** Whether a leg of the key is a column of the relation's own that is never NULL; a foreign table only claims it, and the children of a table need not hold to it; what a join puts beside it may drop the row itself and keep others. */
function hasOwnKey(relation: RelationInfo, side: Side, key: readonly TermSpec[], join: string | null): boolean {
  if (relation.kind === 'foreign table' || (relation.kind === 'table' && relation.hasChildren)) return false
  const columns = new Set(relation.columns.flatMap(({ name, notNull }) => (notNull ? [`${aliasOf(side)}.${quoteIdentifier(name)}`] : [])))
  return join === null && key.some((leg) => columns.has(leg[side]) && leg[side === 'source' ? 'sourceRaw' : 'targetRaw'] === null)
}

/**
 * The columns of a unique index that proves the key unique: all of them NOT NULL and plain legs of the key. An index of a parent does not
 * reach its inheritance children, and a leg whose canonical form is coarser than its type proves nothing.
 */
function provenUniqueKey(source: RelationInfo, resolved: ResolvedTerm[]): string[] | null {
  if (source.kind === 'table' && source.hasChildren) return null
  const plain = new Set(resolved.flatMap(({ planned, spec }) => {
    const column = source.columns.find(({ name }) => name === planned.term.from)
    if (planned.part !== 'key' || spec === null || column === undefined || spec.values !== null || spec.zone !== null) return []
    const own = canonicalOf(column.type)
    const exact = ['integer', 'bigint', 'numeric']
    const finer = !('refused' in own) && (own.kind.name === spec.canonical.name || (exact.includes(own.kind.name) && [...exact, 'text'].includes(spec.canonical.name)))
    return finer && column.notNull ? [column.name] : []
  }))
  return source.uniqueKeys.find((columns) => columns.length > 0 && columns.every((column) => plain.has(column))) ?? null
}
