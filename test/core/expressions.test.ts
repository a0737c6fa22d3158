import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claimCondition, countStatement, duplicateKeysStatement, findSourceKeysStatement, findTargetKeysStatement, isTrue, readRowsStatement, readSegmentsStatement, readUnkeyedStatement, scanStatement } from '../../src/core/expressions.js'
import { quoteIdentifier, quoteLiteral, quoteRelation } from '../../src/core/identifier.js'
import type { ComparisonSpec } from '../../src/core/spec.js'
import { integer, specOf, termOf as term } from '../helpers/spec.js'

const options = { segments: 8, recode: false }

/** What PostgreSQL reads in a quoted identifier or literal. */
const readIdentifier = (quoted: string) => quoted.slice(1, -1).replaceAll('""', '"')
function readLiteral(quoted: string): string {
  const escaped = /^ E'/.test(quoted)
  const body = quoted.slice(escaped ? 3 : 1, -1).replaceAll("''", "'")
  return escaped ? body.replaceAll('\\\\', '\\') : body
}

describe('quoting', () => {
  const anything = fc.string({ unit: fc.constantFrom('"', "'", '\\', 'a', ' ', ';', '-', '\n', 'é', '$', '.', 'E') , maxLength: 12 })

  test('an identifier comes back as it was, and no quote in it is single', () => {
    fc.assert(fc.property(anything.filter((name) => name !== ''), (name) => {
      const quoted = quoteIdentifier(name)
      expect(readIdentifier(quoted)).toBe(name)
      expect(quoted.slice(1, -1).replaceAll('""', '')).not.toContain('"')
    }))
  })

  test('a literal comes back as it was, under either reading of backslashes', () => {
    fc.assert(fc.property(anything, (value) => {
      const quoted = quoteLiteral(value)
      expect(readLiteral(quoted)).toBe(value)
      const body = quoted.slice(quoted.indexOf("'") + 1, -1)
      expect(body.replaceAll("''", '')).not.toContain("'")
      if (value.includes('\\')) expect(quoted.startsWith(" E'")).toBe(true)
    }))
  })

  test('what no PostgreSQL text can hold is refused', () => {
    for (const bad of [() => quoteIdentifier(''), () => quoteIdentifier('a\0'), () => quoteLiteral('a\0'), () => quoteRelation({ schema: '', name: 'a' })]) expect(bad).toThrow()
    expect(quoteRelation({ schema: 'a.b', name: 'c"d' })).toBe('"a.b"."c""d"')
  })
})

