import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { sourceClasses, targetClasses } from '../core/accounting.js'
import { AccountingSchema, ClassPercentsSchema, ColumnProfileSchema, Count, Verdict, nullable, perSide, ref, stringEnum } from '../http/schemas.js'
import { differencesLimit, differencesPerClass, executiveChecks, reportFormats, reportTypes, runsPerScript } from './contents.js'
import { CheckItem, DifferenceLine, DomainLine, EntityLine, object, OmittedCount, Outlook, RunLine, ScriptLine, Side, strict, TableCounts, TableLine, Text, Time, TrendSection } from './section-schemas.js'

const accountingExample = {
  source: { total: 897, excluded: 351, scope: 546, verified: 544, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 2, unverified: 0 },
  target: { total: 544, matched: 544, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}

const figures = {
  verdict: 'fail' as const,
  coveragePercent: 99.63,
  arrivedPercent: 99.63,
  totalRecords: 546,
  migratedRecords: 544,
  verifiedRecords: 544,
  entities: { total: 1, validated: 1, counted: 1 },
  tables: { total: 2, covered: 2, ignored: 0, uncovered: 0 },
  columns: { total: 12, compared: 9, read: 1, ignored: 2, uncovered: 0 },
  rows: { source: { claimed: 897, ignored: 0, unclaimed: 0 }, target: { claimed: 544, ignored: 0, unclaimed: 0 } },
  classPercents: {
    source: { excluded: 39.13, verified: 99.63, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 0.36, unverified: 0 },
    target: { matched: 100, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
  },
  oldestResultAt: '2026-11-20T09:00:00.000Z',
  newestResultAt: '2026-11-20T09:00:00.000Z',
  accounting: accountingExample,
}

export const ReportSchema = Type.Object(
  {
    type: stringEnum(reportTypes),
    domain: nullable(Text),
    includeDetails: Type.Boolean(),
    generatedAt: Time,
    planChecksum: Type.String({ description: 'sha256 of the plan file that names the entities' }),
    figures: object(
      {
        verdict: Verdict,
        coveragePercent: nullable(Type.Number({ minimum: 0, maximum: 100, description: '(verified + merged) / scope, floored to two decimals' })),
        arrivedPercent: nullable(Type.Number({ minimum: 0, maximum: 100, description: '(verified + accepted + differs + merged) / scope, floored to two decimals' })),
        totalRecords: nullable(Type.Integer({ format: 'int64', minimum: 0, description: 'deliveries: a source row wanted in three tables is three' })),
        migratedRecords: nullable(Count),
        verifiedRecords: nullable(Count),
        entities: object({ total: Count, validated: Count, counted: Count }, 'validated: has a published result; counted: its rows could be counted. Sums are null until every entity is counted.'),
        tables: object({ total: Count, covered: Count, ignored: Count, uncovered: Count }),
        columns: object({ total: Count, compared: Count, read: Count, ignored: Count, uncovered: Count }, 'columns of the entities, each entity by itself; read: used in an expression, but not compared'),
        rows: perSide(object({ claimed: nullable(Count), ignored: nullable(Count), unclaimed: nullable(Count) }), 'rows of the tables: claimed by an entity or several, ignored with their table, claimed by none'),
        classPercents: ref(ClassPercentsSchema),
        oldestResultAt: nullable(Time),
        newestResultAt: nullable(Time),
        accounting: ref(AccountingSchema),
      },
      'headline figures; the verdict is the worst of entities, checks and tables',
    ),
    outlook: Type.Optional(Outlook),
    domains: Type.Optional(Type.Array(DomainLine)),
    trend: Type.Optional(TrendSection),
    accounting: Type.Optional(object({ total: ref(AccountingSchema), entities: Type.Array(EntityLine) })),
    checks: Type.Optional(
      object({ total: Count, passed: Count, warned: Count, failed: Count, unknown: Count, omitted: Type.Integer({ minimum: 0 }), notPassed: Type.Array(CheckItem) }, 'every check that did not pass, worst first'),
    ),
    differences: Type.Optional(
      object(
        {
          perClass: Type.Integer({ minimum: 0, description: `at most so many rows of one class: ${differencesPerClass}, with includeDetails ${differencesLimit}, none in a comprehensive report without it` }),
          limit: Type.Integer({ minimum: 0, description: 'at most so many rows in all' }),
          complete: Type.Boolean({ description: 'every row that is not verified is listed' }),
          totals: Type.Array(
            object({
              class: stringEnum([...new Set([...sourceClasses, ...targetClasses, 'excluded'] as const)]),
              side: Side,
              rows: nullable(Type.Integer({ format: 'int64', minimum: 0, description: 'the exact number, from the accounting' })),
              recorded: Type.Integer({ minimum: 0, description: 'rows of which the key was kept' }),
              shown: Type.Integer({ minimum: 0, description: 'rows listed here' }),
            }),
          ),
          rows: Type.Array(DifferenceLine),
        },
        'the rows that are not verified',
      ),
    ),
    tables: Type.Optional(
      object({ unclaimedSourceRows: nullable(Count), unclaimedTargetRows: nullable(Count), counts: object({ source: TableCounts, target: TableCounts }), omitted: OmittedCount, tables: Type.Array(TableLine) }, 'a report on one domain has only tables of its entities'),
    ),
    columns: Type.Optional(
      object({
        omitted: OmittedCount,
        uncovered: Type.Array(object({ entity: Text, side: Side, column: Text })),
        ignored: Type.Array(object({ entity: Text, side: Side, column: Text, reason: nullable(Text) })),
        differing: Type.Array(object({ entity: Text, side: Side, column: Text, rows: nullable(Count) })),
        profiles: Type.Array(object({ entity: Text, profile: ref(ColumnProfileSchema) }), { description: 'what the columns hold, the odd ones first; of entities whose columns were looked at' }),
      }),
    ),
    reasons: Type.Optional(
      object(
        {
          declared: Type.Array(object({ entity: Text, class: Text, reason: Text, rows: nullable(Count) })),
          causes: Type.Array(object({ entity: Text, class: Text, cause: Text, rows: nullable(Count) })),
        },
        'rows by reason that the plan declares, and by cause that the comparison found',
      ),
    ),
    evidence: Type.Optional(
      Type.Array(
        object({
          entity: Text,
          jobId: nullable(Type.String({ format: 'uuid' })),
          basis: stringEnum(['full', 'changed', 'sample', 'none'], { description: 'full: every row was read' }),
          sourceRowsExamined: nullable(Count),
          targetRowsExamined: nullable(Count),
          sourceSnapshotAt: nullable(Time),
          targetSnapshotAt: nullable(Time),
          durationSeconds: nullable(Type.Number({ minimum: 0 })),
          publishedAt: nullable(Time),
          note: nullable(Text),
        }),
      ),
    ),
    scripts: Type.Optional(Type.Array(ScriptLine)),
    runs: Type.Optional(
      object({ omitted: Type.Integer({ minimum: 0, description: `older runs left out: of each script the newest ${runsPerScript} are listed` }), runs: Type.Array(RunLine) }, 'by script, in order of their start'),
    ),
  },
  {
    $id: 'Report',
    ...strict,
    description: 'A section that the type of report does not have is absent. null is "unknown", never 0.',
    examples: [
      {
        type: 'coverage',
        domain: null,
        includeDetails: false,
        generatedAt: '2026-11-20T09:30:00.000Z',
        planChecksum: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
        figures,
        trend: {
          days: 30, snapshots: 1, omitted: 0, direction: null, fit: null,
          points: [{ at: '2026-11-20T09:00:00.000Z', verifiedPercent: 99.63, arrivedPercent: 99.63, totalRecords: 546, migratedRecords: 544, verifiedRecords: 544 }],
        },
        domains: [{ domain: 'clinical', priority: 'critical', verdict: 'fail', entities: 1, entitiesCounted: 1, coveragePercent: 99.63, arrivedPercent: 99.63, accounting: accountingExample }],
        accounting: { total: accountingExample, entities: [{ entity: 'patients', domain: 'clinical', verdict: 'fail', coveragePercent: 99.63, arrivedPercent: 99.63, accounting: accountingExample, uncoveredColumns: { source: 0, target: 0 } }] },
        tables: {
          unclaimedSourceRows: 0,
          unclaimedTargetRows: 0,
          counts: { source: { covered: 1, ignored: 0, uncovered: 0 }, target: { covered: 1, ignored: 0, uncovered: 0 } },
          omitted: 0,
          tables: [
            {
              side: 'source', schema: 'public', table: 'dispatch_patient', coverage: 'covered', reason: null, entities: ['patients'],
              totalRows: 897, claimedOnce: 897, claimedSeveral: 0, unclaimed: 0, ignoredRows: 0, error: null, verdict: 'pass',
            },
          ],
        },
        columns: { omitted: 0, uncovered: [], ignored: [{ entity: 'patients', side: 'source', column: 'password', reason: 're-hashed at first login' }], differing: [], profiles: [] },
      },
    ],
  },
)
export type Report = Static<typeof ReportSchema>

export const ReportQuery = Type.Object(
  {
    type: stringEnum(reportTypes, {
      default: 'comprehensive',
      description:
        `Each has the headline figures. executive: outlook, domains, trend, the ${executiveChecks} worst checks. coverage: domains, trend, accounting, tables, columns. ` +
        'validation: checks, differences, evidence. comprehensive: everything, of the differences only the totals. detailed: everything.',
    }),
    format: stringEnum(reportFormats, { default: 'json', description: 'the media type of the answer; CSV is one table of the contents' }),
    domain: Type.Optional(Type.String({ minLength: 1, description: 'only entities of this domain, without the checks of the whole migration; another name is a 400 that lists them' })),
    includeDetails: Type.Boolean({
      default: false,
      description:
        `lists up to ${differencesLimit} rows that differ where the type has differences, instead of ${differencesPerClass} of each class; ` +
        'every check that did not pass in an executive report; adds reasons and evidence to a coverage report',
    }),
    download: Type.Boolean({ default: false, description: 'as an attachment with a file name' }),
  },
  strict,
)
