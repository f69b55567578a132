// The library's tree to ours, statements first. Every node is checked: what is not listed in here does not exist.
import { isFilter } from './template-filters.ts'
import { type Infix, inJinjaOrder, infixOf } from './template-operators.ts'
import { isTest } from './template-tests.ts'
import { type Call, type Expression, type Spot, type Statement, unsupported } from './template-tree.ts'

/** A node of the library's tree, whose fields are looked at one by one. */
export type Node = object

const words = new Set(['and', 'or', 'not', 'in', 'is', 'if', 'else', 'elif', 'for', 'endif', 'endfor', 'set'])
const constants = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
])

/** Translates a list of statements; throws `TemplateProblem` for what is not supported. */
export function statementsOf(node: unknown): Statement[] {
  return childrenOf(node).flatMap((child): Statement[] => {
    const spot = spotOf(child)
    switch (typeOf(child)) {
      case 'Output':
        return childrenOf(child).flatMap((part) => output(part, spot))
      case 'If':
        return [
          {
            kind: 'if',
            ...spot,
            condition: conditionIn(field(child, 'cond'), spot),
            whenTrue: statementsOf(field(child, 'body')),
            otherwise: elseOf(field(child, 'else_')),
          },
        ]
      case 'For':
        return [
          {
            kind: 'for',
            ...spot,
            names: loopNames(field(child, 'name'), spot),
            ...loopItems(field(child, 'arr'), spot),
            body: statementsOf(field(child, 'body')),
            otherwise: elseOf(field(child, 'else_')),
          },
        ]
      case 'Set':
        return [setOf(child, spot)]
      default:
        return unsupported(typeOf(child), spot)
    }
  })
}

function output(part: Node, spot: Spot): Statement[] {
  if (typeOf(part) !== 'TemplateData') return [{ kind: 'output', ...spot, value: expressionOf(part) }]
  const text = String(field(part, 'value'))
  return text === '' ? [] : [{ kind: 'text', ...spot, text }]
}

function elseOf(node: unknown): Statement[] {
  if (!isNode(node)) return []
  return typeOf(node) === 'If' ? statementsOf({ children: [node] }) : statementsOf(node)
}

function loopNames(node: unknown, spot: Spot): string[] {
  const names = isNode(node) && typeOf(node) === 'Array' ? childrenOf(node) : [node]
  if (names.length > 2) unsupported('a loop over more than two variables', spot)
  return names.map((name) => nameOf(name, spot))
}

function conditionIn(node: unknown, spot: Spot): Expression {
  if (isNode(node) && typeOf(node) === 'InlineIf') unsupported('a condition in a condition', spot)
  return expressionOf(node)
}

/** Of `a if b`, where a loop has it, the library makes a condition without `else`. */
function loopItems(node: unknown, spot: Spot): { over: Expression; where: Expression | undefined } {
  if (!isNode(node) || typeOf(node) !== 'InlineIf') return { over: expressionOf(node), where: undefined }
  if (isNode(field(node, 'else_'))) unsupported('a loop over one of two', spot)
  return { over: expressionOf(field(node, 'body')), where: expressionOf(field(node, 'cond')) }
}

function setOf(node: Node, spot: Spot): Statement {
  const targets = field(node, 'targets')
  if (!Array.isArray(targets) || targets.length !== 1 || !isNode(field(node, 'value')))
    return unsupported('{% set %} of several variables, or of a block,', spot)
  return { kind: 'set', ...spot, name: nameOf(targets[0], spot), value: expressionOf(field(node, 'value')) }
}

/** Translates one expression. */
function expressionOf(node: unknown): Expression {
  if (!isNode(node)) return unsupported('nothing as a value', { line: 1, column: 1 })
  const spot = spotOf(node)
  const type = typeOf(node)
  if (infixOf(type)) return inJinjaOrder(infixSequence(node))
  switch (type) {
    case 'Literal':
      return literal(node, spot)
    case 'Symbol': {
      const name = nameOf(node, spot)
      const constant = constants.get(name)
      return constant === undefined
        ? { kind: 'name', ...spot, name }
        : { kind: 'value', ...spot, value: constant }
    }
    case 'Group': {
      const [only, ...more] = childrenOf(node)
      return only && more.length === 0 ? expressionOf(only) : unsupported('a tuple', spot)
    }
    case 'Array':
      return { kind: 'list', ...spot, items: childrenOf(node).map(expressionOf) }
    case 'Dict':
      return { kind: 'mapping', ...spot, entries: childrenOf(node).map(entryOf) }
    case 'LookupVal':
      return lookUpOf(node, spot)
    case 'Filter':
      return filterOf(node, spot)
    case 'FunCall':
      return callOf(node, spot)
    default:
      return conditionOf(node, type, spot)
  }
}

