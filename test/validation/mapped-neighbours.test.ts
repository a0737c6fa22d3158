import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type Pair } from '../helpers/compare.js'

/** Keys behind a key map that are looked up by its legacy keys: what is judged is what passes over all rows judge, and what the tables say. */

const rows = 40_000

interface Case {
  name: string
  /** SQL that makes the map `m` */
  map: string
  /** further lines of the map in the plan */
  more?: string
  /** SQL of the modern key of row i, and the type of the target's column */
  modern?: string
  type?: string
  areNeighbours: boolean
}

const uuid = "md5('m' || i)::uuid"
const entries = (legacy: string, modern: string, from = `generate_series(1, ${rows}) i`) => `select ${legacy} as legacy, ${modern} as modern from ${from}`
const cases: Case[] = [
  { name: 'an index over each column of the map', map: `create table m as ${entries('i::int8', uuid)}; alter table m add primary key (legacy); create unique index on m (modern)`, areNeighbours: true },
  { name: 'no index over the legacy keys', map: `create table m as ${entries('i::int8', uuid)}; create unique index on m (modern)`, areNeighbours: true },
  { name: 'modern keys of another width', map: `create table m as ${entries('i', '(i + 100000)::int8')}; create index on m (legacy); create index on m (modern)`, modern: 'i + 100000', type: 'int4', areNeighbours: true },
  { name: 'modern keys that no index over the integers of the target serves', map: `create table m as ${entries('i', '(i + 100000)::numeric')}; create index on m (legacy); create index on m (modern)`, modern: 'i + 100000', type: 'int8', areNeighbours: true },
  { name: 'a map that holds keys far away too', map: `create table m as ${entries('i::int8', uuid)} union all select 9000000000000000000, gen_random_uuid(); create index on m (legacy); create index on m (modern)`, areNeighbours: true },
  { name: 'legacy keys as text', map: `create table m as ${entries("'00' || i", uuid)}; create index on m (legacy)`, areNeighbours: false },
  {
    name: 'a map of several entities', more: ', where: "tgt.kind = \'t\'"', areNeighbours: true,
    map: `create table m as select 't' as kind, * from (${entries('i::int8', uuid)}) own union all select 'u', * from (${entries('i::int8', "md5('m' || i + 7)::uuid")}) other; create index on m (legacy); create index on m (modern)`,
  },
  {
    name: 'several legacy keys of one modern key', areNeighbours: true,
    map: `create table m as ${entries('i::int8', "md5('m' || case when i % 4000 = 3 then i - 1 else i end)::uuid")}; create unique index on m (legacy); create index on m (modern)`,
  },
]

describe.each(cases)('$name', ({ name, map, more = '', modern = uuid, type = 'uuid', areNeighbours }) => {
  let pair: Pair
  const plan = `version: 1\ndomains: { d: {} }\nkeyMaps: { ids: { table: m, legacy: legacy, modern: modern${more} } }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: { from: id, references: ids } }, columns: { v: v } }\n`
  const isFolded = name.startsWith('several legacy keys')

  beforeAll(async () => {
    pair = await createPair({
      source: `create table t as select i as id, i % 1000 as v from generate_series(1, ${rows}) i; alter table t add primary key (id); analyze t`,
      target: `create table t as select (${modern})::${type} as id, i % 1000 as v from generate_series(1, ${rows}) i; alter table t add primary key (id); ${map}; analyze`,
    })
    const at = (i: number) => `(select (${modern})::${type} from (select ${i} as i) one)`
    // missing on either side, other values, a row whose entry has gone, and a source row without an entry
    await pair.source.sql.unsafe("delete from t where id = 17; update t set v = -1 where id in (128, 5000)").simple()
    await pair.target.sql.unsafe(`delete from t where id in (${at(40)}, ${at(rows)}); update t set v = null where id = ${at(6001)}; delete from m where modern = ${at(900)}`).simple()
  })
  afterAll(() => pair.close())

  const told = ({ differences, entities }: ComparisonRun) => ({
    differences: differences.map(({ class: kind, cause, key, columns }) => `${kind} ${cause} ${JSON.stringify(key)} ${kind === 'differs' ? columns.map(({ source, target }) => `${source} → ${target}`).join() : ''}`).sort(),
    accounting: entities['t']?.accounting,
  })
  const neighbours = async () => (await pair.tracking<{ neighbours: number | null }[]>`select e.neighbours from migration_coverage.job_entity e join migration_coverage.job j using (job_id) order by j.created_at desc limit 1`)[0]?.neighbours ?? null

  test.each([16, 1])('in segments of %i keys', async (segmentRows) => {
    const found = told(await pair.compare(plan, { segmentRows }))
    expect(await neighbours() !== null).toBe(areNeighbours)
    const [gone] = await pair.target.sql.unsafe<{ id: string }[]>(`select ((${modern})::${type})::text as id from (select 900 as i) one`)
    const expected = [
      'differs value {"id":"128"} -1 → 128', 'differs value {"id":"5000"} -1 → 0', 'differs value {"id":"6001"} 1 → null', 'extra ghost {"id":"17"} ', `extra no map entry {"id":"${gone!.id}"} `,
      'missing map leads nowhere {"id":"40"} ', `missing map leads nowhere {"id":"${rows}"} `, 'missing no map entry {"id":"900"} ',
    ]
    const others = isFolded ? found.differences.filter((one) => !expected.includes(one)) : []
    expect(found.differences.filter((one) => !others.includes(one))).toEqual(expected.sort())
    // of two legacy keys of one modern key one row is left over, and so is the target row that had been its own
    expect(others.length).toBe(isFolded ? 2 * rows / 4000 : 0)
    // without an index over the keys of the target every row is found by a pass
    await pair.target.sql.unsafe('alter table t drop constraint t_pkey').simple()
    try {
      expect(told(await pair.compare(plan, { segmentRows }))).toEqual(found)
    } finally {
      await pair.target.sql.unsafe('alter table t add primary key (id)').simple()
    }
  })
})
