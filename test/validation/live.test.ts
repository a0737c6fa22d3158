import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPair, type ComparisonRun, type JobRequest, type Pair } from '../helpers/compare.js'
import { figuresOf, lineOf } from './cases.js'

/** Rows that change while a job runs. */
const plan = 'version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v] }\n'
let pair: Pair

beforeAll(async () => {
  const slow = 'create function slow(float8) returns bool language plpgsql as $$ begin perform pg_sleep($1); return true; end $$'
  pair = await createPair({ source: slow, target: slow })
})
afterAll(() => pair.close())
beforeEach(async () => {
  const create = 'drop table if exists t, first; create table t (id int primary key, v int); insert into t select i, i from generate_series(1, 20) i; analyze t'
  await Promise.all([pair.source.sql.unsafe(create).simple(), pair.target.sql.unsafe(create).simple()])
})

/** How the rows are divided into segments, where not as always. */
let division: { segmentRows?: number; streamFrom?: number } = {}

/** Runs a job and, as soon as a task of the kind runs, the work beside it. */
async function compareWhile(kind: string, recheckDelayMs: number, work: (isOver: () => boolean) => Promise<void>, text = plan, request: Partial<JobRequest> = {}): Promise<ComparisonRun> {
  let over = false
  const [{ last }] = await pair.tracking<[{ last: number }]>`select coalesce(max(task_id), 0) as last from migration_coverage.task`
  const running = pair.compare(text, { recheckDelayMs, ...division }, request).finally(() => { over = true })
  for (;;) {
    const found = await pair.tracking`select from migration_coverage.task where task_id > ${last} and status = 'running' and kind = ${kind}`
    if (found.length > 0 || over) break
    await sleep(5)
  }
  await work(() => over)
  return running
}

const figures = (run: ComparisonRun, entity = 't') => `${run.entities[entity]!.verdict} ${figuresOf(run.entities[entity]!.accounting)}`

describe.each([{ where: 'in one segment', segmentRows: 128 }, { where: 'in segments whose sums tell the key', segmentRows: 8 }])('$where', ({ segmentRows }) => {
  beforeEach(() => { division = { segmentRows } })
  afterEach(() => { division = {} })

  test('a row that is put right during the delay is verified', async () => {
    await pair.target.sql`update t set v = 0 where id = 3`
    await pair.target.sql`delete from t where id = 4`
    const run = await compareWhile('settle', 600, async () => {
      await sleep(150)
      await pair.target.sql`update t set v = 3 where id = 3`
      await pair.target.sql`insert into t values (4, 4)`
    })
    expect(figures(run)).toBe('pass 20: 20 verified | 20: 20 matched')
    expect(run.differences).toEqual([])
  })

  test('a row that is not put right stays wrong after the delay', async () => {
    await pair.target.sql`update t set v = 0 where id = 3`
    const run = await compareWhile('settle', 300, async () => undefined)
    expect(figures(run)).toBe('fail 20: 19 verified, 1 differs | 20: 20 matched')
  })

  test('a row that goes wrong otherwise during the delay is told as it stands at last', async () => {
    await pair.target.sql`update t set v = 0 where id = 3`
    const run = await compareWhile('settle', 400, async () => {
      await sleep(100)
      await pair.target.sql`update t set v = -1 where id = 3`
    })
    expect(figures(run)).toBe('fail 20: 19 verified, 1 differs | 20: 20 matched')
    expect(run.differences.map(lineOf)).toEqual(['differs value {"id":"3"} v: 3 → -1'])
  })

  test('a row that changes on every read is pending on both sides, and the verdict is unknown', async () => {
    await pair.target.sql`update t set v = 0 where id = 3`
    const run = await compareWhile('settle', 150, async (isOver) => {
      for (let value = -1; !isOver(); value -= 1) {
        await pair.target.sql`update t set v = ${value} where id = 3`
        await sleep(10)
      }
    })
    expect(figures(run)).toBe('unknown 20: 19 verified, 1 pending | 20: 19 matched, 1 pending')
    expect(run.differences.map(lineOf)).toEqual(['pending keeps changing {"id":"3"}', 'pending keeps changing {"id":"3"} id NULL'].map((line) => line.replace(' id NULL', '')))
  })
})

