import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Sql } from 'postgres'
import { outlinePlan } from '../core/figures.js'
import { safeFileName } from '../core/render/escape.js'
import { problem } from '../http/errors.js'
import { addSchemas, notModified, problems, ref, sharedSchemas, textBody } from '../http/schemas.js'
import type { ReportFormat } from './contents.js'
import type { ReadInventory } from '../scripts/queries.js'
import { readReport } from './read-report.js'
import type { ReportPlan } from './read-report.js'
import { byteOrderMark, renderCsv } from './render-csv.js'
import { renderHtml } from './render-html.js'
import { renderMarkdown } from './render-markdown.js'
import { ReportQuery, ReportSchema } from './schemas.js'
import type { Report } from './schemas.js'

const formats: Record<ReportFormat, { mediaType: string; extension: string }> = {
  json: { mediaType: 'application/json', extension: 'json' },
  html: { mediaType: 'text/html', extension: 'html' },
  markdown: { mediaType: 'text/markdown', extension: 'md' },
  csv: { mediaType: 'text/csv', extension: 'csv' },
}

/** The page brings its own style and needs nothing else; whatever slipped into it could load and run nothing. */
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Reports, made on request from what is published in the tracking schema; nothing is written. */
export const reportRoutes: FastifyPluginAsyncTypebox<{ target: Sql; plan: ReportPlan; readInventory: ReadInventory }> = async (app, { target, plan, readInventory }) => {
  addSchemas(app, [...sharedSchemas, ReportSchema])

  app.get('/reports/generate', {
    schema: {
      operationId: 'generateReport',
      tags: ['Reports'],
      summary: 'A report on the migration',
      description:
        'Made from the newest published results of each entity, in one snapshot of the tracking schema. JSON, HTML and Markdown have the same contents. ' +
        'HTML is one page with charts, without scripts or outside resources, fit for screens and paper. CSV is one table, and its lines follow the type: ' +
        'coverage has one per entity with every class of both sides and its uncovered columns; detailed one per difference, and one for those of an entity and class that are not listed, so that `rows` adds up; ' +
        'both have one for each table with rows that no entity claims; ' +
        'the others one per figure (section, row, item, figure, number, text). A number that is not known is an empty cell. Names and values are escaped for their format, ' +
        'control characters are shown as \\n or \\u001b, and text that a spreadsheet would run as a formula starts with an apostrophe. ' +
        'A CSV file that is downloaded starts with a byte order mark, which spreadsheets need to read it as UTF-8.',
      querystring: ReportQuery,
      response: {
        200: {
          description: 'The report.',
          headers: { 'content-disposition': { type: 'string', description: 'with download: attachment and a file name' } },
          content: {
            'application/json': { schema: ref(ReportSchema) },
            'text/html': { schema: textBody('one HTML page', '<!doctype html>\n<html lang="en"><head><title>Migration coverage</title></head><body><h1>Migration coverage</h1></body></html>\n') },
            'text/markdown': { schema: textBody('GitHub-flavoured Markdown', '# Migration coverage\n\n| figure | value |\n| --- | --- |\n| coverage | 99.63 % |\n') },
            'text/csv': { schema: textBody('RFC 4180', '"section","row","item","figure","number","text"\r\n"Headline figures",2,"Coverage (verified) %","Value",99.63,\r\n') },
          },
        },
        ...notModified,
        ...problems(400),
      },
    },
    config: { scope: 'read' },
  }, async ({ query: { type, format, domain = null, includeDetails, download } }, reply) => {
    requireDomain(plan, domain)
    const report = await readReport(target, plan, readInventory, { type, domain, includeDetails })
    const { mediaType, extension } = formats[format]
    reply.type(`${mediaType}; charset=utf-8`)
    if (format === 'html') reply.header('content-security-policy', pagePolicy)
    if (download) reply.header('content-disposition', `attachment; filename="${fileName(report)}.${extension}"`)
    if (format === 'json') return report
    return format === 'csv' && download ? byteOrderMark + renderCsv(report) : renderText(report, format)
  })
}

function renderText(report: Report, format: Exclude<ReportFormat, 'json'>): string {
  const render = { html: renderHtml, markdown: renderMarkdown, csv: renderCsv }[format]
  return render(report)
}

function fileName({ type, domain, generatedAt }: Report): string {
  return safeFileName(['migration', type, ...(domain === null ? [] : [domain]), generatedAt.slice(0, 10)].join('-'))
}

/** @throws VALIDATION_FAILED naming the domains that there are */
function requireDomain({ plan }: ReportPlan, domain: string | null): void {
  if (domain === null) return
  const known = outlinePlan(plan).domains.map(({ name }) => name)
  if (known.includes(domain)) return
  const message = `the plan has no domain "${domain}"; it has ${known.join(', ')}`
  throw problem('VALIDATION_FAILED', message, { errors: [{ field: 'domain', message }] })
}
