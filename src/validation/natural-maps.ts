import { checkNaturalStatement, isNatural } from '../core/key-map-expressions.js'
import type { Side } from '../core/catalog.js'
import type { NaturalKeyMapSpec } from '../core/spec.js'
import { isTransient } from '../db/sqlstate.js'
import { sideOf } from '../jobs/failure.js'
import type { CheckResult, JobEntity } from './outcomes.js'
import { countOf, errorText, readOne, type Reader } from './reader.js'

/** key map → one check for each side: its natural values must name one row each. They belong to the job. */
export async function checkNaturalMaps(readers: Record<Side, Reader>, entities: readonly JobEntity[], signal: AbortSignal): Promise<Map<string, CheckResult[]>> {
  const maps = new Map(entities.flatMap(({ spec }) => Object.values(spec?.keyMaps ?? {})).flatMap((map): [string, NaturalKeyMapSpec][] => (isNatural(map) ? [[map.name, map]] : [])))
  const checks = new Map<string, CheckResult[]>()
  for (const map of maps.values()) checks.set(map.name, [await checkSide(readers.source, map, signal), await checkSide(readers.target, map, signal)])
  return checks
}

async function checkSide(reader: Reader, map: NaturalKeyMapSpec, signal: AbortSignal): Promise<CheckResult> {
  const check = { entity: '', name: 'a natural key names one row', subject: `${map.name} at the ${reader.side}`, category: 'integrity' as const, severity: 'critical' as const, durationMs: null }
  try {
    const row = await readOne(reader, signal, checkNaturalStatement(map, reader.side))
    const [entries, unnamed, repeated, keys] = [countOf(row, 'entries'), countOf(row, 'unnamed'), countOf(row, 'repeated'), countOf(row, 'keys')]
    const evidence = { entries, unnamed, repeated, keys }
    const faults = [
      ...(repeated > 0 ? [`${repeated} natural ${repeated === 1 ? 'value stands' : 'values stand'} for several keys`] : []), ...(keys > 0 ? [`${keys} ${keys === 1 ? 'key stands' : 'keys stand'} twice`] : []),
    ]
    if (faults.length > 0) return { ...check, verdict: 'fail', rowsExamined: entries, rowsFailed: repeated + keys, evidence, message: `${faults.join(' and ')}: nothing that references ${map.name} can be compared; choose a natural key that is unique` }
    if (unnamed > 0) return { ...check, severity: 'warning', verdict: 'warn', rowsExamined: entries, rowsFailed: unnamed, evidence, message: `${unnamed} of ${entries} rows have no natural value: what references them equals nothing` }
    return { ...check, verdict: entries === 0 ? 'warn' : 'pass', rowsExamined: entries, rowsFailed: 0, evidence, message: entries === 0 ? '0 rows were examined' : `each of ${entries} rows has a natural value of its own` }
  } catch (error) {
    if (signal.aborted || isTransient(error) || sideOf(error) === null) throw error
    return { ...check, verdict: 'unknown', rowsExamined: null, rowsFailed: null, evidence: {}, message: `the ${reader.side} cannot tell: ${errorText(error, [])}` }
  }
}

/** An entity that uses a natural key map whose values are not unique, or cannot be read, is not compared. */
export function blockAmbiguous(entity: JobEntity, checks: ReadonlyMap<string, CheckResult[]>): JobEntity {
  const used = Object.keys(entity.spec?.keyMaps ?? {}).flatMap((map) => checks.get(map) ?? [])
  const broken = used.find(({ verdict }) => verdict === 'fail' || verdict === 'unknown')
  return broken === undefined || entity.blocked !== null ? entity : { ...entity, blocked: `${broken.subject}: ${broken.message}` }
}
