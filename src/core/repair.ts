import type { Side } from './catalog.js'
import { isTrue, quoteIdentifier, quoteLiteral } from './identifier.js'
import { isNatural } from './key-map-expressions.js'
import { shownSourceKey } from './reread-expressions.js'
import { claimCondition, rowsOf } from './row-expressions.js'
import type { ComparisonSpec, TermSpec } from './spec.js'

/** Classes of rows that a repeated script, or a deletion, can mend, and the side whose rows a list of them names. */
export const repairSides = { missing: 'source', differs: 'source', extra: 'target', duplicate: 'target' } as const satisfies Record<string, Side>
export type RepairClass = keyof typeof repairSides
export const repairClasses = Object.keys(repairSides) as RepairClass[]

/** A leg of the key as the rows of one side hold it. */
export interface RepairLeg {
  /** the target column that names the leg */
  name: string
  /** SQL over `src` or `tgt` that the literals are compared with */
  expression: string
  /** type of the literals */
  type: string
}

/** Types whose own equality is exact and whose text casts back to the same value. */
const typedEquality = ['int2', 'int4', 'int8', 'numeric', 'uuid', 'bool', 'date', 'timestamp', 'timestamptz']
const typedKinds: TermSpec['canonical']['name'][] = ['integer', 'bigint', 'numeric', 'uuid', 'uuid text', 'boolean', 'verbatim']

/** The legs of an entity's key at one side: in their own type where its equality is exact, else as the text that a difference is stored under. */
export function repairLegs(spec: ComparisonSpec, side: Side): RepairLeg[] {
  if (side === 'target') return spec.key.map(({ name, target, targetType }) => legOf(name, targetType, target, `((${target})::text collate "C")`))
  const { texts } = shownSourceKey(spec)
  return spec.key.map((term, index) => {
    const map = term.keyMap === null ? undefined : spec.keyMaps[term.keyMap]
    const isPlain = term.values === null && term.zone === null && (map === undefined || !isNatural(map)) && typedKinds.includes(term.canonical.name)
    return legOf(term.name, isPlain ? term.sourceType : 'text', term.source, texts[index] ?? 'null')
  })
}

function legOf(name: string, type: string, own: string, text: string): RepairLeg {
  return typedEquality.includes(type) ? { name, expression: own, type } : { name, expression: text, type: 'text' }
}

/**
 * Selects that read the rows of a list of keys, one for each choice of legs that are NULL, so that every other leg is found by plain equality. They name every row that the entity
 * claims under those keys: a key that stands several times is all of its rows.
 * @param keys texts of the legs, in the order of `repairLegs`, null for NULL; each key once; not empty
 */
export function repairStatements(spec: ComparisonSpec, name: RepairClass, keys: readonly (readonly (string | null)[])[]): string {
  const byNulls = new Map<string, (readonly (string | null)[])[]>()
  for (const key of keys) {
    const nulls = key.map((text) => text === null).join()
    const part = byNulls.get(nulls)
    if (part === undefined) byNulls.set(nulls, [key])
    else part.push(key)
  }
  return [...byNulls.values()].map((part) => repairStatement(spec, name, part)).join('\n')
}

function repairStatement(spec: ComparisonSpec, name: RepairClass, keys: readonly (readonly (string | null)[])[]): string {
  const side = repairSides[name]
  const legs = repairLegs(spec, side)
  const alias = side === 'source' ? 'src' : 'tgt'
  // names that no column of the plan's SQL has, so that none of it is read as one of the list
  const columns = legs.map((_, index) => quoteIdentifier(`key ${index + 1}`))
  const isNull = legs.map((_, index) => (keys[0]?.[index] ?? null) === null)
  const literal = (text: string | null, type: string) => (text === null ? `null::${type}` : `${quoteLiteral(text).trim()}::${type}`)
  const rows = keys.map((key) => `  (${legs.map(({ type }, index) => literal(key[index] ?? null, type)).join(', ')})`)
  const equal = legs.flatMap(({ expression }, index) => (isNull[index] === true ? [] : [`${columns[index] ?? ''} = ${expression}`]))
  const claim = claimCondition(spec, side)
  const conditions = [
    ...(claim === 'true' ? [] : [claim]),
    ...(side === 'source' ? spec.source.exclude : name === 'extra' ? spec.target.generated : []).map(({ where }) => `not ${isTrue(where)}`),
    ...legs.flatMap(({ expression }, index) => (isNull[index] === true ? [`${expression} is null`] : [])),
    `exists (select from keys_to_repair${equal.length === 0 ? '' : ` where ${equal.join(' and ')}`})`,
  ]
  const joins = side === 'source' ? shownSourceKey(spec).joins : ''
  return `with keys_to_repair (${columns.join(', ')}) as (values\n${rows.join(',\n')}\n)\nselect ${alias}.*\nfrom ${rowsOf(spec, side)}${joins === '' ? '' : ` ${joins}`}\nwhere ${conditions.join('\n  and ')};`
}
