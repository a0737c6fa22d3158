import { expect, test } from 'vitest'
import { countOf } from '../../src/validation/reader.js'

test('a count is exact far above 2^31, and refused where a number cannot hold it', () => {
  expect(countOf({ rows: '3000000000' }, 'rows')).toBe(3_000_000_000)
  expect(countOf({ rows: '9007199254740991' }, 'rows')).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => countOf({ rows: '9007199254740993' }, 'rows')).toThrow('exceeds 2^53')
  expect(() => countOf({ rows: null }, 'rows')).toThrow('gave no rows')
})
