import { basename } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Row } from 'postgres'
import type { ScriptFile } from '../inventory.js'
import type { Drift, ScriptStatus } from '../status.js'
import { entry } from './ledger.js'
import type { LedgerEntry, LedgerReader } from './ledger.js'

interface FlywayRow {
  rank: number
  version: string | null
  description: string
  type: string
  script: string
  checksum: number | null
  installedOn: Date
  success: boolean
}

interface FlywayFile {
  version: string | null
  description: string
  file: ScriptFile
}

const statusOf: Record<string, ScriptStatus> = {
  Success: 'completed', 'Out of Order': 'completed', Baseline: 'completed', Superseded: 'completed', Outdated: 'completed', Undone: 'rolled_back', Deleted: 'missing',
  Missing: 'missing', Future: 'missing', Failed: 'failed', 'Failed (Missing)': 'failed', 'Failed (Future)': 'failed', Pending: 'pending', Ignored: 'pending', 'Below Baseline': 'pending',
}

/** States are those of `flyway info`. */
export const flyway: LedgerReader = {
  tool: 'flyway',
  table: 'flyway_schema_history',
  columns: ['installed_rank', 'version', 'description', 'type', 'script', 'checksum', 'installed_on', 'success'],
  read: (sql, table) => sql`
    select installed_rank as rank, version, description, type, script, checksum, installed_on at time zone 'UTC' as "installedOn", success
      from ${table} order by installed_rank`,
  judge: (rows, files) => judgeFlyway(rows as readonly FlywayRow[] & readonly Row[], files),
}

function judgeFlyway(rows: readonly FlywayRow[], files: readonly ScriptFile[] | null): LedgerEntry[] {
  const found = (files ?? []).flatMap(migrationIn)
  const resolved = found.length === 0 ? null : found
  const highest = newestVersion(found.map(({ version }) => version))
  const fileOf = (row: FlywayRow) => found.find((one) => (row.version === null ? one.version === null && one.description === row.description : one.version !== null && compareVersions(one.version, row.version) === 0))
  const applied = rows.map((row): LedgerEntry => {
    const migration = row.type === 'BASELINE' || row.type === 'SCHEMA' ? undefined : fileOf(row)
    const drift = driftOf(row, migration)
    const lost = resolved !== null && migration === undefined && !['BASELINE', 'SCHEMA', 'DELETE'].includes(row.type) && !row.type.startsWith('UNDO')
    const future = row.version !== null && highest !== null && compareVersions(row.version, highest) > 0
    const state = stateOf(row, rows, { lost, future, drift })
    return entry(row.script, state, statusOf[state] ?? 'completed', {
      version: row.version, appliedAt: row.installedOn, checksum: row.checksum === null ? null : String(row.checksum), file: migration?.file.path ?? null, drift,
    })
  })
  return [...applied, ...found.flatMap((migration) => pendingOf(migration, rows))]
}

function stateOf(row: FlywayRow, rows: readonly FlywayRow[], { lost, future, drift }: { lost: boolean; future: boolean; drift: Drift }): string {
  if (!row.success) return lost ? (future ? 'Failed (Future)' : 'Failed (Missing)') : 'Failed'
  if (row.type === 'BASELINE') return 'Baseline'
  if (row.type === 'SCHEMA' || row.type.startsWith('UNDO') || row.type === 'DELETE') return 'Success'
  const later = rows.filter(({ rank }) => rank > row.rank)
  if (row.version === null) {
    if (later.some((other) => other.version === null && other.description === row.description)) return 'Superseded'
    return lost ? 'Missing' : drift === 'changed' ? 'Outdated' : 'Success'
  }
  if (isTakenBack(row, rows)) return 'Undone'
  if (later.some(({ version, type }) => version === row.version && type === 'DELETE')) return 'Deleted'
  if (lost) return future ? 'Future' : 'Missing'
  const earlier = rows.filter((other) => other.rank < row.rank && other.version !== null && !other.type.startsWith('UNDO') && !isTakenBack(other, rows))
  return earlier.some(({ version }) => version !== null && compareVersions(version, row.version ?? '') > 0) ? 'Out of Order' : 'Success'
}

function isTakenBack(row: FlywayRow, rows: readonly FlywayRow[]): boolean {
  return rows.some(({ rank, version, type, success }) => rank > row.rank && version === row.version && type.startsWith('UNDO') && success)
}

/** A file that waits: not applied, undone since, or a repeatable one with another text. */
function pendingOf({ version, description, file }: FlywayFile, rows: readonly FlywayRow[]): LedgerEntry[] {
  const pending = (state: string) => [entry(basename(file.path), state, 'pending', { version, file: file.path })]
  if (version === null) {
    const last = rows.filter((row) => row.version === null && row.description === description).at(-1)
    return last === undefined || driftOf(last, { version, description, file }) === 'changed' ? pending('Pending') : []
  }
  const versioned = rows.filter((row) => row.version !== null && !row.type.startsWith('UNDO') && row.type !== 'DELETE')
  const own = versioned.filter((row) => compareVersions(row.version ?? '', version) === 0)
  if (own.some((row) => !isTakenBack(row, rows))) return []
  const baseline = versioned.find(({ type }) => type === 'BASELINE')?.version
  if (typeof baseline === 'string' && compareVersions(version, baseline) < 0) return pending('Below Baseline')
  const current = newestVersion(versioned.filter((row) => row.success && !isTakenBack(row, rows)).map((row) => row.version))
  return pending(current !== null && compareVersions(version, current) < 0 ? 'Ignored' : 'Pending')
}

function driftOf(row: FlywayRow, migration: FlywayFile | undefined): Drift {
  if (row.checksum === null || migration === undefined || !migration.file.path.endsWith('.sql')) return 'unknown'
  return flywayChecksum(migration.file.text) === row.checksum ? 'none' : 'changed'
}

/** CRC-32 over the lines without their ends and without a byte order mark, as a signed 32 bit integer: what Flyway keeps of an SQL file. */
function flywayChecksum(text: string): number {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)
  return crc32(lines.join('')) | 0
}

function migrationIn(file: ScriptFile): FlywayFile[] {
  const match = /^(?:V([0-9][0-9._]*?)|R)__(.+)\.[a-z]+$/.exec(basename(file.path))
  if (match === null) return []
  return [{ version: match[1]?.replaceAll('_', '.') ?? null, description: (match[2] ?? '').replaceAll('_', ' '), file }]
}

function newestVersion(versions: readonly (string | null)[]): string | null {
  return versions.filter((version) => version !== null).sort(compareVersions).at(-1) ?? null
}

/** By their numbers, a missing one is 0: 1.10 is newer than 1.9, and 1.0 is 1. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(/[._]/).map(BigInt)) as [bigint[], bigint[]]
  for (let place = 0; place < Math.max(left.length, right.length); place += 1) {
    const [x, y] = [left[place] ?? 0n, right[place] ?? 0n]
    if (x !== y) return x < y ? -1 : 1
  }
  return 0
}
