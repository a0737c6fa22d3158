import { describe, expect, it } from 'vitest'
import { compareColumns, isStrong, seriesOf } from '../../src/plan/discover/evidence.js'
import { columnTokens, commonPrefix, similarity, singular, tableTokens, tokensOf } from '../../src/plan/discover/names.js'
import { code, commentOut, inComment, scalar, sqlColumn, tableKey, tableValue } from '../../src/plan/discover/yaml-text.js'
import { findZone, type Moment } from '../../src/plan/discover/zones.js'
import { parsePlan } from '../../src/plan/load.js'

const near = (left: string, right: string) => similarity(tokensOf(left), tokensOf(right))

describe('names', () => {
  it('are words, in the singular, short forms written out', () => {
    expect(tokensOf('InvoiceLineId')).toEqual(['invoice', 'line', 'id'])
    expect(tokensOf('custRefs')).toEqual(['customer', 'reference'])
    expect(tokensOf('HTTPStatus_cd')).toEqual(['http', 'status', 'code'])
    expect(['categories', 'boxes', 'status', 'address', 'analysis', 'files'].map(singular)).toEqual(['category', 'box', 'status', 'address', 'analysis', 'file'])
  })

  it('lose what most tables have in front, and the words of their table', () => {
    const names = ['dispatch_patient', 'dispatch_office', 'dispatch_user', 'dispatch_order', 'flags']
    expect(commonPrefix(names)).toBe('dispatch')
    expect(commonPrefix(names.slice(0, 3))).toBeNull()
    expect(tableTokens('dispatch_patient', 'dispatch')).toEqual(['patient'])
    expect(tableTokens('tbl_cust', null)).toEqual(['customer'])
    expect(tableTokens('tbl', null)).toEqual(['tbl'])
    expect(columnTokens('album_id', ['album'])).toEqual(['id'])
    expect(columnTokens('album', ['album'])).toEqual(['album'])
  })

  it('are near by the words that count', () => {
    expect(near('licence_no', 'licence_number')).toBe(1)
    expect(near('birthdate', 'date_of_birth')).toBeGreaterThan(0.9)
    expect(near('opened', 'opened_on')).toBeGreaterThan(0.85)
    expect(near('country', 'country_code')).toBeGreaterThan(0.7)
    expect(near('user_id', 'patient_id')).toBeLessThan(0.5)
    expect(near('mime', 'size')).toBe(0)
    expect(near('first_name', 'last_name')).toBeLessThan(near('first_name', 'fname'))
  })
})

describe('values of rows of one key', () => {
  const numbers = Array.from({ length: 40 }, (_, index) => index)
  const evidence = (leftType: string, left: (index: number) => string | null, rightType: string, right: (index: number) => string | null) => compareColumns(seriesOf(leftType, numbers.map(left)), seriesOf(rightType, numbers.map(right)))

  it('that agree by chance alone are no evidence', () => {
    const flags = evidence('bool', (n) => String(n % 20 !== 0), 'bool', (n) => String(n % 19 !== 0))
    expect(flags.agree).toBeGreaterThan(flags.rows * 0.85)
    expect(isStrong(flags)).toBe(false)
    expect(isStrong(evidence('bool', (n) => String(n % 3 === 0), 'bool', (n) => String(n % 3 === 0)))).toBe(true)
    expect(evidence('text', () => 'US', 'text', () => 'US')).toMatchObject({ agree: 40, beyondChance: null })
  })

  it('are told by the change that makes them equal', () => {
    expect(evidence('varchar', (n) => `Mail${n}@X`, 'text', (n) => `mail${n}@x`).kind).toBe('lower')
    expect(evidence('text', (n) => ` a${n} `, 'text', (n) => `a${n}`).kind).toBe('trim')
    expect(evidence('int4', (n) => String(n * 250), 'numeric', (n) => String(n * 2.5))).toMatchObject({ kind: 'scale', factor: 100, agree: 40 })
    expect(evidence('int8', (n) => String(1_600_000_000_000 + n), 'timestamptz', (n) => `2020-09-13 12:26:40.${String(n).padStart(3, '0')}+00`)).toMatchObject({ kind: 'epoch', factor: 1000, agree: 40 })
    expect(evidence('text', (n) => `{"b":${n},"a":1}`, 'jsonb', (n) => `{"a": 1, "b": ${n}}`)).toMatchObject({ kind: 'json', agree: 40 })
    expect(evidence('timestamp', (n) => `2020-01-${String(1 + n % 28).padStart(2, '0')} 10:00:00`, 'timestamptz', (n) => `2020-01-${String(1 + n % 28).padStart(2, '0')} 15:00:00+00`)).toMatchObject({ kind: 'zone', agree: 40 })
  })

  it('follow codes when each stands for one value, also where a few rows do not', () => {
    const found = evidence('int2', (n) => (n % 8 === 7 ? null : String(n % 3)), 'text', (n) => (n === 0 ? 'b' : ['a', 'b', 'c'][n % 3]!))
    expect(found.kind).toBe('values')
    expect(found.values?.map(({ code: one, value, others }) => [one, value, others]).sort()).toEqual([['0', 'a', 1], ['1', 'b', 0], ['2', 'c', 0]])
    expect(evidence('int2', (n) => String(n % 3), 'text', (n) => `v${n % 4}`).kind).not.toBe('values')
  })
})

