import type { TSchema } from '@sinclair/typebox'
import { Value, ValueErrorType, type ValueError } from '@sinclair/typebox/value'
import { nearestName } from '../core/nearest.js'
import type { FoundFault, Path } from './fault.js'
import { PlanSchema } from './schema.js'

/** Every place where the value does not have the shape of `PlanSchema`, one fault per place. */
export function findShapeFaults(value: unknown): FoundFault[] {
  const faults = new Map<string, FoundFault>()
  for (const error of leaves(Value.Errors(PlanSchema, value))) {
    if (!faults.has(error.path)) faults.set(error.path, describe(error, pathOf(error.path, value)))
  }
  return [...faults.values()]
}

/** Goes into a union along the one member that the value was meant to be. */
function leaves(errors: Iterable<ValueError>): ValueError[] {
  const result: ValueError[] = []
  for (const error of errors) {
    const members = error.type === ValueErrorType.Union ? error.errors.map((member) => [...member]) : []
    const meant = members.filter((member) => member.every((inner) => inner.path !== error.path || inner.type === ValueErrorType.ObjectRequiredProperty))
    if (meant.length === 1 && meant[0] !== undefined) result.push(...leaves(meant[0]))
    else result.push(error)
  }
  return result
}

/** JSON pointer → path; a part is an index where the value is a list. */
function pathOf(pointer: string, value: unknown): Path {
  const path: Path = []
  let here: unknown = value
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(here) ? Number(key) : key)
    here = typeof here === 'object' && here !== null ? (here as Record<string, unknown>)[key] : undefined
  }
  return path
}

function describe(error: ValueError, path: Path): FoundFault {
  const key = String(path.at(-1) ?? '')
  if (error.type === ValueErrorType.ObjectAdditionalProperties) {
    const known = Object.keys((error.schema['properties'] as Record<string, TSchema> | undefined) ?? {})
    const near = nearestName(key, known)
    return {
      code: 'UNKNOWN_KEY', path, message: `\`${key}\` is not a key of the plan language here; known keys: ${known.join(', ')}`,
      suggestion: near === null ? null : `did you mean \`${near}\`?`,
    }
  }
  if (error.type === ValueErrorType.ObjectRequiredProperty || error.value === undefined) {
    return { code: 'MISSING_KEY', path, message: `the key \`${key}\` is missing here: add it`, suggestion: error.schema.description ?? null }
  }
  const wanted = wantedOf(error.schema)
  const got = error.value === null ? 'nothing stands here' : `${JSON.stringify(error.value)?.slice(0, 60) ?? 'this'} stands here`
  const choices = literalsOf(error.schema)
  const near = typeof error.value === 'string' ? nearestName(error.value, choices) : null
  const quotes = wanted.includes('text') && (typeof error.value === 'number' || typeof error.value === 'boolean') ? 'put it in quotes' : null
  return {
    code: 'INVALID_VALUE', path, message: `\`${key}\` must be ${wanted}, and ${got}`,
    suggestion: near !== null ? `did you mean \`${near}\`?` : quotes ?? error.schema.description ?? null,
  }
}

function literalsOf(schema: TSchema): string[] {
  if (typeof schema['const'] === 'string') return [schema['const']]
  return ((schema['anyOf'] as TSchema[] | undefined) ?? []).flatMap(literalsOf)
}

/** What a schema asks for, in words. */
function wantedOf(schema: TSchema): string {
  if (schema['const'] !== undefined) return `\`${String(schema['const'])}\``
  const members = schema['anyOf'] as TSchema[] | undefined
  if (members !== undefined) return [...new Set(members.map(wantedOf))].join(' or ')
  switch (schema['type']) {
    case 'string': return schema['minLength'] === undefined ? 'text' : 'text that is not empty'
    case 'array': return schema['maxItems'] === 2 && schema['minItems'] === 2 ? 'a list of two' : 'a list'
    case 'object': return 'a map of keys'
    case 'boolean': return 'true or false'
    case 'integer': return 'a whole number of 0 or more'
    case 'number': return 'a number from 0 to 100'
    default: return String(schema['type'] ?? 'something else')
  }
}
