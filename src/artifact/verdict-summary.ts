import { escapeMarkdown, shorten } from '../platform/platform.ts'
import type { Check, Verdict } from './verdict.ts'

/** A verdict as Markdown: what was read, and a table of all checks. Text from the file shows as it is and does nothing. */
export function verdictSummary({ verdict, checks, info }: Verdict): string {
  const title = verdict === 'accept' ? '### ✅ Accepted' : '### ❌ Refused'
  const name = info === undefined ? '' : `: ${escapeMarkdown(shorten(info.name, 300))}`
  const digests = info && ['', `Content \`${info.contentDigest}\`, file \`${info.sha256}\`.`]
  return `${[`${title}${name}`, ...(digests ?? []), '', '| | check | |', '|---|---|---|', ...checks.map(row)].join('\n')}\n`
}

const marks: Record<Check['result'], string> = { ok: '✅', refused: '❌', 'not-checked': '⚠️ not checked' }

function row({ what, result, reasons, detail }: Check): string {
  const words = reasons.map((reason) => `\`${reason}\`: `).join('')
  return `| ${marks[result]} | ${what} | ${words}${escapeMarkdown(shorten(detail, 1000))} |`
}
