import { Type } from '@sinclair/typebox'
import { AccountingSchema, ColumnProfileSchema, Count, PaginationSchema, Percent, Timestamp, Verdict, nullable, pageQuery, ref, stringEnum, textPattern, uuid } from '../http/schemas.js'
import { reasonCodes } from '../db/sqlstate.js'
import { repairClasses } from '../core/repair.js'
import { differenceClasses, jobStatuses } from './queries.js'

const strict = { additionalProperties: false }

export const Priority = stringEnum(['critical', 'high', 'normal', 'low'], { default: 'normal', description: 'jobs of higher priority are taken first' })
export const JobId = uuid('the jobId that POST /validation/run answered')
export const JobParams = Type.Object({ id: JobId }, strict)
export const EventHeaders = Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 100, description: 'id of the last event that was received; anything that is none is taken for the beginning' })) })

const Names = (what: string) => Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 1000, uniqueItems: true, default: [], description: what })

export const RunBody = Type.Object(
  {
    entities: Names('entities of the plan'),
    domains: Names('domains of the plan: all their entities'),
    includeIntegrityChecks: Type.Boolean({ default: true, description: 'also the checks of keys, key maps and references' }),
    includeCrossEntity: Type.Boolean({ default: true, description: 'also the checks that tie entities together: each table accounted for, no row claimed twice' }),
    mode: stringEnum(['full', 'changed', 'sample'], {
      default: 'full',
      description: 'full compares every row. changed reads only what may have changed since the run before, by counters or else by the versions of rows, and says what it rests on. ' +
        'sample compares one key of ten, chosen at random, and tells the interval that this supports; the other rows are unverified, and it never becomes coverage',
    }),
    priority: Priority,
  },
  {
    $id: 'ValidationRequest',
    ...strict,
    description: 'What to compare, and how; may be left out.',
    examples: [{ entities: ['patients'], includeIntegrityChecks: true }, {}],
  },
)

export const RunHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$', description: 'the same key with the same body gives the same job for 24 hours; with another body 409' }),
  ),
})

const jobId = '3f2b6c1e-9a54-4c6e-8f0a-5d1f4e1a2b3c'

export const AcceptedSchema = Type.Object(
  {
    jobId: Type.String({ format: 'uuid' }),
    status: stringEnum(jobStatuses),
    pollUrl: Type.String({ description: 'path of the result, from the beginning of the job' }),
    eventsUrl: Type.String({ description: 'path of the server-sent events of the job' }),
    estimatedDurationSeconds: nullable(
      Type.Number({ minimum: 0, description: 'from earlier jobs over the same entities, else from the newest comparison of each; null when one was never compared' }),
    ),
  },
  {
    $id: 'ValidationAccepted',
    ...strict,
    description: 'The job that will answer the request.',
    examples: [{ jobId, status: 'queued', pollUrl: `/validation/results/${jobId}`, eventsUrl: `/validation/jobs/${jobId}/events`, estimatedDurationSeconds: 42 }],
  },
)

const jobFields = {
  jobId: Type.String({ format: 'uuid' }),
  status: stringEnum(jobStatuses),
  mode: stringEnum(['full', 'changed', 'sample']),
  priority: stringEnum(['critical', 'high', 'normal', 'low']),
  entities: Type.Array(Type.String()),
  verdict: nullable(Verdict),
  pausedReason: nullable(Type.String({ description: 'what the job waits for; it goes on by itself' })),
  reasonCode: nullable(stringEnum(reasonCodes, { description: 'why a failed or cancelled job ended' })),
  reason: nullable(Type.String()),
  createdAt: Timestamp,
  startedAt: nullable(Timestamp),
  finishedAt: nullable(Timestamp),
}

const jobExample = {
  jobId,
  status: 'completed' as const,
  mode: 'full' as const,
  priority: 'normal' as const,
  entities: ['patients'],
  verdict: 'fail' as const,
  pausedReason: null,
  reasonCode: null,
  reason: null,
  createdAt: '2026-11-20T08:00:00.000Z',
  startedAt: '2026-11-20T08:00:00.120Z',
  finishedAt: '2026-11-20T08:00:42.500Z',
}

export const JobSchema = Type.Object(
  { ...jobFields, includeIntegrityChecks: Type.Boolean(), includeCrossEntity: Type.Boolean() },
  { $id: 'ValidationJob', ...strict, description: 'A job and how far it is.', examples: [{ ...jobExample, includeIntegrityChecks: true, includeCrossEntity: true }] },
)

