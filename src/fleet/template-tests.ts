// What can stand after `is`, and calls: tests, methods of mappings, look-ups.
import { itemsOf } from './template-filters.ts'
import { type Spot, TemplateProblem, unsupported } from './template-tree.ts'
import {
  Float,
  type Given,
  Undefined,
  type Value,
  areEqual,
  compare,
  isList,
  isMapping,
  isTrue,
  keysOf,
  kindOf,
  numberOf,
  valueOf,
} from './template-values.ts'

type Test = (value: Value, spot: Spot) => boolean

const ofNothing: Readonly<Record<string, Test>> = {
  none: (value) => value === null,
  string: (value) => typeof value === 'string',
  mapping: isMapping,
  iterable: (value) => typeof value === 'string' || isMapping(value) || isList(value),
  sequence: (value) => typeof value === 'string' || isMapping(value) || isList(value),
  boolean: (value) => typeof value === 'boolean',
  number: (value) => numberOf(value) !== undefined,
  integer: (value) => typeof value === 'number',
  true: (value) => value === true,
  false: (value) => value === false,
  truthy: isTrue,
  falsy: (value) => !isTrue(value),
  odd: (value, spot) => wholeOf(value, spot) % 2 !== 0,
  even: (value, spot) => wholeOf(value, spot) % 2 === 0,
}

type Comparing = (value: Value, other: Value, spot: Spot) => boolean

const ofOne: Readonly<Record<string, Comparing>> = {
  eq: areEqual,
  equalto: areEqual,
  ne: (value, other) => !areEqual(value, other),
  lt: (value, other, spot) => compare(value, other, spot) < 0,
  gt: (value, other, spot) => compare(value, other, spot) > 0,
  in: isIn,
  divisibleby: (value, other, spot) => {
    const by = wholeOf(other, spot)
    if (by === 0) throw new TemplateProblem('nothing is divisible by 0', spot)
    return wholeOf(value, spot) % by === 0
  },
}

const kinds = new Set(['none', 'string', 'mapping', 'boolean', 'number', 'integer', 'true', 'false'])

/** Whether there is such a test, with so many arguments. */
export function isTest(name: string, args: number): boolean {
  if (name === 'defined' || name === 'undefined') return args === 0
  return Object.hasOwn(args === 0 ? ofNothing : ofOne, name) && args < 2
}

/** The answer of the test of this name. Throws `TemplateProblem`. */
export function applyTest(name: string, given: Given, args: readonly Given[], spot: Spot): boolean {
  if (name === 'defined') return !(given instanceof Undefined)
  if (name === 'undefined') return given instanceof Undefined
  // what is undefined is of no kind, and no error here
  if (given instanceof Undefined && kinds.has(name)) return false
  const value = valueOf(given)
  const [other] = args
  if (other === undefined) return ofNothing[name]?.(value, spot) ?? unsupported(`the test ${name}`, spot)
  return ofOne[name]?.(value, valueOf(other), spot) ?? unsupported(`the test ${name}`, spot)
}

/** Python's `in`. */
export function isIn(item: Value, container: Value, spot: Spot): boolean {
  if (typeof container === 'string') {
    if (typeof item !== 'string') throw new TemplateProblem('only a text can be in a text', spot)
    return container.includes(item)
  }
  if (isMapping(container)) {
    if (isList(item) || isMapping(item)) throw new TemplateProblem(`${kindOf(item)} is no key`, spot)
    keysOf(container, spot)
    return typeof item === 'string' && container.has(item)
  }
  return itemsOf(container, spot).some((other) => areEqual(other, item))
}

/** What methods Python's mappings have: as members they are no keys. */
export const methodsOfMappings = new Set([
  'clear',
  'copy',
  'fromkeys',
  'get',
  'items',
  'keys',
  'pop',
  'popitem',
  'setdefault',
  'update',
  'values',
])

/** Calls a method of a mapping or a text. Throws `TemplateProblem`. */
export function callMethod(of: Value, name: string, args: readonly Given[], spot: Spot): Given {
  const [first, second, ...more] = args.map(valueOf)
  if (isMapping(of) && first === undefined) {
    const keys = keysOf(of, spot)
    if (name === 'keys') return keys
    if (name === 'values') return [...of.values()]
    if (name === 'items') return keys.map((key) => [key, of.get(key) ?? null])
  }
  if (isMapping(of) && name === 'get' && typeof first === 'string' && more.length === 0)
    return of.get(first) ?? second ?? null
  if (typeof of === 'string' && typeof first === 'string' && second === undefined) {
    if (name === 'startswith') return of.startsWith(first)
    if (name === 'endswith') return of.endsWith(first)
    if (name === 'split' && first !== '') return of.split(first)
  }
  return unsupported(`the method ${name}()`, spot)
}

/** Python's `range`, which ends before its end. */
export function rangeOf(args: readonly Given[], spot: Spot): Value {
  const numbers = args.map((arg) => wholeOf(valueOf(arg), spot))
  const [start, end] = numbers.length === 1 ? [0, numbers[0]] : numbers
  if (start === undefined || end === undefined || numbers.length > 2) return unsupported('this range', spot)
  if (end - start > 10_000) unsupported('a range of more than 10000', spot)
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index)
}

function wholeOf(value: Value, spot: Spot): number {
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  if (value instanceof Float) return unsupported('a number that is not whole here', spot)
  throw new TemplateProblem(`${kindOf(value)} is no whole number`, spot)
}
