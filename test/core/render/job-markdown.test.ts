import { describe, expect, it } from 'vitest'
import { uniformAccounting } from '../../../src/core/accounting.js'
import type { Accounting } from '../../../src/core/accounting.js'
import { markdownTable, renderJobMarkdown } from '../../../src/core/render/job-markdown.js'
import type { JobReport } from '../../../src/core/render/job-markdown.js'

const accounting: Accounting = {
  source: { total: 897, excluded: 351, scope: 546, verified: 544, accepted: 0, differs: 0, merged: 0, explained: 0, pending: 0, missing: 2, unverified: 0 },
  target: { total: 544, matched: 544, duplicate: 0, generated: 0, pending: 0, extra: 0, unverified: 0 },
}

const report: JobReport = {
  jobId: 'j-1', status: 'completed', mode: 'full', verdict: 'fail', startedAt: new Date('2026-11-20T08:00:00Z'), finishedAt: new Date('2026-11-20T08:01:00Z'),
  reasonCode: null, reason: null, accounting,
  entities: [
    { entity: 'pat|ients', domain: '<b>clinical</b>', verdict: 'fail', accounting, sourceRowsExamined: 897, targetRowsExamined: 544, basis: 'full', note: null },
    { entity: 'offices', domain: 'clinical', verdict: 'unknown', accounting: uniformAccounting(null), sourceRowsExamined: null, targetRowsExamined: null, basis: 'none', note: 'the table\nis `gone`' },
  ],
  checks: [
    { entity: '', name: 'overlap', subject: '', category: 'cross_entity', severity: 'info', verdict: 'pass', message: 'none', rowsExamined: 3, rowsFailed: 0, durationMs: 1 },
    { entity: 'pat|ients', name: 'missing', subject: 'id', category: 'accounting', severity: 'critical', verdict: 'fail', message: '2 rows [here](https://evil.example)', rowsExamined: 546, rowsFailed: 2, durationMs: 1 },
  ],
  recommendations: ['# run migrate-patients again'],
}

describe('renderJobMarkdown', () => {
  it('writes the whole result, escaped', () => {
    expect(renderJobMarkdown(report)).toBe(`# Validation j-1

- Status: completed
- Verdict: **fail**
- Mode: full
- Started: 2026-11-20T08:00:00.000Z
- Finished: 2026-11-20T08:01:00.000Z
- Coverage (verified): 99.63 %
- Arrived: 99.63 %

## Accounting

| Side | Class | Rows |
| --- | --- | ---: |
| source | total | 897 |
| source | excluded | 351 |
| source | scope | 546 |
| source | verified | 544 |
| source | accepted | 0 |
| source | differs | 0 |
| source | merged | 0 |
| source | explained | 0 |
| source | pending | 0 |
| source | missing | 2 |
| source | unverified | 0 |
| target | total | 544 |
| target | matched | 544 |
| target | duplicate | 0 |
| target | generated | 0 |
| target | pending | 0 |
| target | extra | 0 |
| target | unverified | 0 |

## Entities

| Entity | Domain | Verdict | Verified % | Scope | Missing | Differs | Duplicate | Extra | Source rows read | Target rows read | Basis | Note |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |
| pat\\|ients | &lt;b&gt;clinical&lt;/b&gt; | fail | 99.63 | 546 | 2 | 0 | 0 | 0 | 897 | 544 | full |  |
| offices | clinical | unknown | unknown | unknown | unknown | unknown | unknown | unknown | unknown | unknown | none | the table\\\\nis \\\`gone\\\` |

## Checks

### fail (1)

| Entity | Check | Subject | Severity | Message | Rows failed | Rows examined |
| --- | --- | --- | --- | --- | ---: | ---: |
| pat\\|ients | missing | id | critical | 2 rows \\[here\\](https\\://evil.example) | 2 | 546 |

### pass (1)

| Entity | Check | Subject | Severity | Message | Rows failed | Rows examined |
| --- | --- | --- | --- | --- | ---: | ---: |
|  | overlap |  | info | none | 0 | 3 |

## Recommendations

- \\# run migrate-patients again
`)
  })

  it('says that an unfinished job is not complete, and why a failed one failed', () => {
    const empty = { ...report, accounting: null, entities: [], checks: [], recommendations: [], startedAt: null, finishedAt: null, verdict: null }
    expect(renderJobMarkdown({ ...empty, status: 'queued' })).toBe(
      '# Validation j-1\n\n- Status: queued (the figures below are not complete)\n- Verdict: **unknown**\n- Mode: full\n- Started: not yet\n- Finished: not yet\n\n## Checks\n\nNo check was made.\n',
    )
    expect(renderJobMarkdown({ ...empty, status: 'failed', reasonCode: 'TIMEOUT', reason: 'took > 1 h' })).toContain('- Reason: TIMEOUT: took &gt; 1 h')
  })

  it('keeps the number of cells in a row whatever they hold', () => {
    expect(markdownTable(['a|b', 'n'], [['x | y\n| z', null], ['\\', -2]])).toBe('| a\\|b | n |\n| --- | ---: |\n| x \\| y\\\\n\\| z | unknown |\n| \\\\\\\\ | -2 |')
  })
})
