/** A stored difference: a row that is not verified, or is worth a look; values are already masked. */
export interface Difference {
  side: 'source' | 'target' | 'both'
  class: string
  cause: string | null
  reason: string | null
  rowKey: Record<string, string | null>
  columns: { column: string; source: string | null; target: string | null }[]
}

export interface Tallied {
  class: string
  side: 'source' | 'target'
  label: string
  rows: number
}

/** The cause of a missing row whose key its map does not have. */
export const noMapEntry = 'no map entry'

/** Differences as they were told, the first up to a limit: as JSON, since objects would take three times the memory until they are saved. */
export interface KeptDifferences extends Iterable<Difference> {
  readonly count: number
  /** no more are kept */
  readonly isFull: boolean
  /** all of them, in JSON arrays of some hundreds */
  parts(): Generator<string>
}

const differencesOfPart = 500

function keepDifferences(limit: number): KeptDifferences & { add(difference: Difference): void } {
  const packed: Buffer[] = []
  let open: Difference[] = []
  const kept = {
    count: 0,
    get isFull() {
      return kept.count >= limit
    },
    add(difference: Difference) {
      if (kept.isFull) return
      kept.count += 1
      open.push(difference)
      if (open.length < differencesOfPart) return
      packed.push(Buffer.from(JSON.stringify(open)))
      open = []
    },
    *parts() {
      for (const part of packed) yield part.toString()
      if (open.length > 0) yield JSON.stringify(open)
    },
    *[Symbol.iterator]() {
      for (const part of kept.parts()) yield* JSON.parse(part) as Difference[]
    },
  }
  return kept
}

/** Counts the rows of an entity by class, and keeps the first differences up to a limit; the counts are exact beyond it. */
export interface Tally {
  verified: number
  merged: number
  accepted: number
  fingerprintFaults: number
  source: Record<'explained' | 'pending' | 'missing' | 'unverified', number>
  target: Record<'duplicate' | 'generated' | 'pending' | 'extra' | 'unverified', number>
  differs: number
  /** missing rows whose key the map of the entity does not have, whatever their cause */
  withoutEntry: number
  /** `side class cause` and `side class reason` → rows */
  causes: Map<string, Tallied>
  reasons: Map<string, Tallied>
  /** column → rows in which it differs */
  columns: Map<string, number>
  differences: KeptDifferences
  addVerified(rows: number): void
  addAccepted(reason: string, rowKey: Difference['rowKey'], columns: Difference['columns']): void
  addDiffers(cause: string, rowKey: Difference['rowKey'], columns: Difference['columns']): void
  addSource(name: 'explained' | 'pending' | 'missing' | 'unverified', cause: string | null, reason: string | null, rowKey: Difference['rowKey'], columns?: Difference['columns']): void
  addTarget(name: 'duplicate' | 'generated' | 'pending' | 'extra' | 'unverified', cause: string | null, reason: string | null, rowKey: Difference['rowKey'] | null, rawKey?: (string | null)[]): void
  count(map: 'causes' | 'reasons', side: 'source' | 'target', name: string, label: string, rows: number): void
  /** Rows that one side alone has, of which none is told by itself. */
  addAlone(side: 'source' | 'target', cause: string, rows: number): void
  keep(difference: Difference): void
}

/** @param limit differences kept at most */
export function createTally(keyNames: readonly string[], limit: number): Tally {
  const differences = keepDifferences(limit)
  const tally: Tally = {
    verified: 0, merged: 0, accepted: 0, fingerprintFaults: 0, differs: 0, withoutEntry: 0,
    source: { explained: 0, pending: 0, missing: 0, unverified: 0 },
    target: { duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
    causes: new Map(), reasons: new Map(), columns: new Map(), differences,
    addVerified(rows) {
      tally.verified += rows
    },
    addAccepted(reason, rowKey, columns) {
      tally.accepted += 1
      tally.count('reasons', 'source', 'accepted', reason, 1)
      tally.keep({ side: 'both', class: 'accepted', cause: null, reason, rowKey, columns })
    },
    addDiffers(cause, rowKey, columns) {
      tally.differs += 1
      for (const { column } of columns) tally.columns.set(column, (tally.columns.get(column) ?? 0) + 1)
      tally.count('causes', 'source', 'differs', cause, 1)
      tally.keep({ side: 'both', class: 'differs', cause, reason: null, rowKey, columns })
    },
    addSource(name, cause, reason, rowKey, columns = []) {
      tally.source[name] += 1
      if (name === 'missing' && cause === noMapEntry) tally.withoutEntry += 1
      if (cause !== null) tally.count('causes', 'source', name, cause, 1)
      if (reason !== null) tally.count('reasons', 'source', name, reason, 1)
      tally.keep({ side: 'source', class: name, cause, reason, rowKey, columns })
    },
    addTarget(name, cause, reason, rowKey, rawKey) {
      tally.target[name] += 1
      if (cause !== null) tally.count('causes', 'target', name, cause, 1)
      if (reason !== null) tally.count('reasons', 'target', name, reason, 1)
      const columns = keyNames.flatMap((column, leg) => (rawKey === undefined ? [] : [{ column, source: null, target: rawKey[leg] ?? null }]))
      if (rowKey !== null) tally.keep({ side: 'target', class: name, cause, reason, rowKey, columns })
    },
    count(map, side, name, label, rows) {
      const id = `${side} ${name} ${label}`
      const entry = tally[map].get(id) ?? { class: name, side, label, rows: 0 }
      entry.rows += rows
      tally[map].set(id, entry)
    },
    addAlone(side, cause, rows) {
      if (rows === 0) return
      if (side === 'source') tally.source.missing += rows
      else tally.target.extra += rows
      tally.count('causes', side, side === 'source' ? 'missing' : 'extra', cause, rows)
    },
    keep(difference) {
      differences.add(difference)
    },
  }
  return tally
}
