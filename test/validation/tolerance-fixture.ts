import { expect } from 'vitest'
import type { ComparisonRun } from '../helpers/compare.js'

export const tables = {
  source: `create table rate (id int primary key, tax numeric, weight float8, seen timestamp, day date);
    insert into rate values (1, 0.1025, 1.5, '2024-01-01 00:00:00', '2024-01-01'), (2, 0.1025, 1.5, '2024-01-01 00:00:00', 'infinity'),
      (3, 0.1025, 1.5, '2024-01-01 00:00:00', '2024-01-01'), (4, null, null, null, null), (5, 0.1025, 'NaN', '2024-01-01', '2024-01-01');
    create table state (id int primary key, code int); insert into state values (1, 1), (2, 2), (3, 9), (4, 9), (5, null), (6, 8)`,
  target: `create table rate (id int primary key, tax numeric(9, 4), weight float8, seen timestamp, day date);
    insert into rate values (1, 0.1026, 1.5000001, '2024-01-01 00:00:02', '2024-01-02'), (2, 0.1025, 1.5, '2024-01-01 00:00:00', '2024-01-01'),
      (3, 0.1027, 1.6, '2024-01-01 00:00:03', '2024-01-03'), (4, 0, null, null, null), (5, 0.1025, 'NaN', '2024-01-01', '2024-01-01');
    create table state (id int primary key, code text); insert into state values (1, 'open'), (2, 'closed'), (3, 'unknown'), (4, 'open'), (5, null), (6, 'unknown')`,
}

export const plan = `
version: 1
domains: { d: {} }
entities:
  rate:
    domain: d
    source: { table: rate }
    target: { table: rate }
    key: { id: id }
    columns:
      tax: { from: tax, tolerance: 0.0001 }
      weight: { from: weight, tolerance: 1e-3 }
      seen: { from: seen, tolerance: 2 seconds }
      day: { from: day, tolerance: 1 day }
  state:
    domain: d
    source: { table: state }
    target: { table: state }
    key: { id: id }
    columns: { code: { from: code, values: { 1: open, 2: closed, other: unknown } } }
`

export function expectTolerances(run: ComparisonRun): void {
  expect(run.job).toMatchObject({ status: 'completed', reason: null })
  expect(run.entities['rate']).toMatchObject({ verdict: 'fail', accounting: { source: { verified: 2, differs: 3, accepted: 0 } } })
  expect(run.differences.filter(({ entity }) => entity === 'rate').map(({ key, columns }) => [key['id'], columns.map(({ column }) => column)]))
    .toEqual([['2', ['day']], ['3', ['tax', 'weight', 'seen', 'day']], ['4', ['tax']]])
}

export function expectOtherValues(run: ComparisonRun): void {
  expect(run.entities['state']).toMatchObject({ verdict: 'fail', accounting: { source: { scope: 6, verified: 3, accepted: 2, differs: 1 }, target: { matched: 6 } } })
  expect(run.differences.filter(({ entity }) => entity === 'state').map(({ class: rowClass, key, reason, columns }) => [rowClass, key['id'], reason, columns])).toEqual([
    ['accepted', '3', 'other value of code', [{ column: 'code', source: 'unknown', target: 'unknown' }]],
    ['accepted', '6', 'other value of code', [{ column: 'code', source: 'unknown', target: 'unknown' }]],
    ['differs', '4', null, [{ column: 'code', source: 'unknown', target: 'open' }]],
  ])
}
