import { setTimeout as sleep } from 'node:timers/promises'
import { sides as bothSides, type Side } from '../core/catalog.js'
import { canHaveNeighbours, type PageRange, type StatementOptions } from '../core/row-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Db } from '../db/clients.js'
import { isTransient } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import { segmentsOf, type TaskContext } from './context.js'
import { evidenceOf, readCounters, readReading, versionsOf, type Counters, type Evidence, type Reading, type Versions } from './evidence.js'
import type { CheckResult, JobEntity } from './outcomes.js'
import type { Reader } from './reader.js'
import type { ScanOutcome } from './scan-chunk.js'

export type SideEvidence = Record<Side, Evidence>
export type SideVersions = Record<Side, Versions>
/** The job whose reading of a side still holds. */
export type Reused = Partial<Record<Side, string>>

/** What one side of an entity proves later. */
interface Proof {
  evidence: Evidence
  versions: Versions
}

/** What `findReusable` has found, by entity. */
export interface Reusable {
  entities: JobEntity[]
  evidence: Record<string, SideEvidence>
  versions: Record<string, SideVersions>
  /** sides that need not be read */
  reused: Record<string, Reused>
  /** sides of which only those rows need be read whose versions are newer */
  partlyReused: Record<string, Reused>
  /** when it was looked at each side, by its server's clock, ISO 8601: what is reused was still so; null: it was not looked */
  lookedAt: Record<Side, string | null>
}

/** What an earlier run left of an entity. */
interface EarlierRun {
  entity: string
  jobId: string
  segments: number
  neighbours: number | null
  evidence: SideEvidence | null
  versions: SideVersions | null
}

/** The newest published comparison of each entity that read, or could rest on, every row, and whose sums are still there: jobs that end at once may take each other's away. */
async function readEarlierRuns(sql: Db, entities: readonly string[]): Promise<EarlierRun[]> {
  return sql<EarlierRun[]>`
    select distinct on (r.entity) r.entity, r.job_id as "jobId", e.segments, e.neighbours, t.outcome -> 'evidence' -> r.entity as evidence, t.outcome -> 'versions' -> r.entity as versions
    from migration_coverage.entity_result r
    join migration_coverage.job_entity e using (job_id, entity)
    join migration_coverage.task t on t.job_id = r.job_id and t.kind = 'prepare' and t.status = 'done'
    where r.entity = any(${[...entities]}::text[]) and r.published_at is not null and r.basis in ('full', 'changed')
      and not exists (select from migration_coverage.task s where s.job_id = r.job_id and s.kind = 'scan' and s.entity = r.entity and not coalesce((s.outcome ->> 'split')::boolean, false)
        and not exists (select from migration_coverage.segment_sums sums where sums.task_id = s.task_id))
    order by r.entity, r.published_at desc, r.job_id`
}

/**
 * Reads what proves later that nothing has changed, of each entity that can be compared; in a run of mode `changed` also finds the sides whose earlier reading still holds, as a whole or but for the rows that are newer.
 * Such an entity keeps the segments of that run, so that both sides meet in them.
 * @param parentsOf the specs of the entities whose rows an entity references
 * @param isUnstable the plan's SQL for the entity changes from call to call, so equal statements prove nothing
 */
export async function findReusable(context: TaskContext, entities: readonly JobEntity[], job: { mode: string; recode: boolean }, parentsOf: (spec: ComparisonSpec) => ComparisonSpec[], isUnstable: (entity: string) => boolean, signal: AbortSignal): Promise<Reusable> {
  const earlier = job.mode === 'changed' ? await readEarlierRuns(context.target, entities.map(({ entity }) => entity)) : []
  const before = new Map(earlier.map(({ entity, segments, neighbours }) => [entity, { segments, neighbours }]))
  const keep = (one: JobEntity) => {
    const { segments, neighbours } = before.get(one.entity) ?? one
    // the plan may have another key by now
    return { ...one, segments, neighbours: one.spec !== null && canHaveNeighbours(one.spec) ? neighbours : null }
  }
  const kept = entities.map((one) => (one.blocked === null ? keep(one) : one))
  if (job.mode === 'sample') return { entities: kept, evidence: {}, versions: {}, reused: {}, partlyReused: {}, lookedAt: { source: null, target: null } }
  const look = (side: Side) => readSide(context, kept, side, job.recode, parentsOf, isUnstable, signal)
  const [source, target] = await Promise.all([look('source'), look('target')])
  const sides = { source, target }
  const proofs = new Map(kept.map(({ entity }) => [entity, { source: sides.source.first(entity), target: sides.target.first(entity) }]))
  const isLookalike = (run: EarlierRun, side: Side) => isWhole(run, side, proofs.get(run.entity)) || isPart(run, side, proofs.get(run.entity))
  // what a later run may rest on is the first look: counters that lag behind by then can only tell it of more changes than there are
  const confirmed = new Map([...proofs].map(([entity, found]) => [entity, { ...found }]))
  if (bothSides.some((side) => sides[side].sessions > 0 && earlier.some((run) => isLookalike(run, side)))) {
    // sessions of others may have changed rows and not told yet: a second look must be like the first
    const now = await lookAgain(sides, context.options.statisticsDelayMs, signal)
    for (const [entity, found] of confirmed) for (const side of bothSides) {
      const second = now[side](entity)
      found[side] = { evidence: second.evidence === found[side].evidence ? second.evidence : null, versions: isSame(second.versions, found[side].versions) ? second.versions : null }
    }
  }
  const jobsOf = (holds: typeof isWhole) => Object.fromEntries(earlier.map((run): [string, Reused] => [run.entity, Object.fromEntries(bothSides.filter((side) => holds(run, side, confirmed.get(run.entity))).map((side) => [side, run.jobId]))]))
  const told = <T>(what: (proof: Proof) => T) => Object.fromEntries([...proofs].map(([entity, { source, target }]) => [entity, { source: what(source), target: what(target) }]))
  return {
    entities: kept, evidence: told(({ evidence }) => evidence), versions: told(({ versions }) => versions), reused: jobsOf(isWhole),
    partlyReused: jobsOf((run, side, proof) => !isWhole(run, side, proof) && isPart(run, side, proof)), lookedAt: { source: source.moment, target: target.moment },
  }
}

