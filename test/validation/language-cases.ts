import type { Case } from './cases.js'
import { side, table } from './tables.js'

/** What the plan can say beyond columns and keys: merges, accepted values, references by a code, JSON in text, queries, bags and totals, each with twins that must be judged the other way. */
const map = (name: string, rest = '') => `$_${name}: { table: $_${name}, legacy: legacy, modern: modern${rest} }`
const merge = 'merge: { by: "lower(trim(src.email))", keep: "seen desc nulls last, id" }'
const doctors = table('doctor', 'id int primary key, email text, seen date, name text', "(1, 'a@x', '2020-01-01', 'Ann'), (2, ' A@X', '2021-01-01', 'Ann'), (3, 'b@x', null, 'Bob'), (4, null, null, 'Cy'), (5, null, null, 'Di')")
const mergedDoctors = `source: { table: $_doctor, ${merge} }, target: { table: $_doctor }, key: { id: { from: id, references: $_map } }, columns: { name: name }`

export const languageCases: Case[] = [
  {
    name: 'merge: a follower whose entry leads to the verified survivor is merged; NULL merges with nobody',
    source: doctors,
    target: `${table('doctor', 'id int, name text', "(20, 'Ann'), (30, 'Bob'), (40, 'Cy'), (50, 'Di')")}; ${table('map', 'legacy int, modern int', '(1, 20), (2, 20), (3, 30), (4, 40), (5, 50)')}`,
    keyMaps: map('map'), entities: { d: mergedDoctors },
    expected: { d: { verdict: 'pass', figures: '5: 4 verified, 1 merged | 4: 4 matched' } },
    checks: { '$_d merged rows agree': 'pass', '$_d a modern key has one legacy key $_map': 'pass' },
  },
  {
    name: 'merge: the same data without the declaration is a collapse',
    source: doctors,
    target: `${table('doctor', 'id int, name text', "(20, 'Ann'), (30, 'Bob'), (40, 'Cy'), (50, 'Di')")}; ${table('map', 'legacy int, modern int', '(1, 20), (2, 20), (3, 30), (4, 40), (5, 50)')}`,
    keyMaps: map('map'), entities: { d: mergedDoctors.replace(`, ${merge}`, '') },
    expected: { d: { verdict: 'fail', figures: '5: 4 verified, 1 missing | 4: 4 matched', differences: ['missing collapsed {"id":"2"}'] } },
    checks: { '$_d a modern key has one legacy key $_map': 'fail' },
  },
  {
    name: 'merge: no follower is merged into a survivor that differs',
    source: table('doctor', 'id int primary key, email text, seen date, name text', "(1, 'a', null, 'Ann'), (2, 'a', null, 'Ann'), (3, 'a', null, 'Ann'), (4, 'b', null, 'Bob')"),
    target: `${table('doctor', 'id int, name text', "(20, 'Anna'), (40, 'Bob')")}; ${table('map', 'legacy int, modern int', '(1, 20), (2, 20), (3, 20), (4, 40)')}`,
    keyMaps: map('map'), entities: { d: mergedDoctors },
    expected: {
      d: {
        verdict: 'fail', figures: '4: 1 verified, 1 differs, 2 unverified | 2: 2 matched',
        differences: ['differs value {"id":"1"} name: Ann → Anna', 'unverified survivor differs {"id":"2"}', 'unverified survivor differs {"id":"3"}'],
      },
    },
  },
  {
    name: 'merge: a follower without an entry, or with one that leads elsewhere, is missing; where the survivor is missing, so is it',
    source: table('doctor', 'id int primary key, email text, seen date, name text', "(1, 'a', null, 'Ann'), (2, 'a', null, 'Ann'), (3, 'a', null, 'Ann'), (4, 'b', null, 'Bob'), (5, 'b', null, 'Bob')"),
    target: `${table('doctor', 'id int, name text', "(20, 'Ann'), (30, 'Ann')")}; ${table('map', 'legacy int, modern int', '(1, 20), (3, 30), (4, 40), (5, 40)')}`,
    keyMaps: map('map'), entities: { d: mergedDoctors },
    expected: {
      d: {
        verdict: 'fail', figures: '5: 1 verified, 4 missing | 2: 1 matched, 1 extra',
        differences: ['missing no map entry {"id":"2"}', 'missing map leads elsewhere {"id":"3"}', 'missing map leads nowhere {"id":"4"}', 'missing survivor missing {"id":"5"}', 'extra merged {"id":"3"} id 30'],
      },
    },
  },
  {
    name: 'merge: a follower without an entry is pending while its change is young, before it is explained or missing',
    source: table('a', 'id int primary key, grp text, at timestamptz', "(1, 'a', '2020-01-01'), (2, 'a', now()), (3, 'a', now()), (4, 'a', '2020-01-01'), (5, 'a', '2020-01-01'), (6, 'a', now())"),
    target: `${table('a', 'id int, grp text', "(10, 'a')")}; ${table('map', 'legacy int, modern int', '(1, 10), (6, 10)')}`,
    keyMaps: map('map'),
    entities: { a: 'source: { table: $_a, merge: { by: grp, keep: id }, changedAt: at, lag: 1 hour }, target: { table: $_a }, key: { id: { from: id, references: $_map } }, same: [grp], ignore: { source: { at: tells when } }, explained: [{ reason: lost, where: "src.id in (3, 4)" }]' },
    expected: {
      a: {
        verdict: 'fail', figures: '6: 1 verified, 1 merged, 1 explained, 2 pending, 1 missing | 1: 1 matched',
        differences: ['pending changed recently {"id":"2"}', 'pending changed recently {"id":"3"}', 'explained lost {"id":"4"}', 'missing no map entry {"id":"5"}'],
      },
    },
  },
  {
    name: 'merge: a follower without an entry is explained by its parent like other rows',
    source: `${table('p', 'id int primary key', '(5), (6)')}; ${table('a', 'id int primary key, grp text, p int', "(1, 'a', 5), (2, 'a', 77), (3, 'b', 77), (4, 'a', 6)")}`,
    target: `${table('p', 'id int', '(50)')}; ${table('pm', 'legacy int, modern int', '(5, 50)')}; ${table('a', 'id int, grp text, p int', "(10, 'a', 50)")}; ${table('map', 'legacy int, modern int', '(1, 10)')}`,
    keyMaps: `${map('map')}\n  $_pm: { table: $_pm, legacy: legacy, modern: modern }`,
    entities: {
      p: `${side('p')}, key: { id: { from: id, references: $_pm } }`,
      a: 'source: { table: $_a, merge: { by: grp, keep: id } }, target: { table: $_a }, key: { id: { from: id, references: $_map } }, same: [grp], columns: { p: { from: p, references: $_pm } }, explained: [{ reason: lost, parent: p }]',
    },
    expected: {
      p: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 1: 1 matched', differences: ['missing no map entry {"id":"6"}'] },
      a: { verdict: 'fail', figures: '4: 1 verified, 2 explained, 1 missing | 1: 1 matched', differences: ['explained lost {"id":"2"}', 'explained lost {"id":"3"}', 'missing no map entry {"id":"4"}'] },
    },
  },
  {
    name: 'merge: of survivors under one key each follower takes the fate of its own',
    source: `${table('a', 'rn int primary key, id int, grp text, v int, why boolean', "(1, 1, 'a', 1, false), (2, 1, 'b', 9, true), (3, 5, 'a', 1, false), (4, 6, 'b', 9, false), (5, 2, 'c', 1, true), (6, 2, 'd', 2, false), (7, 7, 'c', 1, false), (8, 8, 'd', 2, false)")}`,
    target: table('a', 'id int, grp text, v int', "(1, 'a', 1)"),
    entities: { a: 'source: { table: $_a, merge: { by: grp, keep: rn } }, target: { table: $_a }, key: { id: id }, same: [grp, v], ignore: { source: { rn: an order } }, explained: [{ reason: why, where: src.why }]' },
    expected: {
      a: {
        verdict: 'fail', figures: '8: 1 verified, 1 merged, 4 explained, 2 missing | 1: 1 matched',
        differences: ['explained why {"id":"1"}', 'explained why {"id":"6"}', 'explained why {"id":"2"}', 'explained why {"id":"7"}', 'missing plain {"id":"2"}', 'missing survivor missing {"id":"8"}'],
      },
    },
  },
  {
    name: 'merge: what a follower loses against the survivor is a conflict, and warns',
    source: table('doctor', 'id int primary key, email text, seen date, name text', "(1, 'a', '2020-01-01', 'Ann'), (2, 'a', '2019-01-01', 'Anna')"),
    target: `${table('doctor', 'id int, name text', "(20, 'Ann')")}; ${table('map', 'legacy int, modern int', '(1, 20), (2, 20)')}`,
    keyMaps: map('map'), entities: { d: mergedDoctors },
    expected: { d: { verdict: 'warn', figures: '2: 1 verified, 1 merged | 1: 1 matched', differences: ['merged conflict {"id":"2"} name Ann'] } },
    checks: { '$_d merged rows agree': 'warn' },
  },
  {
    name: 'merge: what a follower loses is told where every column is a leg',
    source: table('a', 'mail text, name text', "('a', 'Ann'), ('a', 'Bo')"),
    target: table('a', 'mail text, name text', "('a', 'Ann')"),
    entities: { a: 'source: { table: $_a, merge: { by: mail, keep: name } }, target: { table: $_a }, key: all, same: [mail, name]' },
    expected: { a: { verdict: 'warn', figures: '2: 1 verified, 1 merged | 1: 1 matched', differences: ['merged conflict {"mail":"a","name":"Bo"} name Ann'] } },
  },
  {
    name: 'merge: a follower loses no reference that leads to the same row, and no other notation of a value',
    source: `${table('clinic', 'id int primary key, name text', "(1, 'c'), (2, 'c'), (3, 'd')")}; ${table('doctor', 'id int primary key, mail text, clinic int, v jsonb', `(1, 'a', 1, '{"n": 1.0}'), (2, 'a', 2, '{"n": 1.00}'), (3, 'a', 3, '{"n": 1.0}'), (4, 'a', 1, '{"n": 2.0}')`)}`,
    target: `${table('clinic', 'id int, name text', "(10, 'c'), (30, 'd')")}; ${table('doctor', 'id int, mail text, clinic int, v jsonb', `(70, 'a', 10, '{"n": 1}')`)}; ${table('clinics', 'legacy int, modern int', '(1, 10), (2, 10), (3, 30)')}; ${table('map', 'legacy int, modern int', '(1, 70), (2, 70), (3, 70), (4, 70)')}`,
    keyMaps: `${map('map')}\n  ${map('clinics')}`,
    entities: {
      c: 'source: { table: $_clinic, merge: { by: name, keep: id } }, target: { table: $_clinic }, key: { id: { from: id, references: $_clinics } }, same: [name]',
      d: 'source: { table: $_doctor, merge: { by: mail, keep: id } }, target: { table: $_doctor }, key: { id: { from: id, references: $_map } }, same: [mail, v], columns: { clinic: { from: clinic, references: $_clinics } }',
    },
    expected: {
      c: { verdict: 'pass', figures: '3: 2 verified, 1 merged | 2: 2 matched' },
      d: { verdict: 'warn', figures: '4: 1 verified, 3 merged | 1: 1 matched', differences: ['merged conflict {"id":"3"} clinic 1', 'merged conflict {"id":"4"} v {"n": 1.0}'] },
    },
  },
  {
    name: 'merge without a key map: followers have no row of their own, and one that has is extra',
    source: table('doctor', 'id int primary key, email text, seen date, name text', "(1, 'a', null, 'Ann'), (2, 'a', null, 'Ann'), (3, 'b', null, 'Bob'), (4, 'b', null, 'Bob')"),
    target: table('doctor', 'id int, name text', "(1, 'Ann'), (3, 'Bob'), (4, 'Bob')"),
    entities: { d: mergedDoctors.replace('{ from: id, references: $_map }', 'id') },
    expected: { d: { verdict: 'fail', figures: '4: 2 verified, 2 merged | 3: 2 matched, 1 extra', differences: ['extra merged {"id":"4"} id 4'] } },
  },
  {
    name: 'merge: the excluded, and those of another share, neither survive nor follow',
    source: table('doctor', 'id int primary key, email text, seen date, name text', "(1, 'a', '2022-01-01', 'test'), (2, 'a', '2021-01-01', 'Ann'), (3, 'a', '2020-01-01', 'Ann'), (4, 'a', '2023-01-01', 'nurse')"),
    target: `${table('doctor', 'id int, name text', "(20, 'Ann')")}; ${table('map', 'legacy int, modern int', '(2, 20), (3, 20)')}`,
    keyMaps: map('map'),
    entities: { d: mergedDoctors.replace(merge, `${merge}, where: "src.name <> 'nurse'", exclude: [{ reason: test rows, where: "src.name = 'test'" }]`) },
    expected: { d: { verdict: 'pass', figures: '3: 1 excluded, 1 verified, 1 merged | 1: 1 matched' } },
  },
  {
    name: 'a total leaves out what is accepted with another value, and finds what beside it is not there',
    source: `${table('a', 'id int primary key, rate numeric', '(1, 0.5), (2, 150)')}; ${table('b', 'id int primary key, rate numeric', '(1, 0.5), (2, 150), (3, 7)')}`,
    target: `${table('a', 'id int, rate numeric', '(1, 0.5), (2, 99.99)')}; ${table('b', 'id int, rate numeric', '(1, 0.5), (2, 99.99)')}`,
    entities: Object.fromEntries(['a', 'b'].map((name) => [name, `${side(name)}, key: { id: id }, columns: { rate: { from: rate, accept: [{ reason: capped, where: "src.rate > 99.99", value: "99.99" }] } }, totals: [{ sum: rate }]`])),
    expected: {
      a: { verdict: 'warn', figures: '2: 1 verified, 1 accepted | 2: 2 matched', differences: ['accepted capped {"id":"2"} rate 99.99'] },
      b: { verdict: 'fail', figures: '3: 1 verified, 1 accepted, 1 missing | 2: 2 matched', differences: ['accepted capped {"id":"2"} rate 99.99', 'missing plain {"id":"3"}'] },
    },
    checks: { '$_a the total agrees rate': 'pass', '$_b the total agrees rate': 'fail' },
  },
  {
    name: 'accept: a declared other value is accepted, any other differs, and equality comes first',
    source: table('a', 'id int primary key, rate numeric', '(1, 0.5), (2, 150), (3, 200), (4, null)'),
    target: table('a', 'id int, rate numeric', '(1, 0.50), (2, 99.99), (3, 99), (4, 0)'),
    entities: { a: `${side('a')}, key: { id: id }, columns: { rate: { from: rate, accept: [{ reason: capped, where: "src.rate > 99.99", value: "99.99" }, { reason: made zero, where: "src.rate is null", value: "0" }] } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '4: 1 verified, 2 accepted, 1 differs | 4: 4 matched',
        differences: ['accepted capped {"id":"2"} rate 99.99', 'differs value {"id":"3"} rate: 200 → 99', 'accepted made zero {"id":"4"} rate 0'],
      },
    },
  },
  {
    name: 'accept: NULL as the value, and a value by its type where texts differ',
    source: table('a', 'id int primary key, doc jsonb', `(1, '{"a": 1}'), (2, '{"a": 2}')`),
    target: table('a', 'id int, doc jsonb', `(1, null), (2, '{"n": 1.00}')`),
    entities: { a: `${side('a')}, key: { id: id }, columns: { doc: { from: doc, accept: [{ reason: emptied, value: "null::jsonb" }, { reason: replaced, value: "'{\\"n\\": 1.0}'::jsonb" }] } }` },
    expected: { a: { verdict: 'warn', figures: '2: 2 accepted | 2: 2 matched', differences: ['accepted emptied {"id":"1"} doc NULL', 'accepted replaced {"id":"2"} doc {"n": 1.00}'] } },
  },
  {
    name: 'accept: a default in place of a reference that is lost; undeclared it differs',
    source: `${table('doctor', 'id int primary key', '(5)')}; ${table('a', 'id int primary key, doctor int', '(1, 5), (2, 9), (3, null), (4, 9)')}`,
    target: `${table('a', 'id int, doctor uuid', "(1, '00000000-0000-4000-8000-000000000005'), (2, '00000000-0000-4000-8000-00000000000f'), (3, '00000000-0000-4000-8000-00000000000f'), (4, '00000000-0000-4000-8000-00000000000e')")}; ` +
      table('map', 'legacy int, modern uuid', "(5, '00000000-0000-4000-8000-000000000005')"),
    keyMaps: map('map'),
    entities: {
      a: `${side('a')}, key: { id: id }, columns: { doctor: { from: doctor, references: $_map, accept: [{ reason: default doctor, where: "src.doctor is not null and not exists (select from $_doctor d where d.id = src.doctor)", value: "'00000000-0000-4000-8000-00000000000f'" }] } }`,
    },
    expected: {
      a: {
        verdict: 'fail', figures: '4: 1 verified, 1 accepted, 2 differs | 4: 4 matched',
        differences: [
          'accepted default doctor {"id":"2"} doctor 00000000-0000-4000-8000-00000000000f (no map entry)', 'differs reference {"id":"3"} doctor: NULL → 00000000-0000-4000-8000-00000000000f (no map entry)',
          'differs reference {"id":"4"} doctor: 9 → 00000000-0000-4000-8000-00000000000e (no map entry)',
        ],
      },
    },
  },
  {
    name: 'as json: text is compared as JSON, and what cannot be read equals nothing but what is declared',
    source: table('a', 'id int primary key, doc text', `(1, '{"a":1, "b":2}'), (2, '{bad'), (3, '{worse'), (4, null), (5, '{"a":1}'), (6, '"text"')`),
    target: table('a', 'id int, doc jsonb', `(1, '{"b":2,"a":1.0}'), (2, '"{bad"'), (3, '{"x":1}'), (4, null), (5, '{"a":2}'), (6, '{}')`),
    entities: { a: `${side('a')}, key: { id: id }, columns: { doc: { from: doc, as: json, accept: [{ reason: kept as text, value: "to_jsonb(src.doc)" }, { reason: emptied, where: "src.doc like '\\"%'", value: "'{}'::jsonb" }] } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '6: 2 verified, 2 accepted, 2 differs | 6: 6 matched',
        differences: ['accepted kept as text {"id":"2"} doc "{bad"', 'differs value {"id":"3"} doc: {worse → {"x": 1}', 'differs value {"id":"5"} doc: {"a": 1} → {"a": 2}', 'accepted emptied {"id":"6"} doc {}'],
      },
    },
  },
  {
    name: 'as json: a broken text does not equal the same broken text, unless it is declared',
    source: table('a', 'id int primary key, doc text', "(1, '{bad'), (2, '{}')"),
    target: table('a', 'id int, doc text', "(1, '{bad'), (2, ' { } ')"),
    entities: {
      a: `${side('a')}, shared: true, key: { id: id }, columns: { doc: { from: doc, as: json } }`,
      b: `${side('a')}, shared: true, key: { id: id }, columns: { doc: { from: doc, as: json, accept: [{ reason: kept broken, value: src.doc }] } }`,
    },
    expected: {
      a: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"1"} doc: {bad → {bad'] },
      b: { verdict: 'warn', figures: '2: 1 verified, 1 accepted | 2: 2 matched', differences: ['accepted kept broken {"id":"1"} doc {bad'] },
    },
  },
  {
    name: 'references by a code: each row goes through its own map, and an unknown code equals nothing',
    source: table('a', 'id int primary key, kind int, target int', '(1, 11, 7), (2, 58, 7), (3, 58, 7), (4, 99, 7), (5, 11, null), (6, 11, 8), (7, null, 7)'),
    target: `${table('a', 'id int, target int', '(1, 100), (2, 200), (3, 100), (4, 100), (5, null), (6, null), (7, 100)')}; ${table('patient', 'legacy int, modern int', '(7, 100)')}; ${table('user', 'legacy text, modern int', "('7', 200), ('x', 1)")}`,
    keyMaps: `${map('patient')}\n  ${map('user')}`,
    entities: { a: `${side('a')}, key: { id: id }, columns: { target: { from: target, references: { by: kind, 11: $_patient, 58: $_user } } }` },
    expected: {
      a: {
        verdict: 'fail', figures: '7: 3 verified, 4 differs | 7: 7 matched',
        differences: [
          'differs reference {"id":"3"} target: $_user 7 → 100 (legacy $_patient 7)', 'differs reference {"id":"4"} target: 99 7 → 100 (legacy $_patient 7)', 'differs reference {"id":"6"} target: $_patient 8 → NULL',
          'differs reference {"id":"7"} target: NULL 7 → 100 (legacy $_patient 7)',
        ],
      },
    },
  },
  {
    name: 'references by a code in the key, with modern keys that several maps share',
    source: table('a', 'kind text, target int, note text', "('p', 1, 'x'), ('u', 1, 'y'), ('u', 2, 'z'), ('q', 1, 'w')"),
    target: `${table('a', 'kind text, target int, note text', "('p', 5, 'x'), ('u', 5, 'y'), ('u', 6, 'wrong')")}; ${table('patient', 'legacy int, modern int', '(1, 5)')}; ${table('user', 'legacy int, modern int', '(1, 5), (2, 6)')}`,
    keyMaps: `${map('patient')}\n  ${map('user')}`,
    entities: { a: `${side('a')}, key: { kind: kind, target: { from: target, references: { by: kind, p: $_patient, u: $_user } } }, columns: { note: note }` },
    expected: {
      a: {
        verdict: 'fail', figures: '4: 2 verified, 1 differs, 1 missing | 3: 3 matched',
        differences: ['differs value {"kind":"u","target":"$_user 2"} note: z → wrong', 'missing leg target {"kind":"q","target":"q 1"}'],
      },
    },
  },
  {
    name: 'a query in place of a table, which accounts for the table whose primary key it returns',
    source: `${table('file', 'id int primary key, form int, name text', "(1, 1, 'a'), (2, 2, 'b'), (3, 9, 'c')")}; ${table('form', 'id int primary key, case_id int', '(1, 10), (2, 20)')}`,
    target: table('case_file', 'file_id int, case_id int, name text', "(1, 10, 'a'), (2, 21, 'b')"),
    entities: {
      f: 'source: { query: "select f.id, m.case_id, f.name from $_file f join $_form m on m.id = f.form", covers: $_file }, target: { table: $_case_file }, key: { file_id: id, case_id: case_id }, same: [name]',
    },
    expected: { f: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 2: 1 matched, 1 extra', differences: ['missing plain {"case_id":"20","file_id":"2"}', 'extra ghost {"case_id":"21","file_id":"2"} file_id 2 case_id 21'] } },
    tables: { 'source $_file': 'fail: 2 once, 0 several, 1 unclaimed of 3' },
  },
  {
    name: 'a query over a table joined with itself accounts for the rows whose key is that of the entity',
    source: table('emp', 'id int primary key, boss int', '(1, 2), (2, null), (3, 2)'),
    target: table('emp', 'id int primary key, boss int', '(1, 2), (2, null), (3, 2)'),
    entities: { a: 'source: { query: "select m.id as boss, e.id as id from $_emp e left join $_emp m on m.id = e.boss", covers: $_emp }, target: { table: $_emp }, key: { id: id }, same: [boss]' },
    expected: { a: { verdict: 'pass', figures: '3: 3 verified | 3: 3 matched' } },
    tables: { 'source $_emp': 'pass: 3 once, 0 several, 0 unclaimed of 3' },
  },
  {
    name: 'a query that does not return the primary key cannot say which rows it accounts for',
    source: table('file', 'id int primary key, name text', "(1, 'a'), (2, 'b')"),
    target: table('file', 'id int, name text', "(1, 'a'), (2, 'b')"),
    entities: { f: 'source: { query: "select f.id + 0 as id, f.name from $_file f", covers: $_file }, target: { table: $_file }, key: { id: id }, same: [name]' },
    expected: { f: { verdict: 'warn', figures: '2: 2 verified | 2: 2 matched' } },
    tables: { 'source $_file': 'unknown: null once, null several, null unclaimed of 2' },
    checks: { '$_f the plan fits both databases': 'warn' },
  },
  {
    name: 'a natural key map over queries',
    source: `${table('country', 'id int primary key, iso text', "(1, 'de'), (2, 'fr')")}; ${table('a', 'id int primary key, country int', '(1, 1), (2, 2), (3, 3)')}`,
    target: `${table('country', 'id int, code text', "(10, 'DE'), (20, 'FR')")}; ${table('a', 'id int, country int', '(1, 10), (2, 10), (3, 30)')}`,
    keyMaps: `$_country: { source: { query: "select id as key, upper(iso) as natural from $_country" }, target: { query: "select id as key, code as natural from $_country" } }`,
    entities: { a: `${side('a')}, key: { id: id }, columns: { country: { from: country, references: $_country } }` },
    expected: {
      a: { verdict: 'fail', figures: '3: 1 verified, 2 differs | 3: 3 matched', differences: ['differs reference {"id":"2"} country: FR → 10 (natural DE)', 'differs reference {"id":"3"} country: 3 → 30 (no map entry)'] },
    },
  },
  {
    name: 'key all: rows may repeat, as many are expected as there are, and a row of nothing but NULL is one',
    source: table('a', 'x int, y text', "(1, 'a'), (1, 'a'), (1, 'a'), (2, null), (null, null), (3, 'c')"),
    target: table('a', 'x int, y text', "(1, 'a'), (1, 'a'), (2, null), (2, null), (null, null), (3, 'C')"),
    entities: { a: `${side('a')}, key: all, same: [x, y]` },
    expected: {
      a: {
        verdict: 'fail', figures: '6: 4 verified, 2 missing | 6: 4 matched, 1 duplicate, 1 extra',
        differences: ['missing plain {"x":"1","y":"a"}', 'missing plain {"x":"3","y":"c"}', 'duplicate {"x":"2","y":null} x 2 y NULL', 'extra ghost {"x":"3","y":"C"} x 3 y C'],
      },
    },
    checks: { '$_a the source key is unique': 'pass' },
  },
  {
    name: 'key all: equal bags pass',
    source: table('a', 'x int, y text', "(1, 'a'), (1, 'a'), (null, 'b')"),
    target: table('a', 'y text, x int', "('b', null), ('a', 1), ('a', 1)"),
    entities: { a: `${side('a')}, key: all, same: all` },
    expected: { a: { verdict: 'pass', figures: '3: 3 verified | 3: 3 matched' } },
  },
  {
    name: 'values with other in a key: the row pairs by it, and is accepted',
    source: table('a', 'code int, name text', "(1, 'one'), (9, 'odd'), (8, 'even')"),
    target: table('a', 'code text, name text', "('a', 'one'), ('x', 'odd')"),
    entities: { a: `${side('a')}, key: { code: { from: code, values: { 1: a, 8: h, other: x } } }, same: [name]` },
    expected: { a: { verdict: 'fail', figures: '3: 1 verified, 1 accepted, 1 missing | 2: 2 matched', differences: ['accepted other value of code {"code":"x"}', 'missing plain {"code":"h"}'] } },
  },
  {
    name: 'totals: exact sums by group, NULL a group like others; explained rows are not expected, missing ones are',
    source: table('a', 'id int primary key, cur text, amount numeric', "(1, 'EUR', 10.10), (2, 'EUR', 0.20), (3, null, 5), (4, 'USD', 7), (5, 'USD', 100)"),
    target: table('a', 'id int, cur text, amount numeric', "(1, 'EUR', 10.1), (2, 'EUR', 0.2), (3, null, 5), (4, 'USD', 7)"),
    entities: {
      a: `${side('a')}, shared: true, key: { id: id }, same: [cur, amount], explained: [{ reason: lost, where: "src.id = 5" }], totals: [{ sum: amount, by: [cur] }, { sum: [amount, id] }]`,
      b: `${side('a')}, shared: true, key: { id: id }, same: [cur, amount], totals: [{ sum: amount, by: [cur] }]`,
    },
    expected: {
      a: { verdict: 'warn', figures: '5: 4 verified, 1 explained | 4: 4 matched', differences: ['explained lost {"id":"5"}'] },
      b: { verdict: 'fail', figures: '5: 4 verified, 1 missing | 4: 4 matched', differences: ['missing plain {"id":"5"}'] },
    },
    checks: { '$_a the total agrees amount by cur': 'pass', '$_a the total agrees amount': 'pass', '$_a the total agrees id': 'pass', '$_b the total agrees amount by cur': 'fail' },
  },
  {
    name: 'totals: a tolerance allows as much for each row, merged rows are not expected, generated ones not counted',
    source: table('a', 'id int primary key, grp text, amount numeric', "(1, 'x', 1.001), (2, 'x', 2.001), (3, 'y', 5), (4, 'y', 5)"),
    target: table('a', 'id int, amount numeric', '(1, 1), (2, 2), (3, 5), (-1, 1000)'),
    entities: {
      a: 'source: { table: $_a, where: "src.id < 3" }, target: { table: $_a, where: "tgt.id < 3", generated: [{ reason: made up, where: "tgt.id = -1" }] }, shared: true, key: { id: id }, columns: { amount: { from: amount, tolerance: 0.002 } }, ignore: { source: { grp: only a group } }, totals: [{ sum: amount }]',
      b: 'source: { table: $_a, where: "src.id > 2", merge: { by: grp, keep: id } }, target: { table: $_a, where: "tgt.id = 3" }, shared: true, key: { id: id }, same: [amount], totals: [{ sum: amount }]',
    },
    expected: {
      a: { verdict: 'pass', figures: '2: 2 verified | 3: 2 matched, 1 generated' },
      b: { verdict: 'pass', figures: '2: 1 verified, 1 merged | 1: 1 matched' },
    },
    checks: { '$_a the total agrees amount': 'pass', '$_b the total agrees amount': 'pass' },
  },
  {
    name: 'totals: a row that is accepted by the other value of a code is expected with that value, in the sum and as a group',
    source: `${table('a', 'id int primary key, code int, fee int, amount int', '(1, 1, 1, 5), (2, 9, 1, 7), (3, 8, 9, 20), (4, 9, 9, 100)')}; ${table('b', 'id int primary key, code int, amount int', '(1, 1, 5), (2, 9, 7)')}`,
    target: `${table('a', 'id int, code text, fee int, amount int', "(1, 'x', 10, 5), (2, 'u', 10, 7), (3, 'u', 99, 20), (5, 'u', 99, 100)")}; ${table('b', 'id int, code text, amount int', "(1, 'x', 5), (2, null, 7)")}`,
    entities: {
      a: 'source: { table: $_a }, target: { table: $_a, generated: [{ reason: made up, where: tgt.id = 5 }] }, key: { id: id }, same: [amount], columns: { code: { from: code, values: { 1: x, other: u } }, fee: { from: fee, values: { 1: 10, other: 99 } } }, ' +
        'explained: [{ reason: lost, where: src.id = 4 }], totals: [{ sum: [amount, fee], by: [code] }]',
      b: `${side('b')}, key: { id: id }, same: [amount], columns: { code: { from: code, values: { 1: x, other: null } } }, totals: [{ sum: amount, by: [code] }]`,
    },
    expected: {
      a: { verdict: 'warn', figures: '4: 1 verified, 2 accepted, 1 explained | 4: 3 matched, 1 generated', differences: ['accepted other value of code {"id":"2"} code u', 'accepted other value of code; other value of fee {"id":"3"} code u fee 99', 'explained lost {"id":"4"}'] },
      b: { verdict: 'warn', figures: '2: 1 verified, 1 accepted | 2: 2 matched', differences: ['accepted other value of code {"id":"2"} code NULL'] },
    },
    checks: { '$_a the total agrees amount by code': 'pass', '$_a the total agrees fee by code': 'pass', '$_b the total agrees amount by code': 'pass' },
  },
]
