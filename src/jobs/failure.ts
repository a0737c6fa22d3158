import type { Side } from '../core/catalog.js'
import type { ReasonCode } from '../db/sqlstate.js'

const sides = new WeakMap<object, Side>()

/**
 * Notes on which database an error happened, and gives the same error back to be thrown. The first note stays.
 * @example const rows = await read(source).catch((error) => { throw onSide('source', error) })
 */
export function onSide(side: Side, error: unknown): Error {
  const noted = error instanceof Error ? error : new Error(String(error))
  if (!sides.has(noted)) sides.set(noted, side)
  return noted
}

/** The database on which an error happened, as `onSide` noted it, else null. */
export function sideOf(error: unknown): Side | null {
  return typeof error === 'object' && error !== null ? (sides.get(error) ?? null) : null
}

const failures = new WeakMap<Error, ReasonCode>()

/** An error that fails the whole job at once, without another attempt; `reason` is shown to the user as it is. */
export function jobFailure(code: ReasonCode, reason: string): Error {
  const error = new Error(reason)
  failures.set(error, code)
  return error
}

const loads = new WeakMap<Error, string>()

/** An error that gives a task back for a while, since a database has enough to do; `load` says with what. */
export function busyFailure(side: Side, load: string): Error {
  const error = onSide(side, new Error(`the ${side} database is busy: ${load}`))
  loads.set(error, load)
  return error
}

/** What keeps the database busy, of a `busyFailure`, else null. */
export function busyLoad(error: unknown): string | null {
  return error instanceof Error ? (loads.get(error) ?? null) : null
}

/** The code of a `jobFailure`, else null. */
export function jobFailureCode(error: unknown): ReasonCode | null {
  return error instanceof Error ? (failures.get(error) ?? null) : null
}

/**
 * What may be told of an error. PostgreSQL quotes values in its messages, so of its errors only the code and the names of
 * objects are given.
 */
export function describeError(error: unknown): Record<string, string> {
  if (!(error instanceof Error)) return { name: typeof error }
  const details = error as Error & Record<string, unknown>
  const fromServer = typeof details['severity'] === 'string'
  const told = fromServer ? ['code', 'routine', 'schema_name', 'table_name', 'column_name', 'constraint_name'] : ['code', 'message', 'stack']
  const description: Record<string, string> = { name: error.name }
  for (const key of told) {
    const value = details[key]
    if (typeof value === 'string') description[key] = value
  }
  return description
}
