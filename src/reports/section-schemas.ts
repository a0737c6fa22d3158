import { Type } from '@sinclair/typebox'
import type { Static, TSchema } from '@sinclair/typebox'
import { priorities } from '../core/figures.js'
import { riskLevels } from '../core/risk.js'
import { trends } from '../core/trend.js'
import { AccountingSchema, Count, Percent, Verdict, nullable, perSide, ref, stringEnum } from '../http/schemas.js'
import { listLimit } from './contents.js'

export const strict = { additionalProperties: false }
export const object = <T extends Record<string, TSchema>>(properties: T, description?: string) => Type.Object(properties, { ...strict, ...(description === undefined ? {} : { description }) })
export const Time = Type.String({ format: 'date-time' })
export const Text = Type.String()
export const Side = stringEnum(['source', 'target'])
export const OmittedCount = Type.Integer({ minimum: 0, description: `entries left out of the lists of this section, which hold at most ${listLimit} each` })

export const DomainLine = object({
  domain: Text,
  priority: stringEnum(priorities),
  verdict: Verdict,
  entities: Count,
  entitiesCounted: Count,
  coveragePercent: nullable(Percent),
  arrivedPercent: nullable(Percent),
  accounting: ref(AccountingSchema),
})

export const EntityLine = object({
  entity: Text,
  domain: Text,
  verdict: Verdict,
  coveragePercent: nullable(Percent),
  arrivedPercent: nullable(Percent),
  accounting: ref(AccountingSchema),
  uncoveredColumns: perSide(nullable(Count), 'columns of its two tables that are neither compared, read nor ignored; null when they are not known'),
})

export const CheckItem = object({
  entity: nullable(Type.String({ description: 'null for a check of the whole migration' })),
  name: Text,
  subject: nullable(Text),
  category: stringEnum(['accounting', 'integrity', 'cross_entity', 'plan', 'engine']),
  severity: stringEnum(['critical', 'warning', 'info']),
  verdict: Verdict,
  message: Text,
  rowsExamined: nullable(Count),
  rowsFailed: nullable(Count),
})

export const DifferenceLine = object({
  entity: Text,
  class: Text,
  side: stringEnum(['source', 'target', 'both']),
  cause: nullable(Text),
  reason: nullable(Text),
  key: Type.Record(Type.String(), nullable(Text), { description: 'leg of the key → its value as text' }),
  columns: Type.Array(object({ column: Text, source: nullable(Text), target: nullable(Text) }), { description: 'the columns that differ; masked where the plan says pii' }),
})

export const TableLine = object({
  side: Side,
  schema: Text,
  table: Text,
  coverage: stringEnum(['covered', 'ignored', 'uncovered']),
  reason: nullable(Text),
  entities: Type.Array(Text),
  totalRows: nullable(Count),
  claimedOnce: nullable(Count),
  claimedSeveral: nullable(Count),
  unclaimed: nullable(Count),
  ignoredRows: nullable(Count),
  error: nullable(Text),
  verdict: Verdict,
})

export const ScriptLine = object({
  name: Text,
  domains: Type.Array(Text),
  status: stringEnum(['pending', 'running', 'completed', 'failed', 'rolled_back', 'missing']),
  drift: stringEnum(['none', 'changed', 'unknown']),
  recordsProcessed: nullable(Count),
  recordsFailed: nullable(Count),
  successRate: nullable(Percent),
  lastStartedAt: nullable(Time),
  lastFinishedAt: nullable(Time),
})
export type ReportScript = Static<typeof ScriptLine>

export const RunLine = object({
  script: Text,
  status: stringEnum(['running', 'completed', 'failed', 'rolled_back']),
  startedAt: Time,
  finishedAt: nullable(Type.String({ format: 'date-time', description: 'null while it runs' })),
  recordsProcessed: Count,
  recordsFailed: Count,
  message: nullable(Text),
})
export type ReportRun = Static<typeof RunLine>

export const Outlook = object(
  {
    risk: object({
      level: stringEnum(riskLevels),
      score: nullable(Type.Number({ minimum: 0, maximum: 1, description: 'share of the scope that is at risk, weighted by priority' })),
      reasons: Type.Array(Text),
    }),
    completion: object({
      estimatedDays: nullable(Type.Number({ minimum: 0, description: 'until arrived rows reach the scope, rounded up to two decimals' })),
      estimatedAt: nullable(Time),
      earliestDays: nullable(Type.Number({ minimum: 0, description: '80 % interval; null below three snapshots' })),
      latestDays: nullable(Type.Number({ minimum: 0, description: 'null also when the slope may as well be 0' })),
      confidence: nullable(Type.Number({ minimum: 0, maximum: 1, description: 'share of the entities that have a slope' })),
      basis: Type.String({ description: 'what the estimate rests on, or why there is none' }),
    }),
  },
  'the same figures as riskAssessment and timeline of GET /coverage/summary',
)

export const TrendSection = object(
  {
    days: Type.Integer({ minimum: 1, description: 'so many days back' }),
    snapshots: Type.Integer({ minimum: 0, description: 'instants at which a result was published and every entity was counted' }),
    omitted: Type.Integer({ minimum: 0, description: 'of them left out of the list' }),
    direction: nullable(stringEnum(trends, { description: 'null below two snapshots in the last 7 days' })),
    fit: nullable(
      object(
        {
          snapshots: Type.Integer({ minimum: 2, description: 'of the last 7 days' }),
          slopePerDay: Type.Number({ description: 'percentage points a day, by least squares' }),
          slopeLow: nullable(Type.Number({ description: '80 % interval; null below three snapshots' })),
          slopeHigh: nullable(Type.Number()),
          band: Type.Array(object({ at: Time, verifiedPercent: Percent, low: nullable(Percent), high: nullable(Percent) }), { description: 'the line with the 80 % interval of its mean, cut off at 0 and 100' }),
        },
      ),
    ),
    points: Type.Array(
      object({ at: Time, verifiedPercent: Percent, arrivedPercent: nullable(Percent), totalRecords: Count, migratedRecords: Count, verifiedRecords: Count }),
      { description: 'in order of time; each entity counts with its newest result up to then' },
    ),
  },
  'how verifiedPercent went',
)

export const TableCounts = object({ covered: Count, ignored: Count, uncovered: Count })
