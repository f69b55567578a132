// Random templates: expressions of all kinds within statements, with white space and its control anywhere.
import { Chance } from '../support/chance.ts'

/** One template for each seed, the same every time. */
export function randomTemplate(seed: number): string {
  return new Writer(seed).statement(2)
}

const atoms =
  `n name empty none yes no half list map bare nothing mixed text other 1 2 0 -3 1.5 2.0 "a" "5" true False None [1,2] [] {"k":1} {} missing map.a map.deep list[0] mixed[6].k map["b"] unicode inner ofMap`.split(
    ' ',
  )
const filters =
  `default("d") default("d",true) upper lower trim string length first last list int int(3) join join(",") replace("a","z") unique bool to_json b64encode ternary("t",4) combine({"z":9}) mandatory to_json(sort_keys=true) dict2items count combine(other,recursive=true)`.split(
    ' ',
  )
const tests =
  `defined undefined none string number mapping iterable sequence boolean integer true false odd even divisibleby(2) eq(1) in([1,"a"]) truthy falsy ne(n) lt(3) gt(1)`.split(
    ' ',
  )
const operators = [
  '+',
  '-',
  '*',
  '/',
  '//',
  '%',
  '~',
  '==',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  'and',
  'or',
  'in',
  'not in',
]
const spaces = ['', '', ' ', '\n', '  \n ', 'x', 'x\n', '\n\n']
const loops = ['list', 'map', 'mixed', '"abc"', 'nothing', 'range(3)', '[[1, 2], 3]']

class Writer {
  readonly #chance: Chance

  constructor(seed: number) {
    this.#chance = new Chance(seed)
  }

  statement(depth: number): string {
    const inner = () => this.statement(depth - 1)
    const tag = (text: string) => `{%${this.#dash()} ${text} ${this.#dash()}%}`
    const output = () =>
      `${this.#space()}{{${this.#dash()} ${this.#expression(2)} ${this.#dash()}}}${this.#space()}`
    const forms = [
      output,
      () =>
        `${this.#space()}${tag(`if ${this.#expression(1)}`)}${inner()}${tag('else')}${inner()}${tag('endif')}`,
      () =>
        `${tag(`for i in ${this.#pick(loops)}`)}${this.#space()}{{ i }}{{ loop.index }}${inner()}${tag('endfor')}`,
      () => `${tag(`set x = ${this.#expression(1)}`)}${this.#space()}{{ x }}${inner()}`,
      () => `${this.#space()}{#${this.#dash()} c ${this.#dash()}#}${this.#space()}${inner()}`,
      () => inner() + inner(),
    ]
    return depth <= 0 ? output() : this.#pick(forms)()
  }

  #expression(depth: number): string {
    const inner = () => this.#expression(depth - 1)
    const forms = [
      () => this.#pick(atoms),
      () => `${inner()} | ${this.#pick(filters)}`,
      () => `${inner()} is ${this.#pick(['', 'not '])}${this.#pick(tests)}`,
      () => `${inner()} ${this.#pick(operators)} ${inner()}`,
      () => `${inner()} ${this.#pick(operators)} ${inner()}`,
      () => `(${inner()})`,
      () => `not ${inner()}`,
      () => `${inner()} if ${inner()} else ${inner()}`,
      () => `[${inner()}, ${inner()}]`,
    ]
    return depth <= 0 ? this.#pick(atoms) : this.#pick(forms)()
  }

  #dash(): string {
    return this.#chance.is(25) ? '-' : ''
  }

  #space(): string {
    return this.#pick(spaces)
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[this.#chance.below(items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }
}
