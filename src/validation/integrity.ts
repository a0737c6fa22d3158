import type { Verdict } from '../core/accounting.js'
import { isNatural, mapsOfKey } from '../core/key-map-expressions.js'
import { danglingEntriesStatement, orphansStatement, plannedReferencesStatement, sequenceStatement, type ForeignKey } from '../core/integrity-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import { isTransient } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import type { Commit } from '../jobs/loop.js'
import type { Json, TakenTask } from '../jobs/task.js'
import { compareStructure, type Structure } from './compare-structure.js'
import { finishWhenLast, readPrepared, type TaskContext } from './context.js'
import { readJobEntities, saveChecks, type CheckResult } from './outcomes.js'
import { countOf, errorText, readOne, type Reader, type TextRow } from './reader.js'
import { compareRule } from './rules.js'
import { readCheckConstraints, readForeignKeys, readIndexes, readNotNull, readSequences, type Sequence, type TableName } from './structure.js'

/**
 * Checks beyond the equality of rows. They belong to the job, not to an entity: an entity's verdict speaks of its rows.
 * With integrity checks: references that lead nowhere, key maps that dangle, sequences behind their keys, constraints that the target lacks. With cross-entity
 * checks: parents that belong to another entity, and the rules of the plan.
 */
export async function integrity(context: TaskContext, task: TakenTask, signal: AbortSignal): Promise<Commit> {
  const [{ parents, rules, beside = [] }, entities] = [await readPrepared(context, task.jobId), await readJobEntities(context.target, task.jobId)]
  const specs = entities.flatMap(({ spec, blocked }) => (spec === null || blocked !== null ? [] : spec))
  const examine = createExaminer(context.readers.target, signal)
  const checks: CheckResult[] = []
  if (task.job.includeIntegrityChecks) {
    checks.push(...await checkStructure(context, specs, examine, signal))
    const blocked = entities.flatMap(({ spec, blocked: reason }) => (spec === null || reason === null ? [] : spec))
    checks.push(...await checkKeyMaps(specs, [...blocked, ...beside], examine))
  }
  checks.push(...await checkPlannedReferences(specs, parents, examine, task.job))
  if (task.job.includeCrossEntity) for (const rule of rules) checks.push(await compareRule(rule, context.readers, signal))
  return { write: (tx) => saveChecks(tx, task.jobId, checks), outcome: { checks: checks.length }, whenLast: finishWhenLast }
}

type CheckHead = Pick<CheckResult, 'name' | 'subject' | 'category' | 'severity'>
type Finding = Pick<CheckResult, 'verdict' | 'message' | 'rowsExamined' | 'rowsFailed' | 'evidence'>
type Examine = (head: CheckHead, specs: readonly ComparisonSpec[], statement: string, judge: (row: TextRow) => Finding) => Promise<CheckResult>

/** Runs one statement for one check; what cannot be read is unknown, and an error that may pass repeats the task. */
function createExaminer(target: Reader, signal: AbortSignal): Examine {
  return async (head, specs, statement, judge) => {
    const startedAt = performance.now()
    const done = (finding: Finding): CheckResult => ({ entity: '', ...head, ...finding, durationMs: Math.round(performance.now() - startedAt) })
    try {
      return done(judge(await readOne(target, signal, statement)))
    } catch (error) {
      if (signal.aborted || isTransient(error) || sideOf(error) === null) throw error
      return done({ verdict: 'unknown', message: `it cannot be told: ${errorText(error, specs)}`, rowsExamined: null, rowsFailed: null, evidence: {} })
    }
  }
}

/** Counts with a sample of what failed; 0 rows prove nothing and warn. */
function judgeRows(row: TextRow, bad: Verdict, good: string, message: (failed: number, rows: number) => string, isMasked: boolean): Finding {
  const [rows, failed] = [countOf(row, 'rows'), countOf(row, 'failed')]
  const evidence: Json = isMasked ? {} : { sample: JSON.parse(row['sample'] ?? '[]') as Json }
  const verdict = failed > 0 ? bad : rows === 0 ? 'warn' : 'pass'
  return { verdict, message: failed > 0 ? message(failed, rows) : rows === 0 ? '0 rows were examined' : good, rowsExamined: rows, rowsFailed: failed, evidence }
}

