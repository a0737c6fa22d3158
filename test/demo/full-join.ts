import type { Sql } from 'postgres'
import type { DatabaseOptions } from '../../src/db/clients.js'
import { quoteIdentifier, quoteLiteral } from '../../src/core/identifier.js'
import type { PlantedDifference } from '../../src/demo/answer-key.js'
import type { Plan, PlanEntity, PlanTerm } from '../../src/plan/schema.js'
import { firstReason, mapSql, termOf, textArray, truth, type Term } from './full-join-terms.js'

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
  /** `column by columns` → whether all sums are equal, of each total in the plan */
  totals: Record<string, boolean>
}

/** Copies the legacy tables into the schema `legacy` of the modern database. */
export async function importLegacy(modern: Sql, legacy: DatabaseOptions): Promise<void> {
  await modern.unsafe(`
    create extension if not exists postgres_fdw;
    create server legacy foreign data wrapper postgres_fdw
      options (host ${quoteLiteral(legacy.host)}, port ${quoteLiteral(String(legacy.port))}, dbname ${quoteLiteral(legacy.database)});
    create user mapping for current_user server legacy options (user ${quoteLiteral(legacy.user)}, password ${quoteLiteral(legacy.password)});
    create schema far; create schema legacy;
    create function legacy.json_or_null(written text) returns jsonb language plpgsql immutable as $$ begin
      return written::jsonb; exception when invalid_text_representation or untranslatable_character then return null;
    end $$;
    import foreign schema public from server legacy into far;
    do $$ declare t name; begin
      for t in select relname from pg_class where relnamespace = 'far'::regnamespace loop
        execute format('create table legacy.%I as select * from far.%I', t, t);
        execute format('analyze legacy.%I', t);
      end loop;
    end $$`).simple()
}

interface JoinedRow {
  class: string
  cause: string | null
  reason: string | null
  key: (string | null)[]
  columns: string[] | null
  /** the raw keys and columns, by the names of the terms */
  written: Record<string, string | null> | null
  n: number
}

export async function joinEntity(sql: Sql, plan: Plan, name: string): Promise<JoinedEntity> {
  const entity = plan.entities[name] as PlanEntity
  const targetTable = entity.target.table as string
  const targetColumns = await columnsOf(sql, 'public', targetTable)
  const toTerm = ([column, written]: [string, string | PlanTerm]) => termOf(column, typeof written === 'string' ? { from: written } : written, targetColumns.get(column) as string)
  const key = Object.entries(entity.key as Record<string, string | PlanTerm>).map(toTerm)
  const mapped = Object.entries(entity.columns ?? {})
  const same = entity.same === 'all' ? await commonColumns(sql, entity.source.table as string, [...targetColumns.keys()], [...key.map((term) => term.name), ...mapped.map(([column]) => column)]) : (entity.same ?? [])
  const columns = [...same.map((column): [string, string] => [column, column]), ...mapped].map(toTerm)
  const joined = joinSql(plan, entity, key, columns)
  const { rows, totals } = await sql.begin(async (tx) => {
    // the plan's SQL names legacy tables as the legacy database does
    await tx`set local search_path = legacy, public`
    const sums: Record<string, boolean> = {}
    for (const { sum, by = [] } of entity.totals ?? []) {
      for (const column of [sum].flat()) {
        const [equal] = await tx.unsafe<{ equal: boolean }[]>(`${joined} ${totalSql(columns, column, by)}`)
        sums[`${column}${by.length === 0 ? '' : ` by ${by.join(', ')}`}`] = equal?.equal ?? false
      }
    }
    return { rows: await tx.unsafe<JoinedRow[]>(`${joined} ${rowsSql(key, columns)}`), totals: sums }
  })

  const figure = (kind: string) => rows.find((row) => row.class === kind)?.n ?? 0
  const unequal = rows.filter((row) => !['verified', 'source total', 'target total'].includes(row.class))
  await followParents(sql, plan, name, unequal.filter((row) => row.class === 'missing'))
  return {
    sourceTotal: figure('source total'),
    targetTotal: figure('target total'),
    verified: figure('verified'),
    differences: unequal.map((row) => ({
      class: row.class as PlantedDifference['class'], cause: row.cause, reason: row.reason, columns: row.columns ?? [],
      key: Object.fromEntries(key.map((term, leg) => [term.name, row.key[leg] ?? null])),
    })),
    totals,
  }
}

