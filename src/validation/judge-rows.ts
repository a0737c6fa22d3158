import { findSourceKeysStatement, findTargetKeysStatement } from '../core/reread-expressions.js'
import { isNatural } from '../core/key-map-expressions.js'
import { keyLookup } from '../core/lookup-expressions.js'
import { bareSource, type StatementOptions } from '../core/row-expressions.js'
import type { Side } from '../core/catalog.js'
import { inBatches, mapInOrder } from '../core/lists.js'
import { causeOfDifference, causeOfMissing, foldKey, groupByKey, keyIdentity, mostPairs, pairAlike, pairGroup, shownKey, shownReference, shownText, type KeyGroup, type SourceRow, type TargetRow } from '../core/pairing.js'
import type { ComparisonSpec } from '../core/spec.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { charactersAsked, createCompareRows } from './compare-values.js'
import { knownKeys, loadCollapsed, loadFolded, mapOf } from './key-maps.js'
import { createParentReader, hasPendingParent, parentColumn, parentPending, reasonOfAbsence } from './parents.js'
import { read, readWritable, textArray, textOf, type Reader, type TextRow } from './reader.js'
import type { UnreadRow } from './scan-chunk.js'
import { noMapEntry, type Tally } from './tally.js'

export interface JudgeOptions extends StatementOptions {
  /** entity → what is compared for it, of the entities whose rows are referenced */
  parents: Readonly<Record<string, ComparisonSpec>>
  /** rows that cannot be read; what could be their partner is not judged */
  unreadRows: Record<Side, readonly UnreadRow[]>
  /** whether an index leads to the rows of a key by its legs */
  isIndexed: Record<Side, boolean>
  /** when the pass saw each side, ISO 8601 */
  snapshots: Record<Side, string | null>
}

/** Hears of rows that are judged one by one and are neither equal nor counted by their segment, each with its class; of an entity that merges rows also of the equal ones of the source. */
export type Observe<Row = Pick<SourceRow, 'key' | 'columns'>> = (side: 'source' | 'target', name: string, row: Row, reason: string | null) => void

/** `reason` as the rows of either side have it. */
export type JudgedRow = Pick<SourceRow, 'key' | 'columns' | 'reason' | 'rowHash'>

export interface Readers {
  source: Reader
  target: Reader
}

export interface RowJudge {
  /** rows that one side alone has are paired with none, unless a key map folds their keys into others */
  canBeAlone: boolean
  /** gives rows their classes, all rows of their keys at once; those whose keys a key map folds, and those without a partner, may wait for others */
  judge: (rows: KeyGroup) => Promise<void>
  /** gives those that wait their classes */
  judgeRest: () => Promise<void>
  /** @param rows whose keys keep changing */
  addMoving: (rows: KeyGroup) => void
}

export const tooManyRows = 'too many rows under one key'
/** Characters that the questions about the pairs of one key may take. */
const mostCharacters = 20_000_000
/** Rows without a partner that are kept until their cause is looked for: where an index finds it; where that takes a pass, so many of which little is read, or of whole ones. */
const fewAlone = 1_000
const mostAlone = 10_000
const mostWholeAlone = 4_000

const keepsChanging = 'keeps changing'

const pairsOf = ({ source, target }: KeyGroup): number => source.length * target.length

/**
 * Gives rows that were read whole their classes.
 * @param readUnmerged the source's rows under these key hashes that are merged into no other any more; those that no reading has seen are pending
 * @param tally receives every row, once
 */
