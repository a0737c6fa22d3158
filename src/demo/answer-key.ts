import { createHash } from 'node:crypto'
import { accountingVerdict, uniformAccounting, worstVerdict, type Accounting, type Verdict } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import { deletedFiles, demoSizes, type DemoSizes } from './sizes.js'

/**
 * A row that is not plainly verified and matched, and why; see sql/defects.sql for how it came about. Rows of the classes excluded
 * and generated, and merged rows that lose nothing (cause null), are as declared: a validation counts them and need not list them.
 */
export interface PlantedDifference {
  class: 'excluded' | 'accepted' | 'merged' | 'explained' | 'missing' | 'differs' | 'unverified' | 'duplicate' | 'generated' | 'extra'
  /** null for classes that have a reason, for duplicate, and for a merged row that loses nothing */
  cause: string | null
  /** the plan's reason, for excluded, accepted, explained and generated */
  reason: string | null
  /** key leg → legacy key as text; for a target row without one the modern key, null where that is NULL */
  key: Record<string, string | null>
  /** target columns that differ, in the plan's order; empty for other classes */
  columns: string[]
}

export interface EntityAnswer {
  domain: string
  /** of the figures and the totals */
  verdict: Verdict
  accounting: Accounting
  /** `column by columns` → verdict, of each total in the plan */
  totals: Record<string, Verdict>
  /** complete: nothing else may be reported */
  differences: PlantedDifference[]
}

export interface TableAnswer {
  side: Side
  table: string
  coverage: 'covered' | 'ignored' | 'uncovered'
  entities: string[]
  totalRows: number
  /** claimed by exactly one entity; no row is claimed by several */
  claimedOnce: number
  unclaimed: number
  ignoredRows: number
  verdict: Verdict
}

export interface AnswerKey {
  sourceRows: number
  targetRows: number
  entities: Record<string, EntityAnswer>
  tables: TableAnswer[]
}

/**
 * What a validation of the demonstration must find, exactly: every planted row by class, cause and key, and all figures.
 * @param rows of the legacy database in all, at least 5,000
 */
export function answerKey(rows: number): AnswerKey {
  const entities = expectedEntities(demoSizes(rows))
  const tables = expectedTables(demoSizes(rows), entities)
  const sumOf = (side: Side) => tables.filter((table) => table.side === side).reduce((sum, table) => sum + table.totalRows, 0)
  return { sourceRows: sumOf('source'), targetRows: sumOf('target'), entities, tables }
}

const apiAccounts = 6
/** of the years before 2021 */
const olderReminders = 24

