import { side, table } from '../validation/tables.js'
import { keyMap, map, rewritten, twin, type Situation } from './situation.js'

const uuid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

const users = {
  name: 'a user becomes a profile and a patient, a state a case state or an order state: each branch is judged apart',
  source: `${table('dispatch_user', 'id int primary key, kind text, name text', "(1, 'patient', 'Ann'), (2, 'staff', 'Bob'), (3, 'patient', 'Cy')")}; ${table('dispatch_state', 'id int primary key, kind text, label text', "(1, 'case', 'new'), (2, 'order', 'sent'), (3, 'case', 'done')")}`,
  target: `${table('profiles', 'legacy_id int, name text', "(1, 'Ann'), (2, 'Bob'), (3, 'Cy')")}; ${table('patients', 'legacy_id int, name text', "(1, 'Ann'), (3, 'Cy')")}; ${table('case_states', 'id int, label text', "(1, 'new'), (3, 'done')")}; ${table('order_states', 'id int, label text', "(2, 'sent')")}`,
  entities: {
    profiles: `${side('dispatch_user', 'profiles')}, shared: true, key: { legacy_id: id }, same: [name], ignore: { source: { kind: profiles have none } }`,
    patients: `source: { table: $_dispatch_user, where: "src.kind = 'patient'" }, target: { table: $_patients }, shared: true, key: { legacy_id: id }, same: [name]`,
    case_states: `source: { table: $_dispatch_state, where: "src.kind = 'case'" }, target: { table: $_case_states }, key: { id: id }, same: [label]`,
    order_states: `source: { table: $_dispatch_state, where: "src.kind = 'order'" }, target: { table: $_order_states }, key: { id: id }, same: [label]`,
  },
  expected: {
    profiles: { verdict: 'pass' as const, figures: '3: 3 verified | 3: 3 matched' }, patients: { verdict: 'pass' as const, figures: '2: 2 verified | 2: 2 matched' },
    case_states: { verdict: 'pass' as const, figures: '2: 2 verified | 2: 2 matched' }, order_states: { verdict: 'pass' as const, figures: '1: 1 verified | 1: 1 matched' },
  },
  tables: { 'source $_dispatch_user': 'pass: 1 once, 2 several, 0 unclaimed of 3', 'source $_dispatch_state': 'pass: 3 once, 0 several, 0 unclaimed of 3' },
}

const recipients = {
  name: 'a recipient must be the counterpart of the source\'s user; NULL stays NULL',
  source: table('dispatch_notification', 'id int primary key, user_id int', '(1, 7), (2, 8), (3, null)'),
  target: `${map('user_map', '(7, 107), (8, 108)')}; ${map('patient_map', '(7, 108), (8, 107)')}; ${table('notifications', 'id int, recipient_id int', '(1, 107), (2, 108), (3, null)')}`,
  keyMaps: keyMap('user_map'),
  entities: { notifications: `${side('dispatch_notification', 'notifications')}, key: { id: id }, columns: { recipient_id: { from: user_id, references: $_user_map } }` },
  expected: { notifications: { verdict: 'pass' as const, figures: '3: 3 verified | 3: 3 matched' } },
}

