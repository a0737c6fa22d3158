import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { renderPlanSchema } from '../../src/plan/json-schema.js'

it('openapi/plan.schema.json is what scripts/write-plan-schema.ts writes', async () => {
  expect(await readFile(new URL('../../openapi/plan.schema.json', import.meta.url), 'utf8')).toBe(renderPlanSchema())
})

it('describes every key', () => {
  const missing: string[] = []
  const visit = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return
    for (const [key, child] of Object.entries(schema)) {
      if (key === 'properties') {
        for (const [name, property] of Object.entries(child as Record<string, { description?: string }>)) {
          if ((property.description ?? '') === '') missing.push(`${path}.${name}`)
          visit(property, `${path}.${name}`)
        }
      } else visit(child, path)
    }
  }
  visit(JSON.parse(renderPlanSchema()), '')
  expect(missing).toEqual([])
})