test('a row that arrives during the delay is in both totals', async () => {
  await pair.target.sql`delete from t where id = 4`
  const run = await compareWhile('settle', 600, async () => {
    await sleep(150)
    await pair.target.sql`insert into t values (4, 4)`
  }, plan.replace('same: [v]', 'same: [v], totals: [{ sum: v }]'))
  expect(figures(run)).toBe('pass 20: 20 verified | 20: 20 matched')
  expect(run.checks.filter(({ name }) => name === 'the total agrees').map(({ verdict }) => verdict)).toEqual(['pass'])
})

test('a row deleted on both sides drops out of both totals', async () => {
  await pair.target.sql`update t set v = 0 where id = 3`
  const run = await compareWhile('settle', 600, async () => {
    await sleep(150)
    await Promise.all([pair.source.sql`delete from t where id = 3`, pair.target.sql`delete from t where id = 3`])
  })
  expect(figures(run)).toBe('pass 19: 19 verified | 19: 19 matched')
})

test('a row deleted at the source only is extra in the target', async () => {
  await pair.target.sql`update t set v = 0 where id = 3`
  const run = await compareWhile('settle', 600, async () => {
    await sleep(150)
    await pair.source.sql`delete from t where id = 3`
  })
  expect(figures(run)).toBe('fail 19: 19 verified | 20: 19 matched, 1 extra')
  expect(run.differences.map(lineOf)).toEqual(['extra ghost {"id":"3"} id 3'])
})

test('a row inserted beyond the highest key after the pass belongs to the next run, which finds it', async () => {
  await pair.target.sql`update t set v = 0 where id = 3`
  const run = await compareWhile('settle', 600, async () => {
    await sleep(150)
    await pair.source.sql`insert into t values (1000, 1)`
    await pair.target.sql`update t set v = 3 where id = 3`
  })
  expect(figures(run)).toBe('pass 20: 20 verified | 20: 20 matched')
  const next = await pair.compare(plan)
  expect(figures(next)).toBe('fail 21: 20 verified, 1 missing | 20: 20 matched')
  expect(next.differences.map(lineOf)).toEqual(['missing plain {"id":"1000"}'])
})

test('a row inserted on both sides after the pass over one of them is seen on both', async () => {
  const first = 'create table first (id int primary key); insert into first values (1)'
  await Promise.all([pair.source.sql.unsafe(first), pair.target.sql.unsafe(first)])
  // the first entity keeps one worker busy, so that t is read on one side after the other
  const run = await compareWhile('scan', 20, async () => {
    for (let waited = 0; waited < 10_000; waited += 5) {
      const [row] = await pair.tracking<{ ready: boolean }[]>`
        select count(*) filter (where side = 'source' and status = 'running') = 1 and count(*) filter (where side = 'target' and status = 'queued') = 1 as ready
        from migration_coverage.task where kind = 'scan' and entity = 't' and job_id = (select job_id from migration_coverage.task order by task_id desc limit 1)`
      if (row?.ready) break
      await sleep(5)
    }
    await sleep(100)
    await Promise.all([pair.source.sql`insert into t values (1000, 1)`, pair.target.sql`insert into t values (1000, 1)`])
  }, `version: 1
domains: { d: {} }
entities:
  first: { domain: d, source: { table: first, where: "slow(0.1)" }, target: { table: first, where: "slow(1)" }, key: { id: id } }
  t: { domain: d, source: { table: t, where: "slow(0.02)" }, target: { table: t }, key: { id: id }, same: [v] }
`)
  expect(figures(run)).toBe('pass 21: 21 verified | 21: 21 matched')
})

