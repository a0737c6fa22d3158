import { Type } from '@sinclair/typebox'
import type { Static } from '@sinclair/typebox'
import { Count, PaginationSchema, Percent, Timestamp, nullable, pageQuery, ref, stringEnum, textPattern, uuid } from '../http/schemas.js'
import { tools } from './ledgers/read.js'
import { drifts, scriptStatuses, sortKeys } from './status.js'

const strict = { additionalProperties: false }

const ScriptName = Type.String({ minLength: 1, maxLength: 500, description: 'as the plan writes it' })
const Checksum = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[\\x21-\\x7e]+$',
  description: 'fingerprint of the script: sha256 in hexadecimal of its bytes, or what migration_coverage.script_checksum makes of its text. Another text is compared with other runs only',
})
const Message = Type.String({ maxLength: 2000, pattern: textPattern, description: 'free text for people; it is shown to every reader' })

const scriptStatusText =
  'of the newest run, or else of the ledger of another tool. pending: no run yet. missing: SCRIPTS_DIR has no file at the path that the plan gives, nor the same file elsewhere'
const driftText =
  'Compares the checksum of the newest completed run with the file in SCRIPTS_DIR, where line ends, a byte order mark and blanks at the end of lines do not count; without the file with ' +
  'that of the newest other run that began later, or else of the completed run before it. changed: they differ. unknown: one of the two has no checksum, or they are of two kinds. Failed and rolled back runs before it do not count: that is how a script is mended'

const runExample = {
  runId: '0191f6f2-6f0e-7c3a-9a54-0d5f4e1a2b3c',
  script: 'migrate-patients',
  status: 'completed' as const,
  recordsProcessed: 546,
  recordsSucceeded: 544,
  recordsFailed: 2,
  successRate: 99.63,
  checksum: '9f86d081884c7d659a2feaa0c55ad015',
  message: null,
  startedAt: '2026-11-20T08:00:00.000Z',
  updatedAt: '2026-11-20T08:00:42.500Z',
  finishedAt: '2026-11-20T08:00:42.500Z',
  durationSeconds: 42.5,
}

export const ScriptRunSchema = Type.Object(
  {
    runId: Type.String({ format: 'uuid' }),
    script: ScriptName,
    status: stringEnum(['running', 'completed', 'failed', 'rolled_back']),
    recordsProcessed: Count,
    recordsSucceeded: Count,
    recordsFailed: Count,
    successRate: nullable(Percent),
    checksum: nullable(Type.String()),
    message: nullable(Type.String()),
    startedAt: Timestamp,
    updatedAt: Timestamp,
    finishedAt: nullable(Timestamp),
    durationSeconds: nullable(Type.Number({ minimum: 0 })),
  },
  { $id: 'ScriptRun', ...strict, description: 'One execution of a migration script. successRate is null while 0 records were processed.', examples: [runExample] },
)

const ScriptMetricsSchema = Type.Object(
  {
    runs: Count,
    completedRuns: Count,
    averageDurationSeconds: nullable(Type.Number({ minimum: 0, description: 'over the completed runs' })),
    throughputPerSecond: nullable(Type.Number({ minimum: 0, description: 'records of the completed runs per second of their duration' })),
  },
  strict,
)

const stateFields = {
  name: ScriptName,
  domain: nullable(Type.String({ description: 'of the first entity it fills; null when it fills none' })),
  domains: Type.Array(Type.String(), { description: 'of all entities it fills' }),
  category: nullable(Type.String({ description: 'from the plan' })),
  status: stringEnum(scriptStatuses, { description: scriptStatusText }),
  entities: Type.Array(Type.String(), { description: 'the entities it fills' }),
  recordsProcessed: nullable(Type.Integer({ format: 'int64', minimum: 0, description: 'of the newest run, since a repeated run would count twice in a sum; null without a run' })),
  recordsSucceeded: nullable(Count),
  recordsFailed: nullable(Count),
  successRate: nullable(Type.Number({ minimum: 0, maximum: 100, description: 'recordsSucceeded / recordsProcessed × 100, floored to two decimals; null when 0 were processed' })),
  lastRun: nullable(ref(ScriptRunSchema)),
  checksum: nullable(Type.String({ description: 'of the newest run that reported one' })),
  drift: stringEnum(drifts, { description: driftText }),
  dependencies: Type.Array(Type.String(), { description: 'scripts that must have run before, from the plan' }),
  executionOrder: Type.Integer({ minimum: 1, description: 'its place in an order in which every script comes after its dependencies' }),
  blockedBy: Type.Array(Type.String(), { description: 'direct and indirect dependencies that are not completed, first the one to run first; empty once it is completed itself' }),
  ranBefore: Type.Array(Type.String(), { description: 'direct and indirect dependencies that had not completed when its newest run began: it ran out of order' }),
  file: nullable(Type.Object({ path: Type.String({ description: 'below SCRIPTS_DIR' }), checksum: Type.String({ description: 'sha256 of the text without line ends and the like, in hexadecimal' }) }, strict)),
  ledger: nullable(Type.Object({ tool: stringEnum(tools), name: Type.String(), state: Type.String({ description: 'in the words of the tool' }) }, { ...strict, description: 'its entry in the ledger of another tool' })),
}

