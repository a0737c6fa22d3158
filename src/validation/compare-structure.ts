import { quoteIdentifier } from '../core/identifier.js'
import type { ComparisonSpec, TermSpec } from '../core/spec.js'
import type { ForeignKey } from '../core/integrity-expressions.js'
import type { CheckResult } from './outcomes.js'
import type { CheckConstraint, Index, NotNullColumn } from './structure.js'

export interface Structure {
  foreignKeys: ForeignKey[]
  indexes: Index[]
  checks: CheckConstraint[]
  notNull: NotNullColumn[]
}

/** A rule of the source's table that its target table lacks, in words. */
interface Lack {
  what: string
  why: string
}

/**
 * What the source's table demands of its rows and the target's table does not, of the columns that the plan maps one to one. A lacking constraint is a
 * warning: the rows that are there were compared, those that come later are not guarded.
 * @returns one check for each kind of constraint that the source has on mapped columns
 */
export function compareStructure(spec: ComparisonSpec, source: Structure, target: Structure): CheckResult[] {
  const mapped = mappedColumns(spec)
  const own = <T extends { schema: string; table: string }>(side: 'source' | 'target', list: T[]) => list.filter(({ schema, table }) => schema === spec[side].schema && table === spec[side].table)
  const images = (columns: readonly string[]) => {
    const found = columns.map((column) => mapped.get(column)?.name)
    return columns.length > 0 && found.every((name) => name !== undefined) ? found : null
  }
  const targetIndexes = own('target', target.indexes).filter(({ valid }) => valid)
  const groups: { name: string; severity: CheckResult['severity']; lacks: (Lack | null)[] }[] = [
    {
      name: 'the target refuses NULL where the source does', severity: 'warning',
      lacks: own('source', source.notNull).flatMap(({ column }) => {
        const image = mapped.get(column)?.name
        const guarded = own('target', target.notNull).some((one) => one.column === image)
        return image === undefined ? [] : [guarded ? null : { what: image, why: `${column} is not null at the source` }]
      }),
    },
    {
      name: 'the target keeps unique what the source does', severity: 'warning',
      lacks: own('source', source.indexes).filter(({ unique, partial, valid }) => unique && !partial && valid).flatMap(({ name, columns }) => {
        const image = images(columns)
        const guarded = targetIndexes.some((index) => index.unique && !index.partial && index.columns.length > 0 && index.columns.every((column) => image?.includes(column)))
        return image === null ? [] : [guarded ? null : { what: image.join(', '), why: `${name} is unique at the source` }]
      }),
    },
    {
      name: 'the target has the foreign keys of the source', severity: 'warning',
      lacks: own('source', source.foreignKeys).flatMap(({ name, columns, refTable }) => {
        const image = images(columns)
        const guarded = own('target', target.foreignKeys).some((key) => key.columns.length === image?.length && key.columns.every((column) => image.includes(column)))
        return image === null ? [] : [guarded ? null : { what: image.join(', '), why: `${name} references ${refTable} at the source` }]
      }),
    },
    {
      name: 'the target has check constraints where the source does', severity: 'info',
      lacks: own('source', source.checks).flatMap(({ name, columns, definition }) => {
        const image = images(columns)
        const guarded = own('target', target.checks).some((check) => image?.every((column) => check.columns.includes(column)))
        return image === null ? [] : [guarded ? null : { what: image.join(', '), why: `${name}: ${definition}` }]
      }),
    },
    {
      name: 'the target has an index where the source does', severity: 'info',
      lacks: own('source', source.indexes).filter(({ unique, valid }) => !unique && valid).flatMap(({ name, columns }) => {
        const image = images(columns.slice(0, 1))
        return image === null ? [] : [targetIndexes.some((index) => index.columns[0] === image[0]) ? null : { what: image.join(', '), why: `${name} begins with ${columns[0] ?? ''} at the source` }]
      }),
    },
  ]
  return [...groups.flatMap(({ name, severity, lacks }) => (lacks.length === 0 ? [] : lackCheck(spec, name, severity, lacks))), ...doubtful(spec, target, own)]
}

/** source column → the term that compares it, as it stands on both sides. */
function mappedColumns(spec: ComparisonSpec): Map<string, TermSpec> {
  const plain = [...spec.key, ...spec.columns].filter((term) => term.target === `tgt.${quoteIdentifier(term.name)}`)
  return new Map(plain.flatMap((term): [string, TermSpec][] => {
    const column = /^src\."((?:[^"]|"")+)"$/.exec(term.source)?.[1]
    return column === undefined ? [] : [[column.replaceAll('""', '"'), term]]
  }))
}

function lackCheck(spec: ComparisonSpec, name: string, severity: CheckResult['severity'], lacks: readonly (Lack | null)[]): CheckResult {
  const found = lacks.filter((lack) => lack !== null)
  return {
    entity: '', name, subject: spec.entity, category: 'integrity', severity, verdict: found.length === 0 ? 'pass' : 'warn', rowsExamined: null, rowsFailed: null, durationMs: null,
    message: found.length === 0 ? `all ${lacks.length} of them` : `lacking on ${spec.target.schema}.${spec.target.table}: ${found.map(({ what, why }) => `${what} (${why})`).join('; ')}`,
    evidence: { examined: lacks.length, lacking: found.map(({ what, why }) => ({ what, why })) },
  }
}

/** Constraints that PostgreSQL has not checked on all rows, and indexes that it does not use. */
function doubtful(spec: ComparisonSpec, target: Structure, own: <T extends { schema: string; table: string }>(side: 'source' | 'target', list: T[]) => T[]): CheckResult[] {
  const constraints = [...own('target', target.foreignKeys), ...own('target', target.checks)]
  const indexes = own('target', target.indexes)
  if (constraints.length + indexes.length === 0) return []
  const found = [...constraints.filter(({ validated }) => !validated).map(({ name }) => `${name} is not validated`), ...indexes.filter(({ valid }) => !valid).map(({ name }) => `the index ${name} is invalid`)]
  return [{
    entity: '', name: 'the constraints of the target are in force', subject: spec.entity, category: 'integrity', severity: 'warning', verdict: found.length === 0 ? 'pass' : 'warn', rowsExamined: null, rowsFailed: null, durationMs: null,
    message: found.length === 0 ? `all ${constraints.length + indexes.length} constraints and indexes` : `${found.join('; ')}: run \`alter table ... validate constraint\`, or \`reindex\``, evidence: { doubtful: found },
  }]
}
