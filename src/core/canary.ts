import { canonicalHash, canonicalValue, constantFor, type CanonicalKind } from './canonical.js'
import { quoteLiteral } from './identifier.js'

interface CanarySet {
  kind: CanonicalKind
  typeName: string
  /** literals of values that are pairwise different */
  different: string[]
  /** literals of a value that equals the first of `different` */
  equal: string[]
}

const kind = (name: CanonicalKind['name'], literalType: string): CanonicalKind => ({ name, literalType, decideAs: null })

/** Values on which fast hashes of the field have been wrong: signs, weights, halves of a word, nesting, units, NaN, blanks, case. */
const sets: CanarySet[] = [
  { kind: kind('integer', 'int4'), typeName: 'int4', different: ['0', '1', '-1', '5', '-5', '2147483647', '-2147483648'], equal: ['-0'] },
  { kind: kind('bigint', 'int8'), typeName: 'int8', different: ['-1', '4294967295', '0', '4294967296', '5', '-5', '9223372036854775807', '-9223372036854775808'], equal: [] },
  { kind: kind('numeric', 'numeric'), typeName: 'numeric', different: ['1', '-1', '5', '-5', '3', '30000', '10000', '0', 'NaN', '0.0001', '12345678901234567890.123'], equal: ['1.0', '1.000'] },
  { kind: kind('float8', 'float8'), typeName: 'float8', different: ['0', '0.1', '0.2', '0.30000000000000004', '0.3', '1e308', '-1e-20', 'NaN', 'Infinity', '-Infinity'], equal: ['-0'] },
  { kind: kind('float4', 'float4'), typeName: 'float4', different: ['0', '0.1', '0.2', 'NaN', 'Infinity'], equal: ['-0'] },
  { kind: kind('text', 'text'), typeName: 'text', different: ['', ' ', '  ', 'a', 'A', 'ab', 'a ', 'NULL', 'null', '0', 'é', 'e', '\\', "'", 'a|b'], equal: [] },
  { kind: kind('padded text', 'text'), typeName: 'text', different: ['a', 'A', '', 'a b'], equal: ['a ', 'a   '] },
  { kind: kind('boolean', 'bool'), typeName: 'bool', different: ['true', 'false'], equal: ['t'] },
  { kind: kind('uuid', 'uuid'), typeName: 'uuid', different: ['00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'], equal: [] },
  { kind: kind('bytes', 'bytea'), typeName: 'bytea', different: ['\\x', '\\x00', '\\x0000', '\\x61'], equal: [] },
  { kind: kind('jsonb', 'jsonb'), typeName: 'jsonb', different: ['[[1],2]', '[[1,2]]', '{"a":{"b":1},"c":2}', '{"a":{"b":1,"c":2}}', '5', '-5', 'null', '"null"', '{}', '[]'], equal: [' [ [1], 2 ] '] },
  ...verbatim('interval', ['1 mon', '30 days', '720:00']),
  ...verbatim('timestamptz', ['2024-03-31 01:30:00+00', '2024-03-31 01:30:00.000001+00', 'infinity', '-infinity', '0044-03-15 12:00:00 BC']),
  ...verbatim('timestamp', ['2024-03-31 01:30:00', '2024-03-31 01:30:00.000001', 'infinity']),
  ...verbatim('date', ['2024-02-29', '0001-01-01 BC', 'infinity', '-infinity']),
  { kind: kind('array', 'int4[]'), typeName: '_int4', different: ['{1,2}', '{{1,2}}', '{1,NULL}', '{}', '[0:1]={1,2}'], equal: [' { 1 , 2 } '] },
  { kind: kind('array', 'text[]'), typeName: '_text', different: ['{NULL}', '{"NULL"}', '{""}', '{}', '{"a,b"}', '{a,b}'], equal: ['{ NULL }'] },
  { kind: kind('geometric', 'point'), typeName: 'point', different: ['(0,0)', '(0,1)', '(1,0)', '(0,-0.5)', '(0,1e-20)'], equal: ['(-0,0)', '(0,-0)'] },
]

function verbatim(typeName: string, different: string[]): CanarySet[] {
  return [{ kind: kind('verbatim', typeName), typeName, different, equal: [] }]
}

/**
 * One statement that hashes all canaries. Column: hash, one row for each canary, in the order of `judgeCanaries`.
 * @param recode as in the comparison that follows
 */
export function canaryStatement(recode: boolean): string {
  const hashes = sets.flatMap((set) => [...set.different, ...set.equal].map((literal) => {
    const value = canonicalValue(set.kind, set.typeName, `${quoteLiteral(literal)}::${set.typeName}`)
    return canonicalHash(set.kind, value, constantFor(`canary ${set.typeName}`), recode)
  }))
  return `select hash::text as hash from (values ${hashes.map((hash, index) => `(${index}, (${hash})::int8)`).join(', ')}) canary(position, hash) order by position`
}

/**
 * Judges what both servers answered: equal across the sides, different within a side where the values differ, equal where they are equal.
 * @returns one sentence for each kind of value whose fingerprint cannot be trusted; empty when all can
 */
export function judgeCanaries(source: readonly string[], target: readonly string[]): string[] {
  const faults: string[] = []
  let position = 0
  for (const set of sets) {
    const count = set.different.length + set.equal.length
    const left = source.slice(position, position + count)
    const right = target.slice(position, position + count)
    position += count
    if (left.length !== count || right.length !== count) faults.push(`${set.typeName}: a canary row is missing`)
    else if (left.some((hash, index) => hash !== right[index])) faults.push(`${set.typeName}: the two servers hash the same value differently`)
    for (const side of [left, right]) {
      if (new Set(side.slice(0, set.different.length)).size !== set.different.length) faults.push(`${set.typeName}: different values have the same hash`)
      if (side.slice(set.different.length).some((hash) => hash !== side[0])) faults.push(`${set.typeName}: equal values have different hashes`)
    }
  }
  if (position !== source.length || position !== target.length) faults.push('a canary row is missing')
  return [...new Set(faults)]
}
