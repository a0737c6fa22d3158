import type { ComparisonSpec } from '../core/spec.js'
import type { CheckResult } from './outcomes.js'
import type { Difference } from './tally.js'

/** The rows named in the evidence at most. */
const shownPairs = 5

/**
 * A key with one leg too many turns a row that differs into a missing and an extra one. So the kept differences of a composite key are searched for a missing and an extra row that
 * agree in all legs but one, and are the only ones of their side to do so. What is masked cannot be told apart and proves nothing.
 * @param differences those that are kept: beyond the limit nothing is searched
 * @returns none where the key has one leg or is the whole row, or where a side has no such row
 */
export function adviseOnKey(spec: ComparisonSpec, differences: Iterable<Difference>): CheckResult[] {
  if (spec.bag || spec.key.length < 2) return []
  const { missing, extra } = keysOf(differences)
  if (missing.length === 0 || extra.length === 0) return []
  const legs = spec.key.map(({ name }) => ({ leg: name, pairs: spec.key.some(({ name: other, pii }) => pii && other !== name) ? [] : pairsWithout(spec.key.map((term) => term.name).filter((other) => other !== name), missing, extra) }))
  const found = legs.filter(({ pairs }) => pairs.length > 0).sort((left, right) => right.pairs.length - left.pairs.length)
  const list = found.map(({ leg, pairs }) => `${pairs.length} missing and ${pairs.length} extra ${pairs.length === 1 ? 'row' : 'rows'} agree in every leg of the key but ${leg}`)
  return [{
    entity: spec.entity, name: 'the key names each row', subject: '', category: 'plan', severity: 'warning', verdict: found.length === 0 ? 'pass' : 'warn',
    message: found.length === 0 ? 'no missing row agrees with an extra one in all legs but one' : `${list.join('; ')}: where the other legs name a row by themselves, that leg is one too many, and a column`,
    rowsExamined: missing.length + extra.length, rowsFailed: new Set(found.flatMap(({ pairs }) => pairs.flat())).size, durationMs: null,
    evidence: { legs: found.map(({ leg, pairs }) => ({ leg, rows: pairs.length, sample: pairs.slice(0, shownPairs).map(([one, other]) => ({ missing: one, extra: other })) })) },
  }]
}

type RowKey = Difference['rowKey']

/** A target row that no map entry knows is named by its modern key, which compares with no legacy one. */
function keysOf(differences: Iterable<Difference>): { missing: RowKey[]; extra: RowKey[] } {
  const keys: { missing: RowKey[]; extra: RowKey[] } = { missing: [], extra: [] }
  for (const { class: name, cause, rowKey } of differences) {
    if (name === 'missing') keys.missing.push(rowKey)
    else if (name === 'extra' && cause !== 'no key' && cause !== 'no map entry') keys.extra.push(rowKey)
  }
  return keys
}

/** The pairs that agree in these legs, where each is the only one of its side. */
function pairsWithout(legs: readonly string[], missing: readonly RowKey[], extra: readonly RowKey[]): [RowKey, RowKey][] {
  const grouped = (keys: readonly RowKey[]) => {
    const groups = new Map<string, RowKey[]>()
    for (const key of keys) {
      const identity = JSON.stringify(legs.map((leg) => key[leg]))
      groups.set(identity, [...(groups.get(identity) ?? []), key])
    }
    return groups
  }
  const others = grouped(extra)
  return [...grouped(missing)].flatMap(([identity, [first, second]]): [RowKey, RowKey][] => {
    const [partner, rival] = others.get(identity) ?? []
    return first === undefined || second !== undefined || partner === undefined || rival !== undefined ? [] : [[first, partner]]
  })
}
