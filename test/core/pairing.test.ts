import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { causeOfDifference, causeOfMissing, foldKey, groupByKey, keyIdentity, longestShown, pairAlike, pairGroup, shownKey, shownReference, shownText, type CompareRows, type SourceRow, type TargetRow } from '../../src/core/pairing.js'
import type { ComparisonSpec, TermSpec } from '../../src/core/spec.js'
import { termOf as term } from '../helpers/spec.js'

const same: CompareRows = (column, source, target) => (source.columns[column] === target.columns[column] ? 'equal' : 'different')
const sourceRow = (rowHash: string, columns: (string | null)[], key: (string | null)[] = ['=1']): SourceRow => ({ rowHash, key, columns, reason: null, others: [], accepted: columns.map(() => []), changedAt: null, recent: false })
const targetRow = (rowHash: string, columns: (string | null)[], key: (string | null)[] = ['=1']): TargetRow => ({ rowHash, key, rawKey: key, columns, rawColumns: columns.map(() => null), exact: columns.map(() => null), reason: null, changedAt: null, recent: false })

const text = fc.option(fc.constantFrom('=a', '=b', '=', '?a', '!a'), { nil: null })
const columns = fc.array(text, { minLength: 2, maxLength: 2 })
const hashOf = (list: readonly (string | null)[]) => JSON.stringify(list)
const sourceRows = fc.array(columns.map((list) => sourceRow(hashOf(list), list)), { maxLength: 6 })
const targetRows = fc.array(columns.map((list) => targetRow(hashOf(list), list)), { maxLength: 6 })

const specOf = (key: TermSpec[], list: TermSpec[] = []) => ({ key, columns: list }) as unknown as ComparisonSpec

describe('pairAlike', () => {
  test('pairs as many as have the same texts, as pairGroup does; what is left on both sides is unlike each other', () => {
    fc.assert(fc.property(sourceRows, targetRows, (source, target) => {
      const { pairs, left } = pairAlike({ source, target })
      expect(pairs).toBe(pairGroup({ source, target }, same).verified.length)
      expect([left.source.length, left.target.length]).toEqual([source.length - pairs, target.length - pairs])
      expect(left.source.filter((row) => left.target.some((other) => hashOf(other.columns) === hashOf(row.columns)))).toEqual([])
    }))
  })

  test('a row that is not to arrive, and one that stands for another value, leave the partner to others', () => {
    const [first, declared, other] = [sourceRow('2', ['=a']), { ...sourceRow('1', ['=a']), reason: 0 }, { ...sourceRow('0', ['=a']), others: ['leg'] }]
    expect(pairAlike({ source: [other, declared, first], target: [targetRow('3', ['=a'])] })).toEqual({ pairs: 1, left: { source: [other, declared], target: [] } })
  })
})

