/** CommandComplete without a count. */
const commandComplete = Buffer.from([0x43, 0, 0, 0, 11, ...Buffer.from('SELECT\0')])
const dataRow = 0x44
const errorResponse = 0x45
/** NoticeResponse, ParameterStatus and NotificationResponse may come at any time. */
const asides = [0x4e, 0x53, 0x41]

/**
 * Puts a CommandComplete before an error that comes after rows. postgres.js 3.4.9 counts the rows of a statement up to its CommandComplete: without one
 * the next result on the connection begins with as many holes as the failed statement had given rows, and what stands at an index is another row's.
 * @returns for each chunk of the server's bytes what to hand on; the beginning of a message header waits for its rest
 */
export function completeFailedRows(): (chunk: Buffer) => Buffer[] {
  let held: Buffer = Buffer.alloc(0)
  let skip = 0
  let hasRows = false
  return (received) => {
    const chunk = held.length === 0 ? received : Buffer.concat([held, received])
    const pieces: Buffer[] = []
    let start = 0
    let at = Math.min(skip, chunk.length)
    skip -= at
    while (chunk.length - at >= 5) {
      const type = chunk.readUInt8(at)
      if (type === errorResponse && hasRows) {
        pieces.push(chunk.subarray(start, at), commandComplete)
        start = at
      }
      if (!asides.includes(type)) hasRows = type === dataRow
      const end = at + 1 + Math.max(chunk.readUInt32BE(at + 1), 4)
      at = Math.min(end, chunk.length)
      skip = end - at
    }
    held = chunk.subarray(at)
    pieces.push(chunk.subarray(start, at))
    return pieces.filter(({ length }) => length > 0)
  }
}
