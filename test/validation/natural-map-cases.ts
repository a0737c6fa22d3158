import type { Case } from './cases.js'

const countries = {
  source: `create table $country (id int primary key, iso char(2), name text); insert into $country values (1, 'IT', 'Italy'), (2, 'NO', 'Norway'), (3, 'XX', 'nowhere'), (4, null, 'unnamed');`,
  target: `create table $countries (id uuid primary key, code text, name text);
    insert into $countries values ('00000000-0000-0000-0000-000000000001', 'NO', 'Norway'), ('00000000-0000-0000-0000-000000000002', 'IT', 'Italy'), ('00000000-0000-0000-0000-000000000003', 'FR', 'France');`,
  keyMaps: '$country: { source: { table: $country, key: id, natural: iso }, target: { table: $countries, key: id, natural: code } }',
}
const uuid = (n: number) => `'00000000-0000-0000-0000-00000000000${n}'`

const halves = "create function json_build_array(text, text) returns json language sql immutable as 'select pg_catalog.to_json(1)'"

export const naturalMapCases: Case[] = [
  {
    name: 'compares references by the natural value of what they lead to',
    source: `${countries.source} create table $person (id int primary key, country_id int);
      insert into $person values (1, 1), (2, 2), (3, 2), (4, null), (5, 3), (6, null), (7, 4), (8, 9)`,
    target: `${countries.target} create table $people (id int primary key, country_id uuid);
      insert into $people values (1, ${uuid(2)}), (2, ${uuid(1)}), (3, ${uuid(2)}), (4, null), (5, ${uuid(3)}), (6, ${uuid(9)}), (7, null), (8, null)`,
    keyMaps: countries.keyMaps,
    entities: { people: 'source: { table: $person }, target: { table: $people }, key: { id: id }, columns: { country_id: { from: country_id, references: $country } }' },
    expected: {
      people: {
        verdict: 'fail', figures: '8: 3 verified, 5 differs | 8: 8 matched',
        differences: [
          `differs reference {"id":"3"} country_id: NO → 00000000-0000-0000-0000-000000000002 (natural IT)`, `differs reference {"id":"5"} country_id: XX → 00000000-0000-0000-0000-000000000003 (natural FR)`,
          `differs reference {"id":"6"} country_id: NULL → 00000000-0000-0000-0000-000000000009 (no map entry)`, 'differs reference {"id":"7"} country_id: 4 → NULL', 'differs reference {"id":"8"} country_id: 9 → NULL',
        ],
      },
    },
    checks: { 'a natural key names one row $country at the source': 'warn', 'a natural key names one row $country at the target': 'pass' },
  },
  {
    name: 'is a key too, of several legs and of SQL',
    source: `create table $place (id int primary key, country text, town text); insert into $place values (1, 'IT', 'Rome'), (2, 'IT', 'Pisa'), (3, null, 'Oslo'), (4, 'FR', 'Nice')`,
    target: `create table $places (id int primary key, country text, town text); insert into $places values (10, 'it', 'ROME'), (20, 'it', 'PISA'), (30, null, 'OSLO'), (40, 'de', 'ULM')`,
    keyMaps: '$place: { source: { table: $place, key: id, natural: [country, town] }, target: { table: $places, key: id, natural: ["upper(tgt.country)", "initcap(tgt.town)"] } }',
    entities: {
      places: 'source: { table: $place }, target: { table: $places }, key: { id: { from: id, references: $place } }, ignore: { source: { country: in the key, town: in the key }, target: { country: in the key, town: in the key } }',
    },
    expected: {
      places: {
        verdict: 'fail', figures: '4: 3 verified, 1 missing | 4: 3 matched, 1 extra',
        differences: ['extra ghost {"id":"[\\"DE\\", \\"Ulm\\"]"} id 40', 'missing no map entry {"id":"[\\"FR\\", \\"Nice\\"]"}'],
      },
    },
  },
  {
    name: 'compares nothing through a map whose key stands twice',
    source: `create table $country (id int, iso text); insert into $country values (1, 'IT'), (1, 'NO'), (2, 'FR'), (2, 'DE'); create table $person (id int primary key, country_id int); insert into $person values (1, 1)`,
    target: `create table $countries (id int primary key, code text); create table $people (id int primary key, country_id int); insert into $people values (1, 7)`,
    keyMaps: countries.keyMaps,
    entities: { people: 'source: { table: $person }, target: { table: $people }, key: { id: id }, columns: { country_id: { from: country_id, references: $country } }' },
    expected: { people: { verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified', note: '2 keys stand twice' } },
    checks: { 'a natural key names one row $country at the source': 'fail', 'a natural key names one row $country at the target': 'warn' },
  },
  {
    name: 'compares nothing through a map that cannot be read',
    source: `create table $country (id int primary key, iso text); insert into $country values (1, 'IT'); create table $person (id int primary key, country_id int); insert into $person values (1, 1)`,
    target: `create table $countries (id int primary key, code text); insert into $countries values (7, 'x'); create table $people (id int primary key, country_id int); insert into $people values (1, 7)`,
    keyMaps: '$country: { source: { table: $country, key: id, natural: "length(src.iso)" }, target: { table: $countries, key: id, natural: "cast(tgt.code as int4)" } }',
    entities: { people: 'source: { table: $person }, target: { table: $people }, key: { id: id }, columns: { country_id: { from: country_id, references: $country } }' },
    expected: { people: { verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified', note: 'the target cannot tell' } },
    checks: { 'a natural key names one row $country at the source': 'pass', 'a natural key names one row $country at the target': 'unknown' },
  },
  {
    name: 'compares nothing through a natural value that stands for several keys',
    source: `create table $country (id int primary key, iso text); insert into $country values (1, 'IT'), (2, 'IT'); create table $person (id int primary key, country_id int); insert into $person values (1, 1), (2, 2)`,
    target: `create table $countries (id int primary key, code text); insert into $countries values (7, 'IT'); create table $people (id int primary key, country_id int); insert into $people values (1, 7), (2, 7)`,
    keyMaps: countries.keyMaps,
    entities: { people: 'source: { table: $person }, target: { table: $people }, key: { id: id }, columns: { country_id: { from: country_id, references: $country } }' },
    expected: { people: { verdict: 'unknown', figures: '2: 2 unverified | 2: 2 unverified', note: '1 natural value stands for several keys' } },
    checks: { 'a natural key names one row $country at the source': 'fail', 'a natural key names one row $country at the target': 'pass' },
  },
  {
    name: 'reads all legs of a natural key, whatever function of its own a database has by the name of the server\'s',
    source: `${halves}; create table $place (id int primary key, country text, town text); insert into $place values (1, 'IT', 'Rome'), (2, 'IT', 'Pisa'); create table $person (id int primary key, place_id int); insert into $person values (1, 1), (2, 2)`,
    target: `${halves}; create table $places (id int primary key, country text, town text); insert into $places values (10, 'IT', 'Rome'), (20, 'NO', 'Oslo'); create table $people (id int primary key, place_id int); insert into $people values (1, 10), (2, 20)`,
    keyMaps: '$place: { source: { table: $place, key: id, natural: [country, town] }, target: { table: $places, key: id, natural: [country, town] } }',
    entities: { people: 'source: { table: $person }, target: { table: $people }, key: { id: id }, columns: { place_id: { from: place_id, references: $place } }' },
    expected: { people: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs reference {"id":"2"} place_id: ["IT", "Pisa"] → 20 (natural ["NO", "Oslo"])'] } },
  },
]
