/** Tests that import vitest get the few words of it that they need from vitest.js; that file itself gets the real one. */
export async function resolve(specifier, context, nextResolve) {
  if (specifier !== 'vitest' || context.parentURL === new URL('./vitest.js', import.meta.url).href) return nextResolve(specifier, context)
  return { url: new URL('./vitest.js', import.meta.url).href, shortCircuit: true }
}
