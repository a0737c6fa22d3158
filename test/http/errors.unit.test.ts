import { describe, expect, test } from 'vitest'
import { problem, problemOf } from '../../src/http/errors.js'
import { isTooDeep, rewriteUrl } from '../../src/http/input.js'

describe('problemOf', () => {
  test.each([
    ['57P01', 'DATABASE_UNAVAILABLE', '5'], ['ECONNREFUSED', 'DATABASE_UNAVAILABLE', '5'], ['28P01', 'DATABASE_UNAVAILABLE', '5'],
    ['CONNECTION_DEADLINE', 'DATABASE_UNAVAILABLE', '5'], ['42P01', 'DATABASE_UNAVAILABLE', '30'], ['57014', 'DEADLINE_EXCEEDED', '5'],
    ['FST_ERR_HANDLER_TIMEOUT', 'DEADLINE_EXCEEDED', '5'], ['23505', 'INTERNAL', undefined], ['FST_ERR_UNKNOWN', 'INTERNAL', undefined],
  ])('%s becomes %s', (code, expected, retryAfter) => {
    const known = problemOf(Object.assign(new Error('password=hunter2 at 10.0.0.1 select secret'), { code, name: 'x' }))
    expect([known.code, known.problem.headers?.['retry-after']]).toEqual([expected, retryAfter])
    expect(known.message).not.toMatch(/hunter2|10\.0\.0\.1|secret/)
  })

  test('keeps a problem, and hides a foreign error that only looks like one', () => {
    const known = problem('CONFLICT', 'it runs already')
    expect(problemOf(known)).toBe(known)
    expect(problemOf(Object.assign(new Error('secret'), { code: 'NOT_FOUND', name: 'x' })).code).toBe('INTERNAL')
  })
})

test.each([
  ['/api/v1/scripts?x=1', '/scripts?x=1'], ['/api/v1', '/'], ['/api/v1?x=1', '/?x=1'], ['/api/v1/', '/'], ['/api/v10/scripts', '/api/v10/scripts'],
  ['/x/api/v1/y', '/x/api/v1/y'], ['/scripts', '/scripts'],
])('%s is routed as %s', (url, expected) => {
  expect(rewriteUrl({ url })).toBe(expected)
})

test.each([['[', 32, false], ['[', 33, true], ['{"a":', 33, true]])('%s nested %i levels is too deep: %s', (open, levels, expected) => {
  expect(isTooDeep(open.repeat(levels))).toBe(expected)
})
