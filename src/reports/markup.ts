import { escapeMarkup } from '../core/render/escape.js'

/** Markup that is already safe. Only `html` makes it. */
export interface Markup {
  readonly markup: string
}

export type Piece = string | number | Markup | readonly Markup[]

/** HTML or SVG. Escapes every piece but markup made by itself, so that forgetting to escape is not possible. */
export function html(strings: TemplateStringsArray, ...pieces: Piece[]): Markup {
  return { markup: strings.map((text, index) => text + (index < pieces.length ? markupOf(pieces[index] ?? '') : '')).join('') }
}

function markupOf(piece: Piece): string {
  if (typeof piece === 'string') return escapeMarkup(piece)
  if (typeof piece === 'number') return String(piece)
  return 'markup' in piece ? piece.markup : piece.map(({ markup }) => markup).join('')
}
