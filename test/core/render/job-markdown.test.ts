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
    { entity: 'pat|ients', domain: '<b>clinical</b>', verdict: 'fail', accounting, sourceRowsExamined: 897, targetRowsExamined: 544, basis: 'full', note: null, reasons: [{ class: 'excluded', reason: 'not | valid', rows: 351 }], causes: [{ class: 'missing', cause: 'plain', rows: 2 }] },
    { entity: 'offices', domain: 'clinical', verdict: 'unknown', accounting: uniformAccounting(null), sourceRowsExamined: null, targetRowsExamined: null, basis: 'none', note: 'the table\nis `gone`', reasons: [], causes: [] },
  ],
  checks: [
    { entity: '', name: 'overlap', subject: '', category: 'cross_entity', severity: 'info', verdict: 'pass', message: 'none', rowsExamined: 3, rowsFailed: 0, durationMs: 1 },
    { entity: 'pat|ients', name: 'missing', subject: 'id', category: 'accounting', severity: 'critical', verdict: 'fail', message: '2 rows [here](https://evil.example)', rowsExamined: 546, rowsFailed: 2, durationMs: 1 },
  ],
  tables: [
    { side: 'source', schema: 'public', table: 'fax|queue', coverage: 'uncovered', entities: [], rows: 7, claimedOnce: 0, claimedSeveral: 0, unclaimed: 7, ignoredRows: 0, error: null, verdict: 'warn' },
    { side: 'target', schema: 'public', table: 'patients', coverage: 'covered', entities: ['pat|ients'], rows: 544, claimedOnce: 544, claimedSeveral: 0, unclaimed: 0, ignoredRows: 0, error: null, verdict: 'pass' },
    { side: 'target', schema: 'public', table: 'offices', coverage: 'covered', entities: ['offices'], rows: null, claimedOnce: null, claimedSeveral: null, unclaimed: null, ignoredRows: null, error: 'no <right>', verdict: 'unknown' },
  ],
  columns: [
    { entity: 'pat|ients', side: 'source', column: 'id', coverage: 'compared', reason: null }, { entity: 'pat|ients', side: 'source', column: 'suf*fix', coverage: 'uncovered', reason: null },
    { entity: 'pat|ients', side: 'target', column: 'office', coverage: 'read', reason: null }, { entity: 'pat|ients', side: 'source', column: 'password', coverage: 'ignored', reason: 're-hashed' },
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

### Verdicts

| Entity | Domain | Verdict | Verified % | Arrived % | Source rows read | Target rows read | Basis | Note |
| --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- |
| pat\\|ients | &lt;b&gt;clinical&lt;/b&gt; | fail | 99.63 | 99.63 | 897 | 544 | full |  |
| offices | clinical | unknown | unknown | unknown | unknown | unknown | none | the table\\\\nis \\\`gone\\\` |

### Source rows

| Entity | Excluded | Scope | Verified | Accepted | Differs | Merged | Explained | Pending | Missing | Unverified |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| pat\\|ients | 351 | 546 | 544 | 0 | 0 | 0 | 0 | 0 | 2 | 0 |
| offices | unknown | unknown | unknown | unknown | unknown | unknown | unknown | unknown | unknown | unknown |

### Target rows

| Entity | Matched | Duplicate | Generated | Pending | Extra | Unverified |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| pat\\|ients | 544 | 0 | 0 | 0 | 0 | 0 |
| offices | unknown | unknown | unknown | unknown | unknown | unknown |

## Reasons and causes

| Entity | Class | Basis | Reason or cause | Rows |
| --- | --- | --- | --- | ---: |
| pat\\|ients | excluded | declared | not \\| valid | 351 |
| pat\\|ients | missing | found | plain | 2 |

## Not covered

### Tables with rows that no entity claims (2 of 3)

| Side | Table | Coverage | Rows | Unclaimed | Note |
| --- | --- | --- | ---: | ---: | --- |
| target | public.offices | covered | unknown | unknown | no &lt;right&gt; |
| source | public.fax\\|queue | uncovered | 7 | 7 |  |

### Columns that are neither compared, read nor ignored (1 of 4; 1 compared, 1 only read, 1 ignored with a reason)

| Entity | Side | Column |
| --- | --- | --- |
| pat\\|ients | source | suf\\*fix |

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
    const empty = { ...report, accounting: null, entities: [], checks: [], tables: [], columns: [], recommendations: [], startedAt: null, finishedAt: null, verdict: null }
    expect(renderJobMarkdown({ ...empty, status: 'queued' })).toBe(
      '# Validation j-1\n\n- Status: queued (the figures below are not complete)\n- Verdict: **unknown**\n- Mode: full\n- Started: not yet\n- Finished: not yet\n\n## Not covered\n\nThe tables were not accounted for by this job.\n\nThe columns are not known.\n\n## Checks\n\nNo check was made.\n',
    )
    expect(renderJobMarkdown({ ...empty, status: 'failed', reasonCode: 'TIMEOUT', reason: 'took > 1 h' })).toContain('- Reason: TIMEOUT: took &gt; 1 h')
  })

  it('keeps the number of cells in a row whatever they hold', () => {
    expect(markdownTable(['a|b', 'n'], [['x | y\n| z', null], ['\\', -2]])).toBe('| a\\|b | n |\n| --- | ---: |\n| x \\| y\\\\n\\| z | unknown |\n| \\\\\\\\ | -2 |')
  })
})
