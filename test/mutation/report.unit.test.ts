import { describe, expect, it } from 'vitest'
import { mergeReports, rangesOf, scoreTable, type Mutant } from '../../scripts/mutation-report.js'

const mutant = (line: number, status: string, replacement = 'true'): Mutant => ({ mutatorName: 'ConditionalExpression', replacement, status, location: { start: { line, column: 3 }, end: { line, column: 9 } } })
const report = (mutants: Mutant[], file = 'src/core/a.ts') => ({ files: { [file]: { source: '', mutants } } })

describe('two passes of a mutation test', () => {
  it('the second is over what the first did not find, each place once', () => {
    const first = report([mutant(1, 'Killed'), mutant(2, 'Survived'), mutant(2, 'NoCoverage', 'false'), mutant(3, 'Timeout'), mutant(4, 'RuntimeError'), mutant(5, 'Ignored'), mutant(6, 'NoCoverage')])
    expect(rangesOf(first, ['src/core/a.ts', 'src/core/without.ts'])).toEqual(['src/core/a.ts:2:2-2:8', 'src/core/a.ts:6:2-6:8'])
    expect(rangesOf(first, ['src/core/b.ts'])).toEqual([])
  })

  it('together they have found what one of them has; what could not be run again stays as it was', () => {
    const first = report([mutant(1, 'Killed'), mutant(2, 'Survived'), mutant(2, 'Survived', 'false'), mutant(3, 'NoCoverage'), mutant(4, 'Survived'), mutant(5, 'Survived')])
    const second = report([mutant(1, 'Survived'), mutant(2, 'Killed'), mutant(2, 'Survived', 'false'), mutant(3, 'Timeout'), mutant(4, 'RuntimeError')])
    expect(mergeReports(first, second).files['src/core/a.ts']?.mutants.map(({ status }) => status)).toEqual(['Killed', 'Killed', 'Survived', 'Timeout', 'Survived', 'Survived'])
    expect(mergeReports(first, null)).toEqual(first)
  })

  it('the score is found of counted; a score is floored, and a file without mutants has none', () => {
    const merged = { files: { ...report([mutant(1, 'Killed'), mutant(2, 'Timeout'), mutant(3, 'NoCoverage'), mutant(4, 'RuntimeError')]).files, ...report([mutant(1, 'Killed')], 'src/core/b.ts').files, ...report([], 'src/core/types.ts').files } }
    const { lines, percent } = scoreTable(merged)
    expect(lines.slice(2)).toEqual(['| src/core/b.ts | 1 | 1 | 0 | 100.0 % |', '| src/core/a.ts | 3 | 2 | 1 | 66.6 % |', '| all | 4 | 3 | 1 | 75.0 % |'])
    expect(percent).toBe(75)
    expect(scoreTable({ files: {} }).percent).toBe(0)
  })
})
