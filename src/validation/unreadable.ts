import { addressesStatement, scanStatement } from '../core/pass-expressions.js'
import { readKeysStatement } from '../core/reread-expressions.js'
import type { PageRange, StatementOptions } from '../core/row-expressions.js'
import type { Side } from '../core/catalog.js'
import { shownKey } from '../core/pairing.js'
import type { ComparisonSpec } from '../core/spec.js'
import { sqlstateOf } from '../db/sqlstate.js'
import { errorText, read, type Reader } from './reader.js'
import type { ScanOutcome, UnreadRow } from './scan-chunk.js'
import type { Tally } from './tally.js'

/** Rows of one chunk that are left out at most; with more of them nothing of the entity is compared. */
export const mostUnread = 1_000
/** Rows of one page are a few hundred; a page that grew meanwhile may be more than one. */
const rowsOfPage = 2_000

/** The values of some row are at fault (a cast, a division, a text of another encoding, the check of a domain, JSON that is nested too deep), not the connection or the statement. */
export function isFaultOfRow(error: unknown): boolean {
  return /^(2[123]|5400)/.test(sqlstateOf(error) ?? '')
}

/** Whether single rows may be left out: the side is read in pages, and no row's fate hangs on the values of others. */
export function canLeaveOut(spec: ComparisonSpec, { pages }: StatementOptions): boolean {
  return pages !== undefined && spec.source.merge === null && spec.totals.length === 0 && !spec.bag
}

/**
 * The rows of a chunk whose values raise an error: the chunk is halved down to pages, a page's rows down to one.
 * @returns null when there are more than `mostUnread`, or what fails is no row
 * @throws any other error of the database
 */
export async function findUnreadable(spec: ComparisonSpec, reader: Reader, options: StatementOptions, signal: AbortSignal): Promise<UnreadRow[] | null> {
  const { side } = reader
  const found: UnreadRow[] = []

  /** The error that the rows raise, or null. */
  async function probe(part: Pick<StatementOptions, 'pages' | 'only'>): Promise<unknown> {
    try {
      await read(reader, signal, scanStatement(spec, side, { ...options, ...part }))
      return null
    } catch (error) {
      if (signal.aborted || !isFaultOfRow(error)) throw error
      return error
    }
  }

  async function searchPages(pages: PageRange): Promise<void> {
    if (found.length > mostUnread || await probe({ pages }) === null) return
    const end = pages.next ?? Math.max(spec[side].pages, pages.first + 1)
    const middle = pages.first + Math.floor((end - pages.first) / 2)
    if (middle > pages.first) {
      await searchPages({ first: pages.first, next: middle })
      await searchPages({ first: middle, next: pages.next })
      return
    }
    const rows = await read(reader, signal, addressesStatement(spec, side, pages, rowsOfPage))
    await searchRows(rows.flatMap(({ address }) => address ?? []))
  }

  async function searchRows(only: string[]): Promise<void> {
    const error = found.length > mostUnread || only.length === 0 ? null : await probe({ only })
    if (error === null) return
    if (only.length > 1) {
      const middle = only.length >> 1
      await searchRows(only.slice(0, middle))
      await searchRows(only.slice(middle))
      return
    }
    found.push({ address: only.join(), error: errorText(error, [spec]), key: await readKey(only) })
  }

  async function readKey(only: string[]): Promise<UnreadRow['key']> {
    try {
      const [row] = await read(reader, signal, readKeysStatement(spec, side, { ...options, only }))
      // a row that no key map leads to has no partner
      return row === undefined ? [] : spec.key.map((_, leg) => row[`k${leg}`] ?? null)
    } catch (error) {
      if (signal.aborted || !isFaultOfRow(error)) throw error
      return null
    }
  }

  await searchPages(options.pages ?? { first: 0, next: null })
  return found.length === 0 || found.length > mostUnread ? null : found
}

/** The chunks of a side together may leave out no more rows than one chunk: beyond that nothing is compared row by row. @returns why, or null */
export function tooManyUnread(outcomes: Record<Side, readonly ScanOutcome[]>): string | null {
  for (const side of ['source', 'target'] as const) {
    const rows = outcomes[side].flatMap(({ unreadRows }) => unreadRows)
    if (rows.length > mostUnread) return `${side}: ${rows[0]?.error ?? ''}, in more than ${mostUnread} rows`
  }
  return null
}

/** Tallies the rows that the pass had to leave out; what may be their partner is told apart while keys are settled. @returns a sentence about them, null without any */
export function tallyUnread(spec: ComparisonSpec, outcomes: Record<Side, readonly ScanOutcome[]>, tally: Tally): string | null {
  const notes = (['source', 'target'] as const).flatMap((side) => {
    const count = outcomes[side].reduce((total, { unread }) => total + unread, 0)
    const rows = outcomes[side].flatMap(({ unreadRows }) => unreadRows)
    if (count === 0) return []
    tally[side].unverified += count
    tally.count('causes', side, 'unverified', 'cannot be read', count)
    for (const { address, error, key } of rows) {
      tally.keep({ side, class: 'unverified', cause: 'cannot be read', reason: error, rowKey: key === null ? { ctid: address } : shownKey(spec, key), columns: [] })
    }
    return rows.slice(0, 1).map(({ error }) => `${count} ${count === 1 ? 'row' : 'rows'} of the ${side} cannot be read: ${error}`)
  })
  return notes.length === 0 ? null : notes.join('; ')
}
