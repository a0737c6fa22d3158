import pino from 'pino'
import type { Logger } from 'pino'

/**
 * JSON lines on the standard output. A request is logged without its query string and headers; of a database error neither the
 * statement nor what may hold row values or credentials is kept.
 */
export function createLogger(level: string, destination?: pino.DestinationStream): Logger {
  const options: pino.LoggerOptions = {
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: {
      err: pino.stdSerializers.err,
      req: (request: { method?: string; url?: string; ip?: string }) => ({ method: request.method, path: request.url?.split('?', 1)[0], remoteAddress: request.ip }),
      res: (reply: { statusCode?: number }) => ({ statusCode: reply.statusCode }),
    },
    redact: {
      paths: ['password', '*.password', 'apiKey', '*.apiKey', 'headers.authorization', '*.headers.authorization', 'headers["x-api-key"]', '*.headers["x-api-key"]',
        ...['query', 'parameters', 'args', 'detail', 'where', 'internal_query', 'hint'].map((name) => `err.${name}`)],
      censor: '[redacted]',
    },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}