describe('pairGroup', () => {
  test('n source and m target rows give min(n, m) pairs; no row is lost, none stands twice', () => {
    fc.assert(fc.property(sourceRows, targetRows, (source, target) => {
      const pairing = pairGroup({ source, target }, same)
      const pairs = [...pairing.verified, ...pairing.differs.map(({ source: left, target: right }) => [left, right] as const)]
      expect(pairs).toHaveLength(Math.min(source.length, target.length))
      const [left, right] = [[...pairs.map(([row]) => row), ...pairing.unpairedSource], [...pairs.map(([, row]) => row), ...pairing.unpairedTarget]]
      expect([left.length, new Set(left).size, right.length, new Set(right).size]).toEqual([source.length, source.length, target.length, target.length])
      expect(new Set(left)).toEqual(new Set(source))
      expect(new Set(right)).toEqual(new Set(target))
      expect(pairing.unpairedSource.length === 0 || pairing.unpairedTarget.length === 0).toBe(true)
    }))
  })

  test('as many rows are verified as there are equal ones on both sides', () => {
    fc.assert(fc.property(sourceRows, targetRows, (source, target) => {
      const pairing = pairGroup({ source, target }, same)
      const values = new Set([...source, ...target].map(({ rowHash }) => rowHash))
      const equal = [...values].reduce((sum, value) => sum + Math.min(source.filter(({ rowHash }) => rowHash === value).length, target.filter(({ rowHash }) => rowHash === value).length), 0)
      expect(pairing.verified).toHaveLength(equal)
      for (const [left, right] of pairing.verified) expect(left.columns).toEqual(right.columns)
      for (const { source: left, target: right, columns: list } of pairing.differs) expect(list).toEqual([0, 1].filter((index) => left.columns[index] !== right.columns[index]))
      expect(pairing.differs.every(({ columns: list }) => list.length > 0)).toBe(true)
      expect(pairing.fingerprintFaults).toBe(0)
    }))
  })

  test('the order of the rows does not matter', () => {
    fc.assert(fc.property(sourceRows, targetRows, (source, target) => {
      const told = ({ verified, differs, unpairedSource, unpairedTarget }: ReturnType<typeof pairGroup>) =>
        [verified.map(([row]) => row.rowHash), differs.map((pair) => [pair.source.rowHash, pair.target.rowHash]), unpairedSource.map(({ rowHash }) => rowHash), unpairedTarget.map(({ rowHash }) => rowHash)]
      expect(told(pairGroup({ source: source.toReversed(), target: target.toReversed() }, same))).toEqual(told(pairGroup({ source, target }, same)))
    }))
  })

  test('a row that is declared not to arrive takes a partner after the others', () => {
    const group = { source: [{ ...sourceRow('1', ['=a']), reason: 0 }, sourceRow('2', ['=b'])], target: [targetRow('3', ['=c'])] }
    expect(pairGroup(group, same)).toMatchObject({ differs: [{ source: { rowHash: '2' } }], unpairedSource: [{ rowHash: '1', reason: 0 }] })
  })

  test('the group it is given stays as it is', () => {
    const group = { source: [sourceRow('2', ['=b']), sourceRow('1', ['=a'])], target: [targetRow('2', ['=b']), targetRow('1', ['=a'])] }
    pairGroup(group, same)
    expect(group.source.map(({ rowHash }) => rowHash)).toEqual(['2', '1'])
    expect(group.target.map(({ rowHash }) => rowHash)).toEqual(['2', '1'])
  })

  test('unresolved values equal nothing, NULL equals NULL', () => {
    const { verified, differs } = pairGroup({ source: [sourceRow('1', ['?x']), sourceRow('2', [null])], target: [targetRow('3', ['!x']), targetRow('4', [null])] }, same)
    expect([verified.length, differs.length]).toEqual([1, 1])
    expect(verified[0]![0].columns).toEqual([null])
  })

  test('equal fingerprints of values that differ are a fault', () => {
    expect(pairGroup({ source: [sourceRow('1', ['=a'])], target: [targetRow('1', ['=b'])] }, same)).toMatchObject({ fingerprintFaults: 1, differs: [{ columns: [0] }] })
    expect(pairGroup({ source: [sourceRow('1', ['=a'])], target: [targetRow('2', ['=b'])] }, same).fingerprintFaults).toBe(0)
  })

  test('an accepted partner is taken after equal ones and before different ones, and pays for one row', () => {
    const likeness: CompareRows = (column, { columns: [source] }, { columns: [target] }) => (column === 0 && source === target ? 'equal' : source === '+=a' && target === '=a' ? { accepted: 'stands for a' } : 'different')
    const pairing = pairGroup({ source: [sourceRow('1', ['+=a']), sourceRow('2', ['=a'])], target: [targetRow('3', ['=a']), targetRow('4', ['=a'])] }, likeness)
    expect(pairing).toMatchObject({ verified: [[{ rowHash: '2' }, {}]], accepted: [{ source: { rowHash: '1' }, columns: [0], reason: 'stands for a' }], differs: [], unpairedSource: [], unpairedTarget: [] })
    expect(pairGroup({ source: [sourceRow('1', ['+=a']), sourceRow('2', ['=a'])], target: [targetRow('3', ['=a'])] }, likeness)).toMatchObject({ verified: [[{ rowHash: '2' }, {}]], unpairedSource: [{ rowHash: '1' }] })
  })

  test('what the judge calls equal is verified, asked by the column and both rows', () => {
    const asked: unknown[] = []
    const [source, target] = [sourceRow('1', ['=a', '=1']), { ...targetRow('2', ['=a', '=2']), rawColumns: [null, 'raw'] }]
    const { verified } = pairGroup({ source: [source], target: [target] }, (...question) => {
      asked.push(question)
      return 'equal'
    })
    expect(verified).toHaveLength(1)
    expect(asked).toEqual([[0, source, target], [1, source, target]])
  })

  test('a row whose key needed another value is accepted at best, and tells each reason once', () => {
    const source = { ...sourceRow('1', ['=a', '=b']), others: ['code'] }
    expect(pairGroup({ source: [source], target: [targetRow('1', ['=a', '=b'])] }, same)).toMatchObject({ verified: [], accepted: [{ columns: [], reason: 'other value of code' }] })
    expect(pairGroup({ source: [source], target: [targetRow('1', ['=a', '=b'])] }, (column) => ({ accepted: column === 0 ? 'capped' : 'capped' }))).toMatchObject({ accepted: [{ columns: [0, 1], reason: 'other value of code; capped' }] })
  })
})

