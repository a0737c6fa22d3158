/**
 * What the plan language knows and the service does not do yet: one row per key. Such a key is refused and never half
 * honoured; removing the row enables the key.
 */
export interface Unsupported {
  /** the key as the fault names it */
  key: string
  /** where it stands; `*` is any one key or list index */
  at: string[]
  /** what to do instead, after "remove it or ..." */
  instead: string
}

export const unsupported: Unsupported[] = [
  { key: 'gates', at: ['gates'], instead: 'judge the figures where they are read' },
]
