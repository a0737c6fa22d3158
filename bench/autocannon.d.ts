/** As much of autocannon as the gate uses; the package brings no types. */
declare module 'autocannon' {
  export interface Options {
    url: string
    method?: string
    headers?: Record<string, string>
    body?: string
    connections?: number
    /** seconds */
    duration: number
    /** requests a second, all connections together */
    overallRate?: number
    /** seconds that one request may take */
    timeout?: number
  }
  export interface Result {
    /** milliseconds */
    latency: { p97_5: number; p99: number; max: number; average: number }
    requests: { average: number; total: number }
    '2xx': number
    non2xx: number
    errors: number
    timeouts: number
  }
  export default function autocannon(options: Options): Promise<Result>
}
