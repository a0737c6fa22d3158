import { worstVerdict } from '../core/accounting.js'
import type { Db } from '../db/clients.js'
import type { Commit } from '../jobs/loop.js'
import type { TakenTask } from '../jobs/task.js'
import type { TaskContext } from './context.js'
import { publishResults, readJobEntities, readVerdicts, saveChecks, type CheckResult } from './outcomes.js'
import { noMapEntry } from './tally.js'

/** Rolls the job up and publishes its results, all in one transaction. */
export async function finish({ target }: TaskContext, task: TakenTask): Promise<Commit> {
  const checks = task.job.includeIntegrityChecks ? await checkCompleteMaps(target, task.jobId) : []
  const verdict = worstVerdict([...await readVerdicts(target, task.jobId), ...checks.map((check) => check.verdict)])
  return {
    async write(tx) {
      await saveChecks(tx, task.jobId, checks)
      await publishResults(tx, task.jobId)
    },
    outcome: { verdict }, verdict,
  }
}

interface MappedRows {
  entity: string
  basis: string
  scope: number | null
  /** rows in scope that are unverified or pending */
  unknown: number | null
  withoutEntry: number
}

/** Whether each key map has an entry for every source row of the entities that it keys: the comparison has counted those without one. */
async function checkCompleteMaps(sql: Db, jobId: string): Promise<CheckResult[]> {
  const maps = new Map((await readJobEntities(sql, jobId)).flatMap(({ spec, blocked }): [string, string][] => {
    const [leg, second] = spec?.key ?? []
    return spec === null || blocked !== null || second !== undefined || typeof leg?.keyMap !== 'string' ? [] : [[spec.entity, leg.keyMap]]
  }))
  // an earlier release has counted the rows of its own cause alone
  const rows = await sql<MappedRows[]>`
    select entity, basis, scope, source_unverified + source_pending as unknown, coalesce(
             (select (outcome ->> 'withoutEntry')::int8 from migration_coverage.task where job_id = r.job_id and kind = 'settle' and entity = r.entity and status = 'done'),
             (select sum((cause ->> 'rows')::int8) from jsonb_array_elements(causes) cause where cause ->> 'class' = 'missing' and cause ->> 'cause' = ${noMapEntry}), 0)::int8 as "withoutEntry"
      from migration_coverage.entity_result r
     where job_id = ${jobId} and entity = any(${[...maps.keys()]}::text[])
     order by entity collate "C"`
  return rows.map((found): CheckResult => ({
    entity: '', name: 'every source key has a map entry', subject: `${maps.get(found.entity) ?? ''}: ${found.entity}`, category: 'integrity', severity: 'critical',
    ...judgeMap(found), evidence: {}, durationMs: null,
  }))
}

function judgeMap({ basis, scope, unknown, withoutEntry }: MappedRows): Pick<CheckResult, 'verdict' | 'message' | 'rowsExamined' | 'rowsFailed'> {
  if (scope === null) return { verdict: 'unknown', message: 'the rows of the entity could not be counted', rowsExamined: null, rowsFailed: null }
  const counts = { rowsExamined: scope, rowsFailed: withoutEntry }
  if (withoutEntry > 0) return { verdict: 'fail', message: `${withoutEntry} of ${scope} source rows have no entry and count as missing: run the script for them, or say why they need not arrive`, ...counts }
  const untold = basis === 'none' ? 'the entity was not compared' : basis === 'sample' ? 'a sample of the keys cannot tell' : unknown === 0 ? null : `of ${unknown} of ${scope} source rows nobody knows whether they have an entry`
  if (untold !== null) return { verdict: 'unknown', message: untold, ...counts, rowsFailed: null }
  return scope === 0 ? { verdict: 'warn', message: '0 rows were examined', ...counts } : { verdict: 'pass', message: `each of ${scope} source rows that should arrive has an entry`, ...counts }
}
