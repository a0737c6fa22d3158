import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes that may outlive the young generation before garbage is collected. */
const mostGrowth = 12 * 2 ** 20
const pollMs = 100

/**
 * Collects all garbage whenever what has outlived the young generation, buffers included, has grown by 12 MiB since the last time. By itself V8 waits until the heap is large for the machine: on one with 24 GiB a worker
 * that holds 20 MiB took 160 after two jobs and had never collected. A collection stops the process for 20 to 90 ms, so this is for a process that answers nobody.
 * @returns what ends it
 * @throws Error when the runtime gives no way to collect
 */
export function collectOften(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('globalThis.gc') as (() => void) | undefined
  if (collect === undefined) throw new Error('the runtime does not let garbage be collected')
  let kept = survivingBytes()
  const timer = setInterval(() => {
    // buffers are given back a while after a collection, and V8 has collections of its own
    kept = Math.min(kept, survivingBytes())
    if (survivingBytes() - kept < mostGrowth) return
    collect()
    kept = survivingBytes()
  }, pollMs).unref()
  return () => { clearInterval(timer) }
}

function survivingBytes(): number {
  return getHeapSpaceStatistics().reduce((sum, { space_name: name, space_used_size: used }) => (name.startsWith('new_') ? sum : sum + used), getHeapStatistics().external_memory)
}
