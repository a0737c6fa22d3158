import { quoteLiteral } from '../../core/identifier.js'
import type { ColumnFinding } from './columns.js'
import { mapOfPair, type Discovery, type FoundEntity } from './discover.js'
import { tokensOf } from './names.js'
import { describeRoute, type FoundMap, type Leg, type Share } from './routes.js'
import { columnOf, keyOf, labelOf, type SampledTable } from './tables.js'
import { code, commentOut, inComment, scalar, sqlColumn, sqlScalar, tableKey, tableValue } from './yaml-text.js'

/** Entities and key maps under the names that the plan gives them. */
interface Naming {
  entities: Map<FoundEntity, string>
  maps: Map<string, { name: string; map: FoundMap }>
}

/**
 * Writes what was found as a plan: what is sure as YAML, what is likely commented out, each with its evidence. Without a sure entity the plan is empty, and loads all the same.
 * The same findings give the same text.
 */
export function writePlan(discovery: Discovery): string {
  const naming = nameAll(discovery)
  const entities = discovery.entities.map((entity) => ({ entity, lines: writeEntity(entity, naming, discovery) }))
  const sure = entities.filter(({ entity }) => isActive(entity))
  const likely = entities.filter(({ entity }) => !isActive(entity))
  const { source, target } = discovery
  return [
    `# A first plan, found by \`migration-coverage plan discover\` in the source ${inComment(source.catalog.server.database)} and the target ${inComment(target.catalog.server.database)}.`,
    '# What stands as YAML is sure. What is likely is commented out, with what speaks against it: decide, and take out the `#`. Behind each stands its evidence, from samples: only a run compares all rows.',
    '# Then: migration-coverage plan check', ...[source, target].flatMap((reader) => (reader.asked() < reader.limits.statements ? [] : [`# The limit of ${reader.limits.statements} statements on the ${reader.side} was used up: what was not asked could not be sure.`])),
    `# Pairs of tables: ${sure.length} sure, ${likely.length} likely.`, 'version: 1', '', '# Business areas: figures are rolled up by them. Name your own.', 'domains:', '  all: {}', '',
    ...writeMaps(naming), ...(sure.length === 0 ? ['entities: {}'] : ['entities:']), ...sure.flatMap(({ lines }) => [...lines, '']),
    ...(likely.length === 0 ? [] : ['  # ------------------------------------------------------------ likely: decide']), ...likely.flatMap(({ lines }) => [...commentOut(lines), '']),
    ...writeLonely(discovery),
  ].join('\n').replace(/\n+$/, '\n')
}

/** An entity stands as YAML when its pair is sure and it has a key. */
const isActive = ({ pair, route }: FoundEntity): boolean => pair.confidence === 'sure' && route !== null

function nameAll({ entities }: Discovery): Naming {
  const naming: Naming = { entities: new Map(), maps: new Map() }
  const taken = new Set<string>()
  const free = (wanted: string): string => {
    let name = wanted
    for (let number = 2; taken.has(name); number += 1) name = `${wanted}_${number}`
    taken.add(name)
    return name
  }
  for (const entity of entities) {
    const { source, target } = entity.pair
    const isShared = entities.some((other) => other !== entity && other.pair.target === target)
    naming.entities.set(entity, free(inComment((isShared ? source : target).relation.name).slice(0, 190)))
  }
  taken.clear()
  const add = (map: FoundMap, fallback: string) => {
    const key = keyOfMap(map)
    if (!naming.maps.has(key)) naming.maps.set(key, { name: free(inComment((map.kind === 'stored' && map.where !== null && /^[A-Za-z]\w*$/.test(map.where.value) ? map.where.value : fallback)).slice(0, 190)), map })
  }
  const wordsOf = (table: SampledTable) => (table.tokens.length === 0 ? tokensOf(table.relation.name) : table.tokens).join('_')
  const active = entities.filter(isActive)
  for (const { pair, route } of active) for (const { map } of route?.legs ?? []) if (map !== null && route?.legs.length === 1) add(map, wordsOf(pair.target))
  const used = active.flatMap(({ columns, route }) => [...columns.filter(({ confidence }) => confidence === 'sure').flatMap(({ map }) => map ?? []), ...(route?.legs ?? []).flatMap(({ map }) => map ?? [])])
  for (const map of used) add(map, wordsOf(map.kind === 'stored' ? (entities.find(({ pair }) => keyOfMap(mapOfPair(pair) ?? null) === keyOfMap(map))?.pair.target ?? map.table) : map.target.table))
  return naming
}

function keyOfMap(map: FoundMap | null): string {
  if (map === null) return ''
  if (map.kind === 'stored') return JSON.stringify(['stored', keyOf(map.table.relation), map.legacy, map.modern, map.where])
  return JSON.stringify(['natural', keyOf(map.source.table.relation), map.source.key, map.source.natural, keyOf(map.target.table.relation), map.target.key, map.target.natural])
}

