// Renders a parsed template: Python's semantics over our tree, with bounds. Nothing in here reads a file or runs code.
import { Evaluation, type Names } from './template-evaluate.ts'
import { itemsOf } from './template-filters.ts'
import { type Spot, type Statement, type Template, TemplateProblem, unsupported } from './template-tree.ts'
import {
  type Given,
  KeptText,
  Undefined,
  type Value,
  isTrue,
  maxText,
  textOf,
  valueOf,
} from './template-values.ts'

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
  readonly #evaluation: Evaluation
  readonly #scopes: Scope[] = [new Map()]
  readonly #parts: (Value | KeptText)[] = []
  #steps = 0
  #size = 0

  constructor(names: Names) {
    this.#evaluation = new Evaluation({
      names,
      local: (name) => this.#local(name),
      step: (spot) => this.#step(spot),
    })
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
        this.#scopes.at(-1)?.set(statement.name, this.#evaluation.given(statement.value))
      else if (statement.kind === 'if')
        this.#run(
          isTrue(this.#evaluation.value(statement.condition)) ? statement.whenTrue : statement.otherwise,
        )
      else this.#loop(statement)
    }
  }

  #output({ value, ...spot }: Statement & { kind: 'output' }): void {
    const given = this.#evaluation.given(value)
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
    const all = itemsOf(this.#evaluation.value(loop.over), loop)
    const items = where
      ? all.filter((item) => this.#within(loop, item, () => isTrue(this.#evaluation.value(where))))
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

  #local(name: string): Given | undefined {
    for (let index = this.#scopes.length - 1; index >= 0; index--) {
      const given = this.#scopes[index]?.get(name)
      if (given !== undefined) return given
    }
    return undefined
  }

  #step(spot: Spot): void {
    if (++this.#steps > maxSteps) unsupported(`more than ${maxSteps} steps`, spot)
  }
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
