import { describe, expect, test } from 'vitest'
import { readJoin } from '../../src/plan/fragment.js'
import { testInChunks } from './cases.js'
import { joinCases } from './join-cases.js'

testInChunks('joins', joinCases)

describe('what a join may not be', () => {
  const faultsOf = (join: string) => readJoin(join, 'src').fragment.faults.map(({ code }) => code)

  test.each(['left join a on a.id = src.id', 'join a on a.id = src.id left join app.b using (id)', 'cross join lateral (select max(x.n) as n from x where x.id = src.id) m', 'left join a on true -- the first'])('takes %s', (join) => {
    expect(faultsOf(join)).toEqual([])
  })

  test.each([
    ['left join a on a.id = id', 'UNQUALIFIED_COLUMN'], [', a', 'INVALID_SQL'], ['', 'INVALID_SQL'], ['left join a on true where false', 'INVALID_SQL'], ['left join a on true) x join (b src', 'INVALID_SQL'],
    ['right join a on true', 'UNSAFE_SQL'], ['full join a on true', 'UNSAFE_SQL'], ['natural join a', 'UNSAFE_SQL'], ['join a src on true', 'UNSAFE_SQL'], ['join a map_0 on true', 'UNSAFE_SQL'],
    ['join a on pg_sleep(1) is null', 'UNSAFE_SQL'], ['join a on true; drop table a', 'INVALID_SQL'], ['join a on a.id = tgt.id', 'INVALID_SQL'], ['join a tablesample system (1) on true', 'UNSAFE_SQL'],
    ['left join a on true union select 1', 'INVALID_SQL'], ['left join (select b.x from b for update) c on true', 'UNSAFE_SQL'],
  ])('refuses %s', (join, code) => {
    expect(faultsOf(join)).toContain(code)
  })
})
