import { joinKeys, mapRelation } from './key-map-expressions.js'
import { isColumn } from './lookup-expressions.js'
import { claimCondition, rowsOf } from './row-expressions.js'
import { quoteIdentifier, quoteRelation } from './identifier.js'
import { at } from './lists.js'
import type { ComparisonSpec, StoredKeyMapSpec, TermSpec } from './spec.js'

/** The SQL of the checks beyond the equality of rows; all of it reads the target, returns text only, and counts in one statement. */

/** A foreign key as the catalogue tells it. */
export interface ForeignKey {
  name: string
  schema: string
  table: string
  columns: string[]
  refSchema: string
  refTable: string
  refColumns: string[]
  /** SQL of the collation of each of `refColumns`; null where its type has none */
  refCollations: (string | null)[]
  /** SQL of the operators by which `refColumns` equal `columns`, with their schemas */
  operators: string[]
  validated: boolean
}

const shown = 20

/** Columns: rows (with a reference), failed (whose row is not there), sample (JSON list of up to 20 references). A reference with a NULL leg is none (MATCH SIMPLE). */
export function orphansStatement(key: ForeignKey): string {
  const own = key.columns.map((column) => `child.${quoteIdentifier(column)}`)
  const referenced = own.map((column) => `${column} is not null`).join(' and ')
  // columns of two collations compare by neither: the parent's decides, as in the foreign key itself
  const collated = (index: number) => (typeof key.refCollations[index] === 'string' ? ` collate ${key.refCollations[index]}` : '')
  const parent = key.refColumns.map((column, index) => `parent.${quoteIdentifier(column)}${collated(index)} operator(${key.operators[index] ?? 'pg_catalog.='}) ${own[index] ?? 'null'}`).join(' and ')
  const child = `${quoteRelation({ schema: key.schema, name: key.table })} child`
  const orphan = `${referenced} and not exists (select from ${quoteRelation({ schema: key.refSchema, name: key.refTable })} parent where ${parent})`
  const text = `pg_catalog.concat_ws(', ', ${own.map((column) => `(${column})::text collate "C"`).join(', ')})`
  return `select (select pg_catalog.count(*) from ${child} where ${referenced})::text as rows, (select pg_catalog.count(*) from ${child} where ${orphan})::text as failed, ` +
    `(select pg_catalog.json_agg(reference) from (select distinct ${text} as reference from ${child} where ${orphan} order by 1 limit ${shown}) x)::text as sample`
}

/** The rows of an entity's target table: also those that its join drops, unless the key may be read from what it joins. */
function targetRows(spec: ComparisonSpec, leg: TermSpec): string {
  return isColumn(leg.target) ? rowsOf({ ...spec, target: { ...spec.target, join: null } }, 'target') : rowsOf(spec, 'target')
}

/**
 * The references of a planned column: whether they lead to a row of the parent's table, and to one that the parent's entity claims, or another that is keyed by the same map.
 * Columns: rows, failed (no such row), strangers (a row that none of them claims), sample (JSON list of up to 20 failed references).
 */
export function plannedReferencesStatement(child: ComparisonSpec, term: TermSpec, parent: ComparisonSpec, leg: TermSpec, siblings: readonly ComparisonSpec[] = []): string {
  const references = `(select ${term.target} as reference from ${rowsOf(child, 'target')} where (${claimCondition(child, 'target')}) is true and ${term.target} is not null) child`
  const leads = (key: TermSpec, from: string) => `exists (select from (select ${key.target} as key from ${from}) parent where ${joinKeys(key.targetType, 'parent.key', term.targetType, 'child.reference')})`
  const claimed = [parent, ...siblings].flatMap((spec) => spec.key.slice(0, 1).map((key) => leads(key, `${rowsOf(spec, 'target')} where (${claimCondition(spec, 'target')}) is true`))).join(' or ')
  const there = leads(leg, targetRows(parent, leg))
  return `select (select pg_catalog.count(*) from ${references})::text as rows, (select pg_catalog.count(*) from ${references} where not ${there})::text as failed, ` +
    `(select pg_catalog.count(*) from ${references} where not (${claimed}) and ${there})::text as strangers, ` +
    `(select pg_catalog.json_agg(reference) from (select distinct (child.reference)::text collate "C" as reference from ${references} where not ${there} limit ${shown}) x)::text as sample`
}

/** Entries of a stored key map whose modern row is not there. Columns: rows, failed, sample (JSON list of up to 20 modern keys). @param keyed the specs whose rows the map leads to: an entry names a row of one of them */
export function danglingEntriesStatement(map: StoredKeyMapSpec, keyed: readonly ComparisonSpec[]): string {
  const where = map.where === null ? 'true' : `((${map.where}\n) is true)`
  const entries = `(select tgt.${quoteIdentifier(map.modern)} as modern from ${mapRelation(map)} tgt where ${where} and tgt.${quoteIdentifier(map.modern)} is not null) entry`
  const isGone = keyed.map((spec) => {
    const leg = at(spec.key, 0)
    return `not exists (select from (select ${leg.target} as key from ${rowsOf(spec, 'target')}) arrived where ${joinKeys(leg.targetType, 'arrived.key', map.modernType, 'entry.modern')})`
  }).join(' and ')
  return `select (select pg_catalog.count(*) from ${entries})::text as rows, (select pg_catalog.count(*) from ${entries} where ${isGone})::text as failed, ` +
    `(select pg_catalog.json_agg(modern) from (select distinct (modern)::text collate "C" as modern from ${entries} where ${isGone} limit ${shown}) x)::text as sample`
}

/** Where a sequence stands against the keys that it gives. Columns: rows, next (the value it gives next), edge (the key furthest in its direction; null without keys), ahead (null without keys). */
export function sequenceStatement(sequence: { schema: string; name: string; increment: string }, table: { schema: string; name: string }, column: string): string {
  const isRising = !sequence.increment.startsWith('-')
  return `select rows::text, next::text, edge::text, (next ${isRising ? '>' : '<'} edge)::text as ahead from ` +
    `(select case when is_called then last_value::numeric + ${sequence.increment} else last_value end as next from ${quoteRelation(sequence)}) given, ` +
    `(select pg_catalog.count(*) as rows, pg_catalog.${isRising ? 'max' : 'min'}(t.${quoteIdentifier(column)})::numeric as edge from ${quoteRelation(table)} t) keys`
}