const defaultDoctor = uuid(999)
const cases = {
  name: 'the declared default doctor stands in for one that is gone: accepted, and counted',
  source: `${table('dispatch_doctor', 'id int primary key, name text', "(5, 'Ann'), (6, 'Bob')")}; ${table('dispatch_case', 'id int primary key, doctor_id int', '(1, 5), (2, 9), (3, null)')}`,
  target: `${map('doctor_map', `(5, '${uuid(5)}'), (6, '${uuid(6)}')`, 'uuid')}; ${table('doctors', 'id uuid, name text', `('${uuid(5)}', 'Ann'), ('${uuid(6)}', 'Bob'), ('${defaultDoctor}', 'Default')`)}; ${table('cases', 'id int, doctor_id uuid', `(1, '${uuid(5)}'), (2, '${defaultDoctor}'), (3, null)`)}`,
  keyMaps: keyMap('doctor_map'),
  entities: {
    doctors: `source: { table: $_dispatch_doctor }, target: { table: $_doctors, generated: [{ reason: default doctor, where: "tgt.id = '${defaultDoctor}'" }] }, key: { id: { from: id, references: $_doctor_map } }, same: [name]`,
    cases: `${side('dispatch_case', 'cases')}, key: { id: id }, columns: { doctor_id: { from: doctor_id, references: $_doctor_map, accept: [{ reason: default doctor, where: "src.doctor_id is not null and not exists (select from $_dispatch_doctor d where d.id = src.doctor_id)", value: "'${defaultDoctor}'" }] } }`,
  },
  expected: {
    doctors: { verdict: 'pass' as const, figures: '2: 2 verified | 3: 2 matched, 1 generated' },
    cases: { verdict: 'warn' as const, figures: '3: 2 verified, 1 accepted | 3: 3 matched', differences: [`accepted default doctor {"id":"2"} doctor_id ${defaultDoctor} (no map entry)`] },
  },
}
const ofDoctors = cases.expected.doctors

const comments = {
  name: 'each type of target goes through its own key map',
  source: table('dispatch_comment', 'id int primary key, target_type_id int, target_id int', '(1, 11, 7), (2, 58, 7), (3, 12, 7)'),
  target: `${map('patient', '(7, 107)')}; ${map('user', '(7, 207)')}; ${map('plan', '(7, 307)')}; ${table('comments', 'id int, target_id int', '(1, 107), (2, 207), (3, 307)')}`,
  keyMaps: ['patient', 'user', 'plan'].map(keyMap).join('\n  '),
  entities: { comments: `${side('dispatch_comment', 'comments')}, key: { id: id }, columns: { target_id: { from: target_id, references: { by: target_type_id, 11: $_patient, 58: $_user, 12: $_plan } } }` },
  expected: { comments: { verdict: 'pass' as const, figures: '3: 3 verified | 3: 3 matched' } },
}

const tags = {
  name: 'a junction is compared by both of its references',
  source: table('dispatch_patient_tag', 'patient_id int, tag_id int, primary key (patient_id, tag_id)', '(1, 1), (1, 2), (2, 1)'),
  target: `${map('patient', '(1, 101), (2, 102)')}; ${map('tag', '(1, 201), (2, 202)')}; ${table('patient_tags', 'patient_id int, tag_id int', '(101, 201), (101, 202), (102, 201)')}`,
  keyMaps: ['patient', 'tag'].map(keyMap).join('\n  '),
  entities: { patient_tags: `${side('dispatch_patient_tag', 'patient_tags')}, key: { patient_id: { from: patient_id, references: $_patient }, tag_id: { from: tag_id, references: $_tag } }` },
  expected: { patient_tags: { verdict: 'pass' as const, figures: '3: 3 verified | 3: 3 matched' } },
}

const files = {
  name: 'the expected set is a query: file → order → patient → case',
  source: `${table('dispatch_file', 'id int primary key, order_id int', '(1, 1), (2, 2)')}; ${table('dispatch_order', 'id int primary key, patient_id int', '(1, 1), (2, 2)')}; ${table('dispatch_patient', 'id int primary key, case_id int', '(1, 10), (2, 20)')}`,
  target: `${map('file', '(1, 101), (2, 102)')}; ${map('case', '(10, 210), (20, 220)')}; ${table('case_files', 'file_id int, case_id int', '(101, 210), (102, 220)')}`,
  keyMaps: ['file', 'case'].map(keyMap).join('\n  '),
  entities: {
    case_files: 'source: { query: "select f.id, p.case_id from $_dispatch_file f join $_dispatch_order o on o.id = f.order_id join $_dispatch_patient p on p.id = o.patient_id", covers: $_dispatch_file }, target: { table: $_case_files }, key: { file_id: { from: id, references: $_file }, case_id: { from: case_id, references: $_case } }',
  },
  expected: { case_files: { verdict: 'pass' as const, figures: '2: 2 verified | 2: 2 matched' } },
  tables: { 'source $_dispatch_file': 'pass: 2 once, 0 several, 0 unclaimed of 2' },
}