describe('zones', () => {
  const moments = (hours: (month: number) => number): Moment[] => Array.from({ length: 12 }, (_, index) => {
    const at = new Date(Date.UTC(2021, index, 10, 12))
    const text = (date: Date) => date.toISOString().slice(0, 19).replace('T', ' ')
    return [text(new Date(at.getTime() + hours(index + 1) * 3_600_000)), `${text(at)}+00`]
  })

  it('are told by winter and summer', () => {
    expect(findZone(moments(() => 0))?.zone).toBe('UTC')
    expect(findZone(moments((month) => (month >= 4 && month <= 10 ? -4 : -5)))?.zone).toBe('America/New_York')
    expect(findZone(moments((month) => (month >= 4 && month <= 10 ? 1 : 0)))?.zone).toBe('Europe/London')
    expect(findZone(moments((month) => month))).toBeNull()
    expect(findZone([])).toBeNull()
  })
})

describe('YAML', () => {
  it('holds any name so that it is read as written', () => {
    const names = ['patient', 'null', 'yes', 'a: b', '# no', '<<', '- x', '"q"', 'Größe', '0x1', '007', '~', 'on', ' lead', 'a.b', '[x]', '[a.b']
    for (const name of names) {
      const { plan } = parsePlan(`version: 1\ndomains: { all: {} }\nentities:\n  ${scalar(name)}:\n    domain: all\n    source: { table: ${tableValue({ schema: 'public', name })} }\n    target: { table: t }\n    key: { ${scalar(name)}: ${scalar(name)} }\n`)
      const [[entity, written] = []] = Object.entries(plan.entities)
      expect(entity).toBe(name)
      expect(written?.key).toEqual({ [name]: name })
      expect(written?.source.table).toEqual(/[.[]/.test(name) ? ['public', name] : name)
    }
    expect(tableKey({ schema: 'a.b', name: 't' })).toBe('"[\\"a.b\\",\\"t\\"]"')
    expect(['1', '007', 'null', 'other', 'true', 'open'].map(code)).toEqual(['1', '007', '"null"', '"other"', 'true', 'open'])
    expect(sqlColumn('src', 'order')).toBe('src.order')
    expect(sqlColumn('tgt', 'customer"Ref')).toBe('tgt."customer""Ref"')
  })

  it('keeps comments on their line', () => {
    expect(inComment('two\nlines\u2028and\u0085more')).toBe('two lines and more')
    expect(commentOut(['  # kept', '  key:', '    # inner', ''])).toEqual(['  # kept', '  # key:', '  #   # inner', '#'])
  })
})
