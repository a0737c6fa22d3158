export interface Pagination {
  currentPage: number
  totalPages: number
  totalItems: number
  itemsPerPage: number
  hasNextPage: boolean
  hasPreviousPage: boolean
}

/** The `pagination` of a list answer. A page beyond the last one is allowed and simply holds nothing. */
export function pagination(totalItems: number, page: number, limit: number): Pagination {
  const totalPages = Math.ceil(totalItems / limit)
  return { currentPage: page, totalPages, totalItems, itemsPerPage: limit, hasNextPage: page < totalPages, hasPreviousPage: page > 1 && totalPages > 0 }
}

/** Rows to skip before the page, for SQL's OFFSET. */
export function offsetOf(page: number, limit: number): number {
  return (page - 1) * limit
}
