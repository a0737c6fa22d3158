import { Type } from '@sinclair/typebox'
import { grades } from '../core/performance.js'
import { AccountingSchema, ClassPercentsSchema, ColumnProfileSchema, Count, CoverageCountsSchema, nullable, pageQuery, PaginationSchema, Percent, perSide, ref, stringEnum, TableFiguresSchema, Timestamp, Verdict } from '../http/schemas.js'
import { historyLength, sortKeys } from './entities.js'

const strict = { additionalProperties: false }

const [accountingExample] = AccountingSchema['examples'] as unknown[]
const [percentsExample] = ClassPercentsSchema['examples'] as unknown[]
const [profileExample] = ColumnProfileSchema['examples'] as unknown[]
const [tableExample] = TableFiguresSchema['examples'] as object[]
const countsExample = { covered: 7, ignored: 1, uncovered: 0, coveredPercent: 100 }

const ratio = nullable(Type.Number({ minimum: 0, maximum: 1 }))
const percent = (description: string) => nullable(Type.Number({ minimum: 0, maximum: 100, description }))
const grade = stringEnum(grades)
const countedSide = Type.Optional(stringEnum(['source', 'target'], { description: 'where the rows were counted' }))

const entitiesFilters = {
  domain: Type.Optional(Type.String({ description: 'only entities of this domain' })),
  minSuccessRate: Type.Optional(Type.Number({ minimum: 0, maximum: 100, description: 'least successRate; an unknown one does not pass' })),
  minRecords: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'least totalRecords; an unknown number does not pass' })),
  sortBy: stringEnum(sortKeys, { default: 'entityName', description: 'unknown figures come last either way' }),
  sortOrder: stringEnum(['asc', 'desc'], { default: 'asc', description: 'direction of sortBy' }),
  includeValidation: Type.Boolean({ default: false, description: 'checks of the newest published validation' }),
  includeHistory: Type.Boolean({ default: false, description: `the newest ${historyLength} snapshots of each entity` }),
}

export const entitiesQuery = Type.Object({ ...entitiesFilters, ...pageQuery }, strict)
export const entityParams = Type.Object({ name: Type.String({ minLength: 1, description: 'name of an entity of the plan' }) }, strict)

const Validation = Type.Object(
  { checks: Count, passed: Count, warned: Count, failed: Count, unknown: Count },
  { ...strict, description: 'checks of its newest published validation' },
)

const History = Type.Array(
  Type.Object(
    {
      publishedAt: Timestamp,
      status: Verdict,
      totalRecords: nullable(Count),
      migratedRecords: nullable(Count),
      verifiedRecords: nullable(Count),
      successRate: nullable(Percent),
      migrationRate: nullable(Percent),
    },
    strict,
  ),
  { description: `its newest ${historyLength} snapshots, oldest first` },
)

export const PerformanceSchema = Type.Object(
  {
    score: nullable(Percent),
    grade: nullable(grade),
    factors: Type.Object({ verifiedRatio: ratio, errorRatio: ratio, freshnessRatio: ratio }, { ...strict, description: 'floored to four decimals' }),
  },
  {
    $id: 'Performance',
    ...strict,
    description:
      'score = 60 × verified share + 25 × (1 − error share) + 15 × freshness, where error is differs + missing, ' +
      'and freshness is 1 within 24 hours of the last validation and falls evenly to 0 at 7 days. ' +
      'Grade A from 95, B from 90, C from 75, D from 60, else F; null when a share is unknown.',
    examples: [{ score: 99.78, grade: 'A', factors: { verifiedRatio: 0.9963, errorRatio: 0, freshnessRatio: 1 } }],
  },
)

