import { quoteIdentifier, quoteLiteral } from '../../src/core/identifier.js'
import type { ComparisonRun } from '../helpers/compare.js'
import type { Case } from './cases.js'
import { side, table } from './tables.js'

/** What has bitten users of other tools: each line builds both sides in real PostgreSQL and asserts the exact verdict and keys. */
export type Value = string | null
interface ValueCase {
  name: string
  fails?: true
  source: string
  target: string
  /** pairs that are the same value; literals of the column's type */
  equal?: [Value, Value][]
  different?: [Value, Value][]
  /** of the entity's column `v`, in place of `v: v` */
  column?: string
  /** the plan check warns of the types */
  warns?: true
  before?: { source?: string; target?: string }
}

const values = (rows: readonly (readonly Value[])[]) => rows.map((row, index) => `(${index}, ${row.map((value) => (value === null ? 'null' : quoteLiteral(value))).join(', ')})`).join(', ')

/** One table with a column of the type on each side; the ids of the pairs that differ must come back, no others. */
function caseOf({ name, fails, source, target, equal = [], different = [], column, warns, before }: ValueCase): Case {
  const rows = [...equal, ...different]
  const verdict = different.length > 0 ? 'fail' : warns === true ? 'warn' : 'pass'
  return {
    name, ...(fails === undefined ? {} : { fails }),
    source: `${before?.source ?? ''}; create table $_t (id int primary key, v ${source}); insert into $_t values ${values(rows.map(([left]) => [left]))}`,
    target: `${before?.target ?? ''}; create table $_t (id int primary key, v ${target}); insert into $_t values ${values(rows.map(([, right]) => [right]))}`,
    entities: { t: `source: { table: $_t }, target: { table: $_t }, key: { id: id }, columns: { v: ${column ?? 'v'} }` },
    expected: {
      t: {
        verdict, figures: `${rows.length}: ${[[equal.length, 'verified'], [different.length, 'differs']].flatMap(([count, word]) => (count === 0 ? [] : `${count} ${word}`)).join(', ')} | ${rows.length}: ${rows.length} matched`,
        differences: different.map((_, index) => ` ${equal.length + index} {}`),
      },
    },
  }
}

const uuid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const same = (...list: string[]): [Value, Value][] => list.map((value) => [value, value])

