import type net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import type { ISql, Sql } from 'postgres'
import { failingSocket, openGuardedSocket } from './guarded-socket.js'
import { isTransient } from './sqlstate.js'

export interface DatabaseOptions {
  host: string
  port: number
  database: string
  user: string
  password: string
  ssl: 'disable' | 'require' | 'verify-full'
  /** PEM texts: the authorities to trust, and what the client shows of itself */
  certificates?: { ca?: string; cert?: string; privateKey?: string }
  maxConnections: number
  /** shown in pg_stat_activity; `serviceName` unless given */
  applicationName?: string
  /** limit of one statement, 30 000 ms unless given, 0 for none; 5 s of silence later the client destroys the connection */
  statementTimeoutMs?: number
  /** limit of the start-up of a connection, 5 000 ms unless given */
  connectTimeoutMs?: number
}

/** What every query function takes first: a client or a transaction of it. */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- postgres.js' own name for "no custom types"
export type Db = ISql<{}>

const defaultStatementTimeoutMs = 30_000
const graceMs = 5_000

/** The name of the service's connections in pg_stat_activity. What others do under it is taken for the service's own, so it is one that nobody gives a loader by accident. */
export const serviceName = 'mcov migration-coverage'

/** How values are written and literals are read, whatever the database's own defaults. lc_monetary is left to it: it says what the stored integer of a money means. */
const plainForms = {
  client_encoding: 'UTF8',
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  extra_float_digits: '3',
  bytea_output: 'hex',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  xmloption: 'content',
  quote_all_identifiers: 'off',
}

/** A single statement is a transaction too: serializable ones make the application's own fail, deferrable ones wait for these. */
const plainTransactions = {
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
}

/**
 * The session of a database that is only read. It stands in the start-up packet, so it holds for every connection of the pool
 * and nothing has to be set (or forgotten) per query. default_transaction_read_only is a seat belt: a role without the right to
 * write is the guarantee, see inspectRole.
 */
export const pinnedSettings = {
  default_transaction_read_only: 'on',
  ...plainTransactions,
  // a reader that queues behind ALTER TABLE makes every writer queue behind the reader
  lock_timeout: '500',
  idle_in_transaction_session_timeout: '10000',
  // through row-level security a count would be silently partial: this makes it an error
  row_security: 'off',
  work_mem: '32MB',
  // the planner takes the segments of a pass for as many as the rows, and would sort them in files
  enable_sort: 'off',
  max_parallel_workers_per_gather: '2',
  // with a limit an index gives a random part of what it finds
  gin_fuzzy_search_limit: '0',
  ...plainForms,
  search_path: 'pg_catalog, public',
}

/**
 * Opens a pinned, read-only session on the source; no connection is made yet. Every value, arrays and json too, arrives as the
 * text that the server sent: parsers lose digits and turn the text 'NULL' in an array into NULL.
 */
export function openSource(options: DatabaseOptions): Sql {
  return openPinned(options)
}

/** The same session as `openSource`, on the target, to compare with. */
export function openTargetReader(options: DatabaseOptions): Sql {
  return openPinned(options)
}

/** Opens the tracking client: read and write; int8 is a JS number (an inexact one throws), times are Dates, jsonb is parsed. */
export function openTarget(options: DatabaseOptions): Sql {
  return open(options, { ...plainTransactions, ...plainForms, idle_in_transaction_session_timeout: '30000' }, {
    types: { count: { to: 20, from: [20], serialize: String, parse: parseCount } },
  })
}

/** What a client of one of these databases asks of each of its connections; complete once it has been connected, since some settings hang on the server's version. */
export function pinsOf(sql: Sql): Record<string, string> {
  const { application_name: _name, options: _padding, ...pins } = sql.options.connection
  return Object.fromEntries(Object.entries(pins).map(([name, value]) => [name, String(value)]))
}

/**
 * Which settings of a session are not as pinned. Parameter: `pinsOf` as JSON. Columns: name, held, pinned.
 * The server writes both values, since it has its own way with units and lists: each setting is set as pinned, until the statement ends.
 */
