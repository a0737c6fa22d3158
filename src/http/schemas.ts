import type { FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import type { Static, TSchema, TUnsafe } from '@sinclair/typebox'
import { sourceClasses, targetClasses, verdicts } from '../core/accounting.js'
import { findings } from '../core/profile.js'
import { problemTable } from './errors.js'
import type { ProblemCode } from './errors.js'

/** A schema that becomes a named component of the OpenAPI document. */
export type Component = TSchema & { $id: string }

/**
 * A typed `$ref` to a named component; the slice hands the component itself to `addSchemas`.
 * @throws Error when the schema has no `$id`
 */
export function ref<T extends TSchema>(schema: T): TUnsafe<Static<T>> {
  if (schema.$id === undefined) throw new Error('only a schema with an $id can be referred to')
  return Type.Unsafe<Static<T>>(Type.Ref(schema.$id))
}

/** Makes components known under their `$id`; one that an earlier slice has added already is left as it is. */
export function addSchemas(app: FastifyInstance, schemas: readonly TSchema[]): void {
  for (const schema of schemas) {
    if (schema.$id === undefined) throw new Error('only a schema with an $id can become a component')
    if (app.getSchema(schema.$id) === undefined) app.addSchema(schema)
  }
}

/** The schema or null. A plain type becomes `type: [..., 'null']`, which generated clients read best; a `$ref` becomes `anyOf`. */
export function nullable<T extends TSchema>(schema: T): TUnsafe<Static<T> | null> {
  const { type, enum: values, $id: _, ...rest } = schema as TSchema & { type?: unknown; enum?: unknown[] }
  if (typeof type !== 'string' || type === 'object' || type === 'array') return Type.Unsafe(Type.Union([schema, Type.Null()]))
  return Type.Unsafe({ ...rest, type: [type, 'null'], ...(values === undefined ? {} : { enum: [...values, null] }) })
}

/** A string that is one of the values, as `enum`, not as a union of literals. */
export function stringEnum<const T extends readonly string[]>(values: T, options: Record<string, unknown> = {}): TUnsafe<T[number]> {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options })
}

