import { isDeepStrictEqual } from 'node:util'
import { readText } from '../core/canonical.js'
import { sides, type Side } from '../core/catalog.js'
import { shownText } from '../core/pairing.js'
import { sumStatement } from '../core/pass-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import type { ComparisonSpec, TermPlace, TermSpec, TotalSpec } from '../core/spec.js'
import { quoteLiteral } from '../core/identifier.js'
import { loadCollapsed } from './key-maps.js'
import type { CheckResult } from './outcomes.js'
import { readInParts, type Pace } from './pace.js'
import { countOf, read, readSnapshot, type Reader } from './reader.js'
import { groupSum, mostGroups, type GroupSum, type ScanOutcome } from './scan-chunk.js'
import type { Observe } from './judge-rows.js'

/** A sum, or one row's value, that counts for (rows 1) or against (rows -1) what a side holds. */
interface Part {
  side: 'source' | 'target'
  group: (string | null)[]
  rows: number
  sum: string | null
}

const shownGroups = 20
/** What of the source is not expected in the target, what of the target has no source, and what is accepted with another value. */
const outside = { source: ['explained', 'pending', 'accepted'], target: ['generated', 'pending', 'accepted'] } as const

/**
 * Collects what the totals of an entity need of the rows that are judged one by one: those that a sum of the pass counts and the total does not,
 * and the merged rows that are expected all the same.
 */
export function collectTotals(spec: ComparisonSpec): { observe: Observe; parts: readonly (readonly Part[])[] } {
  const parts = spec.totals.map((): Part[] => [])
  return {
    parts,
    observe(side, name, row) {
      const isMerged = 'survivorKey' in row
      const isOutside = !isMerged && (outside[side] as readonly string[]).includes(name)
      const isExpected = isMerged && (name === 'missing' || name === 'unverified')
      if (!isOutside && !isExpected) return
      for (const [index, total] of spec.totals.entries()) {
        const valueAt = ({ part, index: at }: TermPlace) => row[part === 'key' ? 'key' : 'columns'][at] ?? null
        const value = resolvedText(valueAt(total.sum))
        const text = value?.startsWith('=') ? value.slice(1) : null
        parts[index]?.push({ side, group: total.by.map(valueAt), rows: isOutside ? -1 : 1, sum: text })
      }
    },
  }
}

/**
 * One check for each total of the plan: of every group the sum that is expected in the target against the sum that is there. Expected are the source rows in
 * scope but those explained, merged, pending or accepted. A total that is unequal is summed up once more, since rows were judged later than they were summed: it is wrong only if both readings agree.
 * @param known hasMoved: the passes may have summed up rows twice or not at all; pending: rows that keep changing (what is unequal while there are some is not known to be wrong); isSample: of rows outside the sample nobody knows whether they are expected
 */
export async function checkTotals(spec: ComparisonSpec, readers: Record<Side, Reader>, outcomes: Record<Side, ScanOutcome[]>, collected: readonly (readonly Part[])[], known: { hasMoved: boolean; pending: number; isSample: boolean }, options: StatementOptions & { pace: Pace }, signal: AbortSignal): Promise<CheckResult[]> {
  const { target } = readers
  const checks: CheckResult[] = []
  for (const [index, total] of spec.totals.entries()) {
    const [source, there] = sides.map((side) => outcomes[side].map(({ totals }) => totals[index] ?? null)) as [Sums, Sums]
    const head = { entity: spec.entity, name: 'the total agrees', subject: subjectOf(spec, total), category: 'accounting' as const, severity: 'critical' as const, durationMs: null }
    const unknown = known.isSample ? 'a sample of the keys cannot tell' : [...source, ...there].includes(null) ? `there are more than ${mostGroups} groups: choose columns under \`by\` that form fewer` : null
    if (unknown !== null) {
      checks.push({ ...head, verdict: 'unknown', rowsExamined: null, rowsFailed: null, evidence: {}, message: unknown })
      continue
    }
    const judge = async (sums: Record<Side, Sums>, isMoving: boolean) => {
      const keyed = sides.flatMap((side) => sums[side].flatMap((sum) => (sum ?? []).filter((one) => one.class === 'keyed').map(({ group, rows, sum: text }): Part => ({ side, group, rows, sum: text }))))
      return judgeTotal(spec, total, await foldGroups(spec, total, [...keyed, ...(collected[index] ?? [])], target, signal), isMoving, target, signal)
    }
    const sumBoth = async (): Promise<Record<Side, Sums>> => {
      const [sourceNow, targetNow] = await Promise.all(sides.map((side) => sumAgain(spec, readers[side], total, options, signal))) as [Sums, Sums]
      return { source: sourceNow, target: targetNow }
    }
    let judged = await judge(known.hasMoved ? await sumBoth() : { source, target: there }, known.pending > 0)
    if (judged.verdict === 'fail') {
      const now = await sumBoth()
      const again = await judge(now, false)
      judged = again.verdict !== 'fail' || isDeepStrictEqual(again.evidence, judged.evidence) ? again : await judge(now, true)
    }
    checks.push({ ...head, ...judged })
  }
  return checks
}

type Sums = (GroupSum[] | null)[]

