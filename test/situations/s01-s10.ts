import { side, table } from '../validation/tables.js'
import { keyMap, map, rewritten, twin, type Situation } from './situation.js'

const offices = {
  name: 'only valid offices are in scope; the rest is excluded by a named reason',
  source: `${table('dispatch_office', 'id int primary key, name text, valid bool')}; insert into $_dispatch_office select i, 'office ' || i, case when i <= 546 then true when i % 2 = 0 then false end from generate_series(1, 897) i`,
  target: `${table('offices', 'id int, legacy_office_id int, name text')}; insert into $_offices select 10000 + i, i, 'office ' || i from generate_series(1, 546) i`,
  keyMaps: '$_office: { table: $_offices, legacy: legacy_office_id, modern: id }',
  entities: {
    offices: 'source: { table: $_dispatch_office, exclude: [{ reason: office is not valid, where: "src.valid is not true" }] }, target: { table: $_offices }, key: { id: { from: id, references: $_office } }, same: [name], ignore: { target: { legacy_office_id: the key map } }',
  },
  expected: { offices: { verdict: 'pass' as const, figures: '897: 351 excluded, 546 verified | 546: 546 matched' } },
  tables: { 'source $_dispatch_office': 'pass: 897 once, 0 several, 0 unclaimed of 897' },
}

const notifications = {
  name: 'what nobody migrates is excluded with its reason, and the raw count stays in sight',
  source: `${table('dispatch_notification', 'id int primary key, body text, seen bool')}; insert into $_dispatch_notification select i, 'b', i <= 20 from generate_series(1, 59) i`,
  target: `${table('notifications', 'id int, body text')}; insert into $_notifications select i, 'b' from generate_series(1, 20) i`,
  entities: { notifications: 'source: { table: $_dispatch_notification, exclude: [{ reason: never seen by anybody, where: "src.seen is not true" }] }, target: { table: $_notifications }, key: { id: id }, same: [body]' },
  expected: { notifications: { verdict: 'pass' as const, figures: '59: 39 excluded, 20 verified | 20: 20 matched' } },
  tables: { 'source $_dispatch_notification': 'pass: 59 once, 0 several, 0 unclaimed of 59' },
}

/** Order 1 arrived, order 2 did not, order 9 is not there. */
const chain = {
  source: `${table('dispatch_order', 'id int primary key, total numeric', '(1, 10), (2, 20)')}; ${table('dispatch_item', 'id int primary key, order_id int', '(11, 1), (12, 1), (19, 9)')}`,
  target: `${map('order_map', '(1, 101), (2, 102)')}; ${table('orders', 'id int, total numeric', '(101, 10), (102, 20)')}; ${map('item_map', '(11, 211), (12, 212)')}; ${table('items', 'id int, order_id int', '(211, 101), (212, 101)')}`,
  keyMaps: `${keyMap('order_map')}\n  ${keyMap('item_map')}`,
}
const orders = `${side('dispatch_order', 'orders')}, key: { id: { from: id, references: $_order_map } }, same: [total]`
const items = `${side('dispatch_item', 'items')}, key: { id: { from: id, references: $_item_map } }, columns: { order_id: { from: order_id, references: $_order_map } }`
const broken = {
  ...chain,
  name: 'an item whose order is gone at the source is explained, with its key',
  entities: { orders, items: `${items}, explained: [{ reason: order is gone at the source, parent: order_id }]` },
  expected: {
    orders: { verdict: 'pass' as const, figures: '2: 2 verified | 2: 2 matched' },
    items: { verdict: 'warn' as const, figures: '3: 2 verified, 1 explained | 2: 2 matched', differences: ['explained order is gone at the source {"id":"19"}'] },
  },
}