/** An id that PostgreSQL takes as uuid; the format `uuid` alone lets `urn:uuid:` through, which it does not. */
export const uuid = (description: string) =>
  Type.String({ format: 'uuid', pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', description })
/** Text that PostgreSQL takes as a value: it has no NUL. */
export const textPattern = '^[^\\u0000]*$'

/** Exact count of rows or things. */
export const Count = Type.Integer({ format: 'int64', minimum: 0 })
/** 0–100, floored to two decimals. */
export const Percent = Type.Number({ minimum: 0, maximum: 100 })
/** ISO 8601 UTC. A handler may return the Date itself. */
export const Timestamp = Type.Unsafe<string | Date>({ type: 'string', format: 'date-time' })
export const Verdict = stringEnum(verdicts)

const figures = <K extends string>(names: readonly K[]) =>
  Object.fromEntries(names.map((name) => [name, nullable(Count)])) as Record<K, TUnsafe<number | null>>

export const AccountingSchema = Type.Object(
  {
    source: Type.Object(figures(['total', 'excluded', 'scope', ...sourceClasses] as const), { additionalProperties: false }),
    target: Type.Object(figures(['total', ...targetClasses] as const), { additionalProperties: false }),
  },
  {
    $id: 'Accounting',
    additionalProperties: false,
    description:
      'Every source row and every target row is in exactly one class. source: total = excluded + scope; scope = verified + accepted + differs + merged + explained + pending + missing + unverified. ' +
      'target: total = matched + duplicate + generated + pending + extra + unverified. matched = verified + accepted + differs. null is "could not be counted", never 0.',
    examples: [
      {
        source: { total: 897, excluded: 351, scope: 546, verified: 544, accepted: 0, differs: 0, merged: 0, explained: 2, pending: 0, missing: 0, unverified: 0 },
        target: { total: 544, matched: 544, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
      },
    ],
  },
)

/** One schema for each side. */
export const perSide = <T extends TSchema>(schema: T, description: string) => Type.Object({ source: schema, target: schema }, { additionalProperties: false, description })

export const CoverageCountsSchema = Type.Object(
  {
    covered: nullable(Count),
    ignored: nullable(Count),
    uncovered: nullable(Count),
    coveredPercent: nullable(Percent),
  },
  {
    $id: 'CoverageCounts',
    additionalProperties: false,
    description:
      'What the plan covers on one side. Ignored ones are signed off with a reason and stand outside the percentage: ' +
      'coveredPercent = covered / (covered + uncovered). null: not counted.',
    examples: [{ covered: 33, ignored: 14, uncovered: 6, coveredPercent: 84.61 }],
  },
)

const percents = <K extends string>(names: readonly K[]) => Object.fromEntries(names.map((name) => [name, nullable(Percent)])) as Record<K, TUnsafe<number | null>>

export const ClassPercentsSchema = Type.Object(
  {
    source: Type.Object(percents(['excluded', ...sourceClasses] as const), { additionalProperties: false }),
    target: Type.Object(percents(targetClasses), { additionalProperties: false }),
  },
  {
    $id: 'ClassPercents',
    additionalProperties: false,
    description:
      'Each class of rows as a percentage, floored to two decimals: of the scope at the source (excluded rows of the source total), of the total at the target. ' +
      'A class with few rows may show 0: the accounting has the rows. null: not counted, or nothing to count.',
    examples: [
      {
        source: { excluded: 39.13, verified: 99.63, accepted: 0, differs: 0, merged: 0, explained: 0.36, pending: 0, missing: 0, unverified: 0 },
        target: { matched: 100, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
      },
    ],
  },
)

export const TableFiguresSchema = Type.Object(
  {
    side: stringEnum(['source', 'target']),
    schema: Type.String(),
    table: Type.String(),
    coverage: stringEnum(['covered', 'ignored', 'uncovered']),
    entities: Type.Array(Type.String(), { description: 'entities that read from it or arrive in it' }),
    rows: nullable(Count),
    claimedOnce: nullable(Count),
    claimedSeveral: nullable(Count),
    unclaimed: nullable(Type.Integer({ format: 'int64', minimum: 0, description: 'rows that no entity claims' })),
    error: nullable(Type.String({ description: 'why it could not be counted' })),
    verdict: Verdict,
  },
  {
    $id: 'TableFigures',
    additionalProperties: false,
    description: 'A table and how many of its rows the entities claim.',
    examples: [
      { side: 'source', schema: 'public', table: 'fax_queue', coverage: 'uncovered', entities: [], rows: 412, claimedOnce: 0, claimedSeveral: 0, unclaimed: 412, error: null, verdict: 'warn' },
    ],
  },
)

const SideProfileSchema = Type.Object(
  {
    rows: Type.Integer({ format: 'int64', minimum: 0, description: 'rows that are paired by their key' }),
    nonNull: Count,
    filledPercent: nullable(Percent),
    distinctAtLeast: Type.Integer({ minimum: 0, maximum: 64, description: 'a lower bound, at most 64; 0 and 1 are exact' }),
    topRows: nullable(Type.Integer({ format: 'int64', minimum: 0, description: 'a lower bound: rows that hold the value that a sample found most frequent; null when it found none' })),
    topValue: nullable(Type.String({ description: 'the beginning of that value; null where it is masked, or nobody knows whether it should be' })),
  },
  { additionalProperties: false },
)

export const ColumnProfileSchema = Type.Object(
  {
    column: Type.String({ description: 'the target column' }),
    mapped: Type.Boolean({ description: 'false: the plan neither maps nor ignores it, so only the target was looked at' }),
    source: Type.Union([SideProfileSchema, Type.Null()]),
    target: SideProfileSchema,
    findings: Type.Array(stringEnum(findings), { description: 'what is odd about it' }),
  },
  {
    $id: 'ColumnProfile',
    additionalProperties: false,
    description: 'How full a column is and whether one value fills it, source against target, in the common form in which both are compared. Taken with includeIntegrityChecks.',
    examples: [
      {
        column: 'country', mapped: true, findings: ['constant'], source: { rows: 8456, nonNull: 8456, filledPercent: 100, distinctAtLeast: 10, topRows: 5120, topValue: 'CH' },
        target: { rows: 8456, nonNull: 8456, filledPercent: 100, distinctAtLeast: 1, topRows: 8456, topValue: 'US' },
      },
    ],
  },
)

export const PaginationSchema = Type.Object(
  {
    currentPage: Type.Integer({ minimum: 1 }),
    totalPages: Type.Integer({ minimum: 0 }),
    totalItems: Count,
    itemsPerPage: Type.Integer({ minimum: 1 }),
    hasNextPage: Type.Boolean(),
    hasPreviousPage: Type.Boolean(),
  },
  {
    $id: 'Pagination',
    additionalProperties: false,
    description: 'Where the page stands in the list. A page behind the last one is empty, not an error.',
    examples: [{ currentPage: 1, totalPages: 3, totalItems: 120, itemsPerPage: 50, hasNextPage: true, hasPreviousPage: false }],
  },
)

/** Query string of a route that takes none: whatever is sent is a 400 that names it. */
export const noQuery = Type.Object({}, { additionalProperties: false })

/** Spread into the properties of a list's query string. The upper end keeps `(page - 1) * limit` an exact integer. */
export const pageQuery = {
  page: Type.Integer({ minimum: 1, maximum: 1_000_000_000, default: 1, description: 'page number, from 1' }),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'items per page' }),
}

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'identifies the kind of problem' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'what happened and what to do about it' }),
    instance: Type.String({ description: 'path of the request' }),
    code: stringEnum(Object.keys(problemTable) as ProblemCode[]),
    requestId: Type.String({ description: 'the x-request-id of the answer: quote it when asking for help' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), message: Type.String() }, { additionalProperties: false }), { description: 'each fault of the request' }),
    ),
  },
  {
    $id: 'Problem',
    additionalProperties: false,
    description: 'RFC 9457 problem details. `code` is the word to decide by; `detail` is for people and may change.',
    examples: [
      {
        type: 'urn:migration-coverage:problem:validation-failed',
        title: 'The request is not valid',
        status: 400,
        detail: 'limit must be <= 200',
        instance: '/scripts/status',
        code: 'VALIDATION_FAILED',
        requestId: '0b0e6d5e-4f43-4b8e-a54a-30a5d8d8a4a5',
        errors: [{ field: 'limit', message: 'must be <= 200' }],
      },
      {
        type: 'urn:migration-coverage:problem:not-found',
        title: 'Not found',
        status: 404,
        detail: 'the plan has no entity "pateints"; did you mean "patients"?',
        instance: '/entities/pateints',
        code: 'NOT_FOUND',
        requestId: '0b0e6d5e-4f43-4b8e-a54a-30a5d8d8a4a5',
      },
    ],
  },
)

