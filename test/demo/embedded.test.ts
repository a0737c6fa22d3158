import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { access, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import { startEmbeddedPostgres } from '../../src/demo/embedded.js'
import type { EmbeddedPostgres } from '../../src/demo/embedded.js'

async function ask<T>(server: EmbeddedPostgres, work: (sql: ReturnType<typeof openTarget>) => Promise<T>, database = 'postgres'): Promise<T> {
  const { host, port, user, password } = server
  const sql = openTarget({ host, port, user, password, database, ssl: 'disable', maxConnections: 1 })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 15_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('waited in vain')
    await sleep(50)
  }
}

test('a server on loopback only, in UTF-8, whose databases can be copied; it takes its data with it', async () => {
  const server = await startEmbeddedPostgres({ settings: { work_mem: '9MB' } })
  const [row] = await ask(server, (sql) => sql`
    select current_setting('listen_addresses') as listen, current_setting('work_mem') as memory, current_setting('max_connections') as connections,
      current_setting('server_encoding') as encoding, current_setting('password_encryption') as passwords, current_setting('data_directory') as data,
      (select datcollate from pg_database where datname = 'template0') as collation`)
  expect(row).toEqual({ listen: '127.0.0.1', memory: '9MB', connections: '200', encoding: 'UTF8', passwords: 'scram-sha-256', collation: 'C.UTF-8', data: expect.any(String) })
  const data = row?.['data'] as string
  expect((await stat(data)).mode & 0o077).toBe(0)
  await server.createDatabase('first "quoted"')
  await ask(server, (sql) => sql`create table kept as select 1 as a`, 'first "quoted"')
  await server.createDatabase('second', 'first "quoted"')
  expect(await ask(server, (sql) => sql`select a from kept`, 'second')).toEqual([{ a: 1 }])
  await server.stop()
  await expect(access(data)).rejects.toThrow('ENOENT')
  await expect(server.stop()).resolves.toBeUndefined()
})

test('a kept folder is used again, also when a server was left in it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'migration-coverage-test-'))
  const first = await startEmbeddedPostgres({ dataDir })
  await ask(first, (sql) => sql`create table kept as select 7 as a`)
  // as after a hard exit: the first is still running when the second starts
  const second = await startEmbeddedPostgres({ dataDir })
  expect(await ask(second, (sql) => sql`select a from kept`)).toEqual([{ a: 7 }])
  await second.stop()
  await first.stop()
  const third = await startEmbeddedPostgres({ dataDir, port: second.port })
  expect(await ask(third, (sql) => sql`select a from kept`)).toEqual([{ a: 7 }])
  await third.stop()
  await rm(dataDir, { recursive: true })
})

test('ends, and its data too, when the process that started it is killed', async () => {
  const module = new URL('../../src/demo/embedded.ts', import.meta.url).href
  const script = `import { startEmbeddedPostgres } from '${module}'; startEmbeddedPostgres().then(() => console.log('up'))`
  const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => parent.stdout.once('data', resolve))
  const children = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8').trim().split(' ').map(Number)
  const server = children.map((pid) => ({ pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') })).find(({ command }) => command[1] === '-D')
  expect(server).toBeDefined()
  parent.kill('SIGKILL')
  await until(() => !isAlive(server!.pid))
  await until(() => access(server!.command[2]!).then(() => false, () => true))
})

test('what hinders the server is told', async () => {
  await expect(startEmbeddedPostgres({ settings: { shared_buffers: 'much' } })).rejects.toThrow(/the embedded PostgreSQL ended with code 1: .*invalid value for parameter "shared_buffers"/s)
})
