import type { Count } from '../core/accounting.js'
import type { Side } from '../core/catalog.js'
import type { Db } from '../db/clients.js'

export interface ColumnRow {
  side: Side
  column: string
  coverage: 'compared' | 'read' | 'ignored' | 'uncovered'
  reason: string | null
  differs: Count
}

/** The columns of an entity in one job, source before target, by name. */
export async function listColumns(sql: Db, jobId: string, entity: string): Promise<ColumnRow[]> {
  return sql<ColumnRow[]>`
    select c.side, c.column_name as "column", c.coverage, c.reason, c.differs
    from migration_coverage.column_result c
    where c.job_id = ${jobId} and c.entity = ${entity}
    order by c.side, c.column_name collate "C"`
}