export const looseSettingsStatement = `with asked as materialized (
    select key as name, value, pg_catalog.current_setting(key) as held from pg_catalog.json_each_text($1::text::json)
  ), answered as materialized (
    select name, held, pg_catalog.set_config(name, value, true) as pinned from asked
  )
  select name, held, pinned from answered where pg_catalog.translate(held, '" ', '') <> pg_catalog.translate(pinned, '" ', '') order by name`

function openPinned(options: DatabaseOptions): Sql {
  return open(options, pinnedSettings, { fetch_types: false, types: { text: { from: parsedTypes, parse: asIs }, arrays: arrayTypes } })
}

/** Types for which postgres.js has a parser: int2, int4, oid, float4, float8, json, jsonb, bool, date, timestamp, timestamptz, bytea. */
const parsedTypes = [21, 23, 26, 700, 701, 114, 3802, 16, 1082, 1114, 1184, 17]

/** Without the catalogue query of `fetch_types` array parameters need to be told: bool, bytea, int2/4/8, text, bpchar, varchar, oid, uuid, numeric, "char", name, floats. */
const arrayTypes = {
  to: 1009,
  from: [1000, 1001, 1005, 1007, 1016, 1009, 1014, 1015, 1028, 2951, 1231, 1002, 1003, 1021, 1022],
  serialize: arrayLiteral,
  parse: asIs,
}

function asIs(text: string): string {
  return text
}

/** A one-dimensional array literal; null elements are NULL. */
function arrayLiteral(values: unknown): string {
  // a literal that the caller wrote
  if (typeof values === 'string') return values
  if (!Array.isArray(values)) throw new TypeError('an array parameter must be an array or an array literal')
  const elements = (values as (string | number | bigint | boolean | null)[]).map((value) => (value === null ? 'NULL' : `"${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`))
  return `{${elements.join(',')}}`
}