const condition = (alias: 'src' | 'tgt', { column, value }: Share): string => `${sqlColumn(alias, column)} = ${quoteLiteral(value).trim()}`

function writeMaps({ maps }: Naming): string[] {
  if (maps.size === 0) return []
  return ['# Key maps lead from a legacy key to the modern one.', 'keyMaps:', ...[...maps.values()].map(({ name, map }) => {
    if (map.kind === 'natural') {
      const side = ({ table, key, natural }: typeof map.source) => `{ table: ${tableValue(table.relation)}, key: ${scalar(key)}, natural: ${scalar(natural)} }`
      return `  ${scalar(name)}: { source: ${side(map.source)}, target: ${side(map.target)} }`
    }
    const isNullable = columnOf(map.table, map.legacy)?.notNull === false
    const where = [...(map.where === null ? [] : [condition('tgt', map.where)]), ...(isNullable ? [`${sqlColumn('tgt', map.legacy)} is not null`] : [])].join(' and ')
    return `  ${scalar(name)}: { table: ${tableValue(map.table.relation)}, legacy: ${scalar(map.legacy)}, modern: ${scalar(map.modern)}${where === '' ? '' : `, where: ${JSON.stringify(where)}`} }`
  }), '']
}

function writeEntity(entity: FoundEntity, naming: Naming, { source, target }: Discovery): string[] {
  const { pair, route, columns, alone } = entity
  const side = (table: SampledTable, share: Share | null, alias: 'src' | 'tgt') => `{ table: ${tableValue(table.relation)}${share === null ? '' : `, where: ${JSON.stringify(condition(alias, share))}`} }`
  const sure = columns.filter((column) => column.confidence === 'sure')
  const likely = columns.filter((column) => column.confidence === 'likely')
  const lines = columns.flatMap((column) => {
    const written = writeColumn(column, naming, isActive(entity))
    return column.confidence === 'sure' ? written.map((line) => `      ${line}`) : written.map((line) => `      # ${line}`)
  })
  const doubts = route === null ? [...pair.doubts, 'no key was found: name the columns that tell a row apart, or write `key: all` to compare the rows as a bag'] : pair.doubts
  return [
    `  # ${inComment(`${labelOf(pair.source)} → ${labelOf(pair.target)}`)}, ${isActive(entity) ? 'sure' : 'likely'}: ${inComment(tellPair(entity))}`,
    ...doubts.map((doubt) => `  # Decide: ${inComment(doubt)}`),
    `  ${scalar(naming.entities.get(entity) ?? '')}:`, '    domain: all',
    `    source: ${side(pair.source, pair.sourceShare, 'src')}`, `    target: ${side(pair.target, pair.targetShare, 'tgt')}`,
    ...writeKey(entity, naming), ...(sure.length > 0 ? ['    columns:'] : likely.length > 0 ? ['    # columns:'] : []), ...lines, ...writeAlone(alone, source.side, target.side),
  ]
}

function tellPair({ pair, route, columns }: FoundEntity): string {
  const { alignment, name } = pair
  const names = name >= 0.95 ? 'same name' : name >= 0.5 ? 'similar name' : 'another name'
  const alike = `${columns.length} of ${pair.target.relation.columns.length - (route?.legs.length ?? 0)} columns beside the key with a partner`
  const count = ({ count: { rows, isExact } }: SampledTable) => `${isExact ? '' : 'about '}${rows}`
  const rows = `${count(pair.source)} and ${count(pair.target)} rows`
  const found = alignment === null || route === null ? 'no rows of one key were found' : `${alignment.matched} of ${alignment.keyed} sampled rows found by ${describeRoute(route)}, columns that agree in them beyond chance: ${alignment.evidence.strong}`
  return `${names}, ${alike}, ${rows}; ${found}`
}

/** A key that the table itself keeps is written through its key map when others refer to it, so that key and references are read in one way. */
function writeKey({ pair, route }: FoundEntity, naming: Naming): string[] {
  if (route === null) return ['    # key: { ... }']
  const own = mapOfPair(pair)
  const known = own === null || own === undefined || own.kind === 'natural' ? undefined : naming.maps.get(keyOfMap(own))
  const isUnique = own?.kind === 'stored' && pair.target.relation.uniqueKeys.some((columns) => columns.length === 1 && columns[0] === own.legacy)
  const legs: Leg[] = known !== undefined && own?.kind === 'stored' && own.table === pair.target && isUnique ? [{ from: route.legs[0]?.from ?? '', to: own.modern, map: own }] : route.legs
  const written = legs.map(({ from, to, map }) => {
    const name = map === null ? undefined : (naming.maps.get(keyOfMap(map))?.name ?? 'to_be_named')
    return `${scalar(to)}: ${name === undefined ? scalar(from) : `{ from: ${scalar(from)}, references: ${scalar(name)} }`}`
  })
  return [`    key: { ${written.join(', ')} }`]
}

