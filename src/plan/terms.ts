import { canonicalOf, canonicalText, canonicalValue, chooseCanonical, chooseKeyKind, type CanonicalChoice, type CanonicalKind } from '../core/canonical.js'
import type { Catalog, RelationInfo, TypeInfo } from '../core/catalog.js'
import { commonModernType, isNatural, taggedKey } from '../core/key-map-expressions.js'
import { isCode } from '../core/term-expressions.js'
import { quoteIdentifier } from '../core/identifier.js'
import { readJson } from '../core/json-text.js'
import type { KeyMapSpec, StoredKeyMapSpec, TermSpec, ValueMap } from '../core/spec.js'
import type { Description } from '../db/catalog.js'
import { readLiteral } from './cast.js'
import { termsOf } from './cross-reference.js'
import { formatPath, type FoundFault, type Path } from './fault.js'
import type { LoadedPlan } from './load.js'
import { checkColumn } from './relations.js'
import type { PlanEntity, PlanTerm } from './schema.js'
import type { SqlPart } from './sql-parts.js'

/** What the server said of each piece of SQL and each literal, by `formatPath` of its place (and `#code` for a code of `values`). */
export type ExpressionTypes = ReadonlyMap<string, Description>

/** A key map as the checks found it, with the types of the keys that it leads from and to. */
export interface ResolvedKeyMap {
  spec: KeyMapSpec
  legacy: TypeInfo
  modern: TypeInfo
  /** of `modern`, for people */
  modernColumn: string
}

/** All that is known of an entity whose two relations exist. */
export interface EntityContext {
  loaded: LoadedPlan
  entity: PlanEntity
  path: Path
  catalogs: { source: Catalog; target: Catalog }
  source: RelationInfo
  target: RelationInfo
  parts: SqlPart[]
  types: ExpressionTypes
  /** null: the map has faults of its own */
  keyMaps: ReadonlyMap<string, ResolvedKeyMap | null>
}

/** A column pair as the plan means it, before its types are judged. */
export interface PlannedTerm {
  name: string
  part: 'key' | 'columns' | 'same'
  term: PlanTerm
  path: Path
}

/** The terms of an entity, `same` written out; with `key: all` they are all legs of the key. */
export function plannedTerms(entity: PlanEntity, path: Path, source: RelationInfo, target: RelationInfo): PlannedTerm[] {
  const terms = writtenTerms(entity, path, source, target)
  return entity.key === 'all' ? terms.map((planned) => ({ ...planned, part: 'key' })) : terms
}

function writtenTerms(entity: PlanEntity, path: Path, source: RelationInfo, target: RelationInfo): PlannedTerm[] {
  const written: PlannedTerm[] = termsOf(entity, path)
  const same = (name: string, at: Path): PlannedTerm => ({ name, part: 'same', term: { from: name }, path: at })
  if (Array.isArray(entity.same)) return [...written, ...entity.same.map((name, index) => same(name, [...path, 'same', index]))]
  if (entity.same === undefined) return written
  const elsewhere = new Set([...written.map(({ name }) => name), ...Object.keys(entity.ignore?.source ?? {}), ...Object.keys(entity.ignore?.target ?? {})])
  const common = target.columns.filter(({ name }) => !elsewhere.has(name) && source.columns.some((column) => column.name === name))
  return [...written, ...common.map(({ name }) => same(name, [...path, 'same']))]
}

/** The type of the source side of a term; null when it is not known. */
export function sourceTypeOf(context: Pick<EntityContext, 'source' | 'types'>, { term, path }: PlannedTerm): TypeInfo | null {
  if (term.from !== undefined) return context.source.columns.find(({ name }) => name === term.from)?.type ?? null
  const described = context.types.get(formatPath([...path, 'sql']))
  return described !== undefined && 'type' in described ? described.type : null
}

/** The type of the target side of a term; null when it is not known. */
export function targetTypeOf(context: Pick<EntityContext, 'target' | 'types'>, { term, path, name }: PlannedTerm): TypeInfo | null {
  if (term.target === undefined) return context.target.columns.find((column) => column.name === name)?.type ?? null
  const described = context.types.get(formatPath([...path, 'target']))
  return described !== undefined && 'type' in described ? described.type : null
}