const entityExample = {
  entityName: 'offices',
  domain: 'clinical',
  scripts: ['migrate-offices'],
  accounting: accountingExample,
  classPercents: percentsExample,
  columnCoverage: { source: countsExample, target: countsExample },
  rowCoverage: { source: { covered: 897, ignored: 0, uncovered: 0, coveredPercent: 100 }, target: { covered: 544, ignored: 0, uncovered: 0, coveredPercent: 100 } },
  totalRecords: 546,
  migratedRecords: 544,
  verifiedRecords: 544,
  successRate: 99.63,
  migrationRate: 99.63,
  errorRate: 0,
  throughputPerSecond: 212.5,
  status: 'warn',
  performance: { score: 99.78, grade: 'A', factors: { verifiedRatio: 0.9963, errorRatio: 0, freshnessRatio: 1 } },
  lastMigrated: '2026-11-21T23:10:00.000Z',
  lastValidated: '2026-11-22T10:00:00.000Z',
}

const entityFigures = {
  entityName: Type.String(),
  domain: Type.String(),
  scripts: Type.Array(Type.String()),
  accounting: ref(AccountingSchema),
  classPercents: ref(ClassPercentsSchema),
  columnCoverage: perSide(ref(CoverageCountsSchema), 'columns of its two tables by coverage; compared or only read is covered'),
  rowCoverage: perSide(ref(CoverageCountsSchema), 'rows of its two tables: claimed by an entity (this or another), ignored, claimed by none'),
  totalRecords: nullable(Type.Integer({ format: 'int64', minimum: 0, description: 'deliveries in scope' })),
  migratedRecords: nullable(Count),
  verifiedRecords: nullable(Count),
  successRate: percent('verifiedPercent: (verified + merged) / scope'),
  migrationRate: percent('arrivedPercent: (verified + accepted + differs + merged) / scope'),
  errorRate: percent('(differs + missing) / scope, floored like every percentage: the counts are in accounting'),
  throughputPerSecond: nullable(
    Type.Number({
      minimum: 0,
      description: 'records processed by the completed runs of its scripts, over their duration; a script that fills several entities counts whole for each',
    }),
  ),
  status: Verdict,
  performance: ref(PerformanceSchema),
  lastMigrated: nullable({ ...Timestamp, description: 'when the newest completed run of its scripts ended' }),
  lastValidated: nullable(Timestamp),
}

export const EntityPerformanceSchema = Type.Object(
  { ...entityFigures, validation: Type.Optional(Validation), history: Type.Optional(History) },
  {
    $id: 'EntityPerformance',
    ...strict,
    description: 'One entity by its newest published validation. One that was never validated has null figures and status unknown.',
    examples: [entityExample],
  },
)

const ranked = (description: string) =>
  Type.Array(Type.Object({ entityName: Type.String(), domain: Type.String(), status: Verdict, score: nullable(Percent), grade: nullable(grade) }, strict), { description })

export const EntitiesPerformanceSchema = Type.Object(
  {
    entities: Type.Array(ref(EntityPerformanceSchema)),
    pagination: ref(PaginationSchema),
    summary: Type.Object(
      {
        performanceDistribution: Type.Object({ A: Count, B: Count, C: Count, D: Count, F: Count, unknown: Count }, strict),
        topPerformers: ranked('up to five of grade A or B that do not fail, best first'),
        needsAttention: ranked('up to five that fail, are unknown, or have grade D or F; those without a score first'),
      },
      { ...strict, description: 'over all entities that pass the filter, not only this page' },
    ),
    insights: Type.Array(Type.String()),
    filters: Type.Object(
      {
        ...entitiesFilters,
        sortBy: stringEnum(sortKeys),
        sortOrder: stringEnum(['asc', 'desc']),
        includeValidation: Type.Boolean(),
        includeHistory: Type.Boolean(),
      },
      strict,
    ),
  },
  {
    $id: 'EntitiesPerformance',
    ...strict,
    description: 'Entities of the plan with their figures and how well they stand.',
    examples: [
      {
        entities: [entityExample],
        pagination: { currentPage: 1, totalPages: 1, totalItems: 1, itemsPerPage: 50, hasNextPage: false, hasPreviousPage: false },
        summary: {
          performanceDistribution: { A: 1, B: 0, C: 0, D: 0, F: 0, unknown: 0 },
          topPerformers: [{ entityName: 'offices', domain: 'clinical', status: 'warn', score: 99.78, grade: 'A' }],
          needsAttention: [],
        },
        insights: ['0 of 1 entities pass'],
        filters: { sortBy: 'entityName', sortOrder: 'asc', includeValidation: false, includeHistory: false },
      },
    ],
  },
)