/** Runs a job, and a statement while keys rest. */
const compareBeside = (text: string, side: 'source' | 'target', statement: string) => compareWhile('settle', 800, async () => {
  await sleep(300)
  await pair[side].sql.unsafe(statement).simple()
}, text, { includeIntegrityChecks: false })

describe('a row that has no key in the pass, and one when its key is read again', () => {
  const mapped = `version: 1
domains: { d: {} }
keyMaps: { m: { table: m, legacy: legacy, modern: modern } }
entities:
  u: { domain: d, source: { table: u }, target: { table: u }, key: { id: { from: id, references: m } }, same: [v], totals: [{ sum: v }] }
`
  const fill = async (source: string, target: string) => {
    const create = 'drop table if exists u, m; create table u (id int, v int); create table m (legacy int primary key, modern int unique);'
    await Promise.all([pair.source.sql.unsafe(`${create} ${source}`).simple(), pair.target.sql.unsafe(`${create} ${target}`).simple()])
  }
  test.each([{ division: {} }, { division: { streamFrom: 0 } }])('its entry is written: it is counted once, $division', async ({ division: how }) => {
    await fill('insert into u values (1, 7)', 'insert into u values (10, 7)')
    division = how
    const run = await compareBeside(mapped, 'target', 'insert into m values (1, 10)').finally(() => { division = {} })
    // the map had no entries when it was checked
    expect(figures(run, 'u')).toBe('warn 1: 1 verified | 1: 1 matched')
    expect(run.differences).toEqual([])
    expect(run.entities['u']!.causes).toEqual([])
  })

  test('one of two entries is written: the other row is extra as before', async () => {
    await fill('insert into u values (1, 7)', 'insert into u values (10, 7), (11, 8)')
    const run = await compareBeside(mapped, 'target', 'insert into m values (1, 10)')
    expect(figures(run, 'u')).toBe('fail 1: 1 verified | 2: 1 matched, 1 extra')
    expect(run.differences.map(lineOf)).toEqual(['extra no map entry {"id":"11"}'])
  })

  test('its entry leads to a key that was not read again: it is pending', async () => {
    await fill('insert into u values (1, 7)', 'insert into u values (10, 7), (11, 8)')
    const run = await compareBeside(mapped, 'target', 'insert into m values (1, 10), (5, 11)')
    expect(figures(run, 'u')).toBe('unknown 1: 1 verified | 2: 1 matched, 1 pending')
    expect(run.entities['u']!.causes).toEqual([{ class: 'pending', side: 'target', cause: 'keeps changing', rows: 1 }])
  })

  test('a row and its entry, while other rows come that have none yet', async () => {
    await fill('insert into u values (1, 7)', 'insert into u values (10, 7)')
    const run = await compareBeside(mapped, 'target', 'insert into m values (1, 10); insert into u values (11, 8)')
    expect(figures(run, 'u')).toBe('fail 1: 1 verified | 2: 1 matched, 1 extra')
  })

  test('nothing is written: it stays extra', async () => {
    await fill('insert into u values (1, 7)', 'insert into u values (10, 7)')
    expect(figures(await pair.compare(mapped), 'u')).toBe('fail 1: 1 missing | 1: 1 extra')
  })

  test('its NULL key is filled', async () => {
    await fill('insert into u values (1, 7)', 'insert into u values (null, 7)')
    const run = await compareBeside(mapped.replace('{ from: id, references: m }', 'id'), 'target', 'update u set id = 1')
    expect(figures(run, 'u')).toBe('pass 1: 1 verified | 1: 1 matched')
  })

  test('its NULL key is filled at the source', async () => {
    await fill('insert into u values (null, 7)', 'insert into u values (1, 7)')
    const run = await compareBeside(mapped.replace('{ from: id, references: m }', 'id'), 'source', 'update u set id = 1')
    expect(figures(run, 'u')).toBe('pass 1: 1 verified | 1: 1 matched')
  })

  test('it is excluded no longer, in a table of many statements', async () => {
    await fill("alter table u set (fillfactor = 10); insert into u select i, 7 from generate_series(1, 10000) i", 'insert into u values (1, 7)')
    const excluding = mapped.replace('source: { table: u }', 'source: { table: u, exclude: [{ reason: seven, where: src.v = 7 }] }').replace('{ from: id, references: m }', 'id').replace('same: [v], totals: [{ sum: v }]', 'ignore: { source: { v: x }, target: { v: x } }')
    const run = await compareBeside(excluding, 'source', 'update u set v = 8 where id = 1')
    expect(figures(run, 'u')).toBe('pass 10000: 9999 excluded, 1 verified | 1: 1 matched')
  })

  test('it is excluded no longer: the sums of the passes, of which one left it out, prove nothing', async () => {
    await fill('insert into u values (1, 7)', 'insert into u values (1, 7)')
    const excluding = mapped.replace('source: { table: u }', 'source: { table: u, exclude: [{ reason: seven, where: src.v = 7 }] }').replace('{ from: id, references: m }', 'id').replace('same: [v]', 'columns: { v: { sql: "7" } }')
    const run = await compareBeside(excluding, 'source', 'update u set v = 8')
    expect(figures(run, 'u')).toBe('unknown 1: 1 verified | 1: 1 matched')
    expect(run.checks.filter(({ verdict }) => verdict === 'unknown').map(({ name }) => name)).toEqual(['the total agrees'])
  })
})

