import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { uniformAccounting } from '../../src/core/accounting.js'
import type { Priority, Snapshot } from '../../src/core/figures.js'
import { assessRisk } from '../../src/core/risk.js'

const entity = (name: string, priority: Priority) => ({ name, domain: 'd', priority, scripts: [] })

function figures(list: [name: string, scope: number, missing: number, differs?: number, unverified?: number, pending?: number][]): Map<string, Snapshot> {
  const zero = uniformAccounting(0)
  return new Map(list.map(([name, scope, missing, differs = 0, unverified = 0, pending = 0]) => {
    const source = { ...zero.source, total: scope, scope, missing, differs, unverified, pending, verified: scope - missing - differs - unverified - pending }
    return [name, { entity: name, verdict: 'fail', publishedAt: new Date(0), accounting: { source, target: zero.target } }]
  }))
}

describe('assessRisk', () => {
  it('weights rows by priority: (4·10 + 0.5·80) / (4·100 + 0.5·200) = 80 / 500', () => {
    expect(assessRisk([entity('a', 'critical'), entity('b', 'low')], figures([['a', 100, 4, 3, 2, 1], ['b', 200, 80]]))).toEqual({
      level: 'high',
      score: 0.16,
      reasons: ['a (d, critical): 4 missing, 3 differs, 2 unverified, 1 pending of 100 rows', 'b (d, low): 80 missing of 200 rows'],
    })
  })

  it('names the three largest contributors, largest first, then by name', () => {
    const entities = ['a', 'b', 'c', 'd', 'e'].map((name) => entity(name, name === 'e' ? 'high' : 'normal'))
    const { reasons } = assessRisk(entities, figures([['a', 100, 1], ['b', 100, 5], ['c', 100, 5], ['d', 100, 0], ['e', 100, 3]]))
    expect(reasons.map((reason) => reason.slice(0, 1))).toEqual(['e', 'b', 'c'])
  })

  it.each([[0, 'low'], [99, 'low'], [100, 'medium'], [499, 'medium'], [500, 'high']] as const)('%d of 10,000 rows: %s', (missing, level) => {
    expect(assessRisk([entity('a', 'normal')], figures([['a', 10_000, missing]]))).toMatchObject({ level, score: missing / 10_000 })
  })

  it('is never 0 while a row is at risk', () => {
    expect(assessRisk([entity('a', 'normal')], figures([['a', 1_000_000_000, 1]]))).toMatchObject({ level: 'low', score: 0.0001 })
  })

  it('is unknown while an entity has no figures, and still names what is known', () => {
    expect(assessRisk([entity('a', 'normal'), entity('b', 'normal')], figures([['a', 10, 1]]))).toEqual({
      level: 'unknown', score: null, reasons: ['1 of 2 entities have no complete figures', 'a (d, normal): 1 missing of 10 rows'],
    })
    expect(assessRisk([entity('a', 'normal')], figures([['a', 0, 0]]))).toEqual({ level: 'unknown', score: null, reasons: [] })
    expect(assessRisk([], new Map())).toEqual({ level: 'unknown', score: null, reasons: [] })
  })

  it('lies between 0 and 1 and does not depend on weights when all priorities are equal', () => {
    const counts = fc.array(fc.tuple(fc.integer({ min: 1, max: 1e12 }), fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(counts, (list) => {
        const current = figures(list.map(([scope, share], i) => [`e${i}`, scope, Math.floor(scope * share)]))
        const scores = (['critical', 'low'] as const).map((priority) => assessRisk(list.map((_, i) => entity(`e${i}`, priority)), current).score)
        expect(scores[0]).toBe(scores[1])
        expect(scores[0]).toBeGreaterThanOrEqual(0)
        expect(scores[0]).toBeLessThanOrEqual(1)
      }),
    )
  })
})
