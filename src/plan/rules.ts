import { canonicalText, canonicalValue, chooseCanonical } from '../core/canonical.js'
import type { Side, TypeInfo } from '../core/catalog.js'
import type { Db } from '../db/clients.js'
import { describeQuery } from '../db/catalog.js'
import type { FoundFault, Path } from './fault.js'
import { readQuery } from './fragment.js'
import type { LoadedPlan } from './load.js'

/** A question that is ready to be asked on both sides; without statements it cannot be asked, and says why. */
export interface RuleSpec {
  name: string
  severity: 'critical' | 'warning' | 'info'
  /** SQL whose columns c0… are canonical texts; null: at fault */
  source: string | null
  target: string | null
  /** what is at fault, or null */
  fault: string | null
}

/** More rows than this are not compared: an aggregate says the same in fewer. */
export const mostRuleRows = 1000

/** Reads the rules of the plan, has each server parse and plan its side, and brings their columns to common forms. */
export async function checkRules(loaded: LoadedPlan, clients: Record<Side, Db>): Promise<{ rules: RuleSpec[]; faults: FoundFault[] }> {
  const faults: FoundFault[] = []
  const rules: RuleSpec[] = []
  for (const [index, { name, severity, source, target }] of (loaded.plan.rules ?? []).entries()) {
    const path = ['rules', index]
    const own: FoundFault[] = []
    const [from, to] = [await describeSide(clients.source, 'source', source, [...path, 'source'], own), await describeSide(clients.target, 'target', target, [...path, 'target'], own)]
    const statements = from === null || to === null ? null : statementsOf(from, to, { source, target }, path, own)
    faults.push(...own)
    rules.push({ name, severity, source: statements?.source ?? null, target: statements?.target ?? null, fault: own.length === 0 ? null : own.map(({ message }) => message).join('; ') })
  }
  return { rules, faults }
}

async function describeSide(sql: Db, side: Side, text: string, path: Path, faults: FoundFault[]): Promise<TypeInfo[] | null> {
  const found = readQuery(text).faults
  faults.push(...found.map((fault) => ({ ...fault, path })))
  if (found.length > 0) return null
  const described = await describeQuery(sql, text)
  if ('columns' in described) return described.columns.map(({ type }) => type)
  faults.push({ code: 'INVALID_SQL', path, message: `the ${side} server refuses this SQL: ${described.error}` })
  return null
}

function statementsOf(from: TypeInfo[], to: TypeInfo[], text: { source: string; target: string }, path: Path, faults: FoundFault[]): { source: string; target: string } | null {
  if (from.length !== to.length || from.length === 0) {
    faults.push({ code: 'CONTRADICTION', path, message: `the source's answer has ${from.length} columns and the target's ${to.length}: select the same on both` })
    return null
  }
  const columns = from.map((left, index) => ({ left, right: to[index] ?? left, choice: chooseCanonical(left, to[index] ?? left, { zone: null }) }))
  const refused = columns.flatMap(({ left, right, choice }, index) => {
    if ('refused' in choice) return [`column ${index + 1} is ${left.name} and ${right.name}: ${choice.refused}`]
    return choice.kind.decideAs === null ? [] : [`column ${index + 1} is ${left.name}, whose equal values have several texts: cast it to text`]
  })
  if (refused.length > 0) {
    faults.push({ code: 'INCOMPATIBLE_TYPES', path, message: `the answers cannot be compared: ${refused.join('; ')}` })
    return null
  }
  const names = columns.map((_, index) => `c${index}`)
  const statement = (side: 'left' | 'right', query: string) => {
    const texts = columns.flatMap(({ choice, [side]: type }, index) => ('refused' in choice ? [] : [`${canonicalText(canonicalValue(choice.kind, type.name, `answer.c${index}`))} as c${index}`]))
    return `select ${texts.join(', ')} from (${query}\n) answer(${names.join(', ')}) limit ${mostRuleRows + 1}`
  }
  return { source: statement('left', text.source), target: statement('right', text.target) }
}
