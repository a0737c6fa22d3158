import { sides, type Side } from '../core/catalog.js'
import { keyOfSuspect, pairHashes } from '../core/pair-hashes.js'
import { newerKeysStatement, streamStatement } from '../core/pass-expressions.js'
import { readListedStatement } from '../core/reread-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import { countNewer, newerRows, partsOfNewer } from '../core/segments.js'
import type { ComparisonSpec } from '../core/spec.js'
import { areCountersTrusted, countersOfRelation, isIdle, ofOthers } from './evidence.js'
import { canLookUpBoth } from './neighbours.js'
import { readNewer } from './newer.js'
import { readInParts, type Pace } from './pace.js'
import { arrayText, countOf, read, readOne, readSnapshot, textOf, type Reader } from './reader.js'

/**
 * Chunks of one table are read in snapshots of their own, so a row that an update moves from a page that is still to be read to one that has been read is seen by none of them, and the other way by two. Such a row is a version that is
 * newer than the oldest of these snapshots.
 */

/** How a side stood before it was read. */
export interface Beginning {
  /** by the server's clock, ISO 8601 */
  moment: string
  /** every transaction before this one (decimal text of an xid8) was over */
  horizon: string
  /** of the counters as such; null: they prove nothing */
  counters: string | null
  /** `["schema","name"]` → the file of a table (what a rewrite, TRUNCATE or a swap of names changes), and what its counters stand at (null: nobody can tell) */
  tables: Record<string, { file: string; counters: string | null }>
}

/**
 * How the tables in $1 (a JSON array of [schema, name]) stand. `writers` are the sessions of others that may have done something since $2 (ISO 8601) that the counters do not tell yet; one that has ended has told.
 * `reset` is what a restart, the crash of a session and a reset of the counters change.
 */
const standingStatement = `with wanted as (select item ->> 0 as schema, item ->> 1 as name from pg_catalog.json_array_elements($1::text::json) as list(item))
  select ${areCountersTrusted}::text as trusted,
    pg_catalog.json_build_array(pg_catalog.pg_postmaster_start_time(), (select stats_reset from pg_catalog.pg_stat_bgwriter), (select stats_reset from pg_catalog.pg_stat_database where datname = pg_catalog.current_database()))::text as reset,
    (select pg_catalog.count(*) from pg_catalog.pg_stat_activity where ${ofOthers} and (not ${isIdle} or state_change >= $2::text::timestamptz))::text as writers,
    pg_catalog.to_char(pg_catalog.clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as moment, pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text as horizon,
    (select pg_catalog.json_object_agg(pg_catalog.json_build_array(n.nspname, c.relname)::text, pg_catalog.json_build_object('file', pg_catalog.json_build_array(c.oid, pg_catalog.pg_relation_filenode(c.oid))::text, 'counters', ${countersOfRelation}))
      from wanted w join pg_catalog.pg_namespace n on n.nspname = w.schema join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name)::text as tables`

async function readStanding(reader: Reader, tables: readonly [string, string][], since: string, signal: AbortSignal): Promise<Beginning & { writers: number }> {
  const row = await readOne(reader, signal, standingStatement, [JSON.stringify(tables), since])
  const found = Object.entries(JSON.parse(row['tables'] ?? '{}') as Beginning['tables'])
  return {
    writers: countOf(row, 'writers'), moment: textOf(row, 'moment'), horizon: textOf(row, 'horizon'), counters: row['trusted'] === 'true' ? textOf(row, 'reset') : null,
    tables: Object.fromEntries(found.map(([name, table]) => [JSON.stringify(JSON.parse(name)), table])),
  }
}

/** @param specs of the entities that are to be read */
export async function readBeginning(specs: readonly ComparisonSpec[], reader: Reader, signal: AbortSignal): Promise<Beginning> {
  const { writers: _, ...beginning } = await readStanding(reader, specs.filter((spec) => spec[reader.side].chunkable).map((spec) => tableOf(spec, reader.side)), 'infinity', signal)
  return beginning
}

