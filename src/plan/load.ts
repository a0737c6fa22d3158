import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { byPlace, placeFault, PlanError, type Path, type PlanFault } from './fault.js'
import { findCrossReferenceFaults } from './cross-reference.js'
import type { Plan } from './schema.js'
import { findShapeFaults } from './shape.js'
import { readYaml } from './yaml.js'

export { PlanError, type PlanFault } from './fault.js'

export interface LoadedPlan {
  plan: Plan
  /** sha256 of the file's text, hexadecimal */
  checksum: string
  /** the file's text */
  content: string
  /** warnings and hints that need no database; critical faults are thrown */
  faults: PlanFault[]
  /** 1-based place of the key at the path, or of the nearest thing above it */
  lineOf: (path: Path) => { line: number; column: number } | null
  /** the key at the path stands in quotes: `"null"` and `"other"` are then ordinary codes of `values` */
  isQuoted: (path: Path) => boolean
}

/** Reads and parses a plan file. @throws PlanError with the faults, also when the file cannot be read */
export async function loadPlanFile(path: string): Promise<LoadedPlan> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const message = `the plan file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`
    throw new PlanError([{ severity: 'critical', code: 'UNREADABLE', entity: null, path: '', line: null, column: null, message, suggestion: null }])
  }
  return parsePlan(text)
}

/**
 * Parses a plan and checks all that needs no database. @throws PlanError with every critical fault
 */
export function parsePlan(text: string): LoadedPlan {
  const yaml = readYaml(text)
  if (yaml.faults.length > 0) {
    // the reader knows the place of a syntax error, which is no path of the plan
    throw new PlanError(yaml.faults.map(({ line, column, ...found }) => ({ ...placeFault(found, yaml.lineOf), line, column })))
  }
  const shape = findShapeFaults(yaml.value)
  // references between parts are only meaningful once the parts have their shape
  const found = [...shape, ...(shape.length === 0 ? findCrossReferenceFaults(yaml.value as Plan) : [])]
  const faults = found.map((fault) => placeFault(fault, yaml.lineOf)).sort(byPlace)
  const critical = faults.filter((fault) => fault.severity === 'critical')
  if (critical.length > 0) throw new PlanError(critical)
  return {
    plan: yaml.value as Plan, checksum: createHash('sha256').update(text).digest('hex'), content: text, faults, lineOf: yaml.lineOf, isQuoted: yaml.isQuoted,
  }
}

/**
 * Whether two texts of plans ask for the same comparison: the same keys and values in the same order. Comments, layout and `gates`, which
 * only judge what was compared, do not matter; quotes around a key do, since they decide what some keys mean.
 */
export function comparesAlike(left: string, right: string): boolean {
  return left === right || comparedPart(left) === comparedPart(right)
}

function comparedPart(text: string): string {
  const { value, isQuoted } = readYaml(text)
  const told = (node: unknown, path: Path): unknown => {
    if (Array.isArray(node)) return node.map((item, index) => told(item, [...path, index]))
    if (typeof node !== 'object' || node === null) return node
    const entries = Object.entries(node).filter(([key]) => path.length > 0 || key !== 'gates')
    return { map: entries.map(([key, child]) => [key, isQuoted([...path, key]), told(child, [...path, key])]) }
  }
  return JSON.stringify(told(value, []))
}
