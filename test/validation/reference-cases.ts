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
  {
    name: 'a map that is ambiguous to numbers is told, though an entity that it keys tells its keys apart by their text',
    source: `${table('p', 'id text primary key', "('7'), ('007')")}; ${table('c', 'id int primary key, p int', '(1, 7)')}`,
    target: `${table('p', 'id int', '(10), (20)')}; ${table('c', 'id int, p int', '(1, 20)')}; ${table('map', 'legacy text, modern int', "('7', 10), ('007', 20)")}`,
    keyMaps: maps('map'),
    entities: { p: `${side('p')}, key: { id: { from: id, references: $_map } }`, c: `${side('c')}, key: { id: id }, columns: { p: { from: p, references: $_map } }` },
    expected: { p: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' }, c: { verdict: 'fail', figures: '1: 1 verified | 1: 1 matched' } },
    checks: { '$_p a legacy key has one modern key $_map': 'pass', '$_c a legacy key has one modern key $_map': 'fail' },
  },
  {
    name: 'of a map that is ambiguous to one column and not to another the worse is told, whichever comes first',
    source: table('a', 'id int primary key, x int, y text', "(1, 7, '7')"),
    target: `${table('a', 'id int, x int, y int', '(1, 20, 10)')}; ${table('map', 'legacy text, modern int', "('7', 10), ('007', 20)")}`,
    keyMaps: maps('map'),
    entities: {
      a: `${side('a')}, shared: true, key: { id: id }, columns: { x: { from: x, references: $_map }, y: { from: y, references: $_map } }`,
      b: `${side('a')}, shared: true, key: { id: id }, columns: { y: { from: y, references: $_map }, x: { from: x, references: $_map } }`,
    },
    expected: { a: { verdict: 'fail', figures: '1: 1 verified | 1: 1 matched' }, b: { verdict: 'fail', figures: '1: 1 verified | 1: 1 matched' } },
    checks: { '$_a a legacy key has one modern key $_map': 'fail', '$_b a legacy key has one modern key $_map': 'fail' },
  },
  {
    name: 'a legacy key with two modern ones fails whatever references its map, beside the entity that it keys',
    source: `${table('p', 'id int primary key', '(1)')}; ${table('c', 'id int primary key, p int', '(1, 1)')}; ${table('n', 'id int primary key, kind text, p int', "(1, 'p', 1)")}`,
    target: `${table('p', 'id int', '(10)')}; ${table('c', 'id int, p int', '(1, 77)')}; ${table('n', 'id int, p int', '(1, 77)')}; ${entries('map', '(1, 10), (1, 77), (null, 5)')}`,
    keyMaps: maps('map'),
    entities: {
      p: `${side('p')}, key: { id: { from: id, references: $_map } }`, c: `${side('c')}, key: { id: id }, columns: { p: { from: p, references: $_map } }`,
      n: `${side('n')}, key: { id: id }, columns: { p: { from: p, references: { by: kind, p: $_map } } }`,
    },
    expected: { p: { verdict: 'fail', figures: '1: 1 verified | 1: 1 matched' }, c: { verdict: 'fail', figures: '1: 1 verified | 1: 1 matched' }, n: { verdict: 'fail', figures: '1: 1 verified | 1: 1 matched' } },
    checks: { '$_c a legacy key has one modern key $_map': 'fail', '$_n a legacy key has one modern key $_map': 'fail', '$_p a map entry can be read $_map': 'warn' },
  },
  {
    name: 'what an entity declares as merged is right to all that reference its map: in a leg of a key, in a column and by a code',
    source: `${table('doctor', 'id int primary key, mail text', "(1, 'a'), (2, 'a'), (3, 'b')")}; ${table('link', 'doctor int, tag text, primary key (doctor, tag)', "(1, 'x'), (2, 'y'), (3, 'x')")};
      ${table('note', 'id int primary key, kind int, ref text', "(1, 11, '1'), (2, 11, '2')")}`,
    target: `${table('doctor', 'id int primary key, mail text', "(10, 'a'), (30, 'b')")}; ${table('link', 'doctor int, tag text', "(10, 'x'), (10, 'y'), (30, 'x')")}; ${table('note', 'id int, ref int', '(1, 10), (2, 10)')};
      ${entries('map', '(1, 10), (2, 10), (3, 30)')}`,
    keyMaps: maps('map'),
    entities: {
      doctor: 'source: { table: $_doctor, merge: { by: mail, keep: id } }, target: { table: $_doctor }, key: { id: { from: id, references: $_map } }, same: [mail]',
      link: `${side('link')}, key: { doctor: { from: doctor, references: $_map }, tag: tag }`,
      note: `${side('note')}, key: { id: id }, columns: { ref: { from: ref, references: { by: kind, 11: $_map } } }`,
    },
    expected: {
      doctor: { verdict: 'pass', figures: '3: 2 verified, 1 merged | 2: 2 matched' }, link: { verdict: 'pass', figures: '3: 3 verified | 3: 3 matched' },
      note: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' },
    },
  },
  {
    name: 'modern keys meet those of the target by value, in whatever notation either has them, through one map and by a code',
    source: `${table('a', 'id int primary key, kind int, ref int', '(1, 11, 7), (2, 58, 7), (3, 11, 8)')}; ${table('b', 'id int primary key, ref int', '(1, 7), (2, 8)')}; ${table('n', 'id int primary key, ref int', '(1, 7)')}`,
    target: `${table('a', 'id int, ref int', '(1, 100), (2, 200), (3, 200)')}; ${table('b', 'id int, ref numeric(12,3)', '(1, 100), (2, 100)')}; ${table('n', 'id int, ref char(5)', "(1, 'ab')")};
      ${table('pat', 'legacy int, modern numeric(10,2)', '(7, 100), (8, 300)')}; ${entries('usr', '(7, 200)')}; ${table('text', 'legacy int, modern text', "(7, 'ab ')")}`,
    keyMaps: maps('pat', 'usr', 'text'),
    entities: {
      a: `${side('a')}, key: { id: id }, columns: { ref: { from: ref, references: { by: kind, 11: $_pat, 58: $_usr } } }`,
      b: `${side('b')}, key: { id: id }, columns: { ref: { from: ref, references: $_pat } }`, n: `${side('n')}, key: { id: id }, columns: { ref: { from: ref, references: $_text } }`,
    },
    expected: {
      a: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs reference {"id":"3"} ref: $_pat 8 → 200 (legacy $_usr 7)'] },
      b: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs reference {"id":"2"} ref: 8 → 100.000 (legacy 7)'] },
      n: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
    },
  },
  {
    name: 'modern keys that a float of the target cannot tell apart are one, which is told; others meet it by value',
    source: `${table('a', 'id int primary key, ref int', '(1, 7), (2, 8)')}; ${table('b', 'id int primary key, ref int', '(1, 8)')}; ${table('k', 'id int primary key', '(7), (8)')}`,
    target: `${table('a', 'id int, ref float8', '(1, 100), (2, 100)')}; ${table('b', 'id int, ref float8', '(1, 9007199254740992)')}; ${table('k', 'id float4', '(0.1), (300)')};
      ${table('num', 'legacy int, modern numeric(10,2)', '(7, 100), (8, 300)')}; ${table('big', 'legacy int, modern int8 unique', '(7, 9007199254740992), (8, 9007199254740993)')}; ${table('small', 'legacy int, modern numeric(10,2) unique', '(7, 0.10), (8, 300)')}`,
    keyMaps: maps('num', 'big', 'small'),
    entities: {
      a: `${side('a')}, key: { id: id }, columns: { ref: { from: ref, references: $_num } }`, b: `${side('b')}, key: { id: id }, columns: { ref: { from: ref, references: $_big } }`,
      k: `${side('k')}, key: { id: { from: id, references: $_small } }`,
    },
    expected: {
      a: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs reference {"id":"2"} ref: 8 → 100 (legacy 7)'] },
      b: { verdict: 'fail', figures: '1: 1 verified | 1: 1 matched' }, k: { verdict: 'warn', figures: '2: 2 verified | 2: 2 matched' },
    },
    checks: { '$_b a modern key has one legacy key $_big': 'fail', '$_a the plan fits both databases': 'warn' },
    messages: { '$_a the plan fits both databases': 'the modern keys of `$_num`: numeric against float8' },
  },
  {
    name: 'by a code: two columns of different types through the same maps, and a map whose name is made like that of such a choice, are told apart',
    source: table('a', 'id int primary key, kind int, x int, y text, z int', "(1, 11, 7, '007', 7), (2, 11, 8, '8', 8)"),
    target: `${table('a', 'id int, x int, y int, z int', '(1, 10, 10, 20), (2, 20, 10, 20)')}; ${table('pat', 'legacy text, modern int', "('007', 10)")}; ${entries('usr', '(7, 20)')}`,
    keyMaps: `${maps('pat')}\n  "$_pat by kind": { table: $_usr, legacy: legacy, modern: modern }`,
    entities: { a: `${side('a')}, key: { id: id }, columns: { x: { from: x, references: { by: kind, 11: $_pat } }, y: { from: y, references: { by: kind, 11: $_pat } }, z: { from: z, references: "$_pat by kind" } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched',
        differences: ['differs reference {"id":"2"} x: $_pat 8 → 20 (no map entry) y: $_pat 8 → 10 (legacy $_pat 007) z: 8 → 20 (legacy 7)'],
      },
    },
  },
  {
    name: 'a code is a value of its type, however the plan writes it, and chooses a map so, too',
    source: table('a', 'id int primary key, ip inet, t timetz, c char(3), n int4range, d numrange, l numeric[], ref int', "(1, '10.0.0.1', '10:00+00', 'A', '[1,5]', '[1.0,2.00]', '{1.0}', 7), (2, '10.0.0.2', '10:00+01', 'B', '[1,6]', '[1,3]', '{1.1}', 7)"),
    target: `${table('a', 'id int, ip text, t text, c text, n text, d text, l text, ref int', "(1, 'x', 'x', 'x', 'x', 'x', 'x', 70), (2, 'x', 'x', 'x', 'x', 'x', 'x', 70)")}; ${entries('map', '(7, 70)')}`,
    keyMaps: maps('map'),
    entities: {
      a: `${side('a')}, key: { id: id }, columns: { ip: { from: ip, values: { 10.0.0.1: x } }, t: { from: t, values: { "10:00+00": x } }, c: { from: c, values: { "A  ": x } }, n: { from: n, values: { "[1,5]": x } },
        d: { from: d, values: { "[1,2]": x } }, l: { from: l, values: { "{1}": x } }, ref: { from: ref, references: { by: ip, 10.0.0.1: $_map } } }`,
    },
    expected: {
      a: {
        verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched',
        differences: ['differs value {"id":"2"} ip: 10.0.0.2/32 → x t: 10:00:00+01 → x c: B → x n: [1,7) → x d: [1,3] → x l: {1.1} → x ref: 10.0.0.2/32 7 → 70 (legacy $_map 7)'],
      },
    },
  },
  {
    name: 'an entry of a map that keys entities of two target tables leads to a row of either, one that leads to neither is told',
    source: `${table('state', 'id int primary key, kind text', "(1, 'case'), (2, 'order')")}; ${table('lost', 'id int primary key, kind text', "(1, 'case'), (2, 'order'), (3, 'case')")}`,
    target: `${table('cs', 'id int', '(10)')}; ${table('os', 'id int', '(20)')}; ${entries('map', '(1, 10), (2, 20)')}; ${table('lcs', 'id int', '(10)')}; ${table('los', 'id int', '(20)')}; ${entries('lmap', '(1, 10), (2, 20), (3, 30)')}`,
    keyMaps: maps('map', 'lmap'),
    entities: {
      c: `source: { table: $_state, where: "src.kind = 'case'" }, target: { table: $_cs }, key: { id: { from: id, references: $_map } }`,
      o: `source: { table: $_state, where: "src.kind = 'order'" }, target: { table: $_os }, key: { id: { from: id, references: { by: kind, order: $_map } } }`,
      lc: `source: { table: $_lost, where: "src.kind = 'case'" }, target: { table: $_lcs }, key: { id: { from: id, references: $_lmap } }`,
      lo: `source: { table: $_lost, where: "src.kind = 'order'" }, target: { table: $_los }, key: { id: { from: id, references: $_lmap } }`,
    },
    expected: {
      c: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' }, o: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      lc: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 1: 1 matched', differences: ['missing map leads nowhere {"id":"3"}'] }, lo: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
    },
    checks: { 'a map entry leads to a row $_map: $_c': 'pass', 'a map entry leads to a row $_map by kind: $_o': 'pass', 'a map entry leads to a row $_lmap: $_lo': 'warn' },
    messages: { 'a map entry leads to a row $_lmap: $_lo': '1 of 3 entries of $_lmap lead to no row of public.$_los or public.$_lcs' },
  },
  {
    name: 'of a key map without entries nothing is proved',
    source: `${table('a', 'id int primary key', '')}; ${table('c', 'id int primary key, a int', '(1, null)')}`,
    target: `${table('a', 'id int', '')}; ${table('c', 'id int, a int', '(1, null)')}; ${entries('map', '')}`,
    keyMaps: maps('map'),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }`, c: `${side('c')}, key: { id: id }, columns: { a: { from: a, references: $_map } }` },
    expected: { a: { verdict: 'warn', figures: '0: nothing | 0: nothing' }, c: { verdict: 'warn', figures: '1: 1 verified | 1: 1 matched' } },
    checks: { '$_a a legacy key has one modern key $_map': 'warn', '$_a a modern key has one legacy key $_map': 'warn', '$_a a map entry can be read $_map': 'warn', '$_c a legacy key has one modern key $_map': 'warn' },
  },
]