const tableOf = (spec: ComparisonSpec, side: Side): [string, string] => [spec[side].schema, spec[side].table]

/** Whether the name of a table still leads to the file that it led to, so that addresses and versions of rows mean what they meant; and whether nobody can have written to it since. */
export async function lookBack(spec: ComparisonSpec, reader: Reader, beginning: Beginning, signal: AbortSignal): Promise<{ isSameFile: boolean; isUnwritten: boolean }> {
  const now = await readStanding(reader, [tableOf(spec, reader.side)], beginning.moment, signal)
  const name = JSON.stringify(tableOf(spec, reader.side))
  const [before, after] = [beginning.tables[name], now.tables[name]]
  const isSameFile = before !== undefined && before.file === after?.file
  return { isSameFile, isUnwritten: isSameFile && now.writers === 0 && beginning.counters !== null && beginning.counters === now.counters && before.counters !== null && before.counters === after?.counters }
}

/** Of each side that was read in more than one chunk: every transaction before this one (decimal text of an xid8) was over in the snapshots of all of them. */
export type Horizons = Partial<Record<Side, string>>

/** So many newer rows have their segments read again at once where these are neighbours: a few looks into an index, and their rows are counted anew. */
const fewNewer = 100
/** Newer rows whose keys are asked for together, and keys that one pass looks for. */
const keysAtOnce = 100_000

/** What versions tell of rows that the passes over a side may have seen twice, or not at all. */
export interface Moved {
  /** by side whose rows have moved: what the sums say of these segments is not known to be so */
  segments: Record<Side, Set<number>>
  /** by side how many rows that are not paired by their key are newer than a reading */
  unkeyed: Record<Side, number>
  /** keyed rows that are newer than a reading, of both sides */
  rows: number
}

export const nothingMoved = (): Moved => ({ segments: { source: new Set(), target: new Set() }, unkeyed: { source: 0, target: 0 }, rows: 0 })

/**
 * The segments of which the passes may have seen some rows twice or not at all. Whatever moved is newer than the oldest snapshot of the chunks of its side; all other rows were seen once, as they are. The fingerprint of a row
 * holds its key, so where the sums of both sides agree, they agree under each key that has no newer row; and under the others both sides must have the same rows now.
 */
export async function findMoved(spec: ComparisonSpec, readers: Record<Side, Reader>, horizons: Horizons, options: StatementOptions, pace: Pace, signal: AbortSignal): Promise<Moved> {
  const found = nothingMoved()
  let areIndexed: Promise<boolean> | null = null
  await Promise.all(sides.map(async (side) => {
    const horizon = horizons[side]
    if (horizon === undefined) return
    await readInParts(pace, spec, side, 'versions', async (pages) => {
      const row = await readOne(readers[side], signal, newerKeysStatement(spec, side, { ...options, pages }, horizon))
      const newer = Buffer.from(row['newer'] ?? '', 'base64')
      found.unkeyed[side] += countOf(row, 'others')
      found.rows += countNewer(newer)
      if (options.neighbours !== undefined && found.rows <= fewNewer) {
        for (const { segment } of newerRows(newer)) found.segments[side].add(segment)
        return
      }
      for (const part of partsOfNewer(newer, keysAtOnce)) {
        areIndexed ??= canLookUpBoth(spec, readers, signal)
        const unlike = await areIndexed ? await findUnlikeByKey(spec, readers, side, part, options, signal) : await findUnlikeByPass(spec, readers, part, options, pace, signal)
        for (const segment of unlike) found.segments[side].add(segment)
      }
    })
  }))
  return found
}

