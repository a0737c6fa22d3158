import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { problem } from '../http/errors.js'
import { noQuery, problems, textBody } from '../http/schemas.js'
import { createEventHub, streamEvents } from './events.js'
import { readJob } from './queries.js'
import { EventHeaders, JobParams } from './schemas.js'

const pollMs = 500
/** Open streams of one process; each costs a socket and a share of one statement per job and poll. */
const mostStreams = 200

const example = 'id: 1\nevent: status\ndata: {"status":"running","verdict":null,"pausedReason":null,"reasonCode":null,"reason":null}\n\n'

/** The events of a job while it runs. */
export const eventRoutes: FastifyPluginAsyncTypebox<{ target: Sql }> = async (app, { target }) => {
  const hub = createEventHub(target, { pollMs, mostStreams })
  const closing = new AbortController()
  app.addHook('preClose', async () => { closing.abort() })

  app.get('/validation/jobs/:id/events', {
    // the stream lasts as long as the job; its heartbeat keeps the connection from idling
    handlerTimeout: 2 ** 31 - 1,
    exposeHeadRoute: false,
    schema: {
      operationId: 'listValidationJobEvents',
      tags: ['Validation'],
      summary: 'Events of a validation job',
      description:
        'Server-sent events until the job is over: `status` (queued, running, paused with its reason, completed, failed, cancelled), `verdict` of each entity as it is settled, `progress` with rows per second and the time left. ' +
        'Status and verdict have ids; a client that reconnects with Last-Event-ID misses none. The events of a job that is over are told at once.',
      params: JobParams,
      querystring: noQuery,
      headers: EventHeaders,
      response: {
        200: { description: 'The events, as they happen.', content: { 'text/event-stream': { schema: textBody('events of the job', example) } } },
        ...problems(400, 404),
      },
    },
    config: { scope: 'read' },
  }, async ({ params: { id }, headers }, reply) => {
    if ((await readJob(target, id)) === undefined) throw problem('NOT_FOUND', `there is no validation job ${id}`)
    const leave = hub.enter()
    if (leave === null) throw problem('RATE_LIMITED', `${mostStreams} event streams are open already; poll the result instead, or try again`, { headers: { 'retry-after': '10' } })
    const given = Number(headers['last-event-id'])
    const stream = Readable.from(streamEvents(hub, id, Number.isSafeInteger(given) && given > 0 ? given : 0, closing.signal), { objectMode: false, highWaterMark: 65_536 })
    stream.once('close', leave)
    // the schema says what the body is, text; that it comes piece by piece is not a type of its own
    return reply.headers({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no', connection: 'close' }).type('text/event-stream; charset=utf-8').send(stream as unknown as string)
  })
}