const partners = {
  name: 'two tables feed one, and share its legacy id: the tag tells them apart',
  source: `${table('dispatch_clinic', 'id int primary key, name text', "(1, 'Clinic A'), (2, 'Clinic B')")}; ${table('dispatch_lab', 'id int primary key, name text', "(1, 'Lab A')")}`,
  target: table('offices', 'id int, origin text, legacy_id int, name text', "(101, 'clinic', 1, 'Clinic A'), (102, 'clinic', 2, 'Clinic B'), (103, 'lab', 1, 'Lab A')"),
  entities: {
    clinics: `source: { table: $_dispatch_clinic }, target: { table: $_offices, where: "tgt.origin = 'clinic'" }, key: { legacy_id: id }, same: [name], ignore: { target: { id: made by the modern system } }`,
    labs: `source: { table: $_dispatch_lab }, target: { table: $_offices, where: "tgt.origin = 'lab'" }, key: { legacy_id: id }, same: [name], ignore: { target: { id: made by the modern system } }`,
  },
  expected: { clinics: { verdict: 'pass' as const, figures: '2: 2 verified | 2: 2 matched' }, labs: { verdict: 'pass' as const, figures: '1: 1 verified | 1: 1 matched' } },
  tables: { 'target $_offices': 'pass: 3 once, 0 several, 0 unclaimed of 3' },
}
const byMap = (entity: string, from: string) => `${side(from, 'offices')}, key: { id: { from: id, references: $_${entity} } }, same: [name], ignore: { target: { origin: new, legacy_id: ambiguous } }`

const shipments = {
  name: 'rows and tables that the migration makes up are declared: generated, outside the coverage, and counted',
  source: table('dispatch_carrier', 'id int primary key, name text', "(1, 'Post')"),
  target: `${table('carriers', 'id int, name text', "(1, 'Post'), (900, 'Made up')")}; ${table('shipments', 'id int', '(1), (2), (3)')}`,
  ignore: { target: '$_shipments: made by the carrier job' },
  entities: { carriers: 'source: { table: $_dispatch_carrier }, target: { table: $_carriers, generated: [{ reason: made-up carriers, where: tgt.id >= 900 }] }, key: { id: id }, same: [name]' },
  expected: { carriers: { verdict: 'pass' as const, figures: '1: 1 verified | 2: 1 matched, 1 generated' } },
  tables: { 'target $_shipments': 'pass: 0 once, 0 several, 0 unclaimed of 3' },
}

const countries = ['US', 'DE', 'FR', 'IT', 'ES', 'PT', 'NL', 'BE', 'AT', 'CH']
const countryRows = (list: readonly string[]) => list.map((code, index) => `(${index + 1}, '${code}')`).join(', ')
const addresses = {
  name: 'the country is a constant in the target: every row of another country differs',
  source: table('dispatch_address', 'id int primary key, country text', countryRows(countries)),
  target: table('addresses', 'id int, country text', countryRows(countries.map(() => 'US'))),
  entities: { addresses: `${side('dispatch_address', 'addresses')}, key: { id: id }, columns: { country: country }` },
  expected: {
    addresses: { verdict: 'fail' as const, figures: '10: 1 verified, 9 differs | 10: 10 matched', differences: countries.slice(1).map((code, index) => `differs value {"id":"${index + 2}"} country: ${code} → US`) },
  },
}

const suffixes = {
  name: 'a column that is never filled: every row that had a value differs',
  source: table('dispatch_patient', 'id int primary key, suffix text', "(1, 'Jr'), (2, null), (3, ''), (4, null)"),
  target: table('patients', 'id int, suffix text', '(1, null), (2, null), (3, null), (4, null)'),
  entities: { patients: `${side('dispatch_patient', 'patients')}, key: { id: id }, same: [suffix]` },
  expected: { patients: { verdict: 'fail' as const, figures: '4: 2 verified, 2 differs | 4: 4 matched', differences: ['differs value {"id":"1"} suffix: Jr → NULL', 'differs value {"id":"3"} suffix:  → NULL'] } },
}

