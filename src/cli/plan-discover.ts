import { writeFile } from 'node:fs/promises'
import { loadConfig } from '../config.js'
import { openSource, openTargetReader } from '../db/clients.js'
import { discover } from '../plan/discover/discover.js'
import { writePlan } from '../plan/discover/write.js'

/**
 * Writes a first plan, found in both databases, to a file or to the standard output. Both databases are only read.
 * @throws Error without databases, for a file that is there already unless `force` is given, or the error of a database that cannot be read
 */
export async function planDiscoverCommand({ output, force = false }: { output?: string; force?: boolean }): Promise<void> {
  const { source: sourceOptions, target: targetOptions } = loadConfig()
  if (sourceOptions === null || targetOptions === null) throw new Error('no databases are configured: set the SOURCE_DB_ and TARGET_DB_ variables')
  // the file is made before anything is read, so that a name that is taken is told at once
  if (output !== undefined && !force) await createFile(output)
  const [source, target] = [openSource({ ...sourceOptions, maxConnections: 2 }), openTargetReader({ ...targetOptions, maxConnections: 2 })]
  try {
    const found = await discover(source, target)
    const text = writePlan(found)
    if (output === undefined) process.stdout.write(text)
    else await writeFile(output, text)
    console.error(`${found.source.asked()} statements on the source, ${found.target.asked()} on the target`)
  } finally {
    await Promise.all([source.end({ timeout: 5 }), target.end({ timeout: 5 })])
  }
}

async function createFile(path: string): Promise<void> {
  try {
    await writeFile(path, '', { flag: 'wx' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw new Error(`${path} is there already: name another file, or give --force to overwrite it`, { cause: error })
    throw error
  }
}
