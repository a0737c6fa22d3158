import { setTimeout as sleep } from 'node:timers/promises'
import { otherSide, sides, type Side } from '../core/catalog.js'
import { groupBy, inBatches, mapInOrder } from '../core/lists.js'
import { addRows, addressesOfRows, bagOfBoth, countHashed, countOfSuspect, isUniform, keyOfSuspect, keySetOf, keysOfRows, ownerOf, pairHashes, readSuspects, rowsOfKeys, rowsOfSuspects, shortenSuspect, splitSuspects, type Suspects } from '../core/pair-hashes.js'
import { causeOfMissing, type KeyGroup, type SourceRow, type TargetRow } from '../core/pairing.js'
import { readPackedKeysStatement, readPackedLegsStatement, readPlacesStatement, readRowsStatement, readSegmentsStatement } from '../core/reread-expressions.js'
import type { PageRange } from '../core/row-expressions.js'
import { equalBeside, type ChangedSegment, type SeenSegment, type SegmentComparison } from '../core/segments.js'
import { confirmGuesses, keysAtPlace, type GuessedSegment, type PlacedRows } from '../core/single-difference.js'
import type { ComparisonSpec } from '../core/spec.js'
import { sqlstateOf } from '../db/sqlstate.js'
import { causeOfExtra, createRowJudge, tooManyRows, type JudgedRow, type JudgeOptions, type Observe, type Readers } from './judge-rows.js'
import { lookBack, readBeginning, readListed } from './moved.js'
import { readNewer } from './newer.js'
import { areNear, canLookUp, endsOf, guessedRuns, hasOwnKeys, type KeyIndexes } from './neighbours.js'
import { readInParts, type Pace } from './pace.js'
import { arrayText, partsOf, read, readLists, readOne, readSnapshot, readWritable, textArray, textOf, type ReadMore, type TextList, type TextRow } from './reader.js'
import { createRowReaders, type Hashed } from './read-rows.js'
import type { Tally } from './tally.js'
import { isFaultOfRow, mostUnread } from './unreadable.js'

export interface SettleOptions extends Omit<JudgeOptions, 'isIndexed'> {
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
  /** when the pass saw each side, ISO 8601 */
  snapshots: { source: string | null; target: string | null }
}

/** Keys of which whole rows of both sides are in memory at a time. */
const keysPerStatement = 1_000
/** The same where an index is known to lead to all of them: a statement costs little, and what is read of fewer keys is garbage sooner. */
const keysByIndex = 400
/** Keys that one side alone has: of their rows little is read. */
const keysAlone = 2_500
/** Rows of one key, both sides together, that are read whole and paired: of a key that stands for more nothing is said. */
const mostRowsOfKey = 20_000
/** Of so many rows under one key, both sides together, that are all alike, one pair and what a side has more are read. */
const manyAlike = 1_000
/** Rows that a side has more under one key, of which each is read. */
const mostSurplus = 100_000
/** Keys that one pass over a side looks for. */
const keysPerPass = 100_000
/** Characters of rows that are in memory at a time, roughly, and keys that are read before it is known how many there are to a row: a value that a server may be asked about crosses the wire whole. */
const charactersOfPart = 32_000_000
const keysOfFirstPart = 20
/** Bytes of suspicious keys that are kept until they are read again. */
const mostResting = 3 * 2 ** 20
/** Rows of both sides in the segments that one statement looks up: tenths of a second. */
const rowsPerLookup = 100_000
/** Segments whose guessed keys one statement looks up. */
const guessesPerLookup = 2_500
/** Share of the rows that is looked up wherever they lie: of each a page is read, and of a pass all pages in order. */
const mostAnywhere = 0.01
interface ReadRows {
  source: Hashed<SourceRow>[]
  target: Hashed<TargetRow>[]
}

/** Packed rows of both sides with the same keys, as `pairHashes` takes them. */
export interface Block extends Record<Side, Buffer> {
  unsure?: ReadonlySet<bigint>
}

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
  await settler.judgeRest()
  return { seen: settler.seen, hasReread: 'suspicious' in open || settler.hasRested() }
}

