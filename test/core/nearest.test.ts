import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nearestName } from '../../src/core/nearest.js'

/** Distances by the definition, without a table: what an insertion, deletion, replacement or swap of neighbours leaves to do. */
function distance(left: string, right: string): number {
  if (left === '' || right === '') return left.length + right.length
  const [a, b] = [left.slice(1), right.slice(1)]
  const isSwap = left.length > 1 && right.length > 1 && left[0] === right[1] && left[1] === right[0]
  return Math.min(distance(a, right) + 1, distance(left, b) + 1, distance(a, b) + (left[0] === right[0] ? 0 : 1), isSwap ? distance(left.slice(2), right.slice(2)) + 1 : Infinity)
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 6 })

describe('nearestName', () => {
  test.each<[string, string[], string | null]>([
    ['patient', ['offices', 'patients'], 'patients'], ['Patients', ['patient', 'PATIENTS'], 'PATIENTS'], ['patinet', ['patient', 'planet'], 'patient'],
    ['patient', ['doctor', 'office'], null], ['patient', [], null], ['a', ['b'], 'b'], ['ab', ['xy'], null], ['patient', ['patient'], null], ['patient', ['patient', 'patients'], 'patients'],
    ['abcdef', ['abcdxy'], 'abcdxy'], ['abcdef', ['abcxyz'], null], ['abcde', ['abcxy'], null], ['abcd', ['abcdef'], 'abcdef'], ['abc', ['bac', 'abd'], 'bac'],
  ])('%s among %j: %s', (name, candidates, expected) => {
    expect(nearestName(name, candidates)).toBe(expected)
  })

  test('is the first of those with the least distance, at most a third of the longer name and at least 1', () => {
    fc.assert(fc.property(word, fc.array(word, { maxLength: 5 }), (name, candidates) => {
      const near = candidates.filter((one) => one !== name && distance(name, one) <= Math.max(1, Math.floor(Math.max(name.length, one.length) / 3)))
      const least = Math.min(...near.map((one) => distance(name, one)))
      expect(nearestName(name, candidates)).toBe(near.find((one) => distance(name, one) === least) ?? null)
    }), { numRuns: 300 })
  })
})
