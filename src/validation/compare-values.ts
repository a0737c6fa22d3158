import { readText } from '../core/canonical.js'
import { quoteLiteral } from '../core/identifier.js'
import { inBatches } from '../core/lists.js'
import type { CompareRows, KeyGroup } from '../core/pairing.js'
import type { ComparisonSpec, TermSpec } from '../core/spec.js'
import { read, type Reader } from './reader.js'

/**
 * Makes the judge of column pairs for some groups of rows. Texts that the same value may have several of (jsonb 1.0 and 1.00, say, or numbers within a
 * tolerance) are asked of the target, all in one statement for each column.
 * @param folded for each column `[legacy, smallest]` as JSON, of references that are right although they are read under another legacy key, the smallest
 */
export async function createCompareRows(spec: ComparisonSpec, groups: Iterable<KeyGroup>, folded: readonly (ReadonlySet<string> | null)[], target: Reader, signal: AbortSignal): Promise<CompareRows> {
  const questions = new Map<string, Questions>()
  const ask = (id: string, equality: string, left: string | null, right: string | null) => {
    if (left === right || !left?.startsWith('=') || !right?.startsWith('=')) return
    const asked = questions.get(id) ?? { equality, pairs: new Map<string, [string, string]>() }
    questions.set(id, asked)
    asked.pairs.set(JSON.stringify([left, right]), [left.slice(1), right.slice(1)])
  }
  const byValue = spec.columns.flatMap((term, column) => {
    const [own, accepted] = [equalityOf(term.canonical, term.tolerance), equalityOf(term.accept[0]?.kind ?? null, null)]
    return own === null && accepted === null ? [] : [{ column, own, accepted }]
  })
  for (const group of byValue.length === 0 ? [] : groups) {
    for (const { column, own, accepted } of byValue) for (const source of group.source) for (const row of group.target) {
      if (own !== null) ask(`value ${column}`, own, source.columns[column] ?? null, row.columns[column] ?? null)
      if (accepted !== null) for (const text of source.accepted[column] ?? []) ask(`accepted ${column}`, accepted, text, row.exact[column] ?? null)
    }
  }
  const same = await answer(questions, target, signal)
  const isSame = (id: string, left: string | null, right: string | null) => left === right || (same.size > 0 && (same.get(id)?.has(JSON.stringify([left, right])) ?? false))
  return (column, source, row) => {
    // asked for each column of each pair, most of which are equal
    const left = source.columns[column] ?? null
    const right = row.columns[column] ?? null
    if (left === right || isSame(`value ${column}`, left, right)) return 'equal'
    if (left?.startsWith('=') && right?.startsWith('=') && (folded[column]?.has(JSON.stringify([left.slice(1), right.slice(1)])) ?? false)) return 'equal'
    if (left?.startsWith('+') && (left === '+' ? right === null : left.slice(1) === right)) return { accepted: `other value of ${spec.columns[column]?.name ?? ''}` }
    const exact = row.exact[column] ?? null
    const fits = (source.accepted[column] ?? []).findIndex((text) => text !== null && exact !== null && isSame(`accepted ${column}`, text, exact))
    return fits === -1 ? 'different' : { accepted: spec.columns[column]?.accept[fits]?.reason ?? '' }
  }
}

/** Of pairs of texts of a term, as JSON, those that are two notations of one value. */
export async function findSameValues(asked: readonly { term: TermSpec; pairs: readonly (readonly [string | null, string | null])[] }[], target: Reader, signal: AbortSignal): Promise<Map<TermSpec, Set<string>>> {
  const questions = new Map<TermSpec, Questions>()
  for (const { term, pairs } of asked) {
    const equality = equalityOf(term.canonical, null)
    const unlike = equality === null ? [] : pairs.flatMap(([left, right]): [string, [string, string]][] => (left !== right && left?.startsWith('=') && right?.startsWith('=') ? [[JSON.stringify([left, right]), [left.slice(1), right.slice(1)]]] : []))
    if (equality !== null && unlike.length > 0) questions.set(term, { equality, pairs: new Map(unlike) })
  }
  return answer(questions, target, signal)
}