/** The sums of a side as they are now, in one snapshot. */
async function sumAgain(spec: ComparisonSpec, reader: Reader, total: TotalSpec, { pace, ...options }: StatementOptions & { pace: Pace }, signal: AbortSignal): Promise<Sums> {
  const found: Sums = []
  await readSnapshot(reader, signal, async (readMore) => {
    await readInParts(pace, spec, reader.side, 'sums', async (pages) => {
      const sums = await readMore(sumStatement(spec, reader.side, total, mostGroups, { ...options, pages }))
      found.push(sums.map((row) => groupSum(row, total.by.length)))
    })
  })
  return found
}

/** A text that is accepted in place of an unresolved one (`+`) as the target has it. */
function resolvedText(text: string | null): string | null {
  return text?.startsWith('+') ? (text.slice(1) || null) : text
}

const termAt = (spec: ComparisonSpec, { part, index }: TermPlace): TermSpec | undefined => spec[part][index]

function subjectOf(spec: ComparisonSpec, { sum, by }: TotalSpec): string {
  const names = by.map((place) => termAt(spec, place)?.name ?? '')
  return `${termAt(spec, sum)?.name ?? ''}${names.length === 0 ? '' : ` by ${names.join(', ')}`}`
}

/** References are grouped on both sides by the smallest legacy key of the row that they lead to. */
async function foldGroups(spec: ComparisonSpec, total: TotalSpec, parts: readonly Part[], target: Reader, signal: AbortSignal): Promise<Part[]> {
  const smallest: (Map<string, string> | null)[] = []
  for (const place of total.by) {
    const term = termAt(spec, place)
    smallest.push(term === undefined || term.keyMap === null ? null : await loadCollapsed(spec, term, target, signal))
  }
  const fold = (text: string | null, index: number) => {
    const key = text?.startsWith('=') ? smallest[index]?.get(text.slice(1)) : undefined
    return key === undefined ? resolvedText(text) : `=${key}`
  }
  return parts.map((part) => ({ ...part, group: part.group.map(fold) }))
}

async function judgeTotal(spec: ComparisonSpec, total: TotalSpec, parts: readonly Part[], isMoving: boolean, target: Reader, signal: AbortSignal): Promise<Pick<CheckResult, 'verdict' | 'message' | 'rowsExamined' | 'rowsFailed' | 'evidence'>> {
  const tolerance = termAt(spec, total.sum)?.tolerance ?? '0'
  const signed = (side: string) => `coalesce(pg_catalog.sum(case when rows < 0 then - value else value end) filter (where side = '${side}'), 0)`
  const groups = await read(target, signal, `select "group", expected::text as expected, there::text as there, rows::text as rows, ` +
    `(expected <> there and not pg_catalog.abs(expected - there) <= ${quoteLiteral(tolerance)}::numeric * rows)::text as unequal from (` +
    `select part ->> 'group' as "group", ${signed('source')} as expected, ${signed('target')} as there, coalesce(pg_catalog.sum(rows) filter (where side = 'source'), 0) as rows ` +
    `from pg_catalog.json_array_elements($1::text::json) as parts(part) cross join lateral (select part ->> 'side' as side, (part ->> 'rows')::int8::numeric as rows, ${readText('numeric', "part ->> 'sum'")} as value) one group by 1) sums order by "group" collate "C"`,
  [JSON.stringify(parts.map(({ group, ...part }) => ({ ...part, group: JSON.stringify(group) })))])
  const unequal = groups.filter((group) => group['unequal'] === 'true')
  const shown = unequal.slice(0, shownGroups).map(({ group, expected, there }) => ({ group: shownGroup(spec, total, group ?? '[]'), expected: shownSum(spec, total, expected ?? null), there: shownSum(spec, total, there ?? null) }))
  const told = shown.slice(0, 3).map(({ group, expected, there }) => `${group === '' ? '' : `${group}: `}${expected} expected, ${there} there`)
  const rows = groups.reduce((sum, group) => sum + countOf(group, 'rows'), 0)
  return {
    verdict: unequal.length > 0 ? (isMoving ? 'unknown' : 'fail') : groups.length === 0 ? 'warn' : 'pass', rowsExamined: rows, rowsFailed: null, evidence: { groups: groups.length, unequal: shown },
    message: unequal.length === 0 ? (groups.length === 0 ? '0 rows were examined' : `the sums of ${groups.length} ${groups.length === 1 ? 'group' : 'groups'} are equal`)
      : `${unequal.length} of ${groups.length} ${groups.length === 1 ? 'sum is' : 'sums are'} unequal${isMoving ? ' while rows keep changing' : ''}: ${told.join('; ')}${unequal.length > told.length ? '; …' : ''}`,
  }
}

function shownGroup(spec: ComparisonSpec, { by }: TotalSpec, group: string): string {
  const texts = JSON.parse(group) as (string | null)[]
  return by.map((place, index) => {
    const term = termAt(spec, place)
    return term === undefined ? '' : `${term.name} ${shownText(term, texts[index] ?? null) ?? 'NULL'}`
  }).join(', ')
}

function shownSum(spec: ComparisonSpec, { sum }: TotalSpec, text: string | null): string {
  const term = termAt(spec, sum)
  return term === undefined ? '' : (shownText(term, `=${text ?? ''}`) ?? '')
}