export async function createRowJudge(spec: ComparisonSpec, readers: Readers, options: JudgeOptions, readUnmerged: (keyHashes: string[]) => Promise<SourceRow[]>, tally: Tally, observe: Observe<JudgedRow>, signal: AbortSignal): Promise<RowJudge> {
  const { isIndexed } = options
  const collapsedKeys = await mapInOrder(spec.key, async (term) => (term.keyMap === null ? null : loadCollapsed(spec, term, readers.target, signal)))
  const foldedReferences = await mapInOrder(spec.columns, async (term) => (term.keyMap === null ? null : loadFolded(spec, term, readers.target, signal)))
  const foldedMembers = collapsedKeys.map((map) => (map === null ? null : new Set([...map.keys(), ...map.values()])))
  const unreadKeys = { source: keysOf(options.unreadRows.source, collapsedKeys), target: keysOf(options.unreadRows.target, spec.key.map(() => null)) }
  const isUnread = (side: Side, key: (string | null)[]) => unreadKeys[side].known.size > 0 && unreadKeys[side].known.has(keyIdentity(key))
  const canBeAlone = foldedMembers.every((members) => members === null)
  const parents = createParentReader(spec, readers, { ...options, snapshot: options.snapshots.source }, signal)
  const causeTakesPass = !isIndexed.source || !isIndexed.target || spec.parents.length > 0
  const aloneAtATime = !causeTakesPass ? fewAlone : canBeAlone ? mostAlone : mostWholeAlone
  const legsAreColumns = spec.key.length > 1 && keyLookup(spec, 'source') !== null
  const deferred: KeyGroup = { source: [], target: [] }
  /** rows without a partner, whose cause is still to be found */
  const alone: { source: { row: SourceRow; keyIsPaired: boolean }[]; target: TargetRow[] } = { source: [], target: [] }

  const areTooMany = (group: KeyGroup) => pairsOf(group) > 1 && (pairsOf(group) > mostPairs || charactersAsked(spec, group) > mostCharacters)

  /** Keys folded by a many-to-one map may lie in other segments than their partner: they are settled last, all together. */
  const isFolded = (key: readonly (string | null)[]) => key.some((text, leg) => text !== null && foldedMembers[leg]?.has(text.slice(1)))

  async function judgeUnfolded(rows: KeyGroup): Promise<void> {
    if (canBeAlone) return judge(rows)
    for (const row of rows.source) if (isFolded(row.key)) deferred.source.push(row)
    for (const row of rows.target) if (isFolded(row.key)) deferred.target.push(row)
    await judge({ source: rows.source.filter((row) => !isFolded(row.key)), target: rows.target.filter((row) => !isFolded(row.key)) })
  }

  async function judge({ source, target }: KeyGroup): Promise<void> {
    const groups = groupByKey(source, target, collapsedKeys)
    const alike = new Map([...groups].flatMap(([identity, group]) => (areTooMany(group) ? [[identity, pairAlike(group)] as const] : [])))
    for (const [identity, found] of alike) {
      const { pairs, left } = found
      tally.addVerified(pairs)
      groups.set(identity, left)
      if (!areTooMany(left)) continue
      // which of them belong together nobody knows; that the larger side has more is certain
      const unknown = Math.min(left.source.length, left.target.length)
      found.pairs += unknown
      groups.set(identity, { source: left.source.slice(unknown), target: left.target.slice(unknown) })
      for (const row of left.source.slice(0, unknown)) addUnverifiedSource(row, tooManyRows)
      for (const row of left.target.slice(0, unknown)) addUnverifiedTarget(row, tooManyRows)
    }
    for (const part of inBatches([...groups], ([, group]) => pairsOf(group), mostPairs)) await judgeGroups(new Map(part), alike)
    if (alone.source.length + alone.target.length >= aloneAtATime) await judgeAlone()
  }

  /** @param alike of the groups of which pairs were found before, or are given up, how many */
  async function judgeGroups(groups: ReadonlyMap<string, KeyGroup>, alike: ReadonlyMap<string, { pairs: number }>): Promise<void> {
    const compare = await createCompareRows(spec, groups.values(), foldedReferences, readers.target, signal)
    for (const [identity, group] of groups) {
      const pairing = pairGroup(group, compare)
      tally.addVerified(pairing.verified.length)
      if (spec.source.merge !== null) for (const [row] of pairing.verified) observe('source', 'verified', row, null)
      tally.fingerprintFaults += pairing.fingerprintFaults
      for (const pair of pairing.accepted) {
        const columns = pair.columns.map((index) => shownColumn(spec, index, pair.source, pair.target))
        observe('source', 'accepted', pair.source, pair.reason)
        observe('target', 'accepted', pair.target, pair.reason)
        tally.addAccepted(pair.reason, shownKey(spec, pair.source.key), columns)
      }
      for (const pair of pairing.differs) {
        if (pair.source.recent) {
          addPendingSource(pair.source, 'changed recently')
          addPendingTarget(pair.target, 'changed recently', null)
          continue
        }
        observe('source', 'differs', pair.source, null)
        const columns = pair.columns.map((index) => shownColumn(spec, index, pair.source, pair.target))
        tally.addDiffers(causeOfDifference(spec, pair), shownKey(spec, pair.source.key), columns)
      }
      const keyIsPaired = (alike.get(identity)?.pairs ?? 0) + pairing.verified.length + pairing.accepted.length + pairing.differs.length > 0
      for (const row of pairing.unpairedSource) alone.source.push({ row, keyIsPaired })
      for (const row of pairing.unpairedTarget) {
        const reason = reasonAt(spec.target.generated, row.reason)
        if (isUnread('source', row.key)) addUnverifiedTarget(row, 'its source row cannot be read')
        else if (keyIsPaired) tally.addTarget('duplicate', null, null, shownKey(spec, row.key), shownRaw(spec, row.rawKey))
        else if (reason !== null) {
          observe('target', 'generated', row, reason)
          tally.addTarget('generated', null, reason, null)
        } else if (unreadKeys.source.isPartial) addUnverifiedTarget(row, 'a source row that cannot be read may be its own')
        else if (row.recent) addPendingTarget(row, 'changed recently', shownKey(spec, row.key), shownRaw(spec, row.rawKey))
        else alone.target.push(row)
      }
    }
  }

  /** Why rows have no partner takes passes over the other side and over key maps: one for many rows. */
  async function judgeAlone(): Promise<void> {
    await judgeMissing(alone.source.splice(0))
    await judgeExtra(alone.target.splice(0))
  }

  async function judgeMissing(unpaired: { row: SourceRow; keyIsPaired: boolean }[]): Promise<void> {
    const known = await mapInOrder(spec.key, async (term, leg) => {
      if (term.keyMap === null) return null
      return knownKeys(spec, term, unpaired.flatMap(({ row }) => textWithout(row.key[leg] ?? null)), readers.target, signal)
    })
    const taken = await findTaken(unpaired.flatMap(({ row, keyIsPaired }) => (keyIsPaired ? [] : [row])))
    const fates = await parents.fatesOf(unpaired.filter(({ row }) => !row.recent).map(({ row }) => row))
    for (const { row, keyIsPaired } of unpaired) {
      if (isUnread('target', foldKey(row.key, collapsedKeys))) {
        addUnverifiedSource(row, 'its target row cannot be read')
        continue
      }
      if (row.recent) {
        addPendingSource(row, 'changed recently')
        continue
      }
      const own = fates.get(row) ?? []
      const reason = reasonOfAbsence(spec.source.explained, row.reason, own)
      if (reason === null && unreadKeys.target.isPartial) {
        addUnverifiedSource(row, 'a target row that cannot be read may be its own')
        continue
      }
      if (reason === null && hasPendingParent(own)) {
        addPendingSource(row, parentPending)
        continue
      }
      observe('source', reason === null ? 'missing' : 'explained', row, reason)
      if (reason !== null) {
        tally.addSource('explained', null, reason, shownKey(spec, row.key))
        continue
      }
      const legs = row.key.map((text, leg) => (text?.startsWith('?') ? false : text === null ? null : (known[leg]?.has(text.slice(1)) ?? null)))
      const isCollapsed = keyIsPaired || (taken.size > 0 && taken.has(keyIdentity(row.key)))
      const missingParent = isCollapsed ? -1 : own.findIndex((fate) => fate?.state === 'missing')
      const root = own[missingParent]?.root ?? null
      const cause = causeOfMissing(spec, legs, isCollapsed)
      // a leg that its map does not know says more than that its row is missing; the row is named beside either
      const isOfParent = root !== null && !cause.startsWith('leg ')
      if (isOfParent && cause === noMapEntry) tally.withoutEntry += 1
      tally.addSource('missing', isOfParent ? 'parent' : cause, null, shownKey(spec, row.key), root === null ? [] : [{ column: parentColumn(spec, missingParent), source: root, target: null }])
    }
  }

  /** Of the source keys that a many-to-one map folds into another, those whose target row exists: then another source row was paired with it. */
  async function findTaken(rows: SourceRow[]): Promise<Set<string>> {
    if (canBeAlone) return new Set()
    const folded = rows.map((row) => ({ own: keyIdentity(row.key), key: foldKey(row.key, collapsedKeys) })).filter(({ own, key }) => own !== keyIdentity(key))
    const firstLegs = [...new Set(folded.flatMap(({ key }) => key[0] ?? []))]
    if (firstLegs.length === 0) return new Set()
    const found = await read(readers.target, signal, findTargetKeysStatement(spec, options), [textArray(firstLegs)])
    const arrived = new Set(found.map((row) => keyIdentity(spec.key.map((_, leg) => row[`k${leg}`] ?? null))))
    return new Set(folded.flatMap(({ own, key }) => (arrived.has(keyIdentity(key)) ? [own] : [])))
  }

  /** Keys of rows that the entity does not claim need not be fit for its SQL: then nothing is known of them. @param lists the keys, as the statement takes them */
  async function findSource(of: ComparisonSpec, lists: string[], claimed: boolean, by: 'first' | 'all' | null): Promise<TextRow[]> {
    try {
      return await read(readers.source, signal, findSourceKeysStatement(of, options, claimed, by), lists)
    } catch (error) {
      if ((claimed && of === spec) || signal.aborted || isTransient(error) || !(of === spec ? /^2/ : /^(2|42)/).test(sqlstateOf(error) ?? '')) throw error
      return []
    }
  }

  /** The rows of the bare source table, none of them claimed, where a join or a query may leave some out. */
  async function findLeft(lists: string[], by: 'first' | 'all' | null): Promise<TextRow[]> {
    const bare = spec.source.join === null && spec.source.query === null ? null : bareSource(spec)
    return bare === null ? [] : (await findSource(bare, lists, true, by)).map((row) => ({ ...row, claimed: 'false' }))
  }

  /** What the source has under keys: looked up by all legs where these are columns, or else every row with one of their first legs is read. Rows that the entity claims come last. */
  async function findSourceOf(keys: readonly (string | null)[][]): Promise<TextRow[]> {
    const isWhole = (key: readonly (string | null)[]) => legsAreColumns && key.every((text) => text?.startsWith('='))
    const valuesOf = (texts: readonly (string | null)[]) => textArray(texts.map((text) => text?.slice(1) ?? ''))
    const found: TextRow[] = []
    const find = async (lists: string[], by: 'first' | 'all' | null) => {
      const [claimed, unclaimed, left] = [await findSource(spec, lists, true, by), await findSource(spec, lists, false, by), await findLeft(lists, by)]
      for (const row of [...left, ...unclaimed, ...claimed]) found.push(row)
    }
    const whole = keys.filter(isWhole)
    if (whole.length > 0) await find([textArray(new Set(whole.map(([first]) => first ?? ''))), ...spec.key.map((_, leg) => valuesOf(whole.map((key) => key[leg] ?? null)))], 'all')
    const wanted = new Set(keys.filter((key) => !isWhole(key)).map(([first]) => first ?? ''))
    if (wanted.size === 0) return found
    const firstLegs = [...wanted, ...[...(collapsedKeys[0] ?? [])].flatMap(([legacy, smallest]) => (wanted.has(`=${smallest}`) ? [`=${legacy}`] : []))]
    const by = isIndexed.source && firstLegs.every((text) => text.startsWith('=')) ? 'first' : null
    await find([textArray(firstLegs), ...(by === null ? [] : [valuesOf(firstLegs)])], by)
    return found
  }

  async function judgeExtra(extra: TargetRow[]): Promise<void> {
    const found = new Map<string, { excluded: boolean; claimed: boolean }>()
    const wanted = new Set(extra.map(({ key }) => keyIdentity(key)))
    const merging = new Set<string>()
    for (const row of await readWritable(readers.source, signal, extra.map(({ key }) => key), (key) => key, findSourceOf)) {
      const identity = keyIdentity(foldKey(spec.key.map((_, leg) => row[`k${leg}`] ?? null), collapsedKeys))
      const one = { excluded: row['excluded'] !== null, claimed: row['claimed'] === 'true' }
      found.set(identity, one)
      if (spec.source.merge !== null && one.claimed && !one.excluded && wanted.has(identity)) merging.add(textOf(row, 'key_hash'))
    }
    const unmerged = new Set((await readUnmerged([...merging])).map(({ key }) => keyIdentity(foldKey(key, collapsedKeys))))
    for (const row of extra) {
      if (unmerged.has(keyIdentity(row.key))) addPendingTarget(row, keepsChanging, shownKey(spec, row.key), shownRaw(spec, row.rawKey))
      else tally.addTarget('extra', causeOfExtra(found.get(keyIdentity(row.key)), spec.source.merge !== null), null, shownKey(spec, row.key), shownRaw(spec, row.rawKey))
    }
  }

  /** In a sample the partner of a folded key may be outside: nothing is known of the row. */
  async function judgeRest(): Promise<void> {
    if (options.sample === undefined) await judge(deferred)
    await judgeAlone()
    if (options.sample === undefined) return
    for (const [side, rows] of [['source', deferred.source.length], ['target', deferred.target.length]] as const) {
      tally[side].unverified += rows
      if (rows > 0) tally.count('causes', side, 'unverified', 'not sampled', rows)
    }
  }

  function addMoving(rows: KeyGroup): void {
    for (const row of rows.source) addPendingSource(row, keepsChanging)
    for (const row of rows.target) addPendingTarget(row, keepsChanging, shownKey(spec, row.key))
  }

  function addPendingSource(row: SourceRow, cause: string): void {
    observe('source', 'pending', row, null)
    tally.addSource('pending', cause, null, shownKey(spec, row.key))
  }

  function addPendingTarget(row: TargetRow, cause: string, key: Record<string, string | null> | null, rawKey?: (string | null)[]): void {
    observe('target', 'pending', row, null)
    tally.addTarget('pending', cause, null, key, rawKey)
  }

  function addUnverifiedSource(row: SourceRow, cause: string): void {
    observe('source', 'unverified', row, null)
    tally.addSource('unverified', cause, null, shownKey(spec, row.key))
  }

  function addUnverifiedTarget(row: TargetRow, cause: string): void {
    observe('target', 'unverified', row, null)
    tally.addTarget('unverified', cause, null, shownKey(spec, row.key), shownRaw(spec, row.rawKey))
  }

  return { canBeAlone, judge: judgeUnfolded, judgeRest, addMoving }
}

