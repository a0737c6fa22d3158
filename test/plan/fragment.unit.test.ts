import { describe, expect, it } from 'vitest'
import { readFragment } from '../../src/plan/fragment.js'

const faultsOf = (text: string, alias: 'src' | 'tgt' = 'src') => readFragment(text, alias).faults.map(({ code }) => code)
const messageOf = (text: string) => readFragment(text, 'src').faults[0]?.message

describe('what may stand in a plan', () => {
  it.each([
    'src.suffix = \'TEST\'', 'suffix is null', 'src.a and (src.b or not src.c)', "'{}'::jsonb", 'src."customerRef"', 'src.tags[1]', '(src.address).street',
    'case when src.rate < 1 then src.rate else src.rate / 100 end', "trim(src.first || ' ' || src.last)", 'coalesce(src.a, src.b)', 'extract(year from src.born)',
    'exists (select from orders o where o.doctor_id = src.doctor_id)', 'not exists (select 1 from app.orders where app.orders.id = src.id)', 'src.id in (select o.id from orders o)',
    '(select count(*) from orders o where o.doctor_id = src.id) > 1', '(select o.name from orders o where o.id = src.id order by o.at desc limit 1)', 'src.id = any (array(select v.x from (values (1), (2)) v(x)))',
    'exists (select from a join b using (id) where b.x = src.x)', 'exists (select * from a left join b on b.id = a.id where a.x = src.x)',
    'exists (select from (select o.id from orders o where o.open) x where x.id = src.id)', 'src.x in (select u.v from unnest(src.list) as u(v))', 'to_jsonb(src)', 'pg_typeof(src.x)',
    'src.name = \'O\'\'Hara; drop table x --\'', 'src.at at time zone \'UTC\'', 'row(src.a, src.b) = row(1, 2)', 'src.x /* why */', 'src.x -- why', '$$a(b$$ = src.x',
  ])('%s', (text) => {
    expect(readFragment(text, 'src').faults).toEqual([])
  })
})

describe('what may not', () => {
  it.each([
    ['another statement', 'true; drop table person', 'INVALID_SQL'],
    ['a statement of its own', 'select 1', 'INVALID_SQL'],
    ['an escape from the parentheses', '1) or (2', 'INVALID_SQL'],
    ['an escape into a union', 'true) union select (1', 'INVALID_SQL'],
    ['an escape into a from clause', '1) from pg_authid where (true', 'INVALID_SQL'],
    ['two values', 'src.a, src.b', 'INVALID_SQL'],
    ['an alias', 'src.a as b', 'INVALID_SQL'],
    ['a from clause', 'src.a from other src', 'INVALID_SQL'],
    ['a where clause', 'src.a where true', 'INVALID_SQL'],
    ['an order', 'src.a order by 1', 'INVALID_SQL'],
    ['a union', 'src.a union select 1', 'INVALID_SQL'],
    ['a star', '*', 'INVALID_SQL'],
    ['nothing', ' ', 'INVALID_SQL'],
    ['a comment only', '-- nothing', 'INVALID_SQL'],
    ['an open comment', 'true /* and', 'INVALID_SQL'],
    ['an open string', "src.x = 'a", 'INVALID_SQL'],
    ['an open dollar quote', '$$a', 'INVALID_SQL'],
    ['a NUL', 'src.x = \'\0\'', 'INVALID_SQL'],
    ['a union in a subquery', 'src.x in (select a.x from a union select b.x from b)', 'UNSAFE_SQL'],
    ['a with', '(with a as (select 1 as x) select a.x from a)', 'UNSAFE_SQL'],
    ['a delete in a with', '(with a as (delete from t returning t.x) select a.x from a)', 'UNSAFE_SQL'],
    ['a lock', '(select a.x from a for update)', 'UNSAFE_SQL'],
    ['a sample', 'src.x in (select a.x from a tablesample bernoulli (1))', 'UNSAFE_SQL'],
    ['a parameter', 'src.x = $1', 'UNSAFE_SQL'],
    ['the role of the session', 'src.owner = current_user', 'UNSAFE_SQL'],
    ['a table that is called like the row', 'exists (select from office src where src.id = 1)', 'UNSAFE_SQL'],
    ['a table that is called like the other row', 'exists (select from tgt where tgt.id = src.id)', 'UNSAFE_SQL'],
    ['another database', 'exists (select from x.public.office o where o.id = src.id)', 'UNSAFE_SQL'],
    ['object identifiers', "src.x = 'office'::regclass::text", 'UNSAFE_SQL'],
    ['a table that is not there', 'o.id = src.id', 'INVALID_SQL'],
    ['the row of the other side', 'tgt.id = src.id', 'INVALID_SQL'],
    ['a sum over rows', 'sum(src.x) over ()', 'INVALID_SQL'],
    ['a count of rows', 'count(*)', 'INVALID_SQL'],
  ])('%s', (_, text, code) => {
    expect(faultsOf(text)).toContain(code)
  })

  it.each([
    'pg_sleep(1)', 'pg_catalog.pg_sleep(1)', "PG_SLEEP(1)", "pg_read_file('/etc/passwd')", "pg_ls_dir('.')", "lo_import('/etc/passwd')", 'lo_get(1)', 'loread(1, 2)', "dblink('host=x', 'select 1')",
    "dblink_exec('x')", "set_config('row_security', 'on', false)", "current_setting('x')", "nextval('s')", "setval('s', 1)", 'pg_terminate_backend(1)', 'pg_advisory_lock(1)', "pg_notify('a', 'b')",
    "query_to_xml('select 1', true, true, '')", "database_to_xml(true, true, '')", 'txid_current()', "ts_stat('select 1')", "has_table_privilege('x', 'select')", 'inet_server_addr()', 'version()', 'lo_unlink(1)',
    "exists (select from pg_ls_dir('.') f(x))", "(select pg_sleep(1))", "src.x in (select o.x from o where pg_sleep(1) is null)", "array_agg(pg_sleep(1))",
  ])('the function in %s', (text) => {
    expect(faultsOf(text)).toContain('UNSAFE_SQL')
  })

  it('refuses SQL that nests or grows without end', () => {
    expect(faultsOf(Array(15_000).fill('1').join('+'))).toEqual(['INVALID_SQL'])
    expect(faultsOf(Array(6_000).fill('1').join('+'))).toEqual(['INVALID_SQL'])
    expect(() => faultsOf(`${'('.repeat(9_000)}1${')'.repeat(9_000)}`)).not.toThrow()
    expect(faultsOf('src.x')).toEqual([])
  })

  it('names the row of the other side, and what to write instead', () => {
    expect(messageOf('tgt.id = 1')).toBe('`tgt` is the row of the other database and cannot be read here: the row is `src`')
    expect(faultsOf('src.id = 1', 'tgt')).toEqual(['INVALID_SQL'])
  })
})

