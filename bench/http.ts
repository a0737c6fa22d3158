import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import autocannon, { type Options, type Result } from 'autocannon'
import { failuresOf, judge, leftToMonitoring, limits } from './limits.js'
import { allocated, readProcess, startDelay, startDemo, type DemoService } from './service.js'

// The gate: `npm run test:performance` ends non-zero when a limit of the checklist is exceeded. README.md beside tells how to read it.

const { values } = parseArgs({ options: { rows: { type: 'string', default: '50000' }, slow: { type: 'string' }, seconds: { type: 'string', default: '4' } } })
const seconds = Number(values.seconds)
const delayMs = 12_000

interface OpenApi {
  paths: Record<string, Record<string, unknown>>
}

/** Every GET route of the document with real names in its path; a stream of events lasts as long as its job and has no response time. */
async function routesOf({ url }: DemoService): Promise<{ route: string; path: string }[]> {
  const document = JSON.parse(readFileSync(new URL('../openapi/openapi.json', import.meta.url), 'utf8')) as OpenApi
  const first = async (path: string, pick: (body: Record<string, unknown[]>) => unknown) => String(pick(await (await fetch(`${url}${path}`)).json() as Record<string, unknown[]>))
  const field = (list: unknown[] | undefined, name: string) => (list?.[0] as Record<string, unknown> | undefined)?.[name]
  const script = await first('/scripts/status?limit=1', ({ scripts }) => field(scripts, 'name'))
  const run = await (await fetch(`${url}/scripts/${script}/runs`, { method: 'POST' })).json() as { runId: string }
  const names: Record<string, string> = {
    '/scripts/{name}': script, '/scripts/runs/{id}': run.runId, '/domains/{name}': await first('/domains/coverage', ({ domains }) => field(domains, 'domain')),
    '/entities/{name}': await first('/entities/performance?limit=1', ({ entities }) => field(entities, 'entityName')),
  }
  const job = await first('/validation/jobs?limit=1', ({ jobs }) => field(jobs, 'jobId'))
  const nameIn = (path: string) => names[path] ?? (path.startsWith('/validation/results/{id}') ? job : '')
  return Object.entries(document.paths).filter(([path, methods]) => 'get' in methods && !path.endsWith('/events')).map(([path]) => ({ route: `GET ${path}`, path: path.replace(/\{\w+\}/, encodeURIComponent(nameIn(path))) }))
}

const service = await startDemo(Number(values.rows))
const delay = values.slow === undefined ? null : await startDelay(service.url, delayMs)
const figures = new Map<string, number>()
const failures: string[] = []
try {
  const measure = async (route: string, options: Omit<Options, 'url'>, path: string): Promise<Result> => {
    const base = values.slow !== undefined && route.endsWith(` ${values.slow}`) ? (delay?.url ?? service.url) : service.url
    const result = await autocannon({ timeout: 30, ...options, url: `${base}${path}` })
    failures.push(...failuresOf(route, result))
    return result
  }
  const routes = await routesOf(service)
  const before = { ...readProcess(service.pid), at: performance.now() }
  let peakBytes = 0
  console.log('held: 100 requests a second on /health, 20 on each other route')
  for (const { route, path } of routes) {
    const result = await measure(route, { connections: route === 'GET /health' ? 10 : 5, overallRate: route === 'GET /health' ? 100 : 20, duration: seconds }, path)
    // nothing answered is not fast
    if (result.requests.total > 0) figures.set(`${route} latencyMs`, result.latency.p97_5)
    peakBytes = Math.max(peakBytes, readProcess(service.pid).residentBytes)
    console.log(`  ${route.padEnd(45)} p97.5 ${String(result.latency.p97_5).padStart(6)} ms  max ${String(result.latency.max).padStart(6)} ms  ${result.requests.total} requests`)
  }
  const after = readProcess(service.pid)
  figures.set('process cpuPercent', ((after.cpuSeconds - before.cpuSeconds) / ((performance.now() - before.at) / 1000) / allocated.cores) * 100)
  figures.set('process memoryPercent', (peakBytes / allocated.bytes) * 100)
  console.log('full load')
  for (const { route, path } of routes.filter((one) => limits.some(({ route: limited, figure }) => limited === one.route && figure === 'requestsPerSecond'))) {
    const result = await measure(route, { connections: 10, duration: seconds }, path)
    figures.set(`${route} requestsPerSecond`, result.requests.average)
    console.log(`  ${route.padEnd(45)} ${result.requests.average.toFixed(0).padStart(6)} requests/s  p97.5 ${result.latency.p97_5} ms`)
  }
  // last, since the jobs that it makes keep the workers busy
  const entity = routes.find(({ route }) => route === 'GET /entities/{name}')?.path.split('/').at(-1) ?? ''
  const created = await measure('POST /validation/run', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ entities: [decodeURIComponent(entity)] }), connections: 5, overallRate: 20, duration: seconds }, '/validation/run')
  if (created.requests.total > 0) figures.set('POST /validation/run latencyMs', created.latency.p97_5)
} finally {
  delay?.stop()
  await service.stop()
}

const judged = judge(figures)
console.log('\nlimits of the checklist')
for (const { sentence, route, measured, isMet } of judged) console.log(`  ${isMet ? 'met     ' : 'EXCEEDED'}  ${sentence.padEnd(50)} ${(route ?? 'process').padEnd(30)} ${measured === null ? 'not measured' : measured.toFixed(1)}`)
for (const sentence of leftToMonitoring) console.log(`  left to monitoring  ${sentence}`)
for (const failure of failures) console.log(`  FAILED    ${failure}`)
const isGreen = failures.length === 0 && judged.every(({ isMet }) => isMet)
if (values.slow === undefined) {
  mkdirSync(new URL('results/', import.meta.url), { recursive: true })
  const line = { at: new Date().toISOString(), rows: Number(values.rows), cores: allocated.cores, node: process.version, green: isGreen, failures, figures: Object.fromEntries([...figures].map(([name, value]) => [name, Math.round(value * 10) / 10])) }
  appendFileSync(new URL('results/http.jsonl', import.meta.url), `${JSON.stringify(line)}\n`)
}
console.log(isGreen ? '\nall limits are met' : '\na limit is exceeded')
process.exit(isGreen ? 0 : 1)