async function checkStructure({ readers }: TaskContext, specs: readonly ComparisonSpec[], examine: Examine, signal: AbortSignal): Promise<CheckResult[]> {
  const tablesOf = (side: 'source' | 'target'): TableName[] => [...new Map(specs.filter((spec) => spec[side].table !== '').map((spec): [string, TableName] => [JSON.stringify([spec[side].schema, spec[side].table]), [spec[side].schema, spec[side].table]])).values()]
  const structureOf = async (side: 'source' | 'target'): Promise<Structure> => {
    const [reader, tables] = [readers[side], tablesOf(side)]
    return {
      foreignKeys: await readForeignKeys(reader, signal, tables), indexes: await readIndexes(reader, signal, tables),
      checks: await readCheckConstraints(reader, signal, tables), notNull: await readNotNull(reader, signal, tables),
    }
  }
  const [source, target] = [await structureOf('source'), await structureOf('target')]
  const checks = specs.flatMap((spec) => compareStructure(spec, source, target))
  for (const key of target.foreignKeys) checks.push(await checkForeignKey(key, specs, examine))
  for (const sequence of await readSequences(readers.target, signal, tablesOf('target'))) checks.push(await checkSequence(sequence, specs, examine))
  return checks
}

/** Rows may have been loaded past a foreign key (triggers disabled, replication role), so even a validated one is counted. */
function checkForeignKey(key: ForeignKey, specs: readonly ComparisonSpec[], examine: Examine): Promise<CheckResult> {
  const own = specs.filter(({ target }) => target.schema === key.schema && target.table === key.table)
  const isMasked = own.some((spec) => [...spec.key, ...spec.columns].some(({ name, pii }) => pii && key.columns.includes(name)))
  const head: CheckHead = { name: 'no reference leads nowhere', subject: `${key.schema}.${key.table}: ${key.name}`, category: 'integrity', severity: 'critical' }
  return examine(head, own, orphansStatement(key), (row) => judgeRows(row, 'fail', `every reference has its row in ${key.refSchema}.${key.refTable}`,
    (failed, rows) => `${failed} of ${rows} references of ${key.columns.join(', ')} have no row in ${key.refSchema}.${key.refTable}: load the rows that are missing, or correct the references`, isMasked))
}

function checkSequence(sequence: Sequence, specs: readonly ComparisonSpec[], examine: Examine): Promise<CheckResult> {
  const own = specs.filter(({ target }) => target.schema === sequence.tableSchema && target.table === sequence.table)
  const name = `${sequence.schema}.${sequence.name}`
  const head: CheckHead = { name: 'the sequence is ahead of its keys', subject: `${sequence.tableSchema}.${sequence.table}.${sequence.column}`, category: 'integrity', severity: 'critical' }
  return examine(head, own, sequenceStatement(sequence, { schema: sequence.tableSchema, name: sequence.table }, sequence.column), (row) => {
    const [rows, next, edge] = [countOf(row, 'rows'), row['next'] ?? null, row['edge'] ?? null]
    const evidence: Json = { sequence: name, next, edge }
    if (edge === null) return { verdict: 'warn', message: '0 rows were examined', rowsExamined: rows, rowsFailed: 0, evidence }
    if (row['ahead'] === 'true') return { verdict: 'pass', message: `${name} gives ${next} next, and keys stand up to ${edge}`, rowsExamined: rows, rowsFailed: 0, evidence }
    const message = `${name} gives ${next} next, and keys stand up to ${edge}: an insert may collide; run \`select setval('${name}', ${edge})\``
    return { verdict: 'fail', message, rowsExamined: rows, rowsFailed: null, evidence }
  })
}

