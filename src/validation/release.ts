import { createHash } from 'node:crypto'
import { sides } from '../core/catalog.js'
import { scanStatement, streamStatement } from '../core/pass-expressions.js'
import type { ComparisonSpec } from '../core/spec.js'
import { statementOf, type Prepared } from './context.js'
import type { JobEntity } from './outcomes.js'

/** How this release hashes and packs the rows of an entity that wait to be settled, in short. */
export function digestOfReading(spec: ComparisonSpec, prepared: Pick<Prepared, 'recode' | 'sampleSeed'>, entity: Pick<JobEntity, 'segments' | 'neighbours'>): string {
  const statements = sides.flatMap((side) => [scanStatement, streamStatement].map((statement) => statement(spec, side, statementOf(prepared, entity))))
  return createHash('sha256').update(statements.join(';\n')).digest('hex')
}

/**
 * Workers may be replaced while a job runs. Keys that another release has hashed in another way would not be found again, and their rows be taken for deleted.
 * @returns why an entity cannot be compared with what was read of it, or null
 */
export function faultOfRelease(prepared: Prepared, entity: JobEntity & { spec: ComparisonSpec }): string | null {
  return prepared.readings?.[entity.entity] === digestOfReading(entity.spec, prepared, entity) ? null : 'the service was replaced while the job ran, by a release that hashes rows in another way: run the job again'
}
