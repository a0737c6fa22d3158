import { html } from '../markup.js'
import type { Markup } from '../markup.js'

/**
 * What a colour says: proved, declared by the plan, not known, wrong, outside of the scope. Blue, amber, slate and red stay apart for
 * red-green blind readers, all have a contrast of 3 : 1 to the paper at least, and no two marks of a chart share colour and texture.
 */
export const tones = {
  light: { good: '#1668b0', declared: '#bd8200', doubt: '#3a414b', wrong: '#b3261e', outside: '#8a929c', paper: '#ffffff', ink: '#1c2024' },
  dark: { good: '#58a6f2', declared: '#e3a92b', doubt: '#c8cfd9', wrong: '#ff7d69', outside: '#7f8791', paper: '#15171a', ink: '#eceef1' },
} as const
export type Tone = Exclude<keyof (typeof tones)['light'], 'paper' | 'ink'>

export type Texture = 'solid' | 'stripes' | 'dots' | 'cross'

/** How each class, coverage, verdict and status is drawn, wherever it stands. */
export const marks = {
  verified: ['good', 'solid'],
  merged: ['good', 'stripes'],
  accepted: ['declared', 'solid'],
  explained: ['declared', 'stripes'],
  pending: ['doubt', 'stripes'],
  unverified: ['doubt', 'solid'],
  differs: ['wrong', 'solid'],
  missing: ['wrong', 'cross'],
  excluded: ['outside', 'solid'],
  matched: ['good', 'solid'],
  duplicate: ['wrong', 'stripes'],
  extra: ['wrong', 'dots'],
  generated: ['outside', 'stripes'],
  covered: ['good', 'solid'],
  ignored: ['outside', 'solid'],
  uncovered: ['wrong', 'cross'],
  unclaimed: ['wrong', 'cross'],
  pass: ['good', 'solid'],
  warn: ['declared', 'solid'],
  unknown: ['doubt', 'solid'],
  fail: ['wrong', 'solid'],
  completed: ['good', 'solid'],
  running: ['doubt', 'stripes'],
  failed: ['wrong', 'solid'],
  rolled_back: ['declared', 'stripes'],
} as const satisfies Record<string, readonly [Tone, Texture]>
export type Mark = keyof typeof marks

/** `m-missing { fill: … }` for each mark, and the paper and tones of the patterns. */
export const markStyles = [
  ...Object.entries(marks).map(([name, [tone, texture]]) => `.m-${name} { fill: ${texture === 'solid' ? `var(--${tone})` : `url(#${tone}-${texture})`}; }`),
  ...Object.keys(tones.light).map((tone) => `.t-${tone} { fill: var(--${tone}); stroke: var(--${tone}); }`),
].join('\n')

/** The patterns that the marks refer to; once on a page, before its charts. */
export function patternDefinitions(): Markup {
  const used = new Set(Object.values(marks).filter(([, texture]) => texture !== 'solid').map((pair) => pair.join(' ')))
  return html`<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>${[...used].map((pair) => {
    const [tone = '', texture = ''] = pair.split(' ')
    return html`<pattern id="${tone}-${texture}" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="t-${tone}" width="6" height="6" stroke-width="0"/>${drawn(texture)}</pattern>`
  })}</defs></svg>
`
}

function drawn(texture: string): Markup {
  if (texture === 'dots') return html`<circle class="t-paper" cx="3" cy="3" r="1.3" stroke-width="0"/>`
  const path = texture === 'stripes' ? 'M-1,7L7,-1M-1,1L1,-1M5,7L7,5' : 'M-1,7L7,-1M-1,-1L7,7'
  return html`<path class="t-paper" d="${path}" stroke-width="1.3"/>`
}
