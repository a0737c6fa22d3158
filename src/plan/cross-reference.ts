import { nearestName } from '../core/nearest.js'
import type { FoundFault, Path } from './fault.js'
import type { Plan, PlanEntity, PlanKeyMap, PlanTerm } from './schema.js'
import { formatTable, readTableName } from './table-name.js'

/** What a plan of the right shape says that cannot hold together; needs no database. */
export function findCrossReferenceFaults(plan: Plan): FoundFault[] {
  return [
    ...checkNames(plan),
    ...checkKeyMaps(plan),
    ...Object.entries(plan.entities).flatMap(([name, entity]) => checkEntity(plan, entity, ['entities', name])),
    ...checkIgnoredTables(plan),
    ...checkScripts(plan),
    ...checkRuleNames(plan),
    ...checkGates(plan),
    ...checkUnused(plan),
  ]
}

/** A column in its long form: `patient_id` is `{ from: patient_id }`. */
export function longForm(term: string | PlanTerm): PlanTerm {
  return typeof term === 'string' ? { from: term } : term
}

const didYouMean = (name: string, known: Iterable<string>): string | null => {
  const near = nearestName(name, known)
  return near === null ? null : `did you mean \`${near}\`?`
}

function checkNames(plan: Plan): FoundFault[] {
  const faults: FoundFault[] = []
  const names = (group: string, map: object | undefined) => {
    for (const name of Object.keys(map ?? {})) {
      // eslint-disable-next-line no-control-regex -- control characters are what is looked for
      if (name === '' || name.length > 200 || /[\u0000-\u001f\u007f]/.test(name)) {
        faults.push({ code: 'INVALID_NAME', path: [group, name], message: 'a name must have 1 to 200 characters and no control characters' })
      }
    }
  }
  names('domains', plan.domains)
  names('keyMaps', plan.keyMaps)
  names('entities', plan.entities)
  names('scripts', plan.scripts)
  if (Object.keys(plan.entities).length === 0) {
    faults.push({ severity: 'warning', code: 'NO_ENTITIES', path: ['entities'], message: 'the plan has no entity, so nothing is compared: add one per flow of rows' })
  }
  return faults
}

function checkKeyMaps(plan: Plan): FoundFault[] {
  return Object.entries(plan.keyMaps ?? {}).flatMap(([name, map]) => {
    const path: Path = ['keyMaps', name]
    const isNatural = map.source !== undefined || map.target !== undefined
    if (isNatural && (map.table ?? map.legacy ?? map.modern ?? map.where) !== undefined) {
      return [{ code: 'CONTRADICTION', path, message: 'a key map is either stored (table, legacy, modern) or natural (source, target): keep one of the two' }]
    }
    const faults: FoundFault[] = checkParentEntity(plan, name, [...path, 'entity'])
    if (isNatural) return [...faults, ...checkNatural(map, path)]
    for (const key of ['table', 'legacy', 'modern'] as const) {
      if (map[key] === undefined) faults.push({ code: 'MISSING_KEY', path: [...path, key], message: `a stored key map needs \`${key}\`: add it` })
    }
    if (map.table !== undefined) faults.push(...checkTableName(map.table, [...path, 'table']))
    return faults
  })
}

function checkNatural(map: PlanKeyMap, path: Path): FoundFault[] {
  return (['source', 'target'] as const).flatMap((side): FoundFault[] => {
    const written = map[side]
    if (written === undefined) return [{ code: 'MISSING_KEY', path: [...path, side], message: `a natural key map needs both sides: add \`${side}\`` }]
    if (written.query !== undefined) {
      const other = (['table', 'key', 'natural'] as const).find((key) => written[key] !== undefined)
      return other === undefined ? [] : [{ code: 'CONTRADICTION', path: [...path, side, other], message: `a query returns \`key\` and \`natural\` itself: remove \`${other}\`` }]
    }
    const missing = (['table', 'key', 'natural'] as const).filter((key) => written[key] === undefined)
    const faults = missing.map((key): FoundFault => ({ code: 'MISSING_KEY', path: [...path, side, key], message: `a side of a natural key map needs \`${key}\`: add it` }))
    return written.table === undefined ? faults : [...faults, ...checkTableName(written.table, [...path, side, 'table'])]
  })
}

