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
  { key: 'source.join', at: ['entities', '*', 'source', 'join'], instead: 'look the value up in a subquery of `sql`' },
  { key: 'target.join', at: ['entities', '*', 'target', 'join'], instead: 'make it a view on the target and name it as `table`' },
  { key: 'source.merge', at: ['entities', '*', 'source', 'merge'], instead: 'name the rows that do not survive under `exclude`' },
  { key: 'key: all', at: ['entities', '*', 'key'], when: (value) => value === 'all', instead: 'name the columns of the key' },
  ...inTerms('target', 'compare the column itself'),
  ...inTerms('references by', 'write one entity per type, each with its `where`').map((row) => ({ ...row, at: [...row.at.slice(0, -1), 'references'], when: isObject })),
  { key: 'values.other in a key', at: ['entities', '*', 'key', '*', 'values', 'other'], instead: 'list every code' },
  { key: 'as', at: ['entities', '*', 'columns', '*', 'as'], instead: 'convert it in `sql`, for example `src.payload::jsonb`' },
  { key: 'accept', at: ['entities', '*', 'columns', '*', 'accept'], instead: 'write the accepted value into `sql` with a `case`' },
  { key: 'explained.parent', at: ['entities', '*', 'explained', '*', 'parent'], instead: 'write the condition as `where` with `not exists (...)`' },
  { key: 'totals', at: ['entities', '*', 'totals'], instead: 'rely on the comparison of each row' },
  { key: 'natural key map', at: ['keyMaps', '*', 'source'], instead: 'store the map in a table of the target' },
  { key: 'natural key map', at: ['keyMaps', '*', 'target'], instead: 'store the map in a table of the target' },
  { key: 'keyMap entity', at: ['keyMaps', '*', 'entity'], instead: 'give each parent entity a key map of its own' },
  { key: 'gates', at: ['gates'], instead: 'judge the figures where they are read' },
  { key: 'rules', at: ['rules'], instead: 'ask such questions beside the plan' },
]
