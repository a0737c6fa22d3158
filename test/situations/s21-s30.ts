import { side, table } from '../validation/tables.js'
import { rewritten, twin, type Situation } from './situation.js'

const statuses = {
  name: 'the value map is total, and each code has its value in the target; two codes may share one when the plan says so',
  source: table('dispatch_plan', 'id int primary key, status int', '(1, 1), (2, 3), (3, 5), (4, null)'),
  target: table('plans', 'id int, status text', "(1, 'active'), (2, 'closed'), (3, 'closed'), (4, null)"),
  entities: { plans: `${side('dispatch_plan', 'plans')}, key: { id: id }, columns: { status: { from: status, values: { 1: active, 3: closed, 5: closed } } }` },
  expected: { plans: { verdict: 'pass' as const, figures: '4: 4 verified | 4: 4 matched' } },
}

const taxes = {
  name: 'percent becomes a share: declared as an expression with a tolerance, and the cap as an accepted value',
  source: table('dispatch_rate', 'id int primary key, tax_rate numeric', '(1, 10.25), (2, 0.5), (3, 150), (4, 33.3333)'),
  target: table('rates', 'id int, tax_rate numeric(5, 4)', '(1, 0.1025), (2, 0.5), (3, 0.9999), (4, 0.3334)'),
  entities: {
    rates: `${side('dispatch_rate', 'rates')}, key: { id: id }, columns: { tax_rate: { sql: "case when src.tax_rate < 1 then src.tax_rate else src.tax_rate / 100 end", tolerance: 0.0001, accept: [{ reason: capped, where: "src.tax_rate > 99.99", value: "0.9999" }] } }`,
  },
  expected: { rates: { verdict: 'warn' as const, figures: '4: 3 verified, 1 accepted | 4: 4 matched', differences: ['accepted capped {"id":"3"} tax_rate 0.9999'] } },
}

const truths = {
  name: 'NULL, empty, zero and false stay what they are',
  source: table('dispatch_setting', 'id int primary key, active bool, amount int, note text', "(1, false, 0, ''), (2, null, null, null), (3, true, 1, 'x')"),
  target: table('settings', 'id int, active bool, amount int, note text', "(1, false, 0, ''), (2, null, null, null), (3, true, 1, 'x')"),
  entities: { settings: `${side('dispatch_setting', 'settings')}, key: { id: id }, same: [active, amount, note]` },
  expected: { settings: { verdict: 'pass' as const, figures: '3: 3 verified | 3: 3 matched' } },
}

const people = {
  name: 'normalised as declared: lower case, trimmed, digits only',
  source: table('dispatch_person', 'id int primary key, email text, phone text', "(1, ' Ann@X.org ', '+1 (212) 555-0100'), (2, 'bob@x.org', null)"),
  target: table('people', 'id int, email text, phone text', "(1, 'ann@x.org', '12125550100'), (2, 'bob@x.org', null)"),
  entities: { people: `${side('dispatch_person', 'people')}, key: { id: id }, columns: { email: { sql: "lower(trim(src.email))" }, phone: { sql: "regexp_replace(src.phone, '[^0-9]', '', 'g')" } }` },
  expected: { people: { verdict: 'pass' as const, figures: '2: 2 verified | 2: 2 matched' } },
}

const times = {
  name: 'a time without a zone is read in the declared one, to the microsecond and across the change of the clock',
  source: table('dispatch_visit', 'id int primary key, created timestamp', "(1, '2024-01-15 09:30:00.123456'), (2, '2024-07-15 09:30:00')"),
  target: table('visits', 'id int, created_at timestamptz', "(1, '2024-01-15 14:30:00.123456+00'), (2, '2024-07-15 13:30:00+00')"),
  entities: { visits: `${side('dispatch_visit', 'visits')}, key: { id: id }, columns: { created_at: { from: created, zone: America/New_York } }` },
  expected: { visits: { verdict: 'pass' as const, figures: '2: 2 verified | 2: 2 matched' } },
}

