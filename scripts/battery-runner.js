import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { declareFactoryPlugin, PluginKind } from '@stryker-mutator/api/plugin'
import { DryRunStatus, MutantRunStatus, TestStatus } from '@stryker-mutator/api/test-runner'

/**
 * A test runner of Stryker for test/mutation/battery.ts: its tests run one after the other in one process that has loaded the product once, and the first that fails
 * kills the mutant. Starting a test framework and loading the product for each mutant would take three times as long as the comparisons themselves.
 */
function createRunner() {
  const coverage = (globalThis.__stryker__ ??= {})
  let battery

  const load = async () => (battery ??= await import(pathToFileURL(resolve('test/mutation/battery.ts')).href))

  async function attempt(test) {
    const started = performance.now()
    try {
      await test.run()
      return { id: test.name, name: test.name, status: TestStatus.Success, timeSpentMs: performance.now() - started }
    } catch (error) {
      return { id: test.name, name: test.name, status: TestStatus.Failed, timeSpentMs: performance.now() - started, failureMessage: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }

  return {
    capabilities: () => ({ reloadEnvironment: false }),

    async init() {
      // a mutant may leave a promise behind that nobody waits for: that is no reason to lose the process
      process.on('unhandledRejection', () => undefined)
    },

    async dryRun() {
      const { tests } = await load()
      const results = []
      for (const test of tests) {
        coverage.currentTestId = test.name
        results.push(await attempt(test))
        coverage.currentTestId = undefined
      }
      return { status: DryRunStatus.Complete, tests: results, mutantCoverage: coverage.mutantCoverage }
    },

    async mutantRun({ activeMutant, mutantActivation, testFilter, hitLimit }) {
      if (mutantActivation === 'static') coverage.activeMutant = activeMutant.id
      const { tests } = await load()
      coverage.activeMutant = activeMutant.id
      coverage.hitCount = hitLimit === undefined ? undefined : 0
      coverage.hitLimit = hitLimit
      const chosen = tests.filter(({ name }) => testFilter === undefined || testFilter.includes(name))
      try {
        for (const [index, test] of chosen.entries()) {
          const result = await attempt(test)
          if (hitLimit !== undefined && coverage.hitCount > hitLimit) return { status: MutantRunStatus.Timeout, reason: 'it was evaluated a hundred times as often as without the mutant' }
          if (result.status === TestStatus.Failed) return { status: MutantRunStatus.Killed, killedBy: [test.name], failureMessage: result.failureMessage, nrOfTests: index + 1 }
        }
        return { status: MutantRunStatus.Survived, nrOfTests: chosen.length }
      } finally {
        coverage.activeMutant = undefined
      }
    },
  }
}

export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, 'battery', createRunner)]
