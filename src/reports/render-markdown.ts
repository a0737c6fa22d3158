import { escapeMarkdown } from '../core/render/escape.js'
import { markdownTable } from '../core/render/job-markdown.js'
import { layOut } from './document.js'
import type { Chapter } from './chapter.js'
import type { Report } from './schemas.js'

/** A report as GitHub-flavoured Markdown. */
export function renderMarkdown(report: Report): string {
  const { title, subtitle, summary, chapters } = layOut(report)
  return `${[`# ${escapeMarkdown(title)}`, escapeMarkdown(subtitle), escapeMarkdown(summary), ...chapters.map(chapterText)].join('\n\n')}\n`
}

function chapterText({ title, notes, tables }: Chapter): string {
  const parts = tables.map(({ caption, columns, rows }) => {
    const content = rows.length === 0 ? 'None.' : markdownTable(columns.map(({ name }) => name), rows)
    return `### ${escapeMarkdown(caption)}\n\n${content}`
  })
  return [`## ${escapeMarkdown(title)}`, ...notes.map(escapeMarkdown), ...parts].join('\n\n')
}
