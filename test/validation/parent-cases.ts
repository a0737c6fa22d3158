import type { Case } from './cases.js'

/** Orders and their lines, whose keys are renumbered. Of the orders 1 arrived, 2 is missing, 3 is excluded, 4 explained, 5 never was. */
const orders = {
  source: `create table $orders (id int primary key, state text); insert into $orders values (1, 'ok'), (2, 'ok'), (3, 'test'), (4, 'lost');
    create table $line (id int primary key, order_id int); insert into $line values (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, null), (7, 1);`,
  target: `create table $map (kind text, old int, new int); insert into $map values ('order', 1, 101), ('order', 2, 102), ('line', 1, 201), ('line', 2, 202), ('line', 6, 206);
    create table $sales (id int primary key, state text); insert into $sales values (101, 'ok'); create table $lines (id int primary key, sale_id int); insert into $lines values (201, 101), (206, null);`,
  keyMaps: `$order: { table: $map, legacy: old, modern: new, where: "kind = 'order'" }\n  $line: { table: $map, legacy: old, modern: new, where: "kind = 'line'" }`,
  parent: `source: { table: $orders, exclude: [{ reason: test, where: "src.state = 'test'" }] }, target: { table: $sales }, key: { id: { from: id, references: $order } }, same: [state], explained: [{ reason: lost, where: "src.state = 'lost'" }]`,
  child: 'source: { table: $line }, target: { table: $lines }, key: { id: { from: id, references: $line } }, columns: { sale_id: { from: order_id, references: $order } }',
}
const ofOrders = { verdict: 'fail' as const, figures: '4: 1 excluded, 1 verified, 1 explained, 1 missing | 1: 1 matched', differences: ['explained lost {"id":"4"}', 'missing map leads nowhere {"id":"2"}'] }

