import { expect } from 'vitest'
import { canaryStatement, judgeCanaries } from '../../src/core/canary.js'
import { canonicalHash, canonicalOf, canonicalText, canonicalValue } from '../../src/core/canonical.js'
import type { TypeInfo } from '../../src/core/catalog.js'
import { readJson } from '../../src/core/json-text.js'
import { openSource } from '../../src/db/clients.js'
import type { ComparisonRun, JobRequest } from '../helpers/compare.js'
import { adviceCases } from '../validation/advice-cases.js'
import { expectCase, planOf, prefixed, type Case } from '../validation/cases.js'
import { beside, idsOnly, loneCases, structureCases, valueCases } from '../validation/correctness-cases.js'
import { holeCases } from '../validation/hole-cases.js'
import * as integrity from '../validation/integrity-fixture.js'
import { joinCases } from '../validation/join-cases.js'
import { beyondAscii, broken, readable } from '../validation/json-samples.js'
import { languageCases } from '../validation/language-cases.js'
import { naturalMapCases } from '../validation/natural-map-cases.js'
import { parentCases } from '../validation/parent-cases.js'
import * as profile from '../validation/profile-fixture.js'
import * as tolerance from '../validation/tolerance-fixture.js'
import { samples } from '../validation/type-samples.js'
import { unreadableCases } from '../validation/unreadable-cases.js'
import { fillPair, runJob, type Filling, type MutationRun } from './pairs.js'

/** What only a real PostgreSQL can judge of src/core: the SQL that it builds. Run by scripts/battery-runner.js; the first test that fails ends a run, so cheap ones come first. */
export interface BatteryTest {
  name: string
  run: () => Promise<void>
}

/** A job costs half a second before it reads a row: few jobs where the first have found nothing. */
const groupSize = 10

function caseTests(title: string, cases: readonly Case[], request: Partial<JobRequest> = {}, size = groupSize, told: (run: ComparisonRun) => ComparisonRun = (run) => run): BatteryTest[] {
  const judged = cases.filter(({ fails }) => fails !== true)
  return Array.from({ length: Math.ceil(judged.length / size) }, (_, part): BatteryTest => {
    const group = judged.slice(part * size, (part + 1) * size)
    const sqlOf = (side: 'source' | 'target') => group.map((one, index) => prefixed(one[side], index)).join(';\n')
    const filling: Filling = { name: `${title}_${part}`, source: sqlOf('source'), target: sqlOf('target') }
    return jobTest(`${title} ${part}`, filling, planOf(group), { includeIntegrityChecks: false, ...request }, (run) => { group.forEach((one, index) => { expectCase(told(run), one, index) }) })
  })
}

function jobTest(name: string, filling: Filling, plan: string, request: Partial<JobRequest>, judge: (run: MutationRun) => void | Promise<void>): BatteryTest {
  return {
    name,
    run: async () => {
      const run = await runJob(await fillPair(filling), plan, { scanChunkPages: 4 }, request)
      try {
        await judge(run)
      } finally {
        await run.close()
      }
    },
  }
}

const base = (name: string): TypeInfo => ({ name, base: name, kind: 'b', element: null })
const arrayOf = (element: TypeInfo): TypeInfo => ({ name: `_${element.name}`, base: `_${element.base}`, kind: 'b', element })
const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
const literal = (type: string, value: string) => ` E${quoted(value)}::${['char', 'bit'].includes(type) ? `"${type}"` : type}`
const inArray = (type: string, value: string) => `array[${literal(type, value)}]`

/** Equal values have one text and one hash, different ones neither in common; where a server decides, texts of equal values may differ. */
async function judgeTypes(recode: boolean): Promise<void> {
  const { target } = await fillPair(nothing)
  const client = openSource({ ...target, statementTimeoutMs: 5_000 })
  try {
    for (const [type, { equal, different }] of Object.entries(samples)) {
      if (['cardinal_number', 'yes_or_no', 'time_stamp'].includes(type)) continue
      const element = type.endsWith('range') ? { ...base(type), kind: 'r' as const, element: base(rangeOf[type]!) } : base(type)
      for (const [info, write] of [[element, literal], [arrayOf(element), inArray]] as const) {
        const choice = canonicalOf(info)
        if ('refused' in choice) throw new Error(`${info.name}: ${choice.refused}`)
        const name = info.name === 'char' ? '"char"' : info.name
        const readings = [...equal, ...different].flat().map((value) => {
          const canonical = canonicalValue(choice.kind, name, write(type, value))
          return `${canonicalText(canonical)}, ${canonicalHash(choice.kind, canonical, 42n, recode)}::text`
        })
        const rows = await client.unsafe<{ text: string; hash: string }[]>(`select * from (values ${readings.map((reading, index) => `(${index}, ${reading})`).join(', ')}) reading (place, text, hash) order by place`)
        for (const index of [...equal, ...different].keys()) {
          const [left, right] = [rows[index * 2]!, rows[index * 2 + 1]!]
          const isEqual = index < equal.length
          if (!isEqual || choice.kind.decideAs === null) expect({ type: info.name, index, text: left.text === right.text, hash: left.hash === right.hash }).toEqual({ type: info.name, index, text: isEqual, hash: isEqual })
        }
      }
    }
  } finally {
    await client.end({ timeout: 1 })
  }
}