/** Looks at both sides again once every session has told what it had done by the first look. Where one does not within twice the time, counters prove nothing. */
async function lookAgain(sides: Record<Side, SideLook>, delayMs: number, signal: AbortSignal): Promise<Record<Side, (entity: string) => Proof>> {
  const looks = await Promise.all(bothSides.map(async (side) => {
    const { unseen, look } = sides[side]
    if (unseen > 0) return (await look()).blind
    const startedAt = performance.now()
    await sleep(delayMs, undefined, { signal })
    for (;;) {
      const { silent, of, blind } = await look()
      if (silent === 0) return of
      if (performance.now() - startedAt > 2 * delayMs) return blind
      await sleep(delayMs / 10, undefined, { signal })
    }
  }))
  const [source = () => nothing, target = () => nothing] = looks
  return { source, target }
}

const nothing: Proof = { evidence: null, versions: null }

/** The side is as that run read it. */
function isWhole(run: EarlierRun, side: Side, proofs: Record<Side, Proof> | undefined): boolean {
  return isSame(run.evidence?.[side], proofs?.[side].evidence)
}

/** The side is as that run read it, but for rows whose versions are newer. */
function isPart(run: EarlierRun, side: Side, proofs: Record<Side, Proof> | undefined): boolean {
  return isSame(run.versions?.[side], proofs?.[side].versions)
}

function isSame(before: Evidence | Versions | undefined, now: Evidence | Versions | undefined): boolean {
  if (before === null || before === undefined || now === null || now === undefined) return false
  if (typeof before === 'string' || typeof now === 'string') return before === now
  return before.table === now.table && before.rest === now.rest
}

/** A first look at what a side stands at, and a way to look again. */
interface SideLook {
  sessions: number
  /** sessions of which the role may not see whether they have told: counters prove nothing */
  unseen: number
  moment: string
  first: (entity: string) => Proof
  /** sessions that have not told since the first look what they had done before it: while there are some, counters prove nothing. `blind`: what is proven without them */
  look: () => Promise<{ silent: number; of: (entity: string) => Proof; blind: (entity: string) => Proof }>
}

/** What the entities read on one side, with a first look at its counters. */
async function readSide({ readers, options: { statisticsDelayMs } }: TaskContext, entities: readonly JobEntity[], side: Side, recode: boolean, parentsOf: (spec: ComparisonSpec) => ComparisonSpec[], isUnstable: (entity: string) => boolean, signal: AbortSignal): Promise<SideLook> {
  const divided = new Map(entities.map((one) => [one.entity, segmentsOf(one)]))
  const known = new Map<string, Reading>()
  const readingOf = async (spec: ComparisonSpec): Promise<Reading> => {
    const reading = known.get(spec.entity) ?? await readOne(spec, readers[side], { ...(divided.get(spec.entity) ?? { segments: 1 }), recode }, signal)
    known.set(spec.entity, reading)
    return reading
  }
  const readings = new Map<string, { own: Reading; parents: Reading[] }>()
  for (const { entity, spec, blocked } of entities) {
    if (spec === null || blocked !== null || isUnstable(entity)) continue
    const own = await readingOf(spec)
    const parents: Reading[] = []
    for (const parent of parentsOf(spec)) if (parent.entity !== entity) parents.push(await readingOf(parent))
    readings.set(entity, { own, parents })
  }
  const relations = new Map([...known.values()].flatMap((reading) => reading.relations ?? []).map((relation) => [JSON.stringify(relation), relation]))
  const proofOf = (counters: Counters) => (entity: string): Proof => {
    const reading = readings.get(entity)
    return reading === undefined ? nothing : { evidence: evidenceOf([reading.own, ...reading.parents], counters), versions: versionsOf(reading.own, counters) }
  }
  const lookAt = (first?: string) => readCounters(readers[side], [...relations.values()], statisticsDelayMs, signal, first)
  const first = await lookAt()
  return {
    sessions: first.sessions, unseen: first.unseen, moment: first.moment, first: proofOf(first),
    async look() {
      const counters = await lookAt(first.moment)
      return { silent: counters.silent, of: proofOf(counters), blind: proofOf({ ...counters, counters: null }) }
    },
  }
}

