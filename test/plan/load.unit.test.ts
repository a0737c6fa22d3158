import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { formatPath, PlanError } from '../../src/plan/fault.js'
import { comparesAlike, loadPlanFile, parsePlan } from '../../src/plan/load.js'
import { planText, refusalsOf } from './plans.js'

const brief = (text: string) => refusalsOf(text).map(({ code, path, line }) => [code, path, line])

/** The reference example of the plan language, whole. */
const reference = `version: 1
domains:  { clinical: { description: Patients and their care, priority: critical } }
ignore:
  source: { public.dispatch_session: sessions are not carried over }
  target: { public.shipments: made by the carrier job }
keyMaps:
  patient: { table: migration_mappings, legacy: legacy_id, modern: modern_id, where: "entity_type = 'patient'" }
  office:  { table: offices, legacy: legacy_office_id, modern: id }
  country: { source: { table: dispatch_country, key: id, natural: iso }, target: { table: countries, key: id, natural: code } }
entities:
  patients:
    domain: clinical
    script: migrate-patients
    source:
      table: public.dispatch_patient
      join: "left join dispatch_office o on o.id = src.office_id"
      where: "src.kind = 'P'"
      exclude: [{ reason: test accounts, where: "src.suffix = 'TEST'" }]
      merge: { by: "lower(trim(src.email))", keep: "last_login desc nulls last, id" }
      changedAt: updated_at
      lag: 2 minutes
    target:
      table: public.patients
      where: "tgt.origin = 'dispatch'"
      generated: [{ reason: system profile, where: "tgt.legacy_id = -1" }]
      changedAt: updated_at
    key: { id: { from: id, references: patient } }
    same: [suffix, sex]
    columns:
      date_of_birth: { from: birthdate, pii: true }
      status: { from: status, values: { 1: active, 2: closed } }
      full_name: { sql: "trim(src.first_name || ' ' || src.last_name)" }
      office_id: { from: office_id, references: office }
      created_at: { from: created, zone: America/New_York }
      tax_rate: { sql: "src.tax_rate / 100", tolerance: 0.0001 }
      notes: { from: notes_json, as: json, accept: [{ reason: unreadable JSON emptied, value: "'{}'::jsonb" }] }
    ignore: { source: { password: re-hashed at first login }, target: { created_by: new in the modern system } }
    explained: [{ reason: office lost at source, parent: office_id }, { reason: never activated, where: "src.activated is null" }]
    totals: [{ sum: balance, by: [currency] }]
scripts:
  migrate-patients: { file: migrate-patients.ts, category: core, dependsOn: [migrate-offices] }
gates: { minVerifiedPercent: 99.9, maxMissing: 0, domains: { clinical: { minVerifiedPercent: 100 } } }
rules: [{ name: open invoices agree, severity: critical, source: "select count(*) ...", target: "select count(*) ...", expect: equal }]
`

describe('parsePlan', () => {
  it('reads what the service does', () => {
    const text = planText({
      source: `table: app.person, where: "src.kind = 'P'", exclude: [{ reason: test, where: "src.test" }]`,
      target: `table: ["a.b", people], where: "tgt.x", generated: [{ reason: system, where: "tgt.id = 0" }]`,
      key: '{ id: { from: id, references: person } }', top: 'keyMaps: { person: { table: map, legacy: old, modern: new } }',
      entity: 'same: all\nshared: true\nscript: [one, two]\ncolumns: { name: name, at: { from: created, zone: UTC, pii: true } }\nexplained: [{ reason: gone, where: "src.x" }]',
    })
    const { plan, checksum, content, faults } = parsePlan(text)
    expect(plan.entities['people']).toMatchObject({ domain: 'core', same: 'all', shared: true, script: ['one', 'two'], columns: { name: 'name', at: { zone: 'UTC', pii: true } } })
    expect(checksum).toMatch(/^[0-9a-f]{64}$/)
    expect(content).toBe(text)
    expect(faults).toEqual([])
  })

  it('reads the reference example', () => {
    const { plan, faults } = parsePlan(reference)
    expect(plan.gates).toEqual({ minVerifiedPercent: 99.9, maxMissing: 0, domains: { clinical: { minVerifiedPercent: 100 } } })
    expect(faults.map(({ severity, code, path }) => [severity, code, path])).toEqual([['info', 'UNUSED_KEY_MAP', 'keyMaps.country'], ['warning', 'UNKNOWN_SCRIPT', 'scripts.migrate-patients.dependsOn[0]']])
  })

  it('finds the place of a key, of a list item and of what stands above', () => {
    const { lineOf } = parsePlan(planText({ source: 'table: person, exclude: [{ reason: a, where: "src.x" }]' }))
    expect(lineOf(['entities', 'people', 'source', 'exclude', 0, 'where'])).toEqual({ line: 6, column: 53 })
    expect(lineOf(['entities', 'people', 'columns', 'nothing'])).toEqual({ line: 4, column: 3 })
  })

  it('takes a byte order mark and CRLF', () => {
    expect(refusalsOf(`\ufeff${planText().replaceAll('\n', '\r\n')}`)).toEqual([])
  })
})

