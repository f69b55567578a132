// What people read: plans and ticks as Markdown, reports as HTML. Pure; everything from outside is escaped here.
export { type Cell, type Page, type Section, renderPage } from './html.ts'
export { type Markdown, maxMarkdownCharacters, maxSummaryCharacters, verbatim } from './markdown.ts'
export { type Picture, planPicture, tickPicture } from './picture.ts'
export { planPage } from './plan-page.ts'
export { type PlanMarkdownOptions, headline, planMarkdown } from './plan-markdown.ts'
export { wavesMermaid } from './mermaid.ts'
export { wavesSvg } from './svg.ts'
export { tickMarkdown } from './tick-markdown.ts'
