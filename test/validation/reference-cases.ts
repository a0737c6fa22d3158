import type { Case } from './cases.js'
import { side, table } from './tables.js'

/** YAML: stored key maps, each a table of the same name. */
const maps = (...names: string[]) => names.map((name) => `$_${name}: { table: $_${name}, legacy: legacy, modern: modern }`).join('\n  ')

/** Rows of two tables: `legacy int, modern int`. */
const entries = (name: string, rows: string) => table(name, 'legacy int, modern int', rows)

export const referenceCases: Case[] = [
  {
    name: 'by a code: the name of one map and its key are not taken for those of another map, whatever blanks they hold',
    source: table('a', 'id int primary key, kind int, ref text', "(1, 1, 'x 5'), (2, 2, '5'), (3, 3, 'x')"),
    target: `${table('a', 'id int, ref int', '(1, 20), (2, 20), (3, 30)')}; ${table('one', 'legacy text, modern int', "('x 5', 10)")}; ${table('two', 'legacy text, modern int', "('5', 20)")}; ${table('three', 'legacy text, modern int', "('x', 30)")}`,
    keyMaps: '$_user: { table: $_one, legacy: legacy, modern: modern }\n  "$_user x": { table: $_two, legacy: legacy, modern: modern }\n  \'"$\': { table: $_three, legacy: legacy, modern: modern }',
    entities: { a: `${side('a')}, key: { id: id }, columns: { ref: { from: ref, references: { by: kind, 1: $_user, 2: "$_user x", 3: '"$' } } }` },
    expected: { a: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs reference {"id":"1"} ref: $_user x 5 → 20 (legacy "$_user x" 5)'] } },
  },
]
