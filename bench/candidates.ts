import { canonicalHash, canonicalValue, chooseCanonical, constantFor, int8Literal } from '../src/core/canonical.js'
import { columns, keys, sourceTable, targetTable, type Case, type KeyKind } from './tables.js'

/**
 * Expressions for the fingerprint of a row, to find the floor: what a single number over a table costs at least. `unsound` tells which
 * different tables would give the same number; such a candidate is timed to show its price and never is the floor.
 */
export interface Candidate {
  name: string
  unsound: string | null
  row: (key: KeyKind) => string
}

type Hash = (value: string, seed: string) => string

const text: Hash = (value, seed) => `hashtextextended((${value})::text collate "C", ${seed})`
const bool: Hash = (value, seed) => `case when ${value} then ${seed} when not ${value} then ${int8Literal(constantFor('false'))} end`
const int8Pair: Hash = (value, seed) => `hashint4extended((${value} >> 32)::int4, hashint8extended(${value}, ${seed}))`
const simple = (name: string): Hash => (value, seed) => `${name}(${value}, ${seed})`

const faithful: Record<string, Hash> = {
  int8: int8Pair, int4: simple('hashint4extended'), uuid: simple('uuid_hash_extended'), text, varchar: text, bool, numeric: (value, seed) => text(`trim_scale(${value})`, seed),
  date: text, timestamptz: text, jsonb: text, bytea: (value, seed) => text(`encode(${value}, 'hex')`, seed),
}
const array: Hash = (value, seed) => `case when ${value} is not null then hash_array_extended(array[${value}], ${seed}) end`
/** PostgreSQL's own hash of each type, as an index would use it. */
const own: Record<string, Hash> = {
  ...faithful, int8: simple('hashint8extended'), numeric: simple('hash_numeric_extended'), timestamptz: simple('timestamp_hash_extended'), jsonb: simple('jsonb_hash_extended'), date: array, bytea: array,
}
own['timestamptz'] = (value, seed) => `timestamp_hash_extended(${value} at time zone 'UTC', ${seed})`

/** NaN and the infinities hash to the seed alone, so they are told apart before. */
const signed: Hash = (value, seed) => `hashint4extended(case when ${value} < 0 then 1 when ${value} < 'NaN' then 0 else 2 end, hash_numeric_extended(${value}, ${seed}))`
const days: Hash = (value, seed) => `case when isfinite(${value}) then hashint4extended(${value} - date '2000-01-01', ${seed}) else hashtextextended(${value}::text collate "C", ${seed}) end`
const sent = (type: string): Hash => (value, seed) => `hashtextextended(encode(${type}_send(${value}), 'hex') collate "C", ${seed})`

function mixed(table: Record<string, Hash>): (key: KeyKind) => string {
  return (key) => `hashint4extended(0, ${terms(table, key)})`
}

function terms(table: Record<string, Hash>, key: KeyKind): string {
  const legs = key === 'key map' ? { legacy: 'int8' } : keys[key].legs
  return Object.entries({ ...legs, ...columns }).map(([column, type]) => `coalesce(${table[type]?.(column, int8Literal(constantFor(`column ${column}`)))}, ${int8Literal(constantFor(`null ${column}`))})`).join(' # ')
}

/** What the engine itself would write for these types. */
function engine(key: KeyKind): string {
  const hash = (value: string, type: string, seed: string) => {
    const info = { name: type, base: type, kind: 'b' as const, element: null }
    const choice = chooseCanonical(info, info, { zone: null })
    if ('refused' in choice) throw new Error(choice.refused)
    return canonicalHash(choice.kind, canonicalValue(choice.kind, type, value), constantFor(seed), false)
  }
  const legs = key === 'key map' ? { legacy: 'int8' } : keys[key].legs
  const all = Object.entries({ ...legs, ...columns }).map(([column, type]) => `coalesce(${hash(column, type, `column ${column}`)}, ${int8Literal(constantFor(`null ${column}`))})`)
  return `hashint4extended(0, ${all.join(' # ')})`
}

const list = (key: KeyKind) => [...(key === 'key map' ? ['legacy'] : Object.keys(keys[key].legs)), ...Object.keys(columns)].join(', ')
const digest = "('x' || left(md5(row(@)::text), 16))::bit(64)::int8"

export const candidates: Candidate[] = [
  { name: 'the engine: faithful hashes by type', unsound: null, row: engine },
  { name: 'numbers, dates, times and bytes by their text', unsound: null, row: mixed(faithful) },
  { name: 'numbers by sign and hash, the rest by its text', unsound: null, row: mixed({ ...faithful, numeric: signed }) },
  { name: 'numbers by sign and hash, dates by their day, times and bytes by their text', unsound: null, row: mixed({ ...faithful, numeric: signed, date: days }) },
  { name: 'the same, times by their eight bytes', unsound: null, row: mixed({ ...faithful, numeric: signed, date: days, timestamptz: sent('timestamptz') }) },
  { name: 'the same, bytes in an array', unsound: null, row: mixed({ ...faithful, numeric: signed, date: days, timestamptz: sent('timestamptz'), bytea: array }) },
  { name: 'the text of the whole row, hashed', unsound: null, row: (key) => `hashtextextended(row(${list(key)})::text collate "C", 0)` },
  { name: 'the text of the whole row, md5', unsound: null, row: (key) => digest.replace('@', list(key)) },
  { name: "each type's own hash, with a last hash over them", unsound: '5 = -5, -1 = 4294967295, nesting of JSON, two numbers both times 10,000', row: mixed(own) },
  { name: "each type's own hash, XOR alone", unsound: 'as above, and values swapped between two rows', row: (key) => terms(own, key) },
  { name: 'the hash of the record', unsound: 'as above, and values swapped between two rows', row: (key) => `hash_record_extended(row(${list(key)}), 0)` },
]

/** What is read on a side: the bare table, for a key map with the join. */
export function fromOf(one: Case, side: 'source' | 'target'): string {
  if (side === 'source') return one.key === 'key map' ? `(select id as legacy, * from ${sourceTable(one.key)}) t` : sourceTable(one.key)
  return one.key === 'key map' ? `(select m.legacy, t.* from ${targetTable(one)} t left join key_map m on m.modern = t.id) t` : targetTable(one)
}

/** Count and sum over a whole side, in one statement without grouping. */
export function floorStatement(candidate: Candidate, one: Case, side: 'source' | 'target'): string {
  return `select count(*), sum(${candidate.row(one.key)}) from ${fromOf(one, side)}`
}
