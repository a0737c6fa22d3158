/** A script and those that must have completed before it. */
export interface Dependent {
  name: string
  dependencies: readonly string[]
}

/**
 * The scripts in an order in which each comes after its dependencies; otherwise as given. A dependency that is not among them
 * is passed over, and so is one that closes a circle. (Depth-first topological sort.)
 */
export function executionOrder(scripts: readonly Dependent[]): string[] {
  const byName = new Map(scripts.map((script) => [script.name, script]))
  const order = new Set<string>()
  const open = new Set<string>()
  const visit = (script: Dependent): void => {
    if (order.has(script.name) || open.has(script.name)) return
    open.add(script.name)
    for (const name of script.dependencies) {
      const dependency = byName.get(name)
      if (dependency !== undefined) visit(dependency)
    }
    order.add(script.name)
  }
  scripts.forEach(visit)
  return [...order]
}

/** The direct and indirect dependencies of a script. */
export function allDependencies(name: string, byName: ReadonlyMap<string, Dependent>): Set<string> {
  const found = new Set<string>()
  const collect = (script: string): void => {
    for (const dependency of byName.get(script)?.dependencies ?? []) {
      if (dependency === name || found.has(dependency)) continue
      found.add(dependency)
      collect(dependency)
    }
  }
  collect(name)
  return found
}
