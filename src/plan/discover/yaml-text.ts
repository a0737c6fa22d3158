/** Pieces of YAML, SQL and comments as a person would write them. */

/** Words that YAML 1.1 or 1.2 readers, or the plan's value maps, take for something else than their text. */
const notPlain = new Set(['null', 'true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n', 'other'])

/** A scalar: plain where it can only be read as this text, else in double quotes. */
export function scalar(text: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !notPlain.has(text.toLowerCase()) ? text : JSON.stringify(text)
}

/** A code or a value of `values`: digits stand as they are, since the plan keeps their text. */
export function code(text: string): string {
  return /^\d{1,18}$/.test(text) ? text : text === 'true' || text === 'false' ? text : scalar(text)
}

/** SQL and zones as a scalar. */
export function sqlScalar(text: string): string {
  return /^[A-Za-z][\w./]*( [\w.]+)*$/.test(text) ? text : JSON.stringify(text)
}

/** A table as the plan names it, as a value: `patient`, `app.patient`, `["a.b", "t"]`. */
export function tableValue({ schema, name }: { schema: string; name: string }): string {
  const isPlain = (part: string) => !/[.[]/.test(part)
  if (!isPlain(schema) || !isPlain(name)) return `[${JSON.stringify(schema)}, ${JSON.stringify(name)}]`
  return schema === 'public' ? scalar(name) : /^\w+$/.test(schema) && /^\w+$/.test(name) ? `${schema}.${name}` : JSON.stringify(`${schema}.${name}`)
}

/** The same as a key of a map, where a list must stand as text. */
export function tableKey(table: { schema: string; name: string }): string {
  const value = tableValue(table)
  return value.startsWith('[') ? JSON.stringify(JSON.stringify([table.schema, table.name])) : value
}

/** A column of the row in SQL; any word may follow the dot without quotes when it is in lower case. */
export function sqlColumn(alias: 'src' | 'tgt', name: string): string {
  return `${alias}.${/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`}`
}

/** Text that can stand behind `#`: one line, no control characters. */
export function inComment(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is taken out
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]+/g, ' ')
}

/** The lines as comments, in the same depth; comments of the first depth stay as they are. */
export function commentOut(lines: readonly string[]): string[] {
  return lines.map((line) => {
    if (line.startsWith('  # ')) return line
    const [, indent = '', rest = ''] = /^( *)(.*)$/s.exec(line) ?? []
    return rest === '' ? '#' : `${indent.slice(0, 2)}# ${indent.slice(2)}${rest}`
  })
}
