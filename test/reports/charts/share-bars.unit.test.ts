import { fc, test as propertyTest } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { chunks, drawShareBars, leastWidth, legendOf, shareWidths } from '../../../src/reports/charts/share-bars.js'
import type { ShareChart, ShareRow } from '../../../src/reports/charts/share-bars.js'
import { drawnText, rectangles } from './svg.js'

const chart = (rows: ShareRow[], more: Partial<ShareChart> = {}): ShareChart => ({ kind: 'shares', title: 'Rows', table: 'Rows by class', unit: 'rows', scale: 'own', rows, ...more })
const row = (verified: number | null, missing: number | null, more: Partial<ShareRow> = {}): ShareRow => ({
  name: 'patients', value: '50 %', total: verified === null || missing === null ? null : verified + missing, parts: [{ mark: 'verified', count: verified }, { mark: 'missing', count: missing }], ...more,
})
const draw = (one: ShareChart, perImage = 10) => drawShareBars(one, 'c', perImage).map(({ markup }) => markup)
const bars = (svg: string) => rectangles(svg).filter(({ mark }) => mark !== 'track' && mark !== 'uncounted')

describe('shareWidths', () => {
  it('are the exact shares', () => {
    expect(shareWidths([1, 1, 2], 4)).toEqual([25, 25, 50])
    expect(shareWidths([1, 1, 2], 8)).toEqual([12.5, 12.5, 25])
    expect(shareWidths([0, 3], 3)).toEqual([0, 100])
  })

  it('one row of a million is seen, and what it takes is taken from the others in proportion', () => {
    const [verified, differs, missing] = shareWidths([900_000, 99_999, 1], 1_000_000)
    expect(missing).toBe(leastWidth)
    expect(verified! / differs!).toBeCloseTo(900_000 / 99_999, 9)
    expect(verified! + differs! + missing!).toBeCloseTo(100, 9)
  })

  it('a part that only falls below the least width by making room for others gets it too', () => {
    const widths = shareWidths([9_929, 71, 1, 1, 1], 10_003)
    expect(widths.slice(1)).toEqual([leastWidth, leastWidth, leastWidth, leastWidth])
    expect(widths[0]).toBeCloseTo(100 - 4 * leastWidth, 9)
  })

  const parts = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 }), fc.maxSafeNat().map((n) => Math.floor(n / 16))), { minLength: 1, maxLength: 9 })
  propertyTest.prop([parts, fc.nat({ max: 1000 })])('fill the bar, keep the order of the counts, and only nothing has no width', (counts, rest) => {
    const whole = counts.reduce((sum, count) => sum + count, rest)
    if (whole === 0) return
    const widths = shareWidths(counts, whole)
    const sum = widths.reduce((total, width) => total + width, 0)
    expect(sum).toBeLessThanOrEqual(100 + 1e-9)
    if (rest === 0) expect(sum).toBeCloseTo(100, 6)
    for (const [index, count] of counts.entries()) {
      expect(widths[index]! === 0).toBe(count === 0)
      if (count > 0) expect(widths[index]).toBeGreaterThanOrEqual(leastWidth)
      for (const [other, size] of counts.entries()) if (count <= size) expect(widths[index]).toBeLessThanOrEqual(widths[other]! + 1e-9)
    }
  })
})

