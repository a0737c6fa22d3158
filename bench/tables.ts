import type { Sql } from 'postgres'

export type KeyKind = 'integer' | 'uuid' | 'text' | 'composite' | 'key map'
export type Differences = 'none' | '0.005 %' | '1 %'

/** One pair of tables that is compared. */
export interface Case {
  key: KeyKind
  differences: Differences
  /** ours may take at most this many times the floor, and the script by hand must take at least this many times ours */
  limits: { floor: number; byHand: number }
}

export const cases: Case[] = [
  { key: 'integer', differences: 'none', limits: { floor: 1.3, byHand: 3 } },
  { key: 'integer', differences: '0.005 %', limits: { floor: 1.5, byHand: 3 } },
  { key: 'integer', differences: '1 %', limits: { floor: 2.5, byHand: 2.5 } },
  { key: 'uuid', differences: 'none', limits: { floor: 1.5, byHand: 3 } },
  { key: 'uuid', differences: '0.005 %', limits: { floor: 2.2, byHand: 3 } },
  { key: 'text', differences: 'none', limits: { floor: 1.7, byHand: 3 } },
  { key: 'text', differences: '0.005 %', limits: { floor: 2.2, byHand: 3 } },
  { key: 'composite', differences: 'none', limits: { floor: 1.7, byHand: 3 } },
  { key: 'composite', differences: '0.005 %', limits: { floor: 2.2, byHand: 3 } },
  { key: 'key map', differences: 'none', limits: { floor: 1.5, byHand: 2.5 } },
  { key: 'key map', differences: '0.005 %', limits: { floor: 2.2, byHand: 2.5 } },
]

/** Column → type, beside the key; with it 11 columns. About 240 bytes a row. */
export const columns: Record<string, string> = {
  quantity: 'int4', amount: 'numeric', note: 'text', name: 'varchar', active: 'bool', born: 'date', changed_at: 'timestamptz', reference: 'uuid', attributes: 'jsonb', payload: 'bytea',
}

/** Key columns with their types, as SQL of the row number `n`, and in the text that sorts as the index does. */
export const keys: Record<KeyKind, { legs: Record<string, string>; sql: string; sortable: string; order: string }> = {
  integer: { legs: { id: 'int8' }, sql: 'n::int8 as id', sortable: "lpad(id::text, 12, '0')", order: 'id' },
  uuid: { legs: { id: 'uuid' }, sql: "md5('key ' || n)::uuid as id", sortable: 'id::text', order: 'id' },
  text: { legs: { id: 'text' }, sql: "'CUST-' || upper(left(md5('key ' || n), 6)) || '-' || n as id", sortable: 'id', order: 'id collate "C"' },
  composite: {
    legs: { tenant: 'int4', code: 'text' }, sql: "(n % 500)::int4 as tenant, 'DOC-' || lpad((n / 500)::text, 9, '0') as code",
    sortable: "lpad(tenant::text, 6, '0') || chr(9) || code", order: 'tenant, code collate "C"',
  },
  // the target's own key; the source of this case is the table with integer keys
  'key map': { legs: { id: 'uuid' }, sql: "md5('modern ' || n)::uuid as id", sortable: "lpad(legacy::text, 12, '0')", order: 'legacy' },
}

const valuesSql = (quantity: string) => `${quantity}::int4 as quantity, ((h % 10000000) / 100.0)::numeric(12,2) as amount,
  case when h % 20 <> 0 then substr(md5('a' || n) || ' ' || md5('b' || n) || ' ' || md5('c' || n), 1, 24 + (h % 70)::int4) end as note,
  ('Customer ' || substr(md5('d' || n), 1, 6 + (h % 20)::int4))::varchar(80) as name, h % 3 <> 0 as active, case when h % 33 <> 0 then date '1940-01-01' + (h % 30000)::int4 end as born,
  timestamptz '2015-01-01 00:00:00+00' + (h % 300000000) * interval '1 second' + (n % 1000000) * interval '1 microsecond' as changed_at, md5('e' || n)::uuid as reference,
  jsonb_build_object('tier', (array['gold', 'silver', 'bronze'])[1 + (h % 3)::int4], 'score', (h % 1000) / 10.0, 'tags', jsonb_build_array('a' || h % 10, 'b')) as attributes,
  decode(md5('f' || n), 'hex') as payload`

const rest = Object.keys(columns).join(', ')
const numbers = (first: string, last: string) => `(select n, abs(hashint8extended(n, 7)) as h from generate_series(${first}::int8, ${last}::int8) n) numbered`
const every: Record<Differences, number | null> = { none: null, '0.005 %': 20_000, '1 %': 100 }
/** Of ten rows that differ one is missing and one is extra; the others hold another quantity. */
const isDifferent = (differences: Differences) => (every[differences] === null ? 'false' : `n % ${every[differences]} = ${every[differences]} / 2`)
const turn = (differences: Differences) => `(n / ${every[differences] ?? 1}) % 10`

