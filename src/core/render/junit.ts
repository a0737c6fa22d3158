import type { Accounting, Count, Verdict } from '../accounting.js'
import { escapeMarkup } from './escape.js'

/** One check of a job, as `check_result` holds it. */
export interface CheckLine {
  /** the empty string for a check of the whole migration */
  entity: string
  name: string
  /** what of the entity was checked (a column, a key map); may be empty */
  subject: string
  category: 'accounting' | 'integrity' | 'cross_entity' | 'plan' | 'engine'
  severity: 'critical' | 'warning' | 'info'
  verdict: Verdict
  message: string
  rowsExamined: number | null
  rowsFailed: number | null
  durationMs: number | null
}

export interface JUnitJob {
  jobId: string
  status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled'
  startedAt: Date | null
  finishedAt: Date | null
  /** why a failed job failed */
  reasonCode: string | null
  reason: string | null
  checks: readonly CheckLine[]
  /** rows by class, of each entity that has figures */
  entities: readonly { entity: string; accounting: Accounting }[]
}

interface Suite {
  name: string
  properties: string[]
  cases: string[]
  failures: number
  errors: number
  durationMs: number
}

const wholeMigration = 'whole migration'

/**
 * The checks of a job as JUnit XML, one suite per entity, with the entity's rows by class as properties. A failed check is a `failure`, one whose verdict is unknown an `error`,
 * a warning passes with a note in `system-out`. A job that did not complete, or examined nothing, gets an `error` of its own, so
 * that no reader takes an empty file for a success.
 */
export function renderJUnit(job: JUnitJob): string {
  const suites = new Map<string, Suite>()
  for (const check of job.checks) addCheck(suites, check)
  for (const { entity, accounting } of job.entities) suiteOf(suites, entity).properties.push(...rowProperties(accounting))
  const trouble = troubleOf(job)
  if (trouble !== null) {
    const suite = suiteOf(suites, 'job')
    suite.errors += 1
    suite.cases.push(testCase('job', `job ${job.jobId}`, 0, `<error type="${escapeMarkup(trouble.type)}" message="${escapeMarkup(trouble.message)}"/>`))
  }
  const all = [...suites.values()]
  const timestamp = job.startedAt === null ? '' : ` timestamp="${job.startedAt.toISOString().slice(0, 19)}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="migration validation ${escapeMarkup(job.jobId)}" ${totals(all)} time="${seconds(elapsedMs(job))}">`,
    ...all.flatMap((suite) => [
      `  <testsuite name="${escapeMarkup(suite.name)}"${timestamp} ${totals([suite])} skipped="0" time="${seconds(suite.durationMs)}">`,
      ...(suite.properties.length === 0 ? [] : ['    <properties>', ...suite.properties, '    </properties>']),
      ...suite.cases,
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n')
}

function addCheck(suites: Map<string, Suite>, check: CheckLine): void {
  const suite = suiteOf(suites, check.entity === '' ? wholeMigration : check.entity)
  suite.durationMs += check.durationMs ?? 0
  if (check.verdict === 'fail') suite.failures += 1
  if (check.verdict === 'unknown') suite.errors += 1
  const name = check.subject === '' ? check.name : `${check.name} [${check.subject}]`
  suite.cases.push(testCase(suite.name, name, check.durationMs ?? 0, outcome(check)))
}

function outcome(check: CheckLine): string {
  const attributes = `type="${escapeMarkup(`${check.category}.${check.severity}`)}" message="${escapeMarkup(check.message)}"`
  const rows = `rows examined: ${check.rowsExamined ?? 'unknown'}, rows failed: ${check.rowsFailed ?? 'unknown'}`
  if (check.verdict === 'fail') return `<failure ${attributes}>${escapeMarkup(rows)}</failure>`
  if (check.verdict === 'unknown') return `<error ${attributes}>${escapeMarkup(rows)}</error>`
  if (check.verdict === 'warn') return `<system-out>${escapeMarkup(`warning: ${check.message} (${rows})`)}</system-out>`
  return ''
}

/** Every class of both sides, also those that no check fails for; what could not be counted is `unknown`. */
function rowProperties({ source, target }: Accounting): string[] {
  const of = (side: string, counts: Record<string, Count>) => Object.entries(counts).map(([name, rows]) => `      <property name="rows.${side}.${name}" value="${rows ?? 'unknown'}"/>`)
  return [...of('source', source), ...of('target', target)]
}

function testCase(classname: string, name: string, durationMs: number, content: string): string {
  const head = `    <testcase classname="${escapeMarkup(classname)}" name="${escapeMarkup(name)}" time="${seconds(durationMs)}"`
  return content === '' ? `${head}/>` : `${head}>${content}</testcase>`
}

function troubleOf({ status, checks, reason, reasonCode }: JUnitJob): { type: string; message: string } | null {
  if (status === 'failed') return { type: reasonCode ?? 'INTERNAL', message: reason ?? 'the job failed without a reason' }
  if (status !== 'completed') return { type: status.toUpperCase(), message: `the job is ${status}: these results are not complete` }
  if (checks.length === 0) return { type: 'NOTHING_EXAMINED', message: 'the job made no check at all' }
  return null
}

function suiteOf(suites: Map<string, Suite>, name: string): Suite {
  const suite = suites.get(name) ?? { name, properties: [], cases: [], failures: 0, errors: 0, durationMs: 0 }
  suites.set(name, suite)
  return suite
}

function totals(suites: readonly Suite[]): string {
  const sum = (count: (suite: Suite) => number) => suites.reduce((total, suite) => total + count(suite), 0)
  return `tests="${sum((suite) => suite.cases.length)}" failures="${sum((suite) => suite.failures)}" errors="${sum((suite) => suite.errors)}"`
}

function elapsedMs({ startedAt, finishedAt }: JUnitJob): number {
  return startedAt === null || finishedAt === null ? 0 : Math.max(0, finishedAt.getTime() - startedAt.getTime())
}

function seconds(durationMs: number): string {
  return (durationMs / 1000).toFixed(3)
}
