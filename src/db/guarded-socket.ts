import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { completeFailedRows } from './failed-rows.js'

export interface TlsOptions {
  /** the certificate must come from a known authority and name the host */
  verify: boolean
  /** PEM; the authorities that are known, Node's own unless given */
  ca?: string
  /** PEM; what the client shows of itself */
  cert?: string
  privateKey?: string
}

export interface GuardOptions {
  host: string
  port: number
  /** null: no encryption */
  tls: TlsOptions | null
  /** limit from the first packet to the first ReadyForQuery */
  connectMs: number
  /** limit of silence while an answer is owed; Infinity for none */
  silenceMs: number
}

/**
 * A connection for postgres.js that cannot hang. The library itself waits for ever on a link whose other end vanished without
 * a word, and reconnects without pause to a listener that hangs up during start-up (3,772 times in 6 s). So the messages of
 * both sides are followed just far enough to know whether an answer is owed: silence beyond the limit destroys the socket,
 * which rejects the query in flight. An idle connection (LISTEN, between the statements of a transaction) is left alone.
 * Never rejects: the library would lose the slot of its pool. A connection that fails comes back as a stream that fails.
 */
export async function openGuardedSocket(options: GuardOptions, sockets: Set<net.Socket>): Promise<net.Socket> {
  try {
    const socket = options.tls !== null ? await connectTls(options, options.tls) : net.connect({ host: options.host, port: options.port, noDelay: true })
    holdErrors(socket, guard(socket, options))
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    return socket
  } catch (error) {
    return failingSocket(error)
  }
}

/** A stream that takes what is written to it and then fails with the error, as a real connection would. */
export function failingSocket(error: unknown): net.Socket {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => { done() } })
  // postgres.js flushes in an immediate and is confused by a close before that, hence the second one
  setImmediate(() => setImmediate(() => stream.destroy(error instanceof Error ? error : new Error(String(error)))))
  return stream as net.Socket
}

/**
 * Emits an error together with the close that follows it. A query that the library is given between the two (a retry, another
 * request) would be sent to the dead socket, and never be answered.
 * Within a transaction it is the other way round: the library will still write to the connection, a rollback at least, and brings
 * the process down when it has heard of the close by then (postgres.js 3.4.9). So each statement fails by itself, and the close
 * follows the commit or rollback that ends the transaction. Between them the library hears that the transaction has failed.
 */
function holdErrors(socket: net.Socket, server: ServerState): void {
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...values: unknown[]) => boolean
  const write = socket.write.bind(socket) as (...parameters: unknown[]) => boolean
  const endings = followEndings()
  // the library waits for the rest of a message that was cut off before it hears of anything else
  const failTransaction = () => Buffer.concat([server.restOfMessage(), failedTransaction])
  const complete = completeFailedRows()
  let held: unknown
  let dead = false
  let ending = false
  socket.emit = (event: string | symbol, ...values: unknown[]) => {
    if (event === 'error') {
      held ??= values[0]
      return true
    }
    if (event === 'data') {
      for (const piece of complete(values[0] as Buffer)) emit('data', piece)
      return true
    }
    if (event !== 'close') return emit(event, ...values)
    // a commit or rollback that is under way is the last that the library writes
    if (server.inTransaction() && !ending) {
      dead = true
      held ??= failure('CONNECTION_CLOSED', 'the connection was closed within a transaction')
      emit('error', held)
      if (server.isOwed()) emit('data', failTransaction())
      return true
    }
    if (held !== undefined) emit('error', held)
    return emit(event, ...values)
  }
  const writeOrFail = (...parameters: unknown[]) => {
    ending = endings(parameters[0] as Buffer)
    if (!dead) return write(...parameters)
    const ends = ending
    setImmediate(() => {
      emit('error', held)
      emit('data', failTransaction())
      if (ends) emit('close', true)
    })
    return true
  }
  // Node puts a function of its own there when the other end hangs up
  Object.defineProperty(socket, 'write', { get: () => writeOrFail, set: () => undefined })
}

/**
 * Tells of each chunk that the client writes whether its last statement commits or rolls back, also one that was prepared before.
 * The library writes whole messages, several in a chunk: a COMMIT may stand right behind the statement before it.
 */
