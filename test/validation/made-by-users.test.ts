import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'
import { testCases, runCases, type Case } from './cases.js'
import { side } from './tables.js'

/** Casts and operators that users have made between the server's own types, and what the service's own SQL would make of them. */
interface OneColumn {
  name: string
  /** SQL that makes them */
  source?: string
  target?: string
  type: string
  otherType?: string
  /** literals: under 1 what differs, under 2 what is equal */
  rows: [source: [string, string], target: [string, string]]
  column?: string
}

const cheap = { includeIntegrityChecks: false, includeCrossEntity: false }

const operatorOf = (name: string, left: string, right: string, result: string, body: string) =>
  `create function public.${name.replace(/^.* /, '')}(a ${left}, b ${right}) returns ${result} language sql immutable as ${`'${body.replaceAll("'", "''")}'`}; create operator public.${name.replace(/ .*$/, '')} (leftarg = ${left}, rightarg = ${right}, function = public.${name.replace(/^.* /, '')})`
