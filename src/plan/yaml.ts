import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type ParsedNode } from 'yaml'
import type { Path } from './fault.js'

/** Bounds that no honest plan reaches; they stop a file that expands without end. */
const limits = { bytes: 4_000_000, aliases: 2_000, nodes: 200_000, depth: 40, syntaxErrors: 10 }

export interface YamlFault {
  code: 'YAML' | 'DUPLICATE_KEY' | 'AMBIGUOUS_CODE'
  line: number | null
  column: number | null
  path: Path
  message: string
}

export interface YamlTree {
  /** maps without a prototype, lists, text, numbers, booleans, null */
  value: unknown
  faults: YamlFault[]
  /** 1-based place of the key (or list item), or of the nearest thing above it */
  lineOf: (path: Path) => { line: number; column: number } | null
  /** the key at the path stands in quotes in the file: `"null"`, `"other"` are then ordinary codes */
  isQuoted: (path: Path) => boolean
}

/** Where a scalar keeps the text of the file instead of becoming a number or a boolean. */
const textPaths: string[][] = [
  ['entities', '*', 'columns', '*', 'values', '*'], ['entities', '*', 'key', '*', 'values', '*'], ['entities', '*', 'columns', '*', 'tolerance'],
]
const codePaths = textPaths.slice(0, 2)

/** Whether a path fits a pattern in which `*` stands for any one key or index. */
export function pathFits(path: Path, pattern: string[]): boolean {
  return path.length === pattern.length && pattern.every((part, index) => part === '*' || part === path[index])
}

/**
 * Reads YAML 1.2 into plain values, with the place of each. Keys are always the text of the file; so are values of `values`,
 * except null. Anchors and aliases are followed, within bounds.
 */
export function readYaml(text: string): YamlTree {
  const counter = new LineCounter()
  const reader: Reader = { counter, faults: [], places: new Map(), quoted: new Set(), aliases: 0, nodes: 0, document: null }
  const tree = (value: unknown): YamlTree => ({
    value, faults: reader.faults, lineOf: (path) => placeOf(reader, path), isQuoted: (path) => reader.quoted.has(JSON.stringify(path)),
  })
  if (Buffer.byteLength(text) > limits.bytes) {
    fault(reader, 'YAML', null, [], `the plan is larger than ${String(limits.bytes)} bytes: split it`)
    return tree(null)
  }
  let document: Document.Parsed
  try {
    document = parseDocument(text, { schema: 'core', version: '1.2', lineCounter: counter, prettyErrors: false, merge: false, uniqueKeys: sameKey })
  } catch (error) {
    // the library recurses: a file of ten thousand brackets ends its stack
    fault(reader, 'YAML', null, [], `the plan cannot be read as YAML: ${error instanceof Error ? error.message : String(error)}`)
    return tree(null)
  }
  reader.document = document
  const seen = new Set<number>()
  for (const problem of [...document.errors, ...document.warnings]) {
    // one unclosed bracket is reported once per level, and after ten errors the rest is their echo
    if (seen.has(problem.pos[0]) || seen.size >= limits.syntaxErrors) continue
    seen.add(problem.pos[0])
    const duplicate = problem.code === 'DUPLICATE_KEY'
    const message = duplicate ? 'this key stands twice in its map: keep one of them' : `not valid YAML: ${problem.message}`
    fault(reader, duplicate ? 'DUPLICATE_KEY' : 'YAML', problem.pos[0], [], message)
  }
  if (reader.faults.length > 0) return tree(null)
  if (document.contents === null) {
    fault(reader, 'YAML', null, [], 'the plan is empty: write at least version, domains and entities')
    return tree(null)
  }
  return tree(readNode(reader, document.contents, [], []))
}

interface Reader {
  counter: LineCounter
  faults: YamlFault[]
  places: Map<string, number>
  quoted: Set<string>
  aliases: number
  nodes: number
  document: Document.Parsed | null
}

/** Keys are equal when their text is, and `null` is not `"null"`: YAML's own comparison takes `007` and `7` for one. */
function sameKey(left: ParsedNode, right: ParsedNode): boolean {
  if (!isScalar(left) || !isScalar(right)) return false
  return keyText(left) === keyText(right) && isPlain(left) === isPlain(right)
}

