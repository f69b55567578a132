// What an expression of a template gives: Python's semantics, with nothing that reads a file or runs code.
import { applyFilter } from './template-filters.ts'
import { callMethod, applyTest, isIn, methodsOfMappings, rangeOf } from './template-tests.ts'
import { operate } from './template-arithmetic.ts'
import { type Call, type Expression, type Spot, TemplateProblem, unsupported } from './template-tree.ts'
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
  numberOf,
  textOf,
  undefinedFor,
  valueOf,
} from './template-values.ts'

/** What names and look-ups mean outside of the template. */
export interface Names {
  /** The value of a name, undefined where there is none. */
  value(name: string, spot: Spot): Given | undefined
  /** `lookup('env', name)`. */
  environment(name: string, fallback: string | undefined, spot: Spot): string
}

/** The place in a template that an expression stands in. */
export interface Surroundings {
  names: Names
  /** What the template itself has given a name, by `set` or `for`; undefined where it has not. */
  local(name: string): Given | undefined
  /** Counts one step. Throws `TemplateProblem` where there were too many. */
  step(spot: Spot): void
}

/** Works out the expressions of one template. */
export class Evaluation {
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  /** What an expression gives, and never what is undefined. Throws `TemplateProblem`. */
  value(expression: Expression): Value {
    return valueOf(this.given(expression))
  }

  /** What an expression gives. Throws `TemplateProblem`. */
  given(expression: Expression): Given {
    this.#around.step(expression)
    switch (expression.kind) {
      case 'value':
        return expression.value
      case 'float':
        return new Float(expression.value)
      case 'name':
        return this.#named(expression.name, expression)
      case 'list':
        return expression.items.map((item) => this.value(item))
      case 'mapping':
        return new Map(expression.entries.map(([key, value]) => [key, this.value(value)]))
      case 'member':
      case 'item':
        return this.#inner(expression)
      case 'filter':
        return applyFilter(expression.name, {
          ...this.#arguments(expression),
          of: this.given(expression.of),
          spot: expression,
        })
      case 'test':
        return applyTest(
          expression.name,
          this.given(expression.of),
          this.#arguments(expression).args,
          expression,
        )
      case 'method':
        return callMethod(
          this.value(expression.of),
          expression.name,
          this.#arguments(expression).args,
          expression,
        )
      case 'call':
        return this.#called(expression)
      default:
        return this.#computed(expression)
    }
  }

  #computed(expression: Expression): Given {
    switch (expression.kind) {
      case 'not':
        return !isTrue(this.value(expression.of))
      case 'and':
      case 'or': {
        const left = this.given(expression.left)
        return isTrue(valueOf(left)) === (expression.kind === 'or') ? left : this.given(expression.right)
      }
      case 'if':
        if (isTrue(this.value(expression.condition))) return this.given(expression.whenTrue)
        return expression.otherwise ? this.given(expression.otherwise) : withoutElse(expression)
      case 'in':
        return isIn(this.value(expression.left), this.value(expression.right), expression)
      case 'negative': {
        const value = this.value(expression.of)
        const number = numberOf(value)
        if (number === undefined) throw new TemplateProblem('only a number has a negative', expression)
        return value instanceof Float ? new Float(-number) : 0 - number
      }
      case 'operation':
        return operate(
          expression.operator,
          this.value(expression.left),
          this.value(expression.right),
          expression,
        )
      case 'comparison':
        return this.#compared(expression)
      default:
        return unsupported('this', expression)
    }
  }

  #compared({ first, rest }: Expression & { kind: 'comparison' }): boolean {
    let left = this.value(first)
    for (const { operator, value } of rest) {
      const right = this.value(value)
      if (!holds(operator, left, right, value)) return false
      left = right
    }
    return true
  }

  #named(name: string, spot: Spot): Given {
    const { names } = this.#around
    return this.#around.local(name) ?? names.value(name, spot) ?? undefinedFor(`${name} is not defined`, spot)
  }

  #inner(expression: Expression & { kind: 'member' | 'item' }): Given {
    const of = this.given(expression.of)
    // as in Ansible, what is within nothing is the same nothing
    if (of instanceof Undefined) return of
    const value = valueOf(of)
    const at = expression.kind === 'member' ? expression.name : this.value(expression.at)
    if (isMapping(value) && typeof at === 'string') {
      if (expression.kind === 'member' && (methodsOfMappings.has(at) || at.startsWith('__')))
        return unsupported(`.${at} (write ['${at}'] for the key)`, expression)
      const inner = value.get(at)
      if (inner !== undefined) return inner
      return methodsOfMappings.has(at) || at.startsWith('__')
        ? unsupported(`['${at}']`, expression)
        : undefinedFor(`there is no key ${at}`, expression)
    }
    if (isList(value) && typeof at === 'number') {
      const inner = value.at(at)
      return inner === undefined ? undefinedFor(`there is no item ${at}`, expression) : inner
    }
    return unsupported('this look-up', expression)
  }

  #arguments({ args, named }: Call): { args: Given[]; named: Map<string, Given> } {
    return {
      args: args.map((arg) => this.given(arg)),
      named: new Map([...named].map(([name, arg]) => [name, this.given(arg)])),
    }
  }

  #called(call: Expression & { kind: 'call' }): Given {
    const { args, named } = this.#arguments(call)
    const [what, name, ...more] = args.map(valueOf)
    if (call.name === 'range' && named.size === 0) return rangeOf(args, call)
    if (call.name !== 'lookup') return unsupported(`the function ${call.name}()`, call)
    if (what !== 'env' && what !== 'ansible.builtin.env') return unsupported('any look-up but env', call)
    const fallback = named.get('default')
    if (typeof name !== 'string' || more.length > 0 || named.size > (fallback === undefined ? 0 : 1))
      return unsupported("any other form than lookup('env', 'NAME', default='…')", call)
    return this.#around.names.environment(
      name,
      fallback === undefined ? undefined : textOf(valueOf(fallback), call),
      call,
    )
  }
}

/** To all but `default`, `is defined` and printing, this is not what Jinja2 makes of it. */
function withoutElse(spot: Spot): Undefined {
  const message = 'this has no value: the condition is false, and there is no else'
  return new Undefined(new TemplateProblem(message, spot, true, true), true)
}

function holds(operator: string, left: Value, right: Value, spot: Spot): boolean {
  if (operator === '==') return areEqual(left, right)
  if (operator === '!=') return !areEqual(left, right)
  const order = compare(left, right, spot)
  if (operator === '<') return order < 0
  if (operator === '>') return order > 0
  return operator === '<=' ? order <= 0 : order >= 0
}
