import type { Sql } from 'postgres'
import type { DatabaseOptions } from '../../src/db/clients.js'
import { quoteIdentifier, quoteLiteral } from '../../src/core/identifier.js'
import type { PlantedDifference } from '../../src/demo/answer-key.js'
import type { Plan, PlanEntity, PlanTerm } from '../../src/plan/schema.js'

/**
 * The plan judged by plain full joins over both sides in one database: slow, short and without a line of the service's own
 * comparison, so that the two can be held against each other. Keys meet in modern space here, in legacy space there.
 * It knows what the demonstration's plan uses, and no more.
 */
export interface JoinedEntity {
  sourceTotal: number
  targetTotal: number
  verified: number
  differences: PlantedDifference[]
}

/** Copies the legacy tables into the schema `legacy` of the modern database. */
export async function importLegacy(modern: Sql, legacy: DatabaseOptions): Promise<void> {
  await modern.unsafe(`
    create extension if not exists postgres_fdw;
    create server legacy foreign data wrapper postgres_fdw
      options (host ${quoteLiteral(legacy.host)}, port ${quoteLiteral(String(legacy.port))}, dbname ${quoteLiteral(legacy.database)});
    create user mapping for current_user server legacy options (user ${quoteLiteral(legacy.user)}, password ${quoteLiteral(legacy.password)});
    create schema far; create schema legacy;
    import foreign schema public from server legacy into far;
    do $$ declare t name; begin
      for t in select relname from pg_class where relnamespace = 'far'::regnamespace loop
        execute format('create table legacy.%I as select * from far.%I', t, t);
        execute format('analyze legacy.%I', t);
      end loop;
    end $$`).simple()
}

interface Term {
  name: string
  /** SQL over `src` and the joined maps: the value that the target must hold */
  expected: string
  /** SQL condition: the value leads nowhere and equals nothing */
  unresolved: string
  /** SQL over `src`: the value as it stands */
  raw: string
  map: string | null
}

export async function joinEntity(sql: Sql, plan: Plan, name: string): Promise<JoinedEntity> {
  const entity = plan.entities[name] as PlanEntity
  const [sourceTable, targetTable] = [entity.source.table as string, entity.target.table as string]
  const [sourceColumns, targetColumns] = [await columnsOf(sql, 'legacy', sourceTable), await columnsOf(sql, 'public', targetTable)]
  const typeOf = (column: string) => targetColumns.get(column) as string
  const toTerm = ([column, written]: [string, string | PlanTerm]) => termOf(column, typeof written === 'string' ? { from: written } : written, typeOf(column))
  const key = Object.entries(entity.key as Record<string, string | PlanTerm>).map(toTerm)
  const mapped = Object.entries(entity.columns ?? {})
  const written = new Set([...key.map((term) => term.name), ...mapped.map(([column]) => column)])
  const same = entity.same === 'all' ? [...targetColumns.keys()].filter((column) => sourceColumns.has(column) && !written.has(column)) : (entity.same ?? [])
  const columns = [...same.map((column): [string, string] => [column, column]), ...mapped].map(toTerm)

  const truth = (predicate: string | undefined) => (predicate === undefined ? 'true' : `(${predicate}) is true`)
  const firstReason = (list: readonly { reason: string; where?: string }[] | undefined) =>
    `case ${(list ?? []).map(({ reason, where }) => `when ${truth(where)} then ${quoteLiteral(reason)}`).join(' ')} when false then null::text end`
  const maps = [...key, ...columns].flatMap(({ name: column, map, raw }) => (
    map === null ? [] : [`left join (${mapSql(plan, map)}) ${alias(column)} on ${alias(column)}.legacy = ${raw}`]))
  const keyMaps = key.flatMap(({ name: column, map }) => (
    map === null ? [] : [`left join (select modern, min(legacy) as legacy from (${mapSql(plan, map)}) entries group by modern) ${alias(column)}
                        on ${alias(column)}.modern = tgt.${quoteIdentifier(column)}`]))
  const legs = key.map((_, leg) => `k${leg}`)
  const text = (expressions: string[]) => `array[${expressions.map((expression) => `(${expression})::text`).join(', ')}]`

  const rows = await sql.unsafe<{ class: string; cause: string | null; reason: string | null; key: (string | null)[]; columns: string[] | null; n: number }[]>(`
    with source as materialized (
      select row_number() over () as sid, ${key.map((term, leg) => `(${term.expected})::${typeOf(term.name)} as k${leg}`).join(', ')},
             ${text(key.map(({ raw }) => raw))} as legacy_key,
             array[${key.map(({ map, name: column }) => (map === null ? 'null::boolean' : `${alias(column)}.legacy is not null`)).join(', ')}] as known,
             ${truth(entity.source.where)} as claimed, ${firstReason(entity.source.exclude)} as excluded, ${firstReason(entity.explained)} as explained
             ${columns.map((term, index) => `, (${term.expected})::${typeOf(term.name)} as c${index}, ${term.unresolved} as u${index}`).join('')}
      from legacy.${quoteIdentifier(sourceTable)} src ${maps.join(' ')}
    ), target as materialized (
      select row_number() over () as tid, ${key.map(({ name: column }, leg) => `tgt.${quoteIdentifier(column)} as k${leg}`).join(', ')},
             ${text(key.map(({ name: column }) => `tgt.${quoteIdentifier(column)}`))} as raw_key,
             ${text(key.map(({ name: column, map }) => (map === null ? `tgt.${quoteIdentifier(column)}` : `${alias(column)}.legacy`)))} as legacy_key,
             ${firstReason(entity.target.generated)} as generated
             ${columns.map(({ name: column }, index) => `, tgt.${quoteIdentifier(column)} as c${index}`).join('')}
      from public.${quoteIdentifier(targetTable)} tgt ${keyMaps.join(' ')} where ${truth(entity.target.where)}
    ), candidate as materialized (
      select s.sid, t.tid, array_remove(array[
        ${columns.map(({ name: column }, index) => `case when s.u${index} or s.c${index} is distinct from t.c${index} then ${quoteLiteral(column)} end`).join(', ')}]::text[], null) as differing
      from source s join target t using (${legs.join(', ')}) where s.claimed and s.excluded is null
    ), pair as materialized (
      select sid, tid, differing from (
        select *, row_number() over (partition by sid order by cardinality(differing), tid) as s_rank,
               row_number() over (partition by tid order by cardinality(differing), sid) as t_rank from candidate
      ) ranked where s_rank = 1 and t_rank = 1
    ), judged_source as (
      select case when s.excluded is not null then 'excluded' when p.differing = '{}' then 'verified' when p.sid is not null then 'differs'
                  when s.explained is not null then 'explained' else 'missing' end as class,
             s.*, p.differing from source s left join pair p using (sid) where s.claimed
    ), judged_target as (
      select case when t.tid in (select tid from candidate) then 'duplicate' when t.generated is not null then 'generated' else 'extra' end as class, t.*
      from target t where not exists (select from pair where pair.tid = t.tid)
    )
    select class,
           case class when 'differs' then case when differing <@ ${textArray(columns.filter(({ map }) => map !== null).map((term) => term.name))} then 'reference' else 'value' end
                      when 'missing' then ${causeOfMissing(key)} end as cause,
           case class when 'excluded' then excluded when 'explained' then explained end as reason, to_jsonb(legacy_key) as key, differing as columns, 1 as n
    from judged_source where class <> 'verified'
    union all
    select class, case when class <> 'extra' then null
                       when cardinality(array_remove(raw_key, null)) = 0 then 'no key'
                       when cardinality(array_remove(legacy_key, null)) < ${key.length} then 'no map entry'
                       else coalesce((select case when not s.claimed then 'unclaimed' when s.excluded is not null then 'excluded' end
                                       from source s where s.legacy_key = t.legacy_key), 'ghost') end,
           generated, to_jsonb(case when cardinality(array_remove(legacy_key, null)) = ${key.length} then legacy_key else raw_key end), null, 1
    from judged_target t
    union all select 'verified', null, null, null, null, count(*)::integer from judged_source where class = 'verified'
    union all select 'source total', null, null, null, null, count(*)::integer from source where claimed
    union all select 'target total', null, null, null, null, count(*)::integer from target`)

  const figure = (kind: string) => rows.find((row) => row.class === kind)?.n ?? 0
  return {
    sourceTotal: figure('source total'),
    targetTotal: figure('target total'),
    verified: figure('verified'),
    differences: rows.flatMap((row) => (['verified', 'source total', 'target total'].includes(row.class) ? [] : [{
      class: row.class as PlantedDifference['class'], cause: row.cause, reason: row.reason, columns: row.columns ?? [],
      key: Object.fromEntries(key.map((term, leg) => [term.name, row.key[leg] ?? null])),
    }])),
  }
}

