import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalHash, canonicalOf, canonicalText, canonicalValue, chooseCanonical, chooseKeyKind, constantFor, int8Literal, mix64, type CanonicalChoice } from '../../src/core/canonical.js'
import type { TypeInfo } from '../../src/core/catalog.js'

const base = (name: string): TypeInfo => ({ name: ['geometry', 'hstore', 'citext'].includes(name) ? `"public"."${name}"` : name, base: name, kind: 'b', element: null })
const arrayOf = (element: TypeInfo): TypeInfo => ({ name: `_${element.name}`, base: `_${element.base}`, kind: 'b', element })
const range = (name: string, element: TypeInfo): TypeInfo => ({ name, base: name, kind: 'r', element })
const enumType: TypeInfo = { name: '"public"."color"', base: 'color', kind: 'e', element: null }
const composite: TypeInfo = { name: '"public"."pair"', base: 'pair', kind: 'c', element: null }
const baseNames = [
  'int2', 'int4', 'int8', 'oid', 'numeric', 'money', 'float4', 'float8', 'text', 'varchar', 'bpchar', 'name', 'citext', 'bool', 'uuid', 'bytea', 'json', 'jsonb', 'date', 'time', 'timetz',
  'timestamp', 'timestamptz', 'interval', 'inet', 'cidr', 'macaddr', 'bit', 'varbit', 'xml', 'hstore', 'point', 'tsvector', 'xid', 'tid', 'regclass', 'geometry', 'pg_lsn',
]
const simple = fc.constantFrom(...baseNames.map(base), enumType, composite, range('int4range', base('int4')), range('numrange', base('numeric')))
const type = fc.oneof({ weight: 3, arbitrary: simple }, { weight: 1, arbitrary: simple.map(arrayOf) })
const none = { zone: null }
const nameOf = (choice: CanonicalChoice) => ('refused' in choice ? 'refused' : choice.kind.name)

describe('chooseCanonical', () => {
  test('refuses in one direction what it refuses in the other, and meets in the same kind', () => {
    fc.assert(fc.property(type, type, (left, right) => {
      const [there, back] = [chooseCanonical(left, right, none), chooseCanonical(right, left, none)]
      expect(nameOf(there)).toBe(nameOf(back))
      if (!('refused' in there) && !('refused' in back)) {
        expect(there.kind.decideAs).toBe(back.kind.decideAs)
        expect('warning' in there && there.warning !== undefined).toBe('warning' in back && back.warning !== undefined)
      }
    }), { numRuns: 2000 })
  })

  test('every refusal says why and what to do', () => {
    fc.assert(fc.property(type, type, (left, right) => {
      const choice = chooseCanonical(left, right, none)
      if ('refused' in choice) expect([choice.refused.length > 10, choice.suggestion?.includes('`') ?? true]).toEqual([true, true])
    }))
  })

  test.each<[string, string, string]>([
    ['int2', 'int4', 'integer'], ['int4', 'int8', 'bigint'], ['oid', 'int4', 'bigint'], ['int8', 'numeric', 'numeric'], ['money', 'numeric', 'numeric'], ['numeric', 'float8', 'float8'],
    ['numeric', 'float4', 'float4'], ['float4', 'float8', 'float8'], ['float4', 'float4', 'float8'], ['int8', 'float8', 'float8'], ['text', 'varchar', 'text'], ['citext', 'text', 'text'],
    ['bpchar', 'text', 'padded text'], ['uuid', 'uuid', 'uuid'], ['uuid', 'text', 'uuid text'], ['uuid', 'bpchar', 'uuid text'], ['bool', 'bool', 'boolean'], ['bytea', 'bytea', 'bytes'],
    ['json', 'jsonb', 'jsonb'], ['inet', 'cidr', 'verbatim'], ['bit', 'varbit', 'verbatim'], ['date', 'date', 'verbatim'], ['geometry', 'geometry', 'verbatim'], ['point', 'point', 'geometric'], ['point', 'box', 'refused'],
    ['timestamp', 'timestamptz', 'refused'], ['timestamptz', 'timestamp', 'refused'], ['timestamp', 'date', 'refused'], ['text', 'int4', 'refused'], ['bool', 'int4', 'refused'], ['text', 'jsonb', 'refused'],
    ['xid', 'xid', 'refused'], ['regclass', 'regclass', 'refused'], ['aclitem', 'aclitem', 'refused'], ['pg_node_tree', 'pg_node_tree', 'refused'], ['brand_new', 'brand_new', 'refused'], ['date', 'text', 'refused'], ['bytea', 'text', 'refused'], ['geometry', 'hstore', 'refused'], ['uuid', 'bytea', 'refused'], ['interval', 'time', 'refused'],
  ])('%s against %s: %s', (left, right, expected) => {
    expect(nameOf(chooseCanonical(base(left), base(right), none))).toBe(expected)
  })

  test('refuses a type whose text somebody else writes, whatever it is compared with', () => {
    const foreign = (of: TypeInfo): TypeInfo => ({ ...of, writtenBy: 'public.mine(x)' })
    for (const [left, right, options] of [[foreign(enumType), base('text'), none], [base('int4'), foreign(base('int4')), none], [arrayOf(foreign(enumType)), arrayOf(enumType), none], [foreign(base('timestamp')), base('timestamptz'), { zone: 'UTC' }]] as const) {
      expect(chooseCanonical(left, right, options)).toMatchObject({ refused: expect.stringContaining('its cast to text is public.mine(x)') })
    }
    expect(chooseKeyKind(foreign(enumType), base('text'))).toHaveProperty('refused')
  })

  test('warns where the target cannot hold every digit, and where a type is not known', () => {
    const warned = (left: string, right: string) => {
      const choice = chooseCanonical(base(left), base(right), none)
      return !('refused' in choice) && choice.warning !== undefined
    }
    expect([warned('numeric', 'float8'), warned('int8', 'float4'), warned('geometry', 'geometry'), warned('float4', 'float8'), warned('int4', 'numeric')]).toEqual([true, true, true, false, false])
  })

  test('a zone is for timestamp against timestamptz alone', () => {
    const zone = { zone: 'UTC' }
    expect(chooseCanonical(base('timestamp'), base('timestamptz'), zone)).toEqual({ kind: { name: 'verbatim', literalType: 'timestamptz', decideAs: null } })
    for (const [left, right] of [['timestamptz', 'timestamptz'], ['timestamp', 'timestamp'], ['date', 'timestamptz'], ['text', 'text']] as const) {
      expect(nameOf(chooseCanonical(base(left), base(right), zone))).toBe('refused')
    }
  })

  test('values with several texts are decided by the server, never called different by their text alone', () => {
    const decided = (choice: CanonicalChoice) => ('refused' in choice ? 'refused' : choice.kind.decideAs)
    expect([
      decided(canonicalOf(base('jsonb'))), decided(canonicalOf(arrayOf(base('numeric')))), decided(canonicalOf(arrayOf(base('float8')))), decided(canonicalOf(range('numrange', base('numeric')))),
      decided(canonicalOf(arrayOf(base('text')))), decided(canonicalOf(arrayOf(base('jsonb')))), decided(canonicalOf(arrayOf(base('bpchar')))), decided(canonicalOf(composite)), decided(canonicalOf(arrayOf(composite))),
      decided(canonicalOf(range('floatrange', base('float8')))), decided(canonicalOf(base('tsvector'))), decided(canonicalOf(base('point'))),
    ]).toEqual(['jsonb', 'numeric[]', 'float8[]', 'numrange', null, 'jsonb[]', null, 'refused', 'refused', 'floatrange', 'tsvector', null])
  })
})