function expectedEntities(size: DemoSizes): Record<string, EntityAnswer> {
  const staff = Math.floor(size.app_user / 4)
  const portal = size.app_user - staff - apiAccounts
  const id = (key: number) => ({ id: String(key) })
  const invalidOffices = range(1, size.office).filter((office) => office % 5 === 0)
  const foreignSuppliers = range(1, size.supplier).filter((supplier) => supplier % 10 !== 0)
  const newestInvoices = range(size.invoice - 3, size.invoice)

  return {
    offices: entity('business', size.office, [
      ...invalidOffices.map((key) => declared('excluded', 'office is not valid', id(key))),
      found('extra', 'excluded', id(15)),
    ]),
    invoices: entity('business', size.invoice, [
      ...newestInvoices.map((key) => found('missing', 'map leads nowhere', id(key))),
      ...range(1, 4).map((n) => found('extra', 'no map entry', { id: uuidOf(`invoice:test ${n}`) })),
    ], { 'net by currency, status': 'fail', 'total by currency, status': 'fail' }),
    invoice_lines: entity('business', size.invoice_line, []),
    payments: entity('business', size.payment, [17, 118, 219].map((key) => found('duplicate', null, { legacy_payment_id: String(key) }))),
    suppliers: entity('business', size.supplier, foreignSuppliers.map((key) => differs('value', { legacy_id: String(key) }, ['country_code']))),
    laboratories: entity('business', size.laboratory, []),
    tax_rates: entity('business', size.tax_rate, [
      ...['T007', 'T011'].map((code) => declared('accepted', 'capped below 1', { code })),
      differs('value', { code: 'T013' }, ['rate']),
    ]),
    lab_orders: entity('business', size.lab_order, [
      ...range(1, 3).map((key) => declared('accepted', 'the house account stands in for a doctor who is gone', id(key))),
      found('missing', 'no map entry', id(8)),
    ]),
    lab_order_items: entity('business', size.lab_order_item, [
      ...[15, 16].map((key) => found('missing', 'parent', { legacy_item_id: String(key) })),
      ...range(size.lab_order_item - 3, size.lab_order_item).map((key) => declared('explained', 'the order was deleted years ago', { legacy_item_id: String(key) })),
    ]),
    estimates: entity('business', size.quote, range(40, 59).map((key) => declared('explained', 'the doctor has no order at a laboratory', id(key))),
      { 'amount by currency, status': 'pass' }),

    doctors: entity('clinical', size.doctor, []),
    patients: entity('clinical', size.patient, [
      ...range(71, 82).map((key) => differs('value', id(key), ['suffix'])),
      ...range(size.patient - 1, size.patient).map((key) => found('missing', 'no map entry', id(key))),
    ]),
    procedures: entity('clinical', size.procedure_catalog, []),
    appointments: entity('clinical', size.appointment, range(101, 120).map((key) => declared('explained', 'archived by the retention job', id(key)))),
    treatments: entity('clinical', size.treatment, [
      ...range(21, 26).map((key) => differs('reference', id(key), ['doctor_id'])),
      ...range(31, 38).map((key) => differs('value', id(key), ['performed_at'])),
      differs('value', id(39), ['doctor_id', 'performed_at']),
    ]),
    tags: entity('clinical', size.tag, [found('missing', 'no map entry', id(30))]),
    patient_tags: entity('clinical', size.patient_tag, [
      ...[40, 80, 120].map((patient) => found('missing', 'leg tag_id', patientTag(patient, 30))),
      found('missing', 'plain', patientTag(50, 15)), found('missing', 'plain', patientTag(60, 16)),
      found('extra', 'ghost', patientTag(50, 25)), found('extra', 'ghost', patientTag(60, 26)),
    ]),
    documents: entity('clinical', size.file - deletedFiles.length, deletedFiles.map((key) => found('extra', 'ghost', id(key)))),
    patient_images: entity('clinical', size.xray, [found('missing', 'plain', patientImage(5, 106)), found('extra', 'ghost', patientImage(5, 107))]),
    questionnaires: entity('clinical', size.questionnaire, [
      ...range(11, 14).map((key) => declared('accepted', 'free text, kept as it is', id(key))),
      ...range(21, 23).map((key) => declared('accepted', 'cut off by the old form, emptied', id(key))),
      ...range(31, 34).map((key) => found('missing', 'no map entry', id(key))),
      ...[41, 42].map((key) => differs('value', id(key), ['answers'])),
    ]),
    // of the 20 that were entered twice, the odd ones survive by their second row, the even ones by their first
    referrers: entity('clinical', size.referring_doctor, [
      ...range(1, 20).map((person) => (person % 2 === 0 ? person + 40 : person)).filter((key) => ![7, 44, 50].includes(key)).map((key) => found('merged', null, id(key))),
      found('merged', 'conflict', id(44)),
      differs('value', id(47), ['phone']),
      found('unverified', 'survivor differs', id(7)),
      found('missing', 'no map entry', id(50)),
    ]),
    waiting_list: entity('clinical', size.waiting_entry, [3, 17].map((key) => differs('stale', id(key), ['updated_at', 'wish']))),

    portal_accounts: entity('communications', portal, [
      ...[7, 11].map((key) => found('missing', 'collapsed', id(key))),
      found('extra', 'unclaimed', id(8)),
    ]),
    messages: entity('communications', size.message, [
      ...range(51, 57).map((key) => found('missing', 'no map entry', id(key))),
      ...range(61, 69).map((key) => differs('value', id(key), ['subject'])),
    ]),
    message_templates: entity('communications', size.message_template, []),
    notifications: entity('communications', size.notification, [
      ...[...range(11, 22), 31, 32].map((key) => differs('reference', id(key), ['recipient_id'])),
      ...range(41, 45).map((key) => differs('value', id(key), ['channel'])),
    ]),
    reminders: entity('communications', size.reminder - olderReminders, []),
    activities: entity('communications', size.activity, [25, 26].map((key) => differs('reference', id(key), ['target_id']))),

    staff_members: entity('technical', staff, [
      declared('generated', 'system profile', { legacy_id: '-1' }),
      found('extra', 'no key', { legacy_id: null }),
    ]),
    devices: entity('technical', size.device, []),
    audit_entries: entity('technical', size.audit_log, []),
  }
}

/** Source table, entities that read it; the target tables are read off their entities. */
const sourceTables: Partial<Record<keyof DemoSizes, string[]>> = {
  office: ['offices'], invoice: ['invoices'], invoice_line: ['invoice_lines'], payment: ['payments'], supplier: ['suppliers'], laboratory: ['laboratories'],
  doctor: ['doctors'], patient: ['patients'], procedure_catalog: ['procedures'], appointment: ['appointments'], treatment: ['treatments'], tag: ['tags'],
  patient_tag: ['patient_tags'], file: ['documents'], app_user: ['portal_accounts', 'staff_members'], message: ['messages'], message_template: ['message_templates'],
  notification: ['notifications'], device: ['devices'], audit_log: ['audit_entries'], tax_rate: ['tax_rates'], lab_order: ['lab_orders'],
  lab_order_item: ['lab_order_items'], quote: ['estimates'], xray: ['patient_images'], questionnaire: ['questionnaires'], referring_doctor: ['referrers'],
  waiting_entry: ['waiting_list'], reminder: ['reminders'], activity: ['activities'],
}

