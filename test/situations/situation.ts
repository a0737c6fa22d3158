import { worstVerdict, type Verdict } from '../../src/core/accounting.js'
import type { Case } from '../validation/cases.js'
import { table } from '../validation/tables.js'

/** A situation that a migration gets into, with data that look like it, and the same-looking data that must be judged the other way. */
export interface Situation {
  id: `S${number}`
  title: string
  /** the pieces of the story's plan that decide, as they stand in it without the prefix of the case; none: there is nothing to write */
  says: string[]
  story: Case
  /** the name of a twin says what differs */
  twins: [Case, ...Case[]]
}

/** The same data or plan with some of it changed. */
export const twin = (story: Case, name: string, changed: Partial<Case> & Pick<Case, 'expected'>): Case => {
  const { tables: _tables, checks: _checks, ...rest } = story
  return { ...rest, name, ...changed }
}

/** The entity of a case in which a piece of its plan is written otherwise. @throws Error when the piece is not there */
export function rewritten(story: Case, piece: string, by: string): Pick<Case, 'entities'> {
  if (!Object.values(story.entities).some((text) => text.includes(piece))) throw new Error(`"${story.name}" does not say ${piece}`)
  return { entities: Object.fromEntries(Object.entries(story.entities).map(([name, text]) => [name, text.replace(piece, by)])) }
}

/** SQL of a stored key map: legacy key → modern key. */
export const map = (name: string, entries: string, type = 'int') => table(name, `legacy int, modern ${type}`, entries)
/** YAML of that key map. */
export const keyMap = (name: string) => `$_${name}: { table: $_${name}, legacy: legacy, modern: modern }`

/** The plan of a case as it reads without the prefix. */
export function planTextOf({ keyMaps = '', ignore = {}, entities }: Case): string {
  return [keyMaps, ignore.source ?? '', ignore.target ?? '', ...Object.values(entities)].join('\n').replaceAll('$_', '')
}

/** The worst of what a case expects of its entities, tables and checks. */
export function verdictOf({ expected, tables = {}, checks = {} }: Case): Verdict {
  return worstVerdict([...Object.values(expected).map(({ verdict }) => verdict), ...Object.values(tables).map((line) => line.split(':')[0] as Verdict), ...Object.values(checks)])
}

/** The figures of a case: of its entities, and of the tables that it names. */
export function figuresText({ expected, tables = {} }: Case): string[] {
  const entities = Object.entries(expected)
  const lines = entities.map(([name, { figures }]) => `${entities.length === 1 ? '' : `${name} `}${figures.replace(/null: null [a-z, ]+$/, 'not counted')}`)
  return [...lines, ...Object.entries(tables).map(([name, line]) => `${name.replaceAll('$_', '')} ${line}`)]
}
