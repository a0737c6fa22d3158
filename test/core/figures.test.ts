import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arrivedRows, uniformAccounting, verifiedRows } from '../../src/core/accounting.js'
import { newest, notInPlan, outlinePlan, progressByEntity, rollUp, rollUpOverTime, staleReason, throughputPerSecond } from '../../src/core/figures.js'
import type { ScriptFigures, Snapshot } from '../../src/core/figures.js'

const day = (n: number) => new Date(Date.UTC(2026, 10, n))

function snapshot(entity: string, publishedAt: Date, scope: number | null, verified: number | null, differs: number | null = 0): Snapshot {
  const zero = uniformAccounting(0)
  const missing = scope === null || verified === null || differs === null ? null : scope - verified - differs
  return { entity, publishedAt, verdict: 'pass', accounting: { source: { ...zero.source, total: scope, scope, verified, differs, missing }, target: zero.target } }
}

const progress = (snapshots: Snapshot[]) =>
  snapshots.map(({ entity, publishedAt, accounting }) => ({
    entity, publishedAt, scope: accounting.source.scope, arrived: arrivedRows(accounting), verified: verifiedRows(accounting),
  }))

describe('outlinePlan', () => {
  it('lists domains, entities and scripts in the order of the file, each script once', () => {
    const outline = outlinePlan({
      domains: { clinical: { description: 'Patients', priority: 'critical' }, empty: null },
      entities: {
        patients: { domain: 'clinical', script: ['migrate-people', 'migrate-patients'] },
        doctors: { domain: 'clinical', script: 'migrate-people' },
        stray: { domain: 'undeclared' },
      },
      scripts: { 'migrate-people': {}, seed: {} },
    })
    const patients = { name: 'patients', domain: 'clinical', priority: 'critical', scripts: ['migrate-people', 'migrate-patients'] }
    const doctors = { name: 'doctors', domain: 'clinical', priority: 'critical', scripts: ['migrate-people'] }
    const stray = { name: 'stray', domain: 'undeclared', priority: 'normal', scripts: [] }
    expect(outline).toEqual({
      domains: [
        { name: 'clinical', description: 'Patients', priority: 'critical', entities: [patients, doctors], scripts: ['migrate-people', 'migrate-patients'] },
        { name: 'empty', description: null, priority: 'normal', entities: [], scripts: [] },
        { name: 'undeclared', description: null, priority: 'normal', entities: [stray], scripts: [] },
      ],
      entities: [patients, doctors, stray],
      scripts: ['migrate-people', 'migrate-patients', 'seed'],
    })
  })
})

describe('rollUp', () => {
  it('adds deliveries and takes the worst verdict', () => {
    const current = new Map([['a', snapshot('a', day(1), 10, 9)], ['b', { ...snapshot('b', day(1), 5, 5), verdict: 'warn' as const }]])
    const sum = rollUp([{ name: 'a' }, { name: 'b' }], current)
    expect(sum.accounting.source).toMatchObject({ scope: 15, verified: 14, missing: 1 })
    expect(sum).toMatchObject({ verdict: 'warn', entities: 2, entitiesCounted: 2 })
  })

  it('is null and unknown as soon as one entity was never validated, and says how many were counted', () => {
    const sum = rollUp([{ name: 'a' }, { name: 'never' }], new Map([['a', snapshot('a', day(1), 10, 10)]]))
    expect(sum).toEqual({ accounting: uniformAccounting(null), verdict: 'unknown', entities: 2, entitiesCounted: 1 })
  })

  it('adds nothing to zeros, and nothing examined is unknown', () => {
    expect(rollUp([], new Map())).toEqual({ accounting: uniformAccounting(0), verdict: 'unknown', entities: 0, entitiesCounted: 0 })
  })
})

