/** Rows of each legacy table as the generator makes them, before anything is deleted. */
export type DemoSizes = ReturnType<typeof demoSizes>

/** Files that are deleted at the source after the move. */
export const deletedFiles = [31, 62, 93, 124]

export const smallestDemo = 5_000

/**
 * Shares `rows` out over the legacy tables. Catalogues keep their size, the rest grows with `rows`; the audit log takes what
 * rounding leaves, so that the legacy database holds exactly `rows` rows in the end.
 * @throws RangeError when `rows` is no integer of at least 5,000, below which the planted defects would run into each other
 */
export function demoSizes(rows: number) {
  if (!Number.isSafeInteger(rows) || rows < smallestDemo) {
    throw new RangeError(`the demonstration needs a whole number of at least ${smallestDemo} rows, not ${rows}`)
  }
  const fixed = {
    office: 60, doctor: 120, procedure_catalog: 60, tag: 30, supplier: 40, laboratory: 30, message_template: 24, fax_queue: 25,
    tax_rate: 24, lab_order: 60, lab_order_item: 120, quote: 60, xray: 40, questionnaire: 60, referring_doctor: 60, waiting_entry: 40, reminder: 50, activity: 50,
  }
  const rest = rows - total(fixed)
  const share = (percent: number) => Math.floor((rest * percent) / 100)
  const growing = {
    patient: share(8), app_user: share(2), appointment: share(14), treatment: share(12), patient_tag: share(6), file: share(4),
    invoice: share(8), invoice_line: share(14), payment: share(7), message: share(7), notification: share(8), device: share(1),
    user_session: share(2),
  }
  return { ...fixed, ...growing, audit_log: rest - total(growing) + deletedFiles.length }
}

function total(sizes: Record<string, number>): number {
  return Object.values(sizes).reduce((sum, size) => sum + size, 0)
}
