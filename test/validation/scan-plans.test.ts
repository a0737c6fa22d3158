import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { keyIndexStatement, keyLookup } from '../../src/core/lookup-expressions.js'
import { countPlaces, scanStatement } from '../../src/core/pass-expressions.js'
import { readPlacesStatement, readRowsStatement, readSegmentsStatement } from '../../src/core/reread-expressions.js'
import { canHaveNeighbours } from '../../src/core/row-expressions.js'
import { createSegmentSums } from '../../src/core/segments.js'
import { keysAtPlace } from '../../src/core/single-difference.js'
import { openSource, openTargetReader } from '../../src/db/clients.js'
import { parsePlan } from '../../src/plan/load.js'
import { checkPlanAgainst } from '../../src/plan/preflight.js'
import { createPair, type Pair } from '../helpers/compare.js'

/** Rows enough for the planner to think of a sort: it takes the segments of a pass for as many. */
const rows = 120_000
const wide = "i % 7 as v, md5(i::text) as note, case when i % 3 = 0 then null else i / 7.0 end as amount, timestamptz '2020-01-01' + i * interval '1 second' as at, 5 as number, 5 as near, 5 as segment, 5 as place"
const tables = (id: string) => `create table by_int as select i::int8 as id, ${wide} from generate_series(1, ${rows}) i; alter table by_int add primary key (id);
  create table by_text as select md5('k' || i) as id, ${wide} from generate_series(1, ${rows}) i; alter table by_text add primary key (id);
  create table by_two as select i % 50 as one, md5('c' || i) as two, ${wide} from generate_series(1, ${rows}) i; alter table by_two add primary key (one, two);
  create table by_map as select ${id} as id, ${wide} from generate_series(1, ${rows}) i; alter table by_map add primary key (id)`
const map = `create table key_map as select i::int8 as legacy, md5('m' || i)::uuid as modern from generate_series(1, ${rows}) i; alter table key_map add primary key (legacy); alter table key_map add unique (modern)`
const entity = (table: string, key: string) => `  ${table}: { domain: d, source: { table: ${table} }, target: { table: ${table} }, key: { ${key} }, columns: { v: v, note: note, amount: amount, at: at } }`
const plan = ['version: 1', 'domains: { d: {} }', 'keyMaps: { ids: { table: key_map, legacy: legacy, modern: modern } }', 'entities:', entity('by_int', 'id: id'), entity('by_text', 'id: id'), entity('by_two', 'one: one, two: two'),
  entity('by_map', 'id: { from: id, references: ids }'), ''].join('\n')
const names = ['by_int', 'by_text', 'by_two', 'by_map']

