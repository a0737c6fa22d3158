import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const src = resolve(import.meta.dirname, '../src')
const slices = ['health', 'coverage', 'scripts', 'domains', 'entities', 'validation', 'reports', 'plan']

/** What the files of an area may import of ours, and why. `area/file` allows that one file. */
const allowed: Record<string, { from: string[]; why: string }> = {
  core: { from: [], why: 'pure: it can be read, tested and trusted alone' },
  db: { from: ['core'], why: 'speaks SQL about the things that core names' },
  jobs: { from: ['core', 'db'], why: 'moves tasks; what is in them is the slices\' business' },
  http: { from: ['core', 'db/sqlstate'], why: 'turns errors into answers; reads no table' },
  demo: { from: ['core', 'db', 'plan'], why: 'a migration to look at, not a part of the service' },
  ...Object.fromEntries(slices.map((slice) => [slice, { from: ['core', 'db', 'http', 'jobs'], why: 'an area of the product, with its own routes' }])),
}

/** Edges between slices; all others are refused. */
const edges: [string, string, string][] = [
  ['validation', 'plan', 'a job checks the plan before it compares'],
  ['validation', 'coverage/queries', 'one query for what columns hold'],
  ['validation', 'scripts/order', 'what is to be repaired is listed in the order in which scripts run'],
  ['scripts', 'plan/load', 'the plan names the scripts'],
  ['domains', 'plan/load', 'the plan names the domains'],
  ['entities', 'plan/load', 'the plan names the entities'],
  ['coverage', 'plan/load', 'the plan says what is to be covered'],
  ['reports', 'plan/load', 'the plan says what is to be reported'],
  ['domains', 'coverage/queries', 'one query for the current figures'],
  ['entities', 'coverage/queries', 'one query for the current figures'],
  ['reports', 'coverage/queries', 'a report reads what the routes read'],
  ['reports', 'scripts/queries', 'a report reads what the routes read'],
  ['coverage', 'scripts', 'one judgement of what a script is'],
  ['domains', 'scripts', 'one judgement of what a script is'],
]

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(src, join(entry.parentPath, entry.name)))
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) => relative(src, resolve(dirname(join(src, file)), path ?? '')).replace(/\.js$/, ''))
}

const isMain = (file: string) => !file.includes('/') || file.startsWith('cli/')

test('imports point one way', () => {
  const broken: string[] = []
  for (const file of filesOf(src).filter((name) => !isMain(name))) {
    const [area = ''] = file.split('/')
    for (const imported of importsOf(file)) {
      const [into = ''] = imported.split('/')
      const fits = (rule: string) => imported === rule || imported.startsWith(`${rule}/`)
      const ok = into === area || allowed[area]?.from.some(fits) || edges.some(([from, to]) => from === area && fits(to))
      if (!ok) broken.push(`${file} imports ${imported}`)
    }
  }
  expect(broken).toEqual([])
})

test('every edge between slices is used', () => {
  const imports = filesOf(src).map((file) => [file.split('/')[0] ?? '', importsOf(file)] as const)
  const unused = edges.filter(([from, to]) => !imports.some(([area, list]) => area === from && list.some((path) => path === to || path.startsWith(`${to}/`))))
  expect(unused).toEqual([])
})

test('nothing imports a main, and only config.ts reads the environment', () => {
  const mains = ['server', 'worker', 'app', 'config']
  const broken = filesOf(src).flatMap((file) => {
    const text = readFileSync(join(src, file), 'utf8')
    return [
      ...(isMain(file) ? [] : importsOf(file).filter((path) => mains.includes(path) || path.startsWith('cli/')).map((path) => `${file} imports ${path}`)),
      ...(file !== 'config.ts' && text.includes('process.env') ? [`${file} reads process.env`] : []),
    ]
  })
  expect(broken).toEqual([])
})

test('what a worker loads holds neither the API nor the demonstration', () => {
  const packages = new Set<string>()
  const loaded = new Set<string>()
  const load = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    // an import of types alone is gone when the program runs; what stands in `import()` is loaded where it is used
    for (const [, path = ''] of readFileSync(join(src, file), 'utf8').matchAll(/^(?:import|export)(?! type)[^'\n]* from '([^']+)'/gm)) {
      if (path.startsWith('.')) load(relative(src, resolve(dirname(join(src, file)), path)).replace(/\.js$/, '.ts'))
      else packages.add(path)
    }
  }
  load('server.ts')
  expect([...loaded]).toContain('validation/settle.ts')
  expect([...loaded].filter((file) => file === 'app.ts' || file.startsWith('demo/') || file.endsWith('routes.ts'))).toEqual([])
  expect([...packages].filter((name) => name.includes('fastify'))).toEqual([])
})