describe('a merge whose survivor is deleted while keys rest', () => {
  const merging = `version: 1
domains: { d: {} }
keyMaps: { m: { table: m, legacy: legacy, modern: modern } }
entities:
  u: { domain: d, source: { table: u, merge: { by: mail, keep: id } }, target: { table: u }, key: { id: { from: id, references: m } }, same: [mail, v] }
`
  const fill = async (target: string) => {
    const create = 'drop table if exists u, m; create table u (id int primary key, mail text, v int);'
    await Promise.all([pair.source.sql.unsafe(`${create} insert into u values (1, 'a', 1), (2, 'a', 2), (3, 'b', 1)`).simple(), pair.target.sql.unsafe(`${create} create table m (legacy int, modern int); ${target}`).simple()])
  }

  test('the row that survives now, and its target row, are pending', async () => {
    await fill("insert into m values (1, 10), (2, 10), (3, 11); insert into u values (10, 'a', 2), (11, 'b', 1)")
    const run = await compareBeside(merging, 'source', 'delete from u where id = 1')
    expect(figures(run, 'u')).toBe('unknown 2: 1 verified, 1 pending | 2: 1 matched, 1 pending')
    expect(run.differences.map(lineOf)).toEqual(['pending keeps changing {"id":"1"} id 10', 'pending keeps changing {"id":"2"}'])
  })

  test('the row that survives now has no target row: it is pending', async () => {
    await fill("insert into m values (3, 11); insert into u values (11, 'b', 1)")
    const run = await compareBeside(merging, 'source', 'delete from u where id = 1')
    expect(figures(run, 'u')).toBe('unknown 2: 1 verified, 1 pending | 1: 1 matched')
  })

  test('the row that it was merged with is deleted instead', async () => {
    await fill("insert into m values (1, 10), (2, 10), (3, 11); insert into u values (10, 'a', 2), (11, 'b', 1)")
    const run = await compareBeside(merging, 'source', 'delete from u where id = 2')
    expect(figures(run, 'u')).toBe('fail 2: 1 verified, 1 differs | 2: 2 matched')
  })
})

