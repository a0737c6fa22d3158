import pino from 'pino'
import { loadConfig } from '../config.js'
import { openTarget } from '../db/clients.js'
import { migrate } from '../db/migrate.js'
import { openQueue } from '../jobs/queue.js'

/**
 * Creates or upgrades the tracking schema and the queue's schema in the target database.
 * @throws Error without a configured target, or the database's error
 */
export async function migrateCommand(): Promise<void> {
  const { target: options } = loadConfig()
  if (options === null) throw new Error('no target database is configured: set TARGET_DB_HOST and the other TARGET_DB_ variables')
  const target = openTarget(options)
  try {
    const { applied } = await migrate(target)
    const queue = await openQueue(target, { log: pino({ level: 'warn' }), migrate: true })
    await queue.stop()
    console.log(applied.length === 0 ? 'the tracking schema is up to date' : `applied ${applied.join(', ')}`)
  } finally {
    await target.end({ timeout: 5 })
  }
}
