export const reportTypes = ['comprehensive', 'coverage', 'validation', 'executive', 'detailed'] as const
export type ReportType = (typeof reportTypes)[number]
export const reportFormats = ['json', 'html', 'markdown', 'csv'] as const
export type ReportFormat = (typeof reportFormats)[number]

/** In the order in which a report shows them. */
export const sections = ['outlook', 'domains', 'trend', 'accounting', 'checks', 'differences', 'tables', 'columns', 'reasons', 'evidence', 'scripts', 'runs'] as const
export type Section = (typeof sections)[number]

const contents: Record<ReportType, { sections: readonly Section[]; withDetails: readonly Section[] }> = {
  executive: { sections: ['outlook', 'domains', 'trend', 'checks'], withDetails: [] },
  coverage: { sections: ['domains', 'trend', 'accounting', 'tables', 'columns'], withDetails: ['reasons', 'evidence'] },
  validation: { sections: ['checks', 'differences', 'evidence'], withDetails: [] },
  comprehensive: { sections, withDetails: [] },
  detailed: { sections, withDetails: [] },
}

/** What a report holds beside the headline figures, in the order of `sections`. */
export function sectionsOf(type: ReportType, includeDetails: boolean): Section[] {
  const { sections: always, withDetails } = contents[type]
  return sections.filter((section) => always.includes(section) || (includeDetails && withDetails.includes(section)))
}

/** An executive report stays short. */
export const executiveChecks = 10
/** Longer lists would make a document that no program opens well; what is left out is told. */
export const listLimit = 2000
export const differencesPerClass = 10
export const differencesLimit = 5000
/** The newest runs of a script that a report shows. */
export const runsPerScript = 20

/** How many snapshots a report lists; more than 200 cannot be told apart on paper. */
export function snapshotLimit(type: ReportType, includeDetails: boolean): number {
  return type === 'executive' && !includeDetails ? 12 : 200
}

/** How many checks that did not pass a report lists. */
export function checkLimit(type: ReportType, includeDetails: boolean): number {
  return type === 'executive' && !includeDetails ? executiveChecks : listLimit
}

/** How many rows that differ a report lists. */
export function differenceLimits(type: ReportType, includeDetails: boolean): { perClass: number; total: number } {
  if (!sectionsOf(type, includeDetails).includes('differences')) return { perClass: 0, total: 0 }
  if (includeDetails) return { perClass: differencesLimit, total: differencesLimit }
  return type === 'comprehensive' ? { perClass: 0, total: 0 } : { perClass: differencesPerClass, total: differencesLimit }
}
