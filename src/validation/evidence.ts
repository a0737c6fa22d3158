import { createHash } from 'node:crypto'
import { quoteRelation } from '../core/identifier.js'
import { countStatement, scanStatement, sumStatement } from '../core/pass-expressions.js'
import { readRowsStatement } from '../core/reread-expressions.js'
import type { StatementOptions } from '../core/row-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import { ownSchemas } from '../db/catalog.js'
import { serviceName } from '../db/clients.js'
import { countOf, read, readOne, textOf, type Reader } from './reader.js'

/**
 * What proves that a side of an entity is as it was: the same statements over the same files, to which nobody has written. Two equal texts mean that the rows are the
 * same; null means that nothing proves it.
 */
export type Evidence = string | null

/**
 * What proves that the versions of the rows of a side tell which of them have changed: the relation is the same one of the same server, which has run since, and nothing else that its rows are
 * read with has changed. null: nothing proves it.
 */
export type Versions = {
  /** the server and the relation itself */
  table: string
  /** the statements, and the counters of what else they read */
  rest: string
} | null

/** The first oid that a server gives to what its users make. */
const firstOfUsers = 16_384

/** Before 15 the counters went through lossy datagrams. */
const countersAreExact = 150_000

/** What else names in a statement may mean; each change makes a new version of a row. */
const versionedCatalogs = ['pg_proc', 'pg_operator', 'pg_cast', 'pg_collation', 'pg_ts_config', 'pg_ts_dict']

/** Settings of the database that are left to it (see `pinnedSettings`) although they say what a text means or how a value is written. */
const ownSettings = ['default_text_search_config', 'timezone_abbreviations', 'xmlbinary', 'lc_monetary', 'lc_numeric', 'lc_time']

/** SQL condition of the sessions in `pg_stat_activity` that may write to this database and are not the service's own. */
export const ofOthers = `datname = pg_catalog.current_database() and pid <> pg_catalog.pg_backend_pid() and (application_name = '${serviceName}' and usename = session_user) is not true and coalesce(backend_type, '') <> 'autovacuum worker' and (backend_type = 'walsender' and query like 'START_REPLICATION%') is not true`

/** SQL condition that a session waits for its client, outside a transaction: then it tells the counters what it did. What applies logical replication looks idle, and does not. */
export const isIdle = "coalesce(state = 'idle' and backend_type in ('client backend', 'walsender'), false)"

/** SQL condition under which the counters of a database can be trusted at all. */
export const areCountersTrusted = `(pg_catalog.current_setting('server_version_num')::int >= ${countersAreExact} and pg_catalog.current_setting('track_counts') = 'on' and not pg_catalog.pg_is_in_recovery())`

/** SQL of the counters of the relation `c`; null while a writer's transaction is open. */
export const countersOfRelation = `case when not exists (select from pg_catalog.pg_locks l where l.relation = c.oid and l.granted and l.mode not in ('AccessShareLock', 'RowShareLock', 'ShareUpdateExclusiveLock'))
          then pg_catalog.json_build_array(pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid))::text end`

/**
 * The relations in $1 (a JSON array of [schema, name]), and how far their counters can be trusted.
 * `server` is what a restart, a crash (which loses counters, and commits that were not flushed), a restored or promoted server and another database change: the crash of one session restarts neither the
 * server nor the counters of a database, but those of the background writer. Labels of enums change without any row, and so does what the users' functions, operators, casts, types, collations, text search and settings make of a value.
 * Tables come and go all the time, each with a type of its row: that counts only where it is the type of something else (the dependencies tell it in 5 ms where the columns of 5,000 tables take 50), and not in what is temporary or the service's own. A table's own columns are in its definition.
 * `counters` would lie after a reset too, and on a standby (which counts nothing). `relations` tells of each relation its definition (every DDL makes a new version of its row in pg_class; a column that is dropped
 * and made anew has another number; a generated column another expression; what is unique now was it before) and its counters, null while a writer's transaction is open.
 * `sessions` are those of others that may still hold back what they did to the counters: a session tells it when it is idle outside a transaction, and then a second later than the time before, or ten seconds after it has fallen
 * idle. `silent` of them have not been idle so long, between $3 (a first look) and $2 (a delay above those) later (each commit of a procedure begins a transaction, and only the end of its call tells): what such a session did before that look nobody has heard of, however long it is waited for.
 */
