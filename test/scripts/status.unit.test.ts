import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { applyProgress, driftOf, filterScripts, plannedScripts, scriptStates, scriptStatuses, sortKeys, sortScripts, summariseScripts } from '../../src/scripts/status.js'
import type { Run, ScriptLedger, ScriptState } from '../../src/scripts/status.js'

const run: Run = {
  runId: '0191f6f2-6f0e-7c3a-9a54-0d5f4e1a2b3c', script: 'a', status: 'running', recordsProcessed: 10, recordsSucceeded: 8, recordsFailed: 1, successRate: 80,
  checksum: null, message: null, startedAt: '2026-11-20T08:00:00.000Z', updatedAt: '2026-11-20T08:00:00.000Z', finishedAt: null, durationSeconds: null,
}
const metrics = { runs: 0, completedRuns: 0, averageDurationSeconds: null, throughputPerSecond: null }
const planned = (name: string, dependencies: string[] = [], path: string | null = null) => ({ name, domain: 'd', domains: ['d'], category: null, path, entities: [], dependencies })
const silent = { lastRun: null, checksum: null, completedChecksum: null, otherChecksum: null, firstCompletedAt: null, metrics }
const noEvidence = { inventory: { files: null, fault: null }, ledgers: [] }
const state = (changes: Partial<ScriptState>): ScriptState => {
  const [plain] = scriptStates([planned('a')], new Map([['a', { name: 'a', ...silent }]]), noEvidence)
  if (plain === undefined) throw new Error('no state')
  return { ...plain, ...changes }
}

describe('plannedScripts', () => {
  it('is the union of scripts and the scripts of entities, in the order of the file', () => {
    const entity = (domain: string, script?: string | string[]) => ({ domain, ...(script === undefined ? {} : { script }) })
    expect(plannedScripts({
      domains: { clinical: {}, billing: {} },
      entities: { patients: entity('clinical', ['migrate-patients', 'fix-patients']), invoices: entity('billing', 'migrate-patients'), nobody: entity('billing') },
      scripts: { 'migrate-patients': { category: 'core', dependsOn: ['seed'] }, seed: {}, constructor: {} },
    })).toEqual([
      { name: 'migrate-patients', domain: 'clinical', domains: ['clinical', 'billing'], category: 'core', path: null, entities: ['patients', 'invoices'], dependencies: ['seed'] },
      { name: 'fix-patients', domain: 'clinical', domains: ['clinical'], category: null, path: null, entities: ['patients'], dependencies: [] },
      { name: 'seed', domain: null, domains: [], category: null, path: null, entities: [], dependencies: [] },
      { name: 'constructor', domain: null, domains: [], category: null, path: null, entities: [], dependencies: [] },
    ])
  })

  it('is empty for a plan without scripts', () => {
    expect(plannedScripts({})).toEqual([])
  })
})

describe('driftOf', () => {
  it.each([[null, null, 'unknown'], ['a', null, 'unknown'], [null, 'a', 'unknown'], ['a', 'a', 'none'], ['a', 'b', 'changed']] as const)('%j, %j: %s', (completed, other, drift) => {
    expect(driftOf({ completedChecksum: completed, otherChecksum: other }, null, null)).toBe(drift)
  })
})

describe('scriptStates', () => {
  const completed = (name: string, startedAt: string, finishedAt: string): ScriptLedger =>
    ({ name, ...silent, lastRun: { ...run, script: name, status: 'completed', startedAt, updatedAt: finishedAt, finishedAt }, firstCompletedAt: finishedAt })
  const statesOf = (scripts: ReturnType<typeof planned>[], ...ledgers: ScriptLedger[]) => {
    const known = new Map(scripts.map(({ name }): [string, ScriptLedger] => [name, { name, ...silent }]))
    ledgers.forEach((ledger) => known.set(ledger.name, ledger))
    return scriptStates(scripts, known, noEvidence).map(({ name, status, executionOrder, blockedBy, ranBefore }) => ({ name, status, executionOrder, blockedBy, ranBefore }))
  }

  it('tells the order, and what blocks a script, directly and indirectly', () => {
    expect(statesOf([planned('c', ['b']), planned('b', ['a', 'elsewhere']), planned('a')])).toEqual([
      { name: 'c', status: 'pending', executionOrder: 3, blockedBy: ['a', 'b'], ranBefore: [] },
      { name: 'b', status: 'pending', executionOrder: 2, blockedBy: ['a'], ranBefore: [] },
      { name: 'a', status: 'pending', executionOrder: 1, blockedBy: [], ranBefore: [] },
    ])
  })

  it('tells a script that ran out of order', () => {
    const [a, b] = [planned('a'), planned('b', ['a'])]
    const late = completed('a', '2026-11-20T09:00:00.000Z', '2026-11-20T09:01:00.000Z')
    const early = completed('b', '2026-11-20T08:00:00.000Z', '2026-11-20T08:01:00.000Z')
    expect(statesOf([a, b], late, early)[1]).toMatchObject({ status: 'completed', blockedBy: [], ranBefore: ['a'] })
    expect(statesOf([planned('b'), planned('a', ['b'])], late, early)[1]).toMatchObject({ status: 'completed', ranBefore: [] })
    expect(statesOf([a, b], early)[1]).toMatchObject({ blockedBy: [], ranBefore: ['a'] })
  })

  it('ends although dependencies go in a circle', () => {
    expect(statesOf([planned('a', ['b']), planned('b', ['c']), planned('c', ['a'])]).map(({ name, executionOrder, blockedBy }) => [name, executionOrder, blockedBy])).toEqual([
      ['a', 3, ['c', 'b']], ['b', 2, ['c', 'a']], ['c', 1, ['b', 'a']],
    ])
  })
})

