/** The parts of a database URL, as texts of the variables that they stand for; a part that is not there is left out. */
export type DatabaseUrlParts = Partial<Record<'HOST' | 'PORT' | 'NAME' | 'USER' | 'PASSWORD' | 'SSL', string>>

/**
 * Reads `postgres://user:password@host:port/database?sslmode=verify-full`; `postgresql://` too, and `sslmode` is the only parameter.
 * @returns the parts, or what is wrong, in words that follow the variable's name and do not repeat the URL, since it holds the password
 */
export function readDatabaseUrl(text: string): DatabaseUrlParts | { fault: string } {
  if (!URL.canParse(text)) return { fault: 'must be a URL such as postgres://user:password@host:5432/database' }
  const url = new URL(text)
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') return { fault: 'must begin with postgres:// or postgresql://' }
  const other = [...url.searchParams.keys()].filter((name) => name !== 'sslmode')
  if (other.length > 0) return { fault: `holds the parameter ${other[0] ?? ''}: only sslmode is read` }
  const mode = url.searchParams.get('sslmode')
  if (mode !== null && !['disable', 'require', 'verify-full'].includes(mode)) return { fault: `holds sslmode=${mode}: write disable, require or verify-full` }
  try {
    const parts = { HOST: url.hostname.replace(/^\[(.*)\]$/, '$1'), PORT: url.port, NAME: decodeURIComponent(url.pathname.slice(1)), USER: decodeURIComponent(url.username), PASSWORD: decodeURIComponent(url.password), SSL: mode ?? '' }
    return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ''))
  } catch {
    return { fault: 'holds a % that begins no escape: write %25 for the sign itself' }
  }
}