const valuePairs: ValueCase[] = [
  {
    name: 'NULL, the empty text and texts that look like NULL', source: 'text', target: 'text', equal: [[null, null], ...same('', 'NULL', '<null>', '\\N')],
    different: [[null, ''], ['', null], [null, 'NULL'], ['NULL', null], [null, '<null>'], ['null', 'NULL'], [null, '\\N'], ['', ' '], ['=', null], [null, '=']],
  },
  { name: 'boolean NULL is not false', source: 'bool', target: 'bool', equal: [[null, null], ...same('t', 'f')], different: [[null, 'f'], ['f', null], ['t', 'f'], [null, 't']] },
  { name: 'an integer NULL is not 0, a sign is a sign', source: 'int', target: 'int', equal: [[null, null], ...same('0', '-5', '2147483647', '-2147483648')], different: [[null, '0'], ['0', null], ['5', '-5'], ['-1', '2147483647']] },
  { name: 'small integers against large ones', source: 'int2', target: 'int8', equal: same('32767', '-32768', '0', '-1'), different: [['-1', '4294967295'], ['-1', '65535'], ['0', '4294967296']] },
  {
    name: 'int8 beyond 2^53', source: 'int8', target: 'int8', equal: same('9223372036854775807', '-9223372036854775808', '9007199254740993'),
    different: [['9007199254740992', '9007199254740993'], ['9223372036854775807', '9223372036854775806'], ['-1', '4294967295'], ['5', '-5'], ['0', '-4294967296'], ['1', '4294967297']],
  },
  {
    name: 'int8 against numeric: every digit counts', source: 'int8', target: 'numeric', equal: [['9223372036854775807', '9223372036854775807.000'], ['5', '5.0']],
    different: [['9223372036854775807', '9223372036854775808'], ['9007199254740993', '9007199254740992'], ['5', '5.0000000000000000000000000000001'], ['5', 'NaN']],
  },
  {
    name: 'numeric by value: zeros at the end, NaN, 60 digits, signs and weights', source: 'numeric', target: 'numeric(200, 100)',
    equal: [['3000.00', '3000'], ['0', '-0.00'], ['NaN', 'NaN'], ['123456789012345678901234567890123456789012345678901234567890.1', '123456789012345678901234567890123456789012345678901234567890.10']],
    different: [['5', '-5'], ['3', '30000'], ['1', '10000'], ['NaN', null], ['1e-100', '0'], ['123456789012345678901234567890123456789', '123456789012345678901234567890123456788'], ['0.1', '0.10000000000000000000000001']],
  },
  { name: 'numeric infinities', source: 'numeric', target: 'numeric', equal: same('Infinity', '-Infinity'), different: [['Infinity', '-Infinity'], ['Infinity', 'NaN'], ['Infinity', null]] },
  {
    name: 'float8: every bit counts, -0 is 0', source: 'float8', target: 'float8', equal: [['-0', '0'], ...same('NaN', 'Infinity', '-Infinity', '1e-320')],
    different: [['1e-20', '2e-20'], ['0.3', '0.30000000000000004'], ['NaN', null], ['Infinity', '-Infinity'], ['NaN', 'Infinity'], ['1e-320', '0']],
  },
  { name: 'float4 against float8: the shortest text decides', source: 'float4', target: 'float8', equal: [['200.02', '200.02'], ['0.1', '0.1'], ['-0', '0'], ['NaN', 'NaN']], different: [['200.02', '200.0200042724609375'], ['0.1', '0.1000000015']] },
  { name: 'an array of a domain over float4 against one of float8: the shortest text decides', source: '$_ratio[]', target: 'float8[]', before: { source: 'create domain $_ratio as real' }, equal: same('{0.1,200.02}', '{}'), different: [['{0.1}', '{0.1000000015}']] },
  { name: 'an array of float4 against one of a domain over it', source: 'float4[]', target: '$_ratio[]', before: { target: 'create domain $_ratio as real' }, equal: same('{0.1,200.02}', '{}'), different: [['{200.02}', '{200.01999}']] },
  { name: 'float4 against float4', source: 'float4', target: 'float4', equal: [['-0', '0'], ...same('200.02', 'NaN')], different: [['200.02', '200.01999'], ['1e-40', '0']] },
  { name: 'numeric against float8 warns and compares what the float can hold', source: 'numeric', target: 'float8', warns: true, equal: [['0.1', '0.1'], ['NaN', 'NaN']], different: [['0.1', '0.10000000000000002'], ['0.3', '0.30000000000000004']] },
  { name: 'money against numeric', source: 'money', target: 'numeric', equal: [['12.50', '12.5'], ['-1', '-1']], different: [['12.50', '12.51'], ['1', '-1']] },
  { name: 'oid against int8', source: 'oid', target: 'int8', equal: same('4294967295', '0'), different: [['4294967295', '-1']] },
  { name: 'oid against numeric', source: 'oid', target: 'numeric', equal: same('4294967295'), different: [['4294967295', '-1']] },
  { name: 'money against float8', source: 'money', target: 'float8', warns: true, equal: [['12.50', '12.5']], different: [['12.50', '12.51']] },
  {
    name: 'text: case, blanks, tabs, line ends, Unicode normal forms', source: 'text', target: 'varchar(50)', equal: same('ä', 'a b', '\n', 'É', '😀', '\\', "'"),
    different: [['a', 'A'], ['a', 'a '], ['a', ' a'], [' ', '  '], ['a\n', 'a\r\n'], ['é', 'e\u0301'], ['a\tb', 'a b'], ['\u00a0', ' '], ['\u200b', ''], ['ß', 'ss'], ['É', 'é']],
  },
  { name: 'char(n): its padding is no text', source: 'char(5)', target: 'text', equal: [['ab', 'ab'], ['ab   ', 'ab'], ['', ''], [null, null]], different: [['ab', 'abc'], ['ab', ' ab'], ['ab', 'AB'], ['', null], ['a b', 'ab']] },
  { name: 'char(n) against a longer char(n)', source: 'char(3)', target: 'char(10)', equal: [['ab', 'ab'], ['', '']], different: [['a', 'b']] },
  { name: 'name, "char" and text', source: 'name', target: 'text', equal: same('a', ''), different: [['a', 'A'], ['a', 'a ']] },
  { name: 'citext is compared by its letters, not folded', source: 'citext', target: 'text', before: { source: 'create extension if not exists citext' }, equal: same('a', 'A'), different: [['a', 'A']] },
  { name: 'citext on both sides', source: 'citext', target: 'citext', before: { source: 'create extension if not exists citext', target: 'create extension if not exists citext' }, equal: same('Ab'), different: [['a', 'A']] },
  {
    name: 'a nondeterministic collation folds nothing', source: 'text collate $_ci', target: 'text collate $_ci', equal: same('a', 'É'), different: [['a', 'A'], ['é', 'e'], ['é', 'e\u0301']],
    before: { source: "create collation $_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false)", target: "create collation $_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false)" },
  },
  {
    name: 'uuid against a text with a nondeterministic collation', source: 'uuid', target: 'text collate $_ci', equal: [[uuid, uuid], [uuid, uuid.toUpperCase()]], different: [[uuid, uuid.replace('a0', 'b0')]],
    before: { target: "create collation $_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false)" },
  },
  { name: 'uuid against text of either case', source: 'uuid', target: 'text', equal: [[uuid, uuid], [uuid, uuid.toUpperCase()]], different: [[uuid, uuid.replaceAll('-', '')], [uuid, ` ${uuid}`], [uuid, ''], [uuid, null], [uuid, uuid.replace('11', '12')]] },
  { name: 'uuid against uuid', source: 'uuid', target: 'uuid', equal: [[uuid, uuid.toUpperCase()]], different: [[uuid, uuid.replace('11', '12')], [uuid, null], ['00000000-0000-0000-0000-000000000000', null]] },
  {
    name: 'timestamp: microseconds, infinity, BC, the year 10000', source: 'timestamp', target: 'timestamp',
    equal: same('infinity', '-infinity', '0044-03-15 12:00:00 BC', '12345-01-01', '2024-03-31 02:30:00.000001'),
    different: [['2024-01-01 00:00:00.000001', '2024-01-01 00:00:00.000002'], ['2024-01-01 00:00:00.001', '2024-01-01'], ['infinity', null], ['infinity', '-infinity'], ['0044-03-15 BC', '0044-03-15'], ['10000-01-01', '1000-01-01']],
  },
  { name: 'timestamptz is an instant, however it was written', source: 'timestamptz', target: 'timestamptz(6)', equal: [['2024-06-01 12:00+02', '2024-06-01 10:00Z'], ...same('infinity')], different: [['2024-06-01 12:00+02', '2024-06-01 12:00Z'], ['2024-06-01 10:00:00.123456Z', '2024-06-01 10:00:00.123Z'], ['infinity', null]] },
  {
    name: 'timestamp in a declared zone, daylight saving and all', source: 'timestamp', target: 'timestamptz', column: '{ from: v, zone: America/New_York }',
    equal: [['2024-01-15 12:00', '2024-01-15 17:00Z'], ['2024-07-15 12:00', '2024-07-15 16:00Z'], ['infinity', 'infinity'], [null, null]],
    different: [['2024-01-15 12:00', '2024-01-15 16:00Z'], ['2024-01-15 12:00', '2024-01-15 12:00Z'], [null, 'infinity']],
  },
  { name: 'date: infinity, BC, beyond 9999', source: 'date', target: 'date', equal: same('infinity', '0001-01-01 BC', '20240-02-29', '2024-02-29'), different: [['infinity', '-infinity'], ['infinity', null], ['0001-01-01 BC', '0001-01-01'], ['20240-02-29', '2024-02-29']] },
  { name: 'time and its 24:00', source: 'time', target: 'time', equal: same('24:00', '00:00'), different: [['24:00', '00:00'], ['12:00:00.000001', '12:00']] },
  { name: 'timetz keeps its offset', source: 'timetz', target: 'timetz', equal: same('12:00+02'), different: [['12:00+02', '10:00+00']] },
  { name: 'interval: a month is not thirty days, a day is not 24 hours', source: 'interval', target: 'interval', equal: [['1 year', '12 months'], ...same('-1 mon +1 day')], different: [['1 mon', '30 days'], ['1 day', '24:00'], ['00:00', null]] },
  { name: 'bytea', source: 'bytea', target: 'bytea', equal: same('\\x', '\\x00ff', '\\xdeadbeef'), different: [['\\x', null], ['\\x00', '\\x0000'], ['\\x', '\\x00'], ['\\xab', '\\xAc']] },
  {
    name: 'json: order of keys and blanks are no value, jsonb 1.0 is 1.00', source: 'json', target: 'jsonb',
    equal: [['{"a":1, "b": [1,2]}', '{"b":[1, 2],"a":1}'], ['{"a":1.0}', '{"a":1.00}'], ['{"a":1,"a":2}', '{"a":2}'], ['null', 'null'], ['"é"', '"\\u00e9"'], [null, null]],
    different: [['null', null], ['{}', '[]'], ['[[1],2]', '[[1,2]]'], ['{"a":{"b":1},"c":2}', '{"a":{"b":1,"c":2}}'], ['1', '"1"'], ['[1,2]', '[2,1]'], ['1.0', '1.01'], ['"null"', 'null'], ['{"a":null}', '{}'], ['12345678901234567890', '12345678901234567891']],
  },
  { name: 'enum against text, and against an enum of another order', source: '$_color', target: 'text', before: { source: "create type $_color as enum ('red', 'Green', 'blue')" }, equal: same('red', 'Green'), different: [['Green', 'green'], ['red', 'blue'], ['red', null]] },
  {
    name: 'enums whose labels stand in another order', source: '$_color', target: '$_color', equal: same('red', 'blue'), different: [['red', 'blue'], ['blue', 'red']],
    before: { source: "create type $_color as enum ('red', 'green', 'blue')", target: "create type $_color as enum ('blue', 'green', 'red')" },
  },
  {
    name: 'domains are their base type', source: '$_pos', target: 'int8', before: { source: 'create domain $_inner as int; create domain $_pos as $_inner check (value >= 0)' }, equal: same('7'), different: [['7', '8'], ['7', null]],
  },
  {
    name: 'arrays: NULL elements, empty ones, dimensions, bounds', source: 'int[]', target: 'int8[]', equal: same('{}', '{1,NULL}', '{{1,2},{3,4}}', '[0:1]={1,2}'),
    different: [['{1,2}', '{2,1}'], ['{1,2}', '{{1,2}}'], ['{NULL}', '{}'], ['{}', null], ['{NULL}', null], ['[0:1]={1,2}', '{1,2}'], ['{1}', '{1,NULL}']],
  },
  { name: 'arrays of text: NULL is not "NULL", quotes and commas', source: 'text[]', target: 'varchar(20)[]', equal: same('{NULL,"NULL",""}', '{"a,b","c\\"d"}'), different: [['{NULL}', '{"NULL"}'], ['{"a,b"}', '{a,b}'], ['{""}', '{NULL}'], ['{""}', '{}'], ['{a}', '{A}']] },
  { name: 'arrays of numeric by value', source: 'numeric[]', target: 'numeric[]', equal: [['{1.0,2}', '{1,2.00}'], ['{NaN}', '{NaN}'], ['{NULL,1.0}', '{NULL,1}']], different: [['{1.0}', '{1.1}'], ['{1,2}', '{2,1}'], ['{NULL}', '{0}']] },
  { name: 'arrays of an enum against arrays of text', source: '$_color[]', target: 'text[]', before: { source: "create type $_color as enum ('red', 'blue')" }, equal: same('{red,NULL}'), different: [['{red}', '{blue}']] },
  { name: 'ranges: canonical bounds, empty, unbounded', source: 'int4range', target: 'int4range', equal: [['[1,5]', '[1,6)'], ['empty', 'empty'], ['(,5)', '(,5)']], different: [['[1,5)', '[1,5]'], ['empty', '[1,2)'], ['(,5)', '[0,5)'], ['empty', null]] },
  { name: 'ranges of numeric by value, of times by instant', source: 'numrange', target: 'numrange', equal: [['[1.0,2)', '[1,2.00)']], different: [['[1,2)', '[1,2]']] },
  { name: 'multiranges', source: 'int4multirange', target: 'int4multirange', equal: [['{[1,3),[3,5)}', '{[1,5)}']], different: [['{[1,2),[3,5)}', '{[1,5)}']] },
  { name: 'tstzrange', source: 'tstzrange', target: 'tstzrange', equal: [['[2024-01-01 00:00+00,)', '[2024-01-01 02:00+02,)']], different: [['[2024-01-01 00:00+00,)', '[2024-01-01 00:00+00,infinity)']] },
  { name: 'bit strings', source: 'bit(4)', target: 'varbit', equal: same('0101'), different: [['0101', '101'], ['0000', ''], ['0101', '0100']] },
  { name: 'addresses and networks', source: 'inet', target: 'inet', equal: same('10.0.0.1', '10.0.0.1/8', '::1'), different: [['10.0.0.1', '10.0.0.1/24'], ['::1', '::2']] },
  { name: 'inet against cidr', source: 'inet', target: 'cidr', equal: same('10.0.0.0/8', '10.0.0.1/32'), different: [['10.0.0.1/8', '10.0.0.0/8']] },
  { name: 'macaddr, points, xml, tsvector, pg_lsn', source: 'macaddr', target: 'macaddr', equal: [['08:00:2b:01:02:03', '08-00-2b-01-02-03']], different: [['08:00:2b:01:02:03', '08:00:2b:01:02:04']] },
  { name: 'points with every digit', source: 'point', target: 'point', equal: same('(0.1,0.2)'), different: [['(0.1,0.3)', '(0.1,0.30000000000000004)'], ['(1,2)', '(2,1)']] },
  { name: 'xml as the server writes it', source: 'xml', target: 'xml', equal: [...same('<a/>'), ['<?xml version="1.0"?><a/>', '<a/>'], ['<?xml version="1.0" encoding="UTF-8"?><a/>', '<a/>']], different: [['<a>1</a>', '<a>2</a>'], ['<a b="1"/>', '<a c="1"/>']] },
  { name: 'hstore: order of keys is no value, NULL is', source: 'hstore', target: 'hstore', before: { source: 'create extension if not exists hstore', target: 'create extension if not exists hstore' }, equal: [['a=>1, b=>NULL', 'b=>NULL, a=>1']], different: [['a=>NULL', 'a=>"NULL"'], ['a=>1', 'a=>2'], ['', null]] },
  { name: 'values into bit(n)', source: 'int', target: 'bit(3)', column: '{ from: v, values: { 1: "101", 2: "010" } }', equal: [['1', '101'], ['2', '010']], different: [['1', '100'], ['2', '110']] },
  { name: 'values into an integer array', source: 'int', target: 'int[]', column: '{ from: v, values: { 1: "{1, 2}" } }', equal: [['1', '{1,2}']], different: [['1', '{2,1}']] },
  { name: 'values into a range', source: 'int', target: 'int4range', column: '{ from: v, values: { 1: "[1,2]" } }', equal: [['1', '[1,3)']], different: [['1', '[1,2)']] },
  { name: 'values into numeric, float4 and jsonb are read by the type', source: 'int', target: 'float4', column: '{ from: v, values: { 1: 0.1, 2: 1e3 } }', equal: [['1', '0.1'], ['2', '1000']], different: [['1', '0.2']] },
  { name: 'values of numeric codes: 1.0 is 1', source: 'numeric', target: 'text', column: '{ from: v, values: { 1.0: one, 2: two } }', equal: [['1', 'one'], ['1.00', 'one'], ['2.0', 'two']], different: [['3', 'three'], ['1', 'two']] },
  { name: 'values under a nondeterministic collation: codes are exact', source: 'text collate $_ci', target: 'text', before: { source: "create collation $_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false)" }, column: '{ from: v, values: { a: x } }', equal: [['a', 'x']], different: [['A', 'x']] },
]

