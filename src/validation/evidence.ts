import { createHash } from 'node:crypto'
import { countStatement, readRowsStatement, scanStatement, type StatementOptions } from '../core/expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import { countOf, read, textOf, type Reader } from './reader.js'

/**
 * What proves that a side of an entity is as it was: the same statements over the same files, to which nobody has written. Two equal texts mean that the rows are the
 * same; null means that nothing proves it.
 */
export type Evidence = string | null

/** Before 15 the counters went through lossy datagrams. */
const countersAreExact = 150_000

/**
 * The counters of the relations in $1 (a JSON array of [schema, name]), and what would make them lie: a restart (a crash loses them), a reset, a standby (which counts nothing), a writer whose
 * transaction is open. TRUNCATE leaves the counters and changes the file; a column that is dropped and made anew changes neither, so the columns are told too.
 */
const countersStatement = `with wanted as (select item ->> 0 as schema, item ->> 1 as name from json_array_elements($1::text::json) as list(item))
  select (pg_catalog.current_setting('server_version_num')::int >= ${countersAreExact} and pg_catalog.current_setting('track_counts') = 'on' and not pg_catalog.pg_is_in_recovery())::text as trusted,
    pg_catalog.json_build_array(pg_catalog.pg_postmaster_start_time(), (select stats_reset from pg_catalog.pg_stat_database where datname = pg_catalog.current_database()))::text as server,
    (select count(*) from pg_catalog.pg_stat_activity where datname = pg_catalog.current_database() and pid <> pg_catalog.pg_backend_pid() and application_name not like 'mcov%'
      and (state is null or state <> 'idle' or state_change > pg_catalog.clock_timestamp() - $2::text::interval))::text as sessions,
    (select pg_catalog.json_object_agg(pg_catalog.json_build_array(n.nspname, c.relname)::text, pg_catalog.json_build_array(c.oid, pg_catalog.pg_relation_filenode(c.oid),
        pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid),
        (select string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid, ', ' order by a.attnum) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))::text)
      from wanted w join pg_catalog.pg_namespace n on n.nspname = w.schema join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name
      where c.relkind in ('r', 'm') and c.relpersistence = 'p' and not exists (select from pg_catalog.pg_locks l
        where l.relation = c.oid and l.granted and l.mode not in ('AccessShareLock', 'RowShareLock', 'ShareUpdateExclusiveLock')))::text as counters`

/**
 * SQL that tells whether a statement ($1) names something of another schema than the server's own. The pattern is asked only of names that stand in the text at all: over every function of
 * the server, 3,300 of them, it took 1.4 s for each entity.
 */
const names = (name: string, after: string) => `case when n.nspname in ('pg_catalog', 'information_schema') or pg_catalog.strpos($1::text, ${name}) = 0 then false
    else $1::text ~ ('(^|[^[:alnum:]_])' || pg_catalog.regexp_replace(${name}, '([^[:alnum:]_])', '\\\\\\1', 'g') || '${after}') end`

/** Whether the SQL of a statement names a view or a foreign table, or a function beyond the server's own: what those read, no plan tells. */
const opaqueStatement = `select (exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v', 'f') and ${names('c.relname::text', '($|[^[:alnum:]_])')})
  or exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace where ${names('p.proname::text', '"?\\s*[(]')}))::text as opaque`

/** What the statements of an entity read on one side. */
export interface Reading {
  /** the statements */
  text: string
  /** [schema, name] of each relation, those of subqueries and the parts of a table with them; null: no plan tells all of them */
  relations: [string, string][] | null
}

/** Asks the server what it would read for an entity. */
export async function readReading(spec: ComparisonSpec, reader: Reader, options: StatementOptions, signal: AbortSignal): Promise<Reading> {
  const statements = [scanStatement(spec, reader.side, options), readRowsStatement(spec, reader.side, options, null).replace('$1::text', "'{}'::text")]
  const text = [countStatement(spec, reader.side), ...statements].join(';\n')
  const [opaque] = await read(reader, signal, opaqueStatement, [text])
  if (opaque?.['opaque'] !== 'false') return { text, relations: null }
  const relations = new Map<string, [string, string]>()
  for (const statement of statements) for (const relation of await relationsOf(reader, statement, signal)) relations.set(JSON.stringify(relation), relation)
  return { text, relations: [...relations.values()] }
}

/** The counters of one side at one moment. */
export interface Counters {
  /** sessions of others that may not have told yet what they did */
  sessions: number
  /** of the server as such; null: its counters prove nothing */
  server: string | null
  /** `["schema","name"]` → what a relation stands at; absent where nobody can tell */
  relations: ReadonlyMap<string, string>
}

/** @param delayMs how long counters may lag behind what sessions of others have done */
export async function readCounters(reader: Reader, relations: readonly (readonly [string, string])[], delayMs: number, signal: AbortSignal): Promise<Counters> {
  const [row] = await read(reader, signal, countersStatement, [JSON.stringify(relations), `${delayMs} ms`])
  if (row === undefined) throw new Error('a count gave no row')
  const counters = Object.entries(JSON.parse(row['counters'] ?? '{}') as Record<string, string>)
  return { sessions: countOf(row, 'sessions'), server: row['trusted'] === 'true' ? textOf(row, 'server') : null, relations: new Map(counters.map(([name, text]) => [JSON.stringify(JSON.parse(name)), text])) }
}

/** The evidence of what the readings together read. */
export function evidenceOf(readings: readonly Reading[], { server, relations }: Counters): Evidence {
  const names = readings.flatMap((reading) => reading.relations?.map((relation) => JSON.stringify(relation)) ?? [null])
  const counters = [...new Set(names)].sort().map((name) => (name === null ? null : [name, relations.get(name) ?? null]))
  if (server === null || counters.some((one) => one === null || one[1] === null)) return null
  return JSON.stringify([createHash('sha256').update(readings.map(({ text }) => text).join(';\n')).digest('hex'), server, counters])
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
