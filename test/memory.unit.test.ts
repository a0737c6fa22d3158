import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { collectOften } from '../src/memory.js'

/** Held by nobody once this has returned. */
const forget = () => new WeakRef({})

test('what nothing holds is collected once what outlives has grown', async () => {
  const stop = collectOften()
  const forgotten = forget()
  await sleep(0)
  const held = Buffer.alloc(32 * 2 ** 20, 1)
  await vi.waitFor(() => { if (forgotten.deref() !== undefined) throw new Error('it is still there') }, { timeout: 10_000, interval: 200 })
  stop()
  expect(held).toHaveLength(32 * 2 ** 20)
})
