import type { SourceRow, TargetRow } from '../core/pairing.js'
import type { ComparisonSpec } from '../core/spec.js'
import { textOf, type TextRow } from './reader.js'

/** A row with the hash of its key, decimal. */
export type Hashed<Row> = Row & { keyHash: string }

/** What makes rows of the columns that `readRowsStatement` gives. Names and what is the same in all rows are made once: there may be many rows. */
export function createRowReaders({ key, columns }: ComparisonSpec): { source: (row: TextRow) => Hashed<SourceRow>; target: (row: TextRow) => Hashed<TargetRow> } {
  const named = (letter: string, terms: readonly unknown[]) => terms.map((_, index) => `${letter}${index}`)
  const [legs, rawLegs, values, others] = [named('k', key), named('r', key), named('c', columns), named('o', key)]
  const textsOf = (row: TextRow, names: readonly (string | null)[]) => names.map((name) => (name === null ? null : (row[name] ?? null)))
  /** Reads columns that most entities do not have. */
  const fewOf = (names: readonly (string | null)[]) => {
    const none = names.map(() => null)
    return (row: TextRow) => (names.every((name) => name === null) ? none : textsOf(row, names))
  }
  const acceptedOf = columns.map(({ accept }, column) => named(`a${column}_`, accept))
  const noneAccepted: string[][] | null = acceptedOf.every((names) => names.length === 0) ? columns.map(() => []) : null
  const noOthers: string[] = []
  const rawOf = fewOf(columns.map(({ keyMap }, column) => (keyMap === null ? null : `d${column}`)))
  const exactOf = fewOf(columns.map(({ accept }, column) => (accept.length === 0 ? null : `e${column}`)))
  const common = (row: TextRow) => ({
    keyHash: textOf(row, 'key_hash'), rowHash: textOf(row, 'row_hash'), changedAt: row['changed_at'] ?? null, recent: row['recent'] === 'true', key: textsOf(row, legs), columns: textsOf(row, values), reason: reasonOf(row),
  })
  return {
    source: (row) => ({
      ...common(row), others: others.some((name) => row[name] === 'true') ? key.flatMap(({ name }, leg) => (row[others[leg] ?? ''] === 'true' ? [name] : [])) : noOthers,
      accepted: noneAccepted ?? acceptedOf.map((names) => textsOf(row, names)),
    }),
    target: (row) => ({ ...common(row), rawKey: textsOf(row, rawLegs), rawColumns: rawOf(row), exact: exactOf(row) }),
  }
}

function reasonOf(row: TextRow): number | null {
  const reason = row['reason'] ?? null
  return reason === null ? null : Number(reason)
}
