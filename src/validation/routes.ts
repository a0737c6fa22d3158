import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { floorPercent, sumAccountings, verifiedPercent } from '../core/accounting.js'
import { outlinePlan, type PlanParts } from '../core/figures.js'
import { nearestName } from '../core/nearest.js'
import { renderJobMarkdown } from '../core/render/job-markdown.js'
import { renderJUnit } from '../core/render/junit.js'
import { listProfiles } from '../coverage/queries.js'
import { problem, type FieldError } from '../http/errors.js'
import { offsetOf, pagination } from '../http/paging.js'
import { addSchemas, ColumnProfileSchema, noQuery, notModified, problems, ref, textBody } from '../http/schemas.js'
import type { Queue } from '../jobs/queue.js'
import { createJob } from './create-job.js'
import {
  cancelJob, estimateSeconds, listDifferences, listJobChecks, listJobColumns, listJobEntityResults, listJobs, listJobTables, readJob, readProgress, type Job, type JobCheck,
} from './queries.js'
import { recommend } from './recommendations.js'
import {
  AcceptedSchema, CheckSchema, DifferencesQuery, DifferencesSchema, JobListSchema, JobParams, JobSchema, JobsQuery, ResultQuery, ResultSchema, RunBody, RunHeaders,
} from './schemas.js'

export interface ValidationRoutesOptions {
  target: Sql
  queue: Queue
  plan: { plan: PlanParts; checksum: string; content: string }
}

const location = { type: 'string', description: 'path of the result' }
const json = <T>(schema: T) => ({ 'application/json': { schema } })

