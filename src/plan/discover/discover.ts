import type { Db } from '../../db/clients.js'
import { align, comparePairs, createLookUp, mapsThatReach, type Alignment, type LookUp } from './align.js'
import { findConcatenation, pairColumns, type ColumnFinding, type ReferenceEvidence } from './columns.js'
import { compareColumns, seriesOf } from './evidence.js'
import { openSide, readLimits, type ReadLimits, type SideReader } from './read.js'
import { tokensOf } from './names.js'
import { canLookUp, compositeRoute, findMapTables, parentsOf, singleKey, singleRoutes, type FoundMap, type Route, type StoredMap } from './routes.js'
import { judgePair, settlePairs, type PairFinding, type SettledPair } from './settle.js'
import { placeOf, tableCandidates, type SampledTable, type TableCandidate } from './tables.js'
import { findCodes, settleZones } from './values.js'

/** A pair of tables with its key and columns. */
export interface FoundEntity {
  pair: SettledPair
  /** null: no way from a source row to its target row was found */
  route: Route | null
  columns: ColumnFinding[]
  /** columns without a partner */
  alone: { source: string[]; target: string[] }
}

/** All that was found; what it means for the plan is written by `write.ts`. */
export interface Discovery {
  source: SideReader
  target: SideReader
  entities: FoundEntity[]
  /** the target tables that hold key maps which a route or a reference goes through */
  mapTables: SampledTable[]
  candidates: TableCandidate[]
}

/**
 * Looks for a first plan in two databases: reads both catalogues and bounded samples, brings rows of one key together, and compares their values.
 * Nothing is written. The same databases give the same findings.
 * @throws the error of a database that cannot be reached; a table that cannot be read is a finding
 */
export async function discover(sourceDb: Db, targetDb: Db, limits: ReadLimits = readLimits): Promise<Discovery> {
  const [source, target] = await Promise.all([openSide(sourceDb, 'source', limits), openSide(targetDb, 'target', limits)])
  const mapTables = findMapTables(target.tables)
  const isMap = (table: SampledTable) => mapTables.some((map) => map.table === table)
  const readable = ({ unread }: SampledTable) => unread === null
  for (const table of copiesIn(target.tables)) table.unread = 'it looks like a copy of the source that the migration reads, by its schema or because it is a foreign table'
  const candidates = tableCandidates(source.tables.filter(readable), target.tables.filter((table) => readable(table) && !isMap(table)))
  const lookUp = createLookUp(source, target)
  const reach = new Map<SampledTable, StoredMap[]>()
  for (const table of new Set(candidates.map((one) => one.target))) {
    const key = singleKey(table)
    reach.set(table, key === null ? [] : await mapsThatReach(target, table, key, mapTables))
  }
  const findings = new Map<TableCandidate, PairFinding>()
  for (const one of candidates) findings.set(one, judgePair(one, await alignBest(target, one, singleRoutes(one.source, one.target, reach.get(one.target) ?? []), lookUp)))
  let pairs = settlePairs([...findings.values()])
  // keys of several columns go through the keys of parents, which may have such a key themselves
  for (let round = 0; round < 3; round += 1) {
    const known = pairs
    let isChanged = false
    const isProven = (table: SampledTable, side: 'source' | 'target') => known.some((pair) => pair[side] === table && pair.isProven && pair.confidence === 'sure')
    for (const one of candidates) {
      if (findings.get(one)?.isProven === true || (isProven(one.source, 'source') && isProven(one.target, 'target'))) continue
      const route = compositeRoute(one.source, one.target, (column) => mapsTo(one.target, column, known, target))
      const alignment = route === null ? null : await align(target, one.source, one.target, route, lookUp)
      if (alignment === null) continue
      const judged = judgePair(one, alignment)
      if (judged.score <= (findings.get(one)?.score ?? 0) && findings.get(one)?.alignment !== null) continue
      findings.set(one, judged)
      isChanged = true
    }
    if (!isChanged) break
    pairs = settlePairs([...findings.values()])
  }
  const entities: FoundEntity[] = []
  for (const pair of pairs) entities.push(await findColumns(pair, pairs, source, target, lookUp, reach.get(pair.target) ?? []))
  settleZones(entities)
  const order = (entity: FoundEntity) => target.tables.indexOf(entity.pair.target) * 10_000 + source.tables.indexOf(entity.pair.source)
  return { source, target, entities: entities.sort((left, right) => order(left) - order(right)), mapTables: mapTables.map(({ table }) => table), candidates }
}

const copyWords = new Set(['landing', 'legacy', 'staging', 'stage', 'raw', 'backup', 'tmp', 'temp', 'archive', 'import', 'old', 'fdw'])

/** Tables of the target in schemas that are called after what comes before a migration, and foreign tables; none where the target has nothing else. */
function copiesIn(tables: readonly SampledTable[]): SampledTable[] {
  const copies = tables.filter(({ relation }) => relation.kind === 'foreign table' || tokensOf(relation.schema).some((word) => copyWords.has(word)))
  return copies.length === tables.length ? [] : copies.filter(({ unread }) => unread === null)
}

/**
 * The route in whose rows most values agree; of routes that are about as good, one from the source's own key, since others refer to that.
 */
