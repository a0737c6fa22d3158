import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parsePlan } from '../../src/plan/load.js'
import { PlanSchema } from '../../src/plan/schema.js'
import { createPair } from '../helpers/compare.js'
import { figuresOf } from '../validation/cases.js'

/** docs/plan.md: its examples are plans, its small one is compared, and its reference knows every key. */
const page = readFileSync(new URL('../../docs/plan.md', import.meta.url), 'utf8')
const blocks = [...page.matchAll(/^```(\w+) (\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', kind = '', text = '']) => ({ language, kind, text }))
const textOf = (language: string, kind: string) => blocks.find((block) => block.language === language && block.kind === kind)?.text ?? ''

const maps = ['patient', 'user', 'plan', 'order', 'doctor', 'file', 'case', 'tag']
const head = 'version: 1\ndomains: { d: {} }\n'
const keyed = maps.map((map) => `  of_${map}: { domain: d, source: { table: old_${map} }, target: { table: new_${map} }, key: { id: { from: id, references: ${map} } } }\n`).join('')
const keyMaps = `keyMaps:\n${maps.map((map) => `  ${map}: { table: map_of_${map}, legacy: legacy, modern: modern }\n`).join('')}`

/** A block of the page as a whole plan: what it does not say of its entity is filled in. */
function wholePlan(kind: string, text: string): string {
  if (kind === 'plan') return text
  const rest = ['source: { table: a }', 'target: { table: a }', 'key: { id: id }'].filter((line) => kind === 'top' || !text.startsWith(line.slice(0, line.indexOf(':') + 1)) && !text.includes(`\n${line.slice(0, line.indexOf(':') + 1)}`))
  const entity = ['domain: d', ...rest, ...(kind === 'top' ? [] : text.trimEnd().split('\n'))].map((line) => `    ${line}\n`).join('')
  return `${head}${kind === 'top' ? text : keyMaps}entities:\n${kind === 'top' ? '' : keyed}  example:\n${entity}`
}

describe('docs/plan.md', () => {
  const examples = blocks.filter(({ language }) => language === 'yaml')

  test('every block says what it is', () => {
    expect(page.match(/^```yaml/gm)).toHaveLength(examples.length)
    expect([...new Set(examples.map(({ kind }) => kind))].sort()).toEqual(['entity', 'plan', 'top'])
  })

  test.each(examples)('is a plan: $text', ({ kind, text }) => {
    const { plan } = parsePlan(wholePlan(kind, text))
    expect(Object.keys(plan.entities).length).toBeGreaterThan(0)
  })

  test('a wrong block would be refused', () => {
    expect(() => parsePlan(wholePlan('entity', 'explaind: []'))).toThrow('explaind')
    expect(() => parsePlan(wholePlan('entity', 'columns: { a: { from: a, references: nothing } }'))).toThrow('nothing')
  })

  test('the whole one is judged as the page says', async () => {
    const pair = await createPair({ source: textOf('sql', 'source'), target: textOf('sql', 'target') })
    try {
      const run = await pair.compare(textOf('yaml', 'plan'))
      const told = Object.fromEntries(Object.entries(run.entities).map(([name, { verdict, accounting }]) => [name, `${verdict} ${figuresOf(accounting)}`]))
      expect(told).toEqual({ patients: 'pass 3: 1 excluded, 2 verified | 2: 2 matched', visits: 'warn 2: 1 verified, 1 explained | 1: 1 matched' })
      await pair.source.sql`insert into patient values (9, 'eve@x.org', 1, 'real')`
      const lost = await pair.compare(textOf('yaml', 'plan'))
      expect(lost.differences.map(({ entity, class: name, cause }) => [entity, name, cause])).toEqual([['patients', 'missing', 'no map entry'], ['visits', 'missing', 'parent']])
    } finally {
      await pair.close()
    }
  })

  test('every key of the language is in the reference', () => {
    const keys = new Set<string>()
    const walk = (schema: unknown): void => {
      if (schema === null || typeof schema !== 'object') return
      for (const [name, value] of Object.entries(schema)) {
        if (name === 'properties') for (const key of Object.keys(value as object)) keys.add(key)
        walk(value)
      }
    }
    walk(PlanSchema)
    const reference = page.slice(page.indexOf('## Reference'), page.indexOf('## What you will see'))
    expect(keys.size).toBeGreaterThan(50)
    expect([...keys].filter((key) => !new RegExp(`[\`.]${key}[\`:]`).test(reference))).toEqual([])
  })
})
