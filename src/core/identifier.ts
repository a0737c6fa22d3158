/**
 * Quotes one SQL identifier. The name is taken exactly as written, whatever it holds.
 * @throws Error on an empty name or one with a NUL character, which no PostgreSQL identifier can hold
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new Error('an identifier may be neither empty nor hold a NUL character')
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a schema-qualified relation: `"public"."patient"`. */
export function quoteRelation(relation: { schema: string; name: string }): string {
  return `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`
}

/** A relation as it stands behind `from`: its name, or a select in parentheses. */
export function relationSql(relation: { schema: string; name: string; query?: string | null }): string {
  return typeof relation.query === 'string' ? `(${relation.query}\n)` : quoteRelation(relation)
}

/**
 * Quotes a string literal, safe under any `standard_conforming_strings`.
 * @throws Error on a NUL character, which PostgreSQL text cannot hold
 */
export function quoteLiteral(value: string): string {
  if (value.includes('\0')) throw new Error('a literal may not hold a NUL character')
  const quoted = `'${value.replaceAll("'", "''")}'`
  return value.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

/** A predicate of the plan as "is true"; the line break ends a trailing comment in it. */
export function isTrue(predicate: string | null): string {
  return predicate === null ? 'true' : `((${predicate}\n) is true)`
}
