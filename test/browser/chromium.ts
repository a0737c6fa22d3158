import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'

/** Debian's, unless CHROMIUM names another one. */
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** Without a browser the tests that need one are skipped, but never where a change is judged. */
export const hasBrowser = existsSync(executablePath)
if (!hasBrowser && process.env['CI'] === 'true') throw new Error(`there is no browser at ${executablePath}: install Debian's package chromium, or name another one in the variable CHROMIUM`)

/** A name of this machine: a browser trusts loopback over plain http more than any other server. */
export const plainName = 'coverage.example'

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', `--host-resolver-rules=MAP ${plainName} 127.0.0.1`],
  })
}

/** What a page complained of, and what it asked for beyond one origin. */
export interface Watched {
  complaints: string[]
  outside: string[]
}

/** Listens to a page from now on. */
export function watchPage(page: Page, origin: string): Watched {
  const watched: Watched = { complaints: [], outside: [] }
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) watched.complaints.push(message.text()) })
  page.on('pageerror', (error) => { watched.complaints.push(error.message) })
  page.on('request', (request) => { if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith('data:')) watched.outside.push(request.url()) })
  return watched
}

/**
 * What is wrong with how the charts of a page are laid out: an empty picture, text that leaves its picture or lies on other text, and a page wider than its window.
 * Runs in the page, which the tests' types know nothing of: hence text.
 */
export async function layoutFaults(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(`(() => {
    const faults = []
    const width = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth > width) faults.push('the page is ' + document.documentElement.scrollWidth + ' wide in a window of ' + width)
    for (const svg of document.querySelectorAll('svg.chart')) {
      const name = svg.querySelector('title').textContent
      const box = svg.getBoundingClientRect()
      if (box.width < 100 || box.height < 30) faults.push(name + ' is ' + box.width + ' by ' + box.height)
      const texts = [...svg.querySelectorAll('text')].map((text) => ({ text: text.firstChild.textContent, box: text.getBoundingClientRect() }))
      for (const [index, one] of texts.entries()) {
        if (one.box.left < box.left - 1 || one.box.right > box.right + 1 || one.box.top < box.top - 1 || one.box.bottom > box.bottom + 1) faults.push(name + ': "' + one.text + '" leaves the picture')
        for (const other of texts.slice(index + 1)) {
          const [x, y] = [Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left), Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top)]
          if (x > 0 && y > 4) faults.push(name + ': "' + one.text + '" lies on "' + other.text + '"')
        }
      }
    }
    return faults
  })()`)
}