describe('predicates', () => {
  test('each is "is true", and a comment at its end ends with its line', () => {
    expect(isTrue(null)).toBe('true')
    expect(isTrue('src.a = 1 -- one')).toBe('((src.a = 1 -- one\n) is true)')
  })

  test('claims: all rows, those of the where, those that every key map of the key reaches', () => {
    const map = (name: string) => ({ name, schema: 'public', table: name, members: [], legacy: 'l', modern: 'm', legacyType: 'int4', modernType: 'int4', unique: { legacy: false, modern: false }, where: `tgt.kind = '${name}'` })
    const base = specOf()
    const withClaim = (claim: ComparisonSpec['target']['claim']) => specOf({ key: [term('a', { keyMap: 'x' }), term('b', { keyMap: 'y' }), term('c')], keyMaps: { x: map('x'), y: map('y') }, target: { ...base.target, claim, where: 'tgt.o = 1' } })
    expect(claimCondition(withClaim('all'), 'target')).toBe('true')
    expect(claimCondition(withClaim('where'), 'target')).toBe('((tgt.o = 1\n) is true)')
    const reached = claimCondition(withClaim('keyMap'), 'target')
    expect(reached.match(/exists \(/g)).toHaveLength(2)
    expect(reached).toMatch(/tgt\.kind = 'x'[\s\S]* and exists [\s\S]*tgt\.kind = 'y'/)
    expect(claimCondition(specOf({ source: { ...base.source, where: 'src.a' } }), 'source')).toBe('((src.a\n) is true)')
  })

  test('every statement over claimed rows carries the claim, its complement nowhere', () => {
    const base = specOf()
    const spec = specOf({ source: { ...base.source, where: 'src.claimed' }, target: { ...base.target, claim: 'where', where: 'tgt.claimed' } })
    const statements = (['source', 'target'] as const).flatMap((side) => [countStatement(spec, side), scanStatement(spec, side, options), readSegmentsStatement(spec, side, options), readRowsStatement(spec, side, options, null), readUnkeyedStatement(spec, side, options)])
    for (const statement of [...statements, duplicateKeysStatement(spec, options), findTargetKeysStatement(spec, options)]) expect(statement).toMatch(/where \(\((src|tgt)\.claimed\n\) is true\) and/)
  })
})

describe('chunks', () => {
  const pages = (first: number, next: number | null) => /where true and (.*?) offset 0/.exec(scanStatement(specOf(), 'source', { ...options, pages: { first, next } }))?.[1]

  test('are open at both ends and meet without a gap', () => {
    expect([pages(0, null), pages(0, 8), pages(8, 16), pages(16, null)]).toEqual(['true', "src.ctid < '(8,0)'::tid", "src.ctid >= '(8,0)'::tid and src.ctid < '(16,0)'::tid", "src.ctid >= '(16,0)'::tid"])
    expect(countStatement(specOf(), 'target', { first: 3, next: 4 })).toContain("tgt.ctid >= '(3,0)'::tid and tgt.ctid < '(4,0)'::tid")
  })
})

describe('statements', () => {
  test('need nothing but ASCII of a server, whatever its encoding', () => {
    const spec = specOf({ key: [term('id', { canonical: { ...integer, name: 'text', literalType: 'text' } })], columns: [term('v', { canonical: { ...integer, name: 'text', literalType: 'text' } })] })
    for (const side of ['source', 'target'] as const) {
      for (const recode of [false, true]) {
        for (const statement of [countStatement(spec, side), scanStatement(spec, side, { segments: 1, recode }), readRowsStatement(spec, side, { segments: 1, recode }, null), readUnkeyedStatement(spec, side, { segments: 1, recode })]) {
          // eslint-disable-next-line no-control-regex -- all of ASCII
          expect(statement).toMatch(/^[\x00-\x7f]*$/)
        }
      }
    }
    // eslint-disable-next-line no-control-regex -- all of ASCII
    for (const statement of [findSourceKeysStatement(spec, options, true), findTargetKeysStatement(spec, options), duplicateKeysStatement(spec, options)]) expect(statement).toMatch(/^[\x00-\x7f]*$/)
  })

  test('the same column is hashed with one seed on both sides, each column and role with its own', () => {
    const seeds = (statement: string) => [...statement.matchAll(/'(-?\d+)'::int8/g)].map(([, seed]) => seed)
    const spec = specOf({ columns: [term('v'), term('w')] })
    expect(seeds(scanStatement(spec, 'source', options))).toEqual(seeds(scanStatement(spec, 'target', options)))
    expect(new Set(seeds(scanStatement(spec, 'source', options)))).toHaveProperty('size', 6)
    expect(seeds(scanStatement(specOf({ key: [term('v')], columns: [] }), 'source', options))).not.toEqual(seeds(scanStatement(specOf({ key: [], columns: [term('v')] }), 'source', options)))
  })

  test('hash nothing by a function whose value depends on OIDs, on the version or on FIPS', () => {
    const spec = specOf({ columns: [term('v'), term('w', { canonical: { ...integer, name: 'array', literalType: 'int4[]' } }), term('x', { canonical: { ...integer, name: 'jsonb', literalType: 'jsonb' } })] })
    const allowed = ['hashint4extended', 'hashint8extended', 'hashtextextended', 'hashfloat8extended', 'uuid_hash_extended', 'hash_array_extended']
    for (const side of ['source', 'target'] as const) for (const recode of [false, true]) {
      const own = { ...options, recode }
      for (const statement of [scanStatement(spec, side, own), readSegmentsStatement(spec, side, own), readRowsStatement(spec, side, own, null)]) {
        expect([...statement.matchAll(/\b\w*(?:hash|md5|sha)\w*(?=\()/g)].map(([name]) => name).filter((name) => !allowed.includes(name))).toEqual([])
        // of elements whose own hash is faithful: bytes alone
        expect(statement.replaceAll('hash_array_extended(nullif(array[convert_to(', '')).not.toContain('hash_array_extended')
      }
    }
  })

  test('the unresolved of one side has another hash than that of the other', () => {
    const map = { name: 'm', schema: 'public', table: 'm', members: [], legacy: 'l', modern: 'm', legacyType: 'int4', modernType: 'int4', unique: { legacy: false, modern: false }, where: null }
    const spec = specOf({ columns: [term('v', { values: { codes: [{ code: '1', value: '2' }] } }), term('fk', { keyMap: 'm' })], keyMaps: { m: map } })
    const unresolved = (side: 'source' | 'target') => [...scanStatement(spec, side, options).matchAll(/then '(-?\d+)'::int8 else/g)].map(([, seed]) => seed)
    expect([unresolved('source').length, unresolved('target').length]).toEqual([1, 1])
    expect(unresolved('source')).not.toEqual(unresolved('target'))
    expect([readRowsStatement(spec, 'source', options, null).includes("then '?' ||"), readRowsStatement(spec, 'target', options, null).includes("then '!' ||")]).toEqual([true, true])
  })

  test('a spec without its key map is a fault of ours', () => {
    expect(() => scanStatement(specOf({ columns: [term('fk', { keyMap: 'gone' })] }), 'target', options)).toThrow('lacks the key map gone')
  })
})
