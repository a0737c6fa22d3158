import { Type } from '@sinclair/typebox'
import { Count, nullable, ref, stringEnum, Timestamp } from '../http/schemas.js'

const faultExample = {
  severity: 'critical', code: 'COLUMN_NOT_FOUND', entity: 'patients', path: 'entities.patients.columns.status.from', line: 34, column: 17,
  message: 'the source table public.dispatch_patient has no column `state`: correct the name (names are exact, capitals included)', suggestion: 'did you mean `status`?',
}

export const PlanFaultSchema = Type.Object({
  severity: stringEnum(['critical', 'warning', 'info'] as const, { description: 'a critical fault keeps its entity from being compared' }),
  code: Type.String({ description: 'stable word in capitals' }),
  entity: nullable(Type.String({ description: 'the entity it concerns; null for the plan as a whole' })),
  path: Type.String({ description: 'place in the plan' }),
  line: nullable(Type.Integer({ minimum: 1, description: 'line of the plan file' })),
  column: nullable(Type.Integer({ minimum: 1, description: 'column of the plan file' })),
  message: Type.String({ description: 'what is wrong and what to do' }),
  suggestion: nullable(Type.String()),
}, { $id: 'PlanFault', additionalProperties: false, description: 'What is wrong with the plan, and where.', examples: [faultExample] })

const planExample = {
  version: 1, domains: { clinical: { priority: 'critical' } },
  entities: { patients: { domain: 'clinical', source: { table: 'dispatch_patient' }, target: { table: 'patients' }, key: { legacy_id: 'id' }, columns: { status: { from: 'state' } } } },
}

export const PlanReportSchema = Type.Object({
  checksum: Type.String({ description: 'sha256 of the plan file, hexadecimal' }),
  plan: Type.Unsafe<object>({ type: 'object', additionalProperties: true, description: 'the plan as it was read; its language is openapi/plan.schema.json' }),
  content: Type.String({ description: 'the plan file, YAML' }),
  checkedAt: nullable(Timestamp),
  faults: Type.Array(ref(PlanFaultSchema), { description: 'before the first check only what the file alone shows' }),
  counts: Type.Object({ critical: Count, warning: Count, info: Count }, { additionalProperties: false, description: 'faults by severity' }),
  blockedEntities: Type.Array(Type.String(), { description: 'entities that cannot be compared because of critical faults' }),
}, {
  $id: 'PlanReport', additionalProperties: false, description: 'The plan and what the last check of it against both databases found.',
  examples: [{
    checksum: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', plan: planExample, content: 'version: 1\ndomains: ...\n', checkedAt: '2026-03-01T09:30:00.000Z',
    faults: [faultExample], counts: { critical: 1, warning: 0, info: 0 }, blockedEntities: ['patients'],
  }],
})
