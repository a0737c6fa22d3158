import type { Side } from '../core/catalog.js'
import { namesOfRowColumns } from '../core/reread-expressions.js'
import type { SourceRow, TargetRow } from '../core/pairing.js'
import type { ComparisonSpec } from '../core/spec.js'
import type { TextList } from './reader.js'

/** A row with the hash of its key, decimal. */
export type Hashed<Row> = Row & { keyHash: string }

/** What reads the rows of a side that `readRowsStatement` gives, as lists of their columns. */
export interface RowReader<Row> {
  keyHash: (row: TextList) => string
  legs: (row: TextList) => (string | null)[]
  read: (row: TextList) => Hashed<Row>
}

/**
 * Where a column stands is found once, and what is the same in all rows is made once: there may be many rows.
 * @param areAlone what of the rows was read, as `readRowsStatement` has it
 */
export function createRowReaders(spec: ComparisonSpec, areAlone = false): { source: RowReader<SourceRow>; target: RowReader<TargetRow> } {
  const { key, columns } = spec
  const common = (side: Side) => {
    const placeByName = new Map(namesOfRowColumns(spec, side, areAlone).map((name, index) => [name, index]))
    const placeOf = (name: string) => placeByName.get(name) ?? null
    const placesOf = (letter: string, terms: readonly unknown[]) => terms.map((_, index) => placeOf(`${letter}${index}`))
    const certain = (name: string) => {
      const place = placeOf(name)
      return (row: TextList): string => {
        const text = place === null ? null : row[place]
        if (typeof text !== 'string') throw new Error(`the statement gave no ${name}`)
        return text
      }
    }
    const [keyHash, rowHash, recent] = [certain('key_hash'), certain('row_hash'), certain('recent')]
    const legs = placesOf('k', key)
    const [changedAt, reason] = [placeOf('changed_at') ?? -1, placeOf('reason') ?? -1]
    return {
      placesOf, keyHash, rowHash, legs: (row: TextList) => textsAt(row, legs), values: fewOf(placesOf('c', columns)), changedAt: (row: TextList) => row[changedAt] ?? null, isRecent: (row: TextList) => recent(row) === 'true',
      reason: (row: TextList) => (typeof row[reason] === 'string' ? Number(row[reason]) : null),
    }
  }
  const [source, target] = [common('source'), common('target')]
  const others = source.placesOf('o', key)
  const accepted = columns.map(({ accept }, column) => source.placesOf(`a${column}_`, accept))
  const noneAccepted: string[][] | null = accepted.every((places) => places.length === 0) ? columns.map(() => []) : null
  const noOthers: string[] = []
  const readOthers = others.every((place) => place === null) ? () => noOthers : (row: TextList) => key.flatMap(({ name }, leg) => (row[others[leg] ?? -1] === 'true' ? [name] : []))
  const rawKeys = target.placesOf('r', key)
  const [rawOf, exactOf] = [fewOf(target.placesOf('d', columns)), fewOf(target.placesOf('e', columns))]
  return {
    source: {
      ...source,
      read: (row) => ({
        keyHash: source.keyHash(row), rowHash: source.rowHash(row), changedAt: source.changedAt(row), recent: source.isRecent(row), key: source.legs(row), columns: source.values(row), reason: source.reason(row),
        others: readOthers(row), accepted: noneAccepted ?? accepted.map((places) => textsAt(row, places)),
      }),
    },
    target: {
      ...target,
      read: (row) => ({
        keyHash: target.keyHash(row), rowHash: target.rowHash(row), changedAt: target.changedAt(row), recent: target.isRecent(row), key: target.legs(row), columns: target.values(row), reason: target.reason(row),
        rawKey: textsAt(row, rawKeys), rawColumns: rawOf(row), exact: exactOf(row),
      }),
    },
  }
}

type Place = number | null

function textsAt(row: TextList, places: readonly Place[]): (string | null)[] {
  return places.map((place) => (place === null ? null : (row[place] ?? null)))
}

/** Reads columns of which there may be none. */
function fewOf(places: readonly Place[]): (row: TextList) => (string | null)[] {
  const none = places.map(() => null)
  return places.every((place) => place === null) ? () => none : (row) => textsAt(row, places)
}
