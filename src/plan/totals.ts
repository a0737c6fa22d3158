import type { TermPlace, TotalSpec } from '../core/spec.js'
import type { FoundFault, Path } from './fault.js'
import type { PlanEntity } from './schema.js'
import type { ResolvedTerm } from './terms.js'

const numberKinds = ['integer', 'bigint', 'numeric', 'float4', 'float8']

/** The totals of an entity, one for each column that is summed, in places of its terms. */
export function resolveTotals(entity: PlanEntity, path: Path, resolved: readonly ResolvedTerm[]): { totals: TotalSpec[]; faults: FoundFault[] } {
  const faults: FoundFault[] = []
  const places = new Map<string, TermPlace>()
  const next = { key: 0, columns: 0 }
  for (const { planned, spec } of resolved) {
    const part = planned.part === 'key' ? 'key' : 'columns'
    if (spec === null) continue
    places.set(planned.name, { part, index: next[part] })
    next[part] += 1
  }
  const find = (column: string, at: Path): TermPlace | null => {
    const place = places.get(column)
    // a column that is there and at fault has its fault already
    if (place === undefined && !resolved.some(({ planned }) => planned.name === column)) faults.push({ code: 'COLUMN_NOT_FOUND', path: at, message: `\`${column}\` is no mapped column of this entity: name a target column that stands under \`key\`, \`columns\` or \`same\`` })
    return place ?? null
  }
  const totals = (entity.totals ?? []).flatMap(({ sum, by = [] }, index): TotalSpec[] => {
    const at = [...path, 'totals', index]
    const groups = by.map((column) => find(column, [...at, 'by']))
    for (const column of by) {
      const kind = resolved.find(({ planned }) => planned.name === column)?.spec?.canonical
      if (kind !== undefined && kind.decideAs !== null) faults.push({ code: 'INCOMPATIBLE_TYPES', path: [...at, 'by'], message: `equal values of \`${column}\` have several texts, so they form no groups: choose another column` })
    }
    return [sum].flat().flatMap((column): TotalSpec[] => {
      const place = find(column, [...at, 'sum'])
      const term = resolved.find(({ planned }) => planned.name === column)?.spec
      if (place === null || term === null || term === undefined) return []
      if (term.keyMap !== null || !numberKinds.includes(term.canonical.name)) {
        faults.push({ code: 'INCOMPATIBLE_TYPES', path: [...at, 'sum'], message: `\`${column}\` is ${term.keyMap === null ? term.targetType : 'a reference'} and has no sum: name a column of numbers` })
        return []
      }
      const known = groups.filter((group) => group !== null)
      return known.length === groups.length ? [{ sum: place, by: known }] : []
    })
  })
  return { totals, faults }
}