/** A term with what it is compared by. */
export interface ResolvedTerm {
  planned: PlannedTerm
  /** null: at fault */
  spec: TermSpec | null
  /** the key map that `spec` names */
  map: KeyMapSpec | null
}

/** Resolves the terms of an entity. A map that a code chooses is named by those that it is made of; where another one has that name, it is numbered. */
export function resolveTerms(context: EntityContext, planned: PlannedTerm[]): (ResolvedTerm & { faults: FoundFault[] })[] {
  const taken = new Map<string, string | null>([...context.keyMaps.keys()].map((name) => [name, null]))
  return planned.map((one) => {
    const resolved = resolveTerm(context, one)
    const { spec, map } = resolved
    if (spec === null || map === null || isNatural(map) || map.members.length === 0) return resolved
    const content = JSON.stringify(map)
    let name = map.name
    for (let number = 2; taken.has(name) && taken.get(name) !== content; number += 1) name = `${map.name} (${number})`
    taken.set(name, content)
    return { ...resolved, spec: { ...spec, keyMap: name }, map: { ...map, name } }
  })
}

/** Resolves one term: names, types, canonical kind. Faults of its SQL are found elsewhere. */
function resolveTerm(context: EntityContext, planned: PlannedTerm): ResolvedTerm & { faults: FoundFault[] } {
  const { term, path, name, part } = planned
  const missing = checkTermColumns(context, planned)
  const nothing = { planned, spec: null, map: null }
  if (missing.length > 0) return { ...nothing, faults: missing }
  const rawTarget = targetTypeOf(context, planned)
  const rawSource = sourceTypeOf(context, planned)
  if (rawTarget === null || rawSource === null) return { ...nothing, faults: undescribed(context, planned) }
  const sqlAt = (key: 'sql' | 'target') => `(${context.parts.find((one) => formatPath(one.path) === formatPath([...path, key]))?.fragment.sql ?? 'null'}\n)`
  const written = { source: term.from === undefined ? sqlAt('sql') : `src.${quoteIdentifier(term.from)}`, target: term.target === undefined ? `tgt.${quoteIdentifier(name)}` : sqlAt('target') }
  if (typeof term.references === 'object') return resolveByCode(context, planned, { ...term.references }, { source: written.source, target: written.target, sourceType: rawSource, targetType: rawTarget })
  const source = term.as === 'json' ? asJson(written.source, rawSource, context.catalogs.source) : { sql: written.source, raw: null, type: rawSource }
  const target = term.as === 'json' ? asJson(written.target, rawTarget, context.catalogs.target) : { sql: written.target, raw: null, type: rawTarget }
  const [sourceType, targetType] = [source.type, target.type]
  const { choice, faults } = chooseKind(context, planned, sourceType, targetType)
  const judged = [...faults, ...judgeChoice(planned, choice, name)]
  if (term.tolerance !== undefined && term.references === undefined && !('refused' in choice)) judged.push(...checkTolerance(choice.kind, term.tolerance, context.types, [...path, 'tolerance']))
  if ('refused' in choice) return { ...nothing, faults: judged }
  if (part === 'key' && choice.kind.decideAs !== null) {
    judged.push({ code: 'INCOMPATIBLE_TYPES', path, message: `\`${name}\` cannot be part of a key: equal values of ${sourceType.name} have several texts; choose another column, or bring it to one form in \`sql\`` })
  }
  judged.push(...checkAllowances(planned))
  const values = term.values === undefined ? null : readValues(context.loaded, [...path, 'values'], term.values)
  const accepted = resolveAccepted(context, planned, target.raw === null ? [rawTarget] : [targetType, rawTarget])
  judged.push(...accepted.faults)
  const keyMap = term.references ?? null
  const spec: TermSpec = {
    name, source: source.sql, target: target.sql, sourceRaw: source.raw, targetRaw: target.raw, accept: accepted.values,
    sourceType: sourceType.name, targetType: targetType.name, canonical: choice.kind, keyMap,
    values, zone: term.zone ?? null, tolerance: term.tolerance ?? null, pii: term.pii ?? false,
  }
  return { planned, spec, map: keyMap === null ? null : (context.keyMaps.get(keyMap)?.spec ?? null), faults: judged }
}