export const EntityDetailSchema = Type.Object(
  {
    ...entityFigures,
    validation: Validation,
    history: History,
    jobId: nullable(Type.String({ format: 'uuid', description: 'the job that published the figures' })),
    basis: nullable(stringEnum(['full', 'changed', 'sample', 'none'], { description: 'what was read' })),
    note: nullable(Type.String()),
    sourceSnapshotAt: nullable(Timestamp),
    targetSnapshotAt: nullable(Timestamp),
    reasons: Type.Array(Type.Object({ class: Type.String(), side: countedSide, reason: Type.String(), rows: Count }, strict), { description: 'rows by declared reason' }),
    causes: Type.Array(Type.Object({ class: Type.String(), side: countedSide, cause: Type.String(), rows: Count }, strict), { description: 'rows by cause' }),
    columns: Type.Array(
      Type.Object(
        {
          side: stringEnum(['source', 'target']),
          column: Type.String(),
          coverage: stringEnum(['compared', 'read', 'ignored', 'uncovered']),
          reason: nullable(Type.String()),
          differs: nullable(Count),
        },
        strict,
      ),
    ),
    columnProfiles: Type.Array(ref(ColumnProfileSchema), { description: 'what its columns hold, source against target, as its newest published validation found; empty when it was not asked to look' }),
    tables: Type.Array(ref(TableFiguresSchema), { description: 'its two tables, as the newest published job that knew them saw each' }),
    issues: Type.Array(
      Type.Object(
        {
          entity: Type.String(),
          severity: stringEnum(['critical', 'warning', 'info']),
          class: nullable(Type.String({ description: 'the row class' })),
          rows: nullable(Count),
          message: Type.String(),
          recommendation: Type.String(),
        },
        strict,
      ),
      { description: 'what keeps it from passing, worst first' },
    ),
  },
  {
    $id: 'EntityDetail',
    ...strict,
    description: 'Everything that is known of one entity.',
    examples: [
      {
        ...entityExample,
        validation: { checks: 9, passed: 8, warned: 1, failed: 0, unknown: 0 },
        history: [
          { publishedAt: '2026-11-22T10:00:00.000Z', status: 'warn', totalRecords: 546, migratedRecords: 544, verifiedRecords: 544, successRate: 99.63, migrationRate: 99.63 },
        ],
        jobId: '0b0e6d5e-4f43-4b8e-a54a-30a5d8d8a4a5',
        basis: 'full',
        note: null,
        sourceSnapshotAt: '2026-11-22T09:58:12.000Z',
        targetSnapshotAt: '2026-11-22T09:58:13.000Z',
        reasons: [{ class: 'excluded', reason: 'not valid', rows: 351 }],
        causes: [],
        columnProfiles: [profileExample],
        tables: [{ ...tableExample, table: 'dispatch_office', coverage: 'covered', entities: ['offices'], rows: 897, claimedOnce: 897, unclaimed: 0, verdict: 'pass' }],
        columns: [{ side: 'source', column: 'id', coverage: 'compared', reason: null, differs: null }],
        issues: [
          {
            entity: 'offices',
            severity: 'info',
            class: 'explained',
            rows: 2,
            message: 'rows of offices that did not arrive for a declared reason: 2',
            recommendation: 'list the explained rows of offices: GET /validation/results/0b0e6d5e-4f43-4b8e-a54a-30a5d8d8a4a5/differences?entity=offices&class=explained',
          },
        ],
      },
    ],
  },
)