/** The entity that a key map names must be keyed by it. */
function checkParentEntity(plan: Plan, keyMap: string, path: Path): FoundFault[] {
  const name = plan.keyMaps?.[keyMap]?.entity
  if (name === undefined) return []
  const entity = plan.entities[name]
  if (entity === undefined) return [{ code: 'UNKNOWN_ENTITY', path, message: `there is no entity \`${name}\`: correct the name`, suggestion: didYouMean(name, Object.keys(plan.entities)) }]
  const legs = entity.key === 'all' ? [] : Object.values(entity.key).map(longForm)
  if (legs.length === 1 && legs[0]?.references === keyMap) return []
  return [{ code: 'CONTRADICTION', path, message: `the key of \`${name}\` does not reference \`${keyMap}\`: name an entity whose key is one column that does` }]
}

function checkTableName(written: string | [string, string], path: Path): FoundFault[] {
  const table = readTableName(written)
  return 'fault' in table ? [{ code: 'INVALID_NAME', path, message: table.fault }] : []
}

function checkEntity(plan: Plan, entity: PlanEntity, path: Path): FoundFault[] {
  const faults: FoundFault[] = []
  if (!Object.hasOwn(plan.domains, entity.domain)) {
    faults.push({
      code: 'UNKNOWN_DOMAIN', path: [...path, 'domain'], message: `there is no domain \`${entity.domain}\`: add it under \`domains\``,
      suggestion: didYouMean(entity.domain, Object.keys(plan.domains)),
    })
  }
  faults.push(...checkOneOf(entity.source, ['table', 'query'], [...path, 'source']))
  if (entity.source.table !== undefined) faults.push(...checkTableName(entity.source.table, [...path, 'source', 'table']))
  faults.push(...checkTableName(entity.target.table, [...path, 'target', 'table']))
  faults.push(...checkReasons(entity.source.exclude, [...path, 'source', 'exclude']))
  faults.push(...checkReasons(entity.target.generated, [...path, 'target', 'generated']))
  faults.push(...checkReasons(entity.explained, [...path, 'explained']))
  entity.explained?.forEach((item, index) => faults.push(...checkOneOf(item, ['where', 'parent'], [...path, 'explained', index])))
  if (entity.source.covers !== undefined) faults.push(...checkTableName(entity.source.covers, [...path, 'source', 'covers']))
  if (entity.key === 'all' && Object.keys(entity.columns ?? {}).length === 0 && (entity.same?.length ?? 0) === 0) {
    faults.push({ code: 'NO_KEY', path: [...path, 'key'], message: 'the key is every mapped column, and no column is mapped: name columns under `same` or `columns`' })
  } else if (entity.key !== 'all' && Object.keys(entity.key).length === 0) {
    faults.push({ code: 'NO_KEY', path: [...path, 'key'], message: 'the entity has no key: name at least one target column and what it must equal' })
  }
  faults.push(...checkTerms(plan, entity, path), ...checkMappedOnce(entity, path), ...checkMappedAndIgnored(entity, path))
  return faults
}

/** Exactly one of the keys must stand there. */
function checkOneOf(value: object, keys: [string, string], path: Path): FoundFault[] {
  const present = keys.filter((key) => Object.hasOwn(value, key))
  if (present.length === 1) return []
  const message = present.length === 0 ? `one of \`${keys[0]}\` and \`${keys[1]}\` must stand here: add one` : `\`${keys[0]}\` and \`${keys[1]}\` exclude each other: keep one`
  return [{ code: present.length === 0 ? 'MISSING_KEY' : 'CONTRADICTION', path: present.length === 0 ? path : [...path, keys[1]], message }]
}

function checkReasons(list: { reason: string }[] | undefined, path: Path): FoundFault[] {
  const seen = new Set<string>()
  return (list ?? []).flatMap(({ reason }, index) => {
    const faults: FoundFault[] = []
    if (reason.trim() === '') faults.push({ code: 'MISSING_KEY', path: [...path, index, 'reason'], message: 'the reason is empty: say why' })
    if (seen.has(reason)) faults.push({ code: 'DUPLICATE_REASON', path: [...path, index, 'reason'], message: `the reason "${reason}" stands twice in this list: join the two with \`or\`, or tell them apart` })
    seen.add(reason)
    return faults
  })
}

