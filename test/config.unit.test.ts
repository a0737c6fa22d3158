import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { ConfigError, EnvironmentSchema, loadConfig } from '../src/config.js'

const databases = {
  SOURCE_DB_HOST: 'old', SOURCE_DB_NAME: 'legacy', SOURCE_DB_USER: 'reader', SOURCE_DB_PASSWORD: 'source-secret',
  TARGET_DB_HOST: 'new', TARGET_DB_NAME: 'modern', TARGET_DB_USER: 'owner', TARGET_DB_PASSWORD: 'target-secret',
  MIGRATION_PLAN: 'plan.yaml',
}
const faultsOf = (variables: Record<string, string>): string[] => {
  try {
    loadConfig(variables)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

describe('loadConfig', () => {
  test('without databases is the demonstration, with every default', () => {
    expect(loadConfig({})).toEqual({
      environment: 'development', role: 'all', host: '127.0.0.1', port: 3000, logLevel: 'info', apiKey: null, corsOrigins: [],
      rateLimit: { max: 300, windowMs: 60_000 }, maxRequestSize: 262_144, developmentEndpoints: false, scriptsDirectory: null, connectTimeoutMs: 5000, shutdownTimeoutMs: 25_000, demo: true, demoRows: 250_000,
      source: null, sourceReplicas: [], target: null, planPath: null,
      comparison: { sourceWaitLimitMs: 900_000, recheckDelayMs: 500, scanChunkPages: 16_384, statementMs: 500, statementTimeoutMs: 30_000, maxStoredDifferences: 10_000, sourceLimits: { activeSessions: 50, waitingLocks: 10, replicaLagSeconds: 30 } },
    })
  })

  test('rows rest longer before the second reading when the databases are real', () => {
    expect(loadConfig(databases).comparison.recheckDelayMs).toBe(5000)
    expect(loadConfig({ RECHECK_DELAY_MS: '7' }).comparison.recheckDelayMs).toBe(7)
  })

  test('the directory of scripts is one', () => {
    expect(loadConfig({ SCRIPTS_DIR: 'src' }).scriptsDirectory).toBe('src')
    expect(() => loadConfig({ SCRIPTS_DIR: 'package.json' })).toThrow('SCRIPTS_DIR must be a directory, not "package.json"')
    expect(() => loadConfig({ SCRIPTS_DIRECTORY: 'src' })).toThrow('did you mean SCRIPTS_DIR?')
  })

  test('is frozen, deeply', () => {
    const config = loadConfig(databases)
    expect(Object.isFrozen(config) && Object.isFrozen(config.comparison) && Object.isFrozen(config.source)).toBe(true)
  })

  test('reads both databases', () => {
    const { demo, source, target, planPath } = loadConfig({ ...databases, SOURCE_DB_PORT: '6432', TARGET_DB_SSL: 'require' })
    expect({ demo, source, target, planPath }).toEqual({
      demo: false,
      source: { host: 'old', port: 6432, database: 'legacy', user: 'reader', password: 'source-secret', ssl: 'disable', certificates: {}, maxConnections: 5 },
      target: { host: 'new', port: 5432, database: 'modern', user: 'owner', password: 'target-secret', ssl: 'require', certificates: {}, maxConnections: 10 },
      planPath: 'plan.yaml',
    })
  })

  test('reads a database from one URL', () => {
    const urls = { SOURCE_DATABASE_URL: 'postgres://reader:p%40ss%3Aword@old:6432/legacy?sslmode=verify-full', TARGET_DATABASE_URL: 'postgresql://owner:secret@[::1]/modern', MIGRATION_PLAN: 'plan.yaml' }
    expect(loadConfig({ ...urls, TARGET_DB_SSL: 'require' })).toMatchObject({
      demo: false,
      source: { host: 'old', port: 6432, database: 'legacy', user: 'reader', password: 'p@ss:word', ssl: 'verify-full' }, target: { host: '::1', port: 5432, database: 'modern', user: 'owner', password: 'secret', ssl: 'require' },
    })
    const { MIGRATION_PLAN: _, ...withoutPlan } = urls
    expect(() => loadConfig(withoutPlan)).toThrow('MIGRATION_PLAN is required')
    expect(loadConfig(withoutPlan, { needsPlan: false })).toMatchObject({ demo: false, planPath: null })
  })

  test('a URL that cannot be read is told without its password, and no part may be said twice', () => {
    const faults = (url: string, more: Record<string, string> = {}) => faultsOf({ ...databases, ...Object.fromEntries(['HOST', 'NAME', 'USER', 'PASSWORD'].map((name) => [`SOURCE_DB_${name}`, ''])), SOURCE_DATABASE_URL: url, ...more })
    expect(faults('mysql://reader:hidden@old/legacy')[0]).toBe('SOURCE_DATABASE_URL must begin with postgres:// or postgresql://')
    expect(faults('hidden')[0]).toBe('SOURCE_DATABASE_URL must be a URL such as postgres://user:password@host:5432/database')
    expect(faults('postgres://reader:hidden@old/legacy?sslmode=prefer')[0]).toBe('SOURCE_DATABASE_URL holds sslmode=prefer: write disable, require or verify-full')
    expect(faults('postgres://reader:hidden@old/legacy?target_session_attrs=any')[0]).toBe('SOURCE_DATABASE_URL holds the parameter target_session_attrs: only sslmode is read')
    expect(faults('postgres://reader:hidd%en@old/legacy')[0]).toBe('SOURCE_DATABASE_URL holds a % that begins no escape: write %25 for the sign itself')
    expect(faults('postgres://old/legacy')).toEqual(['SOURCE_DB_USER is required when a database is configured', 'SOURCE_DB_PASSWORD is required when a database is configured'])
    expect(faults('postgres://reader:hidden@old/legacy', { SOURCE_DB_PORT: '7' })).toEqual([])
    expect(faults('postgres://reader:hidden@old/legacy', { SOURCE_DB_HOST: 'other' })).toEqual(['SOURCE_DB_HOST is set, and SOURCE_DATABASE_URL holds it too: keep one'])
    for (const url of ['mysql://reader:hidden@old/legacy', 'postgres://reader:hidd%en@old/legacy', 'hidden']) expect(faults(url).join()).not.toContain('hidd')
  })

  test('replicas of the source are servers, with the port of the source unless they name one', () => {
    expect(loadConfig({ ...databases, SOURCE_DB_PORT: '6000', SOURCE_DB_REPLICAS: 'one, two:5433,[::1]:5434' })).toMatchObject({ sourceReplicas: [{ host: 'one', port: 6000 }, { host: 'two', port: 5433 }, { host: '::1', port: 5434 }] })
    expect(loadConfig(databases)).toMatchObject({ sourceReplicas: [] })
    for (const bad of ['one:0', 'one:70000', 'a b', '::1', 'postgres://one']) expect(faultsOf({ ...databases, SOURCE_DB_REPLICAS: bad })).toEqual([`SOURCE_DB_REPLICAS must hold servers like host or host:5432, not "${bad}"`])
  })

  test('an empty variable counts as not set', () => {
    expect(loadConfig({ PORT: '', API_KEY: '', SOURCE_DB_HOST: '' })).toMatchObject({ port: 3000, apiKey: null, demo: true })
  })

  test('names all faults at once, with what is allowed and what was given', () => {
    expect(faultsOf({ PORT: '70000', RATE_LIMIT_WINDOW_MS: '1e5', ROLE: 'web', ENABLE_DEVELOPMENT_ENDPOINTS: 'yes' })).toEqual([
      'ROLE must be one of all, api, worker, not "web"',
      'PORT must be a whole number from 0 to 65535, not "70000"',
      'RATE_LIMIT_WINDOW_MS must be a whole number from 1000 to 86400000, not "1e5"',
      'ENABLE_DEVELOPMENT_ENDPOINTS must be true or false, not "yes"',
    ])
  })

  test('never repeats a secret', () => {
    const faults = faultsOf({ API_KEY: 'too-short-pssst' })
    expect(faults).toEqual(['API_KEY must be 16 to 512 printable ASCII characters without blanks, not what was given (not shown)'])
  })

  test.each([
    ['SOURCE_DB_HOSTNAME', 'SOURCE_DB_HOST'], ['TARGET_DB_PASWORD', 'TARGET_DB_PASSWORD'], ['RATE_LIMIT_MAX', 'RATE_LIMIT_MAX_REQUESTS'],
    ['MIGRATION_PLAN_FILE', 'MIGRATION_PLAN'], ['CORS_ORIGIN', 'CORS_ORIGINS'],
  ])('names the unknown %s and the nearest known name', (name, nearest) => {
    expect(faultsOf({ [name]: 'x' })).toContain(`${name} is not a variable of this service; did you mean ${nearest}?`)
  })

  test('leaves foreign variables alone', () => {
    expect(faultsOf({ SOURCE_DATE_EPOCH: '1', TARGET_ARCH: 'x', PATH: '/bin', PGHOST: 'x' })).toEqual([])
  })

  test('one database without the other is a fault', () => {
    expect(faultsOf({ SOURCE_DB_HOST: 'old', SOURCE_DB_NAME: 'legacy' })).toEqual([
      'SOURCE_DB_USER is required when a database is configured',
      'SOURCE_DB_PASSWORD is required when a database is configured',
      'SOURCE_DB_* is set but TARGET_DB_* is not: set TARGET_DB_HOST, TARGET_DB_NAME, TARGET_DB_USER, TARGET_DB_PASSWORD too, or neither to see the demonstration',
      'MIGRATION_PLAN is required when databases are configured: the path of the plan file',
    ])
  })

  test('beyond loopback, and in production, a key is required', () => {
    const key = 'k'.repeat(16)
    const overTls = { ...databases, SOURCE_DB_SSL: 'require', TARGET_DB_SSL: 'require' }
    expect(faultsOf({ HOST: '0.0.0.0' })).toEqual(['API_KEY is required when HOST is not loopback: set a key of 16 characters or more, or HOST=127.0.0.1 instead of "0.0.0.0"'])
    expect(faultsOf({ NODE_ENV: 'production', ...overTls })).toEqual(['API_KEY is required with NODE_ENV=production'])
    expect(faultsOf({ HOST: '0.0.0.0', NODE_ENV: 'production', API_KEY: key, ...overTls })).toEqual([])
    expect(faultsOf({ NODE_ENV: 'production', API_KEY: key })).toEqual([expect.stringContaining('the demonstration, which is shown without them, is not for production')])
    for (const HOST of ['localhost', '::1', '127.0.0.9']) expect(faultsOf({ HOST })).toEqual([])
  })

  test('origins are checked, and production names each one', () => {
    expect(loadConfig({ CORS_ORIGINS: 'https://a.example, http://localhost:5173' }).corsOrigins).toEqual(['https://a.example', 'http://localhost:5173'])
    expect(faultsOf({ CORS_ORIGINS: 'a.example' })).toEqual(['CORS_ORIGINS must hold origins like https://app.example.com, not "a.example"'])
    expect(faultsOf({ CORS_ORIGINS: '*', NODE_ENV: 'production', API_KEY: 'k'.repeat(16), ...databases, SOURCE_DB_SSL: 'require', TARGET_DB_SSL: 'require' })).toEqual(['CORS_ORIGINS must name each origin with NODE_ENV=production, not "*"'])
    expect(faultsOf({ CORS_ORIGINS: '*' })).toEqual([])
  })
})

const folder = mkdtempSync(join(tmpdir(), 'config-'))
afterAll(() => { rmSync(folder, { recursive: true }) })
const file = (name: string, content: string, mode = 0o600): string => {
  writeFileSync(join(folder, name), content, { mode })
  chmodSync(join(folder, name), mode)
  return join(folder, name)
}

describe('secrets in files', () => {
  const { SOURCE_DB_PASSWORD: _source, TARGET_DB_PASSWORD: _target, ...others } = databases

  test('are read, but for one line break at the end', () => {
    const config = loadConfig({ ...others, API_KEY_FILE: file('key', 'k'.repeat(16)), SOURCE_DB_PASSWORD_FILE: file('source', ' with blanks \n'), TARGET_DB_PASSWORD_FILE: file('target', 'two\n\r\n') })
    expect([config.apiKey, config.source?.password, config.target?.password]).toEqual(['k'.repeat(16), ' with blanks ', 'two\n'])
  })

  test('that are missing, empty or given twice are faults, and are never told', () => {
    const faults = faultsOf({ ...databases, SOURCE_DB_PASSWORD_FILE: file('twice', 'hidden'), TARGET_DB_PASSWORD: '', TARGET_DB_PASSWORD_FILE: file('empty', '\n'), API_KEY_FILE: join(folder, 'gone') })
    expect(faults).toEqual([
      `API_KEY_FILE names a file that cannot be read (ENOENT): "${folder}/gone"`, 'SOURCE_DB_PASSWORD and SOURCE_DB_PASSWORD_FILE are both set: keep one', `TARGET_DB_PASSWORD_FILE names an empty file: "${folder}/empty"`,
      'TARGET_DB_PASSWORD is required when a database is configured',
    ])
    expect(faults.join()).not.toContain('hidden')
  })
})

describe('certificates', () => {
  const pem = '-----BEGIN CERTIFICATE-----\n'

  test('are read from their files', () => {
    const config = loadConfig({ ...databases, SOURCE_DB_SSL: 'verify-full', SOURCE_DB_SSL_CA: file('ca.pem', pem), SOURCE_DB_SSL_CERT: file('cert.pem', `${pem}c`), SOURCE_DB_SSL_KEY: file('key.pem', `${pem}k`) })
    expect(config.source).toMatchObject({ ssl: 'verify-full', certificates: { ca: pem, cert: `${pem}c`, privateKey: `${pem}k` } })
    expect(config.target?.certificates).toEqual({})
  })

  test('must be there, be PEM, belong together, be used, and the key must be private', () => {
    expect(faultsOf({ ...databases, SOURCE_DB_SSL_CA: join(folder, 'none'), TARGET_DB_SSL: 'require', TARGET_DB_SSL_KEY: file('open.key', 'x', 0o644) })).toEqual([
      `SOURCE_DB_SSL_CA names a file that cannot be read (ENOENT): "${folder}/none"`, `TARGET_DB_SSL_KEY must name a PEM file: "${folder}/open.key"`,
      `TARGET_DB_SSL_KEY may be read by others: run chmod 600 "${folder}/open.key"`, 'TARGET_DB_SSL_CERT and TARGET_DB_SSL_KEY belong together: set both or neither',
    ])
    expect(faultsOf({ ...databases, SOURCE_DB_SSL_CA: file('unused.pem', pem) })).toEqual(['SOURCE_DB_SSL_* name certificates and SOURCE_DB_SSL is disable: set it to require or verify-full'])
  })
})

describe('production', () => {
  const production = { ...databases, NODE_ENV: 'production', API_KEY: 'k'.repeat(16), SOURCE_DB_SSL: 'require', TARGET_DB_SSL: 'verify-full' }

  test('is neither unencrypted nor open to developers', () => {
    expect(faultsOf(production)).toEqual([])
    expect(faultsOf({ ...production, ENABLE_DEVELOPMENT_ENDPOINTS: 'true', SOURCE_DB_SSL: 'disable' })).toEqual([
      'ENABLE_DEVELOPMENT_ENDPOINTS must be false with NODE_ENV=production', 'SOURCE_DB_SSL must be require or verify-full with NODE_ENV=production: "old" is reached over a network',
    ])
    expect(faultsOf({ ...production, SOURCE_DB_SSL: 'disable', SOURCE_DB_HOST: '127.0.0.1' })).toEqual([])
  })

  test.each(['.env.production', '.env.docker'])('%s refuses to start until every placeholder is filled in', (name) => {
    const text = readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
    const written = parseEnv(text) as Record<string, string>
    const secrets = Object.fromEntries(Object.keys(written).filter((variable) => variable.endsWith('_FILE')).map((variable) => [variable, file(`${name}-${variable}`, 'secret-of-sixteen-characters')]))
    const left = Object.keys(written).filter((variable) => /change[-_]me/i.test(written[variable] ?? ''))
    expect(left.length).toBeGreaterThan(5)
    expect(faultsOf({ ...written, ...secrets })).toEqual(left.map((variable) => `${variable} still holds the placeholder of the file that it was copied from: fill it in`).sort((a, b) => order(a) - order(b)))
    const filled = parseEnv(text.replaceAll(/change[-_]me/gi, 'db-1')) as Record<string, string>
    expect(loadConfig({ ...filled, ...secrets, ...(filled['API_KEY'] === undefined ? {} : { API_KEY: 'k'.repeat(24) }) })).toMatchObject({ environment: 'production', developmentEndpoints: false, source: { ssl: 'verify-full', host: 'db-1' } })
  })
})

/** The place of the variable that a fault begins with in the schema. */
const order = (fault: string): number => Object.keys(EnvironmentSchema.properties).indexOf(fault.split(' ')[0] ?? '')

describe('.env.example', () => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8')

  test('is a valid configuration as it stands', () => {
    expect(loadConfig(parseEnv(text) as Record<string, string>)).toMatchObject({ demo: false, planPath: 'plan.yaml' })
  })

  test('has every variable, and the default of each that has one', () => {
    const everything = parseEnv(text.replaceAll(/^# (?=[A-Z_]+=)/gm, '')) as Record<string, string>
    expect(Object.keys(everything).sort()).toEqual(Object.keys(EnvironmentSchema.properties).sort())
    for (const [name, schema] of Object.entries(EnvironmentSchema.properties)) {
      const { default: initial } = schema as { default?: string | number | boolean }
      if (initial !== undefined) expect(everything[name], name).toBe(String(initial))
    }
  })
})
