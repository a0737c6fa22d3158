import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { renderJUnit } from '../../../src/core/render/junit.js'
import type { CheckLine, JUnitJob } from '../../../src/core/render/junit.js'

const anyText = fc.array(fc.oneof(fc.nat({ max: 0xff }), fc.nat({ max: 0x10_ffff })), { maxLength: 20 }).map((points) => String.fromCodePoint(...points))

const check = (changes: Partial<CheckLine>): CheckLine => ({
  entity: 'patients', name: 'every row arrived', subject: '', category: 'accounting', severity: 'critical', verdict: 'pass', message: 'all is well',
  rowsExamined: 546, rowsFailed: 0, durationMs: 1500, ...changes,
})

const job = (changes: Partial<JUnitJob>): JUnitJob => ({
  jobId: '0191f6f2-6f0e-7c3a-9a54-0d5f4e1a2b3c', status: 'completed', startedAt: new Date('2026-11-20T08:00:00Z'), finishedAt: new Date('2026-11-20T08:00:42.5Z'),
  reasonCode: null, reason: null, checks: [], entities: [], ...changes,
})

describe('renderJUnit', () => {
  it('has every class of rows of an entity as a property, also those that no check fails for', () => {
    const source = { total: 20, excluded: 1, scope: 19, verified: 8, accepted: 2, differs: 0, merged: 3, explained: 4, pending: 0, missing: 0, unverified: 2 }
    const target = { total: 13, matched: 10, duplicate: 0, generated: 3, pending: 0, extra: 0, unverified: null }
    const xml = renderJUnit(job({ checks: [check({})], entities: [{ entity: 'patients', accounting: { source, target } }] }))
    expect([...xml.matchAll(/<property name="rows\.(\w+)\.(\w+)" value="(\w+)"\/>/g)].map(([, side, name, rows]) => [side, name, rows])).toEqual([
      ...Object.entries(source).map(([name, rows]) => ['source', name, String(rows)]), ...Object.entries(target).map(([name, rows]) => ['target', name, rows === null ? 'unknown' : String(rows)]),
    ])
    expect(xml.indexOf('<properties>')).toBeLessThan(xml.indexOf('<testcase'))
  })

  it('gives one suite per entity; fail is a failure, unknown an error, warn a note', () => {
    const xml = renderJUnit(job({
      checks: [
        check({}),
        check({ verdict: 'fail', name: 'missing', message: '2 rows <are> "missing" & gone\u0000\n\u001b[31m', rowsFailed: 2 }),
        check({ verdict: 'unknown', name: 'read', subject: 'office_id', message: 'not read', rowsExamined: null, rowsFailed: null, durationMs: null, category: 'engine', severity: 'warning' }),
        check({ entity: '', verdict: 'warn', name: 'overlap', message: 'two entities', category: 'cross_entity', severity: 'info', durationMs: 20 }),
      ],
    }))
    expect(xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="migration validation 0191f6f2-6f0e-7c3a-9a54-0d5f4e1a2b3c" tests="4" failures="1" errors="1" time="42.500">
  <testsuite name="patients" timestamp="2026-11-20T08:00:00" tests="3" failures="1" errors="1" skipped="0" time="3.000">
    <testcase classname="patients" name="every row arrived" time="1.500"/>
    <testcase classname="patients" name="missing" time="1.500"><failure type="accounting.critical" message="2 rows &lt;are&gt; &quot;missing&quot; &amp; gone\\u0000\\n\\u001b[31m">rows examined: 546, rows failed: 2</failure></testcase>
    <testcase classname="patients" name="read [office_id]" time="0.000"><error type="engine.warning" message="not read">rows examined: unknown, rows failed: unknown</error></testcase>
  </testsuite>
  <testsuite name="whole migration" timestamp="2026-11-20T08:00:00" tests="1" failures="0" errors="0" skipped="0" time="0.020">
    <testcase classname="whole migration" name="overlap" time="0.020"><system-out>warning: two entities (rows examined: 546, rows failed: 0)</system-out></testcase>
  </testsuite>
</testsuites>
`)
  })

  it('an empty, unfinished or failed job is never a success', () => {
    expect(renderJUnit(job({}))).toContain('tests="1" failures="0" errors="1" skipped="0" time="0.000">\n    <testcase classname="job" name="job 0191f6f2-6f0e-7c3a-9a54-0d5f4e1a2b3c" time="0.000"><error type="NOTHING_EXAMINED" message="the job made no check at all"/>')
    expect(renderJUnit(job({ status: 'running', finishedAt: null, checks: [check({})] }))).toContain('<error type="RUNNING" message="the job is running: these results are not complete"/>')
    expect(renderJUnit(job({ status: 'failed', reasonCode: 'SOURCE_UNAVAILABLE', reason: 'the source "x" is down' }))).toContain('<error type="SOURCE_UNAVAILABLE" message="the source &quot;x&quot; is down"/>')
  })

  test('keeps its tags balanced whatever the texts hold', () => {
    fc.assert(fc.property(anyText, anyText, fc.constantFrom('pass', 'warn', 'fail', 'unknown'), (name, message, verdict) => {
      const xml = renderJUnit(job({ checks: [check({ name, message, verdict, entity: name, subject: message })] }))
      const open: string[] = []
      for (const [, closing, tag, selfClosed] of xml.matchAll(/<(\/?)([a-z-]+)[^<>]*?(\/?)>/g)) {
        if (closing === '/') expect(open.pop()).toBe(tag)
        else if (selfClosed === '') open.push(tag!)
      }
      expect(open).toEqual([])
      // eslint-disable-next-line no-control-regex -- XML 1.0 cannot hold these
      expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
    }))
  })
})