const rangeOf: Record<string, string> = { int4range: 'int4', int8range: 'int8', numrange: 'numeric', tsrange: 'timestamp', tstzrange: 'timestamptz', daterange: 'date' }

async function judgeCanariesOfTwoEncodings(): Promise<void> {
  const { source, target } = await fillPair({ ...nothing, name: 'latin', encoding: 'LATIN1' })
  const clients = [openSource(source), openSource(target)]
  try {
    const [latin, utf8] = await Promise.all(clients.map(async (client) => Promise.all([false, true].map(async (recode) => (await client.unsafe<{ hash: string }[]>(canaryStatement(recode))).map(({ hash }) => hash)))))
    expect(judgeCanaries(utf8![0]!, utf8![0]!)).toEqual([])
    expect(judgeCanaries(latin![1]!, utf8![1]!)).toEqual([])
    expect(judgeCanaries(latin![0]!, utf8![0]!)).toEqual(['text: the two servers hash the same value differently'])
  } finally {
    await Promise.all(clients.map((client) => client.end({ timeout: 1 })))
  }
}

/** A server that cannot tell beforehand what it can read as jsonb reads the same as one that can. */
async function judgeJson(): Promise<void> {
  const { target } = await fillPair(nothing)
  const client = openSource({ ...target, statementTimeoutMs: 5_000 })
  try {
    const texts = [...readable, ...beyondAscii, ...broken]
    for (const [version, encoding, count] of [[150_000, 'UTF8', readable.length + beyondAscii.length], [160_000, 'UTF8', readable.length + beyondAscii.length], [150_000, 'LATIN1', readable.length]] as const) {
      const rows = await client.unsafe<{ value: string | null; expected: string | null }[]>(
        `select ${readJson('v', { version, encoding })}::text as value, case when pg_input_is_valid(v, 'jsonb') then v::jsonb::text end as expected from unnest($1::text[]) with ordinality t (v, place) order by place`, [texts])
      // what LATIN1 cannot hold is not even asked
      const asked = encoding === 'UTF8' ? rows : rows.filter((_, index) => index < readable.length || index >= readable.length + beyondAscii.length)
      expect(asked.map(({ value }) => value)).toEqual(asked.map(({ expected }) => expected))
      expect(asked.filter(({ value }) => value !== null)).toHaveLength(count)
    }
  } finally {
    await client.end({ timeout: 1 })
  }
}

const nothing: Filling = { name: 'nothing', source: 'create table nothing ()', target: 'create table nothing ()' }
const many = 'create table t (id int primary key, v int); insert into t select i, i from generate_series(1, 2000) i'
const sampled = 'version: 1\ndomains: { d: {} }\nentities: { t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v] } }'

export const tests: BatteryTest[] = [
  { name: 'canaries', run: judgeCanariesOfTwoEncodings },
  { name: 'types', run: () => judgeTypes(false) },
  { name: 'types in another encoding', run: () => judgeTypes(true) },
  { name: 'json', run: judgeJson },
  jobTest('tolerance', { name: 'tolerance', ...tolerance.tables }, tolerance.plan, { includeIntegrityChecks: false }, (run) => {
    tolerance.expectTolerances(run)
    tolerance.expectOtherValues(run)
  }),
  ...caseTests('joins', joinCases),
  ...caseTests('natural', naturalMapCases),
  ...caseTests('parents', parentCases),
  ...caseTests('language', languageCases),
  ...caseTests('structures', structureCases, {}, 20),
  ...caseTests('holes', holeCases, {}, 30),
  ...caseTests('advice', adviceCases),
  jobTest('integrity', { name: 'integrity', source: `${integrity.source('good')};${integrity.source('bad')}`, target: `${integrity.target.good};${integrity.target.bad}` }, integrity.planOf(['good', 'bad']), {}, (run) => {
    expect([integrity.linesOf(run, 'good'), integrity.linesOf(run, 'bad')]).toEqual([integrity.goodLines, integrity.badLines])
  }),
  jobTest('profile', { name: 'profile', source: profile.source, target: profile.target }, profile.plan, {}, (run) => profile.expectFindings(run, run.tracking)),
  jobTest('sample', { name: 'sample', source: many, target: many }, sampled, { mode: 'sample', includeIntegrityChecks: false }, (run) => {
    const { verified, unverified } = run.entities['t']!.accounting.source
    expect([verified! > 120, verified! < 280, verified! + unverified!, run.entities['t']!.verdict]).toEqual([true, true, 2000, 'unknown'])
  }),
  ...caseTests('values', valueCases, { includeCrossEntity: false }, 100, idsOnly),
  ...caseTests('lone', loneCases.map(beside), { includeCrossEntity: false }),
  ...caseTests('unreadable', unreadableCases, { includeCrossEntity: false }, 20),
]
