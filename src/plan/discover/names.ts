/** What names say: words, their usual short forms, and how near two names are. Pure. */

/** Short forms that a whole word stands for. */
const longForms: Record<string, string[]> = {
  acct: ['account'], addr: ['address'], adr: ['address'], amt: ['amount'], birthdate: ['birth', 'date'], birthday: ['birth', 'date'], cat: ['category'], cd: ['code'], cnt: ['count'], cust: ['customer'], dept: ['department'],
  descr: ['description'], desc: ['description'], dob: ['birth', 'date'], dt: ['date'], emp: ['employee'], flg: ['flag'], firstname: ['first', 'name'], fname: ['first', 'name'], img: ['image'], inv: ['invoice'], lang: ['language'],
  lastname: ['last', 'name'], lname: ['last', 'name'], lic: ['licence'], license: ['licence'], mail: ['email'], mgr: ['manager'], mod: ['modified'], msg: ['message'], nbr: ['number'], nm: ['name'], ph: ['phone'], sts: ['status'], typ: ['type'], upd: ['updated'], no: ['number'], nr: ['number'],
  num: ['number'], ord: ['order'], org: ['organisation'], organization: ['organisation'], passwd: ['password'], pct: ['percent'], postcode: ['postal', 'code'], prod: ['product'], pwd: ['password'], qty: ['quantity'],
  ref: ['reference'], seq: ['sequence'], tel: ['phone'], telephone: ['phone'], txt: ['text'], usr: ['user'], username: ['user', 'name'], val: ['value'], zip: ['postal', 'code'], zipcode: ['postal', 'code'], colour: ['color'],
}

/** Words that say how a value is kept rather than what it is: what they weigh beside an ordinary word. */
const weights: Record<string, number> = {
  is: 0.2, has: 0.2, was: 0.2, at: 0.2, on: 0.2, of: 0, the: 0, ts: 0.2, flag: 0.2, time: 0.4, date: 0.5, id: 0.4, code: 0.5, number: 0.5, count: 0.5, type: 0.6, key: 0.5, value: 0.5, name: 0.7, uuid: 0.4, bool: 0.2,
}

/** First words of a table's name that say only that it is one. */
const tableWords = new Set(['tbl', 'tb', 'tab', 't', 'table', 'mst', 'master', 'dat'])

const endings: [RegExp, string][] = [[/(ss|us|is)$/, '$1'], [/ies$/, 'y'], [/(sh|ch|x|ss)es$/, '$1'], [/([a-z]{2,})s$/, '$1']]

/** A plural in the singular, by the commonest rules of English: `categories` → `category`, `boxes` → `box`, `status` stays. */
export function singular(word: string): string {
  const rule = endings.find(([pattern]) => pattern.test(word))
  return rule === undefined ? word : word.replace(rule[0], rule[1])
}

const tokenCache = new Map<string, string[]>()

/** The words of a name in lower case and singular, short forms written out: `tblCustRefs` → `tbl`, `customer`, `reference`. */
export function tokensOf(name: string): string[] {
  const cached = tokenCache.get(name)
  if (cached !== undefined) return cached
  const words = name.replaceAll(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2').replaceAll(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1 $2').toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
  const tokens = words.flatMap((word) => longForms[word] ?? longForms[singular(word)] ?? [singular(word)])
  tokenCache.set(name, tokens)
  return tokens
}

/** A first word that most of the tables (60 % of four or more) have is no part of what they are called, such as `dispatch_`. */
export function commonPrefix(names: readonly string[]): string | null {
  const counts = new Map<string, number>()
  for (const name of names) {
    const [first, second] = tokensOf(name)
    if (first !== undefined && second !== undefined) counts.set(first, (counts.get(first) ?? 0) + 1)
  }
  const found = [...counts].find(([, count]) => count >= 4 && count >= names.length * 0.6)
  return found?.[0] ?? null
}

/** The words of a table's name without its prefix. */
export function tableTokens(name: string, prefix: string | null): string[] {
  const tokens = tokensOf(name)
  const bare = tokens.filter((word, index) => index > 0 || (!tableWords.has(word) && word !== prefix))
  return bare.length === 0 ? tokens : bare
}

/** The words of a column's name without those of its table: `album_id` of `albums` is `id`. */
export function columnTokens(column: string, table: readonly string[]): string[] {
  const tokens = tokensOf(column)
  const isOwn = tokens.length > table.length && table.every((word, index) => tokens[index] === word)
  return isOwn ? tokens.slice(table.length) : tokens
}

const weightOf = (word: string): number => weights[word] ?? 1

/** 1 the same word, 0.8 one begins with the other (four letters at least; 0.5 two), 0.6 a short form (same first letter, consonants in order), else 0. */
function wordSimilarity(left: string, right: string): number {
  if (left === right) return 1
  const [short, long] = left.length <= right.length ? [left, right] : [right, left]
  if (short.length >= 4 && long.startsWith(short)) return 0.8
  if (short.length >= 2 && long.startsWith(short)) return 0.5
  if (short.length < 3 || long.length < short.length + 2 || short[0] !== long[0]) return 0
  let place = 0
  for (const letter of long) if (letter === short[place]) place += 1
  return place === short.length && !/[aeiou]/.test(short.slice(1)) ? 0.6 : 0
}

/**
 * How near two names are, from 0 to 1: 1 the same words in the same order, 0.97 in another order, else twice the weight that they share by the weight of both (Dice's
 * coefficient over weighted words). Words such as `is`, `at` and `id` weigh little.
 */
export function similarity(left: readonly string[], right: readonly string[]): number {
  if (left.length === right.length) {
    if (left.every((word, index) => word === right[index])) return 1
    if (left.every((word) => right.includes(word)) && right.every((word) => left.includes(word))) return 0.97
  }
  if (!left.some((word) => right.some((other) => word[0] === other[0]))) return 0
  const free = [...right]
  let shared = 0
  for (const word of left) {
    let best = { place: -1, value: 0 }
    for (const [place, other] of free.entries()) {
      const value = wordSimilarity(word, other)
      if (value > best.value) best = { place, value }
    }
    if (best.place < 0) continue
    shared += best.value * (weightOf(word) + weightOf(free[best.place] ?? '')) / 2
    free.splice(best.place, 1)
  }
  const whole = [...left, ...right].reduce((sum, word) => sum + weightOf(word), 0)
  return whole === 0 ? 0 : Math.min(0.95, 2 * shared / whole)
}

/** The words of a column's name that say what it is, in the order of the alphabet: names of equal core are taken for one when tables are looked at as a whole. */
export function coreOf(column: string): string {
  const tokens = tokensOf(column)
  const core = tokens.filter((word) => weightOf(word) > 0.5)
  return (core.length === 0 ? tokens : core).sort().join(' ')
}

const legacyWords = new Set(['legacy', 'old', 'source', 'src', 'original', 'orig', 'previous', 'prev', 'external', 'ext', 'migrated', 'import', 'imported', 'foreign', 'former', 'from'])
const modernWords = new Set(['modern', 'new', 'target', 'tgt', 'dest', 'destination', 'current', 'to'])

/** The name says that the column holds a key of the system before. */
export const isLegacyName = (column: string): boolean => tokensOf(column).some((word) => legacyWords.has(word))
/** The name says that the column holds a key of the new system. */
export const isModernName = (column: string): boolean => tokensOf(column).some((word) => modernWords.has(word))