/** What a key or a reference must equal it must equal as it is; a reference may still have other values that are named. */
function checkAllowances({ term, path, part }: PlannedTerm): FoundFault[] {
  const written = (['tolerance', 'accept'] as const).filter((key) => term[key] !== undefined)
  if (part === 'key') {
    return written.map((key) => ({ code: 'CONTRADICTION', path: [...path, key], message: `\`${key}\` cannot stand in a key: with \`key: all\` every column is part of it; remove it, or name the columns of the key` }))
  }
  if (term.tolerance === undefined || term.references === undefined) return []
  return [{ code: 'CONTRADICTION', path: [...path, 'tolerance'], message: '`tolerance` cannot stand at a reference: a key that is near the right one names another row; remove it, or list other values under `accept`' }]
}

const textTypes = ['text', 'varchar', 'bpchar', 'citext']

/** A text read as JSON, with the text as it stands; what is JSON already stays as it is. */
function asJson(sql: string, type: TypeInfo, { server }: Catalog): { sql: string; raw: string | null; type: TypeInfo } {
  return textTypes.includes(type.base) ? { sql: readJson(sql, server), raw: sql, type: { name: 'jsonb', base: 'jsonb', kind: 'b', element: null } } : { sql, raw: null, type }
}

/**
 * The accepted values of a column, in one form in which they meet the target's.
 * @param targets the types of the target's value, as it is read and as it stands; the first that fits is taken
 */
function resolveAccepted({ parts, types }: EntityContext, { term, path, name }: PlannedTerm, targets: TypeInfo[]): { values: TermSpec['accept']; faults: FoundFault[] } {
  const faults: FoundFault[] = []
  const values = (term.accept ?? []).flatMap(({ reason }, index): TermSpec['accept'] => {
    const at = [...path, 'accept', index]
    const sqlAt = (key: string) => parts.find((part) => formatPath(part.path) === formatPath([...at, key]))?.fragment.sql ?? null
    const described = types.get(formatPath([...at, 'value']))
    const value = sqlAt('value')
    if (value === null || described === undefined || 'error' in described) return []
    const choices = targets.map((target) => chooseCanonical(described.type, target, { zone: null }))
    const choice = choices.find((one) => !('refused' in one)) ?? choices[0]
    if (choice === undefined || 'refused' in choice) {
      faults.push({ code: 'INCOMPATIBLE_TYPES', path: [...at, 'value'], message: `the accepted value of \`${name}\` cannot be compared: ${choice?.refused ?? 'it has no type'}`, suggestion: choice?.suggestion ?? null })
      return []
    }
    if (choice.warning !== undefined) faults.push(lossyTypes([...at, 'value'], `the accepted value of \`${name}\``, choice.warning))
    return [{ reason, where: sqlAt('where'), value, kind: choice.kind }]
  })
  const [first, ...others] = values
  const odd = others.findIndex(({ kind }) => kind.name !== first?.kind.name || kind.literalType !== first.kind.literalType)
  if (odd !== -1) faults.push({ code: 'INCOMPATIBLE_TYPES', path: [...path, 'accept', odd + 1, 'value'], message: `the accepted values of \`${name}\` have several types: cast them to one` })
  return { values, faults }
}

