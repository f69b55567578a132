// The filters: what each does to Python's values, as Jinja2 and Ansible have them. docs/fleet-file.md has the list.
import { jsonText } from './template-json.ts'
import { type Spot, TemplateProblem, unsupported } from './template-tree.ts'
import {
  type Given,
  KeptText,
  Undefined,
  type Value,
  areEqual,
  fromData,
  isList,
  isMapping,
  isTrue,
  keysOf,
  kindOf,
  maxText,
  numberOf,
  textOf,
  undefinedFor,
  valueOf,
} from './template-values.ts'

/** What a filter is given: the value before the `|`, and its arguments. */
export interface FilterCall {
  of: Given
  args: readonly Given[]
  named: ReadonlyMap<string, Given>
  spot: Spot
}

type Filter = (call: FilterCall) => Given

/** A filter of the value alone. */
const plain =
  (work: (value: Value, spot: Spot) => Given): Filter =>
  (call) => {
    argumentsOf(call, [])
    return work(valueOf(call.of), call.spot)
  }
const ofText = (work: (text: string, spot: Spot) => Given): Filter =>
  plain((value, spot) => work(textOf(value, spot), spot))

// Python's str.strip(), less what templates can't have
// oxlint-disable-next-line no-control-regex -- white space in Python
const strip = (text: string) => text.replace(/^[\s\u001c-\u001f\u0085]+|[\s\u001c-\u001f\u0085]+$/g, '')

const filters: Readonly<Record<string, Filter>> = {
  default: byDefault,
  d: byDefault,
  mandatory,
  lower: ofText((text) => text.toLowerCase()),
  upper: ofText((text) => text.toUpperCase()),
  trim: ofText(strip),
  string: ofText((text) => new KeptText(text)),
  replace,
  join,
  length: plain(lengthOf),
  count: plain(lengthOf),
  first: plain((value, spot) => endOf(itemsOf(value, spot), 0, spot)),
  last: plain((value, spot) => endOf(itemsOf(value, spot), -1, spot)),
  list: plain(itemsOf),
  unique: plain((value, spot) =>
    itemsOf(value, spot).filter((item, at, all) => all.findIndex((other) => areEqual(other, item)) === at),
  ),
  int,
  bool: plain(bool),
  ternary,
  to_json: json,
  from_json: plain(fromJson),
  b64encode: ofText((text) => Buffer.from(text).toString('base64')),
  b64decode: plain(b64decode),
  combine,
  dict2items: plain((value, spot) =>
    isMapping(value)
      ? keysOf(value, spot).map(
          (key) =>
            new Map<string, Value>([
              ['key', key],
              ['value', value.get(key) ?? null],
            ]),
        )
      : wrong(`dict2items needs a mapping, and this is ${kindOf(value)}`, spot),
  ),
}

/** Applies the filter of this name, Ansible's full names included. Throws `TemplateProblem`. */
export function applyFilter(name: string, call: FilterCall): Given {
  const filter = filterOf(name)
  return filter ? filter(call) : unsupported(`the filter ${name}`, call.spot)
}

/** Whether there is a filter of this name. */
export const isFilter = (name: string): boolean => filterOf(name) !== undefined

function filterOf(name: string): Filter | undefined {
  const short = name.replace(/^ansible\.builtin\./, '')
  return Object.hasOwn(filters, short) ? filters[short] : undefined
}

/** The arguments by their names in Python, undefined where they are not given. */
function argumentsOf<N extends string>(
  { args, named, spot }: FilterCall,
  names: readonly N[],
): Partial<Record<N, Given>> {
  if (args.length > names.length) unsupported('so many arguments', spot)
  for (const name of named.keys())
    if (!names.some((known) => known === name)) unsupported(`the argument ${name}`, spot)
  const found: Partial<Record<N, Given>> = {}
  for (const [index, name] of names.entries()) {
    const given = args[index] ?? (index < args.length ? null : named.get(name))
    if (given !== undefined) found[name] = given
  }
  return found
}

function byDefault(call: FilterCall): Given {
  const { default_value: fallback = '', boolean = false } = argumentsOf(call, ['default_value', 'boolean'])
  if (call.of instanceof Undefined) return fallback
  return isTrue(valueOf(boolean)) && !isTrue(valueOf(call.of)) ? fallback : call.of
}

function mandatory(call: FilterCall): Given {
  const { msg } = argumentsOf(call, ['msg'])
  if (!(call.of instanceof Undefined)) return call.of
  return msg === undefined ? valueOf(call.of) : wrong(textOf(valueOf(msg), call.spot), call.spot)
}

function replace(call: FilterCall): Given {
  const { old: from, new: by, ...more } = argumentsOf(call, ['old', 'new', 'count'])
  if (from === undefined || by === undefined || 'count' in more)
    return unsupported('replace without a text, and what takes its place,', call.spot)
  const [text, old, now] = [call.of, from, by].map((given) => textOf(valueOf(given), call.spot))
  if (text === undefined || !old || now === undefined) return unsupported('replacing nothing', call.spot)
  const parts = text.split(old)
  if (text.length + (parts.length - 1) * now.length > maxText)
    unsupported(`a text of more than ${maxText} characters`, call.spot)
  return parts.join(now)
}

