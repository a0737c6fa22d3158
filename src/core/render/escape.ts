/**
 * Text on its way into a document. Whatever comes from a database or a client (names, values, messages) is hostile: it may hold
 * markup, formulas, terminal escapes or marks that turn the reading direction. Each function here is for one kind of place.
 */

/**
 * Control characters, and what a reader cannot see but what changes the meaning: soft hyphen, zero-width space and joiner of words,
 * line and paragraph separators, marks of direction, byte order mark, noncharacters, halves of a surrogate pair.
 * U+200C and U+200D stay as they are: Persian words and emoji need them.
 */
const hidden =
  // eslint-disable-next-line no-control-regex -- these are the characters to find
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff\\]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const shortForms: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

/**
 * One printable line: what is hidden is written as in a JSON string (`\n`, `\u001b`), and so is the backslash itself, which keeps
 * the text unambiguous and reversible.
 */
export function visibleText(text: string): string {
  return text.replace(hidden, (character) => shortForms[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** JSON of one printable line, that every parser reads back as the same value: what is hidden in its texts stands there as `\u001b`. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(hidden, (character) => (character === '\\' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`))
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Fit for text and for quoted attributes of HTML and XML 1.0 alike; what XML cannot hold at all is written visibly. */
export function escapeMarkup(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/**
 * One line of Markdown, fit for a table cell, a list item or a heading: nothing in it is read as markup, HTML or a link.
 * Angle brackets and ampersands become entities, since some renderers pass HTML through where a backslash stands before it.
 */
export function escapeMarkdown(text: string): string {
  return visibleText(text)
    .trim()
    .replace(/[&<>]/g, (character) => entities[character] ?? character)
    .replace(/[\\`*_[\]|~!$]/g, '\\$&')
    .replace(/:(?=\/\/)/g, '\\:')
    .replace(/\bwww\./gi, (match) => `${match.slice(0, -1)}\\.`)
    .replace(/^[#+=-]/, '\\$&')
    .replace(/^(\d+)([.)])/, '$1\\$2')
}

/**
 * A text cell of a CSV file that a spreadsheet will not run: an apostrophe goes before what would start a formula.
 * A plain negative number is none, and stays the number that it is.
 */
export function neutraliseFormula(text: string): string {
  const line = visibleText(text)
  if (/^-\d+(\.\d+)?$/.test(line)) return line
  return /^\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]/.test(line) ? `'${line}` : line
}

/** A file name of letters, digits, dots and hyphens, for a Content-Disposition header. */
export function safeFileName(text: string): string {
  const name = text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9.]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 100)
  return name === '' ? 'file' : name
}
