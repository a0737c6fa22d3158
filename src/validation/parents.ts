import { isNatural } from '../core/key-map-expressions.js'
import { findSourceKeysStatement, findTargetKeysStatement, readParentsStatement } from '../core/reread-expressions.js'
import { bareSource, type StatementOptions } from '../core/row-expressions.js'
import { foldKey, shownKey, type SourceRow } from '../core/pairing.js'
import type { ComparisonSpec, Explanation } from '../core/spec.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { loadCollapsed } from './key-maps.js'
import { read, textArray, type Reader, type TextRow } from './reader.js'

/** What became of a source row that other rows reference. */
export interface Fate {
  /** absent: there is no such row · unclaimed: its entity does not claim it, another one keyed by the same map may, or it could not be read · pending: it was changed within the lag, or is a child of such a row */
  state: 'absent' | 'unclaimed' | 'excluded' | 'arrived' | 'explained' | 'pending' | 'missing'
  /** of a missing row: the missing row at the top of its chain, for people; null until it is known */
  root: string | null
}

/** Fates by parent, as `parents` of the spec lists them; null: the row references nothing there. */
export type Fates = (Fate | null)[]

/** A row whose absence may be explained. */
interface OpenParent {
  of: ComparisonSpec
  key: string
  /** set once it is known */
  fate: Fate
  /** index of the first explanation whose own condition holds */
  reason: number | null
  /** its own references, as `parents` of the spec lists them */
  texts: (string | null)[]
  /** key of the row that it is merged into, where their entries lead to the same row; its fate is that one's */
  survivor: string | null
}

interface ParentOptions {
  /** the servers differ in encoding */
  recode: boolean
  parents: Readonly<Record<string, ComparisonSpec>>
  /** when the pass saw the source, ISO 8601; null when it is not known */
  snapshot: string | null
}

/** The cause of a row that has not arrived, as its parent is pending. */
export const parentPending = 'parent pending'

/** The reason of the first explanation that holds: by its own condition (the index of the first such is given), or because the parent never was to arrive. */
export function reasonOfAbsence(explained: readonly Explanation[], ownReason: number | null, fates: Fates): string | null {
  const holds = (one: Explanation, index: number) => ('where' in one ? index === ownReason : ['absent', 'excluded', 'explained'].includes(fates[one.parent]?.state ?? ''))
  return explained.find(holds)?.reason ?? null
}

export function hasPendingParent(fates: Fates): boolean {
  return fates.some((fate) => fate?.state === 'pending')
}

/** The target column whose reference leads to a parent. */
export function parentColumn(spec: ComparisonSpec, parent: number): string {
  const found = spec.parents[parent]
  return (found === undefined ? undefined : spec[found.part][found.index]?.name) ?? ''
}

/**
 * Reads what became of the rows that unpaired rows reference, and of those that these reference in turn. Only keys that are asked for are
 * read, each once; a cycle of missing rows ends as missing.
 */
