import { writeFile } from 'node:fs/promises'
import { renderDocument } from './openapi-document.js'

await writeFile(new URL('../openapi/openapi.json', import.meta.url), await renderDocument())
