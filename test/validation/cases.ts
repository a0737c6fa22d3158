import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Accounting, Verdict } from '../../src/core/accounting.js'
import type { ComparisonOptions } from '../../src/validation/tasks.js'
import { createPair, type ComparisonRun, type FoundDifference, type JobRequest, type Pair } from '../helpers/compare.js'

/**
 * Many small comparisons in one job. In all texts of a case `$` stands for a prefix of its own, so that tables and entities of
 * different cases never meet.
 */
export interface Case {
  name: string
  /** the engine does not yet judge it so */
  fails?: true
  /** SQL */
  source: string
  target: string
  /** YAML, one flow mapping */
  keyMaps?: string
  /** YAML, the inside of a flow mapping: table → reason */
  ignore?: { source?: string; target?: string }
  /** entity → YAML, the inside of a flow mapping; `domain` is added */
  entities: Record<string, string>
  expected: Record<string, Expected>
  /** `side table: coverage verdict` → figures, of the tables that matter to the case */
  tables?: Record<string, string>
  /** `entity name subject` (the entity and the subject only where there is one) → verdict, of the checks that matter to the case */
  checks?: Record<string, Verdict>
  /** `entity name subject` → a piece of what the check says */
  messages?: Record<string, string>
}

export interface Expected {
  verdict: Verdict
  /** as `figuresOf` writes it */
  figures: string
  /** as `lineOf` writes each, in any order; none unless given */
  differences?: string[]
  /** `rows class cause or reason`, in place of `differences` where these are many */
  summary?: string[]
  /** a piece of the note */
  note?: string
}

/** `3: 2 verified, 1 missing | 2: 2 matched`: both totals and every figure that is not 0. */
export function figuresOf({ source, target }: Accounting): string {
  const list = (figures: object) => Object.entries(figures).filter(([name, value]) => name !== 'total' && name !== 'scope' && value !== 0).map(([name, value]) => `${String(value)} ${name}`).join(', ')
  return `${String(source.total)}: ${list(source) || 'nothing'} | ${String(target.total)}: ${list(target) || 'nothing'}`
}

/** `differs value {"id":"1"} name: a → b`. */
export function lineOf({ class: name, cause, reason, key, columns }: FoundDifference): string {
  const changed = columns.map(({ column, source, target }) => (name === 'differs' ? `${column}: ${source ?? 'NULL'} → ${target ?? 'NULL'}` : `${column} ${target ?? 'NULL'}`))
  return [name, cause ?? reason, JSON.stringify(Object.fromEntries(Object.entries(key).sort(([left], [right]) => (left < right ? -1 : 1)))), ...changed].filter((part) => part !== null).join(' ')
}

function summaryOf(differences: readonly FoundDifference[]): string[] {
  const counts = new Map<string, number>()
  for (const { class: name, cause, reason } of differences) counts.set(`${name} ${cause ?? reason}`, (counts.get(`${name} ${cause ?? reason}`) ?? 0) + 1)
  return [...counts].map(([label, rows]) => `${rows} ${label}`)
}

export const prefixed = (text: string, index: number) => text.replaceAll('$', `c${index}`)

export function planOf(cases: readonly Case[]): string {
  const maps = cases.flatMap(({ keyMaps }, index) => (keyMaps === undefined ? [] : [`  ${prefixed(keyMaps, index)}`]))
  const entities = cases.flatMap((one, index) => Object.entries(one.entities).map(([name, body]) => `  c${index}_${name}: { domain: d, ${prefixed(body, index)} }`))
  const ignored = (name: 'source' | 'target') => `${name}: { ${cases.flatMap(({ ignore }, index) => (ignore?.[name] === undefined ? [] : [prefixed(ignore[name], index)])).join(', ')} }`
  return `version: 1\ndomains: { d: {} }\nignore: { ${ignored('source')}, ${ignored('target')} }\nkeyMaps:\n${maps.join('\n') || '  {}'}\nentities:\n${entities.join('\n')}\n`
}

/** Fills both databases and runs one job over all cases. */
export async function runCases(pair: Pair, cases: readonly Case[], options: Partial<ComparisonOptions> = {}, request: Partial<JobRequest> = {}): Promise<ComparisonRun> {
  await pair.source.sql.unsafe(cases.map(({ source }, index) => prefixed(source, index)).join(';\n')).simple()
  await pair.target.sql.unsafe(cases.map(({ target }, index) => prefixed(target, index)).join(';\n')).simple()
  return pair.compare(planOf(cases), options, request)
}

/** One named test for each case, over a run that `beforeAll` made. */
export function testCases(cases: readonly Case[], run: () => ComparisonRun): void {
  for (const [index, one] of cases.entries()) {
    const declare = one.fails === true ? test.fails : test
    declare(one.name, () => { expectCase(run(), one, index) })
  }
}

/** However the work is cut, and whoever does it, the same is found. */
export const ways: [string, Partial<ComparisonOptions>, Partial<JobRequest>][] = [
  ['one chunk', {}, {}], ['chunks of one page', { scanChunkPages: 1 }, {}], ['segments of one row, with workers that die at random', { scanChunkPages: 1, segmentRows: 1 }, { killedShare: 0.2 }],
  ['all rows streamed', { scanChunkPages: 1, segmentRows: 1, streamFrom: 0 }, {}],
]

/** All cases as one job, in each way. */
export function testInChunks(title: string, cases: readonly Case[]): void {
  describe.each(ways)(`${title}, in %s`, (_, options, request) => {
    let pair: Pair
    let run: ComparisonRun
    beforeAll(async () => {
      pair = await createPair()
      run = await runCases(pair, cases, options, request)
    })
    afterAll(async () => { await pair.close() })
    testCases(cases, () => run)
  })
}

export function expectCase(run: ComparisonRun, one: Case, index = 0): void {
  expect(run.job).toMatchObject({ status: 'completed', reason: null })
  for (const [name, expected] of Object.entries(one.expected)) {
    const found = run.entities[`c${index}_${name}`]!
    const own = run.differences.filter(({ entity }) => entity === `c${index}_${name}`)
    const differences = (expected.summary === undefined ? own.map(lineOf) : summaryOf(own)).sort()
    const remarks = run.checks.filter(({ entity, verdict }) => entity === `c${index}_${name}` && verdict !== 'pass').map(({ message }) => message)
    expect({ name, figures: figuresOf(found.accounting), differences, verdict: found.verdict }, JSON.stringify([found.note, remarks]))
      .toEqual({ name, figures: expected.figures, differences: (expected.summary ?? expected.differences ?? []).map((line) => prefixed(line, index)).sort(), verdict: expected.verdict })
    if (expected.note === undefined) expect(found.note).toBeNull()
    else expect(found.note).toContain(prefixed(expected.note, index))
  }
  for (const [name, figures] of Object.entries(one.tables ?? {})) {
    const found = run.tables.find(({ side, table }) => `${side} ${table.replace('public.', '')}` === prefixed(name, index))
    expect(`${found?.verdict}: ${found?.claimedOnce} once, ${found?.claimedSeveral} several, ${found?.unclaimed} unclaimed of ${found?.rows}`, name).toBe(figures)
  }
  const checkOf = (name: string) => run.checks.find((check) => [check.entity, check.name, check.subject].filter((part) => part !== '').join(' ') === prefixed(name, index))
  for (const [name, verdict] of Object.entries(one.checks ?? {})) expect({ name, verdict: checkOf(name)?.verdict }).toEqual({ name, verdict })
  for (const [name, piece] of Object.entries(one.messages ?? {})) expect(checkOf(name)?.message, name).toContain(prefixed(piece, index))
}