const metricsExample = { runs: 3, completedRuns: 2, averageDurationSeconds: 41.2, throughputPerSecond: 12.84 }
const stateExample = {
  name: 'migrate-patients',
  domain: 'clinical',
  domains: ['clinical'],
  category: 'core',
  status: 'completed' as const,
  entities: ['patients'],
  recordsProcessed: 546,
  recordsSucceeded: 544,
  recordsFailed: 2,
  successRate: 99.63,
  lastRun: runExample,
  checksum: runExample.checksum,
  drift: 'none' as const,
  dependencies: ['migrate-offices'],
  executionOrder: 2,
  blockedBy: [],
  ranBefore: [],
  file: { path: 'migrate-patients.ts', checksum: runExample.checksum },
  ledger: null,
}

export const ScriptStateSchema = Type.Object(
  { ...stateFields, metrics: Type.Optional(ScriptMetricsSchema) },
  { $id: 'ScriptState', ...strict, description: 'A script of the plan with what its runs reported. metrics only with includeMetrics.', examples: [{ ...stateExample, metrics: metricsExample }] },
)

export const ScriptDetailsSchema = Type.Object(
  { ...stateFields, metrics: ScriptMetricsSchema, runs: Type.Array(ref(ScriptRunSchema), { description: 'the newest 20 runs, newest first' }) },
  { $id: 'ScriptDetails', ...strict, description: 'A script of the plan with its figures and its newest runs.', examples: [{ ...stateExample, metrics: metricsExample, runs: [runExample] }] },
)

const StatusCountsSchema = Type.Object(Object.fromEntries(scriptStatuses.map((status) => [status, Count])) as Record<(typeof scriptStatuses)[number], typeof Count>, strict)
const countsExample = { pending: 1, running: 0, completed: 4, failed: 1, rolled_back: 0, missing: 0 }
const Domain = Type.String({ minLength: 1, description: 'a domain of the plan; another name is a 400 that lists them' })

export const ScriptsStatusSchema = Type.Object(
  {
    scripts: Type.Array(ref(ScriptStateSchema)),
    unknownScripts: Type.Array(Type.String(), { description: 'names under which SQL functions recorded runs that the plan does not know, whatever the filters: a misspelt name, or a script to add to the plan' }),
    pagination: ref(PaginationSchema),
    summary: Type.Object(
      {
        totalScripts: Count,
        byStatus: StatusCountsSchema,
        averageSuccessRate: nullable(Type.Number({ minimum: 0, maximum: 100, description: 'the mean over scripts that have a rate, floored to two decimals' })),
        domainBreakdown: Type.Array(Type.Object({ domain: nullable(Type.String()), scripts: Count, byStatus: StatusCountsSchema }, strict), {
          description: 'a script that fills entities of several domains counts in each',
        }),
        categoryBreakdown: Type.Array(Type.Object({ category: nullable(Type.String()), scripts: Count, byStatus: StatusCountsSchema }, strict)),
      },
      { ...strict, description: 'over all scripts that pass the filters, not over the page' },
    ),
    filters: Type.Object(
      {
        domain: nullable(Type.String()),
        category: nullable(Type.String()),
        status: nullable(stringEnum(scriptStatuses)),
        drift: nullable(stringEnum(drifts)),
        sortBy: stringEnum(sortKeys),
        sortOrder: stringEnum(['asc', 'desc']),
        includeMetrics: Type.Boolean(),
      },
      strict,
    ),
  },
  {
    $id: 'ScriptsStatus',
    ...strict,
    description: 'Scripts of the plan by what they reported last.',
    examples: [
      {
        scripts: [stateExample],
        unknownScripts: [],
        pagination: { currentPage: 1, totalPages: 1, totalItems: 6, itemsPerPage: 50, hasNextPage: false, hasPreviousPage: false },
        summary: {
          totalScripts: 6,
          byStatus: countsExample,
          averageSuccessRate: 98.4,
          domainBreakdown: [{ domain: 'clinical', scripts: 6, byStatus: countsExample }],
          categoryBreakdown: [{ category: 'core', scripts: 6, byStatus: countsExample }],
        },
        filters: { domain: null, category: null, status: null, drift: null, sortBy: 'name', sortOrder: 'asc', includeMetrics: false },
      },
    ],
  },
)
export type ScriptsStatus = Static<typeof ScriptsStatusSchema>