export const second: Situation[] = [
  {
    id: 'S11', title: 'One table feeds several', says: ['shared: true', `where: "src.kind = 'case'"`, `where: "src.kind = 'order'"`], story: users,
    twins: [
      twin(users, 'a state of a kind that no branch claims: the table fails, whatever the branches say', {
        source: `${users.source}; insert into $_dispatch_state values (4, 'invoice', 'open')`,
        expected: users.expected, tables: { 'source $_dispatch_user': users.tables['source $_dispatch_user'], 'source $_dispatch_state': 'fail: 3 once, 0 several, 1 unclaimed of 4' },
      }),
      twin(users, 'the overlap is not declared: the table fails', {
        ...rewritten(users, 'shared: true, ', ''), expected: users.expected, tables: { 'source $_dispatch_user': 'fail: 1 once, 2 several, 0 unclaimed of 3' },
      }),
      twin(users, 'a patient did not arrive as one: the profile is right and the patient missing', {
        target: `${users.target}; delete from $_patients where legacy_id = 3`,
        expected: { ...users.expected, patients: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 1: 1 matched', differences: ['missing plain {"legacy_id":"3"}'] } },
      }),
    ],
  },
  {
    id: 'S12', title: 'Right count, wrong reference', says: ['columns: { recipient_id: { from: user_id, references: user_map } }'], story: recipients,
    twins: [
      twin(recipients, 'looked up in the wrong map: every recipient exists, and none is right', {
        target: `${recipients.target}; update $_notifications set recipient_id = 215 - recipient_id`,
        expected: {
          notifications: {
            verdict: 'fail', figures: '3: 1 verified, 2 differs | 3: 3 matched',
            differences: ['differs reference {"id":"1"} recipient_id: 7 → 108 (legacy 8)', 'differs reference {"id":"2"} recipient_id: 8 → 107 (legacy 7)'],
          },
        },
      }),
      twin(recipients, 'all NULL: NULL is right only where the source is NULL', {
        target: `${recipients.target}; update $_notifications set recipient_id = null`,
        expected: {
          notifications: {
            verdict: 'fail', figures: '3: 1 verified, 2 differs | 3: 3 matched',
            differences: ['differs reference {"id":"1"} recipient_id: 7 → NULL', 'differs reference {"id":"2"} recipient_id: 8 → NULL'],
          },
        },
      }),
      twin(recipients, 'a system user that no map entry knows stands where the source is NULL: it is not NULL', {
        target: `${recipients.target}; update $_notifications set recipient_id = 1 where id = 3`,
        expected: { notifications: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs reference {"id":"3"} recipient_id: NULL → 1 (no map entry)'] } },
      }),
    ],
  },
  {
    id: 'S13', title: 'A default stands in', says: ['references: doctor_map, accept: [{ reason: default doctor, where: "src.doctor_id is not null and not exists (select from dispatch_doctor d where d.id = src.doctor_id)"'], story: cases,
    twins: [
      twin(cases, 'the default stands in for a doctor who is there: the reason does not hold, so it differs', {
        target: `${cases.target}; update $_cases set doctor_id = '${defaultDoctor}' where id = 1`,
        expected: {
          doctors: ofDoctors,
          cases: {
            verdict: 'fail', figures: '3: 1 verified, 1 accepted, 1 differs | 3: 3 matched',
            differences: [`accepted default doctor {"id":"2"} doctor_id ${defaultDoctor} (no map entry)`, `differs reference {"id":"1"} doctor_id: 5 → ${defaultDoctor} (no map entry)`],
          },
        },
      }),
      twin(cases, 'the reference leads to an existing doctor, and to the wrong one', {
        target: `${cases.target}; update $_cases set doctor_id = '${uuid(6)}' where id = 1`,
        expected: {
          doctors: ofDoctors,
          cases: {
            verdict: 'fail', figures: '3: 1 verified, 1 accepted, 1 differs | 3: 3 matched',
            differences: [`accepted default doctor {"id":"2"} doctor_id ${defaultDoctor} (no map entry)`, `differs reference {"id":"1"} doctor_id: 5 → ${uuid(6)} (legacy 6)`],
          },
        },
      }),
      twin(cases, 'undeclared, the default differs', {
        entities: { ...cases.entities, cases: `${side('dispatch_case', 'cases')}, key: { id: id }, columns: { doctor_id: { from: doctor_id, references: $_doctor_map } }` },
        expected: { doctors: ofDoctors, cases: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: [`differs reference {"id":"2"} doctor_id: 9 → ${defaultDoctor} (no map entry)`] } },
      }),
    ],
  },
  {
    id: 'S14', title: 'Polymorphic reference', says: ['references: { by: target_type_id, 11: patient, 58: user, 12: plan }'], story: comments,
    twins: [
      twin(comments, 'a type that no map is named for: it differs, and is listed', {
        source: `${comments.source}; insert into $_dispatch_comment values (4, 99, 7)`, target: `${comments.target}; insert into $_comments values (4, 107)`,
        expected: { comments: { verdict: 'fail', figures: '4: 3 verified, 1 differs | 4: 4 matched', differences: ['differs reference {"id":"4"} target_id: 99 7 → 107 (legacy $_patient 7)'] } },
      }),
      twin(comments, 'the right number through the map of another type', {
        target: `${comments.target}; update $_comments set target_id = 107 where id = 2`,
        expected: { comments: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs reference {"id":"2"} target_id: $_user 7 → 107 (legacy $_patient 7)'] } },
      }),
    ],
  },
  {
    id: 'S15', title: 'Junction without an id', says: ['key: { patient_id: { from: patient_id, references: patient }, tag_id: { from: tag_id, references: tag } }'], story: tags,
    twins: [
      twin(tags, 'a tag was never migrated: its rows are missing, and the leg is named', {
        source: `${tags.source}; insert into $_dispatch_patient_tag values (2, 3)`,
        expected: { patient_tags: { verdict: 'fail', figures: '4: 3 verified, 1 missing | 3: 3 matched', differences: ['missing leg tag_id {"patient_id":"2","tag_id":"3"}'] } },
      }),
      twin(tags, 'the same four keys, paired otherwise: as many rows, and two of them are not those of the source', {
        source: tags.source.replace(', (2, 1)', ', (2, 3), (3, 1)'), target: `${tags.target}; insert into $_patient values (3, 103); insert into $_tag values (3, 203); insert into $_patient_tags values (103, 203)`,
        expected: {
          patient_tags: {
            verdict: 'fail', figures: '4: 2 verified, 2 missing | 4: 2 matched, 2 extra',
            differences: ['missing plain {"patient_id":"2","tag_id":"3"}', 'missing plain {"patient_id":"3","tag_id":"1"}', 'extra ghost {"patient_id":"2","tag_id":"1"} patient_id 102 tag_id 201', 'extra ghost {"patient_id":"3","tag_id":"3"} patient_id 103 tag_id 203'],
          },
        },
      }),
    ],
  },
  {
    id: 'S16', title: 'Derived junction', says: ['query: "select f.id, p.case_id from dispatch_file f join dispatch_order o on o.id = f.order_id join dispatch_patient p on p.id = o.patient_id", covers: dispatch_file'], story: files,
    twins: [
      twin(files, 'a file hangs on the case of another patient', {
        target: `${files.target}; update $_case_files set case_id = 210 where file_id = 102`,
        expected: {
          case_files: {
            verdict: 'fail', figures: '2: 1 verified, 1 missing | 2: 1 matched, 1 extra',
            differences: ['missing plain {"case_id":"20","file_id":"2"}', 'extra ghost {"case_id":"10","file_id":"2"} file_id 102 case_id 210'],
          },
        },
        checks: { '$_case_files the key names each row': 'warn' },
      }),
      twin(files, 'a file whose chain is broken is in no row of the query: it belongs to nobody, and its table fails', {
        source: `${files.source}; insert into $_dispatch_file values (3, 9)`,
        expected: files.expected, tables: { 'source $_dispatch_file': 'fail: 2 once, 0 several, 1 unclaimed of 3' },
      }),
    ],
  },
  {
    id: 'S17', title: 'Two tables feed one', says: [`where: "tgt.origin = 'clinic'"`, `where: "tgt.origin = 'lab'"`], story: partners,
    twins: [
      twin(partners, 'a laboratory tagged as a clinic: it is missing on one side, and a duplicate of its legacy id on the other', {
        target: `${partners.target}; update $_offices set origin = 'clinic' where id = 103`,
        expected: {
          clinics: { verdict: 'fail', figures: '2: 2 verified | 3: 2 matched, 1 duplicate', differences: ['duplicate {"legacy_id":"1"} legacy_id 1'] },
          labs: { verdict: 'fail', figures: '1: 1 missing | 0: nothing', differences: ['missing plain {"legacy_id":"1"}'] },
        },
        tables: partners.tables,
      }),
      twin(partners, 'without a tag each claims what its key map reaches', {
        target: `${partners.target}; ${map('clinic', '(1, 101), (2, 102)')}; ${map('lab', '(1, 103)')}`,
        keyMaps: ['clinic', 'lab'].map(keyMap).join('\n  '), entities: { clinics: byMap('clinic', 'dispatch_clinic'), labs: byMap('lab', 'dispatch_lab') },
        expected: partners.expected, tables: partners.tables,
      }),
      twin(partners, 'both key maps lead to one row: a collision, and the table fails', {
        target: `${partners.target}; ${map('clinic', '(1, 101), (2, 102)')}; ${map('lab', '(1, 101)')}`,
        keyMaps: ['clinic', 'lab'].map(keyMap).join('\n  '), entities: { clinics: byMap('clinic', 'dispatch_clinic'), labs: byMap('lab', 'dispatch_lab') },
        expected: { clinics: partners.expected.clinics, labs: { verdict: 'fail', figures: '1: 1 differs | 1: 1 matched', differences: ['differs value {"id":"1"} name: Lab A → Clinic A'] } },
        tables: { 'target $_offices': 'fail: 1 once, 1 several, 1 unclaimed of 3' },
      }),
    ],
  },
  {
    id: 'S18', title: 'Generated rows', says: ['generated: [{ reason: made-up carriers, where: tgt.id >= 900 }]', 'shipments: made by the carrier job'], story: shipments,
    twins: [
      twin(shipments, 'nothing is declared: the row is extra, and the table is uncovered', {
        ignore: {}, entities: { carriers: `${side('dispatch_carrier', 'carriers')}, key: { id: id }, same: [name]` },
        expected: { carriers: { verdict: 'fail', figures: '1: 1 verified | 2: 1 matched, 1 extra', differences: ['extra ghost {"id":"900"} id 900'] } },
        tables: { 'target $_shipments': 'warn: 0 once, 0 several, 3 unclaimed of 3' },
      }),
    ],
  },
  {
    id: 'S19', title: 'A constant instead of the value', says: ['columns: { country: country }'], story: addresses,
    twins: [
      twin(addresses, 'the source has no other country: the constant is right', {
        source: table('dispatch_address', 'id int primary key, country text', countryRows(countries.map(() => 'US'))),
        expected: { addresses: { verdict: 'pass', figures: '10: 10 verified | 10: 10 matched' } },
      }),
      twin(addresses, 'the column is compared with nothing: it is uncovered, which warns', {
        entities: { addresses: `${side('dispatch_address', 'addresses')}, key: { id: id }` },
        expected: { addresses: { verdict: 'warn', figures: '10: 10 verified | 10: 10 matched' } }, checks: { '$_addresses every column is covered': 'warn' },
      }),
    ],
  },
  {
    id: 'S20', title: 'A column never filled', says: ['same: [suffix]'], story: suffixes,
    twins: [
      twin(suffixes, 'the source never had a value either', {
        source: table('dispatch_patient', 'id int primary key, suffix text', '(1, null), (2, null), (3, null), (4, null)'),
        expected: { patients: { verdict: 'pass', figures: '4: 4 verified | 4: 4 matched' } },
      }),
    ],
  },
]