describe('YAML', () => {
  it.each([
    ['a syntax error', 'version: 1\ndomains: [', 'YAML', 2],
    ['a duplicate key', `${planText()}version: 1\n`, 'DUPLICATE_KEY', 9],
    ['a duplicate key after an escape', planText({ key: '{ "a": x, "\\x61": y }' }), 'DUPLICATE_KEY', 8],
    ['two documents', `${planText()}---\n${planText()}`, 'YAML', 9],
    ['a tag', planText({ source: 'table: !secret person' }), 'YAML', 6],
    ['a binary tag', planText({ source: 'table: !!binary aGVsbG8=' }), 'YAML', 6],
    ['an alias to nothing', planText({ source: 'table: *gone' }), 'YAML', 6],
    ['an alias into itself', planText({ entity: 'columns: &c { a: *c }' }), 'YAML', 9],
    ['a merge key', planText({ entity: 'columns: { <<: { a: b } }' }), 'YAML', 9],
    ['a list as a key', planText({ key: '{ [a, b]: c }' }), 'YAML', 8],
    ['an empty file', '', 'YAML', null],
    ['a comment only', '# nothing\n', 'YAML', null],
    ['unclosed brackets without end', '['.repeat(30_000), 'YAML', 1],
  ])('refuses %s', (_, text, code, line) => {
    const faults = refusalsOf(text)
    expect(faults[0]).toMatchObject({ code, line })
    expect(faults.length).toBeLessThanOrEqual(10)
  })

  it('refuses aliases that expand without end', () => {
    const bomb = ['a: &a [1,1,1,1,1,1,1,1,1]', ...'bcdefgh'.split('').map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index] ?? ''}`).join(',')}]`)].join('\n')
    const began = performance.now()
    expect(refusalsOf(bomb)[0]).toMatchObject({ code: 'YAML' })
    expect(performance.now() - began).toBeLessThan(3_000)
  })

  it('refuses more than 2,000 aliases and a file of more than 4 MB', () => {
    expect(refusalsOf(`x: &x 1\ny: [${Array(2_001).fill('*x').join(', ')}]`)[0]?.message).toContain('2000 aliases')
    expect(refusalsOf(`# ${'x'.repeat(4_000_001)}`)[0]?.message).toContain('4000000 bytes')
  })

  it('follows anchors, wherever the alias stands', () => {
    const { plan } = parsePlan(planText({ source: `table: person, where: &share "src.kind = 'P'", exclude: [{ reason: r, where: *share }]`, entity: 'columns: &columns { a: b }' }))
    expect(plan.entities['people']?.source.exclude?.[0]?.where).toBe("src.kind = 'P'")
  })

  it('keeps names that are special to JavaScript', () => {
    const { plan } = parsePlan(planText({ entity: 'columns: { __proto__: a, constructor: b, toString: c }' }))
    expect(Object.entries(plan.entities['people']?.columns ?? {})).toEqual([['__proto__', 'a'], ['constructor', 'b'], ['toString', 'c']])
    expect(brief(planText({ entity: 'columns: { a: { from: x, references: constructor } }' }))).toEqual([['UNKNOWN_KEY_MAP', 'entities.people.columns.a.references', 9]])
  })
})