/** The terms of key and columns with their paths. */
export function termsOf(entity: PlanEntity, path: Path): { name: string; part: 'key' | 'columns'; term: PlanTerm; path: Path }[] {
  const part = (of: 'key' | 'columns', terms: Record<string, string | PlanTerm>) =>
    Object.entries(terms).map(([name, term]) => ({ name, part: of, term: longForm(term), path: [...path, of, name] }))
  return [...part('key', entity.key === 'all' ? {} : entity.key), ...part('columns', entity.columns ?? {})]
}

function checkTerms(plan: Plan, entity: PlanEntity, path: Path): FoundFault[] {
  return termsOf(entity, path).flatMap(({ term, path: at }) => {
    const faults = checkOneOf(term, ['from', 'sql'], at)
    for (const { map, path: here } of referencedMaps(term, [...at, 'references'])) {
      if (Object.hasOwn(plan.keyMaps ?? {}, map)) continue
      faults.push({ code: 'UNKNOWN_KEY_MAP', path: here, message: `there is no key map \`${map}\`: add it under \`keyMaps\``, suggestion: didYouMean(map, Object.keys(plan.keyMaps ?? {})) })
    }
    if (typeof term.references === 'object' && Object.keys(term.references).length === 1) faults.push({ code: 'MISSING_KEY', path: [...at, 'references'], message: 'no code chooses a key map here: add one line for each code, `code: key map`' })
    for (const [key, other] of [['values', 'references'], ['zone', 'references'], ['zone', 'values'], ['as', 'references'], ['as', 'values'], ['as', 'zone'], ['as', 'tolerance']] as const) {
      if (term[key] !== undefined && term[other] !== undefined) faults.push({ code: 'CONTRADICTION', path: [...at, key], message: `\`${key}\` and \`${other}\` exclude each other: keep one` })
    }
    faults.push(...checkReasons(term.accept, [...at, 'accept']))
    const values = Object.values(term.values ?? {})
    if (new Set(values).size < values.length) {
      faults.push({ severity: 'info', code: 'LOSSY_VALUES', path: [...at, 'values'], message: 'several codes become one value: the target cannot tell them apart' })
    }
    return faults
  })
}

/** The key maps that a column references, by a code or alone. */
export function referencedMaps({ references }: PlanTerm, path: Path): { map: string; path: Path }[] {
  if (typeof references !== 'object') return references === undefined ? [] : [{ map: references, path }]
  return Object.entries(references).filter(([code]) => code !== 'by').map(([code, map]) => ({ map, path: [...path, code] }))
}

function checkMappedOnce(entity: PlanEntity, path: Path): FoundFault[] {
  const places = new Map<string, string>()
  const same = Array.isArray(entity.same) ? entity.same.map((name, index) => ({ name, part: 'same' as const, path: [...path, 'same', index] })) : []
  return [...termsOf(entity, path), ...same].flatMap(({ name, part, path: at }) => {
    const before = places.get(name)
    places.set(name, before ?? part)
    return before === undefined ? [] : [{ code: 'MAPPED_TWICE', path: at, message: `the target column \`${name}\` already stands in \`${before}\`: keep one of the two` }]
  })
}

function checkMappedAndIgnored(entity: PlanEntity, path: Path): FoundFault[] {
  const terms = termsOf(entity, path)
  const same = Array.isArray(entity.same) ? entity.same : []
  const mapped = {
    source: new Set([...same, ...terms.flatMap(({ term }) => term.from ?? [])]),
    target: new Set([...same, ...terms.filter(({ term }) => term.target === undefined).map(({ name }) => name)]),
  }
  return (['source', 'target'] as const).flatMap((side) => Object.keys(entity.ignore?.[side] ?? {}).filter((name) => mapped[side].has(name)).map((name) => ({
    code: 'MAPPED_AND_IGNORED', path: [...path, 'ignore', side, name], message: `the ${side} column \`${name}\` is compared and ignored: keep one of the two`,
  })))
}

function checkIgnoredTables(plan: Plan): FoundFault[] {
  return (['source', 'target'] as const).flatMap((side) => {
    const users = new Map<string, string>()
    for (const [name, entity] of Object.entries(plan.entities)) {
      const written = entity[side].table
      const table = written === undefined ? null : readTableName(written)
      if (table !== null && !('fault' in table)) users.set(formatTable(table), name)
    }
    return Object.keys(plan.ignore?.[side] ?? {}).flatMap((written): FoundFault[] => {
      const path = ['ignore', side, written]
      const table = readTableName(written)
      if ('fault' in table) return [{ code: 'INVALID_NAME', path, message: table.fault }]
      const entity = users.get(formatTable(table))
      return entity === undefined ? [] : [{ code: 'MAPPED_AND_IGNORED', path, entity, message: `the ${side} table ${written} is ignored here and used by the entity \`${entity}\`: keep one of the two` }]
    })
  })
}

