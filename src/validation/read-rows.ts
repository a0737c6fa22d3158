import type { SourceRow, TargetRow } from '../core/pairing.js'
import type { ComparisonSpec } from '../core/spec.js'
import { textOf, type TextRow } from './reader.js'

/** A row with the hash of its key, decimal. */
export type Hashed<Row> = Row & { keyHash: string }

/** What makes rows of the columns that `readRowsStatement` gives. The names are made once: there may be many rows, and each name would be a text of its own. */
export function createRowReaders({ key, columns }: ComparisonSpec): { source: (row: TextRow) => Hashed<SourceRow>; target: (row: TextRow) => Hashed<TargetRow> } {
  const named = (letter: string, terms: readonly unknown[]) => terms.map((_, index) => `${letter}${index}`)
  const [legs, rawLegs, values, others] = [named('k', key), named('r', key), named('c', columns), named('o', key)]
  const accepted = columns.map(({ accept }, column) => named(`a${column}_`, accept))
  const raw = columns.map(({ keyMap }, column) => (keyMap === null ? null : `d${column}`))
  const exact = columns.map(({ accept }, column) => (accept.length === 0 ? null : `e${column}`))
  const textsOf = (row: TextRow, names: readonly (string | null)[]) => names.map((name) => (name === null ? null : (row[name] ?? null)))
  const source = (row: TextRow): Hashed<SourceRow> => {
    const reason = row['reason'] ?? null
    return {
      keyHash: textOf(row, 'key_hash'), rowHash: textOf(row, 'row_hash'), changedAt: row['changed_at'] ?? null, recent: row['recent'] === 'true', reason: reason === null ? null : Number(reason),
      key: textsOf(row, legs), columns: textsOf(row, values), others: key.flatMap(({ name }, leg) => (row[others[leg] ?? ''] === 'true' ? [name] : [])),
      accepted: accepted.map((names) => textsOf(row, names)),
    }
  }
  return { source, target: (row) => ({ ...source(row), rawKey: textsOf(row, rawLegs), rawColumns: textsOf(row, raw), exact: textsOf(row, exact) }) }
}