describe('values', () => {
  const valuesOf = (written: string) => {
    const column = parsePlan(planText({ entity: `columns: { s: { from: s, values: { ${written} } } }` })).plan.entities['people']?.columns?.['s']
    return Object.entries((typeof column === 'object' ? column.values : undefined) ?? {})
  }

  it('keeps codes and values as they are written', () => {
    expect(valuesOf('007: 010, yes: no, 1.0: 1.50, 0x1F: 1e3, true: false, 1: 0, "": " ", 12345678901234567890: 12345678901234567890')).toEqual([
      ['1', '0'], ['007', '010'], ['yes', 'no'], ['1.0', '1.50'], ['0x1F', '1e3'], ['true', 'false'], ['', ' '], ['12345678901234567890', '12345678901234567890'],
    ])
  })

  it('keeps null, and the text null apart from it', () => {
    expect(valuesOf('a: null, b: ~, c: , d: "null", e: "~"')).toEqual([['a', null], ['b', null], ['c', null], ['d', 'null'], ['e', '~']])
    const loaded = parsePlan(planText({ entity: 'columns: { s: { from: s, values: { null: a } }, t: { from: t, values: { "null": a, "other": b } } }' }))
    expect(loaded.isQuoted(['entities', 'people', 'columns', 's', 'values', 'null'])).toBe(false)
    expect(loaded.isQuoted(['entities', 'people', 'columns', 't', 'values', 'null'])).toBe(true)
  })

  it('tells 1 from 1.0 and 007 from 7', () => {
    expect(valuesOf('1: a, 1.0: b, 007: c, 7: d').map(([code]) => code)).toEqual(['1', '7', '1.0', '007'])
  })

  it.each(['~: a', 'NULL: a', 'null: a, "null": b'])('refuses the code that could be two things: %s', (written) => {
    expect(refusalsOf(planText({ entity: `columns: { s: { from: s, values: { ${written} } } }` }))).toMatchObject([{ code: 'AMBIGUOUS_CODE', line: 9 }])
  })

  it('takes "other" in quotes as a code', () => {
    expect(valuesOf('"other": x')).toEqual([['other', 'x']])
  })
})

describe('shape', () => {
  it.each([
    ['an unknown key at the top', planText({ top: 'entites: {}' }), 'UNKNOWN_KEY', 'entites', 3, 'did you mean `entities`?'],
    ['an unknown key of an entity', planText({ entity: 'domian: core' }), 'UNKNOWN_KEY', 'entities.people.domian', 9, 'did you mean `domain`?'],
    ['an unknown key of a source', planText({ source: 'table: p, wher: x' }), 'UNKNOWN_KEY', 'entities.people.source.wher', 6, 'did you mean `where`?'],
    ['an unknown key of a column', planText({ entity: 'columns: { a: { form: x } }' }), 'UNKNOWN_KEY', 'entities.people.columns.a.form', 9, 'did you mean `from`?'],
    ['an unknown key of a key leg', planText({ key: '{ id: { from: id, tolerance: 1 } }' }), 'UNKNOWN_KEY', 'entities.people.key.id.tolerance', 8, null],
    ['an unknown key of a reason', planText({ source: 'table: p, exclude: [{ reason: a, were: x, where: y }]' }), 'UNKNOWN_KEY', 'entities.people.source.exclude[0].were', 6, 'did you mean `where`?'],
    ['an unknown key of a script', planText({ top: 'scripts: { a: { depends: [] } }' }), 'UNKNOWN_KEY', 'scripts.a.depends', 3, null],
    ['an unknown key of a key map', planText({ top: 'keyMaps: { a: { tabel: x } }' }), 'UNKNOWN_KEY', 'keyMaps.a.tabel', 3, 'did you mean `table`?'],
    ['another version', planText().replace('version: 1', 'version: 2'), 'INVALID_VALUE', 'version', 1, 'Version of the plan language.'],
    ['an unknown priority', planText().replace('core: {}', 'core: { priority: hihg }'), 'INVALID_VALUE', 'domains.core.priority', 2, 'did you mean `high`?'],
    ['a number for a name', planText({ source: 'table: 3' }), 'INVALID_VALUE', 'entities.people.source.table', 6, 'put it in quotes'],
    ['a boolean for a column', planText({ entity: 'columns: { a: true }' }), 'INVALID_VALUE', 'entities.people.columns.a', 9, 'put it in quotes'],
    ['nothing for a column', planText({ entity: 'columns: { a: }' }), 'INVALID_VALUE', 'entities.people.columns.a', 9, 'A source column, or what the target column must equal.'],
    ['text for a boolean', planText({ entity: 'shared: maybe' }), 'INVALID_VALUE', 'entities.people.shared', 9, 'Its rows may be claimed by other entities too; must stand in each.'],
    ['a word for the key', planText({ key: 'id' }), 'INVALID_VALUE', 'entities.people.key', 8, null],
    ['a list of three for a table', planText({ source: 'table: [a, b, c]' }), 'INVALID_VALUE', 'entities.people.source.table', 6, null],
    ['an empty predicate', planText({ source: 'table: p, where: ""' }), 'INVALID_VALUE', 'entities.people.source.where', 6, null],
    ['a reason without a predicate', planText({ source: 'table: p, exclude: [{ reason: a }]' }), 'MISSING_KEY', 'entities.people.source.exclude[0].where', 6, null],
  ])('refuses %s', (_, text, code, path, line, suggestion) => {
    const faults = refusalsOf(text)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatchObject({ severity: 'critical', code, path, line, ...(suggestion === null ? {} : { suggestion }) })
    expect(faults[0]?.column).toBeGreaterThan(0)
  })

  it('tells every fault at once, in the order of the file', () => {
    const text = planText({ entity: 'columns: { a: 1, b: { form: x } }\ntotal: []', source: 'tabel: x' })
    expect(brief(text)).toEqual([
      ['UNKNOWN_KEY', 'entities.people.source.tabel', 6], ['INVALID_VALUE', 'entities.people.columns.a', 9], ['UNKNOWN_KEY', 'entities.people.columns.b.form', 9], ['UNKNOWN_KEY', 'entities.people.total', 10],
    ])
  })

  it.each(['version', 'domains', 'entities'])('asks for %s', (key) => {
    const text = planText().split('\n').filter((line, index, lines) => (key === 'entities' ? index < lines.indexOf('entities:') : !line.startsWith(key))).join('\n')
    expect(refusalsOf(text)).toMatchObject([{ code: 'MISSING_KEY', path: key }])
  })

  it.each(['domain', 'source', 'target', 'key'])('asks an entity for its %s', (key) => {
    const text = planText().split('\n').filter((line) => !line.startsWith(`    ${key}:`)).join('\n')
    expect(refusalsOf(text)).toMatchObject([{ code: 'MISSING_KEY', path: `entities.people.${key}`, line: 4, entity: 'people' }])
  })
})

