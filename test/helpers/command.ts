import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { TestDatabase } from './postgres.js'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface CommandResult {
  code: number
  stdout: string
  stderr: string
}

/** Runs `migration-coverage` with these arguments in a folder, with nothing of the test run's own environment. */
export function runCommand(directory: string, args: string[], environment: Record<string, string>): Promise<CommandResult> {
  const { PATH = '', HOME = '' } = process.env
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], { cwd: directory, env: { PATH, HOME, ...environment } }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

/** The variables that name the two databases. */
export function databaseVariables(source: TestDatabase, target: TestDatabase): Record<string, string> {
  const of = (prefix: string, { options }: TestDatabase) => ({
    [`${prefix}HOST`]: options.host, [`${prefix}PORT`]: String(options.port), [`${prefix}NAME`]: options.database, [`${prefix}USER`]: options.user, [`${prefix}PASSWORD`]: options.password,
  })
  return { ...of('SOURCE_DB_', source), ...of('TARGET_DB_', target) }
}