export const parentCases: Case[] = [
  {
    name: 'a child of a parent that never was to arrive is explained where the plan says so',
    source: orders.source, target: orders.target, keyMaps: orders.keyMaps,
    entities: { sales: orders.parent, lines: `${orders.child}, explained: [{ reason: order chain broken, parent: order_id }]` },
    expected: {
      sales: ofOrders,
      lines: {
        verdict: 'fail', figures: '7: 2 verified, 3 explained, 2 missing | 2: 2 matched',
        differences: [
          'explained order chain broken {"id":"3"}', 'explained order chain broken {"id":"4"}', 'explained order chain broken {"id":"5"}', 'missing no map entry {"id":"7"}', 'missing parent {"id":"2"} sale_id NULL',
        ],
      },
    },
  },
  {
    name: 'twin: undeclared, the same children are missing',
    source: orders.source, target: orders.target, keyMaps: orders.keyMaps,
    entities: { sales: orders.parent, lines: orders.child },
    expected: {
      sales: ofOrders,
      lines: {
        verdict: 'fail', figures: '7: 2 verified, 5 missing | 2: 2 matched',
        differences: ['missing no map entry {"id":"3"}', 'missing no map entry {"id":"4"}', 'missing no map entry {"id":"5"}', 'missing no map entry {"id":"7"}', 'missing parent {"id":"2"} sale_id NULL'],
      },
    },
  },
  {
    name: 'the reason that is written first counts',
    source: orders.source, target: orders.target, keyMaps: orders.keyMaps,
    entities: { sales: orders.parent, lines: `${orders.child}, explained: [{ reason: third, where: "src.id = 3" }, { reason: chain, parent: order_id }, { reason: fourth, where: "src.id = 4" }, { reason: rest, where: "src.id in (2, 7)" }]` },
    expected: {
      sales: ofOrders,
      lines: {
        verdict: 'warn', figures: '7: 2 verified, 5 explained | 2: 2 matched',
        differences: ['explained chain {"id":"4"}', 'explained chain {"id":"5"}', 'explained rest {"id":"2"}', 'explained rest {"id":"7"}', 'explained third {"id":"3"}'],
      },
    },
  },
  {
    name: 'a chain is followed to its root, in a tree of one table, and a cycle ends as missing',
    source: `create table $node (id int primary key, parent_id int);
      insert into $node values (1, null), (2, 1), (3, 2), (4, 3), (5, 6), (6, 5), (7, 9), (8, 7)`,
    target: 'create table $map (old int, new int); insert into $map values (1, 11); create table $nodes (id int primary key, parent_id int); insert into $nodes values (11, null)',
    keyMaps: '$node: { table: $map, legacy: old, modern: new }',
    entities: { nodes: 'source: { table: $node }, target: { table: $nodes }, key: { id: { from: id, references: $node } }, columns: { parent_id: { from: parent_id, references: $node } }, explained: [{ reason: cut off, parent: parent_id }]' },
    expected: {
      nodes: {
        verdict: 'fail', figures: '8: 1 verified, 2 explained, 5 missing | 1: 1 matched',
        differences: [
          'explained cut off {"id":"7"}', 'explained cut off {"id":"8"}', 'missing no map entry {"id":"2"}', 'missing parent {"id":"3"} parent_id NULL', 'missing parent {"id":"4"} parent_id NULL',
          'missing parent {"id":"5"} parent_id NULL', 'missing parent {"id":"6"} parent_id NULL',
        ],
      },
    },
  },
  {
    name: 'a parent that another entity claims is not absent',
    source: `create table $office (id int primary key, kind text); insert into $office values (1, 'a'), (2, 'b'); create table $desk (id int primary key, office_id int); insert into $desk values (1, 2), (2, 3)`,
    target: `create table $offices (id int primary key, old_id int, kind text); insert into $offices values (7, 1, 'a'), (8, 2, 'b'); create table $desks (id int primary key, office_id int)`,
    keyMaps: '$office: { table: $offices, legacy: old_id, modern: id, entity: c4_a }',
    entities: {
      a: `source: { table: $office, where: "src.kind = 'a'" }, target: { table: $offices, where: "tgt.kind = 'a'" }, key: { id: { from: id, references: $office } }, same: [kind], ignore: { target: { old_id: the map } }`,
      b: `source: { table: $office, where: "src.kind = 'b'" }, target: { table: $offices, where: "tgt.kind = 'b'" }, key: { id: { from: id, references: $office } }, same: [kind], ignore: { target: { old_id: the map } }`,
      desks: 'source: { table: $desk }, target: { table: $desks }, key: { id: id }, columns: { office_id: { from: office_id, references: $office } }, explained: [{ reason: office lost, parent: office_id }]',
    },
    expected: {
      a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' }, b: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      desks: { verdict: 'fail', figures: '2: 1 explained, 1 missing | 0: nothing', differences: ['explained office lost {"id":"2"}', 'missing plain {"id":"1"}'] },
    },
  },
  {
    name: 'a child row of the source that cannot be read hides no parent at the same address',
    source: `create table $up (id int primary key, kind text); insert into $up values (1, 'no'), (2, 'ok'); create table $down (id int primary key, up_id int, x text); insert into $down values (1, 2, 'bad'), (2, 1, '2'), (3, 2, '3')`,
    target: 'create table $ups (id int primary key, old_id int); insert into $ups values (20, 2); create table $downs (id int primary key, up_id int, x int); insert into $downs values (3, 20, 3)',
    keyMaps: '$up: { table: $ups, legacy: old_id, modern: id }',
    entities: {
      ups: 'source: { table: $up, where: "src.kind <> \'no\'" }, target: { table: $ups }, key: { id: { from: id, references: $up } }, ignore: { source: { kind: claim }, target: { old_id: the map } }',
      downs: 'source: { table: $down }, target: { table: $downs }, key: { id: id }, columns: { up_id: { from: up_id, references: $up }, x: { sql: "src.x::int" } }, explained: [{ reason: lost, parent: up_id }]',
    },
    expected: {
      ups: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      downs: { verdict: 'fail', figures: '3: 1 verified, 1 missing, 1 unverified | 1: 1 matched', note: 'cannot be read', differences: ['missing plain {"id":"2"}', 'unverified cannot be read {"id":"1"}'] },
    },
  },
  {
    name: 'a child row of the target that cannot be read hides no parent at the same address',
    source: `create table $up (id int primary key, kind text); insert into $up values (2, 'old'); create table $down (id int primary key, up_id int, x text); insert into $down values (1, 2, '1'), (2, 2, '2'), (3, 2, '3')`,
    target: `create table $ups (id int primary key, old_id int); insert into $ups values (20, 2); create table $downs (id int primary key, up_id int, x text); insert into $downs values (1, 20, 'bad'), (3, 20, '3')`,
    keyMaps: '$up: { table: $ups, legacy: old_id, modern: id }',
    entities: {
      ups: 'source: { table: $up }, target: { table: $ups }, key: { id: { from: id, references: $up } }, explained: [{ reason: old, where: "src.kind = \'old\'" }], ignore: { target: { old_id: the map } }',
      downs: 'source: { table: $down }, target: { table: $downs }, key: { id: id }, columns: { up_id: { from: up_id, references: $up }, x: { sql: "src.x::int", target: "tgt.x::int" } }, explained: [{ reason: lost, parent: up_id }]',
    },
    expected: {
      ups: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      downs: { verdict: 'fail', figures: '3: 1 verified, 1 missing, 1 unverified | 2: 1 matched, 1 unverified', note: 'cannot be read', differences: ['missing plain {"id":"2"}', 'unverified cannot be read {"id":"1"}', 'unverified its target row cannot be read {"id":"1"}'] },
    },
  },
  {
    name: 'a child of a row that is merged into another takes the fate of that one, where its entry leads there',
    source: `create table $doctor (id int primary key, mail text); insert into $doctor values (1, 'a'), (2, 'a'), (3, 'b'), (4, 'b'), (5, 'c'), (6, 'c'), (7, 'b');
      create table $visit (id int primary key, doctor_id int); insert into $visit select i, i from generate_series(1, 7) i`,
    target: `create table $map (old int, new int); insert into $map values (1, 10), (2, 10), (3, 30), (4, 30), (5, 50), (6, 50);
      create table $doctors (id int primary key, mail text); insert into $doctors values (10, 'a'); create table $visits (id int primary key, doctor_id int); insert into $visits values (1, 10)`,
    keyMaps: '$doctor: { table: $map, legacy: old, modern: new }',
    entities: {
      doctors: 'source: { table: $doctor, merge: { by: mail, keep: id } }, target: { table: $doctors }, key: { id: { from: id, references: $doctor } }, same: [mail], explained: [{ reason: b is gone, where: src.id = 3 }]',
      visits: 'source: { table: $visit }, target: { table: $visits }, key: { id: id }, columns: { doctor_id: { from: doctor_id, references: $doctor } }, explained: [{ reason: doctor gone, parent: doctor_id }]',
    },
    expected: {
      doctors: {
        verdict: 'fail', figures: '7: 1 verified, 1 merged, 2 explained, 3 missing | 1: 1 matched',
        differences: ['explained b is gone {"id":"3"}', 'explained b is gone {"id":"4"}', 'missing map leads nowhere {"id":"5"}', 'missing survivor missing {"id":"6"}', 'missing no map entry {"id":"7"}'],
      },
      visits: {
        verdict: 'fail', figures: '7: 1 verified, 2 explained, 4 missing | 1: 1 matched',
        differences: ['missing plain {"id":"2"}', 'explained doctor gone {"id":"3"}', 'explained doctor gone {"id":"4"}', 'missing parent {"id":"5"} doctor_id NULL', 'missing parent {"id":"6"} doctor_id NULL', 'missing parent {"id":"7"} doctor_id NULL'],
      },
    },
  },
  {
    name: 'through a natural key map too: a parent without a natural value is looked up by its key',
    source: `create table $office (id int primary key, code text, state text); insert into $office values (1, 'a', 'ok'), (2, null, 'test'), (3, null, 'ok'), (4, 'd', 'test'), (5, null, 'lost');
      create table $desk (id int primary key, office_id int8); insert into $desk values (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (9, 99)`,
    target: `create table $offices (id int primary key, code text); insert into $offices values (10, 'a'); create table $desks (id int primary key, office_id int); insert into $desks values (1, 10)`,
    keyMaps: '$office: { source: { table: $office, key: id, natural: code }, target: { table: $offices, key: id, natural: code } }',
    entities: {
      offices: `source: { table: $office, exclude: [{ reason: test, where: "src.state = 'test'" }] }, target: { table: $offices }, key: { id: { from: id, references: $office } }, same: [code], explained: [{ reason: lost, where: "src.state = 'lost'" }]`,
      desks: 'source: { table: $desk }, target: { table: $desks }, key: { id: id }, columns: { office_id: { from: office_id, references: $office } }, explained: [{ reason: office gone, parent: office_id }]',
    },
    expected: {
      offices: { verdict: 'fail', figures: '5: 2 excluded, 1 verified, 1 explained, 1 missing | 1: 1 matched', differences: ['explained lost {"id":"5"}', 'missing no map entry {"id":"3"}'] },
      desks: {
        verdict: 'fail', figures: '6: 1 verified, 4 explained, 1 missing | 1: 1 matched',
        differences: ['explained office gone {"id":"2"}', 'explained office gone {"id":"4"}', 'explained office gone {"id":"5"}', 'explained office gone {"id":"9"}', 'missing parent {"id":"3"} office_id NULL'],
      },
    },
  },
  {
    name: 'parents that are asked for together with their own parents are explained in any order',
    source: 'create table $node (id int primary key, parent_id int); insert into $node values (3, 4), (4, 5), (5, 6), (6, 7), (7, 9)',
    target: 'create table $map (old int, new int); insert into $map values (1, 11); create table $nodes (id int primary key, parent_id int)',
    keyMaps: '$node: { table: $map, legacy: old, modern: new }',
    entities: { nodes: 'source: { table: $node }, target: { table: $nodes }, key: { id: { from: id, references: $node } }, columns: { parent_id: { from: parent_id, references: $node } }, explained: [{ reason: cut off, parent: parent_id }]' },
    expected: { nodes: { verdict: 'warn', figures: '5: 5 explained | 0: nothing', differences: [3, 4, 5, 6, 7].map((id) => `explained cut off {"id":"${id}"}`) } },
  },
  {
    name: 'a parent that the join of its entity drops is not absent',
    source: `create table $office (id int primary key); insert into $office values (1); create table $p (id int primary key, office int); insert into $p values (1, 1), (2, 9); create table $c (id int primary key, p int); insert into $c values (1, 1), (2, 2), (3, 3)`,
    target: 'create table $p (id int); insert into $p values (10); create table $c (id int, p int); insert into $c values (1, 10); create table $map (old int, new int); insert into $map values (1, 10), (2, 20)',
    keyMaps: '$p: { table: $map, legacy: old, modern: new }',
    entities: {
      p: 'source: { table: $p, join: "join $office o on o.id = src.office" }, target: { table: $p }, key: { id: { from: id, references: $p } }',
      c: 'source: { table: $c }, target: { table: $c }, key: { id: id }, columns: { p: { from: p, references: $p } }, explained: [{ reason: p is gone, parent: p }]',
    },
    expected: {
      p: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      c: { verdict: 'fail', figures: '3: 1 verified, 1 explained, 1 missing | 1: 1 matched', differences: ['missing plain {"id":"2"}', 'explained p is gone {"id":"3"}'] },
    },
    tables: { 'source $p': 'fail: 1 once, 0 several, 1 unclaimed of 2' },
  },
  {
    name: 'a parent that its entity reads from what it joins is not called absent, since nobody looks it up without',
    source: `create table $office (id int primary key, code int); insert into $office values (1, 1); create table $p (id int primary key, office int); insert into $p values (7, 1); create table $c (id int primary key, p int); insert into $c values (1, 1), (3, 3)`,
    target: 'create table $p (id int); insert into $p values (10); create table $c (id int, p int); insert into $c values (1, 10); create table $map (old int, new int); insert into $map values (1, 10)',
    keyMaps: '$p: { table: $map, legacy: old, modern: new }',
    entities: {
      p: 'source: { table: $p, join: "join $office o on o.id = src.office" }, target: { table: $p }, key: { id: { sql: o.code, references: $p } }, ignore: { source: { id: another, office: joined } }',
      c: 'source: { table: $c }, target: { table: $c }, key: { id: id }, columns: { p: { from: p, references: $p } }, explained: [{ reason: p is gone, parent: p }]',
    },
    expected: {
      p: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      c: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 1: 1 matched', differences: ['missing plain {"id":"3"}'] },
    },
  },
  {
    name: 'a parent that the query of its entity does not return is looked for in the table that it covers',
    source: `create table $office (id int primary key); insert into $office values (1); create table $p (id int primary key, office int); insert into $p values (1, 1), (2, 9); create table $c (id int primary key, p int); insert into $c values (1, 1), (2, 2), (3, 3)`,
    target: 'create table $p (id int); insert into $p values (10); create table $c (id int, p int); insert into $c values (1, 10); create table $map (old int, new int); insert into $map values (1, 10), (2, 20)',
    keyMaps: '$p: { table: $map, legacy: old, modern: new }',
    entities: {
      p: 'source: { query: "select p.id as number from $p p join $office o on o.id = p.office", covers: $p }, target: { table: $p }, key: { id: { from: number, references: $p } }',
      c: 'source: { table: $c }, target: { table: $c }, key: { id: id }, columns: { p: { from: p, references: $p } }, explained: [{ reason: p is gone, parent: p }]',
    },
    expected: {
      p: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      c: { verdict: 'fail', figures: '3: 1 verified, 1 explained, 1 missing | 1: 1 matched', differences: ['missing plain {"id":"2"}', 'explained p is gone {"id":"3"}'] },
    },
  },
  {
    name: 'a parent in another source table, whose entity is keyed by the same map, is not absent',
    source: `create table $clinic (id int primary key); insert into $clinic values (1); create table $lab (id int primary key); insert into $lab values (2), (4); create table $desk (id int primary key, office int); insert into $desk values (1, 1), (2, 2), (3, 3), (4, 4)`,
    target: `create table $offices (id int, kind text); insert into $offices values (10, 'c'), (40, 'l'); create table $desk (id int, office int); insert into $desk values (1, 10), (4, 40); create table $map (old int, new int); insert into $map values (1, 10), (2, 20), (4, 40)`,
    keyMaps: '$office: { table: $map, legacy: old, modern: new, entity: $_clinics }',
    entities: {
      clinics: `source: { table: $clinic }, target: { table: $offices, where: "tgt.kind = 'c'" }, key: { id: { from: id, references: $office } }`,
      labs: `source: { table: $lab }, target: { table: $offices, where: "tgt.kind = 'l'" }, key: { id: { from: id, references: $office } }`,
      desks: 'source: { table: $desk }, target: { table: $desk }, key: { id: id }, columns: { office: { from: office, references: $office } }, explained: [{ reason: office is gone, parent: office }]',
    },
    expected: { desks: { verdict: 'fail', figures: '4: 2 verified, 1 explained, 1 missing | 2: 2 matched', differences: ['missing plain {"id":"2"}', 'explained office is gone {"id":"3"}'] } },
  },
  {
    name: 'a row without a map entry has none, whatever became of its parent',
    source: 'create table $o (id int primary key); insert into $o values (1); create table $l (id int primary key, o int); insert into $l values (1, 1)',
    target: 'create table $o (id int); create table $l (id int, o int); create table $om (old int, new int); insert into $om values (1, 10); create table $lm (old int, new int)',
    keyMaps: '$o: { table: $om, legacy: old, modern: new }\n  $l: { table: $lm, legacy: old, modern: new }',
    entities: {
      o: 'source: { table: $o }, target: { table: $o }, key: { id: { from: id, references: $o } }',
      l: 'source: { table: $l }, target: { table: $l }, key: { id: { from: id, references: $l } }, columns: { o: { from: o, references: $o } }',
    },
    expected: { l: { verdict: 'fail', figures: '1: 1 missing | 0: nothing', differences: ['missing parent {"id":"1"} o NULL'] } },
    checks: { 'every source key has a map entry $l: $_l': 'fail', 'every source key has a map entry $o: $_o': 'pass' },
  },
  {
    name: 'a pending row is not known to have a map entry',
    source: 'create table $p (id int primary key, at timestamptz); insert into $p values (1, now())',
    target: 'create table $p (id int); create table $map (old int, new int)',
    keyMaps: '$p: { table: $map, legacy: old, modern: new }',
    entities: { p: 'source: { table: $p, changedAt: at, lag: 1 hour }, target: { table: $p }, key: { id: { from: id, references: $p } }' },
    expected: { p: { verdict: 'unknown', figures: '1: 1 pending | 0: nothing', differences: ['pending changed recently {"id":"1"}'] } },
    checks: { 'every source key has a map entry $p: $_p': 'unknown' },
  },
  {
    name: 'of rows that were not compared nobody knows whether they have a map entry',
    source: 'create table $p (id int primary key); create table $tag (p int); insert into $p values (1), (2); insert into $tag values (1), (1)',
    target: 'create table $p (id int); create table $map (old int, new int)',
    keyMaps: '$p: { table: $map, legacy: old, modern: new }',
    entities: { p: 'source: { table: $p, join: "left join $tag t on t.p = src.id" }, target: { table: $p }, key: { id: { from: id, references: $p } }' },
    expected: { p: { verdict: 'unknown', figures: '2: 2 unverified | 0: nothing', note: 'multiplies' } },
    checks: { 'every source key has a map entry $p: $_p': 'unknown' },
  },
  {
    name: 'a row that cannot be read is not known to have a map entry',
    source: "create table $p (id int primary key, v text); insert into $p values (1, '1'), (2, 'bad')",
    target: 'create table $p (id int, v int); insert into $p values (10, 1); create table $map (old int, new int); insert into $map values (1, 10)',
    keyMaps: '$p: { table: $map, legacy: old, modern: new }',
    entities: { p: 'source: { table: $p }, target: { table: $p }, key: { id: { from: id, references: $p } }, columns: { v: { sql: "src.v::int" } }' },
    expected: { p: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 1: 1 matched', note: 'cannot be read', differences: ['unverified cannot be read {"id":"2"}'] } },
    checks: { 'every source key has a map entry $p: $_p': 'unknown' },
  },
  {
    name: 'a parent that another entity keyed by the same map claims has been compared by that one',
    source: "create table $office (id int primary key, kind text); insert into $office values (1, 'a'), (2, 'b'); create table $desk (id int primary key, office int); insert into $desk values (1, 1), (2, 2)",
    target: "create table $offices (id int primary key, kind text); insert into $offices values (7, 'a'), (8, 'b'); create table $desk (id int, office int); insert into $desk values (1, 7), (2, 8); create table $map (old int, new int); insert into $map values (1, 7), (2, 8)",
    keyMaps: '$office: { table: $map, legacy: old, modern: new, entity: $_a }',
    entities: {
      a: `source: { table: $office, where: "src.kind = 'a'" }, target: { table: $offices, where: "tgt.kind = 'a'" }, key: { id: { from: id, references: $office } }, same: [kind]`,
      b: `source: { table: $office, where: "src.kind = 'b'" }, target: { table: $offices, where: "tgt.kind = 'b'" }, key: { id: { from: id, references: $office } }, same: [kind]`,
      desks: 'source: { table: $desk }, target: { table: $desk }, key: { id: id }, columns: { office: { from: office, references: $office } }',
    },
    expected: { desks: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' } },
    checks: { 'the parent belongs to its entity $_desks.office': 'pass', 'no planned reference leads nowhere $_desks.office': 'pass' },
  },
  {
    name: 'a reference to a row that the join of its entity drops leads to a row, and to none that was compared',
    source: 'create table $p (id int primary key); insert into $p values (1); create table $c (id int primary key, p int); insert into $c values (1, 1), (2, 2)',
    target: 'create table $k (id int primary key); insert into $k values (1); create table $p (id int primary key, k int); insert into $p values (10, 1), (20, 9); create table $c (id int, p int); insert into $c values (1, 10), (2, 20); create table $map (old int, new int); insert into $map values (1, 10), (2, 20)',
    keyMaps: '$p: { table: $map, legacy: old, modern: new }',
    entities: {
      p: 'source: { table: $p }, target: { table: $p, join: "join $k k on k.id = tgt.k" }, key: { id: { from: id, references: $p } }',
      c: 'source: { table: $c }, target: { table: $c }, key: { id: id }, columns: { p: { from: p, references: $p } }',
    },
    expected: { c: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' } },
    checks: { 'no planned reference leads nowhere $_c.p': 'pass', 'the parent belongs to its entity $_c.p': 'fail' },
  },
  {
    name: 'a NULL leg is a value in a table that several entities fill, too; a row without any leg is claimed by nobody',
    source: 'create table $x (p int, t int); insert into $x values (1, 1), (1, null); create table $y (p int, t int); insert into $y values (1, 1)',
    target: `create table $links (p int, t int); insert into $links values (10, 100), (10, null), (20, 200), (null, null); create table $xp (old int, new int); insert into $xp values (1, 10); create table $xt (old int, new int); insert into $xt values (1, 100);
      create table $yp (old int, new int); insert into $yp values (1, 20); create table $yt (old int, new int); insert into $yt values (1, 200)`,
    keyMaps: ['xp', 'xt', 'yp', 'yt'].map((name) => `$${name}: { table: $${name}, legacy: old, modern: new }`).join('\n  '),
    entities: {
      x: 'source: { table: $x }, target: { table: $links }, key: { p: { from: p, references: $xp }, t: { from: t, references: $xt } }',
      y: 'source: { table: $y }, target: { table: $links }, key: { p: { from: p, references: $yp }, t: { from: t, references: $yt } }',
    },
    expected: { x: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' }, y: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
    tables: { 'target $links': 'fail: 3 once, 0 several, 1 unclaimed of 4' },
  },
  {
    name: 'a child of a pending row is pending, and so are its own children, unless a reason explains them',
    source: `create table $p (id int primary key, at timestamptz); insert into $p values (1, '2020-01-01'), (2, now()); create table $c (id int primary key, p int); insert into $c values (1, 1), (2, 2), (3, 2);
      create table $d (id int primary key, c int); insert into $d values (1, 1), (2, 2), (3, 3)`,
    target: 'create table $p (id int); insert into $p values (1); create table $c (id int, p int); insert into $c values (1, 1); create table $d (id int, c int); insert into $d values (1, 1); create table $map (old int, new int); insert into $map values (1, 1), (2, 2), (3, 3); create table $cm as select * from $map',
    keyMaps: '$p: { table: $map, legacy: old, modern: new }\n  $c: { table: $cm, legacy: old, modern: new }',
    entities: {
      p: 'source: { table: $p, changedAt: at, lag: 1 hour }, target: { table: $p }, key: { id: { from: id, references: $p } }',
      c: 'source: { table: $c }, target: { table: $c }, key: { id: { from: id, references: $c } }, columns: { p: { from: p, references: $p } }, explained: [{ reason: lost, where: src.id = 3 }]',
      d: 'source: { table: $d }, target: { table: $d }, key: { id: id }, columns: { c: { from: c, references: $c } }, explained: [{ reason: c is gone, parent: c }]',
    },
    expected: {
      p: { verdict: 'unknown', figures: '2: 1 verified, 1 pending | 1: 1 matched', differences: ['pending changed recently {"id":"2"}'] },
      c: { verdict: 'unknown', figures: '3: 1 verified, 1 explained, 1 pending | 1: 1 matched', differences: ['pending parent pending {"id":"2"}', 'explained lost {"id":"3"}'] },
      d: { verdict: 'unknown', figures: '3: 1 verified, 1 explained, 1 pending | 1: 1 matched', differences: ['pending parent pending {"id":"2"}', 'explained c is gone {"id":"3"}'] },
    },
  },
]
