import type { TSchema } from '@sinclair/typebox'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { handleErrors } from '../../src/http/errors.js'
import { acceptJson, ajvOptions, readQueries } from '../../src/http/input.js'
import { addSchemas, ref, sharedSchemas } from '../../src/http/schemas.js'

/** An app around one slice, with the production error handler and validator; the caller registers the slice. */
export function sliceApp(): FastifyInstance {
  const app = Fastify({ ajv: ajvOptions })
  handleErrors(app)
  acceptJson(app)
  readQueries(app)
  addSchemas(app, sharedSchemas)
  return app
}

/** Validates the examples of a component against it, with the production validator; each answer that is not 200, with what it says. */
export async function exampleFaults(schema: TSchema, others: TSchema[]): Promise<unknown[]> {
  const app = sliceApp()
  addSchemas(app, [...others, schema])
  app.post('/', { schema: { body: ref(schema) } }, () => ({}))
  const examples = schema['examples'] as object[]
  const answers = await Promise.all(examples.map((payload) => app.inject({ method: 'POST', url: '/', payload })))
  await app.close()
  return examples.length === 0 ? ['no example'] : answers.filter(({ statusCode }) => statusCode !== 200).map((response) => response.json())
}
