import { readTime } from './evidence.js'

/** Times of one moment: what the source wrote without a zone, and the target with one. */
export type Moment = readonly [source: string, target: string]

export interface ZoneFound {
  zone: string
  agree: number
  rows: number
  /** other zones that fit as well; empty when the clock of `zone` alone explains them */
  others: string[]
}

const most = 120
const first = ['UTC', 'America/New_York', 'America/Chicago', 'America/Denver', 'America/Los_Angeles', 'Europe/London', 'Europe/Berlin', 'Europe/Paris', 'Europe/Madrid', 'Europe/Rome', 'Asia/Kolkata', 'Asia/Shanghai', 'Asia/Tokyo', 'Australia/Sydney']

/** The time that a zone's clock shows at a moment, as milliseconds of a clock that runs in UTC. */
function createClock(zone: string): (moment: number) => number {
  const format = new Intl.DateTimeFormat('en-US-u-hc-h23', { timeZone: zone, year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
  return (moment) => {
    const parts = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]))
    return Date.UTC(parts['year'] ?? 0, (parts['month'] ?? 1) - 1, parts['day'], parts['hour'], parts['minute'], parts['second'])
  }
}

/** Up to 120 moments, spread evenly, as [clock time of the source, moment]. */
function spread(moments: readonly Moment[]): [number, number][] {
  const read = moments.flatMap(([source, target]): [number, number][] => {
    const [clock, moment] = [readTime(source), readTime(target)]
    return clock === null || moment === null ? [] : [[clock, moment]]
  })
  const step = Math.max(1, read.length / most)
  return Array.from({ length: Math.min(most, read.length) }, (_, index) => read[Math.floor(index * step)] ?? [0, 0])
}

function countFits(zone: string, read: readonly [number, number][]): number {
  const clock = createClock(zone)
  return read.filter(([own, moment]) => {
    const second = Math.floor(moment / 1000) * 1000
    return clock(second) + (moment - second) === own
  }).length
}

/**
 * The zone whose clock the source showed, by the rules of the tz database that Node.js brings: the one that explains most moments, at least nine of ten. Of several that
 * fit alike UTC and the zones of large cities come first, then the alphabet.
 * @returns null when none does
 */
export function findZone(moments: readonly Moment[]): ZoneFound | null {
  const read = spread(moments)
  if (read.length === 0) return null
  const names = [...first, ...Intl.supportedValuesOf('timeZone').filter((zone) => !first.includes(zone))]
  const counted = names.map((zone) => ({ zone, agree: countFits(zone, read) }))
  const best = Math.max(...counted.map(({ agree }) => agree))
  if (best < read.length * 0.9) return null
  const [zone = '', ...others] = counted.filter(({ agree }) => agree === best).map((one) => one.zone)
  return { zone, agree: best, rows: read.length, others }
}

/** How many of the moments (at most 120 are looked at) the clock of a zone explains. */
export function countZone(zone: string, moments: readonly Moment[]): { agree: number; rows: number } {
  const read = spread(moments)
  return { agree: countFits(zone, read), rows: read.length }
}
