// The texts of `drover --help` and `drover <action> --help`, and what is said of a wrong command line.
import { type ActionName, manifest } from '../action/action.ts'
import { inputDescriptions } from './input-descriptions.ts'

const labelWidth = 20

/** All commands, one per line; `others` are those that are no actions, with their descriptions. */
export function usage(others: Readonly<Record<string, { description: string }>>): string {
  const rows = Object.entries({ ...manifest, ...others }).map(
    ([key, { description }]) => `  ${key.padEnd(labelWidth)}${description}`,
  )
  return `drover <command> --<input> <value> … [--json] [--debug]\n\n${rows.join('\n')}\n\ndrover <command> --help lists a command's inputs.\n`
}

/** What an action does and every input of it, in lines of at most `width` characters. */
export function usageOf(action: ActionName, width: number): string {
  const inputs: Readonly<Record<string, { required: boolean; default?: string }>> = manifest[action].inputs
  const rows = Object.entries(inputs).map(([key, input]) => {
    const fallback = input.default && !input.default.includes('${{') ? ` Default: ${input.default}.` : ''
    const needed = input.required ? ' Required.' : ''
    return row(`--${key}`, `${plain(inputDescriptions[action][key] ?? '')}${needed}${fallback}`, width)
  })
  return [
    `drover ${action}: ${manifest[action].description}\n`,
    ...rows,
    row('--json', 'Outputs as one JSON object on standard output.', width),
    row('--debug', 'Tells more.', width),
    `\nExamples, and what to do when it fails: actions/${action}/README.md`,
    '',
  ].join('\n')
}

/** The one of `names` that `word` was probably meant to be; undefined where none is near. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, distance: distanceOf(word, name) }))
    .toSorted((a, b) => a.distance - b.distance)
  return best !== undefined && best.distance <= Math.max(1, best.name.length / 4) ? best.name : undefined
}

/** How many letters have to be put in, taken out or exchanged to make one word of the other. */
function distanceOf(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const exchange = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(exchange, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

function row(label: string, text: string, width: number): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && labelWidth + 2 + line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  const margin = ' '.repeat(labelWidth + 2)
  return `  ${label.padEnd(labelWidth)}${lines.join(`\n${margin}`)}`
}

/** Without the marks of Markdown that a terminal doesn't know: code and links. */
function plain(markdown: string): string {
  return markdown.replaceAll('`', '').replace(/\[([^\]]+)\]\([^)]*\)/g, '$1')
}
