import type { Sql, TransactionSql } from 'postgres'
import type { Side } from '../core/catalog.js'
import type { ComparisonSpec } from '../core/spec.js'
import { sqlstateOf } from '../db/sqlstate.js'
import { onSide } from '../jobs/failure.js'

/** A pinned read-only client and the side it reads; every value comes as the server's text. */
export interface Reader {
  side: Side
  sql: Sql
}

export type TextRow = Record<string, string | null>

/** The columns of a row in their order: where rows are many, a third of the time and memory of a `TextRow`. */
export type TextList = readonly (string | null)[]

/**
 * Runs one reading statement to its end. An abort cancels it on the server.
 * @throws the database's error, noted with its side
 */
export async function read(reader: Reader, signal: AbortSignal, statement: string, parameters: string[] = []): Promise<TextRow[]> {
  return readOn(reader.sql, reader.side, signal, statement, parameters)
}

/** The same, of each row a list of its columns. */
export async function readLists(reader: Reader, signal: AbortSignal, statement: string, parameters: string[] = []): Promise<TextList[]> {
  return run(reader.sql.unsafe<TextRow[]>(statement, parameters).values(), reader.side, signal)
}

/** Runs a statement that always gives a row. @throws as `read` */
export async function readOne(reader: Reader, signal: AbortSignal, statement: string, parameters: string[] = []): Promise<TextRow> {
  const [row] = await read(reader, signal, statement, parameters)
  if (row === undefined) throw new Error('the statement gave no row')
  return row
}

/** A text has a character that the server's encoding does not have. */
const isUnwritten = (error: unknown): boolean => sqlstateOf(error) === '22P05'

/**
 * Reads what a side has under keys. A key that its server cannot write in its own encoding is in none of its rows: such keys are found by halves, and left out.
 * @param textsOf the legs of a key
 */
export async function readWritable<Key, Row>(reader: Reader, signal: AbortSignal, keys: readonly Key[], textsOf: (key: Key) => readonly (string | null)[], run: (keys: readonly Key[]) => Promise<Row[]>): Promise<Row[]> {
  try {
    return await run(keys)
  } catch (error) {
    if (signal.aborted || !isUnwritten(error)) throw error
    const half = keys.length >> 1
    if (half > 0) return [...await readWritable(reader, signal, keys.slice(0, half), textsOf, run), ...await readWritable(reader, signal, keys.slice(half), textsOf, run)]
    // what a row holds may be at fault too
    if (await canWrite(reader, signal, keys.flatMap(textsOf))) throw error
    return []
  }
}

async function canWrite(reader: Reader, signal: AbortSignal, texts: readonly (string | null)[]): Promise<boolean> {
  try {
    await read(reader, signal, 'select $1::text as texts', [textArray(texts.map((text) => text ?? ''))])
    return true
  } catch (error) {
    if (signal.aborted || !isUnwritten(error)) throw error
    return false
  }
}

/** Runs a statement of a snapshot. */
export type ReadMore = (statement: string, parameters?: string[]) => Promise<TextRow[]>
/** Runs statements of a snapshot such that their error, which is thrown, does not end it. */
export type ReadApart = <T>(run: (readMore: ReadMore) => Promise<T>) => Promise<T>

/**
 * Runs statements of one side in one snapshot.
 * @throws the database's error, noted with its side
 */
export async function readSnapshot<T>(reader: Reader, signal: AbortSignal, run: (readMore: ReadMore, readApart: ReadApart) => Promise<T>): Promise<T> {
  const readMore = (tx: TransactionSql): ReadMore => (statement, parameters = []) => readOn(tx, reader.side, signal, statement, parameters)
  return await reader.sql.begin('isolation level repeatable read read only', async (tx) => {
    const readApart = async <R>(apart: (readMore: ReadMore) => Promise<R>) => (await tx.savepoint(async (point) => apart(readMore(point)))) as R
    return run(readMore(tx), readApart)
  })
    .catch((error: unknown) => { throw onSide(reader.side, error) }) as T
}

async function readOn(sql: Sql | TransactionSql, side: Side, signal: AbortSignal, statement: string, parameters: string[]): Promise<TextRow[]> {
  return run(sql.unsafe<TextRow[]>(statement, parameters), side, signal)
}

async function run<T>(query: Promise<T> & { cancel: () => void }, side: Side, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const cancel = () => { query.cancel() }
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await query
  } catch (error) {
    throw onSide(side, error)
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** Characters of an error that are told: it may quote a value of any length. */
const longestMessage = 2_000

/**
 * What may be told of an error that a statement of an entity met. PostgreSQL quotes values in its messages, so where the plan masks a
 * column, or nobody knows what it masks, only the SQLSTATE is told.
 * @param specs of the entities that the statement was about
 */
export function errorText(error: unknown, specs: readonly (ComparisonSpec | null)[]): string {
  const masked = specs.length === 0 || specs.some((spec) => spec === null || [...spec.key, ...spec.columns].some(({ pii }) => pii))
  const state = sqlstateOf(error)
  if (masked && state !== null) return `SQLSTATE ${state}; the message is not told, since it may hold a masked value`
  const message = error instanceof Error ? error.message : String(error)
  return message.length > longestMessage ? `${message.slice(0, longestMessage).toWellFormed()}… (${message.length} characters)` : message
}

/** The value of a column that the statement always fills. */
export function textOf(row: TextRow, column: string): string {
  const value = row[column]
  if (value === null || value === undefined) throw new Error(`the statement gave no ${column}`)
  return value
}

/**
 * A count as an exact JavaScript integer.
 * @throws RangeError above 2^53 - 1
 */
export function countOf(row: TextRow, column: string): number {
  const count = Number(textOf(row, column))
  if (!Number.isSafeInteger(count)) throw new RangeError(`${column} exceeds 2^53 - 1 and cannot be given exactly`)
  return count
}

/** A list of bigint texts as the text of a PostgreSQL array. */
export function arrayText(values: Iterable<string | number>): string {
  return `{${[...values].join(',')}}`
}

/** A list of texts as the text of a PostgreSQL array. */
export function textArray(texts: Iterable<string>): string {
  return arrayText([...texts].map((text) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`))
}

/** A list in parts of at most `size`, for one statement each. */
export function partsOf<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) => list.slice(index * size, (index + 1) * size))
}