/** References whose key map a code chooses: all its maps are one, in which each legacy key stands behind the name of its map. */
function resolveByCode(context: EntityContext, planned: PlannedTerm, references: Record<string, string>, own: { source: string; target: string; sourceType: TypeInfo; targetType: TypeInfo }): ResolvedTerm & { faults: FoundFault[] } {
  const { term, path, name } = planned
  const { by = '', ...maps } = references
  const at = [...path, 'references']
  const nothing = { planned, spec: null, map: null }
  const fault = checkColumn(context.catalogs.source, context.source, by, [...at, 'by'])
  const code = context.source.columns.find((column) => column.name === by)
  if (fault !== null || code === undefined) return { ...nothing, faults: fault === null ? [] : [fault] }
  const faults: FoundFault[] = []
  const meaning = new Map<string, { written: string; keyMap: string }>()
  const choices = Object.entries(maps).flatMap(([written, keyMap]) => {
    const here = [...at, written]
    const value = readLiteral(code.type, written)
    const refused = refusal(context.types, here, (error) => ({ code: 'INVALID_CODE', path: here, message: `the code \`${written}\` is no ${code.type.name}: ${error}` }), '#code')
    if (refused.length > 0) faults.push(...refused)
    else if (value === null) faults.push({ code: 'INVALID_CODE', path: here, message: `the code \`${written}\` is no ${code.type.name}: write codes as \`${by}\` holds them` })
    const before = meaning.get(value ?? '')
    if (value !== null && before !== undefined && before.keyMap !== keyMap) faults.push({ code: 'INVALID_CODE', path: here, message: `the codes \`${before.written}\` and \`${written}\` are one ${code.type.name} with two key maps: keep one` })
    if (value !== null) meaning.set(value, { written, keyMap })
    const chosen = chooseReference(context, { ...planned, path: here }, keyMap, own.sourceType, own.targetType)
    faults.push(...chosen.faults, ...judgeChoice({ ...planned, path: here }, chosen.choice, name))
    const map = context.keyMaps.get(keyMap)?.spec
    if (map !== undefined && isNatural(map)) faults.push({ code: 'UNSUPPORTED', path: here, message: `\`${keyMap}\` is a natural key map, and a code can choose among stored ones only: write one entity per code, each with its \`where\`` })
    return 'refused' in chosen.choice || map === undefined || isNatural(map) ? [] : [{ code: written, map, kind: chosen.choice.kind }]
  })
  const accepted = resolveAccepted(context, planned, [own.targetType])
  faults.push(...checkAllowances(planned), ...accepted.faults)
  if (choices.length < Object.keys(maps).length) return { ...nothing, faults }
  const column = `src.${quoteIdentifier(by)}`
  const tagged = choices.map((one) => `when ${isCode(column, code.type.name, one.code)} then ${taggedKey(one.map.name, canonicalText(canonicalValue(one.kind, own.sourceType.name, own.source)))}`)
  const members = [...new Map(choices.map(({ map, kind }) => [map.name, { map, kind }])).values()]
  const map: StoredKeyMapSpec = { name: `${members.map((one) => one.map.name).join(' or ')} by ${by}`, schema: '', table: '', members, legacy: 'legacy', modern: 'modern', unique: { legacy: false, modern: false }, legacyType: 'text', modernType: commonModernType(members.map((one) => one.map)), where: null }
  const spec: TermSpec = {
    name, source: `(case ${tagged.join(' ')} end)`, sourceRaw: `(case when ${own.source} is not null then coalesce((${column})::text, 'NULL') || ' ' || (${own.source})::text end)`,
    target: own.target, targetRaw: null, sourceType: 'text', targetType: own.targetType.name, canonical: naturalKind, keyMap: map.name, values: null, zone: null, tolerance: null,
    accept: accepted.values, pii: term.pii ?? false,
  }
  return { planned, spec, map, faults }
}

function checkTermColumns({ catalogs, source, target }: EntityContext, { term, path, name, part }: PlannedTerm): FoundFault[] {
  const at = part === 'same' || path.length === 0 ? path : [...path, 'from']
  return [term.from === undefined ? null : checkColumn(catalogs.source, source, term.from, at), term.target === undefined ? checkColumn(catalogs.target, target, name, path) : null].filter((fault) => fault !== null)
}

/** SQL that no server has described is a fault of its own, unless its text or its table already has one. */
function undescribed({ parts, types, source, target }: EntityContext, { path, term }: PlannedTerm): FoundFault[] {
  return (['sql', 'target'] as const).flatMap((key): FoundFault[] => {
    const relation = key === 'sql' ? source : target
    if (term[key] === undefined || !relation.selectable || relation.rowSecurity) return []
    const at = [...path, key]
    const part = parts.find((one) => formatPath(one.path) === formatPath(at))
    const isFaulty = (one: SqlPart | null | undefined) => one?.faults.some(({ severity }) => (severity ?? 'critical') === 'critical') === true
    if (types.get(formatPath(at)) !== undefined || isFaulty(part) || isFaulty(part?.join)) return []
    return [{ code: 'INVALID_SQL', path: at, message: 'the type of this SQL is not known: it was not shown to the server' }]
  })
}

