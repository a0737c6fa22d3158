import type { PendingQuery, Row } from 'postgres'
import type { Db } from '../../db/clients.js'
import type { ScriptFile } from '../inventory.js'
import type { Drift, ScriptStatus } from '../status.js'

/** A migration as the ledger of another tool has it, or as its file still waits to be applied. */
export interface LedgerEntry {
  /** as the tool names it */
  name: string
  version: string | null
  /** in the words of the tool */
  state: string
  status: ScriptStatus
  /** null: not applied, or the tool does not keep it */
  appliedAt: Date | null
  /** as the tool keeps it */
  checksum: string | null
  /** path of its file in the directory of scripts */
  file: string | null
  drift: Drift
}

/** How the ledger of one tool is recognised and read. */
export interface LedgerReader {
  tool: string
  /** name of its table unless configured otherwise */
  table: string
  /** columns that it has */
  columns: readonly string[]
  /** it has no others: the name alone would be ambiguous */
  onlyThese?: boolean
  /** @param table the quoted name */
  read(sql: Db, table: PendingQuery<Row[]>): Promise<Row[]>
  /** @param files of the directory of scripts, null when there is none */
  judge(rows: readonly Row[], files: readonly ScriptFile[] | null): LedgerEntry[]
}

export const entry = (name: string, state: string, status: ScriptStatus, rest: Partial<LedgerEntry> = {}): LedgerEntry =>
  ({ name, version: null, state, status, appliedAt: null, checksum: null, file: null, drift: 'unknown', ...rest })

interface SimpleWords {
  pending: string
  missing: string
}

/**
 * Joins what is applied with the files that the tool would find. A directory that has none of the applied files is taken for
 * another one: then nothing is called missing or pending.
 * @param idOf id of the migration in a file; null: not a migration of the tool
 */
export function joinFiles(applied: readonly { id: string; entry: LedgerEntry }[], files: readonly ScriptFile[] | null, idOf: (file: ScriptFile) => string | null, words: SimpleWords): LedgerEntry[] {
  const byId = new Map((files ?? []).flatMap((file) => {
    const id = idOf(file)
    return id === null ? [] : [[id, file] as const]
  }))
  const known = new Set(applied.map(({ id }) => id))
  if (applied.length > 0 && !applied.some(({ id }) => byId.has(id))) return applied.map((one) => one.entry)
  return [
    ...applied.map(({ id, entry: one }): LedgerEntry => {
      const file = byId.get(id)
      if (file !== undefined) return { ...one, file: file.path }
      return { ...one, state: words.missing, status: 'missing' }
    }),
    ...[...byId].filter(([id]) => !known.has(id)).map(([id, file]) => entry(id, words.pending, 'pending', { file: file.path })),
  ]
}
