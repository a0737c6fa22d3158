import { Type } from '@sinclair/typebox'
import type { Verdict as VerdictName } from '../core/accounting.js'
import { riskLevels } from '../core/risk.js'
import { AccountingSchema, ClassPercentsSchema, Count, CoverageCountsSchema, nullable, pageQuery, PaginationSchema, Percent, perSide, ref, stringEnum, TableFiguresSchema, Timestamp, Verdict } from '../http/schemas.js'
import { historyLevels } from './history.js'
import { gapLimit } from './summary.js'

const strict = { additionalProperties: false }

const [accountingExample] = AccountingSchema['examples'] as unknown[]

const deliveries = (description: string) => nullable(Type.Integer({ format: 'int64', minimum: 0, description }))
const counts = (description: string) => perSide(ref(CoverageCountsSchema), description)
const [percentsExample] = ClassPercentsSchema['examples'] as unknown[]

export const RiskAssessment = Type.Object(
  {
    level: stringEnum(riskLevels),
    score: nullable(Type.Number({ minimum: 0, maximum: 1 })),
    reasons: Type.Array(Type.String()),
  },
  {
    $id: 'RiskAssessment',
    ...strict,
    description:
      'score = the share of the scope that is missing, differs, unverified or pending, each row weighted by the priority of its domain ' +
      '(critical 4, high 2, normal 1, low 0.5), rounded up to four decimals. Below 0.01 low, below 0.05 medium, else high; null and unknown as long as ' +
      'an entity has no figures, or nothing is in scope. Reasons: the entities without figures, then the three that contribute most.',
    examples: [{ level: 'medium', score: 0.0125, reasons: ['patients (clinical, critical): 12 missing of 960 rows'] }],
  },
)

export const Timeline = Type.Object(
  {
    estimatedCompletionDays: nullable(Type.Number({ minimum: 0, description: 'from now, rounded up to two decimals' })),
    estimatedCompletionAt: nullable(Timestamp),
    interval: Type.Union(
      [
        Type.Object(
          { earliestDays: Type.Number({ minimum: 0 }), latestDays: nullable(Type.Number({ minimum: 0, description: 'null: the slope may as well be 0' })) },
          strict,
        ),
        Type.Null(),
      ],
      { description: '80 % interval of the days; null below three snapshots' },
    ),
    confidence: nullable(Type.Number({ minimum: 0, maximum: 1, description: 'share of the entities that have a slope' })),
    basis: Type.String({ description: 'what the figures rest on, or why there are none' }),
  },
  {
    $id: 'Timeline',
    ...strict,
    description:
      'When arrived rows reach the scope at the least-squares slope of the last 7 days of snapshots, with the 80 % interval that Student’s t gives the slope. ' +
      'Days and time are null when a figure is unknown, below two snapshots, and when arrived rows do not rise.',
    examples: [
      {
        estimatedCompletionDays: 3,
        estimatedCompletionAt: '2026-11-25T12:00:00.000Z',
        interval: { earliestDays: 2.61, latestDays: 3.53 },
        confidence: 0.75,
        basis: 'least squares over 7 snapshots of the last 7 days: 100 rows a day, 300 to go',
      },
    ],
  },
)