/** The scripts that the plan knows: those named by entities and those under `scripts`. */
function checkScripts(plan: Plan): FoundFault[] {
  const known = new Set([...Object.keys(plan.scripts ?? {}), ...Object.values(plan.entities).flatMap((entity) => entity.script ?? [])])
  const places = Object.keys(plan.scripts ?? {})
  // through scripts that come later in the file alone, so that a circle is told once, at its first member
  const reaches = (from: string, to: string, seen: Set<string>): boolean => {
    if (from === to) return true
    if (seen.has(from) || places.indexOf(from) < places.indexOf(to)) return false
    seen.add(from)
    return (plan.scripts?.[from]?.dependsOn ?? []).some((next) => reaches(next, to, seen))
  }
  return Object.entries(plan.scripts ?? {}).flatMap(([name, script]) => (script.dependsOn ?? []).flatMap((wanted, index): FoundFault[] => {
    const path = ['scripts', name, 'dependsOn', index]
    if (wanted === name) return [{ code: 'CONTRADICTION', path, message: `the script \`${name}\` depends on itself: remove it` }]
    if (reaches(wanted, name, new Set())) return [{ code: 'CONTRADICTION', path, message: `the script \`${name}\` depends on \`${wanted}\`, which depends on it: take one of the dependencies out of the circle` }]
    if (known.has(wanted)) return []
    return [{
      severity: 'warning', code: 'UNKNOWN_SCRIPT', path, message: `no entity and no entry of \`scripts\` names the script \`${wanted}\`: add it under \`scripts\`, or correct the name`,
      suggestion: didYouMean(wanted, known),
    }]
  }))
}

function checkRuleNames(plan: Plan): FoundFault[] {
  const names = (plan.rules ?? []).map(({ name }) => name)
  return names.flatMap((name, index) => (names.indexOf(name) === index ? [] : [{ code: 'DUPLICATE_NAME', path: ['rules', index, 'name'], message: `two rules are called \`${name}\`: give one another name` }]))
}

/** A gate must ask something, of a domain that is there and has rows. */
function checkGates({ gates, domains, entities }: Plan): FoundFault[] {
  if (gates === undefined) return []
  const used = new Set(Object.values(entities).map(({ domain }) => domain))
  const asksNothing = (path: Path): FoundFault => ({ code: 'MISSING_KEY', path, message: 'nothing is asked here: write a limit, for example `maxMissing: 0`, or remove the key' })
  const { domains: ofDomains = {}, ...limits } = gates
  const faults = Object.keys(limits).length + Object.keys(ofDomains).length === 0 ? [asksNothing(['gates'])] : []
  return [...faults, ...Object.entries(ofDomains).flatMap(([name, asked]): FoundFault[] => {
    const path: Path = ['gates', 'domains', name]
    if (!Object.hasOwn(domains, name)) return [{ code: 'UNKNOWN_DOMAIN', path, message: `there is no domain \`${name}\`: correct the name`, suggestion: didYouMean(name, used) }]
    if (Object.keys(asked).length === 0) return [asksNothing(path)]
    return used.has(name) ? [] : [{ severity: 'warning', code: 'UNUSED_DOMAIN', path, message: `no entity is in the domain \`${name}\`, so nobody can tell whether its limits hold` }]
  })]
}

function checkUnused(plan: Plan): FoundFault[] {
  const entities = Object.values(plan.entities)
  const domains = new Set(entities.map(({ domain }) => domain))
  const maps = new Set(entities.flatMap((entity) => termsOf(entity, [])).flatMap(({ term }) => referencedMaps(term, []).map(({ map }) => map)))
  return [
    ...Object.keys(plan.domains).filter((name) => !domains.has(name)).map((name): FoundFault => ({
      severity: 'info', code: 'UNUSED_DOMAIN', path: ['domains', name], message: `no entity is in the domain \`${name}\``,
    })),
    ...Object.keys(plan.keyMaps ?? {}).filter((name) => !maps.has(name)).map((name): FoundFault => ({
      severity: 'info', code: 'UNUSED_KEY_MAP', path: ['keyMaps', name], message: `no column references the key map \`${name}\``,
    })),
  ]
}
