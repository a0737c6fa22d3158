/**
 * A flat SVG badge of a percentage. Text is set in a fixed width, so that it fits whatever font the viewer has.
 * @param percent 0–100; null shows `unknown` in grey
 */
export function renderBadge(percent: number | null): string {
  const value = percent === null ? 'unknown' : `${percent.toFixed(2)}%`
  const colour = percent === null ? '#9f9f9f' : percent >= 99.9 ? '#3c1' : percent >= 90 ? '#a4a61d' : percent >= 60 ? '#fe7d37' : '#e05d44'
  const label = 'migration coverage'
  const [labelWidth, valueWidth] = [label.length * 6.5 + 10, value.length * 7 + 10]
  const width = labelWidth + valueWidth
  const text = (x: number, textLength: number, content: string) =>
    `<text x="${x}" y="14" textLength="${textLength}" lengthAdjust="spacingAndGlyphs">${content}</text>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="20" role="img" aria-label="${label}: ${value}">`,
    `<title>${label}: ${value}</title>`,
    `<rect width="${labelWidth}" height="20" fill="#555"/><rect x="${labelWidth}" width="${valueWidth}" height="20" fill="${colour}"/>`,
    '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">',
    text(labelWidth / 2, labelWidth - 10, label),
    text(labelWidth + valueWidth / 2, valueWidth - 10, value),
    '</g></svg>',
  ].join('')
}