/** Validation jobs: start, watch, cancel, and read what they found. */
export const validationRoutes: FastifyPluginAsyncTypebox<ValidationRoutesOptions> = async (app, { target, queue, plan }) => {
  addSchemas(app, [ColumnProfileSchema, RunBody, AcceptedSchema, JobSchema, JobListSchema, CheckSchema, ResultSchema, DifferencesSchema])

  app.post('/validation/run', {
    schema: {
      operationId: 'runValidation',
      tags: ['Validation'],
      summary: 'Start a validation job',
      description:
        'Compares the entities named, and those of the domains named; without any, all of the plan. The body may be left out. The answer comes at once; workers do the comparing. ' +
        'While the source is down the job waits with a pausedReason.',
      headers: RunHeaders,
      querystring: noQuery,
      body: ref(RunBody),
      response: {
        202: { description: 'The job is accepted, or was before under the same Idempotency-Key.', headers: { location }, content: json(ref(AcceptedSchema)) },
        ...problems(400, 409, 413, 415),
      },
    },
    config: { scope: 'validate', optionalBody: true },
  }, async ({ body, headers }, reply) => {
    const entities = resolveEntities(plan.plan, body.entities, body.domains)
    const key = headers['idempotency-key']
    const { mode, priority, includeIntegrityChecks, includeCrossEntity } = body
    const request = { plan, entities, mode, priority, includeIntegrityChecks, includeCrossEntity }
    const asked = { ...body, entities: [...body.entities].sort(), domains: [...body.domains].sort() }
    const job = await createJob(target, queue, key === undefined ? request : { ...request, idempotency: { key, request: canonical(asked) } })
    const pollUrl = `/validation/results/${job.jobId}`
    const estimatedDurationSeconds = await estimateSeconds(target, job.entities)
    return reply.code(202).header('location', pollUrl).send({ jobId: job.jobId, status: job.status, pollUrl, eventsUrl: `/validation/jobs/${job.jobId}/events`, estimatedDurationSeconds })
  })

  app.get('/validation/jobs', {
    schema: {
      operationId: 'listValidationJobs',
      tags: ['Validation'],
      summary: 'Validation jobs',
      description: 'Every job with its status and verdict, the newest first unless asked otherwise.',
      querystring: JobsQuery,
      response: { 200: ref(JobListSchema), ...notModified, ...problems(400) },
    },
    config: { scope: 'read' },
  }, async ({ query: { page, limit, status, sortBy, sortOrder } }) => {
    const { jobs, total } = await listJobs(target, { ...(status === undefined ? {} : { status }), sortOrder, limit, offset: offsetOf(page, limit) })
    return { jobs, pagination: pagination(total, page, limit), filters: { status: status ?? null, sortBy, sortOrder } }
  })

  app.delete('/validation/jobs/:id', {
    schema: {
      operationId: 'cancelValidationJob',
      tags: ['Validation'],
      summary: 'Cancel a validation job',
      description: 'Cancels the job for good; its running comparisons stop within seconds, and nothing of it is published. A job that is over already is a 409.',
      params: JobParams,
      querystring: noQuery,
      response: { 200: ref(JobSchema), ...problems(400, 404, 409, 413, 415) },
    },
    config: { scope: 'validate' },
  }, async ({ params: { id } }) => {
    const found = await cancelJob(target, id)
    const job = requireJob(found?.job, id)
    if (!found?.cancelled) throw problem('CONFLICT', `job ${id} is ${job.status} already and cannot be cancelled any more`)
    return job
  })

  app.get('/validation/results/:id', {
    schema: {
      operationId: 'getValidationResult',
      tags: ['Validation'],
      summary: 'What a validation job found',
      description:
        'Can be asked from the beginning of the job; as long as it runs, and when it failed or was cancelled, the figures are partial. A failed job is a 200 with status failed, reasonCode and reason. ' +
        'format=report answers a Markdown document as attachment, format=junit JUnit XML in which a failed check is a failure and an unknown one an error.',
      params: JobParams,
      querystring: ResultQuery,
      response: {
        200: {
          description: 'The result so far.',
          headers: { 'content-disposition': { type: 'string', description: 'with format=report: attachment and a file name' } },
          content: {
            ...json(ref(ResultSchema)),
            'text/markdown': { schema: textBody('format=report', '# Validation 3f2b6c1e-9a54-4c6e-8f0a-5d1f4e1a2b3c\n\n**fail**\n') },
            'application/xml': { schema: textBody('format=junit: JUnit XML', '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="1" failures="1"/>\n') },
          },
        },
        ...notModified,
        ...problems(400, 404),
      },
    },
    config: { scope: 'read' },
  }, async ({ params: { id }, query: { includeDetails, format } }, reply) => {
    const job = requireJob(await readJob(target, id), id)
    const found = await readFindings(target, job)
    if (format === 'junit') return reply.type('application/xml; charset=utf-8').send(renderJUnit({ ...job, checks: found.checks, entities: found.results }))
    if (format === 'report') {
      return reply
        .type('text/markdown; charset=utf-8')
        .header('content-disposition', `attachment; filename="validation-${job.jobId}.md"`)
        .send(renderJobMarkdown({ ...job, accounting: found.accounting, entities: found.results, checks: found.checks, tables: found.tables, columns: await listJobColumns(target, id), recommendations: found.recommendations }))
    }
    return reply.send({ ...resultOf(job, found), ...(includeDetails ? { details: await detailsOf(target, job, found) } : {}) })
  })

  app.get('/validation/results/:id/differences', {
    schema: {
      operationId: 'listDifferences',
      tags: ['Validation'],
      summary: 'Rows that are not verified',
      description: 'The stored rows of a job that are not verified, in a stable order, page by page through `nextCursor`. Of each entity and class a limited number is stored; the accounting has the exact numbers.',
      params: JobParams,
      querystring: DifferencesQuery,
      response: { 200: ref(DifferencesSchema), ...notModified, ...problems(400, 404) },
    },
    config: { scope: 'read' },
  }, async ({ params: { id }, query: { cursor, limit, ...filter } }) => {
    requireJob(await readJob(target, id), id)
    const { differences, total } = await listDifferences(target, id, filter, decodeCursor(cursor), limit + 1)
    const page = differences.slice(0, limit)
    const last = page.at(-1)
    return {
      differences: page.map(({ id: _id, ...difference }) => difference),
      nextCursor: last !== undefined && differences.length > limit ? encodeCursor(last.id) : null,
      total,
      filters: { class: filter.class ?? null, entity: filter.entity ?? null, side: filter.side ?? null },
    }
  })
}

/**
 * The entities that a request means, in the plan's order.
 * @throws VALIDATION_FAILED naming each unknown name with the nearest known one
 */
function resolveEntities(plan: PlanParts, entities: readonly string[], domains: readonly string[]): string[] {
  const outline = outlinePlan(plan)
  const faults = [
    ...unknownNames('entities', 'entity', entities, outline.entities.map(({ name }) => name)),
    ...unknownNames('domains', 'domain', domains, outline.domains.map(({ name }) => name)),
  ]
  if (faults.length > 0) throw problem('VALIDATION_FAILED', faults.map(({ message }) => message).join('; '), { errors: faults })
  const all = entities.length === 0 && domains.length === 0
  const chosen = outline.entities.filter(({ name, domain }) => all || entities.includes(name) || domains.includes(domain)).map(({ name }) => name)
  if (chosen.length === 0) throw problem('VALIDATION_FAILED', all ? 'the plan has no entity to validate' : `no entity of the plan is in ${domains.join(', ')}`)
  return chosen
}

