import { setFlagsFromString } from 'node:v8'
import { isLocaleFunction, isRefusedFunction, isUnstableFunction, isUnstableTime } from './functions.js'

// the optimizing compiler takes 35 to 50 MB of memory and 0.3 s for the grammar's one large function, and 500 parses are no faster for it
setFlagsFromString('--liftoff-only')
const { hasSqlDetails, loadModule, parseSync } = await import('libpg-query')
await loadModule() // 2 MB of WebAssembly, 22 ms; parsing is synchronous after it

const maximumLength = 20_000

export interface FragmentFault {
  code: 'INVALID_SQL' | 'UNSAFE_SQL' | 'UNQUALIFIED_COLUMN'
  message: string
}

/** A column that a fragment names, and the table it is taken from. */
export interface ColumnReference {
  /** null: the row itself (`src` or `tgt`) */
  table: { schema: string | null; name: string } | null
  column: string
}

export interface Fragment {
  faults: FragmentFault[]
  /** the text with each bare column of the row written as `src.column`, and a newline that ends a trailing comment */
  sql: string
  references: ColumnReference[]
  /** tables of subqueries */
  tables: { schema: string | null; name: string }[]
  /** the whole row is read, as in `to_jsonb(src)` */
  wholeRow: boolean
  /** what makes its value change from call to call, such as `now()` */
  unstable: string[]
  /** what makes its value depend on the locale, such as `lower()`; empty when a collation is written */
  localeDependent: string[]
}

/**
 * Reads one SQL expression of the plan with PostgreSQL's own grammar and judges whether it may run inside a larger statement.
 * Sound is: one expression, balanced by itself; reads only; its row is `alias`; in a subquery every column is qualified, by the row or
 * by a table of the subquery or one around it; no function of `functions.ts` that is refused.
 */
export function readFragment(text: string, alias: 'src' | 'tgt', joined: JoinedTables = new Map()): Fragment {
  const reading = startReading(alias)
  const expression = parseExpression(text, reading)
  if (expression !== null) guardDepth(reading, () => { walk(expression, reading, { depth: 0, tables: new Map([[alias, { kind: 'row' }], ...joined]), parent: null }) })
  return fragmentOf(text, reading)
}

/**
 * Judges a whole `select` of the plan, such as a rule's: one statement that only reads, without `with`, set operations or locks.
 * Its bare columns are told as references to the row, although they are columns of one of its tables.
 */
export function readQuery(text: string): Fragment {
  const reading = startReading('src')
  reading.isQuery = true
  const trees = parseTwice(text, '', 'select from (', reading, ' answer')
  if (trees === null) return fragmentOf(text, reading)
  const [own, wrapped] = trees.map((tree) => (isMap(tree) ? listOf(tree['stmts']) : []))
  const select = mapAt(mapAt(own?.[0], 'stmt') ?? undefined, 'SelectStmt')
  if (own?.length !== 1 || wrapped?.length !== 1 || select === null) invalid(reading, 'the SQL must be one `select`, with nothing after it')
  else guardDepth(reading, () => { readSelect(select, reading, { depth: 0, tables: new Map(), parent: null }) })
  return fragmentOf(text, reading)
}

/**
 * Judges an `order by` list over the row, such as `last_login desc nulls last, id`, by the rules of `readFragment`.
 */
export function readOrder(text: string, alias: 'src' | 'tgt', joined: JoinedTables = new Map()): Fragment {
  const reading = startReading(alias)
  const before = 'select order by '
  reading.offset = before.length
  const trees = parseTwice(text, before, 'select array_agg(0 order by ', reading)
  if (trees !== null) {
    const [own, wrapped] = [onlySort(trees[0]), onlyTarget(trees[1])]
    if (own === null || wrapped === null) invalid(reading, 'the SQL must be a list as it stands behind `order by`, with nothing after it')
    else guardDepth(reading, () => { walk(own, reading, { depth: 0, tables: new Map([[alias, { kind: 'row' }], ...joined]), parent: null }) })
  }
  return fragmentOf(text, reading)
}

/** The tables that a join puts beside the row, by the name under which their columns are qualified. */
export type JoinedTables = ReadonlyMap<string, ScopeEntry>

/**
 * Reads what stands behind `from table src`: inner, left and cross joins, each column in them qualified. The comma, a `where`, and a join that
 * would give rows without the row itself (right, full) are refused.
 */
