import type { Case } from './cases.js'
import { side, table } from './tables.js'

/** Ways in which a comparison can be led to call a wrong row right, each with a twin that must be judged the other way. */
const map = (extra = '') => `$_map: { table: $_map, legacy: legacy, modern: modern${extra} }`

/** A base type with a name that PostgreSQL has given to another one, and a cast to that which loses something. */
const typeNamed = (name: string, like: string, cast: string) => `create schema $_ora; create type $_ora.${name};
  create function $_ora.read(cstring, oid, int4) returns $_ora.${name} language internal immutable strict as '${like === 'float8' ? 'float8in' : `${like}_in`}';
  create function $_ora.write($_ora.${name}) returns cstring language internal immutable strict as '${like === 'float8' ? 'float8out' : `${like}_out`}';
  create type $_ora.${name} (input = $_ora.read, output = $_ora.write, like = pg_catalog.${like});
  create function $_ora.lose($_ora.${name}) returns pg_catalog.${name} language internal immutable strict as '${cast}';
  create cast ($_ora.${name} as pg_catalog.${name}) with function $_ora.lose($_ora.${name}) as assignment`

/** Functions that would answer in place of polymorphic ones of the server, or of those whose arguments would have to be cast. */
const shadows = `create function hash_array_extended(bytea[], bigint) returns bigint language sql immutable as 'select 0::int8';
  create function convert_to(text, text) returns bytea language sql immutable as 'select null::bytea'; create function unnest(int8[]) returns setof int8 language sql immutable as 'select 0::int8';
  create function unnest(int4[]) returns setof int4 language sql immutable as 'select 0'; create function json_build_array(text, text) returns json language sql immutable as 'select null::json'`

