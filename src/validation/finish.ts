import { worstVerdict } from '../core/accounting.js'
import type { Db } from '../db/clients.js'
import type { Commit } from '../jobs/loop.js'
import type { TakenTask } from '../jobs/task.js'
import type { TaskContext } from './context.js'
import { publishResults, readJobEntities, readVerdicts, saveChecks, type CheckResult } from './outcomes.js'

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
  scope: number | null
  withoutEntry: number
}

/** Whether each key map has an entry for every source row of the entities that it keys: the comparison has counted those without one. */
async function checkCompleteMaps(sql: Db, jobId: string): Promise<CheckResult[]> {
  const maps = new Map((await readJobEntities(sql, jobId)).flatMap(({ spec, blocked }): [string, string][] => {
    const [leg, second] = spec?.key ?? []
    return spec === null || blocked !== null || second !== undefined || typeof leg?.keyMap !== 'string' ? [] : [[spec.entity, leg.keyMap]]
  }))
  const rows = await sql<MappedRows[]>`
    select entity, scope, coalesce((
             select sum((cause ->> 'rows')::int8) from jsonb_array_elements(causes) cause
              where cause ->> 'class' = 'missing' and cause ->> 'cause' = 'no map entry'), 0)::int8 as "withoutEntry"
      from migration_coverage.entity_result
     where job_id = ${jobId} and entity = any(${[...maps.keys()]}::text[])
     order by entity collate "C"`
  return rows.map(({ entity, scope, withoutEntry }): CheckResult => ({
    entity: '', name: 'every source key has a map entry', subject: `${maps.get(entity) ?? ''}: ${entity}`, category: 'integrity', severity: 'critical',
    ...judgeMap(scope, withoutEntry), evidence: {}, durationMs: null,
  }))
}

function judgeMap(scope: number | null, withoutEntry: number): Pick<CheckResult, 'verdict' | 'message' | 'rowsExamined' | 'rowsFailed'> {
  if (scope === null) return { verdict: 'unknown', message: 'the rows of the entity could not be counted', rowsExamined: null, rowsFailed: null }
  const counts = { rowsExamined: scope, rowsFailed: withoutEntry }
  if (withoutEntry > 0) return { verdict: 'fail', message: `${withoutEntry} of ${scope} source rows have no entry and count as missing: run the script for them, or say why they need not arrive`, ...counts }
  return scope === 0 ? { verdict: 'warn', message: '0 rows were examined', ...counts } : { verdict: 'pass', message: `each of ${scope} source rows that should arrive has an entry`, ...counts }
}
