import type { TSchema } from '@sinclair/typebox'
import { describe, expect, it } from 'vitest'
import * as coverage from '../../src/coverage/schemas.js'
import * as domains from '../../src/domains/schemas.js'
import * as entities from '../../src/entities/schemas.js'
import { addSchemas, sharedSchemas, ref } from '../../src/http/schemas.js'
import { emptyApp } from './tracking.js'

const components = [coverage, domains, entities].flatMap((slice) => Object.values(slice) as TSchema[]).filter(({ $id }) => $id !== undefined)

describe('the components of coverage, domains and entities', () => {
  it.each(components.map((schema) => [schema.$id, schema] as const))('%s has an example that fits it', async (_id, schema) => {
    const app = emptyApp()
    addSchemas(app, [...sharedSchemas, ...components])
    app.post('/', { schema: { body: ref(schema) } }, () => ({}))
    const examples = schema['examples'] as object[]
    expect(examples.length).toBeGreaterThan(0)
    for (const payload of examples) expect((await app.inject({ method: 'POST', url: '/', payload })).json()).toEqual({})
    await app.close()
  })
})
