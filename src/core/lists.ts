/** Adds to a list of which there are many, most of them of one item: an empty list that grows has room for 17. */
export function append<T>(list: T[], item: T): T[] {
  if (list.length === 0) return [item]
  list.push(item)
  return list
}

/** Lists by key, in the order in which the keys come first. */
export function groupBy<T>(list: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of list) {
    const key = keyOf(item)
    groups.set(key, append(groups.get(key) ?? [], item))
  }
  return groups
}
