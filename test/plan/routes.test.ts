import type { FastifyInstance } from 'fastify'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openTarget } from '../../src/db/clients.js'
import type { PlanFault } from '../../src/plan/fault.js'
import { parsePlan } from '../../src/plan/load.js'
import { findPlan, readPlanFaults, storePlan, storePlanFaults } from '../../src/plan/queries.js'
import { planRoutes } from '../../src/plan/routes.js'
import { PlanFaultSchema, PlanReportSchema } from '../../src/plan/schemas.js'
import { createTestDatabase, type TestDatabase } from '../helpers/postgres.js'
import { exampleFaults, sliceApp } from '../scripts/slice-app.js'
import { planText } from './plans.js'

const loaded = parsePlan(planText({ entity: 'columns: { status: { from: status, values: { 007: "yes", 1: "yes", null: null } } }' }))
const fault = (severity: PlanFault['severity'], entity: string | null, line: number | null = 9): PlanFault => ({
  severity, code: 'COLUMN_NOT_FOUND', entity, path: 'entities.people.key.id', line, column: line === null ? null : 3, message: "no column \"é\" 'here'", suggestion: severity === 'critical' ? 'did you mean `id`?' : null,
})

let database: TestDatabase
let target: Sql
let app: FastifyInstance
beforeAll(async () => {
  database = await createTestDatabase({ template: 'tracking' })
  target = openTarget({ ...database.options, maxConnections: 4 })
  app = sliceApp()
  await app.register(planRoutes, { target, plan: loaded })
})
afterAll(async () => {
  await app.close()
  await target.end({ timeout: 5 })
  await database.drop()
})
beforeEach(async () => { await database.sql`truncate migration_coverage.plan cascade` })

const get = async () => {
  const response = await app.inject({ method: 'GET', url: '/plan' })
  expect(response.statusCode).toBe(200)
  return response.json<Record<string, unknown>>()
}

it('tells a plan that was never checked by what its file shows', async () => {
  const expected = {
    checksum: loaded.checksum, plan: JSON.parse(JSON.stringify(loaded.plan)) as unknown, content: loaded.content, checkedAt: null, faults: loaded.faults,
    counts: { critical: 0, warning: 0, info: 1 }, blockedEntities: [],
  }
  expect(await get()).toEqual(expected)
  await storePlan(target, loaded)
  expect(await get()).toEqual(expected)
})

it('tells the faults of the last check, and what they block', async () => {
  const planId = await storePlan(target, loaded)
  const faults = [fault('critical', 'people'), fault('critical', 'people', null), fault('critical', null), fault('warning', 'offices')]
  await storePlanFaults(target, planId, faults)
  const report = await get()
  expect(report).toMatchObject({ faults, counts: { critical: 3, warning: 1, info: 0 }, blockedEntities: ['people'] })
  expect(Date.parse(String(report['checkedAt']))).toBeGreaterThan(Date.now() - 60_000)
  await storePlanFaults(target, planId, [])
  expect(await get()).toMatchObject({ faults: [], counts: { critical: 0, warning: 0, info: 0 }, blockedEntities: [] })
})

it('stores one plan once, also when several processes start at the same time', async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, () => storePlan(target, loaded)))
  expect(new Set(ids).size).toBe(1)
  expect(await storePlan(target, parsePlan(`${loaded.content}# other\n`))).not.toBe(ids[0])
  expect(await findPlan(target, loaded.checksum)).toEqual({ planId: ids[0], checkedAt: null })
  expect(await findPlan(target, 'unknown')).toBeUndefined()
})

it('replaces the faults of the one plan, more by fewer and fewer by more', async () => {
  const [one, other] = [await storePlan(target, loaded), await storePlan(target, parsePlan(`${loaded.content}# other\n`))]
  await storePlanFaults(target, other, [fault('info', 'other')])
  for (const count of [3, 1, 5, 0, 2]) {
    const faults = Array.from({ length: count }, (_, index) => fault('warning', `entity ${String(index)}`, index + 1))
    await storePlanFaults(target, one, faults)
    expect(await readPlanFaults(target, one)).toEqual(faults)
  }
  expect(await readPlanFaults(target, other)).toEqual([fault('info', 'other')])
})

it('has examples that fit their schemas', async () => {
  expect(await exampleFaults(PlanFaultSchema, [])).toEqual([])
  expect(await exampleFaults(PlanReportSchema, [PlanFaultSchema])).toEqual([])
})
