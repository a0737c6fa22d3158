import { floorPercent } from '../core/accounting.js'
import type { Count } from '../core/accounting.js'
import { dayMs, progressByEntity, rollUpOverTime } from '../core/figures.js'
import type { Outline, PlannedEntity, Progress } from '../core/figures.js'
import type { Db } from '../db/clients.js'
import { offsetOf, pagination } from '../http/paging.js'
import type { Pagination } from '../http/paging.js'
import { listDailyProgress } from './queries.js'

export const historyLevels = ['total', 'domain', 'entity'] as const

export interface HistoryFilter {
  level: (typeof historyLevels)[number]
  domain?: string
  entity?: string
  days: number
  page: number
  limit: number
}

export interface CoverageHistory {
  series: { name: string; domain: string | null; points: DayPoint[] }[]
  pagination: Pagination
}

interface DayPoint {
  day: string
  totalRecords: Count
  migratedRecords: Count
  verifiedRecords: Count
  verifiedPercent: number | null
  arrivedPercent: number | null
}

interface Series {
  name: string
  domain: string | null
  entities: PlannedEntity[]
}

/**
 * How entities, domains or the whole stood at the end of each day (UTC) on which one of them was published. Above entities a
 * day counts each entity with its newest figures up to then; a day on which one of them was not yet counted has no point.
 */
export async function readHistory(sql: Db, outline: Outline, filter: HistoryFilter, now: Date): Promise<CoverageHistory> {
  const all = seriesOf(outline, filter)
  const shown = all.slice(offsetOf(filter.page, filter.limit)).slice(0, filter.limit)
  const today = Math.floor(now.getTime() / dayMs) * dayMs
  const since = new Date(today - (filter.days - 1) * dayMs)
  const names = shown.flatMap(({ entities }) => entities.map(({ name }) => name))
  const byEntity = progressByEntity(await listDailyProgress(sql, names, since))
  return {
    series: shown.map(({ name, domain, entities }) => {
      const progress = entities.flatMap((entity) => byEntity.get(entity.name) ?? [])
      const points = filter.level === 'entity' ? progress.map(({ publishedAt, ...counts }) => dayPoint(publishedAt, counts)) : groupDays(entities, progress)
      return { name, domain, points: points.filter(({ day }) => day >= isoDay(since)) }
    }),
    pagination: pagination(all.length, filter.page, filter.limit),
  }
}

function seriesOf({ domains, entities }: Outline, { level, domain, entity }: HistoryFilter): Series[] {
  const chosen = entities.filter((one) => (domain === undefined || one.domain === domain) && (entity === undefined || one.name === entity))
  if (level === 'total') return [{ name: 'total', domain: domain ?? null, entities: chosen }]
  if (level === 'entity') return chosen.map((one) => ({ name: one.name, domain: one.domain, entities: [one] }))
  return domains
    .map(({ name }) => ({ name, domain: name, entities: chosen.filter((one) => one.domain === name) }))
    .filter(({ name, entities: own }) => own.length > 0 || (entity === undefined && domain === name))
}

function groupDays(entities: readonly PlannedEntity[], progress: readonly Progress[]): DayPoint[] {
  const atDays = progress.map((one) => ({ ...one, publishedAt: new Date(isoDay(one.publishedAt)) }))
  return rollUpOverTime(entities, atDays).map(({ at, ...counts }) => dayPoint(at, counts))
}

function dayPoint(at: Date, { scope, arrived, verified }: Pick<Progress, 'scope' | 'arrived' | 'verified'>): DayPoint {
  return {
    day: isoDay(at),
    totalRecords: scope,
    migratedRecords: arrived,
    verifiedRecords: verified,
    verifiedPercent: floorPercent(verified, scope),
    arrivedPercent: floorPercent(arrived, scope),
  }
}

function isoDay(time: Date): string {
  return time.toISOString().slice(0, 10)
}
