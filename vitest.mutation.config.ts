import { defineConfig } from 'vitest/config'

/** The tests that judge the mutants of src/core (stryker.config.json). */
export default defineConfig({
  test: { include: ['test/core/**/*.test.ts'], setupFiles: ['test/helpers/seeded.ts'] },
})
