import { createHash } from 'node:crypto'
import { countStatement, readRowsStatement, scanStatement, type StatementOptions } from '../core/expressions.js'
import type { Side } from '../core/catalog.js'
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
const countersStatement = `with wanted as (select item ->> 0 as schema, item ->> 1 as name from json_array_elements($1::text::json) as list(item)),
  found as (select n.nspname, c.relname, c.oid, c.relkind, c.relpersistence, pg_catalog.pg_relation_filenode(c.oid) as file,
    pg_catalog.pg_stat_get_tuples_inserted(c.oid) as inserted, pg_catalog.pg_stat_get_tuples_updated(c.oid) as updated, pg_catalog.pg_stat_get_tuples_deleted(c.oid) as deleted,
    (select string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid, ', ' order by a.attnum) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    exists (select from pg_catalog.pg_locks l where l.relation = c.oid and l.granted and l.mode not in ('AccessShareLock', 'RowShareLock', 'ShareUpdateExclusiveLock')) as written
    from wanted w join pg_catalog.pg_namespace n on n.nspname = w.schema join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name)
  select (pg_catalog.current_setting('server_version_num')::int >= ${countersAreExact} and pg_catalog.current_setting('track_counts') = 'on' and not pg_catalog.pg_is_in_recovery()
      and (select count(*) from found) = (select count(*) from wanted) and (select bool_and(relkind in ('r', 'm') and relpersistence = 'p' and not written) from found))::text as trusted,
    pg_catalog.json_build_array(pg_catalog.pg_postmaster_start_time(), (select stats_reset from pg_catalog.pg_stat_database where datname = pg_catalog.current_database()),
      (select pg_catalog.json_agg(pg_catalog.json_build_array(nspname, relname, oid, file, inserted, updated, deleted, columns) order by nspname, relname) from found))::text as counters,
    (select count(*) from pg_catalog.pg_stat_activity where datname = pg_catalog.current_database() and pid <> pg_catalog.pg_backend_pid() and application_name not like 'mcov%'
      and (state is null or state <> 'idle' or state_change > pg_catalog.clock_timestamp() - $2::text::interval))::text as sessions`

/** SQL that makes a name a regular expression for itself. */
const literally = (name: string) => `pg_catalog.regexp_replace(${name}, '([^[:alnum:]_])', '\\\\\\1', 'g')`

/** Whether the SQL of a statement names a view or a foreign table, or a function beyond the server's own: what those read, no plan tells. */
const opaqueStatement = `select (exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'f') and n.nspname not in ('pg_catalog', 'information_schema') and $1::text ~ ('(^|[^[:alnum:]_])' || ${literally('c.relname')} || '($|[^[:alnum:]_])'))
  or exists (select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and $1::text ~ ('(^|[^[:alnum:]_])' || ${literally('p.proname')} || '"?\\s*[(]')))::text as opaque`

/** What a look at one side found. */
export interface Look {
  evidence: Evidence
  /** sessions of others that may not have told yet what they did */
  sessions: number
}

/**
 * Reads the evidence of one side of an entity, before its rows are read.
 * @param specs of the entity, first, and of those whose rows it references
 * @param delayMs how long counters may lag behind what sessions of others have done
 */
export async function readEvidence(specs: readonly ComparisonSpec[], reader: Reader, options: StatementOptions, delayMs: number, signal: AbortSignal): Promise<Look> {
  const statements = specs.flatMap((spec) => statementsOf(spec, reader.side, options))
  const text = statements.join(';\n')
  const [opaque] = await read(reader, signal, opaqueStatement, [text])
  if (opaque?.['opaque'] !== 'false') return { evidence: null, sessions: 0 }
  const relations = new Map<string, [string, string]>()
  for (const statement of statements) for (const relation of await relationsOf(reader, statement, signal)) relations.set(JSON.stringify(relation), relation)
  const [row] = await read(reader, signal, countersStatement, [JSON.stringify([...relations.values()]), `${delayMs} ms`])
  if (row === undefined) throw new Error('a count gave no row')
  const evidence = row['trusted'] === 'true' ? JSON.stringify([createHash('sha256').update(text).digest('hex'), textOf(row, 'counters')]) : null
  return { evidence, sessions: countOf(row, 'sessions') }
}

function statementsOf(spec: ComparisonSpec, side: Side, options: StatementOptions): string[] {
  return [countStatement(spec, side), scanStatement(spec, side, options), readRowsStatement(spec, side, options, null).replace('$1::text', "'{}'::text")]
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