/** Types that cannot be brought together: the plan check says so and nothing is called equal. */
const refused: [name: string, source: string, target: string, before: string, says: string][] = [
  ['timestamp against timestamptz without a zone', 'timestamp', 'timestamptz', '', 'the source time has no zone'],
  ['timestamptz against timestamp', 'timestamptz', 'timestamp', '', 'cannot be compared without losing something'],
  ['timestamp against date', 'timestamp', 'date', '', 'cannot be compared without losing something'],
  ['text against integer', 'text', 'int', '', 'cannot be compared without losing something'],
  ['text against jsonb', 'text', 'jsonb', '', 'cannot be compared without losing something'],
  ['boolean against integer', 'bool', 'int', '', 'cannot be compared without losing something'],
  ['a composite type', '$_pair', '$_pair', 'create type $_pair as (x int, y int)', 'cannot be compared'],
  ['regclass', 'regclass', 'regclass', '', 'cannot be compared'],
  ['xid', 'xid', 'xid', '', 'transaction ids'],
  ['arrays of arrays, through a domain', '$_ints[]', '$_ints[]', 'create domain $_ints as int[]', 'no common text'],
  ['arrays of char(n)', 'char(3)[]', 'text[]', '', 'no common text'],
  ['different ranges', 'int4range', 'int8range', '', 'different ranges'],
]

