// The compiler copies only what it compiles: files read at run time follow here.
import { cpSync } from 'node:fs'

for (const folder of ['db/migrations', 'demo/sql']) {
  cpSync(new URL(`../src/${folder}`, import.meta.url), new URL(`../dist/${folder}`, import.meta.url), { recursive: true })
}
