import type { Verdict } from '../core/accounting.js'
import { bareClaimCondition } from '../core/row-expressions.js'
import { quoteRelation } from '../core/identifier.js'
import type { ComparisonSpec } from '../core/spec.js'
import { isTransient, sqlstateOf } from '../db/sqlstate.js'
import type { TableCoverage } from '../plan/coverage.js'
import type { TableResult } from './outcomes.js'
import { countOf, errorText, read, textOf, type Reader } from './reader.js'

/** One of the entities that claim rows of a table; without a spec nobody can say which rows those are. */
export interface Claimant {
  entity: string
  shared: boolean
  spec: ComparisonSpec | null
}

/**
 * Counts the rows of one table by how many entities claim them, in one statement over the bare table with all entities' predicates.
 * A table that cannot be read is an `unknown` with the reason, never a figure; a transient error is thrown, so that the task is repeated.
 * @param waits for the lock of a table, by being repeated
 */
export async function accountTable(table: TableCoverage, claimants: readonly Claimant[], reader: Reader, waits: boolean, signal: AbortSignal): Promise<TableResult> {
  const base = { ...table, overlaps: [], claimedOnce: null, claimedSeveral: null, unclaimed: null, ignored: null, rows: null, error: null }
  try {
    if (table.coverage !== 'covered') {
      const rows = await countRows(table, reader, signal)
      const ignored = table.coverage === 'ignored'
      return { ...base, rows, claimedOnce: 0, claimedSeveral: 0, unclaimed: ignored ? 0 : rows, ignored: ignored ? rows : 0, verdict: ignored ? 'pass' : 'warn' }
    }
    const blocked = claimants.filter(({ spec }) => spec === null).map(({ entity }) => entity)
    if (blocked.length > 0) return { ...base, verdict: 'unknown', error: `the plan check refused ${blocked.join(', ')}: nobody can say which rows it claims` }
    const inexact = claimants.filter(({ spec }) => table.side === 'source' && spec?.source.query !== null && spec?.source.covers?.key === null).map(({ entity }) => entity)
    if (inexact.length > 0) return { ...base, rows: await countRows(table, reader, signal), verdict: 'unknown', error: `the query of ${inexact.join(', ')} does not return the table's primary key: nobody can say which rows it accounts for` }
    return { ...base, ...(await countClaims(table, claimants, reader, signal)) }
  } catch (error) {
    const isLocked = sqlstateOf(error) === '55P03'
    if (signal.aborted || (isTransient(error) && (waits || !isLocked))) throw error
    if (isLocked) return { ...base, verdict: 'unknown', error: 'another session keeps it locked: run the validation again when it is free' }
    return { ...base, verdict: 'unknown', error: errorText(error, claimants.map(({ spec }) => spec)) }
  }
}

async function countRows(table: TableCoverage, reader: Reader, signal: AbortSignal): Promise<number | null> {
  const [counted] = await read(reader, signal, `select pg_catalog.count(*)::text as rows from ${relation(table)}`)
  return counted === undefined ? null : countOf(counted, 'rows')
}

async function countClaims(table: TableCoverage, claimants: readonly Claimant[], reader: Reader, signal: AbortSignal) {
  const marks = claimants.map(({ spec }) => `case when ${spec === null ? 'false' : bareClaimCondition(spec, table.side)} then '1' else '0' end`)
  const alias = table.side === 'source' ? 'src' : 'tgt'
  const counts = await read(reader, signal, `select claims, pg_catalog.count(*)::text as rows from (select ${marks.join(' || ')} as claims from ${relation(table)} ${alias}) rows group by claims`)
  const figures = { rows: 0, claimedOnce: 0, claimedSeveral: 0, unclaimed: 0, ignored: 0, overlaps: [] as TableResult['overlaps'] }
  for (const row of counts) {
    const rows = countOf(row, 'rows')
    const claimed = claimants.filter((_, index) => textOf(row, 'claims')[index] === '1')
    figures.rows += rows
    if (claimed.length === 0) figures.unclaimed += rows
    else if (claimed.length === 1) figures.claimedOnce += rows
    else {
      figures.claimedSeveral += rows
      figures.overlaps.push({ entities: claimed.map(({ entity }) => entity), rows, declared: claimed.every(({ shared }) => shared) })
    }
  }
  return { ...figures, verdict: judgeClaims(figures) }
}

function judgeClaims({ rows, unclaimed, overlaps }: { rows: number; unclaimed: number; overlaps: TableResult['overlaps'] }): Verdict {
  return unclaimed > 0 || overlaps.some(({ declared }) => !declared) ? 'fail' : rows === 0 ? 'warn' : 'pass'
}

/** The counts of an earlier job, judged by what the plan declares now. @param shared entities whose rows others may claim too */
export function judgeAnew(table: TableResult, shared: readonly string[]): TableResult {
  const { rows, unclaimed } = table
  if (table.error !== null || table.coverage !== 'covered' || rows === null || unclaimed === null) return table
  const overlaps = table.overlaps.map((overlap) => ({ ...overlap, declared: overlap.entities.every((entity) => shared.includes(entity)) }))
  return { ...table, overlaps, verdict: judgeClaims({ rows, unclaimed, overlaps }) }
}

function relation({ schema, table }: TableCoverage): string {
  return quoteRelation({ schema, name: table })
}