/** The blocks of both sides, each let go of once it has been given. */
function* blocksOf({ source, target }: Record<Side, Map<string, Buffer>>, unsure?: ReadonlySet<bigint>): Generator<Block> {
  for (const block of new Set([...source.keys(), ...target.keys()])) {
    yield { source: source.get(block) ?? Buffer.alloc(0), target: target.get(block) ?? Buffer.alloc(0), ...(unsure === undefined ? {} : { unsure }) }
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

/** Whether a key stands for many rows that are all alike, or that one side alone has. */
function isCrowd(suspect: Buffer): boolean {
  const { source, target } = countOfSuspect(suspect)
  return source + target > manyAlike && (ownerOf(suspect) !== null || isUniform(suspect))
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

async function createSettler(spec: ComparisonSpec, readers: Readers, options: SettleOptions, tally: Tally, observe: Observe<JudgedRow>, signal: AbortSignal) {
  const rowReaders = createRowReaders(spec)
  const aloneReaders = createRowReaders(spec, true)
  const guesses = createGuesses(options)
  const [sourceIndexed, targetIndexed] = await Promise.all([canLookUp(spec, readers.source, options.indexes, signal), canLookUp(spec, readers.target, options.indexes, signal)])
  const isIndexed = { source: sourceIndexed, target: targetIndexed }
  const keysOfPart = (options.indexes?.target ?? null) === null ? keysPerStatement : keysByIndex
  const { canBeAlone, judge, judgeRest, addMoving } = await createRowJudge(spec, readers, { ...options, isIndexed }, readUnmerged, tally, observe, signal)
  /** Of a row that a side alone has nothing decides the class and the cause but that it is alone, and an index tells whether the other side has its key by now. */
  const areLookedUp = canBeAlone && hasOwnKeys(spec) && sides.every((side) => spec[side].chunkable && isIndexed[side]) && spec.source.merge === null && options.unreadRows.source.length + options.unreadRows.target.length === 0
  const needNoValues = {
    source: areLookedUp && spec.parents.length === 0 && spec.source.explained.length === 0 && spec.source.changedAt === null,
    target: areLookedUp && spec.target.generated.length === 0 && spec.target.changedAt === null && spec.source.where === null && spec.source.join === null && spec.source.exclude.length === 0,
  }
  /** Rows of one key need not be told apart where they are the same in all, or what others are merged into. */
  const canBeMany = !spec.bag && spec.source.merge === null
  /** Which of rows that are alike have a partner makes no difference: nothing but what is compared decides of them, and nothing is added up over them. */
  const canBeShortened = spec.source.merge === null && [spec.source.explained, spec.target.generated, spec.totals].every((list) => list.length === 0) && spec.source.changedAt === null && spec.target.changedAt === null
  /** keys of which some rows are left out, by their hashes, with how many are not */
  const shortened = new Map<string, Record<Side, number>>()
  const seen = { source: 0, target: 0 }
  let hasRested = false
  /** so many keys are read at once: fewer where their values are large, or a statement over more of them was cut off */
  const inPages = sides.every((side) => spec[side].chunkable)
  let keysAtOnce = inPages && spec.columns.some(({ canonical }) => canonical.decideAs !== null) ? keysOfFirstPart : Infinity
  let mostAtOnce = Infinity
  /** keys whose values raise an error when they are read whole, as texts that are none do, and were hashed all the same: nothing else hangs on them */
  const canLeaveKeys = inPages && canBeAlone && spec.source.merge === null && [spec.totals, spec.source.explained, spec.target.generated].every((list) => list.length === 0) && !spec.bag
  let keysLeft = 0
  /** hashes of source keys that kept changing: their rows are counted */
  const pendingKeys = new Set<string>()

  /** Reads the rows of segments in the way that costs least. */
  async function settleOpen(segments: readonly SeenSegment[]): Promise<void> {
    const guessed = segments.filter(isGuessed)
    const keys = guesses === null ? 0 : guessed.length * guesses.each
    const isWorth = keys > 0 && shouldLookUp({ source: keys, target: keys }, options)
    const left = isWorth ? segments.filter((segment) => !isGuessed(segment)) : [...segments]
    await settleBlocks(lookUpBoth(isWorth ? guessed : [], left))
    // each batch is a pass: its rows are settled before the next, while they are as they were
    if (!shouldLookUp(rowsIn(left), options)) for (const batch of batches(left, options.batchRows)) await settleBlocks(blocksOf(...await readBlocks(batch)))
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
    const readPart = async (part: readonly SeenSegment[]): Promise<Parameters<typeof blocksOf>> => {
      const [source, target] = await Promise.all([readSide('source', part), readSide('target', part)])
      const seen = rowsIn(part)
      return countRows(source) < seen.source || countRows(target) < seen.target ? readBlocks(part) : [{ source, target }]
    }
    for await (const found of readAhead(batches(segments, rowsPerLookup), readPart)) yield* blocksOf(...found)
  }

  /** @returns with them the keys of rows that were written while they were read */
  async function readBlocks(segments: readonly SeenSegment[]): Promise<[blocks: Record<Side, Map<string, Buffer>>, unsure: Set<bigint>]> {
    const unsure = new Set<bigint>()
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
          for (const row of rows) {
            const [block, newer] = [textOf(row, 'block'), Buffer.from(textOf(row, 'rows'), 'base64')]
            joined.set(block, addRows(joined.get(block) ?? Buffer.alloc(0), newer))
            for (const key of keySetOf(newer)) unsure.add(key)
          }
        })
      }
      return joined
    }
    const [source, target] = await Promise.all([readSide('source'), readSide('target')])
    return [{ source, target }, unsure]
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
    return readWritable(readers[side], signal, others, legs, async (some) => {
      const texts = some.map(legs)
      const lists = spec.key.map((_, leg) => textArray(texts.map((row) => row[leg]?.slice(1) ?? '')))
      return [...await readLists(readers[side], signal, readRowsStatement(spec, side, options, options.snapshots[side], 'keys', areAlone), [arrayText(new Set(some.map(keyHash))), ...lists])]
    })
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
    const crowds: string[] = []
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
    for await (const { source, target, unsure } of blocks) {
      const { equal, suspects: found } = pairHashes(source, target, unsure)
      addEqual(equal)
      for (const whole of found) {
        // of a crowd that may stand here twice in part nothing is known before all of it is read again
        if (canBeShortened && isCrowd(whole) && unsure?.has(BigInt(keyOfSuspect(whole))) === true) {
          crowds.push(keyOfSuspect(whole))
          continue
        }
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
    if (crowds.length > 0) await settleBlocks([await readListed(spec, readers, crowds, options, options.pace, signal)])
  }

  /** Of a key that stands for many rows that are all alike, or that one side alone has, one pair and what a side has more: the others are equal, or more than are read one by one. */
  function shorten(suspect: Buffer): Buffer {
    const { source, target } = countOfSuspect(suspect)
    if (!isCrowd(suspect)) return suspect
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
    const readWhole = async (part: Buffer) => {
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
      const characters = [source, target, ...looked].reduce((sum, list) => list.reduce((total, row) => row.reduce((own, text) => own + (text?.length ?? 0), total), sum), 0)
      if (inPages && !areAlone) keysAtOnce = Math.max(1, Math.min(mostAtOnce, Math.floor(charactersOfPart * suspects.bags.size / Math.max(1, characters))))
      return { counted: { side: owner, rows: counted?.rows ?? 0 }, bags: suspects.bags, source: [...source, ...(looked[0] ?? [])].map(reading.source.read), target: [...target, ...(looked[1] ?? [])].map(reading.target.read) }
    }
    /** A part whose statement runs into its time limit, or of which some values cannot be read, is read again in halves, down to one key; after a limit those that follow are as small. */
    const readPart = async (part: Buffer): Promise<Awaited<ReturnType<typeof readWhole>>[]> => {
      try {
        return [await readWhole(part)]
      } catch (error) {
        const suspects = splitSuspects(part)
        const half = suspects.length >> 1
        if (!signal.aborted && canLeaveKeys && isFaultOfRow(error)) {
          if (half > 0) return [...await readPart(Buffer.concat(suspects.slice(0, half))), ...await readPart(Buffer.concat(suspects.slice(half)))]
          if (keysLeft < mostUnread) {
            keysLeft += 1
            const { source, target } = countOfSuspect(part)
            addUntold('source', 'unverified', 'cannot be read', source)
            addUntold('target', 'unverified', 'cannot be read', target)
            return []
          }
        }
        if (signal.aborted || !inPages || sqlstateOf(error) !== '57014' || half === 0) throw error
        mostAtOnce = Math.min(mostAtOnce, half)
        keysAtOnce = Math.min(keysAtOnce, half)
        const found: Awaited<ReturnType<typeof readWhole>>[] = []
        for (const smaller of cut([part], () => mostAtOnce)) found.push(...await readPart(smaller))
        return found
      }
    }
    for await (const found of readAhead(cut(parts, (part) => (canBeAlone && ownerOf(part) !== null ? mostAtOnce : keysAtOnce)), readPart)) for (const { counted, bags, source, target } of found) {
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
    for (const part of partsOf([...moving], Math.min(keysPerStatement, keysAtOnce))) await settleMoving(new Map(part))
  }

  /** The second reading of keys that a side alone has, where nothing but their rows' number is asked for. @returns the rows that are as they were, and the suspects that are not known to be */
  async function countAlone(side: Side, part: Buffer): Promise<{ rows: number; left: Buffer }> {
    const suspects = splitSuspects(part)
    const before = rowsOfSuspects(suspects)
    const keys = arrayText(keysOfRows(before))
    const { rows, incomplete, ...found } = await readOne(readers[side], signal, readPackedLegsStatement(spec, side, { ...options, lists: [keys, textArray(addressesOfRows(before))] }))
    if (rows === null || rows === undefined || incomplete === 'true') return { rows: 0, left: part }
    const legs = spec.key.map((_, leg) => textOf(found, `l${leg}`))
    const there = await readWritable(readers[otherSide(side)], signal, [keys], () => legs, () => read(readers[otherSide(side)], signal, readPackedKeysStatement(spec, otherSide(side), options), [keys, ...legs]))
    // a key among them that the other side cannot write: they are looked for one by one
    if (there[0] === undefined) return { rows: 0, left: part }
    const { rows: arrived } = there[0]
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
        for (const { keyHash } of pending.source) pendingKeys.add(keyHash)
        addMoving(pending)
        return
      }
      waiting = moving
    }
  }

  async function settleRows(rows: KeyGroup): Promise<void> {
    seen.source += rows.source.length
    seen.target += rows.target.length
    await judge(rows)
  }

  /** Rows that are merged into no other any more, as the one that survived is gone: no reading has seen them under a key, unless they are pending. */
  async function readUnmerged(keyHashes: string[]): Promise<SourceRow[]> {
    const rows = (await readAnywhere('source', keyHashes)).map(rowReaders.source.read)
    const unseen = rows.filter(({ keyHash }) => !pendingKeys.has(keyHash))
    seen.source += unseen.length
    addMoving({ source: unseen, target: [] })
    return rows
  }

  return { seen, hasRested: () => hasRested, settleOpen, settleChanged, settleBlocks, judgeRest }
}

/** What is read for each part; the next is read while one is worked on. */
async function* readAhead<T, R>(parts: Iterable<T>, readPart: (part: T) => Promise<R>): AsyncGenerator<R> {
  const left = parts[Symbol.iterator]()
  const readNext = (): Promise<R> | null => {
    const part = left.next()
    const reading = part.done === true ? null : readPart(part.value)
    // it is awaited only when the work before it has succeeded
    reading?.catch(() => undefined)
    return reading
  }
  let next = readNext()
  while (next !== null) {
    const found = await next
    next = readNext()
    yield found
  }
}

/** Parts of suspects in smaller ones, of as many keys as are read at once by then. */
function* cut(parts: readonly Buffer[], keysAtOnce: (part: Buffer) => number): Generator<Buffer> {
  for (const part of parts) {
    for (let left = splitSuspects(part); left.length > 0;) {
      const keys = keysAtOnce(part)
      yield Buffer.concat(left.slice(0, keys))
      left = left.slice(keys)
    }
  }
}
