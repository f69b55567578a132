// Python's values and what Jinja2 does with them: how they print, which are true, equal, less. Lists are arrays, mappings are
// Maps with texts as keys, whole numbers are numbers.
import { byCodePoints } from './code-points.ts'
import { type Spot, TemplateProblem, unsupported } from './template-tree.ts'

/** A number that is not whole, or came of a division: Python prints 2.0 where it is one. */
export class Float {
  readonly number: number
  constructor(number: number) {
    this.number = number
  }
}

/** A text that stays one, where Ansible would take another text of the same letters for a list or mapping. */
export class KeptText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What has no value: an error as soon as it is used for anything but `default` or `is defined`. */
export class Undefined {
  readonly error: Error
  /** Jinja2 prints nothing for an `if` without `else`, where anything else that is undefined is an error. */
  readonly printsNothing: boolean
  constructor(error: Error, printsNothing = false) {
    this.error = error
    this.printsNothing = printsNothing
  }
}

/** What there is not, at `spot`. */
export const undefinedFor = (what: string, spot: Spot): Undefined =>
  new Undefined(new TemplateProblem(what, spot, false, true))

export type Value = null | boolean | number | Float | string | readonly Value[] | ReadonlyMap<string, Value>
/** What an expression can give. */
export type Given = Value | KeptText | Undefined

/** No text of a template gets longer. */
export const maxText = 1 << 20

/** The value itself; throws where there is none. */
export function valueOf(given: Given): Value {
  if (given instanceof Undefined) throw given.error
  return given instanceof KeptText ? given.text : given
}

/** Plain data, such as a variable's, as a value. */
export function fromData(data: unknown, spot: Spot): Value {
  if (data === null || typeof data === 'boolean' || typeof data === 'string') return data
  if (typeof data === 'number') {
    if (!Number.isFinite(data)) return unsupported('this number', spot)
    return Number.isInteger(data) ? data : new Float(data)
  }
  if (Array.isArray(data)) return data.map((item) => fromData(item, spot))
  if (typeof data === 'object')
    return new Map(Object.entries(data).map(([key, inner]) => [key, fromData(inner, spot)]))
  return unsupported('this value', spot)
}

/** A value as plain data. */
export function toData(value: Value): unknown {
  if (value instanceof Float) return value.number
  if (isList(value)) return value.map(toData)
  return isMapping(value) ? Object.fromEntries([...value].map(([key, inner]) => [key, toData(inner)])) : value
}

export const isList = (value: Given): value is readonly Value[] => Array.isArray(value)
export const isMapping = (value: Given): value is ReadonlyMap<string, Value> => value instanceof Map
export const isWhole = (value: Value): value is number => typeof value === 'number'

/** A number, true and false counting as 1 and 0. */
export function numberOf(value: Value): number | undefined {
  if (typeof value === 'boolean') return Number(value)
  return value instanceof Float ? value.number : typeof value === 'number' ? value : undefined
}

/** Python's `bool()`. */
export function isTrue(value: Value): boolean {
  if (isList(value)) return value.length > 0
  if (isMapping(value)) return value.size > 0
  return value instanceof Float ? value.number !== 0 : Boolean(value)
}

/** Python's `str()`. */
export function textOf(value: Value, spot: Spot): string {
  const text = typeof value === 'string' ? value : representation(value, spot)
  return text.length > maxText ? unsupported(`a text of more than ${maxText} characters`, spot) : text
}

/** Python's `repr()`. */
export function representation(value: Value, spot: Spot): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(value)
  if (value instanceof Float) return floatText(value.number)
  if (typeof value === 'string') return quoted(value, spot)
  if (isList(value)) return `[${value.map((item) => representation(item, spot)).join(', ')}]`
  const entries = keysOf(value, spot).map((key) => {
    const inner = value.get(key) ?? null
    return `${quoted(key, spot)}: ${representation(inner, spot)}`
  })
  return `{${entries.join(', ')}}`
}

/** Python's shortest form: 2.0, 1e+16, 1e-05. */
export function floatText(number: number): string {
  const size = Math.abs(number)
  if (number === 0) return Object.is(number, -0) ? '-0.0' : '0.0'
  if (size >= 1e-4 && size < 1e16) return Number.isInteger(number) ? `${number}.0` : String(number)
  const [digits = '', exponent = ''] = number.toExponential().split('e')
  const [sign, power] = [exponent[0] ?? '+', exponent.slice(1).padStart(2, '0')]
  return `${digits}e${sign}${power}`
}

function quoted(text: string, spot: Spot): string {
  // what Python prints of other characters depends on its version of Unicode
  if (/[^\x20-\x7e\t\n\r\u00a1-\u00ac\u00ae-\u0377]/.test(text))
    unsupported('printing this text within a list or mapping', spot)
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inner = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
  return `${quote}${quote === "'" ? inner.replaceAll("'", "\\'") : inner}${quote}`
}

/**
 * The keys of a mapping. In a variable `1` and `true` as keys are no texts to Ansible and texts here: where it would show,
 * they are refused.
 */
export function keysOf(mapping: ReadonlyMap<string, Value>, spot: Spot): string[] {
  const keys = [...mapping.keys()]
  const odd = keys.find((key) => /^[-+.]?[0-9]|^(true|false|null|~|)$|^\.(inf|nan)$/i.test(key))
  return odd === undefined ? keys : unsupported(`the key ${odd}, which may be no text,`, spot)
}

/** Python's `==`. */
export function areEqual(a: Value, b: Value): boolean {
  const [left, right] = [numberOf(a), numberOf(b)]
  if (left !== undefined || right !== undefined) return left === right
  if (isList(a))
    return isList(b) && a.length === b.length && a.every((item, at) => areEqual(item, b[at] ?? null))
  if (isMapping(a)) {
    if (!isMapping(b) || a.size !== b.size) return false
    return [...a].every(([key, inner]) => b.has(key) && areEqual(inner, b.get(key) ?? null))
  }
  return a === b
}

/** Python's order of numbers, and of texts; negative where `a` is less. Throws for anything else. */
export function compare(a: Value, b: Value, spot: Spot): number {
  const [left, right] = [numberOf(a), numberOf(b)]
  if (left !== undefined && right !== undefined) return left - right
  if (typeof a === 'string' && typeof b === 'string') return byCodePoints(a, b)
  if (isList(a) && isList(b)) return unsupported('an order of lists', spot)
  throw new TemplateProblem(`${kindOf(a)} and ${kindOf(b)} have no order`, spot)
}

/** What a message calls a value, without what is in it. */
export function kindOf(value: Value): string {
  if (value === null) return 'none'
  if (typeof value === 'boolean') return 'true or false'
  if (typeof value === 'string') return 'a text'
  if (isList(value)) return 'a list'
  return isMapping(value) ? 'a mapping' : 'a number'
}