const offers = {
  name: 'a discount is missing because its offer is: the offer is counted as the root, its dependents are attributed to it',
  source: `${table('dispatch_offer', 'id int primary key, price numeric', '(1, 100), (2, 200)')}; ${table('dispatch_discount', 'id int primary key, offer_id int, percent int', '(11, 1, 5), (12, 2, 5), (13, 2, 10), (14, 1, 10)')}`,
  target: `${map('offer_map', '(1, 101)')}; ${table('offers', 'id int, price numeric', '(101, 100)')}; ${map('discount_map', '(11, 211), (14, 214)')}; ${table('discounts', 'id int, offer_id int, percent int', '(211, 101, 5), (214, 101, 10)')}`,
  keyMaps: `${keyMap('offer_map')}\n  ${keyMap('discount_map')}`,
  entities: {
    offers: `${side('dispatch_offer', 'offers')}, key: { id: { from: id, references: $_offer_map } }, same: [price]`,
    discounts: `${side('dispatch_discount', 'discounts')}, key: { id: { from: id, references: $_discount_map } }, same: [percent], columns: { offer_id: { from: offer_id, references: $_offer_map } }`,
  },
  expected: {
    offers: { verdict: 'fail' as const, figures: '2: 1 verified, 1 missing | 1: 1 matched', differences: ['missing no map entry {"id":"2"}'] },
    discounts: { verdict: 'fail' as const, figures: '4: 2 verified, 2 missing | 2: 2 matched', differences: ['missing parent {"id":"12"} offer_id NULL', 'missing parent {"id":"13"} offer_id NULL'] },
  },
}

const business = {
  name: 'a declared rule, tested row by row: offers of doctors without an order do not arrive, and the sums of the rest agree',
  source: `${table('dispatch_order', 'id int primary key, doctor_id int', '(1, 1)')}; ${table('dispatch_offer', 'id int primary key, doctor_id int, amount numeric(9, 2)')}; insert into $_dispatch_offer select i, case when i <= 393 then 1 else 2 end, 1.10 from generate_series(1, 788) i`,
  target: `${table('offers', 'id int, doctor_id int, amount numeric(9, 2)')}; insert into $_offers select i, 1, 1.10 from generate_series(1, 393) i`,
  ignore: { source: '$_dispatch_order: only looked at' },
  entities: {
    offers: `${side('dispatch_offer', 'offers')}, key: { id: id }, same: all, explained: [{ reason: doctor has no order, where: "not exists (select from $_dispatch_order o where o.doctor_id = src.doctor_id)" }], totals: [{ sum: amount }]`,
  },
  expected: { offers: { verdict: 'warn' as const, figures: '788: 393 verified, 395 explained | 393: 393 matched', summary: ['395 explained doctor has no order'] } },
  checks: { '$_offers the total agrees amount': 'pass' as const },
}

const payloads = {
  name: 'rejected, kept as text, emptied and faithful are four different results',
  source: table('dispatch_event', 'id int primary key, payload text', `(1, '{"a": 1, "b": 2}'), (2, '{bad'), (3, '{worse'), (4, '{worst')`),
  target: table('events', 'id int, payload jsonb', `(1, '{"b": 2, "a": 1}'), (2, '"{bad"'), (3, '{}')`),
  entities: {
    events: `${side('dispatch_event', 'events')}, key: { id: id }, columns: { payload: { from: payload, as: json, accept: [{ reason: kept as text, value: "to_jsonb(src.payload)" }, { reason: emptied, value: "'{}'::jsonb" }] } }, explained: [{ reason: rejected as no JSON, where: "src.id = 4" }]`,
  },
  expected: {
    events: {
      verdict: 'warn' as const, figures: '4: 1 verified, 2 accepted, 1 explained | 3: 3 matched',
      differences: ['accepted kept as text {"id":"2"} payload "{bad"', 'accepted emptied {"id":"3"} payload {}', 'explained rejected as no JSON {"id":"4"}'],
    },
  },
}

const patients = {
  name: 'one row of 20,001 is missing: 99.99 %, never 100',
  source: `${table('dispatch_patient', 'id int primary key, name text')}; insert into $_dispatch_patient select i, 'p' || i from generate_series(1, 20001) i`,
  target: `${table('patients', 'id int, name text')}; insert into $_patients select i, 'p' || i from generate_series(1, 20001) i where i <> 4711`,
  entities: { patients: `${side('dispatch_patient', 'patients')}, key: { id: id }, same: [name]` },
  expected: { patients: { verdict: 'fail' as const, figures: '20001: 20000 verified, 1 missing | 20000: 20000 matched', differences: ['missing plain {"id":"4711"}'] } },
}

const profiles = {
  name: 'the system profile and the sample data are declared, and counted apart',
  source: table('dispatch_user', 'id int primary key, name text', "(1, 'Ann'), (2, 'Bob')"),
  target: table('profiles', 'legacy_id int, name text', "(1, 'Ann'), (2, 'Bob'), (-1, 'system'), (null, 'Sample 1'), (null, 'Sample 2')"),
  entities: {
    profiles: `source: { table: $_dispatch_user }, target: { table: $_profiles, generated: [{ reason: system profile, where: "tgt.legacy_id = -1" }, { reason: sample data, where: "tgt.legacy_id is null and tgt.name like 'Sample %'" }] }, key: { legacy_id: id }, same: [name]`,
  },
  expected: { profiles: { verdict: 'pass' as const, figures: '2: 2 verified | 5: 2 matched, 3 generated' } },
}

