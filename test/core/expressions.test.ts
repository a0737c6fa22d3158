import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canaryStatement } from '../../src/core/canary.js'
import { isTrue, quoteIdentifier, quoteLiteral, quoteRelation } from '../../src/core/identifier.js'
import { checkMapStatement, checkNaturalStatement, collapsedKeysStatement, foldedEntriesStatement, knownKeysStatement } from '../../src/core/key-map-expressions.js'
import { keyIndexStatement, lookupIndexStatement } from '../../src/core/lookup-expressions.js'
import { addressesStatement, auditStatement, countStatement, countUnkeyedStatement, duplicateKeysStatement, explainedRowsStatement, newerKeysStatement, readUnkeyedStatement, scanStatement, snapshotStatement, streamStatement, sumStatement } from '../../src/core/pass-expressions.js'
import { findSourceKeysStatement, findTargetKeysStatement, readKeysStatement, readLegsStatement, readListedStatement, readMergedStatement, readPackedKeysStatement, readPackedLegsStatement, readParentsStatement, readPlacesStatement, readRowsStatement, readSegmentsStatement } from '../../src/core/reread-expressions.js'
import { claimCondition, type StatementOptions } from '../../src/core/row-expressions.js'
import { danglingEntriesStatement, orphansStatement, plannedReferencesStatement, sequenceStatement } from '../../src/core/integrity-expressions.js'
import { readJson } from '../../src/core/json-text.js'
import { profileStatement, sampleStatement } from '../../src/core/profile-expressions.js'
import { repairStatements } from '../../src/core/repair.js'
import type { CanonicalKind } from '../../src/core/canonical.js'
import type { ComparisonSpec, NaturalKeyMapSpec, StoredKeyMapSpec } from '../../src/core/spec.js'
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

  test('claims: all rows, those of the where, those that every key map of the key reaches or whose legs are NULL', () => {
    const map = (name: string) => ({ name, schema: 'public', table: name, members: [], legacy: 'l', modern: 'm', legacyType: 'int4', modernType: 'int4', unique: { legacy: false, modern: false }, where: `tgt.kind = '${name}'` })
    const base = specOf()
    const withClaim = (claim: ComparisonSpec['target']['claim']) => specOf({ key: [term('a', { keyMap: 'x' }), term('b', { keyMap: 'y' }), term('c')], keyMaps: { x: map('x'), y: map('y') }, target: { ...base.target, claim, where: 'tgt.o = 1' } })
    expect(claimCondition(withClaim('all'), 'target')).toBe('true')
    expect(claimCondition(withClaim('where'), 'target')).toBe('((tgt.o = 1\n) is true)')
    const reached = claimCondition(withClaim('keyMap'), 'target')
    expect(reached.match(/exists \(/g)).toHaveLength(2)
    expect(reached).toMatch(/tgt\."a" is null or exists [\s\S]*tgt\.kind = 'x'[\s\S]* and \(tgt\."b" is null or exists [\s\S]*tgt\.kind = 'y'[\s\S]* and \(tgt\."a" is not null or tgt\."b" is not null\)/)
    expect(claimCondition(specOf({ source: { ...base.source, where: 'src.a' } }), 'source')).toBe('((src.a\n) is true)')
  })

  test('every statement over claimed rows carries the claim, its complement nowhere', () => {
    const base = specOf()
    const spec = specOf({ source: { ...base.source, where: 'src.claimed' }, target: { ...base.target, claim: 'where', where: 'tgt.claimed' } })
    const statements = (['source', 'target'] as const).flatMap((side) => [countStatement(spec, side), scanStatement(spec, side, options), readSegmentsStatement(spec, side, options), readRowsStatement(spec, side, options, null), readUnkeyedStatement(spec, side, options, null)])
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
        for (const statement of [countStatement(spec, side), scanStatement(spec, side, { segments: 1, recode }), readRowsStatement(spec, side, { segments: 1, recode }, null), readUnkeyedStatement(spec, side, { segments: 1, recode }, null)]) {
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
        expect(statement.replaceAll('hash_array_extended(nullif(array[pg_catalog.convert_to(', '')).not.toContain('hash_array_extended')
      }
    }
  })

  test('call the functions of the server itself, whatever users have made with the same name', () => {
    const kinds: [name: CanonicalKind['name'], literalType: string, sourceType?: string][] = [
      ['integer', 'int4'], ['bigint', 'int8'], ['numeric', 'numeric'], ['float4', 'float4'], ['float8', 'float8'], ['text', 'text'], ['text', 'text', '"char"'], ['padded text', 'text'], ['boolean', 'bool'], ['uuid', 'uuid'], ['uuid text', 'text'],
      ['bytes', 'bytea'], ['jsonb', 'jsonb'], ['array', 'point[]'], ['geometric', 'point'], ['verbatim', 'date'], ['verbatim', 'timestamp'], ['verbatim', 'timestamptz'], ['verbatim', 'inet'],
    ]
    const base = specOf()
    const map: StoredKeyMapSpec = { name: 'm', schema: 'public', table: 'm', members: [], legacy: 'l', modern: 'm', legacyType: 'text', modernType: 'uuid', unique: { legacy: false, modern: false }, where: 'tgt.x' }
    const text: CanonicalKind = { name: 'text', literalType: 'text', decideAs: null }
    const natural = (sql: string) => ({ schema: 'public', table: 'n', query: null, key: 'k', keyType: 'text', natural: [{ sql, type: 'text', canonical: text }, { sql, type: 'text', canonical: text }] })
    const naturalMap: NaturalKeyMapSpec = { name: 'n', source: natural('src.n'), target: natural('tgt.n') }
    const columns = kinds.map(([name, literalType, sourceType = literalType], index) => term(`v${index}`, { sourceType, targetType: literalType, canonical: { name, literalType, decideAs: null } }))
    const more = [
      term('r', { keyMap: 'm', targetType: 'text' }), term('n', { keyMap: 'n', canonical: text }), term('c', { values: { codes: [{ code: '1', value: '2' }], other: { value: '3' } } }),
      term('p', { accept: [{ reason: 'so', where: 'src.x', value: 'src.y', kind: text }], source: readJson('src."p"', { version: 150_000, encoding: 'UTF8' }), sourceRaw: 'src."p"' }),
    ]
    const common = { columns: [...columns, ...more], keyMaps: { m: map, n: naturalMap } }
    const [place, total] = [{ part: 'columns' as const, index: 0 }, { sum: { part: 'columns' as const, index: 2 }, by: [{ part: 'columns' as const, index: 5 }] }]
    const source = { ...base.source, where: 'src.w', merge: { by: 'src.m', keep: 'src.k' }, changedAt: 'at', uniqueKey: ['id'], explained: [{ reason: 'so', where: 'src.e' }] }
    const target = { ...base.target, changedAt: 'at', generated: [{ reason: 'so', where: 'tgt.g' }] }
    const specs = [
      specOf({ ...common, source, target, parents: [{ ...place, entity: 'p' }], totals: [total] }),
      specOf({ ...common, key: [term('id', { canonical: text, sourceType: 'text', targetType: 'text' }), term('v')], source: { ...source, join: 'join j on true' } }),
      specOf({ ...common, key: [term('id', { keyMap: 'm' })], target: { ...target, claim: 'keyMap' } }),
      specOf({ ...common, key: [term('id', { keyMap: 'n', canonical: text })], target: { ...target, claim: 'keyMap' } }),
    ]
    const leg = term('id')
    const key = { name: 'f', schema: 'a', table: 'b', columns: ['c'], refSchema: 'a', refTable: 'd', refColumns: ['e'], refCollations: [null], operators: ['pg_catalog.='], validated: true }
    const ofSpec = (spec: ComparisonSpec, side: 'source' | 'target', own: StatementOptions) => [
      countStatement(spec, side), scanStatement(spec, side, own), scanStatement(spec, side, { ...own, since: '700' }), streamStatement(spec, side, own), readSegmentsStatement(spec, side, own), readLegsStatement(spec, side, own), readKeysStatement(spec, side, own),
      readPackedLegsStatement(spec, side, own), readRowsStatement(spec, side, own, '2024-01-01'), readUnkeyedStatement(spec, side, own, null), addressesStatement(spec, side, undefined, 9), sumStatement(spec, side, total, 9, own),
      sampleStatement(spec, side, ['u'], own, { first: 0, next: 90 }, true), profileStatement(spec, side, ['u'], ['1', null], own, { first: 0, next: 90 }), findSourceKeysStatement(spec, own, true, 'first'), findTargetKeysStatement(spec, own),
      readMergedStatement(spec, own, '2024-01-01', '700', true), newerKeysStatement(spec, side, own, '700'), countUnkeyedStatement(spec, side, own, '2024-01-01'), readListedStatement(spec, side, own), streamStatement(spec, side, own, '700'), readSegmentsStatement(spec, side, own, false, '700'), readParentsStatement(spec, own, '2024-01-01'), explainedRowsStatement(spec, own), duplicateKeysStatement(spec, own), claimCondition(spec, side), repairStatements(spec, side === 'source' ? 'missing' : 'extra', [['1', '2']]),
    ]
    const ways: StatementOptions[] = [
      { segments: 8, recode: true }, { segments: 8, recode: false, neighbours: 32, audited: { oneOf: 4, number: 1 } }, { segments: 8, recode: false, neighbours: 128, sample: { seed: 1n }, unread: { source: ['(1,1)'], target: ['(1,1)'] } },
    ]
    const looked = ways.slice(1).flatMap((own) => (['source', 'target'] as const).flatMap((side) => [
      readPackedKeysStatement(specs[0]!, side, own), readPlacesStatement(specs[0]!, side, own), auditStatement(specs[0]!, side, { ...own, audited: { oneOf: 4, number: 1 } }), readSegmentsStatement(specs[0]!, side, own, true),
      keyIndexStatement(specs[0]!, side), lookupIndexStatement(specs[1]!, side), readRowsStatement(specs[1]!, side, own, null, 'keys'), checkNaturalStatement(naturalMap, side),
    ]))
    const statements = [
      ...specs.flatMap((spec) => (['source', 'target'] as const).flatMap((side) => ways.slice(0, spec === specs[0] ? 3 : 1).flatMap((own) => ofSpec(spec, side, own)))), ...looked, canaryStatement(true), canaryStatement(false), snapshotStatement,
      ...[integer, text].flatMap((kind) => [collapsedKeysStatement(map, kind, 'numeric'), foldedEntriesStatement(map, kind, 'uuid'), checkMapStatement(map, kind, 'int4'), knownKeysStatement(map, kind)]), knownKeysStatement(naturalMap, text),
      checkMapStatement({ ...map, legacyType: 'int4', unique: { legacy: true, modern: true } }, integer, 'int4'), readJson('src.j', { version: 160_000, encoding: 'UTF8' }),
      orphansStatement(key), plannedReferencesStatement(specs[0]!, leg, specs[1]!, leg), danglingEntriesStatement(map, [specs[0]!, specs[1]!]), sequenceStatement({ schema: 'a', name: 's', increment: '1' }, { schema: 'a', name: 't' }, 'id'),
    ]
    // what the grammar itself reads, and names of columns behind an alias
    const syntax = ['all', 'and', 'any', 'array', 'as', 'by', 'case', 'coalesce', 'distinct', 'else', 'exists', 'extract', 'filter', 'from', 'group', 'in', 'is', 'join', 'lateral', 'materialized', 'not', 'nullif', 'greatest', 'on', 'operator', 'or', 'over', 'select', 'then', 'values', 'when', 'where']
    const calls = statements.flatMap((statement) => [...statement.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, "''").matchAll(/(?<![\w.])([a-z_]\w*) ?\(/g)].map(([, name]) => name!))
    const aliases = ['near', 'step', 'canary', 'keys_to_repair']
    expect([...new Set(calls)].filter((name) => ![...syntax, ...aliases].includes(name))).toEqual([])
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