describe('keys', () => {
  test('no two keys have one identity', () => {
    const key = fc.array(fc.option(fc.constantFrom('=a', '=b', '=a|b', '=a|=b', '=', '="', '=,', '=null', '?a', '=a","=b'), { nil: null }), { minLength: 1, maxLength: 3 })
    fc.assert(fc.property(key, key, (left, right) => {
      expect(keyIdentity(left) === keyIdentity(right)).toBe(left.length === right.length && left.every((leg, index) => leg === right[index]))
    }))
  })

  test('a folded leg stands for the smallest; NULL, the unresolved and other legs stay', () => {
    const folded = [new Map([['2', '1'], ['3', '1']]), null]
    expect([foldKey(['=2', '=2'], folded), foldKey(['=1', '=3'], folded), foldKey([null, null], folded), foldKey(['?2', '=2'], folded), foldKey(['=9', '=2'], folded)])
      .toEqual([['=1', '=2'], ['=1', '=3'], [null, null], ['?2', '=2'], ['=9', '=2']])
  })

  test('rows are grouped under the folded key of the source and the key of the target as it is', () => {
    const rows = { source: [sourceRow('1', [], ['=2']), sourceRow('2', [], ['=1'])], target: [targetRow('3', [], ['=1']), targetRow('4', [], ['=2'])] }
    const groups = groupByKey(rows.source, rows.target, [new Map([['2', '1']])])
    expect([...groups].map(([identity, group]) => [identity, group.source.length, group.target.length])).toEqual([['["=1"]', 2, 1], ['["=2"]', 0, 1]])
  })

  test('no row is lost by grouping', () => {
    const key = fc.array(fc.option(fc.constantFrom('=1', '=2', '?2'), { nil: null }), { minLength: 2, maxLength: 2 })
    fc.assert(fc.property(fc.array(key), fc.array(key), (left, right) => {
      const groups = [...groupByKey(left.map((one) => sourceRow('', [], one)), right.map((one) => targetRow('', [], one)), [new Map([['2', '1']]), null]).values()]
      expect(groups.reduce((sum, { source }) => sum + source.length, 0)).toBe(left.length)
      expect(groups.reduce((sum, { target }) => sum + target.length, 0)).toBe(right.length)
    }))
  })
})

describe('causes', () => {
  test('of a difference: reference only when nothing but references differ', () => {
    const spec = specOf([term('id')], [term('a'), term('fk', { keyMap: 'map' }), term('fk2', { keyMap: 'map' })])
    const pair = (list: number[], changed: [string | null, string | null] = [null, null]) =>
      causeOfDifference(spec, { source: { ...sourceRow('1', []), changedAt: changed[0] }, target: { ...targetRow('2', []), changedAt: changed[1] }, columns: list })
    expect([pair([0], ['2024-02-01', '2024-01-01']), pair([1], ['2024-01-01', '2024-02-01']), pair([0], [null, '2024-01-01']), pair([0], ['2024-01-01', null]), pair([0], ['2024-01-01', '2024-01-01'])]).toEqual(['stale', 'reference', 'value', 'value', 'value'])
    expect([pair([1]), pair([1, 2]), pair([0, 1]), pair([0])]).toEqual(['reference', 'reference', 'value', 'value'])
  })

  test('of a missing row', () => {
    const direct = specOf([term('id')])
    const mapped = specOf([term('id', { keyMap: 'map' })])
    const both = specOf([term('a', { keyMap: 'map' }), term('b', { keyMap: 'map' })])
    expect([
      causeOfMissing(direct, [null], false), causeOfMissing(mapped, [false], false), causeOfMissing(mapped, [true], false), causeOfMissing(mapped, [true], true), causeOfMissing(direct, [null], true),
      causeOfMissing(both, [true, true], false), causeOfMissing(both, [true, false], false), causeOfMissing(both, [false, false], false), causeOfMissing(both, [false, false], true),
      // in a bag equal rows are told by their number alone
      causeOfMissing({ ...direct, bag: true }, [null], true),
    ]).toEqual(['plain', 'no map entry', 'map leads nowhere', 'collapsed', 'collapsed', 'plain', 'leg b', 'leg a', 'collapsed', 'plain'])
  })
})

describe('what people see', () => {
  test('texts without their state; personal data masked; NULL stays NULL', () => {
    const [open, secret] = [term('a'), term('a', { pii: true })]
    expect([shownText(open, '=x'), shownText(open, '?x'), shownText(open, '='), shownText(open, null), shownText(secret, '=x'), shownText(secret, '!x'), shownText(secret, null)])
      .toEqual(['x', 'x', '', null, '•••', '•••', null])
  })

  test('an accepted value without its two marks, and of a long text its beginning and length', () => {
    const told = (length: number) => shownText(term('a'), `=${'x'.repeat(length)}`)
    expect([shownText(term('a'), '+=x'), shownText(term('a'), '=x+'), told(longestShown), told(longestShown + 1)]).toEqual(['x', 'x+', 'x'.repeat(longestShown), `${'x'.repeat(longestShown)}... (301 characters)`])
  })

  test('keys by the names of their legs', () => {
    expect(shownKey(specOf([term('a'), term('b', { pii: true }), term('c')]), ['=1', '=2', null])).toEqual({ a: '1', b: '•••', c: null })
  })

  test('references with both keys', () => {
    const [open, secret] = [term('a', { keyMap: 'map' }), term('a', { keyMap: 'map', pii: true })]
    expect([shownReference(open, '=1', '10', 'legacy'), shownReference(open, '=1', '10', 'natural'), shownReference(open, '!10', '10', 'legacy'), shownReference(open, null, null, 'legacy'), shownReference(secret, '=1', '10', 'legacy'), shownReference(secret, null, null, 'legacy'), shownReference(open, null, '10', 'legacy'), shownReference(open, '=1', null, 'legacy')])
      .toEqual(['10 (legacy 1)', '10 (natural 1)', '10 (no map entry)', null, '•••', null, null, null])
  })
})
