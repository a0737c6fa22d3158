import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test as anyTest } from 'vitest'
import type { DemoDatabases } from '../../src/demo/databases.js'
import { renderHtml } from '../../src/reports/render-html.js'
import { postJob } from '../e2e/jobs.js'
import { apiKey } from '../helpers/app.js'
import { operationsOf, type Document } from '../helpers/document.js'
import { createDemoPair, databaseEnvironment, request, startService, waitFor, type Service } from '../helpers/service.js'
import { hasBrowser, launchBrowser, layoutFaults, plainName, watchPage } from './chromium.js'
import { stressReport } from './stress-report.js'

const test = anyTest.skipIf(!hasBrowser)

const headers = { 'x-api-key': apiKey }
let databases: DemoDatabases
let service: Service
let browser: Browser
/** the one job over everything, of which the reports tell */
let jobId: string

beforeAll(async () => {
  browser = await launchBrowser()
  databases = await createDemoPair(5000)
  service = await startService({ ...databaseEnvironment(databases), API_KEY: apiKey, RECHECK_DELAY_MS: '500' })
  await request(service, '/scripts/migrate-patients/runs', { method: 'POST', headers })
  jobId = await postJob(service, {}, headers)
})
afterAll(async () => {
  await browser?.close()
  await service?.stop()
  await databases?.drop()
})

const opened: BrowserContext[] = []
afterEach(async () => { await Promise.all(opened.splice(0).map((context) => context.close())) })

async function openPage(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  opened.push(context)
  return context.newPage()
}

interface Told { id: string | undefined; event: string; data: Record<string, unknown> }

test('the events of a running job arrive in a page, piece by piece', async () => {
  const page = await openPage()
  await page.goto(`${service.url}/docs`)
  // an EventSource cannot send a key, a stream that is fetched can
  const { status, mediaType, pieces } = await page.evaluate<{ status: number; mediaType: string; pieces: string[] }>(`(async () => {
    const answer = await fetch('/validation/jobs/${jobId}/events', { headers: ${JSON.stringify(headers)} })
    const pieces = []
    for (const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
      const { done, value } = await reader.read()
      if (done) return { status: answer.status, mediaType: answer.headers.get('content-type'), pieces }
      pieces.push(value)
    }
  })()`)
  expect([status, mediaType]).toEqual([200, 'text/event-stream; charset=utf-8'])
  expect(pieces.length).toBeGreaterThan(1)
  const told = pieces.join('').split('\n\n').filter((part) => /^event: /m.test(part)).map((part): Told => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1]
    return { id: field('id'), event: field('event') ?? '', data: JSON.parse(field('data') ?? '{}') as Told['data'] }
  })
  const { body } = await request<{ status: string; details: { entities: { entity: string; verdict: string }[] } }>(service, `/validation/results/${jobId}?includeDetails=true`, { headers })
  expect(body.status).toBe('completed')
  expect(told.filter(({ event }) => event === 'status').at(-1)?.data).toMatchObject({ status: 'completed', verdict: 'fail' })
  const verdicts = told.filter(({ event }) => event === 'verdict').map(({ data }) => `${String(data['entity'])} ${String(data['verdict'])}`)
  expect(verdicts.sort()).toEqual(body.details.entities.map(({ entity, verdict }) => `${entity} ${verdict}`).sort())
  expect(told.filter(({ event }) => event === 'progress').length).toBeGreaterThan(0)
})

describe('/docs', () => {
  test('lists every operation of the document, over plain http on a name that is not loopback', async () => {
    const page = await openPage()
    const url = service.url.replace('127.0.0.1', plainName)
    const watched = watchPage(page, url)
    await page.goto(`${url}/docs`)
    const { body: document } = await request<Document>(service, '/openapi.json')
    const operations = operationsOf(document).map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    await page.locator('.opblock').nth(operations.length - 1).waitFor()
    const shown = await page.evaluate<string[]>(`[...document.querySelectorAll('.opblock')].map((block) =>
      block.querySelector('.opblock-summary-method').textContent + ' ' + block.querySelector('.opblock-summary-path').getAttribute('data-path'))`)
    expect(shown.sort()).toEqual(operations.sort())
    // which a browser holds against every page without TLS
    const held = /Cross-Origin-Opener-Policy|Origin-Agent-Cluster/
    expect({ ...watched, complaints: watched.complaints.filter((text) => !held.test(text)) }).toEqual({ complaints: [], outside: [] })
  })

  test('"Try it out" is answered 401 without a key, and 200 with one typed into "Authorize"', async () => {
    const page = await openPage()
    await page.goto(`${service.url}/docs#/Coverage/getCoverageSummary`)
    const operation = page.locator('#operations-Coverage-getCoverageSummary')
    await operation.locator('button.try-out__btn').click()
    await operation.locator('button.execute').click()
    const answer = operation.locator('.live-responses-table .response-col_status').last()
    await answer.waitFor()
    expect(await answer.innerText()).toMatch(/^401/)

    await page.locator('.auth-wrapper button.authorize').click()
    const form = page.locator('.auth-container', { hasText: 'X-API-Key' })
    await form.locator('input').fill(apiKey)
    await form.locator('button.authorize').click()
    await page.locator('.dialog-ux button.btn-done').first().click()
    await operation.locator('button.execute').click()
    await waitFor('the second answer', async () => (await answer.innerText()).startsWith('200'), 20_000)
    expect(await operation.locator('.live-responses-table .highlight-code').first().innerText()).toContain('"overallSuccessRate"')
  })
})

