/**
 * Row accounting: every source row of an entity is in exactly one class, every target row too, and laws tie the classes.
 * A count is an exact integer; null means "could not be counted" and is never read as 0.
 */
export type Count = number | null

export const sourceClasses = ['verified', 'accepted', 'differs', 'merged', 'explained', 'pending', 'missing', 'unverified'] as const
export const targetClasses = ['matched', 'duplicate', 'generated', 'pending', 'extra', 'unverified'] as const

export type SourceClass = (typeof sourceClasses)[number]
export type TargetClass = (typeof targetClasses)[number]

export interface Accounting {
  source: { total: Count; excluded: Count; scope: Count } & Record<SourceClass, Count>
  target: { total: Count } & Record<TargetClass, Count>
}

export const verdicts = ['pass', 'warn', 'unknown', 'fail'] as const
export type Verdict = (typeof verdicts)[number]

/** An accounting in which every figure has the same value: 0 to add to, null when nothing could be counted. */
export function uniformAccounting(value: Count): Accounting {
  const fill = <K extends string>(names: readonly K[]) => Object.fromEntries(names.map((name) => [name, value])) as Record<K, Count>
  return {
    source: fill(['total', 'excluded', 'scope', ...sourceClasses] as const),
    target: fill(['total', ...targetClasses] as const),
  }
}

/** Adds counts; null as soon as one of them is null. */
export function addCounts(...counts: Count[]): Count {
  let sum = 0
  for (const count of counts) {
    if (count === null) return null
    sum += count
  }
  if (!Number.isSafeInteger(sum)) throw new RangeError('a count exceeds 2^53 - 1 and cannot be given exactly')
  return sum
}

/**
 * Adds accountings figure by figure. Above entities the sums are deliveries: a source row wanted in three tables is three.
 * @returns all zeros for an empty list
 */
export function sumAccountings(accountings: readonly Accounting[]): Accounting {
  const sum = uniformAccounting(0)
  for (const { source, target } of accountings) {
    for (const name of Object.keys(sum.source) as (keyof Accounting['source'])[]) sum.source[name] = addCounts(sum.source[name], source[name])
    for (const name of Object.keys(sum.target) as (keyof Accounting['target'])[]) sum.target[name] = addCounts(sum.target[name], target[name])
  }
  return sum
}

/**
 * `part / whole` as a percentage, floored to two decimals: 99.996 % is 99.99, never 100.
 * @returns 0–100, or null when either is null or the whole is 0
 */
export function floorPercent(part: Count, whole: Count): number | null {
  if (part === null || whole === null || whole === 0) return null
  return Number((BigInt(part) * 10_000n) / BigInt(whole)) / 100
}

/** Source rows that arrived: verified + accepted + differs + merged. */
export function arrivedRows({ source }: Accounting): Count {
  return addCounts(source.verified, source.accepted, source.differs, source.merged)
}

/** Source rows proved right: verified + merged. */
export function verifiedRows({ source }: Accounting): Count {
  return addCounts(source.verified, source.merged)
}

/** The coverage: (verified + merged) / scope, 0–100, null for an empty or uncounted scope. */
export function verifiedPercent(accounting: Accounting): number | null {
  return floorPercent(verifiedRows(accounting), accounting.source.scope)
}

/** (verified + accepted + differs + merged) / scope, 0–100, null for an empty or uncounted scope. */
export function arrivedPercent(accounting: Accounting): number | null {
  return floorPercent(arrivedRows(accounting), accounting.source.scope)
}

/** The laws that the figures break, as sentences; empty when all hold. A law with a null in it says nothing. */
export function brokenLaws({ source, target }: Accounting): string[] {
  const laws: [string, Count, Count][] = [
    ['source total = excluded + scope', source.total, addCounts(source.excluded, source.scope)],
    ['scope = the sum of its classes', source.scope, addCounts(...sourceClasses.map((name) => source[name]))],
    ['target total = the sum of its classes', target.total, addCounts(...targetClasses.map((name) => target[name]))],
    ['matched = verified + accepted + differs', target.matched, addCounts(source.verified, source.accepted, source.differs)],
  ]
  return laws.filter(([, left, right]) => left !== null && right !== null && left !== right).map(([law, left, right]) => `${law}: ${left} is not ${right}`)
}

/** The worst of several verdicts: fail, unknown, warn, pass; `unknown` for none at all, since nothing was examined. */
export function worstVerdict(list: readonly Verdict[]): Verdict {
  return list.reduce<Verdict | null>((worst, verdict) => (worst === null || verdicts.indexOf(verdict) > verdicts.indexOf(worst) ? verdict : worst), null) ?? 'unknown'
}

/**
 * The verdict that an entity's figures alone give: fail for missing, differs, duplicate, extra; unknown for unverified,
 * pending and whatever is null; warn for explained, accepted and an empty scope; else pass.
 */
export function accountingVerdict({ source, target }: Accounting): Verdict {
  const any = (...counts: Count[]) => counts.some((count) => count !== null && count > 0)
  if (any(source.missing, source.differs, target.duplicate, target.extra)) return 'fail'
  if ([...Object.values(source), ...Object.values(target)].includes(null)) return 'unknown'
  if (any(source.unverified, source.pending, target.unverified, target.pending)) return 'unknown'
  if (any(source.explained, source.accepted) || source.scope === 0) return 'warn'
  return 'pass'
}
