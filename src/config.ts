import { existsSync, readFileSync, statSync } from 'node:fs'
import { Type } from '@sinclair/typebox'
import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readDatabaseUrl } from './db/database-url.js'

// TypeBox' own check is used rather than env-schema: that one coerces by ajv's loose rules ('' becomes 0), stops describing at
// the schema path (`env/PORT must be integer`) and cannot name a misspelt variable; here every fault is told in words, at once.

const text = (description: string, options: object = {}) => Type.String({ minLength: 1, description, ...options })
const integer = (minimum: number, maximum: number, initial: number, description: string) =>
  Type.Integer({ minimum, maximum, default: initial, description })
const oneOf = <const T extends readonly string[]>(values: T, initial: T[number], description: string) =>
  Type.Unsafe<T[number]>(Type.Union(values.map((value) => Type.Literal(value)), { choices: values, default: initial, description }))

const database = (side: string) => ({
  HOST: text(`host name or address of the ${side} database`),
  PORT: integer(1, 65_535, 5432, `port of the ${side} database`),
  NAME: text(`name of the ${side} database`),
  USER: text(`role that reads the ${side}` + (side === 'source' ? ': give it SELECT only' : ' and owns the schema migration_coverage')),
  PASSWORD: text('its password', { secret: true }),
  PASSWORD_FILE: text('a file that holds the password, in its place'),
  SSL: oneOf(['disable', 'require', 'verify-full'], 'disable', 'require: encrypted, the certificate is not verified; verify-full: it must come from a known authority and name the host'),
  SSL_CA: text('file of the certificate authorities to trust, PEM; those of Node.js unless given'),
  SSL_CERT: text('file of the certificate that the client shows, PEM'),
  SSL_KEY: text('file of its private key, PEM, readable by nobody else'),
  MAX_CONNECTIONS: integer(1, 100, side === 'source' ? 5 : 10, `connections that one process may open to the ${side}`),
})

function prefixed<P extends string, T extends Record<string, TSchema>>(prefix: P, schemas: T) {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [`${prefix}${name}`, schema])) as {
    [K in keyof T & string as `${P}${K}`]: T[K]
  }
}

