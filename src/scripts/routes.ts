import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { outlinePlan } from '../core/figures.js'
import { nearestName } from '../core/nearest.js'
import type { Db } from '../db/clients.js'
import { problem } from '../http/errors.js'
import { offsetOf, pagination } from '../http/paging.js'
import { addSchemas, noQuery, notModified, problems, ref } from '../http/schemas.js'
import type { LoadedPlan } from '../plan/load.js'
import { fileOfScript } from './inventory.js'
import { tools } from './ledgers/read.js'
import { insertRun, listRuns, listScripts, listUnknownScripts, readEvidence, readRun, updateRun } from './queries.js'
import type { NewRun, ReadInventory } from './queries.js'
import { LedgersSchema, ProgressBody, RunParams, ScriptDetailsSchema, ScriptParams, ScriptRunSchema, ScriptStateSchema, ScriptsQuery, ScriptsStatusSchema, StartRunBody } from './schemas.js'
import { applyProgress, filterScripts, plannedScripts, sortScripts, summariseScripts } from './status.js'
import type { PlannedScript, Run, RunProgress, ScriptPlan } from './status.js'

const runsShown = 20
const location = { type: 'string', description: 'path of the run' }

/** Scripts and their runs: what the plan knows, and what the scripts report of themselves. */
export const scriptRoutes: FastifyPluginAsyncTypebox<{ target: Sql; plan: Pick<LoadedPlan, 'plan'>; readInventory: ReadInventory }> = async (app, { target, plan: { plan }, readInventory }) => {
  addSchemas(app, [ScriptRunSchema, ScriptStateSchema, ScriptDetailsSchema, ScriptsStatusSchema, LedgersSchema, StartRunBody, ProgressBody])

  app.get('/scripts/status', {
    schema: {
      operationId: 'getScriptsStatus',
      tags: ['Scripts'],
      summary: 'Status of every migration script',
      description:
        'Every script that the plan names, with its newest run, its file in SCRIPTS_DIR and what the ledger of another migration tool has of it. The figures are what the scripts report of themselves; what really arrived is told by the coverage routes. ' +
        'The summary is over all scripts that pass the filters.',
      querystring: ScriptsQuery,
      response: { 200: ref(ScriptsStatusSchema), ...notModified, ...problems(400) },
    },
    config: { scope: 'read' },
  }, async ({ query: { page, limit, ...query } }) => {
    requireDomain(plan, query.domain)
    const [states, unknown] = await Promise.all([listScripts(target, plan, readInventory), listUnknownScripts(target, plannedScripts(plan).map(({ name }) => name))])
    const scripts = filterScripts(states, query)
    const from = offsetOf(page, limit)
    return {
      scripts: sortScripts(scripts, query.sortBy, query.sortOrder).slice(from, from + limit).map(({ metrics, ...script }) => ({ ...script, ...(query.includeMetrics ? { metrics } : {}) })),
      unknownScripts: unknown,
      pagination: pagination(scripts.length, page, limit),
      summary: summariseScripts(scripts),
      filters: { domain: null, category: null, status: null, drift: null, ...query },
    }
  })

  app.get('/scripts/:name', {
    schema: {
      operationId: 'getScript',
      tags: ['Scripts'],
      summary: 'One migration script with its newest runs',
      description: 'What the plan knows of the script and its 20 newest runs. A name with a slash is sent as %2F.',
      params: ScriptParams,
      querystring: noQuery,
      response: { 200: ref(ScriptDetailsSchema), ...notModified, ...problems(400, 404) },
    },
    config: { scope: 'read' },
  }, async ({ params: { name } }) => {
    requireScript(plan, name)
    const [states, runs] = await Promise.all([listScripts(target, plan, readInventory), listRuns(target, name, runsShown)])
    const state = states.find((script) => script.name === name)
    if (state === undefined) throw new Error('the database did not answer for the script')
    return { ...state, runs }
  })

  app.get('/scripts/ledgers', {
    schema: {
      operationId: 'getScriptLedgers',
      tags: ['Scripts'],
      summary: 'Ledgers of other migration tools, and the directory of scripts',
      description:
        `The tables in which ${tools.slice(0, -1).join(', ')} and ${tools.at(-1) ?? ''} note what they have applied, where the target has them. ` +
        'They are read, never written. Each state is in the words of the tool itself; with SCRIPTS_DIR also files that wait, are gone or were edited are told.',
      querystring: noQuery,
      response: { 200: ref(LedgersSchema), ...notModified, ...problems(400) },
    },
    config: { scope: 'read' },
  }, async () => {
    const { inventory, ledgers } = await readEvidence(target, readInventory)
    return { ledgers: [...ledgers], files: inventory.files?.map(({ path, checksum }) => ({ path, checksum })) ?? null, fault: inventory.fault }
  })

  app.post('/scripts/:name/runs', {
    schema: {
      operationId: 'startScriptRun',
      tags: ['Scripts'],
      summary: 'Report that a script has started',
      description:
        'Records a run with status running. The body may be left out; without a checksum that of the script\'s file in SCRIPTS_DIR is taken. With a runId of its own the client may send the start again: ' +
        'the second answer is 200 with the run as it is. A script that the plan does not name is refused.',
      params: ScriptParams,
      querystring: noQuery,
      body: ref(StartRunBody),
      response: {
        200: { description: 'The run exists already; nothing was changed.', headers: { location }, content: { 'application/json': { schema: ref(ScriptRunSchema) } } },
        201: { description: 'The run has started.', headers: { location }, content: { 'application/json': { schema: ref(ScriptRunSchema) } } },
        ...problems(400, 404, 409, 413, 415),
      },
    },
    config: { scope: 'record', optionalBody: true },
  }, async ({ params: { name }, body }, reply) => {
    const script = requireScript(plan, name)
    const checksum = body.checksum ?? fileOfScript(script, null, (await readInventory()).files ?? [])?.checksum ?? null
    const { run, created } = await startRun(target, { runId: body.runId ?? randomUUID(), script: name, checksum, message: body.message ?? null })
    return reply.code(created ? 201 : 200).header('location', `/scripts/runs/${run.runId}`).send(run)
  })

  app.get('/scripts/runs/:id', {
    schema: {
      operationId: 'getScriptRun',
      tags: ['Scripts'],
      summary: 'One run of a script',
      description: 'The run as it was last reported.',
      params: RunParams,
      querystring: noQuery,
      response: { 200: ref(ScriptRunSchema), ...notModified, ...problems(400, 404) },
    },
    config: { scope: 'read' },
  }, async ({ params: { id } }) => requireRun(await readRun(target, id), id))

  app.patch('/scripts/runs/:id', {
    schema: {
      operationId: 'reportScriptRun',
      tags: ['Scripts'],
      summary: 'Report the progress or the end of a run',
      description:
        'Counts are totals since the start of the run and never fall; recordsSucceeded + recordsFailed never exceed recordsProcessed. What is left out stays as it is. ' +
        'A status ends the run, and an ended run is final: only the very same end may be reported again. A lower count or a change of an ended run is a 409.',
      params: RunParams,
      querystring: noQuery,
      body: ref(ProgressBody),
      response: { 200: ref(ScriptRunSchema), ...problems(400, 404, 409, 413, 415) },
    },
    config: { scope: 'record' },
  }, async ({ params: { id }, body }) => requireRun(await updateRun(target, id, (run) => progressOf(run, body)), id))
}

