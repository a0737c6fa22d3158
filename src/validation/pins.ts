import { looseSettingsStatement, pinsOf } from '../db/clients.js'
import { read, textOf, type Reader } from './reader.js'

/**
 * The settings of a session that are not as the client pinned them: a pooler may drop what a session asks for at its start, a login trigger may change it.
 * @returns a piece of a sentence for each; the client must have been connected before
 */
export async function findLooseSettings(reader: Reader, signal: AbortSignal): Promise<string[]> {
  const rows = await read(reader, signal, looseSettingsStatement, [JSON.stringify(pinsOf(reader.sql))])
  return rows.map((row) => `${textOf(row, 'name')} is ${shown(textOf(row, 'held'))} and must be ${shown(textOf(row, 'pinned'))}`)
}

function shown(value: string): string {
  return value === '' ? 'empty' : value
}