/** Entries of the stored key maps that key an entity must lead to a row of its table, or of another entity that the map keys. @param beside of such entities that the job leaves out */
async function checkKeyMaps(specs: readonly ComparisonSpec[], beside: readonly ComparisonSpec[], examine: Examine): Promise<CheckResult[]> {
  const checks: CheckResult[] = []
  for (const spec of specs) {
    const names = mapsOfKey(spec)
    const map = spec.keyMaps[spec.key[0]?.keyMap ?? '']
    if (names.length === 0 || map === undefined || isNatural(map) || (map.schema === spec.target.schema && map.table === spec.target.table)) continue
    const keyed = [spec, ...[...specs, ...beside].filter((other) => other !== spec && mapsOfKey(other).some((name) => names.includes(name)))]
    const tables = [...new Set(keyed.map(({ target }) => `${target.schema}.${target.table}`))].join(' or ')
    const head: CheckHead = { name: 'a map entry leads to a row', subject: `${map.name}: ${spec.entity}`, category: 'integrity', severity: 'warning' }
    checks.push(await examine(head, keyed, danglingEntriesStatement(map, keyed), (row) => judgeRows(row, 'warn', `every entry of ${map.name} leads to a row of ${tables}`,
      (failed, rows) => `${failed} of ${rows} entries of ${map.name} lead to no row of ${tables}: their source rows count as missing`, keyed.some(({ key }) => key[0]?.pii === true))))
  }
  return checks
}

/** References of the plan, declared to the database or not, must lead to a row of the parent entity. */
async function checkPlannedReferences(specs: readonly ComparisonSpec[], parents: Readonly<Record<string, ComparisonSpec>>, examine: Examine, job: { includeIntegrityChecks: boolean; includeCrossEntity: boolean }): Promise<CheckResult[]> {
  const checks: CheckResult[] = []
  for (const spec of specs) {
    for (const { entity, part, index, siblings = [] } of spec.parents) {
      const [parent, term] = [parents[entity], spec[part][index]]
      const leg = parent?.key[0]
      if (parent === undefined || term === undefined || leg === undefined) continue
      const subject = `${spec.entity}.${term.name}`
      let found: TextRow | null = null
      const nowhere = await examine({ name: 'no planned reference leads nowhere', subject, category: 'integrity', severity: 'critical' }, [spec, parent], plannedReferencesStatement(spec, term, parent, leg, siblings.flatMap((name) => parents[name] ?? [])), (row) => {
        found = row
        return judgeRows(row, 'fail', `every reference has its row in ${parent.target.schema}.${parent.target.table}`,
          (failed, rows) => `${failed} of ${rows} references have no row in ${parent.target.schema}.${parent.target.table}: load the rows that are missing, or correct the references`, term.pii)
      })
      if (job.includeIntegrityChecks) checks.push(nowhere)
      if (job.includeCrossEntity) checks.push(ofOwnParent(nowhere, found, entity))
    }
  }
  return checks
}

/** The row that a reference leads to must be one that the parent's entity claims, or another that is keyed by the same map: then the comparison has judged it as the image of the source's parent. */
function ofOwnParent(nowhere: CheckResult, row: TextRow | null, entity: string): CheckResult {
  const head = { ...nowhere, name: `the parent belongs to its entity`, category: 'cross_entity' as const, evidence: { parent: entity } }
  if (row === null) return head
  const [rows, strangers] = [countOf(row, 'rows'), countOf(row, 'strangers')]
  return {
    ...head, rowsExamined: rows, rowsFailed: strangers, verdict: strangers > 0 ? 'fail' : rows === 0 ? 'warn' : 'pass',
    message: strangers > 0 ? `${strangers} of ${rows} references lead to rows that ${entity} does not claim: nothing has compared those` : rows === 0 ? '0 rows were examined' : `every row that is there is one that ${entity} claims`,
  }
}
