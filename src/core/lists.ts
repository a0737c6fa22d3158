/** @throws RangeError beyond the end */
export function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (item === undefined) throw new RangeError(`no item ${index} in a list of ${list.length}`)
  return item
}

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

/** A list in parts that weigh so much at most, unless one item alone weighs more. */
export function inBatches<T>(list: readonly T[], weightOf: (item: T) => number, most: number): T[][] {
  const parts: T[][] = []
  let weight = Infinity
  for (const item of list) {
    const own = weightOf(item)
    if (weight + own > most) {
      parts.push([])
      weight = 0
    }
    parts.at(-1)?.push(item)
    weight += own
  }
  return parts
}

/** Runs for each item in order, one at a time. */
export async function mapInOrder<T, R>(list: readonly T[], run: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const [index, item] of list.entries()) results.push(await run(item, index))
  return results
}
