import type { Sql } from 'postgres'
import { candidates, floorStatement, type Candidate } from './candidates.js'
import { median } from './figures.js'
import type { Case } from './tables.js'

export interface Readers {
  source: Sql
  target: Sql
}

export interface TimedCandidate {
  candidate: Candidate
  /** median of the rounds */
  seconds: number
}

/** One statement on each side, both at once. */
export async function runFloor({ source, target }: Readers, candidate: Candidate, one: Case): Promise<void> {
  const [left, right] = await Promise.all([source.unsafe(floorStatement(candidate, one, 'source')), target.unsafe(floorStatement(candidate, one, 'target'))])
  if (left.length !== 1 || right.length !== 1) throw new Error('a sum gave no row')
}

/** Times every candidate in interleaved rounds. */
export async function timeCandidates(readers: Readers, one: Case, rounds: number): Promise<TimedCandidate[]> {
  const seconds = candidates.map((): number[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, candidate] of candidates.entries()) {
      const startedAt = performance.now()
      await runFloor(readers, candidate, one)
      seconds[index]?.push((performance.now() - startedAt) / 1000)
    }
  }
  return candidates.map((candidate, index) => ({ candidate, seconds: median(seconds[index] ?? []) }))
}

/** The fastest candidate that is sound. */
export function fastestSound(timed: readonly TimedCandidate[]): TimedCandidate {
  const [fastest] = timed.filter(({ candidate }) => candidate.unsound === null).toSorted((left, right) => left.seconds - right.seconds)
  if (fastest === undefined) throw new Error('no candidate is sound')
  return fastest
}