export function readJoin(text: string, alias: 'src' | 'tgt'): { fragment: Fragment; joined: JoinedTables } {
  const reading = startReading(alias)
  const join = parseJoin(text, reading)
  const tables = new Map<string, ScopeEntry>([[alias, { kind: 'row' }]])
  if (join !== null) guardDepth(reading, () => { readJoins(join, reading, { depth: 1, tables, parent: null }) })
  tables.delete(alias)
  return { fragment: fragmentOf(text, reading), joined: tables }
}

function startReading(alias: 'src' | 'tgt'): Reading {
  return { alias, faults: [], references: [], tables: [], wholeRow: false, unstable: new Set(), localeDependent: new Set(), collated: false, bare: [], offset: prefix.length, isQuery: false }
}

function guardDepth(reading: Reading, run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    reading.faults.push({ code: 'INVALID_SQL', message: 'the SQL is nested too deeply: write it flatter, for example with `in (...)`' })
  }
}

function fragmentOf(text: string, reading: Reading): Fragment {
  return {
    faults: reading.faults, sql: qualify(text, reading), references: reading.references, tables: reading.tables, wholeRow: reading.wholeRow,
    unstable: [...reading.unstable], localeDependent: reading.collated ? [] : [...reading.localeDependent],
  }
}

type Json = null | string | number | boolean | Json[] | { [key: string]: Json }
type JsonMap = { [key: string]: Json }
type ScopeEntry = { kind: 'row' } | { kind: 'table'; schema: string | null; name: string } | { kind: 'derived' }

interface Scope {
  depth: number
  tables: Map<string, ScopeEntry>
  parent: Scope | null
}

interface Reading {
  alias: 'src' | 'tgt'
  faults: FragmentFault[]
  references: ColumnReference[]
  tables: { schema: string | null; name: string }[]
  wholeRow: boolean
  unstable: Set<string>
  localeDependent: Set<string>
  collated: boolean
  /** byte offsets in the text of columns that stand without their row */
  bare: number[]
  /** bytes of the parsed statement before the text */
  offset: number
  /** a select of its own: there is no row of the comparison, and a bare column is one of its tables */
  isQuery: boolean
}

const isMap = (value: Json | undefined): value is JsonMap => typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : [])
const mapAt = (value: Json | undefined, key: string): JsonMap | null => (isMap(value) && isMap(value[key]) ? value[key] : null)
const textAt = (value: Json | undefined, key: string): string | null => (isMap(value) && typeof value[key] === 'string' ? value[key] : null)

const prefix = 'select ('

/** The one expression of the text, or null with a fault. */
function parseExpression(text: string, reading: Reading): Json {
  const trees = parseTwice(text, 'select ', prefix, reading)
  if (trees === null) return null
  if (trees.some((tree) => onlyTarget(tree) === null)) {
    return invalid(reading, 'the SQL must be one expression, as it stands in a select list or behind `where`, with nothing after it')
  }
  return onlyTarget(trees[1])
}

function invalid(reading: Reading, message: string): null {
  reading.faults.push({ code: 'INVALID_SQL', message })
  return null
}

/** The text must stand by itself *and* in parentheses: `1) or (2` only does the one. */
function parseTwice(text: string, before: string, beforeWrapped: string, reading: Reading, afterWrapped = ''): [Json, Json] | null {
  if (text.length > maximumLength) return invalid(reading, `the SQL is longer than ${String(maximumLength)} characters: make it a view or a function`)
  if (text.includes('\0')) return invalid(reading, 'the SQL holds a NUL character: remove it')
  try {
    return [parseSync(`${before}${text}\n`) as unknown as Json, parseSync(`${beforeWrapped}${text}\n)${afterWrapped}`) as unknown as Json]
  } catch (error) {
    const message = hasSqlDetails(error) ? error.message : error instanceof Error ? error.message : String(error)
    return invalid(reading, `the SQL cannot be parsed: ${message}`)
  }
}

/** The joins of the text, or null with a fault. */
function parseJoin(text: string, reading: Reading): JsonMap | null {
  const trees = parseTwice(text, `select from joined_to ${reading.alias} `, `select from (joined_to ${reading.alias} `, reading)
  if (trees === null) return null
  const [join, wrapped] = trees.map(onlyJoin)
  if (join === undefined || join === null || wrapped === undefined || wrapped === null) {
    return invalid(reading, 'the SQL must be joins alone, such as `left join office o on o.id = src.office_id`, with no comma before and no `where` after them')
  }
  return join
}

