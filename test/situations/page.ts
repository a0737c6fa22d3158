import type { Case } from '../validation/cases.js'
import { figuresText, verdictOf, type Situation } from './situation.js'

const cell = (text: string) => text.replaceAll('|', '\\|')
const code = (text: string) => `\`\` ${text} \`\``
const judged = (one: Case) => `${verdictOf(one)} | ${cell(figuresText(one).join('; '))}`

/**
 * The situations as a Markdown table, one row for each twin; the story stands in the first of its rows.
 * @param markOf what to put before a verdict, by the name of the case
 */
export function renderTable(situations: readonly Situation[], markOf: (situation: Situation, one: Case) => string = () => ''): string {
  const head = '| situation | how the plan says it | verdict | figures | twin: what differs | verdict | figures |\n|---|---|---|---|---|---|---|'
  const rows = situations.flatMap((situation) => {
    const { id, title, says, story, twins } = situation
    const own = [`**${id} ${title}**: ${story.name}`, says.map(code).join('<br>') || 'nothing to write', `${markOf(situation, story)}${judged(story)}`]
    return twins.map((twin, index) => `| ${(index === 0 ? own.map((text, part) => (part < 2 ? cell(text) : text)) : ['', '', ' | ']).join(' | ')} | ${cell(twin.name)} | ${markOf(situation, twin)}${judged(twin)} |`)
  })
  return [head, ...rows].join('\n')
}

export function renderPage(situations: readonly Situation[]): string {
  const twins = situations.reduce((total, one) => total + one.twins.length, 0)
  return `# ${situations.length} situations of a migration, and how each is judged

Each was met in the move of a real system. It has a small source and target that look like it, the plan that says it, and the verdict and figures that the service must give; and ${twins} *twins* in all: data or plans that look
the same and must be judged the other way. \`npm run situations\` runs them on the embedded PostgreSQL and prints this table; \`npm run situations -- --write\` writes it here. The data are in
[test/situations](../test/situations), what every word means is in [plan.md](plan.md).

Figures are \`source rows: by class | target rows: by class\`, classes of 0 rows left out. A line \`source table verdict: … of …\` tells how many rows of a table one entity claims, several do, and none does.

${renderTable(situations)}
`
}
