import type { CanonicalKind } from '../core/canonical.js'
import { bareSource } from '../core/row-expressions.js'
import type { ComparisonSpec, ParentSpec, TermSpec } from '../core/spec.js'
import { longForm, termsOf } from './cross-reference.js'
import type { FoundFault, Path } from './fault.js'
import type { Plan, PlanEntity } from './schema.js'

/** The entities whose rows a key map leads to: those whose key is one leg that references it, or the one that the map names. */
export function parentEntities(plan: Plan, keyMap: string): string[] {
  const named = plan.keyMaps?.[keyMap]?.entity
  return named !== undefined ? [named] : keyedEntities(plan, keyMap)
}

function keyedEntities(plan: Plan, keyMap: string): string[] {
  return Object.entries(plan.entities).flatMap(([name, entity]) => (isKeyedBy(entity, keyMap) ? [name] : []))
}

/** The key is one leg that references the map. */
export function isKeyedBy(entity: PlanEntity, keyMap: string): boolean {
  const legs = entity.key === 'all' ? [] : Object.values(entity.key).map(longForm)
  return legs.length === 1 && legs[0]?.references === keyMap
}

/**
 * Writes into each spec which of its terms reference rows of an entity, and which of them an explanation means. An entity that is explained by
 * a parent nobody can read loses its spec.
 * @returns the faults of `explained.parent`
 */
export function linkParents(plan: Plan, specs: Map<string, ComparisonSpec>): FoundFault[] {
  const faults: FoundFault[] = []
  for (const spec of specs.values()) spec.parents = findParents(plan, spec, specs)
  for (;;) {
    const lost = [...specs.values()].flatMap((spec) => explainByParents(plan, spec, specs))
    if (lost.length === 0) return faults
    faults.push(...lost)
    for (const { entity } of lost) if (typeof entity === 'string') specs.delete(entity)
    for (const spec of specs.values()) spec.parents = findParents(plan, spec, specs)
  }
}

function findParents(plan: Plan, spec: ComparisonSpec, specs: ReadonlyMap<string, ComparisonSpec>): ParentSpec[] {
  return (['key', 'columns'] as const).flatMap((part) => spec[part].flatMap((term, index): ParentSpec[] => {
    const [entity, second] = term.keyMap === null ? [] : parentEntities(plan, term.keyMap)
    const leg = entity === undefined ? undefined : specs.get(entity)?.key[0]
    // the leg by which a row is told is not a reference to another row
    if (entity === undefined || second !== undefined || leg === undefined || (entity === spec.entity && part === 'key') || !areComparable(term, leg)) return []
    const siblings = keyedEntities(plan, term.keyMap ?? '').filter((name) => {
      const key = specs.get(name)?.key[0]
      return name !== entity && key !== undefined && areComparable(term, key)
    })
    return [{ entity, part, index, ...(siblings.length === 0 ? {} : { siblings }) }]
  }))
}

/** Texts of the two are equal when the keys are. */
function areComparable(child: TermSpec, parent: TermSpec): boolean {
  const group = ({ name }: CanonicalKind) => (['integer', 'bigint', 'numeric'].includes(name) ? 'number' : name)
  return child.values === null && parent.values === null && group(child.canonical) === group(parent.canonical)
}

function explainByParents(plan: Plan, spec: ComparisonSpec, specs: ReadonlyMap<string, ComparisonSpec>): FoundFault[] {
  const entity = plan.entities[spec.entity]
  if (entity === undefined) return []
  return (entity.explained ?? []).flatMap(({ parent }, index): FoundFault[] => {
    const explanation = spec.source.explained[index]
    if (parent === undefined || explanation === undefined || 'where' in explanation) return []
    const found = spec.parents.findIndex(({ part, index: at }) => sourceColumnOf(entity, spec[part][at]) === parent)
    explanation.parent = found
    const path = ['entities', spec.entity, 'explained', index, 'parent']
    const own = spec.parents[found]
    const fault = own === undefined ? noParent(plan, entity, parent, path, specs) : unknownAbsence(plan, spec, own, parent, path, specs)
    return fault === null ? [] : [{ entity: spec.entity, ...fault }]
  })
}

/** Why nobody can tell whether a row is absent that a column references: it may stand in a table that no statement looks at, or one of two rows may be meant. */
function unknownAbsence(plan: Plan, spec: ComparisonSpec, { entity, part, index }: ParentSpec, column: string, path: Path, specs: ReadonlyMap<string, ComparisonSpec>): FoundFault | null {
  const own = plan.entities[spec.entity]
  const others = spec.parents.filter((one) => one.entity !== entity && own !== undefined && sourceColumnOf(own, spec[one.part][one.index]) === column).map((one) => one.entity)
  if (others.length > 0) return { code: 'NO_PARENT', path, message: `\`${column}\` references rows of ${[entity, ...new Set(others)].join(' and ')} here, and nobody knows whose absence is meant: explain with \`where\`` }
  const tableOf = (name: string) => JSON.stringify(plan.entities[name]?.source.table ?? null)
  for (const name of [entity, ...keyedEntities(plan, spec[part][index]?.keyMap ?? '').filter((other) => tableOf(other) !== tableOf(entity))]) {
    const found = specs.get(name)
    if (found === undefined) return { code: 'NO_PARENT', path, message: `\`${name}\` cannot be compared, so nobody knows whether it has the row that \`${column}\` names: repair its faults first` }
    if (bareSource(found) !== null) continue
    return { code: 'NO_PARENT', path, message: `the query of \`${name}\` does not tell the table whose rows it accounts for by the key that \`${column}\` names, so a row that it does not return may be there all the same: name the table with \`covers\` and key \`${name}\` by its primary key, or explain with \`where\`` }
  }
  return null
}

function sourceColumnOf(entity: PlanEntity, term: TermSpec | undefined): string | null {
  return termsOf(entity, []).find(({ name }) => name === term?.name)?.term.from ?? null
}

function noParent(plan: Plan, entity: PlanEntity, column: string, path: Path, specs: ReadonlyMap<string, ComparisonSpec>): FoundFault {
  const keyMap = termsOf(entity, []).find(({ term }) => term.from === column && term.references !== undefined)?.term.references
  if (typeof keyMap === 'object') return { code: 'NO_PARENT', path, message: `\`${column}\` references rows of several entities: explain with \`where\`, or write one entity per code` }
  if (typeof keyMap !== 'string') return { code: 'NO_PARENT', path, message: `\`${column}\` references nothing here: map it with \`{ from: ${column}, references: <key map> }\`` }
  const parents = parentEntities(plan, keyMap)
  const [parent] = parents
  if (parent === undefined) return { code: 'NO_PARENT', path, message: `no entity has a key that references \`${keyMap}\` alone, so nobody knows what becomes of the row that \`${column}\` names: write that entity, or explain with \`where\`` }
  if (parents.length > 1) return { code: 'NO_PARENT', path, message: `${parents.join(', ')} are all keyed by \`${keyMap}\`: name the parent with \`entity\` in the key map` }
  if (!specs.has(parent)) return { code: 'NO_PARENT', path, message: `\`${parent}\` cannot be compared, so nobody knows what becomes of the row that \`${column}\` names: repair its faults first` }
  return { code: 'NO_PARENT', path, message: `\`${column}\` and the key of \`${parent}\` have types whose texts differ: bring \`${column}\` to the type of the key with \`sql\`, or explain with \`where\`` }
}
