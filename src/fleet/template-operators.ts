// Jinja2's precedence of + - ~ * / // %, which the library's parser has in another order.
import type { Expression, Operator } from './template-tree.ts'

export type Infix = { operand: Expression } | { operator: Operator }

const byType: Record<string, Operator> = {
  Add: '+',
  Sub: '-',
  Concat: '~',
  Mul: '*',
  Div: '/',
  FloorDiv: '//',
  Mod: '%',
}

/** The operator that a node of the library's tree stands for. */
export const infixOf = (type: string): Operator | undefined =>
  Object.hasOwn(byType, type) ? byType[type] : undefined

// Jinja2's parser: parse_math1, parse_concat, parse_math2; the weakest first, each from the left
const levels: readonly (readonly Operator[])[] = [['+', '-'], ['~'], ['*', '/', '//', '%']]

/** Binds operands, with an operator between each two, as Jinja2 does. */
export function inJinjaOrder(sequence: readonly Infix[], level = 0): Expression {
  const operators = levels[level]
  const [first] = sequence
  if (!operators || sequence.length === 1) {
    if (first && 'operand' in first) return first.operand
    throw new Error('operators stand between operands')
  }
  const parts: Infix[][] = [[]]
  const between: Operator[] = []
  for (const item of sequence) {
    if ('operator' in item && operators.includes(item.operator)) {
      between.push(item.operator)
      parts.push([])
    } else parts.at(-1)?.push(item)
  }
  const bound = parts.map((part) => inJinjaOrder(part, level + 1))
  return bound.reduce((left, right, index) => {
    const { line, column } = left
    return { kind: 'operation', line, column, operator: between[index - 1] ?? '+', left, right }
  })
}