export const JobsQuery = Type.Object(
  {
    ...pageQuery,
    status: Type.Optional(stringEnum(jobStatuses, { description: 'only jobs of this status' })),
    sortBy: stringEnum(['createdAt'], { default: 'createdAt', description: 'jobs of one moment in order of their id' }),
    sortOrder: stringEnum(['asc', 'desc'], { default: 'desc', description: 'desc: the newest first' }),
  },
  strict,
)

export const JobListSchema = Type.Object(
  {
    jobs: Type.Array(ref(JobSchema)),
    pagination: ref(PaginationSchema),
    filters: Type.Object({ status: nullable(stringEnum(jobStatuses)), sortBy: stringEnum(['createdAt']), sortOrder: stringEnum(['asc', 'desc']) }, strict),
  },
  {
    $id: 'ValidationJobList',
    ...strict,
    description: 'Jobs by the time of their creation.',
    examples: [
      {
        jobs: [{ ...jobExample, includeIntegrityChecks: true, includeCrossEntity: true }],
        pagination: { currentPage: 1, totalPages: 1, totalItems: 1, itemsPerPage: 50, hasNextPage: false, hasPreviousPage: false },
        filters: { status: null, sortBy: 'createdAt', sortOrder: 'desc' },
      },
    ],
  },
)

export const CheckSchema = Type.Object(
  {
    entity: nullable(Type.String({ description: 'null: a check of the whole migration' })),
    name: Type.String(),
    subject: nullable(Type.String({ description: 'what of the entity was checked: a column, a key map' })),
    category: stringEnum(['accounting', 'integrity', 'cross_entity', 'plan', 'engine']),
    severity: stringEnum(['critical', 'warning', 'info']),
    verdict: Verdict,
    message: Type.String(),
    rowsExamined: nullable(Count),
    rowsFailed: nullable(Count),
    durationMs: nullable(Count),
    evidence: Type.Unsafe<unknown>({ type: 'object', additionalProperties: true, description: 'what the check saw; its fields depend on the check' }),
    observedAt: Timestamp,
  },
  {
    $id: 'ValidationCheck',
    ...strict,
    description: 'One assertion and its verdict.',
    examples: [
      {
        entity: 'patients', name: 'every row in scope arrived', subject: null, category: 'accounting', severity: 'critical', verdict: 'fail', message: '2 rows are missing',
        rowsExamined: 546, rowsFailed: 2, durationMs: 120, evidence: {}, observedAt: '2026-11-20T08:00:42.000Z',
      },
    ],
  },
)

