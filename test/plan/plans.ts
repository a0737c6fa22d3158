import { PlanError, type PlanFault } from '../../src/plan/fault.js'
import { parsePlan } from '../../src/plan/load.js'

/** A small plan; each argument is YAML in flow style that goes into its place. */
export function planText(parts: { entity?: string; source?: string; target?: string; key?: string; top?: string } = {}): string {
  const { entity = '', source = 'table: person', target = 'table: people', key = '{ id: id }', top = '' } = parts
  return [
    'version: 1', 'domains: { core: {} }', ...(top === '' ? [] : [top]), 'entities:', '  people:', '    domain: core',
    `    source: { ${source} }`, `    target: { ${target} }`, `    key: ${key}`, ...(entity === '' ? [] : entity.split('\n').map((line) => `    ${line}`)), '',
  ].join('\n')
}

/** The faults with which a plan is refused; empty when it loads. */
export function refusalsOf(text: string): PlanFault[] {
  try {
    parsePlan(text)
    return []
  } catch (error) {
    if (error instanceof PlanError) return error.faults
    throw error
  }
}