/** The components that several slices refer to. */
export const sharedSchemas: TSchema[] = [ProblemSchema, PaginationSchema, AccountingSchema, CoverageCountsSchema, ClassPercentsSchema, TableFiguresSchema, ColumnProfileSchema]

type ProblemStatus = (typeof problemTable)[ProblemCode]['status']
const commonStatuses: ProblemStatus[] = [401, 403, 429, 500, 503]
const retryAfter = { 'retry-after': { type: 'integer', description: 'seconds to wait before the next try' } }

/**
 * Response entries for problem+json: `...problems(400, 404)` in a route's `response`. Those that every route can answer
 * (401, 403, 429, 500, 503) are added by themselves. The entries have no static type, so that a handler is still checked
 * against its success schema alone: problems are thrown, not returned.
 */
export function problems(...statuses: ProblemStatus[]): Record<never, never> {
  return Object.fromEntries(
    [...new Set([...statuses, ...commonStatuses])]
      .sort((a, b) => a - b)
      .map((status) => [
        status,
        {
          description: titlesOf(status),
          ...(status === 429 || status === 503 ? { headers: retryAfter } : {}),
          content: { 'application/problem+json': { schema: ref(ProblemSchema) } },
        },
      ]),
  )
}

/** Problem entries of a route that is open to everybody, outside of the rate limit, and does without the database: only 500 is added. */
export function openProblems(...statuses: ProblemStatus[]): Record<never, never> {
  const answered = new Set<string>([...statuses, 500].map(String))
  return Object.fromEntries(Object.entries(problems(...statuses)).filter(([status]) => answered.has(status)))
}

/** Response entry of a read whose answer has an etag. */
export const notModified: Record<never, never> = {
  304: { type: 'null', description: 'Unchanged: the etag of the answer is in the if-none-match of the request' },
}

/** A body that is text of another kind than JSON. */
export function textBody(description: string, example: string): TUnsafe<string> {
  return Type.Unsafe<string>(Type.String({ description, examples: [example] }))
}

function titlesOf(status: number): string {
  const titles = Object.values(problemTable).flatMap((entry) => (entry.status === status ? [entry.title] : []))
  return titles.join(' · ')
}
