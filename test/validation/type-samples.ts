/** Literals of every type of PostgreSQL that is accepted: pairs that are one value in two notations, and pairs that are two values although they are near. */
export interface Sample {
  equal: [string, string][]
  different: [string, string][]
}

const sample = (equal: [string, string][], different: [string, string][]): Sample => ({ equal, different })
const uuid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
const text = sample([['a b', 'a b'], ['É', 'É'], ['', '']], [['a', 'A'], ['a', ' a'], ['e', 'é'], ['NULL', 'null'], ['', ' '], ['\\', '\\\\']])

/** By name in pg_type; arrays, multiranges and domains are made of these. */
export const samples: Record<string, Sample> = {
  bool: sample([['t', 'yes'], ['f', '0']], [['t', 'f']]),
  bytea: sample([['\\x00ff', '\\000\\377'], ['\\x', '']], [['\\x00', '\\x0000'], ['\\x', '\\x00'], ['\\xab', '\\xac'], ['\\x61', '\\x41']]),
  char: sample([['a', 'a'], ['', '']], [['a', 'A'], ['', ' ']]),
  name: text, varchar: text, refcursor: text,
  text: sample([...text.equal, ['a ', 'a ']], [...text.different, ['a', 'a '], ['é', 'e'], ['x', 'x\n'], ['x\n', 'x\r\n'], ['a\tb', 'a b']]),
  bpchar: sample([['ab', 'ab  '], ['', '   '], ['É', 'É']], [['ab', 'abc'], ['ab', ' ab'], ['ab', 'AB']]),
  int2: sample([['7', ' +7 '], ['-32768', '-32768']], [['7', '-7'], ['0', '1'], ['32767', '-32768']]),
  int4: sample([['7', '007'], ['-2147483648', '-2147483648']], [['7', '-7'], ['2147483647', '2147483646'], ['-1', '65535']]),
  int8: sample([['7', '07'], ['9007199254740993', '9007199254740993']], [['9007199254740992', '9007199254740993'], ['-1', '4294967295'], ['5', '-5'], ['1', '4294967297'], ['9223372036854775807', '9223372036854775806']]),
  oid: sample([['4294967295', '-1'], ['7', '07']], [['0', '1'], ['4294967295', '4294967294']]),
  int2vector: sample([['1 2', ' 1  2 ']], [['1 2', '2 1'], ['1 2', '12'], ['1', '1 1']]),
  oidvector: sample([['1 2', ' 1  2 ']], [['1 2', '2 1'], ['1 2', '12'], ['1', '1 1']]),
  numeric: sample([['3000.00', '3e3'], ['0', '-0.00'], ['NaN', 'nan'], ['1234567890123456789012345678901234567890.10', '1234567890123456789012345678901234567890.1']],
    [['5', '-5'], ['3', '30000'], ['1', '10000'], ['0.1', '0.10000000000000000000000000000001'], ['NaN', '0'], ['1e-50', '0'], ['Infinity', 'NaN'], ['Infinity', '-Infinity']]),
  money: sample([['12.50', '$12.5'], ['-1', '($1.00)'], ['1234.5', '$1,234.50']], [['12.50', '12.51'], ['1', '-1']]),
  float4: sample([['0.1', '1e-1'], ['-0', '0'], ['NaN', 'nan'], ['Infinity', 'inf']], [['200.02', '200.01999'], ['1e-40', '0'], ['16777216', '16777218'], ['NaN', '0']]),
  float8: sample([['0.1', '1e-1'], ['-0', '0'], ['NaN', 'nan'], ['1e-320', '1e-320']], [['0.3', '0.30000000000000004'], ['1e-20', '2e-20'], ['1e-320', '0'], ['Infinity', '-Infinity'], ['9007199254740992', '9007199254740994']]),
  json: sample([['{"a":1, "bb": [1,2]}', '{"bb":[1, 2],"a":1}'], ['{"a":1.0}', '{"a":1.00}'], ['{"é":1,"bb":2}', '{"bb":2,"é":1}']], [['null', '{}'], ['[[1],2]', '[[1,2]]'], ['5', '-5'], ['1', '"1"'], ['{"a":{"b":1},"c":2}', '{"a":{"b":1,"c":2}}'], ['12345678901234567890', '12345678901234567891']]),
  jsonb: sample([['{"a":1, "bb": [1,2]}', '{"bb":[1, 2],"a":1}'], ['{"a":1.0}', '{"a":1.00}'], ['{"a":1,"a":2}', '{"a":2}'], ['{"é":1,"bb":2}', '{"bb":2,"é":1}']], [['null', '{}'], ['[[1],2]', '[[1,2]]'], ['5', '-5'], ['1', '"1"'], ['{"a":null}', '{}'], ['12345678901234567890', '12345678901234567891']]),
  uuid: sample([[uuid, uuid.toUpperCase()], [uuid.replace('11', '12'), `{${uuid.replace('11', '12')}}`]], [[uuid, uuid.replace('11', '12')]]),
  date: sample([['2024-02-29', 'February 29, 2024'], ['infinity', 'infinity'], ['0044-03-15 BC', 'March 15, 44 BC'], ['20240-02-29', '20240-02-29']], [['2024-02-29', '2024-02-28'], ['infinity', '-infinity'], ['0044-03-15 BC', '0044-03-15'], ['2024-01-02', '2024-02-01']]),
  time: sample([['04:05:06', '4:05:06 AM'], ['24:00', '24:00:00']], [['24:00', '00:00'], ['12:00:00.000001', '12:00']]),
  timetz: sample([['12:00+02', '12:00:00+02:00']], [['12:00+02', '10:00+00'], ['12:00:00.000001+02', '12:00+02']]),
  timestamp: sample([['2024-02-29 12:00', 'Feb 29 12:00:00.000000 2024'], ['infinity', 'infinity'], ['0044-03-15 12:00 BC', '0044-03-15 12:00:00 BC']], [['2024-01-01 00:00:00.000001', '2024-01-01'], ['infinity', '-infinity'], ['10000-01-01', '1000-01-01'], ['2024-03-31 02:30', '2024-03-31 03:30']]),
  timestamptz: sample([['2024-06-01 12:00+02', '2024-06-01 10:00Z'], ['2024-06-01 12:00 America/New_York', '2024-06-01 16:00Z'], ['infinity', 'infinity']], [['2024-06-01 12:00+02', '2024-06-01 12:00Z'], ['2024-06-01 10:00:00.000001Z', '2024-06-01 10:00Z'], ['-infinity', 'infinity']]),
  interval: sample([['1 year', '12 months'], ['1-2', '1 year 2 mons'], ['-1 day +1 hour', '-1 days 01:00:00'], ['P1DT1H', '1 day 1 hour']], [['1 mon', '30 days'], ['1 day', '24:00'], ['00:00', '00:00:00.000001'], ['-1 day +1 hour', '-23:00']]),
  inet: sample([['10.0.0.1', '10.0.0.1/32'], ['::1', '0:0:0:0:0:0:0:1']], [['10.0.0.1', '10.0.0.1/24'], ['::1', '::2'], ['10.0.0.1/8', '10.0.0.2/8']]),
  cidr: sample([['10.0.0.0/8', '10/8']], [['10.0.0.0/8', '10.0.0.0/9'], ['10.0.0.0/32', '10.0.0.0/31']]),
  macaddr: sample([['08:00:2b:01:02:03', '08-00-2B-01-02-03']], [['08:00:2b:01:02:03', '08:00:2b:01:02:04']]),
  macaddr8: sample([['08:00:2b:01:02:03:04:05', '0800.2b01.0203.0405']], [['08:00:2b:01:02:03:04:05', '08:00:2b:01:02:03:04:06'], ['08:00:2b:ff:fe:01:02:03', '08:00:2b:ff:ff:01:02:03']]),
  bit: sample([['101', 'b101'], ['11111111', 'xff']], [['0101', '101'], ['0101', '0100'], ['0000', '000']]),
  varbit: sample([['101', 'b101'], ['', '']], [['0101', '101'], ['0000', '']]),
  xml: sample([['<a>1</a>', '<a>1</a>']], [['<a>1</a>', '<a>2</a>'], ['<a b="1"/>', '<a c="1"/>'], ['<a>é</a>', '<a>e</a>']]),
  point: sample([['(0.1,0.2)', '0.1, 0.2'], ['(-0,0)', '(0,-0)']], [['(0.1,0.3)', '(0.1,0.30000000000000004)'], ['(1,2)', '(2,1)'], ['(0,-0.5)', '(0,0.5)'], ['(0,1e-20)', '(0,0)']]),
  line: sample([['{1,-1,0}', '{ 1 , -1 , 0 }']], [['{1,-1,0}', '{1,1,0}'], ['{1,-1,0}', '{1,-1,1e-20}']]),
  lseg: sample([['[(0,0),(1,1)]', '0,0,1,1']], [['[(0,0),(1,1)]', '[(1,1),(0,0)]'], ['[(0,0),(1,1)]', '[(0,1e-20),(1,1)]']]),
  box: sample([['(1,1),(0,0)', '(0,0),(1,1)'], ['(1,-0),(0,-0)', '(1,0),(0,0)']], [['(1,1),(0,0)', '(1,1.0000000000000002),(0,0)']]),
  path: sample([['[(0,0),(1,1)]', '[0,0,1,1]']], [['[(0,0),(1,1)]', '((0,0),(1,1))'], ['[(0,0)]', '[(0,0),(0,0)]']]),
  polygon: sample([['((0,0),(1,1),(1,0))', '0,0,1,1,1,0']], [['((0,0),(1,1),(1,0))', '((0,0),(1,0),(1,1))'], ['((0,0),(1,1),(1,0))', '((0,0),(1,1),(1,1e-20))']]),
  circle: sample([['<(0,0),1>', '((0,0),1)'], ['<(-0,0),2>', '<(0,0),2>']], [['<(0,0),1>', '<(0,0),1.0000000000000002>']]),
  tsvector: sample([['b a', 'a b a'], ['a:1A', 'a:1a'], ['é b', 'b é']], [['a:1', 'a:2'], ['a:1A', 'a:1B'], ['a', 'A'], ['a b', 'ab']]),
  tsquery: sample([['a & b', 'a&b'], ['!a', '! a']], [['a & b', 'a | b'], ['a & b', 'b & a'], ['a', 'a:*']]),
  jsonpath: sample([['$.a', '$."a"'], ['$.a[0]', 'lax $.a[0]']], [['$.a', '$.b'], ['$.a', 'strict $.a'], ['$.a[0]', '$.a[1]']]),
  pg_lsn: sample([['0/16B3748', '0/016b3748']], [['0/16B3748', '0/16B3749'], ['1/0', '0/1']]),
  txid_snapshot: sample([['10:20:10,14', '10:20:10,14']], [['10:20:10,14', '10:20:10,15'], ['10:20:', '10:21:']]),
  pg_snapshot: sample([['10:20:10,14', '10:20:10,14']], [['10:20:10,14', '10:20:10,15'], ['10:20:', '10:21:']]),
  int4range: sample([['[1,5]', '[1,6)'], ['empty', '(1,1)'], ['(,5)', '[,5)']], [['[1,5)', '[1,5]'], ['empty', '[1,2)'], ['(,5)', '[-2147483648,5)']]),
  int8range: sample([['[1,5]', '[1,6)'], ['empty', '(1,1)']], [['[1,5)', '[1,5]'], ['[9007199254740992,)', '[9007199254740993,)']]),
  numrange: sample([['[1.0,2)', '[1,2.00)'], ['empty', '(1,1)']], [['[1,2)', '[1,2]'], ['[1,2)', '[1,2.0000000000000000000001)'], ['[1,)', '[1,Infinity)']]),
  tsrange: sample([['[2024-01-01 00:00,)', '[Jan 1 2024 00:00:00,]']], [['[2024-01-01,)', '[2024-01-01 00:00:00.000001,)'], ['[2024-01-01,)', '[2024-01-01,infinity)']]),
  tstzrange: sample([['[2024-01-01 00:00+00,)', '[2024-01-01 02:00+02,)']], [['[2024-01-01 00:00+00,)', '(2024-01-01 00:00+00,)'], ['[2024-01-01 00:00+00,)', '[2024-01-01 00:00+02,)']]),
  cardinal_number: sample([['7', '007']], [['7', '8'], ['0', '1']]),
  yes_or_no: sample([['YES', 'YES']], [['YES', 'NO']]),
  time_stamp: sample([['2024-06-01 12:00+02', '2024-06-01 10:00Z']], [['2024-06-01 10:00:00.01Z', '2024-06-01 10:00Z']]),
  daterange: sample([['[2024-01-01,2024-01-02]', '[2024-01-01,2024-01-03)']], [['[2024-01-01,2024-01-02)', '[2024-01-01,2024-01-02]'], ['[2024-01-01,)', '[2024-01-01,infinity)']]),
}