/** Source table → rows that no entity claims. */
const unclaimedRows: Record<string, number> = { app_user: apiAccounts, reminder: olderReminders }

function expectedTables(size: DemoSizes, entities: Record<string, EntityAnswer>): TableAnswer[] {
  const claimed = (side: Side, names: string[]) => names.reduce((sum, name) => sum + (entities[name]?.accounting[side].total ?? 0), 0)
  const covered = (side: Side, table: string, names: string[], unclaimed = 0): TableAnswer => {
    const claimedOnce = claimed(side, names)
    return { side, table, coverage: 'covered', entities: names, totalRows: claimedOnce + unclaimed, claimedOnce, unclaimed, ignoredRows: 0,
      verdict: unclaimed === 0 ? 'pass' : 'fail' }
  }
  const ignored = (side: Side, table: string, totalRows: number): TableAnswer =>
    ({ side, table, coverage: 'ignored', entities: [], totalRows, claimedOnce: 0, unclaimed: 0, ignoredRows: totalRows, verdict: 'pass' })
  const uncovered = (side: Side, table: string, totalRows: number): TableAnswer =>
    ({ side, table, coverage: 'uncovered', entities: [], totalRows, claimedOnce: 0, unclaimed: totalRows, ignoredRows: 0, verdict: 'warn' })

  const partners = ['laboratories', 'suppliers']
  return [
    ...Object.entries(sourceTables).map(([table, names]) => covered('source', table, names, unclaimedRows[table])),
    ignored('source', 'user_session', size.user_session),
    uncovered('source', 'fax_queue', size.fax_queue),
    ...Object.keys(entities).filter((name) => !partners.includes(name)).map((name) => covered('target', name, [name])),
    covered('target', 'business_partners', partners, 2),
    ignored('target', 'migration_mappings', mappedRows(size)),
    ignored('target', 'outbox_event', 20),
    uncovered('target', 'feature_flag', 3),
  ]
}

function mappedRows(size: DemoSizes): number {
  const portal = size.app_user - Math.floor(size.app_user / 4) - apiAccounts
  const whole = size.doctor + size.treatment + size.file + size.invoice + size.message_template + size.notification + size.audit_log
  // without entry: two patients, twenty appointments, one tag, seven messages, an order, twenty quotes, four questionnaires, a referrer
  const parts = (size.patient - 2) + (size.appointment - 20) + (size.tag - 1) + (size.message - 7) + (size.lab_order - 1) + (size.quote - 20) + (size.questionnaire - 4) + (size.referring_doctor - 1)
  // one entry too many: the portal account of a staff member
  return whole + parts + (portal + 1)
}

/** The figures follow from the planted rows: every other row of the source is verified and has its match. */
function entity(domain: string, sourceTotal: number, differences: PlantedDifference[], totals: Record<string, Verdict> = {}): EntityAnswer {
  const rows = (name: PlantedDifference['class']) => differences.filter((difference) => difference.class === name).length
  const accounting = uniformAccounting(0)
  const { source, target } = accounting
  source.total = sourceTotal
  source.excluded = rows('excluded')
  source.scope = sourceTotal - source.excluded
  source.accepted = rows('accepted')
  source.differs = rows('differs')
  source.merged = rows('merged')
  source.explained = rows('explained')
  source.missing = rows('missing')
  source.unverified = rows('unverified')
  source.verified = source.scope - source.accepted - source.differs - source.merged - source.explained - source.missing - source.unverified
  target.matched = source.verified + source.accepted + source.differs
  target.duplicate = rows('duplicate')
  target.generated = rows('generated')
  target.extra = rows('extra')
  target.total = target.matched + target.duplicate + target.generated + target.extra
  return { domain, verdict: worstVerdict([accountingVerdict(accounting), ...Object.values(totals)]), accounting, totals, differences }
}

function found(kind: 'merged' | 'missing' | 'unverified' | 'duplicate' | 'extra', cause: string | null, key: Record<string, string | null>): PlantedDifference {
  return { class: kind, cause, reason: null, key, columns: [] }
}

function declared(kind: 'excluded' | 'accepted' | 'explained' | 'generated', reason: string, key: Record<string, string | null>): PlantedDifference {
  return { class: kind, cause: null, reason, key, columns: [] }
}

function differs(cause: 'reference' | 'value' | 'stale', key: Record<string, string | null>, columns: string[]): PlantedDifference {
  return { class: 'differs', cause, reason: null, key, columns }
}

function patientTag(patient: number, tag: number) {
  return { patient_id: String(patient), tag_id: String(tag) }
}

function patientImage(image: number, patient: number) {
  return { legacy_image_id: String(image), patient_id: String(patient) }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** The md5 of a text in the form of a UUID, as `md5(text)::uuid` gives it. */
function uuidOf(text: string): string {
  return createHash('md5').update(text).digest('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