export const ScriptsQuery = Type.Object(
  {
    domain: Type.Optional(Domain),
    category: Type.Optional(Type.String({ minLength: 1, description: 'category of the plan' })),
    status: Type.Optional(stringEnum(scriptStatuses, { description: scriptStatusText })),
    drift: Type.Optional(stringEnum(drifts, { description: driftText })),
    ...pageQuery,
    sortBy: stringEnum(sortKeys, { default: 'name', description: 'scripts without the value come last; equal ones in order of name' }),
    sortOrder: stringEnum(['asc', 'desc'], { default: 'asc', description: 'direction of sortBy' }),
    includeMetrics: Type.Boolean({ default: false, description: 'adds runs, average duration and throughput to each script' }),
  },
  strict,
)

export const ScriptParams = Type.Object({ name: ScriptName }, strict)
export const RunParams = Type.Object({ id: uuid('runId of the run') }, strict)

export const StartRunBody = Type.Object(
  {
    checksum: Type.Optional(Checksum),
    message: Type.Optional(Message),
    runId: Type.Optional(uuid('chosen by the client, so that a start may be sent again; made by the service when absent')),
  },
  { $id: 'ScriptRunStart', ...strict, description: 'What a script says of itself when it starts; may be left out.', examples: [{ checksum: runExample.checksum, runId: runExample.runId }] },
)

const RunCount = Type.Integer({ format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'total since the start of the run; never falls' })

export const ProgressBody = Type.Object(
  {
    status: Type.Optional(stringEnum(['completed', 'failed', 'rolled_back'], { description: 'ends the run' })),
    recordsProcessed: Type.Optional(RunCount),
    recordsSucceeded: Type.Optional(RunCount),
    recordsFailed: Type.Optional(RunCount),
    message: Type.Optional(Message),
  },
  { $id: 'ScriptRunProgress', ...strict, minProperties: 1, description: 'What has changed of a run; at least one field.', examples: [{ status: 'completed', recordsProcessed: 546, recordsSucceeded: 544, recordsFailed: 2 }] },
)

const LedgerEntrySchema = Type.Object(
  {
    name: Type.String({ description: 'as the tool names it' }),
    version: nullable(Type.String()),
    state: Type.String({ description: 'in the words of the tool, for example Out of Order (Flyway), MARK_RAN (Liquibase), [X] (Django)' }),
    status: stringEnum(scriptStatuses, { description: 'what the state means here' }),
    appliedAt: nullable(Timestamp),
    checksum: nullable(Type.String({ description: 'as the tool keeps it' })),
    file: nullable(Type.String({ description: 'path below SCRIPTS_DIR' })),
    drift: stringEnum(drifts, { description: 'changed: the file is not what was applied; unknown where the tool keeps no checksum or there is no file' }),
  },
  strict,
)

export const LedgersSchema = Type.Object(
  {
    ledgers: Type.Array(Type.Object({
      tool: stringEnum(tools),
      table: Type.String({ description: 'schema and table' }),
      entries: Type.Array(LedgerEntrySchema, { description: 'what is applied, in the order of the tool, then what waits' }),
      fault: nullable(Type.String({ description: 'why it could not be read; then it has no entries' })),
    }, strict)),
    files: nullable(Type.Array(Type.Object({ path: Type.String(), checksum: Type.String() }, strict), { description: 'of SCRIPTS_DIR; null when it is not set or cannot be read' })),
    fault: nullable(Type.String({ description: 'why SCRIPTS_DIR cannot be read' })),
  },
  {
    $id: 'ScriptLedgers',
    ...strict,
    description: 'What other migration tools have noted in the target.',
    examples: [
      {
        ledgers: [{
          tool: 'flyway', table: 'public.flyway_schema_history', fault: null,
          entries: [{ name: 'V1__init.sql', version: '1', state: 'Success', status: 'completed', appliedAt: '2026-11-20T08:00:00.000Z', checksum: '1996767037', file: 'V1__init.sql', drift: 'none' }],
        }],
        files: [{ path: 'V1__init.sql', checksum: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' }],
        fault: null,
      },
    ],
  },
)
