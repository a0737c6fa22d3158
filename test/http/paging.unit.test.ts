import { expect, test } from 'vitest'
import { offsetOf, pagination } from '../../src/http/paging.js'

test.each([
  [0, 1, 50, { totalPages: 0, hasNextPage: false, hasPreviousPage: false }],
  [50, 1, 50, { totalPages: 1, hasNextPage: false, hasPreviousPage: false }],
  [51, 1, 50, { totalPages: 2, hasNextPage: true, hasPreviousPage: false }],
  [51, 2, 50, { totalPages: 2, hasNextPage: false, hasPreviousPage: true }],
  [51, 9, 50, { totalPages: 2, hasNextPage: false, hasPreviousPage: true }],
])('%i items, page %i of %i', (totalItems, page, limit, rest) => {
  expect(pagination(totalItems, page, limit)).toEqual({ currentPage: page, totalItems, itemsPerPage: limit, ...rest })
})

test('the offset of a page is exact up to the largest page', () => {
  expect([offsetOf(1, 50), offsetOf(3, 50), offsetOf(1_000_000_000, 200)]).toEqual([0, 100, 199_999_999_800])
})