/** The environment variables that the service reads; `.env.example` is tested against it. */
export const EnvironmentSchema = Type.Object({
  SOURCE_DATABASE_URL: text('the source as one URL, postgres://user:password@host:port/database?sslmode=…, in place of the SOURCE_DB_ variables that it holds', { secret: true }),
  TARGET_DATABASE_URL: text('the target in the same way', { secret: true }),
  ...prefixed('SOURCE_DB_', database('source')),
  ...prefixed('TARGET_DB_', database('target')),
  SOURCE_DB_REPLICAS: text('physical standbys of the source that are read in its place when they have caught up: host or host:port, divided by commas; user, password and TLS are those of the source'),
  MIGRATION_PLAN: text('path of the plan file'),
  SCRIPTS_DIR: text('directory of the migration scripts, to notice one that was edited or is gone'),
  ROLE: oneOf(['all', 'api', 'worker'], 'all', 'what this process does'),
  HOST: text('address to listen on; anything but loopback needs an API_KEY', { default: '127.0.0.1' }),
  PORT: integer(0, 65_535, 3000, 'port to listen on; 0 takes a free one'),
  NODE_ENV: oneOf(['development', 'test', 'production'], 'development', 'production does not migrate the tracking schema by itself'),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info', 'least level that is logged'),
  API_KEY: Type.String({ minLength: 16, maxLength: 512, pattern: '^[\\x21-\\x7e]+$', secret: true, description: 'key that clients send; without one only loopback is served' }),
  API_KEY_FILE: text('a file that holds the key, in its place'),
  CORS_ORIGINS: text('origins of web pages that may call the API, divided by commas'),
  RATE_LIMIT_MAX_REQUESTS: integer(1, 1_000_000, 300, 'requests per client and window'),
  RATE_LIMIT_WINDOW_MS: integer(1000, 86_400_000, 60_000, 'length of the window'),
  MAX_REQUEST_SIZE: integer(1024, 10_485_760, 262_144, 'largest request body, in bytes'),
  ENABLE_DEVELOPMENT_ENDPOINTS: Type.Boolean({ default: false, description: 'serves /dev/*' }),
  SOURCE_WAIT_LIMIT_MS: integer(0, 86_400_000, 900_000, 'how long a job waits for a source that is down before it fails'),
  SOURCE_MAX_ACTIVE_SESSIONS: integer(0, 10_000, 50, 'sessions of others that may run a statement on the source before a job waits; 0 for no limit'),
  SOURCE_MAX_WAITING_LOCKS: integer(0, 10_000, 10, 'locks that may be waited for on the source before a job waits; 0 for no limit'),
  SOURCE_MAX_REPLICA_LAG_SECONDS: integer(0, 86_400, 30, 'seconds that replicas of the source, or it as a replica, may lie behind before a job waits; 0 for no limit'),
  RECHECK_DELAY_MS: integer(0, 3_600_000, 5000, 'pause before rows that differ are read again'),
  SCAN_CHUNK_PAGES: integer(16, 4_194_304, 16_384, 'pages of 8 KiB that one task reads at most'),
  STATEMENT_TARGET_MS: integer(50, 600_000, 500, 'how long one statement over many rows should take: what takes longer is cut into smaller ones'),
  CONNECT_TIMEOUT_MS: integer(100, 60_000, 5000, 'limit of one attempt to connect to a database'),
  SHUTDOWN_TIMEOUT_MS: integer(1000, 600_000, 25_000, 'a stop that takes longer is given up; tasks go back to the queue either way'),
  STATEMENT_TIMEOUT_MS: integer(1000, 3_600_000, 30_000, 'limit of one SQL statement'),
  MAX_STORED_DIFFERENCES: integer(0, 10_000_000, 10_000, 'differences kept per entity and job; the counts stay exact'),
  DEMO_ROWS: integer(5000, 100_000_000, 250_000, 'legacy rows of the demonstration'),
})

type Environment = Static<typeof EnvironmentSchema>
type Name = keyof Environment

export interface DatabaseConfig {
  host: string
  port: number
  database: string
  user: string
  password: string
  ssl: 'disable' | 'require' | 'verify-full'
  /** PEM texts */
  certificates: { ca?: string; cert?: string; privateKey?: string }
  maxConnections: number
}

export interface Config {
  environment: Environment['NODE_ENV']
  role: Environment['ROLE']
  host: string
  port: number
  logLevel: Environment['LOG_LEVEL']
  /** null: every client on loopback may do everything */
  apiKey: string | null
  corsOrigins: string[]
  rateLimit: { max: number; windowMs: number }
  /** bytes */
  maxRequestSize: number
  developmentEndpoints: boolean
  /** no database is configured: an embedded PostgreSQL with a demonstration migration is used */
  demo: boolean
  demoRows: number
  /** null in the demonstration, which brings its own */
  source: DatabaseConfig | null
  /** standbys of the source */
  sourceReplicas: { host: string; port: number }[]
  target: DatabaseConfig | null
  planPath: string | null
  /** null: no inventory of script files */
  scriptsDirectory: string | null
  connectTimeoutMs: number
  shutdownTimeoutMs: number
  comparison: { sourceWaitLimitMs: number; recheckDelayMs: number; scanChunkPages: number; statementMs: number; statementTimeoutMs: number; maxStoredDifferences: number; sourceLimits: { activeSessions: number; waitingLocks: number; replicaLagSeconds: number } }
}

