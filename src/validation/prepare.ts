import { worstVerdict, type Verdict } from '../core/accounting.js'
import { canaryStatement, judgeCanaries } from '../core/canary.js'
import type { Side } from '../core/catalog.js'
import { checkMapStatement, isNatural, mapsOfKey } from '../core/key-map-expressions.js'
import { countPlaces, countsItself } from '../core/pass-expressions.js'
import type { ComparisonSpec, StoredKeyMapSpec, TermSpec } from '../core/spec.js'
import { constantFor, type CanonicalKind } from '../core/canonical.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { jobFailure, sideOf } from '../jobs/failure.js'
import type { Commit } from '../jobs/loop.js'
import { addTasks, type Json, type NewTask, type TakenTask } from '../jobs/task.js'
import { longForm, referencedMaps } from '../plan/cross-reference.js'
import { formatPath } from '../plan/fault.js'
import { parsePlan, PlanError, type LoadedPlan, type PlanFault } from '../plan/load.js'
import { checkPlanAgainst } from '../plan/preflight.js'
import { storePlanFaults } from '../plan/queries.js'
import type { PlanEntity } from '../plan/schema.js'
import { readTableName } from '../plan/table-name.js'
import { copyScans, findReusable, readCuts, type Cut, type Reused } from './changed.js'
import type { ComparisonOptions, Prepared, TaskContext } from './context.js'
import { readBeginning } from './moved.js'
import { blockAmbiguous, checkNaturalMaps } from './natural-maps.js'
import { cutNeighbours, findKeyIndexes, guessedRuns, hasOwnKeys, powerOfTwo, type KeyIndexes } from './neighbours.js'
import { readPlanContent, readUnequalShares, saveChecks, saveColumns, saveJobEntities, type CheckResult, type JobEntity } from './outcomes.js'
import { findLooseSettings } from './pins.js'
import { digestOfReading } from './release.js'
import { countOf, partsOf, read, textOf, type Reader } from './reader.js'

/** Rows on a page of 8 KiB, roughly; only the size of segments depends on it. */
const rowsPerPage = 32
const largestSegmentCount = 32_768
/** Rows of a segment of neighbours: since they follow each other many sums cost little, and with a row that differs few others are read again. Where many differ, the second. */
const rowsBeside = [128, 32] as const
/** So many sums a statement adds up in the memory that it has. */
const mostOfNeighbours = 131_072
/** Entities whose indexes are asked for at a time. */
const entitiesAtOnce = 4
/** A chunk of a side with joined tables is so many times as large. */
const joinedChunks = 8

const looseAdvice = 'Connect past a pooler that lists such settings in ignore_startup_parameters or sets them itself, and let login triggers leave them alone; or give them to the role: alter role ... set ... = ...'

