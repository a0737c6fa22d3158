import type { Case } from '../validation/cases.js'
import { first } from './s01-s10.js'
import { second } from './s11-s20.js'
import { third } from './s21-s30.js'
import type { Situation } from './situation.js'

/** Those that are compared by one job. */
export const groups: readonly (readonly Situation[])[] = [first, second, third]

export const situations: readonly Situation[] = groups.flat()

export const casesOf = (list: readonly Situation[]): Case[] => list.flatMap(({ story, twins }) => [story, ...twins])
