// The syntax of libconfig, in which most sw-descriptions are written by hand.
import { damaged } from '../archive/byte-reader.ts'

const maxDepth = 32
const token =
  /(?:\s|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*(?:("(?:[^"\\]|\\.)*")|([A-Za-z*][-A-Za-z0-9_*.]*)|([-+]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)L{0,2})|([{}()[\],;:=])|$)/y

/**
 * Parses libconfig text: a group as an object, an array or list as an array. Throws `artifact-damaged` for everything that
 * isn't in the language, a name that stands twice, and `@include`, which would name a file of the device.
 */
export function parseLibconfig(content: Uint8Array, place: string): unknown {
  return new Parser(decoded(content, place), place).file()
}

class Parser {
  readonly #text: string
  readonly #place: string
  #at = 0
  #kind: 'string' | 'name' | 'number' | 'mark' | 'end' = 'end'
  #value = ''

  constructor(text: string, place: string) {
    this.#text = text
    this.#place = place
    this.#advance()
  }

  file(): unknown {
    return this.#settings('', 0)
  }

  #advance(): void {
    token.lastIndex = this.#at
    const match = token.exec(this.#text)
    if (match === null) throw this.#damaged('it can’t be read as libconfig')
    this.#at = token.lastIndex
    const [, string, name, number, mark] = match
    this.#value = string ?? name ?? number ?? mark ?? ''
    this.#kind =
      string !== undefined
        ? 'string'
        : name !== undefined
          ? 'name'
          : number !== undefined
            ? 'number'
            : mark !== undefined
              ? 'mark'
              : 'end'
    if (this.#kind === 'end' && this.#at !== this.#text.length)
      throw this.#damaged('it can’t be read as libconfig')
  }

  /** Takes a mark where it stands there. */
  #takes(...marks: string[]): boolean {
    if (this.#kind !== 'mark' || !marks.includes(this.#value)) return false
    this.#advance()
    return true
  }

  #settings(end: '}' | '', depth: number): Record<string, unknown> {
    const group = new Map<string, unknown>()
    for (;;) {
      if (end === '' ? this.#kind === 'end' : this.#takes(end)) return Object.fromEntries(group)
      if (this.#kind !== 'name') throw this.#damaged('a name is missing')
      const name = this.#value
      if (group.has(name)) throw this.#damaged(`${name} stands twice`)
      this.#advance()
      if (!this.#takes('=', ':')) throw this.#damaged(`${name} has no value`)
      group.set(name, this.#any(depth + 1))
      if (!this.#takes(';')) this.#takes(',')
    }
  }

  #any(depth: number): unknown {
    if (depth > maxDepth) throw this.#damaged('it is nested too deep')
    if (this.#takes('{')) return this.#settings('}', depth)
    if (this.#takes('(')) return this.#list(')', depth)
    if (this.#takes('[')) return this.#list(']', depth)
    return this.#scalar()
  }

  #list(end: ')' | ']', depth: number): unknown[] {
    const items: unknown[] = []
    while (!this.#takes(end)) {
      items.push(this.#any(depth + 1))
      if (this.#takes(',')) continue
      if (!this.#takes(end)) throw this.#damaged('a list doesn’t end')
      break
    }
    return items
  }

  #scalar(): unknown {
    const [kind, value] = [this.#kind, this.#value]
    this.#advance()
    if (kind === 'number') return Number(value.replace(/L+$/, ''))
    if (kind === 'name' && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
    if (kind !== 'string') throw this.#damaged('a value is missing')
    let text = unescaped(value)
    // strings that follow one another are one
    for (; this.#kind === 'string'; this.#advance()) text += unescaped(this.#value)
    return text
  }

  #damaged(why: string) {
    const line = this.#text.slice(0, this.#at).split('\n').length
    return damaged(this.#place, this.#at, `${why} (line ${line})`)
  }
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  a: '\u0007',
  b: '\b',
}

function unescaped(literal: string): string {
  return literal
    .slice(1, -1)
    .replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_all, code: string) =>
      code.length === 3 ? String.fromCharCode(parseInt(code.slice(1), 16)) : (escapes[code] ?? code),
    )
}

function decoded(content: Uint8Array, place: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch (error) {
    throw damaged(place, 0, 'it is not UTF-8', error)
  }
}