/** @throws NOT_FOUND naming the nearest script and what to do */
function requireScript(plan: ScriptPlan, name: string): PlannedScript {
  const scripts = plannedScripts(plan)
  const script = scripts.find((candidate) => candidate.name === name)
  if (script !== undefined) return script
  const near = nearestName(name, scripts.map((candidate) => candidate.name))
  const hint = near === null ? '' : ` (did you mean "${near}"?)`
  throw problem('NOT_FOUND', `the plan names no script "${name}"${hint}; a new script is made known under \`scripts\` of the plan or as the \`script\` of an entity`)
}

function requireRun(run: Run | undefined, id: string): Run {
  if (run === undefined) throw problem('NOT_FOUND', `there is no run ${id}; POST /scripts/{name}/runs starts one`)
  return run
}

/** @throws VALIDATION_FAILED naming the domains that there are */
function requireDomain(plan: ScriptPlan, domain: string | undefined): void {
  if (domain === undefined) return
  const known = outlinePlan(plan).domains.map(({ name }) => name)
  if (known.includes(domain)) return
  const message = `the plan has no domain "${domain}"; it has ${known.join(', ')}`
  throw problem('VALIDATION_FAILED', message, { errors: [{ field: 'domain', message }] })
}

/** @throws CONFLICT when the id belongs to a run of another script, or to one that began with another checksum */
async function startRun(sql: Db, start: NewRun): Promise<{ run: Run; created: boolean }> {
  const inserted = await insertRun(sql, start)
  if (inserted !== undefined) return { run: inserted, created: true }
  const run = requireRun(await readRun(sql, start.runId), start.runId)
  if (run.script !== start.script || run.checksum !== start.checksum) {
    throw problem('CONFLICT', `run ${run.runId} exists already, for script "${run.script}" with ${run.checksum === null ? 'no checksum' : `checksum ${run.checksum}`}; send another runId`)
  }
  return { run, created: false }
}

/** @throws what `applyProgress` refuses */
function progressOf(run: Run, progress: RunProgress) {
  const outcome = applyProgress(run, progress)
  if (outcome !== null && 'fault' in outcome) throw problem(outcome.fault.code, outcome.fault.detail, { errors: outcome.fault.errors })
  return outcome?.next ?? null
}
