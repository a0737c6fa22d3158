import { expect, test } from 'vitest'
import { constantFor, mix64 } from '../../src/core/canonical.js'
import { createPair } from '../helpers/compare.js'

/**
 * A column of two values contributes one of two constants to the XOR of a row. Among more than 64 such columns some set has differences that cancel out (Gaussian
 * elimination over GF(2)): rows that differ in just those columns have the same fingerprint. No accident finds such a set; it shows what the audit is for.
 */
function cancellingColumns(names: readonly string[]): string[] {
  const basis = new Map<number, { difference: bigint; members: Set<string> }>()
  for (const name of names) {
    const seed = constantFor(`column ${name}`)
    let difference = BigInt.asUintN(64, seed ^ mix64(seed))
    const members = new Set([name])
    while (difference !== 0n) {
      const bit = difference.toString(2).length
      const other = basis.get(bit)
      if (other === undefined) {
        basis.set(bit, { difference, members })
        break
      }
      difference ^= other.difference
      for (const member of other.members) if (!members.delete(member)) members.add(member)
    }
    if (difference === 0n) return [...members]
  }
  throw new Error('no set of columns cancels out')
}

test.each([
  { how: 'read by themselves, where an index leads to neighbouring keys', key: 'int', value: 'i' },
  { how: 'summed in the pass, where none does', key: 'text', value: 'i::text' },
])('rows that differ under equal fingerprints are contradicted by another seed ($how): nothing of the run passes', async ({ key, value }) => {
  const names = Array.from({ length: 70 }, (_, index) => `b${index}`)
  const flipped = new Set(cancellingColumns(names))
  expect(flipped.size).toBeGreaterThan(1)
  const create = `create table t (id ${key} primary key, ${names.map((name) => `${name} boolean not null`).join(', ')})`
  const insert = (values: (name: string) => string) => `insert into t select ${value}, ${names.map(values).join(', ')} from generate_series(1, 10) i`
  const plan = `version: 1\ndomains: { d: {} }\nentities:\n  t: { domain: d, source: { table: t }, target: { table: t }, key: { id: id }, same: all }\n`
  const pair = await createPair({ source: `${create}; ${insert(() => 'true')}`, target: `${create}; ${insert(() => 'true')}` })
  try {
    const honest = await pair.compare(plan)
    expect(honest.entities['t']).toMatchObject({ verdict: 'pass' })
    expect(honest.checks.find(({ name }) => name === 'another fingerprint agrees')).toMatchObject({ entity: 't', verdict: 'pass', message: '10 of the rows whose sums are equal were summed with another seed too: equal again' })

    await pair.target.sql.unsafe(`update t set ${[...flipped].map((name) => `${name} = false`).join(', ')} where id = '3'`)
    const fooled = await pair.compare(plan)
    // the sums are equal indeed: without the audit this were a pass
    expect(fooled.entities['t']!.accounting.source).toMatchObject({ verified: 10 })
    expect(fooled.entities['t']!.verdict).toBe('unknown')
    expect(fooled.job.verdict).toBe('unknown')
    for (const name of ['another fingerprint agrees', 'fingerprints are faithful']) expect(fooled.checks.find((check) => check.name === name), name).toMatchObject({ entity: 't', verdict: 'unknown' })

    await pair.target.sql.unsafe(`update t set ${[...flipped][0]!} = true where id = '3'`)
    expect((await pair.compare(plan)).entities['t']).toMatchObject({ verdict: 'fail', accounting: { source: { verified: 9, differs: 1 } } })
  } finally {
    await pair.close()
  }
})
