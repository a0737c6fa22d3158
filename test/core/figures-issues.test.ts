import { describe, expect, it } from 'vitest'
import { uniformAccounting } from '../../src/core/accounting.js'
import type { Accounting, Verdict } from '../../src/core/accounting.js'
import { issuesOf } from '../../src/core/issues.js'

const zero = uniformAccounting(0)
const snapshot = (verdict: Verdict, source: Partial<Accounting['source']>, target: Partial<Accounting['target']> = {}, note: string | null = null) => ({
  entity: 'a', jobId: 'j', publishedAt: new Date(0), verdict, note, accounting: { source: { ...zero.source, scope: 1, ...source }, target: { ...zero.target, ...target } },
})
const brief = (...given: Parameters<typeof snapshot>) => issuesOf('a', snapshot(...given)).map(({ severity, class: name, rows, message }) => [severity, name, rows, message])

describe('issuesOf', () => {
  it('has none for an entity that passes', () => expect(brief('pass', { verified: 1 })).toEqual([]))

  it('lists every class that keeps it from passing, worst first', () => {
    expect(brief('fail', { accepted: 1, missing: 2, differs: 3, unverified: 4, pending: 5, explained: 6 }, { duplicate: 7, extra: 8 })).toEqual([
      ['critical', 'missing', 2, 'rows of a that did not arrive: 2'],
      ['critical', 'differs', 3, 'rows of a that arrived with other values: 3'],
      ['critical', 'duplicate', 7, 'rows of a that stand in the target more than once: 7'],
      ['critical', 'extra', 8, 'rows of a that stand in the target without a source: 8'],
      ['warning', 'unverified', 4, 'rows of a that could not be compared: 4'],
      ['warning', 'pending', 5, 'rows of a that changed while they were compared: 5'],
      ['info', 'explained', 6, 'rows of a that did not arrive for a declared reason: 6'],
      ['info', 'accepted', 1, 'rows of a that hold a declared stand-in value: 1'],
    ])
  })

  it('tells rows that only the target could not compare', () => {
    expect(brief('unknown', {}, { unverified: 2, pending: 1 })).toEqual([
      ['warning', 'unverified', 2, 'rows of the target of a that could not be compared: 2'],
      ['warning', 'pending', 1, 'rows of the target of a that changed while they were compared: 1'],
    ])
  })

  it('tells what could not be counted, with the note of the run, and an empty scope', () => {
    expect(brief('unknown', uniformAccounting(null).source, uniformAccounting(null).target, 'the target table is absent')).toEqual([
      ['warning', null, null, 'some rows of a could not be counted: the target table is absent'],
    ])
    expect(brief('warn', { scope: 0 })).toEqual([['warning', null, null, 'no row of a is in scope']])
  })

  it('points to the checks when the verdict is worse than the rows', () => {
    expect(brief('fail', { verified: 1 })).toEqual([['critical', null, null, 'a check of a has the verdict fail']])
    expect(brief('warn', { verified: 1 })).toEqual([['warning', null, null, 'a check of a has the verdict warn']])
    expect(brief('warn', { explained: 1 })).toHaveLength(1)
  })

  it('says of an entity without figures that it was never validated, and how to change that', () => {
    expect(issuesOf('a', undefined)).toEqual([{ entity: 'a', severity: 'warning', class: null, rows: null, message: 'a was never validated', recommendation: 'validate a: POST /validation/run' }])
  })

  it('tells a pair that both sides class alike once, and a failing check before what is only a warning', () => {
    expect(brief('fail', { unverified: 2, explained: 1 }, { unverified: 2 })).toEqual([
      ['critical', null, null, 'a check of a has the verdict fail'], ['warning', 'unverified', 2, 'rows of a that could not be compared: 2'], ['info', 'explained', 1, 'rows of a that did not arrive for a declared reason: 1'],
    ])
    expect(brief('unknown', uniformAccounting(null).source, uniformAccounting(null).target)).toEqual([['warning', null, null, 'some rows of a could not be counted']])
  })

  it('says what to do', () => {
    const advice = (...given: Parameters<typeof snapshot>) => issuesOf('a', snapshot(...given)).map(({ recommendation }) => recommendation)
    expect([advice('warn', { scope: 0 }), advice('fail', { verified: 1 })]).toEqual([['look at the predicates of a in the plan'], ['read the checks of a: GET /validation/results/j']])
  })

  it('escapes the name in the address', () => {
    const odd = issuesOf('a&b=c', { ...snapshot('fail', { missing: 1 }), entity: 'a&b=c' })
    expect(odd[0]?.recommendation).toBe('list the missing rows of a&b=c: GET /validation/results/j/differences?entity=a%26b%3Dc&class=missing')
  })
})
