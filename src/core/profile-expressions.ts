import { canonicalHash, canonicalText, constantFor, int8Literal, type CanonicalKind } from './canonical.js'
import { aliasOf, type Side } from './catalog.js'
import { claimCondition, inSample, pageCondition, sideSql, type StatementOptions } from './row-expressions.js'
import type { TermSql } from './term-expressions.js'
import { quoteIdentifier } from './identifier.js'
import type { ComparisonSpec, TermSpec } from './spec.js'

/** A column whose values are counted: a mapped one on both sides, an unmapped one of the target. */
export interface ProfiledColumn {
  /** of the target */
  name: string
  mapped: boolean
  /** its values are never told */
  pii: boolean
}

/** The columns of a profile, the mapped ones first. @param uncovered columns of the target that the plan neither maps nor ignores */
export function profiledColumns(spec: ComparisonSpec, uncovered: readonly string[]): ProfiledColumn[] {
  return [...profiledTerms(spec).map(({ name, pii }) => ({ name, mapped: true, pii })), ...uncovered.map((name) => ({ name, mapped: false, pii: true }))]
}

/** In a bag every column is in the key. */
function profiledTerms(spec: ComparisonSpec): readonly TermSpec[] {
  return spec.bag ? spec.key : spec.columns
}

/** Columns of one statement: PostgreSQL's select lists end at 1,664 entries, and each column takes five. */
export const columnsPerStatement = 300
/** Columns [first, next) of a profile. */
export interface ColumnRange {
  first: number
  next: number
}

/** Rows of the spread sample, at most. */
const sampleRows = 256
const samplePages = 32
/** Characters of a value that are told. */
const shownCharacters = 60

/**
 * The most frequent value of each column among a few rows of a chunk: of some pages spread over it where the table has pages of its own, else of the rows whose key hash ends in zeros.
 * Columns: v0… (hash, a blank, and the beginning of the text unless it is masked; null without a value).
 * @param byPages read spread pages; false: look for rows by their hash
 */
export function sampleStatement(spec: ComparisonSpec, side: Side, uncovered: readonly string[], options: StatementOptions, range: ColumnRange, byPages: boolean): string {
  const { from, rows, values } = profileSql(spec, side, uncovered, options, range)
  const columns = profiledColumns(spec, uncovered)
  const place = byPages ? spreadRows(spec, side, options.pages) : `(hashed.key & 15::int8) = 0`
  const texts = values.map(({ hash, text, index }) => `${hash} as h${index}, ${columns[index]?.pii === true ? "''" : `pg_catalog.left(${text}, ${shownCharacters})`} as t${index}`)
  const modes = values.map(({ index }) => `pg_catalog.mode() within group (order by (h${index}::text || ' ' || t${index}) collate "C") as v${index}`)
  return `select pg_catalog.count(*)::text as rows, ${modes.join(', ')} from (select ${texts.join(', ')} from ${from} ` +
    `where ${rows} and ${place} limit ${sampleRows}) sample`
}

function spreadRows(spec: ComparisonSpec, side: Side, pages: StatementOptions['pages']): string {
  const first = pages?.first ?? 0
  const end = Math.max(pages?.next ?? spec[side].pages, first + 1)
  const count = Math.min(samplePages, end - first)
  const each = Math.ceil(sampleRows / count)
  const places = Array.from({ length: count }, (_, index) => first + Math.floor((index * (end - first)) / count)).flatMap((page) => Array.from({ length: each }, (_, row) => `(${page},${row + 1})`))
  return `${aliasOf(side)}.ctid = any('{${places.map((place) => `"${place}"`).join(',')}}'::tid[])`
}

/**
 * One ungrouped pass over the paired rows of a chunk: what its columns hold. Every hash is computed once (`offset 0` keeps the planner from copying it into each aggregate).
 * Columns: rows, n0… (not NULL), a0…/b0… (smallest and largest hash), m0… (bitmap of hash & 63), c0… (rows that hold the candidate).
 * @param candidates a hash for each column of the profile; null: none is counted
 */
export function profileStatement(spec: ComparisonSpec, side: Side, uncovered: readonly string[], candidates: readonly (string | null)[], options: StatementOptions, range: ColumnRange): string {
  const { from, rows, values } = profileSql(spec, side, uncovered, options, range)
  const aggregates = values.flatMap(({ index }) => {
    const candidate = candidates[index] ?? null
    return [
      `pg_catalog.count(h${index})::text as n${index}`, `pg_catalog.min(h${index})::text as a${index}`, `pg_catalog.max(h${index})::text as b${index}`, `pg_catalog.bit_or(1::int8 << (h${index} & 63::int8)::int4)::text as m${index}`,
      `${candidate === null ? 'null' : `(pg_catalog.count(*) filter (where h${index} = ${int8Literal(BigInt(candidate))}))::text`} as c${index}`,
    ]
  })
  return `select pg_catalog.count(*)::text as rows, ${aggregates.join(', ')} from (select ${values.map(({ hash, index }) => `${hash} as h${index}`).join(', ')} from ${from} ` +
    `where ${rows} offset 0) rows`
}

const verbatim: CanonicalKind = { name: 'text', literalType: 'text', decideAs: null }

/** Which rows are looked at, and each column's hash (null for NULL, a constant for what does not resolve) and text; an unmapped column has neither at the source. */
function profileSql(spec: ComparisonSpec, side: Side, uncovered: readonly string[], options: StatementOptions, { first, next }: ColumnRange): { from: string; rows: string; values: { hash: string; text: string; index: number }[] } {
  const { recode } = options
  const { from, keys, columns } = sideSql(spec, side, options)
  const mapped = (spec.bag ? keys : columns).map((sql: TermSql, index) => {
    const term = profiledTerms(spec)[index]
    const hash = canonicalHash(term?.canonical ?? verbatim, sql.value, constantFor(`profile ${term?.name ?? ''}`), recode)
    return { hash: sql.unresolved === null ? hash : `case when ${sql.unresolved} then ${int8Literal(constantFor('profile unresolved'))} else ${hash} end`, text: `coalesce(${canonicalText(sql.value)}, '')` }
  })
  const others = uncovered.map((name) => {
    const value = `(tgt.${quoteIdentifier(name)})::text`
    return side === 'source' ? { hash: 'null::int8', text: "''" } : { hash: canonicalHash(verbatim, value, constantFor(`profile ${name}`), recode), text: "''" }
  })
  const rows = [claimCondition(spec, side), "state.name = 'keyed'", inSample(options, 'hashed.key') ?? 'true', pageCondition(side, options.pages)].join(' and ')
  return { from, rows, values: [...mapped, ...others].map((value, index) => ({ ...value, index })).slice(first, next) }
}
