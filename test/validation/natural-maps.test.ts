import { testInChunks } from './cases.js'
import { naturalMapCases } from './natural-map-cases.js'

testInChunks('natural key maps', naturalMapCases)