function join(call: FilterCall): Given {
  const { d = '' } = argumentsOf(call, ['d'])
  const texts = itemsOf(valueOf(call.of), call.spot).map((item) => textOf(item, call.spot))
  const between = textOf(valueOf(d), call.spot)
  const size = texts.reduce((sum, text) => sum + text.length + between.length, 0)
  return size > maxText
    ? unsupported(`a text of more than ${maxText} characters`, call.spot)
    : texts.join(between)
}

/** What Python's `for` goes over: items, keys, characters. */
export function itemsOf(value: Value, spot: Spot): readonly Value[] {
  if (isList(value)) return value
  if (isMapping(value)) return keysOf(value, spot)
  return typeof value === 'string' ? Array.from(value) : wrong(`${kindOf(value)} has no items`, spot)
}

function endOf(items: readonly Value[], at: 0 | -1, spot: Spot): Given {
  const item = items.at(at)
  return item === undefined ? undefinedFor('there is no first or last item of nothing', spot) : item
}

function lengthOf(value: Value, spot: Spot): number {
  if (isMapping(value)) return value.size
  return itemsOf(value, spot).length
}

function int(call: FilterCall): Given {
  const { default: fallback = 0 } = argumentsOf(call, ['default'])
  const value = valueOf(call.of)
  const given = numberOf(value)
  const text = typeof value === 'string' ? strip(value) : ''
  // Python's float() takes more forms than these
  if (/[^\x20-\x7e]|_|inf|nan/i.test(text)) unsupported('int of this text', call.spot)
  const number =
    given ?? (/^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?$/i.test(text) ? Number(text) : undefined)
  if (number === undefined) return fallback
  const whole = Math.trunc(number) || 0
  return Number.isSafeInteger(whole) ? whole : unsupported('a number of this size', call.spot)
}

function bool(value: Value): Value {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return ['yes', 'on', '1', 'true'].includes(value.toLowerCase())
  return numberOf(value) === 1
}

function ternary(call: FilterCall): Given {
  const { true_val: yes, false_val: no, ...more } = argumentsOf(call, ['true_val', 'false_val', 'none_val'])
  if (yes === undefined || no === undefined || 'none_val' in more)
    return unsupported('ternary without two values', call.spot)
  return isTrue(valueOf(call.of)) ? yes : no
}

function json(call: FilterCall): Given {
  const {
    sort_keys: sort = false,
    indent = null,
    ensure_ascii: ascii = true,
  } = argumentsOf(call, ['sort_keys', 'indent', 'ensure_ascii'])
  if (call.args.length > 0) unsupported('an argument without its name', call.spot)
  const width = valueOf(indent)
  if (width !== null && (typeof width !== 'number' || width < 0 || width > 16))
    return unsupported('this indent', call.spot)
  const text = jsonText(valueOf(call.of), {
    isSorted: isTrue(valueOf(sort)),
    indent: width ?? undefined,
    isAscii: isTrue(valueOf(ascii)),
  })
  return new KeptText(
    text.length > maxText ? unsupported(`a text of more than ${maxText} characters`, call.spot) : text,
  )
}

function fromJson(value: Value, spot: Spot): Value {
  if (typeof value !== 'string') return unsupported(`from_json of ${kindOf(value)}`, spot)
  // Python keeps 1.0 apart from 1, and whole numbers of any size
  if (/[0-9][.eE]|[0-9]{16}/.test(value.replace(/"(?:[^"\\]|\\.)*"/g, '')))
    unsupported('from_json of these numbers', spot)
  try {
    return fromData(JSON.parse(value), spot)
  } catch (error) {
    if (error instanceof TemplateProblem) throw error
    return wrong('from_json is given something that is no JSON', spot)
  }
}

function b64decode(value: Value, spot: Spot): Value {
  if (typeof value !== 'string' || value.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    return wrong('b64decode is given something that is no base64', spot)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'base64'))
  } catch {
    return wrong('b64decode gives no text', spot)
  }
}

function combine(call: FilterCall): Given {
  for (const name of call.named.keys())
    if (name !== 'recursive') unsupported(`combine with ${name}`, call.spot)
  const isDeep = isTrue(valueOf(call.named.get('recursive') ?? false))
  const mappings = [call.of, ...call.args].flatMap((given) => {
    const value = valueOf(given)
    const values = isList(value) ? value : [value]
    // as Ansible's flatten passes over them
    return values.filter((one) => one !== null && one !== 'None' && one !== 'null')
  })
  // from the right, as Ansible does: it shows where one of three is no mapping within
  return mappings.reduceRight<ReadonlyMap<string, Value>>((high, low) => {
    if (!isMapping(low)) return wrong(`combine needs mappings, and this is ${kindOf(low)}`, call.spot)
    return merged(low, high, isDeep)
  }, new Map())
}

function merged(
  low: ReadonlyMap<string, Value>,
  high: ReadonlyMap<string, Value>,
  isDeep: boolean,
): Map<string, Value> {
  const result = new Map(low)
  // Ansible's own short cut, which shows in the order of keys
  if (low.size === 0 || areEqual(low, high)) return new Map(high.size === 0 ? low : high)
  for (const [key, value] of high) {
    const before = result.get(key) ?? null
    result.set(key, isDeep && isMapping(before) && isMapping(value) ? merged(before, value, true) : value)
  }
  return result
}

function wrong(message: string, spot: Spot): never {
  throw new TemplateProblem(message, spot)
}