function unknownNames(field: string, what: string, names: readonly string[], known: readonly string[]): FieldError[] {
  return names.flatMap((name, index) => {
    if (known.includes(name)) return []
    const near = nearestName(name, known)
    return [{ field: `${field}.${index}`, message: `the plan has no ${what} "${name}"${near === null ? '' : `; did you mean "${near}"?`}` }]
  })
}

/** Fields in the order of their names, so that equal requests compare equal. */
function canonical(request: object): [string, unknown][] {
  return Object.entries(request).sort(([left], [right]) => (left < right ? -1 : 1))
}

function requireJob(job: Job | undefined, id: string): Job {
  if (job === undefined) throw problem('NOT_FOUND', `there is no validation job ${id}; GET /validation/jobs lists them`)
  return job
}

/** What the job has found so far. */
async function readFindings(sql: Sql, job: Job) {
  const [progress, results, checks, tables] = await Promise.all([
    readProgress(sql, job.jobId), listJobEntityResults(sql, job.jobId), listJobChecks(sql, job.jobId), listJobTables(sql, job.jobId),
  ])
  return {
    progress, results, checks, tables,
    accounting: results.length === 0 ? null : sumAccountings(results.map((result) => result.accounting)),
    recommendations: recommend(job.jobId, results, tables, checks),
  }
}

type Findings = Awaited<ReturnType<typeof readFindings>>

function resultOf(job: Job, { progress, results, checks, accounting, recommendations }: Findings) {
  const { includeIntegrityChecks: _integrity, includeCrossEntity: _cross, ...head } = job
  return {
    ...head,
    partial: job.status !== 'completed' || results.length < job.entities.length,
    progress: {
      tasksDone: progress.tasksDone,
      tasksTotal: progress.tasksTotal,
      percent: floorPercent(progress.tasksDone, progress.tasksTotal),
      entities: { done: progress.entitiesDone, total: job.entities.length },
    },
    summary: summarise(checks),
    accounting,
    integrityChecks: checks.filter(({ category }) => category === 'integrity').map(checkOf),
    recommendations,
  }
}

function summarise(checks: readonly JobCheck[]) {
  const count = (test: (check: JobCheck) => boolean) => checks.filter(test).length
  const passed = count(({ verdict }) => verdict === 'pass')
  return {
    checks: checks.length,
    passed,
    warned: count(({ verdict }) => verdict === 'warn'),
    failed: count(({ verdict }) => verdict === 'fail'),
    unknown: count(({ verdict }) => verdict === 'unknown'),
    criticalFailures: count(({ verdict, severity }) => verdict === 'fail' && severity === 'critical'),
    score: floorPercent(passed, checks.length),
  }
}

async function detailsOf(sql: Sql, { jobId }: Job, { results, checks, tables }: Findings) {
  const [columns, profiles] = await Promise.all([listJobColumns(sql, jobId), listProfiles(sql, results.map(({ entity }) => ({ entity, jobId })))])
  return {
    entities: results.map((result) => ({
      entity: result.entity,
      domain: result.domain,
      verdict: result.verdict,
      coverage: verifiedPercent(result.accounting),
      accounting: result.accounting,
      evidence: {
        basis: result.basis,
        sourceRowsExamined: result.sourceRowsExamined,
        targetRowsExamined: result.targetRowsExamined,
        sourceSnapshotAt: result.sourceSnapshotAt,
        targetSnapshotAt: result.targetSnapshotAt,
        settledAt: result.settledAt,
        durationMs: result.durationMs,
        note: result.note,
      },
      published: result.publishedAt !== null,
      reasons: result.reasons,
      causes: result.causes,
      columns: columns.filter(({ entity }) => entity === result.entity).map(({ entity: _entity, ...column }) => column),
      columnProfiles: profiles.filter(({ entity }) => entity === result.entity).map(({ entity: _entity, ...profile }) => profile),
      checks: checks.filter(({ entity }) => entity === result.entity).map(checkOf),
    })),
    tables,
    checks: checks.filter(({ entity }) => entity === '').map(checkOf),
  }
}

function checkOf({ entity, subject, ...check }: JobCheck) {
  return { ...check, entity: entity === '' ? null : entity, subject: subject === '' ? null : subject }
}

function encodeCursor(id: number): string {
  return Buffer.from(`d${id}`).toString('base64url')
}

/** @throws VALIDATION_FAILED for what `encodeCursor` did not make */
function decodeCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0
  const id = Number(/^d(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1] ?? Number.NaN)
  if (!Number.isSafeInteger(id)) {
    const message = 'is not a cursor of this list; send the nextCursor of the page before, or none'
    throw problem('VALIDATION_FAILED', `cursor ${message}`, { errors: [{ field: 'cursor', message }] })
  }
  return id
}