const accountingExample = {
  source: { total: 897, excluded: 351, scope: 546, verified: 544, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 2, unverified: 0 },
  target: { total: 544, matched: 544, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}

const CountedSide = Type.Optional(stringEnum(['source', 'target'], { description: 'where the rows were counted' }))
const Reasons = Type.Array(Type.Object({ class: Type.String(), side: CountedSide, reason: Type.String(), rows: nullable(Count) }, strict), { description: 'rows by declared reason' })
const Causes = Type.Array(Type.Object({ class: Type.String(), side: CountedSide, cause: Type.String(), rows: nullable(Count) }, strict), { description: 'rows by cause' })

const EntityDetails = Type.Object(
  {
    entity: Type.String(),
    domain: Type.String(),
    verdict: Verdict,
    coverage: nullable(Percent),
    accounting: ref(AccountingSchema),
    evidence: Type.Object(
      {
        basis: stringEnum(['full', 'changed', 'sample', 'none'], { description: 'full: every row was read' }),
        sourceRowsExamined: Count,
        targetRowsExamined: Count,
        sourceSnapshotAt: nullable(Timestamp),
        targetSnapshotAt: nullable(Timestamp),
        settledAt: Timestamp,
        durationMs: Count,
        note: nullable(Type.String({ description: 'why it could not be compared, or not wholly' })),
      },
      strict,
    ),
    published: Type.Boolean({ description: 'whether these figures are part of the coverage; only those of a completed job are' }),
    reasons: Reasons,
    causes: Causes,
    columns: Type.Array(
      Type.Object(
        {
          side: stringEnum(['source', 'target']),
          column: Type.String(),
          coverage: stringEnum(['compared', 'read', 'ignored', 'uncovered']),
          reason: nullable(Type.String()),
          differs: nullable(Type.Integer({ format: 'int64', minimum: 0, description: 'rows in which it differs' })),
        },
        strict,
      ),
    ),
    columnProfiles: Type.Array(ref(ColumnProfileSchema), { description: 'what its columns hold, source against target; empty without includeIntegrityChecks' }),
    checks: Type.Array(ref(CheckSchema)),
  },
  strict,
)

const TableDetails = Type.Object(
  {
    side: stringEnum(['source', 'target']),
    schema: Type.String(),
    table: Type.String(),
    coverage: stringEnum(['covered', 'ignored', 'uncovered']),
    reason: nullable(Type.String()),
    entities: Type.Array(Type.String()),
    rows: nullable(Count),
    claimedOnce: nullable(Count),
    claimedSeveral: nullable(Count),
    unclaimed: nullable(Count),
    ignoredRows: nullable(Count),
    error: nullable(Type.String()),
    verdict: Verdict,
  },
  strict,
)

export const ResultQuery = Type.Object(
  {
    includeDetails: Type.Boolean({ default: false, description: 'adds `details`: accounting, evidence and checks of each entity, and the tables' }),
    format: stringEnum(['json', 'report', 'junit'], { default: 'json', description: 'report: a Markdown document as attachment; junit: JUnit XML' }),
  },
  strict,
)

export const ResultSchema = Type.Object(
  {
    ...jobFields,
    partial: Type.Boolean({ description: 'true while (or because) not every entity of the job has figures: the sums below are over those that have' }),
    progress: Type.Object(
      {
        tasksDone: Count,
        tasksTotal: Type.Integer({ minimum: 0, description: 'tasks known so far; it grows when the comparison is planned' }),
        percent: nullable(Percent),
        entities: Type.Object({ done: Count, total: Count }, strict),
      },
      strict,
    ),
    summary: Type.Object(
      {
        checks: Count,
        passed: Count,
        warned: Count,
        failed: Count,
        unknown: Count,
        criticalFailures: Type.Integer({ minimum: 0, description: 'failed checks of severity critical' }),
        score: nullable(Type.Number({ minimum: 0, maximum: 100, description: 'passed / checks × 100, floored to two decimals; null without a check' })),
      },
      strict,
    ),
    accounting: nullable(ref(AccountingSchema)),
    integrityChecks: Type.Array(ref(CheckSchema)),
    recommendations: Type.Array(Type.String(), { description: 'what to do next, each from a figure, cause, table or check that does not pass' }),
    details: Type.Optional(
      Type.Object({ entities: Type.Array(EntityDetails), tables: Type.Array(TableDetails), checks: Type.Array(ref(CheckSchema), { description: 'checks of the whole migration' }) }, strict),
    ),
  },
  {
    $id: 'ValidationResult',
    ...strict,
    description: 'accounting is the sum over the entities of the job, in deliveries: a source row wanted in three tables counts three times. A figure that one entity could not count is null.',
    examples: [
      {
        ...jobExample,
        partial: false,
        progress: { tasksDone: 8, tasksTotal: 8, percent: 100, entities: { done: 1, total: 1 } },
        summary: { checks: 5, passed: 4, warned: 0, failed: 1, unknown: 0, criticalFailures: 1, score: 80 },
        accounting: accountingExample,
        integrityChecks: [],
        recommendations: [`rows of patients that did not arrive: 2; list the missing rows of patients: GET /validation/results/${jobId}/differences?entity=patients&class=missing`],
      },
    ],
  },
)

export const DifferencesQuery = Type.Object(
  {
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 40, pattern: '^[A-Za-z0-9_-]+$', description: 'nextCursor of the page before' })),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'items per page' }),
    class: Type.Optional(stringEnum(differenceClasses, { description: 'only rows of this class' })),
    entity: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: textPattern, description: 'only rows of this entity' })),
    side: Type.Optional(stringEnum(['source', 'target', 'both'], { description: 'only rows that stand there; both: pairs' })),
  },
  strict,
)

export const DifferencesSchema = Type.Object(
  {
    differences: Type.Array(
      Type.Object(
        {
          entity: Type.String(),
          side: stringEnum(['source', 'target', 'both'], { description: 'where the row stands' }),
          class: stringEnum(differenceClasses),
          cause: nullable(Type.String()),
          reason: nullable(Type.String()),
          rowKey: Type.Unsafe<Record<string, string | null>>({
            type: 'object',
            additionalProperties: { type: ['string', 'null'] },
            description: 'key leg → canonical legacy key as text; of a row without one the raw target key',
          }),
          columns: Type.Array(Type.Object({ column: Type.String(), source: nullable(Type.String()), target: nullable(Type.String()) }, strict), {
            description: 'the columns that differ, values as text; masked where the plan says pii',
          }),
        },
        strict,
      ),
    ),
    nextCursor: nullable(Type.String({ description: 'null on the last page' })),
    total: Type.Integer({ format: 'int64', minimum: 0, description: 'differences stored under these filters; the exact numbers of rows are in the accounting' }),
    filters: Type.Object({ class: nullable(stringEnum(differenceClasses)), entity: nullable(Type.String()), side: nullable(stringEnum(['source', 'target', 'both'])) }, strict),
  },
  {
    $id: 'Differences',
    ...strict,
    description: 'Rows that are not verified.',
    examples: [
      {
        differences: [
          { entity: 'patients', side: 'both', class: 'differs', cause: 'value', reason: null, rowKey: { id: '17' }, columns: [{ column: 'status', source: 'active', target: 'closed' }] },
        ],
        nextCursor: null,
        total: 1,
        filters: { class: 'differs', entity: 'patients', side: null },
      },
    ],
  },
)

