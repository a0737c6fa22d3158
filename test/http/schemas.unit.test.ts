import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { uniformAccounting } from '../../src/core/accounting.js'
import {
  AccountingSchema, addSchemas, Count, nullable, openProblems, PaginationSchema, Percent, ProblemSchema, problems, ref, stringEnum, Timestamp, Verdict,
} from '../../src/http/schemas.js'

async function serialise(schema: ReturnType<typeof Type.Unsafe>, value: unknown): Promise<unknown> {
  const app = Fastify()
  addSchemas(app, [AccountingSchema, PaginationSchema, ProblemSchema])
  app.get('/', { schema: { response: { 200: Type.Object({ value: schema }) } } }, () => ({ value }))
  const response = await app.inject('/')
  await app.close()
  return response.json<{ value: unknown }>().value
}

describe('what a handler returns arrives unchanged', () => {
  test.each([
    ['a null count', nullable(Count), null, null],
    ['a zero count', nullable(Count), 0, 0],
    ['a large count', nullable(Count), Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['a null percentage', nullable(Percent), null, null],
    ['a percentage', nullable(Percent), 99.99, 99.99],
    ['a null verdict', nullable(Verdict), null, null],
    ['a verdict', nullable(Verdict), 'pass', 'pass'],
    ['a null time', nullable(Timestamp), null, null],
    ['a Date', nullable(Timestamp), new Date('2024-01-02T03:04:05.678Z'), '2024-01-02T03:04:05.678Z'],
    ['a Date that may not be null', Timestamp, new Date('2024-01-02T03:04:05.678Z'), '2024-01-02T03:04:05.678Z'],
    ['a time as text', nullable(Timestamp), '2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z'],
    ['a null component', nullable(ref(AccountingSchema)), null, null],
    ['a component', nullable(ref(AccountingSchema)), uniformAccounting(3), uniformAccounting(3)],
    ['unknown figures', ref(AccountingSchema), uniformAccounting(null), uniformAccounting(null)],
    ['a null list', nullable(Type.Array(Count)), null, null],
    ['a list', nullable(Type.Array(Count)), [1, 2], [1, 2]],
  ])('%s', async (_name, schema, value, expected) => {
    expect(await serialise(schema, value)).toEqual(expected)
  })
})

test('nullable keeps what describes a type', () => {
  expect(nullable(stringEnum(['a', 'b'], { description: 'x' }))).toMatchObject({ type: ['string', 'null'], enum: ['a', 'b', null], description: 'x' })
})

test('only named schemas are components', () => {
  expect(() => ref(Type.String())).toThrow('$id')
  expect(() => { addSchemas(Fastify(), [Type.String()]) }).toThrow('$id')
})

test('problems come with the ones that every route can answer', () => {
  expect(Object.keys(problems(404, 400))).toEqual(['400', '401', '403', '404', '429', '500', '503'])
  expect(Object.keys(openProblems(404))).toEqual(['404', '500'])
  expect(problems(409)).toMatchObject({ 409: { description: expect.stringContaining('idempotency'), content: { 'application/problem+json': { schema: { $ref: 'Problem' } } } } })
})