function chooseKind(context: EntityContext, planned: PlannedTerm, source: TypeInfo, target: TypeInfo): { choice: CanonicalChoice; faults: FoundFault[] } {
  const { term } = planned
  if (typeof term.references === 'string') return chooseReference(context, planned, term.references, source, target)
  if (term.zone !== undefined) return { choice: chooseCanonical(source, target, { zone: term.zone }), faults: checkZone(context, planned, term.zone) }
  if (term.values === undefined) return { choice: chooseCanonical(source, target, { zone: null }), faults: [] }
  const readable = canonicalOf(source)
  return { choice: 'refused' in readable ? readable : canonicalOf(target), faults: checkValues(context, planned, source, target) }
}

/** References by a natural key map are compared by the natural value, those whose map a code chooses by the key behind the name of the map. */
const naturalKind: CanonicalKind = { name: 'text', literalType: 'text', decideAs: null }
const keyKinds: CanonicalKind['name'][] = ['integer', 'bigint', 'numeric', 'uuid', 'uuid text', 'text', 'padded text']

function chooseReference({ keyMaps }: EntityContext, { path }: PlannedTerm, name: string, source: TypeInfo, target: TypeInfo): { choice: CanonicalChoice; faults: FoundFault[] } {
  const map = keyMaps.get(name)
  if (map === undefined || map === null) return { choice: { refused: `the key map \`${name}\` has faults of its own`, suggestion: 'repair them first' }, faults: [] }
  const choice = chooseKeyKind(source, map.legacy)
  if (!('refused' in choice) && !keyKinds.includes(choice.kind.name)) {
    return { choice: { refused: `a legacy key of type ${map.legacy.name} is not supported; whole numbers, numeric, uuid and text are` }, faults: [] }
  }
  const modern = chooseCanonical(map.modern, target, { zone: null })
  if (!('refused' in modern)) {
    const warning = modern.warning === undefined ? [] : [lossyTypes([...path, 'references'], `the modern keys of \`${name}\``, modern.warning)]
    return { choice: isNatural(map.spec) && !('refused' in choice) ? { kind: naturalKind } : choice, faults: warning }
  }
  const message = `\`${map.modernColumn}\` of the key map \`${name}\` is ${map.modern.name} and the target column ${target.name}: ${modern.refused}`
  return { choice, faults: [{ code: 'INCOMPATIBLE_TYPES', path: [...path, 'references'], message }] }
}

const numberKinds: CanonicalKind['name'][] = ['integer', 'bigint', 'numeric', 'float4', 'float8']
const timeTypes = ['date', 'time', 'timestamp', 'timestamptz']

function checkTolerance(kind: CanonicalKind, tolerance: string, types: ExpressionTypes, path: Path): FoundFault[] {
  if (numberKinds.includes(kind.name)) {
    return /^\d+(\.\d+)?([eE][+-]?\d+)?$/.test(tolerance) ? [] : [{ code: 'INVALID_TOLERANCE', path, message: `\`${tolerance}\` is no distance of numbers: write a number, zero or more, such as \`0.0001\`` }]
  }
  if (kind.name !== 'verbatim' || !timeTypes.includes(kind.literalType)) {
    return [{ code: 'INVALID_TOLERANCE', path, message: `a tolerance is for numbers and times, and this column is compared as ${kind.literalType}: remove it` }]
  }
  return refusal(types, path, (error) => ({ code: 'INVALID_TOLERANCE', path, message: `\`${tolerance}\` is no interval: ${error}; write one such as \`2 seconds\`` }))
}

