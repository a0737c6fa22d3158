import { describe, expect, it } from 'vitest'
import { renderBadge } from '../../src/coverage/badge.js'

describe('renderBadge', () => {
  it.each([[100, '100.00%', '#3c1'], [99.9, '99.90%', '#3c1'], [99.89, '99.89%', '#a4a61d'], [89.99, '89.99%', '#fe7d37'], [59.99, '59.99%', '#e05d44'], [null, 'unknown', '#9f9f9f']])(
    '%s',
    (percent, text, colour) => {
      const svg = renderBadge(percent)
      expect(svg).toContain(`<title>migration coverage: ${text}</title>`)
      expect(svg).toContain(`fill="${colour}"`)
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" .*<\/svg>$/)
    },
  )
})
