/** Gives what was read under a name, or reads it. What is given is shared: it may not be changed. */
export type Memory = <T>(name: string, read: () => Promise<T>) => Promise<T>

/** Remembers the readings that were asked for last, so many of them; one that fails is forgotten. A name must stand for what cannot change. */
export function createMemory(most: number): Memory {
  const readings = new Map<string, Promise<unknown>>()
  const begin = <T>(name: string, read: () => Promise<T>): Promise<T> => {
    const reading = read()
    reading.catch(() => readings.delete(name))
    return reading
  }
  return <T>(name: string, read: () => Promise<T>) => {
    const reading = (readings.get(name) as Promise<T> | undefined) ?? begin(name, read)
    // the last one asked for stands last
    readings.delete(name)
    readings.set(name, reading)
    const [oldest] = readings.keys()
    if (readings.size > most && oldest !== undefined) readings.delete(oldest)
    return reading
  }
}
