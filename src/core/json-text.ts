import { readText } from './canonical.js'
import { quoteLiteral } from './identifier.js'

/** From this version on the server itself tells whether a text can be read as jsonb. */
const tellsValidity = 160_000
/** Deeper JSON than this is not read on older servers. */
const deepest = 1000

/**
 * SQL that reads a text as jsonb; NULL where the text is no JSON, so that one broken row fails no statement. Servers before 16 cannot tell it
 * beforehand: there the text is reduced as a grammar of JSON does it, strings and scalars to one character each, then the innermost
 * containers to one until one is left. What neither way reads is unread, never guessed.
 * @param text SQL of the text
 */
export function readJson(text: string, server: { version: number; encoding: string }): string {
  const valid = server.version >= tellsValidity ? `pg_catalog.pg_input_is_valid((${text})::text, 'jsonb')` : reducesToOne(`((${text})::text collate "C")`, server.encoding)
  return `(case when ${valid} then ${readText('jsonb', `(${text})::text`)} end)`
}

function reducesToOne(text: string, encoding: string): string {
  const blank = '[ \\t\\n\\r]*'
  // jsonb takes no U+0000, no lone surrogate, and beyond ASCII only what a UTF-8 database can hold
  const codePoint = encoding === 'UTF8'
    ? '\\\\u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4}|\\\\u[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2}'
    : '\\\\u(?!0000)00[0-7][0-9a-fA-F]'
  const string = `"(?:[^"\\\\\\u0001-\\u001f]|\\\\["\\\\/bfnrt]|${codePoint})*"`
  const scalar = '-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]{1,4})?|true|false|null'
  const [key, value] = ['\\u0001', `[\\u0001\\u0002]`]
  const list = (member: string) => `${blank}(?:${member}${blank}(?:,${blank}${member}${blank})*)?`
  const container = `\\[${list(value)}\\]|\\{${list(`${key}${blank}:${blank}${value}`)}\\}`
  const replace = (from: string, pattern: string, by: number) => `pg_catalog.regexp_replace(${from}, ${quoteLiteral(pattern)}, pg_catalog.chr(${by}), 'g')`
  return `(${text} !~ ${quoteLiteral('[\\u0001-\\u0008\\u000b\\u000c\\u000e-\\u001f]')} and (with recursive step (rest, depth) as (` +
    `select ${replace(replace(text, string, 1), scalar, 2)}, 0 union all select ${replace('rest', container, 2)}, depth + 1 from step where depth < ${deepest} and rest ~ ${quoteLiteral(container)}) ` +
    `select rest from step order by depth desc limit 1) ~ ${quoteLiteral(`^${blank}${value}${blank}$`)})`
}