function conditionOf(node: Node, type: string, spot: Spot): Expression {
  const sides = () => ({ left: expressionOf(field(node, 'left')), right: expressionOf(field(node, 'right')) })
  switch (type) {
    case 'Neg':
      return { kind: 'negative', ...spot, of: expressionOf(field(node, 'target')) }
    case 'Not':
      return { kind: 'not', ...spot, of: expressionOf(field(node, 'target')) }
    case 'And':
    case 'Or':
      return { kind: type === 'And' ? 'and' : 'or', ...spot, ...sides() }
    case 'In':
      refuseMixed(node, ['Compare', 'In'], spot)
      return { kind: 'in', ...spot, ...sides() }
    case 'Is':
      return testOf(node, spot)
    case 'Compare':
      return comparisonOf(node, spot)
    case 'InlineIf':
      return {
        kind: 'if',
        ...spot,
        condition: expressionOf(field(node, 'cond')),
        whenTrue: expressionOf(field(node, 'body')),
        otherwise: isNode(field(node, 'else_')) ? expressionOf(field(node, 'else_')) : undefined,
      }
    default:
      return unsupported(type, spot)
  }
}

/** Jinja2 reads these from left to right at one level, the library at several. */
function refuseMixed(node: Node, types: readonly string[], spot: Spot): void {
  for (const side of [field(node, 'left'), field(node, 'right')]) {
    // the library's `not in` is a Not around an In
    const inner = isNode(side) && typeOf(side) === 'Not' ? field(side, 'target') : side
    if (isNode(inner) && types.includes(typeOf(inner)))
      unsupported('this order of comparisons without parentheses', spot)
  }
}

function testOf(node: Node, spot: Spot): Expression {
  const left = field(node, 'left')
  if (isNode(left) && (infixOf(typeOf(left)) || typeOf(left) === 'Compare'))
    unsupported('"is" after an operator without parentheses', spot)
  const test = testNamed(field(node, 'right'), spot)
  if (!isTest(test.name, test.args.length) || test.named.size > 0) unsupported(`the test ${test.name}`, spot)
  return { kind: 'test', ...spot, of: expressionOf(left), ...test }
}

function testNamed(right: unknown, spot: Spot): Call {
  if (!isNode(right)) return unsupported('"is"', spot)
  if (typeOf(right) === 'FunCall') return argumentsOf(right, spot, nameOf(field(right, 'name'), spot))
  // none, true and false are words of the language, and tests
  const value = typeOf(right) === 'Literal' ? field(right, 'value') : undefined
  const isWord = value === null || typeof value === 'boolean'
  const name = isWord ? String(value ?? 'none') : nameOf(right, spot)
  return { name, args: [], named: new Map() }
}

function comparisonOf(node: Node, spot: Spot): Expression {
  const ops = field(node, 'ops')
  if (!Array.isArray(ops)) return unsupported('this comparison', spot)
  return {
    kind: 'comparison',
    ...spot,
    first: expressionOf(field(node, 'expr')),
    rest: ops.map((op: unknown) => {
      const operator = isNode(op) ? field(op, 'type') : undefined
      if (!isComparison(operator)) return unsupported('this comparison', spot)
      return { operator, value: expressionOf(isNode(op) ? field(op, 'expr') : undefined) }
    }),
  }
}

function isComparison(value: unknown): value is '==' | '!=' | '<' | '>' | '<=' | '>=' {
  return typeof value === 'string' && ['==', '!=', '<', '>', '<=', '>='].includes(value)
}