describe('the HTML report', () => {
  const types = ['executive', 'coverage', 'validation', 'comprehensive', 'detailed']

  test.each(types)('%s: each chart is whole, at a desk, on a telephone and on paper; nothing comes from outside', async (type) => {
    const page = await openPage({ extraHTTPHeaders: headers })
    const watched = watchPage(page, service.url)
    const answer = await page.goto(`${service.url}/reports/generate?type=${type}&format=html&includeDetails=true`)
    expect(answer?.status()).toBe(200)
    expect(await page.locator('svg.chart').count()).toBeGreaterThan(1)
    expect(await layoutFaults(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 800 })
    expect(await layoutFaults(page)).toEqual([])
    // A4 without its margins
    await page.setViewportSize({ width: 695, height: 1000 })
    await page.emulateMedia({ media: 'print' })
    expect(await layoutFaults(page)).toEqual([])
    expect(watched).toEqual({ complaints: [], outside: [] })
  })

  test('names its charts and has a table of each, and headings in order', async () => {
    const page = await openPage({ extraHTTPHeaders: headers })
    await page.goto(`${service.url}/reports/generate?format=html`)
    for (const name of ['All rows by class', 'Source rows by domain, 1 to 2 of 4', 'Verified share over time', 'Tables by coverage', 'Checks by verdict']) {
      expect(await page.getByRole('img', { name, exact: true }).count(), name).toBe(1)
    }
    for (const name of ['Rows by class', 'Source rows by domain and class', 'Snapshots', 'Number of tables by coverage', 'Number of checks', 'Runs']) {
      expect(await page.getByRole('table', { name, exact: true }).count(), name).toBe(1)
    }
    const levels = await page.evaluate<number[]>(`[...document.querySelectorAll('h1, h2, h3, h4')].map((heading) => Number(heading.tagName.slice(1)))`)
    expect(levels[0]).toBe(1)
    expect(new Set(levels.slice(1))).toEqual(new Set([2]))
    expect(await page.evaluate('document.documentElement.lang')).toBe('en')
  })

  test('a bar is as wide as its share, in pixels', async () => {
    const page = await openPage({ extraHTTPHeaders: headers })
    await page.goto(`${service.url}/reports/generate?type=coverage&format=html`)
    const { body } = await request<{ accounting: { entities: { entity: string; accounting: { source: Record<string, number> } }[] } }>(service, '/reports/generate?type=coverage', { headers })
    const { source } = body.accounting.entities.find(({ entity }) => entity === 'suppliers')!.accounting
    const widths = await page.evaluate<Record<string, number>>(`(() => {
      const row = [...document.querySelectorAll('svg.chart g')].find((group) => group.querySelector('text').firstChild.textContent === 'suppliers')
      const width = (mark) => row.querySelector(mark).getBoundingClientRect().width
      return { all: width('.track'), verified: width('.m-verified'), differs: width('.m-differs') }
    })()`)
    expect(widths['verified']! / widths['all']!).toBeCloseTo(source['verified']! / source['total']!, 3)
    expect(widths['differs']! / widths['all']!).toBeCloseTo(source['differs']! / source['total']!, 3)
  })

  test('follows the screen: dark paper and light ink, or the other way round', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await openPage({ extraHTTPHeaders: headers, colorScheme })
      await page.goto(`${service.url}/reports/generate?type=executive&format=html`)
      const colours = await page.evaluate<string[]>(`['body', 'svg.chart text'].map((name) => { const style = getComputedStyle(document.querySelector(name)); return name === 'body' ? style.backgroundColor : style.fill })`)
      expect(colours).toEqual(colorScheme === 'light' ? ['rgb(255, 255, 255)', 'rgb(28, 32, 36)'] : ['rgb(21, 23, 26)', 'rgb(236, 238, 241)'])
    }
  })

  test.each([1280, 390])('60 entities, hostile and foreign names, figures that are unknown, 0 or quadrillions stay in place at %i px', async (width) => {
    const page = await openPage({ viewport: { width, height: 900 } })
    const watched = watchPage(page, service.url)
    await page.setContent(renderHtml(stressReport()))
    expect(await layoutFaults(page)).toEqual([])
    expect(await page.title()).toBe('Migration coverage: detailed report')
    expect(await page.locator('script, img, body > style').count()).toBe(0)
    expect(watched).toEqual({ complaints: [], outside: [] })
    const least = await page.evaluate<number>(`Math.min(...[...document.querySelectorAll('svg.chart rect:not(.track):not(.uncounted)')].map((rect) => rect.getBoundingClientRect().width))`)
    expect(least).toBeGreaterThan(2)
  })
})
