import type { Case } from './cases.js'

/** Rows whose values raise an error, each beside rows that can be read: those are judged, these and what may be their partner are unverified. */
const side = (source: string, target = source) => `source: { table: $_${source} }, target: { table: $_${target} }`
const filler = "repeat('x', 100)"
const many = (columns: string, values: string) => `create table $_t (id int primary key, ${columns}, pad text); insert into $_t select i, ${values}, ${filler} from generate_series(1, 1500) i`

export const unreadableCases: Case[] = [
  {
    name: 'a cast of the plan that fails in three rows of many pages',
    source: many('v text', "case when i in (7, 700, 1500) then 'five' else i::text end"),
    target: many('v int', 'case i when 8 then 0 else i end'),
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { sql: "src.v::int" } }, ignore: { source: { pad: p }, target: { pad: p } }` },
    expected: {
      t: {
        verdict: 'fail', figures: '1500: 1496 verified, 1 differs, 3 unverified | 1500: 1497 matched, 3 unverified', note: '3 rows of the source cannot be read: invalid input syntax for type integer: "five"',
        differences: [
          'differs value {"id":"8"} v: 8 → 0',
          ...[7, 700, 1500].flatMap((id) => [`unverified cannot be read {"id":"${id}"}`, `unverified its source row cannot be read {"id":"${id}"} id ${id}`]),
        ],
      },
    },
  },
  {
    name: 'nothing else wrong: unknown, never pass',
    source: many('v text', "case i when 7 then 'x' else '1' end"), target: many('v int', '1'),
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { sql: "src.v::int" } }, ignore: { source: { pad: p }, target: { pad: p } }` },
    expected: { t: { verdict: 'unknown', figures: '1500: 1499 verified, 1 unverified | 1500: 1499 matched, 1 unverified', note: 'cannot be read', differences: ['unverified cannot be read {"id":"7"}', 'unverified its source row cannot be read {"id":"7"} id 7'] } },
    checks: { '$_t no row is missing': 'unknown', '$_t no row differs': 'unknown', '$_t no row is duplicated': 'unknown', '$_t no row is extra': 'unknown' },
    messages: { '$_t no row is missing': '0 rows were found, and of 1 row nothing is known' },
  },
  {
    name: 'SQL of the target that fails: its source row is unverified, one that is missing stays missing',
    source: 'create table $_t (id int primary key, v int); insert into $_t values (1, 1), (2, 2), (3, 3)',
    target: "create table $_t (id int, v text); insert into $_t values (1, '1'), (2, 'two')",
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { from: v, target: "tgt.v::int" } }` },
    expected: { t: { verdict: 'fail', figures: '3: 1 verified, 1 missing, 1 unverified | 2: 1 matched, 1 unverified', note: '1 row of the target cannot be read', differences: ['missing plain {"id":"3"}', 'unverified cannot be read {"id":"2"}', 'unverified its target row cannot be read {"id":"2"}'] } },
  },
  {
    name: 'a key that cannot be read: whatever has no partner may be its own',
    source: "create table $_t (id text, v int); insert into $_t values ('1', 1), ('zwei', 2), ('4', 4)",
    target: 'create table $_t (id int, v int); insert into $_t values (1, 1), (2, 2), (3, 3)',
    entities: { t: `${side('t')}, key: { id: { sql: "src.id::int" } }, same: [v]` },
    expected: {
      t: {
        verdict: 'fail', figures: '3: 1 verified, 1 missing, 1 unverified | 3: 1 matched, 2 unverified', note: '1 row of the source cannot be read',
        differences: ['missing plain {"id":"4"}', 'unverified cannot be read {"ctid":"(0,2)"}', ...[2, 3].map((id) => `unverified a source row that cannot be read may be its own {"id":"${id}"} id ${id}`)],
      },
    },
  },
  {
    name: 'the value that cannot be read is not told where the plan masks it',
    source: "create table $_t (id int primary key, v text); insert into $_t values (1, '1'), (2, 'secret')", target: 'create table $_t (id int, v int); insert into $_t values (1, 1), (2, 2)',
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { sql: "src.v::int", pii: true } }` },
    expected: { t: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 unverified', note: 'SQLSTATE 22P02; the message is not told', differences: ['unverified cannot be read {"id":"2"}', 'unverified its source row cannot be read {"id":"2"} id 2'] } },
  },
  {
    name: 'json that jsonb cannot hold: an escaped NUL',
    source: `create table $_t (id int primary key, v json); insert into $_t values (1, '{"a": 1}'), (2, '{"a": "\\u0000"}')`, target: `create table $_t (id int, v jsonb); insert into $_t values (1, '{"a":1}'), (2, '{"a": ""}')`,
    entities: { t: `${side('t')}, key: { id: id }, same: [v]` },
    expected: { t: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 unverified', note: 'unsupported Unicode escape sequence', differences: ['unverified cannot be read {"id":"2"}', 'unverified its source row cannot be read {"id":"2"} id 2'] } },
  },
  {
    name: 'a text that is nested too deep to be read as JSON, and one that a domain does not take',
    source: "create domain $_positive as int check (value > 0); create table $_t (id int primary key, v text); insert into $_t values (1, repeat('[', 500000)), (2, '{}'); create table $_u (id int primary key, v int); insert into $_u values (1, -1), (2, 2)",
    target: "create table $_t (id int, v jsonb); insert into $_t values (1, '{}'), (2, '{}'); create table $_u (id int, v int); insert into $_u values (1, 1), (2, 2)",
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { from: v, as: json } }`, u: `${side('u')}, key: { id: id }, columns: { v: { sql: "src.v::$_positive" } }` },
    expected: {
      t: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 unverified', note: 'stack depth limit exceeded', differences: ['unverified cannot be read {"id":"1"}', 'unverified its source row cannot be read {"id":"1"} id 1'] },
      u: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 unverified', note: 'violates check constraint', differences: ['unverified cannot be read {"id":"1"}', 'unverified its source row cannot be read {"id":"1"} id 1'] },
    },
  },
  {
    name: 'a row of the same key that can be read is judged, what it leaves over is not called a duplicate',
    source: "create table $_t (id int, v text); insert into $_t values (1, '1'), (1, 'x'), (2, '2')", target: 'create table $_t (id int, v int); insert into $_t values (1, 1), (1, 5), (2, 2)',
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { sql: "src.v::int" } }` },
    expected: { t: { verdict: 'unknown', figures: '3: 2 verified, 1 unverified | 3: 2 matched, 1 unverified', note: 'cannot be read', differences: ['unverified cannot be read {"id":"1"}', 'unverified its source row cannot be read {"id":"1"} id 1'] } },
  },
  {
    name: 'both sides: a row that neither can read is unverified on both',
    source: "create table $_t (id int primary key, v text); insert into $_t values (1, 'x'), (2, '2')", target: "create table $_t (id int, v text); insert into $_t values (1, 'y'), (2, '2')",
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { sql: "src.v::int", target: "tgt.v::int" } }` },
    expected: { t: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 unverified', note: 'of the target cannot be read', differences: ['unverified cannot be read {"id":"1"}', 'unverified cannot be read {"id":"1"}'] } },
  },
  {
    name: 'more of them than are kept one by one: nothing of the entity is compared',
    source: many('v text', "case when i > 300 then 'x' else '1' end"), target: many('v int', '1'),
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { sql: "src.v::int" } }, ignore: { source: { pad: p }, target: { pad: p } }` },
    expected: { t: { verdict: 'unknown', figures: '1500: 1500 unverified | 1500: 1500 unverified', note: 'source: invalid input syntax' } },
  },
  {
    name: 'a view has no pages: one row leaves the entity unverified',
    source: "create table $_b (id int primary key, v text); insert into $_b values (1, '1'), (2, 'x'); create view $_t as select * from $_b", target: 'create table $_t (id int, v int); insert into $_t values (1, 1), (2, 2)',
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { sql: "src.v::int" } }` },
    expected: { t: { verdict: 'unknown', figures: '2: 2 unverified | 2: 2 unverified', note: 'source: invalid input syntax' } },
  },
]