describe('columns in subqueries', () => {
  it('refuses one that stands bare, because it could be either table\'s', () => {
    expect(readFragment('not exists (select from office o where o.id = office_id)', 'src').faults).toMatchObject([{ code: 'UNQUALIFIED_COLUMN', message: expect.stringContaining('`src.office_id`') as string }])
  })

  it.each([
    'src.id in (select id from office o)', 'exists (select from office o where o.id = src.id order by name)', '(select max(amount) from orders o where o.id = src.id)',
    'exists (select from office o where exists (select from city c where c.id = city_id))', 'exists (select from a join b on a.id = b_id where a.x = src.x)', 'exists (select from office o where o is not null)',
  ])('%s', (text) => {
    expect(faultsOf(text)).toEqual(['UNQUALIFIED_COLUMN'])
  })
})

describe('what a fragment reads', () => {
  it('tells the columns of the row and those of other tables', () => {
    const { references, tables, wholeRow } = readFragment('first || src."Last" and exists (select from app.office o join city on city.id = o.city_id where o.id = src.office_id)', 'src')
    const office = { schema: 'app', name: 'office' }
    const city = { schema: null, name: 'city' }
    expect(references).toEqual([
      { table: null, column: 'first' }, { table: null, column: 'Last' }, { table: city, column: 'id' }, { table: office, column: 'city_id' }, { table: office, column: 'id' }, { table: null, column: 'office_id' },
    ])
    expect(tables).toEqual([office, city])
    expect(wholeRow).toBe(false)
    expect(readFragment('to_jsonb(src.*)', 'src').wholeRow).toBe(true)
  })

  it('writes the row before bare columns, past text that is not ASCII, and lets no comment swallow what follows', () => {
    expect(readFragment("name = 'é' and größe > 1 and src.x = lower(\"Straße\")", 'src').sql).toBe("src.name = 'é' and src.größe > 1 and src.x = lower(src.\"Straße\")")
    expect(readFragment('kind = \'P\' -- patients', 'src').sql).toBe('src.kind = \'P\' -- patients\n')
    expect(readFragment('id in (select o.id from office o)', 'tgt').sql).toBe('tgt.id in (select o.id from office o)')
    expect(readFragment('case when a then b[c] else (d).e end', 'src').sql).toBe('case when src.a then src.b[src.c] else (src.d).e end')
  })

  it('tells what changes from call to call, and what depends on the locale', () => {
    expect(readFragment('now() > current_date and random() < 1 and age(src.born) > age(src.a, src.b)', 'src').unstable).toEqual(['now()', 'current_date', 'random()', 'age()'])
    const times = (text: string) => readFragment(text, 'src').unstable
    expect(['src.d < \'today\'', "src.d < ' NOW '::timestamp", "src.d between date 'yesterday' and '10:00 tomorrow'", "src.d in ('now', '2024-01-01')", "coalesce(src.d, E'\\x6eow')", "date(U&'\\006eow')", "greatest(src.d, $$today$$)"].map(times)).toEqual([
      ["'today'"], ["' NOW '"], ["'10:00 tomorrow'", "'yesterday'"], ["'now'"], ["'now'"], ["'now'"], ["'today'"]])
    expect(["case when src.urgent then 'now' else 'later' end", "src.note = 'not now'", "src.d < '2024-01-01'"].map(times)).toEqual([[], [], []])
    expect(readFragment("lower(src.a) ~* 'x' and src.b ilike 'y'", 'src').localeDependent).toEqual(expect.arrayContaining(['~*', 'lower()', 'ilike']))
    expect(readFragment('lower(src.a collate "C")', 'src').localeDependent).toEqual([])
    expect(readFragment("(select string_agg(o.x, ',' order by o.x) from o)", 'src').localeDependent).toEqual(['order by'])
  })
})
