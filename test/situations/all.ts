import type { Case } from '../validation/cases.js'
import { first } from './s01-s10.js'
import { second } from './s11-s20.js'
import type { Situation } from './situation.js'

export const situations: readonly Situation[] = [...first, ...second]

export const casesOf = (list: readonly Situation[]): Case[] => list.flatMap(({ story, twins }) => [story, ...twins])