export const holeCases: Case[] = [
  {
    name: 'a reference that is NULL at the source does not equal one that no map entry knows',
    source: table('a', 'id int primary key, fk int', '(1, null), (2, null), (3, 5), (4, 9)'),
    target: `${table('a', 'id int, fk int', '(1, 99), (2, null), (3, 50), (4, null)')}; ${table('map', 'legacy text, modern int', "('5', 50)")}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: id }, columns: { fk: { from: fk, references: $_map } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '4: 2 verified, 2 differs | 4: 4 matched',
        differences: ['differs reference {"id":"1"} fk: NULL → 99 (no map entry)', 'differs reference {"id":"4"} fk: 9 → NULL'],
      },
    },
  },
  {
    name: 'an orphan reference of the source does not equal the same number in the target that the map does not know',
    source: table('a', 'id int primary key, fk int', '(1, 9)'),
    target: `${table('a', 'id int, fk int', '(1, 9)')}; ${table('map', 'legacy text, modern int', "('5', 50)")}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: id }, columns: { fk: { from: fk, references: $_map } }` },
    expected: { a: { verdict: 'fail', figures: '1: 1 differs | 1: 1 matched', differences: ['differs reference {"id":"1"} fk: 9 → 9 (no map entry)'] } },
  },
  {
    name: 'a key leg that no map entry knows pairs with nothing, a NULL leg of the source neither',
    source: table('a', 'id int, tag int', '(1, null), (2, 2)'),
    target: `${table('a', 'id int, tag int', '(1, 77), (2, 20)')}; ${table('map', 'legacy int, modern int', '(2, 20)')}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: id, tag: { from: tag, references: $_map } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '2: 1 verified, 1 missing | 2: 1 matched, 1 extra',
        differences: ['missing plain {"id":"1","tag":null}', 'extra no map entry {"id":"1","tag":"77"}'],
      },
    },
  },
  {
    name: 'three source rows collapsed into one target row are one verified and two missing',
    source: table('a', 'id int primary key, name text', "(1, 'x'), (2, 'x'), (3, 'x')"),
    target: `${table('a', 'id int, name text', "(10, 'x')")}; ${table('map', 'legacy int, modern int', '(1, 10), (2, 10), (3, 10)')}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }, columns: { name: name }` },
    expected: {
      a: {
        verdict: 'fail', figures: '3: 1 verified, 2 missing | 1: 1 matched',
        differences: ['missing collapsed {"id":"2"}', 'missing collapsed {"id":"3"}'],
      },
    },
    checks: { '$_a a modern key has one legacy key $_map': 'fail' },
  },
  {
    name: 'collapsed rows: the equal one takes the target row, whichever legacy key it has',
    source: table('a', 'id int primary key, name text', "(1, 'no'), (2, 'yes')"),
    target: `${table('a', 'id int, name text', "(10, 'yes')")}; ${table('map', 'legacy int, modern int', '(1, 10), (2, 10)')}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }, columns: { name: name }` },
    expected: { a: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 1: 1 matched', differences: ['missing collapsed {"id":"1"}'] } },
  },
  {
    name: 'collapsed in a composite key: nothing of another leg is taken for it',
    source: table('a', 'id int, tag text', "(1, 'a'), (2, 'a'), (2, 'b')"),
    target: `${table('a', 'id int, tag text', "(10, 'a'), (10, 'b')")}; ${table('map', 'legacy int, modern int', '(1, 10), (2, 10)')}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map }, tag: tag }` },
    expected: { a: { verdict: 'fail', figures: '3: 2 verified, 1 missing | 2: 2 matched', differences: ['missing collapsed {"id":"2","tag":"a"}'] } },
  },
  {
    name: 'a reference through a map that folds two legacy keys into one is right under either, and no row is multiplied',
    source: table('a', 'id int primary key, fk int', '(1, 1), (2, 2), (3, 3), (4, 2)'),
    target: `${table('a', 'id int, fk int', '(1, 10), (2, 10), (3, 30), (4, 30)')}; ${table('map', 'legacy int, modern int', '(1, 10), (2, 10), (3, 30)')}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: id }, columns: { fk: { from: fk, references: $_map } }` },
    expected: { a: { verdict: 'fail', figures: '4: 3 verified, 1 differs | 4: 4 matched', differences: ['differs reference {"id":"4"} fk: 2 → 30 (legacy 3)'] } },
  },
  {
    name: 'a map entry that stands twice multiplies nothing',
    source: table('a', 'id int primary key, fk int', '(1, 1), (2, null)'),
    target: `${table('a', 'id int, fk int', '(10, 10), (20, null)')}; ${table('map', 'legacy text, modern int', "('1', 10), ('01', 10), ('1', 10), (' 1.0', 10), ('2', 20)")}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }, columns: { fk: { from: fk, references: $_map } }` },
    expected: { a: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' } },
  },
  {
    name: 'one legacy key with two modern keys: a forgotten where of the map fails, though every row looks right',
    source: table('a', 'id int primary key, name text', "(1, 'x'), (2, 'y')"),
    target: `${table('a', 'id int, name text', "(10, 'x'), (20, 'y')")}; ${table('map', 'legacy int, modern int, kind text', "(1, 10, 'a'), (2, 20, 'a'), (1, 77, 'b')")}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }, columns: { name: name }` },
    expected: { a: { verdict: 'fail', figures: '2: 2 verified | 2: 2 matched' } },
    checks: { '$_a a legacy key has one modern key $_map': 'fail' },
  },
  {
    name: 'the same map with its where passes',
    source: table('a', 'id int primary key, name text', "(1, 'x'), (2, 'y')"),
    target: `${table('a', 'id int, name text', "(10, 'x'), (20, 'y')")}; ${table('map', 'legacy int, modern int, kind text', "(1, 10, 'a'), (2, 20, 'a'), (1, 77, 'b')")}`,
    keyMaps: map(`, where: "tgt.kind = 'a'"`),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }, columns: { name: name }` },
    expected: { a: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' } },
    checks: { '$_a a legacy key has one modern key $_map': 'pass' },
  },
  {
    name: 'entries outside the where of a map lead nowhere, from either side, and make no smaller legacy key',
    source: table('a', 'id int primary key, fk int', '(1, 2), (2, 2), (3, null)'),
    target: `${table('a', 'id int, fk int', '(10, 20), (20, 77), (77, null)')}; ${table('map', 'legacy int, modern int, kind text', "(1, 10, 'a'), (2, 20, 'a'), (0, 10, 'b'), (1, 20, 'b'), (3, 77, 'b'), (2, 77, 'b')")}`,
    keyMaps: map(`, where: "tgt.kind = 'a'"`),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }, columns: { fk: { from: fk, references: $_map } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '3: 1 verified, 1 differs, 1 missing | 3: 2 matched, 1 extra',
        differences: ['differs reference {"id":"2"} fk: 2 → 77 (no map entry)', 'missing no map entry {"id":"3"}', 'extra no map entry {"id":"77"}'],
      },
    },
  },
  {
    name: 'thousands of collapsed pairs, more than one statement reads: the equal row of each takes the target row',
    source: "create table $_a (id int primary key, name text); insert into $_a select i, 'no' from generate_series(1, 2500) i union all select i + 10000, 'yes' from generate_series(1, 2500) i",
    target: "create table $_a (id int, name text); insert into $_a select -i, 'yes' from generate_series(1, 2500) i; create table $_map (legacy int, modern int); insert into $_map select i, -i from generate_series(1, 2500) i union all select i + 10000, -i from generate_series(1, 2500) i",
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }, columns: { name: name }` },
    expected: { a: { verdict: 'fail', figures: '5000: 2500 verified, 2500 missing | 2500: 2500 matched', differences: Array.from({ length: 2500 }, (_, index) => `missing collapsed {"id":"${index + 1}"}`) } },
  },
  {
   
    name: 'an ambiguous map that only a column references fails: both modern keys would be called right',
    source: table('a', 'id int primary key, fk int', '(1, 1)'),
    target: `${table('a', 'id int, fk int', '(1, 77)')}; ${table('map', 'legacy int, modern int', '(1, 10), (1, 77)')}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: id }, columns: { fk: { from: fk, references: $_map } }` },
    expected: { a: { verdict: 'fail', figures: '1: 1 verified | 1: 1 matched' } },
  },
  {
    name: 'entries of a map that lead nowhere are told, and their rows are missing with the right cause',
    source: table('a', 'id int primary key', '(1), (2), (3)'),
    target: `${table('a', 'id int', '(10)')}; ${table('map', 'legacy text, modern int', "('1', 10), ('2', 20), ('x', 30), (null, 40)")}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '3: 1 verified, 2 missing | 1: 1 matched',
        differences: ['missing map leads nowhere {"id":"2"}', 'missing no map entry {"id":"3"}'],
      },
    },
    checks: { '$_a a map entry can be read $_map': 'warn' },
  },
  {
    name: 'an unqualified column in a subquery is refused, since a table of the subquery could take it',
    source: `${table('a', 'id int primary key, office_id int', '(1, 5)')}; ${table('office', 'id int, office_id int', '(7, 7)')}`,
    target: table('a', 'id int, office_id int', ''),
    entities: { a: `${side('a')}, key: { id: id }, columns: { office_id: office_id }, explained: [{ reason: office lost, where: "not exists (select from $_office o where o.id = office_id)" }]` },
    expected: { a: { verdict: 'unknown', figures: '1: 1 unverified | 0: nothing', note: 'src.office_id' } },
  },
  {
    name: 'the same with the row named finds the row',
    source: `${table('a', 'id int primary key, office_id int', '(1, 5), (2, 7)')}; ${table('office', 'id int, office_id int', '(7, 7)')}`,
    target: table('a', 'id int, office_id int', ''),
    entities: { a: `${side('a')}, key: { id: id }, columns: { office_id: office_id }, explained: [{ reason: office lost, where: "not exists (select from $_office o where o.id = src.office_id)" }]` },
    expected: {
      a: { verdict: 'fail', figures: '2: 1 explained, 1 missing | 0: nothing', differences: ['explained office lost {"id":"1"}', 'missing plain {"id":"2"}'] },
    },
  },
  {
    name: 'a bare column of the row is the row\'s own, whatever the key map calls its columns',
    source: table('a', 'id int primary key, legacy int, modern int', '(1, 1, 10), (2, 2, 2)'),
    target: `${table('a', 'id int, legacy int, modern int', '(10, 1, 10), (20, 2, 2), (30, 0, 30)')}; ${table('map', 'legacy int, modern int', '(1, 10), (2, 20)')}`,
    keyMaps: map(),
    entities: { a: 'source: { table: $_a }, target: { table: $_a, generated: [{ reason: made up, where: "legacy = 0 and modern = id" }] }, key: { id: { from: id, references: $_map } }, same: [legacy, modern]' },
    expected: { a: { verdict: 'pass', figures: '2: 2 verified | 3: 2 matched, 1 generated' } },
  },
  {
    name: 'a predicate that is NULL is no: the row stays in scope',
    source: table('a', 'id int primary key, suffix text', "(1, 'TEST'), (2, null), (3, '')"),
    target: table('a', 'id int, suffix text', "(3, '')"),
    entities: { a: 'source: { table: $_a, exclude: [{ reason: test, where: "src.suffix = \'TEST\'" }] }, target: { table: $_a }, key: { id: id }, same: [suffix]' },
    expected: { a: { verdict: 'fail', figures: '3: 1 excluded, 1 verified, 1 missing | 1: 1 matched', differences: ['missing plain {"id":"2"}'] } },
  },
  {
    name: 'a where that is NULL claims nothing, and the row left over fails the table',
    source: table('a', 'id int primary key, kind text', "(1, 'P'), (2, null)"),
    target: table('a', 'id int, kind text', "(1, 'P'), (2, null)"),
    entities: { a: `source: { table: $_a, where: "src.kind = 'P'" }, target: { table: $_a, where: "tgt.kind = 'P'" }, key: { id: id }, same: [kind]` },
    expected: { a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
    tables: { 'source $_a': 'fail: 1 once, 0 several, 1 unclaimed of 2', 'target $_a': 'fail: 1 once, 0 several, 1 unclaimed of 2' },
  },
  {
    name: 'explained and generated that are NULL explain nothing',
    source: table('a', 'id int primary key, activated date', "(1, null)"),
    target: table('a', 'id int, origin text', '(2, null)'),
    entities: { a: 'source: { table: $_a }, target: { table: $_a, generated: [{ reason: g, where: "tgt.origin <> \'x\'" }] }, key: { id: id }, explained: [{ reason: e, where: "src.activated < \'2000-01-01\'" }]' },
    expected: { a: { verdict: 'fail', figures: '1: 1 missing | 1: 1 extra', differences: ['missing plain {"id":"1"}', 'extra ghost {"id":"2"} id 2'] } },
  },
  {
    name: 'four source rows against two of one key: two pay, two are missing',
    source: table('a', 'id int, v text', "(1, 'a'), (1, 'a'), (1, 'a'), (1, 'a'), (2, 'b')"),
    target: table('a', 'id int, v text', "(1, 'a'), (1, 'a'), (2, 'b')"),
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'fail', figures: '5: 3 verified, 2 missing | 3: 3 matched', differences: ['missing collapsed {"id":"1"}', 'missing collapsed {"id":"1"}'] } },
    checks: { '$_a the source key is unique': 'fail' },
  },
  {
    name: 'two source rows against four of one key: two duplicates, though every value is right',
    source: table('a', 'id int, v text', "(1, 'a'), (1, 'a')"),
    target: table('a', 'id int, v text', "(1, 'a'), (1, 'a'), (1, 'a'), (1, 'a')"),
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'fail', figures: '2: 2 verified | 4: 2 matched, 2 duplicate', differences: ['duplicate {"id":"1"} id 1', 'duplicate {"id":"1"} id 1'] } },
  },
  {
    name: 'equal duplicates on both sides: every row is paid for, and the key is called not unique',
    source: table('a', 'id int, v text', "(1, 'a'), (1, 'a')"),
    target: table('a', 'id int, v text', "(1, 'a'), (1, 'a')"),
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'fail', figures: '2: 2 verified | 2: 2 matched' } },
    checks: { '$_a the source key is unique': 'fail' },
  },
  {
    name: 'rows of one key are paired equal ones first, however they are ordered',
    source: table('a', 'id int, v text', "(1, 'a'), (1, 'b'), (1, 'c')"),
    target: table('a', 'id int, v text', "(1, 'c'), (1, 'x'), (1, 'a')"),
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs value {"id":"1"} v: b → x'] } },
  },
  {
    name: 'a declared kind of generated row does not hide a duplicate, an explanation does not hide an arrival',
    source: table('a', 'id int primary key, v text', "(1, 'a')"),
    target: table('a', 'id int, v text', "(1, 'a'), (1, 'a')"),
    entities: { a: 'source: { table: $_a }, target: { table: $_a, generated: [{ reason: all, where: "true" }] }, key: { id: id }, same: [v], explained: [{ reason: all, where: "true" }]' },
    expected: { a: { verdict: 'fail', figures: '1: 1 verified | 2: 1 matched, 1 duplicate', differences: ['duplicate {"id":"1"} id 1'] } },
  },
  {
    name: 'a row without a key is unverified at the source and extra in the target, never a pair',
    source: table('a', 'id int, v text', "(null, 'a'), (1, 'b')"),
    target: table('a', 'id int, v text', "(null, 'a'), (1, 'b')"),
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'fail', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 extra', differences: ['unverified no key {"id":null}', 'extra no key {"id":null}'] } },
  },
  {
    name: 'a NULL key at the source alone leaves the entity unknown; a declared one in the target is generated',
    source: table('a', 'id int, v text', "(null, 'a'), (1, 'b')"),
    target: table('a', 'id int, v text', "(null, 'a'), (1, 'b')"),
    entities: { a: 'source: { table: $_a }, target: { table: $_a, generated: [{ reason: g, where: "tgt.id is null" }] }, key: { id: id }, same: [v]' },
    expected: { a: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 generated', differences: ['unverified no key {"id":null}'] } },
  },
  {
    name: 'a NULL in some legs is a value equal to NULL',
    source: table('a', 'id int, leg text', "(1, null), (2, null), (3, '')"),
    target: table('a', 'id int, leg text', "(1, null), (2, ''), (3, null)"),
    entities: { a: `${side('a')}, key: { id: id, leg: leg }` },
    expected: {
      a: {
        verdict: 'fail', figures: '3: 1 verified, 2 missing | 3: 1 matched, 2 extra',
        differences: ['missing plain {"id":"2","leg":null}', 'missing plain {"id":"3","leg":""}', 'extra ghost {"id":"2","leg":""} id 2 leg ', 'extra ghost {"id":"3","leg":null} id 3 leg NULL'],
      },
    },
  },
  {
    name: 'of two reasons that fit the first counts, so that the sums are the classes',
    source: table('a', 'id int primary key', '(1), (2), (3), (4)'),
    target: table('a', 'id int', '(8), (9)'),
    entities: {
      a: 'source: { table: $_a, exclude: [{ reason: x1, where: "src.id = 1" }, { reason: x2, where: "src.id <= 2" }] }, ' +
        'target: { table: $_a, generated: [{ reason: g1, where: "tgt.id = 8" }, { reason: g2, where: "true" }] }, key: { id: id }, explained: [{ reason: e1, where: "src.id = 3" }, { reason: e2, where: "src.id > 0" }]',
    },
    expected: { a: { verdict: 'warn', figures: '4: 2 excluded, 2 explained | 2: 2 generated', differences: ['explained e1 {"id":"3"}', 'explained e2 {"id":"4"}'] } },
  },
  {
    name: 'an excluded row that arrived all the same is extra, cause excluded; its equal twin in scope is not touched',
    source: table('a', 'id int, v text, bad bool', "(1, 'a', true), (2, 'b', false), (2, 'b', true)"),
    target: table('a', 'id int, v text', "(1, 'a'), (2, 'b')"),
    entities: { a: 'source: { table: $_a, exclude: [{ reason: bad, where: "src.bad" }] }, target: { table: $_a }, key: { id: id }, same: [v]' },
    expected: { a: { verdict: 'fail', figures: '3: 2 excluded, 1 verified | 2: 1 matched, 1 extra', differences: ['extra excluded {"id":"1"} id 1'] } },
  },
  {
    name: 'a target row whose source row this entity does not claim is extra, cause unclaimed',
    source: table('a', 'id int primary key, kind text', "(1, 'P'), (2, 'Q')"),
    target: table('a', 'id int', '(1), (2)'),
    entities: { a: 'source: { table: $_a, where: "src.kind = \'P\'" }, target: { table: $_a }, key: { id: id }' },
    expected: { a: { verdict: 'fail', figures: '1: 1 verified | 2: 1 matched, 1 extra', differences: ['extra unclaimed {"id":"2"} id 2'] } },
  },
  {
    name: 'an excluded row is excluded before its key is looked at',
    source: table('a', 'id text, bad bool', "('x', true), ('1', false)"),
    target: table('a', 'id int', '(1)'),
    entities: { a: 'source: { table: $_a, exclude: [{ reason: bad, where: "src.bad" }] }, target: { table: $_a }, key: { id: { sql: "src.id::int" } }' },
    expected: { a: { verdict: 'pass', figures: '2: 1 excluded, 1 verified | 1: 1 matched' } },
  },
  {
    name: 'branches of one table neither see each other nor lose a row',
    source: table('state', 'id int primary key, kind text', "(1, 'case'), (2, 'order'), (3, 'case')"),
    target: `${table('case_state', 'id int', '(1), (3)')}; ${table('order_state', 'id int', '(2)')}`,
    entities: {
      a: 'source: { table: $_state, where: "src.kind = \'case\'" }, target: { table: $_case_state }, key: { id: id }',
      b: 'source: { table: $_state, where: "src.kind = \'order\'" }, target: { table: $_order_state }, key: { id: id }',
    },
    expected: { a: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' }, b: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
    tables: { 'source $_state': 'pass: 3 once, 0 several, 0 unclaimed of 3' },
  },
  {
    name: 'a row of a kind that no branch claims fails the table',
    source: table('state', 'id int primary key, kind text', "(1, 'case'), (2, 'order'), (3, 'third')"),
    target: `${table('case_state', 'id int', '(1)')}; ${table('order_state', 'id int', '(2)')}`,
    entities: {
      a: 'source: { table: $_state, where: "src.kind = \'case\'" }, target: { table: $_case_state }, key: { id: id }',
      b: 'source: { table: $_state, where: "src.kind = \'order\'" }, target: { table: $_order_state }, key: { id: id }',
    },
    expected: { a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' }, b: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
    tables: { 'source $_state': 'fail: 2 once, 0 several, 1 unclaimed of 3' },
  },
  {
    name: 'one source row wanted in two tables: shared in both is allowed',
    source: table('user', 'id int primary key', '(1), (2)'),
    target: `${table('user', 'id int', '(1), (2)')}; ${table('profile', 'id int', '(1), (2)')}`,
    entities: { a: `${side('user')}, key: { id: id }, shared: true`, b: `${side('user', 'profile')}, key: { id: id }, shared: true` },
    expected: { a: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' }, b: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' } },
    tables: { 'source $_user': 'pass: 0 once, 2 several, 0 unclaimed of 2' },
  },
  {
    name: 'shared in one of the two only fails',
    source: table('user', 'id int primary key, kind text', "(1, 'x'), (2, 'y')"),
    target: `${table('user', 'id int, kind text', "(1, 'x'), (2, 'y')")}; ${table('profile', 'id int, kind text', "(1, 'x')")}`,
    entities: { a: `${side('user')}, key: { id: id }, same: [kind], shared: true`, b: `source: { table: $_user, where: "src.kind = 'x'" }, target: { table: $_profile }, key: { id: id }, same: [kind]` },
    expected: { a: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' }, b: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
    tables: { 'source $_user': 'fail: 1 once, 1 several, 0 unclaimed of 2' },
  },
  {
    name: 'two entities in one target table claim what their key maps reach; a row that neither reaches fails the table',
    source: `${table('clinic', 'id int primary key', '(1)')}; ${table('lab', 'id int primary key', '(1)')}`,
    target: `${table('office', 'id int', '(10), (20), (30)')}; ${table('clinic_map', 'legacy int, modern int', '(1, 10)')}; ${table('lab_map', 'legacy int, modern int', '(1, 20)')}`,
    keyMaps: '$_clinic: { table: $_clinic_map, legacy: legacy, modern: modern }\n  $_lab: { table: $_lab_map, legacy: legacy, modern: modern }',
    entities: { a: `${side('clinic', 'office')}, key: { id: { from: id, references: $_clinic } }`, b: `${side('lab', 'office')}, key: { id: { from: id, references: $_lab } }` },
    expected: { a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' }, b: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
    tables: { 'target $_office': 'fail: 2 once, 0 several, 1 unclaimed of 3' },
  },
  {
    name: 'two entities whose key maps reach one row collide',
    source: `${table('clinic', 'id int primary key', '(1)')}; ${table('lab', 'id int primary key', '(1)')}`,
    target: `${table('office', 'id int', '(10)')}; ${table('clinic_map', 'legacy int, modern int', '(1, 10)')}; ${table('lab_map', 'legacy int, modern int', '(1, 10)')}`,
    keyMaps: '$_clinic: { table: $_clinic_map, legacy: legacy, modern: modern }\n  $_lab: { table: $_lab_map, legacy: legacy, modern: modern }',
    entities: { a: `${side('clinic', 'office')}, key: { id: { from: id, references: $_clinic } }`, b: `${side('lab', 'office')}, key: { id: { from: id, references: $_lab } }` },
    expected: { a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' }, b: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
    tables: { 'target $_office': 'fail: 0 once, 1 several, 0 unclaimed of 1' },
  },
  {
    name: 'a share of a target table named by its where: rows of the other share are not extra',
    source: `${table('clinic', 'id int primary key', '(1)')}; ${table('lab', 'id int primary key', '(1)')}`,
    target: table('office', 'id int, origin text', "(1, 'clinic'), (1, 'lab'), (2, 'lab')"),
    entities: {
      a: 'source: { table: $_clinic }, target: { table: $_office, where: "tgt.origin = \'clinic\'" }, key: { id: id }',
      b: 'source: { table: $_lab }, target: { table: $_office, where: "tgt.origin = \'lab\'" }, key: { id: id }',
    },
    expected: {
      a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      b: { verdict: 'fail', figures: '1: 1 verified | 2: 1 matched, 1 extra', differences: ['extra ghost {"id":"2"} id 2'] },
    },
    tables: { 'target $_office': 'pass: 3 once, 0 several, 0 unclaimed of 3' },
  },
  {
   
    name: 'two entities on one target table without anything to tell them apart are refused, and the table is not counted',
    source: `${table('clinic', 'id int primary key', '(1)')}; ${table('lab', 'id int primary key', '(1)')}`,
    target: table('office', 'id int', '(1)'),
    entities: { a: `${side('clinic', 'office')}, key: { id: id }`, b: `${side('lab', 'office')}, key: { id: id }` },
    expected: {
      a: { verdict: 'unknown', figures: '1: 1 unverified | null: null matched, null duplicate, null generated, null pending, null extra, null unverified', note: 'nothing tells whose a row is' },
    },
    tables: { 'target $_office': 'unknown: null once, null several, null unclaimed of null' },
  },
  {
   
    name: 'a refused entity is counted by the rows it claims, on both sides',
    source: table('a', 'id int primary key, kind text, v text', "(1, 'P', 'x'), (2, 'Q', 'y')"),
    target: table('a', 'id int, kind text, v int', "(1, 'P', 1), (2, 'Q', 2), (3, 'Q', 3)"),
    entities: { a: `source: { table: $_a, where: "src.kind = 'P'" }, target: { table: $_a, where: "tgt.kind = 'P'" }, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified', note: 'cannot be compared' } },
  },
  {
   
    name: 'a partition whose parent another entity covers is refused: its rows would be counted twice',
    source: 'create table $_a (id int primary key, kind text) partition by range (id); create table $_a1 partition of $_a for values from (0) to (10); create table $_a2 partition of $_a for values from (10) to (20); insert into $_a values (1, \'x\'), (11, \'y\')',
    target: `${table('a', 'id int, kind text', "(1, 'x'), (11, 'y')")}; ${table('b', 'id int, kind text', "(1, 'x')")}`,
    entities: { a: `${side('a')}, key: { id: id }, same: [kind]`, b: `${side('a1', 'b')}, key: { id: id }, same: [kind]` },
    expected: { a: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' }, b: { verdict: 'unknown', figures: 'null: null excluded, null verified, null accepted, null differs, null merged, null explained, null pending, null missing, null unverified | null: null matched, null duplicate, null generated, null pending, null extra, null unverified', note: 'would be counted twice' } },
    tables: { 'source $_a': 'pass: 2 once, 0 several, 0 unclaimed of 2' },
  },
  {
    name: 'an enum that somebody casts to text by a function is refused, in an array too: two labels may have one text',
    source: "create type $_size as enum ('S', 's'); create function $_lower(x $_size) returns text language sql immutable as 'select lower(enum_out(x)::text)'; create cast ($_size as text) with function $_lower($_size); " +
      "create table $_a (id int primary key, size $_size, sizes $_size[]); insert into $_a values (1, 'S', '{S}'); create table $_b as select * from $_a; create table $_c as select * from $_a",
    target: ['a', 'b', 'c'].map((name) => table(name, 'id int, size text, sizes text[]', "(1, 's', '{s}')")).join('; '),
    entities: {
      a: `${side('a')}, key: { id: id }, columns: { size: size }, ignore: { source: { sizes: x }, target: { sizes: x } }`,
      b: `${side('b')}, key: { id: id }, columns: { sizes: sizes }, ignore: { source: { size: x }, target: { size: x } }`,
      c: `${side('c')}, key: { id: id }, columns: { size: { sql: 'enum_out(src.size)::text' } }, ignore: { source: { sizes: x }, target: { sizes: x } }`,
    },
    expected: {
      a: { verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified', note: 'its cast to text is $_lower($_size), which may write two values alike' },
      b: { verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified', note: 'its cast to text is' },
      c: { verdict: 'fail', figures: '1: 1 differs | 1: 1 matched', differences: ['differs value {"id":"1"} size: S → s'] },
    },
  },
  {
    name: 'an enum that somebody casts to a number is compared by its labels',
    source: "create type $_size as enum ('S', 's'); create function $_rank($_size) returns int language sql immutable as 'select 1'; create cast ($_size as int) with function $_rank($_size); " +
      "create table $_a (id int primary key, size $_size); insert into $_a values (1, 'S'), (2, 's')",
    target: table('a', 'id int, size text', "(1, 's'), (2, 's')"),
    entities: { a: `${side('a')}, key: { id: id }, same: [size]` },
    expected: { a: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"1"} size: S → s'] } },
  },
  {
    name: 'a code that the value map does not list differs, even from the same value in the target',
    source: table('a', 'id int primary key, status int', '(1, 1), (2, 7), (3, null), (4, 3)'),
    target: table('a', 'id int, status text', "(1, 'active'), (2, '7'), (3, null), (4, 'closed')"),
    entities: { a: `${side('a')}, key: { id: id }, columns: { status: { from: status, values: { 1: active, 3: closed, 5: closed } } }` },
    expected: { a: { verdict: 'fail', figures: '4: 3 verified, 1 differs | 4: 4 matched', differences: ['differs value {"id":"2"} status: 7 → 7'] } },
  },
  {
    name: 'a NULL is no code: it stays NULL unless it is listed, and the text null is not NULL',
    source: table('a', 'id int primary key, x text, y text', "(1, null, null), (2, 'null', 'null'), (3, 'a', 'NULL')"),
    target: table('a', 'id int, x text, y text', "(1, 'none', null), (2, 'none', 'text'), (3, 'b', null)"),
    entities: { a: `${side('a')}, key: { id: id }, columns: { x: { from: x, values: { null: none, a: b } }, y: { from: y, values: { "null": text } } }` },
    expected: {
      a: { verdict: 'fail', figures: '3: 1 verified, 2 differs | 3: 3 matched', differences: ['differs value {"id":"2"} x: null → none', 'differs value {"id":"3"} y: NULL → NULL'] },
    },
  },
  {
    name: 'codes are the text as written: 007, yes and 1.0 are no YAML values',
    source: table('a', 'id int primary key, x text', "(1, '007'), (2, '7'), (3, 'yes'), (4, 'true'), (5, '1.0'), (6, '1')"),
    target: table('a', 'id int, x text', "(1, 'a'), (2, 'a'), (3, 'b'), (4, 'b'), (5, 'c'), (6, 'c')"),
    entities: { a: `${side('a')}, key: { id: id }, columns: { x: { from: x, values: { 007: a, yes: b, 1.0: c } } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '6: 3 verified, 3 differs | 6: 6 matched',
        differences: ['differs value {"id":"2"} x: 7 → a', 'differs value {"id":"4"} x: true → b', 'differs value {"id":"6"} x: 1 → c'],
      },
    },
  },
  {
    name: 'codes as part of the key: an unknown code pairs with nothing',
    source: table('a', 'id int, kind int', '(1, 1), (1, 2), (2, 9)'),
    target: table('a', 'id int, kind text', "(1, 'one'), (1, 'two'), (2, '9')"),
    entities: { a: `${side('a')}, key: { id: id, kind: { from: kind, values: { 1: one, 2: two } } }` },
    expected: {
      a: { verdict: 'fail', figures: '3: 2 verified, 1 missing | 3: 2 matched, 1 extra', differences: ['missing leg kind {"id":"2","kind":"9"}', 'extra ghost {"id":"2","kind":"9"} id 2 kind 9'] },
    },
  },
  {
    name: 'a key through two references: each leg by its own map, swapped legs pair with nothing',
    source: table('a', 'patient int, tag int', '(1, 2), (2, 1), (3, 3)'),
    target: `${table('a', 'patient int, tag int', '(10, 200), (10, 100)')}; ${table('p_map', 'legacy int, modern int', '(1, 10), (2, 20), (3, 30)')}; ${table('t_map', 'legacy int, modern int', '(1, 100), (2, 200)')}`,
    keyMaps: '$_p: { table: $_p_map, legacy: legacy, modern: modern }\n  $_t: { table: $_t_map, legacy: legacy, modern: modern }',
    entities: { a: `${side('a')}, key: { patient: { from: patient, references: $_p }, tag: { from: tag, references: $_t } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '3: 1 verified, 2 missing | 2: 1 matched, 1 extra',
        differences: ['missing plain {"patient":"2","tag":"1"}', 'missing leg tag {"patient":"3","tag":"3"}', 'extra ghost {"patient":"1","tag":"1"} patient 10 tag 100'],
      },
    },
  },
  {
    name: 'an ignored column is not compared; a column of neither is uncovered and warns',
    source: table('a', 'id int primary key, x text, y text', "(1, 'a', 'b')"),
    target: `${table('a', 'id int, x text, y text', "(1, 'z', 'z')")}; create view $_b as select * from $_a`,
    entities: {
      a: `${side('a')}, key: { id: id }, ignore: { source: { x: gone, y: gone }, target: { x: new, y: new } }, shared: true`,
      b: `${side('a', 'b')}, key: { id: id }, ignore: { source: { x: gone }, target: { x: new, y: new } }, shared: true`,
    },
    expected: { a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' }, b: { verdict: 'warn', figures: '1: 1 verified | 1: 1 matched' } },
    checks: { '$_a every column is covered': 'pass', '$_b every column is covered': 'warn' },
  },
  {
    name: 'same: all takes generated and identity columns too',
    source: 'create table $_a (id int generated always as identity, n int, twice int generated always as (n * 2) stored); insert into $_a (n) values (1), (2)',
    target: 'create table $_a (id int generated always as identity, n int, twice int generated always as (n * 3) stored); insert into $_a (n) values (1), (2)',
    entities: { a: `${side('a')}, key: { id: id }, same: all` },
    expected: {
      a: { verdict: 'fail', figures: '2: 2 differs | 2: 2 matched', differences: ['differs value {"id":"1"} twice: 2 → 3', 'differs value {"id":"2"} twice: 4 → 6'] },
    },
  },
  {
    name: 'what the plan calls pii is masked in keys and columns',
    source: table('a', 'ssn text primary key, name text, note text', "('123-45-6789', 'Ann', 'a'), ('987-65-4321', 'Bob', 'b')"),
    target: table('a', 'ssn text, name text, note text', "('123-45-6789', 'Eve', 'z'), ('000-00-0000', 'Bob', 'b')"),
    entities: { a: `${side('a')}, key: { ssn: { from: ssn, pii: true } }, columns: { name: { from: name, pii: true }, note: note }` },
    expected: {
      a: {
        verdict: 'fail', figures: '2: 1 differs, 1 missing | 2: 1 matched, 1 extra',
        differences: ['differs value {"ssn":"•••"} name: ••• → ••• note: a → z', 'missing plain {"ssn":"•••"}', 'extra ghost {"ssn":"•••"} ssn •••'],
      },
    },
  },
  {
    name: 'an empty target: every row is missing; an empty source: every row is extra',
    source: `${table('a', 'id int primary key', '(1), (2)')}; ${table('b', 'id int primary key', '')}`,
    target: `${table('a', 'id int', '')}; ${table('b', 'id int', '(3)')}`,
    entities: { a: `${side('a')}, key: { id: id }`, b: `${side('b')}, key: { id: id }` },
    expected: {
      a: { verdict: 'fail', figures: '2: 2 missing | 0: nothing', differences: ['missing plain {"id":"1"}', 'missing plain {"id":"2"}'] },
      b: { verdict: 'fail', figures: '0: nothing | 1: 1 extra', differences: ['extra ghost {"id":"3"} id 3'] },
    },
  },
  {
    name: 'both empty: 0 rows are told and warned of, never passed',
    source: table('a', 'id int primary key', ''),
    target: table('a', 'id int', ''),
    entities: { a: `${side('a')}, key: { id: id }` },
    expected: { a: { verdict: 'warn', figures: '0: nothing | 0: nothing' } },
    tables: { 'source $_a': 'warn: 0 once, 0 several, 0 unclaimed of 0', 'target $_a': 'warn: 0 once, 0 several, 0 unclaimed of 0' },
    checks: { '$_a the scope is not empty': 'warn', '$_a no row differs': 'warn' },
  },
  {
    name: 'everything excluded: nothing was proved',
    source: table('a', 'id int primary key', '(1)'),
    target: table('a', 'id int', ''),
    entities: { a: 'source: { table: $_a, exclude: [{ reason: all, where: "true" }] }, target: { table: $_a }, key: { id: id }' },
    expected: { a: { verdict: 'warn', figures: '1: 1 excluded | 0: nothing' } },
  },
  {
    name: 'a table that is not there: nothing is known, and nothing is 0',
    source: table('a', 'id int primary key', '(1)'),
    target: 'select 1',
    entities: { a: `${side('a')}, key: { id: id }` },
    expected: {
      a: { verdict: 'unknown', figures: '1: 1 unverified | null: null matched, null duplicate, null generated, null pending, null extra, null unverified', note: 'there is no table' },
    },
    tables: { 'source $_a': 'unknown: null once, null several, null unclaimed of null' },
  },
  {
   
    name: 'a map of numeric modern keys: 5.00 is 5',
    source: table('a', 'id int primary key, fk int', '(1, 1), (2, 2)'),
    target: `${table('a', 'id int, fk int', '(1, 5), (2, 6)')}; ${table('map', 'legacy int, modern numeric(9,2)', '(1, 5.00), (2, 7.00)')}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: id }, columns: { fk: { from: fk, references: $_map } }` },
    expected: { a: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs reference {"id":"2"} fk: 2 → 6 (no map entry)'] } },
  },
  {
   
    name: 'a map that stores uuids as text: letters of either case are the same uuid, on both of its sides',
    source: table('a', 'id uuid primary key, fk uuid', "('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')"),
    target: `${table('a', 'id uuid, fk uuid', "('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')")}; ${table('map', 'legacy text, modern text', "('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')")}`,
    keyMaps: map(),
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_map } }, columns: { fk: { from: fk, references: $_map } }` },
    expected: { a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
  },
  {
    name: 'modern keys of another type than the target has: a reference through the second legacy key is right',
    source: table('a', 'id int primary key, n int, u int', '(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 2, 1)'),
    target: `${table('a', 'id int, n int, u uuid', "(1, 10, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), (2, 10, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), (3, 10, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), (4, 11, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12')")};
      ${table('n', 'legacy int, modern numeric(10,2)', '(1, 10), (2, 10), (3, 11)')}; ${table('u', 'legacy int, modern text', "(1, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), (2, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), (3, 'B0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12')")}`,
    keyMaps: '$_n: { table: $_n, legacy: legacy, modern: modern }\n  $_u: { table: $_u, legacy: legacy, modern: modern }',
    entities: { a: `${side('a')}, key: { id: id }, columns: { n: { from: n, references: $_n }, u: { from: u, references: $_u } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '4: 2 verified, 2 differs | 4: 4 matched',
        differences: ['differs reference {"id":"3"} n: 3 → 10 (legacy 1) u: 3 → b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 (legacy 1)', 'differs reference {"id":"4"} n: 2 → 11 (legacy 3) u: 1 → b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12 (legacy 3)'],
      },
    },
    checks: { '$_a a modern key has one legacy key $_n': 'fail', '$_a a modern key has one legacy key $_u': 'fail' },
  },
  {
    name: 'one modern key written in two ways is one key: its entries are neither ambiguous nor multiply a row',
    source: table('a', 'id int primary key, n int', '(1, 1)'),
    target: `${table('a', 'id uuid, n int', "('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 10)")}; ${table('n', 'legacy int, modern numeric', '(1, 10), (1, 10.0)')}; ${table('u', 'legacy int, modern text unique', "(1, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), (1, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')")}`,
    keyMaps: '$_n: { table: $_n, legacy: legacy, modern: modern }\n  $_u: { table: $_u, legacy: legacy, modern: modern }',
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_u } }, columns: { n: { from: n, references: $_n } }` },
    expected: { a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } },
  },
  {
    name: 'twin: two legacy keys of it are told, and collapse like others, whatever index the map has',
    source: `${table('a', 'id int primary key, n int', '(1, 1), (2, 2)')}; ${table('b', 'id int primary key', '(1), (2)')}`,
    target: `${table('a', 'id uuid, n int', "('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 10)")}; ${table('b', 'id uuid', "('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')")}; ${table('n', 'legacy int, modern numeric', '(1, 10), (2, 10.0)')};
      ${table('u', 'legacy int primary key, modern text unique', "(1, 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), (2, 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')")}; create table $_v as select * from $_u`,
    keyMaps: '$_n: { table: $_n, legacy: legacy, modern: modern }\n  $_u: { table: $_u, legacy: legacy, modern: modern }\n  $_v: { table: $_v, legacy: legacy, modern: modern }',
    entities: { a: `${side('a')}, key: { id: { from: id, references: $_u } }, columns: { n: { from: n, references: $_n } }`, b: `${side('b')}, key: { id: { from: id, references: $_v } }` },
    expected: {
      a: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 1: 1 matched', differences: ['missing collapsed {"id":"2"}'] },
      b: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 1: 1 matched', differences: ['missing collapsed {"id":"2"}'] },
    },
    checks: { '$_a a modern key has one legacy key $_n': 'fail', '$_a a modern key has one legacy key $_u': 'fail', '$_b a modern key has one legacy key $_v': 'fail' },
  },
  {
   
    name: 'an excluded row under the larger key of a folded pair: its target row is extra, cause excluded',
    source: table('a', 'id int primary key, bad bool', '(2, true)'),
    target: `${table('a', 'id int', '(10)')}; ${table('map', 'legacy int, modern int', '(1, 10), (2, 10)')}`,
    keyMaps: map(),
    entities: { a: 'source: { table: $_a, exclude: [{ reason: bad, where: "src.bad" }] }, target: { table: $_a }, key: { id: { from: id, references: $_map } }' },
    expected: { a: { verdict: 'fail', figures: '1: 1 excluded | 1: 1 extra', differences: ['extra excluded {"id":"1"} id 10'] } },
  },
  {
    name: 'a type that somebody has called date holds a time',
    source: `${typeNamed('date', 'timestamp', 'timestamp_date')}; ${table('a', 'id int primary key, v $_ora.date', "(1, '2024-01-01 10:00'), (2, '2024-01-02 10:00')")}`,
    target: `${typeNamed('date', 'timestamp', 'timestamp_date')}; ${table('a', 'id int, v $_ora.date', "(1, '2024-01-01 23:00'), (2, '2024-01-02 10:00')")}`,
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"1"} v: 2024-01-01 10:00:00 → 2024-01-01 23:00:00'] } },
  },
  {
    name: 'a type that somebody has called int8 holds fractions, in arrays too',
    source: `${typeNamed('int8', 'float8', 'dtoi8')}; ${table('a', 'id int primary key, v $_ora.int8, w $_ora.int8[]', "(1, '1.2', '{1.2}'), (2, '1', '{1}')")}`,
    target: `${typeNamed('int8', 'float8', 'dtoi8')}; ${table('a', 'id int, v $_ora.int8, w $_ora.int8[]', "(1, '1.4', '{1.4}'), (2, '1', '{1}')")}`,
    entities: { a: `${side('a')}, key: { id: id }, same: [v, w]` },
    expected: { a: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"1"} v: 1.2 → 1.4 w: {1.2} → {1.4}'] } },
  },
  {
    name: 'a type that somebody has called date is no date',
    source: `${typeNamed('date', 'timestamp', 'timestamp_date')}; ${table('a', 'id int primary key, v $_ora.date', "(1, '2024-01-01 10:00')")}`,
    target: table('a', 'id int, v date', "(1, '2024-01-01')"),
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified', note: 'cannot be compared without losing something' } },
  },
  {
    name: 'a code of an interval is its text: thirty days are no month, and a month may be written as one likes',
    source: table('a', 'id int primary key, v interval', "(1, '1 mon'), (2, '30 days'), (3, '720:00')"),
    target: table('a', 'id int, v text', "(1, 'month'), (2, 'days'), (3, 'days')"),
    entities: { a: `${side('a')}, key: { id: id }, columns: { v: { from: v, values: { 30 days: days, 1 month: month } } }` },
    expected: { a: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs value {"id":"3"} v: 720:00:00 → days'] } },
  },
  {
    name: 'modern keys whose equality is coarser than they are: intervals, boxes of one area, citext',
    source: table('a', 'id int primary key, x int, y int, z int', '(1, 1, 1, 1), (2, 2, 2, 2)'),
    target: `create extension if not exists citext; ${table('a', 'id int, x interval, y box, z citext', "(1, '1 mon', '(1,1),(0,0)', 'A'), (2, '1 mon', '(1,1),(0,0)', 'A')")};
      ${table('spans', 'legacy int, modern interval', "(1, '1 mon'), (2, '30 days')")}; ${table('boxes', 'legacy int, modern box', "(1, '(1,1),(0,0)'), (2, '(2,0.5),(0,0)')")}; ${table('words', 'legacy int, modern citext', "(1, 'A'), (2, 'a')")}`,
    keyMaps: '$_spans: { table: $_spans, legacy: legacy, modern: modern }, $_boxes: { table: $_boxes, legacy: legacy, modern: modern }, $_words: { table: $_words, legacy: legacy, modern: modern }'.replaceAll(', $_', '\n  $_'),
    entities: { a: `${side('a')}, key: { id: id }, columns: { x: { from: x, references: $_spans }, y: { from: y, references: $_boxes }, z: { from: z, references: $_words } }` },
    expected: {
      a: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs reference {"id":"2"} x: 2 → 1 mon (legacy 1) y: 2 → (1,1),(0,0) (legacy 1) z: 2 → A (legacy 1)'] },
    },
  },
  {
    name: 'hstore in a schema of its own: the order of its keys is no value',
    source: `create schema $_ext; create extension hstore schema $_ext; ${table('a', 'id int primary key, v $_ext.hstore', "(1, 'a=>1,b=>2'), (2, 'a=>1'), (3, 'a=>1')")}`,
    target: `create schema $_ext; create extension hstore schema $_ext; ${table('a', 'id int, v $_ext.hstore', "(1, 'b=>2,a=>1'), (2, 'a=>2'), (3, 'a=>1')")}`,
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs value {"id":"2"} v: "a"=>"1" → "a"=>"2"'] } },
  },
  {
    name: 'functions of users whose arguments fit better than those of the server are not called in their place',
    source: `${shadows}; ${table('a', 'id int primary key, v bytea', "(1, 'one'), (2, 'two'), (3, 'three')")}`,
    target: `${shadows}; ${table('a', 'id int, v bytea', "(1, 'one'), (2, 'other'), (3, 'three')")}`,
    entities: { a: `${side('a')}, key: { id: id }, same: [v]` },
    expected: { a: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs value {"id":"2"} v: 74776f → 6f74686572'] } },
  },
]
