import { otherSide, sides, type Side } from '../core/catalog.js'
import { newerKeysStatement, presentKeysStatement, streamStatement } from '../core/pass-expressions.js'
import type { PageRange, StatementOptions } from '../core/row-expressions.js'
import { newerKeys } from '../core/segments.js'
import type { ComparisonSpec } from '../core/spec.js'
import { areCountersTrusted, countersOfRelation, ofOthers } from './evidence.js'
import { readInParts, type Pace, type Work } from './pace.js'
import { arrayText, countOf, partsOf, read, readOne, textOf, type Reader, type TextRow } from './reader.js'

/**
 * Chunks of one table are read in snapshots of their own, so a row that an update moves from a page that is still to be read to one that has been read is seen by none of them. Such a row is a version that is newer than
 * the snapshot of the chunk in which it lies.
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
    (select pg_catalog.count(*) from pg_catalog.pg_stat_activity where ${ofOthers} and (state is distinct from 'idle' or state_change >= $2::text::timestamptz))::text as writers,
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

/** A chunk of a side as it was read. */
export interface ReadChunk {
  firstPage: number
  /** every transaction before this one was over in its snapshot */
  horizon: string
}

/** Newer rows in segments that are read again by an index at once; of more, or without one, a pass tells which keys the other side does not have. */
const fewNewer = 10_000
/** Keys that one pass looks for. */
const keysPerPass = 100_000

/**
 * The segments in which the passes over a side may have missed rows. A row that both sides have is missed by the sums of one side alone, which then disagree; so what matters is a newer row whose key the other side does not have,
 * or has in a newer row.
 * @param chunks of each side that was read in more than one, in the order of their pages
 * @returns by side
 */
export async function findMoved(spec: ComparisonSpec, readers: Record<Side, Reader>, chunks: Partial<Record<Side, readonly ReadChunk[]>>, options: StatementOptions, pace: Pace, signal: AbortSignal): Promise<Record<Side, Set<number>>> {
  const [source, target] = await Promise.all([readNewer('source'), readNewer('target')])
  const isOnBoth = new Set([...source.keys()].filter((key) => target.has(key)))
  await Promise.all([leaveOutPresent('source', source), leaveOutPresent('target', target)])
  return { source: new Set(source.values()), target: new Set(target.values()) }

  async function readNewer(side: Side): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    const own = chunks[side]
    if (own === undefined) return found
    await readParts(spec, readers[side], 'versions', pace, signal, (pages) => newerKeysStatement(spec, side, { ...options, pages }, horizonOf(own, pages)), [], ([row]) => {
      for (const { segment, key } of newerKeys(bytesOf(row, 'rows'))) found.set(key, segment)
    })
    return found
  }

  async function leaveOutPresent(side: Side, newer: Map<string, number>): Promise<void> {
    const keys = [...newer.keys()].filter((key) => !isOnBoth.has(key))
    if (options.neighbours !== undefined && keys.length <= fewNewer) return
    const other = otherSide(side)
    for (const part of partsOf(keys, keysPerPass)) {
      await readParts(spec, readers[other], 'keys', pace, signal, (pages) => presentKeysStatement(spec, other, { ...options, pages }), [arrayText(part)], ([row]) => {
        const present = bytesOf(row, 'keys')
        for (let at = 0; at < present.length; at += 8) newer.delete(present.readBigInt64BE(at).toString())
      })
    }
  }
}

/** By side and block (`countBlocks`) the packed rows that the passes over a side may have missed, and some that they have seen. @param chunks as `findMoved` takes them */
export async function readNewerRows(spec: ComparisonSpec, readers: Record<Side, Reader>, chunks: Partial<Record<Side, readonly ReadChunk[]>>, options: StatementOptions, pace: Pace, signal: AbortSignal): Promise<Record<Side, Map<number, Buffer>>> {
  const found = { source: new Map<number, Buffer>(), target: new Map<number, Buffer>() }
  await Promise.all(sides.map(async (side) => {
    const own = chunks[side]
    if (own === undefined) return
    await readParts(spec, readers[side], 'versions', pace, signal, (pages) => streamStatement(spec, side, { ...options, pages }, horizonOf(own, pages)), [], (rows) => {
      for (const row of rows) {
        const place = Number(textOf(row, 'place'))
        if (place >= 0) found[side].set(place, Buffer.concat([found[side].get(place) ?? Buffer.alloc(0), Buffer.from(textOf(row, 'packed'), 'base64')]))
      }
    })
  }))
  return found
}

/** The horizon of the chunks that lie in a range of pages. */
function horizonOf(chunks: readonly ReadChunk[], { first, next }: PageRange): string {
  const within = chunks.filter(({ firstPage }, index) => (next === null || firstPage < next) && (chunks[index + 1]?.firstPage ?? Infinity) > first)
  return within.map(({ horizon }) => BigInt(horizon)).reduce((least, horizon) => (horizon < least ? horizon : least)).toString()
}

const bytesOf = (row: TextRow | undefined, column: string) => Buffer.from(row?.[column] ?? '', 'base64')

/** Runs a statement over all pages of a side, part by part. */
async function readParts(spec: ComparisonSpec, reader: Reader, work: Work, pace: Pace, signal: AbortSignal, statementOver: (pages: PageRange) => string, parameters: string[], take: (rows: TextRow[]) => void): Promise<void> {
  await readInParts(pace, spec, reader.side, work, async (pages) => { take(await read(reader, signal, statementOver(pages), parameters)) })
}
