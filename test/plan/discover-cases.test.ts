import { afterEach, describe, expect, it } from 'vitest'
import { asAdmin, createTestDatabase, type TestDatabase } from '../helpers/postgres.js'
import { discoverBetween, mappingsOf, tablePair, type Discovered } from '../helpers/discovered.js'

let databases: TestDatabase[] = []
afterEach(async () => {
  await Promise.all(databases.map((database) => database.drop()))
  databases = []
})

async function databasesOf(source: string, target: string): Promise<[TestDatabase, TestDatabase]> {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()])
  databases.push(one, other)
  await one.sql.unsafe(source).simple()
  await other.sql.unsafe(target).simple()
  return [one, other]
}

/** What is found between two databases that the scripts fill; it must load and pass the check. */
async function discovered(source: string, target: string): Promise<Discovered & { pairs: string[]; columns: string[]; keys: string[] }> {
  const [one, other] = await databasesOf(source, target)
  const found = await discoverBetween(one.options, other.options)
  expect(found.faults.filter(({ severity }) => severity === 'critical')).toEqual([])
  const entities = Object.values(found.plan.entities)
  return { ...found, pairs: entities.map(tablePair), columns: entities.flatMap((entity) => mappingsOf(found.plan, entity).columns), keys: entities.flatMap((entity) => mappingsOf(found.plan, entity).keys) }
}

const people = (table: string, rows: number, from = 1) => `
  create table ${table} (id int primary key, full_name text not null, email text, born date);
  insert into ${table} select n, 'Person ' || n, 'p' || n || '@mail.example', date '1960-01-01' + n * 37 from generate_series(${from}, ${from + rows - 1}) n;`