describe('no pass sorts or writes temporary files', () => {
  let pair: Pair
  let specs: Awaited<ReturnType<typeof checkPlanAgainst>>['specs']
  const clients = () => ({ source: openSource({ ...pair.source.options, maxConnections: 1 }), target: openTargetReader({ ...pair.target.options, maxConnections: 1 }) })

  beforeAll(async () => {
    pair = await createPair({ source: `${tables('i::int8')}; analyze`, target: `${tables("md5('m' || i)::uuid")}; ${map}; analyze` })
    const { source, target } = clients()
    specs = (await checkPlanAgainst(parsePlan(plan), source, target)).specs
    await Promise.all([source.end(), target.end()])
  })
  afterAll(() => pair.close())

  test.each(names.flatMap((name) => (['source', 'target'] as const).map((side) => ({ name, side }))))('$name at the $side', async ({ name, side }) => {
    const spec = specs.get(name)!
    const both = clients()
    const explain = async (statement: string, parameters: string[] = []) => {
      const lines = await both[side].unsafe<{ 'QUERY PLAN': string }[]>(`explain (analyze, costs off, timing off) ${statement}`, parameters)
      return lines.map((line) => line['QUERY PLAN'])
    }
    try {
      const options = { segments: 2048, recode: false }
      const [scan, chunk, drill] = [await explain(scanStatement(spec, side, options)), await explain(scanStatement(spec, side, { ...options, pages: { first: 1, next: 500 } })), await explain(readSegmentsStatement(spec, side, options), ['{1,2,3,4,5,6,7,8,9,10,11,12}'])]
      for (const lines of [scan, chunk, drill]) {
        expect(lines.join('\n')).toMatch(/HashAggregate/)
        expect(lines.filter((line) => /\bSort|GroupAggregate|Disk|Batches: (?!1\b)|Spill|written/.test(line))).toEqual([])
      }
      // the rows that differ are read where they were seen, not by a pass
      const [address] = await both[side].unsafe<{ ctid: string }[]>(`select ctid::text from ${spec[side].table} limit 1`)
      const lookup = keyLookup(spec, side)
      expect(lookup === null).toBe(name === 'by_map')
      if (lookup !== null) expect((await explain(readRowsStatement(spec, side, options, null, 'keys'), ['{1}', ...lookup.map(() => '{1}')])).join('\n')).toMatch(/Index/)
      expect((await explain(readRowsStatement(spec, side, options, null, 'addresses'), ['{1}', `{"${address!.ctid}"}`])).join('\n')).toMatch(/Tid Scan/)
    } finally {
      await Promise.all([both.source.end(), both.target.end()])
    }
  })

  test.each([['by_int', 'source'], ['by_int', 'target'], ['by_map', 'source'], ['by_map', 'target']] as const)('neighbouring keys of %s at the %s are looked up by an index, and are the rows that a pass finds', async (name, side) => {
    const spec = specs.get(name)!
    expect(names.filter((name) => canHaveNeighbours(specs.get(name)!))).toEqual(['by_int', 'by_map'])
    const both = clients()
    const sql = both[side]
    try {
      const options = { segments: 256, neighbours: 64, recode: false }
      const [statement, list] = [readSegmentsStatement(spec, side, options, true), '{0,3,7,255}']
      const plan = await sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain ${statement}`, [list])
      const lines = plan.map((line) => line['QUERY PLAN'])
      expect(lines.filter((line) => /Index/.test(line) && line.includes(`${name}_pkey`)).length).toBeGreaterThan(0)
      expect(lines.filter((line) => /Seq Scan/.test(line))).toEqual([])
      const rowsOf = async (text: string) => {
        const blocks = await sql.unsafe<{ rows: string }[]>(text, [list])
        const packed = Buffer.concat(blocks.map((block) => Buffer.from(block.rows, 'base64')))
        return Array.from({ length: packed.length / 22 }, (_, row) => packed.toString('hex', row * 22, row * 22 + 22)).sort()
      }
      const found = await rowsOf(statement)
      expect(found.length).toBeGreaterThan(rows / 256)
      expect(found).toEqual(await rowsOf(readSegmentsStatement(spec, side, options)))
      const [told] = await sql.unsafe<{ least: string }[]>(keyIndexStatement(spec, side))
      const isMapped = name === 'by_map' && side === 'target'
      expect(told).toEqual({ least: '1', greatest: String(rows), ...(isMapped ? { correlation: null, rows: null } : { correlation: '1', rows: String(rows) }) })
    } finally {
      await Promise.all([both.source.end(), both.target.end()])
    }
  })

  test('sums weighted with places tell the key of a single difference, which an index finds', async () => {
    const spec = specs.get('by_int')!
    const both = clients()
    const options = { segments: 8192, neighbours: 16, recode: false }
    const changes = 'update by_int set v = v + 1 where id in (1, 16, 40, 4099); delete from by_int where id = 70000; update by_int set v = v + 1 where id in (50000, 50003)'
    try {
      expect(countPlaces(spec, options)).toBe(16)
      await pair.target.sql.unsafe(`create table by_int_before as select * from by_int where id = 70000; ${changes}`).simple()
      const sums = createSegmentSums(options.segments, 16)
      for (const side of ['source', 'target'] as const) {
        for (const pages of [{ first: 0, next: 700 }, { first: 700, next: null }]) {
          const [scanned] = await both[side].unsafe<{ segments: string; weighted: string }[]>(scanStatement(spec, side, { ...options, pages }))
          sums.add(side, Buffer.from(scanned!.segments, 'base64'), { weighted: Buffer.from(scanned!.weighted, 'base64') })
        }
      }
      const { agreed, suspicious } = sums.compare()
      expect([agreed, suspicious.length]).toEqual([rows - 15 - 5 * 16, 6])
      const guesses = suspicious.flatMap(({ segment, single }) => (single === undefined ? [] : keysAtPlace(segment, single.place, options, { least: 1n, greatest: BigInt(rows) })))
      // two differences in one segment name no key, or with a chance of one in eight million a wrong one
      expect(guesses).toEqual(['1', '16', '40', '4099', '70000'])
      for (const side of ['source', 'target'] as const) {
        const statement = readPlacesStatement(spec, side, options)
        const plan = (await both[side].unsafe<{ 'QUERY PLAN': string }[]>(`explain ${statement}`, ['{1,16}'])).map((line) => line['QUERY PLAN']).join('\n')
        expect(plan).toMatch(/by_int_pkey/)
        expect(plan).not.toMatch(/Seq Scan/)
        const [found] = await both[side].unsafe<{ segments: string; rows: string }[]>(statement, [`{${guesses.join(',')}}`])
        const segments = Buffer.from(found!.segments, 'base64')
        expect(Array.from({ length: segments.length / 4 }, (_, row) => segments.readInt32BE(row * 4)).sort((left, right) => left - right)).toEqual([0, 1, 2, 256, ...(side === 'source' ? [4375] : [])])
        expect(Buffer.from(found!.rows, 'base64').length).toBe(segments.length / 4 * 22)
      }
    } finally {
      await pair.target.sql.unsafe('update by_int set v = id % 7 where id in (1, 16, 40, 4099, 50000, 50003); insert into by_int select * from by_int_before').simple()
      await Promise.all([both.source.end(), both.target.end()])
    }
  })

  test('a whole job over rows that differ writes none', async () => {
    await pair.target.sql`update by_int set v = v + 1 where id % 1000 = 0`
    await pair.target.sql`delete from by_two where one = 7 and v = 3`
    await pair.target.sql`delete from key_map where legacy = 77`
    const written = async () => {
      const list = await Promise.all([pair.source.sql, pair.target.sql].map(async (sql) => (await sql<{ bytes: string }[]>`select temp_bytes::text as bytes from pg_stat_database where datname = current_database()`)[0]?.bytes))
      return list.join()
    }
    const before = await written()
    const { entities } = await pair.compare(plan, { segmentRows: 64 }, { includeIntegrityChecks: false, includeCrossEntity: false })
    expect([entities['by_int']?.accounting.source.differs, entities['by_two']?.verdict, entities['by_map']?.verdict]).toEqual([rows / 1000, 'fail', 'fail'])
    expect(await written()).toBe(before)
  })
})