/** Both sides, the pairs of their rows and the class of each row, as relations for a query to read. */
function joinSql(plan: Plan, entity: PlanEntity, key: Term[], columns: Term[]): string {
  const { source: from, target: to } = entity
  const relation = from.query === undefined ? `legacy.${quoteIdentifier(from.table as string)}` : `(${from.query})`
  const maps = [...key, ...columns].flatMap((term) => term.maps.map(({ alias, map, when }) => `left join (${mapSql(plan, map)}) ${alias} on ${alias}.legacy = ${term.raw} and ${when}`))
  const keyMaps = key.flatMap(({ name: column, maps: [of] }) => (
    of === undefined ? [] : [`left join (select modern, min(legacy) as legacy from (${mapSql(plan, of.map)}) entries group by modern) ${of.alias} on ${of.alias}.modern = tgt.${quoteIdentifier(column)}`]))
  const legs = key.map((_, leg) => `k${leg}`)
  const text = (expressions: string[]) => `array[${expressions.map((expression) => `(${expression})::text`).join(', ')}]`
  const [claimed, excluded] = [truth(from.where), firstReason(from.exclude)]
  const mergeBy = from.merge === undefined ? 'null::text' : `case when ${claimed} and (${excluded}) is null then (${from.merge.by})::text end`
  const equal = ({ tolerance }: Term, index: number) =>
    `(not s.u${index} and (s.c${index} is not distinct from t.c${index}${tolerance === null ? '' : ` or abs(s.c${index} - t.c${index}) <= ${tolerance}`})) is true`
  const accepted = ({ accept }: Term, index: number) =>
    `case ${accept.map(({ reason }, one) => `when s.w${index}_${one} and s.v${index}_${one} is not distinct from t.c${index} then ${quoteLiteral(reason)}`).join(' ')} when false then null::text end`
  const unequal = (term: Term, index: number, shown: string) => `case when not ${equal(term, index)} and (${accepted(term, index)}) is ${shown} end`
  const newer = from.changedAt === undefined || to.changedAt === undefined ? 'false' : 's.changed > t.changed'

  return `
    with source as materialized (
      select row_number() over () as sid, ${key.map((term, leg) => `(${term.expected})::${term.type} as k${leg}`).join(', ')},
             ${text(key.map(({ raw }) => raw))} as legacy_key,
             array[${key.map(({ maps: [of] }) => (of === undefined ? 'null::boolean' : `${of.alias}.legacy is not null`)).join(', ')}] as known,
             jsonb_build_object(${[...key, ...columns].map((term) => `${quoteLiteral(term.name)}, (${term.raw})::text`).join(', ')}) as written,
             ${claimed} as claimed, ${excluded} as excluded, ${firstReason(entity.explained?.filter(({ where }) => where !== undefined))} as explained,
             ${mergeBy} as merge_by, row_number() over (partition by ${mergeBy} order by ${from.merge?.keep ?? '1'}) as merge_place,
             ${from.changedAt === undefined ? 'null::timestamptz' : `src.${quoteIdentifier(from.changedAt)}::timestamptz`} as changed
             ${columns.map(({ expected, type, tolerance, unresolved, accept }, index) => [
               `, (${expected})${tolerance === null ? `::${type}` : ''} as c${index}, ${unresolved} as u${index}`,
               ...accept.map(({ where, value }, one) => `, ${truth(where)} as w${index}_${one}, case when ${truth(where)} then (${value})::${type} end as v${index}_${one}`),
             ].join('')).join('')}
      from ${relation} src ${maps.join(' ')}
    ), target as materialized (
      select row_number() over () as tid, ${key.map(({ name: column }, leg) => `tgt.${quoteIdentifier(column)} as k${leg}`).join(', ')},
             ${text(key.map(({ name: column }) => `tgt.${quoteIdentifier(column)}`))} as raw_key,
             ${text(key.map(({ name: column, maps: [of] }) => (of === undefined ? `tgt.${quoteIdentifier(column)}` : `${of.alias}.legacy`)))} as legacy_key,
             ${firstReason(to.generated)} as generated, ${to.changedAt === undefined ? 'null::timestamptz' : `tgt.${quoteIdentifier(to.changedAt)}::timestamptz`} as changed
             ${columns.map(({ name: column }, index) => `, tgt.${quoteIdentifier(column)} as c${index}`).join('')}
      from public.${quoteIdentifier(to.table as string)} tgt ${keyMaps.join(' ')} where ${truth(to.where)}
    ), candidate as materialized (
      select s.sid, t.tid, ${newer} as stale,
             array_remove(array[${columns.map((term, index) => unequal(term, index, `null then ${quoteLiteral(term.name)}`)).join(', ')}]::text[], null) as differing,
             array_remove(array[${columns.map((term, index) => unequal(term, index, `not null then ${accepted(term, index)}`)).join(', ')}]::text[], null) as accepted
      from source s join target t using (${legs.join(', ')}) where s.claimed and s.excluded is null and (s.merge_by is null or s.merge_place = 1)
    ), pair as materialized (
      select sid, tid, stale, differing, accepted from (
        select *, row_number() over (partition by sid order by cardinality(differing), cardinality(accepted), tid) as s_rank,
               row_number() over (partition by tid order by cardinality(differing), cardinality(accepted), sid) as t_rank from candidate
      ) ranked where s_rank = 1 and t_rank = 1
    ), judged as materialized (
      select case when s.excluded is not null then 'excluded' when p.differing = '{}' and p.accepted = '{}' then 'verified' when p.differing = '{}' then 'accepted' when p.sid is not null then 'differs'
                  when s.explained is not null then 'explained' else 'missing' end as class,
             s.*, p.differing, p.accepted, p.stale from source s left join pair p using (sid) where s.claimed and (s.merge_by is null or s.merge_place = 1)
    ), follower as (
      select case when not s.known[1] or s.k0 is distinct from j.k0 or j.class in ('explained', 'missing') then 'missing' when j.class = 'differs' then 'unverified' else 'merged' end as class,
             s.*, j.class as fate, case when not s.known[1] then 'no map entry' when s.k0 is distinct from j.k0 then 'map leads elsewhere' end as fault,
             ${columns.map((_, index) => `s.c${index} is distinct from j.c${index}`).join(' or ')} as conflict
      from source s join judged j using (merge_by) where s.merge_place > 1
    ), judged_target as (
      select case when t.tid in (select tid from candidate) then 'duplicate' when t.generated is not null then 'generated' else 'extra' end as class, t.*
      from target t where not exists (select from pair where pair.tid = t.tid)
    )`
}