/** Checks the plan against both databases as they are now, and cuts the job into tasks. */
export async function prepare(context: TaskContext, task: TakenTask, signal: AbortSignal): Promise<Commit> {
  const { readers, queue, options } = context
  const loaded = loadPlan(await readPlanContent(context.target, task.job.planId))
  // one after the other: the first tells which side is away, the check of the plan does not
  const encodings = await readEncodings(readers, signal)
  await refuseLooseSettings(readers, signal)
  const check = await checkPlanAgainst(loaded, readers.source.sql, readers.target.sql)
  const canaries = await probeCanaries(readers, encodings.recode, signal)
  if (canaries.length > 0) throw jobFailure('INTERNAL', `the two servers' fingerprints cannot be trusted: ${canaries.join('; ')}`)
  const shares = task.job.mode === 'sample' ? null : await readUnequalShares(context.target, task.job.entities)
  const planned: JobEntity[] = []
  for (const part of partsOf(task.job.entities, entitiesAtOnce)) {
    planned.push(...await Promise.all(part.map(async (entity) => {
      const spec = check.specs.get(entity) ?? null
      return spec === null ? refuseEntity(loaded, entity, check.faults) : { entity, domain: spec.domain, spec, ...await chooseSegments(spec, shares === null ? null : (shares.get(entity) ?? 0), options, readers, signal), blocked: null }
    })))
  }
  const natural = await checkNaturalMaps(readers, planned, signal)
  const isUnstable = (entity: string) => check.faults.some((fault) => fault.code === 'UNSTABLE_SQL' && (fault.entity === null || fault.entity === entity))
  const parentsOf = (spec: ComparisonSpec) => Object.values(parentSpecs(check.specs, [spec.entity]))
  const candidates = planned.map((entity) => blockAmbiguous(entity, natural))
  // before the counters are looked at: what is replaced meanwhile would be read under the evidence of another table
  const comparable = candidates.flatMap(({ spec, blocked }) => (spec === null || blocked !== null ? [] : [spec]))
  const [sourceBeginning, targetBeginning] = await Promise.all([readBeginning(comparable, readers.source, signal), readBeginning(comparable, readers.target, signal)])
  const { entities, evidence, versions, reused, partlyReused, lookedAt } = await findReusable(context, candidates, { mode: task.job.mode, recode: encodings.recode }, parentsOf, isUnstable, signal)
  for (const one of entities) {
    const isReused = [reused, partlyReused].some((jobs) => Object.keys(jobs[one.entity] ?? {}).length > 0)
    one.streamed &&= !isReused && one.blocked === null
    // rows are not kept, so a later run cannot rest on them
    if (one.streamed) for (const proofs of [evidence, versions]) proofs[one.entity] = { source: null, target: null }
  }
  // later than the counters that prove an unchanged source: a replica that has come so far has all that they count
  const position = await context.replicas.readPosition(readers.source, signal)
  const mapChecks = [...await checkKeyMaps(readers.target, entities, loaded, signal), ...[...natural.values()].flat()]
  const planChecks = entities.flatMap((entity) => checkPlanOf(entity, check.faults, check.columns.filter((column) => column.entity === entity.entity)))
  const reading = { recode: encodings.recode, sampleSeed: task.job.mode === 'sample' ? String(constantFor(task.jobId)) : null }
  const prepared: Prepared = {
    ...reading, readings: Object.fromEntries(entities.flatMap((one) => (one.spec === null ? [] : [[one.entity, digestOfReading(one.spec, reading, one)]]))),
    position, tables: check.tables, rules: coversPlan(loaded, task.job.entities) ? check.rules : [], shared: sharedEntities(loaded), parents: parentSpecs(check.specs, task.job.entities), beside: specsBeside(check.specs, task.job.entities),
    evidence, versions, reused, partlyReused, lookedAt, beginnings: { source: sourceBeginning, target: targetBeginning },
  }
  return {
    async write(tx) {
      await storePlanFaults(tx, task.job.planId, check.faults)
      await saveJobEntities(tx, task.jobId, entities)
      await saveColumns(tx, task.jobId, check.columns.filter((column) => task.job.entities.includes(column.entity)))
      await saveChecks(tx, task.jobId, [canaryCheck(), ...mapChecks, ...planChecks])
      for (const { entity } of entities) for (const side of ['source', 'target'] as const) {
        const from = reused[entity]?.[side]
        if (from !== undefined) await copyScans(tx, task.jobId, entity, side, from)
      }
      const tasks: NewTask[] = []
      for (const entity of entities) {
        const cuts: Partial<Record<Side, Cut[]>> = {}
        for (const [side, from] of Object.entries(partlyReused[entity.entity] ?? {})) cuts[side as Side] = await readCuts(tx, from, entity.entity, side as Side)
        tasks.push(...scanTasks(entity, options.scanChunkPages, reused[entity.entity] ?? {}, cuts))
      }
      if (task.job.includeIntegrityChecks || task.job.includeCrossEntity) tasks.push({ kind: 'integrity' })
      if (task.job.includeCrossEntity) tasks.push({ kind: 'account', side: 'source' }, { kind: 'account', side: 'target' })
      await addTasks(tx, queue, task.jobId, tasks)
      if (tasks.length === 0) await addTasks(tx, queue, task.jobId, [{ kind: 'finish' }])
    },
    outcome: JSON.parse(JSON.stringify(prepared)) as Json,
  }
}

function loadPlan(content: string): LoadedPlan {
  try {
    return parsePlan(content)
  } catch (error) {
    if (error instanceof PlanError) throw jobFailure('PLAN_INVALID', error.message)
    throw error
  }
}

async function readEncodings(readers: Record<Side, Reader>, signal: AbortSignal): Promise<{ recode: boolean }> {
  const statement = "select pg_catalog.current_setting('server_encoding') as encoding"
  const [source, target] = await Promise.all([read(readers.source, signal, statement), read(readers.target, signal, statement)])
  return { recode: source[0]?.['encoding'] !== target[0]?.['encoding'] }
}

