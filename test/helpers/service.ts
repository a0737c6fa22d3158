import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { DatabaseOptions } from '../../src/db/clients.js'
import { createDemoDatabases, type DemoDatabases } from '../../src/demo/databases.js'
import { demoPlanPath } from '../../src/demo/start.js'
import { adminOptions } from './postgres.js'

export type Environment = Record<string, string>

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** The service in a process of its own. */
export interface Service {
  /** empty for ROLE=worker */
  url: string
  /** all that it has written so far, both streams */
  output(): string
  exit: Promise<Exit>
  signal(name: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL when that does not end it within 40 s */
  stop(): Promise<Exit>
  /** kill -9 */
  kill(): Promise<Exit>
}

export interface Answer<Body = unknown> {
  status: number
  headers: Headers
  body: Body
}

const main = fileURLToPath(new URL('../../src/server.ts', import.meta.url))
const living = new Set<ChildProcess>()
process.once('exit', () => { for (const child of living) child.kill('SIGKILL') })

function launch(environment: Environment): Service & { child: ChildProcess } {
  const { PATH = '', HOME = '' } = process.env
  // a folder without a .env, and nothing of the test run's own environment
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main], {
    cwd: tmpdir(), env: { PATH, HOME, ...environment }, stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (text: Buffer) => { output += text.toString() })
  child.stderr.on('data', (text: Buffer) => { output += text.toString() })
  living.add(child)
  const exit = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => {
      living.delete(child)
      resolve({ code, signal })
    })
  })
  const signal = (name: NodeJS.Signals) => { child.kill(name) }
  return {
    url: '', child, exit, signal,
    output: () => output,
    async stop() {
      signal('SIGTERM')
      await Promise.race([exit, sleep(40_000, undefined, { ref: false })])
      signal('SIGKILL')
      return exit
    },
    async kill() {
      signal('SIGKILL')
      return exit
    },
  }
}

/**
 * Starts the service and waits until it listens, or takes tasks.
 * @throws Error with its output when it ends instead
 */
export async function startService(environment: Environment): Promise<Service> {
  const service = launch({ PORT: '0', NODE_ENV: 'test', RATE_LIMIT_MAX_REQUESTS: '100000', ...environment })
  const sign = environment['ROLE'] === 'worker' ? /"the worker takes tasks"/ : /"url":"(http:[^"]+)".*"the API is listening"/
  let ended = false
  void service.exit.then(() => { ended = true })
  const found = await waitFor('the service to start', () => {
    if (ended) throw new Error(`the service ended at its start:\n${service.output()}`)
    return sign.exec(service.output())
  })
  return { ...service, url: found[1] ?? '' }
}

/** Runs a start that must fail, to its end. */
export async function runToEnd(environment: Environment): Promise<{ code: number | null; output: string }> {
  const service = launch({ PORT: '0', NODE_ENV: 'test', ...environment })
  const { code } = await service.exit
  return { code, output: service.output() }
}

/** Asks again every 50 ms until the answer is neither false, null nor undefined. */
export async function waitFor<T>(what: string, ask: () => T | Promise<T>, limitMs = 60_000): Promise<NonNullable<Exclude<T, false>>> {
  for (const end = performance.now() + limitMs; performance.now() < end; await sleep(50)) {
    const answer = await ask()
    if (answer !== false && answer !== null && answer !== undefined) return answer as NonNullable<Exclude<T, false>>
  }
  throw new Error(`waited ${limitMs} ms in vain for ${what}`)
}

/** A request with a limit of 30 s; a JSON body comes parsed. */
export async function request<Body = Record<string, unknown>>(service: Pick<Service, 'url'>, path: string, options: { method?: string; body?: unknown; headers?: Record<string, string> } = {}): Promise<Answer<Body>> {
  const { method = 'GET', body, headers = {} } = options
  const response = await fetch(`${service.url}${path}`, {
    method, signal: AbortSignal.timeout(30_000),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body }
}

/** The demonstration's two databases under names of their own. */
export async function createDemoPair(rows = 20_000): Promise<DemoDatabases> {
  const suffix = randomBytes(6).toString('hex')
  return createDemoDatabases(adminOptions(), rows, { source: `e2e_legacy_${suffix}`, target: `e2e_modern_${suffix}` })
}

/** The environment of a service over two databases, with the demonstration's plan unless another is given. */
export function databaseEnvironment({ source, target }: { source: DatabaseOptions; target: DatabaseOptions }, planPath = demoPlanPath): Environment {
  return { ...side('SOURCE_DB_', source), ...side('TARGET_DB_', target), MIGRATION_PLAN: planPath }
}

function side(prefix: string, { host, port, database, user, password }: DatabaseOptions): Environment {
  return { [`${prefix}HOST`]: host, [`${prefix}PORT`]: String(port), [`${prefix}NAME`]: database, [`${prefix}USER`]: user, [`${prefix}PASSWORD`]: password }
}
