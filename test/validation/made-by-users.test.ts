import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { lineOf, runCases, testCases, type Case } from './cases.js'
import { side } from './tables.js'

/** Casts and operators that users have made between the server's own types: the service's own SQL must not ask them. */
const fill = (type: string, values: string) => `create table $_t (id int primary key, v ${type}); insert into $_t values ${values}`
const entity = (column = 'v') => `${side('t')}, key: { id: id }, columns: { v: ${column} }`
const asFunction = (name: string, parameters: string, result: string, body: string) => `create function public.${name}(${parameters}) returns ${result} language sql immutable strict as $body$ ${body} $body$`
const operator = (name: string, called: string, left: string, right: string, result: string, body: string) => `${asFunction(called, `a ${left}, b ${right}`, result, body)}; create operator public.${name} (leftarg = ${left}, rightarg = ${right}, function = public.${called})`
const cast = (called: string, from: string, to: string, body: string) => `${asFunction(called, `a ${from}`, to, body)}; create cast (${from} as ${to}) with function public.${called}(${from})`
const oneDiffers = (line: string): Case['expected'] => ({ t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', differences: [`differs value {"id":"1"} v: ${line}`] } })
const refused = (note: string): Case['expected'] => ({ t: { verdict: 'unknown', figures: '2: 2 unverified | 2: 2 unverified', note } })

/** Cases over two databases of their own with what users have made there. */
function testWith(title: string, { source = '', target = '' }: { source?: string; target?: string }, cases: readonly Case[]): void {
  describe(title, () => {
    let pair: Pair
    let run: ComparisonRun
    beforeAll(async () => {
      pair = await createPair({ source, target })
      run = await runCases(pair, cases)
    })
    afterAll(() => pair.close())
    testCases(cases, () => run)
  })
}

const operators = [
  operator('=', 'as_long', 'numeric[]', 'numeric[]', 'bool', 'select cardinality(a) operator(pg_catalog.=) cardinality(b)'),
  operator('=', 'as_low', 'numrange', 'numrange', 'bool', 'select lower(a) operator(pg_catalog.=) lower(b)'),
  operator('<', 'below', 'numeric', 'int', 'bool', 'select a between -1000 and -1'),
  operator('+', 'days', 'float8', 'int', 'float8', 'select case when a between 40000 and 50000 then floor(a) else a end operator(pg_catalog.+) b::float8'),
  operator('&', 'has', 'bigint', 'int', 'bigint', 'select 99999999::bigint'),
  operator('||', 'glue', 'text', 'bigint', 'text', 'select a'),
].join('; ')
testWith('operators', { source: operators, target: operators }, [
  { name: '= of numeric[]', source: fill('numeric[]', "(1, '{1}'), (2, '{5}')"), target: fill('numeric[]', "(1, '{2}'), (2, '{5.0}')"), entities: { t: entity() }, expected: oneDiffers('{1} → {2}') },
  { name: '= of numrange', source: fill('numrange', "(1, '[1,2]'), (2, '[5,6]')"), target: fill('numrange', "(1, '[1,9]'), (2, '[5,6.0]')"), entities: { t: entity() }, expected: oneDiffers('[1,2] → [1,9]') },
  { name: '< of numeric and integer', source: fill('numeric', '(1, 5000), (2, 5)'), target: fill('numeric', '(1, -5000), (2, 5)'), entities: { t: entity() }, expected: oneDiffers('5000 → -5000') },
  { name: '+ of float8 and integer', source: fill('float8', '(1, 45000.25), (2, 5)'), target: fill('float8', '(1, 45000.75), (2, 5)'), entities: { t: entity() }, expected: oneDiffers('45000.25 → 45000.75') },
  {
    name: '& of bigint and integer', source: 'create table $_t (id text primary key, v int); insert into $_t select i::text, i from generate_series(1, 3000) i', target: 'create table $_t (id text primary key, v int); insert into $_t select i::text, i from generate_series(1, 3000) i',
    entities: { t: entity() }, expected: { t: { verdict: 'pass', figures: '3000: 3000 verified | 3000: 3000 matched' } },
  },
  {
    name: '|| of text and bigint', source: fill('text', "(1, repeat('x', 70000) || 'a'), (2, 'b')"), target: fill('text', "(1, repeat('x', 70000) || 'b'), (2, 'b')"), entities: { t: entity() },
    expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', summary: ['1 differs value'] } },
  },
])

const toText = ['integer', 'bigint', 'smallint', 'numeric', 'date'].map((type) => `create cast (${type} as text) with inout as implicit`).join('; ')
describe.each([['source', { source: toText }], ['target', { target: toText }]] as const)('at the %s', (name, made) => {
  testWith(`implicit casts to text at the ${name}`, made, [
    { name: 'texts', source: fill('text', "(1, 'a'), (2, 'b')"), target: fill('text', "(1, 'x'), (2, 'b')"), entities: { t: entity() }, expected: oneDiffers('a → x') },
    { name: 'numbers', source: fill('numeric', '(1, 1.5), (2, 2)'), target: fill('numeric', '(1, 2.5), (2, 2.0)'), entities: { t: entity() }, expected: oneDiffers('1.5 → 2.5') },
    { name: 'a long text', source: fill('text', "(1, repeat('x', 70000)), (2, 'b')"), target: fill('text', "(1, repeat('y', 70000)), (2, 'b')"), entities: { t: entity() }, expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 differs | 2: 2 matched', summary: ['1 differs value'] } } },
    { name: 'bytes', source: fill('"char"', "(1, 'a'), (2, (-23)::\"char\")"), target: fill('"char"', "(1, 'b'), (2, (-23)::\"char\")"), entities: { t: entity() }, expected: oneDiffers('a → b') },
    { name: 'keys', source: "create table $_t (id text primary key, v int); insert into $_t values ('a', 1), ('b', 2)", target: "create table $_t (id text primary key, v int); insert into $_t values ('b', 2), ('c', 3)", entities: { t: entity() }, expected: { t: { verdict: 'fail', figures: '2: 1 verified, 1 missing | 2: 1 matched, 1 extra', differences: ['missing plain {"id":"a"}', 'extra ghost {"id":"c"} id c'] } } },
  ])
})

const withoutEtag = cast('safely', 'text', 'jsonb', "select jsonb_in(textout(a)) - 'etag'")
const rounded = cast('to_number_safely', 'text', 'numeric', 'select round(numeric_in(textout(a), 0, -1), 0)')
const today = cast('to_day', 'text', 'timestamp', "select date_trunc('day', timestamp_in(textout(a), 0, -1))")
const fromText = [withoutEtag, rounded, today].join('; ')
testWith('casts from text by a function', { source: fromText, target: fromText }, [
  { name: 'jsonb is decided by its own input', source: fill('jsonb', `(1, '{"etag": 1}'), (2, '{"a": 1.0}')`), target: fill('jsonb', `(1, '{"etag": 2}'), (2, '{"a": 1.00}')`), entities: { t: entity() }, expected: oneDiffers('{"etag": 1} → {"etag": 2}') },
  { name: 'text is read as JSON by its own input', source: fill('text', `(1, '{"etag": 1}'), (2, '{}')`), target: fill('text', `(1, '{"etag": 2}'), (2, '{ }')`), entities: { t: entity('{ from: v, as: json }') }, expected: oneDiffers('{"etag": 1} → {"etag": 2}') },
  { name: 'a tolerance is asked of numbers', source: fill('numeric', '(1, 1.1), (2, 5)'), target: fill('numeric', '(1, 1.4), (2, 5.05)'), entities: { t: entity('{ from: v, tolerance: 0.1 }') }, expected: oneDiffers('1.1 → 1.4') },
  { name: 'a tolerance is asked of times', source: fill('timestamp', "(1, '2024-01-01 10:00'), (2, '2024-01-01')"), target: fill('timestamp', "(1, '2024-01-01 12:00'), (2, '2024-01-01 00:01')"), entities: { t: entity('{ from: v, tolerance: 1 hour }') }, expected: oneDiffers('2024-01-01 10:00:00 → 2024-01-01 12:00:00') },
  {
    name: 'a total adds up numbers', source: fill('numeric', '(1, 1.4), (2, 1.4)'), target: fill('numeric', '(1, 1.1), (2, 1.1)'), entities: { t: `${entity()}, totals: [{ sum: v }]` },
    expected: { t: { verdict: 'fail', figures: '2: 2 differs | 2: 2 matched', summary: ['2 differs value'] } }, checks: { '$_t the total agrees v': 'fail' },
  },
])

const price = cast('as_price', 'float8', 'text', "select to_char(a, 'FM999999990.00')")
const thousands = cast('as_round', 'numeric', 'text', 'select textin(numeric_out(round(a, -3)))')
const written = [price, thousands, cast('strip', 'jsonb', 'text', 'select textin(jsonb_out(jsonb_strip_nulls(a)))')].join('; ')
testWith('casts to text by a function, on the way to the text', { source: written, target: written }, [
  { name: 'of real, by float8', source: fill('real', '(1, 1.001), (2, 5)'), target: fill('real', '(1, 1.002), (2, 5)'), entities: { t: entity() }, expected: refused('values of type float4 cannot be compared: their cast from float8 to text is as_price(double precision)') },
  { name: 'of an integer, by numeric', source: fill('int', '(1, 7049), (2, 5000)'), target: fill('numeric', '(1, 7000), (2, 5000)'), entities: { t: entity() }, expected: refused('cast to text is as_round(numeric)') },
  { name: 'integers alone are not touched', source: fill('int', '(1, 7049), (2, 5000)'), target: fill('bigint', '(1, 7000), (2, 5000)'), entities: { t: entity() }, expected: oneDiffers('7049 → 7000') },
  { name: 'text read as JSON is not touched', source: fill('text', `(1, '{"a": null}'), (2, '{}')`), target: fill('text', `(1, '{}'), (2, '{ }')`), entities: { t: entity('{ from: v, as: json }') }, expected: oneDiffers('{"a": null} → {}') },
])

const arrays = [
  cast('cut', 'text', 'float8[]', 'select array[1::float8]'), cast('first', 'numeric[]', 'text', "select 'x'::text"), "create type public.color as enum ('red', 'blue')", cast('names', 'public.color[]', 'text[]', "select array['x']"),
].join('; ')
testWith('casts of arrays', { source: arrays, target: arrays }, [
  { name: 'of enums', source: fill('public.color[]', "(1, '{red}'), (2, '{blue}')"), target: fill('public.color[]', "(1, '{blue}'), (2, '{red,red}')"), entities: { t: entity() }, expected: refused('is names(color[])') },
  { name: 'real[] by its text', source: fill('real[]', "(1, '{0.1}'), (2, '{0.2}')"), target: fill('real[]', "(1, '{0.3}'), (2, '{0.4}')"), entities: { t: entity() }, expected: refused('their cast from text to _float8 is cut(text)') },
  { name: 'numeric[] to its text', source: fill('numeric[]', "(1, '{1}'), (2, '{5}')"), target: fill('numeric[]', "(1, '{2}'), (2, '{5}')"), entities: { t: entity() }, expected: refused('cast to text is first(numeric[])') },
])

const always1 = cast('always_1', 'text', 'float8', 'select 1::float8')
testWith('a cast from text to a float', { source: always1, target: always1 }, [
  { name: 'real by its text', source: fill('real', '(1, 0.1), (2, 5)'), target: fill('real', '(1, 0.2), (2, 5)'), entities: { t: entity() }, expected: refused('their cast from text to float8 is always_1(text)') },
  { name: 'float8 is not read from a text', source: fill('float8', '(1, 0.1), (2, 5)'), target: fill('float8', '(1, 0.2), (2, 5)'), entities: { t: entity() }, expected: oneDiffers('0.1 → 0.2') },
])

const coarse = [
  asFunction('whole_cmp', 'a numeric, b numeric', 'int', 'select case when trunc(a) < trunc(b) then -1 when trunc(a) > trunc(b) then 1 else 0 end'),
  ...[['lt', '<'], ['le', '<='], ['eq', '='], ['ge', '>='], ['gt', '>']].map(([name, sign]) => `${asFunction(`whole_${name}`, 'a numeric, b numeric', 'bool', `select trunc(a) ${sign} trunc(b)`)}; create operator ${sign}~ (leftarg = numeric, rightarg = numeric, function = public.whole_${name})`),
  'create operator class whole_ops for type numeric using btree as operator 1 <~, operator 2 <=~, operator 3 =~, operator 4 >=~, operator 5 >~, function 1 whole_cmp(numeric, numeric)', 'create type public.span as range (subtype = numeric, subtype_opclass = whole_ops)',
].join('; ')
testWith('a range whose operator class takes unlike numbers for equal', { source: coarse, target: coarse }, [
  { name: 'a range', source: fill('public.span', "(1, '[1.2,5]'), (2, '[1.0,2]')"), target: fill('public.span', "(1, '[1.9,5]'), (2, '[1,2.00]')"), entities: { t: entity() }, expected: oneDiffers('[1.2,5] → [1.9,5]') },
  { name: 'an array of ranges', source: fill('public.span[]', `(1, '{"[1.2,5]"}'), (2, '{"[1.0,2]"}')`), target: fill('public.span[]', `(1, '{"[1.9,5]"}'), (2, '{"[1,2.00]"}')`), entities: { t: entity() }, expected: oneDiffers('{"[1.2,5]"} → {"[1.9,5]"}') },
])

test('a text that is shown is cut before a character that is two code units', async () => {
  const rows = (end: string) => `create table t (id int primary key, v text); insert into t values (1, repeat('x', 299) || '😀' || repeat('${end}', 50)), (2, 'a')`
  const pair = await createPair({ source: rows('y'), target: rows('z') })
  const { job, differences } = await pair.compare('version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v] }\n')
  await pair.close()
  expect(job).toMatchObject({ status: 'completed', verdict: 'fail' })
  expect(differences.map(lineOf)[0]).toContain('�... (351 characters)')
})
