/**
 * The limits of the production checklist, each with its sentence. A response time is judged by its 97.5th percentile at the held rate: the slowest
 * thirty-ninth of requests may be the machine's noise, the rest is the service.
 */
export interface Limit {
  /** as the checklist says it */
  sentence: string
  /** method and path; null: the process as a whole */
  route: string | null
  figure: 'latencyMs' | 'requestsPerSecond' | 'cpuPercent' | 'memoryPercent'
  below?: number
  above?: number
}

export const limits: Limit[] = [
  { sentence: 'Health endpoint: < 100ms', route: 'GET /health', figure: 'latencyMs', below: 100 },
  { sentence: 'Coverage summary: < 2 seconds', route: 'GET /coverage/summary', figure: 'latencyMs', below: 2000 },
  { sentence: 'Scripts status: < 3 seconds', route: 'GET /scripts/status', figure: 'latencyMs', below: 3000 },
  { sentence: 'Domain coverage: < 2 seconds', route: 'GET /domains/coverage', figure: 'latencyMs', below: 2000 },
  { sentence: 'Entity performance: < 3 seconds', route: 'GET /entities/performance', figure: 'latencyMs', below: 3000 },
  { sentence: 'Report generation: < 10 seconds', route: 'GET /reports/generate', figure: 'latencyMs', below: 10_000 },
  { sentence: 'Validation job creation: < 500ms', route: 'POST /validation/run', figure: 'latencyMs', below: 500 },
  { sentence: 'Health endpoint: > 100 requests/second', route: 'GET /health', figure: 'requestsPerSecond', above: 100 },
  ...['/coverage/summary', '/scripts/status', '/domains/coverage', '/entities/performance', '/reports/generate'].map((path): Limit => ({
    sentence: 'API endpoints: > 20 requests/second concurrent', route: `GET ${path}`, figure: 'requestsPerSecond', above: 20,
  })),
  { sentence: 'Memory usage: < 80% of allocated', route: null, figure: 'memoryPercent', below: 80 },
  { sentence: 'CPU usage: < 70% average', route: null, figure: 'cpuPercent', below: 70 },
]

/** What a load generator cannot see from outside. */
export const leftToMonitoring = ['Database queries: < 1 second average', 'Disk I/O: < 80% capacity']

/** Figures by `route figure`; those of the process under `process figure`. */
export type Figures = ReadonlyMap<string, number>

export interface Judged extends Limit {
  /** null: nobody measured it, and so it is not met */
  measured: number | null
  isMet: boolean
}

export function judge(figures: Figures, table: readonly Limit[] = limits): Judged[] {
  return table.map((limit) => {
    const measured = figures.get(`${limit.route ?? 'process'} ${limit.figure}`) ?? null
    const isMet = measured !== null && (limit.below === undefined || measured < limit.below) && (limit.above === undefined || measured > limit.above)
    return { ...limit, measured, isMet }
  })
}

/** Requests that were not answered well make every figure of their route worthless. */
export function failuresOf(route: string, result: { non2xx: number; errors: number; timeouts: number; requests: { total: number } }): string[] {
  const { non2xx, errors, timeouts, requests } = result
  const found = [[non2xx, 'were not answered with 2xx'], [errors, 'met an error of the connection'], [timeouts, 'were not answered in time']] as const
  return [...found.flatMap(([count, what]) => (count > 0 ? [`${route}: ${count} requests ${what}`] : [])), ...(requests.total === 0 ? [`${route}: no request was answered`] : [])]
}