/** Each row that is not verified, and the figures. */
function rowsSql(key: Term[], columns: Term[]): string {
  const references = textArray(columns.filter(({ maps }) => maps.length > 0).map((term) => term.name))
  return `select class,
           case class when 'differs' then case when stale then 'stale' when differing <@ ${references} then 'reference' else 'value' end when 'missing' then ${causeOfMissing(key)} end as cause,
           case class when 'excluded' then excluded when 'explained' then explained when 'accepted' then array_to_string(accepted, '; ') end as reason,
           to_jsonb(legacy_key) as key, differing as columns, written, 1 as n
    from judged where class <> 'verified'
    union all
    select class, case when fault is not null then fault when class = 'unverified' then 'survivor differs' when class = 'missing' then 'survivor ' || fate when conflict then 'conflict' end, null, to_jsonb(legacy_key), null, written, 1
    from follower
    union all
    select class, case when class <> 'extra' then null
                       when cardinality(array_remove(raw_key, null)) = 0 then 'no key'
                       when cardinality(array_remove(legacy_key, null)) < ${key.length} then 'no map entry'
                       else coalesce((select case when not s.claimed then 'unclaimed' when s.excluded is not null then 'excluded' end
                                       from source s where s.legacy_key = t.legacy_key), 'ghost') end,
           generated, to_jsonb(case when cardinality(array_remove(legacy_key, null)) = ${key.length} then legacy_key else raw_key end), null, null, 1
    from judged_target t
    union all select 'verified', null, null, null, null, null, count(*)::integer from judged where class = 'verified'
    union all select 'source total', null, null, null, null, null, count(*)::integer from source where claimed
    union all select 'target total', null, null, null, null, null, count(*)::integer from target`
}

