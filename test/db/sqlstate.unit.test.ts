import { describe, expect, test } from 'vitest'
import { isTransient, isUnavailable, reasonCodeOf, sqlstateOf } from '../../src/db/sqlstate.js'

const coded = (code: unknown, more: object = {}) => Object.assign(new Error('x'), { code }, more)

test.each([
  // code, transient, unavailable, reason on the source
  ['08006', true, true, 'SOURCE_UNAVAILABLE'],
  ['57P01', true, true, 'SOURCE_UNAVAILABLE'],
  ['57P02', true, true, 'SOURCE_UNAVAILABLE'],
  ['57P03', true, true, 'SOURCE_UNAVAILABLE'],
  ['ECONNREFUSED', true, true, 'SOURCE_UNAVAILABLE'],
  ['ECONNRESET', true, true, 'SOURCE_UNAVAILABLE'],
  ['CONNECTION_CLOSED', true, true, 'SOURCE_UNAVAILABLE'],
  ['CONNECTION_DEADLINE', true, true, 'SOURCE_UNAVAILABLE'],
  ['CONNECT_TIMEOUT', true, true, 'SOURCE_UNAVAILABLE'],
  ['CONNECTION_ENDED', false, true, 'SOURCE_UNAVAILABLE'],
  ['CONNECTION_DESTROYED', false, true, 'SOURCE_UNAVAILABLE'],
  ['28P01', false, true, 'SOURCE_UNAVAILABLE'],
  ['3D000', false, true, 'SOURCE_UNAVAILABLE'],
  ['40001', true, false, 'TIMEOUT'],
  ['40P01', true, false, 'TIMEOUT'],
  ['55P03', true, false, 'TIMEOUT'],
  ['57014', true, false, 'TIMEOUT'],
  ['25P03', true, false, 'TIMEOUT'],
  ['25P04', true, false, 'TIMEOUT'],
  ['25006', false, false, 'NO_PRIVILEGE'],
  ['53100', true, false, 'RESOURCE'],
  ['53300', true, true, 'RESOURCE'],
  ['53400', true, false, 'RESOURCE'],
  ['54000', false, false, 'RESOURCE'],
  ['ERR_STRING_TOO_LONG', false, false, 'RESOURCE'],
  ['42501', false, false, 'NO_PRIVILEGE'],
  ['42P01', false, false, 'SCHEMA_CHANGED'],
  ['42703', false, false, 'SCHEMA_CHANGED'],
  ['23505', false, false, null],
  ['22P02', false, false, null],
])('%s', (code, transient, unavailable, reason) => {
  expect([isTransient(coded(code)), isUnavailable(coded(code)), reasonCodeOf(coded(code))]).toEqual([transient, unavailable, reason])
})

describe('reasonCodeOf', () => {
  test('knows the side', () => {
    expect(reasonCodeOf(coded('57P01'), 'target')).toBe('TARGET_UNAVAILABLE')
  })

  test('tells a statement that writes from a login trigger that does', () => {
    const fatal = coded('25006', { severity: 'FATAL' })
    expect([isTransient(fatal), isUnavailable(fatal), reasonCodeOf(fatal, 'target')]).toEqual([false, true, 'TARGET_UNAVAILABLE'])
  })

  test('tells row-level security from a missing privilege, in any language', () => {
    expect(reasonCodeOf(coded('42501', { routine: 'check_enable_rls' }))).toBe('ROW_SECURITY')
  })

  test.each([[null], [undefined], ['text'], [new Error('plain')], [coded(42)]])('says nothing of %s', (error) => {
    expect([sqlstateOf(error), isTransient(error), isUnavailable(error), reasonCodeOf(error)]).toEqual([null, false, false, null])
  })
})