describe('chooseKeyKind', () => {
  test.each<[string, string, string]>([
    ['int4', 'text', 'numeric'], ['numeric', 'varchar', 'numeric'], ['int4', 'int4', 'integer'], ['int4', 'int8', 'bigint'], ['text', 'int4', 'text'], ['bpchar', 'int8', 'padded text'],
    ['uuid', 'text', 'uuid text'], ['text', 'uuid', 'uuid text'], ['text', 'text', 'text'], ['date', 'text', 'refused'], ['bool', 'text', 'refused'],
  ])('%s against a map of %s: %s', (left, right, expected) => {
    expect(nameOf(chooseKeyKind(base(left), base(right)))).toBe(expected)
  })
})

describe('SQL', () => {
  test('every kind has a value, a text and a hash that hold the expression and its seed', () => {
    for (const name of baseNames) {
      const choice = canonicalOf(base(name))
      if ('refused' in choice) continue
      const value = canonicalValue(choice.kind, name, 'src."x"')
      expect(value).toContain('src."x"')
      expect(canonicalText(value)).toContain(value)
      expect(canonicalHash(choice.kind, value, 42n, false)).toContain("'42'::int8")
    }
  })

  test('text is hashed by its bytes: in collation C, as UTF-8 where the encodings differ', () => {
    const kind = { name: 'text' as const, literalType: 'text', decideAs: null }
    expect(canonicalHash(kind, 'x', 1n, false)).toContain('collate "C"')
    expect(canonicalHash(kind, 'x', 1n, true)).toContain("convert_to(")
    expect(canonicalHash({ ...kind, name: 'numeric' }, 'x', 1n, true)).not.toContain('convert_to(')
  })
})

describe('constants', () => {
  test('mix64 is a bijection on what is drawn, within int8, and known', () => {
    fc.assert(fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (left, right) => {
      expect(mix64(left) === mix64(right)).toBe(left === right)
      expect(BigInt.asIntN(64, mix64(left))).toBe(mix64(left))
    }))
    // the first output of SplitMix64 seeded with 0
    expect(BigInt.asUintN(64, mix64(0n))).toBe(0xe220a8397b1dcdafn)
  })

  test('constants of names are stable and apart', () => {
    const names = fc.uniqueArray(fc.string({ maxLength: 8 }), { minLength: 2 })
    fc.assert(fc.property(names, (list) => { expect(new Set(list.map(constantFor)).size).toBe(list.length) }))
    expect(constantFor('key id')).toBe(constantFor('key id'))
    expect(constantFor('key id')).not.toBe(constantFor('column id'))
  })

  test('int8 literals hold the smallest value', () => {
    expect(int8Literal(-(2n ** 63n))).toBe("'-9223372036854775808'::int8")
  })
})