async function refuseLooseSettings(readers: Record<Side, Reader>, signal: AbortSignal): Promise<void> {
  const [source, target] = await Promise.all([findLooseSettings(readers.source, signal), findLooseSettings(readers.target, signal)])
  for (const [side, loose] of [['source', source], ['target', target]] as const) {
    if (loose.length > 0) throw jobFailure(side === 'source' ? 'SOURCE_UNAVAILABLE' : 'TARGET_UNAVAILABLE', `Sessions of the ${side} database do not keep what the comparison rests on: ${loose.join('; ')}. ${looseAdvice}`)
  }
}

async function probeCanaries(readers: Record<Side, Reader>, recode: boolean, signal: AbortSignal): Promise<string[]> {
  const [source, target] = await Promise.all([read(readers.source, signal, canaryStatement(recode)), read(readers.target, signal, canaryStatement(recode))])
  return judgeCanaries(source.map((row) => textOf(row, 'hash')), target.map((row) => textOf(row, 'hash')))
}

function refuseEntity({ plan }: LoadedPlan, entity: string, faults: readonly PlanFault[]): JobEntity {
  const planned = plan.entities[entity]
  const domain = planned?.domain ?? ''
  const critical = faults.filter(({ severity }) => severity === 'critical')
  const own = critical.filter((fault) => fault.entity === entity)
  const reasons = (own.length > 0 ? own : critical.filter((fault) => fault.entity === null)).map(({ message }) => message)
  return { entity, domain, spec: planned === undefined ? null : claimsAlone(entity, planned, own), segments: 1, neighbours: null, streamed: false, blocked: reasons.join('; ') || 'the plan check refused it' }
}

/**
 * What is left of a refused entity: the rows that it claims, so that they are counted as unverified instead of not at all. Null when
 * what the plan says of its source is itself at fault: that SQL is not run. What is at fault on the target only leaves that side uncounted.
 */
function claimsAlone(entity: string, planned: PlanEntity, faults: readonly PlanFault[]): ComparisonSpec | null {
  const { source, target } = planned
  const [from, to] = [source.table === undefined ? { schema: '', name: '' } : readTableName(source.table), readTableName(target.table)]
  const faultAt = (side: string) => faults.some(({ path }) => path.startsWith(formatPath(['entities', entity, side])))
  if (faultAt('source') || 'fault' in from || 'fault' in to) return null
  const claim = faultAt('target') ? 'keyMap' : target.where === undefined ? 'all' : 'where'
  return {
    entity, domain: planned.domain, key: [], columns: [], keyMaps: {}, parents: [], bag: false, totals: [],
    source: { schema: from.schema, table: from.name, query: source.query ?? null, covers: null, merge: null, join: source.join ?? null, where: source.where ?? null, exclude: source.exclude ?? [], explained: [], changedAt: null, lag: null, uniqueKey: null, keyed: false, chunkable: false, pages: 0 },
    target: { schema: to.schema, table: to.name, join: target.join ?? null, where: target.where ?? null, claim, generated: [], changedAt: null, keyed: false, chunkable: false, pages: 0 },
  }
}

/** The share of segments that are read again when so many rows differ and lie anywhere: those with one of them, or with two where the sums tell the only one. */
function expectedToBeRead(share: number, segmentRows: number, isSingleTold: boolean): number {
  const isEqual = 1 - share
  return Math.max(0, 1 - isEqual ** segmentRows - (isSingleTold ? segmentRows * share * isEqual ** (segmentRows - 1) : 0))
}

/** Whether the sums tell the key of a segment's only difference, and an index leads to it. */
function isSingleTold(spec: ComparisonSpec, indexes: KeyIndexes | null, { segments, neighbours }: Pick<JobEntity, 'segments' | 'neighbours'>): boolean {
  if (neighbours === null || indexes?.source.inOrder !== true || indexes.target?.inOrder !== true) return false
  return countPlaces(spec, { neighbours }) > 0 && guessedRuns(indexes, { segments, neighbours }) !== null
}

/**
 * Segments of neighbours where an index leads to them, else of keys with like hashes. Where so many are expected to differ that most rows would be read again, smaller ones; and where none are small enough every row is given in
 * place of sums.
 * @param share of the rows that the comparison before did not find equal; null: they are not streamed, whatever differs
 */
