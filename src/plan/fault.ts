/** What is wrong with a plan, and where. */
export interface PlanFault {
  severity: 'critical' | 'warning' | 'info'
  /** stable word in capitals, for example `UNKNOWN_KEY` */
  code: string
  /** the entity that cannot be compared because of it (critical) or that it concerns; null: the plan as a whole */
  entity: string | null
  /** `entities.patients.source.table`; empty for the file itself */
  path: string
  /** 1-based; null when the fault has no place in the file */
  line: number | null
  column: number | null
  /** says what is wrong and what to do */
  message: string
  suggestion: string | null
}

/** Keys and list indexes from the top of the plan. */
export type Path = (string | number)[]

/** Thrown when a plan cannot be loaded; carries every critical fault, in the order of the file. */
export class PlanError extends Error {
  readonly faults: PlanFault[]
  constructor(faults: PlanFault[]) {
    super(`the plan has ${String(faults.length)} ${faults.length === 1 ? 'fault' : 'faults'}:\n${faults.map(formatFault).join('\n')}`)
    this.name = 'PlanError'
    this.faults = faults
  }
}

/** One line for logs and terminals: `line 12, column 7: entities.a.domain: ... (did you mean ...)`. */
export function formatFault(fault: PlanFault): string {
  const place = fault.line === null ? '' : `line ${String(fault.line)}, column ${String(fault.column ?? 1)}: `
  return `${place}${fault.path === '' ? '' : `${fault.path}: `}${fault.message}${fault.suggestion === null ? '' : ` (${fault.suggestion})`}`
}

/** `['entities', 'a.b', 'exclude', 0]` → `entities["a.b"].exclude[0]`. */
export function formatPath(path: Path): string {
  return path.map((part, index) => {
    if (typeof part === 'number') return `[${String(part)}]`
    if (!/^[\p{L}_][\p{L}\p{N}_$-]*$/u.test(part)) return `[${JSON.stringify(part)}]`
    return index === 0 ? part : `.${part}`
  }).join('')
}

/** The order of the file; faults without a place come last. */
export function byPlace(left: PlanFault, right: PlanFault): number {
  const [leftLine, rightLine] = [left.line ?? Infinity, right.line ?? Infinity]
  return leftLine === rightLine ? (left.column ?? 0) - (right.column ?? 0) : leftLine < rightLine ? -1 : 1
}

/** A fault as the checks find it; its place in the file is looked up later. */
export type FoundFault = Pick<PlanFault, 'code' | 'message'> & { path: Path; severity?: PlanFault['severity']; entity?: string | null; suggestion?: string | null }

/** Gives a found fault its place, and its entity: the one its path runs through, unless it names another. Severity is critical unless it says less. */
export function placeFault(found: FoundFault, lineOf: (path: Path) => { line: number; column: number } | null): PlanFault {
  const place = lineOf(found.path)
  return {
    severity: found.severity ?? 'critical', code: found.code, entity: found.entity ?? entityOf(found.path), path: formatPath(found.path),
    line: place?.line ?? null, column: place?.column ?? null, message: found.message, suggestion: found.suggestion ?? null,
  }
}

function entityOf(path: Path): string | null {
  return path[0] === 'entities' && typeof path[1] === 'string' ? path[1] : null
}

/** The names of the entities that cannot be compared because of critical faults. */
export function blockedEntities(faults: readonly PlanFault[]): string[] {
  return [...new Set(faults.flatMap(({ severity, entity }) => (severity === 'critical' && entity !== null ? entity : [])))].sort()
}
