import { escapeMarkdown, shorten } from '../platform/platform.ts'

/** GitHub refuses a comment over 65,536 characters; this leaves room for marks. */
export const maxMarkdownCharacters = 65_000

/** The runner drops a summary over 1 MiB as a whole, without a word; a character is three bytes at most. */
export const maxSummaryCharacters = 240_000

/** Markdown, and whether something had to be left out for its length. */
export interface Markdown {
  text: string
  isCut: boolean
}

/** A table whose cells are text from anywhere: nothing in them formats, links, or ends a cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---|').join('')}`,
    ...rows.map((row) => `| ${row.map((cell) => escapeMarkdown(shorten(cell, 300))).join(' | ')} |`),
  ]
}

/** A section that folds where it is long. */
export function section(title: string, lines: readonly string[], isFolded = false): string[] {
  if (lines.length === 0) return []
  if (!isFolded) return ['', `#### ${title}`, '', ...lines]
  return ['', `<details><summary>${title}</summary>`, '', ...lines, '', '</details>']
}

/** A few names, and how many more there are. */
export function someOf(names: readonly string[], limit = 5): string {
  const shown = names.slice(0, limit).join(', ')
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown
}

/** Text from outside as an indented block: no fence in it can end the block. */
export function verbatim(text: string): string[] {
  return ['', ...text.split(/\r?\n/).map((line) => `    ${line.replace(/[^\P{Cc}\t]/gu, ' ')}`), '']
}

/** Joins lines up to a limit; where they are longer, `tail` says so and still fits. */
export function bounded(lines: readonly string[], limit: number, tail: (left: number) => string): Markdown {
  let length = 0
  for (const [index, line] of lines.entries()) {
    length += line.length + 1
    if (length <= limit) continue
    const reserve = tail(lines.length).length + 12
    let kept = index
    while (kept > 0 && length > limit - reserve) {
      length -= (lines[kept]?.length ?? 0) + 1
      kept -= 1
    }
    const fence = lines.slice(0, kept).findLastIndex((one) => one.startsWith('```'))
    const isInFence = lines.slice(0, kept).filter((one) => one.startsWith('```')).length % 2 === 1
    // half a picture is none
    if (isInFence) kept = fence
    const shown = lines.slice(0, kept)
    const open = shown.filter((one) => one.startsWith('<details>')).length
    const ends = shown.filter((one) => one === '</details>').length
    const close = open > ends ? ['', '</details>'] : []
    return { text: `${[...shown, ...close, '', tail(lines.length - kept)].join('\n')}\n`, isCut: true }
  }
  return { text: `${lines.join('\n')}\n`, isCut: false }
}
