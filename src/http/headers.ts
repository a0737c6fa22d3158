import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

/** x-request-id, x-api-version and x-response-time on every answer; etag with 304 on JSON reads. */
export function addHeaders(app: FastifyInstance, apiVersion: string): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-request-id': request.id, 'x-api-version': apiVersion })
  })
  app.addHook('onSend', async (request, reply, payload) => {
    reply.header('x-response-time', `${reply.elapsedTime.toFixed(1)}ms`)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isRead || reply.statusCode !== 200 || typeof payload !== 'string' || reply.hasHeader('cache-control')) return payload
    // weak: the same content may come in another encoding through a proxy
    const tag = `W/"${createHash('sha1').update(payload).digest('base64url')}"`
    reply.headers({ etag: tag, 'cache-control': 'private, no-cache' })
    if (!matches(request.headers['if-none-match'], tag)) return payload
    reply.code(304).removeHeader('content-type').removeHeader('content-length')
    return ''
  })
}

function matches(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  const bare = tag.slice(2)
  return header.split(',').some((item) => ['*', tag, bare].includes(item.trim()))
}