const countersStatement = `with wanted as (select item ->> 0 as schema, item ->> 1 as name from pg_catalog.json_array_elements($1::text::json) as list(item)),
  relation as materialized (select oid, relkind, relpersistence from pg_catalog.pg_class where relkind = 'c' or relpersistence = 't'),
  typed as materialized (select distinct refobjid as type from pg_catalog.pg_depend where refclassid = 'pg_catalog.pg_type'::regclass and refobjid >= ${firstOfUsers} and deptype = 'n'
    and not (classid = 'pg_catalog.pg_class'::regclass and objid in (select oid from relation where relpersistence = 't'))),
  type as (select t.oid, t.xmin::text as version, t.typrelid from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where t.oid >= ${firstOfUsers} and t.typinput <> 'pg_catalog.array_in'::regproc and n.nspname not in (${ownSchemas.map((schema) => `'${schema}'`).join(', ')}) and n.nspname !~ '^pg_temp_'
      and (t.typrelid = 0 or t.typrelid in (select oid from relation where relkind = 'c') or t.oid in (select type from typed) or t.typarray in (select type from typed))),
  made as (${versionedCatalogs.map((catalog) => `select '${catalog}' as kind, oid, xmin::text as version from pg_catalog.${catalog} where oid >= ${firstOfUsers}`).join(' union all ')}
    union all select 'map', mapcfg, xmin::text from pg_catalog.pg_ts_config_map
    union all select 'type', oid, version from type
    union all select 'attribute', a.attrelid, a.attnum::text || ' ' || a.xmin::text from type join pg_catalog.pg_attribute a on a.attrelid = type.typrelid where a.attnum > 0
    union all select 'check', oid, xmin::text from pg_catalog.pg_constraint where contypid >= ${firstOfUsers}
    union all select 'schema', oid, nspname::text from pg_catalog.pg_namespace where nspname !~ '^pg_'),
  other as (select state, ${isIdle} as is_idle, state_change, coalesce(least(xact_start, query_start), state_change) as began from pg_catalog.pg_stat_activity
    where ${ofOthers})
  select ${areCountersTrusted}::text as trusted,
    pg_catalog.json_build_array(pg_catalog.pg_postmaster_start_time(), (select stats_reset from pg_catalog.pg_stat_bgwriter), pg_catalog.pg_is_in_recovery(),
      (select oid::text || ' ' || xmin::text from pg_catalog.pg_database where datname = pg_catalog.current_database()),
      (select pg_catalog.hashtextextended(pg_catalog.string_agg(oid::text || ' ' || xmin::text, ', ' order by oid), 0) from pg_catalog.pg_enum),
      (select pg_catalog.hashtextextended(pg_catalog.string_agg(kind || ' ' || oid::text || ' ' || version, ', ' order by kind, oid, version), 0) from made),
      ${ownSettings.map((setting) => `pg_catalog.current_setting('${setting}')`).join(', ')})::text as server,
    (select stats_reset from pg_catalog.pg_stat_database where datname = pg_catalog.current_database())::text as reset,
    (select pg_catalog.count(*) from other where not is_idle or state_change > pg_catalog.clock_timestamp() - $2::text::interval)::text as sessions,
    (select pg_catalog.count(*) from other where not is_idle and coalesce(began < $3::text::timestamptz + $2::text::interval, true))::text as silent,
    (select pg_catalog.count(*) from other where state is null)::text as unseen,
    pg_catalog.to_char(pg_catalog.clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as moment,
    (select pg_catalog.json_object_agg(pg_catalog.json_build_array(n.nspname, c.relname)::text, pg_catalog.json_build_object(
        'definition', pg_catalog.json_build_array(c.oid, c.xmin::text, pg_catalog.pg_relation_filenode(c.oid),
          (select pg_catalog.string_agg(a.attnum::text || ' ' || a.attname::text || ' ' || a.atttypid::text || ' ' || a.atttypmod::text || ' ' || a.attcollation::text || coalesce(' ' || d.oid::text, ''), ', ' order by a.attnum) from pg_catalog.pg_attribute a
            left join pg_catalog.pg_attrdef d on a.attgenerated <> '' and d.adrelid = a.attrelid and d.adnum = a.attnum where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
          (select pg_catalog.string_agg(i.indexrelid::text || ' ' || i.indisvalid::text, ', ' order by i.indexrelid) from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisunique))::text,
        'counters', ${countersOfRelation}))
      from wanted w join pg_catalog.pg_namespace n on n.nspname = w.schema join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name
      where c.relkind in ('r', 'm') and c.relpersistence = 'p')::text as relations`

/** The server cuts names off behind 63 bytes, or before the letter of up to four bytes that ends there: of a longer one a statement may have more than the catalogue. */
const longestWhole = 59

