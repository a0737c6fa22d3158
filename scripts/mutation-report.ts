/** The parts of a mutation report (the format of mutation-testing-elements) that are read here. */
export interface Mutant {
  mutatorName: string
  replacement: string
  status: string
  location: { start: Place; end: Place }
  static?: boolean
}

interface Place {
  line: number
  column: number
}

export interface MutationReport {
  files: Record<string, { source: string; mutants: Mutant[] }>
}

/** A mutant that stops the tests with an error of the test runner itself, or is ignored, counts neither way. */
const countedStatuses = ['Killed', 'Timeout', 'Survived', 'NoCoverage']

export const isFound = ({ status }: Mutant): boolean => status === 'Killed' || status === 'Timeout'

/** Where a mutant stands and what it puts there: the same in two reports of the same source. */
export function keyOf({ mutatorName, replacement, location: { start, end } }: Mutant): string {
  return `${start.line}:${start.column}-${end.line}:${end.column} ${mutatorName} ${replacement}`
}

/** The places of all mutants that were not found in these files, as Stryker's `mutate` takes them. */
export function rangesOf(report: MutationReport, files: readonly string[]): string[] {
  const ranges = files.flatMap((file) => (report.files[file]?.mutants ?? []).filter((mutant) => countedStatuses.includes(mutant.status) && !isFound(mutant)).map(({ location: { start, end } }) => `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`))
  return [...new Set(ranges)]
}

/** The first report with what the second one found beyond it. */
export function mergeReports(first: MutationReport, second: MutationReport | null): MutationReport {
  return {
    ...first,
    files: Object.fromEntries(Object.entries(first.files).map(([file, { source, mutants }]) => {
      const later = new Map((second?.files[file]?.mutants ?? []).map((mutant) => [keyOf(mutant), mutant]))
      return [file, { source, mutants: mutants.map((mutant) => {
        const again = later.get(keyOf(mutant))
        return isFound(mutant) || again === undefined || !countedStatuses.includes(again.status) ? mutant : again
      }) }]
    })),
  }
}

/** A line for each file, worst last, and one for all; percent: found of all that were counted. */
export function scoreTable(report: MutationReport): { lines: string[]; percent: number } {
  const rows = Object.entries(report.files).map(([file, { mutants }]) => {
    const counted = mutants.filter(({ status }) => countedStatuses.includes(status))
    return { file, mutants: counted.length, found: counted.filter(isFound).length }
  }).filter(({ mutants }) => mutants > 0)
  const all = rows.reduce((sum, { mutants, found }) => ({ file: 'all', mutants: sum.mutants + mutants, found: sum.found + found }), { file: 'all', mutants: 0, found: 0 })
  const share = ({ mutants, found }: { mutants: number; found: number }) => (mutants === 0 ? 0 : (100 * found) / mutants)
  const lines = [...rows.sort((left, right) => share(right) - share(left)), all].map((row) => `| ${row.file} | ${row.mutants} | ${row.found} | ${row.mutants - row.found} | ${(Math.floor(share(row) * 10) / 10).toFixed(1)} % |`)
  return { lines: ['| file | mutants | found | not found | score |', '|---|---|---|---|---|', ...lines], percent: share(all) }
}
