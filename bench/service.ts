import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export interface DemoService {
  url: string
  pid: number
  stop(): Promise<void>
}

/** Starts the built service with the demonstration, and waits until it has compared it once. */
export async function startDemo(rows: number): Promise<DemoService> {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [fileURLToPath(new URL('../dist/server.js', import.meta.url))], {
    cwd: tmpdir(), env: { PATH, HOME, PORT: '0', DEMO_ROWS: String(rows), LOG_LEVEL: 'info', RATE_LIMIT_MAX_REQUESTS: '1000000' }, stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (text: Buffer) => { if (output.length < 1e6) output += text.toString() })
  const ended = new Promise<void>((resolve) => child.once('close', () => { resolve() }))
  process.once('exit', () => child.kill('SIGKILL'))
  const stop = async () => {
    child.kill('SIGTERM')
    await Promise.race([ended, sleep(30_000, undefined, { ref: false })])
    child.kill('SIGKILL')
  }
  try {
    for (let waited = 0; waited < 120_000; waited += 250) {
      if (child.exitCode !== null) throw new Error(`the service ended at its start:\n${output}`)
      const url = /"url":"(http:[^"]+)"/.exec(output)?.[1]
      if (url !== undefined && child.pid !== undefined && await isValidated(url)) return { url, pid: child.pid, stop }
      await sleep(250)
    }
    throw new Error(`the demonstration was not compared within two minutes:\n${output.slice(-2000)}`)
  } catch (error) {
    await stop()
    throw error
  }
}

async function isValidated(url: string): Promise<boolean> {
  const response = await fetch(`${url}/coverage/summary`)
  return response.ok && (await response.json() as { lastValidatedAt: string | null }).lastValidatedAt !== null
}

/** CPU seconds that a process has used, and its resident bytes; Linux only. */
export function readProcess(pid: number): { cpuSeconds: number; residentBytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  // a tick is a hundredth of a second on every Linux that Node.js runs on
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100, residentBytes: Number(kilobytes) * 1024 }
}

/** CPU seconds that a process, its children that have ended and its living children have used; Linux only. */
export function readFamily(pid: number): number {
  const statOf = (id: string) => {
    try {
      return readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    } catch {
      // it has ended since it was listed
      return []
    }
  }
  const ticks = (fields: string[], first: number, last: number) => fields.slice(first, last).reduce((sum, field) => sum + Number(field), 0)
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(statOf).filter((fields) => fields[1] === String(pid))
  return (ticks(statOf(String(pid)), 11, 15) + children.reduce((sum, fields) => sum + ticks(fields, 11, 13), 0)) / 100
}

export const allocated = { cores: availableParallelism(), bytes: Math.min(totalmem(), process.constrainedMemory() || Infinity) }

/** A proxy that holds each request back: what a slow route looks like from outside. */
export async function startDelay(to: string, delayMs: number): Promise<{ url: string; stop(): void }> {
  const server = http.createServer((request, response) => {
    setTimeout(() => {
      const forwarded = http.request(`${to}${request.url ?? '/'}`, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      forwarded.on('error', () => response.destroy())
      request.pipe(forwarded)
    }, delayMs)
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => { server.closeAllConnections(); server.close() } }
}
