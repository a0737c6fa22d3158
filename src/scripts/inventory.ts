import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, extname, join, relative, sep } from 'node:path'
import { scriptChecksum } from './checksum.js'

/** A file of the directory of scripts. */
export interface ScriptFile {
  /** below the directory, with `/` */
  path: string
  text: string
  /** sha256 that is blind to line ends and the like, see `scriptChecksum` */
  checksum: string
  /** sha256 of the bytes as they are */
  bytesChecksum: string
}

export interface Inventory {
  /** null: no directory is configured, or it cannot be read */
  files: ScriptFile[] | null
  /** why the directory cannot be read */
  fault: string | null
}

const skipped = new Set(['node_modules', '__pycache__'])

/**
 * Opens the inventory of a directory of scripts. Each call of the result looks at the directory again; a file is read again only
 * when its size or one of its times has changed. Hidden files and folders, links and node_modules are left out.
 * @param directory null: there is none
 */
export function openInventory(directory: string | null): () => Promise<Inventory> {
  let known = new Map<string, { stamp: string; file: ScriptFile }>()
  return async () => {
    if (directory === null) return { files: null, fault: null }
    try {
      const next: typeof known = new Map()
      for (const path of await listFiles(directory)) {
        const { size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
        const stamp = `${size} ${mtimeNs} ${ctimeNs}`
        const before = known.get(path)
        next.set(path, before?.stamp === stamp ? before : { stamp, file: describeFile(relative(directory, path).split(sep).join('/'), await readFile(path)) })
      }
      known = next
      return { files: [...next.values()].map(({ file }) => file), fault: null }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
      return { files: null, fault: `the directory of scripts cannot be read: ${error.message}` }
    }
  }
}

async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const visible = entries.filter(({ name }) => !name.startsWith('.') && !skipped.has(name))
  const below = await Promise.all(visible.filter((entry) => entry.isDirectory()).map(({ name }) => listFiles(join(directory, name))))
  return [...visible.filter((entry) => entry.isFile()).map(({ name }) => join(directory, name)), ...below.flat()].sort()
}

function describeFile(path: string, bytes: Buffer): ScriptFile {
  const text = bytes.toString('utf8')
  return { path, text, checksum: scriptChecksum(text), bytesChecksum: createHash('sha256').update(bytes).digest('hex') }
}

/** The name of a file without its folder and its ending. */
export function stemOf(path: string): string {
  return basename(path, extname(path))
}

/**
 * The file of a script: the one at the path that the plan gives, or else the only one of that name in any folder (it was moved),
 * of several the one that ran, or else the one with the text that ran (it was renamed). Without a path in the plan the only file
 * that is called like the script.
 * @param ran checksum of the newest completed run
 */
export function fileOfScript(script: { name: string; path: string | null }, ran: string | null, files: readonly ScriptFile[]): ScriptFile | null {
  const { path } = script
  const exact = files.find((file) => file.path === path)
  if (exact !== undefined) return exact
  const named = files.filter((file) => (path === null ? [basename(file.path), stemOf(file.path)].includes(script.name) : basename(file.path) === basename(path)))
  const [only, second] = named
  if (only !== undefined && second === undefined) return only
  const candidates = named.length > 0 ? named : path === null ? [] : files
  return candidates.find(({ checksum, bytesChecksum }) => ran !== null && [checksum, bytesChecksum].includes(ran.toLowerCase())) ?? null
}
