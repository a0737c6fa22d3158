import { defineConfig } from 'vitest/config'

const unit = ['test/core/**/*.test.ts', 'test/**/*.unit.test.ts']

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: unit } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: unit,
          globalSetup: ['test/helpers/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    reporters: ['default', './test/helpers/summary-reporter.ts'],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // the mains are run as processes of their own, where this measurement does not reach
      exclude: ['src/server.ts', 'src/worker.ts', 'src/cli/**'],
      reporter: ['text', 'html', 'json-summary'],
      thresholds: { lines: 80, branches: 80 },
    },
  },
})
