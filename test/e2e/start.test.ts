import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoDatabases } from '../../src/demo/databases.js'
import { createDemoPair, databaseEnvironment, request, runToEnd, startService, type Environment, type Service } from '../helpers/service.js'
import { postJob, waitForEnd } from './jobs.js'

let folder: string
let databases: DemoDatabases
let environment: Environment
let service: Service
/** Half a minute of retries, spent beside the other tests. */
let unreachable: Promise<{ port: number; code: number | null; output: string }>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'e2e-start-'))
  databases = await createDemoPair()
  environment = { ...databaseEnvironment(databases), RECHECK_DELAY_MS: '50' }
  service = await startService(environment)
  unreachable = startWithoutTarget()
})

afterAll(async () => {
  await service.kill()
  await databases.drop()
  await rm(folder, { recursive: true, force: true })
})

describe('a restart', () => {
  test('jobs, results and differences are still there, byte for byte, and an Idempotency-Key still stands for its job', async () => {
    const headers = { 'idempotency-key': 'restart-1' }
    const jobId = await postJob(service, { entities: ['patients', 'invoices'] }, headers)
    expect(await waitForEnd(service, jobId)).toMatchObject({ status: 'completed' })
    const paths = ['/validation/jobs', `/validation/results/${jobId}?includeDetails=true`, `/validation/results/${jobId}/differences?limit=200`, '/domains/coverage', '/scripts/status']
    const readAll = () => Promise.all(paths.map(async (path) => (await request(service, path)).body))
    const before = await readAll()
    expect(await service.stop()).toEqual({ code: 0, signal: null })

    service = await startService(environment)
    const after = await readAll()
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3))
    expect(JSON.parse(JSON.stringify(after.slice(3), hideTimes))).toEqual(JSON.parse(JSON.stringify(before.slice(3), hideTimes)))
    expect(await postJob(service, { entities: ['patients', 'invoices'] }, headers)).toBe(jobId)
    const conflict = await request(service, '/validation/run', { method: 'POST', body: { entities: ['patients'] }, headers })
    expect(conflict).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } })
  })

  test('kill -9 among ten POSTs: each was accepted or not, and asking again gives one job per key', async () => {
    await service.stop()
    const apiOnly = { ...environment, ROLE: 'api' }
    service = await startService(apiOnly)
    const post = (index: number) => postJob(service, { entities: ['offices'] }, { 'idempotency-key': `kill-${index}` })
    const pending = Array.from({ length: 10 }, (_, index) => post(index).catch(() => null))
    await Promise.any(pending.map(async (one) => (await one) ?? Promise.reject(new Error('not accepted'))))
    await service.kill()
    const accepted = await Promise.all(pending)
    service = await startService(apiOnly)
    const repeated = await Promise.all(accepted.map((_, index) => post(index)))
    expect(new Set(repeated).size).toBe(10)
    accepted.forEach((jobId, index) => { if (jobId !== null) expect(repeated[index]).toBe(jobId) })
    const { body } = await request<{ pagination: { totalItems: number } }>(service, '/validation/jobs?status=queued')
    expect(body.pagination.totalItems).toBe(10)
    await service.stop()
    service = await startService(environment)
    for (const job of await Promise.all(repeated.map((jobId) => waitForEnd(service, jobId)))) expect(job).toMatchObject({ status: 'completed' })
  })
})

describe.concurrent('a start that is refused ends with 1 and says what to do', () => {
  test('every fault of the configuration at once, without the secrets', async () => {
    const { code, output } = await runToEnd({
      ...environment, PORT: '70000', API_KEY: 'short', SOURCE_DB_PASWORD: 'hunter2', TARGET_DB_NAME: '', ROLE: 'queen', SCAN_CHUNK_PAGES: '0x20',
    })
    expect(code).toBe(1)
    for (const part of [/6 faults/, /PORT must be a whole number from 0 to 65535/, /API_KEY must be 16 to 512/, /SOURCE_DB_PASWORD is not a variable.*SOURCE_DB_PASSWORD/, /TARGET_DB_NAME is required/, /ROLE must be one of all, api, worker/, /SCAN_CHUNK_PAGES must be/]) {
      expect(output).toMatch(part)
    }
    expect(output).not.toMatch(/hunter2|"short"|\n\s+at /)
  })

  test('a plan with faults, each with its line', async () => {
    const planPath = join(folder, 'broken.yaml')
    await writeFile(planPath, 'version: 1\ndomains:\n  clinical: { description: Care, priority: urgent }\nentities:\n  patients:\n    domain: clinicl\n    source: { table: patient }\n    target: { table: patients }\n    key: { id: id }\n    smae: [name]\n')
    const { code, output } = await runToEnd({ ...environment, MIGRATION_PLAN: planPath })
    expect(code).toBe(1)
    expect(output).toMatch(/the plan cannot be used:\n(\s+- line \d+: .+\n)+/)
    expect(output).toMatch(/line 3: .*(priority|urgent)/)
    expect(output).toMatch(/line 10: .*smae/)
  })

  test('a plan that is no YAML, with the line', async () => {
    const planPath = join(folder, 'no.yaml')
    await writeFile(planPath, 'version: 1\nentities: {\n')
    const { code, output } = await runToEnd({ ...environment, MIGRATION_PLAN: planPath })
    expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(/the plan cannot be used:\n\s+- line \d+: /) as string })
  })

  test.each([['is not there', 'none.yaml'], ['is a folder', '.']])('a plan file that %s, by its path', async (_, name) => {
    const planPath = join(folder, name)
    const { code, output } = await runToEnd({ ...environment, MIGRATION_PLAN: planPath })
    expect(code).toBe(1)
    expect(lastWords(output)).toContain(planPath)
  })

  test('a wrong password of the target, without the password', async () => {
    const { code, output } = await runToEnd({ ...environment, TARGET_DB_PASSWORD: 'correct-horse' })
    expect(code).toBe(1)
    expect(lastWords(output)).toMatch(/password authentication failed for user "coverage_owner"/)
    expect(output).not.toContain('correct-horse')
  })

  test('a database of the target that does not exist', async () => {
    const { code, output } = await runToEnd({ ...environment, TARGET_DB_NAME: 'no_such_database' })
    expect(code).toBe(1)
    expect(lastWords(output)).toMatch(/database "no_such_database" does not exist/)
  })

  test('a port that is in use', async () => {
    const holder = await listen()
    const { port } = holder.address() as AddressInfo
    const { code, output } = await runToEnd({ ...environment, PORT: String(port) })
    holder.close()
    expect(code).toBe(1)
    expect(lastWords(output)).toMatch(new RegExp(`address already in use.*127\\.0\\.0\\.1:${port}`))
  })

  test('a target where nobody listens, after the retries', async () => {
    const { port, code, output } = await unreachable
    expect(code).toBe(1)
    expect(lastWords(output)).toMatch(new RegExp(`ECONNREFUSED.*${port}`))
  }, 120_000)
})

async function startWithoutTarget() {
  const holder = await listen()
  const { port } = holder.address() as AddressInfo
  await new Promise((resolve) => holder.close(resolve))
  return { port, ...(await runToEnd({ ...environment, TARGET_DB_PORT: String(port) })) }
}

async function listen(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return server
}

/** What is written for people, not the log's JSON lines. */
function lastWords(output: string): string {
  return output.split('\n').filter((line) => line !== '' && !line.startsWith('{')).join('\n')
}

function hideTimes(name: string, value: unknown): unknown {
  return /^(timestamp|generatedAt|asOf|lastUpdated)$/.test(name) ? null : value
}