export const nothing = 'null: null excluded, null verified, null accepted, null differs, null merged, null explained, null pending, null missing, null unverified | null: null matched, null duplicate, null generated, null pending, null extra, null unverified'

const refusedCases = refused.map(([name, source, target, before]): Case => ({
  name,
  source: `${before}; create table $_t (id int primary key, v ${source}); insert into $_t values (1, null)`,
  target: `${before}; create table $_t (id int primary key, v ${target}); insert into $_t values (1, null)`,
  entities: { t: 'source: { table: $_t }, target: { table: $_t }, key: { id: id }, columns: { v: v }' },
  expected: { t: { verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified', note: refused.find(([one]) => one === name)![4] } },
}))

const nasty = ['MixedCase', 'select', 'a "quoted" one', 'with.dot', 'with blank', 'hy-phen', 'é😀', 'x'.repeat(63), "it's", 'back\\slash', 'src', 'tgt', 'state', 'hashed', 'keyed', 'ctid_', 'map_0']

/** Keys of every kind, each with one row that is only there, one that is only here and one that differs. */
const keyKinds: [name: string, type: string, keys: [string, string, string, string]][] = [
  ['int8 beyond 2^53', 'int8', ['9007199254740992', '9007199254740993', '9007199254740994', '-9223372036854775808']],
  ['numeric of 40 digits', 'numeric', ['1234567890123456789012345678901234567890', '1234567890123456789012345678901234567891', '0.1', '-0.1']],
  ['text', 'text', ['a', 'A', ' a', 'é']],
  ['uuid', 'uuid', [uuid, uuid.replace('11', '12'), uuid.replace('11', '13'), uuid.replace('11', '14')]],
  ['timestamptz', 'timestamptz', ['2024-01-01 00:00:00+00', '2024-01-01 00:00:00.000001+00', 'infinity', '-infinity']],
  ['date', 'date', ['2024-01-01', '0044-03-15 BC', 'infinity', '9999-12-31']],
  ['negative with huge gaps', 'int', ['-2147483648', '2147483647', '0', '-1']],
  ['enum', '$_e', ['a', 'b', 'c', 'd']],
  ['bytea', 'bytea', ['\\x', '\\x00', '\\x0000', '\\xff']],
  ['boolean', 'text', ['t', 'f', 'true', 'false']],
  ['inet', 'inet', ['10.0.0.1/32', '10.0.0.1/8', '::1/128', '::2/128']],
  ['text with separators', 'text', ['a|b', 'a', '|b', '"']],
]

const keyCases = keyKinds.map(([name, type, [equal, differs, missing, extra]]): Case => {
  const create = `${type === '$_e' ? "create type $_e as enum ('a', 'b', 'c', 'd');" : ''} create table $_t (k ${type} primary key, v int);`
  const rows = (list: [string, number][]) => `insert into $_t values ${list.map(([key, value]) => `(${quoteLiteral(key)}, ${value})`).join(', ')}`
  const json = (key: string) => JSON.stringify({ k: key.replace('+00', '+00').replace(/^\\x/, '') })
  return {
    name: `a key of ${name}`,
    source: `${create} ${rows([[equal, 1], [differs, 1], [missing, 1]])}`, target: `${create} ${rows([[equal, 1], [differs, 2], [extra, 1]])}`,
    entities: { t: `${side('t')}, key: { k: k }, same: [v]` },
    expected: {
      t: {
        verdict: 'fail', figures: '3: 1 verified, 1 differs, 1 missing | 3: 2 matched, 1 extra',
        differences: [`differs value ${json(differs)} v: 1 → 2`, `missing plain ${json(missing)}`, `extra ghost ${json(extra)} k ${extra}`],
      },
    },
  }
})

export const structureCases: Case[] = [
  ...keyCases,
  {
    name: 'composite keys: swapped legs and every separator are other keys',
    source: table('t', 'a text, b text', "('1', '11'), ('a|b', 'c'), ('ab', 'c'), ('a', ''), ('a,b', 'c'), ('\"a', '\"b')"),
    target: table('t', 'a text, b text', "('11', '1'), ('a', 'b|c'), ('a', 'bc'), ('', 'a'), ('a', 'b,c'), ('\"a', '\"b')"),
    entities: { t: `${side('t')}, key: { a: a, b: b }` },
    expected: {
      t: {
        verdict: 'fail', figures: '6: 1 verified, 5 missing | 6: 1 matched, 5 extra',
        differences: [
          ...[['1', '11'], ['a|b', 'c'], ['ab', 'c'], ['a', ''], ['a,b', 'c']].map(([a, b]) => `missing plain ${JSON.stringify({ a, b })}`),
          ...[['11', '1'], ['a', 'b|c'], ['a', 'bc'], ['', 'a'], ['a', 'b,c']].map(([a, b]) => `extra ghost ${JSON.stringify({ a, b })} a ${a} b ${b}`),
        ],
      },
    },
  },
  {
    name: 'values moved from one column to its neighbour differ in both',
    source: table('t', 'id int primary key, a text, b text', "(1, 'x', null), (2, 'a|b', 'c'), (3, 'ab', 'c'), (4, 'p', 'q')"),
    target: table('t', 'id int primary key, a text, b text', "(1, null, 'x'), (2, 'a', 'b|c'), (3, 'a', 'bc'), (4, 'q', 'p')"),
    entities: { t: `${side('t')}, key: { id: id }, same: [a, b]` },
    expected: {
      t: {
        verdict: 'fail', figures: '4: 4 differs | 4: 4 matched',
        differences: ['differs value {"id":"1"} a: x → NULL b: NULL → x', 'differs value {"id":"2"} a: a|b → a b: c → b|c', 'differs value {"id":"3"} a: ab → a b: c → bc', 'differs value {"id":"4"} a: p → q b: q → p'],
      },
    },
  },
  {
    name: 'two columns that both change by the same step do not cancel out',
    source: table('t', 'id int primary key, a numeric, b numeric', '(1, 1, 1), (2, 5, 5), (3, 3, 3)'),
    target: table('t', 'id int primary key, a numeric, b numeric', '(1, 10000, 10000), (2, -5, -5), (3, 3, 3)'),
    entities: { t: `${side('t')}, key: { id: id }, same: [a, b]` },
    expected: { t: { verdict: 'fail', figures: '3: 1 verified, 2 differs | 3: 3 matched', differences: ['differs value {"id":"1"} a: 1 → 10000 b: 1 → 10000', 'differs value {"id":"2"} a: 5 → -5 b: 5 → -5'] } },
  },
  {
    name: 'rows below and above the keys of the other side, and a hole between',
    source: `create table $_t (id int primary key); insert into $_t select * from generate_series(1, 2000)`,
    target: `create table $_t (id int primary key); insert into $_t select * from generate_series(-1, 2002) id where id not in (777)`,
    entities: { t: `${side('t')}, key: { id: id }` },
    expected: {
      t: {
        verdict: 'fail', figures: '2000: 1999 verified, 1 missing | 2003: 1999 matched, 4 extra',
        differences: ['missing plain {"id":"777"}', ...[-1, 0, 2001, 2002].map((id) => `extra ghost {"id":"${id}"} id ${id}`)],
      },
    },
  },
  {
    name: 'keys that all shift by one: the counts agree, one row is missing and one extra, the rest differ',
    source: `create table $_t (id int primary key, v int); insert into $_t select i, i from generate_series(1, 50) i`,
    target: `create table $_t (id int primary key, v int); insert into $_t select i + 1, i from generate_series(1, 50) i`,
    entities: { t: `${side('t')}, key: { id: id }, same: [v]` },
    expected: {
      t: {
        verdict: 'fail', figures: '50: 49 differs, 1 missing | 50: 49 matched, 1 extra',
        differences: ['missing plain {"id":"1"}', 'extra ghost {"id":"51"} id 51', ...Array.from({ length: 49 }, (_, index) => `differs value {"id":"${index + 2}"} v: ${index + 2} → ${index + 1}`)],
      },
    },
  },
  {
    name: 'identifiers of every kind, on both sides',
    source: `create schema ${quoteIdentifier('$ ".schema')}; create table ${quoteIdentifier('$ ".schema')}.${quoteIdentifier('T "é')} (${nasty.map((column, index) => `${quoteIdentifier(column)} int${index === 0 ? ' primary key' : ''}`).join(', ')}); insert into ${quoteIdentifier('$ ".schema')}.${quoteIdentifier('T "é')} values (${nasty.map((_, index) => index).join(', ')})`,
    target: `create table ${quoteIdentifier('$ select')} (${nasty.map((column) => `${quoteIdentifier(column)} int`).join(', ')}); insert into ${quoteIdentifier('$ select')} values (${nasty.map((_, index) => (index === nasty.length - 1 ? -1 : index)).join(', ')})`,
    entities: { t: `source: { table: [${JSON.stringify('$ ".schema')}, ${JSON.stringify('T "é')}] }, target: { table: "$ select" }, key: { MixedCase: MixedCase }, same: ${JSON.stringify(nasty.slice(1))}` },
    expected: { t: { verdict: 'fail', figures: '1: 1 differs | 1: 1 matched', differences: ['differs value {"MixedCase":"0"} map_0: 16 → -1'] } },
  },
  {
    name: 'tables called src and tgt, and columns that shadow them, in the plan\'s SQL',
    source: 'create schema $; create table $.src (src int primary key, tgt int); insert into $.src values (1, 2), (2, 3)',
    target: 'create schema $; create table $.tgt (src int primary key, tgt int); insert into $.tgt values (1, 2), (2, 4)',
    entities: { t: 'source: { table: $.src, where: "src.src > 0" }, target: { table: $.tgt, where: "tgt.tgt > 0" }, key: { src: src }, columns: { tgt: { sql: "src.tgt" } }' },
    expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: ['differs value {"src":"2"} tgt: 3 → 4'] } },
  },
  {
    name: 'the same table name in two schemas',
    source: 'create schema $a; create schema $b; create table $a.t (id int primary key); create table $b.t (id int primary key); insert into $a.t values (1); insert into $b.t values (2)',
    target: 'create schema $a; create schema $b; create table $a.t (id int primary key); create table $b.t (id int primary key); insert into $a.t values (1); insert into $b.t values (1)',
    entities: { a: 'source: { table: $a.t }, target: { table: $a.t }, key: { id: id }', b: 'source: { table: $b.t }, target: { table: $b.t }, key: { id: id }' },
    expected: {
      a: { verdict: 'pass', figures: '1: 1 verified | 1: 1 matched' },
      b: { verdict: 'fail', figures: '1: 1 missing | 1: 1 extra', differences: ['missing plain {"id":"2"}', 'extra ghost {"id":"1"} id 1'] },
    },
  },
  {
    name: 'a partitioned table against an inherited one against a view against a materialised view',
    source: 'create table $_p (id int, v int) partition by hash (id); create table $_p0 partition of $_p for values with (modulus 2, remainder 0); create table $_p1 partition of $_p for values with (modulus 2, remainder 1); insert into $_p select i, i from generate_series(1, 20) i; create view $_v as select id, v from $_p',
    target: 'create table $_p (id int, v int); create table $_child () inherits ($_p); insert into $_p select i, i from generate_series(1, 10) i; insert into $_child select i, i from generate_series(11, 20) i; create materialized view $_v as select id, case when id = 7 then 0 else v end as v from $_p',
    entities: { p: `${side('p')}, key: { id: id }, same: [v]`, v: `${side('v')}, key: { id: id }, same: [v]` },
    expected: { p: { verdict: 'pass', figures: '20: 20 verified | 20: 20 matched' }, v: { verdict: 'fail', figures: '20: 19 verified, 1 differs | 20: 20 matched', differences: ['differs value {"id":"7"} v: 7 → 0'] } },
    tables: { 'source $_p': 'pass: 20 once, 0 several, 0 unclaimed of 20', 'target $_p': 'pass: 20 once, 0 several, 0 unclaimed of 20' },
  },
  {
    name: 'a unique index of an inheritance parent does not prove the key unique',
    source: 'create table $_p (id int primary key, v int); create table $_child () inherits ($_p); insert into $_p values (1, 1); insert into $_child values (1, 1)',
    target: table('p', 'id int, v int', '(1, 1), (1, 1)'),
    entities: { p: `${side('p')}, key: { id: id }, same: [v]` },
    expected: { p: { verdict: 'fail', figures: '2: 2 verified | 2: 2 matched' } },
    checks: { '$_p the source key is unique': 'fail' },
  },
  {
   
    name: 'text keys under a nondeterministic collation are as different as their letters',
    source: `create collation $_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false); ${table('t', 'k text collate $_ci, v int', "('a', 1), ('A', 2), ('é', 3)")}`,
    target: `create collation $_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false); ${table('t', 'k text collate $_ci, v int', "('a', 1), ('A', 2), ('e', 3)")}`,
    entities: { t: `${side('t')}, key: { k: k }, same: [v]` },
    expected: { t: { verdict: 'fail', figures: '3: 2 verified, 1 missing | 3: 2 matched, 1 extra', differences: ['missing plain {"k":"é"}', 'extra ghost {"k":"e"} k e'] } },
    checks: { '$_t the source key is unique': 'pass' },
  },
  {
   
    name: 'a key map whose columns have nondeterministic or different collations',
    source: table('t', 'id int primary key, fk text', "(1, 'a'), (2, 'A')"),
    target: `create collation $_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false); ${table('t', 'id int, fk text collate "POSIX"', "(1, 'x'), (2, 'X')")}; ${table('map', 'legacy text collate $_ci, modern text collate $_ci', "('a', 'x'), ('A', 'X')")}`,
    keyMaps: '$_map: { table: $_map, legacy: legacy, modern: modern }',
    entities: { t: `${side('t')}, key: { id: id }, columns: { fk: { from: fk, references: $_map } }` },
    expected: { t: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' } },
  },
  {
    name: 'a statement that fails in one row leaves that row and its partner unverified, its error told',
    source: table('t', 'id int primary key, v text', "(1, '5'), (2, 'five')"),
    target: table('t', 'id int, v int', '(1, 5), (2, 5)'),
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { sql: "src.v::int" } }` },
    expected: { t: { verdict: 'unknown', figures: '2: 1 verified, 1 unverified | 2: 1 matched, 1 unverified', note: '1 row of the source cannot be read: invalid input syntax',
        differences: ['unverified cannot be read {"id":"2"}', 'unverified its source row cannot be read {"id":"2"} id 2'],
      } },
  },
  {
    name: 'a predicate that fails in one row leaves nothing counted as known',
    source: table('t', 'id int primary key, v text', "(1, '5'), (2, 'five')"),
    target: table('t', 'id int, v text', "(1, '5')"),
    entities: { t: 'source: { table: $_t, where: "src.v::int = 5" }, target: { table: $_t }, key: { id: id }, same: [v]' },
    expected: { t: { verdict: 'unknown', figures: nothing.replace(/\| .*/, '| 1: 1 unverified'), note: 'source: invalid input syntax' } },
    tables: { 'source $_t': 'unknown: null once, null several, null unclaimed of null' },
  },
  {
    name: 'no column in common but the key: the keys are compared, the rest is uncovered',
    source: table('t', 'id int primary key, a int', '(1, 1)'),
    target: table('t', 'id int, b int', '(1, 1)'),
    entities: { t: `${side('t')}, key: { id: id }, same: all` },
    expected: { t: { verdict: 'warn', figures: '1: 1 verified | 1: 1 matched' } },
  },
]
/** The differences of these are told by `idsOnly`. */
export const valueCases: Case[] = [...valuePairs.map(caseOf), ...refusedCases]

/** The keys are what matters there; how values are shown is asserted elsewhere. */
export function idsOnly(run: ComparisonRun): ComparisonRun {
  return { ...run, differences: run.differences.map((difference) => ({ ...difference, cause: null, class: '', key: {}, columns: [], reason: difference.key['id'] ?? null })) }
}

/** Each is a job of its own: what one entity cannot bear must not take the others with it. */
const healthy = { source: 'create table $_ok (id int primary key); insert into $_ok values (1)', target: 'create table $_ok (id int primary key); insert into $_ok values (1)' }
const ok = { verdict: 'pass' as const, figures: '1: 1 verified | 1: 1 matched' }
export const beside = (one: Case): Case => ({
  ...one, source: `${healthy.source}; ${one.source}`, target: `${healthy.target}; ${one.target}`,
  entities: { ok: `${side('ok')}, key: { id: id }`, ...one.entities }, expected: { ok, ...one.expected },
})

export const loneCases: Case[] = [
  {
   
    name: 'a key map of numbers kept as text with a nondeterministic collation',
    source: table('t', 'id int primary key', '(1), (2)'),
    target: `create collation $_ci (provider = icu, locale = 'und-u-ks-level1', deterministic = false); ${table('t', 'id int', '(10), (20)')}; ${table('map', 'legacy text collate $_ci, modern int', "('1', 10), ('2', 20)")}`,
    keyMaps: '$_map: { table: $_map, legacy: legacy, modern: modern }',
    entities: { t: `${side('t')}, key: { id: { from: id, references: $_map } }` },
    expected: { t: { verdict: 'pass', figures: '2: 2 verified | 2: 2 matched' } },
  },
  {
    name: 'a predicate of a key map that fails in one row',
   
    source: table('t', 'id int primary key', '(1)'),
    target: `${table('t', 'id int', '(10)')}; ${table('map', 'legacy int, modern int, kind text', "(1, 10, '1'), (2, 20, 'x')")}`,
    keyMaps: '$_map: { table: $_map, legacy: legacy, modern: modern, where: "tgt.kind::int = 1" }',
    entities: { t: `${side('t')}, key: { id: { from: id, references: $_map } }` },
    expected: { t: { verdict: 'unknown', figures: '1: 1 unverified | 1: 1 unverified', note: 'invalid input syntax' } },
  },
  {
    name: 'an explanation that fails in one row',
   
    source: table('t', 'id int primary key, v text', "(1, 'x'), (2, '2')"),
    target: table('t', 'id int, v text', "(2, '2')"),
    entities: { t: `${side('t')}, key: { id: id }, same: [v], explained: [{ reason: e, where: "src.v::int = 1" }]` },
    expected: { t: { verdict: 'unknown', figures: '2: 2 unverified | 1: 1 unverified', note: 'invalid input syntax' } },
  },
  {
    name: 'a kind of generated rows that fails in one row',
   
    source: table('t', 'id int primary key, v text', "(2, '2')"),
    target: table('t', 'id int, v text', "(1, 'x'), (2, '2')"),
    entities: { t: 'source: { table: $_t }, target: { table: $_t, generated: [{ reason: g, where: "tgt.v::int = 1" }] }, key: { id: id }, same: [v]' },
    expected: { t: { verdict: 'unknown', figures: '1: 1 unverified | 2: 2 unverified', note: 'invalid input syntax' } },
  },
  {
    name: 'large JSON documents that differ, and one that is equal by value only',
   
    source: `create table $_t (id int primary key, v jsonb); insert into $_t select i, jsonb_build_object('a', repeat('x', 70000), 'n', case i when 2 then 1.0 else i end) from generate_series(1, 3) i`,
    target: `create table $_t (id int primary key, v jsonb); insert into $_t select i, jsonb_build_object('a', repeat('x', 70000), 'n', case i when 1 then 7 when 2 then 1.00 else i end) from generate_series(1, 3) i`,
    entities: { t: `${side('t')}, key: { id: id }, columns: { v: { from: v, pii: true } }` },
    expected: { t: { verdict: 'fail', figures: '3: 2 verified, 1 differs | 3: 3 matched', differences: ['differs value {"id":"1"} v: ••• → •••'] } },
  },
  {
    name: 'a key that cannot be read in a row that the entity does not claim',
   
    source: table('t', 'ref text, kind text', "('1', 'P'), ('abc', 'Q')"),
    target: table('t', 'ref int', '(1), (2)'),
    entities: { t: 'source: { table: $_t, where: "src.kind = \'P\'" }, target: { table: $_t }, key: { ref: { sql: "src.ref::int" } }' },
    expected: { t: { verdict: 'fail', figures: '1: 1 verified | 2: 1 matched, 1 extra', differences: ['extra ghost {"ref":"2"} ref 2'] } },
  },
  {
    name: 'a share that is dear to decide is decided before the key of a row is read',
   
    source: `${table('t', 'ref text, kind int', "('1', 1), ('abc', 2)")}; ${table('kind', 'id int, name text', "(1, 'P')")}; ${table('other', 'id int', '(1)')}`,
    target: table('t', 'ref int', '(1)'),
    entities: { t: 'source: { table: $_t, where: "(select count(*) from $_kind k join $_other o on o.id = k.id where k.id = src.kind) = 1" }, target: { table: $_t }, key: { ref: { sql: "src.ref::int + 1" } }' },
    expected: { t: { verdict: 'fail', figures: '1: 1 missing | 1: 1 extra', differences: ['missing plain {"ref":"2"}', 'extra ghost {"ref":"1"} ref 1'] } },
  },
]