const invoices = {
  name: 'exact sums by currency and status agree, NULL a group like others',
  source: table('dispatch_invoice', 'id int primary key, currency text, status text, balance numeric', "(1, 'EUR', 'open', 0.1), (2, 'EUR', 'open', 0.2), (3, 'USD', 'paid', 5), (4, null, 'paid', 7)"),
  target: table('invoices', 'id int, currency text, status text, balance numeric', "(1, 'EUR', 'open', 0.10), (2, 'EUR', 'open', 0.20), (3, 'USD', 'paid', 5), (4, null, 'paid', 7)"),
  entities: { invoices: `${side('dispatch_invoice', 'invoices')}, key: { id: id }, same: all, totals: [{ sum: balance, by: [currency, status] }]` },
  expected: { invoices: { verdict: 'pass' as const, figures: '4: 4 verified | 4: 4 matched' } },
  checks: { '$_invoices the total agrees balance by currency, status': 'pass' as const },
}

const live = {
  name: 'what changed within the declared lag is pending, not wrong; and not proved either',
  source: table('dispatch_stock', 'id int primary key, amount int, updated_at timestamptz', "(1, 5, now() - interval '1 day'), (2, 6, now() - interval '1 minute'), (3, 7, now() - interval '30 seconds'), (4, 8, now())"),
  target: table('stock', 'id int, amount int', '(1, 5), (2, 1), (4, 8)'),
  entities: { stock: 'source: { table: $_dispatch_stock, changedAt: updated_at, lag: 2 hours }, target: { table: $_stock }, key: { id: id }, same: [amount]' },
  expected: {
    stock: { verdict: 'unknown' as const, figures: '4: 2 verified, 2 pending | 3: 2 matched, 1 pending', differences: ['pending changed recently {"id":"2"}', 'pending changed recently {"id":"3"}'] },
  },
}

const changed = {
  name: 'a row updated at the source after its migration is stale, one deleted there is a ghost',
  source: table('dispatch_task', 'id int primary key, title text, updated_at timestamptz', "(1, 'a', '2024-01-01 00:00+00'), (2, 'new', '2024-03-01 00:00+00')"),
  target: table('tasks', 'id int, title text, updated_at timestamptz', "(1, 'a', '2024-02-01 00:00+00'), (2, 'old', '2024-02-01 00:00+00'), (3, 'gone', '2024-02-01 00:00+00')"),
  entities: { tasks: 'source: { table: $_dispatch_task, changedAt: updated_at }, target: { table: $_tasks, changedAt: updated_at }, key: { id: id }, same: [title]' },
  expected: { tasks: { verdict: 'fail' as const, figures: '2: 1 verified, 1 differs | 3: 2 matched, 1 extra', differences: ['differs stale {"id":"2"} title: new → old', 'extra ghost {"id":"3"} id 3'] } },
}

const nothingKnown = 'null: null matched, null duplicate, null generated, null pending, null extra, null unverified'
const absent = {
  name: 'the target table is not there: its rows are unverified, with the reason; a table that no entity names is uncovered',
  source: `${table('dispatch_label', 'id int primary key, name text', "(1, 'a'), (2, 'b')")}; ${table('dispatch_forgotten', 'id int', '(1), (2), (3)')}`,
  target: 'select 1',
  entities: { labels: `${side('dispatch_label', 'labels')}, key: { id: id }, same: [name]` },
  expected: { labels: { verdict: 'unknown' as const, figures: `2: 2 unverified | ${nothingKnown}`, note: 'there is no table public.$_labels' } },
  tables: { 'source $_dispatch_label': 'unknown: null once, null several, null unclaimed of null', 'source $_dispatch_forgotten': 'warn: 0 once, 0 several, 3 unclaimed of 3' },
  checks: { '$_labels the plan fits both databases': 'unknown' as const },
}

