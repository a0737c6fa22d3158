/** The 97.5 % quantile of the normal distribution: both tails together leave 5 %. */
const z = 1.959964

/**
 * The interval in which a share lies with 95 % confidence, after a simple random sample: Wilson's score interval (E. B. Wilson, 1927), which is sound also for shares near 0 and 1.
 * @param hits of `size` rows; a size of 0 supports nothing
 * @returns both ends, 0 to 1; null for a size of 0
 */
export function wilsonInterval(hits: number, size: number): { low: number; high: number } | null {
  if (size === 0) return null
  const share = hits / size
  const middle = share + (z * z) / (2 * size)
  const reach = z * Math.sqrt((share * (1 - share)) / size + (z * z) / (4 * size * size))
  const scale = 1 + (z * z) / size
  return { low: Math.max(0, (middle - reach) / scale), high: Math.min(1, (middle + reach) / scale) }
}