const fanOut = {
  name: 'two target rows for one legacy id are one match and one duplicate',
  source: table('dispatch_case', 'id int primary key, title text', "(1, 'Crown'), (2, 'Bridge')"),
  target: table('cases', 'id int, legacy_id int, title text', "(101, 1, 'Crown'), (102, 1, 'Crown'), (103, 2, 'Bridge')"),
  entities: { cases: `${side('dispatch_case', 'cases')}, key: { legacy_id: id }, same: [title], ignore: { target: { id: made by the modern system } }` },
  expected: { cases: { verdict: 'fail' as const, figures: '2: 2 verified | 3: 2 matched, 1 duplicate', differences: ['duplicate {"legacy_id":"1"} legacy_id 1'] } },
}

const merge = 'merge: { by: "lower(trim(src.email))", keep: "last_login desc nulls last, id" }'
const doctors = {
  name: '1,181 doctors become 399 by their e-mail: the others are covered through the one that survives',
  source: `${table('dispatch_doctor', 'id int primary key, email text, last_login date, name text')}; insert into $_dispatch_doctor select i, case when i > 399 then ' D' else 'd' end || i % 399 || '@x.org', date '2020-01-01' + i, 'Dr ' || i % 399 from generate_series(1, 1181) i`,
  target: `${table('doctors', 'id int, email text, name text')}; insert into $_doctors select 5000 + i, 'd' || i || '@x.org', 'Dr ' || i from generate_series(0, 398) i; ${table('doctor_map', 'legacy int, modern int')}; insert into $_doctor_map select i, 5000 + i % 399 from generate_series(1, 1181) i`,
  keyMaps: keyMap('doctor_map'),
  entities: {
    doctors: `source: { table: $_dispatch_doctor, ${merge} }, target: { table: $_doctors }, key: { id: { from: id, references: $_doctor_map } }, same: [name], columns: { email: { sql: "lower(trim(src.email))" } }`,
  },
  expected: { doctors: { verdict: 'pass' as const, figures: '1181: 399 verified, 782 merged | 399: 399 matched' } },
  checks: { '$_doctors merged rows agree': 'pass' as const },
}