async function chooseSegments(spec: ComparisonSpec, share: number | null, { segmentRows, streamFrom }: ComparisonOptions, readers: Record<Side, Reader>, signal: AbortSignal): Promise<Pick<JobEntity, 'segments' | 'neighbours' | 'streamed'>> {
  const indexes = await findKeyIndexes(spec, readers, signal)
  const rows = Math.max(spec.source.pages * rowsPerPage, spec.target.pages * rowsPerPage, indexes?.source.rows ?? 0, indexes?.target?.rows ?? 0, 1)
  const withSize = (divided: Pick<JobEntity, 'segments' | 'neighbours'>, size: number) => ({ ...divided, isSmall: share === null || expectedToBeRead(share, size, isSingleTold(spec, indexes, divided)) < streamFrom })
  const divide = (indexes: KeyIndexes, most: number) => {
    const size = Math.min(most, segmentRows)
    const wanted = Math.min(mostOfNeighbours, powerOfTwo(rows / size))
    const divided = cutNeighbours(indexes, rows, wanted)
    return divided === null ? [] : [withSize(divided, Math.max(size, rows / wanted))]
  }
  const [many, few] = rowsBeside
  // a key map may hold keys of others, far away: then those of the source are neighbours alone
  const nearOf = (indexes: KeyIndexes) => (hasOwnKeys(spec) ? [...divide(indexes, many), ...divide(indexes, few)] : [...(indexes.target === null ? [] : divide(indexes, many)), ...divide({ ...indexes, target: null }, segmentRows)])
  const near = indexes === null ? [] : nearOf(indexes)
  // the nearest power of two: sums are found in a cache of the processor, or not, and half of it would be twice as many
  const segmentsOfHashes = Math.min(largestSegmentCount, powerOfTwo(rows / segmentRows / Math.SQRT2))
  const cuts = near.length > 0 ? near : [withSize({ segments: segmentsOfHashes, neighbours: null }, Math.max(segmentRows, rows / segmentsOfHashes))]
  const { segments, neighbours, isSmall } = cuts.find((one) => one.isSmall) ?? cuts[0] ?? { segments: 1, neighbours: null, isSmall: false }
  return { segments, neighbours, streamed: !isSmall }
}

/** @param cuts how the job has cut a side whose sums this one may rest on */
function scanTasks({ entity, spec, blocked }: JobEntity, chunkPages: number, reused: Reused, cuts: Partial<Record<Side, readonly Cut[]>>): NewTask[] {
  const sides = (['source', 'target'] as const).filter((side) => reused[side] === undefined)
  if (spec === null || blocked !== null || sides.length === 0) return [{ kind: 'settle', entity }]
  const tasks = sides.flatMap((side) => {
    // each chunk reads the whole of a joined map
    const size = countsItself(spec, side) ? chunkPages : chunkPages * joinedChunks
    return cutSide(spec[side].chunkable ? spec[side].pages : 0, size, cuts[side] ?? []).map(({ chunk, first, next }) => ({ kind: 'scan' as const, entity, side, chunk, firstPage: first, nextPage: next }))
  })
  // in turn, so that both servers work from the beginning
  return tasks.toSorted((left, right) => left.chunk - right.chunk)
}

/** Cuts pages into chunks of a size, behind those that an earlier job has made. The last one is open ended: the table may have grown since it was planned. */
function cutSide(pages: number, size: number, before: readonly Cut[]): Cut[] {
  const last = before.at(-1)
  if (last !== undefined && pages <= last.first + 2 * size) return [...before]
  const first = last === undefined ? 0 : last.first + size
  const firstChunk = Math.max(-1, ...before.map(({ chunk }) => chunk)) + 1
  const count = Math.max(1, Math.ceil((pages - first) / size))
  const rest = Array.from({ length: count }, (_, index) => ({ chunk: firstChunk + index, first: first + index * size, next: index === count - 1 ? null : first + (index + 1) * size }))
  return last === undefined ? rest : [...before.slice(0, -1), { ...last, next: first }, ...rest]
}

/** A rule speaks of the whole migration: a job of some entities does not ask it. */
function coversPlan({ plan }: LoadedPlan, entities: readonly string[]): boolean {
  return Object.keys(plan.entities).every((entity) => entities.includes(entity))
}

