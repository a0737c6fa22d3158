import { quoteIdentifier, quoteLiteral } from '../../src/core/identifier.js'
import type { Plan, PlanTerm } from '../../src/plan/schema.js'

/** The words of a plan in plain SQL, as `full-join.ts` joins them. */
export interface Term {
  name: string
  /** SQL over `src` and the joined maps: the value that the target must hold */
  expected: string
  /** SQL condition: the value leads nowhere and equals nothing */
  unresolved: string
  /** SQL over `src`: the value as it stands */
  raw: string
  type: string
  /** key maps to join, each under its alias, with the SQL condition under which it counts */
  maps: { alias: string; map: string; when: string }[]
  tolerance: string | null
  accept: readonly { reason: string; where?: string; value: string }[]
}

export function termOf(name: string, term: PlanTerm, type: string): Term {
  const raw = term.from === undefined ? `(${term.sql ?? ''})` : `src.${quoteIdentifier(term.from)}`
  const plain: Term = { name, raw, type, maps: [], expected: raw, unresolved: 'false', tolerance: term.tolerance ?? null, accept: term.accept ?? [] }
  if (term.references !== undefined) {
    const maps = typeof term.references === 'string' ? [{ alias: quoteIdentifier(`map ${name}`), map: term.references, when: 'true' }] : mapsByCode(name, term.references)
    const first = (column: string) => `coalesce(${maps.map(({ alias }) => `${alias}.${column}`).join(', ')})`
    return { ...plain, maps, expected: first('modern'), unresolved: `(${raw} is not null and ${first('legacy')} is null)` }
  }
  if (term.values !== undefined) {
    const codes = Object.entries(term.values)
    const cases = codes.map(([code, value]) => `when ${quoteLiteral(code)} then ${quoteLiteral(String(value))}::${type}`).join(' ')
    return { ...plain, expected: `case ${raw}::text ${cases} end`, unresolved: `(${raw}::text not in (${codes.map(([code]) => quoteLiteral(code)).join(', ')})) is true` }
  }
  if (term.as === 'json') return { ...plain, expected: `legacy.json_or_null(${raw})`, unresolved: `(${raw} is not null and legacy.json_or_null(${raw}) is null)` }
  return { ...plain, expected: term.zone === undefined ? raw : `${raw} at time zone ${quoteLiteral(term.zone)}` }
}

function mapsByCode(name: string, { by, ...codes }: Exclude<PlanTerm['references'], string | undefined>): Term['maps'] {
  return Object.entries(codes).map(([code, map]) => ({ alias: quoteIdentifier(`map ${name} ${code}`), map, when: `src.${quoteIdentifier(by)}::text = ${quoteLiteral(code)}` }))
}

export function mapSql(plan: Plan, name: string): string {
  const map = plan.keyMaps?.[name]
  if (map?.legacy === undefined || map.modern === undefined) throw new Error(`no stored key map ${name}`)
  return `select ${quoteIdentifier(map.legacy)} as legacy, ${quoteIdentifier(map.modern)} as modern
            from public.${quoteIdentifier(map.table as string)} tgt where ${map.where ?? 'true'}`
}

export function truth(predicate: string | undefined): string {
  return predicate === undefined ? 'true' : `(${predicate}) is true`
}

export function firstReason(list: readonly { reason: string; where?: string }[] | undefined): string {
  return `case ${(list ?? []).map(({ reason, where }) => `when ${truth(where)} then ${quoteLiteral(reason)}`).join(' ')} when false then null::text end`
}

export function textArray(values: string[]): string {
  return `array[${values.map(quoteLiteral).join(', ')}]::text[]`
}