describe('plan discover', () => {
  it('reads names with prefixes and short forms, flags, codes, and times that become days', async () => {
    const found = await discovered(
      `create table tbl_cust (cust_id int primary key, cust_nm varchar(40), dob timestamp, actv_flg char(1), ph_no varchar(20), acct_no int, st smallint);
       insert into tbl_cust select n, 'Customer ' || n, timestamp '1950-01-01 00:00' + n * interval '41 days', case when n % 3 = 0 then 'N' else 'Y' end, '+1 555 ' || n, 90000 + n * 7, n * 7 % 11 % 3 from generate_series(1, 80) n;
       create table tbl_ord (ord_no int primary key, cust_id int references tbl_cust, amt numeric(10,2), qty int);
       insert into tbl_ord select n, 1 + n * 7 % 80, n * 1.25, n % 9 from generate_series(1, 200) n;
       create table tbl_stat (stat_cd smallint primary key, descr text); insert into tbl_stat values (0, 'new'), (1, 'open'), (2, 'closed');
       create table tbl_log (id int primary key, msg text)`,
      `create table customers (id int primary key, name text, birth_date date, is_active boolean, phone_number text, account_number text, status text);
       insert into customers select n, 'Customer ' || n, date '1950-01-01' + n * 41, n % 3 <> 0, '+1 555 ' || n, (90000 + n * 7)::text, (array['new', 'open', 'closed'])[1 + n * 7 % 11 % 3] from generate_series(1, 80) n;
       create table orders (number int primary key, customer_id int references customers, amount numeric(12,4), quantity int);
       insert into orders select n, 1 + n * 7 % 80, n * 1.25, n % 9 from generate_series(1, 200) n`)
    expect(found.pairs.sort()).toEqual(['tbl_cust → customers', 'tbl_ord → orders'])
    expect(found.keys.sort()).toEqual(['tbl_cust → customers: id = cust_id', 'tbl_ord → orders: number = ord_no'])
    expect(found.columns.sort()).toEqual([
      'tbl_cust → customers: account_number = acct_no', 'tbl_cust → customers: birth_date = dob', 'tbl_cust → customers: is_active = actv_flg', 'tbl_cust → customers: name = cust_nm',
      'tbl_cust → customers: phone_number = ph_no', 'tbl_cust → customers: status = st', 'tbl_ord → orders: amount = amt', 'tbl_ord → orders: customer_id = cust_id', 'tbl_ord → orders: quantity = qty',
    ])
    expect(found.plan.entities['customers']?.columns).toMatchObject({
      birth_date: { sql: 'src.dob::date' }, is_active: { from: 'actv_flg', values: { Y: 'true', N: 'false' } }, account_number: { sql: 'src.acct_no::text' }, status: { from: 'st', values: { 0: 'new', 1: 'open', 2: 'closed' } },
    })
  })

  it('finds map tables of one entity each, and references through them although keys are whole numbers on both sides', async () => {
    const found = await discovered(
      `${people('person', 60)}
       create table visit (id int primary key, person_id int, note text, place text);
       insert into visit select n, 1 + n * 11 % 60, 'note ' || n * 31 % 97, 'room ' || n % 13 from generate_series(1, 150) n`,
      `create table people (id bigint primary key, full_name text not null, email text, born date);
       create table person_id_map (old_id int primary key, new_id bigint not null unique);
       insert into person_id_map select n, 1000 + (n * 17) % 61 from generate_series(1, 60) n;
       insert into people select m.new_id, 'Person ' || n, 'p' || n || '@mail.example', date '1960-01-01' + n * 37 from generate_series(1, 60) n join person_id_map m on m.old_id = n;
       create table visits (id bigint primary key, person_id bigint references people, note text, place text);
       create table visit_id_map (old_id int primary key, new_id bigint not null unique);
       insert into visit_id_map select n, 5000 + (n * 19) % 151 from generate_series(1, 150) n;
       insert into visits select m.new_id, p.new_id, 'note ' || n * 31 % 97, 'room ' || n % 13 from generate_series(1, 150) n join visit_id_map m on m.old_id = n join person_id_map p on p.old_id = 1 + n * 11 % 60`)
    expect(found.pairs.sort()).toEqual(['person → people', 'visit → visits'])
    expect(found.plan.keyMaps).toMatchObject({ people: { table: 'person_id_map', legacy: 'old_id', modern: 'new_id' }, visit: { table: 'visit_id_map' } })
    expect(found.plan.entities['visits']?.key).toEqual({ id: { from: 'id', references: 'visit' } })
    expect(found.plan.entities['visits']?.columns).toMatchObject({ person_id: { from: 'person_id', references: 'people' } })
  })

  it('finds a natural key where keys were numbered anew, and references by it', async () => {
    const found = await discovered(
      `create table country (id int primary key, iso char(2) not null unique, title text); insert into country select n, chr(64 + n) || chr(91 - n), 'Country ' || n from generate_series(1, 26) n;
       create table depot (id int primary key, country_id int references country, town text); insert into depot select n, 1 + n * 5 % 26, 'Town ' || n from generate_series(1, 90) n`,
      `create table countries (id int primary key, iso text not null unique, title text); insert into countries select 500 - n * 3, chr(64 + n) || chr(91 - n), 'Country ' || n from generate_series(1, 26) n;
       create table depots (id int primary key, country_id int references countries, town text); insert into depots select n, 500 - (1 + n * 5 % 26) * 3, 'Town ' || n from generate_series(1, 90) n`)
    expect(found.plan.entities['countries']?.key).toEqual({ iso: 'iso' })
    expect(found.plan.keyMaps).toMatchObject({ country: { source: { table: 'country', key: 'id', natural: 'iso' }, target: { table: 'countries', key: 'id', natural: 'iso' } } })
    expect(found.plan.entities['depots']).toMatchObject({ key: { id: 'id' }, columns: { country_id: { from: 'country_id', references: 'country' }, town: 'town' } })
  })

  it('sees units, moments as numbers, JSON in text, and texts that were cleaned', async () => {
    const found = await discovered(
      `create table payment (id int primary key, amount int, paid bigint, payload text, phone text, mail text, minutes int);
       insert into payment select n, n * 137, 1600000000 + n * 86399, '{"b": ' || n || ', "a": 1}', '+1 (555) ' || 100000 + n, ' Mail' || n || '@Mail.example ', n * 13 % 91 from generate_series(1, 60) n`,
      `create table payments (id int primary key, amount numeric(12,2), paid_at timestamptz, payload jsonb, phone text, mail text, minutes int);
       insert into payments select n, n * 1.37, to_timestamp(1600000000 + n * 86399), jsonb_build_object('a', 1, 'b', n), '1555' || 100000 + n, 'mail' || n || '@mail.example', n * 13 % 91 from generate_series(1, 60) n`)
    expect(found.plan.entities['payments']?.columns).toEqual({
      amount: { sql: 'src.amount / 100.0' }, paid_at: { sql: 'to_timestamp(src.paid)' }, payload: { from: 'payload', as: 'json' }, phone: { sql: "regexp_replace(src.phone, '[^0-9]', '', 'g')" },
      mail: { sql: 'lower(btrim(src.mail))' }, minutes: 'minutes',
    })
  })

  it('parts a table that feeds several, and tells the rows of a table that several fill', async () => {
    const found = await discovered(
      `create table state (id int primary key, scope text, label text, rank int); insert into state select n, case when n % 3 = 0 then 'order' else 'case' end, 'State ' || n, n * 7 from generate_series(1, 60) n;
       create table vendor (id int primary key, name text, town text); insert into vendor select n, 'Vendor ' || n, 'Town ' || n from generate_series(1, 30) n;
       create table carrier (id int primary key, name text, town text); insert into carrier select n, 'Carrier ' || n, 'City ' || n from generate_series(1, 40) n`,
      `create table order_states (id int primary key, label text, rank int); insert into order_states select n, 'State ' || n, n * 7 from generate_series(3, 60, 3) n;
       create table case_states (id int primary key, label text, rank int); insert into case_states select n, 'State ' || n, n * 7 from generate_series(1, 60) n where n % 3 <> 0;
       create table partners (id serial primary key, role smallint, legacy_id int, name text, town text, unique (role, legacy_id));
       insert into partners (role, legacy_id, name, town) select 1, n, 'Vendor ' || n, 'Town ' || n from generate_series(1, 30) n union all select 2, n, 'Carrier ' || n, 'City ' || n from generate_series(1, 40) n`)
    expect(Object.values(found.plan.entities).map(({ source, target }) => [source.table, source.where ?? null, target.table, target.where ?? null]).sort()).toEqual([
      ['carrier', null, 'partners', "tgt.role = '2'"], ['state', "src.scope = 'case'", 'case_states', null], ['state', "src.scope = 'order'", 'order_states', null], ['vendor', null, 'partners', "tgt.role = '1'"],
    ])
  })

  it('leaves the copy in a landing schema out, and offers a table that takes other columns of the same rows', async () => {
    const found = await discovered(
      `create table client (id int primary key, name text, born date, street text, town text); insert into client select n, 'Client ' || n, date '1970-01-01' + n * 31, n || ' Road', 'Town ' || n % 17 from generate_series(1, 50) n`,
      `create schema landing; create table landing.client (id int primary key, name text, born date, street text, town text); insert into landing.client select n, 'Client ' || n, date '1970-01-01' + n * 31, n || ' Road', 'Town ' || n % 17 from generate_series(1, 50) n;
       create table clients (id int primary key, name text, born date); insert into clients select id, name, born from landing.client;
       create table client_addresses (client_id int primary key references clients, street text, town text); insert into client_addresses select id, street, town from landing.client`)
    expect(found.pairs).toEqual(['client → clients'])
    expect(found.text).toContain('# Left out: the target table landing.client: it looks like a copy')
    expect(found.text).toMatch(/# Decide: the same rows of client go to clients, with other columns/)
  })

  it('does not take a reference for the same number when keys were numbered anew', async () => {
    const found = await discovered(
      `create table box (id int primary key, label text); insert into box select n, 'Box ' || n from generate_series(1, 40) n;
       create table item (id int primary key, box_id int, title text, price int); insert into item select n, 1 + n * 7 % 40, 'Item ' || n, n * 3 from generate_series(1, 80) n`,
      `create table crates (id int primary key, colour text); insert into crates select n, 'c' || n from generate_series(101, 180) n;
       create table items (id int primary key, box_id int references crates, title text, price int); insert into items select n, 101 + n * 11 % 40, 'Item ' || n, n * 3 from generate_series(1, 80) n`)
    expect(found.pairs).toEqual(['item → items'])
    expect(found.columns.sort()).toEqual(['item → items: price = price', 'item → items: title = title'])
    expect(found.text).toMatch(/# box_id: box_id # likely: .*it is a reference, its values differ, and no key map explains them/)
  })

  it('pairs empty tables by their names alone, and says that no value was seen', async () => {
    const found = await discovered(
      'create table invoice (id int primary key, number text, issued timestamp, status smallint)',
      'create table invoices (id int primary key, number text, issued timestamptz, status text); create table payments (id int primary key)')
    expect(found.pairs).toEqual(['invoice → invoices'])
    expect(found.text).toContain('0 and 0 rows; no rows of one key were found')
    expect(found.columns).toEqual(['invoice → invoices: number = number'])
    // no value tells the zone or the codes
    expect(found.text).toMatch(/# issued: \{ from: issued, zone: "\?" \} # likely: .*no time zone explains the values/)
    expect(found.text).toMatch(/# status: status # likely: .*int2 and text cannot be compared as they stand/)
  })

  it('comments out a table without a key, and names the column that may be one', async () => {
    const bare = (table: string) => `create table ${table} (code text, title text, price numeric(8,2)); insert into ${table} select 'C' || n, 'Article ' || n, n * 1.5 from generate_series(1, 40) n`
    const found = await discovered(bare('article'), bare('articles'))
    expect(found.pairs).toEqual([])
    expect(found.text).toContain('  # articles:')
    expect(found.text).toContain('  #   key: { code: code }')
    expect(found.text).toContain('Decide: no constraint keeps code unique on either side')
  })

  it('names both of two equally good candidates, and chooses none', async () => {
    const found = await discovered(people('member', 50), `${people('members_a', 50)}${people('members_b', 50)}`)
    expect(found.pairs).toEqual([])
    expect(found.text).toMatch(/# Decide: member → members_b is about as good/)
    expect(found.text).toContain('  # members_a:')
  })

  it('comments out a column that two columns of the target could be, and names both', async () => {
    const table = (name: string, columns: string, values: string) => `create table ${name} (id int primary key, label text, ${columns}); insert into ${name} select n, 'Label ' || n, ${values} from generate_series(1, 50) n;`
    const found = await discovered(table('thing', 'mark text', "'m' || n"), table('things', 'alpha text, beta text', "'m' || n, 'm' || n"))
    expect(found.columns).toEqual(['thing → things: label = label'])
    expect(found.text).toMatch(/# alpha: mark # likely: .*mark → beta is about as good/)
  })

  it('prefers the table of the same name to its copy', async () => {
    const found = await discovered(people('person', 50), `${people('person', 50)}${people('person_backup_2024', 50)}`)
    expect(found.pairs).toEqual(['person → person'])
    expect(found.text).toMatch(/^# +person_backup_2024: "" # 50 rows/m)
  })

  it('writes names that are words of SQL and YAML, or hold dots, quotes and signs', async () => {
    const odd = (table: string) => `create table ${table} ("select" int primary key, "null" text, "yes" text, "a: b # c" text, "Größe ""x""" int, "two words" text);
      insert into ${table} select n, 'n' || n, 'y' || n, 'c' || n, n * 3, 'w' || n from generate_series(1, 30) n;`
    const found = await discovered(`${odd('"order"')}${odd('"a.b"')} create schema "Odd.One"; ${odd('"Odd.One"."[x]"')}`, `${odd('"order"')}${odd('"a.b"')} create schema "Odd.One"; ${odd('"Odd.One"."[x]"')}`)
    expect(found.plan.entities['order']).toMatchObject({ source: { table: 'order' }, key: { select: 'select' } })
    expect(found.columns.filter((line) => line.startsWith('order →'))).toHaveLength(5)
    expect(Object.values(found.plan.entities).map(({ source }) => source.table)).toEqual(expect.arrayContaining(['order', ['public', 'a.b'], ['Odd.One', '[x]']]))
  })

  it('writes an empty plan of two schemas that have nothing in common', async () => {
    const found = await discovered('create table kiln (id int primary key, degrees int, glaze text); insert into kiln select n, n * 9, \'g\' || n from generate_series(1, 20) n', 'create table ship (imo text primary key, tonnage numeric, flag text)')
    expect(found.plan.entities).toEqual({})
    expect(found.text).toMatch(/^# +kiln: "" # 20 rows/m)
    expect(found.text).toMatch(/^# +ship: "" # 0 rows/m)
    expect((await discovered('select 1', 'select 1')).plan.entities).toEqual({})
  })

  it('takes a very wide table', async () => {
    const wide = (table: string) => `create table ${table} (id int primary key, ${Array.from({ length: 500 }, (_, index) => `column_${index} ${index % 2 === 0 ? 'int' : 'text'}`).join(', ')});
      insert into ${table} (id, ${Array.from({ length: 500 }, (_, index) => `column_${index}`).join(', ')}) select n, ${Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? `n * ${index + 3}` : `'v' || n * ${index + 5}`)).join(', ')} from generate_series(1, 40) n`
    const found = await discovered(wide('measure'), wide('measures'))
    expect(found.pairs).toEqual(['measure → measures'])
    expect(found.columns).toHaveLength(500)
    expect(found.columns.every((line) => { const [, to, from] = /: (\w+) = (\w+)$/.exec(line) ?? []; return to === from })).toBe(true)
  })

  it('says which tables it may not read, and goes on', async () => {
    const [one, other] = await databasesOf(`${people('person', 30)} create table secret (id int primary key, word text); create table veiled (id int primary key); alter table veiled enable row level security`, `${people('people', 30)} create table secrets (id int primary key, word text)`)
    const role = `reader_${one.options.database}`
    await asAdmin((sql) => sql.unsafe(`create role ${role} login password 'reader'`))
    try {
      for (const { sql } of [one, other]) await sql.unsafe(`grant usage on schema public to ${role}; grant select on all tables in schema public to ${role}`).simple()
      await one.sql.unsafe(`revoke select on secret from ${role}`)
      const as = ({ options }: TestDatabase) => ({ ...options, user: role, password: 'reader' })
      const found = await discoverBetween(as(one), as(other))
      expect(Object.keys(found.plan.entities)).toEqual(['people'])
      expect(found.faults.filter(({ severity }) => severity === 'critical')).toEqual([])
      expect(found.text).toContain('# Left out: the source table secret: the connected role may not read all of it')
      expect(found.text).toContain('# Left out: the source table veiled: row-level security hides rows')
    } finally {
      for (const { sql } of [one, other]) await sql.unsafe(`drop owned by ${role}`)
      await asAdmin((sql) => sql.unsafe(`drop role ${role}`))
    }
  })

  it('keeps to its limit of statements and says so', async () => {
    const [one, other] = await databasesOf(`${people('person', 30)}${people('pet', 30)}`, `${people('people', 30)}${people('pets', 30)}`)
    const found = await discoverBetween(one.options, other.options, { statements: 2 })
    expect(found.statements).toEqual({ source: 2, target: 2 })
    expect(found.text).toContain('# Left out: the source table pet: the limit of 2 statements is used up.')
    expect(found.text).toContain('# The limit of 2 statements on the source was used up: what was not asked could not be sure.')
  })
})
