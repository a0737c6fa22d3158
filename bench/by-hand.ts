import { spawn } from 'node:child_process'
import type { DatabaseOptions } from '../src/db/clients.js'
import { fromOf } from './candidates.js'
import { columns, keys, type Case } from './tables.js'

/** The script that a careful engineer would write: two ordered streams of keys and digests, both at once, compared line by line. */
export function copyStatement(one: Case, side: 'source' | 'target'): string {
  const { sortable, order } = keys[one.key]
  return `copy (select ${sortable}, md5(row(${Object.keys(columns).join(', ')})::text) from ${fromOf(one, side)} order by ${order}) to stdout`
}

// rows without a key stand at the end of one stream, in any order among themselves: the order is not checked, the number of lines is
const script = `set -o pipefail
comm -3 --nocheck-order <(psql -XqAt "$SOURCE" -c "$SOURCE_COPY") <(psql -XqAt "$TARGET" -c "$TARGET_COPY")`

const connection = ({ host, port, database, user }: DatabaseOptions) => `host=${host} port=${port} dbname=${database} user=${user}`

/**
 * Runs the script.
 * @returns how many lines stand on one side alone
 * @throws Error when psql, comm or bash is not there or fails
 */
export async function runByHand(source: DatabaseOptions, target: DatabaseOptions, one: Case): Promise<number> {
  const child = spawn('bash', ['-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'], LC_ALL: 'C', PGPASSWORD: source.password, PGOPTIONS: '-c timezone=UTC -c extra_float_digits=3 -c jit=off -c work_mem=256MB -c max_parallel_workers_per_gather=0',
      SOURCE: connection(source), TARGET: connection(target), SOURCE_COPY: copyStatement(one, 'source'), TARGET_COPY: copyStatement(one, 'target'),
    },
  })
  let lines = 0
  let complaints = ''
  child.stdout.on('data', (chunk: Buffer) => { for (const byte of chunk) if (byte === 10) lines += 1 })
  child.stderr.on('data', (chunk: Buffer) => { complaints += chunk.toString() })
  const code = await new Promise<number | null>((resolve, reject) => { child.once('error', reject).once('close', resolve) })
  if (code !== 0 || complaints !== '') throw new Error(`the script by hand ended with ${code}: ${complaints}`)
  return lines
}