/**
 * SQL that tells whether a statement ($1) names something, in capitals or not. The pattern is asked only of names that stand in the text at all: over every function of the server, 3,300 of them, it took 1.4 s for each
 * entity.
 */
const names = (name: string, after: string) => {
  const written = `pg_catalog.replace(pg_catalog.lower(${name}::text), '"', '""')`
  return `case when pg_catalog.strpos(pg_catalog.lower($1::text), ${written}) = 0 then false
    else pg_catalog.lower($1::text) ~ ('(^|[^[:alnum:]_])' || pg_catalog.regexp_replace(${written}, '([^[:alnum:]_])', '\\\\\\1', 'g') || case when pg_catalog.octet_length(${name}::text) > ${longestWhole} then '' else '${after}' end) end`
}

/** What stands behind a name that has ended. */
const afterName = '($|[^[:alnum:]_])'

/** What may stand between the name of a function and its arguments: the end of a quoted name, blanks, comments. */
const beforeArguments = '"?(\\s|/\\*.*\\*/|--[^\\n]*\\n)*[(]'

/**
 * Whether the SQL of a statement names a view, also of the catalogue, a table of the whole server or a foreign one, or a function beyond the server's own, or may use an operator or a cast of the users that is not immutable: what those read, no plan tells. A function of a row can be
 * named like one of its columns, an operator is looked for by its signs, a cast has no name, and what stands in escapes may be any of them.
 */
const opaqueStatement = `with function as (select p.oid, p.proname, p.proargtypes, p.provolatile <> 'i' as may_read, exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e') as is_extension
    from pg_catalog.pg_proc p where p.oid >= ${firstOfUsers})
  select (pg_catalog.lower($1::text) ~ 'u&"'
    or pg_catalog.strpos(pg_catalog.lower($1::text), 'information_schema') > 0
    or exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where (c.relkind in ('v', 'f') or c.relkind = 'r' and c.relisshared) and n.nspname <> 'information_schema' and ${names('c.relname', afterName)})
    or exists (select from function n where ${names('n.proname', beforeArguments)}
      or exists (select from pg_catalog.pg_type t where t.oid = n.proargtypes[0] and t.typtype = 'c') and ${names('n.proname', afterName)})
    or exists (select from function n join pg_catalog.pg_operator o on o.oprcode = n.oid where n.may_read and not n.is_extension and pg_catalog.strpos($1::text, o.oprname::text) > 0)
    or exists (select from function n join pg_catalog.pg_cast c on c.castfunc = n.oid where n.may_read and not n.is_extension))::text as opaque`

/** What the statements of an entity read on one side. */
export interface Reading {
  /** the statements */
  text: string
  /** [schema, name] of each relation, those of subqueries and the parts of a table with them; null: no plan tells all of them */
  relations: [string, string][] | null
  /** the entity's own relation, where a pass reads it once and what it finds in a row depends on no other row of it; else null */
  own: [string, string] | null
}

/** Asks the server what it would read for an entity. */
export async function readReading(spec: ComparisonSpec, reader: Reader, options: StatementOptions, signal: AbortSignal): Promise<Reading> {
  const { side } = reader
  const pass = scanStatement(spec, side, options)
  const rows = readRowsStatement(spec, side, { ...options, lists: ['{0}'] }, null)
  const text = [countStatement(spec, side), pass, rows, ...spec.totals.map((total) => sumStatement(spec, side, total, 0, options))].join(';\n')
  const [opaque] = await read(reader, signal, opaqueStatement, [text])
  if (opaque?.['opaque'] !== 'false') return { text, relations: null, own: null }
  const [passed, others] = [await relationsOf(reader, pass, signal), await relationsOf(reader, rows, signal)]
  const own: [string, string] = [spec[side].schema, spec[side].table]
  // a plan leaves out what its condition rules out, such as partitions, whose rows are accounted for all the same
  const accounted = side === 'source' && spec.source.query !== null ? spec.source.covers : spec[side]
  const bare = accounted === null ? [] : spec[side].chunkable ? [own] : await relationsOf(reader, `select from ${quoteRelation({ schema: accounted.schema, name: accounted.table })}`, signal)
  const relations = new Map([...passed, ...others, ...bare].map((relation) => [nameOf(relation), relation]))
  const isAlone = spec[side].chunkable && (side === 'target' || spec.source.merge === null) && passed.filter((relation) => nameOf(relation) === nameOf(own)).length === 1
  return { text, relations: [...relations.values()], own: isAlone ? own : null }
}

