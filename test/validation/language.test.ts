import { testInChunks } from './cases.js'
import { languageCases } from './language-cases.js'

testInChunks('the plan language', languageCases)