function followEndings(): (chunk: Buffer) => boolean {
  const isEnding = (text: string) => /^\s*(?:commit|rollback)\s*;?\s*$/i.test(text)
  const prepared = new Set<string>()
  return (chunk) => {
    let ending = false
    // a type byte, a length that counts itself, then texts that end with a zero: query; name and query; portal and name
    for (let at = 0; at + 5 <= chunk.length; at += 1 + Math.max(chunk.readUInt32BE(at + 1), 4)) {
      const type = chunk[at]
      if (type === simpleQuery) ending = isEnding(textAt(chunk, at + 5))
      if (type === parse) {
        const name = textAt(chunk, at + 5)
        if (isEnding(textAt(chunk, at + 6 + name.length))) prepared.add(name)
        else prepared.delete(name)
      }
      if (type === bind) ending = prepared.has(textAt(chunk, at + 6 + textAt(chunk, at + 5).length))
    }
    return ending
  }
}

/** The text before the next zero byte, its first 64 bytes at most: names and what ends a transaction are shorter. */
function textAt(chunk: Buffer, at: number): string {
  const end = chunk.indexOf(0, at)
  return chunk.toString('latin1', at, Math.min(end === -1 ? chunk.length : end, at + 64))
}

// message types: of the server …
const readyForQuery = 0x5a
const portalSuspended = 0x73
const idleStatus = 0x49 // of ReadyForQuery: no transaction is open
// … and of the client
const simpleQuery = 0x51
const parse = 0x50
const bind = 0x42
const sync = 0x53
const flush = 0x48
const cancelRequest = 80_877_102
const protocolVersion = 196_608

interface ServerState {
  /** its last word was that a transaction is open */
  inTransaction(): boolean
  /** an answer is owed */
  isOwed(): boolean
  /** bytes that complete a message which was received in part */
  restOfMessage(): Buffer
}

/** ReadyForQuery of a failed transaction. */
const failedTransaction = Buffer.from([readyForQuery, 0, 0, 0, 5, 0x45])

function guard(socket: net.Socket, { host, port, connectMs, silenceMs }: GuardOptions): ServerState {
  const where = `${host}:${port}`
  let heardAt = performance.now()
  let isCancel = false
  let started = false
  /** ReadyForQuery messages that are still to come */
  let owed = 0
  let lastSent = 0
  let suspended = false

  let status = idleStatus
  const followServer = followMessages((type) => {
    if (type === portalSuspended) suspended = true
    if (type !== readyForQuery) return
    started = true
    owed -= 1
  }, (type, byte) => {
    if (type === readyForQuery) status = byte
  })
  const followClient = followMessages((type) => {
    if (type === simpleQuery || type === sync) owed += 1
    lastSent = type
    suspended = false
  })
  socket.on('data', (chunk: Buffer) => {
    heardAt = performance.now()
    followServer(chunk)
  })
  const write = socket.write.bind(socket) as (...parameters: unknown[]) => boolean
  let first = true
  socket.write = (...parameters: unknown[]) => {
    if (first) parameters[0] = withoutLeftover(parameters[0] as Buffer)
    const chunk = parameters[0] as Buffer
    // the start-up packet and the cancel request have no type byte
    if (first) isCancel = chunk.readUInt32BE(4) === cancelRequest
    if (first) owed = 1
    else followClient(chunk)
    first = false
    return write(...parameters)
  }
  socket.once('end', () => {
    if (!started && !isCancel) socket.destroy(failure('ECONNRESET', `${where} hung up during start-up`))
  })

  const timer = setInterval(() => {
    const idle = started && ((owed === 0 && lastSent !== flush) || suspended)
    // a paused socket is one whose reader is slow (copy, cursor): that is not the server's silence
    if (idle || socket.isPaused()) heardAt = performance.now()
    const silent = performance.now() - heardAt
    if (!started && silent > connectMs) socket.destroy(failure('CONNECT_TIMEOUT', `${where} did not complete the start-up within ${connectMs} ms`))
    else if (started && silent > silenceMs) socket.destroy(failure('CONNECTION_DEADLINE', `${where} was silent for ${silenceMs} ms; the connection was destroyed`))
  }, Math.min(1000, connectMs / 4, silenceMs / 4))
  timer.unref()
  socket.once('close', () => {
    clearInterval(timer)
  })
  return { inTransaction: () => status !== idleStatus, isOwed: () => owed > 0 || lastSent === flush, restOfMessage: () => followServer.rest() }
}

