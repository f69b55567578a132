import { escapeHtml, oneLine, shorten } from '../platform/platform.ts'
import type { Picture } from './picture.ts'
import { wavesSvg } from './svg.ts'

/** One cell of a table: text, or text with a look. */
export type Cell = string | { text: string; look: 'good' | 'bad' | 'quiet' | 'code' | 'number' }

export type Section =
  | {
      kind: 'table'
      title: string
      lead?: string
      head: readonly string[]
      rows: readonly (readonly Cell[])[]
    }
  /** Steps one after the other as bars over their common time, in seconds. */
  | { kind: 'timeline'; title: string; bars: readonly { label: string; seconds: number; isBad: boolean }[] }
  /** How the waves of a stage stand. */
  | { kind: 'waves'; title: string; picture: Picture }
  /** Text as it was written, such as a log. */
  | { kind: 'verbatim'; title: string; lead?: string; text: string }

export interface Page {
  title: string
  verdict: { isGood: boolean; text: string }
  /** Paragraphs beneath the title. */
  lead: readonly string[]
  sections: readonly Section[]
}

/** A report as one HTML file that needs nothing else: no script, no font, no image from elsewhere. All text is escaped. */
export function renderPage(page: Page): string {
  const { title, verdict, lead, sections } = page
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${plain(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${plain(title)}</h1>
<p class="verdict ${verdict.isGood ? 'good' : 'bad'}"><span aria-hidden="true">${verdict.isGood ? '✔' : '✖'}</span> ${plain(verdict.text)}</p>
${lead.map((text) => `<p>${plain(text)}</p>`).join('\n')}
</header>
${sections.map(renderSection).join('\n')}
</main>
</body>
</html>
`
}

function renderSection(section: Section): string {
  const lead = 'lead' in section && section.lead ? `<p>${plain(section.lead)}</p>` : ''
  return `<section>\n<h2>${plain(section.title)}</h2>\n${lead}${renderBody(section)}\n</section>`
}

function renderBody(section: Section): string {
  switch (section.kind) {
    case 'table':
      return renderTable(section.head, section.rows)
    case 'timeline':
      return renderTimeline(section.bars)
    case 'waves':
      return `<div class="scroll">${wavesSvg(section.picture)}</div>`
    case 'verbatim':
      return `<pre>${escapeHtml(visible(section.text))}</pre>`
  }
}

function renderTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cell = (value: Cell) => {
    const { text, look } = typeof value === 'string' ? { text: value, look: '' } : value
    const inner = look === 'code' ? `<code>${plain(text)}</code>` : plain(text)
    return `<td${look ? ` class="${look}"` : ''}>${inner}</td>`
  }
  const isNumber = head.map((_, i) => rows.some((row) => isLook(row[i], 'number')))
  const heads = head.map(
    (text, i) => `<th scope="col"${isNumber[i] ? ' class="number"' : ''}>${plain(text)}</th>`,
  )
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')
  return `<div class="scroll"><table>\n<thead><tr>${heads.join('')}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`
}

/** Text from outside in an element or an attribute; nothing in it is unseen or turns the text around it. */
const plain = (text: string) => escapeHtml(shorten(oneLine(text), 4000))

/** Lines as they are, but for what no page shows. */
const visible = (text: string) =>
  text
    .split(/\r?\n/)
    .map((line) => line.replace(/[^\P{C}\t]/gu, ' '))
    .join('\n')

const isLook = (cell: Cell | undefined, look: string) => typeof cell === 'object' && cell.look === look

const [labelWidth, barsWidth, rowHeight] = [300, 560, 26]

function renderTimeline(bars: readonly { label: string; seconds: number; isBad: boolean }[]): string {
  const total = Math.max(
    bars.reduce((sum, { seconds }) => sum + seconds, 0),
    0.001,
  )
  let at = 0
  const rows = bars.map(({ label, seconds, isBad }, index) => {
    const x = labelWidth + (at / total) * barsWidth
    const width = Math.max((seconds / total) * barsWidth, 2)
    const y = index * rowHeight
    at += seconds
    // a label goes where there is room for it: behind the bar, or before it near the right edge
    const isLate = x + width + 60 > labelWidth + barsWidth
    const time = `<text x="${(isLate ? x - 6 : x + width + 6).toFixed(1)}" y="${y + 17}" class="time"${isLate ? ' text-anchor="end"' : ''}>${seconds.toFixed(1)} s</text>`
    return `<text x="${labelWidth - 12}" y="${y + 17}" text-anchor="end">${plain(label)}</text><rect x="${x.toFixed(1)}" y="${y + 5}" width="${width.toFixed(1)}" height="${rowHeight - 10}" rx="3" class="${isBad ? 'bad' : 'good'}"/>${time}`
  })
  const [w, h] = [labelWidth + barsWidth + 20, bars.length * rowHeight + 4]
  const words = bars.map(({ label, seconds }) => `${label}: ${seconds.toFixed(1)} s`).join('; ')
  return `<div class="scroll"><svg viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" aria-label="${plain(words)}">${rows.join('')}</svg></div>`
}

const style = `
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5a6575;--line:#dde2ea;--paper:#fff;--wash:#f5f7fa;--good:#1a7f4b;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b6;--line:#333c49;--paper:#14181f;--wash:#1c222b;--good:#4cc38a;--bad:#ff7b72}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:940px;margin:0 auto;padding:40px 20px 80px}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 12px}
h2{font-size:1.15rem;margin:44px 0 12px}
p{margin:0 0 10px;max-width:70ch}
.verdict{font-weight:600;padding:10px 14px;border-radius:8px;background:var(--wash);border-left:5px solid currentColor;max-width:none}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.94rem}
th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td:first-child{min-width:11em}
th{color:var(--soft);font-weight:600;white-space:nowrap}
th.number,td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.quiet{color:var(--soft)}
code,pre{font:.86em/1.5 ui-monospace,monospace}
pre{background:var(--wash);border-radius:8px;padding:14px;overflow-x:auto;white-space:pre-wrap}
svg{max-width:100%;height:auto}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}
svg .time{fill:var(--soft);font-size:12px}
svg rect.good{fill:var(--good)}svg rect.bad{fill:var(--bad)}
`
