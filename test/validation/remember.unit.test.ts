import { expect, test } from 'vitest'
import { createMemory } from '../../src/validation/remember.js'

test('what was asked for last is read once, what was not is read again, and so is what failed', async () => {
  const remember = createMemory(2)
  const read: string[] = []
  const ask = (name: string) => remember(name, async () => {
    read.push(name)
    if (name === 'broken') throw new Error('away')
    return name.toUpperCase()
  })
  expect(await Promise.all([ask('a'), ask('a'), ask('b')])).toEqual(['A', 'A', 'B'])
  await ask('a')
  await ask('c')
  expect(await ask('a')).toBe('A')
  expect(read).toEqual(['a', 'b', 'c'])
  await ask('b')
  expect(read).toEqual(['a', 'b', 'c', 'b'])
  for (let times = 0; times < 2; times += 1) await expect(ask('broken')).rejects.toThrow('away')
  expect(read.filter((name) => name === 'broken')).toHaveLength(2)
})
