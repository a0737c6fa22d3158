import { Type } from '@sinclair/typebox'
import { componentNames } from './monitor.js'
import { nullable, ref, stringEnum, Timestamp } from '../http/schemas.js'

export const healthStatuses = ['healthy', 'degraded', 'unhealthy'] as const
const Status = stringEnum(healthStatuses, { description: 'degraded: works, but something needs attention' })

export const HealthComponentSchema = Type.Object(
  {
    component: stringEnum(componentNames),
    status: Status,
    responseTime: nullable(Type.Number({ minimum: 0, description: 'ms the last probe took; null when it was not answered' })),
    details: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'with includeDetails=true' })),
  },
  {
    $id: 'HealthComponent',
    additionalProperties: false,
    description: 'One part that the service needs, as its last probe found it.',
    examples: [{ component: 'target', status: 'healthy', responseTime: 0.8 }],
  },
)

export const HealthSchema = Type.Object(
  {
    status: Status,
    timestamp: Timestamp,
    checkedAt: Type.Unsafe<string | Date>({ ...Timestamp, description: 'when the last probe finished' }),
    uptime: Type.Number({ minimum: 0, description: 'seconds since the process started' }),
    version: Type.String(),
    environment: stringEnum(['development', 'test', 'production']),
    components: Type.Array(ref(HealthComponentSchema)),
    systemMetrics: Type.Object(
      {
        cpuUserSeconds: Type.Number({ minimum: 0 }),
        cpuSystemSeconds: Type.Number({ minimum: 0 }),
        residentBytes: Type.Integer({ minimum: 0 }),
        heapUsedBytes: Type.Integer({ minimum: 0 }),
        heapTotalBytes: Type.Integer({ minimum: 0 }),
        eventLoopUtilisation: Type.Number({ minimum: 0, maximum: 1, description: 'share of the time since the start in which the event loop was busy' }),
        loadAverage: Type.Array(Type.Number({ minimum: 0 }), { description: 'of the machine, 1, 5 and 15 minutes' }),
      },
      { additionalProperties: false },
    ),
  },
  {
    $id: 'Health',
    additionalProperties: false,
    description: 'Health of the service and its parts; status is the worst that counts.',
    examples: [
      {
        status: 'healthy',
        timestamp: '2026-03-01T12:00:00.000Z',
        checkedAt: '2026-03-01T11:59:57.000Z',
        uptime: 86400.5,
        version: '0.1.0',
        environment: 'production',
        components: [
          { component: 'source', status: 'healthy', responseTime: 1.2 },
          { component: 'target', status: 'healthy', responseTime: 0.8 },
        ],
        systemMetrics: {
          cpuUserSeconds: 12.5, cpuSystemSeconds: 2.1, residentBytes: 104857600, heapUsedBytes: 31457280, heapTotalBytes: 52428800, eventLoopUtilisation: 0.02,
          loadAverage: [0.2, 0.1, 0.1],
        },
      },
    ],
  },
)

export const LiveSchema = Type.Object(
  { status: stringEnum(['alive']), uptime: Type.Number({ minimum: 0 }) },
  { $id: 'Live', additionalProperties: false, description: 'The process answers.', examples: [{ status: 'alive', uptime: 86400.5 }] },
)

export const ReadySchema = Type.Object(
  { status: stringEnum(['ready', 'not ready']), reasons: Type.Array(Type.String()) },
  { $id: 'Ready', additionalProperties: false, description: 'Whether requests can be answered, and if not, why.', examples: [{ status: 'ready', reasons: [] }] },
)