describe('a merge that is written to after the pass', () => {
  const merging = `version: 1
domains: { d: {} }
keyMaps: { m: { table: m, legacy: legacy, modern: modern } }
entities:
  u: { domain: d, source: { table: u, merge: { by: mail, keep: "v desc, id" } }, target: { table: u }, key: { id: { from: id, references: m } }, same: [mail, v] }
`
  // row 3 differs, so that its key rests
  const fill = async (key = 'id int primary key') => {
    const create = (columns: string) => `drop table if exists u, m; create table u (${columns}, mail text, v int);`
    await Promise.all([
      pair.source.sql.unsafe(`${create(key)} insert into u values (1, 'a', 1), (2, 'a', 1), (3, 'b', 1), (4, 'd', 1)`).simple(),
      pair.target.sql.unsafe(`${create('id int')} create table m (legacy int, modern int); insert into u values (10, 'a', 1), (11, 'b', 2), (14, 'd', 1); insert into m values (1, 10), (2, 10), (3, 11), (4, 14)`).simple(),
    ])
  }

  test('a row comes that survives in place of another: nothing is merged into what was not compared, and no row counts twice', async () => {
    await fill()
    await pair.target.sql`insert into m values (5, 10)`
    const run = await compareBeside(merging, 'source', "insert into u values (5, 'a', 9)")
    expect(figures(run, 'u')).toBe('fail 4: 2 verified, 1 differs, 1 pending | 3: 3 matched')
    expect(run.entities['u']!.causes).toContainEqual({ class: 'pending', side: 'source', cause: 'survivor pending', rows: 1 })
    expect(figures(await pair.compare(merging), 'u')).toBe('fail 5: 1 verified, 2 differs, 2 unverified | 3: 3 matched')
  })

  test('a row comes that is merged: it belongs to the next run', async () => {
    await fill()
    const run = await compareBeside(merging, 'source', "insert into u values (5, 'a', 1)")
    expect(figures(run, 'u')).toBe('fail 4: 2 verified, 1 differs, 1 merged | 3: 3 matched')
  })

  test('a row that was compared is merged by now: it counts once', async () => {
    await fill()
    const run = await compareBeside(merging, 'source', "update u set mail = 'a' where id = 4")
    expect(figures(run, 'u')).toBe('fail 4: 2 verified, 1 differs, 1 merged | 3: 3 matched')
  })

  test('the survivor changes: what it is now was not compared', async () => {
    await fill()
    const run = await compareBeside(merging, 'source', 'update u set v = 7 where id = 1')
    expect(figures(run, 'u')).toBe('fail 4: 2 verified, 1 differs, 1 pending | 3: 3 matched')
  })

  test('the survivor is written and stays what it was: it is found in the target once more', async () => {
    await fill()
    const run = await compareBeside(merging, 'source', 'update u set v = 1')
    expect(figures(run, 'u')).toBe('fail 4: 2 verified, 1 differs, 1 merged | 3: 3 matched')
  })

  test('a row that was merged survives by now', async () => {
    await fill()
    await pair.source.sql`insert into u values (5, 'a', 1)`
    await pair.target.sql`insert into m values (5, 10)`
    const run = await compareBeside(merging, 'source', 'delete from u where id = 1')
    expect(figures(run, 'u')).toBe('fail 4: 2 verified, 1 differs, 1 pending | 3: 3 matched')
  })

  test('a survivor that differed changes once it was read, without a key that tells rows apart', async () => {
    await fill('id int')
    await pair.target.sql`update u set v = 2 where id = 10`
    const run = await compareWhile('settle', 800, async () => {
      await sleep(300)
      await pair.target.sql.begin(async (tx) => {
        // the source has been read a second time once the target's reading waits
        await tx`lock table m in access exclusive mode`
        for (let waited = 0; waited < 3000; waited += 10) {
          if ((await tx`select from pg_locks where relation = 'm'::regclass and not granted`).length > 0) break
          await sleep(10)
        }
        await sleep(150)
        await pair.source.sql`update u set v = 3 where id = 1`
      })
    }, merging, { includeIntegrityChecks: false })
    expect(figures(run, 'u')).toBe('fail 4: 1 verified, 2 differs, 1 pending | 3: 3 matched')
  })
})
