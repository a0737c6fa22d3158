import { expect, test } from 'vitest'
import type { PageRange } from '../../src/core/row-expressions.js'
import { createPace, restOf, restsOf } from '../../src/validation/pace.js'
import { specOf } from '../helpers/spec.js'

const base = specOf()
const spec = specOf({ source: { ...base.source, chunkable: true, pages: 100_000 }, target: { ...base.target, chunkable: true, pages: 100_000 } })
const whole: PageRange = { first: 0, next: null }

/** Reads a whole side that takes so long per page. @returns pages of each statement */
function lengths(pace: ReturnType<typeof createPace>, msPerPage: number, of = spec): number[] {
  const found: number[] = []
  for (let range: PageRange | null = whole; range !== null;) {
    const part = pace.cut(of, 'source', 'fingerprints', range)
    const pages = (part.next ?? of.source.pages) - part.first
    found.push(pages)
    pace.note(of, 'source', 'fingerprints', part, pages * msPerPage)
    range = restOf(range, part)
  }
  return found
}

test('statements grow, and shrink, to the time that is aimed at, and cover each page once', () => {
  const pace = createPace(500)
  const fast = lengths(pace, 0.05)
  expect(fast.slice(0, 4)).toEqual([256, 1024, 4096, 10_000])
  expect(fast.reduce((sum, pages) => sum + pages)).toBe(100_000)
  // the server has become a hundred times slower: what was learnt is given up within two statements
  expect(lengths(pace, 5).slice(0, 4)).toEqual([10_000, 2500, 625, 156])
  expect(lengths(pace, 5)[0]).toBe(100)
})

test('a statement has no fewer pages than a few, however slow it is', () => {
  const pace = createPace(500)
  expect(Math.min(...lengths(pace, 1000, { ...spec, source: { ...spec.source, pages: 2000 } }))).toBe(16)
})

test('what cannot be cut is read at once: queries, and sides whose joins each statement would read again', () => {
  const pace = createPace(500)
  const queried = { ...spec, source: { ...spec.source, chunkable: false } }
  const joined = { ...spec, source: { ...spec.source, join: 'left join other on true' } }
  for (const of of [queried, joined]) {
    expect(pace.cut(of, 'source', 'fingerprints', whole)).toEqual(whole)
    pace.note(of, 'source', 'fingerprints', whole, 60_000)
    expect(pace.cut(of, 'source', 'fingerprints', whole)).toEqual(whole)
  }
})

test('a side with a time-out reads a quarter next', () => {
  const pace = createPace(500)
  lengths(pace, 0.05)
  pace.note(spec, 'source', 'fingerprints', { first: 0, next: 8000 }, Infinity)
  expect(pace.cut(spec, 'source', 'fingerprints', whole)).toEqual({ first: 0, next: 2000 })
  expect(pace.cut(spec, 'source', 'keys', whole)).toEqual({ first: 0, next: 256 })
  expect(pace.cut(spec, 'target', 'fingerprints', whole)).toEqual({ first: 0, next: 256 })
})

test('a rest of less than half a statement is read with what is before it', () => {
  const pace = createPace(500)
  expect(pace.cut(spec, 'source', 'keys', { first: 1000, next: 1380 })).toEqual({ first: 1000, next: 1380 })
  expect(pace.cut(spec, 'source', 'keys', { first: 1000, next: 1390 })).toEqual({ first: 1000, next: 1256 })
  // the last chunk is open ended, wherever the table is thought to end
  expect(pace.cut(spec, 'source', 'keys', { first: 99_900, next: null })).toEqual({ first: 99_900, next: null })
})

test('the last statement of a side is two, so that it does not run alone; no other is', () => {
  const pace = createPace(500)
  const rests = (range: PageRange, of = spec) => restsOf(pace, of, 'source', 'fingerprints', range, pace.cut(of, 'source', 'fingerprints', range))
  const sized = (pages: number) => ({ ...spec, source: { ...spec.source, pages } })
  pace.note(spec, 'source', 'fingerprints', { first: 0, next: 10_000 }, 500)
  expect(rests({ first: 0, next: null }, sized(25_001))).toEqual([{ first: 10_000, next: null }])
  expect(rests({ first: 0, next: null }, sized(25_000))).toEqual([{ first: 10_000, next: 17_500 }, { first: 17_500, next: null }])
  // a range that others follow, a rest that is read with what is before it, and a side with few pages
  expect(rests({ first: 0, next: 25_000 })).toEqual([{ first: 10_000, next: 25_000 }])
  expect(rests({ first: 0, next: null }, sized(14_000))).toEqual([])
  pace.note(spec, 'source', 'fingerprints', { first: 0, next: 400 }, 500)
  expect(rests({ first: 0, next: null }, sized(900))).toEqual([{ first: 400, next: null }])
})
