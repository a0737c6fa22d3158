import { writeFile } from 'node:fs/promises'
import { startVitest } from 'vitest/node'
import { situations } from '../test/situations/all.js'
import { renderPage, renderTable } from '../test/situations/page.js'

/**
 * Runs every situation and its twins on the embedded PostgreSQL and prints how each was judged; ends with 1 when one is not judged as written.
 * With --write it also writes the table to docs/situations.md, unless one is not.
 */
const vitest = await startVitest('test', ['test/situations/situations.test.ts'], { project: ['integration'], watch: false, reporters: ['default'] })
const passed = new Set<string>()
let isSound = vitest.state.getUnhandledErrors().length === 0
for (const module of vitest.state.getTestModules()) {
  isSound &&= module.ok()
  for (const one of module.children.allTests('passed')) if (one.parent.type === 'suite') passed.add(`${one.parent.name} ${one.name}`)
}
await vitest.close()

let wrong = 0
console.log(renderTable(situations, ({ id }, { name }) => {
  if (passed.has(`${id} ${name}`)) return '✓ '
  wrong += 1
  return '✗ not judged as: '
}))
const cases = situations.reduce((total, { twins }) => total + 1 + twins.length, 0)
console.log(`\n${situations.length} situations, ${cases} cases: ${cases - wrong} judged as written, ${wrong} not`)
isSound &&= wrong === 0
if (isSound && process.argv.includes('--write')) await writeFile(new URL('../docs/situations.md', import.meta.url), renderPage(situations))
process.exitCode = isSound ? 0 : 1
