import { statfs } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import type { Sql } from 'postgres'
import { inspectRole } from '../db/clients.js'
import type { RoleFindings } from '../db/clients.js'
import { sqlstateOf } from '../db/sqlstate.js'
import { countTasks, listWorkers, readSchemaVersion } from './queries.js'

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy'

export const componentNames = ['source', 'target', 'trackingSchema', 'queue', 'workers', 'disk', 'memory'] as const
export type ComponentName = (typeof componentNames)[number]

export interface Component {
  component: ComponentName
  status: HealthStatus
  /** ms; null when nothing answered */
  responseTime: number | null
  details: Record<string, unknown>
}

export interface HealthState {
  status: HealthStatus
  /** the target and its tracking schema can be used */
  ready: boolean
  checkedAt: Date
  components: Component[]
}

export interface HealthMonitor {
  /** What the last probe found; never waits. */
  state(): HealthState
  /** Starts probing; resolves after the first probe, at the latest after its deadline. */
  start(): Promise<void>
  stop(): void
}

export interface MonitorOptions {
  source: Sql
  target: Sql
  /** pause between probes, 5 000 ms; a fifth of it while something is down, so that a recovery shows soon */
  intervalMs?: number
  /** limit of one probe, 2 000 ms */
  deadlineMs?: number
}

/** The source's rights are read again this often; they change by hand only. */
const roleIntervalMs = 60_000
const notProbed = (component: ComponentName): Component => ({ component, status: 'unhealthy', responseTime: null, details: { reason: 'not probed yet' } })

