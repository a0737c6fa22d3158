import { fc, test } from '@fast-check/vitest'
import { expect } from 'vitest'
import { completeFailedRows } from '../../src/db/failed-rows.js'

const message = (type: string, body: Uint8Array) => {
  const header = Buffer.alloc(5)
  header.write(type, 0, 'latin1')
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}
const statement = fc.record({ rows: fc.nat({ max: 3 }), notice: fc.boolean(), fails: fc.boolean(), body: fc.uint8Array({ maxLength: 9 }) })

test.prop([fc.array(statement), fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1 })])('an error after rows gets a CommandComplete before it, and nothing else is changed, however the bytes are cut', (statements, cuts) => {
  const bytesOf = (mended: boolean) => Buffer.concat(statements.flatMap(({ rows, notice, fails, body }) => [
    ...Array.from({ length: rows }, () => message('D', body)), ...(notice ? [message('N', body)] : []),
    ...(fails && rows > 0 && mended ? [message('C', Buffer.from('SELECT\0'))] : []), message(fails ? 'E' : 'C', body), message('Z', Buffer.from('I')),
  ]))
  const bytes = bytesOf(false)
  const complete = completeFailedRows()
  const out: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = cuts[turn % cuts.length]!
    out.push(...complete(bytes.subarray(at, at + size)))
    at += size
  }
  expect(Buffer.concat(out)).toEqual(bytesOf(true))
})

test.prop([fc.uint8Array({ maxLength: 200 })])('bytes that are no messages do no harm', (bytes) => {
  expect(() => { completeFailedRows()(Buffer.from(bytes)) }).not.toThrow()
})