function termOf(name: string, term: PlanTerm, targetType: string): Term {
  const raw = term.from === undefined ? `(${term.sql ?? ''})` : `src.${quoteIdentifier(term.from)}`
  if (typeof term.references === 'string') {
    return { name, raw, map: term.references, expected: `${alias(name)}.modern`, unresolved: `(${raw} is not null and ${alias(name)}.legacy is null)` }
  }
  if (term.values !== undefined) {
    const codes = Object.entries(term.values)
    const cases = codes.map(([code, value]) => `when ${quoteLiteral(code)} then ${quoteLiteral(String(value))}::${targetType}`).join(' ')
    return { name, raw, map: null, expected: `case ${raw}::text ${cases} end`,
      unresolved: `(${raw}::text not in (${codes.map(([code]) => quoteLiteral(code)).join(', ')})) is true` }
  }
  return { name, raw, map: null, expected: term.zone === undefined ? raw : `${raw} at time zone ${quoteLiteral(term.zone)}`, unresolved: 'false' }
}

function causeOfMissing(key: Term[]): string {
  if (key.length > 1) return `coalesce(case ${key.map(({ name }, leg) => `when not known[${leg + 1}] then ${quoteLiteral(`leg ${name}`)}`).join(' ')} end, 'plain')`
  return "case when known[1] is null then 'plain' when not known[1] then 'no map entry' when sid in (select sid from candidate) then 'collapsed' else 'map leads nowhere' end"
}

function mapSql(plan: Plan, name: string): string {
  const map = plan.keyMaps?.[name]
  if (map?.legacy === undefined || map.modern === undefined) throw new Error(`no stored key map ${name}`)
  return `select ${quoteIdentifier(map.legacy)} as legacy, ${quoteIdentifier(map.modern)} as modern
            from public.${quoteIdentifier(map.table as string)} tgt where ${map.where ?? 'true'}`
}

async function columnsOf(sql: Sql, schema: string, table: string): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; type: string }[]>`
    select attname as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = format('%I.%I', ${schema}::text, ${table}::text)::regclass and attnum > 0 and not attisdropped order by attnum`
  return new Map(rows.map(({ name, type }) => [name, type]))
}

function alias(column: string): string {
  return quoteIdentifier(`map ${column}`)
}

function textArray(values: string[]): string {
  return `array[${values.map(quoteLiteral).join(', ')}]::text[]`
}
