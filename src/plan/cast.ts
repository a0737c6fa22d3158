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
  if (type.base === 'numeric') return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^nan$|^[+-]?inf(inity)?$/.test(word) ? word : null
  return text
}

const isStart = (whole: string, word: string): boolean => word !== '' && whole.startsWith(word)