export function createParentReader(spec: ComparisonSpec, readers: { source: Reader; target: Reader }, { recode, parents, snapshot }: ParentOptions, signal: AbortSignal) {
  // nothing else of the child's statements is true of its parents' tables: an address there names another row
  const statement: StatementOptions = { segments: 1, recode }
  /** entity → key text → fate */
  const known = new Map<string, Map<string, Fate>>()

  async function fatesOf<Row extends Pick<SourceRow, 'key' | 'columns'>>(rows: readonly Row[]): Promise<Map<Row, Fates>> {
    if (spec.parents.length === 0) return new Map()
    const texts = rows.map((row) => spec.parents.map(({ part, index }) => row[part][index] ?? null))
    const open: OpenParent[] = []
    await look(spec, texts, open)
    settleOpen(open)
    return new Map(rows.map((row, position) => [row, fatesAt(spec, texts[position] ?? [])]))
  }

  function fatesAt(of: ComparisonSpec, texts: readonly (string | null)[]): Fates {
    return of.parents.map(({ entity }, parent) => known.get(entity)?.get(texts[parent] ?? '') ?? null)
  }

  /** Reads all parents of these rows. */
  async function look(of: ComparisonSpec, rows: readonly (readonly (string | null)[])[], open: OpenParent[]): Promise<void> {
    for (const [parent, { entity, siblings = [] }] of of.parents.entries()) {
      const fates = known.get(entity) ?? new Map<string, Fate>()
      known.set(entity, fates)
      const parentSpec = parents[entity]
      if (parentSpec === undefined) continue
      const isUnnamed = canBeUnnamed(of, parent, parentSpec)
      const wanted = [...new Set(rows.flatMap((texts) => texts[parent] ?? []))].filter((text) => (text.startsWith('=') || (isUnnamed && text.startsWith('?'))) && !fates.has(text))
      if (wanted.length > 0) await readFates(parentSpec, siblings.flatMap((name) => parents[name] ?? []), wanted, fates, open)
    }
  }

  /** @param siblings the other entities that are keyed by the same map */
  async function readFates(of: ComparisonSpec, siblings: readonly ComparisonSpec[], wanted: string[], fates: Map<string, Fate>, open: OpenParent[]): Promise<void> {
    const list = textArray(wanted)
    const rows = new Map<string, TextRow[]>()
    for (const row of await read(readers.source, signal, readParentsStatement(of, statement, snapshot), [list])) {
      const key = row['k0'] ?? ''
      rows.set(key, [...(rows.get(key) ?? []), row])
    }
    const unclaimed = new Set(await keysFound(findSourceKeysStatement(of, statement, false), wanted))
    for (const one of [...(of.source.join === null && of.source.query === null ? [] : [of]), ...siblings]) {
      const absent = wanted.filter((key) => !rows.has(key) && !unclaimed.has(key))
      const bare = bareSource(one)
      if (absent.length > 0) for (const key of bare === null ? absent : await keysFound(findSourceKeysStatement(bare, statement, true), absent)) unclaimed.add(key)
    }
    const [leg] = of.key
    const collapsed = leg === undefined || leg.keyMap === null ? null : await loadCollapsed(of, leg, readers.target, signal)
    const fold = (key: string) => foldKey([key], [collapsed])[0] ?? key
    const arrived = await readArrived(of, wanted, fold)
    const found: OpenParent[] = []
    for (const key of wanted) {
      const own = rows.get(key) ?? []
      const live = own.find((row) => row['excluded'] === null)
      const fate: Fate = { state: live !== undefined ? (arrived.has(key) ? 'arrived' : live['recent'] === 'true' ? 'pending' : 'missing') : own.length > 0 ? 'excluded' : unclaimed.has(key) ? 'unclaimed' : 'absent', root: null }
      fates.set(key, fate)
      if (live === undefined || fate.state !== 'missing') continue
      const survivor = live['s0'] ?? null
      found.push({
        of, key, fate, reason: typeof live['reason'] === 'string' ? Number(live['reason']) : null, texts: of.parents.map((_, parent) => live[`p${parent}`] ?? null),
        survivor: survivor !== null && fold(survivor) === fold(key) ? survivor : null,
      })
    }
    open.push(...found)
    await look(of, found.map(({ texts }) => texts), open)
    const survivors = [...new Set(found.flatMap(({ survivor }) => survivor ?? []))].filter((key) => !fates.has(key))
    if (survivors.length > 0) await readFates(of, siblings, survivors, fates, open)
  }

  /** What never was to arrive explains its children, and so on until nothing more is explained; then the children of what is pending are pending: whatever leads in a circle to itself is missing. */
  function settleOpen(open: readonly OpenParent[]): void {
    // rows that were found last stand higher in their chains
    const waiting = [...open].reverse()
    for (const step of [stateOf, (one: OpenParent) => (isOfPending(one) ? 'pending' as const : 'missing' as const)]) {
      for (let isSettled = false; !isSettled;) {
        isSettled = true
        for (const one of waiting) {
          if (one.fate.state !== 'missing') continue
          one.fate.state = step(one)
          if (one.fate.state !== 'missing') isSettled = false
        }
      }
    }
    const owners = new Map(open.map((one) => [one.fate, one]))
    for (const one of open) if (one.fate.state === 'missing') one.fate.root = rootOf(one, owners)
  }

  function survivorOf({ of, survivor }: OpenParent): Fate | null {
    return survivor === null ? null : (known.get(of.entity)?.get(survivor) ?? null)
  }

  function stateOf(one: OpenParent): Fate['state'] {
    return survivorOf(one)?.state ?? (reasonOfAbsence(one.of.source.explained, one.reason, fatesAt(one.of, one.texts)) === null ? 'missing' : 'explained')
  }

  function isOfPending(one: OpenParent): boolean {
    const survivor = survivorOf(one)
    return survivor === null ? hasPendingParent(fatesAt(one.of, one.texts)) : survivor.state === 'pending'
  }

  /** The name of the missing row at the top of a chain; of a circle, of the row that closes it. */
  function rootOf(one: OpenParent, owners: ReadonlyMap<Fate, OpenParent>): string {
    const chain = new Set<OpenParent>()
    for (let top = one; ;) {
      chain.add(top)
      const survivor = survivorOf(top)
      const above = survivor ?? fatesAt(top.of, top.texts).find((fate) => fate?.state === 'missing')
      if (typeof above?.root === 'string') return above.root
      const owner = above === undefined || above === null ? undefined : owners.get(above)
      if (owner === undefined || chain.has(owner)) return nameOf(top.of, top.key)
      top = owner
    }
  }

  /** Which of these keys rows have that the entity does not claim. They need not be fit for its SQL, which may read what is joined to others: then none of the keys may be called absent. */
  async function keysFound(statement: string, wanted: string[]): Promise<string[]> {
    try {
      return (await read(readers.source, signal, statement, [textArray(wanted)])).flatMap((row) => row['k0'] ?? [])
    } catch (error) {
      if (signal.aborted || isTransient(error) || !/^(2|42)/.test(sqlstateOf(error) ?? '')) throw error
      return wanted
    }
  }

  /** Of these keys, those whose target row exists; through a many-to-one map it stands under the smallest key. */
  async function readArrived(of: ComparisonSpec, wanted: string[], fold: (key: string) => string): Promise<Set<string>> {
    const found = await read(readers.target, signal, findTargetKeysStatement(of, statement), [textArray(new Set(wanted.map(fold)))])
    const there = new Set(found.map((row) => row['k0'] ?? null))
    return new Set(wanted.filter((key) => there.has(fold(key))))
  }

  return { fatesOf }
}

const integerTypes = ['int2', 'int4', 'int8']

/**
 * Whether a reference that a natural key map cannot name (`?` and the key of the source) tells its row all the same: the row of the parent then has the same text, if it is there. The texts of one key may only differ
 * where its type does.
 */
function canBeUnnamed(of: ComparisonSpec, parent: number, parentSpec: ComparisonSpec): boolean {
  const place = of.parents[parent]
  const [term, leg] = [place === undefined ? undefined : of[place.part][place.index], parentSpec.key[0]]
  const map = of.keyMaps[term?.keyMap ?? '']
  if (term === undefined || leg === undefined || map === undefined || !isNatural(map)) return false
  const types = [term.sourceType, leg.sourceType]
  return types.every((type) => integerTypes.includes(type)) || (types[0] === types[1] && types[0] !== 'numeric')
}

function nameOf(spec: ComparisonSpec, key: string): string {
  const shown = Object.entries(shownKey(spec, [key])).map(([leg, value]) => `${leg} ${value ?? 'NULL'}`)
  return `${spec.entity}: ${shown.join(', ')}`
}
