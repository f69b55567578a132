import { isMap, isScalar, isSeq, parseDocument } from 'yaml'
import { Failure } from '../platform/platform.ts'
import { parseFleetPolicy } from './policy.ts'

/**
 * The text of a fleet.yml with more entries in `known-bad`; all else stays as it is written, to the byte. Undefined where all
 * are in it already. Throws `invalid-file` where the file can't be read, or is written in a way that this can't add to.
 */
export function withKnownBad(text: string, entries: readonly string[], file: string): string | undefined {
  const { knownBad } = parseFleetPolicy(text, file).switches
  const missing = entries.filter((entry) => !knownBad.has(entry))
  if (missing.length === 0) return undefined
  const changed = inserted(
    text,
    missing.map((entry) => JSON.stringify(entry)),
  )
  // whatever way the file is written in: what comes of it must be the file with these and nothing else
  const { knownBad: after } = parseFleetPolicy(changed, file).switches
  if (entries.every((entry) => after.has(entry)) && [...knownBad].every((entry) => after.has(entry)))
    return changed
  throw new Failure('invalid-file', `${file}: known-bad is written in a way that nothing can be added to`)
}

function inserted(text: string, entries: readonly string[]): string {
  const { contents } = parseDocument(text)
  const pair = isMap(contents)
    ? contents.items.find(({ key }) => isScalar(key) && key.value === 'known-bad')
    : undefined
  const list = entries.map((entry) => `  - ${entry}\n`).join('')
  if (!pair) return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}known-bad:\n${list}`
  const { key, value } = pair
  if (isSeq(value) && value.range && !value.flow) {
    const [begin, end] = value.range
    const indent = ' '.repeat(begin - (text.lastIndexOf('\n', begin) + 1))
    // the last entry may end in a comment, and the text without an end of line
    const last = text.slice(0, end).trimEnd().length
    const at = lineEnd(text, last)
    return `${text.slice(0, at)}${entries.map((entry) => `\n${indent}- ${entry}`).join('')}${text.slice(at)}`
  }
  if (isSeq(value) && value.range) {
    const close = value.range[1] - 1
    const separator = value.items.length > 0 ? ', ' : ''
    return `${text.slice(0, close).trimEnd()}${separator}${entries.join(', ')}${text.slice(close)}`
  }
  const at = isScalar(key) && key.range ? lineEnd(text, key.range[1]) : text.length
  const from = isScalar(key) && key.range ? key.range[1] : 0
  const line = text.slice(from, at).replace(/^(\s*:\s*)(?:null|~)?(\s*(?:#.*)?)$/, '$1$2')
  return `${text.slice(0, from)}${line}\n${list.trimEnd()}${text.slice(at)}`
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end
}
