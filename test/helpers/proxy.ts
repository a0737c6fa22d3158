import net from 'node:net'

/**
 * pass: bytes go through · blackhole: connections stay open and nothing is delivered any more (a half-open link) · mute: the server hears and is not heard ·
 * reset: RST · fin: hangs up. `reset` and `fin` act on the open connections and on every new one.
 */
export type ProxyMode = 'pass' | 'blackhole' | 'mute' | 'reset' | 'fin'

export interface Proxy {
  port: number
  /** connections that were ever accepted */
  accepted(): number
  /** connections open at this moment */
  open(): number
  /** bytes that were passed on, both directions together */
  passed(): number
  setMode(mode: ProxyMode): void
  close(): Promise<void>
}

/** A TCP proxy on 127.0.0.1 in front of a server, to break links on purpose, or to hold each byte back for a while, in both directions. */
export async function startProxy(upstream: { host: string; port: number }, { latencyMs = 0 } = {}): Promise<Proxy> {
  const links = new Set<{ client: net.Socket; server: net.Socket }>()
  const clients = new Set<net.Socket>()
  let mode: ProxyMode = 'pass'
  let accepted = 0
  let passed = 0

  const listener = net.createServer((client) => {
    accepted += 1
    client.on('error', () => undefined)
    clients.add(client)
    client.once('close', () => clients.delete(client))
    if (mode === 'reset') return void client.resetAndDestroy()
    if (mode === 'fin') return void client.end()
    const server = net.connect(upstream)
    server.on('error', () => client.destroy())
    const link = { client, server }
    links.add(link)
    relay(client, server, ['blackhole'])
    relay(server, client, ['blackhole', 'mute'])
    client.once('close', () => {
      links.delete(link)
      server.destroy()
    })
    // a vanished peer says nothing: the server's own end is not passed on
    server.once('close', () => (mode === 'pass' ? client.destroy() : undefined))
    return undefined
  })
  const relay = (from: net.Socket, to: net.Socket, silences: ProxyMode[]): void => {
    from.on('data', (chunk: Buffer) => {
      if (silences.includes(mode)) return
      passed += chunk.length
      if (latencyMs === 0) to.write(chunk)
      else setTimeout(() => { if (!to.destroyed) to.write(chunk) }, latencyMs)
    })
  }
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address() as net.AddressInfo

  return {
    port: address.port,
    accepted: () => accepted,
    open: () => links.size,
    passed: () => passed,
    setMode(next) {
      mode = next
      for (const { client } of links) {
        if (mode === 'reset') client.resetAndDestroy()
        if (mode === 'fin') client.end()
      }
    },
    async close() {
      for (const { server } of links) server.destroy()
      for (const client of clients) client.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
