import { issuesOf } from '../core/issues.js'
import type { JobEntityResult, JobCheck, JobTable } from './queries.js'

/** What a cause asks for; the causes of the accounting rules. */
export const causeAdvice: Record<string, string> = {
  parent: 'mend the missing parent rows first: these follow by themselves',
  'no map entry': 'the key map does not know these keys; complete it, or see why the script did not write it',
  'map leads nowhere': 'the key map points to target rows that are gone; repeat the script for these keys',
  collapsed: 'several source rows share one target row; declare a merge in the plan if that is meant',
  ghost: 'the source has deleted these rows since they were migrated; delete them in the target',
  excluded: 'the plan excludes these rows, yet they arrived; remove them, or correct the predicate',
  stale: 'the source changed after the migration; run the script again for these rows',
  reference: 'these rows point to the wrong parent; check the key map the script used',
}

/**
 * What to do next, from what a job found: each sentence comes from a failing figure, cause, table or check, the worst first.
 * Empty when nothing fails.
 */
export function recommend(jobId: string, results: readonly JobEntityResult[], tables: readonly JobTable[], checks: readonly JobCheck[]): string[] {
  const sentences = [
    ...results.flatMap((result) => issuesOf(result.entity, { ...result, jobId, publishedAt: result.settledAt })).map(({ message, recommendation }) => `${message}; ${recommendation}`),
    ...results.flatMap(({ entity, causes }) => causes.flatMap(({ class: name, cause, rows }) => causeSentence(entity, name, cause, rows))),
    ...tables.flatMap(tableSentence),
    ...checks.filter(({ verdict, category }) => verdict === 'fail' && category !== 'accounting').map(checkSentence),
  ]
  return [...new Set(sentences)]
}

function causeSentence(entity: string, name: string, cause: string, rows: number | null): string[] {
  const advice = causeAdvice[cause]
  return advice === undefined || rows === 0 ? [] : [`${rows ?? 'some'} ${name} rows of ${entity} have the cause "${cause}": ${advice}`]
}

function tableSentence({ side, schema, table, coverage, unclaimed, claimedSeveral, error, verdict, entities }: JobTable): string[] {
  if (verdict === 'pass') return []
  const name = `${side} table ${schema}.${table}`
  if (error !== null) return [`the ${name} could not be counted: see \`details.tables\` of this result`]
  if (coverage === 'uncovered') return [`the ${name} is in no entity: map it, or sign it off under \`ignore.${side}\` of the plan`]
  const found: string[] = []
  if (unclaimed !== null && unclaimed > 0) found.push(`${unclaimed} rows of the ${name} are claimed by no entity: widen the predicate of ${entities.join(', ')}, or add an entity`)
  if (claimedSeveral !== null && claimedSeveral > 0) found.push(`${claimedSeveral} rows of the ${name} are claimed by several entities (${entities.join(', ')}): separate their predicates, or declare them shared`)
  return found
}

function checkSentence({ entity, name, subject, message }: JobCheck): string {
  return `${entity === '' ? '' : `${entity}: `}the check "${name}"${subject === '' ? '' : ` of ${subject}`} fails: ${message}`
}