const isPlain = (node: { type?: string | undefined }): boolean => node.type === 'PLAIN'
const keyText = (node: { source?: string | undefined; value: unknown }): string => node.source ?? String(node.value)

function fault(reader: Reader, code: YamlFault['code'], offset: number | null, path: Path, message: string): void {
  const place = offset === null ? null : reader.counter.linePos(offset)
  reader.faults.push({ code, line: place?.line ?? null, column: place?.col ?? null, path, message })
}

function placeOf(reader: Reader, path: Path): { line: number; column: number } | null {
  for (let length = path.length; length >= 0; length--) {
    const offset = reader.places.get(JSON.stringify(path.slice(0, length)))
    if (offset === undefined) continue
    const { line, col } = reader.counter.linePos(offset)
    return { line, column: col }
  }
  return null
}

const startOf = (node: { range?: [number, number, number] | null | undefined }): number => node.range?.[0] ?? 0

/** @param open the anchored nodes that are being read: an alias to one of them has no end */
function readNode(reader: Reader, node: Node | null, path: Path, open: Node[]): unknown {
  if (node === null) return null
  const key = JSON.stringify(path)
  if (!reader.places.has(key)) reader.places.set(key, startOf(node))
  reader.nodes += 1
  if (reader.nodes > limits.nodes || path.length > limits.depth) {
    if (reader.nodes <= limits.nodes + 1) fault(reader, 'YAML', startOf(node), path, 'the plan is too deep or its aliases expand to too much: write it flatter')
    reader.nodes = limits.nodes + 2
    return null
  }
  if (isAlias(node)) {
    reader.aliases += 1
    const anchored = reader.document === null ? undefined : node.resolve(reader.document)
    if (anchored === undefined || open.includes(anchored)) fault(reader, 'YAML', startOf(node), path, `the alias *${node.source} leads nowhere or into itself`)
    else if (reader.aliases > limits.aliases) {
      if (reader.aliases === limits.aliases + 1) fault(reader, 'YAML', startOf(node), path, `more than ${String(limits.aliases)} aliases: write it flatter`)
    } else return readNode(reader, anchored, path, [...open, anchored])
    return null
  }
  if (node.tag !== undefined && !/^tag:yaml\.org,2002:(map|seq|str|int|float|bool|null)$/.test(node.tag)) {
    fault(reader, 'YAML', startOf(node), path, `the tag ${node.tag} has no meaning in a plan: remove it`)
  }
  if (isSeq(node)) return node.items.map((item, index) => readNode(reader, item as Node | null, [...path, index], [...open, node]))
  if (isMap(node)) return readMap(reader, node.items, path, [...open, node])
  if (!isScalar(node)) return null
  if (!textPaths.some((pattern) => pathFits(path, pattern))) return node.value
  return node.value === null ? null : keyText(node)
}

function readMap(reader: Reader, items: { key: unknown; value: unknown }[], path: Path, open: Node[]): unknown {
  const result = Object.create(null) as Record<string, unknown>
  for (const { key: written, value } of items) {
    const key = isAlias(written) && reader.document !== null ? written.resolve(reader.document) : written
    if (!isScalar(key)) {
      fault(reader, 'YAML', startOf(written as Node), path, 'a key must be plain text')
      continue
    }
    const text = keyText(key)
    const place = startOf(isAlias(written) ? written : key)
    const at = [...path, text]
    if (isPlain(key) && text === '<<') fault(reader, 'YAML', place, at, 'merge keys (`<<`) are not part of the plan language: give the whole value as an alias')
    if (codePaths.some((pattern) => pathFits(at, pattern))) {
      if (isPlain(key) && key.value === null && text !== 'null') fault(reader, 'AMBIGUOUS_CODE', place, at, 'write `null:` for SQL NULL, or put the code in quotes')
      if (text in result) fault(reader, 'AMBIGUOUS_CODE', place, at, `the code ${text} stands here with and without quotes: keep one, and map the other with \`sql\``)
    } else if (text in result) {
      fault(reader, 'DUPLICATE_KEY', place, at, 'this key stands twice in its map: keep one of them')
    }
    if (!isPlain(key)) reader.quoted.add(JSON.stringify(at))
    reader.places.set(JSON.stringify(at), place)
    result[text] = readNode(reader, value as Node | null, at, open)
  }
  return result
}
