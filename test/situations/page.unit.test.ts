import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { situations } from './all.js'
import { renderPage } from './page.js'
import { verdictOf } from './situation.js'

test('docs/situations.md tells what the tests hold', async () => {
  expect(await readFile(new URL('../../docs/situations.md', import.meta.url), 'utf8')).toBe(renderPage(situations))
})

test('there are thirty, each with a twin that is judged otherwise', () => {
  expect(situations.map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, index) => `S${index + 1}`))
  const alike = situations.filter(({ story, twins }) => twins.every((twin) => JSON.stringify([verdictOf(twin), twin.expected]) === JSON.stringify([verdictOf(story), story.expected])))
  expect(alike).toEqual([])
  for (const { story, twins } of situations) expect(new Set([story, ...twins].map(({ name }) => name)).size).toBe(twins.length + 1)
})