describe('cross references', () => {
  const map = 'keyMaps: { person: { table: map, legacy: old, modern: new } }'
  it.each([
    ['an unknown domain', planText().replace('domain: core', 'domain: cores'), 'UNKNOWN_DOMAIN', 'entities.people.domain', 'did you mean `core`?'],
    ['an unknown key map', planText({ top: map, key: '{ id: { from: id, references: persom } }' }), 'UNKNOWN_KEY_MAP', 'entities.people.key.id.references', 'did you mean `person`?'],
    ['an entity without a key', planText({ key: '{}' }), 'NO_KEY', 'entities.people.key', null],
    ['no source table', planText({ source: 'where: x' }), 'MISSING_KEY', 'entities.people.source', null],
    ['a column from two places', planText({ entity: 'columns: { a: { from: x, sql: y } }' }), 'CONTRADICTION', 'entities.people.columns.a.sql', null],
    ['a column from nowhere', planText({ entity: 'columns: { a: { pii: true } }' }), 'MISSING_KEY', 'entities.people.columns.a', null],
    ['an explanation without a condition', planText({ entity: 'explained: [{ reason: a }]' }), 'MISSING_KEY', 'entities.people.explained[0]', null],
    ['a reason twice in exclude', planText({ source: 'table: p, exclude: [{ reason: a, where: x }, { reason: a, where: y }]' }), 'DUPLICATE_REASON', 'entities.people.source.exclude[1].reason', null],
    ['a reason twice in generated', planText({ target: 'table: p, generated: [{ reason: a, where: x }, { reason: a, where: y }]' }), 'DUPLICATE_REASON', 'entities.people.target.generated[1].reason', null],
    ['a reason twice in explained', planText({ entity: 'explained: [{ reason: a, where: x }, { reason: a, where: y }]' }), 'DUPLICATE_REASON', 'entities.people.explained[1].reason', null],
    ['a reason of blanks', planText({ source: 'table: p, exclude: [{ reason: " ", where: x }]' }), 'MISSING_KEY', 'entities.people.source.exclude[0].reason', null],
    ['a column in key and columns', planText({ entity: 'columns: { id: id }' }), 'MAPPED_TWICE', 'entities.people.columns.id', null],
    ['a column in columns and same', planText({ entity: 'columns: { a: b }\nsame: [a]' }), 'MAPPED_TWICE', 'entities.people.same[0]', null],
    ['a column twice in same', planText({ entity: 'same: [a, a]' }), 'MAPPED_TWICE', 'entities.people.same[1]', null],
    ['a target column mapped and ignored', planText({ entity: 'columns: { a: b }\nignore: { target: { a: no } }' }), 'MAPPED_AND_IGNORED', 'entities.people.ignore.target.a', null],
    ['a source column mapped and ignored', planText({ entity: 'columns: { a: b }\nignore: { source: { b: no } }' }), 'MAPPED_AND_IGNORED', 'entities.people.ignore.source.b', null],
    ['a table used and ignored', planText({ top: 'ignore: { source: { public.person: no } }' }), 'MAPPED_AND_IGNORED', 'ignore.source["public.person"]', null],
    ['values with references', planText({ top: map, entity: 'columns: { a: { from: x, values: { 1: 2 }, references: person } }' }), 'CONTRADICTION', 'entities.people.columns.a.values', null],
    ['a zone with values', planText({ entity: 'columns: { a: { from: x, values: { 1: 2 }, zone: UTC } }' }), 'CONTRADICTION', 'entities.people.columns.a.zone', null],
    ['half a stored map', planText({ top: 'keyMaps: { m: { table: t, legacy: l } }' }), 'MISSING_KEY', 'keyMaps.m.modern', null],
    ['half a natural map', planText({ top: 'keyMaps: { m: { source: { table: a, key: id, natural: x } } }' }), 'MISSING_KEY', 'keyMaps.m.target', null],
    ['a natural side without a key', planText({ top: 'keyMaps: { m: { source: { table: a, natural: x }, target: { table: b, key: id, natural: x } } }' }), 'MISSING_KEY', 'keyMaps.m.source.key', null],
    ['a parent that is no entity', planText({ top: 'keyMaps: { m: { table: t, legacy: l, modern: o, entity: peeple } }' }), 'UNKNOWN_ENTITY', 'keyMaps.m.entity', 'did you mean `people`?'],
    ['a parent that another key names', planText({ top: 'keyMaps: { m: { table: t, legacy: l, modern: o, entity: people } }' }), 'CONTRADICTION', 'keyMaps.m.entity', null],
    ['two rules of one name', planText({ top: 'rules: [{ name: a, severity: info, source: select 1, target: select 1, expect: equal }, { name: a, severity: info, source: select 1, target: select 1, expect: equal }]' }), 'DUPLICATE_NAME', 'rules[1].name', null],
    ['a table name of three parts', planText({ source: 'table: a.b.c' }), 'INVALID_NAME', 'entities.people.source.table', null],
    ['a name with a control character', planText().replace('  people:', '  "peo\\nple":'), 'INVALID_NAME', 'entities["peo\\nple"]', null],
    ['scripts that depend on each other in a circle', planText({ top: 'scripts: { a: { dependsOn: [b] }, b: { dependsOn: [c] }, c: { dependsOn: [a] } }' }), 'CONTRADICTION', 'scripts.a.dependsOn[0]', null],
    ['a gate that asks nothing', planText({ top: 'gates: {}' }), 'MISSING_KEY', 'gates', null],
    ['gates of domains that are none', planText({ top: 'gates: { domains: {} }' }), 'MISSING_KEY', 'gates', null],
    ['a gate of a domain that asks nothing', planText({ top: 'gates: { domains: { core: {} } }' }), 'MISSING_KEY', 'gates.domains.core', null],
    ['a gate of a misspelt domain', planText({ top: 'gates: { domains: { cor: { maxMissing: 0 } } }' }), 'UNKNOWN_DOMAIN', 'gates.domains.cor', 'did you mean `core`?'],
    ['a percentage above 100', planText({ top: 'gates: { minVerifiedPercent: 100.1 }' }), 'INVALID_VALUE', 'gates.minVerifiedPercent', 'Least share of the source rows in scope that are verified or merged, 0 to 100; judged on the exact counts.'],
    ['a limit of half a row', planText({ top: 'gates: { maxMissing: 0.5 }' }), 'INVALID_VALUE', 'gates.maxMissing', 'At most so many missing source rows.'],
    ['a limit of tables in a domain', planText({ top: 'gates: { domains: { core: { maxUncoveredTables: 0 } } }' }), 'UNKNOWN_KEY', 'gates.domains.core.maxUncoveredTables', null],
    ['a script that depends on itself', planText({ top: 'scripts: { a: { dependsOn: [a] } }' }), 'CONTRADICTION', 'scripts.a.dependsOn[0]', null],
  ])('refuses %s', (_, text, code, path, suggestion) => {
    const faults = refusalsOf(text)
    expect(faults).toMatchObject([{ severity: 'critical', code, path, suggestion }])
    expect(faults[0]?.line).toBeGreaterThan(0)
    expect(faults[0]?.column).toBeGreaterThan(0)
  })

  it('warns of what is only suspicious', () => {
    const { faults } = parsePlan(planText({
      top: `${map}\ngates: { domains: { spare: { maxMissing: 0 } } }\nscripts: { loader: {}, other: { dependsOn: [laoder] } }`, entity: 'columns: { a: { from: x, values: { 1: y, 2: y } } }',
    }).replace('core: {}', 'core: {}, spare: {}'))
    expect(faults.map(({ severity, code, path, suggestion }) => [severity, code, path, suggestion])).toEqual([
      ['info', 'UNUSED_DOMAIN', 'domains.spare', null], ['info', 'UNUSED_KEY_MAP', 'keyMaps.person', null], ['warning', 'UNUSED_DOMAIN', 'gates.domains.spare', null],
      ['warning', 'UNKNOWN_SCRIPT', 'scripts.other.dependsOn[0]', 'did you mean `loader`?'], ['info', 'LOSSY_VALUES', 'entities.people.columns.a.values', null],
    ])
  })
})

