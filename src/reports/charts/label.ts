import { visibleText } from '../../core/render/escape.js'

/** Characters as a reader counts them: an emoji of several code points is one. */
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** East Asian wide characters and emoji, which take the room of two letters. */
const wide = /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}|[\u{20000}-\u{3fffd}]/u

/** Labels keep to so many columns, so that they fit the 350 px of a telephone: a letter of 11.5 px takes 6 px, a bold one of 13 px 8 px. */
export const detailColumns = 48
const headColumns = 42
const nameColumns = 28

/** A name, cut so that the value has its room at the end of the same line. */
export function nameBeside(name: string, value: string): string {
  return shorten(name, Math.min(nameColumns, headColumns - columnsOf(value)))
}

/** The room that a text takes, in letters. */
export function columnsOf(text: string): number {
  return [...graphemes.segment(text)].reduce((sum, { segment }) => sum + (wide.test(segment) ? 2 : 1), 0)
}

/** The text as it is shown, cut with an ellipsis when it takes more room; a character is never cut in two. */
export function shorten(text: string, columns: number): string {
  const shown = visibleText(text)
  if (columnsOf(shown) <= columns) return text
  let kept = ''
  let room = columns - 1
  for (const { segment } of graphemes.segment(text)) {
    room -= columnsOf(visibleText(segment))
    if (room < 0) break
    kept += segment
  }
  return `${kept}…`
}

/** Joins parts to lines of at most so many columns; a part stays on one line. */
export function wrap(parts: readonly string[], columns: number): string[] {
  const lines: string[] = []
  for (const part of parts) {
    const line = lines.at(-1)
    const longer = line === undefined ? part : `${line} · ${part}`
    if (line === undefined || columnsOf(longer) > columns) lines.push(part)
    else lines[lines.length - 1] = longer
  }
  return lines
}

/** An exact count as people read it: 1,234,567. */
export function countText(count: number): string {
  return count.toLocaleString('en-US')
}

/** Minutes are enough on an axis. */
export function timeText(time: Date | string): string {
  return (typeof time === 'string' ? time : time.toISOString()).slice(0, 16).replace('T', ' ')
}

/** A place on a chart, as percentage of its width; four decimals are a thousandth of a pixel. */
export function percentText(value: number): string {
  return `${Number(value.toFixed(4))}%`
}
