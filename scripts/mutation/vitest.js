import { format } from 'node:util'
import fc from 'fast-check'

export { expect } from 'vitest'

// the same random cases in each run: whether a mutant survives must not be a matter of luck
fc.configureGlobal({ seed: 20_261_125 })

/** What has been declared: name and body, in order. */
export const declared = []
const path = []

export function describe(name, body) {
  path.push(name)
  try {
    body()
  } finally {
    path.pop()
  }
}

export function test(name, body) {
  declared.push({ name: [...path, name].join(' > '), run: body })
}

/** One test for each row; the number keeps names apart. */
const eachOf = (declare) => (rows) => (name, body) => {
  for (const [index, row] of rows.entries()) {
    const values = Array.isArray(row) ? row : [row]
    declare(`${format(name, ...values).slice(0, 200)} #${index}`, () => body(...values))
  }
}
test.each = eachOf(test)
describe.each = eachOf(describe)

export const it = test
export const inject = () => { throw new Error('nothing is provided here') }
export const beforeAll = () => { throw new Error('a test of the mutation test makes all it needs itself') }
export const afterAll = beforeAll