export const first: Situation[] = [
  {
    id: 'S1', title: 'Declared filter', says: ['exclude: [{ reason: office is not valid, where: "src.valid is not true" }]'], story: offices,
    twins: [
      twin(offices, 'an excluded office is found in the target: it is extra', {
        target: `${offices.target}; insert into $_offices values (20600, 600, 'office 600')`,
        expected: { offices: { verdict: 'fail', figures: '897: 351 excluded, 546 verified | 547: 546 matched, 1 extra', differences: ['extra excluded {"id":"600"} id 20600'] } },
      }),
      twin(offices, 'nothing is declared: every office that is not valid is missing', {
        ...rewritten(offices, ', exclude: [{ reason: office is not valid, where: "src.valid is not true" }]', ''),
        ignore: {}, expected: { offices: { verdict: 'fail', figures: '897: 546 verified, 351 missing | 546: 546 matched', summary: ['351 missing no map entry'] } },
      }),
    ],
  },
  {
    id: 'S2', title: 'The filter became the denominator', says: ['exclude: [{ reason: never seen by anybody, where: "src.seen is not true" }]'], story: notifications,
    twins: [
      twin(notifications, 'the same filter written as `where`: the rows that it leaves out belong to nobody, and the table fails', {
        ...rewritten(notifications, 'exclude: [{ reason: never seen by anybody, where: "src.seen is not true" }]', 'where: src.seen'),
        expected: { notifications: { verdict: 'pass', figures: '20: 20 verified | 20: 20 matched' } },
        tables: { 'source $_dispatch_notification': 'fail: 20 once, 0 several, 39 unclaimed of 59' },
      }),
    ],
  },
  {
    id: 'S3', title: 'Orphan at the source', says: ['explained: [{ reason: order is gone at the source, parent: order_id }]'], story: broken,
    twins: [
      twin(broken, 'the order is there at the source and did not arrive: the item is missing by its parent', {
        source: `${chain.source}; insert into $_dispatch_order values (9, 90)`,
        expected: {
          orders: { verdict: 'fail', figures: '3: 2 verified, 1 missing | 2: 2 matched', differences: ['missing no map entry {"id":"9"}'] },
          items: { verdict: 'fail', figures: '3: 2 verified, 1 missing | 2: 2 matched', differences: ['missing parent {"id":"19"} order_id NULL'] },
        },
      }),
      twin(broken, 'undeclared, the orphan is missing', {
        ...rewritten(broken, ', explained: [{ reason: order is gone at the source, parent: order_id }]', ''),
        expected: { orders: broken.expected.orders, items: { verdict: 'fail', figures: '3: 2 verified, 1 missing | 2: 2 matched', differences: ['missing no map entry {"id":"19"}'] } },
      }),
    ],
  },
  {
    id: 'S4', title: 'Cascade', says: ['columns: { offer_id: { from: offer_id, references: offer_map } }'], story: offers,
    twins: [
      twin(offers, 'the offer arrived: its discounts are missing for themselves', {
        target: `${offers.target}; insert into $_offer_map values (2, 102); insert into $_offers values (102, 200)`,
        expected: {
          offers: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' },
          discounts: { verdict: 'fail', figures: '4: 2 verified, 2 missing | 2: 2 matched', differences: ['missing no map entry {"id":"12"}', 'missing no map entry {"id":"13"}'] },
        },
      }),
    ],
  },
  {
    id: 'S5', title: 'Business-rule drop', says: ['explained: [{ reason: doctor has no order, where: "not exists (select from dispatch_order o where o.doctor_id = src.doctor_id)" }]', 'totals: [{ sum: amount }]'], story: business,
    twins: [
      twin(business, 'undeclared: 395 of 788 are missing, 49.87 % are verified, and the sum that is lost is shown', {
        ...rewritten(business, 'explained: [{ reason: doctor has no order, where: "not exists (select from $_dispatch_order o where o.doctor_id = src.doctor_id)" }], ', ''),
        expected: { offers: { verdict: 'fail', figures: '788: 393 verified, 395 missing | 393: 393 matched', summary: ['395 missing plain'] } },
        checks: { '$_offers the total agrees amount': 'fail' },
        messages: { '$_offers the scope is not empty': '49.87 % verified', '$_offers the total agrees amount': '866.8 expected, 432.3 there' },
      }),
      twin(business, 'an offer arrived although the reason holds for it: it is judged like any other, and told', {
        target: `${business.target}; insert into $_offers values (394, 2, 1.10)`,
        expected: { offers: { verdict: 'warn', figures: '788: 394 verified, 394 explained | 394: 394 matched', summary: ['394 explained doctor has no order'] } },
        messages: { '$_offers an explanation also holds for rows that arrived': '"doctor has no order" also holds for 1 row that arrived' },
      }),
      twin(business, 'one lost offer is of a doctor who has an order: the reason does not hold for it', {
        source: `${business.source}; insert into $_dispatch_offer values (789, 1, 1.10)`,
        expected: { offers: { verdict: 'fail', figures: '789: 393 verified, 395 explained, 1 missing | 393: 393 matched', summary: ['395 explained doctor has no order', '1 missing plain'] } },
        checks: { '$_offers the total agrees amount': 'fail' },
      }),
    ],
  },
  {
    id: 'S6', title: 'JSON rejected, kept as text, emptied', says: ['as: json', `accept: [{ reason: kept as text, value: "to_jsonb(src.payload)" }, { reason: emptied, value: "'{}'::jsonb" }]`, 'explained: [{ reason: rejected as no JSON, where: "src.id = 4" }]'], story: payloads,
    twins: [
      twin(payloads, 'nothing is declared: degraded rows differ, the rejected one is missing', {
        entities: { events: `${side('dispatch_event', 'events')}, key: { id: id }, columns: { payload: { from: payload, as: json } }` },
        expected: {
          events: {
            verdict: 'fail', figures: '4: 1 verified, 2 differs, 1 missing | 3: 3 matched',
            differences: ['differs value {"id":"2"} payload: {bad → "{bad"', 'differs value {"id":"3"} payload: {worse → {}', 'missing plain {"id":"4"}'],
          },
        },
      }),
      twin(payloads, 'a broken text became some other document: no declared value, so it differs', {
        target: payloads.target.replace(`(3, '{}')`, `(3, '{"a": 1}')`),
        expected: {
          events: {
            verdict: 'fail', figures: '4: 1 verified, 1 accepted, 1 differs, 1 explained | 3: 3 matched',
            differences: ['accepted kept as text {"id":"2"} payload "{bad"', 'differs value {"id":"3"} payload: {worse → {"a": 1}', 'explained rejected as no JSON {"id":"4"}'],
          },
        },
      }),
    ],
  },
  {
    id: 'S7', title: 'Counts agree, rows do not', says: [], story: patients,
    twins: [
      twin(patients, 'the counts agree, and one row is missing and another one extra: nothing is netted', {
        target: `${patients.target}; insert into $_patients values (20002, 'p4711')`,
        expected: { patients: { verdict: 'fail', figures: '20001: 20000 verified, 1 missing | 20001: 20000 matched, 1 extra', differences: ['missing plain {"id":"4711"}', 'extra ghost {"id":"20002"} id 20002'] } },
        messages: { '$_patients the scope is not empty': '20001 rows in scope of 20001 rows claimed, 99.99 % verified' },
      }),
      twin(patients, 'the row is there: all of it is verified', {
        target: `${patients.target}; insert into $_patients values (4711, 'p4711')`,
        expected: { patients: { verdict: 'pass', figures: '20001: 20001 verified | 20001: 20001 matched' } },
      }),
    ],
  },
  {
    id: 'S8', title: 'Target rows without a source key', says: ['generated: [{ reason: system profile, where: "tgt.legacy_id = -1" }'], story: profiles,
    twins: [
      twin(profiles, 'undeclared, they are extra: the sentinel as a ghost, NULL as without a key', {
        entities: { profiles: `${side('dispatch_user', 'profiles')}, key: { legacy_id: id }, same: [name]` },
        expected: { profiles: { verdict: 'fail', figures: '2: 2 verified | 5: 2 matched, 3 extra', differences: ['extra ghost {"legacy_id":"-1"} legacy_id -1', 'extra no key {"legacy_id":null}', 'extra no key {"legacy_id":null}'] } },
      }),
      twin(profiles, 'a NULL key that no declared kind names is extra', {
        target: `${profiles.target}; insert into $_profiles values (null, 'Eve')`,
        expected: { profiles: { verdict: 'fail', figures: '2: 2 verified | 6: 2 matched, 3 generated, 1 extra', differences: ['extra no key {"legacy_id":null}'] } },
      }),
    ],
  },
  {
    id: 'S9', title: 'Two target rows for one legacy id', says: [], story: fanOut,
    twins: [
      twin(fanOut, 'two source rows of equal content have a target row each', {
        source: fanOut.source.replace("(1, 'Crown')", "(1, 'Crown'), (3, 'Crown')"), target: fanOut.target.replace("(102, 1, 'Crown')", "(102, 3, 'Crown')"),
        expected: { cases: { verdict: 'pass', figures: '3: 3 verified | 3: 3 matched' } },
      }),
    ],
  },
  {
    id: 'S10', title: 'Many to one by natural key', says: [merge], story: doctors,
    twins: [
      twin(doctors, 'undeclared, it is a collapse: one target row pays for one source row', {
        ...rewritten(doctors, `, ${merge}`, ''),
        expected: { doctors: { verdict: 'fail', figures: '1181: 399 verified, 782 missing | 399: 399 matched', summary: ['782 missing collapsed'] } },
        checks: { '$_doctors a modern key has one legacy key $_doctor_map': 'fail' },
      }),
      twin(doctors, 'a row that was merged held another name: the value that is lost is reported', {
        source: `${doctors.source}; update $_dispatch_doctor set name = 'Dr No' where id = 7`,
        expected: { doctors: { verdict: 'warn', figures: '1181: 399 verified, 782 merged | 399: 399 matched', differences: ['merged conflict {"id":"7"} name Dr 7'] } },
        checks: { '$_doctors merged rows agree': 'warn' },
      }),
      twin(doctors, 'a doctor whose map entry leads to another survivor is missing', {
        target: `${doctors.target}; update $_doctor_map set modern = 5001 where legacy = 7`,
        expected: { doctors: { verdict: 'fail', figures: '1181: 399 verified, 781 merged, 1 missing | 399: 399 matched', differences: ['missing map leads elsewhere {"id":"7"}'] } },
      }),
    ],
  },
]