/** The identities of the keys of rows that cannot be read; partial when a key cannot be read either. */
function keysOf(rows: readonly UnreadRow[], collapsed: Parameters<typeof foldKey>[1]): { known: Set<string>; isPartial: boolean } {
  return { known: new Set(rows.flatMap(({ key }) => (key === null ? [] : [keyIdentity(foldKey(key, collapsed))]))), isPartial: rows.some(({ key }) => key === null) }
}

/** Why a target row has no partner, by what the source says of its key. */
export function causeOfExtra(source: { excluded: boolean; claimed: boolean } | undefined, merges: boolean): string {
  if (source === undefined) return 'ghost'
  if (!source.claimed) return 'unclaimed'
  return source.excluded ? 'excluded' : merges ? 'merged' : 'ghost'
}

function textWithout(text: string | null): string[] {
  return text?.startsWith('=') ? [text.slice(1)] : []
}

function reasonAt(reasons: readonly { reason: string }[], index: number | null): string | null {
  return index === null ? null : (reasons[index]?.reason ?? null)
}

/** The key legs as they stand in the target, for people. */
export function shownRaw(spec: ComparisonSpec, rawKey: readonly (string | null)[]): (string | null)[] {
  return spec.key.map((term, leg) => shownText(term, typeof rawKey[leg] === 'string' ? `=${rawKey[leg]}` : null))
}

function shownColumn(spec: ComparisonSpec, index: number, source: SourceRow, target: TargetRow): { column: string; source: string | null; target: string | null } {
  const term = spec.columns[index]
  if (term === undefined) throw new RangeError(`the spec of ${spec.entity} has no column ${index}`)
  const text = target.columns[index] ?? null
  const shown = term.keyMap === null ? shownText(term, text) : shownReference(term, text, target.rawColumns[index] ?? null, isNatural(mapOf(spec, term)) ? 'natural' : 'legacy')
  return { column: term.name, source: shownText(term, source.columns[index] ?? null), target: shown }
}