/** int8 as an exact number. */
function parseCount(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} exceeds 2^53 - 1 and cannot be given exactly`)
  return value
}

/** What the library hands to `socket`: the object that it makes each start-up packet of. */
interface ParsedOptions {
  connection: Record<string, string>
}

function open(options: DatabaseOptions, settings: Record<string, string>, extra: object): Sql {
  const statementTimeoutMs = options.statementTimeoutMs ?? defaultStatementTimeoutMs
  const connectMs = options.connectTimeoutMs ?? 5_000
  const silenceMs = statementTimeoutMs === 0 ? Number.POSITIVE_INFINITY : statementTimeoutMs + graceMs
  const base = { host: options.host, port: options.port, tls: options.ssl === 'disable' ? null : { verify: options.ssl === 'verify-full', ...options.certificates }, connectMs }
  const connection = {
    application_name: options.applicationName ?? serviceName, statement_timeout: String(statementTimeoutMs), ...settings,
    // postgres.js 3.4.9 forgets to flush a start-up packet of less than 1 KiB when bytes of the connection before are left over
    options: ' '.repeat(1024),
  }
  const sockets = new Set<net.Socket>()
  let ended = false
  let probe: Promise<void> | undefined

  // An unknown setting in the start-up packet refuses the connection, so the first one asks which version this is.
  const settleVersion = async ({ connection: startUp }: ParsedOptions): Promise<void> => {
    const version = await serverVersion(options, connection, (silence) => openGuardedSocket({ ...base, silenceMs: silence }, sockets))
    if (version >= 170_000) startUp['transaction_timeout'] = '0'
    if (version >= 140_000) startUp['client_connection_check_interval'] = '1000'
    if (version >= 110_000) startUp['jit'] = 'off'
  }

  const parameters: object = {
    ...login(options),
    ...extra,
    max: options.maxConnections,
    connection,
    // after a failure the next attempt waits at most 2 s, so that a server that is back is noticed soon
    backoff: (retries: number) => (0.5 + Math.random() / 2) * Math.min(3 ** retries / 100, 2),
    socket: async (parsed: ParsedOptions) => {
      if (ended) return failingSocket(Object.assign(new Error('the client was ended'), { code: 'CONNECTION_ENDED' }))
      try {
        await (probe ??= settleVersion(parsed))
      } catch (error) {
        probe = undefined
        return failingSocket(error)
      }
      return openGuardedSocket({ ...base, silenceMs }, sockets)
    },
  }
  const sql = postgres(parameters)

  const end = sql.end.bind(sql)
  // without a limit the library's end waits for ever on a connection whose other end is gone
  sql.end = async ({ timeout = 5 } = {}) => {
    ended = true
    await end({ timeout })
    for (const socket of sockets) socket.destroy()
  }
  return sql
}

function login(options: DatabaseOptions) {
  const { host, port, database, user: username, password } = options
  // TLS is made by the socket itself; the library's own limit stands behind the socket's
  return { host, port, database, username, password, ssl: false as const, connect_timeout: 15, onnotice: () => undefined }
}

async function serverVersion(options: DatabaseOptions, connection: Record<string, string>, socket: (silenceMs: number) => Promise<net.Socket>): Promise<number> {
  const settings: object = { ...login(options), max: 1, fetch_types: false, socket: () => socket(graceMs), connection }
  const sql = postgres(settings)
  try {
    const [row] = await sql<{ version: string }[]>`select current_setting('server_version_num') as version`
    return Number(row?.version)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

export interface RetryOptions {
  /** tries in all; 4 unless given. After a broken connection the next statement of the pool may fail once more, so 3 is the least */
  attempts?: number
  /** pause before the second try; doubles, with jitter, up to maxDelayMs */
  delayMs?: number
  maxDelayMs?: number
  signal?: AbortSignal
}

/**
 * Runs `work` again after transient failures, with growing pauses.
 * @throws the last error, or the first that is not transient, or the signal's reason
 */
export async function retryTransient<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { attempts = 4, delayMs = 100, maxDelayMs = 5_000, signal } = options
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error
      const pause = Math.min(delayMs * 2 ** (attempt - 1), maxDelayMs) * (0.5 + Math.random() / 2)
      await sleep(pause, undefined, { ...(signal === undefined ? {} : { signal }) })
    }
  }
}

/** What the connected role could do beyond reading. */
export interface RoleFindings {
  role: string
  superuser: boolean
  bypassRowSecurity: boolean
  /** user tables that it owns, so may alter and drop */
  ownedTables: number
  /** user tables in which it may insert, update, delete or truncate */
  writableTables: number
  /** schemas in which it may create objects */
  creatableSchemas: string[]
  /** may create schemas in the database */
  createInDatabase: boolean
  /** none of the above */
  readOnly: boolean
}

/** What the role of the connection may do beyond reading: a source must be read by a role that cannot write. */
export async function inspectRole(sql: Db): Promise<RoleFindings> {
  const [row] = await sql<{ findings: string }[]>`
    with user_table as (
      select c.oid, c.relowner
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    )
    select pg_catalog.json_build_object(
      'role', current_user,
      'superuser', r.rolsuper,
      'bypassRowSecurity', r.rolbypassrls,
      'ownedTables', (select count(*) from user_table t where pg_catalog.pg_has_role(t.relowner, 'USAGE')),
      'writableTables', (select count(*) from user_table t
        where pg_catalog.has_table_privilege(t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') or pg_catalog.has_any_column_privilege(t.oid, 'INSERT, UPDATE')),
      'creatableSchemas', (select coalesce(pg_catalog.json_agg(n.nspname order by n.nspname), '[]'::json) from pg_catalog.pg_namespace n
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and pg_catalog.has_schema_privilege(n.oid, 'CREATE')),
      'createInDatabase', pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
    )::text as findings
    from pg_catalog.pg_roles r
    where r.rolname = current_user`
  if (row === undefined) throw new Error('the role of the connection is not in pg_roles')
  const found = JSON.parse(row.findings) as Omit<RoleFindings, 'readOnly'>
  const { superuser, bypassRowSecurity, ownedTables, writableTables, creatableSchemas, createInDatabase } = found
  const readOnly = !superuser && !bypassRowSecurity && !createInDatabase && ownedTables + writableTables + creatableSchemas.length === 0
  return { ...found, readOnly }
}
