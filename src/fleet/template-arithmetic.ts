// Python's operators between two values: numbers whole and not, texts, lists.
import { type Operator, type Spot, TemplateProblem, unsupported } from './template-tree.ts'
import { Float, type Value, isList, kindOf, maxText, numberOf, textOf } from './template-values.ts'

const maxItems = 100_000

/** `left operator right`. Throws `TemplateProblem`. */
export function operate(operator: Operator, left: Value, right: Value, spot: Spot): Value {
  if (operator === '~') return together(textOf(left, spot), textOf(right, spot), spot)
  if (operator === '+' && typeof left === 'string' && typeof right === 'string')
    return together(left, right, spot)
  if (operator === '+' && isList(left) && isList(right))
    return left.length + right.length > maxItems
      ? unsupported(`more than ${maxItems} items`, spot)
      : [...left, ...right]
  const [a, b] = [numberOf(left), numberOf(right)]
  if (a !== undefined && b !== undefined)
    return calculate(operator, a, b, isFloat(left) || isFloat(right), spot)
  const isPython =
    (operator === '%' && typeof left === 'string') ||
    (operator === '*' && [left, right].some((value) => typeof value === 'string' || isList(value)))
  if (isPython) return unsupported(`${kindOf(left)} ${operator} ${kindOf(right)}`, spot)
  throw new TemplateProblem(`${kindOf(left)} ${operator} ${kindOf(right)} has no meaning`, spot)
}

const isFloat = (value: Value) => value instanceof Float

function together(left: string, right: string, spot: Spot): string {
  if (left.length + right.length > maxText) unsupported(`a text of more than ${maxText} characters`, spot)
  return left + right
}

function calculate(operator: Operator, a: number, b: number, isFloating: boolean, spot: Spot): Value {
  if (b === 0 && ['/', '//', '%'].includes(operator)) throw new TemplateProblem('a division by 0', spot)
  if (operator === '/') return new Float(a / b)
  if (operator === '//' || operator === '%') {
    if (isFloating) return unsupported(`${operator} of numbers that are not whole`, spot)
    // Python rounds down, and a remainder has the sign of what divides
    const floor = Math.floor(a / b)
    return whole(operator === '//' ? floor : a - floor * b, spot)
  }
  const result = operator === '+' ? a + b : operator === '-' ? a - b : a * b
  return isFloating ? new Float(result) : whole(result, spot)
}

function whole(number: number, spot: Spot): number {
  return Number.isSafeInteger(number) ? number || 0 : unsupported('a number of this size', spot)
}
