import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/**
 * Where each rule of the accounting and each promise of the plan language is tested: A, ways in which a wrong row could count as verified; B, rules of the accounting;
 * C, what the language promises. `folder/file` and the name of the test or case there.
 */
const audit: [rule: string, says: string, ...places: [file: string, name: string][]][] = [
  ['A1', 'NULL does not equal what a key map does not know; unresolved equals nothing, itself included', ['validation/holes', 'a reference that is NULL at the source does not equal one that no map entry knows'],
    ['validation/holes', 'an orphan reference of the source does not equal the same number in the target that the map does not know'], ['core/pairing', 'unresolved values equal nothing, NULL equals NULL']],
  ['A2', 'one target row pays for one source row', ['validation/holes', 'three source rows collapsed into one target row are one verified and two missing'], ['validation/language', 'merge: the same data without the declaration is a collapse']],
  ['A3', 'a bad survivor covers no row', ['validation/language', 'merge: no follower is merged into a survivor that differs']],
  ['A4', 'a key map that folds keys multiplies no row, and a reference is right under either key', ['validation/holes', 'a reference through a map that folds two legacy keys into one is right under either, and no row is multiplied'],
    ['validation/holes', 'thousands of collapsed pairs, more than one statement reads: the equal row of each takes the target row']],
  ['A5', 'totals are counts of the bare relation, and what multiplies rows proves nothing', ['core/accounting', 'every figure that is off by one breaks the laws it stands in'], ['validation/holes', 'a map entry that stands twice multiplies nothing'],
    ['validation/joins', 'proves nothing when a join multiplies rows'], ['validation/property', 'the classes are those of a plain full join, and the laws hold']],
  ['A6', 'a column in a subquery names its table', ['validation/holes', 'an unqualified column in a subquery is refused, since a table of the subquery could take it'], ['plan/fragment.unit', "refuses one that stands bare, because it could be either table's"]],
  ['A7', 'a predicate that is NULL does not hold, nor does its complement', ['validation/holes', 'a predicate that is NULL is no: the row stays in scope'], ['validation/holes', 'a where that is NULL claims nothing, and the row left over fails the table'],
    ['validation/holes', 'explained and generated that are NULL explain nothing']],
  ['A8', 'encodings, collations and float widths do not change what is equal', ['validation/correctness', 'equal texts of a LATIN1 and a UTF8 database are equal, as key and as column'], ['validation/correctness', 'a nondeterministic collation folds nothing'],
    ['validation/correctness', 'float4 against float8: the shortest text decides'], ['validation/canary', 'servers of different encodings agree once text is hashed by its UTF-8 bytes, and only then']],
  ['B1', 'a pending row leaves its target row pending, not extra', ['validation/changed-at', 'what changed within the lag is pending on both sides, equality beats it, a NULL time is old']],
  ['B2', 'pending is younger than the lag, or changes on every reading; equal beats it', ['validation/changed-at', 'without a lag only what is newer than the pass is pending'],
    ['validation/live', 'a row that changes on every read is pending on both sides, and the verdict is unknown'], ['validation/live', 'a row that is put right during the delay is verified']],
  ['B3', 'n source and m target rows of one key are min(n, m) pairs, equal ones first', ['validation/holes', 'four source rows against two of one key: two pay, two are missing'], ['validation/holes', 'two source rows against four of one key: two duplicates, though every value is right'],
    ['validation/holes', 'equal duplicates on both sides: every row is paid for, and the key is called not unique'], ['core/pairing', 'n source and m target rows give min(n, m) pairs; no row is lost, none stands twice']],
  ['B4', 'a key of nothing but NULL pairs with nothing; NULL in some legs is a value', ['validation/holes', 'a row without a key is unverified at the source and extra in the target, never a pair'], ['validation/holes', 'a NULL in some legs is a value equal to NULL']],
  ['B5', 'of two reasons the first counts, evidence beats explanation, exclusion beats arrival', ['validation/holes', 'of two reasons that fit the first counts, so that the sums are the classes'],
    ['validation/advice', 'rows that fit a reason and arrived are told by reason, the equal one and the wrong one'], ['validation/holes', 'an excluded row that arrived all the same is extra, cause excluded; its equal twin in scope is not touched'],
    ['validation/holes', 'a declared kind of generated row does not hide a duplicate, an explanation does not hide an arrival']],
  ['B6', 'missing, extra and differing rows have a cause', ['core/pairing', 'of a missing row'], ['validation/holes', 'entries of a map that lead nowhere are told, and their rows are missing with the right cause'], ['validation/parents', 'a missing child names the row at the top of its chain']],
  ['B7', 'a row that no entity claims, or several do undeclared, fails its table', ['validation/holes', 'branches of one table neither see each other nor lose a row'], ['validation/holes', 'a row of a kind that no branch claims fails the table'],
    ['validation/holes', 'one source row wanted in two tables: shared in both is allowed'], ['validation/holes', 'shared in one of the two only fails']],
  ['B8', 'entities of one target table claim by where or by key map, or are refused', ['validation/holes', 'two entities in one target table claim what their key maps reach; a row that neither reaches fails the table'],
    ['validation/holes', 'two entities on one target table without anything to tell them apart are refused, and the table is not counted']],
  ['B9', 'figures above entities add deliveries, not rows', ['core/figures', 'adds deliveries and takes the worst verdict'], ['coverage/summary', 'rolls up the newest published figures']],
  ['B10', 'the total is the sum of the chunks, open at both ends, and rows without a key', ['core/expressions', 'are open at both ends and meet without a gap'], ['validation/holes', 'many small chunks and segments tell the same story'],
    ['validation/live', 'a row inserted on both sides after the pass over one of them is seen on both']],
  ['B11', 'what could not be counted is null and unknown; 0 rows warn', ['validation/holes', 'a table that is not there: nothing is known, and nothing is 0'], ['validation/holes', 'an empty target: every row is missing; an empty source: every row is extra'],
    ['validation/holes', 'both empty: 0 rows are told and warned of, never passed']],
  ['B12', 'what a changed run has not read is proved to be as before; what is outside a sample is unverified', ['validation/changed', 'nothing has changed: nothing is read but what differed, and all figures are the same'], ['validation/sample', 'a tenth of the keys is compared, the rest is unverified, and the laws hold']],
  ['B13', 'each class has its verdict, and the worst wins', ['core/accounting', 'worst first: fail, unknown, warn, pass; of none unknown'], ['core/accounting', 'pass means: something in scope, all of it verified or merged, nothing else in the target but matched and generated']],
  ['B14', 'a leg too many in the key is told', ['validation/advice', 'a leg too many: rows that differ in it are missing and extra, and the leg is named']],
  ['C1', 'a key is written in the grammar of columns, each leg by its own map', ['validation/holes', 'a key through two references: each leg by its own map, swapped legs pair with nothing'], ['situations/s11-s20', 'a junction is compared by both of its references']],
  ['C4', 'merge: NULL merges with nobody, conflicts warn', ['validation/language', 'merge: a follower whose entry leads to the verified survivor is merged; NULL merges with nobody'], ['validation/language', 'merge: what a follower loses against the survivor is a conflict, and warns']],
  ['C5', 'accept needs a value, and only that value is accepted', ['validation/language', 'accept: a declared other value is accepted, any other differs, and equality comes first'], ['validation/language', 'accept: a default in place of a reference that is lost; undeclared it differs']],
  ['C6', 'parent holds when the parent is absent, excluded or explained; a cycle ends as missing', ['validation/parents', 'a child of a parent that never was to arrive is explained where the plan says so'],
    ['validation/parents', 'a chain is followed to its root, in a tree of one table, and a cycle ends as missing']],
  ['C7', 'references by a code: a code outside is unresolved', ['validation/language', 'references by a code: each row goes through its own map, and an unknown code equals nothing']],
  ['C8', 'whole tables are signed off', ['plan/preflight', 'signs tables off: by a reason, as a key map'], ['situations/s11-s20', 'rows and tables that the migration makes up are declared: generated, outside the coverage, and counted']],
  ['C9', 'a query accounts for the table whose primary key it returns', ['validation/language', 'a query in place of a table, which accounts for the table whose primary key it returns'],
    ['validation/language', 'a query that does not return the primary key cannot say which rows it accounts for']],
  ['C10', 'tolerance, accept and JSON are decided by value', ['validation/tolerance', 'values within the distance are equal, on the edge too; NULL equals only NULL, infinity only infinity'],
    ['validation/language', 'totals: a tolerance allows as much for each row, merged rows are not expected, generated ones not counted']],
  ['C11', 'SQL that depends on the locale is warned of', ['plan/preflight', 'warns of text whose form depends on the locale, where the databases differ in it'], ['plan/fragment.unit', 'tells what changes from call to call, and what depends on the locale']],
  ['C12', 'a row whose expression fails is unverified, and its error told', ['validation/correctness', 'a statement that fails in one row leaves that row and its partner unverified, its error told'],
    ['validation/language', 'as json: a broken text does not equal the same broken text, unless it is declared']],
  ['C13', 'codes are text as written; NULL stays NULL; other is accepted', ['validation/holes', 'codes are the text as written: 007, yes and 1.0 are no YAML values'], ['validation/holes', 'a NULL is no code: it stays NULL unless it is listed, and the text null is not NULL'],
    ['validation/tolerance', 'a row that needs it is accepted, one that holds something else differs, NULL stays NULL']],
  ['C14', 'totals: what is expected, exactly, NULL a group', ['validation/language', 'totals: exact sums by group, NULL a group like others; explained rows are not expected, missing ones are']],
  ['C15', 'same takes common names; the rest is uncovered', ['plan/preflight', 'takes `same: all` for every common name that is not written elsewhere'], ['validation/holes', 'an ignored column is not compared; a column of neither is uncovered and warns']],
  ['C16', 'names are exact; keys of a map meet in the type of the source', ['validation/correctness', 'identifiers of every kind, on both sides'], ['validation/holes', 'a map that stores uuids as text: letters of either case are the same uuid, on both of its sides']],
  ['C17', 'key maps are checked themselves', ['validation/holes', 'one legacy key with two modern keys: a forgotten where of the map fails, though every row looks right'],
    ['validation/holes', 'an ambiguous map that only a column references fails: both modern keys would be called right'], ['validation/natural-maps', 'compares nothing through a natural value that stands for several keys']],
  ['C18', 'script takes a list; a later change at the source is stale', ['plan/load.unit', 'reads what the service does'], ['situations/s21-s30', 'a row updated at the source after its migration is stale, one deleted there is a ghost']],
]

const read = (path: string) => readFileSync(new URL(`./${path}.ts`, import.meta.url), 'utf8')
/** The text of a file of tests, with the cases that it takes from beside it. */
function textOf(file: string): string {
  const text = read(`${file}${file.startsWith('situations/') ? '' : '.test'}`)
  return [text, ...[...text.matchAll(/from '\.\/([\w-]+-cases)\.js'/g)].map(([, name]) => read(`${file.slice(0, file.lastIndexOf('/'))}/${name}`))].join('\n')
}

test.each(audit)('%s: %s', (_, says, ...places) => {
  expect(says.length).toBeGreaterThan(10)
  expect(places.length).toBeGreaterThan(0)
  const lost = places.filter(([file, name]) => !textOf(file).includes(`'${name.replaceAll("'", "\\'")}'`))
  expect(lost).toEqual([])
})

test('no rule is left out', () => {
  const numbers = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)
  // C2 and C3 became part of C1
  expect(audit.map(([rule]) => rule)).toEqual([...numbers('A', 8), ...numbers('B', 14), ...numbers('C', 18).filter((rule) => rule !== 'C2' && rule !== 'C3')])
})
