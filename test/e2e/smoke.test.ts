import { spawn } from 'node:child_process'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { request, startService, waitFor, type Service } from '../helpers/service.js'

// the commands that a deployment is verified with, letter by letter but for the host; two of them hold an unquoted & or ?
const commands = String.raw`
# 1. Health check
curl -f https://api.migration-coverage.example.com/health

# 2. Coverage summary
curl -f https://api.migration-coverage.example.com/coverage/summary

# 3. Scripts status
curl -f https://api.migration-coverage.example.com/scripts/status?limit=5

# 4. Domain coverage
curl -f https://api.migration-coverage.example.com/domains/coverage

# 5. Entity performance
curl -f https://api.migration-coverage.example.com/entities/performance?limit=5

# 6. Start validation job
curl -X POST https://api.migration-coverage.example.com/validation/run \
  -H "Content-Type: application/json" \
  -d '{"entities":["patients"],"includeIntegrityChecks":true}'

# 7. Generate report
curl -f https://api.migration-coverage.example.com/reports/generate?type=coverage&format=json
`.split(/^# \d\. /m).slice(1).map((block) => {
  const [title = '', ...lines] = block.trim().split('\n')
  return { title, command: lines.join('\n') }
})

const operations: Record<string, { path: string; method: string; status: number }> = {
  'Health check': { path: '/health', method: 'get', status: 200 },
  'Coverage summary': { path: '/coverage/summary', method: 'get', status: 200 },
  'Scripts status': { path: '/scripts/status', method: 'get', status: 200 },
  'Domain coverage': { path: '/domains/coverage', method: 'get', status: 200 },
  'Entity performance': { path: '/entities/performance', method: 'get', status: 200 },
  'Start validation job': { path: '/validation/run', method: 'post', status: 202 },
  'Generate report': { path: '/reports/generate', method: 'get', status: 200 },
}

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>>
}

let service: Service
let document: Document

beforeAll(async () => {
  service = await startService({ DEMO_ROWS: '20000' })
  document = (await request<Document>(service, '/openapi.json')).body
  // the worker is heard of, and the demonstration has validated itself once
  await waitFor('the service to be healthy', async () => (await request(service, '/health')).body['status'] === 'healthy')
  await waitFor('the first validation', async () => (await request<{ jobs: object[] }>(service, '/validation/jobs?status=completed')).body.jobs.length > 0)
}, 120_000)

afterAll(async () => {
  const exit = await service.stop()
  expect(exit).toEqual({ code: 0, signal: null })
})

test.each(commands)('$title', async ({ title, command }) => {
  const { path, method, status } = operations[title]!
  const literal = command.replaceAll('https://api.migration-coverage.example.com', service.url)
  const { code, output } = await bash(literal)
  expect(code).toBe(0)
  const body = JSON.parse(output) as object
  const validate = bodySchema(path, method, status)
  expect(validate(body) ? null : validate.errors).toBeNull()
  if (title === 'Health check') expect(body).toMatchObject({ status: 'healthy' })
  if (title === 'Generate report') expect(body).toMatchObject({ type: 'coverage' })

  const withStatus = await bash(literal.replace('curl ', "curl -s -o /dev/null -w '%{http_code}' "))
  expect(withStatus).toEqual({ code: 0, output: String(status) })
})

/** Standard output of a script, those of its background jobs included, and its exit code. */
function bash(script: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout.on('data', (text: Buffer) => { output += text.toString() })
    child.once('error', reject)
    child.once('close', (code) => { resolve({ code, output }) })
  })
}

function bodySchema(path: string, method: string, status: number): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  ajv.addSchema(document, 'document')
  const pointer = ['paths', path, method, 'responses', String(status), 'content', 'application/json', 'schema'].map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'))
  return ajv.compile({ $ref: `document#/${pointer.join('/')}` })
}
