import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { answerKey, type AnswerKey, type EntityAnswer } from '../../src/demo/answer-key.js'
import { smallestDemo } from '../../src/demo/sizes.js'
import { demoPlanPath } from '../../src/demo/start.js'
import { loadPlanFile } from '../../src/plan/load.js'

/** The page of the demonstration names a place for each situation; the answer key must have it, at every size. */
const page = await readFile(new URL('../../docs/demonstration.md', import.meta.url), 'utf8')
const { plan } = await loadPlanFile(demoPlanPath)
const places = [...page.matchAll(/^\| (S\d+) \| [^|]+ \| ([^|]+) \|$/gm)].map(([, situation, where]) => ({ situation: situation ?? '', where: (where ?? '').split('; ') }))
const ofEveryEntity = 'S30'

/** How many rows (a total: whether its verdict is as told) the answer key has at a place; throws for a place that is not there. */
function rowsAt(answer: AnswerKey, place: string): { told: number | null; found: number } {
  const [, inTable, name = '', word = '', detail, verdict, rows] = /^(table )?`([^`]+)` (\w+)(?: `([^`]+)`)?(?: (pass|fail))?(?: \((\d+)\))?$/.exec(place) ?? []
  const told = rows === undefined ? null : Number(rows)
  if (inTable !== undefined) {
    const table = answer.tables.find((one) => one.table === name)
    if (table === undefined) throw new Error(`no table ${name}`)
    if (word === 'unclaimed') return { told, found: table.unclaimed }
    return { told, found: table.coverage === word ? table.totalRows : 0 }
  }
  const entity = answer.entities[name]
  if (entity === undefined) throw new Error(`no entity in \`${place}\``)
  if (word === 'total') return { told, found: entity.totals[detail ?? ''] === verdict ? 1 : 0 }
  return { told, found: rowsOf(entity, name, word, detail) }
}

function rowsOf({ accounting: { source, target }, differences }: EntityAnswer, name: string, word: string, detail: string | undefined): number {
  if (word === 'verified') {
    const { columns, same = [] } = plan.entities[name] ?? {}
    if (detail === undefined || !(detail in (columns ?? {}) || same.includes(detail))) throw new Error(`${name} maps no column ${detail}`)
  } else if (detail !== undefined) {
    return differences.filter((row) => row.class === word && (row.cause === detail || row.reason === detail || row.columns.includes(detail))).length
  }
  const figures: Record<string, number | null> = { ...target, ...source }
  const figure = figures[word]
  if (typeof figure !== 'number') throw new Error(`no class ${word}`)
  return figure
}

describe('the page of the demonstration', () => {
  it('has each of the thirty situations', () => {
    expect(places.map(({ situation }) => situation)).toEqual(Array.from({ length: 30 }, (_, index) => `S${index + 1}`))
  })

  it.each(places.filter(({ situation }) => situation !== ofEveryEntity))('$situation stands where it says', ({ where }) => {
    for (const size of [smallestDemo, 250_000]) {
      for (const place of where) {
        const { told, found } = rowsAt(answerKey(size), place)
        if (told === null) expect(found, place).toBeGreaterThan(0)
        else expect(found, place).toBe(told)
      }
    }
  })

  it('counts entities and tables', () => {
    const { entities, tables } = answerKey(smallestDemo)
    const count = (side: string) => tables.filter((table) => table.side === side).length
    expect(page).toContain(`${count('source')} legacy tables, ${count('target')} modern ones, ${Object.keys(entities).length} entities`)
  })

  it('lets one entity tell when its rows were changed, and how long a change may take', () => {
    expect(plan.entities['waiting_list']).toMatchObject({ source: { changedAt: 'updated', lag: '5 minutes' }, target: { changedAt: 'updated_at' } })
  })
})
