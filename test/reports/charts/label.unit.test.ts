import { fc, test as propertyTest } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { visibleText } from '../../../src/core/render/escape.js'
import { columnsOf, nameBeside, percentText, shorten, timeText, wrap } from '../../../src/reports/charts/label.js'

describe('columnsOf', () => {
  it.each([['abc', 3], ['', 0], ['שלום', 4], ['山田', 4], ['👩‍🔬x', 3], ['e\u0301', 1], ['한글', 4], ['🇩🇪', 1]])('%s takes %i', (text, columns) => {
    expect(columnsOf(text)).toBe(columns)
  })
})

describe('shorten', () => {
  it.each([
    ['patients', 10, 'patients'],
    ['patients', 8, 'patients'],
    ['patients', 7, 'patien…'],
    ['שלום עולם', 6, 'שלום …'],
    ['山田太郎', 6, '山田…'],
    ['👩‍🔬👩‍🔬👩‍🔬', 5, '👩‍🔬👩‍🔬…'],
    ['\n\n\n\n', 6, '\n\n…'],
  ])('%j to %i', (text, columns, short) => {
    expect(shorten(text, columns)).toBe(short)
  })

  propertyTest.prop([fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer({ min: 2, max: 30 })])('never takes more room, and is a beginning of the text', (text, columns) => {
    const short = shorten(text, columns)
    expect(columnsOf(visibleText(short))).toBeLessThanOrEqual(columns)
    expect(short === text || (short.endsWith('…') && text.startsWith(short.slice(0, -1)))).toBe(true)
  })
})

it('nameBeside leaves room for the value', () => {
  const name = 'n'.repeat(50)
  expect([columnsOf(nameBeside(name, '99.99 %')), columnsOf(nameBeside(name, '9,000,000,000,000,000 rows'))]).toEqual([28, 16])
})

it('wrap keeps parts whole, also one that is too long for a line', () => {
  expect(wrap(['1 verified', '2 missing', '3 differs'], 25)).toEqual(['1 verified · 2 missing', '3 differs'])
  expect(wrap(['a'.repeat(30), 'b'], 25)).toEqual(['a'.repeat(30), 'b'])
  expect(wrap([], 25)).toEqual([])
})

it('places and times are short', () => {
  expect([percentText(0), percentText(33.333333333), percentText(100)]).toEqual(['0%', '33.3333%', '100%'])
  expect([timeText('2026-11-20T09:00:59.999Z'), timeText(new Date(0))]).toEqual(['2026-11-20 09:00', '1970-01-01 00:00'])
})