export function sourceTable(key: KeyKind): string {
  return `rows_${key === 'key map' ? 'integer' : key}`
}

export function targetTable({ key, differences }: Pick<Case, 'key' | 'differences'>): string {
  return `rows_${key.replace(' ', '_')}_${{ none: 'equal', '0.005 %': 'few', '1 %': 'scattered' }[differences]}`
}

/** What a comparison must find, of `rows` source rows. */
export function expectedOf({ differences }: Pick<Case, 'differences'>, rows: number): { verified: number; differs: number; missing: number; extra: number } {
  const step = every[differences]
  const different = step === null ? [] : Array.from({ length: Math.floor((rows + step / 2) / step) }, (_, index) => index % 10)
  const [missing, extra] = [different.filter((turn) => turn === 0).length, different.filter((turn) => turn === 1).length]
  const differs = different.length - missing - extra
  return { verified: rows - missing - differs, differs, missing, extra }
}

async function hasTable(sql: Sql, table: string): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`select to_regclass(${table}) is not null as found`
  return row?.found ?? false
}

async function create(sql: Sql, table: string, key: KeyKind, select: string): Promise<void> {
  if (await hasTable(sql, table)) return
  const primary = Object.keys(keys[key].legs).join(', ')
  await sql.begin(async (tx) => {
    await tx.unsafe(`create table ${table} as ${select}`)
    await tx.unsafe(`alter table ${table} add primary key (${primary})`)
  })
  await sql.unsafe(`vacuum (analyze, freeze) ${table}`)
}

/** Makes the tables of a case on both sides, unless they are there. The same `rows` give the same content. */
export async function createTables(source: Sql, target: Sql, one: Case, rows: number): Promise<void> {
  const { key, differences } = one
  const own = key === 'key map' ? 'integer' : key
  await create(source, sourceTable(key), own, `select ${keys[own].sql}, ${valuesSql('(h % 1000)')} from ${numbers('1', String(rows))}`)
  const quantity = `((h % 1000) + (${isDifferent(differences)})::int4)`
  const arrived = `select ${keys[key].sql}, ${valuesSql(quantity)} from ${numbers('1', String(rows))} where not (${isDifferent(differences)} and ${turn(differences)} = 0)`
  // the row of this turn arrived unchanged, and another one beside it that the source does not have
  const unchanged = `case when ${turn(differences)} = 1 then (h % 1000) else ${quantity} end`
  const extra = `select ${keys[key].sql.replaceAll(/\bn\b/g, `(n + ${rows})`)}, ${valuesSql('0')} from ${numbers('1', String(rows))} where ${isDifferent(differences)} and ${turn(differences)} = 1`
  await create(target, targetTable(one), key, every[differences] === null ? arrived : `${arrived.replace(quantity, unchanged)} union all ${extra}`)
  if (key !== 'key map' || await hasTable(target, 'key_map')) return
  await target.unsafe(`create table key_map as select n::int8 as legacy, md5('modern ' || n)::uuid as modern from generate_series(1::int8, ${rows}::int8) n`)
  await target.unsafe('alter table key_map add primary key (legacy)')
  await target.unsafe('alter table key_map alter modern set not null, add unique (modern)')
  await target.unsafe('vacuum (analyze, freeze) key_map')
}

/** Equal tables on both sides that a benchmark may write to: those of integer keys without differences, once more. */
export async function copyTables(source: Sql, target: Sql, name: string): Promise<void> {
  await source.unsafe(`drop table if exists ${name}`)
  await target.unsafe(`drop table if exists ${name}`)
  await create(source, name, 'integer', `table ${sourceTable('integer')}`)
  await create(target, name, 'integer', `table ${targetTable({ key: 'integer', differences: 'none' })}`)
}

export async function dropTables(source: Sql, target: Sql): Promise<void> {
  for (const sql of [source, target]) {
    const tables = await sql<{ name: string }[]>`select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and (relname like 'rows\_%' or relname = 'key_map')`
    for (const { name } of tables) await sql.unsafe(`drop table ${name}`)
  }
}

/** The plan of a case, as its file would be written; over other tables than its own, where these are given. */
export function planOf(one: Case, tables = { source: sourceTable(one.key), target: targetTable(one) }): string {
  const { key } = one
  const legs = Object.keys(keys[key].legs).map((leg) => `${leg}: ${key === 'key map' ? `{ from: ${leg}, references: ids }` : leg}`)
  return [
    'version: 1', 'domains: { bench: {} }', ...(key === 'key map' ? ['keyMaps: { ids: { table: key_map, legacy: legacy, modern: modern } }'] : []), 'entities:', `  ${tables.target}:`, '    domain: bench',
    `    source: { table: ${tables.source} }`, `    target: { table: ${tables.target} }`, `    key: { ${legs.join(', ')} }`,
    `    columns: { ${Object.keys(columns).map((column) => `${column}: ${column}`).join(', ')} }`, '',
  ].join('\n')
}

export { rest as columnList }
