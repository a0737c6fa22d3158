import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { followMessages } from '../../src/db/guarded-socket.js'

const message = fc.record({ type: fc.integer({ min: 1, max: 255 }), body: fc.uint8Array({ maxLength: 40 }) })

test.prop([fc.array(message), fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 })])('each message is told once, however the bytes are cut', (messages, cuts) => {
  const bytes = Buffer.concat(messages.map(({ type, body }) => {
    const header = Buffer.alloc(5)
    header.writeUInt8(type, 0)
    header.writeUInt32BE(body.length + 4, 1)
    return Buffer.concat([header, body])
  }))
  const seen: number[] = []
  const follow = followMessages((type) => seen.push(type))
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = cuts[turn % cuts.length]!
    follow(bytes.subarray(at, at + size))
    at += size
  }
  expect(seen).toEqual(messages.map(({ type }) => type))
})

test.prop([fc.uint8Array({ maxLength: 200 })])('bytes that are no messages do no harm', (bytes) => {
  expect(() => { followMessages(() => undefined)(Buffer.from(bytes)) }).not.toThrow()
})