/** Why a type that ships with PostgreSQL is refused, by name in pg_type; composite types, and all that is made of a refused one, are refused too. */
export const refusals: Record<string, RegExp> = {
  xid: /transaction ids/, xid8: /transaction ids/, cid: /command ids/, tid: /row addresses/, aclitem: /names roles/,
  ...Object.fromEntries(['regproc', 'regprocedure', 'regoper', 'regoperator', 'regclass', 'regtype', 'regconfig', 'regdictionary', 'regnamespace', 'regrole', 'regcollation'].map((name) => [name, /address of an object/])),
  ...Object.fromEntries(['gtsvector', 'pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary'].map((name) => [name, /inside of a server/])),
}

/** Types that users and contributed modules make, in a schema that is not in the search path; `make` is SQL. */
export const madeTypes: { make: string; type: string; sample: Sample }[] = [
  { make: "create type app.color as enum ('red', 'Red', 'blue')", type: 'app.color', sample: sample([['red', 'red']], [['red', 'Red'], ['red', 'blue']]) },
  { make: 'create domain app.positive as numeric check (value >= 0)', type: 'app.positive', sample: sample([['1.0', '1.00']], [['1', '1.0000000001']]) },
  { make: 'create domain app.inner as app.positive; create domain app.positives as app.positive[]', type: 'app.positives', sample: sample([['{1.0,2}', '{1,2.00}']], [['{1,2}', '{2,1}'], ['{}', '{NULL}']]) },
  { make: 'create type app.floats as range (subtype = float8)', type: 'app.floats', sample: sample([['[-0,1)', '[0,1.0)'], ['empty', '(1,1)']], [['[0,1)', '[0,1]'], ['[0.3,)', '[0.30000000000000004,)']]) },
  { make: "create type app.words as range (subtype = text, collation = 'C')", type: 'app.words', sample: sample([['[a,b)', '["a","b")']], [['[a,b)', '[A,b)'], ['[a,b)', '[a,b]']]) },
  { make: 'create extension if not exists citext schema app', type: 'app.citext', sample: sample([['Ab', 'Ab']], [['a', 'A']]) },
]
