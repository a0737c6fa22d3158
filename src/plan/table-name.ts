export interface TableName {
  schema: string
  name: string
}

/**
 * Reads a table name of the plan. `patient` is in `public`, `app.patient` has its schema, `["a.b", "t"]` (a list, or that list as
 * text where the name is a key) holds names with dots.
 * @returns the name, or what is wrong with it
 */
export function readTableName(written: string | [string, string]): TableName | { fault: string } {
  if (Array.isArray(written)) return checked(written[0], written[1])
  if (written.startsWith('[')) {
    const listed = parseList(written)
    if (listed !== null) return checked(listed[0], listed[1])
  }
  const parts = written.split('.')
  if (parts.length > 2) return { fault: `${written} has more than one dot: write it as a list of schema and table, \`["a.b", "t"]\`` }
  return parts.length === 1 ? checked('public', written) : checked(parts[0] ?? '', parts[1] ?? '')
}

function parseList(text: string): [string, string] | null {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string') ? (value as [string, string]) : null
  } catch {
    return null // a table may be named so
  }
}

function checked(schema: string, name: string): TableName | { fault: string } {
  if (schema === '' || name === '') return { fault: 'a schema or table name is empty' }
  if (`${schema}${name}`.includes('\0')) return { fault: 'a name may not hold a NUL character' }
  return { schema, name }
}

/** As a reader writes it: `public.patient`; a query has no schema. */
export function formatTable(table: TableName): string {
  return table.schema === '' ? table.name : `${table.schema}.${table.name}`
}
