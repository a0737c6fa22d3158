import { setTimeout as sleep } from 'node:timers/promises'
import { findSourceKeysStatement, findTargetKeysStatement, isNatural, keyLookup, readPackedKeysStatement, readPackedLegsStatement, readPlacesStatement, readRowsStatement, readSegmentsStatement, type PageRange, type StatementOptions } from '../core/expressions.js'
import { otherSide, sides, type Side } from '../core/catalog.js'
import { groupBy } from '../core/lists.js'
import { addRows, addressesOfRows, bagOfBoth, countHashed, countOfSuspect, isUniform, keyOfSuspect, keysOfRows, ownerOf, pairHashes, readSuspects, rowsOfKeys, rowsOfSuspects, shortenSuspect, splitSuspects, type Suspects } from '../core/pair-hashes.js'
import { causeOfDifference, causeOfMissing, foldKey, groupByKey, keyIdentity, mostPairs, pairAlike, pairGroup, shownKey, shownReference, shownText, type KeyGroup, type SourceRow, type TargetRow } from '../core/pairing.js'
import { equalBeside, type ChangedSegment, type SeenSegment, type SegmentComparison } from '../core/segments.js'
import { confirmGuesses, keysAtPlace, type GuessedSegment, type PlacedRows } from '../core/single-difference.js'
import type { ComparisonSpec } from '../core/spec.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import { charactersAsked, createCompareRows } from './compare-values.js'
import { knownKeys, loadCollapsed, loadFolded, mapOf } from './key-maps.js'
import { lookBack, readBeginning } from './moved.js'
import { readNewer } from './newer.js'
import { areNear, canLookUp, endsOf, guessedRuns, hasOwnKeys, type KeyIndexes } from './neighbours.js'
import { readInParts, type Pace } from './pace.js'
import { createParentReader, parentColumn, reasonOfAbsence } from './parents.js'
import { arrayText, partsOf, read, readLists, readOne, readSnapshot, textArray, textOf, type Reader, type ReadMore, type TextList, type TextRow } from './reader.js'
import { createRowReaders, type Hashed } from './read-rows.js'
import type { UnreadRow } from './scan-chunk.js'
import type { Tally } from './tally.js'

export interface SettleOptions extends StatementOptions {
  pace: Pace
  /** the indexes that lead to integer keys; null: there are none on both sides */
  indexes: KeyIndexes | null
  /** that both sides have under keys */
  rows: number
  /** how long a suspicious key rests before it is read again, ms */
  recheckDelayMs: number
  /** how often a key that keeps changing is read again before it is pending */
  rechecks: number
  /** rows of one batch of segments, both sides together */
  batchRows: number
  /** entity → what is compared for it, of the entities whose rows are referenced */
  parents: Readonly<Record<string, ComparisonSpec>>
  /** rows that cannot be read; what could be their partner is not judged */
  unreadRows: Record<Side, readonly UnreadRow[]>
  /** when the pass saw each side, ISO 8601 */
  snapshots: { source: string | null; target: string | null }
}

/** Hears of rows that are judged one by one and are neither equal nor counted by their segment, each with its class. */
export type Observe<Row = Pick<SourceRow, 'key' | 'columns'>> = (side: 'source' | 'target', name: string, row: Row, reason: string | null) => void

/** `reason` as the rows of either side have it. */
export type JudgedRow = Pick<SourceRow, 'key' | 'columns' | 'reason'>

export interface Readers {
  source: Reader
  target: Reader
}

/** Keys of which whole rows of both sides are in memory at a time. */
const keysPerStatement = 1_000
/** The same where an index is known to lead to all of them: a statement costs little, and what is read of fewer keys is garbage sooner. */
const keysByIndex = 400
/** Keys that one side alone has: of their rows little is read. */
const keysAlone = 2_500
/** Rows of one key, both sides together, that are read whole and paired: of a key that stands for more nothing is said. */
const mostRowsOfKey = 20_000
/** Characters that the questions about the pairs of one key may take. */
const mostCharacters = 20_000_000
/** Of so many rows under one key, both sides together, that are all alike, one pair and what a side has more are read. */
const manyAlike = 1_000
/** Rows that a side has more under one key, of which each is read. */
const mostSurplus = 100_000
const tooManyRows = 'too many rows under one key'
/** Keys that one pass over a side looks for. */
const keysPerPass = 100_000
/** Bytes of suspicious keys that are kept until they are read again. */
const mostResting = 3 * 2 ** 20
/** Rows of both sides in the segments that one statement looks up: tenths of a second. */
const rowsPerLookup = 100_000
/** Segments whose guessed keys one statement looks up. */
const guessesPerLookup = 2_500
/** Share of the rows that is looked up wherever they lie: of each a page is read, and of a pass all pages in order. */
const mostAnywhere = 0.01
/** Rows without a partner that are kept until their cause is looked for, where that takes a pass: so many of which little is read, or of whole ones. */
const mostAlone = 10_000
const mostWholeAlone = 4_000