/** The joins of a statement that is nothing but `select from table alias <joins>`. */
function onlyJoin(tree: Json): JsonMap | null {
  const statements = isMap(tree) ? listOf(tree['stmts']) : []
  const select = mapAt(mapAt(statements[0], 'stmt') ?? undefined, 'SelectStmt')
  const from = select === null ? [] : listOf(select['fromClause'])
  const inert = new Set(['fromClause', 'limitOption', 'op'])
  if (statements.length !== 1 || select === null || from.length !== 1 || Object.keys(select).some((key) => !inert.has(key)) || select['op'] !== 'SETOP_NONE') return null
  return mapAt(from[0], 'JoinExpr')
}

/** Columns that the statements of a comparison put beside the row. */
const ownNames = /^(map_\d+|merging|state|keyed|hashed)$/

function readJoins(join: JsonMap, reading: Reading, scope: Scope): void {
  const left = mapAt(join['larg'], 'JoinExpr')
  if (left !== null) readJoins(left, reading, scope)
  else if (textAt(mapAt(join['larg'], 'RangeVar')?.['alias'], 'aliasname') !== reading.alias) unsafe(reading, 'the joins may not be put in parentheses: write one after the other')
  if (join['jointype'] !== 'JOIN_INNER' && join['jointype'] !== 'JOIN_LEFT') unsafe(reading, 'only `join`, `left join` and `cross join` are allowed: the row itself must always be there')
  if (join['isNatural'] === true) unsafe(reading, '`natural join` follows whatever columns the tables happen to have: write `on`')
  collectTables(join['rarg'] ?? null, reading, scope)
  for (const name of scope.tables.keys()) if (ownNames.test(name)) unsafe(reading, `\`${name}\` is a name of the comparison itself: give the table another alias`)
  walk([join['rarg'] ?? null, join['quals'] ?? null], reading, scope)
}

/** The list of a statement that is nothing but `select order by <list>`. */
function onlySort(tree: Json): Json {
  const statements = isMap(tree) ? listOf(tree['stmts']) : []
  const select = mapAt(mapAt(statements[0], 'stmt') ?? undefined, 'SelectStmt')
  const inert = new Set(['sortClause', 'limitOption', 'op'])
  return statements.length === 1 && select !== null && Object.keys(select).every((key) => inert.has(key)) && select['op'] === 'SETOP_NONE' ? listOf(select['sortClause']) : null
}

/** The value of a statement that is nothing but `select <value>`. */
function onlyTarget(tree: Json): Json {
  const statements = isMap(tree) ? listOf(tree['stmts']) : []
  const select = mapAt(mapAt(statements[0], 'stmt') ?? undefined, 'SelectStmt')
  if (statements.length !== 1 || select === null) return null
  const inert = new Set(['targetList', 'limitOption', 'op'])
  const targets = listOf(select['targetList'])
  const target = mapAt(targets[0], 'ResTarget')
  if (Object.keys(select).some((key) => !inert.has(key)) || select['op'] !== 'SETOP_NONE' || targets.length !== 1 || target === null || target['name'] !== undefined) return null
  return target['val'] ?? null
}

function walk(node: Json, reading: Reading, scope: Scope): void {
  if (Array.isArray(node)) {
    for (const item of node) walk(item, reading, scope)
    return
  }
  if (!isMap(node)) return
  for (const [key, child] of Object.entries(node)) {
    if (!isMap(child)) walk(child, reading, scope)
    else if (key === 'SelectStmt') readSelect(child, reading, scope)
    else if (key === 'ColumnRef') readColumn(child, reading, scope)
    else {
      readOther(key, child, reading, scope)
      walk(child, reading, scope)
    }
  }
}

const unsafe = (reading: Reading, message: string): void => {
  reading.faults.push({ code: 'UNSAFE_SQL', message })
}

function readSelect(select: JsonMap, reading: Reading, scope: Scope): void {
  if (select['withClause'] !== undefined) unsafe(reading, '`with` is not allowed: write a subquery in its place')
  if (select['op'] !== 'SETOP_NONE') unsafe(reading, '`union`, `intersect` and `except` are not allowed: write `or`, or two subqueries')
  if (select['lockingClause'] !== undefined) unsafe(reading, '`for update` and its like are not allowed: the plan only reads')
  if (select['intoClause'] !== undefined) unsafe(reading, '`select into` is not allowed: the plan only reads')
  const inner: Scope = { depth: scope.depth + 1, tables: new Map(), parent: scope }
  for (const item of listOf(select['fromClause'])) collectTables(item, reading, inner)
  if (listOf(select['sortClause']).length > 0) reading.localeDependent.add('order by')
  walk(Object.values(select), reading, inner)
}

