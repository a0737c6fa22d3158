import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { DatabaseOptions } from '../../src/db/clients.js'
import { createPair, type Pair } from './compare.js'

/** Dumps of two real migrations lie beside the project; where they are not, as on a user's machine, only CI insists on them. */
const data = resolve(import.meta.dirname, '../../../shared/data')
export const areDumpsAvailable = existsSync(data)
if (!areDumpsAvailable && process.env['CI'] === 'true') throw new Error(`the data of real migrations is missing: ${data}`)

const run = promisify(execFile)

async function restore(dump: string, { host, port, user, password, database }: DatabaseOptions): Promise<void> {
  await run('bash', ['-c', 'set -o pipefail; zcat "$DUMP" | psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 > /dev/null'], {
    env: { ...process.env, DUMP: dump, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database },
  })
}

/** Both sides of a real migration, `chinook` or `pagila`, in databases of their own. */
export async function restorePair(name: string): Promise<Pair> {
  const pair = await createPair()
  await Promise.all([restore(join(data, name, 'source.sql.gz'), pair.source.options), restore(join(data, name, 'target.sql.gz'), pair.target.options)])
  return pair
}

/** The plan of a real migration as it was written by hand. */
export const readHandPlan = (name: string): Promise<string> => readFile(join(import.meta.dirname, `../data/${name}.plan.yaml`), 'utf8')
