import { quoteRelation } from '../../core/identifier.js'
import type { ColumnFinding } from './columns.js'
import type { FoundEntity } from './discover.js'
import { cellOf, type SideReader } from './read.js'
import { columnOf, placeOf, type SampledTable } from './tables.js'
import { countZone, findZone, type Moment } from './zones.js'

const scannedForCodes = 200_000
const mostCodes = 60

/** Codes of the source that the rows of one key did not show: one statement for each column that is mapped by values. */
export async function findCodes(reader: SideReader, table: SampledTable, columns: ColumnFinding[]): Promise<void> {
  for (const finding of columns) {
    const column = columnOf(table, finding.from[0] ?? '')
    if (finding.values === null || column === undefined) continue
    const { values } = finding
    const answer = await reader.ask(`select code, count(*)::text from (select ${cellOf(column, 't')} as code from ${quoteRelation(table.relation)} t limit ${scannedForCodes}) codes where code is not null group by 1 order by 1 limit ${mostCodes}`)
    if ('unread' in answer) {
      finding.missingCodes = null
      continue
    }
    finding.missingCodes = answer.rows.flatMap(([code, rows]) => (typeof code === 'string' && !values.some((value) => value.code === code) ? [{ code, rows: Number(rows) }] : []))
  }
}

/**
 * Finds the zone of each time without one. The moments of all columns are asked together first, since one legacy system mostly had one clock; a column that this clock does not explain
 * is asked alone.
 */
export function settleZones(entities: readonly FoundEntity[]): void {
  const wanted = entities.flatMap(({ pair, columns }) => columns.filter(({ needsZone }) => needsZone).map((finding) => ({ pair, finding, moments: momentsOf(pair, finding) })))
  const common = findZone(wanted.filter(({ pair }) => pair.confidence === 'sure').flatMap(({ moments }) => moments.filter((_, index) => index % Math.max(1, Math.floor(moments.length / 100)) === 0)))
  for (const { finding, moments } of wanted) {
    const counted = common === null ? null : { zone: common.zone, others: common.others, ...countZone(common.zone, moments) }
    const found = counted !== null && counted.agree >= counted.rows * 0.9 ? counted : findZone(moments)
    if (found === null) {
      finding.doubts.push('no time zone explains the values')
      finding.confidence = 'likely'
      finding.zone = null
      continue
    }
    finding.zone = found.zone
    const others = found.others.length === 0 ? '' : `; so would ${found.others.slice(0, 2).join(', ')}${found.others.length > 2 ? ` and ${found.others.length - 2} more` : ''}`
    finding.evidence += found.rows === 0 ? `; the zone is that of the other times` : `; ${found.agree} of ${found.rows} times fit the zone${others}`
  }
}

function momentsOf({ source, target, alignment }: FoundEntity['pair'], { from, to }: ColumnFinding): Moment[] {
  const [left, right] = [placeOf(source, from[0] ?? ''), placeOf(target, to)]
  return (alignment?.pairs ?? []).flatMap((pair): Moment[] => {
    const [own, other] = [pair.source[left], pair.target[right]]
    return typeof own === 'string' && typeof other === 'string' ? [[own, other]] : []
  })
}