/** Puts the tables of a from clause into the scope, by the name under which columns are qualified. */
function collectTables(item: Json, reading: Reading, scope: Scope): void {
  const join = mapAt(item, 'JoinExpr')
  if (join !== null) {
    collectTables(join['larg'] ?? null, reading, scope)
    collectTables(join['rarg'] ?? null, reading, scope)
    const alias = textAt(join['alias'], 'aliasname')
    if (alias !== null) enter(alias, { kind: 'derived' }, reading, scope)
    return
  }
  const table = mapAt(item, 'RangeVar')
  if (table !== null) {
    const name = textAt(table, 'relname') ?? ''
    const schema = textAt(table, 'schemaname')
    if (table['catalogname'] !== undefined) unsafe(reading, 'a table may not be named with its database')
    if (schema !== null && /^pg_(temp|toast)/.test(schema)) unsafe(reading, `tables of ${schema} are not data: they may not be read`)
    reading.tables.push({ schema, name })
    const renamed = listOf(mapAt(table, 'alias')?.['colnames']).length > 0
    enter(textAt(table['alias'], 'aliasname') ?? name, renamed ? { kind: 'derived' } : { kind: 'table', schema, name }, reading, scope)
    return
  }
  for (const kind of ['RangeSubselect', 'RangeFunction', 'RangeTableFunc', 'JsonTable', 'RangeTableSample']) {
    const derived = mapAt(item, kind)
    if (derived === null) continue
    if (kind === 'RangeTableSample') unsafe(reading, '`tablesample` gives other rows each time: it is not allowed')
    const alias = textAt(derived['alias'], 'aliasname') ?? functionName(derived)
    if (alias !== null) enter(alias, { kind: 'derived' }, reading, scope)
  }
}