function writeColumn(column: ColumnFinding, naming: Naming, isActiveEntity: boolean): string[] {
  const { to, from, sql, map, values, zone, needsZone, confidence, evidence, doubts } = column
  const tail = ` # ${confidence}: ${inComment([evidence, ...doubts].join('; '))}`
  const [first = ''] = from
  if (map !== null) {
    const name = naming.maps.get(keyOfMap(map))?.name ?? (isActiveEntity ? 'a_key_map' : 'to_be_named')
    return [`${scalar(to)}: { from: ${scalar(first)}, references: ${scalar(name)} }${tail}`]
  }
  if (sql !== null) return [`${scalar(to)}: { sql: ${sqlScalar(sql)} }${tail}`]
  if (needsZone) return [`${scalar(to)}: { from: ${scalar(first)}, zone: ${zone ?? '"?"'} }${tail}`]
  if (column.isJson) return [`${scalar(to)}: { from: ${scalar(first)}, as: json }${tail}`]
  if (values === null) return [`${scalar(to)}: ${scalar(first)}${tail}`]
  return writeValues(column, values, tail)
}

function writeValues({ to, from: [first = ''], missingCodes }: ColumnFinding, values: NonNullable<ColumnFinding['values']>, tail: string): string[] {
  const isDoubtful = (value: (typeof values)[number]): string | null => {
    if (value.others > value.rows * 0.2) return `in ${value.others} more rows it is another value`
    const better = values.find((other) => other.value === value.value && other.rows > value.rows * 5)
    return better === undefined || ['true', 'false'].includes(value.value) ? null : `${better.code} is ${value.value} too, in ${better.rows} rows: a default, or right?`
  }
  const order = [...values].sort((left, right) => left.code.localeCompare(right.code, 'en', { numeric: true }) || (left.code < right.code ? -1 : 1))
  const missing = missingCodes === null ? ['# the codes of the source could not all be read'] : missingCodes.map((one) => `# ${inComment(code(one.code))}: ? # ${one.rows} rows, none of them found in the sample`)
  if (missing.length === 0 && order.every((value) => isDoubtful(value) === null)) return [`${scalar(to)}: { from: ${scalar(first)}, values: { ${order.map((value) => `${code(value.code)}: ${code(value.value)}`).join(', ')} } }${tail}`]
  return [
    `${scalar(to)}:${tail}`, `  from: ${scalar(first)}`, '  values:',
    ...order.map((value) => {
      const doubt = isDoubtful(value)
      return `    ${doubt === null ? '' : '# '}${code(value.code)}: ${code(value.value)}${doubt === null ? '' : ` # ${value.rows} rows; ${inComment(doubt)}`}`
    }), ...missing.map((line) => `    ${line}`),
  ]
}

function writeAlone(alone: FoundEntity['alone'], ...sides: ('source' | 'target')[]): string[] {
  if (sides.every((side) => alone[side].length === 0)) return []
  return ['    # No partner was found for these columns: map them above, or say why they are not compared.', '    # ignore:',
    ...sides.flatMap((side) => (alone[side].length === 0 ? [] : [`    #   ${side}:`, ...alone[side].map((name) => `    #     ${inComment(scalar(name))}: ""`)]))]
}

/** Tables without a partner, and tables that were left out; views hold no rows of their own. */
function writeLonely({ source, target, entities, mapTables, candidates }: Discovery): string[] {
  const lines = ([source, target] as const).flatMap(({ side, tables }) => {
    const alone = tables.filter((table) => table.unread === null && !entities.some(({ pair }) => pair[side] === table) && !(side === 'target' && mapTables.includes(table)))
    if (alone.length === 0) return []
    return [`#   ${side}:`, ...alone.map((table) => {
      const near = candidates.find((one) => one[side] === table)
      const other = near === undefined ? null : labelOf(side === 'source' ? near.target : near.source)
      return `#     ${inComment(tableKey(table.relation))}: "" # ${table.count.isExact ? '' : 'about '}${table.count.rows} rows; ${other === null || near === undefined ? 'nothing looks like it' : `the nearest is ${inComment(other)} (${near.structure.toFixed(2)} of 1 by names and columns)`}`
    })]
  })
  const leftOut = [source, target].flatMap(({ side, tables }) => tables.filter((table) => table.unread !== null).map((table) => `# Left out: the ${side} table ${inComment(labelOf(table))}: ${inComment(table.unread ?? '')}.`))
  const maps = mapTables.map((table) => `# Taken for a table of key maps: ${inComment(labelOf(table))} in the target.`)
  return [...(lines.length === 0 ? [] : ['# Tables without a partner, which a run shows as uncovered. Write an entity for each, or say here why nobody migrates it.', '# ignore:', ...lines]), ...leftOut, ...maps]
}
