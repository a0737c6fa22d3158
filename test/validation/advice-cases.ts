import type { Case } from './cases.js'
import { side, table } from './tables.js'

export const held = 'an explanation also holds for rows that arrived'
export const names = 'the key names each row'
const lines = (rows: string) => table('line', 'order_id int, line_no int, sku text, amount int', rows)
const byThree = `${side('line')}, key: { order_id: order_id, line_no: line_no, sku: sku }, same: [amount]`
const missing = (order: number, line: number, sku: string) => `missing plain {"line_no":"${line}","order_id":"${order}","sku":"${sku}"}`
const extra = (order: number, line: number, sku: string) => `extra ghost {"line_no":"${line}","order_id":"${order}","sku":"${sku}"} order_id ${order} line_no ${line} sku ${sku}`

/** What the reason would explain, and what it finds arrived. */
const visits = {
  source: table('visit', 'id int primary key, status int', '(1, 9), (2, 9), (3, 9), (4, 1), (5, 9), (6, 2), (7, 2)'),
  target: table('visit', 'id int, status int', '(1, 9), (2, 0), (4, 1), (6, 2)'),
}
const explained = 'explained: [{ reason: archived, where: src.status = 9 }, { reason: cancelled, where: "src.status in (2, 9)" }]'

export const adviceCases: Case[] = [
  {
    name: 'rows that fit a reason and arrived are told by reason, the equal one and the wrong one',
    ...visits, entities: { v: `${side('visit')}, key: { id: id }, same: [status], ${explained}` },
    expected: {
      v: {
        verdict: 'fail', figures: '7: 3 verified, 1 differs, 3 explained | 4: 4 matched',
        differences: ['differs value {"id":"2"} status: 9 → 0', 'explained archived {"id":"3"}', 'explained archived {"id":"5"}', 'explained cancelled {"id":"7"}'],
      },
    },
    checks: { [`$_v ${held}`]: 'pass' }, messages: { [`$_v ${held}`]: '"archived" also holds for 2 rows that arrived; "cancelled" also holds for 1 row that arrived' },
  },
  {
    name: 'a reason that holds for absent rows alone',
    ...visits, entities: { v: `${side('visit')}, key: { id: id }, same: [status], explained: [{ reason: lost, where: "src.id in (3, 5, 7)" }]` },
    expected: { v: { verdict: 'fail', figures: '7: 3 verified, 1 differs, 3 explained | 4: 4 matched', differences: ['differs value {"id":"2"} status: 9 → 0', 'explained lost {"id":"3"}', 'explained lost {"id":"5"}', 'explained lost {"id":"7"}'] } },
    checks: { [`$_v ${held}`]: 'pass' }, messages: { [`$_v ${held}`]: 'no row that arrived fits an explanation' },
  },
  {
    name: 'excluded rows and those without a key are not counted; nothing examined warns',
    source: table('visit', 'id int, status int', '(null, 9), (8, 9)'), target: table('visit', 'id int, status int'),
    entities: { v: `source: { table: $_visit, exclude: [{ reason: eight, where: src.id = 8 }] }, target: { table: $_visit }, key: { id: id }, same: [status], ${explained}` },
    expected: { v: { verdict: 'unknown', figures: '2: 1 excluded, 1 unverified | 0: nothing', differences: ['unverified no key {"id":null}'] } },
    checks: { [`$_v ${held}`]: 'warn' },
  },
  {
    name: 'a leg too many: rows that differ in it are missing and extra, and the leg is named',
    source: lines("(1, 1, 'a', 5), (1, 2, 'b', 5), (2, 1, 'c', 5)"), target: lines("(1, 1, 'x', 5), (1, 2, 'b', 5), (2, 1, 'y', 5)"),
    entities: { l: byThree },
    expected: { l: { verdict: 'fail', figures: '3: 1 verified, 2 missing | 3: 1 matched, 2 extra', differences: [missing(1, 1, 'a'), missing(2, 1, 'c'), extra(1, 1, 'x'), extra(2, 1, 'y')] } },
    checks: { [`$_l ${names}`]: 'warn' }, messages: { [`$_l ${names}`]: '2 missing and 2 extra rows agree in every leg of the key but sku' },
  },
  {
    name: 'twin: the leg as a column, and the same rows differ',
    source: lines("(1, 1, 'a', 5), (1, 2, 'b', 5), (2, 1, 'c', 5)"), target: lines("(1, 1, 'x', 5), (1, 2, 'b', 5), (2, 1, 'y', 5)"),
    entities: { l: `${side('line')}, key: { order_id: order_id, line_no: line_no }, same: [sku, amount]` },
    expected: { l: { verdict: 'fail', figures: '3: 1 verified, 2 differs | 3: 3 matched', summary: ['2 differs value'] } },
  },
  {
    name: 'twin: rows that share no more than one leg, or share the rest with several others, are no advice',
    source: lines("(1, 1, 'a', 5), (3, 1, 'p', 5), (3, 1, 'q', 5)"), target: lines("(1, 9, 'x', 5), (3, 1, 'r', 5)"),
    entities: { l: byThree },
    expected: { l: { verdict: 'fail', figures: '3: 3 missing | 2: 2 extra', differences: [missing(1, 1, 'a'), missing(3, 1, 'p'), missing(3, 1, 'q'), extra(1, 9, 'x'), extra(3, 1, 'r')] } },
    checks: { [`$_l ${names}`]: 'pass' },
  },
  {
    name: 'a masked leg proves no agreement; the leg that is masked itself may be the one too many',
    source: lines("(1, 1, 'a', 5)"), target: lines("(1, 1, 'x', 5)"),
    entities: {
      sku: `${side('line')}, shared: true, key: { order_id: order_id, line_no: line_no, sku: { from: sku, pii: true } }, same: [amount]`,
      number: `${side('line')}, shared: true, key: { order_id: { from: order_id, pii: true }, line_no: line_no, sku: sku }, same: [amount]`,
    },
    expected: { sku: { verdict: 'fail', figures: '1: 1 missing | 1: 1 extra', summary: ['1 missing plain', '1 extra ghost'] }, number: { verdict: 'fail', figures: '1: 1 missing | 1: 1 extra', summary: ['1 missing plain', '1 extra ghost'] } },
    checks: { [`$_sku ${names}`]: 'warn', [`$_number ${names}`]: 'pass' },
  },
  {
    name: 'a target key that no map entry knows is named by its modern key, and agrees with no legacy one',
    source: table('tagged', 'patient_id int, tag_id int', '(1, 2)'),
    target: `${table('tagged', 'patient_id int, tag_id int', '(1, 3)')}; ${table('map', 'legacy int, modern int', '(1, 11), (2, 12)')}`,
    keyMaps: '$_map: { table: $_map, legacy: legacy, modern: modern }',
    entities: { t: `${side('tagged')}, key: { patient_id: { from: patient_id, references: $_map }, tag_id: { from: tag_id, references: $_map } }` },
    expected: { t: { verdict: 'fail', figures: '1: 1 missing | 1: 1 extra', differences: ['missing plain {"patient_id":"1","tag_id":"2"}', 'extra no map entry {"patient_id":"1","tag_id":"3"}'] } },
  },
]