const name = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: textPattern, description }))

export const RepairQuery = Type.Object(
  {
    format: stringEnum(['json', 'csv', 'sql'], { default: 'json', description: 'sql: statements for one database, that of `side`; the source unless asked otherwise' }),
    script: name('only rows of entities that this script fills'),
    entity: name('only rows of this entity'),
    class: Type.Optional(stringEnum(repairClasses, { description: 'only rows of this class' })),
    cause: name('only rows of this cause'),
    side: Type.Optional(stringEnum(['source', 'target'], { description: 'only rows that are to be read there: source for missing and differs, target for extra and duplicate' })),
    limit: Type.Integer({ minimum: 1, maximum: 100_000, default: 10_000, description: 'keys listed at most; what is left out is counted' }),
  },
  strict,
)

const KeyOfSide = (description: string) => Type.Unsafe<Record<string, string | null> | null>({ type: ['object', 'null'], additionalProperties: { type: ['string', 'null'] }, description })

const RepairGroupSchema = Type.Object(
  {
    scripts: Type.Array(Type.String(), { description: 'scripts that fill the entity' }),
    entity: Type.String(),
    class: stringEnum(repairClasses),
    cause: nullable(Type.String({ description: 'null: no cause is known' })),
    side: stringEnum(['source', 'target'], { description: 'where the rows stand' }),
    schema: nullable(Type.String()),
    table: nullable(Type.String({ description: 'the table of the rows; of a query the one that it covers, null without' })),
    legs: Type.Array(Type.Object({ name: Type.String(), expression: Type.String({ description: 'SQL over the row (`src` or `tgt`)' }), type: Type.String() }, strict), { description: 'the key, as that side holds it' }),
    advice: nullable(Type.String({ description: 'what this cause asks for' })),
    rows: Type.Integer({ format: 'int64', minimum: 0, description: 'exact number of rows: listed + masked + unusable + notListed' }),
    listed: Count,
    masked: Type.Integer({ format: 'int64', minimum: 0, description: 'rows whose key the plan masks (pii)' }),
    unusable: Type.Integer({ format: 'int64', minimum: 0, description: 'rows whose key is too long to be stored whole' }),
    notListed: Type.Integer({ format: 'int64', minimum: 0, description: 'rows that are not stored, or beyond the limit of this list' }),
    keys: Type.Array(
      Type.Object({ legacy: KeyOfSide('key leg → legacy key as text; null for a target row that has none'), target: KeyOfSide('key leg → key of the target row as text; null for a source row') }, strict),
    ),
  },
  strict,
)

export const RepairSchema = Type.Object(
  {
    jobId: Type.String({ format: 'uuid' }),
    status: stringEnum(jobStatuses),
    finishedAt: nullable(Timestamp),
    complete: Type.Boolean({ description: 'every row that needs a repair, as far as the filters ask, is listed with its key' }),
    remarks: Type.Array(Type.String(), { description: 'why the list is not complete; empty when it is' }),
    rows: Type.Integer({ format: 'int64', minimum: 0, description: 'exact number of rows of all groups' }),
    listed: Count,
    groups: Type.Array(RepairGroupSchema, { description: 'in the order in which the scripts run' }),
  },
  {
    $id: 'RepairList',
    ...strict,
    description: 'Keys of the rows that a script has to bring again, or that have to leave the target, by script, entity, class and cause.',
    examples: [
      {
        jobId, status: 'completed', finishedAt: '2026-11-20T08:00:42.500Z', complete: true, remarks: [], rows: 1, listed: 1,
        groups: [
          {
            scripts: ['migrate-patients'], entity: 'patients', class: 'missing', cause: 'plain', side: 'source', schema: 'public', table: 'dispatch_patient',
            legs: [{ name: 'id', expression: 'src."id"', type: 'int4' }], advice: null, rows: 1, listed: 1, masked: 0, unusable: 0, notListed: 0, keys: [{ legacy: { id: '17' }, target: null }],
          },
        ],
      },
    ],
  },
)