interface ReadRows {
  source: Hashed<SourceRow>[]
  target: Hashed<TargetRow>[]
}

/** Packed rows of both sides with the same keys, as `pairHashes` takes them. */
export type Block = Record<Side, Buffer>

/** What the sums of both sides leave open. */
export interface OpenSegments extends Pick<SegmentComparison, 'suspicious' | 'changed'> {
  /** the newer rows of each side, as `newerRows` reads them */
  newer: Record<Side, Buffer>
}

/**
 * Reads what the segment sums could not prove equal and gives each row its class.
 * @param open segments whose sums disagree or are not known; or the blocks of all rows
 * @param tally receives every row of those segments, once
 * @returns how many rows of each side the last readings saw, and whether there were any after the pass
 */
export async function settleSegments(spec: ComparisonSpec, readers: Readers, open: OpenSegments | AsyncIterable<Block>, options: SettleOptions, tally: Tally, observe: Observe<JudgedRow>, signal: AbortSignal): Promise<{ seen: Record<Side, number>; hasReread: boolean }> {
  if ('suspicious' in open && open.suspicious.length + open.changed.length === 0) return { seen: { source: 0, target: 0 }, hasReread: false }
  const settler = await createSettler(spec, readers, options, tally, observe, signal)
  if (!('suspicious' in open)) await settler.settleBlocks(open)
  else {
    const left = await settler.settleChanged(open.changed, open.newer)
    await settler.settleOpen([...open.suspicious, ...left])
  }
  await settler.settleCollapsed()
  return { seen: settler.seen, hasReread: 'suspicious' in open || settler.hasRested() }
}

/** The blocks of both sides, each let go of once it has been given. */
function* blocksOf({ source, target }: Record<Side, Map<string, Buffer>>): Generator<Block> {
  for (const block of new Set([...source.keys(), ...target.keys()])) {
    yield { source: source.get(block) ?? Buffer.alloc(0), target: target.get(block) ?? Buffer.alloc(0) }
    source.delete(block)
    target.delete(block)
  }
}

function countRows(blocks: ReadonlyMap<string, Buffer>): number {
  return [...blocks.values()].reduce((rows, packed) => rows + countHashed(packed), 0)
}

/** Whether an index leads to so many rows of both sides in segments of neighbours, and they lie beside each other or are so few that reading them anywhere costs less than a pass. */
function shouldLookUp(seen: Record<Side, number>, options: SettleOptions): boolean {
  const { neighbours, indexes, rows } = options
  if (neighbours === undefined || indexes === null || indexes.target === null || !areNear(indexes, options)) return false
  const isFew = seen.source + seen.target <= rows * mostAnywhere
  return isFew || (indexes.source.inOrder && indexes.target.inOrder)
}

/** What leads from the sums of a segment to the keys of which one may be all that both sides differ by. */
interface Guesses {
  /** keys of a segment, roughly */
  each: number
  keysOf: (segment: GuessedSegment) => string[]
}

/** @returns null: no index leads to keys, or a place stands for more of them than are worth a look */
function createGuesses({ indexes, segments, neighbours }: SettleOptions): Guesses | null {
  if (neighbours === undefined || indexes === null || indexes.target === null) return null
  const runs = guessedRuns(indexes, { segments, neighbours })
  const ends = endsOf(indexes)
  return runs === null ? null : { each: Math.max(1, runs), keysOf: ({ segment, single }) => keysAtPlace(segment, single.place, { segments, neighbours }, ends) }
}

const isGuessed = (segment: SeenSegment): segment is GuessedSegment => segment.single !== undefined

/** The rows that the passes have seen in segments. */
export function rowsIn(segments: readonly SeenSegment[]): Record<Side, number> {
  return segments.reduce((sum, { sourceRows, targetRows }) => ({ source: sum.source + sourceRows, target: sum.target + targetRows }), { source: 0, target: 0 })
}

function batches(segments: readonly SeenSegment[], batchRows: number): SeenSegment[][] {
  return inBatches(segments, ({ sourceRows, targetRows }) => sourceRows + targetRows, batchRows)
}

const pairsOf = ({ source, target }: KeyGroup): number => source.length * target.length

/** A list in parts that weigh so much at most, unless one item alone weighs more. */
function inBatches<T>(list: readonly T[], weightOf: (item: T) => number, most = mostPairs): T[][] {
  const parts: T[][] = []
  let weight = Infinity
  for (const item of list) {
    const own = weightOf(item)
    if (weight + own > most) {
      parts.push([])
      weight = 0
    }
    parts.at(-1)?.push(item)
    weight += own
  }
  return parts
}

