import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { loadConfig } from '../config.js'
import { openSource, openTargetReader } from '../db/clients.js'
import { discover } from '../plan/discover/discover.js'
import { writePlan } from '../plan/discover/write.js'

/** A table that takes longer is left out, and said so. */
const statementTimeoutMs = 15_000

/**
 * Writes a first plan, found in both databases, to a file or to the standard output. Both databases are only read.
 * @throws Error without databases, for a file that is there already unless `force` is given, or the error of a database that cannot be read
 */
export async function planDiscoverCommand({ output, force = false }: { output?: string; force?: boolean }): Promise<void> {
  const { source: sourceOptions, target: targetOptions } = loadConfig(undefined, { needsPlan: false })
  if (sourceOptions === null || targetOptions === null) throw new Error('no databases are configured: set SOURCE_DATABASE_URL and TARGET_DATABASE_URL, or the SOURCE_DB_ and TARGET_DB_ variables')
  if (output !== undefined && !force && existsSync(output)) throw new Error(taken(output))
  const [source, target] = [openSource({ ...sourceOptions, maxConnections: 1, statementTimeoutMs }), openTargetReader({ ...targetOptions, maxConnections: 1, statementTimeoutMs })]
  try {
    const found = await discover(source, target)
    const text = writePlan(found)
    if (output === undefined) process.stdout.write(text)
    else await save(output, text, force)
    console.error(`${found.source.asked()} statements on the source, ${found.target.asked()} on the target`)
  } finally {
    await Promise.all([source.end({ timeout: 5 }), target.end({ timeout: 5 })])
  }
}

const taken = (path: string): string => `${path} is there already: name another file, or give --force to overwrite it`

async function save(path: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    // made by somebody else meanwhile
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw new Error(taken(path), { cause: error })
    throw error
  }
}
