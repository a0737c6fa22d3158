import type { Case } from './cases.js'

export const joinCases: Case[] = [
  {
    name: 'looks values up in joined tables of both sides',
    source: `create table $office (id int primary key, city text); insert into $office values (1, 'Rome'), (2, 'Oslo');
      create table $person (id int primary key, office_id int, name text); insert into $person values (1, 1, 'a'), (2, 2, 'b'), (3, null, 'c')`,
    target: `create table $city (id int primary key, name text); insert into $city values (7, 'Rome'), (8, 'Bonn');
      create table $people (id int primary key, city_id int, name text); insert into $people values (1, 7, 'a'), (2, 8, 'b'), (3, null, 'c')`,
    entities: {
      people: `source: { table: $person, join: "left join $office o on o.id = src.office_id" }, target: { table: $people, join: "left join $city c on c.id = tgt.city_id -- the city" },
        key: { id: id }, same: [name], columns: { city: { sql: o.city, target: c.name } }`,
    },
    expected: { people: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs value {"id":"2"} city: Oslo → Bonn'] } },
    tables: { 'source $person': 'pass: 3 once, 0 several, 0 unclaimed of 3', 'target $people': 'pass: 3 once, 0 several, 0 unclaimed of 3' },
  },
  {
    name: 'does not claim what a join drops: it is missing in the accounting of the table',
    source: `create table $kind (id int primary key); insert into $kind values (1);
      create table $thing (id int primary key, kind_id int); insert into $thing values (1, 1), (2, 2), (3, null)`,
    target: 'create table $things (id int primary key); insert into $things values (1)',
    entities: { things: 'source: { table: $thing, join: "join $kind k on k.id = src.kind_id" }, target: { table: $things }, key: { id: id }, ignore: { source: { kind_id: not needed } }' },
    expected: { things: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
    tables: { 'source $thing': 'fail: 1 once, 0 several, 2 unclaimed of 3' },
  },
  {
    name: 'proves nothing when a join multiplies rows',
    source: `create table $thing (id int primary key); insert into $thing values (1), (2);
      create table $tag (thing_id int, tag text); insert into $tag values (1, 'x'), (1, 'y'), (2, 'z')`,
    target: 'create table $things (id int primary key); insert into $things values (1), (2)',
    entities: { things: 'source: { table: $thing, join: "left join $tag t on t.thing_id = src.id" }, target: { table: $things }, key: { id: id }' },
    expected: { things: { verdict: 'unknown', figures: '2: 2 unverified | 2: 2 unverified', note: 'multiplies' } },
    tables: { 'source $thing': 'pass: 2 once, 0 several, 0 unclaimed of 2' },
  },
  {
    name: 'claims and explains by joined columns, in a partitioned table too',
    source: `create table $file (id int, area int, kind text, primary key (id, area)) partition by list (area);
      create table $file1 partition of $file for values in (1); create table $file2 partition of $file for values in (2);
      create table $kind (name text primary key, wanted boolean, lost boolean);
      insert into $kind values ('a', true, false), ('b', false, false), ('c', true, true); insert into $file values (1, 1, 'a'), (2, 2, 'a'), (3, 1, 'b'), (4, 2, 'c')`,
    target: 'create table $files (id int primary key, area int); insert into $files values (1, 1), (2, 2)',
    entities: {
      files: `source: { table: $file, join: "left join $kind k on k.name = src.kind", where: k.wanted }, target: { table: $files, where: "tgt.id > 0" }, key: { id: id }, same: [area],
        explained: [{ reason: lost, where: k.lost }], ignore: { source: { kind: by the claim } }`,
      rest: `source: { table: $file, join: "left join $kind k on k.name = src.kind", where: k.wanted is not true, exclude: [{ reason: not wanted, where: "true" }] },
        target: { table: $files, where: "tgt.id < 0" }, key: { id: id }, same: [area], ignore: { source: { kind: by the claim } }`,
    },
    expected: {
      files: { verdict: 'warn', figures: '3: 2 verified, 1 explained | 2: 2 matched', differences: ['explained lost {"id":"4"}'] },
      rest: { verdict: 'warn', figures: '1: 1 excluded | 0: nothing' },
    },
    tables: { 'source $file': 'pass: 4 once, 0 several, 0 unclaimed of 4' },
  },
  {
    name: 'a target row whose source row the join drops has the cause unclaimed, and one that has none is a ghost',
    source: 'create table $kind (id int primary key); insert into $kind values (1); create table $a (id int primary key, kind int); insert into $a values (1, 1), (2, 9)',
    target: 'create table $a (id int); insert into $a values (1), (2), (3)',
    entities: { a: 'source: { table: $a, join: "join $kind k on k.id = src.kind" }, target: { table: $a }, key: { id: id }' },
    expected: { a: { verdict: 'fail', figures: '1: 1 verified | 3: 1 matched, 2 extra', differences: ['extra unclaimed {"id":"2"} id 2', 'extra ghost {"id":"3"} id 3'] } },
  },
  {
    name: 'a target row whose source row the query does not return has the cause unclaimed',
    source: 'create table $kind (id int primary key); insert into $kind values (1); create table $a (id int primary key, kind int); insert into $a values (1, 1), (2, 9)',
    target: 'create table $a (id int); insert into $a values (1), (2), (3)',
    entities: { a: 'source: { query: "select a.id as number from $a a join $kind k on k.id = a.kind", covers: $a }, target: { table: $a }, key: { id: number }' },
    expected: { a: { verdict: 'fail', figures: '1: 1 verified | 3: 1 matched, 2 extra', differences: ['extra unclaimed {"id":"2"} id 2', 'extra ghost {"id":"3"} id 3'] } },
  },
]