export const CoverageSummarySchema = Type.Object(
  {
    verdict: Type.Unsafe<VerdictName>({ ...Verdict, description: 'the worst of all entities, all tables, and the checks of the whole migration: a table that no entity covers is at best a warn' }),
    totalScripts: Count,
    completedScripts: Type.Integer({ format: 'int64', minimum: 0, description: 'scripts whose newest run is completed' }),
    entitiesTotal: Count,
    entitiesCounted: Type.Integer({
      format: 'int64',
      minimum: 0,
      description: 'entities whose scope was counted; while there are fewer than entitiesTotal, every sum over all entities is null',
    }),
    totalRecords: deliveries('Deliveries in scope, summed over entities: a source row that is wanted in three tables is three. Rows of tables are under `rows`.'),
    migratedRecords: deliveries('Deliveries that arrived: verified + accepted + differs + merged.'),
    verifiedRecords: deliveries('Deliveries proved right: verified + merged.'),
    overallSuccessRate: nullable(Type.Number({ minimum: 0, maximum: 100, description: 'verifiedPercent: verifiedRecords / totalRecords, floored to two decimals' })),
    accounting: ref(AccountingSchema),
    tables: counts('Tables of each database, as the newest published job saw each.'),
    columns: counts('Columns of each entity by coverage: a column of a table that two entities share counts for each. Compared or only read is covered.'),
    rows: counts('Rows of the tables: claimed by one entity or several, ignored with a whole table, claimed by none.'),
    classPercents: ref(ClassPercentsSchema),
    gaps: Type.Object(
      { omitted: Type.Integer({ minimum: 0, description: `tables left out: the ${gapLimit} with the most such rows are named` }), tables: Type.Array(ref(TableFiguresSchema)) },
      { ...strict, description: 'tables with rows that nothing accounts for: in no entity, partly claimed, or not counted' },
    ),
    domainCoverage: Type.Record(Type.String(), nullable(Percent), { description: 'verifiedPercent by domain' }),
    riskAssessment: ref(RiskAssessment),
    timeline: ref(Timeline),
    lastValidatedAt: nullable(Timestamp),
    lastUpdated: nullable({ ...Timestamp, description: 'the newer of lastValidatedAt and the last word of a script run' }),
    stale: Type.Boolean({
      description:
        'An entity was never validated, or its newest figures are older than 24 hours, ' +
        'or a run of one of its scripts finished after its figures were read from the target.',
    }),
    staleReason: nullable(Type.String()),
  },
  {
    $id: 'CoverageSummary',
    ...strict,
    description: 'The whole migration. A figure is null when one of its inputs is unknown; entitiesCounted of entitiesTotal says how far the counting got.',
    examples: [
      {
        verdict: 'warn',
        totalScripts: 1,
        completedScripts: 1,
        entitiesTotal: 1,
        entitiesCounted: 1,
        totalRecords: 546,
        migratedRecords: 544,
        verifiedRecords: 544,
        overallSuccessRate: 99.63,
        accounting: accountingExample,
        tables: {
          source: { covered: 1, ignored: 1, uncovered: 0, coveredPercent: 100 },
          target: { covered: 1, ignored: 0, uncovered: 0, coveredPercent: 100 },
        },
        columns: {
          source: { covered: 7, ignored: 1, uncovered: 0, coveredPercent: 100 },
          target: { covered: 7, ignored: 0, uncovered: 1, coveredPercent: 87.5 },
        },
        rows: {
          source: { covered: 897, ignored: 12, uncovered: 0, coveredPercent: 100 },
          target: { covered: 544, ignored: 0, uncovered: 0, coveredPercent: 100 },
        },
        classPercents: percentsExample,
        gaps: { omitted: 0, tables: [] },
        domainCoverage: { clinical: 99.63 },
        riskAssessment: { level: 'low', score: 0, reasons: [] },
        timeline: {
          estimatedCompletionDays: null,
          estimatedCompletionAt: null,
          interval: null,
          confidence: 1,
          basis: 'arrived rows did not rise over 7 snapshots of the last 7 days',
        },
        lastValidatedAt: '2026-11-22T10:00:00.000Z',
        lastUpdated: '2026-11-22T10:00:00.000Z',
        stale: false,
        staleReason: null,
      },
    ],
  },
)

export const historyQuery = Type.Object(
  {
    level: stringEnum(historyLevels, { default: 'entity', description: 'one series for all, per domain, or per entity' }),
    domain: Type.Optional(Type.String({ description: 'only this domain of the plan' })),
    entity: Type.Optional(Type.String({ description: 'only this entity of the plan' })),
    days: Type.Integer({ minimum: 1, maximum: 366, default: 30, description: 'days back, today included' }),
    ...pageQuery,
  },
  strict,
)

export const badgeQuery = Type.Object({ domain: Type.Optional(Type.String({ description: 'only this domain of the plan' })) }, strict)

export const CoverageHistorySchema = Type.Object(
  {
    series: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'the entity, the domain, or `total`' }),
          domain: nullable(Type.String()),
          points: Type.Array(
            Type.Object(
              {
                day: Type.String({ format: 'date', description: 'UTC' }),
                totalRecords: nullable(Count),
                migratedRecords: nullable(Count),
                verifiedRecords: nullable(Count),
                verifiedPercent: nullable(Percent),
                arrivedPercent: nullable(Percent),
              },
              strict,
            ),
          ),
        },
        strict,
      ),
    ),
    pagination: ref(PaginationSchema),
    filters: Type.Object(
      {
        level: stringEnum(historyLevels),
        domain: Type.Optional(Type.String()),
        entity: Type.Optional(Type.String()),
        days: Type.Integer(),
      },
      strict,
    ),
  },
  {
    $id: 'CoverageHistory',
    ...strict,
    description: 'Published figures by day: those of the last validation of the day. Days without a validation have no point.',
    examples: [
      {
        series: [
          {
            name: 'offices',
            domain: 'clinical',
            points: [{ day: '2026-11-22', totalRecords: 546, migratedRecords: 544, verifiedRecords: 544, verifiedPercent: 99.63, arrivedPercent: 99.63 }],
          },
        ],
        pagination: { currentPage: 1, totalPages: 1, totalItems: 1, itemsPerPage: 50, hasNextPage: false, hasPreviousPage: false },
        filters: { level: 'entity', days: 30 },
      },
    ],
  },
)