describe('drawShareBars', () => {
  it('draws each class at its share, side by side, and tells it in words', () => {
    const [svg = ''] = draw(chart([row(3, 1)]))
    expect(bars(svg)).toEqual([{ mark: 'verified', x: 0, width: 75 }, { mark: 'missing', x: 75, width: 25 }])
    expect(rectangles(svg)[0]).toEqual({ mark: 'track', x: 0, width: 100 })
    expect(drawnText(svg)).toEqual(['patients', '50 %', '3 verified · 1 missing'])
    expect(svg).toContain('<title>1 missing of 4 rows</title>')
  })

  it('says which picture it is, and where the same figures stand', () => {
    const [svg] = draw(chart([row(3, 1)]))
    expect(svg).toContain('role="img" aria-labelledby="c-1-t" aria-describedby="c-1-d"')
    expect(svg).toContain('<title id="c-1-t">Rows</title><desc id="c-1-d">The table “Rows by class” has the same figures.</desc>')
  })

  it('a class with one row of a million is drawn and told', () => {
    const [svg = ''] = draw(chart([row(999_999, 1)]))
    expect(bars(svg)).toEqual([{ mark: 'verified', x: 0, width: 99.3 }, { mark: 'missing', x: 99.3, width: 0.7 }])
    expect(drawnText(svg)).toContain('999,999 verified · 1 missing')
  })

  it('what was not counted is said to be so, and never drawn as nothing', () => {
    const [svg = ''] = draw(chart([row(null, null, { value: 'not counted' })]))
    expect(rectangles(svg)).toEqual([{ mark: 'uncounted', x: 0, width: 100 }])
    expect(drawnText(svg)).toEqual(['patients', 'not counted', 'not counted'])
    const [total = ''] = draw(chart([row(null, null, { total: 12 })]))
    expect(drawnText(total)).toContain('12 rows, of which no class was counted')
    expect(rectangles(total)).toEqual([{ mark: 'uncounted', x: 0, width: 100 }])
  })

  it('a class that was not counted leaves its room open', () => {
    const [svg = ''] = draw(chart([row(3, null, { total: 4 })]))
    expect(rectangles(svg)).toEqual([{ mark: 'uncounted', x: 0, width: 100 }, { mark: 'verified', x: 0, width: 75 }])
    expect(drawnText(svg)).toContain('3 verified · missing: not counted')
  })

  it('no row at all is an empty bar that says so', () => {
    const [svg = ''] = draw(chart([row(0, 0, { value: 'nothing in scope' })]))
    expect(rectangles(svg)).toEqual([{ mark: 'track', x: 0, width: 100 }])
    expect(drawnText(svg)).toEqual(['patients', 'nothing in scope', '0 rows'])
  })

  it('on a common scale the longest bar fills the width', () => {
    const [svg = ''] = draw(chart([row(10, 0), row(2, 3), row(0, 0)], { scale: 'common' }))
    expect(bars(svg)).toEqual([{ mark: 'verified', x: 0, width: 100 }, { mark: 'verified', x: 0, width: 20 }, { mark: 'missing', x: 20, width: 30 }])
  })

  it('cuts long names and escapes hostile ones; the whole name is in its tooltip', () => {
    const name = `<script>alert("x")</script>${'é'.repeat(200)}`
    const [svg = ''] = draw(chart([row(1, 0, { name }), row(1, 0, { name: '"&\'\u202e\n' })]))
    expect(svg).not.toContain('<script')
    expect(svg).toContain('>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;…<title>')
    expect(svg).toContain(`<title>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;${'é'.repeat(200)}</title>`)
    expect(svg).toContain('>&quot;&amp;&#39;\\u202e\\n<title>')
  })

  it('60 rows become images of equal length, each with its range in its name', () => {
    const images = draw(chart(Array.from({ length: 60 }, (_, index) => row(index, 1, { name: `entity ${index + 1}` }))), 7)
    expect(images).toHaveLength(9)
    expect(images.flatMap((svg) => drawnText(svg).filter((text) => text.startsWith('entity')))).toEqual(Array.from({ length: 60 }, (_, index) => `entity ${index + 1}`))
    expect(images[1]).toContain('<title id="c-2-t">Rows, 8 to 14 of 60</title>')
    expect(images[8]).toContain('<title id="c-9-t">Rows, 57 to 60 of 60</title>')
    expect(draw(chart([]))).toEqual([])
  })

  it('is as high as its rows', () => {
    const many: ShareRow = {
      name: 'all', value: '', total: 6e9,
      parts: (['verified', 'merged', 'accepted', 'explained', 'pending', 'missing'] as const).map((mark) => ({ mark, count: 1_000_000_000 })),
    }
    const heights = draw(chart([row(1, 1), many]), 1).map((svg) => Number(/ height="(\d+)"/.exec(svg)?.[1]))
    expect(heights).toEqual([65, 80 + 15])
    const [, svg = ''] = draw(chart([row(1, 1), many]), 1)
    expect(drawnText(svg).slice(2)).toEqual(['1,000,000,000 verified · 1,000,000,000 merged', '1,000,000,000 accepted · 1,000,000,000 explained', '1,000,000,000 pending · 1,000,000,000 missing'])
  })
})

describe('legendOf', () => {
  it('keeps apart what there is and what there is none of', () => {
    expect(legendOf(chart([row(1, 0), row(2, null)]))).toEqual({ shown: ['verified'], none: [], uncounted: true })
    expect(legendOf(chart([row(1, 0), row(0, 0)]))).toEqual({ shown: ['verified'], none: ['missing'], uncounted: false })
    expect(legendOf(chart([]))).toEqual({ shown: [], none: [], uncounted: false })
  })
})

describe('chunks', () => {
  it.each([[0, 7, []], [7, 7, [7]], [8, 7, [4, 4]], [13, 12, [7, 6]], [60, 7, [7, 7, 7, 7, 7, 7, 7, 7, 4]]])('%i by %i', (length, most, lengths) => {
    expect(chunks(Array.from({ length }), most).map((chunk) => chunk.length)).toEqual(lengths)
  })
})