/** What one side stands at, at one moment. */
export interface Counters {
  /** sessions of others that may not have told yet what they did */
  sessions: number
  /** those of them that have not told since the first look */
  silent: number
  /** those of which the role may not see what they do */
  unseen: number
  /** when it was looked, by the server's clock, ISO 8601 */
  moment: string
  /** which server it is, and since when it runs */
  server: string
  /** of the counters as such; null: they prove nothing */
  counters: string | null
  /** `["schema","name"]` → how a relation is made, and what its counters stand at (null: nobody can tell); absent where nobody can tell either */
  relations: ReadonlyMap<string, { definition: string; counters: string | null }>
}

const nameOf = (relation: readonly [string, string]) => JSON.stringify(relation)

/**
 * @param delayMs how long counters may lag behind what sessions of others have done that are idle by now
 * @param first when it was looked first; the same moment unless given
 */
export async function readCounters(reader: Reader, relations: readonly (readonly [string, string])[], delayMs: number, signal: AbortSignal, first = 'now'): Promise<Counters> {
  const row = await readOne(reader, signal, countersStatement, [JSON.stringify(relations), `${delayMs} ms`, first])
  const found = Object.entries(JSON.parse(row['relations'] ?? '{}') as Record<string, { definition: string; counters: string | null }>)
  return {
    sessions: countOf(row, 'sessions'), silent: countOf(row, 'silent'), unseen: countOf(row, 'unseen'), moment: textOf(row, 'moment'), server: textOf(row, 'server'), counters: row['trusted'] === 'true' ? JSON.stringify(row['reset'] ?? null) : null,
    relations: new Map(found.map(([name, relation]) => [JSON.stringify(JSON.parse(name)), relation])),
  }
}

/** The evidence of what the readings together read. */
export function evidenceOf(readings: readonly Reading[], found: Counters): Evidence {
  const names = readings.flatMap((reading) => reading.relations?.map(nameOf) ?? [null])
  const counters = countersOf(names, found)
  return counters === null ? null : JSON.stringify([digestOf(readings), found.server, counters])
}

/** What the versions of the rows rest on that a reading reads. */
export function versionsOf(reading: Reading, found: Counters): Versions {
  const { own, relations } = reading
  if (own === null || relations === null) return null
  const others = relations.map(nameOf).filter((name) => name !== nameOf(own))
  const counters = others.length === 0 ? [] : countersOf(others, found)
  const table = tableOf(own, found)
  return table === null || counters === null ? null : { table, rest: JSON.stringify([digestOf([reading]), counters]) }
}

/** How the relation of an entity is now, as `versionsOf` tells it. */
export async function readTable(spec: ComparisonSpec, reader: Reader, signal: AbortSignal): Promise<string | null> {
  const own = [spec[reader.side].schema, spec[reader.side].table] as const
  return tableOf(own, await readCounters(reader, [own], 0, signal))
}

function tableOf(own: readonly [string, string], { server, relations }: Counters): string | null {
  const definition = relations.get(nameOf(own))?.definition
  return definition === undefined ? null : JSON.stringify([server, definition])
}

/** @returns null: one of them may have been written without a trace */
function countersOf(names: readonly (string | null)[], { counters, relations }: Counters): unknown[] | null {
  const found = [...new Set(names)].sort().map((name) => [name, name === null ? null : (relations.get(name) ?? null)] as const)
  if (counters === null || found.some(([, relation]) => relation === null || relation.counters === null)) return null
  return [counters, found.map(([name, relation]) => [name, relation?.definition, relation?.counters])]
}

function digestOf(readings: readonly Reading[]): string {
  return createHash('sha256').update(readings.map(({ text }) => text).join(';\n')).digest('hex')
}

interface PlanNode {
  'Relation Name'?: string
  Schema?: string
  Plans?: PlanNode[]
}

/** The relations that the server would read: those of subqueries, and the parts of a table, with them. */
async function relationsOf(reader: Reader, statement: string, signal: AbortSignal): Promise<[string, string][]> {
  const [row] = await read(reader, signal, `explain (verbose, format json) ${statement}`)
  const [top] = JSON.parse(row?.['QUERY PLAN'] ?? '[]') as { Plan: PlanNode }[]
  const walk = (node: PlanNode): [string, string][] => [...(node['Relation Name'] === undefined || node.Schema === undefined ? [] : [[node.Schema, node['Relation Name']] as [string, string]]), ...(node.Plans ?? []).flatMap(walk)]
  return top === undefined ? [] : walk(top.Plan)
}
