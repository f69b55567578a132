// JSON as Python's `json.dumps` writes it.
import { byCodePoints } from './code-points.ts'
import { Float, type Value, floatText, isList, isMapping } from './template-values.ts'

export interface JsonForm {
  isSorted: boolean
  /** Spaces for each level; undefined for one line. */
  indent: number | undefined
  isAscii: boolean
}

/** The text of `value`. */
export function jsonText(value: Value, form: JsonForm, depth = 0): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (value instanceof Float) return floatText(value.number)
  if (typeof value === 'string') return textOf(value, form)
  if (isList(value))
    return bracketed(
      '[',
      value.map((item) => jsonText(item, form, depth + 1)),
      ']',
      form,
      depth,
    )
  if (!isMapping(value)) return 'null'
  const entries = form.isSorted ? [...value].sort(([a], [b]) => byCodePoints(a, b)) : [...value]
  const parts = entries.map(([key, inner]) => `${textOf(key, form)}: ${jsonText(inner, form, depth + 1)}`)
  return bracketed('{', parts, '}', form, depth)
}

function bracketed(
  open: string,
  parts: readonly string[],
  close: string,
  { indent }: JsonForm,
  depth: number,
): string {
  if (parts.length === 0) return open + close
  if (indent === undefined) return `${open}${parts.join(', ')}${close}`
  const [inner, outer] = [depth + 1, depth].map((level) => `\n${' '.repeat(indent * level)}`)
  return `${open}${inner}${parts.join(`,${inner}`)}${outer}${close}`
}

function textOf(text: string, { isAscii }: JsonForm): string {
  const plain = JSON.stringify(text)
  return isAscii ? plain.replace(/[\u007f-\uffff]/g, escaped) : plain
}

const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
