import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Environment } from './service.js'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

/** Runs `migration-coverage` with these arguments, and nothing of the test's own environment; tells what it printed and ended with. */
export async function runCommand(args: readonly string[], environment: Environment = {}, cwd = tmpdir()): Promise<{ code: number; output: string; errors: string }> {
  const { PATH = '', HOME = '' } = process.env
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], { cwd, env: { PATH, HOME, ...environment } }, (error, output, errors) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output, errors })
    })
  })
}
