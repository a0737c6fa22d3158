import { stringify } from 'csv-stringify/sync'
import { quoteLiteral } from '../core/identifier.js'
import { neutraliseFormula, visibleJson, visibleText } from '../core/render/escape.js'
import { pinnedSettings } from '../db/clients.js'
import type { RepairGroup, RepairList } from './repair.js'

type Cell = string | number | null

/**
 * The list as CSV (RFC 4180, UTF-8): a line for each listed key, standing for 1 row, and one for the rows of a group whose keys are not there; `rows` adds up to the
 * accounting. Keys are JSON objects, leg → text, and parse to exactly the value; any other text that a spreadsheet would run starts with an apostrophe.
 */
export function renderRepairCsv({ groups }: RepairList): string {
  const columns = ['script', 'entity', 'class', 'cause', 'side', 'rows', 'listing', 'legacy_key', 'target_key']
  const keys = columns.indexOf('legacy_key')
  return stringify(groups.flatMap(linesOf), {
    header: true,
    columns,
    record_delimiter: 'windows',
    quoted_string: true,
    cast: { string: (text, { header, index }) => (header || index >= keys ? text : neutraliseFormula(text)) },
  })
}

function linesOf(group: RepairGroup): Cell[][] {
  const line = (rows: number, listing: string, legacy: object | null, target: object | null): Cell[] => [
    group.scripts.join(', '), group.entity, group.class, group.cause ?? '', group.side, rows, listing, legacy === null ? null : visibleJson(legacy), target === null ? null : visibleJson(target),
  ]
  const rest = [[group.masked, 'masked'], [group.unusable, 'too long'], [group.notListed, 'not listed']] as const
  return [...group.keys.map(({ legacy, target }) => line(1, 'listed', legacy, target)), ...rest.flatMap(([rows, listing]) => (rows === 0 ? [] : [line(rows, listing, null, null)]))]
}

/** The settings of the comparison under which texts of values, and names in the plan's SQL, mean the same; row security that hides rows is an error. */
const settings = (['search_path', 'TimeZone', 'DateStyle', 'IntervalStyle', 'extra_float_digits', 'bytea_output', 'row_security'] as const)
  .map((name) => `set local ${name} = ${pinnedSettings[name].split(', ').map(quoteLiteral).join(', ')};`)

/**
 * The list as SQL for one of the databases: one transaction that may only read, with a select for each group, which reads its rows by a typed `values` list.
 * @param list of rows of this side only
 */
export function renderRepairSql(list: RepairList, side: RepairGroup['side']): string {
  const { jobId, status, complete, remarks, groups, rows, listed, elsewhere } = list
  const head = [
    `Repair list of the validation job ${jobId} (${status}), for the ${side.toUpperCase()} database: ${listed} of ${rows} rows.`,
    'Each select reads the rows that the job found so; nothing is written. A key that stands several times is all of its rows.',
    ...(complete ? ['The list is complete.'] : ['THE LIST IS NOT COMPLETE:', ...remarks.map((remark) => `- ${remark}`)]),
    ...(elsewhere === 0 ? [] : [`Beside them ${elsewhere} ${elsewhere === 1 ? 'row stands' : 'rows stand'} on the other side: ask with side=${side === 'source' ? 'target' : 'source'}.`]),
  ]
  return [...head.map(comment), 'begin transaction read only;', ...settings, ...groups.flatMap((group) => ['', ...statementOf(group)]), '', 'commit;'].join('\n') + '\n'
}

function statementOf(group: RepairGroup): string[] {
  const { scripts, entity, class: name, cause, rows, listed, masked, unusable, notListed, advice, legs, sql } = group
  const rest = [[masked, 'masked'], [unusable, 'too long'], [notListed, 'not listed']] as const
  const figures = [`${rows} ${rows === 1 ? 'row' : 'rows'}`, ...(listed === rows ? [] : [`${listed} listed`]), ...rest.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]))]
  return [
    comment(`${scripts.length === 0 ? 'no script' : `script ${scripts.join(', ')}`} · entity ${entity} · ${name}${cause === null ? '' : ` · ${cause}`}: ${figures.join(', ')}`),
    ...(advice === null ? [] : [comment(advice)]),
    comment(`key: ${legs.map((leg, index) => `"key ${index + 1}" is ${leg.name}`).join(', ')}`),
    ...(sql === null ? [] : [sql]),
  ]
}

/** One line, whatever the text holds. */
function comment(text: string): string {
  return `-- ${visibleText(text)}`
}
