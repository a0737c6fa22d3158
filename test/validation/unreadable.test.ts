import { testInChunks } from './cases.js'
import { unreadableCases } from './unreadable-cases.js'

testInChunks('rows that cannot be read', unreadableCases)