function literal(node: Node, spot: Spot): Expression {
  const value = field(node, 'value')
  // a whole float keeps its kind by its token
  if (typeof value === 'object' && value !== null && 'float' in value)
    return { kind: 'float', ...spot, value: Number(value.float) }
  if (value === null || typeof value === 'string' || typeof value === 'boolean')
    return { kind: 'value', ...spot, value }
  if (typeof value !== 'number') return unsupported('this value', spot)
  return Number.isInteger(value) ? { kind: 'value', ...spot, value } : { kind: 'float', ...spot, value }
}

function entryOf(node: Node): [string, Expression] {
  const key = field(node, 'key')
  const name = isNode(key) && typeOf(key) === 'Literal' ? field(key, 'value') : undefined
  if (typeof name !== 'string') return unsupported('a key that is not a text in quotes', spotOf(node))
  return [name, expressionOf(field(node, 'value'))]
}

function lookUpOf(node: Node, spot: Spot): Expression {
  const at = field(node, 'val')
  const of = expressionOf(field(node, 'target'))
  if (!isNode(at)) return unsupported('[]', spot)
  // of `a.b` and `a['b']` the library makes the same, but for where the name stands
  const value = field(at, 'value')
  if (typeOf(at) === 'Literal' && typeof value === 'object' && value !== null && 'member' in value)
    return { kind: 'member', ...spot, of, name: String(value.member) }
  return { kind: 'item', ...spot, of, at: expressionOf(at) }
}

function filterOf(node: Node, spot: Spot): Expression {
  const list = field(node, 'args')
  const [of, ...args] = childrenOf(list)
  const name = field(field(node, 'name'), 'value')
  if (typeof name !== 'string' || !isFilter(name)) return unsupported(`the filter ${String(name)}`, spot)
  return {
    kind: 'filter',
    ...spot,
    of: expressionOf(of),
    ...argumentsOf({ args: { children: args } }, spot, name),
  }
}

function callOf(node: Node, spot: Spot): Expression {
  const callee = field(node, 'name')
  if (isNode(callee) && typeOf(callee) === 'Symbol')
    return { kind: 'call', ...spot, ...argumentsOf(node, spot, nameOf(callee, spot)) }
  const member = isNode(callee) && typeOf(callee) === 'LookupVal' ? lookUpOf(callee, spot) : undefined
  if (member?.kind !== 'member') return unsupported('this call', spot)
  return { kind: 'method', ...spot, of: member.of, ...argumentsOf(node, spot, member.name) }
}

function argumentsOf(node: Node, spot: Spot, name: string): Call {
  const args: Expression[] = []
  const named = new Map<string, Expression>()
  for (const arg of childrenOf(field(node, 'args'))) {
    if (typeOf(arg) !== 'KeywordArgs') args.push(expressionOf(arg))
    else
      for (const pair of childrenOf(arg))
        named.set(nameOf(field(pair, 'key'), spot), expressionOf(field(pair, 'value')))
  }
  return { name, args, named }
}

/** Operands and operators in the order of the text: the library's own order of precedence goes. */
function infixSequence(node: Node): Infix[] {
  const operator = infixOf(typeOf(node))
  if (!operator) return [{ operand: expressionOf(node) }]
  const sides = [field(node, 'left'), field(node, 'right')].map((side) =>
    isNode(side) ? infixSequence(side) : [],
  )
  return [...(sides[0] ?? []), { operator }, ...(sides[1] ?? [])]
}

function nameOf(node: unknown, spot: Spot): string {
  const name = isNode(node) && typeOf(node) === 'Symbol' ? field(node, 'value') : undefined
  if (typeof name !== 'string') return unsupported('something else than a name', spot)
  return words.has(name) ? unsupported(`${name} as a name`, spot) : name
}

const isNode = (node: unknown): node is Node => typeof node === 'object' && node !== null
const typeOf = (node: Node) => ('typename' in node ? String(node.typename) : '')

function field(node: unknown, name: string): unknown {
  return isNode(node) ? Reflect.get(node, name) : undefined
}

function childrenOf(node: unknown): Node[] {
  const children = field(node, 'children')
  return Array.isArray(children) ? children.filter(isNode) : []
}

function spotOf(node: Node): Spot {
  const [line, column] = [field(node, 'lineno'), field(node, 'colno')]
  return {
    line: typeof line === 'number' ? line + 1 : 1,
    column: typeof column === 'number' ? column + 1 : 1,
  }
}
