import fc from 'fast-check'

/** The same random cases in each run: whether a mutant survives must not be a matter of luck. */
fc.configureGlobal({ seed: 20_261_125 })
