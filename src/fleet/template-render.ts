// Renders a parsed template: Python's semantics over our tree, with bounds. Nothing in here reads a file or runs code.
import { applyFilter } from './template-filters.ts'
import { callMethod, applyTest, isIn, methodsOfMappings, rangeOf } from './template-tests.ts'
import { operate } from './template-arithmetic.ts'
import { itemsOf } from './template-filters.ts'
import {
  type Call,
  type Expression,
  type Spot,
  type Statement,
  type Template,
  TemplateProblem,
  unsupported,
} from './template-tree.ts'
import {
  Float,
  type Given,
  KeptText,
  Undefined,
  type Value,
  areEqual,
  compare,
  isList,
  isMapping,
  isTrue,
  maxText,
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

/** Steps of one rendering: enough for any configuration, and over in a moment. */
const maxSteps = 200_000

/** What a template gives: its parts, of which none is joined yet. Throws `TemplateProblem`. */
export function renderParts(template: Template, names: Names): (Value | KeptText)[] {
  try {
    return new Rendering(names).parts(template.body)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return unsupported('so much within each other', { line: 1, column: 1 })
  }
}

/** The parts as one text: a `none` that stands alone prints nothing, as in Ansible. */
export function joined(parts: readonly (Value | KeptText)[]): string {
  const start = { line: 1, column: 1 }
  const text = parts
    .map((part) => (part === null ? '' : part instanceof KeptText ? part.text : textOf(part, start)))
    .join('')
  return text.length > maxText ? unsupported(`a result of more than ${maxText} characters`, start) : text
}

type Scope = Map<string, Given>

/** One rendering of one template. */
class Rendering {
  readonly #names: Names
  readonly #scopes: Scope[] = [new Map()]
  readonly #parts: (Value | KeptText)[] = []
  #steps = 0
  #size = 0

  constructor(names: Names) {
    this.#names = names
  }

  parts(body: readonly Statement[]): (Value | KeptText)[] {
    this.#run(body)
    return this.#parts
  }

  #run(body: readonly Statement[]): void {
    for (const statement of body) {
      this.#step(statement)
      if (statement.kind === 'text') this.#emit(statement.text, statement)
      else if (statement.kind === 'output') this.#output(statement)
      else if (statement.kind === 'set')
        this.#scopes.at(-1)?.set(statement.name, this.#given(statement.value))
      else if (statement.kind === 'if')
        this.#run(isTrue(this.#value(statement.condition)) ? statement.whenTrue : statement.otherwise)
      else this.#loop(statement)
    }
  }

  #output({ value, ...spot }: Statement & { kind: 'output' }): void {
    const given = this.#given(value)
    if (given instanceof Undefined && given.printsNothing) return this.#emit('', spot)
    this.#emit(given instanceof KeptText ? given : valueOf(given), spot)
  }

  #emit(part: Value | KeptText, spot: Spot): void {
    this.#size += part instanceof KeptText ? part.text.length : textOf(part, spot).length
    if (this.#size > maxText) unsupported(`a result of more than ${maxText} characters`, spot)
    this.#parts.push(part)
  }

  #loop(loop: Statement & { kind: 'for' }): void {
    const { where } = loop
    const all = itemsOf(this.#value(loop.over), loop)
    const items = where
      ? all.filter((item) => this.#within(loop, item, () => isTrue(this.#value(where))))
      : all
    for (const [index, item] of items.entries()) {
      this.#step(loop)
      this.#within(loop, item, (scope) => {
        scope.set('loop', loopState(index, items.length))
        this.#run(loop.body)
      })
    }
    if (items.length > 0) return
    this.#scopes.push(new Map())
    this.#run(loop.otherwise)
    this.#scopes.pop()
  }

  /** Does `work` in a scope with the loop's variables. */
  #within<T>(loop: Statement & { kind: 'for' }, item: Value, work: (scope: Scope) => T): T {
    const scope: Scope = new Map()
    this.#bind(loop, item, scope)
    this.#scopes.push(scope)
    const result = work(scope)
    this.#scopes.pop()
    return result
  }

  #bind({ names, ...spot }: Statement & { kind: 'for' }, item: Value, scope: Scope): void {
    const [first, second] = names
    if (first !== undefined && second === undefined) return void scope.set(first, item)
    const pair = itemsOf(item, spot)
    const [one, other, ...more] = pair
    if (
      first === undefined ||
      second === undefined ||
      one === undefined ||
      other === undefined ||
      more.length > 0
    )
      throw new TemplateProblem(
        `${names.length} variables take as many items, and here are ${pair.length}`,
        spot,
      )
    scope.set(first, one)
    scope.set(second, other)
  }

  #step(spot: Spot): void {
    if (++this.#steps > maxSteps) unsupported(`more than ${maxSteps} steps`, spot)
  }

  #value(expression: Expression): Value {
    return valueOf(this.#given(expression))
  }

  #given(expression: Expression): Given {
    this.#step(expression)
    switch (expression.kind) {
      case 'value':
        return expression.value
      case 'float':
        return new Float(expression.value)
      case 'name':
        return this.#named(expression.name, expression)
      case 'list':
        return expression.items.map((item) => this.#value(item))
      case 'mapping':
        return new Map(expression.entries.map(([key, value]) => [key, this.#value(value)]))
      case 'member':
      case 'item':
        return this.#inner(expression)
      case 'filter':
        return applyFilter(expression.name, {
          ...this.#arguments(expression),
          of: this.#given(expression.of),
          spot: expression,
        })
      case 'test':
        return applyTest(
          expression.name,
          this.#given(expression.of),
          this.#arguments(expression).args,
          expression,
        )
      case 'method':
        return callMethod(
          this.#value(expression.of),
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
        return !isTrue(this.#value(expression.of))
      case 'and':
      case 'or': {
        const left = this.#given(expression.left)
        return isTrue(valueOf(left)) === (expression.kind === 'or') ? left : this.#given(expression.right)
      }
      case 'if':
        if (isTrue(this.#value(expression.condition))) return this.#given(expression.whenTrue)
        return expression.otherwise ? this.#given(expression.otherwise) : withoutElse(expression)
      case 'in':
        return isIn(this.#value(expression.left), this.#value(expression.right), expression)
      case 'negative': {
        const value = this.#value(expression.of)
        const number = numberOf(value)
        if (number === undefined) throw new TemplateProblem('only a number has a negative', expression)
        return value instanceof Float ? new Float(-number) : 0 - number
      }
      case 'operation':
        return operate(
          expression.operator,
          this.#value(expression.left),
          this.#value(expression.right),
          expression,
        )
      case 'comparison':
        return this.#compared(expression)
      default:
        return unsupported('this', expression)
    }
  }

  #compared({ first, rest }: Expression & { kind: 'comparison' }): boolean {
    let left = this.#value(first)
    for (const { operator, value } of rest) {
      const right = this.#value(value)
      if (!holds(operator, left, right, value)) return false
      left = right
    }
    return true
  }

  #named(name: string, spot: Spot): Given {
    for (let index = this.#scopes.length - 1; index >= 0; index--) {
      const given = this.#scopes[index]?.get(name)
      if (given !== undefined) return given
    }
    return this.#names.value(name, spot) ?? undefinedFor(`${name} is not defined`, spot)
  }

  #inner(expression: Expression & { kind: 'member' | 'item' }): Given {
    const of = this.#given(expression.of)
    // as in Ansible, what is within nothing is the same nothing
    if (of instanceof Undefined) return of
    const value = valueOf(of)
    const at = expression.kind === 'member' ? expression.name : this.#value(expression.at)
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
      args: args.map((arg) => this.#given(arg)),
      named: new Map([...named].map(([name, arg]) => [name, this.#given(arg)])),
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
    return this.#names.environment(
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

function loopState(index: number, length: number): Value {
  return new Map<string, Value>([
    ['index', index + 1],
    ['index0', index],
    ['revindex', length - index],
    ['revindex0', length - index - 1],
    ['first', index === 0],
    ['last', index === length - 1],
    ['length', length],
  ])
}

function holds(operator: string, left: Value, right: Value, spot: Spot): boolean {
  if (operator === '==') return areEqual(left, right)
  if (operator === '!=') return !areEqual(left, right)
  const order = compare(left, right, spot)
  if (operator === '<') return order < 0
  if (operator === '>') return order > 0
  return operator === '<=' ? order <= 0 : order >= 0
}
