/**
 * Which functions the SQL of a plan may not call. The list denies instead of allowing: plans call the functions of extensions and
 * of the migration itself, and all that PostgreSQL ships with effects or with a view of the server is volatile and has telling
 * names. `test/plan/functions.test.ts` asks a real server for its volatile functions and finds each one here or in `unstable`.
 */
const refusedPrefixes = [
  'pg_', 'lo_', 'dblink', 'binary_upgrade_', 'txid_', 'query_to_xml', 'table_to_xml', 'cursor_to_xml', 'schema_to_xml', 'database_to_xml', 'brin_', 'gin_',
  'inet_client_', 'inet_server_', 'has_', 'row_security_', 'postgres_fdw_', 'ri_fkey_', 'current_schema', 'plpgsql_', 'file_fdw_', 'heap_', 'bt_', 'uuid_generate_v1',
]
const refusedNames = new Set([
  'lo', 'loread', 'lowrite', 'set_config', 'current_setting', 'nextval', 'currval', 'lastval', 'setval', 'setseed', 'ts_stat', 'ts_rewrite', 'crosstab', 'connectby', 'normal_rand',
  'xpath_table', 'suppress_redundant_updates_trigger', 'unique_key_recheck', 'fmgr_internal_validator', 'fmgr_c_validator', 'fmgr_sql_validator', 'make_tuple_indirect', 'version', 'amvalidate', 'current_query', 'currtid', 'currtid2',
  // `to_region` may be somebody's own
  ...['class', 'collation', 'config', 'dictionary', 'namespace', 'oper', 'operator', 'proc', 'procedure', 'role', 'type', 'typemod'].flatMap((kind) => [`reg${kind}`, `to_reg${kind}`]),
  'format_type', 'obj_description', 'col_description', 'shobj_description',
])
/** `pg_` functions that only look at their argument. */
const allowedNames = new Set(['pg_typeof', 'pg_column_size', 'pg_size_pretty', 'pg_size_bytes', 'pg_input_is_valid', 'pg_collation_for'])

const unstableNames = new Set([
  'random', 'random_normal', 'clock_timestamp', 'timeofday', 'statement_timestamp', 'transaction_timestamp', 'now', 'gen_random_uuid', 'gen_random_bytes', 'gen_salt',
  'uuidv4', 'uuidv7', 'uuid_generate_v4', 'uuid_generate_v1', 'uuid_generate_v1mc', 'array_sample', 'array_shuffle', 'age',
])
const localeNames = new Set(['lower', 'upper', 'initcap'])

/** Refused: it acts on the server, sleeps, reads files or tells of the session instead of the row. */
export function isRefusedFunction(name: string): boolean {
  return !allowedNames.has(name) && (refusedNames.has(name) || refusedPrefixes.some((prefix) => name.startsWith(prefix)))
}

/** Its value changes from call to call; `age` only with one argument, where it counts from today. */
export function isUnstableFunction(name: string, argumentCount: number): boolean {
  return unstableNames.has(name) && (name !== 'age' || argumentCount === 1)
}

/** Its value depends on the locale of the database. */
export function isLocaleFunction(name: string): boolean {
  return localeNames.has(name)
}

/** Whether a literal is another one each day when it is read as a time: `today`, `tomorrow 10:00`, ` NOW `. */
export function isUnstableTime(literal: string): boolean {
  return /^[\s\d:.]*\b(now|today|tomorrow|yesterday)\b[\s\d:.]*$/i.test(literal)
}
