import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { declareFactoryPlugin, PluginKind } from '@stryker-mutator/api/plugin'
import { DryRunStatus, MutantRunStatus, TestStatus } from '@stryker-mutator/api/test-runner'
import { declared } from './vitest.js'

/**
 * A test runner of Stryker that keeps everything loaded: the unit tests of src/core, then, where there is a server, the comparisons of test/mutation/battery.ts, run one after the other in one process, and the first
 * that fails kills the mutant. Starting vitest and loading the product anew for each of thousands of mutants takes longer than all these tests do. The tests are those of `npm test`;
 * of vitest they get `expect` itself, and `describe`, `test` and `it` from vitest.js (see hooks.js).
 */
function createRunner() {
  const stryker = (globalThis.__stryker__ ??= {})
  let loaded

  async function load() {
    for (const file of readdirSync('test/core', { recursive: true }).filter((name) => name.endsWith('.test.ts')).sort()) await import(pathToFileURL(resolve('test/core', file)).href)
    if (process.env.MUTATION_SERVER === undefined) return declared
    const { tests } = await import(pathToFileURL(resolve('test/mutation/battery.ts')).href)
    return [...declared, ...tests]
  }

  async function attempt(test) {
    const started = performance.now()
    const told = { id: test.name, name: test.name }
    try {
      await test.run()
      return { ...told, status: TestStatus.Success, timeSpentMs: performance.now() - started }
    } catch (error) {
      return { ...told, status: TestStatus.Failed, timeSpentMs: performance.now() - started, failureMessage: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }

  return {
    capabilities: () => ({ reloadEnvironment: false }),

    async init() {
      // a mutant may leave a promise behind that nobody waits for: that is no reason to lose the process
      process.on('unhandledRejection', () => undefined)
    },

    async dryRun() {
      loaded ??= await load()
      const results = []
      for (const test of loaded) {
        stryker.currentTestId = test.name
        results.push(await attempt(test))
        stryker.currentTestId = undefined
      }
      return { status: DryRunStatus.Complete, tests: results, mutantCoverage: stryker.mutantCoverage }
    },

    async mutantRun({ activeMutant, mutantActivation, testFilter, hitLimit }) {
      // a mutant of code that runs while a module is loaded gets a process of its own, and is there before it
      if (mutantActivation === 'static') stryker.activeMutant = activeMutant.id
      try {
        loaded ??= await load()
      } catch (error) {
        return { status: MutantRunStatus.Killed, killedBy: [], failureMessage: `the modules cannot be loaded: ${String(error)}`, nrOfTests: 0 }
      }
      stryker.activeMutant = activeMutant.id
      stryker.hitCount = hitLimit === undefined ? undefined : 0
      stryker.hitLimit = hitLimit
      const chosen = loaded.filter(({ name }) => testFilter === undefined || testFilter.includes(name))
      try {
        for (const [index, test] of chosen.entries()) {
          const result = await attempt(test)
          if (hitLimit !== undefined && stryker.hitCount > hitLimit) return { status: MutantRunStatus.Timeout, reason: 'it was run a hundred times as often as without the mutant' }
          if (result.status === TestStatus.Failed) return { status: MutantRunStatus.Killed, killedBy: [test.name], failureMessage: result.failureMessage, nrOfTests: index + 1 }
        }
        return { status: MutantRunStatus.Survived, nrOfTests: chosen.length }
      } finally {
        stryker.activeMutant = undefined
      }
    },
  }
}

export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, 'in-process', createRunner)]