/** The specs of all entities whose rows those of the job reference, over any number of steps. */
function parentSpecs(specs: ReadonlyMap<string, ComparisonSpec>, entities: readonly string[]): Record<string, ComparisonSpec> {
  const found = new Map<string, ComparisonSpec>()
  // a row that its parent entity does not have may be one of those that are keyed by the same map
  const parentsOf = (spec: ComparisonSpec | undefined) => (spec?.parents ?? []).flatMap(({ entity, siblings = [] }) => [entity, ...siblings])
  const waiting = entities.flatMap((entity) => parentsOf(specs.get(entity)))
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const spec = specs.get(next)
    if (spec === undefined || found.has(next)) continue
    found.set(next, spec)
    waiting.push(...parentsOf(spec))
  }
  return Object.fromEntries(found)
}

/** The specs of the entities beside these that are keyed by a map which keys one of these. */
function specsBeside(specs: ReadonlyMap<string, ComparisonSpec>, entities: readonly string[]): ComparisonSpec[] {
  const maps = new Set([...specs.values()].filter(({ entity }) => entities.includes(entity)).flatMap(mapsOfKey))
  return [...specs.values()].filter((spec) => !entities.includes(spec.entity) && mapsOfKey(spec).some((map) => maps.has(map)))
}

function sharedEntities({ plan }: LoadedPlan): string[] {
  return Object.entries(plan.entities).flatMap(([name, entity]) => ('shared' in entity && entity.shared === true ? [name] : []))
}

/** Checks of a key map that belong to whatever references it, not to the entity alone that it keys. */
const ofEveryReference = ['a legacy key has one modern key', 'the key map can be read']

/** Checks of the key maps themselves. An ambiguous entry spoils whatever references the map; what else is wrong with it belongs to the entities that it keys, or else, and where a column reads it in another form than a key, to those that use it. */
async function checkKeyMaps(target: Reader, entities: readonly JobEntity[], loaded: LoadedPlan, signal: AbortSignal): Promise<CheckResult[]> {
  const merged = mergedMaps(loaded)
  const found = new Map<string, CheckResult[]>()
  const uses = entities.flatMap(({ entity, spec }) => [...(spec?.key ?? []), ...(spec?.columns ?? [])].flatMap((term) => storedMaps(spec, term).map(({ map, kind }) => {
    const isKey = spec?.key.includes(term) === true
    const merges = merged.has(map.name) || (isKey && spec.source.merge !== null)
    return { entity, map, kind, targetType: term.targetType, merges, isKey, form: JSON.stringify([map, kind, term.targetType]) }
  })))
  const ofKeys = new Set(uses.flatMap(({ isKey, form }) => (isKey ? form : [])))
  const checks = new Map<string, CheckResult>()
  for (const { entity, map, kind, targetType, merges, isKey, form } of uses) {
    const id = JSON.stringify([form, merges])
    const results = found.get(id) ?? await checkKeyMap(target, map, kind, targetType, merges, signal)
    found.set(id, results)
    for (const check of results) {
      if (!isKey && ofKeys.has(form) && !ofEveryReference.includes(check.name)) continue
      const place = JSON.stringify([entity, check.name, check.subject])
      const before = checks.get(place)
      // one column may read the map as numbers, another as texts
      if (before === undefined || worstVerdict([before.verdict, check.verdict]) !== before.verdict) checks.set(place, { ...check, entity })
    }
  }
  return [...checks.values()]
}

/** The key maps that lead to the rows of an entity that merges some: that several of its legacy keys have one modern key is declared. */
function mergedMaps({ plan }: LoadedPlan): Set<string> {
  return new Set(Object.values(plan.entities).flatMap((entity) => {
    const legs = entity.key === 'all' || entity.source.merge === undefined ? [] : Object.values(entity.key).map(longForm)
    return legs.length === 1 ? legs.flatMap((leg) => referencedMaps(leg, []).map(({ map }) => map)) : []
  }))
}

/** The stored maps that a term's references lead through, each with the kind of its legacy key. */
function storedMaps(spec: ComparisonSpec | null, term: TermSpec): StoredKeyMapSpec['members'] {
  const map = spec?.keyMaps[term.keyMap ?? '']
  if (map === undefined || isNatural(map)) return []
  return map.members.length > 0 ? map.members : [{ map, kind: term.canonical }]
}

