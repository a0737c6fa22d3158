import { expect, test } from 'vitest'
import { failuresOf, judge, limits } from '../../bench/limits.js'

test('a limit is met strictly, on its own figure, and only when somebody measured', () => {
  const table = [
    { sentence: 'a', route: 'GET /a', figure: 'latencyMs' as const, below: 100 }, { sentence: 'b', route: 'GET /a', figure: 'requestsPerSecond' as const, above: 20 },
    { sentence: 'c', route: null, figure: 'cpuPercent' as const, below: 70 },
  ]
  const met = (figures: [string, number][]) => judge(new Map(figures), table).map(({ isMet }) => isMet)
  expect(met([['GET /a latencyMs', 99], ['GET /a requestsPerSecond', 21], ['process cpuPercent', 69]])).toEqual([true, true, true])
  expect(met([['GET /a latencyMs', 100], ['GET /a requestsPerSecond', 20], ['process cpuPercent', 70]])).toEqual([false, false, false])
  expect(met([])).toEqual([false, false, false])
})

test('every sentence of the checklist has its limit', () => {
  const sentences = new Set(limits.map(({ sentence }) => sentence))
  expect([...sentences].filter((sentence) => /: [<>] \d/.test(sentence))).toHaveLength(11)
})

test('requests that were not answered well fail the gate', () => {
  expect(failuresOf('GET /a', { non2xx: 1, errors: 2, timeouts: 3, requests: { total: 9 } })).toEqual(['GET /a: 1 requests were not answered with 2xx', 'GET /a: 2 requests met an error of the connection', 'GET /a: 3 requests were not answered in time'])
  expect(failuresOf('GET /a', { non2xx: 0, errors: 0, timeouts: 0, requests: { total: 0 } })).toEqual(['GET /a: no request was answered'])
  expect(failuresOf('GET /a', { non2xx: 0, errors: 0, timeouts: 0, requests: { total: 1 } })).toEqual([])
})
