import { loadConfig } from '../config.js'
import { readGates } from '../coverage/gates.js'
import type { GateReport } from '../coverage/gates.js'
import { openTarget } from '../db/clients.js'
import { verifyMigrations } from '../db/migrate.js'
import { loadPlanFile } from '../plan/load.js'

/** Nobody can tell whether the limits hold: also what a wrong call ends with. */
export const unknownCode = 2
const exitCodes = { pass: 0, fail: 1, unknown: unknownCode }

/**
 * Prints each limit of the plan's gates with its measured figure. The exit code is 0 when all hold, 1 when one is not met, and 2 when nobody can tell: for want of
 * figures, or of anything that is needed to read them. Nothing is written and nothing compared.
 * @param path of the plan file; MIGRATION_PLAN unless given
 */
export async function gateCommand(path: string | undefined, { format }: { format: 'text' | 'json' }): Promise<void> {
  try {
    const report = await judge(path)
    process.stdout.write(format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : renderText(report))
    process.exitCode = exitCodes[report.verdict]
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\ngate unknown: nothing was judged`)
    process.exitCode = unknownCode
  }
}

async function judge(path: string | undefined): Promise<GateReport> {
  const { target: options, planPath } = loadConfig(undefined, { needsPlan: false })
  if (options === null) throw new Error('no target database is configured: set TARGET_DB_HOST and the other TARGET_DB_ variables')
  const file = path ?? planPath
  if (file === null) throw new Error('no plan is named: give its path, or set MIGRATION_PLAN')
  const plan = await loadPlanFile(file)
  const target = openTarget({ ...options, maxConnections: 1 })
  try {
    await verifyMigrations(target)
    const report = await readGates(target, plan, new Date())
    if (report === undefined) throw new Error(`${file} has no \`gates\`: write what must hold, for example\ngates: { minVerifiedPercent: 100, maxMissing: 0, maxDiffers: 0, maxExtra: 0, maxUncoveredTables: 0 }`)
    return report
  } finally {
    await target.end({ timeout: 5 })
  }
}

/** A line for each limit, those of one domain below its name, and a last line that says it all. */
function renderText({ verdict, limits, lastValidatedAt }: GateReport): string {
  const lines = limits.flatMap(({ domain, limit, asked, measured, verdict: own, detail }, index) => {
    const unit = limit === 'minVerifiedPercent' && measured !== null ? ' %' : ''
    const line = `  ${own.padEnd(7)}  ${limit} ${asked}: ${measured ?? 'not known'}${unit}${detail === null ? '' : ` (${detail})`}`
    return index === 0 || limits[index - 1]?.domain !== domain ? [domain === null ? 'whole migration' : `domain ${domain}`, line] : [line]
  })
  const having = (wanted: string) => limits.filter((judged) => judged.verdict === wanted).length
  const counts = `of ${limits.length} ${limits.length === 1 ? 'limit' : 'limits'}, ${having('pass')} passed, ${having('fail')} failed, ${having('unknown')} unknown`
  return [...lines, `gate ${verdict}: ${counts}; ${lastValidatedAt === null ? 'never validated' : `last validated ${lastValidatedAt.toISOString()}`}`, ''].join('\n')
}