/** The segments of newer rows under whose keys both sides do not have the same rows, or nobody knows it. @param newer of one side, as `newerRows` reads them */
async function findUnlikeByKey(spec: ComparisonSpec, readers: Record<Side, Reader>, side: Side, newer: Buffer, options: StatementOptions, signal: AbortSignal): Promise<Set<number>> {
  const segments = new Set([...newerRows(newer)].map(({ segment }) => segment))
  const { keysOf, segmentOf, blocks } = await readNewer(spec, readers, segments, { source: Buffer.alloc(0), target: Buffer.alloc(0), [side]: newer }, options, signal)
  const unlike = blocks.flatMap(({ source, target }) => pairHashes(source, target).suspects.flatMap((suspect) => segmentOf(keyOfSuspect(suspect)) ?? []))
  return new Set([...unlike, ...[...segments].filter((segment) => keysOf(segment) === null)])
}

/** The same by a pass over each side, in one snapshot. */
async function findUnlikeByPass(spec: ComparisonSpec, readers: Record<Side, Reader>, newer: Buffer, options: StatementOptions, pace: Pace, signal: AbortSignal): Promise<Set<number>> {
  const segmentOf = new Map([...newerRows(newer)].map(({ segment, key }) => [key, segment]))
  const { source, target } = await readListed(spec, readers, [...segmentOf.keys()], options, pace, signal)
  return new Set(pairHashes(source, target).suspects.flatMap((suspect) => segmentOf.get(keyOfSuspect(suspect)) ?? []))
}

/** The packed rows of both sides under the keys of these hashes. */
export async function readListed(spec: ComparisonSpec, readers: Record<Side, Reader>, keyHashes: readonly string[], options: StatementOptions, pace: Pace, signal: AbortSignal): Promise<Record<Side, Buffer>> {
  const [source, target] = await Promise.all(sides.map((side) => readListedOf(spec, readers[side], keyHashes, options, pace, signal))) as [Buffer, Buffer]
  return { source, target }
}

/** The same of one side, by a pass in one snapshot. */
export async function readListedOf(spec: ComparisonSpec, reader: Reader, keyHashes: readonly string[], options: StatementOptions, pace: Pace, signal: AbortSignal): Promise<Buffer> {
  const keys = arrayText(keyHashes)
  const parts: Buffer[] = []
  await readSnapshot(reader, signal, async (readMore) => {
    await readInParts(pace, spec, reader.side, 'keys', async (pages) => {
      const [row] = await readMore(readListedStatement(spec, reader.side, { ...options, pages }), [keys])
      parts.push(Buffer.from(row?.['rows'] ?? '', 'base64'))
    })
  })
  return Buffer.concat(parts)
}

/** By side and block (`countBlocks`) the packed rows that the passes over a side may have seen twice or not at all: of their keys nothing is known before they are read again. */
export async function readNewerRows(spec: ComparisonSpec, readers: Record<Side, Reader>, horizons: Horizons, options: StatementOptions, pace: Pace, signal: AbortSignal): Promise<{ blocks: Record<Side, Map<number, Buffer>> } & Pick<Moved, 'unkeyed' | 'rows'>> {
  const found = { blocks: { source: new Map<number, Buffer>(), target: new Map<number, Buffer>() }, unkeyed: { source: 0, target: 0 }, rows: 0 }
  await Promise.all(sides.map(async (side) => {
    const horizon = horizons[side]
    if (horizon === undefined) return
    const blocks = found.blocks[side]
    await readInParts(pace, spec, side, 'versions', async (pages) => {
      for (const row of await read(readers[side], signal, streamStatement(spec, side, { ...options, pages }, horizon))) {
        const [place, rows] = [Number(textOf(row, 'place')), countOf(row, 'rows')]
        if (place < 0) found.unkeyed[side] += rows
        else {
          found.rows += rows
          blocks.set(place, Buffer.concat([blocks.get(place) ?? Buffer.alloc(0), Buffer.from(textOf(row, 'packed'), 'base64')]))
        }
      }
    })
  }))
  return found
}
