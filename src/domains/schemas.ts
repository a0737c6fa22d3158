import { Type } from '@sinclair/typebox'
import type { Verdict as VerdictName } from '../core/accounting.js'
import { priorities } from '../core/figures.js'
import { trends } from '../core/trend.js'
import { AccountingSchema, ClassPercentsSchema, Count, CoverageCountsSchema, nullable, Percent, perSide, ref, stringEnum, Timestamp, Verdict } from '../http/schemas.js'

const strict = { additionalProperties: false }

const [accountingExample] = AccountingSchema['examples'] as unknown[]
const [percentsExample] = ClassPercentsSchema['examples'] as unknown[]
const countsExample = { covered: 7, ignored: 1, uncovered: 0, coveredPercent: 100 }

export const domainsQuery = Type.Object(
  {
    domain: Type.Optional(Type.String({ description: 'only this domain of the plan' })),
    includeDetails: Type.Boolean({ default: false, description: 'entities, issues and recommendations of each domain' }),
    includeValidation: Type.Boolean({ default: false, description: 'checks of the newest published validation of each entity' }),
  },
  strict,
)

export const domainParams = Type.Object({ name: Type.String({ minLength: 1, description: 'name of a domain of the plan' }) }, strict)

const Issue = Type.Object(
  {
    entity: Type.String(),
    severity: stringEnum(['critical', 'warning', 'info']),
    class: nullable(Type.String({ description: 'the row class' })),
    rows: nullable(Count),
    message: Type.String(),
    recommendation: Type.String(),
  },
  strict,
)

const DomainDetails = Type.Object(
  {
    entities: Type.Array(
      Type.Object(
        {
          entityName: Type.String(),
          status: Verdict,
          totalRecords: nullable(Count),
          coverage: nullable(Percent),
          migrationRate: nullable(Percent),
          accounting: ref(AccountingSchema),
          lastValidated: nullable(Timestamp),
        },
        strict,
      ),
    ),
    issues: Type.Array(Issue),
    recommendations: Type.Array(Type.String()),
  },
  { ...strict, description: 'with includeDetails' },
)

const Validation = Type.Object(
  { checks: Count, passed: Count, warned: Count, failed: Count, unknown: Count },
  { ...strict, description: 'with includeValidation: checks of each entity in its newest published validation' },
)

const domainExample = {
  domain: 'clinical',
  description: 'Patients and their care',
  priority: 'critical',
  coverage: 99.63,
  accounting: accountingExample,
  classPercents: percentsExample,
  columns: { source: countsExample, target: countsExample },
  rows: { source: { covered: 897, ignored: 0, uncovered: 0, coveredPercent: 100 }, target: { covered: 544, ignored: 0, uncovered: 0, coveredPercent: 100 } },
  entitiesTotal: 1,
  entitiesCounted: 1,
  scripts: { total: 1, completed: 1, running: 0, failed: 0, rolledBack: 0, pending: 0, missing: 0 },
  status: 'warn',
  trend: 'stable',
  lastUpdated: '2026-11-22T10:00:00.000Z',
}

export const DomainCoverageSchema = Type.Object(
  {
    domain: Type.String(),
    description: nullable(Type.String()),
    priority: stringEnum(priorities),
    coverage: nullable(Type.Number({ minimum: 0, maximum: 100, description: 'verifiedPercent over the deliveries of its entities' })),
    accounting: ref(AccountingSchema),
    classPercents: ref(ClassPercentsSchema),
    columns: perSide(ref(CoverageCountsSchema), 'columns of its entities by coverage'),
    rows: perSide(ref(CoverageCountsSchema), 'rows of the tables of its entities: claimed by an entity (of any domain), ignored, claimed by none'),
    entitiesTotal: Count,
    entitiesCounted: Count,
    scripts: Type.Object(
      { total: Count, completed: Count, running: Count, failed: Count, rolledBack: Count, pending: Count, missing: Count },
      { ...strict, description: 'scripts of its entities by their newest run; pending never ran' },
    ),
    status: Type.Unsafe<VerdictName>({ ...Verdict, description: 'worst verdict of its entities' }),
    trend: nullable(
      stringEnum(trends, {
        description:
          'slope of verifiedPercent over the last 7 days of snapshots: above +0.1 a day improving, below -0.1 declining, else stable; null below two snapshots',
      }),
    ),
    lastUpdated: nullable(Timestamp),
    details: Type.Optional(DomainDetails),
    validation: Type.Optional(Validation),
  },
  {
    $id: 'DomainCoverage',
    ...strict,
    description: 'One business area. A domain with an entity that was never validated has null sums and status unknown at best.',
    examples: [domainExample],
  },
)

export const DomainsCoverageSchema = Type.Object(
  {
    domains: Type.Array(ref(DomainCoverageSchema)),
    summary: Type.Object(
      {
        domains: Count,
        entities: Count,
        entitiesCounted: Count,
        coverage: nullable(Percent),
        byStatus: Type.Object({ pass: Count, warn: Count, unknown: Count, fail: Count }, strict),
      },
      strict,
    ),
    outside: perSide(
      Type.Object({ tables: nullable(Count), rows: nullable(Count) }, strict),
      'tables that are in no entity and not ignored, and so in no domain, and how many rows they have; GET /coverage/summary names them',
    ),
    trends: Type.Object(
      { improving: Type.Array(Type.String()), declining: Type.Array(Type.String()), stable: Type.Array(Type.String()), unknown: Type.Array(Type.String()) },
      { ...strict, description: 'names of domains by trend; unknown: too little history' },
    ),
    insights: Type.Array(Type.String()),
    filters: Type.Object({ domain: Type.Optional(Type.String()), includeDetails: Type.Boolean(), includeValidation: Type.Boolean() }, strict),
  },
  {
    $id: 'DomainsCoverage',
    ...strict,
    description: 'Coverage of the domains of the plan, in its order.',
    examples: [
      {
        domains: [domainExample],
        summary: { domains: 1, entities: 1, entitiesCounted: 1, coverage: 99.63, byStatus: { pass: 0, warn: 1, unknown: 0, fail: 0 } },
        outside: { source: { tables: 0, rows: 0 }, target: { tables: 0, rows: 0 } },
        trends: { improving: [], declining: [], stable: ['clinical'], unknown: [] },
        insights: ['0 of 1 domains pass'],
        filters: { includeDetails: false, includeValidation: false },
      },
    ],
  },
)