/** A statement that cannot be planned proves nothing; the comparison itself will say what is wrong with it. */
async function readOne(spec: ComparisonSpec, reader: Reader, options: StatementOptions, signal: AbortSignal): Promise<Reading> {
  try {
    return await readReading(spec, reader, options, signal)
  } catch (error) {
    if (signal.aborted || isTransient(error) || sideOf(error) === null) throw error
    return { text: '', relations: null, own: null }
  }
}

/** Gives the job the earlier reading of a side as its own: the tasks as done, with their outcomes and sums. */
export async function copyScans(tx: Db, jobId: string, entity: string, side: Side, from: string): Promise<void> {
  await tx`
    with copied as (
      insert into migration_coverage.task (job_id, kind, entity, side, chunk, first_page, next_page, status, started_at, finished_at, outcome)
      select ${jobId}, kind, entity, side, chunk, first_page, next_page, status, started_at, finished_at, outcome
      from migration_coverage.task where job_id = ${from} and kind = 'scan' and entity = ${entity} and side = ${side} and not coalesce((outcome ->> 'split')::boolean, false)
      returning task_id, chunk)
    insert into migration_coverage.segment_sums (task_id, packed, audit, keys, weighted, touched, newer)
    select copied.task_id, s.packed, s.audit, s.keys, s.weighted, s.touched, s.newer
    from copied join migration_coverage.task t on t.job_id = ${from} and t.kind = 'scan' and t.entity = ${entity} and t.side = ${side} and t.chunk = copied.chunk
    join migration_coverage.segment_sums s on s.task_id = t.task_id`
  const [copied] = await tx<{ whole: boolean }[]>`
    select count(*) = count(sums.task_id) as whole
    from migration_coverage.task t left join migration_coverage.segment_sums sums using (task_id) where t.job_id = ${jobId} and t.kind = 'scan' and t.entity = ${entity} and t.side = ${side}`
  // a job that ended meanwhile has taken its place: the next attempt finds that one
  if (copied?.whole !== true) throw new Error(`the sums of job ${from} have gone`)
}

/** A range of pages that a job has read as one. */
export interface Cut extends PageRange {
  chunk: number
}

/** How a job has cut a side, in the order of its pages. */
export async function readCuts(sql: Db, jobId: string, entity: string, side: Side): Promise<Cut[]> {
  return sql<Cut[]>`
    select chunk, first_page as first, next_page as next from migration_coverage.task
    where job_id = ${jobId} and kind = 'scan' and entity = ${entity} and side = ${side} and not coalesce((outcome ->> 'split')::boolean, false) order by first_page, chunk`
}

/** What a run rests on where it has not read a side itself, by its weakest evidence; null where it has read both. */
export function restsOn(entity: string, reused: Reused, outcomes: Record<Side, readonly ScanOutcome[]>): CheckResult | null {
  const whole = bothSides.filter((side) => reused[side] !== undefined)
  const parts = bothSides.filter((side) => reused[side] === undefined && outcomes[side].some(({ readAt }) => readAt !== undefined))
  if (whole.length + parts.length === 0) return null
  const areLookedUp = parts.every((side) => outcomes[side].every(({ readAt, newer }) => readAt === undefined || newer !== undefined))
  const firstAt = (times: readonly (string | undefined)[]) => times.filter((time) => time !== undefined).toSorted()[0] ?? 'an unknown time'
  const told = [
    ...(whole.length === 0 ? [] : [`${whole.map((side) => `the ${side} was read at ${firstAt(outcomes[side].map(({ snapshotAt }) => snapshotAt))}`).join(' and ')}, and the statistics counters, files and columns of what was read there are the same as before that reading`]),
    ...parts.map((side) => {
      const kept = outcomes[side].filter(({ readAt }) => readAt !== undefined)
      return `${kept.length} of ${outcomes[side].length} chunks of the ${side} were read at ${firstAt(kept.map(({ readAt }) => readAt))} and since then, by the versions of their rows, other rows have come or gone in ${kept.reduce((sum, { touched }) => sum + (touched ?? 0), 0)} segments only`
    }),
  ]
  return {
    entity, name: 'what has not changed was read before', subject: '', category: 'engine', severity: 'info', verdict: 'pass', rowsExamined: null, rowsFailed: null, durationMs: null,
    message: `${told.join('; ')}; rows that differed${parts.length === 0 ? '' : areLookedUp ? ', what is newer, and segments from which keys have gone' : ', and those of these segments,'} were read again`,
    evidence: { basis: whole.length > 0 ? 'counters' : 'versions', reused: whole, partlyReused: parts },
  }
}