/** A map whose own statement fails is told as unknown: only the entities that need it suffer. */
async function checkKeyMap(target: Reader, map: StoredKeyMapSpec, kind: CanonicalKind, targetType: string, merges: boolean, signal: AbortSignal): Promise<CheckResult[]> {
  try {
    return keyMapChecks(map.name, merges, await read(target, signal, checkMapStatement(map, kind, targetType)))
  } catch (error) {
    if (signal.aborted || isTransient(error) || sideOf(error) === null) throw error
    return [{
      entity: '', name: 'the key map can be read', subject: map.name, category: 'integrity', severity: 'critical', verdict: 'unknown', rowsExamined: null, rowsFailed: null, durationMs: null,
      message: `the key map ${map.name} cannot be read: SQLSTATE ${sqlstateOf(error) ?? 'unknown'}`, evidence: {},
    }]
  }
}

function canaryCheck(): CheckResult {
  return {
    entity: '', name: 'fingerprints can be trusted', subject: '', category: 'engine', severity: 'critical', verdict: 'pass', rowsExamined: null, rowsFailed: null, durationMs: null,
    message: 'both servers hash the canary values alike, and different values differently', evidence: {},
  }
}

/** @param merges an entity that the map keys merges rows: then several legacy keys of one modern key are what it declares, and each row is judged */
function keyMapChecks(map: string, merges: boolean, rows: Awaited<ReturnType<typeof read>>): CheckResult[] {
  const [row] = rows
  if (row === undefined) throw new Error('a count gave no row')
  const entries = countOf(row, 'entries')
  const check = (name: string, column: string, bad: Verdict, good: string, message: (count: number) => string): CheckResult => {
    const count = countOf(row, column)
    return {
      entity: '', name, subject: map, category: 'integrity', severity: bad === 'fail' ? 'critical' : 'warning', verdict: count > 0 ? bad : entries === 0 ? 'warn' : 'pass',
      message: count > 0 ? message(count) : entries === 0 ? `0 rows were examined: ${map} has no entry` : good, rowsExamined: entries, rowsFailed: count, durationMs: null, evidence: { entries },
    }
  }
  return [
    check('a legacy key has one modern key', 'two_modern', 'fail', `no legacy key of ${map} has two modern keys`, (count) => `${count} legacy keys of ${map} have several modern keys: is a \`where\` missing?`),
    check('a modern key has one legacy key', 'two_legacy', merges ? 'pass' : 'fail', `no modern key of ${map} has two legacy keys`,
      (count) => `${count} modern keys of ${map} stand for several legacy keys${merges ? ', as its entity merges rows' : ''}`),
    check('a map entry can be read', 'unreadable', 'warn', `every entry of ${map} has a legacy key of the source's type`, (count) => `${count} entries of ${map} have no legacy key of the source's type: they lead nowhere`),
  ]
}

function checkPlanOf({ entity }: JobEntity, faults: readonly PlanFault[], columns: readonly { side: Side; column: string; coverage: string }[]): CheckResult[] {
  const uncovered = columns.filter(({ coverage }) => coverage === 'uncovered').map(({ side, column }) => `${side}.${column}`)
  const own = faults.filter((fault) => fault.entity === entity && fault.code !== 'UNCOVERED_COLUMNS')
  const critical = own.filter(({ severity }) => severity === 'critical')
  const warnings = own.filter(({ severity }) => severity === 'warning')
  const check = { entity, subject: '', category: 'plan' as const, rowsExamined: null, rowsFailed: null, durationMs: null }
  return [
    {
      ...check, name: 'every column is covered', severity: 'warning', verdict: columns.length === 0 ? 'unknown' : uncovered.length > 0 ? 'warn' : 'pass', evidence: { uncovered },
      message: columns.length === 0 ? 'the columns are not known' : uncovered.length > 0 ? `neither compared nor ignored: ${uncovered.join(', ')}` : 'every column is compared, read, or ignored with a reason',
    },
    {
      ...check, name: 'the plan fits both databases', severity: 'critical', verdict: critical.length > 0 ? 'unknown' : warnings.length > 0 ? 'warn' : 'pass',
      message: [...critical, ...warnings].map((fault) => (fault.line === null ? fault.message : `line ${fault.line}: ${fault.message}`)).join('; ') || 'every name and type was found',
      evidence: { faults: critical.length, warnings: warnings.length },
    },
  ]
}
