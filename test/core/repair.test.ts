import { describe, expect, test } from 'vitest'
import type { CanonicalKind } from '../../src/core/canonical.js'
import { repairClasses, repairLegs, repairStatements } from '../../src/core/repair.js'
import type { NaturalKeyMapSpec, StoredKeyMapSpec } from '../../src/core/spec.js'
import { specOf, termOf } from '../helpers/spec.js'

const kind = (name: CanonicalKind['name'], literalType: string = name): CanonicalKind => ({ name, literalType, decideAs: null })
const stored: StoredKeyMapSpec = { name: 'm', schema: 'public', table: 'm', members: [], legacy: 'l', modern: 'n', legacyType: 'int4', modernType: 'int4', unique: { legacy: false, modern: false }, where: null }
const naturalSide = { schema: 'public', table: 'c', query: null, key: 'id', keyType: 'int4', natural: [{ sql: 'src."iso"', type: 'text', canonical: kind('text') }] }
const natural: NaturalKeyMapSpec = { name: 'c', source: naturalSide, target: { ...naturalSide, natural: [{ sql: 'tgt."iso"', type: 'text', canonical: kind('text') }] } }

describe('the legs of a repair list', () => {
  test.each<[string, CanonicalKind, boolean]>([
    ['int4', kind('integer', 'int4'), true], ['int8', kind('bigint', 'int8'), true], ['numeric', kind('numeric'), true], ['uuid', kind('uuid'), true], ['uuid', kind('uuid text', 'text'), true], ['bool', kind('boolean', 'bool'), true],
    ['date', kind('verbatim', 'date'), true], ['timestamptz', kind('verbatim', 'timestamptz'), true], ['text', kind('text'), false], ['bpchar', kind('padded text', 'text'), false], ['float8', kind('float8'), false], ['interval', kind('verbatim', 'interval'), false], ['int4', kind('text'), false],
  ])('a source key of type %s, compared as %j, is looked up in its own type: %s', (sourceType, canonical, isTyped) => {
    const [leg] = repairLegs(specOf({ key: [termOf('id', { sourceType, canonical })] }), 'source')
    expect(leg).toMatchObject({ name: 'id', type: isTyped ? sourceType : 'text' })
    expect(leg?.expression === 'src."id"').toBe(isTyped)
  })

  test('a source key that is not the value of the column is looked up by the text that it is told as', () => {
    const read = (more: Parameters<typeof termOf>[1]) => repairLegs(specOf({ key: [termOf('id', more)], keyMaps: { m: stored, c: natural } }), 'source')[0]?.type
    expect([read({}), read({ keyMap: 'm' }), read({ keyMap: 'c', canonical: kind('text') }), read({ keyMap: 'c' }), read({ values: { codes: [] } }), read({ sourceType: 'timestamp', zone: 'UTC', canonical: kind('verbatim', 'timestamptz') })])
      .toEqual(['int4', 'int4', 'text', 'text', 'text', 'text'])
  })

  test('a target key is looked up in its own type, whatever it is compared as', () => {
    const legs = repairLegs(specOf({ key: [termOf('id', { keyMap: 'm' }), termOf('code', { targetType: 'varchar' })], keyMaps: { m: stored } }), 'target')
    expect(legs).toEqual([{ name: 'id', expression: 'tgt."id"', type: 'int4' }, { name: 'code', expression: '((tgt."code")::text collate "C")', type: 'text' }])
  })
})

describe('the statements of a repair list', () => {
  const base = specOf()
  const spec = specOf({
    key: [termOf('id'), termOf('code', { sourceType: 'text', targetType: 'text', canonical: kind('text') })],
    source: { ...base.source, where: 'src.kind = 1', exclude: [{ reason: 'test', where: 'src.test' }] }, target: { ...base.target, generated: [{ reason: 'made', where: 'tgt.made' }] },
  })

  test('name the side whose rows are to be brought again, or taken away', () => {
    expect(repairClasses).toEqual(['missing', 'differs', 'extra', 'duplicate'])
    expect(repairClasses.map((name) => /^from (\S+) (\S+)$/m.exec(repairStatements(spec, name, [['1', 'a']]))?.slice(1))).toEqual([['"public"."s"', 'src'], ['"public"."s"', 'src'], ['"public"."t"', 'tgt'], ['"public"."t"', 'tgt']])
  })

  test('read what the entity claims: neither excluded source rows nor declared rows of the target', () => {
    const conditions = (name: 'missing' | 'differs' | 'extra' | 'duplicate') => ['src.kind = 1', 'not ((src.test', 'not ((tgt.made'].filter((piece) => repairStatements(spec, name, [['1', 'a']]).includes(piece))
    expect([conditions('missing'), conditions('differs'), conditions('extra'), conditions('duplicate')]).toEqual([['src.kind = 1', 'not ((src.test'], ['src.kind = 1', 'not ((src.test'], ['not ((tgt.made'], []])
  })

  test('list each key once, typed and quoted, in one statement for each choice of NULL legs', () => {
    const statements = repairStatements(spec, 'missing', [['1', "it's"], ['2', null], ['3', 'b'], ['4', null], [null, null]]).split(';').filter((part) => part !== '')
    expect(statements).toHaveLength(3)
    expect(statements[0]).toContain("values\n  ('1'::int4, 'it''s'::text),\n  ('3'::int4, 'b'::text)\n)")
    expect(statements[1]).toContain("values\n  ('2'::int4, null::text),\n  ('4'::int4, null::text)\n)")
    expect(statements.map((one) => [one.includes('"key 1" = src."id"'), one.includes('"key 2" ='), (one.match(/is null$/gm) ?? []).length])).toEqual([[true, true, 0], [true, false, 1], [false, false, 2]])
  })
})
