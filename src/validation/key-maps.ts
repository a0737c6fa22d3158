import { collapsedKeysStatement, foldedEntriesStatement, hasOneLegacyKey, isNatural, knownKeysStatement } from '../core/key-map-expressions.js'
import type { ComparisonSpec, KeyMapSpec, TermSpec } from '../core/spec.js'
import { read, textArray, textOf, type Reader } from './reader.js'

export function mapOf(spec: ComparisonSpec, term: TermSpec): KeyMapSpec {
  const map = spec.keyMaps[term.keyMap ?? '']
  if (map === undefined) throw new Error(`the spec of ${spec.entity} lacks the key map ${term.keyMap}`)
  return map
}

/** `[legacy, smallest]` as JSON, of the entries of a many-to-one map whose legacy key is not the smallest of its modern key; null where the map can have none. */
export async function loadFolded(spec: ComparisonSpec, term: TermSpec, target: Reader, signal: AbortSignal): Promise<Set<string> | null> {
  const map = mapOf(spec, term)
  if (isNatural(map) || hasOneLegacyKey(map, term.targetType)) return null
  const rows = await read(target, signal, foldedEntriesStatement(map, term.canonical, term.targetType))
  return new Set(rows.map((row) => JSON.stringify([textOf(row, 'legacy'), textOf(row, 'smallest')])))
}

/** legacy key → smallest legacy key of a many-to-one map, of those that are not the smallest; null where the map can have none. */
export async function loadCollapsed(spec: ComparisonSpec, term: TermSpec, target: Reader, signal: AbortSignal): Promise<Map<string, string> | null> {
  const map = mapOf(spec, term)
  if (isNatural(map) || hasOneLegacyKey(map, term.targetType)) return null
  const rows = await read(target, signal, collapsedKeysStatement(map, term.canonical, term.targetType))
  return new Map(rows.map((row) => [textOf(row, 'legacy'), textOf(row, 'smallest')]))
}

/** Of these legacy keys, those that the map knows. */
export async function knownKeys(spec: ComparisonSpec, term: TermSpec, keys: string[], target: Reader, signal: AbortSignal): Promise<Set<string>> {
  if (keys.length === 0) return new Set()
  const rows = await read(target, signal, knownKeysStatement(mapOf(spec, term), term.canonical), [textArray(new Set(keys))])
  return new Set(rows.map((row) => textOf(row, 'legacy')))
}