/** Whether a column adds up to the same on both sides in each group, of the rows that should be there and those that are. */
function totalSql(columns: Term[], sum: string, by: readonly string[]): string {
  const place = (name: string) => `c${columns.findIndex((term) => term.name === name)}`
  const group = `jsonb_build_array(${by.map(place).join(', ')})`
  return `
    select coalesce(bool_and(coalesce(expected, 0) = coalesce(there, 0)), false) as equal from (
      select ${group} as one, sum(${place(sum)}) as expected
      from (select class, ${[sum, ...by].map(place).join(', ')} from judged union all select class, ${[sum, ...by].map(place).join(', ')} from follower) wanted
      where class not in ('excluded', 'explained', 'merged') group by 1
    ) source_sum full join (
      select ${group} as one, sum(${place(sum)}) as there from target where tid not in (select tid from judged_target where class = 'generated') group by 1
    ) target_sum using (one)`
}

/**
 * Gives missing rows what the row tells that they reference: the plan's reason where it is not in the legacy table, excluded or explained, the cause `parent` where it is
 * missing itself.
 */
async function followParents(sql: Sql, plan: Plan, name: string, missing: JoinedRow[]): Promise<void> {
  const entity = plan.entities[name] as PlanEntity
  const terms = Object.entries({ ...(entity.key as Record<string, string | PlanTerm>), ...entity.columns })
  for (const [column, term] of missing.length === 0 ? [] : terms) {
    const map = typeof term === 'string' ? undefined : term.references
    const [parentName, parent] = Object.entries(plan.entities).find(([, { key }]) => isKeyedBy(key, map)) ?? []
    if (parentName === undefined || parent === undefined || parentName === name || typeof term === 'string') continue
    const [[leg, written]] = Object.entries(parent.key as Record<string, PlanTerm>) as [[string, PlanTerm]]
    const there = new Set((await sql.unsafe<{ key: string }[]>(`select ${quoteIdentifier(written.from as string)}::text as key from legacy.${quoteIdentifier(parent.source.table as string)}`)).map(({ key }) => key))
    const fates = new Map((await joinEntity(sql, plan, parentName)).differences.map(({ class: rowClass, key }) => [key[leg], rowClass]))
    const declared = entity.explained?.find((one) => one.parent !== undefined && one.parent === term.from)
    for (const row of missing) {
      const wanted = row.written?.[column]
      if (wanted === undefined || wanted === null || row.class !== 'missing') continue
      const fate = there.has(wanted) ? fates.get(wanted) : 'absent'
      if (declared !== undefined && (fate === 'absent' || fate === 'excluded' || fate === 'explained')) Object.assign(row, { class: 'explained', cause: null, reason: declared.reason })
      else if (fate === 'missing' && !row.cause?.startsWith('leg ') && row.cause !== 'collapsed') row.cause = 'parent'
    }
  }
}

function isKeyedBy(key: PlanEntity['key'], map: PlanTerm['references']): boolean {
  const legs = key === 'all' ? [] : Object.values(key)
  return map !== undefined && legs.length === 1 && legs.every((leg) => typeof leg !== 'string' && leg.references === map)
}

function causeOfMissing(key: Term[]): string {
  if (key.length > 1) return `coalesce(case ${key.map(({ name }, leg) => `when not known[${leg + 1}] then ${quoteLiteral(`leg ${name}`)}`).join(' ')} end, 'plain')`
  return "case when known[1] is null then 'plain' when not known[1] then 'no map entry' when sid in (select sid from candidate) then 'collapsed' else 'map leads nowhere' end"
}

async function commonColumns(sql: Sql, sourceTable: string, targetColumns: string[], elsewhere: string[]): Promise<string[]> {
  const sourceColumns = await columnsOf(sql, 'legacy', sourceTable)
  return targetColumns.filter((column) => sourceColumns.has(column) && !elsewhere.includes(column))
}

async function columnsOf(sql: Sql, schema: string, table: string): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; type: string }[]>`
    select attname as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = format('%I.%I', ${schema}::text, ${table}::text)::regclass and attnum > 0 and not attisdropped order by attnum`
  return new Map(rows.map(({ name, type }) => [name, type]))
}