/**
 * The start-up packet or cancel request at the end of the first bytes of a connection. What the library had not yet flushed when the
 * connection before was closed, it sends on the next one (postgres.js 3.4.9).
 */
function withoutLeftover(chunk: Buffer): Buffer {
  for (let at = 0; at + 8 <= chunk.length; at += 1) {
    if (chunk.readUInt32BE(at) === chunk.length - at && [protocolVersion, cancelRequest].includes(chunk.readUInt32BE(at + 4))) return chunk.subarray(at)
  }
  return chunk
}

export interface Follower {
  (chunk: Buffer): void
  /** zeros that complete the last message, nothing when it is whole */
  rest(): Buffer
}

/**
 * Follows the boundaries of protocol messages (a type byte, then a length that counts itself) through chunks cut anywhere.
 * Costs one step per message, some 2 % of what the library spends on the same bytes.
 */
export function followMessages(onMessage: (type: number) => void, onFirstByte: (type: number, byte: number) => void = () => undefined): Follower {
  const header = Buffer.alloc(5)
  let have = 0
  let skip = 0
  let type = 0
  let fresh = false
  const begin = (bytes: Buffer, at: number): void => {
    skip = Math.max(bytes.readUInt32BE(at + 1) - 4, 0)
    type = bytes.readUInt8(at)
    fresh = skip > 0
    onMessage(type)
  }
  const follow = (chunk: Buffer) => {
    let at = 0
    while (at < chunk.length) {
      if (skip > 0) {
        if (fresh) onFirstByte(type, chunk.readUInt8(at))
        fresh = false
        const step = Math.min(skip, chunk.length - at)
        skip -= step
        at += step
      } else if (have === 0 && chunk.length - at >= 5) {
        begin(chunk, at)
        at += 5
      } else {
        const step = chunk.copy(header, have, at, at + 5 - have)
        have += step
        at += step
        if (have === 5) {
          have = 0
          begin(header, 0)
        }
      }
    }
  }
  const rest = () => {
    if (have === 0) return Buffer.alloc(skip)
    const whole = Buffer.alloc(5)
    header.copy(whole, 0, 0, have)
    // a length counts its own four bytes
    if (whole.readUInt32BE(1) < 4) whole.writeUInt8(4, 4)
    return Buffer.concat([whole.subarray(have), Buffer.alloc(whole.readUInt32BE(1) - 4)])
  }
  return Object.assign(follow, { rest })
}

/** TLS as libpq's `sslmode=require` (encrypted, the certificate not verified) or `verify-full`. */
async function connectTls({ host, port, connectMs }: GuardOptions, { verify, ca, cert, privateKey }: TlsOptions): Promise<tls.TLSSocket> {
  const raw = net.connect({ host, port, noDelay: true })
  const timer = setTimeout(() => raw.destroy(failure('CONNECT_TIMEOUT', `${host}:${port} did not answer within ${connectMs} ms`)), connectMs)
  try {
    raw.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])) // SSLRequest
    const answer = await firstByte(raw, `${host}:${port}`)
    if (answer !== 'S') throw failure('SSL_REFUSED', `${host}:${port} does not offer TLS, and the configuration demands it`)
    const secure = tls.connect({
      socket: raw, host, rejectUnauthorized: verify, ...(net.isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(privateKey === undefined ? {} : { key: privateKey }),
    })
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve)
      secure.once('error', reject)
      secure.once('close', () => {
        reject(failure('ECONNRESET', `${host}:${port} hung up during the TLS handshake`))
      })
      raw.once('error', reject)
    })
    secure.removeAllListeners('error')
    return secure
  } catch (error) {
    raw.destroy()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function firstByte(socket: net.Socket, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => {
      // exactly one byte may come before the handshake: more would be injected plain text (CVE-2021-23222)
      if (chunk.length === 1) resolve(chunk.toString('latin1'))
      else reject(failure('SSL_REFUSED', `${where} sent plain text before the TLS handshake`))
    })
    socket.once('error', reject)
    socket.once('close', () => {
      reject(failure('ECONNRESET', `${where} hung up during start-up`))
    })
  })
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
