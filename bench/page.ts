import type { MeasuredChanged } from './changed.js'
import type { TimedCandidate } from './floor.js'
import type { Case } from './tables.js'

export interface Measured {
  case: Case
  /** medians */
  seconds: { floor: number; ours: number; byHand: number | null }
  /** medians of the ratios within a round: ours to the floor (wall clock; CPU of servers and worker), the script by hand to ours */
  ratios: { floor: number; floorCpu: number; byHand: number | null }
  rowsPerSecond: number
  /** of the worker's process over all runs */
  peakBytes: number
  /** bytes between the clients and both databases, the tracking database included */
  wire: { ours: number; byHand: number | null }
}

const mebibytes = (bytes: number | null) => (bytes === null ? '–' : (bytes / 2 ** 20).toFixed(1))
const table = (rows: string[][]) => rows.flatMap((row, index) => [`| ${row.join(' | ')} |`, ...(index === 0 ? [`|${row.map(() => '---|').join('')}`] : [])]).join('\n')

/** The page of the last run, Markdown. */
export function writePage({ rows, rounds, floors, cases, changed }: { rows: number; rounds: number; floors: { key: string; timed: TimedCandidate[] }[]; cases: Measured[]; changed: MeasuredChanged[] }): string {
  const judged = cases.map(({ case: one, seconds, ratios, rowsPerSecond, peakBytes, wire }) => [
    one.key, one.differences, seconds.floor.toFixed(2), seconds.ours.toFixed(2), ratios.floor.toFixed(2), String(one.limits.floor), ratios.floorCpu.toFixed(2), seconds.byHand?.toFixed(2) ?? '–',
    ratios.byHand?.toFixed(1) ?? '–', String(one.limits.byHand), (rowsPerSecond / 1e6).toFixed(2), mebibytes(peakBytes), mebibytes(wire.ours), mebibytes(wire.byHand),
  ])
  const head = ['key', 'rows that differ', 'floor, s', 'ours, s', 'ours / floor', 'limit', 'of CPU', 'by hand, s', 'by hand / ours', 'limit', 'M rows/s', 'worker, MiB', 'wire, MiB', 'wire by hand, MiB']
  const timed = floors.flatMap(({ key, timed: list }) => list.map(({ candidate, seconds }) => [key, candidate.name, seconds.toFixed(2), candidate.unsound ?? '']))
  return ['# Comparison: the last run', '', `${rows} rows of 11 columns on each side, ${rounds} rounds, medians. [README.md](../README.md) tells what is measured.`, '', table([head, ...judged]), '',
    'Fingerprints: count and sum over both sides at once, s. The fastest sound one is the floor.', '', table([['key', 'expression', 's', 'unsound'], ...timed]), '',
    'Runs that read only what may have changed, against full runs of the same tables.', '', table([['what has changed', 'full, s', 'changed, s', 'changed / full', 'limit'], ...changed.map(({ name, limit, seconds, ratio }) => [name, seconds.full.toFixed(2), seconds.changed.toFixed(2), ratio.toFixed(2), String(limit)])]), ''].join('\n')
}