/** Probes the components in the background, so that an answer about health costs nothing and never waits for a database. */
export function createHealthMonitor({ source, target, intervalMs = 5_000, deadlineMs = 2_000 }: MonitorOptions): HealthMonitor {
  const role = cachedRole(source)
  const probes = {
    source: singleProbe('source', deadlineMs, async () => sourceHealth(await role())),
    target: singleProbe('target', deadlineMs, async () => {
      await target`select 1`
      return { status: 'healthy', details: {} }
    }),
    trackingSchema: singleProbe('trackingSchema', deadlineMs, () => trackingHealth(target)),
    queue: singleProbe('queue', deadlineMs, () => queueHealth(target)),
    workers: singleProbe('workers', deadlineMs, () => workerHealth(target)),
    disk: singleProbe('disk', deadlineMs, diskHealth),
    memory: singleProbe('memory', deadlineMs, async () => memoryHealth()),
  }
  let state = summarise(componentNames.map(notProbed))
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const probeAll = async (): Promise<void> => {
    state = summarise(await Promise.all(Object.values(probes).map((probe) => probe())))
    if (stopped) return
    timer = setTimeout(() => void probeAll(), state.ready ? intervalMs : intervalMs / 5)
    timer.unref()
  }
  return {
    state: () => state,
    start: probeAll,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

type Finding = Pick<Component, 'status' | 'details'>

/**
 * A probe with a deadline that is never started twice at once: while a database hangs, one question waits there, not one more
 * every few seconds. Never rejects.
 */
function singleProbe(component: ComponentName, deadlineMs: number, check: () => Promise<Finding>): () => Promise<Component> {
  let running: Promise<Component> | undefined
  const run = async (): Promise<Component> => {
    const startedAt = performance.now()
    try {
      const finding = await check()
      return { component, ...finding, responseTime: Math.round((performance.now() - startedAt) * 10) / 10 }
    } catch (error) {
      // the message may hold a host or a role: only the code leaves
      const reason = sqlstateOf(error) ?? 'the probe failed'
      return { component, status: component === 'source' ? 'degraded' : 'unhealthy', responseTime: null, details: { reason } }
    } finally {
      running = undefined
    }
  }
  return () => {
    running ??= run()
    const tooLate: Component = {
      component, status: component === 'source' ? 'degraded' : 'unhealthy', responseTime: null, details: { reason: `no answer within ${deadlineMs} ms` },
    }
    return Promise.race([running, sleep(deadlineMs, tooLate, { ref: false })])
  }
}

function summarise(components: Component[]): HealthState {
  const statusOf = (name: ComponentName) => components.find(({ component }) => component === name)?.status
  const ready = statusOf('target') !== 'unhealthy' && statusOf('trackingSchema') !== 'unhealthy'
  const status = !ready ? 'unhealthy' : components.some((component) => component.status !== 'healthy') ? 'degraded' : 'healthy'
  return { status, ready, checkedAt: new Date(), components }
}

/** Asks `select 1` each time and the rights now and then. */
function cachedRole(source: Sql): () => Promise<RoleFindings> {
  let known: { findings: RoleFindings; readAt: number } | undefined
  return async () => {
    if (known === undefined || performance.now() - known.readAt > roleIntervalMs) {
      known = { findings: await inspectRole(source), readAt: performance.now() }
    } else {
      await source`select 1`
    }
    return known.findings
  }
}

function sourceHealth(role: RoleFindings): Finding {
  if (role.readOnly) return { status: 'healthy', details: { readOnlyRole: true } }
  return { status: 'degraded', details: { readOnlyRole: false, reason: 'the role that reads the source may do more than read: give it SELECT only', findings: rightsOf(role) } }
}

function rightsOf(role: RoleFindings): string[] {
  const { superuser, bypassRowSecurity, ownedTables, writableTables, creatableSchemas, createInDatabase } = role
  return [
    superuser && 'is superuser',
    bypassRowSecurity && 'bypasses row-level security',
    ownedTables > 0 && `owns ${ownedTables} tables`,
    writableTables > 0 && `may write to ${writableTables} tables`,
    creatableSchemas.length > 0 && `may create objects in ${creatableSchemas.length} schemas`,
    createInDatabase && 'may create schemas',
  ].filter((finding) => finding !== false)
}

async function trackingHealth(target: Sql): Promise<Finding> {
  const version = await readSchemaVersion(target)
  if (version === null) return { status: 'unhealthy', details: { reason: 'the tracking schema is not installed: run `npm run db:migrate`' } }
  return { status: 'healthy', details: { version } }
}

async function queueHealth(target: Sql): Promise<Finding> {
  const { queued, running, oldestQueuedSeconds } = await countTasks(target)
  const stuck = oldestQueuedSeconds !== null && oldestQueuedSeconds > 900 && running === 0
  const details = { queued, running, oldestQueuedSeconds, ...(stuck ? { reason: 'tasks wait for more than 15 minutes and none runs' } : {}) }
  return { status: stuck ? 'degraded' : 'healthy', details }
}

async function workerHealth(target: Sql): Promise<Finding> {
  const { alive, lastSeenAt } = await listWorkers(target)
  if (alive > 0) return { status: 'healthy', details: { alive } }
  return { status: 'degraded', details: { alive, lastSeenAt, reason: 'no worker was heard of in the last minute: jobs are accepted, but wait' } }
}

async function diskHealth(): Promise<Finding> {
  const { bavail, blocks, bsize } = await statfs(process.cwd())
  const freePercent = Math.floor((Number(bavail) / Math.max(Number(blocks), 1)) * 1000) / 10
  const details = { freePercent, freeBytes: Number(bavail) * Number(bsize) }
  return { status: freePercent < 5 ? 'degraded' : 'healthy', details: freePercent < 5 ? { ...details, reason: 'less than 5 % of the disk is free' } : details }
}

function memoryHealth(): Finding {
  const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics()
  const usedPercent = Math.floor((used / limit) * 1000) / 10
  const details = { residentBytes: process.memoryUsage.rss(), heapUsedBytes: used, heapLimitBytes: limit, usedPercent }
  return { status: usedPercent > 90 ? 'degraded' : 'healthy', details: usedPercent > 90 ? { ...details, reason: 'more than 90 % of the heap is in use' } : details }
}