describe('comparesAlike', () => {
  const text = planText({ entity: 'columns: { a: { from: x, values: { 1: y } } }' })

  it.each([
    ['gates that are new', `${text}gates: { maxMissing: 0 }\n`],
    ['comments and layout', `# a plan\n${text.replace('{ id: id }', '{ id: id } # the key').replace('{ core: {} }', '\n  core: {}')}`],
  ])('does not mind %s', (_, other) => {
    expect(comparesAlike(text, other)).toBe(true)
    expect(comparesAlike(other, text)).toBe(true)
  })

  it.each([
    ['another value', text.replace('1: y', '1: z')],
    ['another key', text.replace('from: x', 'sql: x')],
    ['another order', planText({ source: 'table: person', entity: 'columns: { b: c, a: { from: x, values: { 1: y } } }' })],
    ['a code in quotes', text.replace('1: y', '"1": y')],
    ['a list in place of a map', text.replace('{ core: {} }', '[[core, false, {}]]')],
    ['a domain that is called gates', text.replace('{ core: {} }', '{ core: {}, gates: {} }')],
    ['a text that is no YAML', `${text}]`],
  ])('tells %s', (_, other) => {
    expect(comparesAlike(text, other)).toBe(false)
    expect(comparesAlike(other, text)).toBe(false)
  })
})

describe('loadPlanFile', () => {
  let folder = ''
  afterAll(async () => { if (folder !== '') await rm(folder, { recursive: true }) })

  it('reads a file, and says why it cannot', async () => {
    folder = await mkdtemp(join(tmpdir(), 'plan-'))
    await writeFile(join(folder, 'plan.yaml'), planText())
    expect((await loadPlanFile(join(folder, 'plan.yaml'))).plan.version).toBe(1)
    const gone = await loadPlanFile(join(folder, 'gone.yaml')).catch((error: unknown) => error)
    expect(gone).toBeInstanceOf(PlanError)
    expect((gone as PlanError).faults).toMatchObject([{ code: 'UNREADABLE', line: null }])
    expect((gone as PlanError).message).toContain('gone.yaml')
  })
})

it('formats paths so that a reader finds them', () => {
  expect(formatPath(['entities', 'a.b', 'exclude', 0, 'where'])).toBe('entities["a.b"].exclude[0].where')
  expect(formatPath(['entities', 'größe', '1'])).toBe('entities.größe["1"]')
})