/** `from unnest(...)` without an alias is named after its function. */
function functionName(derived: JsonMap): string | null {
  const found = /"FuncCall":\{"funcname":(\[.*?\])/.exec(JSON.stringify(derived))?.[1]
  return found === undefined ? null : (namesOf(JSON.parse(found) as Json).at(-1) ?? null)
}

function enter(alias: string, entry: ScopeEntry, reading: Reading, scope: Scope): void {
  if (alias === 'src' || alias === 'tgt') unsafe(reading, `\`${alias}\` names the row of the comparison: give the table of the subquery another alias`)
  scope.tables.set(alias, entry)
}

const namesOf = (list: Json | undefined): string[] => listOf(list).map((item) => textAt(mapAt(item, 'String') ?? undefined, 'sval') ?? '*')

function lookUp(alias: string, scope: Scope): ScopeEntry | null {
  for (let here: Scope | null = scope; here !== null; here = here.parent) {
    const entry = here.tables.get(alias)
    if (entry !== undefined) return entry
  }
  return null
}

function readColumn(column: JsonMap, reading: Reading, scope: Scope): void {
  const fields = namesOf(column['fields'])
  const written = fields.join('.')
  const [first = '', second, third] = fields
  if (fields.length === 1) {
    if (first === '*' && (reading.isQuery || scope.depth > 0)) return
    if (reading.isQuery) {
      reading.references.push({ table: null, column: first })
      return
    }
    if (scope.depth > 0) {
      reading.faults.push({ code: 'UNQUALIFIED_COLUMN', message: `in a subquery or join \`${written}\` could be a column of either table: write \`${reading.alias}.${written}\`, or put the other table's name before it` })
    } else if (first === reading.alias) reading.wholeRow = true
    else {
      reading.references.push({ table: null, column: first })
      if (typeof column['location'] === 'number') reading.bare.push(column['location'] - reading.offset)
    }
    return
  }
  const entry = lookUp(first, scope)
  if (entry?.kind === 'row') {
    if (second === '*') reading.wholeRow = true
    else if (second !== undefined) reading.references.push({ table: null, column: second })
  } else if (entry?.kind === 'table') {
    if (second !== undefined && second !== '*') reading.references.push({ table: { schema: entry.schema, name: entry.name }, column: second })
  } else if (entry === null) {
    // `app.office.id` names the table with its schema
    const named = second === undefined || third === undefined ? null : lookUp(second, scope)
    if (named?.kind === 'table' && named.schema === first) {
      if (third !== undefined && third !== '*') reading.references.push({ table: { schema: named.schema, name: named.name }, column: third })
      return
    }
    const other = reading.alias === 'src' ? 'tgt' : 'src'
    const message = first === other
      ? `\`${other}\` is the row of the other database and cannot be read here: the row is \`${reading.alias}\``
      : `\`${written}\`: there is no table \`${first}\` here; the row is \`${reading.alias}\`, and a field of a composite column is \`(${reading.alias}.column).field\``
    reading.faults.push({ code: 'INVALID_SQL', message })
  }
}

function readOther(kind: string, node: JsonMap, reading: Reading, scope: Scope): void {
  if (kind === 'FuncCall') readCall(node, reading, scope)
  else if (kind === 'SQLValueFunction') {
    const name = (textAt(node, 'op') ?? '').replace(/^SVFOP_/, '').replace(/_N$/, '').toLowerCase()
    if (/user|role|catalog|schema/.test(name)) unsafe(reading, `\`${name}\` tells of the session, not of the row: remove it`)
    else reading.unstable.add(name)
  } else if (kind === 'ParamRef') unsafe(reading, 'the SQL may not have parameters such as `$1`')
  else if (kind === 'CollateClause') reading.collated = true
  else if (kind === 'A_Expr') {
    const operator = namesOf(node['name']).at(-1) ?? ''
    if (node['kind'] === 'AEXPR_ILIKE' || operator === '~*' || operator === '!~*') reading.localeDependent.add(node['kind'] === 'AEXPR_ILIKE' ? 'ilike' : operator)
    readTimes([node['lexpr'] ?? null, node['rexpr'] ?? null], reading)
  } else if (kind === 'CoalesceExpr' || kind === 'MinMaxExpr') readTimes(listOf(node['args']), reading)
  else if (/^(Insert|Update|Delete|Merge)Stmt$/.test(kind)) unsafe(reading, 'the plan only reads: no insert, update, delete or merge')
  else if (kind === 'TypeCast') {
    if (/^reg/.test(namesOf(mapAt(node, 'typeName')?.['names']).at(-1) ?? '')) unsafe(reading, 'object identifiers such as `regclass` mean nothing in another database: remove the cast')
    readTimes([node['arg'] ?? null], reading)
  }
}

/** Notes literals such as `today` among what an operator, a function or a cast is given: read as a time, they are another one each day. A result of `case` is rather a label. */
function readTimes(given: Json[], reading: Reading): void {
  for (const value of given) {
    if (isMap(value) && isMap(value['List'])) readTimes(listOf(value['List']['items']), reading)
    const literal = isMap(value) ? textAt(mapAt(mapAt(value, 'A_Const') ?? undefined, 'sval') ?? undefined, 'sval') : null
    if (literal !== null && isUnstableTime(literal)) reading.unstable.add(`'${literal}'`)
  }
}

function readCall(call: JsonMap, reading: Reading, scope: Scope): void {
  const name = (namesOf(call['funcname']).at(-1) ?? '').toLowerCase()
  if (isRefusedFunction(name)) unsafe(reading, `the function \`${name}\` is not allowed in a plan: it acts on the server or tells of it, not of the row`)
  if (isUnstableFunction(name, listOf(call['args']).length)) reading.unstable.add(`${name}()`)
  if (isLocaleFunction(name)) reading.localeDependent.add(`${name}()`)
  readTimes(listOf(call['args']), reading)
  if (listOf(call['agg_order']).length > 0) reading.localeDependent.add('order by')
  const overRows = ['over', 'agg_star', 'agg_distinct', 'agg_filter', 'agg_within_group'].some((key) => call[key] !== undefined && call[key] !== false)
  if (scope.depth === 0 && overRows) {
    reading.faults.push({ code: 'INVALID_SQL', message: `\`${name}\` looks at several rows here: the expression sees one row, so put it in a subquery` })
  }
}

/** Writes the row's name before each bare column, so that no table the engine joins can take it over. */
function qualify(text: string, reading: Reading): string {
  const bytes = Buffer.from(text)
  const parts: Buffer[] = []
  let from = 0
  for (const at of [...reading.bare].sort((left, right) => left - right)) {
    parts.push(bytes.subarray(from, at), Buffer.from(`${reading.alias}.`))
    from = at
  }
  const qualified = Buffer.concat([...parts, bytes.subarray(from)]).toString()
  return qualified.includes('--') ? `${qualified}\n` : qualified
}