const empty = {
  name: '0 rows are told and warned of: nothing was examined, so nothing passes',
  source: table('dispatch_note', 'id int primary key, body text'),
  target: table('notes', 'id int, body text'),
  entities: { notes: `${side('dispatch_note', 'notes')}, key: { id: id }, same: [body]` },
  expected: { notes: { verdict: 'warn' as const, figures: '0: nothing | 0: nothing' } },
  checks: { '$_notes the scope is not empty': 'warn' as const, '$_notes no row differs': 'warn' as const, '$_notes no row is missing': 'warn' as const },
}

export const third: Situation[] = [
  {
    id: 'S21', title: 'Lossy code mapping', says: ['values: { 1: active, 3: closed, 5: closed }'], story: statuses,
    twins: [
      twin(statuses, 'a code that the map does not list became the default: it differs, whatever the target holds', {
        source: `${statuses.source}; insert into $_dispatch_plan values (5, 4)`, target: `${statuses.target}; insert into $_plans values (5, 'active')`,
        expected: { plans: { verdict: 'fail', figures: '5: 4 verified, 1 differs | 5: 5 matched', differences: ['differs value {"id":"5"} status: 4 → active'] } },
      }),
      twin(statuses, 'the default is declared: rows that need it are accepted, and counted', {
        ...rewritten(statuses, '5: closed }', '5: closed, other: active }'),
        source: `${statuses.source}; insert into $_dispatch_plan values (5, 4)`, target: `${statuses.target}; insert into $_plans values (5, 'active')`,
        expected: { plans: { verdict: 'warn', figures: '5: 4 verified, 1 accepted | 5: 5 matched', differences: ['accepted other value of status {"id":"5"} status active'] } },
      }),
      twin(statuses, 'a listed code has the value of another one', {
        target: `${statuses.target}; update $_plans set status = 'active' where id = 2`,
        expected: { plans: { verdict: 'fail', figures: '4: 3 verified, 1 differs | 4: 4 matched', differences: ['differs value {"id":"2"} status: closed → active'] } },
      }),
    ],
  },
  {
    id: 'S22', title: 'Heuristic scaling', says: ['sql: "case when src.tax_rate < 1 then src.tax_rate else src.tax_rate / 100 end", tolerance: 0.0001', 'accept: [{ reason: capped, where: "src.tax_rate > 99.99", value: "0.9999" }]'], story: taxes,
    twins: [
      twin(taxes, 'a rate beyond the tolerance, and the cap where it is not meant', {
        target: `${taxes.target}; update $_rates set tax_rate = case id when 4 then 0.3335 else 0.9999 end where id in (2, 4)`,
        expected: {
          rates: {
            verdict: 'fail', figures: '4: 1 verified, 1 accepted, 2 differs | 4: 4 matched',
            differences: ['accepted capped {"id":"3"} tax_rate 0.9999', 'differs value {"id":"2"} tax_rate: 0.5 → 0.9999', 'differs value {"id":"4"} tax_rate: 0.333333 → 0.3335'],
          },
        },
      }),
      twin(taxes, 'the capped rate lies within the tolerance: it is equal, and nothing is accepted', {
        source: `${taxes.source}; update $_dispatch_rate set tax_rate = 100 where id = 3`,
        expected: { rates: { verdict: 'pass', figures: '4: 4 verified | 4: 4 matched' } },
      }),
    ],
  },
  {
    id: 'S23', title: 'Truthiness', says: ['same: [active, amount, note]'], story: truths,
    twins: [
      twin(truths, 'false became true, 0 became NULL, NULL became an empty text and Unknown', {
        target: table('settings', 'id int, active bool, amount int, note text', "(1, true, null, ''), (2, false, 0, ''), (3, true, 1, 'Unknown')"),
        expected: {
          settings: {
            verdict: 'fail', figures: '3: 3 differs | 3: 3 matched',
            differences: ['differs value {"id":"1"} active: false → true amount: 0 → NULL', 'differs value {"id":"2"} active: NULL → false amount: NULL → 0 note: NULL → ', 'differs value {"id":"3"} note: x → Unknown'],
          },
        },
      }),
      twin(truths, 'NULL became Unknown, and the plan accepts that with a reason', {
        target: `${truths.target}; update $_settings set note = 'Unknown' where id = 2`,
        entities: { settings: `${side('dispatch_setting', 'settings')}, key: { id: id }, same: [active, amount], columns: { note: { from: note, accept: [{ reason: unknown notes, where: src.note is null, value: "'Unknown'" }] } }` },
        expected: { settings: { verdict: 'warn', figures: '3: 2 verified, 1 accepted | 3: 3 matched', differences: ['accepted unknown notes {"id":"2"} note Unknown'] } },
      }),
    ],
  },
  {
    id: 'S24', title: 'Declared normalisation', says: ['email: { sql: "lower(trim(src.email))" }'], story: people,
    twins: [
      twin(people, 'undeclared, a normalised value is another value', {
        entities: { people: `${side('dispatch_person', 'people')}, key: { id: id }, same: [email, phone]` },
        expected: { people: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"1"} email:  Ann@X.org  → ann@x.org phone: +1 (212) 555-0100 → 12125550100'] } },
      }),
      twin(people, 'the target was not normalised: it does not hold what is declared', {
        target: `${people.target}; update $_people set email = ' Ann@X.org ' where id = 1`,
        expected: { people: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"1"} email: ann@x.org →  Ann@X.org '] } },
      }),
    ],
  },
  {
    id: 'S25', title: 'Times', says: ['created_at: { from: created, zone: America/New_York }'], story: times,
    twins: [
      twin(times, 'the local time was taken for UTC', {
        target: table('visits', 'id int, created_at timestamptz', "(1, '2024-01-15 09:30:00.123456+00'), (2, '2024-07-15 09:30:00+00')"),
        expected: { visits: { verdict: 'fail', figures: '2: 2 differs | 2: 2 matched', summary: ['2 differs value'] } },
      }),
      twin(times, 'the time of the import stands in every row, and microseconds are cut', {
        target: table('visits', 'id int, created_at timestamptz', "(1, '2024-01-15 14:30:00.123+00'), (2, '2025-01-01 00:00:00+00')"),
        expected: { visits: { verdict: 'fail', figures: '2: 2 differs | 2: 2 matched', summary: ['2 differs value'] } },
      }),
      twin(times, 'no zone is declared: the plan check refuses to guess', {
        ...rewritten(times, '{ from: created, zone: America/New_York }', 'created'),
        expected: { visits: { verdict: 'unknown', figures: '2: 2 unverified | 2: 2 unverified', note: 'zone' } }, checks: { '$_visits the plan fits both databases': 'unknown' },
      }),
    ],
  },
  {
    id: 'S26', title: 'Money', says: ['totals: [{ sum: balance, by: [currency, status] }]'], story: invoices,
    twins: [
      twin(invoices, 'a currency was changed: the whole sum is the same, those of two groups are not', {
        target: `${invoices.target}; update $_invoices set currency = 'USD' where id = 2`,
        expected: { invoices: { verdict: 'fail', figures: '4: 3 verified, 1 differs | 4: 4 matched', differences: ['differs value {"id":"2"} currency: EUR → USD'] } },
        checks: { '$_invoices the total agrees balance by currency, status': 'fail' },
      }),
      twin(invoices, 'two errors that cancel: the sums agree and the rows do not', {
        target: `${invoices.target}; update $_invoices set balance = 0.15 where id in (1, 2)`,
        expected: { invoices: { verdict: 'fail', figures: '4: 2 verified, 2 differs | 4: 4 matched', summary: ['2 differs value'] } },
        checks: { '$_invoices the total agrees balance by currency, status': 'pass' },
      }),
    ],
  },
  {
    id: 'S27', title: 'The source is live', says: ['changedAt: updated_at, lag: 2 hours'], story: live,
    twins: [
      twin(live, 'the same rows, changed before the lag: wrong and missing', {
        source: `${live.source}; update $_dispatch_stock set updated_at = now() - interval '1 day'`,
        expected: { stock: { verdict: 'fail', figures: '4: 2 verified, 1 differs, 1 missing | 3: 3 matched', differences: ['differs value {"id":"2"} amount: 6 → 1', 'missing plain {"id":"3"}'] } },
      }),
      twin(live, 'changed a moment ago and equal: equality beats pending', {
        target: `${live.target}; update $_stock set amount = 6 where id = 2; insert into $_stock values (3, 7)`,
        expected: { stock: { verdict: 'pass', figures: '4: 4 verified | 4: 4 matched' } },
      }),
    ],
  },
  {
    id: 'S28', title: 'Updated or deleted after migration', says: ['target: { table: tasks, changedAt: updated_at }'], story: changed,
    twins: [
      twin(changed, 'the target was changed last: its value is wrong, not stale', {
        target: `${changed.target}; update $_tasks set updated_at = '2024-04-01 00:00+00' where id = 2; delete from $_tasks where id = 3`,
        expected: { tasks: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"id":"2"} title: new → old'] } },
      }),
      twin(changed, 'the update and the deletion were carried over', {
        target: `${changed.target}; update $_tasks set title = 'new' where id = 2; delete from $_tasks where id = 3`,
        expected: { tasks: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' } },
      }),
    ],
  },
  {
    id: 'S29', title: 'A table of the plan does not exist', says: [], story: absent,
    twins: [
      twin(absent, 'the table is there and empty: its rows are missing; the other table is signed off', {
        target: table('labels', 'id int, name text'), ignore: { source: '$_dispatch_forgotten: nobody needs it' },
        expected: { labels: { verdict: 'fail', figures: '2: 2 missing | 0: nothing', differences: ['missing plain {"id":"1"}', 'missing plain {"id":"2"}'] } },
        tables: { 'source $_dispatch_forgotten': 'pass: 0 once, 0 several, 0 unclaimed of 3' },
      }),
      twin(absent, 'a column of the plan is not there: the rows of both sides are counted, and none is called right', {
        target: table('labels', 'id int, title text', "(1, 'a'), (2, 'b')"),
        expected: { labels: { verdict: 'unknown', figures: '2: 2 unverified | 2: 2 unverified', note: 'no column `name`' } },
        checks: { '$_labels the plan fits both databases': 'unknown' },
      }),
    ],
  },
  {
    id: 'S30', title: 'The validator itself misleads', says: [], story: empty,
    twins: [
      twin(empty, 'one row on either side, and it is equal: examined, so it passes', {
        source: table('dispatch_note', 'id int primary key, body text', "(1, 'a')"), target: table('notes', 'id int, body text', "(1, 'a')"),
        expected: { notes: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' } }, checks: { '$_notes the scope is not empty': 'pass' },
      }),
      twin(empty, 'an expression that fails on a row is no equality: the row and its partner are unverified, and the entity says why', {
        source: table('dispatch_note', 'id int primary key, body text', "(1, '10'), (2, 'ten')"), target: table('notes', 'id int, body int', '(1, 10), (2, 10)'),
        entities: { notes: `${side('dispatch_note', 'notes')}, key: { id: id }, columns: { body: { sql: "src.body::int" } }` },
        expected: {
          notes: {
            verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 unverified', note: '1 row of the source cannot be read: invalid input syntax',
            differences: ['unverified cannot be read {"id":"2"}', 'unverified its source row cannot be read {"id":"2"} id 2'],
          },
        },
        checks: { '$_notes every row was compared': 'unknown' },
      }),
      twin(empty, 'everything is excluded: nothing was proved', {
        source: table('dispatch_note', 'id int primary key, body text', "(1, 'a')"),
        entities: { notes: 'source: { table: $_dispatch_note, exclude: [{ reason: all of it, where: "true" }] }, target: { table: $_notes }, key: { id: id }, same: [body]' },
        expected: { notes: { verdict: 'warn', figures: '1: 1 excluded | 0: nothing' } }, checks: { '$_notes the scope is not empty': 'warn' },
      }),
    ],
  },
]