/** How many characters the questions about all pairs of one key would take, roughly. */
export function charactersAsked(spec: ComparisonSpec, { source, target }: KeyGroup): number {
  const length = (texts: readonly (string | null)[]) => texts.reduce((sum, text) => sum + (text?.length ?? 0), 0)
  return spec.columns.reduce((total, { canonical, tolerance, accept }, column) => {
    const own = equalityOf(canonical, tolerance) === null ? 0 : length(source.map(({ columns }) => columns[column] ?? null)) * target.length + length(target.map(({ columns }) => columns[column] ?? null)) * source.length
    const accepted = equalityOf(accept[0]?.kind ?? null, null) === null ? 0 : length(source.flatMap((row) => row.accepted[column] ?? [])) * target.length + length(target.map(({ exact }) => exact[column] ?? null)) * source.length * accept.length
    return total + own + accepted
  }, 0)
}

interface Questions {
  equality: string
  pairs: Map<string, [string, string]>
}

/** Characters of the texts in one statement: a string of JavaScript holds half a thousand million. */
const mostAsked = 16_000_000

async function answer<Id>(questions: ReadonlyMap<Id, Questions>, target: Reader, signal: AbortSignal): Promise<Map<Id, Set<string>>> {
  const same = new Map<Id, Set<string>>()
  for (const [id, { equality, pairs }] of questions) {
    const found = new Set<string>()
    for (const part of inBatches([...pairs], ([both]) => both.length, mostAsked)) {
      const rows = await read(target, signal, `select (${equality})::text as equal from pg_catalog.json_array_elements($1::text::json) with ordinality as pairs(pair, position) order by position`, [JSON.stringify(part.map(([, texts]) => texts))])
      for (const [index, [both]] of part.entries()) if (rows[index]?.['equal'] === 'true') found.add(both)
    }
    same.set(id, found)
  }
  return same
}

/** Seconds, some 30,000 years: no tolerance is meant to reach so far. */
const farApart = 1e12

/** SQL that decides whether two texts of a kind (`pair ->> 0`, `pair ->> 1`) are one value; null where the text itself decides. */
function equalityOf(kind: ComparisonSpec['columns'][number]['canonical'] | null, tolerance: string | null): string | null {
  if (kind === null) return null
  if (tolerance !== null) {
    if (kind.name === 'verbatim') {
      const [left, right] = ['(pair ->> 0)', '(pair ->> 1)'].map((text) => readText(kind.literalType, text))
      const isNear = (difference: string) => `${difference} between - ${quoteLiteral(tolerance)}::interval and ${quoteLiteral(tolerance)}::interval`
      if (kind.literalType === 'time') return isNear(`${left} - ${right}`)
      // dates reach further than timestamps, and the ends of these lie further apart than an interval reaches
      const near = kind.literalType === 'date' ? isNear(`(${left} - ${right}) * interval '1 day'`)
        : `case when pg_catalog.abs(extract(epoch from ${left}) - extract(epoch from ${right})) < ${farApart} then ${isNear(`${left} - ${right}`)} else false end`
      return `case when pg_catalog.isfinite(${left}) and pg_catalog.isfinite(${right}) then ${near} else false end`
    }
    return `pg_catalog.abs(${readText('numeric', 'pair ->> 0')} - ${readText('numeric', 'pair ->> 1')}) <= ${quoteLiteral(tolerance)}::numeric`
  }
  if (kind.decideAs === null) return null
  const [left, right] = ['(pair ->> 0)', '(pair ->> 1)'].map((text) => (kind.decideAs === 'jsonb' ? readText('jsonb', text) : `${text}::${kind.decideAs}`))
  // the operator of a type in another schema is found by nobody, and that of arrays finds it
  return kind.decideAs.includes('.') && !kind.decideAs.endsWith('[]') ? `array[${left}] operator(pg_catalog.=) array[${right}]` : `${left} operator(pg_catalog.=) ${right}`
}