async function createSettler(spec: ComparisonSpec, readers: Readers, options: SettleOptions, tally: Tally, observe: Observe<JudgedRow>, signal: AbortSignal) {
  const rowReaders = createRowReaders(spec)
  const aloneReaders = createRowReaders(spec, true)
  const guesses = createGuesses(options)
  const [sourceIndexed, targetIndexed] = await Promise.all([canLookUp(spec, readers.source, options.indexes, signal), canLookUp(spec, readers.target, options.indexes, signal)])
  const isIndexed = { source: sourceIndexed, target: targetIndexed }
  const keysOfPart = (options.indexes?.target ?? null) === null ? keysPerStatement : keysByIndex
  const parents = createParentReader(spec, readers, options, signal)
  const collapsedKeys = await mapInOrder(spec.key, async (term) => (term.keyMap === null ? null : loadCollapsed(spec, term, readers.target, signal)))
  const foldedReferences = await mapInOrder(spec.columns, async (term) => (term.keyMap === null ? null : loadFolded(spec, term, readers.target, signal)))
  const foldedMembers = collapsedKeys.map((map) => (map === null ? null : new Set([...map.keys(), ...map.values()])))
  const unreadKeys = { source: keysOf(options.unreadRows.source, collapsedKeys), target: keysOf(options.unreadRows.target, spec.key.map(() => null)) }
  const isUnread = (side: Side, key: (string | null)[]) => unreadKeys[side].known.size > 0 && unreadKeys[side].known.has(keyIdentity(key))
  /** Rows that one side alone has are paired with none, unless a key map folds their keys into others. */
  const canBeAlone = foldedMembers.every((members) => members === null)
  const causeTakesPass = !isIndexed.source || !isIndexed.target || spec.parents.length > 0
  const aloneAtATime = !causeTakesPass ? keysPerStatement : canBeAlone ? mostAlone : mostWholeAlone
  /** Of a row that a side alone has nothing decides the class and the cause but that it is alone, and an index tells whether the other side has its key by now. */
  const areLookedUp = canBeAlone && hasOwnKeys(spec) && sides.every((side) => spec[side].chunkable && isIndexed[side]) && spec.source.merge === null && options.unreadRows.source.length + options.unreadRows.target.length === 0
  const needNoValues = {
    source: areLookedUp && spec.parents.length === 0 && spec.source.explained.length === 0 && spec.source.changedAt === null,
    target: areLookedUp && spec.target.generated.length === 0 && spec.target.changedAt === null && spec.source.where === null && spec.source.exclude.length === 0,
  }
  const legsAreColumns = spec.key.length > 1 && keyLookup(spec, 'source') !== null
  /** Rows of one key need not be told apart where they are the same in all, or what others are merged into. */
  const canBeMany = !spec.bag && spec.source.merge === null
  /** Which of rows that are alike have a partner makes no difference: nothing but what is compared decides of them, and nothing is added up over them. */
  const canBeShortened = spec.source.merge === null && [spec.source.explained, spec.target.generated, spec.totals].every((list) => list.length === 0) && spec.source.changedAt === null && spec.target.changedAt === null
  /** keys of which some rows are left out, by their hashes, with how many are not */
  const shortened = new Map<string, Record<Side, number>>()
  const deferred: KeyGroup = { source: [], target: [] }
  const seen = { source: 0, target: 0 }
  let hasRested = false
  /** hashes of source keys that kept changing: their rows are counted */
  const pendingKeys = new Set<string>()
  /** rows without a partner, whose cause is still to be found */
  const alone: { source: { row: SourceRow; keyIsPaired: boolean }[]; target: TargetRow[] } = { source: [], target: [] }

  const areTooMany = (group: KeyGroup) => pairsOf(group) > 1 && (pairsOf(group) > mostPairs || charactersAsked(spec, group) > mostCharacters)

  /** Keys folded by a many-to-one map may lie in other segments than their partner: they are settled last, all together. */
  const isFolded = (key: readonly (string | null)[]) => key.some((text, leg) => text !== null && foldedMembers[leg]?.has(text.slice(1)))

  /** Reads the rows of segments in the way that costs least. */
  async function settleOpen(segments: readonly SeenSegment[]): Promise<void> {
    const guessed = segments.filter(isGuessed)
    const keys = guesses === null ? 0 : guessed.length * guesses.each
    const isWorth = keys > 0 && shouldLookUp({ source: keys, target: keys }, options)
    const left = isWorth ? segments.filter((segment) => !isGuessed(segment)) : [...segments]
    await settleBlocks(lookUpBoth(isWorth ? guessed : [], left))
    // each batch is a pass: its rows are settled before the next, while they are as they were
    if (!shouldLookUp(rowsIn(left), options)) for (const batch of batches(left, options.batchRows)) await settleBlocks(blocksOf(await readBlocks(batch)))
  }

  /** @param left segments whose rows are looked up, if they should be, together with those whose guess is wrong */
  async function* lookUpBoth(guessed: readonly GuessedSegment[], left: SeenSegment[]): AsyncGenerator<Block> {
    for await (const { equal, found, left: wrong } of readAhead(partsOf(guessed, guessesPerLookup), readGuessed)) {
      addEqual(equal)
      left.push(...wrong)
      yield found
    }
    if (shouldLookUp(rowsIn(left), options)) yield* lookUp(left)
  }

  async function readGuessed(part: readonly GuessedSegment[]): Promise<ReturnType<typeof confirmGuesses<GuessedSegment>>> {
    const keys = guesses === null ? [] : part.flatMap(guesses.keysOf)
    const readSide = async (side: Side): Promise<PlacedRows> => {
      const { segments, rows } = await readOne(readers[side], signal, readPlacesStatement(spec, side, options), [arrayText(keys)])
      return { segments: Buffer.from(segments ?? '', 'base64'), rows: Buffer.from(rows ?? '', 'base64') }
    }
    const [source, target] = await Promise.all([readSide('source'), readSide('target')])
    return confirmGuesses(part, { source, target })
  }

  function addEqual(rows: number): void {
    tally.addVerified(rows)
    seen.source += rows
    seen.target += rows
  }

  /**
   * The rows of segments of neighbours, found by an index on both sides, some at a time: where most segments are read this takes longer than a pass, and much less memory. Where fewer are found than the pass has seen, a
   * pass looks once more: rows that have gone meanwhile are gone, and a way to the rows that leads past some must not lose them.
   */
  async function* lookUp(segments: readonly SeenSegment[]): AsyncGenerator<Block> {
    const readSide = async (side: Side, part: readonly SeenSegment[]) => {
      const blocks = await read(readers[side], signal, readSegmentsStatement(spec, side, { ...options, lists: [arrayText(part.map(({ segment }) => segment))] }, true))
      return new Map(blocks.map((row) => [textOf(row, 'block'), Buffer.from(textOf(row, 'rows'), 'base64')]))
    }
    const readPart = async (part: readonly SeenSegment[]) => {
      const [source, target] = await Promise.all([readSide('source', part), readSide('target', part)])
      const seen = rowsIn(part)
      return countRows(source) < seen.source || countRows(target) < seen.target ? readBlocks(part) : { source, target }
    }
    for await (const found of readAhead(batches(segments, rowsPerLookup), readPart)) yield* blocksOf(found)
  }

  async function readBlocks(segments: readonly SeenSegment[]): Promise<Record<Side, Map<string, Buffer>>> {
    const list = arrayText(segments.map(({ segment }) => segment))
    const readSide = async (side: Side) => {
      const beginning = spec[side].chunkable ? await readBeginning([spec], readers[side], signal) : null
      const parts = new Map<string, Buffer[]>()
      const readEach: ReadMore = (statement) => read(readers[side], signal, statement, [list])
      await readRanges(side, readEach, (pages) => readSegmentsStatement(spec, side, { ...options, pages }), (rows) => {
        for (const row of rows) parts.set(textOf(row, 'block'), [...(parts.get(textOf(row, 'block')) ?? []), Buffer.from(textOf(row, 'rows'), 'base64')])
      })
      const joined = new Map<string, Buffer>()
      for (const [block, buffers] of parts) {
        joined.set(block, Buffer.concat(buffers))
        // the pieces are not needed until the last block is joined
        parts.delete(block)
      }
      if (beginning !== null && !(await lookBack(spec, readers[side], beginning, signal)).isUnwritten) {
        await readRanges(side, readEach, (pages) => readSegmentsStatement(spec, side, { ...options, pages }, false, beginning.horizon), (rows) => {
          for (const row of rows) joined.set(textOf(row, 'block'), addRows(joined.get(textOf(row, 'block')) ?? Buffer.alloc(0), Buffer.from(textOf(row, 'rows'), 'base64')))
        })
      }
      return joined
    }
    const [source, target] = await Promise.all([readSide('source'), readSide('target')])
    return { source, target }
  }

  /** Looks at all rows of a side, statement by statement. */
  async function readRanges(side: Side, readMore: ReadMore, statementOver: (pages: PageRange) => string, take: (rows: TextRow[]) => void): Promise<void> {
    await readInParts(options.pace, spec, side, 'keys', async (pages) => { take(await readMore(statementOver(pages))) })
  }

  /** The rows of these keys as they are now, wherever they are, in one snapshot: what is not found is not there. */
  async function readAnywhere(side: Side, keyHashes: string[], areAlone = false): Promise<TextList[]> {
    const found: TextList[] = []
    if (keyHashes.length === 0) return found
    await readSnapshot(readers[side], signal, (readMore) =>
      readRanges(side, (statement) => readMore(statement, [arrayText(keyHashes)]), (pages) => readRowsStatement(spec, side, { ...options, pages }, options.snapshots[side], 'anywhere', areAlone), (rows) => { for (const row of rows) found.push(Object.values(row)) }))
    return found
  }

  async function readAddresses(side: Side, { keys, addresses }: Suspects['seen'][Side], areAlone: boolean): Promise<TextList[]> {
    if (keys.length === 0) return []
    return readLists(readers[side], signal, readRowsStatement(spec, side, { ...options, lists: [arrayText(keys), textArray(addresses)] }, options.snapshots[side], 'addresses', areAlone))
  }

  /** The rows of keys that only the other side had, by the legs that they have there: an index may find them. @param others rows of the other side, one for each key at least */
  async function readKeys(side: Side, others: readonly TextList[], areAlone: boolean): Promise<TextList[]> {
    if (others.length === 0) return []
    const { keyHash, legs } = (areAlone ? aloneReaders : rowReaders)[otherSide(side)]
    const texts = others.map(legs)
    const lists = spec.key.map((_, leg) => textArray(texts.map((row) => row[leg]?.slice(1) ?? '')))
    return readLists(readers[side], signal, readRowsStatement(spec, side, options, options.snapshots[side], 'keys', areAlone), [arrayText(new Set(others.map(keyHash))), ...lists])
  }

  /**
   * Compares the newer rows of segments that were equal before. The other rows are as they were, so they are equal wherever their keys are on both sides: the XOR of the keys tells.
   * @returns the segments of which it does not
   */
  async function settleChanged(changed: readonly ChangedSegment[], newer: Record<Side, Buffer>): Promise<SeenSegment[]> {
    const found = await readNewer(spec, readers, new Set(changed.map(({ segment }) => segment)), newer, options, signal)
    const left: SeenSegment[] = []
    const settled = new Set<number>()
    for (const one of changed) {
      const rows = equalBeside(one, found.keysOf(one.segment))
      if (rows === null) {
        left.push(one)
        continue
      }
      settled.add(one.segment)
      addEqual(rows)
    }
    await settleBlocks(found.blocks.map((block) => rowsOfKeys(block, (key) => settled.has(found.segmentOf(key) ?? -1))))
    return left
  }

  async function settleBlocks(blocks: Iterable<Block> | AsyncIterable<Block>): Promise<void> {
    // as bytes, a tenth of the objects: they may rest for seconds while others are looked for
    let resting: Buffer[] = []
    let bytes = 0
    const rest = (suspects: Buffer[]) => {
      const part = Buffer.concat(suspects)
      resting.push(part)
      bytes += part.length
    }
    const kindOf = (keys: number) => ({ suspects: [] as Buffer[], rows: 0, keys })
    const kinds = { both: kindOf(keysOfPart), source: kindOf(keysAlone), target: kindOf(keysAlone) }
    for await (const { source, target } of blocks) {
      const { equal, suspects: found } = pairHashes(source, target)
      addEqual(equal)
      for (const whole of found) {
        const suspect = canBeShortened ? shorten(whole) : whole
        const { source: sourceRows, target: targetRows } = countOfSuspect(suspect)
        const owner = ownerOf(suspect)
        if (owner === null && sourceRows + targetRows > mostRowsOfKey && canBeMany) {
          addUntold('source', 'unverified', tooManyRows, sourceRows)
          addUntold('target', 'unverified', tooManyRows, targetRows)
          continue
        }
        const kind = kinds[owner ?? 'both']
        kind.suspects.push(suspect)
        kind.rows += sourceRows + targetRows
        // whole parts only: each is a few statements
        if (kind.suspects.length < kind.keys && kind.rows < mostRowsOfKey) continue
        rest(kind.suspects.splice(0))
        kind.rows = 0
      }
      if (bytes < mostResting) continue
      await settleRested(resting)
      resting = []
      bytes = 0
    }
    for (const { suspects } of Object.values(kinds)) if (suspects.length > 0) rest(suspects)
    await settleRested(resting)
  }

  /** Of a key that stands for many rows that are all alike, or that one side alone has, one pair and what a side has more: the others are equal, or more than are read one by one. */
  function shorten(suspect: Buffer): Buffer {
    const { source, target } = countOfSuspect(suspect)
    if (source + target <= manyAlike || (ownerOf(suspect) === null && !isUniform(suspect))) return suspect
    const pairs = Math.max(0, Math.min(source, target) - 1)
    const kept = { source: Math.min(source - pairs, mostSurplus), target: Math.min(target - pairs, mostSurplus) }
    addEqual(pairs)
    for (const [side, rows] of [['source', source], ['target', target]] as const) addUntold(side, 'unverified', tooManyRows, rows - pairs - kept[side])
    shortened.set(keyOfSuspect(suspect), kept)
    return shortenSuspect(suspect, kept)
  }

  /** Rows that nothing is said of but how many they are. */
  function addUntold(side: Side, name: 'unverified' | 'pending', cause: string, rows: number): void {
    if (rows === 0) return
    seen[side] += rows
    tally[side][name] += rows
    tally.count('causes', side, name, cause, rows)
  }

  async function settleRested(parts: readonly Buffer[]): Promise<void> {
    if (parts.length === 0) return
    hasRested = true
    await sleep(options.recheckDelayMs, undefined, { signal })
    await settleSuspects(parts)
  }

  /**
   * The second reading of suspicious keys, on new snapshots: rows where they were seen, and keys that a side did not have by an index or by a look at all of its rows. What
   * is not found as it was is left to `settleMoving`.
   */
  async function settleSuspects(parts: readonly Buffer[]): Promise<void> {
    const absent = await Promise.all(sides.map(async (side) => {
      const keys = spec[side].chunkable && !isIndexed[side] ? parts.flatMap((packed) => readSuspects(packed).absent[side]) : []
      return mapInOrder(partsOf(keys, keysPerPass), (part) => readAnywhere(side, part, canBeAlone)).then((parts) => groupBy(parts.flat(), (canBeAlone ? aloneReaders : rowReaders)[side].keyHash))
    }))
    const moving = new Map<string, string>()
    const readPart = async (part: Buffer) => {
      const owner = ownerOf(part)
      const counted = owner !== null && needNoValues[owner] && tally.differences.isFull ? await countAlone(owner, part) : null
      const suspects = readSuspects(counted?.left ?? part)
      const areAlone = canBeAlone && suspects.absent.source.length + suspects.absent.target.length === suspects.bags.size
      const reading = areAlone ? aloneReaders : rowReaders
      const [source = [], target = []] = await Promise.all(sides.map(async (side, index) => {
        if (!spec[side].chunkable) return readAnywhere(side, [...suspects.bags.keys()], areAlone)
        const found = await readAddresses(side, suspects.seen[side], areAlone)
        return [...found, ...suspects.absent[side].flatMap((keyHash) => absent[index]?.get(keyHash) ?? [])]
      }))
      const rows = { source, target }
      const looked = await Promise.all(sides.map(async (side) => {
        const keys = suspects.absent[side]
        if (!spec[side].chunkable || !isIndexed[side] || keys.length === 0) return []
        const { keyHash: hashOf, legs } = reading[otherSide(side)]
        const other = groupBy(rows[otherSide(side)], hashOf)
        // a leg that is NULL or unresolved is in no index; a key that has moved meanwhile has no row to tell its legs
        const byIndex = keys.filter((keyHash) => other.get(keyHash)?.every((row) => legs(row).every((text) => text?.startsWith('=') === true)) === true)
        const found = await readKeys(side, byIndex.flatMap((keyHash) => other.get(keyHash) ?? []), areAlone)
        const rest = new Set(byIndex)
        return [...found, ...await readAnywhere(side, keys.filter((keyHash) => !rest.has(keyHash)), areAlone)]
      }))
      return { counted: { side: owner, rows: counted?.rows ?? 0 }, bags: suspects.bags, source: [...source, ...(looked[0] ?? [])].map(reading.source.read), target: [...target, ...(looked[1] ?? [])].map(reading.target.read) }
    }
    for await (const { counted, bags, source, target } of readAhead(parts, readPart)) {
      if (counted.side !== null) {
        seen[counted.side] += counted.rows
        tally.addAlone(counted.side, counted.side === 'source' ? causeOfMissing(spec, [], false) : causeOfExtra(undefined, false), counted.rows)
      }
      const moved = await settleStable(bags, { source, target })
      for (const [keyHash, current] of moved) {
        const kept = shortened.get(keyHash)
        if (kept === undefined) moving.set(keyHash, current)
        // read again as a whole, rows of it would be counted twice
        else for (const side of sides) addUntold(side, 'pending', 'keeps changing', kept[side])
      }
    }
    for (const part of partsOf([...moving], keysPerStatement)) await settleMoving(new Map(part))
  }

  /** The second reading of keys that a side alone has, where nothing but their rows' number is asked for. @returns the rows that are as they were, and the suspects that are not known to be */
  async function countAlone(side: Side, part: Buffer): Promise<{ rows: number; left: Buffer }> {
    const suspects = splitSuspects(part)
    const before = rowsOfSuspects(suspects)
    const keys = arrayText(keysOfRows(before))
    const { rows, incomplete, ...found } = await readOne(readers[side], signal, readPackedLegsStatement(spec, side, { ...options, lists: [keys, textArray(addressesOfRows(before))] }))
    if (rows === null || rows === undefined || incomplete === 'true') return { rows: 0, left: part }
    const legs = spec.key.map((_, leg) => textOf(found, `l${leg}`))
    const { rows: arrived } = await readOne(readers[otherSide(side)], signal, readPackedKeysStatement(spec, otherSide(side), options), [keys, ...legs])
    const moved = new Set([...pairHashes(before, Buffer.from(rows, 'base64')).suspects.map(keyOfSuspect), ...keysOfRows(Buffer.from(arrived ?? '', 'base64'))])
    const left = suspects.filter((suspect) => moved.has(keyOfSuspect(suspect)))
    return { rows: countHashed(before) - countHashed(rowsOfSuspects(left)), left: Buffer.concat(left) }
  }

  /** Judges the keys whose rows are as they were. @param before key → what both sides held under it @returns the others, with what they hold now */
  async function settleStable(before: ReadonlyMap<string, string>, rows: ReadRows): Promise<Map<string, string>> {
    const now = { source: groupBy(rows.source, ({ keyHash }) => keyHash), target: groupBy(rows.target, ({ keyHash }) => keyHash) }
    const hashesOf = (side: Side, keyHash: string) => (now[side].get(keyHash) ?? []).map(({ rowHash }) => rowHash)
    const moving = new Map<string, string>()
    for (const [keyHash, bags] of before) {
      const current = bagOfBoth({ source: hashesOf('source', keyHash), target: hashesOf('target', keyHash) })
      if (current !== bags) moving.set(keyHash, current)
    }
    const isStill = (row: { keyHash: string }) => !moving.has(row.keyHash)
    await settleRows(moving.size === 0 ? rows : { source: rows.source.filter(isStill), target: rows.target.filter(isStill) })
    return moving
  }

  /** Reads keys again until two readings agree; what agrees on both sides is equal, what keeps moving is pending. */
  async function settleMoving(keys: Map<string, string>): Promise<void> {
    let waiting = keys
    for (let attempt = 1; waiting.size > 0; attempt += 1) {
      await sleep(options.recheckDelayMs, undefined, { signal })
      const [source = [], target = []] = await Promise.all(sides.map((side) => readAnywhere(side, [...waiting.keys()])))
      const rows = { source: source.map(rowReaders.source.read), target: target.map(rowReaders.target.read) }
      const moving = await settleStable(waiting, rows)
      if (attempt >= options.rechecks) {
        const pending = { source: rows.source.filter((row) => moving.has(row.keyHash)), target: rows.target.filter((row) => moving.has(row.keyHash)) }
        seen.source += pending.source.length
        seen.target += pending.target.length
        for (const row of pending.source) {
          pendingKeys.add(row.keyHash)
          addPendingSource(row, 'keeps changing')
        }
        for (const row of pending.target) addPendingTarget(row, 'keeps changing', shownKey(spec, row.key))
        return
      }
      waiting = moving
    }
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

  async function settleRows(rows: { source: SourceRow[]; target: TargetRow[] }): Promise<void> {
    seen.source += rows.source.length
    seen.target += rows.target.length
    if (canBeAlone) return judge(rows.source, rows.target)
    deferred.source.push(...rows.source.filter((row) => isFolded(row.key)))
    deferred.target.push(...rows.target.filter((row) => isFolded(row.key)))
    await judge(rows.source.filter((row) => !isFolded(row.key)), rows.target.filter((row) => !isFolded(row.key)))
  }

  async function judge(source: SourceRow[], target: TargetRow[]): Promise<void> {
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
    for (const part of inBatches([...groups], ([, group]) => pairsOf(group))) await judgeGroups(new Map(part), alike)
    if (alone.source.length + alone.target.length >= aloneAtATime) await judgeAlone()
  }

  /** @param alike of the groups of which pairs were found before, or are given up, how many */
  async function judgeGroups(groups: ReadonlyMap<string, KeyGroup>, alike: ReadonlyMap<string, { pairs: number }>): Promise<void> {
    const compare = await createCompareRows(spec, groups.values(), foldedReferences, readers.target, signal)
    for (const [identity, group] of groups) {
      const pairing = pairGroup(group, compare)
      tally.addVerified(pairing.verified.length)
      tally.fingerprintFaults += pairing.fingerprintFaults
      for (const pair of pairing.accepted) {
        const columns = pair.columns.map((index) => shownColumn(spec, index, pair.source, pair.target))
        observe('source', 'accepted', pair.source, pair.reason)
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
      tally.addSource('missing', root === null || cause.startsWith('leg ') ? cause : 'parent', null, shownKey(spec, row.key), root === null ? [] : [{ column: parentColumn(spec, missingParent), source: root, target: null }])
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
  async function findSource(lists: string[], claimed: boolean, by: 'first' | 'all' | null): Promise<TextRow[]> {
    try {
      return await read(readers.source, signal, findSourceKeysStatement(spec, options, claimed, by), lists)
    } catch (error) {
      if (claimed || signal.aborted || isTransient(error) || !/^2/.test(sqlstateOf(error) ?? '')) throw error
      return []
    }
  }

  /** What the source has under keys: looked up by all legs where these are columns, or else every row with one of their first legs is read. Rows that the entity claims come last. */
  async function findSourceOf(keys: readonly (string | null)[][]): Promise<TextRow[]> {
    const isWhole = (key: readonly (string | null)[]) => legsAreColumns && key.every((text) => text?.startsWith('='))
    const valuesOf = (texts: readonly (string | null)[]) => textArray(texts.map((text) => text?.slice(1) ?? ''))
    const found: TextRow[] = []
    const find = async (lists: string[], by: 'first' | 'all' | null) => {
      const [claimed, unclaimed] = [await findSource(lists, true, by), await findSource(lists, false, by)]
      for (const row of [...unclaimed, ...claimed]) found.push(row)
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
    for (const row of await findSourceOf(extra.map(({ key }) => key))) {
      const identity = keyIdentity(foldKey(spec.key.map((_, leg) => row[`k${leg}`] ?? null), collapsedKeys))
      const one = { excluded: row['excluded'] !== null, claimed: row['claimed'] === 'true' }
      found.set(identity, one)
      if (spec.source.merge !== null && one.claimed && !one.excluded && wanted.has(identity)) merging.add(textOf(row, 'key_hash'))
    }
    const survivors = await addNewSurvivors([...merging])
    for (const row of extra) {
      if (survivors.has(keyIdentity(row.key))) addPendingTarget(row, 'keeps changing', shownKey(spec, row.key), shownRaw(spec, row.rawKey))
      else tally.addTarget('extra', causeOfExtra(found.get(keyIdentity(row.key)), spec.source.merge !== null), null, shownKey(spec, row.key), shownRaw(spec, row.rawKey))
    }
  }

  /** Rows that are merged into no other any more, as the one that survived is gone: no reading has seen them under a key. @returns the folded keys of these */
  async function addNewSurvivors(keyHashes: string[]): Promise<Set<string>> {
    const rows = (await readAnywhere('source', keyHashes)).map(rowReaders.source.read)
    for (const row of rows.filter(({ keyHash }) => !pendingKeys.has(keyHash))) {
      seen.source += 1
      addPendingSource(row, 'keeps changing')
    }
    return new Set(rows.map(({ key }) => keyIdentity(foldKey(key, collapsedKeys))))
  }

  /** In a sample the partner of a folded key may be outside: nothing is known of the row. */
  async function settleCollapsed(): Promise<void> {
    if (options.sample === undefined) await judge(deferred.source, deferred.target)
    await judgeAlone()
    if (options.sample === undefined) return
    for (const [side, rows] of [['source', deferred.source.length], ['target', deferred.target.length]] as const) {
      tally[side].unverified += rows
      if (rows > 0) tally.count('causes', side, 'unverified', 'not sampled', rows)
    }
  }

  return { seen, hasRested: () => hasRested, settleOpen, settleChanged, settleBlocks, settleCollapsed }
}

/** The identities of the keys of rows that cannot be read; partial when a key cannot be read either. */
function keysOf(rows: readonly UnreadRow[], collapsed: Parameters<typeof foldKey>[1]): { known: Set<string>; isPartial: boolean } {
  return { known: new Set(rows.flatMap(({ key }) => (key === null ? [] : [keyIdentity(foldKey(key, collapsed))]))), isPartial: rows.some(({ key }) => key === null) }
}

/** Why a target row has no partner, by what the source says of its key. */
function causeOfExtra(source: { excluded: boolean; claimed: boolean } | undefined, merges: boolean): string {
  if (source === undefined) return 'ghost'
  if (!source.claimed) return 'unclaimed'
  return source.excluded ? 'excluded' : merges ? 'merged' : 'ghost'
}

async function mapInOrder<T, R>(list: readonly T[], run: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const [index, item] of list.entries()) results.push(await run(item, index))
  return results
}

/** What is read for each part; the next is read while one is worked on. */
async function* readAhead<T, R>(parts: readonly T[], readPart: (part: T) => Promise<R>): AsyncGenerator<R> {
  const readAt = (index: number): Promise<R> | null => {
    const part = parts[index]
    const reading = part === undefined ? null : readPart(part)
    // it is awaited only when the work before it has succeeded
    reading?.catch(() => undefined)
    return reading
  }
  let next = readAt(0)
  for (const index of parts.keys()) {
    const found = await next
    next = readAt(index + 1)
    if (found !== null) yield found
  }
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
