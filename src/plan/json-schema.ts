import { PlanSchema } from './schema.js'

/** The plan language as JSON Schema, for editors; the text of `openapi/plan.schema.json`. */
export function renderPlanSchema(): string {
  const head = { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Plan of a migration' }
  return `${JSON.stringify({ ...head, ...PlanSchema }, null, 2)}\n`
}