describe('sortScripts', () => {
  const list = [state({ name: 'b', successRate: 50 }), state({ name: 'a', successRate: null }), state({ name: 'c', successRate: 90 }), state({ name: 'd', successRate: 50 })]

  it('puts scripts without the value last in both directions and ends with the name', () => {
    expect(sortScripts(list, 'successRate', 'asc').map(({ name }) => name)).toEqual(['b', 'd', 'c', 'a'])
    expect(sortScripts(list, 'successRate', 'desc').map(({ name }) => name)).toEqual(['c', 'b', 'd', 'a'])
    expect(sortScripts(list, 'name', 'desc').map(({ name }) => name)).toEqual(['d', 'c', 'b', 'a'])
  })

  const scripts = fc.uniqueArray(fc.record({
    name: fc.string(), domain: fc.option(fc.constantFrom('x', 'y')), category: fc.option(fc.constantFrom('x', 'y')), status: fc.constantFrom(...scriptStatuses), successRate: fc.option(fc.constantFrom(0, 50, 100)),
    lastRun: fc.option(fc.constantFrom('2026-01-01', '2026-01-02').map((startedAt) => ({ ...run, startedAt }))),
  }), { selector: ({ name }) => name })

  test.prop([scripts, fc.constantFrom(...sortKeys), fc.constantFrom('asc' as const, 'desc' as const)])('does not depend on the order it starts from', (records, key, order) => {
    const some = records.map((record) => state(record))
    expect(sortScripts([...some].reverse(), key, order)).toEqual(sortScripts(some, key, order))
  })
})

describe('filterScripts and summariseScripts', () => {
  const list = [
    state({ name: 'a', domain: 'd', domains: ['d', 'e'], status: 'completed', category: 'core', successRate: 99.99, drift: 'none' }),
    state({ name: 'b', domain: 'e', domains: ['e'], status: 'failed', successRate: 100, drift: 'changed' }),
    state({ name: 'c', domain: null, domains: [] }),
  ]

  it('filters by every field, a domain by any of the entities', () => {
    expect(filterScripts(list, { domain: 'e' }).map(({ name }) => name)).toEqual(['a', 'b'])
    expect(filterScripts(list, { category: 'core' }).map(({ name }) => name)).toEqual(['a'])
    expect(filterScripts(list, { status: 'failed', drift: 'changed' }).map(({ name }) => name)).toEqual(['b'])
    expect(filterScripts(list, { status: 'missing' })).toEqual([])
  })

  it('counts, and floors the mean', () => {
    const counts = { pending: 0, running: 0, completed: 0, failed: 0, rolled_back: 0, missing: 0 }
    expect(summariseScripts(list)).toEqual({
      totalScripts: 3,
      byStatus: { ...counts, pending: 1, completed: 1, failed: 1 },
      averageSuccessRate: 99.99,
      domainBreakdown: [
        { domain: 'd', scripts: 1, byStatus: { ...counts, completed: 1 } },
        { domain: 'e', scripts: 2, byStatus: { ...counts, completed: 1, failed: 1 } },
        { domain: null, scripts: 1, byStatus: { ...counts, pending: 1 } },
      ],
      categoryBreakdown: [
        { category: 'core', scripts: 1, byStatus: { ...counts, completed: 1 } },
        { category: null, scripts: 2, byStatus: { ...counts, pending: 1, failed: 1 } },
      ],
    })
    expect(summariseScripts([])).toEqual({ totalScripts: 0, byStatus: counts, averageSuccessRate: null, domainBreakdown: [], categoryBreakdown: [] })
  })
})

describe('applyProgress', () => {
  it('keeps what is left out', () => {
    expect(applyProgress(run, { recordsProcessed: 12 })).toEqual({ next: { status: 'running', recordsProcessed: 12, recordsSucceeded: 8, recordsFailed: 1, message: null } })
    expect(applyProgress(run, { status: 'failed', message: 'disk full' })).toEqual({ next: { status: 'failed', recordsProcessed: 10, recordsSucceeded: 8, recordsFailed: 1, message: 'disk full' } })
  })

  it('refuses counts that fall or do not add up', () => {
    expect(applyProgress(run, { recordsProcessed: 9, recordsSucceeded: 7 })).toEqual({
      fault: {
        code: 'CONFLICT', detail: 'counts of a run are totals since its start and never fall',
        errors: [{ field: 'recordsProcessed', message: 'is 10 already and may not fall to 9' }, { field: 'recordsSucceeded', message: 'is 8 already and may not fall to 7' }],
      },
    })
    const message = 'recordsSucceeded (10) + recordsFailed (1) may not exceed recordsProcessed (10)'
    expect(applyProgress(run, { recordsSucceeded: 10 })).toEqual({ fault: { code: 'VALIDATION_FAILED', detail: message, errors: [{ field: 'recordsSucceeded', message }] } })
  })

  it('a finished run is final; only the very same end is taken again', () => {
    const ended: Run = { ...run, status: 'completed', finishedAt: run.updatedAt }
    expect(applyProgress(ended, { status: 'completed', recordsProcessed: 10 })).toBeNull()
    const conflict = { fault: { code: 'CONFLICT', detail: `run ${run.runId} is completed and final; start a new run`, errors: [] } }
    expect(applyProgress(ended, { status: 'failed' })).toEqual(conflict)
    expect(applyProgress(ended, { recordsProcessed: 10 })).toEqual(conflict)
    expect(applyProgress(ended, { status: 'completed', recordsProcessed: 11 })).toEqual(conflict)
  })
})
