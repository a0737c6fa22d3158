import { createHash } from 'node:crypto'
import type { Db } from '../db/clients.js'
import { addCounts, arrivedRows } from '../core/accounting.js'
import { answerKey, type AnswerKey } from './answer-key.js'

type RunStatus = 'completed' | 'failed' | 'rolled_back'

interface DemoRun {
  script: string
  status: RunStatus
  /** entities whose rows the run moved; its counts follow from the answer key */
  entities: string[]
  /** share of the rows it got through before it ended, 0–1 */
  done: number
  /** minutes after the start of the migration weekend */
  startMinute: number
  durationSeconds: number
  /** version of the script file */
  version: number
  message: string | null
}

const weekend = Date.UTC(2025, 2, 8, 18)

const run = (script: string, entities: string[], startMinute: number, durationSeconds: number, rest: Partial<DemoRun> = {}): DemoRun =>
  ({ script, status: 'completed', entities, done: 1, startMinute, durationSeconds, version: 1, message: null, ...rest })

/**
 * The runs of the migration weekend. migrate-templates was edited and ran again after it had completed (drift),
 * migrate-offices ran again unedited, migrate-messages failed in the end, remove-landing-schema is still to come and has no run.
 */
const runs: DemoRun[] = [
  run('prepare-schema', [], 0, 14),
  run('migrate-offices', ['offices'], 2, 3),
  run('migrate-doctors', ['doctors'], 4, 4),
  run('migrate-patients', ['patients'], 10, 41, { status: 'rolled_back', done: 0.4, message: 'unknown code 4 in patient.sex' }),
  run('migrate-patients', ['patients'], 35, 96, { version: 2 }),
  run('migrate-staff', ['staff_members'], 40, 12),
  run('migrate-portal-accounts', ['portal_accounts'], 42, 18, { message: 'accounts with the same e-mail merged' }),
  run('migrate-procedures', ['procedures'], 45, 2),
  run('migrate-tags', ['tags', 'patient_tags'], 46, 55, { message: 'tag 30 skipped: label is no longer allowed' }),
  run('migrate-templates', ['message_templates'], 48, 1),
  run('migrate-appointments', ['appointments'], 50, 170),
  run('migrate-treatments', ['treatments'], 55, 144),
  run('migrate-documents', ['documents'], 60, 63),
  run('migrate-invoices', ['invoices'], 65, 88),
  run('migrate-invoice-lines', ['invoice_lines'], 70, 151),
  run('migrate-payments', ['payments'], 75, 70, { message: 'one batch was repeated after a lost connection' }),
  run('migrate-suppliers', ['suppliers'], 80, 2),
  run('migrate-laboratories', ['laboratories'], 81, 2),
  run('migrate-messages', ['messages'], 85, 74, { status: 'failed', message: 'seven messages rejected: invalid attachment list' }),
  run('migrate-notifications', ['notifications'], 90, 91),
  run('migrate-devices', ['devices'], 95, 9),
  run('migrate-audit-log', ['audit_entries'], 100, 35, { status: 'failed', done: 0.5, message: 'connection to the source lost' }),
  run('migrate-audit-log', ['audit_entries'], 110, 68),
  run('migrate-offices', ['offices'], 125, 3, { message: 'repeated after office 15 was noticed; nothing new' }),
  run('migrate-templates', ['message_templates'], 130, 1, { version: 2 }),
  run('migrate-tax-rates', ['tax_rates'], 131, 1, { message: 'two rates capped below 1' }),
  run('migrate-lab-orders', ['lab_orders', 'lab_order_items'], 132, 7, { message: 'order 8 rejected: its price is disputed' }),
  run('migrate-estimates', ['estimates'], 133, 4),
  run('migrate-images', ['patient_images'], 134, 3),
  run('migrate-questionnaires', ['questionnaires'], 135, 5, { message: 'four questionnaires rejected: unexpected end of JSON' }),
  run('migrate-referrers', ['referrers'], 136, 4, { message: 'referrers with the same e-mail merged' }),
  run('migrate-waiting-list', ['waiting_list'], 137, 2),
  run('migrate-reminders', ['reminders'], 138, 2),
  run('migrate-activities', ['activities'], 139, 2),
]

/**
 * Records the runs of the demonstration's migration scripts. Ids, times and counts are the same every time, so a repetition changes nothing.
 * @param sql a client of the target, whose tracking schema is migrated
 * @param rows of the legacy database in all
 * @returns the number of runs that were new
 */
export async function recordRuns(sql: Db, rows: number): Promise<number> {
  const key = answerKey(rows)
  const records = runs.map((entry, index) => recordOf(entry, index, key))
  const inserted = await sql`insert into migration_coverage.script_run ${sql(records)} on conflict (run_id) do nothing`
  return inserted.count
}

function recordOf({ script, status, entities, done, startMinute, durationSeconds, version, message }: DemoRun, index: number, key: AnswerKey) {
  const figures = entities.map((name) => {
    const answer = key.entities[name]
    if (answer === undefined) throw new Error(`the run of ${script} names the unknown entity ${name}`)
    return answer.accounting
  })
  const scope = addCounts(...figures.map(({ source }) => source.scope)) ?? 0
  const arrived = addCounts(...figures.map(arrivedRows)) ?? 0
  const processed = Math.floor(scope * done)
  const succeeded = status === 'rolled_back' ? 0 : Math.min(processed, arrived)
  const startedAt = new Date(weekend + startMinute * 60_000)
  const finishedAt = new Date(startedAt.getTime() + durationSeconds * 1000)
  return {
    run_id: digest('md5', `demo run ${index} ${script}`).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    script, status, records_processed: processed, records_succeeded: succeeded, records_failed: processed - succeeded,
    checksum: digest('sha256', `${script} version ${version}`), message, started_at: startedAt, updated_at: finishedAt, finished_at: finishedAt,
  }
}

function digest(algorithm: 'md5' | 'sha256', text: string): string {
  return createHash(algorithm).update(text).digest('hex')
}
