import { writeFile } from 'node:fs/promises'
import { renderPlanSchema } from '../src/plan/json-schema.js'

await writeFile(new URL('../openapi/plan.schema.json', import.meta.url), renderPlanSchema())
