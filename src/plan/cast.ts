import type { TypeInfo } from '../core/catalog.js'

const integerLimits: Record<string, bigint> = { int2: 2n ** 15n, int4: 2n ** 31n, int8: 2n ** 63n }

/** What a text means as a value of the type, as far as it can be told without a server; null: no such value. */
export function readLiteral(type: TypeInfo, text: string): string | null {
  const limit = integerLimits[type.base]
  if (limit !== undefined) {
    if (!/^\s*[+-]?\d+\s*$/.test(text)) return null
    const value = BigInt(text.trim().replace(/^\+/, ''))
    return value >= -limit && value < limit ? value.toString() : null
  }
  const word = text.trim().toLowerCase()
  if (type.base === 'bool') {
    if (word === '1' || word === 'on' || isStart('true', word) || isStart('yes', word)) return 'true'
    return word === '0' || word === 'off' || word === 'of' || isStart('false', word) || isStart('no', word) ? 'false' : null
  }
  if (type.base === 'uuid') return /^\{?([0-9a-f]{4}-?){7}[0-9a-f]{4}\}?$/.test(word) ? word.replaceAll(/[{}-]/g, '') : null
  if (type.base === 'numeric') return /^nan$|^[+-]?inf(inity)?$/.test(word) ? word : plainNumber(word)
  if (type.base === 'float4' || type.base === 'float8') {
    const value = type.base === 'float4' ? Math.fround(Number(word)) : Number(word)
    // the server knows other words for what is no number here
    return plainNumber(word) === null || !Number.isFinite(value) ? text : String(value + 0)
  }
  // the blanks of a char(n) are no part of its value
  return type.base === 'bpchar' ? text.replace(/ +$/, '') : text
}

/** A `numeric` has no more digits on either side of its point. */
const mostDigits = 131_072

/** A number without exponent, plus sign and the zeros that change nothing; null: it is none. */
function plainNumber(word: string): string | null {
  const [, sign = '', whole = '', fraction = '', power = '0'] = /^([+-]?)(?=\.?\d)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/.exec(word) ?? []
  const [digits, point] = [whole + fraction, whole.length + Number(power)]
  if (digits === '' || Math.abs(point) > mostDigits) return null
  const padded = '0'.repeat(Math.max(0, -point)) + digits.padEnd(point, '0')
  const at = Math.max(0, point)
  const [before, behind] = [padded.slice(0, at).replace(/^0+/, '') || '0', padded.slice(at).replace(/0+$/, '')]
  const value = behind === '' ? before : `${before}.${behind}`
  return sign === '-' && value !== '0' ? `-${value}` : value
}

const isStart = (whole: string, word: string): boolean => word !== '' && whole.startsWith(word)
