/**
 * What the plan language knows and the service does not do yet: one row per key. Such a key is refused and never half
 * honoured; removing the row enables the key.
 */
export interface Unsupported {
  /** the key as the fault names it */
  key: string
  /** where it stands; `*` is any one key or list index */
  at: string[]
  /** narrows to some values of the key */
  when?: (value: unknown) => boolean
  /** what to do instead, after "remove it or ..." */
  instead: string
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
const inTerms = (key: string, instead: string, when?: (value: unknown) => boolean): Unsupported[] =>
  ['columns', 'key'].map((part) => ({ key, at: ['entities', '*', part, '*', key], instead, ...(when === undefined ? {} : { when }) }))

export const unsupported: Unsupported[] = [
  { key: 'source.query', at: ['entities', '*', 'source', 'query'], instead: 'make it a view on the source and name it as `table`' },
  { key: 'source.covers', at: ['entities', '*', 'source', 'covers'], instead: 'name the table itself as `table`' },
  { key: 'source.merge', at: ['entities', '*', 'source', 'merge'], instead: 'name the rows that do not survive under `exclude`' },
  { key: 'key: all', at: ['entities', '*', 'key'], when: (value) => value === 'all', instead: 'name the columns of the key' },
  ...inTerms('references by', 'write one entity per type, each with its `where`').map((row) => ({ ...row, at: [...row.at.slice(0, -1), 'references'], when: isObject })),
  { key: 'values.other in a key', at: ['entities', '*', 'key', '*', 'values', 'other'], instead: 'list every code' },
  { key: 'as', at: ['entities', '*', 'columns', '*', 'as'], instead: 'convert it in `sql`, for example `src.payload::jsonb`' },
  { key: 'accept', at: ['entities', '*', 'columns', '*', 'accept'], instead: 'write the accepted value into `sql` with a `case`' },
  { key: 'totals', at: ['entities', '*', 'totals'], instead: 'rely on the comparison of each row' },
  ...(['source', 'target'] as const).map((side) => ({ key: 'natural key map query', at: ['keyMaps', '*', side, 'query'], instead: 'make it a view and name it as `table`' })),
  { key: 'gates', at: ['gates'], instead: 'judge the figures where they are read' },
]
