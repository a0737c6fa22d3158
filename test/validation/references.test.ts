import { testInChunks } from './cases.js'
import { referenceCases } from './reference-cases.js'

testInChunks('references and their key maps', referenceCases)
