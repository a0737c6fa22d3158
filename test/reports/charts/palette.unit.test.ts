import { expect, it } from 'vitest'
import { marks, markStyles, patternDefinitions, tones } from '../../../src/reports/charts/palette.js'

/** WCAG 2.2: relative luminance of sRGB. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = channels(colour)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

/** Linear RGB as a reader without red or green cones sees it: Viénot, Brettel, Mollon 1999. */
const deficiencies = {
  protan: (r: number, g: number, b: number) => [0.1124 * r + 0.8876 * g, 0.1124 * r + 0.8876 * g, 0.004 * r - 0.004 * g + b],
  deutan: (r: number, g: number, b: number) => [0.2928 * r + 0.7072 * g, 0.2928 * r + 0.7072 * g, -0.0223 * r + 0.0223 * g + b],
}

/** CIE L*a*b*, D65. */
function lab([r = 0, g = 0, b = 0]: number[]): number[] {
  const f = (value: number) => (value > 216 / 24389 ? Math.cbrt(value) : (value * 24389) / 27 / 116 + 16 / 116)
  const [x, y, z] = [(0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505, 0.2126 * r + 0.7152 * g + 0.0722 * b, (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089].map(f) as [number, number, number]
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

it.each(['light', 'dark'] as const)('%s: every tone stands out from the paper, and words can be read', (theme) => {
  const { paper, ink, ...colours } = tones[theme]
  expect(contrast(ink, paper)).toBeGreaterThanOrEqual(7)
  for (const [name, colour] of Object.entries(colours)) expect(contrast(colour, paper), name).toBeGreaterThanOrEqual(3)
})

it.each(['light', 'dark'] as const)('%s: readers without red or green cones can tell the tones apart', (theme) => {
  const { paper: _paper, ink: _ink, ...colours } = tones[theme]
  for (const see of Object.values(deficiencies)) {
    const seen = Object.entries(colours).map(([name, colour]) => ({ name, at: lab(see(...(channels(colour) as [number, number, number]))) }))
    for (const [index, one] of seen.entries()) {
      for (const other of seen.slice(index + 1)) {
        const distance = Math.hypot(...one.at.map((value, axis) => value - other.at[axis]!))
        expect(distance, `${one.name} and ${other.name}`).toBeGreaterThan(20)
      }
    }
  }
})

it('the marks of one chart differ in colour or texture', () => {
  const charts = [
    ['verified', 'merged', 'accepted', 'explained', 'pending', 'unverified', 'differs', 'missing', 'excluded', 'duplicate', 'extra', 'generated'],
    ['matched', 'generated', 'pending', 'unverified', 'duplicate', 'extra'], ['covered', 'ignored', 'uncovered'], ['pass', 'warn', 'unknown', 'fail'], ['completed', 'running', 'failed', 'rolled_back'],
  ] as (keyof typeof marks)[][]
  for (const chart of charts) expect(new Set(chart.map((mark) => marks[mark].join(' '))).size).toBe(chart.length)
})

it('every pattern that a mark refers to is defined', () => {
  const referred = [...markStyles.matchAll(/url\(#([\w-]+)\)/g)].map(([, id]) => id)
  const defined = [...patternDefinitions().markup.matchAll(/<pattern id="([\w-]+)"/g)].map(([, id]) => id)
  expect(new Set(referred)).toEqual(new Set(defined))
  expect(defined.length).toBeGreaterThan(5)
})