describe('rollUpOverTime', () => {
  it('carries each entity forward, and starts when all are counted', () => {
    const history = [snapshot('a', day(1), 10, 2), snapshot('b', day(2), 20, 10, 4), snapshot('a', day(3), 12, 6), snapshot('other', day(3), 99, 99)]
    expect(rollUpOverTime([{ name: 'a' }, { name: 'b' }], progress(history))).toEqual([
      { at: day(2), scope: 30, arrived: 16, verified: 12 },
      { at: day(3), scope: 32, arrived: 20, verified: 16 },
    ])
  })

  it('gives one point for entities published together, and none while one could not be counted', () => {
    const history = [snapshot('a', day(1), 10, 10), snapshot('b', day(1), 20, 20), snapshot('b', day(2), null, null), snapshot('b', day(3), 20, 19)]
    expect(rollUpOverTime([{ name: 'a' }, { name: 'b' }], progress(history)).map(({ at, verified }) => [at, verified])).toEqual([
      [day(1), 30],
      [day(3), 29],
    ])
  })

  it('equals the sum of the newest snapshots, taken anew at each instant', () => {
    const arbitrary = fc.array(
      fc.record({ entity: fc.constantFrom('a', 'b', 'c'), at: fc.integer({ min: 1, max: 6 }), scope: fc.option(fc.nat(1000)), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(arbitrary, (drawn) => {
        const unique = [...new Map(drawn.map((one) => [`${one.entity} ${one.at}`, one])).values()]
        const history = unique.map(({ entity, at, scope, share }) => snapshot(entity, day(at), scope, scope === null ? null : Math.floor(scope * share)))
        const entities = [{ name: 'a' }, { name: 'b' }]
        const naive = [...new Set(history.filter(({ entity }) => entity !== 'c').map(({ publishedAt }) => publishedAt.getTime()))]
          .sort((a, b) => a - b)
          .flatMap((at) => {
            const current = new Map<string, Snapshot>()
            for (const one of [...history].sort((a, b) => a.publishedAt.getTime() - b.publishedAt.getTime())) if (one.publishedAt.getTime() <= at) current.set(one.entity, one)
            const { scope, verified } = rollUp(entities, current).accounting.source
            return scope === null ? [] : [{ at: new Date(at), scope, verified, arrived: verified }]
          })
        expect(rollUpOverTime(entities, progress(history))).toEqual(naive)
      }),
    )
  })

  it('has no point at an instant at which only a part of an entity was counted', () => {
    const at = { entity: 'a', publishedAt: day(1), scope: 3, arrived: 2, verified: 1 }
    for (const lacking of ['scope', 'arrived', 'verified']) expect(rollUpOverTime([{ name: 'a' }], [{ ...at, [lacking]: null }])).toEqual([])
    expect(rollUpOverTime([{ name: 'a' }], [at])).toEqual([{ at: day(1), scope: 3, arrived: 2, verified: 1 }])
  })

  it('refuses a sum that a number cannot hold exactly', () => {
    const history = [snapshot('a', day(1), Number.MAX_SAFE_INTEGER, 0), snapshot('b', day(1), 1, 0)]
    expect(() => rollUpOverTime([{ name: 'a' }, { name: 'b' }], progress(history))).toThrow(RangeError)
  })
})

const run = (script: string, more: Partial<ScriptFigures>): ScriptFigures => ({
  script, updatedAt: day(1), lastFinishedAt: day(1), lastCompletedAt: day(1), recordsProcessed: null, seconds: null, ...more,
})

describe('throughputPerSecond', () => {
  it('is records over seconds of the completed runs of all scripts, floored', () => {
    expect(throughputPerSecond([run('a', { recordsProcessed: 100, seconds: 2 }), run('b', { recordsProcessed: 100, seconds: 1 }), run('c', {})])).toBe(66.66)
  })
  it('leaves out a run of which only the records or only the time is known', () => {
    expect(throughputPerSecond([run('a', { recordsProcessed: 100, seconds: 2 }), run('b', { recordsProcessed: 1000 }), run('c', { seconds: 98 })])).toBe(50)
  })
  it('is null without a run that took time', () => {
    expect(throughputPerSecond([])).toBeNull()
    expect(throughputPerSecond([run('a', {})])).toBeNull()
    expect(throughputPerSecond([run('a', { recordsProcessed: 5, seconds: 0 })])).toBeNull()
  })
})

describe('staleReason', () => {
  const entity = (name: string, ...scripts: string[]) => ({ name, domain: 'd', priority: 'normal' as const, scripts })
  const now = day(10)
  it('is null within 24 hours, the 24th included', () => {
    expect(staleReason([entity('a', 's')], new Map([['a', day(9)]]), new Map(), now)).toBeNull()
    expect(staleReason([entity('a', 's')], new Map([['a', day(9)]]), new Map([['s', run('s', { lastFinishedAt: day(9) })]]), now)).toBeNull()
  })
  it('names age, a later run, or that nothing was validated', () => {
    expect(staleReason([entity('a')], new Map([['a', new Date(day(9).getTime() - 1)]]), new Map(), now)).toBe('the newest figures of a are older than 24 hours')
    const later = new Map([['s', run('s', { lastFinishedAt: new Date(day(9).getTime() + 1) })]])
    expect(staleReason([entity('a', 's')], new Map([['a', day(9)]]), later, now)).toBe('script s finished a run after a was last validated')
    expect(staleReason([entity('a'), entity('b')], new Map(), new Map(), now)).toBe('a was never validated; 2 of 2 entities are stale')
  })
})

describe('progressByEntity', () => {
  it('groups by entity and keeps the order', () => {
    const [first, other, second] = progress([snapshot('a', day(1), 1, 1), snapshot('b', day(1), 2, 2), snapshot('a', day(2), 3, 3)])
    expect([...progressByEntity([first!, other!, second!])]).toEqual([['a', [first, second]], ['b', [other]]])
  })
})

describe('newest', () => {
  it('is the latest of the times that there are', () => {
    expect([newest([day(1), null, day(3), undefined, day(2)]), newest([null, undefined]), newest([])]).toEqual([day(3), null, null])
  })
})

describe('notInPlan', () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `e${index + 1}`)
  it('names what the plan has, at most twenty of it', () => {
    expect([notInPlan('entity', 'x', ['a', 'b']), notInPlan('domain', 'x', [])]).toEqual(['no entity "x" in the plan; it has: a, b', 'no domain "x" in the plan; it has: none'])
    expect(notInPlan('entity', 'x', names(20))).toMatch(/e20$/)
    expect(notInPlan('entity', 'x', names(23))).toMatch(/e20 and 3 more$/)
  })
})
