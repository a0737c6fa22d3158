import type { Sql } from 'postgres'
import type { Side } from '../core/catalog.js'
import type { StatementOptions } from '../core/row-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { Ending, TakenTask } from '../jobs/task.js'
import type { Queue } from '../jobs/queue.js'
import type { TableCoverage } from '../plan/coverage.js'
import type { RuleSpec } from '../plan/rules.js'
import type { Reused, SideEvidence, SideVersions } from './changed.js'
import type { Beginning } from './moved.js'
import type { JobEntity } from './outcomes.js'
import type { Memory } from './remember.js'
import type { Pace } from './pace.js'
import type { Reader } from './reader.js'
import type { Replicas, SourcePosition } from './replicas.js'
import type { LoadLimits } from './throttle.js'

export interface ComparisonOptions {
  /** how long a suspicious key rests before it is read again, ms */
  recheckDelayMs: number
  /** pages that a job is cut into; a chunk that takes longer than `statementMs` is cut again */
  scanChunkPages: number
  /** how long one statement over many rows should take, ms */
  statementMs: number
  /** differences kept per entity and job; counts are exact beyond it */
  maxStoredDifferences: number
  /** how long the statistics counters of a server may lag behind what its sessions have done, ms */
  statisticsDelayMs: number
  /** rows that a segment should hold */
  segmentRows: number
  /** share of the segments that are expected to differ, by the comparison before, from which on both sides give every row in place of sums; 0: always */
  streamFrom: number
  /** load of the source above which a job waits */
  sourceLimits: LoadLimits
}

/** What the tasks of a job work with. */
export interface TaskContext {
  /** pinned, read-only */
  readers: Record<Side, Reader>
  /** the tracking schema */
  target: Sql
  queue: Queue
  options: ComparisonOptions
  pace: Pace
  /** of the source; the first reading of its tables may go there */
  replicas: Replicas
  /** reads of a job what cannot change any more once it is prepared */
  remember: Memory
  /** throws while the source has enough to do without us */
  spareSource: (reader: Reader, signal: AbortSignal) => Promise<void>
}

/** What the prepare task leaves for the others. */
export interface Prepared {
  /** where the source stood when the job was cut into tasks; null: it has no replicas */
  position: SourcePosition | null
  /** the servers differ in encoding */
  recode: boolean
  tables: TableCoverage[]
  /** the rules of the plan, when the job is over all of it */
  rules: RuleSpec[]
  /** entity → its spec, of the entities whose rows those of the job reference, themselves included */
  parents: Record<string, ComparisonSpec>
  /** the specs of entities that the job leaves out, whose rows a key map of its own leads to as well; absent of an earlier release */
  beside?: ComparisonSpec[]
  /** entities whose rows other entities may claim too */
  shared: string[]
  /** entity → what proves later that a side is as this run read it */
  evidence: Record<string, SideEvidence>
  /** entity → what proves later that the versions of its rows tell which have changed; absent of an earlier release */
  versions?: Record<string, SideVersions>
  /** entity → how its rows are read (`digestOfReading`); absent of an earlier release */
  readings?: Record<string, string>
  /** entity → the jobs whose reading of a side this one rests on */
  reused: Record<string, Reused>
  /** entity → the jobs whose sums this one rests on where no row of a side is newer; absent of an earlier release */
  partlyReused?: Record<string, Reused>
  /** when it was looked whether a side is as it was, by that server's clock, ISO 8601; absent of an earlier release */
  lookedAt?: Record<Side, string | null>
  /** how each side stood before it was read; absent of an earlier release */
  beginnings?: Record<Side, Beginning>
  /** the seed of a sample, as decimal text; null: every row is compared */
  sampleSeed: string | null
}

type Segmented = Pick<JobEntity, 'segments' | 'neighbours'>

/** How the keys of an entity are divided. */
export function segmentsOf({ segments, neighbours }: Segmented): Pick<StatementOptions, 'segments' | 'neighbours'> {
  return { segments, ...(neighbours === null ? {} : { neighbours }) }
}

/** How the statements of a prepared job read. */
export function statementOf({ recode, sampleSeed }: Pick<Prepared, 'recode' | 'sampleSeed'>, entity: Segmented): StatementOptions {
  return { ...segmentsOf(entity), recode, ...(sampleSeed === null ? {} : { sample: { seed: BigInt(sampleSeed) } }) }
}

/** @throws Error when the job was not prepared */
export function readPrepared({ target, remember }: TaskContext, jobId: string): Promise<Prepared> {
  return remember(`prepared ${jobId}`, async () => {
    const [row] = await target<{ outcome: Prepared }[]>`
      select outcome from migration_coverage.task where job_id = ${jobId} and kind = 'prepare' and status = 'done'`
    if (row === undefined) throw new Error(`job ${jobId} was not prepared`)
    return row.outcome
  })
}

/** The side that a scan or account task is about. */
export function sideOfTask(task: TakenTask): Side {
  if (task.side === null) throw new Error(`task ${task.taskId} names no side`)
  return task.side
}

/** The task that rolls the job up follows when nothing else is left to do. */
export const finishWhenLast: NonNullable<Ending['whenLast']> = { after: ['prepare', 'scan', 'settle', 'integrity', 'account'], kind: 'finish', entity: null }
