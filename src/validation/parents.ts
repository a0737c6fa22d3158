import { findSourceKeysStatement, findTargetKeysStatement, readParentsStatement, type StatementOptions } from '../core/expressions.js'
import { foldKey, keyIdentity, shownKey, type SourceRow } from '../core/pairing.js'
import type { ComparisonSpec, Explanation } from '../core/spec.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { loadCollapsed } from './key-maps.js'
import { read, textArray, type Reader, type TextRow } from './reader.js'

/** What became of a source row that other rows reference. */
export interface Fate {
  /** absent: there is no such row · unclaimed: its entity does not claim it, or it could not be read */
  state: 'absent' | 'unclaimed' | 'excluded' | 'arrived' | 'explained' | 'missing'
  /** of a missing row: the missing row at the top of its chain, for people */
  root: string | null
}

/** Fates by parent, as `parents` of the spec lists them; null: the row references nothing there. */
export type Fates = (Fate | null)[]

interface ParentOptions {
  /** the servers differ in encoding */
  recode: boolean
  parents: Readonly<Record<string, ComparisonSpec>>
}

/** The reason of the first explanation that holds: by its own condition (the index of the first such is given), or because the parent never was to arrive. */
export function reasonOfAbsence(explained: readonly Explanation[], ownReason: number | null, fates: Fates): string | null {
  const holds = (one: Explanation, index: number) => ('where' in one ? index === ownReason : ['absent', 'excluded', 'explained'].includes(fates[one.parent]?.state ?? ''))
  return explained.find(holds)?.reason ?? null
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
export function createParentReader(spec: ComparisonSpec, readers: { source: Reader; target: Reader }, { recode, parents }: ParentOptions, signal: AbortSignal) {
  // nothing else of the child's statements is true of its parents' tables: an address there names another row
  const statement: StatementOptions = { segments: 1, recode }
  /** entity → key text → fate */
  const known = new Map<string, Map<string, Fate>>()

  async function fatesOf(rows: readonly SourceRow[]): Promise<Map<SourceRow, Fates>> {
    if (spec.parents.length === 0) return new Map()
    const texts = rows.map((row) => spec.parents.map(({ part, index }) => row[part][index] ?? null))
    await look(spec, texts)
    return new Map(rows.map((row, position) => [row, fatesAt(spec, texts[position] ?? [])]))
  }

  function fatesAt(of: ComparisonSpec, texts: readonly (string | null)[]): Fates {
    return of.parents.map(({ entity }, parent) => known.get(entity)?.get(texts[parent] ?? '') ?? null)
  }

  /** Makes the fates of all parents of these rows known. */
  async function look(of: ComparisonSpec, rows: readonly (readonly (string | null)[])[]): Promise<void> {
    for (const [parent, { entity }] of of.parents.entries()) {
      const fates = known.get(entity) ?? new Map<string, Fate>()
      known.set(entity, fates)
      const parentSpec = parents[entity]
      const wanted = [...new Set(rows.flatMap((texts) => texts[parent] ?? []))].filter((text) => text.startsWith('=') && !fates.has(text))
      if (wanted.length > 0 && parentSpec !== undefined) await readFates(parentSpec, wanted, fates)
    }
  }

  async function readFates(of: ComparisonSpec, wanted: string[], fates: Map<string, Fate>): Promise<void> {
    const list = textArray(wanted)
    const rows = new Map<string, TextRow[]>()
    for (const row of await read(readers.source, signal, readParentsStatement(of, statement), [list])) {
      const key = row['k0'] ?? ''
      rows.set(key, [...(rows.get(key) ?? []), row])
    }
    const unclaimed = new Set(await readUnclaimed(of, list, wanted))
    const arrived = await readArrived(of, wanted)
    const open = new Map<string, { reason: number | null; texts: (string | null)[] }>()
    for (const key of wanted) {
      const own = rows.get(key) ?? []
      const live = own.find((row) => row['excluded'] === null)
      // a cycle that leads back here finds it missing
      if (live === undefined) fates.set(key, { state: own.length > 0 ? 'excluded' : unclaimed.has(key) ? 'unclaimed' : 'absent', root: null })
      else if (arrived.has(key)) fates.set(key, { state: 'arrived', root: null })
      else {
        fates.set(key, { state: 'missing', root: nameOf(of, key) })
        open.set(key, { reason: typeof live['reason'] === 'string' ? Number(live['reason']) : null, texts: of.parents.map((_, parent) => live[`p${parent}`] ?? null) })
      }
    }
    await look(of, [...open.values()].map(({ texts }) => texts))
    for (const [key, { reason, texts }] of open) {
      const own = fatesAt(of, texts)
      const root = own.find((fate) => fate?.state === 'missing')?.root ?? nameOf(of, key)
      const isExplained = reasonOfAbsence(of.source.explained, reason, own) !== null
      fates.set(key, isExplained ? { state: 'explained', root: null } : { state: 'missing', root })
    }
  }

  /** Keys of rows that the entity does not claim need not be fit for its SQL: then none of the keys may be called absent. */
  async function readUnclaimed(of: ComparisonSpec, list: string, wanted: string[]): Promise<string[]> {
    try {
      return (await read(readers.source, signal, findSourceKeysStatement(of, statement, false), [list])).flatMap((row) => row['k0'] ?? [])
    } catch (error) {
      if (signal.aborted || isTransient(error) || !/^2/.test(sqlstateOf(error) ?? '')) throw error
      return wanted
    }
  }

  /** Of these keys, those whose target row exists; through a many-to-one map it stands under the smallest key. */
  async function readArrived(of: ComparisonSpec, wanted: string[]): Promise<Set<string>> {
    const [leg] = of.key
    const collapsed = leg === undefined || leg.keyMap === null ? null : await loadCollapsed(of, leg, readers.target, signal)
    const folded = new Map(wanted.map((key) => [key, foldKey([key], [collapsed])[0] ?? key]))
    const found = await read(readers.target, signal, findTargetKeysStatement(of, statement), [textArray(new Set(folded.values()))])
    const there = new Set(found.map((row) => keyIdentity([row['k0'] ?? null])))
    return new Set(wanted.filter((key) => there.has(keyIdentity([folded.get(key) ?? key]))))
  }

  return { fatesOf }
}

function nameOf(spec: ComparisonSpec, key: string): string {
  const shown = Object.entries(shownKey(spec, [key])).map(([leg, value]) => `${leg} ${value ?? 'NULL'}`)
  return `${spec.entity}: ${shown.join(', ')}`
}
