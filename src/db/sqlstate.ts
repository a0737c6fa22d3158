/** Why a job failed or an entity could not be compared; the contract's list. */
export const reasonCodes = [
  'SOURCE_UNAVAILABLE', 'TARGET_UNAVAILABLE', 'SCHEMA_CHANGED', 'NO_PRIVILEGE', 'ROW_SECURITY', 'TIMEOUT', 'RESOURCE', 'PLAN_INVALID', 'CANCELLED', 'INTERNAL',
] as const
export type ReasonCode = (typeof reasonCodes)[number]

const connectionCodes = new Set([
  'ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENOTFOUND', 'EAI_AGAIN',
  'CONNECTION_CLOSED', 'CONNECTION_DEADLINE', 'CONNECT_TIMEOUT',
])
const resourceCodes = new Set(['ERR_STRING_TOO_LONG', 'ERR_OUT_OF_RANGE', '54000', '54001'])
const schemaCodes = new Set(['42P01', '42703', '42704', '42883', '42804', '42846', '3F000', '42P18', '0A000'])

/** The `code` of a PostgreSQL, postgres.js or Node error; null when it has none. */
export function sqlstateOf(error: unknown): string | null {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : null
}

/**
 * The same statement may well succeed a little later: a lost connection, a server that starts or stops, a deadlock, a
 * replica's conflict with recovery, a lock or time limit, a lack of resources. A client that was ended on purpose
 * (CONNECTION_ENDED, CONNECTION_DESTROYED) is not transient.
 */
export function isTransient(error: unknown): boolean {
  const code = sqlstateOf(error)
  if (code === null) return false
  return isLostConnection(code) || isClosedDoor(error, code) || /^(40001|40P01|53...|55P03|57014|25P03|25P04)$/.test(code)
}

/** The database cannot be used at all: it cannot be reached, or refuses the log-in. */
export function isUnavailable(error: unknown): boolean {
  const code = sqlstateOf(error)
  if (code === null) return false
  return isLostConnection(code) || isClosedDoor(error, code) || isRefusedWriter(error, code) || /^(28...|3D000|53300|CONNECTION_ENDED|CONNECTION_DESTROYED)$/.test(code)
}

/** FATAL with 25006: a login trigger writes, which a session that only reads may not. */
function isRefusedWriter(error: unknown, code: string): boolean {
  return code === '25006' && isObject(error) && error['severity'] === 'FATAL'
}

/** FATAL with 55000: the database does not accept connections for now, as in a maintenance window. */
function isClosedDoor(error: unknown, code: string): boolean {
  return code === '55000' && isObject(error) && error['severity'] === 'FATAL'
}

/** SQLSTATE class 08, 57P01–57P05 (shut down, crash, starting, dropped, idle), and the codes of Node and postgres.js. */
function isLostConnection(code: string): boolean {
  return connectionCodes.has(code) || /^(08...|57P0[1-5])$/.test(code)
}

/**
 * The reason code of an error met while reading the given side.
 * @returns null for an error that is neither the database's nor the network's: a defect of ours
 */
export function reasonCodeOf(error: unknown, side: 'source' | 'target' = 'source'): ReasonCode | null {
  const code = sqlstateOf(error)
  if (code === null) return null
  if (isUnavailable(error) && code !== '53300') return side === 'source' ? 'SOURCE_UNAVAILABLE' : 'TARGET_UNAVAILABLE'
  // `row_security = off` answers 42501 too; the routine is told apart because the message may be in any language
  if (code === '42501') return isObject(error) && error['routine'] === 'check_enable_rls' ? 'ROW_SECURITY' : 'NO_PRIVILEGE'
  if (code === '25006') return 'NO_PRIVILEGE'
  if (schemaCodes.has(code)) return 'SCHEMA_CHANGED'
  if (['57014', '55P03', '25P03', '25P04', '40001', '40P01'].includes(code)) return 'TIMEOUT'
  if (code.startsWith('53') || resourceCodes.has(code)) return 'RESOURCE'
  return null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