/** PostgreSQL takes many misspelt zones for a POSIX rule with its own offset, so only names of the tz database pass. */
function checkZone({ types }: EntityContext, { path }: PlannedTerm, zone: string): FoundFault[] {
  const at = [...path, 'zone']
  if (!/^[A-Za-z]/.test(zone) || !isKnownZone(zone)) return [{ code: 'UNKNOWN_ZONE', path: at, message: `\`${zone}\` is no time zone: write a name such as \`America/New_York\` or \`UTC\`` }]
  return refusal(types, at, (error) => ({ code: 'UNKNOWN_ZONE', path: at, message: `the source server does not know the time zone \`${zone}\`: ${error}` }))
}

function isKnownZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false // RangeError is the only answer to an unknown name
  }
}

function refusal(types: ExpressionTypes, path: Path, faultOf: (error: string) => FoundFault, suffix = ''): FoundFault[] {
  const described = types.get(`${formatPath(path)}${suffix}`)
  return described !== undefined && 'error' in described ? [faultOf(described.error)] : []
}

/** Codes must be values of the source's type, and what they become of the target's; one value may not be coded in two ways. */
function checkValues({ types, loaded }: EntityContext, { term, path }: PlannedTerm, source: TypeInfo, target: TypeInfo): FoundFault[] {
  const meaning = new Map<string, { code: string; value: string | null }>()
  return Object.entries(term.values ?? {}).flatMap(([code, value]) => {
    const at = [...path, 'values', code]
    const faults: FoundFault[] = []
    const isSpecialCode = (code === 'null' || code === 'other') && !loaded.isQuoted(at)
    const read = readLiteral(source, code)
    const codeFault = refusal(types, at, (error) => ({ code: 'INVALID_CODE', path: at, message: `the code \`${code}\` is no ${source.name}: ${error}` }), '#code')
    if (codeFault.length > 0) faults.push(...codeFault)
    else if (!isSpecialCode && read === null) faults.push({ code: 'INVALID_CODE', path: at, message: `the code \`${code}\` is no ${source.name}: write codes as the source holds them` })
    const before = read === null || isSpecialCode ? undefined : meaning.get(read)
    if (before !== undefined && before.value !== value) faults.push({ code: 'INVALID_CODE', path: at, message: `the codes \`${before.code}\` and \`${code}\` are one ${source.name} with two values: keep one` })
    if (read !== null && !isSpecialCode) meaning.set(read, { code, value })
    const valueFault = refusal(types, at, (error) => ({ code: 'INVALID_CODE', path: at, message: `the value \`${String(value)}\` is no ${target.name}: ${error}` }))
    if (valueFault.length > 0) faults.push(...valueFault)
    else if (value !== null && readLiteral(target, value) === null) faults.push({ code: 'INVALID_CODE', path: at, message: `the value \`${value}\` is no ${target.name}: write it as the target holds it` })
    return faults
  })
}

/** `null:` without quotes is what a NULL becomes, `other:` what every code outside the list becomes; in quotes they are the text. */
export function readValues(loaded: LoadedPlan, path: Path, values: Record<string, string | null>): ValueMap {
  const isSpecial = (word: string, code: string) => code === word && !loaded.isQuoted([...path, code])
  const entries = Object.entries(values)
  const nullEntry = entries.find(([code]) => isSpecial('null', code))
  const codes = entries.filter(([code]) => !isSpecial('null', code) && !isSpecial('other', code)).map(([code, value]) => ({ code, value }))
  const otherEntry = entries.find(([code]) => isSpecial('other', code))
  return { codes, ...(nullEntry === undefined ? {} : { null: { value: nullEntry[1] } }), ...(otherEntry === undefined ? {} : { other: { value: otherEntry[1] } }) }
}

function judgeChoice({ path }: PlannedTerm, choice: CanonicalChoice, name: string): FoundFault[] {
  if ('refused' in choice) return [{ code: 'INCOMPATIBLE_TYPES', path, message: `\`${name}\` cannot be compared: ${choice.refused}`, suggestion: choice.suggestion ?? null }]
  return choice.warning === undefined ? [] : [lossyTypes(path, `\`${name}\``, choice.warning)]
}

function lossyTypes(path: Path, subject: string, warning: string): FoundFault {
  return { severity: 'warning', code: 'LOSSY_TYPES', path, message: `${subject}: ${warning}` }
}