async function alignBest(target: SideReader, { source, target: to }: TableCandidate, routes: readonly Route[], lookUp: LookUp): Promise<Alignment | null> {
  const found: { alignment: Alignment; worth: number; isOwn: boolean }[] = []
  for (const route of routes) {
    const alignment = await align(target, source, to, route, lookUp)
    if (alignment === null) continue
    const share = alignment.matched / alignment.keyed
    found.push({ alignment, worth: (alignment.evidence.weight + 0.1) * share, isOwn: route.legs[0]?.from === singleKey(source) })
    if (found.at(-1)?.isOwn === true && alignment.evidence.weight >= 3 && share >= 0.9) break
  }
  const best = Math.max(...found.map(({ worth }) => worth))
  const near = found.filter(({ worth }) => worth >= best * 0.75)
  return (near.find(({ isOwn, worth }) => isOwn && worth === Math.max(...near.filter((one) => one.isOwn).map((one) => one.worth))) ?? near.find(({ worth }) => worth === best))?.alignment ?? null
}

/** How keys of a pair's tables correspond, for those that refer to them; null: they are the same, undefined: it is not known. */
export function mapOfPair({ alignment, source, target, targetShare }: Pick<SettledPair, 'alignment' | 'source' | 'target' | 'targetShare'>): FoundMap | null | undefined {
  const [leg, ...more] = alignment?.route.legs ?? []
  const [own, modern] = [singleKey(source), singleKey(target)]
  if (leg === undefined || more.length > 0 || own === null || modern === null) return undefined
  if (leg.map !== null) return leg.map
  if (leg.from === own && leg.to === modern) return null
  if (leg.from === own) return { kind: 'stored', table: target, legacy: leg.to, modern, where: targetShare }
  return { kind: 'natural', source: { table: source, key: own, natural: leg.from }, target: { table: target, key: modern, natural: leg.to } }
}

function mapsTo(table: SampledTable, column: string, pairs: readonly SettledPair[], target: SideReader): FoundMap[] {
  const parents = parentsOf(table, column, target.tables)
  return pairs.filter((pair) => parents.includes(pair.target)).flatMap((pair) => mapOfPair(pair) ?? [])
}

async function findColumns(pair: SettledPair, pairs: readonly SettledPair[], sourceReader: SideReader, targetReader: SideReader, lookUp: LookUp, maps: readonly StoredMap[]): Promise<FoundEntity> {
  const { source, target, alignment } = pair
  const route = alignment?.route ?? compositeRoute(source, target, (column) => mapsTo(target, column, pairs, targetReader)) ?? singleRoutes(source, target, maps)[0] ?? null
  const rows = alignment?.pairs ?? []
  const { columns: evidence } = comparePairs(source, target, route ?? { legs: [] }, rows, source.rows.length)
  const legs = route?.legs ?? []
  const keyed = { from: new Set(legs.map(({ from }) => from)), to: new Set(legs.map(({ to }) => to)) }
  const references: ReferenceEvidence[] = []
  for (const { name: to } of target.relation.columns) {
    if (keyed.to.has(to)) continue
    for (const map of mapsTo(target, to, pairs, targetReader)) {
      for (const { name: from } of source.relation.columns) {
        if (!canLookUp(source, from, map)) continue
        const values = rows.flatMap(({ source: row }) => row[placeOf(source, from)] ?? [])
        const known = await lookUp(map, values)
        const mapped = rows.map(({ source: row }) => known.get(row[placeOf(source, from)] ?? '')?.[0] ?? null)
        const found = compareColumns(seriesOf('uuid', mapped), seriesOf('uuid', rows.map(({ target: row }) => row[placeOf(target, to)] ?? null)))
        references.push({ from, to, map, evidence: { ...found, kind: found.kind === 'equal' ? 'reference' : 'none' } })
      }
    }
  }
  const columns = pairColumns(source, target, evidence, references, keyed)
  addConcatenations(pair, columns, keyed.to)
  for (const finding of columns) finding.evidence += tellOneSided(finding, pair)
  await findCodes(sourceReader, source, columns)
  const paired = { from: new Set([...keyed.from, ...columns.flatMap(({ from }) => from)]), to: new Set([...keyed.to, ...columns.map(({ to }) => to)]) }
  const alone = (table: SampledTable, taken: ReadonlySet<string>) => table.relation.columns.flatMap(({ name }) => (taken.has(name) ? [] : [name]))
  return { pair, route, columns, alone: { source: alone(source, paired.from), target: alone(target, paired.to) } }
}

/** A NULL on one side only is a difference that the values of both cannot show. */
function tellOneSided({ from: [from = '', ...more], to }: ColumnFinding, { source, target, alignment }: SettledPair): string {
  if (more.length > 0) return ''
  const [left, right] = [placeOf(source, from), placeOf(target, to)]
  const count = (isNull: (own: string | null, other: string | null) => boolean) => (alignment?.pairs ?? []).filter((pair) => isNull(pair.source[left] ?? null, pair.target[right] ?? null)).length
  const [lost, made] = [count((own, other) => own !== null && other === null), count((own, other) => own === null && other !== null)]
  return `${lost === 0 ? '' : `; ${lost} became NULL`}${made === 0 ? '' : `; ${made} were NULL`}`
}

/** Texts that no single column explains. */
function addConcatenations({ source, target, alignment }: SettledPair, columns: ColumnFinding[], keyed: ReadonlySet<string>): void {
  for (const { name: to, type } of target.relation.columns) {
    const known = columns.find((column) => column.to === to)
    if (keyed.has(to) || known?.confidence === 'sure' || !['text', 'varchar'].includes(type.base)) continue
    const found = findConcatenation(source, target, to, alignment?.pairs ?? [])
    if (found === null) continue
    if (known !== undefined) columns.splice(columns.indexOf(known), 1)
    columns.push({ to, from: found.from, sql: found.sql, map: null, values: null, needsZone: false, zone: null, isJson: false, missingCodes: [], confidence: 'sure', evidence: `${found.agree} of ${found.rows} sampled values equal`, doubts: [] })
  }
  columns.sort((left, right) => placeOf(target, left.to) - placeOf(target, right.to))
}
