export const reportTypes = ['comprehensive', 'coverage', 'validation', 'executive', 'detailed'] as const
export type ReportType = (typeof reportTypes)[number]
export const reportFormats = ['json', 'html', 'markdown', 'csv'] as const
export type ReportFormat = (typeof reportFormats)[number]

export type Section = 'domains' | 'accounting' | 'checks' | 'differences' | 'tables' | 'columns' | 'reasons' | 'evidence' | 'scripts'

/** What each type holds beside the headline figures. */
export const sectionsOf: Record<ReportType, readonly Section[]> = {
  executive: ['domains', 'checks'],
  coverage: ['domains', 'accounting', 'tables', 'columns'],
  validation: ['checks', 'differences'],
  comprehensive: ['domains', 'accounting', 'checks', 'differences', 'tables', 'columns', 'reasons', 'evidence', 'scripts'],
  detailed: ['domains', 'accounting', 'checks', 'differences', 'tables', 'columns', 'reasons', 'evidence', 'scripts'],
}

/** An executive report stays on one page. */
export const executiveChecks = 10
/** Longer lists would make a document that no program opens well; what is left out is told. */
export const listLimit = 2000
export const differencesPerClass = 10
export const differencesLimit = 5000

/** How many rows that differ a report lists. */
export function differenceLimits(type: ReportType, includeDetails: boolean): { perClass: number; total: number } {
  if (!sectionsOf[type].includes('differences')) return { perClass: 0, total: 0 }
  if (includeDetails) return { perClass: differencesLimit, total: differencesLimit }
  return type === 'comprehensive' ? { perClass: 0, total: 0 } : { perClass: differencesPerClass, total: differencesLimit }
}
