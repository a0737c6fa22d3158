import { defineConfig } from 'vitest/config'

const unit = ['test/core/**/*.test.ts', 'test/**/*.unit.test.ts']
/** Processes are killed and links cut while real time goes by: minutes, and at the mercy of a busy machine, so they have a command of their own. */
const faults = ['test/e2e/database-loss.test.ts', 'test/e2e/worker-loss.test.ts']
/** What the matrix of PostgreSQL versions runs for each pair (scripts/matrix.ts). */
const comparison = ['canary', 'correctness', 'holes', 'joins', 'natural-maps', 'parents', 'tolerance', 'types', 'unreadable'].map((name) => `test/validation/${name}.test.ts`).concat('test/db/versions.test.ts')
const server = { globalSetup: ['test/helpers/global-setup.ts'], testTimeout: 60_000, hookTimeout: 60_000 }

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: unit } },
      { extends: true, test: { name: 'integration', include: ['test/**/*.test.ts'], exclude: [...unit, ...faults], ...server } },
      { extends: true, test: { name: 'faults', include: faults, ...server } },
      // without the servers of a pair these tests would run a second time
      ...(process.env['SOURCE_SERVER'] === undefined ? [] : [{ extends: true as const, test: { name: 'matrix', include: comparison, ...server, testTimeout: 300_000, hookTimeout: 300_000 } }]),
    ],
    reporters: ['default', './test/helpers/summary-reporter.ts'],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // the mains are run as processes of their own, where this measurement does not reach
      exclude: ['src/server.ts', 'src/worker.ts', 'src/tour.ts', 'src/cli/**'],
      reporter: ['text', 'html', 'json-summary'],
      thresholds: { lines: 90, branches: 90 },
    },
  },
})
