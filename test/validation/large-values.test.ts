import { expect, test } from 'vitest'
import { createPair, openComparer } from '../helpers/compare.js'
import { figuresOf } from './cases.js'

const plan = 'version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: [v] }\n'
const request = { includeIntegrityChecks: false, includeCrossEntity: false, waitMs: 200_000 }

test('300 values of a megabyte that a server has to decide about are asked some at a time', async () => {
  const fill = (end: string) => `create table t (id int primary key, v jsonb); insert into t select i, jsonb_build_object('n', repeat('x', 1000000) || ${end}, 'one', 1.0) from generate_series(1, 300) i`
  const pair = await createPair({ source: fill('i'), target: fill('case when i % 10 = 0 then i else -i end').replace('1.0', '1.00') })
  const { job, entities } = await pair.compare(plan, {}, request)
  await pair.close()
  expect(job).toMatchObject({ status: 'completed' })
  expect(figuresOf(entities['t']!.accounting)).toBe('300: 30 verified, 270 differs | 300: 300 matched')
}, 240_000)

test('rows that together take longer than a statement may are read again in smaller parts', async () => {
  // a row on each page
  const fill = (byte: string) => `create table t (id int primary key, v bytea, pad text); alter table t alter column pad set storage plain; insert into t select i, decode(repeat('${byte}', 2000000), 'hex'), repeat('x', 5000) from generate_series(1, 40) i`
  const pair = await createPair({ source: fill('ab'), target: fill('cd') })
  const limited = await openComparer({ ...pair.source.options, statementTimeoutMs: 3000 }, { ...pair.target.options, statementTimeoutMs: 3000 })
  const { job, entities } = await limited.compare(plan, {}, request)
  await limited.close()
  await pair.close()
  expect(job).toMatchObject({ status: 'completed' })
  expect([figuresOf(entities['t']!.accounting), entities['t']!.note]).toEqual(['40: 40 differs | 40: 40 matched', null])
}, 240_000)