/** Each fault of the environment, one sentence each, naming the variable. */
export class ConfigError extends Error {
  constructor(readonly faults: string[]) {
    super(`the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
  }
}

/** The process environment, completed from `.env` of the working folder; what is set already wins. */
export function processEnvironment(): NodeJS.ProcessEnv {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}

/**
 * Reads the configuration from environment variables. An empty variable counts as not set.
 * @param options.needsPlan false for a command that works without MIGRATION_PLAN
 * @throws ConfigError with all faults at once; a secret is never repeated in one
 */
export function loadConfig(environmentVariables: NodeJS.ProcessEnv = processEnvironment(), { needsPlan = true } = {}): Config {
  const faults = unknownVariables(environmentVariables)
  const variables = withSecretFiles(withDatabaseUrls(environmentVariables, faults), faults)
  const given = new Set((Object.keys(EnvironmentSchema.properties) as Name[]).filter((name) => (variables[name] ?? '') !== ''))
  const demo = !hasPrefix(given, 'SOURCE_DB_') && !hasPrefix(given, 'TARGET_DB_')
  const values: Partial<Record<Name, unknown>> = {}

  for (const [name, schema] of Object.entries(EnvironmentSchema.properties) as [Name, TSchema][]) {
    if (given.has(name)) {
      const raw = variables[name] ?? ''
      const value = convert(schema, raw)
      if (Value.Check(schema, value)) values[name] = value
      else faults.push(`${name} must be ${allowed(schema)}, not ${schema['secret'] === true ? 'what was given (not shown)' : JSON.stringify(raw)}`)
    } else if (schema.default !== undefined) {
      values[name] = schema.default
    }
  }
  const environment = values as Environment
  faults.push(...missingVariables(given, demo, needsPlan, environment.NODE_ENV), ...conflicts(environment, given), ...placeholders(environment, variables, given))
  const certificates = { source: certificatesOf(environment, 'SOURCE_DB_', faults), target: certificatesOf(environment, 'TARGET_DB_', faults) }
  if (faults.length > 0) throw new ConfigError(faults)
  return deepFreeze(configOf(environment, given, demo, certificates))
}

/** Nobody writes to the demonstration while it is compared. */
const quietRecheckDelayMs = 500

function configOf(env: Environment, given: Set<Name>, demo: boolean, certificates: Record<'source' | 'target', DatabaseConfig['certificates']>): Config {
  return {
    environment: env.NODE_ENV,
    role: env.ROLE,
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    apiKey: given.has('API_KEY') ? env.API_KEY : null,
    corsOrigins: given.has('CORS_ORIGINS') ? listOf(env.CORS_ORIGINS) : [],
    rateLimit: { max: env.RATE_LIMIT_MAX_REQUESTS, windowMs: env.RATE_LIMIT_WINDOW_MS },
    maxRequestSize: env.MAX_REQUEST_SIZE,
    developmentEndpoints: env.ENABLE_DEVELOPMENT_ENDPOINTS,
    demo,
    demoRows: env.DEMO_ROWS,
    source: demo ? null : databaseOf(env, 'SOURCE_DB_', certificates.source),
    sourceReplicas: replicasOf(env),
    target: demo ? null : databaseOf(env, 'TARGET_DB_', certificates.target),
    planPath: given.has('MIGRATION_PLAN') ? env.MIGRATION_PLAN : null,
    scriptsDirectory: given.has('SCRIPTS_DIR') ? env.SCRIPTS_DIR : null,
    connectTimeoutMs: env.CONNECT_TIMEOUT_MS,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
    comparison: {
      sourceWaitLimitMs: env.SOURCE_WAIT_LIMIT_MS,
      recheckDelayMs: demo && !given.has('RECHECK_DELAY_MS') ? quietRecheckDelayMs : env.RECHECK_DELAY_MS,
      scanChunkPages: env.SCAN_CHUNK_PAGES,
      statementMs: env.STATEMENT_TARGET_MS,
      statementTimeoutMs: env.STATEMENT_TIMEOUT_MS,
      maxStoredDifferences: env.MAX_STORED_DIFFERENCES,
      sourceLimits: { activeSessions: env.SOURCE_MAX_ACTIVE_SESSIONS, waitingLocks: env.SOURCE_MAX_WAITING_LOCKS, replicaLagSeconds: env.SOURCE_MAX_REPLICA_LAG_SECONDS },
    },
  }
}

function databaseOf(env: Environment, prefix: Prefix, certificates: DatabaseConfig['certificates']): DatabaseConfig {
  return {
    host: env[`${prefix}HOST`],
    port: env[`${prefix}PORT`],
    database: env[`${prefix}NAME`],
    user: env[`${prefix}USER`],
    password: env[`${prefix}PASSWORD`],
    ssl: env[`${prefix}SSL`],
    certificates,
    maxConnections: env[`${prefix}MAX_CONNECTIONS`],
  }
}

/** A server as `host`, `host:port` or `[address]:port`; null for anything else. */
function serverOf(text: string, defaultPort: number): { host: string; port: number } | null {
  const [, address, host, port] = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s[\]]+))(?::([0-9]{1,5}))?$/.exec(text) ?? []
  const found = { host: address ?? host ?? '', port: port === undefined ? defaultPort : Number(port) }
  return found.host === '' || found.port < 1 || found.port > 65_535 ? null : found
}

/** The servers of SOURCE_DB_REPLICAS; what names none is told as a fault elsewhere. */
function replicasOf(env: Environment): Config['sourceReplicas'] {
  return env.SOURCE_DB_REPLICAS === undefined ? [] : listOf(env.SOURCE_DB_REPLICAS).flatMap((text) => serverOf(text, env.SOURCE_DB_PORT) ?? [])
}

type Prefix = 'SOURCE_DB_' | 'TARGET_DB_'
const secretNames = ['API_KEY', 'SOURCE_DB_PASSWORD', 'TARGET_DB_PASSWORD'] as const

/** The variables with the parts of each database URL; a part may not be said twice. */
function withDatabaseUrls(variables: NodeJS.ProcessEnv, faults: string[]): NodeJS.ProcessEnv {
  const parts = (['SOURCE', 'TARGET'] as const).flatMap((side): [string, string][] => {
    const name = `${side}_DATABASE_URL`
    const text = variables[name] ?? ''
    if (text === '') return []
    const read = readDatabaseUrl(text)
    if ('fault' in read) {
      faults.push(`${name} ${read.fault}`)
      return []
    }
    const said = Object.entries(read).map(([part, value]): [string, string] => [`${side}_DB_${part}`, value])
    for (const [part] of said) if ((variables[part] ?? '') !== '') faults.push(`${part} is set, and ${name} holds it too: keep one`)
    return said
  })
  return { ...variables, ...Object.fromEntries(parts) }
}

/** The variables with each secret that a file holds; a line break at the end of the file is not part of it. */
function withSecretFiles(variables: NodeJS.ProcessEnv, faults: string[]): NodeJS.ProcessEnv {
  const read = secretNames.flatMap((name): [string, string][] => {
    const path = variables[`${name}_FILE`] ?? ''
    if (path === '') return []
    if ((variables[name] ?? '') !== '') faults.push(`${name} and ${name}_FILE are both set: keep one`)
    const content = readSetFile(`${name}_FILE`, path, faults)?.replace(/\r?\n$/, '')
    if (content === '') faults.push(`${name}_FILE names an empty file: ${JSON.stringify(path)}`)
    // a fault of the file is enough: that the secret is missing too is not worth a second one
    return [[name, content ?? 'not-readable-not-readable']]
  })
  return { ...variables, ...Object.fromEntries(read) }
}

function readSetFile(name: string, path: string, faults: string[]): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    faults.push(`${name} names a file that cannot be read (${code}): ${JSON.stringify(path)}`)
    return undefined
  }
}

function certificatesOf(env: Environment, prefix: Prefix, faults: string[]): DatabaseConfig['certificates'] {
  const certificates: DatabaseConfig['certificates'] = {}
  for (const [suffix, key] of [['SSL_CA', 'ca'], ['SSL_CERT', 'cert'], ['SSL_KEY', 'privateKey']] as const) {
    const name = `${prefix}${suffix}` as const
    // without a default it is only there when it was set
    const path = env[name] as string | undefined
    if (path === undefined) continue
    const content = readSetFile(name, path, faults)
    if (content === undefined) continue
    if (!content.includes('-----BEGIN ')) faults.push(`${name} must name a PEM file: ${JSON.stringify(path)}`)
    if (suffix === 'SSL_KEY' && process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) faults.push(`${name} may be read by others: run chmod 600 ${JSON.stringify(path)}`)
    certificates[key] = content
  }
  const some = Object.keys(certificates).length > 0
  if (some && env[`${prefix}SSL`] === 'disable') faults.push(`${prefix}SSL_* name certificates and ${prefix}SSL is disable: set it to require or verify-full`)
  if ((certificates.cert === undefined) !== (certificates.privateKey === undefined)) faults.push(`${prefix}SSL_CERT and ${prefix}SSL_KEY belong together: set both or neither`)
  return certificates
}

/** What the files that come with the service leave for you to fill in. */
const placeholder = /change[-_]?me/i

/** A service in production neither runs on what somebody forgot to fill in, nor with what is meant for development. */
function placeholders(env: Environment, variables: NodeJS.ProcessEnv, given: Set<Name>): string[] {
  if (env.NODE_ENV !== 'production') return []
  const faults = [...given].filter((name) => placeholder.test(variables[name] ?? '')).map((name) => `${name} still holds the placeholder of the file that it was copied from: fill it in`)
  if (env.ENABLE_DEVELOPMENT_ENDPOINTS) faults.push('ENABLE_DEVELOPMENT_ENDPOINTS must be false with NODE_ENV=production')
  for (const prefix of ['SOURCE_DB_', 'TARGET_DB_'] as const) {
    const hosts = [env[`${prefix}HOST`] as string | undefined, ...(prefix === 'SOURCE_DB_' ? replicasOf(env).map((replica) => replica.host) : [])]
    for (const host of hosts) if (host !== undefined && !isLoopback(host) && env[`${prefix}SSL`] === 'disable') faults.push(`${prefix}SSL must be require or verify-full with NODE_ENV=production: ${JSON.stringify(host)} is reached over a network`)
  }
  return faults
}

/** Strict: what is not exactly a number or a boolean stays text, and fails the check. */
function convert(schema: TSchema, raw: string): unknown {
  if (schema['type'] === 'integer') return /^-?\d{1,15}$/.test(raw) ? Number(raw) : raw
  if (schema['type'] === 'boolean') return raw === 'true' ? true : raw === 'false' ? false : raw
  return raw
}

function allowed(schema: TSchema): string {
  if (schema['type'] === 'integer') return `a whole number from ${schema['minimum']} to ${schema['maximum']}`
  if (schema['type'] === 'boolean') return 'true or false'
  if (Array.isArray(schema['choices'])) return `one of ${schema['choices'].join(', ')}`
  return `${schema['minLength']} to ${schema['maxLength']} printable ASCII characters without blanks`
}

function missingVariables(given: Set<Name>, demo: boolean, needsPlan: boolean, environment: Environment['NODE_ENV']): string[] {
  if (demo) return environment === 'production' ? ['SOURCE_DB_* and TARGET_DB_* are required with NODE_ENV=production: the demonstration, which is shown without them, is not for production'] : []
  const required = ['HOST', 'NAME', 'USER', 'PASSWORD'] as const
  const faults = (['SOURCE_DB_', 'TARGET_DB_'] as const).flatMap((prefix) => {
    const missing = required.map((name) => `${prefix}${name}` as const).filter((name) => !given.has(name))
    if (missing.length === required.length && !hasPrefix(given, prefix)) {
      const other = prefix === 'SOURCE_DB_' ? 'TARGET_DB_' : 'SOURCE_DB_'
      return [`${other}* is set but ${prefix}* is not: set ${missing.join(', ')} too, or neither to see the demonstration`]
    }
    return missing.map((name) => `${name} is required when a database is configured`)
  })
  if (needsPlan && !given.has('MIGRATION_PLAN')) faults.push('MIGRATION_PLAN is required when databases are configured: the path of the plan file')
  return faults
}

function conflicts(env: Environment, given: Set<Name>): string[] {
  const faults: string[] = []
  if (given.has('SCRIPTS_DIR') && !(statSync(env.SCRIPTS_DIR, { throwIfNoEntry: false })?.isDirectory() ?? false)) faults.push(`SCRIPTS_DIR must be a directory, not ${JSON.stringify(env.SCRIPTS_DIR)}`)
  const production = env.NODE_ENV === 'production'
  if (!given.has('API_KEY') && production) faults.push('API_KEY is required with NODE_ENV=production')
  else if (!given.has('API_KEY') && env.HOST !== undefined && !isLoopback(env.HOST)) {
    faults.push(`API_KEY is required when HOST is not loopback: set a key of 16 characters or more, or HOST=127.0.0.1 instead of ${JSON.stringify(env.HOST)}`)
  }
  for (const replica of env.SOURCE_DB_REPLICAS === undefined ? [] : listOf(env.SOURCE_DB_REPLICAS)) {
    if (serverOf(replica, env.SOURCE_DB_PORT) === null) faults.push(`SOURCE_DB_REPLICAS must hold servers like host or host:5432, not ${JSON.stringify(replica)}`)
  }
  for (const origin of env.CORS_ORIGINS === undefined ? [] : listOf(env.CORS_ORIGINS)) {
    if (origin === '*' && production) faults.push('CORS_ORIGINS must name each origin with NODE_ENV=production, not "*"')
    else if (origin !== '*' && !isOrigin(origin)) faults.push(`CORS_ORIGINS must hold origins like https://app.example.com, not ${JSON.stringify(origin)}`)
  }
  return faults
}

const ownPrefixes = [
  'SOURCE_DATABASE_', 'SOURCE_DB_', 'SOURCE_WAIT_', 'SOURCE_MAX_', 'TARGET_DATABASE_', 'TARGET_DB_', 'RATE_LIMIT_', 'MIGRATION_', 'CORS_', 'RECHECK_', 'SCAN_CHUNK_', 'STATEMENT_TIMEOUT', 'STATEMENT_TARGET', 'MAX_REQUEST_',
  'MAX_STORED_', 'ENABLE_DEVELOPMENT_', 'DEMO_', 'SCRIPTS_', 'CONNECT_', 'SHUTDOWN_',
]

/** A misspelt variable would silently leave a default in force. */
function unknownVariables(variables: NodeJS.ProcessEnv): string[] {
  const known = Object.keys(EnvironmentSchema.properties)
  return Object.keys(variables)
    .filter((name) => ownPrefixes.some((prefix) => name.startsWith(prefix)) && !known.includes(name))
    .map((name) => `${name} is not a variable of this service; did you mean ${nearest(name, known)}?`)
}

/** The known name that shares most pairs of neighbouring letters with the given one (Dice's coefficient). */
function nearest(name: string, known: string[]): string {
  const pairs = (word: string) => new Set(Array.from({ length: word.length - 1 }, (_, at) => word.slice(at, at + 2)))
  const wanted = pairs(name)
  const likeness = (candidate: string) => {
    const own = pairs(candidate)
    return (2 * [...own].filter((pair) => wanted.has(pair)).length) / (own.size + wanted.size)
  }
  return known.reduce((best, candidate) => (likeness(candidate) > likeness(best) ? candidate : best))
}

function hasPrefix(given: Set<Name>, prefix: string): boolean {
  return [...given].some((name) => name.startsWith(prefix))
}

function listOf(value: string): string[] {
  return value.split(',').map((item) => item.trim()).filter((item) => item !== '')
}

function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value) as unknown[]) if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  return Object.freeze(value)
}
